//! `logsumexp`: `y = log Σ exp(x)`, computed as `m + log Σ exp(x - m)` with the maximum `m`, so that nothing overflows.
//! Backward: `dx = dy softmax(x)`.

use crate::error::OrPanic;
use crate::{DType, Tensor, TensorError};

impl Tensor {
    /// The logarithm of the sum of exponentials over `dims` (all of them when empty): a smooth maximum.
    ///
    /// ```
    /// use striate_tensor::Tensor;
    /// let x = Tensor::from_slice(&[1000.0f32, 1000.0], &[2]);
    /// assert_eq!(x.logsumexp(&[0], false).item::<f32>(), 1000.0 + std::f32::consts::LN_2);
    /// ```
    ///
    /// # Panics
    /// When the tensor is not a float tensor or has no elements, or a dimension is out of range or given twice.
    #[track_caller]
    pub fn logsumexp(&self, dims: &[isize], keepdim: bool) -> Tensor {
        self.try_logsumexp(dims, keepdim).or_panic()
    }

    /// Like [`logsumexp`](Self::logsumexp), with a mistake as an error.
    pub fn try_logsumexp(&self, dims: &[isize], keepdim: bool) -> Result<Tensor, TensorError> {
        if !self.dtype().is_float() {
            return Err(TensorError::needs_float("logsumexp", self.dtype()));
        }
        // The result does not depend on the shift, so no gradient flows through it. A finite shift keeps infinities.
        let largest = if self.dtype() == DType::F32 { f64::from(f32::MAX) } else { f64::MAX };
        let shift = self.detach().try_max(dims, true)?.try_clamp(-largest, largest)?;
        let sum = self.try_sub(&shift)?.try_exp()?.try_sum(dims, keepdim)?;
        sum.try_log()?.try_add(&shift.try_reshape(sum.shape())?)
    }
}
