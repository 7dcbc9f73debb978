//! Convolution and its gradients against the definition, in f64 and f32.

mod common;

use common::{Values, assert_close, assert_close_f32, to_f32};
use proptest::prelude::*;
use striate_kernels::conv2d::{self, Conv2dGeometry};

/// Calls `visit(input, weight, output)` with the indices of every product of the convolution.
fn for_each_product(g: &Conv2dGeometry, mut visit: impl FnMut(usize, usize, usize)) {
    let [oh, ow] = g.output_size();
    let (ci, co) = (g.in_channels / g.groups, g.out_channels / g.groups);
    for n in 0..g.batch {
        for (y, x) in (0..oh).flat_map(|y| (0..ow).map(move |x| (y, x))) {
            for o in 0..g.out_channels {
                for c in 0..ci {
                    for (i, j) in (0..g.kernel[0]).flat_map(|i| (0..g.kernel[1]).map(move |j| (i, j))) {
                        let row = (y * g.stride[0] + i * g.dilation[0]) as isize - g.padding[0] as isize;
                        let column = (x * g.stride[1] + j * g.dilation[1]) as isize - g.padding[1] as isize;
                        if row < 0 || column < 0 || row >= g.in_height as isize || column >= g.in_width as isize {
                            continue;
                        }
                        let place = (n * g.in_height + row as usize) * g.in_width + column as usize;
                        visit(
                            place * g.in_channels + o / co * ci + c,
                            ((o * ci + c) * g.kernel[0] + i) * g.kernel[1] + j,
                            ((n * oh + y) * ow + x) * g.out_channels + o,
                        );
                    }
                }
            }
        }
    }
}

fn check(g: &Conv2dGeometry, seed: u64) {
    let mut values = Values(seed);
    let (input, weight) = (values.f64(g.input_len()), values.f64(g.weight_len()));
    let (bias, grad) = (values.f64(g.out_channels), values.f64(g.output_len()));
    let mut expected: Vec<f64> = (0..g.output_len()).map(|i| bias[i % g.out_channels]).collect();
    let mut expected_input = vec![0.0; input.len()];
    let mut expected_weight = vec![0.0; weight.len()];
    for_each_product(g, |x, w, y| {
        expected[y] += input[x] * weight[w];
        expected_input[x] += grad[y] * weight[w];
        expected_weight[w] += grad[y] * input[x];
    });
    let mut expected_bias = vec![0.0; g.out_channels];
    grad.iter().enumerate().for_each(|(i, grad)| expected_bias[i % g.out_channels] += grad);

    // Overwritten, whatever was there.
    let mut output = vec![7.0; expected.len()];
    conv2d::forward(g, &input, &weight, Some(&bias), &mut output);
    assert_close(&output, &expected, 1e-12);
    let mut grad_input = vec![7.0; input.len()];
    conv2d::backward_input(g, &grad, &weight, &mut grad_input);
    assert_close(&grad_input, &expected_input, 1e-12);
    let (mut grad_weight, mut grad_bias) = (vec![7.0; weight.len()], vec![7.0; g.out_channels]);
    conv2d::backward_weight(g, &input, &grad, &mut grad_weight, Some(&mut grad_bias));
    assert_close(&grad_weight, &expected_weight, 1e-12);
    assert_close(&grad_bias, &expected_bias, 1e-12);

    let tolerance = |terms: usize| 2e-6 * (terms as f64 + 4.0).sqrt();
    let taps = g.kernel[0] * g.kernel[1];
    let [input, weight, bias, grad] = [&input, &weight, &bias, &grad].map(|x| to_f32(x));
    let mut output = vec![7.0; expected.len()];
    conv2d::forward(g, &input, &weight, Some(&bias), &mut output);
    assert_close_f32(&output, &expected, tolerance(taps * g.in_channels));
    let mut grad_input = vec![7.0; input.len()];
    conv2d::backward_input(g, &grad, &weight, &mut grad_input);
    assert_close_f32(&grad_input, &expected_input, tolerance(taps * g.out_channels));
    let (mut grad_weight, mut grad_bias) = (vec![7.0; weight.len()], vec![7.0; g.out_channels]);
    conv2d::backward_weight(g, &input, &grad, &mut grad_weight, Some(&mut grad_bias));
    let pixels = expected.len() / g.out_channels.max(1);
    assert_close_f32(&grad_weight, &expected_weight, tolerance(pixels));
    assert_close_f32(&grad_bias, &expected_bias, tolerance(pixels));
}

fn geometries() -> impl Strategy<Value = Conv2dGeometry> {
    let axis = || (1_usize..12, 1_usize..5, 1_usize..4, 0_usize..3, 1_usize..3);
    (1_usize..4, 1_usize..4, 1_usize..5, 1_usize..21, axis(), axis()).prop_map(|(batch, groups, ci, co, h, w)| {
        Conv2dGeometry {
            batch,
            in_channels: groups * ci,
            in_height: h.0,
            in_width: w.0,
            out_channels: groups * co,
            kernel: [h.1, w.1],
            stride: [h.2, w.2],
            padding: [h.3, w.3],
            dilation: [h.4, w.4],
            groups,
        }
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]
    #[test]
    fn equals_the_definition(g in geometries(), seed: u64) {
        check(&g, seed);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]
    #[test]
    fn depthwise_equals_the_definition(g in geometries(), channels in 2_usize..40, seed: u64) {
        check(&Conv2dGeometry { in_channels: channels, out_channels: channels, groups: channels, ..g }, seed);
    }
}

fn plain(batch: usize, channels: [usize; 2], size: usize, kernel: usize) -> Conv2dGeometry {
    Conv2dGeometry {
        batch,
        in_channels: channels[0],
        in_height: size,
        in_width: size,
        out_channels: channels[1],
        kernel: [kernel; 2],
        stride: [1; 2],
        padding: [0; 2],
        dilation: [1; 2],
        groups: 1,
    }
}

#[test]
fn network_shapes() {
    check(&plain(3, [1, 16], 28, 5), 1);
    check(&plain(3, [16, 32], 12, 5), 2);
    check(&Conv2dGeometry { padding: [1; 2], ..plain(2, [32, 64], 9, 3) }, 3);
    check(&Conv2dGeometry { padding: [1; 2], stride: [2; 2], ..plain(2, [40, 72], 9, 3) }, 4);
    check(&plain(2, [70, 90], 7, 1), 5);
    check(&Conv2dGeometry { padding: [1; 2], groups: 33, ..plain(2, [33, 33], 10, 3) }, 6);
    check(&Conv2dGeometry { padding: [3; 2], stride: [2; 2], ..plain(1, [3, 64], 33, 7) }, 7);
    check(&plain(5, [20, 130], 4, 4), 8);
}

#[test]
fn a_kernel_that_does_not_fit_gives_an_empty_output() {
    let g = plain(2, [3, 4], 2, 5);
    assert_eq!(g.output_size(), [0, 0]);
    check(&g, 1);
    check(&plain(0, [3, 4], 6, 3), 1);
}

#[test]
fn nan_reaches_the_windows_that_see_it() {
    let g = plain(1, [1, 3], 5, 3);
    let mut input = vec![0.5_f32; 25];
    input[0] = f32::NAN;
    let mut output = vec![0.0; 27];
    conv2d::forward(&g, &input, &[1.0; 27], None, &mut output);
    assert!(output[..3].iter().all(|x| x.is_nan()));
    assert!(output[3..].iter().all(|&x| x == 4.5));
}

/// Twice a padding of 2^63 is 0 in wrapping arithmetic: the lengths would fit, the places would not.
#[test]
#[should_panic(expected = "conv2d: a size above")]
fn sizes_that_wrap_around_are_refused() {
    let g = Conv2dGeometry {
        batch: 1,
        in_channels: 1,
        in_height: 3,
        in_width: 3,
        out_channels: 1,
        kernel: [1, 1],
        stride: [1, 1],
        padding: [1 << 63, 0],
        dilation: [1, 1],
        groups: 1,
    };
    conv2d::forward(&g, &[0.0_f32; 9], &[1.0], None, &mut [0.0; 9]);
}

#[test]
fn holds_for_the_plainer_instruction_sets() {
    common::run_again_with_plainer_instruction_sets("holds_for_the_plainer_instruction_sets");
}
