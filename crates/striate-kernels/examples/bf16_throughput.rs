//! Speed of products and convolutions in f32 and bf16, interleaved: `cargo run --release -p striate-kernels --example
//! bf16_throughput`. Prints billions of multiplications and additions a second, medians of seven.

use std::time::Instant;

use striate_kernels::bf16::bf16;
use striate_kernels::conv2d::{self, Conv2dGeometry};
use striate_kernels::gemm::{MatrixMut, MatrixRef, gemm, gemm_bf16};

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

/// Runs both alternately and prints their speeds.
fn compare(name: &str, operations: usize, mut full: impl FnMut(), mut half: impl FnMut()) {
    let (mut full_times, mut half_times) = (Vec::new(), Vec::new());
    for _ in 0..7 {
        let start = Instant::now();
        full();
        full_times.push(start.elapsed().as_secs_f64());
        let start = Instant::now();
        half();
        half_times.push(start.elapsed().as_secs_f64());
    }
    let speed = |times: Vec<f64>| 2.0 * operations as f64 / median(times) / 1e9;
    let (full, half) = (speed(full_times), speed(half_times));
    println!("{name:<34} f32 {full:7.1} GFLOP/s   bf16 {half:7.1} GFLOP/s   ratio {:.2}", half / full);
}

fn main() {
    println!("{}", striate_kernels::instruction_sets());
    let wide = |len: usize| -> Vec<f32> { (0..len).map(|i| (i * 7919 % 1009) as f32 / 504.0 - 1.0).collect() };
    let narrow = |x: &[f32]| -> Vec<bf16> { x.iter().map(|&x| bf16::from_f32(x)).collect() };
    let n = 1024;
    let (a, mut c, mut c_half) = (wide(n * n), vec![0.0; n * n], vec![0.0; n * n]);
    let a_half = narrow(&a);
    compare(
        "product 1024 x 1024 x 1024",
        n * n * n,
        || {
            gemm(
                MatrixRef::row_major(&a, n, n),
                MatrixRef::row_major(&a, n, n),
                MatrixMut::row_major(&mut c, n, n),
                false,
            )
        },
        || {
            let a = MatrixRef::row_major(&a_half, n, n);
            gemm_bf16(a, a, MatrixMut::row_major(&mut c_half, n, n), false);
        },
    );
    for (batch, channels, size) in [(64, 64, 32), (64, 128, 16), (64, 256, 8), (64, 512, 4)] {
        let g = Conv2dGeometry {
            batch,
            in_channels: channels,
            in_height: size,
            in_width: size,
            out_channels: channels,
            kernel: [3, 3],
            stride: [1, 1],
            padding: [1, 1],
            dilation: [1, 1],
            groups: 1,
        };
        let (x, w) = (wide(g.input_len()), wide(g.weight_len()));
        let (x_half, w_half) = (narrow(&x), narrow(&w));
        let (mut y, mut y_half) = (vec![0.0; g.output_len()], vec![bf16::ZERO; g.output_len()]);
        let (mut dw, mut dw_half) = (vec![0.0; g.weight_len()], vec![0.0; g.weight_len()]);
        let operations = g.output_len() * channels * 9;
        let name = |pass: &str| format!("3 x 3, {channels} channels, {size} x {size}: {pass}");
        compare(
            &name("forward"),
            operations,
            || conv2d::forward(&g, &x, &w, None, &mut y),
            || conv2d::forward_bf16(&g, &x_half, &w_half, None, &mut y_half),
        );
        compare(
            &name("input"),
            operations,
            || conv2d::backward_input(&g, &x, &w, &mut y),
            || conv2d::backward_input_bf16(&g, &x_half, &w_half, &mut y_half),
        );
        compare(
            &name("weight"),
            operations,
            || conv2d::backward_weight(&g, &x, &x, &mut dw, None),
            || conv2d::backward_weight_bf16(&g, &x_half, &x_half, &mut dw_half, None),
        );
    }
}
