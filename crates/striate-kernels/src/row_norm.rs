//! Normalisation of rows: each row of a matrix to mean 0 and variance 1, then scaled and shifted per channel.
//!
//! Layer, group and instance normalisation are this with other [`RowNorm`]s. Rows are independent; the sums over rows for
//! the gradients of scale and shift go by fixed blocks of rows, combined in order.

use crate::Element;
use crate::arch::vectorize;
use crate::memory::Buffer;
use crate::pointwise::{GRAIN, fold_lanes, fold2_lanes};
use crate::streaming::fill_pieces;
use crate::threads::{Pieces, parallel_chunks_mut};

/// How the rows of a matrix belong to channels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RowNorm {
    /// Length of a row.
    pub columns: usize,
    /// Rows after which the channels begin anew: the groups of a group normalisation, 1 for a layer normalisation.
    pub groups: usize,
    /// Neighbouring elements of one channel: the pixels of an image, 1 for a layer normalisation.
    pub inner: usize,
}

impl RowNorm {
    /// Channels in one row.
    fn row_channels(&self) -> usize {
        self.columns / self.inner
    }

    /// All channels: the length of scale and shift.
    pub fn channels(&self) -> usize {
        self.groups * self.row_channels()
    }

    fn first_channel(&self, row: usize) -> usize {
        row % self.groups * self.row_channels()
    }

    fn check(&self, len: usize, affine: Option<usize>) {
        assert!(self.columns > 0 && self.inner > 0 && self.groups > 0, "row_norm: {self:?} has a size of 0");
        assert!(self.columns.is_multiple_of(self.inner), "row_norm: rows of {self:?} end inside a channel");
        assert!(len.is_multiple_of(self.columns), "row_norm: {len} values in rows of {}", self.columns);
        assert!(affine.is_none_or(|len| len == self.channels()), "row_norm: one scale per channel");
    }
}

/// Running sums of a row.
const LANES: usize = 64;

#[inline(always)]
fn sum<T: Element>(row: &[T]) -> T {
    fold_lanes::<T, LANES>(row, T::ZERO, |a, b| a + b, |a, b| a + b)
}

/// Scale and shift per channel.
type Affine<'a, T> = Option<(&'a [T], &'a [T])>;

/// `out = (x - mean) * inverse_std * weight + bias` in each row, with weight and bias per channel, if any. The mean of each
/// row, and one over the root of its variance plus `eps`, go alternating to `statistics` `[rows, 2]`.
///
/// # Panics
/// If the lengths do not fit.
pub fn forward<T: Element>(
    norm: &RowNorm,
    x: &[T],
    eps: T,
    affine: Affine<'_, T>,
    statistics: &mut [T],
    out: &mut [T],
) {
    norm.check(x.len(), affine.map(|(weight, _)| weight.len()));
    assert_eq!(x.len(), out.len(), "row_norm: lengths differ");
    assert_eq!(statistics.len() * norm.columns, x.len() * 2, "row_norm: two statistics per row");
    let statistics = Pieces::new(statistics, 2);
    fill_pieces(out, norm.columns, GRAIN, size_of_val(x), &|start, out: &mut [T]| {
        for (i, out) in out.chunks_exact_mut(norm.columns).enumerate() {
            let row = start / norm.columns + i;
            let x = &x[row * norm.columns..(row + 1) * norm.columns];
            let first = norm.first_channel(row);
            let affine = affine.map(|(weight, bias)| (&weight[first..], &bias[first..]));
            // SAFETY: every row is filled once, and takes its own pair.
            normalize_row(norm, x, eps, affine, unsafe { statistics.get(row) }, out);
        }
    });
}

vectorize! {
    fn normalize_row[T: Element](
        norm: &RowNorm,
        x: &[T],
        eps: T,
        affine: Affine<'_, T>,
        statistics: &mut [T],
        out: &mut [T],
    ) {
        let count = T::from_f64(norm.columns as f64);
        let mean = sum(x) / count;
        let square = |sum: T, x: T| sum + (x - mean) * (x - mean);
        let variance = fold_lanes::<T, LANES>(x, T::ZERO, square, |a, b| a + b) / count;
        let inverse = T::ONE / (variance + eps).sqrt();
        statistics.copy_from_slice(&[mean, inverse]);
        let Some((weight, bias)) = affine else {
            return out.iter_mut().zip(x).for_each(|(out, &x)| *out = (x - mean) * inverse);
        };
        if norm.inner == 1 {
            for (((out, &x), &weight), &bias) in out.iter_mut().zip(x).zip(weight).zip(bias) {
                *out = (x - mean) * inverse * weight + bias;
            }
            return;
        }
        let places = out.chunks_exact_mut(norm.inner).zip(x.chunks_exact(norm.inner));
        for (((out, x), &weight), &bias) in places.zip(weight).zip(bias) {
            out.iter_mut().zip(x).for_each(|(out, &x)| *out = (x - mean) * inverse * weight + bias);
        }
    }
}

/// The gradient of the input: with `g = grad_output * weight` and `x^` the normalised input,
/// `inverse_std * (g - mean(g) - x^ mean(g x^))` in each row.
///
/// # Panics
/// If the lengths do not fit.
pub fn backward_input<T: Element>(
    norm: &RowNorm,
    x: &[T],
    statistics: &[T],
    weight: Option<&[T]>,
    grad_output: &[T],
    grad_input: &mut [T],
) {
    norm.check(x.len(), weight.map(<[T]>::len));
    assert!(x.len() == grad_output.len() && x.len() == grad_input.len(), "row_norm: lengths differ");
    let read = size_of_val(x) + size_of_val(grad_output);
    fill_pieces(grad_input, norm.columns, GRAIN, read, &|start, grad_input: &mut [T]| {
        for (i, dx) in grad_input.chunks_exact_mut(norm.columns).enumerate() {
            let row = start / norm.columns + i;
            let range = row * norm.columns..(row + 1) * norm.columns;
            let weight = weight.map(|weight| &weight[norm.first_channel(row)..]);
            input_gradient_row(norm, &x[range.clone()], &statistics[2 * row..], weight, &grad_output[range], dx);
        }
    });
}

vectorize! {
    fn input_gradient_row[T: Element](
        norm: &RowNorm,
        x: &[T],
        statistics: &[T],
        weight: Option<&[T]>,
        dy: &[T],
        dx: &mut [T],
    ) {
        let count = T::from_f64(norm.columns as f64);
        let (mean, inverse) = (statistics[0], statistics[1]);
        match weight {
            None => dx.copy_from_slice(dy),
            Some(weight) if norm.inner == 1 => {
                for ((dx, &dy), &weight) in dx.iter_mut().zip(dy).zip(weight) {
                    *dx = dy * weight;
                }
            }
            Some(weight) => {
                let places = dx.chunks_exact_mut(norm.inner).zip(dy.chunks_exact(norm.inner));
                for ((dx, dy), &weight) in places.zip(weight) {
                    dx.iter_mut().zip(dy).for_each(|(dx, &dy)| *dx = dy * weight);
                }
            }
        }
        let mean_g = sum(dx) / count;
        let mean_gx = dot(dx, x, mean) * inverse / count;
        let slope = inverse * mean_gx;
        for (dx, &x) in dx.iter_mut().zip(x) {
            *dx = inverse * (*dx - mean_g - (x - mean) * slope);
        }
    }
}

/// The sum of `g (x - mean)`, in lanes.
#[inline(always)]
fn dot<T: Element>(g: &[T], x: &[T], mean: T) -> T {
    fold2_lanes::<T, LANES>(g, x, |sum, g, x| sum + g * (x - mean), |a, b| a + b)
}

/// The gradients of weight and bias, one after the other in `grads` `[2, channels]`: the sums over rows of
/// `grad_output * x^` and of `grad_output`.
///
/// # Panics
/// If the lengths do not fit.
pub fn backward_affine<T: Element>(norm: &RowNorm, x: &[T], statistics: &[T], grad_output: &[T], grads: &mut [T]) {
    let channels = norm.channels();
    norm.check(x.len(), Some(grads.len() / 2));
    assert_eq!(x.len(), grad_output.len(), "row_norm: lengths differ");
    let rows = x.len() / norm.columns;
    // At most 64 blocks, of a size that depends on the problem only.
    let block_rows = (GRAIN / norm.columns).max(1).max(rows.div_ceil(64));
    let mut partial = Buffer::zeroed(rows.div_ceil(block_rows) * 2 * channels * size_of::<T>());
    let partial = partial.as_mut_slice::<T>();
    parallel_chunks_mut(partial, 2 * channels, &|block, partial: &mut [T]| {
        let (weight, bias) = partial.split_at_mut(channels);
        for row in block * block_rows..((block + 1) * block_rows).min(rows) {
            let (range, first) = (row * norm.columns..(row + 1) * norm.columns, norm.first_channel(row));
            let statistics = &statistics[2 * row..2 * row + 2];
            let sums = (&mut weight[first..], &mut bias[first..]);
            affine_gradient_row(norm, &x[range.clone()], statistics, &grad_output[range], sums);
        }
    });
    grads.fill(T::ZERO);
    for partial in partial.chunks_exact(2 * channels) {
        grads.iter_mut().zip(partial).for_each(|(sum, &part)| *sum += part);
    }
}

vectorize! {
    fn affine_gradient_row[T: Element](
        norm: &RowNorm,
        x: &[T],
        statistics: &[T],
        dy: &[T],
        sums: (&mut [T], &mut [T]),
    ) {
        let (mean, inverse) = (statistics[0], statistics[1]);
        let (weight, bias) = sums;
        if norm.inner == 1 {
            for (((weight, bias), &x), &dy) in weight.iter_mut().zip(bias).zip(x).zip(dy) {
                *weight += dy * (x - mean) * inverse;
                *bias += dy;
            }
            return;
        }
        let places = x.chunks_exact(norm.inner).zip(dy.chunks_exact(norm.inner));
        for ((weight, bias), (x, dy)) in weight.iter_mut().zip(bias).zip(places) {
            *weight += dot(dy, x, mean) * inverse;
            *bias += sum(dy);
        }
    }
}
