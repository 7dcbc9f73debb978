//! Exercises of the station `separable-borders`.

use crate::exercise::Exercise;

mod median_filter;
mod pad2d;
mod separate_kernel;
mod singular_values;

/// In the order of the station.
pub(super) static EXERCISES: &[&Exercise] =
    &[&pad2d::PAD2D, &separate_kernel::SEPARATE_KERNEL, &median_filter::MEDIAN_FILTER];
