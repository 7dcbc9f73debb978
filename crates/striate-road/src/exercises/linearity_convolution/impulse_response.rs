//! `impulse_response`: reading a filter off its answer to a single bright pixel.

use ndarray::{Array2, ArrayD, ArrayView2, Ix2, array, s};
use striate_image::filter::{self, Border, Mode};

use crate::exercise::{Exercise, Kind, Misconception, Outcome, Parameter, Probe, Signature};
use crate::exercises::arguments::{callback, count, f64_array, int_named, returns};
use crate::value::{Array, Callback, Value};

/// The exercise.
pub static IMPULSE_RESPONSE: Exercise = Exercise {
    id: "impulse_response",
    station: "linearity-convolution",
    task: "op is a linear, shift invariant filter whose kernel you do not see. Find it: return the response of op\n\
           to an impulse (a single pixel of 1 in an image of 0), cut to the 2 * radius + 1 rows and columns around\n\
           the impulse. Convolution with what you return must do what op does.\n\
           op takes and returns an image of 2 axes of any size. Near the border of the image it follows a rule of\n\
           its own, up to 2 * radius + 1 pixels deep: keep the border away from what you return.",
    signature: Signature {
        name: "impulse_response",
        parameters: &[
            Parameter { name: "op", kind: Kind::Function, meaning: "the filter, called as op(image)" },
            int_named("radius", "rows and columns to return on each side of the impulse, 0 or more"),
        ],
        returns: f64_array("response", &["2*radius+1", "2*radius+1"], "what one bright pixel becomes"),
    },
    probes,
    reference,
    misconceptions: MISCONCEPTIONS,
    hints: &[
        "Where in your image does the 1 stand, and how far is it to the nearest border?",
        "Take an image with room: 2 * radius + 1 pixels of margin around the window you return. Put 1 into its centre, \
         call op, and cut out radius pixels on each side of the same centre. Return it as it comes, without turning it.",
        "In one row: op correlates with k = [1 2 3], radius 1. The impulse 0 0 0 0 1 0 0 0 0 becomes 0 0 0 3 2 1 0 0 0, \
         so the answer is [3 2 1]. It is k turned round, and rightly so: convolving with [3 2 1] is correlating with \
         [1 2 3].",
    ],
    ..Exercise::DEFAULTS
};

fn probes() -> Vec<Probe> {
    let asymmetric = array![[1.0, 2.0, 3.0], [4.0, 5.0, 6.0], [7.0, 8.0, 9.0]];
    let large = Array2::from_shape_fn((5, 5), |(i, j)| ((3 * i + 7 * j) % 11) as f64 - 2.0);
    let derivative = array![[0.0, 0.0, 0.0], [-0.5, 0.0, 0.5], [0.0, 0.0, 0.0]];
    let mut corner = Array2::zeros((5, 5));
    corner[[0, 3]] = 1.0;
    let ordinary = [
        ("a 3 by 3 filter, zeros outside", asymmetric.clone(), Border::Constant(0.0), 1),
        ("a 5 by 5 filter, zeros outside", large.clone(), Border::Constant(0.0), 2),
        ("a derivative", derivative.clone(), Border::Replicate, 1),
        ("a 3 by 3 filter seen with radius 2", asymmetric.clone(), Border::Reflect, 2),
    ];
    let hard = [
        ("a shift that wraps around", corner, Border::Wrap, 2),
        ("a 5 by 5 filter that mirrors the border, cut to radius 1", large.clone(), Border::Reflect, 1),
        ("a 5 by 5 filter that wraps around, cut to radius 1", large, Border::Wrap, 1),
        ("radius 0: the weight of the pixel itself", asymmetric, Border::Replicate, 0),
    ];
    let arguments =
        |kernel: Array2<f64>, border: Border, radius: i64| vec![filter_function(kernel, border), Value::Int(radius)];
    let mut probes = Vec::new();
    for (label, kernel, border, radius) in ordinary {
        probes.push(Probe::ordinary(label, arguments(kernel, border, radius)));
    }
    for (label, kernel, border, radius) in hard {
        probes.push(Probe::hard(label, arguments(kernel, border, radius)));
    }
    probes
}

/// Correlation with a hidden kernel.
fn filter_function(kernel: Array2<f64>, border: Border) -> Value {
    Value::function("op", move |image: &ArrayD<f64>| {
        let view = image.view().into_dimensionality::<Ix2>();
        let view = view.unwrap_or_else(|_| image.view().into_shape_with_order((1, image.len())).expect("one row"));
        filter::correlate2d(view, kernel.view(), Mode::Same, border).map_or_else(|_| image.clone(), Array2::into_dyn)
    })
}

/// The answer of `op` to `image`.
fn apply(op: &Callback, image: ArrayView2<'_, f64>) -> Array2<f64> {
    match (op.call)(&[Value::from(image.to_owned())]) {
        Value::Array(Array::F64(out)) => out.into_dimensionality().expect("op keeps the number of axes"),
        other => panic!("op returned {other:?}"),
    }
}

/// The window of `radius` around `window` of the answer to an impulse at `impulse` in an image of `size`.
fn response(op: &Callback, size: usize, impulse: usize, window: usize, radius: usize) -> Array2<f64> {
    let mut image = Array2::zeros((size, size));
    image[[impulse, impulse]] = 1.0;
    let out = apply(op, image.view());
    out.slice(s![window - radius..=window + radius, window - radius..=window + radius]).to_owned()
}

/// The right response, as `change` sees it.
fn changed(arguments: &[Value], change: impl FnOnce(Array2<f64>) -> Array2<f64>) -> Outcome {
    let radius = count(arguments, 1);
    let center = 3 * radius + 1;
    returns(change(response(callback(arguments, 0), 2 * center + 1, center, center, radius)))
}

fn reference(arguments: &[Value]) -> Outcome {
    changed(arguments, |response| response)
}

const MISCONCEPTIONS: &[Misconception] = &[
    Misconception {
        id: "impulse-off-center",
        title: "the window that is cut out is centred one pixel below and to the right of the impulse",
        explanation: "The response is all there, but shifted: convolving with it would shift every image. In an image of \
                      n pixels (n odd) the centre is n // 2, counted from 0.",
        question: "For op = identity, where in your answer does the 1 stand?",
        see: ("ud810", "2A-L3 (lesson 4) Linearity and convolution"),
        behaviour: |arguments| {
            let radius = count(arguments, 1);
            let center = 3 * radius + 1;
            returns(response(callback(arguments, 0), 2 * center + 2, center, center + 1, radius))
        },
    },
    Misconception {
        id: "impulse-in-corner",
        title: "the impulse stands in the top left corner of the image",
        explanation: "Three quarters of the response fall outside, and the border rule mixes in. Put the impulse into the \
                      middle of an image with room on all sides.",
        question: "How much of the response lies above and to the left of the impulse, and is there room for it?",
        see: ("ud810", "2A-L3 (lesson 4) Linearity and convolution"),
        behaviour: |arguments| {
            let radius = count(arguments, 1);
            let size = 6 * radius + 3;
            returns(response(callback(arguments, 0), size, 0, radius, radius))
        },
    },
    Misconception {
        id: "border-too-near",
        title: "the image is only as large as the window that is returned",
        explanation: "A filter that reaches further than the window meets the border, and what the border rule mirrors \
                      or wraps falls back into the answer. Leave a margin of at least 2 radius + 1 around the window.",
        question: "What does an op that wraps around at the border do to an impulse in a 3 by 3 image?",
        see: ("szeliski", "3.2 Linear filtering"),
        behaviour: |arguments| {
            let radius = count(arguments, 1);
            returns(response(callback(arguments, 0), 2 * radius + 1, radius, radius, radius))
        },
    },
    Misconception {
        id: "kernel-flipped",
        title: "the response is turned by 180 degrees before it is returned",
        explanation: "Turned, it is the kernel to correlate with. The impulse response itself is the kernel to convolve \
                      with: it comes out of op ready to use.",
        question: "Convolve an impulse with your answer: do you get what op gives?",
        see: ("dlbook", "9.1 The convolution operation"),
        behaviour: |arguments| changed(arguments, |response| response.slice_move(s![..;-1, ..;-1])),
    },
    Misconception {
        id: "axes-swapped",
        title: "rows and columns of the response change places",
        explanation: "The first index of an image is the row. Somewhere x and y are swapped: image[x, y] in place of \
                      image[y, x].",
        question: "If op shifts the image down by one, in which direction does your response point?",
        see: ("szeliski", "3.2 Linear filtering"),
        behaviour: |arguments| changed(arguments, Array2::reversed_axes),
    },
    Misconception {
        id: "impulse-not-one",
        title: "the impulse has height 255 and the response is not divided by it",
        explanation: "op is linear, so an impulse of 255 gives 255 times the kernel. Use 1, or divide by what you used.",
        question: "What is the sum of your response for a blur that keeps the mean brightness?",
        see: ("gonzalez-dip", "2.6 Linear and nonlinear operations"),
        behaviour: |arguments| changed(arguments, |response| response * 255.0),
    },
    Misconception {
        id: "response-normalized",
        title: "the response is divided by its sum",
        explanation: "That is right for smoothing kernels only, whose weights sum to 1 anyway. The weights of a derivative \
                      sum to 0, and a filter may well amplify: return the response as it is.",
        question: "What is the sum of the weights of a derivative filter?",
        see: ("szeliski", "3.2 Linear filtering"),
        behaviour: |arguments| {
            changed(arguments, |response| {
                let sum = response.sum();
                response / sum
            })
        },
    },
];
