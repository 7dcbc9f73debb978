//! The fully connected layer.

use striate_tensor::Tensor;
use striate_tensor::random::Generator;

use crate::{Context, Module, ModuleError, Slot, init};

/// `y = x W^T + b`: `[..., in] -> [..., out]`.
///
/// Weight `[out, in]` and bias `[out]` start uniform in `±1 / sqrt(in)`, as in PyTorch.
#[derive(Debug)]
pub struct Linear {
    weight: Tensor,
    bias: Option<Tensor>,
}

impl Linear {
    /// A layer with a bias.
    pub fn new(in_features: usize, out_features: usize, generator: &mut Generator) -> Self {
        Self::with_bias(in_features, out_features, true, generator)
    }

    /// A layer with or without a bias.
    pub fn with_bias(in_features: usize, out_features: usize, bias: bool, generator: &mut Generator) -> Self {
        let (weight, bias) = init::default_weight_and_bias(&[out_features, in_features], bias, generator);
        Self { weight, bias }
    }

    /// A layer with given parameters: weight `[out, in]`, bias `[out]`.
    pub fn from_parameters(weight: Tensor, bias: Option<Tensor>) -> Self {
        Self { weight: weight.requires_grad_(true), bias: bias.map(|bias| bias.requires_grad_(true)) }
    }

    /// `[out, in]`
    pub fn weight(&self) -> &Tensor {
        &self.weight
    }

    /// `[out]`
    pub fn bias(&self) -> Option<&Tensor> {
        self.bias.as_ref()
    }
}

impl Module for Linear {
    fn try_forward(&self, input: &Tensor, _context: &Context) -> Result<Tensor, ModuleError> {
        Ok(input.try_linear(&self.weight, self.bias.as_ref())?)
    }

    fn visit<'a>(&'a self, visitor: &mut dyn FnMut(&str, Slot<'a>)) {
        visitor("weight", Slot::Parameter(&self.weight));
        if let Some(bias) = &self.bias {
            visitor("bias", Slot::Parameter(bias));
        }
    }

    fn describe(&self) -> String {
        let (out_features, in_features) = (self.weight.shape()[0], self.weight.shape()[1]);
        let bias = if self.bias.is_some() { "" } else { ", no bias" };
        format!("Linear({in_features} -> {out_features}{bias})")
    }
}
