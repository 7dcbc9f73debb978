use striate_array::Array;

pub fn fold_bn(
    w: &Array<f64>,
    b: &Array<f64>,
    gamma: &Array<f64>,
    beta: &Array<f64>,
    mean: &Array<f64>,
    var: &Array<f64>,
    eps: f64,
) -> (Array<f64>, Array<f64>) {
    let scale = gamma.zip_map(var, |gamma, var| gamma / (var + eps).sqrt());
    let folded = Array::from_fn(w.dims(), |at: [usize; 4]| w[at] * scale[[at[0]]]);
    let bias = Array::from_fn(b.dims(), |[f]| (b[[f]] - mean[[f]]) * scale[[f]] + beta[[f]]);
    (folded, bias)
}
