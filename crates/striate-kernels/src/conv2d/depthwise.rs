//! Depthwise convolution: every channel has a filter of its own. The loops run over the channels, for `f32` and bf16 sixteen
//! at a time with the sums in registers ([`lines`]).

use std::ops::Range;

use super::Conv2dGeometry;
use super::generic::for_each_tap;
use super::lanes::Stored;
use crate::Element;
use crate::arch::{TileIsa, vectorized};
use crate::layout::transpose;
use crate::memory::Buffer;
use crate::threads::{Pieces, parallel_chunks_mut, parallel_for};

mod lines;

pub(super) use lines::suits;

/// Partial weight gradients: the output rows are cut in at most this many parts, whatever the number of threads.
const MAX_PARTS: usize = 16;

/// `[channels, taps]` to `[taps, channels]`.
fn channels_last<T: Element>(g: &Conv2dGeometry, weight: &[T]) -> Buffer {
    let mut packed = Buffer::uninit(size_of_val(weight));
    transpose(weight, 1, g.in_channels, g.kernel[0] * g.kernel[1], packed.as_mut_slice::<T>());
    packed
}

/// `sums[c] += a[c] * b[c]`.
#[inline(always)]
fn add_products<T: Element>(sums: &mut [T], a: &[T], b: &[T]) {
    for ((sum, &a), &b) in sums.iter_mut().zip(a).zip(b) {
        *sum += a * b;
    }
}

pub(super) fn forward<T: Element>(
    isa: TileIsa,
    g: &Conv2dGeometry,
    input: &[T],
    weight: &[T],
    bias: Option<&[T]>,
    output: &mut [T],
) {
    if let (Some(input), Some(weight), Some(output)) = (T::as_f32(input), T::as_f32(weight), T::as_f32_mut(output))
        && lines::suits(g)
    {
        return forward_lines(isa, g, input, weight, bias.and_then(T::as_f32), output);
    }
    let [out_height, out_width] = g.output_size();
    let packed = channels_last(g, weight);
    let packed = packed.as_slice::<T>();
    let channels = g.in_channels;
    parallel_chunks_mut(output, (out_width * channels).max(1), &|row, line| {
        let (n, y) = (row / out_height, row % out_height);
        vectorized(|| {
            for (x, pixel) in line.chunks_exact_mut(channels).enumerate() {
                match bias {
                    Some(bias) => pixel.copy_from_slice(bias),
                    None => pixel.fill(T::ZERO),
                }
                for_each_tap(g, n, y, x, |tap, place| {
                    add_products(pixel, &input[place * channels..][..channels], &packed[tap * channels..][..channels]);
                });
            }
        });
    });
}

pub(super) fn backward_input<T: Element>(
    isa: TileIsa,
    g: &Conv2dGeometry,
    grad_output: &[T],
    weight: &[T],
    grad_input: &mut [T],
) {
    if let (Some(grad_output), Some(weight), Some(grad_input)) =
        (T::as_f32(grad_output), T::as_f32(weight), T::as_f32_mut(grad_input))
        && lines::suits(g)
    {
        return backward_input_lines(isa, g, grad_output, weight, grad_input);
    }
    let [out_height, out_width] = g.output_size();
    let packed = channels_last(g, weight);
    let packed = packed.as_slice::<T>();
    let channels = g.in_channels;
    let image = g.in_height * g.in_width * channels;
    parallel_chunks_mut(grad_input, image.max(1), &|n, grad_image| {
        grad_image.fill(T::ZERO);
        vectorized(|| {
            for (y, x) in (0..out_height).flat_map(|y| (0..out_width).map(move |x| (y, x))) {
                let grad = &grad_output[((n * out_height + y) * out_width + x) * channels..][..channels];
                for_each_tap(g, 0, y, x, |tap, place| {
                    let sums = &mut grad_image[place * channels..][..channels];
                    add_products(sums, grad, &packed[tap * channels..][..channels]);
                });
            }
        });
    });
}

pub(super) fn backward_weight<T: Element>(
    isa: TileIsa,
    g: &Conv2dGeometry,
    input: &[T],
    grad_output: &[T],
    grad_weight: &mut [T],
) {
    if let (Some(input), Some(grad_output), Some(grad_weight)) =
        (T::as_f32(input), T::as_f32(grad_output), T::as_f32_mut(grad_weight))
        && lines::suits(g)
    {
        return backward_weight_lines(isa, g, [input, grad_output], grad_weight);
    }
    let [out_height, out_width] = g.output_size();
    let channels = g.in_channels;
    sum_in_parts(g, grad_weight, &|lines, sums| {
        vectorized(|| {
            for (line, x) in lines.flat_map(|line| (0..out_width).map(move |x| (line, x))) {
                let grad = &grad_output[(line * out_width + x) * channels..][..channels];
                for_each_tap(g, line / out_height, line % out_height, x, |tap, place| {
                    let sums = &mut sums[tap * channels..][..channels];
                    add_products(sums, grad, &input[place * channels..][..channels]);
                });
            }
        });
    });
}

/// Sums that `add` adds to, `[taps, channels]`, for some output lines of all images: in parts, and then together.
fn sum_in_parts<T: Element>(g: &Conv2dGeometry, grad_weight: &mut [T], add: &(dyn Fn(Range<usize>, &mut [T]) + Sync)) {
    let len = grad_weight.len();
    let lines = g.batch * g.output_size()[0];
    let parts = lines.clamp(1, MAX_PARTS);
    let mut sums = Buffer::zeroed(parts * size_of_val(grad_weight));
    let sums = sums.as_mut_slice::<T>();
    let pieces = Pieces::new(sums, len);
    parallel_for(parts, &|part| {
        // SAFETY: each part runs once, and takes its own piece.
        let sums = unsafe { pieces.get(part) };
        add(part * lines / parts..(part + 1) * lines / parts, sums);
    });
    crate::pointwise::add_pairwise(sums, len);
    transpose(&sums[..len], 1, g.kernel[0] * g.kernel[1], g.in_channels, grad_weight);
}

/// [`forward`] for geometries that [suit](suits) lines, whatever the images are stored as.
pub(super) fn forward_lines<T: Stored>(
    isa: TileIsa,
    g: &Conv2dGeometry,
    input: &[T],
    weight: &[f32],
    bias: Option<&[f32]>,
    output: &mut [T],
) {
    lines::forward(isa, g, input, channels_last(g, weight).as_slice(), bias, output);
}

/// [`backward_input`] likewise.
pub(super) fn backward_input_lines<T: Stored>(
    isa: TileIsa,
    g: &Conv2dGeometry,
    grad_output: &[T],
    weight: &[f32],
    grad_input: &mut [T],
) {
    lines::backward_input(isa, g, grad_output, channels_last(g, weight).as_slice(), grad_input);
}

/// [`backward_weight`] likewise: of the input and the output's gradient.
pub(super) fn backward_weight_lines<T: Stored>(
    isa: TileIsa,
    g: &Conv2dGeometry,
    images: [&[T]; 2],
    grad_weight: &mut [f32],
) {
    sum_in_parts(g, grad_weight, &|lines, sums| {
        // SAFETY: the lengths have been checked, and the instruction set is the one in use.
        unsafe { lines::add_weight_gradients(isa, g, lines, images, sums) };
    });
}
