//! `max`, `min`, `argmax`, `argmin` over dimensions. NaN is larger than, and smaller than, everything: it wins.
//!
//! The gradient of `max` and `min` over dimensions is shared evenly among the elements that attain the value (PyTorch's
//! `amax`); that of `max_with_indices` and `min_with_indices` goes to the one element at the index.

use super::extremum::{larger, smaller};
use super::gather::{Axis, scatter_at};
use super::pointwise::zip;
use super::rearrange::accumulate_at;
use super::reduce::{Reduction, fold};
use crate::autocast::backward_in_f32;
use crate::autograd::{Backward, Gradients, Recording, SavedTensor};
use crate::dtype::{Number, dispatch_float, dispatch_number};
use crate::error::OrPanic;
use crate::layout::{Layout, MemoryFormat, resolve_dim};
use crate::{DType, Tensor, TensorError};

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Max,
    Min,
}

struct MaxBackward {
    op: &'static str,
    x: SavedTensor,
    y: SavedTensor,
    reduction: Reduction,
}

impl MaxBackward {
    /// Which elements attain the value (1, else 0), and how many of them there are: constants.
    fn attaining(&self) -> Result<(Tensor, Tensor), TensorError> {
        let x = self.x.get(self.op)?;
        let y = self.reduction.unfinish(self.y.get(self.op)?, x.shape());
        dispatch_float!(x.dtype(), self.op, |T| {
            let attains = zip(self.op, x, &y, x.dtype(), |x: T, y: T| -> T {
                if x == y || (x.is_nan() && y.is_nan()) { 1.0 } else { 0.0 }
            })?;
            let whole = Reduction { reduced: self.reduction.reduced.clone(), keepdim: true };
            let count = fold::<T>(&attains, &whole, 0.0, |a, b| a + b);
            Ok((attains, count))
        })
    }
}

impl Backward for MaxBackward {
    fn backward(&self, grad: &Tensor, _needs: &[bool]) -> Result<Vec<Option<Tensor>>, TensorError> {
        let (attains, count) = self.attaining()?;
        Ok(vec![Some(attains.try_mul(&grad.try_reshape(count.shape())?.try_div(&count)?)?)])
    }

    fn differentiable(&self, grad: &Tensor, needs: &[bool], _recording: &Recording) -> Gradients {
        self.backward(grad, needs)
    }
}

fn extremum_over(
    op: &'static str,
    kind: Kind,
    x: &Tensor,
    dims: &[isize],
    keepdim: bool,
) -> Result<Tensor, TensorError> {
    if x.dtype() == DType::BF16 {
        return crate::autocast::rounded(x, |x| extremum_over(op, kind, x, dims, keepdim));
    }
    let reduction = Reduction::new(op, x, dims, keepdim)?;
    if reduction.count(x.shape()) == 0 {
        return Err(nothing_to_compare(op, x));
    }
    let y = dispatch_number!(x.dtype(), op, |T| match kind {
        Kind::Max => fold::<T>(x, &reduction, T::LOWEST, larger),
        Kind::Min => fold::<T>(x, &reduction, T::HIGHEST, smaller),
    });
    let saved = y.clone();
    Ok(y.record(op, &[x], || MaxBackward { op, x: SavedTensor::new(x), y: SavedTensor::new(&saved), reduction }))
}

fn nothing_to_compare(op: &'static str, x: &Tensor) -> TensorError {
    TensorError::shape(
        op,
        format!("shape {:?} leaves no elements to compare", x.shape()),
        "only dimensions with at least one entry have a largest or smallest element",
    )
}

/// The index of the first extreme element along the middle axis, for each outer and inner position.
fn indices_along<T: Number>(kind: Kind, data: &[T], axis: &Axis, output: &mut [i64]) {
    let Axis { size, inner, .. } = *axis;
    for (block, output) in data.chunks_exact(size * inner).zip(output.chunks_exact_mut(inner)) {
        output.fill(0);
        for i in 1..size {
            for (j, o) in output.iter_mut().enumerate() {
                let (best, x) = (block[*o as usize * inner + j], block[i * inner + j]);
                let better = if kind == Kind::Max { x > best } else { x < best };
                if better || (x.is_nan() && !best.is_nan()) {
                    *o = i as i64;
                }
            }
        }
    }
}

fn arg_extremum(
    op: &'static str,
    kind: Kind,
    x: &Tensor,
    dims: &[isize],
    keepdim: bool,
) -> Result<Tensor, TensorError> {
    let (axis, reduced) = match *dims {
        [] => (Axis { outer: 1, size: x.numel(), inner: 1 }, vec![true; x.rank()]),
        [dim] => {
            let d = resolve_dim(op, dim, x.rank())?;
            (Axis::new(x.shape(), d), (0..x.rank()).map(|i| i == d).collect())
        }
        _ => {
            return Err(TensorError::argument(
                op,
                format!("an index along {} dimensions at once is not one number", dims.len()),
                "give one dimension, or none for the index into the row-major sequence of all elements",
            ));
        }
    };
    if axis.size == 0 {
        return Err(nothing_to_compare(op, x));
    }
    let reduction = Reduction { reduced, keepdim };
    let layout = Layout::contiguous(&reduction.kept_shape(x.shape()));
    let indices = dispatch_number!(x.dtype(), op, |T| {
        let data = x.data_in_format::<T>(MemoryFormat::Contiguous);
        Tensor::fill_layout(layout, DType::I64, |output| indices_along::<T>(kind, &data, &axis, output))
    });
    Ok(indices.with_layout(|layout| reduction.finish(layout)))
}

struct SelectedBackward {
    op: &'static str,
    indices: SavedTensor,
    axis: Axis,
    shape: Vec<usize>,
}

impl Backward for SelectedBackward {
    fn backward(&self, grad: &Tensor, needs: &[bool]) -> Result<Vec<Option<Tensor>>, TensorError> {
        if grad.dtype() == DType::BF16 {
            return backward_in_f32(self, grad, needs);
        }
        let indices = self.indices.get(self.op)?.data_in_format::<i64>(MemoryFormat::Contiguous);
        let dx = dispatch_float!(grad.dtype(), self.op, |T| {
            let grad = grad.data_in_format::<T>(MemoryFormat::Contiguous);
            let width = Axis { size: 1, ..self.axis };
            Tensor::fill_new::<T>(&self.shape, MemoryFormat::Contiguous, |dx| {
                scatter_at(&grad, &indices, &width, dx, &self.axis);
            })
        });
        Ok(vec![Some(dx)])
    }

    fn differentiable(&self, grad: &Tensor, _needs: &[bool], _recording: &Recording) -> Gradients {
        let indices = self.indices.get(self.op)?.data_in_format::<i64>(MemoryFormat::Contiguous);
        let Axis { size, inner, .. } = self.axis;
        let place = |(j, &index): (usize, &i64)| (j / inner * size + index as usize) * inner + j % inner;
        let places = indices.iter().enumerate().map(place).collect();
        Ok(vec![Some(accumulate_at(self.op, grad, &self.shape, places)?)])
    }
}

fn with_indices(
    op: &'static str,
    kind: Kind,
    x: &Tensor,
    dim: isize,
    keepdim: bool,
) -> Result<(Tensor, Tensor), TensorError> {
    let d = resolve_dim(op, dim, x.rank())?;
    let indices = arg_extremum(op, kind, x, &[dim], true)?;
    let values = crate::no_grad(|| x.try_gather(dim, &indices))?;
    let finish = |tensor: Tensor| if keepdim { Ok(tensor) } else { crate::no_grad(|| tensor.try_squeeze(d as isize)) };
    let (values, indices) = (finish(values)?, finish(indices)?);
    let values = values.record(op, &[x], || SelectedBackward {
        op,
        indices: SavedTensor::new(&indices),
        axis: Axis::new(x.shape(), d),
        shape: x.shape().to_vec(),
    });
    Ok((values, indices))
}

impl Tensor {
    /// The largest element over `dims` (all of them when empty). The gradient is shared evenly among equal largest
    /// elements.
    ///
    /// ```
    /// use striate_tensor::Tensor;
    /// let x = Tensor::from_slice(&[1.0f32, 5.0, 3.0, 2.0], &[2, 2]);
    /// assert_eq!(x.max(&[1], false).to_vec::<f32>(), [5.0, 3.0]);
    /// ```
    ///
    /// # Panics
    /// When a dimension is out of range or given twice, there is nothing to compare, or the tensor is boolean.
    #[track_caller]
    pub fn max(&self, dims: &[isize], keepdim: bool) -> Tensor {
        self.try_max(dims, keepdim).or_panic()
    }

    /// Like [`max`](Self::max), with a mistake as an error.
    pub fn try_max(&self, dims: &[isize], keepdim: bool) -> Result<Tensor, TensorError> {
        extremum_over("max", Kind::Max, self, dims, keepdim)
    }

    /// The smallest element over `dims` (all of them when empty); see [`max`](Self::max).
    ///
    /// # Panics
    /// As [`max`](Self::max).
    #[track_caller]
    pub fn min(&self, dims: &[isize], keepdim: bool) -> Tensor {
        self.try_min(dims, keepdim).or_panic()
    }

    /// Like [`min`](Self::min), with a mistake as an error.
    pub fn try_min(&self, dims: &[isize], keepdim: bool) -> Result<Tensor, TensorError> {
        extremum_over("min", Kind::Min, self, dims, keepdim)
    }

    /// The largest of all elements, as a tensor without dimensions.
    ///
    /// # Panics
    /// As [`max`](Self::max).
    #[track_caller]
    pub fn max_all(&self) -> Tensor {
        self.try_max_all().or_panic()
    }

    /// Like [`max_all`](Self::max_all), with a mistake as an error.
    pub fn try_max_all(&self) -> Result<Tensor, TensorError> {
        self.try_max(&[], false)
    }

    /// The smallest of all elements, as a tensor without dimensions.
    ///
    /// # Panics
    /// As [`max`](Self::max).
    #[track_caller]
    pub fn min_all(&self) -> Tensor {
        self.try_min_all().or_panic()
    }

    /// Like [`min_all`](Self::min_all), with a mistake as an error.
    pub fn try_min_all(&self) -> Result<Tensor, TensorError> {
        self.try_min(&[], false)
    }

    /// The largest elements along `dim` and their indices (`i64`); of equal ones the first. The gradient of the values
    /// goes to the elements at the indices.
    ///
    /// # Panics
    /// As [`max`](Self::max).
    #[track_caller]
    pub fn max_with_indices(&self, dim: isize, keepdim: bool) -> (Tensor, Tensor) {
        self.try_max_with_indices(dim, keepdim).or_panic()
    }

    /// Like [`max_with_indices`](Self::max_with_indices), with a mistake as an error.
    pub fn try_max_with_indices(&self, dim: isize, keepdim: bool) -> Result<(Tensor, Tensor), TensorError> {
        with_indices("max_with_indices", Kind::Max, self, dim, keepdim)
    }

    /// The smallest elements along `dim` and their indices; see [`max_with_indices`](Self::max_with_indices).
    ///
    /// # Panics
    /// As [`max`](Self::max).
    #[track_caller]
    pub fn min_with_indices(&self, dim: isize, keepdim: bool) -> (Tensor, Tensor) {
        self.try_min_with_indices(dim, keepdim).or_panic()
    }

    /// Like [`min_with_indices`](Self::min_with_indices), with a mistake as an error.
    pub fn try_min_with_indices(&self, dim: isize, keepdim: bool) -> Result<(Tensor, Tensor), TensorError> {
        with_indices("min_with_indices", Kind::Min, self, dim, keepdim)
    }

    /// The index (`i64`) of the largest element along one dimension, or, with no dimension, in the row-major sequence of
    /// all elements. Of equal ones the first.
    ///
    /// ```
    /// use striate_tensor::Tensor;
    /// let scores = Tensor::from_slice(&[0.1f32, 0.7, 0.2, 0.9, 0.0, 0.1], &[2, 3]);
    /// assert_eq!(scores.argmax(&[1], false).to_vec::<i64>(), [1, 0]);
    /// ```
    ///
    /// # Panics
    /// When more than one dimension is given, one is out of range, there is nothing to compare, or the tensor is boolean.
    #[track_caller]
    pub fn argmax(&self, dims: &[isize], keepdim: bool) -> Tensor {
        self.try_argmax(dims, keepdim).or_panic()
    }

    /// Like [`argmax`](Self::argmax), with a mistake as an error.
    pub fn try_argmax(&self, dims: &[isize], keepdim: bool) -> Result<Tensor, TensorError> {
        arg_extremum("argmax", Kind::Max, self, dims, keepdim)
    }

    /// The index of the smallest element; see [`argmax`](Self::argmax).
    ///
    /// # Panics
    /// As [`argmax`](Self::argmax).
    #[track_caller]
    pub fn argmin(&self, dims: &[isize], keepdim: bool) -> Tensor {
        self.try_argmin(dims, keepdim).or_panic()
    }

    /// Like [`argmin`](Self::argmin), with a mistake as an error.
    pub fn try_argmin(&self, dims: &[isize], keepdim: bool) -> Result<Tensor, TensorError> {
        arg_extremum("argmin", Kind::Min, self, dims, keepdim)
    }
}
