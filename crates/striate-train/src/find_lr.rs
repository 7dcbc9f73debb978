//! The learning-rate range test (L. N. Smith, *Cyclical Learning Rates for Training Neural Networks*, 2017).

use serde::Serialize;
use striate_data::Loader;

use crate::fit::Material;
use crate::trainer::Trainer;
use crate::weights::initial;
use crate::{StopFlag, TrainConfig, TrainError};

/// The loss so many times its least value ends the sweep: it has run away.
const RUN_AWAY: f64 = 4.0;
/// What the last losses weigh in the one that decides about the end.
const MEMORY: f64 = 0.8;
/// Fewer losses than this show no slope.
const LEAST_STEPS: usize = 20;

/// Learning rates to try, from low to high, each a constant factor above the last.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct LrRange {
    /// The first.
    pub from: f64,
    /// The last, unless the loss runs away before.
    pub to: f64,
    /// How many; one batch is learned from at each.
    pub steps: usize,
}

impl Default for LrRange {
    fn default() -> Self {
        Self { from: 1e-6, to: 10.0, steps: 150 }
    }
}

impl LrRange {
    fn validate(&self) -> Result<(), TrainError> {
        let Self { from, to, steps } = *self;
        if !(from.is_finite() && to.is_finite() && from > 0.0 && to > from) {
            return Err(TrainError::Config(format!(
                "the learning rates to try must go up from above 0, unlike {from}..{to}"
            )));
        }
        if steps < LEAST_STEPS {
            return Err(TrainError::Config(format!("{steps} steps show no slope: try at least {LEAST_STEPS}")));
        }
        Ok(())
    }

    /// The learning rate of step `step`.
    fn rate(&self, step: usize) -> f64 {
        self.from * (self.to / self.from).powf(step as f64 / (self.steps - 1) as f64)
    }
}

/// One step of the sweep.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct LrPoint {
    /// From 0.
    pub step: usize,
    /// The learning rate of the step.
    pub learning_rate: f64,
    /// The loss of its batch, before the step.
    pub loss: f64,
    /// The loss averaged with its neighbours.
    pub smoothed: f64,
}

/// How the loss went with the learning rate.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LrCurve {
    /// The steps.
    pub points: Vec<LrPoint>,
    /// Where the smoothed loss falls fastest: a safe learning rate.
    pub steepest: f64,
    /// A tenth of where the smoothed loss is least: a bold one, for schedules that go up to it and down again.
    pub tenth_of_minimum: f64,
    /// Whether the sweep ended early because the loss had run away.
    pub ran_away: bool,
}

/// Trains a fresh network, from `range.from` up to `range.to`, and looks where its loss falls. Everything is as in a
/// training with `config`, but nothing is written. `listener` is told each step (its smoothed loss is then of the past
/// only).
///
/// # Errors
/// As [`train`](crate::train); [`TrainError::FindLr`] if there is nothing to be seen: the loss is not a number at once,
/// or never falls. Asked to stop, that is an error too.
pub fn find_learning_rate(
    config: &TrainConfig,
    range: &LrRange,
    stop: &StopFlag,
    listener: &mut dyn FnMut(&LrPoint),
) -> Result<LrCurve, TrainError> {
    range.validate()?;
    let mut material = Material::read(config)?;
    if let Some(state) = initial(config, material.trainer.model())? {
        material.trainer.start_from(&state);
    }
    let loader = material.loader(config);
    let (points, ran_away) = sweep(&mut material.trainer, &loader, range, stop, listener)?;
    read_curve(points, ran_away, range)
}

/// The steps, and whether the loss ran away.
fn sweep(
    trainer: &mut Trainer,
    loader: &Loader,
    range: &LrRange,
    stop: &StopFlag,
    listener: &mut dyn FnMut(&LrPoint),
) -> Result<(Vec<LrPoint>, bool), TrainError> {
    let mut points: Vec<LrPoint> = Vec::with_capacity(range.steps);
    let (mut average, mut weight, mut least) = (0.0, 0.0, f64::INFINITY);
    let batches = (0..).flat_map(|epoch| loader.epoch(epoch, 0));
    for (step, batch) in batches.take(range.steps).enumerate() {
        if stop.is_stopped() {
            return Err(TrainError::FindLr(format!("stopped after {step} of {} learning rates", range.steps)));
        }
        let learning_rate = range.rate(step);
        let loss = trainer.step(&batch, step as u64, learning_rate);
        if !loss.is_finite() {
            return Ok((points, true));
        }
        average = MEMORY * average + (1.0 - MEMORY) * loss;
        weight = MEMORY * weight + (1.0 - MEMORY);
        let smoothed = average / weight;
        least = least.min(smoothed);
        let point = LrPoint { step, learning_rate, loss, smoothed };
        listener(&point);
        points.push(point);
        if smoothed > RUN_AWAY * least {
            return Ok((points, true));
        }
    }
    Ok((points, false))
}

/// Where the loss falls fastest and where it is least.
fn read_curve(mut points: Vec<LrPoint>, ran_away: bool, range: &LrRange) -> Result<LrCurve, TrainError> {
    let LrRange { from, .. } = range;
    if points.is_empty() {
        return Err(TrainError::FindLr(format!(
            "the loss is no number at the first step, with learning rate {from}\nStart lower, and check the data."
        )));
    }
    if points.len() < LEAST_STEPS {
        let (steps, last) = (points.len(), points[points.len() - 1].learning_rate);
        return Err(TrainError::FindLr(format!(
            "the loss ran away after {steps} steps, at learning rate {last:.1e}: too few to see a slope\nStart lower than {from:e}."
        )));
    }
    smooth(&mut points);
    let of_least = |a: &&LrPoint, b: &&LrPoint| a.smoothed.total_cmp(&b.smoothed);
    let least = *points.iter().min_by(of_least).expect("at least one point");
    // The rates are evenly spaced on the logarithmic axis: the slope is a difference of neighbours.
    let slopes = points[..=least.step].windows(3).map(|three| (three[2].smoothed - three[0].smoothed, three[1]));
    let steepest = slopes.min_by(|a, b| a.0.total_cmp(&b.0)).filter(|(slope, _)| *slope < 0.0);
    let fell = least.smoothed < 0.9 * points[0].smoothed;
    match steepest {
        Some((_, steepest)) if fell => Ok(LrCurve {
            points,
            steepest: steepest.learning_rate,
            tenth_of_minimum: least.learning_rate / 10.0,
            ran_away,
        }),
        _ => Err(TrainError::FindLr(format!(
            "the loss does not fall between the learning rates {from:e} and {:.1e}\nTry another range, or more steps.",
            points[points.len() - 1].learning_rate
        ))),
    }
}

/// Replaces each smoothed loss by the mean of its neighbourhood: unlike a running average it does not lag behind.
fn smooth(points: &mut [LrPoint]) {
    let reach = points.len() / 25 + 1;
    let losses: Vec<f64> = points.iter().map(|point| point.loss).collect();
    for (index, point) in points.iter_mut().enumerate() {
        // As far to both sides: a slope would shift the mean otherwise.
        let reach = reach.min(index).min(losses.len() - 1 - index);
        let near = &losses[index - reach..=index + reach];
        point.smoothed = near.iter().sum::<f64>() / near.len() as f64;
    }
}

#[cfg(test)]
mod tests {
    use striate_models::digits::Architecture;

    use super::*;

    fn points(losses: impl Iterator<Item = f64>, range: &LrRange) -> Vec<LrPoint> {
        losses
            .enumerate()
            .map(|(step, loss)| LrPoint { step, learning_rate: range.rate(step), loss, smoothed: loss })
            .collect()
    }

    #[test]
    fn a_known_curve_is_read() {
        // Falls as tanh around 1e-3, is least at 1e-1, rises after.
        let range = LrRange { from: 1e-6, to: 1.0, steps: 121 };
        let loss = |step: usize| {
            let decade = range.rate(step).log10();
            2.0 - (2.0 * (decade + 3.0)).tanh() + (decade + 1.0).max(0.0).powi(2) * 3.0
        };
        let curve = read_curve(points((0..121).map(loss), &range), false, &range).unwrap();
        assert!((curve.steepest.log10() + 3.0).abs() < 0.11, "{}", curve.steepest);
        assert!((curve.tenth_of_minimum.log10() + 2.0).abs() < 0.3, "{}", curve.tenth_of_minimum);
    }

    #[test]
    fn nothing_to_see_is_said() {
        let range = LrRange::default();
        let text =
            |losses: Vec<f64>| read_curve(points(losses.into_iter(), &range), true, &range).unwrap_err().to_string();
        assert!(text(vec![]).contains("no number at the first step"));
        assert!(text(vec![2.0; 5]).contains("ran away after 5 steps"));
        assert!(text(vec![2.0; 50]).contains("does not fall between"));
        assert!(text((0..50).map(f64::from).collect()).contains("does not fall between"));
    }

    #[test]
    fn nonsense_is_refused_before_the_data_are_read() {
        let refused = |from, to, steps| LrRange { from, to, steps }.validate().unwrap_err().to_string();
        assert!(refused(0.0, 1.0, 100).contains("must go up from above 0"));
        assert!(refused(1.0, 0.1, 100).contains("unlike 1..0.1"));
        assert!(refused(f64::NAN, 1.0, 100).contains("must go up"));
        assert!(refused(1e-5, 1.0, 3).contains("at least 20"));
    }

    /// On MNIST: the rate it finds lets the network learn in a few steps, and the same call gives the same curve.
    #[test]
    fn finds_a_rate_that_learns_digits() {
        let mut config = TrainConfig::new(Architecture::Mlp);
        config.train_limit = Some(6000);
        let range = LrRange { steps: 80, ..LrRange::default() };
        let mut seen = 0;
        let find = |seen: &mut usize| {
            find_learning_rate(&config, &range, &StopFlag::new(), &mut |point| {
                assert!(point.loss.is_finite());
                *seen += 1;
            })
            .unwrap()
        };
        let curve = find(&mut seen);
        assert_eq!(seen, curve.points.len());
        assert!((1e-4..0.3).contains(&curve.steepest), "{}", curve.steepest);
        assert_eq!(find(&mut seen), curve);

        config.learning_rate = curve.steepest;
        let mut material = Material::read(&config).unwrap();
        let loader = material.loader(&config);
        let losses: Vec<f64> = loader
            .epoch(0, 0)
            .enumerate()
            .map(|(step, batch)| material.trainer.step(&batch, step as u64, curve.steepest))
            .collect();
        assert!(losses[losses.len() - 1] < 0.6 * losses[0], "{losses:?}");

        let stop = StopFlag::new();
        stop.stop();
        let stopped = find_learning_rate(&config, &range, &stop, &mut |_| {}).unwrap_err();
        assert!(stopped.to_string().contains("stopped after 0 of 80"), "{stopped}");
    }
}
