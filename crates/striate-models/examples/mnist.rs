//! Trains a digit classifier on MNIST and tests it, without the training crate: the loop in full.
//!
//! ```text
//! cargo run --release -p striate-models --example mnist -- cnn4 2
//! ```

use std::error::Error;
use std::sync::Arc;
use std::time::Instant;

use striate_data::{Augmentation, Loader, LoaderOptions, Normalization, Subset, mnist};
use striate_models::digits::{Architecture, build};
use striate_nn::optim::{Adam, Optimizer};
use striate_nn::schedule::OneCycle;
use striate_nn::{Context, Module, loss};
use striate_tensor::no_grad;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let architecture: Architecture = arguments.next().unwrap_or_else(|| "cnn4".into()).parse()?;
    let epochs: u64 = arguments.next().unwrap_or_else(|| "1".into()).parse()?;
    let max_lr = if matches!(architecture, Architecture::Cnn | Architecture::Cnn4) { 0.02 } else { 0.003 };

    let train = Subset::all(Arc::new(mnist::train()?));
    let test = Subset::all(Arc::new(mnist::test()?));
    let normalization = Normalization::of(&train);
    let options = |batch_size, shuffle| LoaderOptions { batch_size, shuffle, augmentation: Augmentation::default() };
    let loader = Loader::new(train, normalization.clone(), options(100, Some(0)));
    let test_len = test.len();
    let test = Loader::new(test, normalization, options(500, None));

    let model = build(architecture, [1, 28, 28], 10, 0);
    println!("{}\n{} parameters", model.describe(), model.num_parameters());
    let mut optimizer = Adam::new(model.named_parameters(), max_lr);
    let schedule = OneCycle::new(max_lr, epochs * loader.batches_per_epoch() as u64);
    let mut step = 0;
    for epoch in 0..epochs {
        let start = Instant::now();
        let mut total = 0.0;
        for batch in loader.epoch(epoch, 0) {
            let loss = loss::cross_entropy(&model.forward(&batch.images, &Context::train(0, step)), &batch.labels);
            optimizer.zero_grad();
            loss.backward();
            optimizer.set_lr(schedule.lr(step));
            optimizer.step();
            total += f64::from(loss.item::<f32>());
            step += 1;
        }
        let mean = total / loader.batches_per_epoch() as f64;
        let seconds = start.elapsed().as_secs_f64();

        let mut right = 0;
        for batch in test.epoch(0, 0) {
            let logits = no_grad(|| model.forward(&batch.images, &Context::eval()));
            let classes = logits.argmax(&[1], false).to_vec::<i64>();
            right += classes.iter().zip(batch.labels.to_vec::<i64>()).filter(|&(&class, label)| class == label).count();
        }
        let accuracy = 100.0 * right as f64 / test_len as f64;
        println!("epoch {}: loss {mean:.4}, test accuracy {accuracy:.2} %, {seconds:.1} s", epoch + 1);
    }
    Ok(())
}
