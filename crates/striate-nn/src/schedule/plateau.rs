//! Drops when there is no progress.

use serde::{Deserialize, Serialize};

/// Which way is better.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PlateauMode {
    /// Less is better: a loss.
    #[default]
    Min,
    /// More is better: an accuracy.
    Max,
}

/// What the threshold is measured by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ThresholdMode {
    /// A part of the best value so far.
    #[default]
    Rel,
    /// The values' own unit.
    Abs,
}

/// Multiplies the rate by `factor` when a measured value has not improved for more than `patience` measurements
/// (PyTorch's `ReduceLROnPlateau`).
///
/// Its memory is part of the training state: serialise the whole struct with the checkpoint.
///
/// ```
/// use striate_nn::schedule::ReduceLrOnPlateau;
///
/// let mut schedule = ReduceLrOnPlateau::new(0.1);
/// schedule.patience = 1;
/// let rates: Vec<f64> = [0.9, 0.8, 0.8, 0.8, 0.8].map(|loss| schedule.step(loss)).into();
/// assert_eq!(rates[..3], [0.1; 3]);
/// assert!((rates[3] - 0.01).abs() < 1e-12);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ReduceLrOnPlateau {
    /// The present rate.
    pub lr: f64,
    /// Which way is better.
    pub mode: PlateauMode,
    /// What a drop multiplies the rate by.
    pub factor: f64,
    /// Measurements without progress that are borne.
    pub patience: u64,
    /// Smaller improvements do not count.
    pub threshold: f64,
    /// What the threshold is measured by.
    pub threshold_mode: ThresholdMode,
    /// Measurements after a drop that are not counted.
    pub cooldown: u64,
    /// The lowest rate.
    pub min_lr: f64,
    /// Drops smaller than this are left out.
    pub eps: f64,
    best: Option<f64>,
    bad: u64,
    cooling: u64,
}

impl ReduceLrOnPlateau {
    /// PyTorch's defaults: less is better, factor 0.1, patience 10, relative threshold 1e-4, no cooldown, no lowest rate.
    pub fn new(lr: f64) -> Self {
        Self {
            lr,
            mode: PlateauMode::default(),
            factor: 0.1,
            patience: 10,
            threshold: 1e-4,
            threshold_mode: ThresholdMode::default(),
            cooldown: 0,
            min_lr: 0.0,
            eps: 1e-8,
            best: None,
            bad: 0,
            cooling: 0,
        }
    }

    /// Takes the newest measurement, usually once per epoch; gives the rate from here on.
    pub fn step(&mut self, metric: f64) -> f64 {
        if self.improves(metric) {
            (self.best, self.bad) = (Some(metric), 0);
        } else {
            self.bad += 1;
        }
        if self.cooling > 0 {
            (self.cooling, self.bad) = (self.cooling - 1, 0);
        }
        if self.bad > self.patience {
            let lower = (self.lr * self.factor).max(self.min_lr);
            if self.lr - lower > self.eps {
                self.lr = lower;
            }
            (self.cooling, self.bad) = (self.cooldown, 0);
        }
        self.lr
    }

    /// NaN never improves on anything.
    fn improves(&self, metric: f64) -> bool {
        let Some(best) = self.best else { return !metric.is_nan() };
        match (self.mode, self.threshold_mode) {
            (PlateauMode::Min, ThresholdMode::Rel) => metric < best * (1.0 - self.threshold),
            (PlateauMode::Min, ThresholdMode::Abs) => metric < best - self.threshold,
            (PlateauMode::Max, ThresholdMode::Rel) => metric > best * (1.0 + self.threshold),
            (PlateauMode::Max, ThresholdMode::Abs) => metric > best + self.threshold,
        }
    }
}
