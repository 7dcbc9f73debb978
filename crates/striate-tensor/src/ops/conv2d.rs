//! Two-dimensional convolution (cross-correlation, as everywhere in deep learning).
//!
//! With stride `s`, padding `p`, dilation `d` and one group:
//!
//! ```text
//! y[n, o, i, j]  = b[o] + Σ_{c, u, v} x[n, c, i s - p + u d, j s - p + v d] w[o, c, u, v]
//! ∂x[n, c, r, q] = Σ_{o, u, v with i s - p + u d = r, j s - p + v d = q} ∂y[n, o, i, j] w[o, c, u, v]
//! ∂w[o, c, u, v] = Σ_{n, i, j} ∂y[n, o, i, j] x[n, c, i s - p + u d, j s - p + v d]
//! ∂b[o]          = Σ_{n, i, j} ∂y[n, o, i, j]
//! ```
//!
//! where `x` outside the image is 0.

use striate_kernels::conv2d::{self as kernel, Conv2dGeometry, Epilogue, PackedWeight};

use super::conv2d_gradient;
use super::window::Window;
use crate::autograd::{Backward, Gradients, Recording, SavedTensor};
use crate::dtype::dispatch_float;
use crate::error::OrPanic;
use crate::layout::{Layout, MemoryFormat};
use crate::{DType, Tensor, TensorError, is_grad_enabled};

pub(super) const OP: &str = "conv2d";

/// How a convolution window moves. Pairs are `[vertical, horizontal]`.
///
/// ```
/// use striate_tensor::Conv2dOptions;
/// let same = Conv2dOptions { padding: [1, 1], ..Conv2dOptions::default() };
/// assert_eq!(same.stride, [1, 1]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Conv2dOptions {
    /// Step of the window; at least 1.
    pub stride: [usize; 2],
    /// Rows and columns of zeros added on each side.
    pub padding: [usize; 2],
    /// Spacing of the kernel's taps; at least 1.
    pub dilation: [usize; 2],
    /// Independent convolutions side by side in the channels; divides the channels of input and output.
    pub groups: usize,
}

impl Default for Conv2dOptions {
    fn default() -> Self {
        Self { stride: [1; 2], padding: [0; 2], dilation: [1; 2], groups: 1 }
    }
}

impl Tensor {
    /// Convolves `[n, c, h, w]` with `weight` `[out, c / groups, kh, kw]` and adds `bias` `[out]`:
    /// `[n, out, oh, ow]` with `oh = (h + 2 padding - dilation (kh - 1) - 1) / stride + 1`, rounded down.
    ///
    /// ```
    /// use striate_tensor::{Conv2dOptions, Tensor};
    /// let image = Tensor::arange(0.0f32, 9.0, 1.0).reshape(&[1, 1, 3, 3]);
    /// let differences = Tensor::from_slice(&[-1.0f32, 1.0], &[1, 1, 1, 2]);
    /// let edges = image.conv2d(&differences, None, Conv2dOptions::default());
    /// assert_eq!(edges.to_vec::<f32>(), [1.0; 6]);
    /// ```
    ///
    /// # Panics
    /// When shapes or dtypes do not fit, or an option is out of range.
    #[track_caller]
    pub fn conv2d(&self, weight: &Tensor, bias: Option<&Tensor>, options: Conv2dOptions) -> Tensor {
        self.try_conv2d(weight, bias, options).or_panic()
    }

    /// Like [`conv2d`](Self::conv2d), with a mistake as an error.
    pub fn try_conv2d(
        &self,
        weight: &Tensor,
        bias: Option<&Tensor>,
        options: Conv2dOptions,
    ) -> Result<Tensor, TensorError> {
        if crate::autocast::lowers(self) {
            return super::mixed::conv2d::conv2d(self, weight, bias, options);
        }
        check_dtypes(OP, self, weight, bias)?;
        let geometry = geometry(self, weight, bias, options)?;
        let [height, width] = geometry.output_size();
        let layout =
            Layout::in_format(&[geometry.batch, geometry.out_channels, height, width], MemoryFormat::ChannelsLast);
        // Converted once here; the backward pass reads the same copy.
        let input = self.to_format(MemoryFormat::ChannelsLast);
        let inputs: Vec<&Tensor> = [Some(self), Some(weight), bias].into_iter().flatten().collect();
        let recorded = is_grad_enabled() && inputs.iter().any(|input| input.requires_grad());
        let steps = ConvSteps::default();
        if !recorded && let Some(output) = forward_arranged(&geometry, &input, weight, bias, &steps, &layout) {
            return Ok(output);
        }
        let output = dispatch_float!(self.dtype(), OP, |T| {
            let weight = weight.data_in_format::<T>(MemoryFormat::Contiguous);
            let bias = bias.map(|bias| bias.data_in_format::<T>(MemoryFormat::Contiguous));
            Tensor::fill_layout::<T>(layout, self.dtype(), |output| {
                kernel::forward(&geometry, &input.data::<T>(), &weight, bias.as_deref(), output);
            })
        });
        Ok(output.record(OP, &inputs, || Conv2dBackward {
            geometry,
            input: SavedTensor::new(&input),
            weight: SavedTensor::new(weight),
        }))
    }
}

/// What follows a convolution: `y = relu(conv(x) scale + shift + residual)`, each step if asked for. See
/// [`Tensor::conv2d_then`].
#[derive(Clone, Copy, Debug, Default)]
pub struct ConvSteps<'a> {
    /// `[out]`: multiplies each output channel.
    pub scale: Option<&'a Tensor>,
    /// `[out]`: added to each output channel.
    pub shift: Option<&'a Tensor>,
    /// Added; of the shape of the output.
    pub residual: Option<&'a Tensor>,
    /// Whether negative results become 0.
    pub relu: bool,
}

impl Tensor {
    /// [`conv2d`](Self::conv2d) and the steps after it. In `f32` inference they are taken before the results are stored, so
    /// that batch norm, a residual connection and ReLU cost no pass over the image; otherwise one after the other, with the
    /// gradients of each. In bf16 and inside [`autocast`](crate::autocast) likewise, but that a residual is added, and ReLU taken
    /// then, after rounding.
    ///
    /// ```
    /// use striate_tensor::{Conv2dOptions, ConvSteps, DType, Tensor};
    /// let (x, weight) = (Tensor::ones(&[1, 2, 3, 3], DType::F32), Tensor::ones(&[1, 2, 1, 1], DType::F32));
    /// let (scale, shift) = (Tensor::from_slice(&[-1.0f32], &[1]), Tensor::from_slice(&[0.5f32], &[1]));
    /// let steps = ConvSteps { scale: Some(&scale), shift: Some(&shift), ..ConvSteps::default() };
    /// assert_eq!(x.conv2d_then(&weight, Conv2dOptions::default(), steps).to_vec::<f32>(), [-1.5; 9]);
    /// ```
    ///
    /// # Panics
    /// When shapes or dtypes do not fit, or an option is out of range.
    #[track_caller]
    pub fn conv2d_then(&self, weight: &Tensor, options: Conv2dOptions, steps: ConvSteps<'_>) -> Tensor {
        self.try_conv2d_then(weight, options, steps).or_panic()
    }

    /// Like [`conv2d_then`](Self::conv2d_then), with a mistake as an error.
    pub fn try_conv2d_then(
        &self,
        weight: &Tensor,
        options: Conv2dOptions,
        steps: ConvSteps<'_>,
    ) -> Result<Tensor, TensorError> {
        let geometry = geometry(self, weight, None, options)?;
        let [height, width] = geometry.output_size();
        let shape = [geometry.batch, geometry.out_channels, height, width];
        let vectors = [steps.scale, steps.shift].into_iter().flatten();
        let fits = vectors.clone().all(|vector| vector.shape() == [geometry.out_channels])
            && steps.residual.is_none_or(|residual| residual.shape() == shape);
        let others: Vec<&Tensor> = vectors.chain(steps.residual).collect();
        let recorded = is_grad_enabled() && [self, weight].iter().chain(&others).any(|input| input.requires_grad());
        if fits && !recorded && crate::autocast::lowers(self) {
            let relu = steps.relu && steps.residual.is_none();
            let vectors = [steps.scale, steps.shift];
            if let Some(y) = super::mixed::conv2d::forward_arranged(&geometry, self, weight, vectors, relu)? {
                return match steps.residual {
                    Some(residual) if steps.relu => y.try_add(residual)?.try_relu(),
                    Some(residual) => y.try_add(residual),
                    None => Ok(y),
                };
            }
        }
        let alike = others.iter().all(|tensor| tensor.dtype() == self.dtype()) && weight.dtype() == self.dtype();
        if fits && alike && !recorded && !crate::autocast::lowers(self) {
            let input = self.to_format(MemoryFormat::ChannelsLast);
            let layout = Layout::in_format(&shape, MemoryFormat::ChannelsLast);
            if let Some(output) = forward_arranged(&geometry, &input, weight, steps.shift, &steps, &layout) {
                return Ok(output);
            }
        }
        let mut y = self.try_conv2d(weight, None, options)?;
        let per_channel = |vector: &Tensor| vector.try_reshape(&[vector.numel(), 1, 1]);
        if let Some(scale) = steps.scale {
            y = y.try_mul(&per_channel(scale)?)?;
        }
        if let Some(shift) = steps.shift {
            y = y.try_add(&per_channel(shift)?)?;
        }
        if let Some(residual) = steps.residual {
            y = y.try_add(residual)?;
        }
        let y = if steps.relu { y.try_relu()? } else { y };
        if crate::autocast::lowers(self) { y.try_to_dtype(DType::BF16) } else { Ok(y) }
    }
}

/// The forward pass of inference in `f32`. The weight arranged for the kernel is kept with its storage until it is written to:
/// a model that is used again arranges nothing. Training changes its weights in every step, and keeps nothing.
fn forward_arranged(
    geometry: &Conv2dGeometry,
    input: &Tensor,
    weight: &Tensor,
    bias: Option<&Tensor>,
    steps: &ConvSteps<'_>,
    layout: &Layout,
) -> Option<Tensor> {
    if input.dtype() != DType::F32 || !weight.is_contiguous() {
        return None;
    }
    let arrange = || PackedWeight::new(geometry, &weight.data::<f32>());
    let start = weight.layout().offset;
    let packed = weight.0.storage.derived(start, |packed: &PackedWeight| packed.fits(geometry), arrange)?;
    let vector = |values: Option<&Tensor>| values.map(|values| values.data_in_format::<f32>(MemoryFormat::Contiguous));
    let (scale, bias) = (vector(steps.scale), vector(bias));
    let residual = steps.residual.map(|residual| residual.data_in_format::<f32>(MemoryFormat::ChannelsLast));
    let epilogue =
        Epilogue { scale: scale.as_deref(), bias: bias.as_deref(), residual: residual.as_deref(), relu: steps.relu };
    Some(Tensor::fill_layout::<f32>(layout.clone(), DType::F32, |output| {
        packed.forward(geometry, [&input.data::<f32>(), &weight.data::<f32>()], &epilogue, output);
    }))
}

struct Conv2dBackward {
    geometry: Conv2dGeometry,
    /// Channels-last.
    input: SavedTensor,
    weight: SavedTensor,
}

impl Backward for Conv2dBackward {
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
                    kernel::backward_input(geometry, &grad_output, &weight, grad_input);
                }));
            }
            let needs_bias = needs.get(2).is_some_and(|&needs| needs);
            if needs[1] || needs_bias {
                let input = input.data_in_format::<T>(MemoryFormat::ChannelsLast);
                let mut grad_bias = None;
                let grad_weight =
                    Tensor::fill_layout::<T>(Layout::contiguous(weight.shape()), grad.dtype(), |grad_weight| {
                        if needs_bias {
                            let layout = Layout::contiguous(&[geometry.out_channels]);
                            grad_bias = Some(Tensor::fill_layout::<T>(layout, grad.dtype(), |grad_bias| {
                                kernel::backward_weight(geometry, &input, &grad_output, grad_weight, Some(grad_bias));
                            }));
                        } else {
                            kernel::backward_weight(geometry, &input, &grad_output, grad_weight, None);
                        }
                    });
                gradients[1] = needs[1].then_some(grad_weight);
                if needs_bias {
                    gradients[2] = grad_bias;
                }
            }
        });
        Ok(gradients)
    }

    fn differentiable(&self, grad: &Tensor, needs: &[bool], recording: &Recording) -> Gradients {
        let input = recording.input(0, self.input.get(OP)?);
        let weight = recording.input(1, self.weight.get(OP)?);
        let mut gradients = vec![None; needs.len()];
        if needs[0] {
            gradients[0] = Some(conv2d_gradient::of_input(&self.geometry, grad, &weight)?);
        }
        if needs[1] {
            gradients[1] = Some(conv2d_gradient::of_weight(OP, &self.geometry, &input, grad)?);
        }
        if needs.get(2) == Some(&true) {
            gradients[2] = Some(grad.try_sum(&[0, 2, 3], false)?);
        }
        Ok(gradients)
    }
}

/// Checks the shapes and options and puts them in the kernel's terms.
pub(super) fn geometry(
    input: &Tensor,
    weight: &Tensor,
    bias: Option<&Tensor>,
    options: Conv2dOptions,
) -> Result<Conv2dGeometry, TensorError> {
    let Conv2dOptions { stride, padding, dilation, groups } = options;
    let &[batch, in_channels, in_height, in_width] = input.shape() else {
        return Err(TensorError::shape(
            OP,
            format!("the input must be [n, c, h, w], got {:?}", input.shape()),
            "add the missing dimensions: unsqueeze(0) makes a batch of one",
        ));
    };
    let &[out_channels, weight_channels, kernel_height, kernel_width] = weight.shape() else {
        return Err(TensorError::shape(
            OP,
            format!("the weight must be [out, in / groups, kh, kw], got {:?}", weight.shape()),
            "reshape the weight to four dimensions",
        ));
    };
    let kernel = [kernel_height, kernel_width];
    let window = window(OP, kernel, options)?;
    if in_channels != weight_channels * groups {
        let expected = weight_channels * groups;
        let of_groups =
            if groups == 1 { String::new() } else { format!(" ({weight_channels} in each of {groups} groups)") };
        let help = if in_height == expected || in_width == expected {
            "the input looks like [n, h, w, c]: permute(&[0, 3, 1, 2]) makes it [n, c, h, w]"
        } else {
            "the weight is [out, in / groups, kh, kw]: make its second size match the channels of the input"
        };
        return Err(TensorError::shape(
            OP,
            format!("input has {in_channels} channels, weight expects {expected}{of_groups}"),
            help,
        ));
    }
    if !out_channels.is_multiple_of(groups) {
        return Err(TensorError::argument(
            OP,
            format!("{groups} groups do not divide the {out_channels} output channels"),
            "choose groups that divide the channels of input and output",
        ));
    }
    if let Some(bias) = bias.filter(|bias| bias.shape() != [out_channels]) {
        return Err(TensorError::shape(
            OP,
            format!("the bias must be [{out_channels}], one number per output channel, got {:?}", bias.shape()),
            "the weight's first size and the bias's size must be equal",
        ));
    }
    window.check_fits(OP, [in_height, in_width], [0; 2])?;
    Ok(Conv2dGeometry {
        batch,
        in_channels,
        in_height,
        in_width,
        out_channels,
        kernel,
        stride,
        padding,
        dilation,
        groups,
    })
}

pub(super) fn check_dtypes(
    op: &'static str,
    input: &Tensor,
    weight: &Tensor,
    bias: Option<&Tensor>,
) -> Result<(), TensorError> {
    if !input.dtype().is_float() {
        return Err(TensorError::needs_float(op, input.dtype()));
    }
    match [Some(weight), bias].into_iter().flatten().find(|tensor| tensor.dtype() != input.dtype()) {
        Some(other) => Err(TensorError::dtypes_differ(op, input.dtype(), other.dtype())),
        None => Ok(()),
    }
}

/// The window of a convolution with this kernel; `groups` is checked on the way.
pub(super) fn window(op: &'static str, kernel: [usize; 2], options: Conv2dOptions) -> Result<Window, TensorError> {
    let Conv2dOptions { stride, padding, dilation, groups } = options;
    if groups == 0 {
        return Err(TensorError::argument(op, "groups is 0", "groups must be at least 1"));
    }
    Ok(Window { kernel, stride, padding, dilation })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Generator;

    /// A weight used before and changed since must not be used as it was, however it was changed.
    #[test]
    fn an_arranged_weight_is_forgotten_when_it_changes() {
        let mut generator = Generator::new(3);
        let options = Conv2dOptions { padding: [1, 1], ..Conv2dOptions::default() };
        // The first by tiles of pixels, the second large enough for transformed kernels.
        for (batch, size) in [(1, 5), (2, 16)] {
            let input = Tensor::randn(&[batch, 32, size, size], &mut generator);
            let weight = Tensor::randn(&[48, 32, 3, 3], &mut generator).requires_grad_(true);
            let infer = || crate::no_grad(|| input.conv2d(&weight, None, options).to_vec::<f32>());
            let fresh = || {
                let copy = Tensor::from_slice(&weight.to_vec::<f32>(), weight.shape());
                crate::no_grad(|| input.conv2d(&copy, None, options).to_vec::<f32>())
            };
            assert_eq!(infer(), fresh());
            assert_eq!(infer(), fresh());
            weight.copy_(&Tensor::randn(&[48, 32, 3, 3], &mut generator));
            assert_eq!(infer(), fresh());
            let step = Tensor::ones(&[48, 32, 3, 3], DType::F32);
            weight.update_with(&step, |weight: &mut [f32], step: &[f32]| {
                weight.iter_mut().zip(step).for_each(|(w, s)| *w -= s);
            });
            assert_eq!(infer(), fresh());
        }
    }

    /// Storages share nothing: a part of a weight is not taken for the whole, nor one batch size for another.
    #[test]
    fn views_and_batches_are_told_apart() {
        let mut generator = Generator::new(4);
        let options = Conv2dOptions::default();
        let weights = Tensor::randn(&[64, 32, 3, 3], &mut generator);
        for batch in [1, 3, 1] {
            let input = Tensor::randn(&[batch, 32, 18, 18], &mut generator);
            for start in [0, 32] {
                let part = weights.narrow(0, start, 32);
                let copy = Tensor::from_slice(&part.to_vec::<f32>(), part.shape());
                let found = input.conv2d(&part, None, options).to_vec::<f32>();
                assert_eq!(found, input.conv2d(&copy, None, options).to_vec::<f32>());
            }
        }
    }

    /// What is kept for `f32` is not used in bf16, nor the other way round, in any order of use.
    #[test]
    fn precisions_are_told_apart() {
        let mut generator = Generator::new(6);
        let options = Conv2dOptions { padding: [1, 1], ..Conv2dOptions::default() };
        let input = Tensor::randn(&[2, 32, 16, 16], &mut generator);
        let weight = Tensor::randn(&[48, 32, 3, 3], &mut generator);
        let [scale, shift] = [0, 1].map(|_| Tensor::randn(&[48], &mut generator));
        let steps = ConvSteps { scale: Some(&scale), shift: Some(&shift), relu: true, ..ConvSteps::default() };
        let full = || input.conv2d_then(&weight, options, steps).to_vec::<f32>();
        let mixed = || crate::autocast(DType::BF16, || input.conv2d_then(&weight, options, steps)).to_dtype(DType::F32);
        let first = full();
        let [x, w] = [&input, &weight].map(|tensor| tensor.to_dtype(DType::BF16));
        let products = x.conv2d(&w, None, options).to_dtype(DType::F32);
        let [scale, shift] = [&scale, &shift].map(|vector| vector.reshape(&[48, 1, 1]));
        let expected = (&(&products * &scale) + &shift).relu().to_vec::<f32>();
        let narrow = mixed().to_vec::<f32>();
        // Rounded once here, twice there.
        assert!(narrow.iter().zip(&expected).all(|(x, e)| (x - e).abs() <= 0.02 * e.abs().max(10.0)));
        for _ in 0..2 {
            assert_eq!(mixed().to_vec::<f32>(), narrow);
            assert_eq!(full(), first);
        }
        assert_ne!(first, expected);
        let text = input.try_conv2d_then(&w, options, ConvSteps::default()).expect_err("types differ").to_string();
        assert!(text.contains("conv2d") && text.contains("bf16"), "{text}");
    }

    /// In one pass or one after the other, the steps give the same.
    #[test]
    fn steps_in_one_pass_equal_steps_of_their_own() {
        let mut generator = Generator::new(5);
        // Direct, strided, with a kernel of one element, depthwise, transformed.
        for (channels, filters, kernel, stride, groups, size) in [
            (3, 20, 3, 1, 1, 9),
            (16, 70, 3, 2, 1, 8),
            (16, 40, 1, 1, 1, 7),
            (32, 32, 3, 1, 32, 8),
            (32, 48, 3, 1, 1, 20),
        ] {
            let options = Conv2dOptions { stride: [stride; 2], padding: [kernel / 2; 2], groups, ..Default::default() };
            let input = Tensor::randn(&[2, channels, size, size], &mut generator);
            let weight = Tensor::randn(&[filters, channels / groups, kernel, kernel], &mut generator);
            let [scale, shift] = [0, 1].map(|_| Tensor::randn(&[filters], &mut generator));
            let out = input.conv2d(&weight, None, options);
            let residual = Tensor::randn(out.shape(), &mut generator);
            for bits in 0..16 {
                let steps = ConvSteps {
                    scale: (bits & 1 > 0).then_some(&scale),
                    shift: (bits & 2 > 0).then_some(&shift),
                    residual: (bits & 4 > 0).then_some(&residual),
                    relu: bits & 8 > 0,
                };
                let found = input.conv2d_then(&weight, options, steps);
                let weight = weight.detach().requires_grad_(true);
                let expected = input.conv2d_then(&weight, options, steps);
                assert!(expected.requires_grad() && !found.requires_grad());
                let difference = found.sub(&expected.detach()).abs().max_all().item::<f32>();
                assert!(difference < 1e-4, "{channels} -> {filters}, steps {bits}: {difference}");
            }
        }
    }
}
