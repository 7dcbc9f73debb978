//! `striate doctor`: what was found, what is used, and how to mend what is missing.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use serde::Serialize;
use striate_road::check::CheckOptions;
use striate_road::runner::Protection;
use striate_road::runner::found::{self, python, rust_compiler, typed, virtual_environment_steps, writable};

use super::{CommandError, CommandResult};
use crate::home::Home;
use crate::screen;

/// Show what Striate found and uses on this machine, and how to get what is missing.
#[derive(clap::Args)]
#[command(after_help = "Examples:\n  \
    striate doctor              what is there, what is missing, how to mend it\n  \
    striate doctor --make-venv  make a Python environment with NumPy in your folder; every check then uses it\n  \
    striate doctor --json       the same for programs\n\n\
    Exit code: 0 all that is needed is there, 1 something is missing.")]
pub struct Args {
    /// Make a virtual environment with NumPy in the workspace (.venv); this needs the network once.
    #[arg(long)]
    make_venv: bool,
    /// The Python to use, or to make the environment with.
    #[arg(long, value_name = "PROGRAM")]
    python: Option<PathBuf>,
    /// Write JSON.
    #[arg(long)]
    json: bool,
}

/// How a thing stands.
#[derive(Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum State {
    Ok,
    /// It works, with something less.
    Limited,
    Missing,
}

/// One thing that was looked for.
#[derive(Serialize)]
struct Item {
    id: &'static str,
    state: State,
    /// What is there.
    found: String,
    /// What to do, where something is missing.
    mend: Option<String>,
}

impl Item {
    fn ok(id: &'static str, found: impl Into<String>) -> Item {
        Item { id, state: State::Ok, found: found.into(), mend: None }
    }

    fn limited(id: &'static str, found: impl Into<String>, mend: impl Into<String>) -> Item {
        Item { id, state: State::Limited, found: found.into(), mend: Some(mend.into()) }
    }

    fn missing(id: &'static str, found: impl Into<String>, mend: impl Into<String>) -> Item {
        Item { id, state: State::Missing, found: found.into(), mend: Some(mend.into()) }
    }
}

/// What `--json` writes.
#[derive(Serialize)]
struct Json<'a> {
    schema: u32,
    striate: &'static str,
    items: &'a [Item],
}

/// Runs the command.
pub fn run(args: Args, home: &Home) -> CommandResult {
    let options = CheckOptions {
        python: args.python.clone(),
        workspace: Some(home.workspace.clone()),
        ..CheckOptions::default()
    };
    if args.make_venv {
        make_venv(&args, home)?;
    }
    let items = examine(home, &options);
    if args.json {
        let json = Json { schema: 1, striate: env!("CARGO_PKG_VERSION"), items: &items };
        screen::print(&format!("{}\n", serde_json::to_string(&json).expect("plain data")));
    } else {
        screen::print(&table(&items));
    }
    let complete = items.iter().all(|item| item.state != State::Missing);
    Ok(if complete { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

fn examine(home: &Home, options: &CheckOptions) -> Vec<Item> {
    let mut items = vec![processor(), memory()];
    items.extend(python_items(options));
    items.push(rust_item());
    items.push(protection());
    items.push(folder("home", &home.root, "STRIATE_HOME"));
    items.push(folder("workspace", &home.workspace, "STRIATE_WORKSPACE"));
    items.push(browser());
    items
}

fn processor() -> Item {
    let threads = striate_kernels::threads::num_threads();
    Item::ok(
        "processor",
        format!(
            "{}, {}; {threads} thread{}",
            std::env::consts::ARCH,
            striate_kernels::instruction_sets(),
            if threads == 1 { "" } else { "s" }
        ),
    )
}

fn memory() -> Item {
    /// Training a small CNN takes this at most.
    const ENOUGH_GIB: f64 = 1.0;
    let table = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let gib = |name: &str| {
        let line = table.lines().find_map(|line| line.strip_prefix(name))?;
        let kib: f64 = line.trim_start_matches(':').trim().trim_end_matches("kB").trim().parse().ok()?;
        Some(kib / f64::from(1 << 20))
    };
    match (gib("MemTotal"), gib("MemAvailable")) {
        (Some(total), Some(free)) => {
            let found = format!("{total:.1} GiB, {free:.1} GiB of it free");
            if free < ENOUGH_GIB {
                Item::limited("memory", found, "close other programs before a training run")
            } else {
                Item::ok("memory", found)
            }
        }
        _ => Item::ok("memory", "this system does not say in a way that is read here"),
    }
}

fn python_items(options: &CheckOptions) -> Vec<Item> {
    const VENV: &str = "striate doctor --make-venv makes an environment with NumPy that every check uses";
    let found = match python(options) {
        Ok(found) => found,
        Err(why) => return vec![Item::missing("python", "none that runs", why)],
    };
    let program = format!("{} ({})", found.python.version, found.python.program.display());
    let mut items = vec![Item::ok("python", program)];
    items.push(match &found.numpy {
        Err(why) => Item::missing("numpy", why.clone(), VENV),
        Ok(numpy) => {
            let text = format!("{} ({})", numpy.version, numpy.program.display());
            if found.numpy_is_supported() {
                Item::ok("numpy", text)
            } else {
                Item::limited("numpy", format!("{text}; the checks are made for 1.24 to 2.x"), VENV)
            }
        }
    });
    items
}

fn rust_item() -> Item {
    match rust_compiler() {
        Some(found) => Item::ok("rust", format!("{} ({})", found.version, found.program.display())),
        None => Item::limited(
            "rust",
            "no compiler",
            "to do the exercises in Rust too, install it from https://rustup.rs and open a new terminal",
        ),
    }
}

fn protection() -> Item {
    let active = Protection::active();
    let found = format!("{}: {}", active.id(), active.words());
    match active.advice() {
        None => Item::ok("protection", found),
        Some(advice) => Item::limited("protection", found, advice),
    }
}

fn folder(id: &'static str, path: &Path, variable: &str) -> Item {
    /// A run with its checkpoints, and the compiled exercises.
    const ENOUGH_GIB: f64 = 0.5;
    let place = format!("{}{}", path.display(), if path.is_dir() { "" } else { " (not made yet)" });
    if let Err(error) = writable(path) {
        let mend = format!("give yourself the right to write there, or set {variable} to another folder");
        return Item::missing(id, format!("{place}: cannot write: {error}"), mend);
    }
    match free_gib(path) {
        Some(free) if free < ENOUGH_GIB => {
            let mend = format!("make room there, or set {variable} to a folder on another disk");
            Item::limited(id, format!("{place}, only {free:.2} GiB free"), mend)
        }
        Some(free) => Item::ok(id, format!("{place}, {free:.1} GiB free")),
        None => Item::ok(id, place),
    }
}

/// Free space where the folder is or will be, as `df` tells it.
fn free_gib(path: &Path) -> Option<f64> {
    let there = path.ancestors().find(|folder| folder.is_dir())?;
    let output = Command::new("df").arg("-Pk").arg(there).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let kib: f64 = text.lines().nth(1)?.split_whitespace().nth(3)?.parse().ok()?;
    Some(kib / f64::from(1 << 20))
}

fn browser() -> Item {
    if !cfg!(target_os = "linux") {
        return Item::ok("browser", "the system's own");
    }
    let set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    let path = std::env::var_os("PATH").unwrap_or_default();
    let has = |name: &&&str| std::env::split_paths(&path).any(|folder| folder.join(name).is_file());
    let opener = ["xdg-open", "gio", "gnome-open", "kde-open", "wslview"].iter().find(has);
    match opener {
        Some(opener) if set("DISPLAY") || set("WAYLAND_DISPLAY") || *opener == "wslview" => {
            Item::ok("browser", format!("opened with {opener}"))
        }
        _ => Item::limited(
            "browser",
            "none that can be opened from here",
            "striate studio prints an address: open it in a browser yourself",
        ),
    }
}

fn table(items: &[Item]) -> String {
    let style = screen::style();
    let width = items.iter().map(|item| item.id.len()).max().unwrap_or(0);
    let mut out = String::new();
    for Item { id, state, found, mend } in items {
        let sign = match state {
            State::Ok => "✓",
            State::Limited => "◐",
            State::Missing => "✗",
        };
        out.push_str(&format!("{sign} {id:width$}  {found}\n"));
        if let Some(mend) = mend {
            out.push_str(&format!("  {:width$}  {}\n", "", screen::bold(mend, style)));
        }
    }
    out
}

/// Makes the environment, saying each step before it is taken.
fn make_venv(args: &Args, home: &Home) -> Result<(), CommandError> {
    let steps = virtual_environment_steps(&home.workspace, args.python.as_deref()).map_err(CommandError::Failed)?;
    std::fs::create_dir_all(&home.workspace)
        .map_err(|error| CommandError::Failed(format!("cannot make {}: {error}", home.workspace.display())))?;
    let folder = found::virtual_environment(&home.workspace);
    eprintln!("This makes {} and installs NumPy into it, and touches nothing else.", folder.display());
    for mut step in steps {
        let command = typed(&step);
        eprintln!("  {command}");
        let done = step.stdout(std::process::Stdio::null()).status();
        let why = match done {
            Ok(status) if status.success() => continue,
            Ok(status) => format!("it ended with {status}"),
            Err(error) => format!("it cannot be started: {error}"),
        };
        return Err(CommandError::Failed(format!(
            "{command}\n{why}. Is there a network, and is Python whole? (On Debian and Ubuntu: apt install python3-venv.) \
             What is there can be made again by the same command."
        )));
    }
    Ok(())
}
