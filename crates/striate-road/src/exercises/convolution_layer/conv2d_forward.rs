//! `conv2d_forward`: the convolution layer, forwards.

use ndarray::{Array4, ArrayView4, Axis, s};

use super::conv_layer::{Geometry, SIZES, TOO_LARGE, toolkit_forward};
use crate::exercise::{Exercise, Misconception, Outcome, Probe, Signature};
use crate::exercises::arguments::{count, f64_array, floats, int_named, rejects, returns};
use crate::exercises::numbers::Numbers;
use crate::exercises::worked::{products, short};
use crate::value::Value;

/// The exercise.
pub static CONV2D_FORWARD: Exercise = Exercise {
    id: "conv2d_forward",
    station: "convolution-layer",
    task: "Write the forward pass of a convolution layer, as torch.nn.functional.conv2d does it:\n\
           out[n, f, i, j] = b[f] + sum over c, u, v of w[f, c, u, v] * xp[n, c, i * stride + u, j * stride + v],\n\
           where xp is x with `pad` zeros added on all four sides of every channel. The kernel is not flipped.\n\
           H' = (H + 2 * pad - kh) // stride + 1 and W' likewise: what is left over at the end is not used.\n\
           Refuse a kernel that does not fit into the padded image with an error.",
    signature: Signature {
        name: "conv2d_forward",
        parameters: &[
            f64_array("x", &["N", "C", "H", "W"], "N images of C channels"),
            f64_array("w", &["F", "C", "kh", "kw"], "F filters, each with a kernel per channel"),
            f64_array("b", &["F"], "a bias per filter"),
            int_named("stride", "step of the window along rows and columns, 1 or more"),
            int_named("pad", "zeros added on each side, 0 or more"),
        ],
        returns: f64_array("out", &["N", "F", "H'", "W'"], "one map per image and filter"),
    },
    probes,
    reference,
    misconceptions: MISCONCEPTIONS,
    worked: Some(worked),
    hints: &[
        "Take one image, one channel, one filter, stride 1 and no padding first: that is correlation. Then add channels, \
         then filters, then stride, then padding, and check after each.",
        "Pad x once. Then loop over i and j of the output: the window is xp[:, :, i*stride : i*stride+kh, j*stride : \
         j*stride+kw], of shape [N, C, kh, kw]. Multiply with w[f], of shape [C, kh, kw], and sum over the last three axes. \
         Add b[f] once, after the sum.",
        "One row per channel. Channel 0 of x is [1 2 3 4], channel 1 is [0 1 0 1]; one filter with weights [1 10] for \
         channel 0 and [5 0] for channel 1, bias 100, stride 2, no padding. W' = (4 - 2) // 2 + 1 = 2.\n\
         out[0] = 100 + (1*1 + 2*10) + (0*5 + 1*0) = 121\n\
         out[1] = 100 + (3*1 + 4*10) + (0*5 + 1*0) = 143",
    ],
    ..Exercise::DEFAULTS
};

fn probes() -> Vec<Probe> {
    let mut numbers = Numbers::stream(401);
    SIZES
        .iter()
        .chain([&TOO_LARGE])
        .map(|size| {
            let [n, c, ..] = size.x;
            let small = n * c <= 2;
            let mut reals = |shape: [usize; 4]| {
                if small { numbers.integers(shape, -3, 5) } else { numbers.reals(shape, -1.0, 1.0) }
            };
            let x = reals(size.x);
            let w = reals([size.filters, c, size.kernel[0], size.kernel[1]]);
            let b = numbers.integers([size.filters], 1, 9);
            let Geometry { stride, pad } = size.geometry;
            let arguments = vec![x.into(), w.into(), b.into(), Value::Int(stride as i64), Value::Int(pad as i64)];
            let label = size.label();
            if size.special.is_some() { Probe::hard(label, arguments) } else { Probe::ordinary(label, arguments) }
        })
        .collect()
}

struct Call<'a> {
    x: ArrayView4<'a, f64>,
    w: ArrayView4<'a, f64>,
    b: Vec<f64>,
    geometry: Geometry,
}

impl Call<'_> {
    fn new(arguments: &[Value]) -> Call<'_> {
        Call {
            x: floats(arguments, 0),
            w: floats(arguments, 1),
            b: floats::<ndarray::Ix1>(arguments, 2).to_vec(),
            geometry: Geometry { stride: count(arguments, 3), pad: count(arguments, 4) },
        }
    }

    fn kernel(&self) -> [usize; 2] {
        [self.w.shape()[2], self.w.shape()[3]]
    }

    fn image(&self) -> [usize; 2] {
        [self.x.shape()[2], self.x.shape()[3]]
    }

    /// The right output with other weights, biases or geometry.
    fn toolkit(&self, w: ArrayView4<'_, f64>, b: &[f64], geometry: Geometry) -> Outcome {
        match toolkit_forward(self.x, w, b, geometry) {
            Ok(out) => returns(out),
            Err(_) => rejects("the kernel does not fit into the padded image"),
        }
    }

    fn right(&self) -> Outcome {
        self.toolkit(self.w, &self.b, self.geometry)
    }

    /// An output of the right size, or the refusal, from what `windows` says about the windows.
    fn slide(&self, windows: impl FnOnce([usize; 2], &mut Windows)) -> Outcome {
        let Some(size) = self.geometry.output_size(self.image(), self.kernel()) else {
            return rejects("the kernel does not fit");
        };
        let Geometry { stride, pad } = self.geometry;
        let pad = pad as isize;
        let mut moves = Windows { size, step: [stride; 2], spacing: 1, start: [-pad; 2], first_channel: 0 };
        windows(size, &mut moves);
        returns(moves.sums(self))
    }
}

/// The sum of one output.
fn worked(arguments: &[Value], _: usize, at: usize) -> Option<String> {
    let call = Call::new(arguments);
    let [rows, columns] = call.geometry.output_size(call.image(), call.kernel())?;
    let (filters, place) = (call.w.shape()[0], at % (rows * columns));
    let (n, f) = (at / (rows * columns * filters), at / (rows * columns) % filters);
    let Geometry { stride, pad } = call.geometry;
    let term = |((c, u, v), &weight): ((usize, usize, usize), &f64)| {
        let (i, j) = ((place / columns * stride + u).checked_sub(pad), (place % columns * stride + v).checked_sub(pad));
        let input = i.zip(j).and_then(|(i, j)| call.x.get([n, c, i, j])).copied();
        (input.unwrap_or(0.0), weight)
    };
    let filter = call.w.index_axis(Axis(0), f);
    let terms: Vec<(f64, f64)> = filter.indexed_iter().map(term).collect();
    let sum = call.b[f] + terms.iter().map(|(input, weight)| input * weight).sum::<f64>();
    Some(format!("{} + {} = {} (bias, then input times weight)", short(call.b[f]), products(terms), short(sum)))
}

/// How windows move over the input, each part free to be wrong.
struct Windows {
    size: [usize; 2],
    step: [usize; 2],
    spacing: usize,
    start: [isize; 2],
    first_channel: isize,
}

impl Windows {
    /// Weighted sums plus bias; what lies outside of the input counts as zero.
    fn sums(&self, call: &Call<'_>) -> Array4<f64> {
        let (n, ..) = call.x.dim();
        let place = |output: usize, axis: usize, tap: usize| {
            usize::try_from((output * self.step[axis] + tap * self.spacing) as isize + self.start[axis]).ok()
        };
        let at = |n: usize, c: usize, i: Option<usize>, j: Option<usize>| -> Option<f64> {
            let channel = usize::try_from(c as isize + self.first_channel).ok()?;
            call.x.get((n, channel, i?, j?)).copied()
        };
        Array4::from_shape_fn((n, call.b.len(), self.size[0], self.size[1]), |(n, f, i, j)| {
            let terms = call.w.index_axis(Axis(0), f);
            let sum: f64 = terms
                .indexed_iter()
                .map(|((c, u, v), weight)| weight * at(n, c, place(i, 0, u), place(j, 1, v)).unwrap_or(0.0))
                .sum();
            call.b[f] + sum
        })
    }
}

fn reference(arguments: &[Value]) -> Outcome {
    Call::new(arguments).right()
}

const MISCONCEPTIONS: &[Misconception] = &[
    Misconception {
        id: "kernel-flipped",
        title: "the kernels are turned by 180 degrees",
        explanation: "The layer that deep learning calls convolution is correlation: the kernel is laid on the image as it \
                      is. Since the weights are learned, turning them would only change their names; but the answer here \
                      is that of every framework.",
        question: "Does w[f, c, 0, 0] multiply the top left or the bottom right pixel of the window?",
        see: ("dlbook", "9.1-9.2, 9.5 Variants, 9.8 Efficient algorithms"),
        behaviour: |arguments| {
            let call = Call::new(arguments);
            call.toolkit(call.w.slice(s![.., .., ..;-1, ..;-1]), &call.b, call.geometry)
        },
    },
    Misconception {
        id: "stride-ignored",
        title: "the output has the right size, but its windows move by one pixel at a time",
        explanation: "Output (i, j) belongs to the window that starts at (i * stride, j * stride) of the padded image. \
                      Without the product, only the top left part of the image is seen.",
        question: "With stride 2, where does the window of output (1, 1) start?",
        see: ("dls-c4", "W1 Padding; Strided convolutions; Convolutions over volume; One layer"),
        behaviour: |arguments| Call::new(arguments).slide(|_, windows| windows.step = [1, 1]),
    },
    Misconception {
        id: "stride-on-rows-only",
        title: "windows move by the stride along rows, but by one pixel along columns",
        explanation: "The stride applies to both axes: the window of output (i, j) starts at (i * stride, j * stride).",
        question: "How far apart do the windows of two neighbours in one row of the output start?",
        see: ("dls-c4", "W1 Padding; Strided convolutions; Convolutions over volume; One layer"),
        behaviour: |arguments| Call::new(arguments).slide(|_, windows| windows.step[1] = 1),
    },
    Misconception {
        id: "stride-as-dilation",
        title: "the stride spreads the kernel's weights apart in place of moving the window",
        explanation: "Spacing the weights is dilation. Stride leaves the kernel compact and skips window positions.",
        question: "With stride 2 and kernel width 3, which three columns does the first window cover?",
        see: ("pytorch-docs", "torch.nn.Conv2d"),
        behaviour: |arguments| {
            let call = Call::new(arguments);
            let Geometry { stride, pad } = call.geometry;
            let spread = call.kernel().map(|length| stride * (length - 1) + 1);
            match (Geometry { stride: 1, pad }).output_size(call.image(), spread) {
                None => rejects("the kernel does not fit"),
                Some(size) => {
                    let start = [-(pad as isize); 2];
                    returns(Windows { size, step: [1, 1], spacing: stride, start, first_channel: 0 }.sums(&call))
                }
            }
        },
    },
    Misconception {
        id: "padding-one-side",
        title: "all the padding is added at the bottom and on the right",
        explanation: "pad zeros belong on each of the four sides, so the first window starts pad rows above and pad columns \
                      left of the image.",
        question: "With padding 1, what lies under w[f, c, 0, 0] for the first output?",
        see: ("dls-c4", "W1 Padding; Strided convolutions; Convolutions over volume; One layer"),
        behaviour: |arguments| Call::new(arguments).slide(|_, windows| windows.start = [0, 0]),
    },
    Misconception {
        id: "padding-ignored",
        title: "nothing is padded",
        explanation: "The output grows by 2 * pad rows before the division by the stride. Padding keeps the border pixels \
                      from being seen less often than the others.",
        question: "Where does your code use pad?",
        see: ("dls-c4", "W1 Padding; Strided convolutions; Convolutions over volume; One layer"),
        behaviour: |arguments| {
            let call = Call::new(arguments);
            call.toolkit(call.w, &call.b, Geometry { pad: 0, ..call.geometry })
        },
    },
    Misconception {
        id: "padding-on-batch-axis",
        title: "the batch axis is padded as well",
        explanation: "np.pad(x, pad) pads every axis, so empty images appear before and after yours. Give a pair per axis: \
                      ((0, 0), (0, 0), (pad, pad), (pad, pad)).",
        question: "How many images come out of your layer?",
        see: ("numpy", "numpy.pad, argument pad_width"),
        behaviour: |arguments| {
            let call = Call::new(arguments);
            let Outcome::Value(Value::Array(out)) = call.right() else { return call.right() };
            let out = out.to_f64_array().into_dimensionality::<ndarray::Ix4>().expect("four axes");
            let (n, f, h, w) = out.dim();
            let pad = call.geometry.pad;
            let mut more = Array4::from_shape_fn((n + 2 * pad, f, h, w), |(_, f, _, _)| call.b[f]);
            more.slice_mut(s![pad..pad + n, .., .., ..]).assign(&out);
            returns(more)
        },
    },
    Misconception {
        id: "padding-on-channel-axis",
        title: "the channel axis is padded as well, so channels meet the wrong weights",
        explanation: "With empty channels in front, channel 0 of the image sits where the loop expects channel pad. Pad rows \
                      and columns only: ((0, 0), (0, 0), (pad, pad), (pad, pad)).",
        question: "What is the shape of your padded x?",
        see: ("numpy", "numpy.pad, argument pad_width"),
        behaviour: |arguments| {
            let call = Call::new(arguments);
            call.slide(|_, windows| windows.first_channel = -(call.geometry.pad as isize))
        },
    },
    Misconception {
        id: "width-from-kernel-height",
        title: "the output's width is computed with the kernel's height",
        explanation: "H' goes with kh and W' with kw. Square kernels, which most tests use, hide it.",
        question: "Which of kh and kw stands in your formula for W'?",
        see: ("pytorch-docs", "torch.nn.Conv2d"),
        behaviour: |arguments| {
            let call = Call::new(arguments);
            let [kh, _] = call.kernel();
            let right = call.geometry.output_size(call.image(), call.kernel());
            let square = call.geometry.output_size(call.image(), [kh, kh]);
            let (Some([height, right_width]), Some([_, width])) = (right, square) else {
                return rejects("the kernel does not fit");
            };
            if width > right_width {
                return rejects("the last window leaves the image");
            }
            call.slide(|_, windows| windows.size = [height, width])
        },
    },
    Misconception {
        id: "output-size-off-by-one",
        title: "the output is one row and one column too small: the + 1 of the size formula is missing",
        explanation: "A kernel of k fits into k pixels once, not k - k = 0 times: (H + 2 pad - kh) // stride + 1.",
        question: "How large is the output for a kernel as large as the image?",
        see: ("cs231n", "notes: convolutional networks, convolutional layer"),
        behaviour: |arguments| Call::new(arguments).slide(|size, windows| windows.size = size.map(|length| length - 1)),
    },
    Misconception {
        id: "output-size-rounded-up",
        title: "the size is rounded up, and the last window hangs over the border",
        explanation: "Where the stride does not divide, what is left over is not used: the division rounds down.",
        question: "Does your last window still lie inside the padded image?",
        see: ("pytorch-docs", "torch.nn.Conv2d"),
        behaviour: |arguments| {
            let call = Call::new(arguments);
            let (image, kernel, Geometry { stride, pad }) = (call.image(), call.kernel(), call.geometry);
            call.slide(|_, windows| {
                windows.size = [0, 1].map(|axis| (image[axis] + 2 * pad - kernel[axis]).div_ceil(stride) + 1);
            })
        },
    },
    Misconception {
        id: "bias-per-term",
        title: "the bias is added inside the sum, once for every weight",
        explanation: "The bias shifts the finished sum, once per output pixel. Inside the sum it counts C * kh * kw times. \
                      A well-known course had this in its first edition.",
        question: "What is the output for an image of zeros?",
        see: ("dls-c4", "W1 One layer of a convolutional network"),
        behaviour: |arguments| {
            let call = Call::new(arguments);
            let [kh, kw] = call.kernel();
            let terms = (call.x.shape()[1] * kh * kw) as f64;
            let b: Vec<f64> = call.b.iter().map(|b| b * terms).collect();
            call.toolkit(call.w, &b, call.geometry)
        },
    },
    Misconception {
        id: "bias-missing",
        title: "the bias is not added",
        explanation: "Every map of a filter is shifted by the filter's own bias: out[:, f] += b[f].",
        question: "What is the output for an image of zeros?",
        see: ("dls-c4", "W1 One layer of a convolutional network"),
        behaviour: |arguments| {
            let call = Call::new(arguments);
            call.toolkit(call.w, &vec![0.0; call.b.len()], call.geometry)
        },
    },
    Misconception {
        id: "bias-along-wrong-axis",
        title: "the biases are laid along the columns of the output and not along its filters",
        explanation: "out + b lines b up with the last axis, the columns; it even works when W' happens to be F. Give b the \
                      filters' axis: b[None, :, None, None] or b.reshape(1, -1, 1, 1).",
        question: "To which axis of out does NumPy add a vector?",
        see: ("numpy", "Broadcasting"),
        behaviour: |arguments| {
            let call = Call::new(arguments);
            let sums = call.toolkit(call.w, &vec![0.0; call.b.len()], call.geometry);
            let Outcome::Value(Value::Array(out)) = sums else { return sums };
            let mut out = out.to_f64_array();
            let columns = out.shape()[3];
            if call.b.len() != columns && call.b.len() != 1 {
                return rejects("shapes cannot be broadcast together");
            }
            out += &ndarray::aview1(&call.b);
            returns(out)
        },
    },
    Misconception {
        id: "filters-summed",
        title: "the filters are summed and the channels kept: the output has C planes and not F",
        explanation: "A filter gives one plane: its products are summed over all channels. Two filters give two planes, and \
                      nothing is summed over f. In a loop, out[n, f] is what a filter adds to.",
        question: "How many planes has the output of 5 filters on an image of 3 channels?",
        see: ("dls-c4", "W1 Padding; Strided convolutions; Convolutions over volume; One layer"),
        behaviour: |arguments| {
            let call = Call::new(arguments);
            let (_, channels, height, width) = call.w.dim();
            let mut spread = Array4::<f64>::zeros((channels, channels, height, width));
            for c in 0..channels {
                spread.slice_mut(s![c, c, .., ..]).assign(&call.w.index_axis(Axis(1), c).sum_axis(Axis(0)));
            }
            call.toolkit(spread.view(), &vec![call.b.iter().sum::<f64>(); channels], call.geometry)
        },
    },
    Misconception {
        id: "last-channel-only",
        title: "each channel's result overwrites the one before, so that only the last channel counts",
        explanation: "A filter looks at all channels at once: the products are summed over c as well as over u and v. Use \
                      += in the loop over channels, or sum over three axes.",
        question: "Does your output change when you change channel 0 of the input?",
        see: ("dls-c4", "W1 Convolutions over volume"),
        behaviour: |arguments| {
            let call = Call::new(arguments);
            let mut w = call.w.to_owned();
            let last = w.shape()[1] - 1;
            w.slice_mut(s![.., ..last, .., ..]).fill(0.0);
            call.toolkit(w.view(), &call.b, call.geometry)
        },
    },
    Misconception {
        id: "mean-where-sum",
        title: "the channels are averaged and not summed",
        explanation: "A filter is one weighted sum over channels, rows and columns. Averaging divides by C what the weights \
                      already scale.",
        question: "Is there a mean in your code where the task has a sum?",
        see: ("dls-c4", "W1 Convolutions over volume"),
        behaviour: |arguments| {
            let call = Call::new(arguments);
            let w = &call.w / call.x.shape()[1] as f64;
            call.toolkit(w.view(), &call.b, call.geometry)
        },
    },
];
