//! The smallest failing case: the failing probe made smaller as long as it stays an input of the exercise and fails in
//! the same way.
//!
//! Nothing says what an input of an exercise is: what all probes have in common ([`Laws`]) must hold of a smaller input
//! too. The reference has to accept it, and where the mistake has a name, the mistake must still give what the learner's
//! function gives.

use std::time::{Duration, Instant};

use ndarray::{ArrayD, Axis, Slice};

use super::attempt::attempt;
use super::compare::{alike, compare};
use super::laws::{Laws, axes};
use super::report::{Evidence, Report, Rung};
use super::{Subject, explain_stop, show};
use crate::exercise::{Exercise, Misconception, Outcome, Probe};
use crate::runner::{Language, Stop};
use crate::value::{Array, Value};

/// What the search may cost.
#[derive(Clone, Copy, Debug)]
pub(super) struct Effort {
    /// Calls of the learner's function.
    pub calls: usize,
    /// Wall time.
    pub time: Duration,
}

impl Default for Effort {
    fn default() -> Self {
        Effort { calls: 400, time: Duration::from_millis(1500) }
    }
}

/// Puts the smallest failing case that can be found into the report, in place of the probe's.
pub(super) fn smallest(exercise: &Exercise, subject: &mut dyn Subject, report: &mut Report, effort: Effort) {
    let shrinkable = matches!(
        report.rung,
        Some(Rung::Values | Rung::Finite | Rung::Shape | Rung::Type | Rung::Returns | Rung::Mutation | Rung::Raises)
    );
    let (Some(rung), Some(case), true) = (report.rung, &report.case, shrinkable && exercise.measured.is_empty()) else {
        return;
    };
    let probes = (exercise.probes)();
    let Some(probe) = probes.iter().find(|probe| probe.label == case.label) else { return };
    let named = |found: &&Misconception| {
        report.diagnosis.as_ref().is_some_and(|diagnosis| {
            diagnosis.evidence == Evidence::Misconception && diagnosis.also.is_empty() && diagnosis.id == found.id
        })
    };
    let mut search = Search {
        exercise,
        subject,
        rung,
        language: report.language,
        misconception: exercise.misconceptions.iter().find(named),
        laws: laws(exercise, &probes),
        finite: true,
        error: None,
        calls: effort.calls,
        until: Instant::now() + effort.time,
        alive: true,
    };
    search.finite = matches!(exercise.expected(&probe.arguments), Outcome::Value(right) if finite(&right));
    let mut failing = search.failing(probe.arguments.clone());
    if failing.is_none() && search.misconception.take().is_some() {
        // The mistake explains one of several results, or other inputs than this one.
        failing = search.failing(probe.arguments.clone());
    }
    let Some(mut failing) = failing else { return };
    let again = show::case(&exercise.signature, probe, &failing.expected, &failing.got, &exercise.tolerance);
    if again.got != case.got {
        // It gives another answer now: what comes of other inputs says nothing.
        return;
    }
    let before = probe.size();
    while let Some(smaller) = search.step(&failing.arguments) {
        failing = smaller;
    }
    let label = if failing.arguments == probe.arguments {
        return explain(exercise, &failing, report);
    } else if failing.size() < before {
        format!("made smaller from {}", probe.label)
    } else {
        format!("with simpler numbers than {}", probe.label)
    };
    let smaller = Probe { label, difficulty: probe.difficulty, arguments: failing.arguments.clone() };
    report.case = Some(show::case(&exercise.signature, &smaller, &failing.expected, &failing.got, &exercise.tolerance));
    if rung == Rung::Raises {
        // The words of an error are about its own input: they change with it.
        report.headline = failing.text.clone();
    } else if !failing.text.is_empty() {
        // What follows the first line is about all inputs.
        let rest = report.message.split_once('\n').map_or(String::new(), |(_, rest)| format!("\n{rest}"));
        report.message = format!("{}{rest}", failing.text);
    }
    explain(exercise, &failing, report);
}

fn laws(exercise: &Exercise, probes: &[Probe]) -> Laws {
    let answered = |probe: &&Probe| matches!(exercise.expected(&probe.arguments), Outcome::Value(_));
    let inputs: Vec<&[Value]> = probes.iter().filter(answered).map(|probe| &probe.arguments[..]).collect();
    Laws::of(exercise, &inputs)
}

/// Adds to the case how its first wrong number comes about.
fn explain(exercise: &Exercise, failing: &Failing, report: &mut Report) {
    let (Some(case), Outcome::Value(expected), Outcome::Value(got)) =
        (&mut report.case, &failing.expected, &failing.got)
    else {
        return;
    };
    if let Some(text) = super::worked::by_hand(exercise, &failing.arguments, expected, got) {
        case.worked = text;
    }
}

/// An input that fails.
struct Failing {
    arguments: Vec<Value>,
    expected: Outcome,
    got: Outcome,
    text: String,
}

impl Failing {
    fn size(&self) -> usize {
        self.arguments.iter().map(Value::size).sum()
    }
}

struct Search<'a> {
    exercise: &'a Exercise,
    subject: &'a mut dyn Subject,
    rung: Rung,
    language: Option<Language>,
    misconception: Option<&'static Misconception>,
    laws: Laws,
    /// Whether right answers have to be finite.
    finite: bool,
    /// The error that is looked for, once it was seen on the probe: its type, and the line that raises it.
    error: Option<(String, Option<u32>)>,
    calls: usize,
    until: Instant,
    alive: bool,
}

impl Search<'_> {
    /// The first smaller or simpler input that still fails.
    fn step(&mut self, arguments: &[Value]) -> Option<Failing> {
        for candidate in candidates(self.exercise, arguments) {
            if !self.alive || self.calls == 0 || Instant::now() > self.until {
                return None;
            }
            if candidate == arguments || !self.laws.hold(self.exercise, &candidate) {
                continue;
            }
            if let Some(found) = self.failing(candidate) {
                return Some(found);
            }
        }
        None
    }

    /// The input with what happens on it, if it fails as the probe did.
    fn failing(&mut self, arguments: Vec<Value>) -> Option<Failing> {
        let expected = attempt(|| self.exercise.expected(&arguments))?;
        let Outcome::Value(right) = &expected else { return None };
        if self.finite && !finite(right) {
            return None;
        }
        let probe = Probe::ordinary("", arguments);
        self.calls = self.calls.saturating_sub(1);
        let (got, rung, text) = match self.subject.call(&probe, false) {
            Ok(returned) => {
                let value = self.exercise.in_canonical_form(&probe.arguments, returned.value);
                let kind = &self.exercise.signature.returns.kind;
                let difference = compare(right, &value, kind, &self.exercise.tolerance);
                let (rung, text) = match difference {
                    Some(found) if found.rung <= Rung::Mutation || returned.changed.is_empty() => {
                        (found.rung, found.text)
                    }
                    _ if !returned.changed.is_empty() => (Rung::Mutation, String::new()),
                    _ => return None,
                };
                (Outcome::Value(value), rung, text)
            }
            Err(stop @ Stop::Raised { .. }) => {
                if !self.same_error(&stop) {
                    return None;
                }
                let explained = explain_stop(&stop, self.language, "");
                (Outcome::Rejects(String::new()), Rung::Raises, explained.headline)
            }
            Err(_) => {
                self.alive = false;
                return None;
            }
        };
        let same_mistake = self.misconception.is_none_or(|known| {
            let predicted = attempt(|| self.exercise.outcome(known.behaviour, &probe.arguments));
            predicted.is_some_and(|predicted| alike(&predicted, &got, &self.exercise.tolerance))
        });
        (rung == self.rung && same_mistake).then_some(Failing { arguments: probe.arguments, expected, got, text })
    }
}

impl Search<'_> {
    /// Whether it is the error that is looked for; the first one seen is.
    fn same_error(&mut self, stop: &Stop) -> bool {
        let Stop::Raised { exception, place, .. } = stop else { return false };
        let found = (exception.clone(), place.as_ref().map(|place| place.line));
        *self.error.get_or_insert_with(|| found.clone()) == found
    }
}

fn finite(value: &Value) -> bool {
    match value {
        Value::Tuple(parts) => parts.iter().all(finite),
        Value::Array(array) => array.to_f64().iter().all(|x| x.is_finite()),
        Value::Float(x) => x.is_finite(),
        _ => true,
    }
}

/// Smaller and simpler inputs, the smallest first.
fn candidates<'a>(exercise: &'a Exercise, arguments: &'a [Value]) -> impl Iterator<Item = Vec<Value>> + 'a {
    let mut names: Vec<&'static str> = Vec::new();
    for at in 0..arguments.len() {
        names.extend(axes(exercise, at).iter().filter(|name| !names.contains(name)).copied().collect::<Vec<_>>());
    }
    let cuts = names.into_iter().flat_map(move |name| {
        let length = length_of(exercise, arguments, name);
        // To one, to half, by one; from either end.
        let mut kept = vec![1, length / 2, length.saturating_sub(1)];
        kept.retain(|&kept| kept >= 1 && kept < length);
        kept.dedup();
        kept.into_iter()
            .flat_map(|kept| [(0, kept), (1, kept)])
            .map(move |(end, kept)| cut(exercise, arguments, name, if end == 0 { 0 } else { length - kept }, kept))
    });
    let numbers = (0..arguments.len()).flat_map(move |at| {
        simpler(&arguments[at]).into_iter().map(move |value| {
            let mut changed = arguments.to_vec();
            changed[at] = value;
            changed
        })
    });
    cuts.chain(numbers)
}

fn length_of(exercise: &Exercise, arguments: &[Value], name: &str) -> usize {
    let length = |(at, value): (usize, &Value)| {
        let axis = axes(exercise, at).iter().position(|known| *known == name)?;
        value.as_array()?.shape().get(axis).copied()
    };
    arguments.iter().enumerate().find_map(length).unwrap_or(0)
}

/// The arguments with `kept` places of the axis called `name`, from `start` on, wherever that axis is.
fn cut(exercise: &Exercise, arguments: &[Value], name: &str, start: usize, kept: usize) -> Vec<Value> {
    let one = |(at, value): (usize, &Value)| {
        let mut value = value.clone();
        for (axis, known) in axes(exercise, at).iter().enumerate() {
            let Value::Array(array) = &value else { break };
            if *known == name && array.shape().get(axis).is_some_and(|&length| length >= start + kept) {
                value = Value::Array(sliced(array, axis, start, kept));
            }
        }
        value
    };
    arguments.iter().enumerate().map(one).collect()
}

fn sliced(array: &Array, axis: usize, start: usize, kept: usize) -> Array {
    fn of<T: Clone>(array: &ArrayD<T>, axis: usize, range: std::ops::Range<usize>) -> ArrayD<T> {
        array.slice_axis(Axis(axis), Slice::from(range)).as_standard_layout().into_owned()
    }
    let range = start..start + kept;
    match array {
        Array::F64(array) => Array::F64(of(array, axis, range)),
        Array::F32(array) => Array::F32(of(array, axis, range)),
        Array::I64(array) => Array::I64(of(array, axis, range)),
        Array::U8(array) => Array::U8(of(array, axis, range)),
        Array::Bool(array) => Array::Bool(of(array, axis, range)),
    }
}

/// Simpler values in place of one: smaller whole numbers, fewer digits. Zeros are left out: with them a sum is easy to
/// calculate, and shows nothing.
fn simpler(value: &Value) -> Vec<Value> {
    match value {
        // Never zero: a length, a stride, a number of steps.
        Value::Int(x) if *x > 1 => {
            [1, x / 2, x - 1].into_iter().filter(|smaller| smaller < x).map(Value::Int).collect()
        }
        Value::Float(x) => {
            let simple: Vec<f64> = [1.0, 0.5, x.round(), (x * 10.0).round() / 10.0].into();
            simple.into_iter().filter(|simple| digits(*simple) < digits(*x)).map(Value::Float).collect()
        }
        Value::Array(Array::F64(array)) => {
            // Numbers that count up show best what was multiplied with what.
            let mut next = 0.0;
            let counted = array.mapv(|_| {
                next += 1.0;
                next
            });
            let mut simple: Vec<ArrayD<f64>> =
                vec![counted, array.mapv(f64::round), array.mapv(|x| (x * 10.0).round() / 10.0)];
            if array.iter().any(|x| x.abs() > 9.0) {
                simple.push(array.mapv(|x| (x / 2.0).trunc()));
            }
            let weight = |array: &ArrayD<f64>| array.iter().map(|&x| digits(x)).sum::<usize>();
            let before = weight(array);
            simple.retain(|simple| simple.iter().all(|x| x.is_finite()) && weight(simple) < before);
            simple.into_iter().map(|simple| Value::Array(Array::F64(simple))).collect()
        }
        _ => Vec::new(),
    }
}

/// How hard a number is to calculate with by hand.
fn digits(x: f64) -> usize {
    if x == 0.0 {
        return 0;
    }
    if x.fract() != 0.0 {
        return 10 + format!("{}", x.abs()).len();
    }
    let size = if x.abs() < 10.0 { x.abs() as usize } else { 9 + x.abs().log10() as usize };
    2 * size.min(14) + usize::from(x < 0.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::content::{check_function, shrink_function};
    use crate::check::report::Shown;

    fn exercise(id: &str) -> &'static Exercise {
        crate::exercises::find(id).expect("an exercise")
    }

    /// The case shown for a known mistake, made small.
    fn case_of(id: &str, misconception: &str) -> crate::check::Case {
        let exercise = exercise(id);
        let known = exercise.misconceptions.iter().find(|known| known.id == misconception).expect("a misconception");
        shrink_function(exercise, known.behaviour).case.expect("a case")
    }

    fn shape(case: &crate::check::Case, at: usize) -> Vec<usize> {
        match &case.arguments[at].value {
            Shown::Array { shape, .. } => shape.clone(),
            Shown::Text { text, .. } => panic!("{text} is no array"),
        }
    }

    #[test]
    fn a_flipped_kernel_shows_on_one_row_in_small_numbers() {
        let case = case_of("correlate2d", "kernel-flipped");
        assert!(case.label.starts_with("made smaller from"), "{}", case.label);
        let numbers: usize = shape(&case, 0).iter().chain(&shape(&case, 1)).sum();
        assert!(numbers <= 1 + 2 + 1 + 3, "{case:#?}");
        assert!(case.worked.starts_with("By hand: out[0, 0] = ") && case.worked.contains(" + "), "{}", case.worked);
    }

    #[test]
    fn it_fits_a_screen() {
        let exercise = exercise("convolve2d");
        let report = shrink_function(exercise, exercise.misconceptions[0].behaviour);
        let style = crate::text::TerminalStyle { width: 100, color: false };
        insta::assert_snapshot!(crate::check::render(&report, style));
    }

    #[test]
    fn large_cases_fit_a_screen_too() {
        let style = crate::text::TerminalStyle { width: 100, color: false };
        for id in ["conv2d_backward", "lenet5", "train_cnn", "fold_bn", "speedup"] {
            let exercise = exercise(id);
            for known in exercise.misconceptions {
                let text = crate::check::render(&shrink_function(exercise, known.behaviour), style);
                let widest = text.lines().map(|line| line.chars().count()).max();
                assert!(text.lines().count() <= 40 && widest <= Some(100), "{id}: {}\n{text}", known.id);
            }
        }
    }

    #[test]
    fn axes_of_one_name_are_cut_together() {
        let case = case_of("conv2d_backward", "stride-ignored-in-dw");
        assert_eq!(shape(&case, 0)[0], shape(&case, 1)[0], "{case:#?}");
    }

    #[test]
    fn every_case_stays_an_input_and_a_failure() {
        for exercise in crate::exercises::all().iter().filter(|exercise| exercise.measured.is_empty()) {
            for known in exercise.misconceptions.iter().take(1) {
                let full = check_function(exercise, known.behaviour);
                let small = shrink_function(exercise, known.behaviour);
                assert_eq!((full.status, full.rung), (small.status, small.rung), "{}: {}", exercise.id, known.id);
                let size = |report: &Report| {
                    let case = report.case.as_ref().expect("a case");
                    let of = |shown: &Shown| match shown {
                        Shown::Array { shape, .. } => shape.iter().product(),
                        Shown::Text { .. } => 1,
                    };
                    case.arguments.iter().map(|named| of(&named.value)).sum::<usize>()
                };
                assert!(size(&small) <= size(&full), "{}: {}", exercise.id, known.id);
            }
        }
    }
}
