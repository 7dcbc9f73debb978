//! What was found in a learner's folder.

use std::fmt::Write;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::Course;
use crate::check::{Report, Status};
use crate::text::{TerminalStyle, wrap};

/// One function, checked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FunctionReport {
    /// Its name.
    pub function: String,
    /// The part of the course that asks for it.
    pub part: String,
    /// The file, or the cell of a notebook as `path, cell N`.
    pub place: PathBuf,
    /// Line in it.
    pub line: u32,
    /// What the check found; `exercise` is `course.function`, `station` is empty.
    pub report: Report,
}

/// A file, or a cell, that could not be read.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FileProblem {
    /// The file, or the cell.
    pub place: PathBuf,
    /// What it is and what to do, in one sentence.
    pub message: String,
    /// Functions of the course that are in it and so were not checked.
    pub functions: Vec<String>,
}

/// A function that needs something that is not here, and so was not checked; that is no mistake of the learner's.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Unchecked {
    /// Its name.
    pub function: String,
    /// The part of the course that asks for it.
    pub part: String,
    /// The file, or the cell of a notebook as `path, cell N`.
    pub place: PathBuf,
    /// Line in it.
    pub line: u32,
    /// What is missing, and how to give it.
    pub reason: String,
}

/// What was found in a folder.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CourseReport {
    /// Layout of this record; it grows when a field changes its meaning or goes away.
    pub schema: u32,
    /// The course.
    pub course: Course,
    /// The file or folder.
    pub path: PathBuf,
    /// Functions in the order of the files.
    pub functions: Vec<FunctionReport>,
    /// What could not be read.
    pub problems: Vec<FileProblem>,
    /// Functions that need something that is not here, such as PyTorch.
    #[serde(default)]
    pub unchecked: Vec<Unchecked>,
    /// Files with the same text as another one, which was checked.
    pub copies: Vec<PathBuf>,
    /// Functions that were not found, of the parts of the course that are here.
    pub not_found: Vec<String>,
    /// Parts of the course of which nothing is here.
    pub other_parts: Vec<String>,
}

impl CourseReport {
    /// Whether every function that was found is right, and there is one.
    pub fn passed(&self) -> bool {
        self.problems.iter().all(|problem| problem.functions.is_empty())
            && !self.functions.is_empty()
            && self.functions.iter().all(|found| found.report.passed())
    }

    fn count(&self, status: Status) -> usize {
        self.functions.iter().filter(|found| found.report.status == status).count()
    }
}

/// The last lines of a report for the terminal: counts, what could not be read, what was not found.
pub fn render_summary(report: &CourseReport, style: TerminalStyle) -> String {
    let mut out = String::new();
    let paragraph = |out: &mut String, text: &str| {
        for line in wrap(text, style.width, 0) {
            // Writing to a string cannot fail.
            let _ = writeln!(out, "{line}");
        }
    };
    for problem in &report.problems {
        let mut text = format!("! {}: {}", problem.place.display(), problem.message);
        if !problem.functions.is_empty() {
            let _ = write!(text, " Not checked: {}.", problem.functions.join(", "));
        }
        paragraph(&mut out, &text);
    }
    let mut reasons: Vec<&str> = report.unchecked.iter().map(|found| found.reason.as_str()).collect();
    reasons.dedup();
    for reason in reasons {
        let names = report.unchecked.iter().filter(|found| found.reason == reason).map(|found| found.function.as_str());
        paragraph(&mut out, &format!("? Not checked: {}: {reason}.", names.collect::<Vec<_>>().join(", ")));
    }
    for copy in &report.copies {
        paragraph(&mut out, &format!("= {}: the same text as a file above", copy.display()));
    }
    let counts: Vec<String> =
        [Status::Passed, Status::Fragile, Status::Wrong, Status::DoesNotLoad, Status::NotAttempted, Status::CannotRun]
            .into_iter()
            .map(|status| (report.count(status), status.words()))
            .filter(|(count, _)| *count > 0)
            .map(|(count, words)| format!("{count} {words}"))
            .collect();
    let many = if report.functions.len() == 1 { "" } else { "s" };
    match report.functions.len() {
        0 if !report.unchecked.is_empty() => {
            paragraph(&mut out, &format!("No function of {} could be checked.", report.course));
        }
        0 => paragraph(&mut out, &format!("No function of {} was found.", report.course)),
        found => {
            paragraph(&mut out, &format!("{found} function{many} of {} found: {}.", report.course, counts.join(", ")))
        }
    }
    if !report.not_found.is_empty() {
        paragraph(&mut out, &format!("Not found: {}.", report.not_found.join(", ")));
    }
    if !report.other_parts.is_empty() {
        paragraph(&mut out, &format!("Nothing is here of: {}.", report.other_parts.join(", ")));
    }
    out
}
