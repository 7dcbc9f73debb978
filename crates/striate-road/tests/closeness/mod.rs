//! How close is close enough.

use striate_road::exercise::Tolerance;
use striate_road::value::Value;

/// Whether two results agree; NaN agrees with NaN.
pub fn same_value(a: &Value, b: &Value, tolerance: Tolerance) -> bool {
    let near = |a: &[f64], b: &[f64]| {
        let scale = b.iter().filter(|x| x.is_finite()).fold(0.0f64, |most, x| most.max(x.abs()));
        let allowed = tolerance.absolute + tolerance.relative * scale;
        a.iter().zip(b).all(|(a, b)| a == b || (a.is_nan() && b.is_nan()) || (a - b).abs() <= allowed)
    };
    match (a, b) {
        (Value::Array(a), Value::Array(b)) => a.shape() == b.shape() && near(&a.to_f64(), &b.to_f64()),
        (Value::Tuple(a), Value::Tuple(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same_value(a, b, tolerance))
        }
        (Value::Float(a), Value::Float(b)) => near(&[*a], &[*b]),
        _ => a == b,
    }
}
