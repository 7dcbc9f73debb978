//! `propagate`: one neuron, forwards and backwards over all examples.

use ndarray::{Array2, ArrayView2, Axis, Zip, array};

use super::cross_entropy::{cross_entropy, sigmoid};
use crate::exercise::{Exercise, Kind, Misconception, Outcome, Parameter, Probe, Signature, Speed};
use crate::exercises::arguments::{f64_array, float, float_named, floats, returns};
use crate::exercises::numbers::Numbers;
use crate::value::Value;

/// The exercise.
pub static PROPAGATE: Exercise = Exercise {
    id: "propagate",
    station: "logistic-regression",
    task: "One sigmoid neuron over m examples, which are the columns of x: z = w.T @ x + b, a = sigmoid(z).\n\
           Return the cost, the mean binary cross-entropy -1/m * sum of y * log(a) + (1 - y) * log(1 - a),\n\
           and its gradients dw (a column, as w) and db (a number).\n\
           The cost must stay finite for any z: an example with y = 0 and z = 1000 costs 1000.",
    signature: Signature {
        name: "propagate",
        parameters: &[
            f64_array("w", &["D", "1"], "weights, a column"),
            float_named("b", "bias"),
            f64_array("x", &["D", "m"], "examples, one per column"),
            f64_array("y", &["1", "m"], "classes, 0 or 1"),
        ],
        returns: Parameter {
            name: "cost and gradients",
            kind: Kind::Tuple(&[
                float_named("cost", "mean binary cross-entropy"),
                f64_array("dw", &["D", "1"], "gradient of the cost with respect to w"),
                float_named("db", "gradient of the cost with respect to b"),
            ]),
            meaning: "the cost and its gradients",
        },
    },
    probes,
    reference,
    misconceptions: MISCONCEPTIONS,
    speed: Some(Speed { arguments: large, naive_steps: 2.0 * 60.0 * 3000.0, times_faster: 8.0 }),
    hints: &[
        "Compute z and a for the first example by hand and compare. Then the cost of that example alone, then the mean.",
        "With a = sigmoid(z) the error is dz = (a - y) / m: sigmoid and cross-entropy cancel. dw = x @ dz.T and db is the \
         sum of dz. For the cost, -log(a) = log(1 + exp(-z)) and -log(1 - a) = log(1 + exp(z)); without overflow both \
         are max(z, 0) - z * y + log(1 + exp(-|z|)).",
        "One example x = [[1], [2]], y = 1, w = [[0.5], [-0.5]], b = 0.5: z = 0.5 - 1 + 0.5 = 0, a = 0.5.\n\
         cost = log 2 = 0.6931\n\
         dz = 0.5 - 1 = -0.5, dw = [[-0.5], [-1]], db = -0.5",
    ],
    ..Exercise::DEFAULTS
};

fn probes() -> Vec<Probe> {
    let mut numbers = Numbers::stream(361);
    let arguments =
        |w: Array2<f64>, b: f64, x: Array2<f64>, y: Array2<f64>| vec![w.into(), Value::Float(b), x.into(), y.into()];
    let mut probes = vec![Probe::ordinary(
        "two inputs, three examples",
        arguments(array![[1.0], [2.0]], -1.0, array![[1.0, 2.0, -1.0], [3.0, 0.5, -3.2]], array![[1.0, 1.0, 0.0]]),
    )];
    for (d, m, hard, label) in [
        (2, 5, false, "2 inputs, 5 examples"),
        (3, 7, false, "3 inputs, 7 examples"),
        (7, 4, false, "more inputs (7) than examples (4)"),
        (3, 3, true, "as many inputs as examples"),
        (4, 1, true, "a single example"),
        (1, 5, true, "a single input"),
    ] {
        let (w, x) = (numbers.reals([d, 1], -1.0, 1.0), numbers.reals([d, m], -2.0, 2.0));
        let arguments = arguments(w, numbers.real(-1.0, 1.0), x, numbers.integers([1, m], 0, 1));
        probes.push(if hard { Probe::hard(label, arguments) } else { Probe::ordinary(label, arguments) });
    }
    let saturated = array![[1000.0, -1000.0, 20.0, -40.0, 0.5]];
    let y = array![[0.0, 1.0, 0.0, 0.0, 1.0]];
    probes.push(Probe::hard("sums of 1000 on the wrong side", arguments(array![[1.0]], 0.0, saturated.clone(), y)));
    let y = array![[1.0, 0.0, 1.0, 0.0, 1.0]];
    probes.push(Probe::hard("sums of 1000 on the right side", arguments(array![[1.0]], 0.0, saturated, y)));
    probes
}

/// What speed is measured on.
fn large() -> Vec<Value> {
    let mut numbers = Numbers::stream(362);
    let w: Array2<f64> = numbers.reals([60, 1], -0.2, 0.2);
    let x: Array2<f64> = numbers.reals([60, 3000], -1.0, 1.0);
    let y: Array2<f64> = numbers.integers([1, 3000], 0, 1);
    vec![w.into(), Value::Float(0.1), x.into(), y.into()]
}

struct Neuron<'a> {
    x: ArrayView2<'a, f64>,
    y: ArrayView2<'a, f64>,
    /// Sums `[1, m]`.
    z: Array2<f64>,
}

impl Neuron<'_> {
    fn new(arguments: &[Value]) -> Neuron<'_> {
        Neuron::with_bias(arguments, float(arguments, 1))
    }

    fn with_bias(arguments: &[Value], b: f64) -> Neuron<'_> {
        let array = |index: usize| floats::<ndarray::Ix2>(arguments, index);
        let (w, x) = (array(0), array(2));
        Neuron { x, y: array(3), z: w.t().dot(&x) + b }
    }

    fn examples(&self) -> f64 {
        self.y.ncols() as f64
    }

    /// The mean over the examples of a function of z and y.
    fn mean(&self, of: impl Fn(f64, f64) -> f64) -> f64 {
        Zip::from(&self.z).and(&self.y).fold(0.0, |sum, &z, &y| sum + of(z, y)) / self.examples()
    }

    fn cost(&self) -> f64 {
        self.mean(cross_entropy)
    }

    /// The error `dz`.
    fn error(&self) -> Array2<f64> {
        (self.z.mapv(sigmoid) - self.y) / self.examples()
    }

    /// A cost with the gradients that follow from an error.
    fn three(&self, cost: f64, error: &Array2<f64>) -> Outcome {
        let dw = self.x.dot(&error.t());
        returns(Value::Tuple(vec![Value::Float(cost), dw.into(), Value::Float(error.sum())]))
    }

    /// Another cost with the right gradients.
    fn with_cost(&self, of: impl Fn(f64, f64) -> f64) -> Outcome {
        self.three(self.mean(of), &self.error())
    }
}

fn reference(arguments: &[Value]) -> Outcome {
    let neuron = Neuron::new(arguments);
    neuron.three(neuron.cost(), &neuron.error())
}

const MISCONCEPTIONS: &[Misconception] = &[
    Misconception {
        id: "log-of-zero",
        title: "the cost takes the logarithm of a probability that has rounded to 0 or 1",
        explanation: "sigmoid(40) is exactly 1 in floating point, so log(1 - a) is minus infinity, and 0 times it is not a number. \
                      log(1 + exp(z)) - y z is the same cost, from z, and never leaves the numbers.",
        question: "What does your cost give for y = 0 and z = 1000? And for y = 1 and z = 1000?",
        see: ("dlbook", "4.1 Overflow and Underflow"),
        behaviour: |arguments| {
            Neuron::new(arguments).with_cost(|z, y| {
                let a = sigmoid(z);
                -(y * a.ln() + (1.0 - y) * (1.0 - a).ln())
            })
        },
    },
    Misconception {
        id: "epsilon-in-log",
        title: "a small number (1e-5) is added inside the logarithms",
        explanation: "log(a + 1e-5) changes every cost a little and caps the worst ones: no example can cost more than 11.5, however \
                      wrong. The cost no longer fits the gradient. Compute it from z: max(z, 0) - z y + log(1 + exp(-|z|)).",
        question: "What is the largest cost a single example can have in your code?",
        see: ("dlbook", "4.1 Overflow and Underflow"),
        behaviour: |arguments| {
            Neuron::new(arguments).with_cost(|z, y| {
                let a = sigmoid(z);
                -(y * (a + 1e-5).ln() + (1.0 - y) * (1.0 - a + 1e-5).ln())
            })
        },
    },
    Misconception {
        id: "probability-clipped",
        title: "the probability is kept between 1e-15 and 1 - 1e-15 before the logarithm",
        explanation: "The cost of a hopelessly wrong example stops at 34.5, and its slope is zero there although the gradient is not. \
                      From z the cost is exact for any size.",
        question: "Do y = 0 with z = 100 and with z = 1000 cost the same in your code?",
        see: ("dlbook", "4.1 Overflow and Underflow"),
        behaviour: |arguments| {
            Neuron::new(arguments).with_cost(|z, y| {
                let a = sigmoid(z).clamp(1e-15, 1.0 - 1e-15);
                -(y * a.ln() + (1.0 - y) * (1.0 - a).ln())
            })
        },
    },
    Misconception {
        id: "mean-missing",
        title: "cost and gradients are summed over the examples and not divided by m",
        explanation: "The cost is a mean, so its gradients are too. A sum grows with the number of examples, and so would every \
                      step.",
        question: "If every example were there twice, should the cost change?",
        see: ("dls-c1", "W2 Neural networks basics"),
        behaviour: |arguments| {
            let neuron = Neuron::new(arguments);
            let m = neuron.examples();
            neuron.three(m * neuron.cost(), &(m * neuron.error()))
        },
    },
    Misconception {
        id: "mean-missing-in-gradient",
        title: "the cost is a mean, but its gradients are sums",
        explanation: "1/m stands in front of the whole sum, so it stays in front of the derivative. Put it into dz once: \
                      dz = (a - y) / m.",
        question: "Where is the 1/m of the cost in your gradient?",
        see: ("dls-c1", "W2 Neural networks basics"),
        behaviour: |arguments| {
            let neuron = Neuron::new(arguments);
            neuron.three(neuron.cost(), &(neuron.examples() * neuron.error()))
        },
    },
    Misconception {
        id: "mean-over-features",
        title: "the number of rows of x, the inputs, is taken for the number of examples",
        explanation: "Here examples are columns, as in the course: m is x.shape[1], or y.shape[1]. x.shape[0] is the number of \
                      inputs of the neuron. With as many inputs as examples nobody notices.",
        question: "What is m in your code: the rows or the columns of x?",
        see: ("dls-c1", "W2 Neural networks basics"),
        behaviour: |arguments| {
            let neuron = Neuron::new(arguments);
            let factor = neuron.examples() / neuron.x.nrows() as f64;
            neuron.three(factor * neuron.cost(), &(factor * neuron.error()))
        },
    },
    Misconception {
        id: "second-term-missing",
        title: "the cost has y * log(a) only: examples of class 0 cost nothing",
        explanation: "Without (1 - y) * log(1 - a), answering 1 to everything is free. One of the two terms is always zero; which one \
                      depends on y.",
        question: "An example with y = 0 and a = 0.99: what does it cost in your code?",
        see: ("dls-c1", "W2 Neural networks basics"),
        behaviour: |arguments| Neuron::new(arguments).with_cost(|z, y| y * cross_entropy(z, 1.0)),
    },
    Misconception {
        id: "loss-sign-missing",
        title: "the minus in front of the cost is missing",
        explanation: "Logarithms of probabilities are negative. The likelihood is to become large, the cost small: the minus turns the \
                      one into the other. A cross-entropy is never negative.",
        question: "Can your cost be negative? Should a better classifier have a larger or a smaller one?",
        see: ("dlbook", "5.7.1 Probabilistic supervised learning"),
        behaviour: |arguments| Neuron::new(arguments).with_cost(|z, y| -cross_entropy(z, y)),
    },
    Misconception {
        id: "squared-error-cost",
        title: "the cost is the mean squared error of a, with the cross-entropy's gradients",
        explanation: "With a sigmoid the squared error is flat where the neuron is most wrong, and its gradient has another form, \
                      (a - y) a (1 - a). Cross-entropy belongs to the sigmoid.",
        question: "What does your cost give for y = 1 and a = 0.001: about 1 or about 7?",
        see: ("dls-c1", "W2 Neural networks basics"),
        behaviour: |arguments| Neuron::new(arguments).with_cost(|z, y| (sigmoid(z) - y).powi(2)),
    },
    Misconception {
        id: "sigmoid-derivative-twice",
        title: "the error is multiplied by the slope a * (1 - a)",
        explanation: "That is the gradient of a squared error. With the cross-entropy the slope of the sigmoid cancels and the error \
                      is a - y. This is why it keeps learning where the squared error stalls.",
        question: "Write dL/da * da/dz and simplify: is a * (1 - a) still there?",
        see: ("dls-c1", "W2 Neural networks basics"),
        behaviour: |arguments| {
            let neuron = Neuron::new(arguments);
            let slope = neuron.z.mapv(|z| sigmoid(z) * (1.0 - sigmoid(z)));
            neuron.three(neuron.cost(), &(neuron.error() * slope))
        },
    },
    Misconception {
        id: "sign-flipped",
        title: "the error is y - a and not a - y",
        explanation: "The gradient points to where the cost grows. If a is larger than y, raising z raises the cost, so dz is \
                      positive: a - y.",
        question: "y = 0 and a = 0.9: does a larger z make the cost larger or smaller?",
        see: ("dls-c1", "W2 Neural networks basics"),
        behaviour: |arguments| {
            let neuron = Neuron::new(arguments);
            neuron.three(neuron.cost(), &-neuron.error())
        },
    },
    Misconception {
        id: "mean-missing-in-bias",
        title: "dw is divided by m and db is not",
        explanation: "Both are derivatives of the same mean. Put 1/m into dz once, and both have it.",
        question: "How often does your code divide by m, and does db pass there?",
        see: ("dls-c1", "W2 Neural networks basics"),
        behaviour: |arguments| {
            let neuron = Neuron::new(arguments);
            let error = neuron.error();
            let dw = neuron.x.dot(&error.t());
            let db = neuron.examples() * error.sum();
            returns(Value::Tuple(vec![Value::Float(neuron.cost()), dw.into(), Value::Float(db)]))
        },
    },
    Misconception {
        id: "axis-dropped",
        title: "dw has shape (D,) and not (D, 1)",
        explanation: "w - lr * dw with shapes (D, 1) and (D,) broadcasts to a D by D matrix, silently. A gradient has the shape of its \
                      parameter.",
        question: "What shape does w - lr * dw have?",
        see: ("numpy", "Broadcasting"),
        behaviour: |arguments| {
            let neuron = Neuron::new(arguments);
            let error = neuron.error();
            let dw = neuron.x.dot(&error.t()).index_axis_move(Axis(1), 0);
            returns(Value::Tuple(vec![Value::Float(neuron.cost()), dw.into(), Value::Float(error.sum())]))
        },
    },
    Misconception {
        id: "bias-missing",
        title: "the sum is w.T @ x, without b",
        explanation: "Without a bias the boundary z = 0 goes through the origin, whatever the data.",
        question: "Where in your code is b used?",
        see: ("dls-c1", "W2 Neural networks basics"),
        behaviour: |arguments| {
            let neuron = Neuron::with_bias(arguments, 0.0);
            neuron.three(neuron.cost(), &neuron.error())
        },
    },
];
