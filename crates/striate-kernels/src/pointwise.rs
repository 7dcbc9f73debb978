//! Building blocks for element-by-element work and reductions on dense slices.
//!
//! Closures are inlined, so the loops vectorise. Above a grain of elements the work is parallel. Reductions sum fixed
//! chunks and combine them in a fixed pairwise order: exact to the bit for any number of threads, with an error that
//! grows with the logarithm of the length.

use bytemuck::Pod;

use crate::activation::Function;
use crate::arch::vectorize;
use crate::bf16::Widen;
use crate::threads::{Pieces, parallel_for};
use crate::{Element, memory::Buffer};

/// Elements one chunk works on; less than two chunks run on the calling thread.
pub const GRAIN: usize = 16 * 1024;

fn chunks(len: usize) -> usize {
    len.div_ceil(GRAIN)
}

fn range(chunk: usize, len: usize) -> std::ops::Range<usize> {
    chunk * GRAIN..((chunk + 1) * GRAIN).min(len)
}

vectorize! {
    /// `out[i] = f(x[i])` on the calling thread, up to the end of the shorter; `f` should be short, or marked
    /// `#[inline(always)]`.
    pub fn apply[A: Copy, O, F: Fn(A) -> O](x: &[A], out: &mut [O], f: &F) {
        for (out, &x) in out.iter_mut().zip(x) {
            *out = f(x);
        }
    }
}

vectorize! {
    /// `out[i] = f(a[i], b[i])`; as [`apply`].
    pub fn apply2[A: Copy, B: Copy, O, F: Fn(A, B) -> O](a: &[A], b: &[B], out: &mut [O], f: &F) {
        for ((out, &a), &b) in out.iter_mut().zip(a).zip(b) {
            *out = f(a, b);
        }
    }
}

vectorize! {
    /// `out[i] = f(a[i], b[i], c[i])`; as [`apply`].
    pub fn apply3[A: Copy, B: Copy, C: Copy, O, F: Fn(A, B, C) -> O](a: &[A], b: &[B], c: &[C], out: &mut [O], f: &F) {
        for (((out, &a), &b), &c) in out.iter_mut().zip(a).zip(b).zip(c) {
            *out = f(a, b, c);
        }
    }
}

// The functions in place take `f` by reference too, instead of being a closure for `vectorized`: only as an argument is
// what `f` has captured known not to change with the results. Else each element would read it anew, and none vectorise.

vectorize! {
    /// `x[i] = f(x[i])`; as [`apply`].
    fn apply_in_place[A: Copy, F: Fn(A) -> A](x: &mut [A], f: &F) {
        for x in x {
            *x = f(*x);
        }
    }
}

vectorize! {
    /// `a[i] = f(a[i], b[i])`; as [`apply`].
    fn apply2_in_place[A: Copy, B: Copy, F: Fn(A, B) -> A](a: &mut [A], b: &[B], f: &F) {
        for (a, &b) in a.iter_mut().zip(b) {
            *a = f(*a, b);
        }
    }
}

vectorize! {
    /// The values of `f`; as [`apply`], for functions of any length.
    pub fn apply_function[T: Element, F: Function<T>](x: &[T], out: &mut [T], f: F) {
        for (out, &x) in out.iter_mut().zip(x) {
            *out = f.value(x);
        }
    }
}

vectorize! {
    /// The gradients of `f`: `grad` times the derivative at `x`; as [`apply`], for functions of any length.
    pub fn apply_gradient[T: Element, F: Function<T>](x: &[T], grad: &[T], out: &mut [T], f: F) {
        for ((out, &x), &grad) in out.iter_mut().zip(x).zip(grad) {
            *out = f.gradient(x, grad);
        }
    }
}

/// `out[i] = f(x[i])`.
///
/// # Panics
/// If the lengths differ.
pub fn map<A: Copy + Sync, B: Send>(x: &[A], out: &mut [B], f: impl Fn(A) -> B + Sync) {
    assert_eq!(x.len(), out.len(), "map: lengths differ");
    let len = out.len();
    let pieces = Pieces::new(out, GRAIN);
    parallel_for(chunks(len), &|chunk| {
        // SAFETY: each chunk runs once, and takes its own piece.
        let out = unsafe { pieces.get(chunk) };
        apply(&x[range(chunk, len)], out, &f);
    });
}

/// `x[i] = f(x[i])`. What `f` needs it should own (`move`), or each element reads it anew.
pub fn map_in_place<A: Copy + Send>(x: &mut [A], f: impl Fn(A) -> A + Sync) {
    let count = chunks(x.len());
    let pieces = Pieces::new(x, GRAIN);
    parallel_for(count, &|chunk| {
        // SAFETY: each chunk runs once, and takes its own piece.
        apply_in_place(unsafe { pieces.get(chunk) }, &f);
    });
}

/// `out[i] = f(a[i], b[i])`.
///
/// # Panics
/// If the lengths differ.
pub fn zip<A: Copy + Sync, B: Copy + Sync, C: Send>(a: &[A], b: &[B], out: &mut [C], f: impl Fn(A, B) -> C + Sync) {
    assert!(a.len() == out.len() && b.len() == out.len(), "zip: lengths differ");
    let len = out.len();
    let pieces = Pieces::new(out, GRAIN);
    parallel_for(chunks(len), &|chunk| {
        // SAFETY: each chunk runs once, and takes its own piece.
        let out = unsafe { pieces.get(chunk) };
        let (a, b) = (&a[range(chunk, len)], &b[range(chunk, len)]);
        apply2(a, b, out, &f);
    });
}

/// `a[i] = f(a[i], b[i])`: accumulation, and updates in place. What `f` needs it should own (`move`), as in [`map_in_place`].
///
/// # Panics
/// If the lengths differ.
pub fn zip_in_place<A: Copy + Send, B: Copy + Sync>(a: &mut [A], b: &[B], f: impl Fn(A, B) -> A + Sync) {
    assert_eq!(a.len(), b.len(), "zip_in_place: lengths differ");
    let len = a.len();
    let pieces = Pieces::new(a, GRAIN);
    parallel_for(chunks(len), &|chunk| {
        // SAFETY: each chunk runs once, and takes its own piece.
        let a = unsafe { pieces.get(chunk) };
        let b = &b[range(chunk, len)];
        apply2_in_place(a, b, &f);
    });
}

/// `out[i] = f(a[i], b[i], c[i])`.
///
/// # Panics
/// If the lengths differ.
pub fn zip3<A, B, C, D>(a: &[A], b: &[B], c: &[C], out: &mut [D], f: impl Fn(A, B, C) -> D + Sync)
where
    A: Copy + Sync,
    B: Copy + Sync,
    C: Copy + Sync,
    D: Send,
{
    let len = out.len();
    assert!(a.len() == len && b.len() == len && c.len() == len, "zip3: lengths differ");
    let pieces = Pieces::new(out, GRAIN);
    parallel_for(chunks(len), &|chunk| {
        // SAFETY: each chunk runs once, and takes its own piece.
        let out = unsafe { pieces.get(chunk) };
        let range = range(chunk, len);
        let (a, b, c) = (&a[range.clone()], &b[range.clone()], &c[range]);
        apply3(a, b, c, out, &f);
    });
}

/// Folds fixed chunks of `x` with `fold`, then the chunk results pairwise with `combine`; `identity` for an empty slice.
///
/// `combine` should be associative up to rounding; the order of combination depends on the length only.
pub fn reduce<A, R>(x: &[A], identity: R, fold: impl Fn(&[A]) -> R + Sync, combine: impl Fn(R, R) -> R) -> R
where
    A: Sync,
    R: Pod + Send + Sync,
{
    match chunks(x.len()) {
        0 => identity,
        1 => fold(x),
        count => {
            let mut partial = Buffer::uninit(count * size_of::<R>());
            let partial = partial.as_mut_slice::<R>();
            let pieces = Pieces::new(partial, 1);
            parallel_for(count, &|chunk| {
                // SAFETY: each chunk runs once, and takes its own piece.
                let place = unsafe { pieces.get(chunk) };
                place[0] = fold(&x[range(chunk, x.len())]);
            });
            let mut width = count;
            while width > 1 {
                let half = width.div_ceil(2);
                for i in 0..width / 2 {
                    partial[i] = combine(partial[2 * i], partial[2 * i + 1]);
                }
                if width % 2 == 1 {
                    partial[half - 1] = partial[width - 1];
                }
                width = half;
            }
            partial[0]
        }
    }
}

/// Running values of a long sum: enough for several vectors in flight.
const LANES: usize = 64;

/// Folds `x` with `L` (a power of two) running values, which are combined in halves at the end.
#[inline(always)]
pub(crate) fn fold_lanes<T: Copy, const L: usize>(
    x: &[T],
    first: T,
    fold: impl Fn(T, T) -> T,
    combine: impl Fn(T, T) -> T,
) -> T {
    let mut running = [first; L];
    let (rows, rest) = x.as_chunks::<L>();
    for row in rows {
        for (lane, &x) in running.iter_mut().zip(row) {
            *lane = fold(*lane, x);
        }
    }
    // A copy: what is indexed by a variable would have to lie in memory during the loop above.
    let mut lanes = running;
    for (lane, &x) in lanes.iter_mut().zip(rest) {
        *lane = fold(*lane, x);
    }
    let mut width = L;
    while width > 1 {
        width /= 2;
        for i in 0..width {
            lanes[i] = combine(lanes[i], lanes[i + width]);
        }
    }
    lanes[0]
}

/// Like [`fold_lanes`] for two slices of one length, from zero.
#[inline(always)]
pub(crate) fn fold2_lanes<T: Element, const L: usize>(
    x: &[T],
    y: &[T],
    fold: impl Fn(T, T, T) -> T,
    combine: impl Fn(T, T) -> T,
) -> T {
    let mut running = [T::ZERO; L];
    let ((x_rows, x_rest), (y_rows, y_rest)) = (x.as_chunks::<L>(), y.as_chunks::<L>());
    for (x, y) in x_rows.iter().zip(y_rows) {
        for ((lane, &x), &y) in running.iter_mut().zip(x).zip(y) {
            *lane = fold(*lane, x, y);
        }
    }
    let mut lanes = running;
    for ((lane, &x), &y) in lanes.iter_mut().zip(x_rest).zip(y_rest) {
        *lane = fold(*lane, x, y);
    }
    let mut width = L;
    while width > 1 {
        width /= 2;
        for i in 0..width {
            lanes[i] = combine(lanes[i], lanes[i + width]);
        }
    }
    lanes[0]
}

/// Pairwise sum of `g(x[i])` over one chunk: running sums over short blocks, halves added on the way up.
fn sum_block<T: Element>(x: &[T], g: &(impl Fn(T) -> T + Sync)) -> T {
    if x.len() > 2048 {
        let (left, right) = x.split_at((x.len() / 2).next_multiple_of(LANES));
        return sum_block(left, g) + sum_block(right, g);
    }
    sum_lanes(x, g)
}

vectorize! {
    fn sum_lanes[T: Element, G: Fn(T) -> T](x: &[T], g: &G) -> T {
        fold_lanes::<T, LANES>(x, T::ZERO, |sum, x| sum + g(x), |a, b| a + b)
    }
}

vectorize! {
    fn max_lanes[T: Element](x: &[T]) -> T {
        fold_lanes::<T, LANES>(x, T::NEG_INFINITY, T::maximum, T::maximum)
    }
}

vectorize! {
    fn min_lanes[T: Element](x: &[T]) -> T {
        fold_lanes::<T, LANES>(x, T::INFINITY, T::minimum, T::minimum)
    }
}

vectorize! {
    /// Column by column, `out[c]` becomes `combine` of `identity` and all of `x[r, c]` in the order of the rows; `x` is
    /// `[rows, out.len()]`. On the calling thread.
    pub fn fold_rows[S: Copy, F: Fn(S, S) -> S](x: &[S], out: &mut [S], identity: S, combine: &F) {
        if out.is_empty() {
            return;
        }
        out.fill(identity);
        for row in x.chunks_exact(out.len()) {
            for (out, &x) in out.iter_mut().zip(row) {
                *out = combine(*out, x);
            }
        }
    }
}

/// `combine` of all elements of one row, `identity` for none: pairwise above 2048 elements, with 64 running values below. On
/// the calling thread.
pub fn fold_row<S: Copy, F: Fn(S, S) -> S>(x: &[S], identity: S, combine: &F) -> S {
    if x.len() > 2048 {
        let (left, right) = x.split_at((x.len() / 2).next_multiple_of(LANES));
        return combine(fold_row(left, identity, combine), fold_row(right, identity, combine));
    }
    if x.len() < LANES {
        return x.iter().fold(identity, |folded, &x| combine(folded, x));
    }
    fold_row_lanes(x, identity, combine)
}

vectorize! {
    fn fold_row_lanes[S: Copy, F: Fn(S, S) -> S](x: &[S], identity: S, combine: &F) -> S {
        fold_lanes::<S, LANES>(x, identity, combine, combine)
    }
}

/// The sum of one chunk or row, in the calling thread: pairwise above 2048 elements, in 64 running sums below.
pub fn sum_row<T: Element>(x: &[T]) -> T {
    sum_block(x, &|x| x)
}

/// The greatest element of one chunk or row, in the calling thread; NaN if there is one.
pub fn max_row<T: Element>(x: &[T]) -> T {
    max_lanes(x)
}

/// The smallest element of one chunk or row, in the calling thread; NaN if there is one.
pub fn min_row<T: Element>(x: &[T]) -> T {
    min_lanes(x)
}

/// Sum of all elements.
pub fn sum<T: Element>(x: &[T]) -> T {
    sum_map(x, |x| x)
}

/// Sum of `g(x[i])`.
pub fn sum_map<T: Element>(x: &[T], g: impl Fn(T) -> T + Sync) -> T {
    reduce(x, T::ZERO, |x| sum_block(x, &g), |a, b| a + b)
}

/// Sum of `x[i] * y[i]`.
///
/// # Panics
/// If the lengths differ.
pub fn dot<T: Element>(x: &[T], y: &[T]) -> T {
    assert_eq!(x.len(), y.len(), "dot: lengths differ");
    let mut product = Buffer::uninit(size_of_val(x));
    zip(x, y, product.as_mut_slice::<T>(), |a, b| a * b);
    sum(product.as_slice::<T>())
}

/// The greatest element; NaN if there is one, `-inf` for an empty slice.
pub fn max<T: Element>(x: &[T]) -> T {
    reduce(x, T::NEG_INFINITY, |x| max_lanes(x), T::maximum)
}

/// The smallest element; NaN if there is one, `+inf` for an empty slice.
pub fn min<T: Element>(x: &[T]) -> T {
    reduce(x, T::INFINITY, |x| min_lanes(x), T::minimum)
}

/// Column sums: `x` is `[rows, columns]`, `out[c] = sum over r of x[r, c]`. The gradient of a bias.
///
/// # Panics
/// If `out` is empty or the length of `x` is not a multiple of its length.
pub fn sum_rows<S: Widen<T>, T: Element>(x: &[S], out: &mut [T]) {
    let columns = out.len();
    assert!(columns > 0 && x.len().is_multiple_of(columns), "sum_rows: {} values in {columns} columns", x.len());
    let no_parameters = Buffer::zeroed(size_of_val(out));
    reduce_rows(x.len() / columns, columns, out, &|rows, sums| {
        let x = &x[rows.start * columns..rows.end * columns];
        column_sums([x], no_parameters.as_slice(), sums, |[x], _| [x]);
    });
}

/// Rows narrower than this are taken several at a time, so that the loops over them are long.
const WIDTH: usize = 256;

/// Rows whose quantities are added to one another before they meet the running sums.
const DEPTH: usize = 4;

/// Column sums of `K` quantities over the rows of `from` (`[rows, columns]` each, `columns` being the length of
/// `parameters`): overwrites `sums` (`[K, columns]`) with the sums of `f(values, parameter)`. On the calling thread.
pub(crate) fn column_sums<S: Widen<T>, T: Element, const N: usize, const K: usize>(
    from: [&[S]; N],
    parameters: &[T],
    sums: &mut [T],
    f: impl Fn([T; N], T) -> [T; K],
) {
    let columns = parameters.len();
    sums.fill(T::ZERO);
    if columns >= WIDTH {
        return add_rows(from, parameters, sums, &f);
    }
    // Rows side by side, each with sums of its own.
    let width = WIDTH.div_ceil(columns) * columns;
    let (mut wide_parameters, mut wide_sums) = ([T::ZERO; 2 * WIDTH], [[T::ZERO; 2 * WIDTH]; K]);
    wide_parameters[..width].chunks_mut(columns).for_each(|copy| copy.copy_from_slice(parameters));
    let wide_sums = &mut wide_sums.as_flattened_mut()[..K * width];
    add_rows(from, &wide_parameters[..width], wide_sums, &f);
    for (sums, wide_sums) in sums.chunks_mut(columns).zip(wide_sums.chunks(width)) {
        for row in wide_sums.chunks(columns) {
            sums.iter_mut().zip(row).for_each(|(sum, &x)| *sum += x);
        }
    }
}

vectorize! {
    /// Adds `f(values, parameter)` of all rows, which are as wide as `parameters`, to `sums`. The last may be shorter.
    fn add_rows[S: Widen<T>, T: Element, const N: usize, const K: usize, F: Fn([T; N], T) -> [T; K]](
        from: [&[S]; N], parameters: &[T], sums: &mut [T], f: &F,
    ) {
        let width = parameters.len();
        let deep = from[0].len() / (DEPTH * width) * (DEPTH * width);
        for start in (0..deep).step_by(DEPTH * width) {
            add_block::<S, T, N, K, DEPTH>(from.map(|x| &x[start..start + DEPTH * width]), width, parameters, sums, f);
        }
        for start in (deep..from[0].len()).step_by(width) {
            let end = (start + width).min(from[0].len());
            add_block::<S, T, N, K, 1>(from.map(|x| &x[start..end]), end - start, parameters, sums, f);
        }
    }
}

/// Adds `f` of `R` rows of `columns` values to the first sums of each quantity.
#[inline(always)]
fn add_block<S: Widen<T>, T: Element, const N: usize, const K: usize, const R: usize>(
    from: [&[S]; N],
    columns: usize,
    parameters: &[T],
    sums: &mut [T],
    f: &impl Fn([T; N], T) -> [T; K],
) {
    let rows: [[&[S]; N]; R] = std::array::from_fn(|r| from.map(|x| &x[r * columns..(r + 1) * columns]));
    let mut rest = sums.chunks_exact_mut(parameters.len());
    let sums: [&mut [T]; K] = std::array::from_fn(|_| &mut rest.next().expect("K quantities")[..columns]);
    let parameters = &parameters[..columns];
    for c in 0..columns {
        let mut totals = [T::ZERO; K];
        for row in rows {
            let values = f(row.map(|x| x[c].widen()), parameters[c]);
            for k in 0..K {
                totals[k] += values[k];
            }
        }
        for k in 0..K {
            sums[k][c] += totals[k];
        }
    }
}

/// Computes a vector of `out.len()` sums over `rows` rows of `row_cost` elements each: `partial(range, sums)` overwrites
/// `sums` with those of its rows; the partial sums are added pairwise.
pub(crate) fn reduce_rows<T: Element>(
    rows: usize,
    row_cost: usize,
    out: &mut [T],
    partial: &(dyn Fn(std::ops::Range<usize>, &mut [T]) + Sync),
) {
    let len = out.len();
    // Short blocks keep the error of the running sums small; at most 64 of them bound the memory.
    let block = (GRAIN / row_cost.max(1)).max(16).max(rows.div_ceil(64));
    let count = rows.div_ceil(block);
    if count <= 1 {
        return partial(0..rows, out);
    }
    let mut sums = Buffer::uninit(count * len * size_of::<T>());
    let sums = sums.as_mut_slice::<T>();
    let pieces = Pieces::new(sums, len);
    parallel_for(count, &|chunk| {
        // SAFETY: each chunk runs once, and takes its own piece.
        partial(chunk * block..((chunk + 1) * block).min(rows), unsafe { pieces.get(chunk) });
    });
    add_pairwise(sums, len);
    out.copy_from_slice(&sums[..len]);
}

/// Adds the vectors of length `len` in `sums` pairwise into the first.
pub(crate) fn add_pairwise<T: Element>(sums: &mut [T], len: usize) {
    let mut width = sums.len() / len;
    while width > 1 {
        let half = width.div_ceil(2);
        for i in 0..width / 2 {
            let (left, right) = sums.split_at_mut((half + i) * len);
            for (a, &b) in left[i * len..(i + 1) * len].iter_mut().zip(&right[..len]) {
                *a += b;
            }
        }
        width = half;
    }
}
