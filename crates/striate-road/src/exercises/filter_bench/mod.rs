//! Exercises of the station `filter-bench`.

use crate::exercise::Exercise;

mod choose_filter;
mod denoise;
mod denoise_requirements;
mod photographs;
mod psnr;
mod smoothing;

/// In the order of the station.
pub(super) static EXERCISES: &[&Exercise] = &[&psnr::PSNR, &choose_filter::CHOOSE_FILTER, &denoise::DENOISE];
