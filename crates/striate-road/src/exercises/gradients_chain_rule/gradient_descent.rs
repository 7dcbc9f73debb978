//! `gradient_descent`: downhill, step by step.

use ndarray::{Array1, Array2, ArrayView1, Axis, array, s, stack};

use super::differences::call;
use crate::exercise::{Exercise, Kind, Misconception, Outcome, Parameter, Probe, Property, Signature};
use crate::exercises::arguments::{callback, count, f64_array, float, float_named, floats, int_named, returns};
use crate::value::Value;

/// The exercise.
pub static GRADIENT_DESCENT: Exercise = Exercise {
    id: "gradient_descent",
    station: "gradients-chain-rule",
    task: "Walk downhill: from x0 make `steps` steps x - lr * grad(x), and return every point on the way.\n\
           Row 0 of the result is x0 and row t the point after t steps: steps + 1 rows.\n\
           grad takes an array of n numbers and returns the gradient there. x0 must be unchanged at the end.",
    signature: Signature {
        name: "gradient_descent",
        parameters: &[
            Parameter { name: "grad", kind: Kind::Function, meaning: "the gradient, called as grad(x)" },
            f64_array("x0", &["n"], "where the walk starts"),
            float_named("lr", "learning rate, the same in every step"),
            int_named("steps", "number of steps, 0 or more"),
        ],
        returns: f64_array("path", &["steps+1", "n"], "the points, one per row"),
    },
    probes,
    reference,
    misconceptions: MISCONCEPTIONS,
    properties: &[Property { title: "starts at x0", violated: starts_elsewhere }],
    hints: &[
        "For f(x) = x**2, grad(x) = 2 x, do two steps by hand from 1 with lr = 0.25. How many points is that?",
        "Make an array of zeros with steps + 1 rows and put x0 into row 0. Row t + 1 is row t - lr * grad(row t). Rows of \
         their own: nothing is changed in place, and no point is written over.",
        "grad(x) = 2 x, x0 = 1, lr = 0.25: 1 - 0.25 * 2 = 0.5, then 0.5 - 0.25 * 1 = 0.25. The path for 2 steps is \
         [[1], [0.5], [0.25]]. With lr = 1 it is [[1], [-1], [1]]: there and back for ever.",
    ],
    ..Exercise::DEFAULTS
};

/// A gradient that a probe hands out.
type Gradient = fn(ArrayView1<'_, f64>) -> Array1<f64>;

fn probes() -> Vec<Probe> {
    let square: Gradient = |x| 2.0 * &x;
    let bowl: Gradient = |x| array![2.0 * x[0] + x[1], x[0] + 4.0 * x[1] - 1.0];
    let valley: Gradient = |x| {
        // Rosenbrock's function, 100 times less steep.
        let off = x[1] - x[0] * x[0];
        array![-4.0 * x[0] * off - 2.0 * (1.0 - x[0]), 2.0 * off]
    };
    let three: Gradient = |x| array![x[0] - x[1], x[1] - x[0] + (x[1] - x[2]), x[2] - x[1] + x[2].powi(3)];
    let arguments = |grad: Gradient, x0: &[f64], lr: f64, steps: i64| {
        vec![function(grad), Array1::from(x0.to_vec()).into(), Value::Float(lr), Value::Int(steps)]
    };
    vec![
        Probe::ordinary("x**2 from 1, lr 0.25, 2 steps", arguments(square, &[1.0], 0.25, 2)),
        Probe::ordinary("a bowl in 2 dimensions, 3 steps", arguments(bowl, &[2.0, -1.0], 0.1, 3)),
        Probe::ordinary("a curved valley, 6 steps", arguments(valley, &[-1.0, 1.5], 0.05, 6)),
        Probe::ordinary("3 dimensions, 4 steps", arguments(three, &[1.0, -2.0, 0.5], 0.2, 4)),
        Probe::hard("a step that is too large: the walk climbs out of the bowl", arguments(bowl, &[0.5, 0.25], 0.6, 8)),
        Probe::hard("a step that goes there and back", arguments(square, &[1.0, -3.0, 0.5], 1.0, 3)),
        Probe::hard("no step at all", arguments(bowl, &[2.0, -1.0], 0.1, 0)),
        Probe::hard("a single step", arguments(three, &[0.0, 1.0, 2.0], 0.1, 1)),
        Probe::hard("a start at the minimum", arguments(square, &[0.0, 0.0], 0.3, 2)),
    ]
}

fn function(grad: Gradient) -> Value {
    Value::function("grad", move |x| grad(x.view().into_shape_with_order(x.len()).expect("one axis")).into_dyn())
}

struct Call<'a> {
    arguments: &'a [Value],
    start: Array1<f64>,
    rate: f64,
    steps: usize,
}

fn walk(arguments: &[Value]) -> Call<'_> {
    let (rate, steps) = (float(arguments, 2), count(arguments, 3));
    Call { arguments, start: floats(arguments, 1).to_owned(), rate, steps }
}

impl Call<'_> {
    fn gradient(&self, x: &Array1<f64>) -> Array1<f64> {
        call(callback(self.arguments, 0), x).into_dimensionality().expect("one axis")
    }

    /// The points of a walk whose next point comes from the number of steps so far and the point.
    fn points(&self, mut next: impl FnMut(&Self, usize, &Array1<f64>) -> Array1<f64>) -> Vec<Array1<f64>> {
        let mut points = vec![self.start.clone()];
        for t in 0..self.steps {
            points.push(next(self, t, &points[t]));
        }
        points
    }

    fn path(&self, next: impl FnMut(&Self, usize, &Array1<f64>) -> Array1<f64>) -> Array2<f64> {
        rows(&self.points(next))
    }
}

fn rows(points: &[Array1<f64>]) -> Array2<f64> {
    stack(Axis(0), &points.iter().map(|point| point.view()).collect::<Vec<_>>()).expect("points of one length")
}

/// The right step.
fn downhill(call: &Call<'_>, _: usize, x: &Array1<f64>) -> Array1<f64> {
    x - call.rate * call.gradient(x)
}

fn reference(arguments: &[Value]) -> Outcome {
    returns(walk(arguments).path(downhill))
}

fn starts_elsewhere(arguments: &[Value], result: &Value) -> Option<String> {
    let x0: ArrayView1<'_, f64> = floats(arguments, 1);
    let path = result.as_array()?.to_f64_array();
    let first = path.outer_iter().next()?;
    first.iter().zip(x0).any(|(a, b)| a != b).then(|| format!("row 0 is {first}, and x0 is {x0}"))
}

const MISCONCEPTIONS: &[Misconception] = &[
    Misconception {
        id: "sign-flipped",
        title: "the step is added: the walk climbs",
        explanation: "The gradient points uphill. To go down, go against it: x - lr * grad(x).",
        question: "At x = 1 the gradient of x**2 is 2. Which way is down?",
        see: ("dlbook", "4.3 Gradient-based optimization"),
        behaviour: |arguments| returns(walk(arguments).path(|call, _, x| x + call.rate * call.gradient(x))),
    },
    Misconception {
        id: "same-array-appended",
        title: "one array is changed in place and appended again and again: all rows show the last point",
        explanation: "A list holds references. x -= lr * grad(x) changes the one array that all entries of the list point \
                      to, and the caller's x0 with it. x = x - lr * grad(x) makes a new one; or append x.copy().",
        question: "Is path[0] the same object as path[1]: what does path[0] is path[1] say?",
        see: ("dls-c1", "W2 Broadcasting in Python; A note on python/numpy vectors"),
        behaviour: |arguments| {
            let points = walk(arguments).points(downhill);
            returns(rows(&vec![points[points.len() - 1].clone(); points.len()]))
        },
    },
    Misconception {
        id: "start-not-recorded",
        title: "the start is left out: the first row is the point after one step",
        explanation: "n steps lie between n + 1 points, like fence panels between posts. Record x0 before the loop.",
        question: "How many points are there after 0 steps?",
        see: ("dlbook", "4.3 Gradient-based optimization"),
        behaviour: |arguments| returns(walk(arguments).path(downhill).slice(s![1.., ..]).to_owned()),
    },
    Misconception {
        id: "last-not-recorded",
        title: "each point is recorded before its step, and the last one never",
        explanation: "Recording at the top of the loop gives the points before each step: the one you walked all the way \
                      for is missing. Record x0 before the loop, then after every step.",
        question: "Is the last point you compute in the result?",
        see: ("dlbook", "4.3 Gradient-based optimization"),
        behaviour: |arguments| {
            let call = walk(arguments);
            returns(call.path(downhill).slice(s![..call.steps, ..]).to_owned())
        },
    },
    Misconception {
        id: "only-last-point",
        title: "only the last point is returned",
        explanation: "The path tells more than its end: whether it zigzags, creeps or runs away. Collect every point as a \
                      row.",
        question: "How many axes should the result have?",
        see: ("dlbook", "4.3 Gradient-based optimization"),
        behaviour: |arguments| {
            let points = walk(arguments).points(downhill);
            returns(points[points.len() - 1].clone())
        },
    },
    Misconception {
        id: "step-size-decays",
        title: "the learning rate is divided by the number of the step",
        explanation: "A decaying rate is a good idea for noisy gradients, and comes later. Here lr is the same in every \
                      step: what shortens the steps is the gradient, which shrinks near the minimum.",
        question: "How large is lr in your third step?",
        see: ("cs7015", "L3 Gradient descent"),
        behaviour: |arguments| {
            returns(walk(arguments).path(|call, t, x| x - call.rate / (t + 1) as f64 * call.gradient(x)))
        },
    },
    Misconception {
        id: "gradient-not-updated",
        title: "the gradient is computed once, at the start, and used in every step",
        explanation: "The slope changes along the way: at the minimum it is zero, and that is what stops the walk. Ask grad \
                      at the new point in every step.",
        question: "How often does your code call grad for 10 steps?",
        see: ("dlbook", "4.3 Gradient-based optimization"),
        behaviour: |arguments| {
            let call = walk(arguments);
            let gradient = call.gradient(&call.start);
            returns(call.path(|call, _, x| x - call.rate * &gradient))
        },
    },
    Misconception {
        id: "gradient-normalized",
        title: "the gradient is divided by its length, so that every step is lr long",
        explanation: "Then the walk never settles: near the minimum it still makes steps of length lr, back and forth, and \
                      at the minimum itself it divides by 0. The length of the gradient is part of the step.",
        question: "How long is your step right beside the minimum?",
        see: ("cs7015", "L3 Gradient descent"),
        behaviour: |arguments| {
            returns(walk(arguments).path(|call, _, x| {
                let gradient = call.gradient(x);
                x - call.rate * &gradient / gradient.dot(&gradient).sqrt()
            }))
        },
    },
    Misconception {
        id: "updated-before-used",
        title: "the entries are updated one after the other, each with a gradient at the half-updated point",
        explanation: "The gradient belongs to one point. If x[0] has moved already when the slope for x[1] is computed, the \
                      step follows the gradient at no point at all. Compute the whole gradient, then move everything.",
        question: "At which point is the gradient of your second entry computed?",
        see: ("dlbook", "4.3 Gradient-based optimization"),
        behaviour: |arguments| {
            returns(walk(arguments).path(|call, _, x| {
                let mut point = x.clone();
                for i in 0..point.len() {
                    point[i] -= call.rate * call.gradient(&point)[i];
                }
                point
            }))
        },
    },
    Misconception {
        id: "gradient-accumulated",
        title: "the gradients of earlier steps are added to the new one",
        explanation: "A gradient buffer that is not set to zero remembers every slope so far: the walk overshoots like a \
                      ball that never loses speed. Start from the new gradient alone in each step.",
        question: "After the first step, is there anything left in your gradient from before?",
        see: ("cs231n", "notes: optimization-1"),
        behaviour: |arguments| {
            let call = walk(arguments);
            let mut sum = Array1::zeros(call.start.len());
            returns(call.path(|call, _, x| {
                sum += &call.gradient(x);
                x - call.rate * &sum
            }))
        },
    },
];
