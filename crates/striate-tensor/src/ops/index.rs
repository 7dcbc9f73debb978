//! `index`: choosing by several tensors of indices at once, and by masks of whole rows.
//!
//! `y[k.., rest..] = x[i[k..], j[k..], .., rest..]`; backward: the gradient is added up at the places it was read from.

use super::rearrange::{accumulate_at, rearrange};
use crate::error::OrPanic;
use crate::layout::{broadcast_shapes, resolve_dim};
use crate::{DType, Tensor, TensorError};

const OP: &str = "index";

impl Tensor {
    /// Elements chosen along the first dimensions, one tensor of `i64` indices for each; the tensors broadcast together, and
    /// negative indices count from the end. A tensor of booleans stands for the indices of its `true` elements, along as many
    /// dimensions as it has. `x[i, j]` in NumPy and PyTorch.
    ///
    /// ```
    /// use striate_tensor::Tensor;
    /// let x = Tensor::arange(0i64, 6, 1).reshape(&[3, 2]);
    /// let (rows, columns) = (Tensor::from_slice(&[0i64, -1], &[2]), Tensor::from_slice(&[1i64, 0], &[2]));
    /// assert_eq!(x.index(&[&rows, &columns]).to_vec::<i64>(), [1, 4]);
    /// let mask = Tensor::from_slice(&[false, true, true], &[3]);
    /// assert_eq!(x.index(&[&mask]).to_vec::<i64>(), [2, 3, 4, 5]);
    /// ```
    ///
    /// # Panics
    /// When there are more indices than dimensions, one is out of range, or they do not broadcast or are of another dtype.
    #[track_caller]
    pub fn index(&self, indices: &[&Tensor]) -> Tensor {
        self.try_index(indices).or_panic()
    }

    /// Like [`index`](Self::index), with a mistake as an error.
    pub fn try_index(&self, indices: &[&Tensor]) -> Result<Tensor, TensorError> {
        let indices = without_masks(self, indices)?;
        let count = indices.len();
        if count > self.rank() {
            let what = format!("{count} indices for a tensor {:?}", self.shape());
            return Err(TensorError::argument(OP, what, "give at most one for each dimension"));
        }
        let mut chosen: Vec<usize> = Vec::new();
        for index in &indices {
            chosen = broadcast_shapes(OP, &chosen, index.shape())?;
        }
        let inner: usize = self.shape()[count..].iter().product();
        let mut rows = vec![0usize; chosen.iter().product()];
        for (dim, index) in indices.iter().enumerate() {
            let size = self.shape()[dim];
            let values = index.try_broadcast_to(&chosen)?.try_to_vec::<i64>()?;
            for (row, value) in rows.iter_mut().zip(values) {
                let place = if value < 0 { value + size as i64 } else { value };
                if place < 0 || place as u64 >= size as u64 {
                    let what = format!("index {value} is out of range for dimension {dim} of size {size}");
                    return Err(TensorError::index(OP, what, "indices count from 0, negative ones from the end"));
                }
                *row = *row * size + place as usize;
            }
        }
        let places = rows.iter().flat_map(|row| row * inner..(row + 1) * inner).collect();
        chosen.extend_from_slice(&self.shape()[count..]);
        Ok(rearrange(OP, self, &chosen, places))
    }

    /// This tensor with the entries of `source` added along `dim` at the positions in `index` (a vector of `i64`), one entry
    /// each: the inverse of [`index_select`](Self::index_select).
    ///
    /// ```
    /// use striate_tensor::{DType, Tensor};
    /// let rows = Tensor::from_slice(&[1.0f32, 2.0, 3.0], &[3, 1]);
    /// let sums = Tensor::zeros(&[2, 1], DType::F32).index_add(0, &Tensor::from_slice(&[1i64, 0, 1], &[3]), &rows);
    /// assert_eq!(sums.to_vec::<f32>(), [2.0, 4.0]);
    /// ```
    ///
    /// # Panics
    /// When `dim` or an index is out of range, or shapes or dtypes do not fit.
    #[track_caller]
    pub fn index_add(&self, dim: isize, index: &Tensor, source: &Tensor) -> Tensor {
        self.try_index_add(dim, index, source).or_panic()
    }

    /// Like [`index_add`](Self::index_add), with a mistake as an error.
    pub fn try_index_add(&self, dim: isize, index: &Tensor, source: &Tensor) -> Result<Tensor, TensorError> {
        const OP: &str = "index_add";
        let d = resolve_dim(OP, dim, self.rank())?;
        super::arithmetic::same_dtype(OP, self, source)?;
        let fits = index.rank() == 1
            && source.rank() == self.rank()
            && (0..self.rank()).all(|i| source.shape()[i] == if i == d { index.numel() } else { self.shape()[i] });
        if !fits {
            let (index, source) = (index.shape(), source.shape());
            let what = format!("index {index:?} and source {source:?} do not fit a tensor {:?}", self.shape());
            let help = "the index is a vector, one number for each entry of the source along the dimension";
            return Err(TensorError::shape(OP, what, help));
        }
        let indices = super::gather::read_indices(OP, index, self.shape()[d])?;
        let (from, to) = (super::gather::Axis::new(source.shape(), d), super::gather::Axis::new(self.shape(), d));
        let rows =
            (0..from.outer).flat_map(|o| indices.iter().map(move |&index| (o * to.size + index as usize) * to.inner));
        let places = rows.flat_map(|start| start..start + to.inner).collect();
        self.try_add(&accumulate_at(OP, source, self.shape(), places)?)
    }
}

/// Each mask as the indices of its `true` elements, one vector for each of its dimensions.
fn without_masks(x: &Tensor, indices: &[&Tensor]) -> Result<Vec<Tensor>, TensorError> {
    let mut found = Vec::with_capacity(indices.len());
    for index in indices {
        match index.dtype() {
            DType::I64 => found.push((*index).clone()),
            DType::Bool => {
                let covered = x.shape().get(found.len()..found.len() + index.rank());
                if covered != Some(index.shape()) {
                    let what = format!("a mask {:?} for the dimensions {covered:?} of {:?}", index.shape(), x.shape());
                    return Err(TensorError::shape(OP, what, "a mask has the sizes of the dimensions it stands for"));
                }
                let places = index.nonzero();
                for dim in 0..index.rank() {
                    found.push(places.try_select(1, dim as isize)?);
                }
            }
            other => {
                let help = "convert them: index.to_dtype(DType::I64)";
                return Err(TensorError::dtype(OP, format!("indices are i64 or bool, not {other}"), help));
            }
        }
    }
    Ok(found)
}
