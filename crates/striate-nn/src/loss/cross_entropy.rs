//! Cross-entropy over classes.

use striate_tensor::{Reduction, Tensor};

use super::reduce;

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

/// What [`cross_entropy_options`] can do beyond [`cross_entropy`]. The default is the plain mean.
#[derive(Debug, Clone)]
pub struct CrossEntropyOptions {
    /// A weight for each class, `[classes]`: for classes that are rare or matter more. The mean is weighted too.
    pub weight: Option<Tensor>,
    /// The part of the target spread evenly over all classes (Szegedy et al. 2016), from 0 to 1.
    pub label_smoothing: f64,
    /// The target of positions that do not count. PyTorch's default, and this one's, is -100.
    pub ignore_index: i64,
    /// What becomes of the losses of the positions. Positions that do not count have loss 0.
    pub reduction: Reduction,
}

impl Default for CrossEntropyOptions {
    fn default() -> Self {
        Self { weight: None, label_smoothing: 0.0, ignore_index: -100, reduction: Reduction::Mean }
    }
}

/// [`cross_entropy`] with class weights, label smoothing and ignored positions.
///
/// Shapes as in [`cross_entropy`]. If all positions are ignored the mean is NaN, as in PyTorch.
///
/// ```
/// use striate_nn::loss::{CrossEntropyOptions, cross_entropy, cross_entropy_options};
/// use striate_tensor::Tensor;
///
/// let logits = Tensor::from_slice(&[0.5_f32, 0.0, 3.0, -1.0], &[2, 2]);
/// let ignoring = cross_entropy_options(&logits, &Tensor::from_slice(&[1_i64, -100], &[2]), &Default::default());
/// let first = cross_entropy(&logits.narrow(0, 0, 1), &Tensor::from_slice(&[1_i64], &[1]));
/// assert!((ignoring.item::<f32>() - first.item::<f32>()).abs() < 1e-6);
///
/// let smooth = CrossEntropyOptions { label_smoothing: 0.1, ..Default::default() };
/// assert!(cross_entropy_options(&logits, &Tensor::from_slice(&[1_i64, 0], &[2]), &smooth).item::<f32>() > 0.0);
/// ```
#[track_caller]
pub fn cross_entropy_options(logits: &Tensor, targets: &Tensor, options: &CrossEntropyOptions) -> Tensor {
    let smoothing = options.label_smoothing;
    assert!((0.0..=1.0).contains(&smoothing), "cross_entropy: label_smoothing = {smoothing} must lie from 0 to 1");
    if options.weight.is_none() && !targets.to_vec::<i64>().contains(&options.ignore_index) {
        return logits.cross_entropy_smoothed(targets, smoothing, options.reduction);
    }
    picked_terms(&logits.log_softmax(1), targets, options)
}

/// Cross-entropy from log-probabilities.
#[track_caller]
fn picked_terms(log_probabilities: &Tensor, targets: &Tensor, options: &CrossEntropyOptions) -> Tensor {
    let (smoothing, classes) = (options.label_smoothing, log_probabilities.size(1));
    // One row of log-probabilities for each position.
    let mut order: Vec<isize> = (0..log_probabilities.rank() as isize).filter(|dim| *dim != 1).collect();
    order.push(1);
    let rows = log_probabilities.permute(&order).reshape(&[targets.numel(), classes]);
    let flat = targets.reshape(&[targets.numel()]);
    let counted = flat.ne(&Tensor::scalar(options.ignore_index));
    // An ignored target is no class: any class will do, its loss is taken out below.
    let picked = counted.where_(&flat, &flat.zeros_like());
    let mut share = counted.to_dtype(log_probabilities.dtype());
    let mut spread = rows.clone();
    if let Some(weight) = &options.weight {
        assert!(
            weight.shape() == [classes],
            "cross_entropy: weight has shape {:?}, expected [{classes}]",
            weight.shape()
        );
        spread = rows.mul(weight);
        share = share.mul(&weight.index_select(0, &picked));
    }
    let target_term = rows.gather(1, &picked.unsqueeze(1)).squeeze(1).mul(&share).mul_scalar(smoothing - 1.0);
    let even_term = spread
        .sum(&[1], false)
        .mul(&counted.to_dtype(log_probabilities.dtype()))
        .mul_scalar(-smoothing / classes as f64);
    let losses = target_term.add(&even_term);
    match options.reduction {
        Reduction::Mean => losses.sum_all().div(&share.sum_all()),
        Reduction::None => losses.reshape(targets.shape()),
        Reduction::Sum => reduce(losses, Reduction::Sum),
    }
}

/// The cross-entropy with targets that are probabilities, of the shape of the logits: soft labels, and images mixed of
/// several (PyTorch's `cross_entropy` with a target of floats). The mean is over the positions.
///
/// ```
/// use striate_nn::loss::{cross_entropy, cross_entropy_soft};
/// use striate_tensor::Tensor;
///
/// let logits = Tensor::from_slice(&[0.5_f32, 0.0, 3.0], &[1, 3]);
/// let soft = cross_entropy_soft(&logits, &Tensor::from_slice(&[0.0_f32, 1.0, 0.0], &[1, 3]));
/// let hard = cross_entropy(&logits, &Tensor::from_slice(&[1_i64], &[1]));
/// assert!((soft.item::<f32>() - hard.item::<f32>()).abs() < 1e-6);
/// ```
#[track_caller]
pub fn cross_entropy_soft(logits: &Tensor, probabilities: &Tensor) -> Tensor {
    cross_entropy_soft_with(logits, probabilities, Reduction::Mean)
}

/// [`cross_entropy_soft`] with a choice of reduction.
#[track_caller]
pub fn cross_entropy_soft_with(logits: &Tensor, probabilities: &Tensor, reduction: Reduction) -> Tensor {
    super::same_shape("cross_entropy_soft", logits, probabilities);
    reduce(logits.log_softmax(1).mul(probabilities).sum(&[1], false).neg(), reduction)
}

/// [`nll_loss`] with class weights and ignored positions; label smoothing is for [`cross_entropy_options`].
///
/// # Panics
/// Also if `options` ask for label smoothing.
#[track_caller]
pub fn nll_loss_options(log_probabilities: &Tensor, targets: &Tensor, options: &CrossEntropyOptions) -> Tensor {
    let smoothing = options.label_smoothing;
    assert!(smoothing == 0.0, "nll_loss: label_smoothing = {smoothing}; take cross_entropy_options, with logits");
    picked_terms(log_probabilities, targets, options)
}
