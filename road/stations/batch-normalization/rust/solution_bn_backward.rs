use striate_array::Array;

pub fn bn_backward(
    dout: &Array<f64>,
    x: &Array<f64>,
    gamma: &Array<f64>,
    eps: f64,
) -> (Array<f64>, Array<f64>, Array<f64>) {
    let [n, d] = x.dims();
    let count = n as f64;
    let mut dx = Array::zeros(&[n, d]);
    let mut dgamma = Array::zeros(&[d]);
    let mut dbeta = Array::zeros(&[d]);
    // The features do not know of each other.
    for j in 0..d {
        let mean = (0..n).map(|i| x[[i, j]]).sum::<f64>() / count;
        let var = (0..n).map(|i| (x[[i, j]] - mean).powi(2)).sum::<f64>() / count;
        let deviation = (var + eps).sqrt();
        let xhat = |i: usize| (x[[i, j]] - mean) / deviation;
        dgamma[[j]] = (0..n).map(|i| dout[[i, j]] * xhat(i)).sum();
        dbeta[[j]] = (0..n).map(|i| dout[[i, j]]).sum();
        // What would move all examples alike, or stretch them alike, is normalised away again: it has no effect.
        for i in 0..n {
            let rest = dout[[i, j]] - dbeta[[j]] / count - xhat(i) * dgamma[[j]] / count;
            dx[[i, j]] = gamma[[j]] * rest / deviation;
        }
    }
    (dx, dgamma, dbeta)
}
