//! A training that is interrupted again and again ends as one that is not.

use std::fs;
use std::path::Path;

use striate_data::Augmentation;
use striate_models::digits::Architecture;
use striate_train::{
    Evaluation, Event, OptimizerKind, Outcome, Predictor, Run, RunStore, ScheduleKind, Status, StopFlag, Summary,
    TrainConfig, TrainError, resume, train,
};

fn config(model: Architecture, optimizer: OptimizerKind) -> TrainConfig {
    TrainConfig {
        optimizer,
        epochs: 2,
        batch_size: 32,
        train_limit: Some(600),
        learning_rate: 0.002,
        augmentation: Augmentation::AFFINE,
        ..TrainConfig::new(model)
    }
}

fn finished(outcome: Outcome) -> Summary {
    match outcome {
        Outcome::Finished(summary) => summary,
        Outcome::Interrupted(run) => panic!("{} was interrupted", run.id()),
    }
}

fn weights(run: &Path) -> Vec<u8> {
    fs::read(run.join("model.safetensors")).unwrap()
}

/// The epochs of a run, without their times.
fn epochs(run: &Run) -> Vec<(usize, f64, f64, f64)> {
    let numbers = |event| match event {
        Event::Epoch { epoch, train_loss, validation_loss, validation_accuracy, .. } => {
            Some((epoch, train_loss, validation_loss, validation_accuracy))
        }
        _ => None,
    };
    run.events().unwrap().into_iter().filter_map(numbers).collect()
}

#[test]
fn interrupted_often_it_ends_bit_for_bit_the_same() {
    let averaged = TrainConfig {
        ema: Some(0.99),
        weight_decay: 0.1,
        decay_weights_only: true,
        groups: vec!["*.bias:lr_factor=2".parse().unwrap()],
        ..config(Architecture::Cnn, OptimizerKind::AdamW)
    };
    // No loss falls by half in an epoch here: the rate drops after each.
    let plateau = TrainConfig {
        schedule: ScheduleKind::Plateau,
        schedule_options: "patience=0,threshold=0.5,factor=0.3".parse().unwrap(),
        warm_up: 0.5,
        ..config(Architecture::LeNet, OptimizerKind::Sgd)
    };
    for config in [averaged, plateau] {
        let model = config.model;
        let dir = tempfile::tempdir().unwrap();
        let store = RunStore::new(dir.path());
        let straight = finished(train(&config, &store, &StopFlag::new(), &mut |_| {}).unwrap());

        // Stopped at the first step report of each session: after about a tenth of a second, wherever that is.
        let session = |run: Option<&Run>| {
            let stop = StopFlag::new();
            let flag = stop.clone();
            let mut listener = |event: &Event| {
                if let Event::Step { .. } = event {
                    flag.stop()
                }
            };
            match run {
                None => train(&config, &store, &stop, &mut listener).unwrap(),
                Some(run) => resume(run, &stop, &mut listener).unwrap(),
            }
        };
        let mut sessions = 1;
        let mut outcome = session(None);
        let broken = loop {
            match outcome {
                Outcome::Finished(summary) => break summary,
                Outcome::Interrupted(run) => {
                    assert_eq!(run.status(), Status::Interrupted);
                    sessions += 1;
                    outcome = session(Some(&run));
                }
            }
        };
        assert_eq!(weights(&broken.folder), weights(&straight.folder), "{model}, {sessions} sessions");
        assert_eq!(broken.test_accuracy, straight.test_accuracy);
        assert_eq!(broken.test_loss, straight.test_loss);
        let (broken, straight) = (store.open(&broken.run).unwrap(), store.open(&straight.run).unwrap());
        assert_eq!(epochs(&broken), epochs(&straight));
    }
}

/// What is measured and kept is the mean of the weights; the newest are neither.
#[test]
fn averaged_weights_are_measured_and_kept() {
    let summary_with = |ema| {
        let dir = tempfile::tempdir().unwrap();
        let store = RunStore::new(dir.path());
        let config = TrainConfig { ema, ..config(Architecture::Cnn, OptimizerKind::Adam) };
        let summary = finished(train(&config, &store, &StopFlag::new(), &mut |_| {}).unwrap());
        let run = store.open(&summary.run).unwrap();
        let evaluation = Evaluation::of(&run).unwrap();
        assert_eq!((evaluation.accuracy, evaluation.loss), (summary.test_accuracy, summary.test_loss));
        (weights(&summary.folder), epochs(&run))
    };
    let (newest, averaged) = (summary_with(None), summary_with(Some(0.95)));
    assert_eq!(summary_with(Some(0.0)).0, newest.0, "a mean that forgets at once");
    assert_ne!(averaged.0, newest.0);
    let first = |epochs: &[(usize, f64, f64, f64)]| epochs[0];
    assert_eq!(first(&averaged.1).1, first(&newest.1).1, "the mean does not change what is learned");
    assert_ne!(first(&averaged.1).2, first(&newest.1).2);
}

#[test]
fn a_plateau_lowers_the_rate_until_it_is_resumed_and_after() {
    let dir = tempfile::tempdir().unwrap();
    let store = RunStore::new(dir.path());
    let config = TrainConfig {
        schedule: ScheduleKind::Plateau,
        schedule_options: "patience=0,threshold=0.9,factor=0.5".parse().unwrap(),
        epochs: 4,
        checkpoint_seconds: 0.0,
        ..config(Architecture::Cnn, OptimizerKind::Sgd)
    };
    let mut rates = [0.0; 5];
    let mut keep = |event: &Event| {
        if let Event::Epoch { epoch, learning_rate, .. } = event {
            rates[*epoch] = *learning_rate;
        }
    };
    let stop = StopFlag::new();
    let third = |event: &Event| matches!(event, Event::Epoch { epoch: 2, .. });
    let mut listener = |event: &Event| {
        keep(event);
        if third(event) {
            stop.stop();
        }
    };
    let Outcome::Interrupted(run) = train(&config, &store, &stop, &mut listener).unwrap() else {
        panic!("it was to be interrupted")
    };
    finished(resume(&run, &StopFlag::new(), &mut keep).unwrap());
    for epoch in 1..5 {
        // The first epoch is the first measurement: the drops begin after the second.
        let expected = 0.002 * 0.5_f64.powi(epoch as i32 - 2).min(1.0);
        assert!((rates[epoch] - expected).abs() < 1e-12, "{rates:?}");
    }
}

/// With a rate of almost 0 nothing improves after the first epoch.
#[test]
fn a_training_without_progress_is_given_up() {
    let dir = tempfile::tempdir().unwrap();
    let store = RunStore::new(dir.path());
    let config = TrainConfig {
        early_stop: Some(2),
        epochs: 9,
        learning_rate: 1e-12,
        schedule: ScheduleKind::Constant,
        checkpoint_seconds: 0.0,
        ..config(Architecture::Mlp, OptimizerKind::Sgd)
    };
    let summary = finished(train(&config, &store, &StopFlag::new(), &mut |_| {}).unwrap());
    assert_eq!(
        (summary.best_epoch + 2, epochs(&store.open(&summary.run).unwrap()).len()),
        (summary.epochs, summary.epochs)
    );
    assert!(summary.epochs < 9, "{summary:?}");
}

#[test]
fn a_finished_run_answers() {
    let dir = tempfile::tempdir().unwrap();
    let store = RunStore::new(dir.path());
    let mut config = config(Architecture::Mlp, OptimizerKind::Adam);
    config.augmentation = Augmentation::NONE;
    let summary = finished(train(&config, &store, &StopFlag::new(), &mut |_| {}).unwrap());
    let run = store.open(&summary.run).unwrap();
    assert_eq!(run.status(), Status::Finished);
    assert_eq!(run.summary().unwrap().as_ref(), Some(&summary));
    assert!(!run.path("checkpoint.safetensors").exists());
    assert!(matches!(resume(&run, &StopFlag::new(), &mut |_| {}), Err(TrainError::AlreadyFinished { .. })));

    let evaluation = Evaluation::of(&run).unwrap();
    assert_eq!(
        (evaluation.images, evaluation.accuracy, evaluation.loss),
        (10_000, summary.test_accuracy, summary.test_loss)
    );
    assert!(evaluation.accuracy > 0.75, "{}", evaluation.accuracy);
    assert_eq!(evaluation.confusion.iter().flatten().sum::<u64>(), 10_000);
    let sheet = image::open(evaluation.sheet.unwrap()).unwrap();
    assert_eq!((sheet.width(), sheet.height()), (8 * 92 + 8, 5 * 114 + 8));

    let predictor = Predictor::load(&run).unwrap();
    let prediction = predictor.predict_prepared(&vec![0; 784]);
    assert!((prediction.probabilities.iter().sum::<f64>() - 1.0).abs() < 1e-9);
}

#[test]
fn the_number_of_threads_decides_nothing() {
    let weights_with = |threads| {
        let dir = tempfile::tempdir().unwrap();
        let mut config = config(Architecture::Cnn, OptimizerKind::Adam);
        (config.threads, config.epochs) = (Some(threads), 1);
        let summary = finished(train(&config, &RunStore::new(dir.path()), &StopFlag::new(), &mut |_| {}).unwrap());
        weights(&summary.folder)
    };
    assert_eq!(weights_with(1), weights_with(3));
}

#[test]
fn a_loss_that_runs_away_is_one_clear_error() {
    let dir = tempfile::tempdir().unwrap();
    let store = RunStore::new(dir.path());
    let mut config = config(Architecture::Mlp, OptimizerKind::Sgd);
    config.learning_rate = 1e6;
    let mut last = None;
    let error = train(&config, &store, &StopFlag::new(), &mut |event| last = Some(event.clone())).unwrap_err();
    let text = error.to_string();
    assert!(matches!(error, TrainError::NotFinite { .. }), "{text}");
    assert!(text.contains("at step ") && text.contains("(--learning-rate 0.05)"), "{text}");
    assert_eq!(last, Some(Event::Failed { message: text }));
    assert_eq!(store.list().unwrap()[0].status(), Status::Failed);
}
