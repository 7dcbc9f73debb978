//! Comparing a result with the right one. Nothing is ever broadcast.

use std::collections::BTreeMap;

use super::report::Rung;
use crate::exercise::{Element, Kind, Outcome, Tolerance};
use crate::value::{Array, Value};

/// Where and how a result differs.
#[derive(Clone, Debug, PartialEq)]
pub struct Difference {
    /// The step of the ladder.
    pub rung: Rung,
    /// In words, as a sentence without its subject's name.
    pub text: String,
    /// Which part of a tuple; 0 for a single result.
    pub part: usize,
}

/// Compares a result with the right one, part by part; `None` if they agree. The difference of the lowest rung wins,
/// then that of the first part.
pub fn compare(expected: &Value, got: &Value, kind: &Kind, tolerance: &Tolerance) -> Option<Difference> {
    let difference = |rung, text: String| Some(Difference { rung, text, part: 0 });
    match (expected, got) {
        (_, Value::None) => {
            difference(Rung::Returns, "The function returns nothing. Does every way through it end in a return?".into())
        }
        (Value::Tuple(expected), Value::Tuple(got)) => {
            if expected.len() != got.len() {
                let text = format!("{} results are asked for, {} came back.", expected.len(), got.len());
                return difference(Rung::Type, text);
            }
            let kinds: &[_] = if let Kind::Tuple(parts) = kind { parts } else { &[] };
            let differences =
                expected.iter().zip(got).zip(kinds).enumerate().filter_map(|(part, ((expected, got), p))| {
                    compare(expected, got, &p.kind, tolerance).map(|found| Difference {
                        part,
                        text: format!("{}: {}", p.name, found.text),
                        ..found
                    })
                });
            differences.min_by_key(|difference| difference.rung)
        }
        (Value::List(expected), Value::List(got)) | (Value::Generator(expected), Value::Generator(got)) => {
            compare_sequences(expected, got, tolerance)
        }
        (Value::Dictionary(expected), Value::Dictionary(got)) => compare_dictionaries(expected, got, tolerance),
        (Value::Array(expected), Value::Array(got)) => {
            compare_arrays(expected, got, tolerance).map(|(rung, text)| Difference { rung, text, part: 0 })
        }
        _ => match (scalar(expected), scalar(got)) {
            (Some(expected), Some(got)) if fits(kind, got) => {
                let (wanted, found) = (expected.number(), got.number());
                let gap = tolerance.absolute + tolerance.relative * wanted.abs();
                if close(wanted, found, if matches!(kind, Kind::Float) { gap } else { 0.0 }) {
                    None
                } else if wanted.is_finite() && !found.is_finite() {
                    difference(Rung::Finite, format!("The result is {found}; it should be {wanted}."))
                } else {
                    difference(
                        Rung::Values,
                        format!("The result is {}; it should be {}.", got.words(), expected.words()),
                    )
                }
            }
            _ => match (expected, got) {
                (Value::Text(expected), Value::Text(got)) if expected == got => None,
                (Value::Text(expected), Value::Text(got)) => {
                    difference(Rung::Values, format!("The result is \"{got}\"; it should be \"{expected}\"."))
                }
                (Value::Array(array), Value::List(_)) => difference(
                    Rung::Type,
                    format!(
                        "The result is a list; it should be {}. np.array makes one of it, if all its rows have the same length.",
                        name(&Value::Array(array.clone()))
                    ),
                ),
                (Value::Array(array), Value::Float(_) | Value::Int(_)) if !array.shape().is_empty() => difference(
                    Rung::Type,
                    format!(
                        "The result is {}; it should be {}. Without axis=, sum, mean and max make one number of the whole array.",
                        name(got),
                        wanted(expected)
                    ),
                ),
                _ => difference(Rung::Type, format!("The result is {}; it should be {}.", name(got), wanted(expected))),
            },
        },
    }
}

/// Item by item; the first that differs is told.
fn compare_sequences(expected: &[Value], got: &[Value], tolerance: &Tolerance) -> Option<Difference> {
    let items = expected.iter().zip(got).enumerate();
    let mut differences = items.filter_map(|(at, (expected, got))| {
        let found = compare(expected, got, &kind_of(expected), tolerance)?;
        let text = match found.text.strip_prefix("Item ") {
            Some(inner) => format!("Item {at}, item {inner}"),
            None => format!("Item {at}: {}", found.text),
        };
        Some(Difference { text, ..found })
    });
    let lengths = || {
        let text = format!("{} came back; there should be {}.", counted(got.len()), expected.len());
        (expected.len() != got.len()).then_some(Difference { rung: Rung::Values, text, part: 0 })
    };
    differences.next().or_else(lengths)
}

fn counted(items: usize) -> String {
    if items == 1 { "1 item".into() } else { format!("{items} items") }
}

/// Key by key, in alphabetical order; the first that is missing, then the first that is wrong or too many is told.
fn compare_dictionaries(
    expected: &BTreeMap<String, Value>,
    got: &BTreeMap<String, Value>,
    tolerance: &Tolerance,
) -> Option<Difference> {
    let difference = |text| Difference { rung: Rung::Values, text, part: 0 };
    let missing = expected.keys().find(|key| !got.contains_key(*key));
    let missing = missing.map(|key| difference(format!("The key {key:?} is missing.")));
    let mut others = got.iter().filter_map(|(key, value)| match expected.get(key) {
        None => Some(difference(format!("The key {key:?} should not be there."))),
        Some(right) => {
            let found = compare(right, value, &kind_of(right), tolerance)?;
            Some(Difference { text: format!("At the key {key:?}: {}", found.text), ..found })
        }
    });
    missing.or_else(|| others.next())
}

/// The kind of a value inside a container.
fn kind_of(value: &Value) -> Kind {
    match value {
        Value::Bool(_) => Kind::Bool,
        Value::Int(_) => Kind::Int,
        Value::Float(_) => Kind::Float,
        _ => Kind::Python(""),
    }
}

fn compare_arrays(expected: &Array, got: &Array, tolerance: &Tolerance) -> Option<(Rung, String)> {
    if expected.element() != got.element() {
        let mut text = format!(
            "The result is an array of {}; it should be {}.",
            got.element().numpy_name(),
            expected.element().numpy_name()
        );
        if got.element() == Element::I64 && matches!(expected.element(), Element::F64 | Element::F32) {
            text.push_str(" An array made from integers cuts every fraction off that is stored in it.");
        }
        let whole = |element| matches!(element, Element::I64 | Element::U8);
        if matches!(got.element(), Element::F64 | Element::F32) && whole(expected.element()) {
            text.push_str(" Arrays are made of floats unless they are told otherwise: dtype=int, or .astype(int).");
        }
        if got.element() == Element::U8 && matches!(expected.element(), Element::F64 | Element::F32) {
            text.push_str(
                " Bytes hold 0 to 255 and no fractions: leave out the astype, or the clipping, that nobody asked for.",
            );
        }
        if got.element() == Element::Bool && expected.element() != Element::Bool {
            text.push_str(" .astype(float) makes 1 and 0 of True and False.");
        }
        if (got.element(), expected.element()) == (Element::F32, Element::F64) {
            text.push_str(
                " float32 keeps seven digits only: compute in the type of the arguments, without astype or dtype.",
            );
        }
        return Some((Rung::Type, text));
    }
    if expected.shape() != got.shape() {
        let text = format!("The result has shape {}; it should be {}.", tuple(got.shape()), tuple(expected.shape()));
        return Some((Rung::Shape, text));
    }
    let wrong = wrong_cells(expected, got, tolerance);
    let first = *wrong.first()?;
    let (wanted, found) = (expected.to_f64(), got.to_f64());
    if let Some(at) = wrong.iter().find(|&&at| wanted[at].is_finite() && !found[at].is_finite()) {
        let count = wrong.iter().filter(|&&at| wanted[at].is_finite() && !found[at].is_finite()).count();
        let text = format!(
            "The result has {count} element{} that {} no finite number; the first is {} at {}.",
            if count == 1 { "" } else { "s" },
            if count == 1 { "is" } else { "are" },
            found[*at],
            position(*at, got.shape()),
        );
        return Some((Rung::Finite, text));
    }
    let text = format!(
        "{} of {} numbers {} wrong; the first is at {}.",
        wrong.len(),
        wanted.len(),
        if wrong.len() == 1 { "is" } else { "are" },
        position(first, got.shape())
    );
    Some((Rung::Values, text))
}

/// Row-major positions where two arrays of the same shape differ.
pub fn wrong_cells(expected: &Array, got: &Array, tolerance: &Tolerance) -> Vec<usize> {
    let (expected, got) = (expected.to_f64(), got.to_f64());
    let gap = tolerance.absolute + tolerance.relative * largest(&expected);
    (0..expected.len()).filter(|&at| !close(expected[at], got[at], gap)).collect()
}

/// The largest finite magnitude.
pub fn largest(numbers: &[f64]) -> f64 {
    numbers.iter().filter(|x| x.is_finite()).fold(0.0, |largest, x| x.abs().max(largest))
}

/// Whether two numbers agree: to within `gap`, or both the same infinity, or both not a number.
pub fn close(expected: f64, got: f64, gap: f64) -> bool {
    // A gap in proportion to infinity would let every number pass.
    expected == got || (expected.is_nan() && got.is_nan()) || (gap.is_finite() && (expected - got).abs() <= gap)
}

/// Whether two functions did the same with an input, as a diagnosis sees it: both refused it, or the numbers and
/// shapes agree; element types do not matter.
pub fn alike(one: &Outcome, other: &Outcome, tolerance: &Tolerance) -> bool {
    match (one, other) {
        (Outcome::Rejects(_), Outcome::Rejects(_)) => true,
        (Outcome::Value(one), Outcome::Value(other)) => alike_values(one, other, tolerance),
        _ => false,
    }
}

/// See [`alike`].
pub fn alike_values(one: &Value, other: &Value, tolerance: &Tolerance) -> bool {
    match (one, other) {
        (Value::Tuple(one), Value::Tuple(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| alike_values(one, other, tolerance))
        }
        (Value::Array(one), Value::Array(other)) => {
            one.shape() == other.shape() && wrong_cells(one, other, tolerance).is_empty()
        }
        _ => match (scalar(one), scalar(other)) {
            (Some(one), Some(other)) => {
                let gap = tolerance.absolute + tolerance.relative * one.number().abs();
                close(one.number(), other.number(), gap)
            }
            _ => one == other,
        },
    }
}

/// A value that is one number.
#[derive(Clone, Copy)]
enum Scalar {
    Bool(bool),
    Int(i64),
    Float(f64),
}

impl Scalar {
    fn number(self) -> f64 {
        match self {
            Scalar::Bool(x) => f64::from(u8::from(x)),
            Scalar::Int(x) => x as f64,
            Scalar::Float(x) => x,
        }
    }

    fn words(self) -> String {
        match self {
            Scalar::Bool(x) => x.to_string(),
            Scalar::Int(x) => x.to_string(),
            // 1e-200 would be two hundred zeros.
            Scalar::Float(x) if x != 0.0 && !(1e-6..1e16).contains(&x.abs()) => format!("{x:e}"),
            Scalar::Float(x) => x.to_string(),
        }
    }
}

/// The number, if the value is one; an array without axes counts, as NumPy often makes one.
fn scalar(value: &Value) -> Option<Scalar> {
    match value {
        Value::Bool(x) => Some(Scalar::Bool(*x)),
        Value::Int(x) => Some(Scalar::Int(*x)),
        Value::Float(x) => Some(Scalar::Float(*x)),
        Value::Array(array) if array.shape().is_empty() => Some(match array {
            Array::F64(x) => Scalar::Float(*x.first()?),
            Array::F32(x) => Scalar::Float(f64::from(*x.first()?)),
            Array::I64(x) => Scalar::Int(*x.first()?),
            Array::U8(x) => Scalar::Int(i64::from(*x.first()?)),
            Array::Bool(x) => Scalar::Bool(*x.first()?),
        }),
        _ => None,
    }
}

/// Whether a scalar may stand for a result of `kind`. A Python integer is fine where a float is asked for.
fn fits(kind: &Kind, scalar: Scalar) -> bool {
    match kind {
        Kind::Float => matches!(scalar, Scalar::Float(_) | Scalar::Int(_)),
        Kind::Int => matches!(scalar, Scalar::Int(_)),
        Kind::Bool => matches!(scalar, Scalar::Bool(_)),
        Kind::Array { axes, .. } => axes.is_empty() && !matches!(scalar, Scalar::Bool(_)),
        _ => false,
    }
}

/// What a value is, in a learner's words.
pub fn name(value: &Value) -> String {
    match value {
        Value::None => "nothing (None)".into(),
        Value::Bool(_) => "a bool".into(),
        Value::Int(_) => "an integer".into(),
        Value::Float(_) => "a float".into(),
        Value::Text(_) => "a string".into(),
        Value::Array(array) => {
            format!("an array of {} with shape {}", array.element().numpy_name(), tuple(array.shape()))
        }
        Value::Tuple(parts) => format!("a tuple of {} values", parts.len()),
        Value::List(_) => "a list".into(),
        Value::Generator(_) => "a generator".into(),
        Value::Dictionary(_) => "a dict".into(),
        Value::Callback(_) => "a function".into(),
        Value::Foreign(text) => text.clone(),
    }
}

fn wanted(expected: &Value) -> String {
    match expected {
        Value::Bool(_) => "a bool (True or False)".into(),
        Value::Tuple(parts) => format!("{} values, separated by commas in the return", parts.len()),
        _ => name(expected),
    }
}

/// A shape as NumPy writes it: `(5, 7)`, `(3,)`, `()`.
pub fn tuple(shape: &[usize]) -> String {
    match shape {
        [length] => format!("({length},)"),
        _ => format!("({})", shape.iter().map(usize::to_string).collect::<Vec<_>>().join(", ")),
    }
}

/// A row-major position as an index: `[1, 4]`.
pub fn position(mut at: usize, shape: &[usize]) -> String {
    let mut index = vec![0; shape.len()];
    for axis in (0..shape.len()).rev() {
        index[axis] = at % shape[axis];
        at /= shape[axis];
    }
    format!("[{}]", index.iter().map(usize::to_string).collect::<Vec<_>>().join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    const FLOATS: Kind = Kind::Array { element: Element::F64, axes: &["H", "W"] };

    fn rung(expected: Value, got: Value, kind: &Kind) -> Option<Rung> {
        compare(&expected, &got, kind, &Tolerance::F64).map(|difference| difference.rung)
    }

    #[test]
    fn containers_are_compared_part_by_part() {
        let text = |expected: &Value, got: Value| {
            compare(expected, &got, &Kind::Python("list"), &Tolerance::F64).map(|difference| difference.text)
        };
        let list = |items: &[i64]| Value::List(items.iter().map(|&item| Value::Int(item)).collect());
        let dictionary = |entries: &[(&str, i64)]| {
            Value::Dictionary(entries.iter().map(|&(key, count)| (key.to_string(), Value::Int(count))).collect())
        };
        let said = |text: &str| Some(text.to_string());
        assert_eq!(text(&list(&[1, 2]), list(&[1, 2])), None);
        assert_eq!(text(&list(&[1, 2]), list(&[1, 3, 4])), said("Item 1: The result is 3; it should be 2."));
        assert_eq!(text(&list(&[1, 2]), list(&[1])), said("1 item came back; there should be 2."));
        assert_eq!(
            text(&Value::Generator(vec![list(&[1])]), list(&[1])),
            said("The result is a list; it should be a generator.")
        );
        assert_eq!(
            text(&Value::Generator(vec![list(&[1])]), Value::Generator(vec![Value::Int(1)])),
            said("Item 0: The result is an integer; it should be a list.")
        );
        let inner = |item| Value::List(vec![list(&[7]), list(&[item])]);
        assert_eq!(text(&inner(1), inner(2)), said("Item 1, item 0: The result is 2; it should be 1."));
        let counts = dictionary(&[("cat", 1), ("the", 2)]);
        assert_eq!(text(&counts, counts.clone()), None);
        assert_eq!(text(&counts, dictionary(&[("cat", 1), ("The", 2)])), said("The key \"the\" is missing."));
        assert_eq!(
            text(&counts, dictionary(&[("cat", 1), ("the", 1)])),
            said("At the key \"the\": The result is 1; it should be 2.")
        );
        let with_empty = dictionary(&[("", 1), ("cat", 1), ("the", 2)]);
        assert_eq!(text(&counts, with_empty), said("The key \"\" should not be there."));
    }

    #[test]
    fn nothing_is_broadcast() {
        let row = Value::array(&[1, 3], vec![1.0, 1.0, 1.0]);
        assert_eq!(rung(Value::array(&[2, 3], vec![1.0; 6]), row.clone(), &FLOATS), Some(Rung::Shape));
        assert_eq!(rung(Value::array(&[3], vec![1.0; 3]), row.clone(), &FLOATS), Some(Rung::Shape));
        assert_eq!(rung(row.clone(), Value::Float(1.0), &FLOATS), Some(Rung::Type));
        assert_eq!(rung(row.clone(), row, &FLOATS), None);
    }

    #[test]
    fn the_ladder_goes_from_type_to_values() {
        let expected = || Value::array(&[2], vec![1.0, 2.0]);
        assert_eq!(rung(expected(), Value::None, &FLOATS), Some(Rung::Returns));
        assert_eq!(rung(expected(), Value::Foreign("a list".into()), &FLOATS), Some(Rung::Type));
        assert_eq!(rung(expected(), Value::array(&[2], vec![1i64, 2]), &FLOATS), Some(Rung::Type));
        assert_eq!(rung(expected(), Value::array(&[2], vec![1.0, f64::NAN]), &FLOATS), Some(Rung::Finite));
        assert_eq!(rung(expected(), Value::array(&[2], vec![1.0, 2.1]), &FLOATS), Some(Rung::Values));
        assert_eq!(rung(expected(), Value::array(&[2], vec![1.0, 2.0 + 1e-13]), &FLOATS), None);
    }

    #[test]
    fn scalars_are_taken_as_numpy_makes_them() {
        assert_eq!(rung(Value::Float(2.0), Value::Int(2), &Kind::Float), None);
        assert_eq!(rung(Value::Float(2.0), Value::array(&[], vec![2.0]), &Kind::Float), None);
        assert_eq!(rung(Value::Int(2), Value::Float(2.0), &Kind::Int), Some(Rung::Type));
        assert_eq!(rung(Value::Bool(true), Value::Int(1), &Kind::Bool), Some(Rung::Type));
        assert_eq!(rung(Value::Float(2.0), Value::array(&[1], vec![2.0]), &Kind::Float), Some(Rung::Type));
        assert_eq!(rung(Value::Float(2.0), Value::Float(f64::NAN), &Kind::Float), Some(Rung::Finite));
    }

    #[test]
    fn not_a_number_agrees_with_itself_and_infinity_with_its_own_sign_only() {
        let numbers = |x: f64| Value::array(&[1], vec![x]);
        assert_eq!(rung(numbers(f64::NAN), numbers(f64::NAN), &FLOATS), None);
        assert_eq!(rung(numbers(f64::INFINITY), numbers(f64::INFINITY), &FLOATS), None);
        assert_eq!(rung(numbers(f64::INFINITY), numbers(f64::NEG_INFINITY), &FLOATS), Some(Rung::Values));
        assert_eq!(rung(numbers(f64::NAN), numbers(0.0), &FLOATS), Some(Rung::Values));
        assert_eq!(rung(Value::Float(f64::INFINITY), Value::Float(1e16), &Kind::Float), Some(Rung::Values));
    }
}
