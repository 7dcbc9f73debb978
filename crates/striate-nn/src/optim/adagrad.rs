//! Adagrad.

use striate_kernels::Element;

use super::ParameterGroups;
use super::engine::{Engine, MEMORIES, Rule, Step, optimizer, setting};

/// Adagrad (Duchi, Hazan and Singer 2011; PyTorch's `Adagrad`): steps shrink with the sum of the squared gradients seen.
///
/// ```text
/// g = gradient + weight_decay * p        s = s + g²
/// p = p - lr / (1 + (t - 1) * lr_decay) * g / (sqrt(s) + epsilon)
/// ```
///
/// ```
/// use striate_nn::optim::{Optimizer, Adagrad};
/// use striate_tensor::Tensor;
///
/// let w = Tensor::from_slice(&[3.0_f32], &[1]).requires_grad_(true);
/// let mut optimizer = Adagrad::new(vec![("w".into(), w.clone())], 0.01);
/// let before = w.square().sum_all();
/// before.backward();
/// optimizer.step();
/// assert!(w.square().sum_all().item::<f32>() < before.item::<f32>());
/// ```
#[derive(Debug)]
pub struct Adagrad(Engine<AdagradRule>);

#[derive(Debug)]
struct AdagradRule {
    lr_decay: f64,
    initial_accumulator_value: f64,
    epsilon: f64,
}

impl Adagrad {
    /// No decay of the rate, sums that start at 0, epsilon 1e-10. PyTorch's rate is 0.01.
    ///
    /// # Panics
    /// If there are no parameters, one is listed twice, or the rate is below 0.
    #[track_caller]
    pub fn new(parameters: impl Into<ParameterGroups>, lr: f64) -> Self {
        let rule = AdagradRule { lr_decay: 0.0, initial_accumulator_value: 0.0, epsilon: 1e-10 };
        Self(Engine::new(parameters.into(), lr, 0.0, rule))
    }

    setting!(
        /// How fast the rate falls with the number of steps.
        lr_decay: f64
    );

    setting!(
        /// What the sum of squares starts with.
        initial_accumulator_value: f64
    );

    setting!(epsilon);
}

impl Rule for AdagradRule {
    const KINDS: &'static [&'static str] = &["sum"];

    fn initial(&self) -> f64 {
        self.initial_accumulator_value
    }

    fn update<T: Element>(&self, parameter: &mut [T], gradient: &[T], memories: [&mut [T]; MEMORIES], step: &Step) {
        let rate = T::from_f64(step.lr / (1.0 + (step.number - 1) as f64 * self.lr_decay));
        let [decay, epsilon] = [step.weight_decay, self.epsilon].map(T::from_f64);
        let [sum, ..] = memories;
        for ((p, &g), s) in parameter.iter_mut().zip(gradient).zip(sum) {
            let g = g + decay * *p;
            *s += g * g;
            *p -= rate * (g / (s.sqrt() + epsilon));
        }
    }
}

optimizer!(Adagrad);
