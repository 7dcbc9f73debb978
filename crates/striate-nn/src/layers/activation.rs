//! Activation functions as layers.

use striate_tensor::Tensor;

use crate::{Context, Module, ModuleError};

macro_rules! activation {
    ($(#[$doc:meta])* $name:ident, $method:ident) => {
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
        }
    };
}

activation!(
    /// `max(x, 0)`
    ReLU, try_relu
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
