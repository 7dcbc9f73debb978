//! Means, variances and the backward pass of a normalisation: what the exercises of the station share.

use ndarray::{Array, Array1, Array2, ArrayView, ArrayView1, Axis, Dimension};
use striate_tensor::{BatchNormOptions, Tensor};

/// Mean and variance of every column.
pub(crate) type Moments = (Array1<f64>, Array1<f64>);

/// Mean and variance (divided by the number of rows) of every column.
pub(crate) fn moments(x: &Array2<f64>) -> Moments {
    let rows = x.nrows() as f64;
    let mean = x.sum_axis(Axis(0)) / rows;
    let var = (x - &mean).mapv(|d| d * d).sum_axis(Axis(0)) / rows;
    (mean, var)
}

/// How the gradient of a normalisation is made; every misconception is one wrong setting.
#[derive(Clone, Copy)]
pub(crate) struct Backward {
    /// Taken off the number of rows in the variance.
    pub(crate) ddof: f64,
    /// What the numbers are divided by.
    pub(crate) deviation: fn(f64, f64) -> f64,
    /// What the sums over the rows are divided by: `None` for their number.
    pub(crate) count: Option<f64>,
    /// Factor of the path through the mean.
    pub(crate) mean_path: f64,
    /// Factor of the path through the variance.
    pub(crate) variance_path: f64,
}

/// The right one.
pub(crate) const BACKWARD: Backward =
    Backward { ddof: 0.0, deviation: |var, eps| (var + eps).sqrt(), count: None, mean_path: 1.0, variance_path: 1.0 };

impl Backward {
    /// Gradient with respect to `x` when every column is normalised, from the gradient with respect to the normalised
    /// numbers; and those numbers.
    pub(crate) fn through(&self, dxhat: &Array2<f64>, x: &Array2<f64>, eps: f64) -> (Array2<f64>, Array2<f64>) {
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

/// Gradients of the toolkit's layer in training: with respect to x, gamma and beta.
pub(super) fn toolkit_backward<D: Dimension>(
    dout: ArrayView<'_, f64, D>,
    x: ArrayView<'_, f64, D>,
    gamma: ArrayView1<'_, f64>,
    eps: f64,
) -> (Array<f64, D>, Array1<f64>, Array1<f64>) {
    let inputs = [tensor(x), tensor(gamma), Tensor::from_vec(vec![0.0; gamma.len()], gamma.shape())];
    let [x, gamma, beta] = inputs.map(|input| input.requires_grad_(true));
    let options = BatchNormOptions { eps, ..BatchNormOptions::default() };
    x.batch_norm(None, Some((&gamma, &beta)), options).backward_with(&tensor(dout.view()));
    let gradient = |of: &Tensor| of.grad().expect("a layer has gradients with respect to all it takes");
    (array(&gradient(&x), dout.raw_dim()), vector(&gradient(&gamma)), vector(&gradient(&beta)))
}

/// A tensor of the toolkit.
pub(super) fn tensor<D: Dimension>(array: ArrayView<'_, f64, D>) -> Tensor {
    Tensor::from_vec(array.iter().copied().collect(), array.shape())
}

/// An array of a tensor's numbers.
pub(super) fn array<D: Dimension>(tensor: &Tensor, shape: D) -> Array<f64, D> {
    Array::from_shape_vec(shape, tensor.to_vec::<f64>()).expect("a tensor of that shape")
}

/// An array with one axis of a tensor's numbers.
pub(super) fn vector(tensor: &Tensor) -> Array1<f64> {
    Array1::from_vec(tensor.to_vec::<f64>())
}

#[cfg(test)]
pub(super) mod tests {
    use crate::exercise::{Behaviour, Exercise, Outcome};
    use crate::value::Value;

    /// The rule that every misconception changes in one place is the toolkit's where it is not changed.
    #[track_caller]
    pub(crate) fn assert_equals_the_toolkit(exercise: &Exercise, rule: Behaviour) {
        for probe in (exercise.probes)() {
            let what = format!("{}, {}", exercise.id, probe.label);
            match ((exercise.reference)(&probe.arguments), rule(&probe.arguments)) {
                (Outcome::Value(toolkit), Outcome::Value(own)) => assert_near(&toolkit, &own, &what),
                (Outcome::Rejects(_), Outcome::Rejects(_)) => {}
                (toolkit, own) => panic!("{what}: {toolkit:?} and {own:?}"),
            }
        }
    }

    fn assert_near(toolkit: &Value, own: &Value, what: &str) {
        match (toolkit, own) {
            (Value::Tuple(toolkit), Value::Tuple(own)) => {
                assert_eq!(toolkit.len(), own.len(), "{what}");
                toolkit.iter().zip(own).for_each(|(toolkit, own)| assert_near(toolkit, own, what));
            }
            (Value::Array(toolkit), Value::Array(own)) => {
                assert_eq!(toolkit.shape(), own.shape(), "{what}");
                let near = |(a, b): (&f64, &f64)| (a - b).abs() <= 1e-10 * (1.0 + a.abs());
                assert!(toolkit.to_f64().iter().zip(&own.to_f64()).all(near), "{what}: {toolkit:?} and {own:?}");
            }
            other => panic!("{what}: {other:?}"),
        }
    }
}
