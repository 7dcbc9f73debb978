//! `mse_and_grad`: a loss and the direction in which it grows.

use ndarray::{Array1, Array2, ArrayView1, ArrayView2, Axis, array};

use super::squared_error::SquaredError;
use crate::exercise::{Exercise, Kind, Misconception, Outcome, Parameter, Probe, Signature, Speed};
use crate::exercises::arguments::{f64_array, float, float_named, floats, returns};
use crate::exercises::numbers::Numbers;
use crate::value::Value;

/// The exercise.
pub static MSE_AND_GRAD: Exercise = Exercise {
    id: "mse_and_grad",
    station: "linear-regression",
    task: "The model predicts x @ w + b, one number per example (row of x).\n\
           Return the mean squared error, loss = 1/N * sum over the N examples of (prediction - y)**2,\n\
           and its gradient: dw with respect to w, and db with respect to b.\n\
           No half and no square root: the loss is the plain mean of the squares.",
    signature: Signature {
        name: "mse_and_grad",
        parameters: &[
            f64_array("x", &["N", "D"], "examples, one per row"),
            f64_array("y", &["N"], "targets"),
            f64_array("w", &["D"], "weights"),
            float_named("b", "bias"),
        ],
        returns: Parameter {
            name: "loss and gradient",
            kind: Kind::Tuple(&[
                float_named("loss", "mean squared error"),
                f64_array("dw", &["D"], "gradient of the loss with respect to w"),
                float_named("db", "gradient of the loss with respect to b"),
            ]),
            meaning: "the loss and its gradient",
        },
    },
    probes,
    reference,
    misconceptions: MISCONCEPTIONS,
    speed: Some(Speed { arguments: large, naive_steps: 2.0 * 4000.0 * 50.0, times_faster: 8.0 }),
    hints: &[
        "Is it the loss that is wrong, or the gradient? Move one weight by 0.00001 up and down in your loss: the \
         difference divided by 0.00002 is what dw must say there.",
        "Make the residuals r = x @ w + b - y first, one per example. The loss is their mean square. Its derivative by a \
         prediction is 2 r / N; a weight reaches every prediction through its column of x, so dw = x.T @ (2 r / N), and \
         the bias through the number 1, so db is the sum of 2 r / N.",
        "Two examples x = [[1], [3]], y = [1, 2], w = [1], b = 0. The residuals are 1 - 1 = 0 and 3 - 2 = 1.\n\
         loss = (0 + 1) / 2 = 0.5\n\
         dw = 2/2 * (1*0 + 3*1) = 3, db = 2/2 * (0 + 1) = 1",
    ],
    ..Exercise::DEFAULTS
};

fn probes() -> Vec<Probe> {
    let mut numbers = Numbers::stream(331);
    let tiny =
        vec![array![[1.0], [3.0], [2.0]].into(), array![1.0, 2.0, 4.0].into(), array![1.0].into(), Value::Float(0.5)];
    let mut probes = vec![Probe::ordinary("three examples of one number", tiny)];
    for (n, d, hard, label) in [
        (5, 2, false, "5 examples of 2 numbers"),
        (7, 3, false, "7 examples of 3 numbers"),
        (3, 5, false, "fewer examples (3) than numbers (5)"),
        (11, 4, false, "11 examples of 4 numbers"),
        (1, 3, true, "a single example"),
        (4, 4, true, "as many examples as numbers"),
    ] {
        let x: Array2<f64> = numbers.reals([n, d], -2.0, 2.0);
        let y: Array1<f64> = numbers.reals(n, -3.0, 3.0);
        let w: Array1<f64> = numbers.reals(d, -1.0, 1.0);
        let arguments = vec![x.into(), y.into(), w.into(), Value::Float(numbers.real(-1.0, 1.0))];
        probes.push(if hard { Probe::hard(label, arguments) } else { Probe::ordinary(label, arguments) });
    }
    let fitted = vec![
        array![[1.0, 0.0], [0.0, 2.0], [3.0, -1.0]].into(),
        array![3.0, -1.0, 8.0].into(),
        array![2.0, -1.0].into(),
        Value::Float(1.0),
    ];
    probes.push(Probe::hard("a perfect fit: every residual is zero", fitted));
    let x: Array2<f64> = numbers.reals([5, 2], 1e6, 2e6);
    let y: Array1<f64> = numbers.reals(5, -1e6, 1e6);
    probes.push(Probe::hard(
        "values of a million",
        vec![x.into(), y.into(), array![0.5, -2.0].into(), Value::Float(3.0)],
    ));
    probes
}

/// What speed is measured on.
fn large() -> Vec<Value> {
    let mut numbers = Numbers::stream(332);
    let x: Array2<f64> = numbers.reals([4000, 50], -1.0, 1.0);
    let y: Array1<f64> = numbers.reals(4000, -1.0, 1.0);
    let w: Array1<f64> = numbers.reals(50, -1.0, 1.0);
    vec![x.into(), y.into(), w.into(), Value::Float(0.5)]
}

struct Problem<'a> {
    x: ArrayView2<'a, f64>,
    y: ArrayView1<'a, f64>,
    w: Array1<f64>,
    b: f64,
}

impl Problem<'_> {
    fn new(arguments: &[Value]) -> Problem<'_> {
        let w = floats::<ndarray::Ix1>(arguments, 2).to_owned();
        Problem { x: floats(arguments, 0), y: floats(arguments, 1), w, b: float(arguments, 3) }
    }

    fn right(&self) -> SquaredError {
        SquaredError::of(self.x, self.y, &self.w, self.b)
    }

    fn predictions(&self) -> Array1<f64> {
        self.x.dot(&self.w) + self.b
    }
}

fn three(loss: f64, dw: impl Into<Value>, db: f64) -> Outcome {
    returns(Value::Tuple(vec![Value::Float(loss), dw.into(), Value::Float(db)]))
}

fn reference(arguments: &[Value]) -> Outcome {
    scaled(arguments, |_| [1.0, 1.0, 1.0])
}

/// The right loss, dw and db, each times a factor that may depend on the number of examples.
fn scaled(arguments: &[Value], factors: fn(f64) -> [f64; 3]) -> Outcome {
    let problem = Problem::new(arguments);
    let SquaredError { loss, dw, db } = problem.right();
    let [of_loss, of_dw, of_db] = factors(problem.y.len() as f64);
    three(of_loss * loss, of_dw * dw, of_db * db)
}

const MISCONCEPTIONS: &[Misconception] = &[
    Misconception {
        id: "mean-missing",
        title: "loss and gradient are summed over the examples and not divided by N",
        explanation: "With a sum, the loss and the step grow with the number of examples: a learning rate that fits 10 \
                      examples explodes with 1000. The mean does not care how many there are.",
        question: "If every example were there twice, should the loss change?",
        see: ("ng-ml", "W1 Linear regression with one variable"),
        behaviour: |arguments| scaled(arguments, |n| [n, n, n]),
    },
    Misconception {
        id: "mean-missing-in-gradient",
        title: "the loss is a mean, but its gradient is a sum",
        explanation: "1/N stands in front of the whole sum, so it stays in front of every derivative of it. A gradient that \
                      is N times too long points the right way, and makes the learning rate depend on the data set.",
        question: "Where is the 1/N of the loss in your gradient?",
        see: ("ng-ml", "W1 Linear regression with one variable"),
        behaviour: |arguments| scaled(arguments, |n| [1.0, n, n]),
    },
    Misconception {
        id: "mean-missing-in-bias",
        title: "dw is divided by N and db is not",
        explanation: "Both are derivatives of the same mean. Divide the residuals by N once, and take both from the result.",
        question: "How often does your code divide by N, and does db pass there?",
        see: ("ng-ml", "W1 Linear regression with one variable"),
        behaviour: |arguments| scaled(arguments, |n| [1.0, 1.0, n]),
    },
    Misconception {
        id: "mean-twice",
        title: "the gradient is divided by N twice",
        explanation: "1/N enters once. If the residuals were divided by N already, x.T @ r has it, and a mean in place of \
                      the sum divides again.",
        question: "In how many places do you divide by N, or call mean?",
        see: ("ng-ml", "W1 Linear regression with one variable"),
        behaviour: |arguments| scaled(arguments, |n| [1.0, 1.0 / n, 1.0 / n]),
    },
    Misconception {
        id: "factor-two-missing",
        title: "the 2 from differentiating the square is missing in the gradient",
        explanation: "The derivative of r^2 is 2 r. Courses that leave the 2 out have put a half into the loss; here the loss \
                      has none, so the 2 stays. Loss and gradient must belong together.",
        question: "What is the derivative of r^2, and is it what your code has?",
        see: ("ng-ml", "W1 Linear regression with one variable"),
        behaviour: |arguments| scaled(arguments, |_| [1.0, 0.5, 0.5]),
    },
    Misconception {
        id: "half-in-loss",
        title: "the loss is half the mean squared error, 1/(2N)",
        explanation: "Many courses write 1/(2N) so that the gradient has no 2. That is a fine loss with a fine gradient, but \
                      not the one asked for here, nor the one that frameworks call MSE.",
        question: "What is your loss for one example with residual 2: 4 or 2?",
        see: ("ng-ml", "W1 Linear regression with one variable"),
        behaviour: |arguments| scaled(arguments, |_| [0.5, 0.5, 0.5]),
    },
    Misconception {
        id: "sign-flipped",
        title: "the gradient has the wrong sign: it is built from y - prediction",
        explanation: "The square hides the order of the difference in the loss, the gradient does not. If the prediction is \
                      too high, raising the bias makes things worse: db must be positive.",
        question: "The prediction is too large. Should db be positive or negative?",
        see: ("cs7015", "L3 Gradient descent"),
        behaviour: |arguments| scaled(arguments, |_| [1.0, -1.0, -1.0]),
    },
    Misconception {
        id: "root-taken",
        title: "the square root of the mean squared error is returned as the loss",
        explanation: "The root (RMSE) has the unit of y and is good for reports. It is another loss: its gradient is that of \
                      the mean square divided by twice the root.",
        question: "Does the task ask for a square root?",
        see: ("dlbook", "5.1.4 Example: linear regression"),
        behaviour: |arguments| {
            let SquaredError { loss, dw, db } = Problem::new(arguments).right();
            three(loss.sqrt(), dw, db)
        },
    },
    Misconception {
        id: "residuals-broadcast",
        title: "a column of predictions minus a row of targets makes an N by N matrix of residuals",
        explanation: "Shapes (N, 1) and (N,) broadcast to (N, N): every prediction against every target, without an error. The \
                      loss is a plausible number and nothing is learned but the mean. Give both the same shape.",
        question: "What is the shape of prediction - y?",
        see: ("numpy", "Broadcasting"),
        behaviour: |arguments| {
            let problem = Problem::new(arguments);
            let n = problem.y.len() as f64;
            let residuals = problem.predictions().insert_axis(Axis(1)) - problem.y.insert_axis(Axis(0));
            let loss = residuals.mapv(|r| r * r).sum() / (n * n);
            three(loss, problem.x.t().dot(&residuals) * (2.0 / n), 2.0 * residuals.sum() / (n * n))
        },
    },
    Misconception {
        id: "axis-kept",
        title: "dw comes as a column of shape (D, 1) and not as (D,)",
        explanation: "A gradient has the shape of its parameter. w - lr * dw with shapes (D,) and (D, 1) broadcasts to a \
                      matrix of D by D, silently, and the next step is nonsense.",
        question: "What shape does w - lr * dw have?",
        see: ("numpy", "Broadcasting"),
        behaviour: |arguments| {
            let SquaredError { loss, dw, db } = Problem::new(arguments).right();
            three(loss, dw.insert_axis(Axis(1)), db)
        },
    },
    Misconception {
        id: "bias-missing",
        title: "the prediction is x @ w, without b",
        explanation: "Without the bias the line must go through the origin. The model is x @ w + b, in the loss and in the \
                      residuals that the gradient is made of.",
        question: "What does your model predict for x = 0?",
        see: ("ng-ml", "W1 Linear regression with one variable"),
        behaviour: |arguments| {
            let problem = Problem { b: 0.0, ..Problem::new(arguments) };
            let SquaredError { loss, dw, db } = problem.right();
            three(loss, dw, db)
        },
    },
    Misconception {
        id: "input-missing-in-gradient",
        title: "the gradient of every weight is that of the bias: the residuals are not multiplied by x",
        explanation: "A weight changes a prediction by as much as its input is large: the derivative of w x + b by w is x, and \
                      only by b is it 1. So each residual is multiplied by the example's own input before the mean.",
        question: "An example with x = 0: does its weight matter for its prediction?",
        see: ("cs7015", "L3 Gradient descent"),
        behaviour: |arguments| {
            let SquaredError { loss, dw, db } = Problem::new(arguments).right();
            three(loss, Array1::from_elem(dw.len(), db), db)
        },
    },
];
