//! Lion.

use striate_kernels::Element;

use super::ParameterGroups;
use super::engine::{Engine, MEMORIES, Rule, Step, optimizer, running_means};

/// Lion (Chen et al. 2023, algorithm 2): every element moves by the same amount, in the direction that the gradient and its
/// running mean agree on. Wants a rate 3 to 10 times below Adam's, and a weight decay as much above.
///
/// ```text
/// p = p - lr * (sign(beta1 * m + (1 - beta1) * g) + weight_decay * p)        m = beta2 * m + (1 - beta2) * g
/// ```
///
/// ```
/// use striate_nn::optim::{Optimizer, Lion};
/// use striate_tensor::Tensor;
///
/// let w = Tensor::from_slice(&[3.0_f32], &[1]).requires_grad_(true);
/// let mut optimizer = Lion::new(vec![("w".into(), w.clone())], 1e-4);
/// let before = w.square().sum_all();
/// before.backward();
/// optimizer.step();
/// assert!(w.square().sum_all().item::<f32>() < before.item::<f32>());
/// ```
#[derive(Debug)]
pub struct Lion(Engine<LionRule>);

#[derive(Debug)]
struct LionRule {
    betas: [f64; 2],
}

impl Lion {
    /// Betas 0.9 and 0.99, no weight decay. The paper's rate is 1e-4.
    ///
    /// # Panics
    /// If there are no parameters, one is listed twice, or the rate is below 0.
    #[track_caller]
    pub fn new(parameters: impl Into<ParameterGroups>, lr: f64) -> Self {
        let rule = LionRule { betas: [0.9, 0.99] };
        Self(Engine::new(parameters.into(), lr, 0.0, rule))
    }

    /// Share of the running mean in the direction, and decay of the running mean.
    ///
    /// # Panics
    /// If one is not in `0..1`.
    #[track_caller]
    pub fn betas(mut self, beta1: f64, beta2: f64) -> Self {
        self.0.rule.betas = running_means([beta1, beta2]);
        self
    }
}

impl Rule for LionRule {
    const KINDS: &'static [&'static str] = &["exp_avg"];
    const COUNTS: bool = false;

    fn update<T: Element>(&self, parameter: &mut [T], gradient: &[T], memories: [&mut [T]; MEMORIES], step: &Step) {
        let [beta1, beta2] = self.betas;
        let [rate, keep, beta1, rest1, beta2, rest2] =
            [step.lr, 1.0 - step.lr * step.weight_decay, beta1, 1.0 - beta1, beta2, 1.0 - beta2].map(T::from_f64);
        let [mean, ..] = memories;
        for ((p, &g), m) in parameter.iter_mut().zip(gradient).zip(mean) {
            let direction = beta1 * *m + rest1 * g;
            // The sign of 0 is 0, and of NaN is NaN, so that a broken gradient shows.
            let sign = if direction == T::ZERO { T::ZERO } else { direction / direction.abs() };
            *p = keep * *p - rate * sign;
            *m = beta2 * *m + rest2 * g;
        }
    }
}

optimizer!(Lion);
