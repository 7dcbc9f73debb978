//! Batch normalisation of bf16 activations: statistics, parameters and all arithmetic in `f32`, results rounded once.

use std::ops::Range;

use half::bf16;

use super::{Factors, Normalization, rows_per_chunk};
use crate::arch::vectorized;
use crate::bf16::{from_f32, to_f32};
use crate::memory::Buffer;
use crate::pointwise::reduce_rows;
use crate::threads::{Pieces, parallel_for};

/// [`statistics`](super::statistics) of bf16.
///
/// # Panics
/// If the lengths do not fit, or there is no row.
pub fn statistics_bf16(x: &[bf16], mean: &mut [f32], variance: &mut [f32]) {
    let channels = mean.len();
    assert_eq!(channels, variance.len(), "batch_norm: mean and variance of different lengths");
    assert!(
        channels > 0 && !x.is_empty() && x.len().is_multiple_of(channels),
        "batch_norm: {} values in {channels} channels",
        x.len()
    );
    let count = (x.len() / channels) as f32;
    crate::bf16::sum_rows(x, mean);
    mean.iter_mut().for_each(|mean| *mean /= count);
    let mut sums = Buffer::uninit(2 * size_of_val(mean));
    let sums = sums.as_mut_slice::<f32>();
    // The sum of the differences, zero but for rounding, corrects that of their squares.
    pair_sums(x, x, mean, sums, |x, _, mean| [(x - mean) * (x - mean), x - mean]);
    for (c, variance) in variance.iter_mut().enumerate() {
        let rest = sums[channels + c];
        *variance = (sums[c] - rest * rest / count) / count;
    }
}

/// Two sums per channel, over the rows, of `f(x, y, mean)`; `sums` holds the first ones, then the second ones.
fn pair_sums(x: &[bf16], y: &[bf16], mean: &[f32], sums: &mut [f32], f: impl Fn(f32, f32, f32) -> [f32; 2] + Sync) {
    let channels = mean.len();
    reduce_rows(x.len() / channels, 2 * channels, sums, &|rows: Range<usize>, sums: &mut [f32]| {
        sums.fill(0.0);
        let range = rows.start * channels..rows.end * channels;
        let (x, y) = (&x[range.clone()], &y[range]);
        let (first, second) = sums.split_at_mut(channels);
        vectorized(|| {
            for (x, y) in x.chunks_exact(channels).zip(y.chunks_exact(channels)) {
                let sums = first.iter_mut().zip(second.iter_mut());
                for (((first, second), &mean), (&x, &y)) in sums.zip(mean).zip(x.iter().zip(y)) {
                    let [a, b] = f(to_f32(x), to_f32(y), mean);
                    *first += a;
                    *second += b;
                }
            }
        });
    });
}

/// [`normalize`](super::normalize) of bf16.
///
/// # Panics
/// If the lengths do not fit.
pub fn normalize_bf16(x: &[bf16], n: &Normalization<'_, f32>, out: &mut [bf16]) {
    let channels = n.check(x.len());
    let factors = Factors::new(channels, |c| [n.mean[c], n.scale(c), n.bias.map_or(0.0, |bias| bias[c])]);
    let [mean, scale, shift] = factors.get::<f32, 3>();
    for_pieces(x, x, out, mean.len(), &|x, _, out| {
        let factors = mean.iter().zip(scale).zip(shift);
        for ((out, &x), ((&mean, &scale), &shift)) in out.iter_mut().zip(x).zip(factors) {
            *out = from_f32((to_f32(x) - mean) * scale + shift);
        }
    });
}

/// [`backward`](super::backward) of bf16; the gradients of the parameters are `f32`.
///
/// # Panics
/// If the lengths do not fit.
pub fn backward_bf16(
    x: &[bf16],
    grad_output: &[bf16],
    n: &Normalization<'_, f32>,
    grad_input: &mut [bf16],
    grad_weight: &mut [f32],
    grad_bias: &mut [f32],
) {
    let channels = n.check(x.len());
    parameter_gradients(x, grad_output, n, grad_weight, grad_bias);
    let count = (x.len() / channels) as f32;
    // dx = scale * (dy - mean(dy) - xhat * mean(dy * xhat))
    let factors = Factors::new(channels, |c| {
        let slope = n.inverse_deviation(c) * grad_weight[c] / count;
        [n.mean[c], n.scale(c), slope, grad_bias[c] / count]
    });
    let [mean, scale, slope, shift] = factors.get::<f32, 4>();
    for_pieces(x, grad_output, grad_input, mean.len(), &|x, grad, out| {
        let inputs = out.iter_mut().zip(x).zip(grad);
        let factors = mean.iter().zip(scale).zip(slope).zip(shift);
        for (((out, &x), &grad), (((&mean, &scale), &slope), &shift)) in inputs.zip(factors) {
            *out = from_f32(scale * (to_f32(grad) - shift - (to_f32(x) - mean) * slope));
        }
    });
}

/// [`backward_inference`](super::backward_inference) of bf16; the gradients of the parameters are `f32`.
///
/// # Panics
/// If the lengths do not fit.
pub fn backward_inference_bf16(
    x: &[bf16],
    grad_output: &[bf16],
    n: &Normalization<'_, f32>,
    grad_input: &mut [bf16],
    grad_weight: &mut [f32],
    grad_bias: &mut [f32],
) {
    let channels = n.check(x.len());
    parameter_gradients(x, grad_output, n, grad_weight, grad_bias);
    let factors = Factors::new(channels, |c| [n.scale(c)]);
    let [scale] = factors.get::<f32, 1>();
    for_pieces(x, grad_output, grad_input, scale.len(), &|_, grad, out| {
        for ((out, &grad), &scale) in out.iter_mut().zip(grad).zip(scale) {
            *out = from_f32(scale * to_f32(grad));
        }
    });
}

/// `grad_weight = sum of dy * xhat`, `grad_bias = sum of dy`, over the rows.
fn parameter_gradients(
    x: &[bf16],
    grad_output: &[bf16],
    n: &Normalization<'_, f32>,
    grad_weight: &mut [f32],
    grad_bias: &mut [f32],
) {
    let channels = n.check(x.len());
    assert_eq!(x.len(), grad_output.len(), "batch_norm: length of the output gradient");
    assert!(
        grad_weight.len() == channels && grad_bias.len() == channels,
        "batch_norm: lengths of the parameter gradients"
    );
    let mut sums = Buffer::uninit(2 * channels * size_of::<f32>());
    let sums = sums.as_mut_slice::<f32>();
    pair_sums(x, grad_output, n.mean, sums, |x, grad, mean| [grad * (x - mean), grad]);
    for c in 0..channels {
        grad_weight[c] = sums[c] * n.inverse_deviation(c);
        grad_bias[c] = sums[channels + c];
    }
}

/// Runs `piece(x, y, out)` on pieces of `piece_len` values, the last of which may be shorter.
fn for_pieces(
    x: &[bf16],
    y: &[bf16],
    out: &mut [bf16],
    piece_len: usize,
    piece: &(impl Fn(&[bf16], &[bf16], &mut [bf16]) + Sync),
) {
    assert!(x.len() == out.len() && y.len() == out.len(), "batch_norm: lengths of the activations");
    let chunk_len = rows_per_chunk(piece_len) * piece_len;
    let pieces = Pieces::new(out, chunk_len);
    parallel_for(pieces.count(), &|chunk| {
        // SAFETY: each chunk runs once, and takes its own piece.
        let out = unsafe { pieces.get(chunk) };
        let range = chunk * chunk_len..chunk * chunk_len + out.len();
        let (x, y) = (&x[range.clone()], &y[range]);
        vectorized(|| {
            for (out, (x, y)) in out.chunks_mut(piece_len).zip(x.chunks(piece_len).zip(y.chunks(piece_len))) {
                piece(x, y, out);
            }
        });
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the kernels of `f32` give for the same values, rounded.
    #[test]
    fn equals_that_of_f32_rounded() {
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
            super::super::statistics(&x, &mut mean, &mut variance);
            statistics_bf16(&x16, &mut mean16, &mut variance16);
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
            super::super::normalize(&x, &n, &mut out);
            normalize_bf16(&x16, &n, &mut out16);
            assert_eq!(narrow(&out), out16);
            for training in [true, false] {
                let [mut dw, mut db, mut dw16, mut db16] = [(); 4].map(|()| vector());
                if training {
                    super::super::backward(&x, &grad, &n, &mut out, &mut dw, &mut db);
                    backward_bf16(&x16, &grad16, &n, &mut out16, &mut dw16, &mut db16);
                } else {
                    super::super::backward_inference(&x, &grad, &n, &mut out, &mut dw, &mut db);
                    backward_inference_bf16(&x16, &grad16, &n, &mut out16, &mut dw16, &mut db16);
                }
                near(&dw16, &dw, 1e-4);
                near(&db16, &db, 1e-4);
                let out16: Vec<f32> = out16.iter().map(|&x| to_f32(x)).collect();
                near(&out16, &out, 1.0 / 128.0);
            }
        }
    }
}
