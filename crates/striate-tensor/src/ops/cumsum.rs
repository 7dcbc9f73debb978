//! `cumsum`: running sums along a dimension.
//!
//! `y[i] = x[0] + ... + x[i]`; backward: `dx[i] = dy[i] + ... + dy[n - 1]`.

use striate_kernels::pointwise::GRAIN;
use striate_kernels::threads::parallel_chunks_mut;

use super::gather::Axis;
use crate::autograd::{Backward, Gradients, Recording};
use crate::dtype::{Number, dispatch_float, dispatch_number};
use crate::error::OrPanic;
use crate::layout::{MemoryFormat, resolve_dim};
use crate::{DType, Tensor, TensorError};

const OP: &str = "cumsum";

struct CumsumBackward {
    dim: usize,
}

impl Backward for CumsumBackward {
    fn backward(&self, grad: &Tensor, _needs: &[bool]) -> Result<Vec<Option<Tensor>>, TensorError> {
        let axis = Axis::new(grad.shape(), self.dim);
        Ok(vec![Some(dispatch_float!(grad.dtype(), OP, |T| running::<T>(grad, axis, true)))])
    }

    fn differentiable(&self, grad: &Tensor, _needs: &[bool], _recording: &Recording) -> Gradients {
        let dim = self.dim as isize;
        Ok(vec![Some(grad.try_flip(&[dim])?.try_cumsum(dim)?.try_flip(&[dim])?)])
    }
}

/// Each row of the axis plus the one before it, or, from the end, after it.
fn running<T: Number>(x: &Tensor, Axis { size, inner, .. }: Axis, from_the_end: bool) -> Tensor {
    let data = x.data_in_format::<T>(MemoryFormat::Contiguous);
    Tensor::fill_new::<T>(x.shape(), MemoryFormat::Contiguous, |output| {
        let block = (size * inner).max(1);
        // Whole blocks, as many as make up a piece of work.
        let piece = (GRAIN / block).max(1) * block;
        parallel_chunks_mut(output, piece, &|chunk, output| {
            output.copy_from_slice(&data[chunk * piece..][..output.len()]);
            for block in output.chunks_exact_mut(block) {
                for i in 1..size {
                    let (row, before) = if from_the_end { (size - 1 - i, size - i) } else { (i, i - 1) };
                    for j in 0..inner {
                        block[row * inner + j] = block[row * inner + j].plus(block[before * inner + j]);
                    }
                }
            }
        });
    })
}

impl Tensor {
    /// The running sums along `dim`. Integers and booleans sum to `i64`.
    ///
    /// ```
    /// use striate_tensor::Tensor;
    /// assert_eq!(Tensor::arange(1i64, 5, 1).cumsum(0).to_vec::<i64>(), [1, 3, 6, 10]);
    /// ```
    ///
    /// # Panics
    /// When `dim` is out of range.
    #[track_caller]
    pub fn cumsum(&self, dim: isize) -> Tensor {
        self.try_cumsum(dim).or_panic()
    }

    /// Like [`cumsum`](Self::cumsum), with a mistake as an error.
    pub fn try_cumsum(&self, dim: isize) -> Result<Tensor, TensorError> {
        if self.dtype() == DType::BF16 {
            return crate::autocast::in_f32(self, |x| x.try_cumsum(dim));
        }
        let d = resolve_dim(OP, dim, self.rank())?;
        if matches!(self.dtype(), DType::U8 | DType::Bool) {
            return self.try_to_dtype(DType::I64)?.try_cumsum(dim);
        }
        let axis = Axis::new(self.shape(), d);
        let y = dispatch_number!(self.dtype(), OP, |T| running::<T>(self, axis, false));
        Ok(y.record(OP, &[self], || CumsumBackward { dim: d }))
    }
}
