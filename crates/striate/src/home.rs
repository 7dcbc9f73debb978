//! The folders Striate uses. `STRIATE_HOME` moves what Striate keeps, `STRIATE_WORKSPACE` what the learner writes.

use std::path::PathBuf;

/// Where things are.
#[derive(Clone, Debug)]
pub struct Home {
    /// What Striate keeps: runs and progress.
    pub root: PathBuf,
    /// The learner's own files, one folder per station.
    pub workspace: PathBuf,
}

impl Home {
    /// From the environment, else the platform's data folder and `~/striate`.
    pub fn from_environment() -> Result<Self, String> {
        let from = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        let root = from("STRIATE_HOME")
            .or_else(|| directories::ProjectDirs::from("", "", "striate").map(|dirs| dirs.data_dir().to_path_buf()))
            .ok_or("cannot find your home folder: set STRIATE_HOME to a folder Striate may write to")?;
        let workspace = from("STRIATE_WORKSPACE")
            .or_else(|| directories::UserDirs::new().map(|dirs| dirs.home_dir().join("striate")))
            .unwrap_or_else(|| root.join("workspace"));
        Ok(Home { root, workspace })
    }

    /// Folder of training runs.
    pub fn runs(&self) -> PathBuf {
        self.root.join("runs")
    }

    /// Folder of the last report of every exercise.
    pub fn checks(&self) -> PathBuf {
        self.root.join("checks")
    }

    /// The progress database.
    pub fn progress(&self) -> PathBuf {
        self.root.join("progress.sqlite")
    }
}
