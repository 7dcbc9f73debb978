//! `unfold` and `fold`: images as columns of windows (im2col), and the sum of columns back into images (col2im).
//!
//! With stride `s`, padding `p`, dilation `d` and windows counted row by row:
//!
//! ```text
//! unfold:  y[n, (c, u, v), (i, j)] = x[n, c, i s - p + u d, j s - p + v d]        0 outside the image
//! fold:    y[n, c, r, q] = Σ x[n, (c, u, v), (i, j)] over i s - p + u d = r, j s - p + v d = q
//! ```
//!
//! Each is the backward of the other.

use super::rearrange::{NOWHERE, accumulate_at, rearrange};
use super::window::Window;
use crate::error::OrPanic;
use crate::{Tensor, TensorError};

/// How windows look and move. Pairs are `[vertical, horizontal]`.
///
/// ```
/// use striate_tensor::UnfoldOptions;
/// assert_eq!(UnfoldOptions::new([3, 3]).stride, [1, 1]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnfoldOptions {
    /// Size of the window; at least 1.
    pub kernel: [usize; 2],
    /// Step of the window; at least 1.
    pub stride: [usize; 2],
    /// Rows and columns of zeros added on each side.
    pub padding: [usize; 2],
    /// Spacing of the elements in a window; at least 1.
    pub dilation: [usize; 2],
}

impl UnfoldOptions {
    /// Windows of `kernel` at every position: stride 1, no padding.
    pub const fn new(kernel: [usize; 2]) -> Self {
        Self { kernel, stride: [1; 2], padding: [0; 2], dilation: [1; 2] }
    }

    /// How many windows fit an image of `size`, down and across.
    fn windows(&self, op: &'static str, size: [usize; 2]) -> Result<[usize; 2], TensorError> {
        let Self { kernel, stride, padding, dilation } = *self;
        Window { kernel, stride, padding, dilation }.count(op, size)
    }

    /// The place in the images of each element of the columns.
    fn places(&self, images: usize, [height, width]: [usize; 2], [down, across]: [usize; 2]) -> Vec<usize> {
        let at = |axis: usize, window: usize, tap: usize, size: usize| {
            (window * self.stride[axis] + tap * self.dilation[axis])
                .checked_sub(self.padding[axis])
                .filter(|&place| place < size)
        };
        let mut places = Vec::with_capacity(images * self.kernel[0] * self.kernel[1] * down * across);
        for image in 0..images {
            for tap in 0..self.kernel[0] * self.kernel[1] {
                let (u, v) = (tap / self.kernel[1], tap % self.kernel[1]);
                for window in 0..down * across {
                    let (i, j) = (window / across, window % across);
                    let place = at(0, i, u, height).zip(at(1, j, v, width));
                    places.push(place.map_or(NOWHERE, |(row, column)| (image * height + row) * width + column));
                }
            }
        }
        places
    }
}

impl Tensor {
    /// The windows of `[n, c, h, w]` as columns: `[n, c kh kw, windows]`, windows row by row. A convolution is the
    /// product of its flattened weight with these columns.
    ///
    /// ```
    /// use striate_tensor::{Tensor, UnfoldOptions};
    /// let image = Tensor::arange(0.0f32, 6.0, 1.0).reshape(&[1, 1, 2, 3]);
    /// let columns = image.unfold(UnfoldOptions::new([2, 2]));
    /// assert_eq!(columns.shape(), [1, 4, 2]);
    /// assert_eq!(columns.select(-1, 0).to_vec::<f32>(), [0.0, 1.0, 3.0, 4.0]);
    /// ```
    ///
    /// # Panics
    /// When the input is not `[n, c, h, w]`, the window does not fit, or an option is out of range.
    #[track_caller]
    pub fn unfold(&self, options: UnfoldOptions) -> Tensor {
        self.try_unfold(options).or_panic()
    }

    /// Like [`unfold`](Self::unfold), with a mistake as an error.
    pub fn try_unfold(&self, options: UnfoldOptions) -> Result<Tensor, TensorError> {
        let &[batch, channels, height, width] = self.shape() else {
            return Err(TensorError::shape(
                "unfold",
                format!("the input must be [n, c, h, w], got {:?}", self.shape()),
                "add the missing dimensions: unsqueeze(0) makes a batch of one",
            ));
        };
        let windows = options.windows("unfold", [height, width])?;
        let places = options.places(batch * channels, [height, width], windows);
        let shape = [batch, channels * options.kernel[0] * options.kernel[1], windows[0] * windows[1]];
        Ok(rearrange("unfold", self, &shape, places))
    }

    /// Columns of windows `[n, c kh kw, windows]` added up into images `[n, c, h, w]` of `size` `[h, w]`: where windows
    /// overlap, their elements add.
    ///
    /// ```
    /// use striate_tensor::{DType, Tensor, UnfoldOptions};
    /// let columns = Tensor::ones(&[1, 4, 2], DType::F32);
    /// let image = columns.fold([2, 3], UnfoldOptions::new([2, 2]));
    /// assert_eq!(image.to_vec::<f32>(), [1.0, 2.0, 1.0, 1.0, 2.0, 1.0]);
    /// ```
    ///
    /// # Panics
    /// When the shape does not fit `size` and `options`, or an option is out of range.
    #[track_caller]
    pub fn fold(&self, size: [usize; 2], options: UnfoldOptions) -> Tensor {
        self.try_fold(size, options).or_panic()
    }

    /// Like [`fold`](Self::fold), with a mistake as an error.
    pub fn try_fold(&self, size: [usize; 2], options: UnfoldOptions) -> Result<Tensor, TensorError> {
        let windows = options.windows("fold", size)?;
        let (taps, count) = (options.kernel[0] * options.kernel[1], windows[0] * windows[1]);
        let (batch, channels) = match *self.shape() {
            [batch, rows, columns] if columns == count && rows.is_multiple_of(taps) => (batch, rows / taps),
            _ => {
                return Err(TensorError::shape(
                    "fold",
                    format!(
                        "columns for this image must be [n, a multiple of {taps}, {count}], got {:?}",
                        self.shape()
                    ),
                    "the middle size is channels x kernel elements, the last the number of windows in the image",
                ));
            }
        };
        let places = options.places(batch * channels, size, windows);
        accumulate_at("fold", self, &[batch, channels, size[0], size[1]], places)
    }
}
