//! Batch normalisation.

use striate_tensor::{BatchNormOptions, DType, Tensor, TensorError};

use super::norm::check_channels;
use crate::{Context, Fusible, Module, ModuleError, Slot};

macro_rules! batch_norm {
    ($(#[$doc:meta])* $name:ident, $ranks:expr, $fusible:expr) => {
        $(#[$doc])*
        #[derive(Debug)]
        pub struct $name {
            weight: Tensor,
            bias: Tensor,
            running_mean: Tensor,
            running_var: Tensor,
            /// Not used by the maths: kept so that state dictionaries are exchangeable with PyTorch's.
            num_batches_tracked: Tensor,
            eps: f64,
            momentum: f64,
        }

        impl $name {
            /// Scale 1, shift 0, `eps` 1e-5, `momentum` 0.1.
            pub fn new(channels: usize) -> Self {
                Self::with_options(channels, 1e-5, 0.1)
            }

            /// `eps` is added to the variance; `momentum` is the share of the newest batch in the running statistics.
            pub fn with_options(channels: usize, eps: f64, momentum: f64) -> Self {
                Self {
                    weight: Tensor::ones(&[channels], DType::F32).requires_grad_(true),
                    bias: Tensor::zeros(&[channels], DType::F32).requires_grad_(true),
                    running_mean: Tensor::zeros(&[channels], DType::F32),
                    running_var: Tensor::ones(&[channels], DType::F32),
                    num_batches_tracked: Tensor::zeros(&[], DType::I64),
                    eps,
                    momentum,
                }
            }
        }

        impl Module for $name {
            fn try_forward(&self, input: &Tensor, context: &Context) -> Result<Tensor, ModuleError> {
                let options = BatchNormOptions { training: context.training(), momentum: self.momentum, eps: self.eps };
                // A pass that is computed again has moved the statistics already.
                let counts = context.training() && !context.replaying();
                let running = (counts || !context.training()).then_some((&self.running_mean, &self.running_var));
                check_channels("batch_norm", input, self.weight.numel(), $ranks)?;
                // The operation knows vectors and images; a sequence is an image of one column.
                let sequence = input.rank() == 3;
                let input = if sequence { input.try_unsqueeze(3)? } else { input.clone() };
                let output = input.try_batch_norm(running, Some((&self.weight, &self.bias)), options)?;
                let output = if sequence { output.try_squeeze(3)? } else { output };
                if counts {
                    let seen = self.num_batches_tracked.item::<i64>();
                    self.num_batches_tracked.copy_(&Tensor::scalar(seen + 1));
                }
                Ok(output)
            }

            fn visit<'a>(&'a self, visitor: &mut dyn FnMut(&str, Slot<'a>)) {
                visitor("weight", Slot::Parameter(&self.weight));
                visitor("bias", Slot::Parameter(&self.bias));
                visitor("running_mean", Slot::Buffer(&self.running_mean));
                visitor("running_var", Slot::Buffer(&self.running_var));
                visitor("num_batches_tracked", Slot::Buffer(&self.num_batches_tracked));
            }

            fn fusible(&self) -> Option<Fusible<'_>> {
                let fusible: for<'a> fn(&'a Self) -> Option<Fusible<'a>> = $fusible;
                fusible(self)
            }

            fn describe(&self) -> String {
                format!(concat!(stringify!($name), "({})"), self.weight.shape()[0])
            }
        }
    };
}

batch_norm!(
    /// Normalises each channel of `[n, c, h, w]` to mean 0 and variance 1, then scales and shifts it (Ioffe and Szegedy
    /// 2015).
    ///
    /// Training uses the statistics of the batch and moves the running ones by `momentum` (0.1) towards them; the running
    /// variance takes the unbiased estimate, as in PyTorch. Evaluation uses the running statistics.
    BatchNorm2d, 4..=4, |norm| Some(Fusible::BatchNorm2d(norm))
);
batch_norm!(
    /// Normalises each channel of `[n, c]` or `[n, c, l]` to mean 0 and variance 1, then scales and shifts it (Ioffe and Szegedy
    /// 2015).
    ///
    /// Training uses the statistics of the batch and moves the running ones by `momentum` (0.1) towards them; the running
    /// variance takes the unbiased estimate, as in PyTorch. Evaluation uses the running statistics.
    ///
    /// ```
    /// use striate_nn::{BatchNorm1d, Context, Module};
    /// use striate_tensor::{Tensor, random::Generator};
    ///
    /// let x = Tensor::randn(&[8, 3], &mut Generator::new(0));
    /// let y = BatchNorm1d::new(3).forward(&x, &Context::train(0, 0));
    /// assert!(y.mean(&[0], false).abs().max_all().item::<f32>() < 1e-6);
    /// ```
    BatchNorm1d, 2..=3, |_| None
);

impl BatchNorm2d {
    /// What evaluation does to each channel: `scale * x + shift`, both `[channels]`.
    pub(super) fn scale_and_shift(&self) -> Result<(Tensor, Tensor), TensorError> {
        let deviation = self.running_var.try_add_scalar(self.eps)?.try_sqrt()?;
        let scale = self.weight.try_div(&deviation)?;
        let shift = self.bias.try_sub(&self.running_mean.try_mul(&scale)?)?;
        Ok((scale, shift))
    }
}
