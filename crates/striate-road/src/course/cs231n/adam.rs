//! Adam, which both courses ask for: the road's rule over several steps, and the words for what goes wrong.

use ndarray::{Array1, Array2};

use super::super::mistakes::{self as m, words};
pub(in crate::course) use crate::exercises::optimizers::adam::{RIGHT, Rule, correction};
use crate::exercises::optimizers::adam::{Settings, Training};

/// The change of the weights at step `t`; `state` holds both moments.
pub(in crate::course) fn step(
    rule: &Rule,
    dw: &Array2<f64>,
    state: &mut [Array2<f64>; 2],
    t: f64,
    [lr, b1, b2, eps]: [f64; 4],
) -> Array2<f64> {
    let flat = |x: &Array2<f64>| Array1::from_iter(x.iter().copied());
    let shaped = |x: Array1<f64>| x.into_shape_with_order(dw.dim()).expect("as many elements");
    let settings = Settings { lr, b1, b2, eps, decay: 0.0 };
    let [m, v] = [&state[0], &state[1]].map(flat);
    let mut training = Training { w: Array1::zeros(dw.len()), m, v, t: t as i64, settings };
    training.step(&flat(dw), rule);
    *state = [shaped(training.m), shaped(training.v)];
    shaped(training.w)
}

/// Another count of the steps in the corrections.
pub(in crate::course) const EARLY: fn(f64, f64) -> f64 = |beta, t| correction(beta, t + 1.0);
pub(in crate::course) const LATE: fn(f64, f64) -> f64 = |beta, t| correction(beta, t - 1.0);
/// No correction, and one without the power.
pub(in crate::course) const NO_CORRECTION: fn(f64, f64) -> f64 = |_, _| 1.0;
pub(in crate::course) const NO_POWER: fn(f64, f64) -> f64 = |beta, _| 1.0 - beta;
pub(in crate::course) const EPS_UNDER_ROOT: fn(f64, f64, f64) -> f64 =
    |v, correction, eps| (v / correction + eps).sqrt();
pub(in crate::course) const LOST: fn(f64, f64, f64) -> f64 = |_, g, beta| beta + (1.0 - beta) * g;

pub(in crate::course) const UNCORRECTED: m::Words = words(
    "bias-correction-missing",
    "the moments are not corrected for their start at 0",
    "Both averages start at 0 and are too small at first: divide by 1 - beta**t. Without it the first steps have the wrong \
     size.",
    "How large is the first moment after one step, and how large should it be?",
    m::ADAPTIVE,
);
pub(in crate::course) const WITHOUT_POWER: m::Words = words(
    "bias-correction-without-power",
    "the correction is 1 - beta and not 1 - beta**t",
    "The start at 0 is forgotten with time, so the correction fades: 1 - beta**t goes to 1. Without the power it stays ten-fold \
     for ever.",
    "By how much do you correct at step 1000?",
    m::ADAPTIVE,
);
pub(in crate::course) const STEP_OFF: m::Words = words(
    "step-count-late",
    "the correction uses t - 1 in place of t",
    "At the first step t is 1: increase it before it is used. With t = 0 the correction divides by 1 - beta**0, which is 0.",
    "What is t in your formula at the first call?",
    m::ADAPTIVE,
);
pub(in crate::course) const STEP_EARLY: m::Words = words(
    "step-count-early",
    "the correction uses t + 1 in place of t",
    "At the first step t is 1, and it grows by 1 per call. Counted up in two places, the first step is corrected by 1 - \
     beta**2, and falls short.",
    "What is t in your formula at the first call?",
    m::ADAPTIVE,
);
pub(in crate::course) const STORED: m::Words = words(
    "corrected-moments-stored",
    "the corrected moments are stored, and corrected again at the next step",
    "The correction is for this step's use only: keep m and v as they are, and divide copies. The first step is right either \
     way, which is why a check of one step passes.",
    "What is in config['m'] after your function returns?",
    m::ADAPTIVE,
);
pub(in crate::course) const SECOND_UNCORRECTED: m::Words = words(
    "second-moment-uncorrected",
    "only the first moment is corrected",
    "Both moments start at 0, so both are divided by 1 - beta**t.",
    "What do you divide v by?",
    m::ADAPTIVE,
);
pub(in crate::course) const MOMENT_LOST: m::Words = words(
    "old-moment-lost",
    "beta1 is added and not multiplied with the first moment",
    "m = beta1 * m + (1 - beta1) * dw. Without the * m it has no memory, and a constant drift of beta1.",
    "What does your m remember of the steps before?",
    m::ADAPTIVE,
);
