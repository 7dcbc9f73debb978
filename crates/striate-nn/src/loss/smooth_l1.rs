//! Squared near 0, absolute beyond.

use striate_tensor::{Reduction, Tensor};

use super::{reduce, same_shape};

/// `d² / (2 beta)` for differences `d` below `beta` (1 unless set), `|d| - beta / 2` from there on (Girshick 2015). Both of
/// the same shape.
///
/// ```
/// use striate_nn::loss::smooth_l1_loss;
/// use striate_tensor::Tensor;
///
/// let loss = smooth_l1_loss(&Tensor::from_slice(&[0.0_f32, 1.0], &[2]), &Tensor::from_slice(&[0.5_f32, 4.0], &[2]));
/// assert_eq!(loss.item::<f32>(), (0.125 + 2.5) / 2.0);
/// ```
#[track_caller]
pub fn smooth_l1_loss(prediction: &Tensor, target: &Tensor) -> Tensor {
    smooth_l1_loss_with(prediction, target, 1.0, Reduction::Mean)
}

/// [`smooth_l1_loss`] with a choice of `beta` and reduction.
#[track_caller]
pub fn smooth_l1_loss_with(prediction: &Tensor, target: &Tensor, beta: f64, reduction: Reduction) -> Tensor {
    same_shape("smooth_l1_loss", prediction, target);
    assert!(beta > 0.0, "smooth_l1_loss: beta = {beta} must be above 0; for 0 use l1_loss");
    let distance = prediction.sub(target).abs();
    let near = distance.lt(&distance.full_like(beta));
    let squared = distance.square().mul_scalar(0.5 / beta);
    reduce(near.where_(&squared, &distance.add_scalar(-0.5 * beta)), reduction)
}
