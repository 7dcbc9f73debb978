//! The filters that answers to `denoise` are made of, right and wrong ones.

use ndarray::{Array2, ArrayView2, s};
use striate_image::filter::{self, Border, Mode};

/// The mean of the window of radius `r`.
pub(super) fn boxed(image: ArrayView2<'_, f64>, r: usize) -> Array2<f64> {
    let size = 2 * r + 1;
    let kernel = filter::box_kernel(size, size).expect("the size is odd");
    filter::correlate2d(image, kernel.view(), Mode::Same, Border::Reflect).expect("the image has pixels")
}

/// The mean with the weights of a Gaussian.
pub(super) fn bell(image: ArrayView2<'_, f64>, sigma: f64, border: Border) -> Array2<f64> {
    filter::gaussian_filter(image, sigma, border).expect("sigma is positive")
}

pub(super) fn median(image: ArrayView2<'_, f64>, r: usize) -> Array2<f64> {
    filter::median_filter(image, 2 * r + 1, Border::Reflect).expect("the size is odd")
}

/// A weighted mean in which those count that are near in place and in brightness (Tomasi and Manduchi 1998).
pub(super) fn bilateral(image: ArrayView2<'_, f64>, place: f64, brightness: f64) -> Array2<f64> {
    let r = (2.0 * place).ceil() as usize;
    let padded = filter::pad(image, [r, r], [r, r], Border::Reflect).expect("the image has pixels");
    let size = 2 * r + 1;
    Array2::from_shape_fn(image.dim(), |(i, j)| {
        let window = padded.slice(s![i..i + size, j..j + size]);
        let (mut sum, mut weights) = (0.0, 0.0);
        for ((u, v), value) in window.indexed_iter() {
            let (dy, dx) = (u as f64 - r as f64, v as f64 - r as f64);
            let difference = value - image[[i, j]];
            let weight = (-(dy * dy + dx * dx) / (2.0 * place * place)
                - difference * difference / (2.0 * brightness * brightness))
                .exp();
            sum += weight * value;
            weights += weight;
        }
        sum / weights
    })
}

/// White and black dots replaced by the median of those around them that are neither; all other pixels as they are.
pub(super) fn without_dots(image: ArrayView2<'_, f64>) -> Array2<f64> {
    let is_dot = |x: f64| x == 0.0 || x == 255.0;
    let mut out = image.to_owned();
    for r in 1..=3 {
        let padded = filter::pad(image, [r, r], [r, r], Border::Reflect).expect("the image has pixels");
        let size = 2 * r + 1;
        for ((i, j), value) in out.indexed_iter_mut() {
            if !is_dot(*value) {
                continue;
            }
            let window = padded.slice(s![i..i + size, j..j + size]);
            let mut others: Vec<f64> = window.iter().copied().filter(|&x| !is_dot(x)).collect();
            if !others.is_empty() {
                let middle = others.len() / 2;
                *value = *others.select_nth_unstable_by(middle, f64::total_cmp).1;
            }
        }
    }
    out
}
