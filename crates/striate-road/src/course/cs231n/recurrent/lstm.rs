//! The long short-term memory.

use super::*;

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

pub(super) static LSTM_STEP: Exercise = Exercise {
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

pub(super) static LSTM: Exercise = Exercise {
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

pub(super) static LSTM_BACKWARD: Exercise = Exercise {
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
