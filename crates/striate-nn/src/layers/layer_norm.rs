//! Layer normalisation.

use striate_tensor::{DType, Tensor};

use crate::{Context, Module, ModuleError, Slot};

/// Normalises the last dimensions of each sample to mean 0 and variance 1, then scales and shifts each element (Ba et al.
/// 2016; PyTorch's `LayerNorm`).
///
/// ```
/// use striate_nn::{Context, LayerNorm, Module};
/// use striate_tensor::Tensor;
///
/// let x = Tensor::from_slice(&[1.0_f32, 3.0], &[1, 2]);
/// let y = LayerNorm::new(&[2]).forward(&x, &Context::eval()).to_vec::<f32>();
/// assert!((y[0] + 1.0).abs() < 1e-4 && (y[1] - 1.0).abs() < 1e-4);
/// ```
#[derive(Debug)]
pub struct LayerNorm {
    weight: Tensor,
    bias: Tensor,
    eps: f64,
}

impl LayerNorm {
    /// Over last dimensions of these sizes. Scale 1, shift 0, `eps` 1e-5.
    pub fn new(normalized_shape: &[usize]) -> Self {
        Self {
            weight: Tensor::ones(normalized_shape, DType::F32).requires_grad_(true),
            bias: Tensor::zeros(normalized_shape, DType::F32).requires_grad_(true),
            eps: 1e-5,
        }
    }

    /// Added to the variance.
    pub fn eps(mut self, eps: f64) -> Self {
        self.eps = eps;
        self
    }
}

impl Module for LayerNorm {
    fn try_forward(&self, input: &Tensor, _context: &Context) -> Result<Tensor, ModuleError> {
        Ok(input.try_layer_norm(self.weight.shape(), Some((&self.weight, &self.bias)), self.eps)?)
    }

    fn visit<'a>(&'a self, visitor: &mut dyn FnMut(&str, Slot<'a>)) {
        visitor("weight", Slot::Parameter(&self.weight));
        visitor("bias", Slot::Parameter(&self.bias));
    }

    fn describe(&self) -> String {
        format!("LayerNorm({:?})", self.weight.shape())
    }
}
