//! A leaky ReLU that learns its slope.

use striate_tensor::{DType, Tensor};

use crate::{Context, Module, ModuleError, Slot};

/// `x` above 0, `weight * x` below, with a learned weight for all or for each channel (He et al. 2015).
///
/// ```
/// use striate_nn::{Context, Module, PReLU};
/// use striate_tensor::Tensor;
///
/// let y = PReLU::new(1).forward(&Tensor::from_slice(&[-1.0_f32, 2.0], &[1, 2]), &Context::eval());
/// assert_eq!(y.to_vec::<f32>(), [-0.25, 2.0]);
/// ```
#[derive(Debug)]
pub struct PReLU {
    weight: Tensor,
}

impl PReLU {
    /// One weight (`channels` 1), or one for each channel of `[n, channels, ...]`; 0.25 at the start.
    pub fn new(channels: usize) -> Self {
        Self { weight: Tensor::ones(&[channels], DType::F32).mul_scalar(0.25).requires_grad_(true) }
    }
}

impl Module for PReLU {
    fn try_forward(&self, input: &Tensor, _context: &Context) -> Result<Tensor, ModuleError> {
        let mut shape = vec![1; input.rank()];
        if self.weight.numel() > 1 {
            super::norm::check_channels("prelu", input, self.weight.numel(), 2..=5)?;
            shape[1] = self.weight.numel();
        }
        let below = input.try_neg()?.try_relu()?.try_mul(&self.weight.try_reshape(&shape)?)?;
        Ok(input.try_relu()?.try_sub(&below)?)
    }

    fn visit<'a>(&'a self, visitor: &mut dyn FnMut(&str, Slot<'a>)) {
        visitor("weight", Slot::Parameter(&self.weight));
    }

    fn describe(&self) -> String {
        format!("PReLU({})", self.weight.numel())
    }
}
