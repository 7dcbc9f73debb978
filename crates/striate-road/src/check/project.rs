//! Checking a project: the run that the learner names, requirement by requirement.

use std::io::ErrorKind;
use std::path::Path;
use std::time::Instant;

use serde::Deserialize;
use striate_train::{Run, RunStore, TrainError};

use super::report::{Diagnosis, Evidence, Report, Rung, See, Status};
use super::{empty, seconds};
use crate::exercise::Difficulty;
use crate::project::{Project, Requirement};
use crate::runner::Place;

/// Why no run can be measured.
struct Unnamed {
    status: Status,
    rung: Rung,
    headline: String,
    message: String,
    place: Option<Place>,
}

/// Checks the run called `run`, or else the one that the learner's `file` names, among those of `runs`.
pub fn check_project(project: &'static Project, file: &Path, run: Option<&str>, runs: &RunStore) -> Report {
    let started = Instant::now();
    let mut report = empty(project.into(), None, file);
    report.probes = project.requirements.len();
    let named = run.map_or_else(|| named_in(project, file), |run| Ok(run.to_string()));
    match named.and_then(|name| runs.open(&name).map_err(|error| unusable(&error))) {
        Ok(run) => {
            report.timings.load_seconds = seconds(started.elapsed());
            measure(project, &run, &mut report);
        }
        Err(unnamed) => fill(&mut report, unnamed),
    }
    report.timings.total_seconds = seconds(started.elapsed());
    report
}

fn fill(report: &mut Report, unnamed: Unnamed) {
    report.status = unnamed.status;
    report.rung = Some(unnamed.rung);
    report.headline = unnamed.headline;
    report.message = unnamed.message;
    report.place = unnamed.place;
}

/// A run that is not there, or whose files cannot be read.
fn unusable(error: &TrainError) -> Unnamed {
    let text = error.to_string();
    let (headline, message) = text.split_once('\n').unwrap_or((&text, ""));
    Unnamed {
        status: Status::DoesNotLoad,
        rung: Rung::Loads,
        headline: headline.to_string(),
        message: message.to_string(),
        place: None,
    }
}

/// The name of the run that the file holds.
fn named_in(project: &Project, file: &Path) -> Result<String, Unnamed> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct RunFile {
        run: String,
    }
    let open = |rung, headline: String, message: String| Unnamed {
        status: Status::NotAttempted,
        rung,
        headline,
        message,
        place: None,
    };
    let text = match std::fs::read_to_string(file) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let message = format!(
                "Lay it out with: striate start {}\nOr name a run here: striate check {} --run latest",
                project.station, project.id
            );
            return Err(open(Rung::File, "There is no file that names a run yet".into(), message));
        }
        Err(error) => {
            let headline = format!("{} cannot be read: {error}", file.display());
            return Err(Unnamed { status: Status::CannotRun, ..open(Rung::Environment, headline, String::new()) });
        }
    };
    let named: RunFile = toml::from_str(&text).map_err(|error| {
        let headline = format!("Your file does not load: {}", error.message());
        let message = "It needs one line: run = \"the name of a run\"".to_string();
        let at = error.span().map_or(0, |span| span.start.min(text.len()));
        let line = text[..at].matches('\n').count();
        let code = text.lines().nth(line).unwrap_or_default().trim().to_string();
        let place = Some(Place { file: file.to_path_buf(), line: line as u32 + 1, code });
        Unnamed { status: Status::DoesNotLoad, place, ..open(Rung::Loads, headline, message) }
    })?;
    if named.run.trim().is_empty() {
        let message = format!(
            "Train one (striate train digits), then write its name into {}, or \"latest\"; striate runs lists them.",
            file.display()
        );
        return Err(open(Rung::Attempted, "No run is named yet".into(), message));
    }
    Ok(named.run.trim().to_string())
}

/// Asks for one requirement after another, up to the first that does not hold.
fn measure(project: &Project, run: &Run, report: &mut Report) {
    let mut holds = Vec::new();
    for requirement in project.requirements {
        match (requirement.measure)(run) {
            Err(error) => return fill(report, unusable(&error)),
            Ok(measured) if measured.holds => holds.push(format!("✓ {}", measured.text)),
            Ok(measured) => {
                failed(requirement, run, report);
                report.headline = measured.text;
                break;
            }
        }
    }
    report.probes_passed = holds.len();
    if report.status == Status::Passed {
        report.headline = format!("The run {} does all that is asked for", run.id());
    }
    report.message = holds.join("\n");
}

fn failed(requirement: &Requirement, run: &Run, report: &mut Report) {
    report.status = match requirement.difficulty {
        Difficulty::Ordinary => Status::Wrong,
        Difficulty::Hard => Status::Fragile,
    };
    report.rung = Some(Rung::Requirements);
    report.diagnosis = Some(Diagnosis {
        evidence: Evidence::Requirement,
        id: requirement.id.into(),
        title: requirement.failure.into(),
        explanation: requirement.explanation.into(),
        question: requirement.question.into(),
        see: Some(See { resource: requirement.see.0.into(), at: requirement.see.1.into() }),
        certainty: format!("measured on the run {}", run.id()),
        also: Vec::new(),
    });
}
