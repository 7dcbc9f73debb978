//! `conv2d_backward`: the three gradients of the convolution layer.

use ndarray::{Array1, Array4, ArrayView4, Axis, Ix4, s};

use super::conv_layer::{Geometry, Gradients, SIZES, padded, toolkit_backward};
use crate::exercise::{
    Exercise, ForwardCall, GradientCheck, Kind, Misconception, Outcome, Parameter, Probe, Signature,
};
use crate::exercises::arguments::{count, f64_array, floats, int_named, returns};
use crate::exercises::numbers::Numbers;
use crate::value::Value;

/// The exercise.
pub static CONV2D_BACKWARD: Exercise = Exercise {
    id: "conv2d_backward",
    station: "convolution-layer",
    task: "Write the backward pass of conv2d_forward. dout is the gradient of the loss with respect to the layer's output;\n\
           return the gradients with respect to its input x, its weights w and its biases b, each of the shape of what\n\
           it belongs to. x, w, stride and pad are those of the forward pass.\n\
           Every output pixel was a sum of products: each product passes dout, times the other factor, to both its\n\
           factors, and what arrives at the same place adds up.",
    signature: Signature {
        name: "conv2d_backward",
        parameters: &[
            f64_array("dout", &["N", "F", "H'", "W'"], "gradient of the loss with respect to the output"),
            f64_array("x", &["N", "C", "H", "W"], "input of the forward pass"),
            f64_array("w", &["F", "C", "kh", "kw"], "weights of the forward pass"),
            int_named("stride", "step of the window along rows and columns, 1 or more"),
            int_named("pad", "zeros added on each side, 0 or more"),
        ],
        returns: Parameter {
            name: "gradients",
            kind: Kind::Tuple(&[
                f64_array("dx", &["N", "C", "H", "W"], "gradient with respect to x"),
                f64_array("dw", &["F", "C", "kh", "kw"], "gradient with respect to w"),
                f64_array("db", &["F"], "gradient with respect to b"),
            ]),
            meaning: "the three gradients",
        },
    },
    probes,
    reference,
    misconceptions: MISCONCEPTIONS,
    gradient: Some(GradientCheck { forward: "conv2d_forward", forward_call }),
    hints: &[
        "Which of the three is wrong: dx, dw or db? Set stride 1 and pad 0 and look at the smallest one first.",
        "Walk over the same windows as in the forward pass. For output (n, f, i, j) with g = dout[n, f, i, j]: \
         db[f] += g; dw[f] += g * (the window of the padded x); (the same window of the padded dx) += g * w[f]. At the end \
         cut the padding off dx: rows pad to pad + H, columns pad to pad + W.",
        "One row, one channel, one filter: x = [1 2 3], w = [10 20], stride 1, no padding, dout = [1 5].\n\
         db = 1 + 5 = 6\n\
         dw = 1*[1 2] + 5*[2 3] = [11 17]\n\
         dx = 1*[10 20 .] + 5*[. 10 20] = [10 70 100]",
    ],
    ..Exercise::DEFAULTS
};

fn probes() -> Vec<Probe> {
    let mut numbers = Numbers::stream(411);
    let mut probes = Vec::new();
    for size in SIZES {
        let Some([out_height, out_width]) = size.output() else { continue };
        let [n, c, ..] = size.x;
        let small = n * c <= 2;
        let mut reals = |shape: [usize; 4]| {
            if small { numbers.integers(shape, -3, 5) } else { numbers.reals(shape, -1.0, 1.0) }
        };
        let dout = reals([n, size.filters, out_height, out_width]);
        let x = reals(size.x);
        let w = reals([size.filters, c, size.kernel[0], size.kernel[1]]);
        let Geometry { stride, pad } = size.geometry;
        let arguments = vec![dout.into(), x.into(), w.into(), Value::Int(stride as i64), Value::Int(pad as i64)];
        let label = size.label();
        probes.push(if size.special.is_some() {
            Probe::hard(label, arguments)
        } else {
            Probe::ordinary(label, arguments)
        });
    }
    probes
}

fn forward_call(arguments: &[Value]) -> ForwardCall {
    let [dout, x, w, stride, pad] = arguments else { panic!("conv2d_backward takes five arguments") };
    let filters = floats::<Ix4>(arguments, 2).shape()[0];
    let b = Value::from(Array1::<f64>::zeros(filters));
    ForwardCall {
        arguments: vec![x.clone(), w.clone(), b, stride.clone(), pad.clone()],
        with_respect_to: vec![0, 1, 2],
        upstream: vec![dout.clone()],
    }
}

struct Call<'a> {
    dout: ArrayView4<'a, f64>,
    x: ArrayView4<'a, f64>,
    w: ArrayView4<'a, f64>,
    geometry: Geometry,
}

impl Call<'_> {
    fn new(arguments: &[Value]) -> Call<'_> {
        Call {
            dout: floats(arguments, 0),
            x: floats(arguments, 1),
            w: floats(arguments, 2),
            geometry: Geometry { stride: count(arguments, 3), pad: count(arguments, 4) },
        }
    }

    fn right(&self) -> Gradients {
        toolkit_backward(self.dout, self.x, self.w, self.geometry)
    }

    /// Visits every window in the order of the forward loops: image, filter, gradient, row and column of its corner.
    fn windows(&self, step: [usize; 2], mut visit: impl FnMut(usize, usize, f64, [usize; 2])) {
        for ((n, f, i, j), &gradient) in self.dout.indexed_iter() {
            visit(n, f, gradient, [i * step[0], j * step[1]]);
        }
    }

    /// Gradient of the padded input from kernels `w`, windows `step` apart, added up or each in place of the last.
    fn padded_dx(&self, w: ArrayView4<'_, f64>, step: [usize; 2], add: bool) -> Array4<f64> {
        let [kh, kw] = [w.shape()[2], w.shape()[3]];
        let mut dx = padded(self.x, self.geometry.pad) * 0.0;
        self.windows(step, |n, f, gradient, [row, column]| {
            let mut window = dx.slice_mut(s![n, .., row..row + kh, column..column + kw]);
            let update = &w.index_axis(Axis(0), f) * gradient;
            if add { window += &update } else { window.assign(&update) }
        });
        dx
    }

    fn dx(&self, padded_dx: &Array4<f64>, start: usize) -> Array4<f64> {
        let (.., height, width) = self.x.dim();
        padded_dx.slice(s![.., .., start..start + height, start..start + width]).to_owned()
    }

    /// Gradient of the weights with windows `step` apart, added up or each in place of the last.
    fn dw(&self, step: [usize; 2], add: bool) -> Array4<f64> {
        let [kh, kw] = [self.w.shape()[2], self.w.shape()[3]];
        let x = padded(self.x, self.geometry.pad);
        let mut dw = Array4::zeros(self.w.dim());
        self.windows(step, |n, f, gradient, [row, column]| {
            let update = &x.slice(s![n, .., row..row + kh, column..column + kw]) * gradient;
            let mut slot = dw.index_axis_mut(Axis(0), f);
            if add { slot += &update } else { slot.assign(&update) }
        });
        dw
    }

    fn step(&self) -> [usize; 2] {
        [self.geometry.stride; 2]
    }
}

fn three(gradients: Gradients) -> Outcome {
    let Gradients { dx, dw, db } = gradients;
    returns(Value::Tuple(vec![dx.into(), dw.into(), Array1::from(db).into()]))
}

fn reference(arguments: &[Value]) -> Outcome {
    three(Call::new(arguments).right())
}

const MISCONCEPTIONS: &[Misconception] = &[
    Misconception {
        id: "gradient-overwritten",
        title: "in dx, each window overwrites what earlier windows left in place of adding to it",
        explanation: "Windows overlap, and filters share the same input: a pixel that took part in several sums gets a \
                      gradient from each, and they add up. += and not =. Windows that do not overlap hide it.",
        question: "How many output pixels does the middle pixel of the input contribute to?",
        see: ("cs231n", "notes: convolutional networks, convolutional layer"),
        behaviour: |arguments| {
            let call = Call::new(arguments);
            let dx = call.dx(&call.padded_dx(call.w, call.step(), false), call.geometry.pad);
            three(Gradients { dx, ..call.right() })
        },
    },
    Misconception {
        id: "weight-gradient-overwritten",
        title: "in dw, each output pixel overwrites what the ones before left in place of adding to it",
        explanation: "A weight is used at every window position and in every image: its gradient is the sum over all of \
                      them. What you return is that of the last position of the last image.",
        question: "How many times is w[0, 0, 0, 0] used in one forward pass?",
        see: ("dls-c4", "W1 assignment Convolution model step by step"),
        behaviour: |arguments| {
            let call = Call::new(arguments);
            three(Gradients { dw: call.dw(call.step(), false), ..call.right() })
        },
    },
    Misconception {
        id: "stride-ignored",
        title: "the windows move by one pixel at a time in dx and dw, whatever the stride",
        explanation: "dout[n, f, i, j] belongs to the window that starts at (i * stride, j * stride), as in the forward \
                      pass. A gradient check with stride 1 does not see it.",
        question: "With stride 2, which window of x does dout[0, 0, 1, 1] belong to?",
        see: ("cs231n", "assignment 2 ConvNets"),
        behaviour: |arguments| {
            let call = Call::new(arguments);
            let dx = call.dx(&call.padded_dx(call.w, [1, 1], true), call.geometry.pad);
            three(Gradients { dx, dw: call.dw([1, 1], true), ..call.right() })
        },
    },
    Misconception {
        id: "stride-ignored-in-dw",
        title: "in dw, the windows move by the stride along rows but by one pixel along columns",
        explanation: "The column index of the window is j * stride too. This very slip passed the gradient check of a \
                      well-known course, which uses stride 1.",
        question: "Is stride in both indices of the window you take from x?",
        see: ("cs231n", "assignment 2 ConvNets"),
        behaviour: |arguments| {
            let call = Call::new(arguments);
            three(Gradients { dw: call.dw([call.geometry.stride, 1], true), ..call.right() })
        },
    },
    Misconception {
        id: "padding-returned",
        title: "dx still has the padding around it",
        explanation: "The padding was not part of the input: its gradient goes nowhere. Cut it off, so that dx has the shape \
                      of x.",
        question: "Is dx.shape equal to x.shape?",
        see: ("dls-c4", "W1 assignment Convolution model step by step"),
        behaviour: |arguments| {
            let call = Call::new(arguments);
            let dx = call.padded_dx(call.w, call.step(), true);
            three(Gradients { dx, ..call.right() })
        },
    },
    Misconception {
        id: "empty-when-unpadded",
        title: "the padding is cut off with [pad:-pad], which leaves nothing when pad is 0",
        explanation: "x[0:-0] is x[0:0]: empty. Write the end as a position, [pad : pad + H], and pad = 0 needs no special \
                      case.",
        question: "What is [1, 2, 3][0:-0] in Python?",
        see: ("numpy", "Indexing: slicing"),
        behaviour: |arguments| {
            let call = Call::new(arguments);
            let mut right = call.right();
            if call.geometry.pad == 0 {
                let (n, c, ..) = call.x.dim();
                right.dx = Array4::zeros((n, c, 0, 0));
            }
            three(right)
        },
    },
    Misconception {
        id: "padding-one-side",
        title: "all the padding of dx is cut off at the bottom and on the right",
        explanation: "The image starts pad rows down and pad columns to the right in the padded array: keep [pad : pad + H, \
                      pad : pad + W].",
        question: "Where in the padded array is pixel (0, 0) of the image?",
        see: ("dls-c4", "W1 assignment Convolution model step by step"),
        behaviour: |arguments| {
            let call = Call::new(arguments);
            let dx = call.dx(&call.padded_dx(call.w, call.step(), true), 0);
            three(Gradients { dx, ..call.right() })
        },
    },
    Misconception {
        id: "mean-over-batch",
        title: "dw and db are divided by the number of images",
        explanation: "The mean over the batch belongs to the loss, and it is in dout already. The layer itself only sums.",
        question: "Is there a 1 / N in the forward pass of this layer?",
        see: ("cs231n", "assignment 2 ConvNets"),
        behaviour: |arguments| {
            let call = Call::new(arguments);
            let Gradients { dx, dw, db } = call.right();
            let n = call.x.shape()[0] as f64;
            three(Gradients { dx, dw: dw / n, db: db.iter().map(|b| b / n).collect() })
        },
    },
    Misconception {
        id: "sum-over-wrong-axis",
        title: "db is summed over the images only and keeps the rows and columns",
        explanation: "A filter has one bias for all images, rows and columns, so its gradient is the sum over axes 0, 2 and 3 \
                      of dout: F numbers.",
        question: "How many numbers should db hold?",
        see: ("numpy", "numpy.sum, argument axis"),
        behaviour: |arguments| {
            let call = Call::new(arguments);
            let Gradients { dx, dw, .. } = call.right();
            returns(Value::Tuple(vec![dx.into(), dw.into(), call.dout.sum_axis(Axis(0)).into()]))
        },
    },
    Misconception {
        id: "kernel-flipped",
        title: "the kernels are turned by 180 degrees before they are painted into dx",
        explanation: "Painting (dx window += g * w) uses the kernel as it is. Only if you compute dx as a correlation of the \
                      padded dout with the kernel does the kernel have to be turned: that is the same thing seen from the \
                      other side. Do one of the two, not half of each.",
        question: "Do you paint windows into dx, or slide a kernel over dout? Which of the two needs a turned kernel?",
        see: ("dlbook", "9.5 Variants of the basic convolution function"),
        behaviour: |arguments| {
            let call = Call::new(arguments);
            let flipped = call.w.slice(s![.., .., ..;-1, ..;-1]);
            let dx = call.dx(&call.padded_dx(flipped, call.step(), true), call.geometry.pad);
            three(Gradients { dx, ..call.right() })
        },
    },
    Misconception {
        id: "weight-gradient-flipped",
        title: "dw comes out turned by 180 degrees",
        explanation: "dw[f, c] is the correlation of the input with dout: input first. With the arguments in the other order \
                      the result is turned round. Networks with this slip still train a little, which is why it lives long.",
        question: "Which pixel of the window meets w[f, c, 0, 0], the first or the last?",
        see: ("dlbook", "9.5 Variants of the basic convolution function"),
        behaviour: |arguments| {
            let mut right = Call::new(arguments).right();
            right.dw.invert_axis(Axis(2));
            right.dw.invert_axis(Axis(3));
            three(right)
        },
    },
];
