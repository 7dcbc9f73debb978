//! The first wrong number worked through by hand.

use super::compare::{alike_values, position, wrong_cells};
use super::show::{number_text, texts_apart};
use crate::exercise::{Exercise, Kind};
use crate::value::Value;

/// How the first wrong number of a result comes about, in numbers; `None` where no number of the right shape is wrong.
pub(super) fn by_hand(exercise: &Exercise, arguments: &[Value], expected: &Value, got: &Value) -> Option<String> {
    let (part, at) = first_wrong(exercise, expected, got)?;
    let name = match &exercise.signature.returns.kind {
        Kind::Tuple(parts) => parts.get(part).map_or("the result", |part| part.name),
        _ => exercise.signature.returns.name,
    };
    let (right, wrong) = (part_of(expected, part)?, part_of(got, part)?);
    let cell = match right {
        Value::Array(array) if !array.shape().is_empty() => format!("{name}{}", position(at, array.shape())),
        _ => name.to_string(),
    };
    let found = number(wrong, at)?;
    if let Some(text) = exercise.worked.and_then(|worked| worked(arguments, part, at)) {
        return Some(format!("By hand: {cell} = {text}; yours is {}.", number_text(found)));
    }
    let [wanted, found] = texts_apart(number(right, at)?, found);
    Some(format!(
        "Work {cell} out by hand from these arguments, one step of the definition after the other, until you have \
         {wanted}; then print the same steps in your code, up to the one at which it turns to {found}."
    ))
}

fn part_of(value: &Value, part: usize) -> Option<&Value> {
    match value {
        Value::Tuple(parts) => parts.get(part),
        value => (part == 0).then_some(value),
    }
}

fn number(value: &Value, at: usize) -> Option<f64> {
    match value {
        Value::Array(array) => array.to_f64().get(at).copied(),
        Value::Float(x) => Some(*x),
        Value::Int(x) => Some(*x as f64),
        _ => None,
    }
}

fn first_wrong(exercise: &Exercise, expected: &Value, got: &Value) -> Option<(usize, usize)> {
    let parts = |value: &Value| if let Value::Tuple(parts) = value { parts.len() } else { 1 };
    (0..parts(expected)).find_map(|part| match (part_of(expected, part)?, part_of(got, part)?) {
        (Value::Array(right), Value::Array(got)) if right.shape() == got.shape() => {
            wrong_cells(right, got, &exercise.tolerance).first().map(|&at| (part, at))
        }
        (Value::Array(_), _) | (_, Value::Array(_)) => None,
        (right, got) => {
            let wrong = !alike_values(right, got, &exercise.tolerance) && number(got, 0).is_some();
            wrong.then_some((part, 0))
        }
    })
}
