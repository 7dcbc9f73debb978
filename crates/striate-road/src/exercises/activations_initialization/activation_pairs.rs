//! `activation_pairs`: activation functions with their slopes.

use std::f64::consts::PI;

use ndarray::{Array1, Ix1, array};

use crate::exercise::{Exercise, Kind, Misconception, Outcome, Parameter, Probe, Signature};
use crate::exercises::arguments::{f64_array, floats, rejects, returns, text, text_named};
use crate::exercises::numbers::Numbers;
use crate::value::Value;

/// The exercise.
pub static ACTIVATION_PAIRS: Exercise = Exercise {
    id: "activation_pairs",
    station: "activations-initialization",
    task: "Return y = f(x) and the gradient dx = g * f'(x), element by element, for the activation that `kind` names:\n\
           \"sigmoid\" 1 / (1 + exp(-x)), \"tanh\", \"relu\" max(x, 0), \"leaky_relu\" (0.01 * x below zero),\n\
           \"elu\" (exp(x) - 1 below zero), \"softplus\" log(1 + exp(x)), and\n\
           \"gelu\" 0.5 * x * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 * x**3))).\n\
           At a corner take the slope on its left: 0 for relu and 0.01 for leaky_relu at x = 0.\n\
           Everything stays finite up to |x| = 1000. Refuse any other kind.",
    signature: Signature {
        name: "activation_pairs",
        parameters: &[
            text_named("kind", "sigmoid, tanh, relu, leaky_relu, elu, softplus or gelu"),
            f64_array("x", &["N"], "inputs"),
            f64_array("g", &["N"], "gradient of the loss with respect to the outputs"),
        ],
        returns: Parameter {
            name: "pair",
            kind: Kind::Tuple(&[
                f64_array("y", &["N"], "outputs"),
                f64_array("dx", &["N"], "gradient of the loss with respect to the inputs"),
            ]),
            meaning: "outputs and gradient",
        },
    },
    probes,
    reference,
    misconceptions: MISCONCEPTIONS,
    hints: &[
        "Which kind is wrong, and is it y or dx? Then: below zero, above, at zero, or far out?",
        "Slopes in terms of y where that is short: sigmoid y * (1 - y), tanh 1 - y**2, elu y + 1 below zero. softplus has the \
         sigmoid as its slope. gelu is a product, 0.5 * x times (1 + t): both factors depend on x. Far out: \
         softplus = max(x, 0) + log1p(exp(-|x|)), and give exp no number above zero.",
        "x = 2, g = 10. sigmoid: y = 0.8808, slope 0.8808 * 0.1192 = 0.1050, dx = 1.050. tanh: y = 0.9640, slope \
         1 - 0.9293 = 0.0707, dx = 0.707. softplus: y = 2.1269, dx = 8.808.\n\
         x = -2: leaky_relu y = -0.02, dx = 0.1. elu: y = -0.8647, slope 0.1353, dx = 1.353.",
    ],
    ..Exercise::DEFAULTS
};

const KINDS: [&str; 7] = ["sigmoid", "tanh", "relu", "leaky_relu", "elu", "softplus", "gelu"];

fn probes() -> Vec<Probe> {
    let mut numbers = Numbers::stream(801);
    let mut probes = Vec::new();
    let arguments = |kind: &str, x: Array1<f64>, g: Array1<f64>| {
        vec![Value::Text(kind.to_string()), Value::from(x), Value::from(g)]
    };
    for kind in KINDS {
        let x = array![-2.0, -0.5, 0.25, 1.0, 2.0];
        let g = array![10.0, -1.0, 2.0, 3.0, 10.0];
        probes.push(Probe::ordinary(format!("{kind} of five numbers"), arguments(kind, x, g)));
        let (x, g) = (numbers.reals([7], -3.0, 3.0), numbers.reals([7], -1.0, 1.0));
        probes.push(Probe::ordinary(format!("{kind} of seven numbers"), arguments(kind, x, g)));
    }
    for kind in KINDS {
        let x = array![0.0, -1e-3, 1e-3];
        probes.push(Probe::hard(format!("{kind} at zero and beside it"), arguments(kind, x, array![1.0, 2.0, 3.0])));
        let (x, g) = (array![1000.0, -1000.0, 30.0, -30.0], array![1.0, 2.0, -3.0, 4.0]);
        probes.push(Probe::hard(format!("{kind} far out"), arguments(kind, x, g)));
    }
    let (x, g) = (array![1.0, -1.0], array![1.0, 1.0]);
    probes.push(Probe::hard("a kind that does not exist", arguments("swich", x, g)));
    probes
}

/// An activation: value and slope.
type Activation = fn(f64) -> (f64, f64);

/// All of them, and what is made of the upstream gradient and the slope; every misconception is one wrong setting.
#[derive(Clone, Copy)]
struct Rule {
    sigmoid: Activation,
    tanh: Activation,
    relu: Activation,
    leaky_relu: Activation,
    elu: Activation,
    softplus: Activation,
    gelu: Activation,
    gradient: fn(f64, f64) -> f64,
}

const RIGHT: Rule = Rule {
    sigmoid: |x| {
        let y = sigmoid(x);
        (y, y * (1.0 - y))
    },
    tanh: |x| (x.tanh(), 1.0 - x.tanh().powi(2)),
    relu: |x| if x > 0.0 { (x, 1.0) } else { (0.0, 0.0) },
    leaky_relu: |x| if x > 0.0 { (x, 1.0) } else { (0.01 * x, 0.01) },
    elu: |x| if x > 0.0 { (x, 1.0) } else { (x.exp_m1(), x.exp()) },
    softplus: |x| (softplus(x), sigmoid(x)),
    gelu: |x| {
        let t = inner(x).tanh();
        let inner_slope = (2.0 / PI).sqrt() * (1.0 + 3.0 * 0.044715 * x * x);
        (0.5 * x * (1.0 + t), 0.5 * (1.0 + t) + 0.5 * x * (1.0 - t * t) * inner_slope)
    },
    gradient: |g, slope| g * slope,
};

fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

/// A sigmoid as it should not be computed.
fn overflowing(x: f64) -> f64 {
    x.exp() / (1.0 + x.exp())
}

fn softplus(x: f64) -> f64 {
    x.max(0.0) + (-x.abs()).exp().ln_1p()
}

fn inner(x: f64) -> f64 {
    (2.0 / PI).sqrt() * (x + 0.044715 * x * x * x)
}

fn with(arguments: &[Value], rule: &Rule) -> Outcome {
    let activation = match text(arguments, 0) {
        "sigmoid" => rule.sigmoid,
        "tanh" => rule.tanh,
        "relu" => rule.relu,
        "leaky_relu" => rule.leaky_relu,
        "elu" => rule.elu,
        "softplus" => rule.softplus,
        "gelu" => rule.gelu,
        other => return rejects(format!("there is no activation \"{other}\"")),
    };
    let (x, g) = (floats::<Ix1>(arguments, 1), floats::<Ix1>(arguments, 2));
    let y = x.mapv(|x| activation(x).0);
    let dx = Array1::from_shape_fn(x.len(), |at| (rule.gradient)(g[at], activation(x[at]).1));
    returns(Value::Tuple(vec![y.into(), dx.into()]))
}

fn reference(arguments: &[Value]) -> Outcome {
    with(arguments, &RIGHT)
}

const MISCONCEPTIONS: &[Misconception] = &[
    Misconception {
        id: "relu-as-mask",
        title: "relu returns 1 where x is positive and not x",
        explanation: "x > 0 is the slope. The value is x itself there: max(x, 0), or x * (x > 0).",
        question: "What is the relu of 5?",
        see: ("cs231n", "notes: neural-networks-1, commonly used activation functions"),
        behaviour: |arguments| {
            with(arguments, &Rule { relu: |x| if x > 0.0 { (1.0, 1.0) } else { (0.0, 0.0) }, ..RIGHT })
        },
    },
    Misconception {
        id: "relu-slope-at-zero",
        title: "the slope of relu at x = 0 is 1: the mask is x >= 0",
        explanation: "A ReLU's output is exactly 0 for half of its inputs, and the next one's input often is. With >= all these \
                      zeros pass a gradient. The convention, here and in PyTorch, is the left side: 0.",
        question: "Do you compare with > or with >=?",
        see: ("dlbook", "6.3 Hidden units"),
        behaviour: |arguments| {
            with(arguments, &Rule { relu: |x| if x >= 0.0 { (x, 1.0) } else { (0.0, 0.0) }, ..RIGHT })
        },
    },
    Misconception {
        id: "slope-at-corner",
        title: "at x = 0 the slope on the right is taken, x >= 0, by relu and by leaky_relu",
        explanation: "Inputs that are exactly 0 are frequent behind a ReLU. The convention, here and in PyTorch, is the slope on \
                      the left: 0 for relu, 0.01 for leaky_relu.",
        question: "Do you compare with > or with >=?",
        see: ("dlbook", "6.3 Hidden units"),
        behaviour: |arguments| {
            let rule = Rule {
                relu: |x| if x >= 0.0 { (x, 1.0) } else { (0.0, 0.0) },
                leaky_relu: |x| if x >= 0.0 { (x, 1.0) } else { (0.01 * x, 0.01) },
                ..RIGHT
            };
            with(arguments, &rule)
        },
    },
    Misconception {
        id: "sigmoid-derivative-of-input",
        title: "the slope of the sigmoid is computed as x * (1 - x)",
        explanation: "s * (1 - s) is right for s = sigmoid(x), the output. With the input in its place the slope is negative \
                      for every x above 1, and a sigmoid never falls.",
        question: "Which variable stands in your s * (1 - s): the input or the output?",
        see: ("dls-c1", "W3 Activation functions; Derivatives; Random initialization"),
        behaviour: |arguments| with(arguments, &Rule { sigmoid: |x| (sigmoid(x), x * (1.0 - x)), ..RIGHT }),
    },
    Misconception {
        id: "tanh-derivative-of-input",
        title: "the slope of tanh is computed as 1 - x^2",
        explanation: "1 - t^2 is right for t = tanh(x), the output. With the input it is negative beyond 1, and tanh never \
                      falls.",
        question: "Which variable stands in your 1 - t^2: the input or the output?",
        see: ("dls-c1", "W3 Activation functions; Derivatives; Random initialization"),
        behaviour: |arguments| with(arguments, &Rule { tanh: |x| (x.tanh(), 1.0 - x * x), ..RIGHT }),
    },
    Misconception {
        id: "tanh-derivative-of-activation",
        title: "the slope of tanh is taken at y in place of x, as 1 - tanh(y)^2",
        explanation: "The slope at x is 1 - tanh(x)^2, and tanh(x) is y already: 1 - y**2. Applying tanh again gives the slope \
                      at another point.",
        question: "What is y in terms of x? Is there a tanh left to apply?",
        see: ("dls-c1", "W3 Activation functions; Derivatives; Random initialization"),
        behaviour: |arguments| with(arguments, &Rule { tanh: |x| (x.tanh(), 1.0 - x.tanh().tanh().powi(2)), ..RIGHT }),
    },
    Misconception {
        id: "sigmoid-derivative-of-activation",
        title: "the slope of the sigmoid is taken at y in place of x",
        explanation: "s(y) * (1 - s(y)) with y = s(x) applies the sigmoid twice. The slope at x is y * (1 - y).",
        question: "How often is the sigmoid applied in your slope?",
        see: ("dls-c1", "W3 Activation functions; Derivatives; Random initialization"),
        behaviour: |arguments| {
            let twice = |x: f64| {
                let y = sigmoid(x);
                (y, sigmoid(y) * (1.0 - sigmoid(y)))
            };
            with(arguments, &Rule { sigmoid: twice, ..RIGHT })
        },
    },
    Misconception {
        id: "sigmoid-overflow",
        title: "the sigmoid is computed as exp(x) / (1 + exp(x)) and overflows",
        explanation: "From x = 710 on exp(x) is infinite, and infinity over infinity is not a number. 1 / (1 + exp(-x)) is right \
                      at both ends: one over infinity is 0.",
        question: "What does your sigmoid give for x = 1000?",
        see: ("dlbook", "4.1 Overflow and Underflow"),
        behaviour: |arguments| {
            // Whoever writes it so has the same formula for the slope of softplus.
            let rule = Rule {
                sigmoid: |x| {
                    let y = overflowing(x);
                    (y, y * (1.0 - y))
                },
                softplus: |x| (softplus(x), overflowing(x)),
                ..RIGHT
            };
            with(arguments, &rule)
        },
    },
    Misconception {
        id: "softplus-overflow",
        title: "softplus is computed as written, log(1 + exp(x)), and overflows",
        explanation: "exp(1000) is infinite, and so is its log; the answer is 1000. Take the large part out: \
                      max(x, 0) + log1p(exp(-|x|)), or np.logaddexp(0, x).",
        question: "What does your softplus give for x = 1000, and what should it?",
        see: ("dlbook", "4.1 Overflow and Underflow"),
        behaviour: |arguments| with(arguments, &Rule { softplus: |x| ((1.0 + x.exp()).ln(), sigmoid(x)), ..RIGHT }),
    },
    Misconception {
        id: "softplus-slope-overflow",
        title: "the slope of softplus is computed as exp(x) / (1 + exp(x)) and overflows",
        explanation: "From x = 710 on that is infinity over infinity. It is the sigmoid: write it as you wrote that, \
                      1 / (1 + exp(-x)).",
        question: "What is the slope of your softplus for x = 1000, and what should it be?",
        see: ("dlbook", "4.1 Overflow and Underflow"),
        behaviour: |arguments| with(arguments, &Rule { softplus: |x| (softplus(x), overflowing(x)), ..RIGHT }),
    },
    Misconception {
        id: "elu-overflow",
        title: "elu multiplies both branches by a mask, and 0 times infinity is not a number",
        explanation: "(x <= 0) * (exp(x) - 1) computes exp(1000) too, and 0 * infinity is NaN. Give exp only what is not \
                      positive: np.expm1(np.minimum(x, 0)).",
        question: "What is exp(x) for x = 1000, and what is that times 0?",
        see: ("dlbook", "4.1 Overflow and Underflow"),
        behaviour: |arguments| {
            let masked = |x: f64| {
                let (above, below) = if x > 0.0 { (1.0, 0.0) } else { (0.0, 1.0) };
                (above * x + below * (x.exp() - 1.0), above + below * x.exp())
            };
            with(arguments, &Rule { elu: masked, ..RIGHT })
        },
    },
    Misconception {
        id: "leaky-slope-everywhere",
        title: "leaky_relu has the slope 0.01 on both sides",
        explanation: "Above zero it is x itself, slope 1. With 0.01 everywhere it is a straight line and no activation at all.",
        question: "What is leaky_relu of 5?",
        see: ("cs231n", "notes: neural-networks-1, commonly used activation functions"),
        behaviour: |arguments| with(arguments, &Rule { leaky_relu: |x| (0.01 * x, 0.01), ..RIGHT }),
    },
    Misconception {
        id: "leak-missing-in-gradient",
        title: "leaky_relu lets values through below zero but no gradient",
        explanation: "The leak is there for the gradient: a unit that is below zero for all examples can come back. Its slope \
                      there is 0.01.",
        question: "How does leaky_relu(-2) change when -2 grows a little?",
        see: ("cs231n", "notes: neural-networks-1, commonly used activation functions"),
        behaviour: |arguments| {
            with(arguments, &Rule { leaky_relu: |x| if x > 0.0 { (x, 1.0) } else { (0.01 * x, 0.0) }, ..RIGHT })
        },
    },
    Misconception {
        id: "elu-slope-of-output",
        title: "the slope of elu below zero is taken to be y, which is negative",
        explanation: "y = exp(x) - 1, and its slope is exp(x), which is y + 1. At x = 0 it meets the 1 from the right.",
        question: "Does elu rise or fall below zero?",
        see: ("cs7015", "L9 Better activation functions, better initialisation, greedy layerwise pre-training"),
        behaviour: |arguments| {
            let minus_one = |x: f64| if x > 0.0 { (x, 1.0) } else { (x.exp_m1(), x.exp_m1()) };
            with(arguments, &Rule { elu: minus_one, ..RIGHT })
        },
    },
    Misconception {
        id: "softplus-slope-flipped",
        title: "the slope of softplus is 1 / (1 + exp(x)), a sigmoid the wrong way round",
        explanation: "The derivative of log(1 + exp(x)) is exp(x) / (1 + exp(x)) = sigmoid(x): 0 far left, 1 far right.",
        question: "How steep is softplus far to the right?",
        see: ("dlbook", "3.10 Useful Properties of Common Functions"),
        behaviour: |arguments| with(arguments, &Rule { softplus: |x| (softplus(x), sigmoid(-x)), ..RIGHT }),
    },
    Misconception {
        id: "product-rule-missing",
        title: "the slope of gelu is only 0.5 * (1 + t): the second half of the product rule is missing",
        explanation: "gelu is x times something that depends on x. (u v)' = u' v + u v': add 0.5 * x * (1 - t^2) times the slope \
                      of what is inside tanh.",
        question: "Which factors of gelu depend on x?",
        see: ("pytorch-docs", "torch.nn.GELU"),
        behaviour: |arguments| {
            let half = |x: f64| {
                let t = inner(x).tanh();
                (0.5 * x * (1.0 + t), 0.5 * (1.0 + t))
            };
            with(arguments, &Rule { gelu: half, ..RIGHT })
        },
    },
    Misconception {
        id: "inner-derivative-missing",
        title: "the slope of gelu forgets the slope of what is inside tanh",
        explanation: "tanh(u(x))' = (1 - tanh(u)^2) * u'(x), with u' = sqrt(2 / pi) * (1 + 3 * 0.044715 * x**2).",
        question: "What is the derivative of tanh(2 x)?",
        see: ("pytorch-docs", "torch.nn.GELU"),
        behaviour: |arguments| {
            let outer_only = |x: f64| {
                let t = inner(x).tanh();
                (0.5 * x * (1.0 + t), 0.5 * (1.0 + t) + 0.5 * x * (1.0 - t * t))
            };
            with(arguments, &Rule { gelu: outer_only, ..RIGHT })
        },
    },
    Misconception {
        id: "upstream-ignored",
        title: "dx is the slope alone, without g",
        explanation: "The chain rule multiplies: what comes from above, times the own slope. A layer that leaves g out cuts \
                      everything behind it off from the loss.",
        question: "Where does your code use g?",
        see: ("cs231n", "notes: neural-networks-1"),
        behaviour: |arguments| with(arguments, &Rule { gradient: |_, slope| slope, ..RIGHT }),
    },
    Misconception {
        id: "slope-missing",
        title: "dx is g alone, without the slope",
        explanation: "The chain rule multiplies: g times f'(x). Passed on unchanged, the gradient is that of a network without \
                      this activation.",
        question: "Where does your code use the slope of the activation?",
        see: ("cs231n", "notes: neural-networks-1"),
        behaviour: |arguments| with(arguments, &Rule { gradient: |g, _| g, ..RIGHT }),
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    /// Slopes are what central differences of the values say, away from the corners.
    #[test]
    fn slopes_belong_to_their_values() {
        let pairs = [RIGHT.sigmoid, RIGHT.tanh, RIGHT.relu, RIGHT.leaky_relu, RIGHT.elu, RIGHT.softplus, RIGHT.gelu];
        for (kind, activation) in KINDS.iter().zip(pairs) {
            for x in [-4.0, -1.3, -0.2, 0.4, 1.7, 3.5] {
                let numeric = (activation(x + 1e-5).0 - activation(x - 1e-5).0) / 2e-5;
                let slope = activation(x).1;
                assert!((slope - numeric).abs() < 1e-8, "{kind} at {x}: {slope} and {numeric}");
            }
        }
    }
}
