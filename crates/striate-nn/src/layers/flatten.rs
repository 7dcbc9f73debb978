//! From feature maps to feature vectors.

use striate_tensor::Tensor;

use crate::{Context, Module, ModuleError};

/// `[n, ...] -> [n, features]`: everything but the batch becomes one dimension, in logical (channel, row, column) order.
#[derive(Debug, Clone, Copy, Default)]
pub struct Flatten;

impl Module for Flatten {
    fn try_forward(&self, input: &Tensor, _context: &Context) -> Result<Tensor, ModuleError> {
        Ok(input.try_flatten(1, -1)?)
    }

    fn describe(&self) -> String {
        "Flatten".into()
    }
}
