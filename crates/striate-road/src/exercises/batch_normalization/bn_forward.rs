//! `bn_forward`: batch normalisation in both its modes.

use ndarray::{Array1, Array2, Axis, Ix1, Ix2, array};
use striate_tensor::BatchNormOptions;

use super::normalization::{Moments, array, moments, tensor, vector};
use crate::exercise::{Exercise, Kind, Misconception, Outcome, Parameter, Probe, Signature, Speed};
use crate::exercises::arguments::{bool_named, boolean, f64_array, float, float_named, floats, rejects, returns};
use crate::exercises::numbers::Numbers;
use crate::value::Value;

/// The exercise.
pub static BN_FORWARD: Exercise = Exercise {
    id: "bn_forward",
    station: "batch-normalization",
    task: "Normalise every feature (column) of x over the batch, then scale by gamma and shift by beta:\n\
           y = gamma * (x - mean) / sqrt(var + eps) + beta. Return y and the running statistics.\n\
           In training, mean and var (divided by N) are those of the batch, and both running statistics move towards the\n\
           batch: new = (1 - momentum) * old + momentum * batch, the variance with N - 1 in its denominator, as in PyTorch.\n\
           Otherwise mean and var are the running ones, which stay as they are.\n\
           Refuse to train on a batch of one: its variance says nothing.",
    signature: Signature {
        name: "bn_forward",
        parameters: &[
            f64_array("x", &["N", "D"], "a batch of N examples with D features"),
            f64_array("gamma", &["D"], "scale of each feature"),
            f64_array("beta", &["D"], "shift of each feature"),
            f64_array("running_mean", &["D"], "running mean of each feature"),
            f64_array("running_var", &["D"], "running variance of each feature"),
            float_named("momentum", "share of the batch in the new running statistics"),
            float_named("eps", "keeps the division finite"),
            bool_named("train", "true in training, false in use"),
        ],
        returns: Parameter {
            name: "results",
            kind: Kind::Tuple(&[
                f64_array("y", &["N", "D"], "normalised, scaled and shifted"),
                f64_array("running_mean", &["D"], "running mean after this batch"),
                f64_array("running_var", &["D"], "running variance after this batch"),
            ]),
            meaning: "output and running statistics",
        },
    },
    probes,
    reference,
    misconceptions: MISCONCEPTIONS,
    speed: Some(Speed { arguments: large, naive_steps: 3.0 * 400.0 * 300.0, times_faster: 8.0 }),
    hints: &[
        "Is it wrong in training, in use, or in both? Is it y, or the running statistics?",
        "Choose mean and var first: of the batch over axis 0 in training, the running ones otherwise. Then one line for y \
         serves both modes. In training, after that: running = (1 - momentum) * running + momentum * batch, with \
         var * N / (N - 1) for the variance.",
        "One feature, x = [1, 3], gamma = 2, beta = 10, running mean 5 and variance 4, momentum 0.1, eps = 0.\n\
         Training: mean 2, var 1, y = 2 * [-1, 1] + 10 = [8, 12]; running mean 0.9*5 + 0.1*2 = 4.7, variance \
         0.9*4 + 0.1*2 = 3.8.\n\
         In use: y = 2 * ([1, 3] - 5) / 2 + 10 = [6, 8], and nothing else changes.",
    ],
    ..Exercise::DEFAULTS
};

struct Call {
    x: Array2<f64>,
    gamma: Array1<f64>,
    beta: Array1<f64>,
    running_mean: Array1<f64>,
    running_var: Array1<f64>,
    momentum: f64,
    eps: f64,
    train: bool,
}

impl Call {
    fn new(arguments: &[Value]) -> Self {
        let vector = |index: usize| floats::<Ix1>(arguments, index).to_owned();
        Call {
            x: floats::<Ix2>(arguments, 0).to_owned(),
            gamma: vector(1),
            beta: vector(2),
            running_mean: vector(3),
            running_var: vector(4),
            momentum: float(arguments, 5),
            eps: float(arguments, 6),
            train: boolean(arguments, 7),
        }
    }

    fn arguments(self) -> Vec<Value> {
        let mut arguments = vec![Value::from(self.x)];
        arguments.extend([self.gamma, self.beta, self.running_mean, self.running_var].map(Value::from));
        arguments.extend([Value::Float(self.momentum), Value::Float(self.eps), Value::Bool(self.train)]);
        arguments
    }

    /// Random parameters and statistics, none of them 0 or 1, for the numbers `x`.
    fn random(numbers: &mut Numbers, x: Array2<f64>, momentum: f64, eps: f64, train: bool) -> Self {
        let d = x.ncols();
        let (gamma, beta) = (numbers.reals([d], 0.5, 2.5), numbers.reals([d], -3.0, 3.0));
        let (running_mean, running_var) = (numbers.reals([d], -2.0, 2.0), numbers.reals([d], 0.3, 4.0));
        Call { x, gamma, beta, running_mean, running_var, momentum, eps, train }
    }

    /// The same without scale and shift.
    fn plain(self) -> Self {
        let d = self.x.ncols();
        Call { gamma: Array1::ones(d), beta: Array1::zeros(d), ..self }
    }
}

fn probes() -> Vec<Probe> {
    let mut numbers = Numbers::stream(731);
    let one = |train| {
        let vector = |x: f64| array![x];
        let x = array![[1.0], [3.0]];
        let (gamma, beta, running_mean, running_var) = (vector(2.0), vector(10.0), vector(5.0), vector(4.0));
        Call { x, gamma, beta, running_mean, running_var, momentum: 0.1, eps: 0.0, train }.arguments()
    };
    let mut probes = vec![
        Probe::ordinary("two examples of one feature, training", one(true)),
        Probe::ordinary("two examples of one feature, in use", one(false)),
    ];
    for (n, d, momentum, eps, train, label) in [
        (5, 3, 0.1, 1e-5, true, "5 examples of 3 features, training"),
        (7, 4, 0.1, 1e-5, false, "7 examples of 4 features, in use"),
        (4, 2, 0.3, 0.5, true, "4 examples of 2 features, training, momentum 0.3, eps 0.5"),
        (3, 5, 0.3, 0.5, false, "3 examples of 5 features, in use, eps 0.5"),
    ] {
        let x = numbers.reals([n, d], -3.0, 5.0);
        let call = Call::random(&mut numbers, x, momentum, eps, train);
        probes.push(Probe::ordinary(label, call.arguments()));
    }
    let mut hard = |label: &str, [n, d]: [usize; 2], [low, high]: [f64; 2], train: bool| {
        let x = numbers.reals([n, d], low, high);
        probes.push(Probe::hard(label, Call::random(&mut numbers, x, 0.1, 1e-5, train).arguments()));
    };
    hard("hardly any variance, training", [6, 3], [2.0, 2.001], true);
    hard("features with the same value in every example, training", [4, 2], [3.0, 3.0], true);
    hard("a mean of ten thousand, training", [5, 3], [9999.0, 10001.0], true);
    hard("one example, in use", [1, 3], [-2.0, 2.0], false);
    hard("one example, training", [1, 3], [-2.0, 2.0], true);
    let x = numbers.reals([6, 2], -1.0, 1.0);
    let plain = Call::random(&mut numbers, x, 0.1, 1e-5, true).plain();
    probes.push(Probe::hard("without scale and shift, training", plain.arguments()));
    probes
}

fn large() -> Vec<Value> {
    let mut numbers = Numbers::stream(739);
    let x = numbers.reals([400, 300], -1.0, 1.0);
    Call::random(&mut numbers, x, 0.1, 1e-5, true).arguments()
}

/// How the layer works; every misconception is one wrong setting.
struct Rule {
    moments: fn(&Array2<f64>) -> Moments,
    uses_batch: fn(bool) -> bool,
    updates: fn(bool) -> bool,
    ddof: f64,
    /// From the variance that divides by N to the one that is kept.
    running_correction: fn(f64) -> f64,
    share: fn(f64) -> f64,
    deviation: fn(f64, f64) -> f64,
    scaled: fn(f64, f64, f64, bool) -> f64,
}

const RIGHT: Rule = Rule {
    moments,
    uses_batch: |train| train,
    updates: |train| train,
    ddof: 0.0,
    running_correction: |n| n / (n - 1.0),
    share: |momentum| momentum,
    deviation: |var, eps| (var + eps).sqrt(),
    scaled: |xhat, gamma, beta, _| gamma * xhat + beta,
};

fn with(arguments: &[Value], rule: &Rule) -> Outcome {
    let call = Call::new(arguments);
    let n = call.x.nrows() as f64;
    if call.train && n == 1.0 {
        return rejects("a batch of one has no variance");
    }
    let (mean, var) = (rule.moments)(&call.x);
    let share = (rule.share)(call.momentum);
    let moved = |old: &Array1<f64>, batch: Array1<f64>| old * (1.0 - share) + batch * share;
    let (used_mean, used_var) = if (rule.uses_batch)(call.train) {
        (mean.clone(), &var * (n / (n - rule.ddof)))
    } else {
        (call.running_mean.clone(), call.running_var.clone())
    };
    let (running_mean, running_var) = if (rule.updates)(call.train) {
        (moved(&call.running_mean, mean), moved(&call.running_var, &var * (rule.running_correction)(n)))
    } else {
        (call.running_mean, call.running_var)
    };
    let y = Array2::from_shape_fn(call.x.dim(), |(i, j)| {
        let xhat = (call.x[[i, j]] - used_mean[j]) / (rule.deviation)(used_var[j], call.eps);
        (rule.scaled)(xhat, call.gamma[j], call.beta[j], call.train)
    });
    returns(Value::Tuple(vec![y.into(), running_mean.into(), running_var.into()]))
}

/// The layer of the toolkit.
fn reference(arguments: &[Value]) -> Outcome {
    let call = Call::new(arguments);
    let vectors = [&call.gamma, &call.beta, &call.running_mean, &call.running_var];
    let [gamma, beta, mean, var] = vectors.map(|vector| tensor(vector.view()));
    let options = BatchNormOptions { training: call.train, momentum: call.momentum, eps: call.eps };
    match tensor(call.x.view()).try_batch_norm(Some((&mean, &var)), Some((&gamma, &beta)), options) {
        Ok(y) => {
            let y = array(&y, call.x.raw_dim());
            returns(Value::Tuple(vec![y.into(), vector(&mean).into(), vector(&var).into()]))
        }
        Err(_) => rejects("a batch of one has no variance"),
    }
}

const MISCONCEPTIONS: &[Misconception] = &[
    Misconception {
        id: "normalized-over-wrong-axis",
        title: "in training every example is normalised over its features, and not every feature over the batch",
        explanation: "That is layer normalisation. Batch normalisation asks how one feature varies from example to example: \
                      mean and variance over axis 0. Look at the shape of your running mean: the N examples crept into it.",
        question: "How many means are there, one per feature or one per example?",
        see: ("cs231n", "assignment 2 batch normalization"),
        behaviour: |arguments| {
            let call = Call::new(arguments);
            let d = call.x.ncols() as f64;
            if !call.train || call.x.nrows() == 1 {
                return reference(arguments);
            }
            let (mean, var) = moments(&call.x.t().to_owned());
            let column = |vector: Array1<f64>| vector.insert_axis(Axis(1));
            let (mean, var) = (column(mean), column(var));
            let y = (&call.x - &mean) / var.mapv(|var| (var + call.eps).sqrt()) * &call.gamma + &call.beta;
            let share = call.momentum;
            let running_mean = &mean * share + call.running_mean * (1.0 - share);
            let running_var = &var * (d / (d - 1.0) * share) + call.running_var * (1.0 - share);
            returns(Value::Tuple(vec![y.into(), running_mean.into(), running_var.into()]))
        },
    },
    Misconception {
        id: "variance-unbiased",
        title: "the batch is normalised with the variance that divides by N - 1",
        explanation: "The normaliser divides by N: after it the batch has variance 1 exactly. N - 1 is for the running \
                      variance, which is an estimate of the variance of data not seen.",
        question: "What does np.var divide by, and what with ddof=1?",
        see: ("pytorch-docs", "torch.nn.BatchNorm1d"),
        behaviour: |arguments| with(arguments, &Rule { ddof: 1.0, ..RIGHT }),
    },
    Misconception {
        id: "variance-corrected-twice",
        title: "the variance divides by N - 1 from the start, and is multiplied by N / (N - 1) once more for the running one",
        explanation: "With ddof=1 the correction is in the variance already: the batch is normalised with the wrong one, and what is kept \
                      is corrected twice. Take var(axis=0), which divides by N, for the batch, and N / (N - 1) times it for later.",
        question: "Which of your two variances divides by N, and which by N - 1?",
        see: ("pytorch-docs", "torch.nn.BatchNorm1d"),
        behaviour: |arguments| {
            with(arguments, &Rule { ddof: 1.0, running_correction: |n| (n / (n - 1.0)).powi(2), ..RIGHT })
        },
    },
    Misconception {
        id: "running-variance-biased",
        title: "the running variance takes the batch variance that divides by N",
        explanation: "That one is too small by (N - 1) / N on average. PyTorch stores N / (N - 1) times as much: with batches \
                      of 2 it is twice. (The original paper does so too.)",
        question: "Which of the two variances estimates that of data you have not seen?",
        see: ("pytorch-docs", "torch.nn.BatchNorm1d"),
        behaviour: |arguments| with(arguments, &Rule { running_correction: |_| 1.0, ..RIGHT }),
    },
    Misconception {
        id: "running-momentum-reversed",
        title: "momentum is taken as the share of the old running statistics",
        explanation: "CS231n and Keras write momentum * old + (1 - momentum) * batch, with 0.9; PyTorch and this task write it \
                      the other way round, with 0.1. Mixed up, the running statistics follow the last batch alone.",
        question: "With momentum = 0, should the running statistics move?",
        see: ("pytorch-docs", "torch.nn.BatchNorm1d"),
        behaviour: |arguments| with(arguments, &Rule { share: |momentum| 1.0 - momentum, ..RIGHT }),
    },
    Misconception {
        id: "running-updated-in-test",
        title: "the running statistics are updated in use too",
        explanation: "Then what the network answers depends on what it was asked before, and test data has leaked into the \
                      model. Only training moves them.",
        question: "Ask the same question twice, with another in between: do you get the same answer?",
        see: ("cs231n", "assignment 2 batch normalization"),
        behaviour: |arguments| with(arguments, &Rule { updates: |_| true, ..RIGHT }),
    },
    Misconception {
        id: "running-never-updated",
        title: "the running statistics come back as they went in, in training too",
        explanation: "They stay at mean 0 and variance 1, and the network that trained well fails as soon as it is used. Each \
                      training batch moves them.",
        question: "Where do the statistics that are used after training come from?",
        see: ("cs231n", "assignment 2 batch normalization"),
        behaviour: |arguments| with(arguments, &Rule { updates: |_| false, ..RIGHT }),
    },
    Misconception {
        id: "running-not-used-in-test",
        title: "in use too the batch is normalised with its own mean and variance",
        explanation: "Then an answer depends on its neighbours in the batch, and a single example becomes beta, whatever it \
                      was. In use, mean and var are the running ones.",
        question: "What does your layer answer to a single example?",
        see: ("dls-c2", "W3 Batch normalization (four videos)"),
        behaviour: |arguments| with(arguments, &Rule { uses_batch: |_| true, ..RIGHT }),
    },
    Misconception {
        id: "running-used-in-training",
        title: "in training the batch is normalised with the running statistics",
        explanation: "They lag behind, so the batch does not come out with mean beta and deviation gamma. And the gradient \
                      would have to take them for constants. Training uses the batch's own.",
        question: "What is the mean of y over a training batch, if beta is 0?",
        see: ("dls-c2", "W3 Batch normalization (four videos)"),
        behaviour: |arguments| with(arguments, &Rule { uses_batch: |_| false, ..RIGHT }),
    },
    Misconception {
        id: "scale-shift-missing-in-test",
        title: "gamma and beta are applied in training and left out in use",
        explanation: "They are weights, learned with all the others, and the layers behind expect them. With gamma = 1 and \
                      beta = 0, where training starts, nobody notices: a well-known course check does not.",
        question: "Do both branches of your code end in the same line?",
        see: ("cs231n", "assignment 2 batch normalization"),
        behaviour: |arguments| {
            let scaled = |xhat: f64, gamma: f64, beta: f64, train: bool| if train { gamma * xhat + beta } else { xhat };
            with(arguments, &Rule { scaled, ..RIGHT })
        },
    },
    Misconception {
        id: "scale-shift-missing",
        title: "gamma and beta are not used",
        explanation: "Without them every feature would have mean 0 and deviation 1 for ever, whether that is good for the \
                      loss or not. gamma and beta give the network back what normalising took.",
        question: "Where does your code use gamma?",
        see: ("dls-c2", "W3 Batch normalization (four videos)"),
        behaviour: |arguments| with(arguments, &Rule { scaled: |xhat, _, _, _| xhat, ..RIGHT }),
    },
    Misconception {
        id: "scaled-after-shift",
        title: "the shift is added before the scale is multiplied, gamma * (xhat + beta)",
        explanation: "Then beta is scaled too. y = gamma * xhat + beta: beta is the mean that comes out.",
        question: "What is the mean of y over a training batch?",
        see: ("dls-c2", "W3 Batch normalization (four videos)"),
        behaviour: |arguments| with(arguments, &Rule { scaled: |xhat, gamma, beta, _| gamma * (xhat + beta), ..RIGHT }),
    },
    Misconception {
        id: "eps-outside-root",
        title: "eps is added to the root and not under it, sqrt(var) + eps",
        explanation: "sqrt(var + eps) is the rule, and its derivative is finite where var is 0. The difference shows where \
                      the variance is as small as eps.",
        question: "With var = 0 and eps = 1e-5, what do you divide by: 0.003 or 0.00001?",
        see: ("pytorch-docs", "torch.nn.BatchNorm1d"),
        behaviour: |arguments| with(arguments, &Rule { deviation: |var, eps| var.sqrt() + eps, ..RIGHT }),
    },
    Misconception {
        id: "eps-missing",
        title: "eps is not used",
        explanation: "A feature that is the same in the whole batch, a dead ReLU for one, has variance 0, and 0 / 0 is not a \
                      number. One such feature takes the whole network with it.",
        question: "What comes out for a feature that is constant?",
        see: ("pytorch-docs", "torch.nn.BatchNorm1d"),
        behaviour: |arguments| with(arguments, &Rule { deviation: |var, _| var.sqrt(), ..RIGHT }),
    },
    Misconception {
        id: "variance-by-difference",
        title: "the variance is computed as the mean of the squares minus the square of the mean",
        explanation: "On paper the same; in floating point two large numbers that agree in most digits are subtracted, and \
                      the digits that differ are what is left. With a mean of ten thousand half of them are gone, and \
                      a variance may come out negative. Subtract the mean first, then square.",
        question: "How large are the squares for numbers near 10000, and how large is their variance?",
        see: ("dlbook", "4.1 Overflow and Underflow"),
        behaviour: |arguments| {
            let by_difference = |x: &Array2<f64>| {
                let n = x.nrows() as f64;
                let mean = x.sum_axis(Axis(0)) / n;
                let var = x.mapv(|x| x * x).sum_axis(Axis(0)) / n - mean.mapv(|mean| mean * mean);
                (mean, var)
            };
            with(arguments, &Rule { moments: by_difference, ..RIGHT })
        },
    },
    Misconception {
        id: "root-missing",
        title: "the numbers are divided by the variance and not by its root",
        explanation: "The variance has the unit of x squared. Divided by it, a feature in millimetres comes out a thousand \
                      times smaller than the same in metres. The standard deviation takes the unit away.",
        question: "What is the variance of your normalised feature?",
        see: ("dls-c2", "W3 Batch normalization (four videos)"),
        behaviour: |arguments| with(arguments, &Rule { deviation: |var, eps| var + eps, ..RIGHT }),
    },
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exercises::batch_normalization::normalization::tests::assert_equals_the_toolkit;

    #[test]
    fn misconceptions_start_from_the_toolkits_layer() {
        assert_equals_the_toolkit(&BN_FORWARD, |arguments| with(arguments, &RIGHT));
    }
}
