use striate_array::Array;

pub fn mse_and_grad(x: &Array<f64>, y: &Array<f64>, w: &Array<f64>, b: f64) -> (f64, Array<f64>, f64) {
    let [examples, inputs] = x.dims();
    let n = examples as f64;
    let residual = |i: usize| b + (0..inputs).map(|j| x[[i, j]] * w[[j]]).sum::<f64>() - y[[i]];
    let residuals: Vec<f64> = (0..examples).map(residual).collect();
    let loss = residuals.iter().map(|r| r * r).sum::<f64>() / n;
    let dw = Array::from_fn([inputs], |[j]| {
        residuals.iter().enumerate().map(|(i, r)| 2.0 * r / n * x[[i, j]]).sum()
    });
    let db = residuals.iter().map(|r| 2.0 * r / n).sum();
    (loss, dw, db)
}
