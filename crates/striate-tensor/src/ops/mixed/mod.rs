//! Operations with bf16 operands that have kernels of their own: products are summed in `f32`, results are rounded to bf16
//! once, gradients of `f32` parameters stay `f32`.
//!
//! Each is called by the operation of the same name when its input is bf16, or `f32` inside
//! [`autocast`](crate::autocast).

pub(super) mod batch_norm;
pub(super) mod conv2d;
pub(super) mod linear;
pub(super) mod matmul;

use striate_kernels::bf16::bf16;

use crate::layout::{Layout, MemoryFormat};
use crate::storage::Data;
use crate::{DType, Tensor, TensorError};

/// The bias in the type of the sums.
fn wide_bias(op: &'static str, bias: Option<&Tensor>) -> Result<Option<Data<f32>>, TensorError> {
    let Some(bias) = bias else { return Ok(None) };
    if !matches!(bias.dtype(), DType::F32 | DType::BF16) {
        return Err(TensorError::dtypes_differ(op, DType::BF16, bias.dtype()));
    }
    let bias = bias.detach().try_to_dtype(DType::F32)?;
    Ok(Some(bias.data_in_format::<f32>(MemoryFormat::Contiguous)))
}

/// A parameter's gradient, which `fill` computes in `f32`, in the type of the parameter.
fn parameter_gradient(shape: &[usize], dtype: DType, fill: impl FnOnce(&mut [f32])) -> Result<Tensor, TensorError> {
    Tensor::fill_layout::<f32>(Layout::contiguous(shape), DType::F32, fill).try_to_dtype(dtype)
}

/// A new bf16 tensor.
fn fill(layout: Layout, fill: impl FnOnce(&mut [bf16])) -> Tensor {
    Tensor::fill_layout::<bf16>(layout, DType::BF16, fill)
}
