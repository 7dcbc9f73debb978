//! Which inputs, and which numbers in them, come out wrong.

use std::collections::BTreeSet;

use ndarray::{ArrayD, Axis};

use super::{Pair, Pattern, all};
use crate::check::judge::Trial;
use crate::check::show::number_text;
use crate::exercise::{Exercise, Outcome};
use crate::value::Value;

/// A question about a number.
type Test = fn(f64) -> bool;

/// What may be special about a number of an argument.
const SPECIAL: [(&str, &str, Test); 4] = [
    ("at-zeros", "is 0", |x| x == 0.0),
    ("at-negatives", "is negative", |x| x < 0.0),
    ("at-positives", "is positive", |x| x > 0.0),
    ("at-large", "is large (beyond 30)", |x| x.abs() > 30.0),
];

pub(super) fn not_finite(pairs: &[Pair]) -> Option<Pattern> {
    let finite_part_right = |pair: &Pair| pair.wrong().all(|index| !pair.got[&index[..]].is_finite());
    if !all(pairs, finite_part_right) {
        return None;
    }
    let question = "Which numbers make an exp overflow, a logarithm see 0, or a division meet 0 here?";
    let place =
        where_special(pairs).map_or(String::new(), |(_, name, words)| format!(": they stand where {name} {words}"));
    let text = format!("the finite numbers are right; the others should be finite too{place}");
    Some(("not-finite", text, question))
}

/// Wrong exactly where an argument of the same shape has special numbers.
pub(super) fn at_values(pairs: &[Pair]) -> Option<Pattern> {
    let (id, name, words) = where_special(pairs)?;
    let text = format!("it is wrong where {name} {words}, and only there");
    Some((id, text, "Which branch of the definition holds there, and does your code have it?"))
}

/// The argument and the property that every wrong number has and no right number has.
fn where_special(pairs: &[Pair]) -> Option<(&'static str, &'static str, &'static str)> {
    let names: Vec<&'static str> = pairs[0].inputs.iter().map(|(name, _)| *name).collect();
    names.into_iter().find_map(|name| {
        let (id, words, _) = SPECIAL.into_iter().find(|(_, _, special)| {
            let marks = |pair: &Pair| {
                let input = pair.inputs.iter().find(|(known, _)| *known == name).map(|(_, input)| input)?;
                (input.shape() == pair.expected.shape() && input.ndim() > 0).then_some(input).map(|input| {
                    let cells = || ndarray::indices(input.shape());
                    let fits = cells().into_iter().all(|index| pair.is_wrong_at(&index) == special(input[&index]));
                    let both = pair.wrong().count() < pair.expected.len();
                    (fits, both)
                })
            };
            let seen: Option<Vec<(bool, bool)>> = pairs.iter().map(marks).collect();
            seen.is_some_and(|seen| seen.iter().all(|(fits, _)| *fits) && seen.iter().any(|(_, both)| *both))
        })?;
        Some((id, name, words))
    })
}

/// Wrong exactly in the rows of an argument in which the largest number stands twice.
pub(super) fn at_ties(pairs: &[Pair]) -> Option<Pattern> {
    let names: Vec<&'static str> = pairs[0].inputs.iter().map(|(name, _)| *name).collect();
    names.into_iter().find_map(|name| {
        let rows = |pair: &Pair| {
            let input = pair.inputs.iter().find(|(known, _)| *known == name).map(|(_, input)| input)?;
            if input.ndim() < 2 || pair.expected.ndim() == 0 || pair.expected.shape()[0] != input.shape()[0] {
                return None;
            }
            let wrong: BTreeSet<usize> = pair.wrong().map(|index| index[0]).collect();
            let tied: BTreeSet<usize> = (0..input.shape()[0]).filter(|&row| has_tie(input, row)).collect();
            Some((wrong == tied, wrong.len() < input.shape()[0]))
        };
        let seen: Vec<(bool, bool)> = pairs.iter().map(rows).collect::<Option<_>>()?;
        (seen.iter().all(|(fits, _)| *fits) && seen.iter().any(|(_, both)| *both)).then(|| {
            let text =
                format!("it is wrong where the largest number of a row of {name} stands there twice, and only there");
            ("at-ties", text, "Which of several equal numbers is taken: the first, the last, or all of them?")
        })
    })
}

fn has_tie(input: &ArrayD<f64>, row: usize) -> bool {
    let row = input.index_axis(Axis(0), row);
    let largest = row.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    row.iter().filter(|&&x| x == largest).count() > 1
}

/// Right for some values of a plain argument and wrong for the others.
pub(super) fn by_argument(exercise: &Exercise, trials: &[Trial]) -> Option<Pattern> {
    let answered: Vec<&Trial> = trials.iter().filter(|trial| matches!(trial.expected, Outcome::Value(_))).collect();
    let (right, wrong): (Vec<&Trial>, Vec<&Trial>) = answered.into_iter().partition(|trial| trial.failure.is_none());
    if right.len() < 2 || wrong.len() < 2 {
        return None;
    }
    exercise.signature.parameters.iter().enumerate().find_map(|(at, parameter)| {
        let texts = |trials: &[&Trial]| -> Option<BTreeSet<String>> {
            trials.iter().map(|trial| plain(&trial.probe.arguments[at])).collect()
        };
        let name = parameter.name;
        let question = "What does your code do with that argument?";
        if let (Some(good), Some(bad)) = (texts(&right), texts(&wrong)) {
            let apart = bad.len() == 1 && good.is_disjoint(&bad);
            let value = bad.first().cloned().unwrap_or_default();
            return apart.then(|| {
                ("by-argument", format!("it is wrong when {name} is {value}, and right otherwise"), question)
            });
        }
        let numbers = |trials: &[&Trial]| -> Option<Vec<f64>> {
            trials.iter().map(|trial| number(&trial.probe.arguments[at])).collect()
        };
        let (good, bad) = (numbers(&right)?, numbers(&wrong)?);
        let least = |numbers: &[f64]| numbers.iter().copied().fold(f64::INFINITY, f64::min);
        let most = |numbers: &[f64]| numbers.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let text = if most(&good) < least(&bad) {
            format!("it is right while {name} is at most {}, and wrong beyond", number_text(most(&good)))
        } else if most(&bad) < least(&good) {
            format!("it is wrong while {name} is at most {}, and right beyond", number_text(most(&bad)))
        } else {
            return None;
        };
        Some(("by-argument", text, question))
    })
}

fn plain(value: &Value) -> Option<String> {
    match value {
        Value::Text(text) => Some(format!("\"{text}\"")),
        Value::Bool(x) => Some(if *x { "true" } else { "false" }.into()),
        _ => None,
    }
}

fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Int(x) => Some(*x as f64),
        Value::Float(x) => Some(*x),
        _ => None,
    }
}
