//! `fit_gd`: the learning loop, with standardised inputs.

use ndarray::{Array1, Array2, ArrayView1, ArrayView2, array};

use super::squared_error::SquaredError;
use crate::exercise::{Exercise, Kind, Misconception, Outcome, Parameter, Probe, Property, Signature, Tolerance};
use crate::exercises::arguments::{count, f64_array, float, float_named, floats, int_named, returns};
use crate::exercises::numbers::Numbers;
use crate::exercises::standardization::{Scaling, deviations, means, or_one};
use crate::value::{Array, Value};

/// The exercise.
pub static FIT_GD: Exercise = Exercise {
    id: "fit_gd",
    station: "linear-regression",
    task: "Fit y = x @ w + b by gradient descent on the mean squared error (mse_and_grad) and return w, b and the losses.\n\
           Standardise first: from each column of x subtract its mean and divide by its standard deviation (the root of\n\
           the mean squared deviation); where that is 0, divide by 1. Start with all weights and the bias at 0 and make\n\
           `steps` steps of size lr, weights and bias with gradients taken at the same point.\n\
           losses[k] is the loss before step k. At the end turn weights and bias back, so that x @ w + b predicts y\n\
           from the x that you were given.",
    signature: Signature {
        name: "fit_gd",
        parameters: &[
            f64_array("x", &["N", "D"], "examples, one per row"),
            f64_array("y", &["N"], "targets"),
            float_named("lr", "learning rate"),
            int_named("steps", "number of steps, 0 or more"),
        ],
        returns: Parameter {
            name: "fit",
            kind: Kind::Tuple(&[
                f64_array("w", &["D"], "weights for the x that was given"),
                float_named("b", "bias for the x that was given"),
                f64_array("losses", &["steps"], "the loss before each step"),
            ]),
            meaning: "weights, bias and losses",
        },
    },
    probes,
    reference,
    misconceptions: MISCONCEPTIONS,
    properties: &[Property { title: "has losses that never rise at a small learning rate", violated: loss_rises }],
    tolerance: Tolerance { relative: 1e-8, absolute: 1e-10 },
    hints: &[
        "Try steps = 0 and steps = 1 first. With none, what do w, b and losses have to be? With one, compare losses[0].",
        "z = (x - mean) / std. Loop: gradients at the current (v, c), append the loss, then v -= lr * dv and c -= lr * dc. \
         The model is z @ v + c = ((x - mean) / std) @ v + c, so w = v / std and b = c - sum of mean * w.",
        "x = [[1], [3]], y = [2, 6], lr = 0.25, one step. Mean 2, standard deviation 1, so z = -1 and 1.\n\
         losses[0] = (4 + 36) / 2 = 20. dv = 2/2 * (-1*-2 + 1*-6) = -4, dc = 2/2 * (-2 - 6) = -8.\n\
         v = 1, c = 2, and turned back w = 1, b = 2 - 2*1 = 0.",
    ],
    ..Exercise::DEFAULTS
};

fn probes() -> Vec<Probe> {
    let mut numbers = Numbers::stream(341);
    let arguments = |x: Array2<f64>, y: Array1<f64>, lr: f64, steps: i64| {
        vec![x.into(), y.into(), Value::Float(lr), Value::Int(steps)]
    };
    let few = || (array![[1.0], [3.0], [4.0], [8.0]], array![2.0, 6.0, 7.0, 13.0]);
    let mut probes = Vec::new();
    for (steps, label) in [(1, "four points, one step"), (2, "four points, two steps")] {
        let (x, y) = few();
        probes.push(Probe::ordinary(label, arguments(x, y, 0.25, steps)));
    }
    let mut table = |n: usize, scales: &[f64], shift: f64| {
        let x = Array2::from_shape_fn((n, scales.len()), |(_, j)| shift + scales[j] * numbers.real(-1.0, 1.0));
        let y = Array1::from_shape_fn(n, |i| 3.0 * x[[i, 0]] / scales[0] - 2.0 + numbers.real(-0.5, 0.5));
        (x, y)
    };
    let (x, y) = table(7, &[1.0, 20.0], 3.0);
    probes.push(Probe::ordinary("7 examples, two columns of different scale, 5 steps", arguments(x, y, 0.2, 5)));
    let (x, y) = table(11, &[2.0, 0.5, 1.0], 1.0);
    probes.push(Probe::ordinary("11 examples of 3 numbers, 40 steps", arguments(x, y, 0.1, 40)));
    let (x, y) = table(13, &[1.0, 5.0], -2.0);
    probes.push(Probe::ordinary("13 examples, 300 steps: all the way down", arguments(x, y, 0.3, 300)));
    let (x, y) = few();
    probes.push(Probe::hard("no step at all", arguments(x, y, 0.25, 0)));
    let constant = array![[1.0, 5.0], [2.0, 5.0], [4.0, 5.0]];
    probes.push(Probe::hard("a column that is constant", arguments(constant, array![1.0, 0.0, 3.0], 0.2, 3)));
    probes.push(Probe::hard("a single example", arguments(array![[2.0, -3.0]], array![4.0], 0.2, 4)));
    let (x, y) = table(5, &[1.0, 3.0], 0.0);
    probes.push(Probe::hard("a learning rate so large that the loss rises", arguments(x, y, 1.2, 8)));
    probes
}

/// Weights and bias that are returned, from those for standardised columns, mean and divisor.
type TurnedBack = fn(&Array1<f64>, f64, &Array1<f64>, &Array1<f64>) -> (Array1<f64>, f64);

/// How the fit is made; every misconception is one wrong setting.
#[derive(Clone, Copy)]
struct Recipe {
    /// Mean and divisor of each column.
    scaling: Scaling,
    /// Factor on the gradient, from the number of examples.
    gradient_factor: fn(f64) -> f64,
    /// Steps made, from the number asked for.
    steps: fn(usize) -> usize,
    /// Whether the loss is noted after the step.
    loss_after: bool,
    /// How weights and bias are turned back.
    turned_back: TurnedBack,
}

const RIGHT: Recipe = Recipe {
    scaling: |x| (means(x), or_one(deviations(x, 0.0))),
    gradient_factor: |_| 1.0,
    steps: |steps| steps,
    loss_after: false,
    turned_back: |v, c, mean, scale| {
        let w = v / scale;
        let b = c - mean.dot(&w);
        (w, b)
    },
};

impl Recipe {
    fn fit(&self, arguments: &[Value]) -> Outcome {
        let (x, y): (ArrayView2<'_, f64>, ArrayView1<'_, f64>) = (floats(arguments, 0), floats(arguments, 1));
        let lr = float(arguments, 2) * (self.gradient_factor)(y.len() as f64);
        let (mean, scale) = (self.scaling)(x);
        let z = (&x - &mean) / &scale;
        let (mut v, mut c) = (Array1::zeros(x.ncols()), 0.0);
        let mut losses = Vec::new();
        for _ in 0..(self.steps)(count(arguments, 3)) {
            let at = SquaredError::of(z.view(), y, &v, c);
            v = v - lr * &at.dw;
            c -= lr * at.db;
            losses.push(if self.loss_after { SquaredError::of(z.view(), y, &v, c).loss } else { at.loss });
        }
        let (w, b) = (self.turned_back)(&v, c, &mean, &scale);
        returns(Value::Tuple(vec![w.into(), Value::Float(b), Array1::from_vec(losses).into()]))
    }
}

fn reference(arguments: &[Value]) -> Outcome {
    RIGHT.fit(arguments)
}

fn loss_rises(arguments: &[Value], result: &Value) -> Option<String> {
    let Value::Tuple(parts) = result else { return None };
    // Beyond this the curvature of correlated columns makes a step overshoot, as it should.
    if float(arguments, 2) > 0.3 {
        return None;
    }
    let Some(Value::Array(Array::F64(losses))) = parts.get(2) else { return None };
    let losses: Vec<f64> = losses.iter().copied().collect();
    let at = (1..losses.len()).find(|&k| losses[k] > losses[k - 1] * (1.0 + 1e-9) + 1e-12)?;
    Some(format!("losses[{at}] is {}, losses[{}] was {}", losses[at], at - 1, losses[at - 1]))
}

const MISCONCEPTIONS: &[Misconception] = &[
    Misconception {
        id: "not-standardized",
        title: "the columns are used as they are, without subtracting their means and dividing by their deviations",
        explanation: "Columns of different size make the bowl of the loss a narrow valley: a learning rate that is safe for \
                      the largest column is hopeless for the smallest. Standardised, one rate suits all.",
        question: "What are mean and standard deviation of each column that your loop sees?",
        see: ("ng-ml", "W2 multiple variables"),
        behaviour: |arguments| {
            let scaling = |x: ArrayView2<'_, f64>| (Array1::zeros(x.ncols()), Array1::ones(x.ncols()));
            Recipe { scaling, ..RIGHT }.fit(arguments)
        },
    },
    Misconception {
        id: "not-divided-by-deviation",
        title: "the columns are centred but not divided by their standard deviation",
        explanation: "Centring makes the bias independent of the weights. The valley stays narrow until the columns have the \
                      same spread, too.",
        question: "What is the standard deviation of each column that your loop sees?",
        see: ("ng-ml", "W2 multiple variables"),
        behaviour: |arguments| Recipe { scaling: |x| (means(x), Array1::ones(x.ncols())), ..RIGHT }.fit(arguments),
    },
    Misconception {
        id: "statistics-over-everything",
        title: "one mean and one deviation of the whole table are used for all columns",
        explanation: "x.mean() without an axis is a single number. The columns are different quantities, each with its own \
                      unit: each needs its own mean and deviation, over the examples, axis 0.",
        question: "How many means does your code compute: one, or one per column?",
        see: ("numpy", "numpy.mean, argument axis"),
        behaviour: |arguments| {
            let scaling = |x: ArrayView2<'_, f64>| {
                let (all, count) = (x.flatten().insert_axis(ndarray::Axis(1)), x.ncols());
                let (mean, scale) = (means(all.view())[0], or_one(deviations(all.view(), 0.0))[0]);
                (Array1::from_elem(count, mean), Array1::from_elem(count, scale))
            };
            Recipe { scaling, ..RIGHT }.fit(arguments)
        },
    },
    Misconception {
        id: "sample-variance",
        title: "the standard deviation divides by N - 1 and not by N",
        explanation: "N - 1 corrects an estimate from a sample. Here it only rescales the columns a little, but the numbers on \
                      the way differ, and with a single example it divides by zero. NumPy's default is N.",
        question: "What is the standard deviation of a single number in your code?",
        see: ("numpy", "numpy.std, argument ddof"),
        behaviour: |arguments| Recipe { scaling: |x| (means(x), or_one(deviations(x, 1.0))), ..RIGHT }.fit(arguments),
    },
    Misconception {
        id: "division-by-zero",
        title: "a constant column is divided by its deviation, which is 0",
        explanation: "0 / 0 is not a number, and one such weight spoils every prediction. A constant column carries no \
                      information: divide by 1, its standardised values are all 0 and its weight stays 0.",
        question: "What is the standard deviation of a column that is 5 everywhere?",
        see: ("dlbook", "4.1 Overflow and Underflow"),
        behaviour: |arguments| Recipe { scaling: |x| (means(x), deviations(x, 0.0)), ..RIGHT }.fit(arguments),
    },
    Misconception {
        id: "loss-after-update",
        title: "each loss is noted after its step and not before",
        explanation: "losses[0] should be the loss of the start, where all predictions are 0: the mean of y^2. That is the \
                      number you can check by hand before anything has been learned.",
        question: "What is losses[0] if all predictions are 0?",
        see: ("cs7015", "L3 Gradient descent"),
        behaviour: |arguments| Recipe { loss_after: true, ..RIGHT }.fit(arguments),
    },
    Misconception {
        id: "weights-not-turned-back",
        title: "w and b for the standardised columns are returned",
        explanation: "They are right for (x - mean) / std only. Whoever gets them has x, not your means: fold them in, \
                      w = v / std and b = c - sum of mean * w.",
        question: "Does x @ w + b come near to y with the x that you were given?",
        see: ("ng-ml", "W2 multiple variables"),
        behaviour: |arguments| Recipe { turned_back: |v, c, _, _| (v.clone(), c), ..RIGHT }.fit(arguments),
    },
    Misconception {
        id: "bias-not-turned-back",
        title: "the weights are turned back and the bias is not",
        explanation: "Subtracting the mean from x moved the origin. ((x - mean) / std) @ v + c = x @ w + (c - mean @ w): the \
                      bias takes the shift with it.",
        question: "What does your model predict for x = 0, and what does the standardised model predict there?",
        see: ("ng-ml", "W2 multiple variables"),
        behaviour: |arguments| Recipe { turned_back: |v, c, _, scale| (v / scale, c), ..RIGHT }.fit(arguments),
    },
    Misconception {
        id: "factor-two-missing",
        title: "the 2 from differentiating the square is missing in the gradient",
        explanation: "Each step is half as long as asked for. The derivative of r^2 is 2 r, and the loss of mse_and_grad has no \
                      half that would cancel it.",
        question: "Is one of your steps as long as lr times the gradient of mse_and_grad?",
        see: ("ng-ml", "W1 Linear regression with one variable"),
        behaviour: |arguments| Recipe { gradient_factor: |_| 0.5, ..RIGHT }.fit(arguments),
    },
    Misconception {
        id: "mean-missing-in-gradient",
        title: "the gradient is summed over the examples and not divided by N",
        explanation: "The step is N times too long, and the loss explodes as soon as there are a few examples. The loss is a \
                      mean; so is its gradient.",
        question: "Where is the 1/N of the loss in your gradient?",
        see: ("ng-ml", "W1 Linear regression with one variable"),
        behaviour: |arguments| Recipe { gradient_factor: |n| n, ..RIGHT }.fit(arguments),
    },
    Misconception {
        id: "steps-off-by-one",
        title: "one step too many is made",
        explanation: "range(steps + 1) and 0..=steps run steps + 1 times.",
        question: "With steps = 0, does anything change?",
        see: ("cs7015", "L3 Gradient descent"),
        behaviour: |arguments| Recipe { steps: |steps| steps + 1, ..RIGHT }.fit(arguments),
    },
];
