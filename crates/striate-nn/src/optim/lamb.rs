//! LAMB.

use striate_kernels::Element;

use super::ParameterGroups;
use super::engine::{Engine, MEMORIES, Rule, Step, optimizer};

/// LAMB (You et al. 2020, algorithm 2): the step of AdamW, scaled for each parameter tensor to a share of the tensor's own
/// norm. Made for very large batches.
///
/// ```text
/// u = (m / (1 - beta1^t)) / (sqrt(v / (1 - beta2^t)) + epsilon) + weight_decay * p        m, v as in Adam
/// p = p - lr * |p| / |u| * u        (ratio 1 where either norm is 0)
/// ```
///
/// ```
/// use striate_nn::optim::{Optimizer, Lamb};
/// use striate_tensor::Tensor;
///
/// let w = Tensor::from_slice(&[3.0_f32], &[1]).requires_grad_(true);
/// let mut optimizer = Lamb::new(vec![("w".into(), w.clone())], 0.001);
/// let before = w.square().sum_all();
/// before.backward();
/// optimizer.step();
/// assert!(w.square().sum_all().item::<f32>() < before.item::<f32>());
/// ```
#[derive(Debug)]
pub struct Lamb(Engine<LambRule>);

#[derive(Debug)]
struct LambRule {
    betas: [f64; 2],
    epsilon: f64,
}

impl Lamb {
    /// Betas 0.9 and 0.999, epsilon 1e-6, no weight decay (the paper uses 0.01).
    pub fn new(parameters: impl Into<ParameterGroups>, lr: f64) -> Self {
        let rule = LambRule { betas: [0.9, 0.999], epsilon: 1e-6 };
        Self(Engine::new(parameters.into(), lr, 0.0, rule))
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

impl Rule for LambRule {
    const KINDS: &'static [&'static str] = &["exp_avg", "exp_avg_sq"];

    fn update<T: Element>(&self, parameter: &mut [T], gradient: &[T], memories: [&mut [T]; MEMORIES], step: &Step) {
        let [beta1, beta2] = self.betas;
        let number = step.number as f64;
        let [correction1, correction2] = [beta1, beta2].map(|beta| T::from_f64(1.0 - beta.powf(number)));
        let [decay, rest1, beta2, rest2, epsilon] =
            [step.weight_decay, 1.0 - beta1, beta2, 1.0 - beta2, self.epsilon].map(T::from_f64);
        let [first, second, _] = memories;
        let change = |p: T, m: T, v: T| m / correction1 / ((v / correction2).sqrt() + epsilon) + decay * p;
        // Norms are summed in f64 and in order: exact enough for any size, and the same on every machine.
        let (mut own, mut changed) = (0.0, 0.0);
        for (((&mut p, &g), m), v) in parameter.iter_mut().zip(gradient).zip(&mut *first).zip(&mut *second) {
            *m += rest1 * (g - *m);
            *v = beta2 * *v + rest2 * g * g;
            own += p.to_f64() * p.to_f64();
            let u = change(p, *m, *v).to_f64();
            changed += u * u;
        }
        let ratio = if own > 0.0 && changed > 0.0 { (own / changed).sqrt() } else { 1.0 };
        let rate = T::from_f64(step.lr * ratio);
        for ((p, &mut m), &mut v) in parameter.iter_mut().zip(first).zip(second) {
            *p -= rate * change(*p, m, v);
        }
    }
}

optimizer!(Lamb);
