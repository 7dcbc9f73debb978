//! `flip` and `roll`: the order of elements along dimensions reversed, or turned around.
//!
//! `flip`: `y[i] = x[n - 1 - i]`. `roll`: `y[i] = x[(i - shift) mod n]`. Backward: each gradient to the element it came
//! from.

use super::rearrange::{every_index, grid_places, rearrange};
use crate::error::OrPanic;
use crate::layout::resolve_dim;
use crate::{Tensor, TensorError};

impl Tensor {
    /// The elements in the opposite order along each of `dims`. A copy; the shape stays.
    ///
    /// ```
    /// use striate_tensor::Tensor;
    /// assert_eq!(Tensor::arange(0i64, 4, 1).flip(&[0]).to_vec::<i64>(), [3, 2, 1, 0]);
    /// ```
    ///
    /// # Panics
    /// When a dimension is out of range.
    #[track_caller]
    pub fn flip(&self, dims: &[isize]) -> Tensor {
        self.try_flip(dims).or_panic()
    }

    /// Like [`flip`](Self::flip), with a mistake as an error.
    pub fn try_flip(&self, dims: &[isize]) -> Result<Tensor, TensorError> {
        let mut along = every_index(self.shape());
        for &dim in dims {
            along[resolve_dim("flip", dim, self.rank())?].reverse();
        }
        Ok(rearrange("flip", self, self.shape(), grid_places(self.shape(), &along)))
    }

    /// The elements moved on by `shift` places along `dim`; those that leave at one end come in at the other. The shape
    /// stays.
    ///
    /// ```
    /// use striate_tensor::Tensor;
    /// assert_eq!(Tensor::arange(0i64, 4, 1).roll(1, 0).to_vec::<i64>(), [3, 0, 1, 2]);
    /// ```
    ///
    /// # Panics
    /// When `dim` is out of range.
    #[track_caller]
    pub fn roll(&self, shift: isize, dim: isize) -> Tensor {
        self.try_roll(shift, dim).or_panic()
    }

    /// Like [`roll`](Self::roll), with a mistake as an error.
    pub fn try_roll(&self, shift: isize, dim: isize) -> Result<Tensor, TensorError> {
        let d = resolve_dim("roll", dim, self.rank())?;
        let mut along = every_index(self.shape());
        let size = along[d].len();
        if size > 0 {
            along[d].rotate_right(shift.rem_euclid(size as isize) as usize);
        }
        Ok(rearrange("roll", self, self.shape(), grid_places(self.shape(), &along)))
    }
}
