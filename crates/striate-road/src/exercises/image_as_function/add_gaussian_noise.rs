//! `add_gaussian_noise`: what a sensor adds, made from uniform random numbers.

use std::f64::consts::TAU;

use ndarray::{Array2, Ix2, Zip};

use crate::exercise::{Exercise, Misconception, Outcome, Probe, Signature};
use crate::exercises::arguments::{f64_array, float, float_named, floats, rejects, returns};
use crate::exercises::numbers::Numbers;
use crate::exercises::worked::short;
use crate::value::Value;

/// The exercise.
pub static ADD_GAUSSIAN_NOISE: Exercise = Exercise {
    id: "add_gaussian_noise",
    station: "image-as-function",
    task: "Add Gaussian noise to a grey image: img + sigma * z, where every pixel has its own standard normal number z.\n\
           Make z from two uniform random numbers per pixel with the formula of Box and Muller,\n\
           z = sqrt(-2 * ln(u1)) * cos(2 * pi * u2)   (natural logarithm, angle in radians).\n\
           Return floats as they come: noise may push a pixel below 0 or above 255. Leave img as it is.\n\
           Refuse a negative sigma with an error.",
    signature: Signature {
        name: "add_gaussian_noise",
        parameters: &[
            f64_array("img", &["H", "W"], "grey image, 0 to 255"),
            float_named("sigma", "standard deviation of the noise in grey levels"),
            f64_array("u1", &["H", "W"], "uniform random numbers, above 0 and up to 1"),
            f64_array("u2", &["H", "W"], "uniform random numbers, from 0 to below 1"),
        ],
        returns: f64_array("noisy", &["H", "W"], "the image with noise"),
    },
    probes,
    reference,
    misconceptions: MISCONCEPTIONS,
    worked: Some(worked),
    hints: &[
        "Take sigma = 1 and a black image: what comes out is z itself. Print a few and compare them with the formula.",
        "Compute a whole array of z from the arrays u1 and u2, element by element; multiply it by sigma; add it to the image. \
         Three lines, and no loop in NumPy.",
        "One pixel, img = 100, sigma = 10, u1 = 0.5, u2 = 0.125.\n\
         ln(0.5) = -0.6931, so sqrt(1.3863) = 1.1774; cos(2 pi / 8) = 0.7071; z = 0.8326; the noisy pixel is 108.326.",
    ],
    ..Exercise::DEFAULTS
};

fn probes() -> Vec<Probe> {
    let mut numbers = Numbers::stream(1111);
    let mut random = |shape: [usize; 2], sigma: f64| {
        let image = numbers.integers(shape, 0, 255);
        let u1 = numbers.reals(shape, 0.0, 1.0).mapv_into(|u| 1.0 - u);
        let u2 = numbers.reals(shape, 0.0, 1.0);
        vec![image.into(), Value::Float(sigma), u1.into(), u2.into()]
    };
    let row = |image: [f64; 3], sigma: f64, u1: [f64; 3], u2: [f64; 3]| {
        let [image, u1, u2] = [image, u1, u2].map(|numbers| Array2::from(vec![numbers]).into());
        vec![image, Value::Float(sigma), u1, u2]
    };
    vec![
        Probe::ordinary("a row of three pixels", row([0.0, 100.0, 255.0], 10.0, [0.5, 0.5, 0.2], [0.45, 0.125, 0.9])),
        Probe::ordinary("a 3 by 4 image, sigma 25", random([3, 4], 25.0)),
        Probe::ordinary("a 4 by 3 image, sigma 0.5", random([4, 3], 0.5)),
        Probe::ordinary("a 7 by 5 image, sigma 60", random([7, 5], 60.0)),
        Probe::ordinary("a 2 by 3 image, sigma 1", random([2, 3], 1.0)),
        Probe::hard("no noise: sigma 0", random([3, 2], 0.0)),
        Probe::hard("a single pixel", random([1, 1], 12.0)),
        Probe::hard(
            "u1 at both ends: no noise at all, and very much",
            row([20.0, 20.0, 20.0], 10.0, [1.0, 1e-300, 1.0], [0.25, 0.5, 0.0]),
        ),
        Probe::hard("a negative sigma", random([2, 3], -1.0)),
    ]
}

/// A result from what becomes of a pixel, sigma and its two random numbers.
fn noisy(arguments: &[Value], pixel: impl Fn(f64, f64, f64, f64) -> f64) -> Outcome {
    let sigma = float(arguments, 1);
    if sigma < 0.0 {
        return rejects(format!("sigma must not be negative, it is {sigma}"));
    }
    let [image, u1, u2] = [0, 2, 3].map(|index| floats::<Ix2>(arguments, index));
    returns(Zip::from(image).and(u1).and(u2).map_collect(|&x, &u1, &u2| pixel(x, sigma, u1, u2)))
}

fn normal(u1: f64, u2: f64) -> f64 {
    (-2.0 * u1.ln()).sqrt() * (TAU * u2).cos()
}

fn reference(arguments: &[Value]) -> Outcome {
    noisy(arguments, |x, sigma, u1, u2| x + sigma * normal(u1, u2))
}

/// The noise of one pixel.
fn worked(arguments: &[Value], _: usize, at: usize) -> Option<String> {
    let [x, u1, u2] = [0, 2, 3].map(|index| floats::<Ix2>(arguments, index).iter().nth(at).copied());
    let (x, u1, u2, sigma) = (x?, u1?, u2?, float(arguments, 1));
    let [length, cosine] = [(-2.0 * u1.ln()).sqrt(), (TAU * u2).cos()];
    let sum = short(x + sigma * length * cosine);
    let (u1, u2, length, cosine) = (short(u1), short(u2), short(length), short(cosine));
    Some(format!(
        "{} + {}*{length}*{cosine} = {sum} (sqrt(-2 ln {u1}) = {length}, cos(2 pi*{u2}) = {cosine})",
        short(x),
        short(sigma)
    ))
}

const MISCONCEPTIONS: &[Misconception] = &[
    Misconception {
        id: "uniform-noise",
        title: "the noise is sigma * (u1 - 0.5), uniform and not Gaussian",
        explanation: "Uniform noise never leaves its interval and has standard deviation sigma / sqrt(12), less than a third \
                      of what was asked for. The sum of many small disturbances is a bell: that is what sensors show.",
        question: "How large can your noise become at most, and how large can Gaussian noise become?",
        see: ("ud810", "2A-L1 (lesson 2) Images as functions"),
        behaviour: |arguments| noisy(arguments, |x, sigma, u1, _| x + sigma * (u1 - 0.5)),
    },
    Misconception {
        id: "sigma-squared",
        title: "the noise is multiplied by sigma^2, the variance",
        explanation: "Multiplying a number of variance 1 by s gives variance s^2, so the factor is the standard deviation \
                      sigma itself. At sigma = 1 nobody can tell.",
        question: "By what must z be multiplied so that its standard deviation becomes 25?",
        see: ("ud810", "2A-L1 (lesson 2) Images as functions"),
        behaviour: |arguments| noisy(arguments, |x, sigma, u1, u2| x + sigma * sigma * normal(u1, u2)),
    },
    Misconception {
        id: "sigma-as-variance",
        title: "the noise is multiplied by sqrt(sigma), as if sigma were the variance",
        explanation: "Functions differ here: skimage's random_noise takes a variance, NumPy's normal takes a standard \
                      deviation. The task gives a standard deviation in grey levels; multiply by it.",
        question: "Which unit has sigma here, grey levels or grey levels squared?",
        see: ("numpy", "numpy.random.Generator.normal, argument scale"),
        behaviour: |arguments| noisy(arguments, |x, sigma, u1, u2| x + sigma.sqrt() * normal(u1, u2)),
    },
    Misconception {
        id: "noise-clipped",
        title: "the noisy image is clipped to 0 .. 255",
        explanation: "Where the image is black, only upward noise survives, so the mean rises: dark areas turn grey, and a \
                      mean over many such images never gives the scene back. Clip for the screen, at the very end.",
        question: "What is the mean of your noise on a black image?",
        see: ("ud810", "2A-L1 (lesson 2) Images as functions"),
        behaviour: |arguments| noisy(arguments, |x, sigma, u1, u2| (x + sigma * normal(u1, u2)).clamp(0.0, 255.0)),
    },
    Misconception {
        id: "rounded-too-early",
        title: "the noisy pixels are rounded to whole grey levels",
        explanation: "Rounding is a second noise, with standard deviation 1 / sqrt(12) = 0.29 levels. Whoever computes \
                      further wants the floats; rounding belongs to the moment the image is shown or stored.",
        question: "Why do all of your pixels end in .0?",
        see: ("gonzalez-dip", "2.4 Image sampling and quantization"),
        behaviour: |arguments| noisy(arguments, |x, sigma, u1, u2| (x + sigma * normal(u1, u2)).round_ties_even()),
    },
    Misconception {
        id: "angle-missing",
        title: "the factor cos(2 pi u2) is missing",
        explanation: "sqrt(-2 ln u1) is a length, never negative: the noise would only ever brighten. The formula picks a \
                      random point of the plane; the length is its distance, and the cosine turns it into a coordinate.",
        question: "Is any of your noise negative?",
        see: ("ud810", "2A-L1 (lesson 2) Images as functions"),
        behaviour: |arguments| noisy(arguments, |x, sigma, u1, _| x + sigma * (-2.0 * u1.ln()).sqrt()),
    },
    Misconception {
        id: "degrees-not-radians",
        title: "the angle is 360 * u2, in degrees",
        explanation: "cos takes radians in every language: a full turn is 2 pi, not 360.",
        question: "What does your language give for cos(180)?",
        see: ("numpy", "numpy.cos, argument in radians"),
        behaviour: |arguments| {
            noisy(arguments, |x, sigma, u1, u2| x + sigma * (-2.0 * u1.ln()).sqrt() * (360.0 * u2).cos())
        },
    },
    Misconception {
        id: "log-base-ten",
        title: "the logarithm is to base 10",
        explanation: "The formula comes from inverting exp(-r^2 / 2), so it needs the natural logarithm: np.log, `.ln()`. \
                      With base 10 the noise is too weak by a factor of 1.52.",
        question: "What does your logarithm give for 2.718?",
        see: ("numpy", "numpy.log, the natural logarithm"),
        behaviour: |arguments| {
            noisy(arguments, |x, sigma, u1, u2| x + sigma * (-2.0 * u1.log10()).sqrt() * (TAU * u2).cos())
        },
    },
    Misconception {
        id: "factor-two-missing",
        title: "the 2 under the root is missing",
        explanation: "sqrt(-ln u1) cos(2 pi u2) has variance 1/2: the noise is too weak by a factor of sqrt(2). A bell is \
                      exp(-z^2 / 2), and its 2 comes back here.",
        question: "What is the standard deviation of a thousand of your z?",
        see: ("ud810", "2A-L1 (lesson 2) Images as functions"),
        behaviour: |arguments| noisy(arguments, |x, sigma, u1, u2| x + sigma * (-u1.ln()).sqrt() * (TAU * u2).cos()),
    },
    Misconception {
        id: "root-missing",
        title: "the square root of -2 ln u1 is missing",
        explanation: "-2 ln u1 is the squared length. Without the root the large values are far too large, and the \
                      histogram of the noise has a sharp peak with long tails in place of a bell.",
        question: "Is -2 ln u1 a length, or a length squared?",
        see: ("ud810", "2A-L1 (lesson 2) Images as functions"),
        behaviour: |arguments| noisy(arguments, |x, sigma, u1, u2| x + sigma * -2.0 * u1.ln() * (TAU * u2).cos()),
    },
    Misconception {
        id: "noise-multiplied",
        title: "the noise is multiplied into the image and not added",
        explanation: "img * (1 + sigma z) is speckle: bright pixels shake and black ones stay black. Additive noise is as \
                      strong in the shadow as in the light.",
        question: "How much noise has a black pixel in your result?",
        see: ("gonzalez-dip", "3.4 Enhancement using arithmetic/logic operations"),
        behaviour: |arguments| noisy(arguments, |x, sigma, u1, u2| x * (1.0 + sigma * normal(u1, u2))),
    },
    Misconception {
        id: "one-draw-for-all",
        title: "the same random number is added to every pixel",
        explanation: "That makes the image brighter or darker and nothing else. Noise is independent from pixel to pixel: \
                      u1 and u2 have the shape of the image for that reason.",
        question: "Does the difference between two neighbouring pixels change in your result?",
        see: ("ud810", "2A-L1 (lesson 2) Images as functions"),
        behaviour: |arguments| {
            let first = |index: usize| floats::<Ix2>(arguments, index)[[0, 0]];
            let everywhere = Array2::from_elem(floats::<Ix2>(arguments, 0).dim(), normal(first(2), first(3)));
            match reference(arguments) {
                Outcome::Value(_) => returns(&floats::<Ix2>(arguments, 0) + &(everywhere * float(arguments, 1))),
                refusal @ Outcome::Rejects(_) => refusal,
            }
        },
    },
];
