//! Instance normalisation.

use striate_tensor::{DType, Tensor};

use super::norm::{check_channels, normalize, scale_channels};
use crate::{Context, Module, ModuleError, Slot};

/// Normalises each channel of each image of `[n, c, h, w]` on its own (Ulyanov et al. 2016; PyTorch's `InstanceNorm2d`
/// with its defaults: nothing learned, no running statistics).
///
/// ```
/// use striate_nn::{Context, InstanceNorm2d, Module};
/// use striate_tensor::{Tensor, random::Generator};
///
/// let x = Tensor::randn(&[2, 3, 4, 4], &mut Generator::new(0));
/// let y = InstanceNorm2d::new(3).forward(&x, &Context::eval());
/// assert!(y.mean(&[2, 3], false).abs().max_all().item::<f32>() < 1e-6);
/// ```
#[derive(Debug)]
pub struct InstanceNorm2d {
    channels: usize,
    affine: Option<[Tensor; 2]>,
    eps: f64,
}

impl InstanceNorm2d {
    /// `eps` 1e-5, nothing learned.
    pub fn new(channels: usize) -> Self {
        Self { channels, affine: None, eps: 1e-5 }
    }

    /// With a learned scale (from 1) and shift (from 0) for each channel.
    pub fn affine(mut self) -> Self {
        let weight = Tensor::ones(&[self.channels], DType::F32).requires_grad_(true);
        self.affine = Some([weight, Tensor::zeros(&[self.channels], DType::F32).requires_grad_(true)]);
        self
    }

    /// Added to the variance.
    pub fn eps(mut self, eps: f64) -> Self {
        self.eps = eps;
        self
    }
}

impl Module for InstanceNorm2d {
    fn try_forward(&self, input: &Tensor, _context: &Context) -> Result<Tensor, ModuleError> {
        check_channels("instance_norm2d", input, self.channels, 4..=4)?;
        let normal = normalize(input, &[2, 3], self.eps)?;
        let Some([weight, bias]) = &self.affine else { return Ok(normal) };
        Ok(scale_channels(&normal, weight, bias)?)
    }

    fn visit<'a>(&'a self, visitor: &mut dyn FnMut(&str, Slot<'a>)) {
        if let Some([weight, bias]) = &self.affine {
            visitor("weight", Slot::Parameter(weight));
            visitor("bias", Slot::Parameter(bias));
        }
    }

    fn describe(&self) -> String {
        format!("InstanceNorm2d({})", self.channels)
    }
}
