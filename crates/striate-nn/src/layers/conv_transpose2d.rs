//! The transposed convolution layer.

use striate_tensor::random::Generator;
use striate_tensor::{Conv2dOptions, Tensor};

use super::window::{Pair, Shape, visit_weight_and_bias, window_settings};
use crate::{Context, Module, ModuleError, Slot};

/// The transpose of a convolution over `[n, c, h, w]`: each pixel adds a multiple of the kernel to the output, which is
/// larger by the stride (PyTorch's `ConvTranspose2d`).
///
/// Weight `[in, out / groups, kh, kw]` and bias `[out]` start uniform in `±1 / sqrt(out / groups * kh * kw)`.
#[derive(Debug)]
pub struct ConvTranspose2d {
    weight: Tensor,
    bias: Option<Tensor>,
    options: Conv2dOptions,
    output_padding: [usize; 2],
}

/// What a [`ConvTranspose2d`] looks like, before it has weights. Sizes are one number, or two for `[height, width]`.
///
/// ```
/// use striate_nn::{Context, ConvTranspose2dConfig, Module};
/// use striate_tensor::{DType, Tensor, random::Generator};
///
/// let double = ConvTranspose2dConfig::new(8, 4, 2).stride(2).build(&mut Generator::new(0));
/// let y = double.forward(&Tensor::zeros(&[1, 8, 5, 6], DType::F32), &Context::eval());
/// assert_eq!(y.shape(), [1, 4, 10, 12]);
/// ```
#[derive(Debug, Clone)]
pub struct ConvTranspose2dConfig {
    in_channels: usize,
    out_channels: usize,
    kernel: [usize; 2],
    bias: bool,
    options: Conv2dOptions,
    output_padding: [usize; 2],
}

window_settings!(ConvTranspose2dConfig, impl Into<Pair>, |value| value.into().0);

impl ConvTranspose2dConfig {
    /// Stride 1, no padding, with a bias.
    pub fn new(in_channels: usize, out_channels: usize, kernel: impl Into<Pair>) -> Self {
        let (kernel, options) = (kernel.into().0, Conv2dOptions::default());
        Self { in_channels, out_channels, kernel, bias: true, options, output_padding: [0; 2] }
    }

    /// Rows and columns added at the bottom and right, below the stride: which of several possible sizes is meant.
    pub fn output_padding(mut self, output_padding: impl Into<Pair>) -> Self {
        self.output_padding = output_padding.into().0;
        self
    }

    /// The layer with random weights.
    ///
    /// # Panics
    /// If `groups` does not divide both channel counts.
    #[track_caller]
    pub fn build(self, generator: &mut Generator) -> ConvTranspose2d {
        let Self { in_channels, out_channels, kernel, bias, options, output_padding } = self;
        let channels = [in_channels, out_channels];
        let shape = Shape { name: "ConvTranspose2d", channels, groups: options.groups, kernel: &kernel, bias };
        let (weight, bias) = shape.transposed_weights(generator);
        ConvTranspose2d { weight, bias, options, output_padding }
    }
}

impl ConvTranspose2d {
    /// `[in, out / groups, kh, kw]`
    pub fn weight(&self) -> &Tensor {
        &self.weight
    }

    /// `[out]`
    pub fn bias(&self) -> Option<&Tensor> {
        self.bias.as_ref()
    }
}

impl Module for ConvTranspose2d {
    fn try_forward(&self, input: &Tensor, _context: &Context) -> Result<Tensor, ModuleError> {
        Ok(input.try_conv_transpose2d(&self.weight, self.bias.as_ref(), self.options, self.output_padding)?)
    }

    visit_weight_and_bias!();

    fn describe(&self) -> String {
        let [input, output, height, width] = [0, 1, 2, 3].map(|axis| self.weight.shape()[axis]);
        let stride = super::pooling::pair(self.options.stride);
        let output = output * self.options.groups;
        format!("ConvTranspose2d({input} -> {output}, kernel {height}x{width}, stride {stride})")
    }
}
