//! `striate eval`: how good a run is, class by class, and where it errs.

use std::fmt::{self, Write};
use std::process::ExitCode;

use striate_train::{Evaluation, RunStore};

use super::train::{command_error, print_json};
use super::{CommandError, CommandResult};
use crate::home::Home;
use crate::screen;

/// Most wide a confusion matrix may be printed.
const WIDEST: usize = 20;
/// Mistakes listed.
const LISTED: usize = 10;

/// Measure a finished run on its test images.
///
/// Prints the accuracy, precision and recall of each class, the confusion matrix and the mistakes the model was surest
/// of, and writes a picture of these (mistakes.png) into the run's folder.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  striate eval digits-cnn-0001
  striate eval latest
  striate eval latest --json

Exit codes: 0 measured, 1 failed, 2 no such run.")]
pub struct Args {
    /// The run, as `striate runs` names it, or `latest`.
    run: String,

    /// Print one JSON object, and nothing else.
    #[arg(long)]
    json: bool,
}

/// Runs the command.
pub fn run(args: Args, home: &Home) -> CommandResult {
    let run = RunStore::new(home.runs()).open(&args.run).map_err(command_error)?;
    let evaluation = Evaluation::of(&run).map_err(CommandError::failed)?;
    if args.json {
        print_json(&evaluation);
    } else {
        let mut text = String::new();
        table(&mut text, &evaluation).map_err(CommandError::failed)?;
        screen::print(&text);
    }
    Ok(ExitCode::SUCCESS)
}

fn table(out: &mut String, evaluation: &Evaluation) -> fmt::Result {
    let Evaluation { run, images, accuracy, loss, wrong, .. } = evaluation;
    writeln!(out, "{run}: {:.2} % of {images} test images right ({wrong} wrong), loss {loss:.4}\n", accuracy * 100.0)?;
    let width = evaluation.classes.iter().map(|score| score.class.chars().count()).max().unwrap_or(0).max(5);
    writeln!(out, "{:<width$}  precision   recall       f1   images", "class")?;
    for score in &evaluation.classes {
        let [precision, recall, f1] = [score.precision, score.recall, score.f1].map(|share| share * 100.0);
        writeln!(out, "{:<width$}  {precision:7.2} %  {recall:5.2} %  {f1:5.2} %  {:>7}", score.class, score.support)?;
    }
    confusion(out, evaluation, width)?;
    let Some(sheet) = &evaluation.sheet else { return Ok(()) };
    writeln!(out, "\nMost confident mistakes:")?;
    for mistake in evaluation.mistakes.iter().take(LISTED) {
        let confidence = mistake.confidence * 100.0;
        writeln!(
            out,
            "  image {:>5}: {} taken for {} ({confidence:.1} %)",
            mistake.image, mistake.truth, mistake.answer
        )?;
    }
    writeln!(
        out,
        "\nThe worst {} as a picture (truth>answer, by class number): {}",
        evaluation.mistakes.len(),
        sheet.display()
    )
}

fn confusion(out: &mut String, evaluation: &Evaluation, width: usize) -> fmt::Result {
    if evaluation.classes.len() > WIDEST {
        writeln!(out, "\nThe confusion matrix of {} classes is in the --json output.", evaluation.classes.len())?;
        return Ok(());
    }
    let largest = evaluation.confusion.iter().flatten().max().copied().unwrap_or(0).to_string().len();
    let cell = largest.max(2) + 1;
    writeln!(out, "\nConfusion matrix (rows: what it is; columns: what the model says, by class number)")?;
    write!(out, "{:width$}  ", "")?;
    for class in 0..evaluation.classes.len() {
        write!(out, "{class:>cell$}")?;
    }
    writeln!(out)?;
    for (score, row) in evaluation.classes.iter().zip(&evaluation.confusion) {
        write!(out, "{:<width$}  ", score.class)?;
        for &count in row {
            if count == 0 { write!(out, "{:>cell$}", "·")? } else { write!(out, "{count:>cell$}")? }
        }
        writeln!(out)?;
    }
    Ok(())
}
