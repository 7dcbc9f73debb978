//! The convolution layer.

use striate_tensor::random::Generator;
use striate_tensor::{Conv2dOptions, PaddingMode, Tensor};

use super::window::{Border, Pair, Shape, visit_weight_and_bias, window_settings};
use crate::{Context, Fusible, Module, ModuleError, Slot};

/// Cross-correlation over `[n, c, h, w]`, as in PyTorch.
///
/// Weight `[out, in / groups, kh, kw]` and bias `[out]` start uniform in `±1 / sqrt(fan_in)`.
#[derive(Debug)]
pub struct Conv2d {
    weight: Tensor,
    bias: Option<Tensor>,
    options: Conv2dOptions,
    border: Option<Border<2>>,
}

/// What a [`Conv2d`] looks like, before it has weights. Sizes are one number, or two for `[height, width]`.
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
    same: bool,
    mode: Option<PaddingMode>,
}

window_settings!(Conv2dConfig, impl Into<Pair>, |value| value.into().0);

impl Conv2dConfig {
    /// Stride 1, no padding, with a bias.
    pub fn new(in_channels: usize, out_channels: usize, kernel: impl Into<Pair>) -> Self {
        let (kernel, options) = (kernel.into().0, Conv2dOptions::default());
        Self { in_channels, out_channels, kernel, bias: true, options, same: false, mode: None }
    }

    /// The padding by which the image keeps its size (PyTorch's `padding="same"`); an odd row or column comes below or to
    /// the right. Needs stride 1.
    pub fn padding_same(mut self) -> Self {
        self.same = true;
        self
    }

    /// Pads with elements of the image instead of zeros (PyTorch's `padding_mode`).
    pub fn padding_mode(mut self, mode: PaddingMode) -> Self {
        self.mode = Some(mode);
        self
    }

    /// All geometry at once.
    pub fn options(mut self, options: Conv2dOptions) -> Self {
        self.options = options;
        self
    }

    /// The layer with random weights.
    ///
    /// # Panics
    /// If `groups` does not divide both channel counts, or [`padding_same`](Self::padding_same) meets a stride.
    #[track_caller]
    pub fn build(self, generator: &mut Generator) -> Conv2d {
        let Self { in_channels, out_channels, kernel, bias, mut options, same, mode } = self;
        let channels = [in_channels, out_channels];
        let shape = Shape { name: "Conv2d", channels, groups: options.groups, kernel: &kernel, bias };
        let (weight, bias) = shape.weights(generator);
        let mut sides = options.padding.map(|side| (side, side));
        if same {
            let stride = options.stride;
            assert!(stride == [1; 2], "Conv2d: padding_same needs stride 1, not {stride:?}; set a padding instead");
            sides = Border::same(kernel, options.dilation);
        }
        let even = sides.iter().all(|(before, after)| before == after);
        let border = (mode.is_some() || !even).then_some(Border { sides, mode });
        options.padding = if border.is_some() { [0; 2] } else { sides.map(|(before, _)| before) };
        Conv2d { weight, bias, options, border }
    }
}

impl Conv2d {
    /// Stride 1, no padding, with a bias; [`Conv2dConfig`] for the rest.
    pub fn new(in_channels: usize, out_channels: usize, kernel: impl Into<Pair>, generator: &mut Generator) -> Self {
        Conv2dConfig::new(in_channels, out_channels, kernel).build(generator)
    }

    /// A layer with given parameters: weight `[out, in / groups, kh, kw]`, bias `[out]`.
    pub fn from_parameters(weight: Tensor, bias: Option<Tensor>, options: Conv2dOptions) -> Self {
        let bias = bias.map(|bias| bias.requires_grad_(true));
        Self { weight: weight.requires_grad_(true), bias, options, border: None }
    }

    /// `[out, in / groups, kh, kw]`
    pub fn weight(&self) -> &Tensor {
        &self.weight
    }

    /// How the window moves. A border that is not of zeros, or wider on one side, is added before and not part of it.
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
        let bordered = match &self.border {
            // The convolution explains what is wrong with another rank.
            Some(border) if input.rank() == 4 => &border.add_to(input)?,
            _ => input,
        };
        Ok(bordered.try_conv2d(&self.weight, self.bias.as_ref(), self.options)?)
    }

    visit_weight_and_bias!();

    fn fusible(&self) -> Option<Fusible<'_>> {
        self.border.is_none().then_some(Fusible::Conv2d(self))
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
        if let Some(Border { sides: [rows, columns], mode }) = &self.border {
            let mode = mode.map_or("zeros".to_owned(), |mode| format!("{mode:?}").to_lowercase());
            let sides = [rows.0, rows.1, columns.0, columns.1].map(|side| side.to_string()).join("+");
            text += &format!(", padding {sides} {mode}");
        }
        if groups != 1 {
            text += &format!(", groups {groups}");
        }
        text += if self.bias.is_some() { ")" } else { ", no bias)" };
        text
    }
}
