//! W5: a training step of a multilayer perceptron.

use std::error::Error;

use striate_nn::optim::{Optimizer, Sgd};
use striate_nn::{Context, Linear, Module, ReLU, Sequential, loss};
use striate_tensor::random::Generator;

use crate::Settings;
use crate::batches;
use crate::measure::{Rate, time};

/// 784-512-256-10, batch 128, SGD.
pub fn run(settings: &Settings) -> Result<(), Box<dyn Error>> {
    let mut generator = Generator::new(5);
    let batches = batches::random(50, &[128, 784], &mut generator);
    // The first layer needs no input gradient.
    let flops = 2.0 * 128.0 * f64::from(2 * 784 * 512 + 3 * (512 * 256 + 256 * 10));
    for precision in settings.precisions() {
        let model = Sequential::new()
            .with("fc1", Linear::new(784, 512, &mut generator))
            .with("relu1", ReLU)
            .with("fc2", Linear::new(512, 256, &mut generator))
            .with("relu2", ReLU)
            .with("fc3", Linear::new(256, 10, &mut generator));
        let mut optimizer = Sgd::new(model.named_parameters(), 0.01);
        let mut number = 0;
        let rates = [Rate::images(128), Rate::flops(flops)];
        time("w5_mlp_train_b128", precision.peer(), settings, 0.3, &rates, || {
            let batch = &batches[number % batches.len()];
            optimizer.zero_grad();
            let loss = precision.run(|| {
                let logits = model.forward(&batch.images, &Context::train(0, number as u64));
                loss::cross_entropy(&logits, &batch.labels)
            });
            loss.backward();
            optimizer.step();
            number += 1;
        });
    }
    Ok(())
}
