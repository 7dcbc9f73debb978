//! `kfold`: every sample validates once.

use ndarray::{Array2, ArrayView1, Ix1};

use crate::exercise::{Element, Exercise, Kind, Misconception, Outcome, Parameter, Probe, Property, Signature};
use crate::exercises::arguments::{i64_array, int, int_named, rejects, returns, whole_numbers};
use crate::value::{Array, Value};

/// The exercise.
pub static KFOLD: Exercise = Exercise {
    id: "kfold",
    station: "knn-validation",
    task: "Divide n samples into k folds for cross-validation. order is the shuffled list of the samples 0 .. n-1.\n\
           Cut it into k consecutive pieces whose sizes differ by one at most, the larger ones first: the first n % k\n\
           pieces have one sample more. The samples of piece f validate in fold f and train in all others.\n\
           Return validates[f, i]: whether sample i (not place i of the order) validates in fold f.\n\
           Refuse a k below 2 or above n with an error.",
    signature: Signature {
        name: "kfold",
        parameters: &[
            i64_array("order", &["n"], "the samples in shuffled order, each number from 0 to n-1 once"),
            int_named("k", "how many folds"),
        ],
        returns: Parameter {
            name: "validates",
            kind: Kind::Array { element: Element::Bool, axes: &["k", "n"] },
            meaning: "True where a sample validates, False where it trains",
        },
    },
    probes,
    reference,
    misconceptions: MISCONCEPTIONS,
    properties: &[Property { title: "lets each sample validate exactly once", violated: not_a_partition }],
    hints: &[
        "Sum your result over the folds: every sample should be there once. Sum it over the samples: the sizes should differ by \
         one at most.",
        "Size of piece f: n // k, plus 1 if f < n % k; its start is the sum of the sizes before it (np.array_split does exactly \
         this). Then validates[f, order[start:stop]] = True.",
        "n = 5, k = 2, order = [3, 0, 4, 1, 2]. Sizes 3 and 2: pieces [3, 0, 4] and [1, 2]. \
         validates = [[T, F, F, T, T], [F, T, T, F, F]].",
    ],
    ..Exercise::DEFAULTS
};

fn probes() -> Vec<Probe> {
    let arguments = |order: Vec<i64>, k: i64| vec![ndarray::Array1::from(order).into(), Value::Int(k)];
    // Steps of a fixed size around a circle: a shuffled order that is the same everywhere.
    let shuffled = |n: i64, step: i64| -> Vec<i64> { (0..n).map(|place| (place * step + 3) % n).collect() };
    vec![
        Probe::ordinary("5 samples, 2 folds", arguments(vec![3, 0, 4, 1, 2], 2)),
        Probe::ordinary("12 samples, 4 folds", arguments(shuffled(12, 5), 4)),
        Probe::ordinary("11 samples, 3 folds: one fold is smaller", arguments(shuffled(11, 4), 3)),
        Probe::ordinary("10 samples, 3 folds: one fold is larger", arguments(shuffled(10, 7), 3)),
        Probe::hard("17 samples, 5 folds", arguments(shuffled(17, 6), 5)),
        Probe::hard("leave one out", arguments(vec![2, 0, 3, 1], 4)),
        Probe::hard("not shuffled", arguments((0..7).collect(), 3)),
        Probe::hard("two samples", arguments(vec![1, 0], 2)),
        Probe::hard("a single fold", arguments(vec![1, 2, 0], 1)),
        Probe::hard("more folds than samples", arguments(vec![1, 2, 0], 4)),
    ]
}

/// The mask that `fill` makes, unless k does not fit.
fn folds(arguments: &[Value], fill: impl FnOnce(ArrayView1<'_, i64>, usize) -> Array2<bool>) -> Outcome {
    let order = whole_numbers::<Ix1>(arguments, 0);
    match usize::try_from(int(arguments, 1)) {
        Ok(k) if (2..=order.len()).contains(&k) => returns(fill(order, k)),
        _ => rejects(format!("{} samples make 2 to {0} folds", order.len())),
    }
}

/// First place and end of each piece.
fn pieces(n: usize, k: usize, size: impl Fn(usize) -> usize) -> Vec<std::ops::Range<usize>> {
    let mut start = 0;
    (0..k)
        .map(|fold| {
            let range = start..(start + size(fold)).min(n);
            start = range.end;
            range
        })
        .collect()
}

/// As equal as can be, the larger pieces first.
fn equal_pieces(n: usize, k: usize) -> Vec<std::ops::Range<usize>> {
    pieces(n, k, |fold| n / k + usize::from(fold < n % k))
}

/// The mask of the samples that stand at the places of each piece.
fn mask(order: ArrayView1<'_, i64>, pieces: &[std::ops::Range<usize>]) -> Array2<bool> {
    let mut validates = Array2::from_elem((pieces.len(), order.len()), false);
    for (fold, piece) in pieces.iter().enumerate() {
        for place in piece.clone() {
            validates[[fold, order[place] as usize]] = true;
        }
    }
    validates
}

/// Pieces whose sizes are another function of n, k and the fold.
fn with_sizes(arguments: &[Value], size: fn(usize, usize, usize) -> usize) -> Outcome {
    folds(arguments, |order, k| {
        let n = order.len();
        mask(order, &pieces(n, k, |fold| size(n, k, fold)))
    })
}

fn reference(arguments: &[Value]) -> Outcome {
    folds(arguments, |order, k| mask(order, &equal_pieces(order.len(), k)))
}

fn not_a_partition(_: &[Value], result: &Value) -> Option<String> {
    let Value::Array(Array::Bool(validates)) = result else { return None };
    let validates = validates.view().into_dimensionality::<ndarray::Ix2>().ok()?;
    validates.columns().into_iter().enumerate().find_map(|(sample, column)| {
        let times = column.iter().filter(|&&validates| validates).count();
        (times != 1).then(|| format!("sample {sample} validates {times} times"))
    })
}

const MISCONCEPTIONS: &[Misconception] = &[
    Misconception {
        id: "not-shuffled",
        title: "the samples are cut in their own order and order is not used",
        explanation: "Data often lie sorted: all the cats, then all the dogs. Consecutive pieces then hold classes that the model never \
                      saw in training. Cut the shuffled order.",
        question: "Which samples validate in fold 0: the first of the data or the first of order?",
        see: ("cs231n", "notes: classification (kNN, validation sets)"),
        behaviour: |arguments| {
            folds(arguments, |order, k| {
                let own = ndarray::Array1::from_iter(0..order.len() as i64);
                mask(own.view(), &equal_pieces(order.len(), k))
            })
        },
    },
    Misconception {
        id: "places-for-samples",
        title: "sample i is judged by order[i], as if order said where each sample goes",
        explanation: "order[p] is the sample at place p. The question is at which place sample i stands, which is the inverse permutation. \
                      Writing validates[f, order[start:stop]] = True never confuses the two.",
        question: "Does order[0] = 3 say that sample 3 comes first, or that sample 0 comes fourth?",
        see: ("numpy", "numpy.random.Generator.permutation"),
        behaviour: |arguments| {
            folds(arguments, |order, k| {
                let pieces = equal_pieces(order.len(), k);
                Array2::from_shape_fn((k, order.len()), |(fold, i)| pieces[fold].contains(&(order[i] as usize)))
            })
        },
    },
    Misconception {
        id: "remainder-left-out",
        title: "the samples that n // k does not reach never validate",
        explanation: "With 11 samples and 3 folds of 3, two are left over. They train in every fold and are never tested: the estimate is \
                      of fewer samples than you have. Spread them over the first folds.",
        question: "How many samples validate in all your folds together?",
        see: ("cs231n", "notes: classification (kNN, validation sets)"),
        behaviour: |arguments| with_sizes(arguments, |n, k, _| n / k),
    },
    Misconception {
        id: "remainder-in-last-fold",
        title: "the last fold gets the whole remainder",
        explanation: "17 samples in 5 folds make 3, 3, 3, 3, 5. The folds' scores then rest on different numbers of samples. Sizes should \
                      differ by one at most: 4, 4, 3, 3, 3.",
        question: "What are the sizes of your folds for n = 17 and k = 5?",
        see: ("numpy", "numpy.array_split"),
        behaviour: |arguments| with_sizes(arguments, |n, k, fold| n / k + if fold + 1 == k { n % k } else { 0 }),
    },
    Misconception {
        id: "sizes-rounded-up",
        title: "every fold but the last has n / k samples rounded up",
        explanation: "10 samples in 3 folds make 4, 4, 2, and 17 in 5 make 4, 4, 4, 4, 1. The last fold, with hardly any samples, \
                      weighs as much as the others in the mean.",
        question: "What are the sizes of your folds for n = 17 and k = 5?",
        see: ("numpy", "numpy.array_split"),
        behaviour: |arguments| with_sizes(arguments, |n, k, _| n.div_ceil(k)),
    },
    Misconception {
        id: "larger-folds-last",
        title: "the folds with one sample more come last",
        explanation: "As good a division as any, but not the one that was asked for: the first n % k folds are the larger ones, as with \
                      np.array_split and scikit-learn.",
        question: "For n = 10 and k = 3, which fold has four samples?",
        see: ("numpy", "numpy.array_split"),
        behaviour: |arguments| with_sizes(arguments, |n, k, fold| n / k + usize::from(fold >= k - n % k)),
    },
    Misconception {
        id: "training-mask-returned",
        title: "True marks the samples that train",
        explanation: "In each fold one piece validates and k - 1 train. The other way round, the model would learn from one piece and be \
                      tested on all the rest.",
        question: "How many samples are True in one fold of ten?",
        see: ("cs231n", "notes: classification (kNN, validation sets)"),
        behaviour: |arguments| {
            folds(arguments, |order, k| mask(order, &equal_pieces(order.len(), k)).mapv(|validates| !validates))
        },
    },
    Misconception {
        id: "folds-overlap",
        title: "each piece takes the first sample of the next one as well",
        explanation: "order[start:stop + 1] and start..=stop have one element too many. The sample validates twice, and the folds are no \
                      longer independent pieces.",
        question: "How often does each sample validate?",
        see: ("numpy", "basic indexing: slices"),
        behaviour: |arguments| {
            folds(arguments, |order, k| {
                let n = order.len();
                let longer: Vec<_> =
                    equal_pieces(n, k).into_iter().map(|piece| piece.start..(piece.end + 1).min(n)).collect();
                mask(order, &longer)
            })
        },
    },
    Misconception {
        id: "dealt-in-turn",
        title: "samples are dealt to the folds in turn, like cards",
        explanation: "order[f::k] is as good a partition, and on shuffled data it makes no difference to anyone. The task asks for \
                      consecutive pieces, so that all of us get the same folds.",
        question: "Do order[0] and order[1] validate in the same fold?",
        see: ("numpy", "numpy.array_split"),
        behaviour: |arguments| {
            folds(arguments, |order, k| {
                let mut validates = Array2::from_elem((k, order.len()), false);
                order.iter().enumerate().for_each(|(place, &sample)| validates[[place % k, sample as usize]] = true);
                validates
            })
        },
    },
    Misconception {
        id: "axes-swapped",
        title: "samples are in rows and folds in columns",
        explanation: "validates[f] should be the mask of fold f, ready for x[validates[f]] and x[~validates[f]].",
        question: "Which shape has validates[0]?",
        see: ("numpy", "boolean array indexing"),
        behaviour: |arguments| folds(arguments, |order, k| mask(order, &equal_pieces(order.len(), k)).t().to_owned()),
    },
];
