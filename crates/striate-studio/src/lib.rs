//! The local web app: map, stations, labs, runs, the digit room.
//!
//! [`Studio::bind`] takes a loopback port, [`Studio::serve`] answers until told to stop. Pages are rendered here from
//! compiled templates; what moves on them (labs, curves, the state of an exercise) comes over WebSockets from the same
//! process, so that a lab in the browser, a check and a training run share one engine.

mod guard;
mod labs;
mod live;
mod pages;
mod runs;
mod server;
mod standing;
mod trainer;

pub use server::{Stop, Studio, StudioConfig, StudioError};
