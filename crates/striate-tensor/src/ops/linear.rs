//! The fully connected layer: `y = x Wᵀ + b`.
//!
//! ```text
//! y[r, o] = b[o] + Σ_i x[r, i] w[o, i]
//! ∂x = ∂y W        ∂W = ∂yᵀ x        ∂b[o] = Σ_r ∂y[r, o]
//! ```

use striate_kernels::gemm::{MatrixMut, MatrixRef, gemm};
use striate_kernels::pointwise::sum_rows;

use crate::autograd::{Backward, Gradients, Recording, SavedTensor};
use crate::dtype::dispatch_float;
use crate::error::OrPanic;
use crate::layout::{Layout, MemoryFormat};
use crate::{Tensor, TensorError};

pub(super) const OP: &str = "linear";

impl Tensor {
    /// `self Wᵀ + b` over the last dimension: `[..., in]`, `weight` `[out, in]`, `bias` `[out]` give `[..., out]`.
    ///
    /// ```
    /// use striate_tensor::Tensor;
    /// let x = Tensor::from_slice(&[1.0f32, 2.0], &[1, 2]);
    /// let weight = Tensor::from_slice(&[1.0f32, 1.0, 0.0, -1.0, 2.0, 0.0], &[3, 2]);
    /// let bias = Tensor::from_slice(&[0.5f32, 0.0, 0.0], &[3]);
    /// assert_eq!(x.linear(&weight, Some(&bias)).to_vec::<f32>(), [3.5, -2.0, 2.0]);
    /// ```
    ///
    /// # Panics
    /// When shapes or dtypes do not fit.
    #[track_caller]
    pub fn linear(&self, weight: &Tensor, bias: Option<&Tensor>) -> Tensor {
        self.try_linear(weight, bias).or_panic()
    }

    /// Like [`linear`](Self::linear), with a mistake as an error.
    pub fn try_linear(&self, weight: &Tensor, bias: Option<&Tensor>) -> Result<Tensor, TensorError> {
        if crate::autocast::lowers(self) {
            return super::mixed::linear::linear(self, weight, bias);
        }
        super::conv2d::check_dtypes(OP, self, weight, bias)?;
        let (out_features, in_features) = check(self, weight, bias)?;
        let rows: usize = self.shape()[..self.rank() - 1].iter().product();
        let mut shape = self.shape().to_vec();
        shape[self.rank() - 1] = out_features;
        let input = self.to_format(MemoryFormat::Contiguous);
        let output = dispatch_float!(self.dtype(), OP, |T| {
            let (x, w) = (input.data::<T>(), weight.data_in_format::<T>(MemoryFormat::Contiguous));
            let bias = bias.map(|bias| bias.data_in_format::<T>(MemoryFormat::Contiguous));
            Tensor::fill_layout::<T>(Layout::contiguous(&shape), self.dtype(), |y| {
                // The bias goes in first and the product is added to it: one pass over the output less.
                if let Some(bias) = &bias {
                    y.chunks_exact_mut(out_features.max(1)).for_each(|row| row.copy_from_slice(bias));
                }
                let x = MatrixRef::row_major(&x, rows, in_features);
                let w = MatrixRef::row_major(&w, out_features, in_features).transposed();
                gemm(x, w, MatrixMut::row_major(y, rows, out_features), bias.is_some());
            })
        });
        let inputs: Vec<&Tensor> = [Some(self), Some(weight), bias].into_iter().flatten().collect();
        Ok(output.record(OP, &inputs, || LinearBackward {
            rows,
            input: SavedTensor::new(&input),
            weight: SavedTensor::new(weight),
        }))
    }
}

struct LinearBackward {
    rows: usize,
    /// Row-major.
    input: SavedTensor,
    weight: SavedTensor,
}

impl Backward for LinearBackward {
    fn backward(&self, grad: &Tensor, needs: &[bool]) -> Result<Vec<Option<Tensor>>, TensorError> {
        let (input, weight) = (self.input.get(OP)?, self.weight.get(OP)?);
        let (rows, dtype) = (self.rows, grad.dtype());
        let (out_features, in_features) = (weight.shape()[0], weight.shape()[1]);
        let mut gradients = vec![None; needs.len()];
        dispatch_float!(dtype, OP, |T| {
            let grad = grad.data_in_format::<T>(MemoryFormat::Contiguous);
            if needs[0] {
                let weight = weight.data_in_format::<T>(MemoryFormat::Contiguous);
                gradients[0] = Some(Tensor::fill_layout::<T>(Layout::contiguous(input.shape()), dtype, |out| {
                    let (grad, weight) = (
                        MatrixRef::row_major(&grad, rows, out_features),
                        MatrixRef::row_major(&weight, out_features, in_features),
                    );
                    gemm(grad, weight, MatrixMut::row_major(out, rows, in_features), false);
                }));
            }
            if needs[1] {
                let input = input.data_in_format::<T>(MemoryFormat::Contiguous);
                gradients[1] = Some(Tensor::fill_layout::<T>(Layout::contiguous(weight.shape()), dtype, |out| {
                    let (grad, input) = (
                        MatrixRef::row_major(&grad, rows, out_features).transposed(),
                        MatrixRef::row_major(&input, rows, in_features),
                    );
                    gemm(grad, input, MatrixMut::row_major(out, out_features, in_features), false);
                }));
            }
            if needs.get(2) == Some(&true) {
                gradients[2] = Some(Tensor::fill_layout::<T>(Layout::contiguous(&[out_features]), dtype, |out| {
                    if !out.is_empty() {
                        sum_rows(&grad, out);
                    }
                }));
            }
        });
        Ok(gradients)
    }

    fn differentiable(&self, grad: &Tensor, needs: &[bool], recording: &Recording) -> Gradients {
        let input = recording.input(0, self.input.get(OP)?);
        let weight = recording.input(1, self.weight.get(OP)?);
        let mut gradients = vec![None; needs.len()];
        let rows = grad.try_reshape(&[self.rows, weight.shape()[0]])?;
        if needs[0] {
            gradients[0] = Some(rows.try_matmul(&weight)?.try_reshape(input.shape())?);
        }
        if needs[1] {
            let input = input.try_reshape(&[self.rows, weight.shape()[1]])?;
            gradients[1] = Some(rows.t().try_matmul(&input)?);
        }
        if needs.get(2) == Some(&true) {
            gradients[2] = Some(rows.try_sum(&[0], false)?);
        }
        Ok(gradients)
    }
}

/// Checks the shapes; returns `(out, in)`.
pub(super) fn check(input: &Tensor, weight: &Tensor, bias: Option<&Tensor>) -> Result<(usize, usize), TensorError> {
    let &[out_features, in_features] = weight.shape() else {
        return Err(TensorError::shape(
            OP,
            format!("the weight must be [out, in], got {:?}", weight.shape()),
            "a linear weight has two dimensions; matmul takes the others",
        ));
    };
    if input.shape().last() != Some(&in_features) {
        let features = input.shape().last().copied().unwrap_or(0);
        let help = if input.rank() > 2 && input.shape()[1..].iter().product::<usize>() == in_features {
            "flatten(1, -1) turns the feature maps into vectors of the right length"
        } else if in_features != out_features && features == out_features {
            "the weight looks transposed: linear expects [out, in]"
        } else {
            "the last size of the input must equal the second size of the weight"
        };
        return Err(TensorError::shape(
            OP,
            format!(
                "input {:?} has {features} features, weight {:?} expects {in_features}",
                input.shape(),
                weight.shape()
            ),
            help,
        ));
    }
    if let Some(bias) = bias.filter(|bias| bias.shape() != [out_features]) {
        return Err(TensorError::shape(
            OP,
            format!("the bias must be [{out_features}], one number per output, got {:?}", bias.shape()),
            "the weight's first size and the bias's size must be equal",
        ));
    }
    Ok((out_features, in_features))
}
