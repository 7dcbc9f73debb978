//! Long short-term memory over a whole sequence, forward and backward.
//!
//! A step goes through the units block by block: a block's part of the weights, the sums behind its gates, its gates and its
//! cells are always the same chunk's, so they stay in the cache of the thread that computes it. What crosses threads is the
//! output of a step, on the way back the gradients of its gates. From the gradients of the gates of all steps come those of
//! the weights, in one product.
//!
//! Inside, gates and cells lie in blocks of [`UNITS`] units, each of which holds all steps: of a block's row at a step first
//! the input gates, then forget, cell and output gates.

mod backward;
mod forward;
mod gradients;
mod pack;
mod product;
mod units;

use std::ops::Range;

use crate::Element;
pub use backward::{LstmSaved, backward};
pub use forward::{LstmForward, forward};
pub use gradients::LstmGradients;
pub use product::LstmElement;

/// Units of a block.
const UNITS: usize = 16;
/// Input, forget, cell and output.
const GATES: usize = 4;

/// The sizes of a layer and its input.
#[derive(Clone, Copy, Debug)]
pub struct LstmShape {
    /// Length of the sequences.
    pub steps: usize,
    /// Number of sequences.
    pub batch: usize,
    /// Features of the input.
    pub input: usize,
    /// Features of the output.
    pub hidden: usize,
    /// Whether the last step is read first.
    pub reverse: bool,
}

impl LstmShape {
    /// The number of gate values of a sequence: what `gates` of [`forward`] holds.
    pub fn gates_len(&self) -> usize {
        GATES * self.output_len()
    }

    /// The number of values of a sequence of outputs, or of cells.
    pub fn output_len(&self) -> usize {
        self.steps * self.batch * self.hidden
    }

    /// The place in the sequence of the step that is computed as number `step`.
    fn time(&self, step: usize) -> usize {
        if self.reverse { self.steps - 1 - step } else { step }
    }

    /// The values of place `time` in a sequence of outputs.
    fn outputs(&self, time: usize) -> Range<usize> {
        let len = self.batch * self.hidden;
        time * len..(time + 1) * len
    }

    fn blocks(&self) -> usize {
        self.hidden.div_ceil(UNITS)
    }

    /// The units of a block.
    fn units(&self, block: usize) -> Range<usize> {
        block * UNITS..((block + 1) * UNITS).min(self.hidden)
    }

    /// The row of the weights that stands at place `k` in the order of blocks.
    fn usual(&self, k: usize) -> usize {
        let units = self.units(k / (GATES * UNITS));
        let within = k % (GATES * UNITS);
        within / units.len() * self.hidden + units.start + within % units.len()
    }
}

/// The parameters: `input` `[4 hidden, input]`, `hidden` `[4 hidden, hidden]`, biases `[4 hidden]`, with the gates in the
/// order input, forget, cell, output.
#[derive(Clone, Copy, Debug)]
pub struct LstmWeights<'a, T> {
    /// Of the input.
    pub input: &'a [T],
    /// Of the last output.
    pub hidden: &'a [T],
    /// Both biases.
    pub biases: Option<[&'a [T]; 2]>,
}

impl<T: Element> LstmWeights<'_, T> {
    fn check(&self, s: &LstmShape) {
        let rows = GATES * s.hidden;
        assert!(
            self.input.len() == rows * s.input && self.hidden.len() == rows * s.hidden,
            "lstm: length of the weights"
        );
        assert!(self.biases.is_none_or(|both| both.iter().all(|bias| bias.len() == rows)), "lstm: length of a bias");
    }
}

/// Where a sequence starts from: output and cell, `[batch, hidden]` each.
#[derive(Clone, Copy, Debug)]
pub struct LstmState<'a, S: LstmElement> {
    /// The output.
    pub output: &'a [S],
    /// The cell.
    pub cell: &'a [S::Sum],
}

impl<S: LstmElement> LstmState<'_, S> {
    fn check(&self, s: &LstmShape) {
        let len = s.batch * s.hidden;
        assert!(self.output.len() == len && self.cell.len() == len, "lstm: length of the first state");
    }
}

/// Copies a row; of a whole block without a call.
#[inline(always)]
fn copy_row<T: Copy>(from: &[T], to: &mut [T]) {
    if from.len() == UNITS
        && let (Some(row), Some(place)) = (from.first_chunk::<UNITS>(), to.first_chunk_mut())
    {
        *place = *row;
    } else {
        to.copy_from_slice(from);
    }
}
