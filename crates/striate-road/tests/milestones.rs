//! The milestones, whose results are measured: what learners really write is named by what it lacks.

mod common;

use common::{Learner, python};
use striate_road::check::{Evidence, Language, Report, Rung, Status};

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
    let apart = [("    inputs = ", "    x = x[rng.permutation(len(x))]\n    inputs = ")];
    expect(&apart, Status::Wrong, "labels-not-shuffled", "asked for: 30.0 %");
    let linear = [
        ("np.maximum(z, 0)", "z"),
        (" * (z > 0)", ""),
        ("np.maximum(rows(x_new) @ w1 + b1, 0)", "(rows(x_new) @ w1 + b1)"),
    ];
    expect(&linear, Status::Wrong, "hidden-layer-missing", "two halves");
    expect(&[("rng.permutation(len(x))", "np.arange(len(x))")], Status::Fragile, "not-shuffled", "sorted");
    expect(&[("argmax(axis=1)", "argmax(axis=1) + 1")], Status::Wrong, "labels-outside-classes", "One label is 10");
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
