//! Activation functions whose gradient needs their input, with their derivatives `dx = dy y'(x)`:
//!
//! ```text
//! silu          y = x sigmoid(x)                             y' = s (1 + x (1 - s)), s = sigmoid(x)
//! gelu          y = x Φ(x)                                   y' = Φ(x) + x φ(x)
//! gelu_tanh     y = x sigmoid(2 sqrt(2/π) (x + 0.044715 x³)) the derivative of that
//! erf           y = 2/√π ∫₀ˣ e^(-t²) dt                      y' = 2/√π e^(-x²)
//! leaky_relu    y = x above 0, slope x below                 y' = 1, slope
//! elu           y = x above 0, alpha (eˣ - 1) below          y' = 1, alpha eˣ
//! selu          y = scale elu(x)                             two constants that keep mean 0 and variance 1
//! softplus      y = log(1 + e^(beta x)) / beta               y' = sigmoid(beta x)
//! mish          y = x t, t = tanh(softplus(x))               y' = t + x (1 - t²) sigmoid(x)
//! hardsigmoid   y = clamp(x / 6 + 1/2, 0, 1)                 y' = 1/6 inside -3 .. 3, else 0
//! hardswish     y = x hardsigmoid(x)                         y' = x / 3 + 1/2 inside -3 .. 3, else 0 or 1
//! ```
//!
//! `Φ` and `φ` are distribution function and density of the standard normal distribution.

use striate_kernels::activation::{
    Elu, Erf, Function, Gelu, GeluTanh, Hardsigmoid, Hardswish, LeakyRelu, Mish, Silu, Softplus,
};

use super::derivatives;
use super::pointwise::{map_function, map_gradient};
use crate::autograd::{Backward, Gradients, Recording, SavedTensor};
use crate::dtype::dispatch_float;
use crate::error::OrPanic;
use crate::{DType, Tensor, TensorError};

/// Klambauer et al., *Self-normalizing neural networks*, 2017.
const SELU_ALPHA: f64 = 1.673_263_242_354_377_2;
const SELU_SCALE: f64 = 1.050_700_987_355_480_5;

/// A function of the kernels with its derivative by recorded operations.
trait Activation: Function<f32> + Function<f64> + Send + 'static {
    fn derivative(self, x: &Tensor) -> Result<Tensor, TensorError>;
}

/// 1 where `x` is positive, else 0.
fn positive(x: &Tensor) -> Result<Tensor, TensorError> {
    x.try_gt(&x.zeros_like())
}

/// `slope` between -3 and 3, else 0.
fn step(x: &Tensor, slope: f64) -> Result<Tensor, TensorError> {
    let x = x.detach();
    x.try_abs()?.try_lt(&x.full_like(3.0))?.try_to_dtype(x.dtype())?.try_mul_scalar(slope)
}

impl Activation for Silu {
    fn derivative(self, x: &Tensor) -> Result<Tensor, TensorError> {
        derivatives::silu(x)
    }
}

impl Activation for Gelu {
    fn derivative(self, x: &Tensor) -> Result<Tensor, TensorError> {
        let below =
            x.try_mul_scalar(std::f64::consts::FRAC_1_SQRT_2)?.try_erf()?.try_add_scalar(1.0)?.try_mul_scalar(0.5)?;
        let density = x.try_square()?.try_mul_scalar(-0.5)?.try_exp()?;
        let density = density.try_mul_scalar(1.0 / (2.0 * std::f64::consts::PI).sqrt())?;
        below.try_add(&x.try_mul(&density)?)
    }
}

impl Activation for GeluTanh {
    fn derivative(self, x: &Tensor) -> Result<Tensor, TensorError> {
        let square = x.try_square()?;
        let argument =
            x.try_mul(&square.try_mul_scalar(Self::CUBE)?.try_add_scalar(1.0)?)?.try_mul_scalar(Self::SCALE)?;
        let slope = square.try_mul_scalar(3.0 * Self::CUBE)?.try_add_scalar(1.0)?.try_mul_scalar(Self::SCALE)?;
        let y = argument.try_sigmoid()?;
        let bend = y.try_mul(&y.try_neg()?.try_add_scalar(1.0)?)?;
        y.try_add(&x.try_mul(&bend)?.try_mul(&slope)?)
    }
}

impl Activation for Erf {
    fn derivative(self, x: &Tensor) -> Result<Tensor, TensorError> {
        x.try_square()?.try_neg()?.try_exp()?.try_mul_scalar(std::f64::consts::FRAC_2_SQRT_PI)
    }
}

impl Activation for LeakyRelu {
    fn derivative(self, x: &Tensor) -> Result<Tensor, TensorError> {
        positive(x)?.try_where_(&x.ones_like(), &x.full_like(self.slope))
    }
}

impl Activation for Elu {
    fn derivative(self, x: &Tensor) -> Result<Tensor, TensorError> {
        // Only what is not positive goes through the exponential: 0 · ∞ would be NaN.
        let below = x.try_clamp(f64::NEG_INFINITY, 0.0)?.try_exp()?.try_mul_scalar(self.alpha * self.scale)?;
        positive(x)?.try_where_(&x.full_like(self.scale), &below)
    }
}

impl Activation for Softplus {
    fn derivative(self, x: &Tensor) -> Result<Tensor, TensorError> {
        x.try_mul_scalar(self.beta)?.try_sigmoid()
    }
}

impl Activation for Mish {
    fn derivative(self, x: &Tensor) -> Result<Tensor, TensorError> {
        let t = x.try_softplus(1.0)?.try_tanh()?;
        let rest = t.try_square()?.try_neg()?.try_add_scalar(1.0)?;
        t.try_add(&x.try_mul(&rest)?.try_mul(&x.try_sigmoid()?)?)
    }
}

impl Activation for Hardsigmoid {
    fn derivative(self, x: &Tensor) -> Result<Tensor, TensorError> {
        step(x, 1.0 / 6.0)
    }
}

impl Activation for Hardswish {
    fn derivative(self, x: &Tensor) -> Result<Tensor, TensorError> {
        let inside = x.try_mul_scalar(1.0 / 3.0)?.try_add_scalar(0.5)?;
        step(x, 1.0)?.try_to_dtype(DType::Bool)?.try_where_(&inside, &positive(x)?.try_to_dtype(x.dtype())?)
    }
}

struct ActivationBackward<F> {
    op: &'static str,
    function: F,
    x: SavedTensor,
}

impl<F: Activation> Backward for ActivationBackward<F> {
    fn backward(&self, grad: &Tensor, _needs: &[bool]) -> Result<Vec<Option<Tensor>>, TensorError> {
        let x = self.x.get(self.op)?;
        Ok(vec![Some(dispatch_float!(grad.dtype(), self.op, |T| {
            map_gradient::<T, F>(self.op, x, grad, self.function)?
        }))])
    }

    fn differentiable(&self, grad: &Tensor, _needs: &[bool], recording: &Recording) -> Gradients {
        let x = recording.input(0, self.x.get(self.op)?);
        Ok(vec![Some(grad.try_mul(&self.function.derivative(&x)?)?)])
    }
}

fn activate<F: Activation>(op: &'static str, x: &Tensor, function: F) -> Result<Tensor, TensorError> {
    if x.dtype() == DType::BF16 {
        return crate::autocast::rounded(x, |x| activate(op, x, function));
    }
    let y = dispatch_float!(x.dtype(), op, |T| map_function::<T, F>(x, function));
    Ok(y.record(op, &[x], || ActivationBackward { op, function, x: SavedTensor::new(x) }))
}

/// Defines `name` and `try_name` on [`Tensor`], for float tensors, through [`activate`].
macro_rules! activation {
    ($(#[$doc:meta])* $name:ident, $try_name:ident, ($($parameter:ident),*), $activation:expr) => {
        impl Tensor {
            $(#[$doc])*
            ///
            /// # Panics
            /// When the tensor is not a float tensor.
            #[track_caller]
            pub fn $name(&self $(, $parameter: f64)*) -> Tensor {
                self.$try_name($($parameter),*).or_panic()
            }

            #[doc = concat!("Like [`", stringify!($name), "`](Self::", stringify!($name), "), with a mistake as an error.")]
            pub fn $try_name(&self $(, $parameter: f64)*) -> Result<Tensor, TensorError> {
                activate(stringify!($name), self, $activation)
            }
        }
    };
}

activation!(
    /// Exponential linear unit: `x` above 0, `alpha (eˣ - 1)` below. PyTorch's default `alpha` is 1.
    ///
    /// ```
    /// use striate_tensor::Tensor;
    /// assert_eq!(Tensor::from_slice(&[2.0f32, f32::NEG_INFINITY], &[2]).elu(1.0).to_vec::<f32>(), [2.0, -1.0]);
    /// ```
    elu, try_elu, (alpha), Elu { alpha, scale: 1.0 }
);
activation!(
    /// Scaled exponential linear unit, with the constants that keep activations near mean 0 and variance 1.
    ///
    /// ```
    /// use striate_tensor::Tensor;
    /// assert_eq!(Tensor::scalar(1.0f32).selu().item::<f32>(), 1.050_701);
    /// ```
    selu, try_selu, (), Elu { alpha: SELU_ALPHA, scale: SELU_SCALE }
);
activation!(
    /// A smooth `relu`: `log(1 + e^(beta x)) / beta`, without overflow. PyTorch's default `beta` is 1.
    ///
    /// ```
    /// use striate_tensor::Tensor;
    /// assert_eq!(Tensor::from_slice(&[0.0f64, 1000.0], &[2]).softplus(1.0).to_vec::<f64>(), [2f64.ln(), 1000.0]);
    /// ```
    softplus, try_softplus, (beta), Softplus { beta }
);
activation!(
    /// `x · tanh(softplus(x))`.
    ///
    /// ```
    /// use striate_tensor::Tensor;
    /// assert_eq!(Tensor::from_slice(&[0.0f32, 100.0], &[2]).mish().to_vec::<f32>(), [0.0, 100.0]);
    /// ```
    mish, try_mish, (), Mish {}
);
activation!(
    /// A sigmoid made of three straight lines: 0 up to -3, 1 from 3 on.
    ///
    /// ```
    /// use striate_tensor::Tensor;
    /// assert_eq!(Tensor::from_slice(&[-4.0f32, 0.0, 3.0], &[3]).hardsigmoid().to_vec::<f32>(), [0.0, 0.5, 1.0]);
    /// ```
    hardsigmoid, try_hardsigmoid, (), Hardsigmoid {}
);
activation!(
    /// `x · hardsigmoid(x)`: `silu` without an exponential.
    ///
    /// ```
    /// use striate_tensor::Tensor;
    /// assert_eq!(Tensor::from_slice(&[-4.0f32, 0.0, 3.0], &[3]).hardswish().to_vec::<f32>(), [0.0, 0.0, 3.0]);
    /// ```
    hardswish, try_hardswish, (), Hardswish {}
);

activation!(
    /// `x` above 0, `slope · x` below. PyTorch's default slope is 0.01.
    ///
    /// ```
    /// use striate_tensor::Tensor;
    /// assert_eq!(Tensor::from_slice(&[-2.0f32, 3.0], &[2]).leaky_relu(0.5).to_vec::<f32>(), [-1.0, 3.0]);
    /// ```
    leaky_relu, try_leaky_relu, (slope), LeakyRelu { slope }
);
activation!(
    /// Sigmoid linear unit, `x · sigmoid(x)`, also called swish.
    silu, try_silu, (), Silu {}
);
activation!(
    /// The Gaussian error linear unit (Hendrycks and Gimpel 2016), `x · Φ(x)`, in its exact form: a smooth gate that passes
    /// large `x` and stops very negative ones.
    ///
    /// ```
    /// use striate_tensor::Tensor;
    /// let y = Tensor::from_slice(&[0.0f64, 1.0, -10.0], &[3]).gelu().to_vec::<f64>();
    /// assert!(y[0] == 0.0 && (y[1] - 0.841_344_746_068_543).abs() < 1e-14 && y[2].abs() < 1e-20);
    /// ```
    gelu, try_gelu, (), Gelu {}
);
activation!(
    /// [`gelu`](Self::gelu) by a hyperbolic tangent (PyTorch's `approximate="tanh"`), as GPT-2 has it; within 5e-4 of the
    /// exact form.
    ///
    /// ```
    /// use striate_tensor::Tensor;
    /// let y = Tensor::from_slice(&[0.0f64, 1.0], &[2]).gelu_tanh().to_vec::<f64>();
    /// assert!(y[0] == 0.0 && (y[1] - 0.841_191_990_608).abs() < 1e-11);
    /// ```
    gelu_tanh, try_gelu_tanh, (), GeluTanh {}
);
activation!(
    /// The error function of each element: twice the probability that a normal number of variance 1/2 lies between 0
    /// and `x`.
    ///
    /// ```
    /// use striate_tensor::Tensor;
    /// let y = Tensor::from_slice(&[0.0f32, 10.0, -10.0], &[3]).erf();
    /// assert_eq!(y.to_vec::<f32>(), [0.0, 1.0, -1.0]);
    /// ```
    erf, try_erf, (), Erf {}
);

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
