//! The error of a forward pass.

use std::fmt;

use striate_tensor::TensorError;

/// A tensor operation refused its arguments inside a module.
///
/// Reads `` in `features.conv2`: conv2d: input has 3 channels, weight expects 16 ``.
#[derive(Debug, Clone)]
pub struct ModuleError {
    /// Path of the innermost module that failed, for example `features.conv2`; empty for a module called on its own.
    pub path: String,
    /// What the operation says.
    pub error: TensorError,
}

impl ModuleError {
    /// The same error with the place filled in, unless an inner module has already done so.
    pub(crate) fn located(mut self, path: &str) -> Self {
        if self.path.is_empty() {
            self.path.push_str(path);
        }
        self
    }
}

impl fmt::Display for ModuleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.path.is_empty() { write!(f, "{}", self.error) } else { write!(f, "in `{}`: {}", self.path, self.error) }
    }
}

impl std::error::Error for ModuleError {}

impl From<TensorError> for ModuleError {
    fn from(error: TensorError) -> Self {
        Self { path: String::new(), error }
    }
}
