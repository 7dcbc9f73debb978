//! The gradient of an input of few channels, such as an image: all products of an output pixel at once, then added where
//! they belong. Tiles over the input channels would be nearly empty.

use super::Conv2dGeometry;
use super::tiled::inside;
use crate::gemm::{MatrixMut, MatrixRef, gemm};
use crate::threads::{Pieces, parallel_for_scratch};

/// Inputs of up to this many channels are worth it.
pub(super) const MAX_CHANNELS: usize = 4;

/// For geometries of one group.
pub(super) fn backward_input(g: &Conv2dGeometry, grad_output: &[f32], weight: &[f32], grad_input: &mut [f32]) {
    let [out_height, out_width] = g.output_size();
    let image_len = g.in_height * g.in_width * g.in_channels;
    if image_len == 0 || grad_output.is_empty() {
        return grad_input.fill(0.0);
    }
    let filter_len = g.in_channels * g.kernel[0] * g.kernel[1];
    let weight = MatrixRef::row_major(weight, g.out_channels, filter_len);
    let images = Pieces::new(grad_input, image_len);
    let scratch_len = out_height * out_width * filter_len;
    parallel_for_scratch::<f32>(g.batch, scratch_len, &|n, products| {
        let pixels = out_height * out_width;
        let grad = &grad_output[n * pixels * g.out_channels..][..pixels * g.out_channels];
        let grad = MatrixRef::row_major(grad, pixels, g.out_channels);
        gemm(grad, weight, MatrixMut::row_major(products, pixels, filter_len), false);
        // SAFETY: each image runs once, and takes its own piece.
        let image = unsafe { images.get(n) };
        image.fill(0.0);
        for (y, line) in products.chunks_exact(out_width * filter_len).enumerate() {
            add_line(g, y, line, image);
        }
    });
}

/// Adds the products of one output row, `[out_width, channel, kernel row, kernel column]`.
fn add_line(g: &Conv2dGeometry, y: usize, line: &[f32], image: &mut [f32]) {
    let filter_len = g.in_channels * g.kernel[0] * g.kernel[1];
    let out_width = line.len() / filter_len;
    for index in 0..filter_len {
        let (c, i, j) = (index / g.kernel[1] / g.kernel[0], index / g.kernel[1] % g.kernel[0], index % g.kernel[1]);
        let Some(row) = g.input_place(0, y, i, g.in_height) else { continue };
        let first = (j * g.dilation[1]) as isize - g.padding[1] as isize;
        let pixels = inside(first, g.stride[1], out_width, g.in_width);
        if pixels.is_empty() {
            continue;
        }
        let column = (first + (pixels.start * g.stride[1]) as isize).unsigned_abs();
        let places = image[(row * g.in_width + column) * g.in_channels + c..].iter_mut();
        let products = line[pixels.start * filter_len + index..].iter().step_by(filter_len);
        let places = places.step_by(g.stride[1] * g.in_channels);
        places.zip(products).take(pixels.len()).for_each(|(place, product)| *place += product);
    }
}
