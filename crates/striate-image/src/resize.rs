//! Changing the size of an image.

use ndarray::{Array2, ArrayView2};

use crate::{ImageError, Sample};

/// How the value of a new pixel is found. Pixel centres lie at half integers: pixel `i` of `n` covers
/// `i / n` to `(i + 1) / n` of the image, whatever `n` is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interpolation {
    /// The pixel whose area contains the new pixel's centre. As `skimage.transform.resize(order=0)`.
    Nearest,
    /// Weighted mean of the four pixels around the new centre; the outermost pixels go on beyond the border.
    /// As OpenCV's `INTER_LINEAR`. Aliases when it makes an image much smaller: use [`Interpolation::Area`] there.
    Bilinear,
    /// Mean over the area that the new pixel covers. As OpenCV's `INTER_AREA` for making an image smaller.
    Area,
}

/// Resizes a grey image to `[height, width]`.
///
/// # Errors
/// [`ImageError::Empty`] if the image or the size asked for is empty.
///
/// ```
/// use ndarray::array;
/// use striate_image::resize::{Interpolation, resize};
///
/// let image = array![[1.0, 3.0], [5.0, 7.0]];
/// assert_eq!(resize(image.view(), [1, 1], Interpolation::Area).unwrap(), array![[4.0]]);
/// ```
pub fn resize<T: Sample>(
    image: ArrayView2<'_, T>,
    size: [usize; 2],
    interpolation: Interpolation,
) -> Result<Array2<T>, ImageError> {
    let (height, width) = image.dim();
    ImageError::require_nonempty("resize", "image", [height, width])?;
    ImageError::require_nonempty("resize", "size asked for", size)?;
    let rows = weights(height, size[0], interpolation);
    let columns = weights(width, size[1], interpolation);
    // Both interpolations are separable: first along rows, then along columns.
    let along_rows = Array2::from_shape_fn((height, size[1]), |(i, j)| {
        columns[j].iter().map(|&(source, weight)| weight * image[[i, source]].to_f64()).sum::<f64>()
    });
    Ok(Array2::from_shape_fn((size[0], size[1]), |(i, j)| {
        T::from_f64(rows[i].iter().map(|&(source, weight)| weight * along_rows[[source, j]]).sum())
    }))
}

/// For each new pixel along one axis, the old pixels it is made of and their weights (which sum to one).
fn weights(old: usize, new: usize, interpolation: Interpolation) -> Vec<Vec<(usize, f64)>> {
    let scale = old as f64 / new as f64;
    let last = old - 1;
    (0..new)
        .map(|i| match interpolation {
            Interpolation::Nearest => vec![(((2 * i + 1) * old / (2 * new)).min(last), 1.0)],
            Interpolation::Bilinear => {
                let center = ((i as f64 + 0.5) * scale - 0.5).clamp(0.0, last as f64);
                let left = center as usize;
                let fraction = center - left as f64;
                if fraction == 0.0 {
                    vec![(left, 1.0)]
                } else {
                    vec![(left, 1.0 - fraction), ((left + 1).min(last), fraction)]
                }
            }
            Interpolation::Area => covered(i, old, new),
        })
        .collect()
}

/// In units of `1 / (old * new)` of the axis everything is an integer, so no sliver of a pixel appears by rounding.
fn covered(i: usize, old: usize, new: usize) -> Vec<(usize, f64)> {
    let (start, end) = (i * old, (i + 1) * old);
    (start / new..end.div_ceil(new))
        .map(|source| {
            let overlap = end.min((source + 1) * new) - start.max(source * new);
            (source, overlap as f64 / old as f64)
        })
        .collect()
}
