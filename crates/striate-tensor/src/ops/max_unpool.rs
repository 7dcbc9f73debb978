//! `max_unpool2d`: pooled values back where they came from, as `scatter` writes them.

use crate::error::OrPanic;
use crate::{Tensor, TensorError};

const OP: &str = "max_unpool2d";

impl Tensor {
    /// Images `[n, c, height, width]` of zeros with the values of this tensor `[n, c, oh, ow]` at the places in `indices`
    /// (`i64`, of the same shape), as [`max_pool2d_with_indices`](Self::max_pool2d_with_indices) gives them. Of several
    /// values at one place the last stays.
    ///
    /// ```
    /// use striate_tensor::{Pool2dOptions, Tensor};
    /// let image = Tensor::from_slice(&[0.0f32, 5.0, 1.0, 2.0], &[1, 1, 2, 2]);
    /// let (values, places) = image.max_pool2d_with_indices(Pool2dOptions::new(2));
    /// assert_eq!(values.max_unpool2d(&places, [2, 2]).to_vec::<f32>(), [0.0, 5.0, 0.0, 0.0]);
    /// ```
    ///
    /// # Panics
    /// When shapes do not fit, or an index is not within the image.
    #[track_caller]
    pub fn max_unpool2d(&self, indices: &Tensor, size: [usize; 2]) -> Tensor {
        self.try_max_unpool2d(indices, size).or_panic()
    }

    /// Like [`max_unpool2d`](Self::max_unpool2d), with a mistake as an error.
    pub fn try_max_unpool2d(&self, indices: &Tensor, [height, width]: [usize; 2]) -> Result<Tensor, TensorError> {
        let &[n, c, rows, columns] = self.shape() else {
            let what = format!("the values are {:?}", self.shape());
            return Err(TensorError::shape(OP, what, "give what pooling gave: [n, c, h, w]"));
        };
        if indices.shape() != self.shape() {
            let what = format!("values {:?} and indices {:?}", self.shape(), indices.shape());
            return Err(TensorError::shape(OP, what, "give one index for each value"));
        }
        let flat = [n, c, rows * columns];
        let zeros = Tensor::zeros(&[n, c, height * width], self.dtype());
        let images = zeros.try_scatter(2, &indices.try_reshape(&flat)?, &self.try_reshape(&flat)?)?;
        images.try_reshape(&[n, c, height, width])
    }
}
