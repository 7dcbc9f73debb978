//! The number formats in which a workload is timed.

/// One of them.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Precision {
    /// Single precision.
    F32,
}

impl Precision {
    /// Those that the engine has.
    pub const ALL: [Self; 1] = [Self::F32];

    /// Who runs the workload, in the output.
    pub fn peer(self) -> &'static str {
        match self {
            Self::F32 => "striate",
        }
    }

    /// Runs the forward pass and the loss.
    pub fn run<R>(self, body: impl FnOnce() -> R) -> R {
        match self {
            Self::F32 => body(),
        }
    }
}
