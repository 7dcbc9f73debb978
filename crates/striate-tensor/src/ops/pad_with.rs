//! Borders made of the tensor's own elements.
//!
//! Along a dimension of size `n`, position `i` outside `0..n` takes the element at: `-i` or `2 (n - 1) - i` (reflect: the
//! edge is not repeated), `0` or `n - 1` (replicate), `i mod n` (circular). Backward: the gradient of the border is added
//! to the elements it came from.

use super::rearrange::{every_index, grid_places, rearrange};
use crate::error::OrPanic;
use crate::{Tensor, TensorError};

const OP: &str = "pad_with";

/// Where a border takes its elements from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PaddingMode {
    /// Mirrored at the edge, which is not repeated: `c b | a b c | b a`.
    Reflect,
    /// The edge repeated: `a a | a b c | c c`.
    Replicate,
    /// From the opposite end: `b c | a b c | a b`.
    Circular,
}

impl PaddingMode {
    fn check(self, dim: usize, size: usize, (before, after): (usize, usize)) -> Result<(), TensorError> {
        let most = match self {
            Self::Reflect => size.saturating_sub(1),
            Self::Replicate if size > 0 => return Ok(()),
            Self::Replicate | Self::Circular => size,
        };
        if before.max(after) <= most {
            return Ok(());
        }
        Err(TensorError::argument(
            OP,
            format!("a border of ({before}, {after}) in dimension {dim}, of size {size}, is too wide for {self:?}"),
            format!("at most {most} on each side; pad adds any border of one value"),
        ))
    }

    fn source(self, position: isize, size: isize) -> usize {
        let source = match self {
            Self::Reflect if position < 0 => -position,
            Self::Reflect if position >= size => 2 * (size - 1) - position,
            Self::Reflect => position,
            Self::Replicate => position.clamp(0, size - 1),
            Self::Circular => position.rem_euclid(size),
        };
        source as usize
    }
}

impl Tensor {
    /// Adds a border taken from the tensor itself: for each dimension, from the first on, how many entries before and
    /// after; dimensions not named get none. [`pad`](Self::pad) adds one of a single value.
    ///
    /// ```
    /// use striate_tensor::{PaddingMode, Tensor};
    /// let x = Tensor::arange(0i64, 3, 1);
    /// assert_eq!(x.pad_with(&[(2, 1)], PaddingMode::Reflect).to_vec::<i64>(), [2, 1, 0, 1, 2, 1]);
    /// ```
    ///
    /// # Panics
    /// When there are more pairs than dimensions, or the border is wider than the mode has elements for.
    #[track_caller]
    pub fn pad_with(&self, border: &[(usize, usize)], mode: PaddingMode) -> Tensor {
        self.try_pad_with(border, mode).or_panic()
    }

    /// Like [`pad_with`](Self::pad_with), with a mistake as an error.
    pub fn try_pad_with(&self, border: &[(usize, usize)], mode: PaddingMode) -> Result<Tensor, TensorError> {
        if border.len() > self.rank() {
            return Err(TensorError::argument(
                OP,
                format!("{} pairs given for a tensor of {} dimensions", border.len(), self.rank()),
                "give one (before, after) per dimension, from the first on",
            ));
        }
        let mut along = every_index(self.shape());
        for (d, (&pair, &size)) in border.iter().zip(self.shape()).enumerate() {
            mode.check(d, size, pair)?;
            let positions = -(pair.0 as isize)..(size + pair.1) as isize;
            along[d] = positions.map(|position| mode.source(position, size as isize)).collect();
        }
        let shape: Vec<usize> = along.iter().map(Vec::len).collect();
        Ok(rearrange(OP, self, &shape, grid_places(self.shape(), &along)))
    }
}
