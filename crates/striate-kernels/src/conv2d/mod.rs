//! 2-D convolution (cross-correlation, as everywhere in deep learning): forward and both gradients.
//!
//! Activations are NHWC: input `[n, h, w, c]`, output `[n, oh, ow, o]`. Weights are OIHW: `[o, c / groups, kh, kw]`.

use crate::Element;
use crate::arch::TileIsa;
use crate::layout::{MAX_SIZE, element_count};

mod bf16;
mod depthwise;
mod filters;
mod generic;
mod lanes;
mod packed;
mod scatter;
#[cfg(test)]
mod tests;
mod tiled;
mod weight;
mod window;
mod winograd;

pub use self::packed::PackedWeight;
pub use crate::epilogue::Epilogue;
pub use bf16::{backward_input_bf16, backward_weight_bf16, forward_bf16};

/// Sizes of a convolution.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Conv2dGeometry {
    /// Images.
    pub batch: usize,
    /// Channels of the input.
    pub in_channels: usize,
    /// Rows of the input.
    pub in_height: usize,
    /// Columns of the input.
    pub in_width: usize,
    /// Channels of the output.
    pub out_channels: usize,
    /// Kernel rows and columns.
    pub kernel: [usize; 2],
    /// Step between windows, rows and columns.
    pub stride: [usize; 2],
    /// Zeros added on both sides, rows and columns.
    pub padding: [usize; 2],
    /// Distance between kernel elements, rows and columns.
    pub dilation: [usize; 2],
    /// Blocks of channels convolved apart from each other.
    pub groups: usize,
}

impl Conv2dGeometry {
    /// Rows and columns of the output: `(size + 2 * padding - dilation * (kernel - 1) - 1) / stride + 1`, 0 if the kernel
    /// does not fit.
    pub fn output_size(&self) -> [usize; 2] {
        let size = |i: usize, input: usize| {
            let span = self.dilation[i] * (self.kernel[i] - 1) + 1;
            (input + 2 * self.padding[i]).checked_sub(span).map_or(0, |room| room / self.stride[i] + 1)
        };
        [size(0, self.in_height), size(1, self.in_width)]
    }

    /// Elements of the input.
    pub fn input_len(&self) -> usize {
        element_count(&[self.batch, self.in_height, self.in_width, self.in_channels])
    }

    /// Elements of the output.
    pub fn output_len(&self) -> usize {
        let [height, width] = self.output_size();
        element_count(&[self.batch, height, width, self.out_channels])
    }

    /// Elements of the weight.
    pub fn weight_len(&self) -> usize {
        element_count(&[self.out_channels, self.group_in_channels(), self.kernel[0], self.kernel[1]])
    }

    /// Whether every channel is convolved with one filter of its own.
    fn is_depthwise(&self) -> bool {
        self.groups > 1 && self.in_channels == self.groups && self.out_channels == self.groups
    }

    fn group_in_channels(&self) -> usize {
        self.in_channels / self.groups
    }

    fn group_out_channels(&self) -> usize {
        self.out_channels / self.groups
    }

    /// Input place of output place `out` and kernel element `tap` along axis `i`, if not in the padding.
    #[inline]
    fn input_place(&self, i: usize, out: usize, tap: usize, size: usize) -> Option<usize> {
        (out * self.stride[i] + tap * self.dilation[i]).checked_sub(self.padding[i]).filter(|&place| place < size)
    }

    fn check(&self) {
        assert!(self.kernel.iter().all(|&k| k > 0), "conv2d: kernel {:?} has a size of 0", self.kernel);
        assert!(self.stride.iter().all(|&s| s > 0), "conv2d: stride {:?} has a 0", self.stride);
        assert!(self.dilation.iter().all(|&d| d > 0), "conv2d: dilation {:?} has a 0", self.dilation);
        let sizes = [self.kernel, self.stride, self.padding, self.dilation, [self.in_height, self.in_width]];
        assert!(sizes.iter().flatten().all(|&size| size <= MAX_SIZE), "conv2d: a size above {MAX_SIZE} in {self:?}");
        assert!(
            self.groups > 0
                && self.in_channels.is_multiple_of(self.groups)
                && self.out_channels.is_multiple_of(self.groups),
            "conv2d: {} input and {} output channels in {} groups",
            self.in_channels,
            self.out_channels,
            self.groups
        );
    }

    fn check_lengths(&self, input: usize, weight: usize, output: usize) {
        self.check();
        assert_eq!(input, self.input_len(), "conv2d: length of the input for {self:?}");
        assert_eq!(weight, self.weight_len(), "conv2d: length of the weight for {self:?}");
        assert_eq!(output, self.output_len(), "conv2d: length of the output for {self:?}");
    }
}

/// `output[n, y, x, o] = bias[o] + sum over (c, i, j) of input[n, y*s - p + i*d, x*s - p + j*d, c] * weight[o, c, i, j]`,
/// where places outside the input count as 0. Overwrites `output`.
///
/// # Panics
/// If a length does not fit the geometry.
pub fn forward<T: Element>(g: &Conv2dGeometry, input: &[T], weight: &[T], bias: Option<&[T]>, output: &mut [T]) {
    forward_fused(g, input, weight, &Epilogue { bias, ..Epilogue::default() }, output);
}

/// [`forward`] with more steps before the output is stored.
///
/// # Panics
/// If a length does not fit the geometry.
pub fn forward_fused<T: Element>(
    g: &Conv2dGeometry,
    input: &[T],
    weight: &[T],
    epilogue: &Epilogue<'_, T>,
    output: &mut [T],
) {
    g.check_lengths(input.len(), weight.len(), output.len());
    epilogue.check(g.out_channels, output.len());
    if let (Some(input), Some(weight32)) = (T::as_f32(input), T::as_f32(weight))
        && let Some(packed) = PackedWeight::new(g, weight32)
        && let Some(output) = T::as_f32_mut(output)
    {
        let Epilogue { scale, bias, residual, relu } = *epilogue;
        let [scale, bias, residual] = [scale, bias, residual].map(|values| values.and_then(T::as_f32));
        return packed.forward(g, [input, weight32], &Epilogue { scale, bias, residual, relu }, output);
    }
    if g.is_depthwise() {
        depthwise::forward(TileIsa::f32(), g, input, weight, epilogue.first(), output);
    } else {
        generic::forward(g, input, weight, epilogue.first(), output);
    }
    epilogue.finish(g.out_channels, output);
}

/// The gradient of the input: the adjoint of [`forward`] in its input. Overwrites `grad_input`.
///
/// # Panics
/// If a length does not fit the geometry.
pub fn backward_input<T: Element>(g: &Conv2dGeometry, grad_output: &[T], weight: &[T], grad_input: &mut [T]) {
    g.check_lengths(grad_input.len(), weight.len(), grad_output.len());
    if g.is_depthwise() {
        return depthwise::backward_input(TileIsa::f32(), g, grad_output, weight, grad_input);
    }
    if let (Some(grad_output), Some(weight), Some(grad_input)) =
        (T::as_f32(grad_output), T::as_f32(weight), T::as_f32_mut(grad_input))
        && !weight.is_empty()
    {
        let isa = TileIsa::f32();
        if let Some(tiling) = winograd::tiling(isa, g, [g.in_height, g.in_width])
            && winograd::backward_input(tiling, isa, g, grad_output, weight, grad_input)
        {
            return;
        }
        if g.groups == 1 && g.in_channels <= scatter::MAX_CHANNELS {
            return scatter::backward_input(g, grad_output, weight, grad_input);
        }
        if tiled::backward_input(isa, g, grad_output, weight, grad_input) {
            return;
        }
    }
    generic::backward_input(g, grad_output, weight, grad_input);
}

/// The gradients of the weight and, if asked for, of the bias: the adjoint of [`forward`] in those. Overwrites both.
///
/// # Panics
/// If a length does not fit the geometry.
pub fn backward_weight<T: Element>(
    g: &Conv2dGeometry,
    input: &[T],
    grad_output: &[T],
    grad_weight: &mut [T],
    grad_bias: Option<&mut [T]>,
) {
    g.check_lengths(input.len(), grad_weight.len(), grad_output.len());
    if let Some(grad_bias) = grad_bias {
        assert_eq!(grad_bias.len(), g.out_channels, "conv2d: length of the bias gradient");
        if g.out_channels > 0 {
            crate::pointwise::sum_rows(grad_output, grad_bias);
        }
    }
    if g.is_depthwise() {
        return depthwise::backward_weight(TileIsa::f32(), g, input, grad_output, grad_weight);
    }
    if let (Some(input), Some(grad_output), Some(grad_weight)) =
        (T::as_f32(input), T::as_f32(grad_output), T::as_f32_mut(grad_weight))
        && !grad_output.is_empty()
        && !grad_weight.is_empty()
    {
        let isa = TileIsa::f32();
        if let Some(tiling) = winograd::tiling(isa, g, g.output_size())
            && winograd::backward_weight(tiling, isa, g, input, grad_output, grad_weight)
        {
            return;
        }
        return weight::backward_weight(isa, g, input, grad_output, grad_weight);
    }
    generic::backward_weight(g, input, grad_output, grad_weight);
}
