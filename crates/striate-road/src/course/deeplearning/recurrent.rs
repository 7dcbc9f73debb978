//! The cells of course 5, week 1, forwards; columns are examples.

use ndarray::{Array2, Axis};

use super::super::CourseFunction;
use super::super::cells::{Cell, Lstm, blocks, sigmoid};
use super::super::mistakes::{self as m, Words, words};
use super::super::values::{float_named, floats_named, matrix, number, results, returns, tuple};
use super::SEQUENCES;
use super::columns::{joined_weights, plain_weights, rows, turned};
use crate::exercise::{Exercise, Outcome, Parameter, Probe, Signature};
use crate::exercises::numbers::Numbers;
use crate::value::Value;

pub(super) fn functions() -> Vec<CourseFunction> {
    let f = CourseFunction::new;
    vec![
        f(
            SEQUENCES,
            &["rnn_cell_forward"],
            &RNN_CELL,
            "return f(xt, a_prev, {'Wax': Wax, 'Waa': Waa, 'Wya': Wya, 'ba': ba, 'by': by})[:2]",
        ),
        f(
            SEQUENCES,
            &["lstm_cell_forward"],
            &LSTM_CELL,
            "n = len(a_prev)\n\
             names = ['i', 'f', 'o', 'c']\n\
             parameters = {'W' + name: W[at * n:(at + 1) * n] for at, name in enumerate(names)}\n\
             parameters.update({'b' + name: b[at * n:(at + 1) * n] for at, name in enumerate(names)})\n\
             parameters.update(Wy=np.zeros((2, n)), by=np.zeros((2, 1)))\n\
             return f(xt, a_prev, c_prev, parameters)[:2]",
        ),
        f(
            SEQUENCES,
            &["clip"],
            &CLIP,
            "names = ['dWaa', 'dWax', 'dWya', 'db', 'dby']\n\
             return np.asarray(f({name: gradient.copy() for name in names}, maxValue)['dWax'])",
        ),
    ]
}

const NOTES: (&str, &str) = ("dls-c5", "W1 assignment Building your Recurrent Neural Network");

static RNN_CELL: Exercise = Exercise {
    id: "rnn_cell_forward",
    signature: Signature {
        name: "rnn_cell_forward",
        parameters: &[
            floats_named("xt", &["n_x", "m"]),
            floats_named("a_prev", &["n_a", "m"]),
            floats_named("Wax", &["n_a", "n_x"]),
            floats_named("Waa", &["n_a", "n_a"]),
            floats_named("Wya", &["n_y", "n_a"]),
            floats_named("ba", &["n_a", "1"]),
            floats_named("by", &["n_y", "1"]),
        ],
        returns: results(&[floats_named("a_next", &["n_a", "m"]), floats_named("yt_pred", &["n_y", "m"])]),
    },
    probes: || {
        let mut numbers = Numbers::stream(9251);
        [[1, 2, 2, 1], [3, 2, 4, 5], [2, 5, 3, 4]]
            .map(|[nx, na, ny, m]| {
                let shapes = [[nx, m], [na, m], [na, nx], [na, na], [ny, na], [na, 1], [ny, 1]];
                let call = shapes.map(|shape| Value::from(numbers.reals(shape, -1.0, 1.0))).to_vec();
                Probe::ordinary(format!("{m} examples, {nx} inputs, {na} hidden units, {ny} outputs"), call)
            })
            .into()
    },
    reference: |arguments| rnn_cell(arguments, Cell::RIGHT, |z| softmax(z, Axis(0))),
    misconceptions: &[
        m::SIGMOID_FOR_TANH
            .when(|arguments| rnn_cell(arguments, Cell { squash: sigmoid, ..Cell::RIGHT }, |z| softmax(z, Axis(0)))),
        m::STATE_IGNORED
            .when(|arguments| rnn_cell(arguments, Cell { recurrent: false, ..Cell::RIGHT }, |z| softmax(z, Axis(0)))),
        words(
            "returns-logits",
            "the softmax of the output is missing",
            "yt_pred = softmax(Wya a_next + by): each column adds up to 1.",
            "What does a column of yt_pred add up to?",
            NOTES,
        )
        .when(|arguments| rnn_cell(arguments, Cell::RIGHT, |z| z)),
        words(
            "normalized-over-examples",
            "the softmax runs over the examples and not over the outputs",
            "A column is an example: its outputs add up to 1, axis 0.",
            "What does a column of yt_pred add up to?",
            NOTES,
        )
        .when(|arguments| rnn_cell(arguments, Cell::RIGHT, |z| softmax(z, Axis(1)))),
    ],
    ..Exercise::DEFAULTS
};

pub(super) fn softmax(z: Array2<f64>, axis: Axis) -> Array2<f64> {
    let p = z.mapv(f64::exp);
    let sums = p.sum_axis(axis).insert_axis(axis);
    p / sums
}

fn rnn_cell(arguments: &[Value], cell: Cell, output: fn(Array2<f64>) -> Array2<f64>) -> Outcome {
    let next = cell.step(&rows(arguments, 0), &rows(arguments, 1), &plain_weights(arguments, [2, 3, 5]));
    let next = turned(&next);
    let y = output(matrix(arguments, 4).dot(&next) + matrix(arguments, 6));
    tuple([next.into(), y.into()])
}

const HIDDEN: Parameter = floats_named("a_next", &["n_a", "m"]);

static LSTM_CELL: Exercise = Exercise {
    id: "lstm_cell_forward",
    signature: Signature {
        name: "lstm_cell_forward",
        parameters: &[
            floats_named("xt", &["n_x", "m"]),
            floats_named("a_prev", &["n_a", "m"]),
            floats_named("c_prev", &["n_a", "m"]),
            floats_named("W", &["4*n_a", "n_a+n_x"]),
            floats_named("b", &["4*n_a", "1"]),
        ],
        returns: results(&[HIDDEN, floats_named("c_next", &["n_a", "m"])]),
    },
    probes: || {
        let mut numbers = Numbers::stream(9252);
        [[1, 2, 1], [3, 2, 5], [2, 5, 4]]
            .map(|[nx, na, m]| {
                let shapes = [[nx, m], [na, m], [na, m], [4 * na, na + nx], [4 * na, 1]];
                let call = shapes.map(|shape| Value::from(numbers.reals(shape, -1.0, 1.0))).to_vec();
                Probe::ordinary(format!("{m} examples, {nx} inputs, {na} hidden units; W holds Wi, Wf, Wo, Wc"), call)
            })
            .into()
    },
    reference: |arguments| lstm_cell(arguments, Lstm::RIGHT, false),
    misconceptions: &[
        exchanged("the forget gate and the update gate are exchanged")
            .when(|arguments| lstm_cell(arguments, Lstm { order: blocks("f i o g"), ..Lstm::RIGHT }, false)),
        exchanged("the forget gate and the output gate are exchanged")
            .when(|arguments| lstm_cell(arguments, Lstm { order: blocks("i o f g"), ..Lstm::RIGHT }, false)),
        exchanged("the update gate and the output gate are exchanged")
            .when(|arguments| lstm_cell(arguments, Lstm { order: blocks("o f i g"), ..Lstm::RIGHT }, false)),
        exchanged("the three gates are taken in turn: the forget gate's weights for the update gate, the output gate's for the forget gate")
            .when(|arguments| lstm_cell(arguments, Lstm { order: [1, 2, 0, 3], ..Lstm::RIGHT }, false)),
        exchanged("the three gates are taken in turn: the forget gate's weights for the output gate, the update gate's for the forget gate")
            .when(|arguments| lstm_cell(arguments, Lstm { order: [2, 0, 1, 3], ..Lstm::RIGHT }, false)),
        m::FORGET_GATE_TWICE.when(|arguments| lstm_cell(arguments, Lstm { order: [1, 1, 2, 3], ..Lstm::RIGHT }, false)),
        m::FORGET_GATE_MISSING.when(|arguments| lstm_cell(arguments, Lstm { forget: false, ..Lstm::RIGHT }, false)),
        m::CANDIDATE_SIGMOID.when(|arguments| lstm_cell(arguments, Lstm { candidate: sigmoid, ..Lstm::RIGHT }, false)),
        m::CELL_NOT_SQUASHED.when(|arguments| lstm_cell(arguments, Lstm { squash: |c| c, ..Lstm::RIGHT }, false)),
        words(
            "inputs-exchanged",
            "xt stands above a_prev in the joined input",
            "concat = [a_prev; xt]: the first n_a columns of each W belong to a_prev.",
            "Which columns of Wf belong to the input?",
            NOTES,
        )
        .when(|arguments| lstm_cell(arguments, Lstm::RIGHT, true)),
        m::BIAS_MISSING.when(|arguments| lstm_cell(arguments, Lstm { bias: false, ..Lstm::RIGHT }, false)),
    ],
    ..Exercise::DEFAULTS
};

/// The gates in each other's places, the title says which.
const fn exchanged(title: &'static str) -> Words {
    words(
        "gates-exchanged",
        title,
        "c_next = forget * c_prev + update * candidate, and a_next = output * tanh(c_next).",
        "Which gate multiplies the old cell, which one the candidate, and which one is used last?",
        NOTES,
    )
}

fn lstm_cell(arguments: &[Value], how: Lstm, input_first: bool) -> Outcome {
    let [xt, a, c] = [0, 1, 2].map(|at| rows(arguments, at));
    let step = how.step(&xt, [&a, &c], &joined_weights(arguments, 3, input_first));
    tuple([turned(&step.hidden).into(), turned(&step.cell).into()])
}

static CLIP: Exercise = Exercise {
    id: "clip",
    signature: Signature {
        name: "clip",
        parameters: &[floats_named("gradient", &["n", "m"]), float_named("maxValue")],
        returns: floats_named("clipped", &["n", "m"]),
    },
    probes: || {
        let mut numbers = Numbers::stream(9253);
        [([1, 3], 2.0), ([3, 2], 5.0), ([2, 4], 1.5)]
            .map(|(shape, limit)| {
                let call = vec![numbers.integers(shape, -9, 9).into(), Value::Float(limit)];
                Probe::ordinary(format!("a gradient of shape {shape:?}, limit {limit}"), call)
            })
            .into()
    },
    reference: |arguments| clipped(arguments, |x, limit| x.clamp(-limit, limit)),
    misconceptions: &[
        words(
            "clipped-above-only",
            "large negative numbers stay",
            "Both ends are cut: between -maxValue and maxValue.",
            "What becomes of -100?",
            NOTES,
        )
        .when(|arguments| clipped(arguments, f64::min)),
        words(
            "negative-to-zero",
            "negative numbers become 0",
            "The lower end is -maxValue: np.clip(gradient, -maxValue, maxValue).",
            "What becomes of -1?",
            NOTES,
        )
        .when(|arguments| clipped(arguments, |x, limit| x.clamp(0.0, limit))),
        words(
            "not-clipped",
            "the gradients stay as they were",
            "Use out=gradient in np.clip, or store the result.",
            "Where does the clipped array go?",
            NOTES,
        )
        .when(|arguments| clipped(arguments, |x, _| x)),
    ],
    ..Exercise::DEFAULTS
};

fn clipped(arguments: &[Value], f: fn(f64, f64) -> f64) -> Outcome {
    let limit = number(arguments, 1);
    returns(matrix(arguments, 0).mapv(|x| f(x, limit)))
}
