//! What the exercises of the two-layer network share: its parameters, data in the plane, one training run.

use ndarray::{Array2, ArrayView2, Axis, concatenate};

use crate::exercises::numbers::Numbers;
use crate::value::Value;

/// Parameters of a network with one hidden layer of tanh units and one sigmoid output; examples are columns.
#[derive(Clone, Debug)]
pub(super) struct Parameters {
    /// Weights of the hidden layer `[n1, n0]`.
    pub(super) w1: Array2<f64>,
    /// Biases of the hidden layer `[n1, 1]`.
    pub(super) b1: Array2<f64>,
    /// Weights of the output `[1, n1]`.
    pub(super) w2: Array2<f64>,
    /// Bias of the output `[1, 1]`.
    pub(super) b2: Array2<f64>,
}

impl Parameters {
    /// Random parameters with values from `-scale` to `scale`.
    pub(super) fn random(numbers: &mut Numbers, n0: usize, n1: usize, scale: f64) -> Self {
        Parameters {
            w1: numbers.reals([n1, n0], -scale, scale),
            b1: numbers.reals([n1, 1], -scale, scale),
            w2: numbers.reals([1, n1], -scale, scale),
            b2: numbers.reals([1, 1], -scale, scale),
        }
    }

    /// All zeros.
    pub(super) fn zeros(n0: usize, n1: usize) -> Self {
        Parameters {
            w1: Array2::zeros((n1, n0)),
            b1: Array2::zeros((n1, 1)),
            w2: Array2::zeros((1, n1)),
            b2: Array2::zeros((1, 1)),
        }
    }

    /// As arguments or results, in the order w1, b1, w2, b2.
    pub(super) fn values(&self) -> [Value; 4] {
        [&self.w1, &self.b1, &self.w2, &self.b2].map(|array| Value::from(array.clone()))
    }

    /// Hidden and output activations.
    pub(super) fn forward(&self, x: ArrayView2<'_, f64>) -> Activations {
        let a1 = (self.w1.dot(&x) + &self.b1).mapv(f64::tanh);
        let a2 = (self.w2.dot(&a1) + &self.b2).mapv(sigmoid);
        Activations { a1, a2 }
    }
}

/// What the forward pass leaves for the backward pass.
#[derive(Clone, Debug)]
pub(super) struct Activations {
    /// Hidden layer `[n1, m]`.
    pub(super) a1: Array2<f64>,
    /// Output `[1, m]`.
    pub(super) a2: Array2<f64>,
}

/// The logistic function; right for any argument, since dividing by infinity gives zero.
pub(super) fn sigmoid(z: f64) -> f64 {
    1.0 / (1.0 + (-z).exp())
}

/// Gradients of the mean binary cross-entropy with respect to [`Parameters`].
pub(super) fn gradients(
    x: ArrayView2<'_, f64>,
    y: ArrayView2<'_, f64>,
    activations: &Activations,
    w2: ArrayView2<'_, f64>,
) -> Parameters {
    let Activations { a1, a2 } = activations;
    let dz2 = (a2 - &y) / y.ncols() as f64;
    let dz1 = w2.t().dot(&dz2) * a1.mapv(|a| 1.0 - a * a);
    Parameters { w1: dz1.dot(&x.t()), b1: row_sums(&dz1), w2: dz2.dot(&a1.t()), b2: row_sums(&dz2) }
}

/// Sums along rows, kept as a column.
pub(super) fn row_sums(array: &Array2<f64>) -> Array2<f64> {
    array.sum_axis(Axis(1)).insert_axis(Axis(1))
}

/// The flower: two classes of `2 * half` points in all, in petals around the origin. Points and labels `[1, 2 * half]`.
pub(super) fn flower(numbers: &mut Numbers, half: usize) -> (Array2<f64>, Array2<f64>) {
    let mut class = |label: usize| {
        let mut points = Array2::zeros((2, half));
        for (index, mut point) in points.columns_mut().into_iter().enumerate() {
            let angle = 3.12 * (label as f64 + index as f64 / half as f64) + numbers.real(-0.35, 0.35);
            let radius = 4.0 * (4.0 * angle).sin() + numbers.real(-0.35, 0.35);
            point[0] = radius * angle.sin();
            point[1] = radius * angle.cos();
        }
        points
    };
    let (zeros, ones) = (class(0), class(1));
    let labels = Array2::from_shape_fn((1, 2 * half), |(_, index)| if index < half { 0.0 } else { 1.0 });
    (concatenate(Axis(1), &[zeros.view(), ones.view()]).expect("both have two rows"), labels)
}

#[cfg(test)]
mod tests {
    use striate_nn::loss::bce_with_logits;
    use striate_tensor::Tensor;

    use super::*;

    /// The same network on the toolkit's tensors.
    #[test]
    fn activations_and_gradients_equal_those_of_the_toolkit() {
        let mut numbers = Numbers::stream(7);
        let parameters = Parameters::random(&mut numbers, 3, 4, 1.0);
        let x: Array2<f64> = numbers.reals([3, 7], -2.0, 2.0);
        let y: Array2<f64> = numbers.integers([1, 7], 0, 1);
        let tensor = |array: &Array2<f64>| Tensor::from_vec(array.iter().copied().collect(), array.shape());
        let [w1, b1, w2, b2] = [&parameters.w1, &parameters.b1, &parameters.w2, &parameters.b2]
            .map(|array| tensor(array).requires_grad_(true));
        let z2 = &w2.matmul(&(&w1.matmul(&tensor(&x)) + &b1).tanh()) + &b2;
        bce_with_logits(&z2, &tensor(&y)).backward();

        let activations = parameters.forward(x.view());
        let close = |what: &str, tensor: &Tensor, array: &Array2<f64>| {
            assert_eq!(tensor.shape(), array.shape(), "{what}");
            for (a, b) in tensor.to_vec::<f64>().iter().zip(array) {
                assert!((a - b).abs() < 1e-12, "{what}: {a} and {b}");
            }
        };
        close("a2", &z2.sigmoid(), &activations.a2);
        let ours = gradients(x.view(), y.view(), &activations, parameters.w2.view());
        for (what, tensor, array) in
            [("w1", w1, ours.w1), ("b1", b1, ours.b1), ("w2", w2, ours.w2), ("b2", b2, ours.b2)]
        {
            close(what, &tensor.grad().expect("a gradient"), &array);
        }
    }
}
