//! The loops under every reduction.
//!
//! A dense tensor is, along its memory order, an alternation of kept and reduced stretches of dimensions. The innermost
//! reduced stretch is folded away first, as the middle axis of an `[a, r, b]` block, then the next. Blocks are cut by
//! the size of the problem only and combined in a fixed order: the result does not depend on the number of threads.

use bytemuck::Pod;
use striate_kernels::memory::Buffer;
use striate_kernels::pointwise;
use striate_kernels::threads::parallel_chunks_mut;

use super::pointwise::GRAIN;
use crate::layout::{Layout, MemoryFormat, resolve_dim};
use crate::{Tensor, TensorError};

/// Which dimensions a reduction folds away, and whether they stay as size 1.
pub(crate) struct Reduction {
    pub(crate) reduced: Vec<bool>,
    pub(crate) keepdim: bool,
}

impl Reduction {
    /// Checks `dims` against the rank of `x`. No dimensions at all means every dimension.
    pub(crate) fn new(op: &'static str, x: &Tensor, dims: &[isize], keepdim: bool) -> Result<Self, TensorError> {
        let mut reduced = vec![dims.is_empty(); x.rank()];
        for &dim in dims {
            let d = resolve_dim(op, dim, x.rank())?;
            if std::mem::replace(&mut reduced[d], true) {
                return Err(TensorError::argument(
                    op,
                    format!("dimension {dim} is given twice in {dims:?}"),
                    "name each dimension once",
                ));
            }
        }
        Ok(Self { reduced, keepdim })
    }

    /// How many elements fold into one.
    pub(crate) fn count(&self, shape: &[usize]) -> usize {
        shape.iter().zip(&self.reduced).filter(|(_, reduced)| **reduced).map(|(size, _)| size).product()
    }

    /// The shape with reduced dimensions as size 1.
    pub(crate) fn kept_shape(&self, shape: &[usize]) -> Vec<usize> {
        shape.iter().zip(&self.reduced).map(|(&size, &reduced)| if reduced { 1 } else { size }).collect()
    }

    /// Removes the reduced dimensions from a result that has them as size 1, unless they are to stay.
    pub(crate) fn finish(&self, layout: Layout) -> Layout {
        if self.keepdim {
            return layout;
        }
        let keep = |values: &[usize]| {
            values.iter().zip(&self.reduced).filter(|(_, reduced)| !**reduced).map(|(&v, _)| v).collect()
        };
        Layout { shape: keep(&layout.shape), strides: keep(&layout.strides), offset: layout.offset }
    }

    /// The gradient of the result with the reduced dimensions back as size 1, so that it broadcasts to the input.
    pub(crate) fn unfinish(&self, result: &Tensor, shape: &[usize]) -> Tensor {
        if self.keepdim {
            return result.clone();
        }
        let mut strides = result.strides().iter();
        let strides = self.reduced.iter().map(|&reduced| if reduced { 1 } else { *strides.next().unwrap_or(&1) });
        result.view_as(Layout {
            strides: strides.collect(),
            shape: self.kept_shape(shape),
            offset: result.layout().offset,
        })
    }
}

/// Folds the reduced dimensions with `combine`, which must not care about order or grouping beyond rounding; `identity`
/// is the result for no elements at all. `S` must be the stored form of the dtype.
pub(crate) fn fold<S: Pod + Send + Sync>(
    x: &Tensor,
    reduction: &Reduction,
    identity: S,
    combine: impl Fn(S, S) -> S + Sync,
) -> Tensor {
    let dense = if x.layout().is_dense() { x.clone() } else { x.to_format(MemoryFormat::Contiguous) };
    let layout = dense.layout();
    // Sizes and kinds of the stretches, from the outermost to the innermost; the kept dimensions in memory order.
    let mut stretches: Vec<(usize, bool)> = Vec::new();
    for d in layout.dims_by_stride() {
        match stretches.last_mut() {
            Some((size, reduced)) if *reduced == reduction.reduced[d] => *size *= layout.shape[d],
            _ if layout.shape[d] == 1 => {}
            _ => stretches.push((layout.shape[d], reduction.reduced[d])),
        }
    }
    let result = result_layout(layout, reduction);
    let source = dense.data::<S>();
    let mut block: Option<Buffer> = None;
    while let Some(i) = stretches.iter().rposition(|&(_, reduced)| reduced) {
        let product = |part: &[(usize, bool)]| part.iter().map(|(size, _)| size).product::<usize>();
        let sizes = [product(&stretches[..i]), stretches[i].0, product(&stretches[i + 1..])];
        let folded = {
            let data = block.as_ref().map_or(&source[..], |block| block.as_slice::<S>());
            fold_block(data, sizes, identity, &combine)
        };
        block = Some(folded);
        stretches.remove(i);
    }
    Tensor::fill_layout(result, x.dtype(), |output: &mut [S]| {
        output.copy_from_slice(block.as_ref().map_or(&source[..], |block| block.as_slice::<S>()));
    })
    .with_layout(|layout| reduction.finish(layout))
}

/// The dense layout of the result with reduced dimensions as size 1: kept dimensions stay in their memory order.
fn result_layout(layout: &Layout, reduction: &Reduction) -> Layout {
    let shape = reduction.kept_shape(&layout.shape);
    let mut strides = vec![1; shape.len()];
    let mut stride = 1;
    for d in layout.dims_by_stride().into_iter().rev() {
        strides[d] = stride;
        stride *= shape[d].max(1);
    }
    Layout { shape, strides, offset: 0 }
}

/// `[a, r, b] -> [a, b]`.
fn fold_block<S: Pod + Send + Sync>(
    data: &[S],
    [a, r, b]: [usize; 3],
    identity: S,
    combine: &(impl Fn(S, S) -> S + Sync),
) -> Buffer {
    let mut folded = Buffer::uninit(a * b * size_of::<S>());
    if a * b == 0 {
        return folded;
    }
    // A long fold is cut into blocks of rows, so that the blocks can go in parallel and rounding errors stay small; wide
    // rows in at most 64 blocks, which bounds the memory.
    let rows = (GRAIN / b).max(1).max(if b > 64 { r.div_ceil(64) } else { 1 });
    if r > rows && a * b < GRAIN {
        let blocks = r.div_ceil(rows);
        let mut partial = Buffer::uninit(a * blocks * b * size_of::<S>());
        parallel_chunks_mut(partial.as_mut_slice::<S>(), b, &|chunk, output: &mut [S]| {
            let (outer, block) = (chunk / blocks, chunk % blocks);
            let (start, end) = (block * rows, ((block + 1) * rows).min(r));
            fold_rows(&data[(outer * r + start) * b..(outer * r + end) * b], output, identity, combine);
        });
        return fold_block(partial.as_slice::<S>(), [a, blocks, b], identity, combine);
    }
    let outers = (GRAIN / (r * b).max(1)).max(1);
    parallel_chunks_mut(folded.as_mut_slice::<S>(), outers * b, &|chunk, output: &mut [S]| {
        for (i, output) in output.chunks_mut(b).enumerate() {
            let outer = chunk * outers + i;
            fold_rows(&data[outer * r * b..(outer + 1) * r * b], output, identity, combine);
        }
    });
    folded
}

/// `[r, b] -> [b]` for one block.
fn fold_rows<S: Copy>(data: &[S], output: &mut [S], identity: S, combine: &impl Fn(S, S) -> S) {
    match output {
        [output] => *output = pointwise::fold_row(data, identity, combine),
        _ => pointwise::fold_rows(data, output, identity, combine),
    }
}
