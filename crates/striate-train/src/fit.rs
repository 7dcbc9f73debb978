//! The training loop.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use striate_data::{Loader, LoaderOptions, Splits, Subset, split};
use striate_kernels::threads;
use striate_nn::Module;
use striate_nn::schedule::Schedule;

use crate::checkpoint::{Best, Checkpoint, Position, State, deep_copy};
use crate::progress::{Reporter, StepNumbers};
use crate::trainer::{Trainer, measure};
use crate::weights::{INITIAL, initial, write_state};
use crate::{Event, InputCard, Run, RunStore, Summary, TrainConfig, TrainError, atomic};

/// Asks a training to stop after the batch it is at. Clones ask the same training.
#[derive(Clone, Debug, Default)]
pub struct StopFlag(Arc<AtomicBool>);

impl StopFlag {
    /// A flag that is not raised.
    pub fn new() -> Self {
        Self::default()
    }

    /// Raises the flag.
    pub fn stop(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether the flag is raised.
    pub fn is_stopped(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// How a training ended.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// Complete and measured.
    Finished(Summary),
    /// Stopped by its [`StopFlag`]; can be resumed.
    Interrupted(Run),
}

/// Trains a new run: reads the data, makes the run's folder in `store`, learns, and measures the best epoch's weights on
/// the test part. `listener` is told everything as it happens.
///
/// # Errors
/// [`TrainError`]: the data cannot be used (nothing is written then), the disk is full, the loss runs away, ...
pub fn train(
    config: &TrainConfig,
    store: &RunStore,
    stop: &StopFlag,
    listener: &mut dyn FnMut(&Event),
) -> Result<Outcome, TrainError> {
    let began = Instant::now();
    let material = Material::read(config)?;
    let initial = initial(config, material.trainer.model())?;
    let run = store.create(config)?;
    let _lock = run.lock()?;
    if let Some(state) = &initial {
        write_state(&run, INITIAL, state)?;
    }
    run.write_json("input.json", &material.card)?;
    fit(&run, config, material, began, stop, listener)
}

/// Goes on with a run that was interrupted, killed or stopped by an error, from its last checkpoint. It ends bit for bit
/// as if it had not been interrupted.
///
/// # Errors
/// As [`train`]; also if the run is finished, is being trained by another process, or its dataset has changed.
pub fn resume(run: &Run, stop: &StopFlag, listener: &mut dyn FnMut(&Event)) -> Result<Outcome, TrainError> {
    let began = Instant::now();
    let _lock = run.lock()?;
    if run.summary()?.is_some() {
        return Err(TrainError::AlreadyFinished { id: run.id().to_owned() });
    }
    let config = run.config()?;
    let material = Material::read(&config)?;
    if !run.path(INITIAL).exists()
        && let Some(state) = initial(&config, material.trainer.model())?
    {
        write_state(run, INITIAL, &state)?;
    }
    if run.path("input.json").exists() {
        unchanged(run, &run.input()?, &material.card)?;
    } else {
        run.write_json("input.json", &material.card)?;
    }
    fit(run, &config, material, began, stop, listener)
}

fn unchanged(run: &Run, before: &InputCard, now: &InputCard) -> Result<(), TrainError> {
    let what = if before.class_names != now.class_names {
        "other classes"
    } else if before.shape() != now.shape() {
        "another image size"
    } else if before.normalization != now.normalization {
        "other pixels"
    } else {
        return Ok(());
    };
    Err(TrainError::DatasetChanged { id: run.id().to_owned(), what })
}

/// What a training needs beside its settings.
pub(crate) struct Material {
    splits: Splits,
    train: Subset,
    card: InputCard,
    pub trainer: Trainer,
}

impl Material {
    pub fn read(config: &TrainConfig) -> Result<Self, TrainError> {
        config.validate()?;
        if let Some(threads) = config.threads {
            threads::set_num_threads(threads);
        }
        let splits = Splits::new(config.dataset.read()?, config.split_seed)?;
        let card = InputCard::of(&splits, &config.dataset);
        let trainer = Trainer::new(config, &card)?;
        let train = match config.train_limit {
            Some(count) => split::limit(&splits.train, count, config.split_seed),
            None => splits.train.clone(),
        };
        Ok(Material { splits, train, card, trainer })
    }

    /// The batches to learn from.
    pub fn loader(&self, config: &TrainConfig) -> Loader {
        let options = LoaderOptions {
            batch_size: config.batch_size,
            shuffle: Some(config.seed),
            augmentation: config.augmentation,
        };
        Loader::new(self.train.clone(), self.card.normalization.clone(), options)
    }

    /// Starts from the weights that the run was given.
    fn start_from(&mut self, run: &Run) -> Result<(), TrainError> {
        let path = run.path(INITIAL);
        if !path.exists() {
            return Ok(());
        }
        let bytes = std::fs::read(&path).map_err(TrainError::reading(&path))?;
        let state = striate_nn::state::from_safetensors(&bytes).map_err(TrainError::damaged(&path))?;
        let report = self.trainer.start_from(&state);
        if !report.is_exact() {
            let own = self.trainer.model().state_dict().len();
            let taken = report.loaded.len();
            self.splits.notices.push(format!("{taken} of {own} tensors are taken over; the others start at random"));
        }
        Ok(())
    }
}

fn fit(
    run: &Run,
    config: &TrainConfig,
    mut material: Material,
    began: Instant,
    stop: &StopFlag,
    listener: &mut dyn FnMut(&Event),
) -> Result<Outcome, TrainError> {
    atomic::remove_leftovers(run.folder());
    material.start_from(run)?;
    let checkpoint = run.checkpoint()?;
    let position = checkpoint.as_ref().map(|checkpoint| checkpoint.position.clone()).unwrap_or_default();
    let reporter = Reporter::open(run, &position, began, listener)?;
    let mut session = Session::new(run, config, material, reporter, stop);
    if let Some(checkpoint) = checkpoint {
        session.restore(checkpoint)?;
    }
    let outcome = session.run_to_the_end();
    if let Err(error) = &outcome {
        // The error itself is returned; if it cannot be written down (a full disk), that adds nothing.
        let _ = session.reporter.emit(&Event::Failed { message: error.to_string() });
    }
    outcome
}

/// A training between its start (or resumption) and its end (or interruption).
struct Session<'a> {
    run: &'a Run,
    config: &'a TrainConfig,
    material: Material,
    loader: Loader,
    schedule: Schedule,
    reporter: Reporter<'a>,
    stop: &'a StopFlag,
    position: Position,
    best: State,
    saved: Instant,
}

impl<'a> Session<'a> {
    fn new(
        run: &'a Run,
        config: &'a TrainConfig,
        material: Material,
        reporter: Reporter<'a>,
        stop: &'a StopFlag,
    ) -> Self {
        let loader = material.loader(config);
        let schedule = config.schedule(loader.batches_per_epoch() as u64);
        let position = Position { plateau: config.plateau(), ..Position::default() };
        let (best, saved) = (State::new(), Instant::now());
        Session { run, config, material, loader, schedule, reporter, stop, position, best, saved }
    }

    fn restore(&mut self, checkpoint: Checkpoint) -> Result<(), TrainError> {
        let path = self.run.checkpoint_path();
        let restored = self.material.trainer.restore(&checkpoint.trainer);
        restored.map_err(TrainError::damaged(&path))?;
        self.position = checkpoint.position;
        self.best = checkpoint.best;
        Ok(())
    }

    fn total_steps(&self) -> u64 {
        (self.config.epochs * self.loader.batches_per_epoch()) as u64
    }

    /// The learning rate of step number `step`, the first being 0.
    fn learning_rate(&self, step: u64) -> f64 {
        let dropped = self.position.plateau.map_or(1.0, |plateau| plateau.lr / self.config.learning_rate);
        self.schedule.lr(step) * dropped
    }

    /// Whether the validation accuracy has not improved for as many epochs as the settings bear.
    fn has_given_up(&self) -> bool {
        let best = self.position.best.map_or(0, |best| best.epoch);
        self.config.early_stop.is_some_and(|patience| self.position.epoch >= best + patience)
    }

    fn run_to_the_end(&mut self) -> Result<Outcome, TrainError> {
        self.reporter.emit(&self.started())?;
        self.reporter.restart_window(0.0);
        while self.position.epoch < self.config.epochs && !self.has_given_up() {
            if !self.run_epoch()? {
                self.save()?;
                self.reporter.emit(&Event::Interrupted {
                    run: self.run.id().to_owned(),
                    epoch: self.position.epoch + 1,
                    step: self.position.step,
                    total_steps: self.total_steps(),
                })?;
                return Ok(Outcome::Interrupted(self.run.clone()));
            }
            self.finish_epoch()?;
        }
        self.finish()
    }

    fn started(&self) -> Event {
        let Splits { validation, test, notices, .. } = &self.material.splits;
        Event::Started {
            run: self.run.id().to_owned(),
            folder: self.run.folder().to_path_buf(),
            model: self.config.model.to_string(),
            dataset: validation.dataset().source.clone(),
            parameters: self.material.trainer.model().num_parameters(),
            train_images: self.material.train.len(),
            validation_images: validation.len(),
            test_images: test.len(),
            epochs: self.config.epochs,
            total_steps: self.total_steps(),
            batch_size: self.config.batch_size,
            threads: threads::num_threads(),
            resumed_at: self.position.step,
            notices: notices.clone(),
        }
    }

    /// Trains to the end of the epoch. `false` if asked to stop before.
    fn run_epoch(&mut self) -> Result<bool, TrainError> {
        let total_steps = self.total_steps();
        let loader = self.loader.clone();
        let mut batches = loader.epoch(self.position.epoch as u64, self.position.batch);
        loop {
            // Asked before the batch is made, so that stopping leaves nothing half done.
            if self.stop.is_stopped() {
                return Ok(false);
            }
            let Some(batch) = batches.next() else { return Ok(true) };
            let learning_rate = self.learning_rate(self.position.step);
            let loss = self.material.trainer.step(&batch, self.position.step, learning_rate);
            if !loss.is_finite() {
                return Err(self.not_finite(loss, learning_rate));
            }
            self.position.batch += 1;
            self.position.step += 1;
            self.position.loss_sum += loss;
            let steps_left = total_steps - self.position.step;
            let epochs_left = self.config.epochs - self.position.epoch;
            let numbers = StepNumbers { loss, learning_rate, images: batch.indices.len(), steps_left, epochs_left };
            self.reporter.step(&self.position, total_steps, numbers)?;
            if self.saved.elapsed() >= Duration::from_secs_f64(self.config.checkpoint_seconds.max(0.0)) {
                self.save()?;
            }
        }
    }

    fn finish_epoch(&mut self) -> Result<(), TrainError> {
        let began = Instant::now();
        let train_loss = self.position.loss_sum / self.loader.batches_per_epoch() as f64;
        let Material { splits, card, trainer, .. } = &self.material;
        let evaluated = trainer.evaluated();
        let validation = measure(evaluated, card, &splits.validation);
        let epoch = Best { epoch: self.position.epoch + 1, accuracy: validation.accuracy, loss: validation.loss };
        let best = epoch.beats(self.position.best.as_ref());
        if best {
            self.position.best = Some(epoch);
            self.best = deep_copy(&evaluated.state_dict());
        }
        let learning_rate = self.learning_rate(self.position.step.saturating_sub(1));
        if let Some(plateau) = &mut self.position.plateau {
            plateau.step(epoch.loss);
        }
        self.position = Position { epoch: epoch.epoch, batch: 0, loss_sum: 0.0, ..self.position.clone() };
        self.reporter.emit(&Event::Epoch {
            epoch: epoch.epoch,
            step: self.position.step,
            train_loss,
            validation_loss: epoch.loss,
            validation_accuracy: epoch.accuracy,
            best,
            learning_rate,
            elapsed_seconds: self.reporter.elapsed(),
        })?;
        self.save()?;
        self.reporter.restart_window(began.elapsed().as_secs_f64());
        Ok(())
    }

    /// Writes a checkpoint, if the weights are worth keeping.
    fn save(&mut self) -> Result<(), TrainError> {
        if !self.material.trainer.is_finite() {
            let learning_rate = self.learning_rate(self.position.step.saturating_sub(1));
            return Err(self.not_finite(f64::NAN, learning_rate));
        }
        self.position.seconds = self.reporter.elapsed();
        let trainer = self.material.trainer.state();
        let checkpoint = Checkpoint { position: self.position.clone(), trainer, best: self.best.clone() };
        self.run.write_checkpoint(&checkpoint)?;
        self.saved = Instant::now();
        Ok(())
    }

    fn not_finite(&self, loss: f64, learning_rate: f64) -> TrainError {
        let kept = match self.run.checkpoint() {
            Ok(Some(checkpoint)) => format!("The checkpoint of step {} is kept.", checkpoint.position.step),
            _ => "It went wrong before the first checkpoint.".to_owned(),
        };
        TrainError::NotFinite {
            loss,
            step: self.position.step,
            epoch: self.position.epoch + 1,
            learning_rate,
            suggestion: (self.config.learning_rate / 10.0)
                .min(TrainConfig::learning_rate_for(self.config.model, self.config.optimizer)),
            kept,
        }
    }

    /// Measures the best epoch's weights on the test part: the only place where a training looks at it.
    fn finish(&mut self) -> Result<Outcome, TrainError> {
        let run = self.run;
        let Material { splits, card, trainer, .. } = &mut self.material;
        let best = self.position.best.expect("at least one epoch is complete");
        trainer.restore_model(&self.best).map_err(TrainError::damaged(&run.checkpoint_path()))?;
        let test = measure(trainer.model(), card, &splits.test);
        write_state(run, "model.safetensors", &self.best)?;
        let summary = Summary {
            run: run.id().to_owned(),
            folder: run.folder().to_path_buf(),
            model: self.config.model.to_string(),
            dataset: splits.test.dataset().source.clone(),
            test_accuracy: test.accuracy,
            test_loss: test.loss,
            test_images: splits.test.len(),
            best_epoch: best.epoch,
            validation_accuracy: best.accuracy,
            epochs: self.position.epoch,
            steps: self.position.step,
            parameters: trainer.model().num_parameters(),
            seconds: self.reporter.elapsed(),
        };
        self.reporter.emit(&Event::Finished(summary.clone()))?;
        run.write_json("summary.json", &summary)?;
        // The model is written: the checkpoint has no further use.
        let _ = std::fs::remove_file(run.checkpoint_path());
        Ok(Outcome::Finished(summary))
    }
}
