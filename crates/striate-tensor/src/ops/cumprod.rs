//! `cumprod`: running products along a dimension.
//!
//! `y[i] = x[0] · ... · x[i]`, by doubling: after step `k` each element is the product of the `2^k` up to it. The gradient is
//! that of these products, and exact where elements are 0.

use crate::error::OrPanic;
use crate::layout::resolve_dim;
use crate::{DType, Tensor, TensorError};

impl Tensor {
    /// The running products along `dim`. Integers and booleans multiply to `i64`.
    ///
    /// ```
    /// use striate_tensor::Tensor;
    /// assert_eq!(Tensor::arange(1i64, 6, 1).cumprod(0).to_vec::<i64>(), [1, 2, 6, 24, 120]);
    /// ```
    ///
    /// # Panics
    /// When `dim` is out of range.
    #[track_caller]
    pub fn cumprod(&self, dim: isize) -> Tensor {
        self.try_cumprod(dim).or_panic()
    }

    /// Like [`cumprod`](Self::cumprod), with a mistake as an error.
    pub fn try_cumprod(&self, dim: isize) -> Result<Tensor, TensorError> {
        if self.dtype() == DType::BF16 {
            return crate::autocast::in_f32(self, |x| x.try_cumprod(dim));
        }
        let d = resolve_dim("cumprod", dim, self.rank())?;
        if matches!(self.dtype(), DType::U8 | DType::Bool) {
            return self.try_to_dtype(DType::I64)?.try_cumprod(dim);
        }
        let (dim, size) = (d as isize, self.shape()[d]);
        let (mut product, mut reach) = (self.clone(), 1);
        while reach < size {
            let complete = product.try_narrow(dim, 0, reach)?;
            let before = product.try_narrow(dim, 0, size - reach)?;
            let doubled = product.try_narrow(dim, reach, size - reach)?.try_mul(&before)?;
            product = Tensor::try_cat(&[&complete, &doubled], dim)?;
            reach *= 2;
        }
        Ok(product)
    }
}
