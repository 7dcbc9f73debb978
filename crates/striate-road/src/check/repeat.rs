//! The same input gets the same answer again, and a result that was given stays as it is.
//!
//! Two kinds of code break that. Some remember: a variable of the module, a mutable default argument, random numbers
//! without a seed. In Python some also hand out memory that they write to again: a buffer or a cache that lives longer
//! than the call, or a view of one. A result that is a view of an *argument* is neither: NumPy's own slices, `reshape` and
//! `transpose` are such, and nothing changes unless the caller writes. In Rust a result owns its memory, so what is asked
//! there is the first question only.

use super::attempt::attempt;
use super::compare::{alike, alike_values};
use super::judge::Trial;
use super::laws::Laws;
use super::report::{Diagnosis, Evidence, Report, Rung, See, Status};
use super::{Subject, show};
use crate::exercise::{Exercise, Outcome, Probe};
use crate::runner::Stop;
use crate::value::{Array, Value};

/// Id of what remembers.
const REMEMBERS: &str = "answer-depends-on-earlier-calls";

/// A way to break the promise.
struct Way {
    id: &'static str,
    headline: &'static str,
    title: &'static str,
    explanation: &'static str,
    question: &'static str,
    see: (&'static str, &'static str),
}

const REMEMBERED: Way = Way {
    id: REMEMBERS,
    headline: "Right the first time, but the same input gets another answer later",
    title: "the same input gets another answer when it comes again",
    explanation: "Something lives on from call to call: a variable outside of the function, a mutable default argument (def f(x, \
                  seen=[]) makes that list once, for all calls), a cache that does not look at all of the input, or random numbers \
                  without a seed. An answer may depend on its arguments only: make what you need inside of the function.",
    question: "Which name in your function was made before it was called?",
    see: ("corey-python", "basics block: functions"),
};

const OVERWRITTEN: Way = Way {
    id: "result-changed-by-next-call",
    headline: "Right, but a result changes when your function is called again",
    title: "the next call writes into the result of this one",
    explanation: "Your function returns an array that lives longer than the call, a buffer outside of it or a view of one, and fills it \
                  again next time. Whoever keeps two results finds the second one twice. Make the array inside of the function, or \
                  return a copy: out.copy().",
    question: "Where is the array made that you return: inside of the call, or before it?",
    see: ("numpy", "Copies and views"),
};

const HANDED_OUT: Way = Way {
    id: "cache-handed-out",
    headline: "Right, but whoever writes into a result changes later ones",
    title: "the array that you return is the one you keep for the next call",
    explanation: "Your function keeps a result and returns that very array when the same input comes again. A caller who writes into it \
                  (k /= k.sum(), img[mask] = 0) writes into your cache, and the next answer is wrong. Return a copy: out.copy().",
    question: "Who else holds the array that you return?",
    see: ("numpy", "Copies and views"),
};

/// Whether a diagnosis says that the function remembers.
pub(super) fn remembers(report: &Report) -> bool {
    report.diagnosis.as_ref().is_some_and(|found| found.id == REMEMBERS)
}

/// Where answers are wrong: is it because of the calls before? The first call came before all others.
pub(super) fn explain(exercise: &Exercise, subject: &mut dyn Subject, trials: &[Trial], report: &mut Report) {
    let named = report.diagnosis.as_ref().is_some_and(|found| found.evidence == Evidence::Misconception);
    let (Some(first), false) = (trials.first(), named) else { return };
    if !matches!(first.got, Outcome::Value(_)) {
        return;
    }
    let mut call = |probe: &Probe| match subject.call(probe, false) {
        Ok(returned) => Some(Outcome::Value(exercise.in_canonical_form(&probe.arguments, returned.value))),
        Err(Stop::Raised { message, .. }) => Some(Outcome::Rejects(message)),
        Err(_) => None,
    };
    let Some(again) = call(&first.probe) else { return };
    let twice = |label: &str| Some(diagnosis(&REMEMBERED, &format!("{label} came twice, with two answers")));
    if !alike(&first.got, &again, &exercise.tolerance) {
        report.diagnosis = twice(&first.probe.label);
        return;
    }
    // What starts anew with the first input, as a variable that is made again for another shape does.
    let failing = trials.iter().filter(|trial| trial.failure.is_some() && matches!(trial.got, Outcome::Value(_)));
    if let Some(trial) = failing.min_by_key(|trial| trial.probe.size()) {
        let (Some(one), Some(other)) = (call(&trial.probe), call(&trial.probe)) else { return };
        if !alike(&one, &other, &exercise.tolerance) {
            report.diagnosis = twice(&trial.probe.label);
            return;
        }
    }
    if let Some((later, earlier)) = stale(exercise, trials) {
        let certainty = format!("{} got the answer of {}", later.probe.label, earlier.probe.label);
        report.diagnosis = Some(diagnosis(&REMEMBERED, &certainty));
    }
}

/// Two inputs of which the later one got the right answer of the earlier one, which no chance makes of so many numbers.
fn stale<'t>(exercise: &Exercise, trials: &'t [Trial]) -> Option<(&'t Trial, &'t Trial)> {
    const ENOUGH: usize = 3;
    let telling = |trial: &Trial| match &trial.expected {
        Outcome::Value(Value::Array(array)) => {
            let mut numbers = array.to_f64();
            numbers.retain(|x| x.is_finite() && *x != 0.0);
            numbers.sort_by(f64::total_cmp);
            numbers.dedup();
            numbers.len() >= ENOUGH
        }
        _ => false,
    };
    let same = |one: &Outcome, other: &Outcome| alike(one, other, &exercise.tolerance);
    trials.iter().enumerate().find_map(|(at, later)| {
        let earlier = trials[..at]
            .iter()
            .find(|earlier| earlier.failure.is_none() && telling(earlier) && same(&earlier.expected, &later.got))?;
        (!same(&earlier.expected, &later.expected)).then_some((later, earlier))
    })
}

/// Where all answers are right: do they come again, and do they stay?
pub(super) fn matters(exercise: &Exercise, subject: &mut dyn Subject, trials: &[Trial], report: &mut Report) -> bool {
    let answered = |trial: &&Trial| matches!(trial.expected, Outcome::Value(_)) && !trial.hard();
    let mut ordinary: Vec<&Trial> = trials.iter().filter(answered).collect();
    ordinary.sort_by_key(|trial| trial.probe.size());
    let Some(&smallest) = ordinary.first() else { return false };
    let again = match subject.call(&smallest.probe, false) {
        Ok(returned) => Outcome::Value(exercise.in_canonical_form(&smallest.probe.arguments, returned.value)),
        Err(Stop::Raised { message, .. }) => Outcome::Rejects(message),
        Err(_) => return false,
    };
    if !alike(&smallest.expected, &again, &exercise.tolerance) {
        return told(exercise, smallest, &again, &REMEMBERED, report);
    }
    let inputs: Vec<&[Value]> = ordinary.iter().map(|trial| &trial.probe.arguments[..]).collect();
    let laws = Laws::of(exercise, &inputs);
    // One that other inputs fit: a buffer that is used again has room for their answers.
    let with_others = ordinary.iter().take(SMALL).map(|trial| (*trial, others(exercise, &laws, &ordinary, trial)));
    let (trial, others) =
        with_others.max_by_key(|(trial, others)| (others.len(), std::cmp::Reverse(trial.probe.size()))).expect("one");
    changed(exercise, subject, (trial, &others), report)
}

/// How many of the smallest inputs are looked at.
const SMALL: usize = 4;

/// Whether the result for an input changes when `others` are asked for, or when the caller writes into it.
fn changed(
    exercise: &Exercise,
    subject: &mut dyn Subject,
    (trial, others): (&Trial, &[(Probe, Value)]),
    report: &mut Report,
) -> bool {
    let Outcome::Value(right) = &trial.expected else { return false };
    let probes: Vec<Probe> = others.iter().map(|(probe, _)| probe.clone()).collect();
    let Some(Ok(kept)) = subject.keep(&trial.probe, &probes) else { return false };
    let same = |one: &Value, other: &Value| alike_values(one, other, &exercise.tolerance);
    // An answer to another input that is the old answer: taken from a cache that does not look at all of the input.
    for ((probe, expected), value) in others.iter().zip(kept.others) {
        let value = value.map(|value| exercise.in_canonical_form(&probe.arguments, value));
        if let Some(value) = value.filter(|value| same(right, value) && !same(expected, value)) {
            let (probe, got) = (probe.clone(), Outcome::Value(value));
            let stale = Trial { probe, expected: Outcome::Value(expected.clone()), got: got.clone(), failure: None };
            return told(exercise, &stale, &got, &REMEMBERED, report);
        }
    }
    let canonical = |value: Value| exercise.in_canonical_form(&trial.probe.arguments, value);
    if !same(right, &canonical(kept.given)) {
        return false;
    }
    let later = [(kept.after_others, &OVERWRITTEN), (kept.after_writing, &HANDED_OUT)];
    let found = later.into_iter().map(|(value, way)| (canonical(value), way)).find(|(value, _)| !same(right, value));
    found.is_some_and(|(value, way)| told(exercise, trial, &Outcome::Value(value), way, report))
}

/// Inputs whose answers have the shapes of the one to `of` and are others, with these: inputs of the check, and the same
/// input with numbers in reverse order.
fn others(exercise: &Exercise, laws: &Laws, trials: &[&Trial], of: &Trial) -> Vec<(Probe, Value)> {
    let arguments = &of.probe.arguments;
    let arrays: Vec<usize> = (0..arguments.len()).filter(|&at| matches!(arguments[at], Value::Array(_))).collect();
    let mut sets: Vec<Vec<usize>> = vec![arrays.clone()];
    sets.extend(arrays.into_iter().map(|at| vec![at]));
    let reversed = sets.iter().filter_map(|set| {
        let mut arguments = arguments.clone();
        set.iter().for_each(|&at| arguments[at] = backwards(&arguments[at]));
        laws.hold(exercise, &arguments).then_some(())?;
        let expected = attempt(|| exercise.expected(&arguments))?;
        Some((Probe::ordinary(format!("{}, numbers in reverse order", of.probe.label), arguments), expected))
    });
    let tried = trials.iter().map(|trial| (trial.probe.clone(), trial.expected.clone()));
    let fits = |(probe, expected): (Probe, Outcome)| {
        let (Outcome::Value(right), Outcome::Value(value)) = (&of.expected, &expected) else { return None };
        let other = same_shapes(right, value) && !alike_values(right, value, &exercise.tolerance);
        other.then(|| (probe, value.clone()))
    };
    reversed.chain(tried).filter_map(fits).take(OTHERS).collect()
}

/// How many other inputs are asked for while a result is kept.
const OTHERS: usize = 3;

fn same_shapes(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Array(one), Value::Array(other)) => one.shape() == other.shape(),
        (Value::Tuple(one), Value::Tuple(other)) | (Value::List(one), Value::List(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| same_shapes(one, other))
        }
        (one, other) => std::mem::discriminant(one) == std::mem::discriminant(other),
    }
}

/// An array with its numbers in reverse order.
fn backwards(value: &Value) -> Value {
    fn reversed<T: Clone>(array: &ndarray::ArrayD<T>) -> ndarray::ArrayD<T> {
        let mut numbers: Vec<T> = array.iter().cloned().collect();
        numbers.reverse();
        ndarray::ArrayD::from_shape_vec(array.raw_dim(), numbers).expect("as many numbers")
    }
    match value {
        Value::Array(Array::F64(array)) => Value::Array(Array::F64(reversed(array))),
        Value::Array(Array::F32(array)) => Value::Array(Array::F32(reversed(array))),
        Value::Array(Array::I64(array)) => Value::Array(Array::I64(reversed(array))),
        Value::Array(Array::U8(array)) => Value::Array(Array::U8(reversed(array))),
        Value::Array(Array::Bool(array)) => Value::Array(Array::Bool(reversed(array))),
        other => other.clone(),
    }
}

fn told(exercise: &Exercise, trial: &Trial, got: &Outcome, way: &Way, report: &mut Report) -> bool {
    report.status = Status::Fragile;
    report.rung = Some(Rung::Repeats);
    report.headline = way.headline.into();
    report.diagnosis = Some(diagnosis(way, &format!("seen with {}", trial.probe.label)));
    report.case = Some(show::case(&exercise.signature, &trial.probe, &trial.expected, got, &exercise.tolerance));
    true
}

fn diagnosis(way: &Way, certainty: &str) -> Diagnosis {
    Diagnosis {
        evidence: Evidence::Requirement,
        id: way.id.into(),
        title: way.title.into(),
        explanation: way.explanation.into(),
        question: way.question.into(),
        see: Some(See { resource: way.see.0.into(), at: way.see.1.into() }),
        certainty: certainty.into(),
        also: Vec::new(),
    }
}
