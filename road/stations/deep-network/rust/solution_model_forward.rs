use striate_array::Array;

pub fn model_forward(x: &Array<f64>, dims: &Array<i64>, theta: &Array<f64>) -> (Array<f64>, Array<f64>) {
    let [_, examples] = x.dims();
    let layers = dims.len() - 1;
    let (mut a, mut cache, mut rest) = (x.clone(), Vec::new(), theta.data());
    for (layer, pair) in dims.data().windows(2).enumerate() {
        let (n_in, n_out) = (pair[0] as usize, pair[1] as usize);
        let (weights, after) = rest.split_at(n_out * n_in);
        let (biases, after) = after.split_at(n_out);
        rest = after;
        cache.extend(a.iter());
        let z = Array::from_fn([n_out, examples], |[i, j]| {
            biases[i] + (0..n_in).map(|k| weights[i * n_in + k] * a[[k, j]]).sum::<f64>()
        });
        a = if layer + 1 < layers { z.map(|z| z.max(0.0)) } else { softmax(&z) };
    }
    let rows = cache.len() / examples;
    (a, Array::from_vec(&[rows, examples], cache))
}

/// Of every column. The largest number is subtracted first, so that nothing overflows.
fn softmax(z: &Array<f64>) -> Array<f64> {
    let [classes, examples] = z.dims();
    let column = |j: usize| (0..classes).map(move |i| z[[i, j]]);
    let largest: Vec<f64> = (0..examples).map(|j| column(j).fold(f64::NEG_INFINITY, f64::max)).collect();
    let sum: Vec<f64> = (0..examples).map(|j| column(j).map(|z| (z - largest[j]).exp()).sum()).collect();
    Array::from_fn([classes, examples], |[i, j]| (z[[i, j]] - largest[j]).exp() / sum[j])
}
