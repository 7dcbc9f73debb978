//! Testing the content: is every mistake of an exercise caught and named as itself?

use std::fmt::Write;

use super::compare::alike;
use super::judge::judge;
use super::measure;
use super::report::{Evidence, Report, Status};
use super::{Subject, empty};
use crate::exercise::{Behaviour, Difficulty, Exercise, Outcome, Probe};
use crate::runner::{Language, Returned, Stop};

/// A known behaviour in place of a learner's program.
struct Known(Behaviour);

impl Subject for Known {
    fn call(&mut self, probe: &Probe, _strided: bool) -> Result<Returned, Stop> {
        match (self.0)(&probe.arguments) {
            Outcome::Value(value) => Ok(Returned { value, changed: Vec::new() }),
            Outcome::Rejects(message) => Err(Stop::Raised { exception: "ValueError".into(), message, place: None }),
        }
    }
}

/// The report that a learner would get whose function behaves like `behaviour`.
pub fn check_behaviour(exercise: &'static Exercise, behaviour: Behaviour) -> Report {
    let mut report = empty(exercise.into(), Some(Language::Python), std::path::Path::new("behaviour"));
    judge(exercise, &mut Known(behaviour), &mut report);
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

/// Checks an exercise's content against itself.
pub fn examine(exercise: &'static Exercise) -> Vec<Row> {
    let mut rows = vec![examine_reference(exercise)];
    let probes = (exercise.probes)();
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
        let problem = if different.is_empty() {
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
