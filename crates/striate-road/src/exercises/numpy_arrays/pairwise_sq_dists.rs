//! `pairwise_sq_dists`: every point of one set against every point of another.

use ndarray::{Array1, Array2, ArrayView2, Axis, array};

use crate::exercise::{Exercise, Misconception, Outcome, Probe, Property, Signature, Speed};
use crate::exercises::arguments::{f64_array, floats, rejects, returns};
use crate::exercises::numbers::Numbers;
use crate::value::Value;

/// The exercise.
pub static PAIRWISE_SQ_DISTS: Exercise = Exercise {
    id: "pairwise_sq_dists",
    station: "numpy-arrays",
    task: "Return the squared Euclidean distance of every row of a to every row of b:\n\
           out[i, j] = sum over d of (a[i, d] - b[j, d])**2.\n\
           No result may be negative, and points far from the origin must not lose their digits.\n\
           For many points an N x M x D array in between does not fit into memory: aim for a matrix product.",
    signature: Signature {
        name: "pairwise_sq_dists",
        parameters: &[
            f64_array("a", &["N", "D"], "points, one per row"),
            f64_array("b", &["M", "D"], "points, one per row"),
        ],
        returns: f64_array("out", &["N", "M"], "squared distances"),
    },
    probes,
    reference,
    misconceptions: MISCONCEPTIONS,
    properties: &[Property { title: "has no negative number", violated: negative }],
    speed: Some(Speed { arguments: large, naive_steps: 300.0 * 200.0 * 64.0, times_faster: 15.0 }),
    hints: &[
        "Start with the shapes: a[:, None, :] is (N, 1, D). What does it give together with b, which is (M, D)? That \
         version is right; then make it smaller.",
        "|a - b|^2 = |a|^2 + |b|^2 - 2 a.b: a column of N numbers, a row of M numbers and a matrix product. Distances do \
         not change when both sets are moved, so subtract the mean of b from both first: then the squares are small and \
         nothing cancels. Clip what rounding leaves below 0.",
        "a = [[3, 4]], b = [[0, 0], [3, 3]]. Squares: 25 against 0 and 18; products 0 and 21.\n\
         25 + 0 - 0 = 25 and 25 + 18 - 42 = 1. By hand: 3*3 + 4*4 = 25 and 0 + 1 = 1.",
    ],
    ..Exercise::DEFAULTS
};

fn probes() -> Vec<Probe> {
    let mut numbers = Numbers::stream(521);
    let mut random = |n: usize, m: usize, d: usize, low: f64, high: f64| -> Vec<Value> {
        vec![numbers.reals([n, d], low, high).into(), numbers.reals([m, d], low, high).into()]
    };
    let points = |a: &[f64], b: &[f64]| -> Vec<Value> {
        let column = |x: &[f64]| Array1::from(x.to_vec()).insert_axis(Axis(1));
        vec![column(a).into(), column(b).into()]
    };
    vec![
        Probe::ordinary(
            "2 points and 3 points of the plane",
            vec![array![[3.0, 4.0], [0.0, 1.0]].into(), array![[0.0, 0.0], [3.0, 3.0], [-1.0, 2.0]].into()],
        ),
        Probe::ordinary("3 and 5 points with 2 coordinates", random(3, 5, 2, -2.0, 2.0)),
        Probe::ordinary("4 and 2 points with 7 coordinates", random(4, 2, 7, -2.0, 2.0)),
        Probe::ordinary("5 and 3 points with 4 coordinates, all positive", random(5, 3, 4, 1.0, 3.0)),
        Probe::hard("as many points in both sets as coordinates", random(3, 3, 3, -2.0, 2.0)),
        Probe::hard("a single point on each side", random(1, 1, 3, -2.0, 2.0)),
        Probe::hard("one coordinate", points(&[1.0, -2.0, 4.0], &[0.5, -2.0])),
        Probe::hard(
            "points a hundred million away from the origin",
            points(&[100_000_001.0, 100_000_003.0, 100_000_010.0], &[100_000_000.0, 100_000_006.0]),
        ),
        Probe::hard(
            "two near points of the plane, a hundred million away from the origin",
            vec![array![[100_000_010.0, 70_000_009.0]].into(), array![[100_000_011.0, 70_000_009.0]].into()],
        ),
    ]
}

fn large() -> Vec<Value> {
    let mut numbers = Numbers::stream(522);
    vec![numbers.reals([300, 64], -1.0, 1.0).into(), numbers.reals([200, 64], -1.0, 1.0).into()]
}

type Points<'a> = ArrayView2<'a, f64>;

fn both(arguments: &[Value]) -> (Points<'_>, Points<'_>) {
    (floats(arguments, 0), floats(arguments, 1))
}

/// A result whose number `[i, j]` comes from the differences of row `i` of a and row `j` of b.
fn of_differences(arguments: &[Value], combine: impl Fn(Array1<f64>) -> f64) -> Outcome {
    let (a, b) = both(arguments);
    returns(Array2::from_shape_fn((a.nrows(), b.nrows()), |(i, j)| combine(&a.row(i) - &b.row(j))))
}

/// `|a|^2 + |b|^2 + factor * a.b`, not centred.
fn expanded(arguments: &[Value], factor: f64) -> Array2<f64> {
    let (a, b) = both(arguments);
    let squares = |points: Points<'_>| points.mapv(|x| x * x).sum_axis(Axis(1));
    squares(a).insert_axis(Axis(1)) + squares(b) + a.dot(&b.t()) * factor
}

fn reference(arguments: &[Value]) -> Outcome {
    of_differences(arguments, |difference| difference.mapv(|x| x * x).sum())
}

fn negative(_: &[Value], result: &Value) -> Option<String> {
    result.as_array()?.to_f64().into_iter().find(|x| *x < 0.0).map(|x| format!("it holds {x}"))
}

const MISCONCEPTIONS: &[Misconception] = &[
    Misconception {
        id: "distance-not-squared",
        title: "the distances themselves are returned, not their squares",
        explanation: "The square root is one step too many: the task asks for the squares. The nearest point is the same \
                      with and without the root, which is why it is usually left away.",
        question: "How far is (0, 0) from (3, 4), and what should out say?",
        see: ("dlbook", "2.5 Norms"),
        behaviour: |arguments| of_differences(arguments, |difference| difference.mapv(|x| x * x).sum().sqrt()),
    },
    Misconception {
        id: "expanded-far-from-zero",
        title: "|a|^2 + |b|^2 - 2 a.b is taken of points far from the origin, and their digits cancel",
        explanation: "At 1e8 the squares are 1e16, where neighbouring floats are 2 apart: the difference of such numbers \
                      has no digits left. Subtract the mean of b from both sets first; distances do not change.",
        question: "What does 1e16 + 1 - 1e16 give in floating point?",
        see: ("dlbook", "4.1 Overflow and Underflow"),
        behaviour: |arguments| returns(expanded(arguments, -2.0).mapv(|x| x.max(0.0))),
    },
    Misconception {
        id: "negative-round-off-kept",
        title: "|a|^2 + |b|^2 - 2 a.b is neither centred nor kept from going below zero",
        explanation: "Rounding leaves small negative numbers where the distance is nearly 0, and a later square root makes \
                      them NaN. Centre both sets on the mean of b, then clip: np.maximum(out, 0).",
        question: "Is the smallest number of your result ever below zero?",
        see: ("dlbook", "4.1 Overflow and Underflow"),
        behaviour: |arguments| returns(expanded(arguments, -2.0)),
    },
    Misconception {
        id: "cross-term-not-doubled",
        title: "the mixed term is a.b in place of 2 a.b",
        explanation: "(a - b)^2 = a^2 - 2 a b + b^2. Test with a point against itself: a^2 + a^2 - a^2 is not 0.",
        question: "What is the distance of a point to itself in your result?",
        see: ("dlbook", "2.5 Norms"),
        behaviour: |arguments| returns(expanded(arguments, -1.0)),
    },
    Misconception {
        id: "sum-for-difference",
        title: "the mixed term is added: these are the squared lengths of a + b",
        explanation: "|a|^2 + |b|^2 + 2 a.b is |a + b|^2. Points on opposite sides of the origin look near, equal points \
                      look far.",
        question: "What is the distance of a point to itself in your result?",
        see: ("dlbook", "2.5 Norms"),
        behaviour: |arguments| returns(expanded(arguments, 2.0)),
    },
    Misconception {
        id: "axes-swapped",
        title: "the result is transposed: rows belong to b and columns to a",
        explanation: "The operand with the new axis in second place, a[:, None, :], gives the rows. With b[:, None, :] the \
                      result has shape (M, N).",
        question: "Which shape does b[:, None, :] - a have?",
        see: ("cs231n", "Python/NumPy tutorial, Broadcasting"),
        behaviour: |arguments| {
            let (a, b) = both(arguments);
            let distance = |j: usize, i: usize| (&a.row(i) - &b.row(j)).mapv(|x| x * x).sum();
            returns(Array2::from_shape_fn((b.nrows(), a.nrows()), |(j, i)| distance(j, i)))
        },
    },
    Misconception {
        id: "axis-missing-before-broadcast",
        title: "a - b pairs the rows up: point i only meets point i",
        explanation: "(N, D) and (M, D) fit only if N equals M, and then row meets row. To let every row meet every other \
                      one, give a an axis for b's rows: a[:, None, :] - b has shape (N, M, D).",
        question: "How many pairs of points are there, and how many numbers has a - b?",
        see: ("numpy", "Broadcasting"),
        behaviour: |arguments| {
            let (a, b) = both(arguments);
            let (n, m) = (a.nrows(), b.nrows());
            if n != m && n != 1 && m != 1 {
                return rejects(format!("{n} rows and {m} rows cannot be broadcast together"));
            }
            returns(Array1::from_shape_fn(n.max(m), |i| {
                (&a.row(i.min(n - 1)) - &b.row(i.min(m - 1))).mapv(|x| x * x).sum()
            }))
        },
    },
    Misconception {
        id: "sum-over-wrong-axis",
        title: "the squared differences are summed over the points of b and not over the coordinates",
        explanation: "(a[:, None, :] - b)**2 has the axes point of a, point of b, coordinate. The distance sums the last \
                      one: axis=-1. axis=1 leaves a number per coordinate.",
        question: "Name the three axes of a[:, None, :] - b: which one should be gone at the end?",
        see: ("numpy", "numpy.sum, argument axis"),
        behaviour: |arguments| {
            let (a, b) = both(arguments);
            let summed = |i: usize, d: usize| b.column(d).mapv(|x| (a[[i, d]] - x).powi(2)).sum();
            returns(Array2::from_shape_fn(a.dim(), |(i, d)| summed(i, d)))
        },
    },
    Misconception {
        id: "squared-after-summing",
        title: "the differences are summed first and squared then",
        explanation: "A difference of +1 and one of -1 then cancel, and far points look equal. Square every coordinate's \
                      difference, then sum.",
        question: "How far apart are (0, 0) and (1, -1) in your result?",
        see: ("dlbook", "2.5 Norms"),
        behaviour: |arguments| of_differences(arguments, |difference| difference.sum().powi(2)),
    },
    Misconception {
        id: "mean-where-sum",
        title: "the squared differences are averaged over the coordinates in place of summed",
        explanation: "The squared Euclidean distance is a sum. A mean is smaller by the number of coordinates D: harmless \
                      for one data set, wrong as soon as two with different D are compared.",
        question: "Does your result change when you append a coordinate that is 0 in all points?",
        see: ("dlbook", "2.5 Norms"),
        behaviour: |arguments| of_differences(arguments, |difference| difference.mapv(|x| x * x).mean().unwrap_or(0.0)),
    },
    Misconception {
        id: "magnitude-for-square",
        title: "magnitudes are summed in place of squares (the L1 distance)",
        explanation: "|x| + |y| is the way along the streets. The squared Euclidean distance sums x^2 + y^2.",
        question: "What does your result say for (0, 0) and (3, 4)?",
        see: ("dlbook", "2.5 Norms"),
        behaviour: |arguments| of_differences(arguments, |difference| difference.mapv(f64::abs).sum()),
    },
];
