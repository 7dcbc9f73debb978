//! The commands about the road, as a learner types them.

use std::path::PathBuf;
use std::process::{Command, Output};

use tempfile::TempDir;

/// A learner with a home and a workspace of their own.
struct Learner {
    folder: TempDir,
}

impl Learner {
    fn new() -> Self {
        Learner { folder: TempDir::new().unwrap() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_striate"));
        command.args(arguments).env("STRIATE_HOME", self.path("home")).env("STRIATE_WORKSPACE", self.path("work"));
        command.env_remove("VISUAL").env_remove("EDITOR");
        command
    }

    fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    /// Standard output of a command that must succeed without a word of complaint.
    fn says(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        assert_eq!(String::from_utf8_lossy(&output.stderr), "", "{arguments:?}");
        assert!(output.status.success(), "{arguments:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// Exit code and standard error of a command that must fail.
    fn fails(&self, arguments: &[&str]) -> (Option<i32>, String) {
        let output = self.run(arguments);
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    }
}

#[test]
fn starting_twice_keeps_what_was_written() {
    let learner = Learner::new();
    let first = learner.says(&["start", "correlation-filtering"]);
    assert!(first.contains("new   python/correlate2d.py"), "{first}");
    assert!(first.contains("striate check correlate2d"), "{first}");
    let path = learner.path("work/correlation-filtering/python/correlate2d.py");
    std::fs::write(&path, "def correlate2d(): pass  # mine\n").unwrap();

    let second = learner.says(&["start", "correlation-filtering"]);
    assert!(second.contains("kept  python/correlate2d.py") && !second.contains("new "), "{second}");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "def correlate2d(): pass  # mine\n");

    let rust = learner.says(&["start", "correlation-filtering", "--lang", "rust"]);
    assert!(rust.contains("new   rust/src/correlate2d.rs") && rust.contains("kept  README.md"), "{rust}");
    let next = learner.says(&["start", "linearity-convolution"]);
    assert!(
        next.contains("new   rust/src/convolve2d.rs") && !next.contains(".py"),
        "the language is remembered: {next}"
    );

    let station = learner.says(&["road", "correlation-filtering"]);
    assert!(station.contains("◐ started") && station.contains(&path.display().to_string()), "{station}");
}

#[test]
fn a_station_without_exercises_shows_its_reading() {
    let learner = Learner::new();
    let text = learner.says(&["start", "edges-canny"]);
    assert!(text.contains("no exercises to check yet") && text.contains("Where to read and watch"), "{text}");
    assert!(!learner.path("work").exists());
}

#[test]
fn names_that_do_not_exist_are_usage_errors_with_suggestions() {
    let learner = Learner::new();
    for (arguments, expected) in [
        (&["start", "corelation-filtering"][..], "did you mean 'correlation-filtering'?"),
        (&["road", "convolution-layr"], "did you mean 'convolution-layer'"),
        (&["road", "--goal", "percepton"], "did you mean 'perception'?"),
        (&["goal", "recogniton"], "did you mean 'recognition'?"),
        (&["notes", "perceptrons"], "did you mean 'perceptron'?"),
        (&["progress", "done", "numpyarrays"], "did you mean 'numpy-arrays'?"),
        (&["start", "correlation-filtering", "--lang", "cobol"], "python or rust"),
        (&["notes", "perceptron", "--add", " "], "the note is empty"),
        (&["notes", "--edit"], "STATION"),
    ] {
        let (code, text) = learner.fails(arguments);
        assert_eq!(code, Some(2), "{arguments:?}: {text}");
        assert!(text.contains(expected), "{arguments:?}: {text}");
    }
}

#[test]
fn the_map_follows_goal_and_marks() {
    let learner = Learner::new();
    let road = learner.says(&["road"]);
    assert!(road.contains("Recognise images: 50 stations"), "{road}");
    assert!(road.contains("→ ○ ✎ image-as-function") && road.contains("Next: image-as-function"), "{road}");
    assert!(!road.contains("hough-transform"));
    assert!(learner.says(&["road", "--goal", "perception"]).contains("hough-transform"));
    let all = learner.says(&["road", "--all"]);
    assert_eq!(all.matches(" h)").count() + all.matches(" h, optional)").count(), 90, "{all}");

    let done = learner.says(&["progress", "done", "image-as-function"]);
    assert!(done.contains("Next on your road: correlation-filtering"), "{done}");
    assert!(learner.says(&["goal", "sequence"]).contains("Your goal: sequence"));
    let road = learner.says(&["road"]);
    assert!(road.contains("Language and signals") && road.contains("Next: python-essentials"), "{road}");
    learner.says(&["progress", "skip", "python-essentials"]);
    assert!(learner.says(&["road"]).contains("Next: numpy-arrays"));
    learner.says(&["progress", "undo", "python-essentials"]);
    assert!(learner.says(&["road"]).contains("Next: python-essentials"));
    assert!(learner.says(&["goal", "--clear"]).contains("→ recognition"));

    let json: serde_json::Value = serde_json::from_str(&learner.says(&["road", "--json"])).unwrap();
    assert_eq!(json["next"], "correlation-filtering");
    assert_eq!(json["stations"][0]["state"], "done");
    assert_eq!(json["stations"].as_array().unwrap().len(), 50);
    let json: serde_json::Value = serde_json::from_str(&learner.says(&["road", "perceptron", "--json"])).unwrap();
    assert_eq!(json["exercises"][0]["record"]["best"], "not_attempted");
}

#[test]
fn progress_travels_and_nothing_is_lost() {
    let (here, there) = (Learner::new(), Learner::new());
    here.says(&["goal", "perception"]);
    here.says(&["notes", "perceptron", "--add", "XOR: no line separates it."]);
    here.says(&["notes", "perceptron", "--add", "Second thought."]);
    here.says(&["progress", "done", "perceptron"]);
    there.says(&["notes", "perceptron", "--add", "Written there."]);
    let path = here.path("progress.json");
    let name = path.to_str().unwrap();
    assert!(here.says(&["progress", "export", name]).contains("progress.json"));

    let imported = there.says(&["progress", "import", name]);
    assert!(
        imported.contains("0 attempts, 0 exercises with a better state, 1 note, 1 station mark, 0 reviews."),
        "{imported}"
    );
    let notes = there.says(&["notes", "perceptron"]);
    for part in ["Written there.", "XOR: no line separates it.", "Second thought."] {
        assert!(notes.contains(part), "{notes}");
    }
    assert!(there.says(&["goal"]).contains("→ perception"));
    assert!(there.says(&["road", "perceptron"]).contains("✓ done"));

    let whole = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, &whole[..whole.len() / 2]).unwrap();
    let (code, text) = there.fails(&["progress", "import", name]);
    assert_eq!(code, Some(1));
    assert!(text.contains("cut off") && text.contains("nothing was changed"), "{text}");
    assert_eq!(there.says(&["notes", "perceptron"]), notes);
}

#[test]
fn several_processes_write_at_once() {
    let learner = Learner::new();
    let add = |number: usize| {
        learner
            .command(&["notes", "perceptron", "--add", &format!("note{number}")])
            .stdout(std::process::Stdio::null())
            .spawn()
            .unwrap()
    };
    let running: Vec<_> = (0..8).map(add).collect();
    for mut process in running {
        assert!(process.wait().unwrap().success());
    }
    let notes = learner.says(&["notes", "perceptron"]);
    assert!((0..8).all(|number| notes.contains(&format!("note{number}"))), "{notes}");
}

#[test]
fn a_newer_database_is_left_alone() {
    let learner = Learner::new();
    learner.says(&["road"]);
    // The schema version of an SQLite file is a big-endian number at byte 60 of its header.
    let database = learner.path("home/progress.sqlite");
    let mut bytes = std::fs::read(&database).unwrap();
    bytes[60..64].copy_from_slice(&99_u32.to_be_bytes());
    std::fs::write(&database, &bytes).unwrap();
    let (code, text) = learner.fails(&["road"]);
    assert_eq!(code, Some(1));
    assert!(text.contains("newer version of Striate") && text.contains("schema is 99"), "{text}");
    assert_eq!(std::fs::read(&database).unwrap(), bytes);
}

#[test]
#[cfg(unix)]
fn notes_can_be_edited() {
    let learner = Learner::new();
    let (code, text) = learner.fails(&["notes", "perceptron", "--edit"]);
    assert_eq!(code, Some(1));
    assert!(text.contains("no editor is set"), "{text}");

    let editor = learner.path("editor.sh");
    std::fs::write(&editor, "printf 'edited' >> \"$2\"\n").unwrap();
    let command = format!("sh {} -w", editor.display());
    let edit = |with: &str| {
        learner.command(&["notes", "perceptron", "--edit"]).env("EDITOR", with).output().unwrap().status.code()
    };
    assert_eq!(edit(&command), Some(0));
    assert_eq!(learner.says(&["notes", "perceptron"]), "edited\n");
    assert_eq!(edit(&command), Some(0));
    assert_eq!(learner.says(&["notes"]), "perceptron\n\neditededited\n\n");
    assert_eq!(edit("false"), Some(1));
    assert_eq!(edit("no-such-editor"), Some(1));
    assert_eq!(learner.says(&["notes", "perceptron"]), "editededited\n");
}

#[test]
fn every_station_can_be_shown_and_every_command_explains_itself() {
    let learner = Learner::new();
    for station in striate_road::Road::embedded().stations() {
        let text = learner.says(&["road", &station.id]);
        let lab = if station.labs.is_empty() { "Lab (planned)" } else { "(in the studio: run striate)" };
        for part in [&station.title, "Where to read and watch", "Exercises", &station.exercises[0].id, lab] {
            assert!(text.contains(part), "{part}\n{text}");
        }
    }
    for command in ["road", "start", "goal", "notes", "progress"] {
        let help = learner.says(&[command, "--help"]);
        assert!(help.contains("Examples:") && help.contains(&format!("striate {command}")), "{help}");
    }
}
