//! Cross-entropy that looks away from what is easy.

use striate_tensor::{Reduction, Tensor};

use super::{reduce, same_shape};

/// [`bce_with_logits`](super::bce_with_logits) times `(1 - p)^gamma`, `p` being the probability given to the truth (Lin et
/// al. 2017; torchvision's `sigmoid_focal_loss`), and times `alpha` where the target is 1, `1 - alpha` where it is 0. Unless
/// set, `alpha` is 0.25 and `gamma` 2. `logits` and `target` of the same shape.
///
/// ```
/// use striate_nn::loss::{bce_with_logits, sigmoid_focal_loss};
/// use striate_tensor::Tensor;
///
/// // Easy: almost nothing is left.
/// let (logits, target) = (Tensor::from_slice(&[4.0_f32], &[1]), Tensor::from_slice(&[1.0_f32], &[1]));
/// let (focal, plain) = (sigmoid_focal_loss(&logits, &target), bce_with_logits(&logits, &target));
/// assert!(focal.item::<f32>() < 1e-3 * plain.item::<f32>());
/// ```
#[track_caller]
pub fn sigmoid_focal_loss(logits: &Tensor, target: &Tensor) -> Tensor {
    sigmoid_focal_loss_with(logits, target, 0.25, 2.0, Reduction::Mean)
}

/// [`sigmoid_focal_loss`] with a choice of `alpha`, `gamma` and reduction.
#[track_caller]
pub fn sigmoid_focal_loss_with(
    logits: &Tensor,
    target: &Tensor,
    alpha: f64,
    gamma: f64,
    reduction: Reduction,
) -> Tensor {
    same_shape("sigmoid_focal_loss", logits, target);
    let losses = super::bce_with_logits_with(logits, target, Reduction::None);
    let probability = logits.sigmoid();
    // 1 - p for the truth: p + t - 2 p t is p where t is 0 and 1 - p where it is 1.
    let miss = probability.add(target).sub(&probability.mul(target).mul_scalar(2.0));
    let balance = target.mul_scalar(2.0 * alpha - 1.0).add_scalar(1.0 - alpha);
    reduce(losses.mul(&miss.pow(gamma)).mul(&balance), reduction)
}
