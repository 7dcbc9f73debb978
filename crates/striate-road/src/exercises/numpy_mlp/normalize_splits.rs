//! `normalize_splits`: what is measured on the training images is used for all.

use ndarray::{Array1, Array2, ArrayView2, Axis, concatenate};

use crate::exercise::{Exercise, Kind, Misconception, Outcome, Parameter, Probe, Property, Signature};
use crate::exercises::arguments::{f64_array, floats, returns};
use crate::exercises::numbers::Numbers;
use crate::value::Value;

/// The exercise.
pub static NORMALIZE_SPLITS: Exercise = Exercise {
    id: "normalize_splits",
    station: "numpy-mlp",
    task: "Standardise three parts of a data set, one example per row: from every feature take the mean away and divide by the\n\
           standard deviation (with 1/N, as np.std). Mean and deviation of each feature are those of the training part, for all\n\
           three parts: validation and test stand for data that does not exist yet.\n\
           A feature that is constant in the training part (deviation 0) is not divided: its mean is taken away, no more.",
    signature: Signature {
        name: "normalize_splits",
        parameters: &[
            f64_array("train", &["N", "D"], "training examples, one per row"),
            f64_array("validation", &["M", "D"], "validation examples"),
            f64_array("test", &["K", "D"], "test examples"),
        ],
        returns: Parameter {
            name: "normalized",
            kind: Kind::Tuple(&[
                f64_array("train", &["N", "D"], "standardised training examples"),
                f64_array("validation", &["M", "D"], "standardised validation examples"),
                f64_array("test", &["K", "D"], "standardised test examples"),
            ]),
            meaning: "the three parts",
        },
    },
    probes,
    reference,
    misconceptions: MISCONCEPTIONS,
    properties: &[Property { title: "has training features of mean 0", violated: not_centred }],
    hints: &[
        "Which numbers would you need to prepare one single new image tomorrow? Those, and no others, may be used.",
        "mean = train.mean(axis=0); std = train.std(axis=0); std[std == 0] = 1; then (part - mean) / std for each of the three.",
        "One feature, train [1 3], test [5]: mean 2, deviation 1, so train becomes [-1 1] and test [3]. With the test's own mean it would \
         become [0], whatever it was.",
    ],
    ..Exercise::DEFAULTS
};

fn probes() -> Vec<Probe> {
    let mut numbers = Numbers::stream(462);
    let mut parts = |[n, m, k, d]: [usize; 4], shift: f64| -> [Array2<f64>; 3] {
        let widths = numbers.reals([d], 0.5, 4.0);
        [(n, 0.0), (m, shift), (k, 2.0 * shift)]
            .map(|(rows, shift)| numbers.reals([rows, d], -1.0, 2.0) * &widths + shift)
    };
    let arguments = |parts: [Array2<f64>; 3]| parts.map(Value::from).to_vec();
    let by_hand = [vec![1.0, 3.0], vec![2.0], vec![5.0]]
        .map(|rows| Array2::from_shape_vec((rows.len(), 1), rows).expect("one column"));
    let mut constant = parts([5, 3, 4, 3], 0.5);
    constant[0].column_mut(1).fill(7.0);
    let mut black = parts([6, 2, 3, 4], 0.0);
    black.iter_mut().for_each(|part| part.column_mut(2).fill(0.0));
    vec![
        Probe::ordinary("one feature", arguments(by_hand)),
        Probe::ordinary("5, 3 and 4 examples of 2 features", arguments(parts([5, 3, 4, 2], 0.7))),
        Probe::ordinary("8, 5 and 6 examples of 3 features", arguments(parts([8, 5, 6, 3], -1.5))),
        Probe::ordinary("other parts that are brighter than the training part", arguments(parts([7, 4, 3, 5], 10.0))),
        Probe::hard("a feature that is constant in the training part", arguments(constant)),
        Probe::hard("a feature that is 0 everywhere", arguments(black)),
        Probe::hard("a single test example", arguments(parts([4, 2, 1, 3], 1.0))),
        Probe::hard("numbers around a million", arguments(parts([6, 3, 2, 2], 0.25).map(|part| part + 1e6))),
    ]
}

/// Mean and deviation of every feature.
type Statistics = (Array1<f64>, Array1<f64>);

fn of(part: ArrayView2<'_, f64>) -> Statistics {
    let mean = part.mean_axis(Axis(0)).expect("a part has examples");
    (mean, part.std_axis(Axis(0), 0.0))
}

fn apply(part: ArrayView2<'_, f64>, (mean, std): &Statistics) -> Array2<f64> {
    (&part - mean) / &std.mapv(|std| if std == 0.0 { 1.0 } else { std })
}

fn parts(arguments: &[Value]) -> [ArrayView2<'_, f64>; 3] {
    [0, 1, 2].map(|at| floats(arguments, at))
}

fn three(parts: [Array2<f64>; 3]) -> Outcome {
    returns(Value::Tuple(parts.map(Value::from).to_vec()))
}

/// All parts with these statistics.
fn with(arguments: &[Value], statistics: impl FnOnce([ArrayView2<'_, f64>; 3]) -> Statistics) -> Outcome {
    let statistics = statistics(parts(arguments));
    three(parts(arguments).map(|part| apply(part, &statistics)))
}

fn reference(arguments: &[Value]) -> Outcome {
    with(arguments, |[train, ..]| of(train))
}

fn not_centred(arguments: &[Value], result: &Value) -> Option<String> {
    let Value::Tuple(parts) = result else { return None };
    let train = parts.first()?.as_array()?.to_f64_array().into_dimensionality::<ndarray::Ix2>().ok()?;
    let scale = 1e-9 * floats::<ndarray::Ix2>(arguments, 0).iter().fold(1.0, |a: f64, b| a.max(b.abs()));
    let mean = train.mean_axis(Axis(0))?.iter().fold(0.0, |a: f64, b| a.max(b.abs()));
    (mean > scale).then(|| format!("a training feature has mean {mean}"))
}

const PREPROCESSING: (&str, &str) = ("cs231n", "notes: neural-networks-2, data preprocessing");
const INPUTS: (&str, &str) = ("dls-c2", "W1 Normalizing inputs");

const MISCONCEPTIONS: &[Misconception] = &[
    Misconception {
        id: "test-statistics",
        title: "each part is normalised with its own mean and deviation",
        explanation: "Mean and deviation are learned from the training part like weights, and used unchanged ever after. With statistics of its \
                      own a brighter test set looks like the training set, one image alone cannot be prepared at all, and the test \
                      measures something you will never deploy.",
        question: "How would your code prepare one single new image?",
        see: PREPROCESSING,
        behaviour: |arguments| three(parts(arguments).map(|part| apply(part, &of(part)))),
    },
    Misconception {
        id: "statistics-of-all",
        title: "mean and deviation are measured on all three parts together",
        explanation: "A little of the test set leaks into the training: its mean. The effect is small, the habit is not. Split first, measure \
                      on the training part, then normalise.",
        question: "Would your training images come out differently if the test images were others?",
        see: PREPROCESSING,
        behaviour: |arguments| {
            with(arguments, |parts| of(concatenate(Axis(0), &parts).expect("as many features").view()))
        },
    },
    Misconception {
        id: "validation-statistics",
        title: "mean and deviation are measured on training and validation part together",
        explanation: "The validation part stands for unseen data too: measure on the training part alone.",
        question: "Would your training images come out differently if the validation images were others?",
        see: PREPROCESSING,
        behaviour: |arguments| {
            with(arguments, |[train, validation, _]| {
                of(concatenate(Axis(0), &[train, validation]).expect("as many features").view())
            })
        },
    },
    Misconception {
        id: "test-not-normalized",
        title: "only the training part is normalised",
        explanation: "A network trained on standardised inputs expects them for ever. Raw test images are numbers it has never seen.",
        question: "Which of the three parts go through your formula?",
        see: INPUTS,
        behaviour: |arguments| {
            let [train, validation, test] = parts(arguments);
            three([apply(train, &of(train)), validation.to_owned(), test.to_owned()])
        },
    },
    Misconception {
        id: "statistics-over-wrong-axis",
        title: "mean and deviation are taken per example, along the features",
        explanation: "axis=0 runs over the examples and gives one number per feature; axis=1 gives one per example, which takes each image's \
                      own brightness away.",
        question: "How many means do you have: one per feature, or one per example?",
        see: INPUTS,
        behaviour: |arguments| {
            let per_example = |part: ArrayView2<'_, f64>| {
                let flipped = part.t();
                let (mean, std) = of(flipped);
                apply(flipped, &(mean, std)).reversed_axes()
            };
            three(parts(arguments).map(per_example))
        },
    },
    Misconception {
        id: "variance-for-deviation",
        title: "the features are divided by their variance, not by their deviation",
        explanation: "The deviation is the root of the variance and has the feature's unit. Divided by it, a feature has deviation 1.",
        question: "Which deviation do your training features have afterwards?",
        see: INPUTS,
        behaviour: |arguments| {
            with(arguments, |[train, ..]| {
                let (mean, std) = of(train);
                (mean, std.mapv(|std| std * std))
            })
        },
    },
    Misconception {
        id: "sample-variance",
        title: "the deviation is computed with 1 / (N - 1)",
        explanation: "That is the unbiased estimate (ddof=1, and PyTorch's default). The task says 1/N, as np.std has it. For thousands of images \
                      the difference is nothing; two programs that must agree should know which they use.",
        question: "What do you divide the sum of squares by?",
        see: ("numpy", "numpy.std, argument ddof"),
        behaviour: |arguments| {
            with(arguments, |[train, ..]| {
                let (mean, std) = of(train);
                let n = train.nrows() as f64;
                (mean, std * (n / (n - 1.0)).sqrt())
            })
        },
    },
    Misconception {
        id: "constant-feature-divided",
        title: "a feature that is constant in the training part is divided by 0",
        explanation: "The corner pixels of MNIST are black in every training image: 0 / 0 is not a number, and one NaN pixel makes every output \
                      NaN. Divide such features by 1.",
        question: "What is the deviation of a pixel that is always black?",
        see: PREPROCESSING,
        behaviour: |arguments| {
            let (mean, std) = of(parts(arguments)[0]);
            three(parts(arguments).map(|part| (&part - &mean) / &std))
        },
    },
    Misconception {
        id: "one-deviation-for-all",
        title: "one mean and one deviation of all numbers is used for every feature",
        explanation: "That is a fair choice for the pixels of an image. Here each feature has its own: axis=0.",
        question: "How many deviations does your code compute?",
        see: INPUTS,
        behaviour: |arguments| {
            with(arguments, |[train, ..]| {
                let all = |x: f64| Array1::from_elem(train.ncols(), x);
                (all(train.mean().expect("numbers")), all(train.std(0.0)))
            })
        },
    },
];
