//! Exercises of the station `principal-components`.

use crate::exercise::Exercise;

mod components;
mod pca_fit;
mod pca_transform_inverse;
mod whiten;

/// In the order of the station.
pub(super) static EXERCISES: &[&Exercise] =
    &[&pca_fit::PCA_FIT, &pca_transform_inverse::PCA_TRANSFORM_INVERSE, &whiten::WHITEN];
