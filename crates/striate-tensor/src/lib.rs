//! Tensors with automatic differentiation.
//!
//! ```
//! use striate_tensor::{Tensor, random::Generator};
//!
//! let mut generator = Generator::new(0);
//! let x = Tensor::randn(&[32, 4], &mut generator);
//! let w = Tensor::randn(&[4, 3], &mut generator).requires_grad_(true);
//! let loss = x.matmul(&w).relu().mean_all();
//! loss.backward();
//! assert_eq!(w.grad().unwrap().shape(), [4, 3]);
//! ```
//!
//! Where to read on, in the order of a forward and a backward pass: [`Tensor`] (`tensor.rs`) is a view
//! (`layout.rs`) of memory (`storage.rs`); operations (`ops/`, one file each) compute new ones and record themselves;
//! `autograd/` walks the record backwards.
//!
//! A mistake of the caller, as shapes that do not fit, panics at the caller's line with what is wrong and how to fix
//! it. Every operation `x` that can fail has a twin `try_x` which returns the same text as a [`TensorError`].

mod autocast;
mod autograd;
mod create;
mod dtype;
mod error;
mod format;
pub mod gradient_check;
mod layout;
mod ops;
pub mod random;
mod storage;
mod tensor;

pub use autocast::{autocast, is_autocast_enabled, try_autocast};
pub use autograd::{
    GradOptions, RecordedOperation, checkpoint, enable_grad, grad, grad_with, hessian, is_grad_enabled, jacobian,
    no_grad, try_checkpoint,
};
pub use dtype::{DType, Number, TensorElement};
pub use error::{ErrorKind, TensorError};
pub use layout::MemoryFormat;
pub use ops::attention::AttentionOptions;
pub use ops::batch_norm::BatchNormOptions;
pub use ops::conv1d::Conv1dOptions;
pub use ops::conv2d::{Conv2dOptions, ConvSteps};
pub use ops::cross_entropy::Reduction;
pub use ops::ctc_loss::CtcOptions;
pub use ops::grid_sample::{GridSampleOptions, OutsideImage, SampleMode};
pub use ops::interpolate::Interpolation;
pub use ops::lstm::{LstmParameters, RecurrentParameters};
pub use ops::pad_with::PaddingMode;
pub use ops::pooling::Pool2dOptions;
pub use ops::unfold::UnfoldOptions;
pub use ops::{Slice, registry};
pub use striate_kernels::bf16::bf16;
pub use tensor::Tensor;
