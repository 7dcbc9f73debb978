//! `permute` and `transpose`: views with the dimensions in another order. The gradient is permuted back.

use crate::autograd::{Backward, Gradients, Recording};
use crate::error::OrPanic;
use crate::layout::resolve_dim;
use crate::{Tensor, TensorError};

struct PermuteBackward {
    /// Where each dimension of the input went.
    inverse: Vec<isize>,
}

impl Backward for PermuteBackward {
    fn backward(&self, grad: &Tensor, _needs: &[bool]) -> Result<Vec<Option<Tensor>>, TensorError> {
        Ok(vec![Some(grad.try_permute(&self.inverse)?)])
    }

    fn differentiable(&self, grad: &Tensor, needs: &[bool], _recording: &Recording) -> Gradients {
        self.backward(grad, needs)
    }
}

impl Tensor {
    /// A view with the dimensions reordered: dimension `i` of the result is dimension `dims[i]` of this tensor.
    ///
    /// ```
    /// use striate_tensor::{DType, Tensor};
    /// let nhwc = Tensor::zeros(&[8, 28, 20, 3], DType::F32);
    /// assert_eq!(nhwc.permute(&[0, 3, 1, 2]).shape(), [8, 3, 28, 20]);
    /// ```
    ///
    /// # Panics
    /// When `dims` does not name every dimension exactly once.
    #[track_caller]
    pub fn permute(&self, dims: &[isize]) -> Tensor {
        self.try_permute(dims).or_panic()
    }

    /// Like [`permute`](Self::permute), with a mistake as an error.
    pub fn try_permute(&self, dims: &[isize]) -> Result<Tensor, TensorError> {
        let not_a_permutation = || {
            TensorError::argument(
                "permute",
                format!("{dims:?} is not an order of the {} dimensions of shape {:?}", self.rank(), self.shape()),
                "name every dimension exactly once",
            )
        };
        if dims.len() != self.rank() {
            return Err(not_a_permutation());
        }
        let mut inverse = vec![-1; self.rank()];
        let mut order = Vec::with_capacity(self.rank());
        for (i, &dim) in dims.iter().enumerate() {
            let d = resolve_dim("permute", dim, self.rank())?;
            if inverse[d] != -1 {
                return Err(not_a_permutation());
            }
            inverse[d] = i as isize;
            order.push(d);
        }
        let permuted = self.with_layout(|layout| crate::layout::Layout {
            shape: order.iter().map(|&d| layout.shape[d]).collect(),
            strides: order.iter().map(|&d| layout.strides[d]).collect(),
            offset: layout.offset,
        });
        Ok(permuted.record("permute", &[self], || PermuteBackward { inverse }))
    }

    /// A view with two dimensions exchanged.
    ///
    /// # Panics
    /// When a dimension is out of range.
    #[track_caller]
    pub fn transpose(&self, a: isize, b: isize) -> Tensor {
        self.try_transpose(a, b).or_panic()
    }

    /// Like [`transpose`](Self::transpose), with a mistake as an error.
    pub fn try_transpose(&self, a: isize, b: isize) -> Result<Tensor, TensorError> {
        let (a, b) = (resolve_dim("transpose", a, self.rank())?, resolve_dim("transpose", b, self.rank())?);
        let mut dims: Vec<isize> = (0..self.rank() as isize).collect();
        dims.swap(a, b);
        self.try_permute(&dims)
    }

    /// The transpose of a matrix, as a view: the last two dimensions exchanged. A vector stays as it is.
    pub fn t(&self) -> Tensor {
        if self.rank() < 2 { self.clone() } else { self.transpose(-1, -2) }
    }
}
