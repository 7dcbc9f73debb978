//! `correlate2d`: filtering as a moving weighted sum.

use ndarray::{Array2, ArrayView2, array, s};
use striate_image::filter::{self, Border, Mode};

use crate::exercise::{Element, Exercise, Kind, Misconception, Outcome, Parameter, Probe, Signature};
use crate::exercises::arguments::{floats, rejects, returns, text};
use crate::exercises::numbers::Numbers;
use crate::exercises::worked::{products, short};
use crate::value::Value;

/// The exercise.
pub static CORRELATE2D: Exercise = Exercise {
    id: "correlate2d",
    station: "correlation-filtering",
    task: "Slide the kernel k over the image and return the weighted sum under it at every pixel:\n\
           out[i, j] = sum over u, v of k[u, v] * img[i + u - kh // 2, j + v - kw // 2].\n\
           The result is as large as the image; the kernel is not flipped.\n\
           Outside the image lies 0 for border = \"zero\" and the nearest pixel of the image for border = \"replicate\".\n\
           The kernel has odd height and width, not always the same; refuse any other with an error.",
    signature: Signature {
        name: "correlate2d",
        parameters: &[
            Parameter {
                name: "img",
                kind: Kind::Array { element: Element::F64, axes: &["H", "W"] },
                meaning: "grey image",
            },
            Parameter {
                name: "k",
                kind: Kind::Array { element: Element::F64, axes: &["kh", "kw"] },
                meaning: "kernel, odd height and odd width",
            },
            Parameter { name: "border", kind: Kind::Text, meaning: "\"zero\" or \"replicate\"" },
        ],
        returns: Parameter {
            name: "out",
            kind: Kind::Array { element: Element::F64, axes: &["H", "W"] },
            meaning: "the filtered image",
        },
    },
    probes,
    reference,
    misconceptions: MISCONCEPTIONS,
    worked: Some(worked),
    hints: &[
        "Look at one output pixel in the middle of the image first, then at one in the corner.",
        "Extend the image by kh // 2 rows above and below and kw // 2 columns left and right (zeros, or copies of the \
         nearest pixel). Output pixel (i, j) is then the sum of the kh by kw window that starts at (i, j) of the \
         extended image, multiplied element by element with k.",
        "One row, img = [1 2 3] and k = [10 20 30], border zero. The extended row is [0 1 2 3 0].\n\
         out[0] = 0*10 + 1*20 + 2*30 = 80\n\
         out[1] = 1*10 + 2*20 + 3*30 = 140\n\
         out[2] = 2*10 + 3*20 + 0*30 = 80\n\
         With border replicate the extended row is [1 1 2 3 3] and out = [90, 140, 170].",
    ],
    ..Exercise::DEFAULTS
};

fn probes() -> Vec<Probe> {
    let mut numbers = Numbers::stream(101);
    let mut probes = Vec::new();
    let mut add = |image: [usize; 2], kernel: [usize; 2], border: &str, hard: Option<&str>| {
        let arguments = vec![
            numbers.integers(image, 0, 9).into(),
            numbers.integers(kernel, -3, 4).into(),
            Value::Text(border.to_string()),
        ];
        let [h, w] = image;
        let [kh, kw] = kernel;
        let label = format!("a {h} by {w} image, a {kh} by {kw} kernel, border {border}");
        probes.push(match hard {
            None => Probe::ordinary(label, arguments),
            Some(what) => Probe::hard(format!("{what}: {label}"), arguments),
        });
    };
    add([2, 5], [1, 3], "zero", None);
    add([5, 2], [3, 1], "zero", None);
    add([4, 5], [3, 3], "zero", None);
    add([4, 5], [3, 3], "replicate", None);
    add([7, 5], [3, 5], "zero", None);
    add([6, 7], [5, 3], "replicate", None);
    add([1, 1], [3, 3], "replicate", Some("an image of one pixel"));
    add([3, 4], [1, 1], "zero", Some("a kernel of one weight"));
    add([2, 3], [5, 7], "zero", Some("a kernel larger than the image"));
    add([2, 3], [7, 5], "replicate", Some("a kernel larger than the image"));
    add([4, 5], [2, 3], "zero", Some("an even number of kernel rows"));
    add([4, 5], [3, 4], "zero", Some("an even number of kernel columns"));
    probes.push(Probe::ordinary(
        "an 8 by 11 image of fractions, a 5 by 3 kernel, border replicate",
        vec![
            numbers.reals([8, 11], -1.0, 1.0).into(),
            numbers.reals([5, 3], -1.0, 1.0).into(),
            Value::Text("replicate".to_string()),
        ],
    ));
    probes.push(Probe::hard(
        "huge and tiny brightness side by side",
        vec![
            array![[1e12, 1.0, 0.0], [0.0, 2.0, -1e12]].into(),
            array![[0.0, 1.0, 0.0], [1.0, 0.0, 1.0], [0.0, 0.5, 0.0]].into(),
            Value::Text("zero".to_string()),
        ],
    ));
    probes
}

/// Image, kernel and border of a call, or the refusal of an even kernel.
fn parts(arguments: &[Value]) -> Result<(ArrayView2<'_, f64>, ArrayView2<'_, f64>, Border), Outcome> {
    let kernel: ArrayView2<f64> = floats(arguments, 1);
    let (kh, kw) = kernel.dim();
    if kh % 2 == 0 || kw % 2 == 0 {
        return Err(rejects(format!("the kernel must have odd height and width, it is {kh} by {kw}")));
    }
    let border = if text(arguments, 2) == "replicate" { Border::Replicate } else { Border::Constant(0.0) };
    Ok((floats(arguments, 0), kernel, border))
}

/// A behaviour from what it does with an accepted kernel.
fn accepted(
    arguments: &[Value],
    result: impl FnOnce(ArrayView2<'_, f64>, ArrayView2<'_, f64>, Border) -> Array2<f64>,
) -> Outcome {
    match parts(arguments) {
        Ok((image, kernel, border)) => returns(result(image, kernel, border)),
        Err(refusal) => refusal,
    }
}

fn same(image: ArrayView2<'_, f64>, kernel: ArrayView2<'_, f64>, border: Border) -> Array2<f64> {
    filter::correlate2d(image, kernel, Mode::Same, border).expect("image and kernel have elements")
}

fn reference(arguments: &[Value]) -> Outcome {
    accepted(arguments, same)
}

/// The sum of one output pixel.
fn worked(arguments: &[Value], _: usize, at: usize) -> Option<String> {
    let (image, kernel, border) = parts(arguments).ok()?;
    let (height, width) = image.dim();
    let (i, j) = ((at / width) as isize, (at % width) as isize);
    let pixel = |u: usize, v: usize| {
        let row = border.source_index(i + u as isize - (kernel.nrows() / 2) as isize, height);
        let column = border.source_index(j + v as isize - (kernel.ncols() / 2) as isize, width);
        row.zip(column).map_or(0.0, |index| image[index])
    };
    let terms: Vec<(f64, f64)> = kernel.indexed_iter().map(|((u, v), &weight)| (pixel(u, v), weight)).collect();
    let sum = terms.iter().map(|(pixel, weight)| pixel * weight).sum();
    Some(format!("{} = {} (pixel times weight)", products(terms), short(sum)))
}

/// The weighted sums when the window of pixel (0, 0) starts at `start` and not at half the kernel above and left.
fn window_from(
    image: ArrayView2<'_, f64>,
    kernel: ArrayView2<'_, f64>,
    border: Border,
    start: [isize; 2],
) -> Array2<f64> {
    let (height, width) = image.dim();
    let at = |i: isize, j: isize| match (border.source_index(i, height), border.source_index(j, width)) {
        (Some(i), Some(j)) => image[[i, j]],
        _ => 0.0,
    };
    Array2::from_shape_fn((height, width), |(i, j)| {
        let term = |((u, v), weight): ((usize, usize), &f64)| {
            weight * at((i + u) as isize + start[0], (j + v) as isize + start[1])
        };
        kernel.indexed_iter().map(term).sum()
    })
}

const MISCONCEPTIONS: &[Misconception] = &[
    Misconception {
        id: "kernel-flipped",
        title: "the kernel is turned by 180 degrees before it is laid on the image",
        explanation: "That is convolution. Correlation lays the kernel on the image as it is printed: its top left \
                      weight multiplies the pixel above and to the left.\n\
                      Symmetric kernels (box, Gaussian) hide the difference; a derivative changes its sign.",
        question: "With k = [1 0 0] in one row, does your output move the image to the left or to the right?",
        see: ("ud810", "2A-L3 (lesson 4) Linearity and convolution"),
        behaviour: |arguments| accepted(arguments, |image, k, border| same(image, k.slice(s![..;-1, ..;-1]), border)),
    },
    Misconception {
        id: "kernel-flipped-one-axis",
        title: "the kernel is mirrored left to right only",
        explanation: "One index runs backwards: k[u, kw-1-v] in place of k[u, v]. Correlation mirrors neither axis, \
                      convolution mirrors both; mirroring one is neither.",
        question: "Do both kernel indices run in the same direction as the image indices?",
        see: ("szeliski", "3.2 Linear filtering"),
        behaviour: |arguments| accepted(arguments, |image, k, border| same(image, k.slice(s![.., ..;-1]), border)),
    },
    Misconception {
        id: "kernel-flipped-rows-only",
        title: "the kernel is mirrored top to bottom only",
        explanation: "One index runs backwards: k[kh-1-u, v] in place of k[u, v]. Correlation mirrors neither axis.",
        question: "Do both kernel indices run in the same direction as the image indices?",
        see: ("szeliski", "3.2 Linear filtering"),
        behaviour: |arguments| accepted(arguments, |image, k, border| same(image, k.slice(s![..;-1, ..]), border)),
    },
    Misconception {
        id: "kernel-transposed",
        title: "rows and columns of the kernel change places",
        explanation: "k[v, u] is used where k[u, v] is meant, or kh and kw are swapped. The first index of an array is \
                      the row: it runs downwards, as the image's row index does. A square symmetric kernel hides this.",
        question: "Which axis of the kernel moves together with the rows of the image?",
        see: ("gonzalez-dip", "3.5 Basics of spatial filtering"),
        behaviour: |arguments| accepted(arguments, |image, k, border| same(image, k.reversed_axes(), border)),
    },
    Misconception {
        id: "output-valid-size",
        title: "only the positions where the whole kernel lies inside the image are kept",
        explanation: "The output is H - kh + 1 by W - kw + 1 (\"valid\"). Here it must be as large as the image \
                      (\"same\"): near the border the window hangs over, and the border rule says what lies there.",
        question: "How many rows come out for an image of 4 rows and a kernel of 3?",
        see: ("ud810", "2A-L2 (lesson 3) Filtering"),
        behaviour: |arguments| match parts(arguments) {
            Ok((image, kernel, border)) => match filter::correlate2d(image, kernel, Mode::Valid, border) {
                Ok(out) => returns(out),
                Err(error) => rejects(error.to_string()),
            },
            Err(refusal) => refusal,
        },
    },
    Misconception {
        id: "border-left-zero",
        title: "pixels whose window hangs over the border are left at zero",
        explanation: "Only the inner pixels are computed. At the border the sum still runs over the whole window; the \
                      part outside the image counts as zeros (\"zero\") or as copies of the nearest pixel (\"replicate\").",
        question: "What should the top left output pixel be for an image of ones and a 3 by 3 kernel of ones?",
        see: ("szeliski", "3.2 Linear filtering"),
        behaviour: |arguments| {
            accepted(arguments, |image, k, border| {
                let (margin_y, margin_x) = (k.nrows() / 2, k.ncols() / 2);
                let (height, width) = image.dim();
                let mut out = same(image, k, border);
                for ((i, j), value) in out.indexed_iter_mut() {
                    let inside = i >= margin_y && i + margin_y < height && j >= margin_x && j + margin_x < width;
                    *value = if inside { *value } else { 0.0 };
                }
                out
            })
        },
    },
    Misconception {
        id: "border-ignored",
        title: "the border is always filled with zeros, whatever the argument says",
        explanation: "border = \"replicate\" continues the image with its nearest pixel. Zeros darken a smoothed image \
                      along its edges; replicating does not.",
        question: "Where does your code read the argument border?",
        see: ("szeliski", "3.2 Linear filtering"),
        behaviour: |arguments| accepted(arguments, |image, k, _| same(image, k, Border::Constant(0.0))),
    },
    Misconception {
        id: "border-mirrored",
        title: "the image is mirrored at its border where the nearest pixel should be repeated",
        explanation: "NumPy's pad mode \"reflect\" mirrors about the outermost pixel: row a b c becomes b a b c b. \
                      Replicating is mode \"edge\": a a b c c.",
        question: "What stands left of a row that begins 1 2 3: 2, or 1?",
        see: ("szeliski", "3.2 Linear filtering"),
        behaviour: |arguments| {
            accepted(arguments, |image, k, border| {
                same(image, k, if border == Border::Replicate { Border::Mirror } else { border })
            })
        },
    },
    Misconception {
        id: "border-wraps",
        title: "what leaves the image on one side comes in again on the other",
        explanation: "An index of -1 counts from the end in NumPy, and np.roll wraps too, so the left border sees the \
                      right one. Pad the image first; then no index is negative.",
        question: "What does img[-1] mean in your language?",
        see: ("gonzalez-dip", "3.5 Basics of spatial filtering"),
        behaviour: |arguments| accepted(arguments, |image, k, _| same(image, k, Border::Wrap)),
    },
    Misconception {
        id: "center-off-by-one",
        title: "the centre of the kernel is taken to be (kh + 1) / 2, one too far",
        explanation: "Counting from 1 the middle of three is number 2; counting from 0 it is number 1, that is kh // 2. \
                      The whole output is moved by one pixel down and right.",
        question: "For a kernel of 3, which index has its middle weight when you count from 0?",
        see: ("ud810", "2A-L2 (lesson 3) Filtering"),
        behaviour: |arguments| {
            accepted(arguments, |image, k, border| {
                let start = |length: usize| -(length as isize + 1) / 2;
                window_from(image, k, border, [start(k.nrows()), start(k.ncols())])
            })
        },
    },
    Misconception {
        id: "padding-one-side",
        title: "the window starts at the pixel in place of being centred on it",
        explanation: "The image is extended at the bottom and on the right only, so the kernel's top left weight falls on \
                      the pixel. Half of the padding, kh // 2 rows and kw // 2 columns, belongs above and to the left.",
        question: "Which image pixel lies under the middle weight when you compute out[0, 0]?",
        see: ("szeliski", "3.2 Linear filtering"),
        behaviour: |arguments| accepted(arguments, |image, k, border| window_from(image, k, border, [0, 0])),
    },
    Misconception {
        id: "even-kernel-accepted",
        title: "a kernel of even size is accepted, with its middle half a pixel too far down and right",
        explanation: "kh // 2 is the middle of an odd kernel only. An even one has none: whichever weight you call its middle, the output stands half a \
                      pixel beside the image. The task refuses it: test kh % 2 and kw % 2 first.",
        question: "Which weight of a 2 by 2 kernel lies on the pixel?",
        see: ("szeliski", "3.2 Linear filtering"),
        behaviour: |arguments| {
            let (image, kernel): (ArrayView2<f64>, ArrayView2<f64>) = (floats(arguments, 0), floats(arguments, 1));
            let border = if text(arguments, 2) == "replicate" { Border::Replicate } else { Border::Constant(0.0) };
            let start = [kernel.nrows(), kernel.ncols()].map(|length| -((length / 2) as isize));
            returns(window_from(image, kernel, border, start))
        },
    },
    Misconception {
        id: "written-in-place",
        title: "the result is written into the image that is still being read",
        explanation: "Pixels above and to the left are read after they were replaced, so a part of the output is \
                      filtered again and again. Write into a new array.",
        question: "When you compute pixel (1, 1), are its neighbours above still those of the input?",
        see: ("gonzalez-dip", "3.5 Basics of spatial filtering"),
        behaviour: |arguments| accepted(arguments, written_in_place),
    },
];

fn written_in_place(image: ArrayView2<'_, f64>, kernel: ArrayView2<'_, f64>, border: Border) -> Array2<f64> {
    let (margin_y, margin_x) = (kernel.nrows() / 2, kernel.ncols() / 2);
    let (height, width) = image.dim();
    let mut padded =
        filter::pad(image, [margin_y, margin_y], [margin_x, margin_x], border).expect("the image has elements");
    for i in 0..height {
        for j in 0..width {
            let window = padded.slice(s![i..i + kernel.nrows(), j..j + kernel.ncols()]);
            padded[[i + margin_y, j + margin_x]] = (&window * &kernel).sum();
        }
    }
    padded.slice(s![margin_y..margin_y + height, margin_x..margin_x + width]).to_owned()
}
