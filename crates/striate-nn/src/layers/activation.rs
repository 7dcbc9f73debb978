//! Activation functions as layers.

use striate_tensor::Tensor;

use crate::{Context, Kind, Module, ModuleError};

/// A layer without settings: the method of [`Tensor`] that it is.
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

/// A layer with one number, and what it does.
macro_rules! activation_with {
    ($(#[$doc:meta])* $name:ident, $setting:ident = $default:literal, |$x:ident| $value:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy)]
        pub struct $name {
            $setting: f64,
        }

        impl $name {
            #[doc = concat!("With this `", stringify!($setting), "`; ", stringify!($default), " is the default.")]
            pub fn new($setting: f64) -> Self {
                Self { $setting }
            }
        }

        impl Default for $name {
            fn default() -> Self {
                Self::new($default)
            }
        }

        impl Module for $name {
            fn try_forward(&self, $x: &Tensor, _context: &Context) -> Result<Tensor, ModuleError> {
                let $setting = self.$setting;
                Ok($value?)
            }

            fn describe(&self) -> String {
                format!(concat!(stringify!($name), "({})"), self.$setting)
            }
        }
    };
}
pub(super) use activation_with;

/// A layer that works along one dimension.
macro_rules! along {
    ($(#[$doc:meta])* $name:ident, |$x:ident, $dim:ident| $value:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy)]
        pub struct $name {
            dim: isize,
        }

        impl $name {
            /// Over dimension `dim`; negative ones count from the end.
            pub fn new(dim: isize) -> Self {
                Self { dim }
            }
        }

        impl Module for $name {
            fn try_forward(&self, $x: &Tensor, _context: &Context) -> Result<Tensor, ModuleError> {
                let $dim = self.dim;
                Ok($value?)
            }

            fn describe(&self) -> String {
                format!(concat!(stringify!($name), "(dim {})"), self.dim)
            }
        }
    };
}
pub(super) use along;

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
    /// [`GELU`] by a hyperbolic tangent: PyTorch's `GELU(approximate="tanh")`, as GPT-2 has it.
    GELUTanh, try_gelu_tanh
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
activation!(
    /// `x * clamp(x + 3, 0, 6) / 6`: [`SiLU`] without an exponential (Howard et al. 2019).
    Hardswish, try_hardswish
);

activation_with!(
    /// `x` above 0, `negative_slope * x` below.
    ///
    /// ```
    /// use striate_nn::{Context, Module, LeakyReLU};
    /// use striate_tensor::Tensor;
    ///
    /// let y = LeakyReLU::default().forward(&Tensor::from_slice(&[-1.0_f32, 2.0], &[2]), &Context::eval());
    /// assert_eq!(y.to_vec::<f32>(), [-0.01, 2.0]);
    /// ```
    LeakyReLU, negative_slope = 0.01, |x| x.try_leaky_relu(negative_slope)
);
activation_with!(
    /// `x` above 0, `alpha * (exp(x) - 1)` below (Clevert et al. 2016).
    ///
    /// ```
    /// use striate_nn::{Context, Module, ELU};
    /// use striate_tensor::Tensor;
    ///
    /// let y = ELU::default().forward(&Tensor::from_slice(&[-1.0_f32, 2.0], &[2]), &Context::eval()).to_vec::<f32>();
    /// assert!((y[0] + 0.632_120_6).abs() < 1e-6 && y[1] == 2.0);
    /// ```
    ELU, alpha = 1.0, |x| x.try_elu(alpha)
);
activation_with!(
    /// `x` above 0, `alpha * (exp(x / alpha) - 1)` below: an [`ELU`] without a kink for any `alpha` (Barron 2017).
    CELU, alpha = 1.0, |x| x.try_div_scalar(alpha).and_then(|x| x.try_elu(1.0)).and_then(|y| y.try_mul_scalar(alpha))
);
activation_with!(
    /// `log(1 + exp(beta * x)) / beta`: a smooth ReLU.
    ///
    /// ```
    /// use striate_nn::{Context, Module, Softplus};
    /// use striate_tensor::Tensor;
    ///
    /// let y = Softplus::default().forward(&Tensor::from_slice(&[-1.0_f32, 2.0], &[2]), &Context::eval()).to_vec::<f32>();
    /// assert!((y[0] - 0.313_261_7).abs() < 1e-6 && (y[1] - 2.126_928).abs() < 1e-6);
    /// ```
    Softplus, beta = 1.0, |x| x.try_softplus(beta)
);

along!(
    /// Probabilities over one dimension. For a loss take [`LogSoftmax`], or logits and
    /// [`cross_entropy`](crate::loss::cross_entropy).
    Softmax, |x, dim| x.try_softmax(dim)
);
along!(
    /// Logarithm of the softmax over one dimension.
    LogSoftmax, |x, dim| x.try_log_softmax(dim)
);
along!(
    /// The [`Softmax`] of `-x`: the smallest is the most probable.
    Softmin, |x, dim| x.try_neg().and_then(|x| x.try_softmax(dim))
);

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
