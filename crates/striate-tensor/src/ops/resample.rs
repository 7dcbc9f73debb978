//! Linear resampling along dimensions: the loops under `interpolate` and `adaptive_avg_pool2d`.
//!
//! Along one dimension `y[i] = Σ_k weight[i, k] x[index[i, k]]`; several dimensions one after the other. Backward is the
//! transpose, `dx[index[i, k]] += weight[i, k] dy[i]`, with the dimensions in the opposite order.

use striate_kernels::Element;
use striate_kernels::threads::parallel_chunks_mut;

use crate::autograd::{Backward, Gradients, Recording};
use crate::dtype::dispatch_float;
use crate::layout::MemoryFormat;
use crate::{DType, Tensor, TensorError};

/// For every output position along a dimension the input positions it takes, with their weights.
#[derive(Clone)]
pub(super) struct Taps(Vec<Vec<(usize, f64)>>);

impl Taps {
    pub(super) fn new(size: usize, taps: impl FnMut(usize) -> Vec<(usize, f64)>) -> Self {
        Self((0..size).map(taps).collect())
    }

    /// `[size, inner]` to `[taps, inner]`.
    fn apply<T: Element>(&self, x: &[T], y: &mut [T], inner: usize) {
        y.fill(T::ZERO);
        for (y, taps) in y.chunks_exact_mut(inner).zip(&self.0) {
            for &(index, weight) in taps {
                let weight = T::from_f64(weight);
                y.iter_mut().zip(&x[index * inner..][..inner]).for_each(|(y, &x)| *y += weight * x);
            }
        }
    }

    /// `[taps, inner]` to `[size, inner]`.
    fn apply_transposed<T: Element>(&self, dy: &[T], dx: &mut [T], inner: usize) {
        dx.fill(T::ZERO);
        for (dy, taps) in dy.chunks_exact(inner).zip(&self.0) {
            for &(index, weight) in taps {
                let weight = T::from_f64(weight);
                dx[index * inner..][..inner].iter_mut().zip(dy).for_each(|(dx, &dy)| *dx += weight * dy);
            }
        }
    }
}

/// Resamples the last dimensions of `x`, one for each of `taps`, recorded as `op`.
pub(super) fn resample(op: &'static str, x: &Tensor, taps: Vec<Taps>) -> Result<Tensor, TensorError> {
    if x.dtype() == DType::BF16 {
        return crate::autocast::rounded(x, |x| resample(op, x, taps));
    }
    let first = x.rank() - taps.len();
    let mut y = x.detach();
    for (i, taps) in taps.iter().enumerate() {
        y = along(op, &y, first + i, taps, taps.0.len(), false)?;
    }
    Ok(y.record(op, &[x], || ResampleBackward { op, taps, shape: x.shape().to_vec() }))
}

#[derive(Clone)]
struct ResampleBackward {
    op: &'static str,
    taps: Vec<Taps>,
    shape: Vec<usize>,
}

impl ResampleBackward {
    fn transposed(&self, grad: &Tensor) -> Result<Tensor, TensorError> {
        let first = self.shape.len() - self.taps.len();
        let mut dx = grad.detach();
        for (i, taps) in self.taps.iter().enumerate().rev() {
            dx = along(self.op, &dx, first + i, taps, self.shape[first + i], true)?;
        }
        Ok(dx)
    }
}

impl Backward for ResampleBackward {
    fn backward(&self, grad: &Tensor, _needs: &[bool]) -> Result<Vec<Option<Tensor>>, TensorError> {
        Ok(vec![Some(self.transposed(grad)?)])
    }

    fn differentiable(&self, grad: &Tensor, _needs: &[bool], _recording: &Recording) -> Gradients {
        let gradient = self.transposed(grad)?.record(self.op, &[grad], || TransposedResampleBackward(self.clone()));
        Ok(vec![Some(gradient)])
    }
}

/// Of the gradient of a resampling: the transpose of a transpose.
struct TransposedResampleBackward(ResampleBackward);

impl Backward for TransposedResampleBackward {
    fn backward(&self, grad: &Tensor, _needs: &[bool]) -> Result<Vec<Option<Tensor>>, TensorError> {
        Ok(vec![Some(resample(self.0.op, grad, self.0.taps.clone())?)])
    }

    fn differentiable(&self, grad: &Tensor, needs: &[bool], _recording: &Recording) -> Gradients {
        self.backward(grad, needs)
    }
}

fn along(
    op: &'static str,
    x: &Tensor,
    dim: usize,
    taps: &Taps,
    size: usize,
    transposed: bool,
) -> Result<Tensor, TensorError> {
    let mut shape = x.shape().to_vec();
    shape[dim] = size;
    // With the channels last, the loops run over them.
    let channels = if x.rank() == 4 { x.shape()[1] } else { 1 };
    let inner = channels * x.shape()[dim + 1..].iter().product::<usize>();
    let (have, want) = (x.shape()[dim] * inner, size * inner);
    Ok(dispatch_float!(x.dtype(), op, |T| {
        let data = x.data_in_format::<T>(MemoryFormat::ChannelsLast);
        Tensor::fill_new::<T>(&shape, MemoryFormat::ChannelsLast, |output| {
            if output.is_empty() {
                return;
            }
            parallel_chunks_mut(output, want, &|outer, output: &mut [T]| {
                let data = &data[outer * have..(outer + 1) * have];
                if transposed {
                    taps.apply_transposed(data, output, inner);
                } else {
                    taps.apply(data, output, inner);
                }
            });
        })
    }))
}
