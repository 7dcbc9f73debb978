//! A studio on a free port with an empty home.

use std::path::PathBuf;
use std::thread::JoinHandle;

use striate_models::digits::Architecture;
use striate_studio::{Stop, Studio, StudioConfig};
use striate_train::{Outcome, RunStore, StopFlag, TrainConfig, train};
use tempfile::TempDir;

/// A studio that answers while this value lives.
pub struct TestStudio {
    /// Its address, ending in `/`.
    pub url: String,
    /// Folder of runs.
    pub runs: PathBuf,
    /// The progress database.
    pub progress: PathBuf,
    stop: Stop,
    thread: Option<JoinHandle<()>>,
    _home: TempDir,
}

impl TestStudio {
    /// Starts one.
    pub fn start() -> TestStudio {
        let home = tempfile::tempdir().expect("a folder for the studio");
        let config = StudioConfig {
            port: Some(0),
            runs: home.path().join("runs"),
            progress: home.path().join("progress.sqlite"),
        };
        let (runs, progress) = (config.runs.clone(), config.progress.clone());
        let studio = Studio::bind(config).expect("a free port");
        let (url, stop) = (studio.url(), studio.stop_handle());
        let thread = std::thread::spawn(move || studio.serve().expect("the studio runs"));
        TestStudio { url, runs, progress, stop, thread: Some(thread), _home: home }
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
