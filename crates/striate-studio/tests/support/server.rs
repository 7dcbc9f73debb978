//! A studio on a free port with an empty home.

use std::path::{Path, PathBuf};
use std::thread::JoinHandle;

use striate_models::digits::Architecture;
use striate_studio::{Program, Stop, Studio, StudioConfig};
use striate_train::{Outcome, RunStore, StopFlag, TrainConfig, train};
use tempfile::TempDir;

/// Everything in one folder, on any free port. There is no `striate` beside these tests: what a page does with the
/// command is tested where the command is.
pub fn config(home: &Path) -> StudioConfig {
    StudioConfig {
        port: Some(0),
        runs: home.join("runs"),
        progress: home.join("progress.sqlite"),
        checks: home.join("checks"),
        workspace: home.join("workspace"),
        program: Program { path: home.join("no-striate-here"), environment: Vec::new() },
    }
}

/// A studio that answers while this value lives.
pub struct TestStudio {
    /// Its address, ending in `/`.
    pub url: String,
    /// Folder of runs.
    pub runs: PathBuf,
    /// The progress database.
    pub progress: PathBuf,
    /// Folder of the last reports.
    pub checks: PathBuf,
    /// The learner's files.
    pub workspace: PathBuf,
    stop: Stop,
    thread: Option<JoinHandle<()>>,
    _home: TempDir,
}

impl TestStudio {
    /// Starts one.
    pub fn start() -> TestStudio {
        let home = tempfile::tempdir().expect("a folder for the studio");
        let config = config(home.path());
        let StudioConfig { runs, progress, checks, workspace, .. } = config.clone();
        let studio = Studio::bind(config).expect("a free port");
        let (url, stop) = (studio.url(), studio.stop_handle());
        let thread = std::thread::spawn(move || studio.serve().expect("the studio runs"));
        TestStudio { url, runs, progress, checks, workspace, stop, thread: Some(thread), _home: home }
    }

    /// Trains a small convolutional network on part of MNIST, as a terminal would.
    pub fn train_reader(&self, images: Option<usize>, epochs: usize) {
        let config = TrainConfig { train_limit: images, epochs, ..TrainConfig::new(Architecture::Cnn) };
        let outcome = train(&config, &RunStore::new(&self.runs), &StopFlag::new(), &mut |_| {});
        let outcome = outcome.unwrap_or_else(|error| panic!("{error}"));
        assert!(matches!(outcome, Outcome::Finished(_)), "{outcome:?}");
    }

    /// The address of a path such as `labs/kernel`.
    pub fn at(&self, path: &str) -> String {
        format!("{}{path}", self.url)
    }
}

impl Drop for TestStudio {
    fn drop(&mut self) {
        self.stop.stop();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
