//! `knn_predict`: ask the neighbours.

use ndarray::{Array1, Array2, ArrayView2, Ix1, Ix2, array};

use super::neighbours::{Labelled, clouds, most_frequent, smallest, squared};
use crate::exercise::{Exercise, Misconception, Outcome, Probe, Signature, Speed};
use crate::exercises::arguments::{
    count, f64_array, floats, i64_array, int, int_named, rejects, returns, whole_numbers,
};
use crate::exercises::numbers::Numbers;
use crate::value::Value;

/// The exercise.
pub static KNN_PREDICT: Exercise = Exercise {
    id: "knn_predict",
    station: "knn-validation",
    task: "Predict the label of each query by a vote of its k nearest training points (Euclidean distance).\n\
           The label that occurs most often wins; at a tie the smallest of the tied labels.\n\
           Of training points that are equally far, the one with the smaller index is nearer.\n\
           Refuse a k below 1 or above the number of training points with an error.",
    signature: Signature {
        name: "knn_predict",
        parameters: &[
            f64_array("xtr", &["N", "D"], "training points"),
            i64_array("ytr", &["N"], "their labels, 0 or more"),
            f64_array("xte", &["M", "D"], "queries"),
            int_named("k", "how many neighbours vote"),
        ],
        returns: i64_array("labels", &["M"], "one label per query"),
    },
    probes,
    reference,
    misconceptions: MISCONCEPTIONS,
    speed: Some(Speed { arguments: large, naive_steps: 400.0 * 300.0 * 20.0, times_faster: 10.0 }),
    hints: &[
        "Take one query. Print its distances, the indices in order of distance, the labels of the first k, and the counts.",
        "Squared distances of all pairs at once: |a|^2 + |b|^2 - 2 a.b (no root is needed, it changes no order). argsort with \
         kind=\"stable\" keeps equal ones in order; take k columns; bincount of each row, and argmax, which takes the first of \
         equal counts.",
        "Training points 1, 2, 4, 5, 9 on a line with labels 1, 1, 0, 0, 0; query 3. Distances 2, 1, 1, 2, 6: order 2, 4, 1, 5, 9. \
         k = 1: label 1. k = 2: labels 1, 0, a tie, so 0. k = 3: 1, 0, 1, so 1. k = 5: 0 by 3 to 2.",
    ],
    ..Exercise::DEFAULTS
};

fn probes() -> Vec<Probe> {
    let mut numbers = Numbers::stream(561);
    let line = || -> (Array2<f64>, Array1<i64>) { (array![[1.0], [2.0], [4.0], [5.0], [9.0]], array![1, 1, 0, 0, 0]) };
    let arguments = |(x, y): (Array2<f64>, Array1<i64>), queries: Array2<f64>, k: i64| {
        vec![x.into(), y.into(), queries.into(), Value::Int(k)]
    };
    let mut random = |n: usize, m: usize, d: usize, classes: i64, k: i64| {
        let queries = clouds(&mut numbers, m, d, classes).0;
        arguments(clouds(&mut numbers, n, d, classes), queries, k)
    };
    vec![
        Probe::ordinary("five points on a line, 3 neighbours", arguments(line(), array![[3.0], [7.0]], 3)),
        Probe::ordinary("20 points in the plane, 3 classes, 5 neighbours", random(20, 7, 2, 3, 5)),
        Probe::ordinary("30 points in 4 dimensions, 4 classes, 7 neighbours", random(30, 9, 4, 4, 7)),
        Probe::ordinary("12 points in 3 dimensions, 1 neighbour", random(12, 6, 3, 3, 1)),
        Probe::hard("ties of distance and of votes, 2 neighbours", arguments(line(), array![[3.0], [4.5], [7.0]], 2)),
        Probe::hard("16 points in the plane, 4 neighbours: tied votes", random(16, 11, 2, 4, 4)),
        Probe::hard(
            "three classes with one vote each",
            arguments((array![[5.0], [8.0], [1.0], [20.0]], array![1, 0, 2, 0]), array![[4.0], [6.0]], 3),
        ),
        Probe::hard("every training point votes", arguments(line(), array![[0.0], [100.0]], 5)),
        Probe::hard(
            "all training points in the same place",
            arguments((Array2::ones((4, 2)), array![3, 2, 1, 1]), array![[1.0, 1.0], [5.0, 0.0]], 1),
        ),
        Probe::hard("a single training point", arguments((array![[2.0, 3.0]], array![4]), array![[9.0, 9.0]], 1)),
        Probe::hard("no neighbour", arguments(line(), array![[3.0]], 0)),
        Probe::hard("more neighbours than points", arguments(line(), array![[3.0]], 6)),
    ]
}

fn large() -> Vec<Value> {
    let mut numbers = Numbers::stream(562);
    let queries = clouds(&mut numbers, 300, 20, 5).0;
    let (x, y) = clouds(&mut numbers, 400, 20, 5);
    vec![x.into(), y.into(), queries.into(), Value::Int(5)]
}

/// The label that `of` finds for each query, which it sees with the training points and k.
fn answer(arguments: &[Value], of: impl Fn(&Labelled<'_>, ndarray::ArrayView1<'_, f64>, usize) -> i64) -> Outcome {
    let training = Labelled { x: floats::<Ix2>(arguments, 0), y: whole_numbers::<Ix1>(arguments, 1) };
    let queries: ArrayView2<'_, f64> = floats(arguments, 2);
    let n = training.y.len();
    if !(1..=n as i64).contains(&int(arguments, 3)) {
        return rejects(format!("1 to {n} points can vote"));
    }
    let k = count(arguments, 3);
    returns(queries.rows().into_iter().map(|query| of(&training, query, k)).collect::<Array1<i64>>())
}

/// The vote of the k nearest, decided by `winner`, which sees their labels, the nearest first.
fn voted(arguments: &[Value], winner: fn(&[i64]) -> i64) -> Outcome {
    answer(arguments, |training, query, k| winner(&training.labels(&training.by_distance(query, squared)[..k])))
}

fn vote(labels: &[i64]) -> i64 {
    smallest(&most_frequent(labels))
}

fn reference(arguments: &[Value]) -> Outcome {
    voted(arguments, vote)
}

const MISCONCEPTIONS: &[Misconception] = &[
    Misconception {
        id: "manhattan-for-euclidean",
        title: "the absolute differences are added up and not their squares",
        explanation: "That is the Manhattan distance: (3, 3) is then farther than (5, 0), which in the Euclidean one is the other way \
                      round. Square before adding.",
        question: "Which is nearer to the origin in your program, (3, 3) or (5, 0)?",
        see: ("cs231n", "notes: classification (kNN, validation sets)"),
        behaviour: |arguments| {
            answer(arguments, |training, query, k| {
                let order = training.by_distance(query, |a, b| a.iter().zip(b).map(|(a, b)| (a - b).abs()).sum());
                vote(&training.labels(&order[..k]))
            })
        },
    },
    Misconception {
        id: "vote-tie-to-larger",
        title: "the largest label wins at a tie of votes",
        explanation: "A rule for ties is needed, or the answer depends on the order in which labels are counted. Here the smallest wins, as \
                      argmax of bincount does it: the first of equal counts.",
        question: "Labels 2 and 1 have one vote each. Which one do you return?",
        see: ("cs231n", "assignment 1 kNN: predict_labels"),
        behaviour: |arguments| {
            voted(arguments, |labels| *most_frequent(labels).last().expect("at least one neighbour"))
        },
    },
    Misconception {
        id: "vote-tie-to-nearest",
        title: "at a tie of votes the label of the nearest of them wins",
        explanation: "A sensible rule, and another one: the smallest of the tied labels was asked for. Counting with Counter.most_common \
                      gives this one, since it keeps the order of first appearance.",
        question: "Labels from near to far are 2, 1. Which one do you return?",
        see: ("cs231n", "assignment 1 kNN: predict_labels"),
        behaviour: |arguments| {
            voted(arguments, |labels| {
                let tied = most_frequent(labels);
                *labels.iter().find(|label| tied.contains(label)).expect("a tied label")
            })
        },
    },
    Misconception {
        id: "distance-tie-to-later",
        title: "of equally far points the later one is taken as nearer",
        explanation: "Reversing a sort, or sorting by a method that does not keep the order of equal elements, changes who votes. The point \
                      with the smaller index comes first: argsort with kind=\"stable\".",
        question: "Two training points are equally far. Which of them comes first in your order?",
        see: ("numpy", "numpy.argsort, argument kind"),
        behaviour: |arguments| {
            answer(arguments, |training, query, k| {
                let mut order: Vec<usize> = (0..training.y.len()).rev().collect();
                order.sort_by(|&i, &j| squared(training.x.row(i), query).total_cmp(&squared(training.x.row(j), query)));
                vote(&training.labels(&order[..k]))
            })
        },
    },
    Misconception {
        id: "nearest-skipped",
        title: "the nearest point is left out and the next k vote",
        explanation: "[1:k + 1] is for queries that are training points themselves, each its own nearest. These queries are new points: the \
                      nearest one counts.",
        question: "Why do you leave out the first index?",
        see: ("cs231n", "notes: classification (kNN, validation sets)"),
        behaviour: |arguments| {
            answer(arguments, |training, query, k| {
                let order = training.by_distance(query, squared);
                let skipped = &order[1..(k + 1).min(order.len())];
                if skipped.is_empty() { 0 } else { vote(&training.labels(skipped)) }
            })
        },
    },
    Misconception {
        id: "nearest-only",
        title: "only the nearest point decides, whatever k is",
        explanation: "With one neighbour every mislabelled point has a territory of its own. k neighbours outvote it: that is what k is for.",
        question: "Does your answer change with k?",
        see: ("cs231n", "notes: classification (kNN, validation sets)"),
        behaviour: |arguments| voted(arguments, |labels| labels[0]),
    },
    Misconception {
        id: "farthest-vote",
        title: "the k farthest points vote",
        explanation: "Sorting distances downwards, or taking the last k of an ascending order, asks those who know least.",
        question: "Is the first index in your order the nearest or the farthest point?",
        see: ("numpy", "numpy.argsort"),
        behaviour: |arguments| {
            answer(arguments, |training, query, k| {
                let order = training.by_distance(query, squared);
                vote(&training.labels(&order[order.len() - k..]))
            })
        },
    },
    Misconception {
        id: "labels-averaged",
        title: "the labels are averaged and rounded",
        explanation: "Labels are names: the mean of a cat (0) and a truck (2) is no dog (1). Averaging is for regression; for classes count \
                      votes.",
        question: "The neighbours have labels 0, 0, 0, 2, 2. What is their mean, and who wins the vote?",
        see: ("cs231n", "notes: classification (kNN, validation sets)"),
        behaviour: |arguments| {
            voted(arguments, |labels| {
                let mean = labels.iter().sum::<i64>() as f64 / labels.len() as f64;
                // Half to even, as np.round has it.
                mean.round_ties_even() as i64
            })
        },
    },
    Misconception {
        id: "indices-for-labels",
        title: "the index of the nearest training point is returned and not a label",
        explanation: "argsort and argmin give places in the training set. Look the labels up there: ytr[order[:k]].",
        question: "Is what you return an element of ytr or a place in it?",
        see: ("numpy", "numpy.argsort"),
        behaviour: |arguments| answer(arguments, |training, query, _| training.by_distance(query, squared)[0] as i64),
    },
    Misconception {
        id: "more-neighbours-than-points",
        title: "with more neighbours than points, all points vote",
        explanation: "A slice ends where the array ends: order[:k] of five points has five, however large k is, and whoever asked for six neighbours never \
                      learns that there were none. Test 1 <= k <= N first.",
        question: "How many elements has np.arange(5)[:6]?",
        see: ("numpy", "basics of indexing"),
        behaviour: |arguments| {
            let n = whole_numbers::<Ix1>(arguments, 1).len() as i64;
            let mut arguments = arguments.to_vec();
            arguments[3] = Value::Int(int(&arguments, 3).min(n));
            reference(&arguments)
        },
    },
];
