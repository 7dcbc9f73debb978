//! `blend`: arithmetic on images of bytes, which wraps around unless one is careful.

use ndarray::{Array3, Ix3, Zip, array};

use crate::exercise::{Element, Exercise, Kind, Misconception, Outcome, Parameter, Probe, Property, Signature};
use crate::exercises::arguments::{bytes, float, float_named, rejects, returns};
use crate::exercises::numbers::Numbers;
use crate::exercises::worked::short;
use crate::value::Value;

/// The exercise.
pub static BLEND: Exercise = Exercise {
    id: "blend",
    station: "image-as-function",
    task: "Mix two colour images: alpha parts of a and 1 - alpha parts of b, pixel by pixel and channel by channel,\n\
           alpha * a + (1 - alpha) * b. Bytes go in and bytes come out; in between, compute with floats.\n\
           Round to the nearest level at the very end, halves upwards: floor(x + 0.5).\n\
           Refuse two images of different shapes with an error.",
    signature: Signature {
        name: "blend",
        parameters: &[
            image("a", "image, 0 to 255 per channel"),
            image("b", "another image of the same shape"),
            float_named("alpha", "share of a, from 0 to 1"),
        ],
        returns: image("out", "the mixed image"),
    },
    probes,
    reference,
    misconceptions: MISCONCEPTIONS,
    worked: Some(worked),
    properties: &[Property { title: "lies between the two images everywhere", violated: is_between }],
    hints: &[
        "Take one pixel, a = 10 and b = 200 with alpha = 0.5, and print every step of your code: which is the first number \
         that surprises you?",
        "Compare the shapes first. Then turn both images into floats, and only then multiply and add. Add 0.5, round down, \
         and turn the result into bytes as the last step of all.",
        "a = 10, b = 200, alpha = 0.2: 0.2 * 10 + 0.8 * 200 = 2 + 160 = 162.\n\
         a = 10, b = 201, alpha = 0.5: 5 + 100.5 = 105.5, which becomes 106.\n\
         In bytes, 10 - 200 is 66: below 0 the counter starts again at 255.",
    ],
    ..Exercise::DEFAULTS
};

const fn image(name: &'static str, meaning: &'static str) -> Parameter {
    Parameter { name, kind: Kind::Array { element: Element::U8, axes: &["H", "W", "C"] }, meaning }
}

fn probes() -> Vec<Probe> {
    let mut numbers = Numbers::stream(1101);
    let mut picture = |shape: [usize; 3]| Array3::from_shape_simple_fn(shape, || numbers.integer(0, 255) as u8);
    let mut probes = vec![Probe::ordinary(
        "one pixel of three channels, a fifth of a",
        vec![array![[[10u8, 255, 90]]].into(), array![[[200u8, 255, 30]]].into(), Value::Float(0.2)],
    )];
    for (shape, alpha) in [([2, 3, 1], 0.6), ([3, 2, 4], 0.2), ([4, 5, 3], 1.0 / 3.0), ([7, 5, 3], 0.8)] {
        let [h, w, c] = shape;
        let label = format!("a {h} by {w} image of {c} channels, alpha {alpha:.3}");
        probes.push(Probe::ordinary(label, vec![picture(shape).into(), picture(shape).into(), Value::Float(alpha)]));
    }
    for (what, shape, alpha) in [
        ("equal parts, where every second result lies half-way between two levels", [5, 4, 3], 0.5),
        ("alpha 0: b alone", [3, 4, 2], 0.0),
        ("alpha 1: a alone", [3, 4, 2], 1.0),
    ] {
        probes.push(Probe::hard(what, vec![picture(shape).into(), picture(shape).into(), Value::Float(alpha)]));
    }
    for (what, one, other) in [
        ("height and width exchanged", [2, 5, 3], [5, 2, 3]),
        ("a colour image and a grey one", [2, 5, 3], [2, 5, 1]),
        ("an image and a single row", [4, 5, 3], [1, 5, 3]),
    ] {
        probes.push(Probe::hard(what, vec![picture(one).into(), picture(other).into(), Value::Float(0.2)]));
    }
    probes
}

fn is_between(arguments: &[Value], result: &Value) -> Option<String> {
    let (a, b) = (bytes::<Ix3>(arguments, 0), bytes::<Ix3>(arguments, 1));
    let out = result.as_array()?.to_f64();
    a.iter().zip(&b).zip(out).find_map(|((&a, &b), out)| {
        let outside = out < f64::from(a.min(b)) || out > f64::from(a.max(b));
        outside.then(|| format!("{a} and {b} are mixed to {out}"))
    })
}

/// A result from what becomes of a pixel of `a`, a pixel of `b` and `alpha`.
fn mixed(arguments: &[Value], mix: impl Fn(f64, f64, f64) -> u8) -> Outcome {
    let (a, b) = (bytes::<Ix3>(arguments, 0), bytes::<Ix3>(arguments, 1));
    if a.dim() != b.dim() {
        return rejects(format!("the images have different shapes, {:?} and {:?}", a.dim(), b.dim()));
    }
    let alpha = float(arguments, 2);
    returns(Zip::from(a).and(b).map_collect(|&a, &b| mix(a.into(), b.into(), alpha)))
}

/// The nearest level, halves upwards; what is out of range ends at 0 or 255.
fn nearest(level: f64) -> u8 {
    (level + 0.5).floor() as u8
}

fn weighted(a: f64, b: f64, alpha: f64) -> f64 {
    alpha * a + (1.0 - alpha) * b
}

fn reference(arguments: &[Value]) -> Outcome {
    mixed(arguments, |a, b, alpha| nearest(weighted(a, b, alpha)))
}

/// The weighted sum of one number.
fn worked(arguments: &[Value], _: usize, at: usize) -> Option<String> {
    let [a, b] = [0, 1].map(|index| bytes::<Ix3>(arguments, index).iter().nth(at).copied().map(f64::from));
    let (a, b, alpha) = (a?, b?, float(arguments, 2));
    let level = weighted(a, b, alpha);
    Some(format!("{}*{a} + {}*{b} = {}, rounded {}", short(alpha), short(1.0 - alpha), short(level), nearest(level)))
}

const MISCONCEPTIONS: &[Misconception] = &[
    Misconception {
        id: "uint8-wraps",
        title: "a - b is computed in bytes, which start again at 255 below 0",
        explanation: "b + alpha * (a - b) is the right formula and the wrong arithmetic: a - b is done in uint8, before \
                      any float comes near it, and 10 - 200 is 66 there. Turn a and b into floats first.",
        question: "What does np.uint8(10) - np.uint8(200) give, and what should it give?",
        see: ("ud810", "2A-L1 (lesson 2) Images as functions"),
        behaviour: |arguments| {
            mixed(arguments, |a, b, alpha| {
                let level = b + alpha * (a - b).rem_euclid(256.0);
                (level + 0.5).floor().rem_euclid(256.0) as u8
            })
        },
    },
    Misconception {
        id: "uint8-saturates",
        title: "a - b is stopped at 0 where it should become negative",
        explanation: "A saturating subtraction (cv2.subtract, saturating_sub) cuts half of the differences off: wherever a \
                      is darker than b, the result is b itself. Differences have a sign; compute them in floats.",
        question: "Which type must hold a - b, if it can lie anywhere from -255 to 255?",
        see: ("gonzalez-dip", "3.4 Enhancement using arithmetic/logic operations"),
        behaviour: |arguments| mixed(arguments, |a, b, alpha| nearest(b + alpha * (a - b).max(0.0))),
    },
    Misconception {
        id: "rounded-too-early",
        title: "each weighted image is cut down to bytes before the two are added",
        explanation: "Two fractions are lost in place of none, and many pixels come out a level too dark: 0.2 * 8 = 1.6 \
                      and 0.8 * 8 = 6.4 become 1 + 6 = 7. Keep floats until the sum is complete; round once.",
        question: "What does your code make of two images that are both 8 everywhere?",
        see: ("gonzalez-dip", "3.4 Enhancement using arithmetic/logic operations"),
        behaviour: |arguments| {
            mixed(arguments, |a, b, alpha| ((alpha * a).floor() + ((1.0 - alpha) * b).floor()) as u8)
        },
    },
    Misconception {
        id: "truncated-not-rounded",
        title: "the fraction is cut off and not rounded",
        explanation: "astype(np.uint8) and `as u8` drop everything after the point: 161.9 becomes 161. The image gets \
                      darker by half a level on average, each time. Add 0.5 and round down.",
        question: "What does your language make of 161.9 when it turns it into a byte?",
        see: ("gonzalez-dip", "2.4 Image sampling and quantization"),
        behaviour: |arguments| mixed(arguments, |a, b, alpha| weighted(a, b, alpha) as u8),
    },
    Misconception {
        id: "halves-to-even",
        title: "halves are rounded to the even neighbour",
        explanation: "np.round and np.rint round 104.5 to 104 and 105.5 to 106. That avoids a bias in long sums, but here the \
                      task says upwards: floor(x + 0.5). Two programs that must agree byte by byte have to agree on this.",
        question: "What does your rounding make of 104.5?",
        see: ("numpy", "numpy.round, the note on values half-way between"),
        behaviour: |arguments| mixed(arguments, |a, b, alpha| weighted(a, b, alpha).round_ties_even() as u8),
    },
    Misconception {
        id: "weights-swapped",
        title: "alpha belongs to b and 1 - alpha to a",
        explanation: "alpha is the share of the first image: with alpha = 1 the result is a. Some libraries count the other \
                      way round, so it is worth one look at the ends.",
        question: "Which image should come out for alpha = 1, and which one comes out?",
        see: ("gonzalez-dip", "3.4 Enhancement using arithmetic/logic operations"),
        behaviour: |arguments| mixed(arguments, |a, b, alpha| nearest(weighted(b, a, alpha))),
    },
    Misconception {
        id: "weights-not-complementary",
        title: "b is added with its full weight, and what exceeds 255 is cut off",
        explanation: "alpha * a + b is brighter than both images, and large parts become white. The weights must add up to \
                      one, or two equal images do not give themselves back.",
        question: "What do your weights of a and b add up to?",
        see: ("ud810", "2A-L1 (lesson 2) Images as functions"),
        behaviour: |arguments| mixed(arguments, |a, b, alpha| nearest(alpha * a + b)),
    },
    Misconception {
        id: "same-weight-twice",
        title: "both images are multiplied by alpha",
        explanation: "With alpha = 0.5 nobody notices; with 0.2 the result has 0.4 of the brightness. The second weight is \
                      1 - alpha.",
        question: "What do you get for two white images and alpha = 0.2?",
        see: ("ud810", "2A-L1 (lesson 2) Images as functions"),
        behaviour: |arguments| mixed(arguments, |a, b, alpha| nearest(alpha * (a + b))),
    },
    Misconception {
        id: "alpha-ignored",
        title: "the mean of the two images is returned, whatever alpha is",
        explanation: "(a + b) / 2 is the case alpha = 0.5. The weights are alpha and 1 - alpha.",
        question: "Where does your code use alpha?",
        see: ("ud810", "2A-L1 (lesson 2) Images as functions"),
        behaviour: |arguments| mixed(arguments, |a, b, _| nearest((a + b) / 2.0)),
    },
    Misconception {
        id: "range-not-restored",
        title: "the images are divided by 255 and the result is not multiplied by 255 again",
        explanation: "Computing in 0 to 1 is fine, but a byte that is to be shown lies in 0 to 255. Rounded to bytes, values \
                      from 0 to 1 are 0 or 1, and the image looks black.",
        question: "What is the largest byte in your result?",
        see: ("gonzalez-dip", "2.4 Image sampling and quantization"),
        behaviour: |arguments| mixed(arguments, |a, b, alpha| nearest(weighted(a, b, alpha) / 255.0)),
    },
    Misconception {
        id: "axes-swapped",
        title: "rows and columns of the result change places",
        explanation: "The first index of an image is the row, y, and the second the column, x: img[y, x]. shape is (height, \
                      width, channels), while many drawing libraries say width first.",
        question: "Your image has 4 rows and 5 columns: which of the two is shape[0]?",
        see: ("ud810", "2A-L1 (lesson 2) Images as functions"),
        behaviour: |arguments| match reference(arguments) {
            Outcome::Value(_) => {
                let (a, b) = (bytes::<Ix3>(arguments, 0), bytes::<Ix3>(arguments, 1));
                let turned = [Value::from(turned(a)), Value::from(turned(b)), arguments[2].clone()];
                reference(&turned)
            }
            refusal @ Outcome::Rejects(_) => refusal,
        },
    },
];

fn turned(image: ndarray::ArrayView3<'_, u8>) -> Array3<u8> {
    image.permuted_axes([1, 0, 2]).to_owned()
}
