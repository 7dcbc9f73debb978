//! Recurrent layers (`rnn_layers.py`): a step and a sequence of the plain cell and of the LSTM, and word embeddings.

mod lstm;
mod plain;

use ndarray::{Array2, Array3, Axis, concatenate, s};

use super::super::CourseFunction;
use super::super::mistakes::{self as m, words};
use super::super::values::{cube, floats_named, ints_named, labels, matrix, results, returns, tuple, vector};
use super::THIRD;
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

struct Weights {
    x: Array2<f64>,
    h: Array2<f64>,
    b: ndarray::Array1<f64>,
}

impl Weights {
    fn new(arguments: &[Value], first: usize) -> Weights {
        Weights { x: matrix(arguments, first), h: matrix(arguments, first + 1), b: vector(arguments, first + 2) }
    }

    fn sums(&self, x: &Array2<f64>, h: &Array2<f64>) -> Array2<f64> {
        x.dot(&self.x) + h.dot(&self.h) + &self.b
    }
}

fn at_time(x: &Array3<f64>, t: usize) -> Array2<f64> {
    x.slice(s![.., t, ..]).to_owned()
}

fn from_second(arguments: &[Value], with_respect_to: Vec<usize>) -> ForwardCall {
    ForwardCall { arguments: arguments[1..].to_vec(), with_respect_to, upstream: arguments[0].clone() }
}

const STATE_GRADIENT_LOST: m::Words = words(
    "state-gradient-not-carried",
    "the gradient that arrives through the next step is not added",
    "A state is used twice: as output of its step, and by the next step. What arrives on both ways adds up: dh[:, t] + dprev_h.",
    "Along which two ways does h at time t reach the loss?",
    NOTES,
);
const UPSTREAM_LOST: m::Words = words(
    "only-last-upstream",
    "only the gradient of the last output is used",
    "Every output of the sequence may have a gradient: dh[:, t] comes in at each step.",
    "Does your result change when dh[:, 0] does?",
    NOTES,
);
const LAST_STEP_WEIGHTS: m::Words = words(
    "weight-gradient-overwritten",
    "the weights' gradients are those of one step only",
    "All steps share the weights, so their gradients add up over time: +=, not =.",
    "In how many steps was Wx used?",
    NOTES,
);
const FORWARDS: m::Words = words(
    "loops-forwards",
    "the backward pass runs from the first step to the last",
    "A step's state gradient needs that of the step after it: run from the end, for t in reversed(range(T)).",
    "Which step's gradient is complete from the start?",
    NOTES,
);

#[derive(Clone, Copy)]
struct Through {
    carried: bool,
    every_upstream: bool,
    weights_add: bool,
    backwards: bool,
}

impl Through {
    const RIGHT: Through = Through { carried: true, every_upstream: true, weights_add: true, backwards: true };

    /// Walks the steps in the order of the backward pass. `back(t, upstream)` gives dx, dstate and the parameters'
    /// gradients; the result has dx over time, the state's gradient, and the sums.
    fn walk(
        self,
        dh: &Array3<f64>,
        width: usize,
        mut back: impl FnMut(usize, Array2<f64>) -> (Array2<f64>, Array2<f64>, [Array2<f64>; 3]),
    ) -> Outcome {
        let (n, steps, hidden) = dh.dim();
        let mut dx = Array3::zeros((n, steps, width));
        let mut state = Array2::zeros((n, hidden));
        let mut sums: Option<[Array2<f64>; 3]> = None;
        for at in 0..steps {
            let t = if self.backwards { steps - 1 - at } else { at };
            let mut upstream =
                if self.every_upstream || t == steps - 1 { at_time(dh, t) } else { at_time(dh, t) * 0.0 };
            if self.carried {
                upstream += &state;
            }
            let (input, before, gradients) = back(t, upstream);
            dx.slice_mut(s![.., t, ..]).assign(&input);
            state = before;
            sums = Some(match sums {
                Some(sums) if self.weights_add => {
                    let [a, b, c] = sums;
                    let [x, y, z] = gradients;
                    [a + x, b + y, c + z]
                }
                _ => gradients,
            });
        }
        let [dwx, dwh, db] = sums.expect("a sequence has steps");
        tuple([dx.into(), state.into(), dwx.into(), dwh.into(), db.row(0).to_owned().into()])
    }
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
