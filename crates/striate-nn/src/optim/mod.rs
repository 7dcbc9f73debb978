//! Optimisers: from gradients to the next parameters.
//!
//! The arithmetic is PyTorch's, including the order of weight decay, momentum and bias correction. Parameters without a
//! gradient are left alone. Parameters come as one list or in [groups](ParameterGroup). [`Optimizer::state`] and [`Optimizer::load_state`] make a resumed run continue bit for bit.

mod adadelta;
mod adagrad;
mod adam;
mod clip;
mod engine;
mod group;
mod lamb;
mod lbfgs;
mod lion;
mod memory;
mod muon;
mod nadam;
mod radam;
mod rmsprop;
mod sgd;

use std::collections::BTreeMap;

use striate_tensor::Tensor;

pub use adadelta::Adadelta;
pub use adagrad::Adagrad;
pub use adam::{Adam, AdamW};
pub use clip::{clip_grad_norm, clip_grad_value};
pub use group::{ParameterGroup, ParameterGroups};
pub use lamb::Lamb;
pub use lbfgs::Lbfgs;
pub use lion::Lion;
pub use muon::Muon;
pub use nadam::NAdam;
pub use radam::RAdam;
pub use rmsprop::RMSprop;
pub use sgd::Sgd;

/// Moves parameters against their gradients.
pub trait Optimizer: Send {
    /// The parameters with their names.
    fn parameters(&self) -> &[(String, Tensor)];

    /// Updates every parameter that has a gradient, in place.
    fn step(&mut self);

    /// The learning rate of the next step.
    fn lr(&self) -> f64;

    /// Sets the learning rate of the next step, for example from a [`Schedule`](crate::schedule::Schedule).
    fn set_lr(&mut self, lr: f64);

    /// What the optimiser remembers between steps, by `parameter name.kind`. Shares memory with the optimiser: write it
    /// out or copy it before the next step.
    fn state(&self) -> BTreeMap<String, Tensor>;

    /// Restores what [`Optimizer::state`] gave. What the state does not mention starts anew.
    ///
    /// # Errors
    /// When an entry belongs to no parameter, or has another shape or dtype; the optimiser is then unchanged.
    fn load_state(&mut self, state: &BTreeMap<String, Tensor>) -> Result<(), StateMismatch>;

    /// Forgets the gradients of all parameters.
    fn zero_grad(&self) {
        for (_, parameter) in self.parameters() {
            parameter.zero_grad();
        }
    }
}

/// A saved state does not belong to this optimiser or average.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the saved state does not fit: `{name}` {problem}")]
pub struct StateMismatch {
    /// The entry.
    pub name: String,
    /// What is wrong with it.
    pub problem: String,
}
