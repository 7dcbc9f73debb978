use striate_array::Array;

pub fn propagate(w: &Array<f64>, b: f64, x: &Array<f64>, y: &Array<f64>) -> (f64, Array<f64>, f64) {
    let [inputs, examples] = x.dims();
    let m = examples as f64;
    let z = Array::from_fn([1, examples], |[_, j]| b + (0..inputs).map(|k| w[[k, 0]] * x[[k, j]]).sum::<f64>());
    let cost = z.zip_map(y, cross_entropy).iter().sum::<f64>() / m;
    let dz = z.zip_map(y, |z, y| (1.0 / (1.0 + (-z).exp()) - y) / m);
    let dw = Array::from_fn([inputs, 1], |[k, _]| (0..examples).map(|j| x[[k, j]] * dz[[0, j]]).sum());
    (cost, dw, dz.iter().sum())
}

/// -y log(a) - (1 - y) log(1 - a), written in z: no logarithm of zero.
fn cross_entropy(z: f64, y: f64) -> f64 {
    z.max(0.0) - z * y + (-z.abs()).exp().ln_1p()
}
