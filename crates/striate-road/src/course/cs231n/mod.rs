//! Stanford's CS231n, "Deep Learning for Computer Vision", as its assignments were from 2016 to today.

pub(super) mod adam;
mod attention;
pub(super) mod convolution;
mod dropout;
mod layers;
mod linear;
mod neighbours;
mod normalisation;
mod optimisers;
mod recurrent;

use super::CourseFunction;

const FIRST: &str = "assignment 1";
const SECOND: &str = "assignment 2";
const THIRD: &str = "the recurrent layers";
const TORCH: &str = "the recurrent layers in PyTorch";

/// All functions, in the order of the course.
pub(super) fn functions() -> Vec<CourseFunction> {
    [
        neighbours::functions(),
        linear::functions(),
        layers::functions(),
        optimisers::functions(),
        normalisation::functions(),
        dropout::functions(),
        convolution::functions(),
        recurrent::functions(),
        attention::functions(),
    ]
    .concat()
}
