//! Update rules (`optim.py`): several steps each, since some mistakes are perfect at the first.

use ndarray::{Array2, Array3, Axis};

use super::super::CourseFunction;
use super::super::mistakes::{self as m, words};
use super::super::values::{cube, float_named, floats_named, matrix, number, returns};
use super::FIRST;
use super::adam::{
    EARLY, EPS_UNDER_ROOT, LATE, LOST, MOMENT_LOST, NO_CORRECTION, NO_POWER, RIGHT, Rule, SECOND_UNCORRECTED,
    STEP_EARLY, STEP_OFF, STORED, UNCORRECTED, WITHOUT_POWER, step,
};
use crate::exercise::{Exercise, Outcome, Parameter, Probe, Signature};
use crate::exercises::numbers::Numbers;
use crate::value::Value;

/// Takes a step per gradient with the configuration in `config`, and returns the weights after each.
macro_rules! steps_with {
    ($config:literal) => {
        concat!(
            "config = ",
            $config,
            "\nsteps = []\n\
             for dw in gradients:\n    \
                 w, config = f(np.array(w), dw, config)\n    \
                 steps.append(np.array(w))\n\
             return np.stack(steps)"
        )
    };
}

pub(super) fn functions() -> Vec<CourseFunction> {
    vec![
        CourseFunction::new(FIRST, &["sgd"], &SGD, steps_with!("{'learning_rate': learning_rate}")),
        CourseFunction::new(
            FIRST,
            &["sgd_momentum"],
            &MOMENTUM,
            steps_with!("{'learning_rate': learning_rate, 'momentum': momentum}"),
        ),
        CourseFunction::new(
            FIRST,
            &["rmsprop"],
            &RMSPROP,
            steps_with!("{'learning_rate': learning_rate, 'decay_rate': decay_rate, 'epsilon': epsilon}"),
        ),
        CourseFunction::new(
            FIRST,
            &["adam"],
            &ADAM,
            steps_with!("{'learning_rate': learning_rate, 'beta1': beta1, 'beta2': beta2, 'epsilon': epsilon}"),
        ),
    ]
}

const W: Parameter = floats_named("w", &["D", "M"]);
const GRADIENTS: Parameter = floats_named("gradients", &["T", "D", "M"]);
const RATE: Parameter = float_named("learning_rate");
const STEPS: Parameter = floats_named("w after each step", &["T", "D", "M"]);
const UPDATES: (&str, &str) = ("cs231n", "notes: Neural networks part 3, Parameter updates");

/// Calls with a number of steps and the given further numbers.
fn probes(stream: u64, settings: &[[f64; 4]], used: usize) -> Vec<Probe> {
    let mut numbers = Numbers::stream(stream);
    let shapes = [[1, 1, 2], [3, 1, 2], [5, 2, 3], [4, 3, 1]];
    let mut probes = Vec::new();
    for ([t, d, width], setting) in shapes.into_iter().zip(settings.iter().cycle()) {
        let mut arguments: Vec<Value> =
            vec![numbers.reals([d, width], -1.0, 1.0).into(), numbers.reals([t, d, width], -3.0, 3.0).into()];
        arguments.extend(setting[..used].iter().map(|&x| Value::Float(x)));
        let label = format!("{t} step{} for weights of {d} by {width}", if t == 1 { "" } else { "s" });
        probes.push(Probe::ordinary(label, arguments));
    }
    probes
}

/// Weights after each step, where `step(w, gradient, state, t)` gives what is added; a state is two arrays of zeros.
fn walk(
    arguments: &[Value],
    mut step: impl FnMut(&Array2<f64>, &Array2<f64>, &mut [Array2<f64>; 2], f64) -> Array2<f64>,
) -> Outcome {
    let (mut w, gradients) = (matrix(arguments, 0), cube(arguments, 1));
    let mut state = [Array2::zeros(w.dim()), Array2::zeros(w.dim())];
    let mut out = Array3::zeros(gradients.dim());
    for (at, gradient) in gradients.axis_iter(Axis(0)).enumerate() {
        let change = step(&w, &gradient.to_owned(), &mut state, (at + 1) as f64);
        w += &change;
        out.index_axis_mut(Axis(0), at).assign(&w);
    }
    returns(out)
}

static SGD: Exercise = Exercise {
    id: "sgd",
    signature: Signature { name: "sgd", parameters: &[W, GRADIENTS, RATE], returns: STEPS },
    probes: || probes(9131, &[[0.1, 0.0, 0.0, 0.0]], 1),
    reference: |arguments| walk(arguments, |_, dw, _, _| dw * -number(arguments, 2)),
    misconceptions: &[
        m::SIGN_FLIPPED.when(|arguments| walk(arguments, |_, dw, _, _| dw * number(arguments, 2))),
        words(
            "learning-rate-ignored",
            "the learning rate is not used",
            "The step is the gradient times the learning rate.",
            "What happens when the learning rate is 0?",
            UPDATES,
        )
        .when(|arguments| walk(arguments, |_, dw, _, _| -dw)),
    ],
    ..Exercise::DEFAULTS
};

static MOMENTUM: Exercise = Exercise {
    id: "sgd_momentum",
    signature: Signature {
        name: "sgd_momentum",
        parameters: &[W, GRADIENTS, RATE, float_named("momentum")],
        returns: STEPS,
    },
    probes: || probes(9132, &[[0.1, 0.9, 0.0, 0.0], [0.03, 0.5, 0.0, 0.0]], 2),
    reference: |arguments| momentum(arguments, |v, dw, rate, mu| (v * mu - dw * rate, None)),
    misconceptions: &[
        m::SIGN_FLIPPED.when(|arguments| momentum(arguments, |v, dw, rate, mu| (v * mu + dw * rate, None))),
        words(
            "state-not-kept",
            "the velocity is forgotten after each step",
            "config['velocity'] has to hold the new velocity when the function returns; the next step starts from it.",
            "What does your second step know of the first?",
            UPDATES,
        )
        .when(|arguments| momentum(arguments, |v, dw, rate, _| (v * 0.0, Some(dw * -rate)))),
        words(
            "nesterov-always",
            "the step looks ahead as in Nesterov's momentum",
            "The plain rule is v = mu * v - rate * dw; w += v. Nesterov's takes -mu * v_before + (1 + mu) * v.",
            "How often does mu appear in your step?",
            UPDATES,
        )
        .when(|arguments| {
            momentum(arguments, |v, dw, rate, mu| {
                let next = v * mu - dw * rate;
                let step = v * -mu + &next * (1.0 + mu);
                (next, Some(step))
            })
        }),
        words(
            "momentum-averaged",
            "the gradient is weighted with 1 - momentum, as in a moving average",
            "This course adds up: v = mu * v - rate * dw. Another course averages; then the learning rate means something else.",
            "What is the first step when the momentum is 0.9?",
            UPDATES,
        )
        .when(|arguments| momentum(arguments, |v, dw, rate, mu| (v * mu - dw * (rate * (1.0 - mu)), None))),
        words(
            "updated-after-use",
            "the weights move by the velocity of before",
            "First the velocity is updated, then the weights move by the new one.",
            "Do the weights move in the first step?",
            UPDATES,
        )
        .when(|arguments| momentum(arguments, |v, dw, rate, mu| (v * mu - dw * rate, Some(v.clone())))),
    ],
    ..Exercise::DEFAULTS
};

/// `rule(v, dw, rate, mu)` gives the next velocity, and the step where that is another.
fn momentum(
    arguments: &[Value],
    rule: impl Fn(&Array2<f64>, &Array2<f64>, f64, f64) -> (Array2<f64>, Option<Array2<f64>>),
) -> Outcome {
    let (rate, mu) = (number(arguments, 2), number(arguments, 3));
    walk(arguments, |_, dw, state, _| {
        let (next, step) = rule(&state[0], dw, rate, mu);
        state[0] = next;
        step.unwrap_or_else(|| state[0].clone())
    })
}

static RMSPROP: Exercise = Exercise {
    id: "rmsprop",
    signature: Signature {
        name: "rmsprop",
        parameters: &[W, GRADIENTS, RATE, float_named("decay_rate"), float_named("epsilon")],
        returns: STEPS,
    },
    probes: || probes(9133, &[[0.1, 0.9, 0.01, 0.0], [0.03, 0.5, 0.1, 0.0]], 3),
    reference: |arguments| rmsprop(arguments, moving, |dw, cache, eps| dw / (cache.mapv(f64::sqrt) + eps)),
    misconceptions: &[
        words(
            "squares-summed",
            "the squares are added up for ever, as in Adagrad",
            "RMSProp forgets: cache = decay * cache + (1 - decay) * dw**2. A sum only grows, and the steps die out.",
            "Can your cache become smaller?",
            m::ADAPTIVE,
        )
        .when(|arguments| {
            rmsprop(arguments, |cache, dw, _| cache + dw * dw, |dw, cache, eps| dw / (cache.mapv(f64::sqrt) + eps))
        }),
        words(
            "decay-reversed",
            "the decay weighs the new square and not the old ones",
            "decay_rate = 0.99 keeps 99 parts of the past: cache = decay * cache + (1 - decay) * dw**2.",
            "With a decay rate of 0.99, how much of the past remains after one step?",
            m::ADAPTIVE,
        )
        .when(|arguments| {
            rmsprop(
                arguments,
                |cache, dw, decay| moving(cache, dw, 1.0 - decay),
                |dw, cache, eps| dw / (cache.mapv(f64::sqrt) + eps),
            )
        }),
        words(
            "root-missing",
            "the gradient is divided by the mean square and not by its root",
            "dw / sqrt(mean of squares) has no unit: it is about 1, whatever the size of the gradients.",
            "If all gradients were ten times as large, how would your step change?",
            m::ADAPTIVE,
        )
        .when(|arguments| rmsprop(arguments, moving, |dw, cache, eps| dw / (cache + eps))),
        m::EPS_UNUSED.when(|arguments| rmsprop(arguments, moving, |dw, cache, _| dw / cache.mapv(f64::sqrt))),
        m::EPS_INSIDE.when(|arguments| rmsprop(arguments, moving, |dw, cache, eps| dw / (cache + eps).mapv(f64::sqrt))),
        words(
            "gradient-not-squared",
            "the average is of the gradients and not of their squares",
            "Positive and negative gradients must not cancel: the average is of dw**2.",
            "Can your cache become negative?",
            m::ADAPTIVE,
        )
        .when(|arguments| {
            rmsprop(
                arguments,
                |cache, dw, decay| cache * decay + dw * (1.0 - decay),
                |dw, cache, eps| dw / (cache.mapv(f64::sqrt) + eps),
            )
        }),
    ],
    ..Exercise::DEFAULTS
};

fn moving(cache: &Array2<f64>, dw: &Array2<f64>, decay: f64) -> Array2<f64> {
    cache * decay + dw * dw * (1.0 - decay)
}

fn rmsprop(
    arguments: &[Value],
    remember: impl Fn(&Array2<f64>, &Array2<f64>, f64) -> Array2<f64>,
    direction: impl Fn(&Array2<f64>, &Array2<f64>, f64) -> Array2<f64>,
) -> Outcome {
    let [rate, decay, eps] = [2, 3, 4].map(|at| number(arguments, at));
    walk(arguments, |_, dw, state, _| {
        state[0] = remember(&state[0], dw, decay);
        direction(dw, &state[0], eps) * -rate
    })
}

static ADAM: Exercise = Exercise {
    id: "adam",
    signature: Signature {
        name: "adam",
        parameters: &[W, GRADIENTS, RATE, float_named("beta1"), float_named("beta2"), float_named("epsilon")],
        returns: STEPS,
    },
    probes: || probes(9134, &[[0.1, 0.9, 0.99, 0.01], [0.03, 0.8, 0.9, 0.1]], 4),
    reference: |arguments| adam(arguments, RIGHT),
    misconceptions: ADAM_MISTAKES,
    ..Exercise::DEFAULTS
};

fn adam(arguments: &[Value], rule: Rule) -> Outcome {
    adam_with(arguments, [2, 3, 4, 5], rule)
}

/// Adam whose rate, betas and epsilon are these arguments.
fn adam_with(arguments: &[Value], places: [usize; 4], rule: Rule) -> Outcome {
    let settings = places.map(|at| number(arguments, at));
    walk(arguments, |_, dw, state, t| step(&rule, dw, state, t, settings))
}

const BETAS_SWAPPED: m::Words = words(
    "betas-swapped",
    "beta1 and beta2 have changed places",
    "beta1 = 0.9 belongs to m, the mean of the gradients; beta2 = 0.999, the longer memory, to v, that of their squares.",
    "Which of your two moments has the longer memory?",
    m::ADAPTIVE,
);

const SQUARE_MISSING: m::Words = words(
    "gradient-not-squared",
    "the second moment averages the gradients and not their squares",
    "v measures the size of the gradients: v = beta2 * v + (1 - beta2) * dw**2.",
    "Can your v become negative?",
    m::ADAPTIVE,
);
const REVERSED: m::Words = words(
    "decay-reversed",
    "beta weighs the new gradient and not the past",
    "beta1 = 0.9 keeps nine parts of the past: m = beta1 * m + (1 - beta1) * dw.",
    "With beta1 = 0.9, how much of the past remains after one step?",
    m::ADAPTIVE,
);

const ADAM_MISTAKES: &[crate::exercise::Misconception] = &[
    UNCORRECTED.when(|arguments| {
        adam(arguments, Rule { first_correction: NO_CORRECTION, second_correction: NO_CORRECTION, ..RIGHT })
    }),
    WITHOUT_POWER
        .when(|arguments| adam(arguments, Rule { first_correction: NO_POWER, second_correction: NO_POWER, ..RIGHT })),
    WITHOUT_POWER.when(|arguments| adam(arguments, Rule { second_correction: NO_POWER, ..RIGHT })),
    WITHOUT_POWER.when(|arguments| adam(arguments, Rule { first_correction: NO_POWER, ..RIGHT })),
    STEP_OFF.when(|arguments| adam(arguments, Rule { first_correction: LATE, second_correction: LATE, ..RIGHT })),
    STEP_EARLY.when(|arguments| adam(arguments, Rule { first_correction: EARLY, second_correction: EARLY, ..RIGHT })),
    STORED.when(|arguments| adam(arguments, Rule { stores_corrected: true, ..RIGHT })),
    SECOND_UNCORRECTED.when(|arguments| adam(arguments, Rule { second_correction: NO_CORRECTION, ..RIGHT })),
    m::EPS_INSIDE.when(|arguments| adam(arguments, Rule { denominator: EPS_UNDER_ROOT, ..RIGHT })),
    m::EPS_UNUSED
        .when(|arguments| adam(arguments, Rule { denominator: |v, correction, _| (v / correction).sqrt(), ..RIGHT })),
    BETAS_SWAPPED.when(|arguments| adam_with(arguments, [2, 4, 3, 5], RIGHT)),
    MOMENT_LOST.when(|arguments| adam(arguments, Rule { first: LOST, ..RIGHT })),
    SQUARE_MISSING
        .when(|arguments| adam(arguments, Rule { second: |v, g, beta| beta * v + (1.0 - beta) * g, ..RIGHT })),
    REVERSED.when(|arguments| {
        adam(
            arguments,
            Rule {
                first: |m, g, beta| (RIGHT.first)(m, g, 1.0 - beta),
                second: |v, g, beta| (RIGHT.second)(v, g, 1.0 - beta),
                ..RIGHT
            },
        )
    }),
];
