//! Optimisers: from gradients to the next parameters.
//!
//! The arithmetic is PyTorch's, including the order of weight decay, momentum and bias correction. Parameters without a
//! gradient are left alone. [`Optimizer::state`] and [`Optimizer::load_state`] make a resumed run continue bit for bit.

mod adam;
mod sgd;

use std::collections::BTreeMap;

use striate_tensor::Tensor;

pub use adam::{Adam, AdamW};
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

/// A saved state does not belong to this optimiser.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the optimiser state does not fit: `{name}` {problem}")]
pub struct StateMismatch {
    /// The entry.
    pub name: String,
    /// What is wrong with it.
    pub problem: String,
}

/// Scales the gradients of `parameters` so that their joint 2-norm is at most `max_norm`; returns the norm they had.
///
/// Parameters without a gradient are skipped (PyTorch's `clip_grad_norm_`).
///
/// ```
/// use striate_nn::optim::clip_grad_norm;
/// use striate_tensor::Tensor;
///
/// let w = Tensor::from_slice(&[1.0_f32, 1.0], &[2]).requires_grad_(true);
/// w.set_grad(&Tensor::from_slice(&[3.0_f32, 4.0], &[2]));
/// assert_eq!(clip_grad_norm(&[w.clone()], 1.0), 5.0);
/// let clipped = w.grad().unwrap().to_vec::<f32>();
/// assert!((clipped[0] - 0.6).abs() < 1e-6 && (clipped[1] - 0.8).abs() < 1e-6);
/// ```
pub fn clip_grad_norm(parameters: &[Tensor], max_norm: f64) -> f64 {
    let gradients: Vec<(&Tensor, Tensor)> = parameters.iter().filter_map(|p| Some((p, p.grad()?))).collect();
    let square = |gradient: &Tensor| gradient.square().sum_all().to_dtype(striate_tensor::DType::F64).item::<f64>();
    let norm = gradients.iter().map(|(_, gradient)| square(gradient)).sum::<f64>().sqrt();
    let factor = max_norm / (norm + 1e-6);
    if factor < 1.0 {
        for (parameter, gradient) in gradients {
            parameter.set_grad(&(&gradient * factor));
        }
    }
    norm
}

/// One kind of per-parameter memory (a momentum buffer, a moment): made of zeros when its parameter first has a
/// gradient.
#[derive(Debug, Clone)]
struct Memory {
    kind: &'static str,
    slots: Vec<Option<Tensor>>,
}

impl Memory {
    fn new(kind: &'static str, count: usize) -> Self {
        Self { kind, slots: vec![None; count] }
    }

    fn export(&self, parameters: &[(String, Tensor)], state: &mut BTreeMap<String, Tensor>) {
        for ((name, _), slot) in parameters.iter().zip(&self.slots) {
            if let Some(tensor) = slot {
                state.insert(format!("{name}.{}", self.kind), tensor.clone());
            }
        }
    }
}

/// Fills fresh memories of these kinds from `state`, checking each entry against `fits(kind, parameter)`.
fn import<const N: usize>(
    kinds: [&'static str; N],
    parameters: &[(String, Tensor)],
    state: &BTreeMap<String, Tensor>,
    expected: impl Fn(&str, &Tensor) -> (Vec<usize>, striate_tensor::DType),
) -> Result<[Memory; N], StateMismatch> {
    let mut memories = kinds.map(|kind| Memory::new(kind, parameters.len()));
    for (name, tensor) in state {
        let mismatch = |problem: String| StateMismatch { name: name.clone(), problem };
        let (parameter, kind) = name.rsplit_once('.').unwrap_or(("", name));
        let index = parameters.iter().position(|(own, _)| own == parameter);
        let memory = memories.iter_mut().find(|memory| memory.kind == kind);
        let (Some(index), Some(memory)) = (index, memory) else {
            return Err(mismatch(format!("is unknown: this optimiser keeps {} for each parameter", kinds.join(", "))));
        };
        let (shape, dtype) = expected(kind, &parameters[index].1);
        if tensor.shape() != shape || tensor.dtype() != dtype {
            let found = (tensor.dtype(), tensor.shape());
            return Err(mismatch(format!("is {} {:?}, expected {dtype} {shape:?}", found.0, found.1)));
        }
        let own = if shape.is_empty() { Tensor::zeros(&shape, dtype) } else { zeros_like(&parameters[index].1) };
        own.copy_(tensor);
        memory.slots[index] = Some(own);
    }
    Ok(memories)
}

/// Zeros with the shape, dtype and memory order of a parameter, so that both can be walked together.
fn zeros_like(parameter: &Tensor) -> Tensor {
    let zeros = parameter.copy();
    zeros.copy_(&Tensor::zeros(&[], parameter.dtype()));
    zeros
}
