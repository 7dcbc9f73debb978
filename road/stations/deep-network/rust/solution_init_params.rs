use striate_array::Array;

pub fn init_params(dims: &Array<i64>, z: &Array<f64>) -> Array<f64> {
    let mut numbers = z.iter();
    let mut theta = Vec::new();
    for pair in dims.data().windows(2) {
        let (n_in, n_out) = (pair[0] as usize, pair[1] as usize);
        let scale = (2.0 / n_in as f64).sqrt();
        // The iterator goes on where the layer before stopped.
        theta.extend(numbers.by_ref().take(n_out * n_in).map(|number| scale * number));
        theta.extend(vec![0.0; n_out]);
    }
    Array::from_vec(&[theta.len()], theta)
}
