//! Stochastic gradient descent.

use striate_kernels::Element;
use striate_kernels::optimizer::{SgdOptions, sgd_step};

use super::ParameterGroups;
use super::engine::{Engine, MEMORIES, Rule, Step, optimizer, setting};

/// Stochastic gradient descent with momentum, dampening, Nesterov's look-ahead and weight decay (PyTorch's `SGD`).
///
/// ```text
/// g = gradient + weight_decay * p
/// v = momentum * v + (1 - dampening) * g        (v = g at the first step)
/// p = p - lr * (nesterov ? g + momentum * v : v)
/// ```
///
/// ```
/// use striate_nn::optim::{Optimizer, Sgd};
/// use striate_tensor::Tensor;
///
/// let w = Tensor::from_slice(&[3.0_f32], &[1]).requires_grad_(true);
/// let mut optimizer = Sgd::new(vec![("w".into(), w.clone())], 0.1).momentum(0.9);
/// for _ in 0..200 {
///     optimizer.zero_grad();
///     w.square().sum_all().backward();
///     optimizer.step();
/// }
/// assert!(w.to_vec::<f32>()[0].abs() < 1e-3);
/// ```
#[derive(Debug)]
pub struct Sgd(Engine<SgdRule>);

#[derive(Debug)]
struct SgdRule {
    momentum: f64,
    dampening: f64,
    nesterov: bool,
}

impl Sgd {
    /// Plain gradient descent on these parameters.
    ///
    /// # Panics
    /// If there are no parameters, one is listed twice, or the rate is below 0.
    #[track_caller]
    pub fn new(parameters: impl Into<ParameterGroups>, lr: f64) -> Self {
        let rule = SgdRule { momentum: 0.0, dampening: 0.0, nesterov: false };
        Self(Engine::new(parameters.into(), lr, 0.0, rule))
    }

    setting!(
        /// Share of the velocity kept from step to step; 0 is none.
        momentum: f64
    );

    setting!(
        /// The gradient enters the velocity times `1 - dampening`.
        dampening: f64
    );

    setting!(
        /// Whether to look ahead along the velocity. Needs momentum.
        nesterov: bool
    );
}

impl Rule for SgdRule {
    const KINDS: &'static [&'static str] = &["momentum_buffer"];
    const COUNTS: bool = false;

    fn uses(&self, _index: usize) -> bool {
        self.momentum != 0.0
    }

    fn update<T: Element>(&self, parameter: &mut [T], gradient: &[T], memories: [&mut [T]; MEMORIES], step: &Step) {
        let options = SgdOptions {
            learning_rate: step.lr,
            momentum: self.momentum,
            dampening: self.dampening,
            weight_decay: step.weight_decay,
            nesterov: self.nesterov,
            first_step: step.fresh,
        };
        let [velocity, ..] = memories;
        sgd_step(parameter, gradient, (self.momentum != 0.0).then_some(velocity), &options);
    }
}

optimizer!(Sgd);
