//! Exercises of the station `logistic-regression`.

use crate::exercise::Exercise;

mod cross_entropy;

mod newton_step;
mod propagate;
mod sigmoid;

/// In the order of the station.
pub(super) static EXERCISES: &[&Exercise] = &[&sigmoid::SIGMOID, &propagate::PROPAGATE, &newton_step::NEWTON_STEP];
