//! `forward2`: a network with one hidden layer, forwards.

use ndarray::{Array2, ArrayView2, Axis, array};

use super::planar_network::{Activations, Parameters, sigmoid};
use crate::exercise::{Exercise, Kind, Misconception, Outcome, Parameter, Probe, Property, Signature};
use crate::exercises::arguments::{f64_array, floats, rejects, returns};
use crate::exercises::numbers::Numbers;
use crate::value::{Array, Value};

/// The exercise.
pub static FORWARD2: Exercise = Exercise {
    id: "forward2",
    station: "shallow-network",
    task: "Run a network with one hidden layer over m examples, which are the columns of x:\n\
           z1 = w1 @ x + b1,  a1 = tanh(z1),  z2 = w2 @ a1 + b2,  a2 = sigmoid(z2) = 1 / (1 + exp(-z2)).\n\
           A bias belongs to its unit and is added to every column. Return a2 (the probability that an example is\n\
           of class 1) and a1, which the backward pass will need.",
    signature: Signature {
        name: "forward2",
        parameters: PARAMETERS,
        returns: Parameter {
            name: "activations",
            kind: Kind::Tuple(&[
                f64_array("a2", &["1", "m"], "output: probability of class 1"),
                f64_array("a1", &["n1", "m"], "hidden activations"),
            ]),
            meaning: "output and hidden activations",
        },
    },
    probes,
    reference,
    misconceptions: MISCONCEPTIONS,
    properties: &[Property { title: "gives probabilities between 0 and 1", violated: is_probability }],
    hints: &[
        "Compute z1 for a single example by hand and compare. If that is right, compare a1, then z2, then a2.",
        "w1 @ x has a row per hidden unit and a column per example. b1 is a column [n1, 1]: it must be added to each \
         column as it is. The hidden layer goes through tanh, the output through the sigmoid and nothing else.",
        "One example x = [[1], [2]], w1 = [[1, -1]], b1 = [[0.5]], w2 = [[2]], b2 = [[-1]].\n\
         z1 = 1*1 - 1*2 + 0.5 = -0.5, a1 = tanh(-0.5) = -0.4621\n\
         z2 = 2*(-0.4621) - 1 = -1.9242, a2 = 1 / (1 + exp(1.9242)) = 0.1274",
    ],
    ..Exercise::DEFAULTS
};

/// Examples and parameters.
const PARAMETERS: &[Parameter] = &[
    f64_array("x", &["n0", "m"], "examples, one per column"),
    f64_array("w1", &["n1", "n0"], "weights of the hidden layer"),
    f64_array("b1", &["n1", "1"], "biases of the hidden layer"),
    f64_array("w2", &["1", "n1"], "weights of the output unit"),
    f64_array("b2", &["1", "1"], "bias of the output unit"),
];

fn probes() -> Vec<Probe> {
    let mut numbers = Numbers::stream(301);
    let arguments = |x: Array2<f64>, parameters: &Parameters| {
        let [w1, b1, w2, b2] = parameters.values();
        vec![x.into(), w1, b1, w2, b2]
    };
    let tiny = Parameters { w1: array![[1.0, -1.0]], b1: array![[0.5]], w2: array![[2.0]], b2: array![[-1.0]] };
    let mut probes = vec![Probe::ordinary(
        "one hidden unit, three examples",
        arguments(array![[1.0, 0.0, 2.0], [2.0, 1.0, 0.0]], &tiny),
    )];
    for (n0, n1, m, label) in [
        (2, 3, 5, "2 inputs, 3 hidden units, 5 examples"),
        (3, 4, 4, "3 inputs, 4 hidden units and as many examples"),
        (5, 7, 11, "5 inputs, 7 hidden units, 11 examples"),
    ] {
        let parameters = Parameters::random(&mut numbers, n0, n1, 1.0);
        probes.push(Probe::ordinary(label, arguments(numbers.reals([n0, m], -2.0, 2.0), &parameters)));
    }
    let parameters = Parameters::random(&mut numbers, 2, 3, 1.0);
    probes.push(Probe::hard("a single example", arguments(array![[0.3], [-0.8]], &parameters)));
    let mut huge = Parameters::random(&mut numbers, 2, 3, 1.0);
    huge.w1.mapv_inplace(|w| 2000.0 * w);
    huge.w2.mapv_inplace(|w| 2000.0 * w);
    probes
        .push(Probe::hard("sums of a thousand and more", arguments(array![[1.0, -1.0, 0.7], [-0.9, 0.8, 1.0]], &huge)));
    probes
}

struct Call<'a> {
    x: ArrayView2<'a, f64>,
    parameters: Parameters,
}

fn call(arguments: &[Value]) -> Call<'_> {
    let array = |index: usize| floats::<ndarray::Ix2>(arguments, index).to_owned();
    let parameters = Parameters { w1: array(1), b1: array(2), w2: array(3), b2: array(4) };
    Call { x: floats(arguments, 0), parameters }
}

fn pair(a2: Array2<f64>, a1: Array2<f64>) -> Outcome {
    returns(Value::Tuple(vec![a2.into(), a1.into()]))
}

fn reference(arguments: &[Value]) -> Outcome {
    let Call { x, parameters } = call(arguments);
    let Activations { a1, a2 } = parameters.forward(x);
    pair(a2, a1)
}

/// The forward pass with other activation functions.
fn with(arguments: &[Value], hidden: fn(f64) -> f64, output: fn(f64) -> f64) -> Outcome {
    let Call { x, parameters: Parameters { w1, b1, w2, b2 } } = call(arguments);
    let a1 = (w1.dot(&x) + b1).mapv(hidden);
    let a2 = (w2.dot(&a1) + b2).mapv(output);
    pair(a2, a1)
}

fn is_probability(_: &[Value], result: &Value) -> Option<String> {
    let Value::Tuple(parts) = result else { return None };
    let Some(Value::Array(Array::F64(a2))) = parts.first() else { return None };
    a2.iter().find(|&&a| !(0.0..=1.0).contains(&a)).map(|a| format!("a2 holds {a}"))
}

const MISCONCEPTIONS: &[Misconception] = &[
    Misconception {
        id: "returns-logits",
        title: "the sigmoid is left out and z2 is returned as the output",
        explanation: "z2 is the logit: any real number. The probability is sigmoid(z2), between 0 and 1. (Frameworks \
                      often keep the logit and put the sigmoid into the loss; here a2 is asked for.)",
        question: "Are all numbers in your a2 between 0 and 1?",
        see: ("dls-c1", "W3 Shallow neural networks"),
        behaviour: |arguments| with(arguments, f64::tanh, |z| z),
    },
    Misconception {
        id: "tanh-at-output",
        title: "the output goes through tanh as the hidden layer does",
        explanation: "tanh runs from -1 to 1; a probability runs from 0 to 1. The output unit has the sigmoid, so that \
                      the cross-entropy can take its logarithm.",
        question: "Can your output be negative?",
        see: ("dls-c1", "W3 Shallow neural networks"),
        behaviour: |arguments| with(arguments, f64::tanh, f64::tanh),
    },
    Misconception {
        id: "hidden-activation-missing",
        title: "the hidden layer has no activation function",
        explanation: "w2 @ (w1 @ x + b1) + b2 is again one matrix times x plus a constant: however many layers, the \
                      boundary stays a straight line. The bend comes from tanh.",
        question: "What is left of two layers when you multiply the two matrices together?",
        see: ("dlbook", "6.1 Example: learning XOR"),
        behaviour: |arguments| with(arguments, |z| z, sigmoid),
    },
    Misconception {
        id: "hidden-sigmoid",
        title: "the hidden layer goes through the sigmoid and not through tanh",
        explanation: "It would work, but the task asks for tanh: its values are centred on 0, which keeps the next layer's \
                      inputs balanced. tanh(z) = 2 sigmoid(2 z) - 1.",
        question: "What is the smallest value your a1 can take?",
        see: ("dls-c1", "W3 Shallow neural networks"),
        behaviour: |arguments| with(arguments, sigmoid, sigmoid),
    },
    Misconception {
        id: "tanh-twice",
        title: "tanh is applied twice to the hidden layer",
        explanation: "a1 is already tanh(z1); a second tanh squeezes it below 0.762. It happens when one function computes \
                      z1 with the activation and the caller applies it again.",
        question: "How large can your a1 become for a very large z1?",
        see: ("dls-c1", "W3 Shallow neural networks"),
        behaviour: |arguments| with(arguments, |z| z.tanh().tanh(), sigmoid),
    },
    Misconception {
        id: "bias-missing",
        title: "the biases are not added",
        explanation: "Without biases every hidden unit's line, z1 = 0, goes through the origin, and the output is 0.5 \
                      there whatever the weights.",
        question: "Where in your code are b1 and b2 used?",
        see: ("cs231n", "notes: neural-networks-1"),
        behaviour: |arguments| {
            let Call { x, mut parameters } = call(arguments);
            parameters.b1.fill(0.0);
            parameters.b2.fill(0.0);
            let Activations { a1, a2 } = parameters.forward(x);
            pair(a2, a1)
        },
    },
    Misconception {
        id: "bias-along-wrong-axis",
        title: "the hidden biases are laid along the examples and not along the units",
        explanation: "A bias of shape (n1,) is a row to NumPy: it is added along the columns, and that even works when \
                      there happen to be n1 examples. Keep it a column [n1, 1]: one bias per unit, for every example.",
        question: "Add a column [n1, 1] and a row [n1] to a matrix [n1, n1]: what is the difference?",
        see: ("numpy", "Broadcasting"),
        behaviour: |arguments| {
            let Call { x, parameters: Parameters { w1, b1, w2, b2 } } = call(arguments);
            if b1.len() != x.ncols() && b1.len() != 1 {
                return rejects("shapes cannot be broadcast together");
            }
            let a1 = (w1.dot(&x) + b1.index_axis(Axis(1), 0)).mapv(f64::tanh);
            let a2 = (w2.dot(&a1) + b2).mapv(sigmoid);
            pair(a2, a1)
        },
    },
    Misconception {
        id: "tanh-overflow",
        title: "tanh is computed as (exp(z) - exp(-z)) / (exp(z) + exp(-z)) and overflows",
        explanation: "From z = 710 on exp(z) is infinite, and infinity over infinity is not a number. Use the library's \
                      tanh, or 1 - 2 / (exp(2 z) + 1), which is right at both ends.",
        question: "What does your tanh give for z = 1000?",
        see: ("dlbook", "4.1 Overflow and Underflow"),
        behaviour: |arguments| with(arguments, |z| (z.exp() - (-z).exp()) / (z.exp() + (-z).exp()), sigmoid),
    },
    Misconception {
        id: "sigmoid-overflow",
        title: "the sigmoid is computed as exp(z) / (1 + exp(z)) and overflows",
        explanation: "From z = 710 on exp(z) is infinite, and infinity over infinity is not a number. 1 / (1 + exp(-z)) \
                      is right at both ends: one over infinity is 0.",
        question: "What does your sigmoid give for z = 1000?",
        see: ("dlbook", "4.1 Overflow and Underflow"),
        behaviour: |arguments| with(arguments, f64::tanh, |z| z.exp() / (1.0 + z.exp())),
    },
];
