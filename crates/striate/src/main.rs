//! The `striate` command.

mod commands;
mod home;

use std::process::ExitCode;

fn main() -> ExitCode {
    commands::run()
}
