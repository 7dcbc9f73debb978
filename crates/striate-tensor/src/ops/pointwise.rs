//! The loops under every element-by-element operation.
//!
//! An output is filled in its own memory order. Inputs follow through strides (0 where they are broadcast);
//! dimensions that lie behind each other in all operands are merged first, so equal dense layouts, channels-last
//! included, become one flat loop, and a per-channel vector against a channels-last image a loop over rows of channels.
//! Work is cut into chunks by the size of the problem only, so results do not depend on the number of threads.

use bytemuck::Pod;
use striate_kernels::pointwise as flat;
use striate_kernels::threads::parallel_chunks_mut;

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

    /// Makes short rows longer: when input `k` is one row of a few elements that repeats while all else runs on flat, as
    /// a vector of channels against a channels-last image, returns that row written several times over, to be read
    /// instead, and changes the loops to rows of that length. The last row may then be cut short.
    fn widen_rows<S: Pod>(&mut self, k: usize, data: &[S]) -> Option<Vec<S>> {
        const WIDE: usize = 512;
        let (&[rows, inner], &[outer_strides, inner_strides]) = (&self.sizes[..], &self.strides[..]) else {
            return None;
        };
        let flat = |j: usize| inner_strides[j] == 1 && outer_strides[j] == if j == k { 0 } else { inner };
        let repeats = WIDE / inner.max(1);
        if repeats < 2 || rows < repeats || !(0..K).all(flat) {
            return None;
        }
        self.sizes = vec![rows.div_ceil(repeats), repeats * inner];
        self.strides[0] = outer_strides.map(|stride| stride * repeats);
        Some(data[..inner].repeat(repeats))
    }

    /// The strides of the inputs when one flat loop does it all.
    fn flat(&self) -> Option<[usize; K]> {
        if self.sizes.len() == 1 { Some(self.strides[0]) } else { None }
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
    /// Copies in square tiles, so that the cache lines of both sides are used whole while they are at hand.
    pub(crate) fn run<S: Pod + Send + Sync>(&self, data: &[S], output: &mut [S]) {
        const TILE: usize = 16;
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
            for (band, output) in output.chunks_mut(TILE * cols).enumerate() {
                for left in (0..cols).step_by(TILE) {
                    let width = TILE.min(cols - left);
                    for (row, output) in output.chunks_mut(cols).enumerate() {
                        let source = start + band * TILE + row + left * col_stride;
                        for (i, o) in output[left..left + width].iter_mut().enumerate() {
                            *o = data[source + i * col_stride];
                        }
                    }
                }
            }
        });
    }
}

/// `f` of every element, in a new tensor of `dtype` with the layout of `x` where that is dense. `A` and `O` must be the
/// stored forms of the dtypes.
pub(crate) fn map<A: Pod + Sync, O: Pod + Send>(x: &Tensor, dtype: DType, f: impl Fn(A) -> O + Sync) -> Tensor {
    let data = x.data::<A>();
    let data: &[A] = &data;
    let layout = x.layout().fresh();
    let loops = Loops::new(&layout, [x.layout()]);
    Tensor::fill_layout(layout, dtype, |output: &mut [O]| {
        if let Some([1]) = loops.flat() {
            return flat::map(&data[..output.len()], output, f);
        }
        loops.for_each_row(output, &|row, [offset], [stride]| {
            if stride == 1 {
                for (o, &a) in row.iter_mut().zip(&data[offset..]) {
                    *o = f(a);
                }
            } else {
                for (i, o) in row.iter_mut().enumerate() {
                    *o = f(data[offset + i * stride]);
                }
            }
        });
    })
}

/// `f` of every pair of elements, both expanded to their common shape, in a new tensor of `dtype`.
pub(crate) fn zip<A: Pod + Sync, B: Pod + Sync, O: Pod + Send>(
    op: &'static str,
    a: &Tensor,
    b: &Tensor,
    dtype: DType,
    f: impl Fn(A, B) -> O + Sync,
) -> Result<Tensor, TensorError> {
    let (layout, mut loops) = pair_loops(op, a, b)?;
    let (a_data, b_data) = (a.data::<A>(), b.data::<B>());
    let (a_tile, b_tile) = (loops.widen_rows(0, &a_data), loops.widen_rows(1, &b_data));
    let (a, b): (&[A], &[B]) = (a_tile.as_deref().unwrap_or(&a_data), b_tile.as_deref().unwrap_or(&b_data));
    Ok(Tensor::fill_layout(layout, dtype, |output: &mut [O]| match loops.flat() {
        Some([1, 1]) => flat::zip(&a[..output.len()], &b[..output.len()], output, f),
        _ => loops.for_each_row(output, &|row, offsets, strides| zip_row(row, a, b, offsets, strides, &f)),
    }))
}

/// The layout of the result of `zip`, and the loops.
fn pair_loops(op: &'static str, a: &Tensor, b: &Tensor) -> Result<(Layout, Loops<2>), TensorError> {
    let shape = common_shape(op, a, b)?;
    let layout = output_layout(&shape, &[a, b]);
    let loops = Loops::new(&layout, [&a.layout().expanded(&shape), &b.layout().expanded(&shape)]);
    Ok((layout, loops))
}

#[inline(always)]
fn zip_row<A: Copy, B: Copy, O>(
    row: &mut [O],
    a: &[A],
    b: &[B],
    [ao, bo]: [usize; 2],
    strides: [usize; 2],
    f: &impl Fn(A, B) -> O,
) {
    match strides {
        [1, 1] => {
            for ((o, &a), &b) in row.iter_mut().zip(&a[ao..]).zip(&b[bo..]) {
                *o = f(a, b);
            }
        }
        [1, 0] => {
            let b = b[bo];
            for (o, &a) in row.iter_mut().zip(&a[ao..]) {
                *o = f(a, b);
            }
        }
        [0, 1] => {
            let a = a[ao];
            for (o, &b) in row.iter_mut().zip(&b[bo..]) {
                *o = f(a, b);
            }
        }
        [sa, sb] => {
            for (i, o) in row.iter_mut().enumerate() {
                *o = f(a[ao + i * sa], b[bo + i * sb]);
            }
        }
    }
}

/// `f` of every triple of elements, all expanded to `shape`, in a new tensor of `dtype`.
pub(crate) fn zip3<A: Pod + Sync, B: Pod + Sync, C: Pod + Sync, O: Pod + Send>(
    shape: &[usize],
    (a, b, c): (&Tensor, &Tensor, &Tensor),
    dtype: DType,
    f: impl Fn(A, B, C) -> O + Sync,
) -> Tensor {
    let layout = output_layout(shape, &[b, c, a]);
    let expanded = [a, b, c].map(|input| input.layout().expanded(shape));
    let loops = Loops::new(&layout, [&expanded[0], &expanded[1], &expanded[2]]);
    let (a_data, b_data, c_data) = (a.data::<A>(), b.data::<B>(), c.data::<C>());
    let (a, b, c): (&[A], &[B], &[C]) = (&a_data, &b_data, &c_data);
    Tensor::fill_layout(layout, dtype, |output: &mut [O]| {
        if let Some([1, 1, 1]) = loops.flat() {
            let len = output.len();
            return flat::zip3(&a[..len], &b[..len], &c[..len], output, f);
        }
        loops.for_each_row(output, &|row, [ao, bo, co], strides| {
            for (i, o) in row.iter_mut().enumerate() {
                *o = f(a[ao + i * strides[0]], b[bo + i * strides[1]], c[co + i * strides[2]]);
            }
        });
    })
}

/// The shape two tensors broadcast to.
pub(crate) fn common_shape(op: &'static str, a: &Tensor, b: &Tensor) -> Result<Vec<usize>, TensorError> {
    if a.shape() == b.shape() { Ok(a.shape().to_vec()) } else { broadcast_shapes(op, a.shape(), b.shape()) }
}

/// The layout of a fresh output: in the memory order of the first input which has the full shape, else row-major.
fn output_layout(shape: &[usize], inputs: &[&Tensor]) -> Layout {
    inputs
        .iter()
        .map(|input| input.layout())
        .find(|layout| layout.shape == shape && !layout.repeats())
        .map_or_else(|| Layout::contiguous(shape), Layout::fresh)
}
