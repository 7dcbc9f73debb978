//! Winograd's algorithm for kernels of 3 by 3 with stride 1: fewer multiplications for some additions.
//!
//! A block of tiles is transformed, multiplied by the transformed kernels (one product of matrices, tiles by channels, for
//! each number of the transform) and transformed back while it is in the cache. See [`scheme`] for the transforms.
//!
//! The gradient of the input is such a convolution with the kernels turned round. The gradient of the weights is a product
//! over tiles, of the transformed inputs and the output gradients brought to the same numbers by the adjoint transform.
//!
//! Images of bf16 are transformed in `f32`, and the transforms rounded to bf16 where the machine multiplies pairs of bf16: the
//! mean error is 0.43 % of the result for two by two outputs and 0.68 % for two by four, against 0.17 % of rounding the direct
//! sum. Both gradients are like that.
//!
//! An infinity or NaN would spread over its tile (infinity minus infinity in the transforms). Such results are noticed, and
//! the caller computes the direct sum in their place.

use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};

use super::Conv2dGeometry;
#[cfg(target_arch = "x86_64")]
use crate::arch::Bf16Isa;
use crate::arch::{Start, Tile, TileIsa};
use crate::epilogue::Epilogue;
use crate::memory::Buffer;
use crate::panels::{Panels, Target, for_each_tile};
use crate::threads::{parallel_for, parallel_for_scratch};

mod scheme;
mod transform;
mod weight;

use super::lanes::{LANES, Stored};
pub(super) use scheme::Tiling;
use scheme::{Scheme, with_scheme};
use transform::{KernelStrides, Planes, gather, scatter, transform_kernels};
pub(super) use weight::backward_weight;

/// Fewest tiles that pay for the transforms of the kernels.
const MIN_TILES: usize = 32;
/// Fewest large ones, so that there is more than one block.
const MIN_LARGE_TILES: usize = 2 * MIN_BLOCK_TILES;
/// Fewest channels, in and out, for which the products outweigh the transforms.
const MIN_CHANNELS: usize = 32;
/// Most tiles of a block.
const BLOCK_TILES: usize = 64;
/// Fewest tiles of a block, or the transformed kernels are read too often.
const MIN_BLOCK_TILES: usize = 32;

/// The tiles for a convolution with outputs of this size (rows and columns), if this algorithm suits it.
pub(super) fn tiling(isa: TileIsa, g: &Conv2dGeometry, size: [usize; 2]) -> Option<Tiling> {
    let panel = isa.lanes() * isa.max_vectors();
    let channels = [g.in_channels, g.out_channels];
    // For bf16, the products must be worth it: tile registers are faster than the transforms, and what multiplies no bf16 has
    // nothing to gain.
    #[cfg(target_arch = "x86_64")]
    let pays = matches!(isa, TileIsa::F32(_) | TileIsa::Bf16(Bf16Isa::Avx512Dot));
    #[cfg(not(target_arch = "x86_64"))]
    let pays = matches!(isa, TileIsa::F32(_));
    let suits = pays
        && g.kernel == [3, 3]
        && g.stride == [1, 1]
        && g.dilation == [1, 1]
        && g.groups == 1
        && g.padding.iter().all(|&padding| padding <= 2)
        && panel.is_multiple_of(LANES)
        && channels.iter().all(|&count| count.is_multiple_of(LANES) && count >= MIN_CHANNELS);
    // In bf16 the error of two by four outputs is 1.6 times that of two by two; of four by four it would be 2.6 times.
    let tilings: &[Tiling] = match isa {
        TileIsa::F32(_) => &[Tiling::FourByFour, Tiling::TwoByFour, Tiling::TwoByTwo],
        TileIsa::Bf16(_) => &[Tiling::TwoByFour, Tiling::TwoByTwo],
    };
    let enough = |tiling: &Tiling| {
        let least = if *tiling == Tiling::TwoByTwo { MIN_TILES } else { MIN_LARGE_TILES };
        g.batch * tiling.tiles(size) >= least
    };
    let products = |tiling: &Tiling| tiling.numbers() * tiling.tiles(size);
    tilings.iter().copied().filter(|tiling| suits && enough(tiling)).min_by_key(products)
}

/// A convolution of 3 by 3 with stride 1.
pub(in crate::conv2d) struct Correlation<'a, T> {
    isa: TileIsa,
    source: &'a [T],
    /// Rows and columns of a source image.
    size: [usize; 2],
    /// A pixel of zeros: what lies in the padding.
    zeros: &'a [T],
    /// Source place of the first tile.
    origin: [isize; 2],
    batch: usize,
    out_size: [usize; 2],
}

impl<T> Correlation<'_, T> {
    /// Rows and columns of tiles of an image.
    fn grid<S: Scheme>(&self) -> [usize; 2] {
        [0, 1].map(|axis| self.out_size[axis].div_ceil(S::OUT[axis]))
    }

    fn tile_count<S: Scheme>(&self) -> usize {
        self.batch * self.grid::<S>().iter().product::<usize>()
    }

    /// Image, first row and first column of the outputs of a tile.
    fn tile<S: Scheme>(&self, tile: usize) -> [usize; 3] {
        let [rows, columns] = self.grid::<S>();
        [tile / columns / rows, tile / columns % rows * S::OUT[0], tile % columns * S::OUT[1]]
    }

    /// Image, and the place in the source of the first input of a tile.
    fn corner<S: Scheme>(&self, tile: usize) -> (usize, [isize; 2]) {
        let [n, top, left] = self.tile::<S>(tile);
        (n, [self.origin[0] + top as isize, self.origin[1] + left as isize])
    }
}

/// The kernels of `filters` filters of `channels` channels, transformed: a matrix for each number of the transform, stored
/// `[panel][channel][filter of the panel]`, or `[panel][channel / 2][filter of the panel]` in words of bf16.
fn pack<T: Stored, S: Scheme>(
    isa: TileIsa,
    weight: &[f32],
    strides: KernelStrides,
    [filters, channels]: [usize; 2],
) -> Buffer {
    let words = channels / T::PER_WORD;
    let stride = kernel_stride(filters, words);
    let mut packed = Buffer::uninit(S::NUMBERS * stride * size_of::<f32>());
    let target = Target::new(packed.as_mut_slice::<f32>());
    let panel = isa.lanes() * isa.max_vectors();
    parallel_for(filters / LANES, &|chunk| {
        let filter = chunk * LANES;
        let start = filter / panel * panel;
        let width = panel.min(filters - start);
        let to = (target.at(start * words + filter - start), width, stride);
        // SAFETY: each chunk writes the places of its own sixteen filters.
        unsafe {
            match T::PER_WORD {
                1 => transform_kernels::<S, false>(isa, (weight, &strides), filter, channels, to),
                _ => transform_kernels::<S, true>(isa, (weight, &strides), filter, channels, to),
            }
        }
    });
    packed
}

/// Distance between the matrices of [`pack`].
fn kernel_stride(filters: usize, words: usize) -> usize {
    filters * words + LANES
}

/// The weights as [`forward`] reads them for images stored as `T`.
pub(super) fn pack_forward<T: Stored>(tiling: Tiling, isa: TileIsa, g: &Conv2dGeometry, weight: &[f32]) -> Buffer {
    let strides = KernelStrides { filter: 9 * g.in_channels, channel: 9, turned: false };
    let counts = [g.out_channels, g.in_channels];
    with_scheme!(tiling, pack::<T, S>(isa, weight, strides, counts))
}

/// Sizes and lengths have been checked, and the [tiling] suits the geometry. The weights are those of [`pack_forward`].
/// Returns whether all sums are finite; if not, the output is of no use.
#[must_use]
pub(super) fn forward<T: Stored>(
    tiling: Tiling,
    isa: TileIsa,
    g: &Conv2dGeometry,
    input: &[T],
    packed: &[f32],
    epilogue: &Epilogue<'_>,
    output: &mut [T],
) -> bool {
    let zeros = Buffer::zeroed(g.in_channels * size_of::<T>());
    let correlation = Correlation {
        isa,
        source: input,
        size: [g.in_height, g.in_width],
        zeros: zeros.as_slice(),
        origin: g.padding.map(|padding| -(padding as isize)),
        batch: g.batch,
        out_size: g.output_size(),
    };
    let (counts, output) = ([g.out_channels, g.in_channels], Target::new(output));
    with_scheme!(tiling, correlation.run::<S>(packed, counts, epilogue, output))
}

/// Sizes and lengths have been checked, and the [tiling] suits the geometry. Returns whether all sums are finite; if not, the
/// gradient is of no use.
#[must_use]
pub(super) fn backward_input<T: Stored>(
    tiling: Tiling,
    isa: TileIsa,
    g: &Conv2dGeometry,
    grad_output: &[T],
    weight: &[f32],
    grad_input: &mut [T],
) -> bool {
    let zeros = Buffer::zeroed(g.out_channels * size_of::<T>());
    let correlation = Correlation {
        isa,
        source: grad_output,
        size: g.output_size(),
        zeros: zeros.as_slice(),
        origin: g.padding.map(|padding| padding as isize - 2),
        batch: g.batch,
        out_size: [g.in_height, g.in_width],
    };
    let strides = KernelStrides { filter: 9, channel: 9 * g.in_channels, turned: true };
    let (counts, output) = ([g.in_channels, g.out_channels], Target::new(grad_input));
    let none = &Epilogue::default();
    with_scheme!(tiling, {
        let packed = pack::<T, S>(isa, weight, strides, counts);
        correlation.run::<S>(packed.as_slice(), counts, none, output)
    })
}

impl<T: Stored> Correlation<'_, T> {
    /// Returns whether all sums are finite.
    fn run<S: Scheme>(
        &self,
        packed: &[f32],
        [filters, channels]: [usize; 2],
        epilogue: &Epilogue<'_>,
        output: Target<T>,
    ) -> bool {
        let finite = AtomicBool::new(true);
        let count = self.tile_count::<S>();
        let blocks = count.div_ceil((count / 16).clamp(MIN_BLOCK_TILES, BLOCK_TILES));
        let most = count.div_ceil(blocks);
        let (inputs_len, products_len) =
            (Planes::<T>::len(S::NUMBERS, most, channels) / T::PER_WORD, Planes::<f32>::len(S::NUMBERS, most, filters));
        parallel_for_scratch::<f32>(blocks, inputs_len + products_len, &|block, scratch| {
            let tiles = block * count / blocks..(block + 1) * count / blocks;
            let (inputs, products) = scratch.split_at_mut(inputs_len);
            let rows = tiles.len();
            let inputs = Planes { data: inputs.as_mut_ptr().cast::<T>(), rows, columns: channels, width: channels };
            let products = Planes { data: products.as_mut_ptr(), rows, columns: filters, width: filters };
            // SAFETY: the tiles are those of the images, no two blocks share one, the scratch has room for the most tiles
            // a block has, and the instruction set is available.
            unsafe {
                gather::<T, S, false>(self.isa, self, tiles.clone(), inputs, 0);
                multiply::<T, S>(self.isa, inputs, packed, products);
                if !scatter::<T, S>(self.isa, self, tiles, products, epilogue, output.at(0)) {
                    finite.store(false, Ordering::Relaxed);
                }
            }
        });
        finite.into_inner()
    }
}

/// `products = inputs * kernels`, for each number of the transform.
///
/// # Safety
/// The inputs may be read and the products written, both in one panel; the instruction set is available.
unsafe fn multiply<T: Stored, S: Scheme>(isa: TileIsa, inputs: Planes<T>, kernels: &[f32], products: Planes) {
    let (words, filters) = (inputs.columns / T::PER_WORD, products.columns);
    let (data, stride) = (inputs.data.cast::<f32>(), inputs.stride() / T::PER_WORD);
    let panels = Panels::new(isa, filters);
    for (number, panel) in (0..S::NUMBERS).flat_map(|number| (0..panels.count()).map(move |p| (number, p))) {
        let columns: Range<usize> = panels.columns(panel);
        let max_rows = isa.max_rows(columns.len().div_ceil(isa.lanes()));
        let kernels = &kernels[number * kernel_stride(filters, words) + columns.start * words..];
        let kernels = &kernels[..words * columns.len()];
        for_each_tile(0..inputs.rows, max_rows, |row, rows| {
            let tile = Tile {
                a: data.wrapping_add(number * stride + row * words),
                a_row: words,
                a_step: 1,
                a_segment: 0,
                b: kernels.as_ptr(),
                b_step: columns.len(),
                b_segment: 0,
                segments: 1,
                depth: words,
                c: products.data.wrapping_add(number * products.stride() + row * filters + columns.start),
                c_row: filters,
                cols: columns.len(),
                start: Start::Zero,
            };
            // SAFETY: passed on; the tile is within the limits of the instruction set.
            unsafe { tile.run(isa, rows) };
        });
    }
}

#[cfg(test)]
mod tests;
