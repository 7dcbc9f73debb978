//! Difference quotients of a function from arrays to arrays, right and in the ways people get them wrong.

use ndarray::{Array1, ArrayD};

use crate::value::{Array, Callback, Value};

/// How a column of differences, `(f(ahead) - f(behind)) / divisor`, is made; every field names a decision.
pub(super) struct Differences {
    /// How far ahead and behind the point lies, in steps.
    pub(super) ahead: f64,
    pub(super) behind: f64,
    /// What the difference is divided by, in steps.
    pub(super) divisor: f64,
    /// Put the point back before the next entry is moved.
    pub(super) restored: bool,
    /// Move all entries at once.
    pub(super) all_entries: bool,
}

/// Central differences.
pub(super) const CENTRAL: Differences =
    Differences { ahead: 1.0, behind: -1.0, divisor: 2.0, restored: true, all_entries: false };

impl Differences {
    /// The derivative of `f` by each entry of `x`, with step `h`: one array of the shape of `f`'s result per entry.
    pub(super) fn by_entry(&self, f: &Callback, x: &Array1<f64>, h: f64) -> Vec<ArrayD<f64>> {
        let mut point = x.clone();
        let derivative = |entry: usize| {
            let place = if self.restored { x.clone() } else { point.clone() };
            let moved = |steps: f64| {
                let mut moved = place.clone();
                let entries = if self.all_entries { 0..x.len() } else { entry..entry + 1 };
                entries.for_each(|entry| moved[entry] += steps * h);
                moved
            };
            let (ahead, behind) = (moved(self.ahead), moved(self.behind));
            let difference = (call(f, &ahead) - call(f, &behind)) / (self.divisor * h);
            point = behind;
            difference
        };
        (0..x.len()).map(derivative).collect()
    }
}

/// What `f` gives at `x`.
pub(super) fn call(f: &Callback, x: &Array1<f64>) -> ArrayD<f64> {
    match (f.call)(&[Value::from(x.clone())]) {
        Value::Array(Array::F64(out)) => out,
        other => panic!("{} returned {other:?}", f.name),
    }
}
