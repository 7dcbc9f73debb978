//! `cnn_train`: a convolutional network from an empty file, measured on digits it has never seen.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::exercise::{Budget, Exercise, Measure, Misconception, Outcome, Requirement};
use crate::exercises::arguments::returns;
use crate::exercises::digit_training::{
    ANSWERS_OF_ONE_CLASS, DEPENDS_ON_OTHERS, FRAMEWORKS, LABELS_APART, Layers, Learner, NOT_REPEATABLE,
    OUTSIDE_CLASSES, accuracy, probes, signature,
};
use crate::value::Value;

/// The exercise.
pub static CNN_TRAIN: Exercise = Exercise {
    id: "cnn_train",
    station: "numpy-cnn",
    task: "The milestone. Train a convolutional network on the images x with their classes y, 0 to k - 1, and return the class it gives\n\
           to each image of x_new, whose classes you never see. Layers, initialisation, batches, augmentation, epochs are yours.\n\
           Arrays and the standard library only, no framework. Images here are 28 by 28, pixels 0 to 255.\n\
           Measured: at least 92 % of hidden MNIST digits after training on 1500, which a network without convolutions does not\n\
           reach; the same labels when called again with the same seed; an image's label must not depend on the others of x_new.\n\
           A call may take 120 seconds: plain loops over pixels in Python will not do, your `speedup` will.",
    signature: signature("cnn_train"),
    probes: || probes(false),
    reference,
    misconceptions: MISCONCEPTIONS,
    measured: &[
        OUTSIDE_CLASSES,
        NOT_REPEATABLE,
        DEPENDS_ON_OTHERS,
        ANSWERS_OF_ONE_CLASS,
        LABELS_APART,
        Requirement { id: "accuracy-low", measure: Measure::Each(|answer| accuracy(answer, 0.86)) },
        Requirement { id: "convolution-missing", measure: Measure::Each(|answer| accuracy(answer, 0.92)) },
    ],
    budget: Some(Budget { call_seconds: 120, memory_bytes: 4 << 30 }),
    refused_imports: FRAMEWORKS,
    hints: &[
        "Start from your mlp_train and put one convolution in front: everything else stays. Check its gradient on two images before you train.",
        "8 kernels of 5 by 5 (deviation sqrt(2 / 25)), ReLU, max pooling by 4, one fully connected layer on the 8 * 6 * 6 numbers; learning rate \
         0.2, batches of 25, 8 epochs: about 95 %. Max pooling passes the gradient to one pixel of 16, so only those windows matter for dw.",
        "Sizes for one image: [28, 28] -> conv 5 -> [8, 24, 24] -> pool 4 -> [8, 6, 6] -> 288 -> 10. Parameters: 8 * 26 + 10 * 289 = 3098.",
    ],
    ..Exercise::DEFAULTS
};

const RIGHT: Learner = Learner::new(Layers::Cnn);

fn reference(arguments: &[Value]) -> Outcome {
    RIGHT.outcome(arguments)
}

const ASSIGNMENT: (&str, &str) = ("cs231n", "assignment 2 ConvNets");
const BABYSITTING: (&str, &str) = ("cs231n", "notes: neural-networks-3");
const SETTING_UP: (&str, &str) = ("cs231n", "notes: neural-networks-2");

const MISCONCEPTIONS: &[Misconception] = &[
    Misconception {
        id: "labels-outside-classes",
        title: "labels come back that are no class",
        explanation: "Classes count from 0 to k - 1, in both languages. argmax of a row of logits is the class; nothing is to be added.",
        question: "What is the smallest label that you return?",
        see: ASSIGNMENT,
        behaviour: |arguments| returns(ndarray::Array1::from(RIGHT.labels(arguments, 7)) + 1),
    },
    Misconception {
        id: "not-repeatable",
        title: "the same seed does not give the same network",
        explanation: "All random numbers, of the start, of the shuffling, of the augmentation, come from one generator that is made from `seed` inside \
                      the function. Otherwise no run can be compared with the next.",
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
        explanation: "Something of x_new goes into its own preparation: its mean, its deviation, or, with batch norm, the statistics of the batch. \
                      Measure on x, and use that unchanged for x_new.",
        question: "Which numbers in your code are computed from all of x_new together?",
        see: SETTING_UP,
        behaviour: |arguments| Learner { own_statistics: true, ..RIGHT }.outcome(arguments),
    },
    Misconception {
        id: "one-answer-for-all",
        title: "nearly all images get the same label",
        explanation: "Weights that start at 0, pixels of 0 to 255, or a learning rate too large: kernels that are all alike, dead ReLUs, or nan. Print the \
                      logits of two different images after each of the first ten steps.",
        question: "How do the logits of two different images differ after your training?",
        see: SETTING_UP,
        behaviour: |arguments| Learner { zero_start: true, ..RIGHT }.outcome(arguments),
    },
    Misconception {
        id: "labels-not-shuffled",
        title: "the digits are read no better than by guessing",
        explanation: "Most often the images were shuffled and the labels were not. If that is right, check the gradient of the convolution on two images: \
                      a flipped dw, or the pooling's mask of another batch, learns nothing either.",
        question: "Does the first image of your first batch still have its own label?",
        see: BABYSITTING,
        behaviour: |arguments| Learner { labels_follow: false, ..RIGHT }.outcome(arguments),
    },
    Misconception {
        id: "accuracy-low",
        title: "fewer than 86 % of the hidden digits are read",
        explanation: "All parts work, but it learns too little: from a part of the images, for too few epochs, or with a learning rate that is too small or too \
                      large. Change one thing at a time, and judge by images you hold out of x.",
        question: "Is the loss on the training images still falling when you stop?",
        see: BABYSITTING,
        behaviour: |arguments| Learner { every: 15, ..RIGHT }.outcome(arguments),
    },
    Misconception {
        id: "convolution-missing",
        title: "fewer than 92 % are read: no more than without convolutions",
        explanation: "A hidden layer of ReLU units on the pixels gets to about 90 %. If there is a convolution, does it learn? Kernels that stay as they \
                      started, a dw with a wrong order of axes, or pooling that sends the gradient to the wrong pixel leave only the last layer to learn.",
        question: "Do your kernels differ from their start after the training?",
        see: ASSIGNMENT,
        behaviour: |arguments| Learner::new(Layers::Mlp).outcome(arguments),
    },
];
