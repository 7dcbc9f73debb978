//! Absolute differences.

use striate_tensor::{Reduction, Tensor};

use super::{reduce, same_shape};

/// The absolute difference, element by element. Both of the same shape.
///
/// ```
/// use striate_nn::loss::l1_loss;
/// use striate_tensor::Tensor;
///
/// let loss = l1_loss(&Tensor::from_slice(&[0.0_f32, 1.0], &[2]), &Tensor::from_slice(&[0.5_f32, 4.0], &[2]));
/// assert_eq!(loss.item::<f32>(), 1.75);
/// ```
#[track_caller]
pub fn l1_loss(prediction: &Tensor, target: &Tensor) -> Tensor {
    l1_loss_with(prediction, target, Reduction::Mean)
}

/// [`l1_loss`] with a choice of reduction.
#[track_caller]
pub fn l1_loss_with(prediction: &Tensor, target: &Tensor, reduction: Reduction) -> Tensor {
    same_shape("l1_loss", prediction, target);
    reduce(prediction.sub(target).abs(), reduction)
}
