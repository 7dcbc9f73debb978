//! `normalize_for_display`: any numbers as an image one can look at.

use ndarray::{Array2, ArrayView2, Axis, Ix2, array};

use crate::exercise::{Element, Exercise, Kind, Misconception, Outcome, Parameter, Probe, Property, Signature};
use crate::exercises::arguments::{f64_array, floats, returns};
use crate::exercises::numbers::Numbers;
use crate::exercises::worked::short;
use crate::value::Value;

/// The exercise.
pub static NORMALIZE_FOR_DISPLAY: Exercise = Exercise {
    id: "normalize_for_display",
    station: "image-as-function",
    task: "Bring an image of any numbers (a derivative, a difference, noise) to bytes that a screen can show:\n\
           the smallest value of the whole image becomes 0, the largest 255, and what lies between is placed in proportion,\n\
           rounded to the nearest level.\n\
           An image that is the same everywhere has no range to stretch: return zeros.",
    signature: Signature {
        name: "normalize_for_display",
        parameters: &[f64_array("img", &["H", "W"], "numbers of any size and sign")],
        returns: Parameter {
            name: "shown",
            kind: Kind::Array { element: Element::U8, axes: &["H", "W"] },
            meaning: "bytes from 0 to 255",
        },
    },
    probes,
    reference,
    misconceptions: MISCONCEPTIONS,
    worked: Some(worked),
    properties: &[Property { title: "uses the whole range from 0 to 255, or is black", violated: range_unused }],
    hints: &[
        "Write down the smallest and the largest value before and after each step of your code.",
        "Subtract the minimum: now the values start at 0. Divide by maximum - minimum: now they end at 1. Multiply by 255, \
         round, and turn into bytes. If maximum and minimum are equal, return zeros before you divide.",
        "The row [-3, 0, 4]: minimum -3, range 7. [-3+3, 0+3, 4+3] / 7 = [0, 0.4286, 1], times 255 = [0, 109.29, 255], so \
         [0, 109, 255].",
    ],
    ..Exercise::DEFAULTS
};

fn probes() -> Vec<Probe> {
    let mut numbers = Numbers::stream(1121);
    // The ranges have no factor in common with 510, so that nothing lies half-way between two levels.
    let mut image = |shape: [usize; 2], low: i64, high: i64| {
        let mut image: Array2<f64> = numbers.integers(shape, low, high);
        image[[shape[0] - 1, 0]] = low as f64;
        image[[0, shape[1] - 1]] = high as f64;
        image
    };
    let ordinary = [
        ("a row of three numbers", array![[-3.0, 0.0, 4.0]]),
        ("a 3 by 4 image from 20 to 97", image([3, 4], 20, 97)),
        ("a derivative: 4 by 3, from -150 to 121", image([4, 3], -150, 121)),
        ("a 5 by 7 image from -1000 to 1311", image([5, 7], -1000, 1311)),
        ("a 2 by 5 image from -90 to -13", image([2, 5], -90, -13)),
        ("a 7 by 4 image from 0 to 1", image([7, 4], 0, 997) / 997.0),
    ];
    let hard = [
        ("the same value everywhere", Array2::from_elem((3, 2), 7.5)),
        ("zeros everywhere", Array2::zeros((2, 4))),
        ("a single pixel", array![[-4.0]]),
        ("a tiny range", image([3, 5], 0, 77) * 1e-12),
        ("a small range on a high pedestal", image([3, 5], 0, 49) + 1e6),
        ("huge values", image([2, 6], -391, 400) * 1e300),
    ];
    let ordinary = ordinary.into_iter().map(|(label, image)| Probe::ordinary(label, vec![image.into()]));
    let hard = hard.into_iter().map(|(label, image)| Probe::hard(label, vec![image.into()]));
    ordinary.chain(hard).collect()
}

fn range_unused(_: &[Value], result: &Value) -> Option<String> {
    let levels = result.as_array()?.to_f64();
    let (low, high) = extremes(levels.iter());
    let black = high == 0.0;
    (!black && (low, high) != (0.0, 255.0)).then(|| format!("the levels run from {low} to {high}"))
}

fn extremes<'a>(values: impl Iterator<Item = &'a f64>) -> (f64, f64) {
    values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), &x| (low.min(x), high.max(x)))
}

/// A result from what becomes of a value, the minimum and the maximum; zeros for a constant image.
fn shown(arguments: &[Value], level: impl Fn(f64, f64, f64) -> u8) -> Outcome {
    returns(stretched(floats::<Ix2>(arguments, 0), level))
}

fn stretched(image: ArrayView2<'_, f64>, level: impl Fn(f64, f64, f64) -> u8) -> Array2<u8> {
    let (low, high) = extremes(image.iter());
    image.mapv(|x| if low == high { 0 } else { level(x, low, high) })
}

/// The share of the range that lies below a value.
fn share(x: f64, low: f64, high: f64) -> f64 {
    (x - low) / (high - low)
}

fn nearest(level: f64) -> u8 {
    level.round() as u8
}

/// A level as a byte that starts again at 0 above 255.
fn wrapped(level: f64) -> u8 {
    level.rem_euclid(256.0) as u8
}

fn reference(arguments: &[Value]) -> Outcome {
    shown(arguments, |x, low, high| nearest(255.0 * share(x, low, high)))
}

/// The level of one pixel.
fn worked(arguments: &[Value], _: usize, at: usize) -> Option<String> {
    let image = floats::<Ix2>(arguments, 0);
    let (low, high) = extremes(image.iter());
    let x = *image.iter().nth(at)?;
    if low == high {
        return Some("0, since the smallest and the largest value are the same".into());
    }
    let level = 255.0 * share(x, low, high);
    let (x, low, high) = (short(x), short(low), short(high));
    Some(format!("255*({x} - {low})/({high} - {low}) = {}, rounded {}", short(level), nearest(level)))
}

const MISCONCEPTIONS: &[Misconception] = &[
    Misconception {
        id: "truncated-not-rounded",
        title: "the fraction is cut off and not rounded",
        explanation: "astype(np.uint8) and `as u8` drop what stands after the point: 109.9 becomes 109, and only the very \
                      maximum reaches 255. Round first.",
        question: "What does your language make of 109.9 when it turns it into a byte?",
        see: ("gonzalez-dip", "2.4 Image sampling and quantization"),
        behaviour: |arguments| shown(arguments, |x, low, high| (255.0 * share(x, low, high)) as u8),
    },
    Misconception {
        id: "minimum-ignored",
        title: "values are divided by the maximum alone, and negative ones wrap around",
        explanation: "An image from -150 to 121 has its zero in the middle. Dividing by 121 leaves the negative half \
                      negative, and as bytes it starts again from 255: dark turns into bright. Subtract the minimum first.",
        question: "Which byte does the smallest value of your image become?",
        see: ("ud810", "2A-L1 (lesson 2) Images as functions"),
        behaviour: |arguments| shown(arguments, |x, _, high| wrapped((255.0 * (x / high)).round())),
    },
    Misconception {
        id: "negative-clipped",
        title: "values are divided by the maximum alone, and negative ones become 0",
        explanation: "Half of a derivative image is negative, and all of it turns black: the information is gone. Subtract \
                      the minimum first, so that the smallest value is 0 and nothing needs to be cut off.",
        question: "Can one still tell -1 from -100 in your result?",
        see: ("ud810", "2A-L1 (lesson 2) Images as functions"),
        behaviour: |arguments| shown(arguments, |x, _, high| nearest((255.0 * (x / high)).clamp(0.0, 255.0))),
    },
    Misconception {
        id: "range-is-maximum",
        title: "the minimum is subtracted, but the result is divided by the old maximum",
        explanation: "After subtracting, the largest value is maximum - minimum, not maximum. Divide by the range that the \
                      values have now.",
        question: "What is the largest value after you have subtracted the minimum?",
        see: ("gonzalez-dip", "3.4 Enhancement using arithmetic/logic operations"),
        behaviour: |arguments| shown(arguments, |x, low, high| wrapped((255.0 * ((x - low) / high)).round())),
    },
    Misconception {
        id: "clipped-not-scaled",
        title: "values are only clipped to 0 .. 255 and rounded",
        explanation: "That shows a photograph, which lies in 0 .. 255 anyway. An image from 0 to 1 comes out black, a \
                      derivative loses its negative half. Here the range is stretched.",
        question: "What does your function make of an image with values from 0 to 1?",
        see: ("gonzalez-dip", "3.4 Enhancement using arithmetic/logic operations"),
        behaviour: |arguments| shown(arguments, |x, _, _| nearest(x.clamp(0.0, 255.0))),
    },
    Misconception {
        id: "scaled-to-256",
        title: "values are scaled to 256, and the maximum wraps around to 0",
        explanation: "There are 256 levels, but the last one is 255. 256 does not fit into a byte and becomes 0: the \
                      brightest pixel is shown black.",
        question: "Which byte does the largest value of your image become?",
        see: ("gonzalez-dip", "2.4 Image sampling and quantization"),
        behaviour: |arguments| shown(arguments, |x, low, high| wrapped((256.0 * share(x, low, high)).round())),
    },
    Misconception {
        id: "range-not-restored",
        title: "values are brought to 0 .. 1 and turned into bytes without the factor 255",
        explanation: "As bytes, 0 .. 1 are the two darkest levels of all. Multiply by 255 before rounding.",
        question: "What is the largest byte in your result?",
        see: ("gonzalez-dip", "2.4 Image sampling and quantization"),
        behaviour: |arguments| shown(arguments, |x, low, high| nearest(share(x, low, high))),
    },
    Misconception {
        id: "extremes-per-row",
        title: "every row is stretched by its own minimum and maximum",
        explanation: "Rows that were dark become as bright as the others: stripes where there were none. One minimum and \
                      one maximum belong to the whole image.",
        question: "How many minima does your code compute?",
        see: ("numpy", "numpy.min, argument axis"),
        behaviour: |arguments| {
            let image = floats::<Ix2>(arguments, 0);
            let mut out = Array2::zeros(image.dim());
            for (row, mut target) in image.axis_chunks_iter(Axis(0), 1).zip(out.axis_chunks_iter_mut(Axis(0), 1)) {
                target.assign(&stretched(row, |x, low, high| nearest(255.0 * share(x, low, high))));
            }
            returns(out)
        },
    },
    Misconception {
        id: "magnitude-shown",
        title: "the magnitude of the values is stretched, and the sign is lost",
        explanation: "-100 and 100 come out equally bright. That is sometimes what one wants to see, but it is another image: \
                      here the smallest value becomes 0, with its sign.",
        question: "Do a dark-to-bright and a bright-to-dark edge look different in your result?",
        see: ("ud810", "2A-L1 (lesson 2) Images as functions"),
        behaviour: |arguments| {
            let magnitude = floats::<Ix2>(arguments, 0).mapv(f64::abs);
            returns(stretched(magnitude.view(), |x, low, high| nearest(255.0 * share(x, low, high))))
        },
    },
    Misconception {
        id: "epsilon-in-denominator",
        title: "1e-8 is added to the range, so that a division by zero cannot happen",
        explanation: "It saves the constant image and spoils the one with a tiny range, which comes out black. Ask whether \
                      maximum and minimum are equal; then no number has to be invented.",
        question: "What happens to an image whose values differ by 1e-10?",
        see: ("dlbook", "4.1 Overflow and Underflow"),
        behaviour: |arguments| shown(arguments, |x, low, high| nearest(255.0 * ((x - low) / (high - low + 1e-8)))),
    },
    Misconception {
        id: "colors-inverted",
        title: "the smallest value becomes 255 and the largest 0",
        explanation: "maximum - x counts from the wrong end: the result is a negative. The minimum is to be 0, so the \
                      difference is x - minimum.",
        question: "Is a bright place of the image bright in your result?",
        see: ("gonzalez-dip", "3.4 Enhancement using arithmetic/logic operations"),
        behaviour: |arguments| shown(arguments, |x, low, high| nearest(255.0 * share(-x, -high, -low))),
    },
];
