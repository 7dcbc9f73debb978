//! Activation functions beyond those of `unary.rs` and `gelu.rs`, with their derivatives `dx = dy y'(x)`:
//!
//! ```text
//! leaky_relu    y = x above 0, slope x below                 y' = 1, slope
//! elu           y = x above 0, alpha (eˣ - 1) below          y' = 1, alpha eˣ
//! selu          y = scale elu(x)                             two constants that keep mean 0 and variance 1
//! softplus      y = log(1 + e^(beta x)) / beta               y' = sigmoid(beta x)
//! mish          y = x t, t = tanh(softplus(x))               y' = t + x (1 - t²) sigmoid(x)
//! hardsigmoid   y = clamp(x / 6 + 1/2, 0, 1)                 y' = 1/6 inside -3 .. 3, else 0
//! hardswish     y = x hardsigmoid(x)                         y' = x / 3 + 1/2 inside -3 .. 3, else 0 or 1
//! ```
//!
//! All but `leaky_relu` compute in `f64`: one loop serves them all.

use striate_kernels::Element;

use super::pointwise::{map, zip};
use crate::autograd::{Backward, Gradients, Recording, SavedTensor};
use crate::dtype::dispatch_float;
use crate::error::OrPanic;
use crate::{Tensor, TensorError};

/// Klambauer et al., *Self-normalizing neural networks*, 2017.
const SELU_ALPHA: f64 = 1.673_263_242_354_377_2;
const SELU_SCALE: f64 = 1.050_700_987_355_480_5;

#[derive(Clone, Copy)]
enum Activation {
    Elu { alpha: f64, scale: f64 },
    Softplus { beta: f64 },
    Mish,
    Hardsigmoid,
    Hardswish,
}

fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

fn softplus(x: f64) -> f64 {
    if x.is_nan() { x } else { x.max(0.0) + (-x.abs()).exp().ln_1p() }
}

impl Activation {
    fn value(self, x: f64) -> f64 {
        match self {
            Self::Elu { alpha, scale } => scale * if x > 0.0 { x } else { alpha * x.exp_m1() },
            Self::Softplus { beta } => softplus(beta * x) / beta,
            Self::Mish => x * softplus(x).tanh(),
            Self::Hardsigmoid => (x / 6.0 + 0.5).clamp(0.0, 1.0),
            Self::Hardswish => x * (x / 6.0 + 0.5).clamp(0.0, 1.0),
        }
    }

    fn derivative(self, x: f64) -> f64 {
        match self {
            Self::Elu { alpha, scale } => scale * if x > 0.0 { 1.0 } else { alpha * x.exp() },
            Self::Softplus { beta } => sigmoid(beta * x),
            Self::Mish => {
                let t = softplus(x).tanh();
                t + x * (1.0 - t * t) * sigmoid(x)
            }
            Self::Hardsigmoid => {
                if x.abs() < 3.0 {
                    1.0 / 6.0
                } else {
                    0.0
                }
            }
            Self::Hardswish if x.abs() < 3.0 => x / 3.0 + 0.5,
            Self::Hardswish => {
                if x > 0.0 {
                    1.0
                } else {
                    0.0
                }
            }
        }
    }

    /// The derivative by recorded operations.
    fn recorded_derivative(self, x: &Tensor) -> Result<Tensor, TensorError> {
        let positive = x.try_gt(&x.zeros_like())?;
        let steps = |slope: f64| -> Result<Tensor, TensorError> {
            let x = x.detach();
            x.try_abs()?.try_lt(&x.ones_like().try_mul_scalar(3.0)?)?.try_to_dtype(x.dtype())?.try_mul_scalar(slope)
        };
        match self {
            Self::Elu { alpha, scale } => {
                // Only what is not positive goes through the exponential: 0 · ∞ would be NaN.
                let below = x.try_clamp(f64::NEG_INFINITY, 0.0)?.try_exp()?.try_mul_scalar(alpha * scale)?;
                positive.try_where_(&x.ones_like().try_mul_scalar(scale)?, &below)
            }
            Self::Softplus { beta } => x.try_mul_scalar(beta)?.try_sigmoid(),
            Self::Mish => {
                let t = x.try_softplus(1.0)?.try_tanh()?;
                let rest = t.try_square()?.try_neg()?.try_add_scalar(1.0)?;
                t.try_add(&x.try_mul(&rest)?.try_mul(&x.try_sigmoid()?)?)
            }
            Self::Hardsigmoid => steps(1.0 / 6.0),
            Self::Hardswish => {
                let inside = x.try_mul_scalar(1.0 / 3.0)?.try_add_scalar(0.5)?;
                steps(1.0)?.try_to_dtype(crate::DType::Bool)?.try_where_(&inside, &positive.try_to_dtype(x.dtype())?)
            }
        }
    }
}

struct ActivationBackward {
    op: &'static str,
    activation: Activation,
    x: SavedTensor,
}

impl Backward for ActivationBackward {
    fn backward(&self, grad: &Tensor, _needs: &[bool]) -> Result<Vec<Option<Tensor>>, TensorError> {
        let (x, activation) = (self.x.get(self.op)?, self.activation);
        let dx = dispatch_float!(grad.dtype(), self.op, |T| {
            zip(self.op, x, grad, grad.dtype(), |x: T, g: T| -> T {
                g * activation.derivative(Element::to_f64(x)) as T
            })?
        });
        Ok(vec![Some(dx)])
    }

    fn differentiable(&self, grad: &Tensor, _needs: &[bool], recording: &Recording) -> Gradients {
        let x = recording.input(0, self.x.get(self.op)?);
        Ok(vec![Some(grad.try_mul(&self.activation.recorded_derivative(&x)?)?)])
    }
}

fn activate(op: &'static str, x: &Tensor, activation: Activation) -> Result<Tensor, TensorError> {
    let y = dispatch_float!(x.dtype(), op, |T| {
        map(x, x.dtype(), |x: T| -> T { activation.value(Element::to_f64(x)) as T })
    });
    Ok(y.record(op, &[x], || ActivationBackward { op, activation, x: SavedTensor::new(x) }))
}

struct LeakyReluBackward {
    slope: f64,
    x: SavedTensor,
}

impl Backward for LeakyReluBackward {
    fn backward(&self, grad: &Tensor, _needs: &[bool]) -> Result<Vec<Option<Tensor>>, TensorError> {
        const OP: &str = "leaky_relu";
        let x = self.x.get(OP)?;
        let dx = dispatch_float!(grad.dtype(), OP, |T| {
            let slope = self.slope as T;
            zip(OP, x, grad, grad.dtype(), |x: T, g: T| if x > 0.0 { g } else { slope * g })?
        });
        Ok(vec![Some(dx)])
    }

    fn differentiable(&self, grad: &Tensor, _needs: &[bool], _recording: &Recording) -> Gradients {
        let x = self.x.get("leaky_relu")?;
        Ok(vec![Some(x.try_gt(&x.zeros_like())?.try_where_(grad, &grad.try_mul_scalar(self.slope)?)?)])
    }
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
    elu, try_elu, (alpha), Activation::Elu { alpha, scale: 1.0 }
);
activation!(
    /// Scaled exponential linear unit, with the constants that keep activations near mean 0 and variance 1.
    ///
    /// ```
    /// use striate_tensor::Tensor;
    /// assert_eq!(Tensor::scalar(1.0f32).selu().item::<f32>(), 1.050_701);
    /// ```
    selu, try_selu, (), Activation::Elu { alpha: SELU_ALPHA, scale: SELU_SCALE }
);
activation!(
    /// A smooth `relu`: `log(1 + e^(beta x)) / beta`, without overflow. PyTorch's default `beta` is 1.
    ///
    /// ```
    /// use striate_tensor::Tensor;
    /// assert_eq!(Tensor::from_slice(&[0.0f64, 1000.0], &[2]).softplus(1.0).to_vec::<f64>(), [2f64.ln(), 1000.0]);
    /// ```
    softplus, try_softplus, (beta), Activation::Softplus { beta }
);
activation!(
    /// `x · tanh(softplus(x))`.
    ///
    /// ```
    /// use striate_tensor::Tensor;
    /// assert_eq!(Tensor::from_slice(&[0.0f32, 100.0], &[2]).mish().to_vec::<f32>(), [0.0, 100.0]);
    /// ```
    mish, try_mish, (), Activation::Mish
);
activation!(
    /// A sigmoid made of three straight lines: 0 up to -3, 1 from 3 on.
    ///
    /// ```
    /// use striate_tensor::Tensor;
    /// assert_eq!(Tensor::from_slice(&[-4.0f32, 0.0, 3.0], &[3]).hardsigmoid().to_vec::<f32>(), [0.0, 0.5, 1.0]);
    /// ```
    hardsigmoid, try_hardsigmoid, (), Activation::Hardsigmoid
);
activation!(
    /// `x · hardsigmoid(x)`: `silu` without an exponential.
    ///
    /// ```
    /// use striate_tensor::Tensor;
    /// assert_eq!(Tensor::from_slice(&[-4.0f32, 0.0, 3.0], &[3]).hardswish().to_vec::<f32>(), [0.0, 0.0, 3.0]);
    /// ```
    hardswish, try_hardswish, (), Activation::Hardswish
);

impl Tensor {
    /// `x` above 0, `slope · x` below. PyTorch's default slope is 0.01.
    ///
    /// ```
    /// use striate_tensor::Tensor;
    /// assert_eq!(Tensor::from_slice(&[-2.0f32, 3.0], &[2]).leaky_relu(0.5).to_vec::<f32>(), [-1.0, 3.0]);
    /// ```
    ///
    /// # Panics
    /// When the tensor is not a float tensor.
    #[track_caller]
    pub fn leaky_relu(&self, slope: f64) -> Tensor {
        self.try_leaky_relu(slope).or_panic()
    }

    /// Like [`leaky_relu`](Self::leaky_relu), with a mistake as an error.
    pub fn try_leaky_relu(&self, slope: f64) -> Result<Tensor, TensorError> {
        let y = dispatch_float!(self.dtype(), "leaky_relu", |T| {
            let factor = slope as T;
            map(self, self.dtype(), |x: T| if x > 0.0 { x } else { factor * x })
        });
        Ok(y.record("leaky_relu", &[self], || LeakyReluBackward { slope, x: SavedTensor::new(self) }))
    }
}
