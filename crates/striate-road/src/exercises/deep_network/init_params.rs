//! `init_params`: where training starts.

use ndarray::{Array1, ArrayView1, array};

use super::layers::{Layer, Layout, dims_value, pack, unpack};
use crate::exercise::{Exercise, Misconception, Outcome, Probe, Property, Signature};
use crate::exercises::arguments::{f64_array, floats, i64_array, returns, sizes};
use crate::exercises::numbers::Numbers;
use crate::value::Value;

/// The exercise.
pub static INIT_PARAMS: Exercise = Exercise {
    id: "init_params",
    station: "deep-network",
    task: "Return the start of a network with layer sizes dims = [n0, n1, ..., nL] as one vector theta.\n\
           For layer 1 to L in turn it holds the weights W of shape [n_out, n_in], row by row, then n_out biases.\n\
           Biases are 0. Weights are He-initialised: standard normal numbers times sqrt(2 / n_in). Take the numbers from z\n\
           in order, each once: the first n1 * n0 fill W of layer 1 row by row, the next W of layer 2, and so on.",
    signature: Signature {
        name: "init_params",
        parameters: &[
            i64_array("dims", &["L+1"], "layer sizes, from the inputs to the classes"),
            f64_array("z", &["Q"], "standard normal numbers, one for each weight of all layers"),
        ],
        returns: f64_array("theta", &["P"], "weights and biases of all layers"),
    },
    probes,
    reference,
    misconceptions: MISCONCEPTIONS,
    properties: &[Property { title: "has P = sum of n_out * (n_in + 1) numbers", violated: has_another_length }],
    hints: &[
        "How long should theta be for dims = [3, 2]? Six weights and two biases: 8. And for [3, 2, 2]?",
        "Walk over the pairs (n_in, n_out) = (dims[l - 1], dims[l]). Take the next n_out * n_in numbers of z, multiply them by \
         sqrt(2 / n_in), append them, append n_out zeros. np.concatenate joins the pieces.",
        "dims = [2, 1, 1], z = [1, -1, 3]. Layer 1: sqrt(2 / 2) = 1, weights [1, -1], bias 0. Layer 2: sqrt(2 / 1) = 1.4142, \
         weight 4.2426, bias 0. theta = [1, -1, 0, 4.2426, 0].",
    ],
    ..Exercise::DEFAULTS
};

fn probes() -> Vec<Probe> {
    let mut numbers = Numbers::stream(451);
    let mut probes =
        vec![Probe::ordinary("sizes 2, 1, 1", vec![dims_value(&[2, 1, 1]), array![1.0, -1.0, 3.0].into()])];
    let cases: [(&[usize], bool); 7] = [
        (&[3, 2], false),
        (&[2, 3, 4], false),
        (&[5, 4, 3, 2], false),
        (&[4, 4, 4], false),
        (&[1, 1, 1, 1], true),
        (&[7, 1, 5], true),
        (&[2, 3, 2, 3, 2, 3], true),
    ];
    for (dims, hard) in cases {
        // Three uniform numbers make a fair imitation of a normal one.
        let count = weight_count(dims);
        let z = Array1::from_shape_simple_fn(count, || (0..3).map(|_| numbers.real(-1.0, 1.0)).sum::<f64>());
        let label = format!("sizes {}", dims.iter().map(usize::to_string).collect::<Vec<_>>().join(", "));
        let arguments = vec![dims_value(dims), z.into()];
        probes.push(if hard { Probe::hard(label, arguments) } else { Probe::ordinary(label, arguments) });
    }
    probes
}

fn weight_count(dims: &[usize]) -> usize {
    dims.windows(2).map(|pair| pair[0] * pair[1]).sum()
}

/// How the start is made; every misconception is one wrong setting.
#[derive(Clone, Copy)]
struct Recipe {
    /// What the numbers are multiplied by, from n_in and n_out.
    scale: fn(f64, f64) -> f64,
    /// Whether every layer begins with the first number again.
    reused: bool,
    /// How the numbers fill the weights of a layer.
    filled: Layout,
    /// How the layers lie in theta.
    layout: Layout,
    /// The value of the biases.
    bias: f64,
}

const RIGHT: Recipe = Recipe {
    scale: |n_in, _| (2.0 / n_in).sqrt(),
    reused: false,
    filled: Layout::RowsThenBiases,
    layout: Layout::RowsThenBiases,
    bias: 0.0,
};

impl Recipe {
    fn layers(&self, dims: &[usize], z: ArrayView1<'_, f64>) -> Vec<Layer> {
        let mut used = 0;
        let layer = |pair: &[usize]| {
            let length = pair[0] * pair[1];
            let start = if self.reused { 0 } else { used };
            used += length;
            let scale = (self.scale)(pair[0] as f64, pair[1] as f64);
            let mut numbers: Vec<f64> = z.iter().skip(start).take(length).map(|number| scale * number).collect();
            numbers.extend(vec![self.bias; pair[1]]);
            unpack(pair, Array1::from_vec(numbers).view(), self.filled).remove(0)
        };
        dims.windows(2).map(layer).collect()
    }

    fn theta(&self, arguments: &[Value]) -> Outcome {
        returns(pack(&self.layers(&sizes(arguments, 0), floats(arguments, 1)), self.layout))
    }
}

fn reference(arguments: &[Value]) -> Outcome {
    RIGHT.theta(arguments)
}

fn has_another_length(arguments: &[Value], result: &Value) -> Option<String> {
    let (wanted, got) = (super::layers::count(&sizes(arguments, 0)), result.as_array()?.len());
    (wanted != got).then(|| format!("theta has {got} numbers, not {wanted}"))
}

const DLS: &str = "W4 Deep neural networks";
const HE: &str = "notes: neural-networks-2, weight initialization";

const MISCONCEPTIONS: &[Misconception] = &[
    Misconception {
        id: "variance-for-deviation",
        title: "the numbers are multiplied by 2 / n_in, without the root",
        explanation: "2 / n_in is the variance that the weights should have. Multiplying by c multiplies the variance by c^2, so the factor is the root. \
                      Without it the signal shrinks from layer to layer.",
        question: "What is the standard deviation of your weights for n_in = 200: 0.1 or 0.01?",
        see: ("cs231n", HE),
        behaviour: |arguments| Recipe { scale: |n_in, _| 2.0 / n_in, ..RIGHT }.theta(arguments),
    },
    Misconception {
        id: "fan-swapped",
        title: "the root is taken over the number of outputs, n_out, and not of inputs, n_in",
        explanation: "A unit adds up n_in products, so the variance of its sum grows with n_in: that is what has to be cancelled. n_out matters for the way \
                      back, and only on average.",
        question: "Over how many terms does one unit of the layer sum?",
        see: ("cs231n", HE),
        behaviour: |arguments| Recipe { scale: |_, n_out| (2.0 / n_out).sqrt(), ..RIGHT }.theta(arguments),
    },
    Misconception {
        id: "he-gain-missing",
        title: "the factor is sqrt(1 / n_in): the 2 for ReLU is missing",
        explanation: "ReLU sets half of the sums to zero and with them half of the signal's power. The 2 makes up for it; without it each layer halves the \
                      variance, and after ten layers a thousandth is left.",
        question: "What does ReLU do to half of the sums?",
        see: ("cs231n", HE),
        behaviour: |arguments| Recipe { scale: |n_in, _| (1.0 / n_in).sqrt(), ..RIGHT }.theta(arguments),
    },
    Misconception {
        id: "glorot-for-he",
        title: "the factor is sqrt(2 / (n_in + n_out)), that of Glorot and Bengio",
        explanation: "That compromise between forward and backward pass was made for tanh. For ReLU the task asks for He's factor, sqrt(2 / n_in).",
        question: "Does n_out occur in the factor that the task asks for?",
        see: ("cs231n", HE),
        behaviour: |arguments| Recipe { scale: |n_in, n_out| (2.0 / (n_in + n_out)).sqrt(), ..RIGHT }.theta(arguments),
    },
    Misconception {
        id: "constant-scale",
        title: "all weights are the numbers times 0.01",
        explanation: "0.01 is fine for one hidden layer. In a deep one the signal shrinks by the same factor in every layer, forwards and backwards, until \
                      nothing is left. The scale has to follow n_in.",
        question: "Does your scale depend on the size of the layer?",
        see: ("dls-c2", "W1 Initialization"),
        behaviour: |arguments| Recipe { scale: |_, _| 0.01, ..RIGHT }.theta(arguments),
    },
    Misconception {
        id: "not-scaled",
        title: "the numbers are used as they are, with standard deviation 1",
        explanation: "A unit with 100 inputs then sums to about 10 in size, the next layer to 100: the signal explodes. sqrt(2 / n_in) keeps its size.",
        question: "How large is a sum of 100 standard normal numbers, typically?",
        see: ("cs231n", HE),
        behaviour: |arguments| Recipe { scale: |_, _| 1.0, ..RIGHT }.theta(arguments),
    },
    Misconception {
        id: "numbers-reused",
        title: "every layer starts with the first number of z again, as if the generator were seeded anew for each layer",
        explanation: "Then the layers' weights are copies of each other. One stream of random numbers for the whole network: each layer goes on where the one \
                      before stopped. Seed once, outside of the loop.",
        question: "Which number of z is the first weight of your second layer?",
        see: ("dls-c1", DLS),
        behaviour: |arguments| Recipe { reused: true, ..RIGHT }.theta(arguments),
    },
    Misconception {
        id: "weights-column-major",
        title: "the numbers fill W column by column: W is made with shape [n_in, n_out] and transposed",
        explanation: "W has a row per unit of its layer, [n_out, n_in], and z fills it row by row. In the vector the numbers of one unit lie next to each \
                      other.",
        question: "Which numbers of z belong to the first unit of a layer?",
        see: ("dls-c1", DLS),
        behaviour: |arguments| Recipe { filled: Layout::ColumnsThenBiases, ..RIGHT }.theta(arguments),
    },
    Misconception {
        id: "biases-first",
        title: "in each layer the biases stand before the weights",
        explanation: "The order is an agreement that everybody who reads theta must share: here weights, then biases, layer by layer.",
        question: "What stands at theta[0]: a weight or a bias?",
        see: ("dls-c1", DLS),
        behaviour: |arguments| Recipe { layout: Layout::BiasesThenRows, ..RIGHT }.theta(arguments),
    },
    Misconception {
        id: "biases-not-zero",
        title: "the biases start at 1 and not at 0",
        explanation: "The weights break the symmetry already; biases may all start at 0. At 1 nearly all ReLU units are on at the start, and the network is \
                      nearly linear.",
        question: "What are the biases of your first layer?",
        see: ("dls-c1", DLS),
        behaviour: |arguments| Recipe { bias: 1.0, ..RIGHT }.theta(arguments),
    },
    Misconception {
        id: "layers-off-by-one",
        title: "the last layer is missing",
        explanation: "L + 1 sizes make L layers: the loop runs from 1 to L, range(1, len(dims)). With range(1, len(dims) - 1) the output layer is never \
                      made.",
        question: "How many layers do four sizes make?",
        see: ("dls-c1", DLS),
        behaviour: |arguments| {
            let dims = sizes(arguments, 0);
            let mut layers = RIGHT.layers(&dims, floats(arguments, 1));
            layers.pop();
            returns(pack(&layers, Layout::RowsThenBiases))
        },
    },
];
