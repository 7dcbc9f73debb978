//! Recurrent layers in a course's folder: the order of an LSTM's gates, and what is wrong with a step back.

mod common;

use std::fs;
use std::path::Path;

use common::{options, python};
use striate_road::check::{Diagnosis, Evidence};
use striate_road::course::{Course, check_folder};

const LAYERS: &str = include_str!("course/cs231n/assignment2/cs231n/rnn_layers.py");
const FORWARD: [(&str, &str); 2] = [
    ("sigmoid(a[:, 2 * H : 3 * H])", "sigmoid(a[:, 3 * H :])"),
    ("np.tanh(a[:, 3 * H :])", "np.tanh(a[:, 2 * H : 3 * H])"),
];
const JOINED: (&str, &str) =
    ("dnext_h * t * o * (1 - o), dc * i * (1 - g**2)])", "dc * i * (1 - g**2), dnext_h * t * o * (1 - o)])");

/// What is said about these functions of the layers with the edits.
fn diagnoses<const N: usize>(edits: &[(&str, &str)], functions: [&str; N]) -> [Option<Diagnosis>; N] {
    let mut source = LAYERS.to_string();
    for (from, to) in edits {
        assert!(source.contains(from), "{from}");
        source = source.replacen(from, to, 1);
    }
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("rnn_layers.py");
    fs::write(&file, source).expect("a file");
    let report = check_folder(Course::Cs231n, Path::new(&file), &options(), &mut |_| {}).expect("a folder to check");
    functions.map(|name| {
        let found = report.functions.iter().find(|found| found.function == name).expect("the function is found");
        found.report.diagnosis.clone()
    })
}

#[test]
fn the_order_of_the_gates_is_told() {
    if python().is_none() {
        return;
    }
    let [forward] = diagnoses(&FORWARD, ["lstm_step_forward"]);
    let forward = forward.expect("a name");
    assert_eq!(forward.id, "gate-order");
    assert!(forward.title.contains("in the order i f g o; this course has i f o g"), "{}", forward.title);
    let [forward, backward] = diagnoses(&[JOINED], ["lstm_step_forward", "lstm_step_backward"]);
    assert_eq!(forward, None);
    let backward = backward.expect("a name");
    assert_eq!(backward.id, "gate-order-in-gradient");
    assert!(backward.title.contains("joined in the order i f g o"), "{}", backward.title);
    // Both alike: the gradient belongs to the forward, which is wrong.
    let [backward] = diagnoses(&[FORWARD[0], FORWARD[1], JOINED], ["lstm_step_backward"]);
    let backward = backward.expect("a name");
    assert_eq!((backward.evidence, backward.id.as_str()), (Evidence::Gradient, "forward-wrong"));
}

#[test]
fn of_two_upstream_gradients_the_one_that_goes_astray_is_told() {
    if python().is_none() {
        return;
    }
    let of = |edit| diagnoses(&[edit], ["lstm_step_backward"])[0].clone().expect("a name");
    let cell = of(("dc = dnext_c + dnext_h", "dc = 0.7 * dnext_c + dnext_h"));
    assert_eq!((cell.evidence, cell.id.as_str()), (Evidence::Gradient, "path-of-one-upstream-wrong"), "{cell:#?}");
    assert!(cell.explanation.contains("With dnext_h alone your gradients are right"), "{}", cell.explanation);
    let both = of(("np.hstack([dc * g * i", "np.hstack([dc * g * i * 1.1"));
    assert_eq!((both.evidence, both.id.as_str()), (Evidence::Gradient, "local-derivative-wrong"), "{both:#?}");
}
