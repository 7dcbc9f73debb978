//! `mlp_gradcheck`: loss and gradients of the network that the milestone trains.

use ndarray::{Array1, Array2, ArrayView1, ArrayView2, Axis};

use crate::exercise::{Exercise, Kind, Misconception, Outcome, Parameter, Probe, Property, Signature};
use crate::exercises::arguments::{
    f64_array, float_named, floats, i64_array, keeping_first_axis, returns, whole_numbers,
};
use crate::exercises::numbers::Numbers;
use crate::value::Value;

/// The exercise.
pub static MLP_GRADCHECK: Exercise = Exercise {
    id: "mlp_gradcheck",
    station: "numpy-mlp",
    task: "Loss and gradients of the milestone's network, one example per row: h = relu(x @ w1 + b1), logits = h @ w2 + b2, softmax,\n\
           and the mean cross-entropy over the batch.\n\
           Return the loss and the gradients with respect to w1, b1, w2 and b2, each of its parameter's shape.\n\
           Large logits must not overflow. The ReLU passes the gradient where its input was above 0.\n\
           Check yourself: nudge a weight by 1e-5 both ways and compare the slope of your loss with your gradient.",
    signature: Signature {
        name: "mlp_gradcheck",
        parameters: &[
            f64_array("x", &["B", "D"], "inputs, one example per row"),
            i64_array("y", &["B"], "true classes"),
            f64_array("w1", &["D", "U"], "weights of the hidden layer"),
            f64_array("b1", &["U"], "its biases"),
            f64_array("w2", &["U", "K"], "weights of the output layer"),
            f64_array("b2", &["K"], "its biases"),
        ],
        returns: Parameter {
            name: "loss_and_gradients",
            kind: Kind::Tuple(&[
                float_named("loss", "mean cross-entropy"),
                f64_array("dw1", &["D", "U"], "gradient with respect to w1"),
                f64_array("db1", &["U"], "gradient with respect to b1"),
                f64_array("dw2", &["U", "K"], "gradient with respect to w2"),
                f64_array("db2", &["K"], "gradient with respect to b2"),
            ]),
            meaning: "the loss and its four gradients",
        },
    },
    probes,
    reference,
    misconceptions: MISCONCEPTIONS,
    properties: &[Property { title: "has output gradients that sum to 0 over the classes", violated: unbalanced }],
    hints: &[
        "The loss first: for all parameters 0 it must be log(K). Then db2, dw2, db1, dw1, in this order.",
        "Subtract each row's maximum from the logits, then p = exp / sum; loss = -mean(log p[true]) as logits - log(sum). dlogits = \
         (p - onehot) / B; dw2 = h.T @ dlogits; db2 = dlogits.sum(0); dz = (dlogits @ w2.T) * (z > 0); dw1 = x.T @ dz; db1 = dz.sum(0).",
        "One example x = [2], w1 = [[1]], b1 = 0, w2 = [[1 0]], b2 = 0, class 0: h = 2, logits [2 0], p = [0.8808 0.1192], loss 0.1269. \
         dlogits = [-0.1192 0.1192], dw2 = [[-0.2384 0.2384]], dh = -0.1192, dw1 = [[-0.2384]].",
    ],
    ..Exercise::DEFAULTS
};

fn probes() -> Vec<Probe> {
    let mut numbers = Numbers::stream(463);
    let mut arguments = |[b, d, u, k]: [usize; 4], scale: f64| -> Vec<Value> {
        let y: Vec<i64> = (0..b).map(|_| numbers.integer(0, k as i64 - 1)).collect();
        vec![
            numbers.reals([b, d], -1.0, 1.0).into(),
            Value::array(&[b], y),
            (numbers.reals([d, u], -1.0, 1.0) * scale).into(),
            numbers.reals([u], -0.5, 0.5).into(),
            (numbers.reals([u, k], -1.0, 1.0) * scale).into(),
            numbers.reals([k], -0.5, 0.5).into(),
        ]
    };
    let by_hand = vec![
        Value::array(&[1, 1], vec![2.0]),
        Value::array(&[1], vec![0i64]),
        Value::array(&[1, 1], vec![1.0]),
        Value::array(&[1], vec![0.0]),
        Value::array(&[1, 2], vec![1.0, 0.0]),
        Value::array(&[2], vec![0.0, 0.0]),
    ];
    let mut probes = vec![
        Probe::ordinary("one example, one unit, two classes", by_hand),
        Probe::ordinary("3 examples, 2 inputs, 4 units, 2 classes", arguments([3, 2, 4, 2], 1.0)),
        Probe::ordinary("5 examples, 4 inputs, 3 units, 6 classes", arguments([5, 4, 3, 6], 1.0)),
        Probe::ordinary("8 examples, 6 inputs, 7 units, 5 classes", arguments([8, 6, 7, 5], 1.5)),
    ];
    let mut zeros = arguments([4, 3, 5, 3], 1.0);
    zeros[2] = Value::array(&[3, 5], vec![0.0; 15]);
    zeros[3] = Value::array(&[5], vec![0.0; 5]);
    probes.push(Probe::hard("hidden units at exactly 0", zeros));
    probes.push(Probe::hard("logits of about a thousand", arguments([4, 3, 6, 3], 40.0)));
    probes.push(Probe::hard("a batch of one example", arguments([1, 5, 3, 4], 1.0)));
    probes
}

struct Call<'a> {
    x: ArrayView2<'a, f64>,
    y: Vec<usize>,
    w1: ArrayView2<'a, f64>,
    b1: ArrayView1<'a, f64>,
    w2: ArrayView2<'a, f64>,
    b2: ArrayView1<'a, f64>,
}

/// What is done otherwise; the default is right.
#[derive(Clone, Copy)]
struct Slips {
    /// Whether each row's largest logit is subtracted.
    shifted: bool,
    /// What the sum of losses is divided by, from the batch's size and the number of classes.
    loss_over: fn(f64, f64) -> f64,
    /// What the gradients are divided by.
    gradient_over: fn(f64) -> f64,
    /// Whether the true class's 1 is subtracted.
    truth: bool,
    /// Whether a hidden unit passes the gradient, from its input.
    passes: fn(f64) -> bool,
    /// Added inside the logarithm.
    epsilon: f64,
    /// Whether the hidden layer's gradients use dlogits before the division.
    biases_summed: bool,
    /// Whether the input of the ReLU takes the place of its output in dw2.
    before_relu: bool,
}

const RIGHT: Slips = Slips {
    shifted: true,
    loss_over: |b, _| b,
    gradient_over: |b| b,
    truth: true,
    passes: |z| z > 0.0,
    epsilon: 0.0,
    biases_summed: false,
    before_relu: false,
};

impl Call<'_> {
    fn new(arguments: &[Value]) -> Call<'_> {
        Call {
            x: floats(arguments, 0),
            y: whole_numbers::<ndarray::Ix1>(arguments, 1).iter().map(|&y| y as usize).collect(),
            w1: floats(arguments, 2),
            b1: floats(arguments, 3),
            w2: floats(arguments, 4),
            b2: floats(arguments, 5),
        }
    }

    fn outcome(&self, slips: Slips) -> Outcome {
        let (examples, classes) = (self.x.nrows() as f64, self.b2.len() as f64);
        let z: Array2<f64> = self.x.dot(&self.w1) + self.b1;
        let h = z.mapv(|z| z.max(0.0));
        let mut logits: Array2<f64> = h.dot(&self.w2) + self.b2;
        if slips.shifted {
            for mut row in logits.rows_mut() {
                let largest = row.fold(f64::NEG_INFINITY, |a, &b| a.max(b));
                row -= largest;
            }
        }
        let powers = logits.mapv(f64::exp);
        let sums: Array1<f64> = powers.sum_axis(Axis(1));
        let mut dlogits = powers / sums.view().insert_axis(Axis(1));
        let mut loss = 0.0;
        for (row, &class) in self.y.iter().enumerate() {
            loss += match slips {
                Slips { epsilon, .. } if epsilon > 0.0 => -(dlogits[[row, class]] + epsilon).ln(),
                // Without the shift the logarithm is taken of what overflowed.
                Slips { shifted: false, .. } => -dlogits[[row, class]].ln(),
                _ => sums[row].ln() - logits[[row, class]],
            };
            if slips.truth {
                dlogits[[row, class]] -= 1.0;
            }
        }
        dlogits /= (slips.gradient_over)(examples);
        let mut dz = dlogits.dot(&self.w2.t());
        dz.zip_mut_with(&z, |dz, &z| *dz *= f64::from(u8::from((slips.passes)(z))));
        let biases = if slips.biases_summed { examples } else { 1.0 };
        let features = if slips.before_relu { &z } else { &h };
        returns(Value::Tuple(vec![
            Value::Float(loss / (slips.loss_over)(examples, classes)),
            self.x.t().dot(&dz).into(),
            (dz.sum_axis(Axis(0)) * biases).into(),
            features.t().dot(&dlogits).into(),
            (dlogits.sum_axis(Axis(0)) * biases).into(),
        ]))
    }
}

fn reference(arguments: &[Value]) -> Outcome {
    Call::new(arguments).outcome(RIGHT)
}

fn with(arguments: &[Value], slips: Slips) -> Outcome {
    Call::new(arguments).outcome(slips)
}

fn unbalanced(_: &[Value], result: &Value) -> Option<String> {
    let Value::Tuple(parts) = result else { return None };
    let sum: f64 = parts.get(4)?.as_array()?.to_f64().iter().sum();
    (sum.abs() > 1e-9).then(|| format!("db2 sums to {sum}; what one class's probability gains the others lose"))
}

const SOFTMAX: (&str, &str) = ("cs231n", "notes: linear classification, softmax classifier");
const STUDY: (&str, &str) = ("cs231n", "notes: neural-networks-case-study");
const CHECKS: (&str, &str) = ("dls-c2", "W1 Gradient checking");

const MISCONCEPTIONS: &[Misconception] = &[
    Misconception {
        id: "axis-kept",
        title: "the gradients of the biases keep the axis of the batch: shapes (1, U) and (1, K)",
        explanation: "keepdims=True leaves an axis of length 1 where the batch was. It broadcasts, so b1 - lr * db1 works once and \
                      turns b1 into a matrix. A gradient has the shape of its parameter.",
        question: "Which shape has dlogits.sum(axis=0), and which with keepdims=True?",
        see: ("numpy", "numpy.sum, argument keepdims"),
        behaviour: |arguments| keeping_first_axis(reference(arguments)),
    },
    Misconception {
        id: "max-not-subtracted",
        title: "the exponentials overflow for large logits",
        explanation: "exp(710) is infinite, and infinite by infinite is not a number. Softmax does not change when all logits of a row are shifted: \
                      subtract the row's maximum first, then the largest exponential is 1.",
        question: "What is exp(1000) on your machine?",
        see: SOFTMAX,
        behaviour: |arguments| with(arguments, Slips { shifted: false, ..RIGHT }),
    },
    Misconception {
        id: "mean-and-sum-mixed",
        title: "the loss is a mean over the batch, the gradients are sums",
        explanation: "Both must belong to the same function: the 1/B of the loss is in every gradient. Otherwise the gradient is B times too \
                      large, and the learning rate that works depends on the batch size.",
        question: "By which factor do your gradients differ from the slope of your loss?",
        see: CHECKS,
        behaviour: |arguments| with(arguments, Slips { gradient_over: |_| 1.0, ..RIGHT }),
    },
    Misconception {
        id: "mean-missing",
        title: "loss and gradients are sums over the batch",
        explanation: "They belong together, but the task asks for the mean: with it loss and step do not depend on the batch size.",
        question: "If every example were in the batch twice, should the loss change?",
        see: SOFTMAX,
        behaviour: |arguments| with(arguments, Slips { loss_over: |_, _| 1.0, gradient_over: |_| 1.0, ..RIGHT }),
    },
    Misconception {
        id: "mean-over-classes",
        title: "the loss is divided by the number of classes as well",
        explanation: "np.mean over a [B, K] array of -onehot * log(p) divides by B * K; only one entry per row counts. Sum over the classes, then \
                      take the mean over the batch.",
        question: "With all parameters 0 and K classes, is your loss log(K)?",
        see: SOFTMAX,
        behaviour: |arguments| with(arguments, Slips { loss_over: |b, k| b * k, ..RIGHT }),
    },
    Misconception {
        id: "biases-summed",
        title: "the bias gradients are sums over the batch, the weight gradients means",
        explanation: "Once the division by B is in dlogits it is in all four gradients, and the sum over the batch is right for the biases. Divided \
                      later, matrix by matrix, the biases are easily forgotten.",
        question: "Where is the division by B for db1 and db2?",
        see: CHECKS,
        behaviour: |arguments| with(arguments, Slips { biases_summed: true, ..RIGHT }),
    },
    Misconception {
        id: "truth-not-subtracted",
        title: "dlogits is p and not p - onehot: the true class is not subtracted",
        explanation: "The slope of the loss with respect to the logits is p minus 1 at the true class. Without the minus every class is pushed \
                      down, the true one too.",
        question: "In which direction does your gradient push the logit of the true class?",
        see: STUDY,
        behaviour: |arguments| with(arguments, Slips { truth: false, ..RIGHT }),
    },
    Misconception {
        id: "relu-derivative-missing",
        title: "the backward pass goes through the ReLU as if it were not there",
        explanation: "A unit whose input was below 0 gave 0 and gives 0 for small changes: dz = dh * (z > 0).",
        question: "If z is -2, what does a slightly larger bias change?",
        see: STUDY,
        behaviour: |arguments| with(arguments, Slips { passes: |_| true, ..RIGHT }),
    },
    Misconception {
        id: "relu-slope-at-zero",
        title: "the ReLU passes the gradient where its input was exactly 0",
        explanation: "At 0 either is a subgradient; the task and every framework take 0: > and not >=. With weights and inputs of 0 it decides \
                      about everything.",
        question: "Is your mask made with > or with >=?",
        see: ("pytorch-docs", "torch.nn.ReLU"),
        behaviour: |arguments| with(arguments, Slips { passes: |z| z >= 0.0, ..RIGHT }),
    },
    Misconception {
        id: "epsilon-in-log",
        title: "a small number is added inside the logarithm",
        explanation: "log(p + 1e-8) hides the overflow and changes the loss: it can never exceed 18.4, and a confident mistake costs no more than \
                      that. With the shifted logits log(p) is logit - log(sum), which is exact.",
        question: "What does your loss say for a true class of probability 1e-20?",
        see: SOFTMAX,
        behaviour: |arguments| with(arguments, Slips { epsilon: 1e-8, ..RIGHT }),
    },
    Misconception {
        id: "activation-of-other-layer",
        title: "dw2 is computed with z, the hidden layer before its ReLU",
        explanation: "w2 multiplied h = relu(z), so its gradient is h.T @ dlogits.",
        question: "Which array did w2 multiply in the forward pass?",
        see: STUDY,
        behaviour: |arguments| with(arguments, Slips { before_relu: true, ..RIGHT }),
    },
];
