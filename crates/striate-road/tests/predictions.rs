//! The class that a network predicts is the place of the largest of one image's logits: what is written instead has a
//! name, in both languages.

mod common;

use common::slips::{expect, solution};
use common::{Learner, exercise};
use striate_road::check::Language;

#[test]
fn in_python() {
    let edits: &[(&str, common::slips::Edits)] = &[
        ("argmax-over-wrong-axis", &[("logits.argmax(axis=1) == y", "logits.argmax(axis=0) == y")]),
        (
            "argmax-over-wrong-axis",
            &[("(logits.argmax(axis=1) == y).mean()", "np.sum(np.argmax(logits.T, axis=1) == y) / len(y)")],
        ),
        ("argmax-of-all", &[("logits.argmax(axis=1) == y", "np.argmax(logits) == y")]),
    ];
    expect("train_cnn", &solution("train_cnn"), edits);
}

#[test]
fn in_rust() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../road/stations");
    let path = path.join(exercise("train_cnn").station).join("rust/solution_train_cnn.rs");
    let right = std::fs::read_to_string(path).expect("a solution");
    let from = "let right = (0..n).filter(|&image| best(&forward(&net, &x, image, &ones).logits) == y[[image]] as usize).count();";
    let columns = "let logits: Vec<Vec<f64>> = (0..n).map(|image| forward(&net, &x, image, &ones).logits).collect();
        let column = |class: usize| logits.iter().map(|row| row[class]).collect::<Vec<f64>>();
        let right = (0..n).filter(|&class| best(&column(class)) == y[[class]] as usize).count();";
    let whole = "let logits: Vec<f64> = (0..n).flat_map(|image| forward(&net, &x, image, &ones).logits).collect();
        let right = (0..n).filter(|&image| best(&logits) == y[[image]] as usize).count();";
    assert!(right.contains(from), "the solution has changed");
    for (instead, id) in [(columns, "argmax-over-wrong-axis"), (whole, "argmax-of-all")] {
        let report = Learner::new("train_cnn", Language::Rust, &right.replace(from, instead)).check();
        let named = report.diagnosis.as_ref().map(|diagnosis| diagnosis.id.as_str());
        assert_eq!(named, Some(id), "{report:#?}");
    }
}
