//! The gradients of a convolution as recorded operations, for second derivatives.
//!
//! A convolution `y = F(x, w)`, its gradient by the input `T(dy, w)`, which is a transposed convolution, and its gradient
//! by the weight `W(x, dy)` are linear in both arguments, and each has the others as gradients:
//!
//! ```text
//! of F for g like y:   T(g, w), W(x, g)
//! of T for g like x:   F(g, w), W(g, dy)
//! of W for g like w:   T(dy, g), F(x, g)
//! ```

use striate_kernels::conv2d::{self as kernel, Conv2dGeometry};

use crate::autograd::{Backward, Gradients, Recording, SavedTensor};
use crate::dtype::dispatch_float;
use crate::layout::{Layout, MemoryFormat};
use crate::{Conv2dOptions, Tensor, TensorError};

pub(super) fn options(geometry: &Conv2dGeometry) -> Conv2dOptions {
    let &Conv2dGeometry { stride, padding, dilation, groups, .. } = geometry;
    Conv2dOptions { stride, padding, dilation, groups }
}

/// `T(dy, w)`.
pub(super) fn of_input(geometry: &Conv2dGeometry, dy: &Tensor, weight: &Tensor) -> Result<Tensor, TensorError> {
    let output = geometry.output_size();
    let output_padding = [0, 1].map(|axis| {
        let reach = geometry.dilation[axis] * (geometry.kernel[axis] - 1) + 1;
        let padded = [geometry.in_height, geometry.in_width][axis] + 2 * geometry.padding[axis];
        padded - reach - (output[axis] - 1) * geometry.stride[axis]
    });
    dy.try_conv_transpose2d(weight, None, options(geometry), output_padding)
}

/// `W(x, dy)`, recorded as part of `op`.
pub(super) fn of_weight(
    op: &'static str,
    geometry: &Conv2dGeometry,
    x: &Tensor,
    dy: &Tensor,
) -> Result<Tensor, TensorError> {
    let &Conv2dGeometry { out_channels, in_channels, groups, kernel: [height, width], .. } = geometry;
    let layout = Layout::contiguous(&[out_channels, in_channels / groups, height, width]);
    let gradient = dispatch_float!(x.dtype(), op, |T| {
        let x_data = x.data_in_format::<T>(MemoryFormat::ChannelsLast);
        let dy_data = dy.data_in_format::<T>(MemoryFormat::ChannelsLast);
        Tensor::fill_layout::<T>(layout, x.dtype(), |dw| kernel::backward_weight(geometry, &x_data, &dy_data, dw, None))
    });
    Ok(gradient.record(op, &[x, dy], || WeightGradientBackward {
        op,
        geometry: *geometry,
        x: SavedTensor::new(x),
        dy: SavedTensor::new(dy),
    }))
}

struct WeightGradientBackward {
    op: &'static str,
    geometry: Conv2dGeometry,
    x: SavedTensor,
    dy: SavedTensor,
}

impl WeightGradientBackward {
    fn gradients(&self, grad: &Tensor, needs: &[bool], x: &Tensor, dy: &Tensor) -> Gradients {
        let by_x = needs[0].then(|| of_input(&self.geometry, dy, grad)).transpose()?;
        let by_dy = needs[1].then(|| x.try_conv2d(grad, None, options(&self.geometry))).transpose()?;
        Ok(vec![by_x, by_dy])
    }
}

impl Backward for WeightGradientBackward {
    fn backward(&self, grad: &Tensor, needs: &[bool]) -> Result<Vec<Option<Tensor>>, TensorError> {
        self.gradients(grad, needs, self.x.get(self.op)?, self.dy.get(self.op)?)
    }

    fn differentiable(&self, grad: &Tensor, needs: &[bool], recording: &Recording) -> Gradients {
        let x = recording.input(0, self.x.get(self.op)?);
        let dy = recording.input(1, self.dy.get(self.op)?);
        self.gradients(grad, needs, &x, &dy)
    }
}
