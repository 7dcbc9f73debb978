//! `striate review`, `striate ask`, `striate answer` and `striate station --mentor`, as they are typed.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use tempfile::TempDir;

const SOLUTION: &str = include_str!("../../../road/stations/correlation-filtering/rust/solution_correlate2d.rs");

/// Exit code and what was said, on either stream, when `typed` comes from standard input.
fn says(folder: &Path, arguments: &[&str], typed: &str) -> (Option<i32>, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_striate"));
    command.args(arguments).current_dir(folder).env("STRIATE_HOME", folder.join("home"));
    command.env("STRIATE_WORKSPACE", folder.join("work")).stdin(Stdio::piped());
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // A program that asks nothing may be gone already.
    let _ = child.stdin.take().unwrap().write_all(typed.as_bytes());
    let output = child.wait_with_output().unwrap();
    (output.status.code(), String::from_utf8([output.stdout, output.stderr].concat()).unwrap())
}

#[test]
fn a_mistake_comes_back_as_a_card_and_a_question_finds_its_answer() {
    let folder = TempDir::new().unwrap();
    let folder = folder.path();
    let run = |arguments: &[&str]| says(folder, arguments, "");
    assert!(run(&["review"]).1.contains("There are no cards yet"));
    assert_eq!(run(&["start", "correlation-filtering", "--lang", "rust"]).0, Some(0));
    let (code, text) = run(&["ask", "correlate2d", "--question", "Why?"]);
    assert!(code == Some(1) && text.contains("was not checked yet"), "{text}");
    let flipped = SOLUTION.replace("k[[u, v]]", "k[[kh - 1 - u, kw - 1 - v]]");
    std::fs::write(folder.join("work/correlation-filtering/rust/src/correlate2d.rs"), flipped).unwrap();
    assert_eq!(run(&["check", "correlate2d"]).0, Some(1));

    let state: serde_json::Value = serde_json::from_str(&run(&["review", "--json"]).1).unwrap();
    assert_eq!((state["due"].as_u64(), state["cards"][0]["misconception"].as_str()), (Some(1), Some("kernel-flipped")));
    assert!(run(&["review", "--limit", "0"]).1.contains("Enough for today"));
    let (code, text) = run(&["review"]);
    assert!(code == Some(0) && text.contains("What is wrong with this output?") && text.contains("1 more"), "{text}");
    let (_, text) = says(folder, &["review"], "nonsense\n\n");
    assert!(text.contains("A number from 1 to") && text.contains("0 of 1 recognised"), "{text}");
    assert!(run(&["review"]).1.contains("Nothing is due"));

    let (code, text) = run(&["ask", "correlate2d", "--question", "Why is it turned?"]);
    assert_eq!(code, Some(0), "{text}");
    let file = folder.join("question-correlate2d.md");
    let asked = std::fs::read_to_string(&file).unwrap();
    for words in
        ["Why is it turned?", "the kernel is turned by 180", "expected out", "pub fn correlate2d", "- striate "]
    {
        assert!(asked.contains(words), "{words} is not in {asked}");
    }
    let (code, text) = run(&["answer", "question-correlate2d.md"]);
    assert!(code == Some(1) && text.contains("no answer"), "{text}");
    std::fs::write(&file, asked + "Look at the indices of k.\n").unwrap();
    assert_eq!(run(&["answer", "question-correlate2d.md"]).0, Some(0));
    assert!(run(&["answer", "question-correlate2d.md"]).1.contains("already"));
    let (_, notes) = run(&["notes", "correlation-filtering"]);
    assert!(notes.contains("Why is it turned?") && notes.contains("Look at the indices of k."), "{notes}");
}

#[test]
fn a_station_has_lines_for_its_mentor_and_a_course_needs_a_folder() {
    let folder = TempDir::new().unwrap();
    let (code, text) = says(folder.path(), &["station", "--mentor", "optimizers"], "");
    assert!(code == Some(0) && text.len() > 200, "{text}");
    assert_eq!(says(folder.path(), &["station", "--mentor", "no-such-station"], "").0, Some(2));
    let (code, text) = says(folder.path(), &["check", "--course", "cs231n", "nowhere"], "");
    assert!(code == Some(2) && text.contains("there is no file or folder nowhere"), "{text}");
    assert_eq!(says(folder.path(), &["check", "--course", "cs999", "nowhere"], "").0, Some(2));
}
