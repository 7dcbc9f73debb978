//! `entropy_kl`: how surprising, and how much more surprising than thought.

use ndarray::{Array1, ArrayView1};

use crate::exercise::{Exercise, Kind, Misconception, Outcome, Parameter, Probe, Property, Signature};
use crate::exercises::arguments::{f64_array, floats, rejects, returns};
use crate::exercises::numbers::Numbers;
use crate::value::Value;

/// The exercise.
pub static ENTROPY_KL: Exercise = Exercise {
    id: "entropy_kl",
    station: "probability-stability",
    task: "Return the entropy of p and the Kullback-Leibler divergence of p from q, in nats (natural logarithm):\n\
           H(p) = - sum of p[k] * log(p[k])    KL(p, q) = sum of p[k] * log(p[k] / q[k]).\n\
           p and q are weights: divide each by its own sum first. 0 * log(0) counts as 0, and KL is infinite where\n\
           q is 0 and p is not. Refuse weights that are negative, or all 0, with an error.",
    signature: Signature {
        name: "entropy_kl",
        parameters: &[
            f64_array("p", &["K"], "weights of what happens"),
            f64_array("q", &["K"], "weights of what was expected"),
        ],
        returns: Parameter {
            name: "result",
            kind: Kind::Tuple(&[
                Parameter { name: "entropy", kind: Kind::Float, meaning: "H(p) in nats" },
                Parameter { name: "kl", kind: Kind::Float, meaning: "KL(p, q) in nats, may be infinite" },
            ]),
            meaning: "the two numbers",
        },
    },
    probes,
    reference,
    misconceptions: MISCONCEPTIONS,
    properties: &[Property { title: "has no negative number", violated: negative }],
    hints: &[
        "Compute H and KL by hand for p = (1, 1), q = (1, 3). What are the probabilities?",
        "Normalise both. Keep only the places where p > 0: everything else contributes nothing. There, \
         H = -sum(p log p) and KL = sum(p (log p - log q)); where q is 0, log q is minus infinity, and KL becomes infinite \
         by itself (np.errstate keeps it quiet).",
        "p = (1, 1) / 2, q = (1, 3) / 4. H = log 2 = 0.6931. KL = 0.5 log(0.5 / 0.25) + 0.5 log(0.5 / 0.75) = \
         0.3466 - 0.2027 = 0.1438.",
    ],
    ..Exercise::DEFAULTS
};

fn probes() -> Vec<Probe> {
    let mut numbers = Numbers::stream(601);
    let weights = |p: &[f64], q: &[f64]| vec![Array1::from(p.to_vec()).into(), Array1::from(q.to_vec()).into()];
    let mut probabilities = |k: usize| {
        let weights: Array1<f64> = numbers.reals(k, 0.2, 1.0);
        let sum = weights.sum();
        weights / sum
    };
    vec![
        Probe::ordinary("a fair coin, expected to be unfair", weights(&[0.5, 0.5], &[0.25, 0.75])),
        Probe::ordinary("5 probabilities", vec![probabilities(5).into(), probabilities(5).into()]),
        Probe::ordinary(
            "a die that was expected to be fair",
            weights(&[0.1, 0.1, 0.1, 0.1, 0.1, 0.5], &[1.0 / 6.0; 6]),
        ),
        Probe::ordinary("counts, which do not sum to 1", weights(&[3.0, 1.0, 6.0], &[2.0, 5.0, 1.0])),
        Probe::hard("p and q are the same", weights(&[0.2, 0.3, 0.5], &[0.2, 0.3, 0.5])),
        Probe::hard("a probability of 0 in p", weights(&[0.5, 0.0, 0.25, 0.25], &[0.25, 0.25, 0.25, 0.25])),
        Probe::hard("a probability of 0 in q where p has some", weights(&[0.5, 0.25, 0.25], &[0.5, 0.5, 0.0])),
        Probe::hard("a probability of 0 in both", weights(&[0.5, 0.5, 0.0], &[0.75, 0.25, 0.0])),
        Probe::hard("a certain outcome", weights(&[0.0, 1.0, 0.0], &[0.25, 0.5, 0.25])),
        Probe::hard("a single outcome", weights(&[2.0], &[5.0])),
        Probe::hard("probabilities of 1e-300", weights(&[1e-300, 1.0], &[1.0, 1e-300])),
        Probe::hard("a negative weight in p", weights(&[0.5, -0.25, 0.75], &[0.25, 0.25, 0.5])),
        Probe::hard("all weights of q are 0", weights(&[0.5, 0.5], &[0.0, 0.0])),
    ]
}

/// Both distributions as given, or the refusal.
fn accepted(arguments: &[Value], numbers: impl FnOnce(Array1<f64>, Array1<f64>) -> (f64, f64)) -> Outcome {
    let (p, q): (ArrayView1<'_, f64>, ArrayView1<'_, f64>) = (floats(arguments, 0), floats(arguments, 1));
    if p.iter().chain(q).any(|&weight| weight < 0.0) {
        return rejects("a weight is negative");
    }
    if p.sum() == 0.0 || q.sum() == 0.0 {
        return rejects("all weights are 0");
    }
    let (entropy, kl) = numbers(p.to_owned(), q.to_owned());
    returns(Value::Tuple(vec![Value::Float(entropy), Value::Float(kl)]))
}

/// Both normalised.
fn distributions(arguments: &[Value], numbers: impl FnOnce(&Array1<f64>, &Array1<f64>) -> (f64, f64)) -> Outcome {
    accepted(arguments, |p, q| numbers(&(&p / p.sum()), &(&q / q.sum())))
}

/// The sum of `term` over the places where p is not 0.
fn sum_over(p: &Array1<f64>, q: &Array1<f64>, term: impl Fn(f64, f64) -> f64) -> f64 {
    p.iter().zip(q).filter(|(p, _)| **p > 0.0).map(|(&p, &q)| term(p, q)).sum()
}

fn entropy(p: &Array1<f64>) -> f64 {
    // Not -sum: the entropy of a certain outcome is 0, and not -0.
    0.0 - sum_over(p, p, |p, _| p * p.ln())
}

fn divergence(p: &Array1<f64>, q: &Array1<f64>) -> f64 {
    sum_over(p, q, |p, q| p * (p.ln() - q.ln()))
}

fn reference(arguments: &[Value]) -> Outcome {
    distributions(arguments, |p, q| (entropy(p), divergence(p, q)))
}

fn negative(_: &[Value], result: &Value) -> Option<String> {
    let Value::Tuple(parts) = result else { return None };
    let negative = |part: &Value| matches!(part, Value::Float(x) if *x < -1e-12);
    parts.iter().position(negative).map(|part| format!("{} is negative", ["the entropy", "kl"][part]))
}

const MISCONCEPTIONS: &[Misconception] = &[
    Misconception {
        id: "zero-times-log-zero",
        title: "0 * log(0) gives NaN, and with it the sum",
        explanation: "log(0) is minus infinity, and 0 times infinity is not a number. The limit of p log p at 0 is 0: what \
                      never happens contributes no surprise. Sum over the places where p > 0.",
        question: "What does your language give for 0 * log(0)?",
        see: ("dlbook", "3.13 Information theory"),
        behaviour: |arguments| {
            distributions(arguments, |p, q| {
                let entropy = -p.mapv(|p| p * p.ln()).sum();
                (entropy, p.iter().zip(q).map(|(p, q)| p * (p / q).ln()).sum())
            })
        },
    },
    Misconception {
        id: "kl-order-swapped",
        title: "p and q have changed places in KL",
        explanation: "KL(p, q) averages over what really happens, p: what p says is likely weighs most. The other order \
                      averages over what was expected. The two differ: KL is no distance.",
        question: "By which of the two distributions is the logarithm weighted in your sum?",
        see: ("dlbook", "3.13 Information theory"),
        behaviour: |arguments| distributions(arguments, |p, q| (entropy(p), divergence(q, p))),
    },
    Misconception {
        id: "logarithm-base-two",
        title: "the logarithm is to base 2: the results are bits, not nats",
        explanation: "A fair coin has 1 bit = 0.6931 nats. Both are fine when they are named; losses use the natural \
                      logarithm, since its derivative is 1/p without a factor.",
        question: "What is the entropy of a fair coin in your code: 1 or 0.693?",
        see: ("dlbook", "3.13 Information theory"),
        behaviour: |arguments| {
            let bits = std::f64::consts::LN_2;
            distributions(arguments, |p, q| (entropy(p) / bits, divergence(p, q) / bits))
        },
    },
    Misconception {
        id: "not-normalized",
        title: "the weights are used as they are, without dividing by their sum",
        explanation: "The formulas hold for probabilities. With counts, p log p is something else: even negative entropies \
                      come out. Divide p and q by their own sums first.",
        question: "What do the numbers you put into the logarithm sum to?",
        see: ("dlbook", "3 Probability and information theory"),
        behaviour: |arguments| accepted(arguments, |p, q| (entropy(&p), divergence(&p, &q))),
    },
    Misconception {
        id: "epsilon-in-log",
        title: "1e-8 is added to every probability inside the logarithms",
        explanation: "It keeps log(0) away, and bends the result: the infinite KL of an impossible event becomes about 18 times \
                      its probability, a number that only says 1e-8. Leave out the places where p is 0 instead.",
        question: "What should KL be when something happens that q thought impossible?",
        see: ("dlbook", "4.1 Overflow and Underflow"),
        behaviour: |arguments| {
            distributions(arguments, |p, q| {
                let log = |x: f64| (x + 1e-8).ln();
                (-sum_over(p, q, |p, _| p * log(p)), sum_over(p, q, |p, q| p * (log(p) - log(q))))
            })
        },
    },
    Misconception {
        id: "sign-flipped",
        title: "the minus sign of the entropy is missing",
        explanation: "Logarithms of probabilities are negative; the minus makes the surprise positive. KL needs none: its \
                      ratio is already the right way up.",
        question: "Can a surprise be negative?",
        see: ("dlbook", "3.13 Information theory"),
        behaviour: |arguments| distributions(arguments, |p, q| (-entropy(p), divergence(p, q))),
    },
    Misconception {
        id: "impossible-skipped",
        title: "places where q is 0 are left out of KL",
        explanation: "Masking q > 0 avoids the division and hides the worst case: something happens that q called \
                      impossible. That is infinitely surprising, and KL has to say so. Mask where p is 0, not q.",
        question: "How surprised is a q that says 0 by an event that happens?",
        see: ("dlbook", "3.13 Information theory"),
        behaviour: |arguments| {
            distributions(arguments, |p, q| {
                let possible = |p: f64, q: f64| if q > 0.0 { p * (p.ln() - q.ln()) } else { 0.0 };
                (entropy(p), sum_over(p, q, possible))
            })
        },
    },
    Misconception {
        id: "cross-entropy-for-kl",
        title: "the cross-entropy - sum of p log q is returned in place of KL",
        explanation: "Cross-entropy = entropy + KL. For training the difference does not matter, since the entropy of the \
                      labels is a constant; but KL of p from itself is 0, and the cross-entropy is not.",
        question: "What does your function give for q equal to p?",
        see: ("dlbook", "3.13 Information theory"),
        behaviour: |arguments| distributions(arguments, |p, q| (entropy(p), -sum_over(p, q, |p, q| p * q.ln()))),
    },
    Misconception {
        id: "weights-missing",
        title: "the logarithms are summed without the weights p",
        explanation: "Entropy is an expected surprise: every surprise -log p[k] counts as often as it happens, p[k]. Without \
                      the weights a rare outcome decides everything.",
        question: "How often does the surprise of a rare outcome occur?",
        see: ("dlbook", "3.13 Information theory"),
        behaviour: |arguments| {
            distributions(arguments, |p, q| (-sum_over(p, q, |p, _| p.ln()), sum_over(p, q, |p, q| p.ln() - q.ln())))
        },
    },
    Misconception {
        id: "mean-where-sum",
        title: "the terms are averaged over the outcomes in place of summed",
        explanation: "The weights p already make it an average. Dividing by K once more gives a fair coin half its entropy.",
        question: "What is the entropy of a fair die, log(6), in your code?",
        see: ("dlbook", "3.8 Expectation, Variance and Covariance"),
        behaviour: |arguments| {
            distributions(arguments, |p, q| {
                let k = p.len() as f64;
                (entropy(p) / k, divergence(p, q) / k)
            })
        },
    },
];
