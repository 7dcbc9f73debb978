//! `median_filter`: the middle of the neighbourhood, where linear filters end.

use ndarray::{Array2, ArrayView2, Ix2, array, s};
use striate_image::filter::{self, Border};

use crate::exercise::{Exercise, Misconception, Outcome, Probe, Property, Signature};
use crate::exercises::arguments::{f64_array, floats, int, int_named, rejects, returns};
use crate::exercises::numbers::Numbers;
use crate::exercises::worked::short;
use crate::value::Value;

/// The exercise.
pub static MEDIAN_FILTER: Exercise = Exercise {
    id: "median_filter",
    station: "separable-borders",
    task: "Replace every pixel by the median of the 2 * r + 1 by 2 * r + 1 window around it.\n\
           Outside the image lies its reflection, with the outermost pixel repeated: b a | a b c | c b;\n\
           if the window is larger than that, the reflection is reflected again.\n\
           Refuse a negative r with an error.",
    signature: Signature {
        name: "median_filter",
        parameters: &[
            f64_array("img", &["H", "W"], "grey image"),
            int_named("r", "radius of the window in pixels, 0 or more"),
        ],
        returns: f64_array("out", &["H", "W"], "the filtered image"),
    },
    probes,
    reference,
    misconceptions: MISCONCEPTIONS,
    worked: Some(worked),
    properties: &[Property { title: "has no value that the image does not have", violated: value_invented }],
    hints: &[
        "Take a single white pixel on black and r = 1: what should be left of it, and what is left in your result?",
        "Extend the image by r with the rule \"reflect\" of pad2d. The window of pixel (i, j) is then padded[i : i + 2r + 1, \
         j : j + 2r + 1]. Sort its values; the middle one has index (number of values) // 2. In NumPy, \
         np.lib.stride_tricks.sliding_window_view gives all windows at once.",
        "The row [9 1 2 0] with r = 1. Its rows above and below are reflections, so every value counts three times and the \
         median of the window is that of three neighbours in the extended row 9 9 1 2 0 0:\n\
         median(9 9 1) = 9, median(9 1 2) = 2, median(1 2 0) = 1, median(2 0 0) = 0.",
    ],
    ..Exercise::DEFAULTS
};

fn probes() -> Vec<Probe> {
    let mut numbers = Numbers::stream(1221);
    let mut impulse = Array2::zeros((5, 6));
    impulse[[2, 3]] = 255.0;
    let mut step = Array2::from_elem((4, 7), 20.0);
    step.slice_mut(s![.., 3..]).fill(200.0);
    let mut salted = numbers.integers([7, 9], 90, 110);
    for (place, value) in
        [([0, 0], 255.0), ([1, 4], 0.0), ([3, 2], 255.0), ([4, 7], 0.0), ([6, 8], 255.0), ([5, 5], 0.0)]
    {
        salted[place] = value;
    }
    let ordinary: Vec<(&str, Array2<f64>, i64)> = vec![
        ("a row of four pixels, r = 1", array![[9.0, 1.0, 2.0, 0.0]], 1),
        ("a white pixel on black, r = 1", impulse, 1),
        ("a step, r = 1", step, 1),
        ("a 3 by 4 image, r = 1", numbers.integers([3, 4], 0, 99), 1),
        ("a 5 by 4 image, r = 2", numbers.integers([5, 4], 0, 99), 2),
        ("salt and pepper on 7 by 9 pixels, r = 1", salted, 1),
        ("a 7 by 6 image of fractions, r = 2", numbers.reals([7, 6], -1.0, 1.0), 2),
    ];
    let hard: Vec<(&str, Array2<f64>, i64)> = vec![
        ("r = 0: the image itself", numbers.integers([3, 2], 0, 99), 0),
        ("a single pixel", array![[7.0]], 2),
        ("a window larger than the image", numbers.integers([2, 3], 0, 99), 4),
        ("many equal values", numbers.integers([6, 5], 0, 1), 1),
        ("values of very different size", array![[1e300, -1e300, 0.0], [1e-300, 5.0, -2.0]], 1),
        ("a negative r", numbers.integers([3, 4], 0, 99), -1),
    ];
    let probe = |(label, image, r): (&str, Array2<f64>, i64)| (label.to_string(), vec![image.into(), Value::Int(r)]);
    let ordinary = ordinary.into_iter().map(probe).map(|(label, arguments)| Probe::ordinary(label, arguments));
    let hard = hard.into_iter().map(probe).map(|(label, arguments)| Probe::hard(label, arguments));
    ordinary.chain(hard).collect()
}

/// A result from image and radius of a call that is not to be refused.
fn accepted(arguments: &[Value], result: impl FnOnce(ArrayView2<'_, f64>, usize) -> Array2<f64>) -> Outcome {
    match usize::try_from(int(arguments, 1)) {
        Ok(r) => returns(result(floats::<Ix2>(arguments, 0), r)),
        Err(_) => rejects("r must not be negative"),
    }
}

fn with_border(arguments: &[Value], border: Border) -> Outcome {
    accepted(arguments, |image, r| filter::median_filter(image, 2 * r + 1, border).expect("the size is odd"))
}

fn reference(arguments: &[Value]) -> Outcome {
    with_border(arguments, Border::Reflect)
}

fn value_invented(arguments: &[Value], result: &Value) -> Option<String> {
    let image = floats::<Ix2>(arguments, 0);
    let out = result.as_array()?.to_f64();
    out.iter()
        .find(|value| !image.iter().any(|x| x == *value))
        .map(|value| format!("{value} occurs in no pixel of img"))
}

/// A result from what becomes of the sorted values of the window that reaches `before` and `after` the pixel.
fn windows(image: ArrayView2<'_, f64>, [before, after]: [[usize; 2]; 2], value: impl Fn(&[f64]) -> f64) -> Array2<f64> {
    let [rows, columns] = [0, 1].map(|axis| [before[axis], after[axis]]);
    let padded = filter::pad(image, rows, columns, Border::Reflect).expect("the image has pixels");
    Array2::from_shape_fn(image.dim(), |(i, j)| {
        let window = padded.slice(s![i..i + before[0] + after[0] + 1, j..j + before[1] + after[1] + 1]);
        value(&sorted(window.iter().copied()))
    })
}

fn sorted(values: impl Iterator<Item = f64>) -> Vec<f64> {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values
}

/// The median as NumPy defines it: the mean of the two in the middle, if there are two; not a number of nothing.
fn median(sorted: &[f64]) -> f64 {
    let count = sorted.len();
    match count {
        0 => f64::NAN,
        _ if count.is_multiple_of(2) => (sorted[count / 2 - 1] + sorted[count / 2]) / 2.0,
        _ => sorted[count / 2],
    }
}

fn along_rows(image: ArrayView2<'_, f64>, r: usize) -> Array2<f64> {
    windows(image, [[0, r]; 2], median)
}

/// The window of one pixel, sorted.
fn worked(arguments: &[Value], _: usize, at: usize) -> Option<String> {
    let (image, r) = (floats::<Ix2>(arguments, 0), usize::try_from(int(arguments, 1)).ok()?);
    if r > 2 {
        return None;
    }
    let (i, j) = (at / image.ncols(), at % image.ncols());
    let padded = filter::pad(image, [r, r], [r, r], Border::Reflect).ok()?;
    let values = sorted(padded.slice(s![i..i + 2 * r + 1, j..j + 2 * r + 1]).iter().copied());
    let text: Vec<String> = values.iter().map(|value| short(*value)).collect();
    let middle = values.len() / 2;
    Some(format!("{} (the middle of {}, {} below and {} above it)", text[middle], text.join(" "), middle, middle))
}

const MISCONCEPTIONS: &[Misconception] = &[
    Misconception {
        id: "mean-where-median",
        title: "the mean of the window is taken",
        explanation: "The mean is a linear filter: a white pixel on black is spread over nine and not removed, and a step becomes \
                      a ramp. The median asks for the middle of the sorted values; one wild value does not move it.",
        question: "What does your filter leave of a single white pixel on black?",
        see: ("gonzalez-dip", "3.6 Smoothing spatial filters"),
        behaviour: |arguments| {
            accepted(arguments, |image, r| {
                windows(image, [[r, r]; 2], |values| values.iter().sum::<f64>() / values.len() as f64)
            })
        },
    },
    Misconception {
        id: "window-one-short",
        title: "the window ends one pixel too early: 2 r rows and columns in place of 2 r + 1",
        explanation: "A slice i - r : i + r stops before i + r. The window is not centred, and it holds an even number of \
                      values, so that the median is the mean of two. The end is i + r + 1.",
        question: "How many numbers are there from -r to r, both included?",
        see: ("ud810", "2A-L3 (lesson 4) Linearity and convolution"),
        behaviour: |arguments| {
            accepted(arguments, |image, r| match r {
                0 => Array2::from_elem(image.dim(), f64::NAN),
                _ => windows(image, [[r, r], [r - 1, r - 1]], median),
            })
        },
    },
    Misconception {
        id: "border-shrunk",
        title: "at the border the window is cut to what lies inside the image",
        explanation: "A corner pixel with r = 1 then has a window of four, whose median is the mean of two. It is a \
                      possible rule, but not the one that is asked for: outside lies the reflection.",
        question: "How many values does the window of the top left pixel hold?",
        see: ("szeliski", "3.2 Linear filtering"),
        behaviour: |arguments| {
            accepted(arguments, |image, r| {
                let (height, width) = image.dim();
                Array2::from_shape_fn((height, width), |(i, j)| {
                    let rows = i.saturating_sub(r)..(i + r + 1).min(height);
                    let columns = j.saturating_sub(r)..(j + r + 1).min(width);
                    median(&sorted(image.slice(s![rows, columns]).iter().copied()))
                })
            })
        },
    },
    Misconception {
        id: "border-zeros",
        title: "zeros lie outside the image",
        explanation: "In a corner more than half of the window are then zeros, and so is their median: black corners. The \
                      task asks for the reflection; np.pad fills with zeros unless told otherwise.",
        question: "What is the top left pixel of your result for an image that is 100 everywhere?",
        see: ("szeliski", "3.2 Linear filtering"),
        behaviour: |arguments| with_border(arguments, Border::Constant(0.0)),
    },
    Misconception {
        id: "border-mirrored",
        title: "the image is mirrored without repeating its outermost pixel: c b | a b c | b a",
        explanation: "NumPy's pad mode \"reflect\" is this one; the rule of the task is NumPy's \"symmetric\": b a | a b c | c b.",
        question: "What stands left of a row that begins 1 2 3: 2, or 1?",
        see: ("numpy", "numpy.pad, modes reflect and symmetric"),
        behaviour: |arguments| with_border(arguments, Border::Mirror),
    },
    Misconception {
        id: "border-replicated",
        title: "the outermost pixel is repeated for ever",
        explanation: "That is the rule \"replicate\", and OpenCV's for its median. For r = 1 it is the same as reflecting; from \
                      r = 2 on, the reflection goes back into the image.",
        question: "Have you compared the two rules for r = 2?",
        see: ("szeliski", "3.2 Linear filtering"),
        behaviour: |arguments| with_border(arguments, Border::Replicate),
    },
    Misconception {
        id: "border-wraps",
        title: "what leaves the image on one side comes in again on the other",
        explanation: "img[-1] is the last row in NumPy, and np.roll wraps too, so the top border sees the bottom. Extend the \
                      image first; then no index is negative.",
        question: "What does img[-1] mean in your language?",
        see: ("gonzalez-dip", "3.5 Basics of spatial filtering"),
        behaviour: |arguments| with_border(arguments, Border::Wrap),
    },
    Misconception {
        id: "border-unfiltered",
        title: "pixels whose window hangs over the border are copied from the image",
        explanation: "Noise at the border then stays. The window of those pixels reaches into the reflection.",
        question: "Is a white pixel in the corner of a black image removed?",
        see: ("szeliski", "3.2 Linear filtering"),
        behaviour: |arguments| {
            accepted(arguments, |image, r| {
                let (height, width) = image.dim();
                let mut out = filter::median_filter(image, 2 * r + 1, Border::Reflect).expect("the size is odd");
                for ((i, j), value) in out.indexed_iter_mut() {
                    if i < r || j < r || i + r >= height || j + r >= width {
                        *value = image[[i, j]];
                    }
                }
                out
            })
        },
    },
    Misconception {
        id: "median-separated",
        title: "the median is taken along the rows first, and then along the columns of the result",
        explanation: "Sums can be split into two passes, medians cannot: the median of medians is another number. It is fast \
                      and often near, and it is not what is asked for.",
        question: "Is the median a linear operation?",
        see: ("szeliski", "3.3.1 Non-linear filtering"),
        behaviour: |arguments| {
            accepted(arguments, |image, r| {
                let rows = along_rows(image, r);
                along_rows(rows.t(), r).reversed_axes()
            })
        },
    },
    Misconception {
        id: "one-axis-only",
        title: "the window runs along the row only",
        explanation: "A neighbourhood has two dimensions: the window has 2 r + 1 rows and 2 r + 1 columns.",
        question: "Does a pixel in the row above have any influence on your result?",
        see: ("gonzalez-dip", "3.6 Smoothing spatial filters"),
        behaviour: |arguments| accepted(arguments, along_rows),
    },
    Misconception {
        id: "middle-off-by-one",
        title: "the sorted value after the middle one is taken",
        explanation: "Counting from 1, the middle of nine is number 5; counting from 0 it is number 4, that is 9 // 2. One too far \
                      brightens the whole image.",
        question: "With nine values, how many should be smaller than the median and how many larger?",
        see: ("gonzalez-dip", "3.6 Smoothing spatial filters"),
        behaviour: |arguments| {
            if int(arguments, 1) == 0 {
                return rejects("a single value has no index 1");
            }
            accepted(arguments, |image, r| windows(image, [[r, r]; 2], |values| values[values.len() / 2 + 1]))
        },
    },
    Misconception {
        id: "center-left-out",
        title: "the pixel itself is not counted among its neighbours",
        explanation: "The window includes its centre. Without it eight values are left, and the median is the mean of two.",
        question: "How many values does your window hold for r = 1?",
        see: ("gonzalez-dip", "3.6 Smoothing spatial filters"),
        behaviour: |arguments| {
            accepted(arguments, |image, r| {
                let padded = filter::pad(image, [r, r], [r, r], Border::Reflect).expect("the image has pixels");
                let size = 2 * r + 1;
                Array2::from_shape_fn(image.dim(), |(i, j)| {
                    let window = padded.slice(s![i..i + size, j..j + size]);
                    let others = window.indexed_iter().filter(|(place, _)| *place != (r, r));
                    median(&sorted(others.map(|(_, &value)| value)))
                })
            })
        },
    },
    Misconception {
        id: "written-in-place",
        title: "the result is written into the image that is still being read",
        explanation: "Pixels above and to the left are read after they were replaced, so a part of the image is filtered again \
                      and again. Write into a new array.",
        question: "When you compute pixel (1, 1), are its neighbours above still those of the input?",
        see: ("gonzalez-dip", "3.5 Basics of spatial filtering"),
        behaviour: |arguments| {
            accepted(arguments, |image, r| {
                let mut padded = filter::pad(image, [r, r], [r, r], Border::Reflect).expect("the image has pixels");
                let (size, (height, width)) = (2 * r + 1, image.dim());
                for i in 0..height {
                    for j in 0..width {
                        let window = padded.slice(s![i..i + size, j..j + size]);
                        padded[[i + r, j + r]] = median(&sorted(window.iter().copied()));
                    }
                }
                padded.slice(s![r..r + height, r..r + width]).to_owned()
            })
        },
    },
];
