//! Running a step and saying what failed.

use std::path::PathBuf;
use std::process::Command;

/// A step that did not work: what, where, what to do.
pub struct Failure(pub String);

/// The repository root.
pub fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask lies in the repository").to_path_buf()
}

/// Cargo's output folder.
pub fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from)
}

/// Whether this is a run where nothing may be skipped.
pub fn in_ci() -> bool {
    std::env::var("CI").is_ok_and(|value| !value.is_empty() && value != "false")
}

/// A cargo command in the repository root.
pub fn cargo(subcommand: &str) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.arg(subcommand).current_dir(root());
    command
}

/// Runs a command with its output shown; an exit code other than 0 is a failure.
pub fn run(mut command: Command) -> Result<(), Failure> {
    let line = describe(&command);
    println!("$ {line}");
    let status = command.status().map_err(|error| Failure(format!("cannot start `{line}`: {error}")))?;
    if status.success() { Ok(()) } else { Err(Failure(format!("`{line}` ended with {status}"))) }
}

/// Runs a command quietly; its output is shown when it fails.
pub fn run_quietly(mut command: Command) -> Result<(), Failure> {
    let line = describe(&command);
    let output = command.output().map_err(|error| Failure(format!("cannot start `{line}`: {error}")))?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let last: Vec<&str> = said.lines().rev().take(4).collect();
    Err(Failure(format!(
        "`{line}` ended with {}: {}",
        output.status,
        last.into_iter().rev().collect::<Vec<_>>().join(" / ")
    )))
}

fn describe(command: &Command) -> String {
    let program = command.get_program().to_string_lossy().into_owned();
    let name = PathBuf::from(&program).file_name().map_or(program.clone(), |name| name.to_string_lossy().into_owned());
    command.get_args().fold(name, |line, argument| line + " " + &argument.to_string_lossy())
}
