//! Judging results where many are right: they are measured, not compared with the reference's.

use super::compare::{Difference, compare};
use super::judge::{Failure, Trial, headline, is_unwritten, mutation, not_attempted, property_violated, stopped};
use super::report::{Diagnosis, Evidence, Report, Rung, See, Status};
use super::{Subject, error_words, explain_stop, shape, show};
use crate::exercise::{Answer, Difficulty, Element, Exercise, Kind, Measure, Outcome, Requirement};
use crate::project::Measured;
use crate::runner::Stop;
use crate::value::Value;

/// A requirement that does not hold, and the trial that shows it.
struct Violation {
    requirement: usize,
    trial: usize,
    text: String,
}

/// Runs `subject` on every probe, measures what came out and writes into the report what was found. What happened on
/// each probe comes back, as far as it was tried: the first result of the wrong form ends it.
pub(super) fn judge(exercise: &Exercise, subject: &mut dyn Subject, report: &mut Report) -> Vec<Trial> {
    let probes = (exercise.probes)();
    report.probes = probes.len();
    let mut trials: Vec<Trial> = Vec::new();
    for probe in probes {
        // There is no single right answer to stand beside it.
        let expected = Outcome::Rejects(String::new());
        let trial = match subject.call(&probe, false) {
            Ok(returned) => {
                let mut trial = Trial { probe, expected, got: Outcome::Value(returned.value), failure: None };
                trial.failure = malformed(exercise, &trial).or_else(|| mutation(exercise, &returned.changed));
                trial
            }
            Err(stop @ Stop::Raised { .. }) => {
                if trials.is_empty() && is_unwritten(&stop) {
                    not_attempted(exercise, report);
                    return trials;
                }
                let explained = explain_stop(&stop, report.language, &format!("With {}", probe.label));
                let got = Outcome::Rejects(explained.headline.clone());
                let failure = Failure { rung: Rung::Raises, text: explained.headline, place: explained.place };
                Trial { probe, expected, got, failure: Some(failure) }
            }
            Err(stop) => {
                report.probes_passed = trials.len();
                stopped(exercise, &trials, &probe, &stop, report);
                return trials;
            }
        };
        trials.push(trial);
        if let Some(Trial { failure: Some(failure), probe, .. }) = trials.last() {
            report.probes_passed = trials.len() - 1;
            let edges_only = probe.difficulty == Difficulty::Hard && trials.iter().any(|trial| !trial.hard());
            report.status = if edges_only { Status::Fragile } else { Status::Wrong };
            report.rung = Some(failure.rung);
            report.headline = headline(exercise, failure, report.status);
            report.message = match failure.rung {
                Rung::Raises => error_words::words(&failure.text).to_string(),
                _ => failure.text.clone(),
            };
            report.place = failure.place.clone();
            report.diagnosis = trials.last().and_then(|trial| shape::one_label_per_class(exercise, trial));
            show_case(exercise, trials.len() - 1, &trials, report);
            return trials;
        }
    }
    let (violations, holds) = measure(exercise, &trials);
    for Violation { trial, text, .. } in &violations {
        trials[*trial].failure = Some(Failure { rung: Rung::Requirements, text: text.clone(), place: None });
    }
    report.probes_passed = trials.iter().filter(|trial| trial.failure.is_none()).count();
    report.message = holds.join("\n");
    let ordinary = violations.iter().any(|violation| !trials[violation.trial].hard());
    let shown = violations.iter().filter(|violation| trials[violation.trial].hard() != ordinary);
    // Of one requirement's violations the first probe; of several requirements the one asked for first.
    if let Some(violation) = shown.min_by_key(|violation| (violation.requirement, violation.trial)) {
        report.status = if ordinary { Status::Wrong } else { Status::Fragile };
        failed(exercise, violation, &trials, report);
    } else if !property_violated(exercise, &trials, report) {
        report.status = Status::Passed;
        report.headline = format!("Does all that is asked for on all {} inputs", report.probes);
    }
    trials
}

/// The violations, and a line for each requirement that holds.
fn measure(exercise: &Exercise, trials: &[Trial]) -> (Vec<Violation>, Vec<String>) {
    let mut violations = Vec::new();
    let mut holds = Vec::new();
    for (requirement, asked) in exercise.measured.iter().enumerate() {
        let measured = apply(asked, trials);
        let broken = measured.iter().filter(|(_, found)| !found.holds);
        let before = violations.len();
        violations.extend(broken.map(|(trial, found)| Violation {
            requirement,
            trial: *trial,
            text: found.text.clone(),
        }));
        let mut lines: Vec<String> = measured.into_iter().map(|(_, found)| format!("✓ {}", found.text)).collect();
        lines.dedup();
        if violations.len() == before {
            holds.extend(lines);
        }
    }
    (violations, holds)
}

/// What one requirement measures, and on which trial; on a pair it is the later one.
fn apply(requirement: &Requirement, trials: &[Trial]) -> Vec<(usize, Measured)> {
    let answers: Vec<(usize, Answer<'_>)> = trials
        .iter()
        .enumerate()
        .filter_map(|(at, trial)| match &trial.got {
            Outcome::Value(result) => Some((at, Answer { arguments: &trial.probe.arguments, result })),
            Outcome::Rejects(_) => None,
        })
        .collect();
    match requirement.measure {
        Measure::Each(measure) => {
            answers.iter().filter_map(|(at, answer)| measure(*answer).map(|found| (*at, found))).collect()
        }
        Measure::Pair(measure) => {
            let pairs = answers.iter().enumerate().flat_map(|(count, later)| {
                answers[..count].iter().map(move |earlier| (later.0, measure(earlier.1, later.1)))
            });
            pairs.filter_map(|(at, found)| found.map(|found| (at, found))).collect()
        }
    }
}

fn failed(exercise: &Exercise, violation: &Violation, trials: &[Trial], report: &mut Report) {
    let id = exercise.measured[violation.requirement].id;
    report.rung = Some(Rung::Requirements);
    report.headline = violation.text.clone();
    report.diagnosis = named(exercise, id, &trials[violation.trial].probe.label);
    show_case(exercise, violation.trial, trials, report);
}

/// The misconception `id` of the exercise, measured on `data`.
pub(super) fn named(exercise: &Exercise, id: &str, data: &str) -> Option<Diagnosis> {
    exercise.misconceptions.iter().find(|known| known.id == id).map(|known| Diagnosis {
        evidence: Evidence::Requirement,
        id: known.id.into(),
        title: known.title.into(),
        explanation: known.explanation.into(),
        question: known.question.into(),
        see: Some(See { resource: known.see.0.into(), at: known.see.1.into() }),
        certainty: format!("measured on {data}"),
        also: Vec::new(),
    })
}

/// The input alone: there is no single right result to show, and results that are measured are large.
fn show_case(exercise: &Exercise, trial: usize, trials: &[Trial], report: &mut Report) {
    let nothing = Outcome::Rejects(String::new());
    report.case = Some(show::case(&exercise.signature, &trials[trial].probe, &nothing, &nothing, &exercise.tolerance));
}

/// What is wrong with the type or the shape of a result, as the signature says it.
pub(super) fn malformed(exercise: &Exercise, trial: &Trial) -> Option<Failure> {
    let Outcome::Value(got) = &trial.got else { return None };
    let lengths = shape::bindings(exercise, trial);
    let kind = &exercise.signature.returns.kind;
    let Difference { rung, text, .. } = compare(&template(kind, got, &lengths), got, kind, &exercise.tolerance)?;
    matches!(rung, Rung::Returns | Rung::Type | Rung::Shape).then_some(Failure { rung, text, place: None })
}

/// A value of the form that a result should have. A length that the arguments do not give is taken as it came.
fn template(kind: &Kind, got: &Value, lengths: &shape::Bindings) -> Value {
    match kind {
        Kind::Float => Value::Float(0.0),
        Kind::Int => Value::Int(0),
        Kind::Bool => Value::Bool(false),
        Kind::Text => Value::Text(String::new()),
        Kind::Array { element, axes } => {
            let found = got.as_array().map_or(&[][..], |array| array.shape());
            let length = |(at, name): (usize, &&str)| {
                let known = lengths.iter().find(|(known, _)| known == name).map(|(_, length)| *length as usize);
                known.or_else(|| name.parse().ok()).or_else(|| found.get(at).copied()).unwrap_or(1)
            };
            let shape: Vec<usize> = axes.iter().enumerate().map(length).collect();
            let count = shape.iter().product();
            match element {
                Element::F64 => Value::array(&shape, vec![0.0f64; count]),
                Element::F32 => Value::array(&shape, vec![0.0f32; count]),
                Element::I64 => Value::array(&shape, vec![0i64; count]),
                Element::U8 => Value::array(&shape, vec![0u8; count]),
                Element::Bool => Value::array(&shape, vec![false; count]),
            }
        }
        Kind::Tuple(parts) => {
            let found = |at: usize| match got {
                Value::Tuple(parts) => parts.get(at).unwrap_or(&Value::None),
                _ => &Value::None,
            };
            Value::Tuple(parts.iter().enumerate().map(|(at, p)| template(&p.kind, found(at), lengths)).collect())
        }
        Kind::Function | Kind::Python(_) => got.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::content::{check_behaviour, examine};
    use crate::exercise::{Behaviour, Misconception, Parameter, Probe, Signature};

    const NUMBERS: Kind = Kind::Array { element: Element::F64, axes: &["N"] };

    fn sum(value: &Value) -> f64 {
        value.as_array().expect("an array").to_f64().iter().sum()
    }

    fn mistake(id: &'static str, behaviour: Behaviour) -> Misconception {
        let see = ("numpy", "numpy.sum");
        Misconception { id, title: "it is not so", explanation: "", question: "Is it?", see, behaviour }
    }

    fn filled(arguments: &[Value], number: f64) -> Outcome {
        Outcome::Value(Value::array(&[arguments[0].size()], vec![number; arguments[0].size()]))
    }

    /// Any numbers with the same sum as x; the same ones when asked again; as many as x has.
    fn exercise() -> &'static Exercise {
        static MISTAKES: std::sync::LazyLock<Vec<Misconception>> = std::sync::LazyLock::new(|| {
            vec![
                mistake("sum-wrong", |arguments| filled(arguments, 0.0)),
                mistake("not-repeatable", |arguments| {
                    use std::sync::atomic::{AtomicUsize, Ordering};
                    static CALLS: AtomicUsize = AtomicUsize::new(0);
                    let mut numbers = vec![0.0; arguments[0].size()];
                    let at = CALLS.fetch_add(1, Ordering::Relaxed) % numbers.len();
                    numbers[at] = sum(&arguments[0]);
                    Outcome::Value(Value::array(&[numbers.len()], numbers))
                }),
            ]
        });
        Box::leak(Box::new(Exercise {
            id: "redistribute",
            signature: Signature {
                name: "redistribute",
                parameters: &[Parameter { name: "x", kind: NUMBERS, meaning: "" }],
                returns: Parameter { name: "y", kind: NUMBERS, meaning: "" },
            },
            probes: || {
                let probe = |label: &str, numbers: &[f64]| {
                    Probe::ordinary(label, vec![Value::array(&[numbers.len()], numbers.to_vec())])
                };
                let edge = vec![Value::array(&[2], vec![0.0, 0.0])];
                vec![
                    probe("three", &[1.0, 2.0, 3.0]),
                    probe("three again", &[1.0, 2.0, 3.0]),
                    Probe::hard("zeros", edge),
                ]
            },
            reference: |arguments| filled(arguments, sum(&arguments[0]) / arguments[0].size() as f64),
            misconceptions: &MISTAKES,
            measured: &[
                Requirement {
                    id: "sum-wrong",
                    measure: Measure::Each(|Answer { arguments, result }| {
                        let (asked, found) = (sum(&arguments[0]), sum(result));
                        let text = format!("sum {found}, asked for: {asked}");
                        Some(Measured { holds: (asked - found).abs() < 1e-9, text })
                    }),
                },
                Requirement {
                    id: "not-repeatable",
                    measure: Measure::Pair(|one, other| {
                        let same = one.arguments == other.arguments;
                        let holds = one.result == other.result;
                        same.then(|| Measured { holds, text: "twice the same".into() })
                    }),
                },
            ],
            ..Exercise::DEFAULTS
        }))
    }

    #[test]
    fn any_answer_that_does_what_is_asked_for_passes() {
        let exercise = exercise();
        for behaviour in [exercise.reference, |arguments| Outcome::Value(arguments[0].clone())] {
            let report = check_behaviour(exercise, behaviour);
            assert_eq!((report.status, report.probes_passed), (Status::Passed, 3), "{report:#?}");
            assert_eq!(report.message, "✓ sum 6, asked for: 6\n✓ sum 0, asked for: 0\n✓ twice the same");
        }
    }

    #[test]
    fn every_mistake_is_named_by_its_requirement() {
        let rows = examine(exercise());
        assert!(rows.iter().all(|row| row.problem.is_none()), "{rows:#?}");
        let report = check_behaviour(exercise(), |arguments| filled(arguments, 0.0));
        assert_eq!((report.status, report.rung), (Status::Wrong, Some(Rung::Requirements)));
        assert_eq!((report.headline.as_str(), report.probes_passed), ("sum 0, asked for: 6", 1));
        assert_eq!(report.diagnosis.unwrap().evidence, Evidence::Requirement);
    }

    #[test]
    fn the_form_of_a_result_is_asked_for_first() {
        let rung = |behaviour| check_behaviour(exercise(), behaviour).rung;
        assert_eq!(rung(|_| Outcome::Value(Value::None)), Some(Rung::Returns));
        assert_eq!(rung(|_| Outcome::Value(Value::Float(6.0))), Some(Rung::Type));
        assert_eq!(rung(|_| Outcome::Value(Value::array(&[2], vec![3.0, 3.0]))), Some(Rung::Shape));
        assert_eq!(rung(|_| Outcome::Rejects("no".into())), Some(Rung::Raises));
    }
}
