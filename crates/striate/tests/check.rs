//! `striate check` and `striate hint`, as a learner types them. In Rust, which these tests have for certain.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

const SOLUTION: &str = include_str!("../../../road/stations/correlation-filtering/rust/solution_correlate2d.rs");

/// A learner with a home and a workspace of their own, who started the first station.
struct Learner {
    folder: TempDir,
}

impl Learner {
    fn new() -> Self {
        let learner = Learner { folder: TempDir::new().unwrap() };
        assert!(learner.run(&["start", "correlation-filtering", "--lang", "rust"]).status.success());
        learner
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("work/correlation-filtering/rust/src/correlate2d.rs")
    }

    fn write(&self, source: &str) {
        std::fs::write(self.file(), source).unwrap();
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_striate"));
        command.args(arguments).env("STRIATE_HOME", self.folder.path().join("home"));
        command.env("STRIATE_WORKSPACE", self.folder.path().join("work"));
        command
    }

    fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    /// Exit code and what was said, on either stream.
    fn says(&self, arguments: &[&str]) -> (Option<i32>, String) {
        let output = self.run(arguments);
        let text = [output.stdout, output.stderr].concat();
        (output.status.code(), String::from_utf8(text).unwrap())
    }
}

/// A solution that lays the kernel on turned by 180 degrees.
fn flipped() -> String {
    SOLUTION.replace("k[[u, v]]", "k[[kh - 1 - u, kw - 1 - v]]")
}

#[test]
fn exit_codes_tell_passed_from_not_passed_from_no_such_thing() {
    let learner = Learner::new();
    let (code, text) = learner.says(&["check", "correlate2d"]);
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("correlate2d in Rust: not attempted"), "{text}");

    learner.write(&flipped());
    // Without a name: the file changed last.
    let (code, text) = learner.says(&["check"]);
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("Your output equals what you get when the kernel is turned by 180"), "{text}");
    assert!(text.contains("expected out") && text.contains("yours out"), "{text}");

    learner.write(SOLUTION);
    let (code, text) = learner.says(&["check", "correlate2d"]);
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains("Next in this station: gaussian_kernel"), "{text}");
    let (code, text) = learner.says(&["check", "correlation-filtering"]);
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("gaussian_kernel in Rust: not attempted"), "{text}");

    let (code, text) = learner.says(&["check", "corelate2d"]);
    assert_eq!(code, Some(2), "{text}");
    assert!(text.contains("did you mean correlate2d"), "{text}");
    assert_eq!(learner.says(&["check", "--lang", "cobol"]).0, Some(2));
}

#[test]
fn the_language_is_that_of_the_file_that_is_there_and_of_the_newer_one_of_two() {
    let learner = Learner::new();
    // Another station's Python files, and Python as the language used last, decide nothing here.
    assert!(learner.run(&["start", "linearity-convolution", "--lang", "python"]).status.success());
    let checked = || learner.says(&["check", "correlate2d"]).1;
    assert!(checked().contains("correlate2d in Rust"), "{}", checked());
    assert!(learner.run(&["start", "correlation-filtering", "--lang", "python"]).status.success());
    assert!(checked().contains("correlate2d in Python"), "{}", checked());
    learner.write(SOLUTION);
    assert!(checked().contains("correlate2d in Rust: passed"), "{}", checked());
    let (_, text) = learner.says(&["check", "correlate2d", "--lang", "python"]);
    assert!(text.contains("correlate2d in Python"), "{text}");
}

#[test]
fn a_json_report_is_one_line() {
    let learner = Learner::new();
    learner.write(&flipped());
    let output = learner.run(&["check", "correlate2d", "--json"]);
    assert_eq!(output.status.code(), Some(1));
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(text.lines().count(), 1);
    let report: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(report["diagnosis"]["id"], "kernel-flipped");
    assert_eq!(report["status"], "wrong");
}

#[test]
fn hints_come_one_by_one_after_the_question() {
    let learner = Learner::new();
    learner.write(&flipped());
    learner.run(&["check", "correlate2d"]);
    let hint = || learner.says(&["hint"]).1;
    assert!(hint().contains("a question first"));
    assert!(hint().contains("hint 1 of 3"));
    assert!(hint().contains("hint 2 of 3"));
    let again = learner.says(&["hint", "correlate2d", "--again"]).1;
    assert!(again.contains("1. ") && again.contains("2. ") && !again.contains("3. "), "{again}");
    assert!(hint().contains("hint 3 of 3"));
    assert!(hint().contains("You have seen every hint"));
}

#[cfg(unix)]
#[test]
fn watching_checks_again_on_save_and_leaves_on_interrupt() {
    let learner = Learner::new();
    learner.write(&flipped());
    let mut child = learner.command(&["check", "correlate2d", "--watch"]).stdout(Stdio::piped()).spawn().unwrap();
    let (sender, lines) = std::sync::mpsc::channel();
    let output = BufReader::new(child.stdout.take().unwrap());
    std::thread::spawn(move || output.lines().map_while(Result::ok).all(|line| sender.send(line).is_ok()));
    let wait_for = |words: &str| {
        let deadline = Instant::now() + Duration::from_secs(60);
        while let Ok(line) = lines.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
            if line.contains(words) {
                return;
            }
        }
        panic!("{words:?} did not come");
    };
    wait_for("correlate2d in Rust: wrong");
    wait_for("Watching");
    learner.write(SOLUTION);
    wait_for("correlate2d in Rust: passed");
    wait_for("Watching");
    assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
    assert!(child.wait().unwrap().success());
}
