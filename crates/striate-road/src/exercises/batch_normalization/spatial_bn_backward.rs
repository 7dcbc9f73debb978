//! `spatial_bn_backward`: the gradients of batch normalisation on feature maps.

use ndarray::{Array1, Array2, Array4, Axis, Ix1, Ix4};

use super::normalization::{BACKWARD, Backward, toolkit_backward};
use crate::exercise::{Exercise, Kind, Misconception, Outcome, Parameter, Probe, Signature, Speed};
use crate::exercises::arguments::{f64_array, float, float_named, floats, returns};
use crate::exercises::numbers::Numbers;
use crate::value::Value;

/// The exercise.
pub static SPATIAL_BN_BACKWARD: Exercise = Exercise {
    id: "spatial_bn_backward",
    station: "batch-normalization",
    task: "Batch normalisation behind a convolution: a channel is one feature, and every pixel of every image is one\n\
           example of it. So mean and variance (divided by N*H*W) are taken over images, rows and columns, and gamma and\n\
           beta have one number per channel: y = gamma * (x - mean) / sqrt(var + eps) + beta.\n\
           Write the backward pass in training: dout is the gradient of the loss with respect to y; return those with\n\
           respect to x, gamma and beta.",
    signature: Signature {
        name: "spatial_bn_backward",
        parameters: &[
            f64_array("dout", &["N", "C", "H", "W"], "gradient of the loss with respect to y"),
            f64_array("x", &["N", "C", "H", "W"], "the batch of the forward pass"),
            f64_array("gamma", &["C"], "scale of each channel"),
            float_named("eps", "eps of the forward pass"),
        ],
        returns: Parameter {
            name: "gradients",
            kind: Kind::Tuple(&[
                f64_array("dx", &["N", "C", "H", "W"], "gradient with respect to x"),
                f64_array("dgamma", &["C"], "gradient with respect to gamma"),
                f64_array("dbeta", &["C"], "gradient with respect to beta"),
            ]),
            meaning: "the three gradients",
        },
    },
    probes,
    reference,
    misconceptions: MISCONCEPTIONS,
    speed: Some(Speed { arguments: large, naive_steps: 4.0 * 16.0 * 12.0 * 20.0 * 31.0, times_faster: 8.0 }),
    hints: &[
        "How many numbers does one mean stand for? Count them for N = 2, H = 3, W = 5.",
        "It is bn_backward on the pixels as rows: move the channels to the end (transpose(0, 2, 3, 1)), reshape to [N*H*W, C], \
         call it, reshape dx to [N, H, W, C] and move the channels back (transpose(0, 3, 1, 2)). Or use \
         axis=(0, 2, 3), keepdims=True in the formulas.",
        "One image, one channel, x = [[1, 2], [3, 4]], gamma = 1, eps = 0, dout = [[1, 0], [0, 0]]: four examples of one \
         feature. mean 2.5, var 1.25; xhat of the first pixel is -1.3416.\n\
         dbeta = 1, dgamma = -1.3416, dx = [[0.2683, -0.3578], [-0.0894, 0.1789]].",
    ],
    ..Exercise::DEFAULTS
};

fn probes() -> Vec<Probe> {
    let mut numbers = Numbers::stream(761);
    let tiny = |dout: [f64; 4]| {
        let map = |x: [f64; 4]| Array4::from_shape_vec((1, 1, 2, 2), x.to_vec()).expect("four numbers");
        vec![map(dout).into(), map([1.0, 2.0, 3.0, 4.0]).into(), Array1::from_elem(1, 1.0).into(), Value::Float(0.0)]
    };
    let mut probes = vec![Probe::ordinary("one image of one channel, one gradient", tiny([1.0, 0.0, 0.0, 0.0]))];
    for (shape, [low, high], eps, hard, label) in [
        ([2, 3, 2, 1], [-2.0, 3.0], 1e-5, false, "2 images, 3 channels, 2 by 1 pixels"),
        ([3, 2, 2, 4], [-2.0, 3.0], 1e-5, false, "3 images, 2 channels, 2 by 4 pixels"),
        ([2, 4, 3, 5], [4.0, 6.0], 0.3, false, "2 images, 4 channels, 3 by 5 pixels, eps 0.3"),
        ([1, 3, 4, 2], [-1.0, 1.0], 1e-5, true, "a single image"),
        ([5, 2, 1, 1], [-1.0, 1.0], 1e-5, true, "a single pixel per image"),
        ([2, 2, 3, 2], [2.0, 2.0], 1e-5, true, "channels with the same value everywhere"),
        ([2, 3, 2, 3], [7.0, 7.01], 1e-5, true, "hardly any variance"),
    ] {
        let (dout, x) = (numbers.reals(shape, -1.0, 1.0), numbers.reals(shape, low, high));
        let gamma = numbers.reals([shape[1]], 0.5, 2.5);
        let arguments = vec![dout.into(), x.into(), gamma.into(), Value::Float(eps)];
        probes.push(if hard { Probe::hard(label, arguments) } else { Probe::ordinary(label, arguments) });
    }
    probes
}

fn large() -> Vec<Value> {
    let mut numbers = Numbers::stream(769);
    let mut reals = || Value::from(numbers.reals([16, 12, 20, 31], -1.0, 1.0));
    vec![reals(), reals(), Array1::<f64>::ones(12).into(), Value::Float(1e-5)]
}

struct Call {
    dout: Array4<f64>,
    x: Array4<f64>,
    gamma: Array1<f64>,
    eps: f64,
}

/// Which numbers are normalised together: the order of the axes when those run down the rows of a matrix, and how many
/// of them do.
struct Statistics {
    axes: [usize; 4],
    rows: usize,
}

/// Over images, rows and columns: per channel.
const RIGHT: Statistics = Statistics { axes: [0, 2, 3, 1], rows: 3 };

impl Statistics {
    fn matrix(&self, maps: &Array4<f64>) -> Array2<f64> {
        let rows: usize = self.axes[..self.rows].iter().map(|&axis| maps.shape()[axis]).product();
        let ordered = maps.view().permuted_axes(self.axes).as_standard_layout().into_owned();
        ordered.into_shape_with_order((rows, maps.len() / rows)).expect("the same number of elements")
    }

    fn maps(&self, matrix: Array2<f64>, like: &Array4<f64>) -> Array4<f64> {
        let shape = self.axes.map(|axis| like.shape()[axis]);
        let ordered = matrix.into_shape_with_order(shape).expect("the same number of elements");
        let mut back = [0; 4];
        for (place, &axis) in self.axes.iter().enumerate() {
            back[axis] = place;
        }
        ordered.permuted_axes(back)
    }
}

/// dx, dgamma, dbeta.
type Gradients = (Array4<f64>, Array1<f64>, Array1<f64>);

impl Call {
    fn new(arguments: &[Value]) -> Self {
        Call {
            dout: floats::<Ix4>(arguments, 0).to_owned(),
            x: floats::<Ix4>(arguments, 1).to_owned(),
            gamma: floats::<Ix1>(arguments, 2).to_owned(),
            eps: float(arguments, 3),
        }
    }

    fn gradients(&self, statistics: &Statistics, rule: &Backward) -> Gradients {
        let gamma = self.gamma.view().into_shape_with_order((1, self.gamma.len(), 1, 1)).expect("one per channel");
        let dxhat = &self.dout * &gamma;
        let (dx, xhat) = rule.through(&statistics.matrix(&dxhat), &statistics.matrix(&self.x), self.eps);
        let xhat = statistics.maps(xhat, &self.x);
        (statistics.maps(dx, &self.x), per_channel(&(&self.dout * &xhat)), per_channel(&self.dout))
    }

    fn right(&self) -> Gradients {
        self.gradients(&RIGHT, &BACKWARD)
    }

    fn images(&self) -> f64 {
        self.x.shape()[0] as f64
    }

    fn pixels(&self) -> f64 {
        (self.x.shape()[2] * self.x.shape()[3]) as f64
    }
}

fn per_channel(maps: &Array4<f64>) -> Array1<f64> {
    maps.sum_axis(Axis(3)).sum_axis(Axis(2)).sum_axis(Axis(0))
}

fn three((dx, dgamma, dbeta): Gradients) -> Outcome {
    returns(Value::Tuple(vec![dx.into(), dgamma.into(), dbeta.into()]))
}

fn with(arguments: &[Value], statistics: &Statistics, rule: &Backward) -> Outcome {
    three(Call::new(arguments).gradients(statistics, rule))
}

/// The gradients of the toolkit's layer.
fn reference(arguments: &[Value]) -> Outcome {
    let call = Call::new(arguments);
    three(toolkit_backward(call.dout.view(), call.x.view(), call.gamma.view(), call.eps))
}

const MISCONCEPTIONS: &[Misconception] = &[
    Misconception {
        id: "statistics-over-batch-only",
        title: "mean and variance are taken over the images only, for each pixel of each channel",
        explanation: "A convolution treats all pixels alike, and so must what follows it: one mean and one variance per \
                      channel, over images, rows and columns. Checked by printed means and deviations alone, this mistake \
                      passes.",
        question: "How many means are there: C, or C * H * W?",
        see: ("cs231n", "assignment 2 batch normalization"),
        behaviour: |arguments| with(arguments, &Statistics { axes: [0, 1, 2, 3], rows: 1 }, &BACKWARD),
    },
    Misconception {
        id: "statistics-per-image",
        title: "mean and variance are taken per image and channel, over rows and columns only",
        explanation: "That is instance normalisation, which style transfer uses to take the contrast out of each picture. \
                      Batch normalisation shares the statistics of a channel among all images.",
        question: "Does dx of the first image change when you change the second?",
        see: ("pytorch-docs", "torch.nn.BatchNorm2d"),
        behaviour: |arguments| with(arguments, &Statistics { axes: [2, 3, 0, 1], rows: 2 }, &BACKWARD),
    },
    Misconception {
        id: "normalized-over-wrong-axis",
        title: "mean and variance are taken per image, over channels, rows and columns",
        explanation: "That is layer normalisation on images. Channels are different features and do not share a mean.",
        question: "How many means are there: one per channel or one per image?",
        see: ("pytorch-docs", "torch.nn.BatchNorm2d"),
        behaviour: |arguments| with(arguments, &Statistics { axes: [1, 2, 3, 0], rows: 3 }, &BACKWARD),
    },
    Misconception {
        id: "statistics-over-everything",
        title: "one mean and one variance are taken of the whole array",
        explanation: "A channel that finds edges and one that finds brightness have nothing in common. Each channel has its \
                      own mean and variance.",
        question: "How many means are there for 4 channels?",
        see: ("pytorch-docs", "torch.nn.BatchNorm2d"),
        behaviour: |arguments| with(arguments, &Statistics { axes: [0, 1, 2, 3], rows: 4 }, &BACKWARD),
    },
    Misconception {
        id: "mean-over-batch-only",
        title: "the corrections of dx are divided by N and not by N * H * W",
        explanation: "Each pixel has a share of 1 / (N*H*W) in its channel's mean. Copied from the layer for vectors, the N \
                      stayed and the corrections are H * W times too large.",
        question: "How many numbers are in the mean of a channel?",
        see: ("cs231n", "assignment 2 batch normalization"),
        behaviour: |arguments| {
            let call = Call::new(arguments);
            three(call.gradients(&RIGHT, &Backward { count: Some(call.images()), ..BACKWARD }))
        },
    },
    Misconception {
        id: "mean-over-pixels-only",
        title: "the corrections of dx are divided by H * W and not by N * H * W",
        explanation: "The mean runs over the images too: 1 / (N*H*W).",
        question: "How many numbers are in the mean of a channel?",
        see: ("cs231n", "assignment 2 batch normalization"),
        behaviour: |arguments| {
            let call = Call::new(arguments);
            three(call.gradients(&RIGHT, &Backward { count: Some(call.pixels()), ..BACKWARD }))
        },
    },
    Misconception {
        id: "reshape-scrambles",
        title: "the maps are reshaped to [N*H*W, C] without moving the channels to the end first",
        explanation: "reshape never moves a number in memory: the columns would hold neighbouring pixels and not channels. \
                      transpose(0, 2, 3, 1) first, and the inverse, transpose(0, 3, 1, 2), at the end.",
        question: "Which numbers of x are in the first column of your matrix?",
        see: ("numpy", "numpy.reshape and numpy.transpose"),
        behaviour: |arguments| {
            let call = Call::new(arguments);
            let channels = call.gamma.len();
            let rows = call.x.len() / channels;
            let matrix = |maps: &Array4<f64>| maps.clone().into_shape_with_order((rows, channels)).expect("as many");
            let (dout, x) = (matrix(&call.dout), matrix(&call.x));
            let (dx, xhat) = BACKWARD.through(&(&dout * &call.gamma), &x, call.eps);
            let dx = dx.into_shape_with_order(call.x.dim()).expect("as many");
            three((dx, (&dout * &xhat).sum_axis(Axis(0)), dout.sum_axis(Axis(0))))
        },
    },
    Misconception {
        id: "statistics-taken-as-constants",
        title: "mean and variance are treated as constants, dx = gamma * dout / sqrt(var + eps)",
        explanation: "They are made from x, and every pixel moves them. Both paths belong to the gradient.",
        question: "What must dx add up to in each channel?",
        see: ("cs231n", "assignment 2 batch normalization"),
        behaviour: |arguments| with(arguments, &RIGHT, &Backward { mean_path: 0.0, variance_path: 0.0, ..BACKWARD }),
    },
    Misconception {
        id: "mean-path-missing",
        title: "the path through the mean is left out of dx",
        explanation: "x - mean depends on x twice. The second path gives minus the mean of gamma * dout over the channel.",
        question: "Does your dx add up to zero in each channel?",
        see: ("cs231n", "assignment 2 batch normalization"),
        behaviour: |arguments| with(arguments, &RIGHT, &Backward { mean_path: 0.0, ..BACKWARD }),
    },
    Misconception {
        id: "gamma-missing",
        title: "gamma is left out of dx",
        explanation: "y = gamma * xhat + beta, so the gradient of xhat is gamma * dout, with the channel's gamma at every \
                      pixel: gamma[None, :, None, None].",
        question: "What is the gradient with respect to xhat?",
        see: ("cs231n", "assignment 2 batch normalization"),
        behaviour: |arguments| {
            let call = Call::new(arguments);
            let (_, dgamma, dbeta) = call.right();
            let ones = Call { gamma: Array1::ones(call.gamma.len()), ..call };
            three((ones.right().0, dgamma, dbeta))
        },
    },
    Misconception {
        id: "variance-unbiased",
        title: "the variance divides by N*H*W - 1",
        explanation: "The forward pass normalises with the variance that divides by the number of values, N*H*W.",
        question: "What does np.var divide by, and what with ddof=1?",
        see: ("pytorch-docs", "torch.nn.BatchNorm2d"),
        behaviour: |arguments| with(arguments, &RIGHT, &Backward { ddof: 1.0, ..BACKWARD }),
    },
    Misconception {
        id: "eps-missing",
        title: "eps is not used",
        explanation: "A channel that is the same everywhere, dead behind a ReLU, has variance 0: 0 / 0.",
        question: "What does your code divide by if a channel is constant?",
        see: ("pytorch-docs", "torch.nn.BatchNorm2d"),
        behaviour: |arguments| with(arguments, &RIGHT, &Backward { deviation: |var, _| var.sqrt(), ..BACKWARD }),
    },
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exercises::batch_normalization::normalization::tests::assert_equals_the_toolkit;

    #[test]
    fn misconceptions_start_from_the_toolkits_layer() {
        assert_equals_the_toolkit(&SPATIAL_BN_BACKWARD, |arguments| with(arguments, &RIGHT, &BACKWARD));
    }
}
