//! `ncc_map`: how well a patch fits at every place.

use ndarray::{Array2, ArrayView2, Ix2, array, s};
use striate_image::filter::{self, Border};

use crate::exercise::{Exercise, Misconception, Outcome, Probe, Property, Signature, Tolerance};
use crate::exercises::arguments::{f64_array, floats, rejects, returns};
use crate::exercises::numbers::Numbers;
use crate::exercises::worked::short;
use crate::value::Value;

/// The exercise.
pub static NCC_MAP: Exercise = Exercise {
    id: "ncc_map",
    station: "template-matching",
    task: "Compare the template t with every window of the image that has its size, by normalised cross-correlation.\n\
           With w the window that starts at pixel (i, j), and sums over its h by w pixels,\n\
           score[i, j] = sum((w - mean(w)) * (t - mean(t))) / sqrt(sum((w - mean(w))**2) * sum((t - mean(t))**2)).\n\
           Only windows that lie wholly inside the image count: the result has H - h + 1 rows and W - w + 1 columns.\n\
           Where all pixels of the window, or all of the template, are equal, there is no pattern to compare: the score is 0.\n\
           Refuse a template that is larger than the image in either direction with an error.",
    signature: Signature {
        name: "ncc_map",
        parameters: &[f64_array("img", &["H", "W"], "grey image"), f64_array("t", &["h", "w"], "template")],
        returns: f64_array("score", &["H-h+1", "W-w+1"], "from -1 to 1, at the window's top left pixel"),
    },
    probes,
    reference,
    misconceptions: MISCONCEPTIONS,
    worked: Some(worked),
    properties: &[Property { title: "lies between -1 and 1", violated: out_of_range }],
    tolerance: Tolerance { relative: 1e-8, absolute: 1e-8 },
    hints: &[
        "Take the template as the image: the one score must be 1. Take 2 * t + 10 as the image: still 1. Which of the two fails?",
        "Subtract its mean from the template once. For every window: subtract its own mean, multiply with the template and \
         sum, then divide by the product of the two norms, the roots of the sums of squares. Ask first whether the \
         window's maximum equals its minimum.",
        "t = [0 2 1]: mean 1, deviations [-1 1 0], sum of squares 2.\n\
         Window [5 9 7]: mean 7, deviations [-2 2 0], sum of squares 8. Score = (2 + 2 + 0) / sqrt(8 * 2) = 1: a perfect fit, \
         since the window is 2 t + 5.\n\
         Window [9 7 5]: deviations [2 0 -2], score = (-2 + 0 + 0) / sqrt(8 * 2) = -0.5.",
    ],
    ..Exercise::DEFAULTS
};

fn probes() -> Vec<Probe> {
    let mut numbers = Numbers::stream(1301);
    let mut image = |shape: [usize; 2]| -> Array2<f64> { numbers.integers(shape, 0, 99) };
    // Two copies of a template: one brighter and of higher contrast, one as a negative.
    let template = array![[10.0, 60.0, 30.0], [80.0, 20.0, 50.0]];
    let mut planted = image([7, 9]);
    planted.slice_mut(s![1..3, 2..5]).assign(&(&template * 2.0 + 40.0));
    planted.slice_mut(s![4..6, 5..8]).assign(&(-&template + 90.0));
    let mut flat = image([6, 8]);
    flat.slice_mut(s![2..6, 0..5]).fill(70.0);
    flat.slice_mut(s![0..2, 5..8]).fill(0.0);
    let ordinary = [
        ("a row of five pixels, a template of three", array![[9.0, 7.0, 5.0, 9.0, 7.0]], array![[0.0, 2.0, 1.0]]),
        ("a 4 by 5 image, a 2 by 2 template", image([4, 5]), image([2, 2])),
        ("a 5 by 7 image, a 3 by 2 template", image([5, 7]), image([3, 2])),
        ("a 7 by 9 image with a brighter copy and a negative of a 2 by 3 template", planted, template),
        ("a 6 by 8 image with flat areas, a 2 by 3 template", flat, image([2, 3])),
        ("numbers of both signs, a 3 by 3 template", image([7, 6]) - 50.0, image([3, 3]) - 50.0),
    ];
    let hard = [
        ("a template as large as the image", image([3, 4]), image([3, 4])),
        ("a template of one pixel, which has no pattern", image([3, 2]), array![[5.0]]),
        ("a template that is the same everywhere", image([4, 3]), Array2::from_elem((2, 2), 8.0)),
        ("an image that is the same everywhere", Array2::from_elem((4, 5), 7.0), image([2, 3])),
        ("a small pattern on a very high pedestal", image([5, 4]) + 1e8, image([2, 3])),
        ("a template with too many rows", image([3, 5]), image([4, 2])),
        ("a template with too many columns", image([5, 3]), image([2, 4])),
    ];
    let arguments = |image: Array2<f64>, template: Array2<f64>| vec![image.into(), template.into()];
    let ordinary = ordinary.into_iter().map(|(label, image, t)| Probe::ordinary(label, arguments(image, t)));
    let hard = hard.into_iter().map(|(label, image, t)| Probe::hard(label, arguments(image, t)));
    ordinary.chain(hard).collect()
}

fn out_of_range(_: &[Value], result: &Value) -> Option<String> {
    let scores = result.as_array()?.to_f64();
    scores.iter().find(|score| score.abs() > 1.0 + 1e-9).map(|score| format!("one score is {score}"))
}

/// Image and template of a call that is not to be refused.
fn parts(arguments: &[Value]) -> Result<(ArrayView2<'_, f64>, ArrayView2<'_, f64>), Outcome> {
    let (image, template) = (floats::<Ix2>(arguments, 0), floats::<Ix2>(arguments, 1));
    if template.nrows() > image.nrows() || template.ncols() > image.ncols() {
        return Err(rejects(format!("a template of {:?} does not fit into {:?}", template.dim(), image.dim())));
    }
    Ok((image, template))
}

/// A result from what is computed of each window and the template.
fn windows(arguments: &[Value], score: impl Fn(&Array2<f64>, &Array2<f64>) -> f64) -> Outcome {
    match parts(arguments) {
        Ok((image, template)) => returns(slide(image, template, score)),
        Err(refusal) => refusal,
    }
}

fn slide(
    image: ArrayView2<'_, f64>,
    template: ArrayView2<'_, f64>,
    score: impl Fn(&Array2<f64>, &Array2<f64>) -> f64,
) -> Array2<f64> {
    let (h, w) = template.dim();
    let template = template.to_owned();
    Array2::from_shape_fn((image.nrows() - h + 1, image.ncols() - w + 1), |(i, j)| {
        score(&image.slice(s![i..i + h, j..j + w]).to_owned(), &template)
    })
}

fn is_flat(pixels: &Array2<f64>) -> bool {
    pixels.iter().all(|x| *x == pixels[[0, 0]])
}

/// The deviations from the mean.
fn centred(pixels: &Array2<f64>) -> Array2<f64> {
    pixels - pixels.sum() / pixels.len() as f64
}

fn product(one: &Array2<f64>, other: &Array2<f64>) -> f64 {
    (one * other).sum()
}

fn norm(pixels: &Array2<f64>) -> f64 {
    product(pixels, pixels).sqrt()
}

fn correlation(window: &Array2<f64>, template: &Array2<f64>) -> f64 {
    let (window, template) = (centred(window), centred(template));
    product(&window, &template) / (norm(&window) * norm(&template))
}

/// The score of a pattern, and `flat` where there is none.
fn patterns(arguments: &[Value], flat: f64, score: impl Fn(&Array2<f64>, &Array2<f64>) -> f64) -> Outcome {
    windows(
        arguments,
        |window, template| {
            if is_flat(window) || is_flat(template) { flat } else { score(window, template) }
        },
    )
}

fn score_or_zero(window: &Array2<f64>, template: &Array2<f64>) -> f64 {
    if is_flat(window) || is_flat(template) { 0.0 } else { correlation(window, template) }
}

fn reference(arguments: &[Value]) -> Outcome {
    windows(arguments, score_or_zero)
}

/// The right scores, changed afterwards.
fn changed(arguments: &[Value], change: impl FnOnce(Array2<f64>) -> Array2<f64>) -> Outcome {
    match parts(arguments) {
        Ok((image, template)) => returns(change(slide(image, template, score_or_zero))),
        Err(refusal) => refusal,
    }
}

/// The score of one window.
fn worked(arguments: &[Value], _: usize, at: usize) -> Option<String> {
    let (image, template) = parts(arguments).ok()?;
    let columns = image.ncols() - template.ncols() + 1;
    let (i, j) = (at / columns, at % columns);
    let window = image.slice(s![i..i + template.nrows(), j..j + template.ncols()]).to_owned();
    let template = template.to_owned();
    if is_flat(&window) || is_flat(&template) {
        return Some("0, since there is no pattern to compare".into());
    }
    let score = correlation(&window, &template);
    let (w, t) = (centred(&window), centred(&template));
    let [sum, ww, tt] = [product(&w, &t), product(&w, &w), product(&t, &t)].map(short);
    Some(format!(
        "{sum} / sqrt({ww}*{tt}) = {} (sums over the deviations from the means {} and {})",
        short(score),
        short(window.sum() / window.len() as f64),
        short(template.sum() / template.len() as f64)
    ))
}

const MISCONCEPTIONS: &[Misconception] = &[
    Misconception {
        id: "plain-dot-product",
        title: "window and template are multiplied and summed, and nothing more",
        explanation: "Every bright area scores high, whatever it shows: a white wall beats the face you look for. Subtract both \
                      means and divide by both norms, and only the pattern counts.",
        question: "What does a white wall score in your map?",
        see: ("ud810", "2A-L4 (lesson 5) Filters as templates"),
        behaviour: |arguments| windows(arguments, product),
    },
    Misconception {
        id: "means-not-subtracted",
        title: "the means are not subtracted: the score is the cosine between the pixels themselves",
        explanation: "Brightness is never negative, so all such vectors point into the same corner and all scores are high. An \
                      image that is merely brighter no longer fits perfectly. Subtract each one's own mean first.",
        question: "Is the score of an image t + 50 with the template t exactly 1?",
        see: ("gonzalez-dip", "12.2 Matching by correlation"),
        behaviour: |arguments| {
            windows(arguments, |window, template| {
                let norms = norm(window) * norm(template);
                if norms == 0.0 { 0.0 } else { product(window, template) / norms }
            })
        },
    },
    Misconception {
        id: "template-mean-only",
        title: "the mean of the template is subtracted, and that of the window is not",
        explanation: "In the numerator it makes no difference, and that is the trap: in the denominator it does. The norm of a \
                      window must be that of its deviations from its own mean, or bright windows are punished.",
        question: "Does the score change when the whole image becomes brighter by 50?",
        see: ("gonzalez-dip", "12.2 Matching by correlation"),
        behaviour: |arguments| {
            patterns(arguments, 0.0, |window, template| {
                let template = centred(template);
                product(window, &template) / (norm(window) * norm(&template))
            })
        },
    },
    Misconception {
        id: "norms-missing",
        title: "the means are subtracted, but the sum is not divided by the norms",
        explanation: "That is a covariance: windows of high contrast score high, also where they fit badly. Divided by the norms \
                      of both, every perfect fit scores 1.",
        question: "Does the score change when the contrast of the image doubles?",
        see: ("gonzalez-dip", "12.2 Matching by correlation"),
        behaviour: |arguments| {
            patterns(arguments, 0.0, |window, template| product(&centred(window), &centred(template)))
        },
    },
    Misconception {
        id: "global-deviation",
        title: "the deviation of the whole image stands in for that of each window",
        explanation: "The image has one standard deviation and every window another. A window of high contrast then scores \
                      above 1. Each window is divided by its own norm; that is why this is not one filter.",
        question: "Is any of your scores above 1?",
        see: ("ud810", "2A-L4 (lesson 5) Filters as templates"),
        behaviour: |arguments| {
            let deviation = |pixels: &Array2<f64>| norm(&centred(pixels)) / (pixels.len() as f64).sqrt();
            let whole = deviation(&floats::<Ix2>(arguments, 0).to_owned());
            patterns(arguments, 0.0, |window, template| {
                let count = window.len() as f64;
                product(&centred(window), &centred(template)) / count / (whole * deviation(template))
            })
        },
    },
    Misconception {
        id: "squared-differences",
        title: "the score is the sum of squared differences",
        explanation: "That is another measure: 0 for a perfect fit, and the smallest is the best. It demands equal brightness and \
                      contrast, so a shadow over the scene is enough to lose the patch.",
        question: "Is the best place in your map the largest or the smallest number?",
        see: ("szeliski", "8.1 Translational alignment"),
        behaviour: |arguments| {
            windows(arguments, |window, template| {
                let difference = window - template;
                product(&difference, &difference)
            })
        },
    },
    Misconception {
        id: "kernel-flipped",
        title: "the template is turned by 180 degrees before it is laid on the image",
        explanation: "That is convolution: it looks for the patch upside down. Matching is correlation; if you use a convolution \
                      to do it, turn the template yourself, so that the two turns cancel.",
        question: "Is the score 1 where you cut the template out?",
        see: ("ud810", "2A-L4 (lesson 5) Filters as templates"),
        behaviour: |arguments| match parts(arguments) {
            Ok((image, template)) => returns(slide(image, template.slice(s![..;-1, ..;-1]), score_or_zero)),
            Err(refusal) => refusal,
        },
    },
    Misconception {
        id: "nan-on-flat",
        title: "flat windows give 0 / 0, which is not a number",
        explanation: "A window whose pixels are all equal has norm 0. One NaN is enough to spoil an argmax over the map. Ask \
                      for flatness first and return 0 there. Looking for it afterwards with scores == np.nan finds none: it \
                      compares false with everything, itself included; np.isnan finds it.",
        question: "What is the norm of a window of sky?",
        see: ("dlbook", "4.1 Overflow and Underflow"),
        behaviour: |arguments| windows(arguments, correlation),
    },
    Misconception {
        id: "flat-is-one",
        title: "flat windows score 1",
        explanation: "A flat window fits every template and none. If it scores 1, the sky is the best place for everything. No \
                      pattern means no evidence: 0.",
        question: "Should a piece of sky be a perfect match for a face?",
        see: ("gonzalez-dip", "12.2 Matching by correlation"),
        behaviour: |arguments| patterns(arguments, 1.0, correlation),
    },
    Misconception {
        id: "output-same-size",
        title: "the map is as large as the image, with each score at the centre of its window",
        explanation: "Libraries offer this (pad_input in skimage); windows at the border then hang over into zeros. Here only \
                      whole windows count, and the score stands at the window's top left pixel: H - h + 1 rows.",
        question: "How many places are there for a template of 3 rows in an image of 5?",
        see: ("szeliski", "8.1 Translational alignment"),
        behaviour: |arguments| match parts(arguments) {
            Ok((image, template)) => {
                let around = |length: usize| [length / 2, length - 1 - length / 2];
                let (h, w) = template.dim();
                let padded = filter::pad(image, around(h), around(w), Border::Constant(0.0)).expect("has pixels");
                returns(slide(padded.view(), template, score_or_zero))
            }
            Err(refusal) => refusal,
        },
    },
    Misconception {
        id: "output-size-off-by-one",
        title: "the last row and the last column of places are missing: H - h in place of H - h + 1",
        explanation: "A template as large as the image fits in one place, not in none. range(H - h) stops before the last start, \
                      which is H - h itself.",
        question: "How many places are there for a template that is as large as the image?",
        see: ("ud810", "2A-L4 (lesson 5) Filters as templates"),
        behaviour: |arguments| {
            changed(arguments, |scores| {
                let (rows, columns) = scores.dim();
                scores.slice(s![..rows - 1, ..columns - 1]).to_owned()
            })
        },
    },
    Misconception {
        id: "mean-missing",
        title: "the sum is divided by the two standard deviations, but not by the number of pixels",
        explanation: "A standard deviation is a norm divided by sqrt(N), so two of them owe you a factor N: take the mean of the \
                      products and not their sum, or divide by norms.",
        question: "What does your function score for an image with itself?",
        see: ("gonzalez-dip", "12.2 Matching by correlation"),
        behaviour: |arguments| {
            patterns(arguments, 0.0, |window, template| correlation(window, template) * window.len() as f64)
        },
    },
    Misconception {
        id: "sample-variance",
        title: "the mean of the products meets standard deviations that were divided by N - 1",
        explanation: "A perfect fit scores (N - 1) / N. Divide all three by N, or all three by N - 1, or none: then it is 1.",
        question: "By what does your standard deviation divide, N or N - 1?",
        see: ("numpy", "numpy.std, argument ddof"),
        behaviour: |arguments| {
            patterns(arguments, 0.0, |window, template| {
                let count = window.len() as f64;
                correlation(window, template) * (count - 1.0) / count
            })
        },
    },
    Misconception {
        id: "root-missing",
        title: "the sum is divided by the sums of squares, without the square root",
        explanation: "The numerator is a product of two brightnesses, the denominator one of four: the score shrinks when the \
                      contrast grows. sqrt(sum of squares) is the norm.",
        question: "Which unit has your score, if brightness is in grey levels?",
        see: ("dlbook", "2.5 Norms"),
        behaviour: |arguments| {
            patterns(arguments, 0.0, |window, template| {
                let (window, template) = (centred(window), centred(template));
                product(&window, &template) / (product(&window, &window) * product(&template, &template))
            })
        },
    },
    Misconception {
        id: "axes-swapped",
        title: "rows and columns of the map change places",
        explanation: "score[i, j] belongs to the window that starts in row i and column j. Somewhere x and y are swapped.",
        question: "Your image has 5 rows and 7 columns: how many rows should the map of a 3 by 2 template have?",
        see: ("ud810", "2A-L1 (lesson 2) Images as functions"),
        behaviour: |arguments| changed(arguments, Array2::reversed_axes),
    },
];
