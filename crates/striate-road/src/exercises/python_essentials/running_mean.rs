//! `running_mean`: a class that remembers three numbers.

use super::calls_so_far;
use crate::exercise::{Exercise, Kind, Misconception, Outcome, Parameter, Probe, Property, Signature};
use crate::exercises::arguments::{rejects, returns};
use crate::runner::Language;
use crate::value::Value;

/// The exercise.
pub static RUNNING_MEAN: Exercise = Exercise {
    id: "running_mean",
    station: "python-essentials",
    task: "Write the class RunningMean: it is fed with numbers one by one and knows their mean and variance.\n\
           push(x) takes a number. The properties mean and var give the mean, and the variance: the sum of the squared\n\
           distances to the mean, divided by n - 1. mean needs one number and var needs two: else raise ValueError.\n\
           Keep no list of the numbers, and no digits may be lost when they are all near 1e9.\n\
           The function running_mean is written already: the check calls it, and it uses two objects of your class.",
    languages: &[Language::Python],
    signature: Signature {
        name: "running_mean",
        parameters: &[
            Parameter { name: "first", kind: Kind::Python("list[float]"), meaning: "numbers for the first object" },
            Parameter { name: "second", kind: Kind::Python("list[float]"), meaning: "numbers for the second object" },
        ],
        returns: Parameter {
            name: "result",
            kind: Kind::Tuple(&[
                Parameter { name: "first_mean", kind: Kind::Float, meaning: "mean of the first object" },
                Parameter { name: "first_var", kind: Kind::Float, meaning: "variance of the first object" },
                Parameter { name: "second_mean", kind: Kind::Float, meaning: "mean of the second object" },
                Parameter { name: "second_var", kind: Kind::Float, meaning: "variance of the second object" },
            ]),
            meaning: "what the two objects say",
        },
    },
    python_starter: Some(STARTER),
    probes,
    reference,
    misconceptions: MISCONCEPTIONS,
    properties: &[Property { title: "has no negative variance", violated: negative_variance }],
    hints: &[
        "What must an object remember so that one more number is enough to know the new mean? Try it with 2, 4 and then 9.",
        "In __init__: self.n = 0, self.m = 0.0, self.s = 0.0. In push: self.n += 1; d = x - self.m (the old mean); \
         self.m += d / self.n; self.s += d * (x - self.m) (the new mean). Then var is self.s / (self.n - 1).",
        "2: n = 1, d = 2, m = 2, s = 0. 4: n = 2, d = 2, m = 3, s = 0 + 2 * 1 = 2. 9: n = 3, d = 6, m = 5, s = 2 + 6 * 4 = \
         26. The mean is 5 and the variance 26 / 2 = 13.",
    ],
    ..Exercise::DEFAULTS
};

const STARTER: &str = r#"
class RunningMean:
    """Mean and variance of the numbers pushed so far."""

    def __init__(self):
        raise NotImplementedError("write RunningMean here")

    def push(self, x):
        """Takes one more number."""

    @property
    def mean(self):
        """Mean of the numbers so far; ValueError if there is none."""

    @property
    def var(self):
        """Variance of the numbers so far, divided by n - 1; ValueError if there are fewer than two."""


def running_mean(first, second):
    """Feeds two objects by turns and asks both. The check calls it: leave it as it is."""
    a, b = RunningMean(), RunningMean()
    for i in range(max(len(first), len(second))):
        if i < len(first):
            a.push(first[i])
        if i < len(second):
            b.push(second[i])
    return a.mean, a.var, b.mean, b.var
"#;

fn probes() -> Vec<Probe> {
    let list = |numbers: &[f64]| Value::List(numbers.iter().map(|&x| Value::Float(x)).collect());
    let arguments = |first: &[f64], second: &[f64]| vec![list(first), list(second)];
    let whole = |numbers: &[i64]| Value::List(numbers.iter().map(|&x| Value::Int(x)).collect());
    vec![
        Probe::ordinary("3 numbers and 4 numbers", arguments(&[2.0, 4.0, 9.0], &[1.0, 3.0, 3.0, 8.0])),
        Probe::ordinary("fractions", arguments(&[0.5, 0.25, -1.5, 2.75], &[1.5, -0.5, 0.125])),
        Probe::ordinary("5 numbers and 2 numbers", arguments(&[3.0, -1.0, 4.5, 1.0, -5.0], &[10.0, 20.0])),
        Probe::ordinary("whole numbers", vec![whole(&[1, 2, 4]), whole(&[7, 3, 3, 0, 1])]),
        Probe::hard("two numbers each", arguments(&[1.0, 2.0], &[-3.0, 3.0])),
        Probe::hard("all numbers equal", arguments(&[0.1, 0.1, 0.1], &[7.0, 7.0])),
        Probe::hard(
            "numbers near a thousand million",
            arguments(&[1e9 + 2.0, 1e9 + 4.0, 1e9 + 9.0], &[-1e9, -1e9 + 1.0]),
        ),
        Probe::hard("a large number after small ones", arguments(&[1.0, 2.0, 1e6], &[1e6, 2.0, 1.0])),
        Probe::hard("no number for the first object", arguments(&[], &[1.0, 2.0])),
        Probe::hard("a single number for the second object", arguments(&[1.0, 2.0], &[3.0])),
    ]
}

fn numbers(arguments: &[Value], index: usize) -> Vec<f64> {
    let Value::List(items) = &arguments[index] else { panic!("argument {index} should be a list") };
    let number = |item: &Value| match item {
        Value::Float(x) => *x,
        Value::Int(x) => *x as f64,
        other => panic!("a number of argument {index} is {other:?}"),
    };
    items.iter().map(number).collect()
}

/// What both objects say, each by `of`: mean and variance of its numbers.
fn both(arguments: &[Value], of: impl Fn(&[f64]) -> (f64, f64)) -> Outcome {
    let lists = [numbers(arguments, 0), numbers(arguments, 1)];
    if lists.iter().any(|list| list.len() < 2) {
        return rejects("an object has too few numbers for a mean or a variance");
    }
    let said = lists.iter().flat_map(|list| <[f64; 2]>::from(of(list))).map(Value::Float);
    returns(Value::Tuple(said.collect()))
}

/// One number after the other: `push(n, mean, sum of squares, x)`.
fn pushed(numbers: &[f64], push: impl Fn(&mut f64, &mut f64, &mut f64, f64)) -> (f64, f64) {
    let (mut n, mut mean, mut squares) = (0.0, 0.0, 0.0);
    numbers.iter().for_each(|&x| push(&mut n, &mut mean, &mut squares, x));
    (mean, squares / (n - 1.0))
}

fn welford(n: &mut f64, mean: &mut f64, squares: &mut f64, x: f64) {
    *n += 1.0;
    let distance = x - *mean;
    *mean += distance / *n;
    *squares += distance * (x - *mean);
}

fn right(numbers: &[f64]) -> (f64, f64) {
    pushed(numbers, welford)
}

fn reference(arguments: &[Value]) -> Outcome {
    both(arguments, right)
}

fn negative_variance(_: &[Value], result: &Value) -> Option<String> {
    let Value::Tuple(parts) = result else { return None };
    let negative = |part: &&Value| matches!(part, Value::Float(x) if *x < 0.0);
    [parts.get(1)?, parts.get(3)?].iter().any(negative).then(|| "a variance is below 0".to_string())
}

const MISCONCEPTIONS: &[Misconception] = &[
    Misconception {
        id: "attribute-shared-by-objects",
        title: "all objects share one list: what one is fed with, every other one sees",
        explanation: "values = [] in the body of the class makes one list for the class. Attributes of an object are made in \
                      __init__, with self in front. (The task asks for no list at all.)",
        question: "Where is the attribute made: in the body of the class or in __init__?",
        see: ("corey-python", "object-oriented block: class variables"),
        behaviour: |arguments| {
            let calls = calls_so_far(probes(), arguments);
            let everything: Vec<f64> =
                calls.iter().flat_map(|call| [numbers(call, 0), numbers(call, 1)].concat()).collect();
            both(arguments, |_| right(&everything))
        },
    },
    Misconception {
        id: "variance-by-difference",
        title: "the variance comes from the sum of the squares minus n times the squared mean, and loses its digits",
        explanation: "Near 1e9 the squares are near 1e18, where neighbouring floats are 128 apart: the difference of two such \
                      sums is noise. Keep the sum of squared distances to the mean, and correct it with every number.",
        question: "What variance do you get for 1e9 + 2, 1e9 + 4 and 1e9 + 9?",
        see: ("dlbook", "4.1 Overflow and Underflow"),
        behaviour: |arguments| {
            both(arguments, |numbers| {
                let n = numbers.len() as f64;
                let mean = numbers.iter().sum::<f64>() / n;
                let squares: f64 = numbers.iter().map(|x| x * x).sum();
                (mean, (squares - n * mean * mean) / (n - 1.0))
            })
        },
    },
    Misconception {
        id: "population-variance",
        title: "the sum of squares is divided by n in place of n - 1",
        explanation: "Both exist: n describes these numbers, n - 1 estimates the spread of where they come from (the mean was \
                      estimated from them too, which makes the distances a little too small). The task asks for n - 1.",
        question: "What is the variance of 1 and 3 in your code: 1 or 2?",
        see: ("dlbook", "5.4 Estimators, Bias and Variance"),
        behaviour: |arguments| {
            both(arguments, |numbers| {
                let (mean, variance) = right(numbers);
                (mean, variance * (numbers.len() as f64 - 1.0) / numbers.len() as f64)
            })
        },
    },
    Misconception {
        id: "floor-division",
        title: "// is used in place of /, and every fraction is cut off",
        explanation: "// rounds down to a whole number, also for floats: 7 // 2 is 3 and -1 // 2 is -1. The mean of 1 and 2 is \
                      1.5: use /.",
        question: "What does your language give for 3 // 2?",
        see: ("corey-python", "basics block: integers and floats"),
        behaviour: |arguments| {
            both(arguments, |numbers| {
                pushed(numbers, |n, mean, squares, x| {
                    *n += 1.0;
                    let distance = x - *mean;
                    *mean += (distance / *n).floor();
                    *squares += distance * (x - *mean);
                })
            })
        },
    },
    Misconception {
        id: "distance-to-old-mean-twice",
        title: "the squared distance to the old mean is added, without the new one",
        explanation: "s grows by d * (x - m) with d from before the mean moved and x - m from after. With d * d the first \
                      number alone, whose old mean is 0, already adds its own square.",
        question: "What is s after the first number?",
        see: ("corey-python", "object-oriented block: classes and instances"),
        behaviour: |arguments| {
            both(arguments, |numbers| {
                pushed(numbers, |n, mean, squares, x| {
                    *n += 1.0;
                    let distance = x - *mean;
                    *mean += distance / *n;
                    *squares += distance * distance;
                })
            })
        },
    },
    Misconception {
        id: "distance-to-new-mean-twice",
        title: "the squared distance to the new mean is added, without the old one",
        explanation: "The mean has moved towards x, so the distance to it is too short, and the numbers before have moved away \
                      from it as well. Old distance times new distance accounts for both.",
        question: "When does your code compute the distance: before the mean moves, after it, or both?",
        see: ("corey-python", "object-oriented block: classes and instances"),
        behaviour: |arguments| {
            both(arguments, |numbers| {
                pushed(numbers, |n, mean, squares, x| {
                    *n += 1.0;
                    *mean += (x - *mean) / *n;
                    *squares += (x - *mean) * (x - *mean);
                })
            })
        },
    },
    Misconception {
        id: "deviation-for-variance",
        title: "var is the standard deviation: the root of the variance",
        explanation: "The root has the unit of the numbers and is easier to read; the variance is what the task asks for, and \
                      what adds up.",
        question: "What is the variance of 1 and 5 in your code: 8 or 2.83?",
        see: ("dlbook", "3.8 Expectation, Variance and Covariance"),
        behaviour: |arguments| {
            both(arguments, |numbers| {
                let (mean, variance) = right(numbers);
                (mean, variance.sqrt())
            })
        },
    },
    Misconception {
        id: "halfway-to-new-number",
        title: "the new mean is halfway between the old mean and the number",
        explanation: "Half the weight for the newest number forgets the old ones. The n-th number has the weight 1/n: \
                      m += (x - m) / n.",
        question: "What is the mean of 3, 3, 3 and 7 in your code?",
        see: ("corey-python", "object-oriented block: classes and instances"),
        behaviour: |arguments| {
            both(arguments, |numbers| {
                pushed(numbers, |n, mean, squares, x| {
                    *n += 1.0;
                    let distance = x - *mean;
                    *mean += if *n == 1.0 { distance } else { distance / 2.0 };
                    *squares += distance * (x - *mean);
                })
            })
        },
    },
    Misconception {
        id: "count-starts-at-one",
        title: "the count starts at 1: the 0 the mean begins with counts as a number",
        explanation: "Before the first push there is no number: n = 0, and the first step m += (x - 0) / 1 forgets the 0. With \
                      n = 1 at the start every mean is pulled towards 0.",
        question: "What is the mean of the single number 8 in your code?",
        see: ("corey-python", "object-oriented block: classes and instances"),
        behaviour: |arguments| {
            both(arguments, |numbers| {
                let with_zero: Vec<f64> = std::iter::once(0.0).chain(numbers.iter().copied()).collect();
                right(&with_zero)
            })
        },
    },
];
