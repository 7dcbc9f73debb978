//! `striate check --course`: a learner's assignment folder of a course, as it is.

use std::fmt::Write;
use std::path::Path;
use std::process::ExitCode;

use striate_road::check::{CheckOptions, Status, last, render};
use striate_road::course::{Course, CourseError, FunctionReport, check_folder, render_summary};
use striate_road::progress::now;

use crate::commands::{CommandError, CommandResult};
use crate::learner::Learner;
use crate::screen;

/// Checks `path` and prints what it holds: a line for what is right, a report for what is not.
pub(super) fn run(
    course: Course,
    path: &Path,
    json: bool,
    learner: &mut Learner,
    options: &CheckOptions,
    checks: &Path,
) -> CommandResult {
    let mut each = |found: &FunctionReport| {
        if let Some(attempt) = found.report.attempt(now()) {
            if let Err(error) = learner.progress.record_attempt(&attempt) {
                eprintln!("warning: this check is not in your progress: {error}");
            }
            if let Err(error) = last::save(checks, &found.report) {
                eprintln!("warning: cannot keep this report in {}: {error}", checks.display());
            }
        }
        if !json {
            screen::print(&shown(found));
        }
    };
    let report = check_folder(course, path, options, &mut each).map_err(|error| match error {
        CourseError::Missing(_) => CommandError::Usage(error.to_string()),
        _ => CommandError::failed(error),
    })?;
    if json {
        screen::print(&format!("{}\n", serde_json::to_string(&report).expect("a report is plain data")));
    } else {
        screen::print(&format!("\n{}", render_summary(&report, screen::style())));
    }
    Ok(if report.passed() { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

fn shown(found: &FunctionReport) -> String {
    let style = screen::style();
    let place = format!("{}:{}", short(&found.place).display(), found.line);
    let mut text = String::new();
    // Writing to a string cannot fail.
    let _ = match found.report.status {
        Status::Passed => writeln!(text, "✓ {:<32} {}", found.function, screen::faint(&place, style)),
        Status::NotAttempted => {
            writeln!(
                text,
                "○ {:<32} {}",
                found.function,
                screen::faint(&format!("{place}, {}", found.report.headline), style)
            )
        }
        _ => writeln!(text, "\n{}\n{}", screen::faint(&place, style), render(&found.report, style)),
    };
    text
}

/// The file relative to the current folder, when it is below it.
fn short(file: &Path) -> &Path {
    std::env::current_dir().ok().and_then(|here| file.strip_prefix(here).ok()).unwrap_or(file)
}
