//! Softmax and its logarithm over one dimension.
//!
//! ```text
//! softmax:      y_i = exp(x_i) / Σ_j exp(x_j)          ∂x_i = y_i (∂y_i - Σ_j ∂y_j y_j)
//! log_softmax:  y_i = x_i - log Σ_j exp(x_j)           ∂x_i = ∂y_i - exp(y_i) Σ_j ∂y_j
//! ```
//!
//! The largest `x` is subtracted first, so extreme inputs neither overflow nor lose the small probabilities' logarithm.

use striate_kernels::Element;
use striate_kernels::softmax as kernel;

use crate::autograd::{Backward, Gradients, Recording, SavedTensor};
use crate::dtype::dispatch_float;
use crate::error::OrPanic;
use crate::layout::{Layout, MemoryFormat, resolve_dim};
use crate::{DType, Tensor, TensorError};

impl Tensor {
    /// Probabilities over dimension `dim` (negative counts from the end): positive, summing to 1.
    ///
    /// ```
    /// use striate_tensor::Tensor;
    /// let logits = Tensor::from_slice(&[1000.0f32, 1000.0], &[1, 2]);
    /// assert_eq!(logits.softmax(1).to_vec::<f32>(), [0.5, 0.5]);
    /// ```
    ///
    /// # Panics
    /// When the tensor is not a float, or has no such dimension.
    #[track_caller]
    pub fn softmax(&self, dim: isize) -> Tensor {
        self.try_softmax(dim).or_panic()
    }

    /// Like [`softmax`](Self::softmax), with a mistake as an error.
    pub fn try_softmax(&self, dim: isize) -> Result<Tensor, TensorError> {
        try_kind(self, dim, Kind::Softmax)
    }

    /// The logarithm of [`softmax`](Self::softmax), computed without forming the probabilities.
    ///
    /// # Panics
    /// When the tensor is not a float, or has no such dimension.
    #[track_caller]
    pub fn log_softmax(&self, dim: isize) -> Tensor {
        self.try_log_softmax(dim).or_panic()
    }

    /// Like [`log_softmax`](Self::log_softmax), with a mistake as an error.
    pub fn try_log_softmax(&self, dim: isize) -> Result<Tensor, TensorError> {
        try_kind(self, dim, Kind::LogSoftmax)
    }
}

#[derive(Clone, Copy)]
enum Kind {
    Softmax,
    LogSoftmax,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Softmax => "softmax",
            Self::LogSoftmax => "log_softmax",
        }
    }

    fn forward<T: Element>(self, x: &[T], columns: usize, out: &mut [T]) {
        match self {
            Self::Softmax => kernel::softmax_rows(x, columns, out),
            Self::LogSoftmax => kernel::log_softmax_rows(x, columns, out),
        }
    }

    fn backward<T: Element>(self, y: &[T], grad_output: &[T], columns: usize, grad_input: &mut [T]) {
        match self {
            Self::Softmax => kernel::softmax_backward_rows(y, grad_output, columns, grad_input),
            Self::LogSoftmax => kernel::log_softmax_backward_rows(y, grad_output, columns, grad_input),
        }
    }
}

fn try_kind(input: &Tensor, dim: isize, kind: Kind) -> Result<Tensor, TensorError> {
    if input.dtype() == DType::BF16 {
        return crate::autocast::in_f32(input, |x| try_kind(x, dim, kind));
    }
    let dim = resolve_dim(kind.name(), dim, input.rank())?;
    let output = dispatch_float!(input.dtype(), kind.name(), |T| {
        let x = input.view_as(dim_to_last(input.layout(), dim)).data_in_format::<T>(MemoryFormat::Contiguous);
        Tensor::fill_layout::<T>(dense_along(input.shape(), dim), input.dtype(), |y| {
            kind.forward(&x, input.shape()[dim], y);
        })
    });
    Ok(output.clone().record(kind.name(), &[input], || SoftmaxBackward {
        kind,
        dim,
        output: SavedTensor::new(&output),
    }))
}

struct SoftmaxBackward {
    kind: Kind,
    dim: usize,
    /// Dense along `dim`.
    output: SavedTensor,
}

impl Backward for SoftmaxBackward {
    fn backward(&self, grad: &Tensor, _needs: &[bool]) -> Result<Vec<Option<Tensor>>, TensorError> {
        let Self { kind, dim, .. } = *self;
        let output = self.output.get(kind.name())?;
        let grad_input = dispatch_float!(grad.dtype(), kind.name(), |T| {
            let y = output.data::<T>();
            let dy = grad.view_as(dim_to_last(grad.layout(), dim)).data_in_format::<T>(MemoryFormat::Contiguous);
            Tensor::fill_layout::<T>(dense_along(grad.shape(), dim), grad.dtype(), |dx| {
                kind.backward(&y, &dy, grad.shape()[dim], dx);
            })
        });
        Ok(vec![Some(grad_input)])
    }

    fn differentiable(&self, grad: &Tensor, _needs: &[bool], recording: &Recording) -> Gradients {
        let y = recording.output(self.output.get(self.kind.name())?);
        let dims = &[self.dim as isize];
        let gradient = match self.kind {
            Kind::Softmax => y.try_mul(&grad.try_sub(&grad.try_mul(&y)?.try_sum(dims, true)?)?)?,
            Kind::LogSoftmax => grad.try_sub(&y.try_exp()?.try_mul(&grad.try_sum(dims, true)?)?)?,
        };
        Ok(vec![Some(gradient)])
    }
}

/// The same elements with dimension `dim` moved to the end.
pub(super) fn dim_to_last(layout: &Layout, dim: usize) -> Layout {
    let mut moved = layout.clone();
    let (size, stride) = (moved.shape.remove(dim), moved.strides.remove(dim));
    moved.shape.push(size);
    moved.strides.push(stride);
    moved
}

/// A fresh layout in which `dim` is the fastest dimension and the others keep their order: rows of `dim` in memory.
pub(super) fn dense_along(shape: &[usize], dim: usize) -> Layout {
    let mut dense = Layout::contiguous(&dim_to_last(&Layout::contiguous(shape), dim).shape);
    let last = shape.len() - 1;
    let (size, stride) = (dense.shape.remove(last), dense.strides.remove(last));
    dense.shape.insert(dim, size);
    dense.strides.insert(dim, stride);
    dense
}
