//! Factors and amounts: one per input, or one per index of an axis.

use ndarray::{ArrayD, Axis};

use super::{Pair, Pattern, all, axis_words};
use crate::check::compare::close;
use crate::check::judge::Trial;
use crate::check::shape::bindings;
use crate::check::show::number_text;
use crate::exercise::{Exercise, Kind};
use crate::value::Value;

/// Numbers of one input that have a name: lengths of axes, integer and float arguments.
pub(in crate::check) type Quantities = Vec<(&'static str, f64)>;

/// The quantities of a trial's input.
pub(in crate::check) fn quantities(exercise: &Exercise, trial: &Trial) -> Quantities {
    let floats = exercise.signature.parameters.iter().zip(&trial.probe.arguments).filter_map(|pair| match pair {
        (parameter, Value::Float(x)) if parameter.kind == Kind::Float => Some((parameter.name, *x)),
        _ => None,
    });
    bindings(exercise, trial).into_iter().map(|(name, length)| (name, length as f64)).chain(floats).collect()
}

/// `got = k * expected` with one `k` per pair.
pub(super) fn ratio(pairs: &[Pair]) -> Option<Pattern> {
    let factors: Vec<f64> =
        pairs.iter().map(|pair| factor(&pair.expected, &pair.got, pair.gap)).collect::<Option<_>>()?;
    // One number alone is always some multiple of another.
    if pairs.len() < 2 && pairs[0].expected.len() < 2 {
        return None;
    }
    let quantities: Vec<&Quantities> = pairs.iter().map(|pair| &pair.quantities).collect();
    let text = match named_constant(&quantities, &factors, true) {
        Some((name, meaning)) => format!("it is {name} times the right answer{meaning}"),
        None if pairs.iter().all(|pair| pair.expected.len() > 1) => {
            "on every input it is the right answer times one number, which differs from input to input".to_string()
        }
        None => return None,
    };
    Some(("ratio", text, "Is a mean or a sum, a normalisation, or a step size where this factor could come from?"))
}

/// The one number `k` with `got = k * expected`, to within `gap`; none if there is none.
pub(in crate::check) fn factor(expected: &ArrayD<f64>, got: &ArrayD<f64>, gap: f64) -> Option<f64> {
    let (at, pivot) = expected.iter().enumerate().max_by(|a, b| a.1.abs().total_cmp(&b.1.abs()))?;
    let k = got.iter().nth(at)? / pivot;
    let holds = |(&expected, &got): (&f64, &f64)| close(k * expected, got, gap.max(1e-9 * (k * expected).abs()));
    (*pivot != 0.0 && k.is_finite() && expected.shape() == got.shape() && expected.iter().zip(got).all(holds))
        .then_some(k)
}

/// `got = expected + c` with one `c` per pair.
pub(super) fn offset(pairs: &[Pair]) -> Option<Pattern> {
    let shift = |pair: &Pair| {
        let c = pair.got.first()? - pair.expected.first()?;
        (c.is_finite() && pair.got_is_map(|x| x + c)).then_some(c)
    };
    // One number alone is always off by some amount.
    if pairs.iter().all(|pair| pair.expected.len() < 2) {
        return None;
    }
    let shifts: Vec<f64> = pairs.iter().map(shift).collect::<Option<_>>()?;
    let quantities: Vec<&Quantities> = pairs.iter().map(|pair| &pair.quantities).collect();
    let same = shifts.iter().all(|&c| close(shifts[0], c, 1e-9 * c.abs()));
    let text = match (named_quantity(&quantities, &shifts, false), same) {
        (Some(name), _) => format!("every number is too large by {name}"),
        (None, true) => format!("every number is off by {}", number_text(shifts[0])),
        (None, false) => "on every input all numbers are off by the same amount".to_string(),
    };
    Some(("offset", text, "What is added once to every element: a bias, an epsilon, a start value?"))
}

/// What factors of this size usually are.
const MEANINGS: [(f64, &str); 10] = [
    (2.0, "as from the derivative of a square, or a missing 1/2"),
    (0.5, "as from a 1/2 in front of the sum, or a mean of two"),
    (-2.0, "a sign and a factor 2"),
    (255.0, "pixels from 0 to 255 in place of 0 to 1"),
    (1.0 / 255.0, "pixels from 0 to 1 in place of 0 to 255"),
    (std::f64::consts::LN_2, "the natural logarithm of 2: log in place of log2"),
    (std::f64::consts::LOG2_E, "1 / log 2: log2 in place of the natural logarithm"),
    (std::f64::consts::LOG10_E, "1 / log 10: log10 in place of the natural logarithm"),
    (std::f64::consts::PI / 180.0, "pi / 180: degrees taken for radians"),
    (180.0 / std::f64::consts::PI, "180 / pi: radians taken for degrees"),
];

/// What factors are, one per input: a quantity of the inputs by name, or the same number everywhere; and after a colon
/// what it likely means, if that is known. None where they are neither.
pub(in crate::check) fn named_constant(
    inputs: &[&Quantities],
    factors: &[f64],
    multiplicative: bool,
) -> Option<(String, String)> {
    if let Some(name) = named_quantity(inputs, factors, multiplicative) {
        return Some((name, String::new()));
    }
    let (&first, rest) = factors.split_first()?;
    if !rest.iter().all(|&k| close(first, k, 1e-9 * k.abs())) {
        return None;
    }
    let meaning = MEANINGS.iter().find(|(known, _)| close(*known, first, 1e-9 * known.abs()));
    let meaning = meaning.map_or(String::new(), |(_, meaning)| format!(": {meaning}"));
    Some((number_text(first), meaning))
}

/// The name of a quantity of the inputs that has these values: one of them, its root, a product of two, or one over it.
fn named_quantity(inputs: &[&Quantities], values: &[f64], multiplicative: bool) -> Option<String> {
    let names: Vec<&'static str> = inputs.first()?.iter().map(|(name, _)| *name).collect();
    let of =
        |input: &Quantities, name: &str| input.iter().find(|(known, _)| *known == name).map(|(_, quantity)| *quantity);
    let fits = |quantity: &dyn Fn(&Quantities) -> Option<f64>| {
        let varies = inputs.iter().filter_map(|input| quantity(input)).any(|x| x != 1.0);
        let is = |(input, &value): (&&Quantities, &f64)| {
            quantity(input).is_some_and(|quantity| close(quantity, value, 1e-9 * value.abs()))
        };
        varies && inputs.iter().zip(values).all(is)
    };
    type Form = (&'static str, fn(f64) -> f64);
    const FORMS: [Form; 9] = [
        ("1/{a}", |a| 1.0 / a),
        ("sqrt({a})", f64::sqrt),
        ("1/sqrt({a})", |a| 1.0 / a.sqrt()),
        ("{a}/({a}-1)", |a| a / (a - 1.0)),
        ("({a}-1)/{a}", |a| (a - 1.0) / a),
        ("2*{a}", |a| 2.0 * a),
        ("2/{a}", |a| 2.0 / a),
        ("(1-{a})", |a| 1.0 - a),
        ("{a}^2", |a| a * a),
    ];
    for a in &names {
        if fits(&|input| of(input, a)) {
            return Some((*a).to_string());
        }
        let form = FORMS.iter().find(|(_, form)| multiplicative && fits(&|input| of(input, a).map(form)));
        if let Some((text, _)) = form {
            return Some(text.replace("{a}", a));
        }
    }
    type OfTwo = (&'static str, fn(f64, f64) -> f64);
    const OF_TWO: [OfTwo; 4] = [
        ("{a}*{b}", |a, b| a * b),
        ("1/({a}*{b})", |a, b| 1.0 / (a * b)),
        ("{a}/{b}", |a, b| a / b),
        ("{b}/{a}", |a, b| b / a),
    ];
    for (at, a) in names.iter().enumerate() {
        for b in &names[at + 1..] {
            let forms = if multiplicative { &OF_TWO[..] } else { &OF_TWO[..1] };
            let form = forms.iter().find(|(_, form)| fits(&|input| Some(form(of(input, a)?, of(input, b)?))));
            if let Some((text, _)) = form {
                return Some(text.replace("{a}", a).replace("{b}", b));
            }
        }
    }
    None
}

/// The difference, or the factor, depends on one index only, as a bias per channel or a mean per row does.
pub(super) fn along_an_axis(pairs: &[Pair]) -> Option<Pattern> {
    let rank = pairs[0].expected.ndim();
    if rank < 2 {
        return None;
    }
    let lanes = |pair: &Pair, axis: usize, holds: &dyn Fn(&ArrayD<f64>, &ArrayD<f64>) -> bool| {
        let (expected, got) = (pair.expected.axis_iter(Axis(axis)), pair.got.axis_iter(Axis(axis)));
        expected.zip(got).all(|(expected, got)| holds(&expected.to_owned(), &got.to_owned()))
    };
    (0..rank).find_map(|axis| {
        if !pairs.iter().any(|pair| pair.expected.len() > 2 * pair.expected.shape()[axis]) {
            return None;
        }
        let added = |pair: &Pair| {
            lanes(pair, axis, &|expected, got| {
                let difference: Vec<f64> = got.iter().zip(expected).map(|(got, expected)| got - expected).collect();
                difference.iter().all(|&x| close(difference[0], x, pair.gap.max(1e-9 * x.abs())))
            })
        };
        if all(pairs, added) {
            let text = format!("the error depends on the index of {} only", axis_words(pairs, axis));
            let question = "What is added, or subtracted, once per index of that axis: a bias, a mean?";
            return Some(("per-index", text, question));
        }
        let scaled = |pair: &Pair| {
            lanes(pair, axis, &|expected, got| {
                expected.iter().all(|&x| x == 0.0) || factor(expected, got, pair.gap).is_some()
            })
        };
        all(pairs, scaled).then(|| {
            let text = format!(
                "it is the right answer times a factor that depends on the index of {}",
                axis_words(pairs, axis)
            );
            let question = "What divides, or multiplies, once per index of that axis: a sum, a length, a deviation?";
            ("factor-per-index", text, question)
        })
    })
}
