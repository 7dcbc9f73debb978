//! The local web app: map, stations, labs, runs, the digit room.
//!
//! [`Studio::bind`] takes a loopback port, [`Studio::serve`] answers until told to stop. Pages are rendered here from
//! compiled templates; what moves on them (labs, curves, the state of an exercise) comes over WebSockets from the same
//! process, so that a lab in the browser, a check and a training run share one engine.

mod checker;
mod guard;
mod labs;
mod live;
mod news;
mod pages;
mod runs;
mod server;
mod standing;
mod trainer;
mod verdict;

pub use checker::Program;
pub use server::{Stop, Studio, StudioConfig, StudioError};
