//! Copies that change the order of elements in memory.

use bytemuck::Pod;

use crate::Element;
use crate::arch::Isa;
use crate::threads::parallel_chunks_mut;

/// Elements one chunk copies, about.
const CHUNK_LEN: usize = 32 * 1024;

// Kernels reach memory through addresses computed from sizes up to `MAX_SIZE`: their products need 64 bits.
#[cfg(not(target_pointer_width = "64"))]
compile_error!("Striate needs a target with 64-bit addresses");

/// The largest size of an axis, kernel, stride, padding or dilation: with it no sum or product of two of them overflows.
pub(crate) const MAX_SIZE: usize = 1 << 31;

/// The number of elements of an array.
///
/// # Panics
/// If it is beyond `usize`: kernels read and write through addresses, so a length that wrapped around must not pass.
pub(crate) fn element_count(sizes: &[usize]) -> usize {
    let count = sizes.iter().try_fold(1_usize, |count, &size| count.checked_mul(size));
    count.unwrap_or_else(|| panic!("an array of {sizes:?} elements is larger than the address space"))
}

/// `out[n, c, r] = x[n, r, c]`: transposes each of `batch` matrices of `rows` by `columns`.
///
/// With `rows = h * w` and `columns = channels` this brings NHWC to NCHW, with `rows = channels` and `columns = h * w` it
/// brings NCHW to NHWC.
///
/// # Panics
/// If a length does not fit.
pub fn transpose<T: Element>(x: &[T], batch: usize, rows: usize, columns: usize, out: &mut [T]) {
    assert!(x.len() == element_count(&[batch, rows, columns]) && out.len() == x.len(), "transpose: lengths");
    if out.is_empty() {
        return;
    }
    let matrix = rows * columns;
    if rows == 1 || columns == 1 {
        return parallel_chunks_mut(out, CHUNK_LEN, &|chunk, out| {
            out.copy_from_slice(&x[chunk * CHUNK_LEN..][..out.len()]);
        });
    }
    let matrices = (CHUNK_LEN / matrix).max(1);
    parallel_chunks_mut(out, matrices * matrix, &|chunk, out| {
        let x = &x[chunk * matrices * matrix..][..out.len()];
        for (x, out) in x.chunks_exact(matrix).zip(out.chunks_exact_mut(matrix)) {
            transpose_block(Isa::current(), (x, columns), (out, rows), [columns, rows]);
        }
    });
}

/// `to[i * to_row + j] = from[j * from_row + i]` for `i < height`, `j < width`: one matrix out of a larger array, on the calling
/// thread.
///
/// # Panics
/// If an element lies outside its slice.
pub fn transpose_matrix<T: Pod>(from: (&[T], usize), to: (&mut [T], usize), size: [usize; 2]) {
    transpose_block(Isa::current(), from, to, size);
}

/// [`transpose_matrix`] by the instruction set.
pub(crate) fn transpose_block<T: Pod>(
    isa: Isa,
    (from, from_row): (&[T], usize),
    (to, to_row): (&mut [T], usize),
    [height, width]: [usize; 2],
) {
    /// Sides of a tile: the cache lines of both arrays are used whole while they are at hand.
    const TILE: usize = 16;
    let mut whole = [0, 0];
    if size_of::<T>() == size_of::<f32>()
        && let (Ok(from), Ok(to)) = (bytemuck::try_cast_slice(from), bytemuck::try_cast_slice_mut(to))
    {
        whole = crate::arch::transpose_tiles(isa, (from, from_row), (to, to_row), [height, width]);
    }
    // What is left: rows below the tiles, columns beside them.
    for (top, left) in (0..height).step_by(TILE).flat_map(|top| (0..width).step_by(TILE).map(move |left| (top, left))) {
        for i in top..height.min(top + TILE) {
            let first = if i < whole[0] { whole[1].max(left) } else { left };
            for j in first..width.min(left + TILE) {
                to[i * to_row + j] = from[j * from_row + i];
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_instruction_set_transposes() {
        for &isa in Isa::available() {
            for (height, width) in [(1, 1), (8, 8), (7, 20), (16, 8), (33, 25), (64, 9)] {
                let (from_row, to_row) = (height + 3, width + 2);
                let from: Vec<f32> = (0..width * from_row).map(|i| i as f32).collect();
                let mut to = vec![-1.0; height * to_row];
                transpose_block(isa, (&from, from_row), (&mut to, to_row), [height, width]);
                for (at, &value) in to.iter().enumerate() {
                    let (i, j) = (at / to_row, at % to_row);
                    let expected = if j < width { from[j * from_row + i] } else { -1.0 };
                    assert_eq!(value, expected, "{isa:?} {height}x{width} at {i}, {j}");
                }
            }
        }
    }

    #[test]
    fn twice_is_the_identity() {
        for (batch, rows, columns) in [(0, 3, 4), (1, 1, 70_000), (5, 28 * 28, 3), (3, 16, 144), (2, 300, 300)] {
            let x: Vec<f64> = (0..batch * rows * columns).map(|i| i as f64).collect();
            let x32: Vec<f32> = x.iter().map(|&x| x as f32).collect();
            let (mut once, mut twice) = (vec![0.0; x.len()], vec![0.0; x.len()]);
            transpose(&x, batch, rows, columns, &mut once);
            transpose(&once, batch, columns, rows, &mut twice);
            assert_eq!(twice, x);
            let (mut once32, mut twice32) = (vec![0.0; x.len()], vec![0.0; x.len()]);
            transpose(&x32, batch, rows, columns, &mut once32);
            assert!(once32.iter().zip(&once).all(|(a, b)| f64::from(*a) == *b));
            transpose(&once32, batch, columns, rows, &mut twice32);
            assert_eq!(twice32, x32);
        }
    }
}
