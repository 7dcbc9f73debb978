//! Recurrent layers (`rnn_layers.py`): a step and a sequence of the plain cell and of the LSTM, and word embeddings.

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
        f(THIRD, &["rnn_step_forward"], &RNN_STEP, "return f(x, prev_h, Wx, Wh, b)[0]"),
        f(
            THIRD,
            &["rnn_step_backward"],
            &RNN_STEP_BACKWARD,
            "cache = theirs.rnn_step_forward(x, prev_h, Wx, Wh, b)[1]\nreturn f(dnext_h, cache)",
        )
        .needs(&["rnn_step_forward"]),
        f(THIRD, &["rnn_forward"], &RNN, "return f(x, h0, Wx, Wh, b)[0]").needs(&["rnn_step_forward"]),
        f(
            THIRD,
            &["rnn_backward"],
            &RNN_BACKWARD,
            "cache = theirs.rnn_forward(x, h0, Wx, Wh, b)[1]\nreturn f(dh, cache)",
        )
        .needs(&["rnn_step_forward", "rnn_step_backward", "rnn_forward"]),
        f(THIRD, &["lstm_step_forward"], &LSTM_STEP, "return f(x, prev_h, prev_c, Wx, Wh, b)[:2]"),
        f(
            THIRD,
            &["lstm_step_backward"],
            &LSTM_STEP_BACKWARD,
            "cache = theirs.lstm_step_forward(x, prev_h, prev_c, Wx, Wh, b)[2]\nreturn f(dnext_h, dnext_c, cache)",
        )
        .needs(&["lstm_step_forward"]),
        f(THIRD, &["lstm_forward"], &LSTM, "return f(x, h0, Wx, Wh, b)[0]").needs(&["lstm_step_forward"]),
        f(
            THIRD,
            &["lstm_backward"],
            &LSTM_BACKWARD,
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

/// The plain cell, each part free to be wrong.
#[derive(Clone, Copy)]
struct Cell {
    squash: fn(f64) -> f64,
    recurrent: bool,
    bias: bool,
    /// Derivative of the activation from h.
    slope: fn(f64) -> f64,
    sum_features: bool,
    weights_from_next: bool,
}

const CELL: Cell = Cell {
    squash: f64::tanh,
    recurrent: true,
    bias: true,
    slope: |h| 1.0 - h * h,
    sum_features: false,
    weights_from_next: false,
};

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

impl Cell {
    fn step(&self, x: &Array2<f64>, h: &Array2<f64>, w: &Weights) -> Array2<f64> {
        let mut sums = x.dot(&w.x);
        if self.recurrent {
            sums += &h.dot(&w.h);
        }
        if self.bias {
            sums += &w.b;
        }
        sums.mapv(self.squash)
    }

    /// dx, dprev_h, dWx, dWh, db.
    fn back(&self, upstream: &Array2<f64>, x: &Array2<f64>, h: &Array2<f64>, w: &Weights) -> [Array2<f64>; 5] {
        let next = CELL.step(x, h, w);
        let da = upstream * &next.mapv(self.slope);
        let partner = if self.weights_from_next { &next } else { h };
        let db = da.sum_axis(Axis(if self.sum_features { 1 } else { 0 })).insert_axis(Axis(0));
        [da.dot(&w.x.t()), da.dot(&w.h.t()), x.t().dot(&da), partner.t().dot(&da), db]
    }
}

fn step_gradients(arguments: &[Value], cell: Cell) -> Outcome {
    let [upstream, x, h] = [0, 1, 2].map(|at| matrix(arguments, at));
    let [dx, dh, dwx, dwh, db] = cell.back(&upstream, &x, &h, &Weights::new(arguments, 3));
    tuple([dx.into(), dh.into(), dwx.into(), dwh.into(), db.row(0).to_owned().into()])
}

fn from_second(arguments: &[Value], with_respect_to: Vec<usize>) -> ForwardCall {
    ForwardCall { arguments: arguments[1..].to_vec(), with_respect_to, upstream: arguments[0].clone() }
}

static RNN_STEP: Exercise = Exercise {
    id: "rnn_step_forward",
    signature: Signature {
        name: "rnn_step_forward",
        parameters: &[X, PREV_H, WX, WH, B],
        returns: floats_named("next_h", &["N", "H"]),
    },
    probes: || probes(9161, false, 0, 1, 1),
    reference: |arguments| one_step(arguments, CELL),
    misconceptions: &[
        words(
            "activation-missing",
            "tanh is not applied",
            "next_h = tanh(x Wx + prev_h Wh + b): without tanh the states grow without end.",
            "Between which numbers do your states lie?",
            NOTES,
        )
        .when(|arguments| one_step(arguments, Cell { squash: |a| a, ..CELL })),
        words(
            "sigmoid-for-tanh",
            "the sigmoid is applied and not tanh",
            "The plain cell uses tanh: states between -1 and 1.",
            "Can your states be negative?",
            NOTES,
        )
        .when(|arguments| one_step(arguments, Cell { squash: |a| 1.0 / (1.0 + (-a).exp()), ..CELL })),
        words(
            "state-ignored",
            "the state before is not used",
            "prev_h Wh is what makes the cell remember.",
            "Does your result change when prev_h does?",
            NOTES,
        )
        .when(|arguments| one_step(arguments, Cell { recurrent: false, ..CELL })),
        m::BIAS_MISSING.when(|arguments| one_step(arguments, Cell { bias: false, ..CELL })),
    ],
    ..Exercise::DEFAULTS
};

fn one_step(arguments: &[Value], cell: Cell) -> Outcome {
    returns(cell.step(&matrix(arguments, 0), &matrix(arguments, 1), &Weights::new(arguments, 2)))
}

static RNN_STEP_BACKWARD: Exercise = Exercise {
    id: "rnn_step_backward",
    signature: Signature {
        name: "rnn_step_backward",
        parameters: &[floats_named("dnext_h", &["N", "H"]), X, PREV_H, WX, WH, B],
        returns: GRADIENTS,
    },
    probes: || probes(9162, false, 1, 1, 1),
    reference: |arguments| step_gradients(arguments, CELL),
    misconceptions: &[
        m::TANH_DERIVATIVE_MISSING.when(|arguments| step_gradients(arguments, Cell { slope: |_| 1.0, ..CELL })),
        m::TANH_NOT_SQUARED.when(|arguments| step_gradients(arguments, Cell { slope: |h| 1.0 - h, ..CELL })),
        m::TANH_OF_ACTIVATION
            .when(|arguments| step_gradients(arguments, Cell { slope: |h| 1.0 - h.tanh().powi(2), ..CELL })),
        m::SUM_OVER_WRONG_AXIS.when(|arguments| step_gradients(arguments, Cell { sum_features: true, ..CELL })),
        words(
            "next-state-for-previous",
            "dWh is computed with the state after the step",
            "Wh was multiplied with prev_h, so prev_h is its partner in the backward pass.",
            "Which state went into prev_h @ Wh?",
            NOTES,
        )
        .when(|arguments| step_gradients(arguments, Cell { weights_from_next: true, ..CELL })),
    ],
    gradient: Some(GradientCheck {
        forward: "rnn_step_forward",
        forward_call: |arguments| from_second(arguments, vec![0, 1, 2, 3, 4]),
    }),
    ..Exercise::DEFAULTS
};

static RNN: Exercise = Exercise {
    id: "rnn_forward",
    signature: Signature { name: "rnn_forward", parameters: &[XS, H0, WX, WH, B], returns: HS },
    probes: || probes(9163, true, 0, 1, 1),
    reference: |arguments| over_time(arguments, true, false),
    misconceptions: &[
        words(
            "state-not-carried",
            "every step starts from h0",
            "The state that a step returns is what the next one starts from.",
            "What does step 2 know of step 1?",
            NOTES,
        )
        .when(|arguments| over_time(arguments, false, false)),
        words(
            "time-reversed",
            "the sequence is read from its end",
            "Step t reads x[:, t], from t = 0 on; only the backward pass runs from the end.",
            "Which element does h0 meet first?",
            NOTES,
        )
        .when(|arguments| over_time(arguments, true, true)),
    ],
    ..Exercise::DEFAULTS
};

fn at_time(x: &Array3<f64>, t: usize) -> Array2<f64> {
    x.slice(s![.., t, ..]).to_owned()
}

fn over_time(arguments: &[Value], carried: bool, reversed: bool) -> Outcome {
    let (x, h0, w) = (cube(arguments, 0), matrix(arguments, 1), Weights::new(arguments, 2));
    let (n, steps, _) = x.dim();
    let mut out = Array3::zeros((n, steps, h0.ncols()));
    let mut h = h0.clone();
    for at in 0..steps {
        let t = if reversed { steps - 1 - at } else { at };
        h = CELL.step(&at_time(&x, t), if carried { &h } else { &h0 }, &w);
        out.slice_mut(s![.., t, ..]).assign(&h);
    }
    returns(out)
}

static RNN_BACKWARD: Exercise = Exercise {
    id: "rnn_backward",
    signature: Signature {
        name: "rnn_backward",
        parameters: &[floats_named("dh", &["N", "T", "H"]), XS, H0, WX, WH, B],
        returns: GRADIENTS,
    },
    probes: || probes(9164, true, 1, 1, 1),
    reference: |arguments| through_time(arguments, Through::RIGHT),
    misconceptions: &[
        STATE_GRADIENT_LOST.when(|arguments| through_time(arguments, Through { carried: false, ..Through::RIGHT })),
        UPSTREAM_LOST.when(|arguments| through_time(arguments, Through { every_upstream: false, ..Through::RIGHT })),
        LAST_STEP_WEIGHTS.when(|arguments| through_time(arguments, Through { weights_add: false, ..Through::RIGHT })),
        FORWARDS.when(|arguments| through_time(arguments, Through { backwards: false, ..Through::RIGHT })),
    ],
    gradient: Some(GradientCheck {
        forward: "rnn_forward",
        forward_call: |arguments| from_second(arguments, vec![0, 1, 2, 3, 4]),
    }),
    ..Exercise::DEFAULTS
};

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

fn through_time(arguments: &[Value], how: Through) -> Outcome {
    let (dh, x, h0, w) = (cube(arguments, 0), cube(arguments, 1), matrix(arguments, 2), Weights::new(arguments, 3));
    let mut states = vec![h0];
    for t in 0..x.dim().1 {
        let next = CELL.step(&at_time(&x, t), &states[t], &w);
        states.push(next);
    }
    how.walk(&dh, x.dim().2, |t, upstream| {
        let [dx, dprev, dwx, dwh, db] = CELL.back(&upstream, &at_time(&x, t), &states[t], &w);
        (dx, dprev, [dwx, dwh, db])
    })
}

/// The LSTM's step, each part free to be wrong.
#[derive(Clone, Copy)]
struct Lstm {
    /// Which quarter of the columns is the input, forget, output gate and the candidate.
    order: [usize; 4],
    candidate_sigmoid: bool,
    tanh_of_cell: bool,
    forget: bool,
    cell_path: bool,
    upstream_cell: bool,
    cell_slope: bool,
    gate_slopes: bool,
}

const LSTM_RIGHT: Lstm = Lstm {
    order: [0, 1, 2, 3],
    candidate_sigmoid: false,
    tanh_of_cell: true,
    forget: true,
    cell_path: true,
    upstream_cell: true,
    cell_slope: true,
    gate_slopes: true,
};

fn sigmoid(a: f64) -> f64 {
    1.0 / (1.0 + (-a).exp())
}

struct Stepped {
    gates: [Array2<f64>; 4],
    cell: Array2<f64>,
    hidden: Array2<f64>,
}

impl Lstm {
    fn step(&self, x: &Array2<f64>, h: &Array2<f64>, c: &Array2<f64>, w: &Weights) -> Stepped {
        let sums = w.sums(x, h);
        let width = h.ncols();
        let quarter = |at: usize| sums.slice(s![.., self.order[at] * width..(self.order[at] + 1) * width]).to_owned();
        let candidate = quarter(3).mapv(if self.candidate_sigmoid { sigmoid } else { f64::tanh });
        let gates = [quarter(0).mapv(sigmoid), quarter(1).mapv(sigmoid), quarter(2).mapv(sigmoid), candidate];
        let kept = if self.forget { &gates[1] * c } else { c.clone() };
        let cell = kept + &gates[0] * &gates[3];
        let hidden = &gates[2] * &(if self.tanh_of_cell { cell.mapv(f64::tanh) } else { cell.clone() });
        Stepped { gates, cell, hidden }
    }

    /// dx, dprev_h, dprev_c, dWx, dWh, db.
    fn back(&self, [dh, dc]: [&Array2<f64>; 2], [x, h, c]: [&Array2<f64>; 3], w: &Weights) -> [Array2<f64>; 6] {
        let Stepped { gates: [i, f, o, g], cell, .. } = LSTM_RIGHT.step(x, h, c, w);
        let squashed = cell.mapv(f64::tanh);
        let slope = if self.cell_slope { squashed.mapv(|t| 1.0 - t * t) } else { squashed.mapv(|_| 1.0) };
        let mut dcell = if self.upstream_cell { dc.clone() } else { dc * 0.0 };
        if self.cell_path {
            dcell += &(dh * &o * slope);
        }
        let gate =
            |gate: &Array2<f64>| if self.gate_slopes { gate.mapv(|s| s * (1.0 - s)) } else { gate.mapv(|_| 1.0) };
        let da = concatenate![
            Axis(1),
            &dcell * &g * gate(&i),
            &dcell * c * gate(&f),
            dh * &squashed * gate(&o),
            &dcell * &i * g.mapv(|g| 1.0 - g * g)
        ];
        let before = if self.forget { dcell * f } else { dcell };
        let db = da.sum_axis(Axis(0)).insert_axis(Axis(0));
        [da.dot(&w.x.t()), da.dot(&w.h.t()), before, x.t().dot(&da), h.t().dot(&da), db]
    }
}

fn lstm_step(arguments: &[Value], how: Lstm) -> Outcome {
    let [x, h, c] = [0, 1, 2].map(|at| matrix(arguments, at));
    let stepped = how.step(&x, &h, &c, &Weights::new(arguments, 3));
    tuple([stepped.hidden.into(), stepped.cell.into()])
}

static LSTM_STEP: Exercise = Exercise {
    id: "lstm_step_forward",
    signature: Signature {
        name: "lstm_step_forward",
        parameters: &[X, PREV_H, PREV_C, WX4, WH4, B4],
        returns: results(&[floats_named("next_h", &["N", "H"]), floats_named("next_c", &["N", "H"])]),
    },
    probes: || probes(9165, false, 0, 2, 4),
    reference: |arguments| lstm_step(arguments, LSTM_RIGHT),
    misconceptions: LSTM_MISTAKES,
    ..Exercise::DEFAULTS
};

const GATE_ORDER: m::Words = words(
    "gate-order",
    "the four blocks of columns are taken for the gates in another order",
    "In this course the columns are, block by block: input gate, forget gate, output gate, candidate. Other libraries have \
     other orders; a cell that is wrong everywhere in the same way still trains, but no saved weights fit.",
    "Which columns of x Wx + h Wh + b belong to the forget gate?",
    NOTES,
);

/// One mistake per wrong order of the four blocks.
macro_rules! orders {
    ($([$($order:literal),+]),+) => {
        [$(GATE_ORDER.when(|arguments| lstm_step(arguments, Lstm { order: [$($order),+], ..LSTM_RIGHT }))),+]
    };
}

const LSTM_ORDERS: [Misconception; 23] = orders!(
    [0, 1, 3, 2],
    [0, 2, 1, 3],
    [0, 2, 3, 1],
    [0, 3, 1, 2],
    [0, 3, 2, 1],
    [1, 0, 2, 3],
    [1, 0, 3, 2],
    [1, 2, 0, 3],
    [1, 2, 3, 0],
    [1, 3, 0, 2],
    [1, 3, 2, 0],
    [2, 0, 1, 3],
    [2, 0, 3, 1],
    [2, 1, 0, 3],
    [2, 1, 3, 0],
    [2, 3, 0, 1],
    [2, 3, 1, 0],
    [3, 0, 1, 2],
    [3, 0, 2, 1],
    [3, 1, 0, 2],
    [3, 1, 2, 0],
    [3, 2, 0, 1],
    [3, 2, 1, 0]
);

const LSTM_OTHERS: [Misconception; 3] = [
    words(
        "candidate-sigmoid",
        "the candidate goes through the sigmoid and not through tanh",
        "The three gates are sigmoids, between 0 and 1. The candidate is what is written: tanh, so that it can be negative.",
        "Can your cell state become smaller than 0?",
        NOTES,
    )
    .when(|arguments| lstm_step(arguments, Lstm { candidate_sigmoid: true, ..LSTM_RIGHT })),
    words(
        "cell-not-squashed",
        "the cell state is given out without tanh",
        "next_h = o * tanh(next_c). The cell itself may grow; what leaves it may not.",
        "Between which numbers does next_h lie?",
        NOTES,
    )
    .when(|arguments| lstm_step(arguments, Lstm { tanh_of_cell: false, ..LSTM_RIGHT })),
    words(
        "forget-gate-missing",
        "the forget gate is not used",
        "next_c = f * prev_c + i * g: the forget gate decides how much of the cell stays.",
        "Can your cell ever forget?",
        NOTES,
    )
    .when(|arguments| lstm_step(arguments, Lstm { forget: false, ..LSTM_RIGHT })),
];

/// The orders and the others as one list.
const fn joined() -> [Misconception; 26] {
    let mut all = [LSTM_OTHERS[0]; 26];
    let mut at = 0;
    while at < 26 {
        all[at] = if at < 23 { LSTM_ORDERS[at] } else { LSTM_OTHERS[at - 23] };
        at += 1;
    }
    all
}

static LSTM_ALL: [Misconception; 26] = joined();
const LSTM_MISTAKES: &[Misconception] = &LSTM_ALL;

fn lstm_gradients(arguments: &[Value], how: Lstm) -> Outcome {
    let [dh, dc, x, h, c] = [0, 1, 2, 3, 4].map(|at| matrix(arguments, at));
    let [dx, dprev_h, dprev_c, dwx, dwh, db] = how.back([&dh, &dc], [&x, &h, &c], &Weights::new(arguments, 5));
    tuple([dx.into(), dprev_h.into(), dprev_c.into(), dwx.into(), dwh.into(), db.row(0).to_owned().into()])
}

static LSTM_STEP_BACKWARD: Exercise = Exercise {
    id: "lstm_step_backward",
    signature: Signature {
        name: "lstm_step_backward",
        parameters: &[
            floats_named("dnext_h", &["N", "H"]),
            floats_named("dnext_c", &["N", "H"]),
            X,
            PREV_H,
            PREV_C,
            WX4,
            WH4,
            B4,
        ],
        returns: CELL_GRADIENTS,
    },
    probes: || {
        let mut probes = probes(9166, false, 2, 2, 4);
        probes.iter_mut().for_each(|probe| probe.label.push_str(", gradients from both sides"));
        probes
    },
    reference: |arguments| lstm_gradients(arguments, LSTM_RIGHT),
    misconceptions: &[
        words(
            "cell-gradient-not-added",
            "the gradient that comes through next_h does not reach the cell",
            "The cell reaches the loss on two ways: through the next step's cell, and through next_h = o * tanh(next_c). Both \
             add up: dc = dnext_c + dnext_h * o * (1 - tanh(next_c)**2).",
            "Along which two ways does next_c reach the loss?",
            NOTES,
        )
        .when(|arguments| lstm_gradients(arguments, Lstm { cell_path: false, ..LSTM_RIGHT })),
        words(
            "cell-upstream-ignored",
            "dnext_c is not used",
            "dc = dnext_c + dnext_h * o * (1 - tanh(next_c)**2): the first term is the short way through time that the LSTM was \
             built for.",
            "Does your result change when dnext_c does?",
            NOTES,
        )
        .when(|arguments| lstm_gradients(arguments, Lstm { upstream_cell: false, ..LSTM_RIGHT })),
        words(
            "forget-gate-missing",
            "dprev_c is not multiplied with the forget gate",
            "prev_c was multiplied with f on its way in, so its gradient is dc * f.",
            "What is dprev_c when the cell forgets everything?",
            NOTES,
        )
        .when(|arguments| lstm_gradients(arguments, Lstm { forget: false, ..LSTM_RIGHT })),
        m::TANH_DERIVATIVE_MISSING
            .when(|arguments| lstm_gradients(arguments, Lstm { cell_slope: false, ..LSTM_RIGHT })),
        words(
            "gate-slopes-missing",
            "the derivative of the sigmoid is missing for the gates",
            "On its way back through a gate the gradient is multiplied with s * (1 - s).",
            "What happens to the gradient of a gate that is fully open?",
            NOTES,
        )
        .when(|arguments| lstm_gradients(arguments, Lstm { gate_slopes: false, ..LSTM_RIGHT })),
    ],
    ..Exercise::DEFAULTS
};

static LSTM: Exercise = Exercise {
    id: "lstm_forward",
    signature: Signature { name: "lstm_forward", parameters: &[XS, H0, WX4, WH4, B4], returns: HS },
    probes: || probes(9167, true, 0, 1, 4),
    reference: |arguments| lstm_over_time(arguments, true, true),
    misconceptions: &[
        words(
            "state-not-carried",
            "every step starts from h0",
            "The state that a step returns is what the next one starts from.",
            "What does step 2 know of step 1?",
            NOTES,
        )
        .when(|arguments| lstm_over_time(arguments, false, true)),
        words(
            "cell-not-carried",
            "every step starts from a cell of zeros",
            "The cell starts at zero once, at the first step; after that each step takes the cell of the one before.",
            "Where does the cell of step 2 come from?",
            NOTES,
        )
        .when(|arguments| lstm_over_time(arguments, true, false)),
    ],
    ..Exercise::DEFAULTS
};

fn lstm_over_time(arguments: &[Value], state_carried: bool, cell_carried: bool) -> Outcome {
    let (x, h0, w) = (cube(arguments, 0), matrix(arguments, 1), Weights::new(arguments, 2));
    let (n, steps, _) = x.dim();
    let mut out = Array3::zeros((n, steps, h0.ncols()));
    let zeros = Array2::zeros(h0.dim());
    let (mut h, mut c) = (h0.clone(), zeros.clone());
    for t in 0..steps {
        let stepped = LSTM_RIGHT.step(
            &at_time(&x, t),
            if state_carried { &h } else { &h0 },
            if cell_carried { &c } else { &zeros },
            &w,
        );
        (h, c) = (stepped.hidden, stepped.cell);
        out.slice_mut(s![.., t, ..]).assign(&h);
    }
    returns(out)
}

static LSTM_BACKWARD: Exercise = Exercise {
    id: "lstm_backward",
    signature: Signature {
        name: "lstm_backward",
        parameters: &[floats_named("dh", &["N", "T", "H"]), XS, H0, WX4, WH4, B4],
        returns: GRADIENTS,
    },
    probes: || probes(9168, true, 1, 1, 4),
    reference: |arguments| lstm_through_time(arguments, Through::RIGHT, true),
    misconceptions: &[
        STATE_GRADIENT_LOST
            .when(|arguments| lstm_through_time(arguments, Through { carried: false, ..Through::RIGHT }, true)),
        UPSTREAM_LOST
            .when(|arguments| lstm_through_time(arguments, Through { every_upstream: false, ..Through::RIGHT }, true)),
        LAST_STEP_WEIGHTS
            .when(|arguments| lstm_through_time(arguments, Through { weights_add: false, ..Through::RIGHT }, true)),
        words(
            "cell-gradient-not-carried",
            "the cell's gradient is not handed from step to step",
            "dprev_c of one step is dnext_c of the step before it; only at the last step it starts at zero.",
            "What is dnext_c at the first step of the sequence?",
            NOTES,
        )
        .when(|arguments| lstm_through_time(arguments, Through::RIGHT, false)),
    ],
    gradient: Some(GradientCheck {
        forward: "lstm_forward",
        forward_call: |arguments| from_second(arguments, vec![0, 1, 2, 3, 4]),
    }),
    ..Exercise::DEFAULTS
};

fn lstm_through_time(arguments: &[Value], how: Through, cell_carried: bool) -> Outcome {
    let (dh, x, h0, w) = (cube(arguments, 0), cube(arguments, 1), matrix(arguments, 2), Weights::new(arguments, 3));
    let zeros = Array2::zeros(h0.dim());
    let mut states = vec![(h0, zeros.clone())];
    for t in 0..x.dim().1 {
        let stepped = LSTM_RIGHT.step(&at_time(&x, t), &states[t].0, &states[t].1, &w);
        states.push((stepped.hidden, stepped.cell));
    }
    let mut dc = zeros.clone();
    how.walk(&dh, x.dim().2, |t, upstream| {
        let inputs = at_time(&x, t);
        let [dx, dprev, before, dwx, dwh, db] =
            LSTM_RIGHT.back([&upstream, &dc], [&inputs, &states[t].0, &states[t].1], &w);
        dc = if cell_carried { before } else { zeros.clone() };
        (dx, dprev, [dwx, dwh, db])
    })
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
