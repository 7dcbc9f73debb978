//! Trainings started from a page: one at a time, on a thread of this process. Their runs are ordinary runs; everything
//! about them is read back from the run folder, as for a training in a terminal.

use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use striate_train::{Event, Outcome, RunStore, StopFlag, TrainConfig, TrainError, resume, train};

/// How long a page waits to be told the name of its run: reading the data comes first.
const PATIENCE: Duration = Duration::from_secs(60);

/// The training in progress, if any.
#[derive(Default)]
pub struct Trainer {
    active: Mutex<Option<Active>>,
}

struct Active {
    /// Its id, once the data are read.
    run: Arc<OnceLock<String>>,
    stop: StopFlag,
    thread: JoinHandle<()>,
}

impl Active {
    fn is(&self, run: &str) -> bool {
        self.run.get().is_some_and(|own| own == run)
    }
}

/// Why a training did not start, in words for the reader.
#[derive(Debug, PartialEq, Eq)]
pub struct Refusal(pub String);

impl Trainer {
    /// Starts a new run; returns its id once it has one.
    pub fn start(&self, store: &RunStore, config: TrainConfig) -> Result<String, Refusal> {
        let store = store.clone();
        self.begin(move |stop, listener| train(&config, &store, stop, listener))
    }

    /// Goes on with a run that was stopped.
    pub fn resume(&self, store: &RunStore, id: &str) -> Result<String, Refusal> {
        let run = store.named(id).map_err(|error| Refusal(error.to_string()))?;
        self.begin(move |stop, listener| resume(&run, stop, listener))
    }

    /// Asks the training of this run to stop after its batch. False if it is not one of ours.
    pub fn stop(&self, run: &str) -> bool {
        let active = self.lock();
        let ours = active.as_ref().filter(|active| active.is(run));
        ours.inspect(|active| active.stop.stop()).is_some()
    }

    /// Whether this process is training that run.
    pub fn is_training(&self, run: &str) -> bool {
        self.lock().as_ref().is_some_and(|active| active.is(run) && !active.thread.is_finished())
    }

    /// Stops what is in progress and waits for its checkpoint.
    pub fn finish(&self) {
        if let Some(active) = self.lock().take() {
            active.stop.stop();
            let _ = active.thread.join();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Option<Active>> {
        self.active.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn begin<F>(&self, work: F) -> Result<String, Refusal>
    where
        F: FnOnce(&StopFlag, &mut dyn FnMut(&Event)) -> Result<Outcome, TrainError> + Send + 'static,
    {
        let mut active = self.lock();
        if let Some(running) = active.as_ref().filter(|active| !active.thread.is_finished()) {
            let name = running.run.get().map_or("a run that has yet to get its name", String::as_str);
            return Err(Refusal(format!("{name} is still training here; stop it or wait for it")));
        }
        let (stop, run) = (StopFlag::new(), Arc::new(OnceLock::new()));
        let (sender, started) = channel();
        let (flag, name) = (stop.clone(), run.clone());
        let thread = std::thread::spawn(move || {
            let ended = work(&flag, &mut |event| {
                if let Event::Started { run, .. } = event {
                    let _ = name.set(run.clone());
                    // The page may have stopped waiting; the training goes on all the same.
                    let _ = sender.send(Ok(run.clone()));
                }
            });
            // After the start, an error is part of the run's own record.
            let _ = ended.map_err(|error| sender.send(Err(error.to_string())));
        });
        *active = Some(Active { run, stop, thread });
        // Reading the data takes a while; other pages ask meanwhile.
        drop(active);
        wait_for_name(&started)
    }
}

fn wait_for_name(started: &Receiver<Result<String, String>>) -> Result<String, Refusal> {
    match started.recv_timeout(PATIENCE) {
        Ok(Ok(run)) => Ok(run),
        Ok(Err(text)) => Err(Refusal(text)),
        Err(RecvTimeoutError::Timeout) => {
            Err(Refusal("the data is still being read; look at the list of runs in a minute".to_owned()))
        }
        Err(RecvTimeoutError::Disconnected) => {
            Err(Refusal("the training stopped before it began; see the terminal".to_owned()))
        }
    }
}
