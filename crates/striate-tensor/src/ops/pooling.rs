//! Max and average pooling.
//!
//! ```text
//! max:  y[n, c, i, j] = max of the window;   ∂x gets ∂y at the window's first maximum (row by row), 0 elsewhere
//! avg:  y[n, c, i, j] = sum of the window / count;   ∂x gets ∂y / count at every element of the window
//! ```
//!
//! Overlapping windows add up. Padding is minus infinity for the maximum and 0 for the average. A NaN in a window is
//! its maximum.

use striate_kernels::bf16::bf16;
use striate_kernels::memory::Buffer;
use striate_kernels::pooling::{self as kernel, Pool2dGeometry};

use super::rearrange::accumulate_at;
use super::window::Window;
use crate::autograd::{Backward, Gradients, Recording};
use crate::dtype::dispatch_float;
use crate::error::OrPanic;
use crate::layout::{Layout, MemoryFormat};
use crate::{DType, Tensor, TensorError};

/// How a pooling window looks and moves. Pairs are `[vertical, horizontal]`.
///
/// ```
/// use striate_tensor::Pool2dOptions;
/// let overlapping = Pool2dOptions { stride: [2, 2], padding: [1, 1], ..Pool2dOptions::new(3) };
/// assert_eq!(overlapping.kernel, [3, 3]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pool2dOptions {
    /// Size of the window; at least 1.
    pub kernel: [usize; 2],
    /// Step of the window; at least 1.
    pub stride: [usize; 2],
    /// Rows and columns added on each side; at most half the kernel.
    pub padding: [usize; 2],
    /// Spacing of the elements in a window; the average takes 1 only.
    pub dilation: [usize; 2],
    /// Whether the average counts padding as zeros. The maximum ignores it.
    pub count_include_pad: bool,
    /// Whether the number of windows is rounded up: a last window that reaches past the padding counts as well, if it
    /// starts inside the image or the padding before it. An average divides by its part inside image and padding.
    pub ceil_mode: bool,
}

impl Pool2dOptions {
    /// Square windows side by side: stride = kernel, no padding.
    pub const fn new(kernel: usize) -> Self {
        let (kernel, padding, dilation) = ([kernel; 2], [0; 2], [1; 2]);
        Self { kernel, stride: kernel, padding, dilation, count_include_pad: true, ceil_mode: false }
    }
}

impl Tensor {
    /// The largest value in each window of `[n, c, h, w]`: `[n, c, oh, ow]` with
    /// `oh = (h + 2 padding - dilation (kernel - 1) - 1) / stride + 1`, rounded down (up with
    /// [`ceil_mode`](Pool2dOptions::ceil_mode)).
    ///
    /// ```
    /// use striate_tensor::{Pool2dOptions, Tensor};
    /// let image = Tensor::arange(0.0f32, 16.0, 1.0).reshape(&[1, 1, 4, 4]);
    /// assert_eq!(image.max_pool2d(Pool2dOptions::new(2)).to_vec::<f32>(), [5.0, 7.0, 13.0, 15.0]);
    /// let to_the_end = Pool2dOptions { ceil_mode: true, ..Pool2dOptions::new(3) };
    /// assert_eq!(image.max_pool2d(to_the_end).to_vec::<f32>(), [10.0, 11.0, 14.0, 15.0]);
    /// ```
    ///
    /// # Panics
    /// When the input is not a float `[n, c, h, w]`, or an option is out of range.
    #[track_caller]
    pub fn max_pool2d(&self, options: Pool2dOptions) -> Tensor {
        self.try_max_pool2d(options).or_panic()
    }

    /// Like [`max_pool2d`](Self::max_pool2d), with a mistake as an error.
    pub fn try_max_pool2d(&self, options: Pool2dOptions) -> Result<Tensor, TensorError> {
        if self.dtype() == DType::BF16 && options.dilation[0] > 1 {
            return crate::autocast::rounded(self, |x| x.try_max_pool2d(options));
        }
        Ok(max_pool2d(self, options, |_, _| ())?.0)
    }

    /// [`max_pool2d`](Self::max_pool2d), and where each value came from: `i64` `[n, c, oh, ow]`, the row of the image times
    /// its width plus the column (PyTorch's `return_indices=True`). [`max_unpool2d`](Self::max_unpool2d) puts them back.
    ///
    /// ```
    /// use striate_tensor::{Pool2dOptions, Tensor};
    /// let image = Tensor::from_slice(&[0.0f32, 5.0, 1.0, 2.0, 3.0, 4.0, 9.0, 6.0], &[1, 1, 2, 4]);
    /// let (values, places) = image.max_pool2d_with_indices(Pool2dOptions::new(2));
    /// assert_eq!((values.to_vec::<f32>(), places.to_vec::<i64>()), (vec![5.0, 9.0], vec![1, 6]));
    /// ```
    ///
    /// # Panics
    /// As [`max_pool2d`](Self::max_pool2d).
    #[track_caller]
    pub fn max_pool2d_with_indices(&self, options: Pool2dOptions) -> (Tensor, Tensor) {
        self.try_max_pool2d_with_indices(options).or_panic()
    }

    /// Like [`max_pool2d_with_indices`](Self::max_pool2d_with_indices), with a mistake as an error.
    pub fn try_max_pool2d_with_indices(&self, options: Pool2dOptions) -> Result<(Tensor, Tensor), TensorError> {
        if self.dtype() == DType::BF16 {
            let (values, places) = self.try_to_dtype(DType::F32)?.try_max_pool2d_with_indices(options)?;
            return Ok((values.try_to_dtype(DType::BF16)?, places));
        }
        max_pool2d(self, options, |layout, argmax| {
            Tensor::fill_layout::<i64>(layout.clone(), DType::I64, |output| {
                output.iter_mut().zip(argmax).for_each(|(output, &place)| *output = i64::from(place));
            })
        })
    }

    /// The mean of each window of `[n, c, h, w]`; shapes as in [`max_pool2d`](Self::max_pool2d).
    ///
    /// ```
    /// use striate_tensor::{Pool2dOptions, Tensor};
    /// let image = Tensor::arange(0.0f32, 16.0, 1.0).reshape(&[1, 1, 4, 4]);
    /// assert_eq!(image.avg_pool2d(Pool2dOptions::new(2)).to_vec::<f32>(), [2.5, 4.5, 10.5, 12.5]);
    /// ```
    ///
    /// # Panics
    /// When the input is not a float `[n, c, h, w]`, or an option is out of range.
    #[track_caller]
    pub fn avg_pool2d(&self, options: Pool2dOptions) -> Tensor {
        self.try_avg_pool2d(options).or_panic()
    }

    /// Like [`avg_pool2d`](Self::avg_pool2d), with a mistake as an error.
    pub fn try_avg_pool2d(&self, options: Pool2dOptions) -> Result<Tensor, TensorError> {
        if self.dtype() == DType::BF16 {
            return crate::autocast::rounded(self, |x| x.try_avg_pool2d(options));
        }
        const OP: &str = "avg_pool2d";
        if options.dilation != [1; 2] {
            return Err(TensorError::argument(
                OP,
                format!("dilation {:?} is not supported", options.dilation),
                "use dilation [1, 1], or a depthwise conv2d with constant weights",
            ));
        }
        let geometry = geometry(OP, self, options)?;
        let count_include_pad = options.count_include_pad;
        let output = dispatch_float!(self.dtype(), OP, |T| {
            let input = self.data_in_format::<T>(MemoryFormat::ChannelsLast);
            Tensor::fill_layout::<T>(output_layout(&geometry), self.dtype(), |output| {
                kernel::avg_forward(&geometry, &input, output, count_include_pad);
            })
        });
        Ok(output.record(OP, &[self], || AvgPool2dBackward { geometry, count_include_pad }))
    }
}

/// The largest of each window, recorded, and what `places` makes of where they were, channels last.
fn max_pool2d<R>(
    x: &Tensor,
    options: Pool2dOptions,
    places: impl FnOnce(&Layout, &[u32]) -> R,
) -> Result<(Tensor, R), TensorError> {
    const OP: &str = "max_pool2d";
    let geometry = geometry(OP, x, options)?;
    let layout = output_layout(&geometry);
    let mut argmax = Buffer::uninit(layout.numel() * size_of::<u32>());
    let output = if x.dtype() == DType::BF16 {
        let input = x.data_in_format::<bf16>(MemoryFormat::ChannelsLast);
        Tensor::fill_layout::<bf16>(layout.clone(), DType::BF16, |output| {
            kernel::max_forward_bf16(&geometry, &input, output, argmax.as_mut_slice::<u32>());
        })
    } else {
        dispatch_float!(x.dtype(), OP, |T| {
            let input = x.data_in_format::<T>(MemoryFormat::ChannelsLast);
            Tensor::fill_layout::<T>(layout.clone(), x.dtype(), |output| {
                kernel::max_forward(&geometry, &input, output, argmax.as_mut_slice::<u32>());
            })
        })
    };
    let found = places(&layout, argmax.as_slice::<u32>());
    Ok((output.record(OP, &[x], || MaxPool2dBackward { geometry, argmax }), found))
}

struct MaxPool2dBackward {
    geometry: Pool2dGeometry,
    /// Where each output came from, as the kernel wrote it.
    argmax: Buffer,
}

impl Backward for MaxPool2dBackward {
    fn backward(&self, grad: &Tensor, _needs: &[bool]) -> Result<Vec<Option<Tensor>>, TensorError> {
        if grad.dtype() == DType::BF16 {
            let grad_output = grad.data_in_format::<bf16>(MemoryFormat::ChannelsLast);
            let grad_input = Tensor::fill_layout::<bf16>(input_layout(&self.geometry), DType::BF16, |grad_input| {
                kernel::max_backward_bf16(&self.geometry, &grad_output, self.argmax.as_slice::<u32>(), grad_input);
            });
            return Ok(vec![Some(grad_input)]);
        }
        let grad_input = dispatch_float!(grad.dtype(), "max_pool2d", |T| {
            let grad_output = grad.data_in_format::<T>(MemoryFormat::ChannelsLast);
            Tensor::fill_layout::<T>(input_layout(&self.geometry), grad.dtype(), |grad_input| {
                kernel::max_backward(&self.geometry, &grad_output, self.argmax.as_slice::<u32>(), grad_input);
            })
        });
        Ok(vec![Some(grad_input)])
    }

    fn differentiable(&self, grad: &Tensor, _needs: &[bool], _recording: &Recording) -> Gradients {
        let &Pool2dGeometry { batch, channels, in_height, in_width, .. } = &self.geometry;
        let (plane, argmax) = (in_height * in_width, self.argmax.as_slice::<u32>());
        let windows = self.geometry.output_size().iter().product::<usize>();
        // From channels-last to row-major order.
        let place = |i: usize| {
            let (image, channel, window) = (i / windows / channels, i / windows % channels, i % windows);
            i / windows * plane + argmax[(image * windows + window) * channels + channel] as usize
        };
        let places = (0..grad.numel()).map(place).collect();
        let shape = [batch, channels, in_height, in_width];
        if grad.dtype() == DType::BF16 {
            let wide = accumulate_at("max_pool2d", &grad.try_to_dtype(DType::F32)?, &shape, places)?;
            return Ok(vec![Some(wide.try_to_dtype(DType::BF16)?)]);
        }
        Ok(vec![Some(accumulate_at("max_pool2d", grad, &shape, places)?)])
    }
}

struct AvgPool2dBackward {
    geometry: Pool2dGeometry,
    count_include_pad: bool,
}

impl Backward for AvgPool2dBackward {
    fn backward(&self, grad: &Tensor, _needs: &[bool]) -> Result<Vec<Option<Tensor>>, TensorError> {
        let grad_input = dispatch_float!(grad.dtype(), "avg_pool2d", |T| {
            let grad_output = grad.data_in_format::<T>(MemoryFormat::ChannelsLast);
            Tensor::fill_layout::<T>(input_layout(&self.geometry), grad.dtype(), |grad_input| {
                kernel::avg_backward(&self.geometry, &grad_output, grad_input, self.count_include_pad);
            })
        });
        Ok(vec![Some(grad_input)])
    }

    fn differentiable(&self, grad: &Tensor, needs: &[bool], _recording: &Recording) -> Gradients {
        let gradient = self.backward(grad, needs)?.pop().flatten().expect("the rule above gives one");
        let Self { geometry, count_include_pad } = self;
        let rule = || SpreadMeansBackward { geometry: *geometry, count_include_pad: *count_include_pad };
        Ok(vec![Some(gradient.record("avg_pool2d", &[grad], rule))])
    }
}

/// Of the gradient of average pooling: the transpose of a transpose.
struct SpreadMeansBackward {
    geometry: Pool2dGeometry,
    count_include_pad: bool,
}

impl Backward for SpreadMeansBackward {
    fn backward(&self, grad: &Tensor, _needs: &[bool]) -> Result<Vec<Option<Tensor>>, TensorError> {
        let &Pool2dGeometry { kernel, stride, padding, dilation, ceil_mode, .. } = &self.geometry;
        let count_include_pad = self.count_include_pad;
        let options = Pool2dOptions { kernel, stride, padding, dilation, count_include_pad, ceil_mode };
        Ok(vec![Some(grad.try_avg_pool2d(options)?)])
    }

    fn differentiable(&self, grad: &Tensor, needs: &[bool], _recording: &Recording) -> Gradients {
        self.backward(grad, needs)
    }
}

fn input_layout(geometry: &Pool2dGeometry) -> Layout {
    let &Pool2dGeometry { batch, channels, in_height, in_width, .. } = geometry;
    Layout::in_format(&[batch, channels, in_height, in_width], MemoryFormat::ChannelsLast)
}

fn output_layout(geometry: &Pool2dGeometry) -> Layout {
    let [height, width] = geometry.output_size();
    Layout::in_format(&[geometry.batch, geometry.channels, height, width], MemoryFormat::ChannelsLast)
}

/// Checks the arguments and puts them in the kernel's terms.
fn geometry(op: &'static str, input: &Tensor, options: Pool2dOptions) -> Result<Pool2dGeometry, TensorError> {
    let Pool2dOptions { kernel, stride, padding, dilation, ceil_mode, .. } = options;
    let &[batch, channels, in_height, in_width] = input.shape() else {
        return Err(TensorError::shape(
            op,
            format!("the input must be [n, c, h, w], got {:?}", input.shape()),
            "add the missing dimensions: unsqueeze(0) makes a batch of one",
        ));
    };
    if !input.dtype().is_float() {
        return Err(TensorError::needs_float(op, input.dtype()));
    }
    let beyond = stride.map(|stride| if ceil_mode { stride.saturating_sub(1) } else { 0 });
    Window { kernel, stride, padding, dilation }.check_fits(op, [in_height, in_width], beyond)?;
    if (0..2).any(|axis| padding[axis] > kernel[axis] / 2) {
        return Err(TensorError::argument(
            op,
            format!("padding {padding:?} is more than half the kernel {kernel:?}"),
            "a window must not lie in the padding alone: use less padding or a larger kernel",
        ));
    }
    Ok(Pool2dGeometry { batch, channels, in_height, in_width, kernel, stride, padding, dilation, ceil_mode })
}
