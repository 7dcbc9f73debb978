//! Half a cosine.

use std::f64::consts::PI;

use serde::{Deserialize, Serialize};

/// `eta_min + (lr - eta_min) / 2 * (1 + cos(pi * step / t_max))` (PyTorch's `CosineAnnealingLR`; SGDR,
/// Loshchilov and Hutter 2017, equation 5 without restarts).
///
/// Past `t_max` the cosine climbs again, as it does in PyTorch.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct CosineAnnealing {
    /// Rate at step 0.
    pub lr: f64,
    /// Steps to reach `eta_min`; at least 1.
    pub t_max: u64,
    /// The lowest rate.
    #[serde(default)]
    pub eta_min: f64,
}

impl CosineAnnealing {
    /// The learning rate at `step`.
    pub fn lr(&self, step: u64) -> f64 {
        let phase = PI * step as f64 / self.t_max.max(1) as f64;
        self.eta_min + (self.lr - self.eta_min) * (1.0 + phase.cos()) / 2.0
    }
}
