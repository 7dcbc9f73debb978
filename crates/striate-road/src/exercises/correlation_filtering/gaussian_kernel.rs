//! `gaussian_kernel`: the bell as weights.

use ndarray::Array2;
use striate_image::filter;

use crate::exercise::{Element, Exercise, Kind, Misconception, Outcome, Parameter, Probe, Property, Signature};
use crate::exercises::arguments::{float, int, rejects, returns};
use crate::value::Value;

/// The exercise.
pub static GAUSSIAN_KERNEL: Exercise = Exercise {
    id: "gaussian_kernel",
    station: "correlation-filtering",
    task: "Return the Gaussian smoothing kernel with 2 * radius + 1 rows and columns.\n\
           The weight at distance (dy, dx) from the centre is proportional to exp(-(dy**2 + dx**2) / (2 * sigma**2)),\n\
           and all weights together sum to 1.\n\
           Refuse a sigma that is not positive and a negative radius with an error.",
    signature: Signature {
        name: "gaussian_kernel",
        parameters: &[
            Parameter { name: "sigma", kind: Kind::Float, meaning: "standard deviation in pixels, positive" },
            Parameter { name: "radius", kind: Kind::Int, meaning: "pixels on each side of the centre, 0 or more" },
        ],
        returns: Parameter {
            name: "kernel",
            kind: Kind::Array { element: Element::F64, axes: &["2*radius+1", "2*radius+1"] },
            meaning: "weights that sum to 1",
        },
    },
    probes,
    reference,
    misconceptions: MISCONCEPTIONS,
    properties: &[
        Property { title: "sums to one", violated: sums_to_one },
        Property { title: "is the same after a turn by 90 degrees", violated: is_symmetric },
    ],
    hints: &[
        "Print the kernel for sigma = 1 and radius = 1: which weight is the largest, and what do all nine sum to?",
        "Make a row of distances -radius .. radius. Square them, add them as a column and a row (that is the squared \
         distance of each cell from the centre), divide by -2 sigma^2, take exp, and at the very end divide by the sum.",
        "sigma = 1, radius = 1. Before dividing, the centre is exp(0) = 1, the four sides are exp(-1/2) = 0.6065 and the \
         four corners exp(-1) = 0.3679. The sum is 1 + 4*0.6065 + 4*0.3679 = 4.8976, so the centre weight is \
         1 / 4.8976 = 0.2042, a side 0.1238, a corner 0.0751.",
    ],
    ..Exercise::DEFAULTS
};

fn probes() -> Vec<Probe> {
    let arguments = |sigma: f64, radius: i64| vec![Value::Float(sigma), Value::Int(radius)];
    let ordinary = [(2.0, 1), (0.8, 2), (1.5, 3), (3.0, 5)];
    let hard = [
        (1.5, 0, "radius 0: a single weight"),
        (0.05, 2, "a very narrow bell: nearly an impulse"),
        (1e5, 2, "a very wide bell: nearly a box"),
        (0.0, 2, "sigma 0"),
        (-1.5, 1, "a negative sigma"),
        (1.0, -1, "a negative radius"),
    ];
    let label = |sigma: f64, radius: i64| format!("sigma {sigma}, radius {radius}");
    ordinary
        .into_iter()
        .map(|(sigma, radius)| Probe::ordinary(label(sigma, radius), arguments(sigma, radius)))
        .chain(hard.into_iter().map(|(sigma, radius, what)| Probe::hard(what, arguments(sigma, radius))))
        .collect()
}

/// Sigma and radius, or the refusal.
fn accepted(arguments: &[Value], kernel: impl FnOnce(f64, usize) -> Array2<f64>) -> Outcome {
    let sigma = float(arguments, 0);
    let Ok(radius) = usize::try_from(int(arguments, 1)) else {
        return rejects("the radius must not be negative");
    };
    if sigma <= 0.0 {
        return rejects(format!("sigma must be positive, it is {sigma}"));
    }
    returns(kernel(sigma, radius))
}

fn reference(arguments: &[Value]) -> Outcome {
    accepted(arguments, |sigma, radius| filter::gaussian_kernel(sigma, radius).expect("sigma is positive"))
}

/// Weights by distance from the centre along both axes.
fn weights(radius: usize, weight: impl Fn(f64, f64) -> f64) -> Array2<f64> {
    let distance = |index: usize| index as f64 - radius as f64;
    Array2::from_shape_fn((2 * radius + 1, 2 * radius + 1), |(i, j)| weight(distance(i), distance(j)))
}

fn normalized(kernel: Array2<f64>) -> Array2<f64> {
    let sum = kernel.sum();
    kernel / sum
}

fn bell(sigma: f64) -> impl Fn(f64, f64) -> f64 {
    move |y, x| (-(y * y + x * x) / (2.0 * sigma * sigma)).exp()
}

fn sums_to_one(_: &[Value], result: &Value) -> Option<String> {
    let sum: f64 = result.as_array()?.to_f64().iter().sum();
    ((sum - 1.0).abs() > 1e-12).then(|| format!("the weights sum to {sum}"))
}

fn is_symmetric(_: &[Value], result: &Value) -> Option<String> {
    let array = result.as_array()?;
    let (&[size, columns], values) = (array.shape(), array.to_f64()) else { return None };
    let at = |i: usize, j: usize| values[i * columns + j];
    (0..size.min(columns)).flat_map(|i| (0..size.min(columns)).map(move |j| (i, j))).find_map(|(i, j)| {
        let turned = at(j, size - 1 - i);
        ((at(i, j) - turned).abs() > 1e-12).then(|| format!("kernel[{i}, {j}] is {}, turned it is {turned}", at(i, j)))
    })
}

const MISCONCEPTIONS: &[Misconception] = &[
    Misconception {
        id: "not-normalized",
        title: "the weights are not divided by their sum",
        explanation: "The centre weight is exactly 1 and the sum is larger than 1, so every filtered image becomes \
                      brighter by that factor. A smoothing kernel must leave a constant image as it is: divide by the sum.",
        question: "What does your kernel do to an image that is 100 everywhere?",
        see: ("gonzalez-dip", "3.6 Smoothing spatial filters"),
        behaviour: |arguments| accepted(arguments, |sigma, radius| weights(radius, bell(sigma))),
    },
    Misconception {
        id: "normalized-by-formula",
        title: "the weights are divided by 2 pi sigma^2 and not by their sum",
        explanation: "1 / (2 pi sigma^2) makes the integral over the whole plane 1. Your kernel has samples, and it ends \
                      at the radius, so the tail is missing and the sum is not 1. Divide by the sum of what you have.",
        question: "What do the weights sum to for sigma = 2 and radius = 1?",
        see: ("szeliski", "3.2 Linear filtering"),
        behaviour: |arguments| {
            accepted(arguments, |sigma, radius| {
                weights(radius, bell(sigma)) / (2.0 * std::f64::consts::PI * sigma * sigma)
            })
        },
    },
    Misconception {
        id: "sigma-not-squared",
        title: "the exponent is divided by 2 sigma and not by 2 sigma^2",
        explanation: "The exponent of a Gaussian is -(d / sigma)^2 / 2: sigma is a length in pixels, and it is squared \
                      together with the distance. For sigma = 1 nobody sees the difference.",
        question: "Which unit has d^2 / (2 sigma), if d and sigma are in pixels?",
        see: ("ud810", "2A-L2 (lesson 3) Filtering"),
        behaviour: |arguments| {
            accepted(arguments, |sigma, radius| {
                normalized(weights(radius, |y, x| (-(y * y + x * x) / (2.0 * sigma)).exp()))
            })
        },
    },
    Misconception {
        id: "half-missing",
        title: "the exponent is divided by sigma^2, without the factor 2",
        explanation: "exp(-d^2 / sigma^2) is a bell with standard deviation sigma / sqrt(2): it smooths less than the \
                      sigma that was asked for. The exponent is -d^2 / (2 sigma^2).",
        question: "At distance d = sigma, the weight over the centre weight should be exp(-1/2) = 0.61. What is yours?",
        see: ("gonzalez-dip", "3.6 Smoothing spatial filters"),
        behaviour: |arguments| {
            accepted(arguments, |sigma, radius| {
                normalized(weights(radius, |y, x| (-(y * y + x * x) / (sigma * sigma)).exp()))
            })
        },
    },
    Misconception {
        id: "grid-from-zero",
        title: "distances run from 0 to 2 radius in place of -radius to radius",
        explanation: "The largest weight sits in the top left corner: only one quarter of the bell is there. Distances \
                      are measured from the centre cell, whose index is radius.",
        question: "Which cell of your kernel has the largest weight?",
        see: ("ud810", "2A-L2 (lesson 3) Filtering"),
        behaviour: |arguments| {
            accepted(arguments, |sigma, radius| {
                let bell = bell(sigma);
                normalized(weights(radius, |y, x| bell(y + radius as f64, x + radius as f64)))
            })
        },
    },
    Misconception {
        id: "distance-not-squared",
        title: "the distance itself and not its square stands in the exponent",
        explanation: "exp(-d / (2 sigma^2)) has a sharp peak and long tails. In a Gaussian the distance is squared; that \
                      is also why no square root is needed, since dy^2 + dx^2 is the square already.",
        question: "Is there a square root in your code? What is it for?",
        see: ("szeliski", "3.2 Linear filtering"),
        behaviour: |arguments| {
            accepted(arguments, |sigma, radius| {
                normalized(weights(radius, |y, x| (-y.hypot(x) / (2.0 * sigma * sigma)).exp()))
            })
        },
    },
    Misconception {
        id: "sum-over-wrong-axis",
        title: "every row is divided by its own sum",
        explanation: "Each row sums to 1 and the whole kernel to 2 radius + 1. The bell's decay from row to row is \
                      divided away: all rows are equal. Divide by the sum over both axes.",
        question: "Over which axes does your sum run?",
        see: ("numpy", "numpy.sum, argument axis"),
        behaviour: |arguments| {
            accepted(arguments, |sigma, radius| {
                let mut kernel = weights(radius, bell(sigma));
                for mut row in kernel.rows_mut() {
                    let sum = row.sum();
                    row /= sum;
                }
                kernel
            })
        },
    },
    Misconception {
        id: "radius-as-size",
        title: "radius is taken as the number of rows of the kernel",
        explanation: "A kernel of radius r reaches r pixels to each side of its centre: 2 r + 1 rows and columns.",
        question: "How many cells are there from -2 to 2?",
        see: ("ud810", "2A-L2 (lesson 3) Filtering"),
        behaviour: |arguments| {
            accepted(arguments, |sigma, size| {
                let center = (size as f64 - 1.0) / 2.0;
                let bell = bell(sigma);
                normalized(Array2::from_shape_fn((size, size), |(i, j)| bell(i as f64 - center, j as f64 - center)))
            })
        },
    },
];
