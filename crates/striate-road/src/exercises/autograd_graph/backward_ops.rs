//! `backward_ops`: the two gradients of a matrix product, batched or not.

use ndarray::{Array2, ArrayD, ArrayView2, ArrayViewD, Axis, Ix2, IxDyn, array};

use crate::exercise::{Exercise, Kind, Misconception, Outcome, Parameter, Probe, Property, Signature};
use crate::exercises::arguments::{f64_array, rejects, returns};
use crate::exercises::numbers::Numbers;
use crate::value::{Array, Value};

/// The exercise.
pub static BACKWARD_OPS: Exercise = Exercise {
    id: "backward_ops",
    station: "autograd-graph",
    task: "c = a @ b, and g is the gradient of the loss with respect to c. Return the gradients of a and of b.\n\
           a and b are matrices, or batches of matrices with a batch axis in front; one of the two may be a single matrix\n\
           (or a batch of 1) that is used for the whole batch of the other, as matmul allows.\n\
           Each gradient has the shape of its operand: what was used for the whole batch gets the sum over the batch.",
    signature: Signature {
        name: "backward_ops",
        parameters: &[
            f64_array("g", &["...", "n", "m"], "gradient of the product, in its shape"),
            f64_array("a", &["...", "n", "k"], "left operand: [n, k] or [B, n, k]"),
            f64_array("b", &["...", "k", "m"], "right operand: [k, m] or [B, k, m]"),
        ],
        returns: Parameter {
            name: "gradients",
            kind: Kind::Tuple(&[
                f64_array("da", &["...", "n", "k"], "gradient of a, in its shape"),
                f64_array("db", &["...", "k", "m"], "gradient of b, in its shape"),
            ]),
            meaning: "both gradients",
        },
    },
    probes,
    reference,
    misconceptions: MISCONCEPTIONS,
    properties: &[Property {
        title: "gives sum(da * a) = sum(db * b) = sum(g * (a @ b)), since the product is linear in each",
        violated: is_not_linear,
    }],
    hints: &[
        "Shapes first: g is [n, m], a is [n, k], b is [k, m]. Which product of g with one of the others, transposed or not, can \
         be [n, k] at all?",
        "da = g @ b.T and db = a.T @ g. With a batch axis only the last two axes are transposed (np.swapaxes(b, -1, -2)), and \
         where the operand had no batch axis, or a batch of 1, the result is summed over the batch, as in unbroadcast.",
        "a = [[1, 2]], b = [[3], [4]], so c = [[11]]; g = [[10]].\n\
         da = g @ b.T = [[30, 40]], db = a.T @ g = [[10], [20]].\n\
         With the same b and a batch of two such a, [[1, 2]] and [[5, 6]], each with g = [[10]]: \
         db = [[10], [20]] + [[50], [60]] = [[60], [80]].",
    ],
    ..Exercise::DEFAULTS
};

fn probes() -> Vec<Probe> {
    let mut numbers = Numbers::stream(441);
    let mut probes = vec![Probe::ordinary(
        "1 by 2 times 2 by 1",
        vec![array![[10.0]].into(), array![[1.0, 2.0]].into(), array![[3.0], [4.0]].into()],
    )];
    let cases: [(&[usize], &[usize], bool); 11] = [
        (&[2, 3], &[3, 4], false),
        (&[5, 2], &[2, 3], false),
        (&[3, 3], &[3, 3], false),
        (&[4, 2, 3], &[4, 3, 5], false),
        (&[4, 2, 3], &[3, 5], false),
        (&[2, 3], &[4, 3, 5], false),
        (&[1, 1], &[1, 1], true),
        (&[4, 2, 3], &[1, 3, 5], true),
        (&[1, 2, 3], &[4, 3, 5], true),
        (&[1, 2, 3], &[3, 4], true),
        (&[5, 2, 2], &[2, 2], true),
    ];
    for (a, b, hard) in cases {
        let batch = [a, b].into_iter().filter(|shape| shape.len() == 3).map(|shape| shape[0]).max();
        let product: Vec<usize> = batch.into_iter().chain([a[a.len() - 2], b[b.len() - 1]]).collect();
        let mut reals = |shape: &[usize]| Value::from(numbers.reals(IxDyn(shape), -2.0, 2.0));
        let arguments = vec![reals(&product), reals(a), reals(b)];
        let label = format!("a of {a:?}, b of {b:?}");
        probes.push(if hard { Probe::hard(label, arguments) } else { Probe::ordinary(label, arguments) });
    }
    probes
}

/// What becomes of an operand's gradients, one for each member of the batch.
#[derive(Clone, Copy, PartialEq)]
enum Reduction {
    /// Summed if the operand was used for the whole batch.
    Right,
    /// Never summed.
    Kept,
    /// Always summed.
    Summed,
    /// The mean if the operand was used for the whole batch.
    Averaged,
    /// The first if the operand was used for the whole batch.
    First,
    /// Summed if the operand was used for the whole batch, and a batch axis of 1 is lost.
    Dropped,
}

/// Both gradients of the product of two matrices, or `None` where the shapes do not fit.
type Rule = fn(ArrayView2<'_, f64>, ArrayView2<'_, f64>, ArrayView2<'_, f64>) -> Option<(Array2<f64>, Array2<f64>)>;

fn right_rule(
    g: ArrayView2<'_, f64>,
    a: ArrayView2<'_, f64>,
    b: ArrayView2<'_, f64>,
) -> Option<(Array2<f64>, Array2<f64>)> {
    Some((product(g, b.t())?, product(a.t(), g)?))
}

/// The product, if the shapes fit.
fn product(a: ArrayView2<'_, f64>, b: ArrayView2<'_, f64>) -> Option<Array2<f64>> {
    (a.ncols() == b.nrows()).then(|| a.dot(&b))
}

fn array_at(arguments: &[Value], index: usize) -> ArrayViewD<'_, f64> {
    match &arguments[index] {
        Value::Array(Array::F64(array)) => array.view(),
        other => panic!("argument {index} should be an f64 array, it is {other:?}"),
    }
}

/// Member `index` of a batch; a single matrix and a batch of 1 are every member.
fn member<'a>(array: &'a ArrayViewD<'_, f64>, index: usize) -> Option<ArrayView2<'a, f64>> {
    let matrix = match array.ndim() {
        2 => array.view(),
        3 => array.index_axis(Axis(0), if array.shape()[0] == 1 { 0 } else { index }),
        _ => return None,
    };
    matrix.into_dimensionality::<Ix2>().ok()
}

fn gradients(arguments: &[Value], rule: Rule, reduction: Reduction) -> Option<(ArrayD<f64>, ArrayD<f64>)> {
    let [g, a, b] = [0, 1, 2].map(|index| array_at(arguments, index));
    let batch = if g.ndim() == 3 { g.shape()[0] } else { 1 };
    let fits = |array: &ArrayViewD<'_, f64>| array.ndim() < 3 || array.shape()[0] == batch || array.shape()[0] == 1;
    if ![&a, &b].into_iter().all(fits) {
        return None;
    }
    let pairs: Option<Vec<_>> = (0..batch).map(|i| rule(member(&g, i)?, member(&a, i)?, member(&b, i)?)).collect();
    let (of_a, of_b): (Vec<_>, Vec<_>) = pairs?.into_iter().unzip();
    let batched = g.ndim() == 3;
    Some((reduced(&of_a, &a, batched, reduction)?, reduced(&of_b, &b, batched, reduction)?))
}

/// The gradient of an operand from those of the members of the batch.
fn reduced(
    members: &[Array2<f64>],
    operand: &ArrayViewD<'_, f64>,
    batched: bool,
    reduction: Reduction,
) -> Option<ArrayD<f64>> {
    let views: Vec<_> = members.iter().map(|member| member.view()).collect();
    let all = ndarray::stack(Axis(0), &views).ok()?.into_dyn();
    if !batched {
        return Some(all.index_axis_move(Axis(0), 0));
    }
    let shared = operand.ndim() == 2 || operand.shape()[0] == 1;
    let sum = all.sum_axis(Axis(0));
    let in_shape = |gradient: ArrayD<f64>| if operand.ndim() == 3 { gradient.insert_axis(Axis(0)) } else { gradient };
    Some(match reduction {
        Reduction::Kept => all,
        Reduction::Summed => sum,
        _ if !shared => all,
        Reduction::Right => in_shape(sum),
        Reduction::Averaged => in_shape(sum / members.len() as f64),
        Reduction::First => in_shape(all.index_axis_move(Axis(0), 0)),
        Reduction::Dropped => sum,
    })
}

fn outcome(gradients: Option<(ArrayD<f64>, ArrayD<f64>)>) -> Outcome {
    match gradients {
        Some((da, db)) => returns(Value::Tuple(vec![da.into(), db.into()])),
        None => rejects("the shapes do not fit"),
    }
}

fn reference(arguments: &[Value]) -> Outcome {
    outcome(gradients(arguments, right_rule, Reduction::Right))
}

fn with_rule(arguments: &[Value], rule: Rule) -> Outcome {
    outcome(gradients(arguments, rule, Reduction::Right))
}

fn with_reduction(arguments: &[Value], reduction: Reduction) -> Outcome {
    outcome(gradients(arguments, right_rule, reduction))
}

/// Euler: a function that is linear in a satisfies sum(gradient * a) = function.
fn is_not_linear(arguments: &[Value], result: &Value) -> Option<String> {
    let Value::Tuple(parts) = result else { return None };
    let inner = |part: usize, operand: usize| {
        let gradient = parts.get(part)?.as_array()?.to_f64();
        Some(gradient.iter().zip(array_at(arguments, operand)).map(|(x, y)| x * y).sum::<f64>())
    };
    let (of_a, of_b) = (inner(0, 1)?, inner(1, 2)?);
    ((of_a - of_b).abs() > 1e-8 * (1.0 + of_a.abs()))
        .then(|| format!("sum(da * a) is {of_a} and sum(db * b) is {of_b}"))
}

const MISCONCEPTIONS: &[Misconception] = &[
    Misconception {
        id: "operands-swapped",
        title: "the products are the other way round: da = b.T @ g and db = g @ a.T",
        explanation: "a stands on the left of the product, so its gradient has g on the left: da = g @ b.T. b stands on the right: db = a.T @ g. With square \
                      matrices both ways run; the shapes decide otherwise.",
        question: "For a of [2, 3] and b of [3, 4], which shape has b.T @ g?",
        see: ("cs231n", "notes: optimization-2, gradients for vectorized operations"),
        behaviour: |arguments| with_rule(arguments, |g, a, b| Some((product(b.t(), g)?, product(g, a.t())?))),
    },
    Misconception {
        id: "transpose-missing",
        title: "the operands are not transposed: da = g @ b and db = a @ g",
        explanation: "b takes rows of a to rows of c; gradients go back, so through b.T. With square matrices the wrong product runs and gives numbers of the \
                      right shape.",
        question: "g is [n, m] and b is [k, m]: what is g @ b for m different from k?",
        see: ("cs231n", "notes: optimization-2, gradients for vectorized operations"),
        behaviour: |arguments| with_rule(arguments, |g, a, b| Some((product(g, b)?, product(a, g)?))),
    },
    Misconception {
        id: "all-axes-transposed",
        title: "a batch is transposed with .T, which reverses all axes, the batch axis too",
        explanation: "For an array of [B, k, m], .T is [m, k, B]. Only the last two axes belong to the matrices: np.swapaxes(b, -1, -2), or b.mT in new \
                      versions.",
        question: "What is the shape of b.T for b of [4, 3, 5]?",
        see: ("numpy", "numpy.swapaxes"),
        behaviour: |arguments| {
            let batched = (1..3).any(|index| array_at(arguments, index).ndim() == 3);
            if batched { rejects("the shapes do not fit") } else { reference(arguments) }
        },
    },
    Misconception {
        id: "batch-not-summed",
        title: "a matrix that was used for the whole batch gets one gradient per member of the batch",
        explanation: "A gradient has the shape of its operand. The matrix was used B times, and its gradient is the sum of the B contributions: this is the \
                      unbroadcast of matmul.",
        question: "b is [3, 5]. What shape has your db when a is [4, 2, 3]?",
        see: ("cs231n", "notes: optimization-2, gradients add up at forks"),
        behaviour: |arguments| with_reduction(arguments, Reduction::Kept),
    },
    Misconception {
        id: "batch-summed-always",
        title: "gradients are summed over the batch even for an operand that has a matrix per member",
        explanation: "With a of [B, n, k] and b of [B, k, m] every member has its own matrices and its own gradients. Only what is shared is summed.",
        question: "a and b are both batches of 4. How many matrices should da have?",
        see: ("cs231n", "notes: optimization-2, gradients add up at forks"),
        behaviour: |arguments| with_reduction(arguments, Reduction::Summed),
    },
    Misconception {
        id: "mean-where-sum",
        title: "the gradient of a shared matrix is averaged over the batch and not summed",
        explanation: "Contributions of several uses add up. If the loss is a mean over the batch, its 1/B is in g already.",
        question: "Is there a 1/B in c = a @ b?",
        see: ("cs231n", "notes: optimization-2, gradients add up at forks"),
        behaviour: |arguments| with_reduction(arguments, Reduction::Averaged),
    },
    Misconception {
        id: "slice-taken",
        title: "a shared matrix gets the gradient of the first member of the batch only",
        explanation: "The right shape, and one of B contributions. The matrix was used for every member: add them all up.",
        question: "Does your db change when the last matrix of g does?",
        see: ("cs231n", "notes: optimization-2, gradients add up at forks"),
        behaviour: |arguments| with_reduction(arguments, Reduction::First),
    },
    Misconception {
        id: "axis-dropped",
        title: "an operand with a batch axis of 1 gets a gradient without that axis",
        explanation: "[1, k, m] and [k, m] broadcast alike but are different shapes, and a gradient has the shape of its operand: keep the axis where it was \
                      there.",
        question: "b is [1, 3, 5]. What shape has your db?",
        see: ("numpy", "numpy.sum, arguments axis and keepdims"),
        behaviour: |arguments| with_reduction(arguments, Reduction::Dropped),
    },
    Misconception {
        id: "results-swapped",
        title: "the gradient of b is returned first",
        explanation: "The gradients come in the order of the operands: da, then db. The backward pass often computes them the other way round; the return must \
                      not.",
        question: "Which of your two results has the shape of a?",
        see: ("cs231n", "notes: optimization-2, gradients for vectorized operations"),
        behaviour: |arguments| outcome(gradients(arguments, right_rule, Reduction::Right).map(|(da, db)| (db, da))),
    },
];
