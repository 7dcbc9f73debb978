//! Learning-rate schedules as closed formulas: the rate at step `t` is a function of `t` alone, so a resumed run needs
//! no schedule state. The one that cannot be, because it looks at the loss, is [`ReduceLrOnPlateau`].
//!
//! The formulas are those of `torch.optim.lr_scheduler`. A step is one optimiser update; step 0 is the first.

mod constant;
mod cosine;
mod cyclic;
mod exponential;
mod multi_step;
mod one_cycle;
mod plateau;
mod polynomial;
mod sequential;
mod step;
mod warm_restarts;
mod warm_up;

use serde::{Deserialize, Serialize};

pub use constant::Constant;
pub use cosine::CosineAnnealing;
pub use cyclic::{Cyclic, CyclicMode};
pub use exponential::Exponential;
pub use multi_step::MultiStepLr;
pub use one_cycle::OneCycle;
pub use plateau::{PlateauMode, ReduceLrOnPlateau, ThresholdMode};
pub use polynomial::Polynomial;
pub use sequential::Sequence;
pub use step::StepLr;
pub use warm_restarts::CosineWarmRestarts;
pub use warm_up::WarmUp;

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
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Schedule {
    /// The same rate at every step.
    Constant(Constant),
    /// A drop by a factor every few steps.
    Step(StepLr),
    /// A drop by a factor at chosen steps.
    MultiStep(MultiStepLr),
    /// A factor at every step.
    Exponential(Exponential),
    /// Down to 0 along a power of the steps left.
    Polynomial(Polynomial),
    /// A straight line from a part of the rate to the rate.
    WarmUp(WarmUp),
    /// Half a cosine from the initial rate down to a minimum.
    CosineAnnealing(CosineAnnealing),
    /// Half a cosine down, again and again.
    CosineWarmRestarts(CosineWarmRestarts),
    /// Up and down once, both along a cosine.
    OneCycle(OneCycle),
    /// Up and down again and again, in straight lines.
    Cyclic(Cyclic),
    /// One schedule after another.
    Sequence(Sequence),
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
            Self::MultiStep(s) => s.lr(step),
            Self::Exponential(s) => s.lr(step),
            Self::Polynomial(s) => s.lr(step),
            Self::WarmUp(s) => s.lr(step),
            Self::CosineAnnealing(s) => s.lr(step),
            Self::CosineWarmRestarts(s) => s.lr(step),
            Self::OneCycle(s) => s.lr(step),
            Self::Cyclic(s) => s.lr(step),
            Self::Sequence(s) => s.lr(step),
        }
    }
}

macro_rules! into_schedule {
    ($($variant:ident($name:ty)),* $(,)?) => { $(
        impl From<$name> for Schedule {
            fn from(schedule: $name) -> Self {
                Self::$variant(schedule)
            }
        }
    )* };
}

into_schedule!(
    Constant(Constant),
    Step(StepLr),
    MultiStep(MultiStepLr),
    Exponential(Exponential),
    Polynomial(Polynomial),
    WarmUp(WarmUp),
    CosineAnnealing(CosineAnnealing),
    CosineWarmRestarts(CosineWarmRestarts),
    OneCycle(OneCycle),
    Cyclic(Cyclic),
    Sequence(Sequence),
);

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
