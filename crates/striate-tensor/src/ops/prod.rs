//! `prod`: the product over dimensions.
//!
//! `y = Π x`; backward: `dx[i] = dy Π_{j ≠ i} x[j]`, from products of what lies before and behind, so that zeros do no
//! harm.

use super::reduce::{Reduction, fold};
use crate::autograd::{Backward, Gradients, Recording, SavedTensor};
use crate::dtype::{Number, dispatch_float, dispatch_number};
use crate::error::OrPanic;
use crate::layout::MemoryFormat;
use crate::{DType, Tensor, TensorError};

const OP: &str = "prod";

struct ProdBackward {
    x: SavedTensor,
    reduction: Reduction,
}

impl ProdBackward {
    /// The order of dimensions with the reduced ones last, and the way back.
    fn orders(&self) -> (Vec<isize>, Vec<isize>) {
        let (folded, kept): (Vec<usize>, Vec<usize>) =
            (0..self.reduction.reduced.len()).partition(|&d| self.reduction.reduced[d]);
        let order = [kept, folded].concat();
        let mut back = vec![0; order.len()];
        order.iter().enumerate().for_each(|(i, &d)| back[d] = i as isize);
        (order.into_iter().map(|d| d as isize).collect(), back)
    }
}

impl Backward for ProdBackward {
    fn backward(&self, grad: &Tensor, _needs: &[bool]) -> Result<Vec<Option<Tensor>>, TensorError> {
        let x = self.x.get(OP)?;
        let (order, back) = self.orders();
        let moved = x.try_permute(&order)?;
        let width = self.reduction.count(x.shape()).max(1);
        let others = dispatch_float!(x.dtype(), OP, |T| {
            let data = moved.data_in_format::<T>(MemoryFormat::Contiguous);
            Tensor::fill_new::<T>(moved.shape(), MemoryFormat::Contiguous, |output| {
                for (x, others) in data.chunks_exact(width).zip(output.chunks_exact_mut(width)) {
                    let mut before = 1.0;
                    for (x, other) in x.iter().zip(others.iter_mut()) {
                        *other = before;
                        before *= x;
                    }
                    let mut behind = 1.0;
                    for (x, other) in x.iter().zip(others).rev() {
                        *other *= behind;
                        behind *= x;
                    }
                }
            })
        });
        let grad = grad.try_reshape(&self.reduction.kept_shape(x.shape()))?;
        Ok(vec![Some(others.try_permute(&back)?.try_mul(&grad)?)])
    }

    fn differentiable(&self, grad: &Tensor, needs: &[bool], recording: &Recording) -> Gradients {
        let x = recording.input(0, self.x.get(OP)?);
        let (order, _) = self.orders();
        recording.through(grad, needs, &[x], |inputs| {
            let width = self.reduction.count(inputs[0].shape());
            let moved = inputs[0].try_permute(&order)?;
            let lines = moved.try_reshape(&[moved.numel() / width.max(1), width])?;
            let mut product = Tensor::ones(&[lines.shape()[0]], lines.dtype());
            for i in 0..width {
                product = product.try_mul(&lines.try_select(1, i as isize)?)?;
            }
            product.try_reshape(grad.shape())
        })
    }
}

impl Tensor {
    /// The product over `dims` (all of them when empty); see [`sum`](Self::sum). Of no elements it is 1. Integers and
    /// booleans give `i64`.
    ///
    /// ```
    /// use striate_tensor::Tensor;
    /// assert_eq!(Tensor::arange(1i64, 5, 1).prod(&[], false).item::<i64>(), 24);
    /// ```
    ///
    /// # Panics
    /// When a dimension is out of range or given twice.
    #[track_caller]
    pub fn prod(&self, dims: &[isize], keepdim: bool) -> Tensor {
        self.try_prod(dims, keepdim).or_panic()
    }

    /// Like [`prod`](Self::prod), with a mistake as an error.
    pub fn try_prod(&self, dims: &[isize], keepdim: bool) -> Result<Tensor, TensorError> {
        if matches!(self.dtype(), DType::U8 | DType::Bool) {
            return self.try_to_dtype(DType::I64)?.try_prod(dims, keepdim);
        }
        let reduction = Reduction::new(OP, self, dims, keepdim)?;
        let y = dispatch_number!(self.dtype(), OP, |T| fold::<T>(self, &reduction, T::ONE, T::times));
        Ok(y.record(OP, &[self], || ProdBackward { x: SavedTensor::new(self), reduction }))
    }
}
