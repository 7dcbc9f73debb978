//! `conv2d` of bf16. The mathematics is in [`conv2d`](super::super::conv2d).

use striate_kernels::bf16::bf16;
use striate_kernels::conv2d::{
    Conv2dGeometry, Epilogue, PackedWeight, backward_input_bf16, backward_weight_bf16, forward_bf16,
};

use super::{fill, parameter_gradient, wide_bias};
use crate::autocast;
use crate::autograd::{Backward, SavedTensor};
use crate::layout::{Layout, MemoryFormat};
use crate::ops::conv2d::{Conv2dOptions, OP, geometry};
use crate::{DType, Tensor, TensorError, is_grad_enabled};

/// `x` is bf16, or `f32` inside autocast.
pub(in crate::ops) fn conv2d(
    x: &Tensor,
    weight: &Tensor,
    bias: Option<&Tensor>,
    options: Conv2dOptions,
) -> Result<Tensor, TensorError> {
    let geometry = geometry(x, weight, bias, options)?;
    let inputs = [Some(x), Some(weight), bias];
    if !(is_grad_enabled() && inputs.iter().flatten().any(|input| input.requires_grad()))
        && let Some(output) = forward_arranged(&geometry, x, weight, [None, bias], false)?
    {
        return Ok(output);
    }
    let x = autocast::activation(OP, x)?;
    let cast = autocast::parameter(OP, weight)?;
    let wide_bias = wide_bias(OP, bias)?;
    // Converted once here; the backward pass reads the same copies.
    let input = x.to_format(MemoryFormat::ChannelsLast);
    let cast = cast.to_format(MemoryFormat::Contiguous);
    let output = fill(output_layout(&geometry), |output| {
        forward_bf16(&geometry, &input.data::<bf16>(), &cast.data::<bf16>(), wide_bias.as_deref(), output);
    });
    let inputs: Vec<&Tensor> = [Some(&x), Some(weight), bias].into_iter().flatten().collect();
    Ok(output.record(OP, &inputs, || Conv2dBackward {
        geometry,
        input: SavedTensor::new(&input),
        weight: SavedTensor::new(&cast),
        parameters: [weight.dtype(), bias.map_or(DType::F32, Tensor::dtype)],
    }))
}

/// The forward pass of inference: `relu(conv(x) scale + shift)`, each step if asked for, rounded once at the end. The weight
/// arranged for the kernel is kept with its storage until it is written to. `None` where weights are not arranged.
pub(in crate::ops) fn forward_arranged(
    geometry: &Conv2dGeometry,
    x: &Tensor,
    weight: &Tensor,
    [scale, shift]: [Option<&Tensor>; 2],
    relu: bool,
) -> Result<Option<Tensor>, TensorError> {
    if !weight.is_contiguous() {
        return Ok(None);
    }
    let narrow = autocast::narrow_parameter(OP, weight)?;
    let arrange = || PackedWeight::new_bf16(geometry, &narrow());
    let fits = |packed: &PackedWeight| packed.fits_bf16(geometry);
    let Some(packed) = weight.0.storage.derived(weight.layout().offset, fits, arrange) else { return Ok(None) };
    let input = autocast::activation(OP, x)?.to_format(MemoryFormat::ChannelsLast);
    // What a normalisation multiplies and adds is not rounded, as it is not where it runs by itself.
    let vector = |vector: &Tensor| Ok(vector.try_to_dtype(DType::F32)?.data_in_format::<f32>(MemoryFormat::Contiguous));
    let scale = scale.map(vector).transpose()?;
    let shift = shift.map(vector).transpose()?;
    let epilogue = Epilogue { scale: scale.as_deref(), bias: shift.as_deref(), residual: None, relu };
    Ok(Some(fill(output_layout(geometry), |output| {
        packed.forward_bf16(geometry, &input.data::<bf16>(), narrow, &epilogue, output);
    })))
}

fn output_layout(geometry: &Conv2dGeometry) -> Layout {
    let [height, width] = geometry.output_size();
    Layout::in_format(&[geometry.batch, geometry.out_channels, height, width], MemoryFormat::ChannelsLast)
}

struct Conv2dBackward {
    geometry: Conv2dGeometry,
    /// Channels-last.
    input: SavedTensor,
    /// Rounded, row-major.
    weight: SavedTensor,
    /// Types of weight and bias.
    parameters: [DType; 2],
}

impl Backward for Conv2dBackward {
    fn backward(&self, grad: &Tensor, needs: &[bool]) -> Result<Vec<Option<Tensor>>, TensorError> {
        let geometry = &self.geometry;
        let (input, weight) = (self.input.get(OP)?, self.weight.get(OP)?);
        let grad_output = grad.data_in_format::<bf16>(MemoryFormat::ChannelsLast);
        let mut gradients = vec![None; needs.len()];
        if needs[0] {
            let layout = Layout::in_format(input.shape(), MemoryFormat::ChannelsLast);
            gradients[0] = Some(fill(layout, |grad_input| {
                backward_input_bf16(geometry, &grad_output, &weight.data::<bf16>(), grad_input);
            }));
        }
        let [weight_type, bias_type] = self.parameters;
        if needs[1] {
            gradients[1] = Some(parameter_gradient(weight.shape(), weight_type, |grad_weight| {
                backward_weight_bf16(geometry, &input.data::<bf16>(), &grad_output, grad_weight, None);
            })?);
        }
        if needs.get(2) == Some(&true) {
            gradients[2] = Some(parameter_gradient(&[geometry.out_channels], bias_type, |grad_bias| {
                if !grad_bias.is_empty() {
                    striate_kernels::pointwise::sum_rows(&grad_output, grad_bias);
                }
            })?);
        }
        Ok(gradients)
    }
}
