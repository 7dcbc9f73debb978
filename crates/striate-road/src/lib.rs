//! Stations, exercises, the check that names mistakes, progress.

pub mod exercise;
pub mod exercises;
pub mod map;
pub mod progress;
pub mod runner;
pub mod value;

pub use map::Road;
