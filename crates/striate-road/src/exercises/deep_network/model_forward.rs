//! `model_forward`: any number of layers, with a cache.

use ndarray::{Array1, Array2, ArrayView2, array, s};

use super::layers::{
    Layer, Layout, activations, dims_value, linear, plain_softmax, random_parameters, softmax, stacked, unpack,
};
use crate::exercise::{Exercise, Kind, Misconception, Outcome, Parameter, Probe, Property, Signature, Speed};
use crate::exercises::arguments::{f64_array, floats, i64_array, returns, sizes};
use crate::exercises::numbers::Numbers;
use crate::value::Value;

/// The exercise.
pub static MODEL_FORWARD: Exercise = Exercise {
    id: "model_forward",
    station: "deep-network",
    task: "Run a network with layer sizes dims = [n0, ..., nL] over m examples, which are the columns of x.\n\
           theta holds for layer 1 to L in turn the weights W [n_out, n_in], row by row, then n_out biases (init_params).\n\
           Each layer computes W @ a + b from the activations a before it; hidden layers apply ReLU, the last one softmax\n\
           (over the classes, for each example; sums of 1000 must not overflow).\n\
           Return the probabilities and, for the backward pass, the inputs of all layers stacked: x, a1, ..., a(L-1).",
    signature: Signature {
        name: "model_forward",
        parameters: &[
            f64_array("x", &["n0", "m"], "examples, one per column"),
            i64_array("dims", &["L+1"], "layer sizes, from the inputs to the classes"),
            f64_array("theta", &["P"], "weights and biases of all layers"),
        ],
        returns: Parameter {
            name: "activations",
            kind: Kind::Tuple(&[
                f64_array("al", &["C", "m"], "probability of each class for each example"),
                f64_array("cache", &["n0+...+n(L-1)", "m"], "the inputs of all layers, one above the other"),
            ]),
            meaning: "probabilities and the inputs of all layers",
        },
    },
    probes,
    reference,
    misconceptions: MISCONCEPTIONS,
    properties: &[Property {
        title: "has probabilities that sum to 1 for each example",
        violated: does_not_sum_to_one,
    }],
    speed: Some(Speed { arguments: large, naive_steps: 300.0 * (64.0 * 48.0 + 48.0 * 10.0), times_faster: 8.0 }),
    hints: &[
        "With a single layer (two sizes) this is softmax(W @ x + b), and the cache is x. Get that right first, then add one \
         hidden layer.",
        "Walk over the pairs (n_in, n_out) and keep a place in theta: the next n_out * n_in numbers, reshaped to \
         (n_out, n_in), are W, the next n_out, as a column, are b. Note the layer's input in a list, compute z, apply ReLU \
         unless it is the last layer. np.vstack joins the list.",
        "dims = [2, 1, 2], theta = [1, -1, 0.5,  2, -2, 0, 0], x = [[1], [0.5]].\n\
         Layer 1: z = 1*1 - 1*0.5 + 0.5 = 1, a1 = 1. Layer 2: W = [[2], [-2]], z = [2, -2],\n\
         al = [e^2, e^-2] / (e^2 + e^-2) = [0.9820, 0.0180], cache = [1, 0.5, 1] as a column.",
    ],
    ..Exercise::DEFAULTS
};

/// Layer sizes and numbers of examples of the probes of both passes.
pub(super) const SIZES: [(&[usize], usize, bool); 7] = [
    (&[3, 4], 5, false),
    (&[2, 3, 4], 5, false),
    (&[4, 5, 3, 2], 7, false),
    (&[3, 3, 3, 3], 3, false),
    (&[2, 5, 4, 3, 2], 6, true),
    (&[3, 4, 2], 1, true),
    (&[2, 3, 1], 4, true),
];

/// "sizes 2, 3, 4, 5 examples"
pub(super) fn label(dims: &[usize], examples: usize) -> String {
    let sizes = dims.iter().map(usize::to_string).collect::<Vec<_>>().join(", ");
    format!("layer sizes {sizes}; {examples} example{}", if examples == 1 { "" } else { "s" })
}

fn probes() -> Vec<Probe> {
    let mut numbers = Numbers::stream(461);
    let tiny = vec![
        array![[1.0, -1.0], [0.5, 0.5]].into(),
        dims_value(&[2, 1, 2]),
        array![1.0, -1.0, 0.5, 2.0, -2.0, 0.0, 0.3].into(),
    ];
    let mut probes = vec![Probe::ordinary("layer sizes 2, 1, 2; 2 examples", tiny)];
    for (dims, examples, hard) in SIZES {
        let x: Array2<f64> = numbers.reals([dims[0], examples], -2.0, 2.0);
        let arguments = vec![x.into(), dims_value(dims), random_parameters(&mut numbers, dims).into()];
        let label = label(dims, examples);
        probes.push(if hard { Probe::hard(label, arguments) } else { Probe::ordinary(label, arguments) });
    }
    let dims = [2, 3, 3];
    let mut theta: Array1<f64> = random_parameters(&mut numbers, &dims);
    theta.slice_mut(s![9..]).mapv_inplace(|number| 1000.0 * number);
    let x: Array2<f64> = numbers.reals([2, 4], -2.0, 2.0);
    probes.push(Probe::hard("sums of 1000 in the last layer", vec![x.into(), dims_value(&dims), theta.into()]));
    probes
}

/// What speed is measured on.
fn large() -> Vec<Value> {
    let mut numbers = Numbers::stream(462);
    let dims = [64, 48, 10];
    let x: Array2<f64> = numbers.reals([64, 300], -1.0, 1.0);
    vec![x.into(), dims_value(&dims), (0.2 * random_parameters(&mut numbers, &dims)).into()]
}

fn layers(arguments: &[Value], layout: Layout) -> Vec<Layer> {
    unpack(&sizes(arguments, 1), floats(arguments, 2), layout)
}

fn input(arguments: &[Value]) -> ArrayView2<'_, f64> {
    floats(arguments, 0)
}

fn pair(al: Array2<f64>, cached: &[Array2<f64>]) -> Outcome {
    returns(Value::Tuple(vec![al.into(), stacked(cached).into()]))
}

fn run(layers: &[Layer], x: ArrayView2<'_, f64>) -> Outcome {
    let all = activations(layers, x);
    let (al, cached) = all.split_last().expect("x is always there");
    pair(al.clone(), cached)
}

fn reference(arguments: &[Value]) -> Outcome {
    run(&layers(arguments, Layout::RowsThenBiases), input(arguments))
}

/// The forward pass with other activations: of the hidden layers, and of the last one.
fn with(
    arguments: &[Value],
    hidden: fn(&Array2<f64>) -> Array2<f64>,
    output: fn(&Array2<f64>) -> Array2<f64>,
) -> Outcome {
    let layers = layers(arguments, Layout::RowsThenBiases);
    let mut cached = vec![input(arguments).to_owned()];
    for layer in &layers[..layers.len() - 1] {
        cached.push(hidden(&linear(layer, &cached[cached.len() - 1])));
    }
    let z = linear(&layers[layers.len() - 1], &cached[cached.len() - 1]);
    pair(output(&z), &cached)
}

fn relu(z: &Array2<f64>) -> Array2<f64> {
    z.mapv(|z| z.max(0.0))
}

fn does_not_sum_to_one(_: &[Value], result: &Value) -> Option<String> {
    let Value::Tuple(parts) = result else { return None };
    let al = parts.first()?.as_array()?.to_f64_array().into_dimensionality::<ndarray::Ix2>().ok()?;
    let sums = al.sum_axis(ndarray::Axis(0));
    let column = sums.iter().position(|sum| (sum - 1.0).abs() > 1e-9)?;
    Some(format!("column {column} sums to {}", sums[column]))
}

const DLS: &str = "W4 Deep neural networks";

const MISCONCEPTIONS: &[Misconception] = &[
    Misconception {
        id: "relu-at-output",
        title: "ReLU is applied in the last layer too, before softmax",
        explanation: "A class whose score is negative is then as likely as one with score 0, and its gradient is gone. Scores may be anything; softmax makes \
                      probabilities of them.",
        question: "Can the score of an unlikely class be negative in your network?",
        see: ("dls-c1", DLS),
        behaviour: |arguments| with(arguments, relu, |z| softmax(&relu(z))),
    },
    Misconception {
        id: "max-not-subtracted",
        title: "softmax exponentiates the scores as they are, and overflows",
        explanation: "exp(1000) is infinite, and infinity over infinity is not a number. Subtract the largest score of each example first: softmax does not \
                      change.",
        question: "What does your softmax make of the scores [1000, 0]?",
        see: ("dlbook", "4.1 Overflow and Underflow"),
        behaviour: |arguments| with(arguments, relu, plain_softmax),
    },
    Misconception {
        id: "sum-over-wrong-axis",
        title: "softmax runs over the examples and not over the classes",
        explanation: "Examples are columns here, so each column must sum to 1: the sum is over axis 0. (With examples as rows it was axis 1. Check the \
                      sums, not the memory.)",
        question: "What do the columns of your probabilities sum to, and what the rows?",
        see: ("numpy", "numpy.sum, arguments axis and keepdims"),
        behaviour: |arguments| with(arguments, relu, |z| softmax(&z.t().to_owned()).reversed_axes()),
    },
    Misconception {
        id: "returns-logits",
        title: "softmax is left out: the scores of the last layer are returned",
        explanation: "Scores are any real numbers. The task asks for probabilities: softmax of each column.",
        question: "Do your columns sum to 1?",
        see: ("dls-c2", "W3 Softmax regression"),
        behaviour: |arguments| with(arguments, relu, Array2::clone),
    },
    Misconception {
        id: "sigmoid-at-output",
        title: "the last layer has a sigmoid per class and not softmax",
        explanation: "Sigmoids answer C separate questions, each yes or no; their probabilities do not sum to 1. For one class out of C, softmax lets the \
                      scores compete.",
        question: "Do your columns sum to 1?",
        see: ("dls-c2", "W3 Softmax regression"),
        behaviour: |arguments| with(arguments, relu, |z| z.mapv(|z| 1.0 / (1.0 + (-z).exp()))),
    },
    Misconception {
        id: "hidden-activation-missing",
        title: "the hidden layers have no activation function",
        explanation: "Without ReLU the matrices multiply into one, and the whole network is a linear classifier, however many layers it has.",
        question: "Can a hidden activation in your cache be negative?",
        see: ("dlbook", "6.2-6.4 Gradient-based learning, hidden units, architecture design"),
        behaviour: |arguments| with(arguments, Array2::clone, softmax),
    },
    Misconception {
        id: "relu-as-mask",
        title: "the hidden layers hand on 1 where the sum is positive, not the sum itself",
        explanation: "z > 0 is the slope of ReLU, which the backward pass needs. ReLU itself keeps positive sums as they are: np.maximum(z, 0), or \
                      z * (z > 0).",
        question: "What does your hidden layer make of a sum of 3: 3 or 1?",
        see: ("dls-c1", DLS),
        behaviour: |arguments| with(arguments, |z| z.mapv(|z| if z > 0.0 { 1.0 } else { 0.0 }), softmax),
    },
    Misconception {
        id: "hidden-softmax",
        title: "softmax is applied in every layer",
        explanation: "Softmax belongs to the last layer, where classes compete. In a hidden layer it makes the units compete, and their sum says nothing any \
                      more.",
        question: "Which activation have your hidden layers?",
        see: ("dls-c1", DLS),
        behaviour: |arguments| with(arguments, softmax, softmax),
    },
    Misconception {
        id: "bias-missing",
        title: "the biases are not added",
        explanation: "Without biases every hidden unit switches on along a line through the origin. They stand in theta after each layer's weights, as a \
                      column for all examples.",
        question: "Where in your code are the biases used?",
        see: ("dls-c1", DLS),
        behaviour: |arguments| {
            let mut layers = layers(arguments, Layout::RowsThenBiases);
            layers.iter_mut().for_each(|layer| layer.biases.fill(0.0));
            run(&layers, input(arguments))
        },
    },
    Misconception {
        id: "weights-column-major",
        title: "the weights are read column by column: reshaped to [n_in, n_out] and transposed",
        explanation: "theta holds W row by row, [n_out, n_in]: reshape(n_out, n_in) and nothing else. The other way the shapes fit too, and every number is in \
                      the wrong place.",
        question: "Which numbers of theta are the weights of the first unit?",
        see: ("dls-c1", DLS),
        behaviour: |arguments| run(&layers(arguments, Layout::ColumnsThenBiases), input(arguments)),
    },
    Misconception {
        id: "biases-first",
        title: "in each layer the biases are read before the weights",
        explanation: "Reader and writer must agree: init_params writes each layer's weights first, then its biases.",
        question: "What is theta[0]: a weight or a bias?",
        see: ("dls-c1", DLS),
        behaviour: |arguments| run(&layers(arguments, Layout::BiasesThenRows), input(arguments)),
    },
    Misconception {
        id: "cache-of-outputs",
        title: "the cache holds the outputs of the layers, a1 to aL, and not their inputs",
        explanation: "The gradient of a layer's weights is its error times its input: x for layer 1, a1 for layer 2. The output of the last layer is returned \
                      by itself.",
        question: "What does the backward pass of layer 1 need: x or a1?",
        see: ("dls-c1", DLS),
        behaviour: |arguments| {
            let all = activations(&layers(arguments, Layout::RowsThenBiases), input(arguments));
            pair(all[all.len() - 1].clone(), &all[1..])
        },
    },
    Misconception {
        id: "cache-before-activation",
        title: "the cache holds the sums before ReLU and not the activations",
        explanation: "The next layer's input is what comes out of ReLU. (Many programs keep both. Here the activations are enough: ReLU was on exactly where \
                      its output is positive.)",
        question: "Can a hidden number in your cache be negative?",
        see: ("dls-c1", DLS),
        behaviour: |arguments| {
            let layers = layers(arguments, Layout::RowsThenBiases);
            let all = activations(&layers, input(arguments));
            let sums = layers.iter().zip(&all).take(layers.len() - 1).map(|(layer, a)| linear(layer, a));
            let cached: Vec<_> = std::iter::once(all[0].clone()).chain(sums).collect();
            pair(all[all.len() - 1].clone(), &cached)
        },
    },
    Misconception {
        id: "layers-off-by-one",
        title: "the last layer is left out: softmax is applied to the last hidden activations",
        explanation: "L + 1 sizes make L layers: L - 1 with ReLU and one more with softmax. A loop over range(1, L) makes the hidden ones only; the last layer \
                      comes after it.",
        question: "How many matrix products does your code make for four sizes?",
        see: ("dls-c1", DLS),
        behaviour: |arguments| {
            let mut all = activations(&layers(arguments, Layout::RowsThenBiases), input(arguments));
            all.pop();
            pair(softmax(&all[all.len() - 1]), &all)
        },
    },
];
