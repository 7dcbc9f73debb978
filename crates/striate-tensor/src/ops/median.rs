//! `median`: the middle element along a dimension, of an even number the lower of the two (PyTorch's choice). A NaN is the
//! median of all it is among.
//!
//! The gradient goes to the one element at the index, by `gather`.

use crate::error::OrPanic;
use crate::layout::resolve_dim;
use crate::{DType, Tensor, TensorError};

const OP: &str = "median";

impl Tensor {
    /// The middle element along `dim`, in order of size, and its index (`i64`).
    ///
    /// ```
    /// use striate_tensor::Tensor;
    /// let (values, indices) = Tensor::from_slice(&[7.0f32, 1.0, 5.0, 9.0], &[4]).median(0, false);
    /// assert_eq!((values.item::<f32>(), indices.item::<i64>()), (5.0, 2));
    /// ```
    ///
    /// # Panics
    /// When `dim` is out of range or empty, or the tensor is boolean.
    #[track_caller]
    pub fn median(&self, dim: isize, keepdim: bool) -> (Tensor, Tensor) {
        self.try_median(dim, keepdim).or_panic()
    }

    /// Like [`median`](Self::median), with a mistake as an error.
    pub fn try_median(&self, dim: isize, keepdim: bool) -> Result<(Tensor, Tensor), TensorError> {
        let d = resolve_dim(OP, dim, self.rank())? as isize;
        let size = self.size(d);
        if size == 0 {
            return Err(TensorError::shape(
                OP,
                format!("dimension {dim} of shape {:?} is empty", self.shape()),
                "only dimensions with at least one entry have a middle",
            ));
        }
        if self.dtype() == DType::Bool {
            return Err(TensorError::needs_number(OP));
        }
        let indices = crate::no_grad(|| {
            let (values, order) = self.try_sort(d, false)?;
            let (middle, last) = (order.try_narrow(d, (size - 1) / 2, 1)?, order.try_narrow(d, size - 1, 1)?);
            // NaN comes last.
            let largest = values.try_narrow(d, size - 1, 1)?;
            largest.try_ne(&largest)?.try_where_(&last, &middle)
        })?;
        let values = self.try_gather(d, &indices)?;
        if keepdim { Ok((values, indices)) } else { Ok((values.try_squeeze(d)?, indices.try_squeeze(d)?)) }
    }
}
