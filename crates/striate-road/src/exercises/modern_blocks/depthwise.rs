//! `depthwise`: one kernel per channel.

use ndarray::Array3;
use striate_tensor::{Conv2dOptions, Tensor};

use super::block::{tensor, value};
use crate::exercise::{Exercise, Misconception, Outcome, Probe, Signature, Speed};
use crate::exercises::arguments::{count, f64_array, int_named, rejects, returns};
use crate::exercises::numbers::Numbers;
use crate::value::Value;

/// The exercise.
pub static DEPTHWISE: Exercise = Exercise {
    id: "depthwise",
    station: "modern-blocks",
    task: "A depthwise convolution, as in MobileNet: each channel has one kernel of its own and is filtered alone, so C channels\n\
           come in and C go out: out[n, c, i, j] = sum over u, v of w[c, u, v] * xp[n, c, i + u, j + v],\n\
           where xp is x with `pad` zeros on all four sides. Stride 1, no bias, the kernel is not flipped.\n\
           Refuse a kernel that does not fit into the padded image with an error.",
    signature: Signature {
        name: "depthwise",
        parameters: &[
            f64_array("x", &["N", "C", "H", "W"], "N images of C channels"),
            f64_array("w", &["C", "kh", "kw"], "one kernel per channel"),
            int_named("pad", "zeros added on each side, 0 or more"),
        ],
        returns: f64_array("out", &["N", "C", "H+2*pad-kh+1", "W+2*pad-kw+1"], "the filtered channels"),
    },
    probes,
    reference,
    misconceptions: MISCONCEPTIONS,
    speed: Some(Speed { arguments: large, naive_steps: 4.0 * 32.0 * 28.0 * 28.0 * 9.0, times_faster: 20.0 }),
    hints: &[
        "Try two channels and kernels of one weight, w = [2, 3]: what must come out?",
        "Loop over the window, not over the image: for each u, v add w[:, u, v] (one number per channel) times the slice \
         xp[:, :, u : u + H', v : v + W'] of all images and channels at once. Nothing is summed over channels.",
        "Two channels of one row: [1 2 3] with kernel [1 1], [4 5 6] with kernel [1 -1], no padding.\n\
         Channel 0: [3 5]. Channel 1: [-1 -1]. A full convolution would add the two to one map.",
    ],
    ..Exercise::DEFAULTS
};

fn large() -> Vec<Value> {
    let mut numbers = Numbers::stream(458);
    let (x, w) = (numbers.reals([4, 32, 28, 28], -1.0, 1.0), numbers.reals([32, 3, 3], -1.0, 1.0));
    vec![x.into(), w.into(), Value::Int(1)]
}

fn probes() -> Vec<Probe> {
    let mut numbers = Numbers::stream(453);
    let mut arguments = |[n, c, height, width]: [usize; 4], [kh, kw]: [usize; 2], pad: usize| {
        let x = numbers.integers([n, c, height, width], -4, 9);
        let w: Array3<f64> = numbers.integers([c, kh, kw], -3, 3);
        vec![x.into(), w.into(), Value::Int(pad as i64)]
    };
    vec![
        Probe::ordinary("two channels of 2 by 3, kernels of 1 by 2", arguments([1, 2, 2, 3], [1, 2], 0)),
        Probe::ordinary("two channels of 3 by 4, kernels of 2 by 3", arguments([1, 2, 3, 4], [2, 3], 0)),
        Probe::ordinary("x of [2, 3, 5, 7], kernels of 3 by 3, padding 1", arguments([2, 3, 5, 7], [3, 3], 1)),
        Probe::ordinary("x of [3, 4, 6, 5], kernels of 2 by 3, padding 1", arguments([3, 4, 6, 5], [2, 3], 1)),
        Probe::ordinary("x of [2, 5, 4, 6], kernels of 5 by 5, padding 2", arguments([2, 5, 4, 6], [5, 5], 2)),
        Probe::hard("one channel", arguments([2, 1, 4, 5], [3, 2], 1)),
        Probe::hard("kernels of one weight", arguments([2, 3, 4, 5], [1, 1], 0)),
        Probe::hard("one pixel, padded", arguments([1, 3, 1, 1], [3, 3], 1)),
        Probe::hard("kernels larger than the padded image", arguments([1, 2, 3, 4], [4, 2], 0)),
    ]
}

struct Call {
    x: Tensor,
    w: Tensor,
    pad: usize,
}

/// A result, or the refusal.
fn with(arguments: &[Value], result: impl FnOnce(Call) -> Tensor) -> Outcome {
    let call = Call { x: tensor(arguments, 0), w: tensor(arguments, 1), pad: count(arguments, 2) };
    let fits = |axis: usize| call.w.shape()[axis + 1] <= call.x.shape()[axis + 2] + 2 * call.pad;
    if fits(0) && fits(1) {
        returns(value(&result(call)))
    } else {
        rejects("the kernel does not fit into the padded image")
    }
}

impl Call {
    fn filter(&self) -> Tensor {
        let groups = self.x.shape()[1];
        let options = Conv2dOptions { padding: [self.pad; 2], groups, ..Conv2dOptions::default() };
        self.x.conv2d(&self.w.unsqueeze(1), None, options)
    }
}

fn reference(arguments: &[Value]) -> Outcome {
    with(arguments, |call| call.filter())
}

const MOBILENET: (&str, &str) = ("dls-c4", "W2 MobileNet");
const TORCH: (&str, &str) = ("pytorch-docs", "torch.nn.Conv2d, argument groups");

const MISCONCEPTIONS: &[Misconception] = &[
    Misconception {
        id: "channels-summed",
        title: "the channels are summed, and every output channel holds the same sum",
        explanation: "That is a full convolution. Depthwise means that channels do not meet; mixing them is left to the 1 by 1 convolution \
                      that follows.",
        question: "Does your output channel 0 change when input channel 1 does?",
        see: MOBILENET,
        behaviour: |arguments| {
            with(arguments, |call| {
                let out = call.filter();
                let sum = out.sum(&[1], true);
                (&out * 0.0).add(&sum)
            })
        },
    },
    Misconception {
        id: "channels-reduced",
        title: "the channels are summed into one map",
        explanation: "C channels come in and C go out. The sum over c belongs to a full convolution.",
        question: "How many channels does your output have?",
        see: MOBILENET,
        behaviour: |arguments| with(arguments, |call| call.filter().sum(&[1], true)),
    },
    Misconception {
        id: "kernel-shared",
        title: "all channels are filtered with the first channel's kernel",
        explanation: "Each channel has its own: w[c]. One kernel for all is what a blur does to a colour image.",
        question: "Which index of w depends on the channel?",
        see: MOBILENET,
        behaviour: |arguments| {
            with(arguments, |call| {
                let w = (&call.w * 0.0).add(&call.w.narrow(0, 0, 1));
                Call { w, ..call }.filter()
            })
        },
    },
    Misconception {
        id: "kernel-averaged",
        title: "all channels are filtered with the mean of the kernels",
        explanation: "Each channel has its own kernel: w[c].",
        question: "Which index of w depends on the channel?",
        see: MOBILENET,
        behaviour: |arguments| {
            with(arguments, |call| {
                let w = (&call.w * 0.0).add(&call.w.mean(&[0], true));
                Call { w, ..call }.filter()
            })
        },
    },
    Misconception {
        id: "channels-reversed",
        title: "the kernels are handed out in reverse order",
        explanation: "Channel c meets kernel c.",
        question: "Which kernel filters your first channel?",
        see: TORCH,
        behaviour: |arguments| with(arguments, |call| Call { w: call.w.flip(&[0]), ..call }.filter()),
    },
    Misconception {
        id: "kernel-flipped",
        title: "the kernels are turned by 180 degrees",
        explanation: "The layer that deep learning calls convolution is correlation: the kernel is laid on the image as it is.",
        question: "Does w[c, 0, 0] multiply the top left or the bottom right pixel of the window?",
        see: TORCH,
        behaviour: |arguments| with(arguments, |call| Call { w: call.w.flip(&[1, 2]), ..call }.filter()),
    },
    Misconception {
        id: "padding-ignored",
        title: "nothing is padded",
        explanation: "pad zeros belong on each side of rows and columns; with kernels of 2 * pad + 1 the size stays.",
        question: "Where does your code use pad?",
        see: ("dls-c4", "W1 Padding"),
        behaviour: |arguments| {
            with(arguments, |call| {
                let [_, kh, kw] = call.w.shape()[..] else { panic!("kernels have three axes") };
                let fits = kh <= call.x.shape()[2] && kw <= call.x.shape()[3];
                if fits { Call { pad: 0, ..call }.filter() } else { call.filter() }
            })
        },
    },
    Misconception {
        id: "padding-one-side",
        title: "all the padding is added at the bottom and on the right",
        explanation: "pad zeros belong on each of the four sides, so the first window starts above and left of the image.",
        question: "With padding 1, what lies under w[c, 0, 0] for the first output?",
        see: ("dls-c4", "W1 Padding"),
        behaviour: |arguments| {
            with(arguments, |call| {
                let [n, c, height, width] = call.x.shape()[..] else { panic!("images have four axes") };
                let more = 2 * call.pad;
                if more == 0 {
                    return call.filter();
                }
                let tall = Tensor::cat(&[&call.x, &Tensor::zeros(&[n, c, more, width], call.x.dtype())], 2);
                let x = Tensor::cat(&[&tall, &Tensor::zeros(&[n, c, height + more, more], call.x.dtype())], 3);
                Call { x, pad: 0, ..call }.filter()
            })
        },
    },
];
