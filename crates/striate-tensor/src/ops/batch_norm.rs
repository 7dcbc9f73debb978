//! Batch normalisation (Ioffe and Szegedy 2015).
//!
//! Per channel, over all other dimensions (`m` elements):
//!
//! ```text
//! x̂ = (x - mean) / sqrt(var + eps)          y = weight x̂ + bias
//! ∂weight = Σ ∂y x̂        ∂bias = Σ ∂y
//! training:    ∂x = weight / sqrt(var + eps) (∂y - ∂bias / m - x̂ ∂weight / m)
//! evaluation:  ∂x = weight / sqrt(var + eps) ∂y
//! ```
//!
//! In training, `mean` and `var` are those of the batch (`var` divided by `m`), and the running statistics move by
//! `momentum` towards the batch's (`var` divided by `m - 1` there). In evaluation they are the running statistics.

use striate_kernels::Element;
use striate_kernels::batch_norm::{self as kernel, Normalization};
use striate_kernels::memory::Buffer;

use crate::autograd::{Backward, Gradients, Recording, SavedTensor};
use crate::dtype::dispatch_float;
use crate::error::OrPanic;
use crate::layout::{Layout, MemoryFormat};
use crate::{DType, Tensor, TensorError};

pub(super) const OP: &str = "batch_norm";

/// Settings of [`Tensor::batch_norm`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BatchNormOptions {
    /// Whether to use the batch's own statistics.
    pub training: bool,
    /// Share of the batch in the updated running statistics.
    pub momentum: f64,
    /// Added to the variance.
    pub eps: f64,
}

impl Default for BatchNormOptions {
    fn default() -> Self {
        Self { training: true, momentum: 0.1, eps: 1e-5 }
    }
}

impl Tensor {
    /// Normalises each channel of `[n, c]` or `[n, c, h, w]`, then scales by `affine.0` and shifts by `affine.1`
    /// (`[c]` each; none: 1 and 0).
    ///
    /// `running` are the running mean and variance `[c]`: updated in place in training (where they may be absent), used
    /// in evaluation.
    ///
    /// ```
    /// use striate_tensor::{BatchNormOptions, Tensor};
    /// let x = Tensor::from_slice(&[1.0f32, 3.0], &[2, 1]);
    /// let y = x.batch_norm(None, None, BatchNormOptions { eps: 0.0, ..Default::default() });
    /// assert_eq!(y.to_vec::<f32>(), [-1.0, 1.0]);
    /// ```
    ///
    /// # Panics
    /// When shapes or dtypes do not fit, evaluation lacks the running statistics, or training has a single value per
    /// channel.
    #[track_caller]
    pub fn batch_norm(
        &self,
        running: Option<(&Tensor, &Tensor)>,
        affine: Option<(&Tensor, &Tensor)>,
        options: BatchNormOptions,
    ) -> Tensor {
        self.try_batch_norm(running, affine, options).or_panic()
    }

    /// Like [`batch_norm`](Self::batch_norm), with a mistake as an error.
    pub fn try_batch_norm(
        &self,
        running: Option<(&Tensor, &Tensor)>,
        affine: Option<(&Tensor, &Tensor)>,
        options: BatchNormOptions,
    ) -> Result<Tensor, TensorError> {
        if self.dtype() == DType::BF16 {
            return super::mixed::batch_norm::batch_norm(self, running, affine, options);
        }
        check(self, self.dtype(), running, affine, options)?;
        let input = self.to_format(MemoryFormat::ChannelsLast);
        dispatch_float!(self.dtype(), OP, |T| {
            let statistics = statistics::<T>(&input, running, options, |mean, variance| {
                kernel::statistics(&input.data::<T>(), mean, variance);
            });
            let output = {
                let parameters = Parameters::<T>::read(&statistics, affine, options.eps);
                let layout = Layout::in_format(self.shape(), MemoryFormat::ChannelsLast);
                Tensor::fill_layout::<T>(layout, self.dtype(), |output| {
                    if !output.is_empty() {
                        kernel::normalize(&input.data::<T>(), &parameters.normalization(), output);
                    }
                })
            };
            let inputs = [Some(self), affine.map(|(weight, _)| weight), affine.map(|(_, bias)| bias)];
            let inputs: Vec<&Tensor> = inputs.into_iter().flatten().collect();
            Ok(output.record(OP, &inputs, || BatchNormBackward {
                input: SavedTensor::new(&input),
                weight: affine.map(|(weight, _)| SavedTensor::new(weight)),
                statistics,
                options,
            }))
        })
    }
}

/// Mean, then variance: what the forward pass normalised with.
pub(super) struct Statistics(Buffer);

impl Statistics {
    fn read<T: Element>(&self) -> (&[T], &[T]) {
        let both = self.0.as_slice::<T>();
        both.split_at(both.len() / 2)
    }

    /// As tensors of `shape`.
    fn tensors(&self, shape: &[usize], dtype: DType) -> Result<(Tensor, Tensor), TensorError> {
        dispatch_float!(dtype, OP, |T| {
            let (mean, variance) = self.read::<T>();
            Ok((Tensor::try_from_slice(mean, shape)?, Tensor::try_from_slice(variance, shape)?))
        })
    }
}

/// The statistics that `of_batch` computes, with the running ones updated, or a copy of the running ones.
pub(super) fn statistics<T: Element>(
    input: &Tensor,
    running: Option<(&Tensor, &Tensor)>,
    options: BatchNormOptions,
    of_batch: impl FnOnce(&mut [T], &mut [T]),
) -> Statistics {
    let channels = input.shape()[1];
    let mut buffer = Buffer::uninit(2 * channels * size_of::<T>());
    let (mean, variance) = buffer.as_mut_slice::<T>().split_at_mut(channels);
    if !options.training {
        let (running_mean, running_var) = running.expect("checked: evaluation has running statistics");
        mean.copy_from_slice(&running_mean.data_in_format::<T>(MemoryFormat::Contiguous));
        variance.copy_from_slice(&running_var.data_in_format::<T>(MemoryFormat::Contiguous));
        return Statistics(buffer);
    }
    if channels == 0 {
        return Statistics(buffer);
    }
    of_batch(mean, variance);
    if let Some((running_mean, running_var)) = running {
        let count = (input.numel() / channels) as f64;
        move_towards(running_mean, mean, options.momentum, 1.0);
        move_towards(running_var, variance, options.momentum, count / (count - 1.0));
    }
    Statistics(buffer)
}

/// `running += momentum * (factor * batch - running)`. The layout was checked to be contiguous.
fn move_towards<T: Element>(running: &Tensor, batch: &[T], momentum: f64, factor: f64) {
    let layout = running.layout();
    running.0.storage.write(layout.offset, layout.span(), |running: &mut [T]| {
        for (running, &batch) in running.iter_mut().zip(batch) {
            let moved = (1.0 - momentum) * running.to_f64() + momentum * factor * batch.to_f64();
            *running = T::from_f64(moved);
        }
    });
}

/// Statistics and affine parameters in memory.
pub(super) struct Parameters<'a, T> {
    mean: &'a [T],
    variance: &'a [T],
    weight: Option<crate::storage::Data<T>>,
    bias: Option<crate::storage::Data<T>>,
    epsilon: T,
}

impl<'a, T: Element> Parameters<'a, T> {
    pub(super) fn read(statistics: &'a Statistics, affine: Option<(&Tensor, &Tensor)>, eps: f64) -> Self {
        let (mean, variance) = statistics.read::<T>();
        let contiguous = |tensor: &Tensor| tensor.data_in_format::<T>(MemoryFormat::Contiguous);
        Self {
            mean,
            variance,
            weight: affine.map(|(weight, _)| contiguous(weight)),
            bias: affine.map(|(_, bias)| contiguous(bias)),
            epsilon: T::from_f64(eps),
        }
    }

    pub(super) fn normalization(&self) -> Normalization<'_, T> {
        Normalization {
            mean: self.mean,
            variance: self.variance,
            weight: self.weight.as_deref(),
            bias: self.bias.as_deref(),
            epsilon: self.epsilon,
        }
    }
}

struct BatchNormBackward {
    /// Channels-last.
    input: SavedTensor,
    weight: Option<SavedTensor>,
    statistics: Statistics,
    options: BatchNormOptions,
}

impl Backward for BatchNormBackward {
    fn backward(&self, grad: &Tensor, needs: &[bool]) -> Result<Vec<Option<Tensor>>, TensorError> {
        let input = self.input.get(OP)?;
        let weight = self.weight.as_ref().map(|saved| saved.get(OP)).transpose()?;
        let channels = input.shape()[1];
        let dtype = grad.dtype();
        let mut gradients: Vec<Option<Tensor>> = dispatch_float!(dtype, OP, |T| {
            let grad_output = grad.data_in_format::<T>(MemoryFormat::ChannelsLast);
            let x = input.data::<T>();
            // The bias takes no part in the backward pass: the weight stands in for both.
            let parameters = Parameters::<T>::read(&self.statistics, weight.map(|w| (w, w)), self.options.eps);
            let backward = if self.options.training { kernel::backward } else { kernel::backward_inference };
            let mut grad_parameters = Buffer::zeroed(2 * channels * size_of::<T>());
            let (grad_weight, grad_bias) = grad_parameters.as_mut_slice::<T>().split_at_mut(channels);
            let layout = Layout::in_format(input.shape(), MemoryFormat::ChannelsLast);
            let grad_input = Tensor::fill_layout::<T>(layout, dtype, |grad_input| {
                if !grad_input.is_empty() {
                    backward(&x, &grad_output, &parameters.normalization(), grad_input, grad_weight, grad_bias);
                }
            });
            let vector = |values: &[T]| {
                let layout = Layout::contiguous(&[channels]);
                Some(Tensor::fill_layout::<T>(layout, dtype, |out| out.copy_from_slice(values)))
            };
            vec![Some(grad_input), vector(grad_weight), vector(grad_bias)]
        });
        gradients.truncate(needs.len());
        Ok(gradients)
    }

    fn differentiable(&self, grad: &Tensor, needs: &[bool], recording: &Recording) -> Gradients {
        let input = recording.input(0, self.input.get(OP)?);
        let shape: Vec<usize> = (0..input.rank()).map(|d| if d == 1 { input.shape()[1] } else { 1 }).collect();
        let mut inputs = vec![input];
        if let Some(weight) = &self.weight {
            let weight = recording.input(1, weight.get(OP)?);
            // The gradient does not depend on the value of the bias.
            inputs.push(weight.clone());
            inputs.push(recording.input(2, &weight.zeros_like()));
        }
        let fixed = if self.options.training { None } else { Some(self.statistics.tensors(&shape, grad.dtype())?) };
        recording.through(grad, needs, &inputs, |inputs| {
            let dims: Vec<isize> = (0..inputs[0].rank() as isize).filter(|&d| d != 1).collect();
            let (mean, variance) = match fixed {
                Some(statistics) => statistics,
                None => (inputs[0].try_mean(&dims, true)?, inputs[0].try_var_corrected(&dims, true, 0)?),
            };
            let deviation = variance.try_add_scalar(self.options.eps)?.try_sqrt()?;
            let mut y = inputs[0].try_sub(&mean)?.try_div(&deviation)?;
            if let [_, weight, bias] = inputs {
                y = y.try_mul(&weight.try_reshape(&shape)?)?.try_add(&bias.try_reshape(&shape)?)?;
            }
            Ok(y)
        })
    }
}

/// `parameters` is the dtype of all but the input.
pub(super) fn check(
    input: &Tensor,
    parameters: DType,
    running: Option<(&Tensor, &Tensor)>,
    affine: Option<(&Tensor, &Tensor)>,
    options: BatchNormOptions,
) -> Result<(), TensorError> {
    let (2 | 4, shape) = (input.rank(), input.shape()) else {
        return Err(TensorError::shape(
            OP,
            format!("the input must be [n, c] or [n, c, h, w], got {:?}", input.shape()),
            "reshape it so that channels are the second of two or four dimensions",
        ));
    };
    if !input.dtype().is_float() {
        return Err(TensorError::needs_float(OP, input.dtype()));
    }
    let channels = shape[1];
    let names = ["the running mean", "the running variance", "the weight", "the bias"];
    let tensors = [running.map(|r| r.0), running.map(|r| r.1), affine.map(|a| a.0), affine.map(|a| a.1)];
    for (name, tensor) in names.into_iter().zip(tensors) {
        let Some(tensor) = tensor else { continue };
        if tensor.dtype() != parameters {
            return Err(TensorError::dtypes_differ(OP, parameters, tensor.dtype()));
        }
        if tensor.shape() != [channels] {
            return Err(TensorError::shape(
                OP,
                format!("input has {channels} channels, {name} has shape {:?}", tensor.shape()),
                format!("{name} needs one number per channel: [{channels}]"),
            ));
        }
    }
    if !options.training && running.is_none() {
        return Err(TensorError::argument(
            OP,
            "evaluation needs the running mean and variance",
            "give them, or set training to use the statistics of the batch",
        ));
    }
    let writable = |tensor: &Tensor| tensor.is_contiguous();
    if options.training && running.is_some_and(|(mean, var)| !writable(mean) || !writable(var)) {
        return Err(TensorError::argument(
            OP,
            "the running statistics are updated in place and must be contiguous",
            "use tensors of their own, not strided views",
        ));
    }
    if options.training && channels > 0 && input.numel() / channels < 2 {
        return Err(TensorError::shape(
            OP,
            format!("training needs more than one value per channel, got shape {shape:?}"),
            "use a larger batch, or evaluation mode",
        ));
    }
    Ok(())
}
