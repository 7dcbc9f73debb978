//! The programs that are compared: how they are made and how they are started.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::machine::{Disturbance, Watch};
use super::options::Options;
use crate::task::{self, Failure};

/// Tells glibc to keep freed memory: without page faults PyTorch is faster, and the comparison fairer.
pub const KEEP_MEMORY: [(&str, &str); 4] = [
    ("PEER_SUFFIX", "+malloc"),
    ("MALLOC_MMAP_THRESHOLD_", "4294967295"),
    ("MALLOC_TRIM_THRESHOLD_", "9000000000"),
    ("MALLOC_TOP_PAD_", "268435456"),
];

const WORKLOADS: [&str; 7] = ["w1", "w2", "w3", "w4", "w5", "w6", "w7"];
const TRAINING: [&str; 4] = ["w3", "w4", "w5", "w6"];

/// A program that takes `--threads N --w ROW --rounds R` and prints numbers.
pub struct Program {
    pub name: &'static str,
    path: PathBuf,
    arguments: Vec<String>,
    environment: &'static [(&'static str, &'static str)],
    /// What it runs.
    pub rows: &'static [&'static str],
    /// Takes part in the first pass only.
    pub once: bool,
    /// Starts compilers, which cannot be told from the processes of others.
    pub compiles: bool,
}

impl Program {
    fn new(name: &'static str, path: PathBuf, rows: &'static [&'static str]) -> Self {
        Self { name, path, arguments: Vec::new(), environment: &[], rows, once: false, compiles: false }
    }

    /// The program with these arguments, ready to start.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.path);
        command.args(&self.arguments).args(arguments).envs(self.environment.iter().copied());
        command
    }
}

/// Runs a command and returns what it printed, and what others took of the machine meanwhile. Its notes (`# ..` on
/// standard error) are not shown, its last words are if it fails.
pub fn watched(mut command: Command) -> Result<(String, Disturbance), String> {
    let watch = Watch::start();
    let output = command.stdin(Stdio::null()).output().map_err(|error| error.to_string())?;
    let disturbance = watch.stop();
    if output.status.success() {
        return Ok((String::from_utf8_lossy(&output.stdout).into_owned(), disturbance));
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(format!("{}: {}", output.status, said.lines().last().unwrap_or("it printed nothing")))
}

/// Striate's own program.
pub fn striate() -> Result<Program, Failure> {
    build(task::cargo("build"), &["--package", "striate-bench"])?;
    Ok(Program::new("striate", task::target().join("release").join("striate-bench"), &WORKLOADS))
}

/// The `striate` command, for the rows that start with a process.
pub fn product() -> Result<PathBuf, Failure> {
    build(task::cargo("build"), &["--package", "striate"])?;
    Ok(task::target().join("release").join("striate"))
}

fn build(mut command: Command, arguments: &[&str]) -> Result<(), Failure> {
    command.args(["--release", "--quiet"]).args(arguments);
    task::run(command)
}

/// The peers' programs that the options ask for, built and installed.
pub fn peers(options: &Options) -> Result<Vec<Program>, Failure> {
    let mut programs = Vec::new();
    if options.with("torch") {
        let python = python()?;
        let script = task::root().join("bench/peers/python/torch_bench.py").to_string_lossy().into_owned();
        let torch = |name, variants: &str, environment| Program {
            arguments: [&script, "--variants", variants].map(str::to_owned).to_vec(),
            environment,
            ..Program::new(name, python.clone(), &WORKLOADS)
        };
        let variants = "eager,cl,bf16,cl-bf16";
        programs.push(torch("torch", variants, &[]));
        programs.push(torch("torch+malloc", variants, &KEEP_MEMORY));
        if options.compile {
            let compiled = torch("torch compile", "compile-cl,compile-cl-bf16", &KEEP_MEMORY);
            programs.push(Program { rows: &TRAINING, once: true, compiles: true, ..compiled });
        }
    }
    if options.with("burn") {
        let path = rust_peer("peer-burn", "flex")?;
        let arguments = ["--backend", "flex"].map(str::to_owned).to_vec();
        programs.push(Program { arguments, once: true, ..Program::new("burn-flex", path, &TRAINING) });
    }
    if options.with("candle") {
        let path = rust_peer("peer-candle", "")?;
        programs.push(Program { once: true, ..Program::new("candle", path, &TRAINING) });
    }
    Ok(programs)
}

/// Builds a peer of the workspace `bench/peers/rust` for this processor.
fn rust_peer(package: &str, features: &str) -> Result<PathBuf, Failure> {
    let target = task::target().join("bench-peers");
    println!("building {package} (the first time takes minutes)");
    let mut command = task::cargo("build");
    command.arg("--manifest-path").arg(task::root().join("bench/peers/rust/Cargo.toml"));
    command.arg("--target-dir").arg(&target).env("RUSTFLAGS", "-C target-cpu=native");
    build(command, &["--locked", "--package", package, "--features", features])?;
    Ok(target.join("release").join(package))
}

/// A Python with PyTorch: `STRIATE_BENCH_PYTHON` if set, else `target/bench-venv`, made on first use.
pub fn python() -> Result<PathBuf, Failure> {
    if let Some(path) = std::env::var_os("STRIATE_BENCH_PYTHON").map(PathBuf::from) {
        return if imports_torch(&path) {
            Ok(path)
        } else {
            Err(Failure(format!("STRIATE_BENCH_PYTHON={} cannot import torch and numpy", path.display())))
        };
    }
    let folder = task::target().join("bench-venv");
    let interpreter =
        if cfg!(windows) { folder.join("Scripts").join("python.exe") } else { folder.join("bin").join("python") };
    if imports_torch(&interpreter) {
        return Ok(interpreter);
    }
    println!("making a virtual environment with PyTorch in {} (takes minutes)", folder.display());
    let mut make = Command::new(if cfg!(windows) { "python" } else { "python3" });
    make.args(["-m", "venv", "--clear"]).arg(&folder);
    task::run_quietly(make)?;
    let install = |arguments: &[&str]| {
        let mut command = Command::new(&interpreter);
        command.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]).args(arguments);
        task::run_quietly(command)
    };
    // The CPU build is a tenth of the size; where its index cannot be reached, the package index has the large one.
    install(&["torch", "--index-url", "https://download.pytorch.org/whl/cpu"])
        .or_else(|_| install(&["torch"]))
        .and_then(|()| install(&["numpy"]))
        .map_err(|Failure(why)| {
            Failure(format!(
                "PyTorch could not be installed: {why}. Is the network there? STRIATE_BENCH_PYTHON can name a Python \
                 that has torch and numpy; without --peers torch nothing is installed"
            ))
        })?;
    Ok(interpreter)
}

fn imports_torch(interpreter: &Path) -> bool {
    Command::new(interpreter).args(["-c", "import torch, numpy"]).output().is_ok_and(|output| output.status.success())
}
