//! Pooling, batch normalisation, softmax, optimisers and element-by-element blocks against naive loops.

mod common;

use common::{Values, assert_close, assert_close_f32, to_f32};
use proptest::prelude::*;
use striate_kernels::batch_norm::{self, Normalization};
use striate_kernels::optimizer::{AdamOptions, SgdOptions, adam_step, sgd_step};
use striate_kernels::pooling::{self, NO_PLACE, Pool2dGeometry};
use striate_kernels::{pointwise, softmax};

fn pool_geometries() -> impl Strategy<Value = Pool2dGeometry> {
    let axis = || (1_usize..12, 1_usize..5, 1_usize..4, 0_usize..3, 1_usize..3);
    (1_usize..4, 1_usize..20, axis(), axis(), any::<bool>()).prop_map(|(batch, channels, h, w, ceil_mode)| {
        Pool2dGeometry {
            batch,
            channels,
            in_height: h.0,
            in_width: w.0,
            kernel: [h.1, w.1],
            stride: [h.2, w.2],
            padding: [h.3.min(h.1 / 2), w.3.min(w.1 / 2)],
            dilation: [h.4, w.4],
            ceil_mode,
        }
    })
}

/// How many windows lie along an axis: those that end inside the padded input, and in `ceil_mode` also those that start
/// inside the input or the padding before it and reach less than a stride further.
fn window_count(g: &Pool2dGeometry, axis: usize, size: usize) -> usize {
    let padded = size + 2 * g.padding[axis];
    let starts = (0..=padded).step_by(g.stride[axis]);
    let counts = |&start: &usize| {
        let end = start + g.dilation[axis] * (g.kernel[axis] - 1) + 1;
        end <= padded || (g.ceil_mode && start < size + g.padding[axis] && end < padded + g.stride[axis])
    };
    starts.filter(counts).count()
}

#[test]
fn ceil_mode_follows_pytorch() {
    let geometry = |size, kernel, stride, padding| Pool2dGeometry {
        batch: 1,
        channels: 1,
        in_height: size,
        in_width: size,
        kernel: [kernel; 2],
        stride: [stride; 2],
        padding: [padding; 2],
        dilation: [1; 2],
        ceil_mode: true,
    };
    // Sizes that torch.nn.functional.max_pool2d(ceil_mode=True) gives.
    for (size, kernel, stride, padding, expected) in [
        (5, 2, 2, 0, 3),
        (6, 3, 2, 0, 3),
        (7, 3, 2, 1, 4),
        (4, 3, 4, 1, 2),
        (3, 2, 4, 1, 1),
        (1, 2, 2, 0, 1),
        (1, 4, 2, 0, 0),
    ] {
        let g = geometry(size, kernel, stride, padding);
        assert_eq!(g.output_size(), [expected; 2], "{g:?}");
    }
}

/// Input pixels of each window: `[batch * oh * ow]` lists of `(pixel in the batch, pixel in the plane)`.
fn windows(g: &Pool2dGeometry) -> Vec<Vec<(usize, usize)>> {
    let [oh, ow] = [window_count(g, 0, g.in_height), window_count(g, 1, g.in_width)];
    assert_eq!(g.output_size(), [oh, ow]);
    let mut all = Vec::new();
    for (n, y, x) in (0..g.batch).flat_map(|n| (0..oh).flat_map(move |y| (0..ow).map(move |x| (n, y, x)))) {
        let mut window = Vec::new();
        for (i, j) in (0..g.kernel[0]).flat_map(|i| (0..g.kernel[1]).map(move |j| (i, j))) {
            let row = (y * g.stride[0] + i * g.dilation[0]) as isize - g.padding[0] as isize;
            let column = (x * g.stride[1] + j * g.dilation[1]) as isize - g.padding[1] as isize;
            if row >= 0 && column >= 0 && row < g.in_height as isize && column < g.in_width as isize {
                let plane = row as usize * g.in_width + column as usize;
                window.push((n * g.in_height * g.in_width + plane, plane));
            }
        }
        all.push(window);
    }
    all
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    #[test]
    fn max_pooling(g in pool_geometries(), seed: u64, ties: bool, apart: bool) {
        let windows_that_touch = Pool2dGeometry { stride: g.kernel, padding: [0, 0], dilation: [1, 1], ..g };
        let g = if apart { windows_that_touch } else { g };
        let mut values = Values(seed);
        let mut input = values.f64(g.input_len());
        if ties {
            input.iter_mut().for_each(|x| *x = (*x * 2.0).round());
        }
        let grad = values.f64(g.output_len());
        let c = g.channels;
        let (mut best, mut places, mut expected_grad) = (vec![], vec![], vec![0.0; input.len()]);
        for (w, window) in windows(&g).iter().enumerate() {
            for channel in 0..c {
                let mut at: Option<(usize, usize)> = None;
                for &(pixel, plane) in window {
                    if at.is_none_or(|(old, _)| input[pixel * c + channel] > input[old * c + channel]) {
                        at = Some((pixel, plane));
                    }
                }
                best.push(at.map_or(f64::NEG_INFINITY, |(pixel, _)| input[pixel * c + channel]));
                places.push(at.map_or(NO_PLACE, |(_, plane)| plane as u32));
                if let Some((pixel, _)) = at {
                    expected_grad[pixel * c + channel] += grad[w * c + channel];
                }
            }
        }
        let (mut out, mut argmax) = (vec![7.0; best.len()], vec![7; best.len()]);
        pooling::max_forward(&g, &input, &mut out, &mut argmax);
        prop_assert_eq!(&out, &best);
        prop_assert_eq!(&argmax, &places);
        let mut grad_input = vec![7.0; input.len()];
        pooling::max_backward(&g, &grad, &argmax, &mut grad_input);
        assert_close(&grad_input, &expected_grad, 1e-12);
        let (mut out, mut argmax) = (vec![7.0; best.len()], vec![7; best.len()]);
        pooling::max_forward(&g, &to_f32(&input), &mut out, &mut argmax);
        assert_close_f32(&out, &best, 0.0);
        prop_assert_eq!(&argmax, &places);
        let mut grad_input = vec![7.0; input.len()];
        pooling::max_backward(&g, &to_f32(&grad), &argmax, &mut grad_input);
        assert_close_f32(&grad_input, &expected_grad, 1e-5);
    }

    #[test]
    fn average_pooling(g in pool_geometries(), seed: u64, count_include_pad: bool) {
        let g = Pool2dGeometry { dilation: [1, 1], ..g };
        let mut values = Values(seed);
        let (input, grad) = (values.f64(g.input_len()), values.f64(g.output_len()));
        let c = g.channels;
        let (mut expected, mut expected_grad) = (vec![], vec![0.0; input.len()]);
        for (w, window) in windows(&g).iter().enumerate() {
            let [oh, ow] = g.output_size();
            // Places inside the input and the padding.
            let along = |axis: usize, window: usize, size: usize| {
                let start = window * g.stride[axis];
                (start..start + g.kernel[axis]).filter(|&place| place < size + 2 * g.padding[axis]).count()
            };
            let padded = along(0, w / ow % oh, g.in_height) * along(1, w % ow, g.in_width);
            let count = if count_include_pad { padded } else { window.len() } as f64;
            for channel in 0..c {
                expected.push(window.iter().map(|&(pixel, _)| input[pixel * c + channel]).sum::<f64>() / count);
                for &(pixel, _) in window {
                    expected_grad[pixel * c + channel] += grad[w * c + channel] / count;
                }
            }
        }
        let mut out = vec![7.0; expected.len()];
        pooling::avg_forward(&g, &input, &mut out, count_include_pad);
        assert_close(&out, &expected, 1e-12);
        let mut grad_input = vec![7.0; input.len()];
        pooling::avg_backward(&g, &grad, &mut grad_input, count_include_pad);
        assert_close(&grad_input, &expected_grad, 1e-12);
        let mut out = vec![7.0; expected.len()];
        pooling::avg_forward(&g, &to_f32(&input), &mut out, count_include_pad);
        assert_close_f32(&out, &expected, 1e-5);
        let mut grad_input = vec![7.0; input.len()];
        pooling::avg_backward(&g, &to_f32(&grad), &mut grad_input, count_include_pad);
        assert_close_f32(&grad_input, &expected_grad, 1e-5);
    }

    #[test]
    fn softmax_and_log_softmax(rows in 0_usize..40, columns in 1_usize..40, scale in 0.1_f64..300.0, seed: u64) {
        let mut values = Values(seed);
        let x: Vec<f64> = values.f64(rows * columns).iter().map(|x| x * scale).collect();
        let mut log_y = vec![7.0; x.len()];
        softmax::log_softmax_rows(&x, columns, &mut log_y);
        let mut y = vec![7.0; x.len()];
        softmax::softmax_rows(&x, columns, &mut y);
        for ((x, y), log_y) in x.chunks(columns).zip(y.chunks(columns)).zip(log_y.chunks(columns)) {
            assert_close(&[y.iter().sum::<f64>()], &[1.0], 1e-12);
            for j in 0..columns {
                let inverse: f64 = x.iter().map(|other| (other - x[j]).exp()).sum();
                assert_close(&[y[j], log_y[j]], &[1.0 / inverse, -inverse.ln()], 1e-9);
            }
        }
        let grad = values.f64(x.len());
        let (mut dx, mut log_dx) = (vec![7.0; x.len()], vec![7.0; x.len()]);
        softmax::softmax_backward_rows(&y, &grad, columns, &mut dx);
        softmax::log_softmax_backward_rows(&log_y, &grad, columns, &mut log_dx);
        for r in 0..rows {
            let row = r * columns..(r + 1) * columns;
            let (y, grad) = (&y[row.clone()], &grad[row]);
            for j in 0..columns {
                let delta = |i: usize| f64::from(i == j);
                let expected: f64 = (0..columns).map(|i| grad[i] * y[i] * (delta(i) - y[j])).sum();
                let log_expected: f64 = (0..columns).map(|i| grad[i] * (delta(i) - y[j])).sum();
                assert_close(&[dx[r * columns + j], log_dx[r * columns + j]], &[expected, log_expected], 1e-10);
            }
        }
        let mut y32 = vec![7.0; x.len()];
        softmax::softmax_rows(&to_f32(&x), columns, &mut y32);
        assert_close_f32(&y32, &y, 1e-4);
        softmax::log_softmax_rows(&to_f32(&x), columns, &mut y32);
        assert_close_f32(&y32, &log_y, 1e-5);
    }

    #[test]
    fn batch_normalisation(rows in 2_usize..300, channels in 1_usize..40, mean in -50.0_f64..50.0, seed: u64) {
        let mut values = Values(seed);
        let x: Vec<f64> = values.f64(rows * channels).iter().map(|x| x + mean).collect();
        let (weight, bias) = (values.f64(channels), values.f64(channels));
        let grad = values.f64(x.len());
        let (mut m, mut v) = (vec![0.0; channels], vec![0.0; channels]);
        batch_norm::statistics(&x, &mut m, &mut v);
        let column = |x: &[f64], c: usize| x.iter().skip(c).step_by(channels).copied().collect::<Vec<_>>();
        let n = rows as f64;
        for c in 0..channels {
            let x = column(&x, c);
            let mean = x.iter().sum::<f64>() / n;
            let variance = x.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / n;
            assert_close(&[m[c], v[c]], &[mean, variance], 1e-10);
        }
        let epsilon = 1e-5;
        let p = Normalization { mean: &m, variance: &v, weight: Some(&weight), bias: Some(&bias), epsilon };
        let mut y = vec![7.0; x.len()];
        batch_norm::normalize(&x, &p, &mut y);
        let (mut dx, mut dw, mut db) = (vec![7.0; x.len()], vec![7.0; channels], vec![7.0; channels]);
        batch_norm::backward(&x, &grad, &p, &mut dx, &mut dw, &mut db);
        let mut dx_inference = vec![7.0; x.len()];
        batch_norm::backward_inference(&x, &grad, &p, &mut dx_inference, &mut dw.clone(), &mut db.clone());
        for c in 0..channels {
            let inverse = 1.0 / (v[c] + epsilon).sqrt();
            let xhat: Vec<f64> = column(&x, c).iter().map(|x| (x - m[c]) * inverse).collect();
            let grad = column(&grad, c);
            let sum: f64 = grad.iter().sum();
            let dot: f64 = grad.iter().zip(&xhat).map(|(g, x)| g * x).sum();
            assert_close(&[dw[c], db[c]], &[dot, sum], 1e-9);
            for r in 0..rows {
                let at = r * channels + c;
                let expected = weight[c] * inverse * (grad[r] - sum / n - xhat[r] * dot / n);
                let y_expected = xhat[r] * weight[c] + bias[c];
                let inference = weight[c] * inverse * grad[r];
                assert_close(&[y[at], dx[at], dx_inference[at]], &[y_expected, expected, inference], 1e-8);
            }
        }
        let (mut m32, mut v32) = (vec![0.0; channels], vec![0.0; channels]);
        batch_norm::statistics(&to_f32(&x), &mut m32, &mut v32);
        assert_close_f32(&m32, &m, 1e-5);
        assert_close_f32(&v32, &v, 1e-4);
    }

    #[test]
    fn sums(len in 0_usize..70_000, columns in 1_usize..50, seed: u64) {
        let x = Values(seed).f64(len);
        let expected: f64 = x.iter().sum();
        assert_close(&[pointwise::sum(&x)], &[expected], 1e-10);
        assert_close_f32(&[pointwise::sum(&to_f32(&x))], &[expected], 1e-4);
        assert_close(&[pointwise::dot(&x, &x)], &[x.iter().map(|x| x * x).sum()], 1e-10);
        assert_eq!(pointwise::max(&x), x.iter().fold(f64::NEG_INFINITY, |a, &b| a.max(b)));
        assert_eq!(pointwise::min(&x), x.iter().fold(f64::INFINITY, |a, &b| a.min(b)));
        let x = &x[..len / columns * columns];
        let mut sums = vec![7.0; columns];
        pointwise::sum_rows(x, &mut sums);
        for c in 0..columns {
            assert_close(&sums[c..=c], &[x.iter().skip(c).step_by(columns).sum()], 1e-10);
        }
    }
}

#[test]
fn a_sum_of_many_equal_values_keeps_its_digits() {
    let expected = f64::from(0.1_f32) * f64::from(1 << 22);
    let sum = f64::from(pointwise::sum(&vec![0.1_f32; 1 << 22]));
    assert!((sum / expected - 1.0).abs() < 1e-6, "{sum} instead of {expected}");
}

#[test]
fn maxima_of_nan_are_nan() {
    let mut x = vec![1.0_f32; 40_000];
    x[123] = f32::NAN;
    assert!(pointwise::max(&x).is_nan() && pointwise::min(&x).is_nan());
    let g = Pool2dGeometry {
        batch: 1,
        channels: 1,
        in_height: 2,
        in_width: 4,
        kernel: [2, 2],
        stride: [2, 2],
        padding: [0, 0],
        dilation: [1, 1],
        ceil_mode: false,
    };
    let (mut out, mut argmax) = ([0.0_f32; 2], [0; 2]);
    pooling::max_forward(&g, &[1.0, 2.0, 3.0, f32::NAN, 5.0, f32::NAN, 9.0, 8.0], &mut out, &mut argmax);
    assert!(out.iter().all(|x| x.is_nan()));
    assert_eq!(argmax, [5, 3]);
    // All -inf: a place of the window, not the padding.
    pooling::max_forward(&g, &[f32::NEG_INFINITY; 8], &mut out, &mut argmax);
    assert_eq!((out, argmax), ([f32::NEG_INFINITY; 2], [0, 2]));
    let mut y = [0.0_f32; 6];
    softmax::softmax_rows(&[1.0, f32::NAN, 2.0, 1.0, 2.0, 3.0], 3, &mut y);
    assert!(y[..3].iter().all(|y| y.is_nan()) && y[3..].iter().all(|y| y.is_finite()));
}

#[test]
fn maps_and_zips_cover_every_element() {
    for len in [0, 1, 1000, pointwise::GRAIN, 3 * pointwise::GRAIN + 5] {
        let a: Vec<f32> = (0..len).map(|i| i as f32).collect();
        let mut out = vec![0.0_f32; len];
        pointwise::map(&a, &mut out, |x| x + 1.0);
        assert!(out.iter().zip(&a).all(|(y, x)| *y == x + 1.0));
        pointwise::map_in_place(&mut out, |x| x * 2.0);
        let mut sum = vec![0.0_f64; len];
        pointwise::zip(&a, &out, &mut sum, |a, b| f64::from(a) + f64::from(b));
        pointwise::zip_in_place(&mut sum, &a, |s, a| s - f64::from(a));
        assert!(sum.iter().zip(&out).all(|(s, y)| *s == f64::from(*y)));
        pointwise::zip3(&a, &a, &a, &mut out, |a, b, c| a + b - c);
        assert_eq!(out, a);
    }
}

/// Three steps worked with the formulas of the PyTorch documentation, in f64.
#[test]
fn sgd_follows_the_documented_recurrence() {
    for (momentum, dampening, nesterov, weight_decay) in [
        (0.0, 0.0, false, 0.0),
        (0.0, 0.0, false, 0.1),
        (0.9, 0.0, false, 0.01),
        (0.9, 0.3, false, 0.0),
        (0.8, 0.0, true, 0.05),
    ] {
        let mut values = Values(3);
        let len = pointwise::GRAIN + 17;
        let mut p = values.f64(len);
        let mut v = vec![f64::NAN; len];
        let (mut p_expected, mut v_expected) = (p.clone(), vec![0.0; len]);
        for step in 0..3 {
            let grad = values.f64(len);
            let options =
                SgdOptions { learning_rate: 0.1, momentum, dampening, weight_decay, nesterov, first_step: step == 0 };
            sgd_step(&mut p, &grad, (momentum != 0.0).then_some(&mut v), &options);
            for i in 0..len {
                let g = grad[i] + weight_decay * p_expected[i];
                v_expected[i] = if step == 0 { g } else { momentum * v_expected[i] + (1.0 - dampening) * g };
                let update = match (momentum != 0.0, nesterov) {
                    (false, _) => g,
                    (true, false) => v_expected[i],
                    (true, true) => g + momentum * v_expected[i],
                };
                p_expected[i] -= 0.1 * update;
            }
            assert_close(&p, &p_expected, 1e-14);
        }
    }
}

#[test]
fn adam_and_adamw_follow_the_documented_recurrence() {
    for (decoupled, weight_decay) in [(false, 0.0), (false, 0.1), (true, 0.1)] {
        let mut values = Values(5);
        let len = pointwise::GRAIN + 17;
        let mut p = values.f64(len);
        let (mut m, mut v) = (vec![0.0; len], vec![0.0; len]);
        let (mut pe, mut me, mut ve) = (p.clone(), m.clone(), v.clone());
        for step in 1..=3 {
            let grad = values.f64(len);
            let options = AdamOptions {
                learning_rate: 0.01,
                beta1: 0.9,
                beta2: 0.999,
                epsilon: 1e-8,
                weight_decay,
                decoupled,
                step,
            };
            adam_step(&mut p, &grad, &mut m, &mut v, &options);
            for i in 0..len {
                let mut g = grad[i];
                if decoupled {
                    pe[i] *= 1.0 - 0.01 * weight_decay;
                } else {
                    g += weight_decay * pe[i];
                }
                me[i] = 0.9 * me[i] + 0.1 * g;
                ve[i] = 0.999 * ve[i] + 0.001 * g * g;
                let m_hat = me[i] / (1.0 - 0.9_f64.powi(step as i32));
                let v_hat = ve[i] / (1.0 - 0.999_f64.powi(step as i32));
                pe[i] -= 0.01 * m_hat / (v_hat.sqrt() + 1e-8);
            }
            assert_close(&p, &pe, 1e-11);
        }
    }
}

#[test]
fn holds_for_the_plainer_instruction_sets() {
    common::run_again_with_plainer_instruction_sets("holds_for_the_plainer_instruction_sets");
}
