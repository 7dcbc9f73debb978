//! Squared differences.

use striate_tensor::{Reduction, Tensor};

use super::{reduce, same_shape};

/// The squared difference, element by element. Both of the same shape.
#[track_caller]
pub fn mse_loss(prediction: &Tensor, target: &Tensor) -> Tensor {
    mse_loss_with(prediction, target, Reduction::Mean)
}

/// [`mse_loss`] with a choice of reduction.
#[track_caller]
pub fn mse_loss_with(prediction: &Tensor, target: &Tensor, reduction: Reduction) -> Tensor {
    same_shape("mse_loss", prediction, target);
    reduce(prediction.sub(target).square(), reduction)
}
