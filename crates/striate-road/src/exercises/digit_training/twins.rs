//! Images that have two classes each: which of the two a network gives them depends on the order in which it saw them,
//! and on nothing else.
//!
//! Sorted by class, they show a training that follows the order it is given, whatever its learning rate does towards the
//! end. Where the rate stays high, the last classes win and most images get neither of their two. Where it falls, each
//! image's class is decided by where in the order its two classes stood, and so is the same for every seed; a training
//! that shuffles tosses a coin for each.

use std::collections::{BTreeSet, HashMap};

use ndarray::{Array3, ArrayView2, ArrayView3, Axis};

use super::hidden::labels;
use crate::exercise::Answer;
use crate::exercises::arguments::{bytes, int};
use crate::exercises::numbers::Numbers;
use crate::project::Measured;
use crate::value::Value;

/// Side of an image.
pub(super) const SIDE: usize = 20;
/// Side of a square of it that is dark or bright.
const SQUARE: usize = 4;
/// Images; each has two classes.
const IMAGES: usize = 60;
/// How often each comes with each of its classes.
const COPIES: usize = 17;
/// How many more images than in mixed order may get a class that is not theirs, as a share.
const WORSE: f64 = 0.2;
/// How often two seeds may agree, as a share; of 60 coins more than this fall alike once in 20,000 times.
const AGREEMENT: f64 = 0.75;

/// The calls: in mixed order, sorted by class, and sorted by class with another seed.
pub(super) fn calls(numbers: &mut Numbers) -> [Vec<Value>; 3] {
    let squares = SIDE / SQUARE;
    let bright = numbers.integers([IMAGES, squares, squares], 0, 1);
    let grain = numbers.integers([IMAGES, SIDE, SIDE], 0, 29);
    let images = Array3::from_shape_fn((IMAGES, SIDE, SIDE), |(n, i, j)| {
        (20.0 + 140.0 * bright[[n, i / SQUARE, j / SQUARE]] + grain[[n, i, j]]) as u8
    });
    // The image of each class: every image twice, in an order of its own.
    let image_of: Vec<usize> = permutation(numbers, 2 * IMAGES).into_iter().map(|class| class % IMAGES).collect();
    let sorted: Vec<usize> = (0..2 * IMAGES).flat_map(|class| [class; COPIES]).collect();
    let mixed: Vec<usize> = permutation(numbers, sorted.len()).into_iter().map(|at| sorted[at]).collect();
    let call = |classes: &[usize], seed: i64| {
        let shown: Vec<usize> = classes.iter().map(|&class| image_of[class]).collect();
        vec![
            images.select(Axis(0), &shown).into(),
            Value::array(&[classes.len()], classes.iter().map(|&class| class as i64).collect::<Vec<i64>>()),
            images.clone().into(),
            Value::Int(2 * IMAGES as i64),
            Value::Int(seed),
        ]
    };
    [call(&mixed, 7), call(&sorted, 7), call(&sorted, 8)]
}

fn permutation(numbers: &mut Numbers, count: usize) -> Vec<usize> {
    let mut order: Vec<usize> = (0..count).collect();
    (1..count).rev().for_each(|at| order.swap(at, numbers.integer(0, at as i64) as usize));
    order
}

/// Whether the images that are asked about get one of their classes.
fn own_classes(answer: Answer<'_>) -> Vec<Option<i64>> {
    let (x, new): (ArrayView3<u8>, ArrayView3<u8>) = (bytes(answer.arguments, 0), bytes(answer.arguments, 2));
    let pixels = |image: ArrayView2<'_, u8>| image.iter().copied().collect::<Vec<u8>>();
    let mut classes: HashMap<Vec<u8>, BTreeSet<i64>> = HashMap::new();
    for (image, label) in x.outer_iter().zip(labels(answer.arguments, 1)) {
        classes.entry(pixels(image)).or_default().insert(label);
    }
    let own = |(image, label): (ArrayView2<'_, u8>, i64)| classes.get(&pixels(image))?.get(&label).copied();
    new.outer_iter().zip(super::requirements::given(answer)).map(own).collect()
}

fn percent(count: usize) -> String {
    format!("{:.0} %", 100.0 * count as f64 / IMAGES as f64)
}

/// The same images in mixed order and sorted by class.
pub(super) fn found_when_sorted(mixed: Answer<'_>, sorted: Answer<'_>) -> Option<Measured> {
    if int(mixed.arguments, 4) != int(sorted.arguments, 4) {
        return None;
    }
    let found = |answer| own_classes(answer).iter().flatten().count();
    let (mixed, sorted) = (found(mixed), found(sorted));
    let holds = sorted as f64 >= mixed as f64 - WORSE * IMAGES as f64;
    let (sorted, mixed) = (percent(sorted), percent(mixed));
    let text = match holds {
        true => format!("training images sorted by 120 classes: {sorted} read, in mixed order {mixed}"),
        false => format!("Training images sorted by 120 classes: {sorted} read; the same in mixed order: {mixed}"),
    };
    Some(Measured { holds, text })
}

/// Two seeds, on images that are sorted by class. Where few images get one of their classes, nothing is said.
pub(super) fn decided_by_order(one: Answer<'_>, other: Answer<'_>) -> Option<Measured> {
    let pairs: Vec<(i64, i64)> =
        own_classes(one).into_iter().zip(own_classes(other)).filter_map(|(one, other)| Some((one?, other?))).collect();
    if pairs.len() < IMAGES * 3 / 4 {
        return None;
    }
    let alike = pairs.iter().filter(|(one, other)| one == other).count();
    let holds = alike as f64 <= AGREEMENT * pairs.len() as f64;
    let share = 100.0 * alike as f64 / pairs.len() as f64;
    let text = match holds {
        true => format!("images with two classes: two seeds agree on {share:.0} %, as coins do"),
        false => format!(
            "Of images with two classes each, in an order sorted by class, two seeds give {share:.0} % the same one: the \
             order decides, where chance would give 50 %"
        ),
    };
    Some(Measured { holds, text })
}
