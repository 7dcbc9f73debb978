//! The command line: one file per command, each with its arguments and what it does.

mod answer;
mod ask;
mod check;
mod doctor;
mod eval;
mod goal;
mod hint;
mod notes;
mod predict;
mod progress;
mod review;
mod road;
mod runs;
mod start;
mod station;
mod studio;
mod train;
mod weights;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::home::Home;
use crate::screen;

/// Why a command stopped.
#[derive(Debug)]
pub enum CommandError {
    /// The work failed (exit code 1). What, where, what to do.
    Failed(String),
    /// The command line asks for something that does not exist (exit code 2).
    Usage(String),
}

impl CommandError {
    /// From any error whose text already says what, where and what to do.
    pub fn failed(error: impl std::fmt::Display) -> Self {
        CommandError::Failed(error.to_string())
    }
}

/// What a command hands back: an exit code other than 0 without an error text, or an error.
pub type CommandResult = Result<ExitCode, CommandError>;

/// The road to deep learning for visual recognition, as software you run.
#[derive(Parser)]
#[command(name = "striate", version, about)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    Studio(studio::Args),
    Road(road::Args),
    Start(start::Args),
    Check(check::Args),
    Hint(hint::Args),
    Doctor(doctor::Args),
    Review(review::Args),
    Ask(ask::Args),
    Answer(answer::Args),
    Station(station::Args),
    Goal(goal::Args),
    Notes(notes::Args),
    Progress(progress::Args),
    Train(Box<train::Args>),
    Eval(eval::Args),
    Predict(predict::Args),
    Runs(runs::Args),
    Weights(weights::Args),
}

/// Parses the command line, runs the command, prints an error as one text, and gives the exit code.
pub fn run() -> ExitCode {
    let arguments = Arguments::parse();
    let result = Home::from_environment().map_err(CommandError::Failed).and_then(|home| match arguments.command {
        Some(Command::Studio(args)) => studio::run(args, &home),
        Some(Command::Road(args)) => road::run(args, &home),
        Some(Command::Start(args)) => start::run(args, &home),
        Some(Command::Check(args)) => check::run(args, &home),
        Some(Command::Doctor(args)) => doctor::run(args, &home),
        Some(Command::Hint(args)) => hint::run(args, &home),
        Some(Command::Review(args)) => review::run(args, &home),
        Some(Command::Ask(args)) => ask::run(args, &home),
        Some(Command::Answer(args)) => answer::run(args, &home),
        Some(Command::Station(args)) => station::run(args, &home),
        Some(Command::Goal(args)) => goal::run(args, &home),
        Some(Command::Notes(args)) => notes::run(args, &home),
        Some(Command::Progress(args)) => progress::run(args, &home),
        Some(Command::Train(args)) => train::run(*args, &home),
        Some(Command::Eval(args)) => eval::run(args, &home),
        Some(Command::Predict(args)) => predict::run(args, &home),
        Some(Command::Runs(args)) => runs::run(args, &home),
        Some(Command::Weights(args)) => weights::run(args, &home),
        None => studio::run(studio::Args::default(), &home),
    });
    match result {
        Ok(code) => match screen::output_failure() {
            Some(reason) => {
                eprintln!(
                    "error: cannot write all of the output: {reason}\nWhat was printed is not complete; make room where it goes and ask again."
                );
                ExitCode::from(1)
            }
            None => code,
        },
        Err(CommandError::Failed(text)) => {
            eprintln!("error: {text}");
            ExitCode::from(1)
        }
        Err(CommandError::Usage(text)) => {
            eprintln!("error: {text}\n\nFor more information, try 'striate --help'.");
            ExitCode::from(2)
        }
    }
}
