//! LAMB.

use striate_kernels::Element;
use striate_kernels::optimizer::update_in_pieces;

use super::ParameterGroups;
use super::engine::{Engine, MEMORIES, Rule, Step, optimizer, setting};

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
    ///
    /// # Panics
    /// If there are no parameters, one is listed twice, or the rate is below 0.
    #[track_caller]
    pub fn new(parameters: impl Into<ParameterGroups>, lr: f64) -> Self {
        let rule = LambRule { betas: [0.9, 0.999], epsilon: 1e-6 };
        Self(Engine::new(parameters.into(), lr, 0.0, rule))
    }

    setting!(betas);

    setting!(epsilon);
}

impl Rule for LambRule {
    const KINDS: &'static [&'static str] = &["exp_avg", "exp_avg_sq"];

    /// The step itself, once the memories have moved and the ratio of norms is part of the rate.
    fn update<T: Element>(&self, parameter: &mut [T], _: &[T], memories: [&mut [T]; MEMORIES], step: &Step) {
        let [first, second, _] = memories;
        let (change, rate) = (self.change(step), T::from_f64(step.lr));
        for ((p, &mut m), &mut v) in parameter.iter_mut().zip(first).zip(second) {
            *p -= rate * change(*p, m, v);
        }
    }

    fn update_all<T: Element>(&self, parameter: &mut [T], gradient: &[T], memories: [&mut [T]; MEMORIES], step: &Step) {
        let [beta1, beta2] = self.betas;
        let [rest1, beta2, rest2] = [1.0 - beta1, beta2, 1.0 - beta2].map(T::from_f64);
        let change = self.change(step);
        let [first, second, third] = memories;
        // Norms are summed in f64 and in order: exact enough for any size, and the same on every machine.
        let memories = [&mut *first, &mut *second, &mut *third];
        let [own, changed] = update_in_pieces(parameter, gradient, memories, |parameter, gradient, memories| {
            let [first, second, _] = memories;
            let (mut own, mut changed) = (0.0, 0.0);
            for (((&mut p, &g), m), v) in parameter.iter_mut().zip(gradient).zip(first).zip(second) {
                *m += rest1 * (g - *m);
                *v = beta2 * *v + rest2 * g * g;
                own += p.to_f64() * p.to_f64();
                let u = change(p, *m, *v).to_f64();
                changed += u * u;
            }
            [own, changed]
        });
        let ratio = if own > 0.0 && changed > 0.0 { (own / changed).sqrt() } else { 1.0 };
        let step = Step { lr: step.lr * ratio, ..*step };
        update_in_pieces(parameter, gradient, [first, second, third], |parameter, gradient, memories| {
            self.update(parameter, gradient, memories, &step);
            [0.0; 2]
        });
    }
}

impl LambRule {
    /// `u` of an element and its memories.
    fn change<T: Element>(&self, step: &Step) -> impl Fn(T, T, T) -> T + use<T> {
        let [correction1, correction2] = self.betas.map(|beta| T::from_f64(1.0 - beta.powf(step.number as f64)));
        let [decay, epsilon] = [step.weight_decay, self.epsilon].map(T::from_f64);
        move |p, m, v| m / correction1 / ((v / correction2).sqrt() + epsilon) + decay * p
    }
}

optimizer!(Lamb);
