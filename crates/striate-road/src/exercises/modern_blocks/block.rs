//! The residual block with the toolkit's layers, its parts exchangeable; and tensors from arguments.

use ndarray::IxDyn;
use striate_tensor::{Conv2dOptions, Tensor};

use crate::exercises::arguments::floats;
use crate::exercises::numbers::Numbers;
use crate::value::Value;

/// Argument `index` as a tensor.
pub(super) fn tensor(arguments: &[Value], index: usize) -> Tensor {
    let array = floats::<IxDyn>(arguments, index);
    Tensor::from_vec(array.iter().copied().collect(), array.shape())
}

/// A tensor as a value.
pub(super) fn value(tensor: &Tensor) -> Value {
    Value::array(tensor.shape(), tensor.to_vec::<f64>())
}

/// A convolution without bias, padded so that stride 1 keeps the size.
pub(super) fn conv(x: &Tensor, w: &Tensor, stride: usize) -> Tensor {
    let padding = [w.shape()[2] / 2, w.shape()[3] / 2];
    x.conv2d(w, None, Conv2dOptions { stride: [stride; 2], padding, ..Conv2dOptions::default() })
}

/// Input, kernels and stride of a block.
pub(super) struct Inputs {
    /// Images.
    pub(super) x: Tensor,
    /// Kernels of the first convolution.
    pub(super) w1: Tensor,
    /// Kernels of the second.
    pub(super) w2: Tensor,
    /// Kernels of the shortcut's 1 by 1 convolution.
    pub(super) wp: Tensor,
    /// Stride of the first convolution and of the shortcut.
    pub(super) stride: usize,
}

impl Inputs {
    /// Whether the shortcut hands x on as it is.
    pub(super) fn identity(&self) -> bool {
        self.stride == 1 && self.w1.shape()[0] == self.x.shape()[1]
    }
}

/// The parts of a block.
#[derive(Clone, Copy)]
pub(super) struct Block {
    /// Between the convolutions.
    pub(super) inner: fn(&Tensor) -> Tensor,
    /// From the branch's result to what is added.
    pub(super) branch: fn(&Tensor) -> Tensor,
    /// What is added to the branch.
    pub(super) shortcut: fn(&Inputs) -> Tensor,
    /// After the sum.
    pub(super) last: fn(&Tensor) -> Tensor,
}

/// The block that the task describes.
pub(super) const RIGHT: Block = Block {
    inner: Tensor::relu,
    branch: Tensor::clone,
    shortcut: |inputs| if inputs.identity() { inputs.x.clone() } else { conv(&inputs.x, &inputs.wp, inputs.stride) },
    last: Tensor::relu,
};

impl Block {
    /// Runs it.
    pub(super) fn run(&self, inputs: &Inputs) -> Tensor {
        let hidden = (self.inner)(&conv(&inputs.x, &inputs.w1, inputs.stride));
        let branch = (self.branch)(&conv(&hidden, &inputs.w2, 1));
        (self.last)(&branch.add(&(self.shortcut)(inputs)))
    }
}

/// A size for probes: images, channels, height, width, output channels, stride.
pub(super) type Size = [usize; 6];

/// Ordinary sizes: with and without projection, odd and even.
pub(super) const SIZES: &[Size] = &[
    [1, 1, 3, 4, 1, 1],
    [1, 2, 4, 5, 2, 1],
    [2, 3, 5, 4, 3, 1],
    [1, 2, 4, 6, 3, 1],
    [2, 2, 5, 7, 2, 2],
    [2, 3, 6, 5, 4, 2],
];

/// Sizes at the edge.
pub(super) const EDGES: &[(&str, Size)] =
    &[("one pixel", [2, 3, 1, 1, 3, 1]), ("stride 3", [1, 2, 7, 8, 3, 3]), ("fewer channels", [2, 4, 3, 5, 2, 1])];

/// What a size is, in words.
pub(super) fn label([n, c, height, width, out, stride]: Size) -> String {
    format!("x of [{n}, {c}, {height}, {width}] to {out} channels, stride {stride}")
}

/// x, w1, w2, wp and the stride.
pub(super) fn arguments(numbers: &mut Numbers, [n, c, height, width, out, stride]: Size) -> Vec<Value> {
    let mut layer = |shape: [usize; 4]| Value::from(numbers.reals(shape, -1.0, 1.0));
    vec![
        layer([n, c, height, width]),
        layer([out, c, 3, 3]),
        layer([out, out, 3, 3]),
        layer([out, c, 1, 1]),
        Value::Int(stride as i64),
    ]
}
