//! Exercises of the station `probability-stability`.

use crate::exercise::Exercise;

mod entropy_kl;
mod logsumexp;
mod sample_categorical;

/// In the order of the station.
pub(super) static EXERCISES: &[&Exercise] =
    &[&logsumexp::LOGSUMEXP, &entropy_kl::ENTROPY_KL, &sample_categorical::SAMPLE_CATEGORICAL];
