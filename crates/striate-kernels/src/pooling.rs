//! 2-D pooling on NHWC activations: `[n, h, w, c]` to `[n, oh, ow, c]`.

use std::ops::Range;

use crate::Element;
use crate::arch::{Isa, PoolWindow, vectorize, vectorized};
use crate::bf16::{bf16, round, round_here, widen_here, widened};
use crate::layout::{MAX_SIZE, element_count};
use crate::memory::Buffer;
use crate::threads::{Pieces, parallel_chunks_mut, parallel_for, parallel_for_scratch};

/// Sizes of a pooling.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Pool2dGeometry {
    /// Images.
    pub batch: usize,
    /// Channels.
    pub channels: usize,
    /// Rows of the input.
    pub in_height: usize,
    /// Columns of the input.
    pub in_width: usize,
    /// Window rows and columns.
    pub kernel: [usize; 2],
    /// Step between windows, rows and columns.
    pub stride: [usize; 2],
    /// Places added on both sides, rows and columns: never the maximum, zeros for the average.
    pub padding: [usize; 2],
    /// Distance between window elements, rows and columns. Maximum only; the average takes `[1, 1]`.
    pub dilation: [usize; 2],
    /// Whether a last window that reaches past the padding counts, if it starts inside the input or the padding before it.
    pub ceil_mode: bool,
}

/// Argmax of a window that lies in the padding altogether.
pub const NO_PLACE: u32 = u32::MAX;

impl Pool2dGeometry {
    /// Rows and columns of the output: `(size + 2 * padding - dilation * (kernel - 1) - 1) / stride + 1`, rounded down, or
    /// up in `ceil_mode` (less a window that would start in the padding behind the input); 0 if no window fits.
    pub fn output_size(&self) -> [usize; 2] {
        let size = |i: usize, input: usize| {
            let span = self.dilation[i] * (self.kernel[i] - 1) + 1;
            let beyond = if self.ceil_mode { self.stride[i] - 1 } else { 0 };
            let room = (input + 2 * self.padding[i] + beyond).checked_sub(span);
            let count = room.map_or(0, |room| room / self.stride[i] + 1);
            let outside = count > 0 && (count - 1) * self.stride[i] >= input + self.padding[i];
            if self.ceil_mode && outside { count - 1 } else { count }
        };
        [size(0, self.in_height), size(1, self.in_width)]
    }

    /// Elements of the input.
    pub fn input_len(&self) -> usize {
        element_count(&[self.batch, self.in_height, self.in_width, self.channels])
    }

    /// Elements of the output.
    pub fn output_len(&self) -> usize {
        let [height, width] = self.output_size();
        element_count(&[self.batch, height, width, self.channels])
    }

    fn check(&self, input: usize, output: usize) {
        assert!(self.kernel.iter().all(|&k| k > 0), "pool2d: kernel {:?} has a size of 0", self.kernel);
        assert!(self.stride.iter().all(|&s| s > 0), "pool2d: stride {:?} has a 0", self.stride);
        assert!(self.dilation.iter().all(|&d| d > 0), "pool2d: dilation {:?} has a 0", self.dilation);
        let sizes = [self.kernel, self.stride, self.padding, self.dilation, [self.in_height, self.in_width]];
        assert!(sizes.iter().flatten().all(|&size| size <= MAX_SIZE), "pool2d: a size above {MAX_SIZE} in {self:?}");
        assert!(self.in_height * self.in_width < NO_PLACE as usize, "pool2d: image too large");
        assert_eq!(input, self.input_len(), "pool2d: length of the input for {self:?}");
        assert_eq!(output, self.output_len(), "pool2d: length of the output for {self:?}");
    }

    /// Input place of output place `out` and window element `tap` along axis `i`, if not in the padding.
    #[inline]
    fn input_place(&self, i: usize, out: usize, tap: usize, size: usize) -> Option<usize> {
        (out * self.stride[i] + tap * self.dilation[i]).checked_sub(self.padding[i]).filter(|&place| place < size)
    }

    /// The window elements of output place `out` along axis `i` that are not in the padding.
    #[inline]
    fn taps(&self, i: usize, out: usize, size: usize) -> Range<usize> {
        let (first, step) = (out * self.stride[i], self.dilation[i]);
        let start = self.padding[i].saturating_sub(first).div_ceil(step);
        let end = (size + self.padding[i]).saturating_sub(first).div_ceil(step).min(self.kernel[i]);
        start.min(end)..end
    }

    /// Whether every place is in at most one window, and windows lie side by side inside the input.
    fn windows_touch(&self) -> bool {
        let side_by_side = self.kernel == self.stride && self.padding == [0, 0] && self.dilation == [1, 1];
        let [height, width] = self.output_size();
        side_by_side && height * self.kernel[0] <= self.in_height && width * self.kernel[1] <= self.in_width
    }

    /// The places of window `(y, x)` that are not in the padding.
    #[inline]
    fn window(&self, y: usize, x: usize) -> PoolWindow {
        let [rows, columns] = [self.taps(0, y, self.in_height), self.taps(1, x, self.in_width)];
        let place = |i: usize, out: usize, tap: usize| {
            (out * self.stride[i] + tap * self.dilation[i]).saturating_sub(self.padding[i])
        };
        PoolWindow {
            first: place(0, y, rows.start) * self.in_width + place(1, x, columns.start),
            rows: rows.len(),
            columns: columns.len(),
            row_step: self.dilation[0] * self.in_width,
            column_step: self.dilation[1],
        }
    }

    /// Calls `visit(place)` with the input pixels (`row * width + column`) of window `(y, x)`, in row-major order.
    #[inline(always)]
    fn for_each_place(&self, y: usize, x: usize, mut visit: impl FnMut(usize)) {
        for i in 0..self.kernel[0] {
            let Some(row) = self.input_place(0, y, i, self.in_height) else { continue };
            for j in 0..self.kernel[1] {
                if let Some(column) = self.input_place(1, x, j, self.in_width) {
                    visit(row * self.in_width + column);
                }
            }
        }
    }
}

/// Maximum over each window. `argmax` receives where it was: `row * in_width + column` in the input plane of its channel.
///
/// The first of equal values wins; a NaN wins over everything (the last of several). A window without any place gives
/// `-inf` and [`NO_PLACE`].
///
/// # Panics
/// If a length does not fit the geometry.
pub fn max_forward<T: Element>(g: &Pool2dGeometry, input: &[T], output: &mut [T], argmax: &mut [u32]) {
    g.check(input.len(), output.len());
    assert_eq!(output.len(), argmax.len(), "pool2d: length of argmax");
    let [out_height, out_width] = g.output_size();
    let (line_len, image) = (out_width * g.channels, g.in_height * g.in_width * g.channels);
    if line_len == 0 {
        return;
    }
    let isa = Isa::current();
    let places = Pieces::new(argmax, line_len);
    parallel_chunks_mut(output, line_len, &|line, values| {
        // SAFETY: each line runs once, and takes its own piece.
        let places = unsafe { places.get(line) };
        let image = &input[line / out_height * image..][..image];
        vectorized(|| {
            let pixels = values.chunks_exact_mut(g.channels).zip(places.chunks_exact_mut(g.channels));
            for (x, (values, places)) in pixels.enumerate() {
                max_of_window(isa, &g.window(line % out_height, x), image, values, places);
            }
        });
    });
}

/// [`max_forward`] of bf16.
///
/// # Panics
/// If a length does not fit the geometry, or the rows of a window are apart (a dilation above 1).
pub fn max_forward_bf16(g: &Pool2dGeometry, input: &[bf16], output: &mut [bf16], argmax: &mut [u32]) {
    g.check(input.len(), output.len());
    assert_eq!(output.len(), argmax.len(), "pool2d: length of argmax");
    assert_eq!(g.dilation[0], 1, "pool2d of bf16: dilation of rows");
    let [out_height, out_width] = g.output_size();
    let (line_len, row_len) = (out_width * g.channels, g.in_width * g.channels);
    if line_len == 0 {
        return;
    }
    let isa = Isa::current();
    let (values, places) = (Pieces::new(output, line_len), Pieces::new(argmax, line_len));
    let rows_len = g.kernel[0] * row_len;
    parallel_for_scratch(values.count(), rows_len + line_len, &|line, scratch: &mut [f32]| {
        // SAFETY: each line runs once, and takes its own pieces.
        let (values, places) = unsafe { (values.get(line), places.get(line)) };
        // The rows that the windows of this line look at, widened.
        let (n, y) = (line / out_height, line % out_height);
        let first_row = (y * g.stride[0]).saturating_sub(g.padding[0]);
        let count = g.taps(0, y, g.in_height).len() * row_len;
        let (rows, maxima) = scratch.split_at_mut(rows_len);
        let from = (n * g.in_height + first_row) * row_len;
        widen_here(&input[from..from + count], &mut rows[..count]);
        let above = first_row * g.in_width;
        let pixels = maxima.chunks_exact_mut(g.channels).zip(places.chunks_exact_mut(g.channels));
        for (x, (maxima, places)) in pixels.enumerate() {
            let window = g.window(y, x);
            let window = PoolWindow { first: window.first.saturating_sub(above), ..window };
            max_of_window(isa, &window, &rows[..count], maxima, places);
        }
        let below = |place: u32| if place == NO_PLACE { NO_PLACE } else { place + above as u32 };
        places.iter_mut().for_each(|place| *place = below(*place));
        round_here(maxima, values);
    });
}

/// Maximum over one window, for all channels.
fn max_of_window<T: Element>(isa: Isa, w: &PoolWindow, image: &[T], values: &mut [T], places: &mut [u32]) {
    if w.rows == 0 || w.columns == 0 {
        values.fill(T::NEG_INFINITY);
        return places.fill(NO_PLACE);
    }
    if let (Some(image), Some(values)) = (T::as_f32(image), T::as_f32_mut(values))
        && w.max(isa, image, values, places)
    {
        return;
    }
    values.fill(T::NEG_INFINITY);
    places.fill(w.first as u32);
    for (i, j) in (0..w.rows).flat_map(|i| (0..w.columns).map(move |j| (i, j))) {
        let place = w.first + i * w.row_step + j * w.column_step;
        let pixel = &image[place * values.len()..][..values.len()];
        for ((value, at), &candidate) in values.iter_mut().zip(places.iter_mut()).zip(pixel) {
            if candidate > *value || candidate.is_nan() {
                *value = candidate;
                *at = place as u32;
            }
        }
    }
}

/// The gradient of [`max_forward`]: each output gradient goes to the place of the maximum. Overwrites `grad_input`.
///
/// # Panics
/// If a length does not fit the geometry.
pub fn max_backward<T: Element>(g: &Pool2dGeometry, grad_output: &[T], argmax: &[u32], grad_input: &mut [T]) {
    g.check(grad_input.len(), grad_output.len());
    assert_eq!(grad_output.len(), argmax.len(), "pool2d: length of argmax");
    let image = g.in_height * g.in_width * g.channels;
    let out_image = grad_output.len() / g.batch.max(1);
    let apart = g.windows_touch();
    parallel_chunks_mut(grad_input, image.max(1), &|n, grad_image| {
        let (grads, places) = (&grad_output[n * out_image..][..out_image], &argmax[n * out_image..][..out_image]);
        if apart {
            return scatter_apart(g, grads, places, grad_image, T::ZERO, &|grad| T::ZERO + grad);
        }
        grad_image.fill(T::ZERO);
        let (grads, places) = (grads.chunks_exact(g.channels), places.chunks_exact(g.channels));
        for (grads, places) in grads.zip(places) {
            for (c, (&grad, &place)) in grads.iter().zip(places).enumerate() {
                if place != NO_PLACE {
                    grad_image[place as usize * g.channels + c] += grad;
                }
            }
        }
    });
}

/// [`max_backward`] of bf16; where windows overlap, summed in `f32` and rounded once.
///
/// # Panics
/// If a length does not fit the geometry.
pub fn max_backward_bf16(g: &Pool2dGeometry, grad_output: &[bf16], argmax: &[u32], grad_input: &mut [bf16]) {
    g.check(grad_input.len(), grad_output.len());
    assert_eq!(grad_output.len(), argmax.len(), "pool2d: length of argmax");
    if !g.windows_touch() {
        let mut sums = Buffer::uninit(grad_input.len() * size_of::<f32>());
        max_backward(g, widened(grad_output).as_slice::<f32>(), argmax, sums.as_mut_slice::<f32>());
        return round(sums.as_slice(), grad_input);
    }
    let image = g.in_height * g.in_width * g.channels;
    let out_image = grad_output.len() / g.batch.max(1);
    parallel_chunks_mut(grad_input, image.max(1), &|n, grad_image| {
        let range = n * out_image..(n + 1) * out_image;
        scatter_apart(g, &grad_output[range.clone()], &argmax[range], grad_image, bf16::ZERO, &|grad| grad);
    });
}

vectorize! {
    /// [`max_backward`] of one image whose windows touch but do not overlap: each place of a window is written once, what
    /// `kept` makes of the gradient where the maximum was and zero elsewhere.
    fn scatter_apart[S: Copy, F: Fn(S) -> S](
        g: &Pool2dGeometry, grads: &[S], argmax: &[u32], grad_image: &mut [S], zero: S, kept: &F,
    ) {
        let ([height, width], [rows, columns], channels) = (g.output_size(), g.kernel, g.channels);
        if [height * rows, width * columns] != [g.in_height, g.in_width] {
            // The border that no window reaches.
            grad_image.fill(zero);
        }
        for (y, x) in (0..height).flat_map(|y| (0..width).map(move |x| (y, x))) {
            let window = (y * width + x) * channels;
            let (grads, argmax) = (&grads[window..][..channels], &argmax[window..][..channels]);
            for (i, j) in (0..rows).flat_map(|i| (0..columns).map(move |j| (i, j))) {
                let place = (y * rows + i) * g.in_width + x * columns + j;
                let values = &mut grad_image[place * channels..][..channels];
                for ((value, &grad), &at) in values.iter_mut().zip(grads).zip(argmax) {
                    *value = if at == place as u32 { kept(grad) } else { zero };
                }
            }
        }
    }
}

/// What an average divides by. What reaches past the padding is no part of a window.
fn divisor<T: Element>(g: &Pool2dGeometry, y: usize, x: usize, count_include_pad: bool) -> T {
    let along = |i: usize, out: usize, size: usize| match count_include_pad {
        true => g.kernel[i].min((size + 2 * g.padding[i]).saturating_sub(out * g.stride[i])),
        false => g.taps(i, out, size).len(),
    };
    T::from_f64((along(0, y, g.in_height) * along(1, x, g.in_width)).max(1) as f64)
}

/// Average over each window: divided by its places inside the input and the padding, or inside the input alone when
/// `count_include_pad` is false.
///
/// # Panics
/// If a length does not fit the geometry, or the dilation is not 1.
pub fn avg_forward<T: Element>(g: &Pool2dGeometry, input: &[T], output: &mut [T], count_include_pad: bool) {
    g.check(input.len(), output.len());
    assert_eq!(g.dilation, [1, 1], "avg_pool2d has no dilation");
    let [out_height, out_width] = g.output_size();
    let image = g.in_height * g.in_width * g.channels;
    parallel_chunks_mut(output, (out_width * g.channels).max(1), &|line, values| {
        let image = &input[line / out_height * image..][..image];
        let y = line % out_height;
        vectorized(|| {
            for (x, values) in values.chunks_exact_mut(g.channels).enumerate() {
                values.fill(T::ZERO);
                g.for_each_place(y, x, |place| {
                    for (sum, &value) in values.iter_mut().zip(&image[place * g.channels..][..g.channels]) {
                        *sum += value;
                    }
                });
                let count = divisor::<T>(g, y, x, count_include_pad);
                values.iter_mut().for_each(|sum| *sum /= count);
            }
        });
    });
}

/// The gradient of [`avg_forward`]. Overwrites `grad_input`.
///
/// # Panics
/// If a length does not fit the geometry, or the dilation is not 1.
pub fn avg_backward<T: Element>(g: &Pool2dGeometry, grad_output: &[T], grad_input: &mut [T], count_include_pad: bool) {
    g.check(grad_input.len(), grad_output.len());
    assert_eq!(g.dilation, [1, 1], "avg_pool2d has no dilation");
    let [out_height, out_width] = g.output_size();
    let image = g.in_height * g.in_width * g.channels;
    let pieces = Pieces::new(grad_input, image.max(1));
    parallel_for(pieces.count(), &|n| {
        // SAFETY: each image runs once, and takes its own piece.
        let grad_image = unsafe { pieces.get(n) };
        grad_image.fill(T::ZERO);
        vectorized(|| {
            for (y, x) in (0..out_height).flat_map(|y| (0..out_width).map(move |x| (y, x))) {
                let count = divisor::<T>(g, y, x, count_include_pad);
                let pixel = ((n * out_height + y) * out_width + x) * g.channels;
                let grads = &grad_output[pixel..pixel + g.channels];
                g.for_each_place(y, x, |place| {
                    let sums = &mut grad_image[place * g.channels..][..g.channels];
                    for (sum, &grad) in sums.iter_mut().zip(grads) {
                        *sum += grad / count;
                    }
                });
            }
        });
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of bf16: values, places and gradients are those of `f32`, rounded; windows that touch, overlap, lie in the padding, and
    /// leave a border.
    #[test]
    fn bf16_equals_f32_rounded() {
        for (kernel, stride, padding, dilation, ceil_mode) in [
            ([2, 2], [2, 2], [0, 0], [1, 1], false),
            ([2, 2], [2, 2], [0, 0], [1, 1], true),
            ([3, 3], [2, 2], [1, 1], [1, 1], false),
            ([3, 3], [4, 4], [1, 1], [1, 1], true),
            ([3, 2], [1, 3], [1, 0], [1, 2], false),
            ([2, 2], [2, 2], [1, 1], [1, 1], false),
            ([1, 1], [5, 5], [0, 0], [1, 1], false),
        ] {
            let (batch, channels, in_height, in_width) = (2, 19, 7, 9);
            let g =
                Pool2dGeometry { batch, channels, in_height, in_width, kernel, stride, padding, dilation, ceil_mode };
            let value = |i: usize| bf16::from_f32((i.wrapping_mul(2_654_435_761) >> 7 & 0xff) as f32 - 128.0);
            let mut input: Vec<bf16> = (0..g.input_len()).map(value).collect();
            input[40] = bf16::NAN;
            let grad: Vec<bf16> = (0..g.output_len()).map(|i| value(i + 3)).collect();
            let wide = |x: &[bf16]| -> Vec<f32> { x.iter().map(|x| x.to_f32()).collect() };
            let bits = |x: &[bf16]| -> Vec<u16> { x.iter().map(|x| x.to_bits()).collect() };
            let narrow = |x: &[f32]| -> Vec<u16> { x.iter().map(|&x| bf16::from_f32(x).to_bits()).collect() };
            let (mut expected, mut places) = (vec![0.0; g.output_len()], vec![0; g.output_len()]);
            max_forward(&g, &wide(&input), &mut expected, &mut places);
            let (mut found, mut found_places) = (vec![bf16::ONE; g.output_len()], vec![7; g.output_len()]);
            max_forward_bf16(&g, &input, &mut found, &mut found_places);
            assert_eq!((bits(&found), found_places), (narrow(&expected), places.clone()), "{g:?}");
            let mut expected = vec![0.0; g.input_len()];
            max_backward(&g, &wide(&grad), &places, &mut expected);
            let mut found = vec![bf16::ONE; g.input_len()];
            max_backward_bf16(&g, &grad, &places, &mut found);
            assert_eq!(wide(&found), expected.iter().map(|&x| bf16::from_f32(x).to_f32()).collect::<Vec<_>>(), "{g:?}");
        }
    }
}
