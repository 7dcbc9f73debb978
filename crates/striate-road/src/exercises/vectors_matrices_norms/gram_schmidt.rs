//! `gram_schmidt`: columns made orthonormal, one after the other.

use ndarray::{Array1, Array2, ArrayView1, ArrayView2, Axis, array, s, stack};

use crate::exercise::{Exercise, Kind, Misconception, Outcome, Parameter, Probe, Property, Signature, Tolerance};
use crate::exercises::arguments::{f64_array, floats, returns};
use crate::exercises::numbers::Numbers;
use crate::value::{Array, Value};

/// The exercise.
pub static GRAM_SCHMIDT: Exercise = Exercise {
    id: "gram_schmidt",
    station: "vectors-matrices-norms",
    task: "Make the columns of a orthonormal, from left to right: from each column subtract what lies along the columns\n\
           found so far, then divide the rest by its length. Return q, whose r columns are these, and the coefficients R\n\
           with a = q @ R; R[i, j] says how much of q's column i is in a's column j, and its leading entries are positive.\n\
           A column whose rest is at most 1e-10 times its own length depends on the ones before: q gets no column for it.\n\
           Nearly parallel columns must still come out orthogonal: compute each coefficient from the rest, not from a.",
    signature: Signature {
        name: "gram_schmidt",
        parameters: &[f64_array("a", &["n", "k"], "vectors in columns")],
        returns: Parameter {
            name: "factors",
            kind: Kind::Tuple(&[
                f64_array("q", &["n", "r"], "orthonormal columns, r of them"),
                f64_array("R", &["r", "k"], "coefficients: a = q @ R"),
            ]),
            meaning: "the two factors of a",
        },
    },
    probes,
    reference,
    misconceptions: MISCONCEPTIONS,
    properties: &[
        Property { title: "has columns of length 1 that are orthogonal to each other", violated: not_orthonormal },
        Property { title: "gives a back as q @ R", violated: not_rebuilt },
    ],
    tolerance: Tolerance { relative: 1e-7, absolute: 1e-11 },
    canonical: Some(leading_positive),
    hints: &[
        "Print q.T @ q for your result. Which entries are not those of the identity, and which two columns do they \
         belong to?",
        "For column j: v = a[:, j].copy(). For each q found so far: R[i, j] = q[:, i] @ v, then v -= R[i, j] * q[:, i]; \
         v gets shorter on the way, and the next coefficient is taken from what is left. If the length of v is above \
         1e-10 times that of a[:, j], it becomes the next column v / length, with R[rank, j] = length.",
        "a = [[3, 1], [4, 2]]. First column: length 5, q0 = (0.6, 0.8), R[0, 0] = 5. Second: R[0, 1] = 0.6 + 1.6 = 2.2, \
         rest = (1 - 1.32, 2 - 1.76) = (-0.32, 0.24), length 0.4, q1 = (-0.8, 0.6), R[1, 1] = 0.4.",
    ],
    ..Exercise::DEFAULTS
};

/// A rest that is at most this much of the column's length counts as nothing.
const NOTHING: f64 = 1e-10;

fn probes() -> Vec<Probe> {
    let mut numbers = Numbers::stream(561);
    let tiny = array![[3e-12, 1e-12], [4e-12, 2e-12], [0.0, 5e-12]];
    let e = 1e-8;
    vec![
        Probe::ordinary("2 vectors of the plane", vec![array![[3.0, 1.0], [4.0, 2.0]].into()]),
        Probe::ordinary("2 vectors of length 3", vec![numbers.reals([3, 2], -2.0, 2.0).into()]),
        Probe::ordinary("3 vectors of length 5", vec![numbers.reals([5, 3], -2.0, 2.0).into()]),
        Probe::ordinary("4 vectors of length 4", vec![numbers.reals([4, 4], -2.0, 2.0).into()]),
        Probe::ordinary(
            "the third vector is the sum of the first two",
            vec![
                array![[1.0, 2.0, 3.0, 1.0], [1.0, 0.0, 1.0, 5.0], [1.0, 2.0, 3.0, 0.0], [1.0, 0.0, 1.0, -2.0]].into(),
            ],
        ),
        Probe::hard("a single vector", vec![array![[2.0], [-1.0], [2.0]].into()]),
        Probe::hard("vectors with one entry", vec![array![[2.0, 3.0, -1.0]].into()]),
        Probe::hard(
            "5 vectors of the plane",
            vec![array![[2.0, 0.0, 1.0, -3.0, 5.0], [0.0, 3.0, 2.0, 1.0, -1.0]].into()],
        ),
        Probe::hard(
            "a column of zeros in the middle",
            vec![array![[1.0, 0.0, 2.0], [2.0, 0.0, 1.0], [2.0, 0.0, 0.0]].into()],
        ),
        Probe::hard(
            "a dependent vector along the axes",
            vec![array![[2.0, 0.0, 2.0], [0.0, 3.0, 3.0], [0.0, 0.0, 0.0]].into()],
        ),
        Probe::hard("a vector and its double, not exact in binary", vec![array![[0.1, 0.2], [0.5, 1.0]].into()]),
        Probe::hard("zeros only", vec![Array2::<f64>::zeros((3, 2)).into()]),
        Probe::hard("vectors of length 1e-12", vec![tiny.into()]),
        Probe::hard(
            "the 4 by 4 Hilbert matrix",
            vec![Array2::from_shape_fn((4, 4), |(i, j)| 1.0 / (i + j + 1) as f64).into()],
        ),
        Probe::hard(
            "three nearly parallel vectors",
            vec![array![[1.0, 1.0, 1.0], [e, 0.0, 0.0], [0.0, e, 0.0], [0.0, 0.0, e]].into()],
        ),
    ]
}

/// How the columns are made orthogonal; every field names a decision that people get wrong.
struct Method {
    /// The coefficient of basis vector `q` from the rest and the original column.
    coefficient: fn(q: ArrayView1<'_, f64>, rest: ArrayView1<'_, f64>, column: ArrayView1<'_, f64>) -> f64,
    /// Whether the rest, of this length, of a column of that length counts as nothing.
    dependent: fn(rest: f64, column: f64) -> bool,
    /// Divide the rest by this to get the basis vector.
    divisor: fn(length: f64) -> f64,
    /// -1 subtracts projections.
    sign: f64,
    /// Project on the latest basis vector only.
    latest_only: bool,
}

const RIGHT: Method = Method {
    coefficient: |q, rest, _| q.dot(&rest),
    dependent: |rest, column| rest <= NOTHING * column,
    divisor: |length| length,
    sign: -1.0,
    latest_only: false,
};

impl Method {
    /// `q` and `R` of the columns of `a`.
    fn factors(&self, a: ArrayView2<'_, f64>) -> (Array2<f64>, Array2<f64>) {
        let (n, k) = a.dim();
        let mut basis: Vec<Array1<f64>> = Vec::new();
        let mut r = Array2::zeros((k, k));
        for (j, column) in a.columns().into_iter().enumerate() {
            let mut rest = column.to_owned();
            let first = if self.latest_only { basis.len().saturating_sub(1) } else { 0 };
            for (i, q) in basis.iter().enumerate().skip(first) {
                r[[i, j]] = (self.coefficient)(q.view(), rest.view(), column);
                rest.scaled_add(self.sign * r[[i, j]], q);
            }
            let length = norm(rest.view());
            if !(self.dependent)(length, norm(column)) {
                r[[basis.len(), j]] = length;
                basis.push(rest / (self.divisor)(length));
            }
        }
        let views: Vec<_> = basis.iter().map(|q| q.view()).collect();
        let q = if views.is_empty() { Array2::zeros((n, 0)) } else { stack(Axis(1), &views).expect("equal lengths") };
        let rank = basis.len();
        (q, r.slice(s![..rank, ..]).to_owned())
    }

    fn outcome(&self, arguments: &[Value]) -> Outcome {
        pair(self.factors(vectors(arguments)))
    }
}

fn norm(x: ArrayView1<'_, f64>) -> f64 {
    x.dot(&x).sqrt()
}

fn vectors(arguments: &[Value]) -> ArrayView2<'_, f64> {
    floats(arguments, 0)
}

fn pair((q, r): (Array2<f64>, Array2<f64>)) -> Outcome {
    returns(Value::Tuple(vec![q.into(), r.into()]))
}

fn reference(arguments: &[Value]) -> Outcome {
    RIGHT.outcome(arguments)
}

/// Both factors, if the result has them.
fn matrices(result: &Value) -> Option<(ArrayView2<'_, f64>, ArrayView2<'_, f64>)> {
    let Value::Tuple(parts) = result else { return None };
    let [Value::Array(Array::F64(q)), Value::Array(Array::F64(r))] = parts.as_slice() else { return None };
    Some((q.view().into_dimensionality().ok()?, r.view().into_dimensionality().ok()?))
}

/// A column of q and its row of R may change sign together; here the first entry of each row of R is positive.
fn leading_positive(_: &[Value], result: Value) -> Value {
    let Some((q, r)) = matrices(&result).filter(|(q, r)| q.ncols() == r.nrows()) else { return result };
    let (mut q, mut r) = (q.to_owned(), r.to_owned());
    for i in 0..q.ncols() {
        let largest = r.row(i).fold(0.0f64, |largest, x| largest.max(x.abs()));
        if r.row(i).iter().find(|x| x.abs() > 1e-12 * largest).is_some_and(|&leading| leading < 0.0) {
            q.column_mut(i).mapv_inplace(|x| -x);
            r.row_mut(i).mapv_inplace(|x| -x);
        }
    }
    Value::Tuple(vec![q.into(), r.into()])
}

fn not_orthonormal(_: &[Value], result: &Value) -> Option<String> {
    let (q, _) = matrices(result)?;
    let products = q.t().dot(&q);
    let wrong = products.indexed_iter().find(|((i, j), x)| (**x - f64::from(u8::from(i == j))).abs() > 1e-7)?;
    let ((i, j), product) = wrong;
    Some(format!("the product of columns {i} and {j} is {product}"))
}

fn not_rebuilt(arguments: &[Value], result: &Value) -> Option<String> {
    let (q, r) = matrices(result)?;
    let error = (q.dot(&r) - vectors(arguments)).fold(0.0f64, |most, x| most.max(x.abs()));
    (error > 1e-9).then(|| format!("q @ R and a differ by {error}"))
}

const MISCONCEPTIONS: &[Misconception] = &[
    Misconception {
        id: "classical-gram-schmidt",
        title: "the coefficients are taken from the original column, and nearly parallel columns lose orthogonality",
        explanation: "On paper q @ column and q @ rest are the same, since earlier subtractions are orthogonal to q. With \
                      rounding they are only nearly so, and the errors add up. Taking each coefficient from the rest \
                      (the modified method) corrects them on the way, at no cost.",
        question: "In R[i, j] = q_i @ ?, is it the column or what is left of it?",
        see: ("dlbook", "4.1-4.2 Overflow, underflow, poor conditioning"),
        behaviour: |arguments| Method { coefficient: |q, _, column| q.dot(&column), ..RIGHT }.outcome(arguments),
    },
    Misconception {
        id: "projection-not-divided",
        title: "projections use vectors that are not unit vectors, without dividing by their squared length",
        explanation: "The part of v along u is (u @ v) / (u @ u) * u. Only for a unit vector the divisor is 1. Normalise \
                      each vector as soon as it is found, not all of them at the end.",
        question: "At the moment of projecting, what is the length of the vector you project on?",
        see: ("dlbook", "2.6 Special kinds of matrices and vectors"),
        behaviour: |arguments| {
            let a = vectors(arguments);
            let (mut q, _) = Method { divisor: |_| 1.0, ..RIGHT }.factors(a);
            for mut column in q.columns_mut() {
                let length = norm(column.view());
                column /= length;
            }
            let r = q.t().dot(&a);
            pair((q, r))
        },
    },
    Misconception {
        id: "not-normalized",
        title: "the columns of q are orthogonal, but not divided by their lengths",
        explanation: "Orthonormal means both: orthogonal and of length 1. With unit columns q.T @ q is the identity, and \
                      undoing q is a transpose.",
        question: "What stands on the diagonal of q.T @ q?",
        see: ("dlbook", "2.6 Special kinds of matrices and vectors"),
        behaviour: |arguments| {
            let coefficient =
                |q: ArrayView1<'_, f64>, rest: ArrayView1<'_, f64>, _: ArrayView1<'_, f64>| q.dot(&rest) / q.dot(&q);
            let a = vectors(arguments);
            let (q, mut r) = Method { coefficient, divisor: |_| 1.0, ..RIGHT }.factors(a);
            for mut row in r.rows_mut() {
                if let Some(leading) = row.iter_mut().find(|x| **x != 0.0) {
                    *leading = 1.0;
                }
            }
            pair((q, r))
        },
    },
    Misconception {
        id: "axes-swapped",
        title: "the rows of a are made orthonormal, not its columns",
        explanation: "a[j] is row j, a[:, j] is column j. The vectors stand in columns here, as in a = q @ R.",
        question: "Which shape has the first vector that your loop takes out of a 5 by 3 matrix?",
        see: ("dlbook", "2.1-2.4 Scalars to linear dependence and span"),
        behaviour: |arguments| pair(RIGHT.factors(vectors(arguments).t())),
    },
    Misconception {
        id: "division-by-zero",
        title: "a dependent column is kept, and its rest of nothing is divided by its length",
        explanation: "The rest of a dependent column is zero, or rounding noise: dividing gives NaN or a direction that \
                      means nothing. Drop it; its coefficients in R already rebuild it.",
        question: "What does your code divide by when a column is a multiple of the first?",
        see: ("dlbook", "2.4 Linear Dependence and Span"),
        behaviour: |arguments| Method { dependent: |_, _| false, ..RIGHT }.outcome(arguments),
    },
    Misconception {
        id: "zero-compared-exactly",
        title: "only a rest of exactly 0 counts as dependent",
        explanation: "Rounding leaves about 1e-16 of a dependent column. Divided by its own length this noise becomes a \
                      unit vector like any other. Compare with the column's length: 1e-10 of it is nothing.",
        question: "What is left of 0.1 + 0.2 - 0.3 in floating point?",
        see: ("dlbook", "4.1 Overflow and Underflow"),
        behaviour: |arguments| Method { dependent: |rest, _| rest == 0.0, ..RIGHT }.outcome(arguments),
    },
    Misconception {
        id: "tolerance-absolute",
        title: "a rest below 1e-10 counts as nothing, however long the column was",
        explanation: "Vectors of length 1e-12 are as independent as any others: length has no absolute scale. Multiply the \
                      tolerance by the length of the column.",
        question: "What happens to your result when a is given in kilometres and not in nanometres?",
        see: ("dlbook", "4.1 Overflow and Underflow"),
        behaviour: |arguments| Method { dependent: |rest, _| rest <= NOTHING, ..RIGHT }.outcome(arguments),
    },
    Misconception {
        id: "projection-added",
        title: "the projections are added to the column in place of subtracted",
        explanation: "Subtracting (q @ v) q removes what v has along q; adding doubles it, and the rest turns towards q.",
        question: "After the step, what should q @ v be?",
        see: ("dlbook", "2.6 Special kinds of matrices and vectors"),
        behaviour: |arguments| Method { sign: 1.0, ..RIGHT }.outcome(arguments),
    },
    Misconception {
        id: "only-previous-subtracted",
        title: "each column is made orthogonal to the one before it only",
        explanation: "Two columns are right then, and from the third on the first one is forgotten. Every column has to \
                      lose its part along all the ones before.",
        question: "Is your third column orthogonal to the first?",
        see: ("dlbook", "2.6 Special kinds of matrices and vectors"),
        behaviour: |arguments| Method { latest_only: true, ..RIGHT }.outcome(arguments),
    },
    Misconception {
        id: "matrix-transposed",
        title: "R is returned transposed: its entries stand below the diagonal",
        explanation: "Column j of a is a mixture of the columns 0 .. j of q, so R[i, j] is zero for i > j: R is upper \
                      triangular, and a = q @ R.",
        question: "Which index of R says the column of q, and which the column of a?",
        see: ("dlbook", "2.2 Multiplying Matrices and Vectors"),
        behaviour: |arguments| {
            let (q, r) = RIGHT.factors(vectors(arguments));
            pair((q, r.t().to_owned()))
        },
    },
    Misconception {
        id: "dependent-kept-as-zero",
        title: "a dependent column stays in q as a column of zeros",
        explanation: "A column of zeros has length 0: q.T @ q is not the identity any more, and the number of columns no \
                      longer says the rank. Leave it out.",
        question: "How many columns should q have when a has rank 2?",
        see: ("dlbook", "2.4 Linear Dependence and Span"),
        behaviour: |arguments| {
            let a = vectors(arguments);
            let (mut wide, mut tall) = (Array2::zeros(a.dim()), Array2::zeros((a.ncols(), a.ncols())));
            let (q, r) = RIGHT.factors(a);
            for (column, row) in q.columns().into_iter().zip(r.rows()) {
                let place = row.iter().position(|&x| x != 0.0).unwrap_or(0);
                wide.column_mut(place).assign(&column);
                tall.row_mut(place).assign(&row);
            }
            pair((wide, tall))
        },
    },
    Misconception {
        id: "dependent-dropped-from-r",
        title: "R loses the columns of the dependent vectors",
        explanation: "A dependent vector needs no new direction, but it still is a mixture of the others, and R says which. \
                      R keeps all k columns, or a cannot be rebuilt.",
        question: "Which shape has q @ R, and which has a?",
        see: ("dlbook", "2.4 Linear Dependence and Span"),
        behaviour: |arguments| {
            let (q, r) = RIGHT.factors(vectors(arguments));
            let kept: Vec<usize> = r.rows().into_iter().filter_map(|row| row.iter().position(|&x| x != 0.0)).collect();
            pair((q, r.select(Axis(1), &kept)))
        },
    },
];
