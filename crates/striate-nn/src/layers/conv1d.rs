//! Convolution layers for sequences.

use striate_tensor::random::Generator;
use striate_tensor::{Conv1dOptions, Tensor};

use crate::{Context, Module, ModuleError, Slot, init};

/// Cross-correlation over sequences `[n, c, l]` (PyTorch's `Conv1d`).
///
/// Weight `[out, in / groups, k]` and bias `[out]` start uniform in `±1 / sqrt(fan_in)`.
#[derive(Debug)]
pub struct Conv1d {
    weight: Tensor,
    bias: Option<Tensor>,
    options: Conv1dOptions,
}

/// The transpose of a convolution over `[n, c, l]`: each element adds a multiple of the kernel to the output, which is
/// longer by the stride (PyTorch's `ConvTranspose1d`).
///
/// Weight `[in, out / groups, k]` and bias `[out]` start uniform in `±1 / sqrt(out / groups * k)`.
#[derive(Debug)]
pub struct ConvTranspose1d {
    weight: Tensor,
    bias: Option<Tensor>,
    options: Conv1dOptions,
    output_padding: usize,
}

/// What a [`Conv1d`] or [`ConvTranspose1d`] looks like, before it has weights.
///
/// ```
/// use striate_nn::{Context, Conv1dConfig, Module};
/// use striate_tensor::{DType, Tensor, random::Generator};
///
/// let generator = &mut Generator::new(0);
/// let half = Conv1dConfig::new(8, 4, 3).stride(2).padding(1).build(generator);
/// let y = half.forward(&Tensor::zeros(&[1, 8, 10], DType::F32), &Context::eval());
/// assert_eq!(y.shape(), [1, 4, 5]);
/// let double = Conv1dConfig::new(4, 8, 3).stride(2).padding(1).output_padding(1).build_transposed(generator);
/// assert_eq!(double.forward(&y, &Context::eval()).shape(), [1, 8, 10]);
/// ```
#[derive(Debug, Clone)]
pub struct Conv1dConfig {
    in_channels: usize,
    out_channels: usize,
    kernel: usize,
    bias: bool,
    options: Conv1dOptions,
    output_padding: usize,
}

impl Conv1dConfig {
    /// Stride 1, no padding, with a bias.
    pub fn new(in_channels: usize, out_channels: usize, kernel: usize) -> Self {
        let options = Conv1dOptions::default();
        Self { in_channels, out_channels, kernel, bias: true, options, output_padding: 0 }
    }

    /// The step of the window; of a transposed convolution how far apart the kernels lie in the output.
    pub fn stride(mut self, stride: usize) -> Self {
        self.options.stride = stride;
        self
    }

    /// Zeros at both ends; of a transposed convolution entries cut off the output.
    pub fn padding(mut self, padding: usize) -> Self {
        self.options.padding = padding;
        self
    }

    /// The spacing of kernel taps.
    pub fn dilation(mut self, dilation: usize) -> Self {
        self.options.dilation = dilation;
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

    /// Of a transposed convolution: entries added at the end, below the stride.
    pub fn output_padding(mut self, output_padding: usize) -> Self {
        self.output_padding = output_padding;
        self
    }

    #[track_caller]
    fn check_groups(&self, name: &str) {
        let Self { in_channels, out_channels, options: Conv1dOptions { groups, .. }, .. } = *self;
        assert!(
            groups > 0 && in_channels.is_multiple_of(groups) && out_channels.is_multiple_of(groups),
            "{name}: groups = {groups} must divide both the {in_channels} input and the {out_channels} output channels"
        );
    }

    /// The convolution with random weights.
    ///
    /// # Panics
    /// If `groups` does not divide both channel counts.
    #[track_caller]
    pub fn build(self, generator: &mut Generator) -> Conv1d {
        self.check_groups("Conv1d");
        let Self { in_channels, out_channels, kernel, bias, options, .. } = self;
        let shape = [out_channels, in_channels / options.groups, kernel];
        let (weight, bias) = init::default_weight_and_bias(&shape, bias, generator);
        Conv1d { weight, bias, options }
    }

    /// The transposed convolution with random weights.
    ///
    /// # Panics
    /// If `groups` does not divide both channel counts.
    #[track_caller]
    pub fn build_transposed(self, generator: &mut Generator) -> ConvTranspose1d {
        self.check_groups("ConvTranspose1d");
        let Self { in_channels, out_channels, kernel, bias, options, output_padding } = self;
        // The fan PyTorch takes is that of the stored shape.
        let shape = [in_channels, out_channels / options.groups, kernel];
        let (weight, _) = init::default_weight_and_bias(&shape, false, generator);
        let bound = 1.0 / (shape[1..].iter().product::<usize>().max(1) as f64).sqrt();
        let bias = bias.then(|| Tensor::uniform(&[out_channels], -bound, bound, generator).requires_grad_(true));
        ConvTranspose1d { weight, bias, options, output_padding }
    }
}

macro_rules! module {
    ($name:ident, |$self:ident, $input:ident| $forward:expr, |$shape:ident, $groups:ident| $channels:expr) => {
        impl Module for $name {
            fn try_forward(&self, input: &Tensor, _context: &Context) -> Result<Tensor, ModuleError> {
                let ($self, $input) = (self, input);
                Ok($forward?)
            }

            fn visit<'a>(&'a self, visitor: &mut dyn FnMut(&str, Slot<'a>)) {
                visitor("weight", Slot::Parameter(&self.weight));
                if let Some(bias) = &self.bias {
                    visitor("bias", Slot::Parameter(bias));
                }
            }

            fn describe(&self) -> String {
                let Conv1dOptions { stride, groups: $groups, .. } = self.options;
                let $shape = self.weight.shape();
                let (input, output) = $channels;
                format!(
                    concat!(stringify!($name), "({} -> {}, kernel {}, stride {})"),
                    input, output, $shape[2], stride
                )
            }
        }
    };
}
module!(Conv1d, |layer, input| input.try_conv1d(&layer.weight, layer.bias.as_ref(), layer.options), |shape, groups| (
    shape[1] * groups,
    shape[0]
));
module!(
    ConvTranspose1d,
    |layer, input| {
        input.try_conv_transpose1d(&layer.weight, layer.bias.as_ref(), layer.options, layer.output_padding)
    },
    |shape, groups| (shape[0], shape[1] * groups)
);
