//! Batch normalisation of rows.

use super::*;
const RUNNING_REVERSED: m::Words = words(
    "running-momentum-reversed",
    "the momentum weighs the new statistics and not the running ones",
    "Here momentum = 0.9 keeps nine parts of the past: running = momentum * running + (1 - momentum) * batch. PyTorch means it \
     the other way round.",
    "With momentum 0.9, how much of the running mean remains after one batch?",
    SOURCE,
);
const RUNNING_IN_TEST: m::Words = words(
    "running-updated-in-test",
    "test mode updates the running statistics",
    "A test must not change the model: only training updates what it will use later.",
    "Does your network change when it is tested?",
    SOURCE,
);
const RUNNING_UNBIASED: m::Words = words(
    "running-variance-unbiased",
    "the running variance takes the sample variance, divided by N - 1",
    "PyTorch does so; this course stores the same variance that it normalises with, divided by N.",
    "Which ddof does the variance have that you store?",
    SOURCE,
);
const RUNNING_FORGOTTEN: m::Words = words(
    "running-never-updated",
    "the running statistics stay as they were",
    "At the end of training mode bn_param['running_mean'] and ['running_var'] have to hold the new values.",
    "What is in bn_param after your function returns?",
    SOURCE,
);
const DEVIATION_STORED: m::Words = words(
    "deviation-for-variance",
    "the running variance averages standard deviations",
    "running_var is a variance: test mode takes its root.",
    "What is the unit of running_var, that of x or of x squared?",
    SOURCE,
);

pub(super) static BATCHNORM: Exercise = Exercise {
    id: "batchnorm_forward",
    signature: Signature {
        name: "batchnorm_forward",
        parameters: &[
            ROWS,
            GAMMA,
            BETA,
            text_named("mode"),
            float_named("momentum"),
            float_named("eps"),
            floats_named("running_mean", &["C"]),
            floats_named("running_var", &["C"]),
        ],
        returns: results(&[
            floats_named("out", &["N", "C"]),
            floats_named("running_mean", &["C"]),
            floats_named("running_var", &["C"]),
        ]),
    },
    probes: || {
        let mut numbers = Numbers::stream(9141);
        let mut call = |n: usize, c: usize, mode: &str, momentum: f64, eps: f64| -> Vec<Value> {
            let x = numbers.integers([n, c], -4, 9);
            let [gamma, beta, mean] = [0; 3].map(|_| numbers.reals([c], 0.5, 3.0));
            let var = numbers.reals([c], 1.0, 4.0);
            let (momentum, eps) = (Value::Float(momentum), Value::Float(eps));
            vec![x.into(), gamma.into(), beta.into(), Value::Text(mode.into()), momentum, eps, mean.into(), var.into()]
        };
        let mut flat = call(4, 2, "train", 0.9, 1e-5);
        flat[0] = Value::array(&[4, 2], vec![3.0, 1.0, 3.0, 5.0, 3.0, 2.0, 3.0, 7.0]);
        let mut tiny = call(3, 2, "train", 0.9, 1e-5);
        tiny[0] = Value::array(&[3, 2], vec![0.001, 1.0, 0.003, 5.0, 0.008, 3.0]);
        vec![
            Probe::ordinary("training on 2 examples of 1 feature", call(2, 1, "train", 0.9, 1e-5)),
            Probe::ordinary("training on 5 examples of 3 features", call(5, 3, "train", 0.7, 1e-5)),
            Probe::ordinary("testing on 3 examples of 4 features", call(3, 4, "test", 0.9, 1e-5)),
            Probe::ordinary("testing on 5 examples of 2 features", call(5, 2, "test", 0.6, 1e-4)),
            Probe::hard("a feature that hardly varies", tiny),
            Probe::hard("a feature that does not vary", flat),
        ]
    },
    reference: |arguments| batchnorm(arguments, |_| {}),
    misconceptions: &[
        m::SCALE_MISSING_IN_TEST.when(|arguments| batchnorm(arguments, |how| how.scale_in_test = false)),
        m::SCALE_MISSING.when(|arguments| {
            batchnorm(arguments, |how| {
                how.scale_in_test = false;
                how.scale_in_training = false;
            })
        }),
        m::RUNNING_NOT_USED.when(|arguments| batchnorm(arguments, |how| how.uses_running = false)),
        RUNNING_IN_TEST.when(|arguments| batchnorm(arguments, |how| how.updates_in_test = true)),
        RUNNING_REVERSED.when(|arguments| batchnorm(arguments, |how| how.momentum = 1.0 - how.momentum)),
        RUNNING_UNBIASED.when(|arguments| batchnorm(arguments, |how| how.running_ddof = 1.0)),
        RUNNING_FORGOTTEN.when(|arguments| batchnorm(arguments, |how| how.momentum = 1.0)),
        DEVIATION_STORED.when(|arguments| batchnorm(arguments, |how| how.stores_deviation = true)),
        m::SAMPLE_VARIANCE.when(|arguments| {
            batchnorm(arguments, |how| {
                how.how.ddof = 1.0;
                how.running_ddof = 1.0;
            })
        }),
        words(
            "mean-not-subtracted",
            "the variance is the mean of x**2: the mean is not subtracted first",
            "The variance is the mean of (x - mean)**2: how far the values lie from their mean, not from 0.",
            "What is your variance when all values are 7?",
            SOURCE,
        )
        .when(|arguments| batchnorm(arguments, |how| how.how.uncentred = true)),
        m::EPS_OUTSIDE.when(|arguments| batchnorm(arguments, |how| how.how.eps_outside = true)),
        m::EPS_MISSING.when(|arguments| batchnorm(arguments, |how| how.how.eps = 0.0)),
        m::DIVIDED_BY_VARIANCE.when(|arguments| batchnorm(arguments, |how| how.how.variance_for_deviation = true)),
    ],
    ..Exercise::DEFAULTS
};

/// Batch normalisation of rows, each part free to be wrong.
struct BatchNorm {
    how: How,
    momentum: f64,
    running_ddof: f64,
    scale_in_training: bool,
    scale_in_test: bool,
    uses_running: bool,
    updates_in_test: bool,
    stores_deviation: bool,
}

fn batchnorm(arguments: &[Value], wrong: impl FnOnce(&mut BatchNorm)) -> Outcome {
    let x = array(arguments, 0);
    let [gamma, beta, running_mean, running_var] = [1, 2, 6, 7].map(|at| vector(arguments, at).to_vec());
    let training = text(arguments, 3) == "train";
    let mut layer = BatchNorm {
        how: how(PER_CHANNEL, number(arguments, 5)),
        momentum: number(arguments, 4),
        running_ddof: 0.0,
        scale_in_training: true,
        scale_in_test: true,
        uses_running: true,
        updates_in_test: false,
        stores_deviation: false,
    };
    wrong(&mut layer);
    let mut normalised = normalise(&x, &layer.how);
    let n = x.shape()[0] as f64;
    let mixed = |old: &[f64], new: &[f64]| -> Vec<f64> {
        old.iter().zip(new).map(|(old, new)| layer.momentum * old + (1.0 - layer.momentum) * new).collect()
    };
    let stored: Vec<f64> = normalised
        .variance
        .iter()
        .map(|variance| {
            let variance = variance * (n - layer.how.ddof) / (n - layer.running_ddof);
            if layer.stores_deviation { variance.sqrt() } else { variance }
        })
        .collect();
    let (mean, var) = match training || layer.updates_in_test {
        true => (mixed(&running_mean, &normalised.mean), mixed(&running_var, &stored)),
        false => (running_mean.clone(), running_var.clone()),
    };
    if !training && layer.uses_running {
        apply_running(&x, &mut normalised, &running_mean, &running_var, &layer.how);
    }
    let scale = if training { layer.scale_in_training } else { layer.scale_in_test };
    let (gamma, beta) = if scale { (gamma, beta) } else { (vec![1.0; mean.len()], vec![0.0; mean.len()]) };
    let out = normalised.scaled(&gamma, &beta, x.shape());
    let line = |values: Vec<f64>| Value::array(&[values.len()], values);
    tuple([out.into(), line(mean), line(var)])
}

pub(super) static BATCHNORM_BACKWARD: Exercise = Exercise {
    id: "batchnorm_backward",
    signature: Signature {
        name: "batchnorm_backward",
        parameters: &[DOUT, ROWS, GAMMA, BETA, float_named("eps")],
        returns: ROW_GRADIENTS,
    },
    // Two examples have normalised values of exactly -1 and 1, and a dx of almost 0.
    probes: || backward_probes(9142, &[&[3, 1], &[3, 2], &[5, 3], &[4, 7]], &[]),
    reference: |arguments| gradients(arguments, &bn(arguments), &Back::RIGHT),
    misconceptions: BATCHNORM_BACKWARD_MISTAKES,
    gradient: Some(GradientCheck { forward: "batchnorm_forward", forward_call: forward_in_training }),
    ..Exercise::DEFAULTS
};

const BATCHNORM_BACKWARD_MISTAKES: &[Misconception] = &[
    m::STATISTICS_CONSTANT.when(|arguments| {
        gradients(arguments, &bn(arguments), &Back { mean_path: false, variance_path: false, ..Back::RIGHT })
    }),
    m::MEAN_PATH_MISSING
        .when(|arguments| gradients(arguments, &bn(arguments), &Back { mean_path: false, ..Back::RIGHT })),
    m::VARIANCE_PATH_MISSING
        .when(|arguments| gradients(arguments, &bn(arguments), &Back { variance_path: false, ..Back::RIGHT })),
    m::GAMMA_MISSING.when(|arguments| gradients(arguments, &bn(arguments), &Back { gamma: false, ..Back::RIGHT })),
    SUMS_FOR_MEANS
        .when(|arguments| gradients(arguments, &bn(arguments), &Back { divisor: Some(|_| 1.0), ..Back::RIGHT })),
    m::DGAMMA_WITH_INPUT.when(|arguments| {
        gradients_with(arguments, &bn(arguments), |parts, normalised, dout| {
            dgamma_with_input(parts, arguments, normalised, dout);
        })
    }),
    m::DGAMMA_WITHOUT_PARTNER
        .when(|arguments| gradients_with(arguments, &bn(arguments), |parts, _, _| parts[1] = parts[2].clone())),
    m::MEAN_OVER_BATCH.when(|arguments| {
        gradients_with(arguments, &bn(arguments), |parts, normalised, dout| {
            let n = normalised.shape[0] as f64;
            let dgamma = normalised.sums(|at| dout[at] * normalised.xhat[at] / n);
            let dbeta = normalised.sums(|at| dout[at] / n);
            parts[1] = Value::array(&[dgamma.len()], dgamma);
            parts[2] = Value::array(&[dbeta.len()], dbeta);
        })
    }),
];

const SUMS_FOR_MEANS: m::Words = words(
    "mean-missing",
    "sums over the batch stand where means should stand",
    "The mean's derivative with respect to one input is 1/N, and so is the variance's. dx needs both divisions.",
    "By how much does the mean move when one of N inputs moves by 1?",
    SOURCE,
);
