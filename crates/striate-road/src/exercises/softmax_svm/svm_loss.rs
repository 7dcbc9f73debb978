//! `svm_loss`: the margin loss of a linear classifier, with its gradient.

use ndarray::{Array1, Array2, array};

use super::scores::{Problem, random};
use super::softmax_loss::LOSS_AND_GRADIENT;
use crate::exercise::{Exercise, Misconception, Outcome, Probe, Signature, Speed};
use crate::exercises::arguments::{f64_array, float, float_named, i64_array};
use crate::exercises::numbers::Numbers;
use crate::value::Value;

/// The exercise.
pub static SVM_LOSS: Exercise = Exercise {
    id: "svm_loss",
    station: "softmax-svm",
    task: "The margin loss of many classes: with scores s = x[i] @ w, example i costs the sum over all classes j except\n\
           the true one of max(0, s[j] - s[y[i]] + delta).\n\
           Return the loss, the mean cost of the N examples plus reg * sum of w**2 (no half), and its gradient dw.\n\
           Where s[j] - s[y[i]] + delta is exactly 0 the slope is taken to be 0.",
    signature: Signature {
        name: "svm_loss",
        parameters: &[
            f64_array("w", &["D", "C"], "weights, a column per class"),
            f64_array("x", &["N", "D"], "examples, one per row"),
            i64_array("y", &["N"], "class of each example, 0 to C - 1"),
            float_named("reg", "weight of the penalty"),
            float_named("delta", "margin by which the true class should win"),
        ],
        returns: LOSS_AND_GRADIENT,
    },
    probes,
    reference,
    misconceptions: MISCONCEPTIONS,
    speed: Some(Speed { arguments: large, naive_steps: 2.0 * 600.0 * 60.0 * 10.0, times_faster: 8.0 }),
    hints: &[
        "With w = 0 all scores are equal, and every wrong class costs delta. What must the loss be then? ((C - 1) * delta.)",
        "margins = s - s[true] + delta for the whole matrix, and 0 at the true class. The cost is the sum of the positive \
         ones. Each positive margin pushes its own class by +x and the true class by -x: a matrix with 1 where the margin \
         is positive and minus the number of those at the true class, divided by N, is the gradient of the scores.",
        "One example x = [[1, 2]], three classes, scores [2, 3, 1.5], y = [0], delta = 1, reg = 0.\n\
         Margins: class 1: 3 - 2 + 1 = 2, class 2: 1.5 - 2 + 1 = 0.5. Loss 2.5.\n\
         Two classes push: dw column 0 = -2 * x = [-2, -4], columns 1 and 2 = x = [1, 2].",
    ],
    ..Exercise::DEFAULTS
};

fn probes() -> Vec<Probe> {
    let mut numbers = Numbers::stream(391);
    let with_delta = |mut arguments: Vec<Value>, delta: f64| {
        arguments.push(Value::Float(delta));
        arguments
    };
    let small = |reg: f64| {
        let w = array![[1.0, 0.5, -0.5, 0.0], [0.5, 1.25, 1.0, -1.0]];
        vec![w.into(), array![[1.0, 2.0], [-1.0, 0.5]].into(), array![0_i64, 2].into(), Value::Float(reg)]
    };
    let mut probes = vec![Probe::ordinary("two examples, four classes", with_delta(small(0.1), 1.0))];
    for (size, reg, delta, hard, label) in [
        ([5, 3, 4], 0.05, 1.0, false, "5 examples of 3 numbers, 4 classes"),
        ([7, 2, 3], 0.0, 2.5, false, "7 examples of 2 numbers, 3 classes, delta 2.5, no penalty"),
        ([3, 5, 6], 0.3, 1.0, false, "3 examples of 5 numbers, 6 classes"),
        ([4, 4, 4], 0.1, 0.5, true, "4 examples of 4 numbers, 4 classes, delta 0.5"),
        ([1, 3, 5], 0.2, 1.0, true, "a single example"),
        ([5, 3, 1], 0.2, 1.0, true, "a single class: nothing to compare with"),
    ] {
        let arguments = with_delta(random(&mut numbers, size, reg), delta);
        probes.push(if hard { Probe::hard(label, arguments) } else { Probe::ordinary(label, arguments) });
    }
    let tied = vec![
        array![[1.0, 0.0, 2.0], [0.0, 1.0, 0.0]].into(),
        array![[1.0, 2.0], [2.0, 1.0], [1.0, 1.0]].into(),
        array![1_i64, 0, 2].into(),
        Value::Float(0.0),
    ];
    probes.push(Probe::hard("margins that are exactly zero", with_delta(tied, 1.0)));
    let won = vec![
        array![[100.0, -100.0], [0.0, 50.0]].into(),
        array![[1.0, 0.0], [-1.0, 1.0]].into(),
        array![0_i64, 1].into(),
        Value::Float(0.01),
    ];
    probes.push(Probe::hard("every example far on the right side", with_delta(won, 1.0)));
    probes
}

/// What speed is measured on.
fn large() -> Vec<Value> {
    let mut arguments = random(&mut Numbers::stream(392), [600, 60, 10], 0.1);
    arguments.push(Value::Float(1.0));
    arguments
}

/// How the loss is made; every misconception is one wrong setting.
#[derive(Clone, Copy)]
struct Recipe {
    /// The margin from a class' score, the true class' score and delta.
    margin: fn(f64, f64, f64) -> f64,
    /// Cost and slope of a margin.
    hinge: fn(f64) -> (f64, f64),
    /// Whether the true class is compared with itself.
    counts_true_class: bool,
    /// Whether only the worst class of an example costs.
    worst_only: bool,
    /// What the true class' gradient gets, from the sum of the others' slopes.
    true_class: fn(f64) -> f64,
    /// Factors on the data's loss and gradient, from examples and classes.
    factors: fn(f64, f64) -> (f64, f64),
    /// Weights of the penalty in loss and gradient, from reg and the number of examples.
    penalties: fn(f64, f64) -> (f64, f64),
}

const RIGHT: Recipe = Recipe {
    margin: |score, true_score, delta| score - true_score + delta,
    hinge: |margin| if margin > 0.0 { (margin, 1.0) } else { (0.0, 0.0) },
    counts_true_class: false,
    worst_only: false,
    true_class: |slopes| -slopes,
    factors: |n, _| (1.0 / n, 1.0 / n),
    penalties: |reg, _| (reg, 2.0 * reg),
};

impl Recipe {
    fn loss(&self, arguments: &[Value]) -> Outcome {
        let problem = Problem::new(arguments);
        let delta = float(arguments, 4);
        let (n, classes) = (problem.examples(), problem.w.ncols());
        let (mut cost, mut slopes) = (0.0, Array2::zeros((problem.y.len(), classes)));
        for ((row, mut slopes), &class) in problem.scores().rows().into_iter().zip(slopes.rows_mut()).zip(&problem.y) {
            let mut margins = row.mapv(|score| (self.margin)(score, row[class], delta));
            if !self.counts_true_class {
                margins[class] = f64::NEG_INFINITY;
            }
            if self.worst_only {
                keep_largest(&mut margins);
            }
            for (slope, &margin) in slopes.iter_mut().zip(&margins) {
                let (loss, push) = (self.hinge)(margin);
                cost += loss;
                *slope = push;
            }
            // A class that is compared with itself pushes itself up and down.
            slopes[class] = 0.0;
            let sum = slopes.sum();
            slopes[class] = (self.true_class)(sum);
        }
        let (of_loss, of_gradient) = (self.factors)(n, classes as f64);
        problem.penalised(of_loss * cost, &(of_gradient * slopes), (self.penalties)(problem.reg, n))
    }
}

/// Leaves only the first of the largest margins.
fn keep_largest(margins: &mut Array1<f64>) {
    let largest = margins.fold(f64::NEG_INFINITY, |a, &b| a.max(b));
    let first = margins.iter().position(|&margin| margin == largest);
    margins.indexed_iter_mut().for_each(|(at, margin)| {
        if Some(at) != first {
            *margin = f64::NEG_INFINITY;
        }
    });
}

fn reference(arguments: &[Value]) -> Outcome {
    RIGHT.loss(arguments)
}

const NOTES: &str = "notes: linear classification (SVM and softmax)";

const MISCONCEPTIONS: &[Misconception] = &[
    Misconception {
        id: "true-class-counted",
        title: "the true class is compared with itself and costs delta",
        explanation: "s[y] - s[y] + delta is delta, for every example and whatever w is. The gradient does not notice, but the loss can never \
                      fall below delta. Set the margin of the true class to 0.",
        question: "What is the loss of an example whose true class wins by far?",
        see: ("cs231n", NOTES),
        behaviour: |arguments| Recipe { counts_true_class: true, ..RIGHT }.loss(arguments),
    },
    Misconception {
        id: "true-class-counted-and-pushed",
        title: "the true class is compared with itself, costs delta, and counts itself among those that come too near",
        explanation: "s[y] - s[y] + delta is delta, always above 0. The loss gets delta for every example, and the true class is pushed once \
                      too often. Set its margin to 0 before you sum and before you count.",
        question: "How many classes come too near to an example whose true class wins by far?",
        see: ("cs231n", NOTES),
        behaviour: |arguments| {
            Recipe { counts_true_class: true, true_class: |slopes| -slopes - 1.0, ..RIGHT }.loss(arguments)
        },
    },
    Misconception {
        id: "true-class-once",
        title: "the true class is pushed once, however many classes violate the margin",
        explanation: "s[y] stands in every term of the sum, so each violating class contributes -x to the column of the true class: minus the \
                      number of positive margins, not minus one.",
        question: "In how many terms of an example's cost does the score of its true class occur?",
        see: ("cs231n", NOTES),
        behaviour: |arguments| {
            Recipe { true_class: |slopes| if slopes > 0.0 { -1.0 } else { 0.0 }, ..RIGHT }.loss(arguments)
        },
    },
    Misconception {
        id: "count-stored-in-mask",
        title: "minus the count is stored in an array of booleans and becomes True, a push of +1",
        explanation: "margins > 0 is an array of booleans, and every number but 0 that is stored in it turns into True. Make it numbers first, \
                      (margins > 0).astype(float), then put minus the count at the true class.",
        question: "What is the dtype of margins > 0, and what becomes of -2 in it?",
        see: ("numpy", "Data types, numpy.ndarray.astype"),
        behaviour: |arguments| {
            Recipe { true_class: |slopes| if slopes > 0.0 { 1.0 } else { 0.0 }, ..RIGHT }.loss(arguments)
        },
    },
    Misconception {
        id: "true-class-missing",
        title: "the gradient has no term for the true class",
        explanation: "Raising the true class' score lowers every positive margin. Its column gets -x once per positive margin; without it the wrong \
                      classes are pushed down and the right one is never raised.",
        question: "Does the cost change when the score of the true class does?",
        see: ("cs231n", NOTES),
        behaviour: |arguments| Recipe { true_class: |_| 0.0, ..RIGHT }.loss(arguments),
    },
    Misconception {
        id: "squared-hinge",
        title: "the margins are squared",
        explanation: "The squared hinge (L2-SVM) is a loss of its own: it punishes large violations more and has no kink. The task asks for the \
                      plain sum of positive margins.",
        question: "What does a margin of 3 cost in your code: 3 or 9?",
        see: ("cs231n", NOTES),
        behaviour: |arguments| {
            let hinge = |margin: f64| (margin.max(0.0).powi(2), 2.0 * margin.max(0.0));
            Recipe { hinge, ..RIGHT }.loss(arguments)
        },
    },
    Misconception {
        id: "kink-counted",
        title: "a margin of exactly 0 counts as violated in the gradient",
        explanation: "At the kink any slope from 0 to 1 could be taken; the task, as most code, takes 0: an example that just keeps its distance \
                      is left in peace. Use > and not >=.",
        question: "Which comparison decides whether a class pushes: > or >=?",
        see: ("cs231n", NOTES),
        behaviour: |arguments| {
            let hinge = |margin: f64| if margin >= 0.0 { (margin, 1.0) } else { (0.0, 0.0) };
            Recipe { hinge, ..RIGHT }.loss(arguments)
        },
    },
    Misconception {
        id: "margin-reversed",
        title: "the margin is s[true] - s[j] + delta: wrong classes are asked to win",
        explanation: "The cost is positive when a wrong class comes within delta of the true one: s[j] - s[true] + delta > 0. The other way round the \
                      classifier learns to be wrong.",
        question: "The true class wins by 10. Should that example cost something?",
        see: ("cs231n", NOTES),
        behaviour: |arguments| {
            let margin = |score: f64, true_score: f64, delta: f64| true_score - score + delta;
            Recipe { margin, ..RIGHT }.loss(arguments)
        },
    },
    Misconception {
        id: "delta-ignored",
        title: "the margin is 1 whatever delta is",
        explanation: "delta is an argument. That 1 is the usual choice (its scale can be absorbed by w and reg) does not make it a constant of your \
                      function.",
        question: "Where in your code is delta used?",
        see: ("cs231n", NOTES),
        behaviour: |arguments| {
            Recipe { margin: |score, true_score, _| score - true_score + 1.0, ..RIGHT }.loss(arguments)
        },
    },
    Misconception {
        id: "delta-subtracted",
        title: "delta is subtracted: a class costs only when it wins by more than delta",
        explanation: "The margin is a demand on the true class: it has to win by delta. s[j] - s[true] - delta forgives wrong classes that win by \
                      less.",
        question: "All scores are equal. Should the example cost something?",
        see: ("cs231n", NOTES),
        behaviour: |arguments| {
            Recipe { margin: |score, true_score, delta| score - true_score - delta, ..RIGHT }.loss(arguments)
        },
    },
    Misconception {
        id: "worst-class-only",
        title: "only the worst class of each example costs, not the sum over the classes",
        explanation: "max over j (Crammer and Singer) is another margin loss. The one asked for (Weston and Watkins) adds up all classes that come too \
                      near.",
        question: "Two wrong classes come too near: does the second one cost anything?",
        see: ("cs231n", NOTES),
        behaviour: |arguments| Recipe { worst_only: true, ..RIGHT }.loss(arguments),
    },
    Misconception {
        id: "mean-missing",
        title: "loss and gradient of the data are summed over the examples and not divided by N",
        explanation: "The data's part is a mean. As a sum it outgrows the penalty when there are more examples.",
        question: "With w = 0, is your loss (C - 1) * delta or N times that?",
        see: ("cs231n", NOTES),
        behaviour: |arguments| Recipe { factors: |_, _| (1.0, 1.0), ..RIGHT }.loss(arguments),
    },
    Misconception {
        id: "mean-missing-in-gradient",
        title: "the loss is a mean over the examples, but its gradient is a sum",
        explanation: "1/N stands in front of the whole sum, so it stays in front of its derivative.",
        question: "Where is the 1/N of the loss in your gradient?",
        see: ("cs231n", NOTES),
        behaviour: |arguments| Recipe { factors: |n, _| (1.0 / n, 1.0), ..RIGHT }.loss(arguments),
    },
    Misconception {
        id: "mean-over-classes",
        title: "loss and gradient are divided by the number of classes too",
        explanation: "PyTorch's multi_margin_loss divides by C; the loss asked for adds the classes up and takes the mean over the examples \
                      only.",
        question: "Over how many numbers does your mean run: N or N * C?",
        see: ("pytorch-docs", "torch.nn.MultiMarginLoss"),
        behaviour: |arguments| Recipe { factors: |n, c| (1.0 / (n * c), 1.0 / (n * c)), ..RIGHT }.loss(arguments),
    },
    Misconception {
        id: "regularization-missing",
        title: "the penalty is left out",
        explanation: "Without it w may grow without end: doubling w doubles all margins, and any w that separates can satisfy any delta. reg * sum of \
                      w^2 in the loss, 2 * reg * w in the gradient.",
        question: "Where in your code is reg used?",
        see: ("cs231n", NOTES),
        behaviour: |arguments| Recipe { penalties: |_, _| (0.0, 0.0), ..RIGHT }.loss(arguments),
    },
    Misconception {
        id: "regularization-averaged",
        title: "the penalty is divided by N too",
        explanation: "The mean is over the examples' costs. The penalty has nothing to do with the examples: add it after dividing.",
        question: "Do you add the penalty before or after dividing by N?",
        see: ("cs231n", NOTES),
        behaviour: |arguments| Recipe { penalties: |reg, n| (reg / n, 2.0 * reg / n), ..RIGHT }.loss(arguments),
    },
    Misconception {
        id: "regularization-gradient-half",
        title: "the gradient of the penalty is reg * w, while the loss has reg * sum of w^2",
        explanation: "The derivative of w^2 is 2 w. reg * w belongs to a loss with a half. Loss and gradient must use the same convention.",
        question: "What is the derivative of reg * w^2?",
        see: ("cs231n", NOTES),
        behaviour: |arguments| Recipe { penalties: |reg, _| (reg, reg), ..RIGHT }.loss(arguments),
    },
];
