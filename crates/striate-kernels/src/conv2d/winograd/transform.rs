//! Bringing tiles of images to their transforms and back.

use std::ops::Range;

use super::Correlation;
use super::scheme::{self, OUT, SIZE, along_both};
use crate::conv2d::lanes::{LANES, Lanes, with_lanes};
use crate::epilogue::Epilogue;

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

impl Correlation<'_> {
    /// Brings the tiles to `to`, the first to its row `row`: the transform of the inputs of a tile, or with `ADJOINT` the
    /// adjoint transform of its outputs (`self.source` is then an image of outputs).
    ///
    /// # Safety
    /// The tiles exist, the rows of `to` may be written, and the instruction set is available.
    pub(super) unsafe fn gather<const ADJOINT: bool>(&self, tiles: Range<usize>, to: Planes, row: usize) {
        // SAFETY: passed on.
        with_lanes!(self.isa, L => unsafe { self.gather_with::<L, ADJOINT>(tiles, to, row) });
    }

    #[inline(always)]
    unsafe fn gather_with<L: Lanes, const ADJOINT: bool>(&self, tiles: Range<usize>, to: Planes, first_row: usize) {
        let channels = to.columns;
        let [height, width] = self.size.map(|size| size as isize);
        let stride = to.stride();
        for (row, tile) in tiles.enumerate() {
            let (n, corner) = self.corner(tile);
            let image = self.source.as_ptr().wrapping_add(n * self.size[0] * self.size[1] * channels);
            let places: [[*const f32; SIZE]; SIZE] = std::array::from_fn(|i| {
                std::array::from_fn(|j| {
                    let [y, x] = [corner[0] + i as isize, corner[1] + j as isize];
                    match y >= 0 && y < height && x >= 0 && x < width {
                        true => image.wrapping_add((y * width + x) as usize * channels),
                        false => self.zeros.as_ptr(),
                    }
                })
            });
            for panel in to.panels() {
                let place = to.data.wrapping_add(panel.start * to.rows + (first_row + row) * panel.len());
                for channel in panel.clone().step_by(LANES) {
                    // SAFETY: passed on, here and below.
                    let load = |i: usize, j: usize| unsafe { L::load(places[i][j].wrapping_add(channel)) };
                    // SAFETY: as above.
                    let store = |i, j, value: L| unsafe {
                        value.store(place.wrapping_add((i * SIZE + j) * stride + channel - panel.start));
                    };
                    if ADJOINT {
                        along_both(load, scheme::output_adjoint, store);
                    } else {
                        along_both(load, scheme::input, store);
                    }
                }
            }
        }
    }

    /// Brings the products in `from` to the outputs of the tiles. Returns whether all sums are finite: an infinity or NaN
    /// spreads over its tile, in others' places too.
    ///
    /// # Safety
    /// The tiles exist, `from` holds their products in one panel, nobody else uses their places in `output`, and the
    /// instruction set is available.
    pub(super) unsafe fn scatter(
        &self,
        tiles: Range<usize>,
        from: Planes,
        epilogue: &Epilogue<'_>,
        output: *mut f32,
    ) -> bool {
        // SAFETY: passed on.
        with_lanes!(self.isa, L => unsafe { self.scatter_with::<L>(tiles, from, epilogue, output) })
    }

    #[inline(always)]
    unsafe fn scatter_with<L: Lanes>(
        &self,
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
        let [height, width] = self.out_size;
        let stride = from.stride();
        for (row, tile) in tiles.enumerate() {
            let [n, top, left] = self.tile(tile);
            let first = ((n * height + top) * width + left) * filters;
            let [rows, columns] = [(height - top).min(OUT), (width - left).min(OUT)];
            let products = from.data.wrapping_add(row * filters).cast_const();
            for filter in (0..filters).step_by(LANES) {
                // SAFETY: passed on; bias and residual are as long as the output channels and the output.
                unsafe {
                    let channels = |values: Option<&[f32]>| values.map(|x| L::load(x[filter..][..LANES].as_ptr()));
                    let (scale, bias) = (channels(epilogue.scale), channels(epilogue.bias));
                    let load = |i, j| L::load(products.wrapping_add((i * SIZE + j) * stride + filter));
                    along_both(load, scheme::output, |i, j, mut value: L| {
                        if i >= rows || j >= columns {
                            return;
                        }
                        check = check.plus_product(value, zero);
                        let place = first + (i * width + j) * filters + filter;
                        value = match (scale, bias) {
                            (Some(scale), Some(bias)) => bias.plus_product(value, scale),
                            (Some(scale), None) => zero.plus_product(value, scale),
                            (None, Some(bias)) => value.plus(bias),
                            (None, None) => value,
                        };
                        if let Some(residual) = epilogue.residual {
                            value = value.plus(L::load(residual[place..][..LANES].as_ptr()));
                        }
                        if epilogue.relu {
                            value = value.relu();
                        }
                        value.store(output.wrapping_add(place));
                    });
                }
            }
        }
        let mut sums = [0.0; LANES];
        // SAFETY: as many values as lanes.
        unsafe { check.store(sums.as_mut_ptr()) };
        sums == [0.0; LANES]
    }
}

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

/// Transforms the kernels of sixteen filters, from `filter` on, to a panel of `width` filters at `to`: `[channel][filter of
/// the panel]`, `stride` between matrices.
///
/// # Safety
/// The places may be written and the instruction set is available.
#[inline(always)]
pub(super) unsafe fn transform_kernels<L: Lanes>(
    (weight, strides): (&[f32], &KernelStrides),
    filter: usize,
    channels: usize,
    (to, width, stride): (*mut f32, usize, usize),
) {
    let mut taps = [[[0.0_f32; LANES]; 3]; 3];
    for channel in 0..channels {
        for lane in 0..LANES {
            let kernel = &weight[(filter + lane) * strides.filter + channel * strides.channel..][..9];
            for (i, j) in (0..3).flat_map(|i| (0..3).map(move |j| (i, j))) {
                taps[i][j][lane] = kernel[strides.tap(i, j)];
            }
        }
        // SAFETY: passed on, here and below.
        along_both(
            |i, j| unsafe { L::load(taps[i][j].as_ptr()) },
            scheme::kernel,
            |i, j, value| unsafe {
                value.store(to.wrapping_add((i * SIZE + j) * stride + channel * width));
            },
        );
    }
}

/// Brings the gradients of the transforms of sixteen filters, `from` (`[channel]`, `row` apart; `stride` between matrices),
/// to those of their kernels.
///
/// # Safety
/// The places may be read and the instruction set is available.
#[inline(always)]
pub(super) unsafe fn kernel_gradients<L: Lanes>(
    (from, row, stride): (*const f32, usize, usize),
    channels: usize,
    grad_weight: &mut [f32],
) {
    let mut taps = [[[0.0_f32; LANES]; 3]; 3];
    for channel in 0..channels {
        // SAFETY: passed on, here and below.
        along_both(
            |i, j| unsafe { L::load(from.wrapping_add((i * SIZE + j) * stride + channel * row)) },
            scheme::kernel_adjoint,
            |i, j, value| unsafe { value.store(taps[i][j].as_mut_ptr()) },
        );
        for lane in 0..LANES {
            let kernel = &mut grad_weight[(lane * channels + channel) * 9..][..9];
            for (tap, value) in kernel.iter_mut().enumerate() {
                *value = taps[tap / 3][tap % 3][lane];
            }
        }
    }
}
