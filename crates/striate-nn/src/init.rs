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

/// Rows, or columns if there are more rows than columns, that are orthogonal to each other and of length `gain` (Saxe et
/// al. 2014): the layer neither stretches nor shrinks what it keeps. A weight of more dimensions counts as the matrix
/// `[out, everything else]`.
///
/// ```
/// use striate_nn::init::orthogonal;
/// use striate_tensor::random::Generator;
///
/// let weight = orthogonal(&[3, 5], 1.0, &mut Generator::new(0));
/// let products = weight.matmul(&weight.t()).to_vec::<f32>();
/// assert!((products[0] - 1.0).abs() < 1e-6 && products[1].abs() < 1e-6);
/// ```
///
/// # Panics
/// If `shape` has fewer than two dimensions.
#[track_caller]
pub fn orthogonal(shape: &[usize], gain: f64, generator: &mut Generator) -> Tensor {
    assert!(
        shape.len() >= 2,
        "init: an orthogonal weight needs at least 2 dimensions, shape {shape:?} has {}",
        shape.len()
    );
    let (rows, columns) = (shape[0], shape[1..].iter().product::<usize>());
    let (count, length) = (rows.min(columns), rows.max(columns));
    let mut vectors: Vec<Vec<f64>> = Vec::with_capacity(count);
    while vectors.len() < count {
        let mut vector: Vec<f64> = (0..length).map(|_| generator.normal()).collect();
        // Twice: what rounding left of the others after the first time is taken off too.
        for _ in 0..2 {
            for other in &vectors {
                let along: f64 = vector.iter().zip(other).map(|(v, o)| v * o).sum();
                vector.iter_mut().zip(other).for_each(|(v, o)| *v -= along * o);
            }
        }
        let norm = vector.iter().map(|v| v * v).sum::<f64>().sqrt();
        vectors.push(vector.into_iter().map(|v| v / norm).collect());
    }
    let value = |index: usize| {
        let (row, column) = (index / columns.max(1), index % columns.max(1));
        let number = if rows <= columns { vectors[row][column] } else { vectors[column][row] };
        (gain * number) as f32
    };
    Tensor::from_vec((0..rows * columns).map(value).collect(), shape)
}

/// Normal with this mean and standard deviation, cut off outside `low..=high` (the distribution of PyTorch's
/// `trunc_normal_`, which cuts at -2 and 2 unless told otherwise).
///
/// ```
/// use striate_nn::init::trunc_normal;
/// use striate_tensor::random::Generator;
///
/// let weight = trunc_normal(&[100], [0.0, 0.02], [-0.04, 0.04], &mut Generator::new(0));
/// assert!(weight.to_vec::<f32>().iter().all(|w| w.abs() <= 0.04));
/// ```
///
/// # Panics
/// If the deviation is not above 0, or nothing of the distribution lies within 12 deviations of its mean and the limits.
#[track_caller]
pub fn trunc_normal(
    shape: &[usize],
    [mean, deviation]: [f64; 2],
    [low, high]: [f64; 2],
    generator: &mut Generator,
) -> Tensor {
    // In deviations from the mean.
    let [from, to] = [low, high].map(|limit| ((limit - mean) / deviation).clamp(-12.0, 12.0));
    assert!(
        deviation > 0.0 && from < to,
        "init: nothing to draw between {low} and {high} from a normal distribution of mean {mean} and deviation {deviation}"
    );
    let draw = |_| loop {
        let value = if from < -1.0 && to > 1.0 {
            generator.normal()
        } else {
            // Narrow or in a tail: evenly, and kept with the density relative to the largest within the limits.
            let value = from + (to - from) * generator.uniform();
            let densest = 0.0_f64.clamp(from, to);
            if generator.uniform() > ((densest * densest - value * value) / 2.0).exp() {
                continue;
            }
            value
        };
        if (from..=to).contains(&value) {
            // Rounding must not lead outside.
            break ((mean + deviation * value) as f32).clamp(low as f32, high as f32);
        }
    };
    Tensor::from_vec((0..shape.iter().product::<usize>()).map(draw).collect(), shape)
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
    fn orthogonal_weights_are() {
        for shape in [&[6, 4][..], &[4, 6], &[5, 5], &[8, 2, 3, 3], &[1, 3]] {
            let weight = orthogonal(shape, 1.5, &mut Generator::new(3));
            assert_eq!(weight.shape(), shape);
            let rows = shape[0];
            let matrix = weight.reshape(&[rows, weight.numel() / rows]);
            let matrix = if rows <= matrix.shape()[1] { matrix } else { matrix.t() };
            let products = matrix.matmul(&matrix.t());
            let expected = Tensor::eye(products.shape()[0], striate_tensor::DType::F32).mul_scalar(2.25);
            assert!(products.sub(&expected).abs().max_all().item::<f32>() < 1e-5, "{shape:?}: {products}");
        }
    }

    /// The deviation of a normal distribution cut at two deviations is 0.879625 of the whole's.
    #[test]
    fn a_truncated_normal_has_its_deviation() {
        let weight = trunc_normal(&[40_000], [0.0, 0.5], [-1.0, 1.0], &mut Generator::new(1));
        let (mean, deviation, largest) = statistics(&weight);
        assert!(mean.abs() < 0.01 && largest <= 1.0, "{mean} {largest}");
        assert!((deviation / (0.879_625 * 0.5) - 1.0).abs() < 0.01, "{deviation}");
        let (mean, ..) = statistics(&trunc_normal(&[20_000], [1.0, 1.0], [1.0, 9.0], &mut Generator::new(2)));
        // The mean of the upper half: sqrt(2 / pi) above.
        assert!((mean - 1.797_885).abs() < 0.02, "{mean}");
        let (mean, ..) = statistics(&trunc_normal(&[20_000], [0.0, 1.0], [4.0, f64::INFINITY], &mut Generator::new(2)));
        assert!((mean - 4.225_607).abs() < 0.01, "{mean}");
    }

    #[test]
    #[should_panic(expected = "at least 2 dimensions")]
    fn a_vector_has_no_fans() {
        fans(&[3]);
    }
}
