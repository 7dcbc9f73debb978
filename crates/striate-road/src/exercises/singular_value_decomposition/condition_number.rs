//! `condition_number`: how many digits solving with a matrix may cost.

use ndarray::{Array2, ArrayView2, Ix2, array};

use super::svd::{svd, with_singular_values};
use crate::exercise::{Exercise, Kind, Misconception, Outcome, Parameter, Probe, Signature, Tolerance};
use crate::exercises::arguments::{f64_array, floats, rejects, returns};
use crate::exercises::eigendecomposition::symmetric::{eigenpairs, with_eigenvalues};
use crate::exercises::numbers::Numbers;
use crate::value::Value;

/// The exercise.
pub static CONDITION_NUMBER: Exercise = Exercise {
    id: "condition_number",
    station: "singular-value-decomposition",
    task: "Return the condition number of a matrix: its largest singular value divided by its smallest\n\
           (of the min(m, n) that it has).\n\
           A matrix counts as singular if the smallest is at most eps * max(m, n) times the largest, with\n\
           eps = 2**-52 (np.finfo(float).eps, f64::EPSILON); return infinity then, for zeros too.",
    signature: Signature {
        name: "condition_number",
        parameters: &[f64_array("a", &["m", "n"], "any matrix")],
        returns: Parameter { name: "condition", kind: Kind::Float, meaning: "1 or more, possibly infinity" },
    },
    probes,
    reference,
    misconceptions: MISCONCEPTIONS,
    // The smallest singular value is known to about eps times the largest: at a condition of 1e8, to 1e-8 of itself.
    tolerance: Tolerance { relative: 1e-6, absolute: 0.0 },
    canonical: Some(noise_as_one_number),
    hints: &[
        "Singular values, not eigenvalues: take [[1, 100], [0, 1]]. Which vector does it stretch most, and which least?",
        "s = np.linalg.svd(a, compute_uv=False). If s[-1] <= eps * max(a.shape) * s[0], return infinity (0 <= 0 is true for \
         zeros as well); otherwise s[0] / s[-1]. In Rust rotate the columns of a itself until they stand at right angles: their \
         lengths are s, and nothing is squared as in a.T a.",
        "a = [[3, 0], [4, 5]]: s = sqrt(45), sqrt(5); the condition is 3. a = [[1, 2], [2, 4]]: s = 5 and 0 or 1e-16: infinity.",
    ],
    ..Exercise::DEFAULTS
};

fn probes() -> Vec<Probe> {
    let mut numbers = Numbers::stream(523);
    let mut probes: Vec<Probe> = [
        ("2 by 2, whole numbers", array![[3.0, 0.0], [4.0, 5.0]]),
        ("a shear: both eigenvalues are 1", array![[1.0, 100.0], [0.0, 1.0]]),
        ("a rotation by 90 degrees, twice as long", array![[0.0, -2.0], [2.0, 0.0]]),
        ("a triangle, 3 by 3", array![[2.0, 1.0, 4.0], [0.0, 1.0, 3.0], [0.0, 0.0, 5.0]]),
    ]
    .into_iter()
    .map(|(label, a)| Probe::ordinary(label, vec![a.into()]))
    .collect();
    let sizes: [([usize; 2], &[f64], bool, &str); 5] = [
        ([5, 3], &[6.0, 3.0, 1.5], false, "5 by 3, singular values 6, 3, 1.5"),
        ([3, 4], &[8.0, 4.0, 1.0], false, "3 by 4, singular values 8, 4, 1"),
        ([4, 2], &[1.0, 1e-8], true, "nearly singular: 1 and 1e-8"),
        ([3, 2], &[3e-18, 1e-18], true, "tiny numbers"),
        ([1, 4], &[7.0], true, "a single row"),
    ];
    for (shape, values, hard, label) in sizes {
        let arguments = vec![with_singular_values(&mut numbers, shape, values).into()];
        probes.push(if hard { Probe::hard(label, arguments) } else { Probe::ordinary(label, arguments) });
    }
    let hard = [
        ("symmetric, eigenvalues of both signs", with_eigenvalues(&mut numbers, &[-6.0, 3.0, 2.0])),
        ("singular up to rounding, 3 by 3", with_eigenvalues(&mut numbers, &[5.0, 2.0, 0.0])),
        ("singular up to rounding, diagonal", array![[1.0, 0.0], [0.0, 1e-17]]),
        ("singular exactly", array![[1.0, 0.0], [0.0, 0.0]]),
        ("zeros", Array2::zeros((2, 3))),
    ];
    probes.extend(hard.into_iter().map(|(label, a)| Probe::hard(label, vec![a.into()])));
    probes
}

/// The singular values, largest first, and how large the smallest must be at least.
fn condition(arguments: &[Value], of: impl FnOnce(&[f64]) -> f64) -> Outcome {
    let a = floats::<Ix2>(arguments, 0);
    let values = svd(a).s.to_vec();
    returns(Value::Float(if is_singular(a, &values) { f64::INFINITY } else { of(&values) }))
}

fn is_singular(a: ArrayView2<'_, f64>, values: &[f64]) -> bool {
    values[values.len() - 1] <= f64::EPSILON * a.nrows().max(a.ncols()) as f64 * values[0]
}

fn ratio(values: &[f64]) -> f64 {
    values[0] / values[values.len() - 1]
}

fn reference(arguments: &[Value]) -> Outcome {
    condition(arguments, ratio)
}

/// A finite number beyond 1e14 is a quotient by a rounding error, which differs from program to program: all of them are
/// written as 1e16.
fn noise_as_one_number(_: &[Value], value: Value) -> Value {
    match value {
        Value::Float(x) if x.is_finite() && x > 1e14 => Value::Float(1e16),
        other => other,
    }
}

/// Magnitudes of the eigenvalues of a matrix that is 2 by 2, triangular or symmetric, largest first.
fn eigenvalue_magnitudes(a: ArrayView2<'_, f64>) -> Vec<f64> {
    let triangular = a.indexed_iter().all(|((i, j), &x)| i <= j || x == 0.0);
    let mut magnitudes: Vec<f64> = if triangular {
        a.diag().iter().map(|x| x.abs()).collect()
    } else if a.nrows() == 2 {
        let middle = (a[[0, 0]] + a[[1, 1]]) / 2.0;
        let determinant = a[[0, 0]] * a[[1, 1]] - a[[0, 1]] * a[[1, 0]];
        match middle * middle - determinant {
            gap if gap < 0.0 => vec![determinant.sqrt(); 2],
            gap => vec![(middle + gap.sqrt()).abs(), (middle - gap.sqrt()).abs()],
        }
    } else {
        eigenpairs(a).values.iter().map(|x| x.abs()).collect()
    };
    magnitudes.sort_by(|a, b| b.total_cmp(a));
    magnitudes
}

const MISCONCEPTIONS: &[Misconception] = &[
    Misconception {
        id: "eigenvalues-for-singular-values",
        title: "the eigenvalues are taken and not the singular values",
        explanation: "They agree (up to signs) for symmetric matrices only. The shear [[1, 100], [0, 1]] has the eigenvalues 1 and 1, \
                      yet it stretches one vector a hundredfold and shrinks another as much. And a 5 by 3 matrix has none.",
        question: "How long is [[1, 100], [0, 1]] @ [0, 1]?",
        see: ("dlbook", "2.8 Singular value decomposition"),
        behaviour: |arguments| {
            let a = floats::<Ix2>(arguments, 0);
            if !a.is_square() {
                return rejects("only square matrices have eigenvalues");
            }
            condition(arguments, |_| ratio(&eigenvalue_magnitudes(a)))
        },
    },
    Misconception {
        id: "ratio-inverted",
        title: "the smallest is divided by the largest",
        explanation: "A condition number is 1 or more: 1 for rotations, infinity for singular matrices. The inverse, between 0 and 1, \
                      is in use as well (rcond); it is another number.",
        question: "Which is better conditioned in your measure, a rotation or a nearly singular matrix?",
        see: ("dlbook", "4.2 Poor Conditioning"),
        behaviour: |arguments| condition(arguments, |values| 1.0 / ratio(values)),
    },
    Misconception {
        id: "eigenvalues-not-rooted",
        title: "the eigenvalues of a.T @ a are divided, without taking roots",
        explanation: "They are the squares of the singular values, so the quotient is the square of the condition number. This is also \
                      why solving with a.T @ a costs twice the digits.",
        question: "How are the eigenvalues of a.T @ a related to the singular values of a?",
        see: ("dlbook", "2.8 Singular value decomposition"),
        behaviour: |arguments| condition(arguments, |values| ratio(values).powi(2)),
    },
    Misconception {
        id: "singular-raises",
        title: "a singular matrix raises an error",
        explanation: "Infinity is the answer here, not a failure: no number of digits is enough. Whoever calls this wants to look at \
                      the number and decide.",
        question: "What does your program do with zeros?",
        see: ("numpy", "numpy.linalg.cond"),
        behaviour: |arguments| {
            let a = floats::<Ix2>(arguments, 0);
            let values = svd(a).s.to_vec();
            if is_singular(a, &values) { rejects("singular matrix") } else { returns(Value::Float(ratio(&values))) }
        },
    },
    Misconception {
        id: "zero-compared-exactly",
        title: "the smallest singular value counts as zero only if it is exactly 0",
        explanation: "Rounding turns the zero of a singular matrix into something like 1e-16 of the largest value, and the quotient into \
                      1e16: a number that says nothing but \"rounding\". At that size the answer is infinity.",
        question: "What is the smallest singular value of [[1, 2, 3], [4, 5, 6], [7, 8, 9]], computed and on paper?",
        see: ("dlbook", "4.1 Overflow and Underflow"),
        behaviour: |arguments| {
            let values = svd(floats::<Ix2>(arguments, 0)).s.to_vec();
            let zero = values[values.len() - 1] == 0.0;
            returns(Value::Float(if zero { f64::INFINITY } else { ratio(&values) }))
        },
    },
    Misconception {
        id: "ratio-unguarded",
        title: "the largest is divided by the smallest without looking whether that is zero",
        explanation: "A singular matrix gives 1e16 by rounding, or a division by zero, and for zeros 0 / 0, which is nan. Compare the \
                      smallest with eps * max(m, n) times the largest first.",
        question: "What is your condition number of a matrix of zeros?",
        see: ("dlbook", "4.1 Overflow and Underflow"),
        behaviour: |arguments| {
            let values = svd(floats::<Ix2>(arguments, 0)).s.to_vec();
            returns(Value::Float(ratio(&values)))
        },
    },
    Misconception {
        id: "tolerance-absolute",
        title: "the smallest singular value is compared with a fixed small number",
        explanation: "A condition number has no unit: a and 1e-18 * a have the same. Whether the smallest value is negligible is decided \
                      beside the largest one.",
        question: "Does your result change if a is multiplied by 1e-18?",
        see: ("dlbook", "4.2 Poor Conditioning"),
        behaviour: |arguments| {
            let values = svd(floats::<Ix2>(arguments, 0)).s.to_vec();
            let smallest = values[values.len() - 1];
            returns(Value::Float(if smallest <= f64::EPSILON { f64::INFINITY } else { ratio(&values) }))
        },
    },
    Misconception {
        id: "frobenius-for-spectral",
        title: "the Frobenius norms of the matrix and its inverse are multiplied",
        explanation: "np.linalg.norm of a matrix is the root of the sum of all squares unless you ask for ord=2. With it a rotation has \
                      the condition number n and not 1. The largest stretch, s[0], is the norm meant here.",
        question: "What is np.linalg.norm of the 3 by 3 identity?",
        see: ("numpy", "numpy.linalg.norm, argument ord"),
        behaviour: |arguments| {
            condition(arguments, |values| {
                let length = |power: i32| values.iter().map(|s| s.powi(power)).sum::<f64>().sqrt();
                length(2) * length(-2)
            })
        },
    },
    Misconception {
        id: "determinant-as-condition",
        title: "the inverse of the determinant is taken as the measure",
        explanation: "The determinant depends on the unit: 0.1 * I of size 10 has the determinant 1e-10 and is as harmless as I. Only the \
                      ratio of largest to smallest stretch tells how errors grow.",
        question: "Is 0.001 * I harder to solve with than I?",
        see: ("dlbook", "2.11 The Determinant"),
        behaviour: |arguments| {
            if !floats::<Ix2>(arguments, 0).is_square() {
                return rejects("only square matrices have a determinant");
            }
            condition(arguments, |values| 1.0 / values.iter().product::<f64>())
        },
    },
    Misconception {
        id: "norm-for-condition",
        title: "only the largest singular value is returned",
        explanation: "That is the spectral norm: how much the matrix can stretch. The condition number compares it with how little it \
                      can stretch.",
        question: "By what do you divide the largest singular value?",
        see: ("numpy", "numpy.linalg.cond"),
        behaviour: |arguments| condition(arguments, |values| values[0]),
    },
];
