//! `he_xavier`: the two initialisations that keep a signal alive.

use ndarray::{Array2, Ix2, array};

use super::noise::normals;
use crate::exercise::{Exercise, Misconception, Outcome, Probe, Signature};
use crate::exercises::arguments::{f64_array, floats, rejects, returns, text, text_named};
use crate::exercises::numbers::Numbers;
use crate::value::Value;

/// The exercise.
pub static HE_XAVIER: Exercise = Exercise {
    id: "he_xavier",
    station: "activations-initialization",
    task: "Turn random numbers into the initial weights of a layer that computes w @ x, with n_in inputs and n_out outputs.\n\
           The variance of the weights shall be 2 / n_in for He and 2 / (n_in + n_out) for Xavier.\n\
           For \"he_normal\" and \"xavier_normal\" the noise is normally distributed with mean 0 and deviation 1.\n\
           For \"he_uniform\" and \"xavier_uniform\" it is evenly spread from 0 to 1, and the weights shall be evenly spread\n\
           from -bound to bound. Refuse any other kind.",
    signature: Signature {
        name: "he_xavier",
        parameters: &[
            f64_array("noise", &["n_out", "n_in"], "random numbers, one per weight"),
            text_named("kind", "he_normal, he_uniform, xavier_normal or xavier_uniform"),
        ],
        returns: f64_array("w", &["n_out", "n_in"], "initial weights"),
    },
    probes,
    reference,
    misconceptions: MISCONCEPTIONS,
    hints: &[
        "Set all noise to 1 (or, for the uniform kinds, to 1 and 0): what weights come out, and which should?",
        "std = sqrt(variance). Normal: std * noise. Uniform: numbers from -bound to bound have the variance bound**2 / 3, so \
         bound = sqrt(3) * std, and 2 * noise - 1 spreads evenly from -1 to 1.",
        "n_in = 8, n_out = 1. He: variance 2 / 8 = 0.25, std 0.5; noise 1 becomes 0.5. he_uniform: bound = 1.732 * 0.5 = \
         0.866; noise 1 becomes 0.866, 0.5 becomes 0 and 0 becomes -0.866.\n\
         Xavier: variance 2 / 9, std 0.471, bound 0.816.",
    ],
    ..Exercise::DEFAULTS
};

const KINDS: [&str; 4] = ["he_normal", "he_uniform", "xavier_normal", "xavier_uniform"];

fn probes() -> Vec<Probe> {
    let mut numbers = Numbers::stream(811);
    let mut probes = Vec::new();
    let arguments = |noise: Array2<f64>, kind: &str| vec![Value::from(noise), Value::Text(kind.to_string())];
    for kind in KINDS {
        let noise = array![[1.0, 0.5, 0.0, 0.25, 0.75, 1.0, 0.5, 0.0]];
        probes.push(Probe::ordinary(format!("{kind}, 8 inputs, 1 output"), arguments(noise, kind)));
    }
    for (shape, hard) in [([3, 5], false), ([7, 2], false), ([1, 1], true), ([9, 1], true)] {
        for kind in KINDS {
            let uniform = kind.ends_with("uniform");
            let noise = if uniform { numbers.reals(shape, 0.0, 1.0) } else { normals(&mut numbers, shape) };
            let label = format!("{kind}, {} inputs, {} outputs", shape[1], shape[0]);
            let arguments = arguments(noise, kind);
            probes.push(if hard { Probe::hard(label, arguments) } else { Probe::ordinary(label, arguments) });
        }
    }
    probes.push(Probe::hard("a kind that does not exist", arguments(array![[0.1, 0.2]], "glorot")));
    probes
}

/// How weights are made; every misconception is one wrong setting. Fans are the numbers of inputs and outputs.
#[derive(Clone, Copy)]
struct Rule {
    he: fn(f64, f64) -> f64,
    xavier: fn(f64, f64) -> f64,
    /// Scale from the variance.
    deviation: fn(f64) -> f64,
    normal: fn(f64, f64) -> f64,
    uniform: fn(f64, f64) -> f64,
}

const RIGHT: Rule = Rule {
    he: |inputs, _| 2.0 / inputs,
    xavier: |inputs, outputs| 2.0 / (inputs + outputs),
    deviation: f64::sqrt,
    normal: |noise, std| noise * std,
    uniform: |noise, std| (2.0 * noise - 1.0) * 3f64.sqrt() * std,
};

fn with(arguments: &[Value], rule: &Rule) -> Outcome {
    let noise = floats::<Ix2>(arguments, 0);
    let [outputs, inputs] = [noise.nrows() as f64, noise.ncols() as f64];
    let (variance, spread) = match text(arguments, 1) {
        "he_normal" => (rule.he, rule.normal),
        "he_uniform" => (rule.he, rule.uniform),
        "xavier_normal" => (rule.xavier, rule.normal),
        "xavier_uniform" => (rule.xavier, rule.uniform),
        other => return rejects(format!("there is no kind \"{other}\"")),
    };
    let std = (rule.deviation)(variance(inputs, outputs));
    returns(noise.mapv(|noise| spread(noise, std)))
}

fn reference(arguments: &[Value]) -> Outcome {
    with(arguments, &RIGHT)
}

const MISCONCEPTIONS: &[Misconception] = &[
    Misconception {
        id: "fan-swapped",
        title: "He divides by the number of outputs and not of inputs",
        explanation: "An output is a sum over the inputs, so its variance grows with n_in, and it is n_in that must be divided \
                      out. w is [n_out, n_in]: the inputs are the columns.",
        question: "Over how many products does one output of w @ x sum?",
        see: ("cs231n", "notes: neural-networks-2 (initialisation)"),
        behaviour: |arguments| with(arguments, &Rule { he: |_, outputs| 2.0 / outputs, ..RIGHT }),
    },
    Misconception {
        id: "variance-for-deviation",
        title: "the noise is multiplied by the variance and not by its root",
        explanation: "Multiplying by s multiplies the variance by s**2. For a variance of 2 / n_in multiply by sqrt(2 / n_in). \
                      Without the root a layer of 200 inputs comes out ten times too quiet.",
        question: "If noise has variance 1, what variance has 0.01 * noise?",
        see: ("cs231n", "notes: neural-networks-2 (initialisation)"),
        behaviour: |arguments| with(arguments, &Rule { deviation: |variance| variance, ..RIGHT }),
    },
    Misconception {
        id: "uniform-bound-too-small",
        title: "the bound of the uniform kinds is the deviation: sqrt(3) is missing",
        explanation: "Numbers spread evenly from -b to b have the variance b**2 / 3, since most of them are well inside. For a \
                      deviation of s the bound must be sqrt(3) * s.",
        question: "Which deviation have numbers that are spread evenly from -1 to 1: 1 or 0.577?",
        see: ("pytorch-docs", "torch.nn.init.kaiming_uniform_"),
        behaviour: |arguments| with(arguments, &Rule { uniform: |noise, std| (2.0 * noise - 1.0) * std, ..RIGHT }),
    },
    Misconception {
        id: "uniform-not-centred",
        title: "the uniform weights run from 0 to bound and not from -bound to bound",
        explanation: "All weights positive: every unit adds up all inputs, and all units do nearly the same. 2 * noise - 1 runs \
                      from -1 to 1.",
        question: "What is the mean of your uniform weights?",
        see: ("numpy", "numpy.random.Generator.random"),
        behaviour: |arguments| with(arguments, &Rule { uniform: |noise, std| noise * 3f64.sqrt() * std, ..RIGHT }),
    },
    Misconception {
        id: "uniform-half-width",
        title: "the uniform weights run from -bound / 2 to bound / 2",
        explanation: "noise - 0.5 runs from -0.5 to 0.5, a width of 1. From -bound to bound is a width of 2 bound: \
                      2 * noise - 1.",
        question: "Which weight comes out for noise = 1?",
        see: ("numpy", "numpy.random.Generator.random"),
        behaviour: |arguments| {
            with(arguments, &Rule { uniform: |noise, std| (noise - 0.5) * 3f64.sqrt() * std, ..RIGHT })
        },
    },
    Misconception {
        id: "uniform-scaled-as-normal",
        title: "the uniform kinds multiply the noise by the deviation, as the normal ones do",
        explanation: "Numbers from 0 to 1 have neither mean 0 nor deviation 1. First 2 * noise - 1, then times \
                      bound = sqrt(3) * std.",
        question: "What are the mean and the deviation of numbers that are spread evenly from 0 to 1?",
        see: ("pytorch-docs", "torch.nn.init.xavier_uniform_"),
        behaviour: |arguments| with(arguments, &Rule { uniform: |noise, std| noise * std, ..RIGHT }),
    },
    Misconception {
        id: "he-gain-missing",
        title: "He uses 1 / n_in: the 2 is missing",
        explanation: "ReLU throws half of the signal away, and the 2 makes up for it. Without it every layer halves the \
                      variance: after 20 layers a millionth is left.",
        question: "Which share of a signal around zero passes a ReLU?",
        see: ("cs231n", "notes: neural-networks-2 (initialisation)"),
        behaviour: |arguments| with(arguments, &Rule { he: |inputs, _| 1.0 / inputs, ..RIGHT }),
    },
    Misconception {
        id: "xavier-inputs-only",
        title: "Xavier uses 1 / n_in",
        explanation: "A common short form, equal where n_in = n_out. The full one is a compromise: forwards the variance wants \
                      1 / n_in, backwards 1 / n_out, and 2 / (n_in + n_out) is between them.",
        question: "Where does n_out enter your Xavier?",
        see: ("pytorch-docs", "torch.nn.init.xavier_uniform_"),
        behaviour: |arguments| with(arguments, &Rule { xavier: |inputs, _| 1.0 / inputs, ..RIGHT }),
    },
    Misconception {
        id: "xavier-gain-missing",
        title: "Xavier uses 1 / (n_in + n_out): the 2 is missing",
        explanation: "One over the mean of n_in and n_out is 2 / (n_in + n_out). Without the 2 the variance halves in every \
                      layer.",
        question: "For n_in = n_out = n, should the variance be 1 / n or 1 / (2 n)?",
        see: ("pytorch-docs", "torch.nn.init.xavier_uniform_"),
        behaviour: |arguments| with(arguments, &Rule { xavier: |inputs, outputs| 1.0 / (inputs + outputs), ..RIGHT }),
    },
    Misconception {
        id: "he-for-xavier",
        title: "the Xavier kinds use He's variance",
        explanation: "He is made for ReLU, Xavier for tanh and its like, which pass the whole signal near zero. With He's \
                      weights tanh units are pushed into saturation.",
        question: "Where does your code tell He from Xavier?",
        see: ("cs7015", "L9 Better activation functions, better initialisation, greedy layerwise pre-training"),
        behaviour: |arguments| with(arguments, &Rule { xavier: |inputs, _| 2.0 / inputs, ..RIGHT }),
    },
    Misconception {
        id: "constant-scale",
        title: "the weights are 0.01 times standard noise, whatever the size of the layer",
        explanation: "0.01 suits one size of layer by luck. With 100 inputs each layer multiplies the signal by about a tenth: \
                      after ten layers nothing is left. The scale must know n_in.",
        question: "Where do n_in and n_out enter your scale?",
        see: ("cs231n", "notes: neural-networks-2 (initialisation)"),
        behaviour: |arguments| {
            let rule =
                Rule { normal: |noise, _| 0.01 * noise, uniform: |noise, _| 0.01 * (2.0 * noise - 1.0), ..RIGHT };
            with(arguments, &rule)
        },
    },
    Misconception {
        id: "weights-all-zero",
        title: "all weights are zero",
        explanation: "Then all units compute the same, get the same gradient and stay the same for ever: a layer of one unit, \
                      and with ReLU not even that. Zero is for biases.",
        question: "How do two units of this layer differ from each other?",
        see: ("dls-c2", "W1 Vanishing/exploding gradients; Weight initialization; assignment Initialization"),
        behaviour: |arguments| with(arguments, &Rule { normal: |_, _| 0.0, uniform: |_, _| 0.0, ..RIGHT }),
    },
];
