//! Winograd's algorithm of every instruction set against the plain convolution in `f64`.

use proptest::prelude::*;

use super::scheme::Tiling;
use super::{backward_input, backward_weight, forward, pack_forward};
use crate::arch::{Bf16Isa, Isa, TileIsa};
use crate::bf16::bf16;
use crate::conv2d::{Conv2dGeometry, generic};
use crate::epilogue::Epilogue;
use crate::memory::Buffer;
use crate::threads::set_num_threads;

/// And the largest error of each in `f32`.
const TILINGS: [(Tiling, f64); 3] = [(Tiling::TwoByTwo, 1e-5), (Tiling::TwoByFour, 2e-5), (Tiling::FourByFour, 5e-5)];

/// From -1 to 1, by SplitMix64.
fn values(len: usize, seed: usize) -> Vec<f32> {
    let number = |i: usize| {
        let z = (i as u64 ^ (seed as u64) << 32).wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        let z = (z ^ z >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let z = (z ^ z >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((z ^ z >> 31) >> 40) as f32
    };
    (0..len).map(|i| number(i) / (1 << 23) as f32 - 1.0).collect()
}

fn wide(x: &[f32]) -> Vec<f64> {
    x.iter().map(|&x| f64::from(x)).collect()
}

/// The largest difference, in units of the root mean square of what was expected.
fn error(found: &[f32], expected: &[f64]) -> f64 {
    let square: f64 = expected.iter().map(|x| x * x).sum();
    let scale = (square / expected.len() as f64).sqrt().max(1e-3);
    found.iter().zip(expected).map(|(x, e)| (f64::from(*x) - e).abs()).fold(0.0, f64::max) / scale
}

fn geometry(batch: usize, [channels, filters]: [usize; 2], size: [usize; 2], padding: [usize; 2]) -> Conv2dGeometry {
    Conv2dGeometry {
        batch,
        in_channels: channels,
        in_height: size[0],
        in_width: size[1],
        out_channels: filters,
        kernel: [3, 3],
        stride: [1, 1],
        padding,
        dilation: [1, 1],
        groups: 1,
    }
}

/// Errors of the three kernels.
fn errors(tiling: Tiling, isa: TileIsa, g: &Conv2dGeometry, seed: usize) -> [f64; 3] {
    let (input, weight) = (values(g.input_len(), seed), values(g.weight_len(), seed ^ 1));
    let (grad, bias) = (values(g.output_len(), seed ^ 2), values(g.out_channels, seed ^ 3));
    let mut expected = vec![0.0; g.output_len()];
    let scale = values(g.out_channels, seed ^ 4);
    generic::forward(g, &wide(&input), &wide(&weight), None, &mut expected);
    for (i, (y, &residual)) in expected.iter_mut().zip(&grad).enumerate() {
        let o = i % g.out_channels;
        *y = (*y * f64::from(scale[o]) + f64::from(bias[o]) + f64::from(residual)).max(0.0);
    }
    let mut output = vec![7.0; expected.len()];
    let epilogue = Epilogue { scale: Some(&scale), bias: Some(&bias), residual: Some(&grad), relu: true };
    assert!(forward(
        tiling,
        isa,
        g,
        &input,
        pack_forward::<f32>(tiling, isa, g, &weight).as_slice(),
        &epilogue,
        &mut output
    ));
    let mut expected_input = vec![0.0; g.input_len()];
    generic::backward_input(g, &wide(&grad), &wide(&weight), &mut expected_input);
    let mut grad_input = vec![7.0; expected_input.len()];
    assert!(backward_input(tiling, isa, g, &grad, &weight, &mut grad_input));
    let mut expected_weight = vec![0.0; g.weight_len()];
    generic::backward_weight(g, &wide(&input), &wide(&grad), &mut expected_weight);
    let mut grad_weight = vec![7.0; expected_weight.len()];
    assert!(backward_weight(tiling, isa, g, &input, &grad, &mut grad_weight));
    [error(&output, &expected), error(&grad_input, &expected_input), error(&grad_weight, &expected_weight)]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]
    #[test]
    fn equals_the_plain_convolution(
        batch in 1_usize..4, channels in 1_usize..8, filters in 1_usize..8,
        h in 3_usize..14, w in 3_usize..14, padding in (0_usize..3, 0_usize..3), seed: usize,
    ) {
        let g = geometry(batch, [channels * 16, filters * 16], [h, w], [padding.0, padding.1]);
        for isa in Isa::available().iter().copied().map(TileIsa::F32) {
            for (tiling, most) in TILINGS {
                for error in errors(tiling, isa, &g, seed) {
                    prop_assert!(error < most, "{isa:?} {tiling:?} {g:?}: {error}");
                }
            }
        }
    }
}

fn rounded(x: &[f32]) -> Vec<bf16> {
    x.iter().map(|&x| bf16::from_f32(x)).collect()
}

fn widened(x: &[bf16]) -> Vec<f32> {
    x.iter().map(|x| x.to_f32()).collect()
}

/// The root mean square of the difference, in units of that of what was expected.
fn mean_error(found: &[f32], expected: &[f64]) -> f64 {
    let squares: f64 = found.iter().zip(expected).map(|(x, e)| (f64::from(*x) - e).powi(2)).sum();
    (squares / expected.iter().map(|e| e * e).sum::<f64>()).sqrt()
}

/// Mean errors of the three kernels for bf16, all of whose inputs are bf16 already.
fn errors_of_bf16(tiling: Tiling, isa: TileIsa, g: &Conv2dGeometry, seed: usize) -> [f64; 3] {
    let (input, weight) = (rounded(&values(g.input_len(), seed)), rounded(&values(g.weight_len(), seed ^ 1)));
    let grad = rounded(&values(g.output_len(), seed ^ 2));
    let (wide_input, wide_weight, wide_grad) = (widened(&input), widened(&weight), widened(&grad));
    let mut expected = vec![0.0; g.output_len()];
    generic::forward(g, &wide(&wide_input), &wide(&wide_weight), None, &mut expected);
    let mut output = vec![bf16::ONE; expected.len()];
    let packed = pack_forward::<bf16>(tiling, isa, g, &wide_weight);
    assert!(forward(tiling, isa, g, &input, packed.as_slice(), &Epilogue::default(), &mut output));
    let mut expected_input = vec![0.0; g.input_len()];
    generic::backward_input(g, &wide(&wide_grad), &wide(&wide_weight), &mut expected_input);
    let mut grad_input = vec![bf16::ONE; expected_input.len()];
    assert!(backward_input(tiling, isa, g, &grad, &wide_weight, &mut grad_input));
    let mut expected_weight = vec![0.0; g.weight_len()];
    generic::backward_weight(g, &wide(&wide_input), &wide(&wide_grad), &mut expected_weight);
    let mut grad_weight = vec![7.0; expected_weight.len()];
    assert!(backward_weight(tiling, isa, g, &input, &grad, &mut grad_weight));
    let (output, grad_input) = (widened(&output), widened(&grad_input));
    [
        mean_error(&output, &expected),
        mean_error(&grad_input, &expected_input),
        mean_error(&grad_weight, &expected_weight),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(20))]
    /// The transforms are rounded: the mean error is that of rounding a result to bf16 (1.7e-3) a few times.
    #[test]
    fn bf16_equals_the_plain_convolution(
        batch in 1_usize..4, channels in 1_usize..6, filters in 1_usize..6,
        h in 3_usize..12, w in 3_usize..12, padding in (0_usize..3, 0_usize..3), seed: usize,
    ) {
        let g = geometry(batch, [channels * 16, filters * 16], [h, w], [padding.0, padding.1]);
        for isa in Bf16Isa::available().iter().copied().map(TileIsa::Bf16) {
            for (tiling, most) in [(Tiling::TwoByTwo, 0.015), (Tiling::TwoByFour, 0.02)] {
                for error in errors_of_bf16(tiling, isa, &g, seed) {
                    prop_assert!(error < most, "{isa:?} {tiling:?} {g:?}: {error}");
                }
            }
        }
    }
}

/// Both ways to sum the gradient of the weights, and any number of threads.
#[test]
fn large_gradients_are_exact_enough_and_the_same_for_any_number_of_threads() {
    let isa = TileIsa::f32();
    let shapes = [geometry(3, [64, 80], [14, 15], [1, 1]), geometry(2, [272, 256], [8, 6], [1, 1])];
    for (g, (tiling, most)) in shapes.into_iter().flat_map(|g| TILINGS.map(|tiling| (g, tiling))) {
        let errors = errors(tiling, isa, &g, 5);
        assert!(errors.iter().all(|&error| error < most), "{tiling:?} {g:?}: {errors:?}");
        let (input, grad) = (values(g.input_len(), 1), values(g.output_len(), 2));
        let run = |threads: usize| {
            set_num_threads(threads);
            let mut gradient = Buffer::uninit(g.weight_len() * size_of::<f32>());
            assert!(backward_weight(tiling, isa, &g, &input, &grad, gradient.as_mut_slice()));
            let bits: Vec<u32> = gradient.as_slice::<u32>().to_vec();
            bits
        };
        let one = run(1);
        assert!([2, 3, 7].into_iter().all(|threads| run(threads) == one));
    }
}

/// At the sizes of a residual network: small tiles are as exact as summing the products, large ones lose a digit at most.
#[test]
fn errors_beside_direct_sums() {
    let g = geometry(1, [256, 256], [16, 16], [1, 1]);
    let isa = TileIsa::f32();
    let (input, weight) = (values(g.input_len(), 1), values(g.weight_len(), 2));
    let mut expected = vec![0.0; g.output_len()];
    generic::forward(&g, &wide(&input), &wide(&weight), None, &mut expected);
    let mut direct = vec![0.0; expected.len()];
    crate::conv2d::tiled::forward(isa, &g, &input, &weight, None, &mut direct);
    let direct = error(&direct, &expected);
    for ((tiling, _), most) in TILINGS.into_iter().zip([2.0, 3.0, 6.0]) {
        let mut output = vec![0.0; expected.len()];
        let packed = pack_forward::<f32>(tiling, isa, &g, &weight);
        assert!(forward(tiling, isa, &g, &input, packed.as_slice(), &Epilogue::default(), &mut output));
        let winograd = error(&output, &expected);
        assert!(winograd < most * direct, "direct {direct:.2e}, {tiling:?} {winograd:.2e}");
    }
}

/// At the sizes of a residual network, whatever the number of channels and pixels.
#[test]
fn errors_of_bf16_beside_rounding() {
    for g in [geometry(1, [256, 256], [16, 16], [1, 1]), geometry(4, [32, 48], [16, 16], [1, 1])] {
        for isa in Bf16Isa::available().iter().copied().map(TileIsa::Bf16) {
            for (tiling, most) in [(Tiling::TwoByTwo, 0.005), (Tiling::TwoByFour, 0.007)] {
                let errors = errors_of_bf16(tiling, isa, &g, 1);
                assert!(errors.iter().all(|&error| error < most), "{isa:?} {tiling:?}: {errors:?}");
            }
        }
    }
}

/// One infinity or NaN reaches the places it reaches in the direct sums, and no others.
#[test]
fn infinity_and_nan_stay_in_their_windows() {
    let g = geometry(4, [32, 32], [16, 18], [1, 1]);
    assert_eq!(super::tiling(TileIsa::f32(), &g, [16, 18]), Some(Tiling::FourByFour));
    let alike = |found: &[f32], expected: &[f32]| {
        found.iter().zip(expected).all(|(x, y)| x == y || (x - y).abs() < 1e-3 || (x.is_nan() && y.is_nan()))
    };
    for special in [f32::INFINITY, f32::NEG_INFINITY, f32::NAN] {
        let (mut input, weight) = (values(g.input_len(), 1), values(g.weight_len(), 2));
        let mut grad = values(g.output_len(), 3);
        input[(5 * 18 + 7) * 32 + 3] = special;
        grad[(4 * 18 + 10) * 32 + 30] = special;
        let (mut found, mut expected) = (vec![0.0; g.output_len()], vec![0.0; g.output_len()]);
        crate::conv2d::forward(&g, &input, &weight, None, &mut found);
        generic::forward(&g, &input, &weight, None, &mut expected);
        assert!(alike(&found, &expected), "output with {special}");
        assert_eq!(expected.iter().filter(|x| !x.is_finite()).count(), 9 * 32);
        let (mut found, mut expected) = (vec![0.0; g.input_len()], vec![0.0; g.input_len()]);
        crate::conv2d::backward_input(&g, &grad, &weight, &mut found);
        generic::backward_input(&g, &grad, &weight, &mut expected);
        assert!(alike(&found, &expected), "gradient of the input with {special}");
        let (mut found, mut expected) = (vec![0.0; g.weight_len()], vec![0.0; g.weight_len()]);
        crate::conv2d::backward_weight(&g, &input, &grad, &mut found, None);
        generic::backward_weight(&g, &input, &grad, &mut expected);
        assert!(alike(&found, &expected), "gradient of the weight with {special}");
    }
}
