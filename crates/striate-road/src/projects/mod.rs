//! The projects, one file each, and the list of them all.

use crate::project::Project;

mod train_digit_cnn;

/// Every project, in the order of the road.
pub fn all() -> &'static [&'static Project] {
    ALL
}

static ALL: &[&Project] = &[&train_digit_cnn::TRAIN_DIGIT_CNN];
