//! Why a training stopped: what, where, what to do.

use std::io;
use std::path::{Path, PathBuf};

use striate_data::DataError;

/// Why a training, an evaluation or a prediction could not be done.
#[derive(Debug, thiserror::Error)]
pub enum TrainError {
    /// The data cannot be used.
    #[error(transparent)]
    Data(#[from] DataError),
    /// The disk is full.
    #[error(
        "the disk is full: cannot write {}\nFree some space and {}",
        path.display(), after_full_disk(run.as_deref())
    )]
    DiskFull {
        /// The file that could not be written.
        path: PathBuf,
        /// The run it belongs to, if there is one to go on with.
        run: Option<String>,
    },
    /// A file of a run cannot be read or written.
    #[error("cannot {action} {}: {source}\nCheck that the folder is there and that you may {action} it; STRIATE_HOME chooses another for runs and progress.", path.display())]
    Io {
        /// `read` or `write`.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The loss is not a number any more.
    #[error(
        "the loss became {loss} at step {step} (epoch {epoch}) with learning rate {learning_rate}: the weights have run away\n\
         Try a smaller learning rate (--learning-rate {suggestion}), or --optimizer adam. {kept}"
    )]
    NotFinite {
        /// `NaN` or `inf`.
        loss: f64,
        /// Number of optimiser steps done before.
        step: u64,
        /// Epoch, counted from 1.
        epoch: usize,
        /// Learning rate in use.
        learning_rate: f64,
        /// A learning rate worth trying: a tenth of the configured one, and no more than what suits the model.
        suggestion: f64,
        /// What the last good checkpoint is.
        kept: String,
    },
    /// There is no such run.
    #[error("there is no run '{id}'{}", existing_runs(existing))]
    UnknownRun {
        /// What was asked for.
        id: String,
        /// The runs that exist, newest first.
        existing: Vec<String>,
    },
    /// The name is taken.
    #[error("there is already a run '{0}'\nGive another --name, or go on with it by `striate train --resume {0}`.")]
    RunExists(String),
    /// Another process trains this run.
    #[error("the run '{0}' is being trained by another process\nWait for it, or stop it first (Ctrl-C there).")]
    RunBusy(String),
    /// The run is complete.
    #[error("the run '{id}' is finished: there is nothing to resume\nMeasure it with `striate eval {id}`.")]
    AlreadyFinished {
        /// The run.
        id: String,
    },
    /// The run has no model yet.
    #[error("the run '{id}' has no model yet: {reason}")]
    NoModel {
        /// The run.
        id: String,
        /// Why, and what to do.
        reason: String,
    },
    /// A file of the run does not hold what it should.
    #[error("{} is damaged: {reason}\nTrain again, or restore the file from a backup.", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The data are not those the run began with.
    #[error(
        "the dataset of '{id}' has changed since the run began ({what}): going on would mix two datasets\n\
         Restore the data, or start a new run."
    )]
    DatasetChanged {
        /// The run.
        id: String,
        /// What differs.
        what: &'static str,
    },
    /// A file of weights cannot be used.
    #[error("cannot use the weights in {}: {reason}", path.display())]
    Weights {
        /// The file.
        path: PathBuf,
        /// Why, and what to do.
        reason: String,
    },
    /// A sweep over learning rates showed nothing.
    #[error("no learning rate was found: {0}")]
    FindLr(String),
    /// A setting makes no sense.
    #[error("{0}")]
    Config(String),
    /// The model cannot take these images.
    #[error("the model {model} cannot be used on these images: {reason}")]
    Model {
        /// The model.
        model: String,
        /// Why.
        reason: String,
    },
}

impl TrainError {
    /// A failure to read `path`, for `map_err`.
    pub(crate) fn reading(path: &Path) -> impl FnOnce(io::Error) -> TrainError + '_ {
        move |source| TrainError::Io { action: "read", path: path.to_path_buf(), source }
    }

    /// A failure to write `path` (a file in a run's folder), for `map_err`.
    pub(crate) fn writing(path: &Path) -> impl FnOnce(io::Error) -> TrainError + '_ {
        move |source| match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                let run = path.parent().filter(|folder| folder.join("config.toml").is_file()).and_then(Path::file_name);
                let run = run.map(|name| name.to_string_lossy().into_owned());
                TrainError::DiskFull { path: path.to_path_buf(), run }
            }
            _ => TrainError::Io { action: "write", path: path.to_path_buf(), source },
        }
    }

    /// A damaged file, for `map_err`.
    pub(crate) fn damaged<E: std::fmt::Display>(path: &Path) -> impl FnOnce(E) -> TrainError + '_ {
        move |reason| TrainError::Damaged { path: path.to_path_buf(), reason: reason.to_string() }
    }
}

fn after_full_disk(run: Option<&str>) -> String {
    match run {
        Some(run) => {
            format!("go on with `striate train --resume {run}`: the last checkpoint, if there is one, is safe.")
        }
        None => "ask again.".to_owned(),
    }
}

fn existing_runs(existing: &[String]) -> String {
    const SHOWN: usize = 8;
    if existing.is_empty() {
        return ": no run exists yet\nStart one with `striate train digits`.".to_owned();
    }
    let more = if existing.len() > SHOWN { ", ... (`striate runs` shows all)" } else { "" };
    format!("\nRuns that exist: {}{more}", existing.iter().take(SHOWN).cloned().collect::<Vec<_>>().join(", "))
}
