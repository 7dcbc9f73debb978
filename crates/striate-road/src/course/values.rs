//! Arguments of a course's functions as arrays to compute with, and results.
//!
//! References are only called with the probes of their own exercise: a wrong type is a mistake in the exercise.

use ndarray::{Array, ArrayD, Dimension, Ix1, Ix2, Ix3, Ix4};

use crate::exercise::{Element, Kind, Outcome, Parameter};
use crate::value::{Array as AnyArray, Value};

fn floats<D: Dimension>(arguments: &[Value], index: usize) -> Array<f64, D> {
    match &arguments[index] {
        Value::Array(AnyArray::F64(array)) => {
            array.clone().into_dimensionality().unwrap_or_else(|_| panic!("argument {index}: {:?}", array.shape()))
        }
        other => panic!("argument {index} should be an f64 array, it is {other:?}"),
    }
}

pub(super) fn vector(arguments: &[Value], index: usize) -> Array<f64, Ix1> {
    floats(arguments, index)
}

pub(super) fn matrix(arguments: &[Value], index: usize) -> Array<f64, Ix2> {
    floats(arguments, index)
}

pub(super) fn cube(arguments: &[Value], index: usize) -> Array<f64, Ix3> {
    floats(arguments, index)
}

pub(super) fn images(arguments: &[Value], index: usize) -> Array<f64, Ix4> {
    floats(arguments, index)
}

pub(super) fn array(arguments: &[Value], index: usize) -> ArrayD<f64> {
    match &arguments[index] {
        Value::Array(AnyArray::F64(array)) => array.clone(),
        other => panic!("argument {index} should be an f64 array, it is {other:?}"),
    }
}

pub(super) fn labels(arguments: &[Value], index: usize) -> Vec<usize> {
    match &arguments[index] {
        Value::Array(AnyArray::I64(array)) => array.iter().map(|&label| label as usize).collect(),
        other => panic!("argument {index} should be an i64 array, it is {other:?}"),
    }
}

pub(super) fn number(arguments: &[Value], index: usize) -> f64 {
    match &arguments[index] {
        Value::Float(value) => *value,
        Value::Int(value) => *value as f64,
        other => panic!("argument {index} should be a number, it is {other:?}"),
    }
}

pub(super) fn count(arguments: &[Value], index: usize) -> usize {
    number(arguments, index) as usize
}

pub(super) fn text(arguments: &[Value], index: usize) -> &str {
    match &arguments[index] {
        Value::Text(value) => value,
        other => panic!("argument {index} should be a text, it is {other:?}"),
    }
}

/// One result.
pub(super) fn returns(value: impl Into<Value>) -> Outcome {
    Outcome::Value(value.into())
}

/// Several results.
pub(super) fn tuple<const N: usize>(parts: [Value; N]) -> Outcome {
    Outcome::Value(Value::Tuple(parts.into()))
}

/// Class labels, or other whole numbers.
pub(super) fn whole(numbers: &[i64]) -> Value {
    Value::array(&[numbers.len()], numbers.to_vec())
}

/// A parameter or result that is an array of 64-bit floats.
pub(super) const fn floats_named(name: &'static str, axes: &'static [&'static str]) -> Parameter {
    Parameter { name, kind: Kind::Array { element: Element::F64, axes }, meaning: "" }
}

/// A parameter or result that is an array of integers.
pub(super) const fn ints_named(name: &'static str, axes: &'static [&'static str]) -> Parameter {
    Parameter { name, kind: Kind::Array { element: Element::I64, axes }, meaning: "" }
}

/// A number.
pub(super) const fn float_named(name: &'static str) -> Parameter {
    Parameter { name, kind: Kind::Float, meaning: "" }
}

/// A whole number.
pub(super) const fn int_named(name: &'static str) -> Parameter {
    Parameter { name, kind: Kind::Int, meaning: "" }
}

/// A word.
pub(super) const fn text_named(name: &'static str) -> Parameter {
    Parameter { name, kind: Kind::Text, meaning: "" }
}

/// Several results.
pub(super) const fn results(parts: &'static [Parameter]) -> Parameter {
    Parameter { name: "results", kind: Kind::Tuple(parts), meaning: "" }
}
