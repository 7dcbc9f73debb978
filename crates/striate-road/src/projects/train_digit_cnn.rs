//! `train_digit_cnn`: a network that reads digits, trained as one may quote it.

use image::{DynamicImage, GrayImage};
use striate_data::{Normalization, Parts, Splits, mnist, opencv_digits};
use striate_nn::{Context, Module};
use striate_tensor::no_grad;
use striate_train::{Evaluation, Event, Predictor, Run, Source, Status, Summary, TrainError};

use crate::exercise::Difficulty;
use crate::project::{Measured, Project, Requirement};

/// Share of MNIST's test images that must be right.
const TEST_ACCURACY: f64 = 0.99;
/// Share of OpenCV's digits that must be right.
const SHEET_ACCURACY: f64 = 0.90;
/// Digits of the sheet per forward pass.
const BATCH: usize = 250;

/// The project.
pub static TRAIN_DIGIT_CNN: Project = Project {
    id: "train_digit_cnn",
    station: "digit-classifier",
    task: "Train a network on MNIST and name its run in run.toml, or on the command line with --run.\n\
           It must get at least 99.0 % of MNIST's test images right, and at least 90 % of OpenCV's digit sheet, which no \
           training has seen.\n\
           The way there counts too: images held out for validation, normalisation measured on the training images, the \
           best epoch chosen by validation, the test images read once at the end.",
    requirements: REQUIREMENTS,
    hints: &[
        "striate runs lists your runs with their state and accuracy; striate eval RUN shows which digits a run confuses.",
        "The defaults of striate train digits do all that is asked for. Change one thing at a time from there, and look \
         at the validation accuracy: about 99 % there is about 99 % on the test images.",
        "striate train digits --model cnn\n\
         striate check train_digit_cnn --run latest",
    ],
};

const REQUIREMENTS: &[Requirement] = &[
    Requirement {
        id: "not-finished",
        failure: "the training is not finished",
        explanation: "A run has a result once its last epoch is done; measuring it before would let the test images steer \
                      how long you train. Go on with it: striate train --resume RUN.",
        question: "What does striate runs say about it?",
        see: ("cs231n", "notes: neural-networks-3"),
        difficulty: Difficulty::Ordinary,
        measure: finished,
    },
    Requirement {
        id: "wrong-dataset",
        failure: "the network was not trained on MNIST",
        explanation: "What is asked for is a network that learned from MNIST's training images and nothing else. One that \
                      has seen the digit sheet says nothing about digits it has not seen.",
        question: "Which images did this run learn from?",
        see: ("ivlabs-digit", "the whole project"),
        difficulty: Difficulty::Ordinary,
        measure: trained_on_mnist,
    },
    Requirement {
        id: "no-validation",
        failure: "no validation images were held out",
        explanation: "Without them, nothing but the test images could tell good settings from bad ones, and they must not.",
        question: "By which images was each epoch judged?",
        see: ("cs231n", "notes: classification"),
        difficulty: Difficulty::Ordinary,
        measure: validated,
    },
    Requirement {
        id: "normalization-foreign",
        failure: "the normalisation was not measured on the training images",
        explanation: "Mean and standard deviation belong to the training part and go wherever the network goes. Numbers \
                      from elsewhere shift every input that it will ever see.",
        question: "Of which images are your mean and standard deviation?",
        see: ("cs231n", "notes: neural-networks-2"),
        difficulty: Difficulty::Ordinary,
        measure: normalized,
    },
    Requirement {
        id: "best-epoch-not-by-validation",
        failure: "the epoch that was kept is not the best on the validation images",
        explanation: "Choose the epoch by validation accuracy. The last one may have overfitted, and the best on the test \
                      images is training on the test set, slowly.",
        question: "Which epoch has the highest validation accuracy in metrics.jsonl?",
        see: ("cs231n", "notes: neural-networks-3"),
        difficulty: Difficulty::Ordinary,
        measure: best_epoch,
    },
    Requirement {
        id: "test-accuracy-low",
        failure: "fewer than 99.0 % of MNIST's test images are right",
        explanation: "Look at the validation accuracy of each epoch. Still rising: train longer. Far below the training \
                      accuracy: all images, batch norm, dropout, augmentation. Low from the start: learning rate, or a \
                      model too small; softmax and mlp do not get there.",
        question: "Is the training loss low while the validation loss is not, or are both high?",
        see: ("cs231n", "notes: neural-networks-3"),
        difficulty: Difficulty::Ordinary,
        measure: test_accuracy,
    },
    Requirement {
        id: "sheet-accuracy-low",
        failure: "fewer than 90 % of OpenCV's digits are right",
        explanation: "The network reads MNIST's hands only. The digits of the sheet are prepared as MNIST's were, so what \
                      is left is the network: augment (--augment affine), and choose a model that has room for it.",
        question: "What differs between an MNIST digit and one of the sheet after both are 28 by 28?",
        see: ("ivlabs-digit", "the whole project"),
        difficulty: Difficulty::Hard,
        measure: sheet_accuracy,
    },
];

fn measured(holds: bool, text: String) -> Result<Measured, TrainError> {
    Ok(Measured { holds, text })
}

fn percent(share: f64) -> String {
    format!("{:.2} %", 100.0 * share)
}

fn finished(run: &Run) -> Result<Measured, TrainError> {
    if let Some(summary) = run.summary()? {
        return measured(true, format!("finished: {} epochs of {}", summary.epochs, summary.model));
    }
    let state = match run.status() {
        Status::Running => "is still running",
        Status::Failed => "stopped with an error",
        Status::Finished | Status::Interrupted => "was interrupted",
    };
    measured(false, format!("The run {} {state}", run.id()))
}

/// The summary of a run of which [`finished`] holds.
fn summary(run: &Run) -> Result<Summary, TrainError> {
    let missing = || TrainError::NoModel { id: run.id().to_owned(), reason: "it has no summary.json".to_owned() };
    run.summary()?.ok_or_else(missing)
}

/// By the images, not by the name: a folder that holds MNIST is MNIST.
fn trained_on_mnist(run: &Run) -> Result<Measured, TrainError> {
    let source = run.config()?.dataset;
    let holds = match &source {
        Source::Mnist => true,
        _ => {
            let same = |parts: Parts| -> Result<bool, TrainError> {
                let (train, test) = (mnist::train()?, mnist::test()?);
                Ok(parts.train.images == train.images && parts.test.is_some_and(|part| part.images == test.images))
            };
            // Images that are gone cannot be measured either, so they are no error of their own.
            source.read().map_or(Ok(false), same)?
        }
    };
    let which = if holds { "MNIST" } else { &source.name() };
    measured(holds, format!("trained on {which}"))
}

/// Epochs as they were judged: number and validation accuracy.
fn epochs(run: &Run) -> Result<Vec<(usize, f64)>, TrainError> {
    let epoch = |event: Event| match event {
        Event::Epoch { epoch, validation_accuracy, .. } => Some((epoch, validation_accuracy)),
        _ => None,
    };
    Ok(run.events()?.into_iter().filter_map(epoch).collect())
}

fn validated(run: &Run) -> Result<Measured, TrainError> {
    let held_out = run.events()?.into_iter().find_map(|event| match event {
        Event::Started { validation_images, .. } => Some(validation_images),
        _ => None,
    });
    let (held_out, epochs) = (held_out.unwrap_or(0), epochs(run)?.len());
    measured(
        held_out > 0 && epochs > 0,
        format!("{held_out} validation images held out, {epochs} epochs judged by them"),
    )
}

fn normalized(run: &Run) -> Result<Measured, TrainError> {
    let (config, card) = (run.config()?, run.input()?);
    let splits = Splits::new(config.dataset.read()?, config.split_seed)?;
    let show = |of: &Normalization| {
        let numbers = |values: &[f32]| values.iter().map(|x| format!("{x:.4}")).collect::<Vec<_>>().join(" ");
        format!("mean {}, standard deviation {}", numbers(&of.mean), numbers(&of.std))
    };
    let right = Normalization::of(&splits.train);
    if card.normalization == right {
        return measured(true, format!("normalised with the training images' {}", show(&right)));
    }
    measured(false, format!("Normalised with {}; the training images have {}", show(&card.normalization), show(&right)))
}

fn best_epoch(run: &Run) -> Result<Measured, TrainError> {
    let (summary, epochs) = (summary(run)?, epochs(run)?);
    let highest = epochs.iter().map(|&(_, accuracy)| accuracy).fold(f64::NEG_INFINITY, f64::max);
    let kept = epochs.iter().any(|&(epoch, accuracy)| epoch == summary.best_epoch && accuracy == highest);
    let text =
        format!("epoch {} kept, validation accuracy {}", summary.best_epoch, percent(summary.validation_accuracy));
    let text = if kept { text } else { format!("{text}; the highest of all epochs is {}", percent(highest)) };
    measured(kept, text)
}

fn test_accuracy(run: &Run) -> Result<Measured, TrainError> {
    let Evaluation { accuracy, images, .. } = Evaluation::of(run)?;
    let text = format!("MNIST's test images: {} of {images} right", percent(accuracy));
    against(accuracy, TEST_ACCURACY, text)
}

fn against(accuracy: f64, asked: f64, text: String) -> Result<Measured, TrainError> {
    let holds = accuracy >= asked;
    measured(holds, if holds { text } else { format!("{text}; asked for: {}", percent(asked)) })
}

fn sheet_accuracy(run: &Run) -> Result<Measured, TrainError> {
    let (predictor, sheet) = (Predictor::load(run)?, opencv_digits::read()?);
    let card = predictor.input();
    let (width, height) = (sheet.width as u32, sheet.height as u32);
    let prepare = |index: usize| {
        let picture = GrayImage::from_raw(width, height, sheet.image(index).to_vec()).expect("one byte per pixel");
        card.prepare(&DynamicImage::from(picture))
    };
    let prepared = (0..sheet.len()).map(prepare).collect::<Result<Vec<_>, _>>()?;
    let answer = |images: &[Vec<u8>]| {
        let logits = no_grad(|| predictor.model().forward(&card.tensor(images), &Context::eval()));
        logits.argmax(&[1], false).to_vec::<i64>()
    };
    let answers = prepared.chunks(BATCH).flat_map(answer);
    let right = answers.zip(&sheet.labels).filter(|(answer, truth)| answer == *truth).count();
    let accuracy = right as f64 / sheet.len() as f64;
    let text = format!("OpenCV's digit sheet: {} of {} right", percent(accuracy), sheet.len());
    against(accuracy, SHEET_ACCURACY, text)
}
