use striate_array::Array;

pub fn fit_gd(x: &Array<f64>, y: &Array<f64>, lr: f64, steps: i64) -> (Array<f64>, f64, Array<f64>) {
    let [examples, inputs] = x.dims();
    let n = examples as f64;
    let column = |j: usize| (0..examples).map(move |i| x[[i, j]]);
    let mean: Vec<f64> = (0..inputs).map(|j| column(j).sum::<f64>() / n).collect();
    let deviation = |j: usize| (column(j).map(|v| (v - mean[j]).powi(2)).sum::<f64>() / n).sqrt();
    // A constant column stays at 0.
    let scale: Vec<f64> = (0..inputs).map(deviation).map(|s| if s > 0.0 { s } else { 1.0 }).collect();
    let z = Array::from_fn([examples, inputs], |[i, j]| (x[[i, j]] - mean[j]) / scale[j]);

    let (mut v, mut c) = (vec![0.0; inputs], 0.0);
    let mut losses = Vec::new();
    for _ in 0..steps {
        let residual = |i: usize| c + (0..inputs).map(|j| z[[i, j]] * v[j]).sum::<f64>() - y[[i]];
        let residuals: Vec<f64> = (0..examples).map(residual).collect();
        losses.push(residuals.iter().map(|r| r * r).sum::<f64>() / n);
        for (j, weight) in v.iter_mut().enumerate() {
            *weight -= lr * 2.0 / n * residuals.iter().enumerate().map(|(i, r)| r * z[[i, j]]).sum::<f64>();
        }
        c -= lr * 2.0 / n * residuals.iter().sum::<f64>();
    }
    // z @ v + c = x @ (v / scale) + (c - mean @ (v / scale))
    let w = Array::from_fn([inputs], |[j]| v[j] / scale[j]);
    let shift: f64 = (0..inputs).map(|j| mean[j] * w[[j]]).sum();
    let count = losses.len();
    (w, c - shift, Array::from_vec(&[count], losses))
}
