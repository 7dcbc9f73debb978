//! `psnr`: how much noise there is, in decibels.

use std::f64::consts::LN_10;

use ndarray::{Array2, ArrayView2, Axis, Ix2, array};

use crate::exercise::{Exercise, Kind, Misconception, Outcome, Parameter, Probe, Signature};
use crate::exercises::arguments::{f64_array, float, float_named, floats, rejects, returns};
use crate::exercises::numbers::Numbers;
use crate::exercises::worked::short;
use crate::value::Value;

/// The exercise.
pub static PSNR: Exercise = Exercise {
    id: "psnr",
    station: "filter-bench",
    task: "Return the peak signal-to-noise ratio of an image in decibels, compared with the image it should be:\n\
           10 * log10(peak**2 / MSE), where MSE is the mean of the squared differences over all pixels\n\
           and peak is the largest value that a pixel can have (255 for bytes, 1 for images in 0 to 1).\n\
           Two equal images have MSE 0: return infinity.\n\
           Refuse two images of different shapes with an error.",
    signature: Signature {
        name: "psnr",
        parameters: &[
            f64_array("clean", &["H", "W"], "the image as it should be"),
            f64_array("out", &["H", "W"], "the image as it is"),
            float_named("peak", "the largest value a pixel can have"),
        ],
        returns: Parameter { name: "psnr", kind: Kind::Float, meaning: "in decibels; the higher, the better" },
    },
    probes,
    reference,
    misconceptions: MISCONCEPTIONS,
    worked: Some(worked),
    hints: &[
        "Two images that differ by 1 everywhere have MSE 1. With peak 10, the answer must be 20 dB. What is yours?",
        "Compare the shapes; subtract, square, take the mean over all pixels; ask whether it is 0; then divide peak squared by it \
         and take ten times the logarithm to base 10.",
        "clean = [[100, 120], [140, 160]], out = [[103, 116], [140, 165]], peak 255.\n\
         Differences -3, 4, 0, -5; squares 9, 16, 0, 25; MSE = 50 / 4 = 12.5.\n\
         10 * log10(65025 / 12.5) = 10 * 3.7162 = 37.16 dB.",
    ],
    ..Exercise::DEFAULTS
};

fn probes() -> Vec<Probe> {
    let mut numbers = Numbers::stream(1401);
    let mut images = |shape: [usize; 2], peak: f64, error: f64| -> (Array2<f64>, Array2<f64>, f64) {
        let image: Array2<f64> = numbers.reals(shape, 0.05 * peak, 0.9 * peak);
        let out = &image + &numbers.reals(shape, -0.6 * error, error);
        (image, out, peak)
    };
    let (same, ..) = images([3, 4], 255.0, 0.0);
    let (high, ..) = images([4, 5], 255.0, 0.0);
    let ordinary = [
        ("a 2 by 2 image", (array![[100.0, 120.0], [140.0, 160.0]], array![[103.0, 116.0], [140.0, 165.0]], 255.0)),
        ("a 4 by 5 image of bytes, some noise", images([4, 5], 255.0, 12.0)),
        ("a 5 by 3 image from 0 to 1", images([5, 3], 1.0, 0.2)),
        ("a 7 by 6 image of 10 bits, strong noise", images([7, 6], 1023.0, 700.0)),
        ("a 3 by 8 image, peak 100", images([3, 8], 100.0, 9.0)),
    ];
    let hard = [
        ("two equal images", (same.clone(), same.clone(), 255.0)),
        ("a black image and itself", (Array2::zeros((2, 3)), Array2::zeros((2, 3)), 1.0)),
        ("an image that is too bright by 3 everywhere", (high.clone(), &high + 3.0, 255.0)),
        ("a single pixel", (array![[0.25]], array![[0.75]], 1.0)),
        ("a difference that is almost nothing", images([3, 2], 1.0, 1e-6)),
        ("a black image with noise", (Array2::zeros((2, 5)), images([2, 5], 255.0, 9.0).1, 255.0)),
        ("an image and one of its rows", (same.clone(), same.select(Axis(0), &[0]), 255.0)),
        ("an image and its transpose", (same.clone(), same.t().to_owned(), 255.0)),
    ];
    let arguments =
        |(image, out, peak): (Array2<f64>, Array2<f64>, f64)| vec![image.into(), out.into(), Value::Float(peak)];
    let ordinary = ordinary.into_iter().map(|(label, images)| Probe::ordinary(label, arguments(images)));
    let hard = hard.into_iter().map(|(label, images)| Probe::hard(label, arguments(images)));
    ordinary.chain(hard).collect()
}

/// A result from the image as it should be, the differences from it, and the peak.
fn compared(arguments: &[Value], decibels: impl FnOnce(ArrayView2<'_, f64>, &Array2<f64>, f64) -> f64) -> Outcome {
    let (image, out) = (floats::<Ix2>(arguments, 0), floats::<Ix2>(arguments, 1));
    if image.dim() != out.dim() {
        return rejects(format!("the images have different shapes, {:?} and {:?}", image.dim(), out.dim()));
    }
    returns(Value::Float(decibels(image, &(&image - &out), float(arguments, 2))))
}

fn mean(numbers: impl Iterator<Item = f64> + Clone) -> f64 {
    numbers.clone().sum::<f64>() / numbers.count() as f64
}

fn mean_square(differences: &Array2<f64>) -> f64 {
    mean(differences.iter().map(|x| x * x))
}

/// The ratio in decibels; infinite without an error, whatever stands above it.
fn decibels(power: f64, error: f64) -> f64 {
    if error == 0.0 { f64::INFINITY } else { 10.0 * (power / error).log10() }
}

fn reference(arguments: &[Value]) -> Outcome {
    compared(arguments, |_, differences, peak| decibels(peak * peak, mean_square(differences)))
}

/// The mean square and its decibels.
fn worked(arguments: &[Value], _: usize, _: usize) -> Option<String> {
    let differences = &floats::<Ix2>(arguments, 0) - &floats::<Ix2>(arguments, 1);
    let (error, peak) = (mean_square(&differences), float(arguments, 2));
    let result = short(decibels(peak * peak, error));
    let (error, peak) = (short(error), short(peak));
    Some(format!("10*log10({peak}^2 / {error}) = {result}, where {error} is the mean of {} squares", differences.len()))
}

const MISCONCEPTIONS: &[Misconception] = &[
    Misconception {
        id: "peak-missing",
        title: "only the error is put into decibels: -10 log10(MSE), without the peak",
        explanation: "The number then depends on the unit: the same image has one value in 0 .. 255 and another in 0 .. 1, where \
                      the peak happens to be 1. The ratio peak^2 / MSE has no unit.",
        question: "Does your answer change when both images and the peak are divided by 255?",
        see: ("ud810", "2A-L2 (lesson 3) Filtering"),
        behaviour: |arguments| compared(arguments, |_, differences, _| decibels(1.0, mean_square(differences))),
    },
    Misconception {
        id: "log-base-e",
        title: "the logarithm is the natural one",
        explanation: "np.log and `.ln()` are to base e. A decibel is a tenth of a power of ten: use log10. Yours is too large by \
                      a factor of 2.30.",
        question: "What does your logarithm give for 100?",
        see: ("numpy", "numpy.log10"),
        behaviour: |arguments| {
            compared(arguments, |_, differences, peak| decibels(peak * peak, mean_square(differences)) * LN_10)
        },
    },
    Misconception {
        id: "factor-twenty",
        title: "the logarithm of peak^2 / MSE is multiplied by 20",
        explanation: "20 belongs to amplitudes, 10 to their squares: 20 log10(peak / RMSE) and 10 log10(peak^2 / MSE) are the same \
                      number. Squares and 20 count the square twice.",
        question: "If the error becomes 10 times as large, the answer should fall by 20 dB. By how much does yours fall?",
        see: ("gonzalez-dip", "3.8 Combining spatial enhancement methods"),
        behaviour: |arguments| {
            compared(arguments, |_, differences, peak| 2.0 * decibels(peak * peak, mean_square(differences)))
        },
    },
    Misconception {
        id: "amplitude-with-ten",
        title: "10 log10(peak / RMSE): amplitudes with the factor of powers",
        explanation: "Either the squares with 10, or the amplitudes with 20. With amplitudes and 10 all values are half of what \
                      they should be: 18 dB for an image that has 36.",
        question: "If the error becomes 10 times as large, the answer should fall by 20 dB. By how much does yours fall?",
        see: ("gonzalez-dip", "3.8 Combining spatial enhancement methods"),
        behaviour: |arguments| {
            compared(arguments, |_, differences, peak| decibels(peak, mean_square(differences).sqrt()))
        },
    },
    Misconception {
        id: "peak-not-squared",
        title: "the peak is divided by the MSE without being squared",
        explanation: "MSE is in squared grey levels, so the peak has to be squared too. With peak 1 it makes no difference; with \
                      255 you lose 24 dB.",
        question: "Which unit has peak / MSE?",
        see: ("gonzalez-dip", "3.8 Combining spatial enhancement methods"),
        behaviour: |arguments| compared(arguments, |_, differences, peak| decibels(peak, mean_square(differences))),
    },
    Misconception {
        id: "peak-from-data",
        title: "the largest pixel of clean is taken for the peak",
        explanation: "A dark photograph then looks noisier than a bright one with the same noise, and results on different images \
                      cannot be compared. The peak belongs to the format: 255 for bytes.",
        question: "Where does your code use the argument peak?",
        see: ("gonzalez-dip", "2.4 Image sampling and quantization"),
        behaviour: |arguments| {
            compared(arguments, |image, differences, _| {
                let peak = image.iter().fold(f64::NEG_INFINITY, |largest, x| x.max(largest));
                decibels(peak * peak, mean_square(differences))
            })
        },
    },
    Misconception {
        id: "mean-missing",
        title: "the squared differences are summed and not divided by the number of pixels",
        explanation: "The larger the picture, the worse the score. MSE is a mean: a picture and four copies of it side by side \
                      have the same.",
        question: "Does your answer change when the image is twice as wide and the noise the same?",
        see: ("ud810", "2A-L2 (lesson 3) Filtering"),
        behaviour: |arguments| {
            compared(arguments, |_, differences, peak| {
                decibels(peak * peak, mean_square(differences) * differences.len() as f64)
            })
        },
    },
    Misconception {
        id: "averaged-per-row",
        title: "a value is computed for every row and the mean of them is returned",
        explanation: "A logarithm of a mean is not the mean of logarithms: a single row without error makes your result infinite. \
                      One mean over all pixels, then one logarithm.",
        question: "Over which axes does your mean run?",
        see: ("numpy", "numpy.mean, argument axis"),
        behaviour: |arguments| {
            compared(arguments, |_, differences, peak| {
                let row = |row: ArrayView2<'_, f64>| decibels(peak * peak, mean_square(&row.to_owned()));
                let rows: Vec<f64> = differences.axis_chunks_iter(Axis(0), 1).map(row).collect();
                mean(rows.iter().copied())
            })
        },
    },
    Misconception {
        id: "absolute-error",
        title: "the mean of the absolute differences, squared, stands in for the mean of the squares",
        explanation: "Squaring the mean is not the mean of the squares: large errors count too little, and the score is too high, by \
                      about 2 dB for Gaussian noise.",
        question: "Do you square before you take the mean, or after?",
        see: ("dlbook", "2.5 Norms"),
        behaviour: |arguments| {
            compared(arguments, |_, differences, peak| {
                let error = mean(differences.iter().map(|x| x.abs()));
                decibels(peak * peak, error * error)
            })
        },
    },
    Misconception {
        id: "square-after-mean",
        title: "the mean of the differences is squared, so that errors of opposite sign cancel",
        explanation: "Noise is as often too bright as too dark, and its mean is nearly 0: the score of a very noisy image is then \
                      excellent. Square every difference first.",
        question: "What is your MSE for the differences +10 and -10?",
        see: ("dlbook", "2.5 Norms"),
        behaviour: |arguments| {
            compared(arguments, |_, differences, peak| {
                let error = mean(differences.iter().copied());
                decibels(peak * peak, error * error)
            })
        },
    },
    Misconception {
        id: "mean-error-removed",
        title: "the variance of the differences is taken in place of their mean square",
        explanation: "np.var subtracts the mean first: an image that is too bright by 3 everywhere scores as perfect. A wrong \
                      brightness is an error too.",
        question: "What do you get for an image that is too bright by 3 everywhere?",
        see: ("numpy", "numpy.var"),
        behaviour: |arguments| {
            compared(arguments, |_, differences, peak| {
                let error = mean(differences.iter().copied());
                decibels(peak * peak, mean_square(&(differences - error)))
            })
        },
    },
    Misconception {
        id: "sign-flipped",
        title: "the ratio is upside down: MSE / peak^2",
        explanation: "Log of the reciprocal is the negative: -37 dB in place of 37. Signal stands above noise, so that better images \
                      have higher scores.",
        question: "Does your score rise or fall when the noise grows?",
        see: ("gonzalez-dip", "3.8 Combining spatial enhancement methods"),
        behaviour: |arguments| {
            compared(arguments, |_, differences, peak| match mean_square(differences) {
                0.0 => f64::INFINITY,
                error => decibels(error, peak * peak),
            })
        },
    },
    Misconception {
        id: "identical-capped",
        title: "two equal images score 100",
        explanation: "Many snippets return 100 dB to avoid the division. But an image with an error of 1e-6 honestly scores more \
                      than 100, and would be better than perfect. Without error the score is infinite.",
        question: "Is there an image that should score more than 100 dB?",
        see: ("dlbook", "4.1 Overflow and Underflow"),
        behaviour: |arguments| {
            compared(arguments, |_, differences, peak| match mean_square(differences) {
                0.0 => 100.0,
                error => decibels(peak * peak, error),
            })
        },
    },
    Misconception {
        id: "epsilon-in-denominator",
        title: "1e-10 is added to the MSE, so that a division by zero cannot happen",
        explanation: "Equal images then have a finite score that depends on your 1e-10, and images with a tiny error a wrong one. Ask \
                      whether the MSE is 0; then no number has to be invented.",
        question: "Where does the score of two equal images come from in your code?",
        see: ("dlbook", "4.1 Overflow and Underflow"),
        behaviour: |arguments| {
            compared(arguments, |_, differences, peak| decibels(peak * peak, mean_square(differences) + 1e-10))
        },
    },
];
