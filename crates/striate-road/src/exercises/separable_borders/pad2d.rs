//! `pad2d`: what lies outside an image.

use ndarray::{Array2, ArrayView2, Ix2};
use striate_image::filter::{self, Border};

use crate::exercise::{Exercise, Misconception, Outcome, Probe, Property, Signature};
use crate::exercises::arguments::{f64_array, floats, int, int_named, rejects, returns, text, text_named};
use crate::exercises::numbers::Numbers;
use crate::exercises::worked::short;
use crate::value::Value;

/// The exercise.
pub static PAD2D: Exercise = Exercise {
    id: "pad2d",
    station: "separable-borders",
    task: "Extend a grey image by r rows above and below and r columns left and right. For a row a b c and r = 2, rule says\n\
           what lies outside:  \"zero\" 0 0 | a b c | 0 0,   \"replicate\" a a | a b c | c c,\n\
           \"reflect\" b a | a b c | c b (the outermost pixel is repeated),   \"wrap\" b c | a b c | a b.\n\
           The corners follow the same rule along both axes. r may be as large as the image, and for \"replicate\" and\n\
           \"reflect\" larger: reflected again and again, a row a b goes on  a b b a | a b | b a a b.\n\
           Refuse any other rule and a negative r with an error.",
    signature: Signature {
        name: "pad2d",
        parameters: &[
            f64_array("img", &["H", "W"], "grey image"),
            int_named("r", "pixels to add on every side, 0 or more"),
            text_named("rule", "\"zero\", \"replicate\", \"reflect\" or \"wrap\""),
        ],
        returns: f64_array("padded", &["H+2*r", "W+2*r"], "the extended image"),
    },
    probes,
    reference,
    misconceptions: MISCONCEPTIONS,
    worked: Some(worked),
    properties: &[Property { title: "holds the image unchanged in its middle", violated: image_changed }],
    hints: &[
        "Take the one row [1 2 3] with r = 2 and write down what each rule should give. Which rule is the first that is wrong?",
        "Make a list of source rows: for each row i from -r to H + r - 1 of the result, the row of the image that it shows. \
         Replicate clips i to 0 .. H - 1, wrap takes i modulo H, reflect takes i modulo 2 H and, if that is H or more, 2 H - 1 \
         minus it. The same for columns; then padded = img[rows][:, columns].",
        "H = 3, r = 2: i = -2 -1 0 1 2 3 4.\n\
         replicate 0 0 0 1 2 2 2;  wrap 1 2 0 1 2 0 1;\n\
         reflect: modulo 6 gives 4 5 0 1 2 3 4, and 5 minus what is 3 or more: 1 0 0 1 2 2 1.",
    ],
    ..Exercise::DEFAULTS
};

const RULES: [(&str, Border); 4] = [
    ("zero", Border::Constant(0.0)),
    ("replicate", Border::Replicate),
    ("reflect", Border::Reflect),
    ("wrap", Border::Wrap),
];

fn probes() -> Vec<Probe> {
    let mut numbers = Numbers::stream(1201);
    let mut arguments = |[h, w]: [usize; 2], r: i64, rule: &str| {
        vec![numbers.integers([h, w], 1, 99).into(), Value::Int(r), Value::Text(rule.to_string())]
    };
    let mut probes = Vec::new();
    for (size, r) in [([1, 3], 1), ([3, 5], 2), ([5, 4], 3)] {
        for (rule, _) in RULES {
            let label = format!("a {} by {} image, r = {r}, {rule}", size[0], size[1]);
            probes.push(Probe::ordinary(label, arguments(size, r, rule)));
        }
    }
    for (rule, _) in RULES {
        probes.push(Probe::hard(format!("r as large as the image is high, {rule}"), arguments([3, 4], 3, rule)));
    }
    for (what, size, r, rule) in [
        ("r larger than the image, replicate", [2, 3], 5, "replicate"),
        ("r larger than the image, reflect", [2, 3], 5, "reflect"),
        ("a single pixel, reflect", [1, 1], 2, "reflect"),
        ("a single pixel, wrap", [1, 1], 1, "wrap"),
        ("r = 0", [3, 2], 0, "reflect"),
        ("a rule that does not exist", [3, 4], 1, "mirror"),
        ("a negative r", [3, 4], -1, "zero"),
    ] {
        probes.push(Probe::hard(what, arguments(size, r, rule)));
    }
    probes
}

/// A result from image, r and rule of a call that is not to be refused.
fn padded(
    arguments: &[Value],
    result: impl FnOnce(ArrayView2<'_, f64>, usize, Border) -> Option<Array2<f64>>,
) -> Outcome {
    let Ok(r) = usize::try_from(int(arguments, 1)) else {
        return rejects("r must not be negative");
    };
    let rule = text(arguments, 2);
    let Some((_, border)) = RULES.iter().find(|(name, _)| *name == rule) else {
        return rejects(format!("there is no rule {rule:?}"));
    };
    match result(floats::<Ix2>(arguments, 0), r, *border) {
        Some(image) => returns(image),
        None => rejects("an index lies outside the image"),
    }
}

fn with_border(image: ArrayView2<'_, f64>, r: usize, border: Border) -> Array2<f64> {
    filter::pad(image, [r, r], [r, r], border).expect("the image has pixels")
}

fn reference(arguments: &[Value]) -> Outcome {
    padded(arguments, |image, r, border| Some(with_border(image, r, border)))
}

fn image_changed(arguments: &[Value], result: &Value) -> Option<String> {
    let image = floats::<Ix2>(arguments, 0);
    let r = int(arguments, 1) as usize;
    let out = result.as_array()?.to_f64_array().into_dimensionality::<Ix2>().ok()?;
    image.indexed_iter().find_map(|((i, j), &x)| {
        let shown = out[[i + r, j + r]];
        (shown != x).then(|| format!("padded[{}, {}] is {shown}, img[{i}, {j}] is {x}", i + r, j + r))
    })
}

/// The extended image when pixel (i, j), counted from the image's own top left corner, shows the pixel that `source`
/// names; zero where it names none.
fn from_source(
    image: ArrayView2<'_, f64>,
    r: usize,
    source: impl Fn(isize, isize) -> Option<(usize, usize)>,
) -> Option<Array2<f64>> {
    let (height, width) = image.dim();
    let mut out = Array2::zeros((height + 2 * r, width + 2 * r));
    for ((i, j), value) in out.indexed_iter_mut() {
        if let Some(place) = source(i as isize - r as isize, j as isize - r as isize) {
            *value = *image.get(place)?;
        }
    }
    Some(out)
}

/// Both coordinates by `border`, one with its own length.
fn both(border: Border, [i, j]: [isize; 2], [height, width]: [usize; 2]) -> Option<(usize, usize)> {
    Some((border.source_index(i, height)?, border.source_index(j, width)?))
}

/// Which pixel of the image one pixel of the result shows.
fn worked(arguments: &[Value], _: usize, at: usize) -> Option<String> {
    let (image, r) = (floats::<Ix2>(arguments, 0), int(arguments, 1) as usize);
    let (_, border) = RULES.iter().find(|(name, _)| *name == text(arguments, 2))?;
    let width = image.ncols() + 2 * r;
    let [i, j] = [at / width, at % width].map(|index| index as isize - r as isize);
    let place = format!("row {i}, column {j} of the image");
    Some(match both(*border, [i, j], [image.nrows(), image.ncols()]) {
        Some((row, column)) => format!("{} ({place}, which is img[{row}, {column}])", short(image[[row, column]])),
        None => format!("0 ({place}, where nothing is)"),
    })
}

/// The extended image when `rule` fills its margins with the r outermost rows and columns of the same side, in the
/// order in which they stand.
fn same_side_for(rule: Border, arguments: &[Value]) -> Outcome {
    padded(arguments, |image, r, border| {
        if border != rule {
            return Some(with_border(image, r, border));
        }
        let (height, width) = image.dim();
        if r > height.min(width) {
            return None;
        }
        let source = |i: isize, length: usize| {
            let r = r as isize;
            (if i < 0 {
                i + r
            } else if i >= length as isize {
                i - r
            } else {
                i
            }) as usize
        };
        from_source(image, r, |i, j| Some((source(i, height), source(j, width))))
    })
}

const MISCONCEPTIONS: &[Misconception] = &[
    Misconception {
        id: "border-mirrored",
        title: "reflect leaves the outermost pixel out: c b | a b c | b a",
        explanation: "Two mirrors share one name. NumPy's pad mode \"reflect\" (SciPy \"mirror\", OpenCV REFLECT_101) mirrors about \
                      the outermost pixel; NumPy's \"symmetric\" (SciPy \"reflect\", OpenCV REFLECT) mirrors about the edge behind \
                      it and repeats it. The task asks for the second.",
        question: "What stands left of a row that begins 1 2 3: 2, or 1?",
        see: ("numpy", "numpy.pad, modes reflect and symmetric"),
        behaviour: |arguments| {
            padded(arguments, |image, r, border| {
                Some(with_border(image, r, if border == Border::Reflect { Border::Mirror } else { border }))
            })
        },
    },
    Misconception {
        id: "reflection-not-reversed",
        title: "reflect copies the outermost r rows and columns in the order in which they stand",
        explanation: "padded[:r] = img[:r] shifts the image and does not mirror it: a b | a b c. In a mirror the nearest comes \
                      first: the row just outside shows row 0, the next one row 1. Turn the copied part round.",
        question: "Which row of the image should the row just above it show, and which one does yours?",
        see: ("szeliski", "3.2 Linear filtering"),
        behaviour: |arguments| same_side_for(Border::Reflect, arguments),
    },
    Misconception {
        id: "wrap-same-side",
        title: "wrap continues the image with the rows and columns of the same side",
        explanation: "On a floor of equal tiles, what lies left of the tile is the right edge of the next one. The rows above \
                      come from the bottom of the image: padded[:r] = img[-r:].",
        question: "If you walk off the image to the left, where do you come in again?",
        see: ("szeliski", "3.2 Linear filtering"),
        behaviour: |arguments| same_side_for(Border::Wrap, arguments),
    },
    Misconception {
        id: "reflect-replicates",
        title: "reflect repeats the outermost pixel, as replicate does",
        explanation: "With r = 1 the two rules are the same, so one row of margin does not show it. From the second row on, \
                      reflect goes back into the image: b a | a b c.",
        question: "Have you looked at r = 2?",
        see: ("szeliski", "3.2 Linear filtering"),
        behaviour: |arguments| {
            padded(arguments, |image, r, border| {
                Some(with_border(image, r, if border == Border::Reflect { Border::Replicate } else { border }))
            })
        },
    },
    Misconception {
        id: "rules-mixed",
        title: "replicate and reflect change places",
        explanation: "NumPy calls replicate \"edge\" and reflect \"symmetric\"; SciPy calls them \"nearest\" and \"reflect\". Replicate \
                      repeats one pixel for ever, reflect shows the image backwards.",
        question: "Which of the two rules should give a margin in which all rows are equal?",
        see: ("numpy", "numpy.pad, modes edge and symmetric"),
        behaviour: |arguments| {
            padded(arguments, |image, r, border| {
                let exchanged = match border {
                    Border::Reflect => Border::Replicate,
                    Border::Replicate => Border::Reflect,
                    other => other,
                };
                Some(with_border(image, r, exchanged))
            })
        },
    },
    Misconception {
        id: "border-ignored",
        title: "the margin is always filled with zeros, whatever the argument says",
        explanation: "Only \"zero\" asks for zeros, and they darken everything that is computed near the border. The other \
                      three rules continue the image with its own pixels.",
        question: "Where does your code read the argument rule?",
        see: ("szeliski", "3.2 Linear filtering"),
        behaviour: |arguments| padded(arguments, |image, r, _| Some(with_border(image, r, Border::Constant(0.0)))),
    },
    Misconception {
        id: "corners-left-zero",
        title: "the four corners stay zero",
        explanation: "The margins above, below, left and right are filled, the r by r squares between them are not. Extend along \
                      the rows first, and then extend the result, margins included, along the columns.",
        question: "What should the top left pixel be for \"replicate\"?",
        see: ("szeliski", "3.2 Linear filtering"),
        behaviour: |arguments| {
            padded(arguments, |image, r, border| {
                let (height, width) = image.dim();
                let outside = |i: isize, length: usize| i < 0 || i >= length as isize;
                from_source(image, r, |i, j| {
                    if outside(i, height) && outside(j, width) { None } else { both(border, [i, j], [height, width]) }
                })
            })
        },
    },
    Misconception {
        id: "one-axis-only",
        title: "rows are added above and below, and no columns",
        explanation: "A window of radius r hangs over on all four sides. The result has H + 2r rows and W + 2r columns.",
        question: "How many columns should come out for W = 5 and r = 2?",
        see: ("ud810", "2A-L3 (lesson 4) Linearity and convolution"),
        behaviour: |arguments| {
            padded(arguments, |image, r, border| {
                Some(filter::pad(image, [r, r], [0, 0], border).expect("the image has pixels"))
            })
        },
    },
    Misconception {
        id: "padding-one-side",
        title: "all of the margin is added at the bottom and on the right",
        explanation: "2r rows below and none above: the shape is right and the image sits in the wrong place, moved by r. \
                      Half of the margin belongs before it.",
        question: "At which index of the result does img[0, 0] lie?",
        see: ("szeliski", "3.2 Linear filtering"),
        behaviour: |arguments| {
            padded(arguments, |image, r, border| {
                Some(filter::pad(image, [0, 2 * r], [0, 2 * r], border).expect("the image has pixels"))
            })
        },
    },
    Misconception {
        id: "padding-before-only",
        title: "r rows are added above and r columns on the left, and none after the image",
        explanation: "The window hangs over at the far end too: r more rows below, r more columns on the right.",
        question: "How many rows should come out for H = 3 and r = 2?",
        see: ("ud810", "2A-L3 (lesson 4) Linearity and convolution"),
        behaviour: |arguments| {
            padded(arguments, |image, r, border| {
                Some(filter::pad(image, [r, 0], [r, 0], border).expect("the image has pixels"))
            })
        },
    },
    Misconception {
        id: "width-from-height",
        title: "the columns are clipped, folded or wrapped with the height of the image",
        explanation: "One H stands where W is meant. On square images it makes no difference; on wide ones the right part of \
                      the image is never seen, on high ones an index leaves it.",
        question: "Which length belongs to which axis in your code?",
        see: ("szeliski", "3.2 Linear filtering"),
        behaviour: |arguments| {
            padded(arguments, |image, r, border| {
                let (height, width) = image.dim();
                // Zeros are the one rule for which nobody computes an index.
                let lengths = if matches!(border, Border::Constant(_)) { [height, width] } else { [height, height] };
                from_source(image, r, |i, j| both(border, [i, j], lengths))
            })
        },
    },
];
