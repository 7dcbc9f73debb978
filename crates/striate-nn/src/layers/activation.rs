//! Activation functions as layers.

use striate_tensor::Tensor;

use crate::{Context, Kind, Module, ModuleError};

macro_rules! activation {
    ($(#[$doc:meta])* $name:ident, $method:ident $(, $kind:expr)?) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, Default)]
        pub struct $name;

        impl Module for $name {
            fn try_forward(&self, input: &Tensor, _context: &Context) -> Result<Tensor, ModuleError> {
                Ok(input.$method()?)
            }

            fn describe(&self) -> String {
                stringify!($name).into()
            }

            $(fn kind(&self) -> Kind {
                $kind
            })?
        }
    };
}

activation!(
    /// `max(x, 0)`
    ReLU, try_relu, Kind::ReLU
);
activation!(
    /// The hyperbolic tangent.
    Tanh, try_tanh
);
activation!(
    /// `1 / (1 + exp(-x))`
    Sigmoid, try_sigmoid
);
activation!(
    /// `x` times the normal distribution function of `x` (Hendrycks and Gimpel 2016), exact as PyTorch's default.
    GELU, try_gelu
);

activation!(
    /// `x * sigmoid(x)`, also called swish.
    SiLU, try_silu
);

activation!(
    /// `x * tanh(softplus(x))` (Misra 2019).
    Mish, try_mish
);
activation!(
    /// The scaled [`ELU`] that keeps activations near mean 0 and variance 1 (Klambauer et al. 2017).
    SELU, try_selu
);
activation!(
    /// `clamp(x / 6 + 1 / 2, 0, 1)`: a sigmoid of three straight lines.
    Hardsigmoid, try_hardsigmoid
);

/// `x` within limits: -1 and 1, unless set. `Hardtanh::new(0.0, 6.0)` is PyTorch's `ReLU6`.
///
/// ```
/// use striate_nn::{Context, Hardtanh, Module};
/// use striate_tensor::Tensor;
///
/// let y = Hardtanh::new(0.0, 6.0).forward(&Tensor::from_slice(&[-1.0_f32, 2.0, 9.0], &[3]), &Context::eval());
/// assert_eq!(y.to_vec::<f32>(), [0.0, 2.0, 6.0]);
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Hardtanh {
    low: f64,
    high: f64,
}

impl Hardtanh {
    /// With these limits.
    ///
    /// # Panics
    /// If `low` is not below `high`.
    #[track_caller]
    pub fn new(low: f64, high: f64) -> Self {
        assert!(low < high, "Hardtanh: the limits are {low} and {high}; give the lower one first");
        Self { low, high }
    }
}

impl Default for Hardtanh {
    fn default() -> Self {
        Self::new(-1.0, 1.0)
    }
}

impl Module for Hardtanh {
    fn try_forward(&self, input: &Tensor, _context: &Context) -> Result<Tensor, ModuleError> {
        Ok(input.try_clamp(self.low, self.high)?)
    }

    fn describe(&self) -> String {
        format!("Hardtanh({}, {})", self.low, self.high)
    }
}

/// Probabilities over one dimension. For a loss take [`LogSoftmax`], or logits and
/// [`cross_entropy`](crate::loss::cross_entropy).
#[derive(Debug, Clone, Copy)]
pub struct Softmax {
    dim: isize,
}

impl Softmax {
    /// Over dimension `dim`; negative ones count from the end.
    pub fn new(dim: isize) -> Self {
        Self { dim }
    }
}

impl Module for Softmax {
    fn try_forward(&self, input: &Tensor, _context: &Context) -> Result<Tensor, ModuleError> {
        Ok(input.try_softmax(self.dim)?)
    }

    fn describe(&self) -> String {
        format!("Softmax({})", self.dim)
    }
}

/// `x * clamp(x + 3, 0, 6) / 6`: [`SiLU`] without an exponential (Howard et al. 2019).
#[derive(Debug, Clone, Copy, Default)]
pub struct Hardswish;

impl Module for Hardswish {
    fn try_forward(&self, input: &Tensor, _context: &Context) -> Result<Tensor, ModuleError> {
        Ok(input.try_add_scalar(3.0)?.try_clamp(0.0, 6.0)?.try_mul_scalar(1.0 / 6.0)?.try_mul(input)?)
    }

    fn describe(&self) -> String {
        "Hardswish".into()
    }
}

/// What comes in goes out: for a place that may be empty.
#[derive(Debug, Clone, Copy, Default)]
pub struct Identity;

impl Module for Identity {
    fn try_forward(&self, input: &Tensor, _context: &Context) -> Result<Tensor, ModuleError> {
        Ok(input.clone())
    }

    fn describe(&self) -> String {
        "Identity".into()
    }
}

/// `x` above 0, `negative_slope * x` below.
///
/// ```
/// use striate_nn::{Context, Module, LeakyReLU};
/// use striate_tensor::Tensor;
///
/// let y = LeakyReLU::default().forward(&Tensor::from_slice(&[-1.0_f32, 2.0], &[2]), &Context::eval()).to_vec::<f32>();
/// assert_eq!(y, [-0.01, 2.0]);
/// ```
#[derive(Debug, Clone, Copy)]
pub struct LeakyReLU {
    negative_slope: f64,
}

impl LeakyReLU {
    /// With this slope; 0.01 is the default.
    pub fn new(negative_slope: f64) -> Self {
        Self { negative_slope }
    }
}

impl Default for LeakyReLU {
    fn default() -> Self {
        Self::new(0.01)
    }
}

impl Module for LeakyReLU {
    fn try_forward(&self, input: &Tensor, _context: &Context) -> Result<Tensor, ModuleError> {
        let below = input.try_neg()?.try_relu()?.try_mul_scalar(self.negative_slope)?;
        Ok(input.try_relu()?.try_sub(&below)?)
    }

    fn describe(&self) -> String {
        format!("LeakyReLU({})", self.negative_slope)
    }
}

/// `x` above 0, `alpha * (exp(x) - 1)` below (Clevert et al. 2016).
///
/// ```
/// use striate_nn::{Context, Module, ELU};
/// use striate_tensor::Tensor;
///
/// let y = ELU::default().forward(&Tensor::from_slice(&[-1.0_f32, 2.0], &[2]), &Context::eval()).to_vec::<f32>();
/// assert!((y[0] + 0.632_120_6).abs() < 1e-6 && y[1] == 2.0);
/// ```
#[derive(Debug, Clone, Copy)]
pub struct ELU {
    alpha: f64,
}

impl ELU {
    /// With this `alpha`; 1 is the default.
    pub fn new(alpha: f64) -> Self {
        Self { alpha }
    }
}

impl Default for ELU {
    fn default() -> Self {
        Self::new(1.0)
    }
}

impl Module for ELU {
    fn try_forward(&self, input: &Tensor, _context: &Context) -> Result<Tensor, ModuleError> {
        // Limited to 0, or the exponential of what is not used could overflow and spoil the gradient.
        let below = input.try_clamp(f64::NEG_INFINITY, 0.0)?.try_exp()?.try_add_scalar(-1.0)?;
        let positive = input.try_gt(&Tensor::zeros(&[], input.dtype()))?;
        Ok(positive.try_where_(input, &below.try_mul_scalar(self.alpha)?)?)
    }

    fn describe(&self) -> String {
        format!("ELU({})", self.alpha)
    }
}

/// `log(1 + exp(beta * x)) / beta`: a smooth ReLU.
///
/// ```
/// use striate_nn::{Context, Module, Softplus};
/// use striate_tensor::Tensor;
///
/// let y = Softplus::default().forward(&Tensor::from_slice(&[-1.0_f32, 2.0], &[2]), &Context::eval()).to_vec::<f32>();
/// assert!((y[0] - 0.313_261_7).abs() < 1e-6 && (y[1] - 2.126_928).abs() < 1e-6);
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Softplus {
    beta: f64,
}

impl Softplus {
    /// With this `beta`; 1 is the default.
    pub fn new(beta: f64) -> Self {
        Self { beta }
    }
}

impl Default for Softplus {
    fn default() -> Self {
        Self::new(1.0)
    }
}

impl Module for Softplus {
    fn try_forward(&self, input: &Tensor, _context: &Context) -> Result<Tensor, ModuleError> {
        // As the two-class log-softmax of (0, x), which is finite for every x.
        let scaled = input.try_mul_scalar(self.beta)?;
        let both = Tensor::try_stack(&[&scaled.zeros_like(), &scaled], 0)?.try_log_softmax(0)?;
        Ok(both.try_select(0, 0)?.try_mul_scalar(-1.0 / self.beta)?)
    }

    fn describe(&self) -> String {
        format!("Softplus({})", self.beta)
    }
}

/// Logarithm of the softmax over one dimension.
#[derive(Debug, Clone, Copy)]
pub struct LogSoftmax {
    dim: isize,
}

impl LogSoftmax {
    /// Normalises over `dim`; -1 is the last dimension.
    pub fn new(dim: isize) -> Self {
        Self { dim }
    }
}

impl Module for LogSoftmax {
    fn try_forward(&self, input: &Tensor, _context: &Context) -> Result<Tensor, ModuleError> {
        Ok(input.try_log_softmax(self.dim)?)
    }

    fn describe(&self) -> String {
        format!("LogSoftmax(dim {})", self.dim)
    }
}
