//! The networks of the bench in candle.

use candle_core::{Module, Result, Tensor, D};
use candle_nn::{
    batch_norm, conv2d, conv2d_no_bias, layer_norm, linear, ops, BatchNorm, BatchNormConfig, Conv2d, Conv2dConfig,
    LayerNorm, Linear, ModuleT, VarBuilder,
};
use peer_common::RESNET18;

/// The network of PyTorch's `examples/mnist`.
pub struct MnistNetwork {
    conv1: Conv2d,
    conv2: Conv2d,
    fc1: Linear,
    fc2: Linear,
}

impl MnistNetwork {
    pub fn new(vb: VarBuilder) -> Result<Self> {
        Ok(Self {
            conv1: conv2d(1, 32, 3, Default::default(), vb.pp("conv1"))?,
            conv2: conv2d(32, 64, 3, Default::default(), vb.pp("conv2"))?,
            fc1: linear(9216, 128, vb.pp("fc1"))?,
            fc2: linear(128, 10, vb.pp("fc2"))?,
        })
    }

    /// Log-probabilities, with dropout.
    pub fn train(&self, x: &Tensor) -> Result<Tensor> {
        let x = self.conv1.forward(x)?.relu()?;
        let x = self.conv2.forward(&x)?.relu()?.max_pool2d(2)?;
        let x = ops::dropout(&x, 0.25)?;
        let x = self.fc1.forward(&x.flatten_from(1)?)?.relu()?;
        ops::log_softmax(&self.fc2.forward(&ops::dropout(&x, 0.5)?)?, D::Minus1)
    }
}

fn convolution(from: usize, to: usize, kernel: usize, stride: usize, vb: VarBuilder) -> Result<Conv2d> {
    conv2d_no_bias(from, to, kernel, Conv2dConfig { stride, padding: kernel / 2, ..Default::default() }, vb)
}

fn norm(channels: usize, vb: VarBuilder) -> Result<BatchNorm> {
    batch_norm(channels, BatchNormConfig::default(), vb)
}

struct Block {
    conv1: Conv2d,
    bn1: BatchNorm,
    conv2: Conv2d,
    bn2: BatchNorm,
    downsample: Option<(Conv2d, BatchNorm)>,
}

impl Block {
    fn new(from: usize, to: usize, stride: usize, vb: VarBuilder) -> Result<Self> {
        let downsample = match stride != 1 || from != to {
            true => Some((convolution(from, to, 1, stride, vb.pp("downsample.0"))?, norm(to, vb.pp("downsample.1"))?)),
            false => None,
        };
        Ok(Self {
            conv1: convolution(from, to, 3, stride, vb.pp("conv1"))?,
            bn1: norm(to, vb.pp("bn1"))?,
            conv2: convolution(to, to, 3, 1, vb.pp("conv2"))?,
            bn2: norm(to, vb.pp("bn2"))?,
            downsample,
        })
    }

    fn forward(&self, x: &Tensor, train: bool) -> Result<Tensor> {
        let y = self.bn1.forward_t(&self.conv1.forward(x)?, train)?.relu()?;
        let y = self.bn2.forward_t(&self.conv2.forward(&y)?, train)?;
        let shortcut = match &self.downsample {
            Some((convolution, norm)) => norm.forward_t(&convolution.forward(x)?, train)?,
            None => x.clone(),
        };
        (y + shortcut)?.relu()
    }
}

/// ResNet-18 for small images.
pub struct ResNet {
    conv1: Conv2d,
    bn1: BatchNorm,
    blocks: Vec<Block>,
    fc: Linear,
}

impl ResNet {
    pub fn new(vb: VarBuilder) -> Result<Self> {
        let mut channels = 64;
        let mut blocks = Vec::new();
        for (index, (to, stride)) in RESNET18.into_iter().enumerate() {
            blocks.push(Block::new(channels, to, stride, vb.pp(format!("block{index}")))?);
            channels = to;
        }
        let (conv1, bn1) = (convolution(3, 64, 3, 1, vb.pp("conv1"))?, norm(64, vb.pp("bn1"))?);
        Ok(Self { conv1, bn1, blocks, fc: linear(512, 10, vb.pp("fc"))? })
    }

    pub fn forward(&self, x: &Tensor, train: bool) -> Result<Tensor> {
        let mut x = self.bn1.forward_t(&self.conv1.forward(x)?, train)?.relu()?;
        for block in &self.blocks {
            x = block.forward(&x, train)?;
        }
        self.fc.forward(&x.mean((2, 3))?)
    }
}

/// 784-512-256-10.
pub struct Mlp([Linear; 3]);

impl Mlp {
    pub fn new(vb: VarBuilder) -> Result<Self> {
        Ok(Self([linear(784, 512, vb.pp("fc1"))?, linear(512, 256, vb.pp("fc2"))?, linear(256, 10, vb.pp("fc3"))?]))
    }

    pub fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let [fc1, fc2, fc3] = &self.0;
        fc3.forward(&fc2.forward(&fc1.forward(x)?.relu()?)?.relu()?)
    }
}

/// Encoder layer of width 256 with 8 heads and 1024 hidden units, normalised after each part.
pub struct TransformerBlock {
    projections: Linear,
    out: Linear,
    linear1: Linear,
    linear2: Linear,
    norm1: LayerNorm,
    norm2: LayerNorm,
}

impl TransformerBlock {
    pub fn new(vb: VarBuilder) -> Result<Self> {
        Ok(Self {
            projections: linear(256, 768, vb.pp("in_proj"))?,
            out: linear(256, 256, vb.pp("out_proj"))?,
            linear1: linear(256, 1024, vb.pp("linear1"))?,
            linear2: linear(1024, 256, vb.pp("linear2"))?,
            norm1: layer_norm(256, 1e-5, vb.pp("norm1"))?,
            norm2: layer_norm(256, 1e-5, vb.pp("norm2"))?,
        })
    }

    pub fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let (batch, length, width) = x.dims3()?;
        let all = self.projections.forward(x)?.reshape((batch, length, 3, 8, width / 8))?.permute((2, 0, 3, 1, 4))?;
        let (q, k, v) = (all.get(0)?.contiguous()?, all.get(1)?.contiguous()?, all.get(2)?.contiguous()?);
        let scores = (q.matmul(&k.t()?)? * (1.0 / (width as f64 / 8.0).sqrt()))?;
        let mixed = ops::softmax(&scores, D::Minus1)?.matmul(&v)?.transpose(1, 2)?.reshape((batch, length, width))?;
        let x = self.norm1.forward(&(x + self.out.forward(&mixed)?)?)?;
        let hidden = self.linear2.forward(&self.linear1.forward(&x)?.relu()?)?;
        self.norm2.forward(&(x + hidden)?)
    }
}
