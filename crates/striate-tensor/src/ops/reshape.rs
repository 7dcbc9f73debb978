//! `reshape` and its relatives: `flatten`, `squeeze`, `unsqueeze`.
//!
//! The row-major sequence of elements stays, the shape changes; a view where the strides allow it, else a copy. The
//! gradient is reshaped back.

use crate::autograd::{Backward, Gradients, Recording};
use crate::error::OrPanic;
use crate::layout::{Layout, MemoryFormat, resolve_dim};
use crate::{Tensor, TensorError};

struct ReshapeBackward {
    shape: Vec<usize>,
}

impl Backward for ReshapeBackward {
    fn backward(&self, grad: &Tensor, _needs: &[bool]) -> Result<Vec<Option<Tensor>>, TensorError> {
        Ok(vec![Some(grad.try_reshape(&self.shape)?)])
    }

    fn differentiable(&self, grad: &Tensor, needs: &[bool], _recording: &Recording) -> Gradients {
        self.backward(grad, needs)
    }
}

impl Tensor {
    /// The same elements, in row-major order, with another shape. A view where possible, else a copy.
    ///
    /// ```
    /// use striate_tensor::Tensor;
    /// let x = Tensor::arange(0i64, 6, 1).reshape(&[2, 3]);
    /// assert_eq!(x.shape(), [2, 3]);
    /// ```
    ///
    /// # Panics
    /// When the number of elements differs.
    #[track_caller]
    pub fn reshape(&self, shape: &[usize]) -> Tensor {
        self.try_reshape(shape).or_panic()
    }

    /// Like [`reshape`](Self::reshape), with a mistake as an error.
    pub fn try_reshape(&self, shape: &[usize]) -> Result<Tensor, TensorError> {
        if self.shape() == shape {
            return Ok(self.clone());
        }
        let numel = shape.iter().try_fold(1usize, |product, &size| product.checked_mul(size));
        if numel != Some(self.numel()) {
            return Err(TensorError::shape(
                "reshape",
                format!("shape {:?} has {} elements, {shape:?} does not", self.shape(), self.numel()),
                "the product of the sizes must stay the same",
            ));
        }
        let reshaped = match self.layout().reshaped(shape) {
            Some(layout) => self.view_as(layout),
            None => self.to_format(MemoryFormat::Contiguous).with_layout(|_| Layout::contiguous(shape)),
        };
        Ok(reshaped.record("reshape", &[self], || ReshapeBackward { shape: self.shape().to_vec() }))
    }

    /// Like [`reshape`](Self::reshape), but always a view, sharing memory.
    ///
    /// # Panics
    /// When the number of elements differs, or the elements would have to move.
    #[track_caller]
    pub fn view(&self, shape: &[usize]) -> Tensor {
        self.try_view(shape).or_panic()
    }

    /// Like [`view`](Self::view), with a mistake as an error.
    pub fn try_view(&self, shape: &[usize]) -> Result<Tensor, TensorError> {
        let same_count = shape.iter().product::<usize>() == self.numel();
        if same_count && self.layout().reshaped(shape).is_none() {
            return Err(TensorError::shape(
                "view",
                format!(
                    "a tensor of shape {:?} and strides {:?} cannot be seen as {shape:?} without moving elements",
                    self.shape(),
                    self.strides()
                ),
                "use reshape, which copies when it must",
            ));
        }
        self.try_reshape(shape)
    }

    /// Merges the dimensions from `start` to `end`, both included, into one; negative ones count from the end.
    ///
    /// ```
    /// use striate_tensor::{DType, Tensor};
    /// let images = Tensor::zeros(&[8, 3, 4, 4], DType::F32);
    /// assert_eq!(images.flatten(1, -1).shape(), [8, 48]);
    /// ```
    ///
    /// # Panics
    /// When a dimension is out of range or `start` lies behind `end`.
    #[track_caller]
    pub fn flatten(&self, start: isize, end: isize) -> Tensor {
        self.try_flatten(start, end).or_panic()
    }

    /// Like [`flatten`](Self::flatten), with a mistake as an error.
    pub fn try_flatten(&self, start: isize, end: isize) -> Result<Tensor, TensorError> {
        if self.rank() == 0 {
            return self.try_reshape(&[1]);
        }
        let first = resolve_dim("flatten", start, self.rank())?;
        let last = resolve_dim("flatten", end, self.rank())?;
        if first > last {
            return Err(TensorError::argument(
                "flatten",
                format!("dimension {start} lies behind dimension {end}"),
                "give the first dimension to merge, then the last",
            ));
        }
        let mut shape = self.shape()[..first].to_vec();
        shape.push(self.shape()[first..=last].iter().product());
        shape.extend(&self.shape()[last + 1..]);
        self.try_reshape(&shape)
    }

    /// Inserts a dimension of size 1 before dimension `dim`; -1 appends it.
    ///
    /// # Panics
    /// When `dim` is out of range.
    #[track_caller]
    pub fn unsqueeze(&self, dim: isize) -> Tensor {
        self.try_unsqueeze(dim).or_panic()
    }

    /// Like [`unsqueeze`](Self::unsqueeze), with a mistake as an error.
    pub fn try_unsqueeze(&self, dim: isize) -> Result<Tensor, TensorError> {
        let d = resolve_dim("unsqueeze", dim, self.rank() + 1)?;
        let mut shape = self.shape().to_vec();
        shape.insert(d, 1);
        self.try_reshape(&shape)
    }

    /// Removes dimension `dim`, which must have size 1.
    ///
    /// # Panics
    /// When `dim` is out of range or its size is not 1.
    #[track_caller]
    pub fn squeeze(&self, dim: isize) -> Tensor {
        self.try_squeeze(dim).or_panic()
    }

    /// Like [`squeeze`](Self::squeeze), with a mistake as an error.
    pub fn try_squeeze(&self, dim: isize) -> Result<Tensor, TensorError> {
        let d = resolve_dim("squeeze", dim, self.rank())?;
        let mut shape = self.shape().to_vec();
        if shape.remove(d) != 1 {
            return Err(TensorError::shape(
                "squeeze",
                format!("dimension {dim} of shape {:?} has size {}, not 1", self.shape(), self.shape()[d]),
                "only a dimension of size 1 can be removed; select picks one entry, sum or mean folds all",
            ));
        }
        self.try_reshape(&shape)
    }

    /// This tensor with its layout changed to another view of the same elements, outside any graph.
    pub(crate) fn with_layout(&self, change: impl FnOnce(Layout) -> Layout) -> Tensor {
        self.view_as(change(self.layout().clone()))
    }
}
