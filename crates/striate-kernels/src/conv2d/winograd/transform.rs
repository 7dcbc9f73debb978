//! Bringing tiles of images to their transforms and back.

use std::ops::Range;

use super::Correlation;
use super::scheme::{Axis, MOST, Scheme, Square, along_both, load_numbers, paired, store_numbers};
use crate::arch::{Isa, prefetch};
use crate::bf16::bf16;
use crate::conv2d::lanes::{LANES, Lanes, Stored, over_lanes};
use crate::epilogue::Epilogue;
use crate::layout::transpose_block;

/// Transforms of some tiles: one matrix `[rows, columns]` (tiles by channels) for each number of the transform. The columns
/// are cut in panels of `width`, each stored row by row without gaps.
#[derive(Clone, Copy)]
pub(in crate::conv2d) struct Planes<T = f32> {
    pub data: *mut T,
    pub rows: usize,
    pub columns: usize,
    pub width: usize,
}

// SAFETY: only addresses; whoever writes through them promises that the parts are disjoint.
unsafe impl<T> Sync for Planes<T> {}
// SAFETY: as above.
unsafe impl<T> Send for Planes<T> {}

impl<T> Planes<T> {
    /// Distance between matrices. Not a power of two, or all would fall in the same few places of the cache.
    pub(super) fn stride(&self) -> usize {
        Self::stride_of(self.rows, self.columns)
    }

    fn stride_of(rows: usize, columns: usize) -> usize {
        rows * columns + LANES
    }

    /// Values needed for so many matrices.
    pub(super) fn len(numbers: usize, rows: usize, columns: usize) -> usize {
        numbers * Self::stride_of(rows, columns)
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
    pub(super) unsafe fn gather[T: Stored, S: Scheme, const ADJOINT: bool][T, S, ADJOINT](
        correlation: &Correlation<'_, T>, tiles: Range<usize>, to: Planes<T>, first_row: usize,
    ) = gather_with;
}

#[inline(always)]
unsafe fn gather_with<L: Lanes, T: Stored, S: Scheme, const ADJOINT: bool>(
    correlation: &Correlation<'_, T>,
    tiles: Range<usize>,
    to: Planes<T>,
    first_row: usize,
) {
    let stride = to.stride();
    let below = S::Rows::OUT * correlation.size[1] * to.columns;
    for (row, tile) in tiles.enumerate() {
        let places = correlation.places::<S, ADJOINT>(tile, to.columns);
        for panel in to.panels() {
            let place = to.data.wrapping_add(panel.start * to.rows + (first_row + row) * panel.len());
            for channel in panel.clone().step_by(LANES) {
                // SAFETY: passed on.
                unsafe {
                    let square = transformed::<L, T, S, ADJOINT>((&places, below), channel);
                    store_numbers::<S, _, _>(square, place.wrapping_add(channel - panel.start), stride);
                }
            }
        }
    }
}

over_lanes! {
    /// [`gather`] for sums over tiles in bf16: a row of `to` holds words of two neighbouring tiles, and zeros where the second is
    /// missing.
    ///
    /// # Safety
    /// As of [`gather`].
    pub(super) unsafe fn gather_pairs[S: Scheme, const ADJOINT: bool][S, ADJOINT](
        correlation: &Correlation<'_, bf16>, tiles: Range<usize>, to: Planes, first_row: usize,
    ) = gather_pairs_with;
}

#[inline(always)]
unsafe fn gather_pairs_with<L: Lanes, S: Scheme, const ADJOINT: bool>(
    correlation: &Correlation<'_, bf16>,
    tiles: Range<usize>,
    to: Planes,
    first_row: usize,
) {
    let stride = to.stride();
    let below = S::Rows::OUT * correlation.size[1] * to.columns;
    let nowhere = [[correlation.zeros.as_ptr(); MOST]; MOST];
    for (row, tile) in tiles.clone().step_by(2).enumerate() {
        let places = correlation.places::<S, ADJOINT>(tile, to.columns);
        let others =
            if tile + 1 < tiles.end { correlation.places::<S, ADJOINT>(tile + 1, to.columns) } else { nowhere };
        for panel in to.panels() {
            let place = to.data.wrapping_add(panel.start * to.rows + (first_row + row) * panel.len());
            for channel in panel.clone().step_by(LANES) {
                // SAFETY: passed on.
                unsafe {
                    let square = transformed::<L, bf16, S, ADJOINT>((&places, below), channel);
                    let square = paired::<S, _>(square, transformed::<L, bf16, S, ADJOINT>((&others, below), channel));
                    store_numbers::<S, _, _>(square, place.wrapping_add(channel - panel.start), stride);
                }
            }
        }
    }
}

impl<T: Stored> Correlation<'_, T> {
    /// Where the inputs of a tile are, or with `ADJOINT` its outputs: in the image of `channels` channels, or among the zeros.
    #[inline(always)]
    fn places<S: Scheme, const ADJOINT: bool>(&self, tile: usize, channels: usize) -> Square<*const T> {
        let [height, width] = self.size.map(|size| size as isize);
        let (n, corner) = self.corner::<S>(tile);
        let image = self.source.as_ptr().wrapping_add(n * self.size[0] * self.size[1] * channels);
        let mut places = [[self.zeros.as_ptr(); MOST]; MOST];
        let [rows, columns] = if ADJOINT { S::OUT } else { S::SIZE };
        for (i, row) in places[..rows].iter_mut().enumerate() {
            for (j, place) in row[..columns].iter_mut().enumerate() {
                let [y, x] = [corner[0] + i as isize, corner[1] + j as isize];
                if y >= 0 && y < height && x >= 0 && x < width {
                    *place = image.wrapping_add((y * width + x) as usize * channels);
                }
            }
        }
        places
    }
}

/// The transform of sixteen channels of a tile. Asks for what the tile `below` will read: the rows of an image are too long
/// for the machine to foresee it.
///
/// # Safety
/// Its numbers may be read, and the instruction set is available.
#[inline(always)]
unsafe fn transformed<L: Lanes, T: Stored, S: Scheme, const ADJOINT: bool>(
    (places, below): (&Square<*const T>, usize),
    channel: usize,
) -> Square<L> {
    let new = if ADJOINT { 0 } else { 2 };
    for row in &places[new..new + S::Rows::OUT] {
        for place in &row[new / 2..][..S::Columns::OUT] {
            prefetch(place.wrapping_add(below + channel), LANES);
        }
    }
    // SAFETY: passed on.
    unsafe {
        if ADJOINT {
            let square = load_places::<L, T>(places, S::OUT, channel);
            along_both::<<S::Rows as Axis>::OutputAdjoint, <S::Columns as Axis>::OutputAdjoint, L>(square)
        } else {
            let square = load_places::<L, T>(places, S::SIZE, channel);
            along_both::<<S::Rows as Axis>::Input, <S::Columns as Axis>::Input, L>(square)
        }
    }
}

/// The first rows and columns of the numbers of sixteen channels.
///
/// # Safety
/// They may be read, and the instruction set is available.
#[inline(always)]
unsafe fn load_places<L: Lanes, T: Stored>(
    places: &Square<*const T>,
    [rows, columns]: [usize; 2],
    channel: usize,
) -> Square<L> {
    // SAFETY: passed on.
    let mut square = [[unsafe { L::splat(0.0) }; MOST]; MOST];
    for (values, places) in square[..rows].iter_mut().zip(places) {
        for (value, place) in values[..columns].iter_mut().zip(places) {
            // SAFETY: passed on.
            *value = unsafe { T::load(place.wrapping_add(channel)) };
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
    pub(super) unsafe fn scatter[T: Stored, S: Scheme][T, S](
        correlation: &Correlation<'_, T>, tiles: Range<usize>, from: Planes, epilogue: &Epilogue<'_>, output: *mut T,
    ) -> bool = scatter_with;
}

#[inline(always)]
unsafe fn scatter_with<L: Lanes, T: Stored, S: Scheme>(
    correlation: &Correlation<'_, T>,
    tiles: Range<usize>,
    from: Planes,
    epilogue: &Epilogue<'_>,
    output: *mut T,
) -> bool {
    // SAFETY: the instruction set is available.
    let zero = unsafe { L::splat(0.0) };
    // Zero times a number is zero, times an infinity NaN.
    let mut check = zero;
    let filters = from.columns;
    let [height, width] = correlation.out_size;
    let stride = from.stride();
    for (row, tile) in tiles.enumerate() {
        let [n, top, left] = correlation.tile::<S>(tile);
        let first = ((n * height + top) * width + left) * filters;
        let [rows, columns] = [(height - top).min(S::OUT[0]), (width - left).min(S::OUT[1])];
        let products = from.data.wrapping_add(row * filters).cast_const();
        for filter in (0..filters).step_by(LANES) {
            // SAFETY: passed on; scale, bias and residual are as long as the output channels and the output.
            unsafe {
                let square = load_numbers::<S, L>(products.wrapping_add(filter), stride);
                let square = along_both::<<S::Rows as Axis>::Output, <S::Columns as Axis>::Output, L>(square);
                let steps = Steps::<L>::of(epilogue, filter);
                // Loops with known ends keep the values in registers.
                #[expect(clippy::needless_range_loop, reason = "iterators keep the square in memory")]
                for i in 0..S::OUT[0] {
                    for j in 0..S::OUT[1] {
                        if i < rows && j < columns {
                            let value = square[i][j];
                            check = check.plus_product(value, zero);
                            let place = first + (i * width + j) * filters + filter;
                            T::store(steps.apply(value, epilogue, place), output.wrapping_add(place));
                        }
                    }
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
    /// between matrices): `[channel][filter of the panel]`, or with `PAIRED` words of bf16 for every two channels.
    ///
    /// # Safety
    /// The places may be written and the instruction set is available.
    pub(super) unsafe fn transform_kernels[S: Scheme, const PAIRED: bool][S, PAIRED](
        weights: (&[f32], &KernelStrides), filter: usize, channels: usize, to: (*mut f32, usize, usize),
    ) = transform_kernels_with;
}

#[inline(always)]
unsafe fn transform_kernels_with<L: Lanes, S: Scheme, const PAIRED: bool>(
    (weight, strides): (&[f32], &KernelStrides),
    filter: usize,
    channels: usize,
    (to, width, stride): (*mut f32, usize, usize),
) {
    let mut taps = [[0.0_f32; LANES]; 9 * CHANNELS];
    for first in (0..channels).step_by(CHANNELS) {
        let count = CHANNELS.min(channels - first);
        let from = &weight[filter * strides.filter + first * strides.channel..];
        if strides.channel < strides.filter {
            // Neighbouring channels of one filter lie behind each other.
            let taps = taps.as_flattened_mut();
            transpose_block(Isa::current(), (from, strides.filter), (taps, LANES), [9 * count, LANES]);
        } else {
            for (channel, taps) in taps.chunks_exact_mut(9).take(count).enumerate() {
                let from = (&from[channel * strides.channel..], strides.filter);
                transpose_block(Isa::current(), from, (taps.as_flattened_mut(), LANES), [9, LANES]);
            }
        }
        let words = if PAIRED { 2 } else { 1 };
        for channel in (0..count).step_by(words) {
            let to = to.wrapping_add((first + channel) / words * width);
            // SAFETY: passed on; with `PAIRED`, the channels come in sixteens.
            unsafe {
                let mut square = kernel_square::<L, S>(&taps[9 * channel..], strides);
                if PAIRED {
                    square = paired::<S, _>(square, kernel_square::<L, S>(&taps[9 * (channel + 1)..], strides));
                }
                store_numbers::<S, _, _>(square, to, stride);
            }
        }
    }
}

/// The transform of the kernels of sixteen filters for one channel.
///
/// # Safety
/// The instruction set is available.
#[inline(always)]
unsafe fn kernel_square<L: Lanes, S: Scheme>(taps: &[[f32; LANES]], strides: &KernelStrides) -> Square<L> {
    // SAFETY: passed on.
    let mut square = [[unsafe { L::splat(0.0) }; MOST]; MOST];
    for (i, values) in square[..3].iter_mut().enumerate() {
        for (j, value) in values[..3].iter_mut().enumerate() {
            // SAFETY: passed on.
            *value = unsafe { L::load(taps[strides.tap(i, j)].as_ptr()) };
        }
    }
    along_both::<<S::Rows as Axis>::Kernel, <S::Columns as Axis>::Kernel, L>(square)
}

over_lanes! {
    /// Brings the gradients of the transforms of sixteen filters, `from` (the place, the distances
    /// between channels and between matrices),
    /// to those of their kernels.
    ///
    /// # Safety
    /// The places may be read and the instruction set is available.
    pub(super) unsafe fn kernel_gradients[S: Scheme][S](
        from: (*const f32, usize, usize), channels: usize, grad_weight: &mut [f32],
    ) = kernel_gradients_with;
}

#[inline(always)]
unsafe fn kernel_gradients_with<L: Lanes, S: Scheme>(
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
                let square = load_numbers::<S, L>(from, stride);
                let square =
                    along_both::<<S::Rows as Axis>::KernelAdjoint, <S::Columns as Axis>::KernelAdjoint, L>(square);
                for (tap, to) in taps.iter_mut().enumerate() {
                    square[tap / 3][tap % 3].store(to.as_mut_ptr());
                }
            }
        }
        let to = (&mut grad_weight[first * 9..], channels * 9);
        transpose_block(Isa::current(), (taps.as_flattened(), LANES), to, [LANES, 9 * count]);
    }
}
