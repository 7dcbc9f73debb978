//! Products of bf16 matrices, summed in `f32`: the matrices are brought to words of two neighbours in the sum, the rest is
//! the tiled product.

use half::bf16;

use super::{MatrixMut, MatrixRef, check, is_transposed, tiled};
use crate::arch::TileIsa;
use crate::bf16::{Words, as_words, interleave_rows, row_words};
use crate::memory::Buffer;

/// `c = a * b`, or `c += a * b` when `accumulate`, for bf16 `a` `[m, k]` and `b` `[k, n]`: products and sums are `f32`.
///
/// ```
/// use striate_kernels::bf16::bf16;
/// use striate_kernels::gemm::{MatrixMut, MatrixRef, gemm_bf16};
/// let a = [1.0, 2.0, 3.0, 4.0].map(bf16::from_f32);
/// let b = [5.0, 6.0].map(bf16::from_f32);
/// let mut c = [0.0_f32; 2];
/// gemm_bf16(MatrixRef::row_major(&a, 2, 2), MatrixRef::row_major(&b, 2, 1), MatrixMut::row_major(&mut c, 2, 1), false);
/// assert_eq!(c, [17.0, 39.0]);
/// ```
///
/// # Panics
/// As [`gemm`](super::gemm).
pub fn gemm_bf16(a: MatrixRef<'_, bf16>, b: MatrixRef<'_, bf16>, c: MatrixMut<'_, f32>, accumulate: bool) {
    check(&a, &b, &c);
    gemm_with(TileIsa::bf16(), a, b, c, accumulate);
}

/// [`gemm_bf16`] with a row-major result that begins with `bias` (`[n]`) in each row, or zero, and is rounded to bf16.
///
/// # Panics
/// As [`gemm_bf16`]; if the bias has another length than the rows of the result.
pub fn gemm_bf16_rounded(a: MatrixRef<'_, bf16>, b: MatrixRef<'_, bf16>, bias: Option<&[f32]>, c: &mut [bf16]) {
    let (rows, cols) = (a.rows, b.cols);
    let mut sums = Buffer::uninit(rows * cols * size_of::<f32>());
    let sums = sums.as_mut_slice::<f32>();
    if let Some(bias) = bias {
        assert_eq!(bias.len(), cols, "gemm: length of the bias");
        sums.chunks_exact_mut(cols.max(1)).for_each(|row| row.copy_from_slice(bias));
    }
    gemm_bf16(a, b, MatrixMut::row_major(sums, rows, cols), bias.is_some());
    crate::bf16::round(sums, c);
}

fn gemm_with(isa: TileIsa, a: MatrixRef<'_, bf16>, b: MatrixRef<'_, bf16>, c: MatrixMut<'_, f32>, accumulate: bool) {
    if c.rows == 0 || c.cols == 0 {
        return;
    }
    if is_transposed(&c) {
        return gemm_with(isa, b.transposed(), a.transposed(), c.transposed(), accumulate);
    }
    if c.col_stride != 1 && c.cols != 1 {
        return gemm_scattered(isa, a, b, c, accumulate);
    }
    let c = MatrixMut { col_stride: 1, ..c };
    let depth = a.cols.div_ceil(2);
    let (a, b) = (pair_columns(a), pair_columns(b.transposed()));
    let a = MatrixRef { data: a.words.get(), rows: c.rows, cols: depth, row_stride: a.row, col_stride: a.col };
    let b = MatrixRef { data: b.words.get(), rows: depth, cols: c.cols, row_stride: b.col, col_stride: b.row };
    tiled::gemm(isa, a, b, c, accumulate);
}

/// For a `c` without adjacent elements: through a dense one.
fn gemm_scattered(
    isa: TileIsa,
    a: MatrixRef<'_, bf16>,
    b: MatrixRef<'_, bf16>,
    c: MatrixMut<'_, f32>,
    accumulate: bool,
) {
    let mut sums = Buffer::uninit(c.rows * c.cols * size_of::<f32>());
    let sums = sums.as_mut_slice::<f32>();
    gemm_with(isa, a, b, MatrixMut::row_major(sums, c.rows, c.cols), false);
    for (row, sums) in sums.chunks_exact(c.cols).enumerate() {
        for (col, &sum) in sums.iter().enumerate() {
            let place = &mut c.data[row * c.row_stride + col * c.col_stride];
            *place = if accumulate { *place + sum } else { sum };
        }
    }
}

/// A matrix of words: the pairs of neighbouring columns of a bf16 matrix.
struct Pairs<'a> {
    words: Words<'a>,
    row: usize,
    col: usize,
}

fn pair_columns(m: MatrixRef<'_, bf16>) -> Pairs<'_> {
    let words = m.cols.div_ceil(2);
    if m.col_stride == 1
        && m.cols.is_multiple_of(2)
        && (m.row_stride.is_multiple_of(2) || m.rows == 1)
        && let Some(in_place) = as_words(m.data)
    {
        return Pairs { words: Words::InPlace(in_place), row: m.row_stride / 2, col: 1 };
    }
    if m.col_stride == 1 && m.row_stride == m.cols {
        return Pairs { words: row_words(&m.data[..m.rows * m.cols], m.cols), row: words, col: 1 };
    }
    if m.row_stride == 1 || m.rows == 1 {
        let words = interleave_rows(m.data, m.cols, m.rows, m.col_stride);
        return Pairs { words: Words::Copied(words), row: 1, col: m.rows };
    }
    let mut buffer = Buffer::uninit(m.rows * words * size_of::<f32>());
    crate::threads::parallel_chunks_mut(buffer.as_mut_slice::<bf16>(), (words * 2).max(1), &|row, out| {
        for (col, out) in out.iter_mut().enumerate() {
            *out = if col < m.cols { m.data[row * m.row_stride + col * m.col_stride] } else { bf16::ZERO };
        }
    });
    Pairs { words: Words::Copied(buffer), row: words, col: 1 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arch::Bf16Isa;

    #[test]
    fn every_instruction_set_gives_the_product() {
        let values = |len: usize, modulus: usize| -> Vec<bf16> {
            (0..len).map(|i| bf16::from_f32(((i * 31) % modulus) as f32 - 6.0)).collect()
        };
        for isa in Bf16Isa::available().iter().copied().map(TileIsa::Bf16) {
            for (m, k, n) in [(1, 1, 1), (7, 19, 5), (64, 70, 10), (33, 2102, 65), (5, 0, 3), (40, 13, 150)] {
                for layout in 0..8 {
                    let (a, b) = (values(m * k * 2 + 1, 17), values(k * n * 2, 13));
                    // Row-major, column-major, and with gaps.
                    let a = match layout & 1 {
                        1 => MatrixRef::row_major(&a, k, m).transposed(),
                        _ if layout == 6 => MatrixRef { data: &a, rows: m, cols: k, row_stride: 2 * k, col_stride: 2 },
                        _ => MatrixRef::row_major(&a[1..], m, k),
                    };
                    let b = match layout & 2 {
                        2 => MatrixRef::row_major(&b, n, k).transposed(),
                        _ => MatrixRef::row_major(&b, k, n),
                    };
                    let mut c = vec![3.0_f32; m * n];
                    let target = match layout & 4 {
                        4 => MatrixMut::row_major(&mut c, n, m).transposed(),
                        _ => MatrixMut::row_major(&mut c, m, n),
                    };
                    gemm_with(isa, a, b, target, true);
                    for (i, &c) in c.iter().enumerate() {
                        let (i, j) = if layout & 4 == 4 { (i % m, i / m) } else { (i / n, i % n) };
                        let product = |x: usize| {
                            let x = (
                                a.data[i * a.row_stride + x * a.col_stride],
                                b.data[x * b.row_stride + j * b.col_stride],
                            );
                            x.0.to_f32() * x.1.to_f32()
                        };
                        // Small whole numbers: exact in any order.
                        let sum = 3.0 + (0..k).map(product).sum::<f32>();
                        assert_eq!(c, sum, "{isa:?} {m} {k} {n} {layout} at {i}, {j}");
                    }
                }
            }
        }
    }
}
