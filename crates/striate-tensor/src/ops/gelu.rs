//! The Gaussian error linear unit (Hendrycks and Gimpel 2016), in its exact form as PyTorch's default:
//! `y = x Φ(x)` and `dx = dy (Φ(x) + x φ(x))` with the normal distribution function `Φ` and its density `φ`.

use striate_kernels::Element;

use super::erf::complementary_error_function;
use super::pointwise::{map, zip};
use crate::autograd::{Backward, Gradients, Recording, SavedTensor};
use crate::dtype::dispatch_float;
use crate::error::OrPanic;
use crate::{Tensor, TensorError};

const OP: &str = "gelu";

struct GeluBackward {
    x: SavedTensor,
}

impl Backward for GeluBackward {
    fn backward(&self, grad: &Tensor, _needs: &[bool]) -> Result<Vec<Option<Tensor>>, TensorError> {
        let x = self.x.get(OP)?;
        let dx = dispatch_float!(grad.dtype(), OP, |T| {
            zip(OP, x, grad, grad.dtype(), |x: T, g: T| -> T { g * derivative(Element::to_f64(x)) as T })?
        });
        Ok(vec![Some(dx)])
    }

    fn differentiable(&self, grad: &Tensor, _needs: &[bool], recording: &Recording) -> Gradients {
        let x = recording.input(0, self.x.get(OP)?);
        let below =
            x.try_mul_scalar(std::f64::consts::FRAC_1_SQRT_2)?.try_erf()?.try_add_scalar(1.0)?.try_mul_scalar(0.5)?;
        let density = x.try_square()?.try_mul_scalar(-0.5)?.try_exp()?;
        let density = density.try_mul_scalar(1.0 / (2.0 * std::f64::consts::PI).sqrt())?;
        Ok(vec![Some(grad.try_mul(&below.try_add(&x.try_mul(&density)?)?)?)])
    }
}

impl Tensor {
    /// The Gaussian error linear unit, `x · Φ(x)`: a smooth gate that passes large `x` and stops very negative ones.
    ///
    /// ```
    /// use striate_tensor::Tensor;
    /// let y = Tensor::from_slice(&[0.0f64, 1.0, -10.0], &[3]).gelu().to_vec::<f64>();
    /// assert!(y[0] == 0.0 && (y[1] - 0.841_344_746_068_543).abs() < 1e-14 && y[2].abs() < 1e-20);
    /// ```
    ///
    /// # Panics
    /// When the tensor is not a float tensor.
    #[track_caller]
    pub fn gelu(&self) -> Tensor {
        self.try_gelu().or_panic()
    }

    /// Like [`gelu`](Self::gelu), with a mistake as an error.
    pub fn try_gelu(&self) -> Result<Tensor, TensorError> {
        let y = dispatch_float!(self.dtype(), OP, |T| {
            map(self, self.dtype(), |x: T| -> T {
                let x = Element::to_f64(x);
                (x * normal_distribution(x)) as T
            })
        });
        Ok(y.record(OP, &[self], || GeluBackward { x: SavedTensor::new(self) }))
    }
}

fn derivative(x: f64) -> f64 {
    let density = (-0.5 * x * x).exp() / (2.0 * std::f64::consts::PI).sqrt();
    // At infinity the density is 0, and 0 · ∞ would be NaN.
    normal_distribution(x) + if density == 0.0 { 0.0 } else { x * density }
}

/// The probability that a standard normal number is below `x`, accurate also where it is tiny.
fn normal_distribution(x: f64) -> f64 {
    0.5 * complementary_error_function(-x * std::f64::consts::FRAC_1_SQRT_2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn infinities_and_nan() {
        let x = Tensor::from_slice(&[f64::INFINITY, f64::NEG_INFINITY, f64::NAN], &[3]).requires_grad_(true);
        let y = x.gelu();
        y.sum_all().backward();
        let gradient = x.grad().unwrap().to_vec::<f64>();
        assert!(y.to_vec::<f64>()[0] == f64::INFINITY && gradient[0] == 1.0 && gradient[1] == 0.0);
        assert!(gradient[2].is_nan());
    }
}
