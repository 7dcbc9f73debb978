//! The steps forward.

use super::pack::{turned_weight, whole_words};
use super::product::{LstmElement, Product};
use super::units::{Apart, ForwardRows, forward_rows};
use super::{GATES, LstmShape, LstmState, LstmWeights, UNITS, copy_row};
use crate::Element;
use crate::arch::prefetch;
use crate::memory::Buffer;
use crate::panels::Target;
use crate::threads::parallel_for_scratch;

/// Rows of the input that are multiplied at a time, about: the products of as many steps as it takes come together.
const INPUT_ROWS: usize = 32;

/// What [`forward`] computes, all overwritten.
#[derive(Debug)]
pub struct LstmForward<'a, S: LstmElement> {
    /// `[steps, batch, hidden]`
    pub output: &'a mut [S],
    /// The last cell, `[batch, hidden]`.
    pub last_cell: &'a mut [S::Sum],
    /// The cells, as many values as of the output in an order of their own.
    pub cells: &'a mut [S::Sum],
    /// The gates, [`LstmShape::gates_len`] values in an order of their own.
    pub gates: &'a mut [S::Sum],
}

/// `[i, f, g, o] = W_input x + b + W_hidden h + b`, then `c = sigmoid(f) c + sigmoid(i) tanh(g)` and
/// `h = sigmoid(o) tanh(c)`, for the input `x` `[steps, batch, input]`. Of bf16, the weights are rounded for the products, and
/// so is `h`; all else is in `f32`.
///
/// # Panics
/// If a length does not fit.
pub fn forward<S: LstmElement>(
    s: &LstmShape,
    x: &[S],
    first: LstmState<'_, S>,
    weights: &LstmWeights<'_, S::Sum>,
    result: LstmForward<'_, S>,
) {
    weights.check(s);
    first.check(s);
    assert_eq!(x.len(), s.steps * s.batch * s.input, "lstm: length of the input");
    let LstmForward { output, last_cell, cells, gates } = result;
    assert!(output.len() == s.output_len() && cells.len() == output.len(), "lstm: length of the output");
    assert!(gates.len() == s.gates_len() && last_cell.len() == first.cell.len(), "lstm: length of gates or last cell");
    let (x, padded) = (whole_words(x, s.input), s.hidden.next_multiple_of(S::PAIR));
    let ahead = INPUT_ROWS.div_ceil(s.batch).min(s.steps);
    let (from_input, from_hidden) =
        (turned_weight::<S>(s, weights.input, s.input), turned_weight::<S>(s, weights.hidden, s.hidden));
    let bias = summed_bias(s, weights.biases);
    // The last output and the one that is computed, in turns.
    let mut state = Buffer::zeroed(2 * s.batch * padded * size_of::<S>());
    let state = state.as_mut_slice::<S>();
    for (to, from) in state.chunks_exact_mut(padded).zip(first.output.chunks_exact(s.hidden)) {
        to[..s.hidden].copy_from_slice(from);
    }
    let mut sums = Buffer::uninit(ahead * s.batch * GATES * s.hidden * size_of::<S::Sum>());
    let pass = Pass {
        s,
        x: x.get(),
        first_cell: first.cell,
        from_input: from_input.as_slice(),
        from_hidden: from_hidden.as_slice(),
        bias: bias.as_slice(),
        ahead,
        sums: Target::new(sums.as_mut_slice()),
        state: Target::new(state),
        output: Target::new(output),
        cells: Target::new(cells),
        gates: Target::new(gates),
    };
    for step in 0..s.steps {
        parallel_for_scratch(s.blocks(), s.batch * UNITS, &|block, scratch: &mut [S]| {
            pass.run(step, block, scratch);
        });
    }
    let last = s.time(s.steps - 1);
    for block in 0..s.blocks() {
        let units = s.units(block);
        let cells = &cells[s.cells_at(block, last)..][..s.batch * units.len()];
        for (row, cells) in last_cell.chunks_exact_mut(s.hidden).zip(cells.chunks_exact(units.len())) {
            row[units.clone()].copy_from_slice(cells);
        }
    }
}

impl LstmShape {
    /// Where the cells of a block at place `time` begin; its gates begin at four times that.
    pub(super) fn cells_at(&self, block: usize, time: usize) -> usize {
        let units = self.units(block);
        self.batch * (self.steps * units.start + time * units.len())
    }
}

/// The sum of the biases, in the order of blocks.
fn summed_bias<T: Element>(s: &LstmShape, biases: Option<[&[T]; 2]>) -> Buffer {
    let mut sum = Buffer::zeroed(GATES * s.hidden * size_of::<T>());
    if let Some([a, b]) = biases {
        for (k, sum) in sum.as_mut_slice::<T>().iter_mut().enumerate() {
            *sum = a[s.usual(k)] + b[s.usual(k)];
        }
    }
    sum
}

/// The memory of a pass.
struct Pass<'a, S: LstmElement> {
    s: &'a LstmShape,
    /// Rows of whole words.
    x: &'a [S],
    first_cell: &'a [S::Sum],
    /// The weights, turned.
    from_input: &'a [S],
    from_hidden: &'a [S],
    /// In the order of blocks.
    bias: &'a [S::Sum],
    /// Steps whose input is multiplied together.
    ahead: usize,
    /// For each block `[ahead batch, 4 units]`.
    sums: Target<S::Sum>,
    /// `[2, batch, hidden]` in rows of whole words.
    state: Target<S>,
    output: Target<S>,
    cells: Target<S::Sum>,
    gates: Target<S::Sum>,
}

impl<S: LstmElement> Pass<'_, S> {
    /// A block at a step.
    fn run(&self, step: usize, block: usize, scratch: &mut [S]) {
        let (s, units, time) = (self.s, self.s.units(block), self.s.time(step));
        let (count, cells_at) = (units.len(), s.cells_at(block, time));
        let rows = s.batch * count;
        // It comes while the products are computed.
        prefetch(self.gates.at(GATES * cells_at), GATES * rows);
        let sums = self.sums(step, block);
        let from_before = if step == 0 {
            Apart { data: &self.first_cell[units.start..], row: s.hidden }
        } else {
            // SAFETY: the cells of the step before, which nobody writes now.
            let data = unsafe {
                std::slice::from_raw_parts(self.cells.at(s.cells_at(block, s.time(step - 1))).cast_const(), rows)
            };
            Apart { data, row: count }
        };
        // SAFETY: cells and gates of a block at a step are places of their own inside the buffers, whose lengths `forward`
        // checked; every block is run once at a step.
        let (cells, gates) = unsafe {
            (
                std::slice::from_raw_parts_mut(self.cells.at(cells_at), rows),
                std::slice::from_raw_parts_mut(self.gates.at(GATES * cells_at), GATES * rows),
            )
        };
        let new = &mut scratch[..rows];
        forward_rows(ForwardRows { sums, old_cells: from_before, gates, cells, output: &mut *new }, count);
        let padded = s.hidden.next_multiple_of(S::PAIR);
        for (row, new) in new.chunks_exact(count).enumerate() {
            let to_state = ((step + 1) % 2 * s.batch + row) * padded + units.start;
            let to_output = (time * s.batch + row) * s.hidden + units.start;
            // SAFETY: the units of a block are its own, in the half of the states that nobody reads now, and in the output.
            let (state, output) = unsafe {
                (
                    std::slice::from_raw_parts_mut(self.state.at(to_state), count),
                    std::slice::from_raw_parts_mut(self.output.at(to_output), count),
                )
            };
            copy_row(new, state);
            copy_row(new, output);
        }
    }

    /// What is behind the gates of a block at a step.
    fn sums(&self, step: usize, block: usize) -> &[S::Sum] {
        let (s, units, time) = (self.s, self.s.units(block), self.s.time(step));
        let (columns, padded) = (GATES * units.len(), s.hidden.next_multiple_of(S::PAIR));
        let first = step - step % self.ahead;
        let steps = self.ahead.min(s.steps - first);
        let lowest = s.time(first).min(s.time(first + steps - 1));
        // SAFETY: the sums of a block are its own; every block is run once at a step.
        let all = unsafe {
            let at = self.ahead * s.batch * GATES * units.start;
            std::slice::from_raw_parts_mut(self.sums.at(at), steps * s.batch * columns)
        };
        if step == first {
            let bias = &self.bias[GATES * units.start..][..columns];
            all.chunks_exact_mut(columns).for_each(|row| row.copy_from_slice(bias));
            let depth = s.input.div_ceil(S::PAIR);
            let product = Product {
                a: &self.x[lowest * s.batch * depth * S::PAIR..],
                rows: steps * s.batch,
                row: depth,
                step: 1,
                segment: 0,
                segments: 1,
                depth,
                b: &self.from_input[GATES * units.start * depth * S::PAIR..][..columns * depth * S::PAIR],
                b_segment: 0,
                columns,
            };
            product.run(all, true);
        }
        let sums = &mut all[(time - lowest) * s.batch * columns..][..s.batch * columns];
        let half = s.batch * padded;
        // SAFETY: this half of the states is inside the buffer, and nobody writes it at this step.
        let state = unsafe { std::slice::from_raw_parts(self.state.at(step % 2 * half).cast_const(), half) };
        let depth = padded / S::PAIR;
        let product = Product {
            a: state,
            rows: s.batch,
            row: depth,
            step: 1,
            segment: 0,
            segments: 1,
            depth,
            b: &self.from_hidden[GATES * units.start * padded..][..columns * padded],
            b_segment: 0,
            columns,
        };
        product.run(sums, true);
        sums
    }
}
