//! The long short-term memory.

use super::*;

fn lstm_step(arguments: &[Value], how: Lstm) -> Outcome {
    let [x, h, c] = [0, 1, 2].map(|at| matrix(arguments, at));
    let stepped = how.step(&x, [&h, &c], &weights(arguments, 3));
    tuple([stepped.hidden.into(), stepped.cell.into()])
}

pub(super) static LSTM_STEP: Exercise = Exercise {
    id: "lstm_step_forward",
    signature: Signature {
        name: "lstm_step_forward",
        parameters: &[X, PREV_H, PREV_C, WX4, WH4, B4],
        returns: results(&[floats_named("next_h", &["N", "H"]), floats_named("next_c", &["N", "H"])]),
    },
    probes: || probes(9165, false, 0, 2, 4),
    reference: |arguments| lstm_step(arguments, Lstm::RIGHT),
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
        [$(GATE_ORDER.when(|arguments| lstm_step(arguments, Lstm { order: [$($order),+], ..Lstm::RIGHT }))),+]
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

const LSTM_OTHERS: [Misconception; 4] = [
    m::FORGET_GATE_TWICE.when(|arguments| lstm_step(arguments, Lstm { order: [1, 1, 2, 3], ..Lstm::RIGHT })),
    m::CANDIDATE_SIGMOID.when(|arguments| lstm_step(arguments, Lstm { candidate: sigmoid, ..Lstm::RIGHT })),
    m::CELL_NOT_SQUASHED.when(|arguments| lstm_step(arguments, Lstm { squash: |c| c, ..Lstm::RIGHT })),
    m::FORGET_GATE_MISSING.when(|arguments| lstm_step(arguments, Lstm { forget: false, ..Lstm::RIGHT })),
];

/// The orders and the others as one list.
const fn joined() -> [Misconception; 27] {
    let mut all = [LSTM_OTHERS[0]; 27];
    let mut at = 0;
    while at < 27 {
        all[at] = if at < 23 { LSTM_ORDERS[at] } else { LSTM_OTHERS[at - 23] };
        at += 1;
    }
    all
}

static LSTM_ALL: [Misconception; 27] = joined();
const LSTM_MISTAKES: &[Misconception] = &LSTM_ALL;

fn lstm_gradients(arguments: &[Value], how: Lstm) -> Outcome {
    let [dh, dc, x, h, c] = [0, 1, 2, 3, 4].map(|at| matrix(arguments, at));
    let (Back { x, h, weights }, cell) = how.back([&dh, &dc], &x, [&h, &c], &weights(arguments, 5));
    tuple([x.into(), h.into(), cell.into(), weights.x.into(), weights.h.into(), weights.b.into()])
}

pub(super) static LSTM_STEP_BACKWARD: Exercise = Exercise {
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
    reference: |arguments| lstm_gradients(arguments, Lstm::RIGHT),
    misconceptions: &[
        m::CELL_PATH_MISSING.when(|arguments| lstm_gradients(arguments, Lstm { cell_path: false, ..Lstm::RIGHT })),
        m::CELL_UPSTREAM_IGNORED
            .when(|arguments| lstm_gradients(arguments, Lstm { upstream_cell: false, ..Lstm::RIGHT })),
        m::FORGET_GRADIENT_MISSING.when(|arguments| lstm_gradients(arguments, Lstm { forget: false, ..Lstm::RIGHT })),
        m::TANH_DERIVATIVE_MISSING
            .when(|arguments| lstm_gradients(arguments, Lstm { cell_slope: false, ..Lstm::RIGHT })),
        m::TANH_DERIVATIVE_MISSING
            .when(|arguments| lstm_gradients(arguments, Lstm { candidate_slope: |_| 1.0, ..Lstm::RIGHT })),
        m::TANH_OF_ACTIVATION.when(|arguments| {
            lstm_gradients(arguments, Lstm { candidate_slope: |g| 1.0 - g.tanh().powi(2), ..Lstm::RIGHT })
        }),
        m::TANH_NOT_SQUARED
            .when(|arguments| lstm_gradients(arguments, Lstm { candidate_slope: |g| 1.0 - g, ..Lstm::RIGHT })),
        m::GATE_SLOPES_MISSING.when(|arguments| lstm_gradients(arguments, Lstm { gate_slopes: false, ..Lstm::RIGHT })),
    ],
    ..Exercise::DEFAULTS
};

pub(super) static LSTM: Exercise = Exercise {
    id: "lstm_forward",
    signature: Signature { name: "lstm_forward", parameters: &[XS, H0, WX4, WH4, B4], returns: HS },
    probes: || probes(9167, true, 0, 1, 4),
    reference: |arguments| lstm_over_time(arguments, Steps::RIGHT),
    misconceptions: &[
        m::STATE_NOT_CARRIED
            .when(|arguments| lstm_over_time(arguments, Steps { state_carried: false, ..Steps::RIGHT })),
        m::CELL_NOT_CARRIED.when(|arguments| lstm_over_time(arguments, Steps { cell_carried: false, ..Steps::RIGHT })),
        m::TIME_REVERSED.when(|arguments| lstm_over_time(arguments, Steps { reversed: true, ..Steps::RIGHT })),
    ],
    ..Exercise::DEFAULTS
};

fn lstm_over_time(arguments: &[Value], how: Steps) -> Outcome {
    let (xs, h0) = (steps_of(arguments, 0), matrix(arguments, 1));
    let states: Vec<_> = how.lstm(&xs, &h0, &weights(arguments, 2)).into_iter().map(|step| step.hidden).collect();
    returns(over_steps(&states))
}

pub(super) static LSTM_BACKWARD: Exercise = Exercise {
    id: "lstm_backward",
    signature: Signature {
        name: "lstm_backward",
        parameters: &[floats_named("dh", &["N", "T", "H"]), XS, H0, WX4, WH4, B4],
        returns: GRADIENTS,
    },
    probes: || probes(9168, true, 1, 1, 4),
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
        forward_call: |arguments| from_second(arguments, vec![0, 1, 2, 3, 4]),
    }),
    ..Exercise::DEFAULTS
};

fn lstm_through_time(arguments: &[Value], how: Through) -> Outcome {
    let (dh, xs) = (steps_of(arguments, 0), steps_of(arguments, 1));
    sequence_gradients(how.lstm(&dh, &xs, &matrix(arguments, 2), &weights(arguments, 3)))
}
