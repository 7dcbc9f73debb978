//! `jacobian`: all derivatives of all outputs.

use ndarray::{Array1, Array2, ArrayD, ArrayView1, Axis, IxDyn};

use super::differences::{CENTRAL, Differences, call};
use crate::exercise::{Exercise, Kind, Misconception, Outcome, Parameter, Probe, Signature, Tolerance};
use crate::exercises::arguments::{callback, f64_array, floats, rejects, returns};
use crate::exercises::numbers::Numbers;
use crate::value::Value;

/// The exercise.
pub static JACOBIAN: Exercise = Exercise {
    id: "jacobian",
    station: "gradients-chain-rule",
    task: "Return the Jacobian matrix of f at x by central differences with a step of 1e-5:\n\
           J[i, j] is the derivative of output i by input j. Rows are outputs, columns are inputs.\n\
           f takes an array of n numbers and returns an array of any shape; its m numbers, read row by row, are the outputs.\n\
           f may have fewer or more outputs than inputs, or a single one without an axis.",
    signature: Signature {
        name: "jacobian",
        parameters: &[
            Parameter { name: "f", kind: Kind::Function, meaning: "the function, called as f(x)" },
            f64_array("x", &["n"], "where the derivatives are asked for"),
        ],
        returns: f64_array("J", &["m", "n"], "derivatives, a row per output"),
    },
    probes,
    reference,
    misconceptions: MISCONCEPTIONS,
    tolerance: Tolerance { relative: 1e-7, absolute: 1e-9 },
    hints: &[
        "If you move input j, which numbers of J does that give you: a row or a column?",
        "For each input j: ahead = x.copy(); ahead[j] += 1e-5, behind likewise. (f(ahead) - f(behind)) / 2e-5, flattened \
         with ravel(), is column j of J. The number of rows is the number of values that f returns, not n.",
        "f(x) = (x0 + 2 x1, x0 * x1, x1**2) at (3, 5), 3 outputs and 2 inputs. Moving x0: (1, 5, 0); moving x1: (2, 3, 10). \
         J = [[1, 2], [5, 3], [0, 10]].",
    ],
    ..Exercise::DEFAULTS
};

/// The step the task asks for.
const STEP: f64 = 1e-5;

/// A function of a vector that a probe hands out.
type Vector = fn(ArrayView1<'_, f64>) -> ArrayD<f64>;

fn vector<const N: usize>(numbers: [f64; N]) -> ArrayD<f64> {
    Array1::from(numbers.to_vec()).into_dyn()
}

fn probes() -> Vec<Probe> {
    let mut numbers = Numbers::stream(581);
    let three: Vector = |x| vector([x[0] + 2.0 * x[1], x[0] * x[1], x[1] * x[1]]);
    let linear: Vector = |x| vector([2.0 * x[0] - x[1] + 3.0 * x[3], x[1] + 0.5 * x[2] - x[0]]);
    let squares: Vector = |x| x.mapv(|x| x * x).into_dyn();
    let softmax: Vector = |x| {
        let exponentials = x.mapv(f64::exp);
        (&exponentials / exponentials.sum()).into_dyn()
    };
    let grid: Vector = |x| {
        ArrayD::from_shape_fn(IxDyn(&[2, 3]), |at| (1.0 + at[0] as f64) * x[at[1]] * x[0] + at[1] as f64 * x[1].sin())
    };
    let single: Vector = |x| ArrayD::from_elem(IxDyn(&[]), x[0] * x[1] * x[2] + x[2] * x[2]);
    let one: Vector = |x| vector([x[0].sin(), x[0] * x[0], 3.0, x[0].exp()]);
    let bend: Vector = |x| vector([x[0].tanh() * x[1], x[0] * x[0] * x[0]]);
    let at = |f: Vector, x: &[f64]| vec![function(f), Array1::from(x.to_vec()).into()];
    let point = numbers.reals([5], -1.0, 1.5).to_vec();
    vec![
        Probe::ordinary("3 outputs of 2 inputs", at(three, &[3.0, 5.0])),
        Probe::ordinary("2 outputs of 4 inputs, linear", at(linear, &[0.5, -1.0, 2.0, 0.3])),
        Probe::ordinary("a bend and a cube of 2 inputs", at(bend, &[0.6, 1.7])),
        Probe::ordinary("the squares of 3 inputs", at(squares, &[1.0, -2.0, 0.5])),
        Probe::ordinary("the softmax of 5 inputs", at(softmax, &point)),
        Probe::ordinary("6 outputs in 2 rows and 3 columns, of 3 inputs", at(grid, &[0.7, -1.2, 0.4])),
        Probe::hard("a single output without an axis, 3 inputs", at(single, &[2.0, -1.0, 0.5])),
        Probe::hard("4 outputs of a single input, one of them constant", at(one, &[0.8])),
        Probe::hard("the softmax of 3 equal inputs", at(softmax, &[0.0, 0.0, 0.0])),
    ]
}

fn function(f: Vector) -> Value {
    Value::function("f", move |x| f(x.view().into_shape_with_order(x.len()).expect("one axis")))
}

fn point(arguments: &[Value]) -> Array1<f64> {
    floats(arguments, 1).to_owned()
}

/// One row per input: the derivatives of all outputs by it.
fn by_input(arguments: &[Value], differences: Differences, flat: fn(&ArrayD<f64>) -> Vec<f64>) -> Array2<f64> {
    let x = point(arguments);
    let derivatives = differences.by_entry(callback(arguments, 0), &x, STEP);
    let rows: Vec<f64> = derivatives.iter().flat_map(flat).collect();
    Array2::from_shape_vec((x.len(), rows.len() / x.len()), rows).expect("as many outputs for every input")
}

fn row_by_row(out: &ArrayD<f64>) -> Vec<f64> {
    out.iter().copied().collect()
}

fn with(arguments: &[Value], differences: Differences) -> Outcome {
    returns(by_input(arguments, differences, row_by_row).reversed_axes())
}

fn reference(arguments: &[Value]) -> Outcome {
    with(arguments, CENTRAL)
}

const MISCONCEPTIONS: &[Misconception] = &[
    Misconception {
        id: "axes-swapped",
        title: "J is transposed: rows are inputs and columns are outputs",
        explanation: "Moving input j changes all outputs a little: that is column j. With rows as outputs J @ dx is the \
                      change of the outputs, and the chain rule is a plain product of matrices in the order of the \
                      functions.",
        question: "Which shape must J have so that J @ dx is a change of the outputs?",
        see: ("cs224n", "matrix calculus notes with lectures 3 and 4"),
        behaviour: |arguments| returns(by_input(arguments, CENTRAL, row_by_row)),
    },
    Misconception {
        id: "square-jacobian-assumed",
        title: "J is made n by n, as if there were as many outputs as inputs",
        explanation: "The number of rows is the number of outputs. Call f once and count, or collect the columns in a list \
                      and stack them at the end. (A single output is even copied into all rows by broadcasting.)",
        question: "Where does your code learn how many outputs f has?",
        see: ("cs224n", "matrix calculus notes with lectures 3 and 4"),
        behaviour: |arguments| {
            let by_input = by_input(arguments, CENTRAL, row_by_row);
            let (n, m) = by_input.dim();
            match m {
                m if m == n => returns(by_input.reversed_axes()),
                1 => returns(Array2::from_shape_fn((n, n), |(_, j)| by_input[[j, 0]])),
                m => rejects(format!("{m} outputs do not fit into {n} rows")),
            }
        },
    },
    Misconception {
        id: "flatten-column-order",
        title: "the outputs are read column by column",
        explanation: "ravel(order='F') and a transpose before ravel() walk down the columns first, as MATLAB does. Row by \
                      row, the last index runs fastest: that is the order in memory here.",
        question: "Which output comes second: [0, 1] or [1, 0]?",
        see: ("numpy", "numpy.ravel, argument order"),
        behaviour: |arguments| {
            returns(by_input(arguments, CENTRAL, |out| row_by_row(&out.t().to_owned())).reversed_axes())
        },
    },
    Misconception {
        id: "jacobian-diagonal-only",
        title: "only the derivative of output i by input i is kept; the rest is zero",
        explanation: "That is right for functions that work on each entry alone. In a softmax every output depends on every \
                      input through the sum: its Jacobian is full, p_i (1 - p_i) on the diagonal and - p_i p_j beside it.",
        question: "If x[0] grows, does the softmax of x[1] stay the same?",
        see: ("cs224n", "matrix calculus notes with lectures 3 and 4"),
        behaviour: |arguments| {
            let mut full = by_input(arguments, CENTRAL, row_by_row).reversed_axes();
            full.indexed_iter_mut().filter(|((i, j), _)| i != j).for_each(|(_, value)| *value = 0.0);
            returns(full)
        },
    },
    Misconception {
        id: "outputs-summed",
        title: "the outputs are summed before they are differentiated: one number per input",
        explanation: "That is the gradient of the sum, which frameworks give for out.sum().backward(). The outputs of a \
                      softmax sum to 1, so it is zero there whatever the inputs: the sum hides everything.",
        question: "How many numbers describe how 3 outputs depend on 2 inputs?",
        see: ("cs224n", "matrix calculus notes with lectures 3 and 4"),
        behaviour: |arguments| returns(by_input(arguments, CENTRAL, row_by_row).sum_axis(Axis(1))),
    },
    Misconception {
        id: "one-sided-difference",
        title: "only a step ahead is made: (f(x + h) - f(x)) / h",
        explanation: "With a step of 1e-5 five digits are right, and a central difference gives ten for one more call. The \
                      errors of a step ahead and a step back cancel.",
        question: "Is x in the middle of the two points you compare?",
        see: ("cs231n", "notes: optimization-1, 'Computing the gradient'"),
        behaviour: |arguments| with(arguments, Differences { behind: 0.0, divisor: 1.0, ..CENTRAL }),
    },
    Misconception {
        id: "divided-by-half-the-distance",
        title: "the difference over a distance of 2 h is divided by h",
        explanation: "From x - h to x + h it is 2 h: every derivative comes out twice as large.",
        question: "How far apart are your two points?",
        see: ("cs231n", "notes: optimization-1, 'Computing the gradient'"),
        behaviour: |arguments| with(arguments, Differences { divisor: 1.0, ..CENTRAL }),
    },
    Misconception {
        id: "point-not-restored",
        title: "an input that was moved is not put back before the next one",
        explanation: "x[j] += h, then x[j] -= 2 * h, and x[j] is still h too low when the next input is moved: later columns \
                      belong to another point. Work on fresh copies.",
        question: "After the loop, is x what it was before?",
        see: ("cs231n", "notes: optimization-1, 'Computing the gradient'"),
        behaviour: |arguments| with(arguments, Differences { restored: false, ..CENTRAL }),
    },
    Misconception {
        id: "all-entries-perturbed",
        title: "all inputs are moved at once, so that all columns are equal",
        explanation: "x + h moves every input: the difference is the sum of all columns. A column belongs to one input, with \
                      the others held still.",
        question: "How many inputs differ between x and x + h?",
        see: ("dlbook", "4.3 Gradient-based optimization"),
        behaviour: |arguments| with(arguments, Differences { all_entries: true, ..CENTRAL }),
    },
    Misconception {
        id: "value-for-derivative",
        title: "the values of f after each step are stored, without the difference",
        explanation: "f(x + h) is a value. A derivative is a change of the value divided by the change of the input.",
        question: "What should the Jacobian of a constant function be, and what does yours say?",
        see: ("dlbook", "4.3 Gradient-based optimization"),
        behaviour: |arguments| {
            let (f, x) = (callback(arguments, 0), point(arguments));
            let columns: Vec<Vec<f64>> = (0..x.len())
                .map(|j| {
                    let mut ahead = x.clone();
                    ahead[j] += STEP;
                    row_by_row(&call(f, &ahead))
                })
                .collect();
            returns(Array2::from_shape_fn((columns[0].len(), x.len()), |(i, j)| columns[j][i]))
        },
    },
];
