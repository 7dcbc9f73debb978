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

/// Multiplications and additions of the forward pass of one image of this size: 1.11 billion at 32x32.
fn forward_flops(image: usize) -> f64 {
    let full = (image * image) as f64;
    // Output pixels relative to the image, times channels in, channels out and taps, of every convolution.
    let stage = |pixels: f64, width: f64| {
        let halved = if width > 64.0 { width / 2.0 } else { width };
        let projection = if width > 64.0 { halved * width } else { 0.0 };
        pixels * (9.0 * (halved * width + 3.0 * width * width) + projection)
    };
    let stages = stage(1.0, 64.0) + stage(0.25, 128.0) + stage(0.0625, 256.0) + stage(1.0 / 64.0, 512.0);
    2.0 * full * (9.0 * 3.0 * 64.0 + stages)
}

fn network(generator: &mut Generator) -> ResNet {
    ResNetConfig::resnet18().stem(Stem::Cifar).classes(10).build(generator)
}

/// SGD with momentum 0.9 and weight decay 5e-4, as is usual for CIFAR.
pub fn run(settings: &Settings) -> Result<(), Box<dyn Error>> {
    let Settings { batch, image, .. } = *settings;
    let size = if image == 32 { String::new() } else { format!("_{image}px") };
    let flops = forward_flops(image);
    let rates = |batch: usize, flops: f64| [Rate::images(batch), Rate::flops(flops * batch as f64)];
    for precision in settings.precisions() {
        let peer = precision.peer();
        let mut generator = Generator::new(4);
        let batches = batches::random(2, &[batch, 3, image, image], &mut generator);
        let model = network(&mut generator);
        let mut optimizer = Sgd::new(model.named_parameters(), 0.01).momentum(0.9).weight_decay(5e-4);
        let mut number = 0;
        let name = format!("w4_resnet18_train_b{batch}{size}");
        time(&name, peer, settings, 0.01, &rates(batch, 3.0 * flops), || {
            let current = &batches[number % batches.len()];
            optimizer.zero_grad();
            let loss = precision.run(|| {
                let logits = model.forward(&current.images, &Context::train(0, number as u64));
                loss::cross_entropy(&logits, &current.labels)
            });
            loss.backward();
            optimizer.step();
            number += 1;
        });
        if settings.train_only {
            continue;
        }
        let infer = |x: &Tensor| no_grad(|| precision.run(|| drop(model.forward(x, &Context::eval()))));
        let x = &batches[0].images;
        let name = format!("w4_resnet18_infer_b{batch}{size}");
        time(&name, peer, settings, 0.01, &rates(batch, flops), || infer(x));
        let x = Tensor::randn(&[1, 3, image, image], &mut generator);
        time(&format!("w4_resnet18_infer_b1{size}"), peer, settings, 0.3, &rates(1, flops), || infer(&x));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::forward_flops;

    #[test]
    fn counts_the_multiplications_of_resnet18() {
        // 0.5554 billion multiply-adds in the convolutions, the number usually given for CIFAR's ResNet-18.
        assert!((forward_flops(32) / 2.0 - 0.5554e9).abs() < 0.002e9, "{}", forward_flops(32) / 2.0);
        assert_eq!(forward_flops(64), 4.0 * forward_flops(32));
    }
}
