//! `batch_norm` of bf16: parameters and statistics are `f32`. The mathematics is in [`batch_norm`](super::super::batch_norm).

use striate_kernels::batch_norm as kernel;
use striate_kernels::bf16::bf16;
use striate_kernels::memory::Buffer;

use super::fill;
use crate::autograd::{Backward, SavedTensor};
use crate::layout::{Layout, MemoryFormat};
use crate::ops::batch_norm::{BatchNormOptions, OP, Parameters, Statistics, check, statistics};
use crate::{DType, Tensor, TensorError};

/// `x` is bf16. Parameters of bf16 are widened, which is recorded.
pub(in crate::ops) fn batch_norm(
    x: &Tensor,
    running: Option<(&Tensor, &Tensor)>,
    affine: Option<(&Tensor, &Tensor)>,
    options: BatchNormOptions,
) -> Result<Tensor, TensorError> {
    let wide = |x: &Tensor| x.try_to_dtype(DType::F32);
    let affine = affine.map(|(weight, bias)| Ok::<_, TensorError>((wide(weight)?, wide(bias)?))).transpose()?;
    let affine = affine.as_ref().map(|(weight, bias)| (weight, bias));
    check(x, DType::F32, running, affine, options)?;
    let input = x.to_format(MemoryFormat::ChannelsLast);
    let statistics = statistics::<f32>(&input, running, options, |mean, variance| {
        kernel::statistics(&input.data::<bf16>(), mean, variance);
    });
    let output = {
        let parameters = Parameters::<f32>::read(&statistics, affine, options.eps);
        fill(Layout::in_format(x.shape(), MemoryFormat::ChannelsLast), |output| {
            if !output.is_empty() {
                kernel::normalize(&input.data::<bf16>(), &parameters.normalization(), output);
            }
        })
    };
    let inputs = [Some(x), affine.map(|(weight, _)| weight), affine.map(|(_, bias)| bias)];
    let inputs: Vec<&Tensor> = inputs.into_iter().flatten().collect();
    Ok(output.record(OP, &inputs, || BatchNormBackward {
        input: SavedTensor::new(&input),
        weight: affine.map(|(weight, _)| SavedTensor::new(weight)),
        statistics,
        options,
    }))
}

struct BatchNormBackward {
    /// Channels-last.
    input: SavedTensor,
    weight: Option<SavedTensor>,
    statistics: Statistics,
    options: BatchNormOptions,
}

impl Backward for BatchNormBackward {
    fn backward(&self, grad: &Tensor, needs: &[bool]) -> Result<Vec<Option<Tensor>>, TensorError> {
        let input = self.input.get(OP)?;
        let weight = self.weight.as_ref().map(|saved| saved.get(OP)).transpose()?;
        let channels = input.shape()[1];
        let grad_output = grad.data_in_format::<bf16>(MemoryFormat::ChannelsLast);
        // The bias takes no part in the backward pass: the weight stands in for both.
        let parameters = Parameters::<f32>::read(&self.statistics, weight.map(|w| (w, w)), self.options.eps);
        let backward = if self.options.training { kernel::backward } else { kernel::backward_inference };
        let mut grad_parameters = Buffer::zeroed(2 * channels * size_of::<f32>());
        let (grad_weight, grad_bias) = grad_parameters.as_mut_slice::<f32>().split_at_mut(channels);
        let grad_input = fill(Layout::in_format(input.shape(), MemoryFormat::ChannelsLast), |grad_input| {
            if !grad_input.is_empty() {
                let normalization = parameters.normalization();
                backward(&input.data::<bf16>(), &grad_output, &normalization, grad_input, grad_weight, grad_bias);
            }
        });
        let vector = |values: &[f32]| Some(Tensor::from_slice(values, &[channels]));
        let mut gradients = vec![Some(grad_input), vector(grad_weight), vector(grad_bias)];
        gradients.truncate(needs.len());
        Ok(gradients)
    }
}
