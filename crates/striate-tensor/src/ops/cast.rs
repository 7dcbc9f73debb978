//! `to_dtype`.
//!
//! Forward: `y = x` in another type. Backward: `dx = dy` in the type of `x`.

use striate_kernels::bf16::{from_f32, to_f32};

use super::pointwise::map;
use crate::autograd::{Backward, Gradients, Recording};
use crate::dtype::{Number, TensorElement, dispatch_number, dispatch_stored};
use crate::error::OrPanic;
use crate::{DType, Tensor, TensorError};

struct CastBackward {
    from: DType,
}

impl Backward for CastBackward {
    fn backward(&self, grad: &Tensor, _needs: &[bool]) -> Result<Vec<Option<Tensor>>, TensorError> {
        Ok(vec![Some(grad.try_to_dtype(self.from)?)])
    }

    fn differentiable(&self, grad: &Tensor, needs: &[bool], _recording: &Recording) -> Gradients {
        self.backward(grad, needs)
    }
}

impl Tensor {
    /// The elements converted to `dtype`: floats truncate towards integers and saturate, and round to the nearest narrower
    /// float (of two equally near to the even one; NaN stays NaN); booleans become 0 and 1;
    /// everything but zero becomes true. This tensor itself when it has the dtype. Between floats the gradient passes
    /// through, converted back; integers and booleans carry none.
    #[track_caller]
    pub fn to_dtype(&self, dtype: DType) -> Tensor {
        self.try_to_dtype(dtype).or_panic()
    }

    /// Like [`to_dtype`](Self::to_dtype), with a mistake as an error.
    pub fn try_to_dtype(&self, dtype: DType) -> Result<Tensor, TensorError> {
        if dtype == self.dtype() {
            return Ok(self.clone());
        }
        if let Some(converted) = self.between_f32_and_bf16(dtype) {
            let from = self.dtype();
            return Ok(converted.record("to_dtype", &[self], || CastBackward { from }));
        }
        let converted = dispatch_stored!(self.dtype(), |S| match dtype {
            DType::Bool => map(self, dtype, |x: S| u8::from(x != S::ZERO)),
            _ => dispatch_number!(dtype, "to_dtype", |T| {
                if S::DTYPE.is_float() {
                    map(self, dtype, |x: S| T::from_f64(x.to_f64()))
                } else {
                    map(self, dtype, |x: S| T::from_i64(x.to_i64()))
                }
            }),
        });
        if !dtype.is_float() {
            return Ok(converted);
        }
        let from = self.dtype();
        Ok(converted.record("to_dtype", &[self], || CastBackward { from }))
    }

    /// The conversions of mixed precision, in loops that vectorise.
    fn between_f32_and_bf16(&self, dtype: DType) -> Option<Tensor> {
        match (self.dtype(), dtype) {
            (DType::F32, DType::BF16) => Some(map(self, dtype, from_f32)),
            (DType::BF16, DType::F32) => Some(map(self, dtype, to_f32)),
            _ => None,
        }
    }
}
