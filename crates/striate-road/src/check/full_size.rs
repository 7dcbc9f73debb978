//! The measurement at full size that the check of a milestone ends with: real data, all of it, within a time that is said
//! before.

use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use super::judge::{Trial, headline, mutation};
use super::measure::{malformed, named};
use super::report::{FullRun, Report, Rung, Status};
use super::{Running, Subject, explain_stop};
use crate::exercise::{Answer, Exercise, FullSize, Outcome, Probe};
use crate::runner::Stop;

/// How far a measurement at full size has come.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Progress {
    /// What it works on, in words.
    pub data: &'static str,
    /// The share that has to be right, 0 to 1.
    pub asked: f64,
    /// Seconds since it started; 0 says that it starts.
    pub seconds: f64,
    /// Seconds that it may take.
    pub limit_seconds: f64,
}

/// Who hears of the progress, about once a second.
pub type Listener<'a> = &'a (dyn Fn(&Progress) + Sync);

const TOLD_EVERY: Duration = Duration::from_secs(1);

/// Measures a function that did all else that is asked for.
pub(super) fn measure(
    full: &FullSize,
    exercise: &Exercise,
    subject: &mut Running<'_>,
    listener: Listener<'_>,
    report: &mut Report,
) {
    let limit = Duration::from_secs(full.seconds);
    subject.session.allow(limit);
    let probe = Probe::hard(full.data, (full.arguments)());
    let (done, ticks) = channel::<()>();
    let called = std::thread::scope(|scope| {
        scope.spawn(move || {
            let started = Instant::now();
            let tell = |seconds| {
                listener(&Progress { data: full.data, asked: full.asked, seconds, limit_seconds: limit.as_secs_f64() });
            };
            tell(0.0);
            while let Err(RecvTimeoutError::Timeout) = ticks.recv_timeout(TOLD_EVERY) {
                tell(started.elapsed().as_secs_f64());
            }
        });
        let called = subject.call(&probe, false);
        drop(done);
        called
    });
    let mut run =
        FullRun { right: None, asked: full.asked, seconds: None, limit_seconds: limit.as_secs_f64(), enough: false };
    match called {
        Ok(returned) => {
            run.seconds = Some(returned.seconds);
            let got = Outcome::Value(returned.value);
            let mut trial = Trial { probe, expected: Outcome::Rejects(String::new()), got, failure: None };
            trial.failure = malformed(exercise, &trial).or_else(|| mutation(exercise, &returned.changed));
            judge(full, exercise, &trial, &mut run, report);
        }
        Err(stop) => stopped(full, &stop, report),
    }
    report.full_size = Some(run);
}

fn judge(full: &FullSize, exercise: &Exercise, trial: &Trial, run: &mut FullRun, report: &mut Report) {
    let Outcome::Value(result) = &trial.got else { return };
    if let Some(failure) = &trial.failure {
        report.status = Status::Fragile;
        report.rung = Some(failure.rung);
        report.headline = headline(exercise, failure, Status::Wrong);
        report.message = format!("With {}: {}", full.data, failure.text);
        return;
    }
    let (right, count) = (full.right)(Answer { arguments: &trial.probe.arguments, result });
    let share = right as f64 / count.max(1) as f64;
    (run.right, run.enough) = (Some(share), share >= full.asked);
    report.headline = format!(
        "{:.2} % right of {} {}; {} is asked for",
        100.0 * share,
        thousands(count),
        full.what,
        percent(full.asked)
    );
    let taken = run.seconds.unwrap_or_default();
    if run.enough {
        let line = format!("✓ {}: done in {taken:.1} s, {} s are allowed", full.data, full.seconds);
        report.message = format!("{}\n{line}", report.message);
        report.probes_passed += 1;
        return;
    }
    let line = format!("It took {taken:.1} s of the {} s that it may take.", full.seconds);
    report.message = format!("{}\n{line}", report.message);
    report.status = Status::Fragile;
    report.rung = Some(Rung::Requirements);
    report.diagnosis = named(exercise, full.shortfall, full.data);
}

/// A call without a result.
fn stopped(full: &FullSize, stop: &Stop, report: &mut Report) {
    let explained = explain_stop(stop, report.language, &format!("With {}", full.data));
    report.status = if *stop == Stop::Cancelled { Status::CannotRun } else { Status::Fragile };
    report.rung = Some(explained.rung);
    report.headline = explained.headline;
    report.place = explained.place;
    report.message = match stop {
        Stop::TimedOut(_) => {
            "It does all that is asked for on fewer images, so this is about speed. Whole batches as matrix products in place of loops over \
             images, float32, and fewer epochs where there are more images: count batches, not epochs. Time one batch, and multiply."
                .into()
        }
        Stop::OutOfMemory => {
            "What fits for 1500 images need not fit for 60,000: prepare each batch when its turn comes, and read new images in portions."
                .into()
        }
        _ => explained.message,
    };
}

/// A share in per cent, without zeros at its end.
fn percent(share: f64) -> String {
    format!("{} %", super::number_text(100.0 * share))
}

fn thousands(count: usize) -> String {
    if count < 1000 { count.to_string() } else { format!("{},{:03}", count / 1000, count % 1000) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_for_people() {
        assert_eq!((percent(0.975), percent(0.98)), ("97.5 %".into(), "98 %".into()));
        assert_eq!(
            (thousands(400), thousands(10_000), thousands(60_007)),
            ("400".into(), "10,000".into(), "60,007".into())
        );
    }
}
