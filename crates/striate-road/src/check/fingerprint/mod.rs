//! Patterns in the differences, for mistakes that no misconception describes.
//!
//! A pattern counts only if it holds on every probe whose numbers differ, and says so: it points at a place, it does
//! not accuse.

mod axes;
mod cause;
mod order;
mod place;
mod scale;
#[cfg(test)]
mod tests;

use ndarray::{ArrayD, Dimension};

use super::compare::{close, largest};
use super::judge::Trial;
use super::report::{Diagnosis, Evidence, Rung};
use crate::exercise::{Exercise, Kind, Outcome, Tolerance};
use crate::value::Value;

pub(super) use scale::{Quantities, factor, named_constant, quantities};

/// One result, or one part of it, that has the right shape and wrong numbers.
struct Pair {
    expected: ArrayD<f64>,
    got: ArrayD<f64>,
    /// Names of its axes in the signature.
    axes: &'static [&'static str],
    /// Arguments that are arrays, by name.
    inputs: Vec<(&'static str, ArrayD<f64>)>,
    quantities: Quantities,
    gap: f64,
}

impl Pair {
    fn got_is(&self, other: &ArrayD<f64>) -> bool {
        self.got.shape() == other.shape()
            && self.got.iter().zip(other).all(|(&got, &other)| close(other, got, self.gap.max(1e-9 * other.abs())))
    }

    fn got_is_map(&self, f: impl Fn(f64) -> f64) -> bool {
        self.got_is(&self.expected.mapv(f))
    }

    /// Names of its axes, where every axis has one.
    fn named_axes(&self) -> &'static [&'static str] {
        if self.axes.len() == self.expected.ndim() { self.axes } else { &[] }
    }

    /// Its axes of space, if it has some.
    fn space(&self) -> Option<[usize; 2]> {
        axes::space(self.named_axes())
    }

    fn is_wrong_at(&self, index: &ndarray::IxDyn) -> bool {
        self.is_wrong(index.slice())
    }

    fn is_wrong(&self, index: &[usize]) -> bool {
        !close(self.expected[index], self.got[index], self.gap)
    }

    fn wrong(&self) -> impl Iterator<Item = Vec<usize>> + '_ {
        self.expected
            .indexed_iter()
            .filter(|(index, expected)| !close(**expected, self.got[index], self.gap))
            .map(|(index, _)| index.slice().to_vec())
    }
}

/// Axis `axis` in words: "axis 1 (W)".
fn axis_words(pairs: &[Pair], axis: usize) -> String {
    match pairs[0].named_axes().get(axis) {
        Some(name) => format!("axis {axis} ({name})"),
        None => format!("axis {axis}"),
    }
}

/// The name of a pattern, a sentence about it and a question.
type Pattern = (&'static str, String, &'static str);

/// Patterns that give every number of a result from the right one, so that nothing is left to explain.
const WHOLE: [&str; 16] = [
    "all-zero",
    "all-equal",
    "input-returned",
    "sign",
    "absolute",
    "squared",
    "root",
    "reciprocal",
    "truncated",
    "ratio",
    "transposed",
    "reversed",
    "channels-reversed",
    "rotated",
    "permuted-axes",
    "reshaped",
];

/// The pattern of a single result that explains all of it: simpler than any two mistakes.
pub(super) fn whole(exercise: &Exercise, trials: &[Trial]) -> Option<Diagnosis> {
    let single = !matches!(exercise.signature.returns.kind, Kind::Tuple(_));
    // Where shapes are wrong there is more to explain than the numbers.
    let shapes = trials.iter().all(|trial| trial.failure.as_ref().is_none_or(|failure| failure.rung > Rung::Shape));
    recognise(exercise, trials).filter(|found| single && shapes && WHOLE.contains(&found.id.as_str()))
}

/// The first pattern that holds, if one does.
pub(super) fn recognise(exercise: &Exercise, trials: &[Trial]) -> Option<Diagnosis> {
    let names: Vec<&str> = match &exercise.signature.returns.kind {
        Kind::Tuple(parts) => parts.iter().map(|part| part.name).collect(),
        _ => vec![exercise.signature.returns.name],
    };
    let by_part: Vec<Vec<Pair>> = (0..names.len()).map(|part| pairs(exercise, trials, part)).collect();
    let wrong: Vec<usize> = (0..names.len()).filter(|&part| !by_part[part].is_empty()).collect();
    let inputs: usize = by_part.iter().map(Vec::len).max()?;
    let found = match wrong.as_slice() {
        [] => return None,
        &[part] => {
            pattern(&by_part[part]).map(|(id, text, question)| (id, format!("{}: {text}", names[part]), question))
        }
        parts => parts.iter().find_map(|&part| {
            pattern(&by_part[part]).map(|(id, text, question)| (id, format!("{}: {text}", names[part]), question))
        }),
    };
    let (id, title, question) = match (found, wrong.as_slice()) {
        (Some((id, title, question)), _) if names.len() == 1 => {
            (id, title.split_once(": ").map_or(title.clone(), |(_, text)| text.into()), question)
        }
        (Some(found), _) => found,
        (None, &[part]) if names.len() > 1 => {
            let right: Vec<&str> =
                names.iter().enumerate().filter(|(at, _)| *at != part).map(|(_, name)| *name).collect();
            ("one-result", format!("only {} is wrong; {} agree", names[part], right.join(" and ")), "")
        }
        (None, _) => cause::by_argument(exercise, trials)?,
    };
    Some(Diagnosis {
        evidence: Evidence::Fingerprint,
        id: id.into(),
        title,
        explanation: String::new(),
        question: question.into(),
        see: None,
        certainty: format!(
            "a pattern on all {inputs} input{} with wrong numbers, not a proof",
            if inputs == 1 { "" } else { "s" }
        ),
        also: Vec::new(),
    })
}

fn pairs(exercise: &Exercise, trials: &[Trial], part: usize) -> Vec<Pair> {
    trials.iter().filter_map(|trial| pair(exercise, trial, part)).filter(|pair| pair.wrong().next().is_some()).collect()
}

fn pair(exercise: &Exercise, trial: &Trial, part: usize) -> Option<Pair> {
    let (expected, got) = (numbers(&trial.expected, part)?, numbers(&trial.got, part)?);
    if expected.shape() != got.shape() {
        return None;
    }
    let Tolerance { relative, absolute } = exercise.tolerance;
    let gap = absolute + relative * largest(&expected.iter().copied().collect::<Vec<_>>());
    let inputs = exercise
        .signature
        .parameters
        .iter()
        .zip(&trial.probe.arguments)
        .filter_map(|(parameter, value)| Some((parameter.name, value.as_array()?.to_f64_array())))
        .collect();
    let result = match &exercise.signature.returns.kind {
        Kind::Tuple(parts) => &parts.get(part)?.kind,
        kind => kind,
    };
    let axes = if let Kind::Array { axes, .. } = result { axes } else { &[] as &'static [&'static str] };
    Some(Pair { expected, got, axes, inputs, quantities: quantities(exercise, trial), gap })
}

fn numbers(outcome: &Outcome, part: usize) -> Option<ArrayD<f64>> {
    let Outcome::Value(value) = outcome else { return None };
    let value = match value {
        Value::Tuple(parts) => parts.get(part)?,
        _ => value,
    };
    match value {
        Value::Array(array) => Some(array.to_f64_array()),
        Value::Float(x) => Some(ndarray::arr0(*x).into_dyn()),
        Value::Int(x) => Some(ndarray::arr0(*x as f64).into_dyn()),
        _ => None,
    }
}

fn pattern(pairs: &[Pair]) -> Option<Pattern> {
    if pairs.is_empty() {
        return None;
    }
    constant(pairs)
        .or_else(|| input_returned(pairs))
        .or_else(|| elementwise(pairs))
        .or_else(|| scale::ratio(pairs))
        .or_else(|| scale::offset(pairs))
        .or_else(|| arrangement(pairs))
}

/// Patterns in where the wrong numbers lie, which need the same axes on every input.
fn arrangement(pairs: &[Pair]) -> Option<Pattern> {
    if pairs.iter().any(|pair| pair.expected.ndim() != pairs[0].expected.ndim()) {
        return None;
    }
    order::rearranged(pairs)
        .or_else(|| cause::not_finite(pairs))
        .or_else(|| cause::at_values(pairs))
        .or_else(|| cause::at_ties(pairs))
        .or_else(|| place::at_one_end(pairs))
        .or_else(|| place::about_the_diagonal(pairs))
        .or_else(|| place::border(pairs))
        .or_else(|| place::growing(pairs))
        .or_else(|| scale::along_an_axis(pairs))
        .or_else(|| order::same_numbers(pairs))
}

fn all(pairs: &[Pair], holds: impl Fn(&Pair) -> bool) -> bool {
    pairs.iter().all(holds)
}

fn constant(pairs: &[Pair]) -> Option<Pattern> {
    if !pairs.iter().any(|pair| pair.got.len() > 1) {
        return None;
    }
    if all(pairs, |pair| pair.got.iter().all(|&x| x == 0.0)) {
        let text = "every number is 0".to_string();
        return Some(("all-zero", text, "Is what you compute ever stored in the array that you return?"));
    }
    let one = |pair: &Pair| pair.got.first().is_some_and(|first| pair.got.iter().all(|x| x == first));
    all(pairs, one).then(|| {
        (
            "all-equal",
            "all numbers are the same".to_string(),
            "Which index should make one element differ from the next?",
        )
    })
}

fn input_returned(pairs: &[Pair]) -> Option<Pattern> {
    let names: Vec<&'static str> = pairs[0].inputs.iter().map(|(name, _)| *name).collect();
    names.into_iter().find_map(|name| {
        let same = |pair: &Pair| pair.inputs.iter().any(|(known, input)| *known == name && pair.got_is(input));
        all(pairs, same).then(|| {
            (
                "input-returned",
                format!("it equals the argument {name}"),
                "Which variable holds the result when you return?",
            )
        })
    })
}

fn elementwise(pairs: &[Pair]) -> Option<Pattern> {
    type Map = (&'static str, &'static str, fn(f64) -> f64, &'static str);
    const MAPS: [Map; 8] = [
        ("sign", "every number has the opposite sign", |x| -x, "Which difference is taken: a - b or b - a?"),
        ("absolute", "it is the absolute value of the right answer", f64::abs, "Where does the sign get lost?"),
        ("clipped", "negative numbers are 0", |x| x.max(0.0), "Is the result clipped, or stored without a sign?"),
        ("truncated", "the fractions are cut off", f64::trunc, "What type has the array that you store into?"),
        ("rounded", "the numbers are rounded", f64::round, "Is a rounding or an integer type involved?"),
        ("squared", "it is the square of the right answer", |x| x * x, "Is a square root missing?"),
        ("root", "it is the square root of the right answer", f64::sqrt, "Is there one square root too many?"),
        ("reciprocal", "it is 1 / the right answer", |x| 1.0 / x, "Which way round is the division?"),
    ];
    MAPS.into_iter().find_map(|(id, text, map, question)| {
        all(pairs, |pair| pair.got_is_map(map)).then(|| (id, text.to_string(), question))
    })
}
