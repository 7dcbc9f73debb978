//! `polyfit_design`: powers as columns turn a curve into a linear model.

use ndarray::{Array1, Array2, ArrayView1, Ix1, array, s};

use crate::exercise::{Exercise, Misconception, Outcome, Probe, Signature};
use crate::exercises::arguments::{f64_array, floats, int, int_named, rejects, returns};
use crate::exercises::numbers::Numbers;
use crate::value::Value;

/// The exercise.
pub static POLYFIT_DESIGN: Exercise = Exercise {
    id: "polyfit_design",
    station: "least-squares",
    task: "Return the matrix with which fitting a polynomial becomes linear least squares:\n\
           column k holds x**k, for k = 0 to deg, so that design @ c is c[0] + c[1]*x + ... + c[deg]*x**deg.\n\
           0**0 is 1 here. Refuse a negative degree with an error.",
    signature: Signature {
        name: "polyfit_design",
        parameters: &[f64_array("x", &["N"], "places"), int_named("deg", "degree of the polynomial, 0 or more")],
        returns: f64_array("design", &["N", "deg+1"], "powers of x, ascending from left to right"),
    },
    probes,
    reference,
    misconceptions: MISCONCEPTIONS,
    hints: &[
        "How many coefficients has a parabola? So how many columns has the design for deg = 2, and what is in the first?",
        "x[:, None] ** np.arange(deg + 1): a column of places against a row of exponents. In Rust, powi. Nothing else is needed.",
        "x = [2, -1, 0], deg = 3: rows (1, 2, 4, 8), (1, -1, 1, -1), (1, 0, 0, 0).",
    ],
    ..Exercise::DEFAULTS
};

fn probes() -> Vec<Probe> {
    let mut numbers = Numbers::stream(533);
    let arguments = |x: Array1<f64>, deg: i64| vec![x.into(), Value::Int(deg)];
    vec![
        Probe::ordinary("three places, degree 2", arguments(array![2.0, 3.0, 0.5], 2)),
        Probe::ordinary("four places, degree 1", arguments(array![1.0, 4.0, 2.5, 3.0], 1)),
        Probe::ordinary("seven places of both signs, degree 4", arguments(numbers.reals(7, -2.0, 2.0), 4)),
        Probe::ordinary("five whole numbers, degree 3", arguments(array![-2.0, -1.0, 0.0, 1.0, 2.0], 3)),
        Probe::hard("degree 0", arguments(array![0.0, 5.0, -3.0], 0)),
        Probe::hard("as many columns as places", arguments(array![0.3, -1.5, 2.0, 4.0], 3)),
        Probe::hard("a single place, degree 5", arguments(array![-1.5], 5)),
        Probe::hard("a million to the fourth", arguments(array![1e6, -2e6], 4)),
        Probe::hard("a negative degree", arguments(array![1.0, 2.0], -1)),
    ]
}

/// The matrix that `fill` makes for the places and the degree.
fn design(arguments: &[Value], fill: impl FnOnce(ArrayView1<'_, f64>, usize) -> Array2<f64>) -> Outcome {
    match usize::try_from(int(arguments, 1)) {
        Ok(deg) => returns(fill(floats::<Ix1>(arguments, 0), deg)),
        Err(_) => rejects("the degree must not be negative"),
    }
}

/// The matrix with an element for each place and exponent.
fn elements(arguments: &[Value], element: impl Fn(f64, usize) -> f64) -> Outcome {
    design(arguments, |x, deg| Array2::from_shape_fn((x.len(), deg + 1), |(i, k)| element(x[i], k)))
}

fn power(x: f64, k: usize) -> f64 {
    x.powi(k as i32)
}

fn powers(x: ArrayView1<'_, f64>, deg: usize) -> Array2<f64> {
    Array2::from_shape_fn((x.len(), deg + 1), |(i, k)| power(x[i], k))
}

fn reference(arguments: &[Value]) -> Outcome {
    design(arguments, powers)
}

const MISCONCEPTIONS: &[Misconception] = &[
    Misconception {
        id: "powers-descending",
        title: "the powers descend from left to right",
        explanation: "np.vander and np.polyfit put the highest power first; np.polynomial and this exercise put the constant first. Both \
                      fit equally well, but coefficients of one order mean nothing in the other.",
        question: "Which column multiplies c[0]?",
        see: ("numpy", "numpy.vander, argument increasing"),
        behaviour: |arguments| design(arguments, |x, deg| powers(x, deg).slice(s![.., ..;-1]).to_owned()),
    },
    Misconception {
        id: "constant-missing",
        title: "the column of ones is missing",
        explanation: "Without x^0 every curve is forced through the origin. A polynomial of degree deg has deg + 1 coefficients.",
        question: "How would your matrix fit y = 5?",
        see: ("szeliski", "A.2 Linear least squares"),
        behaviour: |arguments| design(arguments, |x, deg| powers(x, deg).slice(s![.., 1..]).to_owned()),
    },
    Misconception {
        id: "highest-power-missing",
        title: "the highest power is missing",
        explanation: "range(deg) ends at deg - 1. Degree 2 needs x^0, x^1 and x^2: three columns.",
        question: "How many columns do you have for a parabola?",
        see: ("numpy", "numpy.arange"),
        behaviour: |arguments| design(arguments, |x, deg| powers(x, deg).slice(s![.., ..deg]).to_owned()),
    },
    Misconception {
        id: "axes-swapped",
        title: "places are in columns and powers in rows",
        explanation: "Least squares wants one equation per row: a measurement. design @ c must have one number per place.",
        question: "Which shape has design @ c?",
        see: ("dlbook", "4.5 Example: linear least squares"),
        behaviour: |arguments| design(arguments, |x, deg| powers(x, deg).t().to_owned()),
    },
    Misconception {
        id: "multiples-for-powers",
        title: "x is multiplied by k and not raised to the power k",
        explanation: "k * x are multiples of one column: they add nothing, and the fit stays a line through the origin. ** is the power.",
        question: "For x = 3, what stands in column 2?",
        see: ("numpy", "numpy.power"),
        behaviour: |arguments| elements(arguments, |x, k| k as f64 * x),
    },
    Misconception {
        id: "base-and-exponent-swapped",
        title: "k is raised to the power x",
        explanation: "np.arange(deg + 1) ** x[:, None] has base and exponent the wrong way round: column 1 is all ones and column 0 zeros.",
        question: "For x = 3, is column 2 nine or eight?",
        see: ("numpy", "numpy.power"),
        behaviour: |arguments| elements(arguments, |x, k| (k as f64).powf(x)),
    },
    Misconception {
        id: "power-by-logarithm",
        title: "powers are computed as exp(k * log(x))",
        explanation: "The logarithm of a negative number is nan, and of 0 it is minus infinity. For whole exponents multiply, or use ** \
                      (powi in Rust).",
        question: "What is log(-2)?",
        see: ("numpy", "numpy.power"),
        behaviour: |arguments| elements(arguments, |x, k| (k as f64 * x.ln()).exp()),
    },
    Misconception {
        id: "computed-in-integers",
        title: "the places are converted to integers",
        explanation: "Integers cut off fractions, and they wrap around: the fourth power of a million does not fit into 64 bits, without \
                      a word. Keep floats.",
        question: "What does your code do with x = 0.5?",
        see: ("numpy", "data types: overflow of integers"),
        behaviour: |arguments| elements(arguments, |x, k| (x as i64).wrapping_pow(k as u32) as f64),
    },
    Misconception {
        id: "divided-by-factorial",
        title: "column k is divided by k!, as in a Taylor series",
        explanation: "x^k / k! fits the same curves, with coefficients that are derivatives. Here c[k] stands beside x^k itself.",
        question: "For x = 2, what stands in column 2: 4 or 2?",
        see: ("numpy", "numpy.vander, argument increasing"),
        behaviour: |arguments| {
            elements(arguments, |x, k| power(x, k) / (1..=k).map(|factor| factor as f64).product::<f64>())
        },
    },
];
