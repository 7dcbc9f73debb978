//! Transposed two-dimensional convolution: the adjoint of [`conv2d`](Tensor::conv2d) in its input, used to enlarge.
//!
//! With stride `s`, padding `p`, dilation `d` and one group:
//!
//! ```text
//! y[n, o, r, q]     = b[o] + Σ_{c, u, v with i s - p + u d = r, j s - p + v d = q} x[n, c, i, j] w[c, o, u, v]
//! ∂x[n, c, i, j]    = Σ_{o, u, v} ∂y[n, o, i s - p + u d, j s - p + v d] w[c, o, u, v]        a convolution of ∂y
//! ∂w[c, o, u, v]    = Σ_{n, i, j} x[n, c, i, j] ∂y[n, o, i s - p + u d, j s - p + v d]
//! ∂b[o]             = Σ_{n, r, q} ∂y[n, o, r, q]
//! ```
//!
//! All three are the kernels of the convolution that maps `y`'s shape to `x`'s, in other roles.

use striate_kernels::conv2d::{self as kernel, Conv2dGeometry};

use super::conv2d_gradient;
use crate::autocast::{activation, try_autocast};
use crate::autograd::{Backward, Gradients, Recording, SavedTensor};
use crate::dtype::dispatch_float;
use crate::error::OrPanic;
use crate::layout::{Layout, MemoryFormat};
use crate::{Conv2dOptions, DType, Tensor, TensorError};

const OP: &str = "conv_transpose2d";

/// Of bf16 operands, or rounded ones inside autocast: computed in f32, the result rounded.
fn in_lower_precision(
    x: &Tensor,
    weight: &Tensor,
    bias: Option<&Tensor>,
    options: Conv2dOptions,
    output_padding: [usize; 2],
) -> Result<Tensor, TensorError> {
    let lower = |x: &Tensor| activation(OP, x)?.try_to_dtype(DType::F32);
    let (x, weight, bias) = (lower(x)?, lower(weight)?, bias.map(lower).transpose()?);
    try_autocast(DType::F32, || x.try_conv_transpose2d(&weight, bias.as_ref(), options, output_padding))??
        .try_to_dtype(DType::BF16)
}

impl Tensor {
    /// Spreads each element of `[n, c, h, w]` over a window weighted by `weight` `[c, out / groups, kh, kw]`, adds where
    /// windows overlap, and adds `bias` `[out]`: `[n, out, oh, ow]` with
    /// `oh = (h - 1) stride - 2 padding + dilation (kh - 1) + 1 + output_padding`.
    ///
    /// `output_padding`, less than the stride, chooses among the output sizes that a convolution with these options
    /// would bring to `h`.
    ///
    /// ```
    /// use striate_tensor::{Conv2dOptions, DType, Tensor};
    /// let x = Tensor::from_slice(&[1.0f32, 2.0], &[1, 1, 1, 2]);
    /// let options = Conv2dOptions { stride: [2, 2], ..Conv2dOptions::default() };
    /// let y = x.conv_transpose2d(&Tensor::ones(&[1, 1, 1, 3], DType::F32), None, options, [0, 0]);
    /// assert_eq!(y.to_vec::<f32>(), [1.0, 1.0, 3.0, 2.0, 2.0]);
    /// ```
    ///
    /// # Panics
    /// When shapes or dtypes do not fit, or an option is out of range.
    #[track_caller]
    pub fn conv_transpose2d(
        &self,
        weight: &Tensor,
        bias: Option<&Tensor>,
        options: Conv2dOptions,
        output_padding: [usize; 2],
    ) -> Tensor {
        self.try_conv_transpose2d(weight, bias, options, output_padding).or_panic()
    }

    /// Like [`conv_transpose2d`](Self::conv_transpose2d), with a mistake as an error.
    pub fn try_conv_transpose2d(
        &self,
        weight: &Tensor,
        bias: Option<&Tensor>,
        options: Conv2dOptions,
        output_padding: [usize; 2],
    ) -> Result<Tensor, TensorError> {
        if crate::autocast::lowers(self) {
            return in_lower_precision(self, weight, bias, options, output_padding);
        }
        super::conv2d::check_dtypes(OP, self, weight, bias)?;
        let geometry = geometry(self, weight, options, output_padding)?;
        let channels = geometry.in_channels;
        if let Some(bias) = bias.filter(|bias| bias.shape() != [channels]) {
            return Err(TensorError::shape(
                OP,
                format!("the bias must be [{channels}], one number per output channel, got {:?}", bias.shape()),
                "the weight's second size times the groups and the bias's size must be equal",
            ));
        }
        let shape = [geometry.batch, channels, geometry.in_height, geometry.in_width];
        // Converted once here; the backward pass reads the same copy.
        let input = self.to_format(MemoryFormat::ChannelsLast);
        let output = dispatch_float!(self.dtype(), OP, |T| {
            let weight = weight.data_in_format::<T>(MemoryFormat::Contiguous);
            let bias = bias.map(|bias| bias.data_in_format::<T>(MemoryFormat::Contiguous));
            Tensor::fill_new::<T>(&shape, MemoryFormat::ChannelsLast, |output| {
                kernel::backward_input(&geometry, &input.data::<T>(), &weight, output);
                for row in output.chunks_exact_mut(channels.max(1)).filter(|_| bias.is_some()) {
                    row.iter_mut().zip(bias.iter().flat_map(|bias| bias.iter())).for_each(|(o, b)| *o += b);
                }
            })
        });
        let inputs: Vec<&Tensor> = [Some(self), Some(weight), bias].into_iter().flatten().collect();
        Ok(output.record(OP, &inputs, || ConvTranspose2dBackward {
            geometry,
            input: SavedTensor::new(&input),
            weight: SavedTensor::new(weight),
        }))
    }
}

struct ConvTranspose2dBackward {
    /// Of the convolution from the output to the input.
    geometry: Conv2dGeometry,
    /// Channels-last.
    input: SavedTensor,
    weight: SavedTensor,
}

impl Backward for ConvTranspose2dBackward {
    fn backward(&self, grad: &Tensor, needs: &[bool]) -> Result<Vec<Option<Tensor>>, TensorError> {
        let geometry = &self.geometry;
        let (input, weight) = (self.input.get(OP)?, self.weight.get(OP)?);
        let mut gradients = vec![None; needs.len()];
        dispatch_float!(grad.dtype(), OP, |T| {
            let grad_output = grad.data_in_format::<T>(MemoryFormat::ChannelsLast);
            if needs[0] {
                let weight = weight.data_in_format::<T>(MemoryFormat::Contiguous);
                let layout = Layout::in_format(input.shape(), MemoryFormat::ChannelsLast);
                gradients[0] = Some(Tensor::fill_layout::<T>(layout, grad.dtype(), |grad_input| {
                    kernel::forward(geometry, &grad_output, &weight, None, grad_input);
                }));
            }
            if needs[1] {
                let input = input.data_in_format::<T>(MemoryFormat::ChannelsLast);
                let layout = Layout::contiguous(weight.shape());
                gradients[1] = Some(Tensor::fill_layout::<T>(layout, grad.dtype(), |grad_weight| {
                    kernel::backward_weight(geometry, &grad_output, &input, grad_weight, None);
                }));
            }
        });
        if needs.get(2) == Some(&true) {
            gradients[2] = Some(grad.try_sum(&[0, 2, 3], false)?);
        }
        Ok(gradients)
    }

    fn differentiable(&self, grad: &Tensor, needs: &[bool], recording: &Recording) -> Gradients {
        let input = recording.input(0, self.input.get(OP)?);
        let weight = recording.input(1, self.weight.get(OP)?);
        let mut gradients = vec![None; needs.len()];
        if needs[0] {
            gradients[0] = Some(grad.try_conv2d(&weight, None, conv2d_gradient::options(&self.geometry))?);
        }
        if needs[1] {
            gradients[1] = Some(conv2d_gradient::of_weight(OP, &self.geometry, grad, &input)?);
        }
        if needs.get(2) == Some(&true) {
            gradients[2] = Some(grad.try_sum(&[0, 2, 3], false)?);
        }
        Ok(gradients)
    }
}

/// Checks the arguments and puts them in the terms of the convolution from the output to the input.
fn geometry(
    input: &Tensor,
    weight: &Tensor,
    options: Conv2dOptions,
    output_padding: [usize; 2],
) -> Result<Conv2dGeometry, TensorError> {
    let Conv2dOptions { stride, padding, dilation, groups } = options;
    let (&[batch, in_channels, height, width], &[weight_channels, group_channels, kernel_height, kernel_width]) =
        (input.shape(), weight.shape())
    else {
        return Err(TensorError::shape(
            OP,
            format!(
                "the input must be [n, c, h, w] and the weight [c, out / groups, kh, kw], got {:?} and {:?}",
                input.shape(),
                weight.shape()
            ),
            "reshape them to four dimensions: unsqueeze(0) makes a batch of one",
        ));
    };
    let kernel = [kernel_height, kernel_width];
    super::conv2d::window(OP, kernel, options)?.check_settings(OP)?;
    if in_channels != weight_channels || !in_channels.is_multiple_of(groups) {
        return Err(TensorError::shape(
            OP,
            format!("input has {in_channels} channels in {groups} groups, the weight is for {weight_channels}"),
            "the weight is [in, out / groups, kh, kw]: in first, unlike conv2d's; groups divide the channels",
        ));
    }
    if height == 0 || width == 0 {
        let what = format!("the image {height} x {width} is empty");
        return Err(TensorError::shape(OP, what, "it needs at least one row and one column"));
    }
    let mut size = [0; 2];
    for axis in 0..2 {
        if output_padding[axis] >= stride[axis] {
            return Err(TensorError::argument(
                OP,
                format!("output padding {output_padding:?} is not less than the stride {stride:?}"),
                "it only chooses among the sizes the stride leaves open",
            ));
        }
        let reach = dilation[axis] * (kernel[axis] - 1) + 1 + output_padding[axis];
        let whole = ([height, width][axis] - 1) * stride[axis] + reach;
        size[axis] = whole.checked_sub(2 * padding[axis]).filter(|&size| size > 0).ok_or_else(|| {
            TensorError::argument(
                OP,
                format!("padding {padding:?} removes all of an output of {whole} before padding"),
                "use less padding: here it is cut off the output",
            )
        })?;
    }
    Ok(Conv2dGeometry {
        batch,
        in_channels: group_channels * groups,
        in_height: size[0],
        in_width: size[1],
        out_channels: in_channels,
        kernel,
        stride,
        padding,
        dilation,
        groups,
    })
}
