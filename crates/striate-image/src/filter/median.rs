use ndarray::{Array2, ArrayView2, s};

use super::{Border, pad};
use crate::{ImageError, Sample};

/// The median of each `size` by `size` neighbourhood: removes salt-and-pepper noise and keeps edges. Not linear.
///
/// As `scipy.ndimage.median_filter`. NaN sorts above every number.
///
/// # Errors
/// [`ImageError::Empty`] for an image without pixels, [`ImageError::Parameter`] unless `size` is odd.
pub fn median_filter<T: Sample>(
    image: ArrayView2<'_, T>,
    size: usize,
    border: Border,
) -> Result<Array2<T>, ImageError> {
    if size.is_multiple_of(2) {
        return Err(ImageError::Parameter {
            operation: "median_filter",
            parameter: "size",
            value: size as f64,
            expected: "odd",
        });
    }
    let margin = [size / 2, size / 2];
    let padded = pad(image, margin, margin, border)?;
    let mut window = Vec::with_capacity(size * size);
    Ok(Array2::from_shape_fn(image.dim(), |(i, j)| {
        window.clear();
        window.extend(padded.slice(s![i..i + size, j..j + size]).iter().copied());
        let middle = window.len() / 2;
        *window.select_nth_unstable_by(middle, |a, b| a.to_f64().total_cmp(&b.to_f64())).1
    }))
}
