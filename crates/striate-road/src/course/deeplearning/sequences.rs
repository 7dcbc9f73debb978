//! Course 5, week 1: the cells over a sequence, and their gradients. Columns are examples, and time is the last axis.

use ndarray::{Array2, Array3, Axis};

use super::super::CourseFunction;
use super::super::cells::{Back, Cell, Lstm, LstmStepBack, LstmStepBackMistakes, Steps, Through, Weights};
use super::super::mistakes::{self as m, words};
use super::super::values::{floats_named, matrix, results, tuple};
use super::SEQUENCES;
use super::columns::{column, joined, joined_weights, over_steps, plain_weights, rows, steps_of, turned};
use super::recurrent::softmax;
use crate::exercise::{Exercise, ForwardCall, GradientCheck, Outcome, Parameter, Probe, Signature};
use crate::exercises::numbers::Numbers;
use crate::value::Value;

/// The weights of the plain cell as the course's dictionary; the output's are there for a forward pass that needs them.
macro_rules! plain {
    ($rest:literal) => {
        concat!(
            "parameters = {'Wax': Wax, 'Waa': Waa, 'ba': ba, 'Wya': np.zeros((2, len(ba))), 'by': np.zeros((2, 1))}\n",
            $rest
        )
    };
}

/// The weights of the LSTM as the course's dictionary, from W and b with the blocks i, f, o, c.
macro_rules! lstm {
    ($rest:literal) => {
        concat!(
            "n = len(b) // 4\n",
            "parameters = {'W' + name: W[at * n:(at + 1) * n] for at, name in enumerate('ifoc')}\n",
            "parameters.update({'b' + name: b[at * n:(at + 1) * n] for at, name in enumerate('ifoc')})\n",
            "parameters.update(Wy=np.zeros((2, n)), by=np.zeros((2, 1)))\n",
            $rest
        )
    };
}

pub(super) fn functions() -> Vec<CourseFunction> {
    let f = CourseFunction::new;
    vec![
        f(
            SEQUENCES,
            &["rnn_forward"],
            &RNN,
            "return f(x, a0, {'Wax': Wax, 'Waa': Waa, 'Wya': Wya, 'ba': ba, 'by': by})[:2]",
        )
        .needs(&["rnn_cell_forward"]),
        f(
            SEQUENCES,
            &["lstm_forward"],
            &LSTM,
            lstm!("parameters.update(Wy=Wy, by=by)\nreturn f(x, a0, parameters)[:3]"),
        )
        .needs(&["lstm_cell_forward"]),
        f(
            SEQUENCES,
            &["rnn_cell_backward"],
            &RNN_CELL_BACKWARD,
            plain!(
                "g = f(da_next, theirs.rnn_cell_forward(xt, a_prev, parameters)[2])\n\
                 return g['dxt'], g['da_prev'], g['dWax'], g['dWaa'], g['dba']"
            ),
        )
        .needs(&["rnn_cell_forward"]),
        f(
            SEQUENCES,
            &["rnn_backward"],
            &RNN_BACKWARD,
            plain!(
                "g = f(da, theirs.rnn_forward(x, a0, parameters)[2])\n\
                 return g['dx'], g['da0'], g['dWax'], g['dWaa'], g['dba']"
            ),
        )
        .needs(&["rnn_cell_forward", "rnn_forward", "rnn_cell_backward"]),
        f(
            SEQUENCES,
            &["lstm_cell_backward"],
            &LSTM_CELL_BACKWARD,
            lstm!(
                "g = f(da_next, dc_next, theirs.lstm_cell_forward(xt, a_prev, c_prev, parameters)[3])\n\
                 dW, db = [np.concatenate([g[part + name] for name in 'ifoc']) for part in ('dW', 'db')]\n\
                 return g['dxt'], g['da_prev'], g['dc_prev'], dW, db"
            ),
        )
        .needs(&["lstm_cell_forward"]),
        f(
            SEQUENCES,
            &["lstm_backward"],
            &LSTM_BACKWARD,
            lstm!(
                "g = f(da, theirs.lstm_forward(x, a0, parameters)[3])\n\
                 dW, db = [np.concatenate([g[part + name] for name in 'ifoc']) for part in ('dW', 'db')]\n\
                 return g['dx'], g['da0'], dW, db"
            ),
        )
        .needs(&["lstm_cell_forward", "lstm_forward", "lstm_cell_backward"]),
    ]
}

const X: Parameter = floats_named("x", &["n_x", "m", "T_x"]);
const A0: Parameter = floats_named("a0", &["n_a", "m"]);
const XT: Parameter = floats_named("xt", &["n_x", "m"]);
const A_PREV: Parameter = floats_named("a_prev", &["n_a", "m"]);
const WAX: Parameter = floats_named("Wax", &["n_a", "n_x"]);
const WAA: Parameter = floats_named("Waa", &["n_a", "n_a"]);
const BA: Parameter = floats_named("ba", &["n_a", "1"]);
const W: Parameter = floats_named("W", &["4*n_a", "n_a+n_x"]);
const B: Parameter = floats_named("b", &["4*n_a", "1"]);
const A: Parameter = floats_named("a", &["n_a", "m", "T_x"]);
const Y: Parameter = floats_named("y", &["n_y", "m", "T_x"]);
const C: Parameter = floats_named("c", &["n_a", "m", "T_x"]);

/// `[n_x, n_a, n_y, m, T]`.
const SIZES: [[usize; 5]; 3] = [[1, 2, 2, 1, 2], [3, 2, 4, 5, 3], [2, 5, 3, 4, 2]];

/// Calls with the arrays whose shapes `shapes` gives for the sizes; an axis of 0 is left out.
fn calls(stream: u64, shapes: fn([usize; 5]) -> Vec<[usize; 3]>) -> Vec<Probe> {
    let mut numbers = Numbers::stream(stream);
    let mut call = |sizes: [usize; 5]| -> Vec<Value> {
        let draw = |[a, b, c]: [usize; 3]| match c {
            0 => numbers.reals([a, b], -1.0, 1.0).into(),
            _ => numbers.reals([a, b, c], -1.0, 1.0).into(),
        };
        shapes(sizes).into_iter().map(draw).collect()
    };
    SIZES
        .map(|sizes| {
            let [nx, na, _, m, t] = sizes;
            Probe::ordinary(format!("{m} examples, {nx} inputs, {na} hidden units, {t} steps"), call(sizes))
        })
        .into()
}

/// What the output layer makes of the states.
fn outputs<'a>(states: impl IntoIterator<Item = &'a Array2<f64>>, wy: &Array2<f64>, by: &Array2<f64>) -> Array3<f64> {
    let outputs: Vec<_> = states.into_iter().map(|state| turned(&softmax(wy.dot(&state.t()) + by, Axis(0)))).collect();
    over_steps(&outputs)
}

static RNN: Exercise = Exercise {
    id: "rnn_forward",
    signature: Signature {
        name: "rnn_forward",
        parameters: &[X, A0, WAX, WAA, floats_named("Wya", &["n_y", "n_a"]), BA, floats_named("by", &["n_y", "1"])],
        returns: results(&[A, Y]),
    },
    probes: || {
        calls(9255, |[nx, na, ny, m, t]| {
            vec![[nx, m, t], [na, m, 0], [na, nx, 0], [na, na, 0], [ny, na, 0], [na, 1, 0], [ny, 1, 0]]
        })
    },
    reference: |arguments| rnn(arguments, Steps::RIGHT),
    misconceptions: &[
        m::STATE_NOT_CARRIED.when(|arguments| rnn(arguments, Steps { state_carried: false, ..Steps::RIGHT })),
        m::TIME_REVERSED.when(|arguments| rnn(arguments, Steps { reversed: true, ..Steps::RIGHT })),
    ],
    ..Exercise::DEFAULTS
};

fn rnn(arguments: &[Value], how: Steps) -> Outcome {
    let states = how.plain(&steps_of(arguments, 0), &rows(arguments, 1), &plain_weights(arguments, [2, 3, 5]));
    let y = outputs(&states, &matrix(arguments, 4), &matrix(arguments, 6));
    tuple([over_steps(&states).into(), y.into()])
}

static LSTM: Exercise = Exercise {
    id: "lstm_forward",
    signature: Signature {
        name: "lstm_forward",
        parameters: &[X, A0, W, B, floats_named("Wy", &["n_y", "n_a"]), floats_named("by", &["n_y", "1"])],
        returns: results(&[A, Y, C]),
    },
    probes: || {
        calls(9256, |[nx, na, ny, m, t]| {
            vec![[nx, m, t], [na, m, 0], [4 * na, na + nx, 0], [4 * na, 1, 0], [ny, na, 0], [ny, 1, 0]]
        })
    },
    reference: |arguments| lstm(arguments, Steps::RIGHT, false),
    misconceptions: &[
        m::STATE_NOT_CARRIED.when(|arguments| lstm(arguments, Steps { state_carried: false, ..Steps::RIGHT }, false)),
        m::CELL_NOT_CARRIED.when(|arguments| lstm(arguments, Steps { cell_carried: false, ..Steps::RIGHT }, false)),
        m::TIME_REVERSED.when(|arguments| lstm(arguments, Steps { reversed: true, ..Steps::RIGHT }, false)),
        words(
            "cells-over-states",
            "a and c are one array, in which the cells overwrite the states",
            "c = a gives the array a second name. Make another: c = np.zeros((n_a, m, T_x)).",
            "Is a[0, 0, 0] changed by c[0, 0, 0] = 7?",
            ("numpy", "Copies and views"),
        )
        .when(|arguments| lstm(arguments, Steps::RIGHT, true)),
    ],
    ..Exercise::DEFAULTS
};

fn lstm(arguments: &[Value], how: Steps, one_array: bool) -> Outcome {
    let steps = how.lstm(&steps_of(arguments, 0), &rows(arguments, 1), &joined_weights(arguments, 2, false));
    let y = outputs(steps.iter().map(|step| &step.hidden), &matrix(arguments, 4), &matrix(arguments, 5));
    let c = over_steps(steps.iter().map(|step| &step.cell));
    let a = if one_array { c.clone() } else { over_steps(steps.iter().map(|step| &step.hidden)) };
    tuple([a.into(), y.into(), c.into()])
}

const PLAIN_GRADIENTS: Parameter = results(&[
    floats_named("dxt", &["n_x", "m"]),
    floats_named("da_prev", &["n_a", "m"]),
    floats_named("dWax", &["n_a", "n_x"]),
    floats_named("dWaa", &["n_a", "n_a"]),
    floats_named("dba", &["n_a", "1"]),
]);

static RNN_CELL_BACKWARD: Exercise = Exercise {
    id: "rnn_cell_backward",
    signature: Signature {
        name: "rnn_cell_backward",
        parameters: &[floats_named("da_next", &["n_a", "m"]), XT, A_PREV, WAX, WAA, BA],
        returns: PLAIN_GRADIENTS,
    },
    probes: || {
        calls(9257, |[nx, na, _, m, _]| vec![[na, m, 0], [nx, m, 0], [na, m, 0], [na, nx, 0], [na, na, 0], [na, 1, 0]])
    },
    reference: |arguments| cell_gradients(arguments, Cell::RIGHT, false),
    misconceptions: &[
        m::TANH_DERIVATIVE_MISSING
            .when(|arguments| cell_gradients(arguments, Cell { slope: |_| 1.0, ..Cell::RIGHT }, false)),
        m::TANH_NOT_SQUARED
            .when(|arguments| cell_gradients(arguments, Cell { slope: |a| 1.0 - a, ..Cell::RIGHT }, false)),
        m::TANH_OF_ACTIVATION.when(|arguments| {
            cell_gradients(arguments, Cell { slope: |a| 1.0 - a.tanh().powi(2), ..Cell::RIGHT }, false)
        }),
        m::SUM_OVER_WRONG_AXIS
            .when(|arguments| cell_gradients(arguments, Cell { sum_features: true, ..Cell::RIGHT }, false)),
        words(
            "axis-dropped",
            "dba is a flat vector",
            "ba is a column, so its gradient is one: np.sum(dtanh, axis=1, keepdims=True).",
            "What is the shape of ba?",
            ("numpy", "numpy.sum"),
        )
        .when(|arguments| cell_gradients(arguments, Cell::RIGHT, true)),
        m::NEXT_STATE
            .when(|arguments| cell_gradients(arguments, Cell { weights_from_next: true, ..Cell::RIGHT }, false)),
    ],
    gradient: Some(GradientCheck { forward: "rnn_cell_forward", forward_call: plain_forward }),
    ..Exercise::DEFAULTS
};

/// The call of the forward pass whose gradients are asked for: without an output layer of its own.
fn plain_forward(arguments: &[Value]) -> ForwardCall {
    let [upstream, x, a, wax, waa, ba] = [0, 1, 2, 3, 4, 5].map(|at| arguments[at].clone());
    let units = matrix(arguments, 5).nrows();
    let [wya, by] = [[2, units], [2, 1]].map(|shape| Value::from(Array2::<f64>::zeros(shape)));
    ForwardCall {
        arguments: vec![x, a, wax, waa, wya, ba, by],
        with_respect_to: vec![0, 1, 2, 3, 5],
        upstream: vec![upstream],
    }
}

fn cell_gradients(arguments: &[Value], cell: Cell, flat_bias: bool) -> Outcome {
    let [upstream, xt, before] = [0, 1, 2].map(|at| rows(arguments, at));
    let Back { x, h, weights } = cell.back(&upstream, &xt, &before, &plain_weights(arguments, [3, 4, 5]));
    let dba: Value = match (flat_bias, cell.sum_features) {
        (true, _) => weights.b.into(),
        (_, true) => weights.b.insert_axis(Axis(0)).into(),
        _ => column(&weights.b).into(),
    };
    tuple([turned(&x).into(), turned(&h).into(), turned(&weights.x).into(), turned(&weights.h).into(), dba])
}

static RNN_BACKWARD: Exercise = Exercise {
    id: "rnn_backward",
    signature: Signature {
        name: "rnn_backward",
        parameters: &[floats_named("da", &["n_a", "m", "T_x"]), X, A0, WAX, WAA, BA],
        returns: results(&[
            floats_named("dx", &["n_x", "m", "T_x"]),
            floats_named("da0", &["n_a", "m"]),
            floats_named("dWax", &["n_a", "n_x"]),
            floats_named("dWaa", &["n_a", "n_a"]),
            floats_named("dba", &["n_a", "1"]),
        ]),
    },
    probes: || {
        calls(9258, |[nx, na, _, m, t]| vec![[na, m, t], [nx, m, t], [na, m, 0], [na, nx, 0], [na, na, 0], [na, 1, 0]])
    },
    reference: |arguments| through_time(arguments, Through::RIGHT),
    misconceptions: &[
        m::STATE_GRADIENT_LOST.when(|arguments| through_time(arguments, Through { carried: false, ..Through::RIGHT })),
        m::UPSTREAM_LOST.when(|arguments| through_time(arguments, Through { every_upstream: false, ..Through::RIGHT })),
        m::LAST_STEP_WEIGHTS
            .when(|arguments| through_time(arguments, Through { weights_add: false, ..Through::RIGHT })),
        m::LOOPS_FORWARDS.when(|arguments| through_time(arguments, Through { backwards: false, ..Through::RIGHT })),
    ],
    gradient: Some(GradientCheck { forward: "rnn_forward", forward_call: plain_forward }),
    ..Exercise::DEFAULTS
};

fn through_time(arguments: &[Value], how: Through) -> Outcome {
    let [da, xs] = [0, 1].map(|at| steps_of(arguments, at));
    let found = how.plain(&da, &xs, &rows(arguments, 2), &plain_weights(arguments, [3, 4, 5]));
    let Weights { x, h, b } = found.weights;
    tuple([
        over_steps(&found.xs).into(),
        turned(&found.h0).into(),
        turned(&x).into(),
        turned(&h).into(),
        column(&b).into(),
    ])
}

static LSTM_CELL_BACKWARD: Exercise = Exercise {
    id: "lstm_cell_backward",
    signature: Signature {
        name: "lstm_cell_backward",
        parameters: &[
            floats_named("da_next", &["n_a", "m"]),
            floats_named("dc_next", &["n_a", "m"]),
            XT,
            A_PREV,
            floats_named("c_prev", &["n_a", "m"]),
            W,
            B,
        ],
        returns: results(&[
            floats_named("dxt", &["n_x", "m"]),
            floats_named("da_prev", &["n_a", "m"]),
            floats_named("dc_prev", &["n_a", "m"]),
            floats_named("dW", &["4*n_a", "n_a+n_x"]),
            floats_named("db", &["4*n_a", "1"]),
        ]),
    },
    probes: || {
        let mut probes = calls(9259, |[nx, na, _, m, _]| {
            vec![[na, m, 0], [na, m, 0], [nx, m, 0], [na, m, 0], [na, m, 0], [4 * na, na + nx, 0], [4 * na, 1, 0]]
        });
        probes.iter_mut().for_each(|probe| probe.label.push_str("; W and dW hold the blocks i, f, o, c"));
        probes
    },
    reference: |arguments| lstm_gradients(arguments, Lstm::RIGHT),
    misconceptions: &LstmStepBackMistakes::<CellBack>::ALL,
    gradient: Some(GradientCheck {
        forward: "lstm_cell_forward",
        forward_call: |arguments| ForwardCall {
            arguments: arguments[2..].to_vec(),
            with_respect_to: vec![0, 1, 2, 3, 4],
            upstream: arguments[..2].to_vec(),
        },
    }),
    ..Exercise::DEFAULTS
};

struct CellBack;

impl LstmStepBack for CellBack {
    fn gradients(arguments: &[Value], how: Lstm) -> Outcome {
        lstm_gradients(arguments, how)
    }
}

fn lstm_gradients(arguments: &[Value], how: Lstm) -> Outcome {
    let [da, dc, xt, a, c] = [0, 1, 2, 3, 4].map(|at| rows(arguments, at));
    let (Back { x, h, weights }, cell) = how.back([&da, &dc], &xt, [&a, &c], &joined_weights(arguments, 5, false));
    let [dw, db] = joined(&weights);
    tuple([turned(&x).into(), turned(&h).into(), turned(&cell).into(), dw, db])
}

static LSTM_BACKWARD: Exercise = Exercise {
    id: "lstm_backward",
    signature: Signature {
        name: "lstm_backward",
        parameters: &[floats_named("da", &["n_a", "m", "T_x"]), X, A0, W, B],
        returns: results(&[
            floats_named("dx", &["n_x", "m", "T_x"]),
            floats_named("da0", &["n_a", "m"]),
            floats_named("dW", &["4*n_a", "n_a+n_x"]),
            floats_named("db", &["4*n_a", "1"]),
        ]),
    },
    probes: || {
        let mut probes = calls(9260, |[nx, na, _, m, t]| {
            vec![[na, m, t], [nx, m, t], [na, m, 0], [4 * na, na + nx, 0], [4 * na, 1, 0]]
        });
        probes.iter_mut().for_each(|probe| probe.label.push_str("; W and dW hold the blocks i, f, o, c"));
        probes
    },
    reference: |arguments| lstm_through_time(arguments, Through::RIGHT),
    misconceptions: &[
        m::STATE_GRADIENT_LOST
            .when(|arguments| lstm_through_time(arguments, Through { carried: false, ..Through::RIGHT })),
        m::CELL_GRADIENT_LOST
            .when(|arguments| lstm_through_time(arguments, Through { cell_carried: false, ..Through::RIGHT })),
        m::GRADIENTS_LOST.when(|arguments| {
            lstm_through_time(arguments, Through { carried: false, cell_carried: false, ..Through::RIGHT })
        }),
        m::UPSTREAM_LOST
            .when(|arguments| lstm_through_time(arguments, Through { every_upstream: false, ..Through::RIGHT })),
        m::LAST_STEP_WEIGHTS
            .when(|arguments| lstm_through_time(arguments, Through { weights_add: false, ..Through::RIGHT })),
        m::LOOPS_FORWARDS
            .when(|arguments| lstm_through_time(arguments, Through { backwards: false, ..Through::RIGHT })),
    ],
    gradient: Some(GradientCheck {
        forward: "lstm_forward",
        forward_call: |arguments| {
            let [upstream, x, a, w, b] = [0, 1, 2, 3, 4].map(|at| arguments[at].clone());
            let units = matrix(arguments, 4).nrows() / 4;
            let [wy, by] = [[2, units], [2, 1]].map(|shape| Value::from(Array2::<f64>::zeros(shape)));
            ForwardCall {
                arguments: vec![x, a, w, b, wy, by],
                with_respect_to: vec![0, 1, 2, 3],
                upstream: vec![upstream],
            }
        },
    }),
    ..Exercise::DEFAULTS
};

fn lstm_through_time(arguments: &[Value], how: Through) -> Outcome {
    let [da, xs] = [0, 1].map(|at| steps_of(arguments, at));
    let found = how.lstm(&da, &xs, &rows(arguments, 2), &joined_weights(arguments, 3, false));
    let [dw, db] = joined(&found.weights);
    tuple([over_steps(&found.xs).into(), turned(&found.h0).into(), dw, db])
}
