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

/// An array per result.
type Gradients = Vec<ArrayD<f64>>;

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
        let upstream = Upstream::of(&check, exercise, subject, &probe);
        let factor = upstream.and_then(|upstream| which_factor(&check, upstream, &gradients, &right));
        let (id, factor) = match factor {
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

/// A wrong backward whose upstream gradients can be changed.
struct Upstream<'p, 'r> {
    exercise: &'p Exercise,
    subject: &'p mut Running<'r>,
    probe: &'p Probe,
    /// Which of its arguments they are.
    at: Vec<usize>,
}

/// Which factor of the chain rule is wrong, from what happens when the upstream gradients change: id and sentence.
fn which_factor(
    check: &GradientCheck,
    mut upstream: Upstream<'_, '_>,
    gradients: &[ArrayD<f64>],
    right: &[ArrayD<f64>],
) -> Option<(&'static str, String)> {
    if let Some(text) = upstream.astray() {
        return Some(("path-of-one-upstream-wrong", text));
    }
    let (doubled, _) = upstream.times(&|_| 2.0)?;
    let wrong: Vec<usize> = (0..right.len()).filter(|&part| !agree(gradients, right)[part]).collect();
    if wrong.iter().any(|&part| gradients[part].iter().all(|&x| x == 0.0)) {
        return None;
    }
    let grows = |factor: f64| {
        let scaled: Gradients = gradients.iter().map(|gradient| gradient * factor).collect();
        let alike = agree(&doubled, &scaled);
        wrong.iter().all(|&part| alike.get(part) == Some(&true))
    };
    let (name, local) = (upstream.names(&upstream.at), format!("the local derivative of {}", check.forward));
    if grows(1.0) {
        let text = format!("They stay the same when {name} is doubled: {local} is not multiplied with it.");
        Some(("upstream-not-multiplied", text))
    } else if grows(2.0) {
        let text = format!("They double when {name} is doubled, as they should: what is wrong is {local}.");
        Some(("local-derivative-wrong", text))
    } else if grows(4.0) {
        let text = format!("They become four times as large when {name} is doubled: it is multiplied in twice.");
        Some(("upstream-multiplied-twice", text))
    } else {
        None
    }
}

impl<'p, 'r> Upstream<'p, 'r> {
    /// Where the upstream gradients are arguments of the backward as they are.
    fn of(
        check: &GradientCheck,
        exercise: &'p Exercise,
        subject: &'p mut Running<'r>,
        probe: &'p Probe,
    ) -> Option<Upstream<'p, 'r>> {
        let upstream = (check.forward_call)(&probe.arguments).upstream;
        let place = |gradient: &Value| probe.arguments.iter().position(|argument| argument == gradient);
        let at = upstream.iter().map(place).collect::<Option<_>>()?;
        Some(Upstream { exercise, subject, probe, at })
    }

    fn names(&self, of: &[usize]) -> String {
        of.iter().map(|&at| self.exercise.signature.parameters[at].name).collect::<Vec<_>>().join(" and ")
    }

    /// The learner's gradients and the right ones with each upstream gradient times a factor.
    fn times(&mut self, factor: &dyn Fn(usize) -> f64) -> Option<(Gradients, Gradients)> {
        let mut changed = self.probe.clone();
        for &at in &self.at {
            let scaled = arrays(&changed.arguments[at])?.remove(0) * factor(at);
            changed.arguments[at] = Value::Array(Array::F64(scaled));
        }
        let Outcome::Value(expected) = self.exercise.expected(&changed.arguments) else { return None };
        Some((arrays(&self.subject.call(&changed, false).ok()?.value)?, arrays(&expected)?))
    }

    /// Of several upstream gradients, those that lead to right results alone and those that do not.
    fn astray(&mut self) -> Option<String> {
        let (mut fine, mut faulty) = (Vec::new(), Vec::new());
        for at in self.at.clone() {
            let (got, expected) = self.times(&|other| if other == at { 1.0 } else { 0.0 })?;
            let agrees = agree(&got, &expected).into_iter().all(|agrees| agrees);
            if agrees { fine.push(at) } else { faulty.push(at) }
        }
        let (fine, faulty) = (self.names(&fine), self.names(&faulty));
        (!fine.is_empty() && !faulty.is_empty()).then(|| {
            format!(
                "With {fine} alone your gradients are right; with {faulty} alone they are not: look at the way that {faulty} \
                 takes."
            )
        })
    }
}

pub(super) fn part_names(exercise: &Exercise) -> Vec<&'static str> {
    match &exercise.signature.returns {
        Parameter { kind: Kind::Tuple(parts), .. } => parts.iter().map(|part| part.name).collect(),
        returns => vec![returns.name],
    }
}

/// The smallest ordinary probe on which the learner's gradients differ from the right ones, with those gradients.
fn smallest_wrong(exercise: &Exercise, subject: &mut Running<'_>) -> Option<(Probe, Gradients)> {
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

fn arrays(value: &Value) -> Option<Gradients> {
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

fn results(outcome: Outcome) -> Option<Gradients> {
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
    forward: &mut dyn FnMut(&[Value]) -> Option<Gradients>,
) -> Option<Gradients> {
    let ForwardCall { mut arguments, with_respect_to, upstream } = (check.forward_call)(&probe.arguments);
    let upstream: Gradients = upstream.iter().map(arrays).collect::<Option<Vec<_>>>()?.concat();
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
) -> Option<Gradients> {
    let signature = &forward.exercise.signature;
    let mut session = runner(forward.language).open(signature, forward.file, options).ok()?;
    let tuple = matches!(signature.returns.kind, Kind::Tuple(_));
    numeric(check, probe, &mut |arguments| {
        let returned = session.call(&Call { arguments, strided: false, tuple }).ok()?;
        results(Outcome::Value(returned.value))
    })
}
