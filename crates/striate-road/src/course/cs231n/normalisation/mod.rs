//! Batch, layer and group normalisation, on rows and on images: one computation, with different groups of values that
//! share a mean and a variance.

mod batch;
mod images;
mod layer;

use ndarray::{Array2, ArrayD, IxDyn};

use super::super::CourseFunction;
use super::super::mistakes::{self as m, words};
use super::super::values::{
    array, count, float_named, floats_named, int_named, number, results, returns, text, text_named, tuple, vector,
};
use super::SECOND;
use crate::exercise::{Exercise, ForwardCall, GradientCheck, Misconception, Outcome, Parameter, Probe, Signature};
use crate::exercises::batch_normalization::normalization::{BACKWARD, Backward, moments};
use crate::exercises::numbers::Numbers;
use crate::value::Value;

pub(super) fn functions() -> Vec<CourseFunction> {
    let f = CourseFunction::new;
    vec![
        f(
            SECOND,
            &["batchnorm_forward"],
            &batch::BATCHNORM,
            "bn_param = {'mode': mode, 'momentum': momentum, 'eps': eps,\n            \
                         'running_mean': running_mean.copy(), 'running_var': running_var.copy()}\n\
             out = f(x, gamma, beta, bn_param)[0]\n\
             return out, bn_param['running_mean'], bn_param['running_var']",
        ),
        f(
            SECOND,
            &["batchnorm_backward", "batchnorm_backward_alt"],
            &batch::BATCHNORM_BACKWARD,
            "cache = theirs.batchnorm_forward(x, gamma, beta, {'mode': 'train', 'eps': eps})[1]\nreturn f(dout, cache)",
        )
        .needs(&["batchnorm_forward"]),
        f(SECOND, &["layernorm_forward"], &layer::LAYERNORM, "return f(x, gamma, beta, {'eps': eps})[0]"),
        f(
            SECOND,
            &["layernorm_backward"],
            &layer::LAYERNORM_BACKWARD,
            "cache = theirs.layernorm_forward(x, gamma, beta, {'eps': eps})[1]\nreturn f(dout, cache)",
        )
        .needs(&["layernorm_forward"]),
        f(
            SECOND,
            &["spatial_batchnorm_forward"],
            &images::SPATIAL,
            "bn_param = {'mode': mode, 'eps': eps, 'running_mean': running_mean.copy(), 'running_var': running_var.copy()}\n\
             return f(x, gamma, beta, bn_param)[0]",
        ),
        f(
            SECOND,
            &["spatial_batchnorm_backward"],
            &images::SPATIAL_BACKWARD,
            "cache = theirs.spatial_batchnorm_forward(x, gamma, beta, {'mode': 'train', 'eps': eps})[1]\nreturn f(dout, cache)",
        )
        .needs(&["spatial_batchnorm_forward"]),
        f(
            SECOND,
            &["spatial_groupnorm_forward"],
            &images::GROUPNORM,
            "return f(x, gamma.reshape(1, -1, 1, 1), beta.reshape(1, -1, 1, 1), G, {'eps': eps})[0]",
        ),
        f(
            SECOND,
            &["spatial_groupnorm_backward"],
            &images::GROUPNORM_BACKWARD,
            "shape = (1, -1, 1, 1)\n\
             cache = theirs.spatial_groupnorm_forward(x, gamma.reshape(shape), beta.reshape(shape), G, {'eps': eps})[1]\n\
             dx, dgamma, dbeta = f(dout, cache)\n\
             return dx, np.asarray(dgamma).reshape(-1), np.asarray(dbeta).reshape(-1)",
        )
        .needs(&["spatial_groupnorm_forward"]),
    ]
}

/// Which values share a mean and a variance: their group, from the index `[n, c, h, w]`.
type Groups = fn([usize; 4], [usize; 4], usize) -> usize;

const PER_CHANNEL: Groups = |[_, c, _, _], _, _| c;
const PER_EXAMPLE: Groups = |[n, ..], _, _| n;
const PER_IMAGE_CHANNEL: Groups = |[n, c, _, _], [_, channels, ..], _| n * channels + c;
const PER_PIXEL: Groups = |[_, c, h, w], [_, _, height, width], _| (c * height + h) * width + w;
const EVERYTHING: Groups = |_, _, _| 0;
const IN_GROUPS: Groups = |[n, c, _, _], [_, channels, ..], g| n * g + c / (channels / g);
const INTERLEAVED: Groups = |[n, c, _, _], _, g| n * g + c % g;
const GROUPS_OF_BATCH: Groups = |[_, c, _, _], [_, channels, ..], g| c / (channels / g);

/// How to normalise, each part free to be wrong.
#[derive(Clone, Copy)]
struct How {
    groups: Groups,
    ddof: f64,
    eps: f64,
    eps_outside: bool,
    variance_for_deviation: bool,
    /// Takes the mean square for the variance.
    uncentred: bool,
    number_of_groups: usize,
    /// Takes rows of C values straight from memory, as x.reshape(-1, C) without a transpose does.
    scrambled: bool,
}

impl How {
    /// What the values are divided by, from the variance and eps.
    fn deviation(&self) -> fn(f64, f64) -> f64 {
        match (self.variance_for_deviation, self.eps_outside) {
            (true, _) => |variance, eps| variance + eps,
            (false, true) => |variance, eps| variance.sqrt() + eps,
            (false, false) => BACKWARD.deviation,
        }
    }
}

/// An input `[N, C, H, W]` (`[N, D]` counts as `[N, D, 1, 1]`) with its statistics.
struct Normalised {
    shape: [usize; 4],
    how: How,
    channel: Vec<usize>,
    /// The values of each group, all groups being of one size.
    members: Vec<Vec<usize>>,
    /// The input with a column per group.
    columns: Array2<f64>,
    xhat: Vec<f64>,
    mean: Vec<f64>,
    variance: Vec<f64>,
}

fn shape4(shape: &[usize]) -> [usize; 4] {
    let mut four = [1; 4];
    four[..shape.len()].copy_from_slice(shape);
    four
}

fn normalise(x: &ArrayD<f64>, how: &How) -> Normalised {
    let shape = shape4(x.shape());
    let at = |flat: usize| {
        let (rest, w) = (flat / shape[3], flat % shape[3]);
        let (rest, h) = (rest / shape[2], rest % shape[2]);
        [rest / shape[1], rest % shape[1], h, w]
    };
    let values: Vec<f64> = x.iter().copied().collect();
    let channel: Vec<usize> =
        (0..values.len()).map(|flat| if how.scrambled { flat % shape[1] } else { at(flat)[1] }).collect();
    let group: Vec<usize> = match how.scrambled {
        true => channel.clone(),
        false => (0..values.len()).map(|flat| (how.groups)(at(flat), shape, how.number_of_groups)).collect(),
    };
    let mut members = vec![Vec::new(); group.iter().max().map_or(0, |last| last + 1)];
    group.iter().enumerate().for_each(|(at, &group)| members[group].push(at));
    let columns = in_columns(&members, |at| values[at]);
    let size = columns.nrows() as f64;
    let (mean, variance) = moments(&columns);
    let variance = variance * (size / (size - how.ddof)) + if how.uncentred { &mean * &mean } else { &mean * 0.0 };
    let deviation = variance.mapv(|variance| how.deviation()(variance, how.eps));
    let xhat = values.iter().zip(&group).map(|(x, &group)| (x - mean[group]) / deviation[group]).collect();
    let (mean, variance) = (mean.to_vec(), variance.to_vec());
    Normalised { shape, how: *how, channel, members, columns, xhat, mean, variance }
}

/// Values with a column per group.
fn in_columns(members: &[Vec<usize>], value: impl Fn(usize) -> f64) -> Array2<f64> {
    let size = members.first().map_or(0, Vec::len);
    Array2::from_shape_fn((size, members.len()), |(at, group)| value(members[group][at]))
}

impl Normalised {
    fn scaled(&self, gamma: &[f64], beta: &[f64], shape: &[usize]) -> ArrayD<f64> {
        let out = self.xhat.iter().zip(&self.channel).map(|(xhat, &c)| gamma[c] * xhat + beta[c]).collect();
        ArrayD::from_shape_vec(IxDyn(shape), out).expect("as many elements")
    }

    /// Sums over the values of each channel.
    fn sums(&self, of: impl Fn(usize) -> f64) -> Vec<f64> {
        let mut sums = vec![0.0; self.shape[1]];
        self.channel.iter().enumerate().for_each(|(at, &channel)| sums[channel] += of(at));
        sums
    }

    /// Gradients with respect to input, gamma and beta.
    fn backward(&self, dout: &[f64], gamma: &[f64], how: &Back) -> [Vec<f64>; 3] {
        let scale = |at: usize| if how.gamma { gamma[self.channel[at]] } else { 1.0 };
        let inside = |at: usize| if how.gamma_outside { dout[at] } else { dout[at] * scale(at) };
        let path = |is_there: bool| if is_there { 1.0 } else { 0.0 };
        let backward = Backward {
            ddof: self.how.ddof,
            deviation: self.how.deviation(),
            count: how.divisor.map(|divisor| divisor(self.shape)),
            mean_path: path(how.mean_path),
            variance_path: path(how.variance_path),
        };
        let (columns, _) = backward.through(&in_columns(&self.members, inside), &self.columns, self.how.eps);
        let mut dx = vec![0.0; dout.len()];
        for ((row, group), &gradient) in columns.indexed_iter() {
            let at = self.members[group][row];
            dx[at] = gradient * if how.gamma_outside { scale(at) } else { 1.0 };
        }
        let dgamma = self.sums(|at| dout[at] * self.xhat[at]);
        let dbeta = self.sums(|at| dout[at]);
        [dx, dgamma, dbeta]
    }
}

/// What of the backward pass is there.
#[derive(Clone, Copy)]
struct Back {
    mean_path: bool,
    variance_path: bool,
    gamma: bool,
    gamma_outside: bool,
    divisor: Option<fn([usize; 4]) -> f64>,
}

impl Back {
    const RIGHT: Back = Back { mean_path: true, variance_path: true, gamma: true, gamma_outside: false, divisor: None };
}

fn how(groups: Groups, eps: f64) -> How {
    How {
        groups,
        ddof: 0.0,
        eps,
        eps_outside: false,
        variance_for_deviation: false,
        uncentred: false,
        number_of_groups: 1,
        scrambled: false,
    }
}

const GAMMA: Parameter = floats_named("gamma", &["C"]);
const BETA: Parameter = floats_named("beta", &["C"]);
const ROWS: Parameter = floats_named("x", &["N", "C"]);
const IMAGES: Parameter = floats_named("x", &["N", "C", "H", "W"]);
const SOURCE: (&str, &str) = ("cs231n", "assignment 2 BatchNormalization");

fn apply_running(x: &ArrayD<f64>, normalised: &mut Normalised, mean: &[f64], var: &[f64], how: &How) {
    let channel = &normalised.channel;
    normalised.xhat = x.iter().zip(channel).map(|(x, &c)| (x - mean[c]) / how.deviation()(var[c], how.eps)).collect();
}

/// Arguments of a backward call: dout, x, gamma, beta, what `more` says, eps.
fn backward_probes(stream: u64, shapes: &[&[usize]], more: &[i64]) -> Vec<Probe> {
    let mut numbers = Numbers::stream(stream);
    let mut probes = Vec::new();
    for (at, &shape) in shapes.iter().enumerate() {
        let dout = numbers.integers(IxDyn(shape), -3, 5);
        let x = numbers.integers(IxDyn(shape), -4, 9);
        let (gamma, beta) = (numbers.reals([shape[1]], 0.5, 3.0), numbers.reals([shape[1]], -2.0, 2.0));
        let mut arguments: Vec<Value> = vec![dout.into(), x.into(), gamma.into(), beta.into()];
        arguments.extend(more.get(at).map(|&g| Value::Int(g)));
        arguments.push(Value::Float(1e-5));
        let sizes: Vec<String> = shape.iter().map(usize::to_string).collect();
        probes.push(Probe::ordinary(format!("an input of shape ({})", sizes.join(", ")), arguments));
    }
    probes
}

/// The same without dout.
fn forward_probes(stream: u64, shapes: &[&[usize]], more: &[i64]) -> Vec<Probe> {
    let mut probes = backward_probes(stream, shapes, more);
    for probe in &mut probes {
        probe.arguments.remove(0);
    }
    let mut flat = probes[0].clone();
    if let Value::Array(x) = &flat.arguments[0] {
        flat.arguments[0] = Value::array(x.shape(), vec![3.0; x.len()]);
        flat.difficulty = crate::exercise::Difficulty::Hard;
        flat.label = "values that do not vary".into();
    }
    probes.push(flat);
    probes
}

fn gradients(arguments: &[Value], how: &How, back: &Back) -> Outcome {
    let (dout, x, gamma) = (array(arguments, 0), array(arguments, 1), vector(arguments, 2).to_vec());
    let dout: Vec<f64> = dout.iter().copied().collect();
    let [dx, dgamma, dbeta] = normalise(&x, how).backward(&dout, &gamma, back);
    let line = |values: Vec<f64>| Value::array(&[values.len()], values);
    tuple([Value::array(x.shape(), dx), line(dgamma), line(dbeta)])
}

/// Gradients with dgamma or dbeta replaced.
fn gradients_with(arguments: &[Value], how: &How, wrong: impl FnOnce(&mut [Value], &Normalised, &[f64])) -> Outcome {
    let Outcome::Value(Value::Tuple(mut parts)) = gradients(arguments, how, &Back::RIGHT) else { unreachable!() };
    let dout: Vec<f64> = array(arguments, 0).iter().copied().collect();
    wrong(&mut parts, &normalise(&array(arguments, 1), how), &dout);
    Outcome::Value(Value::Tuple(parts))
}

fn dgamma_with_input(parts: &mut [Value], arguments: &[Value], normalised: &Normalised, dout: &[f64]) {
    let x: Vec<f64> = array(arguments, 1).iter().copied().collect();
    let dgamma = normalised.sums(|at| dout[at] * x[at]);
    parts[1] = Value::array(&[dgamma.len()], dgamma);
}

const DOUT: Parameter = floats_named("dout", &["N", "C"]);
const IMAGE_DOUT: Parameter = floats_named("dout", &["N", "C", "H", "W"]);
const ROW_GRADIENTS: Parameter =
    results(&[floats_named("dx", &["N", "C"]), floats_named("dgamma", &["C"]), floats_named("dbeta", &["C"])]);
const IMAGE_GRADIENTS: Parameter = results(&[
    floats_named("dx", &["N", "C", "H", "W"]),
    floats_named("dgamma", &["C"]),
    floats_named("dbeta", &["C"]),
]);

fn forward_of_rows(arguments: &[Value]) -> ForwardCall {
    let [dout, x, gamma, beta, eps] = arguments else { panic!("five arguments") };
    ForwardCall {
        arguments: vec![x.clone(), gamma.clone(), beta.clone(), eps.clone()],
        with_respect_to: vec![0, 1, 2],
        upstream: vec![dout.clone()],
    }
}

/// As [`forward_of_rows`], for forwards that also take mode and running statistics.
fn forward_in_training(arguments: &[Value]) -> ForwardCall {
    let [dout, x, gamma, beta, eps] = arguments else { panic!("five arguments") };
    let channels = vector(arguments, 2).len();
    let zeros = Value::array(&[channels], vec![0.0; channels]);
    let rows = x.as_array().is_some_and(|x| x.shape().len() == 2);
    let mut call = vec![x.clone(), gamma.clone(), beta.clone(), Value::Text("train".into())];
    call.extend(rows.then_some(Value::Float(0.9)));
    call.extend([eps.clone(), zeros.clone(), zeros]);
    ForwardCall { arguments: call, with_respect_to: vec![0, 1, 2], upstream: vec![dout.clone()] }
}

fn eps_last(arguments: &[Value]) -> f64 {
    number(arguments, arguments.len() - 1)
}

fn bn(arguments: &[Value]) -> How {
    how(PER_CHANNEL, eps_last(arguments))
}

/// Forward on x, gamma, beta.
fn normalised(arguments: &[Value], how: &How, scale: bool) -> Outcome {
    let (x, gamma, beta) = (array(arguments, 0), vector(arguments, 1).to_vec(), vector(arguments, 2).to_vec());
    let (gamma, beta) = if scale { (gamma, beta) } else { (vec![1.0; beta.len()], vec![0.0; beta.len()]) };
    returns(normalise(&x, how).scaled(&gamma, &beta, x.shape()))
}

const GAMMA_OUTSIDE: m::Words = words(
    "scale-outside-the-mean",
    "gamma is multiplied after the means are taken, as in batch normalisation",
    "Within a group gamma differs from value to value, so it cannot be drawn out of the means: they are those of \
     dout * gamma.",
    "Is gamma the same for all values that share a mean here?",
    ("cs231n", "assignment 2 BatchNormalization, Layer Normalization"),
);
