//! Exercises of the station `digit-classifier`.

use crate::exercise::Exercise;

mod centroid_track;
mod mnist_preprocess;

/// In the order of the station.
pub(super) static EXERCISES: &[&Exercise] = &[&mnist_preprocess::MNIST_PREPROCESS, &centroid_track::CENTROID_TRACK];
