//! A run: one training and all that is known of it, in one folder.

use std::fs::{self, File, TryLockError};
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

use crate::checkpoint::{Checkpoint, State};
use crate::{Event, InputCard, Summary, TrainConfig, TrainError, atomic};

/// A training's folder:
///
/// | file | what |
/// | --- | --- |
/// | `config.toml` | the settings |
/// | `input.json` | form and statistics of the images |
/// | `initial.safetensors` | the weights it started from, if they are not random |
/// | `metrics.jsonl` | what happened, one [`Event`] per line, appended while it runs |
/// | `checkpoint.safetensors` | all that is needed to go on; removed when finished |
/// | `model.safetensors` | the weights of the best epoch, when finished |
/// | `summary.json` | the result, when finished |
/// | `lock` | held by the process that trains |
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Run {
    id: String,
    folder: PathBuf,
}

/// What state a run is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// A living process trains it.
    Running,
    /// Complete, with a result.
    Finished,
    /// Stopped or killed before its end; can be resumed.
    Interrupted,
    /// Stopped by an error.
    Failed,
}

/// The right to train a run, held until dropped. The system takes it back when the process dies, however it dies.
#[derive(Debug)]
pub struct RunLock(#[expect(dead_code, reason = "held for its lock")] File);

impl Run {
    pub(crate) fn new(folder: PathBuf) -> Self {
        let id = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
        Run { id, folder }
    }

    /// The name, such as `digits-cnn-0007`.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// A file in the folder.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// The settings.
    pub fn config(&self) -> Result<TrainConfig, TrainError> {
        let path = self.path("config.toml");
        let text = fs::read_to_string(&path).map_err(TrainError::reading(&path))?;
        toml::from_str(&text).map_err(TrainError::damaged(&path))
    }

    /// Form of the images; there once the data were read.
    pub fn input(&self) -> Result<InputCard, TrainError> {
        let path = self.path("input.json");
        let text = fs::read(&path).map_err(TrainError::reading(&path))?;
        serde_json::from_slice(&text).map_err(TrainError::damaged(&path))
    }

    /// The result, if the run is finished.
    pub fn summary(&self) -> Result<Option<Summary>, TrainError> {
        let path = self.path("summary.json");
        match fs::read(&path) {
            Ok(text) => serde_json::from_slice(&text).map(Some).map_err(TrainError::damaged(&path)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(TrainError::reading(&path)(error)),
        }
    }

    /// What happened so far.
    pub fn events(&self) -> Result<Vec<Event>, TrainError> {
        Ok(self.events_since(0)?.0)
    }

    /// The events from byte `offset` of `metrics.jsonl` on, and the offset for the next call: for following a run that
    /// is training. A line that is still being written is left for the next call; a file that became shorter (a resumed
    /// run drops what came after its checkpoint) is read from the start.
    pub fn events_since(&self, offset: u64) -> Result<(Vec<Event>, u64), TrainError> {
        let path = self.path("metrics.jsonl");
        let mut file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok((Vec::new(), 0)),
            Err(error) => return Err(TrainError::reading(&path)(error)),
        };
        let length = file.metadata().map_err(TrainError::reading(&path))?.len();
        let offset = if offset > length { 0 } else { offset };
        file.seek(SeekFrom::Start(offset)).map_err(TrainError::reading(&path))?;
        let mut text = Vec::new();
        file.read_to_end(&mut text).map_err(TrainError::reading(&path))?;
        let complete = text.iter().rposition(|&byte| byte == b'\n').map_or(0, |end| end + 1);
        let lines = text[..complete].split(|&byte| byte == b'\n').filter(|line| !line.is_empty());
        // A line cut by a crash in the middle of the file is skipped: the others still tell the story.
        let events = lines.filter_map(|line| serde_json::from_slice(line).ok()).collect();
        Ok((events, offset + complete as u64))
    }

    /// Running, finished, interrupted or failed.
    pub fn status(&self) -> Status {
        if self.is_locked() {
            return Status::Running;
        }
        if self.path("summary.json").is_file() {
            return Status::Finished;
        }
        match self.events().unwrap_or_default().last() {
            Some(Event::Failed { .. }) => Status::Failed,
            _ => Status::Interrupted,
        }
    }

    /// When the run was started.
    pub fn created(&self) -> SystemTime {
        fs::metadata(self.path("config.toml")).and_then(|data| data.modified()).unwrap_or(SystemTime::UNIX_EPOCH)
    }

    /// Whether a living process trains the run.
    fn is_locked(&self) -> bool {
        File::open(self.path("lock")).is_ok_and(|file| matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock)))
    }

    /// Takes the right to train the run.
    ///
    /// # Errors
    /// [`TrainError::RunBusy`] if another process (or thread) has it.
    pub fn lock(&self) -> Result<RunLock, TrainError> {
        let path = self.path("lock");
        let file = File::options().create(true).append(true).open(&path).map_err(TrainError::writing(&path))?;
        // Someone who only looks whether the run is alive holds the lock for an instant.
        for _ in 0..20 {
            match file.try_lock() {
                Ok(()) => return Ok(RunLock(file)),
                Err(TryLockError::WouldBlock) => std::thread::sleep(Duration::from_millis(10)),
                Err(TryLockError::Error(error)) => return Err(TrainError::writing(&path)(error)),
            }
        }
        Err(TrainError::RunBusy(self.id.clone()))
    }

    pub(crate) fn write_config(&self, config: &TrainConfig) -> Result<(), TrainError> {
        let text = toml::to_string(config).expect("settings are valid TOML");
        atomic::write(&self.path("config.toml"), text.as_bytes())
    }

    pub(crate) fn write_json(&self, name: &str, value: &impl Serialize) -> Result<(), TrainError> {
        let mut text = serde_json::to_vec_pretty(value).expect("names and numbers are valid JSON");
        text.push(b'\n');
        atomic::write(&self.path(name), &text)
    }

    pub(crate) fn write_checkpoint(&self, checkpoint: &Checkpoint) -> Result<(), TrainError> {
        let path = self.checkpoint_path();
        atomic::write(&path, &checkpoint.encode().map_err(TrainError::damaged(&path))?)
    }

    /// The last checkpoint, if there is one.
    pub(crate) fn checkpoint(&self) -> Result<Option<Checkpoint>, TrainError> {
        let path = self.checkpoint_path();
        match fs::read(&path) {
            Ok(bytes) => Checkpoint::decode(&bytes).map(Some).map_err(TrainError::damaged(&path)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(TrainError::reading(&path)(error)),
        }
    }

    pub(crate) fn checkpoint_path(&self) -> PathBuf {
        self.path("checkpoint.safetensors")
    }

    /// The weights to use: the finished model's, or the best (else the latest) of a run that is not finished.
    pub(crate) fn weights(&self) -> Result<State, TrainError> {
        let path = self.path("model.safetensors");
        match fs::read(&path) {
            Ok(bytes) => return striate_nn::state::from_safetensors(&bytes).map_err(TrainError::damaged(&path)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Err(TrainError::reading(&path)(error)),
        }
        let none = || {
            let (id, is_finished) = (self.id.clone(), self.path("summary.json").is_file());
            let reason = if is_finished {
                "its file model.safetensors is gone\nRestore the file from a backup, or train again.".to_owned()
            } else {
                format!("it was stopped before its first checkpoint\nGo on with it by `striate train --resume {id}`.")
            };
            TrainError::NoModel { id, reason }
        };
        let checkpoint = self.checkpoint()?.ok_or_else(none)?;
        Ok(if checkpoint.best.is_empty() { checkpoint.trainer.model } else { checkpoint.best })
    }
}
