//! W3: a training step of the network of PyTorch's `examples/mnist`, with its Adadelta and dropout.

use std::error::Error;

use striate_data::mnist;
use striate_nn::optim::{Adadelta, Optimizer};
use striate_nn::{Context, Conv2d, Dropout, Flatten, Linear, LogSoftmax, MaxPool2d, Module, ReLU, Sequential, loss};
use striate_tensor::random::Generator;

use crate::Settings;
use crate::batches::{self, Batch};
use crate::measure::{Rate, time};
use crate::precision::Precision;

/// The network of PyTorch's `examples/mnist`.
pub fn network(generator: &mut Generator) -> Sequential {
    Sequential::new()
        .with("conv1", Conv2d::new(1, 32, 3, generator))
        .with("relu1", ReLU)
        .with("conv2", Conv2d::new(32, 64, 3, generator))
        .with("relu2", ReLU)
        .with("pool", MaxPool2d::new(2))
        .with("dropout1", Dropout::new(0.25))
        .with("flatten", Flatten)
        .with("fc1", Linear::new(9216, 128, generator))
        .with("relu3", ReLU)
        .with("dropout2", Dropout::new(0.5))
        .with("fc2", Linear::new(128, 10, generator))
        .with("log_softmax", LogSoftmax::new(1))
}

/// One step of the training loop.
pub fn step(
    model: &dyn Module,
    optimizer: &mut dyn Optimizer,
    batch: &Batch,
    number: u64,
    precision: Precision,
) -> f32 {
    optimizer.zero_grad();
    let loss = precision.run(|| {
        let output = model.forward(&batch.images, &Context::train(0, number));
        loss::nll_loss(&output, &batch.labels)
    });
    loss.backward();
    optimizer.step();
    loss.item::<f32>()
}

/// Trains on batches that lie in memory.
pub fn run(settings: &Settings) -> Result<(), Box<dyn Error>> {
    let batches = batches::of_digits(&mnist::train()?, 200, settings.batch);
    let name = format!("w3_mnist_train_b{}", settings.batch);
    // Multiplications and additions of one image; the first layer needs no input gradient.
    let (conv1, conv2, fc1) = (2 * 26 * 26 * 32 * 9, 2 * 24 * 24 * 64 * 32 * 9, 2 * 9216 * 128);
    let flops = settings.batch as f64 * f64::from(2 * conv1 + 3 * (conv2 + fc1));
    let rates = [Rate::images(settings.batch), Rate::flops(flops)];
    for precision in settings.precisions() {
        let model = network(&mut Generator::new(1));
        let mut optimizer = Adadelta::new(model.named_parameters(), 1.0);
        let (mut number, mut last) = (0, 0.0);
        time(&name, precision.peer(), settings, 0.6, &rates, || {
            let batch = &batches[number % batches.len()];
            last = step(&model, &mut optimizer, batch, number as u64, precision);
            number += 1;
        });
        eprintln!("# {name} {}: loss {last:.4} after {number} steps", precision.peer());
    }
    Ok(())
}
