//! Alike or not, by the distance.

use striate_tensor::{Reduction, Tensor};

use super::{reduce, same_shape};

/// The contrastive loss on pairs of rows `[n, features]` (Hadsell, Chopra and LeCun 2006), with the distance `d` of a pair:
/// `d² / 2` where `targets` (`[n]`, of the rows' dtype) is 1, for alike, and `max(0, margin - d)² / 2` where it is 0;
/// `margin` is 1 unless set.
///
/// ```
/// use striate_nn::loss::contrastive_loss;
/// use striate_tensor::Tensor;
///
/// let (a, b) = (Tensor::from_slice(&[0.0_f32, 0.0], &[2, 1]), Tensor::from_slice(&[2.0_f32, 0.5], &[2, 1]));
/// let loss = contrastive_loss(&a, &b, &Tensor::from_slice(&[1.0_f32, 0.0], &[2]));
/// assert_eq!(loss.item::<f32>(), (2.0 + 0.125) / 2.0);
/// ```
#[track_caller]
pub fn contrastive_loss(a: &Tensor, b: &Tensor, targets: &Tensor) -> Tensor {
    contrastive_loss_with(a, b, targets, 1.0, Reduction::Mean)
}

/// [`contrastive_loss`] with a choice of `margin` and reduction.
#[track_caller]
pub fn contrastive_loss_with(a: &Tensor, b: &Tensor, targets: &Tensor, margin: f64, reduction: Reduction) -> Tensor {
    same_shape("contrastive_loss", a, b);
    // The norm has the gradient 0 for equal rows, where the square root would have none.
    let distance = a.sub(b).norm(2.0, &[-1], false);
    same_shape("contrastive_loss", &distance, targets);
    let apart = distance.neg().add_scalar(margin).relu().square();
    let other = targets.neg().add_scalar(1.0);
    reduce(targets.mul(&distance.square()).add(&other.mul(&apart)).mul_scalar(0.5), reduction)
}

/// Each row of `a` finds its partner in `b`, both `[n, features]`, among all rows of `b`: the cross-entropy of the cosines
/// divided by `temperature` (InfoNCE, van den Oord et al. 2018; one direction of NT-Xent).
///
/// ```
/// use striate_nn::loss::info_nce_loss;
/// use striate_tensor::{DType, Tensor};
///
/// let rows = Tensor::eye(4, DType::F32);
/// assert!(info_nce_loss(&rows, &rows, 0.1).item::<f32>() < 1e-3);
/// assert!(info_nce_loss(&rows, &rows.flip(&[0]), 0.1).item::<f32>() > 9.0);
/// ```
#[track_caller]
pub fn info_nce_loss(a: &Tensor, b: &Tensor, temperature: f64) -> Tensor {
    same_shape("info_nce_loss", a, b);
    // As in PyTorch's `normalize`, rows of zeros stay zeros.
    let unit = |x: &Tensor| x.div(&x.norm(2.0, &[-1], true).clamp(1e-12, f64::INFINITY));
    let scores = unit(a).matmul(&unit(b).t()).div_scalar(temperature);
    let partners = Tensor::arange(0_i64, a.size(0) as i64, 1);
    scores.cross_entropy(&partners, Reduction::Mean)
}
