//! `locally_weighted`: a line of its own for every query.

use ndarray::{Array1, ArrayView1, array};

use crate::exercise::{Exercise, Misconception, Outcome, Probe, Property, Signature};
use crate::exercises::arguments::{f64_array, float, float_named, floats, returns};
use crate::exercises::numbers::Numbers;
use crate::value::{Array, Value};

/// The exercise.
pub static LOCALLY_WEIGHTED: Exercise = Exercise {
    id: "locally_weighted",
    station: "linear-regression",
    task: "Predict y at each query by a line of its own (locally weighted regression): for a query q, point i gets the\n\
           weight exp(-(x[i] - q)**2 / (2 * tau**2)), the line w * x + b minimises the weighted sum of squared residuals,\n\
           and the prediction is w * q + b.\n\
           Only the ratios of the weights matter, so a query far from all points has an answer too.\n\
           If all x are equal, no line is determined: predict the mean of y.",
    signature: Signature {
        name: "locally_weighted",
        parameters: &[
            f64_array("xq", &["M"], "queries"),
            f64_array("x", &["N"], "positions of the points"),
            f64_array("y", &["N"], "values of the points"),
            float_named("tau", "width of the neighbourhood, positive"),
        ],
        returns: f64_array("prediction", &["M"], "the value at each query"),
    },
    probes,
    reference,
    misconceptions: MISCONCEPTIONS,
    properties: &[Property { title: "reproduces points that lie on a line", violated: leaves_the_line }],
    hints: &[
        "Take a single query and a huge tau: all weights become 1. Does your prediction equal that of the ordinary line \
         through all points?",
        "For each query: weights, then the weighted means xm and ym, then the slope \
         w = sum(weight * (x - xm) * (y - ym)) / sum(weight * (x - xm)**2), and the prediction is ym + w * (q - xm). \
         Subtract the smallest squared distance in the exponent first, so that the nearest point has weight 1.",
        "x = [0, 1, 2], y = [0, 1, 4], q = 1, tau = 1. Weights exp(-1/2) = 0.6065, 1, 0.6065.\n\
         xm = 1, ym = (0.6065*0 + 1 + 0.6065*4) / 2.2131 = 1.5481, so the prediction at q = xm is 1.5481.\n\
         The plain line through the three points is 2 x - 1/3 and would say 1.6667.",
    ],
    ..Exercise::DEFAULTS
};

fn probes() -> Vec<Probe> {
    let mut numbers = Numbers::stream(351);
    let arguments = |xq: Array1<f64>, x: Array1<f64>, y: Array1<f64>, tau: f64| {
        vec![xq.into(), x.into(), y.into(), Value::Float(tau)]
    };
    let mut curve = |n: usize| {
        let x: Array1<f64> = numbers.reals(n, -3.0, 3.0);
        let y = x.mapv(f64::sin) + numbers.reals(n, -0.2, 0.2);
        (x, y)
    };
    let mut probes = vec![Probe::ordinary(
        "three points, one query",
        arguments(array![0.5], array![0.0, 1.0, 2.0], array![0.0, 1.0, 4.0], 0.8),
    )];
    let (x, y) = curve(7);
    probes.push(Probe::ordinary("7 points, 3 queries, tau 0.6", arguments(array![-1.0, 0.3, 2.0], x, y, 0.6)));
    let (x, y) = curve(11);
    probes.push(Probe::ordinary(
        "11 points, 5 queries, tau 1.5",
        arguments(array![2.5, -2.0, 0.0, 1.0, -0.4], x, y, 1.5),
    ));
    let x = array![0.0, 1.0, 3.0, 4.0, 6.0];
    let line = x.mapv(|x| 2.0 * x - 1.0);
    probes.push(Probe::ordinary("five points on the line 2 x - 1", arguments(array![2.0, 5.5], x, line, 1.3)));
    let (x, y) = curve(7);
    probes.push(Probe::hard("a tau so large that all weights are 1", arguments(array![-1.0, 2.0], x, y, 1e6)));
    let (near, values) = (array![0.0, 0.3, 0.1, 0.25, 0.2], array![1.0, 1.4, 0.9, 1.3, 1.2]);
    probes.push(Probe::hard("a query 40 tau from all points", arguments(array![40.0], near, values, 1.0)));
    let together = array![2.0, 2.0, 2.0];
    probes.push(Probe::hard("points at one place", arguments(array![2.0, 3.0], together, array![1.0, 2.0, 6.0], 0.5)));
    probes.push(Probe::hard("a single point", arguments(array![0.0, 1.0], array![1.0], array![5.0], 0.5)));
    probes
}

/// How a prediction is made; every misconception is one wrong setting.
#[derive(Clone, Copy)]
struct Recipe {
    /// Minus the logarithm of a weight, from distance and tau.
    exponent: fn(f64, f64) -> f64,
    /// Whether the smallest exponent is subtracted from all.
    shifted: bool,
    /// The query that the weights are made for, from all queries and the one that is predicted.
    focus: fn(ArrayView1<'_, f64>, f64) -> f64,
    /// The prediction from weights, points and query.
    predict: fn(&Array1<f64>, ArrayView1<'_, f64>, ArrayView1<'_, f64>, f64) -> f64,
}

const RIGHT: Recipe = Recipe {
    exponent: |distance, tau| (distance / tau).powi(2) / 2.0,
    shifted: true,
    focus: |_, query| query,
    predict: |weights, x, y, query| {
        let sum = weights.sum();
        let (xm, ym) = (weights.dot(&x) / sum, weights.dot(&y) / sum);
        ym + slope(weights, x, y, xm, ym) * (query - xm)
    },
};

/// The weighted covariance over the weighted variance.
fn slope(weights: &Array1<f64>, x: ArrayView1<'_, f64>, y: ArrayView1<'_, f64>, xm: f64, ym: f64) -> f64 {
    let weighted = weights * &(&x - xm);
    weighted.dot(&(&y - ym)) / weighted.dot(&(&x - xm))
}

impl Recipe {
    fn predictions(&self, arguments: &[Value]) -> Outcome {
        let array = |index: usize| floats::<ndarray::Ix1>(arguments, index);
        let (xq, x, y, tau) = (array(0), array(1), array(2), float(arguments, 3));
        let together = x.iter().all(|&place| place == x[0]);
        let prediction = xq.mapv(|query| {
            if together {
                return y.mean().unwrap_or(0.0);
            }
            let focus = (self.focus)(xq, query);
            let exponents = x.mapv(|place| (self.exponent)((place - focus).abs(), tau));
            let least = if self.shifted { exponents.fold(f64::INFINITY, |a, &b| a.min(b)) } else { 0.0 };
            (self.predict)(&exponents.mapv(|e| (least - e).exp()), x, y, query)
        });
        returns(prediction)
    }
}

fn reference(arguments: &[Value]) -> Outcome {
    RIGHT.predictions(arguments)
}

fn leaves_the_line(arguments: &[Value], result: &Value) -> Option<String> {
    let array = |index: usize| floats::<ndarray::Ix1>(arguments, index);
    let (xq, x, y) = (array(0), array(1), array(2));
    let line = |x: f64| 2.0 * x - 1.0;
    let Value::Array(Array::F64(predictions)) = result else { return None };
    if x.iter().zip(&y).any(|(&x, &y)| y != line(x)) {
        return None;
    }
    xq.iter().zip(predictions).find_map(|(&query, &got)| {
        let wanted = line(query);
        ((got - wanted).abs() > 1e-9).then(|| format!("at {query} the line is {wanted}, the prediction {got}"))
    })
}

const MISCONCEPTIONS: &[Misconception] = &[
    Misconception {
        id: "weights-squared",
        title: "the residuals are multiplied by the weights before they are squared, so each weight enters squared",
        explanation: "Multiplying the rows of x and of y by the weight and calling least squares minimises the sum of \
                      (weight * residual)^2. To weight the squares, multiply the rows by the square root of the weight.",
        question: "Which power of the weight stands before the squared residual in what your code minimises?",
        see: ("cs229", "notes 1: locally weighted regression"),
        behaviour: |arguments| {
            Recipe { exponent: |distance, tau| (distance / tau).powi(2), ..RIGHT }.predictions(arguments)
        },
    },
    Misconception {
        id: "sigma-not-squared",
        title: "the exponent is divided by 2 tau and not by 2 tau^2",
        explanation: "tau is a width in the unit of x, and it is squared together with the distance: -(d / tau)^2 / 2. For \
                      tau = 1 nobody sees the difference.",
        question: "Which unit has d^2 / (2 tau), if x is in metres?",
        see: ("cs229", "notes 1: locally weighted regression"),
        behaviour: |arguments| {
            Recipe { exponent: |distance, tau| distance.powi(2) / (2.0 * tau), ..RIGHT }.predictions(arguments)
        },
    },
    Misconception {
        id: "distance-not-squared",
        title: "the distance itself and not its square stands in the exponent",
        explanation: "exp(-|d| / (2 tau^2)) has a peak at the query and long tails: far points keep a say. The bell has the \
                      square of the distance.",
        question: "Is there an absolute value where a square should be?",
        see: ("cs229", "notes 1: locally weighted regression"),
        behaviour: |arguments| {
            Recipe { exponent: |distance, tau| distance / (2.0 * tau * tau), ..RIGHT }.predictions(arguments)
        },
    },
    Misconception {
        id: "fit-reused",
        title: "the weights of the first query are used for all queries",
        explanation: "The line belongs to its query: the weights say what is near, and near changes with the query. The fit is \
                      made anew for each, which is why this method keeps its training data.",
        question: "What does your code compute again for the second query?",
        see: ("cs229", "notes 1: locally weighted regression"),
        behaviour: |arguments| Recipe { focus: |queries, _| queries[0], ..RIGHT }.predictions(arguments),
    },
    Misconception {
        id: "weights-ignored",
        title: "all points have the same weight: one straight line for everything",
        explanation: "That is ordinary linear regression. The weights let each query look at its neighbourhood only, so that \
                      many small lines follow a curve.",
        question: "Do your predictions at three queries lie on one line?",
        see: ("cs229", "notes 1: locally weighted regression"),
        behaviour: |arguments| Recipe { exponent: |_, _| 0.0, ..RIGHT }.predictions(arguments),
    },
    Misconception {
        id: "slope-missing",
        title: "the weighted mean of y is returned, without a slope",
        explanation: "The weighted mean (kernel smoothing) fits a constant near the query. At the ends, where all neighbours lie \
                      on one side, a constant lags behind; a line does not.",
        question: "Points on the line y = x: what do you predict left of all of them?",
        see: ("cs229", "notes 1: locally weighted regression"),
        behaviour: |arguments| {
            Recipe { predict: |weights, _, y, _| weights.dot(&y) / weights.sum(), ..RIGHT }.predictions(arguments)
        },
    },
    Misconception {
        id: "bias-missing",
        title: "the line is forced through the origin",
        explanation: "Without an intercept only the slope is fitted, sum(w x y) / sum(w x^2). Add a column of ones to x, or \
                      subtract the weighted means first.",
        question: "What does your line say at x = 0?",
        see: ("ng-ml", "W1 Linear regression with one variable"),
        behaviour: |arguments| {
            let predict = |weights: &Array1<f64>, x: ArrayView1<'_, f64>, y: ArrayView1<'_, f64>, query: f64| {
                slope(weights, x, y, 0.0, 0.0) * query
            };
            Recipe { predict, ..RIGHT }.predictions(arguments)
        },
    },
    Misconception {
        id: "means-unweighted",
        title: "the plain means of x and y are subtracted, and only the slope is weighted",
        explanation: "The best line goes through the weighted mean of the points. Through the plain mean it goes only when all \
                      weights are equal.",
        question: "Through which point does your line go, and are far points part of it?",
        see: ("cs229", "notes 1: locally weighted regression"),
        behaviour: |arguments| {
            let predict = |weights: &Array1<f64>, x: ArrayView1<'_, f64>, y: ArrayView1<'_, f64>, query: f64| {
                let (xm, ym) = (x.mean().unwrap_or(0.0), y.mean().unwrap_or(0.0));
                ym + slope(weights, x, y, xm, ym) * (query - xm)
            };
            Recipe { predict, ..RIGHT }.predictions(arguments)
        },
    },
    Misconception {
        id: "weights-underflow",
        title: "all weights of a far query round to zero, and 0 / 0 follows",
        explanation: "exp(-800) is 0 in floating point. Multiplying all weights by one number changes no fit, so subtract the \
                      smallest exponent from all: the nearest point gets weight 1. Softmax needs the same step.",
        question: "What is exp(-800) on your computer?",
        see: ("dlbook", "4.1 Overflow and Underflow"),
        behaviour: |arguments| Recipe { shifted: false, ..RIGHT }.predictions(arguments),
    },
];
