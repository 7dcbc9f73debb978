//! `logsumexp`: a sum of exponentials that no float could hold.

use ndarray::{Array1, Array2, ArrayView1, ArrayView2, Axis, array};

use crate::exercise::{Exercise, Misconception, Outcome, Probe, Property, Signature, Speed};
use crate::exercises::arguments::{f64_array, floats, returns};
use crate::exercises::numbers::Numbers;
use crate::value::Value;

/// The exercise.
pub static LOGSUMEXP: Exercise = Exercise {
    id: "logsumexp",
    station: "probability-stability",
    task: "Return, for every row of x, the logarithm of the sum of the exponentials of its entries.\n\
           Entries may be 10000 or -10000: their exponentials leave the range of floats, the result does not.\n\
           An entry of minus infinity contributes nothing (exp gives 0); a row of nothing else gives minus infinity.",
    signature: Signature {
        name: "logsumexp",
        parameters: &[f64_array("x", &["N", "K"], "scores, one row per example")],
        returns: f64_array("result", &["N"], "log of the sum of exp, one number per row"),
    },
    probes,
    reference,
    misconceptions: MISCONCEPTIONS,
    properties: &[Property {
        title: "lies between the row's maximum and the maximum plus log(K)",
        violated: outside_bounds,
    }],
    speed: Some(Speed { arguments: large, naive_steps: 200_000.0, times_faster: 6.0 }),
    hints: &[
        "What is exp(1000) in floating point, and what is exp(-1000)? Which of the two does harm?",
        "exp(a) + exp(b) = exp(m) * (exp(a - m) + exp(b - m)) for any m. Take m as the row's maximum: then the largest \
         exponential is exactly 1, no sum overflows and none is 0. Add m back after the logarithm. If m is minus \
         infinity, subtract 0 instead: infinity minus infinity is not a number.",
        "Row (1000, 1001): m = 1001, exponentials exp(-1) = 0.3679 and exp(0) = 1, sum 1.3679, logarithm 0.3133, \
         result 1001.3133.",
    ],
    ..Exercise::DEFAULTS
};

fn probes() -> Vec<Probe> {
    let mut numbers = Numbers::stream(591);
    let none = f64::NEG_INFINITY;
    vec![
        Probe::ordinary("one row: 0, 1, 2", vec![array![[0.0, 1.0, 2.0]].into()]),
        Probe::ordinary("2 rows of 5", vec![numbers.reals([2, 5], -2.0, 2.0).into()]),
        Probe::ordinary("4 rows of 3, negative and positive", vec![numbers.reals([4, 3], -6.0, 3.0).into()]),
        Probe::ordinary("3 rows of 2, far below 0", vec![numbers.reals([3, 2], -9.0, -5.0).into()]),
        Probe::hard("as many rows as columns", vec![numbers.reals([3, 3], -1.0, 1.0).into()]),
        Probe::hard("a single column", vec![array![[2.5], [-1.0]].into()]),
        Probe::hard("entries of a thousand", vec![array![[1000.0, 1001.0, 999.5], [1002.0, 990.0, 1000.0]].into()]),
        Probe::hard("entries of minus a thousand", vec![array![[-1000.0, -1001.0], [-1002.0, -999.0]].into()]),
        Probe::hard(
            "rows of 10000 and of -10000",
            vec![array![[1e4, 1e4 - 1.0], [-1e4, -1e4 + 2.0], [0.5, 0.25]].into()],
        ),
        Probe::hard("a row from -2000 to 2000", vec![array![[-2000.0, 0.0, 2000.0, 1999.0]].into()]),
        Probe::hard("an entry of minus infinity", vec![array![[none, 1.0, 2.0], [0.5, none, none]].into()]),
        Probe::hard("a row of minus infinity only", vec![array![[none, none], [0.0, 1.0]].into()]),
    ]
}

fn large() -> Vec<Value> {
    vec![Numbers::stream(592).reals([20_000, 10], -5.0, 5.0).into()]
}

fn rows(arguments: &[Value]) -> ArrayView2<'_, f64> {
    floats(arguments, 0)
}

/// A number per row.
fn by_row(arguments: &[Value], number: impl Fn(ArrayView1<'_, f64>) -> f64) -> Outcome {
    returns(rows(arguments).rows().into_iter().map(number).collect::<Array1<f64>>())
}

fn maximum<'a>(numbers: impl IntoIterator<Item = &'a f64>) -> f64 {
    numbers.into_iter().copied().fold(f64::NEG_INFINITY, f64::max)
}

/// The sum of the exponentials after subtracting `shift`.
fn sum_above(row: ArrayView1<'_, f64>, shift: f64) -> f64 {
    row.mapv(|x| (x - shift).exp()).sum()
}

/// The shift of the right answer.
fn shift_of(row: ArrayView1<'_, f64>) -> f64 {
    let largest = maximum(row);
    if largest == f64::NEG_INFINITY { 0.0 } else { largest }
}

fn shifted(row: ArrayView1<'_, f64>, shift: f64) -> f64 {
    sum_above(row, shift).ln() + shift
}

fn right(row: ArrayView1<'_, f64>) -> f64 {
    shifted(row, shift_of(row))
}

fn reference(arguments: &[Value]) -> Outcome {
    by_row(arguments, right)
}

fn outside_bounds(arguments: &[Value], result: &Value) -> Option<String> {
    let got = result.as_array()?.to_f64();
    let rows = rows(arguments);
    let bounds = rows.rows().into_iter().map(|row| (maximum(row), maximum(row) + (row.len() as f64).ln()));
    let inside = |(low, high): (f64, f64), x: f64| x >= low - 1e-9 && x <= high + 1e-9;
    let (row, (bounds, x)) = bounds.zip(got).enumerate().find(|(_, (bounds, x))| !inside(*bounds, *x))?;
    Some(format!("row {row} gives {x}, which is not between {} and {}", bounds.0, bounds.1))
}

const MISCONCEPTIONS: &[Misconception] = &[
    Misconception {
        id: "max-not-subtracted",
        title: "the exponentials are taken of the entries as they are, and overflow or vanish",
        explanation: "exp(710) is infinite and exp(-746) is 0, whose logarithm is minus infinity. Subtract the row's maximum \
                      first and add it to the result: the value is the same, and every exponential is at most 1.",
        question: "What is exp(1000) in floating point?",
        see: ("dlbook", "4.1 Overflow and Underflow"),
        behaviour: |arguments| by_row(arguments, |row| shifted(row, 0.0)),
    },
    Misconception {
        id: "max-over-everything",
        title: "the maximum of the whole array is subtracted from every row",
        explanation: "A row that lies 1000 below the largest number of the batch then vanishes: exp(-1000) is 0 and its \
                      logarithm minus infinity. Each row has its own maximum: axis=1, with keepdims to subtract it.",
        question: "Which shape should the maximum have, for N rows?",
        see: ("dlbook", "4.1 Overflow and Underflow"),
        behaviour: |arguments| {
            let everything = maximum(rows(arguments));
            let shift = if everything == f64::NEG_INFINITY { 0.0 } else { everything };
            by_row(arguments, |row| shifted(row, shift))
        },
    },
    Misconception {
        id: "mean-for-max",
        title: "the row's mean is subtracted in place of its maximum",
        explanation: "The mean moves the row near 0, but an entry 1000 above it still overflows. Only the maximum makes sure \
                      that no exponent is positive.",
        question: "After your shift, can an entry still be larger than 0?",
        see: ("dlbook", "4.1 Overflow and Underflow"),
        behaviour: |arguments| by_row(arguments, |row| shifted(row, row.mean().unwrap_or(0.0))),
    },
    Misconception {
        id: "shift-not-added-back",
        title: "the maximum is subtracted, and not added to the result",
        explanation: "In a softmax the shift cancels, because it divides. Here it does not: log(sum(exp(x - m))) is smaller by \
                      m. Add m back.",
        question: "What should the result be for a row with the single entry 5?",
        see: ("dlbook", "4.1 Overflow and Underflow"),
        behaviour: |arguments| by_row(arguments, |row| sum_above(row, shift_of(row)).ln()),
    },
    Misconception {
        id: "infinity-minus-infinity",
        title: "in a row of minus infinity the maximum is subtracted too, which gives NaN",
        explanation: "Minus infinity minus minus infinity is not a number. Such rows are real: a mask that hides every \
                      position. Subtract 0 there; exp gives zeros, and the logarithm of 0 is the right minus infinity.",
        question: "What is -inf - (-inf)?",
        see: ("dlbook", "4.1 Overflow and Underflow"),
        behaviour: |arguments| by_row(arguments, |row| shifted(row, maximum(row))),
    },
    Misconception {
        id: "sum-over-wrong-axis",
        title: "the columns are summed, not the rows",
        explanation: "Each row is one example with K scores, and one number per row is asked for. axis=0 mixes examples and \
                      leaves K numbers.",
        question: "How many numbers should come out for N rows?",
        see: ("numpy", "numpy.sum, argument axis"),
        behaviour: |arguments| returns(rows(arguments).columns().into_iter().map(right).collect::<Array1<f64>>()),
    },
    Misconception {
        id: "axis-kept",
        title: "the result keeps an axis of length 1: shape (N, 1)",
        explanation: "keepdims is needed to subtract the maximum from the rows, and in the way at the end: drop the axis with \
                      [:, 0] or squeeze(axis=1).",
        question: "Which shape has x.max(axis=1, keepdims=True)?",
        see: ("numpy", "numpy.sum, argument keepdims"),
        behaviour: |arguments| {
            let column: Array2<f64> =
                rows(arguments).rows().into_iter().map(right).collect::<Array1<f64>>().insert_axis(Axis(1));
            returns(column)
        },
    },
    Misconception {
        id: "mean-where-sum",
        title: "the exponentials are averaged in place of summed",
        explanation: "The mean is the sum divided by K: the result is too small by log(K), the same for every row.",
        question: "What is log(exp(0) + exp(0)), and what does your function give?",
        see: ("dlbook", "4.1 Overflow and Underflow"),
        behaviour: |arguments| by_row(arguments, |row| right(row) - (row.len() as f64).ln()),
    },
    Misconception {
        id: "maximum-for-sum",
        title: "the maximum itself is returned",
        explanation: "The maximum is what the result tends to when one entry is far above the others. Two equal entries give \
                      log(2) = 0.693 more than either: the small ones count too.",
        question: "What is log(exp(3) + exp(3))?",
        see: ("dlbook", "4.1 Overflow and Underflow"),
        behaviour: |arguments| by_row(arguments, |row| maximum(row)),
    },
    Misconception {
        id: "epsilon-in-log",
        title: "1e-8 is added inside the logarithm",
        explanation: "After the shift the sum is at least 1, so there is no log(0) to guard against, and the 1e-8 only costs \
                      digits. Before the shift it would hide an underflow behind log(1e-8) = -18.4.",
        question: "How small can the sum be once the maximum is subtracted?",
        see: ("dlbook", "4.1 Overflow and Underflow"),
        behaviour: |arguments| by_row(arguments, |row| (sum_above(row, shift_of(row)) + 1e-8).ln() + shift_of(row)),
    },
];
