//! `where_`: choosing between two tensors by a mask.
//!
//! `y = a` where the mask is true, else `b`. The gradient goes to the one that was chosen, zero to the other.

use super::arithmetic::same_dtype;
use super::pointwise::{common_shape, zip, zip3};
use super::sum::sum_to_shape;
use crate::autocast::backward_in_f32;
use crate::autograd::{Backward, Gradients, Recording, SavedTensor};
use crate::dtype::{dispatch_float, dispatch_stored};
use crate::error::OrPanic;
use crate::layout::broadcast_shapes;
use crate::{DType, Tensor, TensorError};

struct WhereBackward {
    mask: SavedTensor,
    shapes: [Vec<usize>; 2],
}

impl Backward for WhereBackward {
    fn backward(&self, grad: &Tensor, needs: &[bool]) -> Result<Vec<Option<Tensor>>, TensorError> {
        if grad.dtype() == DType::BF16 {
            return backward_in_f32(self, grad, needs);
        }
        let mask = self.mask.get("where_")?;
        let part = |chosen: u8, shape: &[usize]| -> Result<Tensor, TensorError> {
            let part = dispatch_float!(grad.dtype(), "where_", |T| {
                zip("where_", grad, mask, grad.dtype(), |g: T, mask: u8| if mask == chosen { g } else { 0.0 })?
            });
            sum_to_shape(&part, shape)
        };
        let da = needs[0].then(|| part(1, &self.shapes[0])).transpose()?;
        let db = needs[1].then(|| part(0, &self.shapes[1])).transpose()?;
        Ok(vec![da, db])
    }

    fn differentiable(&self, grad: &Tensor, needs: &[bool], _recording: &Recording) -> Gradients {
        let (mask, zeros) = (self.mask.get("where_")?, grad.zeros_like());
        let da = needs[0].then(|| sum_to_shape(&mask.try_where_(grad, &zeros)?, &self.shapes[0])).transpose()?;
        let db = needs[1].then(|| sum_to_shape(&mask.try_where_(&zeros, grad)?, &self.shapes[1])).transpose()?;
        Ok(vec![da, db])
    }
}

impl Tensor {
    /// With this boolean tensor as a mask: elements of `a` where it is true, of `b` where it is false. All three
    /// broadcast to a common shape.
    ///
    /// ```
    /// use striate_tensor::Tensor;
    /// let mask = Tensor::from_slice(&[true, false], &[2]);
    /// let (a, b) = (Tensor::from_slice(&[1i64, 2], &[2]), Tensor::scalar(0i64));
    /// assert_eq!(mask.where_(&a, &b).to_vec::<i64>(), [1, 0]);
    /// ```
    ///
    /// # Panics
    /// When this tensor is not boolean, the dtypes of `a` and `b` differ, or the shapes do not broadcast.
    #[track_caller]
    pub fn where_(&self, a: &Tensor, b: &Tensor) -> Tensor {
        self.try_where_(a, b).or_panic()
    }

    /// Like [`where_`](Self::where_), with a mistake as an error.
    pub fn try_where_(&self, a: &Tensor, b: &Tensor) -> Result<Tensor, TensorError> {
        if self.dtype() != DType::Bool {
            return Err(TensorError::dtype(
                "where_",
                format!("the mask must be bool, got {}", self.dtype()),
                "make it by a comparison, as in x.gt(&y), or convert: mask.to_dtype(DType::Bool)",
            ));
        }
        same_dtype("where_", a, b)?;
        let shape = broadcast_shapes("where_", self.shape(), &common_shape("where_", a, b)?)?;
        let y = dispatch_stored!(a.dtype(), |S| {
            zip3(&shape, (self, a, b), a.dtype(), |mask: u8, a: S, b: S| if mask != 0 { a } else { b })
        });
        Ok(y.record("where_", &[a, b], || WhereBackward {
            mask: SavedTensor::new(self),
            shapes: [a.shape().to_vec(), b.shape().to_vec()],
        }))
    }
}
