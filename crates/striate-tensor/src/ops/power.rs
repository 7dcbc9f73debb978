//! `pow` with a number as exponent, and `clamp`: functions of one element with parameters.
//!
//! `pow`: `y = xᵖ`, `dx = dy · p xᵖ⁻¹`. `clamp`: `y = min(max(x, low), high)`, `dx = dy` where `low <= x <= high`, else 0.

use super::pointwise::{map, zip};
use crate::autograd::{Backward, Gradients, Recording, SavedTensor};
use crate::dtype::dispatch_float;
use crate::error::OrPanic;
use crate::{DType, Tensor, TensorError};

struct PowBackward {
    x: SavedTensor,
    exponent: f64,
}

impl Backward for PowBackward {
    fn backward(&self, grad: &Tensor, _needs: &[bool]) -> Result<Vec<Option<Tensor>>, TensorError> {
        let x = self.x.get("pow")?;
        if self.exponent == 0.0 {
            // 0 · x⁻¹ would be NaN at 0.
            return Ok(vec![Some(x.zeros_like())]);
        }
        let dx = dispatch_float!(grad.dtype(), "pow", |T| {
            let p = self.exponent as T;
            zip("pow", x, grad, grad.dtype(), |x: T, g: T| g * p * x.powf(p - 1.0))?
        });
        Ok(vec![Some(dx)])
    }

    fn differentiable(&self, grad: &Tensor, _needs: &[bool], recording: &Recording) -> Gradients {
        let x = self.x.get("pow")?;
        if self.exponent == 0.0 {
            return Ok(vec![Some(x.zeros_like())]);
        }
        let power = recording.input(0, x).try_pow(self.exponent - 1.0)?;
        Ok(vec![Some(grad.try_mul(&power.try_mul_scalar(self.exponent)?)?)])
    }
}

struct ClampBackward {
    x: SavedTensor,
    low: f64,
    high: f64,
}

impl Backward for ClampBackward {
    fn backward(&self, grad: &Tensor, _needs: &[bool]) -> Result<Vec<Option<Tensor>>, TensorError> {
        let x = self.x.get("clamp")?;
        let dx = dispatch_float!(grad.dtype(), "clamp", |T| {
            let (low, high) = (self.low as T, self.high as T);
            zip("clamp", x, grad, grad.dtype(), |x: T, g: T| if x >= low && x <= high { g } else { 0.0 })?
        });
        Ok(vec![Some(dx)])
    }

    fn differentiable(&self, grad: &Tensor, _needs: &[bool], _recording: &Recording) -> Gradients {
        // The limits carry no gradient: only where they are reached matters.
        let x = self.x.get("clamp")?;
        let (low, high) = (x.ones_like().try_mul_scalar(self.low)?, x.ones_like().try_mul_scalar(self.high)?);
        let inside = x.try_ge(&low)?.try_logical_and(&x.try_le(&high)?)?;
        Ok(vec![Some(inside.try_where_(grad, &grad.zeros_like())?)])
    }
}

impl Tensor {
    /// Each element to the power of `exponent`. A negative element with a fractional exponent gives NaN.
    ///
    /// ```
    /// use striate_tensor::Tensor;
    /// assert_eq!(Tensor::from_slice(&[1.0f32, 2.0], &[2]).pow(3.0).to_vec::<f32>(), [1.0, 8.0]);
    /// ```
    ///
    /// # Panics
    /// When the tensor is not a float tensor.
    #[track_caller]
    pub fn pow(&self, exponent: f64) -> Tensor {
        self.try_pow(exponent).or_panic()
    }

    /// Like [`pow`](Self::pow), with a mistake as an error.
    pub fn try_pow(&self, exponent: f64) -> Result<Tensor, TensorError> {
        if self.dtype() == DType::BF16 {
            return crate::autocast::rounded(self, |x| x.try_pow(exponent));
        }
        let y = dispatch_float!(self.dtype(), "pow", |T| {
            let p = exponent as T;
            map(self, self.dtype(), |x: T| x.powf(p))
        });
        Ok(y.record("pow", &[self], || PowBackward { x: SavedTensor::new(self), exponent }))
    }

    /// Each element limited to `low ..= high`; infinities leave a side open. NaN stays NaN.
    ///
    /// # Panics
    /// When the tensor is not a float tensor, or `low <= high` does not hold.
    #[track_caller]
    pub fn clamp(&self, low: f64, high: f64) -> Tensor {
        self.try_clamp(low, high).or_panic()
    }

    /// Like [`clamp`](Self::clamp), with a mistake as an error.
    pub fn try_clamp(&self, low: f64, high: f64) -> Result<Tensor, TensorError> {
        if self.dtype() == DType::BF16 {
            return crate::autocast::rounded(self, |x| x.try_clamp(low, high));
        }
        if low.is_nan() || high.is_nan() || low > high {
            return Err(TensorError::argument(
                "clamp",
                format!("the limits are {low} and {high}"),
                "give the lower limit first, then the upper one",
            ));
        }
        let y = dispatch_float!(self.dtype(), "clamp", |T| {
            let (low, high) = (low as T, high as T);
            map(self, self.dtype(), |x: T| {
                if x < low {
                    low
                } else if x > high {
                    high
                } else {
                    x
                }
            })
        });
        Ok(y.record("clamp", &[self], || ClampBackward { x: SavedTensor::new(self), low, high }))
    }
}
