//! `choose_filter`: deciding by images that one may look at, reporting on images that one may not.

use ndarray::{Array1, Array2, ArrayView2, Ix1, Ix2, array};

use crate::exercise::{Exercise, Kind, Misconception, Outcome, Parameter, Probe, Signature};
use crate::exercises::arguments::{
    f64_array, float_named, floats, i64_array, int_named, rejects, returns, whole_numbers,
};
use crate::exercises::numbers::Numbers;
use crate::exercises::worked::short;
use crate::value::Value;

/// The exercise.
pub static CHOOSE_FILTER: Exercise = Exercise {
    id: "choose_filter",
    station: "filter-bench",
    task: "You have measured F settings of a filter on N crops: scores[f, n] is the PSNR of setting f on crop n, and photo[n] is\n\
           the number of the photograph that crop n was cut from. The photographs listed in test are held out: all of their\n\
           crops are for the report, all others for tuning.\n\
           Choose the setting with the highest mean score over the tuning crops, the first of equal ones.\n\
           Return it, its mean score over the held-out crops, and by how much tuning flatters: its mean over the tuning crops\n\
           minus its mean over the held-out ones.\n\
           Refuse with an error if no crop is left for tuning, or none is held out.",
    signature: Signature {
        name: "choose_filter",
        parameters: &[
            f64_array("scores", &["F", "N"], "PSNR in dB per setting and crop"),
            i64_array("photo", &["N"], "number of the photograph that each crop is from"),
            i64_array("test", &["K"], "numbers of the photographs that are held out"),
        ],
        returns: Parameter {
            name: "decision",
            kind: Kind::Tuple(&[
                int_named("choice", "index of the setting chosen"),
                float_named("reported", "its mean score over the held-out crops"),
                float_named("flattery", "its mean over the tuning crops minus reported"),
            ]),
            meaning: "choice, report and flattery",
        },
    },
    probes,
    reference,
    misconceptions: MISCONCEPTIONS,
    worked: Some(worked),
    hints: &[
        "Write down for one probe which crops are held out. Does any photograph have crops on both sides?",
        "Make a mask over the crops: held_out = np.isin(photo, test). Means over scores[:, ~held_out] decide; one mean over \
         scores[choice, held_out] is the report. The held-out scores of the other settings are never looked at.",
        "scores = [[30, 28, 20], [27, 27, 26]], photo = [0, 0, 5], test = [5]: crop 2 is held out.\n\
         Tuning means: (30 + 28) / 2 = 29 and 27, so setting 0 is chosen. It is reported with 20 and flattered by 29 - 20 = 9.\n\
         (Setting 1 would have been better. You are not allowed to know.)",
    ],
    ..Exercise::DEFAULTS
};

fn probes() -> Vec<Probe> {
    let mut numbers = Numbers::stream(1411);
    let mut random = |settings: usize, photo: &[i64], test: &[i64]| {
        let scores: Array2<f64> = numbers.integers([settings, photo.len()], 180, 340) / 10.0;
        arguments(scores, photo, test)
    };
    let tied = array![[20.0, 22.0, 30.0], [25.0, 23.0, 21.0], [25.0, 23.0, 29.0], [24.0, 23.5, 33.0]];
    let lucky = array![[34.0, 18.0, 19.0, 25.0, 26.0], [24.0, 25.0, 26.0, 20.0, 21.0], [23.0, 23.0, 24.0, 31.0, 30.0]];
    vec![
        Probe::ordinary(
            "2 settings, 3 crops",
            arguments(array![[30.0, 28.0, 20.0], [27.0, 27.0, 26.0]], &[0, 0, 5], &[5]),
        ),
        Probe::ordinary("one setting with a single lucky crop", arguments(lucky, &[0, 1, 2, 3, 3], &[3])),
        Probe::ordinary("4 settings, 7 crops of 4 photographs", random(4, &[0, 0, 1, 1, 1, 2, 3], &[1, 3])),
        Probe::ordinary("5 settings, 8 crops in mixed order", random(5, &[2, 0, 1, 0, 2, 1, 0, 3], &[0, 3])),
        Probe::ordinary("6 settings, 11 crops", random(6, &[4, 4, 1, 2, 2, 2, 0, 3, 0, 3, 3], &[2, 4])),
        Probe::ordinary("3 settings, 9 crops of 3 photographs", random(3, &[0, 1, 2, 0, 1, 2, 0, 1, 1], &[2])),
        Probe::hard("two settings that tune equally well", arguments(tied, &[7, 8, 9], &[9])),
        Probe::hard("a single setting", random(1, &[0, 1, 1], &[1])),
        Probe::hard("photographs with large numbers", random(3, &[70, 12, 70, 55, 12], &[12, 70])),
        Probe::hard("a held-out photograph without crops", random(3, &[0, 1, 2, 1], &[1, 3])),
        Probe::hard("every photograph held out", random(2, &[0, 1, 1], &[1, 0])),
        Probe::hard("none of the photographs held out", random(2, &[0, 1, 1], &[2])),
    ]
}

fn arguments(scores: Array2<f64>, photo: &[i64], test: &[i64]) -> Vec<Value> {
    vec![scores.into(), Array1::from(photo.to_vec()).into(), Array1::from(test.to_vec()).into()]
}

/// The scores, and which crops tune and which are held out.
struct Bench<'a> {
    scores: ArrayView2<'a, f64>,
    tuning: Vec<usize>,
    held_out: Vec<usize>,
}

impl<'a> Bench<'a> {
    /// With the crops for which `is_held_out` says so (by index and photograph) on the other side.
    fn split(arguments: &'a [Value], is_held_out: impl Fn(usize, i64) -> bool) -> Result<Self, Outcome> {
        let photo = whole_numbers::<Ix1>(arguments, 1);
        let (held_out, tuning): (Vec<usize>, Vec<usize>) =
            (0..photo.len()).partition(|&crop| is_held_out(crop, photo[crop]));
        if tuning.is_empty() || held_out.is_empty() {
            return Err(rejects("crops are needed on both sides"));
        }
        Ok(Bench { scores: floats::<Ix2>(arguments, 0), tuning, held_out })
    }

    fn of(&self, setting: usize, crops: &[usize]) -> Vec<f64> {
        crops.iter().map(|&crop| self.scores[[setting, crop]]).collect()
    }

    fn mean(&self, setting: usize, crops: &[usize]) -> f64 {
        mean(&self.of(setting, crops))
    }

    fn settings(&self) -> std::ops::Range<usize> {
        0..self.scores.nrows()
    }

    /// The first setting of which `score` is the highest.
    fn best(&self, score: impl Fn(usize) -> f64) -> usize {
        self.settings().fold(0, |best, setting| if score(setting) > score(best) { setting } else { best })
    }

    fn tuned(&self) -> usize {
        self.best(|setting| self.mean(setting, &self.tuning))
    }

    /// The report on a setting.
    fn report(&self, choice: usize) -> Outcome {
        self.report_as(choice, self.mean(choice, &self.held_out))
    }

    fn report_as(&self, choice: usize, reported: f64) -> Outcome {
        decision(choice, reported, self.mean(choice, &self.tuning) - reported)
    }
}

fn mean(numbers: &[f64]) -> f64 {
    numbers.iter().sum::<f64>() / numbers.len() as f64
}

fn decision(choice: usize, reported: f64, flattery: f64) -> Outcome {
    returns(Value::Tuple(vec![Value::Int(choice as i64), Value::Float(reported), Value::Float(flattery)]))
}

/// A result from the right split.
fn decided(arguments: &[Value], decide: impl FnOnce(&Bench<'_>) -> Outcome) -> Outcome {
    let test = whole_numbers::<Ix1>(arguments, 2);
    match Bench::split(arguments, |_, photo| test.iter().any(|held_out| *held_out == photo)) {
        Ok(bench) => decide(&bench),
        Err(refusal) => refusal,
    }
}

fn reference(arguments: &[Value]) -> Outcome {
    decided(arguments, |bench| bench.report(bench.tuned()))
}

/// The mean over photographs of the means over their crops.
fn mean_of_photographs(bench: &Bench<'_>, photo: &[i64], setting: usize, crops: &[usize]) -> f64 {
    let mut photographs: Vec<i64> = crops.iter().map(|&crop| photo[crop]).collect();
    photographs.sort_unstable();
    photographs.dedup();
    let of_photograph = |number: &i64| {
        let own: Vec<usize> = crops.iter().copied().filter(|&crop| photo[crop] == *number).collect();
        bench.mean(setting, &own)
    };
    mean(&photographs.iter().map(of_photograph).collect::<Vec<_>>())
}

/// The means that a part of the decision is made from.
fn worked(arguments: &[Value], part: usize, _: usize) -> Option<String> {
    let test = whole_numbers::<Ix1>(arguments, 2);
    let bench = Bench::split(arguments, |_, photo| test.iter().any(|held_out| *held_out == photo)).ok()?;
    let choice = bench.tuned();
    let [tuning, reported] = [&bench.tuning, &bench.held_out].map(|crops| short(bench.mean(choice, crops)));
    Some(match part {
        0 => {
            let means: Vec<String> = bench.settings().map(|f| short(bench.mean(f, &bench.tuning))).collect();
            format!("{choice}, the first highest of the tuning means {} (crops {:?})", means.join(", "), bench.tuning)
        }
        1 => format!("{reported}, the mean of setting {choice} over the held-out crops {:?}", bench.held_out),
        _ => format!("{tuning} - {reported}, the tuning mean of setting {choice} minus its held-out mean"),
    })
}

const MISCONCEPTIONS: &[Misconception] = &[
    Misconception {
        id: "tuned-on-test",
        title: "the setting is chosen by its scores on the held-out crops",
        explanation: "Then they are not held out. The best of many settings on the test images is best partly by luck, and its score \
                      there promises more than new images will keep. Choose by the tuning crops; look at the others once.",
        question: "Would your choice change if the held-out scores changed? May it?",
        see: ("cs231n", "notes: image classification, validation sets for hyperparameter tuning"),
        behaviour: |arguments| {
            decided(arguments, |bench| bench.report(bench.best(|setting| bench.mean(setting, &bench.held_out))))
        },
    },
    Misconception {
        id: "tuned-on-all",
        title: "the setting is chosen by its mean over all crops, the held-out ones among them",
        explanation: "Using the test images a little is using them. The more of the crops are held out, the more the choice is made \
                      by the very images that are to judge it.",
        question: "Over which columns does the mean run that decides?",
        see: ("cs231n", "notes: image classification, validation sets for hyperparameter tuning"),
        behaviour: |arguments| {
            decided(arguments, |bench| {
                let all: Vec<usize> = (0..bench.scores.ncols()).collect();
                bench.report(bench.best(|setting| bench.mean(setting, &all)))
            })
        },
    },
    Misconception {
        id: "split-leaks",
        title: "test is taken as a list of crops, so that one photograph has crops on both sides",
        explanation: "Crops of one photograph share light, noise and texture. If some of them tune and others test, the filter has \
                      seen the test before: the split leaks. Hold out whole photographs: photo[n] decides, not n.",
        question: "Is there a photograph with one crop among the tuning crops and another among the held-out ones?",
        see: ("ng-ml", "W6 Advice for applying machine learning"),
        behaviour: |arguments| {
            let test = whole_numbers::<Ix1>(arguments, 2);
            let crops = whole_numbers::<Ix1>(arguments, 1).len() as i64;
            if test.iter().any(|crop| *crop >= crops) {
                return rejects("there is no such crop");
            }
            match Bench::split(arguments, |crop, _| test.iter().any(|held_out| *held_out == crop as i64)) {
                Ok(bench) => bench.report(bench.tuned()),
                Err(refusal) => refusal,
            }
        },
    },
    Misconception {
        id: "tuning-score-reported",
        title: "the mean over the tuning crops is reported",
        explanation: "The setting was chosen because this number was the largest of all: it contains the luck of the draw. An honest \
                      report is made on images that had no say in the choice.",
        question: "Which images had a say in the choice, and which ones stand in your report?",
        see: ("cs231n", "notes: image classification, validation sets for hyperparameter tuning"),
        behaviour: |arguments| {
            decided(arguments, |bench| {
                let choice = bench.tuned();
                let tuning = bench.mean(choice, &bench.tuning);
                decision(choice, tuning, tuning - bench.mean(choice, &bench.held_out))
            })
        },
    },
    Misconception {
        id: "best-test-reported",
        title: "the best held-out mean of any setting is reported, not that of the setting chosen",
        explanation: "Whoever uses your filter gets the setting that you chose, and its score. The best score on the test images \
                      belongs to a setting that nobody could have known.",
        question: "To which setting does the number belong that you report?",
        see: ("ng-ml", "W6 Advice for applying machine learning"),
        behaviour: |arguments| {
            decided(arguments, |bench| {
                let best = bench.best(|setting| bench.mean(setting, &bench.held_out));
                bench.report_as(bench.tuned(), bench.mean(best, &bench.held_out))
            })
        },
    },
    Misconception {
        id: "best-per-crop-reported",
        title: "each held-out crop is reported with the setting that suits it best",
        explanation: "To know which setting suits a crop best one needs the clean image, and with it there is nothing left to filter. \
                      One setting, chosen beforehand, for all crops.",
        question: "How many different settings stand behind your report?",
        see: ("cs231n", "notes: image classification, validation sets for hyperparameter tuning"),
        behaviour: |arguments| {
            decided(arguments, |bench| {
                let best = |crop: &usize| bench.scores[[bench.best(|setting| bench.scores[[setting, *crop]]), *crop]];
                let scores: Vec<f64> = bench.held_out.iter().map(best).collect();
                bench.report_as(bench.tuned(), mean(&scores))
            })
        },
    },
    Misconception {
        id: "best-single-crop",
        title: "the setting with the highest score on any one tuning crop is chosen",
        explanation: "One lucky crop decides, and the more crops you try, the more luck there is. A mean over all of them says what to \
                      expect.",
        question: "Is your choice the best one on most crops, or on one?",
        see: ("cs231n", "notes: image classification, validation sets for hyperparameter tuning"),
        behaviour: |arguments| {
            decided(arguments, |bench| {
                let most = |setting| bench.of(setting, &bench.tuning).into_iter().fold(f64::NEG_INFINITY, f64::max);
                bench.report(bench.best(most))
            })
        },
    },
    Misconception {
        id: "worst-crop-decides",
        title: "the setting whose worst tuning crop is the least bad is chosen",
        explanation: "That is a cautious rule, and sometimes a wise one, but not the one that is asked for, and it makes a single crop \
                      the judge. Choose by the mean.",
        question: "Which statistic of a row decides in your code?",
        see: ("cs231n", "notes: image classification, validation sets for hyperparameter tuning"),
        behaviour: |arguments| {
            decided(arguments, |bench| {
                let least = |setting| bench.of(setting, &bench.tuning).into_iter().fold(f64::INFINITY, f64::min);
                bench.report(bench.best(least))
            })
        },
    },
    Misconception {
        id: "mean-of-means",
        title: "means are taken per photograph first, and then over photographs",
        explanation: "A photograph with one crop then counts as much as one with five. Both can be defended; the task says the mean over \
                      crops. Two people who compare numbers must have agreed on this.",
        question: "Does every crop count the same in your mean?",
        see: ("numpy", "numpy.mean"),
        behaviour: |arguments| {
            decided(arguments, |bench| {
                let photo = whole_numbers::<Ix1>(arguments, 1).to_vec();
                let choice = bench.best(|setting| mean_of_photographs(bench, &photo, setting, &bench.tuning));
                let reported = mean_of_photographs(bench, &photo, choice, &bench.held_out);
                decision(choice, reported, mean_of_photographs(bench, &photo, choice, &bench.tuning) - reported)
            })
        },
    },
    Misconception {
        id: "smallest-first",
        title: "the setting with the lowest score is chosen",
        explanation: "PSNR is a ratio of signal to noise: the higher, the better. An error would be minimised; this is none.",
        question: "Is a high PSNR good or bad?",
        see: ("gonzalez-dip", "3.8 Combining spatial enhancement methods"),
        behaviour: |arguments| {
            decided(arguments, |bench| bench.report(bench.best(|setting| -bench.mean(setting, &bench.tuning))))
        },
    },
    Misconception {
        id: "ties-last",
        title: "of equally good settings the last one is chosen",
        explanation: "A comparison with >= moves on to every equal score. The first of equal ones is asked for, which is what argmax gives.",
        question: "Do you compare with > or with >=?",
        see: ("numpy", "numpy.argmax, the note on multiple occurrences"),
        behaviour: |arguments| {
            decided(arguments, |bench| {
                let score = |setting| bench.mean(setting, &bench.tuning);
                let last = bench.settings().fold(0, |best, at| if score(at) >= score(best) { at } else { best });
                bench.report(last)
            })
        },
    },
    Misconception {
        id: "sum-over-wrong-axis",
        title: "the mean runs over the settings, and a crop is chosen",
        explanation: "scores[f, n]: rows are settings, columns are crops. A mean per setting runs along a row, axis 1. Yours finds the \
                      easiest crop, and takes its index for a setting.",
        question: "How many means do you compare: as many as settings, or as many as crops?",
        see: ("numpy", "numpy.mean, argument axis"),
        behaviour: |arguments| {
            decided(arguments, |bench| {
                let easy = |at: usize| {
                    mean(&bench.settings().map(|f| bench.scores[[f, bench.tuning[at]]]).collect::<Vec<_>>())
                };
                let choice = (0..bench.tuning.len()).fold(0, |best, at| if easy(at) > easy(best) { at } else { best });
                if choice < bench.scores.nrows() { bench.report(choice) } else { rejects("there is no such setting") }
            })
        },
    },
    Misconception {
        id: "mean-missing",
        title: "scores are summed and not divided by the number of crops",
        explanation: "The choice is the same, but a sum over 4 crops is no decibel value, and the difference of a sum over many crops and \
                      one over few says nothing at all.",
        question: "Is 110 dB a PSNR that you believe?",
        see: ("numpy", "numpy.mean"),
        behaviour: |arguments| {
            decided(arguments, |bench| {
                let choice = bench.tuned();
                let sum = |crops: &[usize]| bench.of(choice, crops).iter().sum::<f64>();
                decision(choice, sum(&bench.held_out), sum(&bench.tuning) - sum(&bench.held_out))
            })
        },
    },
    Misconception {
        id: "sign-flipped",
        title: "flattery is the held-out mean minus the tuning mean",
        explanation: "Tuning flatters when it promises more than comes true: promised minus kept, positive as a rule.",
        question: "Tuning promised 29 dB and the test gave 20: by how much were you flattered?",
        see: ("ng-ml", "W6 Advice for applying machine learning"),
        behaviour: |arguments| {
            decided(arguments, |bench| {
                let choice = bench.tuned();
                let reported = bench.mean(choice, &bench.held_out);
                decision(choice, reported, reported - bench.mean(choice, &bench.tuning))
            })
        },
    },
];
