//! `striate train`: learn a classifier, watch it learn, and keep it as a run.

mod display;
mod find_lr;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::ValueEnum;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use striate_data::Augmentation;
use striate_models::digits::Architecture;
use striate_train::{
    Event, GroupConfig, LrRange, OptimizerKind, Outcome, Precision, Recipe, RunStore, ScheduleKind, ScheduleOptions,
    Source, StopFlag, TrainConfig, TrainError, resume, train,
};

use super::{CommandError, CommandResult};
use crate::home::Home;
use crate::screen;
use display::Display;

/// Exit code after Ctrl-C: 128 + the number of the signal, as shells expect.
const INTERRUPTED: u8 = 130;

/// Train a classifier of small images.
///
/// `striate train digits` learns to read handwritten digits (MNIST, which is inside this program) to more than
/// 99 % in seconds. Part of the training images is held out to choose the best epoch; the test images are looked at once,
/// at the end. Everything is kept in a run folder; the same seed gives the same weights, whatever the number of threads.
///
/// Ctrl-C stops after the batch and leaves a checkpoint; --resume goes on from it and ends with the same weights as an
/// uninterrupted training.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  striate train digits                            a good model, fast
  striate train digits --recipe best              the best model, in minutes
  striate train digits --model mlp --epochs 10    another network, longer
  striate train digits --dataset fashion          clothes instead of digits
  striate train --data my-pictures                one folder of PNG or JPEG images per class, or idx files
  striate train --resume digits-cnn4-0007          go on after Ctrl-C, a crash or a power cut
  striate train digits --init lenet.pt --model lenet
                                                  start from weights of PyTorch or safetensors
  striate train digits --find-lr                  which learning rate? nothing is kept
  striate train digits --json > metrics.jsonl     what happens, as JSON lines
  striate train digits --model cnn --epochs 10 --ema 0.999
                                                  measure and keep a running mean of the weights
  striate train digits --model mlp --optimizer adamw --weight-decay 0.05 --decay-weights-only \\
                       --schedule cosine --warm-up 0.5
                                                  the usual settings of larger networks
  striate train digits --model lenet --schedule plateau --schedule-options factor=0.5,patience=1
                                                  a smaller learning rate whenever there is no progress
  striate train digits --init lenet.pt --model lenet --freeze 'conv*'
                                                  convolutions stay as they are, the rest goes on learning
  striate train --config runs/mine/config.toml --seed 2
                                                  another run's settings, or those of a file of your own

Exit codes: 0 trained, 1 failed, 2 wrong usage, 130 interrupted by Ctrl-C (can be resumed).")]
pub struct Args {
    /// What to learn.
    #[arg(value_enum, default_value = "digits")]
    task: Task,

    /// How good a model in how much time. MNIST on two cores: standard reads 99.3 % of the test digits right after 1.5
    /// seconds, best 99.6 % after one to two minutes.
    #[arg(long, value_parser = named::<Recipe>(Recipe::NAMES), default_value = "standard", conflicts_with = "resume")]
    recipe: Recipe,

    /// Another network, with settings that suit it: softmax, mlp, lenet, cnn, cnn4 or cnn4-wide [default: the recipe's].
    #[arg(long, value_parser = architecture(), conflicts_with_all = ["recipe", "resume"])]
    model: Option<Architecture>,

    /// Start from the settings in this file: a run's config.toml, or one that names the model and what else you choose.
    /// Options given beside it count more.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["recipe", "model", "resume"])]
    config: Option<PathBuf>,

    /// How often each image is shown [default: depends on the model].
    #[arg(long, value_name = "N", conflicts_with = "resume")]
    epochs: Option<usize>,

    /// Images per step [default: depends on the model].
    #[arg(long, value_name = "N", conflicts_with = "resume")]
    batch_size: Option<usize>,

    /// How gradients change the weights: sgd (momentum 0.9), adam or adamw.
    #[arg(long, value_parser = named::<OptimizerKind>(OptimizerKind::NAMES), conflicts_with = "resume")]
    optimizer: Option<OptimizerKind>,

    /// The (highest) learning rate [default: depends on model and optimizer].
    #[arg(long, value_name = "RATE", conflicts_with = "resume")]
    learning_rate: Option<f64>,

    /// Pull of the weights towards zero.
    #[arg(long, value_name = "DECAY", conflicts_with = "resume")]
    weight_decay: Option<f64>,

    /// Leave biases and the gains of normalisations out of the weight decay.
    #[arg(long, conflicts_with = "resume")]
    decay_weights_only: bool,

    /// Treat the weights whose paths fit PATTERN apart ('*' is any characters). May be given
    /// several times: the first that fits counts.
    #[arg(
        long = "group", value_name = "PATTERN:lr_factor=FACTOR,weight_decay=DECAY", value_parser = str::parse::<GroupConfig>,
        conflicts_with = "resume"
    )]
    groups: Vec<GroupConfig>,

    /// Leave the weights whose paths fit PATTERN as they are; may be given several times. Batch norm keeps its running
    /// statistics where all its weights are left.
    #[arg(long, value_name = "PATTERN", conflicts_with = "resume")]
    freeze: Vec<String>,

    /// Measure and keep a running mean of the weights in place of the newest; 0.999 is a usual decay.
    #[arg(long, value_name = "DECAY", conflicts_with = "resume")]
    ema: Option<f64>,

    /// Share of each target that is spread over all classes [default: depends on the model].
    #[arg(long, value_name = "SHARE", conflicts_with = "resume")]
    label_smoothing: Option<f64>,

    /// Course of the learning rate over the training.
    #[arg(long, value_parser = named::<ScheduleKind>(ScheduleKind::NAMES), conflicts_with = "resume")]
    schedule: Option<ScheduleKind>,

    /// Settings of the schedule, times in epochs: step gamma, step_size; exponential gamma; polynomial power; cosine
    /// min_lr; cosine-restarts cycles, t_mult, min_lr; one-cycle pct_start; cyclic cycles, mode, gamma, min_lr; plateau
    /// factor, patience, threshold, cooldown, min_lr.
    #[arg(
        long, value_name = "NAME=VALUE,...", value_parser = str::parse::<ScheduleOptions>, conflicts_with_all = ["resume", "find_lr"]
    )]
    schedule_options: Option<ScheduleOptions>,

    /// Let the learning rate rise from near 0 over so many epochs (or part of one) before the schedule.
    #[arg(long, value_name = "EPOCHS", conflicts_with_all = ["resume", "find_lr"])]
    warm_up: Option<f64>,

    /// Stop when the validation accuracy has not improved for so many epochs.
    #[arg(long, value_name = "EPOCHS", conflicts_with_all = ["resume", "find_lr"])]
    early_stop: Option<usize>,

    /// Shorten gradients longer than this, all weights taken together.
    #[arg(long, value_name = "NORM", conflicts_with = "resume")]
    clip_norm: Option<f64>,

    /// Start from the weights in this file (.pt, .pth or .safetensors) instead of random ones.
    #[arg(long, value_name = "FILE", conflicts_with = "resume")]
    init: Option<PathBuf>,

    /// Start from what fits of them, for example for other classes.
    #[arg(long, requires = "init")]
    init_partial: bool,

    /// Only look for a learning rate: try them from low to high, one step each, and draw the loss. No run is made.
    #[arg(
        long, value_name = "FROM..TO", value_parser = find_lr::range, num_args = 0..=1, require_equals = true,
        default_missing_value = "1e-6..10", conflicts_with_all = ["resume", "name", "learning_rate", "schedule", "epochs"]
    )]
    find_lr: Option<LrRange>,

    /// What the network computes in while it learns: f32, or bf16 with weights, gradients and loss in f32.
    /// [default: f32].
    #[arg(long, value_parser = named::<Precision>(Precision::NAMES), conflicts_with = "resume")]
    precision: Option<Precision>,

    /// Change the images a little each time: shift (2 pixels) or affine (shift, turn by 10 degrees, scale by a tenth).
    #[arg(long, value_enum, conflicts_with = "resume")]
    augment: Option<Augment>,

    /// Seed of everything random [default: 0].
    #[arg(long, conflicts_with = "resume")]
    seed: Option<u64>,

    /// Threads to compute with [default: all cores]. The result does not depend on it.
    #[arg(long, value_name = "N", conflicts_with = "resume")]
    threads: Option<usize>,

    /// The images [default: mnist].
    #[arg(long, value_enum, conflicts_with_all = ["data", "resume"])]
    dataset: Option<BuiltIn>,

    /// A folder with images of your own: idx files, or one folder of PNG or JPEG images per class.
    #[arg(long, value_name = "DIR", conflicts_with = "resume")]
    data: Option<PathBuf>,

    /// Learn from only so many of the images.
    #[arg(long, value_name = "N", conflicts_with = "resume")]
    train_limit: Option<usize>,

    /// Longest time between two checkpoints.
    #[arg(long, value_name = "SECONDS", conflicts_with = "resume")]
    checkpoint_every: Option<f64>,

    /// Name of the run [default: made of dataset, model and a number].
    #[arg(long, conflicts_with = "resume")]
    name: Option<String>,

    /// Go on with a run that was interrupted.
    #[arg(long, value_name = "RUN")]
    resume: Option<String>,

    /// Print what happens as JSON lines, and nothing else.
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, ValueEnum)]
enum Task {
    /// Classify small images: handwritten digits, or those given by --dataset or --data.
    Digits,
}

#[derive(Clone, Copy, ValueEnum)]
pub(super) enum BuiltIn {
    /// Handwritten digits; inside this program.
    Mnist,
    /// Ten kinds of clothing; beside this program (data/fashion-mnist).
    Fashion,
}

#[derive(Clone, Copy, ValueEnum)]
enum Augment {
    /// Leave them as they are.
    None,
    /// Shift by up to two pixels.
    Shift,
    /// Shift by up to two pixels, turn by up to 10 degrees, scale by up to a tenth.
    Affine,
}

/// The name of a network.
pub(super) fn architecture() -> impl TypedValueParser<Value = Architecture> {
    named(&["softmax", "mlp", "lenet", "cnn", "cnn4", "cnn4-wide"])
}

fn named<T>(names: &'static [&'static str]) -> impl TypedValueParser<Value = T>
where
    T: std::str::FromStr<Err: std::fmt::Display + Send + Sync + 'static> + Clone + Send + Sync + 'static,
{
    PossibleValuesParser::new(names).try_map(|name| name.parse::<T>().map_err(|error| error.to_string()))
}

impl Args {
    fn config(&self) -> Result<TrainConfig, CommandError> {
        let mut config = self.base()?;
        if let Some(source) = source(self.data.as_deref(), self.dataset)? {
            config.dataset = source;
        }
        if let Some(optimizer) = self.optimizer {
            config.optimizer = optimizer;
            config.learning_rate = TrainConfig::learning_rate_for(config.model, optimizer);
        }
        if let Some(schedule) = self.schedule {
            // Those of another schedule would be refused.
            (config.schedule, config.schedule_options) = (schedule, ScheduleOptions::default());
        }
        if !self.groups.is_empty() {
            config.groups = self.groups.clone();
        }
        config.epochs = self.epochs.unwrap_or(config.epochs);
        config.batch_size = self.batch_size.unwrap_or(config.batch_size);
        config.learning_rate = self.learning_rate.unwrap_or(config.learning_rate);
        config.weight_decay = self.weight_decay.unwrap_or(config.weight_decay);
        config.decay_weights_only |= self.decay_weights_only;
        config.label_smoothing = self.label_smoothing.unwrap_or(config.label_smoothing);
        config.schedule_options = self.schedule_options.unwrap_or(config.schedule_options);
        config.warm_up = self.warm_up.unwrap_or(config.warm_up);
        config.ema = self.ema.or(config.ema);
        if !self.freeze.is_empty() {
            config.freeze = self.freeze.clone();
        }
        config.early_stop = self.early_stop.or(config.early_stop);
        config.clip_norm = self.clip_norm.or(config.clip_norm);
        if let Some(init) = &self.init {
            (config.initial_weights, config.initial_partial) = (Some(absolute(init)?), self.init_partial);
        }
        config.precision = self.precision.unwrap_or(config.precision);
        config.augmentation = match self.augment {
            Some(Augment::None) => Augmentation::NONE,
            Some(Augment::Shift) => Augmentation::SHIFT,
            Some(Augment::Affine) => Augmentation::AFFINE,
            None => config.augmentation,
        };
        config.seed = self.seed.unwrap_or(config.seed);
        config.threads = self.threads.or(config.threads);
        config.train_limit = self.train_limit.or(config.train_limit);
        config.checkpoint_seconds = self.checkpoint_every.unwrap_or(config.checkpoint_seconds);
        config.name = self.name.clone();
        Ok(config)
    }

    /// The settings that the options change: those of the file, or what suits the network.
    fn base(&self) -> Result<TrainConfig, CommandError> {
        let Some(path) = &self.config else {
            return Ok(TrainConfig::new(self.model.unwrap_or(self.recipe.model())));
        };
        let usage = |error: &dyn std::fmt::Display| CommandError::Usage(format!("{}: {error}", path.display()));
        let text = std::fs::read_to_string(path).map_err(|error| usage(&error))?;
        let mut config = TrainConfig::from_toml(&text).map_err(|error| usage(&error))?;
        if let Source::Directory(folder) = &config.dataset {
            config.dataset = Source::Directory(absolute(folder)?);
        }
        config.initial_weights = config.initial_weights.as_deref().map(absolute).transpose()?;
        Ok(config)
    }
}

/// The images that the options name, if they do.
pub(super) fn source(folder: Option<&Path>, built_in: Option<BuiltIn>) -> Result<Option<Source>, CommandError> {
    Ok(match (folder, built_in) {
        (Some(folder), _) => Some(Source::Directory(absolute(folder)?)),
        (None, Some(BuiltIn::Mnist)) => Some(Source::Mnist),
        (None, Some(BuiltIn::Fashion)) => Some(Source::Fashion),
        (None, None) => None,
    })
}

/// A run must find its files again from any folder.
fn absolute(path: &Path) -> Result<PathBuf, CommandError> {
    std::path::absolute(path).map_err(CommandError::failed)
}

/// Runs the command.
pub fn run(args: Args, home: &Home) -> CommandResult {
    let Task::Digits = args.task;
    let store = RunStore::new(home.runs());
    let stop = stop_on_ctrl_c()?;
    if let Some(range) = &args.find_lr {
        return find_lr::run(&args.config()?, range, &stop, args.json);
    }
    let mut display = Display::new();
    let mut listener = |event: &Event| {
        if args.json { print_json(event) } else { display.show(event) }
    };
    let outcome = match &args.resume {
        Some(id) => store.open(id).and_then(|run| resume(&run, &stop, &mut listener)),
        None => train(&args.config()?, &store, &stop, &mut listener),
    };
    match outcome {
        Ok(Outcome::Finished(_)) => Ok(ExitCode::SUCCESS),
        Ok(Outcome::Interrupted(_)) => Ok(ExitCode::from(INTERRUPTED)),
        Err(error) => {
            display.close();
            Err(command_error(error))
        }
    }
}

/// A training error as this program's exit code has it: 2 if the command line asks for what does not exist.
pub(super) fn command_error(error: TrainError) -> CommandError {
    match error {
        TrainError::Config(_) | TrainError::UnknownRun { .. } | TrainError::RunExists(_) => {
            CommandError::Usage(error.to_string())
        }
        _ => CommandError::failed(error),
    }
}

/// One line of JSON. A reader that went away (`| head -1`) does not stop the training.
pub(super) fn print_json(value: &impl serde::Serialize) {
    let text = serde_json::to_string(value).expect("names and numbers are valid JSON");
    screen::print(&format!("{text}\n"));
}

/// A flag that the first Ctrl-C raises; the second ends the program at once.
fn stop_on_ctrl_c() -> Result<StopFlag, CommandError> {
    let stop = StopFlag::new();
    let flag = stop.clone();
    let handler = move || {
        if flag.is_stopped() {
            std::process::exit(i32::from(INTERRUPTED));
        }
        flag.stop();
    };
    ctrlc::set_handler(handler).map_err(|error| CommandError::Failed(format!("cannot watch for Ctrl-C: {error}")))?;
    Ok(stop)
}
