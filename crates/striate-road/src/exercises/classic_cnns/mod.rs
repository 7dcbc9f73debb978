//! Exercises of the station `classic-cnns`.

use crate::exercise::Exercise;

mod small_cnn;

mod confusion;
mod lenet5;
mod train_cnn;

/// In the order of the station.
pub(super) static EXERCISES: &[&Exercise] = &[&lenet5::LENET5, &train_cnn::TRAIN_CNN, &confusion::CONFUSION];
