//! Layer normalisation of rows.

use super::*;
fn ln(arguments: &[Value]) -> How {
    how(PER_EXAMPLE, eps_last(arguments))
}

pub(super) static LAYERNORM: Exercise = Exercise {
    id: "layernorm_forward",
    signature: Signature {
        name: "layernorm_forward",
        parameters: &[ROWS, GAMMA, BETA, float_named("eps")],
        returns: floats_named("out", &["N", "C"]),
    },
    probes: || forward_probes(9143, &[&[1, 3], &[2, 3], &[3, 5], &[7, 4]], &[]),
    reference: |arguments| normalised(arguments, &ln(arguments), true),
    misconceptions: &[
        words(
            "normalized-over-wrong-axis",
            "mean and variance are taken over the examples, as in batch normalisation",
            "Layer normalisation looks at one example at a time: its mean and variance are over the features, axis 1.",
            "Does the result for one example change when another one does?",
            ("cs231n", "assignment 2 BatchNormalization, Layer Normalization"),
        )
        .when(|arguments| normalised(arguments, &How { groups: PER_CHANNEL, ..ln(arguments) }, true)),
        m::SAMPLE_VARIANCE.when(|arguments| normalised(arguments, &How { ddof: 1.0, ..ln(arguments) }, true)),
        m::EPS_OUTSIDE.when(|arguments| normalised(arguments, &How { eps_outside: true, ..ln(arguments) }, true)),
        m::EPS_MISSING.when(|arguments| normalised(arguments, &How { eps: 0.0, ..ln(arguments) }, true)),
        m::DIVIDED_BY_VARIANCE
            .when(|arguments| normalised(arguments, &How { variance_for_deviation: true, ..ln(arguments) }, true)),
        m::SCALE_MISSING.when(|arguments| normalised(arguments, &ln(arguments), false)),
    ],
    ..Exercise::DEFAULTS
};

pub(super) static LAYERNORM_BACKWARD: Exercise = Exercise {
    id: "layernorm_backward",
    signature: Signature {
        name: "layernorm_backward",
        parameters: &[DOUT, ROWS, GAMMA, BETA, float_named("eps")],
        returns: ROW_GRADIENTS,
    },
    probes: || backward_probes(9144, &[&[1, 3], &[2, 3], &[3, 5], &[7, 4]], &[]),
    reference: |arguments| gradients(arguments, &ln(arguments), &Back::RIGHT),
    misconceptions: &[
        m::STATISTICS_CONSTANT.when(|arguments| {
            gradients(arguments, &ln(arguments), &Back { mean_path: false, variance_path: false, ..Back::RIGHT })
        }),
        m::MEAN_PATH_MISSING
            .when(|arguments| gradients(arguments, &ln(arguments), &Back { mean_path: false, ..Back::RIGHT })),
        m::VARIANCE_PATH_MISSING
            .when(|arguments| gradients(arguments, &ln(arguments), &Back { variance_path: false, ..Back::RIGHT })),
        m::GAMMA_MISSING.when(|arguments| gradients(arguments, &ln(arguments), &Back { gamma: false, ..Back::RIGHT })),
        GAMMA_OUTSIDE
            .when(|arguments| gradients(arguments, &ln(arguments), &Back { gamma_outside: true, ..Back::RIGHT })),
        words(
            "mean-over-batch-only",
            "the means are divided by the number of examples and not of features",
            "In layer normalisation a mean is over the D features of one example: its derivative is 1/D.",
            "How many values share one mean here?",
            ("cs231n", "assignment 2 BatchNormalization, Layer Normalization"),
        )
        .when(|arguments| {
            gradients(arguments, &ln(arguments), &Back { divisor: Some(|[n, ..]| n as f64), ..Back::RIGHT })
        }),
        m::DGAMMA_WITHOUT_PARTNER
            .when(|arguments| gradients_with(arguments, &ln(arguments), |parts, _, _| parts[1] = parts[2].clone())),
    ],
    gradient: Some(GradientCheck { forward: "layernorm_forward", forward_call: forward_of_rows }),
    ..Exercise::DEFAULTS
};
