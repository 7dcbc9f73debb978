//! `repeat` and `repeat_interleave`: a tensor several times over, as a copy. The gradients of the repetitions add up.

use super::rearrange::{every_index, grid_places, rearrange};
use crate::error::OrPanic;
use crate::layout::resolve_dim;
use crate::{Tensor, TensorError};

impl Tensor {
    /// The tensor laid side by side `times[d]` times along each dimension (PyTorch's `repeat`, NumPy's `tile`); more numbers
    /// than dimensions add dimensions in front. Without copying: [`broadcast_to`](Self::broadcast_to).
    ///
    /// ```
    /// use striate_tensor::Tensor;
    /// let x = Tensor::arange(0i64, 2, 1);
    /// assert_eq!(x.repeat(&[2, 2]).to_vec::<i64>(), [0, 1, 0, 1, 0, 1, 0, 1]);
    /// ```
    ///
    /// # Panics
    /// When there are fewer numbers than dimensions.
    #[track_caller]
    pub fn repeat(&self, times: &[usize]) -> Tensor {
        self.try_repeat(times).or_panic()
    }

    /// Like [`repeat`](Self::repeat), with a mistake as an error.
    pub fn try_repeat(&self, times: &[usize]) -> Result<Tensor, TensorError> {
        let Some(added) = times.len().checked_sub(self.rank()) else {
            return Err(TensorError::argument(
                "repeat",
                format!("{} numbers given for a tensor of {} dimensions", times.len(), self.rank()),
                "give one number per dimension, 1 for those that stay",
            ));
        };
        let shape = [&vec![1; added], self.shape()].concat();
        let along: Vec<Vec<usize>> = every_index(&shape).iter().zip(times).map(|(all, &n)| all.repeat(n)).collect();
        let wanted: Vec<usize> = along.iter().map(Vec::len).collect();
        Ok(rearrange("repeat", self, &wanted, grid_places(&shape, &along)))
    }

    /// Each entry of `dim` `times` times in a row.
    ///
    /// ```
    /// use striate_tensor::Tensor;
    /// assert_eq!(Tensor::arange(0i64, 2, 1).repeat_interleave(2, 0).to_vec::<i64>(), [0, 0, 1, 1]);
    /// ```
    ///
    /// # Panics
    /// When `dim` is out of range.
    #[track_caller]
    pub fn repeat_interleave(&self, times: usize, dim: isize) -> Tensor {
        self.try_repeat_interleave(times, dim).or_panic()
    }

    /// Like [`repeat_interleave`](Self::repeat_interleave), with a mistake as an error.
    pub fn try_repeat_interleave(&self, times: usize, dim: isize) -> Result<Tensor, TensorError> {
        let d = resolve_dim("repeat_interleave", dim, self.rank())?;
        let mut along = every_index(self.shape());
        along[d] = along[d].iter().flat_map(|&i| std::iter::repeat_n(i, times)).collect();
        let wanted: Vec<usize> = along.iter().map(Vec::len).collect();
        Ok(rearrange("repeat_interleave", self, &wanted, grid_places(self.shape(), &along)))
    }
}
