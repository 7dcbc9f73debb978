//! `unbroadcast`: the way back through broadcasting.

use ndarray::{ArrayD, ArrayViewD, Axis, IxDyn, Slice, array};

use crate::exercise::{Element, Exercise, Kind, Misconception, Outcome, Parameter, Probe, Property, Signature};
use crate::exercises::arguments::{f64_array, i64_array, rejects, returns, sizes};
use crate::exercises::numbers::Numbers;
use crate::value::{Array, Value};

/// The exercise.
pub static UNBROADCAST: Exercise = Exercise {
    id: "unbroadcast",
    station: "autograd-graph",
    task: "An array of shape `shape` was broadcast to the shape of g, and g is the gradient that came back.\n\
           Return the gradient of the array itself: g summed over every axis that broadcasting added in front or\n\
           stretched from 1, in the shape `shape` (stretched axes are kept, with length 1).\n\
           NumPy's rule: shapes are aligned at their last axes, missing axes count as 1. An empty shape is a number.",
    signature: Signature {
        name: "unbroadcast",
        parameters: &[
            f64_array("g", &["..."], "gradient, in the broadcast shape; any number of axes"),
            i64_array("shape", &["K"], "shape of the array before broadcasting, K axes"),
        ],
        returns: Parameter {
            name: "gradient",
            kind: Kind::Array { element: Element::F64, axes: &["shape..."] },
            meaning: "gradient of the array, in the shape `shape`",
        },
    },
    probes,
    reference,
    misconceptions: MISCONCEPTIONS,
    properties: &[Property { title: "has the same sum as g", violated: loses_gradient }],
    // A sum over all axes is a plain number in NumPy.
    canonical: Some(|_, value| match value {
        Value::Float(x) => Value::array(&[], vec![x]),
        other => other,
    }),
    hints: &[
        "Write the two shapes below each other, aligned at the right. Which axes are in g only? Which are 1 in shape and more \
         in g?",
        "First sum over axis 0 as long as g has more axes than shape. Then, for every axis where shape says 1, sum over it and \
         keep it with length 1 (keepdims=True). In Python the shape comes as an array: tuple(shape).",
        "g = [[1, 2, 3], [4, 5, 6]].\n\
         shape (3,): a row was added to every row: sum over axis 0, [5, 7, 9].\n\
         shape (2, 1): a column was added to every column: sum over axis 1 and keep it, [[6], [15]].\n\
         shape (): a number was added everywhere: 21.",
    ],
    ..Exercise::DEFAULTS
};

fn probes() -> Vec<Probe> {
    let mut numbers = Numbers::stream(421);
    let small = array![[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]].into_dyn();
    let arguments = |g: ArrayD<f64>, shape: &[usize]| {
        vec![Value::from(g), Value::array(&[shape.len()], shape.iter().map(|&n| n as i64).collect())]
    };
    let mut probes = vec![
        Probe::ordinary("a row of 3 in a table of 2 by 3", arguments(small.clone(), &[3])),
        Probe::ordinary("a column of 2 in a table of 2 by 3", arguments(small.clone(), &[2, 1])),
        Probe::ordinary("the same shape: nothing to do", arguments(small.clone(), &[2, 3])),
    ];
    let cases: [(&[usize], &[usize], bool); 10] = [
        (&[4, 2, 3], &[3], false),
        (&[4, 2, 3], &[2, 1], false),
        (&[4, 2, 3], &[1, 2, 1], false),
        (&[2, 3, 4, 5], &[3, 1, 1], false),
        (&[3, 3], &[3], false),
        (&[2, 3, 4], &[], true),
        (&[4], &[1], true),
        (&[1, 3], &[1, 3], true),
        (&[1, 1], &[1], true),
        (&[3, 3, 3], &[3, 1], true),
    ];
    for (g, shape, hard) in cases {
        let label = format!("g of {g:?}, shape {shape:?}");
        let arguments = arguments(numbers.reals(IxDyn(g), -2.0, 2.0), shape);
        probes.push(if hard { Probe::hard(label, arguments) } else { Probe::ordinary(label, arguments) });
    }
    probes
}

/// How one axis is folded away; the axis is kept with length 1.
type Fold = fn(ArrayViewD<'_, f64>, usize) -> ArrayD<f64>;

fn sum(g: ArrayViewD<'_, f64>, axis: usize) -> ArrayD<f64> {
    g.sum_axis(Axis(axis)).insert_axis(Axis(axis))
}

/// Folds the axes in front, then the stretched ones; the flags say which of the two are done.
fn folded(arguments: &[Value], front: bool, stretched: bool, fold: Fold) -> Result<ArrayD<f64>, String> {
    let (mut g, shape) = call(arguments)?;
    if front {
        while g.ndim() > shape.len() {
            g = fold(g.view(), 0).index_axis_move(Axis(0), 0);
        }
    }
    let offset = g.ndim() - shape.len();
    if stretched {
        for (axis, &length) in shape.iter().enumerate() {
            if length == 1 && g.shape()[offset + axis] != 1 {
                g = fold(g.view(), offset + axis);
            }
        }
    }
    Ok(g)
}

/// g and the shape, if the one can have come from the other.
fn call(arguments: &[Value]) -> Result<(ArrayD<f64>, Vec<usize>), String> {
    let Value::Array(Array::F64(g)) = &arguments[0] else { return Err("g is no array of floats".into()) };
    let shape = sizes(arguments, 1);
    let aligned = g.shape().iter().rev().zip(shape.iter().rev()).all(|(&wide, &own)| own == wide || own == 1);
    if g.ndim() < shape.len() || !aligned {
        return Err(format!("an array of {shape:?} cannot be broadcast to {:?}", g.shape()));
    }
    Ok((g.clone(), shape))
}

fn outcome(result: Result<ArrayD<f64>, String>) -> Outcome {
    match result {
        Ok(gradient) => returns(gradient),
        Err(why) => rejects(why),
    }
}

fn reference(arguments: &[Value]) -> Outcome {
    outcome(folded(arguments, true, true, sum))
}

fn loses_gradient(arguments: &[Value], result: &Value) -> Option<String> {
    let (before, after) = (arguments[0].as_array()?.to_f64(), result.as_array()?.to_f64());
    let (before, after) = (before.iter().sum::<f64>(), after.iter().sum::<f64>());
    ((before - after).abs() > 1e-9).then(|| format!("g sums to {before}, the result to {after}"))
}

const MISCONCEPTIONS: &[Misconception] = &[
    Misconception {
        id: "leading-axes-only",
        title: "only the axes added in front are summed, not those stretched from 1",
        explanation: "A column of shape (2, 1) that was added to a table of 2 by 3 was used three times per row: its gradient is the sum along axis 1, \
                      kept with length 1.",
        question: "What happens in your code where shape has a 1 and g has more?",
        see: ("numpy", "Broadcasting"),
        behaviour: |arguments| outcome(folded(arguments, true, false, sum)),
    },
    Misconception {
        id: "stretched-axes-only",
        title: "only the axes stretched from 1 are summed, not those added in front",
        explanation: "A row of shape (3,) in a table of 2 by 3 was used once per row. Broadcasting put an axis in front of it; the gradient is summed over \
                      that axis, which then goes away.",
        question: "Does your result have as many axes as shape has numbers?",
        see: ("numpy", "Broadcasting"),
        behaviour: |arguments| outcome(folded(arguments, false, true, sum)),
    },
    Misconception {
        id: "axis-dropped",
        title: "stretched axes are summed away and not kept with length 1",
        explanation: "The gradient must have the shape of the array: (2, 1), not (2,). With (2,) the update b - lr * db broadcasts to a 2 by 2 table. Use \
                      keepdims=True, or reshape at the end.",
        question: "What shape has your result for shape (2, 1)?",
        see: ("numpy", "numpy.sum, arguments axis and keepdims"),
        behaviour: |arguments| {
            outcome(folded(arguments, true, true, sum).map(|mut g| {
                let (wide, shape) = call(arguments).expect("checked by folded");
                let offset = wide.ndim() - shape.len();
                for axis in (0..shape.len()).rev() {
                    if shape[axis] == 1 && wide.shape()[offset + axis] != 1 {
                        g = g.index_axis_move(Axis(axis), 0);
                    }
                }
                g
            }))
        },
    },
    Misconception {
        id: "mean-where-sum",
        title: "the gradient is averaged over the broadcast axes and not summed",
        explanation: "The array was used many times, and each use has its own effect on the loss: the effects add up. If a mean is wanted, its 1/N is in the \
                      loss and so in g already.",
        question: "A number added to 6 cells, each with gradient 1: how does the loss change when the number grows by 1?",
        see: ("cs231n", "notes: optimization-2, gradients add up at forks"),
        behaviour: |arguments| {
            let mean: Fold = |g, axis| {
                let length = g.shape()[axis] as f64;
                sum(g, axis) / length
            };
            outcome(folded(arguments, true, true, mean))
        },
    },
    Misconception {
        id: "slice-taken",
        title: "the first slice along each broadcast axis is taken, and the others are lost",
        explanation: "g[0] has the right shape and only one of the contributions. The array was used once per slice: all of them have to be added.",
        question: "Does your result change when the last row of g does?",
        see: ("cs231n", "notes: optimization-2, gradients add up at forks"),
        behaviour: |arguments| {
            outcome(folded(arguments, true, true, |g, axis| g.slice_axis(Axis(axis), Slice::from(0..1)).to_owned()))
        },
    },
    Misconception {
        id: "aligned-left",
        title: "the shapes are aligned at their first axes and not at their last",
        explanation: "Broadcasting adds missing axes in front. A row of shape (3,) in a table of 3 by 3 was repeated down the rows: the sum is over axis 0, \
                      not over axis 1.",
        question: "A (3,) array in a (3, 3) one: along which axis was it repeated?",
        see: ("numpy", "Broadcasting"),
        behaviour: |arguments| {
            outcome(call(arguments).map(|(mut g, shape)| {
                while g.ndim() > shape.len() {
                    g = sum(g.view(), g.ndim() - 1).index_axis_move(Axis(g.ndim() - 1), 0);
                }
                for (axis, &length) in shape.iter().enumerate() {
                    if length == 1 {
                        g = sum(g.view(), axis);
                    }
                }
                g
            }))
        },
    },
    Misconception {
        id: "elements-cut-off",
        title: "the first elements of g are poured into the shape, and the rest is dropped",
        explanation: "np.resize and slicing the flat array give the right shape and nothing else. Each element of the result is a sum over all places to \
                      which it was copied.",
        question: "What do all elements of your result sum to, and what do those of g?",
        see: ("numpy", "Broadcasting"),
        behaviour: |arguments| {
            outcome(call(arguments).map(|(g, shape)| {
                let count = shape.iter().product();
                let kept: Vec<f64> = g.iter().copied().take(count).collect();
                ArrayD::from_shape_vec(shape, kept).expect("g has at least as many elements")
            }))
        },
    },
    Misconception {
        id: "first-axis-only",
        title: "only the first of several broadcast axes is summed",
        explanation: "Several axes may have been added or stretched at once. Loop while g has more axes than shape, and then over all axes of shape.",
        question: "What does your code do with g of (4, 2, 3) and shape (1, 2, 1)?",
        see: ("numpy", "Broadcasting"),
        behaviour: |arguments| {
            outcome(call(arguments).map(|(g, shape)| {
                if g.ndim() > shape.len() {
                    return g.sum_axis(Axis(0));
                }
                match (0..shape.len()).find(|&axis| shape[axis] == 1 && g.shape()[axis] != 1) {
                    Some(axis) => sum(g.view(), axis),
                    None => g,
                }
            }))
        },
    },
];
