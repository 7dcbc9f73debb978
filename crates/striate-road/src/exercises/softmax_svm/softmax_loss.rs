//! `softmax_loss`: the cross-entropy of a linear classifier, with its gradient.

use ndarray::{Array1, Array2, Axis, array};

use super::scores::{Problem, log_softmax, one_hot, random};
use crate::exercise::{Exercise, Kind, Misconception, Outcome, Parameter, Probe, Property, Signature, Speed};
use crate::exercises::arguments::{f64_array, float_named, i64_array};
use crate::exercises::numbers::Numbers;
use crate::value::Value;

/// The exercise.
pub static SOFTMAX_LOSS: Exercise = Exercise {
    id: "softmax_loss",
    station: "softmax-svm",
    task: "A linear classifier gives example i the scores x[i] @ w, one per class; softmax turns each row of scores into\n\
           probabilities p, exp(score) over the sum of exp(scores) of that row.\n\
           Return the loss, the mean over the N examples of -log p[i, y[i]], plus reg * sum of w**2 (no half),\n\
           and its gradient dw. Scores of 1000 must not hurt: loss and gradient stay finite.",
    signature: Signature { name: "softmax_loss", parameters: PARAMETERS, returns: LOSS_AND_GRADIENT },
    probes,
    reference,
    misconceptions: MISCONCEPTIONS,
    properties: &[Property {
        title: "has a gradient whose rows sum to 2 * reg * (sum of the row of w)",
        violated: pushes_all_classes,
    }],
    speed: Some(Speed { arguments: large, naive_steps: 2.0 * 600.0 * 60.0 * 10.0, times_faster: 8.0 }),
    hints: &[
        "With w = 0 every class has the same probability. What must the loss be then? (log C.) If it is not, look at the \
         loss; if it is, look at the gradient.",
        "scores = x @ w, subtract the largest score of each row, exponentiate, divide by the row sums: p. Loss from \
         log p = shifted - log(sum of exp(shifted)). The gradient of the scores is p with 1 subtracted at the true \
         class, divided by N; dw = x.T @ that, plus 2 * reg * w.",
        "One example x = [[1, 2]], two classes, w = [[0, 1], [0, 1]], y = [0], reg = 0.1: scores 0 and 3.\n\
         p = [1, e^3] / (1 + e^3) = [0.0474, 0.9526], loss = -log 0.0474 + 0.1 * 2 = 3.0486 + 0.2 = 3.2486\n\
         dscores = [0.0474 - 1, 0.9526], dw = [[-0.9526, 0.9526 + 0.2], [-1.9051, 1.9051 + 0.2]]",
    ],
    ..Exercise::DEFAULTS
};

const PARAMETERS: &[Parameter] = &[
    f64_array("w", &["D", "C"], "weights, a column per class"),
    f64_array("x", &["N", "D"], "examples, one per row"),
    i64_array("y", &["N"], "class of each example, 0 to C - 1"),
    float_named("reg", "weight of the penalty"),
];

/// What both losses of this station return.
pub(super) const LOSS_AND_GRADIENT: Parameter = Parameter {
    name: "loss and gradient",
    kind: Kind::Tuple(&[
        float_named("loss", "mean loss plus penalty"),
        f64_array("dw", &["D", "C"], "gradient of the loss with respect to w"),
    ]),
    meaning: "the loss and its gradient",
};

fn probes() -> Vec<Probe> {
    let mut numbers = Numbers::stream(381);
    let tiny = vec![
        array![[0.0, 1.0, 0.5], [0.0, 1.0, -1.0]].into(),
        array![[1.0, 2.0], [-1.0, 0.5]].into(),
        array![0_i64, 2].into(),
        Value::Float(0.1),
    ];
    let mut probes = vec![Probe::ordinary("two examples, three classes", tiny)];
    for (size, reg, hard, label) in [
        ([5, 3, 4], 0.05, false, "5 examples of 3 numbers, 4 classes"),
        ([7, 2, 3], 0.0, false, "7 examples of 2 numbers, 3 classes, no penalty"),
        ([3, 5, 6], 0.3, false, "3 examples of 5 numbers, 6 classes"),
        ([4, 4, 4], 0.1, true, "4 examples of 4 numbers, 4 classes"),
        ([1, 3, 5], 0.2, true, "a single example"),
        ([5, 3, 1], 0.2, true, "a single class"),
    ] {
        let arguments = random(&mut numbers, size, reg);
        probes.push(if hard { Probe::hard(label, arguments) } else { Probe::ordinary(label, arguments) });
    }
    let huge = vec![
        array![[1000.0, 0.0, -1000.0], [0.0, 1.0, 2.0]].into(),
        array![[1.0, 0.5], [-1.0, 0.5], [0.001, 1.0], [-2.0, 0.0]].into(),
        array![0_i64, 0, 2, 1].into(),
        Value::Float(0.0),
    ];
    probes.push(Probe::hard("scores of 1000 and -1000", huge));
    probes
}

/// What speed is measured on.
fn large() -> Vec<Value> {
    random(&mut Numbers::stream(382), [600, 60, 10], 0.1)
}

/// How the loss is made; every misconception is one wrong setting.
#[derive(Clone, Copy)]
struct Recipe {
    /// Logarithms of the probabilities, from the scores.
    log_probabilities: fn(&Array2<f64>) -> Array2<f64>,
    /// What an example costs, from the logarithm of its probability.
    cost: fn(f64) -> f64,
    /// What is subtracted from the true class' probability, from the number of classes.
    true_class: fn(f64) -> f64,
    /// Factors on the data's loss and gradient, from examples and classes.
    factors: fn(f64, f64) -> (f64, f64),
    /// Weights of the penalty in loss and gradient, from reg and the number of examples.
    penalties: fn(f64, f64) -> (f64, f64),
}

const RIGHT: Recipe = Recipe {
    log_probabilities: log_softmax,
    cost: |log_probability| -log_probability,
    true_class: |_| 1.0,
    factors: |n, _| (1.0 / n, 1.0 / n),
    penalties: |reg, _| (reg, 2.0 * reg),
};

impl Recipe {
    fn loss(&self, arguments: &[Value]) -> Outcome {
        let problem = Problem::new(arguments);
        let (n, classes) = (problem.examples(), problem.w.ncols());
        let logs = (self.log_probabilities)(&problem.scores());
        let cost: f64 = problem.y.iter().enumerate().map(|(i, &class)| (self.cost)(logs[[i, class]])).sum();
        let (of_loss, of_gradient) = (self.factors)(n, classes as f64);
        let errors = logs.mapv(f64::exp) - (self.true_class)(classes as f64) * one_hot(&problem.y, classes);
        problem.penalised(of_loss * cost, &(of_gradient * errors), (self.penalties)(problem.reg, n))
    }
}

/// Softmax without any care, of scores from which a number was subtracted.
fn plain_softmax(shifted: &Array2<f64>) -> Array2<f64> {
    let powers = shifted.mapv(f64::exp);
    let sums = powers.sum_axis(Axis(1));
    powers / &sums.insert_axis(Axis(1))
}

fn row_maxima(scores: &Array2<f64>) -> Array1<f64> {
    scores.map_axis(Axis(1), |row| row.fold(f64::NEG_INFINITY, |a, &b| a.max(b)))
}

fn reference(arguments: &[Value]) -> Outcome {
    RIGHT.loss(arguments)
}

/// Softmax moves probability between classes, so the data's gradient sums to zero over them.
fn pushes_all_classes(arguments: &[Value], result: &Value) -> Option<String> {
    let problem = Problem::new(arguments);
    let Value::Tuple(parts) = result else { return None };
    let dw = parts.get(1)?.as_array()?.to_f64_array().into_dimensionality::<ndarray::Ix2>().ok()?;
    let (got, wanted) = (dw.sum_axis(Axis(1)), 2.0 * problem.reg * problem.w.sum_axis(Axis(1)));
    let worst = got.iter().zip(&wanted).position(|(a, b)| (a - b).abs() > 1e-9)?;
    Some(format!("row {worst} of dw sums to {}, not to {}", got[worst], wanted[worst]))
}

const NOTES: &str = "notes: linear classification (SVM and softmax)";

const MISCONCEPTIONS: &[Misconception] = &[
    Misconception {
        id: "max-not-subtracted",
        title: "the scores are exponentiated as they are, and overflow",
        explanation: "exp(1000) is infinite, and infinity over infinity is not a number. Softmax does not change when the same number \
                      is subtracted from all scores of a row: subtract the row's largest, and the largest power is 1.",
        question: "What does your softmax make of the scores [1000, 0]?",
        see: ("cs231n", NOTES),
        behaviour: |arguments| {
            Recipe { log_probabilities: |scores| plain_softmax(scores).mapv(f64::ln), ..RIGHT }.loss(arguments)
        },
    },
    Misconception {
        id: "log-of-zero",
        title: "the logarithm is taken of a probability that has rounded to 0",
        explanation: "exp(-2000) is 0, and log 0 minus infinity, even after the largest score was subtracted. Do not go through p: \
                      log p = shifted - log(sum of exp(shifted)) is finite for any scores.",
        question: "Scores [1000, -1000] and true class 1: is your loss 2000?",
        see: ("dlbook", "4.1 Overflow and Underflow"),
        behaviour: |arguments| {
            let log_probabilities = |scores: &Array2<f64>| {
                let maxima = row_maxima(scores).insert_axis(Axis(1));
                plain_softmax(&(scores - &maxima)).mapv(f64::ln)
            };
            Recipe { log_probabilities, ..RIGHT }.loss(arguments)
        },
    },
    Misconception {
        id: "max-over-everything",
        title: "the largest score of the whole matrix is subtracted, not that of each row",
        explanation: "If one example has a score of 1000, all powers of the other rows round to 0, and 0 / 0 is not a number. Every \
                      row has its own largest score: np.max(scores, axis=1, keepdims=True).",
        question: "How many numbers does your max give: one, or one per example?",
        see: ("numpy", "numpy.max, arguments axis and keepdims"),
        behaviour: |arguments| {
            let log_probabilities = |scores: &Array2<f64>| {
                let largest = scores.fold(f64::NEG_INFINITY, |a, &b| a.max(b));
                plain_softmax(&(scores - largest)).mapv(f64::ln)
            };
            Recipe { log_probabilities, ..RIGHT }.loss(arguments)
        },
    },
    Misconception {
        id: "sum-over-wrong-axis",
        title: "softmax runs over the examples and not over the classes",
        explanation: "The classes of one example compete, so each row of p sums to 1. Summed over axis 0, the examples compete for each \
                      class, and every loss depends on the other examples.",
        question: "What do the rows of your p sum to, and what the columns?",
        see: ("numpy", "numpy.sum, arguments axis and keepdims"),
        behaviour: |arguments| {
            let log_probabilities = |scores: &Array2<f64>| log_softmax(&scores.t().to_owned()).reversed_axes();
            Recipe { log_probabilities, ..RIGHT }.loss(arguments)
        },
    },
    Misconception {
        id: "epsilon-in-log",
        title: "a small number (1e-5) is added inside the logarithm",
        explanation: "log(p + 1e-5) caps the loss of hopeless examples at 11.5 and moves every other one a little; the gradient no longer \
                      belongs to it. With log p = shifted - log(sum) there is nothing to protect.",
        question: "How large can the loss of a single example become in your code?",
        see: ("dlbook", "4.1 Overflow and Underflow"),
        behaviour: |arguments| {
            Recipe { cost: |log_probability| -(log_probability.exp() + 1e-5).ln(), ..RIGHT }.loss(arguments)
        },
    },
    Misconception {
        id: "mean-missing",
        title: "loss and gradient of the data are summed over the examples and not divided by N",
        explanation: "The data's part is a mean. As a sum it outgrows the penalty when there are more examples, and every setting of reg and \
                      of the learning rate depends on N.",
        question: "With w = 0, is your loss log C or N log C?",
        see: ("cs231n", NOTES),
        behaviour: |arguments| Recipe { factors: |_, _| (1.0, 1.0), ..RIGHT }.loss(arguments),
    },
    Misconception {
        id: "mean-missing-in-gradient",
        title: "the loss is a mean over the examples, but its gradient is a sum",
        explanation: "1/N stands in front of the whole sum, so it stays in front of its derivative: divide p minus one-hot by N before \
                      the product with x.",
        question: "Where is the 1/N of the loss in your gradient?",
        see: ("cs231n", NOTES),
        behaviour: |arguments| Recipe { factors: |n, _| (1.0 / n, 1.0), ..RIGHT }.loss(arguments),
    },
    Misconception {
        id: "mean-over-classes",
        title: "loss and gradient are divided by the number of classes too",
        explanation: "A mean over all N * C numbers is C times too small. Only one probability per example enters the loss, that of the true \
                      class, so the mean is over N numbers.",
        question: "Over how many numbers does your mean run?",
        see: ("cs231n", NOTES),
        behaviour: |arguments| Recipe { factors: |n, c| (1.0 / (n * c), 1.0 / (n * c)), ..RIGHT }.loss(arguments),
    },
    Misconception {
        id: "true-class-missing",
        title: "the 1 at the true class is not subtracted in the gradient",
        explanation: "The gradient of the scores is p minus one-hot(y): negative at the true class, so that its score is raised. With p alone \
                      all scores are pushed down, right ones too.",
        question: "Which sign should the gradient have at the true class?",
        see: ("cs231n", NOTES),
        behaviour: |arguments| Recipe { true_class: |_| 0.0, ..RIGHT }.loss(arguments),
    },
    Misconception {
        id: "true-class-per-class",
        title: "the true class' 1 is subtracted once per class, C times in all",
        explanation: "In the loop version the line for the true class slipped into the loop over the classes. It belongs beside it: once per \
                      example. The gradient of the scores must sum to 0 over the classes.",
        question: "What do the gradients of one example's scores sum to?",
        see: ("cs231n", NOTES),
        behaviour: |arguments| Recipe { true_class: |classes| classes, ..RIGHT }.loss(arguments),
    },
    Misconception {
        id: "regularization-missing",
        title: "the penalty is left out",
        explanation: "reg * sum of w^2 belongs to the loss and 2 * reg * w to the gradient. It decides between the many w that classify the \
                      training examples equally well.",
        question: "Where in your code is reg used?",
        see: ("cs231n", NOTES),
        behaviour: |arguments| Recipe { penalties: |_, _| (0.0, 0.0), ..RIGHT }.loss(arguments),
    },
    Misconception {
        id: "regularization-averaged",
        title: "the penalty is divided by N too",
        explanation: "The mean is over the examples' losses. The penalty has nothing to do with the examples: add it after dividing.",
        question: "Do you add the penalty before or after dividing by N?",
        see: ("cs231n", NOTES),
        behaviour: |arguments| Recipe { penalties: |reg, n| (reg / n, 2.0 * reg / n), ..RIGHT }.loss(arguments),
    },
    Misconception {
        id: "regularization-gradient-half",
        title: "the gradient of the penalty is reg * w, while the loss has reg * sum of w^2",
        explanation: "The derivative of w^2 is 2 w. reg * w belongs to a loss with a half, 0.5 * reg * sum of w^2. Either convention is fine, \
                      but loss and gradient must use the same one.",
        question: "What is the derivative of reg * w^2?",
        see: ("cs231n", NOTES),
        behaviour: |arguments| Recipe { penalties: |reg, _| (reg, reg), ..RIGHT }.loss(arguments),
    },
    Misconception {
        id: "regularization-loss-half",
        title: "the loss has half the penalty, while the gradient is that of the whole",
        explanation: "0.5 * reg * sum of w^2 has the gradient reg * w. Here the penalty is reg * sum of w^2 with the gradient 2 * reg * w: the \
                      half must be in both or in neither.",
        question: "Is there a 0.5 in your loss that is not in your gradient?",
        see: ("cs231n", NOTES),
        behaviour: |arguments| Recipe { penalties: |reg, _| (0.5 * reg, 2.0 * reg), ..RIGHT }.loss(arguments),
    },
    Misconception {
        id: "regularization-half",
        title: "the penalty is 0.5 * reg * sum of w^2, in loss and gradient",
        explanation: "That is consistent, and the convention of many courses, but not the one asked for: here the penalty is reg * sum of w^2. \
                      With it, reg means half as much.",
        question: "Is there a half in the penalty of the task?",
        see: ("cs231n", NOTES),
        behaviour: |arguments| Recipe { penalties: |reg, _| (0.5 * reg, reg), ..RIGHT }.loss(arguments),
    },
];
