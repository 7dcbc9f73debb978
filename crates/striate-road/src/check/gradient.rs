//! Two verdicts on a backward function: against the numeric gradient of the right forward function, and against that
//! of the learner's own. Where the backward itself is wrong, its upstream gradients are changed to see which of the two
//! factors of the chain rule is at fault: the local derivative, or what it is multiplied with.

use ndarray::ArrayD;

use super::compare::{close, largest};
use super::report::{Diagnosis, Evidence, Report};
use super::{CheckOptions, Program, Running, Subject};
use crate::exercise::{Difficulty, Exercise, ForwardCall, GradientCheck, Kind, Outcome, Parameter, Probe};
use crate::runner::{Call, runner};
use crate::value::{Array, Value};

/// Step of the central differences.
const STEP: f64 = 1e-5;
/// Central differences in f64 agree with a right gradient to about this.
const AGREEMENT: f64 = 1e-5;
/// Larger inputs cost too many calls.
const MOST_NUMBERS: usize = 400;

/// Adds a verdict to a report on wrong numbers, when the exercise is a gradient.
pub(super) fn verdict(program: &Program<'_>, subject: &mut Running<'_>, report: &mut Report, options: &CheckOptions) {
    let exercise = program.exercise;
    let (Some(check), Some((forward, file))) = (exercise.gradient, program.forward) else { return };
    let Some((probe, gradients)) = smallest_wrong(exercise, subject) else { return };
    let names = part_names(exercise);
    let right = numeric(&check, &probe, &mut |arguments| results(forward.expected(arguments)));
    let Some(right) = right else { return };
    let wrong: Vec<&str> =
        names.iter().zip(agree(&gradients, &right)).filter(|(_, agrees)| !agrees).map(|(name, _)| *name).collect();
    if wrong.is_empty() {
        return;
    }
    let own =
        file.and_then(|file| own_forward(Program { exercise: forward, file, ..*program }, options, &check, &probe));
    let named = report
        .diagnosis
        .as_ref()
        .is_some_and(|found| matches!(found.evidence, Evidence::Misconception | Evidence::Pair));
    let follows_own = own.as_ref().is_some_and(|own| agree(&gradients, own).into_iter().all(|agrees| agrees));
    if named && !follows_own {
        return;
    }
    let (id, title, explanation) = if follows_own {
        (
            "forward-wrong",
            format!("your backward is right for your {0}: it is {0} that is wrong", check.forward),
            format!("Check {} first; then come back.", check.forward),
        )
    } else {
        let fine: Vec<&str> = names.iter().copied().filter(|name| !wrong.contains(name)).collect();
        let others = if fine.is_empty() { String::new() } else { format!("; {} agree", fine.join(" and ")) };
        let own = if own.is_some() { " and from those of your own forward" } else { "" };
        let (id, factor) = match which_factor(exercise, &check, subject, &probe, &gradients, &right) {
            Some((id, text)) => (id, format!(" {text}")),
            None => ("backward-wrong", String::new()),
        };
        (
            id,
            format!("the backward is wrong: {}{others}", wrong.join(" and ")),
            format!("They differ from the central differences of the right {}{own}.{factor}", check.forward),
        )
    };
    // What a pattern suggests still helps to find the place.
    let pattern = report.diagnosis.take().filter(|_| !follows_own);
    let question = pattern.map(|found| format!("What can be seen: {}. {}", found.title, found.question));
    report.diagnosis = Some(Diagnosis {
        evidence: Evidence::Gradient,
        id: id.into(),
        title,
        explanation,
        question: question.unwrap_or_default(),
        see: None,
        certainty: "by central differences".into(),
        also: Vec::new(),
    });
}

/// Which factor of the chain rule is wrong, from what happens when the upstream gradients change: id and sentence.
fn which_factor(
    exercise: &Exercise,
    check: &GradientCheck,
    subject: &mut Running<'_>,
    probe: &Probe,
    gradients: &[ArrayD<f64>],
    right: &[ArrayD<f64>],
) -> Option<(&'static str, String)> {
    let wrong: Vec<usize> =
        agree(gradients, right).into_iter().enumerate().filter(|(_, agrees)| !agrees).map(|(part, _)| part).collect();
    // Where the upstream gradients are arguments of the backward.
    let upstream: Vec<usize> = (check.forward_call)(&probe.arguments)
        .upstream
        .iter()
        .map(|gradient| probe.arguments.iter().position(|argument| argument == gradient))
        .collect::<Option<_>>()?;
    let names = |of: &[usize]| -> String {
        of.iter().map(|&at| exercise.signature.parameters[at].name).collect::<Vec<_>>().join(" and ")
    };
    let mut with = |change: &dyn Fn(usize) -> f64| -> Option<(Vec<ArrayD<f64>>, Vec<ArrayD<f64>>)> {
        let mut changed = probe.clone();
        for &at in &upstream {
            let scaled = arrays(&changed.arguments[at])?.remove(0) * change(at);
            changed.arguments[at] = Value::Array(Array::F64(scaled));
        }
        let Outcome::Value(expected) = exercise.expected(&changed.arguments) else { return None };
        Some((arrays(&subject.call(&changed, false).ok()?.value)?, arrays(&expected)?))
    };
    if upstream.len() > 1 {
        let mut alone = |at: usize| with(&|other| if other == at { 1.0 } else { 0.0 });
        let mut fine = Vec::new();
        for &at in &upstream {
            let (got, expected) = alone(at)?;
            if agree(&got, &expected).into_iter().all(|agrees| agrees) {
                fine.push(at);
            }
        }
        let faulty: Vec<usize> = upstream.iter().copied().filter(|at| !fine.contains(at)).collect();
        if !fine.is_empty() && !faulty.is_empty() {
            let (fine, faulty) = (names(&fine), names(&faulty));
            let text = format!(
                "With {fine} alone your gradients are right; with {faulty} alone they are not: look at the way that {faulty} \
                 takes."
            );
            return Some(("path-of-one-upstream-wrong", text));
        }
    }
    let (doubled, _) = with(&|_| 2.0)?;
    let grows = |factor: f64| {
        let scaled: Vec<ArrayD<f64>> = gradients.iter().map(|gradient| gradient * factor).collect();
        let alike = agree(&doubled, &scaled);
        wrong.iter().all(|&part| alike.get(part) == Some(&true))
    };
    let upstream = names(&upstream);
    if wrong.iter().any(|&part| gradients[part].iter().all(|&x| x == 0.0)) {
        None
    } else if grows(1.0) {
        let text =
            format!("They stay the same when {upstream} is doubled: the local derivative is not multiplied with it.");
        Some(("upstream-not-multiplied", text))
    } else if grows(2.0) {
        let text = format!(
            "They double when {upstream} is doubled, as they should: what is wrong is the local derivative that it is \
             multiplied with."
        );
        Some(("local-derivative-wrong", text))
    } else if grows(4.0) {
        let text = format!("They become four times as large when {upstream} is doubled: it is multiplied in twice.");
        Some(("upstream-multiplied-twice", text))
    } else {
        None
    }
}

pub(super) fn part_names(exercise: &Exercise) -> Vec<&'static str> {
    match &exercise.signature.returns {
        Parameter { kind: Kind::Tuple(parts), .. } => parts.iter().map(|part| part.name).collect(),
        returns => vec![returns.name],
    }
}

/// The smallest ordinary probe on which the learner's gradients differ from the right ones, with those gradients.
fn smallest_wrong(exercise: &Exercise, subject: &mut Running<'_>) -> Option<(Probe, Vec<ArrayD<f64>>)> {
    let mut probes = (exercise.probes)();
    probes.retain(|probe| probe.difficulty == Difficulty::Ordinary && probe.size() <= MOST_NUMBERS);
    probes.sort_by_key(Probe::size);
    probes.into_iter().find_map(|probe| {
        let got = arrays(&subject.call(&probe, false).ok()?.value)?;
        let Outcome::Value(expected) = exercise.expected(&probe.arguments) else { return None };
        let wrong = !agree(&got, &arrays(&expected)?).into_iter().all(|agrees| agrees);
        wrong.then_some((probe, got))
    })
}

fn arrays(value: &Value) -> Option<Vec<ArrayD<f64>>> {
    let one = |value: &Value| match value {
        Value::Array(array) => Some(array.to_f64_array()),
        Value::Float(x) => Some(ndarray::arr0(*x).into_dyn()),
        _ => None,
    };
    match value {
        Value::Tuple(parts) => parts.iter().map(one).collect(),
        _ => Some(vec![one(value)?]),
    }
}

fn results(outcome: Outcome) -> Option<Vec<ArrayD<f64>>> {
    match outcome {
        // What stands after the arrays (a cache, a count) has no gradient.
        Outcome::Value(Value::Tuple(parts)) => Some(parts.iter().map_while(arrays).flatten().collect()),
        Outcome::Value(value) => arrays(&value),
        Outcome::Rejects(_) => None,
    }
}

fn agree(gradients: &[ArrayD<f64>], numeric: &[ArrayD<f64>]) -> Vec<bool> {
    gradients
        .iter()
        .zip(numeric)
        .map(|(gradient, numeric)| {
            let gap = AGREEMENT * (1.0 + largest(&numeric.iter().copied().collect::<Vec<_>>()));
            gradient.shape() == numeric.shape() && gradient.iter().zip(numeric).all(|(&a, &b)| close(b, a, gap))
        })
        .collect()
}

/// Gradients of `sum(upstream * forward(arguments))`, over all results that have one, by central differences.
fn numeric(
    check: &GradientCheck,
    probe: &Probe,
    forward: &mut dyn FnMut(&[Value]) -> Option<Vec<ArrayD<f64>>>,
) -> Option<Vec<ArrayD<f64>>> {
    let ForwardCall { mut arguments, with_respect_to, upstream } = (check.forward_call)(&probe.arguments);
    let upstream: Vec<ArrayD<f64>> = upstream.iter().map(arrays).collect::<Option<Vec<_>>>()?.concat();
    let mut loss = |arguments: &[Value]| {
        let results = forward(arguments)?;
        let fits =
            results.len() >= upstream.len() && results.iter().zip(&upstream).all(|(x, u)| x.shape() == u.shape());
        fits.then(|| results.iter().zip(&upstream).map(|(x, u)| (x * u).sum()).sum::<f64>())
    };
    let mut gradients = Vec::new();
    for at in with_respect_to {
        let original = arguments[at].clone();
        let start = arrays(&original)?.into_iter().next()?;
        let mut gradient = ArrayD::zeros(start.raw_dim());
        for (element, slot) in gradient.iter_mut().enumerate() {
            let mut side = |step: f64| {
                let mut moved = start.clone();
                *moved.iter_mut().nth(element)? += step;
                arguments[at] = match &original {
                    Value::Float(_) => Value::Float(*moved.first()?),
                    _ => Value::Array(Array::F64(moved)),
                };
                loss(&arguments)
            };
            *slot = (side(STEP)? - side(-STEP)?) / (2.0 * STEP);
        }
        arguments[at] = original;
        gradients.push(gradient);
    }
    Some(gradients)
}

/// Numeric gradients of the learner's own forward function, if there is one that runs.
fn own_forward(
    forward: Program<'_>,
    options: &CheckOptions,
    check: &GradientCheck,
    probe: &Probe,
) -> Option<Vec<ArrayD<f64>>> {
    let signature = &forward.exercise.signature;
    let mut session = runner(forward.language).open(signature, forward.file, options).ok()?;
    let tuple = matches!(signature.returns.kind, Kind::Tuple(_));
    numeric(check, probe, &mut |arguments| {
        let returned = session.call(&Call { arguments, strided: false, tuple }).ok()?;
        results(Outcome::Value(returned.value))
    })
}
