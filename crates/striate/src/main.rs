//! The `striate` command.

mod commands;
mod home;
mod learner;
mod screen;

use std::process::ExitCode;

fn main() -> ExitCode {
    commands::run()
}
