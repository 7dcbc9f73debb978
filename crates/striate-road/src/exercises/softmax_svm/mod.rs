//! Exercises of the station `softmax-svm`.

use crate::exercise::Exercise;

mod scores;

mod linear_classifier;
mod softmax_loss;
mod svm_loss;

/// In the order of the station.
pub(super) static EXERCISES: &[&Exercise] =
    &[&softmax_loss::SOFTMAX_LOSS, &svm_loss::SVM_LOSS, &linear_classifier::LINEAR_CLASSIFIER];
