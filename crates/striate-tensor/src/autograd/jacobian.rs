//! Whole matrices of derivatives, one row per element of the output.

use super::{GradOptions, grad_with};
use crate::{Tensor, TensorError};

/// The Jacobian of `output` with respect to `input`, a leaf or the result of an operation: the derivative of every element
/// of the one by every element of the other, in the shape of the output followed by that of the input. The graph stays.
///
/// Takes one walk back per element of the output: for small outputs. One row of it, or a sum of rows, is a
/// vector-Jacobian product: [`grad_with`] and its `grad_outputs`.
///
/// ```
/// use striate_tensor::{Tensor, jacobian};
/// let x = Tensor::from_slice(&[1.0f64, 2.0], &[2]).requires_grad_(true);
/// let y = Tensor::stack(&[&x.square().sum_all(), &x.sum_all()], 0);
/// assert_eq!(jacobian(&y, &x)?.to_vec::<f64>(), [2.0, 4.0, 1.0, 1.0]);
/// # Ok::<(), striate_tensor::TensorError>(())
/// ```
///
/// # Errors
/// As [`grad_with`]. An input that the output does not depend on gives zeros.
pub fn jacobian(output: &Tensor, input: &Tensor) -> Result<Tensor, TensorError> {
    rows(output, input)
}

/// The Hessian of a single number with respect to `input`: its second derivatives, in the shape of the input twice. The
/// graph stays.
///
/// ```
/// use striate_tensor::{Tensor, hessian};
/// let x = Tensor::from_slice(&[1.0f64, 2.0], &[2]).requires_grad_(true);
/// let y = x.square().sum_all() * x.narrow(0, 0, 1).sum_all();
/// assert_eq!(hessian(&y, &x)?.to_vec::<f64>(), [6.0, 4.0, 4.0, 2.0]);
/// # Ok::<(), striate_tensor::TensorError>(())
/// ```
///
/// # Errors
/// As [`grad_with`] with `create_graph`; also when `output` has more than one element.
pub fn hessian(output: &Tensor, input: &Tensor) -> Result<Tensor, TensorError> {
    if output.numel() != 1 {
        return Err(TensorError::shape(
            "hessian",
            format!("the output must be a single number, got shape {:?}", output.shape()),
            "take the Hessian of one element at a time, or of a sum",
        ));
    }
    let options = GradOptions { create_graph: true, ..GradOptions::default() };
    let gradient = grad_with(&[output], &[input], options)?.pop().flatten();
    match gradient.filter(Tensor::requires_grad) {
        Some(gradient) => rows(&gradient, input),
        None => Ok(Tensor::zeros(&[input.shape(), input.shape()].concat(), input.dtype())),
    }
}

fn rows(output: &Tensor, input: &Tensor) -> Result<Tensor, TensorError> {
    let count = output.numel();
    let mut rows = Vec::with_capacity(count);
    for i in 0..count {
        let unit = Tensor::from_vec(vec![i as i64], &[]).try_one_hot(count)?.try_to_dtype(output.dtype())?;
        let unit = unit.try_reshape(output.shape())?;
        let options = GradOptions { grad_outputs: Some(&[&unit]), retain_graph: true, create_graph: false };
        let row = grad_with(&[output], &[input], options)?.pop().flatten();
        rows.push(row.unwrap_or_else(|| input.zeros_like()));
    }
    let shape = [output.shape(), input.shape()].concat();
    if rows.is_empty() {
        return Ok(Tensor::zeros(&shape, input.dtype()));
    }
    Tensor::try_stack(&rows.iter().collect::<Vec<_>>(), 0)?.try_reshape(&shape)
}
