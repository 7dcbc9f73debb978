//! What the layers with a moving window share: settings in one or two directions, weights, and their borders.

use striate_tensor::random::Generator;
use striate_tensor::{PaddingMode, Tensor, TensorError};

use crate::init;

/// A number for each direction of an image, `[height, width]`. A single number stands for both, as in PyTorch.
///
/// ```
/// use striate_nn::Conv2dConfig;
/// use striate_tensor::random::Generator;
///
/// let conv = Conv2dConfig::new(1, 4, [3, 5]).stride(2).padding([1, 2]).build(&mut Generator::new(0));
/// assert_eq!((conv.weight().shape(), conv.options().stride), (&[4, 1, 3, 5][..], [2, 2]));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pair(pub [usize; 2]);

impl From<usize> for Pair {
    fn from(both: usize) -> Self {
        Self([both; 2])
    }
}

impl From<[usize; 2]> for Pair {
    fn from(pair: [usize; 2]) -> Self {
        Self(pair)
    }
}

/// The settings of a convolution's window, for a builder with the fields `bias` and `options`.
macro_rules! window_settings {
    ($config:ident, $argument:ty, |$value:ident| $sides:expr) => {
        impl $config {
            /// The step of the window; of a transposed convolution how far apart the kernels lie in the output.
            pub fn stride(mut self, $value: $argument) -> Self {
                self.options.stride = $sides;
                self
            }

            /// Zeros on all sides of the input; of a transposed convolution what is cut off all sides of the output.
            pub fn padding(mut self, $value: $argument) -> Self {
                self.options.padding = $sides;
                self
            }

            /// The spacing of kernel taps.
            pub fn dilation(mut self, $value: $argument) -> Self {
                self.options.dilation = $sides;
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
        }
    };
}
pub(super) use window_settings;

/// `weight` and `bias` of a layer as its slots.
macro_rules! visit_weight_and_bias {
    () => {
        fn visit<'a>(&'a self, visitor: &mut dyn FnMut(&str, Slot<'a>)) {
            visitor("weight", Slot::Parameter(&self.weight));
            if let Some(bias) = &self.bias {
                visitor("bias", Slot::Parameter(bias));
            }
        }
    };
}
pub(super) use visit_weight_and_bias;

/// A convolution before it has weights.
pub(super) struct Shape<'a> {
    /// The layer's name, for messages.
    pub name: &'static str,
    /// Channels of input and output.
    pub channels: [usize; 2],
    pub groups: usize,
    pub kernel: &'a [usize],
    pub bias: bool,
}

impl Shape<'_> {
    #[track_caller]
    fn check(&self) {
        let Self { name, channels: [input, output], groups, .. } = *self;
        assert!(
            groups > 0 && input.is_multiple_of(groups) && output.is_multiple_of(groups),
            "{name}: groups = {groups} must divide both the {input} input and the {output} output channels"
        );
    }

    /// Random weight `[out, in / groups, kernel]` and bias `[out]`.
    #[track_caller]
    pub fn weights(&self, generator: &mut Generator) -> (Tensor, Option<Tensor>) {
        self.check();
        let [input, output] = self.channels;
        let shape = [&[output, input / self.groups], self.kernel].concat();
        init::default_weight_and_bias(&shape, self.bias, generator)
    }

    /// Random weight `[in, out / groups, kernel]` and bias `[out]` of a transposed convolution.
    #[track_caller]
    pub fn transposed_weights(&self, generator: &mut Generator) -> (Tensor, Option<Tensor>) {
        self.check();
        let [input, output] = self.channels;
        // The fan PyTorch takes is that of the stored shape.
        let shape = [&[input, output / self.groups], self.kernel].concat();
        let (weight, _) = init::default_weight_and_bias(&shape, false, generator);
        let bound = 1.0 / (shape[1..].iter().product::<usize>().max(1) as f64).sqrt();
        let bias = self.bias.then(|| Tensor::uniform(&[output], -bound, bound, generator).requires_grad_(true));
        (weight, bias)
    }
}

/// A border that the convolution itself cannot add: made of the image, or wider on one side.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Border<const N: usize> {
    /// Before and after, for each direction.
    pub sides: [(usize, usize); N],
    /// Of what; zeros if `None`.
    pub mode: Option<PaddingMode>,
}

impl<const N: usize> Border<N> {
    /// The border by which a window of stride 1 leaves the size as it is; the odd entry comes after, as in PyTorch.
    pub fn same(kernel: [usize; N], dilation: [usize; N]) -> [(usize, usize); N] {
        std::array::from_fn(|axis| {
            let total = dilation[axis] * kernel[axis].saturating_sub(1);
            (total / 2, total - total / 2)
        })
    }

    /// The image `[n, c, ...]` with the border around it.
    pub fn add_to(&self, input: &Tensor) -> Result<Tensor, TensorError> {
        let border = [&[(0, 0); 2], &self.sides[..]].concat();
        match self.mode {
            Some(mode) => input.try_pad_with(&border, mode),
            None => input.try_pad(&border, 0.0),
        }
    }
}
