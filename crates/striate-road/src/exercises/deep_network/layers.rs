//! A network of any number of layers whose parameters are one vector; examples are columns.

use ndarray::{Array1, Array2, ArrayView1, ArrayView2, Axis, ShapeBuilder, concatenate, s};

use crate::exercises::numbers::Numbers;
use crate::value::Value;

/// How the parameters of a layer lie in the vector.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Layout {
    /// The weights row by row, then the biases: what the exercises ask for.
    RowsThenBiases,
    /// The weights column by column, then the biases.
    ColumnsThenBiases,
    /// The biases, then the weights row by row.
    BiasesThenRows,
}

/// Weights `[n_out, n_in]` and biases `[n_out, 1]`.
#[derive(Clone, Debug)]
pub(super) struct Layer {
    /// Weights.
    pub(super) weights: Array2<f64>,
    /// Biases, a column.
    pub(super) biases: Array2<f64>,
}

/// The number of parameters of a network.
pub(super) fn count(dims: &[usize]) -> usize {
    dims.windows(2).map(|pair| pair[1] * (pair[0] + 1)).sum()
}

/// The layers in a vector of parameters.
pub(super) fn unpack(dims: &[usize], theta: ArrayView1<'_, f64>, layout: Layout) -> Vec<Layer> {
    let mut used = 0;
    let mut take = |length: usize| {
        used += length;
        theta.slice(s![used - length..used]).to_vec()
    };
    let full = "the vector holds as many numbers";
    dims.windows(2)
        .map(|pair| {
            let shape = (pair[1], pair[0]);
            let (weights, biases) = match layout {
                Layout::BiasesThenRows => {
                    let biases = take(shape.0);
                    (take(shape.0 * shape.1), biases)
                }
                _ => (take(shape.0 * shape.1), take(shape.0)),
            };
            let weights = if layout == Layout::ColumnsThenBiases {
                Array2::from_shape_vec(shape.f(), weights)
            } else {
                Array2::from_shape_vec(shape, weights)
            };
            Layer { weights: weights.expect(full), biases: Array2::from_shape_vec((shape.0, 1), biases).expect(full) }
        })
        .collect()
}

/// The vector of the layers' parameters.
pub(super) fn pack<'a>(layers: impl IntoIterator<Item = &'a Layer>, layout: Layout) -> Array1<f64> {
    let mut theta = Vec::new();
    for Layer { weights, biases } in layers {
        if layout == Layout::BiasesThenRows {
            theta.extend(biases);
        }
        if layout == Layout::ColumnsThenBiases {
            theta.extend(weights.t());
        } else {
            theta.extend(weights);
        }
        if layout != Layout::BiasesThenRows {
            theta.extend(biases);
        }
    }
    Array1::from_vec(theta)
}

/// Softmax of every column.
pub(super) fn softmax(z: &Array2<f64>) -> Array2<f64> {
    let largest = z.map_axis(Axis(0), |column| column.fold(f64::NEG_INFINITY, |a, &b| a.max(b)));
    plain_softmax(&(z - &largest))
}

/// Softmax of every column, without care for large numbers.
pub(super) fn plain_softmax(z: &Array2<f64>) -> Array2<f64> {
    let powers = z.mapv(f64::exp);
    let sums = powers.sum_axis(Axis(0));
    powers / &sums
}

/// The sums before the activation.
pub(super) fn linear(layer: &Layer, input: &Array2<f64>) -> Array2<f64> {
    layer.weights.dot(input) + &layer.biases
}

/// The activations of all layers: x first, softmax probabilities last, ReLU between.
pub(super) fn activations(layers: &[Layer], x: ArrayView2<'_, f64>) -> Vec<Array2<f64>> {
    let mut activations = vec![x.to_owned()];
    for (index, layer) in layers.iter().enumerate() {
        let z = linear(layer, &activations[index]);
        activations.push(if index + 1 == layers.len() { softmax(&z) } else { z.mapv(|z| z.max(0.0)) });
    }
    activations
}

/// Arrays with the same columns, one above the other.
pub(super) fn stacked(arrays: &[Array2<f64>]) -> Array2<f64> {
    let views: Vec<_> = arrays.iter().map(|array| array.view()).collect();
    concatenate(Axis(0), &views).expect("a column per example in each")
}

/// Layer sizes as an argument.
pub(super) fn dims_value(dims: &[usize]) -> Value {
    Value::array(&[dims.len()], dims.iter().map(|&n| n as i64).collect())
}

/// Random parameters.
pub(super) fn random_parameters(numbers: &mut Numbers, dims: &[usize]) -> Array1<f64> {
    numbers.reals(count(dims), -1.0, 1.0)
}

/// One-hot columns of random classes.
pub(super) fn random_targets(numbers: &mut Numbers, classes: usize, examples: usize) -> Array2<f64> {
    let mut y = Array2::zeros((classes, examples));
    for mut column in y.columns_mut() {
        column[numbers.integer(0, classes as i64 - 1) as usize] = 1.0;
    }
    y
}
