//! `layernorm`: normalising every example by itself, whole or in groups of features.

use ndarray::{Array1, Array2, Axis, Ix1, Ix2, array};

use super::normalization::{array, moments, tensor};
use crate::exercise::{Exercise, Misconception, Outcome, Probe, Signature, Speed};
use crate::exercises::arguments::{count, f64_array, float, float_named, floats, int_named, rejects, returns};
use crate::exercises::numbers::Numbers;
use crate::value::Value;

/// The exercise.
pub static LAYERNORM: Exercise = Exercise {
    id: "layernorm",
    station: "batch-normalization",
    task: "Normalise every example (row) of x by itself, then scale each feature by gamma and shift it by beta:\n\
           y = gamma * (x - mean) / sqrt(var + eps) + beta, with var divided by the number of values.\n\
           With groups = 1 mean and var are those of the whole row: layer normalisation. With more groups a row falls\n\
           into that many runs of neighbouring features, all of the same length, and each run is normalised by itself:\n\
           group normalisation. Refuse a number of groups that does not divide D.",
    signature: Signature {
        name: "layernorm",
        parameters: &[
            f64_array("x", &["N", "D"], "N examples with D features"),
            f64_array("gamma", &["D"], "scale of each feature"),
            f64_array("beta", &["D"], "shift of each feature"),
            int_named("groups", "number of groups, 1 or more"),
            float_named("eps", "keeps the division finite"),
        ],
        returns: f64_array("y", &["N", "D"], "normalised, scaled and shifted"),
    },
    probes,
    reference,
    misconceptions: MISCONCEPTIONS,
    speed: Some(Speed { arguments: large, naive_steps: 3.0 * 400.0 * 300.0, times_faster: 8.0 }),
    hints: &[
        "Take one example alone, groups = 1. Is it right? Does it stay the same when you add a second example?",
        "Reshape x to [N, groups, D / groups]; mean and variance over the last axis with keepdims=True; normalise; reshape \
         back to [N, D]; then gamma and beta. In Rust: feature j is in group j / (D / groups).",
        "x = [[1, 3, 10, 30]], gamma = 1, beta = 0, eps = 0.\n\
         groups = 2: [1, 3] has mean 2 and deviation 1, [10, 30] mean 20 and deviation 10: y = [[-1, 1, -1, 1]].\n\
         groups = 1: mean 11, variance 131.5, deviation 11.467: y = [[-0.872, -0.698, -0.087, 1.657]].",
    ],
    ..Exercise::DEFAULTS
};

fn probes() -> Vec<Probe> {
    let mut numbers = Numbers::stream(751);
    let one = |groups: i64| {
        let (gamma, beta) = (array![1.0, 2.0, 3.0, 4.0], array![0.0, 10.0, 20.0, 30.0]);
        vec![array![[1.0, 3.0, 10.0, 30.0]].into(), gamma.into(), beta.into(), Value::Int(groups), Value::Float(0.0)]
    };
    let mut probes =
        vec![Probe::ordinary("one example, one group", one(1)), Probe::ordinary("one example, two groups", one(2))];
    let no_spread = [3.0, 3.0];
    for ([n, d], groups, [low, high], eps, hard, label) in [
        ([3, 5], 1, [-2.0, 4.0], 1e-5, false, "3 examples, 5 features, one group"),
        ([2, 6], 2, [-2.0, 4.0], 1e-5, false, "2 examples, 6 features, two groups of three"),
        ([4, 6], 3, [-2.0, 4.0], 0.5, false, "4 examples, 6 features, three groups of two, eps 0.5"),
        ([5, 12], 3, [10.0, 14.0], 1e-5, false, "5 examples, 12 features, three groups of four"),
        ([2, 4], 1, no_spread, 1e-5, true, "rows that are the same everywhere"),
        ([1, 3], 1, [5.0, 5.001], 1e-5, true, "hardly any variance"),
        ([3, 4], 4, [-1.0, 1.0], 1e-5, true, "a group for every feature"),
        ([2, 6], 4, [-1.0, 1.0], 1e-5, true, "6 features do not fall into four groups"),
    ] {
        let x = numbers.reals([n, d], low, high);
        let (gamma, beta) = (numbers.reals([d], 0.5, 2.5), numbers.reals([d], -3.0, 3.0));
        let arguments = vec![x.into(), gamma.into(), beta.into(), Value::Int(groups), Value::Float(eps)];
        probes.push(if hard { Probe::hard(label, arguments) } else { Probe::ordinary(label, arguments) });
    }
    probes
}

fn large() -> Vec<Value> {
    let x = Numbers::stream(759).reals([400, 300], -1.0, 1.0);
    let (gamma, beta) = (Array1::<f64>::ones(300), Array1::<f64>::zeros(300));
    vec![x.into(), gamma.into(), beta.into(), Value::Int(4), Value::Float(1e-5)]
}

struct Call {
    x: Array2<f64>,
    gamma: Array1<f64>,
    beta: Array1<f64>,
    groups: usize,
    eps: f64,
}

/// How the layer works; every misconception is one wrong setting.
struct Rule {
    centre: bool,
    ddof: f64,
    deviation: fn(f64, f64) -> f64,
    scaled: fn(f64, f64, f64) -> f64,
    /// The set of numbers that are normalised together, for example `i` and feature `j`.
    set: fn(&Call, usize, usize) -> usize,
}

const RIGHT: Rule = Rule {
    centre: true,
    ddof: 0.0,
    deviation: |var, eps| (var + eps).sqrt(),
    scaled: |xhat, gamma, beta| gamma * xhat + beta,
    set: |call, i, j| i * call.groups + j / (call.x.ncols() / call.groups),
};

fn with(arguments: &[Value], rule: &Rule) -> Outcome {
    let vector = |index: usize| floats::<Ix1>(arguments, index).to_owned();
    let x = floats::<Ix2>(arguments, 0).to_owned();
    let call = Call { x, gamma: vector(1), beta: vector(2), groups: count(arguments, 3), eps: float(arguments, 4) };
    if call.groups == 0 || !call.x.ncols().is_multiple_of(call.groups) {
        return rejects(format!("{} features do not fall into {} groups", call.x.ncols(), call.groups));
    }
    let mut sets: Vec<Vec<f64>> = vec![Vec::new(); call.x.len()];
    for ((i, j), &x) in call.x.indexed_iter() {
        sets[(rule.set)(&call, i, j)].push(x);
    }
    let statistics: Vec<(f64, f64)> = sets
        .into_iter()
        .map(|set| {
            let n = set.len() as f64;
            let (mean, var) = moments(&Array1::from_vec(set).insert_axis(Axis(1)));
            if rule.centre { (mean[0], var[0] * n / (n - rule.ddof)) } else { (0.0, var[0] + mean[0] * mean[0]) }
        })
        .collect();
    let y = Array2::from_shape_fn(call.x.dim(), |(i, j)| {
        let (mean, var) = statistics[(rule.set)(&call, i, j)];
        let xhat = (call.x[[i, j]] - mean) / (rule.deviation)(var, call.eps);
        (rule.scaled)(xhat, call.gamma[j], call.beta[j])
    });
    returns(y)
}

/// The layer of the toolkit.
fn reference(arguments: &[Value]) -> Outcome {
    let x = floats::<Ix2>(arguments, 0);
    let [gamma, beta] = [1, 2].map(|index| tensor(floats::<Ix1>(arguments, index)));
    match tensor(x).try_group_norm(count(arguments, 3), Some((&gamma, &beta)), float(arguments, 4)) {
        Ok(y) => returns(array(&y, x.raw_dim())),
        Err(_) => rejects("the features do not fall into that many groups"),
    }
}

const MISCONCEPTIONS: &[Misconception] = &[
    Misconception {
        id: "normalized-over-wrong-axis",
        title: "every feature is normalised over the batch, and not every example by itself",
        explanation: "That is batch normalisation. Layer normalisation knows one example only: mean and variance along the \
                      row, so that a batch of one is as good as any and nothing has to be remembered for later.",
        question: "Does the output of the first example change when you change the second?",
        see: ("pytorch-docs", "torch.nn.LayerNorm"),
        behaviour: |arguments| with(arguments, &Rule { set: |_, _, j| j, ..RIGHT }),
    },
    Misconception {
        id: "statistics-over-everything",
        title: "one mean and one variance are taken of the whole array",
        explanation: "np.mean(x) without an axis is a single number. Each example, or each of its groups, has its own: an \
                      axis and keepdims=True.",
        question: "How many means are there for 3 examples and one group?",
        see: ("numpy", "numpy.mean, arguments axis and keepdims"),
        behaviour: |arguments| with(arguments, &Rule { set: |_, _, _| 0, ..RIGHT }),
    },
    Misconception {
        id: "groups-ignored",
        title: "the whole row is normalised, whatever groups says",
        explanation: "With several groups each run of D / groups neighbouring features has its own mean and variance.",
        question: "Where does your code use groups?",
        see: ("pytorch-docs", "torch.nn.GroupNorm"),
        behaviour: |arguments| with(arguments, &Rule { set: |_, i, _| i, ..RIGHT }),
    },
    Misconception {
        id: "groups-interleaved",
        title: "the groups are interleaved: feature j is in group j % groups",
        explanation: "A group is a run of neighbours: feature j is in group j // (D / groups). Interleaved groups come from a \
                      reshape to [N, D / groups, groups], with the two axes the wrong way round.",
        question: "Which features are in the first of two groups of [a, b, c, d]?",
        see: ("pytorch-docs", "torch.nn.GroupNorm"),
        behaviour: |arguments| with(arguments, &Rule { set: |call, i, j| i * call.groups + j % call.groups, ..RIGHT }),
    },
    Misconception {
        id: "group-size-for-count",
        title: "groups is taken as the length of a group and not as their number",
        explanation: "groups = 2 with 6 features means two groups of three. reshape(N, groups, -1), not \
                      reshape(N, -1, groups).",
        question: "6 features, groups = 2: how many means has an example?",
        see: ("pytorch-docs", "torch.nn.GroupNorm"),
        behaviour: |arguments| {
            with(arguments, &Rule { set: |call, i, j| i * (call.x.ncols() / call.groups) + j / call.groups, ..RIGHT })
        },
    },
    Misconception {
        id: "groups-across-examples",
        title: "a group's mean and variance are taken over all examples together",
        explanation: "Then examples depend on each other again. Keep the axis of the examples out of the mean.",
        question: "Does the output of the first example change when you change the second?",
        see: ("pytorch-docs", "torch.nn.GroupNorm"),
        behaviour: |arguments| with(arguments, &Rule { set: |call, _, j| j / (call.x.ncols() / call.groups), ..RIGHT }),
    },
    Misconception {
        id: "variance-unbiased",
        title: "the variance divides by the number of values minus one",
        explanation: "Nothing is estimated here: the row shall have variance 1 afterwards. Divide by the number of values \
                      (ddof=0, NumPy's default; torch.var has the other one).",
        question: "What is the variance of your normalised row?",
        see: ("pytorch-docs", "torch.nn.LayerNorm"),
        behaviour: |arguments| with(arguments, &Rule { ddof: 1.0, ..RIGHT }),
    },
    Misconception {
        id: "mean-not-subtracted",
        title: "the values are divided by their root mean square, and the mean stays",
        explanation: "That is RMSNorm, which many large language models use to save the subtraction. Layer normalisation \
                      takes the mean away first.",
        question: "What is the mean of your normalised row?",
        see: ("pytorch-docs", "torch.nn.LayerNorm"),
        behaviour: |arguments| with(arguments, &Rule { centre: false, ..RIGHT }),
    },
    Misconception {
        id: "eps-missing",
        title: "eps is not used",
        explanation: "A row that is the same everywhere has variance 0, and 0 / 0 is not a number. It happens: padding, a \
                      black image, a group of a single feature.",
        question: "What comes out for a row of equal numbers?",
        see: ("pytorch-docs", "torch.nn.LayerNorm"),
        behaviour: |arguments| with(arguments, &Rule { deviation: |var, _| var.sqrt(), ..RIGHT }),
    },
    Misconception {
        id: "eps-outside-root",
        title: "eps is added to the root and not under it, sqrt(var) + eps",
        explanation: "sqrt(var + eps) is the rule. The difference shows where the variance is as small as eps.",
        question: "With var = 0 and eps = 1e-5, what do you divide by: 0.003 or 0.00001?",
        see: ("pytorch-docs", "torch.nn.LayerNorm"),
        behaviour: |arguments| with(arguments, &Rule { deviation: |var, eps| var.sqrt() + eps, ..RIGHT }),
    },
    Misconception {
        id: "root-missing",
        title: "the numbers are divided by the variance and not by its root",
        explanation: "The variance has the unit of x squared. The standard deviation takes the unit away.",
        question: "What is the variance of your normalised row?",
        see: ("pytorch-docs", "torch.nn.LayerNorm"),
        behaviour: |arguments| with(arguments, &Rule { deviation: |var, eps| var + eps, ..RIGHT }),
    },
    Misconception {
        id: "scale-shift-missing",
        title: "gamma and beta are not used",
        explanation: "They are weights, one of each per feature, and give the network back what normalising took.",
        question: "Where does your code use gamma?",
        see: ("pytorch-docs", "torch.nn.LayerNorm"),
        behaviour: |arguments| with(arguments, &Rule { scaled: |xhat, _, _| xhat, ..RIGHT }),
    },
    Misconception {
        id: "scaled-after-shift",
        title: "the shift is added before the scale is multiplied, gamma * (xhat + beta)",
        explanation: "Then beta is scaled too. y = gamma * xhat + beta.",
        question: "If xhat is 0, what should y be?",
        see: ("pytorch-docs", "torch.nn.LayerNorm"),
        behaviour: |arguments| with(arguments, &Rule { scaled: |xhat, gamma, beta| gamma * (xhat + beta), ..RIGHT }),
    },
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exercises::batch_normalization::normalization::tests::assert_equals_the_toolkit;

    #[test]
    fn misconceptions_start_from_the_toolkits_layer() {
        assert_equals_the_toolkit(&LAYERNORM, |arguments| with(arguments, &RIGHT));
    }
}
