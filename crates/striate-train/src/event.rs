//! What a training tells while it runs: shown by the terminal, streamed by the studio, kept in `metrics.jsonl`.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// Something that happened in a training. One JSON object per line, told apart by its field `event`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum Event {
    /// The training begins or goes on.
    Started {
        /// Id of the run.
        run: String,
        /// Its folder.
        folder: PathBuf,
        /// The network.
        model: String,
        /// The dataset.
        dataset: String,
        /// Numbers that are learned.
        parameters: usize,
        /// Images to learn from.
        train_images: usize,
        /// Images held out to compare epochs.
        validation_images: usize,
        /// Images held out for the end.
        test_images: usize,
        /// Epochs in all.
        epochs: usize,
        /// Optimiser steps in all.
        total_steps: u64,
        /// Images per step.
        batch_size: usize,
        /// Threads of the engine.
        threads: usize,
        /// Steps that were done in an earlier session of this run.
        resumed_at: u64,
        /// What the user must know about the data.
        notices: Vec<String>,
    },
    /// Where the training is; about ten times a second.
    Step {
        /// Epoch, from 1.
        epoch: usize,
        /// Optimiser steps done.
        step: u64,
        /// Optimiser steps in all.
        total_steps: u64,
        /// Mean loss of the steps since the last report.
        loss: f64,
        /// Learning rate of the last step.
        learning_rate: f64,
        /// Images learned from per second since the last report.
        images_per_second: f64,
        /// Time spent on the run, over all sessions.
        elapsed_seconds: f64,
        /// Estimated time to the end of the last epoch.
        seconds_left: f64,
    },
    /// An epoch is complete.
    Epoch {
        /// Epoch, from 1.
        epoch: usize,
        /// Optimiser steps done.
        step: u64,
        /// Mean loss of the epoch's steps.
        train_loss: f64,
        /// Mean loss on the validation images.
        validation_loss: f64,
        /// Share of the validation images that are classified right.
        validation_accuracy: f64,
        /// Whether this is the best epoch so far, whose weights are kept.
        best: bool,
        /// Learning rate of its last step; 0 in files of earlier versions, which do not say.
        #[serde(default)]
        learning_rate: f64,
        /// Time spent on the run, over all sessions.
        elapsed_seconds: f64,
    },
    /// The training was asked to stop, and did; a checkpoint is written.
    Interrupted {
        /// Id of the run, to resume it.
        run: String,
        /// Epoch, from 1.
        epoch: usize,
        /// Optimiser steps done.
        step: u64,
        /// Optimiser steps in all.
        total_steps: u64,
    },
    /// The training is complete and measured.
    Finished(Summary),
    /// The training failed.
    Failed {
        /// What, where, what to do.
        message: String,
    },
}

/// The result of a finished training, kept in `summary.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// Id of the run.
    pub run: String,
    /// Its folder.
    pub folder: PathBuf,
    /// The network.
    pub model: String,
    /// The dataset.
    pub dataset: String,
    /// Share of the test images that are classified right.
    pub test_accuracy: f64,
    /// Mean loss on the test images.
    pub test_loss: f64,
    /// Number of test images.
    pub test_images: usize,
    /// The epoch whose weights are the model: the best on the validation images.
    pub best_epoch: usize,
    /// Its accuracy on the validation images.
    pub validation_accuracy: f64,
    /// Epochs in all.
    pub epochs: usize,
    /// Optimiser steps in all.
    pub steps: u64,
    /// Numbers that were learned.
    pub parameters: usize,
    /// Time spent on the run, over all sessions, from reading the data to the test.
    pub seconds: f64,
}

impl Event {
    /// Optimiser steps done when this happened, if it has a place in the course of the training.
    pub(crate) fn step(&self) -> Option<u64> {
        match self {
            Event::Step { step, .. } | Event::Epoch { step, .. } => Some(*step),
            _ => None,
        }
    }
}
