//! W7: elementwise functions, softmax, sums, layer norm: forward, without a graph.

use std::error::Error;

use striate_tensor::random::Generator;
use striate_tensor::{DType, Tensor, no_grad};

use crate::Settings;
use crate::measure::{Rate, time};

/// Each on tensors that lie in memory, with a new tensor as the result.
pub fn run(settings: &Settings) -> Result<(), Box<dyn Error>> {
    let mut generator = Generator::new(7);
    let mut draw = |rows, columns| Tensor::randn(&[rows, columns], &mut generator);
    let (x, y, small, square) = (draw(4096, 1024), draw(4096, 1024), draw(64, 1000), draw(4096, 4096));
    let (weight, bias) = (Tensor::ones(&[1024], DType::F32), Tensor::zeros(&[1024], DType::F32));
    // Name, tensors of four million numbers that are read or written at least once, operation.
    let operations: [(&str, usize, &dyn Fn() -> Tensor); 10] = [
        ("add_4096x1024", 3, &|| x.add(&y)),
        ("relu_4096x1024", 2, &|| x.relu()),
        ("gelu_4096x1024", 2, &|| x.gelu()),
        ("exp_4096x1024", 2, &|| x.exp()),
        ("tanh_4096x1024", 2, &|| x.tanh()),
        ("softmax_64x1000", 0, &|| small.softmax(-1)),
        ("softmax_4096x1024", 2, &|| x.softmax(-1)),
        ("sum0_4096x4096", 4, &|| square.sum(&[0], false)),
        ("sum1_4096x4096", 4, &|| square.sum(&[1], false)),
        ("layernorm_4096x1024", 2, &|| x.layer_norm(&[1024], Some((&weight, &bias)), 1e-5)),
    ];
    no_grad(|| {
        for (name, tensors, operation) in operations {
            let rate = [Rate::bytes(tensors * 4096 * 1024 * 4)];
            // What fits the caches says nothing about memory.
            let rates = if tensors > 0 { &rate[..] } else { &[] };
            time(&format!("w7_{name}"), "striate", settings, 0.08, rates, || drop(operation()));
        }
    });
    Ok(())
}
