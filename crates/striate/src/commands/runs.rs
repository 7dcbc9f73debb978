//! `striate runs`: the trainings so far.

use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

use serde::Serialize;
use striate_train::{Event, Run, RunStore, Status};

use super::CommandResult;
use super::train::{command_error, print_json};
use crate::home::Home;
use crate::screen;

/// List the trainings, newest first.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  striate runs
  striate runs --json")]
pub struct Args {
    /// Print one JSON object per run, and nothing else.
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Row {
    run: String,
    status: Status,
    model: Option<String>,
    dataset: Option<String>,
    epochs_done: usize,
    epochs: Option<usize>,
    validation_accuracy: Option<f64>,
    test_accuracy: Option<f64>,
    /// Seconds since 1970.
    created: u64,
    folder: std::path::PathBuf,
}

impl Row {
    /// What is known of a run. A run with a damaged file is listed with what can be read.
    fn of(run: &Run) -> Row {
        let (config, summary) = (run.config().ok(), run.summary().ok().flatten());
        let epochs = run.events().unwrap_or_default().into_iter().filter_map(|event| match event {
            Event::Epoch { epoch, validation_accuracy, .. } => Some((epoch, validation_accuracy)),
            _ => None,
        });
        let (mut epochs_done, mut best) = (0, None);
        for (epoch, accuracy) in epochs {
            epochs_done = epoch;
            best = Some(best.map_or(accuracy, |best: f64| best.max(accuracy)));
        }
        Row {
            run: run.id().to_owned(),
            status: run.status(),
            model: config.as_ref().map(|config| config.model.to_string()),
            dataset: config.as_ref().map(|config| config.dataset.name()),
            epochs_done,
            epochs: config.map(|config| config.epochs),
            validation_accuracy: best,
            test_accuracy: summary.map(|summary| summary.test_accuracy),
            created: run.created().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs()),
            folder: run.folder().to_path_buf(),
        }
    }
}

/// Runs the command.
pub fn run(args: Args, home: &Home) -> CommandResult {
    let store = RunStore::new(home.runs());
    let rows: Vec<Row> = store.list().map_err(command_error)?.iter().map(Row::of).collect();
    if args.json {
        rows.iter().for_each(print_json);
        return Ok(ExitCode::SUCCESS);
    }
    if rows.is_empty() {
        screen::print("No run yet. Start one with `striate train digits`.\n");
        return Ok(ExitCode::SUCCESS);
    }
    let width = rows.iter().map(|row| row.run.chars().count()).max().unwrap_or(0).max(3);
    let mut text = format!(
        "{:<width$}  {:<11}  {:<7}  {:>6}  {:>10}  {:>8}  started\n",
        "run", "status", "model", "epochs", "validation", "test"
    );
    let percent = |share: Option<f64>| share.map_or("-".to_owned(), |share| format!("{:.2} %", share * 100.0));
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    for row in &rows {
        let status = match row.status {
            Status::Running => "running",
            Status::Finished => "finished",
            Status::Interrupted => "interrupted",
            Status::Failed => "failed",
        };
        text.push_str(&format!(
            "{:<width$}  {status:<11}  {:<7}  {:>6}  {:>10}  {:>8}  {}\n",
            row.run,
            row.model.as_deref().unwrap_or("?"),
            format!("{}/{}", row.epochs_done, row.epochs.map_or("?".to_owned(), |epochs| epochs.to_string())),
            percent(row.validation_accuracy),
            percent(row.test_accuracy),
            ago(now.saturating_sub(row.created)),
        ));
    }
    text.push_str(&format!("\nin {}\n", store.root().display()));
    screen::print(&text);
    Ok(ExitCode::SUCCESS)
}

fn ago(seconds: u64) -> String {
    match seconds {
        0..60 => "just now".to_owned(),
        60..3600 => format!("{} min ago", seconds / 60),
        3600..172_800 => format!("{} h ago", seconds / 3600),
        _ => format!("{} days ago", seconds / 86_400),
    }
}
