//! The loops under every element-by-element operation.
//!
//! An output is filled in its own memory order. Inputs follow through strides (0 where they are broadcast);
//! dimensions that lie behind each other in all operands are merged first, so equal dense layouts, channels-last
//! included, become one flat loop. Elements that do not lie side by side are gathered in blocks, so that the arithmetic
//! itself is compiled once, for slices. Work is cut into chunks by the size of the problem only, so results do not depend
//! on the number of threads.

use bytemuck::Pod;
use striate_kernels::Element;
use striate_kernels::activation::Function;
use striate_kernels::layout::transpose_matrix;
use striate_kernels::pointwise as flat;
use striate_kernels::streaming::fill_pieces;
use striate_kernels::threads::parallel_chunks_mut;

use super::copy::copy_to_layout;
use crate::dtype::Number;
use crate::layout::{Layout, broadcast_shapes};
use crate::{DType, Tensor, TensorError};

/// Elements per chunk of parallel work: below this, handing work over costs more than doing it.
pub(crate) const GRAIN: usize = 32 * 1024;

/// The loop nest over an output and `K` inputs: sizes from the outermost to the innermost dimension, and for each
/// input the stride of each. The output is dense in this order.
pub(crate) struct Loops<const K: usize> {
    sizes: Vec<usize>,
    strides: Vec<[usize; K]>,
}

/// What is done to a row: a part of the output, the offset of each input at its start, the strides of the inputs along
/// it. A trait object, since the loops around it would otherwise be compiled anew for every operation.
type Row<'a, O, const K: usize> = dyn Fn(&mut [O], [usize; K], [usize; K]) + Sync + 'a;

impl<const K: usize> Loops<K> {
    /// The loops for a dense `output` and inputs already expanded to its shape.
    pub(crate) fn new(output: &Layout, inputs: [&Layout; K]) -> Self {
        let mut sizes: Vec<usize> = Vec::with_capacity(output.shape.len());
        let mut strides: Vec<[usize; K]> = Vec::with_capacity(output.shape.len());
        for d in output.dims_by_stride() {
            let size = output.shape[d];
            if size == 1 {
                continue;
            }
            let stride = inputs.map(|input| input.strides[d]);
            match (sizes.last_mut(), strides.last_mut()) {
                (Some(outer), Some(outer_stride)) if (0..K).all(|k| outer_stride[k] == stride[k] * size) => {
                    *outer *= size;
                    *outer_stride = stride;
                }
                _ => {
                    sizes.push(size);
                    strides.push(stride);
                }
            }
        }
        if sizes.is_empty() {
            (sizes, strides) = (vec![1], vec![[1; K]]);
        }
        Self { sizes, strides }
    }

    /// Whether input `k` lies in the order of the output, without gaps.
    fn is_flat(&self, k: usize) -> bool {
        let mut expected = 1;
        self.sizes.iter().zip(&self.strides).rev().all(|(&size, stride)| {
            let fits = size == 1 || stride[k] == expected;
            expected *= size;
            fits
        })
    }

    /// Whether input `k` is one row that repeats.
    fn repeats(&self, k: usize) -> bool {
        self.strides[..self.strides.len() - 1].iter().all(|stride| stride[k] == 0)
    }

    /// Elements of a block to gather: whole rows where they are short.
    fn block(&self) -> usize {
        let (inner, _) = self.inner(0);
        if (1..=BLOCK).contains(&inner) { BLOCK / inner * inner } else { BLOCK }
    }

    /// Calls `row` for every innermost row of `output`, in parallel.
    pub(crate) fn for_each_row<O: Send>(&self, output: &mut [O], row: &Row<O, K>) {
        let (Some(&inner), Some(&inner_strides)) = (self.sizes.last(), self.strides.last()) else { return };
        if output.is_empty() {
            return;
        }
        let outer = self.sizes.len() - 1;
        if outer == 0 {
            parallel_chunks_mut(output, GRAIN, &|chunk, part: &mut [O]| {
                row(part, inner_strides.map(|stride| chunk * GRAIN * stride), inner_strides);
            });
            return;
        }
        let rows = (GRAIN / inner).max(1);
        parallel_chunks_mut(output, rows * inner, &|chunk, part: &mut [O]| {
            let (mut index, mut offsets) = self.position(chunk * rows);
            for part in part.chunks_mut(inner) {
                row(part, offsets, inner_strides);
                for d in (0..outer).rev() {
                    index[d] += 1;
                    if index[d] < self.sizes[d] {
                        (0..K).for_each(|k| offsets[k] += self.strides[d][k]);
                        break;
                    }
                    index[d] = 0;
                    (0..K).for_each(|k| offsets[k] -= (self.sizes[d] - 1) * self.strides[d][k]);
                }
            }
        });
    }

    /// The length of a row, and the stride of input `k` along it.
    fn inner(&self, k: usize) -> (usize, usize) {
        match (self.sizes.last(), self.strides.last()) {
            (Some(&inner), Some(stride)) => (inner, stride[k]),
            _ => (1, 1),
        }
    }

    /// The offset of input `k` one row after the row `index`, which is moved on.
    fn next_row(&self, index: &mut [usize], mut offset: usize, k: usize) -> usize {
        for d in (0..index.len()).rev() {
            index[d] += 1;
            if index[d] < self.sizes[d] {
                return offset + self.strides[d][k];
            }
            index[d] = 0;
            offset -= (self.sizes[d] - 1) * self.strides[d][k];
        }
        offset
    }

    /// The index in the outer dimensions of row number `row`, and the offsets of the inputs there.
    fn position(&self, mut row: usize) -> (Vec<usize>, [usize; K]) {
        let mut index = vec![0; self.sizes.len() - 1];
        let mut offsets = [0; K];
        for d in (0..index.len()).rev() {
            index[d] = row % self.sizes[d];
            row /= self.sizes[d];
            (0..K).for_each(|k| offsets[k] += index[d] * self.strides[d][k]);
        }
        (index, offsets)
    }
}

impl Loops<1> {
    /// A change of memory order is a stack of transposed matrices when the dimension that is the fastest in the input is
    /// the last but one in the output.
    pub(crate) fn transpose(&self) -> Option<Transpose> {
        let (&[.., rows, cols], &[.., [row_stride], [col_stride]]) = (&self.sizes[..], &self.strides[..]) else {
            return None;
        };
        if row_stride != 1 || rows * cols < 64 {
            return None;
        }
        let outer = self.sizes.len() - 2;
        let stack =
            self.sizes[..outer].iter().copied().zip(self.strides[..outer].iter().map(|stride| stride[0])).collect();
        Some(Transpose { stack, rows, cols, col_stride })
    }
}

/// A stack of matrices to be written by rows, each of which lies in the input by columns, `col_stride` apart.
pub(crate) struct Transpose {
    /// Sizes and strides of the dimensions outside the matrices.
    stack: Vec<(usize, usize)>,
    rows: usize,
    cols: usize,
    col_stride: usize,
}

impl Transpose {
    /// Copies matrix by matrix, in parallel.
    pub(crate) fn run<S: Pod + Send + Sync>(&self, data: &[S], output: &mut [S]) {
        let Self { rows, cols, col_stride, .. } = *self;
        if output.is_empty() {
            return;
        }
        parallel_chunks_mut(output, rows * cols, &|matrix, output: &mut [S]| {
            let mut rest = matrix;
            let mut start = 0;
            for &(size, stride) in self.stack.iter().rev() {
                start += rest % size * stride;
                rest /= size;
            }
            transpose_matrix((&data[start..], col_stride), (output, cols), [rows, cols]);
        });
    }
}

/// Elements gathered at a time.
const BLOCK: usize = 1024;

/// The elements of one input in the order of the output.
struct Gather<'a, S> {
    data: &'a [S],
    /// Lies in the order of the output, without gaps.
    flat: bool,
    /// Is one row, over and over.
    repeats: bool,
    buffer: Vec<S>,
    /// How many elements of a repeating row the buffer holds.
    held: usize,
}

impl<'a, S: Pod> Gather<'a, S> {
    fn new<const K: usize>(loops: &Loops<K>, k: usize, data: &'a [S]) -> Self {
        Self { data, flat: loops.is_flat(k), repeats: loops.repeats(k), buffer: Vec::new(), held: 0 }
    }

    /// The `len` elements of input `k` from number `first` of the output on.
    fn get<const K: usize>(&mut self, loops: &Loops<K>, k: usize, first: usize, len: usize) -> &[S] {
        if self.flat {
            return &self.data[first..first + len];
        }
        let (inner, stride) = loops.inner(k);
        let within = first % inner;
        let same = self.repeats && (stride == 0 || (within == 0 && len.is_multiple_of(inner)));
        if same && self.held >= len {
            return &self.buffer[..len];
        }
        let (mut index, offsets) = loops.position(first / inner);
        let mut offset = offsets[k];
        if stride == 1 && within + len <= inner {
            return &self.data[offset + within..offset + within + len];
        }
        self.buffer.clear();
        let mut from = within;
        while self.buffer.len() < len {
            let count = (inner - from).min(len - self.buffer.len());
            let start = offset + from * stride;
            match stride {
                1 => self.buffer.extend_from_slice(&self.data[start..start + count]),
                0 => self.buffer.resize(self.buffer.len() + count, self.data[start]),
                _ => self.buffer.extend(self.data[start..].iter().step_by(stride).take(count)),
            }
            from = 0;
            offset = loops.next_row(&mut index, offset, k);
        }
        self.held = if same { len } else { 0 };
        &self.buffer[..len]
    }
}

/// Bytes of the elements, stored as `A`.
fn bytes<A>(x: &Tensor) -> usize {
    x.numel() * size_of::<A>()
}

/// `kernel` of the elements, in a new tensor of `dtype` with the layout of `x` where that is dense; `kernel` gets pieces
/// of the input and of the output of the same length. `A` and `O` must be the stored forms of the dtypes.
pub(crate) fn map_slices<A: Pod + Sync, O: Pod + Send>(
    x: &Tensor,
    dtype: DType,
    kernel: &(dyn Fn(&[A], &mut [O]) + Sync),
) -> Tensor {
    let data = x.data::<A>();
    let data: &[A] = &data;
    let read = bytes::<A>(x);
    let layout = x.layout().fresh();
    if layout.strides == x.layout().strides {
        return Tensor::fill_layout(layout, dtype, |output: &mut [O]| {
            fill_pieces(output, 1, GRAIN, read, &|first, piece| kernel(&data[first..first + piece.len()], piece));
        });
    }
    let loops = Loops::new(&layout, [x.layout()]);
    Tensor::fill_layout(layout, dtype, |output: &mut [O]| {
        fill_pieces(output, loops.block(), GRAIN, read, &|first, piece| {
            let mut x = Gather::new(&loops, 0, data);
            for (i, block) in piece.chunks_mut(loops.block()).enumerate() {
                kernel(x.get(&loops, 0, first + i * loops.block(), block.len()), block);
            }
        });
    })
}

/// `f` of every element, in a new tensor of `dtype` with the layout of `x` where that is dense. `A` and `O` must be the
/// stored forms of the dtypes.
pub(crate) fn map<A: Pod + Sync, O: Pod + Send>(x: &Tensor, dtype: DType, f: impl Fn(A) -> O + Sync) -> Tensor {
    map_slices(x, dtype, &|x: &[A], out: &mut [O]| flat::apply(x, out, &f))
}

/// The values of `f` at the elements.
pub(crate) fn map_function<T: Number + Element, F: Function<T>>(x: &Tensor, f: F) -> Tensor {
    map_slices(x, T::DTYPE, &|x: &[T], out: &mut [T]| flat::apply_function(x, out, f))
}

/// The gradient of [`map_function`] from what was saved, in its layout.
pub(crate) fn map_gradient<T: Number + Element, F: Function<T>>(
    op: &'static str,
    saved: &Tensor,
    grad: &Tensor,
    f: F,
) -> Result<Tensor, TensorError> {
    zip_slices(op, saved, grad, T::DTYPE, &|x: &[T], grad: &[T], out: &mut [T]| flat::apply_gradient(x, grad, out, f))
}

/// What is done to a piece of the output and the matching elements of two inputs.
type Kernel2<'a, A, B, O> = dyn Fn(&[A], &[B], &mut [O]) + Sync + 'a;

/// Like [`map_slices`] for every pair of elements, both expanded to their common shape.
pub(crate) fn zip_slices<A: Pod + Send + Sync, B: Pod + Send + Sync, O: Pod + Send>(
    op: &'static str,
    a: &Tensor,
    b: &Tensor,
    dtype: DType,
    kernel: &Kernel2<'_, A, B, O>,
) -> Result<Tensor, TensorError> {
    if a.shape() == b.shape() && a.strides() == b.strides() && a.layout().is_dense() {
        return Ok(zip_dense(a, b, dtype, kernel));
    }
    let shape = common_shape(op, a, b)?;
    let layout = output_layout(&shape, &[a, b]);
    let (a, b) = (&transposed_to::<A>(&layout, a), &transposed_to::<B>(&layout, b));
    let (a_data, b_data) = (a.data::<A>(), b.data::<B>());
    let (a_data, b_data): (&[A], &[B]) = (&a_data, &b_data);
    let read = bytes::<A>(a) + bytes::<B>(b);
    let loops = Loops::new(&layout, [&a.layout().expanded(&shape), &b.layout().expanded(&shape)]);
    Ok(Tensor::fill_layout(layout, dtype, |output: &mut [O]| {
        fill_pieces(output, loops.block(), GRAIN, read, &|first, piece| {
            let (mut a, mut b) = (Gather::new(&loops, 0, a_data), Gather::new(&loops, 1, b_data));
            for (i, block) in piece.chunks_mut(loops.block()).enumerate() {
                let (first, len) = (first + i * loops.block(), block.len());
                kernel(a.get(&loops, 0, first, len), b.get(&loops, 1, first, len), block);
            }
        });
    }))
}

/// [`zip_slices`] of tensors that lie alike.
fn zip_dense<A: Pod + Sync, B: Pod + Sync, O: Pod + Send>(
    a: &Tensor,
    b: &Tensor,
    dtype: DType,
    kernel: &Kernel2<'_, A, B, O>,
) -> Tensor {
    let (a_data, b_data) = (a.data::<A>(), b.data::<B>());
    let (a_data, b_data): (&[A], &[B]) = (&a_data, &b_data);
    let read = bytes::<A>(a) + bytes::<B>(b);
    Tensor::fill_layout(a.layout().fresh(), dtype, |output: &mut [O]| {
        fill_pieces(output, 1, GRAIN, read, &|first, piece| {
            let range = first..first + piece.len();
            kernel(&a_data[range.clone()], &b_data[range], piece);
        });
    })
}

/// The tensor, as a copy in the order of the `layout` where that transposes matrices: quicker than gathering its elements.
fn transposed_to<S: Pod + Send + Sync>(layout: &Layout, x: &Tensor) -> Tensor {
    if x.shape() != layout.shape || Loops::new(layout, [x.layout()]).transpose().is_none() {
        return x.clone();
    }
    copy_to_layout::<S>(x, layout.clone())
}

/// `f` of every pair of elements, both expanded to their common shape, in a new tensor of `dtype`.
pub(crate) fn zip<A: Pod + Send + Sync, B: Pod + Send + Sync, O: Pod + Send>(
    op: &'static str,
    a: &Tensor,
    b: &Tensor,
    dtype: DType,
    f: impl Fn(A, B) -> O + Sync,
) -> Result<Tensor, TensorError> {
    zip_slices(op, a, b, dtype, &|a: &[A], b: &[B], out: &mut [O]| flat::apply2(a, b, out, &f))
}

/// What is done to a piece of the output and the matching elements of three inputs.
type Kernel3<'a, A, B, C, O> = dyn Fn(&[A], &[B], &[C], &mut [O]) + Sync + 'a;

/// `f` of every triple of elements, all expanded to `shape`, in a new tensor of `dtype`.
pub(crate) fn zip3<A: Pod + Sync, B: Pod + Sync, C: Pod + Sync, O: Pod + Send>(
    shape: &[usize],
    inputs: (&Tensor, &Tensor, &Tensor),
    dtype: DType,
    f: impl Fn(A, B, C) -> O + Sync,
) -> Tensor {
    zip3_slices(shape, inputs, dtype, &|a: &[A], b: &[B], c: &[C], out: &mut [O]| flat::apply3(a, b, c, out, &f))
}

fn zip3_slices<A: Pod + Sync, B: Pod + Sync, C: Pod + Sync, O: Pod + Send>(
    shape: &[usize],
    (a, b, c): (&Tensor, &Tensor, &Tensor),
    dtype: DType,
    kernel: &Kernel3<'_, A, B, C, O>,
) -> Tensor {
    let layout = output_layout(shape, &[b, c, a]);
    let expanded = [a, b, c].map(|input| input.layout().expanded(shape));
    let loops = Loops::new(&layout, [&expanded[0], &expanded[1], &expanded[2]]);
    let read = bytes::<A>(a) + bytes::<B>(b) + bytes::<C>(c);
    let (a_data, b_data, c_data) = (a.data::<A>(), b.data::<B>(), c.data::<C>());
    let (a, b, c): (&[A], &[B], &[C]) = (&a_data, &b_data, &c_data);
    Tensor::fill_layout(layout, dtype, |output: &mut [O]| {
        fill_pieces(output, loops.block(), GRAIN, read, &|first, piece| {
            let (mut a, mut b) = (Gather::new(&loops, 0, a), Gather::new(&loops, 1, b));
            let mut c = Gather::new(&loops, 2, c);
            for (i, block) in piece.chunks_mut(loops.block()).enumerate() {
                let (first, len) = (first + i * loops.block(), block.len());
                let (a, b) = (a.get(&loops, 0, first, len), b.get(&loops, 1, first, len));
                kernel(a, b, c.get(&loops, 2, first, len), block);
            }
        });
    })
}

/// The shape two tensors broadcast to.
pub(crate) fn common_shape(op: &'static str, a: &Tensor, b: &Tensor) -> Result<Vec<usize>, TensorError> {
    if a.shape() == b.shape() { Ok(a.shape().to_vec()) } else { broadcast_shapes(op, a.shape(), b.shape()) }
}

/// The layout of a fresh output: channels last when an input of the full shape lies so, else in the memory order of the first
/// input which has the full shape, else row-major.
fn output_layout(shape: &[usize], inputs: &[&Tensor]) -> Layout {
    let mut full = inputs.iter().map(|input| input.layout()).filter(|x| x.shape == shape && !x.repeats());
    let channels_last = full.clone().find(|layout| layout.is_channels_last());
    channels_last.or_else(|| full.next()).map_or_else(|| Layout::contiguous(shape), Layout::fresh)
}
