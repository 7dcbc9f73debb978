//! `residual_block`: a branch that learns what to add.

use striate_tensor::Tensor;

use super::block::{Block, EDGES, Inputs, RIGHT, SIZES, arguments, conv, label, tensor, value};
use crate::exercise::{Exercise, Misconception, Outcome, Probe, Property, Signature};
use crate::exercises::arguments::{count, f64_array, int_named, returns};
use crate::exercises::numbers::Numbers;
use crate::value::Value;

/// The exercise.
pub static RESIDUAL_BLOCK: Exercise = Exercise {
    id: "residual_block",
    station: "modern-blocks",
    task: "The forward pass of ResNet's basic block, without batch norm:\n\
           y = relu(branch + shortcut), branch = conv(relu(conv(x, w1, stride)), w2, 1).\n\
           Both convolutions have 3 by 3 kernels, padding 1 and no bias; only the first has the stride.\n\
           The shortcut is x itself where stride is 1 and C' = C. Otherwise shapes would not agree, and it is the 1 by 1\n\
           convolution of x with wp at the same stride, without padding; there wp is used, else it is not.",
    signature: Signature {
        name: "residual_block",
        parameters: &[
            f64_array("x", &["N", "C", "H", "W"], "N images of C channels"),
            f64_array("w1", &["C'", "C", "3", "3"], "kernels of the first convolution"),
            f64_array("w2", &["C'", "C'", "3", "3"], "kernels of the second convolution"),
            f64_array("wp", &["C'", "C", "1", "1"], "kernels of the projection"),
            int_named("stride", "step of the first convolution and of the projection"),
        ],
        returns: f64_array("y", &["N", "C'", "(H-1)//stride+1", "(W-1)//stride+1"], "the block's output"),
    },
    probes,
    reference,
    misconceptions: MISCONCEPTIONS,
    properties: &[Property { title: "has no negative numbers", violated: negative }],
    hints: &[
        "Set w2 to 0: the branch is 0 then, and what comes out must be relu(x), or relu of the projection.",
        "Four lines: h = relu(conv(x, w1, stride, pad=1)); branch = conv(h, w2, 1, pad=1); shortcut = x or conv(x, wp, stride, pad=0); \
         return relu(branch + shortcut). A 1 by 1 convolution with stride s is a matrix product over the channels of x[:, :, ::s, ::s].",
        "One pixel, one channel: only the middle weight of each kernel meets it. x = 2, w1 = 3, w2 = -1: h = relu(6) = 6, branch = -6, \
         y = relu(-6 + 2) = 0. With w2 = 1: y = relu(6 + 2) = 8.",
    ],
    ..Exercise::DEFAULTS
};

fn probes() -> Vec<Probe> {
    let mut numbers = Numbers::stream(451);
    let mut probes: Vec<Probe> =
        SIZES.iter().map(|&size| Probe::ordinary(label(size), arguments(&mut numbers, size))).collect();
    for &(what, size) in EDGES {
        probes.push(Probe::hard(format!("{what}: {}", label(size)), arguments(&mut numbers, size)));
    }
    let mut zero = arguments(&mut numbers, [2, 3, 4, 5, 3, 1]);
    zero[2] = Value::array(&[3, 3, 3, 3], vec![0.0; 81]);
    probes.push(Probe::hard("a branch whose second convolution is zero", zero));
    probes
}

/// From the arguments x, w1, w2, wp, stride that start at `first`.
pub(super) fn inputs(arguments: &[Value], first: usize) -> Inputs {
    let [x, w1, w2, wp] = [0, 1, 2, 3].map(|at| tensor(arguments, first + at));
    Inputs { x, w1, w2, wp, stride: count(arguments, first + 4) }
}

fn run(arguments: &[Value], block: Block) -> Outcome {
    returns(value(&block.run(&inputs(arguments, 0))))
}

fn reference(arguments: &[Value]) -> Outcome {
    run(arguments, RIGHT)
}

fn negative(_: &[Value], result: &Value) -> Option<String> {
    let lowest = result.as_array()?.to_f64().into_iter().fold(0.0, f64::min);
    (lowest < 0.0).then(|| format!("the smallest number is {lowest}: the last step is a ReLU"))
}

/// Every stride-th pixel, with channels of zeros added or the last ones left out.
fn padded_channels(inputs: &Inputs) -> Tensor {
    let (x, channels) = (&inputs.x, inputs.w1.shape()[0]);
    let [n, c, height, width] = x.shape()[..] else { panic!("images have four axes") };
    let [rows, columns] = [height, width].map(|length| (length - 1) / inputs.stride + 1);
    let data = x.to_vec::<f64>();
    let mut out = vec![0.0; n * channels * rows * columns];
    for (at, out) in out.iter_mut().enumerate() {
        let (image, channel) = (at / (channels * rows * columns), at / (rows * columns) % channels);
        let (i, j) = (at / columns % rows * inputs.stride, at % columns * inputs.stride);
        if channel < c {
            *out = data[((image * c + channel) * height + i) * width + j];
        }
    }
    Tensor::from_vec(out, &[n, channels, rows, columns])
}

const RESNETS: (&str, &str) = ("dls-c4", "W2 ResNets");
const WHY: (&str, &str) = ("dls-c4", "W2 Why ResNets work");
const ASSIGNMENT: (&str, &str) = ("dls-c4", "W2 assignment Residual networks");

const MISCONCEPTIONS: &[Misconception] = &[
    Misconception {
        id: "shortcut-missing",
        title: "the shortcut is not added",
        explanation: "Without it the block is two convolutions like any others, and a hundred of them in a row cannot be trained. The sum \
                      is the whole idea.",
        question: "What comes out of your block when w2 is all zero?",
        see: RESNETS,
        behaviour: |arguments| run(arguments, Block { shortcut: |inputs| &(RIGHT.shortcut)(inputs) * 0.0, ..RIGHT }),
    },
    Misconception {
        id: "relu-before-add",
        title: "the ReLU is applied to the branch before the sum, and not after it",
        explanation: "The branch is to add or to take away. Behind a ReLU it can only add, so the numbers grow from block to block; and the \
                      sum itself stays linear.",
        question: "Can your branch make a pixel smaller?",
        see: RESNETS,
        behaviour: |arguments| run(arguments, Block { branch: Tensor::relu, last: Tensor::clone, ..RIGHT }),
    },
    Misconception {
        id: "relu-before-and-after-add",
        title: "the branch goes through a ReLU of its own before the sum",
        explanation: "A ReLU stands between the two convolutions and one after the sum. A third one lets the branch only add.",
        question: "How many ReLUs are in your block, and where?",
        see: RESNETS,
        behaviour: |arguments| run(arguments, Block { branch: Tensor::relu, ..RIGHT }),
    },
    Misconception {
        id: "relu-missing-after-add",
        title: "there is no ReLU after the sum",
        explanation: "The block ends with a ReLU over branch plus shortcut. (Blocks that activate first, of 2016, leave it out on purpose; \
                      this is the one of 2015.)",
        question: "Does your block return negative numbers?",
        see: RESNETS,
        behaviour: |arguments| run(arguments, Block { last: Tensor::clone, ..RIGHT }),
    },
    Misconception {
        id: "hidden-activation-missing",
        title: "there is no ReLU between the two convolutions",
        explanation: "Two convolutions without a nonlinearity between them are one convolution of 5 by 5.",
        question: "Which function stands between w1 and w2?",
        see: RESNETS,
        behaviour: |arguments| run(arguments, Block { inner: Tensor::clone, ..RIGHT }),
    },
    Misconception {
        id: "projection-missing",
        title: "where shapes differ, x is subsampled and filled up with channels of zeros (or cut), not projected",
        explanation: "That is a variant of the paper, without parameters. The task, and every library, projects: a 1 by 1 convolution with \
                      wp at the same stride, which mixes the channels.",
        question: "Where does your code use wp?",
        see: ASSIGNMENT,
        behaviour: |arguments| run(arguments, Block { shortcut: padded_channels, ..RIGHT }),
    },
    Misconception {
        id: "projection-always",
        title: "the shortcut is projected even where x fits as it is",
        explanation: "Where the shape does not change the shortcut is the identity: no weights, nothing to learn, and a way on which the \
                      gradient passes untouched. That is what makes depth trainable.",
        question: "In a block that keeps the shape, what does the shortcut do to x?",
        see: WHY,
        behaviour: |arguments| {
            run(arguments, Block { shortcut: |inputs| conv(&inputs.x, &inputs.wp, inputs.stride), ..RIGHT })
        },
    },
    Misconception {
        id: "shortcut-activated",
        title: "the shortcut goes through a ReLU before the sum",
        explanation: "The shortcut hands x on as it is (or projected): negative numbers too.",
        question: "With w2 all zero and x = -1 and a branch of 3 somewhere else: what is added where x is -1?",
        see: WHY,
        behaviour: |arguments| run(arguments, Block { shortcut: |inputs| (RIGHT.shortcut)(inputs).relu(), ..RIGHT }),
    },
    Misconception {
        id: "shortcut-from-hidden",
        title: "what is added is the branch's own middle, relu(conv(x, w1)), not x",
        explanation: "The shortcut skips both convolutions. Started behind the first, the block can no longer be the identity.",
        question: "At which point of your code is the shortcut taken?",
        see: RESNETS,
        behaviour: |arguments| {
            run(arguments, Block { shortcut: |inputs| conv(&inputs.x, &inputs.w1, inputs.stride).relu(), ..RIGHT })
        },
    },
];
