//! No change.

use serde::{Deserialize, Serialize};

/// The same rate at every step.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Constant {
    /// The rate.
    pub lr: f64,
}
