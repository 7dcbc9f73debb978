//! `mlp_train`: a network from an empty file, measured on digits it has never seen.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::exercise::{Budget, Exercise, Measure, Misconception, Outcome, Requirement};
use crate::exercises::arguments::returns;
use crate::exercises::digit_training::{
    ANSWERS_OF_ONE_CLASS, DEPENDS_ON_OTHERS, FRAMEWORKS, LABELS_APART, Layers, Learner, NOT_REPEATABLE, NOT_SHUFFLED,
    OUTSIDE_CLASSES, accuracy, learned_brightness, learned_halves, probes, signature,
};
use crate::value::Value;

/// The exercise.
pub static MLP_TRAIN: Exercise = Exercise {
    id: "mlp_train",
    station: "numpy-mlp",
    task: "The milestone. Train a network with a hidden layer on the images x with their classes y, 0 to k - 1, and return the class it\n\
           gives to each image of x_new, whose classes you never see. Everything else is yours: layers, initialisation, batches,\n\
           learning rate, epochs. Arrays and the standard library only, no framework.\n\
           Measured: at least 86 % of hidden MNIST digits after training on 1500; two small problems that need a hidden layer\n\
           and biases; training images that come sorted by class; the same labels when called again with the same seed; and an\n\
           image's label must not depend on the other images of x_new. Images may have any size; pixels are 0 to 255.\n\
           A call may take 120 seconds; a good answer needs two or three.",
    signature: signature("mlp_train"),
    probes: || probes(true),
    reference,
    misconceptions: MISCONCEPTIONS,
    measured: &[
        OUTSIDE_CLASSES,
        NOT_REPEATABLE,
        DEPENDS_ON_OTHERS,
        ANSWERS_OF_ONE_CLASS,
        LABELS_APART,
        Requirement { id: "hidden-layer-missing", measure: Measure::Each(learned_halves) },
        Requirement { id: "bias-missing", measure: Measure::Each(learned_brightness) },
        NOT_SHUFFLED,
        Requirement { id: "accuracy-low", measure: Measure::Each(|answer| accuracy(answer, 0.86)) },
    ],
    budget: Some(Budget { call_seconds: 120, memory_bytes: 4 << 30 }),
    refused_imports: FRAMEWORKS,
    hints: &[
        "Print the loss after every epoch. It must start near log(k) and fall; if it does not, train on 20 images until they are all right.",
        "x / 255 as rows; w1 normal with deviation sqrt(2 / D), about 50 ReLU units, w2 alike; batches of 25 in a new random order each \
         epoch, learning rate 0.2, 10 epochs; your loss_and_gradients of mlp_gradcheck. rng = np.random.default_rng(seed) for all of it.",
        "The first loss of 10 classes is about log(10) = 2.3026. One step of lr 0.2 on one image with true class 3 and probabilities 0.1 \
         each moves the biases b2 by -0.2 * 0.1 = -0.02, and that of class 3 by +0.2 * 0.9 = 0.18.",
    ],
    ..Exercise::DEFAULTS
};

const RIGHT: Learner = Learner::new(Layers::Mlp);

fn reference(arguments: &[Value]) -> Outcome {
    RIGHT.outcome(arguments)
}

const CASE_STUDY: (&str, &str) = ("cs231n", "notes: neural-networks-case-study");
const BABYSITTING: (&str, &str) = ("cs231n", "notes: neural-networks-3");
const SETTING_UP: (&str, &str) = ("cs231n", "notes: neural-networks-2");

const MISCONCEPTIONS: &[Misconception] = &[
    Misconception {
        id: "labels-outside-classes",
        title: "labels come back that are no class",
        explanation: "Classes count from 0 to k - 1, in both languages. argmax of a row of logits is the class; nothing is to be added.",
        question: "What is the smallest label that you return?",
        see: CASE_STUDY,
        behaviour: |arguments| {
            let labels = RIGHT.labels(arguments, 7);
            returns(ndarray::Array1::from(labels) + 1)
        },
    },
    Misconception {
        id: "not-repeatable",
        title: "the same seed does not give the same network",
        explanation: "A run that cannot be repeated cannot be debugged, nor compared with the next. All random numbers, of the start and of the \
                      shuffling, come from one generator that is made from `seed` inside the function.",
        question: "Which of your random numbers do not come from the seed?",
        see: BABYSITTING,
        behaviour: |arguments| {
            static CALLS: AtomicU64 = AtomicU64::new(0);
            let call = CALLS.fetch_add(1, Ordering::Relaxed);
            returns(ndarray::Array1::from(RIGHT.labels(arguments, 1000 + call)))
        },
    },
    Misconception {
        id: "test-statistics",
        title: "an image's label depends on which other images are read with it",
        explanation: "So something of x_new goes into its own preparation: its mean, its deviation, its maximum. Measure those on x, and use them \
                      unchanged for x_new, as if its images came one by one.",
        question: "Which numbers in your code are computed from all of x_new together?",
        see: SETTING_UP,
        behaviour: |arguments| Learner { own_statistics: true, ..RIGHT }.outcome(arguments),
    },
    Misconception {
        id: "one-answer-for-all",
        title: "nearly all images get the same label",
        explanation: "Three usual causes. Weights that start at 0: the hidden units stay alike for ever. Pixels of 0 to 255, or a learning rate too \
                      large: after the first steps every ReLU is dead or the numbers are nan, and argmax of nan is 0. Print the logits of two \
                      different images.",
        question: "How do the logits of two different images differ after your training?",
        see: SETTING_UP,
        behaviour: |arguments| Learner { zero_start: true, ..RIGHT }.outcome(arguments),
    },
    Misconception {
        id: "labels-not-shuffled",
        title: "the digits are read no better than by guessing",
        explanation: "Most often the images were shuffled and the labels were not: one index must pick both, x[batch] and y[batch]. Then the training \
                      loss falls a little (it memorises) and nothing generalises. The gradient's sign is the next suspect.",
        question: "Does the first image of your first batch still have its own label?",
        see: BABYSITTING,
        behaviour: |arguments| Learner { labels_follow: false, ..RIGHT }.outcome(arguments),
    },
    Misconception {
        id: "hidden-layer-missing",
        title: "the problem of two halves is not solved: no straight line solves it",
        explanation: "Exactly one of two halves is bright: that is exclusive or, which no single layer can do. Either there is no hidden layer, or no \
                      nonlinearity in it (two matrices multiply into one), or it hardly learns: look at its loss on this problem.",
        question: "Which function stands between your two matrices?",
        see: ("dlbook", "6.1 Example: learning XOR"),
        behaviour: |arguments| Learner { layers: Layers::Softmax, ..RIGHT }.outcome(arguments),
    },
    Misconception {
        id: "bias-missing",
        title: "bright and dark images are not told apart",
        explanation: "Without biases, twice as bright an image has exactly twice the logits, so its class cannot change. Each layer needs its bias, \
                      with its own gradient and its own update.",
        question: "What are your logits for a black image, before and after training?",
        see: CASE_STUDY,
        behaviour: |arguments| Learner { biases: false, ..RIGHT }.outcome(arguments),
    },
    Misconception {
        id: "not-shuffled",
        title: "training images that come sorted by class spoil the training",
        explanation: "Batches of one class pull everything towards it, and the last class wins. Draw a new random order in every epoch, from your seeded \
                      generator.",
        question: "Which classes are in your first batch if y is sorted?",
        see: BABYSITTING,
        behaviour: |arguments| Learner { shuffled: false, ..RIGHT }.outcome(arguments),
    },
    Misconception {
        id: "accuracy-low",
        title: "fewer than 86 % of the hidden digits are read",
        explanation: "All parts work, but it learns too little: from a part of the images, for too few epochs, with a learning rate that is too small (the \
                      loss still falls at the end) or too large (it jumps), or with too few units. Change one thing at a time, and judge by images \
                      you hold out of x.",
        question: "Is the loss on the training images still falling when you stop?",
        see: BABYSITTING,
        behaviour: |arguments| Learner { every: 10, epochs: 40, ..RIGHT }.outcome(arguments),
    },
];
