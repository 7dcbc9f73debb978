//! `broadcast_to`: a larger view in which dimensions of size 1 repeat, without copying. The gradient is summed over
//! the repetitions.

use super::sum::sum_to_shape;
use crate::autograd::{Backward, Gradients, Recording};
use crate::error::OrPanic;
use crate::layout::broadcasts_to;
use crate::{Tensor, TensorError};

struct BroadcastBackward {
    shape: Vec<usize>,
}

impl Backward for BroadcastBackward {
    fn backward(&self, grad: &Tensor, _needs: &[bool]) -> Result<Vec<Option<Tensor>>, TensorError> {
        Ok(vec![Some(sum_to_shape(grad, &self.shape)?)])
    }

    fn differentiable(&self, grad: &Tensor, needs: &[bool], _recording: &Recording) -> Gradients {
        self.backward(grad, needs)
    }
}

impl Tensor {
    /// A view with `shape`, which this tensor's shape must broadcast to (PyTorch's `expand`). Repeated elements share
    /// memory.
    ///
    /// ```
    /// use striate_tensor::Tensor;
    /// let row = Tensor::from_slice(&[1i64, 2], &[2]);
    /// assert_eq!(row.broadcast_to(&[3, 2]).to_vec::<i64>(), [1, 2, 1, 2, 1, 2]);
    /// ```
    ///
    /// # Panics
    /// When the shape does not broadcast to it.
    #[track_caller]
    pub fn broadcast_to(&self, shape: &[usize]) -> Tensor {
        self.try_broadcast_to(shape).or_panic()
    }

    /// Like [`broadcast_to`](Self::broadcast_to), with a mistake as an error.
    pub fn try_broadcast_to(&self, shape: &[usize]) -> Result<Tensor, TensorError> {
        if self.shape() == shape {
            return Ok(self.clone());
        }
        if !broadcasts_to(self.shape(), shape) {
            return Err(TensorError::shape(
                "broadcast_to",
                format!("shape {:?} does not broadcast to {shape:?}", self.shape()),
                "aligned at the right, each size must be 1 or the size wanted",
            ));
        }
        let expanded =
            Self::from_parts(std::sync::Arc::clone(&self.0.storage), self.layout().expanded(shape), self.dtype());
        Ok(expanded.record("broadcast_to", &[self], || BroadcastBackward { shape: self.shape().to_vec() }))
    }
}
