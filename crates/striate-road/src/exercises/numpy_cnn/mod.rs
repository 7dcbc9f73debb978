//! Exercises of the station `numpy-cnn`.

use crate::exercise::Exercise;

mod choose_epoch;
mod cnn_train;
mod speedup;
mod training_batch;

/// In the order of the station.
pub(super) static EXERCISES: &[&Exercise] =
    &[&training_batch::TRAINING_BATCH, &choose_epoch::CHOOSE_EPOCH, &speedup::SPEEDUP, &cnn_train::CNN_TRAIN];
