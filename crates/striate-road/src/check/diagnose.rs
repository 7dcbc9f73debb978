//! Naming the mistake: the learner's outputs against those of every misconception, on every probe.

use super::compare::alike;
use super::judge::Trial;
use super::report::{Diagnosis, Evidence, See};
use crate::exercise::{Exercise, Misconception, Outcome};

/// The misconception whose outputs equal the learner's on all probes that have an answer, shapes included.
///
/// Inputs that must be refused say nothing there: whoever turns a kernel round has often not come to the refusals yet,
/// and still wants to hear about the kernel. Where all answers are right, they are what is left to compare.
pub(super) fn misconception(exercise: &Exercise, trials: &[Trial]) -> Option<Diagnosis> {
    let answered: Vec<&Trial> = trials.iter().filter(|trial| matches!(trial.expected, Outcome::Value(_))).collect();
    let all_right = answered.iter().all(|trial| trial.failure.is_none());
    let trials: Vec<&Trial> = if all_right { trials.iter().collect() } else { answered };
    let certainty = format!("on all {} inputs", trials.len());
    named(&matching(exercise, &trials), &format!("{certainty}, to within rounding"), &certainty)
}

/// The misconception whose outputs equal the learner's on all ordinary probes, where on the edges something else is wrong
/// too.
pub(super) fn on_ordinary_inputs(exercise: &Exercise, trials: &[Trial]) -> Option<Diagnosis> {
    let ordinary: Vec<&Trial> = trials.iter().filter(|trial| !trial.hard()).collect();
    let certainty = format!("on all {} ordinary inputs", ordinary.len());
    let more = format!("{certainty}; on the edges there is something else besides");
    named(&matching(exercise, &ordinary), &more, &certainty)
}

/// The misconceptions that give on each of the trials what the learner's function gave.
fn matching(exercise: &Exercise, trials: &[&Trial]) -> Vec<&'static Misconception> {
    let equals = |misconception: &&Misconception| {
        // One about refusals alone gives the right answers, which explains nothing that is wrong with others.
        let mut differs = false;
        trials.iter().all(|trial| {
            let predicted = exercise.outcome(misconception.behaviour, &trial.probe.arguments);
            differs |= !alike(&predicted, &trial.expected, &exercise.tolerance);
            alike(&predicted, &trial.got, &exercise.tolerance)
        }) && differs
    };
    exercise.misconceptions.iter().filter(equals).collect()
}

/// The diagnosis of these misconceptions, with how sure it is of one, and of several.
fn named(matches: &[&'static Misconception], one: &str, several: &str) -> Option<Diagnosis> {
    let (first, rest) = matches.split_first()?;
    let certainty = match rest.len() {
        0 => one.to_string(),
        _ => format!("{several}; another mistake gives the same numbers there"),
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
