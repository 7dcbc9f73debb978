//! `denoise`: a filter chain that is measured on photographs it was not made for.

use ndarray::{Array2, ArrayView2, Ix2};
use striate_image::filter::Border;

use super::denoise_requirements::REQUIREMENTS;
use super::photographs::{Noise, cases};
use super::smoothing::{bell, bilateral, boxed, median, without_dots};
use crate::exercise::{Exercise, Misconception, Outcome, Probe, Signature};
use crate::exercises::arguments::{f64_array, floats, rejects, returns, text, text_named};
use crate::value::Value;

/// The exercise.
pub static DENOISE: Exercise = Exercise {
    id: "denoise",
    station: "filter-bench",
    task: "Clean a noisy photograph as well as you can. kind says what happened to it:\n\
           \"gaussian\": Gaussian noise of standard deviation 20 was added;\n\
           \"salt-pepper\": a tenth of the pixels was set to exactly 0 or 255;\n\
           \"mixed\": Gaussian noise of standard deviation 10, and then a twentieth of the pixels set to 0 or 255.\n\
           There is no single right result: yours is measured on photographs that you have not seen. It has to beat the\n\
           best box filter by 1 dB of PSNR for every kind, keep edges, brightness and border, and remove the dots.\n\
           Tune on pictures of your own, with your own psnr.",
    signature: Signature {
        name: "denoise",
        parameters: &[
            f64_array("noisy", &["H", "W"], "grey photograph with noise, about 0 to 255"),
            text_named("kind", "\"gaussian\", \"salt-pepper\" or \"mixed\""),
        ],
        returns: f64_array("clean", &["H", "W"], "the photograph, as well as it can be told"),
    },
    probes: || {
        let probe = |case: &super::photographs::Case| {
            let (label, arguments) = (case.label.clone(), case.arguments());
            if case.hard { Probe::hard(label, arguments) } else { Probe::ordinary(label, arguments) }
        };
        cases().iter().map(probe).collect()
    },
    reference,
    misconceptions: MISCONCEPTIONS,
    measured: REQUIREMENTS,
    refused_imports: &["scipy", "skimage", "cv2", "PIL", "torch"],
    hints: &[
        "Measure before you think: a table of PSNR for each kind, with a box, a Gaussian and a median of two sizes each. Which \
         filter wins where, and by how much does the best one miss?",
        "Dots first: a pixel that is exactly 0 or 255 knows nothing; replace it, and only it, by the median of its neighbours that \
         are neither. For the Gaussian part take a bilateral filter: a Gaussian whose weights are multiplied by \
         exp(-(difference in brightness)^2 / (2 s^2)), divided by the sum of the weights; an s of about 2.5 times the noise is a \
         good start. \"mixed\" needs both, in this order.",
        "Bilateral, one row, 10 10 90 with s = 20 and place weights 0.6 1 0.6, middle pixel 10: the left neighbour counts 0.6, the \
         right one 0.6 * exp(-80^2 / 800) = 0.6 * exp(-8) = 0.0002. (6 + 10 + 0.018) / 1.6002 = 10.01: noise is averaged with its \
         own side of the edge only.",
    ],
    ..Exercise::DEFAULTS
};

/// A result from image and kind of noise.
fn filtered(arguments: &[Value], result: impl FnOnce(ArrayView2<'_, f64>, Noise) -> Array2<f64>) -> Outcome {
    let kind = text(arguments, 1);
    match Noise::named(kind) {
        Some(noise) => returns(result(floats::<Ix2>(arguments, 0), noise)),
        None => rejects(format!("there is no noise {kind:?}")),
    }
}

fn chain(noisy: ArrayView2<'_, f64>, noise: Noise) -> Array2<f64> {
    match noise {
        Noise::Gaussian => bilateral(noisy, 1.5, 50.0),
        Noise::SaltPepper => without_dots(noisy),
        Noise::Mixed => bilateral(without_dots(noisy).view(), 1.3, 28.0),
    }
}

fn reference(arguments: &[Value]) -> Outcome {
    filtered(arguments, chain)
}

const MISCONCEPTIONS: &[Misconception] = &[
    Misconception {
        id: "brightness-shifted",
        title: "the whole image has become brighter or darker",
        explanation: "Weights that do not sum to one do this: in a bilateral filter the sum differs from pixel to pixel, so each \
                      pixel is divided by its own. A result scaled to 0 .. 1, or stretched to the full range, does it too.",
        question: "What does your filter make of an image that is 100 everywhere?",
        see: ("gonzalez-dip", "3.6 Smoothing spatial filters"),
        behaviour: |arguments| filtered(arguments, |noisy, noise| chain(noisy, noise) * 0.9),
    },
    Misconception {
        id: "border-darkened",
        title: "the outermost pixels have another brightness than they should, and the others do not",
        explanation: "Zeros lie outside your image, and they darken what is averaged with them. Reflect or replicate it, as in pad2d. \
                      In a bigger picture the PSNR hides this; the eye does not.",
        question: "What lies outside the image when your window hangs over?",
        see: ("szeliski", "3.2 Linear filtering"),
        behaviour: |arguments| {
            filtered(arguments, |noisy, noise| match noise {
                Noise::Gaussian => bell(noisy, 0.7, Border::Constant(0.0)),
                _ => chain(noisy, noise),
            })
        },
    },
    Misconception {
        id: "nothing-removed",
        title: "the result is no nearer to the clean photograph than the noisy one was",
        explanation: "Either nothing happens to this kind of noise, or the filter destroys more than it repairs: a window that is \
                      too large, or values that leave 0 .. 255. Look at the result beside the noisy image, and at the difference \
                      of the two: noise should be in it, and no picture.",
        question: "What does the difference between your input and your result look like?",
        see: ("ud810", "2A-L2 (lesson 3) Filtering"),
        behaviour: |arguments| filtered(arguments, |noisy, _| noisy.to_owned()),
    },
    Misconception {
        id: "edges-blurred",
        title: "strong edges have lost most of their contrast",
        explanation: "The window is too large, or all that lies in it counts the same. In large even areas that wins decibels, and so \
                      a mean over the image recommends it; what people look at are the edges. Smaller windows, or weights that look \
                      at the difference in brightness, keep them.",
        question: "How wide has a sharp edge become after your filter?",
        see: ("szeliski", "3.3.1 Non-linear filtering"),
        behaviour: |arguments| {
            filtered(arguments, |noisy, noise| match noise {
                Noise::Gaussian => chain(noisy, noise),
                _ => boxed(noisy, 2),
            })
        },
    },
    Misconception {
        id: "dots-kept",
        title: "many of the white and black dots are still there",
        explanation: "A filter that protects edges protects dots: to a bilateral filter a dot is an edge all around. And a window in \
                      which dots are in the majority has a dot for its median. Remove the dots first, with a filter that is made for \
                      them, and look at kind before you choose.",
        question: "To which of its neighbours is a white dot similar in brightness?",
        see: ("szeliski", "3.3.1 Non-linear filtering"),
        behaviour: |arguments| filtered(arguments, |noisy, _| bilateral(noisy, 1.5, 50.0)),
    },
    Misconception {
        id: "gaussian-not-beaten",
        title: "on Gaussian noise the best box filter is not beaten by 1 dB",
        explanation: "A median does worse than a mean here: it uses one value of nine. A Gaussian gains up to about 1 dB over the \
                      box. More is possible only if edges are treated differently from even areas: a bilateral filter averages over \
                      pixels of similar brightness.",
        question: "Does your filter average across edges?",
        see: ("szeliski", "3.3.1 Non-linear filtering"),
        behaviour: |arguments| {
            filtered(arguments, |noisy, noise| match noise {
                Noise::Gaussian => median(noisy, 1),
                _ => chain(noisy, noise),
            })
        },
    },
    Misconception {
        id: "salt-pepper-not-beaten",
        title: "on salt and pepper the best box filter is not beaten by 1 dB",
        explanation: "A weighted mean spreads every dot over its neighbours. A median throws dots away, and gains several dB at once; \
                      replacing nothing but the dots gains many more, since nine pixels of ten are perfect as they are.",
        question: "Which pixels does your filter change that were never hit?",
        see: ("ud810", "2A-L3 (lesson 4) Linearity and convolution"),
        behaviour: |arguments| {
            filtered(arguments, |noisy, noise| match noise {
                Noise::SaltPepper => boxed(noisy, 1),
                _ => chain(noisy, noise),
            })
        },
    },
    Misconception {
        id: "mixed-not-beaten",
        title: "on mixed noise the best box filter is not beaten by 1 dB",
        explanation: "Order matters as soon as one filter is not linear. Smooth first, and every dot becomes a blot that no median \
                      removes any more. Dots first, then the Gaussian noise, with its own, smaller strength.",
        question: "Which of the two kinds of noise does your chain treat first?",
        see: ("gonzalez-dip", "3.8 Combining spatial enhancement methods"),
        behaviour: |arguments| {
            filtered(arguments, |noisy, noise| match noise {
                Noise::Mixed => median(bell(noisy, 0.9, Border::Reflect).view(), 1),
                _ => chain(noisy, noise),
            })
        },
    },
];
