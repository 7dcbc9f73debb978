//! `newton_step`: curvature in place of a learning rate.

use ndarray::{Array1, Array2, ArrayView1, ArrayView2, array};

use super::cross_entropy::sigmoid;
use crate::exercise::{Exercise, Misconception, Outcome, Probe, Signature, Tolerance};
use crate::exercises::arguments::{f64_array, float, float_named, floats, rejects, returns};
use crate::exercises::numbers::Numbers;
use crate::value::Value;

/// The exercise.
pub static NEWTON_STEP: Exercise = Exercise {
    id: "newton_step",
    station: "logistic-regression",
    task: "Return theta after one Newton step on J = mean cross-entropy of p = sigmoid(x @ theta) + lam / 2 * sum of theta**2.\n\
           Gradient: g = x.T @ (p - y) / m + lam * theta. Hessian: H = x.T @ diag(p * (1 - p)) @ x / m + lam * I.\n\
           The step is theta - H^-1 g; solve H s = g for it and do not invert H.\n\
           Here examples are rows, and a bias, if wanted, is a column of ones in x.",
    signature: Signature {
        name: "newton_step",
        parameters: &[
            f64_array("theta", &["D"], "weights before the step"),
            f64_array("x", &["m", "D"], "examples, one per row"),
            f64_array("y", &["m"], "classes, 0 or 1"),
            float_named("lam", "weight of the penalty, 0 or more"),
        ],
        returns: f64_array("theta", &["D"], "weights after the step"),
    },
    probes,
    reference,
    misconceptions: MISCONCEPTIONS,
    // Solving a system loses a few digits, and which ones depends on the order of elimination.
    tolerance: Tolerance { relative: 1e-8, absolute: 1e-10 },
    hints: &[
        "Check the gradient alone first, with central differences of J. Then H: it is symmetric, and every number on its \
         diagonal is positive.",
        "p = sigmoid(x @ theta), then g and H as in the task. H has D rows and D columns: x.T @ (x * (p * (1 - p))[:, None]) / m \
         + lam * np.eye(D). Then theta - np.linalg.solve(H, g). In Rust: Gaussian elimination with pivoting.",
        "One weight, x = [[1], [2]], y = [0, 1], theta = [0], lam = 0: p = 0.5 for both.\n\
         g = (1*0.5 + 2*(-0.5)) / 2 = -0.25, H = (1*0.25 + 4*0.25) / 2 = 0.625\n\
         theta = 0 - (-0.25) / 0.625 = 0.4",
    ],
    ..Exercise::DEFAULTS
};

fn probes() -> Vec<Probe> {
    let mut numbers = Numbers::stream(371);
    let arguments = |theta: Array1<f64>, x: Array2<f64>, y: Array1<f64>, lam: f64| {
        vec![theta.into(), x.into(), y.into(), Value::Float(lam)]
    };
    let two = array![[1.0], [2.0]];
    let mut probes =
        vec![Probe::ordinary("one weight, two examples", arguments(array![0.5], two, array![0.0, 1.0], 0.0))];
    for (m, d, lam, hard, label) in [
        (5, 2, 0.0, false, "5 examples of 2 numbers, no penalty"),
        (11, 3, 0.0, false, "11 examples of 3 numbers, no penalty"),
        (7, 3, 0.3, false, "7 examples of 3 numbers, penalty 0.3"),
        (4, 6, 0.5, true, "fewer examples (4) than numbers (6), penalty 0.5"),
        (1, 2, 1.0, true, "a single example, penalty 1"),
    ] {
        let (theta, x) = (numbers.reals(d, -0.8, 0.8), numbers.reals([m, d], -2.0, 2.0));
        let y = numbers.integers(m, 0, 1);
        let arguments = arguments(theta, x, y, lam);
        probes.push(if hard { Probe::hard(label, arguments) } else { Probe::ordinary(label, arguments) });
    }
    let saturated = array![[1000.0, 0.0], [-1000.0, 0.0], [0.0, 900.0]];
    probes.push(Probe::hard(
        "sums of 1000: every p is 0 or 1, only the penalty has curvature",
        arguments(array![1.0, -1.0], saturated, array![1.0, 0.0, 1.0], 0.1),
    ));
    let start = array![[1.0, 0.2], [1.0, -0.7], [1.0, 1.5], [1.0, 0.4], [1.0, -1.1]];
    probes.push(Probe::hard(
        "weights of zero, a column of ones",
        arguments(array![0.0, 0.0], start, array![1.0, 0.0, 1.0, 0.0, 0.0], 0.0),
    ));
    probes
}

/// How a step is made; every misconception is one wrong setting.
#[derive(Clone, Copy)]
struct Recipe {
    /// The probability from the sum.
    probability: fn(f64) -> f64,
    /// What an example adds to the curvature, from its probability.
    curvature: fn(f64) -> f64,
    /// Factors on the data's part of gradient and Hessian, from the number of examples.
    factors: fn(f64) -> (f64, f64),
    /// Weight of the penalty in gradient and Hessian, from lam.
    penalties: fn(f64) -> (f64, f64),
    /// What is subtracted from theta, from Hessian and gradient; `None` if the system has no solution.
    step: fn(Array2<f64>, Array1<f64>) -> Option<Array1<f64>>,
}

const RIGHT: Recipe = Recipe {
    probability: sigmoid,
    curvature: |p| p * (1.0 - p),
    factors: |_| (1.0, 1.0),
    penalties: |lam| (lam, lam),
    step: solve,
};

impl Recipe {
    fn theta(&self, arguments: &[Value]) -> Outcome {
        let theta = floats::<ndarray::Ix1>(arguments, 0);
        let x: ArrayView2<'_, f64> = floats(arguments, 1);
        let y: ArrayView1<'_, f64> = floats(arguments, 2);
        let m = y.len() as f64;
        let (of_gradient, of_hessian) = (self.factors)(m);
        let (lam_gradient, lam_hessian) = (self.penalties)(float(arguments, 3));
        let p = x.dot(&theta).mapv(self.probability);
        let gradient = x.t().dot(&(&p - &y)) * (of_gradient / m) + lam_gradient * &theta;
        let weighted = &x * &p.mapv(self.curvature).insert_axis(ndarray::Axis(1));
        let hessian = x.t().dot(&weighted) * (of_hessian / m) + lam_hessian * Array2::<f64>::eye(theta.len());
        match (self.step)(hessian, gradient) {
            Some(step) => returns(&theta - &step),
            None => rejects("the Hessian is singular"),
        }
    }
}

/// Solves `a s = b` by elimination with partial pivoting.
fn solve(mut a: Array2<f64>, mut b: Array1<f64>) -> Option<Array1<f64>> {
    let n = b.len();
    for k in 0..n {
        let pivot = (k..n).max_by(|&i, &j| a[[i, k]].abs().total_cmp(&a[[j, k]].abs()))?;
        if a[[pivot, k]] == 0.0 {
            return None;
        }
        for column in 0..n {
            a.swap([k, column], [pivot, column]);
        }
        b.swap(k, pivot);
        for i in k + 1..n {
            let factor = a[[i, k]] / a[[k, k]];
            for column in k..n {
                a[[i, column]] -= factor * a[[k, column]];
            }
            b[i] -= factor * b[k];
        }
    }
    for k in (0..n).rev() {
        let known: f64 = (k + 1..n).map(|j| a[[k, j]] * b[j]).sum();
        b[k] = (b[k] - known) / a[[k, k]];
    }
    Some(b)
}

fn reference(arguments: &[Value]) -> Outcome {
    RIGHT.theta(arguments)
}

const MISCONCEPTIONS: &[Misconception] = &[
    Misconception {
        id: "sign-flipped",
        title: "the step is added and not subtracted",
        explanation: "H^-1 g points uphill as g does, since H is positive definite. Down is minus. (CS229 maximises the likelihood: \
                      there the gradient has the other sign, and the Hessian too.)",
        question: "Does J go up or down with your step?",
        see: ("cs229", "notes 1: logistic regression, Newton's method"),
        behaviour: |arguments| Recipe { step: |hessian, gradient| solve(hessian, -gradient), ..RIGHT }.theta(arguments),
    },
    Misconception {
        id: "curvature-missing",
        title: "the Hessian is x.T @ x / m, without p * (1 - p)",
        explanation: "p (1 - p) says how much an example still bends the cost: 0.25 where the neuron is unsure, nearly 0 where it is \
                      sure. Without it the Hessian is that of linear regression, too large, and the steps are too short.",
        question: "What does a confident example, p = 0.999, add to your Hessian?",
        see: ("cs229", "notes 1: logistic regression, Newton's method"),
        behaviour: |arguments| Recipe { curvature: |_| 1.0, ..RIGHT }.theta(arguments),
    },
    Misconception {
        id: "sigmoid-applied-twice",
        title: "the curvature is s * (1 - s) with s = sigmoid(p): the sigmoid is applied twice",
        explanation: "p is sigmoid(x @ theta) already; its slope is p (1 - p). A function sigmoid_derivative(z) wants the sum z, \
                      not p.",
        question: "Does your derivative of the sigmoid take z or the probability, and what do you give it?",
        see: ("dls-c1", "W2 Neural networks basics"),
        behaviour: |arguments| Recipe { curvature: |p| sigmoid(p) * (1.0 - sigmoid(p)), ..RIGHT }.theta(arguments),
    },
    Misconception {
        id: "hessian-ignored",
        title: "the step is the gradient alone: gradient descent with a learning rate of 1",
        explanation: "Newton's method divides by the curvature: far where the valley is flat, short where it is steep. That is what \
                      makes it arrive in a handful of steps.",
        question: "Where in your code is the Hessian used?",
        see: ("cs229", "notes 1: logistic regression, Newton's method"),
        behaviour: |arguments| Recipe { step: |_, gradient| Some(gradient), ..RIGHT }.theta(arguments),
    },
    Misconception {
        id: "hessian-diagonal",
        title: "each gradient is divided by the diagonal element of the Hessian, and the rest of it is ignored",
        explanation: "Off the diagonal stands how the weights act together. g / diag(H) is right only if the columns of x are \
                      uncorrelated; otherwise solve the whole system H s = g.",
        question: "How many numbers of H does your step use: D or D * D?",
        see: ("cs229", "notes 1: logistic regression, Newton's method"),
        behaviour: |arguments| {
            Recipe { step: |hessian, gradient| Some(&gradient / &hessian.diag()), ..RIGHT }.theta(arguments)
        },
    },
    Misconception {
        id: "mean-missing-in-gradient",
        title: "the gradient is a sum over the examples while the Hessian is a mean",
        explanation: "Divide both by m or neither (and then m * lam is the penalty's weight): otherwise the step is m times too \
                      long.",
        question: "Is the same factor 1/m in g and in H?",
        see: ("cs229", "notes 1: logistic regression, Newton's method"),
        behaviour: |arguments| Recipe { factors: |m| (m, 1.0), ..RIGHT }.theta(arguments),
    },
    Misconception {
        id: "mean-missing-in-hessian",
        title: "the Hessian is a sum over the examples while the gradient is a mean",
        explanation: "Divide both by m or neither: otherwise the step is m times too short, and the method crawls.",
        question: "Is the same factor 1/m in g and in H?",
        see: ("cs229", "notes 1: logistic regression, Newton's method"),
        behaviour: |arguments| Recipe { factors: |m| (1.0, m), ..RIGHT }.theta(arguments),
    },
    Misconception {
        id: "regularization-missing",
        title: "the penalty is left out",
        explanation: "lam / 2 * sum of theta^2 adds lam * theta to the gradient and lam to every diagonal element of H. Without it, \
                      separable data send theta to infinity and H to zero.",
        question: "Where in your code is lam used?",
        see: ("ng-ml", "W3 Logistic regression; regularization"),
        behaviour: |arguments| Recipe { penalties: |_| (0.0, 0.0), ..RIGHT }.theta(arguments),
    },
    Misconception {
        id: "penalty-in-gradient-only",
        title: "the penalty is in the gradient but not in the Hessian",
        explanation: "The Hessian is the derivative of the gradient, and the derivative of lam * theta is lam on the diagonal. That \
                      diagonal is also what keeps H invertible when every p is near 0 or 1.",
        question: "What is the derivative of lam * theta[j] by theta[j]?",
        see: ("ng-ml", "W3 Logistic regression; regularization"),
        behaviour: |arguments| Recipe { penalties: |lam| (lam, 0.0), ..RIGHT }.theta(arguments),
    },
    Misconception {
        id: "penalty-in-hessian-only",
        title: "the penalty is in the Hessian but not in the gradient",
        explanation: "lam * I in H alone only shortens the steps (that is called damping); the place they lead to is still the \
                      unpenalised one. The gradient needs lam * theta.",
        question: "At the minimum of J, is your gradient zero?",
        see: ("ng-ml", "W3 Logistic regression; regularization"),
        behaviour: |arguments| Recipe { penalties: |lam| (0.0, lam), ..RIGHT }.theta(arguments),
    },
    Misconception {
        id: "sigmoid-missing",
        title: "x @ theta is used as the probability, without the sigmoid",
        explanation: "The residual is p - y with p = sigmoid(x @ theta). Without the sigmoid, p (1 - p) can even be negative, and H \
                      is no longer positive definite.",
        question: "Are all your p between 0 and 1?",
        see: ("cs229", "notes 1: logistic regression, Newton's method"),
        behaviour: |arguments| Recipe { probability: |z| z, ..RIGHT }.theta(arguments),
    },
];
