//! Random initial values, with PyTorch's gains, fans and bounds (`torch.nn.init`).
//!
//! A weight has shape `[out, in, ...]`: the *fan in* is `in` times the kernel's area, the *fan out* `out` times it.
//! Every function draws from the given generator and returns a dense `f32` tensor.

use striate_tensor::Tensor;
use striate_tensor::random::Generator;

/// The function that follows the layer; it decides the gain.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Nonlinearity {
    /// None, or a sigmoid: gain 1.
    Linear,
    /// Gain 5/3.
    Tanh,
    /// Gain sqrt(2).
    ReLU,
    /// Leaky ReLU with this negative slope `a`: gain sqrt(2 / (1 + a^2)).
    LeakyReLU(f64),
}

impl Nonlinearity {
    /// What the standard deviation is multiplied by so that the signal keeps its size through the layer.
    pub fn gain(self) -> f64 {
        match self {
            Self::Linear => 1.0,
            Self::Tanh => 5.0 / 3.0,
            Self::ReLU => std::f64::consts::SQRT_2,
            Self::LeakyReLU(slope) => (2.0 / (1.0 + slope * slope)).sqrt(),
        }
    }
}

/// Whose variance is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FanMode {
    /// That of the activations in the forward pass.
    In,
    /// That of the gradients in the backward pass.
    Out,
}

/// `(fan_in, fan_out)` of a weight of this shape.
///
/// # Panics
/// If the shape has fewer than two dimensions: fans are not defined there.
#[track_caller]
pub fn fans(shape: &[usize]) -> (usize, usize) {
    assert!(
        shape.len() >= 2,
        "init: a weight needs at least 2 dimensions for its fans, shape {shape:?} has {}",
        shape.len()
    );
    let area: usize = shape[2..].iter().product();
    (shape[1] * area, shape[0] * area)
}

fn fan(shape: &[usize], mode: FanMode) -> f64 {
    let (fan_in, fan_out) = fans(shape);
    // A weight with nothing in it has no values to draw; 1 keeps the bound finite.
    (if mode == FanMode::In { fan_in } else { fan_out }).max(1) as f64
}

/// Uniform in `±gain * sqrt(3 / fan)` (He et al. 2015).
///
/// # Panics
/// If `shape` has fewer than two dimensions.
///
/// ```
/// use striate_nn::init::{FanMode, Nonlinearity, kaiming_uniform};
/// use striate_tensor::random::Generator;
///
/// let weight = kaiming_uniform(&[8, 6], FanMode::In, Nonlinearity::ReLU, &mut Generator::new(0));
/// assert!(weight.to_vec::<f32>().iter().all(|w| w.abs() <= 1.0)); // sqrt(2) * sqrt(3 / 6) = 1
/// ```
#[track_caller]
pub fn kaiming_uniform(
    shape: &[usize],
    mode: FanMode,
    nonlinearity: Nonlinearity,
    generator: &mut Generator,
) -> Tensor {
    let bound = nonlinearity.gain() * (3.0 / fan(shape, mode)).sqrt();
    Tensor::uniform(shape, -bound, bound, generator)
}

/// Normal with standard deviation `gain / sqrt(fan)` (He et al. 2015).
///
/// # Panics
/// If `shape` has fewer than two dimensions.
#[track_caller]
pub fn kaiming_normal(shape: &[usize], mode: FanMode, nonlinearity: Nonlinearity, generator: &mut Generator) -> Tensor {
    let deviation = nonlinearity.gain() / fan(shape, mode).sqrt();
    normal(shape, deviation, generator)
}

/// Uniform in `±gain * sqrt(6 / (fan_in + fan_out))` (Glorot and Bengio 2010).
///
/// # Panics
/// If `shape` has fewer than two dimensions.
#[track_caller]
pub fn xavier_uniform(shape: &[usize], gain: f64, generator: &mut Generator) -> Tensor {
    let (fan_in, fan_out) = fans(shape);
    let bound = gain * (6.0 / (fan_in + fan_out).max(1) as f64).sqrt();
    Tensor::uniform(shape, -bound, bound, generator)
}

/// Normal with standard deviation `gain * sqrt(2 / (fan_in + fan_out))` (Glorot and Bengio 2010).
///
/// # Panics
/// If `shape` has fewer than two dimensions.
#[track_caller]
pub fn xavier_normal(shape: &[usize], gain: f64, generator: &mut Generator) -> Tensor {
    let (fan_in, fan_out) = fans(shape);
    normal(shape, gain * (2.0 / (fan_in + fan_out).max(1) as f64).sqrt(), generator)
}

fn normal(shape: &[usize], deviation: f64, generator: &mut Generator) -> Tensor {
    Tensor::randn(shape, generator) * deviation
}

/// Weight and bias as `torch.nn.Linear` and `torch.nn.Conv2d` start: both uniform in `±1 / sqrt(fan_in)`, which for the
/// weight is `kaiming_uniform` with a leaky ReLU of slope sqrt(5).
pub(crate) fn default_weight_and_bias(
    shape: &[usize],
    bias: bool,
    generator: &mut Generator,
) -> (Tensor, Option<Tensor>) {
    let weight = kaiming_uniform(shape, FanMode::In, Nonlinearity::LeakyReLU(5.0_f64.sqrt()), generator);
    let bias = bias.then(|| {
        let bound = 1.0 / fan(shape, FanMode::In).sqrt();
        Tensor::uniform(&shape[..1], -bound, bound, generator).requires_grad_(true)
    });
    (weight.requires_grad_(true), bias)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Mean, standard deviation and largest magnitude.
    fn statistics(tensor: &Tensor) -> (f64, f64, f64) {
        let values: Vec<f64> = tensor.to_vec::<f32>().into_iter().map(f64::from).collect();
        let mean = values.iter().sum::<f64>() / values.len() as f64;
        let variance = values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / values.len() as f64;
        (mean, variance.sqrt(), values.iter().fold(0.0, |max: f64, v| max.max(v.abs())))
    }

    #[test]
    fn fans_count_the_kernel_area() {
        assert_eq!(fans(&[6, 4]), (4, 6));
        assert_eq!(fans(&[16, 8, 3, 5]), (120, 240));
    }

    #[test]
    fn uniform_bounds_and_deviations() {
        let shape = [64, 32, 3, 3]; // fan in 288, fan out 576
        let cases = [
            (
                kaiming_uniform(&shape, FanMode::In, Nonlinearity::ReLU, &mut Generator::new(1)),
                (6.0 / 288.0_f64).sqrt(),
            ),
            (
                kaiming_uniform(&shape, FanMode::Out, Nonlinearity::Tanh, &mut Generator::new(2)),
                5.0 / 3.0 * (3.0 / 576.0_f64).sqrt(),
            ),
            (xavier_uniform(&shape, 2.0, &mut Generator::new(3)), 2.0 * (6.0 / 864.0_f64).sqrt()),
            (default_weight_and_bias(&shape, true, &mut Generator::new(4)).0, 1.0 / 288.0_f64.sqrt()),
        ];
        for (case, (tensor, bound)) in cases.iter().enumerate() {
            let (mean, deviation, largest) = statistics(tensor);
            assert!(
                largest <= bound * (1.0 + 1e-6) && largest > 0.999 * bound,
                "case {case}: {largest} against {bound}"
            );
            assert!(mean.abs() < 0.02 * bound, "case {case}: mean {mean}");
            assert!((deviation / (bound / 3.0_f64.sqrt()) - 1.0).abs() < 0.02, "case {case}: deviation {deviation}");
        }
    }

    #[test]
    fn normal_deviations() {
        let shape = [64, 32, 3, 3];
        let slope = Nonlinearity::LeakyReLU(0.2);
        let cases = [
            (kaiming_normal(&shape, FanMode::In, slope, &mut Generator::new(1)), (2.0 / 1.04 / 288.0_f64).sqrt()),
            (xavier_normal(&shape, 1.0, &mut Generator::new(2)), (2.0 / 864.0_f64).sqrt()),
        ];
        for (tensor, expected) in &cases {
            let (mean, deviation, _) = statistics(tensor);
            assert!(
                mean.abs() < 0.03 * expected && (deviation / expected - 1.0).abs() < 0.02,
                "{mean} {deviation} {expected}"
            );
        }
    }

    #[test]
    #[should_panic(expected = "at least 2 dimensions")]
    fn a_vector_has_no_fans() {
        fans(&[3]);
    }
}
