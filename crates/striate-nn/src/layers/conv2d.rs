//! The convolution layer.

use striate_tensor::random::Generator;
use striate_tensor::{Conv2dOptions, Tensor};

use crate::{Context, Fusible, Module, ModuleError, Slot, init};

/// Cross-correlation over `[n, c, h, w]`, as in PyTorch.
///
/// Weight `[out, in / groups, kh, kw]` and bias `[out]` start uniform in `±1 / sqrt(fan_in)`.
#[derive(Debug)]
pub struct Conv2d {
    weight: Tensor,
    bias: Option<Tensor>,
    options: Conv2dOptions,
}

/// What a [`Conv2d`] looks like, before it has weights.
///
/// ```
/// use striate_nn::Conv2dConfig;
/// use striate_tensor::random::Generator;
///
/// let depthwise = Conv2dConfig::new(8, 8, 3).padding(1).groups(8).bias(false).build(&mut Generator::new(0));
/// assert_eq!(depthwise.weight().shape(), [8, 1, 3, 3]);
/// ```
#[derive(Debug, Clone)]
pub struct Conv2dConfig {
    in_channels: usize,
    out_channels: usize,
    kernel: [usize; 2],
    bias: bool,
    options: Conv2dOptions,
}

impl Conv2dConfig {
    /// A square kernel, stride 1, no padding, with a bias.
    pub fn new(in_channels: usize, out_channels: usize, kernel: usize) -> Self {
        let options = Conv2dOptions::default();
        Self { in_channels, out_channels, kernel: [kernel; 2], bias: true, options }
    }

    /// The same stride in both directions.
    pub fn stride(mut self, stride: usize) -> Self {
        self.options.stride = [stride; 2];
        self
    }

    /// Zeros around the image, the same number on all four sides.
    pub fn padding(mut self, padding: usize) -> Self {
        self.options.padding = [padding; 2];
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

    /// A kernel that is not square: `[height, width]`.
    pub fn kernel(mut self, kernel: [usize; 2]) -> Self {
        self.kernel = kernel;
        self
    }

    /// All geometry at once, for steps that differ by direction.
    pub fn options(mut self, options: Conv2dOptions) -> Self {
        self.options = options;
        self
    }

    /// The layer with random weights.
    ///
    /// # Panics
    /// If `groups` does not divide both channel counts.
    #[track_caller]
    pub fn build(self, generator: &mut Generator) -> Conv2d {
        let Self { in_channels, out_channels, kernel, bias, options } = self;
        let groups = options.groups;
        assert!(
            groups > 0 && in_channels.is_multiple_of(groups) && out_channels.is_multiple_of(groups),
            "Conv2d: groups = {groups} must divide both the {in_channels} input and the {out_channels} output channels"
        );
        let shape = [out_channels, in_channels / groups, kernel[0], kernel[1]];
        let (weight, bias) = init::default_weight_and_bias(&shape, bias, generator);
        Conv2d { weight, bias, options }
    }
}

impl Conv2d {
    /// A square kernel with a bias, stride 1 and no padding; [`Conv2dConfig`] for the rest.
    pub fn new(in_channels: usize, out_channels: usize, kernel: usize, generator: &mut Generator) -> Self {
        Conv2dConfig::new(in_channels, out_channels, kernel).build(generator)
    }

    /// A layer with given parameters: weight `[out, in / groups, kh, kw]`, bias `[out]`.
    pub fn from_parameters(weight: Tensor, bias: Option<Tensor>, options: Conv2dOptions) -> Self {
        Self { weight: weight.requires_grad_(true), bias: bias.map(|bias| bias.requires_grad_(true)), options }
    }

    /// `[out, in / groups, kh, kw]`
    pub fn weight(&self) -> &Tensor {
        &self.weight
    }

    /// How the window moves.
    pub fn options(&self) -> Conv2dOptions {
        self.options
    }

    /// `[out]`
    pub fn bias(&self) -> Option<&Tensor> {
        self.bias.as_ref()
    }
}

impl Module for Conv2d {
    fn try_forward(&self, input: &Tensor, _context: &Context) -> Result<Tensor, ModuleError> {
        Ok(input.try_conv2d(&self.weight, self.bias.as_ref(), self.options)?)
    }

    fn visit<'a>(&'a self, visitor: &mut dyn FnMut(&str, Slot<'a>)) {
        visitor("weight", Slot::Parameter(&self.weight));
        if let Some(bias) = &self.bias {
            visitor("bias", Slot::Parameter(bias));
        }
    }

    fn fusible(&self) -> Option<Fusible<'_>> {
        Some(Fusible::Conv2d(self))
    }

    fn describe(&self) -> String {
        let [out_channels, in_channels, height, width] = [0, 1, 2, 3].map(|axis| self.weight.shape()[axis]);
        let Conv2dOptions { stride, padding, dilation, groups } = self.options;
        let mut text = format!("Conv2d({} -> {out_channels}, kernel {height}x{width}", in_channels * groups);
        for (name, value, default) in [("stride", stride, 1), ("padding", padding, 0), ("dilation", dilation, 1)] {
            if value != [default; 2] {
                text += &format!(", {name} {}", super::pooling::pair(value));
            }
        }
        if groups != 1 {
            text += &format!(", groups {groups}");
        }
        text += if self.bias.is_some() { ")" } else { ", no bias)" };
        text
    }
}
