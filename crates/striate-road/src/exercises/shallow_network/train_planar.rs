//! `train_planar`: gradient descent bends a boundary around a flower.

use ndarray::{Array2, ArrayView2, array};

use super::planar_network::{Parameters, flower, gradients};
use crate::exercise::{Exercise, Kind, Misconception, Outcome, Parameter, Probe, Property, Signature, Tolerance};
use crate::exercises::arguments::{count, f64_array, float, floats, int_named, returns};
use crate::exercises::numbers::Numbers;
use crate::value::Value;

/// The exercise.
pub static TRAIN_PLANAR: Exercise = Exercise {
    id: "train_planar",
    station: "shallow-network",
    task: "Train the network of forward2 by gradient descent and return the trained w1, b1, w2, b2.\n\
           Each of the `steps` steps uses all examples: forward pass, gradients of the mean binary cross-entropy\n\
           (backward2), then every parameter p becomes p - lr * dp, all four with gradients taken at the same point.\n\
           Start from the parameters given and leave the arrays you were given as they are.\n\
           The file stands alone: bring your forward and backward pass along.",
    signature: Signature {
        name: "train_planar",
        parameters: &[
            f64_array("x", &["2", "m"], "points, one per column"),
            f64_array("y", &["1", "m"], "classes, 0 or 1"),
            f64_array("w1", &["n1", "2"], "weights of the hidden layer at the start"),
            f64_array("b1", &["n1", "1"], "biases of the hidden layer at the start"),
            f64_array("w2", &["1", "n1"], "weights of the output unit at the start"),
            f64_array("b2", &["1", "1"], "bias of the output unit at the start"),
            int_named("steps", "number of steps"),
            Parameter { name: "lr", kind: Kind::Float, meaning: "learning rate" },
        ],
        returns: Parameter {
            name: "parameters",
            kind: Kind::Tuple(&[
                f64_array("w1", &["n1", "2"], "trained weights of the hidden layer"),
                f64_array("b1", &["n1", "1"], "trained biases of the hidden layer"),
                f64_array("w2", &["1", "n1"], "trained weights of the output unit"),
                f64_array("b2", &["1", "1"], "trained bias of the output unit"),
            ]),
            meaning: "the trained parameters",
        },
    },
    probes,
    reference,
    misconceptions: MISCONCEPTIONS,
    properties: &[Property { title: "classifies at least 90 % of the flower's points", violated: misses_the_flower }],
    tolerance: Tolerance { relative: 1e-8, absolute: 1e-10 },
    hints: &[
        "Compare with steps = 1 first: the answer is the start minus lr times the gradients of backward2.",
        "Inside the loop: forward with the current parameters, all four gradients, and only then the four updates. \
         Make new arrays (w1 = w1 - lr * dw1) in place of changing the ones you were given (w1 -= ...).",
        "One point, x = [[1], [0]], y = 1, one hidden unit, everything 0 at the start, lr = 1.\n\
         Step 1: a1 = 0, a2 = 0.5, dz2 = -0.5; dw2 = 0, dw1 = 0, db2 = -0.5, so b2 = 0.5 and nothing else moves.\n\
         Step 2: a2 = sigmoid(0.5) = 0.6225, dz2 = -0.3775, b2 = 0.8775. The weights never move: see the text.",
    ],
    ..Exercise::DEFAULTS
};

const FLOWER: &str = "the flower: 120 points, 4 hidden units, 600 steps";

fn probes() -> Vec<Probe> {
    let mut numbers = Numbers::stream(321);
    let arguments = |x: Array2<f64>, y: Array2<f64>, start: &Parameters, steps: i64, lr: f64| {
        let [w1, b1, w2, b2] = start.values();
        vec![x.into(), y.into(), w1, b1, w2, b2, Value::Int(steps), Value::Float(lr)]
    };
    let small = |numbers: &mut Numbers, m: usize| (numbers.reals([2, m], -2.0, 2.0), numbers.integers([1, m], 0, 1));
    let tiny = Parameters { w1: array![[1.0, -1.0]], b1: array![[0.5]], w2: array![[2.0]], b2: array![[-1.0]] };
    let points = || (array![[1.0, 0.0, 2.0], [2.0, 1.0, 0.0]], array![[1.0, 0.0, 1.0]]);
    let mut probes = Vec::new();
    for (steps, label) in
        [(1, "one step, three points"), (2, "two steps, three points"), (5, "five steps, three points")]
    {
        let (x, y) = points();
        probes.push(Probe::ordinary(label, arguments(x, y, &tiny, steps, 0.5)));
    }
    let (x, y) = small(&mut numbers, 7);
    let start = Parameters::random(&mut numbers, 2, 3, 1.0);
    probes.push(Probe::ordinary("twenty steps, 7 points, 3 hidden units", arguments(x, y, &start, 20, 0.3)));
    let (x, y) = flower(&mut Numbers::stream(3), 60);
    let start = Parameters::random(&mut numbers, 2, 4, 0.8);
    probes.push(Probe::ordinary(FLOWER, arguments(x, y, &start, 600, 1.2)));
    let (x, y) = small(&mut numbers, 5);
    probes.push(Probe::hard("no step at all", arguments(x.clone(), y.clone(), &start, 0, 0.5)));
    probes.push(Probe::hard("all parameters zero at the start", arguments(x, y, &Parameters::zeros(2, 4), 10, 0.5)));
    probes
}

struct Call<'a> {
    x: ArrayView2<'a, f64>,
    y: ArrayView2<'a, f64>,
    start: Parameters,
    steps: usize,
    lr: f64,
}

impl Call<'_> {
    fn new(arguments: &[Value]) -> Call<'_> {
        let array = |index: usize| floats::<ndarray::Ix2>(arguments, index).to_owned();
        let start = Parameters { w1: array(2), b1: array(3), w2: array(4), b2: array(5) };
        Call {
            x: floats(arguments, 0),
            y: floats(arguments, 1),
            start,
            steps: count(arguments, 6),
            lr: float(arguments, 7),
        }
    }

    fn gradients(&self, at: &Parameters) -> Parameters {
        gradients(self.x, self.y, &at.forward(self.x), at.w2.view())
    }

    /// `steps` steps that subtract `lr` times the gradients that `gradients` finds.
    fn descend(&self, steps: usize, lr: f64, mut gradients: impl FnMut(&Parameters) -> Parameters) -> Outcome {
        let mut at = self.start.clone();
        for _ in 0..steps {
            at = stepped(&at, &gradients(&at), lr);
        }
        four(&at)
    }
}

fn stepped(at: &Parameters, gradients: &Parameters, lr: f64) -> Parameters {
    Parameters {
        w1: &at.w1 - lr * &gradients.w1,
        b1: &at.b1 - lr * &gradients.b1,
        w2: &at.w2 - lr * &gradients.w2,
        b2: &at.b2 - lr * &gradients.b2,
    }
}

fn four(parameters: &Parameters) -> Outcome {
    returns(Value::Tuple(parameters.values().to_vec()))
}

fn reference(arguments: &[Value]) -> Outcome {
    let call = Call::new(arguments);
    call.descend(call.steps, call.lr, |at| call.gradients(at))
}

fn misses_the_flower(arguments: &[Value], result: &Value) -> Option<String> {
    let Value::Tuple(parts) = result else { return None };
    if floats::<ndarray::Ix2>(arguments, 0).ncols() != 120 || parts.len() != 4 {
        return None;
    }
    let array = |index: usize| floats::<ndarray::Ix2>(parts, index).to_owned();
    let trained = Parameters { w1: array(0), b1: array(1), w2: array(2), b2: array(3) };
    let (x, y) = (floats(arguments, 0), floats::<ndarray::Ix2>(arguments, 1));
    let predicted = trained.forward(x).a2;
    let right = predicted.iter().zip(&y).filter(|&(&a, &class)| (a > 0.5) == (class == 1.0)).count();
    (right < 108).then(|| format!("{right} of 120 points are classified rightly"))
}

const MISCONCEPTIONS: &[Misconception] = &[
    Misconception {
        id: "updated-before-used",
        title: "w2 is updated before it is used for the gradient of w1",
        explanation: "dz1 = w2.T @ dz2 must use the w2 of the forward pass. With the new w2 it is the gradient of no \
                      function at all: compute all four gradients first, then update.",
        question: "When dw1 is computed, has w2 already changed?",
        see: ("dls-c1", "W3 Shallow neural networks"),
        behaviour: |arguments| {
            let call = Call::new(arguments);
            call.descend(call.steps, call.lr, |at| {
                let output = call.gradients(at);
                let new_w2 = &at.w2 - call.lr * &output.w2;
                let late = gradients(call.x, call.y, &at.forward(call.x), new_w2.view());
                Parameters { w1: late.w1, b1: late.b1, ..output }
            })
        },
    },
    Misconception {
        id: "gradient-accumulated",
        title: "the gradients of earlier steps are added to the new ones",
        explanation: "Each step uses the gradient at the current point alone. Summed up, old gradients keep pushing: start \
                      from zero in every step (optimizer.zero_grad() in PyTorch).",
        question: "Where are your gradients set back to zero?",
        see: ("pytorch-docs", "torch.optim.Optimizer.zero_grad"),
        behaviour: |arguments| {
            let call = Call::new(arguments);
            let mut sum = Parameters::zeros(2, call.start.w1.nrows());
            call.descend(call.steps, call.lr, |at| {
                sum = stepped(&sum, &call.gradients(at), -1.0);
                sum.clone()
            })
        },
    },
    Misconception {
        id: "forward-once",
        title: "the gradients of the first step are used in every step",
        explanation: "The activations change with the parameters: forward and backward pass belong inside the loop.",
        question: "What does your loop compute again in every step?",
        see: ("dls-c1", "W3 Shallow neural networks"),
        behaviour: |arguments| {
            let call = Call::new(arguments);
            let first = call.gradients(&call.start);
            call.descend(call.steps, call.lr, |_| first.clone())
        },
    },
    Misconception {
        id: "mean-missing",
        title: "the gradients are summed over the examples and not divided by m",
        explanation: "The loss is a mean over the examples, so its gradient is one too. Without 1/m the step is m times \
                      too long.",
        question: "If every example were there twice, should the step become longer?",
        see: ("dls-c1", "W3 Shallow neural networks"),
        behaviour: |arguments| {
            let call = Call::new(arguments);
            call.descend(call.steps, call.lr * call.y.ncols() as f64, |at| call.gradients(at))
        },
    },
    Misconception {
        id: "sign-flipped",
        title: "the gradients are added and not subtracted",
        explanation: "The gradient points to where the loss grows fastest. Going down means subtracting it.",
        question: "Does your loss go up or down from step to step?",
        see: ("dls-c1", "W3 Shallow neural networks"),
        behaviour: |arguments| {
            let call = Call::new(arguments);
            call.descend(call.steps, -call.lr, |at| call.gradients(at))
        },
    },
    Misconception {
        id: "steps-off-by-one",
        title: "one step too many is made",
        explanation: "range(steps + 1) and 0..=steps run steps + 1 times.",
        question: "With steps = 0, does anything change?",
        see: ("dls-c1", "W3 Shallow neural networks"),
        behaviour: |arguments| {
            let call = Call::new(arguments);
            call.descend(call.steps + 1, call.lr, |at| call.gradients(at))
        },
    },
    Misconception {
        id: "bias-not-trained",
        title: "the biases stay as they were at the start",
        explanation: "Biases move the units' lines off the origin; they are parameters as the weights are, with gradients \
                      of their own.",
        question: "Which of the four parameters does your update change?",
        see: ("cs231n", "notes: neural-networks-1"),
        behaviour: |arguments| {
            let call = Call::new(arguments);
            call.descend(call.steps, call.lr, |at| {
                let Parameters { w1, b1, w2, b2 } = call.gradients(at);
                Parameters { w1, b1: b1 * 0.0, w2, b2: b2 * 0.0 }
            })
        },
    },
    Misconception {
        id: "output-layer-only",
        title: "only the output layer is trained",
        explanation: "With the hidden layer left as it is, the network is a logistic regression on fixed random features. \
                      What makes it bend around the data is that the gradient reaches w1 and b1.",
        question: "Do w1 and b1 differ from the start after your training?",
        see: ("dls-c1", "W3 Shallow neural networks"),
        behaviour: |arguments| {
            let call = Call::new(arguments);
            call.descend(call.steps, call.lr, |at| {
                let Parameters { w1, b1, w2, b2 } = call.gradients(at);
                Parameters { w1: w1 * 0.0, b1: b1 * 0.0, w2, b2 }
            })
        },
    },
];
