//! Batch normalisation over `[rows, channels]`: NHWC activations with `rows = n * h * w`, or plain feature rows.
//!
//! `y = (x - mean) / sqrt(variance + epsilon) * weight + bias`, per channel. The variance here is the biased one (divided
//! by the number of rows); running averages are the caller's. Activations may be stored in bf16; all else is `f32` then, and
//! results are rounded once.

use crate::Element;
use crate::arch::vectorize;
use crate::bf16::Widen;
use crate::memory::Buffer;
use crate::pointwise::{GRAIN, column_sums, reduce_rows};
use crate::threads::parallel_chunks_mut;

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
pub fn statistics<S: Widen<T>, T: Element>(x: &[S], mean: &mut [T], variance: &mut [T]) {
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
        column_sums([x], first, sums, |[x], mean| [(x - mean) * (x - mean), x - mean]);
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
pub fn normalize<S: Widen<T>, T: Element>(x: &[S], n: &Normalization<'_, T>, out: &mut [S]) {
    let channels = n.check(x.len());
    assert_eq!(x.len(), out.len(), "batch_norm: length of the output");
    let factors = Factors::new(channels, |c| [n.mean[c], n.scale(c), n.bias.map_or(T::ZERO, |bias| bias[c])]);
    let factors = factors.get();
    let chunk_len = rows_per_chunk(channels) * channels;
    parallel_chunks_mut(out, chunk_len, &|chunk, out| {
        normalize_rows(&x[chunk * chunk_len..][..out.len()], factors, out);
    });
}

vectorize! {
    fn normalize_rows[S: Widen<T>, T: Element](x: &[S], factors: [&[T]; 3], out: &mut [S]) {
        let [mean, scale, shift] = factors;
        for (out, x) in out.chunks_mut(mean.len()).zip(x.chunks(mean.len())) {
            for ((((out, &x), &mean), &scale), &shift) in out.iter_mut().zip(x).zip(mean).zip(scale).zip(shift) {
                *out = S::narrow((x.widen() - mean) * scale + shift);
            }
        }
    }
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
pub fn backward<S: Widen<T>, T: Element>(
    x: &[S],
    grad_output: &[S],
    n: &Normalization<'_, T>,
    grad_input: &mut [S],
    grad_weight: &mut [T],
    grad_bias: &mut [T],
) {
    let channels = n.check(x.len());
    assert_eq!(x.len(), grad_input.len(), "batch_norm: length of the input gradient");
    parameter_gradients(x, grad_output, n, grad_weight, grad_bias);
    let count = T::from_f64((x.len() / channels) as f64);
    // dx = scale * (dy - mean(dy) - xhat * mean(dy * xhat))
    let factors = Factors::new(channels, |c| {
        let slope = n.inverse_deviation(c) * grad_weight[c] / count;
        [n.mean[c], n.scale(c), slope, grad_bias[c] / count]
    });
    let factors = factors.get();
    let chunk_len = rows_per_chunk(channels) * channels;
    parallel_chunks_mut(grad_input, chunk_len, &|chunk, out| {
        let range = chunk * chunk_len..chunk * chunk_len + out.len();
        backward_rows(&x[range.clone()], &grad_output[range], factors, out);
    });
}

vectorize! {
    fn backward_rows[S: Widen<T>, T: Element](x: &[S], grad_output: &[S], factors: [&[T]; 4], grad_input: &mut [S]) {
        let [mean, scale, slope, shift] = factors;
        let inputs = x.chunks(mean.len()).zip(grad_output.chunks(mean.len()));
        for (out, (x, grad)) in grad_input.chunks_mut(mean.len()).zip(inputs) {
            let inputs = out.iter_mut().zip(x).zip(grad);
            let factors = mean.iter().zip(scale).zip(slope).zip(shift);
            for (((out, &x), &grad), (((&mean, &scale), &slope), &shift)) in inputs.zip(factors) {
                *out = S::narrow(scale * (grad.widen() - shift - (x.widen() - mean) * slope));
            }
        }
    }
}

/// Gradients of the inference-mode normalisation, where `mean` and `variance` are constants. Overwrites all three.
///
/// # Panics
/// If the lengths do not fit.
pub fn backward_inference<S: Widen<T>, T: Element>(
    x: &[S],
    grad_output: &[S],
    n: &Normalization<'_, T>,
    grad_input: &mut [S],
    grad_weight: &mut [T],
    grad_bias: &mut [T],
) {
    let channels = n.check(x.len());
    assert_eq!(x.len(), grad_input.len(), "batch_norm: length of the input gradient");
    parameter_gradients(x, grad_output, n, grad_weight, grad_bias);
    let factors = Factors::new(channels, |c| [n.scale(c)]);
    let [scale] = factors.get();
    let chunk_len = rows_per_chunk(channels) * channels;
    parallel_chunks_mut(grad_input, chunk_len, &|chunk, out| {
        scale_rows(&grad_output[chunk * chunk_len..][..out.len()], scale, out);
    });
}

vectorize! {
    fn scale_rows[S: Widen<T>, T: Element](grad_output: &[S], scale: &[T], grad_input: &mut [S]) {
        for (out, grad) in grad_input.chunks_mut(scale.len()).zip(grad_output.chunks(scale.len())) {
            for ((out, &grad), &scale) in out.iter_mut().zip(grad).zip(scale) {
                *out = S::narrow(scale * grad.widen());
            }
        }
    }
}

/// `grad_weight = sum of dy * xhat`, `grad_bias = sum of dy`, over the rows.
fn parameter_gradients<S: Widen<T>, T: Element>(
    x: &[S],
    grad_output: &[S],
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
        column_sums(both, n.mean, sums, |[x, grad], mean| [grad * (x - mean), grad]);
    });
    for c in 0..channels {
        grad_weight[c] = sums[c] * n.inverse_deviation(c);
        grad_bias[c] = sums[channels + c];
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bf16::{bf16, from_f32, to_f32};

    /// For bf16: what comes out for the same values in `f32`, rounded.
    #[test]
    fn bf16_equals_f32_rounded() {
        for (rows, channels) in [(2, 1), (7, 3), (300, 5), (1000, 64), (33, 130)] {
            let wide = |seed: usize| -> Vec<f32> {
                let value = |i: usize| ((i * 7919 + seed) % 1009) as f32 / 300.0 - 1.0;
                (0..rows * channels).map(|i| to_f32(from_f32(value(i)))).collect()
            };
            let narrow = |x: &[f32]| -> Vec<bf16> { x.iter().map(|&x| from_f32(x)).collect() };
            let (x, grad) = (wide(3), wide(500));
            let (x16, grad16) = (narrow(&x), narrow(&grad));
            let vector = || vec![0.0_f32; channels];
            let [mut mean, mut variance, mut mean16, mut variance16] = [(); 4].map(|()| vector());
            statistics(&x, &mut mean, &mut variance);
            statistics(&x16, &mut mean16, &mut variance16);
            let near = |a: &[f32], b: &[f32], tolerance: f32| {
                let worst = a.iter().zip(b).map(|(a, b)| (a - b).abs() / b.abs().max(1.0)).fold(0.0, f32::max);
                assert!(worst <= tolerance, "{rows} x {channels}: {worst}");
            };
            near(&mean16, &mean, 1e-5);
            near(&variance16, &variance, 1e-5);
            let weight: Vec<f32> = (0..channels).map(|c| 0.5 + c as f32 / 100.0).collect();
            let n = Normalization {
                mean: &mean,
                variance: &variance,
                weight: Some(&weight),
                bias: Some(&weight),
                epsilon: 1e-5,
            };
            let (mut out, mut out16) = (x.clone(), x16.clone());
            normalize(&x, &n, &mut out);
            normalize(&x16, &n, &mut out16);
            assert_eq!(narrow(&out), out16);
            for training in [true, false] {
                let [mut dw, mut db, mut dw16, mut db16] = [(); 4].map(|()| vector());
                if training {
                    backward(&x, &grad, &n, &mut out, &mut dw, &mut db);
                    backward(&x16, &grad16, &n, &mut out16, &mut dw16, &mut db16);
                } else {
                    backward_inference(&x, &grad, &n, &mut out, &mut dw, &mut db);
                    backward_inference(&x16, &grad16, &n, &mut out16, &mut dw16, &mut db16);
                }
                near(&dw16, &dw, 1e-4);
                near(&db16, &db, 1e-4);
                let out16: Vec<f32> = out16.iter().map(|&x| to_f32(x)).collect();
                near(&out16, &out, 1.0 / 128.0);
            }
        }
    }
}
