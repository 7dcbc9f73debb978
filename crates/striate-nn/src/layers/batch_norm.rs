//! Batch normalisation.

use striate_tensor::{BatchNormOptions, DType, Tensor, TensorError};

use super::norm::check_channels;
use crate::{Context, Fusible, Module, ModuleError, Slot};

macro_rules! batch_norm {
    ($(#[$doc:meta])* $name:ident, $ranks:expr, $fusible:expr) => {
        $(#[$doc])*
        #[derive(Debug)]
        pub struct $name {
            channels: usize,
            /// Scale and shift.
            affine: Option<[Tensor; 2]>,
            /// Mean and variance.
            running: Option<[Tensor; 2]>,
            /// How many batches the running statistics are of.
            num_batches_tracked: Tensor,
            eps: f64,
            momentum: Option<f64>,
        }

        impl $name {
            /// Scale 1, shift 0, `eps` 1e-5, `momentum` 0.1.
            pub fn new(channels: usize) -> Self {
                let vector = |value: f32| Tensor::full(&[channels], value);
                Self {
                    channels,
                    affine: Some([vector(1.0).requires_grad_(true), vector(0.0).requires_grad_(true)]),
                    running: Some([vector(0.0), vector(1.0)]),
                    num_batches_tracked: Tensor::zeros(&[], DType::I64),
                    eps: 1e-5,
                    momentum: Some(0.1),
                }
            }

            /// Added to the variance.
            pub fn eps(mut self, eps: f64) -> Self {
                self.eps = eps;
                self
            }

            /// Share of the newest batch in the running statistics.
            pub fn momentum(mut self, momentum: f64) -> Self {
                self.momentum = Some(momentum);
                self
            }

            /// Running statistics that are the plain mean over all batches seen (PyTorch's `momentum=None`).
            pub fn cumulative(mut self) -> Self {
                self.momentum = None;
                self
            }

            /// Whether there is a learned scale and shift.
            pub fn affine(mut self, affine: bool) -> Self {
                let made = Self::new(self.channels);
                self.affine = made.affine.filter(|_| affine);
                self
            }

            /// Whether there are running statistics. Without, evaluation uses those of the batch too.
            pub fn track_running_stats(mut self, track: bool) -> Self {
                let made = Self::new(self.channels);
                self.running = made.running.filter(|_| track);
                self
            }
        }

        impl Module for $name {
            fn try_forward(&self, input: &Tensor, context: &Context) -> Result<Tensor, ModuleError> {
                let training = context.training() || self.running.is_none();
                // A pass that is computed again has moved the statistics already.
                let counts = training && !context.replaying();
                let running = self.running.as_ref().filter(|_| counts || !training).map(|[mean, var]| (mean, var));
                check_channels("batch_norm", input, self.channels, $ranks)?;
                let seen = match (&self.running, counts) {
                    (Some(_), true) => Some(self.num_batches_tracked.item::<i64>() + 1),
                    _ => None,
                };
                let momentum = self.momentum.unwrap_or_else(|| 1.0 / seen.unwrap_or(1) as f64);
                let options = BatchNormOptions { training, momentum, eps: self.eps };
                // The operation knows vectors and images; a sequence is an image of one column.
                let sequence = input.rank() == 3;
                let input = if sequence { input.try_unsqueeze(3)? } else { input.clone() };
                let affine = self.affine.as_ref().map(|[weight, bias]| (weight, bias));
                let output = input.try_batch_norm(running, affine, options)?;
                let output = if sequence { output.try_squeeze(3)? } else { output };
                if let Some(seen) = seen {
                    self.num_batches_tracked.copy_(&Tensor::scalar(seen));
                }
                Ok(output)
            }

            fn visit<'a>(&'a self, visitor: &mut dyn FnMut(&str, Slot<'a>)) {
                if let Some([weight, bias]) = &self.affine {
                    visitor("weight", Slot::Parameter(weight));
                    visitor("bias", Slot::Parameter(bias));
                }
                if let Some([mean, var]) = &self.running {
                    visitor("running_mean", Slot::Buffer(mean));
                    visitor("running_var", Slot::Buffer(var));
                    visitor("num_batches_tracked", Slot::Buffer(&self.num_batches_tracked));
                }
            }

            fn fusible(&self) -> Option<Fusible<'_>> {
                let fusible: for<'a> fn(&'a Self) -> Option<Fusible<'a>> = $fusible;
                fusible(self)
            }

            fn describe(&self) -> String {
                format!(concat!(stringify!($name), "({})"), self.channels)
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
    BatchNorm2d, 4..=4, |norm| norm.running.is_some().then_some(Fusible::BatchNorm2d(norm))
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
    /// What evaluation does to each channel: `scale * x + shift`, both `[channels]`; nothing that could be said beforehand
    /// without running statistics.
    pub(super) fn scale_and_shift(&self) -> Option<Result<(Tensor, Tensor), TensorError>> {
        let [mean, var] = self.running.as_ref()?;
        Some(self.scale_and_shift_of(mean, var))
    }

    fn scale_and_shift_of(&self, mean: &Tensor, var: &Tensor) -> Result<(Tensor, Tensor), TensorError> {
        let deviation = var.try_add_scalar(self.eps)?.try_sqrt()?;
        let Some([weight, bias]) = &self.affine else {
            let scale = deviation.try_reciprocal()?;
            return Ok((scale.clone(), mean.try_mul(&scale)?.try_neg()?));
        };
        let scale = weight.try_div(&deviation)?;
        let shift = bias.try_sub(&mean.try_mul(&scale)?)?;
        Ok((scale, shift))
    }
}
