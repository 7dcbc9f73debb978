//! Batch normalisation over `[rows, channels]`: NHWC activations with `rows = n * h * w`, or plain feature rows.
//!
//! `y = (x - mean) / sqrt(variance + epsilon) * weight + bias`, per channel. The variance here is the biased one (divided
//! by the number of rows); running averages are the caller's.

mod bf16;

pub use bf16::{backward_bf16, backward_inference_bf16, normalize_bf16, statistics_bf16};

use crate::Element;
use crate::arch::vectorized;
use crate::memory::Buffer;
use crate::pointwise::{GRAIN, column_sums, reduce_rows};
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

/// Mean and biased variance of each channel of `x` (`[rows, channels]`, `channels = mean.len()`), in one pass over the
/// differences from the mean of the first rows, so that a large mean costs no accuracy.
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
    let sample = rows.min(rows_per_chunk(channels));
    crate::pointwise::sum_rows(&x[..sample * channels], mean);
    mean.iter_mut().for_each(|mean| *mean /= T::from_f64(sample as f64));
    // The sum of the differences corrects the mean, and the sum of their squares.
    let mut sums = Buffer::uninit(2 * size_of_val(mean));
    let sums = sums.as_mut_slice::<T>();
    let first = &*mean;
    reduce_rows(rows, channels, sums, &|rows, sums| {
        let x = &x[rows.start * channels..rows.end * channels];
        vectorized(|| {
            column_sums([x, x], first, channels, sums, |[x, _], mean| [(x - mean) * (x - mean), x - mean]);
        });
    });
    for (c, (mean, variance)) in mean.iter_mut().zip(variance).enumerate() {
        let rest = sums[channels + c];
        *mean += rest / count;
        *variance = ((sums[c] - rest * rest / count) / count).maximum(T::ZERO);
    }
}

/// `out = (x - mean) / sqrt(variance + epsilon) * weight + bias`, per channel: training with the batch's statistics,
/// inference with the running ones.
///
/// # Panics
/// If the lengths do not fit.
pub fn normalize<T: Element>(x: &[T], n: &Normalization<'_, T>, out: &mut [T]) {
    let channels = n.check(x.len());
    assert_eq!(x.len(), out.len(), "batch_norm: length of the output");
    let factors = Factors::new(channels, |c| [n.mean[c], n.scale(c), n.bias.map_or(T::ZERO, |bias| bias[c])]);
    let [mean, scale, shift] = factors.get();
    let chunk_len = rows_per_chunk(channels) * channels;
    crate::threads::parallel_chunks_mut(out, chunk_len, &|chunk, out| {
        let x = &x[chunk * chunk_len..][..out.len()];
        vectorized(|| {
            for (out, x) in out.chunks_mut(mean.len()).zip(x.chunks(mean.len())) {
                for ((((out, &x), &mean), &scale), &shift) in out.iter_mut().zip(x).zip(mean).zip(scale).zip(shift) {
                    *out = (x - mean) * scale + shift;
                }
            }
        });
    });
}

/// Numbers per channel, repeated so that loops over narrow rows are long.
struct Factors {
    buffer: Buffer,
    len: usize,
}

impl Factors {
    /// The least length of the loops.
    const LEN: usize = 256;

    fn new<T: Element, const K: usize>(channels: usize, of_channel: impl Fn(usize) -> [T; K]) -> Self {
        let len = Self::LEN.div_ceil(channels) * channels;
        let mut buffer = Buffer::uninit(K * len * size_of::<T>());
        let factors = buffer.as_mut_slice::<T>();
        for c in 0..channels {
            for (k, value) in of_channel(c).into_iter().enumerate() {
                factors[k * len..(k + 1) * len].iter_mut().skip(c).step_by(channels).for_each(|place| *place = value);
            }
        }
        Self { buffer, len }
    }

    fn get<T: Element, const K: usize>(&self) -> [&[T]; K] {
        let factors = self.buffer.as_slice::<T>();
        std::array::from_fn(|k| &factors[k * self.len..(k + 1) * self.len])
    }
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
    let factors = Factors::new(channels, |c| {
        let slope = n.inverse_deviation(c) * grad_weight[c] / count;
        [n.mean[c], n.scale(c), slope, grad_bias[c] / count]
    });
    let [mean, scale, slope, shift] = factors.get();
    input_gradient(x, grad_output, grad_input, mean.len(), &|x, grad, out| {
        let inputs = out.iter_mut().zip(x).zip(grad);
        let factors = mean.iter().zip(scale).zip(slope).zip(shift);
        for (((out, &x), &grad), (((&mean, &scale), &slope), &shift)) in inputs.zip(factors) {
            *out = scale * (grad - shift - (x - mean) * slope);
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
    let factors = Factors::new(channels, |c| [n.scale(c)]);
    let [scale]: [&[T]; 1] = factors.get();
    input_gradient(x, grad_output, grad_input, scale.len(), &|_, grad, out| {
        for ((out, &grad), &scale) in out.iter_mut().zip(grad).zip(scale) {
            *out = scale * grad;
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
        let range = rows.start * channels..rows.end * channels;
        let both = [&x[range.clone()], &grad_output[range]];
        vectorized(|| column_sums(both, n.mean, channels, sums, |[x, grad], mean| [grad * (x - mean), grad]));
    });
    for c in 0..channels {
        grad_weight[c] = sums[c] * n.inverse_deviation(c);
        grad_bias[c] = sums[channels + c];
    }
}

/// Runs `piece(x, grad_output, grad_input)` on pieces of `piece_len` values, the last of which may be shorter.
fn input_gradient<T: Element>(
    x: &[T],
    grad_output: &[T],
    grad_input: &mut [T],
    piece_len: usize,
    piece: &(impl Fn(&[T], &[T], &mut [T]) + Sync),
) {
    assert_eq!(x.len(), grad_input.len(), "batch_norm: length of the input gradient");
    let chunk_len = rows_per_chunk(piece_len) * piece_len;
    let pieces = Pieces::new(grad_input, chunk_len);
    parallel_for(pieces.count(), &|chunk| {
        // SAFETY: each chunk runs once, and takes its own piece.
        let out = unsafe { pieces.get(chunk) };
        let range = chunk * chunk_len..chunk * chunk_len + out.len();
        let (x, grad) = (&x[range.clone()], &grad_output[range]);
        vectorized(|| {
            let inputs = x.chunks(piece_len).zip(grad.chunks(piece_len));
            for (out, (x, grad)) in out.chunks_mut(piece_len).zip(inputs) {
                piece(x, grad, out);
            }
        });
    });
}
