//! Normalisation of rows: each row of a matrix to mean 0 and variance 1, then scaled and shifted per channel.
//!
//! Layer, group and instance normalisation are this with other [`RowNorm`]s. Rows are independent; the sums over rows for
//! the gradients of scale and shift go by fixed blocks of rows, combined in order.

use crate::Element;
use crate::arch::vectorized;
use crate::pointwise::{GRAIN, fold_lanes};
use crate::threads::parallel_chunks_mut;

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

    fn rows_per_block(&self) -> usize {
        (GRAIN / self.columns).max(1)
    }

    fn check(&self, len: usize, affine: Option<usize>) {
        assert!(self.columns > 0 && self.inner > 0 && self.groups > 0, "row_norm: {self:?} has a size of 0");
        assert!(self.columns.is_multiple_of(self.inner), "row_norm: rows of {self:?} end inside a channel");
        assert!(len.is_multiple_of(self.columns), "row_norm: {len} values in rows of {}", self.columns);
        assert!(affine.is_none_or(|len| len == self.channels()), "row_norm: one scale per channel");
    }
}

#[inline(always)]
fn sum<T: Element>(row: &[T]) -> T {
    fold_lanes::<T, 32>(row, T::ZERO, |a, b| a + b, |a, b| a + b)
}

/// Mean, and one over the root of variance plus `eps`, of each row, alternating in `statistics` `[rows, 2]`.
///
/// # Panics
/// If the lengths do not fit.
pub fn statistics<T: Element>(norm: &RowNorm, x: &[T], eps: T, statistics: &mut [T]) {
    norm.check(x.len(), None);
    assert_eq!(statistics.len() * norm.columns, x.len() * 2, "row_norm: two statistics per row");
    let (rows, count) = (norm.rows_per_block(), T::from_f64(norm.columns as f64));
    parallel_chunks_mut(statistics, rows * 2, &|block, statistics: &mut [T]| {
        vectorized(|| {
            let x = &x[block * rows * norm.columns..];
            for (statistics, x) in statistics.chunks_exact_mut(2).zip(x.chunks_exact(norm.columns)) {
                let mean = sum(x) / count;
                let square = |sum: T, x: T| sum + (x - mean) * (x - mean);
                let variance = fold_lanes::<T, 32>(x, T::ZERO, square, |a, b| a + b) / count;
                statistics[0] = mean;
                statistics[1] = T::ONE / (variance + eps).sqrt();
            }
        });
    });
}

/// `out = (x - mean) * inverse_std * weight + bias`, with weight and bias per channel, if any.
///
/// # Panics
/// If the lengths do not fit.
pub fn normalize<T: Element>(norm: &RowNorm, x: &[T], statistics: &[T], affine: Option<(&[T], &[T])>, out: &mut [T]) {
    norm.check(x.len(), affine.map(|(weight, _)| weight.len()));
    assert_eq!(x.len(), out.len(), "row_norm: lengths differ");
    let rows = norm.rows_per_block();
    parallel_chunks_mut(out, rows * norm.columns, &|block, out: &mut [T]| {
        vectorized(|| {
            for (i, out) in out.chunks_exact_mut(norm.columns).enumerate() {
                let row = block * rows + i;
                let x = &x[row * norm.columns..(row + 1) * norm.columns];
                let (mean, inverse) = (statistics[2 * row], statistics[2 * row + 1]);
                out.iter_mut().zip(x).for_each(|(out, &x)| *out = (x - mean) * inverse);
                if let Some((weight, bias)) = affine {
                    let first = norm.first_channel(row);
                    scale_and_shift(norm, out, &weight[first..], &bias[first..]);
                }
            }
        });
    });
}

#[inline(always)]
fn scale_and_shift<T: Element>(norm: &RowNorm, out: &mut [T], weight: &[T], bias: &[T]) {
    if norm.inner == 1 {
        out.iter_mut().zip(weight).zip(bias).for_each(|((out, &weight), &bias)| *out = *out * weight + bias);
        return;
    }
    for ((out, &weight), &bias) in out.chunks_exact_mut(norm.inner).zip(weight).zip(bias) {
        out.iter_mut().for_each(|out| *out = *out * weight + bias);
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
    let (rows, count) = (norm.rows_per_block(), T::from_f64(norm.columns as f64));
    parallel_chunks_mut(grad_input, rows * norm.columns, &|block, grad_input: &mut [T]| {
        vectorized(|| {
            for (i, dx) in grad_input.chunks_exact_mut(norm.columns).enumerate() {
                let row = block * rows + i;
                let range = row * norm.columns..(row + 1) * norm.columns;
                let (x, dy) = (&x[range.clone()], &grad_output[range]);
                let (mean, inverse) = (statistics[2 * row], statistics[2 * row + 1]);
                dx.copy_from_slice(dy);
                if let Some(weight) = weight {
                    scale(norm, dx, &weight[norm.first_channel(row)..]);
                }
                let mean_g = sum(dx) / count;
                let mean_gx = dot(dx, x, mean) * inverse / count;
                for (dx, &x) in dx.iter_mut().zip(x) {
                    *dx = inverse * (*dx - mean_g - (x - mean) * inverse * mean_gx);
                }
            }
        });
    });
}

#[inline(always)]
fn scale<T: Element>(norm: &RowNorm, row: &mut [T], weight: &[T]) {
    if norm.inner == 1 {
        row.iter_mut().zip(weight).for_each(|(value, &weight)| *value *= weight);
        return;
    }
    for (row, &weight) in row.chunks_exact_mut(norm.inner).zip(weight) {
        row.iter_mut().for_each(|value| *value *= weight);
    }
}

/// The sum of `g (x - mean)`, in lanes.
#[inline(always)]
fn dot<T: Element>(g: &[T], x: &[T], mean: T) -> T {
    const LANES: usize = 16;
    let mut lanes = [T::ZERO; LANES];
    let (g_lanes, x_lanes) = (g.chunks_exact(LANES), x.chunks_exact(LANES));
    let rest: T = g_lanes.remainder().iter().zip(x_lanes.remainder()).map(|(&g, &x)| g * (x - mean)).sum();
    for (g, x) in g_lanes.zip(x_lanes) {
        for ((lane, &g), &x) in lanes.iter_mut().zip(g).zip(x) {
            *lane += g * (x - mean);
        }
    }
    lanes.into_iter().sum::<T>() + rest
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
    let block_rows = norm.rows_per_block().max(rows.div_ceil(64));
    let mut partial = vec![T::ZERO; rows.div_ceil(block_rows) * 2 * channels];
    parallel_chunks_mut(&mut partial, 2 * channels, &|block, partial: &mut [T]| {
        vectorized(|| {
            let (weight, bias) = partial.split_at_mut(channels);
            for row in block * block_rows..((block + 1) * block_rows).min(rows) {
                let range = row * norm.columns..(row + 1) * norm.columns;
                let (x, dy, first) = (&x[range.clone()], &grad_output[range], norm.first_channel(row));
                let (mean, inverse) = (statistics[2 * row], statistics[2 * row + 1]);
                let (weight, bias) = (&mut weight[first..], &mut bias[first..]);
                if norm.inner == 1 {
                    for (((weight, bias), &x), &dy) in weight.iter_mut().zip(bias).zip(x).zip(dy) {
                        *weight += dy * (x - mean) * inverse;
                        *bias += dy;
                    }
                } else {
                    let places = x.chunks_exact(norm.inner).zip(dy.chunks_exact(norm.inner));
                    for ((weight, bias), (x, dy)) in weight.iter_mut().zip(bias).zip(places) {
                        *weight += dot(dy, x, mean) * inverse;
                        *bias += sum(dy);
                    }
                }
            }
        });
    });
    grads.fill(T::ZERO);
    for partial in partial.chunks_exact(2 * channels) {
        grads.iter_mut().zip(partial).for_each(|(sum, &part)| *sum += part);
    }
}
