//! Exercises of the station `numpy-mlp`.

use crate::exercise::Exercise;

mod mlp_gradcheck;
mod mlp_train;
mod normalize_splits;
mod split_by_writer;

/// In the order of the station.
pub(super) static EXERCISES: &[&Exercise] = &[
    &split_by_writer::SPLIT_BY_WRITER,
    &normalize_splits::NORMALIZE_SPLITS,
    &mlp_gradcheck::MLP_GRADCHECK,
    &mlp_train::MLP_TRAIN,
];
