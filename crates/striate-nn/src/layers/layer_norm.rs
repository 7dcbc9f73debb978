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
    normalized_shape: Vec<usize>,
    weight: Tensor,
    bias: Tensor,
    /// Whether scale and shift are learned.
    learned: [bool; 2],
    eps: f64,
}

impl LayerNorm {
    /// Over last dimensions of these sizes. Scale 1, shift 0, `eps` 1e-5.
    pub fn new(normalized_shape: &[usize]) -> Self {
        Self {
            normalized_shape: normalized_shape.to_vec(),
            weight: Tensor::ones(normalized_shape, DType::F32).requires_grad_(true),
            bias: Tensor::zeros(normalized_shape, DType::F32).requires_grad_(true),
            learned: [true; 2],
            eps: 1e-5,
        }
    }

    /// Whether there is a learned scale and shift.
    pub fn elementwise_affine(mut self, affine: bool) -> Self {
        self.learned = [affine; 2];
        self.learn()
    }

    /// Whether there is a learned shift beside the scale.
    pub fn bias(mut self, bias: bool) -> Self {
        self.learned[1] = bias;
        self.learn()
    }

    fn learn(self) -> Self {
        self.weight.requires_grad_(self.learned[0]);
        self.bias.requires_grad_(self.learned[1]);
        self
    }

    /// Added to the variance.
    pub fn eps(mut self, eps: f64) -> Self {
        self.eps = eps;
        self
    }
}

impl Module for LayerNorm {
    fn try_forward(&self, input: &Tensor, _context: &Context) -> Result<Tensor, ModuleError> {
        // A shift that is not learned stays 0.
        let affine = self.learned[0].then_some((&self.weight, &self.bias));
        Ok(input.try_layer_norm(&self.normalized_shape, affine, self.eps)?)
    }

    fn visit<'a>(&'a self, visitor: &mut dyn FnMut(&str, Slot<'a>)) {
        for (name, tensor, learned) in
            [("weight", &self.weight, self.learned[0]), ("bias", &self.bias, self.learned[1])]
        {
            if learned {
                visitor(name, Slot::Parameter(tensor));
            }
        }
    }

    fn describe(&self) -> String {
        format!("LayerNorm({:?})", self.normalized_shape)
    }
}
