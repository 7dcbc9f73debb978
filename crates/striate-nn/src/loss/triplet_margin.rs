//! Nearer to the alike than to the others.

use striate_tensor::{Reduction, Tensor};

use super::{reduce, same_shape};

/// `max(0, |anchor - positive| - |anchor - negative| + margin)` for each row of three `[n, features]` (Schroff et al. 2015;
/// PyTorch's `triplet_margin_loss` with p = 2); `margin` is 1 unless set.
///
/// ```
/// use striate_nn::loss::triplet_margin_loss;
/// use striate_tensor::Tensor;
///
/// let point = |x: f32| Tensor::from_slice(&[x, 0.0], &[1, 2]);
/// let loss = triplet_margin_loss(&point(0.0), &point(1.0), &point(1.5));
/// assert!((loss.item::<f32>() - 0.5).abs() < 1e-5);
/// ```
#[track_caller]
pub fn triplet_margin_loss(anchor: &Tensor, positive: &Tensor, negative: &Tensor) -> Tensor {
    triplet_margin_loss_with(anchor, positive, negative, 1.0, Reduction::Mean)
}

/// [`triplet_margin_loss`] with a choice of `margin` and reduction.
#[track_caller]
pub fn triplet_margin_loss_with(
    anchor: &Tensor,
    positive: &Tensor,
    negative: &Tensor,
    margin: f64,
    reduction: Reduction,
) -> Tensor {
    same_shape("triplet_margin_loss", anchor, positive);
    same_shape("triplet_margin_loss", anchor, negative);
    // As in PyTorch, a small number keeps the root's gradient finite for equal rows.
    let distance = |other: &Tensor| anchor.sub(other).add_scalar(1e-6).square().sum(&[-1], false).sqrt();
    reduce(distance(positive).sub(&distance(negative)).add_scalar(margin).relu(), reduction)
}
