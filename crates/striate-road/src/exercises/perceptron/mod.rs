//! Exercises of the station `perceptron`.

use crate::exercise::Exercise;

/// In the order of the station.
pub(super) static EXERCISES: &[&Exercise] = &[];
