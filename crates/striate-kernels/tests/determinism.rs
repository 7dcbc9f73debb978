//! The same bits for any number of threads, and no allocation in a steady step.
//!
//! One test function: it counts allocations of the whole process and sets the number of threads.

mod common;

use common::{Values, to_f32};
use striate_kernels::batch_norm::{self, Normalization};
use striate_kernels::conv2d::{self, Conv2dGeometry};
use striate_kernels::gemm::{MatrixMut, MatrixRef, gemm};
use striate_kernels::memory::{self, Buffer};
use striate_kernels::optimizer::{AdamOptions, adam_step};
use striate_kernels::pooling::{self, Pool2dGeometry};
use striate_kernels::{pointwise, softmax, threads};

const BATCH: usize = 24;
const CLASSES: usize = 10;

fn convolution() -> Conv2dGeometry {
    Conv2dGeometry {
        batch: BATCH,
        in_channels: 9,
        in_height: 30,
        in_width: 29,
        out_channels: 24,
        kernel: [3, 5],
        stride: [1, 1],
        padding: [1, 2],
        dilation: [1, 1],
        groups: 1,
    }
}

fn pooling_geometry() -> Pool2dGeometry {
    Pool2dGeometry {
        batch: BATCH,
        channels: 24,
        in_height: 30,
        in_width: 29,
        kernel: [2, 2],
        stride: [2, 2],
        padding: [0, 0],
        dilation: [1, 1],
        ceil_mode: false,
    }
}

struct Floats(Buffer);

impl Floats {
    fn new(len: usize) -> Self {
        Self(Buffer::uninit(len * 4))
    }
}

impl std::ops::Deref for Floats {
    type Target = [f32];
    fn deref(&self) -> &[f32] {
        self.0.as_slice()
    }
}

impl std::ops::DerefMut for Floats {
    fn deref_mut(&mut self) -> &mut [f32] {
        self.0.as_mut_slice()
    }
}

/// Data of a small network: input, kernels, a linear layer, running means of Adam.
struct State {
    input: Vec<f32>,
    kernel: Vec<f32>,
    linear: Vec<f32>,
    moments: [Vec<f32>; 2],
}

/// Runs every kernel once, forward and backward, and returns all that came out as one list of bits.
fn step(state: &mut State, record: bool) -> Vec<u32> {
    let mut bits = Vec::new();
    let mut keep = |values: &[f32]| {
        if record {
            bits.extend(values.iter().map(|x| x.to_bits()));
        }
    };
    let (g, p) = (convolution(), pooling_geometry());
    let mut y = Floats::new(g.output_len());
    conv2d::forward(&g, &state.input, &state.kernel, None, &mut y);
    let (mut mean, mut variance) = (Floats::new(24), Floats::new(24));
    batch_norm::statistics(&y, &mut mean, &mut variance);
    let n = Normalization { mean: &mean, variance: &variance, weight: None, bias: None, epsilon: 1e-5 };
    let mut z = Floats::new(y.len());
    batch_norm::normalize(&y, &n, &mut z);
    pointwise::map_in_place(&mut z, |x| x.max(0.0));
    let mut pooled = Floats::new(p.output_len());
    let mut argmax = Buffer::uninit(p.output_len() * 4);
    pooling::max_forward(&p, &z, &mut pooled, argmax.as_mut_slice());
    let features = pooled.len() / BATCH;
    let x = MatrixRef::row_major(&pooled, BATCH, features);
    let w = MatrixRef::row_major(&state.linear, CLASSES, features);
    let mut logits = Floats::new(BATCH * CLASSES);
    gemm(x, w.transposed(), MatrixMut::row_major(&mut logits, BATCH, CLASSES), false);
    let mut log_y = Floats::new(logits.len());
    softmax::log_softmax_rows(&logits, CLASSES, &mut log_y);
    [&y, &mean, &variance, &z, &pooled, &logits, &log_y].into_iter().for_each(|x| keep(x));

    let mut grad_logits = Floats::new(logits.len());
    softmax::log_softmax_backward_rows(&log_y, &logits, CLASSES, &mut grad_logits);
    let grad = MatrixRef::row_major(&grad_logits, BATCH, CLASSES);
    let mut grad_linear = Floats::new(state.linear.len());
    gemm(grad.transposed(), x, MatrixMut::row_major(&mut grad_linear, CLASSES, features), false);
    let mut grad_pooled = Floats::new(pooled.len());
    gemm(grad, w, MatrixMut::row_major(&mut grad_pooled, BATCH, features), false);
    let mut grad_z = Floats::new(z.len());
    pooling::max_backward(&p, &grad_pooled, argmax.as_slice(), &mut grad_z);
    let mut grad_y = Floats::new(y.len());
    let (mut grad_gamma, mut grad_beta) = (Floats::new(24), Floats::new(24));
    batch_norm::backward(&y, &grad_z, &n, &mut grad_y, &mut grad_gamma, &mut grad_beta);
    let mut grad_input = Floats::new(state.input.len());
    conv2d::backward_input(&g, &grad_y, &state.kernel, &mut grad_input);
    let (mut grad_kernel, mut grad_bias) = (Floats::new(state.kernel.len()), Floats::new(24));
    conv2d::backward_weight(&g, &state.input, &grad_y, &mut grad_kernel, Some(&mut grad_bias));
    let total = [pointwise::sum(&grad_input), pointwise::dot(&grad_y, &y)];
    let outputs: [&[f32]; 9] = [
        &grad_logits,
        &grad_linear,
        &grad_pooled,
        &grad_z,
        &grad_y,
        &grad_gamma,
        &grad_input,
        &grad_kernel,
        &grad_bias,
    ];
    outputs.into_iter().chain([&total[..]]).for_each(keep);
    let options = AdamOptions {
        learning_rate: 1e-3,
        beta1: 0.9,
        beta2: 0.999,
        epsilon: 1e-8,
        weight_decay: 0.0,
        decoupled: false,
        step: 1,
    };
    let [first, second] = &mut state.moments;
    adam_step(&mut state.linear, &grad_linear, first, second, &options);
    bits
}

fn state() -> State {
    let g = convolution();
    let mut values = Values(11);
    let features = pooling_geometry().output_len() / BATCH;
    let linear = to_f32(&values.f64(CLASSES * features));
    State {
        input: to_f32(&values.f64(g.input_len())),
        kernel: to_f32(&values.f64(g.weight_len())),
        moments: [vec![0.0; linear.len()], vec![0.0; linear.len()]],
        linear,
    }
}

#[test]
fn threads_do_not_change_a_bit_and_a_steady_step_allocates_nothing() {
    threads::set_num_threads(1);
    let expected = step(&mut state(), true);
    for threads in [2, 3, 7] {
        threads::set_num_threads(threads);
        for _ in 0..3 {
            assert!(step(&mut state(), true) == expected, "{threads} threads give other bits than 1");
        }
    }
    for threads in [1, 2, 7] {
        threads::set_num_threads(threads);
        let mut state = state();
        step(&mut state, false);
        let before = memory::stats();
        (0..10).for_each(|_| drop(step(&mut state, false)));
        assert_eq!(memory::stats().system_allocations, before.system_allocations, "{threads} threads");
        assert_eq!(memory::stats().live_bytes, before.live_bytes);
    }
    memory::trim();
    let stats = memory::stats();
    assert_eq!((stats.system_bytes, stats.live_bytes), (0, 0));
}
