//! The tiled product of every instruction set against the plain one.

use proptest::prelude::*;

use super::{MatrixMut, MatrixRef, generic, tiled};
use crate::arch::{Isa, TileIsa};
use crate::test_values::{assert_same, palettes};

/// Miri is slow.
const CASES: u32 = if cfg!(miri) { 6 } else { 200 };

/// Distances between rows and columns of a matrix, and the elements it takes.
fn strides(rows: usize, cols: usize, order: usize, gap: usize) -> (usize, usize, usize) {
    let (row, col) = match order {
        0 => (cols + gap, 1),
        1 => (1, rows + gap),
        2 => (2 * cols + gap, 2),
        // Repeated rows.
        _ => (0, 1),
    };
    let len = if rows * cols == 0 { 0 } else { (rows - 1) * row + (cols - 1) * col + 1 };
    (row, col, len)
}

fn matrix(data: &mut [f32], [rows, cols]: [usize; 2], row_stride: usize) -> MatrixMut<'_, f32> {
    MatrixMut { data, rows, cols, row_stride, col_stride: 1 }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(CASES) })]
    #[test]
    fn tiled_equals_plain(
        m in 1_usize..60, n in 1_usize..140, k in 0_usize..80, orders in [0_usize..4, 0_usize..4],
        a_gap in prop_oneof![0_usize..4, 1020_usize..1028], gaps in [0_usize..300, 0_usize..4], accumulate: bool, palette in palettes(), seed: usize,
    ) {
        let (a_row, a_col, a_len) = strides(m, k, orders[0], a_gap);
        let (b_row, b_col, b_len) = strides(k, n, orders[1], gaps[0]);
        let (c_row, _, c_len) = strides(m, n, 0, gaps[1]);
        let (a, b) = (palette.left_values(a_len, seed), palette.values(b_len, seed ^ 1));
        let a = MatrixRef { data: &a, rows: m, cols: k, row_stride: a_row, col_stride: a_col };
        let b = MatrixRef { data: &b, rows: k, cols: n, row_stride: b_row, col_stride: b_col };
        let c = palette.left_values(c_len, seed ^ 2);
        let mut expected = c.clone();
        generic::gemm(a, b, matrix(&mut expected, [m, n], c_row), accumulate);
        for isa in Isa::available().iter().copied().map(TileIsa::F32) {
            let mut c = c.clone();
            tiled::gemm(isa, a, b, matrix(&mut c, [m, n], c_row), accumulate);
            assert_same(&c, &expected, format_args!("{isa:?} {m} {k} {n}"));
        }
    }
}

/// Long sums are cut, and the part of `a` that is copied with them.
#[test]
#[cfg_attr(miri, ignore = "Miri is slow, and the property covers the copy")]
fn columns_far_apart_in_a_long_sum() {
    let [m, k, n, far] = [19, 2100, 40, 1040];
    let value = |i: usize| ((i * 31) % 17) as f32 - 8.0;
    let (a, b): (Vec<f32>, Vec<f32>) = ((0..k * far).map(value).collect(), (0..k * n).map(value).collect());
    let a = MatrixRef { data: &a, rows: m, cols: k, row_stride: 1, col_stride: far };
    let b = MatrixRef::row_major(&b, k, n);
    let mut expected = vec![0.0; m * n];
    generic::gemm(a, b, matrix(&mut expected, [m, n], n), false);
    for isa in Isa::available().iter().copied().map(TileIsa::F32) {
        let mut c = vec![f32::NAN; m * n];
        tiled::gemm(isa, a, b, matrix(&mut c, [m, n], n), false);
        // Small whole numbers: exact in any order.
        assert_eq!(c, expected, "{isa:?}");
    }
}
