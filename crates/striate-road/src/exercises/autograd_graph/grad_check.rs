//! `grad_check`: is a gradient right?

use ndarray::{Array1, Array2, ArrayD, ArrayView1, ArrayView2, Ix2, array};

use crate::exercise::{Exercise, Kind, Misconception, Outcome, Parameter, Probe, Signature, Tolerance};
use crate::exercises::arguments::{callback, f64_array, float, float_named, floats, returns};
use crate::exercises::numbers::Numbers;
use crate::value::{Array, Callback, Value};

/// The exercise.
pub static GRAD_CHECK: Exercise = Exercise {
    id: "grad_check",
    station: "autograd-graph",
    task: "Compare the gradient g that somebody's backward pass gave with central differences of f at x.\n\
           The rows of x are P parameters of n numbers each, f(x) is the loss (an array without axes: a single number),\n\
           and row p of g is said to be the gradient with respect to row p of x. The numeric gradient moves one number\n\
           of x at a time: (f with +h - f with -h) / (2 * h).\n\
           The error of a row is |g - numeric| / (|g| + |numeric|) with Euclidean lengths, and 0 if both are\n\
           zero. Return the largest of the rows. Leave x as it is.",
    signature: Signature {
        name: "grad_check",
        parameters: &[
            Parameter { name: "f", kind: Kind::Function, meaning: "the loss, called as f(x) with any x of that shape" },
            f64_array("x", &["P", "n"], "where to check, a parameter per row"),
            f64_array("g", &["P", "n"], "the gradient to be checked"),
            float_named("h", "step"),
        ],
        returns: float_named("error", "largest relative error of a row, 0 (agrees) to 1 (does not)"),
    },
    probes,
    reference,
    misconceptions: MISCONCEPTIONS,
    // A right gradient leaves rounding noise only, which differs between languages.
    tolerance: Tolerance { relative: 1e-6, absolute: 1e-8 },
    hints: &[
        "What does your function say when g is exactly twice the right gradient? It should be 1/3.",
        "For each place (p, i): a copy of x with + h there, a copy with - h there, two calls of f, the difference divided by \
         2 h. Then for each row the length of the difference divided by the sum of the lengths; 0 where that sum is 0; the \
         maximum of all rows.",
        "f = x1^2 at x = 3, h = 0.1, g = 6: (3.1^2 - 2.9^2) / 0.2 = (9.61 - 8.41) / 0.2 = 6, error 0.\n\
         With g = 12: |12 - 6| / (12 + 6) = 0.3333. With g = -6: 12 / 12 = 1. With one-sided differences the numeric \
         gradient would be 6.1.",
    ],
    ..Exercise::DEFAULTS
};

/// A loss with its right gradient.
#[derive(Clone, Copy)]
struct Loss {
    name: &'static str,
    value: fn(ArrayView2<'_, f64>) -> f64,
    gradient: fn(ArrayView2<'_, f64>) -> Array2<f64>,
}

/// The sum of squares: central differences are exact.
const SQUARES: Loss =
    Loss { name: "sum_of_squares", value: |x| x.mapv(|v| v * v).sum(), gradient: |x| x.mapv(|v| 2.0 * v) };

/// Cubes, in which neighbours act together: central differences are off by h^2 times something.
const CUBES: Loss = Loss {
    name: "cubes",
    value: |x| {
        let flat: Vec<f64> = x.iter().copied().collect();
        flat.iter().map(|v| v * v * v).sum::<f64>()
            + flat.windows(2).map(|pair| pair[0] * pair[0] * pair[1]).sum::<f64>()
    },
    gradient: |x| {
        let flat: Vec<f64> = x.iter().copied().collect();
        let at = |k: usize| {
            let next = flat.get(k + 1).map_or(0.0, |next| 2.0 * flat[k] * next);
            let before = if k > 0 { flat[k - 1] * flat[k - 1] } else { 0.0 };
            3.0 * flat[k] * flat[k] + next + before
        };
        Array2::from_shape_fn(x.dim(), |(p, i)| at(p * x.ncols() + i))
    },
};

/// The first row counts a thousand times, the second a thousandth, the others not at all.
const SCALES: Loss = Loss {
    name: "rows_of_different_scale",
    value: |x| x.rows().into_iter().zip([1e3, 1e-3]).map(|(row, scale)| scale * row.mapv(|v| v * v).sum()).sum(),
    gradient: |x| {
        let scale = |p: usize| [1e3, 1e-3].get(p).copied().unwrap_or(0.0);
        Array2::from_shape_fn(x.dim(), |(p, i)| 2.0 * scale(p) * x[[p, i]])
    },
};

fn probes() -> Vec<Probe> {
    let mut numbers = Numbers::stream(431);
    let probe = |hard: bool, label: &str, loss: Loss, x: Array2<f64>, spoil: fn(&mut Array2<f64>), h: f64| {
        let mut g = (loss.gradient)(x.view());
        spoil(&mut g);
        let f = Value::function(loss.name, move |x: &ArrayD<f64>| {
            let value = x.view().into_dimensionality::<Ix2>().map_or(f64::NAN, |x| (loss.value)(x));
            ndarray::arr0(value).into_dyn()
        });
        let arguments = vec![f, x.into(), g.into(), Value::Float(h)];
        if hard { Probe::hard(label, arguments) } else { Probe::ordinary(label, arguments) }
    };
    let few = || array![[1.0, -2.0, 3.0], [0.5, 1.5, -1.0]];
    let mut reals = |p: usize, n: usize| numbers.reals([p, n], -2.0, 2.0);
    vec![
        probe(false, "squares, the gradient is right", SQUARES, few(), |_| (), 1e-3),
        probe(false, "squares, the gradient is twice as long", SQUARES, few(), |g| *g *= 2.0, 1e-3),
        probe(false, "squares, one number of six is 1 % off", SQUARES, few(), |g| g[[0, 1]] *= 1.01, 1e-3),
        probe(false, "cubes, the gradient is right", CUBES, reals(2, 4), |_| (), 1e-2),
        probe(false, "cubes, one row is wrong", CUBES, reals(3, 2), |g| g.row_mut(2).fill(0.7), 1e-2),
        probe(false, "cubes, the sign is wrong", CUBES, reals(2, 3), |g| *g *= -1.0, 1e-2),
        probe(false, "a large row and a small one, which is 10 % off", SCALES, few(), |g| g[[1, 0]] *= 1.1, 1e-2),
        probe(true, "a dead row: f does not depend on it", SCALES, reals(3, 2), |g| *g *= 1.5, 1e-2),
        probe(
            true,
            "a dead row whose gradient is said to be 0.1",
            SCALES,
            reals(3, 2),
            |g| g.row_mut(2).fill(0.1),
            1e-2,
        ),
        probe(true, "a gradient of zeros", CUBES, reals(1, 3), |g| g.fill(0.0), 1e-2),
        probe(true, "a single number", CUBES, reals(1, 1), |_| (), 0.1),
        probe(true, "a step of 0.3: the differences themselves are off", CUBES, reals(2, 3), |_| (), 0.3),
    ]
}

/// How a check is made; every misconception is one wrong setting.
#[derive(Clone, Copy)]
struct Recipe {
    /// The numeric gradient of f at x with step h.
    numeric: fn(&Callback, ArrayView2<'_, f64>, f64) -> Array2<f64>,
    /// The error of one row, from gradient and numeric gradient.
    row_error: fn(ArrayView1<'_, f64>, ArrayView1<'_, f64>) -> f64,
    /// One number from the errors of the rows.
    combine: fn(&[f64]) -> f64,
    /// Whether all rows are taken as one.
    joined: bool,
}

const RIGHT: Recipe = Recipe { numeric: central, row_error: relative, combine: largest, joined: false };

impl Recipe {
    fn error(&self, arguments: &[Value]) -> Outcome {
        let (x, g): (ArrayView2<'_, f64>, ArrayView2<'_, f64>) = (floats(arguments, 1), floats(arguments, 2));
        let numeric = (self.numeric)(callback(arguments, 0), x, float(arguments, 3));
        let errors: Vec<f64> = if self.joined {
            let (g, numeric): (Array1<f64>, Array1<f64>) =
                (g.iter().copied().collect(), numeric.iter().copied().collect());
            vec![(self.row_error)(g.view(), numeric.view())]
        } else {
            g.rows().into_iter().zip(numeric.rows()).map(|(g, numeric)| (self.row_error)(g, numeric)).collect()
        };
        returns(Value::Float((self.combine)(&errors)))
    }
}

fn loss(f: &Callback, x: &Array2<f64>) -> f64 {
    match (f.call)(&[Value::from(x.clone())]) {
        Value::Array(Array::F64(value)) => value.first().copied().unwrap_or(f64::NAN),
        other => panic!("f returned {other:?}"),
    }
}

/// A difference at every place, from the place's index.
fn at_every_place(x: ArrayView2<'_, f64>, difference: impl FnMut((usize, usize)) -> f64) -> Array2<f64> {
    Array2::from_shape_vec(x.dim(), ndarray::indices(x.dim()).into_iter().map(difference).collect())
        .expect("one difference per place")
}

/// The loss with one place moved by `step`.
fn moved(f: &Callback, x: ArrayView2<'_, f64>, place: (usize, usize), step: f64) -> f64 {
    let mut x = x.to_owned();
    x[place] += step;
    loss(f, &x)
}

fn central(f: &Callback, x: ArrayView2<'_, f64>, h: f64) -> Array2<f64> {
    at_every_place(x, |place| (moved(f, x, place, h) - moved(f, x, place, -h)) / (2.0 * h))
}

fn length(row: ArrayView1<'_, f64>) -> f64 {
    row.dot(&row).sqrt()
}

fn distance(g: ArrayView1<'_, f64>, numeric: ArrayView1<'_, f64>) -> f64 {
    length((&g - &numeric).view())
}

fn or_zero(error: f64) -> f64 {
    if error.is_nan() { 0.0 } else { error }
}

fn relative(g: ArrayView1<'_, f64>, numeric: ArrayView1<'_, f64>) -> f64 {
    or_zero(distance(g, numeric) / (length(g) + length(numeric)))
}

/// The largest error; not a number if one of them is not.
fn largest(errors: &[f64]) -> f64 {
    errors
        .iter()
        .fold(0.0, |worst: f64, &error| if worst.is_nan() || error.is_nan() { f64::NAN } else { worst.max(error) })
}

fn reference(arguments: &[Value]) -> Outcome {
    RIGHT.error(arguments)
}

const DLS: &str = "W1 Numerical approximation of gradients; Gradient checking";

const MISCONCEPTIONS: &[Misconception] = &[
    Misconception {
        id: "one-sided-difference",
        title: "the difference is taken on one side only, (f(x + h) - f(x)) / h",
        explanation: "The one-sided difference is off by h times half the curvature, the central one by h^2: with h = 1e-5 that is ten digits against \
                      five. A right gradient looks wrong, and a slightly wrong one looks right.",
        question: "At which two points does your code call f for one number?",
        see: ("dls-c2", DLS),
        behaviour: |arguments| {
            let numeric = |f: &Callback, x: ArrayView2<'_, f64>, h: f64| {
                at_every_place(x, |place| (moved(f, x, place, h) - moved(f, x, place, 0.0)) / h)
            };
            Recipe { numeric, ..RIGHT }.error(arguments)
        },
    },
    Misconception {
        id: "divided-by-half-the-distance",
        title: "the central difference is divided by h and not by 2 h",
        explanation: "From x - h to x + h is a distance of 2 h. Divided by h, the numeric gradient is twice too long and every right gradient shows an \
                      error of 1/3.",
        question: "How far apart are the two points at which you call f?",
        see: ("dls-c2", DLS),
        behaviour: |arguments| Recipe { numeric: |f, x, h| 2.0 * central(f, x, h), ..RIGHT }.error(arguments),
    },
    Misconception {
        id: "all-entries-perturbed",
        title: "all numbers of x are moved at once",
        explanation: "x + h adds h everywhere: the difference is the slope in the direction (1, 1, ...), a sum of all derivatives. For one derivative move \
                      one number of a copy of x.",
        question: "How many numbers of x differ between your two calls of f?",
        see: ("cs231n", "notes: neural-networks-3, gradient checks"),
        behaviour: |arguments| {
            let numeric = |f: &Callback, x: ArrayView2<'_, f64>, h: f64| {
                let slope = (loss(f, &(&x + h)) - loss(f, &(&x - h))) / (2.0 * h);
                Array2::from_elem(x.dim(), slope)
            };
            Recipe { numeric, ..RIGHT }.error(arguments)
        },
    },
    Misconception {
        id: "point-not-restored",
        title: "a number that was moved is left at x - h when the next one is moved",
        explanation: "x[i] += h, f(x), x[i] -= 2 h, f(x): and now x[i] is h too small for all that follow. Work on a copy for each number, or put the old \
                      value back.",
        question: "What is x[0] in your code when x[1] is moved?",
        see: ("cs231n", "notes: neural-networks-3, gradient checks"),
        behaviour: |arguments| {
            let numeric = |f: &Callback, x: ArrayView2<'_, f64>, h: f64| {
                let mut left = x.to_owned();
                at_every_place(x, |place| {
                    let up = moved(f, left.view(), place, h);
                    left[place] -= h;
                    (up - loss(f, &left)) / (2.0 * h)
                })
            };
            Recipe { numeric, ..RIGHT }.error(arguments)
        },
    },
    Misconception {
        id: "single-precision",
        title: "x and h are single-precision (float32) numbers",
        explanation: "float32 has seven digits. x + h is rounded to them, and of the difference of two nearly equal losses little is left. Check gradients \
                      in float64, whatever you train in.",
        question: "Of which type is x where you add h?",
        see: ("cs231n", "notes: neural-networks-3, gradient checks"),
        behaviour: |arguments| {
            let numeric = |f: &Callback, x: ArrayView2<'_, f64>, h: f64| {
                let rounded = x.mapv(|v| f64::from(v as f32));
                at_every_place(x, |place| {
                    let side = |step: f64| {
                        let mut x = rounded.clone();
                        x[place] = f64::from(x[place] as f32 + step as f32);
                        loss(f, &x)
                    };
                    (side(h) - side(-h)) / (2.0 * h)
                })
            };
            Recipe { numeric, ..RIGHT }.error(arguments)
        },
    },
    Misconception {
        id: "absolute-error",
        title: "the length of the difference is returned, without dividing by the lengths",
        explanation: "An error of 0.001 is nothing for a gradient of 1000 and everything for one of 0.001. Divided by the sum of the lengths it runs from 0 \
                      to 1 and means the same for every layer.",
        question: "What does your function give if f, and g with it, is a million times larger?",
        see: ("cs231n", "notes: neural-networks-3, gradient checks"),
        behaviour: |arguments| Recipe { row_error: distance, ..RIGHT }.error(arguments),
    },
    Misconception {
        id: "dead-parameter-nan",
        title: "a parameter on which the loss does not depend gives 0 / 0, not a number",
        explanation: "Both gradients are zero and agree perfectly: the error is 0. Dead ReLU units make such rows all the time, and one NaN hides every other \
                      error.",
        question: "What does your code divide by when g and the numeric gradient are both zero?",
        see: ("cs231n", "notes: neural-networks-3, gradient checks"),
        behaviour: |arguments| {
            let row_error = |g: ArrayView1<'_, f64>, numeric: ArrayView1<'_, f64>| {
                distance(g, numeric) / (length(g) + length(numeric))
            };
            Recipe { row_error, ..RIGHT }.error(arguments)
        },
    },
    Misconception {
        id: "norm-over-everything",
        title: "all rows are taken as one long vector",
        explanation: "Then a layer with large gradients drowns the others: the last bias could be wrong by half and the error stays at 1e-6. Each parameter \
                      is compared by its own length, and the worst one counts.",
        question: "A row with tiny gradients is wrong by half. Does your number show it?",
        see: ("dls-c2", DLS),
        behaviour: |arguments| Recipe { joined: true, ..RIGHT }.error(arguments),
    },
    Misconception {
        id: "mean-over-parameters",
        title: "the errors of the rows are averaged",
        explanation: "One wrong parameter among a hundred right ones must not look like a small error. The largest error is what you want to know.",
        question: "One row of three is completely wrong. What is your number: 1 or 1/3?",
        see: ("cs231n", "notes: neural-networks-3, gradient checks"),
        behaviour: |arguments| {
            Recipe { combine: |errors| errors.iter().sum::<f64>() / errors.len() as f64, ..RIGHT }.error(arguments)
        },
    },
    Misconception {
        id: "root-missing",
        title: "squared lengths are divided: the root is missing",
        explanation: "A relative error of 0.01 becomes 0.0001 when squared, and thresholds like 1e-7 lose their meaning. The length is the root of the sum of \
                      squares, np.linalg.norm.",
        question: "Is there a square root in your lengths?",
        see: ("dls-c2", DLS),
        behaviour: |arguments| {
            let row_error = |g: ArrayView1<'_, f64>, numeric: ArrayView1<'_, f64>| {
                or_zero(distance(g, numeric).powi(2) / (g.dot(&g) + numeric.dot(&numeric)))
            };
            Recipe { row_error, ..RIGHT }.error(arguments)
        },
    },
    Misconception {
        id: "divided-by-larger",
        title: "the difference is divided by the larger of the two lengths, not by their sum",
        explanation: "CS231n's notes divide by the larger one; then a wrong sign gives 2. The rule asked for divides by the sum, so the error stays between 0 \
                      and 1.",
        question: "What does your function give for g = -numeric?",
        see: ("cs231n", "notes: neural-networks-3, gradient checks"),
        behaviour: |arguments| {
            let row_error = |g: ArrayView1<'_, f64>, numeric: ArrayView1<'_, f64>| {
                or_zero(distance(g, numeric) / length(g).max(length(numeric)))
            };
            Recipe { row_error, ..RIGHT }.error(arguments)
        },
    },
    Misconception {
        id: "entrywise-error",
        title: "each number is compared by itself, and the largest relative error of a single number is returned",
        explanation: "A number near zero among large ones has a relative error made of rounding noise, and raises false alarms. Compared by rows, the length of \
                      the row says what is small.",
        question: "g = (1000, 0) and the numeric gradient is (1000, 1e-9). What is your error?",
        see: ("cs231n", "notes: neural-networks-3, gradient checks"),
        behaviour: |arguments| {
            let row_error = |g: ArrayView1<'_, f64>, numeric: ArrayView1<'_, f64>| {
                g.iter().zip(numeric).map(|(g, n)| or_zero((g - n).abs() / (g.abs() + n.abs()))).fold(0.0, f64::max)
            };
            Recipe { row_error, ..RIGHT }.error(arguments)
        },
    },
];
