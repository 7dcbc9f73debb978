//! The cold start: one trained batch of the MNIST network, then the process ends. Who starts it, times it.

use std::error::Error;

use striate_data::mnist;
use striate_nn::Module;
use striate_nn::optim::Adadelta;
use striate_tensor::random::Generator;

use super::w3_mnist::{network, step};
use crate::precision::Precision;
use crate::{Settings, batches};

/// Reads the digits, makes the network, trains one batch.
pub fn run(settings: &Settings) -> Result<(), Box<dyn Error>> {
    // The smaller part does for one batch, as in PyTorch's program.
    let batches = batches::of_digits(&mnist::test()?, 1, settings.batch);
    let model = network(&mut Generator::new(1));
    let mut optimizer = Adadelta::new(model.named_parameters(), 1.0);
    let loss = step(&model, &mut optimizer, &batches[0], 0, Precision::F32);
    if loss.is_finite() { Ok(()) } else { Err(format!("the loss of the first batch is {loss}").into()) }
}
