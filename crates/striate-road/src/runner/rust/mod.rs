//! Rust with the small array crate in `support/array.rs`, which Striate compiles once and keeps.

mod compile;
mod source;

pub(super) use compile::compiler;

use std::path::{Path, PathBuf};

use super::session::Session;
use super::{Language, NotOpened, Opened, RunOptions, Runner, Stop, Unloaded};
use crate::exercise::{Exercise, Signature};

/// The array crate as the learner sees it.
pub const ARRAY_SOURCE: &str = include_str!("support/array.rs");
/// What joins it to Striate.
const HARNESS_SOURCE: &str = include_str!("support/harness.rs");
/// Folder of the array crate in the workspace.
const ARRAY_FOLDER: &str = ".striate/array";

/// The language.
pub struct Rust;

impl Runner for Rust {
    fn language(&self) -> Language {
        Language::Rust
    }

    fn file(&self, exercise: &str) -> PathBuf {
        Path::new("rust").join("src").join(format!("{exercise}.rs"))
    }

    fn starter(&self, exercise: &Exercise) -> String {
        source::starter(exercise)
    }

    fn project_files(&self, station: &str, exercises: &[&Exercise]) -> Vec<(PathBuf, String)> {
        let array = Path::new(ARRAY_FOLDER);
        let project = Path::new(station).join("rust");
        let modules: String = exercises.iter().map(|exercise| format!("pub mod {};\n", exercise.id)).collect();
        vec![
            (array.join("Cargo.toml"), source::manifest("striate_array", "")),
            (array.join("src").join("lib.rs"), ARRAY_SOURCE.to_string()),
            (
                project.join("Cargo.toml"),
                source::manifest(
                    station,
                    &format!("\n[dependencies]\nstriate_array = {{ path = \"../../{ARRAY_FOLDER}\" }}\n"),
                ),
            ),
            (
                project.join("src").join("lib.rs"),
                format!(
                    "//! Your exercises of the station {station}, one file each. `striate check` checks them.\n\n{modules}"
                ),
            ),
        ]
    }

    fn open(&self, signature: &Signature, file: &Path, options: &RunOptions) -> Opened {
        if !file.is_file() {
            return Err(Unloaded::Missing.into());
        }
        let file = std::path::absolute(file).unwrap_or_else(|_| file.to_path_buf());
        let program = compile::program(signature, &file, options)?;
        let folder = file.parent().unwrap_or(Path::new("."));
        let protection = options.protection();
        let mut command = protection.command(program.as_os_str(), &options.limits, true, &[folder]);
        command.env("RUST_BACKTRACE", "0");
        let mut session = Session::start(command, options.patience.clone(), protection)
            .map_err(|error| Unloaded::CannotRun(format!("cannot start {}: {error}", program.display())))?;
        let stop = match session.wait_loaded() {
            Ok(answer) if answer.first() == Some(&b'R') => return Ok(session),
            Ok(_) => Stop::Crashed("it sent an answer that cannot be read".into()),
            Err(stop) => stop,
        };
        Err(Box::new(NotOpened { problem: Unloaded::Stopped(stop), printed: session.printed() }))
    }
}
