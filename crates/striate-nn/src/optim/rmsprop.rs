//! RMSprop.

use striate_kernels::Element;

use super::ParameterGroups;
use super::engine::{Engine, MEMORIES, Rule, Step, optimizer, setting};

/// RMSprop (Tieleman and Hinton 2012; PyTorch's `RMSprop`): steps divided by a running root mean square of the gradients.
///
/// ```text
/// g = gradient + weight_decay * p        v = alpha * v + (1 - alpha) * g²
/// a = alpha * a + (1 - alpha) * g        (centered only: v - a² takes the place of v)
/// b = momentum * b + g / (sqrt(v) + epsilon)
/// p = p - lr * b
/// ```
///
/// ```
/// use striate_nn::optim::{Optimizer, RMSprop};
/// use striate_tensor::Tensor;
///
/// let w = Tensor::from_slice(&[3.0_f32], &[1]).requires_grad_(true);
/// let mut optimizer = RMSprop::new(vec![("w".into(), w.clone())], 0.01);
/// let before = w.square().sum_all();
/// before.backward();
/// optimizer.step();
/// assert!(w.square().sum_all().item::<f32>() < before.item::<f32>());
/// ```
#[derive(Debug)]
pub struct RMSprop(Engine<RMSpropRule>);

#[derive(Debug)]
struct RMSpropRule {
    alpha: f64,
    epsilon: f64,
    momentum: f64,
    centered: bool,
}

impl RMSprop {
    /// Alpha 0.99, epsilon 1e-8, no momentum, not centered. PyTorch's rate is 0.01.
    ///
    /// # Panics
    /// If there are no parameters, one is listed twice, or the rate is below 0.
    #[track_caller]
    pub fn new(parameters: impl Into<ParameterGroups>, lr: f64) -> Self {
        let rule = RMSpropRule { alpha: 0.99, epsilon: 1e-8, momentum: 0.0, centered: false };
        Self(Engine::new(parameters.into(), lr, 0.0, rule))
    }

    setting!(
        /// Decay of the running means.
        alpha: f64
    );

    setting!(epsilon);

    setting!(
        /// Share of the last step that is kept; 0 is none.
        momentum: f64
    );

    setting!(
        /// Whether the variance of the gradients takes the place of their mean square.
        centered: bool
    );
}

impl Rule for RMSpropRule {
    const KINDS: &'static [&'static str] = &["square_avg", "momentum_buffer", "grad_avg"];

    fn uses(&self, index: usize) -> bool {
        [true, self.momentum != 0.0, self.centered][index]
    }

    fn update<T: Element>(&self, parameter: &mut [T], gradient: &[T], memories: [&mut [T]; MEMORIES], step: &Step) {
        let [rate, decay, alpha, rest, epsilon, momentum] =
            [step.lr, step.weight_decay, self.alpha, 1.0 - self.alpha, self.epsilon, self.momentum].map(T::from_f64);
        let [square_avg, buffer, grad_avg] = memories;
        for (index, (p, &g)) in parameter.iter_mut().zip(gradient).enumerate() {
            let g = g + decay * *p;
            let v = alpha * square_avg[index] + rest * g * g;
            square_avg[index] = v;
            let mut spread = v;
            if self.centered {
                let a = &mut grad_avg[index];
                *a += rest * (g - *a);
                spread = v - *a * *a;
            }
            let mut change = g / (spread.sqrt() + epsilon);
            if self.momentum != 0.0 {
                change += momentum * buffer[index];
                buffer[index] = change;
            }
            *p -= rate * change;
        }
    }
}

optimizer!(RMSprop);
