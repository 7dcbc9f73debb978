//! The operations. One file is one operation, or one small family that shares a formula.
//!
//! # Adding an operation
//!
//! A file `ops/name.rs` holds, in this order: the maths of forward and backward in its `//!` page; the saved values
//! (`struct NameBackward`) with their [`Backward`](crate::autograd::Backward); the pair `name` / `try_name` in an
//! `impl Tensor`. One line in `registry.rs` feeds the gradient checks.
//!
//! ```ignore
//! struct SquareBackward { x: SavedTensor }                       // what the gradient needs, and no more
//!
//! impl Backward for SquareBackward {
//!     // One entry per input of `record`, in the input's shape; `needs[i]` says whether it is wanted.
//!     fn backward(&self, grad: &Tensor, _needs: &[bool]) -> Result<Vec<Option<Tensor>>, TensorError> {
//!         Ok(vec![Some(grad.try_mul(&self.x.get("square")?.try_mul_scalar(2.0)?)?)])
//!     }
//! }
//!
//! impl Tensor {
//!     /// Documentation: what, shapes, an example, `# Panics`.
//!     #[track_caller]
//!     pub fn square(&self) -> Tensor { self.try_square().or_panic() }
//!
//!     pub fn try_square(&self) -> Result<Tensor, TensorError> {
//!         // 1. Check dtypes and shapes: TensorError::{shape, dtype, index, argument}(op, what, help).
//!         // 2. Compute. `dispatch_float!(dtype, op, |T| ..)` binds T to f32 or f64.
//!         let y = dispatch_float!(self.dtype(), "square", |T| {
//!             let x = self.data_in_format::<T>(MemoryFormat::Contiguous);   // dense slice, copied only if needed
//!             Tensor::fill_new::<T>(self.shape(), MemoryFormat::Contiguous, |output| kernel(&x, output))
//!         });
//!         // 3. Record. The closure runs only when a gradient may be asked for.
//!         Ok(y.record("square", &[self], || SquareBackward { x: SavedTensor::new(self) }))
//!     }
//! }
//! ```
//!
//! - [`Tensor::data_in_format`](crate::Tensor) gives elements in row-major or channels-last (NHWC) order;
//!   `data_in_layout` in the order of any dense layout; `data` as they lie, to be read through the strides.
//! - [`Tensor::fill_new`](crate::Tensor) makes the output in either order; the slice holds unspecified values before.
//! - Element-by-element work goes through [`pointwise`], reductions through [`reduce`]; operations that only move
//!   elements give [`rearrange`] a list of places, linear resampling gives [`resample`] its weights: both then have
//!   their gradient.
//! - `tests/golden` holds PyTorch's values: one line in its script, one in `tests/golden.rs`.
//! - Operations inside `backward` are not recorded. An operation without a gradient is not recorded with `record` on
//!   a float result: return an error from its `backward` instead, so that no gradient is lost in silence.

mod activation;
mod adaptive_pooling;
pub(crate) mod arithmetic;
pub(crate) mod attention;
pub(crate) mod batch_norm;
mod broadcast;
mod cast;
mod cat;
mod compare;
pub(crate) mod conv1d;
pub(crate) mod conv2d;
mod conv2d_gradient;
mod conv_transpose2d;
pub(crate) mod copy;
pub(crate) mod cross_entropy;
pub(crate) mod ctc_loss;
mod cumprod;
mod cumsum;
mod derivatives;
mod dropout;
mod einsum;
mod elementary;
mod embedding;
mod extremum;
mod flip;
mod gather;
pub(crate) mod grid_sample;
mod index;
pub(crate) mod interpolate;
mod layer_norm;
mod linear;
mod logsumexp;
pub(crate) mod lstm;
mod masked;
mod matmul;
mod max;
mod max_unpool;
mod median;
mod mixed;
mod narrow;
mod norm;
mod operators;
pub(crate) mod pad_with;
mod permute;
pub(crate) mod pointwise;
pub(crate) mod pooling;
mod power;
mod predicates;
mod prod;
mod rearrange;
mod recurrent;
pub(crate) mod reduce;
pub mod registry;
mod repeat;
mod resample;
mod reshape;
mod rounding;
mod sample;
mod scatter;
mod softmax;
mod sort;
pub(crate) mod sum;
mod triangle;
mod unary;
pub(crate) mod unfold;
mod var;
mod where_;
mod window;

pub use narrow::Slice;
