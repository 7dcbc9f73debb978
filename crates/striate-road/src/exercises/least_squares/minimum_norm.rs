//! Least squares by way of singular values, and the ways that fail.

use ndarray::{Array1, Array2, ArrayView1, ArrayView2};

use crate::exercises::singular_value_decomposition::svd::{Svd, svd};

/// The `x` that makes `|a x - b|^2 + penalty |x|^2` least, the shortest if there are several. Singular values up to
/// `relative` times the largest count as zero.
pub(super) fn solve(a: ArrayView2<'_, f64>, b: ArrayView1<'_, f64>, penalty: f64, relative: f64) -> Array1<f64> {
    let all = svd(a);
    let Svd { u, s, vt } = all.first(all.rank(relative));
    let coordinates = u.t().dot(&b) * s.mapv(|s| s / (s * s + penalty));
    vt.t().dot(&coordinates)
}

/// Gaussian elimination with partial pivoting; `None` where a pivot is exactly zero, as LAPACK has it.
pub(super) fn eliminate(a: ArrayView2<'_, f64>, b: ArrayView1<'_, f64>) -> Option<Array1<f64>> {
    let n = a.nrows();
    let mut rows: Vec<Vec<f64>> =
        a.rows().into_iter().zip(b).map(|(row, &b)| [row.to_vec(), vec![b]].concat()).collect();
    for column in 0..n {
        let pivot = (column..n).max_by(|&i, &j| rows[i][column].abs().total_cmp(&rows[j][column].abs()))?;
        rows.swap(column, pivot);
        let (done, rest) = rows.split_at_mut(column + 1);
        let pivot_row = &done[column];
        if pivot_row[column] == 0.0 {
            return None;
        }
        for row in rest {
            let factor = row[column] / pivot_row[column];
            row.iter_mut().zip(pivot_row).skip(column).for_each(|(x, p)| *x -= factor * p);
        }
    }
    let mut x = Array1::zeros(n);
    for i in (0..n).rev() {
        let known: f64 = (i + 1..n).map(|j| rows[i][j] * x[j]).sum();
        x[i] = (rows[i][n] - known) / rows[i][i];
    }
    Some(x)
}

/// The first columns that are independent of those before them, by index.
pub(super) fn independent_columns(a: &Array2<f64>) -> Vec<usize> {
    let mut chosen: Vec<usize> = Vec::new();
    for column in 0..a.ncols() {
        chosen.push(column);
        let rank = svd(a.select(ndarray::Axis(1), &chosen).view()).rank(1e-10);
        if rank < chosen.len() {
            chosen.pop();
        }
    }
    chosen
}
