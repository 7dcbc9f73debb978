//! Bringing tiles of images to their transforms and back.

use std::ops::Range;

use super::Correlation;
use super::scheme::{self, OUT, SIZE, along_both, load_square, store_square};
use crate::arch::Isa;
use crate::conv2d::lanes::{LANES, Lanes, over_lanes};
use crate::epilogue::Epilogue;
use crate::layout::transpose_block;

/// Transforms of some tiles: one matrix `[rows, columns]` (tiles by channels) for each number of the transform. The columns
/// are cut in panels of `width`, each stored row by row without gaps.
#[derive(Clone, Copy)]
pub(super) struct Planes {
    pub data: *mut f32,
    pub rows: usize,
    pub columns: usize,
    pub width: usize,
}

// SAFETY: only addresses; whoever writes through them promises that the parts are disjoint.
unsafe impl Sync for Planes {}
// SAFETY: as above.
unsafe impl Send for Planes {}

impl Planes {
    /// Distance between matrices. Not a power of two, or all would fall in the same few places of the cache.
    pub(super) fn stride(&self) -> usize {
        Self::stride_of(self.rows, self.columns)
    }

    fn stride_of(rows: usize, columns: usize) -> usize {
        rows * columns + LANES
    }

    /// Values needed for all matrices.
    pub(super) fn len(rows: usize, columns: usize) -> usize {
        SIZE * SIZE * Self::stride_of(rows, columns)
    }

    /// The panels: their columns.
    pub(super) fn panels(&self) -> impl Iterator<Item = Range<usize>> {
        let (columns, width) = (self.columns, self.width);
        (0..columns).step_by(width).map(move |start| start..(start + width).min(columns))
    }
}

over_lanes! {
    /// Brings the tiles of a convolution to `to`, the first to its row `first_row`: the transform of the inputs of a tile, or
    /// with `ADJOINT` the adjoint transform of its outputs (the source is then an image of outputs).
    ///
    /// # Safety
    /// The tiles exist, the rows of `to` may be written, and the instruction set is available.
    pub(super) unsafe fn gather[ADJOINT: bool](
        correlation: &Correlation<'_>, tiles: Range<usize>, to: Planes, first_row: usize,
    ) = gather_with;
}

#[inline(always)]
unsafe fn gather_with<L: Lanes, const ADJOINT: bool>(
    correlation: &Correlation<'_>,
    tiles: Range<usize>,
    to: Planes,
    first_row: usize,
) {
    let channels = to.columns;
    let [height, width] = correlation.size.map(|size| size as isize);
    let stride = to.stride();
    for (row, tile) in tiles.enumerate() {
        let (n, corner) = correlation.corner(tile);
        let image = correlation.source.as_ptr().wrapping_add(n * correlation.size[0] * correlation.size[1] * channels);
        let places: [[*const f32; SIZE]; SIZE] = std::array::from_fn(|i| {
            std::array::from_fn(|j| {
                let [y, x] = [corner[0] + i as isize, corner[1] + j as isize];
                match y >= 0 && y < height && x >= 0 && x < width {
                    true => image.wrapping_add((y * width + x) as usize * channels),
                    false => correlation.zeros.as_ptr(),
                }
            })
        });
        for panel in to.panels() {
            let place = to.data.wrapping_add(panel.start * to.rows + (first_row + row) * panel.len());
            for channel in panel.clone().step_by(LANES) {
                let to = place.wrapping_add(channel - panel.start);
                // SAFETY: passed on.
                unsafe {
                    if ADJOINT {
                        let square =
                            along_both::<scheme::OutputAdjoint, L, _, _>(load_places::<L, OUT>(&places, channel));
                        store_square(square, to, SIZE * stride, stride);
                    } else {
                        let square = along_both::<scheme::Input, L, _, _>(load_places::<L, SIZE>(&places, channel));
                        store_square(square, to, SIZE * stride, stride);
                    }
                }
            }
        }
    }
}

/// The first `N` by `N` of the values of sixteen channels.
///
/// # Safety
/// They may be read, and the instruction set is available.
#[inline(always)]
unsafe fn load_places<L: Lanes, const N: usize>(places: &[[*const f32; SIZE]; SIZE], channel: usize) -> [[L; N]; N] {
    // SAFETY: passed on.
    let mut square = [[unsafe { L::splat(0.0) }; N]; N];
    for (values, places) in square.iter_mut().zip(places) {
        for (value, place) in values.iter_mut().zip(places) {
            // SAFETY: passed on.
            *value = unsafe { L::load(place.wrapping_add(channel)) };
        }
    }
    square
}

over_lanes! {
    /// Brings the products in `from` to the outputs of the tiles. Returns whether all sums are finite: an infinity or NaN
    /// spreads over its tile, in others' places too.
    ///
    /// # Safety
    /// The tiles exist, `from` holds their products in one panel, nobody else uses their places in `output`, and the
    /// instruction set is available.
    pub(super) unsafe fn scatter[](
        correlation: &Correlation<'_>, tiles: Range<usize>, from: Planes, epilogue: &Epilogue<'_>, output: *mut f32,
    ) -> bool = scatter_with;
}

#[inline(always)]
unsafe fn scatter_with<L: Lanes>(
    correlation: &Correlation<'_>,
    tiles: Range<usize>,
    from: Planes,
    epilogue: &Epilogue<'_>,
    output: *mut f32,
) -> bool {
    // SAFETY: the instruction set is available.
    let zero = unsafe { L::splat(0.0) };
    // Zero times a number is zero, times an infinity NaN.
    let mut check = zero;
    let filters = from.columns;
    let [height, width] = correlation.out_size;
    let stride = from.stride();
    for (row, tile) in tiles.enumerate() {
        let [n, top, left] = correlation.tile(tile);
        let first = ((n * height + top) * width + left) * filters;
        let [rows, columns] = [(height - top).min(OUT), (width - left).min(OUT)];
        let products = from.data.wrapping_add(row * filters).cast_const();
        for filter in (0..filters).step_by(LANES) {
            // SAFETY: passed on; scale, bias and residual are as long as the output channels and the output.
            unsafe {
                let square = load_square::<L, SIZE>(products.wrapping_add(filter), SIZE * stride, stride);
                let square = along_both::<scheme::Output, L, _, _>(square);
                let steps = Steps::<L>::of(epilogue, filter);
                for (i, j) in (0..rows).flat_map(|i| (0..columns).map(move |j| (i, j))) {
                    let value = square[i][j];
                    check = check.plus_product(value, zero);
                    let place = first + (i * width + j) * filters + filter;
                    steps.apply(value, epilogue, place).store(output.wrapping_add(place));
                }
            }
        }
    }
    let mut sums = [0.0; LANES];
    // SAFETY: as many values as lanes.
    unsafe { check.store(sums.as_mut_ptr()) };
    sums == [0.0; LANES]
}

/// The steps after a convolution, for sixteen output channels.
struct Steps<L> {
    scale: Option<L>,
    bias: Option<L>,
}

impl<L: Lanes> Steps<L> {
    /// # Safety
    /// The instruction set is available.
    #[inline(always)]
    unsafe fn of(epilogue: &Epilogue<'_>, filter: usize) -> Self {
        let mut steps = Self { scale: None, bias: None };
        if let Some(scale) = epilogue.scale {
            // SAFETY: there are sixteen; passed on.
            steps.scale = Some(unsafe { L::load(scale[filter..][..LANES].as_ptr()) });
        }
        if let Some(bias) = epilogue.bias {
            // SAFETY: as above.
            steps.bias = Some(unsafe { L::load(bias[filter..][..LANES].as_ptr()) });
        }
        steps
    }

    /// # Safety
    /// The instruction set is available.
    #[inline(always)]
    unsafe fn apply(&self, sum: L, epilogue: &Epilogue<'_>, place: usize) -> L {
        let mut value = match (self.scale, self.bias) {
            (Some(scale), Some(bias)) => bias.plus_product(sum, scale),
            // SAFETY: passed on.
            (Some(scale), None) => unsafe { L::splat(0.0) }.plus_product(sum, scale),
            (None, Some(bias)) => sum.plus(bias),
            (None, None) => sum,
        };
        if let Some(residual) = epilogue.residual {
            // SAFETY: there are sixteen; passed on.
            value = value.plus(unsafe { L::load(residual[place..][..LANES].as_ptr()) });
        }
        if epilogue.relu { value.relu() } else { value }
    }
}

/// Channels whose kernels are turned together, so that the numbers of sixteen filters lie side by side.
const CHANNELS: usize = 16;

/// Where the weight of `(filter, channel, tap)` is found.
#[derive(Clone, Copy)]
pub(super) struct KernelStrides {
    pub filter: usize,
    pub channel: usize,
    /// Whether the kernel is turned round.
    pub turned: bool,
}

impl KernelStrides {
    fn tap(&self, i: usize, j: usize) -> usize {
        if self.turned { (2 - i) * 3 + 2 - j } else { i * 3 + j }
    }
}

over_lanes! {
    /// Transforms the kernels of sixteen filters, from `filter` on, to a panel at `to` (the place, its filters, the distance
    /// between matrices): `[channel][filter of the panel]`.
    ///
    /// # Safety
    /// The places may be written and the instruction set is available.
    pub(super) unsafe fn transform_kernels[](
        weights: (&[f32], &KernelStrides), filter: usize, channels: usize, to: (*mut f32, usize, usize),
    ) = transform_kernels_with;
}

#[inline(always)]
unsafe fn transform_kernels_with<L: Lanes>(
    (weight, strides): (&[f32], &KernelStrides),
    filter: usize,
    channels: usize,
    (to, width, stride): (*mut f32, usize, usize),
) {
    // Neighbouring channels of one filter lie behind each other, or neighbouring filters of one channel.
    let at_once = if strides.channel < strides.filter { CHANNELS } else { 1 };
    let mut taps = [[0.0_f32; LANES]; 9 * CHANNELS];
    for first in (0..channels).step_by(at_once) {
        let count = at_once.min(channels - first);
        let from = &weight[filter * strides.filter + first * strides.channel..];
        transpose_block(Isa::current(), (from, strides.filter), (taps.as_flattened_mut(), LANES), [9 * count, LANES]);
        for (channel, taps) in taps.chunks_exact(9).take(count).enumerate() {
            // SAFETY: passed on.
            unsafe {
                let mut square = [[L::splat(0.0); 3]; 3];
                for (i, row) in square.iter_mut().enumerate() {
                    for (j, value) in row.iter_mut().enumerate() {
                        *value = L::load(taps[strides.tap(i, j)].as_ptr());
                    }
                }
                let square = along_both::<scheme::Kernel, L, _, _>(square);
                store_square(square, to.wrapping_add((first + channel) * width), SIZE * stride, stride);
            }
        }
    }
}

over_lanes! {
    /// Brings the gradients of the transforms of sixteen filters, `from` (the place, the distances
    /// between channels and between matrices),
    /// to those of their kernels.
    ///
    /// # Safety
    /// The places may be read and the instruction set is available.
    pub(super) unsafe fn kernel_gradients[](
        from: (*const f32, usize, usize), channels: usize, grad_weight: &mut [f32],
    ) = kernel_gradients_with;
}

#[inline(always)]
unsafe fn kernel_gradients_with<L: Lanes>(
    (from, row, stride): (*const f32, usize, usize),
    channels: usize,
    grad_weight: &mut [f32],
) {
    let mut taps = [[0.0_f32; LANES]; 9 * CHANNELS];
    for first in (0..channels).step_by(CHANNELS) {
        let count = CHANNELS.min(channels - first);
        for (channel, taps) in taps.chunks_exact_mut(9).take(count).enumerate() {
            // SAFETY: passed on; there are sixteen values of each tap.
            unsafe {
                let from = from.wrapping_add((first + channel) * row);
                let square = along_both::<scheme::KernelAdjoint, L, _, _>(load_square(from, SIZE * stride, stride));
                store_square(square, taps.as_mut_ptr().cast(), 3 * LANES, LANES);
            }
        }
        let to = (&mut grad_weight[first * 9..], channels * 9);
        transpose_block(Isa::current(), (taps.as_flattened(), LANES), to, [LANES, 9 * count]);
    }
}
