//! `lstsq_qr`: the nearest a solution can come, without squaring the matrix.

use ndarray::{Array1, Array2, ArrayView1, ArrayView2, Axis, Ix1, Ix2, array, s};

use super::minimum_norm::{eliminate, independent_columns, solve};
use crate::exercise::{Exercise, Misconception, Outcome, Probe, Property, Signature, Tolerance};
use crate::exercises::arguments::{f64_array, floats, rejects, returns};
use crate::exercises::numbers::Numbers;
use crate::exercises::singular_value_decomposition::svd::{svd, with_singular_values};
use crate::value::{Array, Value};

/// The exercise.
pub static LSTSQ_QR: Exercise = Exercise {
    id: "lstsq_qr",
    station: "least-squares",
    task: "Return the x that makes the length of a @ x - b least, without np.linalg.lstsq and pinv.\n\
           If several do (dependent columns, or fewer equations than unknowns), return the shortest of them.\n\
           Build orthonormal directions (QR, or singular values); never form a.T @ a, which squares the condition number.\n\
           A direction smaller than 1e-10 of the largest counts as absent; everything above counts.",
    signature: Signature {
        name: "lstsq_qr",
        parameters: &[
            f64_array("a", &["m", "n"], "one equation per row, one unknown per column"),
            f64_array("b", &["m"], "right-hand side"),
        ],
        returns: f64_array("x", &["n"], "the shortest least-squares solution"),
    },
    probes,
    reference,
    misconceptions: MISCONCEPTIONS,
    properties: &[Property { title: "leaves a residual at right angles to every column", violated: residual_leans }],
    // One probe has the condition number 1.9e8, which leaves about eight digits to any method that does not square it.
    tolerance: Tolerance { relative: 1e-6, absolute: 1e-12 },
    canonical: Some(noise_as_nan),
    hints: &[
        "Multiply a.T by your residual a @ x - b: is it zero? If yes, x is a least-squares solution; then ask whether it is \
         the shortest.",
        "Find an orthonormal basis q of a's columns: take the longest remaining column, shorten it to 1, subtract its part \
         from the others, stop when only rounding is left. Then r = q.T @ a has full row rank, and r x = q.T @ b. Its \
         shortest solution lies in the span of the rows: p, t = qr(r.T), x = p @ solve(t.T, q.T @ b).",
        "a = [[1, 0], [1, 1], [1, 2]], b = [1, 2, 4]. q1 = (1, 1, 1)/sqrt(3); the second column minus its part is (-1, 0, 1), \
         q2 = (-1, 0, 1)/sqrt(2). r = [[1.732, 1.732], [0, 1.414]], q.T b = [4.041, 2.121]. x[1] = 2.121/1.414 = 1.5, \
         x[0] = (4.041 - 1.732 * 1.5)/1.732 = 0.8333.",
    ],
    ..Exercise::DEFAULTS
};

/// 2^-27: its square vanishes beside 1 in double precision.
const SMALL: f64 = 7.450580596923828e-9;

fn probes() -> Vec<Probe> {
    let mut numbers = Numbers::stream(531);
    let line = array![[1.0, 0.0], [1.0, 1.0], [1.0, 2.0]];
    let mut probes =
        vec![Probe::ordinary("a line through three points", vec![line.into(), array![1.0, 2.0, 4.0].into()])];
    for (shape, values, label) in [
        ([5, 3], &[4.0, 2.0, 1.0][..], "5 equations, 3 unknowns"),
        ([3, 3], &[3.0, 2.0, 0.5], "as many equations as unknowns"),
        ([7, 4], &[9.0, 5.0, 2.0, 1.0], "7 equations, 4 unknowns"),
    ] {
        let a = with_singular_values(&mut numbers, shape, values);
        let b: Array1<f64> = numbers.reals(shape[0], -3.0, 3.0);
        probes.push(Probe::ordinary(label, vec![a.into(), b.into()]));
    }
    let tiny = with_singular_values(&mut numbers, [4, 2], &[3e-14, 1e-14]);
    let hard = [
        (
            "nearly dependent columns: condition number 1.9e8",
            array![[1.0, 1.0], [SMALL, 0.0], [0.0, SMALL]],
            array![3.0, SMALL, 2.0 * SMALL],
        ),
        (
            "the third column is twice the second",
            array![[1.0, 3.0, 6.0], [2.0, -1.0, -2.0], [4.0, 2.0, 4.0], [-3.0, 5.0, 10.0], [1.0, 1.0, 2.0]],
            array![1.0, -2.0, 3.0, 0.5, 4.0],
        ),
        ("2 equations, 3 unknowns", array![[1.0, 0.0, 1.0], [0.0, 1.0, 1.0]], array![2.0, 3.0]),
        ("a single equation", array![[1.0, 2.0, 2.0]], array![9.0]),
        ("a single unknown", array![[1.0], [2.0], [2.0]], array![1.0, -4.0, 3.0]),
        ("tiny numbers", tiny, array![1e-14, -2e-14, 3e-14, 0.5e-14]),
    ];
    probes.extend(hard.into_iter().map(|(label, a, b)| Probe::hard(label, vec![a.into(), b.into()])));
    probes
}

/// Singular values below this part of the largest count as zero.
const NEGLIGIBLE: f64 = 1e-10;

struct Call<'a> {
    a: ArrayView2<'a, f64>,
    b: ArrayView1<'a, f64>,
}

impl Call<'_> {
    fn new(arguments: &[Value]) -> Call<'_> {
        Call { a: floats::<Ix2>(arguments, 0), b: floats::<Ix1>(arguments, 1) }
    }

    fn right(&self) -> Array1<f64> {
        solve(self.a, self.b, 0.0, NEGLIGIBLE)
    }

    fn rank(&self) -> usize {
        svd(self.a).rank(NEGLIGIBLE)
    }

    /// What dividing by rounding errors gives.
    fn noise(&self) -> Outcome {
        returns(Array1::from_elem(self.a.ncols(), f64::NAN))
    }
}

fn reference(arguments: &[Value]) -> Outcome {
    returns(Call::new(arguments).right())
}

/// A solution a million times as long as the right one has come from dividing by a rounding error; it differs from program to
/// program and is written as nan.
fn noise_as_nan(arguments: &[Value], value: Value) -> Value {
    match value {
        Value::Array(Array::F64(x)) => {
            let right = Call::new(arguments).right();
            let long = 1e6 * (1.0 + right.iter().fold(0.0, |largest: f64, x| largest.max(x.abs())));
            let noise = x.iter().any(|x| !x.is_finite() || x.abs() > long);
            Value::Array(Array::F64(if noise { x.mapv(|_| f64::NAN) } else { x }))
        }
        other => other,
    }
}

fn residual_leans(arguments: &[Value], result: &Value) -> Option<String> {
    let Call { a, b } = Call::new(arguments);
    let x = Array1::from(result.as_array()?.to_f64());
    if x.len() != a.ncols() {
        return None;
    }
    let leaning = a.t().dot(&(a.dot(&x) - b));
    let largest = leaning.iter().fold(0.0, |largest: f64, x| largest.max(x.abs()));
    (largest > 1e-6).then(|| format!("a.T @ (a @ x - b) has the element {largest:e}"))
}

const MISCONCEPTIONS: &[Misconception] = &[
    Misconception {
        id: "normal-equations",
        title: "a.T @ a is formed and solved with, and where a is nearly singular it is singular",
        explanation: "a.T @ a has the square of the condition number. With a column like (1, e, 0) it holds 1 + e^2, and for e = 7e-9 \
                      that is 1: what told the columns apart is gone before solving starts. QR works on a itself.",
        question: "What is 1 + 1e-17 in double precision?",
        see: ("szeliski", "A.2 Linear least squares"),
        behaviour: |arguments| {
            let Call { a, b } = Call::new(arguments);
            let gram: Array2<f64> = a.t().dot(&a);
            eliminate(gram.view(), a.t().dot(&b).view()).map_or_else(|| rejects("singular matrix"), returns)
        },
    },
    Misconception {
        id: "full-rank-assumed",
        title: "r is taken for square and invertible: solve(r, q.T @ b)",
        explanation: "That is right for independent columns. With dependent ones r has a diagonal element that is only rounding, and \
                      dividing by it gives numbers of 1e15; with fewer equations than unknowns r is not even square.",
        question: "What stands in the last diagonal element of r if two columns are equal?",
        see: ("numpy", "numpy.linalg.qr"),
        behaviour: |arguments| {
            let call = Call::new(arguments);
            if call.a.nrows() < call.a.ncols() {
                return rejects("r is not square");
            }
            if call.rank() < call.a.ncols() { call.noise() } else { returns(call.right()) }
        },
    },
    Misconception {
        id: "zero-compared-exactly",
        title: "a direction counts as absent only if its size is exactly 0",
        explanation: "Dependent columns leave something like 1e-16 behind, not 0. Divided by it, rounding errors become the solution. \
                      Compare with the largest direction: below 1e-10 of it there is nothing.",
        question: "How large is what is left of 2 d after subtracting its part along d?",
        see: ("dlbook", "4.1 Overflow and Underflow"),
        behaviour: |arguments| {
            let call = Call::new(arguments);
            let deficient = call.rank() < call.a.nrows().min(call.a.ncols());
            if deficient { call.noise() } else { returns(call.right()) }
        },
    },
    Misconception {
        id: "tolerance-absolute",
        title: "directions are compared with 1e-10 itself and not with 1e-10 of the largest",
        explanation: "Equations in other units have the same solution. With a fixed limit a matrix of elements around 1e-14 has no \
                      direction at all, and x comes out as zeros.",
        question: "Does x change if a and b are both multiplied by 1e-14?",
        see: ("dlbook", "4.1 Overflow and Underflow"),
        behaviour: |arguments| {
            let call = Call::new(arguments);
            let largest = svd(call.a).s[0];
            returns(solve(call.a, call.b, 0.0, (NEGLIGIBLE / largest).max(1e-15)))
        },
    },
    Misconception {
        id: "cutoff-too-large",
        title: "directions up to 1e-6 of the largest are dropped",
        explanation: "Columns that nearly coincide still have a difference, and the data may speak about it. A limit of 1e-6 (which \
                      is right after squaring) throws it away: the residual is no longer the least. 1e-10 was asked for.",
        question: "Which directions of the matrix with condition number 1.9e8 do you keep?",
        see: ("numpy", "numpy.linalg.lstsq, argument rcond"),
        behaviour: |arguments| {
            let Call { a, b } = Call::new(arguments);
            returns(solve(a, b, 0.0, 1e-6))
        },
    },
    Misconception {
        id: "free-unknowns-zero",
        title: "unknowns that are not determined are set to zero",
        explanation: "That is a solution, but not the shortest: for x + 2y + 2z = 9 it is (9, 0, 0), of length 9, while (1, 2, 2) has \
                      length 3. The shortest one lies in the span of the rows.",
        question: "Of all x with x[0] + x[1] = 2, which is nearest to zero?",
        see: ("dlbook", "2.9 The Moore-Penrose pseudoinverse"),
        behaviour: |arguments| {
            let Call { a, b } = Call::new(arguments);
            let chosen = independent_columns(&a.to_owned());
            let part = solve(a.select(Axis(1), &chosen).view(), b, 0.0, NEGLIGIBLE);
            let mut x = Array1::zeros(a.ncols());
            chosen.iter().zip(&part).for_each(|(&column, &value)| x[column] = value);
            returns(x)
        },
    },
    Misconception {
        id: "extra-equations-ignored",
        title: "only the first n equations are solved",
        explanation: "The first n rows make a square system with an exact solution, and the other measurements are thrown away. Least \
                      squares lets all of them speak: the error is spread over all rows.",
        question: "Does your x change if the last element of b changes?",
        see: ("dlbook", "4.5 Example: linear least squares"),
        behaviour: |arguments| {
            let Call { a, b } = Call::new(arguments);
            let n = a.ncols();
            if a.nrows() < n {
                return rejects("too few equations");
            }
            eliminate(a.slice(s![..n, ..]), b.slice(s![..n])).map_or_else(|| rejects("singular matrix"), returns)
        },
    },
    Misconception {
        id: "fitted-values-returned",
        title: "a @ x is returned and not x",
        explanation: "q @ q.T @ b is the point of the column space nearest to b: the fitted values, one per equation. The unknowns \
                      are one step further: solve r x = q.T @ b.",
        question: "How many numbers do you return, one per equation or one per unknown?",
        see: ("dlbook", "4.5 Example: linear least squares"),
        behaviour: |arguments| {
            let call = Call::new(arguments);
            returns(call.a.dot(&call.right()))
        },
    },
];
