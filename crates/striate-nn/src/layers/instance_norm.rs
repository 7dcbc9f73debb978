//! Instance normalisation.

use striate_tensor::{DType, Tensor};

use super::norm::{check_channels, normalize, scale_channels};
use crate::{Context, Module, ModuleError, Slot};

macro_rules! instance_norm {
    ($(#[$doc:meta])* $name:ident, $op:literal, $rank:literal, $dims:expr) => {
        $(#[$doc])*
        #[derive(Debug)]
        pub struct $name {
            channels: usize,
            affine: Option<[Tensor; 2]>,
            eps: f64,
        }

        impl $name {
            /// `eps` 1e-5, nothing learned.
            pub fn new(channels: usize) -> Self {
                Self { channels, affine: None, eps: 1e-5 }
            }

            /// Whether there is a learned scale (from 1) and shift (from 0) for each channel.
            pub fn affine(mut self, affine: bool) -> Self {
                self.affine = affine.then(|| {
                    let weight = Tensor::ones(&[self.channels], DType::F32).requires_grad_(true);
                    [weight, Tensor::zeros(&[self.channels], DType::F32).requires_grad_(true)]
                });
                self
            }

            /// Added to the variance.
            pub fn eps(mut self, eps: f64) -> Self {
                self.eps = eps;
                self
            }
        }

        impl Module for $name {
            fn try_forward(&self, input: &Tensor, _context: &Context) -> Result<Tensor, ModuleError> {
                check_channels($op, input, self.channels, $rank..=$rank)?;
                let normal = normalize(input, $dims, self.eps)?;
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
                format!(concat!(stringify!($name), "({})"), self.channels)
            }
        }
    };
}

instance_norm!(
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
    InstanceNorm2d, "instance_norm2d", 4, &[2, 3]
);
instance_norm!(
    /// Normalises each channel of each sequence of `[n, c, l]` on its own (PyTorch's `InstanceNorm1d` with its defaults).
    InstanceNorm1d, "instance_norm1d", 3, &[2]
);
