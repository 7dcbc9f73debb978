//! What the tests with real programs share; not every one of them uses all of it.
#![allow(dead_code)]

pub mod slips;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::time::Duration;

use striate_road::check::{CheckOptions, Language, Report, check_exercise};
use striate_road::exercise::Exercise;
use striate_road::exercises;
use striate_road::runner::runner;
use tempfile::TempDir;

/// The exercise with this id.
pub fn exercise(id: &str) -> &'static Exercise {
    exercises::find(id).expect("an exercise of the road")
}

/// A Python with NumPy: `STRIATE_PYTHON`, or `python3`. Without one the test is skipped in words, in CI it fails.
pub fn python() -> Option<&'static Path> {
    static PYTHON: OnceLock<Option<PathBuf>> = OnceLock::new();
    let found = PYTHON.get_or_init(|| {
        let python = std::env::var_os("STRIATE_PYTHON").map_or_else(|| "python3".into(), PathBuf::from);
        let works = Command::new(&python).args(["-c", "import numpy"]).output().is_ok_and(|done| done.status.success());
        works.then_some(python)
    });
    if found.is_none() {
        let in_ci = std::env::var_os("CI").is_some_and(|value| value == "true");
        assert!(!in_ci, "no Python with NumPy: set STRIATE_PYTHON");
        eprintln!("SKIPPED: no Python with NumPy; `cargo xtask test` prepares one, or set STRIATE_PYTHON");
    }
    found.as_deref()
}

/// Whether files in `language` can be run here.
pub fn available(language: Language) -> bool {
    language == Language::Rust || python().is_some()
}

/// Options for tests: short patience, one cache for all test programs.
pub fn options() -> CheckOptions {
    let mut options =
        CheckOptions { cache: Path::new(env!("CARGO_TARGET_TMPDIR")).join("check-cache"), ..CheckOptions::default() };
    options.python = python().map(Path::to_path_buf);
    options.patience.call = Duration::from_secs(8);
    options
}

/// A folder with one learner's file in it.
pub struct Learner {
    folder: TempDir,
    exercise: &'static Exercise,
    language: Language,
    /// Options of its checks.
    pub options: CheckOptions,
}

impl Learner {
    /// A learner who wrote `source` for the exercise.
    pub fn new(id: &str, language: Language, source: &str) -> Self {
        let learner = Learner {
            folder: tempfile::tempdir().expect("a temporary folder"),
            exercise: exercise(id),
            language,
            options: options(),
        };
        learner.write(source);
        learner
    }

    /// Where the file of an exercise lies.
    pub fn file_of(&self, id: &str) -> PathBuf {
        self.folder.path().join(runner(self.language).file(id))
    }

    /// The file.
    pub fn file(&self) -> PathBuf {
        self.file_of(self.exercise.id)
    }

    /// Writes the file anew.
    pub fn write(&self, source: &str) {
        self.write_beside(self.exercise.id, source);
    }

    /// Writes the file of another exercise of the station.
    pub fn write_beside(&self, id: &str, source: &str) {
        let file = self.file_of(id);
        std::fs::create_dir_all(file.parent().expect("a file in a folder")).expect("a folder");
        std::fs::write(file, source).expect("a learner's file");
    }

    /// Checks the file.
    pub fn check(&self) -> Report {
        check_exercise(self.exercise, self.language, &self.file(), &self.options)
    }
}
