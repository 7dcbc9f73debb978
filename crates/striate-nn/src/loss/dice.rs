//! The overlap of two regions.

use striate_tensor::{Reduction, Tensor};

use super::{reduce, same_shape};

/// `1 - (2 sum(p t) + smooth) / (sum(p) + sum(t) + smooth)` over the positions of each channel of `[n, c, ...]` (Milletari
/// et al. 2016, without their squares): for segmentation, where most positions are background. `prediction` holds
/// probabilities, `target` 0 or 1; `smooth`, 1 unless set, keeps empty regions finite.
///
/// ```
/// use striate_nn::loss::dice_loss;
/// use striate_tensor::Tensor;
///
/// let mask = Tensor::from_slice(&[1.0_f32, 0.0, 1.0, 1.0], &[1, 1, 2, 2]);
/// assert_eq!(dice_loss(&mask, &mask).item::<f32>(), 0.0);
/// ```
#[track_caller]
pub fn dice_loss(prediction: &Tensor, target: &Tensor) -> Tensor {
    dice_loss_with(prediction, target, 1.0, Reduction::Mean)
}

/// [`dice_loss`] with a choice of `smooth` and reduction.
#[track_caller]
pub fn dice_loss_with(prediction: &Tensor, target: &Tensor, smooth: f64, reduction: Reduction) -> Tensor {
    same_shape("dice_loss", prediction, target);
    let total = |x: &Tensor| x.flatten(2, -1).sum(&[2], false);
    let overlap = total(&prediction.mul(target)).mul_scalar(2.0).add_scalar(smooth);
    let union = total(prediction).add(&total(target)).add_scalar(smooth);
    reduce(overlap.div(&union).neg().add_scalar(1.0), reduction)
}
