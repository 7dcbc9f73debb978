//! Values kept for the backward pass.

use crate::{Tensor, TensorError};

/// An input or output of an operation that its backward reads, with the version it had: reading it after it was
/// written to in place is an error, never a silently wrong gradient.
pub(crate) struct SavedTensor {
    value: Tensor,
    version: u64,
}

impl SavedTensor {
    pub(crate) fn new(tensor: &Tensor) -> Self {
        // Detached, so that a node never keeps itself alive through a tensor it made.
        let value = if tensor.0.node.is_some() { tensor.detach() } else { tensor.clone() };
        Self { version: value.data_version(), value }
    }

    /// The value, as it was when `op` was computed.
    pub(crate) fn get(&self, op: &'static str) -> Result<&Tensor, TensorError> {
        let now = self.value.data_version();
        if now == self.version {
            return Ok(&self.value);
        }
        Err(TensorError::autograd(
            op,
            format!(
                "a tensor of shape {:?} that its gradient needs was modified in place after {op} used it (version {} \
                 then, {now} now)",
                self.value.shape(),
                self.version
            ),
            "call backward() before updating the tensor, or give the operation a copy",
        ))
    }
}
