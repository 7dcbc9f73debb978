//! Drops at regular intervals.

use serde::{Deserialize, Serialize};

/// `lr * gamma^floor(step / step_size)` (PyTorch's `StepLR`).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct StepLr {
    /// Rate of the first `step_size` steps.
    pub lr: f64,
    /// Steps between two drops; at least 1.
    pub step_size: u64,
    /// What each drop multiplies the rate by.
    pub gamma: f64,
}

impl StepLr {
    /// The learning rate at `step`.
    pub fn lr(&self, step: u64) -> f64 {
        // An exponent past i32 has long since reached 0 (or infinity for gamma > 1).
        let drops = i32::try_from(step / self.step_size.max(1)).unwrap_or(i32::MAX);
        self.lr * self.gamma.powi(drops)
    }
}
