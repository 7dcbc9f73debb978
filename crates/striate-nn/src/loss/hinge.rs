//! Hinges of two classes and of pairs.

use striate_tensor::{Reduction, Tensor};

use super::{reduce, same_shape};

/// The hinge of a support vector machine, `max(0, 1 - target * score)`: `scores` of any shape, `targets` 1 or -1 of the same
/// shape and dtype. For more than two classes see [`multi_margin_loss`](super::multi_margin_loss).
///
/// ```
/// use striate_nn::loss::hinge_loss;
/// use striate_tensor::Tensor;
///
/// let scores = Tensor::from_slice(&[2.0_f32, 0.5, 0.5], &[3]);
/// let targets = Tensor::from_slice(&[1.0_f32, 1.0, -1.0], &[3]);
/// assert_eq!(hinge_loss(&scores, &targets).item::<f32>(), (0.0 + 0.5 + 1.5) / 3.0);
/// ```
#[track_caller]
pub fn hinge_loss(scores: &Tensor, targets: &Tensor) -> Tensor {
    hinge_loss_with(scores, targets, Reduction::Mean)
}

/// [`hinge_loss`] with a choice of reduction.
#[track_caller]
pub fn hinge_loss_with(scores: &Tensor, targets: &Tensor, reduction: Reduction) -> Tensor {
    same_shape("hinge_loss", scores, targets);
    reduce(scores.mul(targets).neg().add_scalar(1.0).relu(), reduction)
}

/// For distances that are to be small where `targets` is 1 and large where it is -1: the distance, and
/// `max(0, margin - distance)` (PyTorch's `hinge_embedding_loss`); `margin` is 1 unless set.
///
/// ```
/// use striate_nn::loss::hinge_embedding_loss;
/// use striate_tensor::Tensor;
///
/// let distances = Tensor::from_slice(&[0.5_f32, 0.25], &[2]);
/// assert_eq!(hinge_embedding_loss(&distances, &Tensor::from_slice(&[1.0_f32, -1.0], &[2])).item::<f32>(), 0.625);
/// ```
#[track_caller]
pub fn hinge_embedding_loss(distances: &Tensor, targets: &Tensor) -> Tensor {
    hinge_embedding_loss_with(distances, targets, 1.0, Reduction::Mean)
}

/// [`hinge_embedding_loss`] with a choice of `margin` and reduction.
#[track_caller]
pub fn hinge_embedding_loss_with(distances: &Tensor, targets: &Tensor, margin: f64, reduction: Reduction) -> Tensor {
    same_shape("hinge_embedding_loss", distances, targets);
    let near = targets.gt(&targets.zeros_like());
    reduce(near.where_(distances, &distances.neg().add_scalar(margin).relu()), reduction)
}

/// That `first` ranks above `second` where `targets` is 1, and below where it is -1:
/// `max(0, -target * (first - second) + margin)` (PyTorch's `margin_ranking_loss`); `margin` is 0 unless set.
///
/// ```
/// use striate_nn::loss::margin_ranking_loss;
/// use striate_tensor::Tensor;
///
/// let (first, second) = (Tensor::from_slice(&[3.0_f32, 1.0], &[2]), Tensor::from_slice(&[1.0_f32, 2.0], &[2]));
/// assert_eq!(margin_ranking_loss(&first, &second, &Tensor::from_slice(&[1.0_f32, 1.0], &[2])).item::<f32>(), 0.5);
/// ```
#[track_caller]
pub fn margin_ranking_loss(first: &Tensor, second: &Tensor, targets: &Tensor) -> Tensor {
    margin_ranking_loss_with(first, second, targets, 0.0, Reduction::Mean)
}

/// [`margin_ranking_loss`] with a choice of `margin` and reduction.
#[track_caller]
pub fn margin_ranking_loss_with(
    first: &Tensor,
    second: &Tensor,
    targets: &Tensor,
    margin: f64,
    reduction: Reduction,
) -> Tensor {
    same_shape("margin_ranking_loss", first, second);
    same_shape("margin_ranking_loss", first, targets);
    reduce(second.sub(first).mul(targets).add_scalar(margin).relu(), reduction)
}
