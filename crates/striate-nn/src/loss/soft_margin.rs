//! A smooth hinge, and losses of counts.

use striate_tensor::{Reduction, Tensor};

use super::{reduce, same_shape};

/// `log(1 + exp(-target * score))`, the smooth form of [`hinge_loss`](super::hinge_loss) (PyTorch's `soft_margin_loss`):
/// `scores` of any shape, `targets` 1 or -1 of the same shape and dtype.
///
/// ```
/// use striate_nn::loss::soft_margin_loss;
/// use striate_tensor::Tensor;
///
/// let loss = soft_margin_loss(&Tensor::from_slice(&[0.0_f32], &[1]), &Tensor::from_slice(&[-1.0_f32], &[1]));
/// assert!((loss.item::<f32>() - 2.0_f32.ln()).abs() < 1e-6);
/// ```
#[track_caller]
pub fn soft_margin_loss(scores: &Tensor, targets: &Tensor) -> Tensor {
    soft_margin_loss_with(scores, targets, Reduction::Mean)
}

/// [`soft_margin_loss`] with a choice of reduction.
#[track_caller]
pub fn soft_margin_loss_with(scores: &Tensor, targets: &Tensor, reduction: Reduction) -> Tensor {
    same_shape("soft_margin_loss", scores, targets);
    reduce(scores.mul(targets).neg().softplus(1.0), reduction)
}

/// `exp(log_rate) - target * log_rate`: the negative logarithm of the probability of the counts `targets` at the rates
/// `exp(log_rates)`, without its constant (PyTorch's `poisson_nll_loss` with its defaults).
#[track_caller]
pub fn poisson_nll_loss(log_rates: &Tensor, targets: &Tensor) -> Tensor {
    poisson_nll_loss_with(log_rates, targets, Reduction::Mean)
}

/// [`poisson_nll_loss`] with a choice of reduction.
#[track_caller]
pub fn poisson_nll_loss_with(log_rates: &Tensor, targets: &Tensor, reduction: Reduction) -> Tensor {
    same_shape("poisson_nll_loss", log_rates, targets);
    reduce(log_rates.exp().sub(&targets.mul(log_rates)), reduction)
}
