//! `scatter_add` and `scatter`: values added up, or written, at indexed places.
//!
//! Along one dimension `y = x`, then `y[o, index[o, j, i], i] += source[o, j, i]` (or `=`), in order. Backward: `dx = dy`
//! (but 0 where something was written), and each element of the source gets the gradient from where it went, unless another
//! was written over it.

use super::gather::{Axis, read_indices};
use super::rearrange::{NOWHERE, accumulate_at};
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
        let places = places(OP, self, dim, index, source)?;
        self.try_add(&accumulate_at(OP, source, self.shape(), places)?)
    }

    /// This tensor with the elements of `source` written along `dim` at the positions in `index` (`i64`, shaped as
    /// `source`); the last of several at one position stays. In the other dimensions all shapes agree.
    ///
    /// ```
    /// use striate_tensor::{DType, Tensor};
    /// let places = Tensor::from_slice(&[2i64, 0], &[2]);
    /// let y = Tensor::zeros(&[3], DType::F32).scatter(0, &places, &Tensor::from_slice(&[1.0f32, 2.0], &[2]));
    /// assert_eq!(y.to_vec::<f32>(), [2.0, 0.0, 1.0]);
    /// ```
    ///
    /// # Panics
    /// As [`scatter_add`](Self::scatter_add).
    #[track_caller]
    pub fn scatter(&self, dim: isize, index: &Tensor, source: &Tensor) -> Tensor {
        self.try_scatter(dim, index, source).or_panic()
    }

    /// Like [`scatter`](Self::scatter), with a mistake as an error.
    pub fn try_scatter(&self, dim: isize, index: &Tensor, source: &Tensor) -> Result<Tensor, TensorError> {
        const OP: &str = "scatter";
        let mut places = places(OP, self, dim, index, source)?;
        let mut written = vec![false; self.numel()];
        for place in places.iter_mut().rev() {
            // What is written over later goes nowhere.
            *place = if std::mem::replace(&mut written[*place], true) { NOWHERE } else { *place };
        }
        let written = Tensor::try_from_slice(&written, self.shape())?;
        written.try_where_(&accumulate_at(OP, source, self.shape(), places)?, self)
    }
}

/// For each element of the source the place in the tensor, both counted row-major.
fn places(
    op: &'static str,
    x: &Tensor,
    dim: isize,
    index: &Tensor,
    source: &Tensor,
) -> Result<Vec<usize>, TensorError> {
    let d = resolve_dim(op, dim, x.rank())?;
    super::arithmetic::same_dtype(op, x, source)?;
    let fits = source.rank() == x.rank()
        && (0..x.rank()).all(|i| i == d || source.shape()[i] == x.shape()[i])
        && index.shape() == source.shape();
    if !fits {
        let (index, source) = (index.shape(), source.shape());
        return Err(TensorError::shape(
            op,
            format!("index {index:?} and source {source:?} do not fit a tensor {:?} along dimension {dim}", x.shape()),
            "index and source have one shape, and differ from the tensor in that dimension only",
        ));
    }
    let indices = read_indices(op, index, x.shape()[d])?;
    let (from, to) = (Axis::new(source.shape(), d), Axis::new(x.shape(), d));
    let block = (from.size * from.inner).max(1);
    let place = |(j, &index): (usize, &i64)| (j / block * to.size + index as usize) * to.inner + j % from.inner;
    Ok(indices.iter().enumerate().map(place).collect())
}
