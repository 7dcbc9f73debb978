//! `learning_curve`: would more data help?

use ndarray::{Axis, Ix1, Ix2, concatenate, s};

use super::neighbours::{Labelled, clouds};
use crate::exercise::{Exercise, Kind, Misconception, Outcome, Parameter, Probe, Signature};
use crate::exercises::arguments::{
    count, f64_array, floats, i64_array, int_named, rejects, returns, sizes, whole_numbers,
};
use crate::exercises::numbers::Numbers;
use crate::value::Value;

/// The exercise.
pub static LEARNING_CURVE: Exercise = Exercise {
    id: "learning_curve",
    station: "knn-validation",
    task: "Draw the learning curve of the classifier of knn_predict (with its rules for ties).\n\
           For each size s take the first s training examples as the training set, so that smaller sets are parts of\n\
           larger ones, and return two error rates, the share of wrong predictions:\n\
           train[i] on these s examples themselves (each is among its own neighbours), val[i] on all validation examples.\n\
           Refuse a size below k or above the number of training examples with an error.",
    signature: Signature {
        name: "learning_curve",
        parameters: &[
            f64_array("x", &["N", "D"], "training examples, shuffled"),
            i64_array("y", &["N"], "their labels"),
            f64_array("x_val", &["M", "D"], "validation examples"),
            i64_array("y_val", &["M"], "their labels"),
            int_named("k", "how many neighbours vote"),
            i64_array("sizes", &["S"], "sizes of the training set"),
        ],
        returns: Parameter {
            name: "curves",
            kind: Kind::Tuple(&[
                f64_array("train", &["S"], "error rate on the training set of each size"),
                f64_array("val", &["S"], "error rate on the validation examples"),
            ]),
            meaning: "two curves",
        },
    },
    probes,
    reference,
    misconceptions: MISCONCEPTIONS,
    hints: &[
        "For one size, say which examples vote and which examples are judged: once for each of the two curves.",
        "for s in sizes: train.append(mean(knn_predict(x[:s], y[:s], x[:s], k) != y[:s])); val.append(mean(knn_predict(x[:s], \
         y[:s], x_val, k) != y_val)). The file stands alone: bring your knn_predict along.",
        "Points 0, 4, 1 with labels 0, 1, 1; validation 0.6 with label 0; k = 1. Size 2: the training set {0, 4} predicts itself, \
         train 0; 0.6 is nearest to 0, val 0. Size 3: train 0; 0.6 is nearest to 1, whose label is 1: val 1.",
    ],
    ..Exercise::DEFAULTS
};

fn probes() -> Vec<Probe> {
    let mut numbers = Numbers::stream(564);
    let mut arguments = |n: usize, m: usize, d: usize, classes: i64, k: i64, sizes: &[i64]| {
        let (x, y) = clouds(&mut numbers, n, d, classes);
        let (x_val, y_val) = clouds(&mut numbers, m, d, classes);
        let sizes = ndarray::Array1::from(sizes.to_vec());
        vec![x.into(), y.into(), x_val.into(), y_val.into(), Value::Int(k), sizes.into()]
    };
    vec![
        Probe::ordinary("sizes 3 and 6, 1 neighbour", arguments(8, 5, 2, 2, 1, &[3, 6])),
        Probe::ordinary("sizes 5, 10, 20 of 24, 3 neighbours", arguments(24, 15, 2, 3, 3, &[5, 10, 20])),
        Probe::ordinary("sizes 8, 16, 32 of 32, 5 neighbours", arguments(32, 21, 3, 2, 5, &[8, 16, 32])),
        Probe::ordinary("sizes 4, 9, 25 of 30, 4 neighbours", arguments(30, 13, 1, 3, 4, &[4, 9, 25])),
        Probe::hard("sizes that do not ascend", arguments(12, 7, 2, 2, 3, &[12, 3, 7, 7])),
        Probe::hard("a single validation example", arguments(10, 1, 2, 2, 3, &[3, 10])),
        Probe::hard("a size as large as k", arguments(9, 6, 2, 3, 5, &[5])),
        Probe::hard("a size below k", arguments(9, 6, 2, 3, 5, &[4, 9])),
        Probe::hard("a size beyond the training examples", arguments(9, 6, 2, 3, 3, &[4, 10])),
    ]
}

/// Both error rates for one size.
type Point = (f64, f64);

/// A training set of one size, all of the data, and k.
struct Moment<'a> {
    subset: Labelled<'a>,
    all: Labelled<'a>,
    validation: Labelled<'a>,
    size: usize,
    k: usize,
}

/// The first examples of a set.
fn first<'a>(of: &Labelled<'a>, count: usize) -> Labelled<'a> {
    Labelled { x: of.x.slice_move(s![..count, ..]), y: of.y.slice_move(s![..count]) }
}

impl Moment<'_> {
    fn right(&self) -> Point {
        (self.subset.error(&self.subset, self.k), self.subset.error(&self.validation, self.k))
    }
}

/// The curves whose points `of` finds.
fn curves(arguments: &[Value], of: impl Fn(&Moment<'_>) -> Point) -> Outcome {
    let set = |index| Labelled { x: floats::<Ix2>(arguments, index), y: whole_numbers::<Ix1>(arguments, index + 1) };
    let (k, sizes) = (count(arguments, 4), sizes(arguments, 5));
    let n = set(0).y.len();
    if sizes.iter().any(|size| !(k..=n).contains(size)) {
        return rejects(format!("a training set has {k} to {n} examples here"));
    }
    let points = sizes
        .iter()
        .map(|&size| of(&Moment { subset: first(&set(0), size), all: set(0), validation: set(2), size, k }));
    let (train, val): (Vec<f64>, Vec<f64>) = points.unzip();
    returns(Value::Tuple(vec![ndarray::Array1::from(train).into(), ndarray::Array1::from(val).into()]))
}

fn reference(arguments: &[Value]) -> Outcome {
    curves(arguments, |moment| moment.right())
}

const MISCONCEPTIONS: &[Misconception] = &[
    Misconception {
        id: "judged-on-all-training-examples",
        title: "the training error is measured on all training examples, not on the s that were used",
        explanation: "The others are unseen for this model: the curve is a second validation curve. The training error says how well the \
                      model fits what it was given; that is why it starts low.",
        question: "How many examples judge train[0]?",
        see: ("ng-ml", "W6 Evaluating a learning algorithm; Bias vs. variance; learning curves"),
        behaviour: |arguments| {
            curves(arguments, |moment| (moment.subset.error(&moment.all, moment.k), moment.right().1))
        },
    },
    Misconception {
        id: "validation-shrinks",
        title: "the validation set is cut to s examples as well",
        explanation: "Points of the curve are then measured with different rulers, and the small ones are the noisiest. One fixed \
                      validation set judges all sizes.",
        question: "How many examples judge val[0], and how many val[-1]?",
        see: ("ng-ml", "W6 Evaluating a learning algorithm; Bias vs. variance; learning curves"),
        behaviour: |arguments| {
            curves(arguments, |moment| {
                let fewer = first(&moment.validation, moment.size.min(moment.validation.y.len()));
                (moment.right().0, moment.subset.error(&fewer, moment.k))
            })
        },
    },
    Misconception {
        id: "size-ignored",
        title: "the model is trained on all examples, whatever the size is",
        explanation: "The validation curve is then a flat line. Only the first s examples may vote.",
        question: "Does val change with the size in your result?",
        see: ("ng-ml", "W6 Evaluating a learning algorithm; Bias vs. variance; learning curves"),
        behaviour: |arguments| {
            curves(arguments, |moment| {
                (moment.all.error(&moment.subset, moment.k), moment.all.error(&moment.validation, moment.k))
            })
        },
    },
    Misconception {
        id: "trained-on-validation",
        title: "the validation examples vote, too",
        explanation: "A validation example among the training points is its own nearest neighbour: the error falls for the worst of \
                      reasons. What validates must not train.",
        question: "Which points do you hand to the classifier as training points?",
        see: ("dlbook", "5.3 Hyperparameters and validation sets"),
        behaviour: |arguments| {
            curves(arguments, |moment| {
                let sets = [&moment.subset, &moment.validation];
                let x = concatenate(Axis(0), &sets.map(|set| set.x)).expect("as many features");
                let y = concatenate(Axis(0), &sets.map(|set| set.y)).expect("one axis");
                let both = Labelled { x: x.view(), y: y.view() };
                (both.error(&moment.subset, moment.k), both.error(&moment.validation, moment.k))
            })
        },
    },
    Misconception {
        id: "last-examples-taken",
        title: "the last s examples are taken and not the first",
        explanation: "x[-s:] is nested as well, but it is another set. The first s were asked for, so that all of us draw the same curve.",
        question: "Is x[0] in your smallest training set?",
        see: ("numpy", "basic indexing: slices"),
        behaviour: |arguments| {
            curves(arguments, |moment| {
                let start = moment.all.y.len() - moment.size;
                let last = Labelled { x: moment.all.x.slice(s![start.., ..]), y: moment.all.y.slice(s![start..]) };
                (last.error(&last, moment.k), last.error(&moment.validation, moment.k))
            })
        },
    },
    Misconception {
        id: "new-subset-each-size",
        title: "each size takes fresh examples, after those of the sizes before",
        explanation: "Then two things change from point to point: the size and the luck of the draw. Nested sets leave only the size: the \
                      larger set is the smaller one and more.",
        question: "Are the examples of your smallest set part of the next one?",
        see: ("ng-ml", "W6 Evaluating a learning algorithm; Bias vs. variance; learning curves"),
        behaviour: |arguments| {
            let all_sizes = sizes(arguments, 5);
            let position = std::cell::Cell::new(0);
            curves(arguments, |moment| {
                // Starts where the last size ended, round and round.
                let place: usize = all_sizes[..position.replace(position.get() + 1)].iter().sum();
                let n = moment.all.y.len();
                let rows: Vec<usize> = (place..place + moment.size).map(|row| row % n).collect();
                let (x, y) = (moment.all.x.select(Axis(0), &rows), moment.all.y.select(Axis(0), &rows));
                let fresh = Labelled { x: x.view(), y: y.view() };
                (fresh.error(&fresh, moment.k), fresh.error(&moment.validation, moment.k))
            })
        },
    },
    Misconception {
        id: "accuracy-for-error",
        title: "the shares of right predictions are returned",
        explanation: "Accuracy and error sum to 1. Curves of errors come down towards each other; yours go up.",
        question: "What is your training value for one neighbour: 0 or 1?",
        see: ("ng-ml", "W6 Evaluating a learning algorithm; Bias vs. variance; learning curves"),
        behaviour: |arguments| {
            curves(arguments, |moment| {
                let (train, val) = moment.right();
                (1.0 - train, 1.0 - val)
            })
        },
    },
    Misconception {
        id: "errors-counted",
        title: "wrong predictions are counted and not divided by how many there were",
        explanation: "Three wrong of 5 and three wrong of 50 are not the same. Divide by the number of examples that were judged: np.mean of \
                      the comparison does.",
        question: "Can your values be larger than 1?",
        see: ("numpy", "numpy.mean"),
        behaviour: |arguments| {
            curves(arguments, |moment| {
                let (train, val) = moment.right();
                (train * moment.size as f64, val * moment.validation.y.len() as f64)
            })
        },
    },
];
