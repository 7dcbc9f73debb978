//! `striate answer`: a senior's reply, kept in the notes.

use std::path::PathBuf;
use std::process::ExitCode;

use super::ask::{ANSWER, MARK, WRITE_HERE};
use super::{CommandError, CommandResult};
use crate::home::Home;
use crate::learner::Learner;
use crate::screen;

/// Keep the answer in a file that striate ask wrote and someone answered, in the station's notes.
#[derive(clap::Args)]
#[command(after_help = "Examples:\n  \
    striate answer question-conv2d_backward.md     then: striate notes convolution-layer\n\n\
    The answer is what stands under the heading Answer. Reading the same file twice adds it once.")]
pub struct Args {
    /// The file.
    file: PathBuf,
}

/// A file of `striate ask`, read.
struct Answered<'a> {
    station: &'a str,
    exercise: &'a str,
    question: &'a str,
    answer: &'a str,
}

/// Runs the command.
pub fn run(args: Args, home: &Home) -> CommandResult {
    let name = args.file.display();
    let text = std::fs::read_to_string(&args.file)
        .map_err(|error| CommandError::Usage(format!("cannot read {name}: {error}")))?;
    let read = read(&text).ok_or_else(|| {
        CommandError::Failed(format!(
            "{name} is no file of 'striate ask': its first line '{MARK} ...' or its heading '{ANSWER}' is missing"
        ))
    })?;
    if read.answer.is_empty() {
        return Err(CommandError::Failed(format!("there is no answer in {name} yet: it stands under '{ANSWER}'")));
    }
    let mut learner = Learner::open(home)?;
    let station = learner.road.renames().station(read.station).to_owned();
    let note = format!("**{}**: {}\n\n{}", read.exercise, quoted(read.question), read.answer);
    let before = learner.progress.note(&station).map_err(CommandError::failed)?;
    if before.is_some_and(|before| before.text.contains(read.answer)) {
        screen::print(&format!("Your notes on {station} hold this answer already.\n"));
        return Ok(ExitCode::SUCCESS);
    }
    learner.progress.append_note(&station, &note).map_err(CommandError::failed)?;
    screen::print(&format!("Added the answer to your notes on {station}: striate notes shows them.\n"));
    Ok(ExitCode::SUCCESS)
}

fn read(text: &str) -> Option<Answered<'_>> {
    let text = text.trim_start_matches('\u{feff}').trim_start();
    let (head, rest) = text.strip_prefix(MARK)?.split_once("-->")?;
    let (station, exercise) = head.trim().split_once(' ')?;
    let question = rest.split("\n## ").next()?;
    let question = question.trim_start().split_once('\n').map_or("", |(_, question)| question).trim();
    // The last heading is the one for the answer: the code above may hold the same words.
    let (_, answer) = rest.rsplit_once(&format!("\n{ANSWER}"))?;
    let answer = answer.trim().strip_prefix(WRITE_HERE).unwrap_or(answer.trim()).trim();
    Some(Answered { station, exercise: exercise.trim(), question, answer })
}

/// A question as a quotation in markdown.
fn quoted(question: &str) -> String {
    question.lines().map(|line| format!("\n> {line}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_answer_is_what_stands_under_the_last_heading() {
        let file = |answer: &str| {
            format!(
                "{MARK} convolution-layer conv2d_backward -->\r\n# A question\n\nWhy?\n\n## The code\n\n# {ANSWER}\n\n{ANSWER}\n\n\
                 {WRITE_HERE}\n\n{answer}\n"
            )
        };
        let text = file("Because.\n\nAnd so on.");
        let found = read(&text).expect("a question's file");
        assert_eq!((found.station, found.exercise), ("convolution-layer", "conv2d_backward"));
        assert_eq!((found.question, found.answer), ("Why?", "Because.\n\nAnd so on."));
        assert_eq!(read(&file("")).expect("a file without an answer").answer, "");
        assert!(read("# Something else").is_none());
    }
}
