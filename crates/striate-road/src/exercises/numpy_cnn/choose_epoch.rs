//! `choose_epoch`: which epoch to keep, and what may be said about it.

use crate::exercise::{Exercise, Kind, Misconception, Outcome, Parameter, Probe, Property, Signature};
use crate::exercises::arguments::{f64_array, float_named, floats, int_named, rejects, returns};
use crate::exercises::numbers::Numbers;
use crate::value::Value;

/// The exercise.
pub static CHOOSE_EPOCH: Exercise = Exercise {
    id: "choose_epoch",
    station: "numpy-cnn",
    task: "After training, choose the epoch to keep and say how good it is. validation[e] and test[e] are the accuracies of the network\n\
           after epoch e.\n\
           Keep the epoch with the highest validation accuracy, of equals the earliest, and report that epoch's test accuracy.\n\
           An epoch whose validation accuracy is nan (the training broke down) is never chosen; refuse with an error if all are.\n\
           The test accuracies must not influence which epoch is kept.",
    signature: Signature {
        name: "choose_epoch",
        parameters: &[
            f64_array("validation", &["E"], "validation accuracy after each epoch, or nan"),
            f64_array("test", &["E"], "test accuracy after each epoch"),
        ],
        returns: Parameter {
            name: "choice",
            kind: Kind::Tuple(&[
                int_named("epoch", "the epoch to keep, from 0"),
                float_named("accuracy", "the accuracy to report"),
            ]),
            meaning: "epoch and accuracy",
        },
    },
    probes,
    reference,
    misconceptions: MISCONCEPTIONS,
    properties: &[Property { title: "reports the test accuracy of the epoch it keeps", violated: of_another_epoch }],
    hints: &[
        "Cover test with your hand. Which epoch would you keep?",
        "np.nanargmax(validation) ignores nan and takes the first of equals; it raises ValueError when all are nan. Then test[epoch].",
        "validation = [0.90 0.95 0.93], test = [0.91 0.92 0.94]: epoch 1, reported 0.92. That epoch 2 was luckier on the test nobody may use.",
    ],
    ..Exercise::DEFAULTS
};

fn probes() -> Vec<Probe> {
    let mut numbers = Numbers::stream(482);
    let arguments = |validation: Vec<f64>, test: Vec<f64>| {
        vec![Value::array(&[validation.len()], validation), Value::array(&[test.len()], test)]
    };
    let mut curve = |epochs: usize| {
        let mut accuracies = |noise: f64| -> Vec<f64> {
            let rising = |epoch: usize| 0.97 - 0.3 / (epoch as f64 + 1.0);
            (0..epochs).map(|epoch| ((rising(epoch) + numbers.real(-noise, noise)) * 1e4).round() / 1e4).collect()
        };
        arguments(accuracies(0.06), accuracies(0.06))
    };
    let nan = f64::NAN;
    vec![
        Probe::ordinary("three epochs", arguments(vec![0.90, 0.95, 0.93], vec![0.91, 0.92, 0.94])),
        Probe::ordinary(
            "the best epoch is the first",
            arguments(vec![0.8, 0.7, 0.75, 0.6], vec![0.71, 0.82, 0.69, 0.77]),
        ),
        Probe::ordinary("8 epochs", curve(8)),
        Probe::ordinary("13 epochs", curve(13)),
        Probe::hard("two equally good epochs", arguments(vec![0.5, 0.9, 0.7, 0.9], vec![0.4, 0.85, 0.95, 0.88])),
        Probe::hard("an epoch that broke down", arguments(vec![0.6, 0.8, nan, 0.7], vec![0.61, 0.79, 0.1, 0.83])),
        Probe::hard("broken down from the second epoch on", arguments(vec![0.3, nan, nan], vec![0.31, 0.1, 0.1])),
        Probe::hard("broken down at the start", arguments(vec![nan, 0.4, 0.6], vec![0.1, 0.5, 0.45])),
        Probe::hard("one epoch", arguments(vec![0.4], vec![0.3])),
        Probe::hard("nothing but nan", arguments(vec![nan, nan], vec![0.1, 0.1])),
    ]
}

struct Call {
    validation: Vec<f64>,
    test: Vec<f64>,
}

/// The place of the largest number, the first of equals; nan is passed over.
fn largest(numbers: impl Iterator<Item = f64>) -> Option<usize> {
    let mut best: Option<(usize, f64)> = None;
    for (at, x) in numbers.enumerate() {
        if !x.is_nan() && best.is_none_or(|(_, y)| x > y) {
            best = Some((at, x));
        }
    }
    best.map(|(at, _)| at)
}

fn with(arguments: &[Value], choice: impl FnOnce(&Call) -> (usize, f64)) -> Outcome {
    let numbers = |index: usize| floats::<ndarray::Ix1>(arguments, index).to_vec();
    let call = Call { validation: numbers(0), test: numbers(1) };
    if call.validation.iter().all(|x| x.is_nan()) {
        return rejects("no epoch has a validation accuracy");
    }
    let (epoch, accuracy) = choice(&call);
    returns(Value::Tuple(vec![Value::Int(epoch as i64), Value::Float(accuracy)]))
}

impl Call {
    fn best(&self) -> usize {
        largest(self.validation.iter().copied()).unwrap_or(0)
    }
}

fn reference(arguments: &[Value]) -> Outcome {
    with(arguments, |call| (call.best(), call.test[call.best()]))
}

fn of_another_epoch(arguments: &[Value], result: &Value) -> Option<String> {
    let Value::Tuple(parts) = result else { return None };
    let [Value::Int(epoch), Value::Float(accuracy)] = parts[..] else { return None };
    let test = floats::<ndarray::Ix1>(arguments, 1);
    let own = test.get(usize::try_from(epoch).ok()?)?;
    (own != &accuracy).then(|| format!("epoch {epoch} has test accuracy {own}, reported is {accuracy}"))
}

const VALIDATION: (&str, &str) = ("cs231n", "notes: classification, validation sets for hyperparameter tuning");
const STOPPING: (&str, &str) = ("dls-c2", "W1 Other regularization methods: early stopping");

const MISCONCEPTIONS: &[Misconception] = &[
    Misconception {
        id: "tuned-on-test",
        title: "the epoch with the highest test accuracy is kept",
        explanation: "Choosing by the test set is training on it, slowly: among many epochs the luckiest wins, and its accuracy is higher than what new \
                      images will see. Choose by validation; the test is asked once, about the choice.",
        question: "Would you keep another epoch if the test accuracies were others?",
        see: VALIDATION,
        behaviour: |arguments| {
            with(arguments, |call| {
                let best = largest(call.test.iter().copied()).unwrap_or(0);
                (best, call.test[best])
            })
        },
    },
    Misconception {
        id: "best-test-reported",
        title: "the right epoch is kept, but the highest test accuracy of all epochs is reported",
        explanation: "The number belongs to another network than the one you keep. Report test[epoch].",
        question: "Which network reached the accuracy that you report?",
        see: VALIDATION,
        behaviour: |arguments| {
            with(arguments, |call| (call.best(), call.test.iter().copied().fold(f64::NEG_INFINITY, f64::max)))
        },
    },
    Misconception {
        id: "validation-reported",
        title: "the validation accuracy of the chosen epoch is reported",
        explanation: "It was chosen *because* it is high, so part of it is luck. The test images had no say in the choice; their accuracy is the honest one.",
        question: "Why is the best of 50 validation accuracies too good to be true?",
        see: VALIDATION,
        behaviour: |arguments| with(arguments, |call| (call.best(), call.validation[call.best()])),
    },
    Misconception {
        id: "last-epoch-kept",
        title: "the last epoch is kept",
        explanation: "The last epoch may have overfitted, or broken down. Keep the parameters of the best epoch on the validation images.",
        question: "Where does your code use validation?",
        see: STOPPING,
        behaviour: |arguments| with(arguments, |call| (call.test.len() - 1, call.test[call.test.len() - 1])),
    },
    Misconception {
        id: "smallest-kept",
        title: "the epoch with the lowest validation accuracy is kept",
        explanation: "Losses are minimised, accuracies maximised. These are accuracies: argmax.",
        question: "Is 0.95 better or worse than 0.90 here?",
        see: STOPPING,
        behaviour: |arguments| {
            with(arguments, |call| {
                let worst = largest(call.validation.iter().map(|x| -x)).unwrap_or(0);
                (worst, call.test[worst])
            })
        },
    },
    Misconception {
        id: "mean-of-both",
        title: "the epoch is chosen by the mean of validation and test accuracy",
        explanation: "Half a look at the test set is a look at the test set.",
        question: "Would you keep another epoch if the test accuracies were others?",
        see: VALIDATION,
        behaviour: |arguments| {
            with(arguments, |call| {
                let both = call.validation.iter().zip(&call.test).map(|(a, b)| a + b);
                let best = largest(both).unwrap_or(0);
                (best, call.test[best])
            })
        },
    },
    Misconception {
        id: "last-of-equals",
        title: "of equally good epochs the last one is kept",
        explanation: "Of two networks that do the same on the validation images take the one that trained less. argmax and a strict > keep the earliest.",
        question: "Is your comparison > or >=?",
        see: ("numpy", "numpy.argmax"),
        behaviour: |arguments| {
            with(arguments, |call| {
                let last = call.validation.len() - 1;
                let back = largest(call.validation.iter().rev().copied()).unwrap_or(0);
                (last - back, call.test[last - back])
            })
        },
    },
    Misconception {
        id: "nan-wins",
        title: "an epoch whose accuracy is nan wins",
        explanation: "np.argmax returns the first nan there is, since no number is larger than it. A training that broke down would be the best one. Use \
                      np.nanargmax, or leave such epochs out.",
        question: "What is np.argmax([0.8, np.nan, 0.7])?",
        see: ("numpy", "numpy.argmax and numpy.nanargmax"),
        behaviour: |arguments| {
            with(arguments, |call| {
                let best = call.validation.iter().position(|x| x.is_nan()).unwrap_or_else(|| call.best());
                (best, call.test[best])
            })
        },
    },
    Misconception {
        id: "epochs-from-one",
        title: "the epoch is counted from 1",
        explanation: "Epochs count from 0 here, as indices do: test[epoch] is the accuracy you report.",
        question: "What is test[epoch] for the epoch that you return?",
        see: ("numpy", "numpy.argmax"),
        behaviour: |arguments| with(arguments, |call| (call.best() + 1, call.test[call.best()])),
    },
];
