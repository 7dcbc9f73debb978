//! `scatter_add`: values added up at indexed places.
//!
//! Along one dimension `y = x`, then `y[o, index[o, j, i], i] += source[o, j, i]`, in order. Backward: `dx = dy`, and
//! each element of the source gets the gradient from where it went.

use super::gather::{Axis, read_indices};
use super::rearrange::accumulate_at;
use crate::error::OrPanic;
use crate::layout::resolve_dim;
use crate::{Tensor, TensorError};

const OP: &str = "scatter_add";

impl Tensor {
    /// This tensor with the elements of `source` added along `dim` at the positions in `index` (`i64`, shaped as
    /// `source`). In the other dimensions all shapes agree.
    ///
    /// ```
    /// use striate_tensor::{DType, Tensor};
    /// let values = Tensor::from_slice(&[1.0f32, 2.0, 4.0], &[3]);
    /// let bins = Tensor::from_slice(&[0i64, 2, 0], &[3]);
    /// assert_eq!(Tensor::zeros(&[3], DType::F32).scatter_add(0, &bins, &values).to_vec::<f32>(), [5.0, 0.0, 2.0]);
    /// ```
    ///
    /// # Panics
    /// When `dim` or an index is out of range, `index` is not `i64`, or shapes or dtypes do not fit.
    #[track_caller]
    pub fn scatter_add(&self, dim: isize, index: &Tensor, source: &Tensor) -> Tensor {
        self.try_scatter_add(dim, index, source).or_panic()
    }

    /// Like [`scatter_add`](Self::scatter_add), with a mistake as an error.
    pub fn try_scatter_add(&self, dim: isize, index: &Tensor, source: &Tensor) -> Result<Tensor, TensorError> {
        let d = resolve_dim(OP, dim, self.rank())?;
        super::arithmetic::same_dtype(OP, self, source)?;
        let fits = source.rank() == self.rank()
            && (0..self.rank()).all(|i| i == d || source.shape()[i] == self.shape()[i])
            && index.shape() == source.shape();
        if !fits {
            return Err(TensorError::shape(
                OP,
                format!(
                    "index {:?} and source {:?} do not fit a tensor {:?} along dimension {dim}",
                    index.shape(),
                    source.shape(),
                    self.shape()
                ),
                "index and source have one shape, and differ from the tensor in that dimension only",
            ));
        }
        let indices = read_indices(OP, index, self.shape()[d])?;
        let (from, to) = (Axis::new(source.shape(), d), Axis::new(self.shape(), d));
        let block = (from.size * from.inner).max(1);
        let place = |(j, &index): (usize, &i64)| (j / block * to.size + index as usize) * to.inner + j % from.inner;
        let places = indices.iter().enumerate().map(place).collect();
        self.try_add(&accumulate_at(OP, source, self.shape(), places)?)
    }
}
