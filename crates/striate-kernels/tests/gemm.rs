//! Matrix products against the triple loop.

mod common;

use common::{Values, assert_close, assert_close_f32, to_f32};
use proptest::prelude::*;
use striate_kernels::gemm::{MatrixMut, MatrixRef, gemm};

/// Strides of an `[r, c]` matrix in one of four layouts: row-major, column-major, padded rows, both apart.
fn strides(layout: usize, rows: usize, cols: usize) -> (usize, usize) {
    match layout {
        0 => (cols, 1),
        1 => (1, rows),
        2 => (cols + 3, 1),
        _ => (2 * cols + 1, 2),
    }
}

fn case(m: usize, k: usize, n: usize, layouts: [usize; 3], accumulate: bool, seed: u64) {
    let mut values = Values(seed);
    let (ar, ac) = strides(layouts[0], m, k);
    let (br, bc) = strides(layouts[1], k, n);
    let (cr, cc) = strides(layouts[2], m, n);
    let a = values.f64(m * ar + k * ac);
    let b = values.f64(k * br + n * bc);
    let before = values.f64(m * cr + n * cc);
    let mut expected = before.clone();
    for i in 0..m {
        for j in 0..n {
            let sum: f64 = (0..k).map(|x| a[i * ar + x * ac] * b[x * br + j * bc]).sum();
            let place = &mut expected[i * cr + j * cc];
            *place = if accumulate { *place + sum } else { sum };
        }
    }
    let mut c = before.clone();
    gemm(
        MatrixRef { data: &a, rows: m, cols: k, row_stride: ar, col_stride: ac },
        MatrixRef { data: &b, rows: k, cols: n, row_stride: br, col_stride: bc },
        MatrixMut { data: &mut c, rows: m, cols: n, row_stride: cr, col_stride: cc },
        accumulate,
    );
    assert_close(&c, &expected, 1e-12);
    let (a, b, mut c) = (to_f32(&a), to_f32(&b), to_f32(&before));
    gemm(
        MatrixRef { data: &a, rows: m, cols: k, row_stride: ar, col_stride: ac },
        MatrixRef { data: &b, rows: k, cols: n, row_stride: br, col_stride: bc },
        MatrixMut { data: &mut c, rows: m, cols: n, row_stride: cr, col_stride: cc },
        accumulate,
    );
    assert_close_f32(&c, &expected, 2e-6 * (k as f64 + 4.0).sqrt());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    #[test]
    fn equals_the_triple_loop(
        m in 0_usize..70, k in 0_usize..70, n in 0_usize..70,
        la in 0_usize..4, lb in 0_usize..4, lc in 0_usize..4, accumulate: bool, seed: u64,
    ) {
        case(m, k, n, [la, lb, lc], accumulate, seed);
    }
}

#[test]
fn large_sizes_cross_every_block() {
    for (m, k, n) in [(300, 700, 130), (1, 1500, 65), (1000, 3, 17), (64, 784, 10), (33, 129, 257)] {
        for layouts in [[0, 0, 0], [1, 0, 0], [0, 1, 1], [1, 1, 3], [3, 3, 2]] {
            case(m, k, n, layouts, layouts[0] == 1, 7);
        }
    }
}

#[test]
fn repeated_rows_have_stride_zero() {
    let a = [1.0_f32, 2.0, 3.0];
    let b: Vec<f32> = (0..6).map(|x| x as f32).collect();
    let mut c = [0.0_f32; 8];
    gemm(
        MatrixRef { data: &a, rows: 4, cols: 3, row_stride: 0, col_stride: 1 },
        MatrixRef::row_major(&b, 3, 2),
        MatrixMut::row_major(&mut c, 4, 2),
        false,
    );
    assert_eq!(c, [16.0, 22.0, 16.0, 22.0, 16.0, 22.0, 16.0, 22.0]);
}

#[test]
fn nan_stays_in_its_row_and_zero_times_infinity_is_nan() {
    let (m, k, n) = (9, 20, 33);
    let mut a = vec![1.0_f32; m * k];
    let mut b = vec![1.0_f32; k * n];
    a[4 * k + 7] = f32::NAN;
    a[6 * k + 2] = 0.0;
    b[2 * n + 5] = f32::INFINITY;
    let mut c = vec![0.0_f32; m * n];
    gemm(MatrixRef::row_major(&a, m, k), MatrixRef::row_major(&b, k, n), MatrixMut::row_major(&mut c, m, n), false);
    for (i, &value) in c.iter().enumerate() {
        match (i / n, i % n) {
            (4, _) | (6, 5) => assert!(value.is_nan()),
            (_, 5) => assert_eq!(value, f32::INFINITY),
            (6, _) => assert_eq!(value, 19.0),
            _ => assert_eq!(value, 20.0),
        }
    }
}

#[test]
#[should_panic(expected = "gemm: a reaches past its slice")]
fn a_short_slice_is_refused() {
    let mut c = [0.0_f32; 4];
    gemm(
        MatrixRef::row_major(&[1.0], 2, 2),
        MatrixRef::row_major(&[0.0; 4], 2, 2),
        MatrixMut::row_major(&mut c, 2, 2),
        false,
    );
}

#[test]
#[should_panic(expected = "gemm: elements of c share a place")]
fn an_overlapping_result_is_refused() {
    let mut c = [0.0_f32; 8];
    let c = MatrixMut { data: &mut c, rows: 3, cols: 3, row_stride: 1, col_stride: 1 };
    gemm(MatrixRef::row_major(&[1.0; 9], 3, 3), MatrixRef::row_major(&[0.0; 9], 3, 3), c, false);
}

#[test]
fn a_sum_of_nothing_is_zero_whatever_the_strides() {
    fn check<T: striate_kernels::Element>() {
        let empty = MatrixRef { data: &[] as &[T], rows: 5, cols: 0, row_stride: 3, col_stride: 2 };
        let mut c = [T::ONE; 15];
        gemm(empty, MatrixRef { cols: 3, rows: 0, ..empty }, MatrixMut::row_major(&mut c, 5, 3), false);
        assert_eq!(c, [T::ZERO; 15]);
    }
    check::<f32>();
    check::<f64>();
}

#[test]
fn holds_for_the_plainer_instruction_sets() {
    common::run_again_with_plainer_instruction_sets("holds_for_the_plainer_instruction_sets");
}
