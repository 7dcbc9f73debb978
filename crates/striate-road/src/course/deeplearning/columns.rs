//! Arrays whose columns are examples and whose last axis is time, as the recurrent cells take them, and back.

use ndarray::{Array2, Array3, Axis, concatenate, s};

use super::super::cells::Weights;
use super::super::values::{cube, matrix};
use crate::value::Value;

/// An argument with a row per example.
pub(super) fn rows(arguments: &[Value], index: usize) -> Array2<f64> {
    turned(&matrix(arguments, index))
}

pub(super) fn turned(x: &Array2<f64>) -> Array2<f64> {
    x.t().as_standard_layout().into_owned()
}

/// `[n, m, T]` as its steps.
pub(super) fn steps_of(arguments: &[Value], index: usize) -> Vec<Array2<f64>> {
    cube(arguments, index).axis_iter(Axis(2)).map(|step| turned(&step.to_owned())).collect()
}

/// Steps as `[n, m, T]`.
pub(super) fn over_steps<'a>(steps: impl IntoIterator<Item = &'a Array2<f64>>) -> Array3<f64> {
    let steps: Vec<_> = steps.into_iter().map(|step| step.t()).collect();
    ndarray::stack(Axis(2), &steps).expect("steps of one shape")
}

/// The weights of the plain cell, from those of the input, of the state, and the bias.
pub(super) fn plain_weights(arguments: &[Value], [input, state, bias]: [usize; 3]) -> Weights {
    let [x, h] = [input, state].map(|at| rows(arguments, at));
    Weights { x, h, b: matrix(arguments, bias).column(0).to_owned() }
}

/// The weights of the LSTM, from those of state and input side by side, and the bias.
pub(super) fn joined_weights(arguments: &[Value], first: usize, input_first: bool) -> Weights {
    let (w, b) = (matrix(arguments, first), matrix(arguments, first + 1));
    let (units, width) = (w.nrows() / 4, w.ncols());
    let cut = if input_first { width - units } else { units };
    let [left, right] = [w.slice(s![.., ..cut]), w.slice(s![.., cut..])].map(|part| turned(&part.to_owned()));
    let (x, h) = if input_first { (left, right) } else { (right, left) };
    Weights { x, h, b: b.column(0).to_owned() }
}

/// A bias as the column that it is in these courses.
pub(super) fn column(b: &ndarray::Array1<f64>) -> Array2<f64> {
    b.clone().insert_axis(Axis(1))
}

/// Gradients of the LSTM's weights as the course has them.
pub(super) fn joined(weights: &Weights) -> [Value; 2] {
    [concatenate![Axis(1), weights.h.t(), weights.x.t()].into(), column(&weights.b).into()]
}
