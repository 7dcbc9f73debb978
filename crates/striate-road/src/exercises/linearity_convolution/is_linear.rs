//! `is_linear`: an experiment that tells a linear operation from one that is not.

use ndarray::{Array2, ArrayD, ArrayView2, Ix2, array, s};
use striate_image::filter::{self, Border, Mode};

use crate::exercise::{Exercise, Kind, Misconception, Outcome, Parameter, Probe, Signature};
use crate::exercises::arguments::{callback, returns};
use crate::exercises::numbers::Numbers;
use crate::value::{Array, Callback, Value};

/// The exercise.
pub static IS_LINEAR: Exercise = Exercise {
    id: "is_linear",
    station: "linearity-convolution",
    task: "Find out by experiment whether the image operation op is linear.\n\
           op takes an image (2 axes, any size) with values from -255 to 255 and returns another image.\n\
           op is linear if op(a*f + b*g) equals a*op(f) + b*op(g) for all images f, g and all numbers a, b.\n\
           Try `trials` random choices of f, g, a, b and return whether all of them agree, up to rounding:\n\
           the error may be 1e-8 of the largest value that occurs. Draw your random numbers from `seed`.",
    signature: Signature {
        name: "is_linear",
        parameters: &[
            Parameter { name: "op", kind: Kind::Function, meaning: "the operation, called as op(image)" },
            crate::exercises::arguments::int_named("trials", "how many experiments to make, at least 1"),
            crate::exercises::arguments::int_named("seed", "seed of your random numbers"),
        ],
        returns: Parameter { name: "linear", kind: Kind::Bool, meaning: "whether every experiment agreed" },
    },
    probes,
    reference,
    misconceptions: MISCONCEPTIONS,
    hints: &[
        "Which images do you try? Think of an operation that is linear on those and not on others: what do the values \
         have to do to catch it?",
        "In each trial draw two images f and g with values over the whole range, negative ones too, and two factors a \
         and b of either sign. Compute op(a*f + b*g) and a*op(f) + b*op(g); compare the largest difference with 1e-8 \
         times the largest magnitude in either. One disagreement settles it.",
        "Clipping at 0, op(x) = max(x, 0), on one pixel. f = 3, g = 5, a = b = 1: op(8) = 8 and 3 + 5 = 8, fine.\n\
         f = 3, g = -5: op(-2) = 0, but op(3) + op(-5) = 3. Not linear, and only a negative value shows it.",
    ],
    ..Exercise::DEFAULTS
};

/// An operation on images that a probe hands out.
type Operation = fn(ArrayView2<'_, f64>) -> Array2<f64>;

fn probes() -> Vec<Probe> {
    let ordinary: [(&str, Operation); 9] = [
        ("a box blur", |f| correlate(f, &Array2::from_elem((3, 3), 1.0 / 9.0))),
        ("the square of every pixel", |f| f.mapv(|x| x * x)),
        ("a shift by one row and two columns", shift),
        ("a horizontal derivative", |f| correlate(f, &array![[-0.5, 0.0, 0.5]])),
        ("a 3 by 3 median", |f| filter::median_filter(f, 3, Border::Replicate).expect("3 is odd")),
        ("adding 20 to every pixel", |f| f.mapv(|x| x + 20.0)),
        ("clipping to 0 and above", |f| f.mapv(|x| x.max(0.0))),
        ("doubling and turning upside down", |f| f.slice(s![..;-1, ..]).mapv(|x| -2.0 * x)),
        ("the magnitude of every pixel", |f| f.mapv(f64::abs)),
    ];
    let hard: [(&str, Operation); 7] = [
        ("clipping to -200 .. 200", |f| f.mapv(|x| x.clamp(-200.0, 200.0))),
        ("weights that depend on the place (linear, not shift invariant)", |f| {
            Array2::from_shape_fn(f.dim(), |(i, j)| f[[i, j]] / (1.0 + i as f64 + 2.0 * j as f64))
        }),
        ("a blur with a gain of a thousand million", |f| correlate(f, &array![[0.3e9, 0.3e9, 0.3e9]])),
        ("a blur with a gain of a thousand millionth", |f| correlate(f, &array![[0.3e-9, 0.3e-9, 0.3e-9]])),
        ("the brightness squared with a gain of a thousand millionth", |f| f.mapv(|x| 1e-9 * x * x)),
        ("the mean of the whole image, a single pixel", |f| array![[f.mean().unwrap_or(0.0)]]),
        ("rounding to whole grey levels", |f| f.mapv(f64::round)),
    ];
    let probe = |index: usize, name: &str, operation: Operation| {
        let arguments = vec![function(operation), Value::Int(3 + index as i64 % 3), Value::Int(7 * index as i64)];
        (name.to_string(), arguments)
    };
    let easy = ordinary.iter().enumerate().map(|(index, (name, operation))| {
        let (label, arguments) = probe(index, name, *operation);
        Probe::ordinary(label, arguments)
    });
    let rest = hard.iter().enumerate().map(|(index, (name, operation))| {
        let (label, arguments) = probe(index, name, *operation);
        Probe::hard(label, arguments)
    });
    easy.chain(rest).collect()
}

/// The learner's code sees the name: it must not give the answer away.
fn function(operation: Operation) -> Value {
    Value::function("op", move |image: &ArrayD<f64>| {
        let view = image.view().into_dimensionality::<Ix2>();
        let view = view.unwrap_or_else(|_| image.view().into_shape_with_order((1, image.len())).expect("one row"));
        operation(view).into_dyn()
    })
}

fn correlate(image: ArrayView2<'_, f64>, kernel: &Array2<f64>) -> Array2<f64> {
    filter::correlate2d(image, kernel.view(), Mode::Same, Border::Constant(0.0)).expect("the image has elements")
}

fn shift(image: ArrayView2<'_, f64>) -> Array2<f64> {
    let at = |i: usize, j: usize| image.get((i, j)).copied().unwrap_or(0.0);
    Array2::from_shape_fn(image.dim(), |(i, j)| at(i.wrapping_sub(1), j.wrapping_sub(2)))
}

fn apply(op: &Callback, image: &Array2<f64>) -> ArrayD<f64> {
    match (op.call)(&[Value::from(image.clone())]) {
        Value::Array(Array::F64(out)) => out,
        other => panic!("op returned {other:?}"),
    }
}

/// How an experiment is made; every misconception is one wrong setting.
struct Experiment {
    low: f64,
    high: f64,
    factors: (f64, f64),
    second_image: bool,
    tolerance: fn(f64) -> f64,
    constant_images: bool,
}

const RIGHT: Experiment = Experiment {
    low: -255.0,
    high: 255.0,
    factors: (-0.7, 1.3),
    second_image: true,
    tolerance: |scale| 1e-8 * scale,
    constant_images: false,
};

impl Experiment {
    fn agrees(&self, arguments: &[Value]) -> Outcome {
        let op = callback(arguments, 0);
        let mut numbers = Numbers::stream(211);
        let (a, b) = (self.factors.0, if self.second_image { self.factors.1 } else { 0.0 });
        let agree = (0..4).all(|_| {
            let mut image = || {
                if self.constant_images { Array2::ones((7, 9)) } else { numbers.reals([7, 9], self.low, self.high) }
            };
            let (f, g) = (image(), image());
            let together = apply(op, &(&f * a + &g * b));
            let apart = if self.second_image { apply(op, &f) * a + apply(op, &g) * b } else { apply(op, &f) * a };
            let scale = together.iter().chain(&apart).fold(0.0f64, |most, x| most.max(x.abs()));
            (together - apart).iter().all(|difference| difference.abs() <= (self.tolerance)(scale))
        });
        returns(Value::Bool(agree))
    }
}

fn reference(arguments: &[Value]) -> Outcome {
    RIGHT.agrees(arguments)
}

const MISCONCEPTIONS: &[Misconception] = &[
    Misconception {
        id: "additivity-not-tested",
        title: "only scaling is tested, op(a*f) against a*op(f), and never a sum of two images",
        explanation: "The median passes: doubling an image doubles its medians. But the median of a sum is not the sum of \
                      the medians. Linear means both, so put two different images into the same experiment.",
        question: "Does any of your experiments add two different images?",
        see: ("gonzalez-dip", "2.6 Linear and nonlinear operations"),
        behaviour: |arguments| Experiment { second_image: false, ..RIGHT }.agrees(arguments),
    },
    Misconception {
        id: "positive-factors-only",
        title: "only scaling by positive factors is tested, and never a sum",
        explanation: "The magnitude passes, since |2 f| = 2 |f|, and so does clipping at zero. A factor of -1 unmasks \
                      them, and so does the sum of a positive and a negative image.",
        question: "What does your test say about op(x) = |x|?",
        see: ("gonzalez-dip", "2.6 Linear and nonlinear operations"),
        behaviour: |arguments| Experiment { second_image: false, factors: (1.7, 0.0), ..RIGHT }.agrees(arguments),
    },
    Misconception {
        id: "nonnegative-inputs-only",
        title: "only images without negative values, and positive factors, are tried",
        explanation: "Clipping at zero and the magnitude do nothing to such images, so they pass. Random numbers from 0 \
                      to 1 are the default of many generators: shift and scale them to cover -255 to 255.",
        question: "Can an image in your experiment have a negative pixel?",
        see: ("ud810", "2A-L3 (lesson 4) Linearity and convolution"),
        behaviour: |arguments| Experiment { low: 0.0, factors: (0.4, 0.6), ..RIGHT }.agrees(arguments),
    },
    Misconception {
        id: "small-inputs-only",
        title: "only images with values near zero are tried",
        explanation: "An operation that saturates at 200 looks linear to images with values of a few units. Experiments \
                      prove nothing about values they never use: draw from the whole range that op is made for.",
        question: "How large can a pixel of your random images become, and how large does the task allow it to be?",
        see: ("ud810", "2A-L3 (lesson 4) Linearity and convolution"),
        behaviour: |arguments| Experiment { low: -2.0, high: 2.0, ..RIGHT }.agrees(arguments),
    },
    Misconception {
        id: "exact-comparison",
        title: "the two sides are compared for exact equality",
        explanation: "Floating-point sums depend on their order: a box blur of a sum and the sum of two blurs differ in \
                      the last digits. Allow an error of 1e-8 of the largest value.",
        question: "Is 0.1 + 0.2 == 0.3 true in your language?",
        see: ("dlbook", "4.1 Overflow and Underflow"),
        behaviour: |arguments| Experiment { tolerance: |_| 0.0, ..RIGHT }.agrees(arguments),
    },
    Misconception {
        id: "tolerance-absolute",
        title: "the allowed error is 1e-8 whatever the size of the values",
        explanation: "Values of 1e11 carry rounding errors of 1e-5, and values of 1e-9 would pass with any error at all. \
                      Multiply the tolerance by the largest value that occurs on either side.",
        question: "How large is the rounding error of a number near 1e11?",
        see: ("dlbook", "4.1 Overflow and Underflow"),
        behaviour: |arguments| Experiment { tolerance: |_| 1e-8, ..RIGHT }.agrees(arguments),
    },
    Misconception {
        id: "one-fixed-input",
        title: "the only image that is tried is constant",
        explanation: "A median, a clip or a blur leaves a constant image as it is, so nothing is learned about them. Use \
                      random images, and new ones in every trial.",
        question: "What does a median do to an image that is the same everywhere?",
        see: ("ud810", "2A-L3 (lesson 4) Linearity and convolution"),
        behaviour: |arguments| Experiment { constant_images: true, factors: (1.0, 1.0), ..RIGHT }.agrees(arguments),
    },
    Misconception {
        id: "only-zero-tested",
        title: "it is only tested that a black image stays black",
        explanation: "Every linear operation maps zero to zero, but so do the square, the median and the magnitude. It is \
                      a quick way to a no, never to a yes.",
        question: "Which operations besides linear ones map zero to zero?",
        see: ("gonzalez-dip", "2.6 Linear and nonlinear operations"),
        behaviour: |arguments| {
            let black = apply(callback(arguments, 0), &Array2::zeros((7, 9)));
            returns(Value::Bool(black.iter().all(|&x| x == 0.0)))
        },
    },
];
