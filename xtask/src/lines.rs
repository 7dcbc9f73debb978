//! Lines of Rust per crate.

use std::fs;
use std::path::Path;

use crate::task::{self, Failure};

/// Prints a table: crate, files, lines, lines of tests (files under `tests/`).
pub fn print() -> Result<(), Failure> {
    let crates = task::root().join("crates");
    let mut names: Vec<_> = fs::read_dir(&crates)
        .map_err(|error| Failure(format!("cannot read {}: {error}", crates.display())))?
        .filter_map(|entry| entry.ok().map(|entry| entry.path()))
        .collect();
    names.push(task::root().join("xtask"));
    names.sort();
    println!("{:<18} {:>6} {:>7} {:>7}", "crate", "files", "source", "tests");
    let mut total = (0, 0, 0);
    for folder in &names {
        let (source_files, source) = count(&folder.join("src"));
        let (test_files, tests) = count(&folder.join("tests"));
        let name = folder.file_name().unwrap_or_default().to_string_lossy();
        println!("{name:<18} {:>6} {source:>7} {tests:>7}", source_files + test_files);
        total = (total.0 + source_files + test_files, total.1 + source, total.2 + tests);
    }
    println!("{:<18} {:>6} {:>7} {:>7}", "total", total.0, total.1, total.2);
    Ok(())
}

fn count(folder: &Path) -> (usize, usize) {
    let Ok(entries) = fs::read_dir(folder) else { return (0, 0) };
    entries.flatten().fold((0, 0), |(files, lines), entry| {
        let path = entry.path();
        if path.is_dir() {
            let (more_files, more_lines) = count(&path);
            (files + more_files, lines + more_lines)
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            (files + 1, lines + fs::read_to_string(&path).map_or(0, |text| text.lines().count()))
        } else {
            (files, lines)
        }
    })
}
