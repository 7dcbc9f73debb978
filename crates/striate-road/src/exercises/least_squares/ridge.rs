//! `ridge`: least squares that keeps its coefficients small.

use ndarray::{Array1, Array2, ArrayView1, ArrayView2, Axis, Ix1, Ix2, array, concatenate, s};

use super::minimum_norm::solve;
use crate::exercise::{Exercise, Kind, Misconception, Outcome, Parameter, Probe, Property, Signature, Tolerance};
use crate::exercises::arguments::{f64_array, float, float_named, floats, rejects, returns};
use crate::exercises::eigendecomposition::symmetric::float_parts;
use crate::exercises::numbers::Numbers;
use crate::value::Value;

/// The exercise.
pub static RIDGE: Exercise = Exercise {
    id: "ridge",
    station: "least-squares",
    task: "Fit y by x @ w + b with ridge regression: make\n\
           sum((x @ w + b - y)**2) + lam * sum(w**2)\n\
           least. The intercept b is not penalised.\n\
           If several w do (lam = 0 and dependent columns), return the shortest. Refuse a negative lam with an error.",
    signature: Signature {
        name: "ridge",
        parameters: &[
            f64_array("x", &["N", "D"], "one example per row"),
            f64_array("y", &["N"], "targets"),
            float_named("lam", "strength of the penalty, 0 or more"),
        ],
        returns: Parameter {
            name: "model",
            kind: Kind::Tuple(&[
                f64_array("w", &["D"], "one weight per feature"),
                Parameter { name: "b", kind: Kind::Float, meaning: "intercept" },
            ]),
            meaning: "the fitted model",
        },
    },
    probes,
    reference,
    misconceptions: MISCONCEPTIONS,
    properties: &[Property { title: "has residuals that sum to zero", violated: residuals_lean }],
    tolerance: Tolerance { relative: 1e-8, absolute: 1e-10 },
    hints: &[
        "Set the derivative with respect to b to zero: what does it say about mean(y) and mean(x) @ w?",
        "Centre x and y by their means; then b has disappeared. Solve (xc.T @ xc + lam * I) w = xc.T @ yc, or better, which \
         also serves lam = 0: lstsq of xc stacked on sqrt(lam) * I with yc stacked on zeros. b = mean(y) - mean(x) @ w.",
        "x = [0, 1, 2] (one feature), y = [1, 2, 4], lam = 1. Centred: (-1, 0, 1) and (-1.333, -0.333, 1.667). \
         w = 3 / (2 + 1) = 1, b = 2.333 - 1 * 1 = 1.333. Without penalty w = 3 / 2 and b = 0.8333.",
    ],
    ..Exercise::DEFAULTS
};

fn probes() -> Vec<Probe> {
    let mut numbers = Numbers::stream(532);
    let arguments = |x: Array2<f64>, y: Array1<f64>, lam: f64| vec![x.into(), y.into(), Value::Float(lam)];
    let mut random = |n: usize, d: usize, lam: f64| {
        let x: Array2<f64> = numbers.reals([n, d], -1.0, 4.0);
        let y: Array1<f64> = numbers.reals(n, 2.0, 9.0);
        arguments(x, y, lam)
    };
    let line = || array![[0.0], [1.0], [2.0]];
    let twins = array![[1.0, 1.0], [3.0, 3.0], [4.0, 4.0], [8.0, 8.0]];
    vec![
        Probe::ordinary("three points, lam 1", arguments(line(), array![1.0, 2.0, 4.0], 1.0)),
        Probe::ordinary("5 examples, 2 features, lam 0.5", random(5, 2, 0.5)),
        Probe::ordinary("8 examples, 3 features, lam 10", random(8, 3, 10.0)),
        Probe::ordinary("7 examples, 2 features, lam 0", random(7, 2, 0.0)),
        Probe::hard("3 examples, 5 features, lam 2", random(3, 5, 2.0)),
        Probe::hard("two equal features, lam 0", arguments(twins.clone(), array![1.0, 2.0, 2.0, 7.0], 0.0)),
        Probe::hard("two equal features, lam 3", arguments(twins, array![1.0, 2.0, 2.0, 7.0], 3.0)),
        Probe::hard("a penalty of a million", random(6, 2, 1e6)),
        Probe::hard("two examples", arguments(array![[1.0], [3.0]], array![5.0, -1.0], 0.25)),
        Probe::hard("a negative penalty", arguments(line(), array![1.0, 2.0, 4.0], -0.5)),
    ]
}

struct Call<'a> {
    x: ArrayView2<'a, f64>,
    y: ArrayView1<'a, f64>,
    lam: f64,
}

impl<'a> Call<'a> {
    fn new(arguments: &'a [Value]) -> Call<'a> {
        Call { x: floats::<Ix2>(arguments, 0), y: floats::<Ix1>(arguments, 1), lam: float(arguments, 2) }
    }

    fn mean_x(&self) -> Array1<f64> {
        self.x.mean_axis(Axis(0)).expect("there are examples")
    }

    fn mean_y(&self) -> f64 {
        self.y.mean().expect("there are examples")
    }

    fn centered(&self) -> (Array2<f64>, Array1<f64>) {
        (&self.x - &self.mean_x(), &self.y - self.mean_y())
    }

    /// The weights for another penalty.
    fn weights(&self, lam: f64) -> Array1<f64> {
        let (x, y) = self.centered();
        shrunk(x.view(), y.view(), lam)
    }

    /// The intercept that goes with weights.
    fn with_intercept(&self, w: Array1<f64>) -> (Array1<f64>, f64) {
        let b = self.mean_y() - self.mean_x().dot(&w);
        (w, b)
    }
}

fn shrunk(x: ArrayView2<'_, f64>, y: ArrayView1<'_, f64>, lam: f64) -> Array1<f64> {
    solve(x, y, lam, 1e-10)
}

/// The model that `fit` finds, unless the penalty is negative.
fn model(arguments: &[Value], fit: impl FnOnce(&Call<'_>) -> (Array1<f64>, f64)) -> Outcome {
    let call = Call::new(arguments);
    if call.lam < 0.0 {
        return rejects(format!("the penalty must not be negative, it is {}", call.lam));
    }
    let (w, b) = fit(&call);
    returns(Value::Tuple(vec![w.into(), Value::Float(b)]))
}

fn reference(arguments: &[Value]) -> Outcome {
    model(arguments, |call| call.with_intercept(call.weights(call.lam)))
}

fn residuals_lean(arguments: &[Value], result: &Value) -> Option<String> {
    let call = Call::new(arguments);
    let Value::Tuple(parts) = result else { return None };
    let w = float_parts(&Value::Tuple(parts[..1].to_vec()))?.pop()?.into_dimensionality::<Ix1>().ok()?;
    let [_, Value::Float(b)] = parts[..] else { return None };
    let sum = (call.x.dot(&w) + b - call.y).sum();
    (sum.abs() > 1e-8).then(|| format!("the residuals sum to {sum}"))
}

const MISCONCEPTIONS: &[Misconception] = &[
    Misconception {
        id: "bias-regularized",
        title: "the intercept is penalised like the weights",
        explanation: "A column of ones with lam on its diagonal element too pulls b to zero: add 1000 to every target, and the fit gets \
                      worse. Shrinking is meant for slopes; centre first, or leave that diagonal element 0.",
        question: "If all targets rise by 1000, do your weights change?",
        see: ("cs229", "notes: regularization and model selection"),
        behaviour: |arguments| {
            model(arguments, |call| {
                let ones = Array2::ones((call.x.nrows(), 1));
                let extended = concatenate(Axis(1), &[call.x, ones.view()]).expect("as many rows");
                let both = shrunk(extended.view(), call.y, call.lam);
                let last = both.len() - 1;
                (both.slice(s![..last]).to_owned(), both[last])
            })
        },
    },
    Misconception {
        id: "not-centered",
        title: "x and y are not centred, and the intercept is 0",
        explanation: "Without centring (or a column of ones) the plane is forced through the origin. Subtract the means, fit, and put \
                      the means back with b = mean(y) - mean(x) @ w.",
        question: "What does your model predict for an average example?",
        see: ("dlbook", "5.1.4 Example: Linear Regression"),
        behaviour: |arguments| model(arguments, |call| (shrunk(call.x, call.y, call.lam), 0.0)),
    },
    Misconception {
        id: "only-targets-centered",
        title: "the targets are centred and the features are not",
        explanation: "The intercept disappears from the problem only if both are centred. Otherwise the mean of each feature is \
                      fitted as if it were part of its slope.",
        question: "Which of x and y do you subtract a mean from?",
        see: ("dlbook", "5.1.4 Example: Linear Regression"),
        behaviour: |arguments| {
            model(arguments, |call| call.with_intercept(shrunk(call.x, call.centered().1.view(), call.lam)))
        },
    },
    Misconception {
        id: "intercept-uncorrected",
        title: "the intercept is mean(y), without mean(x) @ w",
        explanation: "mean(y) is the prediction at the average example, for centred features. For features as they come, b is the \
                      prediction at x = 0: mean(y) - mean(x) @ w.",
        question: "What is x @ w + b for x = mean(x)?",
        see: ("cs229", "notes 1: LMS and the normal equations"),
        behaviour: |arguments| model(arguments, |call| (call.weights(call.lam), call.mean_y())),
    },
    Misconception {
        id: "penalty-times-n",
        title: "the penalty is multiplied by the number of examples",
        explanation: "That is right for the mean of the squared errors. Here their sum is minimised, and lam stands beside it as it is. \
                      Libraries differ in this; read the formula before copying a value of lam.",
        question: "Does the formula have a sum or a mean of squared errors?",
        see: ("ng-ml", "W3 Regularized linear regression"),
        behaviour: |arguments| {
            model(arguments, |call| call.with_intercept(call.weights(call.lam * call.x.nrows() as f64)))
        },
    },
    Misconception {
        id: "penalty-not-rooted",
        title: "lam * I is stacked under x, and not sqrt(lam) * I",
        explanation: "Rows that are stacked under x are squared like all the others: lam * I contributes lam^2 * sum(w^2). With lam = 1 \
                      nobody sees it.",
        question: "What is the sum of squares of lam * w?",
        see: ("szeliski", "A.2 Linear least squares"),
        behaviour: |arguments| model(arguments, |call| call.with_intercept(call.weights(call.lam * call.lam))),
    },
    Misconception {
        id: "penalty-doubled",
        title: "the factor 2 of the derivative is kept in the penalty and dropped in the data",
        explanation: "The gradient is 2 x.T (x w - y) + 2 lam w. Divide both terms by 2, or neither; dividing one makes the penalty \
                      twice as strong.",
        question: "Is there a 2 in front of x.T @ x as well?",
        see: ("cs229", "notes 1: LMS and the normal equations"),
        behaviour: |arguments| model(arguments, |call| call.with_intercept(call.weights(2.0 * call.lam))),
    },
    Misconception {
        id: "features-standardized",
        title: "the features are divided by their standard deviations before fitting",
        explanation: "Often wise, since otherwise the unit of a feature decides how hard it is shrunk, but it is another model, also \
                      after scaling the weights back. The formula here penalises w for x as it comes.",
        question: "Does the formula in the task divide x by anything?",
        see: ("ng-ml", "W2 Feature scaling"),
        behaviour: |arguments| {
            model(arguments, |call| {
                let (x, y) = call.centered();
                let deviation = x.map_axis(Axis(0), |column| (column.dot(&column) / column.len() as f64).sqrt());
                let w = shrunk((&x / &deviation).view(), y.view(), call.lam) / &deviation;
                call.with_intercept(w)
            })
        },
    },
    Misconception {
        id: "singular-raises",
        title: "lam = 0 with dependent features is an error",
        explanation: "xc.T @ xc cannot be inverted then, but a shortest w exists: that of lstsq or pinv, and the limit of ridge for \
                      ever smaller lam. Two equal features share the weight.",
        question: "What does your solver do with two equal columns and no penalty?",
        see: ("ng-ml", "W2 Normal equation; noninvertibility"),
        behaviour: |arguments| {
            let call = Call::new(arguments);
            let (x, _) = call.centered();
            let rank = crate::exercises::singular_value_decomposition::svd::svd(x.view()).rank(1e-10);
            if call.lam == 0.0 && rank < x.ncols() { rejects("singular matrix") } else { reference(arguments) }
        },
    },
];
