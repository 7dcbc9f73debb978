//! Course 5, week 1: the cells over a sequence, and their gradients. Columns are examples, and time is the last axis.

use ndarray::{Array2, Array3, Axis, concatenate, s};

use super::super::CourseFunction;
use super::super::mistakes::{self as m, Words, words};
use super::super::values::{cube, floats_named, matrix, results, tuple};
use super::SEQUENCES;
use super::recurrent::{sigmoid, softmax};
use crate::exercise::{Exercise, Outcome, Parameter, Probe, Signature};
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
            lstm!("parameters.update(Wy=Wy, by=by)\nreturn f(x, a0, parameters)[:2]"),
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
    ]
}

const NOTES: (&str, &str) = ("dls-c5", "W1 assignment Building your Recurrent Neural Network");

const X: Parameter = floats_named("x", &["n_x", "m", "T_x"]);
const A0: Parameter = floats_named("a0", &["n_a", "m"]);
const XT: Parameter = floats_named("xt", &["n_x", "m"]);
const A_PREV: Parameter = floats_named("a_prev", &["n_a", "m"]);
const WAX: Parameter = floats_named("Wax", &["n_a", "n_x"]);
const WAA: Parameter = floats_named("Waa", &["n_a", "n_a"]);
const BA: Parameter = floats_named("ba", &["n_a", "1"]);
const W: Parameter = floats_named("W", &["4*n_a", "n_a+n_x"]);
const B: Parameter = floats_named("b", &["4*n_a", "1"]);
const OVER_TIME: Parameter =
    results(&[floats_named("a", &["n_a", "m", "T_x"]), floats_named("y", &["n_y", "m", "T_x"])]);

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

fn at_time(x: &Array3<f64>, t: usize) -> Array2<f64> {
    x.slice(s![.., .., t]).to_owned()
}

const STATE_NOT_CARRIED: Words = words(
    "state-not-carried",
    "every step starts from a0",
    "The state that a step returns is what the next one starts from: a_next goes in as a_prev.",
    "What does step 2 know of step 1?",
    NOTES,
);
const TIME_REVERSED: Words = words(
    "time-reversed",
    "the sequence is read from its end",
    "Step t reads x[:, :, t], from t = 0 on; only the backward pass runs from the end.",
    "Which element does a0 meet first?",
    NOTES,
);

/// The plain cell over time, and what each step starts from.
fn plain_states(
    x: &Array3<f64>,
    a0: &Array2<f64>,
    [wax, waa, ba]: [&Array2<f64>; 3],
    carried: bool,
) -> Vec<Array2<f64>> {
    let mut states = vec![a0.clone()];
    for t in 0..x.dim().2 {
        let before = if carried { &states[t] } else { a0 };
        states.push((waa.dot(before) + wax.dot(&at_time(x, t)) + ba).mapv(f64::tanh));
    }
    states
}

/// The states over time, and what the output layer makes of them.
fn outputs(states: &[Array2<f64>], wy: &Array2<f64>, by: &Array2<f64>) -> Outcome {
    let (n, m) = states[0].dim();
    let mut a = Array3::zeros((n, m, states.len()));
    let mut y = Array3::zeros((wy.nrows(), m, states.len()));
    for (t, state) in states.iter().enumerate() {
        a.slice_mut(s![.., .., t]).assign(state);
        y.slice_mut(s![.., .., t]).assign(&softmax(wy.dot(state) + by, Axis(0)));
    }
    tuple([a.into(), y.into()])
}

static RNN: Exercise = Exercise {
    id: "rnn_forward",
    signature: Signature {
        name: "rnn_forward",
        parameters: &[X, A0, WAX, WAA, floats_named("Wya", &["n_y", "n_a"]), BA, floats_named("by", &["n_y", "1"])],
        returns: OVER_TIME,
    },
    probes: || {
        calls(9255, |[nx, na, ny, m, t]| {
            vec![[nx, m, t], [na, m, 0], [na, nx, 0], [na, na, 0], [ny, na, 0], [na, 1, 0], [ny, 1, 0]]
        })
    },
    reference: |arguments| rnn(arguments, true, false),
    misconceptions: &[
        STATE_NOT_CARRIED.when(|arguments| rnn(arguments, false, false)),
        TIME_REVERSED.when(|arguments| rnn(arguments, true, true)),
    ],
    ..Exercise::DEFAULTS
};

fn rnn(arguments: &[Value], carried: bool, reversed: bool) -> Outcome {
    let mut x = cube(arguments, 0);
    if reversed {
        x.invert_axis(Axis(2));
    }
    let [a0, wax, waa, wya, ba, by] = [1, 2, 3, 4, 5, 6].map(|at| matrix(arguments, at));
    outputs(&plain_states(&x, &a0, [&wax, &waa, &ba], carried)[1..], &wya, &by)
}

/// A step of the LSTM: the gates i, f, o and the candidate, the cell, the state.
fn lstm_step(
    joined: &Array2<f64>,
    c: &Array2<f64>,
    w: &Array2<f64>,
    b: &Array2<f64>,
) -> ([Array2<f64>; 4], [Array2<f64>; 2]) {
    let sums = w.dot(joined) + b;
    let n = c.nrows();
    let gates = [0, 1, 2, 3].map(|at| {
        let block = sums.slice(s![at * n..(at + 1) * n, ..]);
        block.mapv(if at == 3 { f64::tanh } else { sigmoid })
    });
    let cell = &gates[1] * c + &gates[0] * &gates[3];
    let hidden = &gates[2] * &cell.mapv(f64::tanh);
    (gates, [cell, hidden])
}

static LSTM: Exercise = Exercise {
    id: "lstm_forward",
    signature: Signature {
        name: "lstm_forward",
        parameters: &[X, A0, W, B, floats_named("Wy", &["n_y", "n_a"]), floats_named("by", &["n_y", "1"])],
        returns: OVER_TIME,
    },
    probes: || {
        calls(9256, |[nx, na, ny, m, t]| {
            vec![[nx, m, t], [na, m, 0], [4 * na, na + nx, 0], [4 * na, 1, 0], [ny, na, 0], [ny, 1, 0]]
        })
    },
    reference: |arguments| lstm(arguments, true, true, false),
    misconceptions: &[
        STATE_NOT_CARRIED.when(|arguments| lstm(arguments, false, true, false)),
        words(
            "cell-not-carried",
            "every step starts from a cell of zeros",
            "The cell starts at zero once, at the first step; after that each step takes the cell of the one before.",
            "Where does the cell of step 2 come from?",
            NOTES,
        )
        .when(|arguments| lstm(arguments, true, false, false)),
        TIME_REVERSED.when(|arguments| lstm(arguments, true, true, true)),
    ],
    ..Exercise::DEFAULTS
};

fn lstm(arguments: &[Value], state_carried: bool, cell_carried: bool, reversed: bool) -> Outcome {
    let mut x = cube(arguments, 0);
    if reversed {
        x.invert_axis(Axis(2));
    }
    let [a0, w, b, wy, by] = [1, 2, 3, 4, 5].map(|at| matrix(arguments, at));
    let zeros = Array2::zeros(a0.dim());
    let (mut a, mut c) = (a0.clone(), zeros.clone());
    let mut states = Vec::new();
    for t in 0..x.dim().2 {
        let from = if state_carried { &a } else { &a0 };
        let joined = concatenate![Axis(0), *from, at_time(&x, t)];
        let (_, [cell, hidden]) = lstm_step(&joined, if cell_carried { &c } else { &zeros }, &w, &b);
        (a, c) = (hidden, cell);
        states.push(a.clone());
    }
    outputs(&states, &wy, &by)
}

/// The plain cell's way back, each part free to be wrong.
#[derive(Clone, Copy)]
struct Back {
    /// Derivative of the activation from a_next.
    slope: fn(f64) -> f64,
    weights_from_next: bool,
    sum_units: bool,
    flat_bias: bool,
}

const BACK: Back = Back { slope: |a| 1.0 - a * a, weights_from_next: false, sum_units: false, flat_bias: false };

impl Back {
    /// dxt, da_prev, dWax, dWaa, dba.
    fn step(
        &self,
        upstream: &Array2<f64>,
        [xt, before, next]: [&Array2<f64>; 3],
        [wax, waa]: [&Array2<f64>; 2],
    ) -> [Array2<f64>; 5] {
        let d = upstream * &next.mapv(self.slope);
        let axis = Axis(if self.sum_units { 0 } else { 1 });
        let partner = if self.weights_from_next { next } else { before };
        [wax.t().dot(&d), waa.t().dot(&d), d.dot(&xt.t()), d.dot(&partner.t()), d.sum_axis(axis).insert_axis(axis)]
    }
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
    reference: |arguments| cell_gradients(arguments, BACK),
    misconceptions: &[
        m::TANH_DERIVATIVE_MISSING.when(|arguments| cell_gradients(arguments, Back { slope: |_| 1.0, ..BACK })),
        m::TANH_NOT_SQUARED.when(|arguments| cell_gradients(arguments, Back { slope: |a| 1.0 - a, ..BACK })),
        m::TANH_OF_ACTIVATION
            .when(|arguments| cell_gradients(arguments, Back { slope: |a| 1.0 - a.tanh().powi(2), ..BACK })),
        m::SUM_OVER_WRONG_AXIS.when(|arguments| cell_gradients(arguments, Back { sum_units: true, ..BACK })),
        words(
            "axis-dropped",
            "dba is a flat vector",
            "ba is a column, so its gradient is one: np.sum(dtanh, axis=1, keepdims=True).",
            "What is the shape of ba?",
            ("numpy", "numpy.sum"),
        )
        .when(|arguments| cell_gradients(arguments, Back { flat_bias: true, ..BACK })),
        words(
            "next-state-for-previous",
            "dWaa is computed with the state after the step",
            "Waa was multiplied with a_prev, so a_prev is its partner in the backward pass.",
            "Which state did Waa multiply?",
            NOTES,
        )
        .when(|arguments| cell_gradients(arguments, Back { weights_from_next: true, ..BACK })),
    ],
    ..Exercise::DEFAULTS
};

fn cell_gradients(arguments: &[Value], how: Back) -> Outcome {
    let [upstream, xt, before, wax, waa, ba] = [0, 1, 2, 3, 4, 5].map(|at| matrix(arguments, at));
    let next = (waa.dot(&before) + wax.dot(&xt) + ba).mapv(f64::tanh);
    let [dx, da, dwax, dwaa, dba] = how.step(&upstream, [&xt, &before, &next], [&wax, &waa]);
    let dba: Value = if how.flat_bias { dba.column(0).to_owned().into() } else { dba.into() };
    tuple([dx.into(), da.into(), dwax.into(), dwaa.into(), dba])
}

#[derive(Clone, Copy)]
struct Through {
    carried: bool,
    every_upstream: bool,
    weights_add: bool,
    backwards: bool,
}

const THROUGH: Through = Through { carried: true, every_upstream: true, weights_add: true, backwards: true };

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
    reference: |arguments| through_time(arguments, THROUGH),
    misconceptions: &[
        words(
            "state-gradient-not-carried",
            "the gradient that arrives through the next step is not added",
            "A state is used twice: outside of its step, and by the next step. What arrives on both ways adds up: \
             da[:, :, t] + da_prevt.",
            "Along which two ways does a at time t reach the loss?",
            NOTES,
        )
        .when(|arguments| through_time(arguments, Through { carried: false, ..THROUGH })),
        words(
            "only-last-upstream",
            "only the gradient of the last state is used",
            "Every state of the sequence may have a gradient: da[:, :, t] comes in at each step.",
            "Does your result change when da[:, :, 0] does?",
            NOTES,
        )
        .when(|arguments| through_time(arguments, Through { every_upstream: false, ..THROUGH })),
        words(
            "weight-gradient-overwritten",
            "the weights' gradients are those of one step only",
            "All steps share the weights, so their gradients add up over time: +=, not =.",
            "In how many steps was Wax used?",
            NOTES,
        )
        .when(|arguments| through_time(arguments, Through { weights_add: false, ..THROUGH })),
        words(
            "loops-forwards",
            "the backward pass runs from the first step to the last",
            "A step's state gradient needs that of the step after it: run from the end, for t in reversed(range(T_x)).",
            "Which step's gradient is complete from the start?",
            NOTES,
        )
        .when(|arguments| through_time(arguments, Through { backwards: false, ..THROUGH })),
    ],
    ..Exercise::DEFAULTS
};

fn through_time(arguments: &[Value], how: Through) -> Outcome {
    let (da, x) = (cube(arguments, 0), cube(arguments, 1));
    let [a0, wax, waa, ba] = [2, 3, 4, 5].map(|at| matrix(arguments, at));
    let states = plain_states(&x, &a0, [&wax, &waa, &ba], true);
    let steps = x.dim().2;
    let mut dx = Array3::zeros(x.dim());
    let mut state: Array2<f64> = Array2::zeros(a0.dim());
    let mut sums = [Array2::zeros(wax.dim()), Array2::zeros(waa.dim()), Array2::zeros(ba.dim())];
    for at in 0..steps {
        let t = if how.backwards { steps - 1 - at } else { at };
        let mut upstream = at_time(&da, t) * f64::from(u8::from(how.every_upstream || t == steps - 1));
        if how.carried {
            upstream += &state;
        }
        let [input, before, dwax, dwaa, dba] =
            BACK.step(&upstream, [&at_time(&x, t), &states[t], &states[t + 1]], [&wax, &waa]);
        dx.slice_mut(s![.., .., t]).assign(&input);
        state = before;
        for (sum, gradient) in sums.iter_mut().zip([dwax, dwaa, dba]) {
            *sum = if how.weights_add { &*sum + &gradient } else { gradient };
        }
    }
    let [dwax, dwaa, dba] = sums;
    tuple([dx.into(), state.into(), dwax.into(), dwaa.into(), dba.into()])
}

#[derive(Clone, Copy)]
struct LstmBack {
    cell_path: bool,
    upstream_cell: bool,
    forget: bool,
    cell_slope: bool,
    gate_slopes: bool,
}

const LSTM_BACK: LstmBack =
    LstmBack { cell_path: true, upstream_cell: true, forget: true, cell_slope: true, gate_slopes: true };

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
    reference: |arguments| lstm_gradients(arguments, LSTM_BACK),
    misconceptions: &[
        words(
            "cell-gradient-not-added",
            "the gradient that comes through a_next does not reach the cell",
            "The cell reaches the loss on two ways: through the next step's cell, and through a_next = ot * tanh(c_next). Both \
             add up: dc_next + ot * (1 - tanh(c_next)**2) * da_next.",
            "Along which two ways does c_next reach the loss?",
            NOTES,
        )
        .when(|arguments| lstm_gradients(arguments, LstmBack { cell_path: false, ..LSTM_BACK })),
        words(
            "cell-upstream-ignored",
            "dc_next is not used",
            "dc_next + ot * (1 - tanh(c_next)**2) * da_next: the first term is the short way through time that the LSTM was \
             built for.",
            "Does your result change when dc_next does?",
            NOTES,
        )
        .when(|arguments| lstm_gradients(arguments, LstmBack { upstream_cell: false, ..LSTM_BACK })),
        words(
            "forget-gate-missing",
            "dc_prev is not multiplied with the forget gate",
            "c_prev was multiplied with ft on its way in, so its gradient is too.",
            "What is dc_prev when the cell forgets everything?",
            NOTES,
        )
        .when(|arguments| lstm_gradients(arguments, LstmBack { forget: false, ..LSTM_BACK })),
        m::TANH_DERIVATIVE_MISSING
            .when(|arguments| lstm_gradients(arguments, LstmBack { cell_slope: false, ..LSTM_BACK })),
        words(
            "gate-slopes-missing",
            "the derivative of the sigmoid is missing for the gates",
            "On its way back through a gate the gradient is multiplied with gate * (1 - gate).",
            "What happens to the gradient of a gate that is fully open?",
            NOTES,
        )
        .when(|arguments| lstm_gradients(arguments, LstmBack { gate_slopes: false, ..LSTM_BACK })),
    ],
    ..Exercise::DEFAULTS
};

fn lstm_gradients(arguments: &[Value], how: LstmBack) -> Outcome {
    let [da, dc, xt, a, c, w, b] = [0, 1, 2, 3, 4, 5, 6].map(|at| matrix(arguments, at));
    let joined = concatenate![Axis(0), a, xt];
    let ([i, f, o, g], [cell, _]) = lstm_step(&joined, &c, &w, &b);
    let squashed = cell.mapv(f64::tanh);
    let slope = squashed.mapv(|t| if how.cell_slope { 1.0 - t * t } else { 1.0 });
    let mut dcell = &dc * f64::from(u8::from(how.upstream_cell));
    if how.cell_path {
        dcell += &(&da * &o * slope);
    }
    let gate = |gate: &Array2<f64>| gate.mapv(|s| if how.gate_slopes { s * (1.0 - s) } else { 1.0 });
    let d = concatenate![
        Axis(0),
        &dcell * &g * gate(&i),
        &dcell * &c * gate(&f),
        &da * &squashed * gate(&o),
        &dcell * &i * g.mapv(|g| 1.0 - g * g)
    ];
    let back = w.t().dot(&d);
    let n = a.nrows();
    let before = if how.forget { dcell * f } else { dcell };
    tuple([
        back.slice(s![n.., ..]).to_owned().into(),
        back.slice(s![..n, ..]).to_owned().into(),
        before.into(),
        d.dot(&joined.t()).into(),
        d.sum_axis(Axis(1)).insert_axis(Axis(1)).into(),
    ])
}
