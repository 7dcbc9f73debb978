//! Recurrent layers (`rnn_layers.py`): a step and a sequence of the plain cell and of the LSTM, and word embeddings.

mod lstm;
mod plain;

use ndarray::{Array2, Array3, Axis};

use super::super::CourseFunction;
use super::super::cells::{
    Back, Cell, Lstm, LstmStepBack, LstmStepBackMistakes, SequenceGradients, Steps, Through, Weights, blocks, gates,
    sigmoid, wrong_orders,
};
use super::super::mistakes::{self as m, words};
use super::super::values::{cube, floats_named, ints_named, labels, matrix, results, returns, tuple, vector};
use super::{THIRD, TORCH};
use crate::exercise::{Exercise, ForwardCall, GradientCheck, Misconception, Outcome, Parameter, Probe, Signature};
use crate::exercises::numbers::Numbers;
use crate::value::Value;

pub(super) fn functions() -> Vec<CourseFunction> {
    let f = CourseFunction::new;
    vec![
        f(THIRD, &["rnn_step_forward"], &plain::RNN_STEP, "return f(x, prev_h, Wx, Wh, b)[0]"),
        f(
            THIRD,
            &["rnn_step_backward"],
            &plain::RNN_STEP_BACKWARD,
            "cache = theirs.rnn_step_forward(x, prev_h, Wx, Wh, b)[1]\nreturn f(dnext_h, cache)",
        )
        .needs(&["rnn_step_forward"]),
        f(THIRD, &["rnn_forward"], &plain::RNN, "return f(x, h0, Wx, Wh, b)[0]").needs(&["rnn_step_forward"]),
        f(
            THIRD,
            &["rnn_backward"],
            &plain::RNN_BACKWARD,
            "cache = theirs.rnn_forward(x, h0, Wx, Wh, b)[1]\nreturn f(dh, cache)",
        )
        .needs(&["rnn_step_forward", "rnn_step_backward", "rnn_forward"]),
        f(THIRD, &["lstm_step_forward"], &lstm::LSTM_STEP, "return f(x, prev_h, prev_c, Wx, Wh, b)[:2]"),
        f(
            THIRD,
            &["lstm_step_backward"],
            &lstm::LSTM_STEP_BACKWARD,
            "cache = theirs.lstm_step_forward(x, prev_h, prev_c, Wx, Wh, b)[2]\nreturn f(dnext_h, dnext_c, cache)",
        )
        .needs(&["lstm_step_forward"]),
        f(THIRD, &["lstm_forward"], &lstm::LSTM, "return f(x, h0, Wx, Wh, b)[0]").needs(&["lstm_step_forward"]),
        f(
            THIRD,
            &["lstm_backward"],
            &lstm::LSTM_BACKWARD,
            "cache = theirs.lstm_forward(x, h0, Wx, Wh, b)[1]\nreturn f(dh, cache)",
        )
        .needs(&["lstm_step_forward", "lstm_step_backward", "lstm_forward"]),
        f(
            THIRD,
            &["word_embedding_backward"],
            &EMBEDDING_BACKWARD,
            "cache = theirs.word_embedding_forward(x, W)[1]\nreturn f(dout, cache)",
        )
        .needs(&["word_embedding_forward"]),
        f(THIRD, &["word_embedding_forward"], &EMBEDDING, "return f(x, W)[0]"),
        f(TORCH, &["rnn_step_forward"], &plain::RNN_STEP, "return plain(f(*tensors(x, prev_h, Wx, Wh, b)))")
            .with_torch(),
        f(TORCH, &["rnn_forward"], &plain::RNN, "return plain(f(*tensors(x, h0, Wx, Wh, b)))")
            .with_torch()
            .needs(&["rnn_step_forward"]),
        f(TORCH, &["word_embedding_forward"], &EMBEDDING, "return plain(f(*tensors(x, W)))").with_torch(),
        f(TORCH, &["lstm_step_forward"], &lstm::LSTM_STEP, "return plain(f(*tensors(x, prev_h, prev_c, Wx, Wh, b)))")
            .with_torch(),
        f(TORCH, &["lstm_forward"], &lstm::LSTM, "return plain(f(*tensors(x, h0, Wx, Wh, b)))")
            .with_torch()
            .needs(&["lstm_step_forward"]),
    ]
}

const NOTES: (&str, &str) = ("cs231n", "lecture Recurrent Neural Networks");
const X: Parameter = floats_named("x", &["N", "D"]);
const PREV_H: Parameter = floats_named("prev_h", &["N", "H"]);
const PREV_C: Parameter = floats_named("prev_c", &["N", "H"]);
const WX: Parameter = floats_named("Wx", &["D", "H"]);
const WH: Parameter = floats_named("Wh", &["H", "H"]);
const B: Parameter = floats_named("b", &["H"]);
const XS: Parameter = floats_named("x", &["N", "T", "D"]);
const H0: Parameter = floats_named("h0", &["N", "H"]);
const HS: Parameter = floats_named("h", &["N", "T", "H"]);
const WX4: Parameter = floats_named("Wx", &["D", "4*H"]);
const WH4: Parameter = floats_named("Wh", &["H", "4*H"]);
const B4: Parameter = floats_named("b", &["4*H"]);
const GRADIENTS: Parameter = results(&[
    floats_named("dx", &[]),
    floats_named("dprev_h", &["N", "H"]),
    floats_named("dWx", &[]),
    floats_named("dWh", &[]),
    floats_named("db", &[]),
]);
const CELL_GRADIENTS: Parameter = results(&[
    floats_named("dx", &[]),
    floats_named("dprev_h", &["N", "H"]),
    floats_named("dprev_c", &["N", "H"]),
    floats_named("dWx", &[]),
    floats_named("dWh", &[]),
    floats_named("db", &[]),
]);

/// `[N, T, D, H]`.
const SIZES: &[[usize; 4]] = &[[1, 2, 1, 2], [2, 3, 3, 2], [3, 2, 2, 5], [2, 4, 5, 3]];

/// Calls in the order: upstream gradients (`upstream` of them), x, state (`states` of them), Wx, Wh, b.
fn probes(stream: u64, sequence: bool, upstream: usize, states: usize, gates: usize) -> Vec<Probe> {
    let mut numbers = Numbers::stream(stream);
    let mut probes = Vec::new();
    for &[n, t, d, h] in SIZES {
        let mut arguments: Vec<Value> = Vec::new();
        for _ in 0..upstream {
            arguments.push(match sequence {
                true => numbers.reals([n, t, h], -2.0, 2.0).into(),
                false => numbers.reals([n, h], -2.0, 2.0).into(),
            });
        }
        arguments.push(match sequence {
            true => numbers.reals([n, t, d], -2.0, 2.0).into(),
            false => numbers.reals([n, d], -2.0, 2.0).into(),
        });
        for _ in 0..states {
            arguments.push(numbers.reals([n, h], -0.9, 0.9).into());
        }
        arguments.push(numbers.reals([d, gates * h], -0.7, 0.7).into());
        arguments.push(numbers.reals([h, gates * h], -0.7, 0.7).into());
        arguments.push(numbers.reals([gates * h], -0.5, 0.5).into());
        let steps = if sequence { format!("{t} steps of ") } else { String::new() };
        probes.push(Probe::ordinary(format!("{steps}{n} examples, {d} inputs, {h} hidden units"), arguments));
    }
    probes
}

fn weights(arguments: &[Value], first: usize) -> Weights {
    Weights { x: matrix(arguments, first), h: matrix(arguments, first + 1), b: vector(arguments, first + 2) }
}

/// `[N, T, D]` as its steps.
fn steps_of(arguments: &[Value], index: usize) -> Vec<Array2<f64>> {
    cube(arguments, index).axis_iter(Axis(1)).map(|step| step.to_owned()).collect()
}

/// Steps as `[N, T, D]`.
fn over_steps(steps: &[Array2<f64>]) -> Array3<f64> {
    let steps: Vec<_> = steps.iter().map(|step| step.view()).collect();
    ndarray::stack(Axis(1), &steps).expect("steps of one shape")
}

fn sequence_gradients(found: SequenceGradients) -> Outcome {
    let SequenceGradients { xs, h0, weights } = found;
    tuple([over_steps(&xs).into(), h0.into(), weights.x.into(), weights.h.into(), weights.b.into()])
}

fn from_second(arguments: &[Value], with_respect_to: Vec<usize>) -> ForwardCall {
    ForwardCall { arguments: arguments[1..].to_vec(), with_respect_to, upstream: vec![arguments[0].clone()] }
}

static EMBEDDING: Exercise = Exercise {
    id: "word_embedding_forward",
    signature: Signature {
        name: "word_embedding_forward",
        parameters: &[ints_named("x", &["N", "T"]), floats_named("W", &["V", "D"])],
        returns: floats_named("out", &["N", "T", "D"]),
    },
    probes: || {
        let mut numbers = Numbers::stream(9170);
        [([1, 2], 3, 2, vec![2_i64, 0]), ([2, 3], 5, 4, vec![0, 3, 3, 1, 4, 2])]
            .map(|([n, t], rows, width, words)| {
                let call = vec![Value::array(&[n, t], words), numbers.reals([rows, width], -1.0, 1.0).into()];
                Probe::ordinary(format!("{n} x {t} words out of {rows}, {width} wide"), call)
            })
            .into()
    },
    reference: |arguments| looked_up(arguments, |word, _| word),
    misconceptions: &[words(
        "counted-from-one",
        "the words are counted from 1: each gets the vector of the word before",
        "Word 0 is row 0 of W: W[x] is the whole answer.",
        "Which row of W belongs to word 0?",
        ("numpy", "Indexing on ndarrays"),
    )
    .when(|arguments| looked_up(arguments, |word, rows| (word + rows - 1) % rows))],
    ..Exercise::DEFAULTS
};

fn looked_up(arguments: &[Value], row: fn(usize, usize) -> usize) -> Outcome {
    let (x, w) = (labels(arguments, 0), matrix(arguments, 1));
    let steps = arguments[0].as_array().map_or(0, |x| x.shape()[1]);
    let rows = w.nrows();
    returns(Array3::from_shape_fn((x.len() / steps, steps, w.ncols()), |(n, t, d)| w[[row(x[n * steps + t], rows), d]]))
}

static EMBEDDING_BACKWARD: Exercise = Exercise {
    id: "word_embedding_backward",
    signature: Signature {
        name: "word_embedding_backward",
        parameters: &[
            floats_named("dout", &["N", "T", "D"]),
            ints_named("x", &["N", "T"]),
            floats_named("W", &["V", "D"]),
        ],
        returns: floats_named("dW", &["V", "D"]),
    },
    probes: || {
        let mut numbers = Numbers::stream(9169);
        let mut call = |words: &[i64], shape: [usize; 2], rows: usize, width: usize| -> Vec<Value> {
            let [n, t] = shape;
            let dout = numbers.integers([n, t, width], 1, 9);
            vec![dout.into(), Value::array(&[n, t], words.to_vec()), numbers.reals([rows, width], -1.0, 1.0).into()]
        };
        vec![
            Probe::ordinary("a word that comes twice", call(&[1, 1], [1, 2], 2, 1)),
            Probe::ordinary("2 sentences of 3 words, some repeated", call(&[0, 3, 3, 1, 0, 3], [2, 3], 5, 2)),
        ]
    },
    reference: |arguments| embedding(arguments, |slot, gradient| slot + gradient),
    misconceptions: &[words(
        "repeated-index-lost",
        "a word that comes several times gets the gradient of one of its places only",
        "dW[x] += dout looks at each row once, however often it is named. np.add.at(dW, x, dout) adds them all.",
        "What is the gradient of a word that comes twice?",
        ("numpy", "numpy.ufunc.at"),
    )
    .when(|arguments| embedding(arguments, |_, gradient| gradient))],
    ..Exercise::DEFAULTS
};

fn embedding(arguments: &[Value], put: impl Fn(f64, f64) -> f64) -> Outcome {
    let (dout, w) = (cube(arguments, 0), matrix(arguments, 2));
    let x = labels(arguments, 1);
    let steps = dout.dim().1;
    let mut dw = Array2::<f64>::zeros(w.dim());
    for ((n, t, d), &gradient) in dout.indexed_iter() {
        let slot = &mut dw[[x[n * steps + t], d]];
        *slot = put(*slot, gradient);
    }
    returns(dw)
}
