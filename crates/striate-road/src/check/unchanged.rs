//! Several results that are arguments as they came; a single one is a pattern like others.

use super::compare::alike_values;
use super::gradient::part_names;
use super::judge::Trial;
use super::report::{Diagnosis, Evidence, See};
use crate::exercise::{Exercise, Outcome};
use crate::value::Value;

/// Numbers that have to be equal before it is no chance.
const ENOUGH: usize = 3;

/// The arguments that come back in place of each result that is wrong, if that is so on every input.
pub(super) fn recognise(exercise: &Exercise, trials: &[Trial]) -> Option<Diagnosis> {
    let answers: Vec<(&[Value], &[Value], &[Value])> = trials
        .iter()
        .filter_map(|trial| match (&trial.expected, &trial.got) {
            (Outcome::Value(right), Outcome::Value(got)) => {
                Some((&trial.probe.arguments[..], parts(right), parts(got)))
            }
            _ => None,
        })
        .collect();
    let names = part_names(exercise);
    let (_, first, _) = answers.first()?;
    if first.len() < 2
        || answers.len() < 2
        || answers.iter().any(|(_, right, got)| right.len() != first.len() || got.len() != first.len())
    {
        return None;
    }
    let same = |one: &Value, other: &Value| alike_values(one, other, &exercise.tolerance);
    let wrong: Vec<usize> = (0..first.len())
        .filter(|&part| answers.iter().any(|(_, right, got)| !same(&right[part], &got[part])))
        .collect();
    let comes_back = |part: &usize| {
        (0..exercise.signature.parameters.len()).find(|&at| {
            let sizes = answers.iter().map(|(arguments, ..)| arguments[at].size());
            sizes.max() >= Some(ENOUGH)
                && answers.iter().all(|(arguments, _, got)| {
                    matches!(arguments[at], Value::Array(_)) && same(&arguments[at], &got[*part])
                })
        })
    };
    let arguments: Vec<usize> = wrong.iter().map(comes_back).collect::<Option<_>>()?;
    let pairs = wrong.iter().zip(&arguments);
    let words: Vec<String> = pairs
        .map(|(&part, &at)| format!("{} is the argument {}", names[part], exercise.signature.parameters[at].name))
        .collect();
    (!words.is_empty()).then(|| Diagnosis {
        evidence: Evidence::Fingerprint,
        id: "input-returned".into(),
        title: format!("{}, as it came", words.join(", ")),
        explanation: "Whatever your code computed is not in what it returns. x = ... gives the name another value and changes no array; in \
                      a loop over several arrays it forgets each at the next. Collect what you compute, and return that."
            .into(),
        question: "Which line puts what you computed into what you return?".into(),
        see: Some(See { resource: "corey-python".into(), at: "basics block: functions".into() }),
        certainty: format!("on all {} inputs that have an answer", answers.len()),
        also: Vec::new(),
    })
}

fn parts(value: &Value) -> &[Value] {
    match value {
        Value::Tuple(parts) => parts,
        value => std::slice::from_ref(value),
    }
}
