//! Dropout. Its masks are random, so what is compared are facts about them.

use super::super::CourseFunction;
use super::super::mistakes::words;
use super::super::values::{float_named, number, results, tuple};
use super::SECOND;
use crate::exercise::{Exercise, Kind, Outcome, Parameter, Probe, Signature};
use crate::value::Value;

/// Sends ones through the layer: with 60 000 of them the share of zeros is known to about 0.002.
macro_rules! facts_with {
    ($rest:literal) => {
        concat!(
            "x = np.ones((200, 300))\n\
             np.random.seed(20)\n\
             out, cache = theirs.dropout_forward(x, {'mode': 'train', 'p': p})\n\
             out = np.asarray(out, dtype=float)\n\
             zeros = out == 0\n",
            $rest
        )
    };
}

pub(super) fn functions() -> Vec<CourseFunction> {
    vec![
        CourseFunction::new(
            SECOND,
            &["dropout_forward"],
            &FORWARD,
            facts_with!(
                "kept = float(np.mean(out[~zeros])) if not zeros.all() else 0.0\n\
                 test = np.asarray(theirs.dropout_forward(x, {'mode': 'test', 'p': p})[0], dtype=float)\n\
                 varied = [bool(np.any(zeros != first)) for first in (zeros[:1], zeros[:, :1])]\n\
                 own = all(varied) or not any(varied)\n\
                 # Of a mask that many share, too few draws are seen to count them.\n\
                 share = float(np.mean(zeros)) if own else min((1 - p, p), key=lambda q: abs(kept - 1 / (1 - q)))\n\
                 return round(share * 50) / 50, kept, float(np.mean(test)), own"
            ),
        ),
        CourseFunction::new(
            SECOND,
            &["dropout_backward"],
            &BACKWARD,
            facts_with!(
                "dx = np.asarray(f(np.full(x.shape, 7.0), cache), dtype=float)\n\
                 same = bool(np.all((dx == 0) == zeros))\n\
                 ratio = float(np.mean(dx[~zeros] / out[~zeros])) if same and not zeros.all() else 0.0\n\
                 return same, ratio"
            ),
        )
        .needs(&["dropout_forward"]),
    ]
}

const NOTES: (&str, &str) = ("cs231n", "notes: Neural networks part 2, Regularization: Dropout");

fn probes() -> Vec<Probe> {
    [0.3, 0.8, 0.6].map(|p| Probe::ordinary(format!("60 000 ones, p = {p}"), vec![Value::Float(p)])).into()
}

/// The share rounded to a fiftieth, as the adapter does it, where every value has a draw of its own.
fn facts(share: f64, kept: f64, test: f64) -> Outcome {
    drawn(share, kept, test, true)
}

fn drawn(share: f64, kept: f64, test: f64, own: bool) -> Outcome {
    let share = Value::Float((share * 50.0).round() / 50.0);
    tuple([share, Value::Float(kept), Value::Float(test), Value::Bool(own)])
}

/// The normal distribution function at 0.3, 0.6 and 0.8, for masks that are drawn from it.
fn normal_below(p: f64) -> f64 {
    match p {
        0.3 => 0.617_911,
        0.6 => 0.725_747,
        _ => 0.788_145,
    }
}

static FORWARD: Exercise = Exercise {
    id: "dropout_forward",
    signature: Signature {
        name: "dropout_forward",
        parameters: &[float_named("p")],
        returns: results(&[
            float_named("share of zeros"),
            float_named("what a kept 1 becomes"),
            float_named("what a 1 becomes in test mode"),
            Parameter { name: "a draw for every value", kind: Kind::Bool, meaning: "" },
        ]),
    },
    probes,
    reference: |arguments| {
        let p = number(arguments, 0);
        facts(1.0 - p, 1.0 / p, 1.0)
    },
    misconceptions: &[
        words(
            "dropout-not-inverted",
            "what is kept is not divided by p",
            "Inverted dropout divides by the probability of keeping, so that the expected value stays the same and test mode has \
             nothing to do.",
            "What is the mean of the output for an input of ones?",
            NOTES,
        )
        .when(|arguments| facts(1.0 - number(arguments, 0), 1.0, 1.0)),
        words(
            "dropout-scaled-in-use",
            "the output is scaled in test mode and not in training",
            "Plain dropout multiplies by p in test mode; this course asks for the inverted form, which divides by p in training \
             and leaves test mode alone.",
            "What does test mode return for ones?",
            NOTES,
        )
        .when(|arguments| facts(1.0 - number(arguments, 0), 1.0, number(arguments, 0))),
        words(
            "dropout-scaled-twice",
            "the output is scaled in training and in test mode",
            "One of the two is enough: the inverted form divides by p in training only.",
            "What does test mode return for ones?",
            NOTES,
        )
        .when(|arguments| facts(1.0 - number(arguments, 0), 1.0 / number(arguments, 0), number(arguments, 0))),
        words(
            "drop-keep-swapped",
            "the mask drops with probability p, and the scale is that of keeping with p",
            "If p is the probability of keeping, the mask is rand < p and the scale 1 / p. The mean of the output shows whether \
             they belong together.",
            "How many of a hundred values are left when p is 0.8?",
            NOTES,
        )
        .when(|arguments| facts(number(arguments, 0), 1.0 / number(arguments, 0), 1.0)),
        words(
            "scaled-by-drop-probability",
            "the mask keeps with probability p, but what is kept is divided by 1 - p",
            "What is kept, with probability p, is divided by just that: then the mean of the output is that of the input.",
            "What is the mean of the output for an input of ones?",
            NOTES,
        )
        .when(|arguments| facts(1.0 - number(arguments, 0), 1.0 / (1.0 - number(arguments, 0)), 1.0)),
        words(
            "mask-shared-by-batch",
            "one mask is drawn and used for all examples, or for all features",
            "Every value of every example is drawn for itself: np.random.rand(*x.shape) < p.",
            "What is the shape of your mask?",
            NOTES,
        )
        .when(|arguments| drawn(1.0 - number(arguments, 0), 1.0 / number(arguments, 0), 1.0, false)),
        words(
            "mask-from-normal",
            "the mask compares normally distributed numbers with p",
            "np.random.randn is the normal distribution: it is below 0.3 in 62 of 100 draws. np.random.rand is uniform on [0, 1).",
            "How often is np.random.randn() below 0.5?",
            ("numpy", "numpy.random.rand"),
        )
        .when(|arguments| {
            let p = number(arguments, 0);
            facts(1.0 - normal_below(p), 1.0 / p, 1.0)
        }),
        words(
            "dropout-never-drops",
            "nothing is dropped in training",
            "Training mode multiplies with a mask of zeros and 1 / p.",
            "How many zeros has your mask?",
            NOTES,
        )
        .when(|_| facts(0.0, 1.0, 1.0)),
    ],
    canonical: Some(either_meaning),
    ..Exercise::DEFAULTS
};

/// In some years p is the probability of keeping, in others of dropping: brings the second to the first.
fn either_meaning(arguments: &[Value], value: Value) -> Value {
    let p = number(arguments, 0);
    let Value::Tuple(parts) = &value else { return value };
    let [Value::Float(share), Value::Float(kept), test, own] = parts.as_slice() else { return value };
    let drops = (share - p).abs() < 0.011 && (kept - 1.0 / (1.0 - p)).abs() < 1e-9;
    if !drops {
        return value;
    }
    Value::Tuple(vec![
        Value::Float(((1.0 - p) * 50.0).round() / 50.0),
        Value::Float(1.0 / p),
        test.clone(),
        own.clone(),
    ])
}

const SAME: Parameter = Parameter { name: "zeros where the forward pass dropped", kind: Kind::Bool, meaning: "" };

static BACKWARD: Exercise = Exercise {
    id: "dropout_backward",
    signature: Signature {
        name: "dropout_backward",
        parameters: &[float_named("p")],
        returns: results(&[SAME, float_named("dx / out for a dout of 7")]),
    },
    probes,
    reference: |_| tuple([Value::Bool(true), Value::Float(7.0)]),
    misconceptions: &[
        words(
            "mask-redrawn",
            "the backward pass drops other values than the forward pass did",
            "The mask belongs to the forward pass: keep it in the cache, and multiply dout with the same one.",
            "Which values does the backward pass have to block?",
            NOTES,
        )
        .when(|_| tuple([Value::Bool(false), Value::Float(0.0)])),
        words(
            "backward-unscaled",
            "the gradient is masked but not divided by p",
            "What was divided by p on the way up is divided by p on the way down: multiply with the very mask, which holds 1 / p.",
            "What is d(x * mask / p) / dx?",
            NOTES,
        )
        .when(|arguments| tuple([Value::Bool(true), Value::Float(7.0 * number(arguments, 0))])),
    ],
    ..Exercise::DEFAULTS
};
