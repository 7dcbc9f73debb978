//! Exercises of the station `activations-initialization`.

use crate::exercise::Exercise;

mod noise;

mod activation_pairs;
mod he_xavier;
mod signal_report;

/// In the order of the station.
pub(super) static EXERCISES: &[&Exercise] =
    &[&activation_pairs::ACTIVATION_PAIRS, &he_xavier::HE_XAVIER, &signal_report::SIGNAL_REPORT];
