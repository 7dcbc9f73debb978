//! Python with NumPy.

mod starter;

use std::path::{Path, PathBuf};

use super::session::Session;
use super::wire::{Reader, put_text};
use super::{Language, NotOpened, Opened, Place, RunOptions, Runner, Stop, Unloaded, on_path};
use crate::exercise::{Exercise, Signature};

/// The program that runs inside the learner's interpreter.
const HARNESS: &str = include_str!("harness.py");

/// The language.
pub struct Python;

impl Runner for Python {
    fn language(&self) -> Language {
        Language::Python
    }

    fn file(&self, exercise: &str) -> PathBuf {
        Path::new("python").join(format!("{exercise}.py"))
    }

    fn starter(&self, exercise: &Exercise) -> String {
        starter::starter(exercise)
    }

    fn project_files(&self, _station: &str, _exercises: &[&Exercise]) -> Vec<(PathBuf, String)> {
        Vec::new()
    }

    fn open(&self, signature: &Signature, file: &Path, options: &RunOptions) -> Opened {
        if !file.is_file() {
            return Err(Unloaded::Missing.into());
        }
        let file = std::path::absolute(file).unwrap_or_else(|_| file.to_path_buf());
        let python = interpreter(options).map_err(Unloaded::CannotRun)?;
        let mut session = start(&python, &file, options).map_err(Unloaded::CannotRun)?;
        let mut request = vec![b'L'];
        put_text(&mut request, &file.to_string_lossy());
        put_text(&mut request, signature.name);
        request.extend((signature.parameters.len() as u32).to_le_bytes());
        let problem = match session.load(&request) {
            Ok(answer) if answer.first() == Some(&b'R') => return Ok(session),
            Ok(answer) => unloaded(&answer, signature, &python, options),
            Err(stop) => Unloaded::Stopped(stop),
        };
        Err(Box::new(NotOpened { problem, printed: session.printed() }))
    }
}

fn start(python: &Path, file: &Path, options: &RunOptions) -> Result<Session, String> {
    let folder = file.parent().unwrap_or(Path::new("."));
    let protection = options.protection();
    let folders: Vec<&Path> = std::iter::once(folder).chain(options.reads.iter().map(PathBuf::as_path)).collect();
    let mut command = protection.command(python.as_os_str(), &options.limits, false, &folders);
    // Unbuffered bytes and no cache folders beside the learner's files; one thread is quicker to start than many.
    command.args(["-B", "-c", HARNESS]);
    for name in ["OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS"] {
        command.env(name, "1");
    }
    Session::start(command, options.patience.clone(), protection)
        .map_err(|error| format!("cannot start {}: {error}", python.display()))
}

fn unloaded(answer: &[u8], signature: &Signature, python: &Path, options: &RunOptions) -> Unloaded {
    let mut reader = Reader::new(answer);
    let kind = reader.byte();
    let read = (|| match kind? {
        b'N' => {
            let (executable, version, error) = (reader.text()?, reader.text()?, reader.text()?);
            Some(Unloaded::CannotRun(numpy_missing(&executable, &version, &error, options)))
        }
        b'E' => {
            let (kind, message) = (reader.text()?, reader.text()?);
            let (file, line, code) = (reader.text()?, reader.number()?, reader.text()?);
            let place = (line > 0).then(|| Place { file: file.into(), line, code });
            let parameters = signature.parameters.iter().map(|parameter| parameter.name).collect::<Vec<_>>();
            Some(match kind.as_str() {
                "NoFunction" => Unloaded::NoFunction(
                    message.split(", ").filter(|name| !name.is_empty()).map(String::from).collect(),
                ),
                "Arity" => Unloaded::Signature {
                    found: format!("{}{message}", signature.name),
                    expected: format!("{}({})", signature.name, parameters.join(", ")),
                    place,
                },
                _ => Unloaded::Error { kind, message, place },
            })
        }
        _ => None,
    })();
    read.unwrap_or_else(|| {
        Unloaded::Stopped(Stop::Crashed(format!("{} sent an answer that cannot be read", python.display())))
    })
}

fn numpy_missing(executable: &str, version: &str, error: &str, options: &RunOptions) -> String {
    let venv = options.workspace.as_ref().map_or(PathBuf::from(".venv"), |workspace| workspace.join(".venv"));
    let inside = venv_python(&venv);
    let note = if options.workspace.is_some() {
        "Striate finds that environment by itself."
    } else {
        "Then set STRIATE_PYTHON to the python of that environment."
    };
    format!(
        "NumPy cannot be imported by {executable} (Python {version}): {error}\nTo get it: striate doctor --make-venv\nIt \
         does this, which needs the network once:\n  \"{executable}\" -m venv \"{}\"\n  \"{}\" -m pip install numpy\n{note} \
         Or name another Python with --python or STRIATE_PYTHON.",
        venv.display(),
        inside.display(),
    )
}

pub(super) fn venv_python(venv: &Path) -> PathBuf {
    if cfg!(windows) { venv.join("Scripts").join("python.exe") } else { venv.join("bin").join("python") }
}

/// The interpreter to use; see [`RunOptions::python`] for the order.
pub(super) fn interpreter(options: &RunOptions) -> Result<PathBuf, String> {
    let from_environment = || std::env::var_os("STRIATE_PYTHON").filter(|value| !value.is_empty()).map(PathBuf::from);
    let named = options
        .python
        .clone()
        .map(|path| (path, "--python"))
        .or_else(|| from_environment().map(|path| (path, "STRIATE_PYTHON")));
    if let Some((path, source)) = named {
        let found = if path.components().count() > 1 { Some(path.clone()) } else { on_path(&path.to_string_lossy()) };
        return found
            .filter(|path| path.is_file())
            .ok_or_else(|| format!("{source} names {}, which is not there", path.display()));
    }
    let active = std::env::var_os("VIRTUAL_ENV").map(|venv| venv_python(Path::new(&venv)));
    let own = options.workspace.as_ref().map(|workspace| venv_python(&workspace.join(".venv")));
    [own, active]
        .into_iter()
        .flatten()
        .find(|path| path.is_file())
        .or_else(|| on_path("python3"))
        .or_else(|| on_path("python"))
        .ok_or_else(|| {
            "no Python found: install Python 3.9 or newer from https://www.python.org/downloads/, then run this \
             again; or name yours with --python or STRIATE_PYTHON"
                .to_string()
        })
}
