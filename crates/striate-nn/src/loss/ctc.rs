//! Reading a sequence without knowing where its parts are.

use striate_tensor::{CtcOptions, Tensor};

/// Connectionist temporal classification (Graves et al. 2006): see [`Tensor::ctc_loss`], whose settings are PyTorch's
/// defaults here: class 0 is the blank, the mean over the batch of the loss per label, infinite where the target does not
/// fit the input.
///
/// `log_probabilities`: `[steps, n, classes]`, from `log_softmax`; `targets`: `i64` `[n, longest]`, or all in one vector.
///
/// ```
/// use striate_nn::loss::ctc_loss;
/// use striate_tensor::{Tensor, random::Generator};
///
/// let logits = Tensor::randn(&[12, 2, 5], &mut Generator::new(0)).requires_grad_(true);
/// let words = Tensor::from_slice(&[3_i64, 1, 4, 2, 2, 0], &[2, 3]);
/// let loss = ctc_loss(&logits.log_softmax(2), &words, &[12, 9], &[3, 2]);
/// loss.backward();
/// assert!(loss.item::<f32>() > 0.0 && logits.grad().is_some());
/// ```
///
/// # Panics
/// When shapes, dtypes or lengths do not fit, or a target is the blank or no class.
#[track_caller]
pub fn ctc_loss(
    log_probabilities: &Tensor,
    targets: &Tensor,
    input_lengths: &[usize],
    target_lengths: &[usize],
) -> Tensor {
    log_probabilities.ctc_loss(targets, input_lengths, target_lengths, CtcOptions::default())
}
