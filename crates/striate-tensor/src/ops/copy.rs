//! Moving elements: into another memory order, into another tensor, to the updating function of an optimiser.

use std::sync::Arc;

use bytemuck::Pod;

use super::pointwise::Loops;
use crate::autograd::{Backward, Gradients, Recording};
use crate::dtype::{TensorElement, dispatch_stored};
use crate::error::OrPanic;
use crate::layout::{Layout, MemoryFormat, broadcasts_to};
use crate::{Tensor, TensorError};

/// Whether elements laid out as `have` are, read from first to last in memory, in the order of the dense layout `want`.
pub(crate) fn is_laid_out_as(have: &Layout, want: &Layout) -> bool {
    have.shape == want.shape
        && (have.numel() == 0
            || have.shape.iter().zip(have.strides.iter().zip(&want.strides)).all(|(&size, (a, b))| size == 1 || a == b))
}

/// A copy in a dense `layout` of the same shape.
pub(crate) fn copy_to_layout<S: Pod + Send + Sync>(x: &Tensor, layout: Layout) -> Tensor {
    let data = x.data::<S>();
    Tensor::fill_layout(layout.clone(), x.dtype(), |output| copy_rows(&data, x.layout(), &layout, output))
}

fn copy_rows<S: Pod + Send + Sync>(data: &[S], from: &Layout, to: &Layout, output: &mut [S]) {
    let loops = Loops::new(to, [from]);
    if let Some(transpose) = loops.transpose() {
        return transpose.run(data, output);
    }
    loops.for_each_row(output, &|row, [offset], [stride]| {
        if stride == 1 {
            row.copy_from_slice(&data[offset..offset + row.len()]);
        } else {
            for (i, o) in row.iter_mut().enumerate() {
                *o = data[offset + i * stride];
            }
        }
    });
}

/// Writes elements laid out as `from` over a part of `target` laid out as `to`; the offsets of both are applied already.
pub(crate) fn write_strided<S: Pod + Send + Sync>(data: &[S], from: &Layout, target: &mut [S], to: &Layout) {
    if to.is_dense() {
        copy_rows(data, from, to, &mut target[..to.numel()]);
        return;
    }
    // Rows along the dimension in which the target is densest; the odometer runs over the others.
    let mut order: Vec<usize> = to.dims_by_stride().into_iter().filter(|&d| to.shape[d] != 1).collect();
    let Some(inner) = order.pop() else { return };
    if to.numel() == 0 {
        return;
    }
    let mut index = vec![0; order.len()];
    loop {
        let at = |layout: &Layout| order.iter().zip(&index).map(|(&d, i)| layout.strides[d] * i).sum::<usize>();
        let (source, destination) = (at(from), at(to));
        for i in 0..to.shape[inner] {
            target[destination + i * to.strides[inner]] = data[source + i * from.strides[inner]];
        }
        let Some(d) = (0..order.len()).rev().find(|&d| index[d] + 1 < to.shape[order[d]]) else { return };
        index[d] += 1;
        index[d + 1..].fill(0);
    }
}

struct ContiguousBackward;

impl Backward for ContiguousBackward {
    fn backward(&self, grad: &Tensor, _needs: &[bool]) -> Result<Vec<Option<Tensor>>, TensorError> {
        Ok(vec![Some(grad.clone())])
    }

    fn differentiable(&self, grad: &Tensor, needs: &[bool], _recording: &Recording) -> Gradients {
        self.backward(grad, needs)
    }
}

impl Tensor {
    /// The same elements in row-major memory order: this tensor itself when it is so already, else a copy.
    pub fn contiguous(&self) -> Tensor {
        if self.is_contiguous() {
            return self.clone();
        }
        self.to_format(MemoryFormat::Contiguous).record("contiguous", &[self], || ContiguousBackward)
    }

    /// The same elements with channels last in memory, for `[n, c, h, w]`; other ranks become row-major. This tensor
    /// itself when it is so already, else a copy.
    pub fn channels_last(&self) -> Tensor {
        let layout = Layout::in_format(self.shape(), MemoryFormat::ChannelsLast);
        if is_laid_out_as(self.layout(), &layout) {
            return self.clone();
        }
        self.to_format(MemoryFormat::ChannelsLast).record("channels_last", &[self], || ContiguousBackward)
    }

    /// A copy in memory of its own, with a dense layout, outside the graph.
    pub fn copy(&self) -> Tensor {
        dispatch_stored!(self.dtype(), |S| copy_to_layout::<S>(self, self.layout().fresh()))
    }

    /// Overwrites the elements with those of `source`, broadcast to this shape. All views of this memory see it. Not
    /// recorded: for loading weights and updating parameters.
    ///
    /// # Panics
    /// When the dtypes differ, `source` does not broadcast to this shape, or this tensor is the result of a recorded
    /// operation.
    #[track_caller]
    pub fn copy_(&self, source: &Tensor) {
        self.try_copy_(source).or_panic();
    }

    /// Like [`copy_`](Self::copy_), with a mistake as an error.
    pub fn try_copy_(&self, source: &Tensor) -> Result<(), TensorError> {
        self.check_in_place("copy_")?;
        if self.dtype() != source.dtype() {
            return Err(TensorError::dtype(
                "copy_",
                format!("the target holds {}, the source {}", self.dtype(), source.dtype()),
                format!("convert the source: source.to_dtype(DType::{:?})", self.dtype()),
            ));
        }
        if !broadcasts_to(source.shape(), self.shape()) {
            return Err(TensorError::shape(
                "copy_",
                format!("source {:?} does not broadcast to target {:?}", source.shape(), self.shape()),
                "give the source the shape of the target",
            ));
        }
        dispatch_stored!(self.dtype(), |S| {
            let from = source.layout().expanded(self.shape());
            let data = source.data::<S>();
            let layout = self.layout();
            self.0.storage.write(layout.offset, layout.span(), |target: &mut [S]| {
                write_strided(&data, &from, target, layout);
            });
        });
        Ok(())
    }

    /// Runs `update` on the elements of this tensor and the matching elements of `other`, both as slices in the memory
    /// order of this tensor. All views of this memory see the result. Not recorded: for optimisers. `update` must not
    /// use this tensor or its views: they are locked while it runs.
    ///
    /// ```
    /// use striate_tensor::Tensor;
    /// let w = Tensor::from_slice(&[1.0f32, 2.0], &[2]);
    /// let gradient = Tensor::from_slice(&[10.0f32, 10.0], &[2]);
    /// w.update_with(&gradient, |w, g| w.iter_mut().zip(g).for_each(|(w, g)| *w -= 0.1 * g));
    /// assert_eq!(w.to_vec::<f32>(), [0.0, 1.0]);
    /// ```
    ///
    /// # Panics
    /// When the tensors are not `f32`, their shapes differ, this tensor has gaps in memory, or it is the result of a
    /// recorded operation.
    #[track_caller]
    pub fn update_with(&self, other: &Tensor, update: impl FnOnce(&mut [f32], &[f32])) {
        self.try_update_with::<f32>(other, update).or_panic();
    }

    /// Like [`update_with`](Self::update_with) for any element type, with a mistake as an error.
    pub fn try_update_with<T: TensorElement>(
        &self,
        other: &Tensor,
        update: impl FnOnce(&mut [T::Stored], &[T::Stored]),
    ) -> Result<(), TensorError> {
        self.check_in_place("update_with")?;
        self.check_element::<T>("update_with")?;
        other.check_element::<T>("update_with")?;
        if self.shape() != other.shape() {
            return Err(TensorError::shape(
                "update_with",
                format!("the tensor is {:?}, the other is {:?}", self.shape(), other.shape()),
                "both must have the same shape",
            ));
        }
        let layout = self.layout();
        if !layout.is_dense() {
            return Err(TensorError::argument(
                "update_with",
                format!("the tensor is a view with gaps in memory (strides {:?})", self.strides()),
                "update the whole tensor, or a contiguous() copy and copy_ it back",
            ));
        }
        let other = other.data_in_layout::<T::Stored>(&Layout { offset: 0, ..layout.clone() });
        self.0.storage.write(layout.offset, layout.span(), |data| update(data, &other));
        Ok(())
    }

    fn check_in_place(&self, op: &'static str) -> Result<(), TensorError> {
        let Some(node) = &self.0.node else { return Ok(()) };
        Err(TensorError::autograd(
            op,
            format!("the tensor is the result of {}, writing to it would falsify gradients", node.name),
            "write to a parameter or to a detach()ed tensor",
        ))
    }

    /// Whether nothing else can see the memory of this tensor.
    pub(crate) fn is_unshared(&self) -> bool {
        Arc::strong_count(&self.0) == 1 && Arc::strong_count(&self.0.storage) == 1
    }
}
