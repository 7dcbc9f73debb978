//! W4: ResNet-18 for small images: training step, inference of a batch and of one image.

use std::error::Error;

use striate_models::resnet::{ResNet, ResNetConfig, Stem};
use striate_nn::optim::{Optimizer, Sgd};
use striate_nn::{Context, Module, loss};
use striate_tensor::random::Generator;
use striate_tensor::{Tensor, no_grad};

use crate::Settings;
use crate::batches;
use crate::measure::{Rate, time};

fn network(generator: &mut Generator) -> ResNet {
    ResNetConfig::resnet18().stem(Stem::Cifar).classes(10).build(generator)
}

/// SGD with momentum 0.9 and weight decay 5e-4, as is usual for CIFAR.
pub fn run(settings: &Settings) -> Result<(), Box<dyn Error>> {
    let Settings { batch, image, .. } = *settings;
    let size = if image == 32 { String::new() } else { format!("_{image}px") };
    let mut generator = Generator::new(4);
    let batches = batches::random(2, &[batch, 3, image, image], &mut generator);
    let model = network(&mut generator);
    let mut optimizer = Sgd::new(model.named_parameters(), 0.01).momentum(0.9).weight_decay(5e-4);
    let mut number = 0;
    time(&format!("w4_resnet18_train_b{batch}{size}"), "striate", settings, 0.01, Rate::images(batch), || {
        let current = &batches[number % batches.len()];
        optimizer.zero_grad();
        let logits = model.forward(&current.images, &Context::train(0, number as u64));
        loss::cross_entropy(&logits, &current.labels).backward();
        optimizer.step();
        number += 1;
    });
    if settings.train_only {
        return Ok(());
    }
    let infer = |x: &Tensor| no_grad(|| drop(model.forward(x, &Context::eval())));
    let x = &batches[0].images;
    time(&format!("w4_resnet18_infer_b{batch}{size}"), "striate", settings, 0.01, Rate::images(batch), || infer(x));
    let x = Tensor::randn(&[1, 3, image, image], &mut generator);
    time(&format!("w4_resnet18_infer_b1{size}"), "striate", settings, 0.3, Rate::images(1), || infer(&x));
    Ok(())
}
