use striate_array::Array;

pub fn standardize(x: &Array<f64>) -> (Array<f64>, Array<f64>, Array<f64>) {
    let [n, features] = x.dims();
    let mut z = Array::zeros(&[n, features]);
    let (mut mean, mut std) = (Array::zeros(&[features]), Array::zeros(&[features]));
    for d in 0..features {
        let column: Vec<f64> = (0..n).map(|i| x[[i, d]]).collect();
        mean[[d]] = column.iter().sum::<f64>() / n as f64;
        // Not std == 0: the mean of seven 0.1 is not exactly 0.1.
        if column.iter().all(|&value| value == column[0]) {
            continue;
        }
        let squares: f64 = column.iter().map(|value| (value - mean[[d]]).powi(2)).sum();
        std[[d]] = (squares / n as f64).sqrt();
        for i in 0..n {
            z[[i, d]] = (column[i] - mean[[d]]) / std[[d]];
        }
    }
    (z, mean, std)
}
