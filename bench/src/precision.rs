//! The number formats in which a workload is timed.

use striate_tensor::{DType, autocast};

/// One of them.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Precision {
    /// Single precision.
    F32,
    /// Mixed precision: products in bf16, weights in f32.
    Bf16,
}

impl Precision {
    /// Those that the engine has.
    pub const ALL: [Self; 2] = [Self::F32, Self::Bf16];

    /// Who runs the workload, in the output.
    pub fn peer(self) -> &'static str {
        match self {
            Self::F32 => "striate",
            Self::Bf16 => "striate-bf16",
        }
    }

    /// Runs the forward pass and the loss.
    pub fn run<R>(self, body: impl FnOnce() -> R) -> R {
        match self {
            Self::F32 => body(),
            Self::Bf16 => autocast(DType::BF16, body),
        }
    }
}
