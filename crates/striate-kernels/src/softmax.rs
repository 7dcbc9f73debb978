//! Softmax and its logarithm over the rows of `[rows, columns]`, with gradients.
//!
//! The row maximum is subtracted first, so large logits do not overflow. A row with NaN gives NaN.

use crate::Element;
use crate::pointwise::GRAIN;
use crate::threads::parallel_chunks_mut;

/// Runs `body(first element, row)` on each row of `out`.
fn for_each_row<T: Element>(out: &mut [T], columns: usize, body: &(impl Fn(usize, &mut [T]) + Sync)) {
    if out.is_empty() {
        return;
    }
    assert!(columns > 0 && out.len().is_multiple_of(columns), "softmax: {} values in {columns} columns", out.len());
    let chunk_len = (GRAIN / 4 / columns).max(1) * columns;
    parallel_chunks_mut(out, chunk_len, &|chunk, rows| {
        for (row, out) in rows.chunks_exact_mut(columns).enumerate() {
            body(chunk * chunk_len + row * columns, out);
        }
    });
}

fn row_max<T: Element>(row: &[T]) -> T {
    row.iter().fold(T::NEG_INFINITY, |max, &x| max.maximum(x))
}

/// `out[r, c] = exp(x[r, c]) / sum over j of exp(x[r, j])`.
///
/// # Panics
/// If the lengths do not fit.
pub fn softmax_rows<T: Element>(x: &[T], columns: usize, out: &mut [T]) {
    assert_eq!(x.len(), out.len(), "softmax: lengths differ");
    for_each_row(out, columns, &|start, out| {
        let x = &x[start..start + columns];
        let max = row_max(x);
        let mut sum = T::ZERO;
        for (out, &x) in out.iter_mut().zip(x) {
            *out = (x - max).exp();
            sum += *out;
        }
        out.iter_mut().for_each(|out| *out /= sum);
    });
}

/// `out[r, c] = x[r, c] - log(sum over j of exp(x[r, j]))`.
///
/// # Panics
/// If the lengths do not fit.
pub fn log_softmax_rows<T: Element>(x: &[T], columns: usize, out: &mut [T]) {
    assert_eq!(x.len(), out.len(), "log_softmax: lengths differ");
    for_each_row(out, columns, &|start, out| {
        let x = &x[start..start + columns];
        let max = row_max(x);
        let log_sum = x.iter().map(|&x| (x - max).exp()).sum::<T>().ln();
        for (out, &x) in out.iter_mut().zip(x) {
            *out = x - max - log_sum;
        }
    });
}

/// The gradient of [`softmax_rows`] from its output `y`: `dx = y * (dy - sum(dy * y))`. Overwrites `grad_input`.
///
/// # Panics
/// If the lengths do not fit.
pub fn softmax_backward_rows<T: Element>(y: &[T], grad_output: &[T], columns: usize, grad_input: &mut [T]) {
    assert!(y.len() == grad_output.len() && y.len() == grad_input.len(), "softmax: lengths differ");
    for_each_row(grad_input, columns, &|start, out| {
        let (y, grad) = (&y[start..start + columns], &grad_output[start..start + columns]);
        let dot = y.iter().zip(grad).map(|(&y, &grad)| y * grad).sum::<T>();
        for ((out, &y), &grad) in out.iter_mut().zip(y).zip(grad) {
            *out = y * (grad - dot);
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
    for_each_row(grad_input, columns, &|start, out| {
        let (log_y, grad) = (&log_y[start..start + columns], &grad_output[start..start + columns]);
        let sum = grad.iter().copied().sum::<T>();
        for ((out, &log_y), &grad) in out.iter_mut().zip(log_y).zip(grad) {
            *out = grad - log_y.exp() * sum;
        }
    });
}
