//! Exercises of the station `principal-components`.

use crate::exercise::Exercise;

/// In the order of the station.
pub(super) static EXERCISES: &[&Exercise] = &[];
