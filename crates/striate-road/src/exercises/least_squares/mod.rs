//! Exercises of the station `least-squares`.

use crate::exercise::Exercise;

/// In the order of the station.
pub(super) static EXERCISES: &[&Exercise] = &[];
