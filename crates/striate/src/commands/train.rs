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
    Event, LrRange, OptimizerKind, Outcome, Precision, Recipe, RunStore, ScheduleKind, Source, StopFlag, TrainConfig,
    TrainError, resume, train,
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

    /// Share of each target that is spread over all classes [default: depends on the model].
    #[arg(long, value_name = "SHARE", conflicts_with = "resume")]
    label_smoothing: Option<f64>,

    /// Course of the learning rate over the training.
    #[arg(long, value_parser = named::<ScheduleKind>(ScheduleKind::NAMES), conflicts_with = "resume")]
    schedule: Option<ScheduleKind>,

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
    #[arg(long, value_parser = named::<Precision>(Precision::NAMES), default_value = "f32", conflicts_with = "resume")]
    precision: Precision,

    /// Change the images a little each time: shift (2 pixels) or affine (shift, turn by 10 degrees, scale by a tenth).
    #[arg(long, value_enum, conflicts_with = "resume")]
    augment: Option<Augment>,

    /// Seed of everything random.
    #[arg(long, default_value_t = 0, conflicts_with = "resume")]
    seed: u64,

    /// Threads to compute with [default: all cores]. The result does not depend on it.
    #[arg(long, value_name = "N", conflicts_with = "resume")]
    threads: Option<usize>,

    /// The images.
    #[arg(long, value_enum, default_value = "mnist", conflicts_with_all = ["data", "resume"])]
    dataset: BuiltIn,

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
        let model = self.model.unwrap_or(self.recipe.model());
        let mut config = TrainConfig::new(model);
        config.dataset = source(self.data.as_deref(), self.dataset)?;
        if let Some(optimizer) = self.optimizer {
            config.optimizer = optimizer;
            config.learning_rate = TrainConfig::learning_rate_for(model, optimizer);
        }
        config.epochs = self.epochs.unwrap_or(config.epochs);
        config.batch_size = self.batch_size.unwrap_or(config.batch_size);
        config.learning_rate = self.learning_rate.unwrap_or(config.learning_rate);
        config.weight_decay = self.weight_decay.unwrap_or(config.weight_decay);
        config.label_smoothing = self.label_smoothing.unwrap_or(config.label_smoothing);
        config.schedule = self.schedule.unwrap_or(config.schedule);
        config.clip_norm = self.clip_norm;
        config.initial_weights = self.init.as_deref().map(absolute).transpose()?;
        config.initial_partial = self.init_partial;
        config.precision = self.precision;
        config.augmentation = match self.augment {
            Some(Augment::None) => Augmentation::NONE,
            Some(Augment::Shift) => Augmentation::SHIFT,
            Some(Augment::Affine) => Augmentation::AFFINE,
            None => config.augmentation,
        };
        config.seed = self.seed;
        config.threads = self.threads;
        config.train_limit = self.train_limit;
        config.checkpoint_seconds = self.checkpoint_every.unwrap_or(config.checkpoint_seconds);
        config.name = self.name.clone();
        Ok(config)
    }
}

/// The images that the options name.
pub(super) fn source(folder: Option<&Path>, built_in: BuiltIn) -> Result<Source, CommandError> {
    Ok(match (folder, built_in) {
        (Some(folder), _) => Source::Directory(absolute(folder)?),
        (None, BuiltIn::Mnist) => Source::Mnist,
        (None, BuiltIn::Fashion) => Source::Fashion,
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
