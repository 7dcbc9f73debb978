//! `split_by_writer`: training, validation and test images that know nothing of each other.

use std::collections::BTreeSet;

use crate::exercise::{Exercise, Kind, Misconception, Outcome, Parameter, Probe, Property, Signature};
use crate::exercises::arguments::{count, i64_array, int_named, rejects, returns, whole_numbers};
use crate::exercises::numbers::Numbers;
use crate::value::Value;

/// The exercise.
pub static SPLIT_BY_WRITER: Exercise = Exercise {
    id: "split_by_writer",
    station: "numpy-mlp",
    task: "Split images of handwriting so that no writer is in two parts. writers[i] is the writer of image i, a number from 0\n\
           to G - 1; `order` holds the G writers in a random order.\n\
           The first `test` writers of the order go to the test part, the next `validation` writers to the validation part, all\n\
           others to the training part. Return the indices of the images of each part, in ascending order.\n\
           Refuse a split that leaves no writer for training with an error.",
    signature: Signature {
        name: "split_by_writer",
        parameters: &[
            i64_array("writers", &["N"], "writer of each image"),
            i64_array("order", &["G"], "the writers 0 to G - 1 in random order"),
            int_named("validation", "number of writers for validation"),
            int_named("test", "number of writers for the test"),
        ],
        returns: Parameter {
            name: "parts",
            kind: Kind::Tuple(&[
                i64_array("train", &["A"], "indices of the training images"),
                i64_array("validation", &["B"], "indices of the validation images"),
                i64_array("test", &["D"], "indices of the test images"),
            ]),
            meaning: "the three parts",
        },
    },
    probes,
    reference,
    misconceptions: MISCONCEPTIONS,
    properties: &[Property { title: "has no writer in two parts", violated: leaks }],
    hints: &[
        "Write the three sets of writers down first; images come after.",
        "chosen = order[:test]; the images of these writers are np.flatnonzero(np.isin(writers, chosen)). The same with \
         order[test : test + validation], and the rest is training.",
        "writers = [0 1 0 2 1], order = [2 0 1], one writer each for test and validation: test holds writer 2, image [3]; validation \
         writer 0, images [0 2]; training writer 1, images [1 4].",
    ],
    ..Exercise::DEFAULTS
};

fn probes() -> Vec<Probe> {
    let mut numbers = Numbers::stream(461);
    let arguments = |writers: Vec<i64>, order: Vec<i64>, validation: i64, test: i64| {
        vec![
            Value::array(&[writers.len()], writers),
            Value::array(&[order.len()], order),
            Value::Int(validation),
            Value::Int(test),
        ]
    };
    let mut random = |images: usize, groups: i64, validation: i64, test: i64| {
        let mut writers: Vec<i64> = (0..images).map(|_| numbers.integer(0, groups - 1)).collect();
        // Every writer wrote something.
        (0..groups).for_each(|writer| writers[writer as usize * 2] = writer);
        let mut order: Vec<i64> = (0..groups).collect();
        (1..order.len()).rev().for_each(|at| order.swap(at, numbers.integer(0, at as i64) as usize));
        arguments(writers, order, validation, test)
    };
    vec![
        Probe::ordinary("five images by three writers", arguments(vec![0, 1, 0, 2, 1], vec![2, 0, 1], 1, 1)),
        Probe::ordinary("16 images by 5 writers, 2 for the test", random(16, 5, 1, 2)),
        Probe::ordinary("20 images by 7 writers, 2 for validation", random(20, 7, 2, 1)),
        Probe::ordinary("40 images by 10 writers, 3 and 2", random(40, 10, 3, 2)),
        Probe::hard("no validation part", random(14, 5, 0, 2)),
        Probe::hard("a writer without images", arguments(vec![3, 1, 3, 0, 1, 0], vec![2, 3, 0, 1], 1, 1)),
        Probe::hard("one image per writer", arguments(vec![3, 0, 2, 1], vec![1, 3, 0, 2], 1, 1)),
        Probe::hard("no writer left for training", arguments(vec![0, 1, 2, 0], vec![1, 0, 2], 2, 1)),
    ]
}

struct Call {
    writers: Vec<i64>,
    order: Vec<i64>,
    validation: usize,
    test: usize,
}

/// Parts, or the refusal.
fn with(arguments: &[Value], parts: impl FnOnce(&Call) -> [Vec<usize>; 3]) -> Outcome {
    let numbers = |index: usize| whole_numbers::<ndarray::Ix1>(arguments, index).to_vec();
    let call =
        Call { writers: numbers(0), order: numbers(1), validation: count(arguments, 2), test: count(arguments, 3) };
    if call.validation + call.test >= call.order.len() {
        return rejects("no writer is left for training");
    }
    let indices = |part: Vec<usize>| Value::array(&[part.len()], part.into_iter().map(|at| at as i64).collect());
    returns(Value::Tuple(parts(&call).map(indices).to_vec()))
}

impl Call {
    fn images_of(&self, writers: &[i64]) -> Vec<usize> {
        (0..self.writers.len()).filter(|&image| writers.contains(&self.writers[image])).collect()
    }

    /// The parts that this order of writers gives.
    fn parts(&self, order: &[i64]) -> [Vec<usize>; 3] {
        let (test, rest) = order.split_at(self.test);
        let (validation, train) = rest.split_at(self.validation);
        [train, validation, test].map(|writers| self.images_of(writers))
    }
}

fn reference(arguments: &[Value]) -> Outcome {
    with(arguments, |call| call.parts(&call.order))
}

fn leaks(arguments: &[Value], result: &Value) -> Option<String> {
    let writers = whole_numbers::<ndarray::Ix1>(arguments, 0).to_vec();
    let Value::Tuple(parts) = result else { return None };
    let of = |part: &Value| -> BTreeSet<i64> {
        let indices = part.as_array().map(|array| array.to_f64()).unwrap_or_default();
        indices.into_iter().filter_map(|at| writers.get(at as usize).copied()).collect()
    };
    let sets: Vec<BTreeSet<i64>> = parts.iter().map(of).collect();
    let twice = (0..sets.len())
        .flat_map(|a| (0..a).map(move |b| (a, b)))
        .find_map(|(a, b)| sets[a].intersection(&sets[b]).next().copied());
    twice.map(|writer| format!("writer {writer} is in two parts"))
}

const SPLITS: (&str, &str) = ("cs231n", "notes: classification, validation sets for hyperparameter tuning");
const STRATEGY: (&str, &str) = ("dls-c2", "W1 Train/dev/test sets");

const MISCONCEPTIONS: &[Misconception] = &[
    Misconception {
        id: "split-leaks",
        title: "images are split, not writers: the same hand is in training and test",
        explanation: "Someone's 7s look alike. A network that has seen a writer's digits in training recognises the hand in the test, and \
                      the accuracy you report will not be met by strangers. Whatever belongs together (writer, patient, video, \
                      duplicates) goes to one part.",
        question: "Is there a writer who is in two of your parts?",
        see: SPLITS,
        behaviour: |arguments| {
            with(arguments, |call| {
                let (images, groups) = (call.writers.len(), call.order.len());
                let (test, validation) = (images * call.test / groups, images * call.validation / groups);
                let range = |from: usize, to: usize| (from..to).collect::<Vec<usize>>();
                [range(test + validation, images), range(test, test + validation), range(0, test)]
            })
        },
    },
    Misconception {
        id: "test-in-training",
        title: "the training part holds all images, those of validation and test too",
        explanation: "A test on images that were trained on measures memory. The three parts have nothing in common.",
        question: "Do the sizes of your parts add up to the number of images?",
        see: STRATEGY,
        behaviour: |arguments| {
            with(arguments, |call| {
                let [_, validation, test] = call.parts(&call.order);
                [(0..call.writers.len()).collect(), validation, test]
            })
        },
    },
    Misconception {
        id: "validation-in-training",
        title: "the training part holds the validation images too",
        explanation: "Settings chosen on images that were trained on favour the network that memorises best. Take both other parts out.",
        question: "Which writers are left when test *and* validation have theirs?",
        see: STRATEGY,
        behaviour: |arguments| {
            with(arguments, |call| {
                let [_, validation, test] = call.parts(&call.order);
                [call.images_of(&call.order[call.test..]), validation, test]
            })
        },
    },
    Misconception {
        id: "validation-is-test",
        title: "validation and test parts begin at the same writer: they share images",
        explanation: "Whatever you tune on the validation part you then tune on the test part as well, and its accuracy is no measurement \
                      any more. The second slice begins where the first ends: order[test : test + validation].",
        question: "With which writer of the order does your validation part begin?",
        see: STRATEGY,
        behaviour: |arguments| {
            with(arguments, |call| {
                let [train, _, test] = call.parts(&call.order);
                [train, call.images_of(&call.order[..call.validation]), test]
            })
        },
    },
    Misconception {
        id: "order-ignored",
        title: "the writers are taken by number and not in the order given",
        explanation: "Writers often come sorted: students first, clerks after, as in MNIST's sources. Without the random order the test would \
                      be of another kind than the training.",
        question: "Where does your code use order?",
        see: SPLITS,
        behaviour: |arguments| with(arguments, |call| call.parts(&(0..call.order.len() as i64).collect::<Vec<_>>())),
    },
    Misconception {
        id: "index-as-writer",
        title: "the numbers of the order are taken for images",
        explanation: "order holds writers. Their images are those i with writers[i] among them: np.isin(writers, chosen).",
        question: "What does order[0] = 2 say: image 2, or writer 2?",
        see: ("numpy", "numpy.isin"),
        behaviour: |arguments| {
            with(arguments, |call| {
                let images = |writers: &[i64]| {
                    let mut images: Vec<usize> = writers.iter().map(|&w| w as usize).collect();
                    images.sort_unstable();
                    images
                };
                let (test, validation) =
                    (&call.order[..call.test], &call.order[call.test..call.test + call.validation]);
                let (test, validation) = (images(test), images(validation));
                let taken = |at: &usize| test.contains(at) || validation.contains(at);
                let train = (0..call.writers.len()).filter(|at| !taken(at)).collect();
                [train, validation, test]
            })
        },
    },
    Misconception {
        id: "parts-swapped",
        title: "the first writers go to validation and the next ones to the test",
        explanation: "Test first, then validation: the task fixes the order so that everybody has the same parts, and the test part stays \
                      the same when you change the size of the validation part.",
        question: "If you ask for one validation writer more, do your test images change?",
        see: STRATEGY,
        behaviour: |arguments| {
            with(arguments, |call| {
                let middle = call.validation + call.test;
                [&call.order[middle..], &call.order[..call.validation], &call.order[call.validation..middle]]
                    .map(|writers| call.images_of(writers))
            })
        },
    },
    Misconception {
        id: "not-sorted",
        title: "the images come out writer by writer, not in ascending order",
        explanation: "Images of one writer in a row make batches of one hand. Ascending order is what np.flatnonzero gives.",
        question: "Are the indices in your parts in ascending order?",
        see: ("numpy", "numpy.flatnonzero"),
        behaviour: |arguments| {
            with(arguments, |call| {
                let (test, rest) = call.order.split_at(call.test);
                let (validation, train) = rest.split_at(call.validation);
                [train, validation, test]
                    .map(|writers| writers.iter().flat_map(|&writer| call.images_of(&[writer])).collect())
            })
        },
    },
];
