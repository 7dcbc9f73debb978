//! Words that occur together against words that do not.

use striate_tensor::{Reduction, Tensor};

use super::reduce;

/// `-log σ(centre · context) - Σ log σ(-centre · negative)` for each row (Mikolov et al. 2013): `centres` and `contexts` are
/// vectors `[n, width]` of words that occur together, `negatives` `[n, k, width]` of words drawn at random. Instead of a
/// softmax over the whole vocabulary.
///
/// ```
/// use striate_nn::loss::negative_sampling_loss;
/// use striate_tensor::{DType, Tensor};
///
/// let words = Tensor::zeros(&[2, 4], DType::F32);
/// let loss = negative_sampling_loss(&words, &words, &Tensor::zeros(&[2, 3, 4], DType::F32));
/// assert!((loss.item::<f32>() - 4.0 * 2.0_f32.ln()).abs() < 1e-6);
/// ```
#[track_caller]
pub fn negative_sampling_loss(centres: &Tensor, contexts: &Tensor, negatives: &Tensor) -> Tensor {
    negative_sampling_loss_with(centres, contexts, negatives, Reduction::Mean)
}

/// [`negative_sampling_loss`] with a choice of reduction.
#[track_caller]
pub fn negative_sampling_loss_with(
    centres: &Tensor,
    contexts: &Tensor,
    negatives: &Tensor,
    reduction: Reduction,
) -> Tensor {
    super::same_shape("negative_sampling_loss", centres, contexts);
    // -log σ(x) = softplus(-x)
    let together = centres.mul(contexts).sum(&[1], false).neg().softplus(1.0);
    let apart = negatives.matmul(&centres.unsqueeze(2)).squeeze(2).softplus(1.0).sum(&[1], false);
    reduce(together.add(&apart), reduction)
}
