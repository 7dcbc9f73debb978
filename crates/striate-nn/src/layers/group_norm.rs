//! Group normalisation.

use striate_tensor::{DType, Tensor};

use super::norm::check_channels;
use crate::{Context, Module, ModuleError, Slot};

/// Normalises groups of channels of each sample of `[n, c, ...]` together, then scales and shifts each channel (Wu and He
/// 2018; PyTorch's `GroupNorm`). Does not depend on the batch: for small ones.
///
/// ```
/// use striate_nn::{Context, GroupNorm, Module};
/// use striate_tensor::{Tensor, random::Generator};
///
/// let x = Tensor::randn(&[2, 6, 4, 4], &mut Generator::new(0));
/// assert_eq!(GroupNorm::new(3, 6).forward(&x, &Context::eval()).shape(), x.shape());
/// ```
#[derive(Debug)]
pub struct GroupNorm {
    channels: usize,
    affine: Option<[Tensor; 2]>,
    groups: usize,
    eps: f64,
}

impl GroupNorm {
    /// Scale 1, shift 0, `eps` 1e-5.
    ///
    /// # Panics
    /// If `groups` does not divide `channels`.
    #[track_caller]
    pub fn new(groups: usize, channels: usize) -> Self {
        assert!(
            groups > 0 && channels.is_multiple_of(groups),
            "GroupNorm: groups = {groups} must divide the {channels} channels"
        );
        let weight = Tensor::ones(&[channels], DType::F32).requires_grad_(true);
        let bias = Tensor::zeros(&[channels], DType::F32).requires_grad_(true);
        Self { channels, affine: Some([weight, bias]), groups, eps: 1e-5 }
    }

    /// Whether there is a learned scale and shift for each channel.
    pub fn affine(mut self, affine: bool) -> Self {
        self.affine = Self::new(self.groups, self.channels).affine.filter(|_| affine);
        self
    }

    /// Added to the variance.
    pub fn eps(mut self, eps: f64) -> Self {
        self.eps = eps;
        self
    }
}

impl Module for GroupNorm {
    fn try_forward(&self, input: &Tensor, _context: &Context) -> Result<Tensor, ModuleError> {
        check_channels("group_norm", input, self.channels, 2..=5)?;
        let affine = self.affine.as_ref().map(|[weight, bias]| (weight, bias));
        Ok(input.try_group_norm(self.groups, affine, self.eps)?)
    }

    fn visit<'a>(&'a self, visitor: &mut dyn FnMut(&str, Slot<'a>)) {
        if let Some([weight, bias]) = &self.affine {
            visitor("weight", Slot::Parameter(weight));
            visitor("bias", Slot::Parameter(bias));
        }
    }

    fn describe(&self) -> String {
        format!("GroupNorm({} groups, {})", self.groups, self.channels)
    }
}
