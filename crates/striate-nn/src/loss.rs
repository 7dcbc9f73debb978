//! Losses: a scalar that says how wrong the outputs are.
//!
//! Each has a `_with` twin that takes a [`Reduction`]; the short name takes the mean, like PyTorch. All panic with the
//! text of the operation when shapes or dtypes do not fit; the `try_` methods of [`Tensor`] return errors instead.

use striate_tensor::{Reduction, Tensor};

/// Softmax followed by the negative log-likelihood of the target class, computed together from logits so that extreme
/// logits stay finite.
///
/// `logits`: `[n, classes]` (or `[n, classes, ...]` with one decision per position); `targets`: `i64` of shape `[n]`
/// (or `[n, ...]`) with values in `0..classes`.
///
/// ```
/// use striate_nn::loss::cross_entropy;
/// use striate_tensor::Tensor;
///
/// let logits = Tensor::from_slice(&[0.0_f32, 0.0], &[1, 2]);
/// let loss = cross_entropy(&logits, &Tensor::from_slice(&[1_i64], &[1]));
/// assert!((loss.item::<f32>() - 2.0_f32.ln()).abs() < 1e-6);
/// ```
#[track_caller]
pub fn cross_entropy(logits: &Tensor, targets: &Tensor) -> Tensor {
    logits.cross_entropy(targets, Reduction::Mean)
}

/// [`cross_entropy`] with a choice of reduction.
#[track_caller]
pub fn cross_entropy_with(logits: &Tensor, targets: &Tensor, reduction: Reduction) -> Tensor {
    logits.cross_entropy(targets, reduction)
}

/// The negative log-likelihood of the target class, from log-probabilities (the output of a log-softmax).
///
/// Shapes as in [`cross_entropy`].
#[track_caller]
pub fn nll_loss(log_probabilities: &Tensor, targets: &Tensor) -> Tensor {
    log_probabilities.nll_loss(targets, Reduction::Mean)
}

/// [`nll_loss`] with a choice of reduction.
#[track_caller]
pub fn nll_loss_with(log_probabilities: &Tensor, targets: &Tensor, reduction: Reduction) -> Tensor {
    log_probabilities.nll_loss(targets, reduction)
}

/// The squared difference, element by element. Both of the same shape.
#[track_caller]
pub fn mse_loss(prediction: &Tensor, target: &Tensor) -> Tensor {
    mse_loss_with(prediction, target, Reduction::Mean)
}

/// [`mse_loss`] with a choice of reduction.
#[track_caller]
pub fn mse_loss_with(prediction: &Tensor, target: &Tensor, reduction: Reduction) -> Tensor {
    same_shape("mse_loss", prediction, target);
    reduce(prediction.sub(target).square(), reduction)
}

/// Binary cross-entropy from logits: `target` holds probabilities in `0..=1`, of the shape of `logits`.
///
/// Computed as the two-class cross-entropy of the logits `(0, x)`, which is exact and finite for every logit, also at 0
/// where the usual `max(x, 0) - x * y + log(1 + exp(-|x|))` has kinks that spoil the gradient.
///
/// ```
/// use striate_nn::loss::bce_with_logits;
/// use striate_tensor::Tensor;
///
/// let logits = Tensor::from_slice(&[0.0_f32, 1000.0], &[2]);
/// let loss = bce_with_logits(&logits, &Tensor::from_slice(&[1.0_f32, 1.0], &[2]));
/// assert!((loss.item::<f32>() - 2.0_f32.ln() / 2.0).abs() < 1e-6);
/// ```
#[track_caller]
pub fn bce_with_logits(logits: &Tensor, target: &Tensor) -> Tensor {
    bce_with_logits_with(logits, target, Reduction::Mean)
}

/// [`bce_with_logits`] with a choice of reduction.
#[track_caller]
pub fn bce_with_logits_with(logits: &Tensor, target: &Tensor, reduction: Reduction) -> Tensor {
    same_shape("bce_with_logits", logits, target);
    let zeros = Tensor::zeros(logits.shape(), logits.dtype());
    let log_probabilities = Tensor::stack(&[&zeros, logits], 0).log_softmax(0);
    let (log_no, log_yes) = (log_probabilities.select(0, 0), log_probabilities.select(0, 1));
    // y log p + (1 - y) log (1 - p), arranged so that the target is used once.
    let log_likelihood = log_no.add(&target.mul(&log_yes.sub(&log_no)));
    reduce(log_likelihood.neg(), reduction)
}

#[track_caller]
fn same_shape(name: &str, prediction: &Tensor, target: &Tensor) {
    let (found, expected) = (prediction.shape(), target.shape());
    assert!(
        found == expected,
        "{name}: the prediction has shape {found:?}, the target {expected:?}; make them equal (broadcasting would hide a mistake)"
    );
}

#[track_caller]
fn reduce(loss: Tensor, reduction: Reduction) -> Tensor {
    match reduction {
        Reduction::None => loss,
        Reduction::Mean => loss.mean_all(),
        Reduction::Sum => loss.sum_all(),
    }
}
