//! What this machine has to run learners' programs with, and how to get what is missing.

use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::{RunOptions, on_path, python, rust};

/// The oldest NumPy that the checks support, and the first that they do not know.
pub const NUMPY: [u32; 2] = [1, 3];
/// Of version 1, from here on.
const NUMPY_ONE_FROM: u32 = 24;

/// A program with its version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Where it lies.
    pub program: PathBuf,
    /// Its version, as it says it.
    pub version: String,
}

/// An interpreter, and NumPy if it has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundPython {
    /// The interpreter.
    pub python: Found,
    /// NumPy's folder and version, or the error of importing it.
    pub numpy: Result<Found, String>,
}

impl FoundPython {
    /// Whether the version of NumPy is one that the checks support: 1.24 to 2.x.
    pub fn numpy_is_supported(&self) -> bool {
        let Ok(numpy) = &self.numpy else { return false };
        let mut numbers = numpy.version.split('.').map_while(|number| number.parse::<u32>().ok());
        match (numbers.next(), numbers.next()) {
            (Some(1), Some(minor)) => minor >= NUMPY_ONE_FROM,
            (Some(major), _) => major > NUMPY[0] && major < NUMPY[1],
            _ => false,
        }
    }
}

/// The interpreter that a check with these options uses. The error says what to do.
pub fn python(options: &RunOptions) -> Result<FoundPython, String> {
    const QUESTION: &str = "import sys\nprint(sys.version.split()[0])\n\
                            try:\n    import numpy\n    print(numpy.__version__)\n    print(numpy.__path__[0])\n\
                            except BaseException as error:\n    print('%s: %s' % (type(error).__name__, error))\n";
    let program = python::interpreter(options)?;
    let output = Command::new(&program).args(["-B", "-c", QUESTION]).output();
    let output = output.map_err(|error| format!("cannot start {}: {error}", program.display()))?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let mut lines = text.lines();
    let Some(version) = lines.next().filter(|_| output.status.success()) else {
        let why = String::from_utf8_lossy(&output.stderr);
        let why = why.lines().last().unwrap_or("it says nothing");
        return Err(format!("{} does not run: {why}", program.display()));
    };
    let numpy = match (lines.next(), lines.next()) {
        (Some(version), Some(folder)) => Ok(Found { program: folder.into(), version: version.into() }),
        (error, _) => Err(error.unwrap_or("NumPy cannot be imported").into()),
    };
    Ok(FoundPython { python: Found { program, version: version.into() }, numpy })
}

/// The Rust compiler, if there is one.
pub fn rust_compiler() -> Option<Found> {
    let program = rust::compiler()?;
    let output = Command::new(&program).arg("-V").output().ok().filter(|output| output.status.success())?;
    let text = String::from_utf8_lossy(&output.stdout);
    let version = text.split_whitespace().nth(1).unwrap_or_default().to_string();
    Some(Found { program, version })
}

/// The virtual environment of a workspace, which every check uses if it is there.
pub fn virtual_environment(workspace: &Path) -> PathBuf {
    workspace.join(".venv")
}

/// The commands that make the workspace's virtual environment and install NumPy into it, in order.
pub fn virtual_environment_steps(workspace: &Path, base: Option<&Path>) -> Result<Vec<Command>, String> {
    let base = base.map(Path::to_path_buf).or_else(|| on_path("python3")).or_else(|| on_path("python")).ok_or(
        "no Python found: install Python 3.9 or newer from https://www.python.org/downloads/, then run this again",
    )?;
    let folder = virtual_environment(workspace);
    let mut make = Command::new(base);
    make.args(["-m", "venv"]).arg(&folder);
    let mut install = Command::new(python::venv_python(&folder));
    install.args(["-m", "pip", "install", "--disable-pip-version-check", "numpy>=1.24,<3"]);
    Ok(vec![make, install])
}

/// A command as one would type it.
pub fn typed(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    let quoted = |word: &std::ffi::OsStr| {
        let word = word.to_string_lossy();
        if word.contains([' ', '<', '>', '&', '\'']) { format!("\"{word}\"") } else { word.into_owned() }
    };
    words.map(quoted).collect::<Vec<_>>().join(" ")
}

/// Whether a file can be made in `folder`, or, where it is not there yet, in the nearest folder above that is.
pub fn writable(folder: &Path) -> io::Result<()> {
    let there = folder.ancestors().find(|folder| folder.is_dir()).unwrap_or(Path::new("."));
    tempfile::Builder::new().prefix(".striate-").tempfile_in(there).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numpy_from_1_24_to_2_is_supported() {
        let with = |version: &str| {
            let found = |version: &str| Found { program: "x".into(), version: version.into() };
            FoundPython { python: found("3.12.1"), numpy: Ok(found(version)) }.numpy_is_supported()
        };
        assert!(with("1.24.0") && with("1.26.4") && with("2.0.0rc1") && with("2.3.1"));
        assert!(!with("1.23.5") && !with("3.0.0") && !with("unknown"));
    }

    #[test]
    fn commands_can_be_typed_again() {
        let workspace = Path::new("/home/my self/striate");
        let steps = virtual_environment_steps(workspace, Some(Path::new("/usr/bin/python3"))).unwrap();
        let typed: Vec<String> = steps.iter().map(typed).collect();
        assert_eq!(typed[0], "/usr/bin/python3 -m venv \"/home/my self/striate/.venv\"");
        assert!(typed[1].ends_with("-m pip install --disable-pip-version-check \"numpy>=1.24,<3\""), "{}", typed[1]);
    }
}
