//! What the milestones that train a network share: the signature, images to learn from, hidden images, a training in the
//! toolkit's terms, what is measured of the labels that come back, and what goes wrong whatever the network.

mod hidden;
mod learner;
mod mistakes;
mod requirements;
mod twins;

use crate::exercise::{Element, FullSize, Kind, Parameter, Signature};
use crate::exercises::arguments::{i64_array, int_named};

pub(super) use hidden::probes;
pub(super) use learner::{Layers, Learner};
pub(super) use mistakes::{Milestone, Mistakes};
pub(super) use requirements::{
    ANSWERS_OF_ONE_CLASS, DEPENDS_ON_OTHERS, LABELS_APART, NOT_REPEATABLE, NOT_SHUFFLED, OUTSIDE_CLASSES, accuracy,
    learned_brightness, learned_halves,
};

/// Packages that would do the exercise in the learner's place.
pub(super) const FRAMEWORKS: &[&str] = &[
    "torch",
    "torchvision",
    "tensorflow",
    "keras",
    "sklearn",
    "jax",
    "flax",
    "mxnet",
    "paddle",
    "theano",
    "lightning",
    "xgboost",
    "tch",
    "candle_core",
    "candle_nn",
    "burn",
];

/// All of MNIST, of whose test digits this share has to be read, within so many seconds.
pub(super) const fn all_of_mnist(asked: f64, seconds: u64) -> FullSize {
    FullSize {
        data: "all of MNIST, 60,000 digits to learn from and 10,000 to read",
        arguments: hidden::all_of_mnist,
        right: requirements::count_right,
        what: "images whose classes your code never saw",
        asked,
        seconds,
        shortfall: "accuracy-low",
    }
}

/// The signature of a training called `name`.
pub(super) const fn signature(name: &'static str) -> Signature {
    Signature { name, parameters: PARAMETERS, returns: i64_array("labels", &["M"], "class of each new image") }
}

const fn images(name: &'static str, axes: &'static [&'static str], meaning: &'static str) -> Parameter {
    Parameter { name, kind: Kind::Array { element: Element::U8, axes }, meaning }
}

const PARAMETERS: &[Parameter] = &[
    images("x", &["N", "H", "W"], "grey images to learn from, 0 to 255"),
    i64_array("y", &["N"], "their classes, 0 to k - 1"),
    images("x_new", &["M", "H", "W"], "images to classify"),
    int_named("k", "number of classes"),
    int_named("seed", "seed of your random numbers"),
];
