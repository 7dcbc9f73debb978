//! `linear` of bf16. The mathematics is in [`linear`](super::super::linear).

use striate_kernels::bf16::bf16;
use striate_kernels::gemm::{MatrixMut, MatrixRef, gemm_bf16, gemm_bf16_rounded};
use striate_kernels::pointwise::sum_rows;

use super::{fill, parameter_gradient, wide_bias};
use crate::autocast;
use crate::autograd::{Backward, SavedTensor};
use crate::layout::{Layout, MemoryFormat};
use crate::ops::linear::{OP, check};
use crate::{DType, Tensor, TensorError};

/// `x` is bf16, or `f32` inside autocast.
pub(in crate::ops) fn linear(x: &Tensor, weight: &Tensor, bias: Option<&Tensor>) -> Result<Tensor, TensorError> {
    let (out_features, in_features) = check(x, weight, bias)?;
    let x = autocast::activation(OP, x)?;
    let cast = autocast::parameter(OP, weight)?.to_format(MemoryFormat::Contiguous);
    let wide_bias = wide_bias(OP, bias)?;
    let mut shape = x.shape().to_vec();
    let last = shape.pop().expect("checked: the input has features");
    let rows: usize = shape.iter().product();
    shape.push(out_features);
    debug_assert_eq!(last, in_features);
    let input = x.to_format(MemoryFormat::Contiguous);
    let output = fill(Layout::contiguous(&shape), |y| {
        let (x, w) = (input.data::<bf16>(), cast.data::<bf16>());
        let x = MatrixRef::row_major(&x, rows, in_features);
        let w = MatrixRef::row_major(&w, out_features, in_features).transposed();
        gemm_bf16_rounded(x, w, wide_bias.as_deref(), y);
    });
    let inputs: Vec<&Tensor> = [Some(&x), Some(weight), bias].into_iter().flatten().collect();
    Ok(output.record(OP, &inputs, || LinearBackward {
        rows,
        input: SavedTensor::new(&input),
        weight: SavedTensor::new(&cast),
        parameters: [weight.dtype(), bias.map_or(DType::F32, Tensor::dtype)],
    }))
}

struct LinearBackward {
    rows: usize,
    /// Row-major.
    input: SavedTensor,
    /// Rounded, row-major.
    weight: SavedTensor,
    /// Types of weight and bias.
    parameters: [DType; 2],
}

impl Backward for LinearBackward {
    fn backward(&self, grad: &Tensor, needs: &[bool]) -> Result<Vec<Option<Tensor>>, TensorError> {
        let (input, weight) = (self.input.get(OP)?, self.weight.get(OP)?);
        let (out_features, in_features) = (weight.shape()[0], weight.shape()[1]);
        let [weight_type, bias_type] = self.parameters;
        let grad = grad.data_in_format::<bf16>(MemoryFormat::Contiguous);
        let grad_rows = MatrixRef::row_major(&grad, self.rows, out_features);
        let mut gradients = vec![None; needs.len()];
        if needs[0] {
            gradients[0] = Some(fill(Layout::contiguous(input.shape()), |out| {
                let weight = weight.data::<bf16>();
                gemm_bf16_rounded(grad_rows, MatrixRef::row_major(&weight, out_features, in_features), None, out);
            }));
        }
        if needs[1] {
            gradients[1] = Some(parameter_gradient(weight.shape(), weight_type, |out| {
                let input = input.data::<bf16>();
                let input = MatrixRef::row_major(&input, self.rows, in_features);
                let out = MatrixMut::row_major(out, out_features, in_features);
                gemm_bf16(grad_rows.transposed(), input, out, false);
            })?);
        }
        if needs.get(2) == Some(&true) {
            gradients[2] = Some(parameter_gradient(&[out_features], bias_type, |out| {
                if !out.is_empty() {
                    sum_rows(&grad, out);
                }
            })?);
        }
        Ok(gradients)
    }
}
