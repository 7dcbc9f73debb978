//! W7: elementwise functions, softmax, sums, layer norm: forward, without a graph.

use std::error::Error;

use striate_tensor::random::Generator;
use striate_tensor::{DType, Tensor, no_grad};

use crate::Settings;
use crate::measure::time;

/// Each on tensors that lie in memory, with a new tensor as the result.
pub fn run(settings: &Settings) -> Result<(), Box<dyn Error>> {
    let mut generator = Generator::new(7);
    let mut draw = |rows, columns| Tensor::randn(&[rows, columns], &mut generator);
    let (x, y, small, square) = (draw(4096, 1024), draw(4096, 1024), draw(64, 1000), draw(4096, 4096));
    let (weight, bias) = (Tensor::ones(&[1024], DType::F32), Tensor::zeros(&[1024], DType::F32));
    let operations: [(&str, &dyn Fn() -> Tensor); 10] = [
        ("add_4096x1024", &|| x.add(&y)),
        ("relu_4096x1024", &|| x.relu()),
        ("gelu_4096x1024", &|| x.gelu()),
        ("exp_4096x1024", &|| x.exp()),
        ("tanh_4096x1024", &|| x.tanh()),
        ("softmax_64x1000", &|| small.softmax(-1)),
        ("softmax_4096x1024", &|| x.softmax(-1)),
        ("sum0_4096x4096", &|| square.sum(&[0], false)),
        ("sum1_4096x4096", &|| square.sum(&[1], false)),
        ("layernorm_4096x1024", &|| x.layer_norm(&[1024], Some((&weight, &bias)), 1e-5)),
    ];
    no_grad(|| {
        for (name, operation) in operations {
            time(&format!("w7_{name}"), "striate", settings, 0.08, None, || drop(operation()));
        }
    });
    Ok(())
}
