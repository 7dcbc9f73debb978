//! `low_rank`: the best approximation with k components.

use ndarray::{Array2, Axis, Ix2, array};

use super::svd::{Svd, svd, with_singular_values};
use crate::exercise::{Exercise, Misconception, Outcome, Probe, Property, Signature};
use crate::exercises::arguments::{f64_array, floats, int, int_named, rejects, returns};
use crate::exercises::numbers::Numbers;
use crate::value::Value;

/// The exercise.
pub static LOW_RANK: Exercise = Exercise {
    id: "low_rank",
    station: "singular-value-decomposition",
    task: "Return the matrix of rank k (or less) that is nearest to a: the sum of s[i] * outer(u[:, i], vt[i]) over the\n\
           k largest singular values.\n\
           k = 0 gives zeros, and a k beyond the number of singular values gives a itself.\n\
           Refuse a negative k with an error.",
    signature: Signature {
        name: "low_rank",
        parameters: &[
            f64_array("a", &["m", "n"], "any matrix, such as a grey image"),
            int_named("k", "how many components to keep, 0 or more"),
        ],
        returns: f64_array("approximation", &["m", "n"], "the nearest matrix of rank k"),
    },
    probes,
    reference,
    misconceptions: MISCONCEPTIONS,
    properties: &[Property { title: "misses a by the root of the sum of the dropped s^2", violated: wrong_error }],
    hints: &[
        "How far is your result from a (np.linalg.norm of the difference), and what is the root of the sum of the squares of \
         the singular values you dropped?",
        "u, s, vt = np.linalg.svd(a, full_matrices=False); then (u[:, :k] * s[:k]) @ vt[:k]. Multiplying by s scales the \
         columns of u; slices beyond the end are no error. In Rust, bring svd_from_eigh along and add up the outer products.",
        "a = [[3, 0], [4, 5]], k = 1: s[0] = 6.708, u = (0.316, 0.949), v = (0.707, 0.707). The product is \
         [[1.5, 1.5], [4.5, 4.5]]. The difference [[1.5, -1.5], [-0.5, 0.5]] has length sqrt(5) = 2.236 = s[1].",
    ],
    ..Exercise::DEFAULTS
};

fn probes() -> Vec<Probe> {
    let mut numbers = Numbers::stream(522);
    let arguments = |a: &Array2<f64>, k: i64| vec![a.clone().into(), Value::Int(k)];
    let small = array![[3.0, 0.0], [4.0, 5.0]];
    let tall = with_singular_values(&mut numbers, [5, 3], &[6.0, 3.0, 1.0]);
    let wide = with_singular_values(&mut numbers, [4, 7], &[9.0, 5.0, 2.0, 1.0]);
    let deficient = with_singular_values(&mut numbers, [4, 5], &[4.0, 1.0]);
    vec![
        Probe::ordinary("2 by 2, one component", arguments(&small, 1)),
        Probe::ordinary("5 by 3, one component", arguments(&tall, 1)),
        Probe::ordinary("5 by 3, two components", arguments(&tall, 2)),
        Probe::ordinary("4 by 7, three of four components", arguments(&wide, 3)),
        Probe::ordinary("4 by 7, one component", arguments(&wide, 1)),
        Probe::hard("all components", arguments(&tall, 3)),
        Probe::hard("no component", arguments(&wide, 0)),
        Probe::hard("more components than there are", arguments(&tall, 9)),
        Probe::hard("4 by 5 of rank 2, two components", arguments(&deficient, 2)),
        Probe::hard("a single column", arguments(&array![[3.0], [-4.0]], 1)),
        Probe::hard("a negative k", arguments(&small, -1)),
    ]
}

/// What `approximate` makes of the decomposition and k.
fn approximation(arguments: &[Value], approximate: impl FnOnce(&Svd, usize) -> Array2<f64>) -> Outcome {
    match usize::try_from(int(arguments, 1)) {
        Ok(k) => returns(approximate(&svd(floats::<Ix2>(arguments, 0)), k)),
        Err(_) => rejects("a matrix cannot have a negative number of components"),
    }
}

fn reference(arguments: &[Value]) -> Outcome {
    approximation(arguments, |all, k| all.first(k).product())
}

fn wrong_error(arguments: &[Value], result: &Value) -> Option<String> {
    let a = floats::<Ix2>(arguments, 0);
    let k = usize::try_from(int(arguments, 1)).ok()?;
    let error: f64 = a.iter().zip(result.as_array()?.to_f64()).map(|(a, b)| (a - b).powi(2)).sum::<f64>().sqrt();
    let dropped: f64 = svd(a).s.iter().skip(k).map(|s| s * s).sum::<f64>().sqrt();
    ((error - dropped).abs() > 1e-8).then(|| format!("it misses a by {error}, the dropped values say {dropped}"))
}

const MISCONCEPTIONS: &[Misconception] = &[
    Misconception {
        id: "smallest-kept",
        title: "the k smallest components are kept",
        explanation: "The largest singular values carry the most: dropping s[i] costs s[i]^2 of the squared error. svd sorts them \
                      downwards, so the first k are wanted; eigh sorts upwards, where it would be the last k.",
        question: "Which costs more to drop, s = 6 or s = 1?",
        see: ("cs7015", "L6 SVD"),
        behaviour: |arguments| {
            approximation(arguments, |all, k| {
                let count = all.s.len();
                all.components(count - k.min(count)..count).product()
            })
        },
    },
    Misconception {
        id: "scaled-twice",
        title: "the singular values are multiplied in twice",
        explanation: "u diag(s) vt has each s once. Scaling u's columns and the rows of vt both, or calling a @ v the matrix u, makes \
                      it s squared.",
        question: "With all components kept, do you get a back?",
        see: ("dlbook", "2.8 Singular value decomposition"),
        behaviour: |arguments| {
            approximation(arguments, |all, k| {
                let first = all.first(k);
                Svd { s: &first.s * &first.s, ..first }.product()
            })
        },
    },
    Misconception {
        id: "singular-values-left-out",
        title: "the singular values are left out: u @ vt",
        explanation: "u and vt only rotate; all stretching is in s. Without it every component counts the same, the faintest like the \
                      strongest.",
        question: "Where in your product does s come in?",
        see: ("dlbook", "2.8 Singular value decomposition"),
        behaviour: |arguments| {
            approximation(arguments, |all, k| {
                let first = all.first(k);
                first.u.dot(&first.vt)
            })
        },
    },
    Misconception {
        id: "one-component-more",
        title: "k + 1 components are kept",
        explanation: "[:k] has k entries, from 0 to k - 1; 0..=k has one more. With k = 0 nothing at all should be left.",
        question: "What do you return for k = 0?",
        see: ("numpy", "basic indexing: slices"),
        behaviour: |arguments| approximation(arguments, |all, k| all.first(k + 1).product()),
    },
    Misconception {
        id: "first-component-skipped",
        title: "components 1 to k are kept and component 0, the strongest, is not",
        explanation: "Counting starts at 0: the k largest are s[0] to s[k - 1]. s[1:k + 1] leaves out the one that matters most.",
        question: "Is s[0] among those you keep?",
        see: ("numpy", "basic indexing: slices"),
        behaviour: |arguments| {
            approximation(arguments, |all, k| {
                let count = all.s.len();
                all.components(1.min(count)..(k + 1).min(count)).product()
            })
        },
    },
    Misconception {
        id: "residual-returned",
        title: "what was dropped is returned",
        explanation: "a minus the approximation is the error, worth a look as a picture, but the approximation itself was asked for.",
        question: "For k = 0, do you return zeros or a?",
        see: ("cs7015", "L6 SVD"),
        behaviour: |arguments| {
            approximation(arguments, |all, k| all.components(k.min(all.s.len())..all.s.len()).product())
        },
    },
    Misconception {
        id: "centered-first",
        title: "the column means are subtracted first and added at the end",
        explanation: "That is principal component analysis, which asks another question (directions of a cloud around its mean). The \
                      nearest matrix of rank k comes from the singular values of a as it is.",
        question: "Does the definition subtract anything from a?",
        see: ("dlbook", "2.12 Example: principal components analysis"),
        behaviour: |arguments| {
            let a = floats::<Ix2>(arguments, 0);
            let mean = a.mean_axis(Axis(0)).expect("no matrix without rows");
            approximation(arguments, |_, k| svd((&a - &mean).view()).first(k).product() + &mean)
        },
    },
    Misconception {
        id: "fails-beyond-rank",
        title: "a k beyond the number of singular values is an error",
        explanation: "There is no better matrix of rank 9 than a itself if a has three singular values. Stop at the number there is: \
                      min(k, len(s)), or a slice, which does so by itself.",
        question: "Which matrix of rank at most 9 is nearest to a 5 by 3 matrix?",
        see: ("numpy", "numpy.linalg.svd"),
        behaviour: |arguments| {
            let (m, n) = floats::<Ix2>(arguments, 0).dim();
            if int(arguments, 1) > m.min(n) as i64 { rejects("index out of range") } else { reference(arguments) }
        },
    },
];
