//! Adam, each part of it free to be wrong, and the words for what goes wrong; both courses ask for it.

use ndarray::Array2;

use super::super::mistakes::{self as m, words};

/// Adam, each part free to be wrong.
#[derive(Clone, Copy)]
pub(in crate::course) struct Adam {
    /// Exponents in the corrections of both moments at step t, from 1.
    pub power: [fn(f64) -> f64; 2],
    pub correct: [bool; 2],
    pub stores_corrected: bool,
    pub eps_inside: bool,
    pub loses_moment: bool,
    pub squares: bool,
    pub reversed: bool,
}

impl Adam {
    pub(in crate::course) const RIGHT: Adam = Adam {
        power: [|t| t, |t| t],
        correct: [true, true],
        stores_corrected: false,
        eps_inside: false,
        loses_moment: false,
        squares: true,
        reversed: false,
    };

    /// The change of the weights at step `t`.
    pub(in crate::course) fn step(
        self,
        dw: &Array2<f64>,
        state: &mut [Array2<f64>; 2],
        t: f64,
        [rate, beta1, beta2, eps]: [f64; 4],
    ) -> Array2<f64> {
        let past = |beta: f64| if self.reversed { 1.0 - beta } else { beta };
        let second = if self.squares { dw * dw } else { dw.clone() };
        state[0] = if self.loses_moment {
            dw * (1.0 - beta1) + beta1
        } else {
            &state[0] * past(beta1) + dw * (1.0 - past(beta1))
        };
        state[1] = &state[1] * past(beta2) + second * (1.0 - past(beta2));
        let corrected = |moment: &Array2<f64>, beta: f64, at: usize| {
            if self.correct[at] { moment / (1.0 - beta.powf((self.power[at])(t))) } else { moment.clone() }
        };
        let m = corrected(&state[0], beta1, 0);
        let v = corrected(&state[1], beta2, 1);
        if self.stores_corrected {
            *state = [m.clone(), v.clone()];
        }
        let root = if self.eps_inside { (v + eps).mapv(f64::sqrt) } else { v.mapv(f64::sqrt) + eps };
        m * -rate / root
    }
}

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
    "the step count in the correction is off by one",
    "At the first step t is 1: the course asks to increase t before it is used, once per call.",
    "What is t in your formula at the first call?",
    m::ADAPTIVE,
);
pub(in crate::course) const STEP_EARLY: m::Words = m::Words { id: "step-count-early", ..STEP_OFF };
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
