use striate_array::Array;

pub fn pca_transform_inverse(x: &Array<f64>, mean: &Array<f64>, comps: &Array<f64>) -> (Array<f64>, Array<f64>) {
    let [n, d] = x.dims();
    let [k, _] = comps.dims();
    // Measure along the components ...
    let z = Array::from_fn([n, k], |[i, c]| (0..d).map(|j| (x[[i, j]] - mean[[j]]) * comps[[c, j]]).sum());
    // ... and walk along them.
    let back = Array::from_fn([n, d], |[i, j]| mean[[j]] + (0..k).map(|c| z[[i, c]] * comps[[c, j]]).sum::<f64>());
    (z, back)
}
