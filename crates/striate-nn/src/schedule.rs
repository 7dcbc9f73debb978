//! Learning-rate schedules as closed formulas: the rate at step `t` is a function of `t` alone, so a resumed run needs
//! no schedule state.
//!
//! The formulas are those of `torch.optim.lr_scheduler`. A step is one optimiser update; step 0 is the first.

use std::f64::consts::PI;

use serde::{Deserialize, Serialize};

/// A learning rate for every step.
///
/// ```
/// use striate_nn::schedule::{OneCycle, Schedule};
///
/// let schedule = Schedule::from(OneCycle::new(0.02, 100));
/// assert!((schedule.lr(0) - 0.02 / 25.0).abs() < 1e-12); // starts at max_lr / div_factor
/// assert!((schedule.lr(29) - 0.02).abs() < 1e-12); // peaks after 30 % of the steps
/// assert!((schedule.lr(99) - 0.02 / 25.0 / 1e4).abs() < 1e-12); // ends almost at zero
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Schedule {
    /// The same rate at every step.
    Constant(Constant),
    /// A drop by a factor every few steps.
    Step(StepLr),
    /// Half a cosine from the initial rate down to a minimum.
    CosineAnnealing(CosineAnnealing),
    /// Up and down once, both along a cosine.
    OneCycle(OneCycle),
}

impl Schedule {
    /// A rate that never changes.
    pub fn constant(lr: f64) -> Self {
        Constant { lr }.into()
    }

    /// The learning rate of update number `step` (the first is 0).
    pub fn lr(&self, step: u64) -> f64 {
        match self {
            Self::Constant(s) => s.lr,
            Self::Step(s) => s.lr(step),
            Self::CosineAnnealing(s) => s.lr(step),
            Self::OneCycle(s) => s.lr(step),
        }
    }
}

/// The same rate at every step.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Constant {
    /// The rate.
    pub lr: f64,
}

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

macro_rules! into_schedule {
    ($($variant:ident($name:ty)),*) => { $(
        impl From<$name> for Schedule {
            fn from(schedule: $name) -> Self {
                Self::$variant(schedule)
            }
        }
    )* };
}

into_schedule!(Constant(Constant), Step(StepLr), CosineAnnealing(CosineAnnealing), OneCycle(OneCycle));

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_cycle_is_defined_for_degenerate_lengths() {
        for total_steps in 0..4 {
            let schedule = OneCycle::new(0.1, total_steps);
            for step in 0..6 {
                let lr = schedule.lr(step);
                assert!(lr.is_finite() && (0.0..=0.1).contains(&lr), "{total_steps} steps, step {step}: {lr}");
            }
        }
    }

    #[test]
    fn one_cycle_holds_its_last_rate() {
        let schedule = OneCycle::new(0.1, 10);
        assert_eq!(schedule.lr(9), schedule.lr(10_000));
    }

    #[test]
    fn step_lr_drops_on_the_multiple() {
        let schedule = StepLr { lr: 1.0, step_size: 3, gamma: 0.5 };
        let rates: Vec<f64> = (0..7).map(|step| schedule.lr(step)).collect();
        assert_eq!(rates, [1.0, 1.0, 1.0, 0.5, 0.5, 0.5, 0.25]);
    }

    #[test]
    fn a_schedule_is_readable_as_text() {
        let schedule = Schedule::from(OneCycle::new(0.02, 7));
        let text = serde_json::to_string(&schedule).unwrap();
        assert!(text.starts_with(r#"{"kind":"one-cycle","max_lr":0.02"#), "{text}");
        assert_eq!(serde_json::from_str::<Schedule>(&text).unwrap(), schedule);
        let short: Schedule = serde_json::from_str(r#"{"kind":"one-cycle","max_lr":0.02,"total_steps":7}"#).unwrap();
        assert_eq!(short, schedule);
    }
}
