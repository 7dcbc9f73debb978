//! A Chromium to test the studio in.

use std::path::PathBuf;
use std::process::Command;

use crate::task::{self, Failure};

const NAMES: [&str; 5] = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome"];

/// Path of a Chromium or Chrome: `STRIATE_CHROMIUM`, else one on the `PATH`, else (with CI=true) Debian's package,
/// installed here.
pub fn prepare() -> Result<PathBuf, Failure> {
    if let Some(path) = std::env::var_os("STRIATE_CHROMIUM").map(PathBuf::from) {
        return if path.is_file() {
            Ok(path)
        } else {
            Err(Failure(format!("STRIATE_CHROMIUM={} is not a file", path.display())))
        };
    }
    if let Some(path) = find() {
        return Ok(path);
    }
    if task::in_ci() {
        install()?;
    }
    find().ok_or_else(|| {
        Failure("no Chromium or Chrome on the PATH: install one, or set STRIATE_CHROMIUM to its program file".into())
    })
}

fn find() -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).flat_map(|folder| NAMES.map(|name| folder.join(name))).find(|file| file.is_file())
}

fn install() -> Result<(), Failure> {
    println!("installing Chromium");
    // Without fonts a page has no letters to measure.
    const PACKAGES: [&str; 7] =
        ["install", "-y", "-qq", "--no-install-recommends", "chromium", "fonts-dejavu-core", "fonts-liberation"];
    for arguments in [&["update", "-qq"][..], &PACKAGES] {
        let mut command = Command::new("apt-get");
        command.args(arguments).env("DEBIAN_FRONTEND", "noninteractive");
        task::run_quietly(command)?;
    }
    Ok(())
}
