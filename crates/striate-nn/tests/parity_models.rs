//! Fifty training steps of a residual network, an LSTM and a transformer block from PyTorch's weights over PyTorch's
//! batches: the same losses. `golden/make_golden_features.py` has the models under the same names.

mod common;

use common::{Golden, assert_close};
use striate_nn::optim::{Adam, AdamW, Optimizer, Sgd};
use striate_nn::{
    BatchNorm2d, Checkpoint, Context, Conv2d, Conv2dConfig, LSTM, Linear, Module, ModuleError, RecurrentConfig, Slot,
    TransformerConfig, TransformerEncoderLayer, loss,
};
use striate_tensor::random::Generator;
use striate_tensor::{DType, Tensor};

const IMAGES: &[u8] = include_bytes!("golden/parity.safetensors");
const MODELS: &[u8] = include_bytes!("golden/parity_models.safetensors");

fn conv(inputs: usize, outputs: usize, kernel: usize, stride: usize) -> Conv2d {
    let config = Conv2dConfig::new(inputs, outputs, kernel).stride(stride).padding(kernel / 2).bias(false);
    config.build(&mut Generator::new(0))
}

struct Block {
    conv1: Conv2d,
    bn1: BatchNorm2d,
    conv2: Conv2d,
    bn2: BatchNorm2d,
    downsample: Option<(Conv2d, BatchNorm2d)>,
}

impl Block {
    fn new(inputs: usize, outputs: usize, stride: usize) -> Self {
        Self {
            conv1: conv(inputs, outputs, 3, stride),
            bn1: BatchNorm2d::new(outputs),
            conv2: conv(outputs, outputs, 3, 1),
            bn2: BatchNorm2d::new(outputs),
            downsample: (stride != 1).then(|| (conv(inputs, outputs, 1, stride), BatchNorm2d::new(outputs))),
        }
    }
}

impl Module for Block {
    fn try_forward(&self, input: &Tensor, context: &Context) -> Result<Tensor, ModuleError> {
        let inner = context.call("bn1", &self.bn1, &context.call("conv1", &self.conv1, input)?)?.try_relu()?;
        let inner = context.call("bn2", &self.bn2, &context.call("conv2", &self.conv2, &inner)?)?;
        let outer = match &self.downsample {
            None => input.clone(),
            Some((conv, bn)) => bn.try_forward(&conv.try_forward(input, context)?, context)?,
        };
        Ok(inner.try_add(&outer)?.try_relu()?)
    }

    fn visit<'a>(&'a self, visitor: &mut dyn FnMut(&str, Slot<'a>)) {
        visitor("conv1", Slot::Child(&self.conv1));
        visitor("bn1", Slot::Child(&self.bn1));
        visitor("conv2", Slot::Child(&self.conv2));
        visitor("bn2", Slot::Child(&self.bn2));
        if let Some((conv, bn)) = &self.downsample {
            visitor("downsample.0", Slot::Child(conv));
            visitor("downsample.1", Slot::Child(bn));
        }
    }

    fn describe(&self) -> String {
        "Block".into()
    }
}

struct ResNet {
    conv1: Conv2d,
    bn1: BatchNorm2d,
    layers: [Checkpoint; 2],
    fc: Linear,
}

impl Module for ResNet {
    fn try_forward(&self, input: &Tensor, context: &Context) -> Result<Tensor, ModuleError> {
        let mut x = self.bn1.try_forward(&self.conv1.try_forward(input, context)?, context)?.try_relu()?;
        for layer in &self.layers {
            x = layer.try_forward(&x, context)?;
        }
        self.fc.try_forward(&x.try_mean(&[2, 3], false)?, context)
    }

    fn visit<'a>(&'a self, visitor: &mut dyn FnMut(&str, Slot<'a>)) {
        visitor("conv1", Slot::Child(&self.conv1));
        visitor("bn1", Slot::Child(&self.bn1));
        visitor("layer1", Slot::Child(&self.layers[0]));
        visitor("layer2", Slot::Child(&self.layers[1]));
        visitor("fc", Slot::Child(&self.fc));
    }

    fn describe(&self) -> String {
        "ResNet".into()
    }
}

struct Rows {
    lstm: LSTM,
    fc: Linear,
}

impl Module for Rows {
    fn try_forward(&self, input: &Tensor, context: &Context) -> Result<Tensor, ModuleError> {
        let outputs = self.lstm.try_forward(&input.try_squeeze(1)?, context)?;
        self.fc.try_forward(&outputs.try_select(1, -1)?, context)
    }

    fn visit<'a>(&'a self, visitor: &mut dyn FnMut(&str, Slot<'a>)) {
        visitor("lstm", Slot::Child(&self.lstm));
        visitor("fc", Slot::Child(&self.fc));
    }

    fn describe(&self) -> String {
        "Rows".into()
    }
}

struct Tokens {
    embed: Linear,
    positions: Tensor,
    block: TransformerEncoderLayer,
    fc: Linear,
}

impl Module for Tokens {
    fn try_forward(&self, input: &Tensor, context: &Context) -> Result<Tensor, ModuleError> {
        let tokens = self.embed.try_forward(&input.try_squeeze(1)?, context)?.try_add(&self.positions)?;
        let tokens = self.block.try_forward(&tokens, context)?;
        self.fc.try_forward(&tokens.try_mean(&[1], false)?, context)
    }

    fn visit<'a>(&'a self, visitor: &mut dyn FnMut(&str, Slot<'a>)) {
        visitor("embed", Slot::Child(&self.embed));
        visitor("positions", Slot::Parameter(&self.positions));
        visitor("block", Slot::Child(&self.block));
        visitor("fc", Slot::Child(&self.fc));
    }

    fn describe(&self) -> String {
        "Tokens".into()
    }
}

fn check(name: &str, model: &dyn Module, mut optimizer: Box<dyn Optimizer>) {
    let (data, golden) = (Golden::new(IMAGES), Golden::new(MODELS));
    model.load_state_dict(&golden.under(&format!("{name}.initial"))).unwrap();
    let images = |batch: usize| {
        data.get("images").select(0, batch as isize).to_dtype(DType::F32).div_scalar(64.0).add_scalar(-2.0)
    };
    let mut worst = 0.0f32;
    for (step, expected) in golden.get(&format!("{name}.losses")).to_vec::<f32>().into_iter().enumerate() {
        let output = model.forward(&images(step % 5), &Context::train(0, step as u64));
        let loss = loss::cross_entropy(&output, &data.get("targets").select(0, (step % 5) as isize));
        let found = loss.item::<f32>();
        worst = worst.max((found / expected - 1.0).abs());
        assert!(worst < 1e-4, "{name}, step {step}: loss {found}, PyTorch has {expected}");
        optimizer.zero_grad();
        loss.backward();
        optimizer.step();
    }
    println!("{name}: largest relative difference of fifty losses {worst:.1e}");
    let output = model.forward(&images(0), &Context::eval());
    assert_close("evaluation after training", &output, golden.get(&format!("{name}.evaluated")), 1e-3);
}

/// The blocks are checkpointed, which changes neither the numbers nor what batch norm has counted.
#[test]
fn a_residual_network_trains_as_in_pytorch() {
    let layers = [Checkpoint::new(Block::new(4, 4, 1)), Checkpoint::new(Block::new(4, 8, 2))];
    let fc = Linear::new(8, 5, &mut Generator::new(0));
    let model = ResNet { conv1: conv(1, 4, 3, 1), bn1: BatchNorm2d::new(4), layers, fc };
    let optimizer = Sgd::new(model.named_parameters(), 0.02).momentum(0.9).weight_decay(5e-4);
    check("resnet", &model, Box::new(optimizer));
    let counted = &model.state_dict()["layer1.bn1.num_batches_tracked"];
    assert_eq!(counted.item::<i64>(), 50);
}

#[test]
fn an_lstm_trains_as_in_pytorch() {
    let generator = &mut Generator::new(0);
    let lstm = RecurrentConfig::new(12, 8).batch_first(true).build(generator);
    let model = Rows { lstm, fc: Linear::new(8, 5, generator) };
    let optimizer = Adam::new(model.named_parameters(), 0.01);
    check("lstm", &model, Box::new(optimizer));
}

#[test]
fn a_transformer_block_trains_as_in_pytorch() {
    let generator = &mut Generator::new(0);
    let config = TransformerConfig::new(8, 2).feedforward(16).gelu(true).dropout(0.0).batch_first(true);
    let model = Tokens {
        embed: Linear::new(12, 8, generator),
        positions: Tensor::zeros(&[12, 8], DType::F32).requires_grad_(true),
        block: TransformerEncoderLayer::new(config, generator),
        fc: Linear::new(8, 5, generator),
    };
    let optimizer = AdamW::new(model.named_parameters(), 0.005);
    check("transformer", &model, Box::new(optimizer));
}
