//! Exercises of the station `perceptron`.

use crate::exercise::Exercise;

mod boolean_network;
mod perceptron_train;

/// In the order of the station.
pub(super) static EXERCISES: &[&Exercise] = &[&perceptron_train::PERCEPTRON_TRAIN, &boolean_network::BOOLEAN_NETWORK];
