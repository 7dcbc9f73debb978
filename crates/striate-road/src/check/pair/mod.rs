//! Two mistakes at once, where no single one explains the outputs.
//!
//! What a misconception computes is known only through its outputs, so two of them cannot be put inside each other in
//! general. They are tried in the ways in which mistakes do combine, each of which predicts every number:
//!
//! - one of several results follows one mistake, another result another;
//! - the differences that two mistakes make add up (terms of a sum that are both wrong);
//! - a mistake's output, changed as a whole: its sign, a factor, the order of an axis;
//! - a mistake made on a changed argument: a kernel turned round, an array transposed.
//!
//! What the second one predicts, and whether that holds, is in `second`; changes of whole arrays are in `changes`, and a
//! mistake on a changed argument in `arguments`.
//!
//! A pair is named only if its prediction equals the outputs on every input that has an answer, and if on some of them
//! neither mistake alone would do. That the outputs follow one mistake on some inputs and another on others is no pair.

mod arguments;
mod changes;
mod second;
#[cfg(test)]
mod tests;

use std::time::{Duration, Instant};

use ndarray::ArrayD;
use second::Second;

use super::compare::{alike_values, close, largest};
use super::gradient::part_names;
use super::judge::Trial;
use super::report::{Diagnosis, Evidence, See};
use crate::exercise::{Exercise, Misconception, Outcome};
use crate::value::Value;

/// References may take long; the search ends then.
const TIME: Duration = Duration::from_millis(800);
/// Numbers that both mistakes together explain, before a pair is believed.
const ENOUGH: usize = 3;

/// One result on every input.
type Column = Vec<Value>;

struct Search<'a> {
    exercise: &'a Exercise,
    trials: Vec<&'a Trial>,
    /// Names of the results.
    names: Vec<&'static str>,
    right: Vec<Column>,
    got: Vec<Column>,
    /// What every misconception gives, where it gives a value on all inputs.
    mistakes: Vec<(&'static Misconception, Vec<Column>)>,
    until: Instant,
}

/// The pair that explains the outputs, or the one mistake that explains those results that are wrong.
pub(in crate::check) fn diagnose(exercise: &Exercise, trials: &[Trial]) -> Option<Diagnosis> {
    let search = Search::new(exercise, trials)?;
    if let Some(found) = search.in_some_results() {
        return Some(found);
    }
    for (first, columns) in &search.mistakes {
        let seconds = search.others(first, columns).into_iter().chain(search.changed_as_a_whole(columns));
        for second in seconds {
            if Instant::now() > search.until {
                return None;
            }
            if search.explained(columns, &second) {
                return Some(search.named(first, search.recognised(second)));
            }
        }
    }
    search.on_changed_arguments()
}

/// The mistake that explains one of several wrong results, where nothing explains them all.
pub(in crate::check) fn in_one_result(exercise: &Exercise, trials: &[Trial]) -> Option<Diagnosis> {
    let search = Search::new(exercise, trials)?;
    let wrong = search.wrong();
    let explained = |columns: &[Column]| -> Vec<usize> {
        let explains = |&part: &usize| {
            search.same(&columns[part], &search.got[part]) && search.beyond(part, &[&search.right[part]]) >= ENOUGH
        };
        wrong.iter().copied().filter(explains).collect()
    };
    let (known, parts) = search
        .mistakes
        .iter()
        .map(|(known, columns)| (*known, explained(columns)))
        .filter(|(_, parts)| !parts.is_empty() && parts.len() < wrong.len())
        .max_by_key(|(_, parts)| parts.len())?;
    let names = |parts: &mut dyn Iterator<Item = usize>| {
        parts.filter_map(|part| search.names.get(part).copied()).collect::<Vec<_>>().join(" and ")
    };
    let others = names(&mut wrong.iter().copied().filter(|part| !parts.contains(part)));
    let title = format!("in {}, {}", names(&mut parts.iter().copied()), known.title);
    let certainty =
        format!("on all {} inputs, to within rounding; {others} came out wrong in another way", search.trials.len());
    Some(Diagnosis { evidence: Evidence::Misconception, certainty, ..search.diagnosis(known, title) })
}

fn parts(value: &Value) -> &[Value] {
    match value {
        Value::Tuple(parts) => parts,
        value => std::slice::from_ref(value),
    }
}

/// The results by part, one value per input; `None` where an input gave none, or not as many as asked for.
fn columns<'v>(outcomes: impl Iterator<Item = &'v Outcome>, count: usize) -> Option<Vec<Column>> {
    let mut columns = vec![Vec::new(); count];
    for outcome in outcomes {
        let Outcome::Value(value) = outcome else { return None };
        let parts = parts(value);
        if parts.len() != count {
            return None;
        }
        columns.iter_mut().zip(parts).for_each(|(column, part)| column.push(part.clone()));
    }
    Some(columns)
}

/// The numbers of a value.
fn array(value: &Value) -> Option<ArrayD<f64>> {
    match value {
        Value::Array(array) => Some(array.to_f64_array()),
        Value::Float(x) => Some(ndarray::arr0(*x).into_dyn()),
        Value::Int(x) => Some(ndarray::arr0(*x as f64).into_dyn()),
        _ => None,
    }
}

fn numbers(value: &Value) -> Vec<f64> {
    array(value).map(|array| array.iter().copied().collect()).unwrap_or_default()
}

/// A value from an array.
fn value(array: ArrayD<f64>) -> Option<Value> {
    Some(if array.ndim() == 0 { Value::Float(*array.first()?) } else { array.into() })
}

impl<'a> Search<'a> {
    fn new(exercise: &'a Exercise, trials: &'a [Trial]) -> Option<Self> {
        let trials: Vec<&Trial> = trials.iter().filter(|trial| matches!(trial.expected, Outcome::Value(_))).collect();
        let Outcome::Value(first) = &trials.first()?.expected else { return None };
        let count = parts(first).len();
        let right = columns(trials.iter().map(|trial| &trial.expected), count)?;
        let got = columns(trials.iter().map(|trial| &trial.got), count)?;
        let until = Instant::now() + TIME;
        let of = |misconception: &'static Misconception| {
            if Instant::now() > until {
                return None;
            }
            let outcome = |trial: &&Trial| exercise.outcome(misconception.behaviour, &trial.probe.arguments);
            let outcomes: Vec<Outcome> = trials.iter().map(outcome).collect();
            Some((misconception, columns(outcomes.iter(), count)?))
        };
        let mistakes = exercise.misconceptions.iter().filter_map(of).collect();
        let names = part_names(exercise);
        Some(Search { exercise, trials, names, right, got, mistakes, until })
    }

    fn same(&self, one: &Column, other: &Column) -> bool {
        one.len() == other.len()
            && one.iter().zip(other).all(|(one, other)| alike_values(one, other, &self.exercise.tolerance))
    }

    /// How many numbers of the outputs differ from all these explanations (an empty one explains nothing). Zeros count for nothing: wrong code makes
    /// them for many reasons.
    fn beyond(&self, part: usize, explanations: &[&Column]) -> usize {
        let tolerance = &self.exercise.tolerance;
        let new = |at: usize| {
            let got = numbers(&self.got[part][at]);
            let gap = tolerance.absolute + tolerance.relative * largest(&got);
            let others: Vec<Vec<f64>> =
                explanations.iter().map(|column| column.get(at).map(numbers).unwrap_or_default()).collect();
            let differs = |cell: usize| {
                let apart = |other: &Vec<f64>| other.get(cell).is_none_or(|&other| !close(other, got[cell], gap));
                got[cell] != 0.0 && got[cell].is_finite() && others.iter().all(apart)
            };
            (0..got.len()).filter(|&cell| differs(cell)).count()
        };
        (0..self.trials.len()).map(new).sum()
    }

    /// The results that are wrong on some input.
    fn wrong(&self) -> Vec<usize> {
        (0..self.got.len()).filter(|&part| !self.same(&self.right[part], &self.got[part])).collect()
    }

    /// One mistake in some of the results, the others being right.
    fn in_some_results(&self) -> Option<Diagnosis> {
        let wrong = self.wrong();
        if wrong.is_empty() || wrong.len() == self.got.len() {
            return None;
        }
        let explains = |(_, columns): &&(&'static Misconception, Vec<Column>)| {
            wrong.iter().all(|&part| self.same(&columns[part], &self.got[part]))
                && wrong.iter().map(|&part| self.beyond(part, &[&self.right[part]])).sum::<usize>() >= ENOUGH
        };
        let matches: Vec<&'static Misconception> =
            self.mistakes.iter().filter(explains).map(|(found, _)| *found).collect();
        let (first, rest) = matches.split_first()?;
        let names: Vec<&str> = wrong.iter().filter_map(|&part| self.names.get(part).copied()).collect();
        let mut found = self.diagnosis(first, format!("in {}, {}", names.join(" and "), first.title));
        found.evidence = Evidence::Misconception;
        found.certainty =
            format!("on all {} inputs, to within rounding; the other results are right", self.trials.len());
        found.also = rest.iter().map(|other| (other.id.to_string(), other.title.to_string())).collect();
        Some(found)
    }

    fn named(&self, first: &Misconception, second: Second<'_>) -> Diagnosis {
        let mut found = self.diagnosis(first, format!("{}, and also {}", first.title, second.title));
        if let Some(other) = second.misconception {
            found.explanation = format!("{}\n{}", first.explanation, other.explanation);
            found.also = vec![(other.id.into(), other.title.into())];
        }
        found
    }

    fn diagnosis(&self, first: &Misconception, title: String) -> Diagnosis {
        Diagnosis {
            evidence: Evidence::Pair,
            id: first.id.into(),
            title,
            explanation: first.explanation.into(),
            question: first.question.into(),
            see: Some(See { resource: first.see.0.into(), at: first.see.1.into() }),
            certainty: format!(
                "both together, on all {} inputs, to within rounding; neither alone explains it",
                self.trials.len()
            ),
            also: Vec::new(),
        }
    }
}
