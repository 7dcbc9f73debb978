//! Convolution and max-pooling. What the convolution should do, and most of what goes wrong, is that of the road's own
//! exercises.

use std::sync::LazyLock;

use ndarray::{Array4, s};

use super::super::CourseFunction;
use super::super::mistakes::words;
use super::super::road::{answered, of_the_road, renamed};
use super::super::values::{count, floats_named, images, int_named, returns};
use super::SECOND;
use crate::exercise::{Difficulty, Exercise, Outcome, Parameter, Probe, Signature};
use crate::exercise::{ForwardCall, GradientCheck};
use crate::exercises::numbers::Numbers;
use crate::exercises::pooling_receptive_field::windows::Windows;
use crate::value::{Array, Value};

pub(super) fn functions() -> Vec<CourseFunction> {
    let f = CourseFunction::new;
    vec![
        f(SECOND, &["conv_forward_naive"], &FORWARD, "return f(x, w, b, {'stride': stride, 'pad': pad})[0]"),
        f(
            SECOND,
            &["conv_backward_naive"],
            &BACKWARD,
            "cache = theirs.conv_forward_naive(x, w, np.zeros(len(w)), {'stride': stride, 'pad': pad})[1]\n\
             return f(dout, cache)",
        )
        .needs(&["conv_forward_naive"]),
        f(
            SECOND,
            &["max_pool_forward_naive"],
            &MAX_POOL,
            "return f(x, {'pool_height': pool_height, 'pool_width': pool_width, 'stride': stride})[0]",
        ),
        f(
            SECOND,
            &["max_pool_backward_naive"],
            &MAX_POOL_BACKWARD,
            "pool_param = {'pool_height': pool_height, 'pool_width': pool_width, 'stride': stride}\n\
             cache = theirs.max_pool_forward_naive(x, pool_param)[1]\n\
             return f(dout, cache)",
        )
        .needs(&["max_pool_forward_naive"]),
    ]
}

static FORWARD: LazyLock<Exercise> =
    LazyLock::new(|| renamed("conv_forward_naive", "conv2d_forward", || answered("conv2d_forward")));

static BACKWARD: LazyLock<Exercise> = LazyLock::new(|| {
    let gradient = of_the_road("conv2d_backward").gradient;
    Exercise {
        gradient: gradient.map(|check| GradientCheck { forward: "conv_forward_naive", ..check }),
        ..renamed("conv_backward_naive", "conv2d_backward", || answered("conv2d_backward"))
    }
});

const X: Parameter = floats_named("x", &["N", "C", "H", "W"]);
const HEIGHT: Parameter = int_named("pool_height");
const WIDTH: Parameter = int_named("pool_width");
const STRIDE: Parameter = int_named("stride");
const NOTES: (&str, &str) = ("cs231n", "notes: Convolutional networks, Pooling layer");

/// `[N, C, H, W]`, window, stride.
type Size = ([usize; 4], [usize; 2], usize);

const SIZES: &[Size] = &[
    ([1, 1, 2, 4], [2, 2], 2),
    ([1, 1, 3, 4], [2, 3], 1),
    ([1, 2, 4, 5], [3, 2], 2),
    ([2, 3, 5, 7], [2, 3], 1),
    ([2, 3, 7, 6], [3, 2], 2),
    ([3, 2, 7, 8], [2, 2], 3),
];

/// Windows on images, each part free to be wrong.
pub(in crate::course) struct Pool {
    pub x: Array4<f64>,
    pub windows: Windows,
    pub out: [usize; 2],
}

impl Pool {
    fn new(arguments: &[Value], first: usize) -> Pool {
        let x = images(arguments, first);
        let window = [count(arguments, first + 1), count(arguments, first + 2)];
        let stride = count(arguments, first + 3);
        Pool::of(x, Windows::new(window, stride))
    }

    pub(in crate::course) fn of(x: Array4<f64>, windows: Windows) -> Pool {
        let out = windows.output_size([x.shape()[2], x.shape()[3]]).expect("a window that fits");
        Pool { x, windows, out }
    }

    /// The same with another way from window to window.
    pub(in crate::course) fn stepping(self, step: [usize; 2]) -> Pool {
        Pool { windows: Windows { step, ..self.windows }, ..self }
    }

    /// The values of a window with their places; what lies beyond the image is left out, as a slice does it.
    fn cells(&self, n: usize, c: usize, i: usize, j: usize) -> Vec<([usize; 2], f64)> {
        let (window, [top, left]) = self.windows.window(self.x.slice(s![n, c, .., ..]), [i, j]);
        window.indexed_iter().map(|((u, v), &x)| ([top + u, left + v], x)).collect()
    }

    pub(in crate::course) fn map(&self, f: impl Fn(&[([usize; 2], f64)]) -> f64) -> Outcome {
        let (n, c, ..) = self.x.dim();
        let [height, width] = self.out;
        returns(Array4::from_shape_fn((n, c, height, width), |(n, c, i, j)| f(&self.cells(n, c, i, j))))
    }

    /// dx, where `share(cells, gradient)` says what each cell of a window gets.
    pub(in crate::course) fn spread(
        &self,
        dout: &Array4<f64>,
        add: bool,
        share: impl Fn(&[([usize; 2], f64)], f64) -> Vec<([usize; 2], f64)>,
    ) -> Outcome {
        let mut dx = Array4::<f64>::zeros(self.x.dim());
        for ((n, c, i, j), &gradient) in dout.indexed_iter() {
            for ([u, v], part) in share(&self.cells(n, c, i, j), gradient) {
                let slot = &mut dx[[n, c, u, v]];
                *slot = if add { *slot + part } else { part };
            }
        }
        returns(dx)
    }
}

pub(in crate::course) fn largest(cells: &[([usize; 2], f64)]) -> f64 {
    cells.iter().fold(f64::NEG_INFINITY, |largest, (_, x)| largest.max(*x))
}

static MAX_POOL: Exercise = Exercise {
    id: "max_pool_forward_naive",
    signature: Signature {
        name: "max_pool_forward_naive",
        parameters: &[X, HEIGHT, WIDTH, STRIDE],
        returns: floats_named("out", &["N", "C", "H'", "W'"]),
    },
    probes: || {
        let mut numbers = Numbers::stream(9151);
        let mut probes: Vec<Probe> = SIZES.iter().map(|size| pool_probe(&mut numbers, size, false)).collect();
        let x = numbers.reals([1, 1, 3, 4], -9.0, -1.0);
        let (height, width, stride) = (Value::Int(2), Value::Int(2), Value::Int(1));
        probes.push(Probe::hard("an image of negative numbers", vec![x.into(), height, width, stride]));
        probes
    },
    reference: |arguments| Pool::new(arguments, 0).map(largest),
    misconceptions: &[
        words(
            "width-from-kernel-height",
            "the width of the output is computed from the window's height",
            "W' = (W - pool_width) // stride + 1. The course only tries square windows, where the two are the same.",
            "Which of your variables decides the width of the output?",
            NOTES,
        )
        .when(|arguments| {
            let mut pool = Pool::new(arguments, 0);
            pool.out[1] =
                (pool.x.shape()[3].max(pool.windows.kernel[0]) - pool.windows.kernel[0]) / pool.windows.step[1] + 1;
            pool.map(largest)
        }),
        words(
            "height-from-window-width",
            "the height of the output is computed from the window's width",
            "H' = (H - pool_height) // stride + 1.",
            "Which of your variables decides the height of the output?",
            NOTES,
        )
        .when(|arguments| {
            let mut pool = Pool::new(arguments, 0);
            pool.out[0] =
                (pool.x.shape()[2].max(pool.windows.kernel[1]) - pool.windows.kernel[1]) / pool.windows.step[0] + 1;
            pool.map(largest)
        }),
        words(
            "stride-ignored",
            "the windows move by one pixel at a time",
            "Output (i, j) looks at the window that starts at (i * stride, j * stride).",
            "Where does the window of output (1, 1) start when the stride is 2?",
            NOTES,
        )
        .when(|arguments| Pool::new(arguments, 0).stepping([1, 1]).map(largest)),
        words(
            "stride-on-rows-only",
            "the windows move by the stride along rows, but by one pixel along columns",
            "The stride applies to both axes.",
            "How far apart do two neighbouring windows of one row start?",
            NOTES,
        )
        .when(|arguments| {
            let pool = Pool::new(arguments, 0);
            let step = [pool.windows.step[0], 1];
            pool.stepping(step).map(largest)
        }),
        words(
            "maximum-from-zero",
            "the search for the maximum starts at 0",
            "In a window of negative numbers the maximum is negative. Start from the first value, or from -infinity.",
            "What is the maximum of a window of negative numbers?",
            NOTES,
        )
        .when(|arguments| Pool::new(arguments, 0).map(|cells| largest(cells).max(0.0))),
        words(
            "average-for-max",
            "the mean of the window is taken and not its maximum",
            "This layer takes the largest value of a window.",
            "Is every number of your output a number of the input?",
            NOTES,
        )
        .when(|arguments| {
            Pool::new(arguments, 0).map(|cells| cells.iter().map(|(_, x)| x).sum::<f64>() / cells.len() as f64)
        }),
    ],
    ..Exercise::DEFAULTS
};

fn pool_probe(numbers: &mut Numbers, (shape, window, stride): &Size, with_upstream: bool) -> Probe {
    let [n, c, h, w] = *shape;
    // All values differ: equal ones are an edge.
    let mut x = numbers.reals(*shape, -5.0, 9.0);
    if n * c <= 2 {
        x = x.mapv(|x| (x * 4.0).round() / 4.0);
        x.iter_mut().enumerate().for_each(|(at, x)| *x += at as f64 * 0.01);
    }
    let mut arguments = Vec::new();
    if with_upstream {
        let out = [0, 1].map(|axis| ([h, w][axis] - window[axis]) / stride + 1);
        arguments.push(numbers.integers([n, c, out[0], out[1]], 1, 9).into());
    }
    let [height, width] = window.map(|length| Value::Int(length as i64));
    arguments.extend([x.into(), height, width, Value::Int(*stride as i64)]);
    let [kh, kw] = window;
    Probe::ordinary(
        format!("{n} images of {c} channels, {h} by {w}; windows of {kh} by {kw}, stride {stride}"),
        arguments,
    )
}

static MAX_POOL_BACKWARD: Exercise = Exercise {
    id: "max_pool_backward_naive",
    signature: Signature {
        name: "max_pool_backward_naive",
        parameters: &[floats_named("dout", &["N", "C", "H'", "W'"]), X, HEIGHT, WIDTH, STRIDE],
        returns: floats_named("dx", &["N", "C", "H", "W"]),
    },
    probes: || {
        let mut numbers = Numbers::stream(9152);
        let mut probes: Vec<Probe> = SIZES.iter().map(|size| pool_probe(&mut numbers, size, true)).collect();
        let mut tied = pool_probe(&mut numbers, &SIZES[0], true);
        tied.arguments[1] = Value::array(&[1, 1, 2, 4], vec![3.0, 3.0, 1.0, 0.0, 2.0, 3.0, 0.0, 1.0]);
        tied.label = "windows with equal maxima".into();
        tied.difficulty = Difficulty::Hard;
        probes.push(tied);
        probes
    },
    reference: |arguments| Pool::new(arguments, 1).spread(&images(arguments, 0), true, to_first),
    misconceptions: &[
        words(
            "overlap-overwritten",
            "where windows overlap, the last gradient replaces the others",
            "A pixel can be the maximum of several windows. Each brings a gradient, and they add up: +=, not =. The course only \
             tries windows that do not overlap.",
            "What is dx of a pixel that is the maximum of two windows?",
            NOTES,
        )
        .when(|arguments| Pool::new(arguments, 1).spread(&images(arguments, 0), false, to_first)),
        words(
            "stride-ignored",
            "the windows move by one pixel at a time",
            "The window of output (i, j) starts at (i * stride, j * stride), in the backward pass as in the forward pass.",
            "Which window did output (1, 1) see when the stride is 2?",
            NOTES,
        )
        .when(|arguments| Pool::new(arguments, 1).stepping([1, 1]).spread(&images(arguments, 0), true, to_first)),
        words(
            "stride-on-rows-only",
            "the windows move by the stride along rows, but by one pixel along columns",
            "The stride applies to both axes, in the backward pass as in the forward pass.",
            "Which window did output (0, 1) see when the stride is 2?",
            NOTES,
        )
        .when(|arguments| {
            let pool = Pool::new(arguments, 1);
            let step = [pool.windows.step[0], 1];
            pool.stepping(step).spread(&images(arguments, 0), true, to_first)
        }),
        words(
            "gradient-to-whole-window",
            "every pixel of a window gets the gradient",
            "Only the maximum reached the output; the others could have been anything smaller. Their gradient is 0.",
            "Does the output change when a pixel that is not the maximum does?",
            NOTES,
        )
        .when(|arguments| {
            Pool::new(arguments, 1).spread(&images(arguments, 0), true, |cells, gradient| {
                cells.iter().map(|(place, _)| (*place, gradient)).collect()
            })
        }),
        words(
            "average-for-max",
            "the gradient is shared evenly in the window, as in average pooling",
            "Only the maximum reached the output; all of the gradient belongs to it.",
            "Does the output change when a pixel that is not the maximum does?",
            NOTES,
        )
        .when(|arguments| {
            Pool::new(arguments, 1).spread(&images(arguments, 0), true, |cells, gradient| {
                cells.iter().map(|(place, _)| (*place, gradient / cells.len() as f64)).collect()
            })
        }),
    ],
    gradient: Some(GradientCheck {
        forward: "max_pool_forward_naive",
        forward_call: |arguments| ForwardCall {
            arguments: arguments[1..].to_vec(),
            with_respect_to: vec![0],
            upstream: vec![arguments[0].clone()],
        },
    }),
    canonical: Some(any_of_equal_maxima),
    ..Exercise::DEFAULTS
};

pub(in crate::course) fn to_first(cells: &[([usize; 2], f64)], gradient: f64) -> Vec<([usize; 2], f64)> {
    let largest = largest(cells);
    cells.iter().find(|(_, x)| *x == largest).map(|(place, _)| vec![(*place, gradient)]).unwrap_or_default()
}

/// Of equal maxima the first, the last or all may get the gradient: brings each to the first.
fn any_of_equal_maxima(arguments: &[Value], value: Value) -> Value {
    let Value::Array(Array::F64(got)) = &value else { return value };
    let (pool, dout) = (Pool::new(arguments, 1), images(arguments, 0));
    let last = |cells: &[([usize; 2], f64)], gradient: f64| {
        let largest = largest(cells);
        cells.iter().rev().find(|(_, x)| *x == largest).map(|(place, _)| vec![(*place, gradient)]).unwrap_or_default()
    };
    let all = |cells: &[([usize; 2], f64)], gradient: f64| {
        let largest = largest(cells);
        cells.iter().filter(|(_, x)| *x == largest).map(|(place, _)| (*place, gradient)).collect()
    };
    let equals = |outcome: &Outcome| {
        matches!(outcome, Outcome::Value(Value::Array(Array::F64(other)))
            if other.shape() == got.shape() && other.iter().zip(got).all(|(a, b)| (a - b).abs() < 1e-9))
    };
    let accepted = [pool.spread(&dout, true, last), pool.spread(&dout, true, all)];
    match (accepted.iter().any(equals), pool.spread(&dout, true, to_first)) {
        (true, Outcome::Value(first)) => first,
        _ => value,
    }
}
