//! `train_cnn`: a whole training, small enough to be exact.

use ndarray::{Array1, Array2, Array3, ArrayView3, Axis};

use super::small_cnn::{Cnn, Slips};
use crate::exercise::{Element, Exercise, Kind, Misconception, Outcome, Parameter, Probe, Signature, Tolerance};
use crate::exercises::arguments::whole_numbers;
use crate::exercises::arguments::{bytes, count, f64_array, float, float_named, floats, i64_array, int_named, returns};
use crate::exercises::numbers::Numbers;
use crate::value::Value;

/// The exercise.
pub static TRAIN_CNN: Exercise = Exercise {
    id: "train_cnn",
    station: "classic-cnns",
    task: "Train a small CNN: one convolution (stride 1, no padding, kernel not flipped), ReLU, the mean over each map, dropout,\n\
           a fully connected layer, softmax cross-entropy. Pixels are divided by 255 first. In epoch e take the images in the\n\
           order order[e], in batches of `size`; the last batch may be smaller. Each batch: the gradient of its mean loss, then\n\
           p = p - lr * dp for all four parameters. Dropout: masks[e, i] belongs to image i in epoch e and multiplies its F\n\
           means (it holds 0 or 1 / keep).\n\
           After each epoch measure the accuracy on all images, without dropout. Return the trained parameters and the accuracies.",
    signature: Signature {
        name: "train_cnn",
        parameters: &[
            Parameter {
                name: "x",
                kind: Kind::Array { element: Element::U8, axes: &["N", "H", "W"] },
                meaning: "grey images, 0 to 255",
            },
            i64_array("y", &["N"], "their classes"),
            i64_array("order", &["E", "N"], "the order of the images in each of the E epochs"),
            int_named("size", "images per batch"),
            f64_array("masks", &["E", "N", "F"], "dropout factors: 0 or 1 / keep"),
            f64_array("w", &["F", "kh", "kw"], "kernels at the start"),
            f64_array("b", &["F"], "their biases at the start"),
            f64_array("v", &["K", "F"], "weights of the classes at the start"),
            f64_array("c", &["K"], "biases of the classes at the start"),
            float_named("lr", "learning rate"),
        ],
        returns: Parameter {
            name: "trained",
            kind: Kind::Tuple(&[
                f64_array("w", &["F", "kh", "kw"], "trained kernels"),
                f64_array("b", &["F"], "their biases"),
                f64_array("v", &["K", "F"], "trained weights of the classes"),
                f64_array("c", &["K"], "their biases"),
                f64_array("accuracy", &["E"], "share of all images that is right after each epoch"),
            ]),
            meaning: "the trained network and its learning curve",
        },
    },
    probes,
    reference,
    misconceptions: MISCONCEPTIONS,
    tolerance: Tolerance { relative: 1e-8, absolute: 1e-10 },
    hints: &[
        "Start with the probe of one step: are w, b, v and c right after it? Then two batches, then two epochs.",
        "Backwards, per batch of B: dlogits = (softmax - onehot) / B; dv = dlogits.T @ features; dc its column sums; \
         dfeatures = dlogits @ v * masks; every pixel of map f gets dfeatures[f] / (H' * W') where z > 0; dw is the correlation of the \
         images with that, db its sum. Index images, labels and masks with the same batch of order[e].",
        "One image of one pixel 255, one filter w = 1, b = 0, two classes, v = [1 0], c = 0, mask 1: z = 1, feature 1, logits [1 0], \
         softmax [0.7311 0.2689]. True class 0: dlogits = [-0.2689 0.2689], dv = the same, dfeature = -0.2689, dw = db = -0.2689.",
    ],
    ..Exercise::DEFAULTS
};

/// Images, height, width, filters, kernel height and width, classes, epochs, batch size.
type Sizes = [usize; 9];

fn probes() -> Vec<Probe> {
    let mut numbers = Numbers::stream(443);
    let mut arguments = |[n, height, width, f, kh, kw, k, epochs, size]: Sizes, lr: f64, dropout: bool| -> Vec<Value> {
        let x = numbers.integers([n, height, width], 0, 255).mapv(|x| x as u8);
        let y: Vec<i64> = (0..n).map(|at| (at % k) as i64).collect();
        let mut order = Vec::new();
        for _ in 0..epochs {
            let mut epoch: Vec<i64> = (0..n as i64).collect();
            (1..n).rev().for_each(|at| epoch.swap(at, numbers.integer(0, at as i64) as usize));
            order.extend(epoch);
        }
        let masks = numbers.integers([epochs, n, f], 0, 3).mapv(|x| {
            if !dropout {
                1.0
            } else if x > 0.0 {
                4.0 / 3.0
            } else {
                0.0
            }
        });
        vec![
            x.into(),
            Value::array(&[n], y),
            Value::array(&[epochs, n], order),
            Value::Int(size as i64),
            masks.into(),
            numbers.reals([f, kh, kw], -0.8, 0.8).into(),
            numbers.reals([f], -0.2, 0.2).into(),
            numbers.reals([k, f], -1.0, 1.0).into(),
            numbers.reals([k], -0.2, 0.2).into(),
            Value::Float(lr),
        ]
    };
    let mut probes = vec![
        Probe::ordinary("one step on two images, no dropout", arguments([2, 3, 4, 1, 2, 3, 2, 1, 2], 0.5, false)),
        Probe::ordinary("two batches, no dropout", arguments([4, 4, 5, 2, 3, 2, 3, 1, 2], 0.5, false)),
        Probe::ordinary("one step with dropout", arguments([5, 4, 5, 3, 2, 3, 2, 1, 5], 1.0, true)),
        Probe::ordinary(
            "three epochs with dropout, the last batch smaller",
            arguments([8, 5, 6, 3, 2, 3, 4, 3, 3], 1.0, true),
        ),
        Probe::ordinary("five epochs of 10 images", arguments([10, 5, 4, 4, 3, 2, 3, 5, 4], 2.0, true)),
        Probe::hard("batches of one image", arguments([4, 4, 4, 2, 2, 2, 3, 2, 1], 0.3, true)),
        Probe::hard("a batch larger than the data", arguments([3, 4, 6, 2, 3, 3, 2, 2, 7], 0.5, true)),
        Probe::hard("kernels as large as the images", arguments([4, 3, 5, 2, 3, 5, 3, 2, 3], 0.5, false)),
    ];
    let square = arguments([4, 5, 4, 3, 2, 2, 4, 3, 2], 2.0, false);
    probes.insert(5, Probe::ordinary("as many images as classes", square));
    probes
}

struct Call<'a> {
    x: Array3<f64>,
    y: Vec<usize>,
    order: Vec<Vec<usize>>,
    size: usize,
    masks: ArrayView3<'a, f64>,
    start: Cnn,
    lr: f64,
}

/// What of the loop is done otherwise; the default is right.
#[derive(Clone, Copy)]
struct Loop {
    slips: Slips,
    /// What the pixels are divided by.
    scale: f64,
    /// Whether the order is followed by images, by labels.
    shuffled: [bool; 2],
    full_batches_only: bool,
    dropout: bool,
    dropout_in_evaluation: bool,
    measured_before: bool,
    prediction: Prediction,
}

/// Of what the class of an image is the place of the largest.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Prediction {
    /// Of the image's logits: `argmax(axis=1)`.
    Row,
    /// Of all images' logits of one class: `argmax(axis=0)`.
    Column,
    /// Of all logits of all images, flattened: `argmax()`.
    Whole,
}

impl Default for Loop {
    fn default() -> Self {
        Loop {
            slips: Slips::default(),
            scale: 255.0,
            shuffled: [true, true],
            full_batches_only: false,
            dropout: true,
            dropout_in_evaluation: false,
            measured_before: false,
            prediction: Prediction::Row,
        }
    }
}

impl Call<'_> {
    fn new(arguments: &[Value]) -> Call<'_> {
        let index = |&x: &i64| x as usize;
        Call {
            x: bytes::<ndarray::Ix3>(arguments, 0).mapv(f64::from),
            y: whole_numbers::<ndarray::Ix1>(arguments, 1).iter().map(index).collect(),
            order: whole_numbers::<ndarray::Ix2>(arguments, 2)
                .outer_iter()
                .map(|row| row.iter().map(index).collect())
                .collect(),
            size: count(arguments, 3),
            masks: floats(arguments, 4),
            start: Cnn {
                w: floats::<ndarray::Ix3>(arguments, 5).to_owned(),
                b: floats::<ndarray::Ix1>(arguments, 6).to_owned(),
                v: floats::<ndarray::Ix2>(arguments, 7).to_owned(),
                c: floats::<ndarray::Ix1>(arguments, 8).to_owned(),
            },
            lr: float(arguments, 9),
        }
    }

    fn accuracy(&self, x: &Array3<f64>, net: &Cnn, by: Prediction, mask: impl Fn(usize) -> Array1<f64>) -> f64 {
        let logits: Vec<Array1<f64>> =
            x.outer_iter().enumerate().map(|(n, image)| net.logits(image, &mask(n))).collect();
        let predicted = |n: usize| match by {
            Prediction::Row => largest(logits[n].iter().copied()),
            Prediction::Column => largest(logits.iter().map(|row| row[n])),
            Prediction::Whole => largest(logits.iter().flatten().copied()),
        };
        let right = (0..self.y.len()).filter(|&n| predicted(n) == self.y[n]).count();
        right as f64 / self.y.len() as f64
    }

    fn train(&self, rules: Loop) -> Outcome {
        if rules.prediction == Prediction::Column && self.y.len() != self.start.c.len() {
            return Outcome::Rejects("as many predictions as classes cannot be compared with the labels".into());
        }
        let x = &self.x / rules.scale;
        let ones = Array1::ones(self.start.b.len());
        let mut net = self.start.clone();
        let mut accuracy = Vec::new();
        for (epoch, order) in self.order.iter().enumerate() {
            let masks: Array2<f64> = self.masks.index_axis(Axis(0), epoch).to_owned();
            let mask = |n: usize, used: bool| if used { masks.row(n).to_owned() } else { ones.clone() };
            let measure =
                |net: &Cnn| self.accuracy(&x, net, rules.prediction, |n| mask(n, rules.dropout_in_evaluation));
            if rules.measured_before {
                accuracy.push(measure(&net));
            }
            let places: Vec<usize> = (0..order.len()).collect();
            for batch in places.chunks(self.size).filter(|batch| !rules.full_batches_only || batch.len() == self.size) {
                let example = |&at: &usize| {
                    let [image, label] = rules.shuffled.map(|follows| if follows { order[at] } else { at });
                    (x.index_axis(Axis(0), image), self.y[label], mask(image, rules.dropout))
                };
                let batch: Vec<_> = batch.iter().map(example).collect();
                net.step(&batch, self.lr, rules.slips);
            }
            if !rules.measured_before {
                accuracy.push(measure(&net));
            }
        }
        let Cnn { w, b, v, c } = net;
        returns(Value::Tuple(vec![w.into(), b.into(), v.into(), c.into(), Array1::from(accuracy).into()]))
    }
}

/// The place of the first of the largest numbers.
fn largest(numbers: impl Iterator<Item = f64>) -> usize {
    let larger = |best: (usize, f64), (at, x): (usize, f64)| if x > best.1 { (at, x) } else { best };
    numbers.enumerate().fold((0, f64::NEG_INFINITY), larger).0
}

fn reference(arguments: &[Value]) -> Outcome {
    Call::new(arguments).train(Loop::default())
}

fn with(arguments: &[Value], rules: Loop) -> Outcome {
    Call::new(arguments).train(rules)
}

fn slip(arguments: &[Value], slips: Slips) -> Outcome {
    with(arguments, Loop { slips, ..Loop::default() })
}

const BABYSITTING: (&str, &str) = ("cs231n", "notes: neural-networks-3");
const DROPOUT: (&str, &str) = ("cs231n", "notes: neural-networks-2");

const MISCONCEPTIONS: &[Misconception] = &[
    Misconception {
        id: "dropout-in-evaluation",
        title: "the accuracy is measured with dropout on",
        explanation: "Dropout makes training hard on purpose. To measure, every unit takes part: the curve you plot would otherwise be that \
                      of a crippled network, and change from run to run.",
        question: "Which mask does your accuracy use?",
        see: DROPOUT,
        behaviour: |arguments| with(arguments, Loop { dropout_in_evaluation: true, ..Loop::default() }),
    },
    Misconception {
        id: "dropout-missing",
        title: "the dropout masks are not used in training",
        explanation: "Each training image's means are multiplied by its mask, forwards and backwards.",
        question: "Where does your forward pass use masks?",
        see: DROPOUT,
        behaviour: |arguments| with(arguments, Loop { dropout: false, ..Loop::default() }),
    },
    Misconception {
        id: "dropout-forward-only",
        title: "the backward pass forgets the dropout mask",
        explanation: "A unit that was switched off did not influence the loss, so it gets no gradient; one that was scaled gets a scaled \
                      one. Multiply dfeatures by the same mask.",
        question: "What gradient does a filter get whose mean was multiplied by 0?",
        see: DROPOUT,
        behaviour: |arguments| slip(arguments, Slips { mask_forward_only: true, ..Slips::default() }),
    },
    Misconception {
        id: "not-shuffled",
        title: "the images are taken as they come, whatever the order says",
        explanation: "Data often lies sorted. Batches of one class each pull the network to and fro; a new order in every epoch makes every \
                      batch a fair sample.",
        question: "Which images are in your first batch, and which should be?",
        see: BABYSITTING,
        behaviour: |arguments| with(arguments, Loop { shuffled: [false, false], ..Loop::default() }),
    },
    Misconception {
        id: "labels-not-shuffled",
        title: "the images are shuffled, their labels are not",
        explanation: "Now most images carry another image's label, and there is nothing to learn but chance. The same index must pick \
                      both: x[batch], y[batch].",
        question: "Does the first image of your first batch still have its own label?",
        see: BABYSITTING,
        behaviour: |arguments| with(arguments, Loop { shuffled: [true, false], ..Loop::default() }),
    },
    Misconception {
        id: "softmax-twice",
        title: "the loss takes the softmax of probabilities",
        explanation: "Probabilities lie between 0 and 1, so a second softmax makes them nearly equal: the loss stays high, gradients are \
                      small, and training crawls. It is the commonest mistake with losses that expect logits.",
        question: "What does softmax make of the probabilities [1 0]?",
        see: ("pytorch-docs", "torch.nn.CrossEntropyLoss"),
        behaviour: |arguments| slip(arguments, Slips { softmax_twice: true, ..Slips::default() }),
    },
    Misconception {
        id: "range-255",
        title: "pixels stay between 0 and 255",
        explanation: "Weights are initialised for inputs around 1. With inputs of 255 the logits are huge at once, the softmax saturates and \
                      the first steps throw the weights far away.",
        question: "What is the largest number that your convolution sees?",
        see: DROPOUT,
        behaviour: |arguments| with(arguments, Loop { scale: 1.0, ..Loop::default() }),
    },
    Misconception {
        id: "last-batch-dropped",
        title: "the last, smaller batch is left out",
        explanation: "N // size counts full batches only. Over the epochs some images are seen less, and with fewer images than `size` \
                      nothing is trained at all.",
        question: "With 8 images in batches of 3, how many steps does an epoch take?",
        see: BABYSITTING,
        behaviour: |arguments| with(arguments, Loop { full_batches_only: true, ..Loop::default() }),
    },
    Misconception {
        id: "mean-missing",
        title: "the gradients are summed over the batch and not divided by its size",
        explanation: "The loss is a mean over the batch, so its gradient is one too. Otherwise the step grows with the batch, and the last, \
                      smaller one counts less.",
        question: "If every image were in the batch twice, should the step become longer?",
        see: ("dls-c1", "W3 Shallow neural networks"),
        behaviour: |arguments| slip(arguments, Slips { summed: true, ..Slips::default() }),
    },
    Misconception {
        id: "relu-derivative-missing",
        title: "the backward pass goes through the ReLU as if it were not there",
        explanation: "Where z was below 0 the output was 0 and stays 0 for small changes: no gradient flows there.",
        question: "If z is -2 at a pixel, what does a slightly larger bias change?",
        see: ("cs231n", "notes: optimization-2, gates and intuitive backward flow"),
        behaviour: |arguments| slip(arguments, Slips { relu_open: true, ..Slips::default() }),
    },
    Misconception {
        id: "average-not-divided",
        title: "every pixel of a map gets the whole gradient of the map's mean",
        explanation: "The mean divided by the number of pixels, so the gradient of each pixel is divided by it too.",
        question: "How much does the mean of a map change when one pixel grows by 1?",
        see: ("dls-c4", "W1 assignment Convolution model step by step"),
        behaviour: |arguments| slip(arguments, Slips { pooling_undivided: true, ..Slips::default() }),
    },
    Misconception {
        id: "measured-before-training",
        title: "the accuracy is measured before each epoch and not after it",
        explanation: "The curve is one epoch late, and the trained network's own accuracy is missing from it.",
        question: "Which of your accuracies belongs to the parameters you return?",
        see: BABYSITTING,
        behaviour: |arguments| with(arguments, Loop { measured_before: true, ..Loop::default() }),
    },
    Misconception {
        id: "argmax-over-wrong-axis",
        title: "the class is looked for over the images and not over each image's logits",
        explanation: "logits is [N, K], one row per image. argmax(axis=0) runs down the rows: for each class it finds the image that has \
                      most of it, K numbers in all. They meet N labels, which fails, or, where N = K, silently compares image \
                      numbers with classes. The class of each image is logits.argmax(axis=1).",
        question: "How many predictions do you have: one per image, or one per class?",
        see: ("numpy", "numpy.argmax, argument axis"),
        behaviour: |arguments| with(arguments, Loop { prediction: Prediction::Column, ..Loop::default() }),
    },
    Misconception {
        id: "argmax-of-all",
        title: "the largest logit of all images together is looked for",
        explanation: "Without an axis, argmax flattens the logits and returns one number: the place of the largest among all N * K. Compared \
                      with the labels it is broadcast to every image, so nothing complains. The class of each image is \
                      logits.argmax(axis=1).",
        question: "What is the shape of your predictions?",
        see: ("numpy", "numpy.argmax, argument axis"),
        behaviour: |arguments| with(arguments, Loop { prediction: Prediction::Whole, ..Loop::default() }),
    },
];
