use striate_array::Array;

pub fn backward2(
    x: &Array<f64>,
    y: &Array<f64>,
    a1: &Array<f64>,
    a2: &Array<f64>,
    w2: &Array<f64>,
) -> (Array<f64>, Array<f64>, Array<f64>, Array<f64>) {
    let [_, examples] = y.dims();
    let [hidden, _] = a1.dims();
    // Sigmoid and cross-entropy in one; the mean enters here and nowhere else.
    let dz2 = a2.zip_map(y, |a, y| (a - y) / examples as f64);
    // Through w2 (which has one row), then through tanh, whose slope is 1 - tanh^2.
    let dz1 = Array::from_fn([hidden, examples], |[i, j]| {
        w2[[0, i]] * dz2[[0, j]] * (1.0 - a1[[i, j]] * a1[[i, j]])
    });
    (weight_gradient(&dz1, x), row_sums(&dz1), weight_gradient(&dz2, a1), row_sums(&dz2))
}

/// dz @ input.T: error of the output times input, summed over the examples.
fn weight_gradient(dz: &Array<f64>, input: &Array<f64>) -> Array<f64> {
    let [outputs, examples] = dz.dims();
    let [inputs, _] = input.dims();
    Array::from_fn([outputs, inputs], |[i, k]| (0..examples).map(|j| dz[[i, j]] * input[[k, j]]).sum())
}

/// The sum over the examples, as a column.
fn row_sums(dz: &Array<f64>) -> Array<f64> {
    let [rows, examples] = dz.dims();
    Array::from_fn([rows, 1], |[i, _]| (0..examples).map(|j| dz[[i, j]]).sum())
}
