//! Exercises of the station `singular-value-decomposition`.

use crate::exercise::Exercise;

pub(super) mod svd;

mod condition_number;
mod low_rank;
mod svd_from_eigh;

/// In the order of the station.
pub(super) static EXERCISES: &[&Exercise] =
    &[&svd_from_eigh::SVD_FROM_EIGH, &low_rank::LOW_RANK, &condition_number::CONDITION_NUMBER];
