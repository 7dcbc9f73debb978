//! Dropout.

use striate_tensor::{Tensor, TensorError};

use crate::{Context, Module, ModuleError};

/// In training, zeroes each value with probability `p` and divides the others by `1 - p`; in evaluation, nothing
/// (Srivastava et al. 2014).
///
/// The mask comes from [`Context::generator`]: the same seed, step and place in the model give the same mask.
#[derive(Debug, Clone, Copy)]
pub struct Dropout {
    p: f64,
}

impl Dropout {
    /// Drops with probability `p`.
    ///
    /// # Panics
    /// If `p` is not in `0..=1`.
    #[track_caller]
    pub fn new(p: f64) -> Self {
        assert!((0.0..=1.0).contains(&p), "Dropout: p = {p} is not a probability; choose a value from 0 to 1");
        Self { p }
    }
}

impl Module for Dropout {
    fn try_forward(&self, input: &Tensor, context: &Context) -> Result<Tensor, ModuleError> {
        if !context.training() {
            return Ok(input.clone());
        }
        Ok(input.try_dropout(self.p, &mut context.generator())?)
    }

    fn describe(&self) -> String {
        format!("Dropout({})", self.p)
    }
}

/// In training, zeroes whole channels of `[n, c, ...]` with probability `p` and divides the others by `1 - p` (Tompson et
/// al. 2015; PyTorch's `Dropout1d`, `Dropout2d` and `Dropout3d`): neighbouring pixels are too alike for [`Dropout`].
///
/// ```
/// use striate_nn::{ChannelDropout, Context, Module};
/// use striate_tensor::{DType, Tensor};
///
/// let y = ChannelDropout::new(0.5).forward(&Tensor::ones(&[4, 8, 2, 2], DType::F32), &Context::train(0, 0));
/// let sums = y.sum(&[2, 3], false).to_vec::<f32>();
/// assert!(sums.iter().all(|sum| *sum == 0.0 || *sum == 8.0));
/// ```
#[derive(Debug, Clone, Copy)]
pub struct ChannelDropout {
    p: f64,
}

impl ChannelDropout {
    /// Drops with probability `p`.
    ///
    /// # Panics
    /// If `p` is not in `0..=1`.
    #[track_caller]
    pub fn new(p: f64) -> Self {
        assert!((0.0..=1.0).contains(&p), "ChannelDropout: p = {p} is not a probability; choose a value from 0 to 1");
        Self { p }
    }
}

impl Module for ChannelDropout {
    fn try_forward(&self, input: &Tensor, context: &Context) -> Result<Tensor, ModuleError> {
        if !context.training() {
            return Ok(input.clone());
        }
        if input.rank() < 2 {
            let what = format!("the input is {:?}", input.shape());
            return Err(TensorError::shape("channel_dropout", what, "give [n, c, ...]").into());
        }
        let mut shape = vec![1; input.rank()];
        shape[..2].copy_from_slice(&input.shape()[..2]);
        let mask = Tensor::ones(&shape, input.dtype()).try_dropout(self.p, &mut context.generator())?;
        Ok(input.try_mul(&mask)?)
    }

    fn describe(&self) -> String {
        format!("ChannelDropout({})", self.p)
    }
}
