//! What is measured of the labels that a trained network gives.

use std::collections::{BTreeMap, HashMap};

use ndarray::{ArrayView3, Axis};

use super::hidden::{Subject, truth};
use super::twins::{decided_by_order, found_when_sorted};
use crate::exercise::{Answer, Measure, Requirement};
use crate::exercises::arguments::{bytes, int};
use crate::project::Measured;

pub(super) fn given(answer: Answer<'_>) -> Vec<i64> {
    answer.result.as_array().map(|array| array.to_f64().into_iter().map(|x| x as i64).collect()).unwrap_or_default()
}

fn percent(share: f64) -> String {
    format!("{:.1} %", 100.0 * share)
}

/// How many of the images with a known label got it, of how many.
pub(super) fn count_right(answer: Answer<'_>) -> (usize, usize) {
    let truth = truth(answer.arguments);
    let known = truth.iter().zip(given(answer)).filter_map(|(truth, given)| truth.map(|truth| truth == given));
    let marks: Vec<bool> = known.collect();
    (marks.iter().filter(|&&right| right).count(), marks.len())
}

fn at_least(answer: Answer<'_>, what: &str, asked: f64) -> Option<Measured> {
    let (right, count) = count_right(answer);
    let share = right as f64 / count.max(1) as f64;
    let holds = share >= asked;
    let mut text = format!("{what}: {} of {count} right", percent(share));
    if !holds {
        text.push_str(&format!("; asked for: {}", percent(asked)));
    }
    Some(Measured { holds, text })
}

/// Labels are classes.
pub(in crate::exercises) const OUTSIDE_CLASSES: Requirement = Requirement {
    id: "labels-outside-classes",
    measure: Measure::Each(|answer| {
        let k = int(answer.arguments, 3);
        let outside = given(answer).into_iter().find(|label| !(0..k).contains(label));
        let text = match outside {
            None => "every label is a class".to_string(),
            Some(label) => format!("One label is {label}; the classes are 0 to {}", k - 1),
        };
        Some(Measured { holds: outside.is_none(), text })
    }),
};

/// The same arguments give the same labels.
pub(in crate::exercises) const NOT_REPEATABLE: Requirement = Requirement {
    id: "not-repeatable",
    measure: Measure::Pair(|one, other| {
        (one.arguments == other.arguments).then(|| {
            let differing = given(one).iter().zip(given(other)).filter(|(one, other)| *one != other).count();
            let text = match differing {
                0 => "the same seed gives the same labels".to_string(),
                _ => format!("Called twice with the same arguments, {differing} of {} labels differ", given(one).len()),
            };
            Measured { holds: differing == 0, text }
        })
    }),
};

/// An image's label does not depend on which other images are asked about.
pub(in crate::exercises) const DEPENDS_ON_OTHERS: Requirement = Requirement {
    id: "test-statistics",
    measure: Measure::Pair(|one, other| {
        let same_training = [0, 1, 3, 4].iter().all(|&at| one.arguments[at] == other.arguments[at]);
        if !same_training || one.arguments[2] == other.arguments[2] {
            return None;
        }
        let labelled = |answer: Answer<'_>| -> HashMap<Vec<u8>, i64> {
            let x: ArrayView3<u8> = bytes(answer.arguments, 2);
            x.axis_iter(Axis(0)).map(|image| image.iter().copied().collect()).zip(given(answer)).collect()
        };
        let (first, second) = (labelled(one), labelled(other));
        let common: Vec<(i64, i64)> =
            first.iter().filter_map(|(image, &a)| second.get(image).map(|&b| (a, b))).collect();
        let differing = common.iter().filter(|(a, b)| a != b).count();
        // Another order of summation may tip an image that lies between two classes.
        let holds = differing <= 1;
        let text = match holds {
            true => "an image's label does not depend on the other images".to_string(),
            false => {
                format!("{differing} of {} images get another label when other images are read with them", common.len())
            }
        };
        Some(Measured { holds, text })
    }),
};

/// Not nearly all images get one label.
pub(in crate::exercises) const ANSWERS_OF_ONE_CLASS: Requirement = Requirement {
    id: "one-answer-for-all",
    measure: Measure::Each(|answer| {
        let mut counts: BTreeMap<i64, usize> = BTreeMap::new();
        let given = given(answer);
        given.iter().for_each(|&label| *counts.entry(label).or_default() += 1);
        let (label, most) = counts.into_iter().max_by_key(|&(_, count)| count)?;
        let share = most as f64 / given.len() as f64;
        let holds = share <= 0.97;
        let text = match holds {
            true => "several classes are found".to_string(),
            false => format!("{} of the images are called {label}", percent(share)),
        };
        (Subject::of(answer.arguments) == Subject::Digits { sorted: false }).then_some(Measured { holds, text })
    }),
};

/// More digits are right than guessing gets.
pub(in crate::exercises) const LABELS_APART: Requirement = Requirement {
    id: "labels-not-shuffled",
    measure: Measure::Each(|answer| match Subject::of(answer.arguments) {
        Subject::Digits { sorted: false } => at_least(answer, "hidden digits, against guessing", 0.3),
        _ => None,
    }),
};

/// Sorted training images do not matter.
pub(in crate::exercises) const NOT_SHUFFLED: Requirement = Requirement {
    id: "not-shuffled",
    measure: Measure::Pair(|one, other| match (Subject::of(one.arguments), Subject::of(other.arguments)) {
        (Subject::Digits { sorted: false }, Subject::Digits { sorted: true }) => {
            at_least(other, "hidden digits, after training on sorted ones", 0.7)
        }
        (Subject::Twins { sorted: false }, Subject::Twins { sorted: true }) => found_when_sorted(one, other),
        (Subject::Twins { sorted: true }, Subject::Twins { sorted: true }) => decided_by_order(one, other),
        _ => None,
    }),
};

/// The problem of two halves is solved.
pub(in crate::exercises) fn learned_halves(answer: Answer<'_>) -> Option<Measured> {
    (Subject::of(answer.arguments) == Subject::Halves).then(|| at_least(answer, "images of two halves", 0.9))?
}

/// The problem of brightness is solved.
pub(in crate::exercises) fn learned_brightness(answer: Answer<'_>) -> Option<Measured> {
    (Subject::of(answer.arguments) == Subject::Brightness).then(|| at_least(answer, "bright and dark images", 0.8))?
}

/// Hidden digits, after training on 1500.
pub(in crate::exercises) fn accuracy(answer: Answer<'_>, asked: f64) -> Option<Measured> {
    (Subject::of(answer.arguments) == Subject::Digits { sorted: false })
        .then(|| at_least(answer, "hidden digits", asked))?
}
