//! `plan`: sizes, parameters and multiply-adds of a network, on paper.

use ndarray::Array2;

use super::layers::{ALEXNET, CONV, LENET, LINEAR, Layer, POOL, VGG11, conv, linear, pool};
use crate::exercise::{Exercise, Misconception, Outcome, Probe, Property, Signature};
use crate::exercises::arguments::{i64_array, rejects, returns, whole_numbers};
use crate::value::Value;

/// The exercise.
pub static PLAN: Exercise = Exercise {
    id: "plan",
    station: "pooling-receptive-field",
    task: "Follow one image through a network on paper. Each row of `layers` is a layer: kind, outputs, kernel, stride,\n\
           padding. Kind 0 is a convolution with `outputs` square kernels and a bias each; kind 1 is pooling (outputs unused);\n\
           kind 2 is fully connected with `outputs` units and a bias each, on all that comes in, flattened.\n\
           `shape` is the image's [C, H, W]. Return one row per layer: channels, height, width of its output (units, 1, 1 for\n\
           kind 2), its parameters, and its multiply-adds (MACs) for one image, biases not counted.\n\
           Sizes round down. Refuse a kernel that does not fit into its padded input with an error.",
    signature: Signature {
        name: "plan",
        parameters: &[
            i64_array("layers", &["L", "5"], "kind, outputs, kernel, stride, padding of each layer"),
            i64_array("shape", &["3"], "channels, height and width of the image"),
        ],
        returns: i64_array("table", &["L", "5"], "channels, height, width, parameters, MACs of each layer"),
    },
    probes,
    reference,
    misconceptions: MISCONCEPTIONS,
    properties: &[Property { title: "counts no parameters and no MACs for pooling", violated: pooling_learns }],
    hints: &[
        "Which column is wrong first, and in which row? The shapes must be right before the counts can be.",
        "Carry c, h, w from row to row. Convolution: h = (h + 2*pad - kernel) // stride + 1 and w alike, parameters \
         outputs * (c * kernel**2 + 1), MACs outputs * h * w * c * kernel**2 with the new h and w. Fully connected: with \
         n = c * h * w inputs, parameters outputs * (n + 1), MACs outputs * n.",
        "LeNet's first layer: image [1, 28, 28], 6 kernels of 5 by 5, padding 2.\n\
         h = (28 + 4 - 5) // 1 + 1 = 28. Parameters 6 * (1*25 + 1) = 156. MACs 6 * 28*28 * 25 = 117600.\n\
         Its row is [6, 28, 28, 156, 117600]; after pooling by 2 comes [6, 14, 14, 0, 0].",
    ],
    ..Exercise::DEFAULTS
};

fn probes() -> Vec<Probe> {
    let arguments = |layers: &[Layer], shape: [i64; 3]| {
        vec![
            Array2::from_shape_fn((layers.len(), 5), |(row, column)| layers[row][column]).into(),
            Value::array(&[3], shape.to_vec()),
        ]
    };
    let mut probes = vec![
        Probe::ordinary("one convolution", arguments(&[conv(2, 3, 1, 0)], [3, 5, 7])),
        Probe::ordinary("one convolution with stride and padding", arguments(&[conv(4, 5, 2, 1)], [3, 8, 11])),
        Probe::ordinary("a convolution and pooling", arguments(&[conv(5, 3, 1, 1), pool(3, 2, 0)], [2, 9, 6])),
        Probe::ordinary("one fully connected layer", arguments(&[linear(7)], [2, 3, 4])),
    ];
    for network in [LENET, ALEXNET, VGG11] {
        probes.push(Probe::ordinary(network.name, arguments(network.layers, network.input)));
    }
    let padded_pool = [conv(3, 3, 2, 0), pool(3, 2, 1), conv(4, 1, 1, 0)];
    probes.push(Probe::hard("padded pooling and a 1 by 1 convolution", arguments(&padded_pool, [1, 7, 12])));
    probes.push(Probe::hard("a kernel as large as its input", arguments(&[conv(2, 4, 3, 0), linear(3)], [2, 4, 4])));
    probes.push(Probe::hard("an image of one pixel", arguments(&[conv(2, 3, 1, 1), linear(2)], [1, 1, 1])));
    probes.push(Probe::hard("a kernel that does not fit", arguments(&[conv(2, 5, 1, 0), conv(2, 3, 1, 0)], [1, 6, 9])));
    probes
}

/// The image as it reaches a layer, and how it leaves it.
#[derive(Clone, Copy)]
struct Step {
    layer: Layer,
    /// Channels, height and width before.
    before: [i64; 3],
    /// Channels, height and width after.
    after: [i64; 3],
}

impl Step {
    fn is(&self, kind: i64) -> bool {
        self.layer[0] == kind
    }

    /// Weights that one output is computed with.
    fn fan_in(&self) -> i64 {
        let [_, _, kernel, ..] = self.layer;
        if self.is(CONV) { self.before[0] * kernel * kernel } else { self.before.iter().product() }
    }

    fn positions(&self) -> i64 {
        self.after[1] * self.after[2]
    }
}

/// How a plan is made; misconceptions change one part.
struct Rules {
    /// Length of an axis after a window: length, kernel, stride, padding.
    size: fn(i64, i64, i64, i64) -> Option<i64>,
    /// Channels after a convolution or pooling.
    channels: fn(Layer, i64) -> i64,
    parameters: fn(Step) -> i64,
    macs: fn(Step) -> i64,
}

const RIGHT: Rules = Rules {
    size: |length, kernel, stride, pad| (length + 2 * pad >= kernel).then(|| (length + 2 * pad - kernel) / stride + 1),
    channels: |layer, channels| if layer[0] == POOL { channels } else { layer[1] },
    parameters: |step| if step.is(POOL) { 0 } else { step.layer[1] * (step.fan_in() + 1) },
    macs: |step| if step.is(POOL) { 0 } else { step.layer[1] * step.positions() * step.fan_in() },
};

fn planned(arguments: &[Value], rules: &Rules) -> Outcome {
    let layers = whole_numbers::<ndarray::Ix2>(arguments, 0);
    let shape = whole_numbers::<ndarray::Ix1>(arguments, 1);
    let mut before = [shape[0], shape[1], shape[2]];
    let mut table = Array2::zeros((layers.nrows(), 5));
    for (mut row, layer) in table.outer_iter_mut().zip(layers.outer_iter()) {
        let layer: Layer = std::array::from_fn(|column| layer[column]);
        let [kind, outputs, kernel, stride, pad] = layer;
        let after = if kind == LINEAR {
            [outputs, 1, 1]
        } else {
            let along = |length| (rules.size)(length, kernel, stride, pad);
            let (Some(height), Some(width)) = (along(before[1]), along(before[2])) else {
                return rejects("a kernel does not fit into its padded input");
            };
            [(rules.channels)(layer, before[0]), height, width]
        };
        let step = Step { layer, before, after };
        let numbers = [after[0], after[1], after[2], (rules.parameters)(step), (rules.macs)(step)];
        numbers.into_iter().enumerate().for_each(|(column, number)| row[column] = number);
        before = after;
    }
    returns(table)
}

fn reference(arguments: &[Value]) -> Outcome {
    planned(arguments, &RIGHT)
}

fn pooling_learns(arguments: &[Value], result: &Value) -> Option<String> {
    let table = result.as_array()?.to_f64_array().into_dimensionality::<ndarray::Ix2>().ok()?;
    let kinds = whole_numbers::<ndarray::Ix2>(arguments, 0).column(0).to_owned();
    let row =
        kinds.iter().zip(table.outer_iter()).position(|(&kind, row)| kind == POOL && (row[3], row[4]) != (0.0, 0.0));
    row.map(|row| format!("row {row} is pooling: it has nothing to learn and multiplies nothing"))
}

const SIZES: (&str, &str) = ("cs231n", "notes: convolutional networks, layer sizing patterns");
const COSTS: (&str, &str) = ("cs231n", "notes: convolutional networks, computational considerations");
const EXAMPLE: (&str, &str) = ("dls-c4", "W1 CNN example");

const MISCONCEPTIONS: &[Misconception] = &[
    Misconception {
        id: "bias-missing",
        title: "the biases are not counted as parameters",
        explanation: "Every filter and every unit has one bias: one parameter more per output.",
        question: "How many numbers does a layer of one 3 by 3 filter on one channel learn?",
        see: EXAMPLE,
        behaviour: |arguments| {
            let parameters = |step: Step| if step.is(POOL) { 0 } else { step.layer[1] * step.fan_in() };
            planned(arguments, &Rules { parameters, ..RIGHT })
        },
    },
    Misconception {
        id: "one-bias-per-layer",
        title: "a layer is counted with one bias for all its outputs",
        explanation: "A bias belongs to a filter or a unit, not to the layer: outputs * (fan_in + 1).",
        question: "What is the shape of b in a layer with 6 filters?",
        see: EXAMPLE,
        behaviour: |arguments| {
            let parameters = |step: Step| if step.is(POOL) { 0 } else { step.layer[1] * step.fan_in() + 1 };
            planned(arguments, &Rules { parameters, ..RIGHT })
        },
    },
    Misconception {
        id: "macs-doubled",
        title: "multiplications and additions are counted one by one: twice the MACs",
        explanation: "One MAC is one product added to a sum. FLOPs count both and are twice as many; papers mix the two, so always \
                      say which.",
        question: "How many MACs does a dot product of 10 numbers take?",
        see: COSTS,
        behaviour: |arguments| planned(arguments, &Rules { macs: |step| 2 * (RIGHT.macs)(step), ..RIGHT }),
    },
    Misconception {
        id: "input-channels-forgotten",
        title: "a kernel is counted as one plane, without its input channels",
        explanation: "A filter looks at all channels of its input: its kernel is c * kernel * kernel numbers.",
        question: "What is the shape of w in the second layer of LeNet?",
        see: ("dls-c4", "W1 Convolutions over volume"),
        behaviour: |arguments| {
            const fn plane(step: Step) -> Step {
                let [_, height, width] = step.before;
                let channels = if step.layer[0] == CONV { 1 } else { step.before[0] };
                Step { before: [channels, height, width], ..step }
            }
            let parameters = |step| (RIGHT.parameters)(plane(step));
            let macs = |step| (RIGHT.macs)(plane(step));
            planned(arguments, &Rules { parameters, macs, ..RIGHT })
        },
    },
    Misconception {
        id: "positions-forgotten",
        title: "the MACs of a convolution are counted for one position of the kernel",
        explanation: "The weights are shared, the work is not: the kernel is applied at every pixel of the output. That is why \
                      convolutions hold few parameters and most of the work.",
        question: "How often is a 5 by 5 kernel applied to make a map of 28 by 28?",
        see: COSTS,
        behaviour: |arguments| {
            let macs = |step: Step| if step.is(POOL) { 0 } else { step.layer[1] * step.fan_in() };
            planned(arguments, &Rules { macs, ..RIGHT })
        },
    },
    Misconception {
        id: "macs-at-input-size",
        title: "the MACs are counted for every pixel of the input, not of the output",
        explanation: "With a stride the kernel is applied once per output pixel. Stride 2 divides the work by four.",
        question: "How many dot products does a convolution of stride 2 make on 8 by 8 pixels?",
        see: COSTS,
        behaviour: |arguments| {
            let macs = |step: Step| match step.layer[0] {
                CONV => step.layer[1] * step.before[1] * step.before[2] * step.fan_in(),
                _ => (RIGHT.macs)(step),
            };
            planned(arguments, &Rules { macs, ..RIGHT })
        },
    },
    Misconception {
        id: "output-size-rounded-up",
        title: "sizes are rounded up where the stride does not divide",
        explanation: "What is left over at the end is not used: // and not ceil. (A framework's ceil_mode is another choice.)",
        question: "How many windows of 3 with stride 2 lie inside 6 pixels?",
        see: SIZES,
        behaviour: |arguments| {
            let size = |length: i64, kernel: i64, stride: i64, pad: i64| {
                let room = length + 2 * pad - kernel;
                (room >= 0).then(|| (room + stride - 1) / stride + 1)
            };
            planned(arguments, &Rules { size, ..RIGHT })
        },
    },
    Misconception {
        id: "padding-one-side",
        title: "padding is counted once and not on both sides",
        explanation: "pad rows are added above and below: the input grows by 2 * pad.",
        question: "How many rows has an image of 28 rows with padding 2?",
        see: ("dls-c4", "W1 Padding"),
        behaviour: |arguments| {
            let size = |length: i64, kernel: i64, stride: i64, pad: i64| {
                let room = length + pad - kernel;
                (room >= 0).then(|| room / stride + 1)
            };
            planned(arguments, &Rules { size, ..RIGHT })
        },
    },
    Misconception {
        id: "output-size-off-by-one",
        title: "the + 1 of the size formula is missing",
        explanation: "A kernel of k fits into k pixels once: (length + 2 pad - k) // stride + 1.",
        question: "How large is the output for a kernel as large as its input?",
        see: SIZES,
        behaviour: |arguments| {
            let size = |length: i64, kernel: i64, stride: i64, pad: i64| {
                (length + 2 * pad >= kernel).then(|| (length + 2 * pad - kernel) / stride)
            };
            planned(arguments, &Rules { size, ..RIGHT })
        },
    },
    Misconception {
        id: "channels-lost-in-pooling",
        title: "pooling leaves one channel",
        explanation: "Pooling works on every channel by itself and keeps their number.",
        question: "What shape has [6, 28, 28] after pooling by 2?",
        see: ("dls-c4", "W1 Pooling layers"),
        behaviour: |arguments| {
            let channels = |layer: Layer, _| if layer[0] == POOL { 1 } else { layer[1] };
            planned(arguments, &Rules { channels, ..RIGHT })
        },
    },
    Misconception {
        id: "pooling-counted-as-convolution",
        title: "pooling is counted with parameters, as a convolution per channel",
        explanation: "Pooling has nothing to learn: taking a maximum needs no weight. It also multiplies nothing.",
        question: "Which numbers of a pooling layer does training change?",
        see: ("dls-c4", "W1 Pooling layers"),
        behaviour: |arguments| {
            let parameters = |step: Step| match step.layer {
                [POOL, _, kernel, ..] => step.after[0] * (kernel * kernel + 1),
                _ => (RIGHT.parameters)(step),
            };
            planned(arguments, &Rules { parameters, ..RIGHT })
        },
    },
    Misconception {
        id: "flatten-forgotten",
        title: "a fully connected layer sees the channels only, not every pixel of them",
        explanation: "Flattening makes c * h * w inputs out of [c, h, w]. That is why the first fully connected layer of AlexNet and \
                      VGG holds most of their parameters.",
        question: "How many inputs has a layer behind [16, 5, 5]?",
        see: ("cs231n", "notes: convolutional networks, case studies"),
        behaviour: |arguments| {
            fn pooled(step: Step) -> Step {
                if step.is(LINEAR) { Step { before: [step.before[0], 1, 1], ..step } } else { step }
            }
            let parameters = |step| (RIGHT.parameters)(pooled(step));
            let macs = |step| (RIGHT.macs)(pooled(step));
            planned(arguments, &Rules { parameters, macs, ..RIGHT })
        },
    },
];
