//! Typed access to the arguments of a call.
//!
//! References and misconceptions are only ever called with the probes of their own exercise, so a wrong type here is
//! a mistake in the exercise and panics.

use ndarray::{ArrayView, Axis, Dimension};

use crate::exercise::{Element, Kind, Outcome, Parameter};
use crate::value::{Array, Callback, Value};

/// Argument `index` as an array of 64-bit floats with `D`'s number of axes.
pub(super) fn floats<D: Dimension>(arguments: &[Value], index: usize) -> ArrayView<'_, f64, D> {
    match &arguments[index] {
        Value::Array(Array::F64(array)) => with_axes(array.view(), index),
        other => panic!("argument {index} should be an f64 array, it is {other:?}"),
    }
}

/// Argument `index` as a float.
pub(super) fn float(arguments: &[Value], index: usize) -> f64 {
    match &arguments[index] {
        Value::Float(value) => *value,
        other => panic!("argument {index} should be a float, it is {other:?}"),
    }
}

/// Argument `index` as an integer.
pub(super) fn int(arguments: &[Value], index: usize) -> i64 {
    match &arguments[index] {
        Value::Int(value) => *value,
        other => panic!("argument {index} should be an int, it is {other:?}"),
    }
}

/// Argument `index` as a count, for probes that hold no negative one.
pub(super) fn count(arguments: &[Value], index: usize) -> usize {
    usize::try_from(int(arguments, index)).unwrap_or_else(|_| panic!("argument {index} should not be negative"))
}

/// Argument `index` as a truth value.
pub(super) fn boolean(arguments: &[Value], index: usize) -> bool {
    match &arguments[index] {
        Value::Bool(value) => *value,
        other => panic!("argument {index} should be a bool, it is {other:?}"),
    }
}

/// Argument `index` as a text.
pub(super) fn text(arguments: &[Value], index: usize) -> &str {
    match &arguments[index] {
        Value::Text(value) => value,
        other => panic!("argument {index} should be a text, it is {other:?}"),
    }
}

/// Argument `index` as a function.
pub(super) fn callback(arguments: &[Value], index: usize) -> &Callback {
    match &arguments[index] {
        Value::Callback(callback) => callback,
        other => panic!("argument {index} should be a function, it is {other:?}"),
    }
}

/// A refusal.
pub(super) fn rejects(reason: impl Into<String>) -> Outcome {
    Outcome::Rejects(reason.into())
}

/// A result, from anything that is a value.
pub(super) fn returns(value: impl Into<Value>) -> Outcome {
    Outcome::Value(value.into())
}

/// The results with an axis of length 1 before the only one that a vector has: what `keepdims=True` leaves of a batch.
pub(super) fn keeping_first_axis(outcome: Outcome) -> Outcome {
    let Outcome::Value(Value::Tuple(parts)) = outcome else { return outcome };
    let kept = parts.into_iter().map(|part| match part {
        Value::Array(Array::F64(array)) if array.ndim() == 1 => array.insert_axis(Axis(0)).into(),
        other => other,
    });
    returns(Value::Tuple(kept.collect()))
}

fn with_axes<T, D: Dimension>(array: ndarray::ArrayViewD<'_, T>, index: usize) -> ArrayView<'_, T, D> {
    let axes = array.ndim();
    array.into_dimensionality().unwrap_or_else(|_| panic!("argument {index} has {axes} axes"))
}

/// A parameter or result that is an array of 64-bit floats.
pub(super) const fn f64_array(name: &'static str, axes: &'static [&'static str], meaning: &'static str) -> Parameter {
    Parameter { name, kind: Kind::Array { element: Element::F64, axes }, meaning }
}

/// An integer parameter.
pub(super) const fn int_named(name: &'static str, meaning: &'static str) -> Parameter {
    Parameter { name, kind: Kind::Int, meaning }
}

/// A parameter that is a number.
pub(super) const fn float_named(name: &'static str, meaning: &'static str) -> Parameter {
    Parameter { name, kind: Kind::Float, meaning }
}

/// A parameter that is true or false.
pub(super) const fn bool_named(name: &'static str, meaning: &'static str) -> Parameter {
    Parameter { name, kind: Kind::Bool, meaning }
}

/// A parameter that is a text.
pub(super) const fn text_named(name: &'static str, meaning: &'static str) -> Parameter {
    Parameter { name, kind: Kind::Text, meaning }
}

/// A parameter or result that is an array of 64-bit integers.
pub(super) const fn i64_array(name: &'static str, axes: &'static [&'static str], meaning: &'static str) -> Parameter {
    Parameter { name, kind: Kind::Array { element: Element::I64, axes }, meaning }
}

/// Argument `index` as an array of 64-bit integers with `D`'s number of axes.
pub(super) fn whole_numbers<D: Dimension>(arguments: &[Value], index: usize) -> ArrayView<'_, i64, D> {
    match &arguments[index] {
        Value::Array(Array::I64(array)) => with_axes(array.view(), index),
        other => panic!("argument {index} should be an i64 array, it is {other:?}"),
    }
}

/// Argument `index` as a list of sizes.
pub(super) fn sizes(arguments: &[Value], index: usize) -> Vec<usize> {
    match &arguments[index] {
        Value::Array(Array::I64(array)) => array.iter().map(|&n| usize::try_from(n).expect("a size")).collect(),
        other => panic!("argument {index} should be an i64 array, it is {other:?}"),
    }
}

/// Argument `index` as an array of bytes with `D`'s number of axes.
pub(super) fn bytes<D: Dimension>(arguments: &[Value], index: usize) -> ArrayView<'_, u8, D> {
    match &arguments[index] {
        Value::Array(Array::U8(array)) => with_axes(array.view(), index),
        other => panic!("argument {index} should be a u8 array, it is {other:?}"),
    }
}
