use striate_array::Array;

#[allow(clippy::too_many_arguments)]
pub fn bn_forward(
    x: &Array<f64>,
    gamma: &Array<f64>,
    beta: &Array<f64>,
    running_mean: &Array<f64>,
    running_var: &Array<f64>,
    momentum: f64,
    eps: f64,
    train: bool,
) -> (Array<f64>, Array<f64>, Array<f64>) {
    let [n, d] = x.dims();
    if !train {
        let y = normalized(x, running_mean, running_var, gamma, beta, eps);
        return (y, running_mean.clone(), running_var.clone());
    }
    assert!(n > 1, "a batch of one has no variance");
    let count = n as f64;
    let mean = Array::from_fn([d], |[j]| (0..n).map(|i| x[[i, j]]).sum::<f64>() / count);
    let var = Array::from_fn([d], |[j]| (0..n).map(|i| (x[[i, j]] - mean[[j]]).powi(2)).sum::<f64>() / count);
    let y = normalized(x, &mean, &var, gamma, beta, eps);
    // What is kept for later estimates the variance of all data: N - 1 in its denominator.
    let moved = |old: f64, batch: f64| (1.0 - momentum) * old + momentum * batch;
    let unbiased = var.map(|var| var * count / (count - 1.0));
    (y, running_mean.zip_map(&mean, moved), running_var.zip_map(&unbiased, moved))
}

fn normalized(
    x: &Array<f64>,
    mean: &Array<f64>,
    var: &Array<f64>,
    gamma: &Array<f64>,
    beta: &Array<f64>,
    eps: f64,
) -> Array<f64> {
    let [n, d] = x.dims();
    Array::from_fn([n, d], |[i, j]| gamma[[j]] * (x[[i, j]] - mean[[j]]) / (var[[j]] + eps).sqrt() + beta[[j]])
}
