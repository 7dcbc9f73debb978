//! `cnn_train`: a convolutional network from an empty file, measured on digits it has never seen.

use crate::exercise::{Budget, Exercise, Measure, Misconception, Outcome, Requirement};
use crate::exercises::digit_training::{
    ANSWERS_OF_ONE_CLASS, DEPENDS_ON_OTHERS, FRAMEWORKS, LABELS_APART, Layers, Learner, Milestone, Mistakes,
    NOT_REPEATABLE, OUTSIDE_CLASSES, accuracy, all_of_mnist, probes, signature,
};
use crate::value::Value;

/// The exercise.
pub static CNN_TRAIN: Exercise = Exercise {
    id: "cnn_train",
    station: "numpy-cnn",
    task: "The milestone. Train a convolutional network on the images x with their classes y, 0 to k - 1, and return the class it gives\n\
           to each image of x_new, whose classes you never see. Layers, initialisation, batches, augmentation, epochs are yours.\n\
           Arrays and the standard library only, no framework. Images here are 28 by 28, pixels 0 to 255.\n\
           First measured on little: 92 % of hidden digits after 1500, which a network without convolutions does not reach; equal\n\
           labels for equal seeds; and no label may depend on the other images of x_new.\n\
           Then on all of MNIST: 98 % of its 10,000 test digits, after training on 60,000, within 300 seconds (a good answer needs\n\
           thirty). Plain loops over pixels in Python will not do, your `speedup` will; prepare one batch at a time.",
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
    full_size: Some(all_of_mnist(0.98, 300)),
    budget: Some(Budget { call_seconds: 120, memory_bytes: 4 << 30 }),
    refused_imports: FRAMEWORKS,
    hints: &[
        "Start from your mlp_train and put one convolution in front: everything else stays. Check its gradient on two images before you train.",
        "12 kernels of 5 by 5 (deviation sqrt(2 / 25)), ReLU, max pooling by 4, one fully connected layer on the 12 * 6 * 6 numbers; batches of \
         25, learning rate 0.2 falling evenly to 0, 2 + 12000 // N epochs: about 95 % after 1500 images, 98.3 % after all. Max pooling \
         passes the gradient to one pixel of 16, so only those windows matter for dw.",
        "Sizes for one image: [28, 28] -> conv 5 -> [12, 24, 24] -> pool 4 -> [12, 6, 6] -> 432 -> 10. Parameters: 12 * 26 + 10 * 433 = 4642.",
    ],
    ..Exercise::DEFAULTS
};

const RIGHT: Learner = Learner::new(Layers::Cnn);

struct Cnn;

impl Milestone for Cnn {
    const RIGHT: Learner = RIGHT;
}

type Shared = Mistakes<Cnn>;

fn reference(arguments: &[Value]) -> Outcome {
    RIGHT.outcome(arguments)
}

const MISCONCEPTIONS: &[Misconception] = &[
    Shared::OUTSIDE_CLASSES,
    Shared::NOT_REPEATABLE,
    Shared::TEST_STATISTICS,
    Shared::ONE_ANSWER_FOR_ALL,
    Shared::LABELS_NOT_SHUFFLED,
    Shared::ACCURACY_LOW,
    Misconception {
        id: "convolution-missing",
        title: "fewer than 92 % are read: no more than without convolutions",
        explanation: "A hidden layer of ReLU units on the pixels gets to about 90 %. If there is a convolution, does it learn? Kernels that stay as they \
                      started, a dw with a wrong order of axes, or pooling that sends the gradient to the wrong pixel leave only the last layer to learn.",
        question: "Do your kernels differ from their start after the training?",
        see: ("cs231n", "assignment 2 ConvNets"),
        behaviour: |arguments| Learner::new(Layers::Mlp).outcome(arguments),
    },
];
