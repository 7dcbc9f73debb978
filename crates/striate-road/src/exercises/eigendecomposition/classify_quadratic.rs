//! `classify_quadratic`: the shape of a quadratic form from the signs of eigenvalues.

use ndarray::{Array2, ArrayView2, Ix2, array};

use super::symmetric::{eigenpairs, with_eigenvalues};
use crate::exercise::{Exercise, Kind, Misconception, Outcome, Parameter, Probe, Signature};
use crate::exercises::arguments::{f64_array, floats, rejects, returns};
use crate::exercises::numbers::Numbers;
use crate::value::Value;

/// The exercise.
pub static CLASSIFY_QUADRATIC: Exercise = Exercise {
    id: "classify_quadratic",
    station: "eigendecomposition",
    task: "Say which shape the surface q(x) = x @ a @ x has around 0:\n\
           'bowl' if it rises in every direction, 'dome' if it falls in every direction,\n\
           'saddle' if it rises in some and falls in others, 'trough' if it is level in some direction and\n\
           does not do both (rises or falls in the others, or is level everywhere).\n\
           a need not be symmetric: q only sees (a + a.T) / 2. The signs of the eigenvalues of that matrix decide;\n\
           an eigenvalue counts as zero if its magnitude is at most 1e-10 of the largest magnitude.\n\
           Refuse a matrix that is not square with an error.",
    signature: Signature {
        name: "classify_quadratic",
        parameters: &[f64_array("a", &["n", "n"], "coefficients of the quadratic form")],
        returns: Parameter { name: "shape", kind: Kind::Text, meaning: "'bowl', 'dome', 'saddle' or 'trough'" },
    },
    probes,
    reference,
    misconceptions: MISCONCEPTIONS,
    hints: &[
        "Along an eigenvector v with eigenvalue l, q(t v) = l t^2. So what does the sign of l say about that direction?",
        "Symmetrise, take eigvalsh, divide by the largest magnitude (if it is not 0). Then ask two questions: is any above \
         1e-10, is any below -1e-10? Both: saddle. Neither of the others may be zero for bowl and dome.",
        "q = x^2 + 4 x y + y^2 comes as [[1, 4], [0, 1]] or as [[1, 2], [2, 1]]. The second has eigenvalues 3 and -1: a \
         saddle, though both diagonal elements are positive. Indeed q(1, -1) = 1 - 4 + 1 = -2.",
    ],
    ..Exercise::DEFAULTS
};

fn probes() -> Vec<Probe> {
    let mut numbers = Numbers::stream(513);
    let ordinary = [
        ("x^2 + 3 y^2", array![[1.0, 0.0], [0.0, 3.0]]),
        ("-2 x^2 + x y - y^2", array![[-2.0, 0.5], [0.5, -1.0]]),
        ("x^2 + 4 x y + y^2, a positive diagonal", array![[1.0, 2.0], [2.0, 1.0]]),
        ("x^2 + 2 x y + y^2", array![[1.0, 1.0], [1.0, 1.0]]),
        ("the same as a triangle: x^2 + 3 x y + 2 y^2", array![[1.0, 3.0], [0.0, 2.0]]),
        ("the triangle on the other side: x^2 + 2.5 x y + 2 y^2", array![[1.0, 0.0], [2.5, 2.0]]),
        ("a rotation by 90 degrees and a little: q is small but a bowl", array![[0.1, -1.0], [1.0, 0.2]]),
    ];
    let mut probes: Vec<Probe> =
        ordinary.into_iter().map(|(label, a)| Probe::ordinary(label, vec![a.into()])).collect();
    for (values, label) in [
        (&[-1.0, -2.0, -4.0][..], "3 by 3, eigenvalues -1, -2, -4"),
        (&[5.0, -1.0, -2.0], "3 by 3, eigenvalues 5, -1, -2: a positive determinant"),
        (&[1.0, 2.0, 3.0, 4.0], "4 by 4, eigenvalues 1 to 4"),
    ] {
        probes.push(Probe::ordinary(label, vec![with_eigenvalues(&mut numbers, values).into()]));
    }
    let tiny_bowl = with_eigenvalues(&mut numbers, &[1e-12, 3e-12, 2e-12]);
    let hard = [
        ("both signs and a zero", array![[1.0, 0.0, 0.0], [0.0, 0.0, 0.0], [0.0, 0.0, -1.0]]),
        ("level in one direction, falling in the other", array![[-2.0, 0.0], [0.0, 0.0]]),
        ("an eigenvalue that only rounding makes positive", array![[3.0, 0.0], [0.0, 1e-13]]),
        ("an eigenvalue that only rounding makes negative", array![[3.0, 0.0], [0.0, -1e-13]]),
        ("a tiny bowl, elements around 1e-12", tiny_bowl),
        ("a huge trough, elements around 1e9", array![[1e9, 0.0], [0.0, 1e-3]]),
        ("level everywhere", Array2::zeros((2, 2))),
        ("turning only: x @ a @ x is 0 for every x", array![[0.0, 5.0], [-5.0, 0.0]]),
        ("a single negative number", array![[-7.0]]),
        ("not square", array![[1.0, 0.0, 2.0], [0.0, 1.0, 3.0]]),
    ];
    probes.extend(hard.into_iter().map(|(label, a)| Probe::hard(label, vec![a.into()])));
    probes
}

/// The relative size below which an eigenvalue counts as zero.
const NEGLIGIBLE: f64 = 1e-10;

/// How many values are positive, negative and zero.
struct Signs {
    positive: usize,
    negative: usize,
    zero: usize,
}

impl Signs {
    /// Counted with everything up to `limit` as zero.
    fn with_limit(values: &[f64], limit: f64) -> Self {
        let count = |holds: &dyn Fn(f64) -> bool| values.iter().filter(|&&value| holds(value)).count();
        Signs {
            positive: count(&|value| value > limit),
            negative: count(&|value| value < -limit),
            zero: count(&|value| value.abs() <= limit),
        }
    }

    fn of(values: &[f64]) -> Self {
        Self::with_limit(values, NEGLIGIBLE * values.iter().fold(0.0, |largest: f64, value| largest.max(value.abs())))
    }

    fn shape(&self) -> &'static str {
        match self {
            Signs { positive: 1.., negative: 1.., .. } => "saddle",
            Signs { zero: 1.., .. } => "trough",
            Signs { positive: 1.., .. } => "bowl",
            _ => "dome",
        }
    }
}

fn symmetrized(a: ArrayView2<'_, f64>) -> Array2<f64> {
    (&a + &a.t()) / 2.0
}

/// The shape that `decide` sees, unless the matrix is not square.
fn shape(arguments: &[Value], decide: impl FnOnce(ArrayView2<'_, f64>) -> &'static str) -> Outcome {
    let a = floats::<Ix2>(arguments, 0);
    if !a.is_square() {
        return rejects(format!("a quadratic form needs a square matrix, this one is {} by {}", a.nrows(), a.ncols()));
    }
    returns(Value::Text(decide(a).into()))
}

/// The shape that `decide` sees in the right eigenvalues, ascending.
fn from_eigenvalues(arguments: &[Value], decide: impl FnOnce(&[f64]) -> &'static str) -> Outcome {
    shape(arguments, |a| decide(&eigenpairs(symmetrized(a).view()).values.to_vec()))
}

fn reference(arguments: &[Value]) -> Outcome {
    from_eigenvalues(arguments, |values| Signs::of(values).shape())
}

/// Real parts of the eigenvalues of a matrix that is symmetric or 2 by 2.
fn real_parts(a: ArrayView2<'_, f64>) -> Vec<f64> {
    if a.nrows() != 2 {
        return eigenpairs(a).values.to_vec();
    }
    let middle = (a[[0, 0]] + a[[1, 1]]) / 2.0;
    let half_gap_squared = ((a[[0, 0]] - a[[1, 1]]) / 2.0).powi(2) + a[[0, 1]] * a[[1, 0]];
    // A negative square is a pair of complex eigenvalues around the middle.
    let half_gap = half_gap_squared.max(0.0).sqrt();
    vec![middle - half_gap, middle + half_gap]
}

const MISCONCEPTIONS: &[Misconception] = &[
    Misconception {
        id: "determinant-only",
        title: "only the sign of the determinant is looked at",
        explanation: "The determinant is the product of the eigenvalues: two negative ones (a dome) have the same sign as two \
                      positive ones (a bowl), and 5, -1, -2 is positive too. The eigenvalues say it all, their product does not.",
        question: "Which determinants have -I and I for n = 2?",
        see: ("dlbook", "2.11 The Determinant"),
        behaviour: |arguments| {
            from_eigenvalues(arguments, |values| {
                let scale = values.iter().fold(0.0, |largest: f64, value| largest.max(value.abs()));
                let product: f64 = values.iter().map(|value| if scale == 0.0 { 0.0 } else { value / scale }).product();
                Signs::with_limit(&[product], NEGLIGIBLE).shape_of_determinant()
            })
        },
    },
    Misconception {
        id: "diagonal-as-eigenvalues",
        title: "the diagonal is read as if it held the eigenvalues",
        explanation: "The diagonal says how q behaves along the axes only. Between them the mixed terms may win: x^2 + 4xy + y^2 is \
                      negative at (1, -1). Only for diagonal (or triangular) matrices does the diagonal hold eigenvalues.",
        question: "What is x @ a @ x for x = [1, -1]?",
        see: ("dlbook", "2.7 Eigendecomposition"),
        behaviour: |arguments| shape(arguments, |a| Signs::of(&a.diag().to_vec()).shape()),
    },
    Misconception {
        id: "zero-compared-exactly",
        title: "an eigenvalue counts as zero only if it is exactly 0",
        explanation: "Computed eigenvalues carry rounding errors of about 1e-16 of the largest one. What should be 0 comes out as \
                      1e-17 or -1e-17, and a trough is called a bowl or a saddle. Compare with a small part of the largest.",
        question: "What does your program say if an eigenvalue comes out as 1e-17?",
        see: ("dlbook", "4.1 Overflow and Underflow"),
        behaviour: |arguments| from_eigenvalues(arguments, |values| Signs::with_limit(values, 0.0).shape()),
    },
    Misconception {
        id: "tolerance-absolute",
        title: "eigenvalues are compared with a fixed small number, whatever their size",
        explanation: "A bowl stays a bowl if it is measured in other units: 1e-12 * a has the shape of a. Compare with a small part \
                      of the largest magnitude.",
        question: "Does your answer change if a is multiplied by 1e-12?",
        see: ("dlbook", "4.1 Overflow and Underflow"),
        behaviour: |arguments| from_eigenvalues(arguments, |values| Signs::with_limit(values, NEGLIGIBLE).shape()),
    },
    Misconception {
        id: "not-symmetrized",
        title: "the eigenvalues are those of a itself, which is not symmetric",
        explanation: "x @ a @ x cannot tell a from (a + a.T) / 2, but the eigenvalues can: [[1, 3], [0, 2]] has 1 and 2, while \
                      the form x^2 + 3xy + 2y^2 is a saddle. Symmetrise first.",
        question: "Have [[1, 3], [0, 2]] and [[1, 1.5], [1.5, 2]] the same quadratic form? The same eigenvalues?",
        see: ("cs229", "linear algebra review"),
        behaviour: |arguments| shape(arguments, |a| Signs::of(&real_parts(a)).shape()),
    },
    Misconception {
        id: "one-triangle-read",
        title: "eigh gets a matrix that is not symmetric and reads its lower triangle only",
        explanation: "eigh and eigvalsh trust that a is symmetric and look at one half of it (the lower one, unless told \
                      otherwise). The other half may hold all the mixed terms. Pass (a + a.T) / 2.",
        question: "Which elements of a does eigvalsh read?",
        see: ("numpy", "numpy.linalg.eigvalsh, argument UPLO"),
        behaviour: |arguments| {
            shape(arguments, |a| {
                let lower = Array2::from_shape_fn(a.dim(), |(i, j)| a[[i.max(j), i.min(j)]]);
                Signs::of(&eigenpairs(lower.view()).values.to_vec()).shape()
            })
        },
    },
    Misconception {
        id: "level-counted-as-rising",
        title: "a zero eigenvalue is counted as a positive one",
        explanation: "A direction with eigenvalue 0 is level: there the minimum is not a point but a line, and a solver that \
                      needs one answer finds none. A bowl needs all of them above zero.",
        question: "Which way does x^2 + 2xy + y^2 go along x = -y?",
        see: ("dlbook", "4.3 Gradient-Based Optimization"),
        behaviour: |arguments| {
            from_eigenvalues(arguments, |values| {
                let signs = Signs::of(values);
                Signs { positive: signs.positive + signs.zero, zero: 0, ..signs }.shape()
            })
        },
    },
    Misconception {
        id: "negative-means-saddle",
        title: "any negative eigenvalue makes it a saddle",
        explanation: "A saddle needs both signs. All negative is a dome, negative and zero a trough upside down.",
        question: "Does -x^2 - y^2 rise anywhere?",
        see: ("dlbook", "4.3 Gradient-Based Optimization"),
        behaviour: |arguments| {
            from_eigenvalues(arguments, |values| {
                let signs = Signs::of(values);
                if signs.negative > 0 { "saddle" } else { signs.shape() }
            })
        },
    },
    Misconception {
        id: "zero-means-trough",
        title: "a zero eigenvalue makes it a trough, whatever the others are",
        explanation: "With 1, 0 and -1 the surface rises along one axis and falls along another: a saddle, level in a third. A \
                      trough does not do both. Ask for both signs first.",
        question: "Does x^2 - z^2 in three variables rise and fall?",
        see: ("dlbook", "4.3 Gradient-Based Optimization"),
        behaviour: |arguments| {
            from_eigenvalues(arguments, |values| {
                let signs = Signs::of(values);
                if signs.zero > 0 { "trough" } else { signs.shape() }
            })
        },
    },
    Misconception {
        id: "sign-flipped",
        title: "bowl and dome are interchanged",
        explanation: "q(t v) = l t^2: a positive eigenvalue makes the surface rise away from 0. All positive is a bowl.",
        question: "Is x^2 + y^2 larger or smaller than 0 beside the origin?",
        see: ("dlbook", "4.3 Gradient-Based Optimization"),
        behaviour: |arguments| {
            from_eigenvalues(arguments, |values| match Signs::of(values).shape() {
                "bowl" => "dome",
                "dome" => "bowl",
                other => other,
            })
        },
    },
];

impl Signs {
    /// What the sign of a determinant alone seems to say.
    fn shape_of_determinant(&self) -> &'static str {
        match self {
            Signs { zero: 1.., .. } => "trough",
            Signs { positive: 1.., .. } => "bowl",
            _ => "saddle",
        }
    }
}
