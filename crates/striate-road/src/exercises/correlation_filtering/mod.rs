//! Exercises of the station `correlation-filtering`.

use crate::exercise::Exercise;

mod correlate2d;
mod gaussian_kernel;

/// In the order of the station.
pub(super) static EXERCISES: &[&Exercise] = &[&correlate2d::CORRELATE2D, &gaussian_kernel::GAUSSIAN_KERNEL];
