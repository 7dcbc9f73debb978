use striate_array::Array;

pub fn gradient_descent(
    grad: &dyn Fn(&Array<f64>) -> Array<f64>,
    x0: &Array<f64>,
    lr: f64,
    steps: i64,
) -> Array<f64> {
    let mut path = x0.data().to_vec();
    let mut x = x0.clone();
    for _ in 0..steps {
        x = x.zip_map(&grad(&x), |x, slope| x - lr * slope);
        path.extend(x.iter());
    }
    Array::from_vec(&[steps as usize + 1, x0.len()], path)
}
