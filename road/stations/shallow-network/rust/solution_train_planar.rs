use striate_array::Array;

#[allow(clippy::too_many_arguments)]
pub fn train_planar(
    x: &Array<f64>,
    y: &Array<f64>,
    w1: &Array<f64>,
    b1: &Array<f64>,
    w2: &Array<f64>,
    b2: &Array<f64>,
    steps: i64,
    lr: f64,
) -> (Array<f64>, Array<f64>, Array<f64>, Array<f64>) {
    let [_, examples] = y.dims();
    let [hidden, _] = w1.dims();
    let (mut w1, mut b1, mut w2, mut b2) = (w1.clone(), b1.clone(), w2.clone(), b2.clone());
    for _ in 0..steps {
        // Forward.
        let a1 = layer(&w1, x, &b1).map(f64::tanh);
        let a2 = layer(&w2, &a1, &b2).map(|z| 1.0 / (1.0 + (-z).exp()));
        // Backward: all gradients at the same point.
        let dz2 = a2.zip_map(y, |a, y| (a - y) / examples as f64);
        let dz1 = Array::from_fn([hidden, examples], |[i, j]| {
            w2[[0, i]] * dz2[[0, j]] * (1.0 - a1[[i, j]] * a1[[i, j]])
        });
        // Update.
        descend(&mut w1, &weight_gradient(&dz1, x), lr);
        descend(&mut b1, &row_sums(&dz1), lr);
        descend(&mut w2, &weight_gradient(&dz2, &a1), lr);
        descend(&mut b2, &row_sums(&dz2), lr);
    }
    (w1, b1, w2, b2)
}

fn descend(parameter: &mut Array<f64>, gradient: &Array<f64>, lr: f64) {
    for (p, g) in parameter.iter_mut().zip(gradient.iter()) {
        *p -= lr * g;
    }
}

/// w @ x + b, with the column b added to every column.
fn layer(w: &Array<f64>, x: &Array<f64>, b: &Array<f64>) -> Array<f64> {
    let [units, inputs] = w.dims();
    let [_, examples] = x.dims();
    Array::from_fn([units, examples], |[i, j]| b[[i, 0]] + (0..inputs).map(|k| w[[i, k]] * x[[k, j]]).sum::<f64>())
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
