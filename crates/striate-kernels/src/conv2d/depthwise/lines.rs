//! Depthwise convolution of `f32`, line by line, for whole groups of sixteen channels.

use std::ops::Range;

use crate::arch::TileIsa;
use crate::conv2d::Conv2dGeometry;
use crate::conv2d::generic::for_each_tap;
use crate::conv2d::lanes::{LANES, Lanes, with_lanes};
use crate::conv2d::tiled::inside;
use crate::threads::parallel_chunks_mut;

/// Most kernel elements: a pixel's are listed on the stack.
const MAX_TAPS: usize = 81;

pub(super) fn suits(g: &Conv2dGeometry) -> bool {
    g.in_channels.is_multiple_of(LANES) && g.kernel[0] * g.kernel[1] <= MAX_TAPS
}

/// The products of one result pixel: places in the source and elements of the kernel, both as offsets.
struct Products {
    offsets: [(usize, usize); MAX_TAPS],
    count: usize,
}

impl Products {
    fn new() -> Self {
        Self { offsets: [(0, 0); MAX_TAPS], count: 0 }
    }

    fn push(&mut self, place: usize, tap: usize, channels: usize) {
        self.offsets[self.count] = (place * channels, tap * channels);
        self.count += 1;
    }
}

/// `pixel = bias + sum of products`, the source moved on by `shift`.
///
/// # Safety
/// The offsets of the products are inside the slices for all channels of the pixel, which are whole groups; the instruction
/// set is available.
#[inline(always)]
unsafe fn sum<L: Lanes>(
    products: &Products,
    (source, shift): (&[f32], usize),
    weight: &[f32],
    bias: Option<&[f32]>,
    pixel: &mut [f32],
) {
    let source = source.as_ptr().wrapping_add(shift);
    for channel in (0..pixel.len()).step_by(LANES) {
        // SAFETY: passed on.
        unsafe {
            let mut sum = match bias {
                Some(bias) => L::load(bias[channel..][..LANES].as_ptr()),
                None => L::splat(0.0),
            };
            for &(place, tap) in &products.offsets[..products.count] {
                let value = L::load(source.wrapping_add(place + channel));
                sum = sum.plus_product(value, L::load(weight.as_ptr().wrapping_add(tap + channel)));
            }
            sum.store(pixel[channel..][..LANES].as_mut_ptr());
        }
    }
}

/// `weight` is `[taps, channels]`.
pub(super) fn forward(
    isa: TileIsa,
    g: &Conv2dGeometry,
    input: &[f32],
    weight: &[f32],
    bias: Option<&[f32]>,
    output: &mut [f32],
) {
    let [out_height, out_width] = g.output_size();
    let channels = g.in_channels;
    // Pixels whose kernel columns are all inside have the products of the first of them, moved on.
    let columns = (0..g.kernel[1]).map(|j| pixels_inside(g, j, out_width));
    let whole = columns.fold(0..out_width, |a, b| a.start.max(b.start)..a.end.min(b.end));
    parallel_chunks_mut(output, (out_width * channels).max(1), &|row, line| {
        let (n, y) = (row / out_height, row % out_height);
        with_lanes!(isa, L => {
            let mut products = Products::new();
            for (x, pixel) in line.chunks_exact_mut(channels).enumerate() {
                let moved = whole.contains(&x) && x > whole.start;
                if !moved {
                    products.count = 0;
                    for_each_tap(g, n, y, x, |tap, place| products.push(place, tap, channels));
                }
                let shift = if moved { (x - whole.start) * g.stride[1] * channels } else { 0 };
                // SAFETY: the places of the taps are inside the image, also those of the pixels in the middle, moved on;
                // the instruction set is the one in use.
                unsafe { sum::<L>(&products, (input, shift), weight, bias, pixel) };
            }
        });
    });
}

/// Output pixels of a line for which kernel column `j` is inside the input.
fn pixels_inside(g: &Conv2dGeometry, j: usize, out_width: usize) -> Range<usize> {
    inside((j * g.dilation[1]) as isize - g.padding[1] as isize, g.stride[1], out_width, g.in_width)
}

/// `weight` is `[taps, channels]`. Each input pixel collects the gradients of the outputs that looked at it.
pub(super) fn backward_input(
    isa: TileIsa,
    g: &Conv2dGeometry,
    grad_output: &[f32],
    weight: &[f32],
    grad_input: &mut [f32],
) {
    let out_size = g.output_size();
    let channels = g.in_channels;
    let output = |axis: usize, place: usize, tap: usize| {
        let distance = (place + g.padding[axis]).checked_sub(tap * g.dilation[axis])?;
        let out = distance / g.stride[axis];
        (distance % g.stride[axis] == 0 && out < out_size[axis]).then_some(out)
    };
    // With stride 1, pixels in the middle that all kernel columns reach have the products of the first, moved on.
    let reach = (g.kernel[1] - 1) * g.dilation[1];
    let first = reach.saturating_sub(g.padding[1]);
    let last = (out_size[1] - out_size[1].min(g.padding[1])).min(g.in_width);
    parallel_chunks_mut(grad_input, (g.in_width * channels).max(1), &|row, line| {
        let (n, y) = (row / g.in_height, row % g.in_height);
        with_lanes!(isa, L => {
            let mut products = Products::new();
            for (x, pixel) in line.chunks_exact_mut(channels).enumerate() {
                let moved = g.stride[1] == 1 && x > first && x < last;
                if !moved {
                    products.count = 0;
                    for i in 0..g.kernel[0] {
                        let Some(out_row) = output(0, y, i) else { continue };
                        for j in 0..g.kernel[1] {
                            let Some(column) = output(1, x, j) else { continue };
                            let place = (n * out_size[0] + out_row) * out_size[1] + column;
                            products.push(place, i * g.kernel[1] + j, channels);
                        }
                    }
                }
                let shift = if moved { (x - first) * channels } else { 0 };
                // SAFETY: as in `forward`.
                unsafe { sum::<L>(&products, (grad_output, shift), weight, None, pixel) };
            }
        });
    });
}

/// Adds the products of some output lines to the sums, `[taps, channels]`.
pub(super) fn add_weight_gradients(
    isa: TileIsa,
    g: &Conv2dGeometry,
    lines: Range<usize>,
    [input, grad_output]: [&[f32]; 2],
    sums: &mut [f32],
) {
    let [out_height, out_width] = g.output_size();
    let channels = g.in_channels;
    with_lanes!(isa, L => {
        for line in lines {
            let (n, y) = (line / out_height, line % out_height);
            for tap in 0..g.kernel[0] * g.kernel[1] {
                let (i, j) = (tap / g.kernel[1], tap % g.kernel[1]);
                let Some(row) = g.input_place(0, y, i, g.in_height) else { continue };
                let pixels = pixels_inside(g, j, out_width);
                if pixels.is_empty() {
                    continue;
                }
                let column = pixels.start * g.stride[1] + j * g.dilation[1] - g.padding[1];
                let input = &input[((n * g.in_height + row) * g.in_width + column) * channels..];
                let grads = &grad_output[(line * out_width + pixels.start) * channels..];
                let sums = &mut sums[tap * channels..][..channels];
                // SAFETY: all pixels are inside both images; the instruction set is the one in use.
                unsafe { add_line::<L>([input, grads], [g.stride[1] * channels, channels], pixels.len(), sums) };
            }
        }
    });
}

/// `sums[c] += sum over pixels of a[pixel * a_step + c] * b[pixel * b_step + c]`.
///
/// # Safety
/// The places are inside the slices, the sums are whole groups, and the instruction set is available.
#[inline(always)]
unsafe fn add_line<L: Lanes>([a, b]: [&[f32]; 2], [a_step, b_step]: [usize; 2], pixels: usize, sums: &mut [f32]) {
    for channel in (0..sums.len()).step_by(LANES) {
        // SAFETY: passed on.
        unsafe {
            let place = sums[channel..][..LANES].as_mut_ptr();
            // Four sums, since an addition has to wait for the one before.
            let mut four = [L::load(place), L::splat(0.0), L::splat(0.0), L::splat(0.0)];
            let (mut x, mut y) = (a.as_ptr().wrapping_add(channel), b.as_ptr().wrapping_add(channel));
            for _ in 0..pixels / 4 {
                for sum in &mut four {
                    *sum = sum.plus_product(L::load(x), L::load(y));
                    (x, y) = (x.wrapping_add(a_step), y.wrapping_add(b_step));
                }
            }
            for _ in 0..pixels % 4 {
                four[0] = four[0].plus_product(L::load(x), L::load(y));
                (x, y) = (x.wrapping_add(a_step), y.wrapping_add(b_step));
            }
            four[0].plus(four[1]).plus(four[2].plus(four[3])).store(place);
        }
    }
}
