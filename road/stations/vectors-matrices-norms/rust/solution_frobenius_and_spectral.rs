use striate_array::Array;

pub fn frobenius_and_spectral(a: &Array<f64>) -> (f64, f64, f64, f64) {
    let [m, n] = a.dims();
    let fro = norm(a.data());
    let one = largest((0..n).map(|j| (0..m).map(|i| a[[i, j]].abs()).sum()));
    let inf = largest((0..m).map(|i| (0..n).map(|j| a[[i, j]].abs()).sum()));
    (fro, one, inf, spectral(a))
}

/// By power iteration: a and then its transpose, again and again, turn a vector towards the most stretched direction.
fn spectral(a: &Array<f64>) -> f64 {
    let [m, n] = a.dims();
    // The longest row is not orthogonal to that direction by accident.
    let row = |i: usize| (0..n).map(|j| a[[i, j]]).collect::<Vec<_>>();
    let mut x = (0..m).map(row).max_by(|x, y| norm(x).total_cmp(&norm(y))).unwrap_or_default();
    let mut stretch = 0.0;
    for _ in 0..10_000 {
        let length = norm(&x);
        if length == 0.0 {
            return 0.0;
        }
        x.iter_mut().for_each(|value| *value /= length);
        let image: Vec<f64> = (0..m).map(|i| (0..n).map(|j| a[[i, j]] * x[j]).sum()).collect();
        let before = std::mem::replace(&mut stretch, norm(&image));
        if (stretch - before).abs() <= 1e-15 * stretch {
            break;
        }
        x = (0..n).map(|j| (0..m).map(|i| a[[i, j]] * image[i]).sum()).collect();
    }
    stretch
}

fn norm(x: &[f64]) -> f64 {
    x.iter().map(|value| value * value).sum::<f64>().sqrt()
}

fn largest(numbers: impl Iterator<Item = f64>) -> f64 {
    numbers.fold(0.0, f64::max)
}
