//! `embedding`: rows of a table by number.
//!
//! `y[.., j] = table[index[..], j]`; backward: `dtable[index[..], j] += dy[.., j]`, in order, by `index_select`.

use crate::error::OrPanic;
use crate::{Tensor, TensorError};

impl Tensor {
    /// The rows of this table `[entries, width]` at `index` (`i64`, of any shape): `[index's shape.., width]`.
    ///
    /// ```
    /// use striate_tensor::Tensor;
    /// let table = Tensor::from_slice(&[0.0f32, 0.1, 1.0, 1.1], &[2, 2]);
    /// let words = Tensor::from_slice(&[1i64, 0, 1], &[3]);
    /// assert_eq!(table.embedding(&words).to_vec::<f32>(), [1.0, 1.1, 0.0, 0.1, 1.0, 1.1]);
    /// ```
    ///
    /// # Panics
    /// When this is not a matrix, `index` is not `i64`, or a number is not below the number of entries.
    #[track_caller]
    pub fn embedding(&self, index: &Tensor) -> Tensor {
        self.try_embedding(index).or_panic()
    }

    /// Like [`embedding`](Self::embedding), with a mistake as an error.
    pub fn try_embedding(&self, index: &Tensor) -> Result<Tensor, TensorError> {
        let &[_, width] = self.shape() else {
            return Err(TensorError::shape(
                "embedding",
                format!("the table must be [entries, width], got {:?}", self.shape()),
                "reshape it to a matrix with one row per entry",
            ));
        };
        let rows = self.try_index_select(0, &index.try_reshape(&[index.numel()])?);
        let rows = rows.map_err(|error| error.found_by("embedding"))?;
        rows.try_reshape(&[index.shape(), &[width]].concat())
    }
}
