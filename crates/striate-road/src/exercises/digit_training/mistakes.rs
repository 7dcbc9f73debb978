//! The mistakes that every training can make, whatever the network, in the words of all milestones.

use std::marker::PhantomData;
use std::sync::atomic::{AtomicU64, Ordering};

use ndarray::Array1;

use super::Learner;
use crate::exercise::{Misconception, Outcome};
use crate::exercises::arguments::returns;
use crate::value::Value;

/// A milestone that trains a network.
pub(in crate::exercises) trait Milestone {
    /// The training as it should be.
    const RIGHT: Learner;
}

/// The mistakes of a milestone that are not about its network.
pub(in crate::exercises) struct Mistakes<M>(PhantomData<M>);

const BABYSITTING: (&str, &str) = ("cs231n", "notes: neural-networks-3");
const CASE_STUDY: (&str, &str) = ("cs231n", "notes: neural-networks-case-study");
const SETTING_UP: (&str, &str) = ("cs231n", "notes: neural-networks-2");

impl<M: Milestone> Mistakes<M> {
    pub(in crate::exercises) const OUTSIDE_CLASSES: Misconception = Misconception {
        id: "labels-outside-classes",
        title: "labels come back that are no class",
        explanation: "Classes count from 0 to k - 1, in both languages. argmax of a row of logits is the class; nothing is to be added.",
        question: "What is the smallest label that you return?",
        see: CASE_STUDY,
        behaviour: |arguments| returns(Array1::from(M::RIGHT.labels(arguments, 7)) + 1),
    };

    pub(in crate::exercises) const NOT_REPEATABLE: Misconception = Misconception {
        id: "not-repeatable",
        title: "the same seed does not give the same network",
        explanation: "A run that cannot be repeated cannot be debugged, nor compared with the next. All random numbers, of the start, of the \
                      shuffling, of the augmentation, come from one generator that is made from `seed` inside the function.",
        question: "Which of your random numbers do not come from the seed?",
        see: BABYSITTING,
        behaviour: |arguments| {
            static CALLS: AtomicU64 = AtomicU64::new(0);
            let call = CALLS.fetch_add(1, Ordering::Relaxed);
            returns(Array1::from(M::RIGHT.labels(arguments, 1000 + call)))
        },
    };

    pub(in crate::exercises) const TEST_STATISTICS: Misconception = Misconception {
        id: "test-statistics",
        title: "an image's label depends on which other images are read with it",
        explanation: "So something of x_new goes into its own preparation: its mean, its deviation, its maximum, or, with batch norm, the statistics \
                      of the batch. Measure those on x, and use them unchanged for x_new, as if its images came one by one.",
        question: "Which numbers in your code are computed from all of x_new together?",
        see: SETTING_UP,
        behaviour: |arguments| Self::with(arguments, |right| Learner { own_statistics: true, ..right }),
    };

    pub(in crate::exercises) const ONE_ANSWER_FOR_ALL: Misconception = Misconception {
        id: "one-answer-for-all",
        title: "nearly all images get the same label",
        explanation: "Three usual causes. Weights that start at 0: the units stay alike for ever. Pixels of 0 to 255, or a learning rate too large: \
                      after the first steps every ReLU is dead or the numbers are nan, and argmax of nan is 0. Print the logits of two \
                      different images after each of the first ten steps.",
        question: "How do the logits of two different images differ after your training?",
        see: SETTING_UP,
        behaviour: |arguments| Self::with(arguments, |right| Learner { zero_start: true, ..right }),
    };

    pub(in crate::exercises) const LABELS_NOT_SHUFFLED: Misconception = Misconception {
        id: "labels-not-shuffled",
        title: "the digits are read no better than by guessing",
        explanation: "Most often the images were shuffled and the labels were not: one index must pick both, x[batch] and y[batch]. Then the training \
                      loss falls a little (it memorises) and nothing generalises. If that is right, check the gradients on two images: a \
                      wrong sign, or the mask of another batch, learns nothing either.",
        question: "Does the first image of your first batch still have its own label?",
        see: BABYSITTING,
        behaviour: |arguments| Self::with(arguments, |right| Learner { labels_follow: false, ..right }),
    };

    /// What too little training is called; the requirement that names it says how little is too little.
    pub(in crate::exercises) const ACCURACY_LOW: Misconception = Misconception {
        id: "accuracy-low",
        title: "too few of the hidden digits are read",
        explanation: "All parts work, but it learns too little: from a part of the images, for too few epochs, with a learning rate that is too small (the \
                      loss still falls at the end) or too large (it jumps; let it fall towards the end), or with too few units. Change one \
                      thing at a time, and judge by images you hold out of x.",
        question: "Is the loss on the training images still falling when you stop?",
        see: BABYSITTING,
        behaviour: |arguments| Self::with(arguments, |right| Learner { every: 15, epochs: 40, ..right }),
    };

    fn with(arguments: &[Value], change: fn(Learner) -> Learner) -> Outcome {
        change(M::RIGHT).outcome(arguments)
    }
}
