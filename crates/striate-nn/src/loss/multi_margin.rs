//! The hinge over classes.

use striate_tensor::{Reduction, Tensor};

use super::reduce;

/// The hinge loss over classes (Crammer and Singer 2001; PyTorch's `multi_margin_loss`): the sum over the wrong
/// classes of `max(0, margin - x[target] + x[class])`, divided by the number of classes.
///
/// `scores`: `[n, classes]`; `targets`: `i64` `[n]`.
///
/// ```
/// use striate_nn::loss::multi_margin_loss;
/// use striate_tensor::Tensor;
///
/// let loss = multi_margin_loss(&Tensor::from_slice(&[2.0_f32, 1.5], &[1, 2]), &Tensor::from_slice(&[0_i64], &[1]));
/// assert_eq!(loss.item::<f32>(), 0.25);
/// ```
#[track_caller]
pub fn multi_margin_loss(scores: &Tensor, targets: &Tensor) -> Tensor {
    multi_margin_loss_with(scores, targets, &MultiMarginOptions::default())
}

/// Settings of [`multi_margin_loss_with`]; the default is PyTorch's.
#[derive(Debug, Clone)]
pub struct MultiMarginOptions {
    /// How much higher the right score must be.
    pub margin: f64,
    /// Whether the hinges are squared (PyTorch's `p=2`).
    pub squared: bool,
    /// A weight for each class, `[classes]`, by the right one.
    pub weight: Option<Tensor>,
    /// What becomes of the losses of the rows.
    pub reduction: Reduction,
}

impl Default for MultiMarginOptions {
    fn default() -> Self {
        Self { margin: 1.0, squared: false, weight: None, reduction: Reduction::Mean }
    }
}

/// [`multi_margin_loss`] with settings.
#[track_caller]
pub fn multi_margin_loss_with(scores: &Tensor, targets: &Tensor, options: &MultiMarginOptions) -> Tensor {
    let own = scores.gather(1, &targets.unsqueeze(1));
    let mut hinge = scores.sub(&own).add_scalar(options.margin).relu();
    if options.squared {
        hinge = hinge.square();
    }
    let wrong = targets.one_hot(scores.size(1)).to_dtype(scores.dtype()).neg().add_scalar(1.0);
    let mut losses = hinge.mul(&wrong).mean(&[1], false);
    if let Some(weight) = &options.weight {
        losses = losses.mul(&weight.index_select(0, targets));
    }
    reduce(losses, options.reduction)
}
