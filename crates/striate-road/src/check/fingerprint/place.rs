//! Where the wrong numbers lie.

use ndarray::{ArrayD, Axis, Dimension};

use super::axes::is_sequence;
use super::{Pair, Pattern, all, axis_words};
use crate::check::compare::{close, largest};

pub(super) fn at_one_end(pairs: &[Pair]) -> Option<Pattern> {
    let whole = |pair: &Pair| pair.wrong().count() == pair.expected.len();
    for axis in (0..pairs[0].expected.ndim()).rev() {
        let length = |pair: &Pair| pair.expected.shape()[axis];
        if pairs.iter().all(|pair| length(pair) < 2 || whole(pair)) {
            continue;
        }
        let question = "What is special about that end: the range of the loop, or what lies beyond it?";
        if all(pairs, |pair| pair.wrong().all(|index| index[axis] == 0)) {
            return Some(("first-only", format!("only index 0 of {} is wrong", axis_words(pairs, axis)), question));
        }
        if all(pairs, |pair| pair.wrong().all(|index| index[axis] + 1 == length(pair))) {
            let text = format!("only the last index of {} is wrong", axis_words(pairs, axis));
            return Some(("last-only", text, question));
        }
    }
    None
}

/// Patterns of square matrices; that an image is as wide as high gives its diagonal no meaning.
pub(super) fn about_the_diagonal(pairs: &[Pair]) -> Option<Pattern> {
    let rank = pairs[0].expected.ndim();
    if pairs[0].space().is_some() {
        return None;
    }
    let square = |pair: &Pair| {
        let shape = pair.expected.shape();
        shape.len() == rank && rank >= 2 && shape[rank - 2] == shape[rank - 1] && shape[rank - 1] >= 2
    };
    let large = pairs.iter().any(|pair| square(pair) && pair.expected.shape()[rank - 1] >= 3);
    if !large || !all(pairs, square) {
        return None;
    }
    let only = |lies: fn(usize, usize) -> bool| {
        all(pairs, |pair| pair.wrong().all(|index| lies(index[rank - 2], index[rank - 1])))
    };
    let question = "Which of the indices i and j may be equal, and which may be the larger?";
    if only(|i, j| i == j) {
        return Some(("diagonal", "only the diagonal is wrong".into(), question));
    }
    let off_diagonal_wrong = |pair: &Pair| {
        let mut cells = pair.expected.indexed_iter().map(|(index, _)| index.slice().to_vec());
        cells.all(|index| pair.is_wrong(&index) == (index[rank - 2] != index[rank - 1]))
    };
    if all(pairs, off_diagonal_wrong) {
        return Some(("off-diagonal", "only the diagonal is right".into(), question));
    }
    if only(|i, j| i < j) {
        return Some(("upper-triangle", "only what lies above the diagonal is wrong".into(), question));
    }
    only(|i, j| i > j).then(|| ("lower-triangle", "only what lies below the diagonal is wrong".into(), question))
}

/// Wrong along the border of images or feature maps, right inside. A table and weights have no border.
pub(super) fn border(pairs: &[Pair]) -> Option<Pattern> {
    let space = pairs[0].space()?;
    let depth = |pair: &Pair, index: &[usize]| {
        let edge = |axis: usize| index[axis].min(pair.expected.shape()[axis] - 1 - index[axis]);
        space.map(edge).into_iter().min().unwrap_or(0)
    };
    let deepest = |pair: &Pair| pair.wrong().map(|index| depth(pair, &index)).max().unwrap_or(0);
    let interior =
        |pair: &Pair| pair.expected.indexed_iter().map(|(index, _)| depth(pair, index.slice())).max().unwrap_or(0);
    let ring = pairs.iter().map(deepest).max()?;
    let seen = pairs.iter().any(|pair| interior(pair) > ring);
    seen.then(|| {
        let wide = if ring == 0 { "one cell".to_string() } else { format!("{} cells", ring + 1) };
        let text = format!("only a border {wide} wide is wrong; the inside is right");
        ("border", text, "What does your code take for the values outside the array?")
    })
}

/// Right at the first index of an axis of steps, and further off with every step.
pub(super) fn growing(pairs: &[Pair]) -> Option<Pattern> {
    const STEPS: usize = 4;
    let steps = |axis: &usize| pairs[0].named_axes().get(*axis).is_some_and(|name| is_sequence(name));
    (0..pairs[0].expected.ndim()).filter(steps).find_map(|axis| {
        let grows = |pair: &Pair| {
            let error = |(expected, got): (ndarray::ArrayViewD<'_, f64>, ndarray::ArrayViewD<'_, f64>)| {
                let gaps: ArrayD<f64> = &got - &expected;
                largest(&gaps.iter().copied().collect::<Vec<_>>())
            };
            let lanes = pair.expected.axis_iter(Axis(axis)).zip(pair.got.axis_iter(Axis(axis)));
            let errors: Vec<f64> = lanes.map(error).collect();
            let right = errors.iter().take_while(|&&error| close(0.0, error, pair.gap)).count();
            // Right for a while, then rising: the error of a state that is carried on.
            right >= 1 && errors[right..].windows(2).all(|two| two[0] < two[1])
        };
        let long = pairs.iter().any(|pair| pair.expected.shape()[axis] >= STEPS);
        (long && all(pairs, grows)).then(|| {
            let text = format!("it starts right and the error grows with every step along {}", axis_words(pairs, axis));
            ("growing", text, "What is carried from one step to the next, and is it the right thing?")
        })
    })
}
