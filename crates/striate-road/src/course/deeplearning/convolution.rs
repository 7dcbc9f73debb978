//! Convolution and pooling step by step (course 4, week 1). The course has the channels last; inputs and results are shown
//! with the channels second, as in the rest of Striate.

use std::sync::LazyLock;

use ndarray::Array4;

use super::super::CourseFunction;
use super::super::cs231n::convolution::{Pool, largest, to_first};
use super::super::mistakes::{self as m, words};
use super::super::road::renamed;
use super::super::values::{
    count, cube, float_named, floats_named, images, int_named, matrix, number, returns, text, text_named,
};
use super::CONVOLUTION;
use crate::check::alike;
use crate::exercise::{Exercise, Outcome, Parameter, Probe, Signature};
use crate::exercises::numbers::Numbers;
use crate::exercises::pooling_receptive_field::windows::Windows;
use crate::value::Value;

pub(super) fn functions() -> Vec<CourseFunction> {
    let f = CourseFunction::new;
    vec![
        f(
            CONVOLUTION,
            &["zero_pad"],
            &ZERO_PAD,
            "return np.moveaxis(np.asarray(f(np.moveaxis(x, 1, 3).copy(), pad)), 3, 1)",
        ),
        f(
            CONVOLUTION,
            &["conv_single_step"],
            &SINGLE_STEP,
            "return float(np.squeeze(f(a_slice_prev, W, np.full((1, 1, 1), b).view(OneNumber))))",
        ),
        f(
            CONVOLUTION,
            &["conv_forward"],
            &FORWARD,
            "W = np.transpose(w, (2, 3, 1, 0)).copy()\n\
             b = b.reshape(1, 1, 1, -1).view(OneNumber)\n\
             Z = f(np.moveaxis(x, 1, 3).copy(), W, b, {'stride': stride, 'pad': pad})[0]\n\
             return np.moveaxis(np.asarray(Z), 3, 1)",
        )
        .needs(&["zero_pad", "conv_single_step"]),
        f(
            CONVOLUTION,
            &["pool_forward"],
            &POOL,
            "return np.moveaxis(np.asarray(f(np.moveaxis(x, 1, 3).copy(), {'f': size, 'stride': stride}, mode)[0]), 3, 1)",
        ),
        f(
            CONVOLUTION,
            &["conv_backward"],
            &BACKWARD,
            "W, b = np.transpose(w, (2, 3, 1, 0)).copy(), np.zeros((1, 1, 1, len(w)))\n\
             cache = (np.moveaxis(x, 1, 3).copy(), W, b, {'stride': stride, 'pad': pad})\n\
             dA, dW, db = f(np.moveaxis(dout, 1, 3).copy(), cache)\n\
             return np.moveaxis(np.asarray(dA), 3, 1), np.transpose(np.asarray(dW), (3, 2, 0, 1)), np.asarray(db).reshape(-1)",
        )
        .needs(&["zero_pad"]),
        f(CONVOLUTION, &["create_mask_from_window"], &MASK, "return np.asarray(f(x), dtype=float)"),
        f(CONVOLUTION, &["distribute_value"], &DISTRIBUTE, "return np.asarray(f(dz, (rows, columns)), dtype=float)"),
        f(
            CONVOLUTION,
            &["pool_backward"],
            &POOL_BACKWARD,
            "cache = (np.moveaxis(x, 1, 3).copy(), {'f': size, 'stride': stride})\n\
             return np.moveaxis(np.asarray(f(np.moveaxis(dA, 1, 3).copy(), cache, mode)), 3, 1)",
        )
        .needs(&["create_mask_from_window", "distribute_value"]),
    ]
}

const NOTES: (&str, &str) = ("dls-c4", "W1 assignment Convolution model step by step");

/// `[N, C, H, W]`, filters, window, stride, padding: the windows of this course are square.
const SIZES: &[([usize; 4], usize, usize, usize, usize)] = &[
    ([1, 1, 3, 4], 1, 2, 1, 0),
    ([1, 2, 4, 5], 3, 3, 2, 1),
    ([2, 3, 5, 7], 4, 2, 2, 0),
    ([2, 3, 7, 5], 2, 2, 3, 2),
    ([3, 2, 5, 6], 4, 3, 1, 1),
];

fn convolutions(stream: u64, with_upstream: bool) -> Vec<Probe> {
    let mut numbers = Numbers::stream(stream);
    let mut probes = Vec::new();
    for &([n, c, h, w], filters, size, stride, pad) in SIZES {
        let out = [h, w].map(|length| (length + 2 * pad - size) / stride + 1);
        let mut call: Vec<Value> = Vec::new();
        if with_upstream {
            call.push(numbers.integers([n, filters, out[0], out[1]], -3, 5).into());
        }
        call.push(numbers.integers([n, c, h, w], -3, 5).into());
        call.push(numbers.reals([filters, c, size, size], -2.0, 2.0).into());
        if !with_upstream {
            call.push(numbers.integers([filters], 1, 9).into());
        }
        call.extend([Value::Int(stride as i64), Value::Int(pad as i64)]);
        let label =
            format!("{n} images of {c} channels, {h} by {w}; windows of {size}, stride {stride}, padding {pad}");
        probes.push(Probe::ordinary(label, call));
    }
    probes
}

/// An exercise of the road with square windows, without the mistakes that these cannot show.
fn square(name: &'static str, id: &str, probes: fn() -> Vec<Probe>) -> Exercise {
    let exercise = renamed(name, id, probes);
    let tried = probes();
    let mut mistakes = exercise.misconceptions.to_vec();
    mistakes.retain(|mistake| {
        let differs = |probe: &Probe| {
            let wrong = exercise.outcome(mistake.behaviour, &probe.arguments);
            !alike(&exercise.expected(&probe.arguments), &wrong, &exercise.tolerance)
        };
        tried.iter().any(differs)
    });
    Exercise { misconceptions: Vec::leak(mistakes), ..exercise }
}

static FORWARD: LazyLock<Exercise> =
    LazyLock::new(|| square("conv_forward", "conv2d_forward", || convolutions(9241, false)));

static BACKWARD: LazyLock<Exercise> =
    LazyLock::new(|| square("conv_backward", "conv2d_backward", || convolutions(9242, true)));

const X: Parameter = floats_named("x", &["N", "C", "H", "W"]);

static ZERO_PAD: Exercise = Exercise {
    id: "zero_pad",
    signature: Signature {
        name: "zero_pad",
        parameters: &[X, int_named("pad")],
        returns: floats_named("X_pad", &["N", "C", "H+2*pad", "W+2*pad"]),
    },
    probes: || {
        let mut numbers = Numbers::stream(9243);
        [([1, 1, 1, 2], 1), ([2, 3, 2, 4], 2), ([2, 2, 3, 2], 1)]
            .map(|(shape, pad)| {
                let call = vec![numbers.integers(shape, 1, 9).into(), Value::Int(pad)];
                Probe::ordinary(format!("images of shape {shape:?}, padding {pad}"), call)
            })
            .into()
    },
    reference: |arguments| padded(arguments, [0, 0, 1, 1], true, 0.0),
    misconceptions: &[
        words(
            "padding-one-side",
            "all the padding is added at the bottom and on the right",
            "pad zeros belong on each of the four sides: (pad, pad) for both axes.",
            "What is at [0, 0] of the padded image?",
            NOTES,
        )
        .when(|arguments| padded(arguments, [0, 0, 1, 1], false, 0.0)),
        words(
            "padding-on-channel-axis",
            "the channels are padded as well",
            "Pad height and width only: ((0, 0), (pad, pad), (pad, pad), (0, 0)).",
            "How many channels has the padded image?",
            ("numpy", "numpy.pad, argument pad_width"),
        )
        .when(|arguments| padded(arguments, [0, 1, 1, 1], true, 0.0)),
        words(
            "padding-on-batch-axis",
            "the batch axis is padded as well",
            "The first pair of pad_width belongs to the images of the batch, and has to be (0, 0): the others have nothing to \
             learn from an image of zeros.",
            "How many images come back?",
            ("numpy", "numpy.pad, argument pad_width"),
        )
        .when(|arguments| padded(arguments, [1, 0, 1, 1], true, 0.0)),
        words(
            "padding-on-width-only",
            "only the width is padded",
            "Height and width are padded.",
            "How many rows has the padded image?",
            NOTES,
        )
        .when(|arguments| padded(arguments, [0, 0, 0, 1], true, 0.0)),
        words(
            "padding-not-zero",
            "the border is filled with ones",
            "The padding is zeros: constant_values=0.",
            "What is at [0, 0] of the padded image?",
            NOTES,
        )
        .when(|arguments| padded(arguments, [0, 0, 1, 1], true, 1.0)),
    ],
    ..Exercise::DEFAULTS
};

fn padded(arguments: &[Value], axes: [usize; 4], both_sides: bool, value: f64) -> Outcome {
    let (x, pad) = (images(arguments, 0), count(arguments, 1));
    let mut shape = [0; 4];
    (0..4).for_each(|axis| shape[axis] = x.shape()[axis] + 2 * pad * axes[axis]);
    let mut out = Array4::from_elem(shape, value);
    for ((n, c, h, w), &pixel) in x.indexed_iter() {
        let mut at = [n, c, h, w];
        (0..4).for_each(|axis| at[axis] += if both_sides { pad * axes[axis] } else { 0 });
        out[at] = pixel;
    }
    returns(out)
}

static SINGLE_STEP: Exercise = Exercise {
    id: "conv_single_step",
    signature: Signature {
        name: "conv_single_step",
        parameters: &[
            floats_named("a_slice_prev", &["f", "f", "C"]),
            floats_named("W", &["f", "f", "C"]),
            float_named("b"),
        ],
        returns: float_named("Z"),
    },
    probes: || {
        let mut numbers = Numbers::stream(9244);
        [[1, 1, 2], [2, 2, 3], [3, 3, 2]]
            .map(|shape| {
                let call =
                    vec![numbers.integers(shape, -3, 5).into(), numbers.integers(shape, -3, 5).into(), Value::Float(7.0)];
                Probe::ordinary(format!("a window of shape {shape:?}"), call)
            })
            .into()
    },
    reference: |arguments| single(arguments, 1.0),
    misconceptions: &[
        words(
            "bias-per-term",
            "the bias is added inside the sum, once for every weight",
            "The bias shifts the finished sum once. Inside the sum it counts f * f * C times. The course itself had this in its \
             first edition, with expected outputs that belonged to it.",
            "What is Z for a window of zeros?",
            NOTES,
        )
        .when(|arguments| single(arguments, cube(arguments, 0).len() as f64)),
        m::BIAS_MISSING.when(|arguments| single(arguments, 0.0)),
    ],
    ..Exercise::DEFAULTS
};

fn single(arguments: &[Value], biases: f64) -> Outcome {
    let sum = (cube(arguments, 0) * cube(arguments, 1)).sum();
    Outcome::Value(Value::Float(sum + biases * number(arguments, 2)))
}

/// Images, window, stride, mode; upstream first where asked.
fn pools(stream: u64, with_upstream: bool) -> Vec<Probe> {
    let mut numbers = Numbers::stream(stream);
    let mut probes = Vec::new();
    for ([n, c, h, w], size, stride) in
        [([1, 1, 2, 4], 2, 2), ([1, 2, 4, 5], 3, 1), ([2, 3, 5, 7], 2, 1), ([2, 3, 7, 5], 3, 2), ([2, 1, 7, 8], 2, 3)]
    {
        for mode in ["max", "average"] {
            let mut x = numbers.reals([n, c, h, w], -9.0, 5.0);
            x.iter_mut().enumerate().for_each(|(at, x)| *x = (*x * 4.0).round() / 4.0 + at as f64 * 0.001);
            let mut call: Vec<Value> = Vec::new();
            if with_upstream {
                let out = [h, w].map(|length| (length - size) / stride + 1);
                call.push(numbers.integers([n, c, out[0], out[1]], 1, 9).into());
            }
            call.extend([x.into(), Value::Int(size as i64), Value::Int(stride as i64), Value::Text(mode.into())]);
            probes.push(Probe::ordinary(
                format!("{mode} of {n} images of {c} channels, {h} by {w}; windows of {size}, stride {stride}"),
                call,
            ));
        }
    }
    probes
}

fn pool(arguments: &[Value], first: usize) -> Pool {
    let x = images(arguments, first);
    let (size, stride) = (count(arguments, first + 1), count(arguments, first + 2));
    Pool::of(x, Windows::new([size; 2], stride))
}

type Cells<'a> = &'a [([usize; 2], f64)];

fn mean(cells: Cells<'_>) -> f64 {
    cells.iter().map(|(_, x)| x).sum::<f64>() / cells.len() as f64
}

static POOL: Exercise = Exercise {
    id: "pool_forward",
    signature: Signature {
        name: "pool_forward",
        parameters: &[X, int_named("size"), int_named("stride"), text_named("mode")],
        returns: floats_named("A", &["N", "C", "H'", "W'"]),
    },
    probes: || pools(9245, false),
    reference: |arguments| pooled(arguments, pool(arguments, 0), largest, mean),
    misconceptions: &[
        words(
            "stride-ignored",
            "the windows move by one pixel at a time",
            "Output (h, w) looks at the window that starts at (h * stride, w * stride).",
            "Where does the window of output (1, 1) start when the stride is 2?",
            NOTES,
        )
        .when(|arguments| pooled(arguments, pool(arguments, 0).stepping([1, 1]), largest, mean)),
        words(
            "modes-exchanged",
            "maximum and average are exchanged",
            "mode says which of the two is asked for.",
            "Is every number of your max pooling a number of the input?",
            NOTES,
        )
        .when(|arguments| pooled(arguments, pool(arguments, 0), mean, largest)),
        words(
            "average-not-divided",
            "average pooling adds up and does not divide",
            "The average is the sum divided by f * f.",
            "What is the average of a window of ones?",
            NOTES,
        )
        .when(|arguments| pooled(arguments, pool(arguments, 0), largest, |cells| cells.iter().map(|(_, x)| x).sum())),
        words(
            "maximum-from-zero",
            "the search for the maximum starts at 0",
            "In a window of negative numbers the maximum is negative.",
            "What is the maximum of a window of negative numbers?",
            NOTES,
        )
        .when(|arguments| pooled(arguments, pool(arguments, 0), |cells| largest(cells).max(0.0), mean)),
    ],
    ..Exercise::DEFAULTS
};

fn pooled(arguments: &[Value], pool: Pool, max: fn(Cells<'_>) -> f64, average: fn(Cells<'_>) -> f64) -> Outcome {
    pool.map(if text(arguments, 3) == "max" { max } else { average })
}

static MASK: Exercise = Exercise {
    id: "create_mask_from_window",
    signature: Signature {
        name: "create_mask_from_window",
        parameters: &[floats_named("x", &["f", "f"])],
        returns: floats_named("mask", &["f", "f"]),
    },
    probes: || {
        let mut numbers = Numbers::stream(9246);
        let mut probes: Vec<Probe> = [[1, 2], [2, 3], [3, 3]]
            .map(|shape| {
                Probe::ordinary(format!("a window of shape {shape:?}"), vec![numbers.reals(shape, -5.0, 5.0).into()])
            })
            .into();
        let negative = Value::array(&[2, 2], vec![-3.0, -1.0, -2.0, -4.0]);
        probes.push(Probe::ordinary("a window of negative numbers", vec![negative]));
        probes
    },
    reference: |arguments| masked(arguments, |x, largest, _| f64::from(x == largest)),
    misconceptions: &[
        words(
            "values-for-mask",
            "the maximum itself is returned in its place, and not 1",
            "A mask holds True or False: x == np.max(x).",
            "Is every number of your mask 0 or 1?",
            NOTES,
        )
        .when(|arguments| masked(arguments, |x, largest, _| if x == largest { x } else { 0.0 })),
        words(
            "minimum-for-maximum",
            "the smallest value is marked",
            "The gradient goes to the largest value of the window.",
            "Which value of the window reached the output?",
            NOTES,
        )
        .when(|arguments| masked(arguments, |x, _, smallest| f64::from(x == smallest))),
        words(
            "mask-inverted",
            "everything but the maximum is marked",
            "True stands where the maximum is.",
            "How many True should there be?",
            NOTES,
        )
        .when(|arguments| masked(arguments, |x, largest, _| f64::from(x != largest))),
        words(
            "positive-marked",
            "the positive values are marked",
            "Compare with the window's maximum and not with 0.",
            "What do you mark in a window of negative numbers?",
            NOTES,
        )
        .when(|arguments| masked(arguments, |x, _, _| f64::from(x > 0.0))),
    ],
    ..Exercise::DEFAULTS
};

fn masked(arguments: &[Value], of: fn(f64, f64, f64) -> f64) -> Outcome {
    let x = matrix(arguments, 0);
    let largest = x.fold(f64::NEG_INFINITY, |a, &b| a.max(b));
    let smallest = x.fold(f64::INFINITY, |a, &b| a.min(b));
    returns(x.mapv(|x| of(x, largest, smallest)))
}

static DISTRIBUTE: Exercise = Exercise {
    id: "distribute_value",
    signature: Signature {
        name: "distribute_value",
        parameters: &[float_named("dz"), int_named("rows"), int_named("columns")],
        returns: floats_named("a", &["rows", "columns"]),
    },
    probes: || {
        [(2.0, 2, 2), (7.0, 2, 3), (-3.0, 1, 4)]
            .map(|(dz, rows, columns)| {
                let call = vec![Value::Float(dz), Value::Int(rows), Value::Int(columns)];
                Probe::ordinary(format!("{dz} on {rows} by {columns} cells"), call)
            })
            .into()
    },
    reference: |arguments| distributed(arguments, |dz, rows, columns| dz / (rows * columns)),
    misconceptions: &[
        words(
            "average-not-divided",
            "every cell gets the whole value",
            "Each cell had a share of 1 / (n_H * n_W) in the average, and gets that share of the gradient.",
            "What should the cells add up to?",
            NOTES,
        )
        .when(|arguments| distributed(arguments, |dz, _, _| dz)),
        words(
            "divided-by-perimeter",
            "the value is divided by n_H + n_W",
            "Sides add up around a window; cells multiply: there are n_H * n_W of them.",
            "How many cells has a window of 2 by 3?",
            NOTES,
        )
        .when(|arguments| distributed(arguments, |dz, rows, columns| dz / (rows + columns))),
        words(
            "divided-by-rows-only",
            "the value is divided by the number of rows only",
            "There are n_H * n_W cells.",
            "How many cells has a window of 2 by 3?",
            NOTES,
        )
        .when(|arguments| distributed(arguments, |dz, rows, _| dz / rows)),
    ],
    ..Exercise::DEFAULTS
};

fn distributed(arguments: &[Value], share: fn(f64, f64, f64) -> f64) -> Outcome {
    let (rows, columns) = (count(arguments, 1), count(arguments, 2));
    let share = share(number(arguments, 0), rows as f64, columns as f64);
    returns(ndarray::Array2::from_elem((rows, columns), share))
}

static POOL_BACKWARD: Exercise = Exercise {
    id: "pool_backward",
    signature: Signature {
        name: "pool_backward",
        parameters: &[
            floats_named("dA", &["N", "C", "H'", "W'"]),
            X,
            int_named("size"),
            int_named("stride"),
            text_named("mode"),
        ],
        returns: floats_named("dA_prev", &["N", "C", "H", "W"]),
    },
    probes: || pools(9247, true),
    reference: |arguments| spread(arguments, pool(arguments, 1), true, evenly),
    misconceptions: &[
        words(
            "stride-ignored",
            "the windows move by one pixel at a time in the backward pass",
            "The gradient of output (h, w) belongs to the window that starts at (h * stride, w * stride): vert_start = h * \
             stride. Notebooks with vert_start = h are all over the net, since the course's check has stride 1.",
            "Which window did output (1, 1) see when the stride is 2?",
            NOTES,
        )
        .when(|arguments| spread(arguments, pool(arguments, 1).stepping([1, 1]), true, evenly)),
        words(
            "overlap-overwritten",
            "where windows overlap, the last gradient replaces the others",
            "A pixel can be in several windows. Each brings a gradient, and they add up: +=, not =.",
            "What is the gradient of a pixel that is in two windows?",
            NOTES,
        )
        .when(|arguments| spread(arguments, pool(arguments, 1), false, evenly)),
        words(
            "average-not-divided",
            "average pooling gives every cell the whole gradient",
            "Each cell had a share of 1 / (f * f) in the average.",
            "What should the shares of one window add up to?",
            NOTES,
        )
        .when(|arguments| {
            spread(arguments, pool(arguments, 1), true, |cells, gradient| {
                cells.iter().map(|(place, _)| (*place, gradient)).collect()
            })
        }),
    ],
    ..Exercise::DEFAULTS
};

type Shares = Vec<([usize; 2], f64)>;

fn evenly(cells: Cells<'_>, gradient: f64) -> Shares {
    cells.iter().map(|(place, _)| (*place, gradient / cells.len() as f64)).collect()
}

/// The gradient to the maxima, or as `average` shares it.
fn spread(arguments: &[Value], pool: Pool, add: bool, average: fn(Cells<'_>, f64) -> Shares) -> Outcome {
    let dout = images(arguments, 0);
    pool.spread(&dout, add, if text(arguments, 4) == "max" { to_first } else { average })
}
