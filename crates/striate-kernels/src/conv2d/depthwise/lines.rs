//! Depthwise convolution of `f32` or bf16, line by line, for whole groups of sixteen channels. Weights and sums are `f32`.

use std::ops::Range;

use crate::arch::{TileIsa, prefetch};
use crate::conv2d::Conv2dGeometry;
use crate::conv2d::generic::for_each_tap;
use crate::conv2d::lanes::{LANES, Lanes, Stored, over_lanes};
use crate::conv2d::tiled::inside;
use crate::memory::Buffer;
use crate::pointwise::GRAIN;
use crate::threads::parallel_chunks_mut;

/// Most kernel elements: a pixel's are listed on the stack.
const MAX_TAPS: usize = 81;
/// Neighbouring pixels whose sums are in registers together: each element of the kernel is read once for all of them.
const BLOCK: usize = 4;
/// Neighbouring kernel columns whose gradients are in registers together.
const COLUMNS: usize = 3;

pub(in crate::conv2d) fn suits(g: &Conv2dGeometry) -> bool {
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

    /// Lists the products of an output pixel: image, row, column.
    fn list(&mut self, g: &Conv2dGeometry, [n, y, x]: [usize; 3]) {
        self.count = 0;
        for_each_tap(g, n, y, x, |tap, place| self.push(place, tap, g.in_channels));
    }

    fn push(&mut self, place: usize, tap: usize, channels: usize) {
        self.offsets[self.count] = (place * channels, tap * channels);
        self.count += 1;
    }
}

/// `pixel = bias + sum of products`, for neighbouring pixels: the source moved on by `shift`, and from pixel to pixel by `step`.
///
/// # Safety
/// The offsets of the products are inside the slices for all pixels and their channels, which are whole groups; the
/// instruction set is available.
#[inline(always)]
unsafe fn sum<L: Lanes, T: Stored, const PIXELS: usize>(
    products: &Products,
    (source, shift, step): (&[T], usize, usize),
    weight: &[f32],
    bias: Option<&[f32]>,
    pixels: &mut [T],
) {
    let source = source.as_ptr().wrapping_add(shift);
    let channels = pixels.len() / PIXELS;
    for channel in (0..channels).step_by(LANES) {
        // SAFETY: passed on.
        unsafe {
            let first = match bias {
                Some(bias) => L::load(bias[channel..][..LANES].as_ptr()),
                None => L::splat(0.0),
            };
            let mut sums = [first; PIXELS];
            for &(place, tap) in &products.offsets[..products.count] {
                let weight = L::load(weight.as_ptr().wrapping_add(tap + channel));
                let value = source.wrapping_add(place + channel);
                for (pixel, sum) in sums.iter_mut().enumerate() {
                    *sum = sum.plus_product(T::load(value.wrapping_add(pixel * step)), weight);
                }
            }
            for (pixel, sum) in sums.into_iter().enumerate() {
                T::store(sum, pixels[pixel * channels + channel..][..LANES].as_mut_ptr());
            }
        }
    }
}

/// `weight` is `[taps, channels]`.
pub(super) fn forward<T: Stored>(
    isa: TileIsa,
    g: &Conv2dGeometry,
    input: &[T],
    weight: &[f32],
    bias: Option<&[f32]>,
    output: &mut [T],
) {
    let [out_height, out_width] = g.output_size();
    let line_len = (out_width * g.in_channels).max(1);
    let whole = whole_pixels(g, out_width);
    // Neighbouring lines look at the same lines of the input: several of them stay on one core.
    let lines = (GRAIN / line_len).max(1);
    parallel_chunks_mut(output, lines * line_len, &|chunk, piece| {
        for (i, line) in piece.chunks_exact_mut(line_len).enumerate() {
            let row = chunk * lines + i;
            // SAFETY: the lengths fit the geometry, and the instruction set is the one in use.
            unsafe { forward_line(isa, g, [row / out_height, row % out_height], &whole, (input, weight, bias), line) };
        }
    });
}

over_lanes! {
    /// One line of the output: image `n`, row `y`. All kernel columns are inside the input for the pixels of `whole`.
    ///
    /// # Safety
    /// The lengths fit the geometry, and the instruction set is available.
    unsafe fn forward_line[T: Stored][T](
        g: &Conv2dGeometry, at: [usize; 2], whole: &Range<usize>, from: (&[T], &[f32], Option<&[f32]>), line: &mut [T],
    ) = forward_line_with;
}

#[inline(always)]
unsafe fn forward_line_with<L: Lanes, T: Stored>(
    g: &Conv2dGeometry,
    [n, y]: [usize; 2],
    whole: &Range<usize>,
    (input, weight, bias): (&[T], &[f32], Option<&[f32]>),
    line: &mut [T],
) {
    let channels = g.in_channels;
    let step = g.stride[1] * channels;
    let mut products = Products::new();
    let blocks = if whole.len() < BLOCK { whole.start..whole.start } else { whole.clone() };
    let pixels = line.len() / channels;
    for x in (0..blocks.start).chain(blocks.end..pixels) {
        products.list(g, [n, y, x]);
        // SAFETY: the places of the taps are inside the image; passed on.
        unsafe { sum::<L, T, 1>(&products, (input, 0, 0), weight, bias, &mut line[x * channels..][..channels]) };
    }
    if blocks.is_empty() {
        return;
    }
    // Pixels whose kernel columns are all inside have the products of the first of them, moved on.
    products.list(g, [n, y, blocks.start]);
    // What the line below will read is asked for ahead: lines are too long for the machine to foresee it.
    let last = products.offsets[..products.count].last().map_or(0, |&(place, _)| place);
    let below = last + g.stride[0] * g.in_width * channels;
    for block in (blocks.start..blocks.end).step_by(BLOCK) {
        // The last block reaches back, and computes some pixels again.
        let block = block.min(blocks.end - BLOCK);
        let source = (input, (block - blocks.start) * step, step);
        prefetch(input.as_ptr().wrapping_add(below + source.1), BLOCK * step);
        // SAFETY: as above, for each pixel of the block.
        unsafe {
            sum::<L, T, BLOCK>(&products, source, weight, bias, &mut line[block * channels..][..BLOCK * channels])
        };
    }
}

/// Output pixels of a line for which kernel column `j` is inside the input.
fn pixels_inside(g: &Conv2dGeometry, j: usize, out_width: usize) -> Range<usize> {
    inside((j * g.dilation[1]) as isize - g.padding[1] as isize, g.stride[1], out_width, g.in_width)
}

/// Output pixels of a line for which all kernel columns are inside the input.
fn whole_pixels(g: &Conv2dGeometry, out_width: usize) -> Range<usize> {
    let columns = (0..g.kernel[1]).map(|j| pixels_inside(g, j, out_width));
    let whole = columns.fold(0..out_width, |a, b| a.start.max(b.start)..a.end.min(b.end));
    whole.start..whole.end.max(whole.start)
}

/// `weight` is `[taps, channels]`. Each input pixel collects the gradients of the outputs that looked at it.
pub(super) fn backward_input<T: Stored>(
    isa: TileIsa,
    g: &Conv2dGeometry,
    grad_output: &[T],
    weight: &[f32],
    grad_input: &mut [T],
) {
    let reach = [0, 1].map(|axis| (g.kernel[axis] - 1) * g.dilation[axis]);
    if g.stride == [1, 1] && g.padding[0] <= reach[0] && g.padding[1] <= reach[1] {
        return backward_input_turned(isa, g, reach, (grad_output, weight), grad_input);
    }
    parallel_chunks_mut(grad_input, (g.in_width * g.in_channels).max(1), &|row, line| {
        // SAFETY: the lengths fit the geometry, and the instruction set is the one in use.
        unsafe { backward_line(isa, g, [row / g.in_height, row % g.in_height], (grad_output, weight), line) };
    });
}

over_lanes! {
    /// One line of the input's gradient: image `n`, row `y`.
    ///
    /// # Safety
    /// The lengths fit the geometry, and the instruction set is available.
    unsafe fn backward_line[T: Stored][T](g: &Conv2dGeometry, at: [usize; 2], from: (&[T], &[f32]), line: &mut [T]) = backward_line_with;
}

#[inline(always)]
unsafe fn backward_line_with<L: Lanes, T: Stored>(
    g: &Conv2dGeometry,
    [n, y]: [usize; 2],
    (grad_output, weight): (&[T], &[f32]),
    line: &mut [T],
) {
    let out_size = g.output_size();
    let output = |axis: usize, place: usize, tap: usize| {
        let distance = (place + g.padding[axis]).checked_sub(tap * g.dilation[axis])?;
        let out = distance / g.stride[axis];
        (distance % g.stride[axis] == 0 && out < out_size[axis]).then_some(out)
    };
    let mut products = Products::new();
    for (x, pixel) in line.chunks_exact_mut(g.in_channels).enumerate() {
        products.count = 0;
        for i in 0..g.kernel[0] {
            let Some(out_row) = output(0, y, i) else { continue };
            for j in 0..g.kernel[1] {
                let Some(column) = output(1, x, j) else { continue };
                let place = (n * out_size[0] + out_row) * out_size[1] + column;
                products.push(place, i * g.kernel[1] + j, g.in_channels);
            }
        }
        // SAFETY: the places are inside the image; passed on.
        unsafe { sum::<L, T, 1>(&products, (grad_output, 0, 0), weight, None, pixel) };
    }
}

/// With stride 1 the gradient of the input is the convolution of the output's gradient with the kernels turned round.
fn backward_input_turned<T: Stored>(
    isa: TileIsa,
    g: &Conv2dGeometry,
    reach: [usize; 2],
    (grad_output, weight): (&[T], &[f32]),
    grad_input: &mut [T],
) {
    let channels = g.in_channels;
    let mut turned = Buffer::uninit(size_of_val(weight));
    let turned = turned.as_mut_slice::<f32>();
    for (to, from) in turned.chunks_exact_mut(channels).zip(weight.chunks_exact(channels).rev()) {
        to.copy_from_slice(from);
    }
    let [in_height, in_width] = g.output_size();
    let padding = [0, 1].map(|axis| reach[axis] - g.padding[axis]);
    forward(isa, &Conv2dGeometry { in_height, in_width, padding, ..*g }, grad_output, turned, None, grad_input);
}

over_lanes! {
    /// Adds the products of some output lines to the sums, `[taps, channels]`.
    ///
    /// # Safety
    /// The lengths fit the geometry, and the instruction set is available.
    pub(super) unsafe fn add_weight_gradients[T: Stored][T](
        g: &Conv2dGeometry, lines: Range<usize>, from: [&[T]; 2], sums: &mut [f32],
    ) = add_weight_gradients_with;
}

#[inline(always)]
unsafe fn add_weight_gradients_with<L: Lanes, T: Stored>(
    g: &Conv2dGeometry,
    lines: Range<usize>,
    [input, grad_output]: [&[T]; 2],
    sums: &mut [f32],
) {
    let [out_height, out_width] = g.output_size();
    let channels = g.in_channels;
    let whole = whole_pixels(g, out_width);
    for line in lines {
        let (n, y) = (line / out_height, line % out_height);
        let grads = &grad_output[line * out_width * channels..][..out_width * channels];
        for i in 0..g.kernel[0] {
            let Some(row) = g.input_place(0, y, i, g.in_height) else { continue };
            let input = &input[(n * g.in_height + row) * g.in_width * channels..][..g.in_width * channels];
            let sums = &mut sums[i * g.kernel[1] * channels..][..g.kernel[1] * channels];
            // SAFETY: passed on.
            unsafe { add_row::<L, T>(g, [input, grads], &whole, sums) };
        }
    }
}

/// Adds the products of a line of the input and one of the output's gradients, for a row of the kernel.
///
/// # Safety
/// The lengths fit the geometry, and the instruction set is available.
#[inline(always)]
unsafe fn add_row<L: Lanes, T: Stored>(g: &Conv2dGeometry, lines: [&[T]; 2], whole: &Range<usize>, sums: &mut [f32]) {
    let columns = g.kernel[1];
    let out_width = lines[1].len() / g.in_channels;
    for first in (0..columns / COLUMNS * COLUMNS).step_by(COLUMNS) {
        // SAFETY: passed on; all columns are inside for these pixels.
        unsafe { add_columns::<L, T, COLUMNS>(g, lines, first, whole.clone(), sums) };
    }
    for column in 0..columns {
        let pixels = pixels_inside(g, column, out_width);
        // Near the sides, each column has pixels of its own.
        let [before, after] = match whole.is_empty() || column >= columns / COLUMNS * COLUMNS {
            true => [pixels, 0..0],
            false => [pixels.start..whole.start, whole.end..pixels.end],
        };
        // SAFETY: passed on; the column is inside for these pixels.
        unsafe {
            add_columns::<L, T, 1>(g, lines, column, before, sums);
            add_columns::<L, T, 1>(g, lines, column, after, sums);
        }
    }
}

/// For kernel columns from `first` on: `sums[j, c] += sum over pixels of input[place(pixel, j), c] * grad[pixel, c]`.
///
/// # Safety
/// For all the pixels and columns the place is inside the line of the input; the channels are whole groups, and the
/// instruction set is available.
#[inline(always)]
unsafe fn add_columns<L: Lanes, T: Stored, const COUNT: usize>(
    g: &Conv2dGeometry,
    [input, grad]: [&[T]; 2],
    first: usize,
    pixels: Range<usize>,
    sums: &mut [f32],
) {
    if pixels.is_empty() {
        return;
    }
    let channels = g.in_channels;
    let (step, column_step) = (g.stride[1] * channels, g.dilation[1] * channels);
    let column = pixels.start * g.stride[1] + first * g.dilation[1] - g.padding[1];
    let sums = &mut sums[first * channels..][..COUNT * channels];
    for channel in (0..channels).step_by(LANES) {
        let mut x = input[column * channels + channel..].as_ptr();
        let mut y = grad[pixels.start * channels + channel..].as_ptr();
        // SAFETY: passed on.
        unsafe {
            // Two sums of each, since an addition has to wait for the one before.
            let mut even: [L; COUNT] = [L::splat(0.0); COUNT];
            let mut odd = even;
            for _ in 0..pixels.len() / 2 {
                // The lines below, as in the forward direction.
                for pixel in 0..2 {
                    prefetch(x.wrapping_add(input.len() * g.stride[0] + pixel * step), LANES);
                    prefetch(y.wrapping_add(grad.len() + pixel * channels), LANES);
                }
                add_pixel(&mut even, x, column_step, T::load(y));
                add_pixel(&mut odd, x.wrapping_add(step), column_step, T::load(y.wrapping_add(channels)));
                (x, y) = (x.wrapping_add(2 * step), y.wrapping_add(2 * channels));
            }
            if pixels.len() % 2 == 1 {
                add_pixel(&mut even, x, column_step, T::load(y));
            }
            for j in 0..COUNT {
                let sum = sums[j * channels + channel..][..LANES].as_mut_ptr();
                L::load(sum).plus(even[j].plus(odd[j])).store(sum);
            }
        }
    }
}

/// `sums[j] += x[j * column_step] * grad`.
///
/// # Safety
/// Sixteen values at each place may be read, and the instruction set is available.
#[inline(always)]
unsafe fn add_pixel<L: Lanes, T: Stored, const COUNT: usize>(
    sums: &mut [L; COUNT],
    x: *const T,
    column_step: usize,
    grad: L,
) {
    for (j, sum) in sums.iter_mut().enumerate() {
        // SAFETY: passed on.
        *sum = sum.plus_product(unsafe { T::load(x.wrapping_add(j * column_step)) }, grad);
    }
}
