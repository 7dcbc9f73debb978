//! Exercises of the station `linearity-convolution`.

use crate::exercise::Exercise;

mod convolve2d;
mod impulse_response;
mod is_linear;

/// In the order of the station.
pub(super) static EXERCISES: &[&Exercise] =
    &[&convolve2d::CONVOLVE2D, &is_linear::IS_LINEAR, &impulse_response::IMPULSE_RESPONSE];
