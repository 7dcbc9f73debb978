//! Running a learner's file: one [`Runner`] per language, one child process per [`Session`].
//!
//! Learner code never runs inside Striate. A runner writes the starter, finds the interpreter or compiler, starts the
//! program under limits and hands back a session; everything language-neutral (frames, time, printing, the end of
//! the process) is in `session`. A further language is one more folder here and one more arm in [`runner`].

pub mod found;
mod platform;
mod python;
mod rust;
mod session;
mod wire;

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::exercise::{Exercise, Signature};
use crate::value::Value;

pub use platform::{Limits, Protection};
pub use session::{Patience, Returned, Session};

/// A language the exercises can be written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Language {
    /// Python with NumPy.
    Python,
    /// Rust with the small array crate that Striate brings.
    Rust,
}

impl Language {
    /// Every language.
    pub const ALL: [Language; 2] = [Language::Python, Language::Rust];

    /// `python` or `rust`: its name on the command line and its folder in the workspace.
    pub fn id(self) -> &'static str {
        match self {
            Language::Python => "python",
            Language::Rust => "rust",
        }
    }
}

impl fmt::Display for Language {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Language::Python => "Python",
            Language::Rust => "Rust",
        })
    }
}

impl FromStr for Language {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Language::ALL
            .into_iter()
            .find(|language| language.id() == text)
            .ok_or_else(|| format!("unknown language '{text}': python or rust"))
    }
}

/// How to run a learner's file.
#[derive(Clone, Debug)]
pub struct RunOptions {
    /// The interpreter, if it is given; else `STRIATE_PYTHON`, the workspace's `.venv`, an active virtual
    /// environment, `python3`.
    pub python: Option<PathBuf>,
    /// The workspace, where a virtual environment may be.
    pub workspace: Option<PathBuf>,
    /// Folder for compiled programs.
    pub cache: PathBuf,
    /// What a program in Python reads beside its own folder: files and folders, wherever they lie.
    pub reads: Vec<PathBuf>,
    /// What the program may use.
    pub limits: Limits,
    /// How it is kept apart; the strongest way that works here if none is given.
    pub protection: Option<Protection>,
    /// How long it may take.
    pub patience: Patience,
    /// Whether a program that is compiled is compiled to run fast, which takes longer.
    pub optimized: bool,
}

impl Default for RunOptions {
    fn default() -> Self {
        RunOptions {
            python: None,
            workspace: None,
            cache: std::env::temp_dir().join("striate-cache"),
            reads: Vec::new(),
            limits: Limits::default(),
            protection: None,
            patience: Patience { load: Duration::from_secs(30), call: Duration::from_secs(10), cancelled: None },
            optimized: false,
        }
    }
}

impl RunOptions {
    /// How programs are kept apart.
    pub fn protection(&self) -> Protection {
        self.protection.unwrap_or_else(Protection::active)
    }
}

/// A line of a file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Place {
    /// The file.
    pub file: PathBuf,
    /// Line, from 1.
    pub line: u32,
    /// What stands there, without the indentation; may be empty.
    pub code: String,
}

/// Why a running program gave no value.
#[derive(Clone, Debug, PartialEq)]
pub enum Stop {
    /// An exception or a panic.
    Raised {
        /// Type of the exception; `panic` in Rust.
        exception: String,
        /// Its text.
        message: String,
        /// Where in the learner's file.
        place: Option<Place>,
    },
    /// It took longer than this.
    TimedOut(Duration),
    /// It printed more than anyone can read.
    PrintsWithoutEnd,
    /// It used more memory than it may.
    OutOfMemory,
    /// The process ended: how, as "it was ended by ...".
    Crashed(String),
    /// The learner stopped the check.
    Cancelled,
}

/// Why a file could not be made ready for calls.
#[derive(Clone, Debug, PartialEq)]
pub enum Unloaded {
    /// There is no such file.
    Missing,
    /// Something of the machine is missing (an interpreter, NumPy, a compiler): what, and how to get it.
    CannotRun(String),
    /// The file has an error.
    Error {
        /// `SyntaxError`, `ImportError`, `E0308` and the like.
        kind: String,
        /// The interpreter's or compiler's words.
        message: String,
        /// Where.
        place: Option<Place>,
    },
    /// The function is not in the file; these are.
    NoFunction(Vec<String>),
    /// The function takes other parameters than the task asks for; the text says which, and what was expected.
    Signature {
        /// What is written.
        found: String,
        /// What the task asks for.
        expected: String,
        /// Where.
        place: Option<Place>,
    },
    /// It did not survive loading.
    Stopped(Stop),
}

/// One call.
#[derive(Clone, Copy, Debug)]
pub struct Call<'a> {
    /// Arguments in the order of the signature.
    pub arguments: &'a [Value],
    /// In Python, pass arrays that are not contiguous in memory.
    pub strided: bool,
    /// Several results are expected: a Python list then counts as a tuple.
    pub tuple: bool,
}

/// A file that could not be made ready.
#[derive(Clone, Debug, PartialEq)]
pub struct NotOpened {
    /// Why.
    pub problem: Unloaded,
    /// What it printed while it loaded.
    pub printed: String,
}

impl From<Unloaded> for Box<NotOpened> {
    fn from(problem: Unloaded) -> Self {
        Box::new(NotOpened { problem, printed: String::new() })
    }
}

/// A loaded file, ready for calls.
pub type Opened = Result<Session, Box<NotOpened>>;

/// A language.
pub trait Runner: Sync {
    /// Which.
    fn language(&self) -> Language;

    /// Where the exercise lies inside its station's folder of the workspace.
    fn file(&self, exercise: &str) -> PathBuf;

    /// The file a learner starts from.
    fn starter(&self, exercise: &Exercise) -> String;

    /// Files, relative to the workspace, that editors need beside the starters of `station`: path and content.
    /// They are Striate's own and may be rewritten.
    fn project_files(&self, station: &str, exercises: &[&Exercise]) -> Vec<(PathBuf, String)>;

    /// Loads `file` and makes the function of `signature` ready for calls.
    fn open(&self, signature: &Signature, file: &Path, options: &RunOptions) -> Opened;
}

/// The runner of a language.
pub fn runner(language: Language) -> &'static dyn Runner {
    match language {
        Language::Python => &python::Python,
        Language::Rust => &rust::Rust,
    }
}

/// Where an exercise lies in a workspace: `<workspace>/<station>/python/<exercise>.py`,
/// `<workspace>/<station>/rust/src/<exercise>.rs`.
pub fn exercise_file(workspace: &Path, exercise: &Exercise, language: Language) -> PathBuf {
    workspace.join(exercise.station).join(runner(language).file(exercise.id))
}

/// The file of another exercise of the same station, beside `file`, if it is there.
pub fn exercise_file_beside(file: &Path, exercise: &str) -> Option<PathBuf> {
    let beside = file.with_file_name(exercise).with_extension(file.extension()?);
    beside.is_file().then_some(beside)
}

/// The first file called `name` on `PATH`.
fn on_path(name: &str) -> Option<PathBuf> {
    let name = format!("{name}{}", std::env::consts::EXE_SUFFIX);
    std::env::split_paths(&std::env::var_os("PATH")?).map(|folder| folder.join(&name)).find(|file| file.is_file())
}
