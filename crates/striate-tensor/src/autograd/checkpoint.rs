//! Activation checkpointing: a part of the forward pass that keeps its inputs only, and is computed again when its
//! gradient is asked for (Chen et al., *Training deep nets with sublinear memory cost*, 2016).
//!
//! The walk back does not run such a node: it computes the part again, recorded this time, and goes on at the result. The
//! nodes made so are newer than all that wait, so they come next, in the order they would have had: gradients add up in
//! the same order as without a checkpoint, and are the same bit for bit.

use super::{Backward, Gradients, Recording, SavedTensor, enable_grad, is_grad_enabled, no_grad};
use crate::error::OrPanic;
use crate::{Tensor, TensorError};

/// `function` of `inputs`, of which only the inputs are kept for the backward pass; that computes `function` again.
///
/// The function may use parameters beside its inputs: they get their gradients. It must compute the same each time it is
/// called: random numbers from a generator it makes itself, nothing written that it reads.
///
/// ```
/// use striate_tensor::{Tensor, checkpoint};
/// let w = Tensor::scalar(3.0f32).requires_grad_(true);
/// let inside = w.clone();
/// let x = Tensor::scalar(2.0f32);
/// let y = checkpoint(&[&x], move |x| x[0].mul(&inside).exp().log());
/// y.backward();
/// assert_eq!(w.grad().unwrap().item::<f32>(), 2.0);
/// ```
///
/// # Panics
/// When `function` does. [`backward`](Tensor::backward) does when nothing inside requires gradients.
#[track_caller]
pub fn checkpoint(inputs: &[&Tensor], function: impl Fn(&[Tensor]) -> Tensor + Send + Sync + 'static) -> Tensor {
    try_checkpoint(inputs, move |inputs| Ok(function(inputs))).or_panic()
}

/// Like [`checkpoint`], for a function that returns its mistakes as errors.
///
/// # Errors
/// Those of `function`.
pub fn try_checkpoint(
    inputs: &[&Tensor],
    function: impl Fn(&[Tensor]) -> Result<Tensor, TensorError> + Send + Sync + 'static,
) -> Result<Tensor, TensorError> {
    // In the precision it has now, also when it is computed again outside the scope.
    let precision = crate::autocast::current();
    let function = move |inputs: &[Tensor]| crate::autocast::resume(precision, || function(inputs));
    let detached: Vec<Tensor> = inputs.iter().map(|input| input.detach()).collect();
    let output = no_grad(|| function(&detached))?;
    if !is_grad_enabled() {
        return Ok(output);
    }
    let saved = inputs.iter().map(|input| SavedTensor::new(input)).collect();
    // Recorded even when no input requires gradients: a parameter inside may.
    Ok(output.record_always(OP, inputs, Checkpoint { inputs: saved, function: Box::new(function) }))
}

const OP: &str = "checkpoint";

type Function = dyn Fn(&[Tensor]) -> Result<Tensor, TensorError> + Send + Sync;

struct Checkpoint {
    inputs: Vec<SavedTensor>,
    function: Box<Function>,
}

impl Backward for Checkpoint {
    fn recompute(&self, recording: &Recording) -> Option<Result<Tensor, TensorError>> {
        let inputs: Result<Vec<Tensor>, TensorError> =
            self.inputs.iter().enumerate().map(|(i, saved)| Ok(recording.input(i, saved.get(OP)?))).collect();
        let output = inputs.and_then(|inputs| enable_grad(|| (self.function)(&inputs)));
        Some(output.and_then(|output| if output.requires_grad() { Ok(output) } else { Err(nothing_inside()) }))
    }

    fn backward(&self, _grad: &Tensor, _needs: &[bool]) -> Gradients {
        unreachable!("the walk goes through what is computed again")
    }
}

fn nothing_inside() -> TensorError {
    TensorError::autograd(
        OP,
        "neither the inputs nor anything inside requires gradients",
        "call requires_grad_(true) on the parameters, or leave the checkpoint out",
    )
}
