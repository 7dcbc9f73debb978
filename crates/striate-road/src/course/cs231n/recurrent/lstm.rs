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
    misconceptions: &LSTM_MISTAKES,
    ..Exercise::DEFAULTS
};

const GATE_ORDER: m::Words = words(
    "gate-order",
    "the four blocks of columns are taken for the gates in another order",
    "In this course the columns are, block by block: input gate, forget gate, output gate, candidate. Other libraries have \
     other orders (PyTorch and Keras: i f g o); a cell that is wrong everywhere in the same way still trains, but no saved \
     weights fit.",
    "Which columns of x Wx + h Wh + b belong to the forget gate?",
    NOTES,
);

/// One mistake per wrong order of the blocks that are read.
macro_rules! read_in_order {
    ($($order:literal),+) => {
        [$(m::Words {
            title: concat!("the blocks of columns are read in the order ", $order, "; this course has i f o g"),
            ..GATE_ORDER
        }
        .when(|arguments| lstm_step(arguments, Lstm { order: blocks($order), ..Lstm::RIGHT }))),+]
    };
}

const LSTM_ORDERS: [Misconception; 23] = wrong_orders!(read_in_order);

const LSTM_OTHERS: [Misconception; 4] = [
    m::FORGET_GATE_TWICE.when(|arguments| lstm_step(arguments, Lstm { order: [1, 1, 2, 3], ..Lstm::RIGHT })),
    m::CANDIDATE_SIGMOID.when(|arguments| lstm_step(arguments, Lstm { candidate: sigmoid, ..Lstm::RIGHT })),
    m::CELL_NOT_SQUASHED.when(|arguments| lstm_step(arguments, Lstm { squash: |c| c, ..Lstm::RIGHT })),
    m::FORGET_GATE_MISSING.when(|arguments| lstm_step(arguments, Lstm { forget: false, ..Lstm::RIGHT })),
];

/// The mistakes with the orders and the others as one list.
const fn with_orders<const N: usize>(orders: &[Misconception; 23], others: &[Misconception]) -> [Misconception; N] {
    let mut all = [others[0]; N];
    let mut at = 0;
    while at < N {
        all[at] = if at < 23 { orders[at] } else { others[at - 23] };
        at += 1;
    }
    all
}

static LSTM_MISTAKES: [Misconception; 27] = with_orders(&LSTM_ORDERS, &LSTM_OTHERS);

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
    misconceptions: &BACK_MISTAKES,
    gradient: Some(GradientCheck {
        forward: "lstm_step_forward",
        forward_call: |arguments| ForwardCall {
            arguments: arguments[2..].to_vec(),
            with_respect_to: vec![0, 1, 2, 3, 4, 5],
            upstream: arguments[..2].to_vec(),
        },
    }),
    ..Exercise::DEFAULTS
};

struct StepBack;

impl LstmStepBack for StepBack {
    fn gradients(arguments: &[Value], how: Lstm) -> Outcome {
        lstm_gradients(arguments, how)
    }
}

const GATE_ORDER_BACK: m::Words = words(
    "gate-order-in-gradient",
    "the gates' gradients are joined in another order than the forward pass has",
    "Each block of the gradient of the sums belongs to the same columns of Wx, Wh and b as in the forward pass: input gate, \
     forget gate, output gate, candidate. In another order each gate learns from another one's mistakes.",
    "Which block of your joined gradient goes to the columns that made the output gate?",
    NOTES,
);

/// One mistake per wrong order in which the blocks are joined.
macro_rules! joined_in_order {
    ($($order:literal),+) => {
        [$(m::Words {
            title: concat!("the gates' gradients are joined in the order ", $order, "; the forward pass has i f o g"),
            ..GATE_ORDER_BACK
        }
        .when(|arguments| lstm_gradients(arguments, Lstm { joined: gates($order), ..Lstm::RIGHT }))),+]
    };
}

const JOINED_ORDERS: [Misconception; 23] = wrong_orders!(joined_in_order);
static BACK_MISTAKES: [Misconception; 31] = with_orders(&JOINED_ORDERS, &LstmStepBackMistakes::<StepBack>::ALL);

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
