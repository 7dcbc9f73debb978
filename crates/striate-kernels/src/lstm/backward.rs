//! The steps back.

use super::pack::{pair_rows, weight_panels};
use super::product::{LstmElement, Product};
use super::units::{Apart, BackwardRows, backward_rows};
use super::{GATES, LstmGradients, LstmShape, LstmWeights, UNITS};
use crate::Element;
use crate::arch::prefetch;
use crate::panels::Target;
use crate::threads::parallel_for_scratch;

/// Units one chunk of a step works on.
pub(super) const BACKWARD_UNITS: usize = 2 * UNITS;

/// What a forward pass has left, and the gradients that come in.
#[derive(Clone, Copy, Debug)]
pub struct LstmSaved<'a, S: LstmElement> {
    /// The cells of [`forward`](super::forward).
    pub cells: &'a [S::Sum],
    /// The gates of [`forward`](super::forward).
    pub gates: &'a [S::Sum],
    /// The gradient of the output, `[steps, batch, hidden]`.
    pub grad_output: &'a [S],
    /// The gradient of the last cell, `[batch, hidden]`.
    pub grad_cell: &'a [S],
}

/// Goes back through the steps of [`forward`](super::forward). Of bf16, the gradients of the gates are rounded for the
/// products.
///
/// # Panics
/// If a length does not fit.
pub fn backward<S: LstmElement>(
    s: &LstmShape,
    first_cell: &[S::Sum],
    weights: &LstmWeights<'_, S::Sum>,
    saved: &LstmSaved<'_, S>,
) -> LstmGradients<S> {
    weights.check(s);
    let state = s.batch * s.hidden;
    let lengths = [saved.cells.len(), saved.grad_output.len()];
    assert_eq!(lengths, [s.output_len(); 2], "lstm: length of the cells or of the output's gradient");
    assert_eq!(saved.gates.len(), s.gates_len(), "lstm: length of the gates");
    assert!(first_cell.len() == state && saved.grad_cell.len() == state, "lstm: length of a cell or its gradient");
    let packed = weight_panels::<S>(s, weights.hidden, s.hidden, BACKWARD_UNITS);
    let mut back = LstmGradients::<S>::new(s);
    s.for_each_cell(|at, usual| back.cell.as_mut_slice::<S::Sum>()[at] = saved.grad_cell[usual].widen());
    let LstmGradients { gates, steps, cell, bias, .. } = &mut back;
    let pass = Pass {
        s,
        saved,
        first_cell,
        weights: packed.as_slice(),
        grad_gates: Target::new(gates.as_mut_slice()),
        steps: Target::new(steps.as_mut_slice()),
        carried: Target::new(cell.as_mut_slice()),
        bias: Target::new(bias.as_mut_slice()),
    };
    for step in (0..s.steps).rev() {
        let chunks = s.hidden.div_ceil(BACKWARD_UNITS);
        parallel_for_scratch(chunks, s.batch * BACKWARD_UNITS, &|chunk, scratch: &mut [S::Sum]| {
            pass.run(step, chunk, scratch);
        });
    }
    back
}

impl LstmShape {
    /// Calls `visit(in blocks, usual)` with the places of a cell in both orders.
    pub(super) fn for_each_cell(&self, mut visit: impl FnMut(usize, usize)) {
        for block in 0..self.blocks() {
            let units = self.units(block);
            for (row, unit) in (0..self.batch).flat_map(|row| units.clone().map(move |unit| (row, unit))) {
                let at = self.batch * units.start + row * units.len() + unit - units.start;
                visit(at, row * self.hidden + unit);
            }
        }
    }

    /// Rows of gradients of gates that are kept for a step: of bf16, an even number.
    pub(super) fn kept_rows<S: LstmElement>(&self) -> usize {
        self.batch.next_multiple_of(S::PAIR)
    }

    /// Where the kept gradients of the gates of a block at place `time` begin: all blocks of a place lie together.
    pub(super) fn kept_at<S: LstmElement>(&self, block: usize, time: usize) -> usize {
        GATES * self.kept_rows::<S>() * (time * self.hidden + block * UNITS)
    }

    /// Where the rows of gradients of the gates at a step begin: at the kept ones, but for bf16, which keeps words of
    /// neighbouring rows, in memory of their own for every second step.
    pub(super) fn rows_at<S: LstmElement>(&self, step: usize) -> usize {
        match S::PAIR {
            1 => self.kept_at::<S>(0, self.time(step)),
            _ => step % 2 * GATES * self.batch * self.hidden,
        }
    }
}

/// The rows of gradients of gates `[blocks, batch, 4 units]` of a step times a panel of weights.
pub(super) fn multiply_gates<S: LstmElement>(s: &LstmShape, rows: &[S], panel: &[S], product: &mut [S::Sum]) {
    let columns = panel.len() / (GATES * s.hidden);
    let whole = s.hidden / UNITS;
    for (first, segments, units) in [(0, whole, UNITS), (whole, 1, s.hidden % UNITS)] {
        if segments * units == 0 {
            continue;
        }
        let depth = GATES * units / S::PAIR;
        let start = GATES * first * UNITS;
        let part = Product {
            a: &rows[start * s.batch..],
            rows: s.batch,
            row: depth,
            step: 1,
            segment: s.batch * depth,
            segments,
            depth,
            b: &panel[start * columns..],
            b_segment: depth * columns,
            columns,
        };
        part.run(product, first > 0);
    }
}

/// The memory of a pass.
struct Pass<'a, S: LstmElement> {
    s: &'a LstmShape,
    saved: &'a LstmSaved<'a, S>,
    first_cell: &'a [S::Sum],
    /// In panels.
    weights: &'a [S],
    grad_gates: Target<S>,
    /// See [`LstmShape::rows_at`].
    steps: Target<S>,
    /// In blocks.
    carried: Target<S::Sum>,
    bias: Target<S::Sum>,
}

impl<S: LstmElement> Pass<'_, S> {
    /// Some units at a step.
    fn run(&self, step: usize, chunk: usize, scratch: &mut [S::Sum]) {
        let s = self.s;
        let first = chunk * BACKWARD_UNITS;
        let width = BACKWARD_UNITS.min(s.hidden - first);
        let blocks = first / UNITS..(first + width).div_ceil(UNITS);
        for block in blocks.clone() {
            // It comes while the product is computed.
            let (at, rows) = (s.cells_at(block, s.time(step)), s.batch * s.units(block).len());
            prefetch(&self.saved.gates[GATES * at], GATES * rows);
            prefetch(&self.saved.cells[at], rows);
            prefetch(self.grad_gates.at(s.kept_at::<S>(block, s.time(step))), GATES * rows);
        }
        let product = &mut scratch[..s.batch * width];
        if step + 1 == s.steps {
            product.fill(S::Sum::ZERO);
        } else {
            let from = if S::PAIR == 1 { &self.grad_gates } else { &self.steps };
            let at = s.rows_at::<S>(step + 1);
            // SAFETY: the rows of the step after, which lie together inside their buffer and which nobody writes now.
            let rows = unsafe { std::slice::from_raw_parts(from.at(at).cast_const(), s.batch * GATES * s.hidden) };
            let panel = &self.weights[first * GATES * s.hidden..][..width * GATES * s.hidden];
            multiply_gates(s, rows, panel, product);
        }
        for block in blocks {
            let within = s.units(block).start - first;
            self.run_block(step, block, Apart { data: &product[within..], row: width });
        }
    }

    fn run_block(&self, step: usize, block: usize, later: Apart<'_, S::Sum>) {
        let (s, units, time) = (self.s, self.s.units(block), self.s.time(step));
        let (count, at) = (units.len(), s.cells_at(block, time));
        let rows = s.batch * count;
        let rows_at = s.rows_at::<S>(step) + s.batch * GATES * units.start;
        let to = if S::PAIR == 1 { &self.grad_gates } else { &self.steps };
        let kept = s.kept_rows::<S>() * GATES * count;
        // SAFETY: the rows of a block at a step, its carried cells and its sums are its own, and inside the buffers, which
        // `LstmGradients::new` made for this shape; every block is run once at a step.
        let (grad_gates, carried, grad_bias) = unsafe {
            (
                std::slice::from_raw_parts_mut(to.at(rows_at), GATES * rows),
                std::slice::from_raw_parts_mut(self.carried.at(s.batch * units.start), rows),
                std::slice::from_raw_parts_mut(self.bias.at(GATES * units.start), GATES * count),
            )
        };
        let old_cells = if step == 0 {
            Apart { data: &self.first_cell[units.start..], row: s.hidden }
        } else {
            Apart { data: &self.saved.cells[s.cells_at(block, s.time(step - 1))..], row: count }
        };
        backward_rows(
            BackwardRows {
                gates: &self.saved.gates[GATES * at..][..GATES * rows],
                cells: &self.saved.cells[at..][..rows],
                old_cells,
                grad_output: Apart {
                    data: &self.saved.grad_output[s.outputs(time).start + units.start..],
                    row: s.hidden,
                },
                later,
                grad_gates: &mut *grad_gates,
                carried,
                grad_bias,
            },
            count,
        );
        if S::PAIR > 1 {
            // SAFETY: as above.
            let kept = unsafe { std::slice::from_raw_parts_mut(self.grad_gates.at(s.kept_at::<S>(block, time)), kept) };
            pair_rows(grad_gates, GATES * count, s.batch, GATES * count, kept);
        }
    }
}
