//! Striate as a library: every crate under one name.
//!
//! ```
//! use striate::tensor::{Tensor, random::Generator};
//!
//! let mut generator = Generator::new(7);
//! let weight = Tensor::randn(&[3, 2], &mut generator).requires_grad_(true);
//! let loss = Tensor::randn(&[5, 3], &mut generator).matmul(&weight).mean_all();
//! loss.backward();
//! assert_eq!(weight.grad().unwrap().shape(), [3, 2]);
//! ```
//!
//! A product that needs one part only depends on that crate: `striate-tensor` for tensors and gradients, `striate-nn` for
//! modules and optimisers, `striate-image` for filters on `ndarray`, and so on down the list.

pub use striate_data as data;
pub use striate_image as image;
pub use striate_kernels as kernels;
pub use striate_models as models;
pub use striate_nn as nn;
pub use striate_road as road;
pub use striate_studio as studio;
pub use striate_tensor as tensor;
pub use striate_train as train;

/// The code of the README compiles and runs.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
pub struct Readme;
