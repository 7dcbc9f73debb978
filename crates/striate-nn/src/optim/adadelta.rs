//! Adadelta.

use striate_kernels::Element;

use super::ParameterGroups;
use super::engine::{Engine, MEMORIES, Rule, Step, optimizer, setting};

/// Adadelta (Zeiler 2012; PyTorch's `Adadelta`): steps as large as the recent ones, relative to the recent gradients.
///
/// ```text
/// g = gradient + weight_decay * p        v = rho * v + (1 - rho) * g²
/// d = sqrt(u + epsilon) / sqrt(v + epsilon) * g        u = rho * u + (1 - rho) * d²
/// p = p - lr * d
/// ```
///
/// ```
/// use striate_nn::optim::{Optimizer, Adadelta};
/// use striate_tensor::Tensor;
///
/// let w = Tensor::from_slice(&[3.0_f32], &[1]).requires_grad_(true);
/// let mut optimizer = Adadelta::new(vec![("w".into(), w.clone())], 1.0);
/// let before = w.square().sum_all();
/// before.backward();
/// optimizer.step();
/// assert!(w.square().sum_all().item::<f32>() < before.item::<f32>());
/// ```
#[derive(Debug)]
pub struct Adadelta(Engine<AdadeltaRule>);

#[derive(Debug)]
struct AdadeltaRule {
    rho: f64,
    epsilon: f64,
}

impl Adadelta {
    /// Rho 0.9 and epsilon 1e-6. PyTorch's rate is 1.
    ///
    /// # Panics
    /// If there are no parameters, one is listed twice, or the rate is below 0.
    #[track_caller]
    pub fn new(parameters: impl Into<ParameterGroups>, lr: f64) -> Self {
        let rule = AdadeltaRule { rho: 0.9, epsilon: 1e-6 };
        Self(Engine::new(parameters.into(), lr, 0.0, rule))
    }

    setting!(
        /// Decay of the running means.
        rho: f64
    );

    setting!(
        /// Added under both roots.
        epsilon: f64
    );
}

impl Rule for AdadeltaRule {
    const KINDS: &'static [&'static str] = &["square_avg", "acc_delta"];

    fn update<T: Element>(&self, parameter: &mut [T], gradient: &[T], memories: [&mut [T]; MEMORIES], step: &Step) {
        let [rate, decay, rho, rest, epsilon] =
            [step.lr, step.weight_decay, self.rho, 1.0 - self.rho, self.epsilon].map(T::from_f64);
        let [square_avg, acc_delta, _] = memories;
        for (((p, &g), v), u) in parameter.iter_mut().zip(gradient).zip(square_avg).zip(acc_delta) {
            let g = g + decay * *p;
            *v = rho * *v + rest * g * g;
            let delta = (*u + epsilon).sqrt() / (*v + epsilon).sqrt() * g;
            *u = rho * *u + rest * delta * delta;
            *p -= rate * delta;
        }
    }
}

optimizer!(Adadelta);
