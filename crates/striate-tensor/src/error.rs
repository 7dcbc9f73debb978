//! What a caller got wrong, and how to fix it.

use crate::DType;

/// The kind of a [`TensorError`], for callers that react to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// Shapes or sizes do not fit together.
    Shape,
    /// The dtypes do not fit the operation or each other.
    DType,
    /// A dimension or an index is out of range.
    Index,
    /// Another argument has a value that the operation does not accept.
    Argument,
    /// The gradient cannot be computed.
    Autograd,
}

/// A mistake in a call: which operation, what is wrong, and what to do about it.
///
/// Every operation `x` has a twin `try_x` that returns this error; `x` panics with the same text at the caller's line.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{op}: {what}\n  help: {help}")]
pub struct TensorError {
    kind: ErrorKind,
    op: &'static str,
    what: String,
    help: String,
}

impl TensorError {
    /// An error of `kind` in the operation `op`: what is wrong and how to fix it, each in one sentence without a full
    /// stop.
    pub fn new(kind: ErrorKind, op: &'static str, what: impl Into<String>, help: impl Into<String>) -> Self {
        Self { kind, op, what: what.into(), help: help.into() }
    }

    /// Shapes that do not fit.
    pub fn shape(op: &'static str, what: impl Into<String>, help: impl Into<String>) -> Self {
        Self::new(ErrorKind::Shape, op, what, help)
    }

    /// Dtypes that do not fit.
    pub fn dtype(op: &'static str, what: impl Into<String>, help: impl Into<String>) -> Self {
        Self::new(ErrorKind::DType, op, what, help)
    }

    /// A dimension or an index out of range.
    pub fn index(op: &'static str, what: impl Into<String>, help: impl Into<String>) -> Self {
        Self::new(ErrorKind::Index, op, what, help)
    }

    /// An argument value that is not accepted.
    pub fn argument(op: &'static str, what: impl Into<String>, help: impl Into<String>) -> Self {
        Self::new(ErrorKind::Argument, op, what, help)
    }

    /// A gradient that cannot be computed.
    pub fn autograd(op: &'static str, what: impl Into<String>, help: impl Into<String>) -> Self {
        Self::new(ErrorKind::Autograd, op, what, help)
    }

    /// The same mistake, of the operation that called the one that noticed it.
    pub(crate) fn found_by(self, op: &'static str) -> Self {
        Self { op, ..self }
    }

    /// The kind of mistake.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// The operation that refused.
    pub fn op(&self) -> &'static str {
        self.op
    }

    /// What is wrong, without the operation's name and the help.
    pub fn what(&self) -> &str {
        &self.what
    }

    /// What to do about it.
    pub fn help(&self) -> &str {
        &self.help
    }

    pub(crate) fn needs_float(op: &'static str, got: DType) -> Self {
        if got == DType::BF16 {
            return Self::dtype(op, "does not compute in bf16", "convert it first: x.to_dtype(DType::F32)");
        }
        Self::dtype(op, format!("needs a float tensor, got {got}"), "convert it first: x.to_dtype(DType::F32)")
    }

    pub(crate) fn needs_number(op: &'static str) -> Self {
        Self::dtype(op, "needs numbers, got bool", "convert it first: x.to_dtype(DType::F32)")
    }

    pub(crate) fn dtypes_differ(op: &'static str, left: DType, right: DType) -> Self {
        let to = if right.is_float() && !left.is_float() { right } else { left };
        let which = if to == left { "right" } else { "left" };
        Self::dtype(
            op,
            format!("dtypes differ: left is {left}, right is {right}"),
            format!("convert one of them: {which}.to_dtype(DType::{to:?})"),
        )
    }
}

/// Turns a mistake of the caller into a panic at the caller's line: the second half of every `try_x` / `x` pair.
pub(crate) trait OrPanic {
    type Value;
    #[track_caller]
    fn or_panic(self) -> Self::Value;
}

impl<T> OrPanic for Result<T, TensorError> {
    type Value = T;
    #[track_caller]
    #[inline]
    fn or_panic(self) -> T {
        match self {
            Ok(value) => value,
            Err(error) => panic!("{error}"),
        }
    }
}
