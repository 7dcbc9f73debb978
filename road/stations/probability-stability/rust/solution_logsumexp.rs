use striate_array::Array;

pub fn logsumexp(x: &Array<f64>) -> Array<f64> {
    let [n, k] = x.dims();
    Array::from_fn([n], |[i]| {
        let row = || (0..k).map(|j| x[[i, j]]);
        let largest = row().fold(f64::NEG_INFINITY, f64::max);
        // Infinity minus infinity is not a number.
        let shift = if largest.is_finite() { largest } else { 0.0 };
        row().map(|x| (x - shift).exp()).sum::<f64>().ln() + shift
    })
}
