//! `dropout`: inverted dropout, forwards and backwards.

use ndarray::{Array2, Ix2, array};

use crate::exercise::{Exercise, Kind, Misconception, Outcome, Parameter, Probe, Signature};
use crate::exercises::arguments::{bool_named, boolean, f64_array, float, float_named, floats, returns};
use crate::exercises::numbers::Numbers;
use crate::value::Value;

/// The exercise.
pub static DROPOUT: Exercise = Exercise {
    id: "dropout",
    station: "regularization-dropout",
    task: "Write inverted dropout: the output for the input x, and the gradient with respect to x for the upstream\n\
           gradient dout. In training each value is dropped (becomes 0) where its random number is below p_drop, and the\n\
           others are divided by the probability to be kept. In use nothing is dropped and nothing is scaled.\n\
           u holds the random numbers in the order in which a generator gives them, one row per example: this pass\n\
           draws the first N rows, and the rest is for later passes.",
    signature: Signature {
        name: "dropout",
        parameters: &[
            f64_array("x", &["N", "D"], "input"),
            f64_array("u", &["M", "D"], "random numbers, evenly spread from 0 to below 1; M is at least N"),
            float_named("p_drop", "probability to be dropped, from 0 to below 1"),
            bool_named("train", "true in training, false in use"),
            f64_array("dout", &["N", "D"], "gradient of the loss with respect to the output"),
        ],
        returns: Parameter {
            name: "results",
            kind: Kind::Tuple(&[
                f64_array("y", &["N", "D"], "output"),
                f64_array("dx", &["N", "D"], "gradient of the loss with respect to x"),
            ]),
            meaning: "output and gradient",
        },
    },
    probes,
    reference,
    misconceptions: MISCONCEPTIONS,
    hints: &[
        "Look at training alone first: which values are zero in y, and which should be? Then at the size of the others.",
        "mask = (u[:N] >= p_drop) / (1 - p_drop) in training. y = x * mask and dx = dout * mask: the same mask, scale \
         included. In use y = x and dx = dout.",
        "x = [1, 2, 3, 4], u = [0.9, 0.1, 0.4, 0.25], p_drop = 0.25, dout = [1, 1, 1, 1].\n\
         Only 0.1 is below 0.25: mask = [1, 0, 1, 1] / 0.75.\n\
         y = [1.333, 0, 4, 5.333], dx = [1.333, 0, 1.333, 1.333].",
    ],
    ..Exercise::DEFAULTS
};

fn probes() -> Vec<Probe> {
    let mut numbers = Numbers::stream(771);
    let row = |train| {
        let u = array![[0.9, 0.1, 0.4, 0.25], [0.3, 0.8, 0.05, 0.6], [0.2, 0.95, 0.5, 0.15]];
        vec![
            array![[1.0, 2.0, 3.0, 4.0]].into(),
            u.into(),
            Value::Float(0.25),
            Value::Bool(train),
            array![[1.0, 10.0, 100.0, 1000.0]].into(),
        ]
    };
    let mut probes =
        vec![Probe::ordinary("one example, training", row(true)), Probe::ordinary("one example, in use", row(false))];
    for ([n, d], p_drop, train, hard, label) in [
        ([3, 5], 0.5, true, false, "3 examples of 5 values, half dropped"),
        ([5, 4], 0.2, true, false, "5 examples of 4 values, a fifth dropped"),
        ([4, 3], 0.7, false, false, "4 examples of 3 values, in use"),
        ([2, 7], 0.0, true, true, "nothing to drop"),
        ([3, 4], 0.95, true, true, "nearly everything dropped"),
        ([1, 1], 0.5, true, true, "a single value"),
    ] {
        let x = numbers.reals([n, d], 0.5, 2.0) * numbers.integers([n, d], 0, 1).mapv(|sign| 2.0 * sign - 1.0);
        let (u, dout) = (numbers.reals([2 * n + 1, d], 0.0, 1.0), numbers.reals([n, d], -1.0, 1.0));
        let arguments = vec![x.into(), u.into(), Value::Float(p_drop), Value::Bool(train), dout.into()];
        probes.push(if hard { Probe::hard(label, arguments) } else { Probe::ordinary(label, arguments) });
    }
    let relu = numbers.reals([4, 3], -1.0, 1.0).mapv(|x| x.max(0.0));
    let u = numbers.reals([9, 3], 0.0, 1.0);
    let dout = numbers.reals([4, 3], -1.0, 1.0);
    let arguments = vec![relu.into(), u.into(), Value::Float(0.4), Value::Bool(true), dout.into()];
    probes.push(Probe::ordinary("behind a ReLU: zeros among the inputs", arguments));
    probes
}

/// One value, its gradient and its random numbers.
struct Cell {
    x: f64,
    dout: f64,
    u: f64,
    /// The number that a second draw would give.
    redrawn: f64,
    /// The number of the same unit in the first example.
    first: f64,
}

#[derive(Clone, Copy)]
struct Settings {
    p: f64,
    train: bool,
}

impl Settings {
    /// 0 or 1 / (1 - p).
    fn mask(self, u: f64) -> f64 {
        self.kept(u) / (1.0 - self.p)
    }

    fn kept(self, u: f64) -> f64 {
        f64::from(u8::from(u >= self.p))
    }
}

/// Output and gradient when every value goes through `layer`.
fn each(arguments: &[Value], layer: fn(Cell, Settings) -> (f64, f64)) -> Outcome {
    let array = |index: usize| floats::<Ix2>(arguments, index);
    let (x, u, dout) = (array(0), array(1), array(4));
    let settings = Settings { p: float(arguments, 2), train: boolean(arguments, 3) };
    let (mut y, mut dx) = (Array2::zeros(x.dim()), Array2::zeros(x.dim()));
    for ((i, j), &value) in x.indexed_iter() {
        let redrawn = u[[x.nrows() + i, j]];
        let cell = Cell { x: value, dout: dout[[i, j]], u: u[[i, j]], redrawn, first: u[[0, j]] };
        (y[[i, j]], dx[[i, j]]) = layer(cell, settings);
    }
    returns(Value::Tuple(vec![y.into(), dx.into()]))
}

fn right(cell: Cell, s: Settings) -> (f64, f64) {
    both(&cell, factor(&cell, s))
}

/// What the right layer multiplies by.
fn factor(cell: &Cell, s: Settings) -> f64 {
    if s.train { s.mask(cell.u) } else { 1.0 }
}

/// The same factor forwards and backwards.
fn both(cell: &Cell, factor: f64) -> (f64, f64) {
    (cell.x * factor, cell.dout * factor)
}

fn reference(arguments: &[Value]) -> Outcome {
    each(arguments, right)
}

const MISCONCEPTIONS: &[Misconception] = &[
    Misconception {
        id: "dropout-not-inverted",
        title: "the values that are kept are not scaled",
        explanation: "With half of the values gone, the sums in the next layer are half as large in training as in use, and \
                      the network meets inputs it has never seen. Dividing by 1 - p_drop in training keeps the \
                      expected value.",
        question: "What is the mean of y over many draws, for x = 1 and p_drop = 0.5?",
        see: ("cs231n", "notes: neural-networks-2, regularisation"),
        behaviour: |arguments| each(arguments, |cell, s| both(&cell, if s.train { s.kept(cell.u) } else { 1.0 })),
    },
    Misconception {
        id: "dropout-scaled-in-use",
        title: "training does not scale, and in use everything is multiplied by 1 - p_drop",
        explanation: "That is how the first paper did it, and it is right too. Inverted dropout, which is asked for and \
                      which everyone uses today, moves the factor to training: the network in use need not know that \
                      there ever was dropout.",
        question: "In use, what should this layer do to its input?",
        see: ("cs231n", "notes: neural-networks-2, regularisation"),
        behaviour: |arguments| each(arguments, |cell, s| both(&cell, if s.train { s.kept(cell.u) } else { 1.0 - s.p })),
    },
    Misconception {
        id: "dropout-scaled-twice",
        title: "training divides by 1 - p_drop, and in use everything is multiplied by 1 - p_drop as well",
        explanation: "One of the two is enough. With both, the values in use are too small by 1 - p_drop in every layer that \
                      has dropout.",
        question: "If training keeps the expected value already, what is left to mend in use?",
        see: ("cs231n", "notes: neural-networks-2, regularisation"),
        behaviour: |arguments| each(arguments, |cell, s| both(&cell, if s.train { s.mask(cell.u) } else { 1.0 - s.p })),
    },
    Misconception {
        id: "dropped-in-use",
        title: "values are dropped in use as in training",
        explanation: "Then the network's answer is a lottery. Dropout is noise that training has to cope with; in use all \
                      units work together.",
        question: "Where does your code read train?",
        see: ("dls-c2", "W1 Dropout regularization"),
        behaviour: |arguments| each(arguments, |cell, s| right(cell, Settings { train: true, ..s })),
    },
    Misconception {
        id: "drop-keep-swapped",
        title: "p_drop is taken as the probability to keep, in the mask and in the scale",
        explanation: "CS231n and Andrew Ng's course have p or keep_prob, the probability to keep; PyTorch's p and this task's \
                      p_drop is the one to drop. At 0.5 there is no difference.",
        question: "p_drop = 0.1: should a tenth of the values be zero, or nine tenths?",
        see: ("pytorch-docs", "torch.nn.Dropout"),
        behaviour: |arguments| {
            each(arguments, |cell, s| both(&cell, if s.train { f64::from(u8::from(cell.u < s.p)) / s.p } else { 1.0 }))
        },
    },
    Misconception {
        id: "scaled-by-drop-probability",
        title: "the right values are dropped, but the others are divided by p_drop",
        explanation: "Two conventions in one line. What is kept, with probability 1 - p_drop, is divided by just that, so that \
                      the expected value stays.",
        question: "p_drop = 0.1: by how much must the nine that are left make up for the one that is gone?",
        see: ("pytorch-docs", "torch.nn.Dropout"),
        behaviour: |arguments| each(arguments, |cell, s| both(&cell, if s.train { s.kept(cell.u) / s.p } else { 1.0 })),
    },
    Misconception {
        id: "mask-inverted",
        title: "the values are kept where they should be dropped, u < p_drop",
        explanation: "u < p_drop happens with probability p_drop, and means: dropped. The mask is 1 where u >= p_drop.",
        question: "p_drop = 0.1 and u = 0.5: is this value dropped?",
        see: ("pytorch-docs", "torch.nn.Dropout"),
        behaviour: |arguments| {
            each(arguments, |cell, s| both(&cell, if s.train { 1.0 / (1.0 - s.p) - s.mask(cell.u) } else { 1.0 }))
        },
    },
    Misconception {
        id: "threshold-inclusive",
        title: "a value whose random number equals p_drop is dropped too",
        explanation: "Dropped is what is below p_drop. With p_drop = 0 and u = 0, which generators do give, <= would drop \
                      something where nothing is to be dropped.",
        question: "Can u be exactly 0, and what happens then with p_drop = 0?",
        see: ("numpy", "numpy.random.Generator.random"),
        behaviour: |arguments| {
            each(arguments, |cell, s| {
                let kept = f64::from(u8::from(cell.u > s.p));
                both(&cell, if s.train { kept / (1.0 - s.p) } else { 1.0 })
            })
        },
    },
    Misconception {
        id: "mask-not-thresholded",
        title: "the values are multiplied by the random numbers themselves",
        explanation: "Dropout decides: gone or kept. u is compared with p_drop; the comparison, as 0 or 1, is the mask. (A mask \
                      from normal random numbers, another frequent slip, would not even drop with the right probability.)",
        question: "How many zeros are there in your y?",
        see: ("dls-c2", "W1 Dropout regularization"),
        behaviour: |arguments| each(arguments, |cell, s| both(&cell, if s.train { cell.u } else { 1.0 })),
    },
    Misconception {
        id: "mask-shared-by-batch",
        title: "all examples use the first example's mask",
        explanation: "Every value of every example is drawn for itself. With one mask for the batch, some units learn nothing \
                      in this step, and the noise does not average out.",
        question: "Are the same columns of y zero in all rows?",
        see: ("pytorch-docs", "torch.nn.Dropout"),
        behaviour: |arguments| each(arguments, |cell, s| right(Cell { u: cell.first, ..cell }, s)),
    },
    Misconception {
        id: "backward-unmasked",
        title: "the gradient passes as if nothing had been dropped",
        explanation: "A value that was multiplied by 0 has no influence on the loss, so its gradient is 0. Backwards, the same \
                      mask is multiplied.",
        question: "If a value was dropped, does the loss change when it changes?",
        see: ("cs231n", "assignment 2 dropout"),
        behaviour: |arguments| each(arguments, |cell, s| (cell.x * factor(&cell, s), cell.dout)),
    },
    Misconception {
        id: "backward-unscaled",
        title: "the gradient is masked but not scaled",
        explanation: "y = x * mask / (1 - p_drop), and the derivative has the whole factor. Keep the scale in the mask, and \
                      neither direction can lose it.",
        question: "What is dy/dx for a value that is kept?",
        see: ("cs231n", "assignment 2 dropout"),
        behaviour: |arguments| {
            each(arguments, |cell, s| {
                (cell.x * factor(&cell, s), cell.dout * if s.train { s.kept(cell.u) } else { 1.0 })
            })
        },
    },
    Misconception {
        id: "mask-redrawn",
        title: "the backward pass draws a new mask, from the next rows of u",
        explanation: "Then gradients flow to values that were dropped and not to some that were kept: it is the gradient of \
                      another network. Draw once and keep the mask.",
        question: "Are the zeros of dx where the zeros of y are?",
        see: ("cs231n", "assignment 2 dropout"),
        behaviour: |arguments| {
            each(arguments, |cell, s| {
                let again = if s.train { s.mask(cell.redrawn) } else { 1.0 };
                (cell.x * factor(&cell, s), cell.dout * again)
            })
        },
    },
    Misconception {
        id: "mask-from-output",
        title: "the backward pass takes the mask from the zeros of y",
        explanation: "y is also 0 where x was 0 and was kept. Behind a ReLU that is half of the values, and they would lose \
                      their gradient. Keep the mask itself.",
        question: "If x is 0 and is kept, what is y, and what is its gradient?",
        see: ("cs231n", "assignment 2 dropout"),
        behaviour: |arguments| {
            each(arguments, |cell, s| {
                let factor = factor(&cell, s);
                let y = cell.x * factor;
                (y, if s.train && y == 0.0 { 0.0 } else { cell.dout * factor })
            })
        },
    },
    Misconception {
        id: "backward-masked-in-use",
        title: "in use the input passes unchanged, but the gradient is masked",
        explanation: "In use nothing is dropped, so the gradient passes unchanged too. It is asked for: saliency maps and \
                      adversarial images are gradients of a network in use.",
        question: "With train = false, what is dy/dx?",
        see: ("cs231n", "assignment 2 dropout"),
        behaviour: |arguments| each(arguments, |cell, s| (cell.x * factor(&cell, s), cell.dout * s.mask(cell.u))),
    },
];
