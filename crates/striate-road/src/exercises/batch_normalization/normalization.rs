//! Means, variances and the backward pass of a normalisation: what the exercises of the station share.

use ndarray::{Array1, Array2, Axis};

/// Mean and variance of every column.
pub(super) type Moments = (Array1<f64>, Array1<f64>);

/// Mean and variance (divided by the number of rows) of every column.
pub(super) fn moments(x: &Array2<f64>) -> Moments {
    let rows = x.nrows() as f64;
    let mean = x.sum_axis(Axis(0)) / rows;
    let var = (x - &mean).mapv(|d| d * d).sum_axis(Axis(0)) / rows;
    (mean, var)
}

/// How the gradient of a normalisation is made; every misconception is one wrong setting.
#[derive(Clone, Copy)]
pub(super) struct Backward {
    /// Taken off the number of rows in the variance.
    pub(super) ddof: f64,
    /// What the numbers are divided by.
    pub(super) deviation: fn(f64, f64) -> f64,
    /// What the sums over the rows are divided by: `None` for their number.
    pub(super) count: Option<f64>,
    /// Factor of the path through the mean.
    pub(super) mean_path: f64,
    /// Factor of the path through the variance.
    pub(super) variance_path: f64,
}

/// The right one.
pub(super) const BACKWARD: Backward =
    Backward { ddof: 0.0, deviation: |var, eps| (var + eps).sqrt(), count: None, mean_path: 1.0, variance_path: 1.0 };

impl Backward {
    /// Gradient with respect to `x` when every column is normalised, from the gradient with respect to the normalised
    /// numbers; and those numbers.
    pub(super) fn through(&self, dxhat: &Array2<f64>, x: &Array2<f64>, eps: f64) -> (Array2<f64>, Array2<f64>) {
        let rows = x.nrows() as f64;
        let (mean, var) = moments(x);
        let deviation = var.mapv(|var| (self.deviation)(var * rows / (rows - self.ddof), eps));
        let xhat = (x - &mean) / &deviation;
        let count = self.count.unwrap_or(rows);
        let of_mean = dxhat.sum_axis(Axis(0)) * (self.mean_path / count);
        let of_variance = (dxhat * &xhat).sum_axis(Axis(0)) * (self.variance_path / count);
        let dx = (dxhat - &of_mean - &xhat * &of_variance) / &deviation;
        (dx, xhat)
    }
}
