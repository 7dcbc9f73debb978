//! What all inputs of an exercise have in common.
//!
//! Nothing says what an input of an exercise is, so it is read off the probes: axes with the same name have the same
//! length, lengths keep their order (a kernel that always fits still fits), and an argument that always held whole
//! numbers, no negative ones, no zeros, rows that sum to one, a symmetric matrix, numbers in order or all different does
//! so still.

use ndarray::{ArrayD, Axis};

use crate::exercise::{Exercise, Kind};
use crate::value::{Array, Value};

/// Whether something is so of an argument.
type Law = fn(&ArrayD<f64>) -> bool;

/// What an argument may be known for.
const LAWS: [Law; 13] = [
    |array| array.iter().all(|x| x.fract() == 0.0),
    |array| array.iter().all(|x| *x >= 0.0),
    |array| array.iter().all(|x| *x > 0.0),
    |array| array.iter().all(|x| *x != 0.0),
    |array| array.iter().all(|x| x.abs() <= 1.0),
    |array| array.iter().all(|x| *x < 1.0),
    |array| array.iter().all(|x| *x < 256.0),
    |array| sums_to_one(array, array.ndim().checked_sub(1)),
    |array| sums_to_one(array, Some(0)),
    |array| array.iter().all(|x| x.is_finite()) && (array.sum() - 1.0).abs() < 1e-9,
    |array| array.ndim() == 2 && array.shape()[0] == array.shape()[1] && array.t() == array.view(),
    |array| array.iter().zip(array.iter().skip(1)).all(|(one, next)| one <= next),
    |array| {
        let mut sorted: Vec<f64> = array.iter().copied().collect();
        sorted.sort_by(f64::total_cmp);
        sorted.windows(2).all(|two| two[0] != two[1])
    },
];

fn sums_to_one(array: &ArrayD<f64>, axis: Option<usize>) -> bool {
    axis.is_some_and(|axis| {
        axis < array.ndim() && array.sum_axis(Axis(axis)).iter().all(|sum: &f64| (sum - 1.0).abs() < 1e-9)
    })
}

/// What holds on all probes of an exercise.
pub(super) struct Laws {
    /// Argument and number of a law of its array.
    arrays: Vec<(usize, usize)>,
    /// Lengths and whole numbers by name, of which the first is never larger than the second.
    ordered: Vec<(&'static str, &'static str)>,
    /// The first is always a multiple of the second.
    multiples: Vec<(&'static str, &'static str)>,
    /// Argument with whole numbers that are always below a length: labels, indices.
    below: Vec<(usize, &'static str)>,
}

impl Laws {
    /// Of inputs that have an answer.
    pub(super) fn of(exercise: &Exercise, inputs: &[&[Value]]) -> Laws {
        let lengths: Vec<Vec<(&'static str, i64)>> = inputs.iter().map(|input| lengths(exercise, input)).collect();
        let names: Vec<&'static str> =
            lengths.first().map_or(Vec::new(), |of| of.iter().map(|(name, _)| *name).collect());
        let always = |holds: &dyn Fn(usize) -> bool| (0..inputs.len()).all(holds);
        let arrays = (0..exercise.signature.parameters.len())
            .flat_map(|at| (0..LAWS.len()).map(move |law| (at, law)))
            .filter(|&(at, law)| {
                always(&|input| numbers(inputs[input].get(at)).is_some_and(|numbers| LAWS[law](&numbers)))
            })
            .collect();
        let pairs = || names.iter().flat_map(|a| names.iter().filter(move |b| *b != a).map(move |b| (*a, *b)));
        let related = |relation: fn(i64, i64) -> bool| {
            pairs()
                .filter(|(a, b)| {
                    always(&|input| match (find(&lengths[input], a), find(&lengths[input], b)) {
                        (Some(a), Some(b)) => relation(a, b),
                        _ => false,
                    })
                })
                .collect::<Vec<_>>()
        };
        let below = (0..exercise.signature.parameters.len())
            .flat_map(|at| names.iter().map(move |name| (at, *name)))
            .filter(|&(at, name)| {
                always(&|input| {
                    find(&lengths[input], name).is_some_and(|length| are_below(inputs[input].get(at), length))
                })
            })
            .collect();
        Laws { arrays, ordered: related(|a, b| a <= b), multiples: related(|a, b| b != 0 && a % b == 0), below }
    }

    /// Whether an input has all that these have in common.
    pub(super) fn hold(&self, exercise: &Exercise, arguments: &[Value]) -> bool {
        let lengths = lengths(exercise, arguments);
        let related = |pairs: &[(&'static str, &'static str)], relation: fn(i64, i64) -> bool| {
            pairs.iter().all(|(a, b)| match (find(&lengths, a), find(&lengths, b)) {
                (Some(a), Some(b)) => relation(a, b),
                _ => true,
            })
        };
        self.arrays.iter().all(|&(at, law)| numbers(arguments.get(at)).is_some_and(|numbers| LAWS[law](&numbers)))
            && related(&self.ordered, |a, b| a <= b)
            && related(&self.multiples, |a, b| b != 0 && a % b == 0)
            && self
                .below
                .iter()
                .all(|&(at, name)| find(&lengths, name).is_none_or(|length| are_below(arguments.get(at), length)))
    }
}

fn numbers(value: Option<&Value>) -> Option<ArrayD<f64>> {
    match value? {
        Value::Array(array) => Some(array.to_f64_array()),
        Value::Float(x) => Some(ndarray::arr0(*x).into_dyn()),
        _ => None,
    }
}

fn are_below(value: Option<&Value>, length: i64) -> bool {
    match value {
        Some(Value::Array(Array::I64(array))) => array.iter().all(|&x| x < length),
        _ => false,
    }
}

fn find(lengths: &[(&'static str, i64)], name: &str) -> Option<i64> {
    lengths.iter().find(|(known, _)| *known == name).map(|(_, length)| *length)
}

/// Lengths of axes and whole numbers by name.
fn lengths(exercise: &Exercise, arguments: &[Value]) -> Vec<(&'static str, i64)> {
    let mut found: Vec<(&'static str, i64)> = Vec::new();
    for (at, (parameter, value)) in exercise.signature.parameters.iter().zip(arguments).enumerate() {
        match value {
            Value::Int(x) => found.push((parameter.name, *x)),
            Value::Array(array) => {
                let of = axes(exercise, at).iter().zip(array.shape()).map(|(name, &length)| (*name, length as i64));
                let new: Vec<_> = of.filter(|(name, _)| find(&found, name).is_none()).collect();
                found.extend(new);
            }
            _ => {}
        }
    }
    found
}

/// Axis names of an argument, where it is an array that has them.
pub(super) fn axes(exercise: &Exercise, at: usize) -> &'static [&'static str] {
    match exercise.signature.parameters.get(at).map(|parameter| &parameter.kind) {
        Some(Kind::Array { axes, .. }) => axes,
        _ => &[],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn laws_of_the_probes_are_kept() {
        let exercise = crate::exercises::find("correlate2d").expect("an exercise");
        let probes = (exercise.probes)();
        let inputs: Vec<&[Value]> = probes.iter().map(|probe| &probe.arguments[..]).collect();
        let laws = Laws::of(exercise, &inputs);
        // Images of whole numbers are not all there are, so any number will do; both kernel sides have to be there.
        assert!(laws.hold(exercise, &probes[0].arguments));
        let shares = [Value::array(&[2], vec![0.25, 0.75])];
        let all = Laws { arrays: vec![(0, 9)], ordered: vec![], multiples: vec![], below: vec![] };
        assert!(all.hold(exercise, &shares));
        assert!(!all.hold(exercise, &[Value::array(&[2], vec![0.0, 1.5])]));
    }
}
