use striate_array::Array;

pub fn power_iteration(a: &Array<f64>, start: &Array<f64>, tol: f64, max_steps: i64) -> (f64, Array<f64>) {
    assert!(length(start) > 0.0, "a start of zeros stays zero, it has no direction");
    let mut v = shortened(start);
    for _ in 0..max_steps {
        let image = times(a, &v);
        // The Rayleigh quotient of a unit vector.
        let value = dot(&v, &image);
        let residual = image.zip_map(&v, |y, x| y - value * x);
        if length(&residual) <= tol * value.abs() {
            return (value, v);
        }
        v = shortened(&image);
    }
    panic!("no eigenvector after {max_steps} steps");
}

fn times(a: &Array<f64>, v: &Array<f64>) -> Array<f64> {
    let [rows, columns] = a.dims();
    Array::from_fn([rows], |[i]| (0..columns).map(|j| a[[i, j]] * v[[j]]).sum())
}

fn dot(u: &Array<f64>, v: &Array<f64>) -> f64 {
    u.iter().zip(v.iter()).map(|(x, y)| x * y).sum()
}

fn length(v: &Array<f64>) -> f64 {
    dot(v, v).sqrt()
}

fn shortened(v: &Array<f64>) -> Array<f64> {
    let length = length(v);
    v.map(|x| x / length)
}
