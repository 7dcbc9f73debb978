//! Optimisers and mini-batches (course 2, week 2).

use ndarray::{Array2, Array3, Axis};

use super::super::CourseFunction;
use super::super::cs231n::adam::{
    EARLY, EPS_UNDER_ROOT, LATE, LOST, MOMENT_LOST, NO_CORRECTION, NO_POWER, RIGHT, Rule, SECOND_UNCORRECTED,
    STEP_EARLY, STEP_OFF, STORED, UNCORRECTED, WITHOUT_POWER, step,
};
use super::super::mistakes::{self as m, words};
use super::super::values::{
    count, cube, float_named, floats_named, int_named, matrix, number, results, returns, tuple,
};
use super::OPTIMISERS;
use crate::exercise::{Exercise, Kind, Outcome, Parameter, Probe, Signature};
use crate::exercises::numbers::Numbers;
use crate::value::Value;

pub(super) fn functions() -> Vec<CourseFunction> {
    let f = CourseFunction::new;
    vec![
        f(
            OPTIMISERS,
            &["update_parameters_with_gd"],
            &GD,
            "zeros = np.zeros((len(w), 1))\n\
             steps = []\n\
             for dW in gradients:\n    \
                 new = f({'W1': np.array(w), 'b1': zeros.copy()}, {'dW1': dW, 'db1': zeros.copy()}, learning_rate)\n    \
                 w = new['W1']\n    \
                 steps.append(np.array(w))\n\
             return np.stack(steps)",
        ),
        f(OPTIMISERS, &["random_mini_batches"], &MINI_BATCHES, BATCH_FACTS),
        f(
            OPTIMISERS,
            &["update_parameters_with_momentum"],
            &MOMENTUM,
            "zeros = np.zeros((len(w), 1))\n\
             v, steps = {'dW1': np.zeros_like(w), 'db1': zeros.copy()}, []\n\
             for dW in gradients:\n    \
                 new, v = f({'W1': np.array(w), 'b1': zeros.copy()}, {'dW1': dW, 'db1': zeros.copy()}, v, beta, learning_rate)[:2]\n    \
                 w = new['W1']\n    \
                 steps.append(np.array(w))\n\
             return np.stack(steps)",
        ),
        f(
            OPTIMISERS,
            &["update_parameters_with_adam"],
            &ADAM,
            "zeros = np.zeros((len(w), 1))\n\
             v, s = [{'dW1': np.zeros_like(w), 'db1': zeros.copy()} for _ in range(2)]\n\
             steps = []\n\
             for t, dW in enumerate(gradients, 1):\n    \
                 old, grads = {'W1': np.array(w), 'b1': zeros.copy()}, {'dW1': dW, 'db1': zeros.copy()}\n    \
                 new, v, s = f(old, grads, v, s, t, learning_rate, beta1, beta2, epsilon)[:3]\n    \
                 w = new['W1']\n    \
                 steps.append(np.array(w))\n\
             return np.stack(steps)",
        ),
    ]
}

const NOTES: (&str, &str) = ("dls-c2", "W2 Optimization algorithms");
const W: Parameter = floats_named("w", &["n", "k"]);
const GRADIENTS: Parameter = floats_named("gradients", &["T", "n", "k"]);
const STEPS: Parameter = floats_named("W1 after each step", &["T", "n", "k"]);

fn probes(stream: u64, settings: &'static [&'static [f64]]) -> Vec<Probe> {
    let mut numbers = Numbers::stream(stream);
    let mut probes = Vec::new();
    for ([t, n, k], setting) in [[1, 1, 2], [3, 2, 1], [4, 2, 3]].into_iter().zip(settings.iter().cycle()) {
        let mut call: Vec<Value> =
            vec![numbers.reals([n, k], -1.0, 1.0).into(), numbers.reals([t, n, k], -3.0, 3.0).into()];
        call.extend(setting.iter().map(|&x| Value::Float(x)));
        let s = if t == 1 { "" } else { "s" };
        probes.push(Probe::ordinary(format!("{t} step{s} for weights of {n} by {k}"), call));
    }
    probes
}

fn walk(arguments: &[Value], mut step: impl FnMut(&Array2<f64>, &mut [Array2<f64>; 2], f64) -> Array2<f64>) -> Outcome {
    let (mut w, gradients) = (matrix(arguments, 0), cube(arguments, 1));
    let mut state = [Array2::zeros(w.dim()), Array2::zeros(w.dim())];
    let mut out = Array3::zeros(gradients.dim());
    for (at, gradient) in gradients.axis_iter(Axis(0)).enumerate() {
        w += &step(&gradient.to_owned(), &mut state, (at + 1) as f64);
        out.index_axis_mut(Axis(0), at).assign(&w);
    }
    returns(out)
}

static GD: Exercise = Exercise {
    id: "update_parameters_with_gd",
    signature: Signature {
        name: "update_parameters_with_gd",
        parameters: &[W, GRADIENTS, float_named("learning_rate")],
        returns: STEPS,
    },
    probes: || probes(9231, &[&[0.1]]),
    reference: |arguments| walk(arguments, |dw, _, _| dw * -number(arguments, 2)),
    misconceptions: &[
        m::SIGN_FLIPPED.when(|arguments| walk(arguments, |dw, _, _| dw * number(arguments, 2))),
        words(
            "learning-rate-ignored",
            "the learning rate is not used",
            "The step is the gradient times the learning rate.",
            "What happens when the learning rate is 0?",
            NOTES,
        )
        .when(|arguments| walk(arguments, |dw, _, _| -dw)),
    ],
    ..Exercise::DEFAULTS
};

static MOMENTUM: Exercise = Exercise {
    id: "update_parameters_with_momentum",
    signature: Signature {
        name: "update_parameters_with_momentum",
        parameters: &[W, GRADIENTS, float_named("beta"), float_named("learning_rate")],
        returns: STEPS,
    },
    probes: || probes(9232, &[&[0.9, 0.1], &[0.6, 0.03]]),
    reference: |arguments| momentum(arguments, |v, dw, beta| v * beta + dw * (1.0 - beta), -1.0),
    misconceptions: &[
        m::SIGN_FLIPPED.when(|arguments| momentum(arguments, |v, dw, beta| v * beta + dw * (1.0 - beta), 1.0)),
        words(
            "momentum-not-averaged",
            "the gradient is added whole, without the factor 1 - beta",
            "This course averages: v = beta * v + (1 - beta) * dW. Another course adds up; then the learning rate means \
             something else.",
            "How large does v become when all gradients are 1?",
            NOTES,
        )
        .when(|arguments| momentum(arguments, |v, dw, beta| v * beta + dw, -1.0)),
        words(
            "decay-reversed",
            "beta weighs the new gradient and not the past",
            "beta = 0.9 keeps nine parts of the past: v = beta * v + (1 - beta) * dW.",
            "With beta = 0.9, how much of the past remains after one step?",
            NOTES,
        )
        .when(|arguments| momentum(arguments, |v, dw, beta| v * (1.0 - beta) + dw * beta, -1.0)),
        words(
            "state-not-kept",
            "the velocity is forgotten after each step",
            "v has to hold the new velocity when the function returns; the next step starts from it.",
            "What does your second step know of the first?",
            NOTES,
        )
        .when(|arguments| momentum(arguments, |_, dw, beta| dw * (1.0 - beta), -1.0)),
        words(
            "momentum-ignored",
            "the step uses the gradient and not the velocity",
            "v smooths the gradients; the step is learning_rate * v.",
            "Where does your update use v?",
            NOTES,
        )
        .when(|arguments| momentum(arguments, |_, dw, _| dw.clone(), -1.0)),
    ],
    ..Exercise::DEFAULTS
};

fn momentum(arguments: &[Value], rule: impl Fn(&Array2<f64>, &Array2<f64>, f64) -> Array2<f64>, sign: f64) -> Outcome {
    let (beta, rate) = (number(arguments, 2), number(arguments, 3));
    walk(arguments, |dw, state, _| {
        state[0] = rule(&state[0], dw, beta);
        &state[0] * (sign * rate)
    })
}

static ADAM: Exercise = Exercise {
    id: "update_parameters_with_adam",
    signature: Signature {
        name: "update_parameters_with_adam",
        parameters: &[
            W,
            GRADIENTS,
            float_named("learning_rate"),
            float_named("beta1"),
            float_named("beta2"),
            float_named("epsilon"),
        ],
        returns: STEPS,
    },
    probes: || probes(9233, &[&[0.1, 0.9, 0.99, 0.01], &[0.03, 0.8, 0.9, 0.1]]),
    reference: |arguments| adam(arguments, RIGHT),
    misconceptions: &[
        UNCORRECTED.when(|arguments| {
            adam(arguments, Rule { first_correction: NO_CORRECTION, second_correction: NO_CORRECTION, ..RIGHT })
        }),
        WITHOUT_POWER.when(|arguments| {
            adam(arguments, Rule { first_correction: NO_POWER, second_correction: NO_POWER, ..RIGHT })
        }),
        WITHOUT_POWER.when(|arguments| adam(arguments, Rule { second_correction: NO_POWER, ..RIGHT })),
        WITHOUT_POWER.when(|arguments| adam(arguments, Rule { first_correction: NO_POWER, ..RIGHT })),
        STEP_OFF.when(|arguments| adam(arguments, Rule { first_correction: LATE, second_correction: LATE, ..RIGHT })),
        STEP_EARLY
            .when(|arguments| adam(arguments, Rule { first_correction: EARLY, second_correction: EARLY, ..RIGHT })),
        STORED.when(|arguments| adam(arguments, Rule { stores_corrected: true, ..RIGHT })),
        SECOND_UNCORRECTED.when(|arguments| adam(arguments, Rule { second_correction: NO_CORRECTION, ..RIGHT })),
        m::EPS_INSIDE.when(|arguments| adam(arguments, Rule { denominator: EPS_UNDER_ROOT, ..RIGHT })),
        m::EPS_UNUSED.when(|arguments| {
            adam(arguments, Rule { denominator: |v, correction, _| (v / correction).sqrt(), ..RIGHT })
        }),
        MOMENT_LOST.when(|arguments| adam(arguments, Rule { first: LOST, ..RIGHT })),
    ],
    ..Exercise::DEFAULTS
};

fn adam(arguments: &[Value], rule: Rule) -> Outcome {
    let settings = [2, 3, 4, 5].map(|at| number(arguments, at));
    walk(arguments, |dw, state, t| step(&rule, dw, state, t, settings))
}

/// Columns are numbered, so that it can be seen where each went.
const BATCH_FACTS: &str = "X = np.arange(3 * m, dtype=float).reshape(3, m)\n\
    Y = 10 * X[:1]\n\
    batches = list(f(X.copy(), Y.copy(), size, 3))\n\
    sizes = np.array([np.shape(batch_x)[1] for batch_x, _ in batches], dtype=np.int64)\n\
    columns = np.concatenate([batch_x for batch_x, _ in batches], axis=1)\n\
    labels = np.concatenate([batch_y for _, batch_y in batches], axis=1)\n\
    order = columns[0]\n\
    paired = bool(labels.shape[1] == columns.shape[1] and np.all(labels[0] == 10 * order))\n\
    shuffled = bool(not np.all(np.diff(order) == 1))\n\
    return sizes, paired, shuffled, int(len(np.unique(order)))";

const fn bool_named(name: &'static str) -> Parameter {
    Parameter { name, kind: Kind::Bool, meaning: "" }
}

static MINI_BATCHES: Exercise = Exercise {
    id: "random_mini_batches",
    signature: Signature {
        name: "random_mini_batches",
        parameters: &[int_named("m"), int_named("size")],
        returns: results(&[
            super::super::values::ints_named("batch sizes", &["B"]),
            bool_named("every label with its example"),
            bool_named("shuffled"),
            int_named("different examples"),
        ]),
    },
    probes: || {
        [(20, 8), (12, 4), (7, 16)]
            .map(|(m, size)| {
                Probe::ordinary(format!("{m} examples in batches of {size}"), vec![Value::Int(m), Value::Int(size)])
            })
            .into()
    },
    reference: |arguments| batches(arguments, true, true, true),
    misconceptions: &[
        words(
            "labels-not-shuffled",
            "the examples are shuffled and the labels are not",
            "One permutation for both: X[:, permutation] and Y[:, permutation]. Else the network learns from wrong labels.",
            "Does column 0 of X still belong to column 0 of Y?",
            NOTES,
        )
        .when(|arguments| batches(arguments, false, true, true)),
        words(
            "not-shuffled",
            "the examples keep their order",
            "Shuffle before cutting, so that a batch is a fair sample.",
            "Where does your code use the permutation?",
            NOTES,
        )
        .when(|arguments| batches(arguments, true, false, true)),
        words(
            "last-batch-dropped",
            "the last, smaller batch is left out",
            "If the size does not divide the number of examples, what remains is a batch too.",
            "How many examples do your batches hold together?",
            NOTES,
        )
        .when(|arguments| batches(arguments, true, true, false)),
    ],
    ..Exercise::DEFAULTS
};

fn batches(arguments: &[Value], paired: bool, shuffled: bool, keeps_last: bool) -> Outcome {
    let (m, size) = (count(arguments, 0), count(arguments, 1));
    let mut sizes = vec![size as i64; m / size];
    if keeps_last && m % size > 0 {
        sizes.push((m % size) as i64);
    }
    // All examples in no batch at all: then the adapter finds nothing to join, and raises.
    if sizes.is_empty() {
        return Outcome::Rejects("need at least one array to concatenate".into());
    }
    let used: i64 = sizes.iter().sum();
    let sizes = Value::array(&[sizes.len()], sizes);
    tuple([sizes, Value::Bool(paired), Value::Bool(shuffled), Value::Int(used)])
}
