//! Stochastic gradient descent.

use std::collections::BTreeMap;

use striate_kernels::Element;
use striate_kernels::optimizer::{SgdOptions, sgd_step};
use striate_tensor::{DType, Tensor, TensorElement, TensorError};

use super::{Memory, Optimizer, StateMismatch, import, zeros_like};

const VELOCITY: &str = "momentum_buffer";

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
pub struct Sgd {
    parameters: Vec<(String, Tensor)>,
    velocity: Memory,
    options: SgdOptions,
}

impl Sgd {
    /// Plain gradient descent on these parameters.
    pub fn new(parameters: Vec<(String, Tensor)>, lr: f64) -> Self {
        let velocity = Memory::new(VELOCITY, parameters.len());
        let options = SgdOptions {
            learning_rate: lr,
            momentum: 0.0,
            dampening: 0.0,
            weight_decay: 0.0,
            nesterov: false,
            first_step: true,
        };
        Self { parameters, velocity, options }
    }

    /// Share of the velocity kept from step to step; 0 is none.
    pub fn momentum(mut self, momentum: f64) -> Self {
        self.options.momentum = momentum;
        self
    }

    /// The gradient enters the velocity times `1 - dampening`.
    pub fn dampening(mut self, dampening: f64) -> Self {
        self.options.dampening = dampening;
        self
    }

    /// Added to the gradient, times the parameter.
    pub fn weight_decay(mut self, weight_decay: f64) -> Self {
        self.options.weight_decay = weight_decay;
        self
    }

    /// Whether to look ahead along the velocity. Needs momentum.
    pub fn nesterov(mut self, nesterov: bool) -> Self {
        self.options.nesterov = nesterov;
        self
    }
}

impl Optimizer for Sgd {
    fn parameters(&self) -> &[(String, Tensor)] {
        &self.parameters
    }

    fn step(&mut self) {
        for ((name, parameter), slot) in self.parameters.iter().zip(&mut self.velocity.slots) {
            let Some(gradient) = parameter.grad() else { continue };
            let options = SgdOptions { first_step: slot.is_none(), ..self.options };
            let velocity = (options.momentum != 0.0).then(|| &*slot.get_or_insert_with(|| zeros_like(parameter)));
            let updated = match parameter.dtype() {
                DType::F64 => update::<f64>(parameter, &gradient, velocity, &options),
                _ => update::<f32>(parameter, &gradient, velocity, &options),
            };
            updated.unwrap_or_else(|error| panic!("optimiser: parameter `{name}`: {error}"));
        }
    }

    fn lr(&self) -> f64 {
        self.options.learning_rate
    }

    fn set_lr(&mut self, lr: f64) {
        self.options.learning_rate = lr;
    }

    fn state(&self) -> BTreeMap<String, Tensor> {
        let mut state = BTreeMap::new();
        self.velocity.export(&self.parameters, &mut state);
        state
    }

    fn load_state(&mut self, state: &BTreeMap<String, Tensor>) -> Result<(), StateMismatch> {
        let expected = |_: &str, parameter: &Tensor| (parameter.shape().to_vec(), parameter.dtype());
        [self.velocity] = import([VELOCITY], &self.parameters, state, expected)?;
        Ok(())
    }
}

fn update<T: TensorElement<Stored = T> + Element>(
    parameter: &Tensor,
    gradient: &Tensor,
    velocity: Option<&Tensor>,
    options: &SgdOptions,
) -> Result<(), TensorError> {
    let Some(velocity) = velocity else {
        return parameter.try_update_with::<T>(gradient, |p, g| sgd_step(p, g, None, options));
    };
    let mut result = Ok(());
    velocity.try_update_with::<T>(gradient, |v, _| {
        result = parameter.try_update_with::<T>(gradient, |p, g| sgd_step(p, g, Some(v), options));
    })?;
    result
}
