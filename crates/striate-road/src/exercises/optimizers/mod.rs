//! Exercises of the station `optimizers`.

use crate::exercise::Exercise;

/// In the order of the station.
pub(super) static EXERCISES: &[&Exercise] = &[];
