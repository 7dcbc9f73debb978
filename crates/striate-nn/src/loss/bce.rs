//! Binary cross-entropy.

use striate_tensor::{Reduction, Tensor};

use super::{reduce, same_shape};

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
    bce_with_logits_options(logits, target, &BceOptions { reduction, ..Default::default() })
}

/// What [`bce_with_logits_options`] can do beyond [`bce_with_logits`]. The default is the plain mean.
#[derive(Debug, Clone)]
pub struct BceOptions {
    /// A weight for each element; broadcasts to the shape of the logits. The mean is over the number of elements, as in
    /// PyTorch.
    pub weight: Option<Tensor>,
    /// What a target of 1 counts beside one of 0; broadcasts to the shape of the logits: for classes that are rare.
    pub pos_weight: Option<Tensor>,
    /// What becomes of the losses of the elements.
    pub reduction: Reduction,
}

impl Default for BceOptions {
    fn default() -> Self {
        Self { weight: None, pos_weight: None, reduction: Reduction::Mean }
    }
}

/// [`bce_with_logits`] with weights.
///
/// ```
/// use striate_nn::loss::{BceOptions, bce_with_logits, bce_with_logits_options};
/// use striate_tensor::Tensor;
///
/// let (logits, target) = (Tensor::from_slice(&[0.5_f32], &[1]), Tensor::from_slice(&[1.0_f32], &[1]));
/// let rare = BceOptions { pos_weight: Some(Tensor::scalar(3.0_f32)), ..Default::default() };
/// let (weighted, plain) = (bce_with_logits_options(&logits, &target, &rare), bce_with_logits(&logits, &target));
/// assert!((weighted.item::<f32>() - 3.0 * plain.item::<f32>()).abs() < 1e-6);
/// ```
#[track_caller]
pub fn bce_with_logits_options(logits: &Tensor, target: &Tensor, options: &BceOptions) -> Tensor {
    same_shape("bce_with_logits", logits, target);
    let zeros = Tensor::zeros(logits.shape(), logits.dtype());
    let log_probabilities = Tensor::stack(&[&zeros, logits], 0).log_softmax(0);
    let (log_no, mut log_yes) = (log_probabilities.select(0, 0), log_probabilities.select(0, 1));
    if let Some(pos_weight) = &options.pos_weight {
        log_yes = log_yes.mul(pos_weight);
    }
    // y log p + (1 - y) log (1 - p), arranged so that the target is used once.
    let mut losses = log_no.add(&target.mul(&log_yes.sub(&log_no))).neg();
    if let Some(weight) = &options.weight {
        losses = losses.mul(weight);
    }
    reduce(losses, options.reduction)
}

/// Binary cross-entropy from probabilities: both tensors of one shape, with values in `0..=1`.
///
/// Logarithms are at least -100, as in PyTorch, and pass no gradient where the probability is exactly 0 or 1 and wrong.
/// Prefer [`bce_with_logits`], which needs no such limits.
///
/// ```
/// use striate_nn::loss::bce_loss;
/// use striate_tensor::Tensor;
///
/// let loss = bce_loss(&Tensor::from_slice(&[0.5_f32, 0.0], &[2]), &Tensor::from_slice(&[1.0_f32, 1.0], &[2]));
/// assert!((loss.item::<f32>() - (2.0_f32.ln() + 100.0) / 2.0).abs() < 1e-5);
/// ```
#[track_caller]
pub fn bce_loss(probabilities: &Tensor, target: &Tensor) -> Tensor {
    bce_loss_with(probabilities, target, Reduction::Mean)
}

/// [`bce_loss`] with a choice of reduction.
#[track_caller]
pub fn bce_loss_with(probabilities: &Tensor, target: &Tensor, reduction: Reduction) -> Tensor {
    same_shape("bce_loss", probabilities, target);
    let log_yes = limited_log(probabilities);
    let log_no = limited_log(&probabilities.neg().add_scalar(1.0));
    reduce(log_no.add(&target.mul(&log_yes.sub(&log_no))).neg(), reduction)
}

/// The logarithm, but -100 at 0.
#[track_caller]
fn limited_log(x: &Tensor) -> Tensor {
    let positive = x.gt(&x.zeros_like());
    positive.where_(&positive.where_(x, &x.ones_like()).log().clamp(-100.0, f64::INFINITY), &x.full_like(-100.0))
}
