//! `norm` and `std`: lengths of vectors, and the spread of numbers around their mean, which is one.
//!
//! ```text
//! norm:  y = (Σ |x|ᵖ)^(1/p)        ∂x = ∂y sign(x) (|x| / y)^(p - 1)        0 where y = 0
//! std:   y = norm₂(x - mean) / √(n - correction)
//! ```
//!
//! The maximum norm, `p = ∞`, is `max |x|`, with the gradient shared as in [`max`](Tensor::max).

use super::reduce::Reduction;
use crate::autograd::{Backward, Gradients, Recording, SavedTensor};
use crate::error::OrPanic;
use crate::{Tensor, TensorError};

const OP: &str = "norm";

struct NormBackward {
    p: f64,
    x: SavedTensor,
    y: SavedTensor,
    reduction: Reduction,
}

impl NormBackward {
    fn gradient(&self, grad: &Tensor, x: &Tensor, y: &Tensor) -> Gradients {
        let kept = self.reduction.kept_shape(x.shape());
        let (y, grad) = (y.try_reshape(&kept)?, grad.try_reshape(&kept)?);
        let zero = y.zeros_like();
        // Where the norm is 0 so are the elements: dividing them by 1 instead keeps them so.
        let y = y.try_eq(&zero)?.try_where_(&y.ones_like(), &y)?;
        let part = x.try_div(&y)?;
        let direction = if self.p == 2.0 {
            part
        } else {
            let zero = x.zeros_like();
            let sign = |positive: Tensor, negative: Tensor| {
                positive.try_to_dtype(x.dtype())?.try_sub(&negative.try_to_dtype(x.dtype())?)
            };
            let sign = sign(x.try_gt(&zero)?, x.try_lt(&zero)?)?;
            let size = part.try_abs()?.try_pow(self.p - 1.0)?;
            // Below p = 1 the power is infinite at 0; the gradient chosen there is 0.
            x.try_eq(&zero)?.try_where_(&zero, &sign.try_mul(&size)?)?
        };
        Ok(vec![Some(direction.try_mul(&grad)?)])
    }
}

impl Backward for NormBackward {
    fn backward(&self, grad: &Tensor, _needs: &[bool]) -> Result<Vec<Option<Tensor>>, TensorError> {
        self.gradient(grad, self.x.get(OP)?, self.y.get(OP)?)
    }

    fn differentiable(&self, grad: &Tensor, _needs: &[bool], recording: &Recording) -> Gradients {
        self.gradient(grad, &recording.input(0, self.x.get(OP)?), &recording.output(self.y.get(OP)?))
    }
}

impl Tensor {
    /// The p-norm over `dims` (all of them when empty): 2 is the Euclidean length, 1 the sum of absolute values,
    /// infinity the largest absolute value. The gradient at 0 is 0.
    ///
    /// ```
    /// use striate_tensor::Tensor;
    /// let x = Tensor::from_slice(&[3.0f32, -4.0], &[2]);
    /// assert_eq!(x.norm(2.0, &[], false).item::<f32>(), 5.0);
    /// assert_eq!(x.norm(f64::INFINITY, &[], false).item::<f32>(), 4.0);
    /// ```
    ///
    /// # Panics
    /// When `p` is not positive, the tensor is not a float tensor, or a dimension is out of range or given twice.
    #[track_caller]
    pub fn norm(&self, p: f64, dims: &[isize], keepdim: bool) -> Tensor {
        self.try_norm(p, dims, keepdim).or_panic()
    }

    /// Like [`norm`](Self::norm), with a mistake as an error.
    pub fn try_norm(&self, p: f64, dims: &[isize], keepdim: bool) -> Result<Tensor, TensorError> {
        if !self.dtype().is_float() {
            return Err(TensorError::needs_float(OP, self.dtype()));
        }
        if p.is_nan() || p <= 0.0 {
            return Err(TensorError::argument(
                OP,
                format!("p = {p} gives no norm"),
                "choose p above 0; f64::INFINITY is the maximum norm",
            ));
        }
        if p == f64::INFINITY {
            return self.try_abs()?.try_max(dims, keepdim);
        }
        let reduction = Reduction::new(OP, self, dims, keepdim)?;
        let y = crate::no_grad(|| match p {
            1.0 => self.try_abs()?.try_sum(dims, keepdim),
            2.0 => self.try_square()?.try_sum(dims, keepdim)?.try_sqrt(),
            _ => self.try_abs()?.try_pow(p)?.try_sum(dims, keepdim)?.try_pow(1.0 / p),
        })?;
        let saved = y.clone();
        Ok(y.record(OP, &[self], || NormBackward {
            p,
            x: SavedTensor::new(self),
            y: SavedTensor::new(&saved),
            reduction,
        }))
    }

    /// The standard deviation over `dims` (all of them when empty), from the variance divided by `n - 1` (PyTorch's
    /// default). The gradient where it is 0 is 0.
    ///
    /// ```
    /// use striate_tensor::Tensor;
    /// assert_eq!(Tensor::from_slice(&[1.0f32, 2.0, 3.0], &[3]).std(&[], false).item::<f32>(), 1.0);
    /// ```
    ///
    /// # Panics
    /// When the tensor is not a float tensor, or a dimension is out of range or given twice.
    #[track_caller]
    pub fn std(&self, dims: &[isize], keepdim: bool) -> Tensor {
        self.try_std(dims, keepdim).or_panic()
    }

    /// Like [`std`](Self::std), with a mistake as an error.
    pub fn try_std(&self, dims: &[isize], keepdim: bool) -> Result<Tensor, TensorError> {
        self.try_std_corrected(dims, keepdim, 1)
    }

    /// The standard deviation from the variance divided by `n - correction`; see
    /// [`var_corrected`](Self::var_corrected).
    ///
    /// # Panics
    /// As [`std`](Self::std).
    #[track_caller]
    pub fn std_corrected(&self, dims: &[isize], keepdim: bool, correction: usize) -> Tensor {
        self.try_std_corrected(dims, keepdim, correction).or_panic()
    }

    /// Like [`std_corrected`](Self::std_corrected), with a mistake as an error.
    pub fn try_std_corrected(&self, dims: &[isize], keepdim: bool, correction: usize) -> Result<Tensor, TensorError> {
        let count = Reduction::new("std", self, dims, keepdim)?.count(self.shape());
        let distances = self.try_sub(&self.try_mean(dims, true)?)?;
        let degrees = count.saturating_sub(correction) as f64;
        distances.try_norm(2.0, dims, keepdim)?.try_div_scalar(degrees.sqrt())
    }
}
