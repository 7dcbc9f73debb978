//! Softmax and SVM losses: with weights (the linear classifiers of assignment 1) and on scores (`layers.py`).

use ndarray::{Array2, Axis, s};

use super::super::CourseFunction;
use super::super::mistakes::{self as m, words};
use super::super::road;
use super::super::values::{float_named, floats_named, ints_named, labels, matrix, number, results, tuple, whole};
use super::FIRST;
use crate::exercise::{Exercise, Outcome, Parameter, Probe, Signature};
use crate::exercises::numbers::Numbers;
use crate::value::{Array, Value};

/// The data part, and what regularisation adds: each with its gradient.
const SPLIT: &str = "loss, dW = f(W.copy(), X, y, 0.0)\n\
                     whole_loss, whole_dW = f(W.copy(), X, y, reg)\n\
                     return loss, dW, whole_loss - loss, whole_dW - dW";

pub(super) fn functions() -> Vec<CourseFunction> {
    vec![
        CourseFunction::new(FIRST, &["svm_loss_naive", "svm_loss_vectorized"], &SVM_WITH_WEIGHTS, SPLIT),
        CourseFunction::new(FIRST, &["softmax_loss_naive", "softmax_loss_vectorized"], &SOFTMAX_WITH_WEIGHTS, SPLIT),
        CourseFunction::new(FIRST, &["svm_loss"], &SVM, "return f(x, y)"),
        CourseFunction::new(FIRST, &["softmax_loss"], &SOFTMAX, "return f(x, y)"),
    ]
}

static SVM: Exercise = Exercise {
    id: "svm_loss",
    signature: Signature { name: "svm_loss", parameters: ON_SCORES, returns: LOSS_AND_GRADIENT },
    probes: || score_probes(false),
    reference: |arguments| on_scores(arguments, hinge, 1.0, 1.0),
    misconceptions: &[
        m::MEAN_MISSING.when(|arguments| on_scores(arguments, hinge, examples(arguments), examples(arguments))),
        m::LOSS_MEAN_MISSING.when(|arguments| on_scores(arguments, hinge, examples(arguments), 1.0)),
        m::GRADIENT_MEAN_MISSING.when(|arguments| on_scores(arguments, hinge, 1.0, examples(arguments))),
        TRUE_CLASS_COUNTED.when(|arguments| on_scores(arguments, hinge_counting_true, 1.0, 1.0)),
        GRADIENT_ONE.when(|arguments| on_scores(arguments, hinge_minus_one, 1.0, 1.0)),
        COUNT_IN_MASK.when(|arguments| on_scores(arguments, hinge_in_mask, 1.0, 1.0)),
        m::TRUE_CLASS_MISSING.when(|arguments| on_scores(arguments, hinge_without_true, 1.0, 1.0)),
        MARGIN_MISSING.when(|arguments| on_scores(arguments, hinge_without_margin, 1.0, 1.0)),
    ],
    ..Exercise::DEFAULTS
};

static SOFTMAX: Exercise = Exercise {
    id: "softmax_loss",
    signature: Signature { name: "softmax_loss", parameters: ON_SCORES, returns: LOSS_AND_GRADIENT },
    probes: || score_probes(true),
    reference: |arguments| on_scores(arguments, softmax, 1.0, 1.0),
    misconceptions: &[
        m::MEAN_MISSING.when(|arguments| on_scores(arguments, softmax, examples(arguments), examples(arguments))),
        m::LOSS_MEAN_MISSING.when(|arguments| on_scores(arguments, softmax, examples(arguments), 1.0)),
        m::GRADIENT_MEAN_MISSING.when(|arguments| on_scores(arguments, softmax, 1.0, examples(arguments))),
        m::SOFTMAX_OVERFLOW.when(|arguments| on_scores(arguments, softmax_unshifted, 1.0, 1.0)),
        m::SOFTMAX_OVERFLOW.when(|arguments| on_scores(arguments, softmax_unshifted_log, 1.0, 1.0)),
        m::SOFTMAX_OVERFLOW.when(|arguments| on_scores(arguments, softmax_of_unshifted_log, 1.0, 1.0)),
        m::SOFTMAX_AXIS.when(|arguments| on_scores(arguments, softmax_of_columns, 1.0, 1.0)),
        m::MAX_OF_ALL.when(|arguments| on_scores(arguments, softmax_shifted_by_all, 1.0, 1.0)),
        m::SOFTMAX_OF_ALL.when(|arguments| on_scores(arguments, softmax_of_all, 1.0, 1.0)),
        m::SOFTMAX_OF_ALL.when(|arguments| on_scores(arguments, softmax_of_all_shifted, 1.0, 1.0)),
        m::LOG_EPSILON.when(|arguments| on_scores(arguments, |s, y| with_epsilon(s, y, 1e-3), 1.0, 1.0)),
        m::LOG_EPSILON.when(|arguments| on_scores(arguments, |s, y| with_epsilon(s, y, 1e-5), 1.0, 1.0)),
        m::LOG_EPSILON.when(|arguments| on_scores(arguments, |s, y| with_epsilon(s, y, 1e-6), 1.0, 1.0)),
        m::LOG_EPSILON.when(|arguments| on_scores(arguments, |s, y| with_epsilon(s, y, 1e-7), 1.0, 1.0)),
        m::LOG_EPSILON.when(|arguments| on_scores(arguments, |s, y| with_epsilon(s, y, 1e-8), 1.0, 1.0)),
        m::LOG_EPSILON.when(|arguments| on_scores(arguments, |s, y| with_epsilon(s, y, 1e-10), 1.0, 1.0)),
        m::LOG_EPSILON.when(|arguments| on_scores(arguments, |s, y| with_epsilon(s, y, 1e-12), 1.0, 1.0)),
        m::TRUE_CLASS_MISSING.when(|arguments| on_scores(arguments, softmax_without_true, 1.0, 1.0)),
        m::TRUE_CLASS_PER_CLASS.when(|arguments| on_scores(arguments, softmax_true_per_class, 1.0, 1.0)),
    ],
    ..Exercise::DEFAULTS
};

static SVM_WITH_WEIGHTS: Exercise = Exercise {
    id: "svm_loss_naive",
    signature: Signature { name: "svm_loss_naive", parameters: WITH_WEIGHTS, returns: SPLIT_LOSS },
    probes: || weight_probes(false),
    reference: |arguments| with_weights(arguments, hinge, Factors::RIGHT),
    misconceptions: &[
        m::MEAN_MISSING.when(|arguments| with_weights(arguments, hinge, Factors::unmeant(arguments))),
        m::LOSS_MEAN_MISSING
            .when(|arguments| with_weights(arguments, hinge, Factors { gradient: 1.0, ..Factors::unmeant(arguments) })),
        m::GRADIENT_MEAN_MISSING
            .when(|arguments| with_weights(arguments, hinge, Factors { loss: 1.0, ..Factors::unmeant(arguments) })),
        TRUE_CLASS_COUNTED.when(|arguments| with_weights(arguments, hinge_counting_true, Factors::RIGHT)),
        GRADIENT_ONE.when(|arguments| with_weights(arguments, hinge_minus_one, Factors::RIGHT)),
        COUNT_IN_MASK.when(|arguments| with_weights(arguments, hinge_in_mask, Factors::RIGHT)),
        m::TRUE_CLASS_MISSING.when(|arguments| with_weights(arguments, hinge_without_true, Factors::RIGHT)),
        MARGIN_MISSING.when(|arguments| with_weights(arguments, hinge_without_margin, Factors::RIGHT)),
        m::REGULARISATION_MISSING.when(|arguments| with_weights(arguments, hinge, Factors::reg(0.0, 0.0))),
        m::REGULARISATION_GRADIENT_MISSING.when(|arguments| with_weights(arguments, hinge, Factors::reg(1.0, 0.0))),
        m::REGULARISATION_GRADIENT_MISSING.when(|arguments| with_weights(arguments, hinge, Factors::reg(0.5, 0.0))),
        m::REGULARISATION_LOSS_MISSING.when(|arguments| with_weights(arguments, hinge, Factors::reg(0.0, 1.0))),
        m::REGULARISATION_LOSS_MISSING.when(|arguments| with_weights(arguments, hinge, Factors::reg(0.0, 0.5))),
        m::REGULARISATION_MISMATCH.when(|arguments| with_weights(arguments, hinge, Factors::reg(1.0, 0.5))),
        LOSS_HALF.when(|arguments| with_weights(arguments, hinge, Factors::reg(0.5, 1.0))),
        m::REGULARISATION_DIVIDED.when(|arguments| with_weights(arguments, hinge, Factors::divided(arguments))),
        m::REGULARISATION_DIVIDED
            .when(|arguments| with_weights(arguments, hinge, Factors { reg_loss: 1.0, ..Factors::divided(arguments) })),
        m::LAST_EXAMPLE.when(|arguments| with_weights(arguments, |s, y| of_last(hinge(s, y)), Factors::RIGHT)),
    ],
    canonical: Some(one_regularisation),
    ..Exercise::DEFAULTS
};

static SOFTMAX_WITH_WEIGHTS: Exercise = Exercise {
    id: "softmax_loss_naive",
    signature: Signature { name: "softmax_loss_naive", parameters: WITH_WEIGHTS, returns: SPLIT_LOSS },
    probes: || weight_probes(true),
    reference: |arguments| with_weights(arguments, softmax, Factors::RIGHT),
    misconceptions: &[
        m::MEAN_MISSING.when(|arguments| with_weights(arguments, softmax, Factors::unmeant(arguments))),
        m::LOSS_MEAN_MISSING.when(|arguments| {
            with_weights(arguments, softmax, Factors { gradient: 1.0, ..Factors::unmeant(arguments) })
        }),
        m::GRADIENT_MEAN_MISSING
            .when(|arguments| with_weights(arguments, softmax, Factors { loss: 1.0, ..Factors::unmeant(arguments) })),
        m::SOFTMAX_OVERFLOW.when(|arguments| with_weights(arguments, softmax_unshifted, Factors::RIGHT)),
        m::SOFTMAX_OVERFLOW.when(|arguments| with_weights(arguments, softmax_unshifted_log, Factors::RIGHT)),
        m::SOFTMAX_OVERFLOW.when(|arguments| with_weights(arguments, softmax_of_unshifted_log, Factors::RIGHT)),
        m::SOFTMAX_AXIS.when(|arguments| with_weights(arguments, softmax_of_columns, Factors::RIGHT)),
        m::MAX_OF_ALL.when(|arguments| with_weights(arguments, softmax_shifted_by_all, Factors::RIGHT)),
        m::SOFTMAX_OF_ALL.when(|arguments| with_weights(arguments, softmax_of_all, Factors::RIGHT)),
        m::SOFTMAX_OF_ALL.when(|arguments| with_weights(arguments, softmax_of_all_shifted, Factors::RIGHT)),
        m::LAST_EXAMPLE.when(|arguments| with_weights(arguments, |s, y| of_last(softmax(s, y)), Factors::RIGHT)),
        m::LOG_EPSILON.when(|arguments| with_weights(arguments, |s, y| with_epsilon(s, y, 1e-3), Factors::RIGHT)),
        m::LOG_EPSILON.when(|arguments| with_weights(arguments, |s, y| with_epsilon(s, y, 1e-5), Factors::RIGHT)),
        m::LOG_EPSILON.when(|arguments| with_weights(arguments, |s, y| with_epsilon(s, y, 1e-8), Factors::RIGHT)),
        m::TRUE_CLASS_MISSING.when(|arguments| with_weights(arguments, softmax_without_true, Factors::RIGHT)),
        m::TRUE_CLASS_PER_CLASS.when(|arguments| with_weights(arguments, softmax_true_per_class, Factors::RIGHT)),
        m::REGULARISATION_MISSING.when(|arguments| with_weights(arguments, softmax, Factors::reg(0.0, 0.0))),
        m::REGULARISATION_GRADIENT_MISSING.when(|arguments| with_weights(arguments, softmax, Factors::reg(1.0, 0.0))),
        m::REGULARISATION_GRADIENT_MISSING.when(|arguments| with_weights(arguments, softmax, Factors::reg(0.5, 0.0))),
        m::REGULARISATION_LOSS_MISSING.when(|arguments| with_weights(arguments, softmax, Factors::reg(0.0, 1.0))),
        m::REGULARISATION_LOSS_MISSING.when(|arguments| with_weights(arguments, softmax, Factors::reg(0.0, 0.5))),
        m::REGULARISATION_MISMATCH.when(|arguments| with_weights(arguments, softmax, Factors::reg(1.0, 0.5))),
        LOSS_HALF.when(|arguments| with_weights(arguments, softmax, Factors::reg(0.5, 1.0))),
        m::REGULARISATION_DIVIDED.when(|arguments| with_weights(arguments, softmax, Factors::divided(arguments))),
        m::REGULARISATION_DIVIDED.when(|arguments| {
            with_weights(arguments, softmax, Factors { reg_loss: 1.0, ..Factors::divided(arguments) })
        }),
    ],
    canonical: Some(one_regularisation),
    ..Exercise::DEFAULTS
};

const ON_SCORES: &[Parameter] = &[floats_named("x", &["N", "C"]), ints_named("y", &["N"])];
const LOSS_AND_GRADIENT: Parameter = results(&[float_named("loss"), floats_named("dx", &["N", "C"])]);
const WITH_WEIGHTS: &[Parameter] =
    &[floats_named("W", &["D", "C"]), floats_named("X", &["N", "D"]), ints_named("y", &["N"]), float_named("reg")];
const SPLIT_LOSS: Parameter = results(&[
    float_named("loss with reg 0"),
    floats_named("dW with reg 0", &["D", "C"]),
    float_named("what reg adds to the loss"),
    floats_named("what reg adds to dW", &["D", "C"]),
]);

const LOSS_HALF: m::Words = words(
    "regularization-loss-half",
    "the loss has half the penalty, while the gradient is that of the whole",
    "0.5 * reg * sum(W * W) has the gradient reg * W, reg * sum(W * W) has 2 * reg * W: the half is in both or in neither.",
    "What is the derivative of w**2 / 2?",
    ("cs231n", "notes: Linear classification"),
);

const NOTES: (&str, &str) = ("cs231n", "notes: Linear classification, Multiclass SVM");
const TRUE_CLASS_COUNTED: m::Words = words(
    "true-class-counted",
    "the margin of the true class itself is counted, which adds 1 per example",
    "The sum runs over the wrong classes, j != y. For j = y the margin is exactly delta = 1 and carries no information.",
    "What should the loss be when every example is right by a wide margin?",
    NOTES,
);
const GRADIENT_ONE: m::Words = words(
    "true-class-once",
    "the true class gets -1 and not minus the number of violated margins",
    "Every wrong class whose margin is violated pushes the true class's score up once. With three violations its gradient is \
     -3.",
    "How often does the score of the true class appear in the loss of one example?",
    NOTES,
);
const COUNT_IN_MASK: m::Words = words(
    "count-stored-in-mask",
    "the number of violations is stored in an array of booleans, where it becomes True",
    "margins > 0 is an array of bool. Assigning -3 to an element of it stores True, which then counts as +1. Convert first: \
     mask = (margins > 0).astype(float).",
    "What is the dtype of the array you store the count in?",
    ("numpy", "Data types"),
);
const MARGIN_MISSING: m::Words = words(
    "delta-ignored",
    "the margin of 1 is missing",
    "A wrong class has to stay below the true one by at least delta = 1: max(0, s_j - s_y + 1).",
    "What is your loss when all scores are equal?",
    NOTES,
);

fn score_probes(extremes: bool) -> Vec<Probe> {
    let mut numbers = Numbers::stream(9111);
    let mut scores = |n: usize, c: usize, scale: f64, y: &[i64]| -> Vec<Value> {
        vec![numbers.reals([n, c], -scale, scale).into(), whole(y)]
    };
    let mut probes = vec![
        Probe::ordinary("1 example of 3 classes", scores(1, 3, 1.0, &[1])),
        Probe::ordinary("2 examples of 3 classes", scores(2, 3, 2.0, &[2, 0])),
        Probe::ordinary("5 examples of 4 classes", scores(5, 4, 3.0, &[3, 0, 1, 3, 2])),
        Probe::ordinary("3 examples of 7 classes, clear scores", scores(3, 7, 9.0, &[6, 2, 2])),
        Probe::hard("2 classes", scores(3, 2, 1.0, &[1, 1, 0])),
    ];
    if extremes {
        let large = Value::array(&[2, 3], vec![1000.0, 998.0, -5.0, 3.0, 2.0, 1.0]);
        probes.push(Probe::hard("scores of 1000", vec![large, whole(&[1, 0])]));
        let far = Value::array(&[2, 2], vec![2000.0, 1999.0, -1.0, 1.0]);
        probes.push(Probe::hard("a row far below another", vec![far, whole(&[0, 1])]));
        let sure = Value::array(&[1, 2], vec![0.0, 40.0]);
        probes.push(Probe::hard("a class that is all but excluded", vec![sure, whole(&[0])]));
    }
    probes
}

fn weight_probes(extremes: bool) -> Vec<Probe> {
    let mut numbers = Numbers::stream(9112);
    let mut sizes = |n: usize, d: usize, c: usize, y: &[i64], reg: f64| -> Vec<Value> {
        let (w, x) = (numbers.reals([d, c], -1.0, 1.0), numbers.reals([n, d], -2.0, 3.0));
        vec![w.into(), x.into(), whole(y), Value::Float(reg)]
    };
    let mut probes = vec![
        Probe::ordinary("2 examples of 2 features, 3 classes", sizes(2, 2, 3, &[2, 0], 0.5)),
        Probe::ordinary("5 examples of 3 features, 4 classes", sizes(5, 3, 4, &[3, 0, 1, 3, 2], 0.25)),
        Probe::ordinary("3 examples of 5 features, 7 classes", sizes(3, 5, 7, &[6, 2, 2], 1.5)),
        Probe::hard("1 example", sizes(1, 4, 3, &[1], 0.1)),
    ];
    if extremes {
        let weights = Value::array(&[1, 3], vec![1000.0, 998.0, -5.0]);
        let call = vec![weights, Value::array(&[2, 1], vec![1.0, 0.001]), whole(&[1, 0]), Value::Float(0.0001)];
        probes.push(Probe::hard("scores of 1000", call));
        let weights = Value::array(&[1, 2], vec![2000.0, 1999.0]);
        let call = vec![weights, Value::array(&[2, 1], vec![1.0, 0.0005]), whole(&[0, 1]), Value::Float(0.0001)];
        probes.push(Probe::hard("a row far below another", call));
    }
    probes
}

/// Sum of the losses of all examples, and its gradient with respect to the scores.
type Loss = fn(&Array2<f64>, &[usize]) -> (f64, Array2<f64>);

fn examples(arguments: &[Value]) -> f64 {
    labels(arguments, arguments.len().min(3) - 1).len() as f64
}

fn on_scores(arguments: &[Value], loss: Loss, loss_factor: f64, gradient_factor: f64) -> Outcome {
    let (scores, y) = (matrix(arguments, 0), labels(arguments, 1));
    let (sum, gradient) = loss(&scores, &y);
    let n = y.len() as f64;
    tuple([Value::Float(sum / n * loss_factor), (gradient / n * gradient_factor).into()])
}

/// Factors of the data loss and its gradient, and of the regularisation and its gradient.
#[derive(Clone, Copy)]
struct Factors {
    loss: f64,
    gradient: f64,
    reg_loss: f64,
    reg_gradient: f64,
}

impl Factors {
    const RIGHT: Factors = Factors { loss: 1.0, gradient: 1.0, reg_loss: 1.0, reg_gradient: 1.0 };

    fn unmeant(arguments: &[Value]) -> Factors {
        let n = examples(arguments);
        Factors { loss: n, gradient: n, ..Factors::RIGHT }
    }

    fn divided(arguments: &[Value]) -> Factors {
        let n = examples(arguments);
        Factors::reg(1.0 / n, 1.0 / n)
    }

    fn reg(reg_loss: f64, reg_gradient: f64) -> Factors {
        Factors { reg_loss, reg_gradient, ..Factors::RIGHT }
    }
}

fn with_weights(arguments: &[Value], loss: Loss, factors: Factors) -> Outcome {
    let (w, x, y, reg) = (matrix(arguments, 0), matrix(arguments, 1), labels(arguments, 2), number(arguments, 3));
    let (sum, gradient) = loss(&x.dot(&w), &y);
    let n = y.len() as f64;
    let penalty = reg * w.mapv(|w| w * w).sum();
    tuple([
        Value::Float(sum / n * factors.loss),
        (x.t().dot(&(gradient / n)) * factors.gradient).into(),
        Value::Float(penalty * factors.reg_loss),
        (w * (2.0 * reg * factors.reg_gradient)).into(),
    ])
}

/// Some years of the course penalise reg * sum(W * W), others half of it: brings the second to the first.
fn one_regularisation(arguments: &[Value], value: Value) -> Value {
    let Value::Tuple(parts) = &value else { return value };
    let [loss, gradient, Value::Float(penalty), Value::Array(Array::F64(shrinking))] = parts.as_slice() else {
        return value;
    };
    let (w, reg) = (matrix(arguments, 0), number(arguments, 3));
    let half = 0.5 * reg * w.mapv(|w| w * w).sum();
    let expected = (&w * reg).into_dyn();
    let near = |a: f64, b: f64| (a - b).abs() <= 1e-9 * (1.0 + b.abs());
    let is_half = near(*penalty, half)
        && shrinking.shape() == expected.shape()
        && shrinking.iter().zip(&expected).all(|(&a, &b)| near(a, b));
    if !is_half {
        return value;
    }
    Value::Tuple(vec![loss.clone(), gradient.clone(), Value::Float(2.0 * half), (expected * 2.0).into()])
}

/// Sum of the losses, and its gradient, as an exercise of the road computes them: there the scores are x w with an x of
/// ones on the diagonal, and the loss is a mean.
fn as_on_the_road(
    exercise: &str,
    mistake: Option<&str>,
    scores: &Array2<f64>,
    y: &[usize],
    delta: Option<f64>,
) -> (f64, Array2<f64>) {
    let classes: Vec<i64> = y.iter().map(|&class| class as i64).collect();
    let mut arguments: Vec<Value> =
        vec![scores.clone().into(), Array2::<f64>::eye(y.len()).into(), whole(&classes), Value::Float(0.0)];
    arguments.extend(delta.map(Value::Float));
    let Outcome::Value(result) = road::as_on_the_road(exercise, mistake, &arguments) else {
        panic!("{exercise} has an answer for any scores")
    };
    let Value::Tuple(parts) = result else { panic!("{exercise} has a loss and a gradient") };
    let n = y.len() as f64;
    (number(&parts, 0) * n, matrix(&parts, 1) * n)
}

fn hinge(scores: &Array2<f64>, y: &[usize]) -> (f64, Array2<f64>) {
    as_on_the_road("svm_loss", None, scores, y, Some(1.0))
}

fn hinge_counting_true(scores: &Array2<f64>, y: &[usize]) -> (f64, Array2<f64>) {
    as_on_the_road("svm_loss", Some("true-class-counted"), scores, y, Some(1.0))
}

fn hinge_without_margin(scores: &Array2<f64>, y: &[usize]) -> (f64, Array2<f64>) {
    as_on_the_road("svm_loss", None, scores, y, Some(0.0))
}

/// The hinge loss with another gradient of the true class, from the number of violated margins.
fn hinge_with(scores: &Array2<f64>, y: &[usize], true_class: fn(f64) -> f64) -> (f64, Array2<f64>) {
    let (sum, mut gradient) = hinge(scores, y);
    y.iter().enumerate().for_each(|(i, &truth)| gradient[[i, truth]] = true_class(-gradient[[i, truth]]));
    (sum, gradient)
}

fn hinge_minus_one(scores: &Array2<f64>, y: &[usize]) -> (f64, Array2<f64>) {
    hinge_with(scores, y, |_| -1.0)
}

fn hinge_in_mask(scores: &Array2<f64>, y: &[usize]) -> (f64, Array2<f64>) {
    hinge_with(scores, y, |violations| f64::from(violations != 0.0))
}

fn hinge_without_true(scores: &Array2<f64>, y: &[usize]) -> (f64, Array2<f64>) {
    hinge_with(scores, y, |_| 0.0)
}

/// Cross-entropy from probabilities and logarithms of them.
fn cross_entropy(log_p: &Array2<f64>, p: Array2<f64>, y: &[usize]) -> (f64, Array2<f64>) {
    let sum = -y.iter().enumerate().map(|(i, &truth)| log_p[[i, truth]]).sum::<f64>();
    let mut gradient = p;
    y.iter().enumerate().for_each(|(i, &truth)| gradient[[i, truth]] -= 1.0);
    (sum, gradient)
}

/// Logarithms of the probabilities, and the probabilities, without any care for large scores.
fn log_softmax(scores: &Array2<f64>) -> (Array2<f64>, Array2<f64>) {
    let sums = scores.mapv(f64::exp).sum_axis(Axis(1)).insert_axis(Axis(1));
    (scores - &sums.mapv(f64::ln), scores.mapv(f64::exp) / &sums)
}

fn softmax(scores: &Array2<f64>, y: &[usize]) -> (f64, Array2<f64>) {
    as_on_the_road("softmax_loss", None, scores, y, None)
}

fn softmax_of_columns(scores: &Array2<f64>, y: &[usize]) -> (f64, Array2<f64>) {
    as_on_the_road("softmax_loss", Some("sum-over-wrong-axis"), scores, y, None)
}

/// The right loss, with so much subtracted from the true class's probability in the gradient.
fn softmax_less(scores: &Array2<f64>, y: &[usize], true_term: f64) -> (f64, Array2<f64>) {
    let (sum, mut gradient) = softmax(scores, y);
    y.iter().enumerate().for_each(|(i, &truth)| gradient[[i, truth]] += 1.0 - true_term);
    (sum, gradient)
}

fn softmax_without_true(scores: &Array2<f64>, y: &[usize]) -> (f64, Array2<f64>) {
    softmax_less(scores, y, 0.0)
}

fn softmax_true_per_class(scores: &Array2<f64>, y: &[usize]) -> (f64, Array2<f64>) {
    softmax_less(scores, y, scores.ncols() as f64)
}

fn softmax_unshifted(scores: &Array2<f64>, y: &[usize]) -> (f64, Array2<f64>) {
    let (_, p) = log_softmax(scores);
    cross_entropy(&p.mapv(f64::ln), p, y)
}

fn softmax_unshifted_log(scores: &Array2<f64>, y: &[usize]) -> (f64, Array2<f64>) {
    let (log_p, p) = log_softmax(scores);
    cross_entropy(&log_p, p, y)
}

fn softmax_of_unshifted_log(scores: &Array2<f64>, y: &[usize]) -> (f64, Array2<f64>) {
    let (log_p, _) = log_softmax(scores);
    cross_entropy(&log_p, log_p.mapv(f64::exp), y)
}

/// One distribution over all numbers of the matrix.
fn softmax_of_all(scores: &Array2<f64>, y: &[usize]) -> (f64, Array2<f64>) {
    let largest = scores.fold(f64::NEG_INFINITY, |a, &b| a.max(b));
    of_powers((scores - largest).mapv(f64::exp), y)
}

/// The same, of scores from which each row's largest was subtracted.
fn softmax_of_all_shifted(scores: &Array2<f64>, y: &[usize]) -> (f64, Array2<f64>) {
    let largest = scores.fold_axis(Axis(1), f64::NEG_INFINITY, |a, &b| a.max(b)).insert_axis(Axis(1));
    of_powers((scores - &largest).mapv(f64::exp), y)
}

fn of_powers(powers: Array2<f64>, y: &[usize]) -> (f64, Array2<f64>) {
    let p = &powers / powers.sum();
    cross_entropy(&p.mapv(f64::ln), p, y)
}

/// A loss whose gradient has the last example's part only.
fn of_last((sum, mut gradient): (f64, Array2<f64>)) -> (f64, Array2<f64>) {
    let last = gradient.nrows() - 1;
    gradient.slice_mut(s![..last, ..]).fill(0.0);
    (sum, gradient)
}

fn softmax_shifted_by_all(scores: &Array2<f64>, y: &[usize]) -> (f64, Array2<f64>) {
    let largest = scores.fold(f64::NEG_INFINITY, |a, &b| a.max(b));
    let (_, p) = log_softmax(&(scores - largest));
    cross_entropy(&p.mapv(f64::ln), p, y)
}

fn with_epsilon(scores: &Array2<f64>, y: &[usize], epsilon: f64) -> (f64, Array2<f64>) {
    let (_, p) = softmax_less(scores, y, 0.0);
    cross_entropy(&p.mapv(|p| (p + epsilon).ln()), p, y)
}
