//! Exercises of the station `numpy-arrays`.

use crate::exercise::Exercise;

mod one_hot;
mod pairwise_sq_dists;
mod standardize;

/// In the order of the station.
pub(super) static EXERCISES: &[&Exercise] =
    &[&one_hot::ONE_HOT, &pairwise_sq_dists::PAIRWISE_SQ_DISTS, &standardize::STANDARDIZE];
