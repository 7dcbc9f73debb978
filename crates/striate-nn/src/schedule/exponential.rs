//! A constant factor.

use serde::{Deserialize, Serialize};

/// `lr * gamma^step` (PyTorch's `ExponentialLR`).
///
/// ```
/// use striate_nn::schedule::{Exponential, Schedule};
///
/// let schedule = Schedule::from(Exponential { lr: 0.8, gamma: 0.5 });
/// assert_eq!(schedule.lr(2), 0.2);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Exponential {
    /// Rate at step 0.
    pub lr: f64,
    /// What each step multiplies the rate by.
    pub gamma: f64,
}

impl Exponential {
    /// The learning rate at `step`.
    pub fn lr(&self, step: u64) -> f64 {
        self.lr * self.gamma.powf(step as f64)
    }
}
