//! `striate weights`, `train --init` and `train --find-lr`: the program itself.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

struct Home(tempfile::TempDir);

impl Home {
    fn new() -> Self {
        Home(tempfile::tempdir().unwrap())
    }

    /// Runs a command that must end with this code; gives what it printed (1: the error, or nothing).
    fn run(&self, code: i32, arguments: &[&str]) -> (String, String) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_striate"));
        command.args(arguments).env("STRIATE_HOME", self.0.path()).env_remove("STRIATE_DATA");
        command.env("STRIATE_CACHE", Path::new(env!("CARGO_TARGET_TMPDIR")).join("cache"));
        let output = command.output().unwrap();
        let [out, error] = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap());
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {out}{error}");
        assert!(!error.contains("panicked"), "{error}");
        (out, error)
    }

    fn ok(&self, arguments: &[&str]) -> String {
        self.run(0, arguments).0
    }

    fn json(&self, code: i32, arguments: &[&str]) -> Value {
        serde_json::from_str(&self.run(code, arguments).0).unwrap()
    }

    fn run_file(&self, run: &str, name: &str) -> PathBuf {
        self.0.path().join("runs").join(run).join(name)
    }
}

/// A file that PyTorch wrote.
fn pytorch(name: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../striate-nn/tests/golden/weights");
    folder.join(name).to_str().unwrap().to_owned()
}

#[test]
fn a_pytorch_file_is_shown_and_compared() {
    let home = Home::new();
    let file = pytorch("lenet.pt");
    let text = home.ok(&["weights", &file]);
    assert!(text.contains("conv1.weight  3 x 1 x 5 x 5  f32            75\n"), "{text}");
    assert!(text.contains("8 tensors, 956 numbers, 3.8 kB (PyTorch format)"), "{text}");
    let answer = home.json(0, &["weights", &file, "--json"]);
    assert_eq!(answer["tensors"][0]["shape"], serde_json::json!([3, 1, 5, 5]));
    assert_eq!((&answer["numbers"], &answer["format"]), (&956.into(), &"PyTorch".into()));

    let checkpoint = home.ok(&["weights", &pytorch("resnet_checkpoint.pth")]);
    assert!(checkpoint.contains("(PyTorch format, in its entry `state_dict`)"), "{checkpoint}");
    assert!(checkpoint.contains("Also in the file, not read: epoch, arch, optimizer, best"), "{checkpoint}");

    let (text, _) = home.run(1, &["weights", &file, "--model", "lenet"]);
    assert!(text.contains("does not fit lenet: 0 of 10 tensors fit"), "{text}");
    assert!(text.contains("`conv1.weight` has shape [3, 1, 5, 5], the model expects [6, 1, 5, 5]"), "{text}");
    let answer = home.json(1, &["weights", &file, "--model", "lenet", "--json"]);
    assert_eq!((&answer["fit"]["fits"], &answer["fit"]["missing"][0]), (&false.into(), &"fc3.bias".into()));
    home.run(1, &["weights", &file, "--model", "lenet", "--as", "never"]);
    assert!(home.ok(&["runs"]).contains("No run yet"));
}

#[test]
fn what_cannot_be_used_is_one_error_with_a_next_step() {
    let home = Home::new();
    let table = [
        (pytorch("harmful.pt"), "this file asks to run `posix.system`: refused", "torch.save(model.state_dict()"),
        (pytorch("parts.pt"), "there is no dictionary of tensors", "the entries `encoder`, `decoder`, `step`"),
        (pytorch("no-such-file.pt"), "cannot use the weights in", "Check the name"),
        (pytorch("."), "it is not a file", "Give the .pt, .pth or .safetensors file"),
        (pytorch("../make_golden.py"), "neither a PyTorch nor a safetensors file", "torch.save"),
    ];
    for (file, what, next) in table {
        let (out, error) = home.run(1, &["weights", &file]);
        assert!(
            out.is_empty() && error.starts_with("error: ") && error.contains(what) && error.contains(next),
            "{error}"
        );
    }
    assert!(home.ok(&["weights", &pytorch("parts.pt"), "--entry", "encoder"]).contains("weight"));
    home.run(2, &["weights", &pytorch("lenet.pt"), "--rename", "a", "--model", "lenet"]);
    home.run(2, &["weights", &pytorch("lenet.pt"), "--as", "x"]);
    let clash = ["weights", &pytorch("lenet.pt"), "--model", "lenet", "--rename", "fc1=fc2"];
    assert!(home.run(2, &clash).1.contains("would both be called `fc2."));
}

/// Weights leave and come back: the same answers, under other names too.
#[test]
fn imported_weights_answer_as_the_run_they_came_from() {
    let home = Home::new();
    let short = ["--epochs", "1", "--train-limit", "2000", "--model", "softmax"];
    home.ok(&[&["train", "digits", "--name", "source"], &short[..]].concat());
    let weights = home.run_file("source", "model.safetensors");
    let weights = weights.to_str().unwrap();
    let model = ["--model", "softmax"];
    let text = home.ok(&[&["weights", weights], &model[..]].concat());
    assert!(text.contains("fits softmax: 2 of 2 tensors fit"), "{text}");

    let text = home.ok(&[&["weights", weights, "--as", "copy"], &model[..]].concat());
    assert!(text.contains("is now the run copy: ") && text.contains("striate eval copy"), "{text}");
    let [first, second] = ["source", "copy"].map(|run| home.json(0, &["eval", run, "--json"]));
    assert_eq!((&first["accuracy"], &first["confusion"]), (&second["accuracy"], &second["confusion"]));
    assert!(home.ok(&["runs"]).contains("copy "));
    assert!(
        home.run(2, &[&["weights", weights, "--as", "copy"], &model[..]].concat()).1.contains("already a run 'copy'")
    );

    // Statistics other than those of the training images change the answers.
    let other = ["weights", weights, "--as", "other", "--mean", "0.5", "--std", "0.5"];
    let answer = home.json(0, &[&other[..], &model, &["--json"]].concat());
    assert_ne!(answer["run"]["test_loss"], first["loss"]);
    let wrong = ["weights", weights, "--as", "wrong", "--mean", "0.5,0.5", "--std", "1,1"];
    assert!(home.run(2, &[&wrong[..], &model].concat()).1.contains("one number for each of the 1 channels"));

    let (text, _) = home.run(1, &[&["weights", weights, "--rename", "fc=head"], &model[..]].concat());
    assert!(text.contains("If so, add --rename head=fc"), "{text}");
}

#[test]
fn a_training_starts_from_given_weights_and_resumes_without_the_file() {
    let home = Home::new();
    let short = ["--epochs", "1", "--train-limit", "2000", "--model", "softmax"];
    home.ok(&[&["train", "digits", "--name", "source"], &short[..]].concat());
    let file = home.0.path().join("start.safetensors");
    fs::copy(home.run_file("source", "model.safetensors"), &file).unwrap();
    let file = file.to_str().unwrap();
    let tiny = ["--learning-rate", "1e-9", "--clip-norm", "1"];
    let events = home.ok(&[&["train", "digits", "--name", "on", "--init", file, "--json"], &short[..], &tiny].concat());
    let last: Value = serde_json::from_str(events.lines().last().unwrap()).unwrap();
    let source: Value = serde_json::from_slice(&fs::read(home.run_file("source", "summary.json")).unwrap()).unwrap();
    assert_eq!(last["test_accuracy"], source["test_accuracy"], "it starts where the other ended");

    // As if it had been killed before its first checkpoint, and the file were gone since.
    fs::remove_file(home.run_file("on", "summary.json")).unwrap();
    fs::remove_file(file).unwrap();
    home.ok(&["train", "--resume", "on"]);
    let again: Value = serde_json::from_slice(&fs::read(home.run_file("on", "summary.json")).unwrap()).unwrap();
    assert_eq!(again["test_loss"], last["test_loss"]);

    let partial = pytorch("lenet.pt");
    let start = ["train", "digits", "--model", "lenet", "--epochs", "1", "--train-limit", "500", "--init", &partial];
    let (_, error) = home.run(1, &start);
    assert!(
        error.contains("do not fit lenet: 0 of 10 tensors fit") && error.contains("striate weights FILE"),
        "{error}"
    );
    home.run(2, &["train", "digits", "--init-partial"]);
}

#[test]
fn a_learning_rate_is_found_and_no_run_is_made() {
    let home = Home::new();
    let model = ["train", "digits", "--model", "softmax", "--train-limit", "4000"];
    let text = home.ok(&[&model[..], &["--find-lr"]].concat());
    for wanted in ["falls fastest at", "┤", "1e-3", "No run was made.", "Try --learning-rate "] {
        assert!(text.contains(wanted), "{wanted}: {text}");
    }
    let curve = home.json(0, &[&model[..], &["--find-lr=1e-5..10", "--json"]].concat());
    let steepest = curve["steepest"].as_f64().unwrap();
    assert!((1e-4..1.0).contains(&steepest), "{steepest}");
    assert!(curve["points"][0]["learning_rate"].as_f64().unwrap() < 1.1e-5);
    assert!(home.run(1, &[&model[..], &["--find-lr=1e-12..1e-10"]].concat()).1.contains("does not fall between"));
    assert!(home.run(2, &[&model[..], &["--find-lr=1..0.1"]].concat()).1.contains("must go up"));
    home.run(2, &[&model[..], &["--find-lr=1"]].concat());
    home.run(2, &[&model[..], &["--find-lr", "--name", "x"]].concat());
    assert!(home.ok(&["runs"]).contains("No run yet"));
}
