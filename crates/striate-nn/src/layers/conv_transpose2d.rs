//! The transposed convolution layer.

use striate_tensor::random::Generator;
use striate_tensor::{Conv2dOptions, Tensor};

use crate::{Context, Module, ModuleError, Slot, init};

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

/// What a [`ConvTranspose2d`] looks like, before it has weights.
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
    kernel: usize,
    bias: bool,
    options: Conv2dOptions,
    output_padding: [usize; 2],
}

impl ConvTranspose2dConfig {
    /// A square kernel, stride 1, no padding, with a bias.
    pub fn new(in_channels: usize, out_channels: usize, kernel: usize) -> Self {
        let options = Conv2dOptions::default();
        Self { in_channels, out_channels, kernel, bias: true, options, output_padding: [0; 2] }
    }

    /// How far apart the pixels' kernels lie in the output.
    pub fn stride(mut self, stride: usize) -> Self {
        self.options.stride = [stride; 2];
        self
    }

    /// Rows and columns cut off on all four sides of the output.
    pub fn padding(mut self, padding: usize) -> Self {
        self.options.padding = [padding; 2];
        self
    }

    /// Rows and columns added at the bottom and right, below the stride: which of several possible sizes is meant.
    pub fn output_padding(mut self, output_padding: usize) -> Self {
        self.output_padding = [output_padding; 2];
        self
    }

    /// The same spacing of kernel taps in both directions.
    pub fn dilation(mut self, dilation: usize) -> Self {
        self.options.dilation = [dilation; 2];
        self
    }

    /// How many independent convolutions share the channels; must divide both channel counts.
    pub fn groups(mut self, groups: usize) -> Self {
        self.options.groups = groups;
        self
    }

    /// Whether a bias is added.
    pub fn bias(mut self, bias: bool) -> Self {
        self.bias = bias;
        self
    }

    /// The layer with random weights.
    ///
    /// # Panics
    /// If `groups` does not divide both channel counts.
    #[track_caller]
    pub fn build(self, generator: &mut Generator) -> ConvTranspose2d {
        let Self { in_channels, out_channels, kernel, bias, options, output_padding } = self;
        let groups = options.groups;
        assert!(
            groups > 0 && in_channels.is_multiple_of(groups) && out_channels.is_multiple_of(groups),
            "ConvTranspose2d: groups = {groups} must divide both the {in_channels} input and the {out_channels} output channels"
        );
        // The fan PyTorch takes is that of the stored shape.
        let shape = [in_channels, out_channels / groups, kernel, kernel];
        let (weight, _) = init::default_weight_and_bias(&shape, false, generator);
        let bound = 1.0 / (shape[1..].iter().product::<usize>().max(1) as f64).sqrt();
        let bias = bias.then(|| Tensor::uniform(&[out_channels], -bound, bound, generator).requires_grad_(true));
        ConvTranspose2d { weight, bias, options, output_padding }
    }
}

impl Module for ConvTranspose2d {
    fn try_forward(&self, input: &Tensor, _context: &Context) -> Result<Tensor, ModuleError> {
        Ok(input.try_conv_transpose2d(&self.weight, self.bias.as_ref(), self.options, self.output_padding)?)
    }

    fn visit<'a>(&'a self, visitor: &mut dyn FnMut(&str, Slot<'a>)) {
        visitor("weight", Slot::Parameter(&self.weight));
        if let Some(bias) = &self.bias {
            visitor("bias", Slot::Parameter(bias));
        }
    }

    fn describe(&self) -> String {
        let [input, output, height, width] = [0, 1, 2, 3].map(|axis| self.weight.shape()[axis]);
        let stride = super::pooling::pair(self.options.stride);
        let output = output * self.options.groups;
        format!("ConvTranspose2d({input} -> {output}, kernel {height}x{width}, stride {stride})")
    }
}
