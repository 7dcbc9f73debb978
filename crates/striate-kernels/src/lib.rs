//! Numeric kernels of Striate: slices in, slices out. No tensors, no shapes beyond the numbers a kernel needs.
//!
//! - Activations of 2-D kernels are **NHWC** (channels last), weights are **OIHW**.
//! - Every kernel is parallel inside; work is cut by the *size of the problem*, never by the number of threads, and partial
//!   results are combined in a fixed order: the same input gives the same bits with 1, 2 or 64 threads.
//! - A wrong slice length is a bug of the caller and panics; the crates above turn user mistakes into errors first.
//! - NaN goes through: the maximum of anything and NaN is NaN.
//!
//! `STRIATE_NUM_THREADS` sets the number of threads, `STRIATE_ISA` (`scalar`, `avx2`, `avx512`; on ARM
//! `scalar`, `neon`) caps the instruction set; `amx` (bf16
//! products in tiles) comes after `avx512`.

pub mod activation;
mod arch;
pub mod attention;
pub mod batch_norm;
pub mod bf16;
pub mod conv2d;
mod element;
mod epilogue;
mod error_function;
pub mod gemm;
pub mod layout;
pub mod lstm;
mod math;
pub mod memory;
pub mod optimizer;
mod panels;
pub mod pointwise;
pub mod pooling;
pub mod random;
pub mod row_norm;
pub mod softmax;
pub mod streaming;
#[cfg(test)]
mod test_values;
pub mod threads;

pub use arch::instruction_sets;
pub use element::Element;
