//! Up and down once.

use std::f64::consts::PI;

use serde::{Deserialize, Serialize};

/// One cycle (PyTorch's `OneCycleLR` with cosine annealing and two phases; Smith and Topin 2018): the rate climbs from
/// `max_lr / div_factor` to `max_lr`, then falls to `max_lr / div_factor / final_div_factor`.
///
/// Only the learning rate is cycled, not the momentum (`cycle_momentum=False` in PyTorch).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct OneCycle {
    /// The peak.
    pub max_lr: f64,
    /// Length of the whole cycle in steps. Steps after it stay at the final rate.
    pub total_steps: u64,
    /// Part of the cycle spent climbing, in `0..=1`.
    #[serde(default = "OneCycle::default_pct_start")]
    pub pct_start: f64,
    /// `max_lr` divided by this is the first rate.
    #[serde(default = "OneCycle::default_div_factor")]
    pub div_factor: f64,
    /// The first rate divided by this is the last.
    #[serde(default = "OneCycle::default_final_div_factor")]
    pub final_div_factor: f64,
}

impl OneCycle {
    /// PyTorch's defaults: 30 % of the steps up, from `max_lr / 25`, down to a 1e4-th of that.
    pub fn new(max_lr: f64, total_steps: u64) -> Self {
        Self {
            max_lr,
            total_steps,
            pct_start: Self::default_pct_start(),
            div_factor: Self::default_div_factor(),
            final_div_factor: Self::default_final_div_factor(),
        }
    }

    fn default_pct_start() -> f64 {
        0.3
    }

    fn default_div_factor() -> f64 {
        25.0
    }

    fn default_final_div_factor() -> f64 {
        1e4
    }

    /// The learning rate at `step`.
    pub fn lr(&self, step: u64) -> f64 {
        let initial = self.max_lr / self.div_factor;
        let last = initial / self.final_div_factor;
        let peak = self.pct_start * self.total_steps as f64 - 1.0;
        let end = self.total_steps as f64 - 1.0;
        let step = (step as f64).min(end.max(0.0));
        // Like PyTorch, the step that lies exactly on the peak belongs to the climb.
        if step <= peak {
            cosine(initial, self.max_lr, step / peak)
        } else {
            cosine(self.max_lr, last, (step - peak) / (end - peak))
        }
    }
}

/// From `start` (at 0) to `end` (at 1) along half a cosine. A phase of no length (0 / 0) is at its end.
fn cosine(start: f64, end: f64, progress: f64) -> f64 {
    let progress = if progress.is_nan() { 1.0 } else { progress.clamp(0.0, 1.0) };
    end + (start - end) / 2.0 * (1.0 + (PI * progress).cos())
}
