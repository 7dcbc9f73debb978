//! `separate_kernel`: two short passes in place of one long one.

use ndarray::{Array1, Array2, ArrayD, ArrayView2, Axis, Ix2, array};

use super::singular_values::{SingularValues, singular_values};
use crate::exercise::{Exercise, Kind, Misconception, Outcome, Probe, Signature, Tolerance};
use crate::exercises::arguments::{f64_array, float_named, floats, returns};
use crate::exercises::numbers::Numbers;
use crate::value::{Array, Value};

/// The exercise.
pub static SEPARATE_KERNEL: Exercise = Exercise {
    id: "separate_kernel",
    station: "separable-borders",
    task: "Split a kernel into a column and a row whose outer product comes as near to it as any can:\n\
           outer(column, row) is the best approximation of k by a matrix of rank 1, in the sum of squared differences.\n\
           Return the column, the row, and what is left, the Frobenius norm of k - outer(column, row): the square root of the sum\n\
           of its squares. It is 0, up to rounding, if and only if the kernel is separable.\n\
           How the strength is shared between column and row, and the sign of both, are up to you.\n\
           (In Python, np.linalg.svd does the work. In Rust, multiply by k and its transpose in turn until nothing changes.)",
    signature: Signature {
        name: "separate_kernel",
        parameters: &[f64_array("k", &["n", "m"], "kernel")],
        returns: crate::exercise::Parameter {
            name: "parts",
            kind: Kind::Tuple(&[
                f64_array("column", &["n"], "weights of the vertical pass"),
                f64_array("row", &["m"], "weights of the horizontal pass"),
                float_named("residual", "Frobenius norm of what column and row do not explain"),
            ]),
            meaning: "column, row and residual",
        },
    },
    probes,
    reference,
    misconceptions: MISCONCEPTIONS,
    tolerance: Tolerance { relative: 1e-7, absolute: 1e-7 },
    canonical: Some(balanced),
    hints: &[
        "Print outer(column, row) beside k for a kernel that you know to be separable. Is it k, a multiple of k, or something else?",
        "The singular value decomposition writes k as a sum of outer products of unit vectors, each with a strength s, the \
         strongest first. The best single one is s[0] * outer(u[:, 0], vt[0]). Give sqrt(s[0]) to both vectors. In Rust: \
         start with the row of k that has the largest norm, then repeat column = k row / |row|, row = k^T column / |column|.",
        "k = [[2, 4], [1, 2]] = outer([2, 1], [1, 2]). The unit vectors are [2, 1] / sqrt(5) and [1, 2] / sqrt(5), so s[0] = 5; \
         each vector gets sqrt(5) = 2.236 of it: column [2, 1], row [1, 2], residual 0.",
    ],
    ..Exercise::DEFAULTS
};

fn probes() -> Vec<Probe> {
    let mut numbers = Numbers::stream(1211);
    let sobel = array![[-1.0, 0.0, 1.0], [-2.0, 0.0, 2.0], [-1.0, 0.0, 1.0]];
    let laplacian = array![[0.0, 1.0, 0.0], [1.0, -4.0, 1.0], [0.0, 1.0, 0.0]];
    let ordinary = [
        ("a separable 2 by 2 kernel", array![[2.0, 4.0], [1.0, 2.0]]),
        ("the Sobel kernel", sobel.clone()),
        ("a bell, 5 by 3", outer(&bell(2, 1.3), &bell(1, 0.7))),
        ("the Laplacian: not separable", laplacian),
        ("a separable 3 by 4 kernel of both signs", outer(&array![1.0, -3.0, 2.0], &array![-2.0, 0.5, 4.0, 1.0])),
        ("a 4 by 3 kernel of random weights", numbers.reals([4, 3], -1.0, 2.0)),
        ("a 5 by 7 kernel of random weights", numbers.reals([5, 7], -1.0, 3.0)),
    ];
    let hard = [
        ("a single weight, negative", array![[-9.0]]),
        ("a single row", array![[1.0, -2.0, 0.0, 3.0]]),
        ("a single column", array![[1.0], [0.0], [-4.0]]),
        ("zeros everywhere", Array2::zeros((3, 2))),
        ("a kernel that is almost separable", sobel + numbers.reals([3, 3], -1e-4, 1e-4)),
        ("large weights", numbers.reals([3, 5], 0.0, 1e6)),
    ];
    let ordinary = ordinary.into_iter().map(|(label, kernel)| Probe::ordinary(label, vec![kernel.into()]));
    let hard = hard.into_iter().map(|(label, kernel)| Probe::hard(label, vec![kernel.into()]));
    ordinary.chain(hard).collect()
}

fn bell(radius: i64, sigma: f64) -> Array1<f64> {
    let weights: Array1<f64> = (-radius..=radius).map(|d| (-((d * d) as f64) / (2.0 * sigma * sigma)).exp()).collect();
    let sum = weights.sum();
    weights / sum
}

fn outer(column: &Array1<f64>, row: &Array1<f64>) -> Array2<f64> {
    column.view().insert_axis(Axis(1)).dot(&row.view().insert_axis(Axis(0)))
}

fn norm<'a>(numbers: impl IntoIterator<Item = &'a f64>) -> f64 {
    numbers.into_iter().map(|x| x * x).sum::<f64>().sqrt()
}

/// Column and row of equal norm, with the column's first largest entry positive; not-a-number throughout if anything is
/// not finite, whichever of the two it was that was divided by zero.
fn balanced(_: &[Value], value: Value) -> Value {
    let Value::Tuple(parts) = &value else { return value };
    let [Value::Array(Array::F64(column)), Value::Array(Array::F64(row)), residual] = &parts[..] else { return value };
    let (left, right) = (norm(column), norm(row));
    if !(left * right).is_finite() {
        let blank = |array: &ArrayD<f64>| Value::from(array.mapv(|_| f64::NAN));
        return Value::Tuple(vec![blank(column), blank(row), Value::Float(f64::NAN)]);
    }
    let largest = column.iter().fold(0.0f64, |largest, x| largest.max(x.abs()));
    let leading = column.iter().find(|x| x.abs() >= (1.0 - 1e-6) * largest).copied().unwrap_or(0.0);
    let size = (left * right).sqrt() * if leading < 0.0 { -1.0 } else { 1.0 };
    let scaled = |array: &ArrayD<f64>, norm: f64| {
        Value::from(if size == 0.0 { array.mapv(|_| 0.0) } else { array.mapv(|x| x * (size / norm)) })
    };
    Value::Tuple(vec![scaled(column, left), scaled(row, right), residual.clone()])
}

/// A result from the kernel and its decomposition; what is left is measured against the column and the row that come back.
fn split(
    arguments: &[Value],
    factors: impl Fn(ArrayView2<'_, f64>, &SingularValues) -> (Array1<f64>, Array1<f64>),
) -> Outcome {
    split_and_measured(arguments, factors, |kernel, column, row| norm(&(&kernel - &outer(column, row))))
}

fn split_and_measured(
    arguments: &[Value],
    factors: impl Fn(ArrayView2<'_, f64>, &SingularValues) -> (Array1<f64>, Array1<f64>),
    residual: impl Fn(ArrayView2<'_, f64>, &Array1<f64>, &Array1<f64>) -> f64,
) -> Outcome {
    let kernel = floats::<Ix2>(arguments, 0);
    let (column, row) = factors(kernel, &singular_values(kernel));
    let residual = residual(kernel, &column, &row);
    returns(Value::Tuple(vec![column.into(), row.into(), Value::Float(residual)]))
}

/// Column and row of the triple at `index`, with the strength multiplied to the column.
fn triple(parts: &SingularValues, index: usize) -> (Array1<f64>, Array1<f64>) {
    (&parts.left[index] * parts.strengths[index], parts.right[index].clone())
}

fn strongest(_: ArrayView2<'_, f64>, parts: &SingularValues) -> (Array1<f64>, Array1<f64>) {
    triple(parts, 0)
}

fn reference(arguments: &[Value]) -> Outcome {
    split(arguments, strongest)
}

/// A result with the right factors and another measure of what is left.
fn measured(arguments: &[Value], residual: impl Fn(&Array2<f64>, &SingularValues) -> f64) -> Outcome {
    split_and_measured(arguments, strongest, |kernel, column, row| {
        residual(&(&kernel - &outer(column, row)), &singular_values(kernel))
    })
}

const MISCONCEPTIONS: &[Misconception] = &[
    Misconception {
        id: "strength-missing",
        title: "column and row are unit vectors: the singular value is not multiplied in",
        explanation: "The vectors of a singular value decomposition only say the directions; how strong the part is, stands in s. \
                      Multiply one of them by s[0], or both by its square root.",
        question: "What is the norm of outer(column, row), and what is that of k?",
        see: ("dlbook", "2.8 Singular Value Decomposition"),
        behaviour: |arguments| split(arguments, |_, parts| (parts.left[0].clone(), parts.right[0].clone())),
    },
    Misconception {
        id: "strength-twice",
        title: "both vectors are multiplied by the singular value",
        explanation: "The outer product is then too strong by a factor of s[0]. The strength enters once: s[0] on one side, or \
                      sqrt(s[0]) on each.",
        question: "How often does s[0] occur in outer(column, row)?",
        see: ("dlbook", "2.8 Singular Value Decomposition"),
        behaviour: |arguments| {
            split(arguments, |_, parts| {
                let (column, row) = triple(parts, 0);
                (column, row * parts.strengths[0])
            })
        },
    },
    Misconception {
        id: "strength-on-one-side",
        title: "only one of the vectors is multiplied by the square root of the singular value",
        explanation: "sqrt(s[0]) on one side and 1 on the other make sqrt(s[0]) in the product. Both need the root, or one needs \
                      all of it.",
        question: "What do you get when you multiply the factors of column and row?",
        see: ("dlbook", "2.8 Singular Value Decomposition"),
        behaviour: |arguments| {
            split(arguments, |_, parts| (&parts.left[0] * parts.strengths[0].sqrt(), parts.right[0].clone()))
        },
    },
    Misconception {
        id: "sign-lost",
        title: "column and row hold the magnitudes of the weights, without their signs",
        explanation: "A derivative kernel has weights of both signs; without them it is a blur. Only the common sign of column \
                      and row is free: turn both or neither, never each entry.",
        question: "What does your outer product look like for the Sobel kernel?",
        see: ("ud810", "2A-L3 (lesson 4) Linearity and convolution"),
        behaviour: |arguments| {
            split(arguments, |_, parts| {
                let (column, row) = triple(parts, 0);
                (column.mapv(f64::abs), row.mapv(f64::abs))
            })
        },
    },
    Misconception {
        id: "sums-as-factors",
        title: "column and row are the sums of k along its axes, divided by the sum of all",
        explanation: "For a blur that is separable it works. A derivative sums to zero, and you divide by it; and for a \
                      kernel that is not separable, these sums are not the nearest fit.",
        question: "What is the sum of the weights of a Sobel kernel?",
        see: ("szeliski", "3.2.1 Separable filtering"),
        behaviour: |arguments| {
            split(arguments, |kernel, _| (kernel.sum_axis(Axis(1)), kernel.sum_axis(Axis(0)) / kernel.sum()))
        },
    },
    Misconception {
        id: "cross-section-as-factors",
        title: "column and row are read off in the middle of k and divided by its central weight",
        explanation: "In a separable kernel every column is a multiple of every other, so the middle one would do, unless its \
                      centre is zero, as in a derivative. If the kernel is not separable, the middle is one column among \
                      many, not the best fit to all.",
        question: "What is the weight in the centre of the Sobel kernel?",
        see: ("szeliski", "3.2.1 Separable filtering"),
        behaviour: |arguments| {
            split(arguments, |kernel, _| {
                let (i, j) = (kernel.nrows() / 2, kernel.ncols() / 2);
                (kernel.column(j).to_owned(), &kernel.row(i) / kernel[[i, j]])
            })
        },
    },
    Misconception {
        id: "smallest-singular-value",
        title: "the weakest part is taken and not the strongest",
        explanation: "svd returns its singular values from large to small, eigh its eigenvalues from small to large. The best \
                      approximation belongs to the largest: index 0 of an svd.",
        question: "Print s: where is its largest entry?",
        see: ("numpy", "numpy.linalg.svd, order of the singular values"),
        behaviour: |arguments| split(arguments, |_, parts| triple(parts, parts.strengths.len() - 1)),
    },
    Misconception {
        id: "factors-swapped",
        title: "the row comes first and the column second",
        explanation: "outer(column, row) has as many rows as the first vector is long. The left singular vectors (u) run down \
                      the columns of k, the right ones (vt) along its rows.",
        question: "How long is your first vector for a kernel of 5 rows and 3 columns?",
        see: ("dlbook", "2.8 Singular Value Decomposition"),
        behaviour: |arguments| match reference(arguments) {
            Outcome::Value(Value::Tuple(mut parts)) => {
                parts.swap(0, 1);
                returns(Value::Tuple(parts))
            }
            other => other,
        },
    },
    Misconception {
        id: "spectral-not-frobenius",
        title: "the residual is the second singular value alone",
        explanation: "That is the spectral norm of what is left: its largest stretch. The Frobenius norm counts all of it: \
                      sqrt(s[1]^2 + s[2]^2 + ...). With only two singular values that are not zero they agree.",
        question: "How many singular values does your residual use?",
        see: ("dlbook", "2.5 Norms"),
        behaviour: |arguments| measured(arguments, |_, parts| parts.strengths.get(1).copied().unwrap_or(0.0)),
    },
    Misconception {
        id: "singular-values-summed",
        title: "the residual is the sum of the other singular values",
        explanation: "Squares add up, lengths do not: the parts are at right angles to each other, so the norm of their sum is \
                      sqrt(s[1]^2 + s[2]^2 + ...), as Pythagoras has it.",
        question: "How long is the diagonal of a rectangle with sides 3 and 4?",
        see: ("dlbook", "2.5 Norms"),
        behaviour: |arguments| measured(arguments, |_, parts| parts.strengths[1..].iter().sum()),
    },
    Misconception {
        id: "norm-squared",
        title: "the residual is the sum of the squares, without the square root",
        explanation: "The square of a norm is often what one minimises, but the norm itself has the unit of the weights. Take \
                      the root.",
        question: "If all weights of k double, should the residual become 2 or 4 times as large?",
        see: ("dlbook", "2.5 Norms"),
        behaviour: |arguments| measured(arguments, |left, _| norm(left).powi(2)),
    },
    Misconception {
        id: "residual-is-largest",
        title: "the residual is the largest single difference",
        explanation: "That is the maximum norm. The Frobenius norm squares all differences, adds them and takes the root; \
                      in NumPy, np.linalg.norm of a matrix does it.",
        question: "Does your residual change if a second weight is wrong as well?",
        see: ("dlbook", "2.5 Norms"),
        behaviour: |arguments| measured(arguments, |left, _| left.iter().fold(0.0, |largest, x| x.abs().max(largest))),
    },
];
