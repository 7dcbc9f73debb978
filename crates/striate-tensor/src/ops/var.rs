//! `var`: the variance, composed of differentiable operations: the mean of squared distances from the mean.

use super::reduce::Reduction;
use crate::error::OrPanic;
use crate::{Tensor, TensorError};

impl Tensor {
    /// The variance over `dims` (all of them when empty), divided by `n - 1` (Bessel's correction, PyTorch's default).
    ///
    /// ```
    /// use striate_tensor::Tensor;
    /// assert_eq!(Tensor::from_slice(&[1.0f32, 2.0, 3.0], &[3]).var(&[], false).item::<f32>(), 1.0);
    /// ```
    ///
    /// # Panics
    /// When the tensor is not a float tensor, or a dimension is out of range or given twice.
    #[track_caller]
    pub fn var(&self, dims: &[isize], keepdim: bool) -> Tensor {
        self.try_var(dims, keepdim).or_panic()
    }

    /// Like [`var`](Self::var), with a mistake as an error.
    pub fn try_var(&self, dims: &[isize], keepdim: bool) -> Result<Tensor, TensorError> {
        self.try_var_corrected(dims, keepdim, 1)
    }

    /// The variance divided by `n - correction`: 0 for that of a population, 1 for the unbiased estimate from a sample.
    /// With no more than `correction` elements it is NaN or infinite.
    ///
    /// # Panics
    /// As [`var`](Self::var).
    #[track_caller]
    pub fn var_corrected(&self, dims: &[isize], keepdim: bool, correction: usize) -> Tensor {
        self.try_var_corrected(dims, keepdim, correction).or_panic()
    }

    /// Like [`var_corrected`](Self::var_corrected), with a mistake as an error.
    pub fn try_var_corrected(&self, dims: &[isize], keepdim: bool, correction: usize) -> Result<Tensor, TensorError> {
        let count = Reduction::new("var", self, dims, keepdim)?.count(self.shape());
        let squares = self.try_sub(&self.try_mean(dims, true)?)?.try_square()?;
        squares.try_sum(dims, keepdim)?.try_div_scalar(count.saturating_sub(correction) as f64)
    }
}
