//! Means and standard deviations of the columns of a table, which several exercises subtract and divide by.

use ndarray::{Array1, ArrayView2, Axis};

/// How mean and divisor of each column are found.
pub(super) type Scaling = fn(ArrayView2<'_, f64>) -> (Array1<f64>, Array1<f64>);

/// The mean of each column.
pub(super) fn means(x: ArrayView2<'_, f64>) -> Array1<f64> {
    x.sum_axis(Axis(0)) / x.nrows() as f64
}

/// The root of the sum of squared deviations over `rows - correction`, for each column.
pub(super) fn deviations(x: ArrayView2<'_, f64>, correction: f64) -> Array1<f64> {
    let centred = &x - &means(x);
    (centred.mapv(|d| d * d).sum_axis(Axis(0)) / (x.nrows() as f64 - correction)).mapv(f64::sqrt)
}

/// Divisors from deviations: 1 for a column that is constant.
pub(super) fn or_one(deviations: Array1<f64>) -> Array1<f64> {
    deviations.mapv(|s| if s > 0.0 { s } else { 1.0 })
}
