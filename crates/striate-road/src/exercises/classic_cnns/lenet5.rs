//! `lenet5`: the network of 1998, layer after layer.

use ndarray::{ArrayView, Dimension};
use striate_tensor::{Conv2dOptions, Pool2dOptions, Tensor};

use crate::exercise::{Exercise, Misconception, Outcome, Probe, Signature, Tolerance};
use crate::exercises::arguments::{f64_array, floats, returns};
use crate::exercises::numbers::Numbers;
use crate::value::Value;

/// The exercise.
pub static LENET5: Exercise = Exercise {
    id: "lenet5",
    station: "classic-cnns",
    task: "The forward pass of LeNet-5, with all its parameters given; return the logits, one row per image.\n\
           x -> convolution 5 by 5, padding 2 -> tanh -> average pooling 2 by 2 -> convolution 5 by 5, no padding -> tanh ->\n\
           average pooling 2 by 2 -> flatten -> fully connected -> tanh -> fully connected -> tanh -> fully connected.\n\
           Convolutions are those of torch.nn.Conv2d (stride 1, kernel not flipped). Flatten as [C, H, W] lies in memory.\n\
           A fully connected layer is x @ w.T + b. With F1 = 6, F2 = 16, U = 120, V = 84, K = 10 and images of 28 by 28 this\n\
           is the network of the paper, 61,706 parameters; your code should not depend on these numbers.",
    signature: Signature {
        name: "lenet5",
        parameters: &[
            f64_array("x", &["N", "1", "H", "W"], "N grey images"),
            f64_array("w1", &["F1", "1", "5", "5"], "kernels of the first convolution"),
            f64_array("b1", &["F1"], "its biases"),
            f64_array("w2", &["F2", "F1", "5", "5"], "kernels of the second convolution"),
            f64_array("b2", &["F2"], "its biases"),
            f64_array("w3", &["U", "D"], "weights of the first fully connected layer, D = F2 * H'' * W''"),
            f64_array("b3", &["U"], "its biases"),
            f64_array("w4", &["V", "U"], "weights of the second fully connected layer"),
            f64_array("b4", &["V"], "its biases"),
            f64_array("w5", &["K", "V"], "weights of the output layer"),
            f64_array("b5", &["K"], "its biases"),
        ],
        returns: f64_array("logits", &["N", "K"], "one number per image and class"),
    },
    probes,
    reference,
    misconceptions: MISCONCEPTIONS,
    tolerance: Tolerance { relative: 1e-9, absolute: 1e-11 },
    hints: &[
        "Print the shape after every layer, for the paper's sizes: [6, 28, 28], [6, 14, 14], [16, 10, 10], [16, 5, 5], 400, 120, 84, 10.",
        "Write two functions first: conv(x, w, b, pad) (yours from the last stations) and average_pool(x), which is \
         x.reshape(n, c, h // 2, 2, w // 2, 2).mean(axis=(3, 5)). The rest is five lines, tanh after each layer but the last.",
        "With all weights 0 every image has the same logits: the hidden units are tanh(b), and since w5 is 0 too, the logits are b5. \
         Set only w5 to 1 and b4 to 0.5 for V = 2 units: each logit is b5 + 2 * tanh(0.5) = b5 + 0.9242.",
    ],
    ..Exercise::DEFAULTS
};

/// Sizes of a network: images, height, width, then F1, F2, U, V, K.
type Sizes = [usize; 8];

fn probes() -> Vec<Probe> {
    let mut numbers = Numbers::stream(441);
    let mut arguments = |[n, height, width, f1, f2, u, v, k]: Sizes, scale: f64| -> Vec<Value> {
        let inputs = f2 * ((height / 2 - 4) / 2) * ((width / 2 - 4) / 2);
        let mut layer = |shape: &[usize], size: f64| Value::from(numbers.reals(shape.to_vec(), -size, size));
        vec![
            layer(&[n, 1, height, width], scale),
            layer(&[f1, 1, 5, 5], 0.5),
            layer(&[f1], 0.5),
            layer(&[f2, f1, 5, 5], 0.3),
            layer(&[f2], 0.5),
            layer(&[u, inputs], 0.6),
            layer(&[u], 0.5),
            layer(&[v, u], 0.6),
            layer(&[v], 0.5),
            layer(&[k, v], 0.7),
            layer(&[k], 0.5),
        ]
    };
    vec![
        Probe::ordinary("one image of 12 by 16, few filters", arguments([1, 12, 16, 2, 3, 4, 5, 3], 1.0)),
        Probe::ordinary("two images of 16 by 12", arguments([2, 16, 12, 3, 2, 5, 4, 6], 1.0)),
        Probe::ordinary("three images of 16 by 20", arguments([3, 16, 20, 2, 4, 6, 3, 5], 1.0)),
        Probe::ordinary("the paper's network on two images", arguments([2, 28, 28, 6, 16, 120, 84, 10], 1.0)),
        Probe::hard("sizes that pooling does not divide: 18 by 15", arguments([2, 18, 15, 2, 3, 4, 5, 3], 1.0)),
        Probe::hard("one filter, one unit, one class", arguments([1, 12, 12, 1, 1, 1, 1, 1], 1.0)),
        Probe::hard("pixels from -255 to 255", arguments([2, 12, 16, 3, 2, 4, 5, 3], 255.0)),
    ]
}

fn tensor<D: Dimension>(array: ArrayView<'_, f64, D>) -> Tensor {
    Tensor::from_vec(array.iter().copied().collect(), array.shape())
}

/// The network; misconceptions change a part.
struct Network {
    /// Between the layers: after the first and second convolution, the first and second fully connected layer.
    activations: [fn(&Tensor) -> Tensor; 4],
    pool: fn(&Tensor) -> Tensor,
    /// From the second pooling's maps to rows.
    flatten: fn(&Tensor) -> Tensor,
    output: fn(&Tensor) -> Tensor,
    /// Turns the kernels.
    kernel: fn(&Tensor) -> Tensor,
    pooled_first: bool,
    convolution_biases: bool,
    /// All the padding of the first layer at the bottom and on the right.
    padded_at_end: bool,
}

const RIGHT: Network = Network {
    activations: [Tensor::tanh; 4],
    pool: |x| x.avg_pool2d(Pool2dOptions::new(2)),
    flatten: |x| x.reshape(&[x.shape()[0], x.shape()[1] * x.shape()[2] * x.shape()[3]]),
    output: Tensor::clone,
    kernel: Tensor::clone,
    pooled_first: false,
    convolution_biases: true,
    padded_at_end: false,
};

fn logits(arguments: &[Value], network: &Network) -> Outcome {
    let array = |index: usize| tensor(floats::<ndarray::IxDyn>(arguments, index));
    let Network { activations, pool, flatten, output, kernel, pooled_first, convolution_biases, padded_at_end } =
        network;
    let block = |x: &Tensor, layer: usize, padding: usize| {
        let options = Conv2dOptions { padding: [padding; 2], ..Conv2dOptions::default() };
        let (w, b) = (kernel(&array(2 * layer - 1)), array(2 * layer));
        let z = x.conv2d(&w, convolution_biases.then_some(&b), options);
        let activation = activations[layer - 1];
        if *pooled_first { activation(&pool(&z)) } else { pool(&activation(&z)) }
    };
    let x = if *padded_at_end { shifted(&array(0)) } else { array(0) };
    let x = block(&block(&x, 1, if *padded_at_end { 0 } else { 2 }), 2, 0);
    let dense = |x: &Tensor, layer: usize| x.linear(&array(2 * layer - 1), Some(&array(2 * layer)));
    let x = activations[2](&dense(&flatten(&x), 3));
    let x = output(&dense(&activations[3](&dense(&x, 4)), 5));
    returns(Value::array(&[x.shape()[0], x.shape()[1]], x.to_vec::<f64>()))
}

/// Four rows and columns of zeros at the bottom and on the right.
fn shifted(x: &Tensor) -> Tensor {
    let [n, c, height, width] = x.shape()[..] else { panic!("images have four axes") };
    let below = Tensor::zeros(&[n, c, 4, width], x.dtype());
    let tall = Tensor::cat(&[x, &below], 2);
    Tensor::cat(&[&tall, &Tensor::zeros(&[n, c, height + 4, 4], x.dtype())], 3)
}

fn reference(arguments: &[Value]) -> Outcome {
    logits(arguments, &RIGHT)
}

const CLASSIC: (&str, &str) = ("dls-c4", "W2 Classic networks");
const CASES: (&str, &str) = ("cs231n", "notes: convolutional networks, case studies");

const MISCONCEPTIONS: &[Misconception] = &[
    Misconception {
        id: "hidden-activation-missing",
        title: "there is no tanh between the fully connected layers",
        explanation: "Without it, three matrices multiply into one: a single linear layer with many parameters.",
        question: "What could the three fully connected layers compute that one could not?",
        see: CLASSIC,
        behaviour: |arguments| {
            let [first, second, ..] = RIGHT.activations;
            logits(arguments, &Network { activations: [first, second, Tensor::clone, Tensor::clone], ..RIGHT })
        },
    },
    Misconception {
        id: "convolution-activation-missing",
        title: "there is no tanh after the convolutions",
        explanation: "Convolution and average pooling are both linear: without an activation the whole front of the network is \
                      one linear filter.",
        question: "Which function stands between your two convolutions?",
        see: CLASSIC,
        behaviour: |arguments| {
            let [.., third, fourth] = RIGHT.activations;
            logits(arguments, &Network { activations: [Tensor::clone, Tensor::clone, third, fourth], ..RIGHT })
        },
    },
    Misconception {
        id: "relu-for-tanh",
        title: "the activations are ReLU",
        explanation: "ReLU came into fashion with AlexNet, fourteen years later, because it does not saturate. LeNet-5 squashes with \
                      tanh. Try both in training; here it is the network of the paper.",
        question: "Can a hidden unit of LeNet-5 be negative?",
        see: CASES,
        behaviour: |arguments| logits(arguments, &Network { activations: [Tensor::relu; 4], ..RIGHT }),
    },
    Misconception {
        id: "max-for-average",
        title: "pooling takes the maximum",
        explanation: "Max pooling is what later networks do. LeNet-5 averages (and scales) each window of four.",
        question: "What does the pooling of this network make of [1 2; 3 4]?",
        see: CLASSIC,
        behaviour: |arguments| logits(arguments, &Network { pool: |x| x.max_pool2d(Pool2dOptions::new(2)), ..RIGHT }),
    },
    Misconception {
        id: "activation-after-pooling",
        title: "the maps are pooled first and squashed after",
        explanation: "For max pooling the order would not matter, as tanh keeps the order of numbers. The average of squashed numbers is \
                      another number than the squashed average.",
        question: "Is the mean of tanh(0) and tanh(4) the tanh of 2?",
        see: CASES,
        behaviour: |arguments| logits(arguments, &Network { pooled_first: true, ..RIGHT }),
    },
    Misconception {
        id: "channels-last",
        title: "the maps are flattened with the channels running fastest",
        explanation: "w3 expects [C, H, W] as it lies in memory: all of channel 0, then all of channel 1. Flattened as [H, W, C] the \
                      numbers are all there, each at another weight. Weights taken over from another framework fail this way.",
        question: "Which two numbers of the maps come first in your flattened row?",
        see: ("numpy", "numpy.reshape and numpy.transpose"),
        behaviour: |arguments| {
            let flatten = |x: &Tensor| (RIGHT.flatten)(&x.permute(&[0, 2, 3, 1]).contiguous());
            logits(arguments, &Network { flatten, ..RIGHT })
        },
    },
    Misconception {
        id: "tanh-at-output",
        title: "the logits are squashed by tanh as well",
        explanation: "The last layer's numbers go into a softmax, which wants them free: squashed to -1..1, no class can ever get a \
                      probability near 1.",
        question: "How large can your logits become?",
        see: ("cs231n", "notes: linear classification, softmax classifier"),
        behaviour: |arguments| logits(arguments, &Network { output: Tensor::tanh, ..RIGHT }),
    },
    Misconception {
        id: "softmax-at-output",
        title: "the result is softmaxed: probabilities, not logits",
        explanation: "Losses take logits and do the softmax themselves, in a form that does not overflow. With this one in front it \
                      would be done twice, and training crawls.",
        question: "Do the rows of your result sum to 1?",
        see: ("pytorch-docs", "torch.nn.CrossEntropyLoss"),
        behaviour: |arguments| logits(arguments, &Network { output: |x| x.softmax(1), ..RIGHT }),
    },
    Misconception {
        id: "kernel-flipped",
        title: "the kernels are turned by 180 degrees",
        explanation: "The layer that deep learning calls convolution is correlation: the kernel is laid on the image as it is.",
        question: "Does w1[f, 0, 0, 0] multiply the top left or the bottom right pixel of the window?",
        see: ("pytorch-docs", "torch.nn.Conv2d"),
        behaviour: |arguments| logits(arguments, &Network { kernel: |w| w.flip(&[2, 3]), ..RIGHT }),
    },
    Misconception {
        id: "bias-missing",
        title: "the convolutions have no biases",
        explanation: "Every filter has one bias, added at every pixel of its map: b[None, :, None, None].",
        question: "What does your first convolution make of a black image?",
        see: ("dls-c4", "W1 One layer of a convolutional network"),
        behaviour: |arguments| logits(arguments, &Network { convolution_biases: false, ..RIGHT }),
    },
    Misconception {
        id: "padding-one-side",
        title: "all the padding of the first layer is added at the bottom and on the right",
        explanation: "Two rows and columns of zeros belong on each of the four sides, so that the first window is centred on the first \
                      pixel.",
        question: "Which pixel is the first window of the first layer centred on?",
        see: ("dls-c4", "W1 Padding"),
        behaviour: |arguments| logits(arguments, &Network { padded_at_end: true, ..RIGHT }),
    },
];
