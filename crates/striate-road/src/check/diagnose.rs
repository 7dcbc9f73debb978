//! Naming the mistake: the learner's outputs against those of every misconception, on every probe.

use super::compare::alike;
use super::judge::Trial;
use super::report::{Diagnosis, Evidence, See};
use crate::exercise::{Exercise, Misconception, Outcome};

/// The misconception whose outputs equal the learner's on all probes that have an answer, shapes included.
///
/// Inputs that must be refused say nothing here: whoever turns a kernel round has often not come to the refusals yet,
/// and still wants to hear about the kernel.
pub(super) fn misconception(exercise: &Exercise, trials: &[Trial]) -> Option<Diagnosis> {
    let trials: Vec<&Trial> = trials.iter().filter(|trial| matches!(trial.expected, Outcome::Value(_))).collect();
    let matches: Vec<&Misconception> = exercise
        .misconceptions
        .iter()
        .filter(|misconception| {
            trials.iter().all(|trial| {
                alike(
                    &exercise.outcome(misconception.behaviour, &trial.probe.arguments),
                    &trial.got,
                    &exercise.tolerance,
                )
            })
        })
        .collect();
    let (first, rest) = matches.split_first()?;
    let certainty = match rest.len() {
        0 => format!("on all {} inputs, to within rounding", trials.len()),
        _ => format!("on all {} inputs; another mistake gives the same numbers there", trials.len()),
    };
    Some(Diagnosis {
        evidence: Evidence::Misconception,
        id: first.id.into(),
        title: first.title.into(),
        explanation: first.explanation.into(),
        question: first.question.into(),
        see: Some(See { resource: first.see.0.into(), at: first.see.1.into() }),
        certainty,
        also: rest.iter().map(|other| (other.id.into(), other.title.into())).collect(),
    })
}
