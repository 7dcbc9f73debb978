//! The divergence of two distributions.

use striate_tensor::{Reduction, Tensor};

use super::{reduce, same_shape};

/// The Kullback-Leibler divergence `target * (log target - prediction)`, element by element: `prediction` holds
/// log-probabilities, `target` probabilities, both of the same shape. 0 where the target is 0.
///
/// The mean over elements is PyTorch's default, but only [`kl_div_batch_mean`] is the divergence of the mathematicians.
///
/// ```
/// use striate_nn::loss::kl_div;
/// use striate_tensor::Tensor;
///
/// let p = Tensor::from_slice(&[0.25_f32, 0.75], &[1, 2]);
/// assert_eq!(kl_div(&p.log(), &p).item::<f32>(), 0.0);
/// ```
#[track_caller]
pub fn kl_div(prediction: &Tensor, target: &Tensor) -> Tensor {
    kl_div_with(prediction, target, Reduction::Mean)
}

/// [`kl_div`] with a choice of reduction.
#[track_caller]
pub fn kl_div_with(prediction: &Tensor, target: &Tensor, reduction: Reduction) -> Tensor {
    same_shape("kl_div", prediction, target);
    let positive = target.gt(&target.zeros_like());
    let logs = positive.where_(target, &target.ones_like()).log();
    reduce(target.mul(&logs.sub(prediction)), reduction)
}

/// The divergence of each row of `[n, ...]`, averaged over the `n` rows (PyTorch's `reduction="batchmean"`).
#[track_caller]
pub fn kl_div_batch_mean(prediction: &Tensor, target: &Tensor) -> Tensor {
    kl_div_with(prediction, target, Reduction::Sum).div_scalar(prediction.size(0) as f64)
}

/// [`kl_div_with`] with a target of log-probabilities (PyTorch's `log_target=True`): finite where a probability is too small
/// for a float.
#[track_caller]
pub fn kl_div_log_target(prediction: &Tensor, log_target: &Tensor, reduction: Reduction) -> Tensor {
    same_shape("kl_div", prediction, log_target);
    reduce(log_target.exp().mul(&log_target.sub(prediction)), reduction)
}
