//! `perceptron_train`: learning from mistakes, and from nothing else.

use ndarray::{Array1, Array2, ArrayView1, ArrayView2, Ix1, Ix2, array};

use crate::exercise::{Exercise, Kind, Misconception, Outcome, Parameter, Probe, Property, Signature};
use crate::exercises::arguments::{count, f64_array, floats, i64_array, int_named, returns, whole_numbers};
use crate::exercises::numbers::Numbers;
use crate::value::Value;

/// The exercise.
pub static PERCEPTRON_TRAIN: Exercise = Exercise {
    id: "perceptron_train",
    station: "perceptron",
    task: "Train a perceptron: start with w = 0 and b = 0 and visit the points in their order, again and again.\n\
           A point (x, y) with label y = -1 or 1 is a mistake if y * (w @ x + b) <= 0; then add y * x to w and y to b.\n\
           A point on the line counts as a mistake, or learning would never start.\n\
           Stop after the first whole round without a mistake, or after max_epochs rounds.\n\
           Return w, b, and how many mistakes were made in all.",
    signature: Signature {
        name: "perceptron_train",
        parameters: &[
            f64_array("x", &["N", "D"], "one point per row"),
            i64_array("y", &["N"], "labels, -1 or 1"),
            int_named("max_epochs", "how many rounds at most, 0 or more"),
        ],
        returns: Parameter {
            name: "neuron",
            kind: Kind::Tuple(&[
                f64_array("w", &["D"], "weights"),
                Parameter { name: "b", kind: Kind::Float, meaning: "bias" },
                Parameter { name: "mistakes", kind: Kind::Int, meaning: "mistakes in all rounds together" },
            ]),
            meaning: "the trained neuron",
        },
    },
    probes,
    reference,
    misconceptions: MISCONCEPTIONS,
    properties: &[Property { title: "separates the points unless it ran out of rounds", violated: still_wrong }],
    hints: &[
        "Write down w and b after every visit for the first round, by hand and by program. At which visit do they part?",
        "Two loops: rounds, and points within a round. Inside: if y * (w @ x + b) <= 0, then w = w + y * x, b = b + y, and \
         count. A round without a mistake ends the outer loop.",
        "Points (2, 1) with y = 1 and (1, 2) with y = -1. Visit 1: 0 <= 0, a mistake: w = (2, 1), b = 1. Visit 2: \
         -(2 + 2 + 1) = -5, a mistake: w = (1, -1), b = 0. Round 2: 1 * (2 - 1) = 1, fine; -1 * (1 - 2) = 1, fine. Done: \
         w = (1, -1), b = 0, 2 mistakes.",
    ],
    ..Exercise::DEFAULTS
};

fn probes() -> Vec<Probe> {
    let mut numbers = Numbers::stream(551);
    let arguments =
        |x: Array2<f64>, y: Vec<i64>, rounds: i64| vec![x.into(), Array1::from(y).into(), Value::Int(rounds)];
    // Whole numbers: sums are exact, so that a point lies on the line in every program or in none.
    let mut separable = |n: usize, normal: Vec<f64>, offset: f64| {
        let (mut x, mut y) = (Array2::zeros((0, normal.len())), Vec::new());
        while y.len() < n {
            let point: Array1<f64> = numbers.integers(normal.len(), -5, 5);
            let side = point.dot(&Array1::from(normal.clone())) + offset;
            if side.abs() >= 1.0 {
                x.push_row(point.view()).expect("as long as the others");
                y.push(side.signum() as i64);
            }
        }
        (x, y)
    };
    let (plane, plane_labels) = separable(9, vec![2.0, -1.0], 1.5);
    let (space, space_labels) = separable(12, vec![1.0, 2.0, -2.0], -3.5);
    let (many, many_labels) = separable(20, vec![3.0, -2.0, 1.0, 1.0], 4.5);
    let corners = || array![[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]];
    vec![
        Probe::ordinary("two points", arguments(array![[2.0, 1.0], [1.0, 2.0]], vec![1, -1], 10)),
        Probe::ordinary("AND of two inputs", arguments(corners(), vec![-1, -1, -1, 1], 50)),
        Probe::ordinary("9 points in the plane", arguments(plane.clone(), plane_labels.clone(), 100)),
        Probe::ordinary("12 points in space", arguments(space, space_labels, 200)),
        Probe::ordinary("20 points in 4 dimensions, one round", arguments(many, many_labels, 1)),
        Probe::hard("XOR, which no line separates, 7 rounds", arguments(corners(), vec![-1, 1, 1, -1], 7)),
        Probe::hard("all labels 1, the origin among the points", {
            arguments(array![[0.0, 0.0], [1.0, 3.0], [-2.0, 1.0]], vec![1, 1, 1], 20)
        }),
        Probe::hard("no round at all", arguments(plane, plane_labels, 0)),
        Probe::hard("a single point", arguments(array![[3.0, -4.0, 2.0]], vec![-1], 5)),
        Probe::hard("one feature, the threshold far from zero", {
            arguments(array![[7.0], [9.0], [10.0], [6.0]], vec![-1, 1, 1, -1], 200)
        }),
    ]
}

struct Call<'a> {
    x: ArrayView2<'a, f64>,
    y: ArrayView1<'a, i64>,
    rounds: usize,
}

/// A neuron on its way.
#[derive(Clone)]
struct Neuron {
    w: Array1<f64>,
    b: f64,
    mistakes: i64,
}

impl Neuron {
    fn sum(&self, x: ArrayView1<'_, f64>) -> f64 {
        self.w.dot(&x) + self.b
    }

    fn add(&mut self, x: ArrayView1<'_, f64>, factor: f64, bias: f64) {
        self.w.scaled_add(factor, &x);
        self.b += bias;
    }
}

impl Call<'_> {
    fn new(arguments: &[Value]) -> Call<'_> {
        Call { x: floats::<Ix2>(arguments, 0), y: whole_numbers::<Ix1>(arguments, 1), rounds: count(arguments, 2) }
    }

    fn start(&self) -> Neuron {
        Neuron { w: Array1::zeros(self.x.ncols()), b: 0.0, mistakes: 0 }
    }

    /// Rounds of visits until one of them changes nothing that counts: `visit` says whether it was a mistake.
    fn train(&self, mut visit: impl FnMut(&mut Neuron, ArrayView1<'_, f64>, f64) -> bool) -> Neuron {
        let mut neuron = self.start();
        for _ in 0..self.rounds {
            let before = neuron.mistakes;
            for (x, &y) in self.x.rows().into_iter().zip(self.y) {
                neuron.mistakes += i64::from(visit(&mut neuron, x, y as f64));
            }
            if neuron.mistakes == before {
                break;
            }
        }
        neuron
    }
}

fn learn(neuron: &mut Neuron, x: ArrayView1<'_, f64>, y: f64) -> bool {
    let mistake = y * neuron.sum(x) <= 0.0;
    if mistake {
        neuron.add(x, y, y);
    }
    mistake
}

fn answer(neuron: Neuron) -> Outcome {
    returns(Value::Tuple(vec![neuron.w.into(), Value::Float(neuron.b), Value::Int(neuron.mistakes)]))
}

fn reference(arguments: &[Value]) -> Outcome {
    answer(Call::new(arguments).train(learn))
}

fn still_wrong(arguments: &[Value], result: &Value) -> Option<String> {
    let call = Call::new(arguments);
    // One round may end with mistakes.
    if call.rounds < 10 {
        return None;
    }
    let Value::Tuple(parts) = result else { return None };
    let w = Array1::from(parts.first()?.as_array()?.to_f64());
    let Some(Value::Float(b)) = parts.get(1) else { return None };
    let wrong = call.x.rows().into_iter().zip(call.y).filter(|(x, y)| **y as f64 * (w.dot(x) + b) <= 0.0).count();
    (wrong > 0).then(|| format!("{wrong} of {} points are on the wrong side or on the line", call.y.len()))
}

const MISCONCEPTIONS: &[Misconception] = &[
    Misconception {
        id: "update-without-mistake",
        title: "w and b change at every visit, not at mistakes only",
        explanation: "The perceptron learns from mistakes only: a point on the right side leaves everything as it is, which is why \
                      the rule can come to rest. Changing at every visit adds up all points, again and again.",
        question: "What does your loop do with a point that is on the right side already?",
        see: ("cs7015", "L2 McCulloch-Pitts neuron, thresholding logic, perceptron learning algorithm and convergence"),
        behaviour: |arguments| {
            answer(Call::new(arguments).train(|neuron, x, y| {
                let mistake = y * neuron.sum(x) <= 0.0;
                neuron.add(x, y, y);
                mistake
            }))
        },
    },
    Misconception {
        id: "labels-zero-one",
        title: "the rule for labels 0 and 1 is used: w += (y - prediction) * x",
        explanation: "With labels 0 and 1 and predictions 0 and 1, y - prediction is -1, 0 or 1. With labels -1 and 1 it is -2 and even -1 \
                      for points that are right. Here a mistake is y * (w @ x + b) <= 0, and the step is y * x.",
        question: "What is y - prediction for y = -1 and a prediction of 0?",
        see: ("cs229", "notes 1: digression, the perceptron"),
        behaviour: |arguments| {
            answer(Call::new(arguments).train(|neuron, x, y| {
                let step = y - f64::from(neuron.sum(x) > 0.0);
                neuron.add(x, step, step);
                step != 0.0
            }))
        },
    },
    Misconception {
        id: "bias-not-trained",
        title: "the bias is never changed",
        explanation: "Without a bias the line goes through the origin for ever. b is the weight of an input that is always 1: at a \
                      mistake it changes by y * 1.",
        question: "Can your line separate 6 and 7 from 9 and 10 on one axis?",
        see: ("cs7015", "L2 McCulloch-Pitts neuron, thresholding logic, perceptron learning algorithm and convergence"),
        behaviour: |arguments| {
            answer(Call::new(arguments).train(|neuron, x, y| {
                let mistake = y * neuron.sum(x) <= 0.0;
                if mistake {
                    neuron.add(x, y, 0.0);
                }
                mistake
            }))
        },
    },
    Misconception {
        id: "zero-margin-accepted",
        title: "a point on the line counts as right",
        explanation: "At the start w = 0 and b = 0: every point is on the line. If y * 0 < 0 is asked for, none is a mistake, and \
                      training ends before it began. Use <= 0.",
        question: "Is the first point a mistake while w and b are zero?",
        see: ("cs229", "notes 1: digression, the perceptron"),
        behaviour: |arguments| {
            answer(Call::new(arguments).train(|neuron, x, y| {
                let mistake = y * neuron.sum(x) < 0.0;
                if mistake {
                    neuron.add(x, y, y);
                }
                mistake
            }))
        },
    },
    Misconception {
        id: "zero-predicts-positive",
        title: "a point on the line is predicted to be 1, so that it is no mistake for y = 1",
        explanation: "sign(0) has to be something, and prediction != y is the usual test. But with w = 0 all points with y = 1 would be \
                      right from the start by luck. The margin y * (w @ x + b) <= 0 treats both labels alike.",
        question: "Which label do you predict for w = 0 and b = 0?",
        see: ("cs229", "notes 1: digression, the perceptron"),
        behaviour: |arguments| {
            answer(Call::new(arguments).train(|neuron, x, y| {
                let prediction = if neuron.sum(x) >= 0.0 { 1.0 } else { -1.0 };
                if prediction != y {
                    neuron.add(x, y, y);
                }
                prediction != y
            }))
        },
    },
    Misconception {
        id: "label-forgotten",
        title: "x is added at every mistake, without the factor y",
        explanation: "A point with y = -1 on the positive side must push w away: w - x. Adding it makes the mistake worse.",
        question: "In which direction should w move if a point with y = -1 has w @ x + b = 5?",
        see: ("cs7015", "L2 McCulloch-Pitts neuron, thresholding logic, perceptron learning algorithm and convergence"),
        behaviour: |arguments| {
            answer(Call::new(arguments).train(|neuron, x, y| {
                let mistake = y * neuron.sum(x) <= 0.0;
                if mistake {
                    neuron.add(x, 1.0, 1.0);
                }
                mistake
            }))
        },
    },
    Misconception {
        id: "updated-after-round",
        title: "the mistakes of a whole round are collected and added at its end",
        explanation: "The rule is online: after a mistake the next point is judged by the new line. Collecting is another algorithm \
                      (batch), which makes other mistakes on the way.",
        question: "Which w judges the second point, the one before or after the first mistake?",
        see: ("cs7015", "L2 McCulloch-Pitts neuron, thresholding logic, perceptron learning algorithm and convergence"),
        behaviour: |arguments| {
            let call = Call::new(arguments);
            let mut neuron = call.start();
            for _ in 0..call.rounds {
                let judge = neuron.clone();
                for (x, &y) in call.x.rows().into_iter().zip(call.y) {
                    if y as f64 * judge.sum(x) <= 0.0 {
                        neuron.add(x, y as f64, y as f64);
                        neuron.mistakes += 1;
                    }
                }
                if neuron.mistakes == judge.mistakes {
                    break;
                }
            }
            answer(neuron)
        },
    },
    Misconception {
        id: "rounds-counted",
        title: "rounds are counted and not mistakes",
        explanation: "The convergence theorem bounds the number of mistakes, (R / margin)^2, however many rounds they are spread over. Count \
                      every change of w.",
        question: "How many times did w change in your run?",
        see: ("cs7015", "L2 McCulloch-Pitts neuron, thresholding logic, perceptron learning algorithm and convergence"),
        behaviour: |arguments| {
            let call = Call::new(arguments);
            let (mut visits, points) = (0, call.y.len());
            let neuron = call.train(|neuron, x, y| {
                visits += 1;
                learn(neuron, x, y)
            });
            answer(Neuron { mistakes: (visits / points) as i64, ..neuron })
        },
    },
    Misconception {
        id: "last-round-only-counted",
        title: "only the mistakes of the last round are counted",
        explanation: "The counter is set back in every round, so that a finished training reports none. Keep one counter per round for \
                      stopping and one for all of them.",
        question: "Where in your loops does the counter start at 0?",
        see: ("cs7015", "L2 McCulloch-Pitts neuron, thresholding logic, perceptron learning algorithm and convergence"),
        behaviour: |arguments| {
            let call = Call::new(arguments);
            let neuron = call.train(learn);
            let mut all_but_last = call.start();
            for rounds in 0..call.rounds {
                let before = Call { rounds, ..call }.train(learn);
                if before.mistakes == neuron.mistakes {
                    // The round after this one made no mistake.
                    return answer(Neuron { mistakes: 0, ..neuron });
                }
                all_but_last = before;
            }
            let mistakes = neuron.mistakes - all_but_last.mistakes;
            answer(Neuron { mistakes, ..neuron })
        },
    },
    Misconception {
        id: "stops-after-first-mistake",
        title: "a round ends at its first mistake and starts again with the first point",
        explanation: "The order of visits is fixed: after a mistake comes the next point. Starting over is a perceptron too and finds a \
                      line, but it makes other mistakes, and late points wait long.",
        question: "Which point comes after a mistake?",
        see: ("cs229", "notes 1: digression, the perceptron"),
        behaviour: |arguments| {
            let call = Call::new(arguments);
            let mut neuron = call.start();
            for _ in 0..call.rounds {
                let mut points = call.x.rows().into_iter().zip(call.y);
                if !points.any(|(x, &y)| learn(&mut neuron, x, y as f64)) {
                    break;
                }
                neuron.mistakes += 1;
            }
            answer(neuron)
        },
    },
];
