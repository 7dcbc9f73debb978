//! Exercises of the station `image-as-function`.

use crate::exercise::Exercise;

mod add_gaussian_noise;
mod blend;
mod normalize_for_display;

/// In the order of the station.
pub(super) static EXERCISES: &[&Exercise] =
    &[&blend::BLEND, &add_gaussian_noise::ADD_GAUSSIAN_NOISE, &normalize_for_display::NORMALIZE_FOR_DISPLAY];
