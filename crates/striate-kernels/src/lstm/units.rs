//! What the rows of one block of units do with their gates, forward and backward.
//!
//! Whole blocks and single units are computed by the same lines with a number of lanes known to the compiler: where a block may
//! be shorter, it would work value by value.

use super::product::LstmElement;
use super::{GATES, UNITS};
use crate::Element;
use crate::arch::vectorize;

/// `N` values from place `at` on.
#[inline(always)]
fn take<T: Copy, const N: usize>(from: &[T], at: usize) -> [T; N] {
    *from[at..].first_chunk().expect("as many values as units")
}

#[inline(always)]
fn put<T: Copy, const N: usize>(values: [T; N], to: &mut [T], at: usize) {
    *to[at..].first_chunk_mut().expect("as many places as units") = values;
}

#[inline(always)]
fn each<T: Copy + bytemuck::Zeroable, const N: usize>(mut f: impl FnMut(usize) -> T) -> [T; N] {
    let mut values = [T::zeroed(); N];
    for (i, value) in values.iter_mut().enumerate() {
        *value = f(i);
    }
    values
}

/// Rows of values that do not lie behind each other.
#[derive(Clone, Copy)]
pub(super) struct Apart<'a, T> {
    /// From the first value of the first row on.
    pub data: &'a [T],
    /// From one row to the next.
    pub row: usize,
}

/// What a block's rows are computed from and to at one step; `[rows, units]` where nothing else is said.
pub(super) struct ForwardRows<'a, S: LstmElement> {
    /// `[rows, 4 units]`: the sums behind the gates.
    pub sums: &'a [S::Sum],
    pub old_cells: Apart<'a, S::Sum>,
    /// `[rows, 4 units]`, to write.
    pub gates: &'a mut [S::Sum],
    /// To write.
    pub cells: &'a mut [S::Sum],
    /// To write.
    pub output: &'a mut [S],
}

vectorize! {
    /// The rows of one block, forward.
    pub(super) fn forward_rows[S: LstmElement](rows: ForwardRows<'_, S>, units: usize) {
        let mut rows = rows;
        for row in 0..rows.cells.len() / units {
            if units == UNITS {
                forward_lanes::<S, UNITS>(&mut rows, row, UNITS, 0);
                continue;
            }
            for at in 0..units {
                forward_lanes::<S, 1>(&mut rows, row, units, at);
            }
        }
    }
}

/// `N` of the `units` of a row, from number `at` on.
#[inline(always)]
fn forward_lanes<S: LstmElement, const N: usize>(rows: &mut ForwardRows<'_, S>, row: usize, units: usize, at: usize) {
    let one = S::Sum::ONE;
    let mut values = [[S::Sum::ZERO; N]; GATES];
    for (gate, values) in values.iter_mut().enumerate() {
        let place = row * GATES * units + gate * units + at;
        let sum: [S::Sum; N] = take(rows.sums, place);
        *values = match gate {
            2 => each(|i| sum[i].tanh()),
            _ => each(|i| one / (one + (-sum[i]).exp())),
        };
        put(*values, rows.gates, place);
    }
    let [input, forget, cell, output] = values;
    let old: [S::Sum; N] = take(rows.old_cells.data, row * rows.old_cells.row + at);
    let cells: [S::Sum; N] = each(|i| forget[i] * old[i] + input[i] * cell[i]);
    put(cells, rows.cells, row * units + at);
    put::<S, N>(each(|i| S::narrow(output[i] * cells[i].tanh())), rows.output, row * units + at);
}

/// What a block's rows are computed from and to at one step back; `[rows, units]` where nothing else is said.
pub(super) struct BackwardRows<'a, S: LstmElement> {
    /// `[rows, 4 units]`
    pub gates: &'a [S::Sum],
    pub cells: &'a [S::Sum],
    pub old_cells: Apart<'a, S::Sum>,
    /// The gradient of the output that came in.
    pub grad_output: Apart<'a, S>,
    /// The gradient of the output through the step after.
    pub later: Apart<'a, S::Sum>,
    /// `[rows, 4 units]`, to write: the gradients of the sums behind the gates.
    pub grad_gates: &'a mut [S],
    /// The gradient of the cells, brought one step back.
    pub carried: &'a mut [S::Sum],
    /// `[4 units]`: the gradients of the gates are added to it.
    pub grad_bias: &'a mut [S::Sum],
}

vectorize! {
    /// The rows of one block, backward.
    pub(super) fn backward_rows[S: LstmElement](rows: BackwardRows<'_, S>, units: usize) {
        let mut rows = rows;
        if units == UNITS {
            return backward_lanes::<S, UNITS>(&mut rows, UNITS, 0);
        }
        for at in 0..units {
            backward_lanes::<S, 1>(&mut rows, units, at);
        }
    }
}

/// `N` of the `units` of all rows, from number `at` on.
#[inline(always)]
fn backward_lanes<S: LstmElement, const N: usize>(rows: &mut BackwardRows<'_, S>, units: usize, at: usize) {
    let one = S::Sum::ONE;
    let [mut sums, zeros] = [[[S::Sum::ZERO; N]; GATES]; 2];
    for (gate, sum) in sums.iter_mut().enumerate() {
        *sum = take(rows.grad_bias, gate * units + at);
    }
    for row in 0..rows.cells.len() / units {
        let mut gates = zeros;
        for (gate, values) in gates.iter_mut().enumerate() {
            *values = take(rows.gates, row * GATES * units + gate * units + at);
        }
        let [input, forget, cell, output] = gates;
        let now: [S::Sum; N] = take(rows.cells, row * units + at);
        let before: [S::Sum; N] = take(rows.old_cells.data, row * rows.old_cells.row + at);
        let direct: [S; N] = take(rows.grad_output.data, row * rows.grad_output.row + at);
        let later: [S::Sum; N] = take(rows.later.data, row * rows.later.row + at);
        let carried: [S::Sum; N] = take(rows.carried, row * units + at);
        let grad: [S::Sum; N] = each(|i| direct[i].widen() + later[i]);
        let bent: [S::Sum; N] = each(|i| now[i].tanh());
        let grad_cell: [S::Sum; N] = each(|i| carried[i] + grad[i] * output[i] * (one - bent[i] * bent[i]));
        let results: [[S::Sum; N]; GATES] = [
            each(|i| grad_cell[i] * cell[i] * (input[i] * (one - input[i]))),
            each(|i| grad_cell[i] * before[i] * (forget[i] * (one - forget[i]))),
            each(|i| grad_cell[i] * input[i] * (one - cell[i] * cell[i])),
            each(|i| grad[i] * bent[i] * (output[i] * (one - output[i]))),
        ];
        for (gate, (result, sum)) in results.into_iter().zip(&mut sums).enumerate() {
            put::<S, N>(each(|i| S::narrow(result[i])), rows.grad_gates, row * GATES * units + gate * units + at);
            *sum = each(|i| sum[i] + result[i]);
        }
        put::<S::Sum, N>(each(|i| grad_cell[i] * forget[i]), rows.carried, row * units + at);
    }
    for (gate, sum) in sums.into_iter().enumerate() {
        put(sum, rows.grad_bias, gate * units + at);
    }
}
