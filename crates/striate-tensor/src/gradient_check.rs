//! Checking gradients against central differences.

use crate::{DType, Tensor, no_grad};

/// Step of the differences: the error of central differences is about the square of it, that of rounding about
/// 1e-16 over it.
const STEP: f64 = 1e-5;
/// Largest difference that passes, absolute and relative to the size of the derivative.
const TOLERANCE: f64 = 1e-6;

/// Where autograd and the differences disagree.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error(
    "the derivative by element {element} of input {input} is {numeric:.9} by central differences, autograd says \
     {analytic:.9}"
)]
pub struct GradientMismatch {
    /// Which input.
    pub input: usize,
    /// Which of its elements, in row-major order.
    pub element: usize,
    /// The derivative by central differences.
    pub numeric: f64,
    /// The derivative by autograd.
    pub analytic: f64,
}

/// Compares the gradients of `function` with respect to all `f64` inputs with central differences.
///
/// The output, of any shape, is reduced to one number by fixed weights that all differ, so that gradients which end up
/// at the wrong element are noticed. Inputs of other dtypes are passed as they are. The function must be smooth around
/// the inputs.
///
/// ```
/// use striate_tensor::{Tensor, gradient_check::check_gradients};
/// let x = Tensor::from_slice(&[0.3f64, -1.2], &[2]);
/// check_gradients(&[x], |inputs| inputs[0].tanh())?;
/// # Ok::<(), striate_tensor::gradient_check::GradientMismatch>(())
/// ```
///
/// # Errors
/// The first element whose derivatives differ.
///
/// # Panics
/// When `function` does, or its output is not `f64`.
pub fn check_gradients(inputs: &[Tensor], function: impl Fn(&[Tensor]) -> Tensor) -> Result<(), GradientMismatch> {
    let leaves: Vec<Tensor> = inputs
        .iter()
        .map(|input| {
            let leaf = input.detach();
            if input.dtype() == DType::F64 { leaf.requires_grad_(true) } else { leaf }
        })
        .collect();
    weighted_sum(&function(&leaves)).backward();
    for (input, leaf) in leaves.iter().enumerate().filter(|(_, leaf)| leaf.requires_grad()) {
        let gradient = leaf.grad().map_or_else(|| vec![0.0; leaf.numel()], |gradient| gradient.to_vec::<f64>());
        let values = leaf.to_vec::<f64>();
        for (element, &analytic) in gradient.iter().enumerate() {
            let at = |value: f64| {
                let mut values = values.clone();
                values[element] = value;
                let mut arguments = inputs.to_vec();
                arguments[input] = Tensor::from_slice(&values, leaf.shape());
                no_grad(|| weighted_sum(&function(&arguments)).item::<f64>())
            };
            let numeric = (at(values[element] + STEP) - at(values[element] - STEP)) / (2.0 * STEP);
            let difference = (numeric - analytic).abs();
            if difference.is_nan() || difference > TOLERANCE * numeric.abs().max(1.0) {
                return Err(GradientMismatch { input, element, numeric, analytic });
            }
        }
    }
    Ok(())
}

/// The sum of all elements, each with a weight of its own between 0.5 and 1.5.
fn weighted_sum(output: &Tensor) -> Tensor {
    // Multiples of the golden ratio modulo 1 are spread evenly and never repeat.
    let weights: Vec<f64> = (0..output.numel()).map(|i| 0.5 + (i as f64 * 0.618_033_988_749_894_9).fract()).collect();
    output.mul(&Tensor::from_slice(&weights, output.shape())).sum_all()
}
