//! The rows that are timed from the start of a process to its end.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use super::machine;
use super::options::Options;
use super::programs::{self, Program};
use super::results::Results;
use crate::task::{self, Failure};

/// Runs of the cold start.
const RUNS: usize = 5;

/// The rows `cold` and `digits99`, if asked for.
pub fn run(options: &Options, striate: &Program, product: Option<&Path>, results: &mut Results) -> Result<(), Failure> {
    let python = if options.with("torch") { Some(programs::python()?) } else { None };
    let scripts = task::root().join("bench/peers/python");
    let threads = options.threads.to_string();
    if options.asks_for("cold") {
        for _ in 0..RUNS {
            let own = striate.command(&["--threads", &threads, "--w", "cold"]);
            timed(("cold", "striate"), own, options.wait, results);
            if let Some(python) = &python {
                let mut command = Command::new(python);
                command.arg(scripts.join("cold_start.py")).args(["--threads", &threads]);
                timed(("cold", "torch"), command, options.wait, results);
            }
        }
    }
    if let Some(product) = product {
        for seed in 0..options.seeds {
            digits(product, seed, options, results)?;
            if let Some(python) = &python {
                let mut command = Command::new(python);
                command.arg(scripts.join("mnist_to_99.py")).args(["--threads", &threads, "--seed", &seed.to_string()]);
                timed(("digits99", "torch"), command, options.wait, results);
            }
        }
    }
    Ok(())
}

/// Runs a command to its end and keeps its seconds, and the last line it printed.
fn timed((row, peer): (&str, &str), command: Command, wait: Duration, results: &mut Results) -> Option<String> {
    machine::wait_until_quiet(wait);
    let begun = Instant::now();
    let outcome = programs::watched(command);
    let seconds = begun.elapsed().as_secs_f64();
    match outcome {
        Ok((output, disturbance)) => {
            results.add(row, peer, "s", seconds, disturbance);
            let last = output.lines().last().unwrap_or_default().to_owned();
            println!("{row} {peer}: {seconds:.3} s {}", if last.len() < 80 { &last } else { "" });
            Some(last)
        }
        Err(why) => {
            eprintln!("{row} {peer}: left out: {why}");
            None
        }
    }
}

/// `striate train digits` as a user runs it, with a home folder of its own.
fn digits(product: &Path, seed: usize, options: &Options, results: &mut Results) -> Result<(), Failure> {
    let home = task::target().join("bench-home");
    let fail = |error: std::io::Error| Failure(format!("{}: {error}", home.display()));
    if home.exists() {
        fs::remove_dir_all(&home).map_err(fail)?;
    }
    fs::create_dir_all(&home).map_err(fail)?;
    let mut command = Command::new(product);
    command.args(["train", "digits", "--json", "--threads", &options.threads.to_string()]);
    command.args(["--seed", &seed.to_string()]).env("STRIATE_HOME", &home);
    let last = timed(("digits99", "striate"), command, options.wait, results).unwrap_or_default();
    let accuracy = last
        .split_once("\"test_accuracy\":")
        .and_then(|(_, rest)| rest.split([',', '}']).next()?.trim().parse::<f64>().ok());
    match accuracy {
        Some(accuracy) => {
            println!("  seed {seed}: {:.2} % of the test digits right", 100.0 * accuracy);
            results.add("digits99", "striate", "accuracy", 100.0 * accuracy, machine::Disturbance::default());
        }
        None => eprintln!("digits99 striate: `striate train digits --json` did not end with a test_accuracy"),
    }
    Ok(())
}
