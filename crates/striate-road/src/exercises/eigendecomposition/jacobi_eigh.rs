//! `jacobi_eigh`: rotations that make a symmetric matrix diagonal.

use ndarray::{Array2, Ix1, Ix2, array};

use super::symmetric::{
    Eigenpairs, Rotations, align, eigenpairs, float_parts, is_symmetric, largest, turn_columns, with_eigenvalues,
};
use crate::exercise::{Exercise, Kind, Misconception, Outcome, Parameter, Probe, Property, Signature, Tolerance};
use crate::exercises::arguments::{f64_array, floats, rejects, returns};
use crate::exercises::numbers::Numbers;
use crate::value::Value;

/// The exercise.
pub static JACOBI_EIGH: Exercise = Exercise {
    id: "jacobi_eigh",
    station: "eigendecomposition",
    task: "Find all eigenvalues and eigenvectors of a symmetric matrix with Jacobi rotations.\n\
           A rotation in the plane of axes p and q makes the elements (p, q) and (q, p) zero. Visit all pairs p < q, again\n\
           and again, until nothing is left beside the diagonal (1e-15 of the largest element will do).\n\
           Return the eigenvalues in ascending order, and the eigenvectors as columns in the same order, of length 1.\n\
           Refuse a matrix that is not symmetric (to 1e-12 of its largest element) with an error.\n\
           The sign of each column is free, and so is the basis where an eigenvalue occurs more than once.",
    signature: Signature {
        name: "jacobi_eigh",
        parameters: &[f64_array("a", &["n", "n"], "a symmetric matrix")],
        returns: Parameter {
            name: "pairs",
            kind: Kind::Tuple(&[
                f64_array("values", &["n"], "eigenvalues, ascending"),
                f64_array("vectors", &["n", "n"], "column i belongs to values[i]"),
            ]),
            meaning: "all eigenpairs",
        },
    },
    probes,
    reference,
    misconceptions: MISCONCEPTIONS,
    properties: &[Property { title: "rebuilds the matrix: vectors @ diag(values) @ vectors.T", violated: not_rebuilt }],
    // Eigenvectors are as exact as rounding divided by the distance of the eigenvalues, here at least 1e-2 of the largest.
    tolerance: Tolerance { relative: 1e-8, absolute: 1e-20 },
    canonical: Some(aligned),
    hints: &[
        "Do one rotation on a 2 by 2 matrix and look at the result: are both elements beside the diagonal zero?",
        "For each pair: tau = (a[q,q] - a[p,p]) / (2 a[p,q]), t = sign(tau) / (|tau| + sqrt(1 + tau^2)) with sign(0) = 1, \
         c = 1 / sqrt(1 + t^2), s = t c. With J = [[c, s], [-s, c]] on rows and columns p, q: a becomes J.T a J, and \
         v (which starts as the identity) becomes v J. Sort at the end, columns along with the values.",
        "a = [[2, 1], [1, 2]]: tau = 0, t = 1, c = s = 0.7071. J.T a J = [[1, 0], [0, 3]] in one rotation; v = \
         [[0.7071, 0.7071], [-0.7071, 0.7071]]. Column 0: a @ [0.7071, -0.7071] = [0.7071, -0.7071], eigenvalue 1.",
    ],
    ..Exercise::DEFAULTS
};

fn probes() -> Vec<Probe> {
    let mut numbers = Numbers::stream(512);
    let mut probes = vec![
        Probe::ordinary("2 by 2, equal diagonal", vec![array![[2.0, 1.0], [1.0, 2.0]].into()]),
        Probe::ordinary(
            "3 by 3, whole numbers",
            vec![array![[4.0, 1.0, -2.0], [1.0, 2.0, 0.0], [-2.0, 0.0, 3.0]].into()],
        ),
    ];
    for (values, hard, label) in [
        (&[-6.0, -1.0, 2.0, 5.0][..], false, "4 by 4, eigenvalues of both signs"),
        (&[7.0, -3.0, 1.0, 0.0, 4.0], false, "5 by 5, singular"),
        (&[-2.0e9, 3.0e9, 0.5e9], true, "large numbers"),
        (&[1e-13, 3e-13, -2e-13], true, "tiny numbers"),
    ] {
        let arguments = vec![with_eigenvalues(&mut numbers, values).into()];
        probes.push(if hard { Probe::hard(label, arguments) } else { Probe::ordinary(label, arguments) });
    }
    // Whole numbers where eigenvalues are equal: what rounding leaves between equal diagonal elements would turn their
    // eigenvectors by any angle, and no mistake could be recognised by its numbers.
    let hard = [
        ("an eigenvalue twice", array![[2.0, 1.0, 1.0], [1.0, 2.0, 1.0], [1.0, 1.0, 2.0]]),
        (
            "two eigenvalues twice each",
            array![[3.0, 1.0, 0.0, 0.0], [1.0, 3.0, 0.0, 0.0], [0.0, 0.0, 2.0, 0.0], [0.0, 0.0, 0.0, 4.0]],
        ),
        ("diagonal already, two of them equal", array![[5.0, 0.0, 0.0], [0.0, -1.0, 0.0], [0.0, 0.0, 5.0]]),
        ("a single number", array![[-4.0]]),
        ("zeros", Array2::zeros((3, 3))),
        ("not symmetric", array![[1.0, 2.0], [0.0, 3.0]]),
        ("not symmetric in one element of nine", array![[1.0, 2.0, 3.0], [2.0, 4.0, 5.0], [3.0, 5.001, 6.0]]),
    ];
    probes.extend(hard.map(|(label, a)| Probe::hard(label, vec![a.into()])));
    probes
}

fn unless_refused(arguments: &[Value], answer: impl FnOnce(ndarray::ArrayView2<'_, f64>) -> Eigenpairs) -> Outcome {
    let a = floats::<Ix2>(arguments, 0);
    if is_symmetric(a) { returns(answer(a).into_value()) } else { rejects("the matrix is not symmetric") }
}

fn reference(arguments: &[Value]) -> Outcome {
    unless_refused(arguments, eigenpairs)
}

/// Signs and bases in one form; whoever has the eigenvectors in rows keeps them there, but with the signs of that form.
fn aligned(arguments: &[Value], value: Value) -> Value {
    let a = floats::<Ix2>(arguments, 0);
    let found = float_parts(&value).filter(|parts| parts.len() == 2).and_then(|mut parts| {
        let vectors = parts.pop()?.into_dimensionality::<Ix2>().ok()?;
        Some(Eigenpairs { values: parts.pop()?.into_dimensionality::<Ix1>().ok()?, vectors })
    });
    let Some(Eigenpairs { values, mut vectors }) = found else { return value };
    if a.dim() != vectors.dim() || values.len() != a.nrows() {
        return value;
    }
    let belong = |vectors: &Array2<f64>| largest((a.dot(vectors) - vectors * &values).view()) <= 1e-6 * largest(a);
    let transposed = vectors.t().to_owned();
    let in_rows = !belong(&vectors) && belong(&transposed);
    if in_rows {
        vectors = transposed;
    }
    align(&values.to_vec(), &mut vectors, None);
    if in_rows {
        vectors = vectors.t().to_owned();
    }
    Eigenpairs { values, vectors }.into_value()
}

fn not_rebuilt(arguments: &[Value], result: &Value) -> Option<String> {
    let a = floats::<Ix2>(arguments, 0);
    let parts = float_parts(result)?;
    let values = parts.first()?.view().into_dimensionality::<Ix1>().ok()?;
    let vectors = parts.get(1)?.view().into_dimensionality::<Ix2>().ok()?;
    let error = largest(((&vectors * &values).dot(&vectors.t()) - a).view());
    (error > 1e-9 * largest(a)).then(|| format!("the largest difference from a is {error:e}"))
}

const MISCONCEPTIONS: &[Misconception] = &[
    Misconception {
        id: "vectors-transposed",
        title: "the eigenvectors stand in the rows and not in the columns",
        explanation: "a @ V = V @ diag(values) says: column i of V belongs to values[i]. V.T has them in rows. It comes from \
                      accumulating J.T @ V, or from reading V[i] where V[:, i] is meant.",
        question: "Is a @ V[:, 0] a multiple of V[:, 0]?",
        see: ("numpy", "numpy.linalg.eigh"),
        behaviour: |arguments| {
            unless_refused(arguments, |a| {
                let Eigenpairs { values, vectors } = eigenpairs(a);
                Eigenpairs { values, vectors: vectors.t().to_owned() }
            })
        },
    },
    Misconception {
        id: "order-descending",
        title: "the eigenvalues are in descending order",
        explanation: "Both orders are in use: eigh and this exercise go up, singular values and principal components go down. \
                      Whoever mixes them up keeps the least important direction and calls it the first.",
        question: "Is values[0] the smallest or the largest one?",
        see: ("numpy", "numpy.linalg.eigh"),
        behaviour: |arguments| {
            unless_refused(arguments, |a| {
                let pairs = eigenpairs(a);
                pairs.reordered(&pairs.ascending_by(|value| -value))
            })
        },
    },
    Misconception {
        id: "order-unsorted",
        title: "the eigenvalues stand in the order in which the diagonal was left",
        explanation: "The rotations make the matrix diagonal and do not care in which order. Sort at the end, with argsort, so \
                      that the columns can follow: vectors[:, order].",
        question: "In which order does the diagonal come out of the rotations?",
        see: ("numpy", "numpy.argsort"),
        behaviour: |arguments| unless_refused(arguments, |a| Rotations::until_diagonal(a).eigenpairs()),
    },
    Misconception {
        id: "values-sorted-alone",
        title: "the values are sorted and the columns stay where they were",
        explanation: "A value and its vector are a pair. np.sort(values) separates them; order = np.argsort(values), then \
                      values[order] and vectors[:, order], keeps them together.",
        question: "Does vectors[:, 0] still belong to values[0] after sorting?",
        see: ("numpy", "numpy.argsort"),
        behaviour: |arguments| {
            unless_refused(arguments, |a| {
                let vectors = Rotations::until_diagonal(a).vectors;
                Eigenpairs { values: eigenpairs(a).values, vectors }
            })
        },
    },
    Misconception {
        id: "order-by-magnitude",
        title: "the eigenvalues are sorted by magnitude",
        explanation: "Ascending means -6, -1, 2, 5: the sign counts. By magnitude is how power iteration sees them, and how \
                      singular values are sorted, which have no sign.",
        question: "Where does your function put -6 among -6, -1, 2, 5?",
        see: ("numpy", "numpy.linalg.eigh"),
        behaviour: |arguments| {
            unless_refused(arguments, |a| {
                let pairs = eigenpairs(a);
                pairs.reordered(&pairs.ascending_by(f64::abs))
            })
        },
    },
    Misconception {
        id: "one-sweep-only",
        title: "every pair is visited once only",
        explanation: "A rotation for (0, 2) brings back a little of the zero at (0, 1). The rest shrinks from sweep to sweep, \
                      very fast at the end, but one sweep is enough for 2 by 2 only. Repeat until it is gone.",
        question: "After your last rotation, is element (0, 1) still zero?",
        see: ("szeliski", "A.1.2 Eigenvalue decomposition"),
        behaviour: |arguments| {
            unless_refused(arguments, |a| {
                let mut rotations = Rotations::start(a);
                rotations.sweep(Rotations::turn_vectors);
                let pairs = rotations.eigenpairs();
                pairs.reordered(&pairs.ascending_by(|value| value))
            })
        },
    },
    Misconception {
        id: "rotations-multiplied-left",
        title: "each rotation is multiplied to the eigenvectors from the left",
        explanation: "a becomes J2.T J1.T a J1 J2: the columns that make it diagonal are those of J1 J2. The newest rotation \
                      stands on the right: V = V @ J. J2 J1 is another matrix.",
        question: "In (J1 J2).T a (J1 J2), where does the third rotation go?",
        see: ("dlbook", "2.7 Eigendecomposition"),
        behaviour: |arguments| {
            unless_refused(arguments, |a| {
                let mut product = Array2::eye(a.nrows());
                let mut rotations = Rotations::start(a);
                for _ in 0..60 {
                    rotations.sweep(|_, pair, turn| {
                        // J V is the transpose of V.T J.T.
                        product.swap_axes(0, 1);
                        turn_columns(&mut product, pair, &turn.t().to_owned());
                        product.swap_axes(0, 1);
                    });
                }
                let pairs = Eigenpairs { vectors: product, ..rotations.eigenpairs() };
                pairs.reordered(&pairs.ascending_by(|value| value))
            })
        },
    },
    Misconception {
        id: "equal-diagonal-divides-by-zero",
        title: "the angle is 0 / 0 where two diagonal elements are equal and nothing is left between them",
        explanation: "theta = arctan(2 a[p,q] / (a[p,p] - a[q,q])) / 2 divides by the difference of the diagonal. With a[p,q] = 0 \
                      too it is nan, and nan spreads over everything. Skip zeros, or use arctan2.",
        question: "Which rotation does your formula find for the identity matrix?",
        see: ("numpy", "numpy.arctan2"),
        behaviour: |arguments| {
            unless_refused(arguments, |a| {
                let pairs = eigenpairs(a);
                let met = a.indexed_iter().any(|((p, q), &x)| p < q && x == 0.0 && a[[p, p]] == a[[q, q]]);
                if met {
                    let Eigenpairs { values, vectors } = pairs;
                    return Eigenpairs { values: values * f64::NAN, vectors: vectors * f64::NAN };
                }
                pairs
            })
        },
    },
    Misconception {
        id: "tolerance-absolute",
        title: "the loop ends at a fixed small number, whatever the size of the matrix",
        explanation: "A matrix of elements around 1e-13 is below any fixed limit before the first rotation, and comes back as if \
                      it were diagonal. Measure what is left in units of the largest element.",
        question: "Does your function find the same eigenvectors for a and for 1e-13 * a?",
        see: ("dlbook", "4.1 Overflow and Underflow"),
        behaviour: |arguments| {
            unless_refused(arguments, |a| {
                if largest(a) > 1e-10 {
                    return eigenpairs(a);
                }
                let pairs = Rotations::start(a).eigenpairs();
                pairs.reordered(&pairs.ascending_by(|value| value))
            })
        },
    },
];
