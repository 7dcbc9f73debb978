//! `striate ask`: one file that a senior can open.

use std::fs;
use std::io::{BufRead, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use striate_road::assignment;
use striate_road::check::{Report, last, render};
use striate_road::course;
use striate_road::progress::{now, utc};
use striate_road::runner::Language;
use striate_road::text::TerminalStyle;

use super::{CommandError, CommandResult, check};
use crate::home::Home;
use crate::learner::Learner;
use crate::screen;

/// Write your question with the last check and your code into one file, to send to someone who knows.
#[derive(clap::Args)]
#[command(after_help = "Examples:\n  \
    striate ask                                   about the exercise you changed last\n  \
    striate ask conv2d_backward                   about this one; you are asked for the question\n  \
    striate ask conv2d_backward --question \"Why does dx need the padding?\"\n  \
    striate ask cs231n.adam --output adam.md      about a course's function that was checked\n\n\
    The file is plain markdown. Whoever answers writes at its end; 'striate answer FILE' keeps the answer in your notes.")]
pub struct Args {
    /// The exercise.
    exercise: Option<String>,
    /// Your question; else you are asked for it.
    #[arg(long, value_name = "TEXT")]
    question: Option<String>,
    /// The file to write; else question-EXERCISE.md in the current folder. An existing file stays.
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// What tells a question's file, and what it is about: station and exercise follow.
pub const MARK: &str = "<!-- striate question about";

/// The heading under which the answer stands.
pub const ANSWER: &str = "## Answer";

/// What the file says under that heading before there is an answer.
pub const WRITE_HERE: &str = "*Write below this line, save, and send the file back. `striate answer FILE` reads it.*";

/// Runs the command.
pub fn run(args: Args, home: &Home) -> CommandResult {
    let learner = Learner::open(home)?;
    let exercise = exercise(&learner, args.exercise.as_deref())?;
    let report = last::load(&home.checks(), &exercise).ok_or_else(|| {
        CommandError::Failed(format!("{exercise} was not checked yet: run 'striate check {exercise}' first, then ask"))
    })?;
    let question = match &args.question {
        Some(text) => text.trim().to_owned(),
        None => read_question()?,
    };
    if question.is_empty() {
        return Err(CommandError::Usage("the question is empty: what do you want to know? --question \"...\"".into()));
    }
    let text = file(&learner, &report, &question);
    let path = write_new(args.output.as_deref(), &exercise, &text)?;
    screen::print(&format!(
        "Wrote {}: your question, the last check and your code. Send it; striate answer {} keeps the reply.\n",
        path.display(),
        path.display()
    ));
    Ok(ExitCode::SUCCESS)
}

fn exercise(learner: &Learner, name: Option<&str>) -> Result<String, CommandError> {
    if let Some(name) = name.filter(|name| course::find(name).is_some()) {
        return Ok(name.to_owned());
    }
    let answers = check::select(learner, name, None)?;
    match answers.as_slice() {
        [answer] => Ok(answer.assignment().id().to_owned()),
        _ => {
            let ids: Vec<&str> = answers.iter().map(|answer| answer.assignment().id()).collect();
            Err(CommandError::Usage(format!("name an exercise of this station: {}", ids.join(", "))))
        }
    }
}

fn read_question() -> Result<String, CommandError> {
    if std::io::stdin().is_terminal() {
        screen::print("Your question, in one line: ");
    }
    let mut line = String::new();
    std::io::stdin().lock().read_line(&mut line).map_err(CommandError::failed)?;
    Ok(line.trim().to_owned())
}

/// The markdown file.
fn file(learner: &Learner, report: &Report, question: &str) -> String {
    // A course's function has no station; its answer goes to the notes under the course's name.
    let station = match report.station.as_str() {
        "" => report.exercise.rsplit_once('.').map_or("", |(course, _)| course),
        station => station,
    };
    let task = assignment::find(&report.exercise).map_or("", |exercise| exercise.task());
    let task = if task.is_empty() { String::new() } else { format!("## The task\n\n{task}\n\n") };
    let check = render(report, TerminalStyle { width: 100, color: false });
    let hints = learner.progress.hints(&report.exercise).unwrap_or_default();
    let attempts = learner.progress.exercise(&report.exercise).map_or(0, |record| record.attempts);
    format!(
        "{MARK} {station} {exercise} -->\n# A question about {exercise}\n\n{question}\n\n{task}## The last check\n\n{check}\n\
         {attempts} checks so far, {hints} hints read.\n\n## The code\n\n`{path}`\n\n{code}\n## Versions\n\n{versions}\n\
         {ANSWER}\n\n{WRITE_HERE}\n\n",
        exercise = report.exercise,
        check = fenced("text", &check),
        path = report.file.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned()),
        code = code(report),
        versions = versions(report.language),
    )
}

/// A block of code, fenced by more backticks than it holds.
fn fenced(language: &str, text: &str) -> String {
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest.max(2) + 1);
    format!("{fence}{language}\n{}\n{fence}\n", text.trim_end())
}

fn code(report: &Report) -> String {
    let language = match report.file.extension().and_then(|extension| extension.to_str()) {
        Some("py") => "python",
        Some("rs") => "rust",
        Some("ipynb") => return "(In a notebook: send that along.)\n".into(),
        _ => "text",
    };
    match fs::read_to_string(&report.file) {
        Ok(source) => fenced(language, &source),
        Err(error) => format!("(The file cannot be read: {error}.)\n"),
    }
}

fn versions(language: Option<Language>) -> String {
    let mut text = format!(
        "- striate {}\n- {} on {}\n- {}\n",
        env!("CARGO_PKG_VERSION"),
        std::env::consts::OS,
        std::env::consts::ARCH,
        utc(now())
    );
    let said = |program: &str, arguments: &[&str]| {
        let output = Command::new(program).args(arguments).output().ok().filter(|output| output.status.success())?;
        Some(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    };
    let tool = match language {
        Some(Language::Python) => {
            let python = std::env::var("STRIATE_PYTHON").unwrap_or_else(|_| "python3".into());
            let program = "import sys, numpy; print('Python', sys.version.split()[0], 'with NumPy', numpy.__version__)";
            said(&python, &["-c", program])
        }
        Some(Language::Rust) => said("rustc", &["--version"]),
        None => None,
    };
    if let Some(tool) = tool {
        text.push_str(&format!("- {tool}\n"));
    }
    text
}

/// Writes a file that does not exist yet.
fn write_new(wanted: Option<&Path>, exercise: &str, text: &str) -> Result<PathBuf, CommandError> {
    let mut number = 1;
    loop {
        let path = match (wanted, number) {
            (Some(path), _) => path.to_path_buf(),
            (None, 1) => format!("question-{exercise}.md").into(),
            (None, _) => format!("question-{exercise}-{number}.md").into(),
        };
        let file = fs::OpenOptions::new().write(true).create_new(true).open(&path);
        match file.and_then(|mut file| file.write_all(text.as_bytes())) {
            Ok(()) => return Ok(path),
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists && wanted.is_none() => number += 1,
            Err(error) => {
                return Err(CommandError::Failed(format!(
                    "cannot write {}: {error}; name another file with --output",
                    path.display()
                )));
            }
        }
    }
}
