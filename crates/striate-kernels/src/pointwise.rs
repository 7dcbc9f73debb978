//! Building blocks for element-by-element work and reductions on dense slices.
//!
//! Closures are inlined, so the loops vectorise. Above a grain of elements the work is parallel. Reductions sum fixed
//! chunks and combine them in a fixed pairwise order: exact to the bit for any number of threads, with an error that
//! grows with the logarithm of the length.

use bytemuck::Pod;

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
        for (out, &x) in out.iter_mut().zip(&x[range(chunk, len)]) {
            *out = f(x);
        }
    });
}

/// `x[i] = f(x[i])`.
pub fn map_in_place<A: Copy + Send>(x: &mut [A], f: impl Fn(A) -> A + Sync) {
    let count = chunks(x.len());
    let pieces = Pieces::new(x, GRAIN);
    parallel_for(count, &|chunk| {
        // SAFETY: each chunk runs once, and takes its own piece.
        unsafe { pieces.get(chunk) }.iter_mut().for_each(|x| *x = f(*x));
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
        for ((out, &a), &b) in out.iter_mut().zip(&a[range(chunk, len)]).zip(&b[range(chunk, len)]) {
            *out = f(a, b);
        }
    });
}

/// `a[i] = f(a[i], b[i])`: accumulation, and updates in place.
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
        for (a, &b) in a.iter_mut().zip(&b[range(chunk, len)]) {
            *a = f(*a, b);
        }
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
        let inputs = a[range.clone()].iter().zip(&b[range.clone()]).zip(&c[range]);
        for (out, ((&a, &b), &c)) in out.iter_mut().zip(inputs) {
            *out = f(a, b, c);
        }
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

/// Lanes of the running sums: enough for two 512-bit vectors of `f32`.
const LANES: usize = 32;

/// Pairwise sum of `g(x[i])` over one chunk: 32 running sums over short blocks, halves added on the way up.
fn sum_block<T: Element>(x: &[T], g: &(impl Fn(T) -> T + Sync)) -> T {
    if x.len() > 1024 {
        let (left, right) = x.split_at((x.len() / 2).next_multiple_of(LANES));
        return sum_block(left, g) + sum_block(right, g);
    }
    let mut lanes = [T::ZERO; LANES];
    let (rows, rest) = x.as_chunks::<LANES>();
    for row in rows {
        for (lane, &x) in lanes.iter_mut().zip(row) {
            *lane += g(x);
        }
    }
    for (lane, &x) in lanes.iter_mut().zip(rest) {
        *lane += g(x);
    }
    let mut width = LANES;
    while width > 1 {
        width /= 2;
        for i in 0..width {
            let upper = lanes[i + width];
            lanes[i] += upper;
        }
    }
    lanes[0]
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
    reduce(x, T::NEG_INFINITY, |x| x.iter().fold(T::NEG_INFINITY, |a, &b| a.maximum(b)), T::maximum)
}

/// The smallest element; NaN if there is one, `+inf` for an empty slice.
pub fn min<T: Element>(x: &[T]) -> T {
    reduce(x, T::INFINITY, |x| x.iter().fold(T::INFINITY, |a, &b| a.minimum(b)), T::minimum)
}

/// Column sums: `x` is `[rows, columns]`, `out[c] = sum over r of x[r, c]`. The gradient of a bias.
///
/// # Panics
/// If `out` is empty or the length of `x` is not a multiple of its length.
pub fn sum_rows<T: Element>(x: &[T], out: &mut [T]) {
    let columns = out.len();
    assert!(columns > 0 && x.len().is_multiple_of(columns), "sum_rows: {} values in {columns} columns", x.len());
    reduce_rows(x.len() / columns, columns, out, &|rows, partial| {
        partial.fill(T::ZERO);
        for row in x[rows.start * columns..rows.end * columns].chunks_exact(columns) {
            for (sum, &x) in partial.iter_mut().zip(row) {
                *sum += x;
            }
        }
    });
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
