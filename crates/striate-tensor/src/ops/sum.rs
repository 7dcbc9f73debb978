//! `sum` and `mean`.
//!
//! Forward: `y = scale * sum(x over dims)`, with `scale` 1 or one over the number of elements folded. Backward: every
//! element of `x` went into its `y` with weight `scale`, so `dx = scale * dy`, broadcast back.

use super::reduce::{Reduction, fold};
use crate::autograd::{Backward, Gradients, Recording};
use crate::dtype::{Number, dispatch_float};
use crate::error::OrPanic;
use crate::layout::broadcasts_to;
use crate::{DType, Tensor, TensorError};

struct SumBackward {
    reduction: Reduction,
    shape: Vec<usize>,
    scale: f64,
}

impl Backward for SumBackward {
    fn backward(&self, grad: &Tensor, _needs: &[bool]) -> Result<Vec<Option<Tensor>>, TensorError> {
        let grad = if self.scale == 1.0 { grad.clone() } else { grad.try_mul_scalar(self.scale)? };
        Ok(vec![Some(self.reduction.unfinish(&grad, &self.shape).try_broadcast_to(&self.shape)?)])
    }

    fn differentiable(&self, grad: &Tensor, _needs: &[bool], _recording: &Recording) -> Gradients {
        let grad = if self.scale == 1.0 { grad.clone() } else { grad.try_mul_scalar(self.scale)? };
        Ok(vec![Some(grad.try_reshape(&self.reduction.kept_shape(&self.shape))?.try_broadcast_to(&self.shape)?)])
    }
}

fn sum_scaled(op: &'static str, x: &Tensor, dims: &[isize], keepdim: bool, mean: bool) -> Result<Tensor, TensorError> {
    if x.dtype() == DType::BF16 {
        return crate::autocast::in_f32(x, |x| sum_scaled(op, x, dims, keepdim, mean));
    }
    let reduction = Reduction::new(op, x, dims, keepdim)?;
    let scale = if mean { 1.0 / reduction.count(x.shape()) as f64 } else { 1.0 };
    let sum = match x.dtype() {
        DType::I64 => fold::<i64>(x, &reduction, 0, i64::wrapping_add),
        DType::U8 | DType::Bool => return sum_scaled(op, &x.try_to_dtype(DType::I64)?, dims, keepdim, mean),
        dtype => dispatch_float!(dtype, op, |T| fold::<T>(x, &reduction, T::ZERO, |a, b| a + b)),
    };
    let result = if mean { sum.try_mul_scalar(scale)? } else { sum };
    Ok(result.record(op, &[x], || SumBackward { reduction, shape: x.shape().to_vec(), scale }))
}

/// Sums a gradient over the dimensions along which a tensor of `shape` was broadcast to it.
pub(crate) fn sum_to_shape(grad: &Tensor, shape: &[usize]) -> Result<Tensor, TensorError> {
    debug_assert!(broadcasts_to(shape, grad.shape()));
    if grad.shape() == shape {
        return Ok(grad.clone());
    }
    let lead = grad.rank() - shape.len();
    let dims: Vec<isize> = (0..grad.rank())
        .filter(|&d| d < lead || (shape[d - lead] == 1 && grad.shape()[d] != 1))
        .map(|d| d as isize)
        .collect();
    let sum = if dims.is_empty() { grad.clone() } else { grad.try_sum(&dims, true)? };
    if lead == 0 { Ok(sum) } else { sum.try_reshape(shape) }
}

impl Tensor {
    /// The sum over `dims` (all of them when empty); negative dims count from the end. Reduced dimensions disappear, or
    /// stay as size 1 with `keepdim`. Integers and booleans sum to `i64`.
    ///
    /// ```
    /// use striate_tensor::Tensor;
    /// let x = Tensor::from_slice(&[1.0f32, 2.0, 3.0, 4.0], &[2, 2]);
    /// assert_eq!(x.sum(&[0], false).to_vec::<f32>(), [4.0, 6.0]);
    /// ```
    ///
    /// # Panics
    /// When a dimension is out of range or given twice.
    #[track_caller]
    pub fn sum(&self, dims: &[isize], keepdim: bool) -> Tensor {
        self.try_sum(dims, keepdim).or_panic()
    }

    /// Like [`sum`](Self::sum), with a mistake as an error.
    pub fn try_sum(&self, dims: &[isize], keepdim: bool) -> Result<Tensor, TensorError> {
        sum_scaled("sum", self, dims, keepdim, false)
    }

    /// The sum of all elements, as a tensor without dimensions.
    #[track_caller]
    pub fn sum_all(&self) -> Tensor {
        self.try_sum_all().or_panic()
    }

    /// Like [`sum_all`](Self::sum_all), with a mistake as an error.
    pub fn try_sum_all(&self) -> Result<Tensor, TensorError> {
        self.try_sum(&[], false)
    }

    /// The mean over `dims` (all of them when empty); see [`sum`](Self::sum). The mean of no elements is NaN.
    ///
    /// # Panics
    /// When the tensor is not a float tensor, a dimension is out of range or given twice.
    #[track_caller]
    pub fn mean(&self, dims: &[isize], keepdim: bool) -> Tensor {
        self.try_mean(dims, keepdim).or_panic()
    }

    /// Like [`mean`](Self::mean), with a mistake as an error.
    pub fn try_mean(&self, dims: &[isize], keepdim: bool) -> Result<Tensor, TensorError> {
        if !self.dtype().is_float() {
            return Err(TensorError::needs_float("mean", self.dtype()));
        }
        sum_scaled("mean", self, dims, keepdim, true)
    }

    /// The mean of all elements, as a tensor without dimensions.
    ///
    /// # Panics
    /// When the tensor is not a float tensor.
    #[track_caller]
    pub fn mean_all(&self) -> Tensor {
        self.try_mean_all().or_panic()
    }

    /// Like [`mean_all`](Self::mean_all), with a mistake as an error.
    pub fn try_mean_all(&self) -> Result<Tensor, TensorError> {
        self.try_mean(&[], false)
    }
}
