//! Residual networks of basic blocks (He et al. 2016): ResNet-18 and ResNet-34, with torchvision's module names, so that
//! weights of `torchvision.models.resnet18` fit by name.
//!
//! ```text
//! block(x) = relu(bn2(conv2(relu(bn1(conv1(x))))) + shortcut(x))
//! ```
//!
//! The shortcut is `x` itself, or a strided 1x1 convolution with batch norm (`downsample`) where the shape changes.

use striate_nn::init::{FanMode, Nonlinearity, kaiming_normal};
use striate_nn::{BatchNorm2d, Context, Conv2d, ConvNorm, Linear, MaxPool2d, Module, ModuleError, Sequential, Slot};
use striate_tensor::random::Generator;
use striate_tensor::{Conv2dOptions, Pool2dOptions, Tensor};

/// How the network begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Stem {
    /// A 7x7 convolution of stride 2 and a 3x3 max pooling of stride 2, for photographs of 224x224 (torchvision).
    #[default]
    ImageNet,
    /// One 3x3 convolution of stride 1, which leaves images of 32x32 their size; 96x96 fit too.
    Cifar,
}

/// What a [`ResNet`] looks like, before it has weights.
///
/// ```
/// use striate_models::resnet::{ResNetConfig, Stem};
/// use striate_nn::{Context, Module};
/// use striate_tensor::{DType, Tensor, random::Generator};
///
/// let small = ResNetConfig::resnet18().stem(Stem::Cifar).width(8).classes(5).build(&mut Generator::new(0));
/// let logits = small.forward(&Tensor::zeros(&[2, 3, 32, 32], DType::F32), &Context::eval());
/// assert_eq!(logits.shape(), [2, 5]);
/// ```
#[derive(Debug, Clone, Copy)]
pub struct ResNetConfig {
    blocks: [usize; 4],
    width: usize,
    stem: Stem,
    in_channels: usize,
    classes: usize,
}

impl ResNetConfig {
    /// `blocks` basic blocks in each of the four stages, 64 channels in the first, twice as many in each next, colour
    /// images, 1000 classes.
    pub fn new(blocks: [usize; 4]) -> Self {
        Self { blocks, width: 64, stem: Stem::ImageNet, in_channels: 3, classes: 1000 }
    }

    /// 18 layers with weights: 2, 2, 2, 2 blocks.
    pub fn resnet18() -> Self {
        Self::new([2; 4])
    }

    /// 34 layers with weights: 3, 4, 6, 3 blocks.
    pub fn resnet34() -> Self {
        Self::new([3, 4, 6, 3])
    }

    /// How the network begins.
    pub fn stem(mut self, stem: Stem) -> Self {
        self.stem = stem;
        self
    }

    /// Channels of the first stage.
    pub fn width(mut self, width: usize) -> Self {
        self.width = width;
        self
    }

    /// Channels of the images.
    pub fn in_channels(mut self, in_channels: usize) -> Self {
        self.in_channels = in_channels;
        self
    }

    /// How many logits the network returns.
    pub fn classes(mut self, classes: usize) -> Self {
        self.classes = classes;
        self
    }

    /// The network with random weights, drawn as torchvision does: convolutions normal with variance `2 / fan_out`.
    ///
    /// # Panics
    /// If a number is 0.
    #[track_caller]
    pub fn build(self, generator: &mut Generator) -> ResNet {
        let Self { blocks, width, stem, in_channels, classes } = self;
        for (what, number) in [("width", width), ("in_channels", in_channels), ("classes", classes)] {
            assert!(number > 0, "ResNet: {what} is 0, it needs at least one");
        }
        assert!(!blocks.contains(&0), "ResNet: blocks = {blocks:?}, every stage needs at least one");
        let (kernel, stride) = if stem == Stem::Cifar { (3, 1) } else { (7, 2) };
        let conv1 = convolution(in_channels, width, kernel, stride, generator);
        let mut channels = width;
        let layers = [0, 1, 2, 3].map(|stage| {
            let mut layer = Sequential::new();
            for index in 0..blocks[stage] {
                let stride = if stage > 0 && index == 0 { 2 } else { 1 };
                layer.push(index.to_string(), Box::new(BasicBlock::new(channels, width << stage, stride, generator)));
                channels = width << stage;
            }
            layer
        });
        ResNet { stem, conv1, bn1: BatchNorm2d::new(width), layers, fc: Linear::new(channels, classes, generator) }
    }
}

/// A convolution without bias that keeps the size, or divides it by `stride`.
fn convolution(from: usize, to: usize, kernel: usize, stride: usize, generator: &mut Generator) -> Conv2d {
    let options = Conv2dOptions { stride: [stride; 2], padding: [kernel / 2; 2], ..Conv2dOptions::default() };
    let weight = kaiming_normal(&[to, from, kernel, kernel], FanMode::Out, Nonlinearity::ReLU, generator);
    Conv2d::from_parameters(weight, None, options)
}

/// Two 3x3 convolutions around which the input may pass (torchvision's `BasicBlock`).
#[derive(Debug)]
pub struct BasicBlock {
    conv1: Conv2d,
    bn1: BatchNorm2d,
    conv2: Conv2d,
    bn2: BatchNorm2d,
    downsample: Option<Downsample>,
}

impl BasicBlock {
    /// A block from `from` to `to` channels; the first convolution has the stride. The shortcut gets weights only where
    /// the shape changes.
    pub fn new(from: usize, to: usize, stride: usize, generator: &mut Generator) -> Self {
        let conv1 = convolution(from, to, 3, stride, generator);
        let conv2 = convolution(to, to, 3, 1, generator);
        let downsample = (stride != 1 || from != to).then(|| Downsample {
            convolution: convolution(from, to, 1, stride, generator),
            norm: BatchNorm2d::new(to),
        });
        Self { conv1, bn1: BatchNorm2d::new(to), conv2, bn2: BatchNorm2d::new(to), downsample }
    }
}

impl Module for BasicBlock {
    fn try_forward(&self, input: &Tensor, context: &Context) -> Result<Tensor, ModuleError> {
        let first = ConvNorm { relu: true, ..ConvNorm::new(("conv1", &self.conv1), ("bn1", &self.bn1)) };
        let hidden = first.try_forward(input, context)?;
        let shortcut = match &self.downsample {
            Some(downsample) => context.call("downsample", downsample, input)?,
            None => input.clone(),
        };
        let second = ConvNorm::new(("conv2", &self.conv2), ("bn2", &self.bn2));
        ConvNorm { residual: Some(&shortcut), relu: true, ..second }.try_forward(&hidden, context)
    }

    fn visit<'a>(&'a self, visitor: &mut dyn FnMut(&str, Slot<'a>)) {
        visitor("conv1", Slot::Child(&self.conv1));
        visitor("bn1", Slot::Child(&self.bn1));
        visitor("conv2", Slot::Child(&self.conv2));
        visitor("bn2", Slot::Child(&self.bn2));
        if let Some(downsample) = &self.downsample {
            visitor("downsample", Slot::Child(downsample));
        }
    }

    fn describe(&self) -> String {
        let [to, from] = [0, 1].map(|axis| self.conv1.weight().shape()[axis]);
        format!("BasicBlock({from} -> {to}{})", if self.downsample.is_some() { ", downsample" } else { "" })
    }
}

/// The shortcut where the shape changes: `0` is the convolution, `1` its batch norm.
#[derive(Debug)]
struct Downsample {
    convolution: Conv2d,
    norm: BatchNorm2d,
}

impl Module for Downsample {
    fn try_forward(&self, input: &Tensor, context: &Context) -> Result<Tensor, ModuleError> {
        ConvNorm::new(("0", &self.convolution), ("1", &self.norm)).try_forward(input, context)
    }

    fn visit<'a>(&'a self, visitor: &mut dyn FnMut(&str, Slot<'a>)) {
        visitor("0", Slot::Child(&self.convolution));
        visitor("1", Slot::Child(&self.norm));
    }

    fn describe(&self) -> String {
        "Downsample".into()
    }
}

/// A residual network: `[n, channels, height, width]` to `[n, classes]` logits. See [`ResNetConfig`].
pub struct ResNet {
    stem: Stem,
    conv1: Conv2d,
    bn1: BatchNorm2d,
    layers: [Sequential; 4],
    fc: Linear,
}

const LAYERS: [&str; 4] = ["layer1", "layer2", "layer3", "layer4"];

impl Module for ResNet {
    fn try_forward(&self, input: &Tensor, context: &Context) -> Result<Tensor, ModuleError> {
        let stem = ConvNorm { relu: true, ..ConvNorm::new(("conv1", &self.conv1), ("bn1", &self.bn1)) };
        let mut x = stem.try_forward(input, context)?;
        if self.stem == Stem::ImageNet {
            let options = Pool2dOptions { stride: [2; 2], padding: [1; 2], ..Pool2dOptions::new(3) };
            x = context.call("maxpool", &MaxPool2d::with_options(options), &x)?;
        }
        for (name, layer) in LAYERS.iter().zip(&self.layers) {
            x = context.call(name, layer, &x)?;
        }
        let pooled = x.try_adaptive_avg_pool2d([1, 1])?.try_flatten(1, -1)?;
        context.call("fc", &self.fc, &pooled)
    }

    fn visit<'a>(&'a self, visitor: &mut dyn FnMut(&str, Slot<'a>)) {
        visitor("conv1", Slot::Child(&self.conv1));
        visitor("bn1", Slot::Child(&self.bn1));
        for (name, layer) in LAYERS.iter().zip(&self.layers) {
            visitor(name, Slot::Child(layer));
        }
        visitor("fc", Slot::Child(&self.fc));
    }

    fn describe(&self) -> String {
        let blocks = self.layers.each_ref().map(|layer| layer.children().count());
        let weighted = 2 + 2 * blocks.iter().sum::<usize>();
        format!("ResNet-{weighted}({:?} stem, blocks {blocks:?}, {})", self.stem, self.fc.describe())
    }
}
