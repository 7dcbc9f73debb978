//! `speedup`: the convolution layer, fast enough to train with.

use ndarray::{Array4, ArrayView4};
use striate_tensor::{Conv2dOptions, Tensor};

use crate::exercise::{Exercise, Misconception, Outcome, Probe, Signature, Speed, Tolerance};
use crate::exercises::arguments::{count, f64_array, floats, int_named, rejects, returns};
use crate::exercises::numbers::Numbers;
use crate::value::Value;

/// The exercise.
pub static SPEEDUP: Exercise = Exercise {
    id: "speedup",
    station: "numpy-cnn",
    task: "Write the forward pass of the convolution layer once more, so that it is fast:\n\
           out[n, f, i, j] = b[f] + sum over c, u, v of w[f, c, u, v] * xp[n, c, i * stride + u, j * stride + v],\n\
           xp is x with `pad` zeros on all four sides, H' = (H + 2 * pad - kh) // stride + 1 and W' likewise.\n\
           No loop over images, filters or pixels in Python: lay the windows out and multiply matrices. In Rust, order the loops so\n\
           that the innermost walks along memory. Refuse a kernel that does not fit into the padded image with an error.\n\
           After a passed check your speed is compared with that of plain loops.",
    signature: Signature {
        name: "speedup",
        parameters: &[
            f64_array("x", &["N", "C", "H", "W"], "N images of C channels"),
            f64_array("w", &["F", "C", "kh", "kw"], "F filters"),
            f64_array("b", &["F"], "a bias per filter"),
            int_named("stride", "step of the window along rows and columns, 1 or more"),
            int_named("pad", "zeros added on each side, 0 or more"),
        ],
        returns: f64_array("out", &["N", "F", "H'", "W'"], "one map per image and filter"),
    },
    probes,
    reference,
    misconceptions: MISCONCEPTIONS,
    tolerance: Tolerance { relative: 1e-5, absolute: 1e-7 },
    speed: Some(Speed { arguments: large, naive_steps: 8.0 * 16.0 * 28.0 * 28.0 * 8.0 * 9.0, times_faster: 20.0 }),
    hints: &[
        "Are the numbers right, in another order? Then look at the axes: print the shape before and after each reshape.",
        "columns = sliding_window_view(xp, (kh, kw), axis=(2, 3))[:, :, ::stride, ::stride] has axes n, c, i, j, u, v, as a view. \
         np.tensordot(columns, w, axes=([1, 4, 5], [1, 2, 3])) is one matrix product with axes n, i, j, f: transpose it to n, f, i, j.",
        "Two images [1 2 3] and [4 5 6] of one row, one filter [1 10]: windows [1 2], [2 3], [4 5], [5 6], results 21 32 54 65. \
         As [N, F, H', W'] the first image has [21 32], the second [54 65].",
    ],
    ..Exercise::DEFAULTS
};

/// Input, filters, kernel, stride, padding.
type Size = ([usize; 4], usize, [usize; 2], usize, usize);

fn arguments(numbers: &mut Numbers, (x, filters, [kh, kw], stride, pad): Size) -> Vec<Value> {
    vec![
        numbers.reals(x, -1.0, 1.0).into(),
        numbers.reals([filters, x[1], kh, kw], -1.0, 1.0).into(),
        numbers.reals([filters], -1.0, 1.0).into(),
        Value::Int(stride as i64),
        Value::Int(pad as i64),
    ]
}

fn large() -> Vec<Value> {
    arguments(&mut Numbers::stream(489), ([8, 8, 28, 28], 16, [3, 3], 1, 1))
}

fn probes() -> Vec<Probe> {
    let mut numbers = Numbers::stream(483);
    let ordinary: [Size; 6] = [
        ([2, 1, 1, 3], 1, [1, 2], 1, 0),
        ([1, 2, 3, 4], 3, [2, 2], 1, 0),
        ([2, 3, 5, 7], 4, [2, 3], 1, 0),
        ([2, 3, 6, 5], 4, [3, 2], 2, 1),
        ([3, 2, 7, 8], 5, [3, 3], 2, 2),
        ([4, 3, 8, 7], 6, [5, 4], 3, 1),
    ];
    let edges: [(&str, Size); 4] = [
        ("one pixel, padded", ([2, 3, 1, 1], 2, [3, 3], 1, 1)),
        ("kernels of one weight", ([2, 3, 4, 5], 4, [1, 1], 2, 0)),
        ("a kernel as large as the image", ([3, 2, 4, 3], 2, [4, 3], 1, 0)),
        ("a kernel larger than the padded image", ([1, 2, 3, 3], 2, [6, 2], 1, 1)),
    ];
    let label = |([n, c, h, w], filters, [kh, kw], stride, pad): Size| {
        format!("x of [{n}, {c}, {h}, {w}], {filters} filters of {kh} by {kw}, stride {stride}, padding {pad}")
    };
    let mut probes: Vec<Probe> =
        ordinary.iter().map(|&size| Probe::ordinary(label(size), arguments(&mut numbers, size))).collect();
    for (what, size) in edges {
        probes.push(Probe::hard(format!("{what}: {}", label(size)), arguments(&mut numbers, size)));
    }
    probes
}

struct Call {
    x: Array4<f64>,
    w: Array4<f64>,
    b: Vec<f64>,
    stride: [usize; 2],
    pad: usize,
}

/// A result, or the refusal.
fn with(arguments: &[Value], result: impl FnOnce(Call) -> Array4<f64>) -> Outcome {
    let (x, w): (ArrayView4<f64>, ArrayView4<f64>) = (floats(arguments, 0), floats(arguments, 1));
    let (stride, pad) = (count(arguments, 3), count(arguments, 4));
    if (2..4).any(|axis| w.shape()[axis] > x.shape()[axis] + 2 * pad) {
        return rejects("the kernel does not fit into the padded image");
    }
    let b = floats::<ndarray::Ix1>(arguments, 2).to_vec();
    returns(result(Call { x: x.to_owned(), w: w.to_owned(), b, stride: [stride; 2], pad }))
}

fn tensor(array: &Array4<f64>) -> Tensor {
    Tensor::from_vec(array.iter().copied().collect(), array.shape())
}

impl Call {
    fn layer(&self) -> Array4<f64> {
        let options = Conv2dOptions { stride: self.stride, padding: [self.pad; 2], ..Conv2dOptions::default() };
        let bias = Tensor::from_slice(&self.b, &[self.b.len()]);
        let out = tensor(&self.x).conv2d(&tensor(&self.w), Some(&bias), options);
        let shape: [usize; 4] = out.shape().try_into().expect("four axes");
        Array4::from_shape_vec(shape, out.to_vec()).expect("as many elements as the shape says")
    }

    /// The windows of another step, as many as the right ones.
    fn stepped(self, stride: [usize; 2]) -> Array4<f64> {
        let (n, f, height, width) = self.layer().dim();
        let out = Call { stride, ..self }.layer();
        out.slice(ndarray::s![..n, ..f, ..height, ..width]).to_owned()
    }
}

fn reference(arguments: &[Value]) -> Outcome {
    with(arguments, |call| call.layer())
}

/// The same numbers in the order in which they lie, under another shape.
fn reread(array: &Array4<f64>, shape: (usize, usize, usize, usize)) -> Array4<f64> {
    Array4::from_shape_vec(shape, array.iter().copied().collect()).expect("as many elements")
}

fn permuted(array: Array4<f64>, axes: [usize; 4]) -> Array4<f64> {
    array.permuted_axes(axes).as_standard_layout().into_owned()
}

const MATRIX: (&str, &str) = ("cs231n", "notes: convolutional networks, implementation as matrix multiplication");
const PADDING: (&str, &str) = ("dls-c4", "W1 Padding; Strided convolutions");

const MISCONCEPTIONS: &[Misconception] = &[
    Misconception {
        id: "reshape-scrambles",
        title: "the product [F, N*H'*W'] is reshaped to [N, F, H', W'] without moving the axes first",
        explanation: "reshape never moves a number: with the filters in front, image and filter get mixed up as soon as there are several of \
                      both. Reshape to [F, N, H', W'] and transpose, or let tensordot put n first and move f.",
        question: "For two images and two filters: where in your product does image 1 of filter 0 lie?",
        see: ("numpy", "numpy.reshape and numpy.transpose"),
        behaviour: |arguments| {
            with(arguments, |call| {
                let out = call.layer();
                let shape = out.dim();
                reread(&permuted(out, [1, 0, 2, 3]), shape)
            })
        },
    },
    Misconception {
        id: "axes-not-moved-back",
        title: "the product [N*H'*W', F] is reshaped to [N, F, H', W'] without moving the filters",
        explanation: "With windows as rows the filters run fastest: the product is [N, H', W', F]. Reshape to that, then transpose to \
                      [N, F, H', W'].",
        question: "What lies beside the first number of your product: the next pixel, or the next filter?",
        see: ("numpy", "numpy.reshape and numpy.transpose"),
        behaviour: |arguments| {
            with(arguments, |call| {
                let out = call.layer();
                let shape = out.dim();
                reread(&permuted(out, [0, 2, 3, 1]), shape)
            })
        },
    },
    Misconception {
        id: "batch-last",
        title: "the columns run over pixels first and over images last, and are reshaped as if images came first",
        explanation: "Two orders of columns are in use. Whichever yours is, the reshape after the product must name the axes in the same order: \
                      [F, H', W', N], and then transpose.",
        question: "What is in your second column: the next window, or the next image?",
        see: MATRIX,
        behaviour: |arguments| {
            with(arguments, |call| {
                let out = call.layer();
                let (n, f, height, width) = out.dim();
                permuted(reread(&permuted(out, [1, 2, 3, 0]), (f, n, height, width)), [1, 0, 2, 3])
            })
        },
    },
    Misconception {
        id: "channels-last",
        title: "the weights are flattened in another order than the windows",
        explanation: "w.reshape(F, -1) runs over c, u, v. The windows must be laid out in the same order, or each weight meets another pixel: \
                      the sums look plausible and are wrong.",
        question: "Which pixel meets w[f, 0, 0, 1] in your product?",
        see: MATRIX,
        behaviour: |arguments| {
            with(arguments, |call| {
                let shape = call.w.dim();
                let w = reread(&permuted(call.w.clone(), [0, 2, 3, 1]), shape);
                Call { w, ..call }.layer()
            })
        },
    },
    Misconception {
        id: "buffer-reused",
        title: "all images get the windows of the last one",
        explanation: "One buffer for the columns is filled image after image, and what was stored are references to it. Multiply before you refill, or \
                      keep a copy per image.",
        question: "Do two images of a batch ever give different maps?",
        see: MATRIX,
        behaviour: |arguments| {
            with(arguments, |call| {
                let mut out = call.layer();
                let last = out.index_axis(ndarray::Axis(0), out.dim().0 - 1).to_owned();
                out.outer_iter_mut().for_each(|mut image| image.assign(&last));
                out
            })
        },
    },
    Misconception {
        id: "stride-ignored",
        title: "the output has the right size, but its windows move by one pixel at a time",
        explanation: "Of the view of all windows, take every stride-th in rows and columns: [:, :, ::stride, ::stride].",
        question: "With stride 2, where does your second window start?",
        see: PADDING,
        behaviour: |arguments| with(arguments, |call| call.stepped([1, 1])),
    },
    Misconception {
        id: "stride-on-rows-only",
        title: "windows move by the stride along rows, but by one pixel along columns",
        explanation: "The stride applies to both axes: [:, :, ::stride, ::stride].",
        question: "How far apart do the windows of two neighbours in one row of the output start?",
        see: PADDING,
        behaviour: |arguments| {
            with(arguments, |call| {
                let [rows, _] = call.stride;
                call.stepped([rows, 1])
            })
        },
    },
    Misconception {
        id: "bias-missing",
        title: "no bias is added",
        explanation: "After the product every map gets its filter's bias: + b[:, None, None].",
        question: "What does your layer make of a black image?",
        see: MATRIX,
        behaviour: |arguments| {
            with(arguments, |call| {
                let b = vec![0.0; call.b.len()];
                Call { b, ..call }.layer()
            })
        },
    },
    Misconception {
        id: "kernel-flipped",
        title: "the kernels are turned by 180 degrees",
        explanation: "A product of Fourier transforms, or scipy.signal.convolve, convolves. The layer correlates: use correlate, or turn the kernels \
                      before.",
        question: "Does w[f, c, 0, 0] multiply the top left or the bottom right pixel of the window?",
        see: ("pytorch-docs", "torch.nn.Conv2d"),
        behaviour: |arguments| {
            with(arguments, |call| {
                let w = call.w.slice(ndarray::s![.., .., ..;-1, ..;-1]).as_standard_layout().into_owned();
                Call { w, ..call }.layer()
            })
        },
    },
];
