//! `momentum_nesterov`: one step of gradient descent with momentum.

use ndarray::{Array1, Ix1, Zip, array};

use crate::exercise::{Exercise, Kind, Misconception, Outcome, Parameter, Probe, Signature};
use crate::exercises::arguments::{bool_named, boolean, f64_array, float, float_named, floats, returns};
use crate::exercises::numbers::Numbers;
use crate::value::Value;

/// The exercise.
pub static MOMENTUM_NESTEROV: Exercise = Exercise {
    id: "momentum_nesterov",
    station: "optimizers",
    task: "Make one step of gradient descent with momentum, and return the new weights and the new velocity.\n\
           The velocity is a fading sum of gradients, v = mu * v + g, and the weights go against it, w = w - lr * v.\n\
           With nesterov the weights go as if the next velocity were known already: w = w - lr * (g + mu * v),\n\
           with the new v. These are the rules of torch.optim.SGD. The caller's arrays stay as they are.",
    signature: Signature {
        name: "momentum_nesterov",
        parameters: &[
            f64_array("w", &["n"], "weights"),
            f64_array("g", &["n"], "gradient of the loss at w"),
            f64_array("v", &["n"], "velocity after the step before; zeros at the start"),
            float_named("lr", "learning rate"),
            float_named("mu", "momentum, from 0 to 1"),
            bool_named("nesterov", "whether to look ahead"),
        ],
        returns: Parameter {
            name: "next",
            kind: Kind::Tuple(&[
                f64_array("w", &["n"], "weights after the step"),
                f64_array("v", &["n"], "velocity after the step"),
            ]),
            meaning: "what the next step starts from",
        },
    },
    probes,
    reference,
    misconceptions: MISCONCEPTIONS,
    hints: &[
        "Is it w or v that is wrong, and is it wrong with nesterov only?",
        "First the velocity, v = mu * v + g: no learning rate in it, and no factor 1 - mu. Then the direction, which is \
         the new v, or g + mu * v with nesterov. At last w = w - lr * direction. Return both.",
        "w = 1, g = 2, v = 10, lr = 0.1, mu = 0.5.\n\
         v = 0.5 * 10 + 2 = 7; w = 1 - 0.1 * 7 = 0.3\n\
         With nesterov: direction = 2 + 0.5 * 7 = 5.5; w = 1 - 0.1 * 5.5 = 0.45, and v = 7 as before.",
    ],
    ..Exercise::DEFAULTS
};

fn arguments(w: Array1<f64>, g: Array1<f64>, v: Array1<f64>, [lr, mu]: [f64; 2], nesterov: bool) -> Vec<Value> {
    vec![w.into(), g.into(), v.into(), Value::Float(lr), Value::Float(mu), Value::Bool(nesterov)]
}

fn probes() -> Vec<Probe> {
    let mut numbers = Numbers::stream(701);
    let one = |nesterov| arguments(array![1.0], array![2.0], array![10.0], [0.1, 0.5], nesterov);
    let mut probes = vec![
        Probe::ordinary("one weight that is moving already", one(false)),
        Probe::ordinary("one weight that is moving already, with nesterov", one(true)),
    ];
    for (n, lr, mu, nesterov, label) in [
        (3, 0.1, 0.9, false, "3 weights, momentum 0.9"),
        (5, 0.05, 0.9, true, "5 weights, momentum 0.9, with nesterov"),
        (7, 0.3, 0.6, false, "7 weights, momentum 0.6"),
    ] {
        let mut reals = || numbers.reals([n], -2.0, 2.0);
        probes.push(Probe::ordinary(label, arguments(reals(), reals(), reals(), [lr, mu], nesterov)));
    }
    let mut reals = || numbers.reals([4], -2.0, 2.0);
    let zeros = || Array1::zeros(4);
    probes.extend([
        Probe::hard("the first step", arguments(reals(), reals(), zeros(), [0.1, 0.9], false)),
        Probe::hard("the first step, with nesterov", arguments(reals(), reals(), zeros(), [0.1, 0.9], true)),
        Probe::hard("no gradient: the weights roll on", arguments(reals(), zeros(), reals(), [0.1, 0.9], true)),
        Probe::hard("no momentum", arguments(reals(), reals(), reals(), [0.1, 0.0], true)),
        Probe::hard("a tiny learning rate", arguments(reals(), reals(), reals(), [1e-4, 0.99], false)),
    ]);
    probes
}

/// One of the numbers that a step changes.
#[derive(Clone, Copy)]
struct Weight {
    w: f64,
    g: f64,
    v: f64,
}

struct Settings {
    lr: f64,
    mu: f64,
    nesterov: bool,
}

/// The new weights and velocities when every weight makes `step`.
fn each(arguments: &[Value], step: fn(Weight, &Settings) -> (f64, f64)) -> Outcome {
    let settings = Settings { lr: float(arguments, 3), mu: float(arguments, 4), nesterov: boolean(arguments, 5) };
    let array = |index: usize| floats::<Ix1>(arguments, index).to_owned();
    let (mut w, g, mut v) = (array(0), array(1), array(2));
    Zip::from(&mut w).and(&g).and(&mut v).for_each(|w, &g, v| (*w, *v) = step(Weight { w: *w, g, v: *v }, &settings));
    returns(Value::Tuple(vec![w.into(), v.into()]))
}

fn right(at: Weight, s: &Settings) -> (f64, f64) {
    let v = s.mu * at.v + at.g;
    (at.w - s.lr * direction(at.g, v, s), v)
}

fn direction(g: f64, v: f64, s: &Settings) -> f64 {
    if s.nesterov { g + s.mu * v } else { v }
}

fn reference(arguments: &[Value]) -> Outcome {
    each(arguments, right)
}

const MISCONCEPTIONS: &[Misconception] = &[
    Misconception {
        id: "state-not-kept",
        title: "the weights are right, but the velocity that comes back is the old one",
        explanation: "The next step starts from what this one returns. A velocity that stays what it was never builds up: \
                      you pay for momentum and get plain gradient descent with a constant push.",
        question: "Which velocity does your second step start from?",
        see: ("dls-c2", "W2 Gradient descent with momentum"),
        behaviour: |arguments| each(arguments, |at, s| (right(at, s).0, at.v)),
    },
    Misconception {
        id: "momentum-ignored",
        title: "the old velocity is thrown away, v = g",
        explanation: "Without mu * v there is no memory and no momentum. In a long narrow valley the gradient jumps from \
                      side to side; it is the sum over several steps that points along it.",
        question: "Where does the velocity of the step before enter?",
        see: ("dls-c2", "W2 Gradient descent with momentum"),
        behaviour: |arguments| each(arguments, |at, s| (at.w - s.lr * direction(at.g, at.g, s), at.g)),
    },
    Misconception {
        id: "momentum-averaged",
        title: "the gradient is scaled by 1 - mu, v = mu * v + (1 - mu) * g",
        explanation: "That is the averaged form, which Andrew Ng's course uses. It is the same method with a learning rate \
                      that is 1 / (1 - mu) times as large, so settings do not carry over: 10 times at mu = 0.9. Here, as \
                      in PyTorch, v is a sum.",
        question: "With a gradient of 1 for ever, should v settle at 1 or at 1 / (1 - mu)?",
        see: ("pytorch-docs", "torch.optim.SGD"),
        behaviour: |arguments| {
            each(arguments, |at, s| {
                let v = s.mu * at.v + (1.0 - s.mu) * at.g;
                (at.w - s.lr * direction(at.g, v, s), v)
            })
        },
    },
    Misconception {
        id: "rate-in-velocity",
        title: "the learning rate is multiplied into the velocity, v = mu * v + lr * g and w = w - v",
        explanation: "With a constant rate the weights go the same way, but v has another unit. As soon as a schedule lowers \
                      lr, the old velocity still carries the old rate. PyTorch keeps v in units of the gradient and \
                      multiplies by lr at the end.",
        question: "If lr is set to 0 now, should the weights still move?",
        see: ("cs231n", "notes: neural-networks-3, parameter updates"),
        behaviour: |arguments| {
            each(arguments, |at, s| {
                let v = s.mu * at.v + s.lr * at.g;
                (at.w - if s.nesterov { s.lr * at.g + s.mu * v } else { v }, v)
            })
        },
    },
    Misconception {
        id: "sign-flipped",
        title: "the weights go with the velocity and not against it",
        explanation: "v is a sum of gradients, and gradients point uphill. Going down means w - lr * v.",
        question: "g is positive: should w grow or shrink?",
        see: ("cs231n", "notes: neural-networks-3, parameter updates"),
        behaviour: |arguments| {
            each(arguments, |at, s| {
                let (w, v) = right(at, s);
                (2.0 * at.w - w, v)
            })
        },
    },
    Misconception {
        id: "velocity-sign-mixed",
        title: "the gradient is subtracted from the velocity, v = mu * v - g, and the velocity from the weights",
        explanation: "There are two conventions: v = mu * v + g with w - lr * v, and v = mu * v - lr * g with w + v. Half of \
                      each climbs the hill: minus times minus.",
        question: "How many minus signs are there between g and w in your code?",
        see: ("cs231n", "notes: neural-networks-3, parameter updates"),
        behaviour: |arguments| {
            each(arguments, |at, s| {
                let v = s.mu * at.v - at.g;
                (at.w - s.lr * direction(-at.g, v, s), v)
            })
        },
    },
    Misconception {
        id: "updated-after-use",
        title: "the weights take the old velocity, and only then is the velocity updated",
        explanation: "This step's gradient would arrive one step late, and the first step would not move at all. First \
                      v = mu * v + g, then w.",
        question: "In the first step v is zero. Does w move?",
        see: ("dls-c2", "W2 Gradient descent with momentum"),
        behaviour: |arguments| {
            each(arguments, |at, s| {
                let (_, v) = right(at, s);
                (at.w - s.lr * if s.nesterov { at.g + s.mu * v } else { at.v }, v)
            })
        },
    },
    Misconception {
        id: "nesterov-ignored",
        title: "nesterov changes nothing: the weights always go along the new velocity",
        explanation: "With nesterov the direction is g + mu * v with the new v: the velocity that the next step would have \
                      if the gradient stayed the same. With the old v, g + mu * v is the new velocity itself, and \
                      nothing has been looked ahead at.",
        question: "Which v stands in your g + mu * v, the old one or the new one?",
        see: ("cs231n", "notes: neural-networks-3, parameter updates"),
        behaviour: |arguments| each(arguments, |at, s| right(at, &Settings { nesterov: false, ..*s })),
    },
    Misconception {
        id: "nesterov-always",
        title: "the look-ahead is taken whether nesterov is asked for or not",
        explanation: "Without nesterov the weights go along v itself. g + mu * v is for nesterov only.",
        question: "Where does your code read nesterov?",
        see: ("cs231n", "notes: neural-networks-3, parameter updates"),
        behaviour: |arguments| each(arguments, |at, s| right(at, &Settings { nesterov: true, ..*s })),
    },
    Misconception {
        id: "nesterov-sign-flipped",
        title: "the look-ahead looks back: g - mu * v",
        explanation: "Looking ahead means going on along the velocity, so mu * v is added. Subtracted, the momentum works \
                      against itself in every step.",
        question: "If g is zero and v positive, does w roll on or turn round?",
        see: ("cs231n", "notes: neural-networks-3, parameter updates"),
        behaviour: |arguments| {
            each(arguments, |at, s| {
                let (w, v) = right(at, s);
                (if s.nesterov { at.w - s.lr * (at.g - s.mu * v) } else { w }, v)
            })
        },
    },
    Misconception {
        id: "nesterov-gradient-missing",
        title: "with nesterov the weights go along mu * v alone, without the gradient",
        explanation: "mu * v is the part of the next velocity that is known already; the gradient that the next step would \
                      add, taken to be g again, is the other part.",
        question: "Which two terms make up the next velocity?",
        see: ("pytorch-docs", "torch.optim.SGD"),
        behaviour: |arguments| {
            each(arguments, |at, s| {
                let (w, v) = right(at, s);
                (if s.nesterov { at.w - s.lr * s.mu * v } else { w }, v)
            })
        },
    },
];

#[cfg(test)]
mod tests {
    use striate_nn::optim::{Optimizer, Sgd};
    use striate_tensor::Tensor;

    use super::*;

    #[test]
    fn fifty_steps_are_those_of_the_toolkits_sgd() {
        for nesterov in [false, true] {
            let mut numbers = Numbers::stream(709);
            let settings = Settings { lr: 0.05, mu: 0.9, nesterov };
            let mut own: Vec<[f64; 2]> = (0..4).map(|_| [numbers.real(-1.0, 1.0), 0.0]).collect();
            let w = Tensor::from_vec(own.iter().map(|[w, _]| *w).collect(), &[4]).requires_grad_(true);
            let toolkit = Sgd::new(vec![("w".to_string(), w.clone())], settings.lr);
            let mut toolkit = toolkit.momentum(settings.mu).nesterov(nesterov);
            for step in 1..=50 {
                let g: Array1<f64> = numbers.reals([4], -1.0, 1.0);
                toolkit.zero_grad();
                (&w * &Tensor::from_vec(g.to_vec(), &[4])).sum_all().backward();
                toolkit.step();
                for ((state, &g), toolkit) in own.iter_mut().zip(&g).zip(w.to_vec::<f64>()) {
                    *state = right(Weight { w: state[0], g, v: state[1] }, &settings).into();
                    assert!((toolkit - state[0]).abs() < 1e-12, "step {step}: {toolkit} and {}", state[0]);
                }
            }
        }
    }
}
