//! The gradient of the weights, summed over tiles.

use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};

use super::Correlation;
use super::scheme::{Scheme, Tiling, with_scheme};
use super::transform::{Planes, gather, gather_pairs, kernel_gradients};
use crate::arch::{Start, Tile, TileIsa};
use crate::bf16::bf16;
use crate::conv2d::Conv2dGeometry;
use crate::conv2d::lanes::{LANES, Stored};
use crate::memory::Buffer;
use crate::panels::{Panels, Target, for_each_tile};
use crate::threads::{Pieces, parallel_for, parallel_for_scratch};

/// Most parts the tiles are dealt out to, each with sums of its own.
const MAX_PARTS: usize = 16;
/// Values in the sums of all parts together. Larger ones are shared: all threads work on the same tiles.
const SUMS_LEN: usize = 2 << 20;
/// Fewest parts that keep the threads busy.
const MIN_PARTS: usize = 8;
/// Values of the transforms of a block: what one thread has in its cache, and what all have in the shared one.
const BLOCK_LEN: usize = 128 << 10;
const SHARED_LEN: usize = 4 << 20;
/// Tiles transformed by one chunk of a shared block.
const CHUNK_TILES: usize = 8;
/// Channels of a panel of transformed inputs: read along the channels, they are whole numbers of tiles and of lanes.
const PANEL: usize = 48;

/// Sizes and lengths have been checked, and the geometry suits. Returns whether all sums are finite; if not, the gradient is
/// of no use.
#[must_use]
pub(in crate::conv2d) fn backward_weight<T: Summed>(
    tiling: Tiling,
    isa: TileIsa,
    g: &Conv2dGeometry,
    input: &[T],
    grad_output: &[T],
    grad_weight: &mut [f32],
) -> bool {
    let zeros = Buffer::zeroed(g.in_channels.max(g.out_channels) * size_of::<T>());
    let out_size = g.output_size();
    let inputs = Correlation {
        isa,
        source: input,
        size: [g.in_height, g.in_width],
        zeros: zeros.as_slice(),
        origin: g.padding.map(|padding| -(padding as isize)),
        batch: g.batch,
        out_size,
    };
    let outputs = Correlation { source: grad_output, size: out_size, origin: [0, 0], ..inputs };
    let gradient = Gradient { inputs, outputs, channels: g.in_channels, filters: g.out_channels };
    with_scheme!(tiling, gradient.run::<S>(grad_weight))
}

/// Numbers whose transforms are summed over tiles: word by word, so that of bf16 two tiles share a row.
pub(in crate::conv2d) trait Summed: Stored {
    /// Brings the tiles to `to`, the first to its row `first_row`.
    ///
    /// # Safety
    /// The tiles exist, the rows of `to` may be written, and the instruction set is available.
    unsafe fn gather_sums<S: Scheme, const ADJOINT: bool>(
        correlation: &Correlation<'_, Self>,
        tiles: Range<usize>,
        to: Planes,
        first_row: usize,
    );
}

impl Summed for f32 {
    unsafe fn gather_sums<S: Scheme, const ADJOINT: bool>(
        correlation: &Correlation<'_, Self>,
        tiles: Range<usize>,
        to: Planes,
        first_row: usize,
    ) {
        // SAFETY: passed on.
        unsafe { gather::<f32, S, ADJOINT>(correlation.isa, correlation, tiles, to, first_row) };
    }
}

impl Summed for bf16 {
    unsafe fn gather_sums<S: Scheme, const ADJOINT: bool>(
        correlation: &Correlation<'_, Self>,
        tiles: Range<usize>,
        to: Planes,
        first_row: usize,
    ) {
        // SAFETY: passed on.
        unsafe { gather_pairs::<S, ADJOINT>(correlation.isa, correlation, tiles, to, first_row) };
    }
}

struct Gradient<'a, T> {
    inputs: Correlation<'a, T>,
    /// The output gradients, cut in the same tiles.
    outputs: Correlation<'a, T>,
    channels: usize,
    filters: usize,
}

impl<T: Summed> Gradient<'_, T> {
    /// Returns whether all sums are finite.
    fn run<S: Scheme>(&self, grad_weight: &mut [f32]) -> bool {
        let stride = self.channels * self.filters;
        let len = S::NUMBERS * stride;
        let parts = (SUMS_LEN / len).min(MAX_PARTS);
        let parts = if parts >= MIN_PARTS { parts } else { 1 };
        let mut sums = Buffer::uninit(parts * len * size_of::<f32>());
        let sums = sums.as_mut_slice::<f32>();
        let target = Target::new(sums);
        if parts > 1 {
            self.sum_in_parts::<S>(parts, target)
        } else {
            self.sum_shared::<S>(target)
        }
        crate::pointwise::add_pairwise(sums, len);
        let sums = &sums[..len];
        let filters_len = LANES * self.channels * 9;
        let pieces = Pieces::new(grad_weight, filters_len);
        let finite = AtomicBool::new(true);
        parallel_for(pieces.count(), &|chunk| {
            // SAFETY: each chunk runs once, and takes its own piece.
            let kernels = unsafe { pieces.get(chunk) };
            let from = (sums.as_ptr().wrapping_add(chunk * LANES), self.filters, stride);
            // SAFETY: the sums have a place for each channel and filter, which come in sixteens.
            unsafe { kernel_gradients::<S>(self.inputs.isa, from, self.channels, kernels) };
            if !kernels.iter().fold(true, |finite, sum| finite & sum.is_finite()) {
                finite.store(false, Ordering::Relaxed);
            }
        });
        finite.into_inner()
    }

    /// Values of the transforms of a tile.
    fn tile_len<S: Scheme>(&self) -> usize {
        S::NUMBERS * (self.channels + self.filters)
    }

    fn planes(&self, data: *mut f32, rows: usize) -> Planes {
        Planes { data, rows, columns: self.channels, width: PANEL }
    }

    fn grad_planes(&self, data: *mut f32, rows: usize) -> Planes {
        let width = self.inputs.isa.lanes() * self.inputs.isa.max_vectors();
        Planes { data, rows, columns: self.filters, width }
    }

    /// Each part sums over blocks of tiles of its own.
    fn sum_in_parts<S: Scheme>(&self, parts: usize, sums: Target) {
        let (count, len) = (self.inputs.tile_count::<S>(), S::NUMBERS * self.channels * self.filters);
        let most = (BLOCK_LEN / self.tile_len::<S>()).clamp(16, 64);
        let inputs_len = Planes::<f32>::len(S::NUMBERS, most, self.channels);
        let scratch_len = inputs_len + Planes::<f32>::len(S::NUMBERS, most, self.filters);
        parallel_for_scratch::<f32>(parts, scratch_len, &|part, scratch| {
            let tiles = part * count / parts..(part + 1) * count / parts;
            let (inputs, grads) = scratch.split_at_mut(inputs_len);
            let blocks = tiles.len().div_ceil(most).max(1);
            for block in 0..blocks {
                let place = |block: usize| tiles.start + tiles.len() * block / blocks;
                let tiles = place(block)..place(block + 1);
                let rows = tiles.len().div_ceil(T::PER_WORD);
                let inputs = self.planes(inputs.as_mut_ptr(), rows);
                let grads = self.grad_planes(grads.as_mut_ptr(), rows);
                let start = if block == 0 { Start::Zero } else { Start::Accumulate };
                // SAFETY: the tiles exist, the scratch has room for a block, the part has sums of its own, and the
                // instruction set is available.
                unsafe {
                    T::gather_sums::<S, false>(&self.inputs, tiles.clone(), inputs, 0);
                    T::gather_sums::<S, true>(&self.outputs, tiles, grads, 0);
                    for number in 0..S::NUMBERS {
                        for panel in 0..grads.panels().count() {
                            self.multiply((inputs, grads), [number, panel], start, sums.at(part * len));
                        }
                    }
                }
            }
        });
    }

    /// All threads sum over one large block after the other: first they share its tiles, then the sums.
    fn sum_shared<S: Scheme>(&self, sums: Target) {
        let count = self.inputs.tile_count::<S>();
        let blocks = (count * self.tile_len::<S>()).div_ceil(SHARED_LEN).max(1);
        let most = count.div_ceil(blocks);
        let mut scratch = [self.channels, self.filters]
            .map(|columns| Buffer::uninit(Planes::<f32>::len(S::NUMBERS, most, columns) * size_of::<f32>()));
        let [inputs, grads] = scratch.each_mut().map(|buffer| buffer.as_mut_slice::<f32>().as_mut_ptr());
        let [inputs, grads] = [self.planes(inputs, 0), self.grad_planes(grads, 0)];
        for block in 0..blocks {
            let tiles = count * block / blocks..count * (block + 1) / blocks;
            let rows = tiles.len().div_ceil(T::PER_WORD);
            let (inputs, grads) = (Planes { rows, ..inputs }, Planes { rows, ..grads });
            parallel_for(tiles.len().div_ceil(CHUNK_TILES), &|chunk| {
                let first = chunk * CHUNK_TILES;
                let tiles = tiles.start + first..(tiles.start + first + CHUNK_TILES).min(tiles.end);
                // SAFETY: the tiles exist, each belongs to one chunk, and the buffers have room for a block.
                unsafe {
                    T::gather_sums::<S, false>(&self.inputs, tiles.clone(), inputs, first / T::PER_WORD);
                    T::gather_sums::<S, true>(&self.outputs, tiles, grads, first / T::PER_WORD);
                }
            });
            let panels = grads.panels().count();
            parallel_for(S::NUMBERS * panels, &|chunk| {
                let start = if block == 0 { Start::Zero } else { Start::Accumulate };
                // SAFETY: each chunk has a number and a panel, whose sums nobody else uses.
                unsafe { self.multiply((inputs, grads), [chunk / panels, chunk % panels], start, sums.at(0)) };
            });
        }
    }

    /// Adds the products over the tiles for one number of the transform and one panel of filters to the sums at `to`,
    /// `[number][channel][filter]`.
    ///
    /// # Safety
    /// The planes hold the transforms of the same tiles; nobody else uses these sums; the instruction set is available.
    unsafe fn multiply(
        &self,
        (inputs, grads): (Planes, Planes),
        [number, panel]: [usize; 2],
        start: Start,
        to: *mut f32,
    ) {
        let isa = self.inputs.isa;
        let columns = Panels::new(isa, self.filters).columns(panel);
        let max_rows = isa.max_rows(columns.len().div_ceil(isa.lanes()));
        for channels in inputs.panels() {
            let a = number * inputs.stride() + channels.start * inputs.rows;
            for_each_tile(0..channels.len(), max_rows, |row, rows| {
                let place = (number * self.channels + channels.start + row) * self.filters + columns.start;
                let tile = Tile {
                    a: inputs.data.wrapping_add(a + row),
                    a_row: 1,
                    a_step: channels.len(),
                    a_segment: 0,
                    b: grads.data.wrapping_add(number * grads.stride() + columns.start * grads.rows),
                    b_step: columns.len(),
                    b_segment: 0,
                    segments: 1,
                    depth: inputs.rows,
                    c: to.wrapping_add(place),
                    c_row: self.filters,
                    cols: columns.len(),
                    start,
                };
                // SAFETY: passed on; the tile is within the limits of the instruction set.
                unsafe { tile.run(isa, rows) };
            });
        }
    }
}
