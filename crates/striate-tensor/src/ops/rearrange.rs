//! The loops under operations that only move elements: `flip`, `roll`, `unfold`, `sort` and others.
//!
//! Forward: `y[j] = x[places[j]]`, or 0 where the place is [`NOWHERE`]. Backward: `dx[places[j]] += dy[j]`, in the order
//! of `j`. `accumulate_at` is the other way round: its forward is that backward. Elements are counted row-major.

use std::sync::Arc;

use striate_kernels::pointwise::GRAIN;
use striate_kernels::threads::parallel_chunks_mut;

use crate::autograd::{Backward, Gradients, Recording};
use crate::dtype::{Number, dispatch_number, dispatch_stored};
use crate::layout::{Layout, MemoryFormat, contiguous_strides};
use crate::{Tensor, TensorError};

/// The place of an element that is 0 instead of coming from the input.
pub(super) const NOWHERE: usize = usize::MAX;

struct RearrangeBackward {
    op: &'static str,
    places: Arc<[usize]>,
    shape: Vec<usize>,
}

impl Backward for RearrangeBackward {
    fn backward(&self, grad: &Tensor, _needs: &[bool]) -> Result<Vec<Option<Tensor>>, TensorError> {
        Ok(vec![Some(sum_at(self.op, grad, &self.shape, &self.places)?)])
    }

    fn differentiable(&self, grad: &Tensor, _needs: &[bool], _recording: &Recording) -> Gradients {
        Ok(vec![Some(accumulate_shared(self.op, grad, &self.shape, Arc::clone(&self.places))?)])
    }
}

struct AccumulateBackward {
    op: &'static str,
    places: Arc<[usize]>,
    shape: Vec<usize>,
}

impl Backward for AccumulateBackward {
    fn backward(&self, grad: &Tensor, _needs: &[bool]) -> Result<Vec<Option<Tensor>>, TensorError> {
        Ok(vec![Some(pick(grad, &self.shape, &self.places))])
    }

    fn differentiable(&self, grad: &Tensor, _needs: &[bool], _recording: &Recording) -> Gradients {
        Ok(vec![Some(rearrange_shared(self.op, grad, &self.shape, Arc::clone(&self.places)))])
    }
}

/// `y[j] = x[places[j]]` of `shape`, recorded as `op`.
pub(super) fn rearrange(op: &'static str, x: &Tensor, shape: &[usize], places: Vec<usize>) -> Tensor {
    rearrange_shared(op, x, shape, places.into())
}

fn rearrange_shared(op: &'static str, x: &Tensor, shape: &[usize], places: Arc<[usize]>) -> Tensor {
    pick(x, shape, &places).record(op, &[x], || RearrangeBackward { op, places, shape: x.shape().to_vec() })
}

/// `y[places[j]] += x[j]` on zeros of `shape`, recorded as `op`.
pub(super) fn accumulate_at(
    op: &'static str,
    x: &Tensor,
    shape: &[usize],
    places: Vec<usize>,
) -> Result<Tensor, TensorError> {
    accumulate_shared(op, x, shape, places.into())
}

fn accumulate_shared(
    op: &'static str,
    x: &Tensor,
    shape: &[usize],
    places: Arc<[usize]>,
) -> Result<Tensor, TensorError> {
    let y = sum_at(op, x, shape, &places)?;
    Ok(y.record(op, &[x], || AccumulateBackward { op, places, shape: x.shape().to_vec() }))
}

fn pick(x: &Tensor, shape: &[usize], places: &[usize]) -> Tensor {
    dispatch_stored!(x.dtype(), |S| {
        let data = x.data_in_format::<S>(MemoryFormat::Contiguous);
        Tensor::fill_layout(Layout::contiguous(shape), x.dtype(), |output: &mut [S]| {
            parallel_chunks_mut(output, GRAIN, &|chunk, output: &mut [S]| {
                for (o, &place) in output.iter_mut().zip(&places[chunk * GRAIN..]) {
                    *o = if place == NOWHERE { S::ZERO } else { data[place] };
                }
            });
        })
    })
}

fn sum_at(op: &'static str, x: &Tensor, shape: &[usize], places: &[usize]) -> Result<Tensor, TensorError> {
    Ok(dispatch_number!(x.dtype(), op, |T| {
        let data = x.data_in_format::<T>(MemoryFormat::Contiguous);
        Tensor::fill_layout(Layout::contiguous(shape), x.dtype(), |output: &mut [T]| {
            output.fill(T::ZERO);
            for (&place, &value) in places.iter().zip(data.iter()).filter(|&(&place, _)| place != NOWHERE) {
                output[place] = output[place].plus(value);
            }
        })
    }))
}

/// The places in a tensor of `shape` of the grid that takes, along each dimension `d`, the indices `along[d]`.
pub(super) fn grid_places(shape: &[usize], along: &[Vec<usize>]) -> Vec<usize> {
    let mut places = vec![0];
    for (stride, indices) in contiguous_strides(shape).into_iter().zip(along) {
        places = places
            .iter()
            .flat_map(|&place: &usize| {
                indices.iter().map(
                    move |&i| {
                        if place == NOWHERE || i == NOWHERE { NOWHERE } else { place + i * stride }
                    },
                )
            })
            .collect();
    }
    places
}

/// The identity for [`grid_places`]: all indices of every dimension.
pub(super) fn every_index(shape: &[usize]) -> Vec<Vec<usize>> {
    shape.iter().map(|&size| (0..size).collect()).collect()
}
