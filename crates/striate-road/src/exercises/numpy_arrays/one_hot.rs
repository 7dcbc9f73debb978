//! `one_hot`: labels as rows of zeros with a single one.

use ndarray::{Array1, Array2, s};

use crate::exercise::{Exercise, Misconception, Outcome, Probe, Property, Signature, Speed};
use crate::exercises::arguments::{count, f64_array, i64_array, int, int_named, rejects, returns, whole_numbers};
use crate::value::Value;

/// The exercise.
pub static ONE_HOT: Exercise = Exercise {
    id: "one_hot",
    station: "numpy-arrays",
    task: "Turn class labels into rows of zeros with a single 1.\n\
           Row i of the result has k numbers: 1 in column y[i], 0 everywhere else.\n\
           Refuse a label that is not in 0 .. k-1 with an error; a negative one must not count from the end.\n\
           No loop over the labels in Python: let one indexing expression do it.",
    signature: Signature {
        name: "one_hot",
        parameters: &[i64_array("y", &["N"], "labels, each in 0 .. k-1"), int_named("k", "number of classes")],
        returns: f64_array("rows", &["N", "k"], "one row per label"),
    },
    probes,
    reference,
    misconceptions: MISCONCEPTIONS,
    properties: &[Property { title: "has rows that sum to 1", violated: rows_sum_to_one }],
    speed: Some(Speed { arguments: large, naive_steps: 100_000.0, times_faster: 5.0 }),
    hints: &[
        "Print y[:, None] and y side by side: which of the two can be compared with a row of column numbers?",
        "Two ways: compare the column y[:, None] with the row np.arange(k) and turn the booleans into floats; or start \
         from zeros of shape (N, k) and set rows[np.arange(N), y] = 1, where row numbers and labels walk together. Test \
         the range first: ((0 <= y) & (y < k)).all().",
        "y = [2, 0], k = 3. The column [[2], [0]] against the row [0, 1, 2] gives [[F, F, T], [T, F, F]], as floats \
         [[0, 0, 1], [1, 0, 0]].",
    ],
    ..Exercise::DEFAULTS
};

fn labels(y: &[i64], k: i64) -> Vec<Value> {
    vec![Array1::from(y.to_vec()).into(), Value::Int(k)]
}

fn probes() -> Vec<Probe> {
    vec![
        Probe::ordinary("4 labels of 3 classes", labels(&[2, 0, 1, 2], 3)),
        Probe::ordinary("7 labels of 5 classes, the last class never seen", labels(&[3, 1, 0, 1, 2, 3, 0], 5)),
        Probe::ordinary("2 labels of 6 classes", labels(&[1, 4], 6)),
        Probe::ordinary("as many labels as classes", labels(&[3, 1, 1, 0], 4)),
        Probe::hard("a single label", labels(&[1], 3)),
        Probe::hard("a single class", labels(&[0, 0, 0], 1)),
        Probe::hard("the same label throughout", labels(&[2, 2, 2, 2, 2], 4)),
        Probe::hard("a label that equals k", labels(&[0, 3, 1, 2], 3)),
        Probe::hard("a label of -1", labels(&[0, -1, 2, 1], 3)),
    ]
}

fn large() -> Vec<Value> {
    let y: Vec<i64> = (0..100_000).map(|i| i * 7 % 10).collect();
    labels(&y, 10)
}

/// Labels as columns and the number of classes, or the refusal.
fn accepted(arguments: &[Value], result: impl FnOnce(&[usize], usize) -> Outcome) -> Outcome {
    let (y, k) = (whole_numbers::<ndarray::Ix1>(arguments, 0), count(arguments, 1));
    let columns: Vec<usize> = y.iter().filter_map(|&label| usize::try_from(label).ok()).filter(|&c| c < k).collect();
    match y.iter().find(|&&label| label < 0 || label >= k as i64) {
        Some(label) => rejects(format!("label {label} is not in 0 .. {}", k as i64 - 1)),
        None => result(&columns, k),
    }
}

/// A result whose row `i` is `cell(label of i, column)`.
fn rows(arguments: &[Value], cell: impl Fn(usize, usize) -> f64) -> Outcome {
    accepted(arguments, |y, k| returns(Array2::from_shape_fn((y.len(), k), |(i, column)| cell(y[i], column))))
}

fn one_if(condition: bool) -> f64 {
    f64::from(u8::from(condition))
}

fn reference(arguments: &[Value]) -> Outcome {
    rows(arguments, |label, column| one_if(label == column))
}

fn rows_sum_to_one(_: &[Value], result: &Value) -> Option<String> {
    let array = result.as_array()?.to_f64_array();
    let (row, sum) = array.outer_iter().map(|row| row.sum()).enumerate().find(|(_, sum)| *sum != 1.0)?;
    Some(format!("row {row} sums to {sum}"))
}

const MISCONCEPTIONS: &[Misconception] = &[
    Misconception {
        id: "axes-swapped",
        title: "the result is transposed: one column per label",
        explanation: "Examples are rows here: shape (N, k). Comparing np.arange(k)[:, None] with y puts the classes along \
                      axis 0. Which of the two gets the new axis decides what the rows are.",
        question: "What does row 0 of your result belong to: the first label or the first class?",
        see: ("cs231n", "Python/NumPy tutorial, Broadcasting"),
        behaviour: |arguments| {
            accepted(arguments, |y, k| returns(Array2::from_shape_fn((k, y.len()), |(c, i)| one_if(y[i] == c))))
        },
    },
    Misconception {
        id: "every-row-gets-every-label",
        title: "rows[:, y] = 1 marks the columns of all labels in every row",
        explanation: "A slice beside an index array means: all rows, these columns. To walk along both together give two \
                      index arrays of the same length: rows[np.arange(N), y] = 1.",
        question: "How many ones has the first row of your result?",
        see: ("cs231n", "Python/NumPy tutorial, Array indexing"),
        behaviour: |arguments| {
            accepted(arguments, |y, k| {
                returns(Array2::from_shape_fn((y.len(), k), |(_, column)| one_if(y.contains(&column))))
            })
        },
    },
    Misconception {
        id: "axis-missing-before-broadcast",
        title: "the labels are compared with the class numbers element by element, without a new axis",
        explanation: "Shapes (N,) and (k,) pair up position by position: an error for most lengths, and silently one \
                      vector when N happens to equal k. Make the labels a column, y[:, None]: then (N, 1) against (k,) \
                      gives (N, k).",
        question: "Which shape do arrays of shape (4,) and (4,) give together, and which do (4, 1) and (4,)?",
        see: ("numpy", "Broadcasting"),
        behaviour: |arguments| {
            accepted(arguments, |y, k| match (y.len(), k) {
                (n, k) if n == k => returns(Array1::from_shape_fn(n, |i| one_if(y[i] == i))),
                (1, k) => returns(Array1::from_shape_fn(k, |column| one_if(y[0] == column))),
                (n, 1) => returns(Array1::from_shape_fn(n, |i| one_if(y[i] == 0))),
                (n, k) => rejects(format!("shapes ({n},) and ({k},) cannot be broadcast together")),
            })
        },
    },
    Misconception {
        id: "width-from-largest-label",
        title: "the number of columns is the largest label plus one",
        explanation: "A batch need not contain every class. If the width follows the batch, the next batch has another \
                      width and no weight matrix fits both: k is given for that reason.",
        question: "What comes out when the last class does not occur in y?",
        see: ("numpy", "numpy.eye, numpy.zeros: the shape argument"),
        behaviour: |arguments| {
            accepted(arguments, |y, _| {
                let k = y.iter().max().map_or(0, |label| label + 1);
                returns(Array2::from_shape_fn((y.len(), k), |(i, column)| one_if(y[i] == column)))
            })
        },
    },
    Misconception {
        id: "labels-from-one",
        title: "labels are taken to start at 1: label c marks column c - 1, and label 0 the last one",
        explanation: "Labels here run from 0 to k-1, as indices do. With y - 1, label 0 becomes -1, which NumPy counts \
                      from the end without a word.",
        question: "Which column does label 0 mark in your result?",
        see: ("cs231n", "Python/NumPy tutorial, Array indexing"),
        behaviour: |arguments| {
            accepted(arguments, |y, k| {
                let marked = |label: usize| (label + k - 1) % k;
                returns(Array2::from_shape_fn((y.len(), k), |(i, column)| one_if(marked(y[i]) == column)))
            })
        },
    },
    Misconception {
        id: "flat-index-without-row",
        title: "the labels are used as positions in the flattened array, without the start of their row",
        explanation: "In memory row i begins at i * k. rows.flat[y] = 1 marks places in the first row only; the flat \
                      position of (i, y[i]) is i * k + y[i].",
        question: "Where in memory does row 1 of an (N, k) array begin?",
        see: ("numpy", "numpy.ndarray.flat; memory order"),
        behaviour: |arguments| {
            accepted(arguments, |y, k| {
                let mut flat = Array1::<f64>::zeros(y.len() * k);
                y.iter().for_each(|&label| flat[label] = 1.0);
                returns(flat.into_shape_with_order((y.len(), k)).expect("N * k numbers"))
            })
        },
    },
    Misconception {
        id: "label-as-value",
        title: "the label itself is written into its column in place of 1",
        explanation: "One-hot is a yes or no per class. Written as a number, class 2 would count twice as much as class 1, \
                      and class 0 could not be told from nothing.",
        question: "Which values besides 0 and 1 occur in your result?",
        see: ("dls-c1", "W2 Broadcasting in Python"),
        behaviour: |arguments| rows(arguments, |label, column| label as f64 * one_if(label == column)),
    },
    Misconception {
        id: "marked-up-to-label",
        title: "all columns up to the label are marked, not the label's alone",
        explanation: "y[:, None] >= np.arange(k) is true for every class up to the label. It is a code for ordered grades; \
                      for classes without an order, compare with ==.",
        question: "How many ones does a row for label 2 have?",
        see: ("numpy", "Broadcasting"),
        behaviour: |arguments| rows(arguments, |label, column| one_if(column <= label)),
    },
    Misconception {
        id: "negative-index-wraps",
        title: "a label of -1 marks the last class",
        explanation: "Python counts negative indices from the end, without a word: the example is trained as one of the last class. Only a label of k or \
                      more raises an error by itself. Test both ends before you index: ((0 <= y) & (y < k)).all().",
        question: "Which element is a[-1]?",
        see: ("cs231n", "Python/NumPy tutorial, Array indexing"),
        behaviour: |arguments| {
            let (y, k) = (whole_numbers::<ndarray::Ix1>(arguments, 0), int(arguments, 1));
            let labels: Vec<i64> =
                y.iter().map(|&label| if (-k..0).contains(&label) { label + k } else { label }).collect();
            reference(&[Array1::from(labels).into(), Value::Int(k)])
        },
    },
    Misconception {
        id: "label-outside-gives-zeros",
        title: "a label that is no class gives a row of zeros",
        explanation: "Compared with the numbers 0 to k-1, such a label equals none of them, and its row stays empty: an example without a class, \
                      which adds nothing to the loss and spoils every mean. Test the range first and raise an error.",
        question: "What do the rows of your result sum to, for a label of k?",
        see: ("numpy", "Broadcasting"),
        behaviour: |arguments| {
            let (y, k) = (whole_numbers::<ndarray::Ix1>(arguments, 0), count(arguments, 1));
            let cell = |(i, column): (usize, usize)| one_if(y[i] == column as i64);
            returns(Array2::from_shape_fn((y.len(), k), cell))
        },
    },
    Misconception {
        id: "last-label-missing",
        title: "the row of the last label stays empty",
        explanation: "The loop or the index range ends one label early. range(N) and np.arange(N) already stop before N: \
                      there is nothing to subtract.",
        question: "What is the last number of np.arange(5)?",
        see: ("cs231n", "Python/NumPy tutorial, Arrays"),
        behaviour: |arguments| {
            accepted(arguments, |y, k| {
                let mut rows = Array2::from_shape_fn((y.len(), k), |(i, column)| one_if(y[i] == column));
                rows.slice_mut(s![y.len() - 1, ..]).fill(0.0);
                returns(rows)
            })
        },
    },
];
