//! The networks of the bench in burn.

use burn::module::Module;
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::nn::pool::MaxPool2dConfig;
use burn::nn::{BatchNorm, BatchNormConfig, Dropout, DropoutConfig, Linear, LinearConfig, PaddingConfig2d};
use burn::prelude::*;
use burn::tensor::{activation, module};
use peer_common::RESNET18;

/// The network of PyTorch's `examples/mnist`; returns logits.
#[derive(Module, Debug)]
pub struct MnistNetwork {
    conv1: Conv2d,
    conv2: Conv2d,
    dropout1: Dropout,
    fc1: Linear,
    dropout2: Dropout,
    fc2: Linear,
}

impl MnistNetwork {
    pub fn new(device: &Device) -> Self {
        Self {
            conv1: Conv2dConfig::new([1, 32], [3, 3]).init(device),
            conv2: Conv2dConfig::new([32, 64], [3, 3]).init(device),
            dropout1: DropoutConfig::new(0.25).init(),
            fc1: LinearConfig::new(9216, 128).init(device),
            dropout2: DropoutConfig::new(0.5).init(),
            fc2: LinearConfig::new(128, 10).init(device),
        }
    }

    pub fn forward(&self, x: Tensor<4>) -> Tensor<2> {
        let x = activation::relu(self.conv1.forward(x));
        let x = activation::relu(self.conv2.forward(x));
        let x = MaxPool2dConfig::new([2, 2]).with_strides([2, 2]).init().forward(x);
        let x = self.dropout1.forward(x).flatten::<2>(1, 3);
        let x = self.dropout2.forward(activation::relu(self.fc1.forward(x)));
        self.fc2.forward(x)
    }
}

fn convolution(from: usize, to: usize, kernel: usize, stride: usize, device: &Device) -> Conv2d {
    let pad = kernel / 2;
    let padding = if pad == 0 { PaddingConfig2d::Valid } else { PaddingConfig2d::Explicit(pad, pad, pad, pad) };
    let config = Conv2dConfig::new([from, to], [kernel, kernel]).with_stride([stride, stride]);
    config.with_padding(padding).with_bias(false).init(device)
}

#[derive(Module, Debug)]
struct Block {
    conv1: Conv2d,
    bn1: BatchNorm,
    conv2: Conv2d,
    bn2: BatchNorm,
    downsample: Option<Conv2d>,
    downsample_norm: Option<BatchNorm>,
}

impl Block {
    fn new(from: usize, to: usize, stride: usize, device: &Device) -> Self {
        let changes = stride != 1 || from != to;
        Self {
            conv1: convolution(from, to, 3, stride, device),
            bn1: BatchNormConfig::new(to).init(device),
            conv2: convolution(to, to, 3, 1, device),
            bn2: BatchNormConfig::new(to).init(device),
            downsample: changes.then(|| convolution(from, to, 1, stride, device)),
            downsample_norm: changes.then(|| BatchNormConfig::new(to).init(device)),
        }
    }

    fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let y = activation::relu(self.bn1.forward(self.conv1.forward(x.clone())));
        let y = self.bn2.forward(self.conv2.forward(y));
        let shortcut = match (&self.downsample, &self.downsample_norm) {
            (Some(convolution), Some(norm)) => norm.forward(convolution.forward(x)),
            _ => x,
        };
        activation::relu(y + shortcut)
    }
}

/// ResNet-18 for small images.
#[derive(Module, Debug)]
pub struct ResNet {
    conv1: Conv2d,
    bn1: BatchNorm,
    blocks: Vec<Block>,
    fc: Linear,
}

impl ResNet {
    pub fn new(device: &Device) -> Self {
        let mut channels = 64;
        let mut blocks = Vec::new();
        for (to, stride) in RESNET18 {
            blocks.push(Block::new(channels, to, stride, device));
            channels = to;
        }
        Self {
            conv1: convolution(3, 64, 3, 1, device),
            bn1: BatchNormConfig::new(64).init(device),
            blocks,
            fc: LinearConfig::new(512, 10).init(device),
        }
    }

    pub fn forward(&self, x: Tensor<4>) -> Tensor<2> {
        let mut x = activation::relu(self.bn1.forward(self.conv1.forward(x)));
        for block in &self.blocks {
            x = block.forward(x);
        }
        self.fc.forward(module::adaptive_avg_pool2d(x, [1, 1]).flatten::<2>(1, 3))
    }
}

/// 784-512-256-10.
#[derive(Module, Debug)]
pub struct Mlp {
    fc1: Linear,
    fc2: Linear,
    fc3: Linear,
}

impl Mlp {
    pub fn new(device: &Device) -> Self {
        Self {
            fc1: LinearConfig::new(784, 512).init(device),
            fc2: LinearConfig::new(512, 256).init(device),
            fc3: LinearConfig::new(256, 10).init(device),
        }
    }

    pub fn forward(&self, x: Tensor<2>) -> Tensor<2> {
        let x = activation::relu(self.fc1.forward(x));
        self.fc3.forward(activation::relu(self.fc2.forward(x)))
    }
}
