//! Attention `softmax(scale q kᵀ + mask) v` and its gradients, without ever holding all the weights.
//!
//! The weights of a head are `[queries, keys]`: the square of the length of a sequence. They are computed for a block of
//! queries at a time, in a thread's scratch, and used there. Of each query the logarithm of its sum of exponentials is kept,
//! with which the backward pass computes its weights again (Dao et al. 2022, without their blocks of keys: a row is whole,
//! so its maximum is known).
//!
//! ```text
//! p = exp(scale q kᵀ + mask - log_sum)        o = p v
//! ∂v = pᵀ ∂o        ∂p = ∂o vᵀ        ∂s = scale p (∂p - Σ_keys p ∂p)        ∂q = ∂s k        ∂k = ∂sᵀ q
//! ```

use std::ops::Range;

use crate::Element;
use crate::arch::{Isa, vectorize};
use crate::gemm::{MatrixMut, MatrixRef, gemm};
use crate::layout::transpose_block;
use crate::memory::Buffer;
use crate::softmax::{row_dot, row_max, row_sum};
use crate::threads::{Pieces, parallel_chunks_mut, parallel_for_scratch};

/// Sizes of an attention.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AttentionGeometry {
    /// Sequences.
    pub batch: usize,
    /// Heads of each.
    pub heads: usize,
    /// Rows of the queries and of the result.
    pub queries: usize,
    /// Rows of the keys and values.
    pub keys: usize,
    /// Columns of queries and keys.
    pub width: usize,
    /// Columns of the values and of the result.
    pub value_width: usize,
    /// What the scores are multiplied by.
    pub scale: f64,
    /// Whether query `i` sees keys `0..=i` only.
    pub causal: bool,
}

/// A matrix for each head of each sequence: strides of sequence, head, row and column; any may be 0.
#[derive(Clone, Copy, Debug)]
pub struct Heads<'a, T> {
    /// The elements.
    pub data: &'a [T],
    /// Distance between sequences, heads, rows and columns, in elements.
    pub strides: [usize; 4],
}

impl<'a, T> Heads<'a, T> {
    /// Some rows of one head.
    fn rows(&self, (sequence, head): (usize, usize), rows: Range<usize>, cols: usize) -> MatrixRef<'a, T> {
        let [per_sequence, per_head, row_stride, col_stride] = self.strides;
        let start = sequence * per_sequence + head * per_head + rows.start * row_stride;
        let data = self.data.get(start..).unwrap_or_default();
        MatrixRef { data, rows: rows.len(), cols, row_stride, col_stride }
    }
}

/// What an attention reads.
#[derive(Clone, Copy, Debug)]
pub struct AttentionInputs<'a, T> {
    /// `[queries, width]`.
    pub query: Heads<'a, T>,
    /// `[keys, width]`.
    pub key: Heads<'a, T>,
    /// `[keys, value_width]`.
    pub value: Heads<'a, T>,
    /// `[queries, keys]`, added to the scores.
    pub mask: Option<Heads<'a, T>>,
}

/// Scores of a block, about: they stay in a second-level cache.
const BLOCK_SCORES: usize = 32 * 1024;
/// Fewest and most queries of a block.
const BLOCK_QUERIES: Range<usize> = 64..128;
/// Blocks of queries of one task of the forward pass: they share the transposed keys.
const SPAN: usize = 4;
/// Keys that lie side by side in transposed matrices: products read rows of this length as they are.
const SIDE_BY_SIDE: usize = 256;
/// Elements whose exponentials are taken in one go.
const EXPONENTIALS: usize = 4096;
/// Fewer heads than this are too few to share among threads: their products are parallel inside.
const FEW_HEADS: usize = 8;

impl AttentionGeometry {
    /// Queries of a block.
    fn block(&self) -> usize {
        let rows = (BLOCK_SCORES / self.keys.max(1)).clamp(BLOCK_QUERIES.start, BLOCK_QUERIES.end);
        let shared = if self.batch * self.heads < FEW_HEADS { 4 } else { 1 };
        (shared * rows).min(self.queries)
    }

    /// Head number `index`: its sequence, and its number there.
    fn place(&self, index: usize) -> (usize, usize) {
        (index / self.heads, index % self.heads)
    }

    /// How many keys, from the first, the queries of a block see in all.
    fn seen(&self, rows: &Range<usize>) -> usize {
        if self.causal { self.keys.min(rows.end) } else { self.keys }
    }

    /// Where row `i` of a head lies in a result `[batch, rows, heads, width]`, in rows.
    fn row(&self, (sequence, head): (usize, usize), rows: usize, i: usize) -> usize {
        (sequence * rows + i) * self.heads + head
    }

    fn view<'a, T: Element>(
        &self,
        mask: Option<Heads<'a, T>>,
        place: (usize, usize),
        rows: Range<usize>,
    ) -> View<'a, T> {
        let first = self.causal.then_some(rows.start);
        let mask = mask.map(|mask| mask.rows(place, rows, self.keys));
        View { scale: T::from_f64(self.scale), mask, first }
    }

    fn check(&self, output: usize, log_sums: usize) {
        let heads = self.batch * self.heads;
        assert_eq!(output, heads * self.queries * self.value_width, "attention: length of the output for {self:?}");
        assert_eq!(log_sums, heads * self.queries, "attention: one sum per query for {self:?}");
    }
}

/// What becomes of the scores of a block before their softmax.
struct View<'a, T> {
    scale: T,
    mask: Option<MatrixRef<'a, T>>,
    /// If causal, the number of the first query.
    first: Option<usize>,
}

impl<T: Element> View<'_, T> {
    /// The scores of query `i` of the block, scaled and masked.
    #[inline(always)]
    fn apply(&self, i: usize, scores: &mut [T]) {
        match &self.mask {
            None => scores.iter_mut().for_each(|score| *score *= self.scale),
            Some(mask) => {
                let row = &mask.data[i * mask.row_stride..];
                if mask.col_stride == 1 {
                    for (score, &mask) in scores.iter_mut().zip(row) {
                        *score = *score * self.scale + mask;
                    }
                } else {
                    for (j, score) in scores.iter_mut().enumerate() {
                        *score = *score * self.scale + row[j * mask.col_stride];
                    }
                }
            }
        }
        if let Some(first) = self.first {
            scores.iter_mut().skip(first + i + 1).for_each(|score| *score = T::NEG_INFINITY);
        }
    }
}

/// Several rows at a time: with short ones vectors would stay half empty.
fn rows_in_one_go(columns: usize) -> usize {
    (EXPONENTIALS / columns).max(1)
}

vectorize! {
    /// Scores to weights that are not yet divided by their sums: `(1 / sum, log(sum))` of each row.
    fn exponentials[T: Element](scores: &mut [T], columns: usize, view: &View<'_, T>, sums: &mut [[T; 2]]) {
        let rows = rows_in_one_go(columns);
        for (i, (scores, sums)) in scores.chunks_mut(rows * columns).zip(sums.chunks_mut(rows)).enumerate() {
            for (j, (row, sums)) in scores.chunks_exact_mut(columns).zip(&mut *sums).enumerate() {
                view.apply(i * rows + j, row);
                let max = row_max(row);
                row.iter_mut().for_each(|x| *x -= max);
                sums[1] = max;
            }
            scores.iter_mut().for_each(|x| *x = x.exp());
            for (row, sums) in scores.chunks_exact(columns).zip(sums) {
                let sum = row_sum(row);
                *sums = [T::ONE / sum, sums[1] + sum.ln()];
            }
        }
    }
}

vectorize! {
    /// Scores to weights, by the logarithms of their sums; from row `first` of the block on.
    fn weights_again[T: Element](scores: &mut [T], columns: usize, first: usize, view: &View<'_, T>, log_sums: &[T]) {
        let rows = rows_in_one_go(columns);
        for (i, (scores, log_sums)) in scores.chunks_mut(rows * columns).zip(log_sums.chunks(rows)).enumerate() {
            for (j, (row, &log_sum)) in scores.chunks_exact_mut(columns).zip(log_sums).enumerate() {
                view.apply(first + i * rows + j, row);
                row.iter_mut().for_each(|x| *x -= log_sum);
            }
            scores.iter_mut().for_each(|x| *x = x.exp());
        }
    }
}

vectorize! {
    /// Gradients of the weights to those of the products of queries and keys.
    fn slopes[T: Element](weights: &[T], grads: &mut [T], columns: usize, scale: T) {
        for (grads, weights) in grads.chunks_exact_mut(columns).zip(weights.chunks_exact(columns)) {
            let mean = row_dot(weights, grads);
            for (grad, &weight) in grads.iter_mut().zip(weights) {
                *grad = (*grad - mean) * weight * scale;
            }
        }
    }
}

/// Writes the result, `[batch, queries, heads, value_width]`, and the logarithm of each query's sum of exponentials,
/// `[batch, heads, queries]`. Without any keys the result is 0.
///
/// # Panics
/// If a length does not fit.
pub fn forward<T: Element>(
    g: &AttentionGeometry,
    inputs: &AttentionInputs<'_, T>,
    output: &mut [T],
    log_sums: &mut [T],
) {
    g.check(output.len(), log_sums.len());
    if output.is_empty() || g.keys == 0 {
        return output.fill(T::ZERO);
    }
    let (block, columns) = (g.block(), g.value_width);
    let spans = g.queries.div_ceil(SPAN * block);
    let (output, log_sums) = (Pieces::new(output, columns), Pieces::new(log_sums, 1));
    let scratch_len = block * (g.keys + columns + 2) + g.keys * g.width;
    parallel_for_scratch(g.batch * g.heads * spans, scratch_len, &|task, scratch: &mut [T]| {
        let (head, first) = (task / spans, task % spans * SPAN * block);
        let place = g.place(head);
        let (keys, scratch) = scratch.split_at_mut(g.keys * g.width);
        let span = first..(first + SPAN * block).min(g.queries);
        transpose(&inputs.key.rows(place, 0..g.seen(&span), g.width), keys);
        for first in span.clone().step_by(block) {
            let rows = first..(first + block).min(span.end);
            let (seen, count) = (g.seen(&rows), rows.len());
            let (scores, scratch) = scratch.split_at_mut(count * seen);
            let (values, scratch) = scratch.split_at_mut(count * columns);
            let sums: &mut [[T; 2]] = bytemuck::cast_slice_mut(&mut scratch[..2 * count]);
            multiply(inputs.query.rows(place, rows.clone(), g.width), keys, g.seen(&span), scores);
            exponentials(scores, seen, &g.view(inputs.mask, place, rows.clone()), sums);
            let weights = MatrixRef::row_major(scores, count, seen);
            let value = inputs.value.rows(place, 0..seen, columns);
            gemm(weights, value, MatrixMut::row_major(values, count, columns), false);
            for ((i, values), &[inverse, log_sum]) in rows.zip(values.chunks_exact(columns)).zip(&*sums) {
                // SAFETY: each query of each head belongs to one task.
                let (to, sum) = unsafe { (output.get(g.row(place, g.queries, i)), log_sums.get(head * g.queries + i)) };
                to.iter_mut().zip(values).for_each(|(to, &value)| *to = value * inverse);
                sum[0] = log_sum;
            }
        }
    });
}

/// Transposes a matrix of keys or values: [`SIDE_BY_SIDE`] rows at a time become columns, dense.
fn transpose<T: Element>(from: &MatrixRef<'_, T>, to: &mut [T]) {
    for first in (0..from.rows).step_by(SIDE_BY_SIDE) {
        let count = SIDE_BY_SIDE.min(from.rows - first);
        let to = &mut to[first * from.cols..][..count * from.cols];
        let data = &from.data[first * from.row_stride..];
        if from.col_stride == 1 {
            transpose_block(Isa::current(), (data, from.row_stride), (to, count), [from.cols, count]);
            continue;
        }
        for (column, to) in to.chunks_exact_mut(count).enumerate() {
            for (row, to) in to.iter_mut().enumerate() {
                *to = data[row * from.row_stride + column * from.col_stride];
            }
        }
    }
}

/// The products of rows with the first `scores.len() / a.rows` of `rows` rows that [`transpose`] transposed.
fn multiply<T: Element>(a: MatrixRef<'_, T>, transposed: &[T], rows: usize, scores: &mut [T]) {
    let seen = scores.len() / a.rows;
    for first in (0..seen).step_by(SIDE_BY_SIDE) {
        let row_stride = SIDE_BY_SIDE.min(rows - first);
        let cols = row_stride.min(seen - first);
        let data = &transposed[first * a.cols..][..row_stride * a.cols];
        let b = MatrixRef { data, rows: a.cols, cols, row_stride, col_stride: 1 };
        let c = MatrixMut { data: &mut scores[first..], rows: a.rows, cols, row_stride: seen, col_stride: 1 };
        gemm(a, b, c, false);
    }
}

/// The gradients of queries, keys and values, each as `[batch, rows, heads, columns]`, from that of the result. Overwrites
/// them.
///
/// # Panics
/// If a length does not fit.
pub fn backward<T: Element>(
    g: &AttentionGeometry,
    inputs: &AttentionInputs<'_, T>,
    log_sums: &[T],
    grad_output: Heads<'_, T>,
    grads: [&mut [T]; 3],
) {
    let heads = g.batch * g.heads;
    let rows_and_columns = [(g.queries, g.width), (g.keys, g.width), (g.keys, g.value_width)];
    for (grad, (rows, columns)) in grads.iter().zip(rows_and_columns) {
        assert_eq!(grad.len(), heads * rows * columns, "attention: length of a gradient for {g:?}");
    }
    g.check(heads * g.queries * g.value_width, log_sums.len());
    if grads.iter().any(|grad| grad.is_empty()) || g.queries == 0 {
        return grads.into_iter().for_each(|grad| grad.fill(T::ZERO));
    }
    let [query, key, value] = grads;
    let grads = [Pieces::new(query, g.width), Pieces::new(key, g.width), Pieces::new(value, g.value_width)];
    let block = g.block();
    let scratch_len = block * (2 * g.keys + g.width) + 2 * g.keys * (g.width + g.value_width);
    let run = |head: usize, scratch: &mut [T]| {
        let log_sums = &log_sums[head * g.queries..][..g.queries];
        let task = HeadBackward { g, inputs, log_sums, grad_output, place: g.place(head) };
        // SAFETY: each head runs once, and writes its own rows.
        unsafe { task.run(&grads, scratch) };
    };
    if heads >= FEW_HEADS {
        return parallel_for_scratch(heads, scratch_len, &run);
    }
    let mut scratch = Buffer::uninit(scratch_len * size_of::<T>());
    (0..heads).for_each(|head| run(head, scratch.as_mut_slice::<T>()));
}

/// The backward pass of one head. Its products and rows are shared among threads when it is not itself on one of several.
struct HeadBackward<'a, T> {
    g: &'a AttentionGeometry,
    inputs: &'a AttentionInputs<'a, T>,
    /// Of this head.
    log_sums: &'a [T],
    grad_output: Heads<'a, T>,
    place: (usize, usize),
}

impl<T: Element> HeadBackward<'_, T> {
    /// # Safety
    /// Nobody else uses the rows of this head in `grads`.
    unsafe fn run(&self, grads: &[Pieces<'_, T>; 3], scratch: &mut [T]) {
        let (g, block) = (self.g, self.g.block());
        let (grad_keys, scratch) = scratch.split_at_mut(g.keys * g.width);
        let (grad_values, scratch) = scratch.split_at_mut(g.keys * g.value_width);
        let (keys, scratch) = scratch.split_at_mut(g.keys * g.width);
        let (values, scratch) = scratch.split_at_mut(g.keys * g.value_width);
        transpose(&self.inputs.key.rows(self.place, 0..g.keys, g.width), keys);
        transpose(&self.inputs.value.rows(self.place, 0..g.keys, g.value_width), values);
        let (grad_queries, scratch) = scratch.split_at_mut(block * g.width);
        let (weights, scores) = scratch.split_at_mut(block * g.keys);
        grad_keys.fill(T::ZERO);
        grad_values.fill(T::ZERO);
        for first in (0..g.queries).step_by(block) {
            let rows = first..(first + block).min(g.queries);
            let len = rows.len() * g.seen(&rows);
            let (weights, scores) = (&mut weights[..len], &mut scores[..len]);
            self.block(rows.clone(), [keys, values], [weights, scores], [grad_queries, grad_keys, grad_values]);
            // SAFETY: passed on.
            unsafe { self.store(&grads[0], (g.queries, rows), g.width, grad_queries) };
        }
        // SAFETY: passed on.
        unsafe {
            self.store(&grads[1], (g.keys, 0..g.keys), g.width, grad_keys);
            self.store(&grads[2], (g.keys, 0..g.keys), g.value_width, grad_values);
        }
    }

    /// What the queries of one block do, with the transposed keys and values: the gradients of these queries, and what they
    /// add to those of keys and values.
    fn block(
        &self,
        rows: Range<usize>,
        [keys, values]: [&[T]; 2],
        [weights, scores]: [&mut [T]; 2],
        grads: [&mut [T]; 3],
    ) {
        let Self { g, inputs, place, .. } = *self;
        let [grad_queries, grad_keys, grad_values] = grads;
        let (seen, count) = (g.seen(&rows), rows.len());
        let key = inputs.key.rows(place, 0..seen, g.width);
        let query = inputs.query.rows(place, rows.clone(), g.width);
        let grad = self.grad_output.rows(place, rows.clone(), g.value_width);
        multiply(query, keys, g.keys, weights);
        let view = g.view(inputs.mask, place, rows.clone());
        let log_sums = &self.log_sums[rows];
        let some_rows = (BLOCK_SCORES / 8 / seen).max(1);
        parallel_chunks_mut(weights, some_rows * seen, &|chunk, weights: &mut [T]| {
            let first = chunk * some_rows;
            weights_again(weights, seen, first, &view, &log_sums[first..]);
        });
        let p = MatrixRef::row_major(weights, count, seen);
        let sums = MatrixMut::row_major(&mut grad_values[..seen * g.value_width], seen, g.value_width);
        gemm(p.transposed(), grad, sums, true);
        multiply(grad, values, g.keys, scores);
        let weights = &*weights;
        parallel_chunks_mut(scores, some_rows * seen, &|chunk, scores: &mut [T]| {
            let weights = &weights[chunk * some_rows * seen..][..scores.len()];
            slopes(weights, scores, seen, T::from_f64(g.scale));
        });
        let ds = MatrixRef::row_major(scores, count, seen);
        gemm(ds, key, MatrixMut::row_major(&mut grad_queries[..count * g.width], count, g.width), false);
        let sums = MatrixMut::row_major(&mut grad_keys[..seen * g.width], seen, g.width);
        gemm(ds.transposed(), query, sums, true);
    }

    /// Copies rows, of so many in all, of a gradient to where they belong.
    ///
    /// # Safety
    /// Nobody else uses these rows of this head.
    unsafe fn store(&self, grads: &Pieces<'_, T>, (all, rows): (usize, Range<usize>), columns: usize, from: &[T]) {
        for (i, from) in rows.zip(from.chunks_exact(columns)) {
            // SAFETY: passed on.
            unsafe { grads.get(self.g.row(self.place, all, i)) }.copy_from_slice(from);
        }
    }
}
