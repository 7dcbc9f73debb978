//! Softmax and its logarithm over the rows of `[rows, columns]`, with gradients.
//!
//! The row maximum is subtracted first, so large logits do not overflow. A row with NaN gives NaN.

use crate::Element;
use crate::arch::vectorize;
use crate::pointwise::{GRAIN, fold_lanes, fold2_lanes};
use crate::streaming::fill_pieces;

/// Runs `body(first element, rows)` on pieces of whole rows of `out`, each computed from `inputs` rows of its length.
fn for_each_piece<T: Element>(out: &mut [T], columns: usize, inputs: usize, body: &(dyn Fn(usize, &mut [T]) + Sync)) {
    if out.is_empty() {
        return;
    }
    assert!(columns > 0 && out.len().is_multiple_of(columns), "softmax: {} values in {columns} columns", out.len());
    let read = inputs * size_of_val(out);
    fill_pieces(out, columns, GRAIN / 4, read, body);
}

/// Rows from this length on are folded in many lanes.
const LONG: usize = 128;

/// The greatest value. NaN is passed over: it comes back with the exponentials.
#[inline(always)]
pub(crate) fn row_max<T: Element>(row: &[T]) -> T {
    let greater = |a: T, b: T| if b > a { b } else { a };
    match row.len() >= LONG {
        true => fold_lanes::<T, 64>(row, T::NEG_INFINITY, greater, greater),
        false => fold_lanes::<T, 4>(row, T::NEG_INFINITY, greater, greater),
    }
}

#[inline(always)]
pub(crate) fn row_sum<T: Element>(row: &[T]) -> T {
    let add = |a, b| a + b;
    match row.len() >= LONG {
        true => fold_lanes::<T, 64>(row, T::ZERO, add, add),
        false => fold_lanes::<T, 4>(row, T::ZERO, add, add),
    }
}

/// The sum of products.
#[inline(always)]
pub(crate) fn row_dot<T: Element>(x: &[T], y: &[T]) -> T {
    let add = |a, b| a + b;
    match x.len() >= LONG {
        true => fold2_lanes::<T, 64>(x, y, |sum, x, y| sum + x * y, add),
        false => fold2_lanes::<T, 4>(x, y, |sum, x, y| sum + x * y, add),
    }
}

/// Writes `exp(x - max)`, `max` being that of the row.
#[inline(always)]
fn shifted_exp<T: Element>(x: &[T], columns: usize, out: &mut [T]) {
    if columns >= LONG {
        for (out, x) in out.chunks_exact_mut(columns).zip(x.chunks_exact(columns)) {
            let max = row_max(x);
            for (out, &x) in out.iter_mut().zip(x) {
                *out = (x - max).exp();
            }
        }
        return;
    }
    for (out, x) in out.chunks_exact_mut(columns).zip(x.chunks_exact(columns)) {
        let max = row_max(x);
        for (out, &x) in out.iter_mut().zip(x) {
            *out = x - max;
        }
    }
    // In one go over all rows: short rows would leave vectors half empty.
    out.iter_mut().for_each(|out| *out = out.exp());
}

vectorize! {
    fn softmax_piece[T: Element](x: &[T], columns: usize, out: &mut [T]) {
        shifted_exp(x, columns, out);
        for out in out.chunks_exact_mut(columns) {
            let inverse = T::ONE / row_sum(out);
            out.iter_mut().for_each(|out| *out *= inverse);
        }
    }
}

vectorize! {
    fn log_softmax_piece[T: Element](x: &[T], columns: usize, out: &mut [T]) {
        shifted_exp(x, columns, out);
        for (out, x) in out.chunks_exact_mut(columns).zip(x.chunks_exact(columns)) {
            let (max, log_sum) = (row_max(x), row_sum(out).ln());
            for (out, &x) in out.iter_mut().zip(x) {
                *out = x - max - log_sum;
            }
        }
    }
}

vectorize! {
    fn softmax_backward_piece[T: Element](y: &[T], grad: &[T], columns: usize, out: &mut [T]) {
        let rows = y.chunks_exact(columns).zip(grad.chunks_exact(columns));
        for (out, (y, grad)) in out.chunks_exact_mut(columns).zip(rows) {
            let dot = row_dot(y, grad);
            for ((out, &y), &grad) in out.iter_mut().zip(y).zip(grad) {
                *out = y * (grad - dot);
            }
        }
    }
}

vectorize! {
    fn log_softmax_backward_piece[T: Element](log_y: &[T], grad: &[T], columns: usize, out: &mut [T]) {
        for (out, &log_y) in out.iter_mut().zip(log_y) {
            *out = log_y.exp();
        }
        for (out, grad) in out.chunks_exact_mut(columns).zip(grad.chunks_exact(columns)) {
            let sum = row_sum(grad);
            for (out, &grad) in out.iter_mut().zip(grad) {
                *out = grad - *out * sum;
            }
        }
    }
}

/// `out[r, c] = exp(x[r, c]) / sum over j of exp(x[r, j])`.
///
/// # Panics
/// If the lengths do not fit.
pub fn softmax_rows<T: Element>(x: &[T], columns: usize, out: &mut [T]) {
    assert_eq!(x.len(), out.len(), "softmax: lengths differ");
    for_each_piece(out, columns, 1, &|start, out| softmax_piece(&x[start..start + out.len()], columns, out));
}

/// `out[r, c] = x[r, c] - log(sum over j of exp(x[r, j]))`.
///
/// # Panics
/// If the lengths do not fit.
pub fn log_softmax_rows<T: Element>(x: &[T], columns: usize, out: &mut [T]) {
    assert_eq!(x.len(), out.len(), "log_softmax: lengths differ");
    for_each_piece(out, columns, 1, &|start, out| log_softmax_piece(&x[start..start + out.len()], columns, out));
}

/// The gradient of [`softmax_rows`] from its output `y`: `dx = y * (dy - sum(dy * y))`. Overwrites `grad_input`.
///
/// # Panics
/// If the lengths do not fit.
pub fn softmax_backward_rows<T: Element>(y: &[T], grad_output: &[T], columns: usize, grad_input: &mut [T]) {
    assert!(y.len() == grad_output.len() && y.len() == grad_input.len(), "softmax: lengths differ");
    for_each_piece(grad_input, columns, 2, &|start, out| {
        let range = start..start + out.len();
        softmax_backward_piece(&y[range.clone()], &grad_output[range], columns, out);
    });
}

/// The gradient of [`log_softmax_rows`] from its output `log_y`: `dx = dy - exp(log_y) * sum(dy)`. Overwrites
/// `grad_input`.
///
/// # Panics
/// If the lengths do not fit.
pub fn log_softmax_backward_rows<T: Element>(log_y: &[T], grad_output: &[T], columns: usize, grad_input: &mut [T]) {
    assert!(log_y.len() == grad_output.len() && log_y.len() == grad_input.len(), "log_softmax: lengths differ");
    for_each_piece(grad_input, columns, 2, &|start, out| {
        let range = start..start + out.len();
        log_softmax_backward_piece(&log_y[range.clone()], &grad_output[range], columns, out);
    });
}

/// The gradient of the cross-entropy of logits, from their log-probabilities and the target classes:
/// `dx[r, c] = (exp(log_p[r, c]) - chosen * [c = target] - every) * grad[r]`, `grad` being one number for all rows or one for
/// each. The shares `(chosen, every)` are `(1, 0)` without label smoothing. Overwrites `grad_input`.
///
/// # Panics
/// If the lengths do not fit, or a target is no column.
pub fn cross_entropy_backward_rows<T: Element>(
    log_p: &[T],
    targets: &[i64],
    (chosen, every): (T, T),
    grad: &[T],
    columns: usize,
    grad_input: &mut [T],
) {
    assert!(log_p.len() == grad_input.len() && targets.len() * columns == log_p.len(), "cross_entropy: lengths differ");
    assert!(grad.len() == 1 || grad.len() == targets.len(), "cross_entropy: one gradient, or one per row");
    let per_row = usize::from(grad.len() > 1);
    for_each_piece(grad_input, columns, 1, &|start, out| {
        let first = start / columns;
        exp_piece(&log_p[start..start + out.len()], out);
        for (i, out) in out.chunks_exact_mut(columns).enumerate() {
            let grad = grad[(first + i) * per_row];
            out.iter_mut().for_each(|out| *out = (*out - every) * grad);
            out[targets[first + i] as usize] -= chosen * grad;
        }
    });
}

vectorize! {
    fn exp_piece[T: Element](x: &[T], out: &mut [T]) {
        for (out, &x) in out.iter_mut().zip(x) {
            *out = x.exp();
        }
    }
}
