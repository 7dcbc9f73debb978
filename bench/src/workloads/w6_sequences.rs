//! W6: training steps of an LSTM and of a transformer block.

use std::error::Error;

use striate_nn::optim::{Optimizer, Sgd};
use striate_nn::{Context, LSTM, Module, RecurrentConfig, TransformerConfig, TransformerEncoderLayer, loss};
use striate_tensor::random::Generator;
use striate_tensor::{DType, Tensor};

use crate::Settings;
use crate::measure::{Rate, time};

/// LSTM with 256 units on 32 sequences of 64 vectors of 128; encoder layer of width 256 with 8 heads and 1024 hidden units
/// on 16 sequences of 128. Mean squared error, SGD, no dropout.
pub fn run(settings: &Settings) -> Result<(), Box<dyn Error>> {
    let mut generator = Generator::new(6);
    let lstm: LSTM = RecurrentConfig::new(128, 256).batch_first(true).build(&mut generator);
    let products = 2.0 * 4.0 * 256.0 * (2.0 * 128.0 + 3.0 * 256.0);
    train("w6_lstm_train", &lstm, ([32, 64], [128, 256]), products, settings, &mut generator);
    let config = TransformerConfig::new(256, 8).feedforward(1024).dropout(0.0).batch_first(true);
    let block = TransformerEncoderLayer::new(config, &mut generator);
    // Four projections, scores and their use, and the feed-forward part; of each, the gradients of both factors.
    let products = 3.0 * 2.0 * (4.0 * 256.0 * 256.0 + 2.0 * 128.0 * 256.0 + 2.0 * 256.0 * 1024.0);
    train("w6_transformer_train", &block, ([16, 128], [256, 256]), products, settings, &mut generator);
    Ok(())
}

fn train(
    name: &str,
    model: &dyn Module,
    ([batch, length], features): ([usize; 2], [usize; 2]),
    flops_per_vector: f64,
    settings: &Settings,
    generator: &mut Generator,
) {
    let mut draw = |features| Tensor::randn(&[batch, length, features], generator);
    let batches = [(); 4].map(|()| features.map(&mut draw));
    let rates = [Rate::sequences(batch), Rate::flops(flops_per_vector * (batch * length) as f64)];
    for precision in settings.precisions() {
        let mut optimizer = Sgd::new(model.named_parameters(), 0.01);
        let mut number = 0;
        time(name, precision.peer(), settings, 0.3, &rates, || {
            let [x, y] = &batches[number % batches.len()];
            optimizer.zero_grad();
            let output = precision.run(|| model.forward(x, &Context::train(0, number as u64)));
            loss::mse_loss(&output.to_dtype(DType::F32), y).backward();
            optimizer.step();
            number += 1;
        });
    }
}
