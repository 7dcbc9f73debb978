//! `model_backward`: the gradients of any number of layers.

use ndarray::{Array1, Array2, Axis, array, s};

use super::layers::{Layer, Layout, activations, dims_value, pack, random_parameters, random_targets, stacked, unpack};
use super::model_forward::{SIZES, label};
use crate::exercise::{Exercise, ForwardCall, GradientCheck, Misconception, Outcome, Probe, Signature};
use crate::exercises::arguments::{f64_array, floats, i64_array, rejects, returns, sizes};
use crate::exercises::numbers::Numbers;
use crate::value::Value;

/// The exercise.
pub static MODEL_BACKWARD: Exercise = Exercise {
    id: "model_backward",
    station: "deep-network",
    task: "Return the gradient of the mean cross-entropy, -1/m * sum of y * log(al), with respect to theta, in theta's order:\n\
           for layer 1 to L in turn the gradient of W, row by row, then that of the biases.\n\
           al and cache are what model_forward returned: probabilities, and the inputs x, a1, ..., a(L-1) of the layers, one\n\
           above the other. y holds the classes as columns with a single 1. Hidden layers have ReLU, with slope 0 at 0.",
    signature: Signature {
        name: "model_backward",
        parameters: &[
            f64_array("al", &["C", "m"], "probabilities"),
            f64_array("y", &["C", "m"], "classes, one-hot columns"),
            f64_array("cache", &["n0+...+n(L-1)", "m"], "the inputs of all layers, one above the other"),
            i64_array("dims", &["L+1"], "layer sizes, from the inputs to the classes"),
            f64_array("theta", &["P"], "weights and biases of all layers"),
        ],
        returns: f64_array("gradient", &["P"], "gradient of the loss, in the order of theta"),
    },
    probes,
    reference,
    misconceptions: MISCONCEPTIONS,
    gradient: Some(GradientCheck { forward: "model_forward", forward_call }),
    hints: &[
        "With a single layer this is softmax regression: dz = (al - y) / m, dW = dz @ x.T, db = the row sums of dz. Is your \
         answer right there?",
        "From the last layer to the first: dW = dz @ input.T and db = row sums of dz; then the error of the layer below, \
         da = W.T @ dz, and dz = da * (a > 0), where a is the input of the layer you just did. You meet the layers from the \
         end, but the vector starts with layer 1: keep the pieces and turn the list round.",
        "dims = [1, 1, 2], one example: x = 2, a1 = 3, al = [0.8, 0.2], y = [1, 0], W2 = [[1], [-1]].\n\
         dz2 = [-0.2, 0.2], dW2 = [-0.6, 0.6], db2 = [-0.2, 0.2]\n\
         da1 = 1*-0.2 - 1*0.2 = -0.4, a1 > 0, so dz1 = -0.4, dW1 = -0.8, db1 = -0.4\n\
         gradient = [-0.8, -0.4, -0.6, 0.6, -0.2, 0.2]",
    ],
    ..Exercise::DEFAULTS
};

fn probes() -> Vec<Probe> {
    let mut numbers = Numbers::stream(471);
    let arguments = |x: Array2<f64>, dims: &[usize], theta: Array1<f64>, y: Array2<f64>| {
        let mut all = activations(&unpack(dims, theta.view(), Layout::RowsThenBiases), x.view());
        let al = all.pop().expect("x is always there");
        vec![al.into(), y.into(), stacked(&all).into(), dims_value(dims), theta.into()]
    };
    let theta = array![1.0, -1.0, 0.5, 2.0, -2.0, 0.0, 0.3];
    let (x, y) = (array![[1.0, -1.0, 2.0], [0.5, 0.5, 1.0]], array![[1.0, 1.0, 0.0], [0.0, 0.0, 1.0]]);
    let mut probes = vec![Probe::ordinary("layer sizes 2, 1, 2; 3 examples", arguments(x, &[2, 1, 2], theta, y))];
    for (dims, examples, hard) in SIZES {
        let x: Array2<f64> = numbers.reals([dims[0], examples], -2.0, 2.0);
        let theta = random_parameters(&mut numbers, dims);
        let y = random_targets(&mut numbers, dims[dims.len() - 1], examples);
        let arguments = arguments(x, dims, theta, y);
        let label = label(dims, examples);
        probes.push(if hard { Probe::hard(label, arguments) } else { Probe::ordinary(label, arguments) });
    }
    let dims = [2, 4, 3];
    let mut theta = random_parameters(&mut numbers, &dims);
    theta.slice_mut(s![8..12]).fill(-10.0);
    let (x, y) = (numbers.reals([2, 5], -2.0, 2.0), random_targets(&mut numbers, 3, 5));
    probes.push(Probe::hard("every hidden unit is off", arguments(x, &dims, theta, y)));
    probes
}

fn forward_call(arguments: &[Value]) -> ForwardCall {
    let [al, y, cache] = [0, 1, 2].map(|index| floats::<ndarray::Ix2>(arguments, index));
    let x = cache.slice(s![..sizes(arguments, 3)[0], ..]).to_owned();
    ForwardCall {
        arguments: vec![x.into(), arguments[3].clone(), arguments[4].clone()],
        with_respect_to: vec![2],
        upstream: vec![(-(&y / &al) / y.ncols() as f64).into()],
    }
}

/// How the backward pass is made; every misconception is one wrong setting.
#[derive(Clone, Copy)]
struct Recipe {
    /// The error of the scores without 1/m, from probability and truth.
    error: fn(f64, f64) -> f64,
    /// What the error is divided by, from classes and examples.
    divisor: fn(f64, f64) -> f64,
    /// The slope of ReLU from its output and the gradient that arrives.
    slope: fn(f64, f64) -> f64,
    /// How many layers too late the input of a layer is taken from the activations.
    input_late: usize,
    /// How many layers too early the output is taken that says where ReLU was on.
    mask_early: usize,
    /// Whether the bias' gradients are sums over the units.
    biases_over_units: bool,
}

const RIGHT: Recipe = Recipe {
    error: |p, y| p - y,
    divisor: |_, m| m,
    slope: |a, _| if a > 0.0 { 1.0 } else { 0.0 },
    input_late: 0,
    mask_early: 0,
    biases_over_units: false,
};

impl Recipe {
    fn output_error(&self, activations: &[Array2<f64>], y: &Array2<f64>) -> Array2<f64> {
        let mut error = activations[activations.len() - 1].clone();
        error.zip_mut_with(y, |p, &y| *p = (self.error)(*p, y));
        error / (self.divisor)(y.nrows() as f64, y.ncols() as f64)
    }

    /// `None` where shapes do not fit.
    fn backward(&self, activations: &[Array2<f64>], mut dz: Array2<f64>, layers: &[Layer]) -> Option<Vec<Layer>> {
        let mut gradients = Vec::new();
        for (index, layer) in layers.iter().enumerate().rev() {
            let input = &activations[index + self.input_late];
            let sums = if self.biases_over_units { dz.sum_axis(Axis(0)) } else { dz.sum_axis(Axis(1)) };
            gradients.push(Layer { weights: dz.dot(&input.t()), biases: sums.insert_axis(Axis(1)) });
            if index > 0 {
                let mut error = layer.weights.t().dot(&dz);
                let output = &activations[index - self.mask_early];
                if output.dim() != error.dim() {
                    return None;
                }
                error.zip_mut_with(output, |d, &a| *d *= (self.slope)(a, *d));
                dz = error;
            }
        }
        gradients.reverse();
        let fits = |(gradient, layer): (&Layer, &Layer)| gradient.weights.dim() == layer.weights.dim();
        gradients.iter().zip(layers).all(fits).then_some(gradients)
    }

    fn layers(&self, arguments: &[Value]) -> Option<Vec<Layer>> {
        let [al, y, cache] = [0, 1, 2].map(|index| floats::<ndarray::Ix2>(arguments, index));
        let dims = sizes(arguments, 3);
        let mut used = 0;
        let mut activations: Vec<Array2<f64>> = dims[..dims.len() - 1]
            .iter()
            .map(|&n| {
                used += n;
                cache.slice(s![used - n..used, ..]).to_owned()
            })
            .collect();
        activations.push(al.to_owned());
        let layers = unpack(&dims, floats(arguments, 4), Layout::RowsThenBiases);
        let error = self.output_error(&activations, &y.to_owned());
        self.backward(&activations, error, &layers)
    }

    fn gradient(&self, arguments: &[Value], arranged: impl Fn(Vec<Layer>) -> Array1<f64>) -> Outcome {
        match self.layers(arguments) {
            Some(layers) => returns(arranged(layers)),
            None => rejects("the shapes do not fit"),
        }
    }

    fn packed(&self, arguments: &[Value]) -> Outcome {
        self.gradient(arguments, |layers| pack(&layers, Layout::RowsThenBiases))
    }
}

fn reference(arguments: &[Value]) -> Outcome {
    RIGHT.packed(arguments)
}

/// The right gradients, changed or arranged in another way.
fn arranged(arguments: &[Value], arranged: impl Fn(Vec<Layer>) -> Array1<f64>) -> Outcome {
    RIGHT.gradient(arguments, arranged)
}

fn examples(arguments: &[Value]) -> f64 {
    floats::<ndarray::Ix2>(arguments, 1).ncols() as f64
}

const DLS: &str = "W4 Deep neural networks";

const MISCONCEPTIONS: &[Misconception] = &[
    Misconception {
        id: "mean-missing",
        title: "the gradient is summed over the examples and not divided by m",
        explanation: "The loss is a mean, so its gradient is one too. Put 1/m into the error of the last layer, and every layer has it.",
        question: "If every example were there twice, should the gradient change?",
        see: ("dls-c1", DLS),
        behaviour: |arguments| Recipe { divisor: |_, _| 1.0, ..RIGHT }.packed(arguments),
    },
    Misconception {
        id: "mean-twice",
        title: "the gradient is divided by m twice",
        explanation: "1/m enters once. The course puts it into dW and db and leaves it out of dz; whoever has it in dz must not divide again.",
        question: "In how many places does your code divide by m?",
        see: ("dls-c1", DLS),
        behaviour: |arguments| Recipe { divisor: |_, m| m * m, ..RIGHT }.packed(arguments),
    },
    Misconception {
        id: "mean-missing-in-bias",
        title: "the weights' gradients are divided by m and the biases' are not",
        explanation: "All are gradients of the same mean. With 1/m in the error of the last layer both have it.",
        question: "Is 1/m in db too?",
        see: ("dls-c1", DLS),
        behaviour: |arguments| {
            arranged(arguments, |mut layers| {
                layers.iter_mut().for_each(|layer| layer.biases *= examples(arguments));
                pack(&layers, Layout::RowsThenBiases)
            })
        },
    },
    Misconception {
        id: "mean-over-classes",
        title: "the error is divided by the number of classes too",
        explanation: "np.mean over the whole matrix divides by C * m. The loss of an example is one number, the minus logarithm of its class' probability: the \
                      mean is over m of them.",
        question: "By which number do you divide: m or C * m?",
        see: ("dls-c1", DLS),
        behaviour: |arguments| Recipe { divisor: |c, m| c * m, ..RIGHT }.packed(arguments),
    },
    Misconception {
        id: "sign-flipped",
        title: "the error of the last layer is y - al and not al - y",
        explanation: "The gradient points uphill: where the probability is too high, a larger score makes the loss larger, so dz is positive.",
        question: "y = 0 and al = 0.9: should dz be positive or negative?",
        see: ("dls-c1", DLS),
        behaviour: |arguments| Recipe { error: |p, y| y - p, ..RIGHT }.packed(arguments),
    },
    Misconception {
        id: "softmax-derivative-twice",
        title: "the error of the last layer is multiplied by al * (1 - al)",
        explanation: "al - y is the gradient of the scores already: softmax and cross-entropy together. al (1 - al) is the diagonal of softmax's Jacobian, \
                      which is in it, and softmax has more than a diagonal.",
        question: "Of what is al - y the gradient: of al or of the scores z?",
        see: ("dls-c2", "W3 Training a softmax classifier"),
        behaviour: |arguments| Recipe { error: |p, y| (p - y) * p * (1.0 - p), ..RIGHT }.packed(arguments),
    },
    Misconception {
        id: "relu-derivative-missing",
        title: "the error goes through ReLU unchanged",
        explanation: "A unit that was off did not pass anything forwards, and nothing comes back through it: dz = da * (a > 0). The comparison a >= 0 has the \
                      same effect as none, since ReLU's output is never negative.",
        question: "A hidden unit was 0 for an example. Which gradient do its weights get from it?",
        see: ("dls-c1", DLS),
        behaviour: |arguments| Recipe { slope: |_, _| 1.0, ..RIGHT }.packed(arguments),
    },
    Misconception {
        id: "relu-mask-from-gradient",
        title: "the error is kept where it is positive itself, not where the unit was on",
        explanation: "ReLU's slope is decided in the forward pass, by the sign of the sum. np.maximum(0, da) applies ReLU to the gradient, which may well be \
                      negative.",
        question: "Can a gradient be negative behind a ReLU that was on?",
        see: ("cs231n", "notes: optimization-2, patterns in backward flow"),
        behaviour: |arguments| Recipe { slope: |_, d| if d > 0.0 { 1.0 } else { 0.0 }, ..RIGHT }.packed(arguments),
    },
    Misconception {
        id: "relu-mask-of-layer-below",
        title: "the slope of ReLU is taken from the activations one layer further down",
        explanation: "da = W.T @ dz is the gradient of the layer's input a, so the mask is a > 0 of that same a. One layer further down the shapes fit only if \
                      both layers happen to be equally wide.",
        question: "Which activations have the shape of da = W.T @ dz, and are they the ones in your mask?",
        see: ("dls-c1", DLS),
        behaviour: |arguments| Recipe { mask_early: 1, ..RIGHT }.packed(arguments),
    },
    Misconception {
        id: "cache-off-by-one",
        title: "each weight's gradient is error times the layer's output, not its input",
        explanation: "W multiplies the input, so dW = dz @ input.T. With the output the result is [n_out, n_out], which fits only where a layer is as wide as \
                      the one before.",
        question: "What was W multiplied with in the forward pass?",
        see: ("dls-c1", DLS),
        behaviour: |arguments| Recipe { input_late: 1, ..RIGHT }.packed(arguments),
    },
    Misconception {
        id: "sum-over-wrong-axis",
        title: "the biases' gradients are summed over the units and not over the examples",
        explanation: "A bias is shared by all examples, which are columns: the sum is over axis 1. Axis 0 leaves one number per example, and the vector has \
                      another length than theta.",
        question: "How many numbers should db have: one per unit or one per example?",
        see: ("numpy", "numpy.sum, arguments axis and keepdims"),
        behaviour: |arguments| Recipe { biases_over_units: true, ..RIGHT }.packed(arguments),
    },
    Misconception {
        id: "layers-reversed",
        title: "the gradients stand in the order in which they were found, the last layer's first",
        explanation: "The backward pass meets the layers from the end, theta begins with layer 1. theta - lr * gradient subtracts place by place: turn the list \
                      round before joining it.",
        question: "Which layer's gradient stands at the beginning of your vector?",
        see: ("dls-c1", DLS),
        behaviour: |arguments| arranged(arguments, |layers| pack(layers.iter().rev(), Layout::RowsThenBiases)),
    },
    Misconception {
        id: "weights-column-major",
        title: "the weights' gradients are written column by column, as those of W.T",
        explanation: "dW has the shape of W, [n_out, n_in], and is written row by row like W. x @ dz.T is its transpose: it has as many numbers, in another \
                      order.",
        question: "What shape has your dW before you flatten it?",
        see: ("dls-c1", DLS),
        behaviour: |arguments| arranged(arguments, |layers| pack(&layers, Layout::ColumnsThenBiases)),
    },
    Misconception {
        id: "biases-first",
        title: "in each layer the biases' gradients stand before the weights'",
        explanation: "theta - lr * gradient subtracts place by place, so the gradient must have theta's order: weights, then biases.",
        question: "Of which parameter is the first number of your vector the gradient?",
        see: ("dls-c1", DLS),
        behaviour: |arguments| arranged(arguments, |layers| pack(&layers, Layout::BiasesThenRows)),
    },
    Misconception {
        id: "output-layer-only",
        title: "only the last layer has a gradient, all others get zeros",
        explanation: "Then the hidden layers stay what they were at the start: a linear classifier on random features. The error goes on through W.T and ReLU, \
                      down to layer 1.",
        question: "Do the weights of your first layer ever change?",
        see: ("dls-c1", DLS),
        behaviour: |arguments| {
            arranged(arguments, |mut layers| {
                let last = layers.len() - 1;
                for layer in &mut layers[..last] {
                    layer.weights.fill(0.0);
                    layer.biases.fill(0.0);
                }
                pack(&layers, Layout::RowsThenBiases)
            })
        },
    },
];

#[cfg(test)]
mod tests {
    use ndarray::ArrayView2;
    use striate_tensor::{Reduction, Tensor};

    use super::*;

    /// The same network on the toolkit's tensors, rows for columns.
    #[test]
    fn probabilities_and_gradients_equal_those_of_the_toolkit() {
        let (dims, examples) = ([3, 5, 4, 2], 6);
        let mut numbers = Numbers::stream(17);
        let theta = random_parameters(&mut numbers, &dims);
        let x: Array2<f64> = numbers.reals([3, examples], -2.0, 2.0);
        let y = random_targets(&mut numbers, 2, examples);
        let layers = unpack(&dims, theta.view(), Layout::RowsThenBiases);
        let all = activations(&layers, x.view());
        let error = RIGHT.output_error(&all, &y);
        let gradients = RIGHT.backward(&all, error, &layers).expect("the shapes fit");
        let ours = pack(&gradients, Layout::RowsThenBiases);

        let tensor = |array: ArrayView2<'_, f64>| Tensor::from_vec(array.iter().copied().collect(), array.shape());
        let mut hidden = tensor(x.view());
        let mut parameters = Vec::new();
        for (index, Layer { weights, biases }) in layers.iter().enumerate() {
            let (w, b) = (tensor(weights.view()).requires_grad_(true), tensor(biases.view()).requires_grad_(true));
            let z = &w.matmul(&hidden) + &b;
            hidden = if index + 1 == layers.len() { z } else { z.relu() };
            parameters.extend([w, b]);
        }
        let classes = y.columns().into_iter().map(|column| i64::from(column[1] == 1.0)).collect();
        hidden.t().cross_entropy(&Tensor::from_vec(classes, &[examples]), Reduction::Mean).backward();
        let theirs: Vec<f64> =
            parameters.iter().flat_map(|tensor| tensor.grad().expect("a gradient").to_vec::<f64>()).collect();
        assert_eq!(ours.len(), theirs.len());
        for (a, b) in ours.iter().zip(theirs) {
            assert!((a - b).abs() < 1e-12, "{a} and {b}");
        }
    }
}
