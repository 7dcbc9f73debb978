//! A Python with NumPy, in a virtual environment of the project's own.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::task::{self, Failure};

/// Path of a Python interpreter that imports NumPy: `STRIATE_PYTHON` if set, else `target/venv`, made on first use.
pub fn prepare() -> Result<PathBuf, Failure> {
    if let Some(path) = std::env::var_os("STRIATE_PYTHON").map(PathBuf::from) {
        return if imports_numpy(&path) {
            Ok(path)
        } else {
            Err(Failure(format!("STRIATE_PYTHON={} cannot import numpy", path.display())))
        };
    }
    let folder = task::target().join("venv");
    let interpreter =
        if cfg!(windows) { folder.join("Scripts").join("python.exe") } else { folder.join("bin").join("python") };
    if imports_numpy(&interpreter) {
        return Ok(interpreter);
    }
    println!("making a virtual environment with NumPy in {}", folder.display());
    let mut make = Command::new(if cfg!(windows) { "python" } else { "python3" });
    make.args(["-m", "venv", "--clear"]).arg(&folder);
    task::run_quietly(make)?;
    let mut install = Command::new(&interpreter);
    install.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "numpy>=1.24"]);
    task::run_quietly(install)?;
    Ok(interpreter)
}

fn imports_numpy(interpreter: &Path) -> bool {
    Command::new(interpreter).args(["-c", "import numpy"]).output().is_ok_and(|output| output.status.success())
}
