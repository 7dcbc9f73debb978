//! deeplearning.ai's Deep Learning Specialization: the notebooks of courses 1, 2, 4 and the cells of course 5.
//!
//! In these courses a column is an example, and images have their channels last.

mod basics;
mod columns;
mod convolution;
mod gradient_checking;
mod initialisers;
mod network;
mod optimisers;
mod recurrent;
mod regularisation;
mod sequences;

use super::CourseFunction;

const BASICS: &str = "course 1, week 2";
const SHALLOW: &str = "course 1, week 3";
const DEEP: &str = "course 1, week 4";
const REGULARISATION: &str = "course 2, week 1";
const OPTIMISERS: &str = "course 2, week 2";
const CONVOLUTION: &str = "course 4, week 1";
const SEQUENCES: &str = "course 5, week 1";

/// All functions, in the order of the courses.
pub(super) fn functions() -> Vec<CourseFunction> {
    [
        basics::functions(),
        initialisers::functions(),
        network::functions(),
        regularisation::functions(),
        gradient_checking::functions(),
        optimisers::functions(),
        convolution::functions(),
        recurrent::functions(),
        sequences::functions(),
    ]
    .concat()
}

/// Whether the first parameter has this name.
fn begins_with(parameters: &[String], name: &str) -> bool {
    parameters.first().is_some_and(|first| first == name)
}
