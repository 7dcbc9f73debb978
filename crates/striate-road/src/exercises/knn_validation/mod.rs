//! Exercises of the station `knn-validation`.

use crate::exercise::Exercise;

mod honest_split;
mod kfold;
mod knn_predict;
mod learning_curve;
mod neighbours;

/// In the order of the station.
pub(super) static EXERCISES: &[&Exercise] =
    &[&knn_predict::KNN_PREDICT, &kfold::KFOLD, &honest_split::HONEST_SPLIT, &learning_curve::LEARNING_CURVE];
