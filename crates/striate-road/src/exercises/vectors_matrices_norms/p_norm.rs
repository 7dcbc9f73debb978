//! `p_norm`: how long a vector is, by the rule that p chooses.

use ndarray::{Array1, ArrayView1};

use crate::exercise::{Exercise, Kind, Misconception, Outcome, Parameter, Probe, Property, Signature, Tolerance};
use crate::exercises::arguments::{f64_array, float, float_named, floats, rejects, returns};
use crate::exercises::numbers::Numbers;
use crate::value::Value;

/// The exercise.
pub static P_NORM: Exercise = Exercise {
    id: "p_norm",
    station: "vectors-matrices-norms",
    task: "Return the p-norm of x: the p-th root of the sum of |x[i]|**p.\n\
           For p = infinity it is the largest magnitude.\n\
           Entries may be as large as 1e200 or as small as 1e-200: their powers leave the range of floats, the norm does not.\n\
           Refuse p < 1 with an error: what comes out then breaks the triangle inequality and is no norm.",
    signature: Signature {
        name: "p_norm",
        parameters: &[
            f64_array("x", &["n"], "the vector, at least one entry"),
            float_named("p", "1 or more, may be infinity"),
        ],
        returns: Parameter { name: "norm", kind: Kind::Float, meaning: "the p-norm" },
    },
    probes,
    reference,
    misconceptions: MISCONCEPTIONS,
    properties: &[Property {
        title: "lies between the largest magnitude and the sum of the magnitudes",
        violated: outside_bounds,
    }],
    // Also a norm of 1e-200 has digits that can be wrong.
    tolerance: Tolerance { relative: 1e-9, absolute: 0.0 },
    hints: &[
        "Do it by hand for x = (3, -4) with p = 1, 2 and infinity. Which of your steps sees the minus sign?",
        "Norms scale: the norm of c x is |c| times the norm of x. Divide by the largest magnitude, take the norm of what \
         is left (all at most 1: no power overflows), and multiply back. The zero vector has nothing to divide by.",
        "x = (3, -4): p = 1 gives 3 + 4 = 7, p = 2 gives sqrt(9 + 16) = 5, p = infinity gives 4.\n\
         Scaled, p = 2: 4 * sqrt(0.75**2 + 1) = 4 * 1.25 = 5.",
    ],
    ..Exercise::DEFAULTS
};

fn probes() -> Vec<Probe> {
    let mut numbers = Numbers::stream(551);
    let vector = |x: &[f64], p: f64| vec![Array1::from(x.to_vec()).into(), Value::Float(p)];
    let infinity = f64::INFINITY;
    let mut random = |n: usize, p: f64| vec![numbers.reals([n], -3.0, 3.0).into(), Value::Float(p)];
    vec![
        Probe::ordinary("3 and -4, p = 2", vector(&[3.0, -4.0], 2.0)),
        Probe::ordinary("5 entries, p = 1", vector(&[1.0, -2.0, 2.0, -5.0, 3.0], 1.0)),
        Probe::ordinary("4 entries, p = 3", random(4, 3.0)),
        Probe::ordinary("3 entries, the largest magnitude negative, p = infinity", vector(&[2.0, -7.0, 0.5], infinity)),
        Probe::ordinary(
            "5 entries, two of the same largest magnitude, p = infinity",
            vector(&[5.0, 1.0, -5.0, 4.0, 0.0], infinity),
        ),
        Probe::ordinary("7 entries, p = 1.5", random(7, 1.5)),
        Probe::ordinary("6 entries, p = 10", random(6, 10.0)),
        Probe::hard("a single negative entry, p = 3", vector(&[-2.5], 3.0)),
        Probe::hard("all zeros, p = 2", vector(&[0.0, 0.0, 0.0], 2.0)),
        Probe::hard("entries near 1e200, p = 2", vector(&[3e200, -4e200], 2.0)),
        Probe::hard("entries near 1e-200, p = 3", vector(&[1e-200, 2e-200, -2e-200], 3.0)),
        Probe::hard("entries near 1e200, p = infinity", vector(&[1e200, -3e200, 2e200], infinity)),
        Probe::hard("p = 0.5", vector(&[1.0, 1.0], 0.5)),
        Probe::hard("p = 0", vector(&[1.0, 0.0, 2.0], 0.0)),
        Probe::hard("p = -1", vector(&[1.0, 2.0], -1.0)),
    ]
}

/// Vector and p, or the refusal.
fn accepted(arguments: &[Value], norm: impl FnOnce(ArrayView1<'_, f64>, f64) -> f64) -> Outcome {
    let (x, p) = (floats(arguments, 0), float(arguments, 1));
    if p < 1.0 {
        return rejects(format!("p must be at least 1, it is {p}"));
    }
    returns(Value::Float(norm(x, p)))
}

fn largest(x: ArrayView1<'_, f64>) -> f64 {
    x.iter().fold(0.0, |largest: f64, value| largest.max(value.abs()))
}

/// The sum of the p-th powers of the magnitudes.
fn powers(x: ArrayView1<'_, f64>, p: f64) -> f64 {
    x.mapv(|value| value.abs().powf(p)).sum()
}

/// The formula as it stands in books, for finite p, and `at_infinity` else.
fn by_the_book(
    arguments: &[Value],
    at_infinity: fn(ArrayView1<'_, f64>) -> f64,
    finite: impl Fn(ArrayView1<'_, f64>, f64) -> f64,
) -> Outcome {
    accepted(arguments, |x, p| if p.is_infinite() { at_infinity(x) } else { finite(x, p) })
}

/// The norm without powers that overflow; the zero vector gives 0 / 0.
fn scaled(x: ArrayView1<'_, f64>, p: f64) -> f64 {
    let largest = largest(x);
    let powers = x.mapv(|value| (value.abs() / largest).powf(p)).sum();
    largest * powers.powf(1.0 / p)
}

fn reference(arguments: &[Value]) -> Outcome {
    accepted(arguments, |x, p| if largest(x) == 0.0 || p.is_infinite() { largest(x) } else { scaled(x, p) })
}

fn outside_bounds(arguments: &[Value], result: &Value) -> Option<String> {
    let x: ArrayView1<'_, f64> = floats(arguments, 0);
    let Value::Float(norm) = result else { return None };
    let (low, high) = (largest(x), x.mapv(f64::abs).sum());
    let outside = *norm < low * (1.0 - 1e-12) || *norm > high * (1.0 + 1e-12);
    outside.then(|| format!("{norm} is not between {low} and {high}"))
}

const MISCONCEPTIONS: &[Misconception] = &[
    Misconception {
        id: "absolute-value-missing",
        title: "the powers are taken of the entries themselves, without the absolute value",
        explanation: "For even p nobody notices. For p = 1 entries of both signs cancel, and a negative number has no root \
                      of order 2.5: NaN. A norm measures size, so the signs go first: |x[i]|**p.",
        question: "What does your function give for x = (1, -1) and p = 1?",
        see: ("dlbook", "2.5 Norms"),
        behaviour: |arguments| {
            let signed_largest = |x: ArrayView1<'_, f64>| x.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            by_the_book(arguments, signed_largest, |x, p| x.mapv(|value| value.powf(p)).sum().powf(1.0 / p))
        },
    },
    Misconception {
        id: "root-missing",
        title: "the p-th root at the end is left out",
        explanation: "Without the root, twice the vector has 2**p times the value: that is no length. (The squared 2-norm is \
                      popular because it needs no root; then it is called so.)",
        question: "If every entry doubles, by which factor should the norm grow?",
        see: ("dlbook", "2.5 Norms"),
        behaviour: |arguments| by_the_book(arguments, largest, powers),
    },
    Misconception {
        id: "overflow-in-powers",
        title: "the powers are summed as they are, and overflow or vanish before the root brings them back",
        explanation: "1e200 squared is beyond 1.8e308 and becomes infinite; 1e-200 cubed is 0. Divide by the largest \
                      magnitude first and multiply by it at the end: in between all numbers are at most 1.",
        question: "What is 1e200 squared in floating point?",
        see: ("dlbook", "4.1 Overflow and Underflow"),
        behaviour: |arguments| by_the_book(arguments, largest, |x, p| powers(x, p).powf(1.0 / p)),
    },
    Misconception {
        id: "infinity-not-special",
        title: "p = infinity goes through the formula, which then gives 1 for every vector",
        explanation: "1 / infinity is 0, and anything to the power 0 is 1. The norm for infinity is the limit of the \
                      formula for growing p: the largest magnitude.",
        question: "What is 1 / p for p = infinity, and what is a number to that power?",
        see: ("dlbook", "2.5 Norms"),
        behaviour: |arguments| accepted(arguments, |x, p| powers(x, p).powf(1.0 / p)),
    },
    Misconception {
        id: "infinity-as-large-number",
        title: "p = infinity is replaced by a large finite p (100)",
        explanation: "With p = 100 two equal entries count 0.7 % too much, and entries above 1209 overflow. The limit is \
                      known exactly: the largest magnitude.",
        question: "Which number does your function give for (1, 1) and p = infinity, to all digits?",
        see: ("dlbook", "2.5 Norms"),
        behaviour: |arguments| {
            accepted(arguments, |x, p| {
                let p = p.min(100.0);
                powers(x, p).powf(1.0 / p)
            })
        },
    },
    Misconception {
        id: "signed-maximum",
        title: "for p = infinity the largest entry is taken, and not the largest magnitude",
        explanation: "x.max() of (2, -7) is 2, and of a vector of negative numbers it is negative. A norm is never \
                      negative: np.abs(x).max().",
        question: "What does your function give for (2, -7) and p = infinity?",
        see: ("dlbook", "2.5 Norms"),
        behaviour: |arguments| {
            let signed_largest = |x: ArrayView1<'_, f64>| x.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            by_the_book(arguments, signed_largest, |x, p| powers(x, p).powf(1.0 / p))
        },
    },
    Misconception {
        id: "parameter-ignored",
        title: "p is ignored: the result is always the 2-norm",
        explanation: "np.linalg.norm(x) without ord is the 2-norm. Each p weighs large against small entries in its own \
                      way; the 1-norm counts every entry alike, infinity only the largest.",
        question: "Where in your code does p occur?",
        see: ("dlbook", "2.5 Norms"),
        behaviour: |arguments| accepted(arguments, |x, _| powers(x, 2.0).sqrt()),
    },
    Misconception {
        id: "square-root-for-every-p",
        title: "the root at the end is always the square root",
        explanation: "The root undoes the power: p-th power, p-th root, **(1 / p). With the square root only p = 2 comes \
                      out right.",
        question: "What does your function give for a vector with the single entry 8 and p = 3?",
        see: ("dlbook", "2.5 Norms"),
        behaviour: |arguments| by_the_book(arguments, largest, |x, p| powers(x, p).sqrt()),
    },
    Misconception {
        id: "root-before-sum",
        title: "the root is taken of each entry's power, before the sum",
        explanation: "The root of one power is the magnitude again, so what is left is the 1-norm, whatever p. Sum first, \
                      root last.",
        question: "Does your result depend on p at all?",
        see: ("dlbook", "2.5 Norms"),
        behaviour: |arguments| {
            by_the_book(arguments, largest, |x, p| x.mapv(|value| value.abs().powf(p).powf(1.0 / p)).sum())
        },
    },
    Misconception {
        id: "mean-where-sum",
        title: "the powers are averaged in place of summed",
        explanation: "That is a power mean (for p = 2 the root mean square): useful, but it does not grow when the vector \
                      does. A norm sums.",
        question: "What is the 1-norm of (1, 1, 1), and what does your function give?",
        see: ("dlbook", "2.5 Norms"),
        behaviour: |arguments| by_the_book(arguments, largest, |x, p| (powers(x, p) / x.len() as f64).powf(1.0 / p)),
    },
    Misconception {
        id: "division-by-zero",
        title: "the zero vector is divided by its largest magnitude, 0",
        explanation: "Scaling by the largest magnitude is right everywhere but here: 0 / 0 is not a number. The norm of the \
                      zero vector is 0, and it is the only vector with that norm.",
        question: "What does your function give for a vector of zeros?",
        see: ("dlbook", "2.5 Norms"),
        behaviour: |arguments| by_the_book(arguments, largest, scaled),
    },
];
