//! The course of the learning rate over a training.

use std::str::FromStr;

use serde::{Deserialize, Serialize};
use striate_nn::schedule::{
    CosineAnnealing, CosineWarmRestarts, Cyclic, CyclicMode, Exponential, OneCycle, Polynomial, ReduceLrOnPlateau,
    Schedule, Sequence, StepLr, WarmUp,
};

use crate::names::names;
use crate::settings::from_text;
use crate::{TrainConfig, TrainError};

/// How the learning rate changes over the steps. What can be set of each: [`ScheduleOptions`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ScheduleKind {
    /// The same throughout.
    Constant,
    /// A drop by a factor every few epochs: to a tenth, after each third of the training.
    Step,
    /// Smaller by the same factor at every step: down to a hundredth over the training.
    Exponential,
    /// Down to 0 along a power of the steps left: a straight line.
    Polynomial,
    /// Along half a cosine down to zero.
    Cosine,
    /// Along half a cosine down to zero, again and again: three times.
    CosineRestarts,
    /// Up for the first 30 % of the steps, then down to nearly zero.
    OneCycle,
    /// Up and down in straight lines, again and again: four times, from a tenth of the learning rate.
    Cyclic,
    /// Down to a tenth when the validation loss has not fallen for more than two epochs.
    Plateau,
}

names!(
    ScheduleKind,
    "schedule",
    Constant = "constant",
    Step = "step",
    Exponential = "exponential",
    Polynomial = "polynomial",
    Cosine = "cosine",
    CosineRestarts = "cosine-restarts",
    OneCycle = "one-cycle",
    Cyclic = "cyclic",
    Plateau = "plateau",
);

impl ScheduleKind {
    /// The fields of [`ScheduleOptions`] that it looks at.
    pub fn options(self) -> &'static [&'static str] {
        match self {
            Self::Constant => &[],
            Self::Step => &["gamma", "step_size"],
            Self::Exponential => &["gamma"],
            Self::Polynomial => &["power"],
            Self::Cosine => &["min_lr"],
            Self::CosineRestarts => &["cycles", "t_mult", "min_lr"],
            Self::OneCycle => &["pct_start"],
            Self::Cyclic => &["cycles", "mode", "gamma", "min_lr"],
            Self::Plateau => &["factor", "patience", "threshold", "cooldown", "min_lr"],
        }
    }
}

/// Settings of a schedule, under PyTorch's names; times are in epochs. What is not set has the value that
/// [`ScheduleKind`] tells, and what the schedule does not look at is refused.
///
/// On the command line they are written as `gamma=0.5,step_size=2`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScheduleOptions {
    /// Factor of each drop (step, 0.1), of each epoch (exponential; cyclic with `mode = "exp-range"`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gamma: Option<f64>,
    /// Epochs between two drops.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step_size: Option<f64>,
    /// Power of the share of the steps that is left; 1 is a straight line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub power: Option<f64>,
    /// How often the rate goes up and down, or restarts, in the training.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cycles: Option<u32>,
    /// How many times longer each cycle of cosine-restarts is than the one before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub t_mult: Option<u32>,
    /// How the height of the cycles changes: triangular, triangular2 (halves each time) or exp-range.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<CyclicMode>,
    /// Share of the steps on the way up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pct_start: Option<f64>,
    /// What a drop multiplies the rate by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub factor: Option<f64>,
    /// Epochs without progress that are borne.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub patience: Option<u64>,
    /// Relative improvements smaller than this do not count.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub threshold: Option<f64>,
    /// Epochs after a drop that are not counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cooldown: Option<u64>,
    /// The lowest rate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_lr: Option<f64>,
}

impl FromStr for ScheduleOptions {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        from_text(text)
    }
}

impl ScheduleOptions {
    /// Whether all is as the schedule has it by itself.
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }

    /// The names of what is set.
    fn given(&self) -> Vec<String> {
        toml::Table::try_from(self).expect("numbers and names are valid TOML").keys().cloned().collect()
    }

    /// What is wrong with the values, if anything is.
    fn problem(&self, learning_rate: f64) -> Option<String> {
        let share = |value: &f64| *value > 0.0 && *value <= 1.0;
        let positive = |value: &f64| value.is_finite() && *value > 0.0;
        let refuse = |name: &str, wanted: &str| Some(format!("{name} must be {wanted}"));
        match self {
            Self { gamma: Some(gamma), .. } if !share(gamma) => refuse("gamma", "above 0 and at most 1"),
            Self { step_size: Some(size), .. } if !positive(size) => refuse("step_size", "above 0 (epochs)"),
            Self { power: Some(power), .. } if !positive(power) => refuse("power", "above 0"),
            Self { cycles: Some(0), .. } => refuse("cycles", "at least 1"),
            Self { t_mult: Some(0), .. } => refuse("t_mult", "at least 1"),
            Self { pct_start: Some(share), .. } if !(0.0..=1.0).contains(share) => refuse("pct_start", "from 0 to 1"),
            Self { factor: Some(factor), .. } if !(share(factor) && *factor < 1.0) => {
                refuse("factor", "above 0 and below 1")
            }
            Self { threshold: Some(value), .. } if !(value.is_finite() && *value >= 0.0) => {
                refuse("threshold", "at least 0")
            }
            Self { min_lr: Some(lowest), .. } if !(0.0..=learning_rate).contains(lowest) => {
                refuse("min_lr", &format!("from 0 to the learning rate, {learning_rate}"))
            }
            _ => None,
        }
    }
}

impl TrainConfig {
    /// The learning rate of each step, with `steps_per_epoch` of them in an epoch. The drops of
    /// [`plateau`](TrainConfig::plateau) come on top.
    pub fn schedule(&self, steps_per_epoch: u64) -> Schedule {
        let total = self.epochs as u64 * steps_per_epoch;
        let warm_up = ((self.warm_up * steps_per_epoch as f64).round() as u64).min(total);
        let main = self.main_schedule(total - warm_up, steps_per_epoch);
        if warm_up == 0 {
            return main;
        }
        // As if one more step had come before, at 0.
        let start_factor = 1.0 / (warm_up + 1) as f64;
        Sequence::new(WarmUp { lr: self.learning_rate, start_factor, total_steps: warm_up })
            .then_at(warm_up, main)
            .into()
    }

    /// The schedule of the `steps` after the warm-up.
    fn main_schedule(&self, steps: u64, steps_per_epoch: u64) -> Schedule {
        let (lr, options, steps) = (self.learning_rate, &self.schedule_options, steps.max(1));
        let per_epoch = steps_per_epoch.max(1) as f64;
        let min_lr = options.min_lr.unwrap_or(0.0);
        match self.schedule {
            ScheduleKind::Constant | ScheduleKind::Plateau => Schedule::constant(lr),
            ScheduleKind::Step => {
                let third = steps.div_ceil(3);
                let step_size = options.step_size.map_or(third, |epochs| (epochs * per_epoch).round() as u64);
                StepLr { lr, step_size: step_size.max(1), gamma: options.gamma.unwrap_or(0.1) }.into()
            }
            ScheduleKind::Exponential => {
                let hundredth = 0.01_f64.powf(1.0 / steps as f64);
                Exponential { lr, gamma: options.gamma.map_or(hundredth, |gamma| gamma.powf(1.0 / per_epoch)) }.into()
            }
            ScheduleKind::Polynomial => {
                Polynomial { lr, total_steps: steps, power: options.power.unwrap_or(1.0) }.into()
            }
            ScheduleKind::Cosine => CosineAnnealing { lr, t_max: steps, eta_min: min_lr }.into(),
            ScheduleKind::CosineRestarts => {
                let (cycles, t_mult) = (options.cycles.unwrap_or(3), u64::from(options.t_mult.unwrap_or(1)));
                // The cycles are 1, t_mult, t_mult² .. times as long as the first.
                let firsts: f64 = (0..cycles).map(|cycle| (t_mult as f64).powi(cycle as i32)).sum();
                let t_0 = (steps as f64 / firsts).ceil() as u64;
                CosineWarmRestarts { lr, t_0: t_0.max(1), t_mult, eta_min: min_lr }.into()
            }
            ScheduleKind::OneCycle => {
                let mut schedule = OneCycle::new(lr, steps);
                schedule.pct_start = options.pct_start.unwrap_or(schedule.pct_start);
                schedule.into()
            }
            ScheduleKind::Cyclic => {
                let half = steps.div_ceil(2 * u64::from(options.cycles.unwrap_or(4)));
                let mut schedule = Cyclic::new(options.min_lr.unwrap_or(lr / 10.0), lr, half.max(1));
                schedule.mode = options.mode.unwrap_or_default();
                schedule.gamma = options.gamma.unwrap_or(1.0).powf(1.0 / per_epoch);
                schedule.into()
            }
        }
    }

    /// What lowers the learning rate when the validation loss does not fall, if the settings ask for it.
    pub fn plateau(&self) -> Option<ReduceLrOnPlateau> {
        if self.schedule != ScheduleKind::Plateau {
            return None;
        }
        let (options, mut plateau) = (&self.schedule_options, ReduceLrOnPlateau::new(self.learning_rate));
        plateau.factor = options.factor.unwrap_or(plateau.factor);
        plateau.patience = options.patience.unwrap_or(2);
        plateau.threshold = options.threshold.unwrap_or(plateau.threshold);
        plateau.cooldown = options.cooldown.unwrap_or(plateau.cooldown);
        plateau.min_lr = options.min_lr.unwrap_or(plateau.min_lr);
        Some(plateau)
    }

    /// Refuses schedules that make no sense.
    pub(crate) fn validate_schedule(&self) -> Result<(), TrainError> {
        let refuse = |text: String| Err(TrainError::Config(text));
        let (kind, options) = (self.schedule, &self.schedule_options);
        if let Some(name) = options.given().iter().find(|name| !kind.options().contains(&name.as_str())) {
            return refuse(match kind.options() {
                [] => format!("--schedule-options: the schedule {kind} has none, so no {name}"),
                known => format!("--schedule-options: the schedule {kind} has no {name}; it has {}", known.join(", ")),
            });
        }
        if let Some(problem) = options.problem(self.learning_rate) {
            return refuse(format!("--schedule-options: {problem}"));
        }
        if !(self.warm_up >= 0.0 && self.warm_up < self.epochs as f64) {
            return refuse(format!(
                "--warm-up must be from 0 to below the {} epochs of the training, not {}",
                self.epochs, self.warm_up
            ));
        }
        if self.warm_up > 0.0 && matches!(kind, ScheduleKind::OneCycle | ScheduleKind::Cyclic) {
            return refuse(format!(
                "--warm-up has no place before the schedule {kind}, which begins low by itself\n\
                 Choose another, such as --schedule cosine."
            ));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use striate_models::digits::Architecture;

    use super::*;

    /// Six epochs of ten steps with learning rate 1.
    fn config(schedule: ScheduleKind, options: &str) -> TrainConfig {
        let schedule_options = options.parse().unwrap();
        let config = TrainConfig { schedule, schedule_options, ..TrainConfig::new(Architecture::Mlp) };
        let config = TrainConfig { epochs: 6, learning_rate: 1.0, ..config };
        config.validate().unwrap();
        config
    }

    fn rates<const N: usize>(config: &TrainConfig, steps: [u64; N]) -> [f64; N] {
        // Rounded, so that the expected values can be written down.
        steps.map(|step| (config.schedule(10).lr(step) * 1e6).round() / 1e6)
    }

    #[test]
    fn every_schedule_has_its_shape_without_options() {
        use ScheduleKind::*;
        for (kind, steps, expected) in [
            (Constant, [0, 30, 59], [1.0, 1.0, 1.0]),
            (Step, [19, 20, 40], [1.0, 0.1, 0.01]),
            (Exponential, [0, 30, 60], [1.0, 0.1, 0.01]),
            (Polynomial, [0, 15, 60], [1.0, 0.75, 0.0]),
            (Cosine, [0, 30, 60], [1.0, 0.5, 0.0]),
            (CosineRestarts, [10, 20, 50], [0.5, 1.0, 0.5]),
            (OneCycle, [0, 17, 59], [0.04, 1.0, 0.000004]),
            (Cyclic, [0, 8, 16], [0.1, 1.0, 0.1]),
            (Plateau, [0, 30, 59], [1.0, 1.0, 1.0]),
        ] {
            assert_eq!(rates(&config(kind, ""), steps), expected, "{kind}");
        }
        assert_eq!(ScheduleKind::NAMES.len(), 9, "the table above has them all");
    }

    #[test]
    fn options_are_obeyed() {
        use ScheduleKind::*;
        for (kind, options, steps, expected) in [
            (Step, "gamma=0.5,step_size=1.5", [14, 15, 30], [1.0, 0.5, 0.25]),
            (Exponential, "gamma=0.5", [0, 10, 20], [1.0, 0.5, 0.25]),
            (Polynomial, "power=2", [0, 30, 60], [1.0, 0.25, 0.0]),
            (Cosine, "min_lr=0.2", [0, 30, 60], [1.0, 0.6, 0.2]),
            // Cycles of 20 and 40 steps.
            (CosineRestarts, "cycles=2, t_mult=2", [10, 20, 40], [0.5, 1.0, 0.5]),
            (OneCycle, "pct_start=0.5", [0, 29, 59], [0.04, 1.0, 0.000004]),
            (Cyclic, "cycles=2,mode=triangular2,min_lr=0.2", [15, 30, 45], [1.0, 0.2, 0.6]),
            (Cyclic, "cycles=1,mode=exp-range,gamma=0.5,min_lr=0", [0, 30, 40], [0.0, 0.125, 0.041667]),
        ] {
            assert_eq!(rates(&config(kind, options), steps), expected, "{kind} {options}");
        }
    }

    #[test]
    fn a_warm_up_comes_before_the_schedule() {
        let warm = TrainConfig { warm_up: 0.4, ..config(ScheduleKind::Cosine, "") };
        assert_eq!(rates(&warm, [0, 1, 3, 4, 32, 60]), [0.2, 0.4, 0.8, 1.0, 0.5, 0.0]);
        let plateau = TrainConfig { warm_up: 0.1, ..config(ScheduleKind::Plateau, "") };
        assert_eq!(rates(&plateau, [0, 1, 40]), [0.5, 1.0, 1.0]);
    }

    #[test]
    fn a_plateau_is_as_the_options_say() {
        assert_eq!(config(ScheduleKind::Cosine, "").plateau(), None);
        let mut plateau = config(ScheduleKind::Plateau, "factor=0.5,patience=0,min_lr=0.3,threshold=0.1").plateau();
        let rates = [1.0, 0.95, 0.5, 0.5].map(|loss| plateau.as_mut().unwrap().step(loss));
        assert_eq!(rates, [1.0, 0.5, 0.5, 0.3]);
    }

    #[test]
    fn nonsense_is_refused() {
        let refused = |kind, options: &str, warm_up| {
            let config = TrainConfig { warm_up, ..config(ScheduleKind::Constant, "") };
            let config = TrainConfig { schedule: kind, schedule_options: options.parse().unwrap(), ..config };
            config.validate().unwrap_err().to_string()
        };
        use ScheduleKind::*;
        for (kind, options, warm_up, wanted) in [
            (Cosine, "gamma=0.5", 0.0, "the schedule cosine has no gamma; it has min_lr"),
            (Constant, "power=2", 0.0, "the schedule constant has none"),
            (Step, "gamma=0", 0.0, "gamma must be above 0 and at most 1"),
            (CosineRestarts, "cycles=0", 0.0, "cycles must be at least 1"),
            (Plateau, "factor=1", 0.0, "factor must be above 0 and below 1"),
            (Cosine, "min_lr=2", 0.0, "min_lr must be from 0 to the learning rate, 1"),
            (Cosine, "", 6.0, "--warm-up must be from 0 to below the 6 epochs"),
            (Cosine, "", f64::NAN, "--warm-up must be from 0"),
            (OneCycle, "", 0.5, "no place before the schedule one-cycle"),
        ] {
            let text = refused(kind, options, warm_up);
            assert!(text.contains(wanted), "{text}");
        }
        let unread = |text: &str| text.parse::<ScheduleOptions>().unwrap_err();
        assert!(unread("gama=0.5").contains("unknown field `gama`"), "{}", unread("gama=0.5"));
        assert!(unread("gamma").contains("write NAME=VALUE"), "{}", unread("gamma"));
        assert!(unread("patience=1.5").contains("expected u64"), "{}", unread("patience=1.5"));
        assert!(unread("mode=round").contains("triangular2"), "{}", unread("mode=round"));
    }
}
