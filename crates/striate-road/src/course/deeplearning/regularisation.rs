//! Regularisation and dropout on a network of three layers (course 2, week 1).

use ndarray::{Array2, Axis};

use super::super::CourseFunction;
use super::super::mistakes::{self as m, words};
use super::super::values::{float_named, floats_named, matrix, number, results, tuple};
use super::REGULARISATION;
use crate::exercise::{Exercise, Outcome, Parameter, Probe, Signature};
use crate::exercises::numbers::Numbers;
use crate::value::Value;

/// The three layers forwards, for the cache that the course's own forward pass makes.
macro_rules! after_forward {
    ($rest:literal) => {
        concat!(
            "Z1 = W1 @ X + b1\n\
             A1 = np.maximum(0, Z1)\n\
             Z2 = W2 @ A1 + b2\n\
             A2 = np.maximum(0, Z2)\n\
             Z3 = W3 @ A2 + b3\n\
             A3 = 1 / (1 + np.exp(-Z3))\n",
            $rest,
            "\nreturn g['dW1'], g['db1'], g['dW2'], g['db2'], g['dW3'], g['db3']"
        )
    };
}

pub(super) fn functions() -> Vec<CourseFunction> {
    let f = CourseFunction::new;
    vec![
        f(
            REGULARISATION,
            &["compute_cost_with_regularization"],
            &COST,
            "return float(np.squeeze(f(A3, Y, {'W1': W1, 'b1': None, 'W2': W2, 'b2': None, 'W3': W3, 'b3': None}, lambd)))",
        ),
        f(
            REGULARISATION,
            &["backward_propagation_with_regularization"],
            &WITH_PENALTY,
            after_forward!("g = f(X, Y, (Z1, A1, W1, b1, Z2, A2, W2, b2, Z3, A3, W3, b3), lambd)"),
        ),
        f(
            REGULARISATION,
            &["forward_propagation_with_dropout"],
            &DROPOUT,
            "n = 300\n\
             parameters = {'W1': np.eye(n), 'b1': np.zeros((n, 1)), 'W2': np.eye(n), 'b2': np.zeros((n, 1)),\n              \
                           'W3': np.ones((1, n)) / n, 'b3': np.zeros((1, 1))}\n\
             A1, A2 = [np.asarray(f(np.ones((n, 200)), parameters, keep_prob)[1][at], dtype=float) for at in (2, 7)]\n\
             share = round(float(np.mean(A1 == 0)) * 50) / 50\n\
             kept = float(np.mean(A1[A1 != 0])) if np.any(A1) else 0.0\n\
             twice = float(np.max(A2)) / kept if kept else 0.0\n\
             return share, kept, twice",
        ),
        f(
            REGULARISATION,
            &["backward_propagation_with_dropout"],
            &DROPOUT_BACKWARD,
            "Z1 = W1 @ X + b1\n\
             A1 = np.maximum(0, Z1) * D1 / keep_prob\n\
             Z2 = W2 @ A1 + b2\n\
             A2 = np.maximum(0, Z2) * D2 / keep_prob\n\
             Z3 = W3 @ A2 + b3\n\
             A3 = 1 / (1 + np.exp(-Z3))\n\
             g = f(X, Y, (Z1, D1, A1, W1, b1, Z2, D2, A2, W2, b2, Z3, A3, W3, b3), keep_prob)\n\
             return g['dW1'], g['db1'], g['dW2'], g['db2'], g['dW3'], g['db3']",
        ),
        f(
            REGULARISATION,
            &["backward_propagation_n"],
            &PLANTED,
            after_forward!("g = f(X, Y, (Z1, A1, W1, b1, Z2, A2, W2, b2, Z3, A3, W3, b3))"),
        ),
    ]
}

const NOTES: (&str, &str) = ("dls-c2", "W1 Practical aspects of deep learning");
const X: Parameter = floats_named("X", &["n0", "m"]);
const Y: Parameter = floats_named("Y", &["1", "m"]);
const W1: Parameter = floats_named("W1", &["n1", "n0"]);
const B1: Parameter = floats_named("b1", &["n1", "1"]);
const W2: Parameter = floats_named("W2", &["n2", "n1"]);
const B2: Parameter = floats_named("b2", &["n2", "1"]);
const W3: Parameter = floats_named("W3", &["1", "n2"]);
const B3: Parameter = floats_named("b3", &["1", "1"]);
const GRADIENTS: Parameter = results(&[
    floats_named("dW1", &["n1", "n0"]),
    floats_named("db1", &["n1", "1"]),
    floats_named("dW2", &["n2", "n1"]),
    floats_named("db2", &["n2", "1"]),
    floats_named("dW3", &["1", "n2"]),
    floats_named("db3", &["1", "1"]),
]);

/// X, Y and the parameters of three layers, then what `more` adds.
fn networks(stream: u64, mut more: impl FnMut(&mut Numbers, [usize; 4], &mut Vec<Value>)) -> Vec<Probe> {
    let mut numbers = Numbers::stream(stream);
    let mut probes = Vec::new();
    for [n0, n1, n2, m] in [[2, 1, 2, 1], [3, 2, 4, 5], [2, 5, 3, 4]] {
        let y = Array2::from_shape_fn((1, m), |(_, j)| f64::from(j % 2 == 0));
        let mut call: Vec<Value> = vec![numbers.reals([n0, m], -2.0, 2.0).into(), y.into()];
        for [n, before] in [[n1, n0], [n2, n1], [1, n2]] {
            call.push(numbers.reals([n, before], -1.0, 1.5).into());
            call.push(numbers.reals([n, 1], 0.1, 0.5).into());
        }
        more(&mut numbers, [n0, n1, n2, m], &mut call);
        probes.push(Probe::ordinary(format!("layers of {n0}, {n1}, {n2} and 1 units, {m} examples"), call));
    }
    probes
}

static COST: Exercise = Exercise {
    id: "compute_cost_with_regularization",
    signature: Signature {
        name: "compute_cost_with_regularization",
        parameters: &[floats_named("A3", &["1", "m"]), Y, W1, W2, W3, float_named("lambd")],
        returns: float_named("cost"),
    },
    probes: || {
        let mut numbers = Numbers::stream(9221);
        [[2, 3, 2, 1], [3, 2, 4, 5]]
            .map(|[n0, n1, n2, m]| {
                let y = Array2::from_shape_fn((1, m), |(_, j)| f64::from(j % 2 == 0));
                let mut call: Vec<Value> = vec![numbers.reals([1, m], 0.1, 0.9).into(), y.into()];
                for shape in [[n1, n0], [n2, n1], [1, n2]] {
                    call.push(numbers.reals(shape, -1.0, 1.0).into());
                }
                call.push(Value::Float(0.7));
                Probe::ordinary(format!("layers of {n0}, {n1}, {n2} and 1 units, {m} examples"), call)
            })
            .into()
    },
    reference: |arguments| penalised(arguments, [1.0; 3], 0.5, |lambda, m| lambda / m),
    misconceptions: &[
        words(
            "regularization-missing",
            "the penalty is not added",
            "The cost is the cross-entropy plus lambda / (2 m) times the sum of all squared weights.",
            "Does your cost change when lambd does?",
            NOTES,
        )
        .when(|arguments| penalised(arguments, [0.0; 3], 0.5, |lambda, m| lambda / m)),
        words(
            "penalty-half-missing",
            "the factor 1/2 of the penalty is missing",
            "The penalty is lambda / (2 m): with the half its gradient is lambda / m * W.",
            "What is the derivative of w**2 / 2?",
            NOTES,
        )
        .when(|arguments| penalised(arguments, [1.0; 3], 1.0, |lambda, m| lambda / m)),
        words(
            "mean-missing-in-penalty",
            "the penalty is not divided by the number of examples",
            "In this course the penalty is divided by m, as the cross-entropy is.",
            "Where is the m in your penalty?",
            NOTES,
        )
        .when(|arguments| penalised(arguments, [1.0; 3], 0.5, |lambda, _| lambda)),
        words(
            "last-layer-not-penalised",
            "W3 is left out of the penalty",
            "The penalty is on the weights of all layers.",
            "Does your cost change when W3 does?",
            NOTES,
        )
        .when(|arguments| penalised(arguments, [1.0, 1.0, 0.0], 0.5, |lambda, m| lambda / m)),
    ],
    ..Exercise::DEFAULTS
};

fn penalised(arguments: &[Value], layers: [f64; 3], half: f64, factor: fn(f64, f64) -> f64) -> Outcome {
    let (a, y) = (matrix(arguments, 0), matrix(arguments, 1));
    let m = a.len() as f64;
    let entropy: f64 = a.iter().zip(&y).map(|(a, y)| -y * a.ln() - (1.0 - y) * (1.0 - a).ln()).sum();
    let squares: f64 = (0..3).map(|at| layers[at] * matrix(arguments, 2 + at).mapv(|w| w * w).sum()).sum();
    Outcome::Value(Value::Float(entropy / m + half * factor(number(arguments, 5), m) * squares))
}

/// The backward pass of the three layers, each part free to be wrong.
#[derive(Clone, Copy)]
struct Backward {
    /// What of the weights is added to their gradients, from lambda and m.
    penalty: fn(f64, f64) -> f64,
    penalises_bias: bool,
    mean: bool,
    weight_factor: f64,
    bias_factor: f64,
    masks: [bool; 2],
    inverted: bool,
}

const BACKWARD: Backward = Backward {
    penalty: |_, _| 0.0,
    penalises_bias: false,
    mean: true,
    weight_factor: 1.0,
    bias_factor: 1.0,
    masks: [false, false],
    inverted: true,
};

/// Masks of the two hidden layers, and the probability of keeping.
struct Dropped {
    masks: [Array2<f64>; 2],
    keep: f64,
}

fn backward(arguments: &[Value], lambda: f64, dropped: Option<&Dropped>, how: Backward) -> Outcome {
    let [x, y, w1, b1, w2, b2, w3, b3] = [0, 1, 2, 3, 4, 5, 6, 7].map(|at| matrix(arguments, at));
    let m = x.ncols() as f64;
    let relu = |z: Array2<f64>, at: usize| {
        let a = z.mapv(|z| z.max(0.0));
        dropped.map_or(a.clone(), |dropped| a * &dropped.masks[at] / dropped.keep)
    };
    let a1 = relu(w1.dot(&x) + &b1, 0);
    let a2 = relu(w2.dot(&a1) + &b2, 1);
    let a3 = (w3.dot(&a2) + &b3).mapv(|z| 1.0 / (1.0 + (-z).exp()));
    let back = |da: Array2<f64>, a: &Array2<f64>, at: usize| {
        let mut da = da;
        if let (Some(dropped), true) = (dropped, how.masks[at]) {
            da *= &dropped.masks[at];
            if how.inverted {
                da /= dropped.keep;
            }
        }
        da * a.mapv(|a| f64::from(a > 0.0))
    };
    let dz3 = a3 - &y;
    let dz2 = back(w3.t().dot(&dz3), &a2, 1);
    let dz1 = back(w2.t().dot(&dz2), &a1, 0);
    let scale = if how.mean { m } else { 1.0 };
    let weights = |dz: &Array2<f64>, a: &Array2<f64>, w: &Array2<f64>, factor: f64| {
        dz.dot(&a.t()) / scale * factor + w * (how.penalty)(lambda, m)
    };
    let bias = |dz: &Array2<f64>, b: &Array2<f64>, factor: f64| {
        let penalty = if how.penalises_bias { b * (how.penalty)(lambda, m) } else { b * 0.0 };
        dz.sum_axis(Axis(1)).insert_axis(Axis(1)) / scale * factor + penalty
    };
    tuple([
        weights(&dz1, &x, &w1, 1.0).into(),
        bias(&dz1, &b1, how.bias_factor).into(),
        weights(&dz2, &a1, &w2, how.weight_factor).into(),
        bias(&dz2, &b2, 1.0).into(),
        weights(&dz3, &a2, &w3, 1.0).into(),
        bias(&dz3, &b3, 1.0).into(),
    ])
}

const PENALISED: Backward = Backward { penalty: |lambda, m| lambda / m, ..BACKWARD };

fn with_penalty(arguments: &[Value], how: Backward) -> Outcome {
    backward(arguments, number(arguments, 8), None, how)
}

static WITH_PENALTY: Exercise = Exercise {
    id: "backward_propagation_with_regularization",
    signature: Signature {
        name: "backward_propagation_with_regularization",
        parameters: &[X, Y, W1, B1, W2, B2, W3, B3, float_named("lambd")],
        returns: GRADIENTS,
    },
    probes: || networks(9222, |_, _, call| call.push(Value::Float(0.7))),
    reference: |arguments| with_penalty(arguments, PENALISED),
    misconceptions: &[
        words(
            "regularization-missing",
            "the penalty has no part in the gradients",
            "What is added to the cost has a gradient of its own: lambda / (2 m) * sum(W * W) adds lambda / m * W to dW.",
            "Do your gradients change when lambd does?",
            NOTES,
        )
        .when(|arguments| with_penalty(arguments, BACKWARD)),
        words(
            "mean-missing-in-penalty-gradient",
            "the penalty's gradient is not divided by the number of examples",
            "lambda / (2 m) * sum(W * W) in the cost gives lambda / m * W in the gradient.",
            "Where is the m in lambda * W?",
            NOTES,
        )
        .when(|arguments| with_penalty(arguments, Backward { penalty: |lambda, _| lambda, ..BACKWARD })),
        words(
            "penalty-gradient-halved",
            "the penalty's gradient is half of what it should be",
            "The 1/2 in the cost is there to cancel the 2 of the derivative: lambda / m * W remains.",
            "What is the derivative of lambda / (2 m) * w**2?",
            NOTES,
        )
        .when(|arguments| with_penalty(arguments, Backward { penalty: |lambda, m| 0.5 * lambda / m, ..BACKWARD })),
        words(
            "bias-regularized",
            "the biases are penalised as well",
            "The penalty is on the weights only: a bias shifts, it does not make the function wilder.",
            "Does your cost contain b?",
            NOTES,
        )
        .when(|arguments| with_penalty(arguments, Backward { penalises_bias: true, ..PENALISED })),
        m::MEAN_MISSING.when(|arguments| with_penalty(arguments, Backward { mean: false, ..PENALISED })),
    ],
    ..Exercise::DEFAULTS
};

static PLANTED: Exercise = Exercise {
    id: "backward_propagation_n",
    signature: Signature {
        name: "backward_propagation_n",
        parameters: &[X, Y, W1, B1, W2, B2, W3, B3],
        returns: GRADIENTS,
    },
    probes: || networks(9223, |_, _, _| {}),
    reference: |arguments| backward(arguments, 0.0, None, BACKWARD),
    misconceptions: &[
        words(
            "planted-mistakes-remain",
            "dW2 is twice and db1 four times what it should be",
            "The course planted both for gradient checking to find: dW2 = 1./m * np.dot(dZ2, A1.T) * 2 and db1 = 4./m * ... \
             Take the 2 out, and make the 4 a 1.",
            "What difference does gradient_check_n report?",
            NOTES,
        )
        .when(|arguments| backward(arguments, 0.0, None, Backward { weight_factor: 2.0, bias_factor: 4.0, ..BACKWARD })),
        words(
            "planted-factor-in-dw2",
            "dW2 is twice what it should be",
            "The course planted the * 2 in dW2 for gradient checking to find.",
            "What difference does gradient_check_n report?",
            NOTES,
        )
        .when(|arguments| backward(arguments, 0.0, None, Backward { weight_factor: 2.0, ..BACKWARD })),
        words(
            "planted-factor-in-db1",
            "db1 is four times what it should be",
            "The course planted the 4 in db1 for gradient checking to find.",
            "What difference does gradient_check_n report?",
            NOTES,
        )
        .when(|arguments| backward(arguments, 0.0, None, Backward { bias_factor: 4.0, ..BACKWARD })),
        m::MEAN_MISSING.when(|arguments| backward(arguments, 0.0, None, Backward { mean: false, ..BACKWARD })),
    ],
    ..Exercise::DEFAULTS
};

static DROPOUT_BACKWARD: Exercise = Exercise {
    id: "backward_propagation_with_dropout",
    signature: Signature {
        name: "backward_propagation_with_dropout",
        parameters: &[
            X,
            Y,
            W1,
            B1,
            W2,
            B2,
            W3,
            B3,
            floats_named("D1", &["n1", "m"]),
            floats_named("D2", &["n2", "m"]),
            float_named("keep_prob"),
        ],
        returns: GRADIENTS,
    },
    probes: || {
        networks(9224, |numbers, [_, n1, n2, m], call| {
            let mut mask = |n: usize| -> Array2<f64> {
                let mut mask = numbers.integers([n, m], 0, 1);
                mask[[0, 0]] = 1.0;
                mask
            };
            let (first, second) = (mask(n1), mask(n2));
            call.extend([first.into(), second.into(), Value::Float(0.8)]);
        })
    },
    reference: |arguments| with_dropout(arguments, DROPPED),
    misconceptions: &[
        words(
            "backward-unscaled",
            "the gradients are masked but not divided by keep_prob",
            "A was divided by keep_prob on the way up, so dA is divided by it on the way down.",
            "What is d(A * D / keep_prob) / dA?",
            NOTES,
        )
        .when(|arguments| with_dropout(arguments, Backward { inverted: false, ..DROPPED })),
        words(
            "first-layer-not-dropped",
            "D1 is not applied in the backward pass",
            "Both hidden layers were dropped on the way up, so both are on the way down.",
            "Where does your backward pass use D1?",
            NOTES,
        )
        .when(|arguments| with_dropout(arguments, Backward { masks: [false, true], ..DROPPED })),
    ],
    ..Exercise::DEFAULTS
};

const DROPPED: Backward = Backward { masks: [true, true], ..BACKWARD };

fn with_dropout(arguments: &[Value], how: Backward) -> Outcome {
    let dropped = Dropped { masks: [matrix(arguments, 8), matrix(arguments, 9)], keep: number(arguments, 10) };
    backward(arguments, 0.0, Some(&dropped), how)
}

static DROPOUT: Exercise = Exercise {
    id: "forward_propagation_with_dropout",
    signature: Signature {
        name: "forward_propagation_with_dropout",
        parameters: &[float_named("keep_prob")],
        returns: results(&[
            float_named("share of zeros in A1"),
            float_named("what a kept 1 becomes in A1"),
            float_named("by how much A2 is scaled again"),
        ]),
    },
    probes: || {
        [0.3, 0.8, 0.6].map(|p| Probe::ordinary(format!("60 000 ones, keep_prob = {p}"), vec![Value::Float(p)])).into()
    },
    reference: |arguments| facts(1.0 - number(arguments, 0), 1.0 / number(arguments, 0)),
    misconceptions: &[
        words(
            "dropout-not-inverted",
            "what is kept is not divided by keep_prob",
            "Divide by keep_prob, so that the expected value stays the same.",
            "What is the mean of A1 for an input of ones?",
            NOTES,
        )
        .when(|arguments| facts(1.0 - number(arguments, 0), 1.0)),
        words(
            "drop-keep-swapped",
            "units are dropped with the probability with which they should be kept",
            "D = rand < keep_prob is 1 where a unit stays.",
            "With keep_prob = 0.8, how many of ten units stay?",
            NOTES,
        )
        .when(|arguments| facts(number(arguments, 0), 1.0 / number(arguments, 0))),
        words(
            "dropout-never-drops",
            "nothing is dropped",
            "A * D sets what D does not keep to 0.",
            "How many zeros has your mask?",
            NOTES,
        )
        .when(|arguments| facts(0.0, 1.0 / number(arguments, 0))),
    ],
    ..Exercise::DEFAULTS
};

fn facts(share: f64, kept: f64) -> Outcome {
    tuple([Value::Float((share * 50.0).round() / 50.0), Value::Float(kept), Value::Float(kept)])
}
