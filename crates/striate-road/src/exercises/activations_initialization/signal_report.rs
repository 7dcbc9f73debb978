//! `signal_report`: how strong a signal is in every layer of a deep network before training.

use ndarray::{Array1, Array2, Array3, ArrayView2, Axis, Ix2, Ix3, array};

use super::noise::normals;
use crate::exercise::{Exercise, Misconception, Outcome, Probe, Signature};
use crate::exercises::arguments::{f64_array, float, float_named, floats, rejects, returns, text, text_named};
use crate::exercises::numbers::Numbers;
use crate::value::Value;

/// The exercise.
pub static SIGNAL_REPORT: Exercise = Exercise {
    id: "signal_report",
    station: "activations-initialization",
    task: "Send a batch through a deep network with fresh weights and return, for each layer, the standard deviation of\n\
           its activations over all units and examples (divided by their number).\n\
           Layer l has the weights noise[l] * gain / sqrt(width) and no bias: a = act(w @ a), starting from a = x.\n\
           act is \"relu\", \"tanh\" or \"linear\" (no activation at all); refuse any other.",
    signature: Signature {
        name: "signal_report",
        parameters: &[
            f64_array("x", &["width", "m"], "m examples, one per column"),
            f64_array("noise", &["depth", "width", "width"], "normal random numbers with deviation 1"),
            text_named("act", "relu, tanh or linear"),
            float_named("gain", "deviation of the weights times sqrt(width)"),
        ],
        returns: f64_array("stds", &["depth"], "standard deviation of the activations of each layer"),
    },
    probes,
    reference,
    misconceptions: MISCONCEPTIONS,
    hints: &[
        "Is the first number right? Then the layers after it: does each get what the one before gave?",
        "A loop over the layers: w = noise[l] * gain / sqrt(width); a = act(w @ a); append a.std(). One number per layer, \
         over the whole array; in Rust the root of the mean squared distance from the mean.",
        "width 1, two examples x = [[1, 3]], noise = [[[2]], [[-1]]], linear, gain 1.\n\
         Layer 0: a = [[2, 6]], mean 4, std 2. Layer 1: a = [[-2, -6]], std 2: the report is [2, 2].\n\
         With relu layer 1 is [[0, 0]]: [2, 0]. The signal has died.",
    ],
    ..Exercise::DEFAULTS
};

fn probes() -> Vec<Probe> {
    let mut numbers = Numbers::stream(821);
    let arguments = |x: Array2<f64>, noise: Array3<f64>, act: &str, gain: f64| {
        vec![x.into(), noise.into(), Value::Text(act.to_string()), Value::Float(gain)]
    };
    let tiny = |act: &str| arguments(array![[1.0, 3.0]], array![[[2.0]], [[-1.0]]], act, 1.0);
    let mut probes = vec![
        Probe::ordinary("width 1, two layers, linear", tiny("linear")),
        Probe::ordinary("width 1, two layers, relu: the signal dies", tiny("relu")),
    ];
    for ([depth, width, m], act, gain, hard, label) in [
        ([2, 3, 5], "relu", 1.5, false, "2 layers of 3 units, relu"),
        ([4, 5, 7], "tanh", 1.0, false, "4 layers of 5 units, tanh"),
        ([3, 4, 6], "linear", 0.7, false, "3 layers of 4 units, linear"),
        ([12, 16, 9], "relu", 2f64.sqrt(), true, "12 layers of 16 units, relu, the gain of He"),
        ([12, 16, 9], "tanh", 0.3, true, "12 layers of 16 units, tanh, weights too small"),
        ([10, 8, 5], "relu", 4.0, true, "10 layers of 8 units, relu, weights too large"),
        ([1, 6, 3], "tanh", 5.0, true, "one layer, saturated"),
        ([3, 5, 1], "linear", 1.0, true, "a single example"),
    ] {
        let x = normals(&mut numbers, [width, m]);
        let noise = normals(&mut numbers, [depth, width, width]);
        let arguments = arguments(x, noise, act, gain);
        probes.push(if hard { Probe::hard(label, arguments) } else { Probe::ordinary(label, arguments) });
    }
    let (x, noise) = (normals(&mut numbers, [3, 2]), normals(&mut numbers, [2, 3, 3]));
    probes.push(Probe::hard("an activation that does not exist", arguments(x, noise, "rely", 1.0)));
    probes
}

/// How the report is made; every misconception is one wrong setting.
struct Rule {
    /// Which of the weight matrices a layer uses.
    layer: fn(usize) -> usize,
    scale: fn(f64, f64) -> f64,
    transposed: bool,
    /// Whether a layer gets the activations of the one before, and not x.
    chained: bool,
    activated: bool,
    /// The number for a layer, from what goes in, its sums and its activations.
    measure: fn(&Array2<f64>, &Array2<f64>, &Array2<f64>) -> f64,
}

const RIGHT: Rule = Rule {
    layer: |l| l,
    scale: |gain, width| gain / width.sqrt(),
    transposed: false,
    chained: true,
    activated: true,
    measure: |_, _, a| deviation(a, 0.0),
};

fn deviation(a: &Array2<f64>, ddof: f64) -> f64 {
    let n = a.len() as f64;
    let mean = a.sum() / n;
    (a.iter().map(|a| (a - mean).powi(2)).sum::<f64>() / (n - ddof)).sqrt()
}

fn with(arguments: &[Value], rule: &Rule) -> Outcome {
    let (x, noise) = (floats::<Ix2>(arguments, 0), floats::<Ix3>(arguments, 1));
    let act: fn(f64) -> f64 = match text(arguments, 2) {
        "relu" => |z| z.max(0.0),
        "tanh" => f64::tanh,
        "linear" => |z| z,
        other => return rejects(format!("there is no activation \"{other}\"")),
    };
    let scale = (rule.scale)(float(arguments, 3), x.nrows() as f64);
    let mut a = x.to_owned();
    let stds = Array1::from_shape_fn(noise.shape()[0], |l| {
        let w: ArrayView2<f64> = noise.index_axis(Axis(0), (rule.layer)(l));
        let w = if rule.transposed { w.reversed_axes() } else { w };
        let input = if rule.chained { a.clone() } else { x.to_owned() };
        let z = w.dot(&input) * scale;
        a = if rule.activated { z.mapv(act) } else { z.clone() };
        (rule.measure)(&input, &z, &a)
    });
    returns(stds)
}

fn reference(arguments: &[Value]) -> Outcome {
    with(arguments, &RIGHT)
}

const MISCONCEPTIONS: &[Misconception] = &[
    Misconception {
        id: "measured-before-activation",
        title: "what is measured are the sums w @ a, before the activation",
        explanation: "The sums may look healthy while the activations are all saturated or all zero. What the next layer gets \
                      are the activations: measure them.",
        question: "Is the number you report computed before or after act?",
        see: ("cs231n", "notes: neural-networks-2 (initialisation)"),
        behaviour: |arguments| with(arguments, &Rule { measure: |_, z, _| deviation(z, 0.0), ..RIGHT }),
    },
    Misconception {
        id: "same-weights-every-layer",
        title: "all layers use the first layer's weights",
        explanation: "One matrix applied again and again pulls everything towards its largest eigenvector, which says nothing \
                      about depth. Layer l has noise[l].",
        question: "Which index of noise changes from layer to layer?",
        see: ("cs231n", "notes: neural-networks-2 (initialisation)"),
        behaviour: |arguments| with(arguments, &Rule { layer: |_| 0, ..RIGHT }),
    },
    Misconception {
        id: "layers-not-chained",
        title: "every layer gets x, and not what the layer before gave",
        explanation: "Then all layers look alike, however deep. The factor of one layer applied twenty times is what kills a \
                      signal: 0.7 to the power of 20 is a thousandth.",
        question: "What goes into the second layer?",
        see: ("dls-c2", "W1 Vanishing/exploding gradients; Weight initialization; assignment Initialization"),
        behaviour: |arguments| with(arguments, &Rule { chained: false, ..RIGHT }),
    },
    Misconception {
        id: "reported-one-layer-late",
        title: "the report begins with x itself and misses the last layer",
        explanation: "It is measured before the layer and not after it. Entry 0 is what the first layer gives.",
        question: "Is your first number that of x or that of the first layer?",
        see: ("cs231n", "notes: neural-networks-2 (initialisation)"),
        behaviour: |arguments| with(arguments, &Rule { measure: |input, _, _| deviation(input, 0.0), ..RIGHT }),
    },
    Misconception {
        id: "deviation-averaged",
        title: "the deviation is taken per unit over the examples, and then averaged over the units",
        explanation: "The mean of deviations is not the deviation of all: it misses how much the units differ from each other. \
                      One deviation over the whole array, a.std() without an axis.",
        question: "Over how many numbers does one deviation go: m, or width * m?",
        see: ("numpy", "numpy.std, argument axis"),
        behaviour: |arguments| {
            let per_unit = |_: &Array2<f64>, _: &Array2<f64>, a: &Array2<f64>| {
                let rows = a.rows().into_iter().map(|row| deviation(&row.to_owned().insert_axis(Axis(0)), 0.0));
                rows.sum::<f64>() / a.nrows() as f64
            };
            with(arguments, &Rule { measure: per_unit, ..RIGHT })
        },
    },
    Misconception {
        id: "averaged-before-deviation",
        title: "the activations are averaged over the examples first, and the deviation is that of the averages",
        explanation: "Averages of many examples are all near each other, so the signal looks weaker than it is. Take the deviation \
                      of all numbers at once.",
        question: "Do two examples with opposite activations show in your number?",
        see: ("numpy", "numpy.std, argument axis"),
        behaviour: |arguments| {
            let of_means = |_: &Array2<f64>, _: &Array2<f64>, a: &Array2<f64>| {
                deviation(&(a.sum_axis(Axis(1)) / a.ncols() as f64).insert_axis(Axis(1)), 0.0)
            };
            with(arguments, &Rule { measure: of_means, ..RIGHT })
        },
    },
    Misconception {
        id: "variance-for-deviation",
        title: "the variance is reported and not its root",
        explanation: "The deviation has the unit of the signal and is what is compared with 1. np.std, not np.var.",
        question: "If all activations double, should your number double or become four times as large?",
        see: ("numpy", "numpy.std and numpy.var"),
        behaviour: |arguments| with(arguments, &Rule { measure: |_, _, a| deviation(a, 0.0).powi(2), ..RIGHT }),
    },
    Misconception {
        id: "variance-unbiased",
        title: "the squares are divided by their number minus one",
        explanation: "Nothing is estimated here: these are all the activations there are. Divide by their number (ddof=0, NumPy's \
                      default; torch.std has the other one).",
        question: "What does your std divide by for two numbers: 2 or 1?",
        see: ("numpy", "numpy.std, argument ddof"),
        behaviour: |arguments| with(arguments, &Rule { measure: |_, _, a| deviation(a, 1.0), ..RIGHT }),
    },
    Misconception {
        id: "mean-not-subtracted",
        title: "the root of the mean square is reported: the mean is not subtracted",
        explanation: "A layer whose units all give 5 carries no signal, though its numbers are large. The deviation is measured \
                      from the mean.",
        question: "What is your number for activations that are all 5?",
        see: ("numpy", "numpy.std and numpy.var"),
        behaviour: |arguments| {
            let rms = |_: &Array2<f64>, _: &Array2<f64>, a: &Array2<f64>| {
                (a.iter().map(|a| a * a).sum::<f64>() / a.len() as f64).sqrt()
            };
            with(arguments, &Rule { measure: rms, ..RIGHT })
        },
    },
    Misconception {
        id: "scaled-by-width",
        title: "the weights are divided by width and not by its root",
        explanation: "A sum of width independent terms has width times their variance, and sqrt(width) times their deviation. \
                      It is the deviation that the weights are scaled by.",
        question: "How large is the sum of 100 random signs, roughly: 100 or 10?",
        see: ("dls-c2", "W1 Vanishing/exploding gradients; Weight initialization; assignment Initialization"),
        behaviour: |arguments| with(arguments, &Rule { scale: |gain, width| gain / width, ..RIGHT }),
    },
    Misconception {
        id: "gain-ignored",
        title: "the gain is not used",
        explanation: "The weights have the deviation gain / sqrt(width). The gain is the one knob of this experiment: sqrt(2) for \
                      relu, 1 for tanh.",
        question: "Where does your code use gain?",
        see: ("cs231n", "notes: neural-networks-2 (initialisation)"),
        behaviour: |arguments| with(arguments, &Rule { scale: |_, width| 1.0 / width.sqrt(), ..RIGHT }),
    },
    Misconception {
        id: "matrix-transposed",
        title: "the weights are used transposed, w.T @ a",
        explanation: "Row i of w holds the weights of unit i: w @ a. Transposed, the shapes fit, since w is square, and it is \
                      another network.",
        question: "Do a row or a column of w hold the weights of one unit?",
        see: ("dls-c1", "W3 Activation functions; Derivatives; Random initialization"),
        behaviour: |arguments| with(arguments, &Rule { transposed: true, ..RIGHT }),
    },
    Misconception {
        id: "activation-missing",
        title: "the activation is not applied",
        explanation: "Each layer is act(w @ a). Without it the report is that of a linear network, and neither the death behind \
                      ReLU nor the saturation of tanh shows.",
        question: "Where does your code use act?",
        see: ("cs231n", "notes: neural-networks-1 (activations)"),
        behaviour: |arguments| with(arguments, &Rule { activated: false, ..RIGHT }),
    },
];
