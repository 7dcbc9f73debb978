//! The default classifier on real digits. The `mnist` example trains on all of them; here a part, to stay quick.

use std::sync::Arc;

use striate_data::{Augmentation, Loader, LoaderOptions, Normalization, Subset, mnist};
use striate_models::digits::{Architecture, build};
use striate_nn::optim::{Adam, Optimizer};
use striate_nn::schedule::OneCycle;
use striate_nn::{Context, Module, loss};
use striate_tensor::no_grad;

fn options(batch_size: usize, shuffle: Option<u64>) -> LoaderOptions {
    LoaderOptions { batch_size, shuffle, augmentation: Augmentation::default() }
}

#[test]
fn the_default_classifier_reads_digits_after_200_steps() {
    let train = Subset::new(Arc::new(mnist::train().unwrap()), (0..12_000).collect());
    let test = Subset::new(Arc::new(mnist::test().unwrap()), (0..2_000).collect());
    let normalization = Normalization::of(&train);
    let loader = Loader::new(train, normalization.clone(), options(60, Some(0)));
    let model = build(Architecture::default(), [1, 28, 28], 10, 0);
    let mut optimizer = Adam::new(model.named_parameters(), 0.02);
    let schedule = OneCycle::new(0.02, 200);
    for (step, batch) in loader.epoch(0, 0).enumerate() {
        let loss = loss::cross_entropy(&model.forward(&batch.images, &Context::train(0, step as u64)), &batch.labels);
        optimizer.zero_grad();
        loss.backward();
        optimizer.set_lr(schedule.lr(step as u64));
        optimizer.step();
    }
    let mut right = 0;
    for batch in Loader::new(test, normalization, options(500, None)).epoch(0, 0) {
        let logits = no_grad(|| model.forward(&batch.images, &Context::eval()));
        let classes = logits.argmax(&[1], false).to_vec::<i64>();
        right += classes.iter().zip(batch.labels.to_vec::<i64>()).filter(|&(&class, label)| class == label).count();
    }
    // About 97 % after a fifth of an epoch; a whole one gives 99 % of all test digits.
    assert!(right >= 1_920, "{right} of 2000 digits right");
}
