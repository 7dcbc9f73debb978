//! One schedule after another.

use serde::{Deserialize, Serialize};

use super::Schedule;

/// Schedules in turn, each of which counts its steps from its own start (PyTorch's `SequentialLR`).
///
/// ```
/// use striate_nn::schedule::{CosineAnnealing, Schedule, Sequence, WarmUp};
///
/// let schedule = Schedule::from(
///     Sequence::new(WarmUp { lr: 0.1, start_factor: 0.01, total_steps: 5 })
///         .then_at(5, CosineAnnealing { lr: 0.1, t_max: 95, eta_min: 0.0 }),
/// );
/// assert!((schedule.lr(0) - 0.001).abs() < 1e-12);
/// assert!((schedule.lr(5) - 0.1).abs() < 1e-12);
/// assert!(schedule.lr(100) < 1e-12);
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Sequence {
    /// The first schedule.
    first: Box<Schedule>,
    /// The others with the step at which each takes over, in order.
    #[serde(default)]
    then: Vec<Part>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Part {
    milestone: u64,
    schedule: Schedule,
}

impl Sequence {
    /// Begins with this schedule.
    pub fn new(first: impl Into<Schedule>) -> Self {
        Self { first: Box::new(first.into()), then: Vec::new() }
    }

    /// Goes on with this one from step `milestone`, which is its step 0.
    ///
    /// # Panics
    /// If the milestone is not after the one before.
    #[track_caller]
    pub fn then_at(mut self, milestone: u64, schedule: impl Into<Schedule>) -> Self {
        let before = self.then.last().map_or(0, |part| part.milestone);
        assert!(milestone > before, "Sequence: milestone {milestone} must come after {before}");
        self.then.push(Part { milestone, schedule: schedule.into() });
        self
    }

    /// The learning rate at `step`.
    pub fn lr(&self, step: u64) -> f64 {
        match self.then.iter().rev().find(|part| part.milestone <= step) {
            Some(part) => part.schedule.lr(step - part.milestone),
            None => self.first.lr(step),
        }
    }
}
