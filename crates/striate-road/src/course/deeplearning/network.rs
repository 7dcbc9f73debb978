//! Networks of one hidden layer and of many (course 1, weeks 3 and 4).

use std::sync::LazyLock;

use ndarray::{Array2, Axis};

use super::super::CourseFunction;
use super::super::mistakes::{self as m, words};
use super::super::road::{answered, renamed};
use super::super::values::{float_named, floats_named, matrix, number, results, returns, text, text_named, tuple};
use super::{DEEP, SHALLOW, begins_with};
use crate::exercise::{Exercise, Outcome, Parameter, Probe, Signature};
use crate::exercises::numbers::Numbers;
use crate::value::Value;

pub(super) fn functions() -> Vec<CourseFunction> {
    let f = CourseFunction::new;
    vec![
        f(
            SHALLOW,
            &["forward_propagation"],
            &FORWARD,
            "A2, cache = f(x, {'W1': w1, 'b1': b1, 'W2': w2, 'b2': b2})\nreturn A2, cache['A1']",
        )
        .takes(|parameters| begins_with(parameters, "X") && parameters.len() == 2),
        f(SHALLOW, &["compute_cost"], &COST, COST_CALL).takes(|parameters| {
            parameters.len() <= 3 && ["A2", "AL", "A3"].iter().any(|name| begins_with(parameters, name))
        }),
        f(
            SHALLOW,
            &["backward_propagation"],
            &BACKWARD,
            "near = np.clip(a1, -1 + 1e-15, 1 - 1e-15)\n\
             cache = {'Z1': np.arctanh(near), 'A1': a1, 'Z2': np.zeros_like(a2), 'A2': a2}\n\
             parameters = {'W1': np.zeros((len(a1), len(x))), 'b1': np.zeros((len(a1), 1)), 'W2': w2, 'b2': np.zeros((1, 1))}\n\
             g = f(parameters, cache, x, y)\n\
             return g['dW1'], g['db1'], g['dW2'], g['db2']",
        )
        .takes(|parameters| begins_with(parameters, "parameters")),
        f(
            DEEP,
            &["update_parameters"],
            &UPDATE,
            "new = f({'W1': W1, 'b1': b1, 'W2': W2, 'b2': b2}, {'dW1': dW1, 'db1': db1, 'dW2': dW2, 'db2': db2}, learning_rate)\n\
             return new['W1'], new['b1'], new['W2'], new['b2']",
        ),
        f(DEEP, &["linear_forward"], &LINEAR, "return f(A, W, b)[0]"),
        f(DEEP, &["linear_activation_forward"], &ACTIVATION, "return f(A_prev, W, b, activation)[0]")
            .needs(&["linear_forward"]),
        f(
            DEEP,
            &["L_model_forward"],
            &MODEL,
            "return f(X, {'W1': W1, 'b1': b1, 'W2': W2, 'b2': b2, 'W3': W3, 'b3': b3})[0]",
        )
        .needs(&["linear_forward", "linear_activation_forward"]),
        f(DEEP, &["linear_backward"], &LINEAR_BACKWARD, "return f(dZ, (A_prev, W, b))"),
        f(
            DEEP,
            &["linear_activation_backward"],
            &ACTIVATION_BACKWARD,
            "return f(dA, ((A_prev, W, b), W @ A_prev + b), activation)",
        )
        .needs(&["linear_backward"]),
        f(
            DEEP,
            &["L_model_backward"],
            &MODEL_BACKWARD,
            "Z1 = W1 @ X + b1\n\
             A1 = np.maximum(0, Z1)\n\
             Z2 = W2 @ A1 + b2\n\
             AL = 1 / (1 + np.exp(-Z2))\n\
             g = f(AL, Y, [((X, W1, b1), Z1), ((A1, W2, b2), Z2)])\n\
             return g['dW1'], g['db1'], g['dW2'], g['db2']",
        )
        .needs(&["linear_backward", "linear_activation_backward"]),
    ]
}

const COST_CALL: &str = "try:\n    \
        cost = f(AL, Y)\n\
    except TypeError:\n    \
        cost = f(AL, Y, None)\n\
    return float(np.squeeze(cost))";

const NOTES: (&str, &str) = ("dls-c1", "W4 assignment Building your Deep Neural Network: Step by Step");

static FORWARD: LazyLock<Exercise> =
    LazyLock::new(|| renamed("forward_propagation", "forward2", || answered("forward2")));
static BACKWARD: LazyLock<Exercise> =
    LazyLock::new(|| renamed("backward_propagation", "backward2", || answered("backward2")));

static COST: Exercise = Exercise {
    id: "compute_cost",
    signature: Signature {
        name: "compute_cost",
        parameters: &[floats_named("AL", &["1", "m"]), floats_named("Y", &["1", "m"])],
        returns: float_named("cost"),
    },
    probes: || {
        let mut numbers = Numbers::stream(9211);
        [1, 3, 5]
            .map(|m| {
                let y = Array2::from_shape_fn((1, m), |(_, j)| f64::from(j % 2 == 0));
                Probe::ordinary(format!("{m} predictions"), vec![numbers.reals([1, m], 0.05, 0.95).into(), y.into()])
            })
            .into()
    },
    reference: |arguments| cost(arguments, |a, y| -y * a.ln() - (1.0 - y) * (1.0 - a).ln(), true),
    misconceptions: &[
        m::MEAN_MISSING.when(|arguments| cost(arguments, |a, y| -y * a.ln() - (1.0 - y) * (1.0 - a).ln(), false)),
        words(
            "loss-sign-missing",
            "the minus sign is missing: the cost is negative",
            "Logarithms of probabilities are negative, so the cost is minus their mean.",
            "Can your cost be negative?",
            NOTES,
        )
        .when(|arguments| cost(arguments, |a, y| y * a.ln() + (1.0 - y) * (1.0 - a).ln(), true)),
        words(
            "second-term-missing",
            "examples of class 0 do not count",
            "The cost has two terms: -Y log A, and -(1 - Y) log(1 - A).",
            "What is the cost of predicting 0.9 for class 0?",
            NOTES,
        )
        .when(|arguments| cost(arguments, |a, y| -y * a.ln(), true)),
        words(
            "log-base-ten",
            "the logarithm has another base",
            "np.log is the natural logarithm; the gradients of the course belong to it.",
            "What is your logarithm of e?",
            NOTES,
        )
        .when(|arguments| cost(arguments, |a, y| -y * a.log10() - (1.0 - y) * (1.0 - a).log10(), true)),
        words(
            "squared-error-cost",
            "the mean squared error is computed",
            "This network is trained with the cross-entropy cost.",
            "What is the cost of a prediction of almost 0 for class 1?",
            NOTES,
        )
        .when(|arguments| cost(arguments, |a, y| (a - y).powi(2), true)),
    ],
    ..Exercise::DEFAULTS
};

fn cost(arguments: &[Value], of: fn(f64, f64) -> f64, mean: bool) -> Outcome {
    let (a, y) = (matrix(arguments, 0), matrix(arguments, 1));
    let sum: f64 = a.iter().zip(&y).map(|(&a, &y)| of(a, y)).sum();
    Outcome::Value(Value::Float(if mean { sum / a.len() as f64 } else { sum }))
}

const TWO_LAYERS: [[usize; 2]; 2] = [[3, 2], [1, 3]];

static UPDATE: Exercise = Exercise {
    id: "update_parameters",
    signature: Signature {
        name: "update_parameters",
        parameters: &[
            floats_named("W1", &["n1", "n0"]),
            floats_named("b1", &["n1", "1"]),
            floats_named("W2", &["n2", "n1"]),
            floats_named("b2", &["n2", "1"]),
            floats_named("dW1", &["n1", "n0"]),
            floats_named("db1", &["n1", "1"]),
            floats_named("dW2", &["n2", "n1"]),
            floats_named("db2", &["n2", "1"]),
            float_named("learning_rate"),
        ],
        returns: results(&[
            floats_named("W1", &["n1", "n0"]),
            floats_named("b1", &["n1", "1"]),
            floats_named("W2", &["n2", "n1"]),
            floats_named("b2", &["n2", "1"]),
        ]),
    },
    probes: || {
        let mut numbers = Numbers::stream(9212);
        [TWO_LAYERS, [[4, 3], [2, 4]]]
            .map(|[[n1, n0], [n2, _]]| {
                let mut call: Vec<Value> = Vec::new();
                for _ in 0..2 {
                    for shape in [[n1, n0], [n1, 1], [n2, n1], [n2, 1]] {
                        call.push(numbers.reals(shape, -2.0, 2.0).into());
                    }
                }
                call.push(Value::Float(0.25));
                Probe::ordinary(format!("layers of {n0}, {n1} and {n2} units"), call)
            })
            .into()
    },
    reference: |arguments| update(arguments, [1.0, 1.0, 1.0, 1.0], number(arguments, 8)),
    misconceptions: &[
        m::SIGN_FLIPPED.when(|arguments| update(arguments, [1.0, 1.0, 1.0, 1.0], -number(arguments, 8))),
        words(
            "learning-rate-ignored",
            "the learning rate is not used",
            "The step is the gradient times the learning rate.",
            "What happens when the learning rate is 0?",
            NOTES,
        )
        .when(|arguments| update(arguments, [1.0, 1.0, 1.0, 1.0], 1.0)),
        words(
            "bias-not-trained",
            "the biases stay as they were",
            "b has a gradient as W does: b = b - learning_rate * db.",
            "Which of your results differ from what went in?",
            NOTES,
        )
        .when(|arguments| update(arguments, [1.0, 0.0, 1.0, 0.0], number(arguments, 8))),
        words(
            "last-layer-not-updated",
            "the last layer stays as it was",
            "The loop over layers runs from 1 to L, and range(L) from 0 to L - 1: use l + 1 for the names.",
            "Which values does l take in your loop?",
            NOTES,
        )
        .when(|arguments| update(arguments, [1.0, 1.0, 0.0, 0.0], number(arguments, 8))),
    ],
    ..Exercise::DEFAULTS
};

fn update(arguments: &[Value], moves: [f64; 4], rate: f64) -> Outcome {
    tuple([0, 1, 2, 3].map(|at| (matrix(arguments, at) - matrix(arguments, at + 4) * (rate * moves[at])).into()))
}

const A: Parameter = floats_named("A", &["n_prev", "m"]);
const A_PREV: Parameter = floats_named("A_prev", &["n_prev", "m"]);
const W: Parameter = floats_named("W", &["n", "n_prev"]);
const B: Parameter = floats_named("b", &["n", "1"]);

/// `[n, n_prev, m]`; upstream first where asked.
fn layers(stream: u64, with_upstream: bool, activations: &[&str]) -> Vec<Probe> {
    let mut numbers = Numbers::stream(stream);
    let mut probes = Vec::new();
    for [n, before, m] in [[1, 2, 3], [3, 2, 4], [2, 5, 3]] {
        for activation in activations.iter().map(|&name| Some(name)).chain(activations.is_empty().then_some(None)) {
            let mut call: Vec<Value> = Vec::new();
            if with_upstream {
                call.push(numbers.reals([n, m], -2.0, 2.0).into());
            }
            call.push(numbers.reals([before, m], -2.0, 2.0).into());
            call.push(numbers.reals([n, before], -2.0, 2.0).into());
            call.push(numbers.reals([n, 1], 0.5, 2.0).into());
            call.extend(activation.map(|name| Value::Text(name.into())));
            let kind = activation.map_or(String::new(), |name| format!(", {name}"));
            probes.push(Probe::ordinary(format!("{m} examples, {before} inputs, {n} units{kind}"), call));
        }
    }
    probes
}

static LINEAR: Exercise = Exercise {
    id: "linear_forward",
    signature: Signature { name: "linear_forward", parameters: &[A, W, B], returns: floats_named("Z", &["n", "m"]) },
    probes: || layers(9213, false, &[]),
    reference: |arguments| returns(linear(arguments, 0)),
    misconceptions: &[
        m::BIAS_MISSING.when(|arguments| returns(matrix(arguments, 1).dot(&matrix(arguments, 0)))),
        words("bias-subtracted", "the bias is subtracted", "Z = W A + b.", "What is Z for an input of zeros?", NOTES)
            .when(|arguments| returns(matrix(arguments, 1).dot(&matrix(arguments, 0)) - matrix(arguments, 2))),
    ],
    ..Exercise::DEFAULTS
};

fn linear(arguments: &[Value], first: usize) -> Array2<f64> {
    matrix(arguments, first + 1).dot(&matrix(arguments, first)) + matrix(arguments, first + 2)
}

fn sigmoid(z: f64) -> f64 {
    1.0 / (1.0 + (-z).exp())
}

fn relu(z: f64) -> f64 {
    z.max(0.0)
}

static ACTIVATION: Exercise = Exercise {
    id: "linear_activation_forward",
    signature: Signature {
        name: "linear_activation_forward",
        parameters: &[A_PREV, W, B, text_named("activation")],
        returns: floats_named("A", &["n", "m"]),
    },
    probes: || layers(9214, false, &["sigmoid", "relu"]),
    reference: |arguments| activated(arguments, sigmoid, relu),
    misconceptions: &[
        words(
            "activations-exchanged",
            "sigmoid and relu are exchanged",
            "activation names the function to apply.",
            "Can your relu layer give numbers above 1?",
            NOTES,
        )
        .when(|arguments| activated(arguments, relu, sigmoid)),
        words(
            "activation-missing",
            "the activation is not applied",
            "A = g(Z): what goes on to the next layer is the activated value.",
            "Can your sigmoid layer give numbers above 1?",
            NOTES,
        )
        .when(|arguments| activated(arguments, |z| z, |z| z)),
        words(
            "tanh-for-relu",
            "tanh is applied in place of relu",
            "This week's hidden layers use relu: max(0, Z).",
            "Can your relu layer give negative numbers?",
            NOTES,
        )
        .when(|arguments| activated(arguments, sigmoid, f64::tanh)),
    ],
    ..Exercise::DEFAULTS
};

fn activated(arguments: &[Value], sigmoid: fn(f64) -> f64, relu: fn(f64) -> f64) -> Outcome {
    returns(linear(arguments, 0).mapv(if text(arguments, 3) == "sigmoid" { sigmoid } else { relu }))
}

static MODEL: Exercise = Exercise {
    id: "L_model_forward",
    signature: Signature {
        name: "L_model_forward",
        parameters: &[
            floats_named("X", &["n0", "m"]),
            floats_named("W1", &["n1", "n0"]),
            floats_named("b1", &["n1", "1"]),
            floats_named("W2", &["n2", "n1"]),
            floats_named("b2", &["n2", "1"]),
            floats_named("W3", &["1", "n2"]),
            floats_named("b3", &["1", "1"]),
        ],
        returns: floats_named("AL", &["1", "m"]),
    },
    probes: || {
        let mut numbers = Numbers::stream(9215);
        [[2, 3, 2, 1], [4, 3, 5, 3]]
            .map(|[n0, n1, n2, m]| {
                let mut call: Vec<Value> = vec![numbers.reals([n0, m], -2.0, 2.0).into()];
                for [n, before] in [[n1, n0], [n2, n1], [1, n2]] {
                    // Sums of either sign in the output, so that relu there can be told from nothing.
                    let (high, bias) = if n == 1 { (0.5, -1.0) } else { (1.5, 0.1) };
                    call.push(numbers.reals([n, before], -1.0, high).into());
                    call.push(numbers.reals([n, 1], bias, bias + 0.9).into());
                }
                Probe::ordinary(format!("layers of {n0}, {n1}, {n2} and 1 units, {m} examples"), call)
            })
            .into()
    },
    reference: |arguments| model(arguments, relu, sigmoid),
    misconceptions: &[
        words(
            "hidden-sigmoid",
            "the hidden layers use the sigmoid",
            "relu in layers 1 to L - 1, the sigmoid in the last.",
            "Which activation do you pass inside of the loop?",
            NOTES,
        )
        .when(|arguments| model(arguments, sigmoid, sigmoid)),
        words(
            "relu-at-output",
            "the last layer uses relu",
            "The output is a probability: the sigmoid belongs to the last layer.",
            "Can your output be above 1?",
            NOTES,
        )
        .when(|arguments| model(arguments, relu, relu)),
        words(
            "returns-logits",
            "the last layer has no activation",
            "AL is a probability: the sigmoid of the last layer's sums.",
            "Between which numbers does your output lie?",
            NOTES,
        )
        .when(|arguments| model(arguments, relu, |z| z)),
    ],
    ..Exercise::DEFAULTS
};

fn model(arguments: &[Value], hidden: fn(f64) -> f64, output: fn(f64) -> f64) -> Outcome {
    let mut a = matrix(arguments, 0);
    for layer in 0..3 {
        let z = matrix(arguments, 1 + 2 * layer).dot(&a) + matrix(arguments, 2 + 2 * layer);
        a = z.mapv(if layer < 2 { hidden } else { output });
    }
    returns(a)
}

const LAYER_GRADIENTS: Parameter = results(&[
    floats_named("dA_prev", &["n_prev", "m"]),
    floats_named("dW", &["n", "n_prev"]),
    floats_named("db", &["n", "1"]),
]);

static LINEAR_BACKWARD: Exercise = Exercise {
    id: "linear_backward",
    signature: Signature {
        name: "linear_backward",
        parameters: &[floats_named("dZ", &["n", "m"]), A_PREV, W, B],
        returns: LAYER_GRADIENTS,
    },
    probes: || layers(9216, true, &[]),
    reference: |arguments| layer_gradients(&matrix(arguments, 0), arguments, |_| {}),
    misconceptions: LINEAR_BACKWARD_MISTAKES,
    ..Exercise::DEFAULTS
};

const LINEAR_BACKWARD_MISTAKES: &[crate::exercise::Misconception] = &[
    m::MEAN_MISSING.when(|arguments| {
        let m = matrix(arguments, 0).ncols() as f64;
        layer_gradients(&matrix(arguments, 0), arguments, |parts| {
            parts[1] *= m;
            parts[2] *= m;
        })
    }),
    words(
        "mean-missing-in-bias",
        "db is not divided by the number of examples, though dW is",
        "dW and db carry the same 1/m: both are means over the examples.",
        "Where is the 1/m in db?",
        NOTES,
    )
    .when(|arguments| {
        let m = matrix(arguments, 0).ncols() as f64;
        layer_gradients(&matrix(arguments, 0), arguments, |parts| parts[2] *= m)
    }),
    words(
        "mean-in-input-gradient",
        "dA_prev is divided by the number of examples too",
        "The mean belongs to the parameters, which all examples share. dA_prev has a column per example.",
        "Do several examples share a column of dA_prev?",
        NOTES,
    )
    .when(|arguments| {
        let m = matrix(arguments, 0).ncols() as f64;
        layer_gradients(&matrix(arguments, 0), arguments, |parts| parts[0] /= m)
    }),
    m::SUM_OVER_WRONG_AXIS.when(|arguments| {
        let dz = matrix(arguments, 0);
        let m = dz.ncols() as f64;
        layer_gradients(&dz, arguments, |parts| parts[2] = dz.sum_axis(Axis(0)).insert_axis(Axis(0)) / m)
    }),
    words(
        "bias-gradient-of-everything",
        "db is one number: the sum runs over the units as well",
        "Each unit has a bias of its own: np.sum(dZ, axis=1, keepdims=True) / m.",
        "How many numbers should db hold?",
        ("numpy", "numpy.sum, argument axis"),
    )
    .when(|arguments| {
        let dz = matrix(arguments, 0);
        let mean = dz.sum() / dz.ncols() as f64;
        layer_gradients(&dz, arguments, |parts| parts[2].fill(mean))
    }),
];

fn layer_gradients(dz: &Array2<f64>, arguments: &[Value], wrong: impl FnOnce(&mut [Array2<f64>; 3])) -> Outcome {
    let (before, w) = (matrix(arguments, 1), matrix(arguments, 2));
    let m = before.ncols() as f64;
    let db = dz.sum_axis(Axis(1)).insert_axis(Axis(1)) / m;
    let mut parts = [w.t().dot(dz), dz.dot(&before.t()) / m, db];
    wrong(&mut parts);
    tuple(parts.map(Value::from))
}

static ACTIVATION_BACKWARD: Exercise = Exercise {
    id: "linear_activation_backward",
    signature: Signature {
        name: "linear_activation_backward",
        parameters: &[floats_named("dA", &["n", "m"]), A_PREV, W, B, text_named("activation")],
        returns: LAYER_GRADIENTS,
    },
    probes: || layers(9217, true, &["sigmoid", "relu"]),
    reference: |arguments| activation_gradients(arguments, sigmoid_slope, relu_slope),
    misconceptions: &[
        words(
            "activations-exchanged",
            "the derivatives of sigmoid and relu are exchanged",
            "activation names the function whose derivative is asked for.",
            "Which function did this layer apply?",
            NOTES,
        )
        .when(|arguments| activation_gradients(arguments, relu_slope, sigmoid_slope)),
        words(
            "slope-missing",
            "the derivative of the activation is missing: dZ is taken for dA",
            "dZ = dA * g'(Z): relu_backward and sigmoid_backward compute it.",
            "What happens to dA where relu was 0?",
            NOTES,
        )
        .when(|arguments| activation_gradients(arguments, |_| 1.0, |_| 1.0)),
    ],
    ..Exercise::DEFAULTS
};

fn sigmoid_slope(z: f64) -> f64 {
    sigmoid(z) * (1.0 - sigmoid(z))
}

fn relu_slope(z: f64) -> f64 {
    f64::from(z > 0.0)
}

fn activation_gradients(arguments: &[Value], sigmoid: fn(f64) -> f64, relu: fn(f64) -> f64) -> Outcome {
    let slope = if text(arguments, 4) == "sigmoid" { sigmoid } else { relu };
    layer_gradients(&(matrix(arguments, 0) * linear(arguments, 1).mapv(slope)), arguments, |_| {})
}

static MODEL_BACKWARD: Exercise = Exercise {
    id: "L_model_backward",
    signature: Signature {
        name: "L_model_backward",
        parameters: &[
            floats_named("X", &["n0", "m"]),
            floats_named("Y", &["1", "m"]),
            floats_named("W1", &["n1", "n0"]),
            floats_named("b1", &["n1", "1"]),
            floats_named("W2", &["1", "n1"]),
            floats_named("b2", &["1", "1"]),
        ],
        returns: results(&[
            floats_named("dW1", &["n1", "n0"]),
            floats_named("db1", &["n1", "1"]),
            floats_named("dW2", &["1", "n1"]),
            floats_named("db2", &["1", "1"]),
        ]),
    },
    probes: || {
        let mut numbers = Numbers::stream(9218);
        [[2, 3, 1], [3, 2, 4], [2, 5, 3]]
            .map(|[n0, n1, m]| {
                let y = Array2::from_shape_fn((1, m), |(_, j)| f64::from(j % 2 == 0));
                let mut call: Vec<Value> = vec![numbers.reals([n0, m], -2.0, 2.0).into(), y.into()];
                for [n, before] in [[n1, n0], [1, n1]] {
                    call.push(numbers.reals([n, before], -1.0, 1.5).into());
                    call.push(numbers.reals([n, 1], 0.1, 0.5).into());
                }
                Probe::ordinary(format!("layers of {n0}, {n1} and 1 units, {m} examples"), call)
            })
            .into()
    },
    reference: |arguments| model_gradients(arguments, 1.0, relu_slope),
    misconceptions: &[
        m::SIGN_FLIPPED.when(|arguments| model_gradients(arguments, -1.0, relu_slope)),
        words(
            "sigmoid-slope-for-relu",
            "the hidden layer goes back through the sigmoid's derivative",
            "Only the last layer has the sigmoid; the others go back through relu.",
            "Which activation do you pass inside of the loop?",
            NOTES,
        )
        .when(|arguments| model_gradients(arguments, 1.0, sigmoid_slope)),
        words(
            "slope-missing",
            "the hidden layer's derivative is missing",
            "dZ = dA * g'(Z) in every layer.",
            "What happens to dA where relu was 0?",
            NOTES,
        )
        .when(|arguments| model_gradients(arguments, 1.0, |_| 1.0)),
    ],
    ..Exercise::DEFAULTS
};

fn model_gradients(arguments: &[Value], sign: f64, hidden_slope: fn(f64) -> f64) -> Outcome {
    let [x, y, w1, b1, w2, b2] = [0, 1, 2, 3, 4, 5].map(|at| matrix(arguments, at));
    let m = x.ncols() as f64;
    let z1 = w1.dot(&x) + &b1;
    let a1 = z1.mapv(relu);
    let dz2 = ((w2.dot(&a1) + &b2).mapv(sigmoid) - y) * sign;
    let dz1 = w2.t().dot(&dz2) * z1.mapv(hidden_slope);
    let mean = |dz: &Array2<f64>| dz.sum_axis(Axis(1)).insert_axis(Axis(1)) / m;
    tuple([(dz1.dot(&x.t()) / m).into(), mean(&dz1).into(), (dz2.dot(&a1.t()) / m).into(), mean(&dz2).into()])
}
