//! `l2_cost`: the cost with a penalty for large weights, and what the penalty adds to the gradients.

use ndarray::{Array2, Ix2, array};

use crate::exercise::{Exercise, Kind, Misconception, Outcome, Parameter, Probe, Signature};
use crate::exercises::arguments::{f64_array, float, float_named, floats, returns};
use crate::exercises::numbers::Numbers;
use crate::value::Value;

/// The exercise.
pub static L2_COST: Exercise = Exercise {
    id: "l2_cost",
    station: "regularization-dropout",
    task: "Return the cost of a network with two layers under L2 regularisation, and what the penalty alone adds to the\n\
           gradients of w1, b1, w2 and b2. With m examples the cost is the mean binary cross-entropy,\n\
           -1/m * sum of y * log(a) + (1 - y) * log(1 - a), plus lam / (2 * m) times the sum of the squares of all\n\
           weights of both layers. Biases are not penalised.",
    signature: Signature {
        name: "l2_cost",
        parameters: &[
            f64_array("a", &["1", "m"], "outputs of the network, between 0 and 1"),
            f64_array("y", &["1", "m"], "classes, 0 or 1"),
            f64_array("w1", &["n1", "n0"], "weights of the first layer"),
            f64_array("b1", &["n1", "1"], "biases of the first layer"),
            f64_array("w2", &["1", "n1"], "weights of the second layer"),
            f64_array("b2", &["1", "1"], "bias of the second layer"),
            float_named("lam", "strength of the penalty, 0 for none"),
        ],
        returns: Parameter {
            name: "results",
            kind: Kind::Tuple(&[
                float_named("cost", "cross-entropy and penalty"),
                f64_array("dw1", &["n1", "n0"], "gradient of the penalty with respect to w1"),
                f64_array("db1", &["n1", "1"], "gradient of the penalty with respect to b1"),
                f64_array("dw2", &["1", "n1"], "gradient of the penalty with respect to w2"),
                f64_array("db2", &["1", "1"], "gradient of the penalty with respect to b2"),
            ]),
            meaning: "cost and gradients of the penalty",
        },
    },
    probes,
    reference,
    misconceptions: MISCONCEPTIONS,
    hints: &[
        "Set lam = 0: is the cost right? Then only the penalty is left to look at. And what does it add for the biases?",
        "penalty = lam / (2 * m) * (sum(w1**2) + sum(w2**2)). The derivative of w**2 / 2 is w, so the gradients are \
         lam / m * w1 and lam / m * w2, and zeros of the right shape for the biases.",
        "Two examples with a = [0.5, 0.5]: cross-entropy log 2 = 0.6931. w1 = [[1, 2]], w2 = [[3]], lam = 0.4:\n\
         penalty = 0.4 / 4 * (1 + 4 + 9) = 1.4; cost = 2.0931; dw1 = 0.2 * [[1, 2]] = [[0.2, 0.4]], dw2 = [[0.6]].",
    ],
    ..Exercise::DEFAULTS
};

fn probes() -> Vec<Probe> {
    let mut numbers = Numbers::stream(781);
    let tiny = vec![
        array![[0.5, 0.5]].into(),
        array![[1.0, 0.0]].into(),
        array![[1.0, 2.0]].into(),
        array![[5.0]].into(),
        array![[3.0]].into(),
        array![[-4.0]].into(),
        Value::Float(0.4),
    ];
    let mut probes = vec![Probe::ordinary("two examples, one hidden unit", tiny)];
    for ([m, n0, n1], lam, scale, hard, label) in [
        ([5, 2, 3], 0.1, 1.0, false, "5 examples, 2 inputs, 3 hidden units"),
        ([7, 4, 2], 3.0, 1.0, false, "7 examples, 4 inputs, 2 hidden units, a strong penalty"),
        ([11, 3, 5], 0.7, 2.0, false, "11 examples, 3 inputs, 5 hidden units"),
        ([4, 3, 2], 0.0, 1.0, true, "no penalty"),
        ([1, 2, 3], 0.5, 1.0, true, "a single example"),
        ([3, 2, 2], 0.5, 0.0, true, "all weights zero"),
        ([6, 5, 4], 1e-4, 30.0, true, "large weights, a weak penalty"),
    ] {
        let mut reals = |shape: [usize; 2]| numbers.reals(shape, -scale, scale);
        let (w1, b1, w2, b2) = (reals([n1, n0]), reals([n1, 1]), reals([1, n1]), reals([1, 1]));
        let (a, y) = (numbers.reals([1, m], 0.05, 0.95), numbers.integers([1, m], 0, 1));
        let mut arguments: Vec<Value> = [a, y, w1, b1, w2, b2].map(Value::from).into();
        arguments.push(Value::Float(lam));
        probes.push(if hard { Probe::hard(label, arguments) } else { Probe::ordinary(label, arguments) });
    }
    probes
}

struct Call {
    a: Array2<f64>,
    y: Array2<f64>,
    w1: Array2<f64>,
    b1: Array2<f64>,
    w2: Array2<f64>,
    b2: Array2<f64>,
    lam: f64,
    m: f64,
}

impl Call {
    fn new(arguments: &[Value]) -> Self {
        let array = |index: usize| floats::<Ix2>(arguments, index).to_owned();
        let y = array(1);
        let m = y.len() as f64;
        let lam = float(arguments, 6);
        Call { a: array(0), y, w1: array(2), b1: array(3), w2: array(4), b2: array(5), lam, m }
    }

    /// The sum over the examples, not yet divided.
    fn cross_entropies(&self) -> f64 {
        -self.a.iter().zip(&self.y).map(|(a, y)| y * a.ln() + (1.0 - y) * (1.0 - a).ln()).sum::<f64>()
    }

    fn penalty(&self) -> f64 {
        self.lam / (2.0 * self.m) * (squares(&self.w1) + squares(&self.w2))
    }
}

fn squares(w: &Array2<f64>) -> f64 {
    w.iter().map(|w| w * w).sum()
}

/// How the cost is made; every misconception is one wrong setting.
struct Rule {
    cross_entropy: fn(&Call) -> f64,
    penalty: fn(&Call) -> f64,
    /// Factors of w1, b1, w2 and b2 in the gradients.
    factors: fn(&Call) -> [f64; 4],
}

const RIGHT: Rule = Rule {
    cross_entropy: |call| call.cross_entropies() / call.m,
    penalty: Call::penalty,
    factors: |call| weights_only(call.lam / call.m),
};

const fn weights_only(factor: f64) -> [f64; 4] {
    [factor, 0.0, factor, 0.0]
}

fn with(arguments: &[Value], rule: &Rule) -> Outcome {
    let call = Call::new(arguments);
    let cost = (rule.cross_entropy)(&call) + (rule.penalty)(&call);
    let factors = (rule.factors)(&call);
    let gradients = [&call.w1, &call.b1, &call.w2, &call.b2].into_iter().zip(factors).map(|(p, factor)| p * factor);
    returns(Value::Tuple(std::iter::once(Value::Float(cost)).chain(gradients.map(Value::from)).collect()))
}

fn reference(arguments: &[Value]) -> Outcome {
    with(arguments, &RIGHT)
}

const MISCONCEPTIONS: &[Misconception] = &[
    Misconception {
        id: "penalty-missing-in-cost",
        title: "the gradients have the penalty and the cost has not",
        explanation: "The descent goes down a cost that is not the one you watch, and a numeric check of the gradient fails. \
                      What is in the gradient must be in the cost.",
        question: "Does your cost change when lam changes?",
        see: ("dls-c2", "W1 Regularization"),
        behaviour: |arguments| with(arguments, &Rule { penalty: |_| 0.0, ..RIGHT }),
    },
    Misconception {
        id: "penalty-missing-in-gradient",
        title: "the cost has the penalty and the gradients have not",
        explanation: "The curve you plot is higher, and nothing else happens: the weights never feel the penalty. Its \
                      gradient is lam / m * w.",
        question: "Does the training itself change when lam changes?",
        see: ("dls-c2", "W1 Regularization"),
        behaviour: |arguments| with(arguments, &Rule { factors: |_| weights_only(0.0), ..RIGHT }),
    },
    Misconception {
        id: "penalty-half-missing",
        title: "the penalty is lam / m and not lam / (2 m) times the squares, while its gradient is right",
        explanation: "The half is there to meet the 2 from the derivative of w**2. Cost and gradient must have the same \
                      convention, or a numeric check of the gradient is off by two.",
        question: "What is the derivative of your penalty, by hand? Is it your gradient?",
        see: ("dls-c2", "W1 Regularization"),
        behaviour: |arguments| with(arguments, &Rule { penalty: |call| 2.0 * call.penalty(), ..RIGHT }),
    },
    Misconception {
        id: "penalty-gradient-halved",
        title: "the gradients are lam / (2 m) * w, with the half that the derivative has taken away",
        explanation: "The derivative of w**2 / 2 is w. The 2 of the square and the half cancel: lam / m * w.",
        question: "What is the derivative of w**2 / 2?",
        see: ("dls-c2", "W1 Regularization"),
        behaviour: |arguments| {
            with(arguments, &Rule { factors: |call| weights_only(call.lam / (2.0 * call.m)), ..RIGHT })
        },
    },
    Misconception {
        id: "convention-without-half",
        title: "there is no half anywhere: lam / m times the squares, and gradients of 2 lam / m * w",
        explanation: "That is consistent, and CS231n does it so; but lam then means twice as much. This task has the half.",
        question: "Which factor does the task put before the sum of the squares?",
        see: ("cs231n", "notes: neural-networks-2, regularisation"),
        behaviour: |arguments| {
            let rule = Rule {
                penalty: |call| 2.0 * call.penalty(),
                factors: |call| weights_only(2.0 * call.lam / call.m),
                ..RIGHT
            };
            with(arguments, &rule)
        },
    },
    Misconception {
        id: "mean-missing-in-penalty",
        title: "the penalty is not divided by m, neither in the cost nor in the gradients",
        explanation: "Many books and CS231n leave it so. With 1/m, as here and in Andrew Ng's course, the penalty weighs less \
                      the more examples speak against it: a prior belief that data can overrule.",
        question: "If every example were there twice, should the penalty weigh as much as before?",
        see: ("dls-c2", "W1 Regularization"),
        behaviour: |arguments| {
            let rule =
                Rule { penalty: |call| call.m * call.penalty(), factors: |call| weights_only(call.lam), ..RIGHT };
            with(arguments, &rule)
        },
    },
    Misconception {
        id: "mean-missing-in-penalty-gradient",
        title: "the gradients are lam * w, without the 1/m that the cost has",
        explanation: "Then the weights decay m times faster than the cost asks for; with a large data set they go to zero and \
                      nothing is learned.",
        question: "What is the derivative of lam / (2 m) * w**2?",
        see: ("dls-c2", "W1 Regularization"),
        behaviour: |arguments| with(arguments, &Rule { factors: |call| weights_only(call.lam), ..RIGHT }),
    },
    Misconception {
        id: "bias-regularized",
        title: "the biases are penalised too",
        explanation: "A bias moves a boundary and does not bend it: it cannot overfit, and pulling it to zero pulls the \
                      boundary to the origin for no reason.",
        question: "If all inputs were shifted by 100, which parameter would have to be large?",
        see: ("dlbook", "7.1 Parameter Norm Penalties"),
        behaviour: |arguments| {
            let rule = Rule {
                penalty: |call| call.penalty() + call.lam / (2.0 * call.m) * (squares(&call.b1) + squares(&call.b2)),
                factors: |call| [call.lam / call.m; 4],
                ..RIGHT
            };
            with(arguments, &rule)
        },
    },
    Misconception {
        id: "norm-not-squared",
        title: "the norms of the weights are added and not their squares",
        explanation: "np.linalg.norm has a root in it. The penalty is the sum of the squares, and that is what has the simple \
                      gradient w.",
        question: "Is there a root in your penalty?",
        see: ("dlbook", "7.1 Parameter Norm Penalties"),
        behaviour: |arguments| {
            let rule = Rule {
                penalty: |call| call.lam / (2.0 * call.m) * (squares(&call.w1).sqrt() + squares(&call.w2).sqrt()),
                ..RIGHT
            };
            with(arguments, &rule)
        },
    },
    Misconception {
        id: "square-of-sum",
        title: "the weights are added up first and then squared",
        explanation: "Weights of 100 and -100 add up to nothing, and would cost nothing. Square each one, then add: \
                      np.sum(w**2), not np.sum(w)**2.",
        question: "What is your penalty for the weights 1 and -1?",
        see: ("dlbook", "7.1 Parameter Norm Penalties"),
        behaviour: |arguments| {
            let rule = Rule {
                penalty: |call| call.lam / (2.0 * call.m) * (call.w1.sum().powi(2) + call.w2.sum().powi(2)),
                ..RIGHT
            };
            with(arguments, &rule)
        },
    },
    Misconception {
        id: "mean-where-sum",
        title: "the penalty is the mean of the squared weights of each layer and not their sum",
        explanation: "Divided by the number of weights, the penalty of a large layer is as small as that of a tiny one. 1/m is \
                      one over the number of examples; the weights are summed.",
        question: "What is m: the number of examples or of weights?",
        see: ("dls-c2", "W1 Regularization"),
        behaviour: |arguments| {
            let rule = Rule {
                penalty: |call| {
                    let mean = |w: &Array2<f64>| squares(w) / w.len() as f64;
                    call.lam / (2.0 * call.m) * (mean(&call.w1) + mean(&call.w2))
                },
                ..RIGHT
            };
            with(arguments, &rule)
        },
    },
    Misconception {
        id: "last-layer-only",
        title: "only the second layer's weights are penalised",
        explanation: "A network may shift its size from one layer to the other: w2 small, w1 large, and the penalty is cheated. \
                      Sum over all layers.",
        question: "Which layers does your sum run over?",
        see: ("dls-c2", "W1 Regularization"),
        behaviour: |arguments| {
            let rule = Rule {
                penalty: |call| call.lam / (2.0 * call.m) * squares(&call.w2),
                factors: |call| [0.0, 0.0, call.lam / call.m, 0.0],
                ..RIGHT
            };
            with(arguments, &rule)
        },
    },
    Misconception {
        id: "sign-flipped",
        title: "the penalty is subtracted from the cost",
        explanation: "Then large weights are rewarded and grow without end. The minus of the cross-entropy belongs to the \
                      cross-entropy only.",
        question: "Should the cost rise or fall when a weight becomes larger?",
        see: ("dls-c2", "W1 Regularization"),
        behaviour: |arguments| {
            let rule =
                Rule { penalty: |call| -call.penalty(), factors: |call| weights_only(-call.lam / call.m), ..RIGHT };
            with(arguments, &rule)
        },
    },
    Misconception {
        id: "mean-missing",
        title: "the cross-entropy is summed over the examples and not divided by m",
        explanation: "The cost is a mean over the examples. Next to a sum the penalty, which has its 1/m, all but disappears.",
        question: "If every example were there twice, should the cross-entropy change?",
        see: ("dls-c1", "W2 Binary classification; logistic regression; cost"),
        behaviour: |arguments| with(arguments, &Rule { cross_entropy: Call::cross_entropies, ..RIGHT }),
    },
];
