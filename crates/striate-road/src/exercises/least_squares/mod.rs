//! Exercises of the station `least-squares`.

use crate::exercise::Exercise;

mod lstsq_qr;
mod minimum_norm;
mod polyfit_design;
mod ridge;

/// In the order of the station.
pub(super) static EXERCISES: &[&Exercise] = &[&lstsq_qr::LSTSQ_QR, &ridge::RIDGE, &polyfit_design::POLYFIT_DESIGN];
