//! Pooling layers.

use striate_tensor::{Pool2dOptions, Tensor};

use crate::{Context, Kind, Module, ModuleError};

/// `3` for a square, `3x5` otherwise.
pub(super) fn pair([height, width]: [usize; 2]) -> String {
    if height == width { height.to_string() } else { format!("{height}x{width}") }
}

fn describe(name: &str, options: &Pool2dOptions) -> String {
    let Pool2dOptions { kernel, stride, padding, ceil_mode, .. } = *options;
    let mut text = format!("{name}(kernel {}", pair(kernel));
    if stride != kernel {
        text += &format!(", stride {}", pair(stride));
    }
    if padding != [0; 2] {
        text += &format!(", padding {}", pair(padding));
    }
    if ceil_mode {
        text += ", ceil_mode";
    }
    text + ")"
}

/// The largest value of each window of `[n, c, h, w]`. Of equal values the first in row order gets the gradient.
#[derive(Debug, Clone)]
pub struct MaxPool2d {
    options: Pool2dOptions,
}

impl MaxPool2d {
    /// Square windows that touch but do not overlap.
    pub fn new(kernel: usize) -> Self {
        Self::with_options(Pool2dOptions::new(kernel))
    }

    /// Any window, stride and padding, and how the windows at the end count.
    pub fn with_options(options: Pool2dOptions) -> Self {
        Self { options }
    }
}

impl Module for MaxPool2d {
    fn try_forward(&self, input: &Tensor, _context: &Context) -> Result<Tensor, ModuleError> {
        Ok(input.try_max_pool2d(self.options)?)
    }

    fn describe(&self) -> String {
        describe("MaxPool2d", &self.options)
    }

    fn kind(&self) -> Kind {
        // A window that lies in the padding altogether gives -inf, which ReLU would turn to 0.
        if self.options.padding == [0, 0] { Kind::MaxPool } else { Kind::Other }
    }
}

/// The mean of each window of `[n, c, h, w]`.
#[derive(Debug, Clone)]
pub struct AvgPool2d {
    options: Pool2dOptions,
}

impl AvgPool2d {
    /// Square windows that touch but do not overlap.
    pub fn new(kernel: usize) -> Self {
        Self::with_options(Pool2dOptions::new(kernel))
    }

    /// Any window, stride and padding, and how the windows at the end count.
    pub fn with_options(options: Pool2dOptions) -> Self {
        Self { options }
    }
}

impl Module for AvgPool2d {
    fn try_forward(&self, input: &Tensor, _context: &Context) -> Result<Tensor, ModuleError> {
        Ok(input.try_avg_pool2d(self.options)?)
    }

    fn describe(&self) -> String {
        describe("AvgPool2d", &self.options)
    }
}

/// The mean of each cell of a grid of `[height, width]` cells laid over `[n, c, h, w]`: the result has that size whatever
/// the input's. `AdaptiveAvgPool2d::new([1, 1])` is global average pooling.
///
/// ```
/// use striate_nn::{AdaptiveAvgPool2d, Context, Module};
/// use striate_tensor::{DType, Tensor};
///
/// let y = AdaptiveAvgPool2d::new([1, 1]).forward(&Tensor::ones(&[2, 3, 5, 7], DType::F32), &Context::eval());
/// assert_eq!(y.shape(), [2, 3, 1, 1]);
/// ```
#[derive(Debug, Clone)]
pub struct AdaptiveAvgPool2d {
    size: [usize; 2],
}

impl AdaptiveAvgPool2d {
    /// A grid of `[height, width]` cells.
    pub fn new(size: [usize; 2]) -> Self {
        Self { size }
    }
}

impl Module for AdaptiveAvgPool2d {
    fn try_forward(&self, input: &Tensor, _context: &Context) -> Result<Tensor, ModuleError> {
        Ok(input.try_adaptive_avg_pool2d(self.size)?)
    }

    fn describe(&self) -> String {
        format!("AdaptiveAvgPool2d({})", pair(self.size))
    }
}

/// The largest value of each cell of a grid of `[height, width]` cells laid over `[n, c, h, w]`: the result has that size
/// whatever the input's.
///
/// ```
/// use striate_nn::{AdaptiveMaxPool2d, Context, Module};
/// use striate_tensor::{DType, Tensor};
///
/// let y = AdaptiveMaxPool2d::new([1, 1]).forward(&Tensor::ones(&[2, 3, 5, 7], DType::F32), &Context::eval());
/// assert_eq!(y.shape(), [2, 3, 1, 1]);
/// ```
#[derive(Debug, Clone)]
pub struct AdaptiveMaxPool2d {
    size: [usize; 2],
}

impl AdaptiveMaxPool2d {
    /// A grid of `[height, width]` cells.
    pub fn new(size: [usize; 2]) -> Self {
        Self { size }
    }
}

impl Module for AdaptiveMaxPool2d {
    fn try_forward(&self, input: &Tensor, _context: &Context) -> Result<Tensor, ModuleError> {
        Ok(input.try_adaptive_max_pool2d(self.size)?)
    }

    fn describe(&self) -> String {
        format!("AdaptiveMaxPool2d({})", pair(self.size))
    }
}
