//! Exercises of the station `vectors-matrices-norms`.

use crate::exercise::Exercise;

mod frobenius_and_spectral;
mod gram_schmidt;
mod p_norm;

/// In the order of the station.
pub(super) static EXERCISES: &[&Exercise] =
    &[&p_norm::P_NORM, &gram_schmidt::GRAM_SCHMIDT, &frobenius_and_spectral::FROBENIUS_AND_SPECTRAL];
