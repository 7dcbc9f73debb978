//! Making values ready to be shown: numbers short, arrays small, wrong cells known.

use super::compare::{alike_values, position, wrong_cells};
use super::report::{Case, Named, Shown};
use crate::exercise::{Kind, Outcome, Parameter, Probe, Signature, Tolerance};
use crate::value::Value;

/// Arrays with more elements than this are described, not shown.
const SHOWN_ELEMENTS: usize = 120;

/// A value without marks.
pub fn show(value: &Value) -> Shown {
    match value {
        Value::Array(array) => {
            let numbers = array.to_f64();
            let cells = if numbers.len() <= SHOWN_ELEMENTS { number_texts(&numbers) } else { Vec::new() };
            Shown::Array {
                element: array.element().numpy_name().into(),
                shape: array.shape().to_vec(),
                cells,
                wrong: Vec::new(),
            }
        }
        _ => Shown::Text { text: text(value), wrong: false },
    }
}

fn text(value: &Value) -> String {
    match value {
        Value::None => "None".into(),
        Value::Bool(x) => if *x { "True" } else { "False" }.into(),
        Value::Int(x) => x.to_string(),
        Value::Float(x) => number_text(*x),
        Value::Text(text) => format!("{text:?}"),
        Value::Tuple(parts) => format!("({})", texts(parts)),
        Value::List(parts) => format!("[{}]", texts(parts)),
        Value::Generator(parts) => format!("a generator of {}", texts(parts)),
        Value::Dictionary(entries) => {
            let entry = |(key, value): (&String, &Value)| format!("{key:?}: {}", text(value));
            format!("{{{}}}", entries.iter().map(entry).collect::<Vec<_>>().join(", "))
        }
        Value::Callback(callback) => format!("the function {}", callback.name),
        Value::Array(array) => format!(
            "array {:?} {}",
            array.shape(),
            if array.len() <= 12 { number_texts(&array.to_f64()).join(" ") } else { "...".into() }
        ),
        Value::Foreign(text) => text.clone(),
    }
}

fn texts(parts: &[Value]) -> String {
    parts.iter().map(text).collect::<Vec<_>>().join(", ")
}

fn number_texts(numbers: &[f64]) -> Vec<String> {
    numbers.iter().map(|&x| number_text(x)).collect()
}

/// A number in at most five significant digits: `80`, `0.25`, `1.2346e-7`, `nan`.
pub fn number_text(x: f64) -> String {
    if x == 0.0 {
        return "0".into();
    }
    if !x.is_finite() {
        return if x.is_nan() {
            "nan"
        } else if x > 0.0 {
            "inf"
        } else {
            "-inf"
        }
        .into();
    }
    let magnitude = x.abs().log10().floor();
    if !(-4.0..7.0).contains(&magnitude) {
        let text = format!("{x:.3e}");
        let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
        return format!("{}e{exponent}", trim_zeros(digits));
    }
    let decimals = (4.0 - magnitude).clamp(0.0, 8.0) as usize;
    trim_zeros(&format!("{x:.decimals$}")).to_string()
}

/// Two numbers in as few digits as show that they differ, five at least.
pub fn texts_apart(one: f64, other: f64) -> [String; 2] {
    const MOST_DIGITS: i32 = 17;
    let magnitude = one.abs().max(other.abs()).log10().floor();
    let written = |digits: i32| {
        [one, other].map(|x| {
            if (-4.0..7.0).contains(&magnitude) {
                format!("{x:.*}", (digits - 1 - magnitude as i32).max(0) as usize)
            } else {
                format!("{x:.*e}", digits as usize - 1)
            }
        })
    };
    let short = [one, other].map(number_text);
    if short[0] != short[1] {
        return short;
    }
    (6..=MOST_DIGITS).map(written).find(|[one, other]| one != other).unwrap_or(short)
}

fn trim_zeros(digits: &str) -> &str {
    if digits.contains('.') { digits.trim_end_matches('0').trim_end_matches('.') } else { digits }
}

/// The arguments of a probe by name.
pub fn arguments(signature: &Signature, probe: &Probe) -> Vec<Named> {
    let names = signature.parameters.iter().map(|parameter| parameter.name);
    names.zip(&probe.arguments).map(|(name, value)| Named { name: name.into(), value: show(value) }).collect()
}

/// A probe with what should come out and what came out, wrong cells marked.
pub fn case(signature: &Signature, probe: &Probe, expected: &Outcome, got: &Outcome, tolerance: &Tolerance) -> Case {
    let mut case = Case {
        label: probe.label.clone(),
        arguments: arguments(signature, probe),
        expected: results(&signature.returns, expected),
        got: results(&signature.returns, got),
        first_difference: String::new(),
        worked: String::new(),
    };
    let (Outcome::Value(expected), Outcome::Value(got)) = (expected, got) else { return case };
    for (at, (expected, got)) in parts(expected).iter().zip(parts(got)).enumerate() {
        let Some(named) = case.got.get_mut(at) else { break };
        match (expected, got, &mut named.value) {
            (Value::Array(expected), Value::Array(got), Shown::Array { wrong, .. })
                if expected.shape() == got.shape() =>
            {
                *wrong = wrong_cells(expected, got, tolerance);
                if let (Some(&first), true) = (wrong.first(), case.first_difference.is_empty()) {
                    let (wanted, found) = (expected.to_f64()[first], got.to_f64()[first]);
                    let [right, yours] = texts_apart(wanted, found);
                    case.first_difference = format!(
                        "{}{}: expected {right}, yours {yours}, off by {}",
                        named.name,
                        position(first, expected.shape()),
                        number_text(found - wanted)
                    );
                }
            }
            (expected, got, Shown::Text { wrong, .. }) => *wrong = !alike_values(expected, got, tolerance),
            _ => {}
        }
    }
    case
}

fn parts(value: &Value) -> &[Value] {
    match value {
        Value::Tuple(parts) => parts,
        _ => std::slice::from_ref(value),
    }
}

fn results(returns: &Parameter, outcome: &Outcome) -> Vec<Named> {
    let Outcome::Value(value) = outcome else { return Vec::new() };
    let names: Vec<&str> = match &returns.kind {
        Kind::Tuple(parts) => parts.iter().map(|part| part.name).collect(),
        _ => vec![returns.name],
    };
    let values = match &returns.kind {
        Kind::Tuple(_) => parts(value),
        _ => std::slice::from_ref(value),
    };
    let name = |at: usize| names.get(at).map_or_else(|| format!("result {at}"), |name| (*name).to_string());
    values.iter().enumerate().map(|(at, value)| Named { name: name(at), value: show(value) }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_that_differ_look_different() {
        assert_eq!(texts_apart(1.0, 2.0), ["1", "2"]);
        assert_eq!(texts_apart(-1.0, -0.99999998), ["-1.00000000", "-0.99999998"]);
        assert_eq!(texts_apart(1e-9, 1.0000001e-9), ["1.0000000e-9", "1.0000001e-9"]);
        assert_eq!(texts_apart(f64::NAN, f64::NAN), ["nan", "nan"]);
    }

    #[test]
    fn numbers_are_short() {
        let cases = [
            (80.0, "80"),
            (-0.25, "-0.25"),
            (1.0 / 3.0, "0.33333"),
            (1234.5678, "1234.6"),
            (123456.0, "123456"),
            (1.25e-9, "1.25e-9"),
            (1e12, "1e12"),
            (0.0, "0"),
            (-0.0, "0"),
            (f64::NEG_INFINITY, "-inf"),
        ];
        for (number, text) in cases {
            assert_eq!(number_text(number), text);
        }
    }
}
