//! From shapes to the formula that seems to have made them.

use super::judge::Trial;
use super::report::{Diagnosis, Evidence, See};
use crate::exercise::{Element, Exercise, Kind, Outcome, Parameter};
use crate::value::Value;

/// A name and its length in one probe.
pub(super) type Bindings = Vec<(&'static str, i64)>;

/// The formula that a learner's result shapes follow on every ordinary probe where a shape came out, as a sentence.
pub(super) fn explain(exercise: &Exercise, trials: &[Trial]) -> Option<String> {
    let parts: &[Parameter] = match &exercise.signature.returns.kind {
        Kind::Tuple(parts) => parts,
        _ => std::slice::from_ref(&exercise.signature.returns),
    };
    parts.iter().enumerate().find_map(|(part, parameter)| explain_part(exercise, trials, part, parameter))
}

struct Sample {
    bindings: Bindings,
    expected: Vec<usize>,
    got: Vec<usize>,
}

fn explain_part(exercise: &Exercise, trials: &[Trial], part: usize, parameter: &Parameter) -> Option<String> {
    let Kind::Array { axes, .. } = &parameter.kind else { return None };
    let ordinary = trials.iter().filter(|trial| !trial.hard());
    let samples: Vec<Sample> = ordinary.filter_map(|trial| sample(exercise, trial, part)).collect();
    if samples.iter().all(|sample| sample.expected == sample.got) {
        return None;
    }
    let asked = format!("The task asks for {} = [{}]", parameter.name, axes.join(", "));
    let all = |holds: &dyn Fn(&Sample) -> bool| samples.iter().all(holds);
    if all(&|sample| sample.got.iter().rev().eq(&sample.expected)) {
        return Some(format!(
            "{asked}; yours has the axes in reverse order: a transpose, or rows and columns swapped."
        ));
    }
    if all(&|sample| without_ones(&sample.got) == without_ones(&sample.expected)) {
        return Some(format!(
            "{asked}; yours differs only by axes of length one: look at keepdims, reshape and squeeze."
        ));
    }
    let rank = samples.first()?.got.len();
    if !all(&|sample| sample.got.len() == rank) {
        return Some(format!("{asked}."));
    }
    if rank != axes.len() {
        return Some(format!("{asked}: {} axes; yours has {rank}.", axes.len()));
    }
    let formulas: Vec<Option<String>> = (0..rank).map(|axis| axis_formula(&samples, axis, axes[axis])).collect();
    let known: Option<Vec<String>> = formulas.iter().cloned().collect();
    let Some(known) = known else { return Some(format!("{asked}.")) };
    let mut text = format!("{asked}; yours is [{}] on every ordinary input", known.join(", "));
    let short = |sample: &Sample| sample.got.iter().zip(&sample.expected).all(|(got, asked)| got + 1 == *asked);
    text.push_str(match convention(&known) {
        Some(words) => words,
        None if all(&short) => ": one too few on each axis. range, arange and slices leave out their end.",
        None => ".",
    });
    Some(text)
}

fn sample(exercise: &Exercise, trial: &Trial, part: usize) -> Option<Sample> {
    let array = |outcome: &Outcome| match outcome {
        Outcome::Value(Value::Array(array)) => Some(array.shape().to_vec()),
        Outcome::Value(Value::Tuple(parts)) => parts.get(part)?.as_array().map(|array| array.shape().to_vec()),
        _ => None,
    };
    let (expected, got) = (array(&trial.expected)?, array(&trial.got)?);
    let bindings = bindings(exercise, trial);
    Some(Sample { bindings, expected, got })
}

/// The named lengths of a probe: axes of its arrays and integer arguments.
pub(super) fn bindings(exercise: &Exercise, trial: &Trial) -> Bindings {
    let mut bindings = Bindings::new();
    for (parameter, value) in exercise.signature.parameters.iter().zip(&trial.probe.arguments) {
        match (&parameter.kind, value) {
            (Kind::Int, Value::Int(x)) => bindings.push((parameter.name, *x)),
            (Kind::Array { axes, .. }, Value::Array(array)) => {
                for (name, &length) in axes.iter().zip(array.shape()) {
                    let plain = name.chars().all(|c| c.is_alphanumeric() || c == '_' || c == '\'');
                    if plain && name.starts_with(char::is_alphabetic) && bindings.iter().all(|(known, _)| known != name)
                    {
                        bindings.push((name, length as i64));
                    }
                }
            }
            _ => {}
        }
    }
    bindings
}

/// The mistake of a function that should give one label per example and gives one per class.
pub(super) fn one_label_per_class(exercise: &Exercise, trial: &Trial) -> Option<Diagnosis> {
    let Kind::Array { element: Element::I64, axes: [examples] } = &exercise.signature.returns.kind else { return None };
    let Outcome::Value(Value::Array(labels)) = &trial.got else { return None };
    let bindings = bindings(exercise, trial);
    let length = |name: &str| bindings.iter().find(|(known, _)| *known == name).map(|(_, length)| *length);
    let (classes, asked) = (length("k")?, length(examples)?);
    (labels.shape() == [classes as usize] && classes != asked).then(|| Diagnosis {
        evidence: Evidence::Fingerprint,
        id: "argmax-over-wrong-axis".into(),
        title: format!("as many labels came back as there are classes ({classes}), and not one for each of the {asked} images"),
        explanation: "Logits are [M, k], one row per image. argmax(axis=0) runs down the rows and finds, for each class, the image that \
                      has most of it. The class of each image is the place of the largest number in its row: argmax(axis=1)."
            .into(),
        question: "How many predictions do you have: one per image, or one per class?".into(),
        see: Some(See { resource: "numpy".into(), at: "numpy.argmax, argument axis".into() }),
        certainty: "by the shape".into(),
        also: Vec::new(),
    })
}

fn without_ones(shape: &[usize]) -> Vec<usize> {
    shape.iter().copied().filter(|&length| length != 1).collect()
}

/// The simplest formula of the named lengths that gives axis `axis` on every sample.
fn axis_formula(samples: &[Sample], axis: usize, asked: &str) -> Option<String> {
    // Where a formula goes below zero, code that runs makes an empty axis.
    let fits = |formula: &dyn Fn(&Sample) -> Option<i64>| {
        samples.iter().all(|sample| formula(sample).map(|x| x.max(0)) == Some(sample.got[axis] as i64))
    };
    if fits(&|sample| Some(sample.expected[axis] as i64)) {
        return Some(asked.to_string());
    }
    for delta in [-1, 1] {
        if fits(&|sample| Some(sample.expected[axis] as i64 + delta)) {
            // "2*radius+1" and one less is "2*radius".
            let undone = asked.strip_suffix(if delta < 0 { "+1" } else { "-1" });
            return Some(undone.map_or_else(|| format!("{asked}{delta:+}"), str::to_string));
        }
    }
    let names: Vec<&'static str> = samples.first()?.bindings.iter().map(|(name, _)| *name).collect();
    let of = |sample: &Sample, name: &str| sample.bindings.iter().find(|(known, _)| *known == name).map(|(_, x)| *x);
    for a in &names {
        for (text, change) in [("", 0), ("-1", -1), ("+1", 1)] {
            if fits(&|sample| of(sample, a).map(|a| a + change)) {
                return Some(format!("{a}{text}"));
            }
        }
    }
    type Formula = (&'static str, fn(i64, i64) -> Option<i64>);
    const PAIRS: [Formula; 9] = [
        ("{a}-{b}+1", |a, b| Some(a - b + 1)),
        ("{a}+{b}-1", |a, b| Some(a + b - 1)),
        ("{a}-{b}", |a, b| Some(a - b)),
        ("{a}+{b}", |a, b| Some(a + b)),
        ("{a}+2*{b}", |a, b| Some(a + 2 * b)),
        ("{a}-2*({b}//2)", |a, b| Some(a - 2 * (b / 2))),
        ("{a}//{b}", |a, b| a.checked_div(b)),
        ("({a}-1)//{b}+1", |a, b| (a - 1).checked_div(b).map(|x| x + 1)),
        ("{a}*{b}", |a, b| Some(a * b)),
    ];
    for (text, formula) in PAIRS {
        for a in &names {
            for b in names.iter().filter(|b| *b != a) {
                if fits(&|sample| formula(of(sample, a)?, of(sample, b)?)) {
                    return Some(text.replace("{a}", a).replace("{b}", b));
                }
            }
        }
    }
    None
}

/// What the field calls these formulas.
fn convention(formulas: &[String]) -> Option<&'static str> {
    let names = |formula: &str| -> Vec<String> {
        let words = formula.split(|c: char| !c.is_alphanumeric() && c != '_');
        words.filter(|word| word.starts_with(char::is_alphabetic)).map(str::to_string).collect()
    };
    // These are words about images.
    if !formulas.iter().any(|formula| names(formula).iter().any(|name| name == "H" || name == "W")) {
        return None;
    }
    let all = |test: &dyn Fn(&str) -> bool| formulas.iter().all(|formula| test(formula));
    let two_names = |formula: &str| names(formula).len() >= 2;
    if all(&|formula| formula.contains('-') && formula.ends_with("+1") && two_names(formula)) {
        return Some(": only where the kernel fits inside ('valid').");
    }
    if all(&|formula| formula.contains('+') && formula.ends_with("-1") && two_names(formula)) {
        return Some(": everywhere the kernel touches ('full').");
    }
    if all(&|formula| formula.chars().all(|c| c.is_alphanumeric() || c == '_')) {
        return Some(": as large as an input ('same').");
    }
    None
}
