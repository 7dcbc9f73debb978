//! Convolution layers for sequences.

use striate_tensor::random::Generator;
use striate_tensor::{Conv1dOptions, PaddingMode, Tensor};

use super::window::{Border, Shape, visit_weight_and_bias, window_settings};
use crate::{Context, Module, ModuleError, Slot};

/// Cross-correlation over sequences `[n, c, l]` (PyTorch's `Conv1d`).
///
/// Weight `[out, in / groups, k]` and bias `[out]` start uniform in `±1 / sqrt(fan_in)`.
#[derive(Debug)]
pub struct Conv1d {
    weight: Tensor,
    bias: Option<Tensor>,
    options: Conv1dOptions,
    border: Option<Border<1>>,
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
    same: bool,
    mode: Option<PaddingMode>,
}

window_settings!(Conv1dConfig, usize, |value| value);

impl Conv1dConfig {
    /// Stride 1, no padding, with a bias.
    pub fn new(in_channels: usize, out_channels: usize, kernel: usize) -> Self {
        let options = Conv1dOptions::default();
        Self { in_channels, out_channels, kernel, bias: true, options, output_padding: 0, same: false, mode: None }
    }

    /// The padding by which the sequence keeps its length (PyTorch's `padding="same"`); an odd entry comes at the end.
    /// Needs stride 1. Not for transposed convolutions.
    pub fn padding_same(mut self) -> Self {
        self.same = true;
        self
    }

    /// Pads with elements of the sequence instead of zeros (PyTorch's `padding_mode`). Not for transposed convolutions.
    pub fn padding_mode(mut self, mode: PaddingMode) -> Self {
        self.mode = Some(mode);
        self
    }

    /// Of a transposed convolution: entries added at the end, below the stride.
    pub fn output_padding(mut self, output_padding: usize) -> Self {
        self.output_padding = output_padding;
        self
    }

    fn shape<'a>(&self, name: &'static str, kernel: &'a [usize; 1]) -> Shape<'a> {
        let Self { in_channels, out_channels, bias, options: Conv1dOptions { groups, .. }, .. } = *self;
        Shape { name, channels: [in_channels, out_channels], groups, kernel, bias }
    }

    /// The convolution with random weights.
    ///
    /// # Panics
    /// If `groups` does not divide both channel counts, or [`padding_same`](Self::padding_same) meets a stride.
    #[track_caller]
    pub fn build(self, generator: &mut Generator) -> Conv1d {
        let Self { kernel, mut options, same, mode, .. } = self;
        let (weight, bias) = self.shape("Conv1d", &[kernel]).weights(generator);
        let mut sides = [(options.padding, options.padding)];
        if same {
            let stride = options.stride;
            assert!(stride == 1, "Conv1d: padding_same needs stride 1, not {stride}; set a padding instead");
            sides = Border::same([kernel], [options.dilation]);
        }
        let border = (mode.is_some() || sides[0].0 != sides[0].1).then_some(Border { sides, mode });
        options.padding = if border.is_some() { 0 } else { sides[0].0 };
        Conv1d { weight, bias, options, border }
    }

    /// The transposed convolution with random weights.
    ///
    /// # Panics
    /// If `groups` does not divide both channel counts, or a padding is set that only convolutions have.
    #[track_caller]
    pub fn build_transposed(self, generator: &mut Generator) -> ConvTranspose1d {
        let Self { kernel, options, output_padding, same, mode, .. } = self;
        assert!(!same && mode.is_none(), "ConvTranspose1d: it cuts its padding off; padding_same and padding_mode add");
        let (weight, bias) = self.shape("ConvTranspose1d", &[kernel]).transposed_weights(generator);
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

            visit_weight_and_bias!();

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
module!(
    Conv1d,
    |layer, input| {
        let bordered = match &layer.border {
            // The convolution explains what is wrong with another rank.
            Some(border) if input.rank() == 3 => &border.add_to(input)?,
            _ => input,
        };
        bordered.try_conv1d(&layer.weight, layer.bias.as_ref(), layer.options)
    },
    |shape, groups| (shape[1] * groups, shape[0])
);
module!(
    ConvTranspose1d,
    |layer, input| {
        input.try_conv_transpose1d(&layer.weight, layer.bias.as_ref(), layer.options, layer.output_padding)
    },
    |shape, groups| (shape[0], shape[1] * groups)
);
