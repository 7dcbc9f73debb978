//! Softmax and its logarithm over the rows of `[rows, columns]`, with gradients.
//!
//! The row maximum is subtracted first, so large logits do not overflow. A row with NaN gives NaN.

use crate::Element;
use crate::arch::vectorized;
use crate::pointwise::{GRAIN, fold_lanes};
use crate::threads::parallel_chunks_mut;

/// Runs `body(first element, rows)` on pieces of whole rows of `out`.
fn for_each_piece<T: Element>(out: &mut [T], columns: usize, body: &(impl Fn(usize, &mut [T]) + Sync)) {
    if out.is_empty() {
        return;
    }
    assert!(columns > 0 && out.len().is_multiple_of(columns), "softmax: {} values in {columns} columns", out.len());
    let chunk_len = (GRAIN / 4 / columns).max(1) * columns;
    parallel_chunks_mut(out, chunk_len, &|chunk, rows| vectorized(|| body(chunk * chunk_len, rows)));
}

/// Rows from this length on are folded in many lanes.
const LONG: usize = 128;

/// The greatest value. NaN is passed over: it comes back with the exponentials.
#[inline(always)]
fn row_max<T: Element>(row: &[T]) -> T {
    let greater = |a: T, b: T| if b > a { b } else { a };
    match row.len() >= LONG {
        true => fold_lanes::<T, 64>(row, T::NEG_INFINITY, greater, greater),
        false => fold_lanes::<T, 4>(row, T::NEG_INFINITY, greater, greater),
    }
}

#[inline(always)]
fn row_sum<T: Element>(row: &[T]) -> T {
    let add = |a, b| a + b;
    match row.len() >= LONG {
        true => fold_lanes::<T, 64>(row, T::ZERO, add, add),
        false => fold_lanes::<T, 4>(row, T::ZERO, add, add),
    }
}

/// Writes `exp(x - max)`, `max` being that of the row.
#[inline(always)]
fn shifted_exp<T: Element>(x: &[T], columns: usize, out: &mut [T]) {
    for (out, x) in out.chunks_exact_mut(columns).zip(x.chunks_exact(columns)) {
        let max = row_max(x);
        for (out, &x) in out.iter_mut().zip(x) {
            *out = x - max;
        }
    }
    // In one go over all rows: short rows would leave vectors half empty.
    out.iter_mut().for_each(|out| *out = out.exp());
}

/// `out[r, c] = exp(x[r, c]) / sum over j of exp(x[r, j])`.
///
/// # Panics
/// If the lengths do not fit.
pub fn softmax_rows<T: Element>(x: &[T], columns: usize, out: &mut [T]) {
    assert_eq!(x.len(), out.len(), "softmax: lengths differ");
    for_each_piece(out, columns, &|start, out| {
        shifted_exp(&x[start..start + out.len()], columns, out);
        for out in out.chunks_exact_mut(columns) {
            let sum = row_sum(out);
            out.iter_mut().for_each(|out| *out /= sum);
        }
    });
}

/// `out[r, c] = x[r, c] - log(sum over j of exp(x[r, j]))`.
///
/// # Panics
/// If the lengths do not fit.
pub fn log_softmax_rows<T: Element>(x: &[T], columns: usize, out: &mut [T]) {
    assert_eq!(x.len(), out.len(), "log_softmax: lengths differ");
    for_each_piece(out, columns, &|start, out| {
        let x = &x[start..start + out.len()];
        shifted_exp(x, columns, out);
        for (out, x) in out.chunks_exact_mut(columns).zip(x.chunks_exact(columns)) {
            let (max, log_sum) = (row_max(x), row_sum(out).ln());
            for (out, &x) in out.iter_mut().zip(x) {
                *out = x - max - log_sum;
            }
        }
    });
}

/// The gradient of [`softmax_rows`] from its output `y`: `dx = y * (dy - sum(dy * y))`. Overwrites `grad_input`.
///
/// # Panics
/// If the lengths do not fit.
pub fn softmax_backward_rows<T: Element>(y: &[T], grad_output: &[T], columns: usize, grad_input: &mut [T]) {
    assert!(y.len() == grad_output.len() && y.len() == grad_input.len(), "softmax: lengths differ");
    for_each_piece(grad_input, columns, &|start, out| {
        let (y, grad) = (&y[start..start + out.len()], &grad_output[start..start + out.len()]);
        let rows = y.chunks_exact(columns).zip(grad.chunks_exact(columns));
        for (out, (y, grad)) in out.chunks_exact_mut(columns).zip(rows) {
            for ((out, &y), &grad) in out.iter_mut().zip(y).zip(grad) {
                *out = y * grad;
            }
            let dot = row_sum(out);
            for ((out, &y), &grad) in out.iter_mut().zip(y).zip(grad) {
                *out = y * (grad - dot);
            }
        }
    });
}

/// The gradient of [`log_softmax_rows`] from its output `log_y`: `dx = dy - exp(log_y) * sum(dy)`. Overwrites
/// `grad_input`.
///
/// # Panics
/// If the lengths do not fit.
pub fn log_softmax_backward_rows<T: Element>(log_y: &[T], grad_output: &[T], columns: usize, grad_input: &mut [T]) {
    assert!(log_y.len() == grad_output.len() && log_y.len() == grad_input.len(), "log_softmax: lengths differ");
    for_each_piece(grad_input, columns, &|start, out| {
        let grad = &grad_output[start..start + out.len()];
        for (out, &log_y) in out.iter_mut().zip(&log_y[start..]) {
            *out = log_y.exp();
        }
        for (out, grad) in out.chunks_exact_mut(columns).zip(grad.chunks_exact(columns)) {
            let sum = row_sum(grad);
            for (out, &grad) in out.iter_mut().zip(grad) {
                *out = grad - *out * sum;
            }
        }
    });
}
