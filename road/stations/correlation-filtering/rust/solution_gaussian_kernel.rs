use striate_array::Array;

pub fn gaussian_kernel(sigma: f64, radius: i64) -> Array<f64> {
    assert!(sigma > 0.0, "sigma must be positive, it is {sigma}");
    assert!(radius >= 0, "the radius must not be negative, it is {radius}");
    let size = 2 * radius as usize + 1;
    let kernel = Array::from_fn([size, size], |[i, j]| {
        let dy = i as f64 - radius as f64;
        let dx = j as f64 - radius as f64;
        (-(dy * dy + dx * dx) / (2.0 * sigma * sigma)).exp()
    });
    let sum: f64 = kernel.iter().sum();
    kernel.map(|weight| weight / sum)
}
