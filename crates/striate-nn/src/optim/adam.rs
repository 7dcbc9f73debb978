//! Adam and AdamW.

use striate_kernels::Element;
use striate_kernels::optimizer::{AdamOptions, adam_step};

use super::ParameterGroups;
use super::engine::{Engine, MEMORIES, Rule, Step, optimizer, setting};

/// What Adam and AdamW share: only the way of weight decay differs.
#[derive(Debug)]
struct AdamRule {
    betas: [f64; 2],
    epsilon: f64,
    decoupled: bool,
    amsgrad: bool,
}

impl Rule for AdamRule {
    const KINDS: &'static [&'static str] = &["exp_avg", "exp_avg_sq", "max_exp_avg_sq"];

    fn uses(&self, index: usize) -> bool {
        index < 2 || self.amsgrad
    }

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
        let [first, second, largest] = memories;
        if self.amsgrad {
            return self.amsgrad_step(parameter, gradient, [first, second, largest], step);
        }
        adam_step(parameter, gradient, first, second, &options);
    }
}

impl AdamRule {
    /// The step in which `v` is divided by the largest of it so far.
    fn amsgrad_step<T: Element>(
        &self,
        parameter: &mut [T],
        gradient: &[T],
        [first, second, largest]: [&mut [T]; MEMORIES],
        step: &Step,
    ) {
        let [beta1, beta2] = self.betas;
        let number = step.number as f64;
        let (shrink, added) = step.decay(self.decoupled);
        let rate = T::from_f64(step.lr / (1.0 - beta1.powf(number)));
        let correction = T::from_f64((1.0 - beta2.powf(number)).sqrt());
        let [shrink, added, rest1, beta2, rest2, epsilon] =
            [shrink, added, 1.0 - beta1, beta2, 1.0 - beta2, self.epsilon].map(T::from_f64);
        for ((((p, &g), m), v), most) in parameter.iter_mut().zip(gradient).zip(first).zip(second).zip(largest) {
            let g = g + added * *p;
            *m += rest1 * (g - *m);
            *v = beta2 * *v + rest2 * g * g;
            *most = most.maximum(*v);
            *p = shrink * *p - rate * (*m / (most.sqrt() / correction + epsilon));
        }
    }
}

macro_rules! adam {
    ($(#[$doc:meta])* $name:ident, $decoupled:literal, $weight_decay:literal) => {
        $(#[$doc])*
        #[derive(Debug)]
        pub struct $name(Engine<AdamRule>);

        impl $name {
            /// The usual settings: betas 0.9 and 0.999, epsilon 1e-8, and the default weight decay.
            ///
            /// # Panics
            /// If there are no parameters, one is listed twice, or the rate is below 0.
            #[track_caller]
            pub fn new(parameters: impl Into<ParameterGroups>, lr: f64) -> Self {
                let rule = AdamRule { betas: [0.9, 0.999], epsilon: 1e-8, decoupled: $decoupled, amsgrad: false };
                Self(Engine::new(parameters.into(), lr, $weight_decay, rule))
            }

            setting!(betas);

            setting!(epsilon);

            setting!(
                /// Whether the steps are divided by the largest mean square so far, and so never grow again for lack of
                /// gradients (Reddi et al. 2018).
                amsgrad: bool
            );
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
