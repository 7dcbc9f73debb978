//! Exercises of the station `optimizers`.

use crate::exercise::Exercise;

pub(crate) mod adam;
mod lr_schedule;
mod minibatches;
mod momentum_nesterov;

/// In the order of the station.
pub(super) static EXERCISES: &[&Exercise] =
    &[&momentum_nesterov::MOMENTUM_NESTEROV, &adam::ADAM, &minibatches::MINIBATCHES, &lr_schedule::LR_SCHEDULE];
