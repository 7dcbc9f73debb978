//! Affine and ReLU layers.

use ndarray::{Array1, Array2, Axis};

use super::super::CourseFunction;
use super::super::mistakes::{self as m, words};
use super::super::values::{array, floats_named, matrix, results, returns, tuple, vector};
use super::FIRST;
use crate::exercise::{Exercise, ForwardCall, GradientCheck, Outcome, Parameter, Probe, Signature};
use crate::exercises::numbers::Numbers;
use crate::value::Value;

pub(super) fn functions() -> Vec<CourseFunction> {
    vec![
        CourseFunction::new(FIRST, &["affine_forward"], &AFFINE_FORWARD, "return f(x, w, b)[0]"),
        CourseFunction::new(
            FIRST,
            &["affine_backward"],
            &AFFINE_BACKWARD,
            "cache = theirs.affine_forward(x, w, b)[1]\nreturn f(dout, cache)",
        )
        .needs(&["affine_forward"]),
        CourseFunction::new(FIRST, &["relu_forward"], &RELU_FORWARD, "return f(x)[0]"),
        CourseFunction::new(
            FIRST,
            &["relu_backward"],
            &RELU_BACKWARD,
            "cache = theirs.relu_forward(x)[1]\nreturn f(dout, cache)",
        )
        .needs(&["relu_forward"]),
    ]
}

const NOTES: (&str, &str) = ("cs231n", "notes: Backpropagation, Gradients for vectorized operations");

const X: Parameter = floats_named("x", &["N", "D1", "D2"]);
const W: Parameter = floats_named("w", &["D1*D2", "M"]);
const B: Parameter = floats_named("b", &["M"]);

/// Shapes `[N, D1, D2, M]`.
const SIZES: &[[usize; 4]] = &[[1, 1, 2, 3], [2, 1, 3, 2], [2, 3, 2, 5], [5, 2, 3, 4]];

fn sizes(stream: u64, with_upstream: bool) -> Vec<Probe> {
    let mut numbers = Numbers::stream(stream);
    let mut probes = Vec::new();
    for (at, &[n, d1, d2, m]) in SIZES.iter().chain(&[[1, 1, 1, 1]]).enumerate() {
        let mut arguments = Vec::new();
        if with_upstream {
            arguments.push(numbers.integers([n, m], -3, 5).into());
        }
        let x = numbers.integers([n, d1, d2], -4, 6);
        arguments.extend([x.into(), numbers.reals([d1 * d2, m], -2.0, 2.0).into(), numbers.integers([m], 1, 9).into()]);
        let label = format!("{n} example{} of {d1} by {d2}, {m} outputs", if n == 1 { "" } else { "s" });
        probes.push(if at < SIZES.len() { Probe::ordinary(label, arguments) } else { Probe::hard(label, arguments) });
    }
    probes
}

static AFFINE_FORWARD: Exercise = Exercise {
    id: "affine_forward",
    signature: Signature { name: "affine_forward", parameters: &[X, W, B], returns: floats_named("out", &["N", "M"]) },
    probes: || sizes(9121, false),
    reference: |arguments| returns(rows(arguments, 0).dot(&matrix(arguments, 1)) + vector(arguments, 2)),
    misconceptions: &[
        m::BIAS_MISSING.when(|arguments| returns(rows(arguments, 0).dot(&matrix(arguments, 1)))),
        m::COLUMN_FIRST
            .when(|arguments| returns(columns_first(arguments, 0).dot(&matrix(arguments, 1)) + vector(arguments, 2))),
        words(
            "bias-subtracted",
            "the bias is subtracted",
            "out = x w + b. The sign would be learned, but then the gradient has to have it too.",
            "What is the output for an input of zeros?",
            NOTES,
        )
        .when(|arguments| returns(rows(arguments, 0).dot(&matrix(arguments, 1)) - vector(arguments, 2))),
        words(
            "relu-in-affine",
            "negative outputs are set to 0",
            "The affine layer is linear: ReLU is a layer of its own, which comes after it.",
            "Can your layer return a negative number?",
            NOTES,
        )
        .when(|arguments| {
            returns((rows(arguments, 0).dot(&matrix(arguments, 1)) + vector(arguments, 2)).mapv(|x| x.max(0.0)))
        }),
    ],
    ..Exercise::DEFAULTS
};

/// An argument `[N, ...]` as a matrix with a row per example.
fn rows(arguments: &[Value], index: usize) -> Array2<f64> {
    let x = array(arguments, index);
    let n = x.shape()[0];
    let width = x.len() / n;
    x.into_shape_with_order((n, width)).expect("as many elements")
}

fn columns_first(arguments: &[Value], index: usize) -> Array2<f64> {
    let x = array(arguments, index);
    let n = x.shape()[0];
    let turned: Vec<f64> = x.axis_iter(Axis(0)).flat_map(|each| each.t().iter().copied().collect::<Vec<_>>()).collect();
    Array2::from_shape_vec((n, x.len() / n), turned).expect("as many elements")
}

static AFFINE_BACKWARD: Exercise = Exercise {
    id: "affine_backward",
    signature: Signature {
        name: "affine_backward",
        parameters: &[floats_named("dout", &["N", "M"]), X, W, B],
        returns: results(&[
            floats_named("dx", &["N", "D1", "D2"]),
            floats_named("dw", &["D1*D2", "M"]),
            floats_named("db", &["M"]),
        ]),
    },
    probes: || sizes(9122, true),
    reference: |arguments| affine_gradients(arguments, |_| {}),
    misconceptions: &[
        m::SUM_OVER_WRONG_AXIS.when(|arguments| {
            affine_gradients(arguments, |parts| parts[2] = matrix(arguments, 0).sum_axis(Axis(1)).into())
        }),
        m::KEEPS_BATCH_AXIS.when(|arguments| {
            affine_gradients(arguments, |parts| {
                parts[2] = matrix(arguments, 0).sum_axis(Axis(0)).insert_axis(Axis(0)).into();
            })
        }),
        m::MEAN_OVER_BATCH.when(|arguments| {
            affine_gradients(arguments, |parts| {
                let dout = matrix(arguments, 0);
                let n = dout.nrows() as f64;
                parts[1] = (rows(arguments, 1).t().dot(&dout) / n).into();
                parts[2] = (dout.sum_axis(Axis(0)) / n).into();
            })
        }),
        words(
            "input-gradient-flat",
            "dx is not brought back to the shape of x",
            "x came in as (N, d1, ..., dk) and was flattened inside of the layer. Its gradient has the shape of x: \
             dx.reshape(x.shape).",
            "Is dx.shape equal to x.shape?",
            ("numpy", "numpy.reshape"),
        )
        .when(|arguments| {
            affine_gradients(arguments, |parts| {
                parts[0] = matrix(arguments, 0).dot(&matrix(arguments, 2).t()).into();
            })
        }),
        words(
            "upstream-missing-in-weights",
            "dw does not contain dout",
            "Each weight's gradient is its input times what arrives at its output: x.T @ dout.",
            "What should dw be when dout is 0?",
            NOTES,
        )
        .when(|arguments| {
            affine_gradients(arguments, |parts| {
                let ones = matrix(arguments, 0).mapv(|_| 1.0);
                parts[1] = rows(arguments, 1).t().dot(&ones).into();
            })
        }),
        m::COLUMN_FIRST.when(|arguments| {
            affine_gradients(arguments, |parts| {
                parts[1] = columns_first(arguments, 1).t().dot(&matrix(arguments, 0)).into();
            })
        }),
    ],
    gradient: Some(GradientCheck {
        forward: "affine_forward",
        forward_call: |arguments| ForwardCall {
            arguments: arguments[1..].to_vec(),
            with_respect_to: vec![0, 1, 2],
            upstream: vec![arguments[0].clone()],
        },
    }),
    ..Exercise::DEFAULTS
};

fn affine_gradients(arguments: &[Value], wrong: impl FnOnce(&mut [Value; 3])) -> Outcome {
    let (dout, x, w) = (matrix(arguments, 0), array(arguments, 1), matrix(arguments, 2));
    let dx = dout.dot(&w.t()).into_shape_with_order(x.raw_dim()).expect("as many elements");
    let dw = rows(arguments, 1).t().dot(&dout);
    let db: Array1<f64> = dout.sum_axis(Axis(0));
    let mut parts = [dx.into(), dw.into(), db.into()];
    wrong(&mut parts);
    tuple(parts)
}

static RELU_FORWARD: Exercise = Exercise {
    id: "relu_forward",
    signature: Signature {
        name: "relu_forward",
        parameters: &[floats_named("x", &["N", "D"])],
        returns: floats_named("out", &["N", "D"]),
    },
    probes: || relu_probes(false),
    reference: |arguments| map(arguments, |x| x.max(0.0)),
    misconceptions: &[
        MASK_RETURNED.when(|arguments| map(arguments, |x| f64::from(x > 0.0))),
        words(
            "absolute-value",
            "negative numbers lose their sign in place of becoming 0",
            "ReLU cuts off below 0: max(0, x).",
            "What is ReLU of -3?",
            NOTES,
        )
        .when(|arguments| map(arguments, f64::abs)),
        words("clipped-above", "values above 1 are cut off", "ReLU has no upper end.", "What is ReLU of 7?", NOTES)
            .when(|arguments| map(arguments, |x| x.clamp(0.0, 1.0))),
        words(
            "minimum-for-maximum",
            "the positive values are cut off and not the negative ones",
            "max(0, x) keeps what is above 0.",
            "What is ReLU of 7?",
            NOTES,
        )
        .when(|arguments| map(arguments, |x| x.min(0.0))),
    ],
    ..Exercise::DEFAULTS
};

const MASK_RETURNED: m::Words = words(
    "relu-as-mask",
    "the mask is returned: 1 where x is positive, and not the values",
    "x > 0 says where; the result is what: x * (x > 0) forwards, dout * (x > 0) backwards.",
    "Can your function return anything but 0 and 1?",
    NOTES,
);

fn relu_probes(with_upstream: bool) -> Vec<Probe> {
    let mut numbers = Numbers::stream(9123);
    let mut call = |n: usize, d: usize| -> Vec<Value> {
        let dout = numbers.reals([n, d], -3.0, 4.0);
        // Nothing that is exactly 0: that is an edge.
        let x = numbers.reals([n, d], -4.0, 5.0).mapv(|x| if x.abs() < 0.05 { 0.3 } else { x });
        if with_upstream { vec![dout.into(), x.into()] } else { vec![x.into()] }
    };
    let mut probes = vec![
        Probe::ordinary("1 example of 3 features", call(1, 3)),
        Probe::ordinary("3 examples of 5 features", call(3, 5)),
        Probe::ordinary("2 examples of 7 features", call(2, 7)),
    ];
    let zeros = Value::array(&[1, 4], vec![0.0, -0.5, 0.0, 2.0]);
    let upstream = Value::array(&[1, 4], vec![3.0, 5.0, -7.0, 11.0]);
    probes.push(Probe::hard("an x with zeros", if with_upstream { vec![upstream, zeros] } else { vec![zeros] }));
    probes
}

fn map(arguments: &[Value], f: impl Fn(f64) -> f64) -> Outcome {
    returns(matrix(arguments, 0).mapv(f))
}

static RELU_BACKWARD: Exercise = Exercise {
    id: "relu_backward",
    signature: Signature {
        name: "relu_backward",
        parameters: &[floats_named("dout", &["N", "D"]), floats_named("x", &["N", "D"])],
        returns: floats_named("dx", &["N", "D"]),
    },
    probes: || relu_probes(true),
    reference: |arguments| both(arguments, |dout, x| if x > 0.0 { dout } else { 0.0 }),
    misconceptions: &[
        MASK_RETURNED.when(|arguments| both(arguments, |_, x| f64::from(x > 0.0))),
        words(
            "relu-derivative-missing",
            "the gradient passes everywhere",
            "Where x was negative, the output was 0 whatever x was: its gradient is 0.",
            "Where did the forward pass cut x off?",
            NOTES,
        )
        .when(|arguments| both(arguments, |dout, _| dout)),
        words(
            "relu-mask-from-gradient",
            "the gradient itself is cut off below 0",
            "What decides is the sign of x, not that of dout.",
            "Does your result depend on x?",
            NOTES,
        )
        .when(|arguments| both(arguments, |dout, _| dout.max(0.0))),
        words(
            "input-for-gradient",
            "x is returned where it is positive, and not dout",
            "The layer passes on what arrived from above: dout * (x > 0).",
            "Does your result depend on dout?",
            NOTES,
        )
        .when(|arguments| both(arguments, |_, x| x.max(0.0))),
        words(
            "mask-inverted",
            "the gradient passes where x was negative",
            "The gradient goes back where the value came through: where x > 0.",
            "Where did the forward pass let x through?",
            NOTES,
        )
        .when(|arguments| both(arguments, |dout, x| if x > 0.0 { 0.0 } else { dout })),
        words(
            "relu-slope-at-zero",
            "the gradient passes where x is exactly 0",
            "At 0 ReLU has a corner. The course, like every framework, takes the slope 0 there: x > 0, not x >= 0. Dead inputs, \
             which are exactly 0, would else get gradients.",
            "Which slope does your code take at x = 0?",
            NOTES,
        )
        .when(|arguments| both(arguments, |dout, x| if x >= 0.0 { dout } else { 0.0 })),
    ],
    gradient: Some(GradientCheck {
        forward: "relu_forward",
        forward_call: |arguments| ForwardCall {
            arguments: arguments[1..].to_vec(),
            with_respect_to: vec![0],
            upstream: vec![arguments[0].clone()],
        },
    }),
    ..Exercise::DEFAULTS
};

fn both(arguments: &[Value], f: impl Fn(f64, f64) -> f64) -> Outcome {
    let (dout, x) = (matrix(arguments, 0), matrix(arguments, 1));
    returns(ndarray::Zip::from(&dout).and(&x).map_collect(|&dout, &x| f(dout, x)))
}
