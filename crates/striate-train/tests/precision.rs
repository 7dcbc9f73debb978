//! Training in bf16 learns as well as in f32.

use striate_models::digits::Architecture;
use striate_train::{Outcome, Precision, RunStore, StopFlag, TrainConfig, train};

fn accuracy(precision: Precision) -> f64 {
    let dir = tempfile::tempdir().unwrap();
    let config = TrainConfig { precision, epochs: 2, train_limit: Some(2000), ..TrainConfig::new(Architecture::Cnn) };
    match train(&config, &RunStore::new(dir.path()), &StopFlag::new(), &mut |_| {}).unwrap() {
        Outcome::Finished(summary) => summary.test_accuracy,
        Outcome::Interrupted(_) => panic!("nobody interrupts"),
    }
}

#[test]
fn bf16_reaches_the_accuracy_of_f32() {
    let (full, mixed) = (accuracy(Precision::F32), accuracy(Precision::Bf16));
    assert!(full > 0.9 && (mixed - full).abs() < 0.03, "f32 reaches {full}, bf16 {mixed}");
}
