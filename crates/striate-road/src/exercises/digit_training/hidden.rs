//! Images to learn from and images whose labels Striate keeps to itself.

use std::collections::HashMap;
use std::sync::LazyLock;

use ndarray::{Array3, ArrayView2, ArrayView3, Axis, s};
use striate_data::{Dataset, mnist};

use super::twins;
use crate::exercise::Probe;
use crate::exercises::arguments::bytes;
use crate::exercises::numbers::Numbers;
use crate::value::Value;

/// Side of a digit.
const DIGIT: usize = 28;
/// Side of an image of [`halves`].
const HALVES: usize = 14;
/// Side of an image of [`brightness`].
const BRIGHTNESS: usize = 12;
/// Digits in the larger trainings.
const MANY: usize = 1500;
/// Digits in the trainings that are compared with each other.
const FEW: usize = 200;

/// Images with their labels.
struct Labelled {
    images: Array3<u8>,
    labels: Vec<i64>,
}

impl Labelled {
    fn first(dataset: &Dataset, count: usize) -> Self {
        let bytes = dataset.images[..count * DIGIT * DIGIT].to_vec();
        let images = Array3::from_shape_vec((count, DIGIT, DIGIT), bytes).expect("28 by 28 bytes per digit");
        Labelled { images, labels: dataset.labels[..count].to_vec() }
    }

    fn select(&self, indices: &[usize]) -> Self {
        Labelled {
            images: self.images.select(Axis(0), indices),
            labels: indices.iter().map(|&at| self.labels[at]).collect(),
        }
    }
}

/// Digits of MNIST's training set.
static LEARNED: LazyLock<Labelled> =
    LazyLock::new(|| Labelled::first(&mnist::train().expect("MNIST is part of the program"), MANY));

/// Digits of MNIST's test set.
static HIDDEN: LazyLock<Labelled> =
    LazyLock::new(|| Labelled::first(&mnist::test().expect("MNIST is part of the program"), 400));

/// The label of every digit of MNIST's test set, by its pixels.
static TRUTH: LazyLock<HashMap<Vec<u8>, i64>> = LazyLock::new(|| {
    let test = mnist::test().expect("MNIST is part of the program");
    test.images.chunks(DIGIT * DIGIT).map(<[u8]>::to_vec).zip(test.labels.iter().copied()).collect()
});

/// Which images a call is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::exercises) enum Subject {
    /// Digits, enough to read others.
    Digits {
        /// Whether the training images come sorted by class.
        sorted: bool,
    },
    /// Few digits, for results that are compared with each other.
    FewDigits,
    /// Two halves, bright or dark; the class says whether exactly one is bright.
    Halves,
    /// Patterns, dark or bright.
    Brightness,
    /// Images with two classes each.
    Twins {
        /// Whether the training images come sorted by class.
        sorted: bool,
    },
}

impl Subject {
    /// Of a call.
    pub(in crate::exercises) fn of(arguments: &[Value]) -> Subject {
        let x: ArrayView3<u8> = bytes(arguments, 0);
        match (x.len_of(Axis(0)), x.len_of(Axis(2))) {
            (_, HALVES) => Subject::Halves,
            (_, BRIGHTNESS) => Subject::Brightness,
            (_, twins::SIDE) => Subject::Twins { sorted: labels(arguments, 1).is_sorted() },
            (FEW, _) => Subject::FewDigits,
            _ => Subject::Digits { sorted: labels(arguments, 1).is_sorted() },
        }
    }
}

/// Argument `index` as labels.
pub(in crate::exercises) fn labels(arguments: &[Value], index: usize) -> Vec<i64> {
    crate::exercises::arguments::whole_numbers::<ndarray::Ix1>(arguments, index).to_vec()
}

/// The true labels of the images that a call asks about; none of an image that is no digit.
pub(in crate::exercises) fn truth(arguments: &[Value]) -> Vec<Option<i64>> {
    let x: ArrayView3<u8> = bytes(arguments, 2);
    let of = |image: ArrayView2<'_, u8>| {
        let bright =
            |part: ArrayView2<'_, u8>| part.iter().map(|&x| f64::from(x)).sum::<f64>() / part.len() as f64 > 115.0;
        match image.ncols() {
            HALVES => {
                let (left, right) = (image.slice(s![.., ..HALVES / 2]), image.slice(s![.., HALVES / 2..]));
                Some(i64::from(bright(left) != bright(right)))
            }
            BRIGHTNESS => Some(i64::from(bright(image))),
            _ => TRUTH.get(&image.iter().copied().collect::<Vec<u8>>()).copied(),
        }
    };
    x.outer_iter().map(of).collect()
}

fn halves(numbers: &mut Numbers, count: usize) -> Labelled {
    let bright = numbers.integers([count, 2], 0, 1);
    let images = Array3::from_shape_fn((count, HALVES, HALVES), |(n, _, column)| {
        let half = usize::from(column >= HALVES / 2);
        (140.0 * bright[[n, half]]) as u8 + numbers.integer(20, 89) as u8
    });
    Labelled { images, labels: bright.outer_iter().map(|row| i64::from(row[0] != row[1])).collect() }
}

fn brightness(numbers: &mut Numbers, count: usize) -> Labelled {
    let labels: Vec<i64> = (0..count).map(|_| numbers.integer(0, 1)).collect();
    let light = |label: i64, numbers: &mut Numbers| {
        if label == 1 { numbers.real(170.0, 255.0) } else { numbers.real(30.0, 110.0) }
    };
    let mut images = Array3::zeros((count, BRIGHTNESS, BRIGHTNESS));
    for (mut image, &label) in images.outer_iter_mut().zip(&labels) {
        let light = light(label, numbers);
        image.mapv_inplace(|_| (light * numbers.real(0.7, 1.0)) as u8);
    }
    Labelled { images, labels }
}

fn call(training: &Labelled, asked: &Array3<u8>, classes: i64) -> Vec<Value> {
    vec![
        training.images.clone().into(),
        Value::array(&[training.labels.len()], training.labels.clone()),
        asked.clone().into(),
        Value::Int(classes),
        Value::Int(7),
    ]
}

/// A training on all of MNIST's training set, and its whole test set to read.
pub(super) fn all_of_mnist() -> Vec<Value> {
    let [training, asked] = [mnist::train(), mnist::test()].map(|dataset| {
        let dataset = dataset.expect("MNIST is part of the program");
        Labelled::first(&dataset, dataset.labels.len())
    });
    call(&training, &asked.images, 10)
}

/// The trainings that are tried, as arguments x, y, x_new, k, seed. What goes wrong in a way of its own comes before what
/// only reads digits less well; `simple` adds the two problems that one layer, or one without biases, cannot solve.
pub(in crate::exercises) fn probes(simple: bool) -> Vec<Probe> {
    let mut numbers = Numbers::stream(471);
    let few = LEARNED.select(&(0..FEW).collect::<Vec<_>>());
    let asked = HIDDEN.images.slice(s![..60, .., ..]).to_owned();
    // Some of the same digits, among images as bright as digits are dark.
    let negatives = asked.slice(s![30.., .., ..]).mapv(|pixel| 255 - pixel);
    let others = ndarray::concatenate(Axis(0), &[asked.slice(s![..30, .., ..]), negatives.view(), negatives.view()]);
    let others = others.expect("images of one size");
    let mut probes = vec![
        Probe::ordinary("200 digits to learn from, 60 to read", call(&few, &asked, 10)),
        Probe::ordinary("the same once more", call(&few, &asked, 10)),
        Probe::ordinary("the same, but among other images to read", call(&few, &others, 10)),
    ];
    if simple {
        let (training, asked) = (halves(&mut numbers, 600), halves(&mut numbers, 200));
        probes.push(Probe::ordinary("two halves: is exactly one of them bright?", call(&training, &asked.images, 2)));
        let (training, asked) = (brightness(&mut numbers, 600), brightness(&mut numbers, 200));
        probes.push(Probe::ordinary("is the image bright or dark?", call(&training, &asked.images, 2)));
    }
    probes.push(Probe::ordinary("1500 digits to learn from, 400 to read", call(&LEARNED, &HIDDEN.images, 10)));
    if simple {
        let mut sorted: Vec<usize> = (0..1000).collect();
        sorted.sort_by_key(|&at| LEARNED.labels[at]);
        let label = "1000 digits, sorted by class, to learn from";
        probes.push(Probe::hard(label, call(&LEARNED.select(&sorted), &HIDDEN.images, 10)));
        let labels = [
            "60 images with two classes each, in mixed order",
            "60 images with two classes each, sorted by class",
            "60 images with two classes each, sorted by class, with another seed",
        ];
        let twins = labels.into_iter().zip(twins::calls(&mut numbers));
        probes.extend(twins.map(|(label, call)| Probe::hard(label, call)));
    }
    probes
}
