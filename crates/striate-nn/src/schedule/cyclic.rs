//! Up and down in straight lines.

use serde::{Deserialize, Serialize};

/// How the height of the cycles changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CyclicMode {
    /// All cycles are alike.
    #[default]
    Triangular,
    /// Each cycle is half as high as the one before.
    Triangular2,
    /// The height shrinks by `gamma` at every step.
    ExpRange,
}

/// The rate climbs from `base_lr` to `max_lr` and back, again and again (PyTorch's `CyclicLR`; Smith 2017).
///
/// Only the learning rate is cycled, not the momentum (`cycle_momentum=False` in PyTorch).
///
/// ```
/// use striate_nn::schedule::{Cyclic, Schedule};
///
/// let schedule = Schedule::from(Cyclic::new(0.1, 0.5, 4));
/// assert!((schedule.lr(2) - 0.3).abs() < 1e-12);
/// assert!((schedule.lr(4) - 0.5).abs() < 1e-12);
/// assert!((schedule.lr(8) - 0.1).abs() < 1e-12);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Cyclic {
    /// The rate at the bottom.
    pub base_lr: f64,
    /// The rate at the top of the first cycle.
    pub max_lr: f64,
    /// Steps on the way up; at least 1.
    pub step_size_up: u64,
    /// Steps on the way down; at least 1.
    pub step_size_down: u64,
    /// How the height changes from cycle to cycle.
    #[serde(default)]
    pub mode: CyclicMode,
    /// Factor of each step in [`CyclicMode::ExpRange`].
    #[serde(default = "Cyclic::default_gamma")]
    pub gamma: f64,
}

impl Cyclic {
    /// Equal cycles with as many steps down as up. PyTorch's default is 2000 of each.
    pub fn new(base_lr: f64, max_lr: f64, step_size: u64) -> Self {
        let gamma = Self::default_gamma();
        Self { base_lr, max_lr, step_size_up: step_size, step_size_down: step_size, mode: CyclicMode::default(), gamma }
    }

    fn default_gamma() -> f64 {
        1.0
    }

    /// The learning rate at `step`.
    pub fn lr(&self, step: u64) -> f64 {
        let (up, down) = (self.step_size_up.max(1), self.step_size_down.max(1));
        let (cycle, within) = (step / (up + down), step % (up + down));
        let height = if within <= up { within as f64 / up as f64 } else { (up + down - within) as f64 / down as f64 };
        let scale = match self.mode {
            CyclicMode::Triangular => 1.0,
            CyclicMode::Triangular2 => 0.5_f64.powf(cycle as f64),
            CyclicMode::ExpRange => self.gamma.powf(step as f64),
        };
        self.base_lr + (self.max_lr - self.base_lr) * height * scale
    }
}
