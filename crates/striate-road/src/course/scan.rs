//! What a folder holds: files, the functions in them, and what cannot be read. Nothing of it is run.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::folder::CourseError;
use crate::check::CheckOptions;
use crate::exercise::{Kind, Parameter, Signature};
use crate::runner::{Call, Language, Stop, Unloaded, runner};
use crate::value::Value;

/// A file or notebook.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct ScannedFile {
    pub path: PathBuf,
    /// Whether its functions, but for the methods of classes, take the tensors of PyTorch.
    pub torch: bool,
    pub problems: Vec<Problem>,
    pub functions: Vec<ScannedFunction>,
}

/// Why a file, or a cell of a notebook, cannot be read.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Problem {
    /// `python2`, `syntax` or `unreadable`.
    pub kind: String,
    pub line: u32,
    pub text: String,
    /// Functions that seem to be in it.
    pub names: Vec<String>,
    /// The file, or the cell as `path, cell N`.
    pub chunk: PathBuf,
}

/// A function or method.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct ScannedFunction {
    pub name: String,
    pub class: String,
    pub line: u32,
    pub parameters: Vec<String>,
    /// Whether it is still as the course handed it out.
    pub untouched: bool,
    /// Names in it that only Python 2 has.
    pub python2: Vec<String>,
    /// The file, or the cell as `path, cell N`.
    pub chunk: PathBuf,
}

static SCAN: Signature = Signature {
    name: "scan",
    parameters: &[],
    returns: Parameter { name: "files", kind: Kind::Text, meaning: "what was found, as JSON" },
};

/// Looks through a file, or through everything below a folder. `program` is where the program that looks may lie.
pub(super) fn scan(root: &Path, program: &Path, options: &CheckOptions) -> Result<Vec<ScannedFile>, CourseError> {
    let failed = |reason: String| CourseError::Scan { path: root.to_path_buf(), reason };
    let mut session =
        runner(Language::Python).open(&SCAN, program, options).map_err(|failure| match failure.problem {
            Unloaded::CannotRun(text) => CourseError::CannotRun(text),
            Unloaded::Stopped(Stop::Cancelled) => CourseError::Cancelled,
            other => failed(format!("{other:?} {}", failure.printed)),
        })?;
    let answer = session.call(&Call { arguments: &[], strided: false, tuple: false });
    match answer {
        Ok(returned) => match returned.value {
            Value::Text(json) => serde_json::from_str(&json).map_err(|error| failed(error.to_string())),
            other => Err(failed(format!("{other:?}"))),
        },
        Err(Stop::Cancelled) => Err(CourseError::Cancelled),
        Err(stop) => Err(failed(format!("{stop:?}"))),
    }
}
