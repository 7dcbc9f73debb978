//! Batch normalisation over `[rows, channels]`: NHWC activations with `rows = n * h * w`, or plain feature rows.
//!
//! `y = (x - mean) / sqrt(variance + epsilon) * weight + bias`, per channel. The variance here is the biased one (divided
//! by the number of rows); running averages are the caller's.

use crate::Element;
use crate::memory::Buffer;
use crate::pointwise::{GRAIN, reduce_rows};
use crate::threads::{Pieces, parallel_for};

/// What a normalisation uses, `[channels]` each.
#[derive(Clone, Copy, Debug)]
pub struct Normalization<'a, T> {
    /// Mean per channel.
    pub mean: &'a [T],
    /// Biased variance per channel.
    pub variance: &'a [T],
    /// Scale per channel (gamma); 1 if absent.
    pub weight: Option<&'a [T]>,
    /// Shift per channel (beta); 0 if absent.
    pub bias: Option<&'a [T]>,
    /// Added to the variance.
    pub epsilon: T,
}

impl<T: Element> Normalization<'_, T> {
    fn check(&self, len: usize) -> usize {
        let channels = self.mean.len();
        let fits = |slice: Option<&[T]>| slice.is_none_or(|slice| slice.len() == channels);
        assert!(
            self.variance.len() == channels && fits(self.weight) && fits(self.bias),
            "batch_norm: parameters of different lengths"
        );
        assert!(channels > 0 && len.is_multiple_of(channels), "batch_norm: {len} values in {channels} channels");
        channels
    }

    fn inverse_deviation(&self, c: usize) -> T {
        T::ONE / (self.variance[c] + self.epsilon).sqrt()
    }

    fn scale(&self, c: usize) -> T {
        let scale = self.inverse_deviation(c);
        self.weight.map_or(scale, |weight| weight[c] * scale)
    }
}

/// Rows of one chunk.
fn rows_per_chunk(channels: usize) -> usize {
    (GRAIN / channels).max(1)
}

/// Mean and biased variance of each channel of `x` (`[rows, channels]`, `channels = mean.len()`), in two passes, so that a
/// large mean costs no accuracy.
///
/// # Panics
/// If the lengths do not fit, or there is no row.
pub fn statistics<T: Element>(x: &[T], mean: &mut [T], variance: &mut [T]) {
    let channels = mean.len();
    assert_eq!(channels, variance.len(), "batch_norm: mean and variance of different lengths");
    assert!(
        channels > 0 && !x.is_empty() && x.len().is_multiple_of(channels),
        "batch_norm: {} values in {channels} channels",
        x.len()
    );
    let rows = x.len() / channels;
    let count = T::from_f64(rows as f64);
    crate::pointwise::sum_rows(x, mean);
    mean.iter_mut().for_each(|mean| *mean /= count);
    let mean = &*mean;
    reduce_rows(rows, channels, variance, &|rows, sums| {
        sums.fill(T::ZERO);
        for row in x[rows.start * channels..rows.end * channels].chunks_exact(channels) {
            for ((sum, &x), &mean) in sums.iter_mut().zip(row).zip(mean) {
                *sum += (x - mean) * (x - mean);
            }
        }
    });
    variance.iter_mut().for_each(|sum| *sum /= count);
}

/// `out = (x - mean) / sqrt(variance + epsilon) * weight + bias`, per channel: training with the batch's statistics,
/// inference with the running ones.
///
/// # Panics
/// If the lengths do not fit.
pub fn normalize<T: Element>(x: &[T], n: &Normalization<'_, T>, out: &mut [T]) {
    let channels = n.check(x.len());
    assert_eq!(x.len(), out.len(), "batch_norm: length of the output");
    let mut factors = Buffer::uninit(2 * channels * size_of::<T>());
    let (scale, shift) = factors.as_mut_slice::<T>().split_at_mut(channels);
    for c in 0..channels {
        scale[c] = n.scale(c);
        shift[c] = n.bias.map_or(T::ZERO, |bias| bias[c]);
    }
    let (scale, shift) = (&*scale, &*shift);
    let chunk_len = rows_per_chunk(channels) * channels;
    crate::threads::parallel_chunks_mut(out, chunk_len, &|chunk, out| {
        let x = &x[chunk * chunk_len..][..out.len()];
        for (out, x) in out.chunks_exact_mut(channels).zip(x.chunks_exact(channels)) {
            for c in 0..channels {
                out[c] = (x[c] - n.mean[c]) * scale[c] + shift[c];
            }
        }
    });
}

/// Gradients of the training-mode normalisation, where `mean` and `variance` are those of `x`. Overwrites all three.
///
/// # Panics
/// If the lengths do not fit.
pub fn backward<T: Element>(
    x: &[T],
    grad_output: &[T],
    n: &Normalization<'_, T>,
    grad_input: &mut [T],
    grad_weight: &mut [T],
    grad_bias: &mut [T],
) {
    let channels = n.check(x.len());
    parameter_gradients(x, grad_output, n, grad_weight, grad_bias);
    let count = T::from_f64((x.len() / channels) as f64);
    // dx = scale * (dy - mean(dy) - xhat * mean(dy * xhat))
    let mut factors = Buffer::uninit(3 * channels * size_of::<T>());
    let (scale, rest) = factors.as_mut_slice::<T>().split_at_mut(channels);
    let (slope, shift) = rest.split_at_mut(channels);
    for c in 0..channels {
        scale[c] = n.scale(c);
        slope[c] = n.inverse_deviation(c) * grad_weight[c] / count;
        shift[c] = grad_bias[c] / count;
    }
    let (scale, slope, shift) = (&*scale, &*slope, &*shift);
    input_gradient(x, grad_output, grad_input, channels, &|x, grad, out| {
        for c in 0..channels {
            out[c] = scale[c] * (grad[c] - shift[c] - (x[c] - n.mean[c]) * slope[c]);
        }
    });
}

/// Gradients of the inference-mode normalisation, where `mean` and `variance` are constants. Overwrites all three.
///
/// # Panics
/// If the lengths do not fit.
pub fn backward_inference<T: Element>(
    x: &[T],
    grad_output: &[T],
    n: &Normalization<'_, T>,
    grad_input: &mut [T],
    grad_weight: &mut [T],
    grad_bias: &mut [T],
) {
    let channels = n.check(x.len());
    parameter_gradients(x, grad_output, n, grad_weight, grad_bias);
    let mut factors = Buffer::uninit(channels * size_of::<T>());
    let scale = factors.as_mut_slice::<T>();
    (0..channels).for_each(|c| scale[c] = n.scale(c));
    let scale = &*scale;
    input_gradient(x, grad_output, grad_input, channels, &|_, grad, out| {
        for c in 0..channels {
            out[c] = scale[c] * grad[c];
        }
    });
}

/// `grad_weight = sum of dy * xhat`, `grad_bias = sum of dy`, over the rows.
fn parameter_gradients<T: Element>(
    x: &[T],
    grad_output: &[T],
    n: &Normalization<'_, T>,
    grad_weight: &mut [T],
    grad_bias: &mut [T],
) {
    let channels = n.check(x.len());
    assert_eq!(x.len(), grad_output.len(), "batch_norm: length of the output gradient");
    assert!(
        grad_weight.len() == channels && grad_bias.len() == channels,
        "batch_norm: lengths of the parameter gradients"
    );
    let mut sums = Buffer::uninit(2 * channels * size_of::<T>());
    let sums = sums.as_mut_slice::<T>();
    reduce_rows(x.len() / channels, 2 * channels, sums, &|rows, sums| {
        sums.fill(T::ZERO);
        let (weight, bias) = sums.split_at_mut(channels);
        let range = rows.start * channels..rows.end * channels;
        for (x, grad) in x[range.clone()].chunks_exact(channels).zip(grad_output[range].chunks_exact(channels)) {
            for c in 0..channels {
                weight[c] += grad[c] * (x[c] - n.mean[c]);
                bias[c] += grad[c];
            }
        }
    });
    for c in 0..channels {
        grad_weight[c] = sums[c] * n.inverse_deviation(c);
        grad_bias[c] = sums[channels + c];
    }
}

/// Runs `row(x, grad_output, grad_input)` on each row.
fn input_gradient<T: Element>(
    x: &[T],
    grad_output: &[T],
    grad_input: &mut [T],
    channels: usize,
    row: &(impl Fn(&[T], &[T], &mut [T]) + Sync),
) {
    assert_eq!(x.len(), grad_input.len(), "batch_norm: length of the input gradient");
    let chunk_len = rows_per_chunk(channels) * channels;
    let pieces = Pieces::new(grad_input, chunk_len);
    parallel_for(pieces.count(), &|chunk| {
        // SAFETY: each chunk runs once, and takes its own piece.
        let out = unsafe { pieces.get(chunk) };
        let range = chunk * chunk_len..chunk * chunk_len + out.len();
        let inputs = x[range.clone()].chunks_exact(channels).zip(grad_output[range].chunks_exact(channels));
        for (out, (x, grad)) in out.chunks_exact_mut(channels).zip(inputs) {
            row(x, grad, out);
        }
    });
}
