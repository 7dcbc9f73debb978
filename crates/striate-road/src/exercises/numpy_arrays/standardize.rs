//! `standardize`: columns with mean 0 and spread 1.

use ndarray::{Array1, Array2, ArrayView2, Axis, array};

use crate::exercise::{Exercise, Kind, Misconception, Outcome, Parameter, Probe, Property, Signature};
use crate::exercises::arguments::{f64_array, floats, keeping_first_axis, returns};
use crate::exercises::numbers::Numbers;
use crate::value::{Array, Value};

/// The exercise.
pub static STANDARDIZE: Exercise = Exercise {
    id: "standardize",
    station: "numpy-arrays",
    task: "Standardise every column of x: subtract the column's mean and divide by its standard deviation,\n\
           the root of the mean squared distance to the mean (divide by N, not by N - 1).\n\
           A column whose numbers are all equal becomes zeros, and its standard deviation is exactly 0.\n\
           Return the result, the means and the standard deviations. x stays as it is: the caller still needs it.",
    signature: Signature {
        name: "standardize",
        parameters: &[f64_array("x", &["N", "D"], "examples, one per row; features in columns")],
        returns: Parameter {
            name: "result",
            kind: Kind::Tuple(&[
                f64_array("z", &["N", "D"], "standardised columns"),
                f64_array("mean", &["D"], "mean of every column"),
                f64_array("std", &["D"], "standard deviation of every column"),
            ]),
            meaning: "the standardised array and what is needed to standardise further examples alike",
        },
    },
    probes,
    reference,
    misconceptions: MISCONCEPTIONS,
    properties: &[Property { title: "has columns of mean 0", violated: means_not_zero }],
    hints: &[
        "How many means should there be: one per row, one per column, one in all? Which axis disappears then?",
        "mean = x.mean(axis=0), std = x.std(axis=0), both of shape (D,): they broadcast along the rows. Find the constant \
         columns by their numbers, x.max(axis=0) == x.min(axis=0), not by std == 0: rounding may leave 1e-17 there. Set \
         their std to 0 and divide by 1 instead.",
        "The column [1, 3, 5]: mean 3, distances [-2, 0, 2], squares [4, 0, 4], their mean 8/3, std 1.6330.\n\
         Standardised: [-1.2247, 0, 1.2247].",
    ],
    ..Exercise::DEFAULTS
};

fn probes() -> Vec<Probe> {
    let mut numbers = Numbers::stream(541);
    // Adding 0.1 seven times and dividing by 7 does not give 0.1 back.
    let constant =
        Array2::from_shape_fn((7, 3), |(i, d)| if d == 1 { 0.1 } else { (i * (d + 1)) as f64 - 2.0 * d as f64 });
    let narrow = Array2::from_shape_fn((4, 2), |(i, d)| [[3.0, -1.0, 2.0, -4.0], [1e-3, 2e-3, -1e-3, 4e-3]][d][i]);
    vec![
        Probe::ordinary("3 examples, 2 features", vec![array![[1.0, -2.0], [3.0, 0.0], [5.0, 7.0]].into()]),
        Probe::ordinary("5 examples, 3 features", vec![numbers.reals([5, 3], -2.0, 6.0).into()]),
        Probe::ordinary("4 examples, 7 features", vec![numbers.reals([4, 7], -10.0, 2.0).into()]),
        Probe::ordinary("a feature a thousand times smaller than the other", vec![narrow.into()]),
        Probe::hard("as many examples as features", vec![numbers.reals([4, 4], 0.0, 3.0).into()]),
        Probe::hard("a column of zeros", vec![array![[0.0, 2.0], [0.0, -1.0], [0.0, 5.0]].into()]),
        Probe::hard("a column of 0.1 throughout", vec![constant.into()]),
        Probe::hard("a single example", vec![array![[4.0, -2.0, 0.5]].into()]),
        Probe::hard("a single feature", vec![array![[4.0], [-2.0], [0.5], [1.0]].into()]),
        Probe::hard(
            "values near a hundred million that differ by a few units",
            vec![
                array![[134_217_728.0, 1.0], [134_217_731.0, -1.0], [134_217_729.0, 2.0], [134_217_733.0, 4.0]].into(),
            ],
        ),
    ]
}

fn examples(arguments: &[Value]) -> ArrayView2<'_, f64> {
    floats(arguments, 0)
}

/// Mean and standard deviation, the latter divided by `N - fewer`.
fn mean_and_std(x: ArrayView2<'_, f64>, fewer: usize) -> (Array1<f64>, Array1<f64>) {
    let mean = x.sum_axis(Axis(0)) / x.nrows() as f64;
    let squares = (&x - &mean).mapv(|difference| difference * difference).sum_axis(Axis(0));
    (mean, (squares / (x.nrows() as f64 - fewer as f64)).mapv(f64::sqrt))
}

fn is_constant(x: ArrayView2<'_, f64>) -> Vec<bool> {
    x.columns().into_iter().map(|column| column.iter().all(|&value| value == column[0])).collect()
}

/// The result for this mean and deviation, with constant columns treated as the task asks.
fn standardized(x: ArrayView2<'_, f64>, mut mean: Array1<f64>, mut std: Array1<f64>) -> Outcome {
    let mut z = (&x - &mean) / &std;
    for (d, _) in is_constant(x).into_iter().enumerate().filter(|(_, constant)| *constant) {
        z.column_mut(d).fill(0.0);
        (mean[d], std[d]) = (x[[0, d]], 0.0);
    }
    three(z, mean, std)
}

fn three(z: Array2<f64>, mean: Array1<f64>, std: Array1<f64>) -> Outcome {
    returns(Value::Tuple(vec![z.into(), mean.into(), std.into()]))
}

fn reference(arguments: &[Value]) -> Outcome {
    let (mean, std) = mean_and_std(examples(arguments), 0);
    standardized(examples(arguments), mean, std)
}

fn means_not_zero(_: &[Value], result: &Value) -> Option<String> {
    let Value::Tuple(parts) = result else { return None };
    let Some(Value::Array(Array::F64(z))) = parts.first() else { return None };
    let means = z.mean_axis(Axis(0))?;
    means.iter().position(|mean| mean.abs() > 1e-9).map(|d| format!("column {d} has the mean {}", means[d]))
}

const MISCONCEPTIONS: &[Misconception] = &[
    Misconception {
        id: "sum-over-wrong-axis",
        title: "mean and deviation are taken of every row in place of every column",
        explanation: "A row is one example with features of different units: metres and years have no common mean. axis=0 \
                      walks down the rows and leaves one number per column.",
        question: "Which shape has x.mean(axis=1), and what does each of its numbers stand for?",
        see: ("numpy", "numpy.mean, argument axis"),
        behaviour: |arguments| {
            let flipped = examples(arguments);
            let (mean, std) = mean_and_std(flipped.t(), 0);
            let mut z = (&flipped.t() - &mean) / &std;
            is_constant(flipped.t()).into_iter().enumerate().filter(|(_, constant)| *constant).for_each(|(row, _)| {
                z.column_mut(row).fill(0.0);
            });
            three(z.t().to_owned(), mean, std)
        },
    },
    Misconception {
        id: "statistics-over-everything",
        title: "one mean and one deviation are taken over all numbers",
        explanation: "x.mean() without an axis is a single number. A large feature then decides it, and small features are \
                      squeezed to nothing. One mean and one deviation per column: axis=0.",
        question: "What is the mean of your second column after standardising?",
        see: ("numpy", "numpy.mean, argument axis"),
        behaviour: |arguments| {
            let x = examples(arguments);
            let mean = x.mean().unwrap_or(0.0);
            let std = (x.mapv(|value| (value - mean).powi(2)).mean().unwrap_or(0.0)).sqrt();
            let z: Array2<f64> = x.mapv(|value| (value - mean) / std);
            returns(Value::Tuple(vec![z.into(), Value::Float(mean), Value::Float(std)]))
        },
    },
    Misconception {
        id: "sample-variance",
        title: "the squares are divided by N - 1 in place of N",
        explanation: "N - 1 estimates the spread of a population from a sample (ddof=1, the default of pandas, not of \
                      NumPy). Here the columns themselves are to have spread 1: divide by N. For one example, N - 1 is 0.",
        question: "What is the mean of the squares of one of your standardised columns?",
        see: ("numpy", "numpy.std, argument ddof"),
        behaviour: |arguments| {
            let (mean, std) = mean_and_std(examples(arguments), 1);
            standardized(examples(arguments), mean, std)
        },
    },
    Misconception {
        id: "divided-by-variance",
        title: "the columns are divided by the variance, without the square root",
        explanation: "The variance has the unit squared: dividing metres by square metres does not give a number without a \
                      unit. The standard deviation is its root.",
        question: "If x is in metres, what is the unit of its variance?",
        see: ("dlbook", "3.8 Expectation, Variance and Covariance"),
        behaviour: |arguments| {
            let (mean, std) = mean_and_std(examples(arguments), 0);
            standardized(examples(arguments), mean, std.mapv(|std| std * std))
        },
    },
    Misconception {
        id: "mean-not-subtracted",
        title: "x itself is divided by the deviation; the mean is computed but not subtracted",
        explanation: "Dividing changes the spread, not the place: the column still sits around its old mean. z = (x - \
                      mean) / std, with the brackets.",
        question: "Where are the brackets in your expression, and what does / bind to?",
        see: ("dls-c1", "W2 Broadcasting in Python"),
        behaviour: |arguments| {
            let x = examples(arguments);
            let (mean, std) = mean_and_std(x, 0);
            let mut z = &x / &std;
            is_constant(x).into_iter().enumerate().filter(|(_, constant)| *constant).for_each(|(d, _)| {
                z.column_mut(d).fill(0.0);
            });
            three(z, mean, std)
        },
    },
    Misconception {
        id: "variance-by-difference",
        title: "the variance is the mean of the squares minus the square of the mean, and loses its digits",
        explanation: "On paper E[x^2] - E[x]^2 is the variance. Near 1e8 both are about 1e16, where floats are 2 apart: the \
                      difference is noise, and may even be negative. Subtract the mean first, then square.",
        question: "How many digits are left of the difference of two numbers near 1e16?",
        see: ("dlbook", "4.1 Overflow and Underflow"),
        behaviour: |arguments| {
            let x = examples(arguments);
            let n = x.nrows() as f64;
            let mean = x.sum_axis(Axis(0)) / n;
            let squares = x.mapv(|value| value * value).sum_axis(Axis(0)) / n;
            standardized(x, mean.clone(), (squares - mean.mapv(|mean| mean * mean)).mapv(f64::sqrt))
        },
    },
    Misconception {
        id: "division-by-zero",
        title: "a constant column is divided by its deviation of 0",
        explanation: "0 / 0 is not a number, and one NaN spreads through every sum it meets. Border pixels of digit images \
                      are constant columns, so this happens in the first real data set: divide by 1 there.",
        question: "What does your code give for a column of zeros?",
        see: ("numpy", "numpy.where; division by zero"),
        behaviour: |arguments| {
            let x = examples(arguments);
            let (mean, std) = mean_and_std(x, 0);
            three((&x - &mean) / &std, mean, std)
        },
    },
    Misconception {
        id: "zero-compared-exactly",
        title: "constant columns are found by std == 0, and rounding hides one",
        explanation: "The mean of seven 0.1 is not exactly 0.1. The deviation is then 1e-17 and not 0, and noise divided by \
                      noise gives -1 or 1 in a column that says nothing. Ask the numbers: is the largest the smallest?",
        question: "What is std for a column of seven 0.1, to all digits?",
        see: ("dlbook", "4.1 Overflow and Underflow"),
        behaviour: |arguments| {
            let x = examples(arguments);
            let (mean, std) = mean_and_std(x, 0);
            let divisor = std.mapv(|std| if std == 0.0 { 1.0 } else { std });
            three((&x - &mean) / &divisor, mean, std)
        },
    },
    Misconception {
        id: "epsilon-in-denominator",
        title: "1e-8 is added to every deviation to avoid a division by 0",
        explanation: "It keeps constant columns finite, and shifts every other one: for a deviation of 1e-3 the fifth digit \
                      is wrong. Here the constant columns are asked for by name: treat them alone.",
        question: "Is the spread of your standardised columns exactly 1, to nine digits?",
        see: ("dlbook", "4.1 Overflow and Underflow"),
        behaviour: |arguments| {
            let x = examples(arguments);
            let (mean, std) = mean_and_std(x, 0);
            let divisor = std.mapv(|std| std + 1e-8);
            three((&x - &mean) / &divisor, mean, std)
        },
    },
    Misconception {
        id: "axis-kept",
        title: "mean and deviation keep an axis of length 1: shape (1, D)",
        explanation: "keepdims=True is for broadcasting along other axes than the first; (D,) already lines up with the \
                      last axis of x. Whoever receives mean expects one axis.",
        question: "Which shape has x.mean(axis=0), and which with keepdims=True?",
        see: ("numpy", "numpy.mean, argument keepdims"),
        behaviour: |arguments| keeping_first_axis(reference(arguments)),
    },
    Misconception {
        id: "constant-column-unchanged",
        title: "a constant column stays as it is",
        explanation: "Skipping it leaves a column of 0.1 or 255 among columns around 0. Its mean is still to be subtracted: \
                      what is left is 0.",
        question: "What is x - mean in a column whose numbers are all equal?",
        see: ("dls-c1", "W2 Broadcasting in Python"),
        behaviour: |arguments| {
            let x = examples(arguments);
            let (mean, std) = mean_and_std(x, 0);
            let Outcome::Value(Value::Tuple(mut parts)) = standardized(x, mean, std) else { unreachable!() };
            if let Value::Array(Array::F64(z)) = &mut parts[0] {
                is_constant(x).into_iter().enumerate().filter(|(_, constant)| *constant).for_each(|(d, _)| {
                    z.index_axis_mut(Axis(1), d).assign(&x.column(d));
                });
            }
            returns(Value::Tuple(parts))
        },
    },
];
