//! Stations, exercises, the check that names mistakes, progress.

pub mod assignment;
pub mod check;
pub mod course;
pub mod exercise;
pub mod exercises;
pub mod map;
pub mod progress;
pub mod project;
pub mod projects;
pub mod review;
pub mod runner;
pub mod text;
pub mod value;
pub mod workspace;

pub use map::Road;
