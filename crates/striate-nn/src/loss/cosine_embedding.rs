//! Alike or not, by the angle.

use striate_tensor::{Reduction, Tensor};

use super::{reduce, same_shape};

/// A contrastive loss on pairs of rows `[n, features]`: `1 - cos` where `targets` (`[n]`, of the rows' dtype) is 1, and
/// `max(0, cos - margin)` where it is -1 (PyTorch's `cosine_embedding_loss`); `margin` is 0 unless set.
///
/// ```
/// use striate_nn::loss::cosine_embedding_loss;
/// use striate_tensor::Tensor;
///
/// let (a, b) = (Tensor::from_slice(&[1.0_f32, 0.0], &[1, 2]), Tensor::from_slice(&[0.0_f32, 1.0], &[1, 2]));
/// assert_eq!(cosine_embedding_loss(&a, &b, &Tensor::from_slice(&[1.0_f32], &[1])).item::<f32>(), 1.0);
/// ```
#[track_caller]
pub fn cosine_embedding_loss(a: &Tensor, b: &Tensor, targets: &Tensor) -> Tensor {
    cosine_embedding_loss_with(a, b, targets, 0.0, Reduction::Mean)
}

/// [`cosine_embedding_loss`] with a choice of `margin` and reduction.
#[track_caller]
pub fn cosine_embedding_loss_with(
    a: &Tensor,
    b: &Tensor,
    targets: &Tensor,
    margin: f64,
    reduction: Reduction,
) -> Tensor {
    same_shape("cosine_embedding_loss", a, b);
    // As in PyTorch, a small number keeps rows of zeros finite.
    let squares = |x: &Tensor| x.square().sum(&[1], false).add_scalar(1e-12);
    let cosine = a.mul(b).sum(&[1], false).div(&squares(a).mul(&squares(b)).sqrt());
    let alike = targets.gt(&targets.zeros_like());
    let losses = alike.where_(&cosine.neg().add_scalar(1.0), &cosine.add_scalar(-margin).relu());
    reduce(losses, reduction)
}
