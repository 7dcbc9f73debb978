//! Exercises of the station `regularization-dropout`.

use crate::exercise::Exercise;

mod dropout;
mod early_stopping;
mod l2_cost;

/// In the order of the station.
pub(super) static EXERCISES: &[&Exercise] = &[&dropout::DROPOUT, &l2_cost::L2_COST, &early_stopping::EARLY_STOPPING];
