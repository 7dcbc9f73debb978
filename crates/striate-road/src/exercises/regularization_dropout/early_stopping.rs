//! `early_stopping`: when to stop, and which epoch's weights to keep.

use ndarray::{Array1, Ix1};

use crate::exercise::{Exercise, Kind, Misconception, Outcome, Parameter, Probe, Signature};
use crate::exercises::arguments::{count, f64_array, float, float_named, floats, int_named, returns};
use crate::exercises::numbers::Numbers;
use crate::value::Value;

/// The exercise.
pub static EARLY_STOPPING: Exercise = Exercise {
    id: "early_stopping",
    station: "regularization-dropout",
    task: "Given the loss on the development set after each epoch, return the epoch whose weights are to be kept, and the\n\
           epoch after which training stops. Epochs count from 0.\n\
           An epoch is better if its loss is below the best so far by more than min_delta; the first epoch is the best so\n\
           far at the start, if its loss is a number. Training stops after the epoch that completes `patience` epochs in a\n\
           row that are not better, or with the last one. A loss that is not a number is never better.",
    signature: Signature {
        name: "early_stopping",
        parameters: &[
            f64_array("losses", &["E"], "loss on the development set after each epoch; some may be NaN"),
            int_named("patience", "epochs in a row without improvement to put up with, 1 or more"),
            float_named("min_delta", "how much less counts as better, 0 or more"),
        ],
        returns: Parameter {
            name: "epochs",
            kind: Kind::Tuple(&[
                int_named("best", "epoch whose weights are kept"),
                int_named("last", "epoch after which training stops"),
            ]),
            meaning: "what is kept and where training stops",
        },
    },
    probes,
    reference,
    misconceptions: MISCONCEPTIONS,
    hints: &[
        "Write down, epoch by epoch: the loss, the best so far, and how many epochs in a row were not better.",
        "Start with best_loss = infinity and waited = 0. If loss < best_loss - min_delta: remember loss and epoch, and set \
         waited to 0. Otherwise waited += 1, and stop if waited == patience. Comparisons with NaN are false, so a NaN goes \
         the right way by itself.",
        "losses = [5, 3, 4, 3, 2], patience 2, min_delta 0: epoch 1 is better, 2 and 3 are not: stop after epoch 3, keep \
         epoch 1. The 2 is never seen.\n\
         With patience 3: epoch 4 is better, and the last: keep 4, stop after 4.",
    ],
    ..Exercise::DEFAULTS
};

fn probes() -> Vec<Probe> {
    let nan = f64::NAN;
    let arguments = |losses: &[f64], patience: i64, min_delta: f64| {
        vec![Array1::from(losses.to_vec()).into(), Value::Int(patience), Value::Float(min_delta)]
    };
    let mut probes = Vec::new();
    for (losses, patience, min_delta, label) in [
        (&[5.0, 3.0, 4.0, 3.0, 2.0][..], 2, 0.0, "a plateau, patience 2"),
        (&[5.0, 3.0, 4.0, 3.0, 2.0], 3, 0.0, "the same, patience 3"),
        (&[6.0, 4.0, 5.0, 3.0, 4.0, 2.0, 3.0, 4.0, 1.0], 2, 0.0, "up and down on the way to the bottom, patience 2"),
        (&[4.0, 3.75, 3.5, 3.25, 3.0, 2.75, 2.5], 2, 0.5, "slow progress, min_delta 0.5"),
        (&[4.0, 5.0, 4.75, 4.5, 4.25, 3.0], 3, 0.0, "a peak, and back down, patience 3"),
        (&[4.0, 4.25, 4.5, 4.0, 3.0], 3, 0.5, "a little worse, then better, min_delta 0.5"),
        (&[9.0, 8.0, 7.0, 6.0], 2, 0.5, "better in every epoch"),
        (&[4.0, 2.0, nan, 3.0, 1.0, 5.0], 2, 0.0, "a loss that is not a number"),
        (&[3.0, 2.0, nan, nan, nan], 4, 0.0, "training diverges"),
        (&[4.0, nan, 3.5, nan, nan, 1.0], 2, 0.25, "three losses that are not numbers"),
    ] {
        probes.push(Probe::ordinary(label, arguments(losses, patience, min_delta)));
    }
    for (losses, patience, min_delta, label) in [
        (&[2.0, 2.0, 2.0, 2.0][..], 3, 0.0, "the same loss in all epochs"),
        (&[3.0, 2.5, 2.25, 2.0], 2, 0.5, "better by exactly min_delta"),
        (&[1.0, 2.0, 3.0, 4.0, 5.0], 1, 0.0, "worse from the start, patience 1"),
        (&[1.0], 2, 0.1, "a single epoch"),
        (&[3.0, 4.0, 5.0], 10, 0.0, "more patience than epochs"),
        (&[nan, nan, 4.0, 3.0, 5.0], 3, 0.0, "not a number at the start"),
    ] {
        probes.push(Probe::hard(label, arguments(losses, patience, min_delta)));
    }
    let mut numbers = Numbers::stream(791);
    let curve: Vec<f64> =
        (0..60).map(|epoch| 1.0 + (f64::from(epoch) - 30.0).powi(2) / 900.0 + numbers.real(0.0, 0.1)).collect();
    probes.push(Probe::hard("a noisy curve of 60 epochs, patience 5", arguments(&curve, 5, 0.01)));
    probes
}

/// What has been seen when an epoch is judged.
struct Seen {
    best: f64,
    previous: f64,
    min_delta: f64,
}

/// How epochs are judged; every misconception is one wrong setting.
struct Rule {
    better: fn(f64, &Seen) -> bool,
    /// The best loss after an epoch that is not better.
    remembered: fn(f64, f64) -> f64,
    start: f64,
    /// Whether the epochs waited for go back to 0 with a better one.
    reset: bool,
    /// How many epochs more than patience are waited for.
    extra: f64,
    /// Whether a loss that is not a number is passed over, or ends training.
    skips_nan: bool,
    stops_at_nan: bool,
}

const RIGHT: Rule = Rule {
    better: |loss, seen| loss < seen.best - seen.min_delta,
    remembered: |best, _| best,
    start: f64::INFINITY,
    reset: true,
    extra: 0.0,
    skips_nan: false,
    stops_at_nan: false,
};

fn run(arguments: &[Value], rule: &Rule) -> (usize, usize) {
    let losses = floats::<Ix1>(arguments, 0);
    let limit = count(arguments, 1) as f64 + rule.extra;
    let mut seen = Seen { best: rule.start, previous: rule.start, min_delta: float(arguments, 2) };
    let (mut best, mut waited) = (0, 0.0);
    for (epoch, &loss) in losses.iter().enumerate() {
        if loss.is_nan() && rule.stops_at_nan {
            return (best, epoch);
        }
        if loss.is_nan() && rule.skips_nan {
            continue;
        }
        if (rule.better)(loss, &seen) {
            (best, seen.best) = (epoch, loss);
            waited = if rule.reset { 0.0 } else { waited };
        } else {
            seen.best = (rule.remembered)(seen.best, loss);
            waited += 1.0;
            if waited >= limit {
                return (best, epoch);
            }
        }
        seen.previous = loss;
    }
    (best, losses.len() - 1)
}

fn two((best, last): (usize, usize)) -> Outcome {
    returns(Value::Tuple([best, last].map(|epoch| Value::Int(epoch as i64)).into()))
}

fn with(arguments: &[Value], rule: &Rule) -> Outcome {
    two(run(arguments, rule))
}

fn reference(arguments: &[Value]) -> Outcome {
    with(arguments, &RIGHT)
}

const MISCONCEPTIONS: &[Misconception] = &[
    Misconception {
        id: "compared-with-previous",
        title: "an epoch is compared with the one before it and not with the best so far",
        explanation: "After a bad epoch nearly everything is an improvement, so training goes on long after the bottom, and \
                      what is kept is the last small step down from a peak.",
        question: "losses = [2, 9, 8]: is the 8 an improvement?",
        see: ("dlbook", "7.8 Early Stopping"),
        behaviour: |arguments| {
            with(arguments, &Rule { better: |loss, seen| loss < seen.previous - seen.min_delta, ..RIGHT })
        },
    },
    Misconception {
        id: "last-epoch-kept",
        title: "the weights of the last epoch are kept",
        explanation: "When patience runs out the network has been getting worse, or no better, for that many epochs. Save the \
                      weights at each improvement and go back to them.",
        question: "When training stops, how many epochs ago was the best one?",
        see: ("dlbook", "7.8 Early Stopping"),
        behaviour: |arguments| {
            let (_, last) = run(arguments, &RIGHT);
            two((last, last))
        },
    },
    Misconception {
        id: "future-seen",
        title: "the best epoch is the smallest of all losses, also of those after the stop",
        explanation: "np.argmin(losses) looks at epochs that were never trained. And among NaNs it returns the first NaN.",
        question: "At the moment when training stops, which losses are known?",
        see: ("dlbook", "7.8 Early Stopping"),
        behaviour: |arguments| {
            let losses = floats::<Ix1>(arguments, 0);
            let smallest = losses.iter().copied().fold(f64::INFINITY, f64::min);
            let at = |wanted: &dyn Fn(f64) -> bool| losses.iter().position(|&loss| wanted(loss));
            let best = at(&f64::is_nan).or_else(|| at(&|loss| loss == smallest)).unwrap_or(0);
            two((best, run(arguments, &RIGHT).1))
        },
    },
    Misconception {
        id: "never-stops",
        title: "training never stops: patience is not used",
        explanation: "Keeping the best weights is half of it; the other half is the time you save, and the luck you do not \
                      chase: of very many epochs some are good on the development set by chance.",
        question: "Where does your code use patience?",
        see: ("dlbook", "7.8 Early Stopping"),
        behaviour: |arguments| with(arguments, &Rule { extra: f64::INFINITY, ..RIGHT }),
    },
    Misconception {
        id: "patience-one-more",
        title: "training stops one epoch late: after more than patience epochs without improvement",
        explanation: "patience = 2 means: the second epoch in a row that is not better is the last. Compare with >=, or \
                      test after counting.",
        question: "With patience = 1, is an epoch that is not better the last one?",
        see: ("dlbook", "7.8 Early Stopping"),
        behaviour: |arguments| with(arguments, &Rule { extra: 1.0, ..RIGHT }),
    },
    Misconception {
        id: "patience-not-reset",
        title: "the epochs without improvement are counted over the whole training, and an improvement does not reset them",
        explanation: "Noise makes some epochs worse even on the way down. Patience is about epochs in a row: with every \
                      improvement the count starts again.",
        question: "What does an improvement do to your counter?",
        see: ("dlbook", "7.8 Early Stopping"),
        behaviour: |arguments| with(arguments, &Rule { reset: false, ..RIGHT }),
    },
    Misconception {
        id: "min-delta-ignored",
        title: "min_delta is not used: anything less is better",
        explanation: "Improvements in the fifth digit keep training alive for days. min_delta says what is worth an epoch.",
        question: "Where does your code use min_delta?",
        see: ("dlbook", "7.8 Early Stopping"),
        behaviour: |arguments| with(arguments, &Rule { better: |loss, seen| loss < seen.best, ..RIGHT }),
    },
    Misconception {
        id: "min-delta-added",
        title: "min_delta is added to the best loss: losses that are a little worse count as better",
        explanation: "Better means below best - min_delta. With a plus the best loss may climb, by min_delta in every epoch.",
        question: "best = 2, min_delta = 0.5: is 2.4 better?",
        see: ("dlbook", "7.8 Early Stopping"),
        behaviour: |arguments| {
            with(arguments, &Rule { better: |loss, seen| loss < seen.best + seen.min_delta, ..RIGHT })
        },
    },
    Misconception {
        id: "best-creeps",
        title: "the best loss follows every small improvement, also one that is too small to count",
        explanation: "Then a loss that sinks slowly but steadily never falls by min_delta below the best, and training stops \
                      in the middle of the descent. The best so far is the loss of the last epoch that counted.",
        question: "If the loss falls by half of min_delta in every epoch, should training stop?",
        see: ("dlbook", "7.8 Early Stopping"),
        behaviour: |arguments| with(arguments, &Rule { remembered: |best, loss| best.min(loss), ..RIGHT }),
    },
    Misconception {
        id: "tie-counts-as-better",
        title: "a loss that is below the best by exactly min_delta counts as better",
        explanation: "More than min_delta is asked for. With min_delta = 0 and <=, a plateau is an endless series of \
                      improvements.",
        question: "With min_delta = 0, is the same loss again an improvement?",
        see: ("dlbook", "7.8 Early Stopping"),
        behaviour: |arguments| {
            with(arguments, &Rule { better: |loss, seen| loss <= seen.best - seen.min_delta, ..RIGHT })
        },
    },
    Misconception {
        id: "nan-counts-as-better",
        title: "a loss that is not a number counts as better",
        explanation: "if not (loss >= best - min_delta) looks like the same question, but every comparison with NaN is false, \
                      so the not makes it true. The network that has just broken is saved as the best, and nothing is \
                      ever worse than it.",
        question: "What is NaN >= 2, and what is not (NaN >= 2)?",
        see: ("dlbook", "4.1 Overflow and Underflow"),
        behaviour: |arguments| {
            #[expect(clippy::neg_cmp_op_on_partial_ord, reason = "the mistake is about NaN")]
            let better = |loss: f64, seen: &Seen| !(loss >= seen.best - seen.min_delta);
            with(arguments, &Rule { better, ..RIGHT })
        },
    },
    Misconception {
        id: "nan-skipped",
        title: "epochs whose loss is not a number do not count towards patience",
        explanation: "A network that has diverged gives NaN in every epoch from there on, and would be trained to the end of \
                      the budget. Not a number is not better: it counts.",
        question: "If all losses from now on are NaN, when does your training stop?",
        see: ("dlbook", "7.8 Early Stopping"),
        behaviour: |arguments| with(arguments, &Rule { skips_nan: true, ..RIGHT }),
    },
    Misconception {
        id: "nan-ends-training",
        title: "training stops at the first loss that is not a number",
        explanation: "A single bad batch of the development set can do that. The task treats it as an epoch that is not better, \
                      and patience decides.",
        question: "What does the task say about a loss that is not a number?",
        see: ("dlbook", "7.8 Early Stopping"),
        behaviour: |arguments| with(arguments, &Rule { stops_at_nan: true, ..RIGHT }),
    },
    Misconception {
        id: "higher-is-better",
        title: "larger losses count as better",
        explanation: "For an accuracy that would be right; a loss should fall. Code that is reused for the other kind keeps \
                      the worst epoch.",
        question: "Is 3 better than 2?",
        see: ("dlbook", "7.8 Early Stopping"),
        behaviour: |arguments| {
            let better = |loss: f64, seen: &Seen| loss > seen.best + seen.min_delta;
            with(arguments, &Rule { better, start: f64::NEG_INFINITY, ..RIGHT })
        },
    },
];
