//! What the normalisations of single samples share.

use striate_tensor::{Tensor, TensorError};

/// Mean 0 and variance 1 over these dimensions.
pub(super) fn normalize(input: &Tensor, dims: &[isize], eps: f64) -> Result<Tensor, TensorError> {
    let centred = input.try_sub(&input.try_mean(dims, true)?)?;
    let variance = centred.try_square()?.try_mean(dims, true)?;
    centred.try_div(&variance.try_add_scalar(eps)?.try_sqrt()?)
}

/// Scale and shift for each channel (dimension 1) of a tensor.
pub(super) fn scale_channels(input: &Tensor, weight: &Tensor, bias: &Tensor) -> Result<Tensor, TensorError> {
    let mut shape = vec![1; input.rank()];
    shape[1] = weight.numel();
    input.try_mul(&weight.try_reshape(&shape)?)?.try_add(&bias.try_reshape(&shape)?)
}

/// The error for an input of the wrong rank or number of channels.
pub(super) fn check_channels(
    op: &'static str,
    input: &Tensor,
    channels: usize,
    ranks: std::ops::RangeInclusive<usize>,
) -> Result<(), TensorError> {
    if ranks.contains(&input.rank()) && input.shape()[1] == channels {
        return Ok(());
    }
    let what = format!("the input is {:?}, the layer has {channels} channels", input.shape());
    let (least, most) = (ranks.start(), ranks.end());
    let ranks = if least == most { least.to_string() } else { format!("{least} to {most}") };
    Err(TensorError::shape(op, what, format!("give [n, {channels}, ...] with {ranks} dimensions")))
}
