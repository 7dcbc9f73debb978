//! A power of the steps left.

use serde::{Deserialize, Serialize};

/// `lr * (1 - step / total_steps)^power`, 0 from `total_steps` on (PyTorch's `PolynomialLR`, whose default power is 1).
///
/// ```
/// use striate_nn::schedule::{Polynomial, Schedule};
///
/// let schedule = Schedule::from(Polynomial { lr: 1.0, total_steps: 4, power: 2.0 });
/// assert_eq!(schedule.lr(2), 0.25);
/// assert_eq!(schedule.lr(9), 0.0);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Polynomial {
    /// Rate at step 0.
    pub lr: f64,
    /// Steps until the rate is 0; at least 1.
    pub total_steps: u64,
    /// 1 is a straight line.
    #[serde(default = "Polynomial::default_power")]
    pub power: f64,
}

impl Polynomial {
    fn default_power() -> f64 {
        1.0
    }

    /// The learning rate at `step`.
    pub fn lr(&self, step: u64) -> f64 {
        let total = self.total_steps.max(1);
        self.lr * (1.0 - step.min(total) as f64 / total as f64).powf(self.power)
    }
}
