//! What one row of one block of units does with its gates, forward and backward.
//!
//! Whole blocks and single units are computed by the same lines with a number of lanes known to the compiler: where a block may
//! be shorter, it would work value by value.

use super::{GATES, UNITS};
use crate::Element;
use crate::arch::vectorize;

/// `N` values from place `at` on.
#[inline(always)]
fn take<T: Element, const N: usize>(from: &[T], at: usize) -> [T; N] {
    *from[at..].first_chunk().expect("as many values as units")
}

#[inline(always)]
fn put<T: Element, const N: usize>(values: [T; N], to: &mut [T], at: usize) {
    to[at..at + N].copy_from_slice(&values);
}

#[inline(always)]
fn each<T: Element, const N: usize>(mut f: impl FnMut(usize) -> T) -> [T; N] {
    let mut values = [T::ZERO; N];
    for (i, value) in values.iter_mut().enumerate() {
        *value = f(i);
    }
    values
}

vectorize! {
    /// One row of one block: `gates` holds the input's part and becomes the gates.
    pub(super) fn forward_units[T: Element](gates: &mut [T], product: &[T], bias: &[T], old_cells: &[T], new: (&mut [T], &mut [T])) {
        let units = new.0.len();
        if units == UNITS {
            return forward_lanes::<T, UNITS>(gates, [product, bias, old_cells], new, UNITS, 0);
        }
        for at in 0..units {
            forward_lanes::<T, 1>(gates, [product, bias, old_cells], (&mut *new.0, &mut *new.1), units, at);
        }
    }
}

/// `N` of the `units` of a block, from number `at` on.
#[inline(always)]
fn forward_lanes<T: Element, const N: usize>(
    gates: &mut [T],
    [product, bias, old_cells]: [&[T]; 3],
    new: (&mut [T], &mut [T]),
    units: usize,
    at: usize,
) {
    let mut values = [[T::ZERO; N]; GATES];
    for (gate, values) in values.iter_mut().enumerate() {
        let at = gate * units + at;
        let [x, h, b]: [[T; N]; 3] = [take(gates, at), take(product, at), take(bias, at)];
        let sum: [T; N] = each(|i| x[i] + h[i] + b[i]);
        *values = match gate {
            2 => each(|i| sum[i].tanh()),
            _ => each(|i| T::ONE / (T::ONE + (-sum[i]).exp())),
        };
        put(*values, gates, at);
    }
    let [input, forget, cell, output] = values;
    let old: [T; N] = take(old_cells, at);
    let cells: [T; N] = each(|i| forget[i] * old[i] + input[i] * cell[i]);
    put(cells, new.0, at);
    put::<T, N>(each(|i| output[i] * cells[i].tanh()), new.1, at);
}

vectorize! {
    /// One row of one block: gates, cells now and before, the two parts of the output's gradient; writes the gradients of the
    /// gates and brings that of the cell one step back.
    pub(super) fn backward_units[T: Element](gates: &[T], cells: [&[T]; 2], grads: [&[T]; 2], new: (&mut [T], &mut [T])) {
        let units = new.1.len();
        if units == UNITS {
            return backward_lanes::<T, UNITS>(gates, cells, grads, new, UNITS, 0);
        }
        for at in 0..units {
            backward_lanes::<T, 1>(gates, cells, grads, (&mut *new.0, &mut *new.1), units, at);
        }
    }
}

/// `N` of the `units` of a block, from number `at` on.
#[inline(always)]
fn backward_lanes<T: Element, const N: usize>(
    gates: &[T],
    cells: [&[T]; 2],
    grads: [&[T]; 2],
    new: (&mut [T], &mut [T]),
    units: usize,
    at: usize,
) {
    let gate = |g: usize| -> [T; N] { take(gates, g * units + at) };
    let [input, forget, cell, output] = [gate(0), gate(1), gate(2), gate(3)];
    let [now, before]: [[T; N]; 2] = cells.map(|cells| take(cells, at));
    let [direct, later]: [[T; N]; 2] = grads.map(|grad| take(grad, at));
    let carried: [T; N] = take(new.1, at);
    let grad: [T; N] = each(|i| direct[i] + later[i]);
    let bent: [T; N] = each(|i| now[i].tanh());
    let grad_cell: [T; N] = each(|i| carried[i] + grad[i] * output[i] * (T::ONE - bent[i] * bent[i]));
    let results: [[T; N]; GATES] = [
        each(|i| grad_cell[i] * cell[i] * (input[i] * (T::ONE - input[i]))),
        each(|i| grad_cell[i] * before[i] * (forget[i] * (T::ONE - forget[i]))),
        each(|i| grad_cell[i] * input[i] * (T::ONE - cell[i] * cell[i])),
        each(|i| grad[i] * bent[i] * (output[i] * (T::ONE - output[i]))),
    ];
    for (g, result) in results.into_iter().enumerate() {
        put(result, new.0, g * units + at);
    }
    put::<T, N>(each(|i| grad_cell[i] * forget[i]), new.1, at);
}
