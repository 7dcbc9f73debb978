//! Trading time for memory.

use std::sync::{Arc, Mutex, PoisonError};

use striate_tensor::{Tensor, try_checkpoint};

use crate::{Context, Module, ModuleError, Slot};

/// A module whose inside is not kept for the backward pass but computed again there (Chen et al. 2016): of its activations
/// only the input stays in memory, for about a third more time.
///
/// Gradients are the same bit for bit: dropout draws the same masks again, and batch norm counts a batch once. In
/// evaluation, and for its parameters' names, it is the module it holds. A [`Context::capture`] sees its output only;
/// [`Hooks`](crate::Hooks) on outputs inside are called each time these are computed, those on gradients once.
///
/// ```
/// use striate_nn::{Checkpoint, Context, Dropout, Linear, Module, ReLU, Sequential};
/// use striate_tensor::{Tensor, random::Generator};
///
/// let generator = &mut Generator::new(0);
/// let block = Sequential::new()
///     .with("fc", Linear::new(8, 8, generator))
///     .with("relu", ReLU)
///     .with("dropout", Dropout::new(0.5));
/// let model = Sequential::new().with("block", Checkpoint::new(block)).with("head", Linear::new(8, 2, generator));
/// model.forward(&Tensor::randn(&[4, 8], generator), &Context::train(0, 0)).sum_all().backward();
/// assert_eq!(model.named_parameters()[0].0, "block.fc.weight");
/// assert!(model.named_parameters()[0].1.grad().is_some());
/// ```
pub struct Checkpoint {
    module: Arc<dyn Module>,
}

impl Checkpoint {
    /// Wraps `module`.
    pub fn new(module: impl Module + 'static) -> Self {
        Self { module: Arc::new(module) }
    }
}

impl Module for Checkpoint {
    fn try_forward(&self, input: &Tensor, context: &Context) -> Result<Tensor, ModuleError> {
        if !context.training() {
            return self.module.try_forward(input, context);
        }
        // The first call is this pass and runs in its context, to move it on; later ones repeat it from here.
        let place = context.place();
        let first = first_call(&*self.module, input, context)?;
        let (first, module) = (Mutex::new(Some(first)), Arc::clone(&self.module));
        let output = try_checkpoint(&[input], move |inputs| {
            let first = first.lock().unwrap_or_else(PoisonError::into_inner).take();
            match first {
                Some(output) => Ok(output),
                None => module.try_forward(&inputs[0], &place.replay()).map_err(|error| error.error),
            }
        });
        Ok(output?)
    }

    fn visit<'a>(&'a self, visitor: &mut dyn FnMut(&str, Slot<'a>)) {
        self.module.visit(visitor);
    }

    fn describe(&self) -> String {
        format!("Checkpoint of {}", self.module.describe())
    }
}

fn first_call(module: &dyn Module, input: &Tensor, context: &Context) -> Result<Tensor, ModuleError> {
    striate_tensor::no_grad(|| module.try_forward(&input.detach(), context))
}
