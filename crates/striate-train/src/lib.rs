//! The training loop, its checkpoints, and the folder of runs.
//!
//! A training is a [`TrainConfig`] turned into a [`Run`] (a folder) by [`train`]; [`resume`] goes on with a run that was
//! stopped or killed and ends bit for bit as if it had not been; [`Evaluation`] measures a finished run on its test
//! part; [`Predictor`] answers for single pictures.
//!
//! What decides nothing about the result: the number of threads, the moment of a checkpoint, an interruption. What is
//! read once, at the very end: the test part.

mod atomic;
mod checkpoint;
mod config;
mod error;
mod evaluate;
mod event;
mod find_lr;
mod fit;
mod groups;
mod input;
mod names;
mod predict;
mod progress;
mod run;
mod schedule;
mod settings;
mod sheet;
mod store;
mod trainer;
mod weights;

pub use config::{OptimizerKind, Precision, Recipe, Source, TrainConfig};
pub use error::TrainError;
pub use evaluate::{ClassScore, Evaluation, Mistake};
pub use event::{Event, Summary};
pub use find_lr::{LrCurve, LrPoint, LrRange, find_learning_rate};
pub use fit::{Outcome, StopFlag, resume, train};
pub use groups::GroupConfig;
pub use input::{InputCard, Preparation};
pub use predict::{Prediction, Predictor};
pub use run::{Run, RunLock, Status};
pub use schedule::{ScheduleKind, ScheduleOptions};
pub use store::RunStore;
pub use weights::{check_weights, import_weights, read_weights};
