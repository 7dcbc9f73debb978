//! Principal components of a cloud of points, and clouds to find them in.

use ndarray::{Array1, Array2, ArrayView2, Axis};

use crate::exercises::numbers::Numbers;
use crate::exercises::singular_value_decomposition::svd::{Svd, svd, with_singular_values};

/// A cloud's mean, its axes in rows, strongest first, and the variance along each.
pub(super) struct Components {
    pub(super) mean: Array1<f64>,
    pub(super) axes: Array2<f64>,
    pub(super) variances: Array1<f64>,
}

/// All components that the singular values of the centred cloud give: as many as the smaller of N and D.
pub(super) fn components(x: ArrayView2<'_, f64>) -> Components {
    let mean = mean(x);
    let Components { axes, variances, .. } = components_around(x, &mean);
    Components { mean, axes, variances }
}

/// The components of the cloud as seen from a point that need not be its mean.
pub(super) fn components_around(x: ArrayView2<'_, f64>, point: &Array1<f64>) -> Components {
    let Svd { s, vt, .. } = svd((&x - point).view());
    let degrees_of_freedom = x.nrows() as f64 - 1.0;
    Components { mean: point.clone(), axes: vt, variances: s.mapv(|s| s * s / degrees_of_freedom) }
}

/// The mean of each feature.
pub(super) fn mean(x: ArrayView2<'_, f64>) -> Array1<f64> {
    x.mean_axis(Axis(0)).expect("there are examples")
}

/// `n` points in `d` dimensions with these spreads along axes that point anywhere, far from zero.
pub(super) fn cloud(numbers: &mut Numbers, [n, d]: [usize; 2], spreads: &[f64]) -> Array2<f64> {
    let offset: Array1<f64> = numbers.reals(d, 1.0, 6.0);
    with_singular_values(numbers, [n, d], spreads) + &offset
}
