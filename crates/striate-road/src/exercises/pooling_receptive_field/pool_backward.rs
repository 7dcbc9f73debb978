//! `pool_backward`: which pixels the gradient of a pooling layer goes to.

use ndarray::{Array4, ArrayView4, s};

use super::windows::{SIZES, Windows, distinct, image, label, largest};
use crate::exercise::{Exercise, Kind, Misconception, Outcome, Parameter, Probe, Property, Signature, Tolerance};
use crate::exercises::arguments::{count, f64_array, floats, int_named, returns, text};
use crate::exercises::numbers::Numbers;
use crate::value::Value;

/// The exercise.
pub static POOL_BACKWARD: Exercise = Exercise {
    id: "pool_backward",
    station: "pooling-receptive-field",
    task: "The backward pass of pooling without padding. g is the gradient of the loss with respect to the layer's output,\n\
           x its input; return the gradient with respect to x.\n\
           mode \"max\": each output passes its gradient to the one pixel that was the maximum of its window, of equals to\n\
           the first in reading order. mode \"average\": to all kh * kw pixels of its window in equal parts.\n\
           What arrives at the same pixel from several windows adds up. Output (i, j) belongs to the window at\n\
           (i * stride, j * stride).",
    signature: Signature {
        name: "pool_backward",
        parameters: &[
            f64_array("g", &["N", "C", "H'", "W'"], "gradient with respect to the output"),
            f64_array("x", &["N", "C", "H", "W"], "input of the forward pass"),
            int_named("kh", "rows of the window"),
            int_named("kw", "columns of the window"),
            int_named("stride", "step of the window along rows and columns, 1 or more"),
            Parameter { name: "mode", kind: Kind::Text, meaning: "\"max\" or \"average\"" },
        ],
        returns: f64_array("dx", &["N", "C", "H", "W"], "gradient with respect to x"),
    },
    probes,
    reference,
    misconceptions: MISCONCEPTIONS,
    properties: &[Property { title: "hands on all of the gradient: dx sums to what g sums to", violated: lost }],
    tolerance: Tolerance { relative: 1e-9, absolute: 1e-11 },
    hints: &[
        "Which windows contain the pixel in question, and what does each of them pass to it?",
        "Start from zeros of x's shape and walk over the windows of the forward pass. \"average\": \
         dx[window] += g[..., i, j] / (kh * kw). \"max\": find the first maximum of the window and add g[..., i, j] there. \
         Always +=, since windows may overlap.",
        "One row x = [1 5 2], windows of 2, stride 1, g = [10 100]. The windows are [1 5] and [5 2].\n\
         max: both had their maximum at 5, dx = [0 110 0].\n\
         average: dx = [5 5 .] + [. 50 50] = [5 55 50].",
    ],
    ..Exercise::DEFAULTS
};

fn probes() -> Vec<Probe> {
    let mut numbers = Numbers::stream(432);
    let mut probes = Vec::new();
    let mut add =
        |special: Option<&str>, x: Array4<f64>, [kh, kw]: [usize; 2], stride: usize, numbers: &mut Numbers| {
            let size = (x.dim().into(), [kh, kw], stride);
            let (n, c, ..) = x.dim();
            let [height, width] =
                Windows::new([kh, kw], stride).output_size(image(x.view())).expect("a window that fits");
            let g = numbers.reals([n, c, height, width], -1.0, 2.0).mapv(|g| (g * 8.0).round() / 4.0 + 0.125);
            for mode in ["max", "average"] {
                let label =
                    format!("{mode}, {}{}", special.map_or(String::new(), |what| format!("{what}: ")), label(size));
                let mut arguments = vec![g.clone().into(), x.clone().into()];
                arguments.extend([kh, kw, stride].map(|n| Value::Int(n as i64)));
                arguments.push(Value::Text(mode.into()));
                probes.push(match special {
                    None => Probe::ordinary(label, arguments),
                    Some(_) => Probe::hard(label, arguments),
                });
            }
        };
    for &(shape, kernel, stride) in SIZES {
        let x = distinct(&mut numbers, shape);
        add(None, x, kernel, stride, &mut numbers);
    }
    add(Some("equal numbers"), Array4::from_elem([1, 2, 4, 6], 3.0), [2, 3], 1, &mut numbers);
    let ties = numbers.integers([2, 2, 5, 4], 0, 1);
    add(Some("many equal numbers"), ties, [2, 2], 2, &mut numbers);
    let x = distinct(&mut numbers, [2, 3, 1, 1]);
    add(Some("one pixel"), x, [1, 1], 1, &mut numbers);
    let x = distinct(&mut numbers, [2, 1, 3, 4]) - 50.0;
    add(Some("a window as large as the image"), x, [3, 4], 1, &mut numbers);
    probes
}

/// What a window does with its gradient: window, gradient, and the cut-out of dx to write.
type Pass = fn(ndarray::ArrayView2<'_, f64>, f64, ndarray::ArrayViewMut2<'_, f64>);

struct Call<'a> {
    g: ArrayView4<'a, f64>,
    x: ArrayView4<'a, f64>,
    windows: Windows,
    average: bool,
}

impl Call<'_> {
    fn new(arguments: &[Value]) -> Call<'_> {
        Call {
            g: floats(arguments, 0),
            x: floats(arguments, 1),
            windows: Windows::new([count(arguments, 2), count(arguments, 3)], count(arguments, 4)),
            average: text(arguments, 5) == "average",
        }
    }

    fn spread(&self, pass: Pass) -> Array4<f64> {
        let mut dx = Array4::zeros(self.x.raw_dim());
        for ((n, c, i, j), &g) in self.g.indexed_iter() {
            let plane = self.x.slice(s![n, c, .., ..]);
            let (window, [top, left]) = self.windows.window(plane, [i, j]);
            let (rows, columns) = window.dim();
            pass(window, g, dx.slice_mut(s![n, c, top..top + rows, left..left + columns]));
        }
        dx
    }

    fn right(&self) -> Array4<f64> {
        self.spread(if self.average { to_all } else { to_first })
    }

    /// Another rule for one of the modes, the right one for the other.
    fn with(&self, max: Pass, average: Pass) -> Outcome {
        returns(self.spread(if self.average { average } else { max }))
    }
}

fn to_first(window: ndarray::ArrayView2<'_, f64>, g: f64, mut dx: ndarray::ArrayViewMut2<'_, f64>) {
    dx[largest(window, false)] += g;
}

fn to_all(window: ndarray::ArrayView2<'_, f64>, g: f64, mut dx: ndarray::ArrayViewMut2<'_, f64>) {
    dx += g / window.len() as f64;
}

fn reference(arguments: &[Value]) -> Outcome {
    returns(Call::new(arguments).right())
}

fn lost(arguments: &[Value], result: &Value) -> Option<String> {
    let (g, dx) = (floats::<ndarray::Ix4>(arguments, 0).sum(), result.as_array()?.to_f64_array().sum());
    ((g - dx).abs() > 1e-9 * (1.0 + g.abs())).then(|| format!("g sums to {g}, dx to {dx}"))
}

const POOLING: (&str, &str) = ("cs231n", "notes: convolutional networks, pooling");
const ASSIGNMENT: (&str, &str) = ("dls-c4", "W1 assignment Convolution model step by step");

const MISCONCEPTIONS: &[Misconception] = &[
    Misconception {
        id: "overlap-overwritten",
        title: "where windows overlap, the last one overwrites what the others passed back",
        explanation: "A pixel that was the maximum of two windows influenced both outputs, and both gradients count. The mistake \
                      is one character: = in place of +=. With windows that do not overlap, as in most course checks, it does \
                      not show.",
        question: "Which pixel lies in two of your windows, and what does it receive from each?",
        see: POOLING,
        behaviour: |arguments| {
            Call::new(arguments).with(
                |window, g, mut dx| dx[largest(window, false)] = g,
                |window, g, mut dx| dx.fill(g / window.len() as f64),
            )
        },
    },
    Misconception {
        id: "window-overwritten",
        title: "each window writes its whole patch: zeros included, over what other windows passed back",
        explanation: "dx[window] = g * (x[window] == max) erases the gradients that neighbours left there. Add the patch with +=.",
        question: "What does your code write to the pixels of a window that are not its maximum?",
        see: POOLING,
        behaviour: |arguments| {
            Call::new(arguments).with(
                |window, g, mut dx| {
                    dx.fill(0.0);
                    dx[largest(window, false)] = g;
                },
                to_all,
            )
        },
    },
    Misconception {
        id: "all-ties",
        title: "every pixel that equals the maximum receives the whole gradient",
        explanation: "With two equal maxima, twice the gradient comes out than went in. A mask x == max does that. Frameworks pass \
                      it to one of them, the first; flat regions of 0 after a ReLU make ties common.",
        question: "In a window of four equal numbers, what does dx sum to?",
        see: ASSIGNMENT,
        behaviour: |arguments| {
            Call::new(arguments).with(
                |window, g, mut dx| {
                    let best = window[largest(window, false)];
                    dx.zip_mut_with(&window, |dx, &x| *dx += if x == best { g } else { 0.0 });
                },
                to_all,
            )
        },
    },
    Misconception {
        id: "last-of-equals",
        title: "among equal maxima the last one receives the gradient",
        explanation: "A comparison with >= lets every later equal number win. The task, and every framework, takes the first.",
        question: "In the window [7 7], which of the two receives the gradient?",
        see: ("numpy", "numpy.argmax"),
        behaviour: |arguments| Call::new(arguments).with(|window, g, mut dx| dx[largest(window, true)] += g, to_all),
    },
    Misconception {
        id: "average-not-divided",
        title: "in average pooling every pixel receives the whole gradient",
        explanation: "The output was the sum divided by kh * kw, so each pixel's share is g / (kh * kw). Otherwise kh * kw times \
                      the gradient comes out.",
        question: "How much does the average of four numbers change when one of them grows by 1?",
        see: ASSIGNMENT,
        behaviour: |arguments| Call::new(arguments).with(to_first, |_, g, mut dx| dx += g),
    },
    Misconception {
        id: "average-for-max",
        title: "max pooling spreads its gradient over the whole window",
        explanation: "A pixel that was not the maximum did not influence the output at all: moved a little, it changes nothing. \
                      Its gradient is 0.",
        question: "In the window [1 5], how does the output change when the 1 becomes 1.1?",
        see: POOLING,
        behaviour: |arguments| Call::new(arguments).with(to_all, to_all),
    },
    Misconception {
        id: "stride-ignored",
        title: "the windows of the backward pass start one pixel apart, whatever the stride",
        explanation: "The window of output (i, j) starts at (i * stride, j * stride), forwards and backwards. Well-known answers to \
                      a well-known course have this: with stride 1 nothing shows.",
        question: "Which window did output (1, 1) come from?",
        see: ASSIGNMENT,
        behaviour: |arguments| {
            let mut call = Call::new(arguments);
            call.windows.step = [1, 1];
            returns(call.right())
        },
    },
    Misconception {
        id: "multiplied-by-input",
        title: "the gradient is multiplied by the pixel it goes to",
        explanation: "The maximum is copied to the output: its slope is 1, not its value. (A product would pass on the other \
                      factor; here there is none.)",
        question: "If the maximum grows by 0.1, by how much does the output grow?",
        see: POOLING,
        behaviour: |arguments| {
            Call::new(arguments).with(
                |window, g, mut dx| {
                    let place = largest(window, false);
                    dx[place] += g * window[place];
                },
                to_all,
            )
        },
    },
    Misconception {
        id: "magnitude-taken",
        title: "the pixel with the largest magnitude receives the gradient",
        explanation: "-5 is not the maximum of [-5 2]. Find the place with the same comparison as the forward pass.",
        question: "Which number of the window [-5 2] did the forward pass return?",
        see: ASSIGNMENT,
        behaviour: |arguments| {
            Call::new(arguments).with(|window, g, mut dx| dx[largest(window.mapv(f64::abs).view(), false)] += g, to_all)
        },
    },
];
