//! `convolve2d`: the full convolution of image and kernel.

use ndarray::{Array2, ArrayView2, array, s};
use striate_image::filter::{self, Border, Mode};

use crate::exercise::{Exercise, Misconception, Outcome, Probe, Property, Signature};
use crate::exercises::arguments::{f64_array, floats, rejects, returns};
use crate::exercises::numbers::Numbers;
use crate::exercises::worked::{products, short};
use crate::value::Value;

/// The exercise.
pub static CONVOLVE2D: Exercise = Exercise {
    id: "convolve2d",
    station: "linearity-convolution",
    task: "Return the full convolution of the image with the kernel k:\n\
           out[i, j] = sum over u, v of img[u, v] * k[i - u, j - v],\n\
           where whatever lies outside img or k counts as 0. Every position at which the two overlap is kept,\n\
           so the result has H + kh - 1 rows and W + kw - 1 columns. Kernels of even size are fine here.",
    signature: Signature {
        name: "convolve2d",
        parameters: &[f64_array("img", &["H", "W"], "grey image"), f64_array("k", &["kh", "kw"], "kernel of any size")],
        returns: f64_array("out", &["H+kh-1", "W+kw-1"], "the convolution"),
    },
    probes,
    reference,
    misconceptions: MISCONCEPTIONS,
    worked: Some(worked),
    properties: &[Property {
        title: "sums to the sum of the image times the sum of the kernel",
        violated: keeps_the_sum,
    }],
    hints: &[
        "Convolve a single bright pixel, img = [[1]], with your kernel. What should come out, and what does?",
        "Every image pixel paints a copy of the kernel, scaled by the pixel's brightness, with the kernel's top left cell \
         on the pixel's place in the output: out[i:i+kh, j:j+kw] += img[i, j] * k. Copies overlap and add up.",
        "One row: img = [1 2], k = [3 4 5].\n\
         The pixel 1 paints [3 4 5 .], the pixel 2 paints [. 6 8 10] one place further.\n\
         Added: out = [3 10 13 10], of length 2 + 3 - 1 = 4.",
    ],
    ..Exercise::DEFAULTS
};

fn probes() -> Vec<Probe> {
    let mut numbers = Numbers::stream(201);
    let mut probes = vec![Probe::ordinary(
        "an impulse, a 2 by 3 kernel",
        vec![array![[0.0, 0.0, 0.0], [0.0, 1.0, 0.0]].into(), array![[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]].into()],
    )];
    let sizes: [([usize; 2], [usize; 2], Option<&str>); 9] = [
        ([1, 3], [1, 2], None),
        ([2, 3], [2, 2], None),
        ([4, 5], [3, 3], None),
        ([5, 4], [3, 2], None),
        ([7, 5], [2, 3], None),
        ([1, 1], [2, 3], Some("an image of one pixel")),
        ([3, 4], [1, 1], Some("a kernel of one weight")),
        ([2, 3], [5, 4], Some("a kernel larger than the image")),
        ([1, 7], [5, 1], Some("a row and a column")),
    ];
    for ([h, w], [kh, kw], hard) in sizes {
        let arguments = vec![numbers.integers([h, w], 1, 9).into(), numbers.integers([kh, kw], -3, 5).into()];
        probes.push(match hard {
            None => Probe::ordinary(format!("a {h} by {w} image, a {kh} by {kw} kernel"), arguments),
            Some(what) => Probe::hard(what, arguments),
        });
    }
    probes.push(Probe::ordinary(
        "an 8 by 11 image of fractions, a 3 by 5 kernel",
        vec![numbers.reals([8, 11], -1.0, 1.0).into(), numbers.reals([3, 5], -1.0, 1.0).into()],
    ));
    probes
}

/// The sum of one output pixel.
fn worked(arguments: &[Value], _: usize, at: usize) -> Option<String> {
    let (image, kernel) = pair(arguments);
    let width = image.ncols() + kernel.ncols() - 1;
    let (i, j) = (at / width, at % width);
    let under = |((u, v), &pixel): ((usize, usize), &f64)| {
        let weight = kernel.get([i.checked_sub(u)?, j.checked_sub(v)?])?;
        Some((pixel, *weight))
    };
    let terms: Vec<(f64, f64)> = image.indexed_iter().filter_map(under).collect();
    let sum = terms.iter().map(|(pixel, weight)| pixel * weight).sum();
    Some(format!("{} = {} (img[u, v] times k[i - u, j - v])", products(terms), short(sum)))
}

fn pair(arguments: &[Value]) -> (ArrayView2<'_, f64>, ArrayView2<'_, f64>) {
    (floats(arguments, 0), floats(arguments, 1))
}

fn correlate(image: ArrayView2<'_, f64>, kernel: ArrayView2<'_, f64>, mode: Mode) -> Outcome {
    match filter::correlate2d(image, kernel, mode, Border::Constant(0.0)) {
        Ok(out) => returns(out),
        Err(error) => rejects(error.to_string()),
    }
}

fn reference(arguments: &[Value]) -> Outcome {
    let (image, kernel) = pair(arguments);
    returns(convolve(image, kernel))
}

fn convolve(image: ArrayView2<'_, f64>, kernel: ArrayView2<'_, f64>) -> Array2<f64> {
    filter::convolve2d(image, kernel, Mode::Full, Border::Constant(0.0)).expect("image and kernel have elements")
}

fn keeps_the_sum(arguments: &[Value], result: &Value) -> Option<String> {
    let (image, kernel) = pair(arguments);
    let (got, want) = (result.as_array()?.to_f64().iter().sum::<f64>(), image.sum() * kernel.sum());
    let scale = image.mapv(f64::abs).sum() * kernel.mapv(f64::abs).sum();
    ((got - want).abs() > 1e-10 * (1.0 + scale)).then(|| format!("it sums to {got}, expected {want}"))
}

const MISCONCEPTIONS: &[Misconception] = &[
    Misconception {
        id: "kernel-not-flipped",
        title: "the kernel is slid over the image without turning it: that is correlation",
        explanation: "The minus signs in k[i - u, j - v] turn the kernel by 180 degrees before it slides. Only then does \
                      an impulse give the kernel back, and only then may image and kernel change places.\n\
                      Deep learning libraries leave the turn out and still say convolution.",
        question: "What comes out for an impulse: the kernel, or the kernel upside down and back to front?",
        see: ("ud810", "2A-L3 (lesson 4) Linearity and convolution"),
        behaviour: |arguments| {
            let (image, kernel) = pair(arguments);
            correlate(image, kernel, Mode::Full)
        },
    },
    Misconception {
        id: "kernel-flipped-one-axis",
        title: "the kernel is mirrored left to right only",
        explanation: "Turning by 180 degrees mirrors both axes: k[::-1, ::-1]. Mirroring one is neither correlation nor \
                      convolution.",
        question: "Where does the top left weight of the kernel go in a turn by 180 degrees?",
        see: ("szeliski", "3.2 Linear filtering"),
        behaviour: |arguments| {
            let (image, kernel) = pair(arguments);
            correlate(image, kernel.slice(s![.., ..;-1]), Mode::Full)
        },
    },
    Misconception {
        id: "kernel-flipped-rows-only",
        title: "the kernel is mirrored top to bottom only",
        explanation: "Turning by 180 degrees mirrors both axes: k[::-1, ::-1]. NumPy's np.flipud and k[::-1] mirror the \
                      rows alone.",
        question: "Where does the top left weight of the kernel go in a turn by 180 degrees?",
        see: ("szeliski", "3.2 Linear filtering"),
        behaviour: |arguments| {
            let (image, kernel) = pair(arguments);
            correlate(image, kernel.slice(s![..;-1, ..]), Mode::Full)
        },
    },
    Misconception {
        id: "kernel-transposed",
        title: "the kernel is transposed where it should be turned by 180 degrees",
        explanation: "k.T exchanges rows and columns (mirrors about the main diagonal). A turn by 180 degrees keeps rows \
                      as rows and reverses the order along both axes: k[::-1, ::-1].",
        question: "Does k.T have the same shape as k?",
        see: ("dlbook", "9.1 The convolution operation"),
        behaviour: |arguments| {
            let (image, kernel) = pair(arguments);
            correlate(image, kernel.reversed_axes(), Mode::Full)
        },
    },
    Misconception {
        id: "output-same-size",
        title: "only the middle part, as large as the image, is kept",
        explanation: "That is mode \"same\". The full convolution keeps every position at which image and kernel overlap \
                      by at least one cell: H + kh - 1 rows and W + kw - 1 columns.",
        question: "At how many places can a row of 3 weights touch a row of 5 pixels?",
        see: ("szeliski", "3.2 Linear filtering"),
        behaviour: |arguments| {
            let (image, kernel) = pair(arguments);
            correlate(image, kernel.slice(s![..;-1, ..;-1]), Mode::Same)
        },
    },
    Misconception {
        id: "output-valid-size",
        title: "only the positions where the whole kernel lies inside the image are kept",
        explanation: "That is mode \"valid\", with H - kh + 1 rows. The full convolution keeps every position at which \
                      the two overlap: extend the image by kh - 1 zeros above and below and kw - 1 left and right.",
        question: "At how many places can a row of 3 weights touch a row of 5 pixels?",
        see: ("szeliski", "3.2 Linear filtering"),
        behaviour: |arguments| {
            let (image, kernel) = pair(arguments);
            correlate(image, kernel.slice(s![..;-1, ..;-1]), Mode::Valid)
        },
    },
    Misconception {
        id: "output-size-off-by-one",
        title: "the output has H + kh rows and W + kw columns, with an empty last row and column",
        explanation: "First and last position share a cell, as 1 to 5 and 5 to 7 share the 5: H + kh - 1. For two single \
                      cells (1 and 1) the result has 1 cell, not 2.",
        question: "How large is the convolution of a 1 by 1 image with a 1 by 1 kernel?",
        see: ("gonzalez-dip", "2.6 Linear and nonlinear operations"),
        behaviour: |arguments| {
            let (image, kernel) = pair(arguments);
            let full = convolve(image, kernel);
            let mut out = Array2::zeros((full.nrows() + 1, full.ncols() + 1));
            out.slice_mut(s![..full.nrows(), ..full.ncols()]).assign(&full);
            returns(out)
        },
    },
    Misconception {
        id: "overlap-overwritten",
        title: "each pixel's copy of the kernel overwrites the ones before in place of being added",
        explanation: "Neighbouring pixels paint overlapping copies, and where they overlap the copies add up: += and not \
                      =. An impulse alone does not show it, since nothing overlaps.",
        question: "What happens in your code to an output cell that two image pixels contribute to?",
        see: ("ud810", "2A-L3 (lesson 4) Linearity and convolution"),
        behaviour: |arguments| {
            let (image, kernel) = pair(arguments);
            let (kh, kw) = kernel.dim();
            let mut out = Array2::zeros((image.nrows() + kh - 1, image.ncols() + kw - 1));
            for ((i, j), &brightness) in image.indexed_iter() {
                out.slice_mut(s![i..i + kh, j..j + kw]).assign(&(&kernel * brightness));
            }
            returns(out)
        },
    },
];
