//! The tiled convolution of every instruction set against the plain one.

use proptest::prelude::*;

use super::{Conv2dGeometry, depthwise, generic, tiled, weight};
use crate::arch::{Bf16Isa, Isa, TileIsa};
use crate::bf16::bf16;
use crate::test_values::{Palette, assert_same};

fn values(len: usize, seed: usize) -> Vec<f32> {
    // Small whole numbers: sums of products are exact in any order, so results must be equal.
    (0..len).map(|i| ((i.wrapping_mul(2_654_435_761) ^ seed) >> 7) % 9).map(|x| x as f32 - 4.0).collect()
}

fn axis() -> impl Strategy<Value = (usize, usize, usize, usize, usize)> {
    (1_usize..34, 1_usize..6, 1_usize..4, 0_usize..4, 1_usize..3)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]
    #[test]
    fn tiled_equals_plain(
        batch in 1_usize..4, groups in 1_usize..3, channels in 1_usize..20, filters in 1_usize..90,
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
        let (grad, bias) = (values(g.output_len(), seed ^ 2), values(g.out_channels, seed ^ 3));
        let mut expected = vec![0.0; g.output_len()];
        generic::forward(&g, &input, &weights, Some(&bias), &mut expected);
        let mut expected_input = vec![0.0; g.input_len()];
        generic::backward_input(&g, &grad, &weights, &mut expected_input);
        let mut expected_weight = vec![0.0; g.weight_len()];
        generic::backward_weight(&g, &input, &grad, &mut expected_weight);
        for isa in Isa::available().iter().copied().map(TileIsa::F32) {
            let mut output = vec![7.0; expected.len()];
            tiled::forward(isa, &g, &input, &weights, Some(&bias), &mut output);
            prop_assert!(output == expected, "{isa:?} forward");
            let mut grad_input = vec![7.0; expected_input.len()];
            if tiled::backward_input(isa, &g, &grad, &weights, &mut grad_input) {
                prop_assert!(grad_input == expected_input, "{isa:?} backward_input");
            }
            let mut grad_weight = vec![7.0; expected_weight.len()];
            weight::backward_weight(isa, &g, &input, &grad, &mut grad_weight);
            prop_assert!(grad_weight == expected_weight, "{isa:?} backward_weight");
        }
    }

    /// Infinities and NaN of the activations arrive exactly where the definition sends them, and the sums of subnormal
    /// numbers are not flushed to zero.
    #[test]
    fn special_values_arrive_where_they_belong(
        groups in 1_usize..3, channels in 1_usize..10, filters in 1_usize..40, h in axis(), w in axis(), special: bool,
        seed: usize,
    ) {
        let g = Conv2dGeometry {
            batch: 2,
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
        let palette = if special { Palette::Special } else { Palette::Subnormal };
        let (input, grad) = (palette.left_values(g.input_len(), seed), palette.left_values(g.output_len(), seed ^ 2));
        let (weights, grad_of_one) = (values(g.weight_len(), seed ^ 1), values(g.output_len(), seed ^ 3));
        let mut expected = vec![0.0; g.output_len()];
        generic::forward(&g, &input, &weights, None, &mut expected);
        let mut expected_input = vec![0.0; g.input_len()];
        generic::backward_input(&g, &grad, &weights, &mut expected_input);
        let mut expected_weight = vec![0.0; g.weight_len()];
        generic::backward_weight(&g, &input, &grad_of_one, &mut expected_weight);
        for isa in Isa::available().iter().copied().map(TileIsa::F32) {
            let mut output = vec![7.0; expected.len()];
            tiled::forward(isa, &g, &input, &weights, None, &mut output);
            assert_same(&output, &expected, format_args!("{isa:?} forward"));
            let mut grad_input = vec![7.0; expected_input.len()];
            if tiled::backward_input(isa, &g, &grad, &weights, &mut grad_input) {
                assert_same(&grad_input, &expected_input, format_args!("{isa:?} backward_input"));
            }
            let mut grad_weight = vec![7.0; expected_weight.len()];
            weight::backward_weight(isa, &g, &input, &grad_of_one, &mut grad_weight);
            assert_same(&grad_weight, &expected_weight, format_args!("{isa:?} backward_weight"));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]
    #[test]
    fn depthwise_lines_equal_plain(
        batch in 1_usize..4, channels in 1_usize..6, h in axis(), w in axis(), seed: usize,
    ) {
        let channels = channels * 16;
        let g = Conv2dGeometry {
            batch,
            in_channels: channels,
            in_height: h.0,
            in_width: w.0,
            out_channels: channels,
            kernel: [h.1, w.1],
            stride: [h.2, w.2],
            padding: [h.3, w.3],
            dilation: [h.4, w.4],
            groups: channels,
        };
        prop_assume!(g.output_len() > 0);
        let (input, weights) = (values(g.input_len(), seed), values(g.weight_len(), seed ^ 1));
        let (grad, bias) = (values(g.output_len(), seed ^ 2), values(channels, seed ^ 3));
        let mut expected = vec![0.0; g.output_len()];
        generic::forward(&g, &input, &weights, Some(&bias), &mut expected);
        let mut expected_input = vec![0.0; g.input_len()];
        generic::backward_input(&g, &grad, &weights, &mut expected_input);
        let mut expected_weight = vec![0.0; g.weight_len()];
        generic::backward_weight(&g, &input, &grad, &mut expected_weight);
        for isa in Isa::available().iter().copied().map(TileIsa::F32) {
            let mut output = vec![7.0; expected.len()];
            depthwise::forward(isa, &g, &input, &weights, Some(&bias), &mut output);
            prop_assert!(output == expected, "{isa:?} forward");
            let mut grad_input = vec![7.0; expected_input.len()];
            depthwise::backward_input(isa, &g, &grad, &weights, &mut grad_input);
            prop_assert!(grad_input == expected_input, "{isa:?} backward_input");
            let mut grad_weight = vec![7.0; expected_weight.len()];
            depthwise::backward_weight(isa, &g, &input, &grad, &mut grad_weight);
            prop_assert!(grad_weight == expected_weight, "{isa:?} backward_weight");
        }
        let rounded = |x: &[f32]| -> Vec<bf16> { x.iter().map(|&x| bf16::from_f32(x)).collect() };
        let (input, grad) = (rounded(&input), rounded(&grad));
        for isa in Bf16Isa::available().iter().copied().map(TileIsa::Bf16) {
            let mut output = vec![bf16::ONE; expected.len()];
            depthwise::forward_lines(isa, &g, &input, &weights, Some(&bias), &mut output);
            prop_assert!(output == rounded(&expected), "{isa:?} forward");
            let mut grad_input = vec![bf16::ONE; expected_input.len()];
            depthwise::backward_input_lines(isa, &g, &grad, &weights, &mut grad_input);
            prop_assert!(grad_input == rounded(&expected_input), "{isa:?} backward_input");
            let mut grad_weight = vec![7.0; expected_weight.len()];
            depthwise::backward_weight_lines(isa, &g, [&input, &grad], &mut grad_weight);
            prop_assert!(grad_weight == expected_weight, "{isa:?} backward_weight");
        }
    }
}
