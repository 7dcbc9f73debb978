//! `adam`: one step of Adam, with decoupled weight decay.

use ndarray::{Array1, Ix1, array};

use crate::exercise::{Exercise, Kind, Misconception, Outcome, Parameter, Probe, Signature};
use crate::exercises::arguments::{f64_array, float, float_named, floats, int, int_named, returns};
use crate::exercises::numbers::Numbers;
use crate::value::Value;

/// The exercise.
pub static ADAM: Exercise = Exercise {
    id: "adam",
    station: "optimizers",
    task: "Make step number t of Adam, and return the new weights and both new moments (as they are, not corrected).\n\
           m and v are running means of the gradient and of its square, with the shares b1 and b2 of the old.\n\
           They start from zero and so begin too small: divide by 1 - b1**t and 1 - b2**t before you use them.\n\
           The weights go against corrected m / (sqrt(corrected v) + eps), times lr.\n\
           Besides, every weight loses lr * decay of itself, which no moment sees (AdamW; decay = 0 is Adam).\n\
           The caller's arrays stay as they are.",
    signature: Signature {
        name: "adam",
        parameters: &[
            f64_array("w", &["n"], "weights"),
            f64_array("g", &["n"], "gradient of the loss at w"),
            f64_array("m", &["n"], "running mean of the gradient after the step before"),
            f64_array("v", &["n"], "running mean of its square after the step before"),
            int_named("t", "number of this step; the first is 1"),
            float_named("lr", "learning rate"),
            float_named("b1", "share of the old m, from 0 to below 1"),
            float_named("b2", "share of the old v, from 0 to below 1"),
            float_named("eps", "keeps the division finite"),
            float_named("decay", "weight decay, 0 for none"),
        ],
        returns: Parameter {
            name: "next",
            kind: Kind::Tuple(&[
                f64_array("w", &["n"], "weights after the step"),
                f64_array("m", &["n"], "running mean of the gradient after the step"),
                f64_array("v", &["n"], "running mean of its square after the step"),
            ]),
            meaning: "what the next step starts from",
        },
    },
    probes,
    reference,
    misconceptions: MISCONCEPTIONS,
    hints: &[
        "Compare m and v first: they must be right before w can be. Then look at the first step alone, t = 1.",
        "Five lines: m = b1*m + (1-b1)*g; v = b2*v + (1-b2)*g**2; m_hat = m / (1 - b1**t); v_hat = v / (1 - b2**t); \
         w = w - lr * (m_hat / (sqrt(v_hat) + eps) + decay * w). m_hat and v_hat are for this step only: return m and v.",
        "w = 1, g = 2, m = v = 0, t = 1, lr = 0.1, b1 = 0.9, b2 = 0.999, eps = 0, decay = 0.\n\
         m = 0.2, v = 0.004; m_hat = 0.2 / 0.1 = 2, v_hat = 0.004 / 0.001 = 4; w = 1 - 0.1 * 2 / 2 = 0.9.\n\
         The same gradient again, t = 2: m = 0.38, v = 0.007996; m_hat = 0.38 / 0.19 = 2, v_hat = 4; w = 0.8.",
    ],
    ..Exercise::DEFAULTS
};

fn probes() -> Vec<Probe> {
    let mut numbers = Numbers::stream(711);
    let usual = Settings { lr: 0.1, b1: 0.9, b2: 0.999, eps: 1e-8, decay: 0.0 };
    let fast = Settings { lr: 0.05, b1: 0.8, b2: 0.95, eps: 0.01, decay: 0.0 };
    let mut training = Training::new(array![1.0], usual);
    let mut probes = vec![Probe::ordinary("the first step, one weight", training.arguments(array![2.0]))];
    training.advance(array![2.0]);
    probes.push(Probe::ordinary("the second step, one weight", training.arguments(array![-1.0])));
    training.advance(array![-1.0]);
    probes.push(Probe::ordinary("the third step, one weight", training.arguments(array![0.5])));
    for (steps, n, settings, label) in [
        (3, 3, fast, "the fourth step, 3 weights, eps 0.01"),
        (6, 5, Settings { decay: 0.1, ..fast }, "the seventh step, 5 weights, weight decay 0.1"),
        (24, 4, usual, "the 25th step, 4 weights"),
    ] {
        let mut training = Training::new(numbers.reals([n], -2.0, 2.0), settings);
        for _ in 0..steps {
            training.advance(numbers.reals([n], -2.0, 2.0));
        }
        probes.push(Probe::ordinary(label, training.arguments(numbers.reals([n], -2.0, 2.0))));
    }
    let mut training = Training::new(numbers.reals([3], -1.0, 1.0), Settings { lr: 0.01, ..usual });
    training.advance(numbers.reals([3], -1e-6, 1e-6));
    probes.push(Probe::hard("gradients of a millionth", training.arguments(numbers.reals([3], -1e-6, 1e-6))));
    let still = Training::new(array![0.5, -2.0], Settings { decay: 0.3, ..usual });
    probes.push(Probe::hard("no gradient yet, weight decay 0.3", still.arguments(array![0.0, 0.0])));
    let mut training = Training::new(numbers.reals([3], -1.0, 1.0), usual);
    training.advance(numbers.reals([3], -1.0, 1.0));
    training.t = 5000;
    probes.push(Probe::hard("step 5000", training.arguments(numbers.reals([3], -1.0, 1.0))));
    let memoryless = Training::new(array![1.0, -1.0], Settings { b1: 0.0, b2: 0.0, ..usual });
    probes.push(Probe::hard("no memory, b1 = b2 = 0", memoryless.arguments(array![3.0, -0.2])));
    probes
}

#[derive(Clone, Copy)]
pub(crate) struct Settings {
    pub(crate) lr: f64,
    pub(crate) b1: f64,
    pub(crate) b2: f64,
    pub(crate) eps: f64,
    pub(crate) decay: f64,
}

/// A training that is under way: where the probes' moments come from.
pub(crate) struct Training {
    pub(crate) w: Array1<f64>,
    pub(crate) m: Array1<f64>,
    pub(crate) v: Array1<f64>,
    pub(crate) t: i64,
    pub(crate) settings: Settings,
}

impl Training {
    fn new(w: Array1<f64>, settings: Settings) -> Self {
        let zeros = Array1::zeros(w.len());
        Training { w, m: zeros.clone(), v: zeros, t: 1, settings }
    }

    fn of(arguments: &[Value]) -> Self {
        let array = |index: usize| floats::<Ix1>(arguments, index).to_owned();
        let [lr, b1, b2, eps, decay] = [5, 6, 7, 8, 9].map(|index| float(arguments, index));
        let settings = Settings { lr, b1, b2, eps, decay };
        Training { w: array(0), m: array(2), v: array(3), t: int(arguments, 4), settings }
    }

    fn arguments(&self, g: Array1<f64>) -> Vec<Value> {
        let Settings { lr, b1, b2, eps, decay } = self.settings;
        let mut arguments = vec![self.w.clone().into(), g.into(), self.m.clone().into(), self.v.clone().into()];
        arguments.push(Value::Int(self.t));
        arguments.extend([lr, b1, b2, eps, decay].map(Value::Float));
        arguments
    }

    fn advance(&mut self, g: Array1<f64>) {
        self.step(&g, &RIGHT);
    }

    pub(crate) fn step(&mut self, g: &Array1<f64>, rule: &Rule) {
        let Settings { lr, b1, b2, eps, decay } = self.settings;
        let (c1, c2) = ((rule.first_correction)(b1, self.t as f64), (rule.second_correction)(b2, self.t as f64));
        for at in 0..self.w.len() {
            let g = g[at] + if rule.decay_in_gradient { decay * self.w[at] } else { 0.0 };
            let m = (rule.first)(self.m[at], g, b1);
            let v = (rule.second)(self.v[at], g, b2);
            let direction = m / c1 / (rule.denominator)(v, c2, eps);
            self.w[at] -= rule.sign * lr * direction + (rule.decay)(lr, decay) * self.w[at];
            (self.m[at], self.v[at]) = if rule.stores_corrected { (m / c1, v / c2) } else { (m, v) };
        }
        self.t += 1;
    }
}

/// How a step is made; every misconception is one wrong setting.
pub(crate) struct Rule {
    pub(crate) first: fn(f64, f64, f64) -> f64,
    pub(crate) second: fn(f64, f64, f64) -> f64,
    pub(crate) first_correction: fn(f64, f64) -> f64,
    pub(crate) second_correction: fn(f64, f64) -> f64,
    pub(crate) denominator: fn(f64, f64, f64) -> f64,
    pub(crate) decay: fn(f64, f64) -> f64,
    pub(crate) decay_in_gradient: bool,
    pub(crate) stores_corrected: bool,
    pub(crate) sign: f64,
}

pub(crate) const RIGHT: Rule = Rule {
    first: |m, g, beta| beta * m + (1.0 - beta) * g,
    second: |v, g, beta| beta * v + (1.0 - beta) * g * g,
    first_correction: correction,
    second_correction: correction,
    denominator: |v, correction, eps| (v / correction).sqrt() + eps,
    decay: |lr, decay| lr * decay,
    decay_in_gradient: false,
    stores_corrected: false,
    sign: 1.0,
};

pub(crate) fn correction(beta: f64, t: f64) -> f64 {
    1.0 - beta.powf(t)
}

fn with(arguments: &[Value], rule: &Rule) -> Outcome {
    let mut training = Training::of(arguments);
    training.step(&floats(arguments, 1).to_owned(), rule);
    let Training { w, m, v, .. } = training;
    returns(Value::Tuple(vec![w.into(), m.into(), v.into()]))
}

fn reference(arguments: &[Value]) -> Outcome {
    with(arguments, &RIGHT)
}

const MISCONCEPTIONS: &[Misconception] = &[
    Misconception {
        id: "bias-correction-missing",
        title: "the moments are used as they are, without bias correction",
        explanation: "m and v start at zero and are too small at first: m by a factor of 0.1, sqrt(v) by 0.03. The first \
                      step comes out about three times too long, the moment you can least afford it. Divide by 1 - b1**t \
                      and 1 - b2**t.",
        question: "In the first step m is (1 - b1) * g. What is it an estimate of, and by which factor is it off?",
        see: ("dls-c2", "W2 Bias correction in exponentially weighted averages"),
        behaviour: |arguments| {
            with(arguments, &Rule { first_correction: |_, _| 1.0, second_correction: |_, _| 1.0, ..RIGHT })
        },
    },
    Misconception {
        id: "bias-correction-without-power",
        title: "the moments are divided by 1 - b1 and 1 - b2, whatever t is",
        explanation: "That is right in the first step only. After t steps a running mean has gathered the share \
                      1 - b1**t, which goes to 1. Without the power m comes out 10 times and sqrt(v) 31 times too large, \
                      and the steps shrink to a third.",
        question: "What should the correction be after a thousand steps?",
        see: ("dls-c2", "W2 Bias correction in exponentially weighted averages"),
        behaviour: |arguments| {
            let constant = |beta: f64, _| 1.0 - beta;
            with(arguments, &Rule { first_correction: constant, second_correction: constant, ..RIGHT })
        },
    },
    Misconception {
        id: "step-count-late",
        title: "the correction uses t - 1 in place of t",
        explanation: "Step number t has already put t gradients into m. With t - 1 the first step divides by 1 - b1**0 = 0, \
                      and the weights are not numbers any more. (Whoever counts from 0 has to add 1 first.)",
        question: "What is 1 - b1**(t - 1) in the first step?",
        see: ("pytorch-docs", "torch.optim.Adam"),
        behaviour: |arguments| {
            let late = |beta, t| correction(beta, t - 1.0);
            with(arguments, &Rule { first_correction: late, second_correction: late, ..RIGHT })
        },
    },
    Misconception {
        id: "step-count-early",
        title: "the correction uses t + 1 in place of t",
        explanation: "t is the number of this step and starts at 1, so it is raised once per step, by the caller. Raised \
                      again inside, the first step corrects by 1 - b1**2, and falls short.",
        question: "With t = 1, m = (1 - b1) * g. By what must it be divided to give g?",
        see: ("pytorch-docs", "torch.optim.Adam"),
        behaviour: |arguments| {
            let early = |beta, t| correction(beta, t + 1.0);
            with(arguments, &Rule { first_correction: early, second_correction: early, ..RIGHT })
        },
    },
    Misconception {
        id: "corrected-moments-stored",
        title: "the corrected moments are returned and become the next step's state",
        explanation: "The correction is for using a moment, not for keeping it. Stored, it is applied again in the next \
                      step and piles up. The weights are perfect in the first step and wrong from the second on, which is \
                      why a test of one step does not see it.",
        question: "With t = 1 and m = 0, should the m that you return be g or (1 - b1) * g?",
        see: ("pytorch-docs", "torch.optim.Adam"),
        behaviour: |arguments| with(arguments, &Rule { stores_corrected: true, ..RIGHT }),
    },
    Misconception {
        id: "first-moment-uncorrected",
        title: "v is corrected and m is not",
        explanation: "Both start at zero. In the first step m is a tenth of the gradient and the corrected v all of its square: \
                      the step is a tenth of what it should be, and it takes dozens of steps to get going.",
        question: "How large is m in the first step, and how large is g?",
        see: ("dls-c2", "W2 Adam optimization algorithm"),
        behaviour: |arguments| with(arguments, &Rule { first_correction: |_, _| 1.0, ..RIGHT }),
    },
    Misconception {
        id: "second-moment-uncorrected",
        title: "m is corrected and v is not",
        explanation: "Both start at zero, and v is the one that needs it most: with b2 = 0.999 it takes a thousand steps \
                      to fill. Uncorrected, the first step is 31 times too long.",
        question: "How large is v in the first step, and how large is g**2?",
        see: ("dls-c2", "W2 Adam optimization algorithm"),
        behaviour: |arguments| with(arguments, &Rule { second_correction: |_, _| 1.0, ..RIGHT }),
    },
    Misconception {
        id: "eps-inside-root",
        title: "eps is added inside the root, sqrt(v_hat + eps)",
        explanation: "With eps = 1e-8 that acts like 1e-4 outside: sqrt(1e-8) = 1e-4. Where gradients are that small the \
                      steps are too short. sqrt(v_hat) + eps is the published rule.",
        question: "If v_hat is 0, what does your code divide by?",
        see: ("pytorch-docs", "torch.optim.Adam"),
        behaviour: |arguments| {
            with(arguments, &Rule { denominator: |v, correction, eps| (v / correction + eps).sqrt(), ..RIGHT })
        },
    },
    Misconception {
        id: "eps-before-correction",
        title: "eps is added to sqrt(v) before v is corrected",
        explanation: "lr * sqrt(1 - b2**t) / (1 - b1**t) * m / (sqrt(v) + eps) saves a division, but its eps is worth \
                      eps / sqrt(1 - b2**t): 31 times as much in the first step. Correct v, take the root, then add.",
        question: "Is v corrected already where you add eps?",
        see: ("pytorch-docs", "torch.optim.Adam"),
        behaviour: |arguments| {
            with(arguments, &Rule { denominator: |v, correction, eps| (v.sqrt() + eps) / correction.sqrt(), ..RIGHT })
        },
    },
    Misconception {
        id: "old-moment-lost",
        title: "the old moments are not multiplied in: m = b1 + (1 - b1) * g",
        explanation: "A slip of one * m, and it runs without an error: a constant 0.9 takes the place of the history. \
                      m = b1 * m + (1 - b1) * g, and the same for v.",
        question: "Does your new m depend on the old m?",
        see: ("dls-c2", "W2 Adam optimization algorithm"),
        behaviour: |arguments| {
            let rule = Rule {
                first: |_, g, beta| beta + (1.0 - beta) * g,
                second: |_, g, beta| beta + (1.0 - beta) * g * g,
                ..RIGHT
            };
            with(arguments, &rule)
        },
    },
    Misconception {
        id: "squares-summed",
        title: "v is the sum of all squared gradients and never fades",
        explanation: "That is Adagrad. The sum only grows, so the steps shrink towards nothing, however the loss looks. \
                      v = b2 * v + (1 - b2) * g**2 forgets what is a thousand steps old.",
        question: "Can your v become smaller from one step to the next?",
        see: ("dlbook", "8.5 Algorithms with Adaptive Learning Rates"),
        behaviour: |arguments| with(arguments, &Rule { second: |v, g, _| v + g * g, ..RIGHT }),
    },
    Misconception {
        id: "gradient-not-squared",
        title: "v is a running mean of the gradient and not of its square",
        explanation: "The root of a negative number is not a number, and a gradient that changes its sign would look like \
                      a small one. v measures size: g**2.",
        question: "What is sqrt(v) if the gradients were negative?",
        see: ("dls-c2", "W2 RMSprop"),
        behaviour: |arguments| with(arguments, &Rule { second: |v, g, beta| beta * v + (1.0 - beta) * g, ..RIGHT }),
    },
    Misconception {
        id: "root-missing",
        title: "the step is divided by the corrected v itself and not by its root",
        explanation: "m / v has the unit of 1 / g: small gradients would make huge steps. m / sqrt(v) has no unit, and that \
                      is the point: the step is about lr, however the loss is scaled.",
        question: "If the loss is multiplied by 10, how does your step change?",
        see: ("dls-c2", "W2 RMSprop"),
        behaviour: |arguments| {
            with(arguments, &Rule { denominator: |v, correction, eps| v / correction + eps, ..RIGHT })
        },
    },
    Misconception {
        id: "betas-swapped",
        title: "b1 and b2 have changed places",
        explanation: "b1 belongs to m, the mean of the gradient, and is the shorter memory (0.9, ten steps). b2 belongs to v \
                      (0.999, a thousand steps).",
        question: "Which of the two should follow a change of direction faster?",
        see: ("dls-c2", "W2 Adam optimization algorithm"),
        behaviour: |arguments| {
            let mut swapped = arguments.to_vec();
            swapped.swap(6, 7);
            with(&swapped, &RIGHT)
        },
    },
    Misconception {
        id: "decay-coupled",
        title: "the weight decay is added to the gradient and runs through the moments",
        explanation: "g + decay * w is L2 regularisation. In Adam it is divided by sqrt(v) like everything else, so weights \
                      with large gradients hardly decay. AdamW takes lr * decay * w off directly, from all alike.",
        question: "Do m and v change when only decay changes?",
        see: ("pytorch-docs", "torch.optim.AdamW"),
        behaviour: |arguments| with(arguments, &Rule { decay_in_gradient: true, decay: |_, _| 0.0, ..RIGHT }),
    },
    Misconception {
        id: "decay-ignored",
        title: "weights do not decay",
        explanation: "Every weight loses lr * decay of itself in each step, besides what Adam does.",
        question: "Where does your code use decay?",
        see: ("pytorch-docs", "torch.optim.AdamW"),
        behaviour: |arguments| with(arguments, &Rule { decay: |_, _| 0.0, ..RIGHT }),
    },
    Misconception {
        id: "decay-without-rate",
        title: "the weights lose decay of themselves and not lr * decay",
        explanation: "As in PyTorch the decay is multiplied by the learning rate, so that a schedule calms both. With lr = \
                      0.001 forgetting it makes the decay a thousand times too strong.",
        question: "With lr = 0, should a weight change?",
        see: ("pytorch-docs", "torch.optim.AdamW"),
        behaviour: |arguments| with(arguments, &Rule { decay: |_, decay| decay, ..RIGHT }),
    },
    Misconception {
        id: "sign-flipped",
        title: "the weights go with the gradient and not against it",
        explanation: "m points uphill, as every gradient does. Going down means subtracting.",
        question: "In the first step with g positive, should w grow or shrink?",
        see: ("dls-c2", "W2 Adam optimization algorithm"),
        behaviour: |arguments| with(arguments, &Rule { sign: -1.0, ..RIGHT }),
    },
];

#[cfg(test)]
mod tests {
    use striate_nn::optim::{AdamW, Optimizer, ParameterGroup};
    use striate_tensor::Tensor;

    use super::*;

    #[test]
    fn a_hundred_steps_are_those_of_the_toolkits_adamw() {
        let mut numbers = Numbers::stream(719);
        let settings = Settings { lr: 0.01, b1: 0.9, b2: 0.99, eps: 1e-6, decay: 0.1 };
        let mut training = Training::new(numbers.reals([5], -1.0, 1.0), settings);
        let w = Tensor::from_vec(training.w.to_vec(), &[5]).requires_grad_(true);
        let group = ParameterGroup::new(vec![("w".to_string(), w.clone())]).weight_decay(settings.decay);
        let mut toolkit = AdamW::new(vec![group], settings.lr).betas(settings.b1, settings.b2).epsilon(settings.eps);
        for step in 1..=100 {
            let g: Array1<f64> = numbers.reals([5], -1.0, 1.0);
            toolkit.zero_grad();
            (&w * &Tensor::from_vec(g.to_vec(), &[5])).sum_all().backward();
            toolkit.step();
            training.advance(g);
            for (toolkit, own) in w.to_vec::<f64>().iter().zip(&training.w) {
                assert!((toolkit - own).abs() < 1e-12, "step {step}: {toolkit} and {own}");
            }
        }
    }
}
