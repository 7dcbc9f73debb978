//! Adam and AdamW.

use std::collections::BTreeMap;

use striate_kernels::Element;
use striate_kernels::optimizer::{AdamOptions, adam_step};
use striate_tensor::{DType, Tensor, TensorElement, TensorError};

use super::{Memory, Optimizer, StateMismatch, import, zeros_like};

const KINDS: [&str; 3] = ["exp_avg", "exp_avg_sq", "step"];

/// What Adam and AdamW share: only the way of weight decay differs.
#[derive(Debug)]
struct State {
    parameters: Vec<(String, Tensor)>,
    first: Memory,
    second: Memory,
    /// Steps taken by each parameter: it counts only those with a gradient.
    steps: Vec<u64>,
    options: AdamOptions,
}

impl State {
    fn new(parameters: Vec<(String, Tensor)>, lr: f64, weight_decay: f64, decoupled: bool) -> Self {
        let count = parameters.len();
        let options = AdamOptions {
            learning_rate: lr,
            beta1: 0.9,
            beta2: 0.999,
            epsilon: 1e-8,
            weight_decay,
            decoupled,
            step: 0,
        };
        let [first, second] = [KINDS[0], KINDS[1]].map(|kind| Memory::new(kind, count));
        Self { parameters, first, second, steps: vec![0; count], options }
    }

    fn step(&mut self) {
        for (index, (name, parameter)) in self.parameters.iter().enumerate() {
            let Some(gradient) = parameter.grad() else { continue };
            self.steps[index] += 1;
            let options = AdamOptions { step: self.steps[index], ..self.options };
            let first = self.first.slots[index].get_or_insert_with(|| zeros_like(parameter));
            let second = self.second.slots[index].get_or_insert_with(|| zeros_like(parameter));
            let updated = match parameter.dtype() {
                DType::F64 => update::<f64>(parameter, &gradient, [first, second], &options),
                _ => update::<f32>(parameter, &gradient, [first, second], &options),
            };
            updated.unwrap_or_else(|error| panic!("optimiser: parameter `{name}`: {error}"));
        }
    }

    fn export(&self) -> BTreeMap<String, Tensor> {
        let mut state = BTreeMap::new();
        self.first.export(&self.parameters, &mut state);
        self.second.export(&self.parameters, &mut state);
        for ((name, _), &steps) in self.parameters.iter().zip(&self.steps).filter(|(_, steps)| **steps > 0) {
            state.insert(format!("{name}.{}", KINDS[2]), Tensor::scalar(steps as i64));
        }
        state
    }

    fn load(&mut self, state: &BTreeMap<String, Tensor>) -> Result<(), StateMismatch> {
        let expected = |kind: &str, parameter: &Tensor| {
            if kind == KINDS[2] { (Vec::new(), DType::I64) } else { (parameter.shape().to_vec(), parameter.dtype()) }
        };
        let [first, second, steps] = import(KINDS, &self.parameters, state, expected)?;
        let steps = steps.slots.iter().map(|slot| slot.as_ref().map_or(0, |step| step.item::<i64>().max(0) as u64));
        self.steps = steps.collect();
        (self.first, self.second) = (first, second);
        Ok(())
    }
}

fn update<T: TensorElement<Stored = T> + Element>(
    parameter: &Tensor,
    gradient: &Tensor,
    [first, second]: [&Tensor; 2],
    options: &AdamOptions,
) -> Result<(), TensorError> {
    let (mut outer, mut inner) = (Ok(()), Ok(()));
    first.try_update_with::<T>(gradient, |m, _| {
        outer = second.try_update_with::<T>(gradient, |v, _| {
            inner = parameter.try_update_with::<T>(gradient, |p, g| adam_step(p, g, m, v, options));
        });
    })?;
    outer.and(inner)
}

macro_rules! adam {
    ($(#[$doc:meta])* $name:ident, $decoupled:literal, $weight_decay:literal) => {
        $(#[$doc])*
        #[derive(Debug)]
        pub struct $name(State);

        impl $name {
            /// The usual settings: betas 0.9 and 0.999, epsilon 1e-8, and the default weight decay.
            pub fn new(parameters: Vec<(String, Tensor)>, lr: f64) -> Self {
                Self(State::new(parameters, lr, $weight_decay, $decoupled))
            }

            /// Decay of the running means of the gradients and of their squares.
            pub fn betas(mut self, beta1: f64, beta2: f64) -> Self {
                (self.0.options.beta1, self.0.options.beta2) = (beta1, beta2);
                self
            }

            /// Added to the denominator.
            pub fn epsilon(mut self, epsilon: f64) -> Self {
                self.0.options.epsilon = epsilon;
                self
            }

            /// Strength of the weight decay.
            pub fn weight_decay(mut self, weight_decay: f64) -> Self {
                self.0.options.weight_decay = weight_decay;
                self
            }
        }

        impl Optimizer for $name {
            fn parameters(&self) -> &[(String, Tensor)] {
                &self.0.parameters
            }

            fn step(&mut self) {
                self.0.step();
            }

            fn lr(&self) -> f64 {
                self.0.options.learning_rate
            }

            fn set_lr(&mut self, lr: f64) {
                self.0.options.learning_rate = lr;
            }

            fn state(&self) -> BTreeMap<String, Tensor> {
                self.0.export()
            }

            fn load_state(&mut self, state: &BTreeMap<String, Tensor>) -> Result<(), StateMismatch> {
                self.0.load(state)
            }
        }
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
