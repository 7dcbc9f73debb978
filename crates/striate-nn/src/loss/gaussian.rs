//! Losses of normal distributions, and drawing from them.

use std::f64::consts::PI;

use striate_tensor::random::Generator;
use striate_tensor::{Reduction, Tensor};

use super::{reduce, same_shape};

/// The negative logarithm of the density of `target` under normal distributions of mean `mean` and variance `variance`,
/// without its constant (PyTorch's `gaussian_nll_loss`): for networks that say how sure they are. Variances below 1e-6
/// count as that.
///
/// ```
/// use striate_nn::loss::gaussian_nll_loss;
/// use striate_tensor::Tensor;
///
/// let number = |x: f32| Tensor::from_slice(&[x], &[1]);
/// assert_eq!(gaussian_nll_loss(&number(1.0), &number(3.0), &number(1.0)).item::<f32>(), 2.0);
/// ```
#[track_caller]
pub fn gaussian_nll_loss(mean: &Tensor, target: &Tensor, variance: &Tensor) -> Tensor {
    gaussian_nll_loss_with(mean, target, variance, false, Reduction::Mean)
}

/// [`gaussian_nll_loss`] with a choice of whether the constant is included (`full`), and of reduction.
#[track_caller]
pub fn gaussian_nll_loss_with(
    mean: &Tensor,
    target: &Tensor,
    variance: &Tensor,
    full: bool,
    reduction: Reduction,
) -> Tensor {
    same_shape("gaussian_nll_loss", mean, target);
    same_shape("gaussian_nll_loss", mean, variance);
    // As in PyTorch the limit is not differentiated: a variance below it gets the gradient at the limit.
    let limited = variance.add(&variance.detach().clamp(1e-6, f64::INFINITY).sub(&variance.detach()));
    let losses = limited.log().add(&mean.sub(target).square().div(&limited)).mul_scalar(0.5);
    let constant = if full { 0.5 * (2.0 * PI).ln() } else { 0.0 };
    reduce(losses.add_scalar(constant), reduction)
}

/// The Kullback-Leibler divergence of normal distributions from the standard normal one, summed over the features of
/// `[n, features]` and averaged over the `n` rows: the part of a variational autoencoder's loss that keeps its codes
/// together (Kingma and Welling 2014). The variances are given by their logarithms.
///
/// ```text
/// -1/2 * sum(1 + log_variance - mean² - exp(log_variance))
/// ```
///
/// ```
/// use striate_nn::loss::gaussian_kl;
/// use striate_tensor::{DType, Tensor};
///
/// let zeros = Tensor::zeros(&[2, 3], DType::F32);
/// assert_eq!(gaussian_kl(&zeros, &zeros).item::<f32>(), 0.0);
/// ```
#[track_caller]
pub fn gaussian_kl(mean: &Tensor, log_variance: &Tensor) -> Tensor {
    same_shape("gaussian_kl", mean, log_variance);
    let divergence = mean.square().add(&log_variance.exp()).sub(log_variance).add_scalar(-1.0);
    divergence.sum_all().mul_scalar(0.5 / mean.size(0).max(1) as f64)
}

/// A draw from normal distributions, `mean + exp(log_variance / 2) * noise`, through which gradients reach both (the
/// reparameterisation trick of Kingma and Welling 2014).
///
/// ```
/// use striate_nn::loss::reparameterize;
/// use striate_tensor::{DType, Tensor, random::Generator};
///
/// let mean = Tensor::ones(&[2, 3], DType::F32).requires_grad_(true);
/// let draw = reparameterize(&mean, &Tensor::full(&[2, 3], -100.0_f32), &mut Generator::new(0));
/// assert!(draw.detach().add_scalar(-1.0).abs().max_all().item::<f32>() < 1e-6);
/// draw.sum_all().backward();
/// assert_eq!(mean.grad().unwrap().to_vec::<f32>(), [1.0; 6]);
/// ```
#[track_caller]
pub fn reparameterize(mean: &Tensor, log_variance: &Tensor, generator: &mut Generator) -> Tensor {
    same_shape("reparameterize", mean, log_variance);
    let noise = Tensor::randn(mean.shape(), generator).to_dtype(mean.dtype());
    mean.add(&log_variance.mul_scalar(0.5).exp().mul(&noise))
}
