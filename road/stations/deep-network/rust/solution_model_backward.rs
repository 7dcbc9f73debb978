use striate_array::Array;

pub fn model_backward(
    al: &Array<f64>,
    y: &Array<f64>,
    cache: &Array<f64>,
    dims: &Array<i64>,
    theta: &Array<f64>,
) -> Array<f64> {
    let [_, examples] = y.dims();
    let sizes: Vec<usize> = dims.iter().map(|&n| n as usize).collect();
    let mut gradient = Array::zeros(theta.shape());
    // Softmax and cross-entropy in one; the mean enters here and nowhere else.
    let mut dz = al.zip_map(y, |a, y| (a - y) / examples as f64);
    // Where the layer's parameters and its input end; both shrink on the way back.
    let (mut end, mut rows) = (theta.len(), cache.shape()[0]);
    for pair in sizes.windows(2).rev() {
        let (n_in, n_out) = (pair[0], pair[1]);
        let first = end - n_out * (n_in + 1);
        let input_begins = rows - n_in;
        let input = |k: usize, j: usize| cache[[input_begins + k, j]];
        let weight = |i: usize, k: usize| theta[[first + i * n_in + k]];
        for i in 0..n_out {
            for k in 0..n_in {
                gradient[[first + i * n_in + k]] = (0..examples).map(|j| dz[[i, j]] * input(k, j)).sum();
            }
            gradient[[end - n_out + i]] = (0..examples).map(|j| dz[[i, j]]).sum();
        }
        // Through the weights, then through the ReLU that made the input.
        dz = Array::from_fn([n_in, examples], |[k, j]| {
            let da: f64 = (0..n_out).map(|i| weight(i, k) * dz[[i, j]]).sum();
            if input(k, j) > 0.0 { da } else { 0.0 }
        });
        (end, rows) = (first, input_begins);
    }
    gradient
}
