//! The milestones, whose results are measured: what learners really write is named by what it lacks.

mod common;

use std::sync::Mutex;

use common::{Learner, python};
use striate_road::check::{Evidence, Language, Progress, Report, Rung, Status, check_with_progress};
use striate_road::exercise::{Exercise, FullSize, Measure, Outcome, Probe, Requirement, Signature};
use striate_road::exercises;
use striate_road::project::Measured;
use striate_road::value::Value;

const MLP: &str = include_str!("../../../road/stations/numpy-mlp/python/solution_mlp_train.py");

fn check(source: &str) -> Report {
    Learner::new("mlp_train", Language::Python, source).check()
}

/// The model solution with something written otherwise.
#[track_caller]
fn expect(changes: &[(&str, &str)], status: Status, id: &str, headline: &str) {
    let wrong = changes.iter().fold(MLP.to_string(), |source, (right, instead)| {
        assert!(source.contains(right), "{right:?} is not in the solution");
        source.replace(right, instead)
    });
    let report = check(&wrong);
    assert_eq!((report.status, report.rung), (status, Some(Rung::Requirements)), "{report:#?}");
    let found = report.diagnosis.expect("a name");
    assert_eq!((found.evidence, found.id.as_str()), (Evidence::Requirement, id), "{}", report.headline);
    assert!(report.headline.contains(headline), "{headline:?} is not in {:?}", report.headline);
}

#[test]
fn mistakes_of_the_process_are_found_by_measuring() {
    if python().is_none() {
        return;
    }
    let own_mean = [("rows(x_new)", "(rows(x_new) - rows(x_new).mean() + x.mean())")];
    expect(&own_mean, Status::Wrong, "test-statistics", "when other images are read");
    expect(&[("default_rng(seed)", "default_rng()")], Status::Wrong, "not-repeatable", "Called twice");
    let apart = [("    x = rows(x)\n", "    x = rows(x)[rng.permutation(len(x))]\n")];
    expect(&apart, Status::Wrong, "labels-not-shuffled", "asked for: 30.0 %");
    let linear = [
        ("np.maximum(z, 0)", "z"),
        (" * (z > 0)", ""),
        ("np.maximum(rows(x_new) @ w1 + b1, 0)", "(rows(x_new) @ w1 + b1)"),
    ];
    expect(&linear, Status::Wrong, "hidden-layer-missing", "two halves");
    expect(&[("argmax(axis=1)", "argmax(axis=1) + 1")], Status::Wrong, "labels-outside-classes", "One label is 10");
}

/// A rate that falls to 0 undoes most of the harm of a fixed order, and still it is found.
#[test]
fn a_fixed_order_is_found_whatever_the_learning_rate_does() {
    if python().is_none() {
        return;
    }
    let fixed = ("rng.permutation(len(x))", "np.arange(len(x))");
    let falling = "np.linspace(RATE, 0, epochs * -(-len(x) // BATCH), dtype=np.float32)";
    let steps = "np.linspace(0, 1, epochs * -(-len(x) // BATCH))";
    for (rates, batch) in [
        (falling.to_string(), "128, 50, 0.4"),
        (falling.replace("RATE, 0", "RATE, RATE"), "128, 50, 0.4"),
        (format!("(RATE * (1 - {steps}) ** 2).astype(np.float32)"), "128, 50, 0.4"),
        (format!("(RATE / 2 * (1 + np.cos(np.pi * {steps}))).astype(np.float32)"), "128, 200, 0.4"),
        // Many small steps: the images find their classes, and the order decides which of the two.
        (falling.to_string(), "128, 10, 0.1"),
    ] {
        expect(&[fixed, (falling, &rates), ("128, 50, 0.4", batch)], Status::Fragile, "not-shuffled", "sorted");
    }
}

#[test]
fn labels_per_class_and_not_per_image_have_a_name() {
    if python().is_none() {
        return;
    }
    let report = check(&MLP.replace("argmax(axis=1)", "argmax(axis=0)"));
    assert_eq!((report.status, report.rung), (Status::Wrong, Some(Rung::Shape)), "{report:#?}");
    let found = report.diagnosis.expect("a name");
    assert_eq!(found.id, "argmax-over-wrong-axis");
    assert!(found.title.contains("classes (10)") && found.title.contains("60 images"), "{}", found.title);
}

#[test]
fn a_framework_is_refused_by_name_before_anything_runs() {
    let report = check(&format!("import numpy as np\nfrom torch import nn\n{MLP}"));
    assert_eq!((report.status, report.rung), (Status::Wrong, Some(Rung::Rules)));
    assert_eq!(report.headline, "Your file imports torch");
    let place = report.place.expect("a line");
    assert_eq!((place.line, place.code.as_str()), (2, "from torch import nn"));
    assert_eq!(report.diagnosis.expect("a name").id, "framework-imported");
    // In an exercise without that rule the import fails as any other.
    let learner = Learner::new("choose_epoch", Language::Python, "import sklearn\n");
    assert_ne!(learner.check().rung, Some(Rung::Rules));
}

/// The report on the model solution of the network with fewer units, and what was heard of it meanwhile.
fn check_small(hidden: usize) -> (Report, Vec<Progress>) {
    let learner = Learner::new("mlp_train", Language::Python, &MLP.replace("= 128, 50", &format!("= {hidden}, 50")));
    let heard = Mutex::new(Vec::new());
    let exercise = exercises::find("mlp_train").expect("an exercise");
    let tell = |progress: &Progress| heard.lock().expect("one thread at a time").push(*progress);
    let report = check_with_progress(exercise, Language::Python, &learner.file(), &learner.options, &tell);
    (report, heard.into_inner().expect("nobody is telling any more"))
}

#[test]
fn a_network_that_is_too_small_falls_short_on_all_of_mnist() {
    if python().is_none() {
        return;
    }
    let (report, heard) = check_small(20);
    assert_eq!((report.status, report.rung), (Status::Fragile, Some(Rung::Requirements)), "{report:#?}");
    assert_eq!((report.probes_passed, report.probes), (10, 11));
    let full = report.full_size.expect("a measurement");
    assert!(full.right.is_some_and(|right| (0.9..0.975).contains(&right)) && !full.enough, "{full:?}");
    let words = "% right of 10,000 images whose classes your code never saw; 97.5 % is asked for";
    assert!(report.headline.ends_with(words), "{}", report.headline);
    assert_eq!(report.diagnosis.expect("a name").id, "accuracy-low");
    // The limit is said before anything else.
    assert_eq!((heard[0].seconds, heard[0].limit_seconds, heard[0].asked), (0.0, 120.0, 0.975));
}

/// A milestone of one second: numbers that are to come back.
fn quick_milestone() -> &'static Exercise {
    let known = exercises::find("mlp_train").expect("an exercise");
    Box::leak(Box::new(Exercise {
        id: "quick",
        station: "numpy-mlp",
        signature: Signature {
            name: "quick",
            parameters: &known.signature.parameters[1..2],
            returns: known.signature.parameters[1].clone(),
        },
        probes: || vec![Probe::ordinary("three numbers", vec![Value::array(&[3], vec![0i64, 1, 2])])],
        reference: |arguments| Outcome::Value(arguments[0].clone()),
        measured: &[Requirement {
            id: "anything",
            measure: Measure::Each(|_| Some(Measured { holds: true, text: "it came back".into() })),
        }],
        full_size: Some(FullSize {
            data: "a thousand numbers",
            arguments: || vec![Value::array(&[1000], (0..1000).collect::<Vec<i64>>())],
            right: |answer| (answer.result.as_array().map_or(0, |array| array.len()), 1000),
            what: "numbers",
            asked: 1.0,
            seconds: 1,
            shortfall: "anything",
        }),
        ..Exercise::DEFAULTS
    }))
}

/// The report on `quick` with this line between its head and its return.
fn check_quick(line: &str) -> Report {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("quick.py");
    let source = format!("import time\nimport numpy as np\n\n\ndef quick(y):\n    {line}\n    return y\n");
    std::fs::write(&file, source).expect("a file");
    check_with_progress(quick_milestone(), Language::Python, &file, &common::options(), &|_| {})
}

#[test]
fn what_ends_a_measurement_at_full_size_is_told_for_it() {
    if python().is_none() {
        return;
    }
    let passed = check_quick("pass");
    assert_eq!((passed.status, passed.probes_passed, passed.probes), (Status::Passed, 2, 2), "{passed:#?}");
    assert_eq!(passed.headline, "100.00 % right of 1,000 numbers; 100 % is asked for");
    assert!(passed.message.starts_with("✓ it came back\n✓ a thousand numbers: done in 0.0 s, 1 s are allowed"));
    let slow = check_quick("time.sleep(60 if len(y) > 10 else 0)");
    assert_eq!((slow.status, slow.rung), (Status::Fragile, Some(Rung::TimeOut)));
    assert_eq!(slow.headline, "With a thousand numbers, your code did not finish within 1 s");
    assert!(slow.message.contains("this is about speed"), "{}", slow.message);
    let large = check_quick("np.ones(10**12) if len(y) > 10 else 0");
    assert_eq!((large.status, large.rung), (Status::Fragile, Some(Rung::Survives)), "{large:#?}");
    assert!(large.message.contains("read new images in portions"), "{}", large.message);
    let raises = check_quick("1 / (len(y) < 10)");
    assert_eq!(raises.rung, Some(Rung::Raises), "{raises:#?}");
    assert!(raises.place.is_some() && raises.headline.contains("ZeroDivisionError"), "{}", raises.headline);
    let short = check_quick("y = y[:990]");
    assert_eq!((short.status, short.rung), (Status::Fragile, Some(Rung::Shape)), "{short:#?}");
}
