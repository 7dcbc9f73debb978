//! Losses: a scalar that says how wrong the outputs are.
//!
//! Each has a `_with` twin that takes a [`Reduction`]; the short name takes the mean, like PyTorch. All panic with the
//! text of the operation when shapes or dtypes do not fit; the `try_` methods of [`Tensor`] return errors instead.

mod bce;
mod contrastive;
mod cosine_embedding;
mod cross_entropy;
mod ctc;
mod dice;
mod focal;
mod gaussian;
mod hinge;
mod huber;
mod kl_div;
mod l1;
mod mse;
mod multi_margin;
mod negative_sampling;
mod smooth_l1;
mod soft_margin;
mod triplet_margin;

use striate_tensor::{Reduction, Tensor};

pub use bce::{BceOptions, bce_loss, bce_loss_with, bce_with_logits, bce_with_logits_options, bce_with_logits_with};
pub use contrastive::{contrastive_loss, contrastive_loss_with, info_nce_loss};
pub use cosine_embedding::{cosine_embedding_loss, cosine_embedding_loss_with};
pub use cross_entropy::{
    CrossEntropyOptions, cross_entropy, cross_entropy_options, cross_entropy_soft, cross_entropy_soft_with,
    cross_entropy_with, nll_loss, nll_loss_options, nll_loss_with,
};
pub use ctc::ctc_loss;
pub use dice::{dice_loss, dice_loss_with};
pub use focal::{sigmoid_focal_loss, sigmoid_focal_loss_with};
pub use gaussian::{gaussian_kl, gaussian_nll_loss, gaussian_nll_loss_with, reparameterize};
pub use hinge::{
    hinge_embedding_loss, hinge_embedding_loss_with, hinge_loss, hinge_loss_with, margin_ranking_loss,
    margin_ranking_loss_with,
};
pub use huber::{huber_loss, huber_loss_with};
pub use kl_div::{kl_div, kl_div_batch_mean, kl_div_log_target, kl_div_with};
pub use l1::{l1_loss, l1_loss_with};
pub use mse::{mse_loss, mse_loss_with};
pub use multi_margin::{MultiMarginOptions, multi_margin_loss, multi_margin_loss_with};
pub use negative_sampling::{negative_sampling_loss, negative_sampling_loss_with};
pub use smooth_l1::{smooth_l1_loss, smooth_l1_loss_with};
pub use soft_margin::{poisson_nll_loss, poisson_nll_loss_with, soft_margin_loss, soft_margin_loss_with};
pub use triplet_margin::{TripletOptions, triplet_margin_loss, triplet_margin_loss_with};

#[track_caller]
fn same_shape(name: &str, prediction: &Tensor, target: &Tensor) {
    assert!(
        target.dtype().is_float(),
        "{name}: the target holds {}, it needs floats like the prediction: target.to_dtype(DType::F32)",
        target.dtype()
    );
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
