//! The folder of runs.

use std::fs;
use std::io;
use std::path::{Component, Path, PathBuf};

use crate::{Run, TrainConfig, TrainError};

/// All runs of a user: a folder with one folder per run.
#[derive(Clone, Debug)]
pub struct RunStore {
    root: PathBuf,
}

impl RunStore {
    /// The runs in `root`, which need not exist yet.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        RunStore { root: root.into() }
    }

    /// The folder.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// All runs, newest first.
    pub fn list(&self) -> Result<Vec<Run>, TrainError> {
        let entries = match fs::read_dir(&self.root) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(TrainError::reading(&self.root)(error)),
        };
        let mut runs = Vec::new();
        for entry in entries {
            let folder = entry.map_err(TrainError::reading(&self.root))?.path();
            if folder.join("config.toml").is_file() {
                let run = Run::new(folder);
                runs.push((run.created(), run));
            }
        }
        runs.sort_by(|(a_created, a), (b_created, b)| b_created.cmp(a_created).then_with(|| b.id().cmp(a.id())));
        Ok(runs.into_iter().map(|(_, run)| run).collect())
    }

    /// The run with this id, or `latest` for the newest. Never looks outside this folder: for ids that come from a
    /// request.
    pub fn named(&self, id: &str) -> Result<Run, TrainError> {
        let mut parts = Path::new(id).components();
        let is_name = matches!((parts.next(), parts.next()), (Some(Component::Normal(_)), None));
        if is_name && is_run(&self.root.join(id)) {
            return Ok(Run::new(self.root.join(id)));
        }
        let runs = self.list()?;
        if id == "latest" && !runs.is_empty() {
            return Ok(runs[0].clone());
        }
        let existing = runs.iter().map(|run| run.id().to_owned()).collect();
        Err(TrainError::UnknownRun { id: id.to_owned(), existing })
    }

    /// The run with this id; `latest` for the newest; or a path of a run's folder.
    pub fn open(&self, id: &str) -> Result<Run, TrainError> {
        self.named(id).or_else(|unknown| match fs::canonicalize(id) {
            Ok(folder) if is_run(&folder) => Ok(Run::new(folder)),
            _ => Err(unknown),
        })
    }

    /// A new run with these settings: a folder named as the settings say, else by dataset, model and the next number.
    pub(crate) fn create(&self, config: &TrainConfig) -> Result<Run, TrainError> {
        fs::create_dir_all(&self.root).map_err(TrainError::writing(&self.root))?;
        let run = match &config.name {
            Some(name) => self.create_folder(name)?.ok_or_else(|| TrainError::RunExists(name.clone()))?,
            None => self.create_numbered(&format!("{}-{}", config.dataset.name(), config.model))?,
        };
        if let Err(error) = run.write_config(config) {
            // Without its settings the folder is no run: nothing of it is worth keeping.
            let _ = fs::remove_dir(run.folder());
            return Err(error);
        }
        Ok(run)
    }

    fn create_numbered(&self, prefix: &str) -> Result<Run, TrainError> {
        let number_of = |entry: fs::DirEntry| {
            let name = entry.file_name().into_string().ok()?;
            name.strip_prefix(prefix)?.strip_prefix('-')?.parse::<u32>().ok()
        };
        let entries = fs::read_dir(&self.root).map_err(TrainError::reading(&self.root))?;
        let mut number = entries.flatten().filter_map(number_of).max().unwrap_or(0);
        loop {
            // Another process may take the number first; then the next one is tried.
            number += 1;
            if let Some(run) = self.create_folder(&format!("{prefix}-{number:04}"))? {
                return Ok(run);
            }
        }
    }

    /// `None` if the folder exists.
    fn create_folder(&self, name: &str) -> Result<Option<Run>, TrainError> {
        let folder = self.root.join(name);
        match fs::create_dir(&folder) {
            Ok(()) => Ok(Some(Run::new(folder))),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(None),
            Err(error) => Err(TrainError::writing(&folder)(error)),
        }
    }
}

fn is_run(folder: &Path) -> bool {
    folder.join("config.toml").is_file()
}

#[cfg(test)]
mod tests {
    use striate_models::digits::Architecture;

    use super::*;
    use crate::Status;

    #[test]
    fn runs_are_numbered_named_found_and_locked() {
        let dir = tempfile::tempdir().unwrap();
        let store = RunStore::new(dir.path().join("runs"));
        assert!(store.list().unwrap().is_empty());
        assert!(store.open("x").unwrap_err().to_string().contains("no run exists yet"));

        let mut config = TrainConfig::new(Architecture::Mlp);
        let first = store.create(&config).unwrap();
        assert_eq!(first.id(), "digits-mlp-0001");
        assert_eq!(store.create(&config).unwrap().id(), "digits-mlp-0002");
        config.name = Some("mine".to_owned());
        assert_eq!(store.create(&config).unwrap().id(), "mine");
        assert!(matches!(store.create(&config), Err(TrainError::RunExists(_))));
        assert_eq!(store.list().unwrap().len(), 3);
        assert_eq!(store.open("mine").unwrap().config().unwrap(), config);
        assert_eq!(store.open(first.folder().to_str().unwrap()).unwrap().id(), first.id());
        assert!(store.named(first.folder().to_str().unwrap()).is_err(), "a path is no name");
        assert!(store.named("../runs/mine").is_err() && store.named("mine").is_ok());
        let text = store.open("digits-mlp-0003").unwrap_err().to_string();
        assert!(text.contains("no run 'digits-mlp-0003'") && text.contains("digits-mlp-0002"), "{text}");

        assert_eq!(first.status(), Status::Interrupted);
        let lock = first.lock().unwrap();
        assert_eq!(first.status(), Status::Running);
        assert!(matches!(first.lock(), Err(TrainError::RunBusy(_))));
        drop(lock);
        assert_eq!(first.status(), Status::Interrupted);
    }

    #[test]
    fn only_a_plain_name_is_looked_for_among_the_runs() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("config.toml"), "").unwrap();
        let store = RunStore::new(dir.path().join("runs"));
        fs::create_dir(store.root()).unwrap();
        for id in ["", ".", ".."] {
            let found = store.open(id).map(|run| run.folder().to_path_buf());
            assert!(!found.as_ref().is_ok_and(|folder| folder.starts_with(dir.path())), "{id}: {found:?}");
        }
    }
}
