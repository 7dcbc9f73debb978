//! Activation checkpoints: the same gradients, bit for bit, from less memory. One test, since the counters are global.

use striate_kernels::memory::stats;
use striate_tensor::random::Generator;
use striate_tensor::{GradOptions, Tensor, checkpoint, grad, grad_with, no_grad, try_checkpoint};

const WIDTH: usize = 64;
const ROWS: usize = 512;

fn parameter(generator: &mut Generator) -> Tensor {
    Tensor::randn(&[WIDTH, WIDTH], generator).mul_scalar(0.1).requires_grad_(true)
}

/// Six operations with dropout; `shared` is used in every block.
fn block(x: &Tensor, own: &Tensor, shared: &Tensor, seed: u64) -> Tensor {
    let hidden = x.matmul(own).tanh().dropout(0.3, &mut Generator::new(seed));
    x.add(&hidden.matmul(shared).sigmoid().mul(x).sin())
}

struct Outcome {
    gradients: Vec<Vec<f32>>,
    /// Kept between the forward and the backward pass.
    held: u64,
}

fn run(checkpoints: bool) -> Outcome {
    let generator = &mut Generator::new(7);
    let own: Vec<Tensor> = (0..6).map(|_| parameter(generator)).collect();
    let shared = parameter(generator);
    let x = Tensor::randn(&[ROWS, WIDTH], generator).requires_grad_(true);
    let before = stats().live_bytes;
    let mut y = x.clone();
    for (i, own) in own.iter().enumerate() {
        let (own, common) = (own.clone(), shared.clone());
        y = if checkpoints {
            checkpoint(&[&y], move |x| block(&x[0], &own, &common, i as u64))
        } else {
            block(&y, &own, &common, i as u64)
        };
    }
    let loss = y.square().mean_all();
    drop(y);
    let held = stats().live_bytes - before;
    loss.backward();
    let gradients = own.iter().chain([&shared, &x]).map(|leaf| leaf.grad().unwrap().to_vec::<f32>()).collect();
    Outcome { gradients, held }
}

fn gradients_and_memory() {
    let (plain, checkpointed) = (run(false), run(true));
    assert_eq!(plain.gradients, checkpointed.gradients);
    // One activation per block instead of eight.
    assert!(checkpointed.held * 4 < plain.held, "{} and {}", checkpointed.held, plain.held);
}

fn no_input_needs_a_gradient() {
    let w = Tensor::scalar(3.0f64).requires_grad_(true);
    let inside = w.clone();
    checkpoint(&[&Tensor::scalar(2.0f64)], move |x| x[0].mul(&inside)).backward();
    assert_eq!(w.grad().unwrap().item::<f64>(), 2.0);
    let error = checkpoint(&[&Tensor::scalar(2.0f64)], |x| x[0].exp()).try_backward().unwrap_err();
    assert_eq!(error.op(), "checkpoint");
    assert!(!no_grad(|| checkpoint(&[&w], |x| x[0].exp())).requires_grad());
}

fn several_inputs_nesting_and_other_walks() {
    let (a, b) = (Tensor::scalar(0.7f64).requires_grad_(true), Tensor::scalar(-0.4f64).requires_grad_(true));
    let inner = |x: &[Tensor]| checkpoint(&[&x[0], &x[1]], |x| x[0].mul(&x[1]).sin());
    let outer = || checkpoint(&[&a, &b, &a], move |x| inner(&x[..2]).mul(&x[2]).exp());
    let plain = a.mul(&b).sin().mul(&a).exp();
    let expected = grad(&[&plain], &[&a, &b]).unwrap();
    let found = grad(&[&outer()], &[&a, &b]).unwrap();
    let values = |found: &[Option<Tensor>]| found.iter().map(|g| g.as_ref().unwrap().item::<f64>()).collect::<Vec<_>>();
    assert_eq!(values(&found), values(&expected));
    let twice = outer();
    twice.backward_retain_graph();
    twice.backward();
    assert_eq!(a.grad().unwrap().item::<f64>(), 2.0 * values(&expected)[0]);
    // Second derivatives pass through as well.
    let create = GradOptions { create_graph: true, ..GradOptions::default() };
    let second = |y: &Tensor| {
        let first = grad_with(&[y], &[&a], create).unwrap()[0].clone().unwrap();
        values(&grad(&[&first], &[&a, &b]).unwrap())
    };
    assert_eq!(second(&outer()), second(&a.mul(&b).sin().mul(&a).exp()));
}

fn mistakes() {
    let x = Tensor::scalar(1.0f64).requires_grad_(true);
    let error = try_checkpoint(&[&x], |x| x[0].try_reshape(&[2])).unwrap_err();
    assert_eq!(error.op(), "reshape");
    let y = checkpoint(&[&x], |x| x[0].exp());
    x.copy_(&Tensor::scalar(2.0f64));
    assert!(y.try_backward().unwrap_err().what().contains("modified in place after checkpoint used it"));
}

#[test]
fn checkpoints() {
    gradients_and_memory();
    no_input_needs_a_gradient();
    several_inputs_nesting_and_other_walks();
    mistakes();
}
