//! `sigmoid`: from any number to a probability.

use ndarray::{Array1, array};

use super::cross_entropy;
use crate::exercise::{Exercise, Misconception, Outcome, Probe, Property, Signature, Tolerance};
use crate::exercises::arguments::{f64_array, floats, returns};
use crate::value::{Array, Value};

/// The exercise.
pub static SIGMOID: Exercise = Exercise {
    id: "sigmoid",
    station: "logistic-regression",
    task: "Return 1 / (1 + exp(-z)) for every element of z.\n\
           It has to be right for any finite z: no overflow at 1000, and full relative precision for very negative z,\n\
           where the result is tiny and its logarithm is what comes next (sigmoid(-40) is 4.248e-18, not 0).",
    signature: Signature {
        name: "sigmoid",
        parameters: &[f64_array("z", &["N"], "any real numbers")],
        returns: f64_array("s", &["N"], "numbers between 0 and 1"),
    },
    probes,
    reference,
    misconceptions: MISCONCEPTIONS,
    properties: &[
        Property { title: "lies between 0 and 1", violated: leaves_the_unit_interval },
        Property { title: "grows with z", violated: falls },
    ],
    // The far tail is compared by its own size.
    tolerance: Tolerance { relative: 1e-11, absolute: 1e-290 },
    hints: &[
        "What does your function give for z = 0, for z = 1000 and for z = -1000? It should be 0.5, 1 and 0.",
        "For z >= 0 compute 1 / (1 + exp(-z)). For z < 0 the same formula is right too, as long as exp(-z) may become \
         infinite and 1 / infinity is 0; or use exp(z) / (1 + exp(z)) there. What fails is exp(z) / (1 + exp(z)) for \
         large z, and anything that computes 1 minus something near 1.",
        "z = log 3 = 1.0986: exp(-z) = 1/3, so s = 1 / (1 + 1/3) = 0.75. And z = -log 3 gives 0.25: the two sum to 1.",
    ],
    ..Exercise::DEFAULTS
};

fn probes() -> Vec<Probe> {
    let ordinary = |label: &str, z: Array1<f64>| Probe::ordinary(label, vec![z.into()]);
    let hard = |label: &str, z: Array1<f64>| Probe::hard(label, vec![z.into()]);
    vec![
        ordinary("-log 3, 0 and log 3", array![-(3.0_f64.ln()), 0.0, 3.0_f64.ln()]),
        ordinary("five numbers from -2 to 2", array![2.0, -1.0, 0.5, -2.0, 1.5]),
        ordinary("numbers up to 6", array![-6.0, 4.0, -3.5, 6.0, 0.25, 5.0, -0.1]),
        hard("a single number", array![0.7]),
        hard("1000 and -1000", array![1000.0, -1000.0, 0.0, 750.0]),
        hard("the left tail: -30 to -50", array![-40.0, -30.0, -50.0]),
        hard("the far left tail: -500 to -600", array![-500.0, -600.0, -550.0]),
        hard("no number at all", Array1::zeros(0)),
    ]
}

/// A function of every element.
fn each(arguments: &[Value], function: impl Fn(f64) -> f64) -> Outcome {
    returns(floats::<ndarray::Ix1>(arguments, 0).mapv(function))
}

fn reference(arguments: &[Value]) -> Outcome {
    each(arguments, cross_entropy::sigmoid)
}

fn leaves_the_unit_interval(_: &[Value], result: &Value) -> Option<String> {
    let Value::Array(Array::F64(s)) = result else { return None };
    s.iter().find(|&&s| !(0.0..=1.0).contains(&s)).map(|s| format!("it holds {s}"))
}

fn falls(arguments: &[Value], result: &Value) -> Option<String> {
    let Value::Array(Array::F64(s)) = result else { return None };
    let mut pairs: Vec<(f64, f64)> =
        floats::<ndarray::Ix1>(arguments, 0).iter().copied().zip(s.iter().copied()).collect();
    pairs.sort_by(|a, b| a.0.total_cmp(&b.0));
    pairs
        .windows(2)
        .find(|pair| pair[1].1 < pair[0].1)
        .map(|pair| format!("s({}) = {} is larger than s({}) = {}", pair[0].0, pair[0].1, pair[1].0, pair[1].1))
}

const MISCONCEPTIONS: &[Misconception] = &[
    Misconception {
        id: "sigmoid-overflow",
        title: "it is computed as exp(z) / (1 + exp(z)), which overflows for large z",
        explanation: "From z = 710 on exp(z) is infinite, and infinity over infinity is not a number. 1 / (1 + exp(-z)) is \
                      right at both ends: one over infinity is 0.",
        question: "What does your function give for z = 1000?",
        see: ("dlbook", "4.1 Overflow and Underflow"),
        behaviour: |arguments| each(arguments, |z| z.exp() / (1.0 + z.exp())),
    },
    Misconception {
        id: "tail-cancelled",
        title: "the left tail is computed as 1 minus a number near 1, and nothing is left of it",
        explanation: "1 - sigmoid(-z) and (1 + tanh(z / 2)) / 2 are equal on paper. In floating point, 1 - (1 - 4e-18) is 0: \
                      the digits that matter were lost in the number near 1. The next step takes the logarithm.",
        question: "What does your function give for z = -40, and what is the logarithm of that?",
        see: ("dlbook", "4.1 Overflow and Underflow"),
        behaviour: |arguments| each(arguments, |z| 0.5 * (1.0 + (0.5 * z).tanh())),
    },
    Misconception {
        id: "probability-clipped",
        title: "the result is kept between 1e-7 and 1 - 1e-7",
        explanation: "Clipping is a bandage for a logarithm elsewhere. It makes every confident answer equally confident and stops \
                      the gradient there. The cure is to compute the loss from z itself.",
        question: "Do z = 20 and z = 1000 give the same number in your code, and should they?",
        see: ("dlbook", "4.1 Overflow and Underflow"),
        behaviour: |arguments| each(arguments, |z| cross_entropy::sigmoid(z).clamp(1e-7, 1.0 - 1e-7)),
    },
    Misconception {
        id: "exponent-sign",
        title: "the sign in the exponent is missing: 1 / (1 + exp(z))",
        explanation: "That is the probability of the other class, 1 - sigmoid(z): it falls where it should grow.",
        question: "Does your function grow or fall with z?",
        see: ("dls-c1", "W2 Neural networks basics"),
        behaviour: |arguments| each(arguments, |z| cross_entropy::sigmoid(-z)),
    },
    Misconception {
        id: "derivative-returned",
        title: "the slope s * (1 - s) is returned and not s",
        explanation: "s * (1 - s) is how steep the sigmoid is: 0.25 in the middle and nearly 0 on both sides. It belongs into the \
                      backward pass.",
        question: "What should sigmoid(0) be: 0.5 or 0.25?",
        see: ("dls-c1", "W2 Neural networks basics"),
        behaviour: |arguments| each(arguments, |z| cross_entropy::sigmoid(z) * (1.0 - cross_entropy::sigmoid(z))),
    },
    Misconception {
        id: "tanh-for-sigmoid",
        title: "tanh is computed and not the sigmoid",
        explanation: "tanh has the same S, from -1 to 1: tanh(z) = 2 sigmoid(2 z) - 1. A probability runs from 0 to 1.",
        question: "Can your result be negative?",
        see: ("cs7015", "L3 Sigmoid neurons"),
        behaviour: |arguments| each(arguments, f64::tanh),
    },
    Misconception {
        id: "argument-doubled",
        title: "the result is (1 + tanh(z)) / 2, which is the sigmoid of 2 z",
        explanation: "The identity needs half the argument: sigmoid(z) = (1 + tanh(z / 2)) / 2. Without the half the S is twice \
                      as steep.",
        question: "Does your function give 0.75 for z = log 3?",
        see: ("cs7015", "L3 Sigmoid neurons"),
        behaviour: |arguments| each(arguments, |z| cross_entropy::sigmoid(2.0 * z)),
    },
    Misconception {
        id: "class-returned",
        title: "the class, 0 or 1, is returned and not the probability",
        explanation: "The step is what the perceptron has: no slope, nothing to learn from. The probability keeps how sure the \
                      neuron is; a threshold comes at the very end, when a decision is asked for.",
        question: "What is the slope of your function at z = 0.3?",
        see: ("cs7015", "L3 Sigmoid neurons"),
        behaviour: |arguments| each(arguments, |z| if z > 0.0 { 1.0 } else { 0.0 }),
    },
    Misconception {
        id: "piecewise-linear",
        title: "the S is replaced by a straight piece: 0.2 z + 0.5 between 0 and 1",
        explanation: "That is the \"hard sigmoid\" some libraries use for speed. It has no slope outside of its piece and is not \
                      the function asked for.",
        question: "Does your function give 0.9526 for z = 3?",
        see: ("cs7015", "L3 Sigmoid neurons"),
        behaviour: |arguments| each(arguments, |z| (0.2 * z + 0.5).clamp(0.0, 1.0)),
    },
    Misconception {
        id: "normalized-over-examples",
        title: "exp(z) is divided by its sum over all elements: a softmax over the examples",
        explanation: "Softmax compares the scores of the classes of one example. Here every element is an example of its own, and \
                      its probability must not change when another one is added.",
        question: "Does your result for z[0] change when z[1] does?",
        see: ("dls-c2", "W3 Softmax regression"),
        behaviour: |arguments| {
            let z = floats::<ndarray::Ix1>(arguments, 0);
            let largest = z.fold(f64::NEG_INFINITY, |a, &b| a.max(b));
            let powers = z.mapv(|z| (z - largest).exp());
            let sum = powers.sum();
            returns(powers / sum)
        },
    },
];
