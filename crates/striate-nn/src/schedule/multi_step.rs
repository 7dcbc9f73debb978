//! Drops at chosen steps.

use serde::{Deserialize, Serialize};

/// `lr * gamma^(milestones passed)` (PyTorch's `MultiStepLR`, whose default gamma is 0.1).
///
/// ```
/// use striate_nn::schedule::{MultiStepLr, Schedule};
///
/// let schedule = Schedule::from(MultiStepLr { lr: 1.0, milestones: vec![2, 5], gamma: 0.5 });
/// assert_eq!([1, 2, 5].map(|step| schedule.lr(step)), [1.0, 0.5, 0.25]);
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MultiStepLr {
    /// Rate before the first milestone.
    pub lr: f64,
    /// The steps at which the rate drops, in any order.
    pub milestones: Vec<u64>,
    /// What each drop multiplies the rate by.
    #[serde(default = "MultiStepLr::default_gamma")]
    pub gamma: f64,
}

impl MultiStepLr {
    fn default_gamma() -> f64 {
        0.1
    }

    /// The learning rate at `step`.
    pub fn lr(&self, step: u64) -> f64 {
        let passed = self.milestones.iter().filter(|milestone| **milestone <= step).count();
        self.lr * self.gamma.powf(passed as f64)
    }
}
