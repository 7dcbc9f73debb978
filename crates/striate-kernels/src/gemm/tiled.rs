//! The product of `f32` matrices in register tiles.
//!
//! `b` is packed in panels unless its rows can be read as they are; `a` is read in place through its strides, unless its
//! columns lie far apart. Long sums are cut in blocks so that one block of a panel stays in the second-level cache.

use std::ops::Range;

use super::{MatrixMut, MatrixRef};
use crate::arch::{Isa, Start, Tile, TileIsa};
use crate::layout::transpose_block;
use crate::memory::Buffer;
use crate::panels::{Panels, Target, for_each_tile};
use crate::threads::{parallel_for, parallel_for_scratch};

/// Longest sum in one go.
const MAX_DEPTH: usize = 1024;
/// Multiplications one chunk should have at least.
const CHUNK_WORK: usize = 256 * 1024;
/// Most rows of a chunk: with sums of the longest kind they and a panel of `b` fit the second-level cache.
const MAX_ROWS: usize = 96;
/// Chunks to aim at.
const MIN_CHUNKS: usize = 32;
/// Rows of `b` further apart than this are packed (when there are enough rows in `a` to pay for it).
const NEAR: usize = 256;
/// Columns of `a` at least this far apart are copied together: steps of 4 KB all fall into one set of a first-level cache,
/// and into few of the second.
const FAR: usize = 1024;
/// Elements packed by one chunk.
const PACK_CHUNK: usize = 32 * 1024;

/// Sizes and bounds have been checked by the caller, and `c.col_stride` is 1.
pub(super) fn gemm(
    isa: TileIsa,
    a: MatrixRef<'_, f32>,
    b: MatrixRef<'_, f32>,
    c: MatrixMut<'_, f32>,
    accumulate: bool,
) {
    let panels = Panels::new(isa, c.cols);
    let readable = b.col_stride == 1 && (b.row_stride <= NEAR || a.rows < 32);
    let packed = if readable { None } else { Some(pack(&panels, &b)) };
    let packed = packed.as_ref().map(|packed| packed.as_slice::<f32>());
    let rows_per_chunk = rows_per_chunk(c.rows, panels.count(), a.cols * panels.columns(0).len(), isa);
    let target = Target::new(c.data);
    let (rows, row_stride) = (c.rows, c.row_stride);
    let far = a.row_stride == 1 && a.col_stride >= FAR && a.cols > 1;
    let copied = if far { rows_per_chunk * a.cols.min(MAX_DEPTH) } else { 0 };
    let row_blocks = rows.div_ceil(rows_per_chunk);
    let by_columns = splits_columns(c.rows, a.cols, c.cols);
    parallel_for_scratch(panels.count() * row_blocks, copied, &|chunk, copy: &mut [f32]| {
        let _session = isa.session();
        let (row_block, panel) = match by_columns {
            true => (chunk % row_blocks, chunk / row_blocks),
            false => (chunk / panels.count(), chunk % panels.count()),
        };
        let columns = panels.columns(panel);
        let top = row_block * rows_per_chunk;
        let block = Block {
            a,
            b: match packed {
                Some(packed) => &packed[columns.start * b.rows..],
                None => b.data.get(columns.start..).unwrap_or_default(),
            },
            b_step: if packed.is_some() { columns.len() } else { b.row_stride },
            c: target,
            c_row: row_stride,
            accumulate,
        };
        // SAFETY: `gemm` checked that the matrices lie inside their slices and that the places of `c` are distinct;
        // every (rows, columns) block is run once. `isa` comes from the list of available ones.
        unsafe { block.run(isa, top..(top + rows_per_chunk).min(rows), columns, copy) };
    });
}

/// Rows of a chunk: enough that reading a panel of `b` is little beside the products, and few enough that there are some
/// chunks for each thread.
fn rows_per_chunk(rows: usize, panels: usize, work_per_row: usize, isa: TileIsa) -> usize {
    let tile = isa.max_rows(isa.max_vectors());
    let least = CHUNK_WORK / work_per_row.max(1);
    let most = rows.div_ceil(MIN_CHUNKS.div_ceil(panels.max(1))).min(MAX_ROWS);
    most.max(least).next_multiple_of(tile).clamp(tile, rows.max(tile))
}

/// Whether threads share out the columns of the result rather than its rows. Neighbouring chunks go to one thread. With rows
/// of its own, each thread needs all of `b`, of which others have packed most; with columns of its own, all of `a`, and it
/// leaves its result in pieces to whoever takes it up by rows. Less is to travel between caches: a layer's weights, of
/// which each thread then packs and reads the part that it has updated itself, are often more than the rest.
fn splits_columns(rows: usize, depth: usize, columns: usize) -> bool {
    rows * (depth + columns) < depth * columns
}

/// A part of the product: some rows, one panel of columns.
struct Block<'a> {
    a: MatrixRef<'a, f32>,
    /// From the first column of the panel on.
    b: &'a [f32],
    b_step: usize,
    c: Target,
    c_row: usize,
    accumulate: bool,
}

impl Block<'_> {
    /// # Safety
    /// `isa` is available; the rows and columns are inside the matrices, and nobody else uses their places in `c`.
    unsafe fn run(&self, isa: TileIsa, rows: Range<usize>, columns: Range<usize>, copy: &mut [f32]) {
        let depth = self.a.cols;
        let blocks = depth.div_ceil(MAX_DEPTH).max(1);
        let max_rows = isa.max_rows(columns.len().div_ceil(isa.lanes()));
        let mut first = 0;
        for left in (1..=blocks).rev() {
            let count = (depth - first).div_ceil(left);
            let a = if copy.is_empty() {
                MatrixRef { data: self.a.data.get(self.place(rows.start, first)..).unwrap_or_default(), ..self.a }
            } else {
                self.copy_columns(rows.clone(), first..first + count, copy)
            };
            for_each_tile(rows.clone(), max_rows, |row, height| {
                let tile = Tile {
                    a: a.data.as_ptr().wrapping_add((row - rows.start) * a.row_stride),
                    a_row: a.row_stride,
                    a_step: a.col_stride,
                    a_segment: 0,
                    b: self.b.as_ptr().wrapping_add(first * self.b_step),
                    b_step: self.b_step,
                    b_segment: 0,
                    segments: 1,
                    depth: count,
                    c: self.c.at(row * self.c_row + columns.start),
                    c_row: self.c_row,
                    cols: columns.len(),
                    start: if first > 0 || self.accumulate { Start::Accumulate } else { Start::Zero },
                };
                // SAFETY: passed on; the tile is within the limits of the instruction set.
                unsafe { tile.run(isa, height) };
            });
            first += count;
        }
    }

    /// Where an element of `a` is.
    fn place(&self, row: usize, column: usize) -> usize {
        row * self.a.row_stride + column * self.a.col_stride
    }

    /// A part of `a` whose rows are adjacent in memory, with its columns behind each other.
    fn copy_columns<'c>(&self, rows: Range<usize>, columns: Range<usize>, copy: &'c mut [f32]) -> MatrixRef<'c, f32> {
        let copy = &mut copy[..rows.len() * columns.len()];
        for (column, to) in columns.clone().zip(copy.chunks_exact_mut(rows.len())) {
            to.copy_from_slice(&self.a.data[self.place(rows.start, column)..][..rows.len()]);
        }
        MatrixRef { data: copy, rows: rows.len(), cols: columns.len(), row_stride: 1, col_stride: rows.len() }
    }
}

/// Copies `b` panel by panel, each `[rows, columns of the panel]` without gaps.
fn pack(panels: &Panels, b: &MatrixRef<'_, f32>) -> Buffer {
    let mut packed = Buffer::uninit(b.rows * b.cols * size_of::<f32>());
    let width = panels.columns(0).len();
    // Every panel but the last has the same width, so equal pieces of rows never cross a panel.
    let rows_per_chunk = (PACK_CHUNK / width.max(1)).max(16);
    let chunks_per_panel = b.rows.div_ceil(rows_per_chunk);
    let target = Target::new(packed.as_mut_slice::<f32>());
    parallel_for(panels.count() * chunks_per_panel, &|chunk| {
        let columns = panels.columns(chunk / chunks_per_panel);
        let first = chunk % chunks_per_panel * rows_per_chunk;
        let rows = first..(first + rows_per_chunk).min(b.rows);
        let len = rows.len() * columns.len();
        // SAFETY: the pieces of different chunks are disjoint parts of the buffer, which is large enough for all.
        let piece = unsafe {
            std::slice::from_raw_parts_mut(target.at(columns.start * b.rows + rows.start * columns.len()), len)
        };
        pack_rows(b, rows, columns, piece);
    });
    packed
}

/// Copies the rows and columns of `b` to `to`, row by row without gaps.
fn pack_rows(b: &MatrixRef<'_, f32>, rows: Range<usize>, columns: Range<usize>, to: &mut [f32]) {
    let width = columns.len();
    if b.col_stride == 1 {
        for (row, to) in rows.zip(to.chunks_exact_mut(width)) {
            to.copy_from_slice(&b.data[row * b.row_stride + columns.start..][..width]);
        }
        return;
    }
    if b.row_stride == 1 {
        let from = &b.data[columns.start * b.col_stride + rows.start..];
        return transpose_block(Isa::current(), (from, b.col_stride), (to, width), [rows.len(), width]);
    }
    // Sixteen rows at a time: what is read along a column is used before it leaves the cache.
    for (block, to) in to.chunks_mut(16 * width).enumerate() {
        let first = rows.start + block * 16;
        let height = to.len() / width;
        for (j, column) in columns.clone().enumerate() {
            let from = &b.data[first * b.row_stride + column * b.col_stride..];
            for i in 0..height {
                to[i * width + j] = from[i * b.row_stride];
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_stay_with_the_thread_that_updates_them() {
        assert!(splits_columns(128, 784, 512), "forward: the columns are rows of the weight");
        assert!(!splits_columns(512, 128, 784), "the weight's gradient: its rows");
        assert!(!splits_columns(1024, 1024, 1024), "nothing to gain");
    }

    #[test]
    fn every_instruction_set_gives_the_product() {
        for isa in Isa::available().iter().copied().map(TileIsa::F32) {
            for (m, k, n) in [(1, 1, 1), (7, 19, 5), (64, 70, 10), (33, 2100, 65), (5, 0, 3), (40, 12, 150)] {
                for transposed in [[false, false], [true, false], [false, true], [true, true]] {
                    let a: Vec<f32> = (0..m * k).map(|i| ((i * 31) % 17) as f32 - 8.0).collect();
                    let b: Vec<f32> = (0..k * n).map(|i| ((i * 29) % 13) as f32 - 6.0).collect();
                    let a = match transposed[0] {
                        true => MatrixRef::row_major(&a, k, m).transposed(),
                        false => MatrixRef::row_major(&a, m, k),
                    };
                    let b = match transposed[1] {
                        true => MatrixRef::row_major(&b, n, k).transposed(),
                        false => MatrixRef::row_major(&b, k, n),
                    };
                    let mut c = vec![3.0_f32; m * n];
                    gemm(isa, a, b, MatrixMut::row_major(&mut c, m, n), true);
                    for (i, &c) in c.iter().enumerate() {
                        let (i, j) = (i / n, i % n);
                        let product = |x: usize| {
                            a.data[i * a.row_stride + x * a.col_stride] * b.data[x * b.row_stride + j * b.col_stride]
                        };
                        // Small whole numbers: exact in any order.
                        assert_eq!(c, 3.0 + (0..k).map(product).sum::<f32>(), "{isa:?} {m} {k} {n} at {i}, {j}");
                    }
                }
            }
        }
    }
}
