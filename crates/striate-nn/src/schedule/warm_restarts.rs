//! Half a cosine, again and again.

use serde::{Deserialize, Serialize};

/// A [`CosineAnnealing`](super::CosineAnnealing) that starts again at the full rate when it has reached the bottom, each
/// time `t_mult` times longer (PyTorch's `CosineAnnealingWarmRestarts`; SGDR, Loshchilov and Hutter 2017).
///
/// ```
/// use striate_nn::schedule::{CosineWarmRestarts, Schedule};
///
/// let schedule = Schedule::from(CosineWarmRestarts { lr: 1.0, t_0: 10, t_mult: 2, eta_min: 0.0 });
/// assert!((schedule.lr(5) - 0.5).abs() < 1e-12);
/// assert_eq!([0, 10, 30].map(|step| schedule.lr(step)), [1.0; 3]);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct CosineWarmRestarts {
    /// Rate at step 0 and after each restart.
    pub lr: f64,
    /// Steps until the first restart; at least 1.
    pub t_0: u64,
    /// How many times longer each cycle is than the one before; at least 1.
    #[serde(default = "CosineWarmRestarts::default_t_mult")]
    pub t_mult: u64,
    /// The lowest rate.
    #[serde(default)]
    pub eta_min: f64,
}

impl CosineWarmRestarts {
    fn default_t_mult() -> u64 {
        1
    }

    /// The learning rate at `step`.
    pub fn lr(&self, step: u64) -> f64 {
        let (mut since, mut length) = (step, self.t_0.max(1));
        if self.t_mult <= 1 {
            since %= length;
        }
        while since >= length {
            since -= length;
            length = length.saturating_mul(self.t_mult);
        }
        let phase = std::f64::consts::PI * since as f64 / length as f64;
        self.eta_min + (self.lr - self.eta_min) * (1.0 + phase.cos()) / 2.0
    }
}
