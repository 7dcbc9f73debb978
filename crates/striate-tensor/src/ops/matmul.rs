//! `matmul`: the matrix product, batched and broadcast.
//!
//! `[.., m, k] x [.., k, n] -> [.., m, n]`; the leading dimensions broadcast. A vector on the left counts as a row
//! `[1, k]`, one on the right as a column `[k, 1]`; the dimension added for it is removed again.
//!
//! Backward, per matrix, with `dy` the gradient of the product: `da = dy · bᵀ` and `db = aᵀ · dy`, each summed over the
//! dimensions along which its operand was broadcast.

use striate_kernels::gemm::{MatrixMut, MatrixRef, gemm};
use striate_kernels::threads::parallel_chunks_mut;

use super::arithmetic::same_dtype;
use super::sum::sum_to_shape;
use crate::autocast::{activation, is_autocast_enabled};
use crate::autograd::{Backward, Gradients, Recording, SavedTensor};
use crate::dtype::dispatch_float;
use crate::error::OrPanic;
use crate::layout::{Layout, MemoryFormat, broadcast_shapes};
use crate::{DType, Tensor, TensorError};

struct MatmulBackward {
    a: SavedTensor,
    b: SavedTensor,
}

impl Backward for MatmulBackward {
    fn backward(&self, grad: &Tensor, needs: &[bool]) -> Result<Vec<Option<Tensor>>, TensorError> {
        let (a, b) = (self.a.get("matmul")?, self.b.get("matmul")?);
        let da = needs[0].then(|| sum_to_shape(&product(grad, &b.t())?, a.shape())).transpose()?;
        let db = needs[1].then(|| sum_to_shape(&product(&a.t(), grad)?, b.shape())).transpose()?;
        Ok(vec![da, db])
    }

    fn differentiable(&self, grad: &Tensor, needs: &[bool], recording: &Recording) -> Gradients {
        let a = recording.input(0, self.a.get("matmul")?);
        let b = recording.input(1, self.b.get("matmul")?);
        let da = needs[0].then(|| sum_to_shape(&grad.try_matmul(&b.t())?, a.shape())).transpose()?;
        let db = needs[1].then(|| sum_to_shape(&a.t().try_matmul(grad)?, b.shape())).transpose()?;
        Ok(vec![da, db])
    }
}

/// The product of operands with at least two dimensions each, whose inner sizes agree. Outside any graph.
fn product(a: &Tensor, b: &Tensor) -> Result<Tensor, TensorError> {
    let (a_batch, &[m, k]) = a.shape().split_last_chunk().expect("operands have two dimensions or more");
    let (b_batch, &[_, n]) = b.shape().split_last_chunk().expect("operands have two dimensions or more");
    let batch = broadcast_shapes("matmul", a_batch, b_batch)?;
    let shape = [&batch[..], &[m, n]].concat();
    if a.dtype() == DType::BF16 {
        let a_expanded = a.layout().expanded(&[&batch[..], &[m, k]].concat());
        let b_expanded = b.layout().expanded(&[&batch[..], &[k, n]].concat());
        return Ok(super::mixed::matmul::product((a, &a_expanded), (b, &b_expanded), &shape));
    }
    dispatch_float!(a.dtype(), "matmul", |T| {
        let (a_data, b_data) = (a.data::<T>(), b.data::<T>());
        let a_expanded = a.layout().expanded(&[&batch[..], &[m, k]].concat());
        let b_expanded = b.layout().expanded(&[&batch[..], &[k, n]].concat());
        let multiply = |index: usize, output: &mut [T]| {
            gemm(
                matrix(&a_data, &a_expanded, index),
                matrix(&b_data, &b_expanded, index),
                MatrixMut::row_major(output, m, n),
                false,
            );
        };
        Ok(Tensor::fill_new::<T>(&shape, MemoryFormat::Contiguous, |output| match batch.iter().product() {
            0 => {}
            // One product is parallel inside; several are spread over the threads.
            1 => multiply(0, output),
            _ if m * n == 0 => {}
            _ => parallel_chunks_mut(output, m * n, &|index, output: &mut [T]| multiply(index, output)),
        }))
    })
}

/// Matrix number `index` of a stack of matrices.
pub(super) fn matrix<'a, T>(data: &'a [T], layout: &Layout, mut index: usize) -> MatrixRef<'a, T> {
    let (batch, &[rows, cols]) = layout.shape.split_last_chunk().expect("a stack of matrices");
    let (batch_strides, &[row_stride, col_stride]) = layout.strides.split_last_chunk().expect("a stack of matrices");
    let mut offset = 0;
    for (&size, &stride) in batch.iter().zip(batch_strides).rev() {
        offset += index % size * stride;
        index /= size;
    }
    MatrixRef { data: &data[offset.min(data.len())..], rows, cols, row_stride, col_stride }
}

impl Tensor {
    /// The matrix product, of two dimensions or more with broadcasting of the leading ones; vectors are treated as a
    /// row on the left and as a column on the right.
    ///
    /// ```
    /// use striate_tensor::Tensor;
    /// let a = Tensor::from_slice(&[1.0f32, 2.0, 3.0, 4.0], &[2, 2]);
    /// let x = Tensor::from_slice(&[1.0f32, 1.0], &[2]);
    /// assert_eq!(a.matmul(&x).to_vec::<f32>(), [3.0, 7.0]);
    /// ```
    ///
    /// # Panics
    /// When an operand has no dimension, the inner sizes differ, the leading dimensions do not broadcast, or the dtypes
    /// differ or are not floats.
    #[track_caller]
    pub fn matmul(&self, other: &Tensor) -> Tensor {
        self.try_matmul(other).or_panic()
    }

    /// Like [`matmul`](Self::matmul), with a mistake as an error.
    pub fn try_matmul(&self, other: &Tensor) -> Result<Tensor, TensorError> {
        if is_autocast_enabled() && [self, other].iter().any(|x| x.dtype() == DType::F32) {
            return activation("matmul", self)?.try_matmul(&activation("matmul", other)?);
        }
        same_dtype("matmul", self, other)?;
        if !self.dtype().is_float() {
            return Err(TensorError::needs_float("matmul", self.dtype()));
        }
        if self.rank() == 0 || other.rank() == 0 {
            return Err(TensorError::shape(
                "matmul",
                format!("needs vectors or matrices, got shapes {:?} and {:?}", self.shape(), other.shape()),
                "multiply by a single number with *",
            ));
        }
        let inner = (self.size(-1), other.shape()[other.rank().saturating_sub(2)]);
        if inner.0 != inner.1 {
            return Err(inner_sizes_differ(self, other, inner));
        }
        let row = self.rank() == 1;
        let column = other.rank() == 1;
        let a = if row { self.try_unsqueeze(0)? } else { self.clone() };
        let b = if column { other.try_unsqueeze(-1)? } else { other.clone() };
        // A stack of matrices times one matrix is one product with all rows.
        if b.rank() == 2 && a.rank() > 2 && a.is_contiguous() {
            let rows = a.try_flatten(0, -2)?;
            let shape = [&self.shape()[..self.rank() - 1], if column { &[] } else { &b.shape()[1..] }].concat();
            return rows.matmul_recorded(&b)?.try_reshape(&shape);
        }
        let mut y = a.matmul_recorded(&b)?;
        if row {
            y = y.try_squeeze(-2)?;
        }
        if column {
            y = y.try_squeeze(-1)?;
        }
        Ok(y)
    }

    fn matmul_recorded(&self, other: &Tensor) -> Result<Tensor, TensorError> {
        Ok(product(self, other)?.record("matmul", &[self, other], || MatmulBackward {
            a: SavedTensor::new(self),
            b: SavedTensor::new(other),
        }))
    }
}

fn inner_sizes_differ(a: &Tensor, b: &Tensor, inner: (usize, usize)) -> TensorError {
    let help = if b.rank() >= 2 && b.size(-1) == inner.0 {
        "the columns of the left must be the rows of the right: the transpose of the right fits, b.t()"
    } else if a.rank() >= 2 && a.size(-2) == inner.1 {
        "the columns of the left must be the rows of the right: the transpose of the left fits, a.t()"
    } else {
        "the columns of the left must be the rows of the right: [m, k] x [k, n] -> [m, n]"
    };
    TensorError::shape(
        "matmul",
        format!("inner sizes {} and {} differ: left is {:?}, right is {:?}", inner.0, inner.1, a.shape(), b.shape()),
        help,
    )
}
