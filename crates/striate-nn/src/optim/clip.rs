//! Keeping gradients small.

use striate_tensor::Tensor;

/// Scales the gradients of `parameters` so that their joint 2-norm is at most `max_norm`; returns the norm they had.
///
/// Parameters without a gradient are skipped (PyTorch's `clip_grad_norm_`). Those of a model are
/// [`Module::parameters`](crate::Module::parameters).
///
/// ```
/// use striate_nn::optim::clip_grad_norm;
/// use striate_tensor::Tensor;
///
/// let w = Tensor::from_slice(&[1.0_f32, 1.0], &[2]).requires_grad_(true);
/// w.set_grad(&Tensor::from_slice(&[3.0_f32, 4.0], &[2]));
/// assert_eq!(clip_grad_norm(&[w.clone()], 1.0), 5.0);
/// let clipped = w.grad().unwrap().to_vec::<f32>();
/// assert!((clipped[0] - 0.6).abs() < 1e-6 && (clipped[1] - 0.8).abs() < 1e-6);
/// ```
pub fn clip_grad_norm(parameters: &[Tensor], max_norm: f64) -> f64 {
    let gradients: Vec<(&Tensor, Tensor)> = parameters.iter().filter_map(|p| Some((p, p.grad()?))).collect();
    let square = |gradient: &Tensor| gradient.square().sum_all().to_dtype(striate_tensor::DType::F64).item::<f64>();
    // From 0, where the sum of nothing would be -0.
    let norm = gradients.iter().fold(0.0, |sum, (_, gradient)| sum + square(gradient)).sqrt();
    let factor = max_norm / (norm + 1e-6);
    if factor < 1.0 {
        for (parameter, gradient) in gradients {
            parameter.set_grad(&(&gradient * factor));
        }
    }
    norm
}

/// Limits each element of the gradients of `parameters` to `-limit..=limit` (PyTorch's `clip_grad_value_`).
///
/// Parameters without a gradient are skipped.
///
/// ```
/// use striate_nn::optim::clip_grad_value;
/// use striate_tensor::Tensor;
///
/// let w = Tensor::from_slice(&[1.0_f32, 1.0], &[2]).requires_grad_(true);
/// w.set_grad(&Tensor::from_slice(&[-3.0_f32, 0.5], &[2]));
/// clip_grad_value(&[w.clone()], 1.0);
/// assert_eq!(w.grad().unwrap().to_vec::<f32>(), [-1.0, 0.5]);
/// ```
///
/// # Panics
/// If `limit` is negative or NaN.
#[track_caller]
pub fn clip_grad_value(parameters: &[Tensor], limit: f64) {
    assert!(limit >= 0.0, "clip_grad_value: limit = {limit} must be at least 0");
    for parameter in parameters {
        if let Some(gradient) = parameter.grad() {
            parameter.set_grad(&gradient.clamp(-limit, limit));
        }
    }
}
