//! Exercises of the station `template-matching`.

use crate::exercise::Exercise;

mod find_template;
mod ncc_map;

/// In the order of the station.
pub(super) static EXERCISES: &[&Exercise] = &[&ncc_map::NCC_MAP, &find_template::FIND_TEMPLATE];
