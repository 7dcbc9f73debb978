//! Sums over an image that say where its mass lies.

use ndarray::{Array2, ArrayView2};

use crate::Sample;

/// Raw moments `M[p, q] = sum of row^p * column^q * image` for `p, q` up to `order`; as `skimage.measure.moments`.
///
/// ```
/// use ndarray::array;
/// let m = striate_image::moments::moments(array![[0.0, 2.0]].view(), 1);
/// assert_eq!(m, array![[2.0, 2.0], [0.0, 0.0]]);
/// ```
pub fn moments<T: Sample>(image: ArrayView2<'_, T>, order: usize) -> Array2<f64> {
    moments_about(image, [0.0, 0.0], order)
}

/// Moments about the centroid, which a shift of the image does not change; as `skimage.measure.moments_central`.
/// `None` if the image has no mass.
pub fn moments_central<T: Sample>(image: ArrayView2<'_, T>, order: usize) -> Option<Array2<f64>> {
    Some(moments_about(image, centroid(image)?, order))
}

/// Centre of mass as (row, column), or `None` if the values sum to zero; as `scipy.ndimage.center_of_mass`.
///
/// ```
/// use ndarray::array;
/// let image = array![[0u8, 0, 0], [0, 10, 30]];
/// assert_eq!(striate_image::moments::centroid(image.view()), Some([1.0, 1.75]));
/// ```
pub fn centroid<T: Sample>(image: ArrayView2<'_, T>) -> Option<[f64; 2]> {
    let m = moments(image, 1);
    if m[[0, 0]] == 0.0 {
        return None;
    }
    Some([m[[1, 0]] / m[[0, 0]], m[[0, 1]] / m[[0, 0]]])
}

fn moments_about<T: Sample>(image: ArrayView2<'_, T>, center: [f64; 2], order: usize) -> Array2<f64> {
    let mut sums = Array2::zeros((order + 1, order + 1));
    for (i, row) in image.outer_iter().enumerate() {
        let y = i as f64 - center[0];
        // The sums along a row are shared by all powers of y.
        for q in 0..=order {
            let along_row: f64 =
                row.iter().enumerate().map(|(j, v)| (j as f64 - center[1]).powi(q as i32) * v.to_f64()).sum();
            for p in 0..=order {
                sums[[p, q]] += y.powi(p as i32) * along_row;
            }
        }
    }
    sums
}
