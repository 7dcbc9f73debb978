//! The plain cell: tanh of a weighted sum of input and state.

use super::*;

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

pub(super) static RNN_STEP: Exercise = Exercise {
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

pub(super) static RNN_STEP_BACKWARD: Exercise = Exercise {
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

pub(super) static RNN: Exercise = Exercise {
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

pub(super) static RNN_BACKWARD: Exercise = Exercise {
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
