//! The last report of every exercise, kept for hints and for the studio: one JSON file per exercise.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::report::{Report, SCHEMA};

fn file(folder: &Path, exercise: &str) -> PathBuf {
    folder.join(format!("{exercise}.json"))
}

/// Keeps `report` in `folder`, in place of the exercise's report before.
pub fn save(folder: &Path, report: &Report) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    // Whole or not at all: a reader may look at any instant.
    let mut unfinished = tempfile::NamedTempFile::new_in(folder)?;
    serde_json::to_writer(&mut unfinished, report)?;
    unfinished.flush()?;
    unfinished.persist(file(folder, &report.exercise)).map_err(|error| error.error)?;
    Ok(())
}

/// The last report of an exercise, if there is one that this version can read.
pub fn load(folder: &Path, exercise: &str) -> Option<Report> {
    let report: Report = serde_json::from_slice(&fs::read(file(folder, exercise)).ok()?).ok()?;
    (report.schema == SCHEMA && report.exercise == exercise).then_some(report)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::Language;

    #[test]
    fn the_last_report_comes_back_and_nonsense_does_not() {
        let folder = tempfile::tempdir().unwrap();
        let exercise = crate::exercises::find("correlate2d").expect("an exercise");
        let report = crate::check::empty(exercise.into(), Some(Language::Rust), Path::new("x.rs"));
        save(folder.path(), &report).unwrap();
        assert_eq!(load(folder.path(), exercise.id), Some(report));
        fs::write(file(folder.path(), "other"), "{").unwrap();
        assert_eq!(load(folder.path(), "other"), None);
    }
}
