//! RAdam.

use striate_kernels::Element;

use super::ParameterGroups;
use super::engine::{Engine, MEMORIES, Rule, Step, optimizer, setting};

/// Adam whose first steps, taken on few squared gradients, are rectified (Liu et al. 2020; PyTorch's `RAdam`).
///
/// ```text
/// rho = 2 / (1 - beta2) - 1        rho(t) = rho - 2 * t * beta2^t / (1 - beta2^t)        m, v as in Adam
/// r = sqrt((rho(t) - 4) * (rho(t) - 2) * rho / ((rho - 4) * (rho - 2) * rho(t)))
/// p = p - lr * m / (1 - beta1^t) * (rho(t) > 5 ? r * sqrt(1 - beta2^t) / (sqrt(v) + epsilon) : 1)
/// ```
///
/// Weight decay, 0 unless set, is added to the gradient, or shrinks the parameter as in AdamW.
///
/// ```
/// use striate_nn::optim::{Optimizer, RAdam};
/// use striate_tensor::Tensor;
///
/// let w = Tensor::from_slice(&[3.0_f32], &[1]).requires_grad_(true);
/// let mut optimizer = RAdam::new(vec![("w".into(), w.clone())], 0.001);
/// let before = w.square().sum_all();
/// before.backward();
/// optimizer.step();
/// assert!(w.square().sum_all().item::<f32>() < before.item::<f32>());
/// ```
#[derive(Debug)]
pub struct RAdam(Engine<RAdamRule>);

#[derive(Debug)]
struct RAdamRule {
    betas: [f64; 2],
    epsilon: f64,
    decoupled_weight_decay: bool,
}

impl RAdam {
    /// Betas 0.9 and 0.999, epsilon 1e-8. PyTorch's rate is 0.001.
    ///
    /// # Panics
    /// If there are no parameters, one is listed twice, or the rate is below 0.
    #[track_caller]
    pub fn new(parameters: impl Into<ParameterGroups>, lr: f64) -> Self {
        let rule = RAdamRule { betas: [0.9, 0.999], epsilon: 1e-8, decoupled_weight_decay: false };
        Self(Engine::new(parameters.into(), lr, 0.0, rule))
    }

    setting!(betas);

    setting!(epsilon);

    setting!(
        /// Whether weight decay shrinks the parameter by `lr * weight_decay` in place of being added to the gradient.
        decoupled_weight_decay: bool
    );
}

impl Rule for RAdamRule {
    const KINDS: &'static [&'static str] = &["exp_avg", "exp_avg_sq"];

    fn update<T: Element>(&self, parameter: &mut [T], gradient: &[T], memories: [&mut [T]; MEMORIES], step: &Step) {
        let [beta1, beta2] = self.betas;
        let number = step.number as f64;
        let correction = 1.0 - beta2.powf(number);
        let longest = 2.0 / (1.0 - beta2) - 1.0;
        let length = longest - 2.0 * number * beta2.powf(number) / correction;
        let rectified = length > 5.0;
        let mut rate = step.lr / (1.0 - beta1.powf(number));
        if rectified {
            let variance = (length - 4.0) * (length - 2.0) * longest / ((longest - 4.0) * (longest - 2.0) * length);
            rate *= (variance * correction).sqrt();
        }
        let (shrink, added) = step.decay(self.decoupled_weight_decay);
        let shrink = T::from_f64(shrink);
        let [rate, decay, rest1, beta2, rest2, epsilon] =
            [rate, added, 1.0 - beta1, beta2, 1.0 - beta2, self.epsilon].map(T::from_f64);
        let [first, second, _] = memories;
        for (((p, &g), m), v) in parameter.iter_mut().zip(gradient).zip(first).zip(second) {
            *p *= shrink;
            let g = g + decay * *p;
            *m += rest1 * (g - *m);
            *v = beta2 * *v + rest2 * g * g;
            *p -= rate * if rectified { *m / (v.sqrt() + epsilon) } else { *m };
        }
    }
}

optimizer!(RAdam);
