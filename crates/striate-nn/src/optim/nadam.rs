//! NAdam.

use striate_kernels::Element;
use striate_kernels::optimizer::update_in_pieces;

use super::ParameterGroups;
use super::engine::{Engine, MEMORIES, Rule, Step, optimizer, setting};

/// Adam with Nesterov's look-ahead (Dozat 2016; PyTorch's `NAdam`).
///
/// ```text
/// mu(t) = beta1 * (1 - 0.96^(t * momentum_decay) / 2)        m, v as in Adam
/// p = p - lr * (mu(t+1) * m / (1 - mu(1)..mu(t+1)) + (1 - mu(t)) * g / (1 - mu(1)..mu(t))) / (sqrt(v / (1 - beta2^t)) + epsilon)
/// ```
///
/// Weight decay, 0 unless set, is added to the gradient, or shrinks the parameter as in AdamW.
///
/// ```
/// use striate_nn::optim::{Optimizer, NAdam};
/// use striate_tensor::Tensor;
///
/// let w = Tensor::from_slice(&[3.0_f32], &[1]).requires_grad_(true);
/// let mut optimizer = NAdam::new(vec![("w".into(), w.clone())], 0.002);
/// let before = w.square().sum_all();
/// before.backward();
/// optimizer.step();
/// assert!(w.square().sum_all().item::<f32>() < before.item::<f32>());
/// ```
#[derive(Debug)]
pub struct NAdam(Engine<NAdamRule>);

#[derive(Debug)]
struct NAdamRule {
    betas: [f64; 2],
    epsilon: f64,
    decoupled_weight_decay: bool,
    momentum_decay: f64,
}

impl NAdam {
    /// Betas 0.9 and 0.999, epsilon 1e-8, momentum decay 0.004. PyTorch's rate is 0.002.
    ///
    /// # Panics
    /// If there are no parameters, one is listed twice, or the rate is below 0.
    #[track_caller]
    pub fn new(parameters: impl Into<ParameterGroups>, lr: f64) -> Self {
        let rule =
            NAdamRule { betas: [0.9, 0.999], epsilon: 1e-8, decoupled_weight_decay: false, momentum_decay: 0.004 };
        Self(Engine::new(parameters.into(), lr, 0.0, rule))
    }

    setting!(betas);

    setting!(epsilon);

    setting!(
        /// Whether weight decay shrinks the parameter by `lr * weight_decay` in place of being added to the gradient.
        decoupled_weight_decay: bool
    );

    setting!(
        /// How fast the momentum grows to `beta1`.
        momentum_decay: f64
    );
}

impl Rule for NAdamRule {
    const KINDS: &'static [&'static str] = &["exp_avg", "exp_avg_sq"];

    fn update<T: Element>(&self, parameter: &mut [T], gradient: &[T], memories: [&mut [T]; MEMORIES], step: &Step) {
        self.update_with(parameter, gradient, memories, step, self.rates(step));
    }

    fn update_all<T: Element>(&self, parameter: &mut [T], gradient: &[T], memories: [&mut [T]; MEMORIES], step: &Step) {
        // The rates take longer than a short piece.
        let rates = self.rates(step);
        update_in_pieces(parameter, gradient, memories, |parameter, gradient, memories| {
            self.update_with(parameter, gradient, memories, step, rates);
            [0.0; 2]
        });
    }
}

optimizer!(NAdam);

impl NAdamRule {
    /// The rates at which the gradient and its running mean move the parameter.
    fn rates(&self, step: &Step) -> [f64; 2] {
        let (number, product) = (step.number as f64, self.momentum_product(step.number));
        let (mu, next) = (self.momentum_at(number), self.momentum_at(number + 1.0));
        [step.lr * (1.0 - mu) / (1.0 - product), step.lr * next / (1.0 - product * next)]
    }

    fn update_with<T: Element>(
        &self,
        parameter: &mut [T],
        gradient: &[T],
        [first, second, _]: [&mut [T]; MEMORIES],
        step: &Step,
        rates: [f64; 2],
    ) {
        let [beta1, beta2] = self.betas;
        let [by_gradient, by_moment] = rates.map(T::from_f64);
        let (shrink, added) = step.decay(self.decoupled_weight_decay);
        let shrink = T::from_f64(shrink);
        let correction = T::from_f64(1.0 - beta2.powf(step.number as f64));
        let [decay, rest1, beta2, rest2, epsilon] =
            [added, 1.0 - beta1, beta2, 1.0 - beta2, self.epsilon].map(T::from_f64);
        for (((p, &g), m), v) in parameter.iter_mut().zip(gradient).zip(first).zip(second) {
            *p *= shrink;
            let g = g + decay * *p;
            *m += rest1 * (g - *m);
            *v = beta2 * *v + rest2 * g * g;
            let denominator = (*v / correction).sqrt() + epsilon;
            *p -= by_gradient * (g / denominator) + by_moment * (*m / denominator);
        }
    }

    fn momentum_at(&self, number: f64) -> f64 {
        self.betas[0] * (1.0 - 0.5 * 0.96_f64.powf(number * self.momentum_decay))
    }

    /// `mu(1) * .. * mu(number)`. Computed anew, so that it need not be saved; past the precision of 1 - product, which is
    /// soon reached, it stops.
    fn momentum_product(&self, number: u64) -> f64 {
        let mut product = 1.0;
        for earlier in 1..=number {
            product *= self.momentum_at(earlier as f64);
            if product < f64::EPSILON / 8.0 {
                break;
            }
        }
        product
    }
}
