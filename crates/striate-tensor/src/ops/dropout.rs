//! Dropout (Srivastava et al. 2014): `y = x m / (1 - p)` and `∂x = ∂y m / (1 - p)` with a random mask `m` that is 0 with
//! probability `p`, else 1. The expected value of `y` is `x`.

use super::pointwise::map;
use crate::dtype::dispatch_float;
use crate::error::OrPanic;
use crate::layout::{Layout, MemoryFormat};
use crate::random::Generator;
use crate::{DType, Tensor, TensorError};

const OP: &str = "dropout";

impl Tensor {
    /// Zeroes each element with probability `p` and multiplies the others by `1 / (1 - p)`.
    ///
    /// The mask is drawn in logical (row-major) order: it does not depend on how the tensor lies in memory.
    ///
    /// ```
    /// use striate_tensor::{DType, Tensor, random::Generator};
    /// let y = Tensor::ones(&[1000], DType::F32).dropout(0.5, &mut Generator::new(0));
    /// assert!(y.to_vec::<f32>().iter().all(|&y| y == 0.0 || y == 2.0));
    /// ```
    ///
    /// # Panics
    /// When the tensor is not a float, or `p` is not in `0..=1`.
    #[track_caller]
    pub fn dropout(&self, p: f64, generator: &mut Generator) -> Tensor {
        self.try_dropout(p, generator).or_panic()
    }

    /// Like [`dropout`](Self::dropout), with a mistake as an error.
    pub fn try_dropout(&self, p: f64, generator: &mut Generator) -> Result<Tensor, TensorError> {
        if self.dtype() == DType::BF16 {
            return crate::autocast::rounded(self, |x| x.try_dropout(p, generator));
        }
        if !self.dtype().is_float() {
            return Err(TensorError::needs_float(OP, self.dtype()));
        }
        if !(0.0..=1.0).contains(&p) {
            return Err(TensorError::argument(OP, format!("p = {p} is not a probability"), "choose p from 0 to 1"));
        }
        if p == 0.0 {
            return Ok(self.clone());
        }
        let draws = Tensor::fill_layout::<f32>(Layout::contiguous(self.shape()), DType::F32, |draws| {
            generator.fill_uniform(draws);
        });
        // In the memory order of the input, so that the product keeps it.
        let draws = if self.is_channels_last() { draws.to_format(MemoryFormat::ChannelsLast) } else { draws };
        let (p, kept) = (p as f32, if p < 1.0 { 1.0 / (1.0 - p) } else { 0.0 });
        let mask = dispatch_float!(self.dtype(), OP, |T| {
            map(&draws, self.dtype(), |draw: f32| -> T {
                if draw < p { 0.0 } else { kept as T }
            })
        });
        self.try_mul(&mask)
    }
}
