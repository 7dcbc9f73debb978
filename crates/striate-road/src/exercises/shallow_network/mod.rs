//! Exercises of the station `shallow-network`.

use crate::exercise::Exercise;

mod planar_network;

mod backward2;
mod forward2;
mod train_planar;

/// In the order of the station.
pub(super) static EXERCISES: &[&Exercise] = &[&forward2::FORWARD2, &backward2::BACKWARD2, &train_planar::TRAIN_PLANAR];
