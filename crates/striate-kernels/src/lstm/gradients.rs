//! The gradients of inputs and parameters, from those of the gates.

use std::ops::Range;

use super::backward::multiply_gates;
use super::pack::{pair_rows, unpair_rows, weight_panels};
use super::product::{LstmElement, Product};
use super::{GATES, LstmShape, LstmWeights};
use crate::memory::Buffer;
use crate::panels::Target;
use crate::threads::{parallel_for, parallel_for_scratch};

/// Values of inputs and outputs that the gradients of the weights take at a time: they stay in the second-level cache while
/// all blocks are multiplied with them.
const TAKEN: usize = 128 * 1024;
/// Columns of a panel of the weights of the input.
const PANEL: usize = 64;

/// The gradients of the gates of all steps, which [`LstmGradients`] turns into those of inputs and parameters.
#[derive(Debug)]
pub struct LstmGradients<S: LstmElement> {
    shape: LstmShape,
    /// `[steps, blocks, kept rows, 4 units]`; of bf16, words of neighbouring rows.
    pub(super) gates: Buffer,
    /// Of bf16 `[2, blocks, batch, 4 units]`: the rows of a step and of the one after.
    pub(super) steps: Buffer,
    /// The gradient of the cell that is carried, in blocks.
    pub(super) cell: Buffer,
    /// In blocks.
    pub(super) bias: Buffer,
    element: std::marker::PhantomData<S>,
}

impl<S: LstmElement> LstmGradients<S> {
    pub(super) fn new(s: &LstmShape) -> Self {
        let step = GATES * s.batch * s.hidden;
        let (gate, sum) = (size_of::<S>(), size_of::<S::Sum>());
        Self {
            shape: *s,
            gates: Buffer::uninit(s.steps * GATES * s.kept_rows::<S>() * s.hidden * gate),
            steps: Buffer::uninit(if S::PAIR == 1 { 0 } else { 2 * step * gate }),
            cell: Buffer::uninit(s.batch * s.hidden * sum),
            bias: Buffer::zeroed(GATES * s.hidden * sum),
            element: std::marker::PhantomData,
        }
    }

    /// The gradient of the input, `[steps, batch, input]`.
    ///
    /// # Panics
    /// If a length does not fit.
    pub fn input(&self, weights: &LstmWeights<'_, S::Sum>, grad_input: &mut [S]) {
        let s = &self.shape;
        weights.check(s);
        assert_eq!(grad_input.len(), s.steps * s.batch * s.input, "lstm: length of the input's gradient");
        self.multiply_rows(0..s.steps, weights.input, s.input, grad_input);
    }

    /// The gradient of the output before the first step, `[batch, hidden]`.
    ///
    /// # Panics
    /// If a length does not fit.
    pub fn first_output(&self, weights: &LstmWeights<'_, S::Sum>, grad: &mut [S]) {
        let s = &self.shape;
        weights.check(s);
        assert_eq!(grad.len(), s.batch * s.hidden, "lstm: length of the first output's gradient");
        self.multiply_rows(s.time(0)..s.time(0) + 1, weights.hidden, s.hidden, grad);
    }

    /// The gradients of the gates at `times` multiplied with weights `[4 hidden, columns]`.
    fn multiply_rows(&self, times: Range<usize>, weight: &[S::Sum], columns: usize, out: &mut [S]) {
        let s = &self.shape;
        let (packed, panels) = (weight_panels::<S>(s, weight, columns, PANEL), columns.div_ceil(PANEL));
        let (packed, gates) = (packed.as_slice::<S>(), self.gates.as_slice::<S>());
        let out = Target::new(out);
        let (row, step) = (GATES * s.hidden, GATES * s.batch * s.hidden);
        let unpaired = if S::PAIR == 1 { 0 } else { step };
        // The sums of a panel, and the rows of bf16, in which neighbours in the sum are the partners.
        let sums = (s.batch * PANEL * size_of::<S::Sum>()).next_multiple_of(64);
        parallel_for_scratch(times.len(), sums + unpaired * size_of::<S>(), &|i, scratch: &mut [u8]| {
            let (sums, unpaired) = scratch.split_at_mut(sums);
            let (sums, unpaired): (&mut [S::Sum], &mut [S]) =
                (bytemuck::cast_slice_mut(sums), bytemuck::cast_slice_mut(unpaired));
            let kept = &gates[s.kept_at::<S>(0, times.start + i)..][..s.kept_rows::<S>() * row];
            let rows = if S::PAIR == 1 {
                kept
            } else {
                for block in 0..s.blocks() {
                    let (units, start) = (s.units(block), GATES * s.units(block).start);
                    let width = GATES * units.len();
                    let words = &kept[start * s.kept_rows::<S>()..][..width * s.kept_rows::<S>()];
                    unpair_rows(words, width, &mut unpaired[start * s.batch..][..width * s.batch]);
                }
                unpaired
            };
            for panel in 0..panels {
                let first = panel * PANEL;
                let width = PANEL.min(columns - first);
                let sums = &mut sums[..s.batch * width];
                multiply_gates(s, rows, &packed[first * row..][..width * row], sums);
                for (r, sums) in sums.chunks_exact(width).enumerate() {
                    let at = (i * s.batch + r) * columns + first;
                    // SAFETY: inside the result, which has `columns` values for each row of `times`; each is written once.
                    let out = unsafe { std::slice::from_raw_parts_mut(out.at(at), width) };
                    out.iter_mut().zip(sums).for_each(|(out, &sum)| *out = S::narrow(sum));
                }
            }
        });
    }

    /// The gradient of the cell before the first step, `[batch, hidden]`.
    ///
    /// # Panics
    /// If the length does not fit.
    pub fn first_cell(&self, grad: &mut [S::Sum]) {
        assert_eq!(grad.len(), self.shape.batch * self.shape.hidden, "lstm: length of the first cell's gradient");
        let cell = self.cell.as_slice::<S::Sum>();
        self.shape.for_each_cell(|at, usual| grad[usual] = cell[at]);
    }

    /// The gradients of both weights, `[4 hidden, input]` and `[4 hidden, hidden]`, from the input and the outputs of the
    /// forward pass.
    ///
    /// # Panics
    /// If a length does not fit.
    pub fn weights(&self, x: &[S], first_output: &[S], output: &[S], [input, hidden]: [&mut [S::Sum]; 2]) {
        let s = &self.shape;
        let state = s.batch * s.hidden;
        assert!(x.len() == s.steps * s.batch * s.input && output.len() == s.output_len(), "lstm: length of an input");
        assert!(first_output.len() == state, "lstm: length of the first output");
        let lengths = [s.input, s.hidden].map(|columns| GATES * s.hidden * columns);
        assert_eq!([input.len(), hidden.len()], lengths, "lstm: length of a weight's gradient");
        let steps = (TAKEN / (s.batch * (s.input + s.hidden))).clamp(1, s.steps);
        let columns = s.input + s.hidden;
        let mut taken = Buffer::uninit(steps * s.kept_rows::<S>() * columns * size_of::<S>());
        let mut sums = Buffer::uninit((input.len() + hidden.len()) * size_of::<S::Sum>());
        let taken = taken.as_mut_slice::<S>();
        let pass = WeightSums {
            back: self,
            inputs: [x, first_output, output],
            taken: Target::new(taken),
            sums: Target::new(sums.as_mut_slice()),
            results: [Target::new(input), Target::new(hidden)],
        };
        for start in (0..s.steps).step_by(steps) {
            let times = start..(start + steps).min(s.steps);
            parallel_for(pass.panels(), &|panel| pass.take(panel, times.clone()));
            parallel_for(s.blocks(), &|block| pass.add(block, times.clone()));
        }
    }

    /// The gradient of either bias, `[4 hidden]`.
    ///
    /// # Panics
    /// If the length does not fit.
    pub fn bias(&self, grad: &mut [S::Sum]) {
        assert_eq!(grad.len(), GATES * self.shape.hidden, "lstm: length of a bias's gradient");
        for (k, &sum) in self.bias.as_slice::<S::Sum>().iter().enumerate() {
            grad[self.shape.usual(k)] = sum;
        }
    }
}

/// The gradients of the weights, as they are added up.
struct WeightSums<'a, S: LstmElement> {
    back: &'a LstmGradients<S>,
    /// The input, the output before the first step, and those of all steps.
    inputs: [&'a [S]; 3],
    /// Of some steps what was multiplied with the weights: for each panel `[steps, kept rows, columns]`, in words.
    taken: Target<S>,
    /// For each block and each panel `[4 units, columns]`.
    sums: Target<S::Sum>,
    /// The results, of input and last output.
    results: [Target<S::Sum>; 2],
}

/// Some columns of one of the weights.
struct Panel {
    /// 0 for the weights of the input, 1 for those of the last output.
    which: usize,
    first: usize,
    columns: usize,
    /// Columns of all panels before.
    before: usize,
}

impl<S: LstmElement> WeightSums<'_, S> {
    fn panels(&self) -> usize {
        let s = &self.back.shape;
        s.input.div_ceil(PANEL) + s.hidden.div_ceil(PANEL)
    }

    fn panel(&self, panel: usize) -> Panel {
        let s = &self.back.shape;
        let of_input = s.input.div_ceil(PANEL);
        let (which, first, end) = match panel.checked_sub(of_input) {
            None => (0, panel * PANEL, s.input),
            Some(panel) => (1, panel * PANEL, s.hidden),
        };
        Panel { which, first, columns: PANEL.min(end - first), before: which * s.input + first }
    }

    /// Copies what stood before the weights of a panel at `times`.
    fn take(&self, panel: usize, times: Range<usize>) {
        let (s, panel) = (&self.back.shape, self.panel(panel));
        let kept = s.kept_rows::<S>();
        // SAFETY: a panel's place is its own, inside the buffer; every panel is run once at a time.
        let taken = unsafe {
            let (at, len) = (times.len() * kept * panel.before, times.len() * kept * panel.columns);
            std::slice::from_raw_parts_mut(self.taken.at(at), len)
        };
        for (time, taken) in times.zip(taken.chunks_exact_mut(kept * panel.columns)) {
            let len = [s.input, s.hidden][panel.which];
            let rows = if panel.which == 0 { &self.inputs[0][time * s.batch * len..] } else { self.before(time) };
            pair_rows(&rows[panel.first..], len, s.batch, panel.columns, taken);
        }
    }

    /// The output that came before the step at place `time`, and what follows it in memory.
    fn before(&self, time: usize) -> &[S] {
        let s = &self.back.shape;
        let [_, first, output] = self.inputs;
        match (time == s.time(0), s.reverse) {
            (true, _) => first,
            (false, true) => &output[s.outputs(time + 1).start..],
            (false, false) => &output[s.outputs(time - 1).start..],
        }
    }

    /// Adds what `times` give for a block; the last of them writes the result.
    fn add(&self, block: usize, times: Range<usize>) {
        let s = &self.back.shape;
        let (start, rows) = (GATES * s.units(block).start, GATES * s.units(block).len());
        let (kept, pairs) = (s.kept_rows::<S>(), s.kept_rows::<S>() / S::PAIR);
        for panel in (0..self.panels()).map(|panel| self.panel(panel)) {
            let columns = panel.columns;
            // SAFETY: the sums of a block and panel are its own, and nobody writes what was taken; both are inside their
            // buffers; every block is run once at a time.
            let (sums, taken) = unsafe {
                let (at, from) =
                    ((s.input + s.hidden) * start + panel.before * rows, times.len() * kept * panel.before);
                (
                    std::slice::from_raw_parts_mut(self.sums.at(at), rows * columns),
                    std::slice::from_raw_parts(self.taken.at(from).cast_const(), times.len() * kept * columns),
                )
            };
            let product = Product {
                a: &self.back.gates.as_slice::<S>()[s.kept_at::<S>(block, times.start)..],
                rows,
                row: 1,
                step: rows,
                segment: pairs * GATES * s.hidden,
                segments: times.len(),
                depth: pairs,
                b: taken,
                b_segment: pairs * columns,
                columns,
            };
            product.run(sums, times.start > 0);
            if times.end < s.steps {
                continue;
            }
            let len = [s.input, s.hidden][panel.which];
            for (row, sums) in sums.chunks_exact(columns).enumerate() {
                let at = s.usual(start + row) * len + panel.first;
                // SAFETY: the rows of a block are its own, inside the result, whose length `weights` checked.
                let to = unsafe { std::slice::from_raw_parts_mut(self.results[panel.which].at(at), columns) };
                to.copy_from_slice(sums);
            }
        }
    }
}
