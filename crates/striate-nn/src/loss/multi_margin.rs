//! The hinge over classes.

use striate_tensor::{Reduction, Tensor};

use super::reduce;

/// The hinge loss over classes (Crammer and Singer 2001; PyTorch's `multi_margin_loss` with p = 1): the sum over the wrong
/// classes of `max(0, margin - x[target] + x[class])`, divided by the number of classes.
///
/// `scores`: `[n, classes]`; `targets`: `i64` `[n]`; `margin` is 1 unless set.
///
/// ```
/// use striate_nn::loss::multi_margin_loss;
/// use striate_tensor::Tensor;
///
/// let loss = multi_margin_loss(&Tensor::from_slice(&[2.0_f32, 1.5], &[1, 2]), &Tensor::from_slice(&[0_i64], &[1]));
/// assert_eq!(loss.item::<f32>(), 0.25);
/// ```
#[track_caller]
pub fn multi_margin_loss(scores: &Tensor, targets: &Tensor) -> Tensor {
    multi_margin_loss_with(scores, targets, 1.0, Reduction::Mean)
}

/// [`multi_margin_loss`] with a choice of `margin` and reduction.
#[track_caller]
pub fn multi_margin_loss_with(scores: &Tensor, targets: &Tensor, margin: f64, reduction: Reduction) -> Tensor {
    let own = scores.gather(1, &targets.unsqueeze(1));
    let hinge = scores.sub(&own).add_scalar(margin).relu();
    let wrong = targets.one_hot(scores.size(1)).to_dtype(scores.dtype()).neg().add_scalar(1.0);
    reduce(hinge.mul(&wrong).mean(&[1], false), reduction)
}
