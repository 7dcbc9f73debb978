//! `mnist_preprocess`: a drawing becomes what MNIST's images are.

use std::ops::Range;

use ndarray::{Array2, ArrayView2, Ix2, array, s};
use striate_image::components::bounding_box;
use striate_image::moments::centroid;
use striate_image::resize::{Interpolation, resize};

use crate::exercise::{
    Element, Exercise, Kind, Misconception, Outcome, Parameter, Probe, Property, Signature, Tolerance,
};
use crate::exercises::arguments::{bytes, rejects, returns};
use crate::exercises::numbers::Numbers;
use crate::value::Value;

/// Rows and columns of an MNIST image.
const SIDE: usize = 28;
/// The longest side of the digit in it.
const BOX: usize = 20;
/// Mean and standard deviation of MNIST's training images in 0 to 1.
const MEAN: f64 = 0.1307;
const DEVIATION: f64 = 0.3081;

/// The exercise.
pub static MNIST_PREPROCESS: Exercise = Exercise {
    id: "mnist_preprocess",
    station: "digit-classifier",
    task: "Bring a drawing (bright strokes on black, 0 to 255) into the form of MNIST's images, step by step:\n\
           1. Cut out the smallest rectangle that holds every pixel above 0; refuse an empty canvas.\n\
           2. Scale it so that its longer side is 20 and the shorter one max(1, floor(20 * shorter / longer + 0.5)), by area:\n\
              each new pixel is the mean of the part of the old image that it covers, fractions of pixels counted as such.\n\
           3. Put it on a black 28 by 28 image so that its centre of mass (cy, cx), in its own rows and columns, comes as\n\
              near to the middle as whole pixels allow: top = floor(14 - cy), kept within 0 .. 28 - rows; left likewise.\n\
           4. Divide by 255, subtract 0.1307, divide by 0.3081 (mean and standard deviation of MNIST's training images).",
    signature: Signature {
        name: "mnist_preprocess",
        parameters: &[Parameter {
            name: "canvas",
            kind: Kind::Array { element: Element::U8, axes: &["H", "W"] },
            meaning: "the drawing, any size",
        }],
        returns: Parameter {
            name: "digit",
            kind: Kind::Array { element: Element::F32, axes: &["28", "28"] },
            meaning: "what the network takes",
        },
    },
    probes,
    reference,
    misconceptions: MISCONCEPTIONS,
    properties: &[Property {
        title: "does not depend on where on the canvas the digit was drawn",
        violated: depends_on_place,
    }],
    tolerance: Tolerance { relative: 1e-5, absolute: 1e-5 },
    hints: &[
        "Look at each stage as an image: the cut-out, the scaled one, the placed one. Which is the first that is not right?",
        "Scaling by area is a matrix product along each axis: weights[i, s] is the length of the overlap of new pixel i, \
         which covers i*old/new to (i+1)*old/new, with old pixel s, which covers s to s+1, divided by old/new. Then \
         scaled = weights_rows @ cut @ weights_columns.T.",
        "From 3 pixels to 2, each new one covers 1.5 old ones: weights = [[1 0.5 0], [0 0.5 1]] / 1.5, so [9 3 6] becomes \
         [(9 + 1.5) / 1.5, (1.5 + 6) / 1.5] = [7 5].\n\
         Its centre of mass is (0*7 + 1*5) / 12 = 0.417; left = floor(14 - 0.417) = 13.",
    ],
    ..Exercise::DEFAULTS
};

fn probes() -> Vec<Probe> {
    let mut numbers = Numbers::stream(501);
    let mut canvas = |size: [usize; 2], rows: Range<usize>, columns: Range<usize>| {
        let mut image = Array2::zeros(size);
        image.slice_mut(s![rows, columns]).mapv_inplace(|_: u8| numbers.integer(1, 255) as u8);
        image
    };
    let blocks = [
        ("a block of 3 by 2 pixels on a 5 by 6 canvas", canvas([5, 6], 1..4, 3..5)),
        ("a block of 7 by 12 pixels on a 17 by 19 canvas", canvas([17, 19], 5..12, 2..14)),
        ("a block of 44 by 31 pixels on a 64 by 80 canvas", canvas([64, 80], 3..47, 40..71)),
    ];
    let mut probes: Vec<Probe> =
        blocks.into_iter().map(|(label, image)| Probe::ordinary(label, vec![image.into()])).collect();
    probes.push(Probe::ordinary("a seven drawn on a 128 by 128 canvas", vec![seven([128, 128], [30, 22]).into()]));
    probes.push(Probe::hard("the same seven in a corner", vec![seven([128, 128], [0, 58]).into()]));
    probes.push(Probe::hard("a single pixel", vec![array![[0u8, 0, 0], [0, 0, 90]].into()]));
    probes.push(Probe::hard("a thin vertical stroke", vec![canvas([70, 50], 3..67, 20..21).into()]));
    probes.push(Probe::hard("an empty canvas", vec![Array2::<u8>::zeros((9, 7)).into()]));
    let mut heavy = Array2::<u8>::zeros((40, 40));
    heavy.slice_mut(s![2..38, 5..9]).fill(1);
    heavy.slice_mut(s![2..5, 5..33]).fill(255);
    probes.push(Probe::hard("a digit so top-heavy that centring would push it over the edge", vec![heavy.into()]));
    probes
}

/// A seven: a bar and a slanted stroke, with its top left corner at `at`.
fn seven(size: [usize; 2], at: [usize; 2]) -> Array2<u8> {
    let mut image = Array2::zeros(size);
    image.slice_mut(s![at[0]..at[0] + 7, at[1]..at[1] + 47]).fill(255);
    for row in 7..66 {
        let column = at[1] + 40 - row * 3 / 7;
        image.slice_mut(s![at[0] + row, column..column + 7]).fill(230);
    }
    image
}

/// What a step is done with; every misconception is one wrong setting.
#[derive(Clone, Copy)]
struct Steps {
    crop: bool,
    square: bool,
    longest: usize,
    interpolation: Interpolation,
    center: Center,
    invert: bool,
    divide: f64,
    standardize: bool,
}

#[derive(Clone, Copy)]
enum Center {
    Mass,
    MassAxesSwapped,
    Box,
    Corner,
}

const RIGHT: Steps = Steps {
    crop: true,
    square: false,
    longest: BOX,
    interpolation: Interpolation::Area,
    center: Center::Mass,
    invert: false,
    divide: 255.0,
    standardize: true,
};

impl Steps {
    fn run(self, arguments: &[Value]) -> Outcome {
        let canvas: ArrayView2<u8> = bytes::<Ix2>(arguments, 0);
        let canvas = canvas.mapv(|v| f64::from(if self.invert { 255 - v } else { v }));
        let Some((rows, columns)) = bounding_box(canvas.mapv(|v| v > 0.0).view()) else {
            return rejects("the canvas is empty");
        };
        let cut = if self.crop { canvas.slice(s![rows, columns]) } else { canvas.view() };
        let scaled = self.scale(cut);
        let [top, left] = self.place(&scaled);
        let mut image = Array2::zeros((SIDE, SIDE));
        image.slice_mut(s![top..top + scaled.nrows(), left..left + scaled.ncols()]).assign(&scaled);
        returns(image.mapv(|v| {
            let v = v / self.divide;
            (if self.standardize { (v - MEAN) / DEVIATION } else { v }) as f32
        }))
    }

    fn scale(self, cut: ArrayView2<'_, f64>) -> Array2<f64> {
        let (height, width) = cut.dim();
        let longer = height.max(width);
        // Half a pixel up, in whole numbers.
        let side = |length: usize| ((2 * self.longest * length + longer) / (2 * longer)).max(1);
        let size = if self.square { [self.longest; 2] } else { [side(height), side(width)] };
        resize(cut, size, self.interpolation).expect("neither the image nor the size is empty")
    }

    fn place(self, scaled: &Array2<f64>) -> [usize; 2] {
        let size = [scaled.nrows(), scaled.ncols()];
        let middle = size.map(|length| (length as f64 - 1.0) / 2.0);
        let center = match self.center {
            Center::Mass => centroid(scaled.view()).unwrap_or(middle),
            Center::MassAxesSwapped => {
                let [y, x] = centroid(scaled.view()).unwrap_or(middle);
                [x, y]
            }
            Center::Box => middle,
            Center::Corner => return [0, 0],
        };
        [0, 1].map(|axis| (SIDE as f64 / 2.0 - center[axis]).floor().clamp(0.0, (SIDE - size[axis]) as f64) as usize)
    }
}

fn reference(arguments: &[Value]) -> Outcome {
    RIGHT.run(arguments)
}

/// Compares with the answer for the digit alone, without the canvas around it.
fn depends_on_place(arguments: &[Value], result: &Value) -> Option<String> {
    let canvas: ArrayView2<u8> = bytes::<Ix2>(arguments, 0);
    let (rows, columns) = bounding_box(canvas.mapv(|v| v > 0).view())?;
    let Outcome::Value(alone) = RIGHT.run(&[canvas.slice(s![rows, columns]).to_owned().into()]) else { return None };
    let (alone, here) = (alone.as_array()?.to_f64(), result.as_array()?.to_f64());
    let gap = alone.iter().zip(&here).fold(0.0f64, |most, (a, b)| most.max((a - b).abs()));
    (gap > 1e-4).then(|| format!("cut out of its canvas, the same digit gives values that differ by {gap}"))
}

const MISCONCEPTIONS: &[Misconception] = &[
    Misconception {
        id: "not-cropped",
        title: "the whole canvas is scaled, without cutting out the digit first",
        explanation: "A small digit on a large canvas becomes a speck, and one in the corner stays there. MNIST's digits all \
                      fill a box of 20 pixels; a network that has seen nothing else expects that.",
        question: "What does a digit look like that filled a tenth of the canvas?",
        see: ("ivlabs-digit", "the whole project: digit pad 128x128 to 28x28"),
        behaviour: |arguments| Steps { crop: false, ..RIGHT }.run(arguments),
    },
    Misconception {
        id: "plain-resize",
        title: "the canvas is simply resized to 28 by 28",
        explanation: "That is the last step of a chain of which the rest is missing: cut out, scale to 20, centre by mass. \
                      It costs tens of points of accuracy on real drawings.",
        question: "How do your images differ from MNIST's when you print them side by side?",
        see: ("ivlabs-digit", "the whole project: digit pad 128x128 to 28x28"),
        behaviour: |arguments| {
            Steps { crop: false, square: true, longest: SIDE, center: Center::Corner, ..RIGHT }.run(arguments)
        },
    },
    Misconception {
        id: "box-28",
        title: "the digit is scaled to 28 pixels and not to 20",
        explanation: "MNIST's digits are 20 pixels in a frame of 28: the margin leaves room to centre by mass, and the \
                      network has never seen a stroke at the border.",
        question: "How many empty rows does an MNIST image have above the digit?",
        see: ("fastai-dl", "book ch. 4 Training a digit classifier"),
        behaviour: |arguments| Steps { longest: SIDE, ..RIGHT }.run(arguments),
    },
    Misconception {
        id: "aspect-lost",
        title: "both sides are scaled to 20, so that the digit is stretched",
        explanation: "One factor for both sides: a 1 stays thin. Stretched to a square it looks like a block, or like a 7.",
        question: "What becomes of a thin 1?",
        see: ("ivlabs-digit", "the whole project: digit pad 128x128 to 28x28"),
        behaviour: |arguments| Steps { square: true, ..RIGHT }.run(arguments),
    },
    Misconception {
        id: "nearest-resize",
        title: "each new pixel is a copy of one old pixel",
        explanation: "Skipping pixels breaks thin strokes into steps and loses some altogether. Averaging over the area that \
                      each new pixel covers gives the soft edges that MNIST's digits have.",
        question: "Does your scaled digit have grey pixels along its edges?",
        see: ("szeliski", "3.5 Pyramids and wavelets"),
        behaviour: |arguments| Steps { interpolation: Interpolation::Nearest, ..RIGHT }.run(arguments),
    },
    Misconception {
        id: "bilinear-resize",
        title: "each new pixel is mixed from the four old pixels around its centre only",
        explanation: "When an image becomes much smaller, most of its pixels are never looked at. Average over the whole area \
                      that a new pixel covers.",
        question: "When 60 rows become 20, how many of the 60 does your scaling look at?",
        see: ("szeliski", "3.5 Pyramids and wavelets"),
        behaviour: |arguments| Steps { interpolation: Interpolation::Bilinear, ..RIGHT }.run(arguments),
    },
    Misconception {
        id: "box-centered",
        title: "the rectangle is centred and not the centre of mass",
        explanation: "MNIST was centred by mass: the heavy top bar of a 7 pulls it down. Centring the box leaves many digits \
                      a few pixels off, and a small network notices.",
        question: "Is the centre of mass of your result at the middle of the 28 pixels?",
        see: ("ivlabs-digit", "the whole project: HSV threshold and centroid tracking"),
        behaviour: |arguments| Steps { center: Center::Box, ..RIGHT }.run(arguments),
    },
    Misconception {
        id: "axes-swapped",
        title: "row and column of the centre of mass change places",
        explanation: "The first coordinate of an array is the row, y. Libraries that say (x, y) give the column first: turn \
                      them round.",
        question: "A flat, wide stroke: is your cy small or your cx?",
        see: ("ud810", "2A-L1 (lesson 2) Images as functions"),
        behaviour: |arguments| Steps { center: Center::MassAxesSwapped, ..RIGHT }.run(arguments),
    },
    Misconception {
        id: "colors-inverted",
        title: "brightness is inverted: dark strokes on white",
        explanation: "MNIST is bright on black, and so is this canvas. (Scans of paper are the other way round and do have to \
                      be inverted.) Inverted, the paper becomes the digit.",
        question: "Is the background of your result the smallest or the largest value?",
        see: ("fastai-dl", "book ch. 4 Training a digit classifier"),
        behaviour: |arguments| Steps { invert: true, ..RIGHT }.run(arguments),
    },
    Misconception {
        id: "not-standardized",
        title: "the values stay between 0 and 1: mean and standard deviation are not used",
        explanation: "The network was trained on (v - 0.1307) / 0.3081. Whatever was done to the training images must be done \
                      to every image the network will ever see, with the same numbers.",
        question: "Is the background of your result -0.42, or 0?",
        see: ("pytorch-tutorials", "Visualizing models, data and training with TensorBoard"),
        behaviour: |arguments| Steps { standardize: false, ..RIGHT }.run(arguments),
    },
    Misconception {
        id: "range-255",
        title: "the values are not divided by 255 before mean and standard deviation are applied",
        explanation: "0.1307 and 0.3081 are those of values between 0 and 1. Applied to 0 .. 255 they give values up to 827, \
                      and every unit of the network saturates.",
        question: "Is the largest value in your result below 3?",
        see: ("fastai-dl", "book ch. 4 Training a digit classifier"),
        behaviour: |arguments| Steps { divide: 1.0, ..RIGHT }.run(arguments),
    },
];
