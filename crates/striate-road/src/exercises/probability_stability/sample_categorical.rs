//! `sample_categorical`: from uniform numbers to categories.

use ndarray::{Array1, ArrayView1};

use crate::exercise::{Exercise, Misconception, Outcome, Probe, Signature};
use crate::exercises::arguments::{f64_array, floats, i64_array, rejects, returns};
use crate::exercises::numbers::Numbers;
use crate::value::Value;

/// The exercise.
pub static SAMPLE_CATEGORICAL: Exercise = Exercise {
    id: "sample_categorical",
    station: "probability-stability",
    task: "Turn uniform random numbers into categories 0 .. K-1 that occur with the probabilities p.\n\
           For each u (0 <= u < 1) return the first k with u < c[k], where c[k] is the sum of p[0] .. p[k].\n\
           p are weights: divide by their sum first. Whatever the rounding, every result is a category whose weight is\n\
           not 0. Refuse weights that are negative, or all 0, with an error.",
    signature: Signature {
        name: "sample_categorical",
        parameters: &[
            f64_array("p", &["K"], "weights of the categories"),
            f64_array("u", &["N"], "uniform random numbers, 0 <= u < 1"),
        ],
        returns: i64_array("categories", &["N"], "one category per number"),
    },
    probes,
    reference,
    misconceptions: MISCONCEPTIONS,
    hints: &[
        "Draw a line from 0 to 1 and cut it into pieces as long as the probabilities. On which piece does u lie, and to \
         which piece does a cut belong?",
        "c = np.cumsum(p). Divide c by its own last entry: then the last one is exactly 1, and no u below 1 can fall off the \
         end. np.searchsorted(c, u, side='right') counts the entries that are at most u: that is the category.",
        "p = (1, 2, 1): c = (0.25, 0.75, 1). u = 0.1 gives 0, u = 0.25 gives 1 (0.25 < 0.25 is false), u = 0.8 gives 2.",
    ],
    ..Exercise::DEFAULTS
};

/// The largest float below 1.
const JUST_BELOW_ONE: f64 = 1.0 - f64::EPSILON / 2.0;

fn probes() -> Vec<Probe> {
    let mut numbers = Numbers::stream(611);
    let arguments = |p: &[f64], u: &[f64]| vec![Array1::from(p.to_vec()).into(), Array1::from(u.to_vec()).into()];
    let mut uniform = |n: usize| numbers.reals(n, 0.0, 1.0).to_vec();
    // Adding 1/6 six times gives 0.9999999999999999.
    let die = [1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 0.0, 0.0];
    vec![
        Probe::ordinary("3 categories, 5 numbers", arguments(&[0.2, 0.5, 0.3], &[0.1, 0.65, 0.95, 0.3, 0.75])),
        Probe::ordinary("4 categories, 9 numbers", arguments(&[0.1, 0.4, 0.15, 0.35], &uniform(9))),
        Probe::ordinary("counts, which do not sum to 1", arguments(&[3.0, 1.0, 6.0, 2.0, 4.0], &uniform(7))),
        Probe::ordinary("small weights", arguments(&[0.02, 0.05, 0.03], &uniform(6))),
        Probe::hard("a single category", arguments(&[0.7], &[0.0, 0.5, 0.99])),
        Probe::hard("numbers on the cuts", arguments(&[0.25, 0.25, 0.5], &[0.0, 0.25, 0.5, 0.75])),
        Probe::hard("a first category of weight 0", arguments(&[0.0, 0.5, 0.5], &[0.0, 0.25, 0.5])),
        Probe::hard("a category of weight 0 in the middle", arguments(&[0.5, 0.0, 0.5], &[0.25, 0.5, 0.75])),
        Probe::hard("the largest number below 1, a die", arguments(&die[..6], &[0.55, JUST_BELOW_ONE])),
        Probe::hard(
            "the largest number below 1, and categories of weight 0 at the end",
            arguments(&die, &[0.05, JUST_BELOW_ONE]),
        ),
        Probe::hard("a single number", arguments(&[1.0, 2.0, 1.0], &[0.8])),
        Probe::hard("a negative weight", arguments(&[0.5, -0.5, 1.0], &[0.5])),
        Probe::hard("all weights are 0", arguments(&[0.0, 0.0], &[0.5])),
    ]
}

type Line<'a> = ArrayView1<'a, f64>;

/// A category per number, from the weights, or the refusal.
fn categories<F: Fn(f64) -> i64>(arguments: &[Value], of: impl FnOnce(Line<'_>) -> F) -> Outcome {
    let (p, u): (Line<'_>, Line<'_>) = (floats(arguments, 0), floats(arguments, 1));
    if p.iter().any(|&weight| weight < 0.0) || p.sum() == 0.0 {
        return rejects("weights must not be negative, and not all 0");
    }
    returns(u.mapv(of(p)))
}

/// `p[0], p[0] + p[1], ..`
fn cumulative(p: Line<'_>) -> Array1<f64> {
    let mut sum = 0.0;
    p.mapv(|weight| {
        sum += weight;
        sum
    })
}

/// The sums of the right answer, the last of them exactly 1.
fn cuts(p: Line<'_>) -> Array1<f64> {
    let sums = cumulative(p);
    let total = sums[sums.len() - 1];
    sums / total
}

/// How many cuts are at most `u`.
fn passed(cuts: &Array1<f64>, u: f64) -> i64 {
    cuts.iter().filter(|cut| **cut <= u).count() as i64
}

fn reference(arguments: &[Value]) -> Outcome {
    categories(arguments, |p| {
        let cuts = cuts(p);
        move |u| passed(&cuts, u)
    })
}

const MISCONCEPTIONS: &[Misconception] = &[
    Misconception {
        id: "cut-belongs-below",
        title: "a number on a cut goes to the category below it (side='left', u <= c[k])",
        explanation: "u runs from 0 up to, but not including, 1. Each piece therefore contains its left end and not its right \
                      one: u < c[k]. With <= the number 0 chooses category 0 even when its weight is 0.",
        question: "Which category does u = 0 get when the first weight is 0?",
        see: ("numpy", "numpy.searchsorted, argument side"),
        behaviour: |arguments| {
            categories(arguments, |p| {
                let cuts = cuts(p);
                move |u| cuts.iter().filter(|cut| **cut < u).count() as i64
            })
        },
    },
    Misconception {
        id: "index-past-the-end",
        title: "rounding leaves the last cut below 1, and a large u falls off the end: category K",
        explanation: "Adding 1/6 six times gives 0.9999999999999999. A u just below 1 is not below that, and the search returns K, \
                      which is no category. It happens once in many million samples, at night. Divide the cuts by the last \
                      one: it is exactly 1 then.",
        question: "What is the last entry of np.cumsum of six times 1/6, to all digits?",
        see: ("dlbook", "4.1 Overflow and Underflow"),
        behaviour: |arguments| {
            categories(arguments, |p| {
                let cuts = cumulative((&p / p.sum()).view());
                move |u| passed(&cuts, u)
            })
        },
    },
    Misconception {
        id: "clamped-to-last",
        title: "what falls off the end is given to the last category, although its weight is 0",
        explanation: "min(k, K-1) keeps the index legal, and can still return a category that must never occur. Divide the cuts \
                      by the last one: then the cut before a weight of 0 at the end is exactly 1 as well.",
        question: "Can your function return a category of weight 0?",
        see: ("dlbook", "4.1 Overflow and Underflow"),
        behaviour: |arguments| {
            categories(arguments, |p| {
                let cuts = cumulative((&p / p.sum()).view());
                move |u| passed(&cuts, u).min(cuts.len() as i64 - 1)
            })
        },
    },
    Misconception {
        id: "not-normalized",
        title: "the weights are summed up without dividing by their total",
        explanation: "Counts of 3, 1 and 6 make cuts at 3, 4 and 10, and every u lies before the first. Weights that sum to less \
                      than 1 send the rest to the last category. Divide by the total.",
        question: "What is the largest u, and what is the largest cut?",
        see: ("dlbook", "3 Probability and information theory"),
        behaviour: |arguments| {
            categories(arguments, |p| {
                let cuts = cumulative(p);
                move |u| passed(&cuts, u).min(cuts.len() as i64 - 1)
            })
        },
    },
    Misconception {
        id: "index-off-by-one",
        title: "the category is one too low: the cut to the left of u is returned",
        explanation: "searchsorted counts how many cuts lie at or below u, and piece k has k of them to its left: that is the \
                      category already. Subtracting 1 gives -1 for the first piece.",
        question: "How many cuts lie to the left of the first piece?",
        see: ("numpy", "numpy.searchsorted"),
        behaviour: |arguments| {
            categories(arguments, |p| {
                let cuts = cuts(p);
                move |u| passed(&cuts, u) - 1
            })
        },
    },
    Misconception {
        id: "labels-from-one",
        title: "the categories are counted from 1",
        explanation: "K categories have the numbers 0 .. K-1, so that they index an array of K names. Counted from 1 the last \
                      one points outside.",
        question: "What does your function give for a single category?",
        see: ("numpy", "numpy.searchsorted"),
        behaviour: |arguments| {
            categories(arguments, |p| {
                let cuts = cuts(p);
                move |u| passed(&cuts, u) + 1
            })
        },
    },
    Misconception {
        id: "cumulative-sum-missing",
        title: "u is compared with the probabilities themselves, not with their running sum",
        explanation: "The first k with u < p[k] is the first probability that happens to be larger than u: not the piece of the \
                      line on which u lies. Lay the pieces one after the other: np.cumsum.",
        question: "For p = (0.2, 0.5, 0.3), which u should give category 2?",
        see: ("dlbook", "3 Probability and information theory"),
        behaviour: |arguments| {
            categories(arguments, |p| {
                let p = &p / p.sum();
                move |u| p.iter().position(|p| u < *p).unwrap_or(0) as i64
            })
        },
    },
    Misconception {
        id: "most-probable-only",
        title: "the most probable category is returned, whatever u",
        explanation: "That is a decision, not a sample: a category with probability 0.3 must come up in three of ten draws. u \
                      is where the chance comes from.",
        question: "Where in your code is u used?",
        see: ("dlbook", "3 Probability and information theory"),
        behaviour: |arguments| {
            categories(arguments, |p| {
                let largest = p.iter().copied().fold(0.0, f64::max);
                let best = p.iter().position(|&weight| weight == largest).unwrap_or(0) as i64;
                move |_| best
            })
        },
    },
    Misconception {
        id: "equal-pieces",
        title: "u is multiplied by K and cut off: all categories are equally likely",
        explanation: "int(u * K) cuts the line into equal pieces. The pieces have to be as long as the probabilities.",
        question: "Where in your code is p used?",
        see: ("dlbook", "3.9 Common probability distributions"),
        behaviour: |arguments| {
            categories(arguments, |p| {
                let k = p.len() as f64;
                move |u| (u * k) as i64
            })
        },
    },
];
