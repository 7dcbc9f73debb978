//! From a small rate to the full one.

use serde::{Deserialize, Serialize};

/// A straight line from `start_factor * lr` to `lr` over `total_steps`, then `lr` (PyTorch's `LinearLR`; Goyal et al. 2017).
///
/// For a warm-up before another schedule put both into a [`Sequence`](super::Sequence).
///
/// ```
/// use striate_nn::schedule::{Schedule, WarmUp};
///
/// let schedule = Schedule::from(WarmUp { lr: 0.4, start_factor: 0.25, total_steps: 3 });
/// assert!((schedule.lr(0) - 0.1).abs() < 1e-12);
/// assert!((schedule.lr(3) - 0.4).abs() < 1e-12);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct WarmUp {
    /// Rate at the end.
    pub lr: f64,
    /// Part of `lr` at step 0. PyTorch's default is a third.
    #[serde(default = "WarmUp::default_start_factor")]
    pub start_factor: f64,
    /// Steps until the rate is `lr`; 0 is no warm-up.
    pub total_steps: u64,
}

impl WarmUp {
    fn default_start_factor() -> f64 {
        1.0 / 3.0
    }

    /// The learning rate at `step`.
    pub fn lr(&self, step: u64) -> f64 {
        let progress = if step >= self.total_steps { 1.0 } else { step as f64 / self.total_steps as f64 };
        self.lr * (self.start_factor + (1.0 - self.start_factor) * progress)
    }
}
