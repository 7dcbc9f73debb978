//! `gather`, `index_select` and `one_hot`: choosing by integer indices.
//!
//! `gather`: `y[o, j, i] = x[o, index[o, j, i], i]` along one dimension. `index_select`: `y[o, j, i] = x[o, index[j], i]`.
//! Backward: the gradient is added up at the places it was read from, `dx[o, index, i] += dy[o, j, i]`, in order.

use striate_kernels::pointwise::GRAIN;
use striate_kernels::threads::parallel_chunks_mut;

use super::rearrange::accumulate_at;
use crate::autocast::backward_in_f32;
use crate::autograd::{Backward, Gradients, Recording, SavedTensor};
use crate::dtype::{Number, dispatch_float, dispatch_stored};
use crate::error::OrPanic;
use crate::layout::{MemoryFormat, resolve_dim};
use crate::{DType, Tensor, TensorError};

/// A row-major shape seen as `[outer, size, inner]` around one dimension.
#[derive(Clone, Copy)]
pub(crate) struct Axis {
    pub(crate) outer: usize,
    pub(crate) size: usize,
    pub(crate) inner: usize,
}

impl Axis {
    pub(crate) fn new(shape: &[usize], dim: usize) -> Self {
        Self { outer: shape[..dim].iter().product(), size: shape[dim], inner: shape[dim + 1..].iter().product() }
    }
}

/// `output[o, indices[o, j, i], i] += values[o, j, i]` on zeros; `values` and `indices` are shaped `from`, `output` `to`.
pub(crate) fn scatter_at<T: Number>(values: &[T], indices: &[i64], from: &Axis, output: &mut [T], to: &Axis) {
    output.fill(T::ZERO);
    for o in 0..from.outer {
        for j in 0..from.size {
            for i in 0..from.inner {
                let source = (o * from.size + j) * from.inner + i;
                let target = (o * to.size + indices[source] as usize) * to.inner + i;
                output[target] = output[target].plus(values[source]);
            }
        }
    }
}

/// Checks that `indices` are `i64` within `0..size` and returns them in row-major order.
pub(super) fn read_indices(op: &'static str, indices: &Tensor, size: usize) -> Result<Vec<i64>, TensorError> {
    if indices.dtype() != DType::I64 {
        return Err(TensorError::dtype(
            op,
            format!("indices must be i64, got {}", indices.dtype()),
            "convert them: index.to_dtype(DType::I64)",
        ));
    }
    let values = indices.try_to_vec::<i64>()?;
    match values.iter().find(|&&index| index < 0 || index as u64 >= size as u64) {
        None => Ok(values),
        Some(index) => Err(TensorError::index(
            op,
            format!("index {index} is out of range for a dimension of size {size}"),
            "indices count from 0; negative ones are not accepted here",
        )),
    }
}

struct GatherBackward {
    indices: SavedTensor,
    axis: Axis,
    shape: Vec<usize>,
    dim: usize,
}

impl Backward for GatherBackward {
    fn backward(&self, grad: &Tensor, needs: &[bool]) -> Result<Vec<Option<Tensor>>, TensorError> {
        if grad.dtype() == DType::BF16 {
            return backward_in_f32(self, grad, needs);
        }
        let indices = self.indices.get("gather")?.data_in_format::<i64>(MemoryFormat::Contiguous);
        let from = Axis::new(grad.shape(), self.dim);
        let dx = dispatch_float!(grad.dtype(), "gather", |T| {
            let grad = grad.data_in_format::<T>(MemoryFormat::Contiguous);
            Tensor::fill_new::<T>(&self.shape, MemoryFormat::Contiguous, |dx| {
                scatter_at(&grad, &indices, &from, dx, &self.axis);
            })
        });
        Ok(vec![Some(dx)])
    }

    fn differentiable(&self, grad: &Tensor, _needs: &[bool], _recording: &Recording) -> Gradients {
        let zeros = Tensor::zeros(&self.shape, grad.dtype());
        Ok(vec![Some(zeros.try_scatter_add(self.dim as isize, self.indices.get("gather")?, grad)?)])
    }
}

/// The pieces that the rows written to are divided into, at most: each goes through all indices.
const PIECES: usize = 16;

/// `dx[index, i] += grad[j, i]` on zeros for the rows of each index, in order. A piece of the rows is one thread's, so that
/// all that is added to a row is added in order.
fn add_rows<T: striate_kernels::Element>(grad: &[T], indices: &[i64], dx: &mut [T], inner: usize) {
    let rows = dx.len() / inner.max(1);
    // Narrow rows are added faster than they are looked for.
    let pieces = if inner >= PIECES && grad.len() > GRAIN { PIECES } else { 1 };
    let count = rows.div_ceil(pieces).max(1);
    parallel_chunks_mut(dx, (count * inner).max(1), &|piece, dx: &mut [T]| {
        dx.fill(T::ZERO);
        let first = piece * count;
        for (&index, row) in indices.iter().zip(grad.chunks_exact(inner.max(1))) {
            let Some(at) = (index as usize).checked_sub(first).filter(|at| *at < count) else { continue };
            dx[at * inner..][..inner].iter_mut().zip(row).for_each(|(dx, &g)| *dx += g);
        }
    });
}

struct IndexSelectBackward {
    indices: Vec<i64>,
    axis: Axis,
    shape: Vec<usize>,
}

impl Backward for IndexSelectBackward {
    fn backward(&self, grad: &Tensor, needs: &[bool]) -> Result<Vec<Option<Tensor>>, TensorError> {
        if grad.dtype() == DType::BF16 {
            return backward_in_f32(self, grad, needs);
        }
        let Axis { size, inner, .. } = self.axis;
        let (indices, block) = (&self.indices, size * inner);
        let dx = dispatch_float!(grad.dtype(), "index_select", |T| {
            let grad = grad.data_in_format::<T>(MemoryFormat::Contiguous);
            Tensor::fill_new::<T>(&self.shape, MemoryFormat::Contiguous, |dx| {
                for (dx, grad) in dx.chunks_exact_mut(block.max(1)).zip(grad.chunks((indices.len() * inner).max(1))) {
                    add_rows(grad, indices, dx, inner);
                }
                if indices.is_empty() {
                    dx.fill(0.0);
                }
            })
        });
        Ok(vec![Some(dx)])
    }

    fn differentiable(&self, grad: &Tensor, _needs: &[bool], _recording: &Recording) -> Gradients {
        let Axis { outer, size, inner } = self.axis;
        let start = |o: usize, index: i64| (o * size + index as usize) * inner;
        let rows = (0..outer).flat_map(|o| self.indices.iter().map(move |&index| start(o, index)));
        let places = rows.flat_map(|start| start..start + inner).collect();
        Ok(vec![Some(accumulate_at("index_select", grad, &self.shape, places)?)])
    }
}

impl Tensor {
    /// Picks along `dim` the elements at `index` (`i64`), which has the shape of the result and, but for `dim`, that of
    /// this tensor.
    ///
    /// ```
    /// use striate_tensor::Tensor;
    /// let scores = Tensor::from_slice(&[0.1f32, 0.9, 0.8, 0.2], &[2, 2]);
    /// let labels = Tensor::from_slice(&[1i64, 0], &[2, 1]);
    /// assert_eq!(scores.gather(1, &labels).to_vec::<f32>(), [0.9, 0.8]);
    /// ```
    ///
    /// # Panics
    /// When `dim` or an index is out of range, `index` is not `i64`, or the shapes do not fit.
    #[track_caller]
    pub fn gather(&self, dim: isize, index: &Tensor) -> Tensor {
        self.try_gather(dim, index).or_panic()
    }

    /// Like [`gather`](Self::gather), with a mistake as an error.
    pub fn try_gather(&self, dim: isize, index: &Tensor) -> Result<Tensor, TensorError> {
        let d = resolve_dim("gather", dim, self.rank())?;
        let others = |shape: &[usize]| shape.iter().enumerate().filter(|&(i, _)| i != d).map(|(_, &s)| s).collect();
        let (own, wanted): (Vec<usize>, Vec<usize>) = (others(self.shape()), others(index.shape()));
        if index.rank() != self.rank() || own != wanted {
            return Err(TensorError::shape(
                "gather",
                format!("index {:?} does not fit a tensor {:?} along dimension {dim}", index.shape(), self.shape()),
                "the shapes must be equal in every other dimension: unsqueeze the index, or use index_select",
            ));
        }
        let indices = read_indices("gather", index, self.shape()[d])?;
        let axis = Axis::new(self.shape(), d);
        let from = Axis::new(index.shape(), d);
        let y = dispatch_stored!(self.dtype(), |S| {
            let data = self.data_in_format::<S>(MemoryFormat::Contiguous);
            Tensor::fill_layout(crate::layout::Layout::contiguous(index.shape()), self.dtype(), |output: &mut [S]| {
                let block = (from.size * from.inner).max(1);
                parallel_chunks_mut(output, GRAIN, &|chunk, output: &mut [S]| {
                    for (i, o) in output.iter_mut().enumerate() {
                        let source = chunk * GRAIN + i;
                        let row = source / block * axis.size + indices[source] as usize;
                        *o = data[row * axis.inner + source % axis.inner];
                    }
                });
            })
        });
        Ok(y.record("gather", &[self], || GatherBackward {
            indices: SavedTensor::new(index),
            axis,
            shape: self.shape().to_vec(),
            dim: d,
        }))
    }

    /// The entries of `dim` at the positions in `index` (a vector of `i64`), in that order, with repetitions: rows of a
    /// table, images of a batch.
    ///
    /// # Panics
    /// When `dim` or an index is out of range, or `index` is not a vector of `i64`.
    #[track_caller]
    pub fn index_select(&self, dim: isize, index: &Tensor) -> Tensor {
        self.try_index_select(dim, index).or_panic()
    }

    /// Like [`index_select`](Self::index_select), with a mistake as an error.
    pub fn try_index_select(&self, dim: isize, index: &Tensor) -> Result<Tensor, TensorError> {
        let d = resolve_dim("index_select", dim, self.rank())?;
        if index.rank() != 1 {
            return Err(TensorError::shape(
                "index_select",
                format!("the index must be a vector, got shape {:?}", index.shape()),
                "flatten it, or use gather for one index per element",
            ));
        }
        let indices = read_indices("index_select", index, self.shape()[d])?;
        let axis = Axis::new(self.shape(), d);
        let mut shape = self.shape().to_vec();
        shape[d] = indices.len();
        let y = dispatch_stored!(self.dtype(), |S| {
            let data = self.data_in_format::<S>(MemoryFormat::Contiguous);
            Tensor::fill_layout(crate::layout::Layout::contiguous(&shape), self.dtype(), |output: &mut [S]| {
                // Whole rows, as many as make up a piece of work.
                let count = (GRAIN / axis.inner.max(1)).max(1);
                parallel_chunks_mut(output, (count * axis.inner).max(1), &|chunk, output: &mut [S]| {
                    for (i, row) in output.chunks_exact_mut(axis.inner.max(1)).enumerate() {
                        let (o, j) = ((chunk * count + i) / indices.len(), (chunk * count + i) % indices.len());
                        let start = (o * axis.size + indices[j] as usize) * axis.inner;
                        row.copy_from_slice(&data[start..start + axis.inner]);
                    }
                });
            })
        });
        Ok(y.record("index_select", &[self], || IndexSelectBackward { indices, axis, shape: self.shape().to_vec() }))
    }

    /// For class numbers (`i64`) of any shape: `[.., classes]` of `i64`, 1 at the class and 0 elsewhere.
    ///
    /// ```
    /// use striate_tensor::Tensor;
    /// assert_eq!(Tensor::from_slice(&[2i64, 0], &[2]).one_hot(3).to_vec::<i64>(), [0, 0, 1, 1, 0, 0]);
    /// ```
    ///
    /// # Panics
    /// When the tensor is not `i64` or a class is not below `classes`.
    #[track_caller]
    pub fn one_hot(&self, classes: usize) -> Tensor {
        self.try_one_hot(classes).or_panic()
    }

    /// Like [`one_hot`](Self::one_hot), with a mistake as an error.
    pub fn try_one_hot(&self, classes: usize) -> Result<Tensor, TensorError> {
        let indices = read_indices("one_hot", self, classes)?;
        let shape = [self.shape(), &[classes]].concat();
        Ok(Tensor::fill_new::<i64>(&shape, MemoryFormat::Contiguous, |output| {
            output.fill(0);
            for (row, &class) in output.chunks_exact_mut(classes.max(1)).zip(&indices) {
                row[class as usize] = 1;
            }
        }))
    }
}
