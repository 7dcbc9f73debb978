//! Squared near 0, absolute beyond, in the scale of the square.

use striate_tensor::{Reduction, Tensor};

use super::{reduce, same_shape};

/// `d² / 2` for differences `d` below `delta` (1 unless set), `delta (|d| - delta / 2)` from there on (Huber 1964): `delta`
/// times [`smooth_l1_loss`](super::smooth_l1_loss). Both of the same shape.
///
/// ```
/// use striate_nn::loss::huber_loss;
/// use striate_tensor::Tensor;
///
/// let loss = huber_loss(&Tensor::from_slice(&[0.0_f32, 1.0], &[2]), &Tensor::from_slice(&[0.5_f32, 4.0], &[2]));
/// assert_eq!(loss.item::<f32>(), (0.125 + 2.5) / 2.0);
/// ```
#[track_caller]
pub fn huber_loss(prediction: &Tensor, target: &Tensor) -> Tensor {
    huber_loss_with(prediction, target, 1.0, Reduction::Mean)
}

/// [`huber_loss`] with a choice of `delta` and reduction.
#[track_caller]
pub fn huber_loss_with(prediction: &Tensor, target: &Tensor, delta: f64, reduction: Reduction) -> Tensor {
    same_shape("huber_loss", prediction, target);
    assert!(delta > 0.0, "huber_loss: delta = {delta} must be above 0");
    let distance = prediction.sub(target).abs();
    let near = distance.lt(&distance.full_like(delta));
    let linear = distance.add_scalar(-0.5 * delta).mul_scalar(delta);
    reduce(near.where_(&distance.square().mul_scalar(0.5), &linear), reduction)
}
