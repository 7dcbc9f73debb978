use ndarray::{Array1, Array2, array};

use super::Axis;
use crate::ImageError;

/// The average over `height` by `width` pixels: every weight is `1 / (height * width)`.
///
/// # Errors
/// [`ImageError::Empty`] if a size is zero.
pub fn box_kernel(height: usize, width: usize) -> Result<Array2<f64>, ImageError> {
    ImageError::require_nonempty("box_kernel", "kernel", [height, width])?;
    Ok(Array2::from_elem((height, width), 1.0 / (height * width) as f64))
}

/// Samples of `exp(-x² / 2 sigma²)` at `-radius..=radius`, divided by their sum.
///
/// # Errors
/// [`ImageError::Parameter`] unless `sigma` (in pixels) is finite and positive.
pub fn gaussian_kernel1d(sigma: f64, radius: usize) -> Result<Array1<f64>, ImageError> {
    if !(sigma > 0.0 && sigma.is_finite()) {
        return Err(ImageError::Parameter {
            operation: "gaussian_kernel",
            parameter: "sigma",
            value: sigma,
            expected: "positive and finite",
        });
    }
    let weights = Array1::from_shape_fn(2 * radius + 1, |i| {
        let distance = (i as f64 - radius as f64) / sigma;
        (-0.5 * distance * distance).exp()
    });
    let sum = weights.sum();
    Ok(weights / sum)
}

/// The Gaussian kernel of `2 radius + 1` rows and columns: the outer product of [`gaussian_kernel1d`] with itself.
///
/// # Errors
/// As [`gaussian_kernel1d`].
///
/// ```
/// let kernel = striate_image::filter::gaussian_kernel(1.0, 2).unwrap();
/// assert_eq!(kernel.dim(), (5, 5));
/// assert!((kernel.sum() - 1.0).abs() < 1e-12);
/// ```
pub fn gaussian_kernel(sigma: f64, radius: usize) -> Result<Array2<f64>, ImageError> {
    let line = gaussian_kernel1d(sigma, radius)?;
    Ok(Array2::from_shape_fn((line.len(), line.len()), |(i, j)| line[i] * line[j]))
}

/// Sobel's derivative for correlation: responds with plus where brightness grows along `axis`. Not divided by 8,
/// as in OpenCV; divide to get grey levels per pixel.
pub fn sobel_kernel(axis: Axis) -> Array2<f64> {
    oriented(array![[-1.0, 0.0, 1.0], [-2.0, 0.0, 2.0], [-1.0, 0.0, 1.0]], axis)
}

/// Scharr's derivative for correlation, more nearly the same for all edge directions than Sobel's. Not divided by 32.
pub fn scharr_kernel(axis: Axis) -> Array2<f64> {
    oriented(array![[-3.0, 0.0, 3.0], [-10.0, 0.0, 10.0], [-3.0, 0.0, 3.0]], axis)
}

/// The four-neighbour Laplacian: the sum of both second differences.
pub fn laplacian_kernel() -> Array2<f64> {
    array![[0.0, 1.0, 0.0], [1.0, -4.0, 1.0], [0.0, 1.0, 0.0]]
}

fn oriented(along_x: Array2<f64>, axis: Axis) -> Array2<f64> {
    match axis {
        Axis::X => along_x,
        Axis::Y => along_x.reversed_axes(),
    }
}
