//! The nearest-neighbour classifier of assignment 1.

use ndarray::{Array2, Axis};

use super::super::CourseFunction;
use super::super::mistakes::{Words, words};
use super::super::values::{count, floats_named, int_named, ints_named, labels, matrix, returns, whole};
use super::FIRST;
use crate::exercise::{Exercise, Outcome, Probe, Signature};
use crate::exercises::numbers::Numbers;
use crate::value::Value;

pub(super) fn functions() -> Vec<CourseFunction> {
    let distances = CourseFunction::new(
        FIRST,
        &["compute_distances_two_loops", "compute_distances_one_loop", "compute_distances_no_loops"],
        &DISTANCES,
        "knn = theirs.KNearestNeighbor()\n\
         knn.X_train, knn.y_train = x_train, np.zeros(len(x_train), dtype=int)\n\
         return getattr(knn, f)(x)",
    );
    let labels = CourseFunction::new(
        FIRST,
        &["predict_labels"],
        &LABELS,
        "knn = theirs.KNearestNeighbor()\n\
         knn.X_train, knn.y_train = np.zeros((len(y_train), 1)), y_train\n\
         labels = knn.predict_labels(dists, k=k)\n\
         if isinstance(labels, np.ndarray) and labels.dtype.kind == 'f' and np.all(labels == np.round(labels)):\n    \
             labels = labels.astype(np.int64)\n\
         return labels",
    );
    vec![distances.method_of("KNearestNeighbor"), labels.method_of("KNearestNeighbor")]
}

const NOTES: (&str, &str) = ("cs231n", "notes: Image classification, k-Nearest Neighbor");

static DISTANCES: Exercise = Exercise {
    id: "compute_distances",
    signature: Signature {
        name: "compute_distances",
        parameters: &[floats_named("x_train", &["N", "D"]), floats_named("x", &["M", "D"])],
        returns: floats_named("dists", &["M", "N"]),
    },
    probes: || {
        let mut numbers = Numbers::stream(9101);
        let mut reals = |m: usize, n: usize, d: usize| -> Vec<Value> {
            vec![numbers.integers([n, d], -5, 9).into(), numbers.integers([m, d], -5, 9).into()]
        };
        vec![
            Probe::ordinary("1 test point, 2 training points, 2 features", reals(1, 2, 2)),
            Probe::ordinary("2 test points, 3 training points, 5 features", reals(2, 3, 5)),
            Probe::ordinary("4 test points, 3 training points, 2 features", reals(4, 3, 2)),
            Probe::hard("one feature", reals(3, 2, 1)),
        ]
    },
    reference: |arguments| distances(arguments, |difference, _, _| difference.mapv(|x| x * x).sum().sqrt()),
    misconceptions: &[
        words(
            "distance-squared",
            "the square root is missing",
            "The Euclidean distance is the root of the sum of squares. The nearest neighbours are the same, so the classifier \
             works, and the course's check, which compares your three versions with each other, passes.",
            "What is the distance of (0, 0) and (3, 4)?",
            NOTES,
        )
        .when(|arguments| distances(arguments, |difference, _, _| difference.mapv(|x| x * x).sum())),
        words(
            "manhattan-for-euclidean",
            "the absolute differences are added (L1 distance)",
            "This assignment asks for the L2 distance: the root of the sum of squared differences.",
            "What is the distance of (0, 0) and (3, 4)?",
            NOTES,
        )
        .when(|arguments| distances(arguments, |difference, _, _| difference.mapv(f64::abs).sum())),
        words(
            "squared-after-summing",
            "the differences are added before they are squared",
            "Squares first, then the sum: differences of opposite sign must not cancel.",
            "What is the distance of (0, 0) and (1, -1)?",
            NOTES,
        )
        .when(|arguments| distances(arguments, |difference, _, _| difference.sum().abs())),
        words(
            "distances-transposed",
            "rows and columns are exchanged: training points along the rows",
            "dists[i, j] is the distance of test point i and training point j.",
            "How many rows should dists have?",
            NOTES,
        )
        .when(|arguments| {
            let right = all_distances(arguments, &|difference, _, _| difference.mapv(|x| x * x).sum().sqrt());
            returns(right.t().to_owned())
        }),
        words(
            "cross-term-missing",
            "the product -2xy is missing from the expanded square",
            "(x - y)**2 = x**2 + y**2 - 2xy: the last term is a matrix product of test and training points.",
            "What does your formula give for a point and itself?",
            NOTES,
        )
        .when(|arguments| distances(arguments, |_, x, y| (squares(x) + squares(y)).sqrt())),
        words(
            "sum-for-difference",
            "the product in the expanded square is added: these are the lengths of x + y",
            "(x - y)**2 = x**2 + y**2 - 2xy: the product is subtracted.",
            "What does your formula give for a point and itself?",
            NOTES,
        )
        .when(|arguments| distances(arguments, |_, x, y| (squares(x) + squares(y) + 2.0 * product(x, y)).sqrt())),
        words(
            "cross-term-not-doubled",
            "the product in the expanded square is taken once and not twice",
            "(x - y)**2 = x**2 + y**2 - 2xy.",
            "What does your formula give for a point and itself?",
            NOTES,
        )
        .when(|arguments| {
            distances(arguments, |_, x, y| (squares(x) + squares(y) - product(x, y)).sqrt())
        }),
    ],
    ..Exercise::DEFAULTS
};

fn product(x: &[f64], y: &[f64]) -> f64 {
    x.iter().zip(y).map(|(x, y)| x * y).sum()
}

fn squares(x: &[f64]) -> f64 {
    product(x, x)
}

type Distance<'a> = dyn Fn(&ndarray::Array1<f64>, &[f64], &[f64]) -> f64 + 'a;

fn all_distances(arguments: &[Value], distance: &Distance<'_>) -> Array2<f64> {
    let (train, test) = (matrix(arguments, 0), matrix(arguments, 1));
    Array2::from_shape_fn((test.nrows(), train.nrows()), |(i, j)| {
        let (x, y) = (test.row(i), train.row(j));
        distance(&(&x - &y), x.as_slice().expect("rows"), y.as_slice().expect("rows"))
    })
}

fn distances(arguments: &[Value], distance: impl Fn(&ndarray::Array1<f64>, &[f64], &[f64]) -> f64) -> Outcome {
    returns(all_distances(arguments, &distance))
}

static LABELS: Exercise = Exercise {
    id: "predict_labels",
    signature: Signature {
        name: "predict_labels",
        parameters: &[floats_named("dists", &["M", "N"]), int_named("k"), ints_named("y_train", &["N"])],
        returns: ints_named("y_pred", &["M"]),
    },
    probes: || {
        let mut numbers = Numbers::stream(9102);
        let mut probe = |m: usize, labels: &[i64], k: i64| -> Vec<Value> {
            vec![numbers.reals([m, labels.len()], 0.1, 9.0).into(), Value::Int(k), whole(labels)]
        };
        let tied = |dists: &[f64], k: i64, labels: &[i64]| -> Vec<Value> {
            vec![Value::array(&[1, dists.len()], dists.to_vec()), Value::Int(k), whole(labels)]
        };
        vec![
            Probe::ordinary("2 test points, k = 1", probe(2, &[4, 7, 2], 1)),
            Probe::ordinary("the majority wins, k = 3", tied(&[2.0, 1.0, 3.0, 9.0, 8.0], 3, &[2, 4, 2, 5, 5])),
            Probe::ordinary("6 test points, k = 5", probe(6, &[0, 1, 1, 0, 1, 0, 0], 5)),
            Probe::hard("a tie of 3 and 1, the nearest has label 3", tied(&[1.0, 2.0, 3.0, 9.0], 2, &[3, 1, 5, 5])),
            Probe::hard("a tie of 1 and 3, the nearest has label 1", tied(&[1.0, 2.0, 3.0, 9.0], 2, &[1, 3, 5, 5])),
            Probe::hard("a tie among four", tied(&[4.0, 3.0, 2.0, 1.0, 9.0], 4, &[2, 6, 1, 4, 0])),
        ]
    },
    reference: |arguments| vote(arguments, nearest, |votes| best(votes, |label, _| -label)),
    misconceptions: &[
        TIES.when(|arguments| vote(arguments, nearest, |votes| best(votes, |label, _| label))),
        words(
            "vote-tie-to-nearest",
            "of labels with equally many votes, that of the nearest neighbour wins",
            "A fair rule, but not the one asked for: the smaller label wins. max(labels, key=list.count) and Counter take the \
             label that came first; np.bincount(votes).argmax() takes the smallest.",
            "Which label do you give when 3 and then 1 have one vote each?",
            ("numpy", "numpy.bincount"),
        )
        .when(|arguments| vote(arguments, nearest, |votes| best(votes, |_, first| -(first as i64)))),
        words(
            "tie-to-last-seen",
            "of labels with equally many votes, that of the farthest neighbour wins",
            "A later neighbour replaces an earlier one when its label has as many votes: compare with > and not >=, over the \
             labels in ascending order, and the smaller label wins.",
            "Which label do you give when 1 and then 3 have one vote each?",
            ("numpy", "numpy.bincount"),
        )
        .when(|arguments| vote(arguments, nearest, |votes| best(votes, |_, first| first as i64))),
        words(
            "nearest-skipped",
            "the nearest neighbour is left out and the next k vote",
            "[1:k + 1] belongs where a point is among its own neighbours. Test points are not in the training set: the first k \
             of argsort vote, [:k].",
            "Is the nearest training point among your voters?",
            NOTES,
        )
        .when(|arguments| {
            let skipping = |row: &[f64], k: usize| nearest(row, k + 1).split_off(1);
            vote(arguments, skipping, |votes| best(votes, |label, _| -label))
        }),
        words(
            "nearest-only",
            "only the nearest neighbour votes, whatever k is",
            "The k nearest neighbours vote; with k = 1 there is no difference.",
            "Where does your code use k?",
            NOTES,
        )
        .when(|arguments| vote(arguments, |dists, _| nearest(dists, 1), |votes| votes[0])),
        words(
            "farthest-vote",
            "the farthest neighbours vote",
            "np.argsort sorts upwards: the first k are the nearest, [-k:] are the farthest.",
            "Is the first index of argsort that of the smallest or of the largest distance?",
            ("numpy", "numpy.argsort"),
        )
        .when(|arguments| {
            vote(
                arguments,
                |dists, k| {
                    let order = nearest(dists, dists.len());
                    order[order.len() - k..].to_vec()
                },
                |votes| best(votes, |label, _| -label),
            )
        }),
        words(
            "neighbours-not-sorted",
            "the first k training points vote, whatever their distance",
            "Sort by distance first: np.argsort(dists[i])[:k] are the indices of the k nearest.",
            "Do your neighbours change when the distances do?",
            ("numpy", "numpy.argsort"),
        )
        .when(|arguments| vote(arguments, |_, k| (0..k).collect(), |votes| best(votes, |label, _| -label))),
        words(
            "indices-for-labels",
            "indices of training points are returned and not their labels",
            "argsort gives indices; y_train[indices] gives the labels that vote.",
            "What is the largest number you return, and what the largest label?",
            ("numpy", "numpy.argsort"),
        )
        .when(|arguments| {
            let dists = matrix(arguments, 0);
            let k = count(arguments, 1);
            let winners: Vec<i64> = dists
                .axis_iter(Axis(0))
                .map(|row| nearest(&row.to_vec(), k).into_iter().min().expect("k is above 0") as i64)
                .collect();
            returns(whole(&winners))
        }),
    ],
    ..Exercise::DEFAULTS
};

const TIES: Words = words(
    "vote-tie-to-larger",
    "of labels with equally many votes, the larger one wins",
    "The task says: break ties by choosing the smaller label. np.bincount(votes).argmax() does, since argmax takes the first.",
    "Which label do you give when 1 and 3 have one vote each?",
    ("numpy", "numpy.bincount"),
);

/// Indices of the `k` nearest, nearest first.
fn nearest(dists: &[f64], k: usize) -> Vec<usize> {
    let mut order: Vec<usize> = (0..dists.len()).collect();
    order.sort_by(|&a, &b| dists[a].total_cmp(&dists[b]));
    order.truncate(k);
    order
}

/// The label with most votes; among equals the one for which `prefer(label, first place)` is largest.
fn best(votes: &[i64], prefer: impl Fn(i64, usize) -> i64) -> i64 {
    let count = |label: i64| votes.iter().filter(|&&vote| vote == label).count();
    let first = |label: i64| votes.iter().position(|&vote| vote == label).expect("a vote");
    *votes.iter().max_by_key(|&&label| (count(label), prefer(label, first(label)))).expect("k is above 0")
}

fn vote(
    arguments: &[Value],
    neighbours: impl Fn(&[f64], usize) -> Vec<usize>,
    decide: impl Fn(&[i64]) -> i64,
) -> Outcome {
    let (dists, k, y) = (matrix(arguments, 0), count(arguments, 1), labels(arguments, 2));
    let winners: Vec<i64> = dists
        .axis_iter(Axis(0))
        .map(|row| {
            let votes: Vec<i64> = neighbours(&row.to_vec(), k).into_iter().map(|at| y[at] as i64).collect();
            decide(&votes)
        })
        .collect();
    returns(whole(&winners))
}
