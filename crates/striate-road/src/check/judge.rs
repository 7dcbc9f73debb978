//! The ladder: runs every probe, then asks the questions in teaching order.

use super::compare::{Difference, compare};
use super::report::{Report, Rung, Status};
use super::{
    Subject, diagnose, error_words, explain_stop, fingerprint, measure, pair, refusal, repeat, shape, show, unchanged,
};
use crate::exercise::{Difficulty, Exercise, Kind, Outcome, Probe};
use crate::runner::{Place, Stop};
use crate::value::Value;

/// One probe with the right answer and what the learner's function did.
pub(super) struct Trial {
    pub probe: Probe,
    pub expected: Outcome,
    pub got: Outcome,
    /// What is wrong, if anything.
    pub failure: Option<Failure>,
}

pub(super) struct Failure {
    pub rung: Rung,
    pub text: String,
    pub place: Option<Place>,
}

impl Trial {
    pub fn hard(&self) -> bool {
        self.probe.difficulty == Difficulty::Hard
    }
}

/// Runs `subject` on every probe and writes into the report what it shows.
pub(super) fn judge(exercise: &Exercise, subject: &mut dyn Subject, report: &mut Report) {
    if !exercise.measured.is_empty() {
        measure::judge(exercise, subject, report);
        return;
    }
    let probes = (exercise.probes)();
    report.probes = probes.len();
    let mut trials = Vec::new();
    for probe in probes {
        let expected = exercise.expected(&probe.arguments);
        match subject.call(&probe, false) {
            Ok(returned) => trials.push(judge_value(exercise, probe, expected, returned.value, &returned.changed)),
            Err(stop @ Stop::Raised { .. }) => {
                if trials.is_empty() && is_unwritten(&stop) {
                    return not_attempted(exercise, report);
                }
                trials.push(judge_raise(report, probe, expected, &stop));
            }
            Err(stop) => {
                report.probes_passed = trials.iter().filter(|trial| trial.failure.is_none()).count();
                return stopped(exercise, &trials, &probe, &stop, report);
            }
        }
    }
    report.probes_passed = trials.iter().filter(|trial| trial.failure.is_none()).count();
    if trials.iter().any(|trial| trial.failure.is_some()) {
        failed(exercise, &trials, report);
        return repeat::explain(exercise, subject, &trials, report);
    }
    if property_violated(exercise, &trials, report)
        || repeat::matters(exercise, subject, &trials, report)
        || layout_matters(exercise, subject, &trials, report)
    {
        return;
    }
    report.status = Status::Passed;
    report.headline = format!("Right on all {} inputs", report.probes);
}

fn judge_value(exercise: &Exercise, probe: Probe, expected: Outcome, got: Value, changed: &[usize]) -> Trial {
    let got = exercise.in_canonical_form(&probe.arguments, got);
    let mut failure = match &expected {
        Outcome::Value(right) => compare(right, &got, &exercise.signature.returns.kind, &exercise.tolerance)
            .map(|Difference { rung, text, .. }| Failure { rung, text, place: None }),
        Outcome::Rejects(why) => Some(Failure {
            rung: Rung::Rejects,
            text: format!("Your function accepts an input that it has to refuse: {why}."),
            place: None,
        }),
    };
    if failure.as_ref().is_none_or(|failure| failure.rung > Rung::Mutation) {
        failure = mutation(exercise, changed).or(failure);
    }
    Trial { probe, expected, got: Outcome::Value(got), failure }
}

/// What is wrong with a call that changed these arguments in place.
pub(super) fn mutation(exercise: &Exercise, changed: &[usize]) -> Option<Failure> {
    let parameter = changed.first().and_then(|&at| exercise.signature.parameters.get(at))?;
    let text = format!(
        "Your function changes its argument {0} in place. The caller still needs {0}: work on a copy \
         ({0}.copy()), or make a new array for the result.",
        parameter.name
    );
    Some(Failure { rung: Rung::Mutation, text, place: None })
}

fn judge_raise(report: &Report, probe: Probe, expected: Outcome, stop: &Stop) -> Trial {
    let explained = explain_stop(stop, report.language, &format!("With {}", probe.label));
    let got = Outcome::Rejects(explained.headline.clone());
    let failure = match &expected {
        // Leaving a case unwritten is not refusing it.
        Outcome::Rejects(_) if !is_unwritten(stop) => None,
        _ => Some(Failure { rung: Rung::Raises, text: explained.headline, place: explained.place }),
    };
    Trial { probe, expected, got, failure }
}

/// Whether the starter's own error was raised.
pub(super) fn is_unwritten(stop: &Stop) -> bool {
    match stop {
        Stop::Raised { exception, message, .. } => {
            exception == "NotImplementedError"
                || (exception == "panic"
                    && (message.starts_with("not implemented") || message.starts_with("not yet implemented")))
        }
        _ => false,
    }
}

pub(super) fn not_attempted(exercise: &Exercise, report: &mut Report) {
    report.status = Status::NotAttempted;
    report.rung = Some(Rung::Attempted);
    report.headline = format!("{} is still to be written", exercise.signature.name);
    report.message = "That is where everybody starts. Write the function, save, and check again.".into();
}

pub(super) fn stopped(exercise: &Exercise, trials: &[Trial], probe: &Probe, stop: &Stop, report: &mut Report) {
    let explained = explain_stop(stop, report.language, &format!("With {}", probe.label));
    let edges_only = probe.difficulty == Difficulty::Hard
        && trials.iter().all(|trial| trial.hard() || trial.failure.is_none())
        && trials.iter().any(|trial| !trial.hard());
    report.status = match stop {
        Stop::Cancelled => Status::CannotRun,
        _ if edges_only => Status::Fragile,
        _ => Status::Wrong,
    };
    report.rung = Some(explained.rung);
    report.headline = explained.headline;
    report.message = explained.message;
    report.place = explained.place;
    if *stop != Stop::Cancelled {
        let nothing = Outcome::Rejects(String::new());
        report.case = Some(show::case(&exercise.signature, probe, &nothing, &nothing, &exercise.tolerance));
    }
}

fn failed(exercise: &Exercise, trials: &[Trial], report: &mut Report) {
    let ordinary = trials.iter().any(|trial| trial.failure.is_some() && !trial.hard());
    report.status = if ordinary { Status::Wrong } else { Status::Fragile };
    let failing = || {
        trials
            .iter()
            .filter(move |trial| trial.hard() != ordinary)
            .filter_map(|trial| trial.failure.as_ref().map(|failure| (trial, failure)))
    };
    let rung = failing().map(|(_, failure)| failure.rung).min().unwrap_or(Rung::Values);
    let smallest =
        |rung: Rung| failing().filter(|(_, failure)| failure.rung == rung).min_by_key(|(trial, _)| trial.probe.size());
    report.diagnosis = diagnose::misconception(exercise, trials);
    if report.diagnosis.is_none() {
        report.diagnosis = unchanged::recognise(exercise, trials);
    }
    if report.diagnosis.is_none() && rung >= Rung::Shape {
        report.diagnosis = fingerprint::whole(exercise, trials).or_else(|| pair::diagnose(exercise, trials));
    }
    if report.diagnosis.is_none() && ordinary {
        report.diagnosis = diagnose::on_ordinary_inputs(exercise, trials);
    }
    if report.diagnosis.is_none() && rung >= Rung::Shape {
        report.diagnosis = pair::in_one_result(exercise, trials);
    }
    // A named mistake is best seen in numbers; without a name the lowest rung is what to look at.
    let shown =
        if report.diagnosis.is_some() { smallest(Rung::Values).or_else(|| smallest(rung)) } else { smallest(rung) };
    let Some((trial, failure)) = shown else { return };
    report.rung = Some(failure.rung);
    report.place = failure.place.clone();
    report.headline = headline(exercise, failure, report.status);
    report.message = match failure.rung {
        Rung::Raises => error_words::words(&failure.text).to_string(),
        _ => failure.text.clone(),
    };
    if failure.rung == Rung::Shape
        && report.diagnosis.is_none()
        && let Some(formula) = shape::explain(exercise, trials)
    {
        report.message = format!("{}\n{formula}", report.message);
    }
    report.case = Some(show::case(&exercise.signature, &trial.probe, &trial.expected, &trial.got, &exercise.tolerance));
    if report.diagnosis.is_none() && matches!(failure.rung, Rung::Values | Rung::Finite) {
        report.diagnosis = fingerprint::recognise(exercise, trials);
    }
    if report.diagnosis.is_none() {
        let failing: Vec<&Trial> = trials.iter().filter(|trial| trial.failure.is_some()).collect();
        report.diagnosis = refusal::name(&failing);
    }
}

pub(super) fn headline(exercise: &Exercise, failure: &Failure, status: Status) -> String {
    let what = match failure.rung {
        Rung::Raises => return failure.text.clone(),
        Rung::Returns => "Your function returns nothing",
        Rung::Type => "The result has the wrong type",
        Rung::Shape => "The result has the wrong shape",
        Rung::Finite => "The result is not finite",
        Rung::Mutation => "Your function changes its input",
        Rung::Rejects => "An input that must be refused is accepted",
        _ if matches!(exercise.signature.returns.kind, Kind::Python(_) | Kind::Text | Kind::Bool) => {
            "The result is wrong"
        }
        _ => "The numbers are wrong",
    };
    if status == Status::Fragile {
        format!("Right on ordinary inputs, but on the edges: {}", lower(what))
    } else {
        what.into()
    }
}

fn lower(text: &str) -> String {
    let mut characters = text.chars();
    characters.next().map_or_else(String::new, |first| first.to_lowercase().chain(characters).collect())
}

pub(super) fn property_violated(exercise: &Exercise, trials: &[Trial], report: &mut Report) -> bool {
    for trial in trials.iter().filter(|trial| !trial.hard()) {
        let Outcome::Value(got) = &trial.got else { continue };
        for property in exercise.properties {
            if let Some(violation) = (property.violated)(&trial.probe.arguments, got) {
                report.status = Status::Wrong;
                report.rung = Some(Rung::Property);
                report.headline = format!("A right answer {}; yours does not", property.title);
                report.message = violation;
                report.case = Some(show::case(
                    &exercise.signature,
                    &trial.probe,
                    &trial.expected,
                    &trial.got,
                    &exercise.tolerance,
                ));
                return true;
            }
        }
    }
    false
}

/// Runs the ordinary probes again on arrays that are not contiguous, as slices of a larger array are.
fn layout_matters(exercise: &Exercise, subject: &mut dyn Subject, trials: &[Trial], report: &mut Report) -> bool {
    if !subject.has_layouts() {
        return false;
    }
    let takes_arrays = |trial: &&Trial| trial.probe.arguments.iter().any(|value| matches!(value, Value::Array(_)));
    for trial in trials.iter().filter(|trial| !trial.hard()).filter(takes_arrays).take(2) {
        let (Outcome::Value(expected), Outcome::Value(_)) = (&trial.expected, &trial.got) else { continue };
        let kind = &exercise.signature.returns.kind;
        let failure = match subject.call(&trial.probe, true) {
            Ok(returned) => {
                let got = exercise.in_canonical_form(&trial.probe.arguments, returned.value);
                compare(expected, &got, kind, &exercise.tolerance)
                    .map(|difference| (difference.text, None, Outcome::Value(got)))
            }
            Err(stop) => {
                let explained = explain_stop(&stop, report.language, "With a slice of a larger array");
                Some((explained.headline.clone(), explained.place, Outcome::Rejects(explained.headline)))
            }
        };
        if let Some((text, place, got)) = failure {
            report.status = Status::Fragile;
            report.rung = Some(Rung::Layout);
            report.headline = "Right, but not for arrays that are slices of larger ones".into();
            report.message = format!(
                "{text}\nThe numbers are the same, only their places in memory differ, as in big[::2, ::2]. Index with \
                 [i, j] in place of reading the memory in order."
            );
            report.place = place;
            report.case =
                Some(show::case(&exercise.signature, &trial.probe, &trial.expected, &got, &exercise.tolerance));
            return true;
        }
    }
    false
}
