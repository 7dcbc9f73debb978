//! Patterns in the differences, for mistakes that no misconception describes.
//!
//! A pattern counts only if it holds on every probe whose numbers differ, and says so: it points at a place, it does
//! not accuse.

use ndarray::{ArrayD, Axis, Dimension, Slice};

use super::compare::{close, largest};
use super::judge::Trial;
use super::report::{Diagnosis, Evidence};
use super::shape::{Bindings, bindings};
use super::show::number_text;
use crate::exercise::{Exercise, Kind, Outcome, Tolerance};
use crate::value::Value;

/// One result, or one part of it, that has the right shape and wrong numbers.
struct Pair {
    expected: ArrayD<f64>,
    got: ArrayD<f64>,
    /// Arguments that are arrays, by name.
    inputs: Vec<(&'static str, ArrayD<f64>)>,
    bindings: Bindings,
    gap: f64,
}

impl Pair {
    fn got_is(&self, other: &ArrayD<f64>) -> bool {
        self.got.shape() == other.shape()
            && self.got.iter().zip(other).all(|(&got, &other)| close(other, got, self.gap.max(1e-9 * other.abs())))
    }

    fn got_is_map(&self, f: impl Fn(f64) -> f64) -> bool {
        self.got_is(&self.expected.mapv(f))
    }

    fn wrong(&self) -> impl Iterator<Item = Vec<usize>> + '_ {
        self.expected
            .indexed_iter()
            .filter(|(index, expected)| !close(**expected, self.got[index], self.gap))
            .map(|(index, _)| index.slice().to_vec())
    }
}

/// The name of a pattern, a sentence about it and a question.
type Pattern = (&'static str, String, &'static str);

/// The first pattern that holds, if one does.
pub(super) fn recognise(exercise: &Exercise, trials: &[Trial]) -> Option<Diagnosis> {
    let names: Vec<&str> = match &exercise.signature.returns.kind {
        Kind::Tuple(parts) => parts.iter().map(|part| part.name).collect(),
        _ => vec![exercise.signature.returns.name],
    };
    let by_part: Vec<Vec<Pair>> = (0..names.len()).map(|part| pairs(exercise, trials, part)).collect();
    let wrong: Vec<usize> = (0..names.len()).filter(|&part| !by_part[part].is_empty()).collect();
    let inputs: usize = by_part.iter().map(Vec::len).max()?;
    let found = match wrong.as_slice() {
        [] => return None,
        &[part] => {
            pattern(&by_part[part]).map(|(id, text, question)| (id, format!("{}: {text}", names[part]), question))
        }
        parts => parts.iter().find_map(|&part| {
            pattern(&by_part[part]).map(|(id, text, question)| (id, format!("{}: {text}", names[part]), question))
        }),
    };
    let (id, title, question) = match (found, wrong.as_slice()) {
        (Some((id, title, question)), _) if names.len() == 1 => {
            (id, title.split_once(": ").map_or(title.clone(), |(_, text)| text.into()), question)
        }
        (Some(found), _) => found,
        (None, &[part]) if names.len() > 1 => {
            let right: Vec<&str> =
                names.iter().enumerate().filter(|(at, _)| *at != part).map(|(_, name)| *name).collect();
            ("one-result", format!("only {} is wrong; {} agree", names[part], right.join(" and ")), "")
        }
        _ => return None,
    };
    Some(Diagnosis {
        evidence: Evidence::Fingerprint,
        id: id.into(),
        title,
        explanation: String::new(),
        question: question.into(),
        see: None,
        certainty: format!(
            "a pattern on all {inputs} input{} with wrong numbers, not a proof",
            if inputs == 1 { "" } else { "s" }
        ),
        also: Vec::new(),
    })
}

fn pairs(exercise: &Exercise, trials: &[Trial], part: usize) -> Vec<Pair> {
    trials.iter().filter_map(|trial| pair(exercise, trial, part)).filter(|pair| pair.wrong().next().is_some()).collect()
}

fn pair(exercise: &Exercise, trial: &Trial, part: usize) -> Option<Pair> {
    let (expected, got) = (numbers(&trial.expected, part)?, numbers(&trial.got, part)?);
    if expected.shape() != got.shape() {
        return None;
    }
    let Tolerance { relative, absolute } = exercise.tolerance;
    let gap = absolute + relative * largest(&expected.iter().copied().collect::<Vec<_>>());
    let inputs = exercise
        .signature
        .parameters
        .iter()
        .zip(&trial.probe.arguments)
        .filter_map(|(parameter, value)| Some((parameter.name, value.as_array()?.to_f64_array())))
        .collect();
    Some(Pair { expected, got, inputs, bindings: bindings(exercise, trial), gap })
}

fn numbers(outcome: &Outcome, part: usize) -> Option<ArrayD<f64>> {
    let Outcome::Value(value) = outcome else { return None };
    let value = match value {
        Value::Tuple(parts) => parts.get(part)?,
        _ => value,
    };
    match value {
        Value::Array(array) => Some(array.to_f64_array()),
        Value::Float(x) => Some(ndarray::arr0(*x).into_dyn()),
        Value::Int(x) => Some(ndarray::arr0(*x as f64).into_dyn()),
        _ => None,
    }
}

fn pattern(pairs: &[Pair]) -> Option<Pattern> {
    if pairs.is_empty() {
        return None;
    }
    constant(pairs)
        .or_else(|| input_returned(pairs))
        .or_else(|| elementwise(pairs))
        .or_else(|| ratio(pairs))
        .or_else(|| offset(pairs))
        .or_else(|| rearranged(pairs))
        .or_else(|| not_finite(pairs))
        .or_else(|| located(pairs))
        .or_else(|| constant_along(pairs))
}

fn all(pairs: &[Pair], holds: impl Fn(&Pair) -> bool) -> bool {
    pairs.iter().all(holds)
}

fn constant(pairs: &[Pair]) -> Option<Pattern> {
    if !pairs.iter().any(|pair| pair.got.len() > 1) {
        return None;
    }
    if all(pairs, |pair| pair.got.iter().all(|&x| x == 0.0)) {
        let text = "every number is 0".to_string();
        return Some(("all-zero", text, "Is what you compute ever stored in the array that you return?"));
    }
    let one = |pair: &Pair| pair.got.first().is_some_and(|first| pair.got.iter().all(|x| x == first));
    all(pairs, one).then(|| {
        (
            "all-equal",
            "all numbers are the same".to_string(),
            "Which index should make one element differ from the next?",
        )
    })
}

fn input_returned(pairs: &[Pair]) -> Option<Pattern> {
    let names: Vec<&'static str> = pairs[0].inputs.iter().map(|(name, _)| *name).collect();
    names.into_iter().find_map(|name| {
        let same = |pair: &Pair| pair.inputs.iter().any(|(known, input)| *known == name && pair.got_is(input));
        all(pairs, same).then(|| {
            (
                "input-returned",
                format!("it equals the argument {name}"),
                "Which variable holds the result when you return?",
            )
        })
    })
}

fn elementwise(pairs: &[Pair]) -> Option<Pattern> {
    type Map = (&'static str, &'static str, fn(f64) -> f64, &'static str);
    const MAPS: [Map; 8] = [
        ("sign", "every number has the opposite sign", |x| -x, "Which difference is taken: a - b or b - a?"),
        ("absolute", "it is the absolute value of the right answer", f64::abs, "Where does the sign get lost?"),
        ("clipped", "negative numbers are 0", |x| x.max(0.0), "Is the result clipped, or stored without a sign?"),
        ("truncated", "the fractions are cut off", f64::trunc, "What type has the array that you store into?"),
        ("rounded", "the numbers are rounded", f64::round, "Is a rounding or an integer type involved?"),
        ("squared", "it is the square of the right answer", |x| x * x, "Is a square root missing?"),
        ("root", "it is the square root of the right answer", f64::sqrt, "Is there one square root too many?"),
        ("reciprocal", "it is 1 / the right answer", |x| 1.0 / x, "Which way round is the division?"),
    ];
    MAPS.into_iter().find_map(|(id, text, map, question)| {
        all(pairs, |pair| pair.got_is_map(map)).then(|| (id, text.to_string(), question))
    })
}

/// `got = k * expected` with one `k` per pair.
fn ratio(pairs: &[Pair]) -> Option<Pattern> {
    let factor = |pair: &Pair| {
        let (at, pivot) = pair.expected.iter().enumerate().max_by(|a, b| a.1.abs().total_cmp(&b.1.abs()))?;
        let k = pair.got.iter().nth(at)? / pivot;
        (*pivot != 0.0 && k.is_finite() && pair.got_is_map(|x| k * x)).then_some(k)
    };
    let factors: Vec<f64> = pairs.iter().map(factor).collect::<Option<_>>()?;
    // One number alone is always some multiple of another.
    if pairs.len() < 2 && pairs[0].expected.len() < 2 {
        return None;
    }
    let meaning = named_constant(pairs, &factors, true);
    let same = factors.iter().all(|&k| close(factors[0], k, 1e-9 * k.abs()));
    let text = match (meaning, same) {
        (Some(name), _) => format!("it is {name} times the right answer"),
        (None, true) => format!("it is {} times the right answer", number_text(factors[0])),
        (None, false) if pairs.iter().all(|pair| pair.expected.len() > 1) => {
            "on every input it is the right answer times one number, which differs from input to input".to_string()
        }
        _ => return None,
    };
    Some(("ratio", text, "Is a mean or a sum, a normalisation, or a step size where this factor could come from?"))
}

/// `got = expected + c` with one `c` per pair.
fn offset(pairs: &[Pair]) -> Option<Pattern> {
    let shift = |pair: &Pair| {
        let c = pair.got.first()? - pair.expected.first()?;
        (c.is_finite() && pair.got_is_map(|x| x + c)).then_some(c)
    };
    // One number alone is always off by some amount.
    if pairs.iter().all(|pair| pair.expected.len() < 2) {
        return None;
    }
    let shifts: Vec<f64> = pairs.iter().map(shift).collect::<Option<_>>()?;
    let same = shifts.iter().all(|&c| close(shifts[0], c, 1e-9 * c.abs()));
    let text = match (named_constant(pairs, &shifts, false), same) {
        (Some(name), _) => format!("every number is too large by {name}"),
        (None, true) => format!("every number is off by {}", number_text(shifts[0])),
        (None, false) => "on every input all numbers are off by the same amount".to_string(),
    };
    Some(("offset", text, "What is added once to every element: a bias, an epsilon, a start value?"))
}

/// The name of a quantity of the inputs that has these values: an axis length, a product of two, or one over it.
fn named_constant(pairs: &[Pair], values: &[f64], reciprocals: bool) -> Option<String> {
    let names: Vec<&'static str> = pairs[0].bindings.iter().map(|(name, _)| *name).collect();
    let of = |pair: &Pair, name: &str| {
        pair.bindings.iter().find(|(known, _)| *known == name).map(|(_, length)| *length as f64)
    };
    let fits = |quantity: &dyn Fn(&Pair) -> Option<f64>| {
        let varies = pairs.iter().filter_map(quantity).any(|x| x != 1.0);
        varies
            && pairs
                .iter()
                .zip(values)
                .all(|(pair, &value)| quantity(pair).is_some_and(|quantity| close(quantity, value, 1e-9 * value.abs())))
    };
    for a in &names {
        if fits(&|pair| of(pair, a)) {
            return Some((*a).to_string());
        }
        if reciprocals && fits(&|pair| of(pair, a).map(f64::recip)) {
            return Some(format!("1/{a}"));
        }
        if reciprocals && fits(&|pair| of(pair, a).map(f64::sqrt)) {
            return Some(format!("sqrt({a})"));
        }
    }
    for (at, a) in names.iter().enumerate() {
        for b in &names[at + 1..] {
            if fits(&|pair| Some(of(pair, a)? * of(pair, b)?)) {
                return Some(format!("{a}*{b}"));
            }
            if reciprocals && fits(&|pair| Some(1.0 / (of(pair, a)? * of(pair, b)?))) {
                return Some(format!("1/({a}*{b})"));
            }
            if reciprocals && fits(&|pair| Some(of(pair, a)? / of(pair, b)?)) {
                return Some(format!("{a}/{b}"));
            }
            if reciprocals && fits(&|pair| Some(of(pair, b)? / of(pair, a)?)) {
                return Some(format!("{b}/{a}"));
            }
        }
    }
    None
}

fn rearranged(pairs: &[Pair]) -> Option<Pattern> {
    let rank = pairs[0].expected.ndim();
    let question = "Which index runs over which axis, and from which end?";
    if rank >= 2 && all(pairs, |pair| pair.got_is(&swapped(&pair.expected, rank - 2, rank - 1))) {
        return Some(("transposed", "the last two axes are swapped".into(), question));
    }
    for axis in 0..rank {
        if all(pairs, |pair| pair.got_is(&reversed(&pair.expected, &[axis]))) {
            return Some(("reversed", format!("axis {axis} runs backwards"), question));
        }
    }
    if rank >= 2 && all(pairs, |pair| pair.got_is(&reversed(&pair.expected, &[rank - 2, rank - 1]))) {
        return Some(("rotated", "it is turned by 180 degrees: both last axes run backwards".into(), question));
    }
    for axis in 0..rank {
        for (by, words) in [(1, "later"), (-1, "earlier")] {
            if all(pairs, |pair| shifted(pair, axis, by)) {
                let text = format!("everything stands one place {words} along axis {axis} than it should");
                return Some(("shifted", text, "Where does the window start for output 0?"));
            }
        }
    }
    None
}

fn swapped(array: &ArrayD<f64>, a: usize, b: usize) -> ArrayD<f64> {
    let mut view = array.view();
    view.swap_axes(a, b);
    view.to_owned()
}

fn reversed(array: &ArrayD<f64>, axes: &[usize]) -> ArrayD<f64> {
    let mut view = array.view();
    axes.iter().for_each(|&axis| view.invert_axis(Axis(axis)));
    view.to_owned()
}

/// Whether `got` is `expected` moved by one along an axis; what moved in does not count.
fn shifted(pair: &Pair, axis: usize, by: isize) -> bool {
    if pair.expected.shape()[axis] < 3 {
        return false;
    }
    let (from, to) = if by > 0 {
        (Slice::new(0, Some(-1), 1), Slice::from(1..))
    } else {
        (Slice::from(1..), Slice::new(0, Some(-1), 1))
    };
    let (expected, got) = (pair.expected.slice_axis(Axis(axis), from), pair.got.slice_axis(Axis(axis), to));
    expected.iter().zip(got).all(|(&expected, &got)| close(expected, got, pair.gap))
}

fn not_finite(pairs: &[Pair]) -> Option<Pattern> {
    let finite_part_right = |pair: &Pair| pair.wrong().all(|index| !pair.got[&index[..]].is_finite());
    all(pairs, finite_part_right).then(|| {
        (
            "not-finite",
            "the finite numbers are right; the others should be finite too".to_string(),
            "Which numbers make an exp overflow, a logarithm see 0, or a division meet 0 here?",
        )
    })
}

/// Where the wrong numbers lie.
fn located(pairs: &[Pair]) -> Option<Pattern> {
    let rank = pairs[0].expected.ndim();
    if rank == 0 {
        return None;
    }
    let whole = |pair: &Pair| pair.wrong().count() == pair.expected.len();
    for axis in (0..rank).rev() {
        let length = |pair: &Pair| pair.expected.shape()[axis];
        if pairs.iter().all(|pair| length(pair) < 2 || whole(pair)) {
            continue;
        }
        let question = "What is special about that end: the range of the loop, or what lies beyond it?";
        if all(pairs, |pair| pair.wrong().all(|index| index[axis] == 0)) {
            return Some(("first-only", format!("only index 0 of axis {axis} is wrong"), question));
        }
        if all(pairs, |pair| pair.wrong().all(|index| index[axis] + 1 == length(pair))) {
            return Some(("last-only", format!("only the last index of axis {axis} is wrong"), question));
        }
    }
    let depth = |pair: &Pair, index: &[usize]| {
        let edge = |axis: usize| index[axis].min(pair.expected.shape()[axis] - 1 - index[axis]);
        (rank.saturating_sub(2)..rank).map(edge).min().unwrap_or(0)
    };
    let deepest = |pair: &Pair| pair.wrong().map(|index| depth(pair, &index)).max().unwrap_or(0);
    let interior =
        |pair: &Pair| pair.expected.indexed_iter().map(|(index, _)| depth(pair, index.slice())).max().unwrap_or(0);
    let ring = pairs.iter().map(deepest).max()?;
    let seen = pairs.iter().any(|pair| interior(pair) > ring);
    seen.then(|| {
        let text = format!("only a border {} wide is wrong; the inside is right", cells(ring + 1));
        ("border", text, "What does your code take for the values outside the array?")
    })
}

fn cells(count: usize) -> String {
    if count == 1 { "one cell".into() } else { format!("{count} cells") }
}

/// The difference depends on one index only, as a bias per channel or a mean per row does.
fn constant_along(pairs: &[Pair]) -> Option<Pattern> {
    let rank = pairs[0].expected.ndim();
    if rank < 2 {
        return None;
    }
    (0..rank).find_map(|axis| {
        let depends_only_on_axis = |pair: &Pair| {
            pair.expected.axis_iter(Axis(axis)).zip(pair.got.axis_iter(Axis(axis))).all(|(expected, got)| {
                let difference: Vec<f64> = got.iter().zip(&expected).map(|(got, expected)| got - expected).collect();
                difference.iter().all(|&x| close(difference[0], x, pair.gap.max(1e-9 * x.abs())))
            })
        };
        let seen = pairs.iter().any(|pair| pair.expected.len() > 2 * pair.expected.shape()[axis]);
        (seen && all(pairs, depends_only_on_axis)).then(|| {
            let text = format!("the error depends on the index of axis {axis} only");
            ("per-index", text, "What is added, or subtracted, once per index of that axis: a bias, a mean?")
        })
    })
}
