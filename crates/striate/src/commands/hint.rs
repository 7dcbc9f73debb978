//! `striate hint`: a question about your own mistake first, then where to look, what to do, a worked example.

use std::process::ExitCode;

use striate_road::assignment::Assignment;
use striate_road::check::{Report, last};
use striate_road::text::wrap;

use super::{CommandError, CommandResult, check};
use crate::home::Home;
use crate::learner::Learner;
use crate::screen;

/// A hint for an exercise: a question about your mistake first, then one step more each time.
#[derive(clap::Args)]
#[command(after_help = "Examples:\n  \
    striate hint                     for the exercise you changed last\n  \
    striate hint correlate2d         the next hint\n  \
    striate hint correlate2d --again the hints you have seen")]
pub struct Args {
    /// The exercise.
    exercise: Option<String>,
    /// Show the hints again that you have seen.
    #[arg(long)]
    again: bool,
}

/// Runs the command.
pub fn run(args: Args, home: &Home) -> CommandResult {
    let mut learner = Learner::open(home)?;
    let tasks = check::select(&learner, args.exercise.as_deref(), None)?;
    let [task] = tasks.as_slice() else {
        let ids: Vec<&str> = tasks.iter().map(|task| task.assignment().id()).collect();
        return Err(CommandError::Usage(format!("name an exercise of this station: {}", ids.join(", "))));
    };
    let exercise = task.assignment();
    let report = last::load(&home.checks(), exercise.id());
    let text = if args.again {
        seen(&learner, exercise, report.as_ref())?
    } else {
        next(&mut learner, exercise, report.as_ref())?
    };
    screen::print(&text);
    Ok(ExitCode::SUCCESS)
}

/// The name of the setting that remembers whose question was asked.
fn asked_key(exercise: Assignment) -> String {
    format!("hint-asked-{}", exercise.id())
}

/// Id and question of the mistake that the last check saw.
fn question(report: Option<&Report>) -> Option<(&str, &str)> {
    let diagnosis = report?.diagnosis.as_ref()?;
    (!diagnosis.question.is_empty()).then_some((diagnosis.id.as_str(), diagnosis.question.as_str()))
}

fn next(learner: &mut Learner, exercise: Assignment, report: Option<&Report>) -> Result<String, CommandError> {
    let asked = learner.progress.setting(&asked_key(exercise)).map_err(CommandError::failed)?;
    if let Some((id, question)) = question(report).filter(|(id, _)| asked.as_deref() != Some(*id)) {
        learner.progress.set_setting(&asked_key(exercise), Some(id)).map_err(CommandError::failed)?;
        let more = format!("After that: striate hint {} again.\n", exercise.id());
        return Ok(format!("{}, a question first:\n\n{}\n{more}", exercise.id(), paragraphs(question)));
    }
    let shown = learner.progress.hints(exercise.id()).map_err(CommandError::failed)? as usize;
    let total = exercise.hints().len();
    let Some(hint) = exercise.hints().get(shown) else {
        return Ok(format!("You have seen every hint. {}", seen(learner, exercise, report)?));
    };
    learner.progress.record_hint(exercise.id(), shown as u32).map_err(CommandError::failed)?;
    Ok(format!("{}, hint {} of {total}:\n\n{}", exercise.id(), shown + 1, paragraphs(hint)))
}

fn seen(learner: &Learner, exercise: Assignment, report: Option<&Report>) -> Result<String, CommandError> {
    let asked = learner.progress.setting(&asked_key(exercise)).map_err(CommandError::failed)?;
    let mut text = format!("{}, the hints so far:\n\n", exercise.id());
    if let Some((_, question)) = question(report).filter(|(id, _)| asked.as_deref() == Some(*id)) {
        text.push_str(&format!("{}\n", paragraphs(question)));
    }
    let shown = learner.progress.hints(exercise.id()).map_err(CommandError::failed)? as usize;
    for (at, hint) in exercise.hints().iter().take(shown).enumerate() {
        text.push_str(&format!("{}. {}\n", at + 1, paragraphs(hint)));
    }
    if shown == 0 {
        text.push_str(&format!("none; striate hint {} gives the first.\n", exercise.id()));
    }
    Ok(text)
}

/// Wrapped for the terminal, lines of their own kept.
fn paragraphs(text: &str) -> String {
    wrap(text, screen::style().width, 0).join("\n") + "\n"
}
