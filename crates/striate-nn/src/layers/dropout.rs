//! Dropout.

use striate_tensor::Tensor;

use crate::{Context, Module, ModuleError};

/// In training, zeroes each value with probability `p` and divides the others by `1 - p`; in evaluation, nothing
/// (Srivastava et al. 2014).
///
/// The mask comes from [`Context::generator`]: the same seed, step and place in the model give the same mask.
#[derive(Debug, Clone, Copy)]
pub struct Dropout {
    p: f64,
}

impl Dropout {
    /// Drops with probability `p`.
    ///
    /// # Panics
    /// If `p` is not in `0..=1`.
    #[track_caller]
    pub fn new(p: f64) -> Self {
        assert!((0.0..=1.0).contains(&p), "Dropout: p = {p} is not a probability; choose a value from 0 to 1");
        Self { p }
    }
}

impl Module for Dropout {
    fn try_forward(&self, input: &Tensor, context: &Context) -> Result<Tensor, ModuleError> {
        if !context.training() {
            return Ok(input.clone());
        }
        Ok(input.try_dropout(self.p, &mut context.generator())?)
    }

    fn describe(&self) -> String {
        format!("Dropout({})", self.p)
    }
}
