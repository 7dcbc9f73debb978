//! The command line of `cargo xtask bench`.

use std::path::PathBuf;
use std::time::Duration;

use crate::task::Failure;

pub const USAGE: &str = "\
Measures Striate's speed, alone or beside other libraries

Usage: cargo xtask bench [OPTIONS]

The programs take turns (A B A B) in one run, each after waiting for a quiet machine; what other processes and the
hypervisor took meanwhile is measured and reported. The best variant of a peer is the one compared with.

Options:
  --rows LIST      Rows, separated by commas [default: all]
                     w1 matrix product        w2 convolutions          w3 MNIST network, training step
                     w4 ResNet-18             w5 perceptron            w6 LSTM and transformer block
                     w7 pointwise, softmax    cold first trained batch from process start
                     digits99                 MNIST to 99.0 %, from process start
  --peers LIST     torch, burn, candle [default: none]
                     torch  eager, channels_last, bf16 autocast and torch.compile, also with glibc keeping freed memory;
                            in a virtual environment of its own under target/ (STRIATE_BENCH_PYTHON names another)
                     burn, candle  the rows w3 to w6, in the first pass; built under target/bench-peers
                     (torch.compile too runs those rows in the first pass only: compiling takes minutes)
  --passes N       Turns of each peer, each after one of Striate [default: 3]; four times as many for w5 and w7,
                   whose turns are short and depend most on where the host puts the processors
  --rounds N       Samples of each time in a turn [default: 5]
  --threads N      [default: the number of cores, at most 2]
  --wait SECONDS   How long a turn waits for a quiet machine before it starts anyway [default: 20]
  --quick          One pass, three rounds, one seed, without torch.compile
  --scaling        Instead: speed and peak memory of w3 and w4 over batch size, image size and threads
  --json FILE      Write everything as JSON (docs/performance.md describes it)
  --write          Put the tables into docs/performance.md, between their markers

Examples:
  cargo xtask bench --quick
  cargo xtask bench --rows w3,w4 --peers torch
  cargo xtask bench --peers torch,burn,candle --passes 1 --rounds 3 --json bench.json --write
  cargo xtask bench --scaling --peers torch --write
";

/// Every row, in the order of the table.
pub const ROWS: [&str; 9] = ["w1", "w2", "w3", "w4", "w5", "w6", "w7", "cold", "digits99"];

/// Turns of a row in a pass. Where the host has the two processors and the memory changes every few seconds, and rows of
/// little work on much data show it: one turn of them says little, and takes seconds.
pub fn turns(row: &str) -> usize {
    if ["w5", "w7"].contains(&row) { 4 } else { 1 }
}

/// Whom Striate can be compared with.
pub const PEERS: [&str; 3] = ["torch", "burn", "candle"];

/// What was asked for.
pub struct Options {
    pub rows: Vec<String>,
    pub peers: Vec<String>,
    pub passes: usize,
    pub rounds: usize,
    pub threads: usize,
    pub compile: bool,
    pub seeds: usize,
    /// How long a turn waits for the machine to become quiet.
    pub wait: Duration,
    pub scaling: bool,
    pub json: Option<PathBuf>,
    pub write: bool,
}

impl Options {
    /// Whether a row is among those to run.
    pub fn asks_for(&self, row: &str) -> bool {
        self.rows.iter().any(|own| own == row)
    }

    /// `None` when help was asked for.
    pub fn parse(arguments: &[String]) -> Result<Option<Self>, Failure> {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let mut options = Self {
            rows: ROWS.map(str::to_owned).to_vec(),
            peers: Vec::new(),
            passes: 3,
            rounds: 5,
            threads: cores.min(2),
            compile: true,
            seeds: 5,
            wait: Duration::from_secs(20),
            scaling: false,
            json: None,
            write: false,
        };
        let mut arguments = arguments.iter();
        while let Some(flag) = arguments.next() {
            let mut value = || arguments.next().ok_or_else(|| usage(format!("{flag} needs a value")));
            match flag.as_str() {
                "--rows" => options.rows = list(value()?, &ROWS, "row")?,
                "--peers" => options.peers = list(value()?, &PEERS, "peer")?,
                "--passes" => options.passes = number(flag, value()?)?,
                "--rounds" => options.rounds = number(flag, value()?)?,
                "--threads" => options.threads = number(flag, value()?)?,
                "--wait" => options.wait = Duration::from_secs(number(flag, value()?)? as u64),
                "--quick" => {
                    (options.passes, options.rounds) = (1, 3);
                    (options.compile, options.seeds) = (false, 1);
                }
                "--scaling" => options.scaling = true,
                "--json" => options.json = Some(PathBuf::from(value()?)),
                "--write" => options.write = true,
                "--help" | "-h" => return Ok(None),
                other => return Err(usage(format!("there is no option `{other}`"))),
            }
        }
        Ok(Some(options))
    }

    /// Whether this peer takes part.
    pub fn with(&self, peer: &str) -> bool {
        self.peers.iter().any(|own| own == peer)
    }
}

fn usage(problem: String) -> Failure {
    Failure(format!("{problem}; `cargo xtask bench --help` shows the options"))
}

fn number(flag: &str, text: &str) -> Result<usize, Failure> {
    text.parse().ok().filter(|&number| number > 0).ok_or_else(|| usage(format!("{flag} {text}: not a number above 0")))
}

fn list(text: &str, known: &[&str], what: &str) -> Result<Vec<String>, Failure> {
    let names: Vec<String> = text.split(',').filter(|name| !name.is_empty()).map(str::to_owned).collect();
    match names.iter().find(|name| !known.contains(&name.as_str())) {
        Some(name) => Err(usage(format!("there is no {what} `{name}` (known: {})", known.join(", ")))),
        None => Ok(names),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Option<Options>, Failure> {
        Options::parse(&line.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
    }

    #[test]
    fn reads_rows_and_peers() {
        let options = parse("--rows w3,w4 --peers torch --passes 2 --json out.json").ok().flatten().unwrap();
        assert_eq!(options.rows, ["w3", "w4"]);
        assert!(options.with("torch") && !options.with("burn"));
        assert_eq!((options.passes, options.rounds, options.compile), (2, 5, true));
        assert!(parse("--help").ok().unwrap().is_none());
    }

    #[test]
    fn says_what_is_wrong() {
        for (line, expected) in [
            ("--rows w3,w11", "there is no row `w11` (known: w1, w2"),
            ("--peers tf", "there is no peer `tf`"),
            ("--passes 0", "--passes 0: not a number above 0"),
            ("--passes", "--passes needs a value"),
            ("--fast", "there is no option `--fast`"),
        ] {
            let Err(Failure(text)) = parse(line) else { panic!("{line} was taken") };
            assert!(text.starts_with(expected) && text.contains("--help"), "{text}");
        }
    }
}
