//! Adam and AdamW.

use striate_kernels::Element;
use striate_kernels::optimizer::{AdamOptions, adam_step};

use super::ParameterGroups;
use super::engine::{Engine, MEMORIES, Rule, Step, optimizer};

/// What Adam and AdamW share: only the way of weight decay differs.
#[derive(Debug)]
struct AdamRule {
    betas: [f64; 2],
    epsilon: f64,
    decoupled: bool,
}

impl Rule for AdamRule {
    const KINDS: &'static [&'static str] = &["exp_avg", "exp_avg_sq"];

    fn update<T: Element>(&self, parameter: &mut [T], gradient: &[T], memories: [&mut [T]; MEMORIES], step: &Step) {
        let options = AdamOptions {
            learning_rate: step.lr,
            beta1: self.betas[0],
            beta2: self.betas[1],
            epsilon: self.epsilon,
            weight_decay: step.weight_decay,
            decoupled: self.decoupled,
            step: step.number,
        };
        let [first, second, _] = memories;
        adam_step(parameter, gradient, first, second, &options);
    }
}

macro_rules! adam {
    ($(#[$doc:meta])* $name:ident, $decoupled:literal, $weight_decay:literal) => {
        $(#[$doc])*
        #[derive(Debug)]
        pub struct $name(Engine<AdamRule>);

        impl $name {
            /// The usual settings: betas 0.9 and 0.999, epsilon 1e-8, and the default weight decay.
            pub fn new(parameters: impl Into<ParameterGroups>, lr: f64) -> Self {
                let rule = AdamRule { betas: [0.9, 0.999], epsilon: 1e-8, decoupled: $decoupled };
                Self(Engine::new(parameters.into(), lr, $weight_decay, rule))
            }

            /// Decay of the running means of the gradients and of their squares.
            pub fn betas(mut self, beta1: f64, beta2: f64) -> Self {
                self.0.rule.betas = [beta1, beta2];
                self
            }

            /// Added to the denominator.
            pub fn epsilon(mut self, epsilon: f64) -> Self {
                self.0.rule.epsilon = epsilon;
                self
            }
        }

        optimizer!($name);
    };
}

adam!(
    /// Adam (Kingma and Ba 2015; PyTorch's `Adam`). Weight decay, 0 unless set, is added to the gradient.
    ///
    /// ```text
    /// m = beta1 * m + (1 - beta1) * g        v = beta2 * v + (1 - beta2) * g²
    /// p = p - lr * (m / (1 - beta1^t)) / (sqrt(v / (1 - beta2^t)) + epsilon)
    /// ```
    Adam, false, 0.0
);
adam!(
    /// Adam with decoupled weight decay (Loshchilov and Hutter 2019; PyTorch's `AdamW`): the parameter shrinks by
    /// `lr * weight_decay` (0.01 unless set) before the step of [`Adam`].
    AdamW, true, 0.01
);
