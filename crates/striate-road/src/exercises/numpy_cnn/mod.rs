//! Exercises of the station `numpy-cnn`.

use crate::exercise::Exercise;

/// In the order of the station.
pub(super) static EXERCISES: &[&Exercise] = &[];
