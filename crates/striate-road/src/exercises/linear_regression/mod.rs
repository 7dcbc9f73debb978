//! Exercises of the station `linear-regression`.

use crate::exercise::Exercise;

mod squared_error;

mod fit_gd;
mod locally_weighted;
mod mse_and_grad;

/// In the order of the station.
pub(super) static EXERCISES: &[&Exercise] =
    &[&mse_and_grad::MSE_AND_GRAD, &fit_gd::FIT_GD, &locally_weighted::LOCALLY_WEIGHTED];
