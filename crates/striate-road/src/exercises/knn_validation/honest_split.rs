//! `honest_split`: three parts that have nothing in common.

use std::collections::BTreeMap;

use ndarray::{Array1, Ix1};

use crate::exercise::{Exercise, Misconception, Outcome, Probe, Property, Signature};
use crate::exercises::arguments::{float, float_named, i64_array, rejects, returns, whole_numbers};
use crate::exercises::numbers::Numbers;
use crate::value::{Array, Value};

/// The exercise.
pub static HONEST_SPLIT: Exercise = Exercise {
    id: "honest_split",
    station: "knn-validation",
    task: "Divide samples into training (0), development (1) and test (2). Samples of one group (a patient, a video) stay\n\
           together; all samples of a group have the same label. Each class is divided by itself, by groups:\n\
           walk along order and list the groups of the class as they first appear, G of them; the first\n\
           floor(test * G + 0.5) go to test, the next floor(dev * G + 0.5) to development, the others to training.\n\
           Return the part of each sample (of sample i, not of place i of the order).\n\
           Refuse fractions that are negative or sum to more than 1 with an error.",
    signature: Signature {
        name: "honest_split",
        parameters: &[
            i64_array("order", &["n"], "the samples in shuffled order, each number from 0 to n-1 once"),
            i64_array("groups", &["n"], "group of each sample, any numbers"),
            i64_array("labels", &["n"], "class of each sample"),
            float_named("dev", "share of the groups for development"),
            float_named("test", "share of the groups for the test"),
        ],
        returns: i64_array("part", &["n"], "0, 1 or 2 for each sample"),
    },
    probes,
    reference,
    misconceptions: MISCONCEPTIONS,
    properties: &[Property { title: "keeps every group in one part", violated: group_torn }],
    hints: &[
        "Print, for each group, the set of parts its samples are in. And for each part, how often each class is in it.",
        "One pass along order: if the group of the sample is new, append it to the list of its class. Then give each list's \
         groups their part, in a dictionary from group to part. Last, part[i] = that of groups[i].",
        "order = [2, 0, 3, 1, 4], groups = [7, 7, 5, 9, 9], one class, dev = test = 0.33. Groups as they appear: 5, 7, 9; G = 3, \
         floor(0.99 + 0.5) = 1 for test and 1 for development. Group 5 is tested, 7 develops, 9 trains: part = [1, 1, 2, 0, 0].",
    ],
    ..Exercise::DEFAULTS
};

fn probes() -> Vec<Probe> {
    let mut numbers = Numbers::stream(563);
    let arguments = |order: Vec<i64>, groups: Vec<i64>, labels: Vec<i64>, dev: f64, test: f64| {
        let array = |values: Vec<i64>| Value::from(Array1::from(values));
        vec![array(order), array(groups), array(labels), Value::Float(dev), Value::Float(test)]
    };
    // Steps of a fixed size around a circle, a size that meets every sample: a shuffled order that is the same everywhere.
    let shuffled = |n: i64, step: i64| -> Vec<i64> {
        let meets_all = |step: &i64| (1..n).all(|steps| steps * step % n != 0);
        let step = (step..).find(meets_all).expect("a prime number above n, at the latest");
        (0..n).map(|place| (place * step + 2) % n).collect()
    };
    // Group numbers that are neither consecutive nor in the order of the samples.
    let name = |group: i64| (group * 37 + 11) % 101;
    let mut grouped = |groups: i64, classes: i64, largest: i64| {
        let (mut names, mut labels) = (Vec::new(), Vec::new());
        for group in 0..groups {
            for _ in 0..numbers.integer(1, largest) {
                names.push(name(group));
                labels.push(group % classes);
            }
        }
        (names, labels)
    };
    let singles = |n: i64| (0..n).map(name).collect::<Vec<_>>();
    let small = || (vec![2, 0, 3, 1, 4], vec![7, 7, 5, 9, 9], vec![0, 0, 0, 0, 0]);
    let (order, groups, labels) = small();
    let mut probes = vec![Probe::ordinary("5 samples in 3 groups", arguments(order, groups, labels, 0.33, 0.33))];
    let (groups, labels) = grouped(8, 2, 3);
    let n = groups.len() as i64;
    probes.push(Probe::ordinary("8 groups, 2 classes", arguments(shuffled(n, 7), groups, labels, 0.26, 0.26)));
    let unequal = (0..20).map(|i| i64::from(i % 10 >= 7)).collect();
    probes.push(Probe::ordinary(
        "20 samples without groups, 14 of one class and 6 of the other",
        arguments(shuffled(20, 3), singles(20), unequal, 0.15, 0.2),
    ));
    let (groups, labels) = grouped(17, 3, 4);
    let n = groups.len() as i64;
    probes.push(Probe::ordinary("17 groups, 3 classes", arguments(shuffled(n, 11), groups, labels, 0.3, 0.2)));
    let (groups, labels) = grouped(12, 2, 5);
    let n = groups.len() as i64;
    probes.push(Probe::hard("12 groups of very different sizes", arguments(shuffled(n, 5), groups, labels, 0.2, 0.4)));
    probes.push(Probe::hard(
        "no development part",
        arguments(shuffled(9, 4), singles(9), vec![0, 1, 0, 1, 0, 1, 0, 1, 0], 0.0, 0.3),
    ));
    probes.push(Probe::hard("nothing to train with", arguments(shuffled(6, 5), singles(6), vec![4; 6], 0.5, 0.5)));
    probes.push(Probe::hard("a single group", arguments(vec![1, 0, 2], vec![3, 3, 3], vec![1, 1, 1], 0.2, 0.2)));
    let (order, groups, labels) = small();
    probes.push(Probe::hard(
        "shares that sum to more than 1",
        arguments(order.clone(), groups.clone(), labels.clone(), 0.6, 0.5),
    ));
    probes.push(Probe::hard("a negative share", arguments(order, groups, labels, -0.1, 0.5)));
    probes
}

/// What a call is about; mistakes change it.
#[derive(Clone)]
struct Call {
    order: Array1<i64>,
    groups: Array1<i64>,
    labels: Array1<i64>,
    dev: f64,
    test: f64,
}

/// A group of a class: its number and how many samples it has.
type Group = (i64, usize);

/// How many of a class's groups go to test and to development.
fn quotas(call: &Call, groups: &[Group]) -> [usize; 2] {
    [call.test, call.dev].map(|share| (share * groups.len() as f64 + 0.5).floor() as usize)
}

impl Call {
    fn new(arguments: &[Value]) -> Option<Self> {
        let array = |index| whole_numbers::<Ix1>(arguments, index).to_owned();
        let (dev, test) = (float(arguments, 3), float(arguments, 4));
        let call = Call { order: array(0), groups: array(1), labels: array(2), dev, test };
        (dev >= 0.0 && test >= 0.0 && dev + test <= 1.0).then_some(call)
    }

    /// The groups of each class, as they appear along the order.
    fn classes(&self) -> BTreeMap<i64, Vec<Group>> {
        let mut classes: BTreeMap<i64, Vec<Group>> = BTreeMap::new();
        for &sample in &self.order {
            let (group, label) = (self.groups[sample as usize], self.labels[sample as usize]);
            let class = classes.entry(label).or_default();
            match class.iter_mut().find(|(number, _)| *number == group) {
                Some((_, samples)) => *samples += 1,
                None => class.push((group, 1)),
            }
        }
        classes
    }

    /// The parts of the samples, if the groups of a class have the parts that `parts` says.
    fn split(&self, parts: impl Fn(&[Group]) -> Vec<i64>) -> Array1<i64> {
        let mut part_of: BTreeMap<(i64, i64), i64> = BTreeMap::new();
        for (label, groups) in self.classes() {
            let parts = parts(&groups);
            part_of.extend(groups.iter().zip(parts).map(|(&(group, _), part)| ((label, group), part)));
        }
        self.groups.iter().zip(&self.labels).map(|(&group, &label)| part_of[&(label, group)]).collect()
    }
}

/// Parts in the order test, development, training.
fn test_first(groups: usize, [test, dev]: [usize; 2]) -> Vec<i64> {
    (0..groups)
        .map(|place| {
            if place < test {
                2
            } else if place < test + dev {
                1
            } else {
                0
            }
        })
        .collect()
}

fn answer(arguments: &[Value], part: impl FnOnce(Call) -> Array1<i64>) -> Outcome {
    Call::new(arguments)
        .map_or_else(|| rejects("the shares must not be negative or sum to more than 1"), |call| returns(part(call)))
}

/// The right split of a changed call.
fn changed(arguments: &[Value], change: impl FnOnce(Call) -> Call) -> Outcome {
    answer(arguments, |call| {
        let call = change(call);
        call.split(|groups| test_first(groups.len(), quotas(&call, groups)))
    })
}

/// A split with other quotas.
fn with_quotas(arguments: &[Value], quotas: fn(&Call, &[Group]) -> [usize; 2]) -> Outcome {
    answer(arguments, |call| call.split(|groups| test_first(groups.len(), quotas(&call, groups))))
}

fn reference(arguments: &[Value]) -> Outcome {
    changed(arguments, |call| call)
}

fn group_torn(arguments: &[Value], result: &Value) -> Option<String> {
    let groups = whole_numbers::<Ix1>(arguments, 1);
    let Value::Array(Array::I64(part)) = result else { return None };
    let mut seen: BTreeMap<i64, i64> = BTreeMap::new();
    groups.iter().zip(part).find_map(|(&group, &part)| {
        let first = *seen.entry(group).or_insert(part);
        (first != part).then(|| format!("group {group} is in part {first} and in part {part}"))
    })
}

const MISCONCEPTIONS: &[Misconception] = &[
    Misconception {
        id: "split-leaks",
        title: "samples are divided and not groups, so that one group is in training and in test",
        explanation: "Two slices of one patient, two frames of one video are nearly the same picture. With one in training the other tests \
                      memory, not understanding, and the score is a dream. Whole groups go to one part.",
        question: "Is the same patient in your training and in your test part?",
        see: ("fastai-ml", "validation-set lessons"),
        behaviour: |arguments| {
            changed(arguments, |call| Call { groups: Array1::from_iter(0..call.groups.len() as i64), ..call })
        },
    },
    Misconception {
        id: "not-stratified",
        title: "all classes are divided together",
        explanation: "A rare class may then be missing from the test part altogether, or be all in it. Divide each class by itself: each \
                      part gets its share of every class.",
        question: "How often is the rarer class in your test part?",
        see: ("cs229", "notes: regularization and model selection"),
        behaviour: |arguments| changed(arguments, |call| Call { labels: Array1::zeros(call.labels.len()), ..call }),
    },
    Misconception {
        id: "not-shuffled",
        title: "the groups are taken in the order of the samples and order is not used",
        explanation: "The first patients of a file may all come from one hospital. Walk along order, which has been shuffled.",
        question: "Which group comes first in your lists?",
        see: ("cs231n", "notes: classification (kNN, validation sets)"),
        behaviour: |arguments| {
            changed(arguments, |call| Call { order: Array1::from_iter(0..call.order.len() as i64), ..call })
        },
    },
    Misconception {
        id: "places-for-samples",
        title: "the parts are listed along the order and not by sample",
        explanation: "part[i] is asked for sample i. Walking along order and appending gives the part of the sample at place i, which is \
                      another one. Write part[order[place]].",
        question: "Does part[0] belong to sample 0 or to sample order[0]?",
        see: ("numpy", "numpy.random.Generator.permutation"),
        behaviour: |arguments| {
            answer(arguments, |call| {
                let part = call.split(|groups| test_first(groups.len(), quotas(&call, groups)));
                call.order.iter().map(|&sample| part[sample as usize]).collect()
            })
        },
    },
    Misconception {
        id: "rounded-down",
        title: "the numbers of groups are cut and not rounded",
        explanation: "int(0.2 * 14) is 2, nearer to it is 3. For small classes cutting takes all: int(0.15 * 6) is 0, and the rarer class is \
                      not there to be checked.",
        question: "What is 20 % of 14 groups?",
        see: ("numpy", "numpy.floor"),
        behaviour: |arguments| {
            with_quotas(arguments, |call, groups| {
                [call.test, call.dev].map(|share| (share * groups.len() as f64).floor() as usize)
            })
        },
    },
    Misconception {
        id: "fraction-of-the-rest",
        title: "the development share is taken of what the test part has left over",
        explanation: "Splitting twice, first the test part off and then 30 % of the rest, gives less than 30 % of all. Both shares refer to \
                      all groups of the class.",
        question: "30 % of what is your development part?",
        see: ("cs229", "notes: regularization and model selection"),
        behaviour: |arguments| {
            with_quotas(arguments, |call, groups| {
                let [test, _] = quotas(call, groups);
                let rest = groups.len().saturating_sub(test) as f64;
                [test, (call.dev * rest + 0.5).floor() as usize]
            })
        },
    },
    Misconception {
        id: "quota-in-samples",
        title: "groups are added to a part until it has its share of the samples",
        explanation: "That makes parts of more equal size, and one large group can fill the test part alone: a score from one patient. The \
                      shares count groups here.",
        question: "How many groups are in your test part, and how many were asked for?",
        see: ("fastai-ml", "validation-set lessons"),
        behaviour: |arguments| {
            with_quotas(arguments, |call, groups| {
                let samples = groups.iter().map(|(_, samples)| samples).sum::<usize>() as f64;
                let mut sizes = groups.iter().map(|&(_, samples)| samples as f64);
                [call.test, call.dev].map(|share| {
                    let (mut taken, mut count) = (0.0, 0);
                    while taken < share * samples - 1e-9 {
                        let Some(size) = sizes.next() else { break };
                        taken += size;
                        count += 1;
                    }
                    count
                })
            })
        },
    },
    Misconception {
        id: "training-taken-first",
        title: "the first groups go to training and the last to test",
        explanation: "As honest as the other way round, but another split than the one asked for: test first, then development, then \
                      training. Whoever wants the same numbers must cut in the same order.",
        question: "To which part does the first group of a class go?",
        see: ("cs229", "notes: regularization and model selection"),
        behaviour: |arguments| {
            answer(arguments, |call| {
                call.split(|groups| {
                    let [test, dev] = quotas(&call, groups);
                    let dev_end = groups.len().saturating_sub(test);
                    let train_end = dev_end.saturating_sub(dev);
                    (0..groups.len()).map(|place| i64::from(place >= train_end) + i64::from(place >= dev_end)).collect()
                })
            })
        },
    },
    Misconception {
        id: "parts-interchanged",
        title: "the numbers of the development and the test part are interchanged",
        explanation: "1 is development, 2 is test. Whoever tunes on part 1 in good faith would be tuning on the test.",
        question: "Which number stands for the test part?",
        see: ("dlbook", "5.3 Hyperparameters and validation sets"),
        behaviour: |arguments| {
            answer(arguments, |call| {
                let part = call.split(|groups| test_first(groups.len(), quotas(&call, groups)));
                part.mapv(|part| [0, 2, 1][part as usize])
            })
        },
    },
];
