use striate_array::Array;

pub fn layernorm(x: &Array<f64>, gamma: &Array<f64>, beta: &Array<f64>, groups: i64, eps: f64) -> Array<f64> {
    let [n, d] = x.dims();
    let groups = groups as usize;
    assert!(d % groups == 0, "{d} features do not fall into {groups} groups");
    let length = d / groups;
    let count = length as f64;
    let mut y = Array::zeros(&[n, d]);
    for i in 0..n {
        for group in 0..groups {
            let run = group * length..(group + 1) * length;
            let mean = run.clone().map(|j| x[[i, j]]).sum::<f64>() / count;
            let var = run.clone().map(|j| (x[[i, j]] - mean).powi(2)).sum::<f64>() / count;
            for j in run {
                y[[i, j]] = gamma[[j]] * (x[[i, j]] - mean) / (var + eps).sqrt() + beta[[j]];
            }
        }
    }
    y
}
