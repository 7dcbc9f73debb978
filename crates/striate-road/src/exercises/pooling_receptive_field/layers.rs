//! Networks written as tables of numbers, as `plan` takes them.

/// Convolution with a bias.
pub(super) const CONV: i64 = 0;
/// Pooling.
pub(super) const POOL: i64 = 1;
/// Fully connected with a bias, after flattening.
pub(super) const LINEAR: i64 = 2;

/// One layer: kind, outputs (channels or units), kernel, stride, padding.
pub(super) type Layer = [i64; 5];

/// A convolution.
pub(super) const fn conv(outputs: i64, kernel: i64, stride: i64, pad: i64) -> Layer {
    [CONV, outputs, kernel, stride, pad]
}

/// A pooling layer.
pub(super) const fn pool(kernel: i64, stride: i64, pad: i64) -> Layer {
    [POOL, 0, kernel, stride, pad]
}

/// A fully connected layer.
pub(super) const fn linear(outputs: i64) -> Layer {
    [LINEAR, outputs, 0, 0, 0]
}

/// A network with the size of its images.
pub(super) struct Network {
    /// Its name.
    pub(super) name: &'static str,
    /// Channels, height and width of an image.
    pub(super) input: [i64; 3],
    /// Its layers.
    pub(super) layers: &'static [Layer],
}

/// LeNet-5 for MNIST (LeCun et al. 1998): images of 28 by 28, padded to the 32 by 32 of the paper.
pub(super) const LENET: Network = Network {
    name: "LeNet-5 on 28 by 28",
    input: [1, 28, 28],
    layers: &[conv(6, 5, 1, 2), pool(2, 2, 0), conv(16, 5, 1, 0), pool(2, 2, 0), linear(120), linear(84), linear(10)],
};

/// AlexNet in one column (Krizhevsky 2014), as torchvision has it.
pub(super) const ALEXNET: Network = Network {
    name: "AlexNet on 224 by 224",
    input: [3, 224, 224],
    layers: &[
        conv(64, 11, 4, 2),
        pool(3, 2, 0),
        conv(192, 5, 1, 2),
        pool(3, 2, 0),
        conv(384, 3, 1, 1),
        conv(256, 3, 1, 1),
        conv(256, 3, 1, 1),
        pool(3, 2, 0),
        linear(4096),
        linear(4096),
        linear(1000),
    ],
};

/// VGG-11 (Simonyan and Zisserman 2014).
pub(super) const VGG11: Network = Network {
    name: "VGG-11 on 224 by 224",
    input: [3, 224, 224],
    layers: &[
        conv(64, 3, 1, 1),
        pool(2, 2, 0),
        conv(128, 3, 1, 1),
        pool(2, 2, 0),
        conv(256, 3, 1, 1),
        conv(256, 3, 1, 1),
        pool(2, 2, 0),
        conv(512, 3, 1, 1),
        conv(512, 3, 1, 1),
        pool(2, 2, 0),
        conv(512, 3, 1, 1),
        conv(512, 3, 1, 1),
        pool(2, 2, 0),
        linear(4096),
        linear(4096),
        linear(1000),
    ],
};
