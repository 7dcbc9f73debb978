//! Exercises of the station `eigendecomposition`.

use crate::exercise::Exercise;

pub(super) mod symmetric;

mod classify_quadratic;
mod jacobi_eigh;
mod power_iteration;

/// In the order of the station.
pub(super) static EXERCISES: &[&Exercise] =
    &[&power_iteration::POWER_ITERATION, &jacobi_eigh::JACOBI_EIGH, &classify_quadratic::CLASSIFY_QUADRATIC];
