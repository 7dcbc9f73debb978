//! The speed bench's program: runs workloads in Striate and prints one line per number,
//!
//! ```text
//! workload<TAB>peer<TAB>threads<TAB>metric<TAB>value
//! ```
//!
//! as the programs of the peers do (`bench/peers`). `cargo xtask bench` runs them in turn and makes the table.

mod batches;
mod limits;
mod measure;
mod precision;
mod workloads;

use std::process::ExitCode;

use clap::Parser;
use precision::Precision;

/// Runs workloads in Striate and prints their times.
#[derive(Parser, Debug)]
#[command(
    after_help = "Examples:\n  striate-bench --w w3 --rounds 5\n  striate-bench --w w4 --batch 16 --image 64 --peak"
)]
struct Arguments {
    /// Threads of the engine.
    #[arg(long, default_value_t = 2)]
    threads: usize,
    /// Workloads, separated by commas.
    #[arg(long = "w", value_delimiter = ',', default_value = "w1,w2,w3,w4,w5,w6,w7")]
    workloads: Vec<String>,
    /// Samples of each time; the median is printed.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Images in a batch of w3 and w4.
    #[arg(long, default_value_t = 64)]
    batch: usize,
    /// Height and width of the images of w4.
    #[arg(long, default_value_t = 32)]
    image: usize,
    /// Only the training step of w3 or w4, and then the process's largest memory.
    #[arg(long)]
    peak: bool,
}

/// What a workload needs to know.
struct Settings {
    threads: usize,
    rounds: usize,
    batch: usize,
    image: usize,
    train_only: bool,
}

impl Settings {
    /// The number formats to time: where memory is measured, the first only.
    fn precisions(&self) -> impl Iterator<Item = Precision> + use<> {
        Precision::ALL.into_iter().take(if self.train_only { 1 } else { usize::MAX })
    }
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    striate_kernels::threads::set_num_threads(arguments.threads);
    let settings = Settings {
        threads: arguments.threads,
        rounds: arguments.rounds.max(1),
        batch: arguments.batch.max(1),
        image: arguments.image.max(8),
        train_only: arguments.peak,
    };
    for name in &arguments.workloads {
        let Some((_, run)) = workloads::ALL.iter().find(|(known, _)| known == name) else {
            let known: Vec<&str> = workloads::ALL.iter().map(|(known, _)| *known).collect();
            eprintln!("error: there is no workload `{name}`; choose from {}", known.join(", "));
            return ExitCode::from(2);
        };
        if let Err(error) = run(&settings) {
            eprintln!("error: {name}: {error}");
            return ExitCode::FAILURE;
        }
        if arguments.peak {
            measure::report_peak_memory(name, &settings);
        }
    }
    ExitCode::SUCCESS
}
