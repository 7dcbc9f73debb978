//! NumPy basics and logistic regression (course 1, week 2).

use std::sync::LazyLock;

use ndarray::{Array1, Array2, Axis};

use super::super::CourseFunction;
use super::super::mistakes::{self as m, words};
use super::super::road::{answered, as_on_the_road, renamed, that_show};
use super::super::values::{
    count, cube, float_named, floats_named, int_named, matrix, number, results, returns, tuple, vector,
};
use super::{BASICS, begins_with};
use crate::check::alike;
use crate::exercise::{Exercise, Outcome, Probe, Signature, Tolerance};
use crate::exercises::numbers::Numbers;
use crate::value::Value;

pub(super) fn functions() -> Vec<CourseFunction> {
    let f = CourseFunction::new;
    vec![
        f(BASICS, &["sigmoid"], &SIGMOID, "s = f(z)\nreturn s[0] if isinstance(s, tuple) else s"),
        f(BASICS, &["sigmoid_derivative", "sigmoid_grad"], &SIGMOID_DERIVATIVE, "return f(x)"),
        f(BASICS, &["image2vector"], &IMAGE_TO_VECTOR, "return f(image)"),
        f(BASICS, &["normalizeRows", "normalize_rows"], &NORMALIZE_ROWS, "return f(x)"),
        f(BASICS, &["softmax"], &SOFTMAX, "return f(x)"),
        f(BASICS, &["L1"], &L1, "return f(yhat, y)"),
        f(BASICS, &["L2"], &L2, "return f(yhat, y)"),
        f(
            BASICS,
            &["propagate"],
            &PROPAGATE,
            "grads, cost = f(w, b, x, y)\n\
             return float(np.squeeze(cost)), grads['dw'], float(np.squeeze(grads['db']))",
        )
        .takes(|parameters| parameters.len() == 4),
        f(
            BASICS,
            &["optimize"],
            &OPTIMIZE,
            "params = f(w, b, X, Y, num_iterations, learning_rate)[0]\n\
             return params['w'], float(np.squeeze(params['b']))",
        )
        .takes(|parameters| begins_with(parameters, "w"))
        .needs(&["propagate"]),
        f(BASICS, &["predict"], &PREDICT, "return np.asarray(f(w, b, X), dtype=float)")
            .takes(|parameters| begins_with(parameters, "w")),
    ]
}

const NUMPY: (&str, &str) = ("dls-c1", "W2 assignment Python Basics with NumPy");
const LOGISTIC: (&str, &str) = ("dls-c1", "W2 Logistic Regression with a Neural Network mindset");

static SIGMOID: LazyLock<Exercise> = LazyLock::new(|| renamed("sigmoid", "sigmoid", || answered("sigmoid")));
static PROPAGATE: LazyLock<Exercise> = LazyLock::new(|| {
    let exercise = renamed("propagate", "propagate", unsaturated);
    let misconceptions = that_show(&exercise, &unsaturated());
    Exercise { misconceptions, ..exercise }
});

/// The road's probes but for those whose probabilities round to 0 or 1: the course's own formula takes log(0) there.
fn unsaturated() -> Vec<Probe> {
    let mut probes = answered("propagate");
    probes.retain(|probe| {
        let [right, formula] =
            [None, Some("log-of-zero")].map(|how| as_on_the_road("propagate", how, &probe.arguments));
        alike(&right, &formula, &Tolerance::F64)
    });
    probes
}

fn sigmoid(z: f64) -> f64 {
    1.0 / (1.0 + (-z).exp())
}

/// Matrices of several shapes, one probe each.
fn matrices(stream: u64, parts: usize) -> Vec<Probe> {
    let mut numbers = Numbers::stream(stream);
    let mut probes = Vec::new();
    for [rows, columns] in [[1, 3], [2, 3], [4, 3], [3, 5]] {
        let arguments = (0..parts).map(|_| numbers.reals([rows, columns], -3.0, 4.0).into()).collect();
        probes.push(Probe::ordinary(format!("{rows} by {columns} numbers"), arguments));
    }
    probes
}

static SIGMOID_DERIVATIVE: Exercise = Exercise {
    id: "sigmoid_derivative",
    signature: Signature {
        name: "sigmoid_derivative",
        parameters: &[floats_named("x", &["n", "m"])],
        returns: floats_named("ds", &["n", "m"]),
    },
    probes: || matrices(9201, 1),
    reference: |arguments| map(arguments, |x| sigmoid(x) * (1.0 - sigmoid(x))),
    misconceptions: &[
        words(
            "sigmoid-derivative-of-input",
            "x * (1 - x) is computed from the input and not from its sigmoid",
            "The derivative is s * (1 - s) with s = sigmoid(x): first the sigmoid, then the product.",
            "What is the slope of the sigmoid at 0?",
            NUMPY,
        )
        .when(|arguments| map(arguments, |x| x * (1.0 - x))),
        words(
            "sigmoid-returned",
            "the sigmoid is returned and not its derivative",
            "The derivative is s * (1 - s): at most 1/4, at 0.",
            "What is the slope of the sigmoid at 0?",
            NUMPY,
        )
        .when(|arguments| map(arguments, sigmoid)),
        words(
            "one-minus-missing",
            "s is squared and not multiplied with 1 - s",
            "The derivative is s * (1 - s).",
            "What should the slope be where the sigmoid is almost 1?",
            NUMPY,
        )
        .when(|arguments| map(arguments, |x| sigmoid(x).powi(2))),
        words(
            "tanh-slope-for-sigmoid",
            "1 - s**2 is computed: that is the slope of tanh",
            "1 - t**2 belongs to t = tanh(x); the sigmoid's slope is s * (1 - s).",
            "What is the slope of the sigmoid at 0?",
            NUMPY,
        )
        .when(|arguments| map(arguments, |x| 1.0 - sigmoid(x).powi(2))),
    ],
    ..Exercise::DEFAULTS
};

fn map(arguments: &[Value], f: impl Fn(f64) -> f64) -> Outcome {
    returns(matrix(arguments, 0).mapv(f))
}

static IMAGE_TO_VECTOR: Exercise = Exercise {
    id: "image2vector",
    signature: Signature {
        name: "image2vector",
        parameters: &[floats_named("image", &["H", "W", "C"])],
        returns: floats_named("v", &["H*W*C", "1"]),
    },
    probes: || {
        let mut numbers = Numbers::stream(9202);
        [[1, 2, 3], [2, 3, 3], [4, 2, 3]]
            .map(|shape| {
                Probe::ordinary(format!("an image of shape {shape:?}"), vec![numbers.integers(shape, 0, 99).into()])
            })
            .into()
    },
    reference: |arguments| column(flat(arguments)),
    misconceptions: &[
        words(
            "axis-dropped",
            "the result is a vector without a second axis",
            "(n,) is neither row nor column: it broadcasts in ways nobody asked for. The course wants (n, 1).",
            "How many axes should the result have?",
            NUMPY,
        )
        .when(|arguments| returns(Array1::from(flat(arguments)))),
        words(
            "row-for-column",
            "the result is a row and not a column",
            "An example is a column in this course: (n, 1).",
            "Which axis of the result is long?",
            NUMPY,
        )
        .when(|arguments| returns(Array1::from(flat(arguments)).insert_axis(Axis(0)))),
        m::COLUMN_FIRST.when(|arguments| column(cube(arguments, 0).t().iter().copied().collect())),
    ],
    ..Exercise::DEFAULTS
};

fn flat(arguments: &[Value]) -> Vec<f64> {
    cube(arguments, 0).iter().copied().collect()
}

fn column(values: Vec<f64>) -> Outcome {
    returns(Array1::from(values).insert_axis(Axis(1)))
}

static NORMALIZE_ROWS: Exercise = Exercise {
    id: "normalizeRows",
    signature: Signature {
        name: "normalizeRows",
        parameters: &[floats_named("x", &["n", "m"])],
        returns: floats_named("x", &["n", "m"]),
    },
    probes: || matrices(9203, 1),
    reference: |arguments| rows(arguments, Axis(1), |x| x * x, f64::sqrt),
    misconceptions: &[
        words(
            "columns-normalised",
            "the columns have length 1 and not the rows",
            "np.linalg.norm(x, axis=1, keepdims=True) runs along a row and gives one number per row.",
            "Along which axis do you add up?",
            NUMPY,
        )
        .when(|arguments| rows(arguments, Axis(0), |x| x * x, f64::sqrt)),
        words(
            "norm-squared",
            "the rows are divided by the sum of squares: the root is missing",
            "The length is the root of the sum of squares.",
            "What is the length of the row (3, 4)?",
            NUMPY,
        )
        .when(|arguments| rows(arguments, Axis(1), |x| x * x, |x| x)),
        words(
            "norm-of-absolute-values",
            "the rows are divided by the sum of absolute values",
            "The length here is the Euclidean one: the root of the sum of squares.",
            "What is the length of the row (3, 4)?",
            NUMPY,
        )
        .when(|arguments| rows(arguments, Axis(1), f64::abs, |x| x)),
        words(
            "norm-of-whole-matrix",
            "all rows are divided by one number, the norm of the whole matrix",
            "Each row has a length of its own: give axis=1 and keepdims=True.",
            "How many norms do you compute?",
            NUMPY,
        )
        .when(|arguments| {
            let x = matrix(arguments, 0);
            let norm = x.mapv(|x| x * x).sum().sqrt();
            returns(x / norm)
        }),
    ],
    ..Exercise::DEFAULTS
};

fn rows(arguments: &[Value], axis: Axis, of: fn(f64) -> f64, then: fn(f64) -> f64) -> Outcome {
    let x = matrix(arguments, 0);
    let norms = x.mapv(of).sum_axis(axis).mapv(then).insert_axis(axis);
    returns(x / norms)
}

static SOFTMAX: Exercise = Exercise {
    id: "softmax",
    signature: Signature {
        name: "softmax",
        parameters: &[floats_named("x", &["n", "m"])],
        returns: floats_named("s", &["n", "m"]),
    },
    probes: || matrices(9204, 1),
    reference: |arguments| exponentials(arguments, Some(Axis(1))),
    misconceptions: &[
        words(
            "normalized-over-wrong-axis",
            "the columns add up to 1 and not the rows",
            "This function normalises each row: sum with axis=1, keepdims=True.",
            "Which of your sums is 1: that of a row, or that of a column?",
            NUMPY,
        )
        .when(|arguments| exponentials(arguments, Some(Axis(0)))),
        m::SOFTMAX_OF_ALL.when(|arguments| exponentials(arguments, None)),
        words(
            "exponential-missing",
            "the numbers themselves are divided by their sum",
            "Softmax takes exp first, which makes every number positive.",
            "Can a number of your result be negative?",
            NUMPY,
        )
        .when(|arguments| rows(arguments, Axis(1), |x| x, |x| x)),
    ],
    ..Exercise::DEFAULTS
};

fn exponentials(arguments: &[Value], axis: Option<Axis>) -> Outcome {
    let x = matrix(arguments, 0).mapv(f64::exp);
    match axis {
        Some(axis) => {
            let sums = x.sum_axis(axis).insert_axis(axis);
            returns(x / sums)
        }
        None => {
            let sum = x.sum();
            returns(x / sum)
        }
    }
}

/// Two vectors.
fn pairs(stream: u64) -> Vec<Probe> {
    let mut numbers = Numbers::stream(stream);
    [2, 3, 5]
        .map(|n| {
            let call = vec![numbers.reals([n], 0.0, 1.0).into(), numbers.integers([n], 0, 1).into()];
            Probe::ordinary(format!("{n} predictions"), call)
        })
        .into()
}

fn difference(arguments: &[Value]) -> Array1<f64> {
    vector(arguments, 1) - vector(arguments, 0)
}

const LOSS_MEAN: m::Words = words(
    "mean-where-sum",
    "the mean is taken and not the sum",
    "These losses are sums over the examples.",
    "What does the loss of ten equal errors have to do with that of one?",
    NUMPY,
);

static L1: Exercise = Exercise {
    id: "L1",
    signature: Signature {
        name: "L1",
        parameters: &[floats_named("yhat", &["m"]), floats_named("y", &["m"])],
        returns: float_named("loss"),
    },
    probes: || pairs(9205),
    reference: |arguments| Outcome::Value(Value::Float(difference(arguments).mapv(f64::abs).sum())),
    misconceptions: &[
        LOSS_MEAN.when(|arguments| {
            let d = difference(arguments);
            Outcome::Value(Value::Float(d.mapv(f64::abs).sum() / d.len() as f64))
        }),
        words(
            "absolute-value-missing",
            "the differences are added with their signs",
            "Errors of opposite sign must not cancel: sum(abs(y - yhat)).",
            "What is the loss of one prediction that is 1 too high and one that is 1 too low?",
            NUMPY,
        )
        .when(|arguments| Outcome::Value(Value::Float(difference(arguments).sum()))),
        words(
            "squared-for-absolute",
            "the differences are squared: that is L2",
            "L1 adds absolute values.",
            "What is L1 of an error of 0.5?",
            NUMPY,
        )
        .when(|arguments| Outcome::Value(Value::Float(difference(arguments).mapv(|x| x * x).sum()))),
    ],
    ..Exercise::DEFAULTS
};

static L2: Exercise = Exercise {
    id: "L2",
    signature: Signature {
        name: "L2",
        parameters: &[floats_named("yhat", &["m"]), floats_named("y", &["m"])],
        returns: float_named("loss"),
    },
    probes: || pairs(9206),
    reference: |arguments| Outcome::Value(Value::Float(difference(arguments).mapv(|x| x * x).sum())),
    misconceptions: &[
        LOSS_MEAN.when(|arguments| {
            let d = difference(arguments);
            Outcome::Value(Value::Float(d.mapv(|x| x * x).sum() / d.len() as f64))
        }),
        words(
            "root-taken",
            "the root of the sum of squares is taken",
            "This loss is the sum of squares itself, without a root.",
            "What is L2 of one error of 0.5?",
            NUMPY,
        )
        .when(|arguments| Outcome::Value(Value::Float(difference(arguments).mapv(|x| x * x).sum().sqrt()))),
        words(
            "absolute-for-squared",
            "absolute differences are added: that is L1",
            "L2 adds squares.",
            "What is L2 of an error of 0.5?",
            NUMPY,
        )
        .when(|arguments| Outcome::Value(Value::Float(difference(arguments).mapv(f64::abs).sum()))),
    ],
    ..Exercise::DEFAULTS
};

static OPTIMIZE: Exercise = Exercise {
    id: "optimize",
    signature: Signature {
        name: "optimize",
        parameters: &[
            floats_named("w", &["D", "1"]),
            float_named("b"),
            floats_named("X", &["D", "m"]),
            floats_named("Y", &["1", "m"]),
            int_named("num_iterations"),
            float_named("learning_rate"),
        ],
        returns: results(&[floats_named("w", &["D", "1"]), float_named("b")]),
    },
    probes: || {
        let mut numbers = Numbers::stream(9207);
        [[1, 2, 1], [2, 3, 4], [3, 5, 7]]
            .map(|[d, m, steps]| {
                let w = numbers.reals([d, 1], -1.0, 1.0);
                let x = numbers.reals([d, m], -2.0, 2.0);
                let y = Array2::from_shape_fn((1, m), |(_, j)| f64::from(j % 2 == 1));
                let (steps_value, rate) = (Value::Int(steps as i64), Value::Float(0.1));
                let call = vec![w.into(), Value::Float(0.25), x.into(), y.into(), steps_value, rate];
                let s = if steps == 1 { "" } else { "s" };
                Probe::ordinary(format!("{steps} step{s} on {m} examples of {d} features"), call)
            })
            .into()
    },
    reference: |arguments| descend(arguments, -1.0, true, false, 0),
    misconceptions: &[
        m::SIGN_FLIPPED.when(|arguments| descend(arguments, 1.0, true, false, 0)),
        words(
            "bias-not-trained",
            "the bias stays as it was",
            "w and b are both parameters: b = b - learning_rate * db.",
            "Which of your results changes from step to step?",
            LOGISTIC,
        )
        .when(|arguments| descend(arguments, -1.0, false, false, 0)),
        words(
            "gradient-not-updated",
            "the gradient of the start is used in every step",
            "After a step the gradient is another one: call propagate with the new w and b inside of the loop.",
            "With which w is the gradient of the second step computed?",
            LOGISTIC,
        )
        .when(|arguments| descend(arguments, -1.0, true, true, 0)),
        words(
            "steps-off-by-one",
            "one step too few is taken",
            "range(num_iterations) runs num_iterations times.",
            "How many steps are taken for num_iterations = 1?",
            LOGISTIC,
        )
        .when(|arguments| descend(arguments, -1.0, true, false, -1)),
    ],
    ..Exercise::DEFAULTS
};

fn descend(arguments: &[Value], sign: f64, trains_bias: bool, once: bool, more: i64) -> Outcome {
    let (mut w, mut b) = (matrix(arguments, 0), number(arguments, 1));
    let (x, y) = (matrix(arguments, 2), matrix(arguments, 3));
    let (steps, rate) = (count(arguments, 4) as i64 + more, number(arguments, 5));
    let m = x.ncols() as f64;
    let (start_w, start_b) = (w.clone(), b);
    for _ in 0..steps {
        let (at_w, at_b) = if once { (&start_w, start_b) } else { (&w, b) };
        let error = (at_w.t().dot(&x) + at_b).mapv(sigmoid) - &y;
        let (dw, db) = (x.dot(&error.t()) / m, error.sum() / m);
        w = w + dw * (sign * rate);
        if trains_bias {
            b += sign * rate * db;
        }
    }
    tuple([w.into(), Value::Float(b)])
}

static PREDICT: Exercise = Exercise {
    id: "predict",
    signature: Signature {
        name: "predict",
        parameters: &[floats_named("w", &["D", "1"]), float_named("b"), floats_named("X", &["D", "m"])],
        returns: floats_named("Y_prediction", &["1", "m"]),
    },
    probes: || {
        let mut numbers = Numbers::stream(9208);
        [[1, 4], [2, 5], [3, 7]]
            .map(|[d, m]| {
                let call = vec![
                    numbers.reals([d, 1], -1.0, 1.0).into(),
                    Value::Float(0.3),
                    numbers.reals([d, m], -3.0, 3.0).into(),
                ];
                Probe::ordinary(format!("{m} examples of {d} features"), call)
            })
            .into()
    },
    reference: |arguments| predicted(arguments, |z| f64::from(sigmoid(z) > 0.5), true),
    misconceptions: &[
        words(
            "probabilities-returned",
            "probabilities are returned and not 0 or 1",
            "A prediction is a class: 1 where the probability is above 0.5.",
            "Is every number of your result 0 or 1?",
            LOGISTIC,
        )
        .when(|arguments| predicted(arguments, sigmoid, true)),
        words(
            "threshold-inverted",
            "the classes are exchanged",
            "A probability above 0.5 means class 1.",
            "Which class do you predict where the probability is 0.9?",
            LOGISTIC,
        )
        .when(|arguments| predicted(arguments, |z| f64::from(sigmoid(z) <= 0.5), true)),
        words(
            "threshold-on-logit",
            "the threshold 0.5 is laid on w.T X + b and not on its sigmoid",
            "The probability is above 0.5 where w.T X + b is above 0.",
            "At which value of w.T X + b is the probability 0.5?",
            LOGISTIC,
        )
        .when(|arguments| predicted(arguments, |z| f64::from(z > 0.5), true)),
        m::BIAS_MISSING.when(|arguments| predicted(arguments, |z| f64::from(sigmoid(z) > 0.5), false)),
    ],
    ..Exercise::DEFAULTS
};

fn predicted(arguments: &[Value], of: fn(f64) -> f64, bias: bool) -> Outcome {
    let b = if bias { number(arguments, 1) } else { 0.0 };
    returns((matrix(arguments, 0).t().dot(&matrix(arguments, 2)) + b).mapv(of))
}
