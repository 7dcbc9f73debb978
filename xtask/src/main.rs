//! Development tasks of Striate: `cargo xtask test`, `lint`, `content`, `bench`, `screenshots`, `lines`.
//!
//! The tasks prepare what they need themselves (a Python virtual environment with NumPy under `target/`, a browser where
//! they may install one) and say plainly what could not be prepared. They use nothing but the standard library, so that
//! `cargo xtask` starts in a second on a fresh clone.

mod bench;
mod browser;
mod lines;
mod python;
mod task;

use std::process::ExitCode;

use task::{Failure, cargo};

const USAGE: &str = "\
Development tasks of Striate

Usage: cargo xtask <TASK> [ARGUMENTS]

Tasks:
  test [ARGS]    Prepare Python, NumPy and the browser, then run every test; ARGS go to `cargo test`
  lint           Formatting, clippy and documentation, with warnings as errors
  content [IDS]  Check every exercise, or those of the exercises and stations named: starters, model solutions,
                 misconceptions; prints the table
  bench [ARGS]   Measure the speed, alone or beside PyTorch, burn and candle; `bench --help` explains
  screenshots    Write the pictures of the README (docs/images) from a running studio
  lines          Lines of Rust per crate

Examples:
  cargo xtask test
  cargo xtask test -p striate-tensor
  cargo xtask content image-as-function lstsq
  cargo xtask bench --rows w3,w4 --peers torch
";

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let task = arguments.next();
    let rest: Vec<String> = arguments.collect();
    let result = match task.as_deref() {
        Some("test") => test(&rest),
        Some("lint") => lint(),
        Some("content") => content(&rest),
        Some("bench") => bench::run(&rest),
        Some("screenshots") => screenshots(),
        Some("lines") => lines::print(),
        Some("help" | "--help" | "-h") => {
            print!("{USAGE}");
            Ok(())
        }
        _ => {
            eprint!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure(text)) => {
            eprintln!("error: {text}");
            ExitCode::from(1)
        }
    }
}

/// Every test of the workspace, or those that `arguments` select.
fn test(arguments: &[String]) -> Result<(), Failure> {
    let python = python::prepare();
    let chromium = browser::prepare();
    let mut command = cargo("test");
    if arguments.is_empty() {
        command.arg("--workspace");
    }
    command.args(arguments);
    let mut skipped = Vec::new();
    match &python {
        Ok(path) => {
            println!("python:  {}", path.display());
            command.env("STRIATE_PYTHON", path);
        }
        Err(Failure(why)) => skipped.push(format!("tests that run NumPy code: {why}")),
    }
    match &chromium {
        Ok(path) => {
            println!("browser: {}", path.display());
            command.env("STRIATE_CHROMIUM", path);
        }
        Err(Failure(why)) => skipped.push(format!("tests in a browser: {why}")),
    }
    for line in &skipped {
        println!("SKIPPED  {line}");
    }
    if !skipped.is_empty() && task::in_ci() {
        return Err(Failure("nothing may be skipped when CI=true".into()));
    }
    task::run(command)?;
    for line in &skipped {
        println!("SKIPPED  {line}");
    }
    Ok(())
}

fn lint() -> Result<(), Failure> {
    let mut format = cargo("fmt");
    format.args(["--all", "--check"]);
    task::run(format)?;
    let mut clippy = cargo("clippy");
    clippy.args(["--workspace", "--all-targets", "--", "-D", "warnings"]);
    task::run(clippy)?;
    let mut doc = cargo("doc");
    // A page may point into the private parts it explains: the links help whoever reads the source.
    doc.args(["--workspace", "--no-deps"]).env("RUSTDOCFLAGS", "-D warnings -A rustdoc::private-intra-doc-links");
    task::run(doc)
}

fn content(names: &[String]) -> Result<(), Failure> {
    let mut command = cargo("test");
    command.args(["--package", "striate-road", "--test", "content", "--", "--nocapture"]);
    command.env("STRIATE_PYTHON", python::prepare()?).env("STRIATE_CONTENT", names.join(" "));
    task::run(command)
}

fn screenshots() -> Result<(), Failure> {
    let mut command = cargo("run");
    command.args(["--release", "--package", "striate-studio", "--example", "screenshots"]);
    command.env("STRIATE_CHROMIUM", browser::prepare()?);
    task::run(command)
}
