//! `find_template`: the best places of a score map, one per object.

use ndarray::{Array2, ArrayView2, Ix2, array, s};

use crate::exercise::{Exercise, Misconception, Outcome, Probe, Property, Signature};
use crate::exercises::arguments::{count, f64_array, floats, i64_array, int, int_named, rejects, returns};
use crate::exercises::numbers::Numbers;
use crate::value::Value;

/// The exercise.
pub static FIND_TEMPLATE: Exercise = Exercise {
    id: "find_template",
    station: "template-matching",
    task: "Given a map of scores (of ncc_map, say), return the n best places, one per object: take the highest score, cross out\n\
           everything too close to it, take the highest of what is left, and so on.\n\
           Two places are too close if their rows and their columns both differ by less than min_dist.\n\
           Of equal scores the one in the upper row comes first, then the one further left.\n\
           Return row and column of each place, best first; fewer than n places if nothing is left.\n\
           Refuse a min_dist below 1 with an error.",
    signature: Signature {
        name: "find_template",
        parameters: &[
            f64_array("scores", &["H", "W"], "how well the template fits at each place, any numbers"),
            int_named("n", "how many places to return at most, 0 or more"),
            int_named("min_dist", "places nearer than this are the same object, 1 or more"),
        ],
        returns: i64_array("places", &["k", "2"], "row and column, in order of score"),
    },
    probes,
    reference,
    misconceptions: MISCONCEPTIONS,
    properties: &[Property { title: "has no two places that are too close", violated: too_close }],
    hints: &[
        "Print the map after the first place was crossed out: which cells have changed, and to what?",
        "Work on a copy. Find the first maximum (np.argmax of the flattened copy, then np.unravel_index); stop if it is minus \
         infinity; note it; set rows i - min_dist + 1 to i + min_dist - 1 and the same columns to minus infinity, with the \
         start of each slice not below 0.",
        "The row [0.1 0.9 0.8 0.2 0.3 0.7] with n = 3 and min_dist = 2. Column 1 is best; columns 0, 1, 2 are crossed out. Of \
         0.2, 0.3 and 0.7 the best is column 5, which crosses out column 4. Column 3 is left: [[0, 1], [0, 5], [0, 3]].",
    ],
    ..Exercise::DEFAULTS
};

fn probes() -> Vec<Probe> {
    let mut numbers = Numbers::stream(1311);
    let mut map = |shape: [usize; 2], low: i64, high: i64| -> Array2<f64> { numbers.integers(shape, low, high) };
    let ridge = array![
        [0.1, 0.2, 0.1, 0.0, 0.1, 0.2],
        [0.2, 0.9, 0.8, 0.7, 0.6, 0.1],
        [0.1, 0.3, 0.2, 0.1, 0.4, 0.5],
        [0.0, 0.1, 0.3, 0.2, 0.3, 0.2]
    ];
    let ordinary = [
        ("a row of six", array![[0.1, 0.9, 0.8, 0.2, 0.3, 0.7]], 2, 2),
        ("a ridge beside a peak", ridge, 4, 2),
        ("a 5 by 7 map, min_dist 3", map([5, 7], 0, 999) / 1000.0, 3, 3),
        ("an 8 by 6 map of both signs, min_dist 2", map([8, 6], -500, 499) / 500.0, 5, 2),
        ("a 9 by 10 map, min_dist 4", map([9, 10], 0, 999) / 1000.0, 6, 4),
        ("a 6 by 9 map with many equal scores", map([6, 9], 0, 3), 4, 2),
        ("scores below zero everywhere", map([5, 6], -99, -1), 4, 2),
    ];
    let hard = [
        ("more places asked for than there are", map([4, 5], -9, 9), 30, 3),
        ("min_dist 1: every pixel for itself", map([3, 4], 0, 99), 5, 1),
        ("min_dist larger than the map", map([4, 3], 0, 99), 3, 9),
        ("the same score everywhere", Array2::from_elem((5, 6), 0.5), 4, 3),
        ("a map of one place", array![[-0.3]], 2, 2),
        ("no place asked for", map([3, 4], 0, 9), 0, 2),
        ("min_dist 0", map([3, 4], 0, 9), 2, 0),
    ];
    let arguments = |map: Array2<f64>, n: i64, distance: i64| vec![map.into(), Value::Int(n), Value::Int(distance)];
    let ordinary = ordinary.into_iter().map(|(label, map, n, d)| Probe::ordinary(label, arguments(map, n, d)));
    let hard = hard.into_iter().map(|(label, map, n, d)| Probe::hard(label, arguments(map, n, d)));
    ordinary.chain(hard).collect()
}

fn too_close(arguments: &[Value], result: &Value) -> Option<String> {
    let rows = result.as_array()?.to_f64();
    let places: Vec<&[f64]> = rows.chunks_exact(2).collect();
    let distance = int(arguments, 2) as f64;
    places.iter().enumerate().find_map(|(index, one)| {
        let near = |other: &&&[f64]| (one[0] - other[0]).abs() < distance && (one[1] - other[1]).abs() < distance;
        places[..index].iter().find(near).map(|other| format!("{other:?} and {one:?}"))
    })
}

type Place = (usize, usize);

/// A result from a search for the scores, n and the distance.
fn searched(arguments: &[Value], search: impl FnOnce(Array2<f64>, usize, usize) -> Vec<Place>) -> Outcome {
    if int(arguments, 2) < 1 {
        return rejects("min_dist must be at least 1");
    }
    table(&search(floats::<Ix2>(arguments, 0).to_owned(), count(arguments, 1), count(arguments, 2)))
}

fn table(places: &[Place]) -> Outcome {
    returns(Array2::from_shape_fn((places.len(), 2), |(row, column)| {
        let (i, j) = places[row];
        (if column == 0 { i } else { j }) as i64
    }))
}

/// Takes the place that `best` names and lets `cross_out` change the map, up to n times.
fn greedy(
    mut map: Array2<f64>,
    n: usize,
    best: impl Fn(&Array2<f64>) -> Option<Place>,
    cross_out: impl Fn(&mut Array2<f64>, Place),
) -> Vec<Place> {
    let mut places = Vec::new();
    while places.len() < n {
        let Some(place) = best(&map) else { break };
        places.push(place);
        cross_out(&mut map, place);
    }
    places
}

/// The first place, row by row, whose score no other exceeds.
fn first_maximum(map: &Array2<f64>) -> Place {
    let mut best = (0, 0);
    for (place, score) in map.indexed_iter() {
        if *score > map[best] {
            best = place;
        }
    }
    best
}

/// The first maximum, unless everything has been crossed out.
fn best_left(map: &Array2<f64>) -> Option<Place> {
    let place = first_maximum(map);
    (map[place] > f64::NEG_INFINITY).then_some(place)
}

/// Crosses out the places whose distances from `place` in rows and columns are `near`.
fn cross_out(map: &mut Array2<f64>, place: Place, near: impl Fn(usize, usize) -> bool) {
    for ((i, j), score) in map.indexed_iter_mut() {
        if near(i.abs_diff(place.0), j.abs_diff(place.1)) {
            *score = f64::NEG_INFINITY;
        }
    }
}

/// The right search with another idea of what is near.
fn with_neighbourhood(arguments: &[Value], near: impl Fn(usize, usize, usize) -> bool) -> Outcome {
    searched(arguments, |map, n, distance| {
        greedy(map, n, best_left, |map, place| cross_out(map, place, |dy, dx| near(dy, dx, distance)))
    })
}

fn square(dy: usize, dx: usize, distance: usize) -> bool {
    dy < distance && dx < distance
}

fn reference(arguments: &[Value]) -> Outcome {
    with_neighbourhood(arguments, square)
}

/// The right search with another idea of which place is the best one left.
fn with_order(arguments: &[Value], best: impl Fn(&Array2<f64>) -> Option<Place>) -> Outcome {
    searched(arguments, |map, n, distance| {
        greedy(map, n, best, |map, place| cross_out(map, place, |dy, dx| square(dy, dx, distance)))
    })
}

/// All places from the best to the worst.
fn ranking(map: ArrayView2<'_, f64>) -> Vec<Place> {
    let mut places: Vec<Place> = map.indexed_iter().map(|(place, _)| place).collect();
    places.sort_by(|one, other| map[*other].total_cmp(&map[*one]));
    places
}

const MISCONCEPTIONS: &[Misconception] = &[
    Misconception {
        id: "suppression-missing",
        title: "the n highest scores are returned, neighbours of one peak among them",
        explanation: "A peak is a hill: the pixels beside the best one score nearly as high, and belong to the same object. Cross \
                      out the neighbourhood of every place before you look for the next.",
        question: "How far are your first two places apart?",
        see: ("ud810", "2A-L4 (lesson 5) Filters as templates"),
        behaviour: |arguments| with_neighbourhood(arguments, |dy, dx, _| dy == 0 && dx == 0),
    },
    Misconception {
        id: "suppressed-to-zero",
        title: "crossed-out places get the score 0",
        explanation: "0 is an ordinary score. As soon as only negative ones are left, the crossed-out places are the best again. \
                      Use minus infinity, which nothing is below.",
        question: "What happens in a map whose scores are all negative?",
        see: ("dlbook", "4.1 Overflow and Underflow"),
        behaviour: |arguments| {
            searched(arguments, |map, n, distance| {
                greedy(
                    map,
                    n,
                    |map| Some(first_maximum(map)),
                    |map, place| {
                        for ((i, j), score) in map.indexed_iter_mut() {
                            if square(i.abs_diff(place.0), j.abs_diff(place.1), distance) {
                                *score = 0.0;
                            }
                        }
                    },
                )
            })
        },
    },
    Misconception {
        id: "exhausted-repeats",
        title: "when nothing is left, the search goes on and returns crossed-out places",
        explanation: "The maximum of a map of minus infinities is minus infinity, at place (0, 0), again and again. Stop when the \
                      best score left is minus infinity; fewer than n places is an answer.",
        question: "How many places can there be in a 4 by 5 map with min_dist 3?",
        see: ("ud810", "2A-L4 (lesson 5) Filters as templates"),
        behaviour: |arguments| with_order(arguments, |map| Some(first_maximum(map))),
    },
    Misconception {
        id: "distance-inclusive",
        title: "places at exactly min_dist are crossed out as well",
        explanation: "\"Less than min_dist\" keeps the place at min_dist: the crossed-out square reaches min_dist - 1 to each side. \
                      With min_dist = 1 only the place itself goes.",
        question: "With min_dist = 1, is the neighbouring pixel too close?",
        see: ("ud810", "2A-L4 (lesson 5) Filters as templates"),
        behaviour: |arguments| with_neighbourhood(arguments, |dy, dx, distance| dy <= distance && dx <= distance),
    },
    Misconception {
        id: "distance-euclidean",
        title: "distances are measured along the straight line, so that a disc is crossed out",
        explanation: "A disc is a possible choice, but the task asks for a square: too close means near in rows and near in columns. \
                      The corners of the square are farther than min_dist along the straight line.",
        question: "Is a place 3 rows below and 3 columns to the right too close for min_dist = 4?",
        see: ("dlbook", "2.5 Norms"),
        behaviour: |arguments| {
            with_neighbourhood(arguments, |dy, dx, distance| (dy as f64).hypot(dx as f64) < distance as f64)
        },
    },
    Misconception {
        id: "either-axis-suffices",
        title: "places are crossed out when their rows or their columns are near",
        explanation: "That crosses out a whole band of rows and a whole band of columns: two objects side by side, far apart, \
                      count as one. Both differences have to be small.",
        question: "Are two places in the same row, 100 columns apart, the same object?",
        see: ("ud810", "2A-L4 (lesson 5) Filters as templates"),
        behaviour: |arguments| with_neighbourhood(arguments, |dy, dx, distance| dy < distance || dx < distance),
    },
    Misconception {
        id: "suppression-one-side",
        title: "only places below and to the right are crossed out",
        explanation: "The slice starts at the place itself and not min_dist - 1 before it. Neighbours above and to the left remain, \
                      and become the next object.",
        question: "Is the pixel to the left of your first place still in the race?",
        see: ("ud810", "2A-L4 (lesson 5) Filters as templates"),
        behaviour: |arguments| {
            searched(arguments, |map, n, distance| {
                greedy(map, n, best_left, |map, (i, j)| {
                    let (height, width) = map.dim();
                    map.slice_mut(s![i..(i + distance).min(height), j..(j + distance).min(width)])
                        .fill(f64::NEG_INFINITY);
                })
            })
        },
    },
    Misconception {
        id: "negative-slice-empty",
        title: "near the upper or left border nothing is crossed out, since the slice starts below 0",
        explanation: "In NumPy, map[-1 : 2] starts at the last row and ends at the second: it is empty. Nothing changes, and \
                      the same place is found again. Begin the slice at max(0, i - min_dist + 1).",
        question: "What does np.arange(5)[-1:2] give?",
        see: ("numpy", "Indexing: slicing with negative start"),
        behaviour: |arguments| {
            searched(arguments, |map, n, distance| {
                greedy(map, n, best_left, |map, (i, j)| {
                    let (height, width) = map.dim();
                    let slice = |at: usize, length: usize| {
                        let start = (at + 1).checked_sub(distance);
                        let start = start.unwrap_or_else(|| (length + at + 1).saturating_sub(distance));
                        let end = (at + distance).min(length);
                        start.min(end)..end
                    };
                    map.slice_mut(s![slice(i, height), slice(j, width)]).fill(f64::NEG_INFINITY);
                })
            })
        },
    },
    Misconception {
        id: "axes-swapped",
        title: "the column stands before the row",
        explanation: "Places are (row, column), as in scores[i, j]. Drawing functions want (x, y), which is the other way round; \
                      turn them when you draw, not here.",
        question: "Is scores[places[0, 0], places[0, 1]] the highest score?",
        see: ("ud810", "2A-L1 (lesson 2) Images as functions"),
        behaviour: |arguments| {
            searched(arguments, |map, n, distance| {
                let near =
                    |map: &mut Array2<f64>, place: Place| cross_out(map, place, |dy, dx| square(dy, dx, distance));
                greedy(map, n, best_left, near).into_iter().map(|(i, j)| (j, i)).collect()
            })
        },
    },
    Misconception {
        id: "ties-last",
        title: "of equal scores the last one is taken",
        explanation: "A comparison with >= moves on to every equal score, and a sorted list that is turned round has its ties turned \
                      round too. Use >, or sort by the negative score with a stable sort.",
        question: "Which place comes first in a map that is the same everywhere?",
        see: ("numpy", "numpy.argmax, the note on multiple occurrences"),
        behaviour: |arguments| {
            with_order(arguments, |map| {
                let best = map[first_maximum(map)];
                let last = map.indexed_iter().filter(|(_, score)| **score == best).map(|(place, _)| place).last();
                last.filter(|_| best > f64::NEG_INFINITY)
            })
        },
    },
    Misconception {
        id: "ties-by-column",
        title: "of equal scores the one further left comes first, and not the one in the upper row",
        explanation: "The map is walked column by column. Reading order is row by row: the row index is the outer loop.",
        question: "Which of your two loops is the outer one?",
        see: ("numpy", "numpy.unravel_index, argument order"),
        behaviour: |arguments| {
            with_order(arguments, |map| {
                let turned = first_maximum(&map.t().to_owned());
                best_left(map).map(|_| (turned.1, turned.0))
            })
        },
    },
    Misconception {
        id: "smallest-first",
        title: "the smallest scores are taken",
        explanation: "For squared differences the smallest is the best; a correlation is best where it is largest.",
        question: "Is a high score a good or a bad match here?",
        see: ("szeliski", "8.1 Translational alignment"),
        behaviour: |arguments| {
            searched(arguments, |map, n, distance| {
                let near =
                    |map: &mut Array2<f64>, place: Place| cross_out(map, place, |dy, dx| square(dy, dx, distance));
                greedy(-map, n, best_left, near)
            })
        },
    },
    Misconception {
        id: "suppressed-by-suppressed",
        title: "a place is dropped when any better one is near, also one that was crossed out itself",
        explanation: "That keeps local maxima only. On a slope 9 8 7 6, the 8 falls to the 9 and the 7 to the 8; but the 8 is no \
                      object any more, so with min_dist = 2 the 7 stays. Only places that were taken cross others out.",
        question: "In the row 9 8 7 6 with min_dist = 2, which two places are left?",
        see: ("ud810", "2A-L4 (lesson 5) Filters as templates"),
        behaviour: |arguments| {
            searched(arguments, |map, n, distance| {
                let ranked = ranking(map.view());
                let alone = |(index, place): (usize, &Place)| {
                    let near = |(i, j): &Place| square(i.abs_diff(place.0), j.abs_diff(place.1), distance);
                    (!ranked[..index].iter().any(near)).then_some(*place)
                };
                ranked.iter().enumerate().filter_map(alone).take(n).collect()
            })
        },
    },
    Misconception {
        id: "only-last-compared",
        title: "a candidate is compared with the place found last, and not with all of them",
        explanation: "The third place may lie beside the first. Every place that was taken keeps its neighbourhood crossed out until \
                      the end.",
        question: "Can your third place lie beside your first?",
        see: ("ud810", "2A-L4 (lesson 5) Filters as templates"),
        behaviour: |arguments| {
            searched(arguments, |map, n, distance| {
                let mut places: Vec<Place> = Vec::new();
                for place in ranking(map.view()) {
                    let near = |(i, j): &Place| square(i.abs_diff(place.0), j.abs_diff(place.1), distance);
                    if places.len() < n && !places.last().is_some_and(near) {
                        places.push(place);
                    }
                }
                places
            })
        },
    },
    Misconception {
        id: "sorted-by-place",
        title: "the places come in reading order and not in order of score",
        explanation: "np.argwhere and nested loops list places from top to bottom. The best match is to stand first: sort by score.",
        question: "Is the first place that you return the best one?",
        see: ("numpy", "numpy.argsort"),
        behaviour: |arguments| {
            searched(arguments, |map, n, distance| {
                let near =
                    |map: &mut Array2<f64>, place: Place| cross_out(map, place, |dy, dx| square(dy, dx, distance));
                let mut places = greedy(map, n, best_left, near);
                places.sort_unstable();
                places
            })
        },
    },
];
