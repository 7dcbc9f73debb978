//! `fold_bn`: batch norm disappears into the convolution before it.

use ndarray::{Array1, Array4, ArrayView1, ArrayView4};
use striate_tensor::{Conv2dOptions, Tensor};

use crate::exercise::{Exercise, Kind, Misconception, Outcome, Parameter, Probe, Property, Signature};
use crate::exercises::arguments::{f64_array, float, float_named, floats, rejects, returns};
use crate::exercises::numbers::Numbers;
use crate::value::Value;

/// The exercise.
pub static FOLD_BN: Exercise = Exercise {
    id: "fold_bn",
    station: "modern-blocks",
    task: "When training is over, batch norm is a fixed scale and shift per channel, and can be folded into the convolution before it:\n\
           gamma * (conv(x, w) + b - mean) / sqrt(var + eps) + beta = conv(x, w') + b' for every x.\n\
           Return w' and b'. One number of gamma, beta, mean, var per filter (output channel).",
    signature: Signature {
        name: "fold_bn",
        parameters: &[
            f64_array("w", &["F", "C", "kh", "kw"], "weights of the convolution"),
            f64_array("b", &["F"], "its biases"),
            f64_array("gamma", &["F"], "scales of the batch norm"),
            f64_array("beta", &["F"], "shifts of the batch norm"),
            f64_array("mean", &["F"], "running means"),
            f64_array("var", &["F"], "running variances"),
            float_named("eps", "what is added to the variances"),
        ],
        returns: Parameter {
            name: "folded",
            kind: Kind::Tuple(&[
                f64_array("w", &["F", "C", "kh", "kw"], "folded weights"),
                f64_array("b", &["F"], "folded biases"),
            ]),
            meaning: "the convolution that does both",
        },
    },
    probes,
    reference,
    misconceptions: MISCONCEPTIONS,
    properties: &[Property { title: "gives the same maps as convolution and batch norm do", violated: other_maps }],
    hints: &[
        "Write the left side of the formula out for one filter and collect what multiplies w, and what does not.",
        "scale = gamma / sqrt(var + eps), one per filter. w' = w * scale[:, None, None, None] and b' = (b - mean) * scale + beta.",
        "One weight w = 2, b = 1, gamma = 3, beta = 5, mean = 4, var = 9, eps = 0: scale = 3 / 3 = 1, w' = 2, b' = (1 - 4) * 1 + 5 = 2. \
         Check with x = 10: (20 + 1 - 4) / 3 * 3 + 5 = 22, and 2 * 10 + 2 = 22.",
    ],
    ..Exercise::DEFAULTS
};

fn probes() -> Vec<Probe> {
    let mut numbers = Numbers::stream(454);
    let mut arguments = |[f, c, kh, kw]: [usize; 4], low: f64, high: f64, eps: f64| -> Vec<Value> {
        vec![
            numbers.reals([f, c, kh, kw], -1.0, 1.0).into(),
            numbers.reals([f], -1.0, 1.0).into(),
            numbers.reals([f], 0.5, 2.0).into(),
            numbers.reals([f], -1.0, 1.0).into(),
            numbers.reals([f], -2.0, 2.0).into(),
            numbers.reals([f], low, high).into(),
            Value::Float(eps),
        ]
    };
    let by_hand = [2.0, 1.0, 3.0, 5.0, 4.0, 9.0];
    let shape = |at: usize| if at == 0 { vec![1; 4] } else { vec![1] };
    let mut by_hand: Vec<Value> =
        by_hand.iter().enumerate().map(|(at, &x)| Value::array(&shape(at), vec![x])).collect();
    by_hand.push(Value::Float(0.5));
    let mut negative = arguments([3, 2, 2, 3], 0.2, 3.0, 1e-5);
    negative[2] = Value::array(&[3], vec![-1.5, 0.0, 2.0]);
    vec![
        Probe::ordinary("one weight", by_hand),
        Probe::ordinary("3 filters on 3 channels, 3 by 2", arguments([3, 3, 3, 2], 0.2, 3.0, 1e-3)),
        Probe::ordinary("4 filters on 3 channels, 2 by 3", arguments([4, 3, 2, 3], 0.2, 3.0, 1e-3)),
        Probe::ordinary("5 filters on 2 channels, 3 by 3", arguments([5, 2, 3, 3], 0.5, 9.0, 1e-2)),
        Probe::hard("variances near 0", arguments([4, 2, 3, 3], 0.0, 1e-4, 1e-5)),
        Probe::hard("scales that are negative and 0", negative),
        Probe::hard("one filter", arguments([1, 4, 1, 1], 0.2, 3.0, 1e-5)),
    ]
}

struct Call<'a> {
    w: ArrayView4<'a, f64>,
    b: ArrayView1<'a, f64>,
    gamma: ArrayView1<'a, f64>,
    beta: ArrayView1<'a, f64>,
    mean: ArrayView1<'a, f64>,
    var: ArrayView1<'a, f64>,
    eps: f64,
}

impl Call<'_> {
    fn new(arguments: &[Value]) -> Call<'_> {
        Call {
            w: floats(arguments, 0),
            b: floats(arguments, 1),
            gamma: floats(arguments, 2),
            beta: floats(arguments, 3),
            mean: floats(arguments, 4),
            var: floats(arguments, 5),
            eps: float(arguments, 6),
        }
    }

    fn scale(&self) -> Array1<f64> {
        &self.gamma / &(&self.var + self.eps).mapv(f64::sqrt)
    }

    fn weights(&self, scale: &Array1<f64>) -> Array4<f64> {
        let mut w = self.w.to_owned();
        w.outer_iter_mut().zip(scale).for_each(|(mut filter, &scale)| filter *= scale);
        w
    }

    fn bias(&self, scale: &Array1<f64>) -> Array1<f64> {
        (&self.b - &self.mean) * scale + self.beta
    }

    /// The answer with this scale.
    fn folded(&self, scale: &Array1<f64>) -> Outcome {
        pair(self.weights(scale), self.bias(scale))
    }
}

fn pair(w: Array4<f64>, b: Array1<f64>) -> Outcome {
    returns(Value::Tuple(vec![w.into(), b.into()]))
}

fn reference(arguments: &[Value]) -> Outcome {
    let call = Call::new(arguments);
    call.folded(&call.scale())
}

fn other_maps(arguments: &[Value], result: &Value) -> Option<String> {
    let Value::Tuple(parts) = result else { return None };
    let call = Call::new(arguments);
    let (_, channels, kh, kw) = call.w.dim();
    let x = Numbers::stream(459).reals([1, channels, kh + 2, kw + 1], -1.0, 1.0);
    let tensor = |value: ndarray::ArrayViewD<'_, f64>| Tensor::from_vec(value.iter().copied().collect(), value.shape());
    let conv = |w: &Tensor, b: &Tensor| {
        tensor(x.view().into_dyn()).conv2d(w, Some(b), Conv2dOptions::default()).to_vec::<f64>()
    };
    let plain = conv(&tensor(call.w.into_dyn()), &tensor(call.b.into_dyn()));
    let per_map = plain.len() / call.b.len();
    let scale = call.scale();
    let normed = plain.iter().enumerate().map(|(at, z)| {
        let f = at / per_map;
        (z - call.mean[f]) * scale[f] + call.beta[f]
    });
    let part = |at: usize| parts.get(at).and_then(Value::as_array).map(|array| array.to_f64_array());
    let (w, b) = (part(0)?, part(1)?);
    let folded = conv(&tensor(w.view()), &tensor(b.view()));
    let off = normed.zip(&folded).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
    (off > 1e-6).then(|| format!("on a random image the maps differ by up to {off}"))
}

const FUSER: (&str, &str) = ("pytorch-tutorials", "Building a convolution/batch-norm fuser");
const BATCH_NORM: (&str, &str) = ("dls-c2", "W3 Batch normalization at test time");

const MISCONCEPTIONS: &[Misconception] = &[
    Misconception {
        id: "bias-not-scaled",
        title: "the convolution's bias is left unscaled: b' = b - mean * scale + beta",
        explanation: "Batch norm scales what the convolution returns, and its bias is part of that: (b - mean) * scale.",
        question: "What does the block return for an image of zeros?",
        see: FUSER,
        behaviour: |arguments| {
            let call = Call::new(arguments);
            let scale = call.scale();
            pair(call.weights(&scale), &call.b - &call.mean * &scale + call.beta)
        },
    },
    Misconception {
        id: "bias-missing",
        title: "the convolution's own bias is dropped: b' = beta - mean * scale",
        explanation: "That is right only where the convolution has none, as in front of batch norm it usually does not. Here it has one.",
        question: "Where is b in your b'?",
        see: FUSER,
        behaviour: |arguments| {
            let call = Call::new(arguments);
            let scale = call.scale();
            pair(call.weights(&scale), &call.beta - &call.mean * &scale)
        },
    },
    Misconception {
        id: "mean-ignored",
        title: "the running mean is left out of b'",
        explanation: "Batch norm takes the mean away before it scales: b' = (b - mean) * scale + beta.",
        question: "What happens to a channel that is always 4, with mean 4?",
        see: BATCH_NORM,
        behaviour: |arguments| {
            let call = Call::new(arguments);
            let scale = call.scale();
            pair(call.weights(&scale), &call.b * &scale + call.beta)
        },
    },
    Misconception {
        id: "eps-missing",
        title: "eps is left out",
        explanation: "sqrt(var + eps): a channel that hardly varied would otherwise be blown up, and the network differs from the one you \
                      trained.",
        question: "What is your scale for a variance of 0?",
        see: BATCH_NORM,
        behaviour: |arguments| {
            let call = Call::new(arguments);
            call.folded(&(&call.gamma / &call.var.mapv(f64::sqrt)))
        },
    },
    Misconception {
        id: "eps-outside-root",
        title: "eps is added to the standard deviation, outside the root",
        explanation: "sqrt(var + eps) and sqrt(var) + eps differ where variances are small, and there they differ much.",
        question: "With var = 0 and eps = 1e-4, what does your code divide by?",
        see: BATCH_NORM,
        behaviour: |arguments| {
            let call = Call::new(arguments);
            call.folded(&(&call.gamma / &(call.var.mapv(f64::sqrt) + call.eps)))
        },
    },
    Misconception {
        id: "root-missing",
        title: "the scale divides by the variance and not by its root",
        explanation: "Batch norm divides by the standard deviation: sqrt(var + eps).",
        question: "In which unit is a variance, if the maps are in metres?",
        see: BATCH_NORM,
        behaviour: |arguments| {
            let call = Call::new(arguments);
            call.folded(&(&call.gamma / &(&call.var + call.eps)))
        },
    },
    Misconception {
        id: "scaled-along-input-channels",
        title: "w is scaled along its input channels",
        explanation: "Batch norm's channels are the convolution's outputs: the first axis of w. scale[None, :, None, None] belongs to the \
                      inputs, and fits only where F = C.",
        question: "Which axis of w has one entry per filter?",
        see: FUSER,
        behaviour: |arguments| {
            let call = Call::new(arguments);
            let (filters, channels, ..) = call.w.dim();
            if filters != channels && filters != 1 {
                return rejects("the shapes do not broadcast");
            }
            let scale = call.scale();
            let w = Array4::from_shape_fn(call.w.dim(), |at| call.w[at] * scale[if filters == 1 { 0 } else { at.1 }]);
            pair(w, call.bias(&scale))
        },
    },
    Misconception {
        id: "gamma-missing",
        title: "gamma is left out of the scale",
        explanation: "After normalising, batch norm scales with what it learned: scale = gamma / sqrt(var + eps).",
        question: "Does w' change when gamma is doubled?",
        see: BATCH_NORM,
        behaviour: |arguments| {
            let call = Call::new(arguments);
            call.folded(&(1.0 / &(&call.var + call.eps).mapv(f64::sqrt)))
        },
    },
    Misconception {
        id: "shift-scaled",
        title: "beta is scaled along with the rest: b' = (b - mean + beta) * scale",
        explanation: "beta is added last, after the scale.",
        question: "What does batch norm return where its input equals the mean?",
        see: BATCH_NORM,
        behaviour: |arguments| {
            let call = Call::new(arguments);
            let scale = call.scale();
            pair(call.weights(&scale), (&call.b - &call.mean + call.beta) * &scale)
        },
    },
];
