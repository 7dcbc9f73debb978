//! Prints the speed of the kernels on shapes of small networks: `cargo run --release --example throughput`.
//!
//! Each line is the best of several runs after a warm-up. `STRIATE_NUM_THREADS` and `STRIATE_ISA` apply.

use std::time::Instant;

use striate_kernels::batch_norm::{self, Normalization};
use striate_kernels::conv2d::{self, Conv2dGeometry};
use striate_kernels::gemm::{MatrixMut, MatrixRef, gemm};
use striate_kernels::optimizer::{AdamOptions, SgdOptions, adam_step, sgd_step};
use striate_kernels::pooling::{self, Pool2dGeometry};
use striate_kernels::threads::num_threads;
use striate_kernels::{Element, pointwise, softmax};

/// Seconds of the best run.
fn best(mut run: impl FnMut()) -> f64 {
    run();
    let budget = Instant::now();
    let mut best = f64::INFINITY;
    let mut runs = 0;
    while runs < 5 || budget.elapsed().as_secs_f64() < 0.15 {
        let start = Instant::now();
        run();
        best = best.min(start.elapsed().as_secs_f64());
        runs += 1;
    }
    best
}

fn line(name: &str, operations: f64, seconds: f64) {
    println!("{name:<44} {:>9.1} us {:>8.1} GFLOP/s", seconds * 1e6, operations / seconds * 1e-9);
}

fn values(len: usize) -> Vec<f32> {
    (0..len).map(|i| ((i * 7919) % 1013) as f32 / 500.0 - 1.0).collect()
}

fn products() {
    for (m, k, n) in [(64, 512, 10), (128, 784, 512), (256, 256, 256), (1024, 1024, 1024)] {
        let (a, b) = (values(m * k), values(k * n));
        let mut c = vec![0.0_f32; m * n];
        let operations = 2.0 * (m * k * n) as f64;
        let (plain, other) = (MatrixRef::row_major(&a, m, k), MatrixRef::row_major(&b, n, k).transposed());
        let seconds = best(|| gemm(plain, other, MatrixMut::row_major(&mut c, m, n), false));
        line(&format!("gemm [{m}, {k}] x [{n}, {k}]^T"), operations, seconds);
        let other = MatrixRef::row_major(&b, k, n);
        let seconds = best(|| gemm(plain, other, MatrixMut::row_major(&mut c, m, n), false));
        line(&format!("gemm [{m}, {k}] x [{k}, {n}]"), operations, seconds);
        let plain = MatrixRef::row_major(&a, k, m).transposed();
        let seconds = best(|| gemm(plain, other, MatrixMut::row_major(&mut c, m, n), false));
        line(&format!("gemm [{k}, {m}]^T x [{k}, {n}]"), operations, seconds);
    }
}

fn convolutions() {
    // batch, in, out, size, kernel, stride, padding, groups
    let shapes = [
        [64, 1, 16, 28, 5, 1, 0, 1],
        [64, 16, 32, 12, 5, 1, 0, 1],
        [64, 32, 64, 6, 3, 1, 0, 1],
        [64, 1, 32, 28, 3, 1, 1, 1],
        [64, 32, 64, 14, 3, 1, 1, 1],
        [16, 64, 64, 32, 3, 1, 1, 1],
        [16, 64, 128, 32, 3, 2, 1, 1],
        [16, 64, 64, 32, 1, 1, 0, 1],
        [16, 64, 64, 32, 3, 1, 1, 64],
    ];
    for [batch, inputs, outputs, size, kernel, stride, padding, groups] in shapes {
        let g = Conv2dGeometry {
            batch,
            in_channels: inputs,
            in_height: size,
            in_width: size,
            out_channels: outputs,
            kernel: [kernel; 2],
            stride: [stride; 2],
            padding: [padding; 2],
            dilation: [1; 2],
            groups,
        };
        let (input, weight, bias) = (values(g.input_len()), values(g.weight_len()), values(outputs));
        let mut output = vec![0.0_f32; g.output_len()];
        let operations = 2.0 * (g.output_len() * inputs / groups * kernel * kernel) as f64;
        let name = format!("{batch}x{inputs}->{outputs} {size}x{size} k{kernel} s{stride} p{padding} g{groups}");
        let seconds = best(|| conv2d::forward(&g, &input, &weight, Some(&bias), &mut output));
        line(&format!("conv {name} forward"), operations, seconds);
        let mut grad_input = vec![0.0_f32; g.input_len()];
        let seconds = best(|| conv2d::backward_input(&g, &output, &weight, &mut grad_input));
        line(&format!("conv {name} backward input"), operations, seconds);
        let (mut grad_weight, mut grad_bias) = (vec![0.0_f32; g.weight_len()], vec![0.0_f32; outputs]);
        let seconds = best(|| conv2d::backward_weight(&g, &input, &output, &mut grad_weight, Some(&mut grad_bias)));
        line(&format!("conv {name} backward weight"), operations, seconds);
    }
}

/// Passes over memory: the rate is of values, not of operations.
fn passes() {
    let (batch, size, channels) = (64, 24, 16);
    let len = batch * size * size * channels;
    let (x, grad) = (values(len), values(len));
    let mut y = vec![0.0_f32; len];
    let show = |name: &str, seconds: f64| {
        println!("{name:<44} {:>9.1} us {:>8.2} values/ns", seconds * 1e6, len as f64 / seconds * 1e-9);
    };
    show("relu", best(|| pointwise::map(&x, &mut y, |x: f32| if x < 0.0 { 0.0 } else { x })));
    show("add", best(|| pointwise::zip(&x, &grad, &mut y, |a, b| a + b)));
    show("exp", best(|| pointwise::map(&x, &mut y, Element::exp)));
    show("tanh", best(|| pointwise::map(&x, &mut y, Element::tanh)));
    show("ln", best(|| pointwise::map(&x, &mut y, Element::ln)));
    show(
        "sum",
        best(|| {
            std::hint::black_box(pointwise::sum(&x));
        }),
    );
    show(
        "max",
        best(|| {
            std::hint::black_box(pointwise::max(&x));
        }),
    );
    let mut columns = vec![0.0; channels];
    show("sum_rows", best(|| pointwise::sum_rows(&x, &mut columns)));
    let (mut mean, mut variance) = (vec![0.0; channels], vec![0.0; channels]);
    show("batch_norm statistics", best(|| batch_norm::statistics(&x, &mut mean, &mut variance)));
    let n = Normalization { mean: &mean, variance: &variance, weight: None, bias: None, epsilon: 1e-5 };
    show("batch_norm normalize", best(|| batch_norm::normalize(&x, &n, &mut y)));
    let mut more = vec![0.0; channels];
    show("batch_norm backward", best(|| batch_norm::backward(&x, &grad, &n, &mut y, &mut columns, &mut more)));
    let p = Pool2dGeometry {
        batch,
        channels,
        in_height: size,
        in_width: size,
        kernel: [2, 2],
        stride: [2, 2],
        padding: [0, 0],
        dilation: [1, 1],
        ceil_mode: false,
    };
    let mut pooled = vec![0.0; p.output_len()];
    let mut argmax = vec![0; p.output_len()];
    show("max_pool 2x2", best(|| pooling::max_forward(&p, &x, &mut pooled, &mut argmax)));
    show("max_pool 2x2 backward", best(|| pooling::max_backward(&p, &pooled, &argmax, &mut y)));
    show("avg_pool 2x2", best(|| pooling::avg_forward(&p, &x, &mut pooled, true)));
    show("avg_pool 2x2 backward", best(|| pooling::avg_backward(&p, &pooled, &mut y, true)));
    show("softmax, rows of 16", best(|| softmax::softmax_rows(&x, 16, &mut y)));
    show("log_softmax, rows of 16", best(|| softmax::log_softmax_rows(&x, 16, &mut y)));
    show("log_softmax backward", best(|| softmax::log_softmax_backward_rows(&x, &grad, 16, &mut y)));
    let (mut first, mut second) = (vec![0.0; len], vec![0.0; len]);
    let sgd = SgdOptions {
        learning_rate: 1e-9,
        momentum: 0.9,
        dampening: 0.0,
        weight_decay: 0.0,
        nesterov: false,
        first_step: false,
    };
    show("sgd with momentum", best(|| sgd_step(&mut y, &grad, Some(&mut first), &sgd)));
    let adam = AdamOptions {
        learning_rate: 1e-9,
        beta1: 0.9,
        beta2: 0.999,
        epsilon: 1e-8,
        weight_decay: 0.0,
        decoupled: false,
        step: 1,
    };
    show("adam", best(|| adam_step(&mut y, &grad, &mut first, &mut second, &adam)));
}

fn main() {
    println!("{} threads", num_threads());
    products();
    convolutions();
    passes();
}
