//! The plain cell: tanh of a weighted sum of input and state.

use super::*;

fn step_gradients(arguments: &[Value], cell: Cell) -> Outcome {
    let [upstream, x, h] = [0, 1, 2].map(|at| matrix(arguments, at));
    let Back { x, h, weights } = cell.back(&upstream, &x, &h, &weights(arguments, 3));
    tuple([x.into(), h.into(), weights.x.into(), weights.h.into(), weights.b.into()])
}

pub(super) static RNN_STEP: Exercise = Exercise {
    id: "rnn_step_forward",
    signature: Signature {
        name: "rnn_step_forward",
        parameters: &[X, PREV_H, WX, WH, B],
        returns: floats_named("next_h", &["N", "H"]),
    },
    probes: || probes(9161, false, 0, 1, 1),
    reference: |arguments| one_step(arguments, Cell::RIGHT),
    misconceptions: &[
        words(
            "activation-missing",
            "tanh is not applied",
            "next_h = tanh(x Wx + prev_h Wh + b): without tanh the states grow without end.",
            "Between which numbers do your states lie?",
            NOTES,
        )
        .when(|arguments| one_step(arguments, Cell { squash: |a| a, ..Cell::RIGHT })),
        m::SIGMOID_FOR_TANH.when(|arguments| one_step(arguments, Cell { squash: sigmoid, ..Cell::RIGHT })),
        m::STATE_IGNORED.when(|arguments| one_step(arguments, Cell { recurrent: false, ..Cell::RIGHT })),
        m::BIAS_MISSING.when(|arguments| one_step(arguments, Cell { bias: false, ..Cell::RIGHT })),
    ],
    ..Exercise::DEFAULTS
};

fn one_step(arguments: &[Value], cell: Cell) -> Outcome {
    returns(cell.step(&matrix(arguments, 0), &matrix(arguments, 1), &weights(arguments, 2)))
}

pub(super) static RNN_STEP_BACKWARD: Exercise = Exercise {
    id: "rnn_step_backward",
    signature: Signature {
        name: "rnn_step_backward",
        parameters: &[floats_named("dnext_h", &["N", "H"]), X, PREV_H, WX, WH, B],
        returns: GRADIENTS,
    },
    probes: || probes(9162, false, 1, 1, 1),
    reference: |arguments| step_gradients(arguments, Cell::RIGHT),
    misconceptions: &[
        m::TANH_DERIVATIVE_MISSING.when(|arguments| step_gradients(arguments, Cell { slope: |_| 1.0, ..Cell::RIGHT })),
        m::TANH_NOT_SQUARED.when(|arguments| step_gradients(arguments, Cell { slope: |h| 1.0 - h, ..Cell::RIGHT })),
        m::TANH_OF_ACTIVATION
            .when(|arguments| step_gradients(arguments, Cell { slope: |h| 1.0 - h.tanh().powi(2), ..Cell::RIGHT })),
        m::SUM_OVER_WRONG_AXIS.when(|arguments| step_gradients(arguments, Cell { sum_features: true, ..Cell::RIGHT })),
        m::NEXT_STATE.when(|arguments| step_gradients(arguments, Cell { weights_from_next: true, ..Cell::RIGHT })),
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
    reference: |arguments| over_time(arguments, Steps::RIGHT),
    misconceptions: &[
        m::STATE_NOT_CARRIED.when(|arguments| over_time(arguments, Steps { state_carried: false, ..Steps::RIGHT })),
        m::TIME_REVERSED.when(|arguments| over_time(arguments, Steps { reversed: true, ..Steps::RIGHT })),
    ],
    ..Exercise::DEFAULTS
};

fn over_time(arguments: &[Value], how: Steps) -> Outcome {
    let (xs, h0) = (steps_of(arguments, 0), matrix(arguments, 1));
    returns(over_steps(&how.plain(&xs, &h0, &weights(arguments, 2))))
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
        m::STATE_GRADIENT_LOST.when(|arguments| through_time(arguments, Through { carried: false, ..Through::RIGHT })),
        m::UPSTREAM_LOST.when(|arguments| through_time(arguments, Through { every_upstream: false, ..Through::RIGHT })),
        m::LAST_STEP_WEIGHTS
            .when(|arguments| through_time(arguments, Through { weights_add: false, ..Through::RIGHT })),
        m::LOOPS_FORWARDS.when(|arguments| through_time(arguments, Through { backwards: false, ..Through::RIGHT })),
    ],
    gradient: Some(GradientCheck {
        forward: "rnn_forward",
        forward_call: |arguments| from_second(arguments, vec![0, 1, 2, 3, 4]),
    }),
    ..Exercise::DEFAULTS
};

fn through_time(arguments: &[Value], how: Through) -> Outcome {
    let (dh, xs) = (steps_of(arguments, 0), steps_of(arguments, 1));
    sequence_gradients(how.plain(&dh, &xs, &matrix(arguments, 2), &weights(arguments, 3)))
}
