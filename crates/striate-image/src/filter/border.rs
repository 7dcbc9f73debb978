use ndarray::{Array2, ArrayView2};

use crate::{ImageError, Sample};

/// What lies outside the image, shown for the row `a b c d`.
///
/// | here | picture | OpenCV | SciPy | NumPy `pad` |
/// |---|---|---|---|---|
/// | `Constant(v)` | `v v v\|a b c d\|v v v` | `BORDER_CONSTANT` | `constant` | `constant` |
/// | `Reflect` | `c b a\|a b c d\|d c b` | `BORDER_REFLECT` | `reflect` | `symmetric` |
/// | `Mirror` | `d c b\|a b c d\|c b a` | `BORDER_REFLECT_101` | `mirror` | `reflect` |
/// | `Replicate` | `a a a\|a b c d\|d d d` | `BORDER_REPLICATE` | `nearest` | `edge` |
/// | `Wrap` | `b c d\|a b c d\|a b c` | `BORDER_WRAP` | `wrap` | `wrap` |
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Border {
    /// One value everywhere; zero is the usual choice.
    Constant(f64),
    /// Mirrored, with the outermost pixel repeated.
    Reflect,
    /// Mirrored about the outermost pixel, which is not repeated (OpenCV's default).
    Mirror,
    /// The outermost pixel goes on for ever.
    Replicate,
    /// The image is a tile of an endless floor.
    Wrap,
}

impl Border {
    /// The index inside `0..length` that stands for `index`, or `None` where the constant does.
    ///
    /// ```
    /// use striate_image::filter::Border;
    /// assert_eq!(Border::Reflect.source_index(-1, 4), Some(0));
    /// assert_eq!(Border::Mirror.source_index(-1, 4), Some(1));
    /// assert_eq!(Border::Wrap.source_index(-1, 4), Some(3));
    /// assert_eq!(Border::Constant(0.0).source_index(-1, 4), None);
    /// ```
    pub fn source_index(self, index: isize, length: usize) -> Option<usize> {
        let n = length as isize;
        if (0..n).contains(&index) {
            return Some(index as usize);
        }
        let source = match self {
            Border::Constant(_) => return None,
            Border::Replicate => index.clamp(0, n - 1),
            Border::Wrap => index.rem_euclid(n),
            Border::Reflect => {
                let folded = index.rem_euclid(2 * n);
                folded.min(2 * n - 1 - folded)
            }
            // With a single pixel the period of the mirror is zero: there is only that pixel to show.
            Border::Mirror if n == 1 => 0,
            Border::Mirror => {
                let folded = index.rem_euclid(2 * n - 2);
                folded.min(2 * n - 2 - folded)
            }
        };
        Some(source as usize)
    }
}

/// Pads a grey image: `rows` and `columns` are the numbers of pixels added `[before, after]`.
///
/// Works for any amount of padding, also more than the image is large. As `numpy.pad` or OpenCV's `copyMakeBorder`.
///
/// # Errors
/// [`ImageError::Empty`] if the image has no pixels.
pub fn pad<T: Sample>(
    image: ArrayView2<'_, T>,
    rows: [usize; 2],
    columns: [usize; 2],
    border: Border,
) -> Result<Array2<T>, ImageError> {
    let (height, width) = image.dim();
    ImageError::require_nonempty("pad", "image", [height, width])?;
    let constant = match border {
        Border::Constant(value) => T::from_f64(value),
        _ => T::default(),
    };
    let map = |length: usize, [before, after]: [usize; 2]| -> Vec<Option<usize>> {
        (0..before + length + after).map(|i| border.source_index(i as isize - before as isize, length)).collect()
    };
    let (row_source, column_source) = (map(height, rows), map(width, columns));
    Ok(Array2::from_shape_fn((row_source.len(), column_source.len()), |(r, c)| {
        match (row_source[r], column_source[c]) {
            (Some(row), Some(column)) => image[[row, column]],
            _ => constant,
        }
    }))
}
