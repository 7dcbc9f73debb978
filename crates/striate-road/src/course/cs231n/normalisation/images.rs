//! Batch and group normalisation of images.

use super::*;
const IMAGE_SHAPES: &[&[usize]] = &[&[2, 1, 1, 2], &[2, 3, 1, 2], &[2, 3, 5, 4], &[3, 2, 4, 5]];
const SPATIAL_NOTES: (&str, &str) = ("cs231n", "assignment 2 ConvolutionalNetworks, Spatial Batch Normalization");

pub(super) static SPATIAL: Exercise = Exercise {
    id: "spatial_batchnorm_forward",
    signature: Signature {
        name: "spatial_batchnorm_forward",
        parameters: &[
            IMAGES,
            GAMMA,
            BETA,
            text_named("mode"),
            float_named("eps"),
            floats_named("running_mean", &["C"]),
            floats_named("running_var", &["C"]),
        ],
        returns: floats_named("out", &["N", "C", "H", "W"]),
    },
    probes: || {
        let mut numbers = Numbers::stream(9145);
        let mut probes = Vec::new();
        for (at, &shape) in IMAGE_SHAPES.iter().chain(&IMAGE_SHAPES[1..3]).enumerate() {
            let mode = if at < IMAGE_SHAPES.len() { "train" } else { "test" };
            let x = numbers.integers(IxDyn(shape), -4, 9);
            let [gamma, beta, mean] = [0; 3].map(|_| numbers.reals([shape[1]], 0.5, 3.0));
            let var = numbers.reals([shape[1]], 1.0, 4.0);
            let mode_value = Value::Text(mode.into());
            let arguments =
                vec![x.into(), gamma.into(), beta.into(), mode_value, Value::Float(1e-5), mean.into(), var.into()];
            let [n, c, h, w] = shape4(shape);
            let doing = if mode == "train" { "training" } else { "testing" };
            probes.push(Probe::ordinary(format!("{doing} on {n} images of {c} channels, {h} by {w}"), arguments));
        }
        probes
    },
    reference: |arguments| spatial(arguments, |_| {}, true, true),
    misconceptions: &[
        words(
            "statistics-over-batch-only",
            "every pixel has a mean and a variance of its own: the statistics are over the images only",
            "A channel is one feature, wherever it is looked at: its statistics are over images, rows and columns. Means and \
             deviations printed per channel, as in the course's check, can look right all the same.",
            "How many numbers go into the mean of one channel?",
            SPATIAL_NOTES,
        )
        .when(|arguments| spatial(arguments, |how| how.groups = PER_PIXEL, true, true)),
        words(
            "statistics-per-image",
            "every image has statistics of its own: that is instance normalisation",
            "Batch normalisation takes the mean of a channel over all images of the batch, as well as over rows and columns.",
            "Does the result for one image change when another one does?",
            SPATIAL_NOTES,
        )
        .when(|arguments| spatial(arguments, |how| how.groups = PER_IMAGE_CHANNEL, true, true)),
        words(
            "statistics-over-everything",
            "all channels share one mean and one variance",
            "Each channel is a feature of its own: C means, C variances.",
            "How many means do you compute?",
            SPATIAL_NOTES,
        )
        .when(|arguments| spatial(arguments, |how| how.groups = EVERYTHING, true, true)),
        m::RESHAPE_SCRAMBLES.when(|arguments| spatial(arguments, |how| how.scrambled = true, true, true)),
        m::RUNNING_NOT_USED.when(|arguments| spatial(arguments, |_| {}, true, false)),
        m::SCALE_MISSING_IN_TEST.when(|arguments| spatial(arguments, |_| {}, false, true)),
        m::SAMPLE_VARIANCE.when(|arguments| spatial(arguments, |how| how.ddof = 1.0, true, true)),
        m::EPS_OUTSIDE.when(|arguments| spatial(arguments, |how| how.eps_outside = true, true, true)),
    ],
    ..Exercise::DEFAULTS
};

fn spatial(arguments: &[Value], wrong: impl FnOnce(&mut How), scale_in_test: bool, uses_running: bool) -> Outcome {
    let x = array(arguments, 0);
    let [gamma, beta, mean, var] = [1, 2, 5, 6].map(|at| vector(arguments, at).to_vec());
    let training = text(arguments, 3) == "train";
    let mut how = how(PER_CHANNEL, number(arguments, 4));
    wrong(&mut how);
    let mut normalised = normalise(&x, &how);
    if !training && uses_running {
        apply_running(&x, &mut normalised, &mean, &var, &how);
    }
    let scale = training || scale_in_test;
    let (gamma, beta) = if scale { (gamma, beta) } else { (vec![1.0; mean.len()], vec![0.0; mean.len()]) };
    returns(normalised.scaled(&gamma, &beta, x.shape()))
}

pub(super) static SPATIAL_BACKWARD: Exercise = Exercise {
    id: "spatial_batchnorm_backward",
    signature: Signature {
        name: "spatial_batchnorm_backward",
        parameters: &[IMAGE_DOUT, IMAGES, GAMMA, BETA, float_named("eps")],
        returns: IMAGE_GRADIENTS,
    },
    probes: || backward_probes(9146, &[&[2, 1, 1, 2], &[2, 3, 1, 2], &[2, 3, 5, 4], &[3, 2, 4, 5]], &[]),
    reference: |arguments| gradients(arguments, &bn(arguments), &Back::RIGHT),
    misconceptions: &[
        words(
            "mean-over-batch-only",
            "the means are divided by the number of images and not by N * H * W",
            "A channel's mean is over N * H * W values, so each moves it by 1 / (N * H * W).",
            "How many values share one mean here?",
            SPATIAL_NOTES,
        )
        .when(|arguments| {
            gradients(arguments, &bn(arguments), &Back { divisor: Some(|[n, ..]| n as f64), ..Back::RIGHT })
        }),
        m::RESHAPE_SCRAMBLES
            .when(|arguments| gradients(arguments, &How { scrambled: true, ..bn(arguments) }, &Back::RIGHT)),
        m::STATISTICS_CONSTANT.when(|arguments| {
            gradients(arguments, &bn(arguments), &Back { mean_path: false, variance_path: false, ..Back::RIGHT })
        }),
        m::MEAN_PATH_MISSING
            .when(|arguments| gradients(arguments, &bn(arguments), &Back { mean_path: false, ..Back::RIGHT })),
        m::GAMMA_MISSING.when(|arguments| gradients(arguments, &bn(arguments), &Back { gamma: false, ..Back::RIGHT })),
        words(
            "statistics-over-batch-only",
            "the means of the backward pass are over the images only",
            "What shared a mean in the forward pass shares one in the backward pass: all values of a channel.",
            "How many values share one mean here?",
            SPATIAL_NOTES,
        )
        .when(|arguments| gradients(arguments, &How { groups: PER_PIXEL, ..bn(arguments) }, &Back::RIGHT)),
    ],
    gradient: Some(GradientCheck { forward: "spatial_batchnorm_forward", forward_call: forward_in_training }),
    ..Exercise::DEFAULTS
};

fn gn(arguments: &[Value]) -> How {
    let groups = count(arguments, arguments.len() - 2);
    How { number_of_groups: groups, ..how(IN_GROUPS, eps_last(arguments)) }
}

const GROUP_SHAPES: &[&[usize]] = &[&[1, 4, 1, 1], &[2, 4, 1, 3], &[2, 6, 4, 3], &[3, 6, 2, 5]];
const GROUP_COUNTS: &[i64] = &[2, 2, 3, 2];

pub(super) static GROUPNORM: Exercise = Exercise {
    id: "spatial_groupnorm_forward",
    signature: Signature {
        name: "spatial_groupnorm_forward",
        parameters: &[IMAGES, GAMMA, BETA, int_named("G"), float_named("eps")],
        returns: floats_named("out", &["N", "C", "H", "W"]),
    },
    probes: || forward_probes(9147, GROUP_SHAPES, GROUP_COUNTS),
    reference: |arguments| normalised(arguments, &gn(arguments), true),
    misconceptions: &[
        words(
            "groups-interleaved",
            "neighbouring channels are dealt to different groups",
            "A group is a block of C / G neighbouring channels: reshape to (N, G, C // G, H, W).",
            "With 6 channels and 2 groups, where does channel 1 belong?",
            SPATIAL_NOTES,
        )
        .when(|arguments| normalised(arguments, &How { groups: INTERLEAVED, ..gn(arguments) }, true)),
        words(
            "statistics-per-channel",
            "every channel has statistics of its own: that is instance normalisation",
            "The channels of a group share one mean and one variance.",
            "Does your result depend on G?",
            SPATIAL_NOTES,
        )
        .when(|arguments| normalised(arguments, &How { groups: PER_IMAGE_CHANNEL, ..gn(arguments) }, true)),
        words(
            "groups-ignored",
            "all channels of an image are one group: that is layer normalisation",
            "There are G groups per image, each with a mean and a variance.",
            "Does your result depend on G?",
            SPATIAL_NOTES,
        )
        .when(|arguments| normalised(arguments, &How { groups: PER_EXAMPLE, ..gn(arguments) }, true)),
        words(
            "groups-across-examples",
            "the statistics of a group are taken over all images",
            "Group normalisation looks at one image at a time; that is why it works with small batches.",
            "Does the result for one image change when another one does?",
            SPATIAL_NOTES,
        )
        .when(|arguments| normalised(arguments, &How { groups: GROUPS_OF_BATCH, ..gn(arguments) }, true)),
        m::SAMPLE_VARIANCE.when(|arguments| normalised(arguments, &How { ddof: 1.0, ..gn(arguments) }, true)),
        m::EPS_OUTSIDE.when(|arguments| normalised(arguments, &How { eps_outside: true, ..gn(arguments) }, true)),
        m::SCALE_MISSING.when(|arguments| normalised(arguments, &gn(arguments), false)),
    ],
    ..Exercise::DEFAULTS
};

pub(super) static GROUPNORM_BACKWARD: Exercise = Exercise {
    id: "spatial_groupnorm_backward",
    signature: Signature {
        name: "spatial_groupnorm_backward",
        parameters: &[IMAGE_DOUT, IMAGES, GAMMA, BETA, int_named("G"), float_named("eps")],
        returns: IMAGE_GRADIENTS,
    },
    probes: || backward_probes(9148, GROUP_SHAPES, GROUP_COUNTS),
    reference: |arguments| gradients(arguments, &gn(arguments), &Back::RIGHT),
    misconceptions: &[
        m::STATISTICS_CONSTANT.when(|arguments| {
            gradients(arguments, &gn(arguments), &Back { mean_path: false, variance_path: false, ..Back::RIGHT })
        }),
        m::MEAN_PATH_MISSING
            .when(|arguments| gradients(arguments, &gn(arguments), &Back { mean_path: false, ..Back::RIGHT })),
        GAMMA_OUTSIDE
            .when(|arguments| gradients(arguments, &gn(arguments), &Back { gamma_outside: true, ..Back::RIGHT })),
        m::GAMMA_MISSING.when(|arguments| gradients(arguments, &gn(arguments), &Back { gamma: false, ..Back::RIGHT })),
        words(
            "mean-over-batch-only",
            "the means are divided by the number of images",
            "A group's mean is over its C / G channels, rows and columns of one image.",
            "How many values share one mean here?",
            SPATIAL_NOTES,
        )
        .when(|arguments| {
            gradients(arguments, &gn(arguments), &Back { divisor: Some(|[n, ..]| n as f64), ..Back::RIGHT })
        }),
    ],
    gradient: Some(GradientCheck {
        forward: "spatial_groupnorm_forward",
        forward_call: |arguments| ForwardCall {
            arguments: arguments[1..].to_vec(),
            with_respect_to: vec![0, 1, 2],
            upstream: vec![arguments[0].clone()],
        },
    }),
    ..Exercise::DEFAULTS
};
