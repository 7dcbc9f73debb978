//! `confusion`: what is taken for what.

use ndarray::Array2;

use crate::exercise::{Exercise, Misconception, Outcome, Probe, Property, Signature};
use crate::exercises::arguments::{count, i64_array, int, int_named, rejects, returns, whole_numbers};
use crate::exercises::numbers::Numbers;
use crate::value::Value;

/// The exercise.
pub static CONFUSION: Exercise = Exercise {
    id: "confusion",
    station: "classic-cnns",
    task: "The confusion matrix of a classifier: entry [i, j] counts the examples of true class i that were predicted as j.\n\
           Rows are true classes, columns predicted ones, as in scikit-learn; k is the number of classes, and classes that do\n\
           not occur have rows and columns of zeros. Counts are whole numbers.\n\
           Refuse labels below 0, or k and above, with an error.",
    signature: Signature {
        name: "confusion",
        parameters: &[
            i64_array("y", &["N"], "true classes, 0 to k - 1"),
            i64_array("p", &["N"], "predicted classes, 0 to k - 1"),
            int_named("k", "number of classes"),
        ],
        returns: i64_array("matrix", &["k", "k"], "counts: row true, column predicted"),
    },
    probes,
    reference,
    misconceptions: MISCONCEPTIONS,
    properties: &[Property { title: "counts every example once", violated: not_all_counted }],
    hints: &[
        "Take three examples and write the matrix down by hand: which cell grows with each?",
        "A loop over pairs with matrix[i, j] += 1 is right. Without a loop: np.add.at(matrix, (y, p), 1), or \
         np.bincount(y * k + p, minlength=k * k).reshape(k, k). matrix[y, p] += 1 is not: it counts equal pairs once.",
        "y = [0 1 1], p = [0 2 2], k = 3: one 0 taken for 0, two 1s taken for 2.\n\
         [[1 0 0]\n\
         [0 0 2]\n\
         [0 0 0]]",
    ],
    ..Exercise::DEFAULTS
};

fn probes() -> Vec<Probe> {
    let mut numbers = Numbers::stream(442);
    let arguments = |y: Vec<i64>, p: Vec<i64>, k: i64| {
        vec![Value::array(&[y.len()], y), Value::array(&[p.len()], p), Value::Int(k)]
    };
    let mut labels = |count: usize, k: i64| (0..count).map(|_| numbers.integer(0, k - 1)).collect::<Vec<_>>();
    let mut probes = vec![
        Probe::ordinary("three examples, three classes", arguments(vec![0, 1, 1], vec![0, 2, 2], 3)),
        Probe::ordinary("one mistake each way", arguments(vec![0, 1, 2, 2, 1], vec![1, 1, 2, 0, 2], 3)),
        Probe::ordinary("17 examples, 4 classes", arguments(labels(17, 4), labels(17, 4), 4)),
        Probe::ordinary("60 examples, 10 classes", arguments(labels(60, 10), labels(60, 10), 10)),
        Probe::hard("classes that do not occur", arguments(vec![1, 3, 3, 1], vec![3, 3, 1, 1], 6)),
        Probe::hard("a class that is predicted and never true", arguments(vec![0, 0, 1], vec![2, 1, 2], 3)),
        Probe::hard("one class", arguments(vec![0, 0], vec![0, 0], 1)),
        Probe::hard("no examples", arguments(vec![], vec![], 3)),
    ];
    probes.push(Probe::hard("a prediction that is no class", arguments(vec![0, 1], vec![0, 3], 3)));
    probes.push(Probe::hard("a negative label", arguments(vec![0, -1], vec![0, 1], 3)));
    probes
}

struct Call {
    pairs: Vec<(usize, usize)>,
    k: usize,
}

/// The pairs, or the refusal.
fn with(arguments: &[Value], matrix: impl FnOnce(&Call) -> Outcome) -> Outcome {
    let labels = |index: usize| whole_numbers::<ndarray::Ix1>(arguments, index).to_vec();
    let (y, p, k) = (labels(0), labels(1), count(arguments, 2));
    if y.iter().chain(&p).any(|&label| label < 0 || label as usize >= k) {
        return rejects("labels lie between 0 and k - 1");
    }
    matrix(&Call { pairs: y.into_iter().zip(p).map(|(y, p)| (y as usize, p as usize)).collect(), k })
}

impl Call {
    fn counts(&self) -> Array2<i64> {
        let mut matrix = Array2::zeros((self.k, self.k));
        self.pairs.iter().for_each(|&pair| matrix[pair] += 1);
        matrix
    }
}

fn reference(arguments: &[Value]) -> Outcome {
    with(arguments, |call| returns(call.counts()))
}

fn not_all_counted(arguments: &[Value], result: &Value) -> Option<String> {
    let (examples, counted) = (arguments[0].size() as f64, result.as_array()?.to_f64().iter().sum::<f64>());
    (examples != counted).then(|| format!("{examples} examples, {counted} counted"))
}

const PLACE: (&str, &str) = ("ng-ml", "W6 Skewed classes; error analysis");

const MISCONCEPTIONS: &[Misconception] = &[
    Misconception {
        id: "matrix-transposed",
        title: "rows are predicted classes and columns true ones",
        explanation: "Both conventions are in use, which is why a table without labels on its axes misleads. Here, as in \
                      scikit-learn, a row is a true class: reading along it says what becomes of the class.",
        question: "In which cell do you count a true 1 that was taken for a 7?",
        see: PLACE,
        behaviour: |arguments| with(arguments, |call| returns(call.counts().reversed_axes())),
    },
    Misconception {
        id: "duplicates-counted-once",
        title: "a pair that occurs several times is counted once",
        explanation: "matrix[y, p] += 1 reads all cells, adds 1 and writes them back, so each cell named grows by one, however often it \
                      is named. np.add.at(matrix, (y, p), 1) adds for every occurrence.",
        question: "After np.zeros(2)[[0, 0, 0]] += 1, what stands in the first place?",
        see: ("numpy", "numpy.ufunc.at"),
        behaviour: |arguments| with(arguments, |call| returns(call.counts().mapv(|count| count.min(1)))),
    },
    Misconception {
        id: "normalized-by-row",
        title: "rows are divided by their sums",
        explanation: "Rates hide how many examples they rest on, and a class without examples divides by zero. Count first; whoever \
                      wants rates divides later.",
        question: "Are your entries numbers of examples?",
        see: PLACE,
        behaviour: |arguments| {
            with(arguments, |call| {
                let mut rates = call.counts().mapv(|count| count as f64);
                for mut row in rates.rows_mut() {
                    let sum = row.sum();
                    row.mapv_inplace(|count| if sum > 0.0 { count / sum } else { 0.0 });
                }
                returns(rates)
            })
        },
    },
    Misconception {
        id: "empty-classes-skipped",
        title: "classes that occur neither as true nor as predicted have no row and column",
        explanation: "Matrices of two test sets can be compared or added only if their rows mean the same classes. k says how many \
                      there are, the data does not.",
        question: "If no example is a 7, in which row do you count the 8s?",
        see: PLACE,
        behaviour: |arguments| {
            with(arguments, |call| {
                let all = call.counts();
                let seen: Vec<usize> = (0..call.k).filter(|&c| all.row(c).sum() + all.column(c).sum() > 0).collect();
                returns(all.select(ndarray::Axis(0), &seen).select(ndarray::Axis(1), &seen))
            })
        },
    },
    Misconception {
        id: "mistakes-only",
        title: "right answers are not counted",
        explanation: "The diagonal holds what was right; without it neither accuracy nor a class's recall can be read off.",
        question: "Where in the matrix do you see how many 3s were recognised?",
        see: PLACE,
        behaviour: |arguments| {
            with(arguments, |call| {
                let mut matrix = call.counts();
                matrix.diag_mut().fill(0);
                returns(matrix)
            })
        },
    },
    Misconception {
        id: "pairs-not-kept",
        title: "true and predicted classes are counted each for itself, not in pairs",
        explanation: "A mistake is a pair. How often 3 was true and how often 5 was predicted does not say how often a 3 was taken for a \
                      5.",
        question: "Does your matrix change when p is shuffled?",
        see: PLACE,
        behaviour: |arguments| {
            with(arguments, |call| {
                let mut matrix = Array2::<i64>::zeros((call.k, call.k));
                let (mut y, mut p): (Vec<usize>, Vec<usize>) = call.pairs.iter().copied().unzip();
                y.sort_unstable();
                p.sort_unstable();
                y.into_iter().zip(p).for_each(|pair| matrix[pair] += 1);
                returns(matrix)
            })
        },
    },
    Misconception {
        id: "last-class-lost",
        title: "the last class is not counted",
        explanation: "range(k - 1) and 0..k-1 in Rust end before the last class: labels run from 0 to k - 1, both included.",
        question: "Which label is the largest your loops reach?",
        see: PLACE,
        behaviour: |arguments| {
            with(arguments, |call| {
                let mut matrix = call.counts();
                matrix.row_mut(call.k - 1).fill(0);
                matrix.column_mut(call.k - 1).fill(0);
                returns(matrix)
            })
        },
    },
    Misconception {
        id: "negative-index-wraps",
        title: "a label of -1 is counted as the last class",
        explanation: "Python counts negative indices from the end, without a word. Only a label of k or more raises an error by itself. Test both ends \
                      before you count.",
        question: "Which row is matrix[-1]?",
        see: ("cs231n", "Python/NumPy tutorial, Array indexing"),
        behaviour: |arguments| {
            let k = int(arguments, 2);
            let wrapped = |index: usize| {
                let labels = whole_numbers::<ndarray::Ix1>(arguments, index);
                Value::from(labels.mapv(|label| if (-k..0).contains(&label) { label + k } else { label }))
            };
            reference(&[wrapped(0), wrapped(1), Value::Int(k)])
        },
    },
    Misconception {
        id: "class-beyond-in-next-row",
        title: "a prediction of k or more is counted in the next row",
        explanation: "In y * k + p each row has k places; a p of k is the first place of the row below, and the example counts for another true class. The \
                      one number per pair is unique only while both are below k: test that first.",
        question: "Which cell do y = 1 and p = 3 share with, when k = 3?",
        see: ("numpy", "numpy.bincount"),
        behaviour: |arguments| {
            let (y, p) = (whole_numbers::<ndarray::Ix1>(arguments, 0), whole_numbers::<ndarray::Ix1>(arguments, 1));
            let k = int(arguments, 2);
            let flat = &y * k + p;
            if flat.iter().any(|place| !(0..k * k).contains(place)) {
                return rejects("a place outside the matrix");
            }
            let pairs = [flat.mapv(|place| place / k), flat.mapv(|place| place % k)].map(Value::from);
            let [rows, columns] = pairs;
            reference(&[rows, columns, Value::Int(k)])
        },
    },
];
