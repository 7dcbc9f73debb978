//! `svd_from_eigh`: singular values and vectors by way of the eigenvectors of a symmetric matrix.

use ndarray::{Array2, ArrayView2, Axis, Ix1, Ix2, array, concatenate, s};

use super::svd::{Svd, svd, with_singular_values};
use crate::exercise::{Exercise, Kind, Misconception, Outcome, Parameter, Probe, Property, Signature, Tolerance};
use crate::exercises::arguments::{f64_array, floats, returns};
use crate::exercises::eigendecomposition::symmetric::{align, float_parts, largest, sign};
use crate::exercises::numbers::Numbers;
use crate::value::Value;

/// The exercise.
pub static SVD_FROM_EIGH: Exercise = Exercise {
    id: "svd_from_eigh",
    station: "singular-value-decomposition",
    task: "Return the singular value decomposition a = u @ diag(s) @ vt, by way of the eigenpairs of a.T @ a\n\
           (np.linalg.eigh in Python; bring your jacobi_eigh along in Rust).\n\
           s is positive and descends; u and vt.T have columns of length 1 at right angles.\n\
           Keep only the r singular values that are larger than 1e-6 times the largest: what is smaller is\n\
           rounding, since a.T @ a squares everything. Zeros have r = 0.\n\
           The sign of each pair (column of u, row of vt) is free, and so is the basis where singular values are equal.",
    signature: Signature {
        name: "svd_from_eigh",
        parameters: &[f64_array("a", &["m", "n"], "any matrix, tall, wide or square")],
        returns: Parameter {
            name: "factors",
            kind: Kind::Tuple(&[
                f64_array("u", &["m", "r"], "left singular vectors, in columns"),
                f64_array("s", &["r"], "singular values, descending"),
                f64_array("vt", &["r", "n"], "right singular vectors, in rows"),
            ]),
            meaning: "the thin decomposition",
        },
    },
    probes,
    reference,
    misconceptions: MISCONCEPTIONS,
    properties: &[Property { title: "rebuilds the matrix: u @ diag(s) @ vt", violated: not_rebuilt }],
    // a.T @ a squares the ratio of the singular values, which is at most 20 here: 400 times the rounding error is lost.
    tolerance: Tolerance { relative: 1e-8, absolute: 1e-20 },
    canonical: Some(aligned),
    hints: &[
        "a.T @ a = v s^2 v.T: which of u, s and v do its eigenpairs give you, and how do you get the third from a?",
        "values, v = eigh(a.T @ a). Turn the order round, s = sqrt of the values (clipped at 0), keep those above \
         1e-6 * s[0]. Then u = (a @ v) / s: dividing the columns of a @ v by their lengths. Never decompose a @ a.T as \
         well: its vectors come with signs of their own.",
        "a = [[3, 0], [4, 5]]: a.T @ a = [[25, 20], [20, 25]] has 45 with (1, 1)/sqrt(2) and 5 with (1, -1)/sqrt(2).\n\
         s = [6.708, 2.236]. a @ (1, 1)/sqrt(2) = (3, 9)/sqrt(2), divided by 6.708: (0.316, 0.949), the first column of u.",
    ],
    ..Exercise::DEFAULTS
};

fn probes() -> Vec<Probe> {
    let mut numbers = Numbers::stream(521);
    let mut probes = vec![Probe::ordinary("2 by 2, whole numbers", vec![array![[3.0, 0.0], [4.0, 5.0]].into()])];
    let sizes: [([usize; 2], &[f64], bool, &str); 9] = [
        ([4, 3], &[5.0, 2.0, 1.0], false, "tall, 4 by 3"),
        ([3, 5], &[4.0, 2.0, 0.5], false, "wide, 3 by 5"),
        ([4, 4], &[6.0, 3.0, 1.5, 0.5], false, "square, 4 by 4"),
        ([5, 3], &[3.0, 1.0], false, "5 by 3 of rank 2"),
        ([3, 4], &[10.0, 1.0], true, "3 by 4 of rank 2"),
        ([4, 2], &[3e-8, 1e-8], true, "tiny numbers, 4 by 2"),
        ([4, 3], &[2.0, 2.0, 1.0], true, "a singular value twice"),
        ([1, 4], &[3.0], true, "a single row"),
        ([5, 1], &[2.0], true, "a single column"),
    ];
    for (shape, values, hard, label) in sizes {
        let arguments = vec![with_singular_values(&mut numbers, shape, values).into()];
        probes.push(if hard { Probe::hard(label, arguments) } else { Probe::ordinary(label, arguments) });
    }
    probes.push(Probe::hard("a single negative number", vec![array![[-2.0]].into()]));
    probes.push(Probe::hard("zeros, 2 by 3", vec![Array2::<f64>::zeros((2, 3)).into()]));
    probes
}

/// What is below this part of the largest singular value is rounding.
const NEGLIGIBLE: f64 = 1e-6;

fn answer(arguments: &[Value], change: impl FnOnce(Svd) -> Svd) -> Outcome {
    let all = svd(floats::<Ix2>(arguments, 0));
    returns(change(all.first(all.rank(NEGLIGIBLE))).into_value())
}

fn reference(arguments: &[Value]) -> Outcome {
    answer(arguments, |right| right)
}

/// The decomposition with components of zeros up to `count`, which stand for vectors that rounding has made.
fn padded(right: Svd, count: usize) -> Svd {
    let more = count - right.s.len();
    let (m, n) = (right.u.nrows(), right.vt.ncols());
    let join = |axis, one: ArrayView2<'_, f64>, other: Array2<f64>| {
        concatenate(Axis(axis), &[one, other.view()]).expect("the other axis has the same length")
    };
    Svd {
        u: join(1, right.u.view(), Array2::zeros((m, more))),
        s: right.s.iter().copied().chain(std::iter::repeat_n(0.0, more)).collect(),
        vt: join(0, right.vt.view(), Array2::zeros((more, n))),
    }
}

/// One sign for each pair of vectors, one basis for equal singular values, zeros for components that are rounding. Whoever
/// returns v in place of its transpose keeps it, with the signs of that form.
fn aligned(arguments: &[Value], value: Value) -> Value {
    let a = floats::<Ix2>(arguments, 0);
    let Some(parts) = float_parts(&value).filter(|parts| parts.len() == 3) else { return value };
    let (Ok(mut u), Ok(mut s), Ok(vt)) = (
        parts[0].clone().into_dimensionality::<Ix2>(),
        parts[1].clone().into_dimensionality::<Ix1>(),
        parts[2].clone().into_dimensionality::<Ix2>(),
    ) else {
        return value;
    };
    let r = s.len();
    let belong = |v: ArrayView2<'_, f64>| {
        v.dim() == (a.ncols(), r) && {
            let image = a.t().dot(&a.dot(&v));
            largest((&image - &(&v * &s.mapv(|s| s * s))).view()) <= 1e-6 * largest(image.view())
        }
    };
    let in_columns = vt.nrows() != r || (vt.ncols() == r && belong(vt.view()) && !belong(vt.t()));
    let mut v = if in_columns { vt } else { vt.t().to_owned() };
    if u.ncols() != r || v.ncols() != r {
        return value;
    }
    let limit = NEGLIGIBLE * s.iter().filter(|s| s.is_finite()).fold(0.0, |largest: f64, s| largest.max(s.abs()));
    for i in 0..r {
        if s[i].is_nan() || s[i].abs() <= limit {
            s[i] = 0.0;
            u.column_mut(i).fill(0.0);
            v.column_mut(i).fill(0.0);
        }
    }
    align(&s.to_vec(), &mut v, Some(&mut u));
    Svd { u, s, vt: if in_columns { v } else { v.t().to_owned() } }.into_value()
}

fn not_rebuilt(arguments: &[Value], result: &Value) -> Option<String> {
    let a = floats::<Ix2>(arguments, 0);
    let parts = float_parts(result)?;
    let u = parts.first()?.view().into_dimensionality::<Ix2>().ok()?;
    let s = parts.get(1)?.view().into_dimensionality::<Ix1>().ok()?;
    let vt = parts.get(2)?.view().into_dimensionality::<Ix2>().ok()?;
    let error = largest(((&u * &s).dot(&vt) - a).view());
    (error > 1e-8 * largest(a)).then(|| format!("the largest difference from a is {error:e}"))
}

const MISCONCEPTIONS: &[Misconception] = &[
    Misconception {
        id: "v-for-vt",
        title: "v is returned in place of its transpose",
        explanation: "In a = u diag(s) vt the right singular vectors are the rows of vt, as np.linalg.svd returns them. eigh gives \
                      them as columns. For a square matrix the shapes agree and only the numbers tell.",
        question: "In vt, does row 0 or column 0 belong to s[0]?",
        see: ("numpy", "numpy.linalg.svd"),
        behaviour: |arguments| answer(arguments, |right| Svd { vt: right.vt.t().to_owned(), ..right }),
    },
    Misconception {
        id: "order-ascending",
        title: "the components are in eigh's order, the smallest first",
        explanation: "eigh sorts upwards, a singular value decomposition downwards: s[0] is the largest, so that the first k \
                      components are the best k. Turn values and columns round, both of them.",
        question: "Which singular value is the largest, s[0] or s[-1]?",
        see: ("numpy", "numpy.linalg.svd"),
        behaviour: |arguments| {
            answer(arguments, |right| Svd {
                u: right.u.slice(s![.., ..;-1]).to_owned(),
                s: right.s.slice(s![..;-1]).to_owned(),
                vt: right.vt.slice(s![..;-1, ..]).to_owned(),
            })
        },
    },
    Misconception {
        id: "eigenvalues-not-rooted",
        title: "the eigenvalues of a.T @ a are taken as singular values, without the square root",
        explanation: "a.T @ a = v s^2 v.T: its eigenvalues are the squares. A matrix of metres has singular values in metres, and \
                      a.T @ a is in square metres.",
        question: "Which unit have the eigenvalues of a.T @ a if a is in metres?",
        see: ("dlbook", "2.8 Singular value decomposition"),
        behaviour: |arguments| {
            answer(arguments, |right| Svd { u: &right.u / &right.s, s: &right.s * &right.s, ..right })
        },
    },
    Misconception {
        id: "u-not-divided",
        title: "u is a @ v, without dividing its columns by the singular values",
        explanation: "a @ v = u diag(s): column i has the length s[i]. Divide by it, otherwise u has no unit vectors and the product \
                      has every s squared.",
        question: "How long is the first column of your u?",
        see: ("cs7015", "L6 SVD"),
        behaviour: |arguments| answer(arguments, |right| Svd { u: &right.u * &right.s, ..right }),
    },
    Misconception {
        id: "rank-not-cut",
        title: "all n eigenpairs of a.T @ a are kept, those of zero too",
        explanation: "a.T @ a is n by n whatever the rank is. Beyond the rank its eigenvalues are 0, or rounding (even negative, and \
                      the root is nan), and a @ v / s divides nothing by nothing. Keep s > 1e-6 * s[0].",
        question: "How many singular values has a 3 by 5 matrix, and how many eigenvalues has a.T @ a?",
        see: ("szeliski", "A.1.1 Singular value decomposition"),
        behaviour: |arguments| {
            let n = floats::<Ix2>(arguments, 0).ncols();
            answer(arguments, |right| padded(right, n))
        },
    },
    Misconception {
        id: "rank-from-shape",
        title: "min(m, n) components are kept, whatever the rank is",
        explanation: "A 5 by 3 matrix may have rank 2; its third singular value is then rounding, and the column of u that is made by \
                      dividing by it is noise of length 1. Compare with the largest singular value.",
        question: "What is your third column of u for a matrix of rank 2?",
        see: ("dlbook", "2.8 Singular value decomposition"),
        behaviour: |arguments| {
            let (m, n) = floats::<Ix2>(arguments, 0).dim();
            answer(arguments, |right| padded(right, m.min(n)))
        },
    },
    Misconception {
        id: "tolerance-absolute",
        title: "singular values are compared with 1e-6 itself and not with 1e-6 of the largest",
        explanation: "A matrix measured in other units has the same rank. With a fixed limit, numbers around 1e-8 are all thrown \
                      away. What is negligible depends on s[0].",
        question: "Does your rank change if a is multiplied by 1e-8?",
        see: ("dlbook", "4.1 Overflow and Underflow"),
        behaviour: |arguments| {
            let all = svd(floats::<Ix2>(arguments, 0));
            let kept = all.s.iter().filter(|&&s| s > NEGLIGIBLE).count();
            returns(all.first(kept.min(all.rank(1e-12))).into_value())
        },
    },
    Misconception {
        id: "u-and-v-swapped",
        title: "u and v have changed places",
        explanation: "The eigenvectors of a.T @ a (n by n) are the right singular vectors, those of a @ a.T (m by m) the left ones. For \
                      a square matrix both have the same shape, so test with a tall one.",
        question: "How many rows has u, as many as a has rows or as many as a has columns?",
        see: ("dlbook", "2.8 Singular value decomposition"),
        behaviour: |arguments| {
            answer(arguments, |Svd { u, s, vt }| Svd { u: vt.t().to_owned(), s, vt: u.t().to_owned() })
        },
    },
    Misconception {
        id: "signs-fixed-separately",
        title: "the signs of u and of v are chosen separately",
        explanation: "A pair (u, v) may be turned round together, never one alone: u s v.T changes its sign, and the product is not a \
                      any more. It happens when both sides are decomposed on their own. Take u from a @ v / s.",
        question: "Does u[:, 0] * s[0] equal a @ vt[0], or minus that?",
        see: ("cs7015", "L6 SVD"),
        behaviour: |arguments| {
            answer(arguments, |right| {
                let positive = |vectors: &Array2<f64>| {
                    let signs: ndarray::Array1<f64> = vectors.columns().into_iter().map(sign).collect();
                    vectors * &signs
                };
                let v = positive(&right.vt.t().to_owned());
                Svd { u: positive(&right.u), s: right.s, vt: v.t().to_owned() }
            })
        },
    },
];
