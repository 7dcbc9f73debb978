//! `maxpool`: the largest number of every window, and where it stood.

use ndarray::{Array4, ArrayView2, ArrayView4, s};

use super::windows::{SIZES, Windows, distinct, image, label, largest};
use crate::exercise::{Element, Exercise, Kind, Misconception, Outcome, Parameter, Probe, Property, Signature};
use crate::exercises::arguments::{count, f64_array, floats, int_named, rejects, returns};
use crate::exercises::numbers::Numbers;
use crate::value::Value;

/// The exercise.
pub static MAXPOOL: Exercise = Exercise {
    id: "maxpool",
    station: "pooling-receptive-field",
    task: "Max pooling without padding: y[n, c, i, j] is the largest number of the window of kh by kw pixels whose corner\n\
           is at (i * stride, j * stride) of channel c of image n. Channels do not mix.\n\
           H' = (H - kh) // stride + 1 and W' likewise: what is left over at the end is not used.\n\
           Return also where each maximum stood, as torch.nn.MaxPool2d does with return_indices: row * W + column in its\n\
           own H by W plane. Of equal maxima the first in reading order counts.\n\
           Refuse a window that does not fit into the image with an error.",
    signature: Signature {
        name: "maxpool",
        parameters: &[
            f64_array("x", &["N", "C", "H", "W"], "N images of C channels"),
            int_named("kh", "rows of the window"),
            int_named("kw", "columns of the window"),
            int_named("stride", "step of the window along rows and columns, 1 or more"),
        ],
        returns: Parameter {
            name: "pooled",
            kind: Kind::Tuple(&[
                f64_array("y", &["N", "C", "H'", "W'"], "the maxima"),
                Parameter {
                    name: "indices",
                    kind: Kind::Array { element: Element::I64, axes: &["N", "C", "H'", "W'"] },
                    meaning: "row * W + column of each maximum in its plane",
                },
            ]),
            meaning: "the maxima and their places",
        },
    },
    probes,
    reference,
    misconceptions: MISCONCEPTIONS,
    properties: &[Property { title: "finds every maximum at the place it returns", violated: not_at_its_place }],
    hints: &[
        "Take one plane of 3 by 4 and write its windows down with the row and column of each corner.",
        "Loop over output rows and columns; x[:, :, i*stride : i*stride+kh, j*stride : j*stride+kw] is the window of all \
         planes at once. Flatten its last two axes, take argmax, and turn the place in the window (u, v) into the place in \
         the plane: (i*stride + u) * W + (j*stride + v).",
        "x = [[1 5 2 0], [3 4 8 7]], windows of 2 by 2, stride 2: windows [1 5; 3 4] and [2 0; 8 7].\n\
         y = [5 8]. 5 stands in row 0, column 1: index 0*4 + 1 = 1. 8 stands in row 1, column 2: index 1*4 + 2 = 6.",
    ],
    ..Exercise::DEFAULTS
};

fn probes() -> Vec<Probe> {
    let mut numbers = Numbers::stream(431);
    let arguments = |x: Array4<f64>, [kh, kw]: [usize; 2], stride: usize| {
        let mut arguments = vec![x.into()];
        arguments.extend([kh, kw, stride].map(|n| Value::Int(n as i64)));
        arguments
    };
    let mut probes: Vec<Probe> = SIZES
        .iter()
        .map(|&size| Probe::ordinary(label(size), arguments(distinct(&mut numbers, size.0), size.1, size.2)))
        .collect();
    let negative = distinct(&mut numbers, [2, 3, 4, 5]) - 100.0;
    probes.push(Probe::ordinary("negative numbers only", arguments(negative, [2, 3], 1)));
    let ties = numbers.integers([2, 2, 5, 6], 0, 2);
    probes.push(Probe::hard("many equal numbers", arguments(ties, [3, 2], 1)));
    probes.push(Probe::hard("all numbers equal", arguments(Array4::from_elem([1, 2, 4, 6], -2.5), [2, 2], 2)));
    probes.push(Probe::hard("one pixel", arguments(distinct(&mut numbers, [2, 3, 1, 1]) - 9.0, [1, 1], 1)));
    probes.push(Probe::hard(
        "a window as large as the image",
        arguments(distinct(&mut numbers, [2, 3, 3, 4]), [3, 4], 2),
    ));
    let lowest = Array4::from_elem([1, 1, 2, 2], f64::NEG_INFINITY);
    probes.push(Probe::hard("minus infinity everywhere", arguments(lowest, [2, 2], 1)));
    probes.push(Probe::hard(
        "a window larger than the image",
        arguments(distinct(&mut numbers, [1, 1, 3, 4]), [2, 5], 1),
    ));
    probes
}

/// A number and a place in the plane.
type Pick = (f64, usize);

struct Call<'a> {
    x: ArrayView4<'a, f64>,
    windows: Windows,
}

impl Call<'_> {
    fn new(arguments: &[Value]) -> Call<'_> {
        let windows = Windows::new([count(arguments, 1), count(arguments, 2)], count(arguments, 3));
        Call { x: floats(arguments, 0), windows }
    }

    /// What `pick` finds in every window; it gets the plane, the window's corner and the window.
    fn pool(
        &self,
        size: Option<[usize; 2]>,
        pick: impl Fn(ArrayView2<'_, f64>, [usize; 2], ArrayView2<'_, f64>) -> Pick,
    ) -> Outcome {
        let Some([height, width]) = size else { return rejects("the window does not fit into the image") };
        let (n, c, ..) = self.x.dim();
        let mut y = Array4::zeros((n, c, height, width));
        let mut indices = Array4::<i64>::zeros((n, c, height, width));
        for ((n, c, i, j), y) in y.indexed_iter_mut() {
            let plane = self.x.slice(s![n, c, .., ..]);
            let (window, corner) = self.windows.window(plane, [i, j]);
            let (value, index) = pick(plane, corner, window);
            *y = value;
            indices[[n, c, i, j]] = index as i64;
        }
        returns(Value::Tuple(vec![y.into(), indices.into()]))
    }

    fn size(&self) -> Option<[usize; 2]> {
        self.windows.output_size(image(self.x))
    }

    /// The maxima, with another choice among equals, another index or another start of the comparison.
    fn maxima(&self, last_of_equals: bool, index: impl Fn([usize; 2], [usize; 2], usize) -> usize) -> Outcome {
        self.pool(self.size(), |plane, corner, window| {
            let place = largest(window, last_of_equals);
            (window[place], index(corner, place, plane.ncols()))
        })
    }
}

fn in_plane([top, left]: [usize; 2], [u, v]: [usize; 2], width: usize) -> usize {
    (top + u) * width + left + v
}

fn reference(arguments: &[Value]) -> Outcome {
    Call::new(arguments).maxima(false, in_plane)
}

fn not_at_its_place(arguments: &[Value], result: &Value) -> Option<String> {
    let Value::Tuple(parts) = result else { return None };
    let (y, indices) = (parts.first()?.as_array()?.to_f64_array(), parts.get(1)?.as_array()?.to_f64());
    let x: ArrayView4<f64> = floats(arguments, 0);
    let planes: Vec<f64> = x.iter().copied().collect();
    let (size, per_plane) = (x.shape()[2] * x.shape()[3], y.shape()[2] * y.shape()[3]);
    let wrong = y
        .iter()
        .zip(indices)
        .enumerate()
        .find(|(at, (y, index))| planes.get(at / per_plane * size + *index as usize).is_none_or(|x| x != *y));
    wrong.map(|(_, (y, index))| format!("the maximum {y} does not stand at index {index} of its plane"))
}

const POOLING: (&str, &str) = ("cs231n", "notes: convolutional networks, pooling");

const MISCONCEPTIONS: &[Misconception] = &[
    Misconception {
        id: "maximum-from-zero",
        title: "the search for the maximum starts from 0, so a window of negative numbers gives 0",
        explanation: "After a ReLU nobody notices; anywhere else the layer turns into max pooling plus ReLU. Start from minus \
                      infinity, or from the window's first number.",
        question: "What is the largest number of the window [-3 -1 -2]?",
        see: POOLING,
        behaviour: |arguments| {
            let call = Call::new(arguments);
            call.pool(call.size(), |plane, corner, window| {
                let place = largest(window, false);
                if window[place] > 0.0 { (window[place], in_plane(corner, place, plane.ncols())) } else { (0.0, 0) }
            })
        },
    },
    Misconception {
        id: "stride-ignored",
        title: "the output has the right size, but its windows move by one pixel at a time",
        explanation: "The window of output (i, j) starts at (i * stride, j * stride). Without the product only the top left \
                      part of the image is pooled.",
        question: "With stride 2, where does the window of output (1, 1) start?",
        see: POOLING,
        behaviour: |arguments| {
            let mut call = Call::new(arguments);
            let size = call.size();
            call.windows.step = [1, 1];
            call.pool(size, |plane, corner, window| {
                let place = largest(window, false);
                (window[place], in_plane(corner, place, plane.ncols()))
            })
        },
    },
    Misconception {
        id: "stride-of-kernel",
        title: "windows are laid side by side: they move by their own size, whatever the stride",
        explanation: "Stride and window size are two numbers. They are equal in the textbook's 2 by 2 example, not in AlexNet's \
                      overlapping windows of 3 with stride 2.",
        question: "Where does your code use stride?",
        see: POOLING,
        behaviour: |arguments| {
            let mut call = Call::new(arguments);
            call.windows.step = call.windows.kernel;
            call.maxima(false, in_plane)
        },
    },
    Misconception {
        id: "kernel-axes-swapped",
        title: "the window is kw rows high and kh columns wide",
        explanation: "kh goes with rows, kw with columns. Square windows, which most tests use, hide it; real course answers \
                      have had it for years.",
        question: "How many rows does your first window cover?",
        see: ("pytorch-docs", "torch.nn.MaxPool2d"),
        behaviour: |arguments| {
            let mut call = Call::new(arguments);
            call.windows.kernel.reverse();
            call.maxima(false, in_plane)
        },
    },
    Misconception {
        id: "index-in-window",
        title: "the index counts inside the window, not in the plane",
        explanation: "The backward pass has to find the pixel again: the corner of the window must be added, and a row of the \
                      plane has W pixels, not kw.",
        question: "Two windows have their maximum at their first pixel. Are the two indices equal?",
        see: ("pytorch-docs", "torch.nn.MaxPool2d"),
        behaviour: |arguments| {
            let call = Call::new(arguments);
            let kw = call.windows.kernel[1];
            call.maxima(false, |_, [u, v], _| u * kw + v)
        },
    },
    Misconception {
        id: "index-width-of-output",
        title: "the index is built with the width of the output in place of the image's",
        explanation: "index = row * W + column, in the plane of the input: W pixels make a row there.",
        question: "How many pixels lie between a pixel and the one below it?",
        see: ("pytorch-docs", "torch.nn.MaxPool2d"),
        behaviour: |arguments| {
            let call = Call::new(arguments);
            let width = call.size().map_or(0, |[_, width]| width);
            call.maxima(false, |corner, place, _| in_plane(corner, place, width))
        },
    },
    Misconception {
        id: "last-of-equals",
        title: "among equal maxima the last one is taken",
        explanation: "A comparison with >= lets every later equal number win. The values are right; the gradient goes to another \
                      pixel than in every framework. argmax and > keep the first.",
        question: "In the window [7 7], which of the two does your comparison keep?",
        see: ("numpy", "numpy.argmax"),
        behaviour: |arguments| Call::new(arguments).maxima(true, in_plane),
    },
    Misconception {
        id: "output-size-rounded-up",
        title: "the size is rounded up, and the last window hangs over the border",
        explanation: "Where the stride does not divide, what is left over is not used: the division rounds down. (Frameworks \
                      offer the other way as ceil_mode.)",
        question: "Does your last window still lie inside the image?",
        see: ("pytorch-docs", "torch.nn.MaxPool2d"),
        behaviour: |arguments| {
            let call = Call::new(arguments);
            let (image, Windows { kernel, step }) = (image(call.x), call.windows);
            let size = call.size().map(|_| [0, 1].map(|axis| (image[axis] - kernel[axis]).div_ceil(step[axis]) + 1));
            // A window that begins beyond the border is empty and has no maximum.
            let size = size.map(|size| [0, 1].map(|axis| size[axis].min(image[axis].div_ceil(step[axis]))));
            call.pool(size, |plane, corner, window| {
                let place = largest(window, false);
                (window[place], in_plane(corner, place, plane.ncols()))
            })
        },
    },
    Misconception {
        id: "channels-mixed",
        title: "the maximum is taken over all channels",
        explanation: "Pooling treats every channel by itself and keeps their number. A maximum across channels is another layer \
                      (maxout).",
        question: "Do two channels of your output ever differ?",
        see: POOLING,
        behaviour: |arguments| {
            let call = Call::new(arguments);
            let mut strongest = call.x.to_owned();
            for (mut images, x) in strongest.outer_iter_mut().zip(call.x.outer_iter()) {
                let plane = x.fold_axis(ndarray::Axis(0), f64::NEG_INFINITY, |a, &b| a.max(b));
                images.outer_iter_mut().for_each(|mut channel| channel.assign(&plane));
            }
            let mixed = Call { x: strongest.view(), windows: call.windows };
            mixed.maxima(false, in_plane)
        },
    },
];
