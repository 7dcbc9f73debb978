//! Testing the content: is every mistake of an exercise caught and named as itself?

use std::fmt::{self, Write};

use super::compare::alike;
use super::judge::judge;
use super::measure;
use super::report::{Evidence, Report, Status};
use super::{Subject, empty};
use crate::exercise::{Behaviour, Difficulty, Exercise, Outcome, Probe};
use crate::runner::{Language, Returned, Stop};
use crate::value::Value;

/// A known behaviour in place of a learner's program.
struct Known<F>(F);

impl<F: FnMut(&[Value]) -> Outcome> Subject for Known<F> {
    fn call(&mut self, probe: &Probe, _strided: bool) -> Result<Returned, Stop> {
        match (self.0)(&probe.arguments) {
            Outcome::Value(value) => Ok(Returned { value, changed: Vec::new(), seconds: 0.0 }),
            Outcome::Rejects(message) => Err(Stop::Raised { exception: "ValueError".into(), message, place: None }),
        }
    }
}

/// The report that a learner would get whose function behaves like `behaviour`.
pub fn check_behaviour(exercise: &'static Exercise, behaviour: Behaviour) -> Report {
    check_function(exercise, behaviour)
}

/// [`check_behaviour`] for a function that keeps something.
pub(super) fn check_function(exercise: &'static Exercise, behaviour: impl FnMut(&[Value]) -> Outcome) -> Report {
    let mut report = empty(exercise.into(), Some(Language::Python), std::path::Path::new("behaviour"));
    judge(exercise, &mut Known(behaviour), &mut report);
    report
}

/// [`check_function`] with the smallest case.
#[cfg(test)]
pub(super) fn shrink_function(exercise: &'static Exercise, behaviour: impl Fn(&[Value]) -> Outcome) -> Report {
    let mut report = check_function(exercise, &behaviour);
    let effort = super::shrink::Effort { calls: 2000, time: std::time::Duration::from_secs(10) };
    // A mistake may panic on an input that it was not written for, as a learner's program may.
    let careful = |arguments: &[Value]| {
        super::attempt::attempt(|| behaviour(arguments)).unwrap_or_else(|| Outcome::Rejects("a panic".into()))
    };
    super::shrink::smallest(exercise, &mut Known(careful), &mut report, effort);
    report
}

/// What the check says about one misconception.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// Exercise id.
    pub exercise: &'static str,
    /// Misconception id.
    pub misconception: &'static str,
    /// Probes on which it differs from the right answer, and how many of them are ordinary.
    pub differs: (usize, usize),
    /// How the check names it.
    pub named: Vec<String>,
    /// What is wrong with the content, if anything.
    pub problem: Option<String>,
}

impl Row {
    /// Whether it is about the right answer, not about a mistake.
    pub fn is_reference(&self) -> bool {
        self.misconception == REFERENCE
    }
}

/// What stands in the place of a misconception's id in the row of the right answer.
const REFERENCE: &str = "(reference)";

/// Two mistakes, or a mistake and the right answer, that give the same on every probe: an error of the content, since
/// whoever makes one would be told the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Coincidence {
    /// Exercise id.
    pub exercise: &'static str,
    /// Id of a misconception, or `(reference)`.
    pub one: &'static str,
    /// Id of another misconception.
    pub other: &'static str,
}

impl fmt::Display for Coincidence {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Coincidence { exercise, one, other } = self;
        write!(
            formatter,
            "{exercise}: no probe separates {one} from {other}: add a probe on which they differ, or keep one of them"
        )
    }
}

/// All pairs of an exercise's behaviours that the diagnosis could not tell apart: compared as it compares, in canonical
/// form, within its tolerance, on the probes that have an answer; where these are all right, on those that must be
/// refused too. Where results are measured, the requirement that names a mistake tells it from the others.
pub fn coincidences(exercise: &Exercise) -> Vec<Coincidence> {
    if !exercise.measured.is_empty() {
        return Vec::new();
    }
    let mut probes = (exercise.probes)();
    let has_answer = |probe: &Probe| matches!(exercise.expected(&probe.arguments), Outcome::Value(_));
    probes.sort_by_key(|probe| !has_answer(probe));
    let answered = probes.iter().filter(|probe| has_answer(probe)).count();
    let outcomes = |behaviour: Behaviour| -> Vec<Outcome> {
        probes.iter().map(|probe| exercise.outcome(behaviour, &probe.arguments)).collect()
    };
    let alike_all = |one: &[Outcome], other: &[Outcome]| {
        let alike = |(one, other): (&Outcome, &Outcome)| {
            alike(one, other, &exercise.tolerance) || alike(other, one, &exercise.tolerance)
        };
        one.iter().zip(other).all(alike)
    };
    let right = outcomes(exercise.reference);
    let same = |one: &[Outcome], other: &[Outcome]| {
        let all_right = alike_all(&one[..answered], &right[..answered]);
        alike_all(&one[..answered], &other[..answered]) && (!all_right || alike_all(one, other))
    };
    let mut known = vec![(REFERENCE, right.clone())];
    let mut found = Vec::new();
    for misconception in exercise.misconceptions {
        let new = outcomes(misconception.behaviour);
        let twins = known.iter().filter(|(_, known)| same(known, &new));
        found.extend(twins.map(|(one, _)| Coincidence { exercise: exercise.id, one, other: misconception.id }));
        known.push((misconception.id, new));
    }
    found
}

/// Checks an exercise's content against itself.
pub fn examine(exercise: &'static Exercise) -> Vec<Row> {
    let mut rows = vec![examine_reference(exercise)];
    let probes = (exercise.probes)();
    let coincidences = coincidences(exercise);
    for misconception in exercise.misconceptions {
        let (report, different) = if exercise.measured.is_empty() {
            let differs = |probe: &&Probe| {
                let right = exercise.expected(&probe.arguments);
                let wrong = exercise.outcome(misconception.behaviour, &probe.arguments);
                !alike(&right, &wrong, &exercise.tolerance)
            };
            let different: Vec<Difficulty> = probes.iter().filter(differs).map(|probe| probe.difficulty).collect();
            (check_behaviour(exercise, misconception.behaviour), different)
        } else {
            measured(exercise, misconception.behaviour)
        };
        let ordinary = different.iter().filter(|difficulty| **difficulty == Difficulty::Ordinary).count();
        let named: Vec<String> = report
            .diagnosis
            .iter()
            .filter(|found| matches!(found.evidence, Evidence::Misconception | Evidence::Requirement))
            .flat_map(|found| std::iter::once(found.id.clone()).chain(found.also.iter().map(|(id, _)| id.clone())))
            .collect();
        let twin = coincidences.iter().find(|twin| twin.one == misconception.id || twin.other == misconception.id);
        let problem = if let Some(twin) = twin {
            Some(twin.to_string())
        } else if different.is_empty() {
            Some("is right on every probe".to_string())
        } else if named != [misconception.id] {
            Some(format!("is named {named:?}, status {}", report.status.words()))
        } else {
            None
        };
        let differs = (different.len(), ordinary);
        rows.push(Row { exercise: exercise.id, misconception: misconception.id, differs, named, problem });
    }
    rows
}

/// The report on a behaviour whose results are measured, and the probes on which a requirement does not hold.
fn measured(exercise: &'static Exercise, behaviour: Behaviour) -> (Report, Vec<Difficulty>) {
    let mut report = empty(exercise.into(), Some(Language::Python), std::path::Path::new("behaviour"));
    let trials = measure::judge(exercise, &mut Known(behaviour), &mut report);
    let failed = trials.iter().filter(|trial| trial.failure.is_some()).map(|trial| trial.probe.difficulty);
    (report, failed.collect())
}

/// The reference must pass its own check.
fn examine_reference(exercise: &'static Exercise) -> Row {
    let report = check_behaviour(exercise, exercise.reference);
    let problem = (report.status != Status::Passed).then(|| format!("{}: {}", report.headline, report.message));
    Row { exercise: exercise.id, misconception: REFERENCE, differs: (0, 0), named: Vec::new(), problem }
}

/// The rows as a table for people.
pub fn table(rows: &[Row]) -> String {
    let width = |text: fn(&Row) -> &str| rows.iter().map(|row| text(row).len()).max().unwrap_or(0);
    let (first, second) = (width(|row| row.exercise), width(|row| row.misconception));
    let mut out = String::new();
    for row in rows {
        let verdict = match (&row.problem, row.is_reference()) {
            (Some(problem), _) => format!("PROBLEM: {problem}"),
            (None, true) => "passes".into(),
            (None, false) => "caught and named".into(),
        };
        // Writing to a string cannot fail.
        let _ = writeln!(
            out,
            "{:first$}  {:second$}  {:>3} probes ({:>2} ordinary)  {verdict}",
            row.exercise, row.misconception, row.differs.0, row.differs.1
        );
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exercise::Misconception;

    const fn mistake(id: &'static str, behaviour: Behaviour) -> Misconception {
        Misconception { id, title: "", explanation: "", question: "", see: ("", ""), behaviour }
    }

    fn number(arguments: &[Value]) -> f64 {
        match arguments {
            [Value::Float(x)] => *x,
            other => panic!("one number is asked for, not {other:?}"),
        }
    }

    /// A number up to its sign, as the vectors of a decomposition are.
    static EXERCISE: Exercise = Exercise {
        id: "same_up_to_sign",
        probes: || [3.0, -2.0].map(|x| Probe::ordinary("a number", vec![Value::Float(x)])).to_vec(),
        reference: |arguments| Outcome::Value(Value::Float(number(arguments))),
        canonical: Some(|_, value| match value {
            Value::Float(x) => Value::Float(x.abs()),
            other => other,
        }),
        misconceptions: &[
            mistake("negated", |arguments| Outcome::Value(Value::Float(-number(arguments)))),
            mistake("doubled", |arguments| Outcome::Value(Value::Float(2.0 * number(arguments)))),
            mistake("added", |arguments| Outcome::Value(Value::Float(number(arguments) + number(arguments)))),
        ],
        ..Exercise::DEFAULTS
    };

    #[test]
    fn behaviours_that_no_probe_separates_are_told_by_both_ids() {
        let found: Vec<_> = coincidences(&EXERCISE).iter().map(|twin| (twin.one, twin.other)).collect();
        assert_eq!(found, [(REFERENCE, "negated"), ("doubled", "added")]);
        let problem = |id: &str| {
            let rows = examine(&EXERCISE);
            rows.into_iter().find(|row| row.misconception == id).and_then(|row| row.problem).unwrap_or_default()
        };
        for id in ["doubled", "added"] {
            assert!(problem(id).contains("no probe separates doubled from added"), "{}", problem(id));
        }
    }
}
