//! Checking gradients against central differences.

use crate::{DType, GradOptions, Tensor, TensorError, enable_grad, grad_with, no_grad};

/// Step of the differences: the error of central differences is about the square of it, that of rounding about
/// 1e-16 over it.
const STEP: f64 = 1e-5;
/// Largest difference that passes, absolute and relative to the size of the derivative.
const TOLERANCE: f64 = 1e-6;

/// How far the derivatives to both sides differ at a kink; a smooth function's differ by about the step.
const KINK: f64 = 1e-3;

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
/// at the wrong element are noticed. Inputs of other dtypes are passed as they are.
///
/// Where the function has a kink (`relu` at 0), the derivatives to the left and to the right differ, and anything from the
/// one to the other passes: all of them are subgradients. Elsewhere the function must be smooth.
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
            let (below, above) = (at(values[element] - STEP), at(values[element] + STEP));
            let numeric = (above - below) / (2.0 * STEP);
            let difference = (numeric - analytic).abs();
            let agree = difference <= TOLERANCE * numeric.abs().max(1.0);
            if !agree && !is_subgradient(analytic, [below, at(values[element]), above]) {
                return Err(GradientMismatch { input, element, numeric, analytic });
            }
        }
    }
    Ok(())
}

/// Whether there is a kink between these neighbouring values, and `slope` lies between the slopes to both sides of it.
fn is_subgradient(slope: f64, [below, here, above]: [f64; 3]) -> bool {
    let (left, right) = ((here - below) / STEP, (above - here) / STEP);
    let (low, high) = (left.min(right), left.max(right));
    let size = low.abs().max(high.abs()).max(1.0);
    // One-sided differences are wrong by about the step.
    let tolerance = 10.0 * STEP * size;
    high - low > KINK * size && slope >= low - tolerance && slope <= high + tolerance
}

/// The derivatives of `function` by the `f64` tensor `x`, by central differences; its output, of any shape, is summed.
///
/// ```
/// use striate_tensor::{Tensor, gradient_check::numeric_gradient};
/// let x = Tensor::from_slice(&[1.0f64, -2.0], &[2]);
/// let gradient = numeric_gradient(&x, |x| x.square()).to_vec::<f64>();
/// assert!((gradient[0] - 2.0).abs() < 1e-9 && (gradient[1] + 4.0).abs() < 1e-9);
/// ```
///
/// # Panics
/// When `function` does, or `x` or its output is not `f64`.
#[track_caller]
pub fn numeric_gradient(x: &Tensor, function: impl Fn(&Tensor) -> Tensor) -> Tensor {
    let values = x.to_vec::<f64>();
    let at = |element: usize, change: f64| {
        let mut values = values.clone();
        values[element] += change;
        no_grad(|| function(&Tensor::from_slice(&values, x.shape())).sum_all().item::<f64>())
    };
    let slope = |element: usize| (at(element, STEP) - at(element, -STEP)) / (2.0 * STEP);
    Tensor::from_vec((0..values.len()).map(slope).collect(), x.shape())
}

/// What [`check_second_gradients`] found wrong.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum SecondGradientError {
    /// An operation inside has no second derivative.
    #[error(transparent)]
    Refused(#[from] TensorError),
    /// The gradients that are recorded are others than those of the ordinary backward pass.
    #[error("the recorded gradient of input {0} differs from the ordinary one")]
    FirstDiffers(usize),
    /// The second derivatives disagree with differences of the first ones; the last input stands for the gradient of the
    /// output.
    #[error("second derivatives: {0}")]
    Mismatch(#[from] GradientMismatch),
}

/// Checks the second derivatives of `function`: that its gradients can be recorded, are the ordinary ones, and have the
/// gradients that central differences of them show, with respect to the `f64` inputs and to the gradient of the output.
///
/// ```
/// use striate_tensor::{Tensor, gradient_check::check_second_gradients};
/// let x = Tensor::from_slice(&[0.3f64, -1.2], &[2]);
/// check_second_gradients(&[x], |inputs| inputs[0].tanh())?;
/// # Ok::<(), striate_tensor::gradient_check::SecondGradientError>(())
/// ```
///
/// # Errors
/// The first thing that is wrong.
///
/// # Panics
/// When `function` does, or its output is not `f64`.
pub fn check_second_gradients(
    inputs: &[Tensor],
    function: impl Fn(&[Tensor]) -> Tensor,
) -> Result<(), SecondGradientError> {
    let floats = || inputs.iter().enumerate().filter(|(_, input)| input.dtype() == DType::F64).map(|(i, _)| i);
    let gradients = |arguments: &[Tensor], create_graph: bool| -> Result<Vec<Tensor>, TensorError> {
        let (gradient, inputs) = arguments.split_last().expect("the gradient of the output comes last");
        enable_grad(|| {
            // Behind an operation, so that differences can be taken with respect to leaves and to plain tensors alike.
            let leaf = |x: &Tensor| {
                if x.dtype() == DType::F64 && !x.requires_grad() { x.detach().requires_grad_(true) } else { x.clone() }
            };
            let inputs: Vec<Tensor> = inputs.iter().map(leaf).collect();
            let output = function(&inputs);
            let wanted: Vec<&Tensor> = floats().map(|i| &inputs[i]).collect();
            let options = GradOptions { grad_outputs: Some(&[gradient]), retain_graph: false, create_graph };
            let found = grad_with(&[&output], &wanted, options)?;
            Ok(found.into_iter().zip(wanted).map(|(g, x)| g.unwrap_or_else(|| x.zeros_like())).collect())
        })
    };
    let output = no_grad(|| function(inputs));
    let weights: Vec<f64> = (0..output.numel()).map(|i| (i as f64 * 0.7).sin() + 1.3).collect();
    let mut arguments: Vec<Tensor> = inputs.iter().map(Tensor::detach).collect();
    arguments.push(Tensor::from_slice(&weights, output.shape()));
    let (recorded, ordinary) = (gradients(&arguments, true)?, gradients(&arguments, false)?);
    for (i, (recorded, ordinary)) in recorded.iter().zip(&ordinary).enumerate() {
        let close = |(a, b): (f64, f64)| (a - b).abs() <= 1e-11 * b.abs().max(1.0);
        if recorded.shape() != ordinary.shape()
            || !recorded.to_vec::<f64>().into_iter().zip(ordinary.to_vec::<f64>()).all(close)
        {
            return Err(SecondGradientError::FirstDiffers(i));
        }
    }
    check_gradients(&arguments, |arguments| {
        let gradients = gradients(arguments, true).expect("recorded once already");
        let flat: Vec<Tensor> = gradients.iter().map(|gradient| gradient.reshape(&[gradient.numel()])).collect();
        // A gradient that depends on nothing differentiable still has differences: zero.
        let flat = Tensor::cat(&flat.iter().collect::<Vec<_>>(), 0);
        if flat.requires_grad() || !crate::is_grad_enabled() { flat } else { flat.detach().requires_grad_(true) }
    })?;
    Ok(())
}

/// The sum of all elements, each with a weight of its own between 0.5 and 1.5.
fn weighted_sum(output: &Tensor) -> Tensor {
    // Multiples of the golden ratio modulo 1 are spread evenly and never repeat.
    let weights: Vec<f64> = (0..output.numel()).map(|i| 0.5 + (i as f64 * 0.618_033_988_749_894_9).fract()).collect();
    output.mul(&Tensor::from_slice(&weights, output.shape())).sum_all()
}
