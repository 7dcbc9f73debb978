//! `backward2`: the gradients of a network with one hidden layer.

use ndarray::{Array2, ArrayView2, Axis, array};

use super::planar_network::{Activations, Parameters, gradients, row_sums};
use crate::exercise::{Exercise, Kind, Misconception, Outcome, Parameter, Probe, Signature};
use crate::exercises::arguments::{f64_array, floats, returns};
use crate::exercises::numbers::Numbers;
use crate::value::Value;

/// The exercise.
pub static BACKWARD2: Exercise = Exercise {
    id: "backward2",
    station: "shallow-network",
    task: "Return the gradients of the loss with respect to w1, b1, w2 and b2 for the network of forward2.\n\
           The loss is the mean binary cross-entropy over the m examples,\n\
           L = -1/m * sum over the examples of y * log(a2) + (1 - y) * log(1 - a2).\n\
           a1 and a2 are what forward2 computed. Every gradient has the shape of its parameter.",
    signature: Signature {
        name: "backward2",
        parameters: &[
            f64_array("x", &["n0", "m"], "examples, one per column"),
            f64_array("y", &["1", "m"], "classes, 0 or 1"),
            f64_array("a1", &["n1", "m"], "hidden activations"),
            f64_array("a2", &["1", "m"], "output activations"),
            f64_array("w2", &["1", "n1"], "weights of the output unit"),
        ],
        returns: Parameter {
            name: "gradients",
            kind: Kind::Tuple(&[
                f64_array("dw1", &["n1", "n0"], "gradient of w1"),
                f64_array("db1", &["n1", "1"], "gradient of b1"),
                f64_array("dw2", &["1", "n1"], "gradient of w2"),
                f64_array("db2", &["1", "1"], "gradient of b2"),
            ]),
            meaning: "the four gradients",
        },
    },
    probes,
    reference,
    misconceptions: MISCONCEPTIONS,
    hints: &[
        "Go backwards one step at a time: dz2, then dw2 and db2, then da1, dz1, and at last dw1 and db1.",
        "Sigmoid and cross-entropy together give dz2 = (a2 - y) / m. A weight's gradient is the error of its output \
         times its input, summed over the examples: dw2 = dz2 @ a1.T. The error of the hidden layer is w2.T @ dz2, \
         times the slope of tanh, which is 1 - a1**2. A bias has input 1: sum its error over the examples.",
        "One example, x = [[1], [2]], y = 1, a1 = 0.6, a2 = 0.7, w2 = 2.\n\
         dz2 = 0.7 - 1 = -0.3, dw2 = -0.3 * 0.6 = -0.18, db2 = -0.3\n\
         dz1 = 2 * -0.3 * (1 - 0.36) = -0.384, dw1 = [-0.384, -0.768], db1 = -0.384",
    ],
    ..Exercise::DEFAULTS
};

fn probes() -> Vec<Probe> {
    let mut numbers = Numbers::stream(311);
    let tiny = |a1: f64, a2: f64| {
        let x = array![[1.0, 3.0], [2.0, -1.0]];
        vec![
            x.into(),
            array![[1.0, 0.0]].into(),
            array![[a1, -0.5]].into(),
            array![[a2, 0.2]].into(),
            array![[2.0]].into(),
        ]
    };
    let mut probes = vec![Probe::ordinary("one hidden unit, two examples", tiny(0.6, 0.7))];
    for (n0, n1, m, hard, label) in [
        (2, 3, 5, false, "2 inputs, 3 hidden units, 5 examples"),
        (3, 4, 7, false, "3 inputs, 4 hidden units, 7 examples"),
        (5, 7, 11, false, "5 inputs, 7 hidden units, 11 examples"),
        (2, 3, 1, true, "a single example"),
        (1, 2, 3, true, "a single input"),
    ] {
        let parameters = Parameters::random(&mut numbers, n0, n1, 1.0);
        let x = numbers.reals([n0, m], -2.0, 2.0);
        let y = numbers.integers([1, m], 0, 1);
        let Activations { a1, a2 } = parameters.forward(x.view());
        let arguments = vec![x.into(), y.into(), a1.into(), a2.into(), parameters.w2.into()];
        probes.push(if hard { Probe::hard(label, arguments) } else { Probe::ordinary(label, arguments) });
    }
    probes.push(Probe::hard("activations at their ends", tiny(1.0, 0.0)));
    probes
}

struct Call<'a> {
    x: ArrayView2<'a, f64>,
    y: ArrayView2<'a, f64>,
    activations: Activations,
    w2: ArrayView2<'a, f64>,
}

impl Call<'_> {
    fn new(arguments: &[Value]) -> Call<'_> {
        let array = |index: usize| floats::<ndarray::Ix2>(arguments, index);
        let activations = Activations { a1: array(2).to_owned(), a2: array(3).to_owned() };
        Call { x: array(0), y: array(1), activations, w2: array(4) }
    }

    fn right(&self) -> Parameters {
        gradients(self.x, self.y, &self.activations, self.w2)
    }

    fn examples(&self) -> f64 {
        self.y.ncols() as f64
    }

    /// Gradients from another error of the output and another slope of the hidden activation.
    fn with(&self, dz2: Array2<f64>, slope: fn(f64) -> f64) -> Outcome {
        let dz1 = self.w2.t().dot(&dz2) * self.activations.a1.mapv(slope);
        let dw2 = dz2.dot(&self.activations.a1.t());
        four(Parameters { w1: dz1.dot(&self.x.t()), b1: row_sums(&dz1), w2: dw2, b2: row_sums(&dz2) })
    }

    fn output_error(&self) -> Array2<f64> {
        (&self.activations.a2 - &self.y) / self.examples()
    }

    fn with_slope(&self, slope: fn(f64) -> f64) -> Outcome {
        self.with(self.output_error(), slope)
    }

    /// The error of the hidden layer, `dz1`.
    fn hidden_error(&self) -> Array2<f64> {
        self.w2.t().dot(&self.output_error()) * self.activations.a1.mapv(slope_of_tanh)
    }
}

fn slope_of_tanh(a: f64) -> f64 {
    1.0 - a * a
}

fn four(gradients: Parameters) -> Outcome {
    returns(Value::Tuple(gradients.values().to_vec()))
}

fn reference(arguments: &[Value]) -> Outcome {
    four(Call::new(arguments).right())
}

const MISCONCEPTIONS: &[Misconception] = &[
    Misconception {
        id: "mean-missing",
        title: "the gradients are summed over the examples and not divided by m",
        explanation: "The loss is a mean, so its gradient is one too. Without 1/m the step grows with the number of \
                      examples, and a learning rate that fits 10 examples blows up with 1000.",
        question: "If every example were there twice, should the gradient change?",
        see: ("dls-c1", "W3 Shallow neural networks"),
        behaviour: |arguments| {
            let call = Call::new(arguments);
            call.with(&call.activations.a2 - &call.y, slope_of_tanh)
        },
    },
    Misconception {
        id: "mean-twice",
        title: "the gradients are divided by m twice",
        explanation: "1/m belongs to the loss and enters once, for instance in dz2. If dz2 has it, dw = dz @ a.T must not \
                      divide again: the product already sums the right amounts.",
        question: "In how many places does your code divide by m?",
        see: ("dls-c1", "W3 Shallow neural networks"),
        behaviour: |arguments| {
            let call = Call::new(arguments);
            call.with(call.output_error() / call.examples(), slope_of_tanh)
        },
    },
    Misconception {
        id: "mean-missing-in-bias",
        title: "the weights' gradients are divided by m and the biases' are not",
        explanation: "All four are gradients of the same mean. Put 1/m into dz2 once, and everything that is computed from \
                      it has it.",
        question: "Is 1/m in db1 and db2 too?",
        see: ("dls-c1", "W3 Shallow neural networks"),
        behaviour: |arguments| {
            let call = Call::new(arguments);
            let right = call.right();
            let m = call.examples();
            four(Parameters { b1: right.b1 * m, b2: right.b2 * m, ..right })
        },
    },
    Misconception {
        id: "sign-flipped",
        title: "the output error is y - a2 and not a2 - y",
        explanation: "The gradient points uphill: if a2 is larger than y, raising z2 raises the loss, so dz2 is positive. \
                      With the other sign, gradient descent climbs.",
        question: "y = 0 and a2 = 0.9: does a larger z2 make the loss larger or smaller?",
        see: ("dls-c1", "W3 Shallow neural networks"),
        behaviour: |arguments| {
            let call = Call::new(arguments);
            call.with(-call.output_error(), slope_of_tanh)
        },
    },
    Misconception {
        id: "sigmoid-derivative-twice",
        title: "the output error is multiplied by a2 * (1 - a2)",
        explanation: "That is the gradient of a squared error. With the cross-entropy the slope of the sigmoid cancels: \
                      dz2 = a2 - y. This is why the cross-entropy keeps learning where the squared error stalls.",
        question: "Write dL/da2 * da2/dz2 and simplify: is a2 * (1 - a2) still there?",
        see: ("dlbook", "6.2 Gradient-Based Learning"),
        behaviour: |arguments| {
            let call = Call::new(arguments);
            call.with(call.output_error() * call.activations.a2.mapv(|a| a * (1.0 - a)), slope_of_tanh)
        },
    },
    Misconception {
        id: "tanh-derivative-missing",
        title: "the slope of tanh is left out on the way to the hidden layer",
        explanation: "w2.T @ dz2 is the gradient of a1. The weights w1 act before tanh, so the chain has one more link: \
                      times 1 - a1**2.",
        question: "Which variable is w2.T @ dz2 the gradient of: a1 or z1?",
        see: ("cs231n", "notes: neural-networks-1 and the minimal case study (spiral)"),
        behaviour: |arguments| Call::new(arguments).with_slope(|_| 1.0),
    },
    Misconception {
        id: "tanh-derivative-of-activation",
        title: "the slope of tanh is taken at a1 in place of z1, as 1 - tanh(a1)^2",
        explanation: "The slope at z1 is 1 - tanh(z1)^2, and tanh(z1) is a1 already: 1 - a1**2. Applying tanh again gives \
                      the slope at another point.",
        question: "What is a1 in terms of z1? Is there a tanh left to apply?",
        see: ("dls-c1", "W3 Shallow neural networks"),
        behaviour: |arguments| Call::new(arguments).with_slope(|a| 1.0 - a.tanh().powi(2)),
    },
    Misconception {
        id: "tanh-derivative-not-squared",
        title: "the slope of tanh is taken to be 1 - a1",
        explanation: "The derivative of tanh is 1 - tanh^2. At a1 = 0 both are 1, so small activations hide it; at \
                      a1 = -1 the slope must be 0, and 1 - a1 is 2.",
        question: "How steep is tanh far to the left, and what does your slope say there?",
        see: ("dls-c1", "W3 Shallow neural networks"),
        behaviour: |arguments| Call::new(arguments).with_slope(|a| 1.0 - a),
    },
    Misconception {
        id: "sigmoid-slope-for-tanh",
        title: "the slope of the sigmoid, a1 * (1 - a1), is used for the hidden tanh",
        explanation: "a * (1 - a) is the slope of the sigmoid in terms of its output. For tanh it is 1 - a**2. Each \
                      activation brings its own slope.",
        question: "Can the slope of tanh be negative? Can a1 * (1 - a1)?",
        see: ("dls-c1", "W3 Shallow neural networks"),
        behaviour: |arguments| Call::new(arguments).with_slope(|a| a * (1.0 - a)),
    },
    Misconception {
        id: "sum-over-wrong-axis",
        title: "the bias gradients are summed over the units and not over the examples",
        explanation: "A bias is shared by all examples (columns), so its gradient is the sum over columns, axis 1. Axis 0 \
                      adds up different units' errors and leaves one number per example.",
        question: "How many numbers should db1 have: one per unit or one per example?",
        see: ("numpy", "numpy.sum, arguments axis and keepdims"),
        behaviour: |arguments| {
            let call = Call::new(arguments);
            let sums = |array: Array2<f64>| array.sum_axis(Axis(0)).insert_axis(Axis(0));
            four(Parameters { b1: sums(call.hidden_error()), b2: sums(call.output_error()), ..call.right() })
        },
    },
    Misconception {
        id: "axis-dropped",
        title: "the bias gradients lose an axis: db1 has shape (n1,) and not (n1, 1)",
        explanation: "b1 - lr * db1 with shapes (n1, 1) and (n1,) broadcasts to an n1 by n1 matrix, silently. Keep the \
                      axis: np.sum(dz1, axis=1, keepdims=True).",
        question: "What shape does b1 - lr * db1 have?",
        see: ("numpy", "Broadcasting"),
        behaviour: |arguments| {
            let right = Call::new(arguments).right();
            let column = |array: &Array2<f64>| Value::from(array.index_axis(Axis(1), 0).to_owned());
            let (b1, b2) = (column(&right.b1), column(&right.b2));
            let [w1, _, w2, _] = right.values();
            returns(Value::Tuple(vec![w1, b1, w2, b2]))
        },
    },
];
