//! Right numbers in wrong places.

use ndarray::{ArrayD, Axis, Slice};

use super::{Pair, Pattern, all, axis_words};
use crate::check::compare::close;

const QUESTION: &str = "Which index runs over which axis, and from which end?";
/// Arrays with more axes than this have too many orders to try.
const MOST_AXES: usize = 5;

pub(super) fn rearranged(pairs: &[Pair]) -> Option<Pattern> {
    let rank = pairs[0].expected.ndim();
    if rank == 0 || rank > MOST_AXES || pairs.iter().any(|pair| pair.expected.ndim() != rank) {
        return None;
    }
    if rank >= 2 && all(pairs, |pair| pair.got_is(&swapped(&pair.expected))) {
        return Some(("transposed", "the last two axes are swapped".into(), QUESTION));
    }
    for axis in 0..rank {
        if all(pairs, |pair| pair.got_is(&reversed(&pair.expected, &[axis]))) {
            return Some(if are_colours(pairs, axis) {
                let text = format!("the channels, {}, are in reverse order", axis_words(pairs, axis));
                ("channels-reversed", text, "Is it red, green, blue or blue, green, red?")
            } else {
                ("reversed", format!("{} runs backwards", axis_words(pairs, axis)), QUESTION)
            });
        }
    }
    if let Some(found) = turned(pairs) {
        return Some(found);
    }
    shifted(pairs).or_else(|| permuted(pairs))
}

/// Both axes of space, or else the last two, run backwards.
fn turned(pairs: &[Pair]) -> Option<Pattern> {
    let rank = pairs[0].expected.ndim();
    let space = pairs[0].space();
    let axes = space.or(rank.checked_sub(2).map(|axis| [axis, axis + 1]))?;
    all(pairs, |pair| pair.got_is(&reversed(&pair.expected, &axes))).then(|| {
        let both = axes.map(|axis| axis_words(pairs, axis)).join(" and ");
        let text = match space {
            Some(_) => format!("it is turned by 180 degrees: {both} run backwards"),
            None => format!("{both} run backwards"),
        };
        ("rotated", text, QUESTION)
    })
}

/// Whether the axis holds the colours of an image.
fn are_colours(pairs: &[Pair], axis: usize) -> bool {
    let three = all(pairs, |pair| pair.expected.shape()[axis] == 3);
    let last_of_an_image = axis == 2 && pairs[0].space() == Some([0, 1]);
    let named = pairs[0].named_axes().get(axis).is_some_and(|name| ["C", "3"].contains(name));
    three && (last_of_an_image || named)
}

fn swapped(array: &ArrayD<f64>) -> ArrayD<f64> {
    let mut view = array.view();
    view.swap_axes(array.ndim() - 2, array.ndim() - 1);
    view.to_owned()
}

fn reversed(array: &ArrayD<f64>, axes: &[usize]) -> ArrayD<f64> {
    let mut view = array.view();
    axes.iter().for_each(|&axis| view.invert_axis(Axis(axis)));
    view.to_owned()
}

fn shifted(pairs: &[Pair]) -> Option<Pattern> {
    for axis in 0..pairs[0].expected.ndim() {
        for (by, words) in [(1, "later"), (-1, "earlier")] {
            if all(pairs, |pair| is_shifted(pair, axis, by)) {
                let text =
                    format!("everything stands one place {words} along {} than it should", axis_words(pairs, axis));
                let question = match pairs[0].space() {
                    Some(space) if space.contains(&axis) => "Where does the window start for output 0?",
                    _ => "What stands at index 0, and is something counted from 1?",
                };
                return Some(("shifted", text, question));
            }
        }
    }
    None
}

/// Whether `got` is `expected` moved by one along an axis; what moved in does not count.
fn is_shifted(pair: &Pair, axis: usize, by: isize) -> bool {
    if pair.expected.shape()[axis] < 3 {
        return false;
    }
    let (from, to) = if by > 0 {
        (Slice::new(0, Some(-1), 1), Slice::from(1..))
    } else {
        (Slice::from(1..), Slice::new(0, Some(-1), 1))
    };
    let (expected, got) = (pair.expected.slice_axis(Axis(axis), from), pair.got.slice_axis(Axis(axis), to));
    expected.iter().zip(got).all(|(&expected, &got)| close(expected, got, pair.gap))
}

/// The axes in another order, or the numbers as a reshape lays them that should have been a transpose.
fn permuted(pairs: &[Pair]) -> Option<Pattern> {
    let rank = pairs[0].expected.ndim();
    for order in orders(rank).into_iter().skip(1) {
        let words = order.iter().map(usize::to_string).collect::<Vec<_>>().join(", ");
        let permuted = |pair: &Pair| pair.expected.view().permuted_axes(order.clone()).as_standard_layout().to_owned();
        if all(pairs, |pair| pair.got_is(&permuted(pair))) {
            return Some(("permuted-axes", format!("the axes are in the order ({words})"), QUESTION));
        }
        let in_memory = |pair: &Pair| {
            pair.got.iter().zip(permuted(pair).iter()).all(|(&got, &expected)| close(expected, got, pair.gap))
        };
        if all(pairs, in_memory) {
            let text = format!(
                "the numbers are right but lie as if the axes ({words}) had been reshaped where they should be transposed"
            );
            return Some(("reshaped", text, "Does reshape move numbers, or does it only cut the row anew?"));
        }
    }
    None
}

/// All orders of `0..rank`, the natural one first.
fn orders(rank: usize) -> Vec<Vec<usize>> {
    let mut orders = vec![Vec::new()];
    for _ in 0..rank {
        let longer = |order: Vec<usize>| {
            let free: Vec<usize> = (0..rank).filter(|axis| !order.contains(axis)).collect();
            free.into_iter().map(move |axis| order.iter().copied().chain([axis]).collect::<Vec<_>>())
        };
        orders = orders.into_iter().flat_map(longer).collect();
    }
    orders
}

/// The same numbers in an order that has no simpler name.
pub(super) fn same_numbers(pairs: &[Pair]) -> Option<Pattern> {
    let sorted = |array: &ArrayD<f64>| {
        let mut numbers: Vec<f64> = array.iter().copied().collect();
        numbers.sort_by(f64::total_cmp);
        numbers
    };
    let permutes = |pair: &Pair| {
        let (expected, got) = (sorted(&pair.expected), sorted(&pair.got));
        let distinct = expected.windows(2).filter(|pair| pair[0] != pair[1]).count() + 1;
        distinct >= 3 && expected.iter().zip(&got).all(|(&expected, &got)| close(expected, got, pair.gap))
    };
    all(pairs, permutes).then(|| {
        (
            "permuted",
            "it holds the right numbers in another order".to_string(),
            "What decides the order of the results?",
        )
    })
}
