//! Exercises of the station `pooling-receptive-field`.

use crate::exercise::Exercise;

mod layers;
pub(crate) mod windows;

mod maxpool;
mod plan;
mod pool_backward;
mod receptive_field;

/// In the order of the station.
pub(super) static EXERCISES: &[&Exercise] =
    &[&maxpool::MAXPOOL, &pool_backward::POOL_BACKWARD, &plan::PLAN, &receptive_field::RECEPTIVE_FIELD];
