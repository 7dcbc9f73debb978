//! Convolutions of bf16 images and weights, summed in `f32`.
//!
//! Channels are paired in words, and the tiled convolution runs on half as many channels. For the gradient of the weight,
//! whose sums run over pixels, each word holds the same pixel of two images: that way a pair stays one whatever the
//! stride, the padding and the kernel element. Depthwise convolutions read and write bf16 sixteen channels at a time. What has
//! no pairs (odd channels in groups) is widened to `f32`. Kernels of 3 by 3 go through [`winograd`] where that is faster.

use half::bf16;

use super::tiled::{self, Output};
use super::{Conv2dGeometry, PackedWeight, depthwise, weight as weight_gradient, winograd};
use crate::arch::TileIsa;
use crate::bf16::{interleave_rows, round, row_words, widened};
use crate::epilogue::Epilogue;
use crate::memory::Buffer;
use crate::panels::Target;

/// [`forward`](super::forward) for bf16, with products and sums in `f32` and the result rounded. The bias is `f32`.
///
/// # Panics
/// If a length does not fit the geometry.
pub fn forward_bf16(g: &Conv2dGeometry, input: &[bf16], weight: &[bf16], bias: Option<&[f32]>, output: &mut [bf16]) {
    g.check_lengths(input.len(), weight.len(), output.len());
    assert!(bias.is_none_or(|bias| bias.len() == g.out_channels), "conv2d: length of the bias");
    forward_with(TileIsa::bf16(), g, input, weight, bias, output);
}

fn forward_with(
    isa: TileIsa,
    g: &Conv2dGeometry,
    input: &[bf16],
    weight: &[bf16],
    bias: Option<&[f32]>,
    output: &mut [bf16],
) {
    if reads_lines(g) {
        return depthwise::forward_lines(isa, g, input, widened(weight).as_slice(), bias, output);
    }
    let Some(packed) = PackedWeight::new_bf16_for(isa, g, weight) else {
        return rounded(output, |output| {
            super::forward(g, widened(input).as_slice(), widened(weight).as_slice(), bias, output);
        });
    };
    packed.forward_bf16(g, input, || weight, &Epilogue { bias, ..Epilogue::default() }, output);
}

/// Whether this is a depthwise convolution of whole groups of channels.
fn reads_lines(g: &Conv2dGeometry) -> bool {
    g.is_depthwise() && depthwise::suits(g) && g.output_len() > 0
}

/// Whether the channels of a group can be paired.
pub(super) fn has_pairs(g: &Conv2dGeometry) -> bool {
    !g.is_depthwise() && (g.groups == 1 || g.group_in_channels().is_multiple_of(2))
}

/// The convolution of words.
fn words(g: &Conv2dGeometry) -> Conv2dGeometry {
    Conv2dGeometry { in_channels: g.group_in_channels().div_ceil(2) * g.groups, ..*g }
}

/// The weights as [`forward_packed`] reads them. The channels have pairs.
pub(super) fn pack(isa: TileIsa, g: &Conv2dGeometry, weight: &[bf16]) -> Buffer {
    // Filters of words: `[o, c / 2, kh, kw]`.
    let weight = pair_taps(weight, g.out_channels, g.group_in_channels(), g.kernel[0] * g.kernel[1]);
    tiled::pack(isa, &words(g), weight.as_slice())
}

/// The direct sums, with weights from [`pack`]. The lengths fit the geometry.
pub(super) fn forward_packed(
    isa: TileIsa,
    g: &Conv2dGeometry,
    input: &[bf16],
    packed: &[f32],
    epilogue: &Epilogue<'_>,
    output: &mut [bf16],
) {
    let input = row_words(input, g.in_channels);
    let output = Output::Bf16(Target::new(output));
    // SAFETY: the lengths fit the geometry, and the instruction set is available.
    unsafe { tiled::forward_packed(isa, &words(g), input.get(), packed, epilogue, output) };
}

/// [`backward_input`](super::backward_input) for bf16, with products and sums in `f32` and the result rounded.
///
/// # Panics
/// If a length does not fit the geometry.
pub fn backward_input_bf16(g: &Conv2dGeometry, grad_output: &[bf16], weight: &[bf16], grad_input: &mut [bf16]) {
    g.check_lengths(grad_input.len(), weight.len(), grad_output.len());
    backward_input_with(TileIsa::bf16(), g, grad_output, weight, grad_input);
}

fn backward_input_with(
    isa: TileIsa,
    g: &Conv2dGeometry,
    grad_output: &[bf16],
    weight: &[bf16],
    grad_input: &mut [bf16],
) {
    if reads_lines(g) {
        return depthwise::backward_input_lines(isa, g, grad_output, widened(weight).as_slice(), grad_input);
    }
    let filters = g.group_out_channels();
    let odd_groups = g.groups > 1 && !filters.is_multiple_of(2);
    let spread = (0..2).any(|i| g.stride[i] > 1 && g.dilation[i] > 1 && g.kernel[i] > 1);
    if weight.is_empty() || g.is_depthwise() || odd_groups || spread {
        return rounded(grad_input, |grad_input| {
            super::backward_input(g, widened(grad_output).as_slice(), widened(weight).as_slice(), grad_input);
        });
    }
    if let Some(tiling) = winograd::tiling(isa, g, [g.in_height, g.in_width])
        && winograd::backward_input(tiling, isa, g, grad_output, widened(weight).as_slice(), grad_input)
    {
        return;
    }
    if tiled::leaves_places(g) {
        grad_input.fill(bf16::ZERO);
    }
    let grad_output = row_words(grad_output, g.out_channels);
    // Filters are what is summed over: words of filters `2 o` and `2 o + 1`.
    let filter_len = g.group_in_channels() * g.kernel[0] * g.kernel[1];
    let weight = interleave_rows(weight, g.out_channels, filter_len, filter_len);
    let words = Conv2dGeometry { out_channels: filters.div_ceil(2) * g.groups, ..*g };
    let output = Output::Bf16(Target::new(grad_input));
    // SAFETY: the lengths have been checked against the geometry, and the instruction set is available.
    unsafe { tiled::backward_input_to(isa, &words, grad_output.get(), weight.as_slice(), output) };
}

/// [`backward_weight`](super::backward_weight) for bf16: the gradients are sums in `f32` and stay `f32`, as the parameters
/// they are for.
///
/// # Panics
/// If a length does not fit the geometry.
pub fn backward_weight_bf16(
    g: &Conv2dGeometry,
    input: &[bf16],
    grad_output: &[bf16],
    grad_weight: &mut [f32],
    grad_bias: Option<&mut [f32]>,
) {
    g.check_lengths(input.len(), grad_weight.len(), grad_output.len());
    if let Some(grad_bias) = grad_bias {
        assert_eq!(grad_bias.len(), g.out_channels, "conv2d: length of the bias gradient");
        if g.out_channels > 0 {
            crate::pointwise::sum_rows(grad_output, grad_bias);
        }
    }
    backward_weight_with(TileIsa::bf16(), g, input, grad_output, grad_weight);
}

fn backward_weight_with(
    isa: TileIsa,
    g: &Conv2dGeometry,
    input: &[bf16],
    grad_output: &[bf16],
    grad_weight: &mut [f32],
) {
    if reads_lines(g) {
        return depthwise::backward_weight_lines(isa, g, [input, grad_output], grad_weight);
    }
    if grad_output.is_empty() || grad_weight.is_empty() || g.is_depthwise() {
        let (input, grad_output) = (widened(input), widened(grad_output));
        return super::backward_weight(g, input.as_slice(), grad_output.as_slice(), grad_weight, None);
    }
    if let Some(tiling) = winograd::tiling(isa, g, g.output_size())
        && winograd::backward_weight(tiling, isa, g, input, grad_output, grad_weight)
    {
        return;
    }
    let (image, result) = (g.input_len() / g.batch, g.output_len() / g.batch);
    let input = interleave_rows(input, g.batch, image, image);
    let grad_output = interleave_rows(grad_output, g.batch, result, result);
    let words = Conv2dGeometry { batch: g.batch.div_ceil(2), ..*g };
    weight_gradient::backward_weight(isa, &words, input.as_slice(), grad_output.as_slice(), grad_weight);
}

/// Fills `output` with what `compute` fills in `f32`, rounded.
fn rounded(output: &mut [bf16], compute: impl FnOnce(&mut [f32])) {
    let mut sums = Buffer::uninit(size_of_val(output) * 2);
    compute(sums.as_mut_slice());
    round(sums.as_slice(), output);
}

/// Words of channels `2 c` and `2 c + 1` of OIHW weights, `[o, channels.div_ceil(2), area]`.
fn pair_taps(weight: &[bf16], filters: usize, channels: usize, area: usize) -> Buffer {
    let pairs = channels.div_ceil(2);
    let mut words = Buffer::uninit(filters * pairs * area * size_of::<f32>());
    crate::threads::parallel_chunks_mut(words.as_mut_slice::<[bf16; 2]>(), (pairs * area).max(1), &|filter, words| {
        let weight = &weight[filter * channels * area..][..channels * area];
        for (words, pair) in words.chunks_exact_mut(area).zip(weight.chunks(2 * area)) {
            for (tap, word) in words.iter_mut().enumerate() {
                *word = [pair[tap], pair.get(area + tap).copied().unwrap_or(bf16::ZERO)];
            }
        }
    });
    words
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::generic;
    use super::*;
    use crate::arch::Bf16Isa;

    fn values(len: usize, seed: usize) -> Vec<bf16> {
        // Whole numbers from -2 to 2: sums of products are exact in any order, and small enough for bf16 mostly.
        let value = |i: usize| ((i.wrapping_mul(2_654_435_761) ^ seed) >> 7) % 5;
        (0..len).map(|i| bf16::from_f32(value(i) as f32 - 2.0)).collect()
    }

    fn axis() -> impl Strategy<Value = (usize, usize, usize, usize, usize)> {
        (1_usize..24, 1_usize..5, 1_usize..4, 0_usize..4, 1_usize..3)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(100))]
        #[test]
        fn equals_the_plain_convolution_of_f32(
            batch in 1_usize..5, groups in 1_usize..3, channels in 1_usize..20, filters in 1_usize..90,
            h in axis(), w in axis(), seed: usize,
        ) {
            let g = Conv2dGeometry {
                batch,
                in_channels: channels * groups,
                in_height: h.0,
                in_width: w.0,
                out_channels: filters * groups,
                kernel: [h.1, w.1],
                stride: [h.2, w.2],
                padding: [h.3, w.3],
                dilation: [h.4, w.4],
                groups,
            };
            prop_assume!(g.output_len() > 0);
            let (input, weights) = (values(g.input_len(), seed), values(g.weight_len(), seed ^ 1));
            let grad = values(g.output_len(), seed ^ 2);
            let bias: Vec<f32> = (0..g.out_channels).map(|i| (i % 3) as f32).collect();
            let wide = |x: &[bf16]| -> Vec<f32> { x.iter().map(|x| x.to_f32()).collect() };
            let rounded = |x: &[f32]| -> Vec<bf16> { x.iter().map(|&x| bf16::from_f32(x)).collect() };
            let mut expected = vec![0.0; g.output_len()];
            generic::forward(&g, &wide(&input), &wide(&weights), Some(&bias), &mut expected);
            let mut expected_input = vec![0.0; g.input_len()];
            generic::backward_input(&g, &wide(&grad), &wide(&weights), &mut expected_input);
            let mut expected_weight = vec![0.0; g.weight_len()];
            generic::backward_weight(&g, &wide(&input), &wide(&grad), &mut expected_weight);
            for isa in Bf16Isa::available().iter().copied().map(TileIsa::Bf16) {
                let mut output = vec![bf16::ONE; expected.len()];
                forward_with(isa, &g, &input, &weights, Some(&bias), &mut output);
                prop_assert!(output == rounded(&expected), "{isa:?} forward");
                let mut grad_input = vec![bf16::ONE; expected_input.len()];
                backward_input_with(isa, &g, &grad, &weights, &mut grad_input);
                prop_assert!(grad_input == rounded(&expected_input), "{isa:?} backward_input");
                let mut grad_weight = vec![7.0; expected_weight.len()];
                backward_weight_with(isa, &g, &input, &grad, &mut grad_weight);
                prop_assert!(grad_weight == expected_weight, "{isa:?} backward_weight");
            }
        }
    }
}
