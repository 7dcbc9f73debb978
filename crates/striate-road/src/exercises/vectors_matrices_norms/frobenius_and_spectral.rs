//! `frobenius_and_spectral`: four sizes of a matrix.

use ndarray::{Array1, Array2, ArrayView2, Axis, array};

use crate::exercise::{Exercise, Kind, Misconception, Outcome, Parameter, Probe, Property, Signature};
use crate::exercises::arguments::{f64_array, floats, rejects, returns};
use crate::exercises::numbers::Numbers;
use crate::value::Value;

/// The exercise.
pub static FROBENIUS_AND_SPECTRAL: Exercise = Exercise {
    id: "frobenius_and_spectral",
    station: "vectors-matrices-norms",
    task: "Return four norms of the matrix a, without np.linalg.norm:\n\
           fro, the root of the sum of all squares; one, the largest column sum of magnitudes; inf, the largest row sum of\n\
           magnitudes; two, the largest factor by which a stretches any vector's length: its largest singular value.\n\
           For two you may take eigenvalues of a.T @ a, singular values, or your own power iteration: start from some\n\
           vector, apply a and then a.T again and again, and normalise.",
    signature: Signature {
        name: "frobenius_and_spectral",
        parameters: &[f64_array("a", &["m", "n"], "the matrix")],
        returns: Parameter {
            name: "norms",
            kind: Kind::Tuple(&[
                Parameter { name: "fro", kind: Kind::Float, meaning: "Frobenius norm" },
                Parameter { name: "one", kind: Kind::Float, meaning: "1-norm: largest column sum of magnitudes" },
                Parameter { name: "inf", kind: Kind::Float, meaning: "infinity norm: largest row sum of magnitudes" },
                Parameter { name: "two", kind: Kind::Float, meaning: "spectral norm: largest singular value" },
            ]),
            meaning: "the four norms",
        },
    },
    probes,
    reference,
    misconceptions: MISCONCEPTIONS,
    properties: &[Property { title: "has two not above fro", violated: two_above_fro }],
    hints: &[
        "Take a 2 by 3 matrix: how many column sums are there, how many row sums? Which axis do you sum over for columns?",
        "one: np.abs(a).sum(axis=0).max(); inf: the same with axis=1. fro: np.sqrt((a**2).sum()). two: the eigenvalues of \
         a.T @ a are the squared stretches, so two is the root of the largest one.",
        "a = [[1, 10], [0, 1]]: fro = sqrt(102) = 10.0995, one = 11 (second column), inf = 11 (first row), two = 10.0990. \
         Both eigenvalues of a are 1: they do not see the stretch.",
    ],
    ..Exercise::DEFAULTS
};

fn probes() -> Vec<Probe> {
    let mut numbers = Numbers::stream(571);
    vec![
        Probe::ordinary("a shear of the plane", vec![array![[1.0, 10.0], [0.0, 1.0]].into()]),
        Probe::ordinary("2 rows, 3 columns", vec![array![[1.0, -2.0, 3.0], [-4.0, 5.0, 6.0]].into()]),
        Probe::ordinary("4 rows, 3 columns", vec![numbers.reals([4, 3], -3.0, 3.0).into()]),
        Probe::ordinary("3 rows, 5 columns", vec![numbers.reals([3, 5], -3.0, 3.0).into()]),
        Probe::hard("a turn of the plane by 53 degrees", vec![array![[0.6, -0.8], [0.8, 0.6]].into()]),
        Probe::hard("a turn that stretches by 1 and by 3", vec![array![[0.6, -2.4], [0.8, 1.8]].into()]),
        Probe::hard("a single negative entry", vec![array![[-4.0]].into()]),
        Probe::hard("a single row", vec![array![[3.0, -4.0, 12.0]].into()]),
        Probe::hard("a single column", vec![array![[2.0], [-1.0], [-2.0], [4.0]].into()]),
        Probe::hard("rank one", vec![array![[2.0, -4.0], [1.0, -2.0], [3.0, -6.0]].into()]),
        Probe::hard("zeros only", vec![Array2::<f64>::zeros((2, 3)).into()]),
    ]
}

fn matrix(arguments: &[Value]) -> ArrayView2<'_, f64> {
    floats(arguments, 0)
}

struct Norms {
    fro: f64,
    one: f64,
    inf: f64,
    two: f64,
}

impl Norms {
    fn of(a: ArrayView2<'_, f64>) -> Norms {
        let magnitudes = a.mapv(f64::abs);
        Norms {
            fro: a.mapv(|x| x * x).sum().sqrt(),
            one: largest(magnitudes.sum_axis(Axis(0))),
            inf: largest(magnitudes.sum_axis(Axis(1))),
            two: largest(singular_values(a)),
        }
    }

    fn outcome(self) -> Outcome {
        returns(Value::Tuple([self.fro, self.one, self.inf, self.two].map(Value::Float).to_vec()))
    }
}

fn largest(numbers: impl IntoIterator<Item = f64>) -> f64 {
    numbers.into_iter().fold(f64::NEG_INFINITY, f64::max)
}

/// By one-sided Jacobi rotations: turn pairs of columns until all are orthogonal; their lengths are what is asked for.
/// Demmel, Applied Numerical Linear Algebra (1997), 5.4.3.
fn singular_values(a: ArrayView2<'_, f64>) -> Vec<f64> {
    let tall = if a.nrows() < a.ncols() { a.t() } else { a };
    let mut columns: Vec<Array1<f64>> = tall.columns().into_iter().map(|column| column.to_owned()).collect();
    loop {
        let mut turned = false;
        for p in 0..columns.len() {
            for q in p + 1..columns.len() {
                let (alpha, beta) = (columns[p].dot(&columns[p]), columns[q].dot(&columns[q]));
                let gamma = columns[p].dot(&columns[q]);
                if gamma.abs() <= 1e-15 * (alpha * beta).sqrt() {
                    continue;
                }
                turned = true;
                let zeta = (beta - alpha) / (2.0 * gamma);
                let tangent = zeta.signum() / (zeta.abs() + zeta.hypot(1.0));
                let cosine = tangent.hypot(1.0).recip();
                let sine = cosine * tangent;
                let (old_p, old_q) = (columns[p].clone(), columns[q].clone());
                columns[p] = &old_p * cosine - &old_q * sine;
                columns[q] = &old_p * sine + &old_q * cosine;
            }
        }
        if !turned {
            return columns.iter().map(|column| column.dot(column).sqrt()).collect();
        }
    }
}

fn reference(arguments: &[Value]) -> Outcome {
    Norms::of(matrix(arguments)).outcome()
}

fn two_above_fro(_: &[Value], result: &Value) -> Option<String> {
    let Value::Tuple(parts) = result else { return None };
    let [Value::Float(fro), _, _, Value::Float(two)] = parts.as_slice() else { return None };
    (*two > fro * (1.0 + 1e-9)).then(|| format!("two is {two} and fro is {fro}"))
}

const MISCONCEPTIONS: &[Misconception] = &[
    Misconception {
        id: "axes-swapped",
        title: "one and inf have changed places: one sums rows and inf sums columns",
        explanation: "The 1-norm is the longest image of a corner of the 1-norm's unit ball, the axis vectors: a column. So \
                      one sums down the columns (axis 0). inf is reached by a vector of signs, which sums a row.",
        question: "What is a @ (1, 0), and which norm of a should bound its 1-norm?",
        see: ("dlbook", "2.5 Norms"),
        behaviour: |arguments| {
            let norms = Norms::of(matrix(arguments));
            Norms { one: norms.inf, inf: norms.one, ..norms }.outcome()
        },
    },
    Misconception {
        id: "matrix-as-vector",
        title: "one and inf treat the matrix as a long vector: the sum, and the largest, of all magnitudes",
        explanation: "Those are norms too, but they do not say how far a can stretch a vector. The matrix 1-norm and \
                      infinity norm are the largest sum of one column and of one row.",
        question: "How much longer, in the 1-norm, can the identity make a vector, and what does your one say?",
        see: ("dlbook", "2.5 Norms"),
        behaviour: |arguments| {
            let a = matrix(arguments);
            let magnitudes = a.mapv(f64::abs);
            Norms { one: magnitudes.sum(), inf: largest(magnitudes), ..Norms::of(a) }.outcome()
        },
    },
    Misconception {
        id: "absolute-value-missing",
        title: "rows and columns are summed with their signs",
        explanation: "Entries of opposite sign then cancel, although a vector with fitting signs would add them up. Take \
                      magnitudes before summing.",
        question: "What is the 1-norm of a column (1, -1) in your code?",
        see: ("dlbook", "2.5 Norms"),
        behaviour: |arguments| {
            let a = matrix(arguments);
            Norms { one: largest(a.sum_axis(Axis(0))), inf: largest(a.sum_axis(Axis(1))), ..Norms::of(a) }.outcome()
        },
    },
    Misconception {
        id: "root-missing",
        title: "the square root of the Frobenius norm is left out",
        explanation: "The sum of all squares grows fourfold when the matrix doubles. A norm doubles.",
        question: "What is the Frobenius norm of a matrix with the single entry 3?",
        see: ("dlbook", "2.5 Norms"),
        behaviour: |arguments| {
            let norms = Norms::of(matrix(arguments));
            Norms { fro: norms.fro * norms.fro, ..norms }.outcome()
        },
    },
    Misconception {
        id: "eigenvalues-not-rooted",
        title: "two is the largest eigenvalue of a.T @ a, without the square root",
        explanation: "The length of a x squared is x.T @ (a.T @ a) @ x, so the eigenvalues of a.T @ a are squared \
                      stretches. The stretch is the root.",
        question: "What is two for the matrix 3 times the identity?",
        see: ("dlbook", "2.8 Singular Value Decomposition"),
        behaviour: |arguments| {
            let norms = Norms::of(matrix(arguments));
            Norms { two: norms.two * norms.two, ..norms }.outcome()
        },
    },
    Misconception {
        id: "spectral-as-eigenvalue",
        title: "two is the largest eigenvalue of a itself, in magnitude",
        explanation: "Eigenvalues are right for symmetric matrices only. A shear has the eigenvalues 1 and 1 and still \
                      stretches some vectors tenfold; a matrix that is not square has none. Use a.T @ a.",
        question: "What are the eigenvalues of [[1, 10], [0, 1]], and what does it do to the vector (0, 1)?",
        see: ("dlbook", "2.7-2.8 Eigendecomposition; singular value decomposition"),
        behaviour: |arguments| {
            let a = matrix(arguments);
            let two = match a.dim() {
                (1, 1) => a[[0, 0]].abs(),
                (2, 2) => {
                    let (half_trace, determinant) =
                        ((a[[0, 0]] + a[[1, 1]]) / 2.0, a[[0, 0]] * a[[1, 1]] - a[[0, 1]] * a[[1, 0]]);
                    let discriminant = half_trace * half_trace - determinant;
                    // Below zero the two are a complex pair, whose product is the determinant.
                    if discriminant < 0.0 { determinant.sqrt() } else { half_trace.abs() + discriminant.sqrt() }
                }
                (m, n) => return rejects(format!("a matrix of shape ({m}, {n}) has no eigenvalues")),
            };
            Norms { two, ..Norms::of(a) }.outcome()
        },
    },
    Misconception {
        id: "spectral-as-largest-entry",
        title: "two is the largest magnitude of an entry",
        explanation: "Entries work together: the 2 by 2 matrix of ones doubles the length of (1, 1). The largest entry is \
                      only a lower bound of the spectral norm.",
        question: "By how much does [[1, 1], [1, 1]] stretch the vector (1, 1)?",
        see: ("dlbook", "2.8 Singular Value Decomposition"),
        behaviour: |arguments| {
            let a = matrix(arguments);
            Norms { two: largest(a.mapv(f64::abs)), ..Norms::of(a) }.outcome()
        },
    },
    Misconception {
        id: "frobenius-for-spectral",
        title: "two is the Frobenius norm: the root of the sum of all squares",
        explanation: "np.linalg.norm(a) of a matrix is the Frobenius norm. It sums the squares of all singular values; the \
                      spectral norm is the largest alone. They agree for rank one only.",
        question: "By how much does the 2 by 2 identity stretch a vector, and what is its Frobenius norm?",
        see: ("dlbook", "2.5 Norms"),
        behaviour: |arguments| {
            let norms = Norms::of(matrix(arguments));
            Norms { two: norms.fro, ..norms }.outcome()
        },
    },
    Misconception {
        id: "smallest-for-largest",
        title: "two is the smallest singular value",
        explanation: "eigvalsh sorts upwards, svd sorts downwards: index 0 is the smallest of one and the largest of the \
                      other. Take max() and forget about the order.",
        question: "In which order does the function you call return its values?",
        see: ("numpy", "numpy.linalg.svd, numpy.linalg.eigvalsh: the order of the result"),
        behaviour: |arguments| {
            let a = matrix(arguments);
            let two = singular_values(a).into_iter().fold(f64::INFINITY, f64::min);
            Norms { two, ..Norms::of(a) }.outcome()
        },
    },
    Misconception {
        id: "mean-where-sum",
        title: "columns and rows are averaged in place of summed",
        explanation: "The norm of a column grows with every entry. A mean hides how many there are: for the identity of any \
                      size both norms are 1.",
        question: "What is the 1-norm of the 3 by 3 identity in your code?",
        see: ("dlbook", "2.5 Norms"),
        behaviour: |arguments| {
            let a = matrix(arguments);
            let norms = Norms::of(a);
            Norms { one: norms.one / a.nrows() as f64, inf: norms.inf / a.ncols() as f64, ..norms }.outcome()
        },
    },
];
