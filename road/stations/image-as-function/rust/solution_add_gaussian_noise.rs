use std::f64::consts::PI;

use striate_array::Array;

pub fn add_gaussian_noise(img: &Array<f64>, sigma: f64, u1: &Array<f64>, u2: &Array<f64>) -> Array<f64> {
    assert!(sigma >= 0.0, "sigma must not be negative, it is {sigma}");
    // A random point of the plane: its distance from the origin, and one coordinate of it.
    let z = u1.zip_map(u2, |u1, u2| {
        let distance = (-2.0 * u1.ln()).sqrt();
        distance * (2.0 * PI * u2).cos()
    });
    img.zip_map(&z, |x, z| x + sigma * z)
}
