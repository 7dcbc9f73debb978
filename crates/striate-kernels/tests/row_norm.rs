//! Row normalisation against the plain formulas, on matrices of many blocks of rows.

mod common;

use striate_kernels::row_norm::{self, RowNorm};

/// Numbers from -1 to 1 that follow no pattern of the sizes used here.
fn numbers(len: usize, seed: u64) -> Vec<f64> {
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 11) as f64 / (1u64 << 52) as f64 - 1.0
    };
    (0..len).map(|_| next()).collect()
}

#[track_caller]
fn assert_close(what: &str, found: &[f64], expected: &[f64]) {
    assert_eq!(found.len(), expected.len(), "{what}");
    for (i, (a, b)) in found.iter().zip(expected).enumerate() {
        assert!((a - b).abs() <= 1e-10 * b.abs().max(1.0), "{what}: element {i} is {a}, expected {b}");
    }
}

fn check(norm: RowNorm, rows: usize) {
    const EPS: f64 = 1e-3;
    let (columns, channels) = (norm.columns, norm.channels());
    let (x, dy) = (numbers(rows * columns, 1), numbers(rows * columns, 2));
    let (weight, bias) = (numbers(channels, 3), numbers(channels, 4));
    let [mut y, mut dx] = [vec![0.0; x.len()], vec![0.0; x.len()]];
    let mut grads = vec![0.0; 2 * channels];
    for row in 0..rows {
        let range = row * columns..(row + 1) * columns;
        let channel = |i: usize| row % norm.groups * (columns / norm.inner) + i / norm.inner;
        let (x, dy) = (&x[range.clone()], &dy[range.clone()]);
        let mean = x.iter().sum::<f64>() / columns as f64;
        let variance = x.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / columns as f64;
        let hat: Vec<f64> = x.iter().map(|x| (x - mean) / (variance + EPS).sqrt()).collect();
        let g: Vec<f64> = (0..columns).map(|i| dy[i] * weight[channel(i)]).collect();
        let mean_g = g.iter().sum::<f64>() / columns as f64;
        let mean_gx = g.iter().zip(&hat).map(|(g, x)| g * x).sum::<f64>() / columns as f64;
        for i in 0..columns {
            y[range.start + i] = hat[i] * weight[channel(i)] + bias[channel(i)];
            dx[range.start + i] = (g[i] - mean_g - hat[i] * mean_gx) / (variance + EPS).sqrt();
            grads[channel(i)] += dy[i] * hat[i];
            grads[channels + channel(i)] += dy[i];
        }
    }
    let mut statistics = vec![f64::NAN; 2 * rows];
    let mut found = vec![f64::NAN; x.len()];
    row_norm::forward(&norm, &x, EPS, Some((&weight, &bias)), &mut statistics, &mut found);
    assert_close("output", &found, &y);
    row_norm::backward_input(&norm, &x, &statistics, Some(&weight), &dy, &mut found);
    assert_close("gradient of the input", &found, &dx);
    let mut found = vec![f64::NAN; 2 * channels];
    row_norm::backward_affine(&norm, &x, &statistics, &dy, &mut found);
    assert_close("gradients of scale and shift", &found, &grads);
}

#[test]
fn layers() {
    check(RowNorm { columns: 101, groups: 1, inner: 1 }, 1500);
    check(RowNorm { columns: 3, groups: 1, inner: 1 }, 7);
    check(RowNorm { columns: 20_000, groups: 1, inner: 1 }, 70);
}

#[test]
fn groups_of_channels() {
    check(RowNorm { columns: 3 * 49, groups: 4, inner: 49 }, 900);
    check(RowNorm { columns: 17, groups: 5, inner: 17 }, 25);
}

#[test]
fn holds_for_the_plainer_instruction_sets() {
    common::run_again_with_plainer_instruction_sets("holds_for_the_plainer_instruction_sets");
}
