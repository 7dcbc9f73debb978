//! Exercises of the road as functions of a course.

use crate::check::alike;
use crate::exercise::{Exercise, Misconception, Outcome, Probe, Signature};
use crate::exercises;
use crate::value::Value;

/// The road's exercise of that name.
pub(super) fn of_the_road(id: &str) -> &'static Exercise {
    exercises::find(id).unwrap_or_else(|| panic!("{id} is an exercise of the road"))
}

/// The probes of one of the road's exercises that have an answer: a course does not ask to refuse anything.
pub(super) fn answered(id: &str) -> Vec<Probe> {
    let exercise = of_the_road(id);
    let mut probes = (exercise.probes)();
    probes.retain(|probe| matches!((exercise.reference)(&probe.arguments), Outcome::Value(_)));
    probes
}

/// What one of the road's exercises makes of these arguments, rightly or with one of its mistakes.
pub(super) fn as_on_the_road(id: &str, mistake: Option<&str>, arguments: &[Value]) -> Outcome {
    let exercise = of_the_road(id);
    let behaviour = mistake.map_or(exercise.reference, |mistake| {
        let known = exercise.misconceptions.iter().find(|known| known.id == mistake);
        known.unwrap_or_else(|| panic!("{id} has no mistake {mistake}")).behaviour
    });
    behaviour(arguments)
}

/// Those mistakes that show on some of these probes.
pub(super) fn that_show(exercise: &Exercise, probes: &[Probe]) -> &'static [Misconception] {
    let shows = |mistake: &&Misconception| {
        probes.iter().any(|probe| {
            let right = exercise.expected(&probe.arguments);
            !alike(&right, &exercise.outcome(mistake.behaviour, &probe.arguments), &exercise.tolerance)
        })
    };
    let kept: Vec<Misconception> = exercise.misconceptions.iter().filter(shows).copied().collect();
    // Made once per exercise of a course, and kept as long as the program runs.
    Vec::leak(kept)
}

/// An exercise of the road under a course's name.
pub(super) fn renamed(name: &'static str, id: &str, probes: fn() -> Vec<Probe>) -> Exercise {
    let road = of_the_road(id);
    Exercise {
        id: name,
        signature: Signature { name, ..road.signature.clone() },
        probes,
        reference: road.reference,
        misconceptions: road.misconceptions,
        properties: road.properties,
        tolerance: road.tolerance,
        canonical: road.canonical,
        ..Exercise::DEFAULTS
    }
}
