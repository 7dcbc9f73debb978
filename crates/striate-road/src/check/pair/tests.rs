//! Two mistakes at once are named, and what is no pair is not.

use std::fmt::Debug;
use std::hash::{Hash, Hasher};

use super::changes::reversed;
use super::*;
use crate::check::content::check_function;
use crate::exercise::Behaviour;
use crate::value::Array;

fn exercise(id: &str) -> &'static Exercise {
    crate::exercises::find(id).expect("an exercise")
}

fn mistake(exercise: &Exercise, id: &str) -> Behaviour {
    exercise.misconceptions.iter().find(|known| known.id == id).expect("a misconception").behaviour
}

fn floats(value: &Value) -> ArrayD<f64> {
    array(value).expect("numbers")
}

/// The report's diagnosis: evidence, id, id of the second mistake.
fn found(exercise: &'static Exercise, behaviour: impl FnMut(&[Value]) -> Outcome) -> Option<Diagnosis> {
    check_function(exercise, behaviour).diagnosis
}

#[track_caller]
fn expect(found: Option<Diagnosis>, ids: [&str; 2], words: &str)
where
    Diagnosis: Debug,
{
    let found = found.expect("a diagnosis");
    let other = found.also.first().map_or("", |(id, _)| id.as_str());
    let mut named = [found.id.as_str(), other];
    named.sort_unstable();
    let mut ids = ids;
    ids.sort_unstable();
    assert_eq!((found.evidence, named), (Evidence::Pair, ids), "{found:#?}");
    assert!(found.title.contains(words), "{words:?} is not in {:?}", found.title);
}

#[test]
fn a_mistake_on_a_changed_argument() {
    let correlate = exercise("correlate2d");
    let flipped = |arguments: &[Value]| {
        let mut arguments = arguments.to_vec();
        arguments[1] = reversed(&floats(&arguments[1]), 2).expect("two axes").into();
        mistake(correlate, "border-ignored")(&arguments)
    };
    expect(found(correlate, flipped), ["border-ignored", "kernel-flipped"], "and also");
}

#[test]
fn a_mistake_and_a_change_of_the_whole_result() {
    let correlate = exercise("correlate2d");
    let changed = |change: fn(&[Value], ArrayD<f64>) -> ArrayD<f64>| {
        move |arguments: &[Value]| match mistake(correlate, "border-ignored")(arguments) {
            Outcome::Value(value) => Outcome::Value(change(arguments, floats(&value)).into()),
            refused => refused,
        }
    };
    expect(found(correlate, changed(|_, out| -out)), ["border-ignored", ""], "opposite sign");
    expect(found(correlate, changed(|_, out| 2.0 * out)), ["border-ignored", ""], ": as from the derivative");
    let mean = |arguments: &[Value], out: ArrayD<f64>| out / arguments[1].size() as f64;
    expect(found(correlate, changed(mean)), ["border-ignored", ""], "1/(kh*kw) times");
}

#[test]
fn two_results_with_a_mistake_each_and_one_with_one() {
    let backward = exercise("conv2d_backward");
    let results = |outcome: Outcome| match outcome {
        Outcome::Value(Value::Tuple(parts)) => parts,
        other => panic!("three results are expected, not {other:?}"),
    };
    // The mistakes that change this result and no other.
    let only = |part: usize| {
        let changes = |known: &&Misconception| {
            let probe = &(backward.probes)()[2];
            let Outcome::Value(right) = backward.expected(&probe.arguments) else { return false };
            let Outcome::Value(Value::Tuple(wrong)) = (known.behaviour)(&probe.arguments) else { return false };
            (0..3).all(|at| (wrong[at] == parts(&right)[at]) == (at != part))
        };
        backward.misconceptions.iter().find(changes).expect("a mistake in one result")
    };
    let (dx, dw) = (only(0), only(1));
    let both = |arguments: &[Value]| match (dx.behaviour)(arguments) {
        Outcome::Rejects(why) => Outcome::Rejects(why),
        value => {
            let mut parts = results(value);
            parts[1] = results((dw.behaviour)(arguments))[1].clone();
            Outcome::Value(Value::Tuple(parts))
        }
    };
    expect(found(backward, both), [dx.id, dw.id], "and also");
}

#[test]
fn the_mistakes_of_two_different_inputs_are_no_pair() {
    let correlate = exercise("correlate2d");
    let by_border = |arguments: &[Value]| {
        let id = if arguments[2] == Value::Text("zero".into()) { "kernel-flipped" } else { "kernel-transposed" };
        mistake(correlate, id)(arguments)
    };
    let evidence = found(correlate, by_border).map(|found| found.evidence);
    assert!(evidence.is_none_or(|evidence| evidence == Evidence::Fingerprint), "{evidence:?}");
}

/// Numbers without a meaning.
struct Noise(u64);

impl Noise {
    fn of(arguments: &[Value], kind: usize) -> Self {
        let mut hasher = std::hash::DefaultHasher::new();
        format!("{arguments:?}").hash(&mut hasher);
        Noise(hasher.finish() ^ (kind as u64 + 11))
    }

    fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 40) as f64 / (1u64 << 24) as f64 * 4.0 - 2.0
    }

    fn spoil(&mut self, value: &Value, kind: usize) -> Value {
        match value {
            Value::Tuple(parts) => Value::Tuple(parts.iter().map(|part| self.spoil(part, kind)).collect()),
            Value::Float(x) => Value::Float(x + self.next()),
            Value::Array(Array::F64(array)) => array
                .mapv(|x| match kind {
                    0 => self.next(),
                    1 => x + self.next(),
                    2 => x * (1.5 + self.next() / 4.0),
                    _ => {
                        if self.next() > 1.0 {
                            self.next().round()
                        } else {
                            x
                        }
                    }
                })
                .into(),
            other => other.clone(),
        }
    }
}

#[test]
fn random_wrong_numbers_have_no_name() {
    let compared = crate::exercises::all().iter().filter(|exercise| exercise.measured.is_empty());
    for (at, exercise) in compared.enumerate() {
        for kind in [at % 4, (at + 1) % 4] {
            // The same for the same input: what changes from call to call has a name of its own.
            let report = check_function(exercise, |arguments| match (exercise.reference)(arguments) {
                Outcome::Value(value) => Outcome::Value(Noise::of(arguments, kind).spoil(&value, kind)),
                refused => refused,
            });
            let named = report.diagnosis.filter(|found| found.evidence != Evidence::Fingerprint);
            assert!(named.is_none(), "{}, kind {kind}: {named:#?}", exercise.id);
        }
    }
}
