//! Nearer to the alike than to the others.

use striate_tensor::{Reduction, Tensor};

use super::{reduce, same_shape};

/// `max(0, |anchor - positive| - |anchor - negative| + margin)` for each row of three `[n, features]` (Schroff et al. 2015;
/// PyTorch's `triplet_margin_loss`).
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
    triplet_margin_loss_with(anchor, positive, negative, &TripletOptions::default())
}

/// Settings of [`triplet_margin_loss_with`]; the default is PyTorch's.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TripletOptions {
    /// How much further the negative must be.
    pub margin: f64,
    /// The norm that is the distance.
    pub p: f64,
    /// Whether the negative's distance is that from the positive, where that is the smaller one (Balntas et al. 2016).
    pub swap: bool,
    /// What becomes of the losses of the rows.
    pub reduction: Reduction,
}

impl Default for TripletOptions {
    fn default() -> Self {
        Self { margin: 1.0, p: 2.0, swap: false, reduction: Reduction::Mean }
    }
}

/// [`triplet_margin_loss`] with settings.
#[track_caller]
pub fn triplet_margin_loss_with(
    anchor: &Tensor,
    positive: &Tensor,
    negative: &Tensor,
    options: &TripletOptions,
) -> Tensor {
    same_shape("triplet_margin_loss", anchor, positive);
    same_shape("triplet_margin_loss", anchor, negative);
    // As in PyTorch, a small number keeps the root's gradient finite for equal rows.
    let distance = |a: &Tensor, b: &Tensor| a.sub(b).add_scalar(1e-6).norm(options.p, &[-1], false);
    let mut far = distance(anchor, negative);
    if options.swap {
        far = far.minimum(&distance(positive, negative));
    }
    reduce(distance(anchor, positive).sub(&far).add_scalar(options.margin).relu(), options.reduction)
}
