use striate_array::Array;

pub fn forward2(
    x: &Array<f64>,
    w1: &Array<f64>,
    b1: &Array<f64>,
    w2: &Array<f64>,
    b2: &Array<f64>,
) -> (Array<f64>, Array<f64>) {
    let a1 = layer(w1, x, b1).map(f64::tanh);
    let a2 = layer(w2, &a1, b2).map(sigmoid);
    (a2, a1)
}

/// w @ x + b, with the column b added to every column.
fn layer(w: &Array<f64>, x: &Array<f64>, b: &Array<f64>) -> Array<f64> {
    let [units, inputs] = w.dims();
    let [_, examples] = x.dims();
    Array::from_fn([units, examples], |[i, j]| b[[i, 0]] + (0..inputs).map(|k| w[[i, k]] * x[[k, j]]).sum::<f64>())
}

/// exp may overflow to infinity for a very negative z; 1 / infinity is the 0 that is wanted.
fn sigmoid(z: f64) -> f64 {
    1.0 / (1.0 + (-z).exp())
}
