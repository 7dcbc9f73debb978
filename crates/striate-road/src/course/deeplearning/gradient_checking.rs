//! Gradient checking (course 2, week 1).

use ndarray::Array1;

use super::super::CourseFunction;
use super::super::mistakes::words;
use super::super::values::{float_named, floats_named, number, vector};
use super::REGULARISATION;
use crate::exercise::{Exercise, Outcome, Probe, Signature, Tolerance};
use crate::exercises::numbers::Numbers;
use crate::value::Value;

pub(super) fn functions() -> Vec<CourseFunction> {
    let f = CourseFunction::new;
    vec![
        f(
            REGULARISATION,
            &["gradient_check"],
            &GRADIENT_CHECK,
            "theirs.forward_propagation = lambda x, theta: theta * x\n\
             theirs.backward_propagation = lambda x, theta: x\n\
             return round(float(np.squeeze(f(x, theta))), 3)",
        ),
        f(REGULARISATION, &["gradient_check_n"], &GRADIENT_CHECK_N, GRADIENT_CHECK_N_CALL),
    ]
}

const NOTES: (&str, &str) = ("dls-c2", "W1 Practical aspects of deep learning, Gradient checking");

static GRADIENT_CHECK: Exercise = Exercise {
    id: "gradient_check",
    signature: Signature {
        name: "gradient_check",
        parameters: &[float_named("x"), float_named("theta")],
        returns: float_named("difference, to three digits"),
    },
    probes: || {
        [(2.0, 4.0), (3.0, -1.0), (0.5, 7.0)]
            .map(|(x, theta)| {
                Probe::ordinary(format!("J = {x} * theta at {theta}"), vec![Value::Float(x), Value::Float(theta)])
            })
            .into()
    },
    reference: |_| Outcome::Value(Value::Float(0.0)),
    misconceptions: &[
        words(
            "divided-by-half-the-distance",
            "the difference of both sides is divided by epsilon and not by 2 * epsilon",
            "thetaplus and thetaminus are 2 * epsilon apart.",
            "How far apart are the two points?",
            NOTES,
        )
        .when(|_| Outcome::Value(Value::Float(0.333))),
        words(
            "multiplied-by-epsilon",
            "the difference is not divided by the small distance",
            "A slope is a difference divided by a distance: (J_plus - J_minus) / (2 * epsilon).",
            "What is the slope of 2 * theta?",
            NOTES,
        )
        .when(|_| Outcome::Value(Value::Float(1.0))),
    ],
    ..Exercise::DEFAULTS
};

/// The network of the notebook's helpers, of 47 numbers, with a cost that is sum(theta**3 / 3 + theta): its gradient is
/// theta**2 + 1, to which `wrong` is added. The step is large, so that a difference on one side shows.
const GRADIENT_CHECK_N_CALL: &str = r"shapes = [(5, 4), (5, 1), (3, 5), (3, 1), (1, 3), (1, 1)]
names = ['W1', 'b1', 'W2', 'b2', 'W3', 'b3']
ends = np.cumsum([rows * columns for rows, columns in shapes])[:-1]
cut = lambda flat: [part.reshape(shape) for part, shape in zip(np.split(flat, ends), shapes)]
cost = lambda X, Y, parameters: sum(float(np.sum(parameters[name] ** 3 / 3 + parameters[name])) for name in names)
theirs.forward_propagation_n = lambda X, Y, parameters: (cost(X, Y, parameters), ())
gradients = cut(theta ** 2 + 1 + wrong)
found = f(dict(zip(names, cut(theta.copy()))), {'d' + name: part for name, part in zip(names, gradients)},
          np.ones((4, 3)), np.array([[1, 1, 0]]), epsilon)
return float(np.squeeze(found))";

static GRADIENT_CHECK_N: Exercise = Exercise {
    id: "gradient_check_n",
    signature: Signature {
        name: "gradient_check_n",
        parameters: &[floats_named("theta", &["47"]), floats_named("wrong", &["47"]), float_named("epsilon")],
        returns: float_named("difference"),
    },
    probes: || {
        let mut numbers = Numbers::stream(9226);
        let mut call = |share: f64, epsilon: f64| -> Vec<Value> {
            let theta = numbers.reals([47], -1.0, 1.0);
            let wrong = numbers.reals([47], -1.0, 1.0).mapv(|x| share * x);
            vec![theta.into(), wrong.into(), Value::Float(epsilon)]
        };
        vec![
            Probe::ordinary("right gradients, a step of 0.1", call(0.0, 0.1)),
            Probe::ordinary("wrong gradients, a step of 0.05", call(0.7, 0.05)),
            Probe::ordinary("gradients that are wrong by a little, a step of 0.01", call(0.1, 0.01)),
        ]
    },
    reference: |arguments| checked(arguments, both_sides, relative),
    misconceptions: &[
        words(
            "one-sided-difference",
            "the difference is taken on one side only",
            "(J_plus - J_minus) / (2 * epsilon) has an error of the order of epsilon squared; (J_plus - J) / epsilon one of the \
             order of epsilon.",
            "On which sides of theta do you compute the cost?",
            NOTES,
        )
        .when(|arguments| checked(arguments, |x, h| (cost(x + h) - cost(x)) / h, relative)),
        words(
            "divided-by-half-the-distance",
            "the difference of both sides is divided by epsilon and not by 2 * epsilon",
            "thetaplus and thetaminus are 2 * epsilon apart.",
            "How far apart are the two points?",
            NOTES,
        )
        .when(|arguments| checked(arguments, |x, h| 2.0 * both_sides(x, h), relative)),
        words(
            "same-array-moved",
            "both sides are one array, so the way back from + epsilon ends at the start and not at - epsilon",
            "thetaplus = parameters_values gives the same array a second name. np.copy(parameters_values) makes a new one, in each \
             turn of the loop and for each side.",
            "Does parameters_values change when you write into thetaplus?",
            ("numpy", "numpy.copy"),
        )
        .when(|arguments| checked(arguments, |x, h| (cost(x + h) - cost(x)) / (2.0 * h), relative)),
        words(
            "absolute-error",
            "the difference is not divided by the lengths of both gradients",
            "A difference of 0.001 is much for gradients of 0.01 and nothing for gradients of 1000: divide by the sum of both norms.",
            "What happens to your number when the cost is multiplied by 1000?",
            NOTES,
        )
        .when(|arguments| checked(arguments, both_sides, |difference, _, _| difference)),
        words(
            "divided-by-larger",
            "the difference is divided by one length, not by the sum of both",
            "The denominator is norm(grad) + norm(gradapprox).",
            "What is your number when one gradient is the other's negative?",
            NOTES,
        )
        .when(|arguments| checked(arguments, both_sides, |difference, one, other| difference / one.max(other))),
        words(
            "norm-squared",
            "the lengths are squared: the root is missing",
            "np.linalg.norm is the root of the sum of squares.",
            "What is the length of [3, 4]?",
            ("numpy", "numpy.linalg.norm"),
        )
        .when(|arguments| {
            checked(arguments, both_sides, |difference, one, other| {
                difference * difference / (one * one + other * other)
            })
        }),
    ],
    tolerance: Tolerance { relative: 1e-7, absolute: 1e-9 },
    ..Exercise::DEFAULTS
};

fn cost(theta: f64) -> f64 {
    theta.powi(3) / 3.0 + theta
}

fn both_sides(theta: f64, step: f64) -> f64 {
    (cost(theta + step) - cost(theta - step)) / (2.0 * step)
}

fn relative(difference: f64, one: f64, other: f64) -> f64 {
    difference / (one + other)
}

fn checked(arguments: &[Value], slope: fn(f64, f64) -> f64, compared: fn(f64, f64, f64) -> f64) -> Outcome {
    let (theta, wrong, step) = (vector(arguments, 0), vector(arguments, 1), number(arguments, 2));
    let given = theta.mapv(|x| x * x + 1.0) + wrong;
    let found = theta.mapv(|x| slope(x, step));
    let norm = |x: &Array1<f64>| x.dot(x).sqrt();
    Outcome::Value(Value::Float(compared(norm(&(&given - &found)), norm(&given), norm(&found))))
}
