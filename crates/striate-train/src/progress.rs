//! Telling the world: events to the caller and to `metrics.jsonl`, and the clock behind them.

use std::fs::File;
use std::io::Write;
use std::time::{Duration, Instant};

use crate::checkpoint::Position;
use crate::{Event, Run, TrainError, atomic};

/// Time between two reports of where the training is.
const REPORT_EVERY: Duration = Duration::from_millis(100);

/// Weight of the newest report in the estimate of the time left.
const SMOOTHING: f64 = 0.1;

/// Where events go.
pub(crate) struct Reporter<'a> {
    metrics: File,
    run: &'a Run,
    listener: &'a mut dyn FnMut(&Event),
    began: Instant,
    /// Seconds spent in earlier sessions.
    before: f64,
    window: Window,
    /// Seconds per step, smoothed over reports.
    pace: Option<f64>,
    /// Seconds that the last epoch's end took (validation, checkpoint).
    epoch_end: f64,
}

/// What happened since the last report.
struct Window {
    since: Instant,
    loss_sum: f64,
    steps: u64,
    images: usize,
}

impl Window {
    fn new() -> Self {
        Window { since: Instant::now(), loss_sum: 0.0, steps: 0, images: 0 }
    }
}

/// The numbers of one optimiser step.
pub(crate) struct StepNumbers {
    pub loss: f64,
    pub learning_rate: f64,
    pub images: usize,
    /// Steps left in all epochs.
    pub steps_left: u64,
    /// Epochs that are not complete.
    pub epochs_left: usize,
}

impl<'a> Reporter<'a> {
    /// Opens `metrics.jsonl`, after dropping what it tells of steps later than `position`: they will happen again.
    pub fn open(
        run: &'a Run,
        position: &Position,
        began: Instant,
        listener: &'a mut dyn FnMut(&Event),
    ) -> Result<Self, TrainError> {
        let path = run.path("metrics.jsonl");
        drop_undone(run, position)?;
        let metrics = File::options().create(true).append(true).open(&path).map_err(TrainError::writing(&path))?;
        Ok(Reporter {
            metrics,
            run,
            listener,
            began,
            before: position.seconds,
            window: Window::new(),
            pace: None,
            epoch_end: 0.0,
        })
    }

    /// Seconds spent on the run, over all sessions.
    pub fn elapsed(&self) -> f64 {
        self.before + self.began.elapsed().as_secs_f64()
    }

    /// Writes an event down and tells the caller.
    pub fn emit(&mut self, event: &Event) -> Result<(), TrainError> {
        let mut line = serde_json::to_vec(event).expect("names and numbers are valid JSON");
        line.push(b'\n');
        // One call, so that a reader never sees two lines mixed.
        let written = self.metrics.write_all(&line);
        (self.listener)(event);
        written.map_err(TrainError::writing(&self.run.path("metrics.jsonl")))
    }

    /// Counts a step, and reports if it is time to.
    pub fn step(&mut self, position: &Position, total_steps: u64, numbers: StepNumbers) -> Result<(), TrainError> {
        self.window.loss_sum += numbers.loss;
        self.window.steps += 1;
        self.window.images += numbers.images;
        let spent = self.window.since.elapsed();
        if spent < REPORT_EVERY {
            return Ok(());
        }
        let window = std::mem::replace(&mut self.window, Window::new());
        let per_step = spent.as_secs_f64() / window.steps as f64;
        let pace = self.pace.map_or(per_step, |pace| pace + SMOOTHING * (per_step - pace));
        self.pace = Some(pace);
        self.emit(&Event::Step {
            epoch: position.epoch + 1,
            step: position.step,
            total_steps,
            loss: window.loss_sum / window.steps as f64,
            learning_rate: numbers.learning_rate,
            images_per_second: window.images as f64 / spent.as_secs_f64(),
            elapsed_seconds: self.elapsed(),
            seconds_left: pace * numbers.steps_left as f64 + self.epoch_end * numbers.epochs_left as f64,
        })
    }

    /// Starts measuring speed anew, after the end of an epoch that took `seconds`.
    pub fn restart_window(&mut self, seconds: f64) {
        self.window = Window::new();
        self.epoch_end = seconds;
    }
}

fn drop_undone(run: &Run, position: &Position) -> Result<(), TrainError> {
    let events = run.events()?;
    let is_done = |event: &&Event| match event {
        Event::Epoch { epoch, .. } => *epoch <= position.epoch,
        event => event.step().is_none_or(|step| step <= position.step),
    };
    let kept: Vec<&Event> = events.iter().filter(is_done).collect();
    let path = run.path("metrics.jsonl");
    let mut text = Vec::new();
    for event in &kept {
        serde_json::to_writer(&mut text, event).expect("names and numbers are valid JSON");
        text.push(b'\n');
    }
    let written = std::fs::metadata(&path).map_or(0, |data| data.len());
    // A half line at the end (killed while writing) makes the file longer than its events.
    if written != text.len() as u64 { atomic::write(&path, &text) } else { Ok(()) }
}
