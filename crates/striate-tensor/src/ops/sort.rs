//! `sort`, `argsort` and `topk` along a dimension. Equal elements keep their order; NaN counts as the largest.
//!
//! `y[i] = x[order[i]]`; the gradient of each value goes to the element it is.

use std::cmp::Ordering;

use super::gather::Axis;
use super::rearrange::rearrange;
use crate::dtype::{Number, dispatch_number};
use crate::error::OrPanic;
use crate::layout::{MemoryFormat, resolve_dim};
use crate::{Tensor, TensorError};

fn compare<T: Number>(a: T, b: T) -> Ordering {
    a.partial_cmp(&b).unwrap_or_else(|| a.is_nan().cmp(&b.is_nan()))
}

/// For each position outside the axis the places along it in sorted order, `keep` of them.
fn order<T: Number>(data: &[T], axis: Axis, keep: usize, descending: bool) -> Vec<Vec<usize>> {
    let Axis { outer, size, inner } = axis;
    let line = |line: usize| {
        let at = |i: usize| data[(line / inner * size + i) * inner + line % inner];
        let mut order: Vec<usize> = (0..size).collect();
        if descending {
            order.sort_by(|&a, &b| compare(at(b), at(a)));
        } else {
            order.sort_by(|&a, &b| compare(at(a), at(b)));
        }
        order.truncate(keep);
        order
    };
    (0..outer * inner).map(line).collect()
}

/// The first `keep` elements in sorted order along `d`, and their indices.
fn sorted(
    op: &'static str,
    x: &Tensor,
    d: usize,
    keep: usize,
    descending: bool,
) -> Result<(Tensor, Tensor), TensorError> {
    let axis = Axis::new(x.shape(), d);
    let lines = dispatch_number!(x.dtype(), op, |T| {
        order::<T>(&x.data_in_format::<T>(MemoryFormat::Contiguous), axis, keep, descending)
    });
    let mut shape = x.shape().to_vec();
    shape[d] = keep;
    let count = axis.outer * keep * axis.inner;
    let index = |j: usize| lines[j / (keep * axis.inner) * axis.inner + j % axis.inner][j / axis.inner % keep];
    let place = |j: usize| (j / (keep * axis.inner) * axis.size + index(j)) * axis.inner + j % axis.inner;
    let indices: Vec<i64> = (0..count).map(|j| index(j) as i64).collect();
    let values = rearrange(op, x, &shape, (0..count).map(place).collect());
    Ok((values, Tensor::try_from_slice(&indices, &shape)?))
}

impl Tensor {
    /// The elements along `dim` in ascending order, or descending, and the indices (`i64`) they come from.
    ///
    /// ```
    /// use striate_tensor::Tensor;
    /// let (values, indices) = Tensor::from_slice(&[2.0f32, 9.0, 4.0], &[3]).sort(0, true);
    /// assert_eq!(values.to_vec::<f32>(), [9.0, 4.0, 2.0]);
    /// assert_eq!(indices.to_vec::<i64>(), [1, 2, 0]);
    /// ```
    ///
    /// # Panics
    /// When `dim` is out of range or the tensor is boolean.
    #[track_caller]
    pub fn sort(&self, dim: isize, descending: bool) -> (Tensor, Tensor) {
        self.try_sort(dim, descending).or_panic()
    }

    /// Like [`sort`](Self::sort), with a mistake as an error.
    pub fn try_sort(&self, dim: isize, descending: bool) -> Result<(Tensor, Tensor), TensorError> {
        let d = resolve_dim("sort", dim, self.rank())?;
        sorted("sort", self, d, self.shape()[d], descending)
    }

    /// The indices (`i64`) that [`sort`](Self::sort) the elements along `dim`.
    ///
    /// # Panics
    /// As [`sort`](Self::sort).
    #[track_caller]
    pub fn argsort(&self, dim: isize, descending: bool) -> Tensor {
        self.try_argsort(dim, descending).or_panic()
    }

    /// Like [`argsort`](Self::argsort), with a mistake as an error.
    pub fn try_argsort(&self, dim: isize, descending: bool) -> Result<Tensor, TensorError> {
        Ok(self.detach().try_sort(dim, descending)?.1)
    }

    /// The `k` largest elements along `dim`, or smallest, the most extreme first, and their indices (`i64`).
    ///
    /// ```
    /// use striate_tensor::Tensor;
    /// let scores = Tensor::from_slice(&[0.1f32, 0.7, 0.2], &[3]);
    /// assert_eq!(scores.topk(2, 0, true).1.to_vec::<i64>(), [1, 2]);
    /// ```
    ///
    /// # Panics
    /// When `dim` is out of range, `k` is more than its size, or the tensor is boolean.
    #[track_caller]
    pub fn topk(&self, k: usize, dim: isize, largest: bool) -> (Tensor, Tensor) {
        self.try_topk(k, dim, largest).or_panic()
    }

    /// Like [`topk`](Self::topk), with a mistake as an error.
    pub fn try_topk(&self, k: usize, dim: isize, largest: bool) -> Result<(Tensor, Tensor), TensorError> {
        let d = resolve_dim("topk", dim, self.rank())?;
        if k > self.shape()[d] {
            return Err(TensorError::argument(
                "topk",
                format!("asked for {k} elements of a dimension of size {}", self.shape()[d]),
                "k is at most the size of the dimension",
            ));
        }
        sorted("topk", self, d, k, largest)
    }
}
