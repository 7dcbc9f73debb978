//! What an optimiser remembers of each parameter.

use std::collections::BTreeMap;

use striate_tensor::{DType, Tensor};

use super::StateMismatch;

/// One kind of per-parameter memory (a momentum buffer, a moment): made when its parameter first has a gradient.
#[derive(Debug, Clone)]
pub(super) struct Memory {
    kind: &'static str,
    pub slots: Vec<Option<Tensor>>,
}

impl Memory {
    pub fn new(kind: &'static str, count: usize) -> Self {
        Self { kind, slots: vec![None; count] }
    }

    pub fn export(&self, parameters: &[(String, Tensor)], state: &mut BTreeMap<String, Tensor>) {
        for ((name, _), slot) in parameters.iter().zip(&self.slots) {
            if let Some(tensor) = slot {
                state.insert(format!("{name}.{}", self.kind), tensor.clone());
            }
        }
    }
}

/// Fills fresh memories of these kinds from `state`, checking each entry against `expected(kind, parameter)`.
pub(super) fn import(
    kinds: &[&'static str],
    parameters: &[(String, Tensor)],
    state: &BTreeMap<String, Tensor>,
    expected: impl Fn(&str, &Tensor) -> (Vec<usize>, DType),
) -> Result<Vec<Memory>, StateMismatch> {
    let mut memories: Vec<Memory> = kinds.iter().map(|kind| Memory::new(kind, parameters.len())).collect();
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
        let own = if shape.is_empty() { Tensor::zeros(&shape, dtype) } else { like(&parameters[index].1, 0.0) };
        own.copy_(tensor);
        memory.slots[index] = Some(own);
    }
    Ok(memories)
}

/// A constant with the shape, dtype and memory order of a parameter, so that both can be walked together.
pub(super) fn like(parameter: &Tensor, value: f64) -> Tensor {
    let constant = parameter.copy();
    constant.copy_(&Tensor::scalar(value).to_dtype(parameter.dtype()));
    constant
}
