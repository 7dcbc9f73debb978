//! The learner's folder: one folder per station, starters in it, and nothing of theirs ever overwritten.
//!
//! ```text
//! <workspace>/<station>/README.md
//! <workspace>/<station>/python/<exercise>.py
//! <workspace>/<station>/rust/{Cargo.toml, src/lib.rs, src/<exercise>.rs}
//! <workspace>/<station>/run.toml    of a station with a project
//! ```

mod readme;
#[cfg(test)]
mod tests;

use std::io::Write;
use std::path::{Path, PathBuf};

use crate::assignment::{self, Assignment};
use crate::exercise::Exercise;
use crate::map::{Road, Station};
use crate::project::{Project, RUN_FILE, RUN_FILE_STARTER};
use crate::runner::{Language, runner};

/// A file or folder of the workspace that cannot be written.
#[derive(Debug, thiserror::Error)]
#[error(
    "cannot write {}: {source}; check the folder's permissions and the free space, or choose another folder with \
     STRIATE_WORKSPACE",
    .path.display()
)]
pub struct WorkspaceError {
    /// What was to be written.
    pub path: PathBuf,
    /// Why not.
    pub source: std::io::Error,
}

/// What [`Workspace::start`] did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Laid {
    /// The station's folder.
    pub folder: PathBuf,
    /// Files that are new.
    pub written: Vec<PathBuf>,
    /// Files that were there already and stay as they are.
    pub kept: Vec<PathBuf>,
}

/// What a learner hands in, and where it lies.
#[derive(Clone)]
pub enum Answer {
    /// A function in one language.
    Function {
        /// The exercise.
        exercise: &'static Exercise,
        /// The language.
        language: Language,
        /// The file.
        file: PathBuf,
    },
    /// A training run.
    Project {
        /// The project.
        project: &'static Project,
        /// The file that names the run.
        file: PathBuf,
    },
}

impl Answer {
    /// What was asked for.
    pub fn assignment(&self) -> Assignment {
        match self {
            Answer::Function { exercise, .. } => Assignment::Function(exercise),
            Answer::Project { project, .. } => Assignment::Project(project),
        }
    }

    /// The learner's file, which may not be there yet.
    pub fn file(&self) -> &Path {
        match self {
            Answer::Function { file, .. } | Answer::Project { file, .. } => file,
        }
    }

    /// Whether it is an answer in this language; a project is one in any.
    pub fn speaks(&self, asked: Language) -> bool {
        match self {
            Answer::Function { language, .. } => *language == asked,
            Answer::Project { .. } => true,
        }
    }
}

/// A learner's folder.
#[derive(Clone, Debug)]
pub struct Workspace {
    root: PathBuf,
}

impl Workspace {
    /// The workspace in this folder, which need not exist yet.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Workspace { root: root.into() }
    }

    /// The folder.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The folder of a station: the one of an earlier name of the station where only that exists.
    pub fn station_folder(&self, road: &Road, station: &Station) -> PathBuf {
        let current = self.root.join(&station.id);
        if current.exists() {
            return current;
        }
        let earlier = road.renames().stations.keys().filter(|old| road.renames().station(old) == station.id);
        earlier.map(|old| self.root.join(old)).find(|folder| folder.is_dir()).unwrap_or(current)
    }

    /// Where the learner's file of an exercise is, or will be once the station is started.
    pub fn exercise_file(&self, road: &Road, station: &Station, exercise: &str, language: Language) -> PathBuf {
        let folder = self.station_folder(road, station);
        let current = folder.join(runner(language).file(exercise));
        if current.exists() {
            return current;
        }
        let earlier = road.renames().exercises.keys().filter(|old| road.renames().exercise(old) == exercise);
        earlier.map(|old| folder.join(runner(language).file(old))).find(|file| file.is_file()).unwrap_or(current)
    }

    /// Where the answers to an assignment are, or will be once the station is started: one per language it has, or one.
    pub fn answers(&self, road: &Road, station: &Station, assignment: Assignment) -> Vec<Answer> {
        match assignment {
            Assignment::Function(exercise) => exercise
                .languages
                .iter()
                .map(|&language| Answer::Function {
                    exercise,
                    language,
                    file: self.exercise_file(road, station, exercise.id, language),
                })
                .collect(),
            Assignment::Project(project) => {
                vec![Answer::Project { project, file: self.station_folder(road, station).join(RUN_FILE) }]
            }
        }
    }

    /// Lays the starters of a station in one language, with a README and what editors need. Files that exist stay as
    /// they are. Does nothing to a station whose exercises are not written yet: see [`exercises_of`].
    pub fn start(&self, road: &Road, station: &Station, language: Language) -> Result<Laid, WorkspaceError> {
        let exercises = exercises_of(station);
        let folder = self.station_folder(road, station);
        let mut laid = Laid { folder: folder.clone(), written: Vec::new(), kept: Vec::new() };
        if exercises.is_empty() {
            return Ok(laid);
        }
        let runner = runner(language);
        let mut functions = Vec::new();
        for answer in exercises.iter().flat_map(|&assignment| self.answers(road, station, assignment)) {
            match answer {
                Answer::Function { exercise, language: of_file, file } if of_file == language => {
                    functions.push(exercise);
                    lay(file, &runner.starter(exercise), &mut laid)?;
                }
                Answer::Function { .. } => {}
                Answer::Project { file, .. } => lay(file, RUN_FILE_STARTER, &mut laid)?,
            }
        }
        let name = folder.file_name().map_or_else(|| station.id.clone(), |name| name.to_string_lossy().into_owned());
        let project_files = if functions.is_empty() { Vec::new() } else { runner.project_files(&name, &functions) };
        for (path, content) in project_files {
            let path = self.root.join(path);
            if path.starts_with(&folder) {
                lay(path, &content, &mut laid)?;
            } else {
                // Outside the station's folder lies what belongs to Striate, such as the array crate.
                replace(&path, &content).map_err(|source| WorkspaceError { path, source })?;
            }
        }
        lay(folder.join("README.md"), &readme::readme(station, &exercises), &mut laid)?;
        Ok(laid)
    }
}

/// The exercises of a station that can be checked, in the station's order.
pub fn exercises_of(station: &Station) -> Vec<Assignment> {
    station.exercises.iter().filter_map(|plan| assignment::find(&plan.id)).collect()
}

/// Writes a file that does not exist yet: whole or not at all, and never over one that another process just wrote.
fn lay(path: PathBuf, content: &str, laid: &mut Laid) -> Result<(), WorkspaceError> {
    if path.exists() {
        laid.kept.push(path);
        return Ok(());
    }
    let write = || -> std::io::Result<bool> {
        match unfinished(&path, content)?.persist_noclobber(&path) {
            Ok(_) => Ok(true),
            Err(error) if error.error.kind() == std::io::ErrorKind::AlreadyExists => Ok(false),
            Err(error) => Err(error.error),
        }
    };
    match write() {
        Ok(true) => laid.written.push(path),
        Ok(false) => laid.kept.push(path),
        Err(source) => return Err(WorkspaceError { path, source }),
    }
    Ok(())
}

fn replace(path: &Path, content: &str) -> std::io::Result<()> {
    if std::fs::read_to_string(path).is_ok_and(|there| there == content) {
        return Ok(());
    }
    unfinished(path, content)?.persist(path).map(|_| ()).map_err(|error| error.error)
}

fn unfinished(path: &Path, content: &str) -> std::io::Result<tempfile::NamedTempFile> {
    let folder = path.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder)?;
    let mut builder = tempfile::Builder::new();
    // A temporary file is private to its owner; a learner's files are like any others they make.
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        builder.permissions(std::fs::Permissions::from_mode(0o666));
    }
    let mut file = builder.prefix(".unfinished-").tempfile_in(folder)?;
    file.write_all(content.as_bytes())?;
    file.as_file().sync_all()?;
    Ok(file)
}
