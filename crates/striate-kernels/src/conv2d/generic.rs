//! Convolution in plain Rust: the specification of the fast kernels, and the path of `f64`.

use super::Conv2dGeometry;
use crate::Element;
use crate::memory::Buffer;
use crate::threads::{Pieces, parallel_chunks_mut, parallel_for};

/// Partial weight gradients: the batch is cut in at most this many parts, whatever the number of threads.
const MAX_PARTS: usize = 16;

/// `[o, c, kh, kw]` to `[kh, kw, c, o]` (`c` of a group): the output channels, along which the loops run, come last.
fn output_last<T: Element>(g: &Conv2dGeometry, weight: &[T]) -> Buffer {
    let (channels, taps) = (g.group_in_channels(), g.kernel[0] * g.kernel[1]);
    let mut packed = Buffer::uninit(size_of_val(weight));
    let to = packed.as_mut_slice::<T>();
    for (o, filter) in weight.chunks_exact((channels * taps).max(1)).enumerate() {
        for (c, plane) in filter.chunks_exact(taps).enumerate() {
            for (tap, &value) in plane.iter().enumerate() {
                to[(tap * channels + c) * g.out_channels + o] = value;
            }
        }
    }
    packed
}

pub(super) fn forward<T: Element>(g: &Conv2dGeometry, input: &[T], weight: &[T], bias: Option<&[T]>, output: &mut [T]) {
    let [out_height, out_width] = g.output_size();
    let packed = output_last(g, weight);
    let packed = packed.as_slice::<T>();
    let (channels, filters) = (g.group_in_channels(), g.group_out_channels());
    parallel_chunks_mut(output, (out_width * g.out_channels).max(1), &|row, line| {
        let (n, y) = (row / out_height, row % out_height);
        for (x, pixel) in line.chunks_exact_mut(g.out_channels).enumerate() {
            match bias {
                Some(bias) => pixel.copy_from_slice(bias),
                None => pixel.fill(T::ZERO),
            }
            for_each_tap(g, n, y, x, |tap, place| {
                for (group, sums) in pixel.chunks_exact_mut(filters).enumerate() {
                    let first = place * g.in_channels + group * channels;
                    for (c, &value) in input[first..first + channels].iter().enumerate() {
                        let start = (tap * channels + c) * g.out_channels + group * filters;
                        for (sum, &w) in sums.iter_mut().zip(&packed[start..start + filters]) {
                            *sum += value * w;
                        }
                    }
                }
            });
        }
    });
}

/// Calls `visit(tap, input pixel)` for the kernel elements of output pixel `(n, y, x)` that are not in the padding.
#[inline(always)]
pub(super) fn for_each_tap(g: &Conv2dGeometry, n: usize, y: usize, x: usize, mut visit: impl FnMut(usize, usize)) {
    for i in 0..g.kernel[0] {
        let Some(row) = g.input_place(0, y, i, g.in_height) else { continue };
        for j in 0..g.kernel[1] {
            let Some(column) = g.input_place(1, x, j, g.in_width) else { continue };
            visit(i * g.kernel[1] + j, (n * g.in_height + row) * g.in_width + column);
        }
    }
}

pub(super) fn backward_input<T: Element>(g: &Conv2dGeometry, grad_output: &[T], weight: &[T], grad_input: &mut [T]) {
    let [out_height, out_width] = g.output_size();
    let (channels, filters, taps) = (g.group_in_channels(), g.group_out_channels(), g.kernel[0] * g.kernel[1]);
    // `[o, kh, kw, c]`: the input channels come last.
    let mut packed = Buffer::uninit(size_of_val(weight));
    let to = packed.as_mut_slice::<T>();
    for (index, &value) in weight.iter().enumerate() {
        let (o, c, tap) = (index / taps / channels, index / taps % channels, index % taps);
        to[(o * taps + tap) * channels + c] = value;
    }
    let packed = packed.as_slice::<T>();
    let image = g.in_height * g.in_width * g.in_channels;
    parallel_chunks_mut(grad_input, image.max(1), &|n, grad_image| {
        grad_image.fill(T::ZERO);
        for y in 0..out_height {
            for x in 0..out_width {
                let pixel = ((n * out_height + y) * out_width + x) * g.out_channels;
                for_each_tap(g, 0, y, x, |tap, place| {
                    for (o, &grad) in grad_output[pixel..pixel + g.out_channels].iter().enumerate() {
                        let first = place * g.in_channels + o / filters * channels;
                        let start = (o * taps + tap) * channels;
                        let sums = &mut grad_image[first..first + channels];
                        for (sum, &w) in sums.iter_mut().zip(&packed[start..start + channels]) {
                            *sum += grad * w;
                        }
                    }
                });
            }
        }
    });
}

pub(super) fn backward_weight<T: Element>(g: &Conv2dGeometry, input: &[T], grad_output: &[T], grad_weight: &mut [T]) {
    let [out_height, out_width] = g.output_size();
    let (channels, filters, taps) = (g.group_in_channels(), g.group_out_channels(), g.kernel[0] * g.kernel[1]);
    let len = grad_weight.len();
    if len == 0 {
        return;
    }
    let lines = g.batch * out_height;
    let per_part = lines.div_ceil(MAX_PARTS).max(1);
    let parts = lines.div_ceil(per_part).max(1);
    let mut sums = Buffer::zeroed(parts * size_of_val(grad_weight));
    let sums = sums.as_mut_slice::<T>();
    let pieces = Pieces::new(sums, len);
    parallel_for(parts, &|part| {
        // SAFETY: each part runs once, and takes its own piece.
        let sums = unsafe { pieces.get(part) };
        for line in part * per_part..((part + 1) * per_part).min(lines) {
            for x in 0..out_width {
                let pixel = (line * out_width + x) * g.out_channels;
                for_each_tap(g, line / out_height, line % out_height, x, |tap, place| {
                    for (c, &value) in input[place * g.in_channels..][..g.in_channels].iter().enumerate() {
                        let (group, c) = (c / channels, c % channels);
                        let start = (tap * channels + c) * g.out_channels + group * filters;
                        let grads = &grad_output[pixel + group * filters..][..filters];
                        for (sum, &grad) in sums[start..start + filters].iter_mut().zip(grads) {
                            *sum += value * grad;
                        }
                    }
                });
            }
        }
    });
    crate::pointwise::add_pairwise(sums, len);
    for (index, out) in grad_weight.iter_mut().enumerate() {
        let (o, c, tap) = (index / taps / channels, index / taps % channels, index % taps);
        *out = sums[(tap * channels + c) * g.out_channels + o];
    }
}
