//! `mlp_train`: a network from an empty file, measured on digits it has never seen.

use crate::exercise::{Budget, Exercise, Measure, Misconception, Outcome, Requirement};
use crate::exercises::digit_training::{
    ANSWERS_OF_ONE_CLASS, DEPENDS_ON_OTHERS, FRAMEWORKS, LABELS_APART, Layers, Learner, Milestone, Mistakes,
    NOT_REPEATABLE, NOT_SHUFFLED, OUTSIDE_CLASSES, accuracy, all_of_mnist, learned_brightness, learned_halves, probes,
    signature,
};
use crate::value::Value;

/// The exercise.
pub static MLP_TRAIN: Exercise = Exercise {
    id: "mlp_train",
    station: "numpy-mlp",
    task: "The milestone. Train a network with a hidden layer on the images x with their classes y, 0 to k - 1, and return the class it\n\
           gives to each image of x_new, whose classes you never see. Everything else is yours: layers, initialisation, batches,\n\
           learning rate, epochs. Arrays and the standard library only, no framework. Images may have any size; pixels are 0 to 255.\n\
           First measured on little: 86 % of hidden digits after 1500; two small problems that need a hidden layer and biases;\n\
           training images sorted by class; equal labels for equal seeds; and no label may depend on the other images of x_new.\n\
           Then on all of MNIST: 97.5 % of its 10,000 test digits, after training on 60,000, within 120 seconds (a good answer\n\
           needs ten). More images need fewer epochs: let their number decide.",
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
    full_size: Some(all_of_mnist(0.975, 120)),
    budget: Some(Budget { call_seconds: 60, memory_bytes: 4 << 30 }),
    refused_imports: FRAMEWORKS,
    hints: &[
        "Print the loss after every epoch. It must start near log(k) and fall; if it does not, train on 20 images until they are all right.",
        "x / 255 as rows of float32; w1 normal with deviation sqrt(2 / D), about 128 ReLU units, w2 alike; batches of 50 in a new random \
         order each epoch, 5 + 18000 // N epochs, learning rate 0.4 falling evenly to 0; your loss_and_gradients of mlp_gradcheck. \
         rng = np.random.default_rng(seed) for all of it.",
        "The first loss of 10 classes is about log(10) = 2.3026. One step of lr 0.2 on one image with true class 3 and probabilities 0.1 \
         each moves the biases b2 by -0.2 * 0.1 = -0.02, and that of class 3 by +0.2 * 0.9 = 0.18.",
    ],
    ..Exercise::DEFAULTS
};

const RIGHT: Learner = Learner::new(Layers::Mlp);

struct Mlp;

impl Milestone for Mlp {
    const RIGHT: Learner = RIGHT;
}

type Shared = Mistakes<Mlp>;

fn reference(arguments: &[Value]) -> Outcome {
    RIGHT.outcome(arguments)
}

const BABYSITTING: (&str, &str) = ("cs231n", "notes: neural-networks-3");
const CASE_STUDY: (&str, &str) = ("cs231n", "notes: neural-networks-case-study");

const MISCONCEPTIONS: &[Misconception] = &[
    Shared::OUTSIDE_CLASSES,
    Shared::NOT_REPEATABLE,
    Shared::TEST_STATISTICS,
    Shared::ONE_ANSWER_FOR_ALL,
    Shared::LABELS_NOT_SHUFFLED,
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
    Shared::ACCURACY_LOW,
];
