//! The product in plain Rust: the specification of the fast kernels, and the path of `f64`.

use super::{MatrixMut, MatrixRef};
use crate::Element;
use crate::threads::parallel_for;

/// Columns worked on at once: the running sums of one row stay in registers.
const COLUMNS: usize = 16;
/// Multiplications one chunk should have at least.
const CHUNK_WORK: usize = 64 * 1024;

struct Target<T>(*mut T);
// SAFETY: chunks write disjoint elements through it.
unsafe impl<T: Send> Sync for Target<T> {}

impl<T> Target<T> {
    /// Taking `&self` makes closures capture the whole, which is `Sync`.
    fn at(&self, offset: usize) -> *mut T {
        self.0.wrapping_add(offset)
    }
}

/// Sizes and bounds have been checked by the caller.
pub(super) fn gemm<T: Element>(a: MatrixRef<'_, T>, b: MatrixRef<'_, T>, c: MatrixMut<'_, T>, accumulate: bool) {
    let panels = c.cols.div_ceil(COLUMNS);
    let rows_per_chunk = (CHUNK_WORK / (COLUMNS * a.cols.max(1))).clamp(1, c.rows);
    let row_chunks = c.rows.div_ceil(rows_per_chunk);
    let target = Target(c.data.as_mut_ptr());
    let (rows, cols, row_stride, col_stride) = (c.rows, c.cols, c.row_stride, c.col_stride);
    parallel_for(panels * row_chunks, &|chunk| {
        let first = chunk % panels * COLUMNS;
        let width = COLUMNS.min(cols - first);
        let top = chunk / panels * rows_per_chunk;
        for row in top..(top + rows_per_chunk).min(rows) {
            let sums = row_sums(&a, &b, row, first, width);
            for (j, &sum) in sums[..width].iter().enumerate() {
                // SAFETY: `gemm` checked that all (row, column) places are inside the slice and distinct; each is
                // visited by one chunk.
                unsafe {
                    let place = target.at(row * row_stride + (first + j) * col_stride);
                    *place = if accumulate { *place + sum } else { sum };
                }
            }
        }
    });
}

/// Row `row` of the product, columns `first..first + width`.
fn row_sums<T: Element>(
    a: &MatrixRef<'_, T>,
    b: &MatrixRef<'_, T>,
    row: usize,
    first: usize,
    width: usize,
) -> [T; COLUMNS] {
    let mut sums = [T::ZERO; COLUMNS];
    // Without columns there is nothing to read, whatever the distance between rows.
    let a_row = a.data.get(row * a.row_stride..).unwrap_or_default();
    if b.col_stride == 1 && width == COLUMNS {
        for k in 0..a.cols {
            let x = a_row[k * a.col_stride];
            let start = k * b.row_stride + first;
            for (sum, &y) in sums.iter_mut().zip(&b.data[start..start + COLUMNS]) {
                *sum += x * y;
            }
        }
        return sums;
    }
    for k in 0..a.cols {
        let x = a_row[k * a.col_stride];
        for (j, sum) in sums[..width].iter_mut().enumerate() {
            *sum += x * b.data[k * b.row_stride + (first + j) * b.col_stride];
        }
    }
    sums
}
