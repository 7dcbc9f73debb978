//! Layers with PyTorch's weights against PyTorch: output, and gradients of inputs and weights.

mod common;

use common::{Golden, check_layer};
use striate_nn::{
    AdaptiveAvgPool2d, BatchNorm1d, Cell, Context, ConvTranspose2dConfig, ELU, Embedding, GroupNorm, GruCell,
    Hardswish, Identity, InstanceNorm2d, LayerNorm, LeakyReLU, LocalResponseNorm, LstmCell, Module, MultiheadAttention,
    MultiheadAttentionConfig, PReLU, PixelShuffle, RecurrentConfig, RnnCell, SiLU, Softplus, TransformerConfig,
    TransformerDecoderLayer, TransformerEncoderLayer, Upsample, causal_mask,
};
use striate_tensor::random::Generator;
use striate_tensor::{Interpolation, Tensor};

const GOLDEN: &[u8] = include_bytes!("golden/layers.safetensors");

fn check<M: Module>(case: &str, module: &M, call: impl Fn(&M, &[Tensor]) -> Tensor) {
    check_layer(&Golden::new(GOLDEN), case, module, |inputs| call(module, inputs));
}

fn evaluate<M: Module>(case: &str, module: M) {
    check(case, &module, |module, x| module.forward(&x[0], &Context::eval()));
}

#[test]
fn normalisations() {
    evaluate("layer_norm", LayerNorm::new(&[3, 4]));
    evaluate("group_norm", GroupNorm::new(2, 6));
    evaluate("instance_norm", InstanceNorm2d::new(3));
    evaluate("instance_norm_affine", InstanceNorm2d::new(3).affine(true));
    evaluate("batch_norm1d_eval", BatchNorm1d::new(3));
    check("batch_norm1d_train", &BatchNorm1d::new(3), |m, x| m.forward(&x[0], &Context::train(0, 0)));
    evaluate("local_response_norm", LocalResponseNorm::new(3).alpha(0.3).beta(0.7).k(1.5));
    evaluate("local_response_norm_even", LocalResponseNorm::new(4).alpha(0.5));
}

fn check_recurrent<C: Cell>(name: &str) {
    let generator = &mut Generator::new(0);
    let config = RecurrentConfig::new(3, 4);
    evaluate(name, config.build::<C>(generator));
    let deep = RecurrentConfig::new(3, 2).layers(2).bidirectional(true).batch_first(true);
    evaluate(&format!("{name}_deep"), deep.build::<C>(generator));
    let biasless = config.bias(false).build::<C>(generator);
    check(&format!("{name}_states"), &biasless, |module, x| {
        let (output, last) = module.run(&x[0], Some(&x[1..]), &Context::eval()).unwrap();
        let mut parts = vec![&output];
        parts.extend(&last);
        Tensor::cat(&parts, 0)
    });
}

#[test]
fn recurrent_layers() {
    check_recurrent::<RnnCell>("rnn");
    check_recurrent::<LstmCell>("lstm");
    check_recurrent::<GruCell>("gru");
}

#[test]
fn attention() {
    let generator = &mut Generator::new(0);
    check("attention", &MultiheadAttention::new(6, 2, generator), |module, x| {
        module.attend(&x[0], &x[1], &x[2], None, &Context::eval()).unwrap().0
    });
    let causal = MultiheadAttentionConfig::new(6, 3).batch_first(true).build(generator);
    check("attention_causal", &causal, |module, x| {
        module.attend(&x[0], &x[0], &x[0], Some(&causal_mask(4)), &Context::eval()).unwrap().0
    });
}

#[test]
fn transformer_layers() {
    let generator = &mut Generator::new(0);
    for (suffix, norm_first) in [("", false), ("_norm_first", true)] {
        let config = TransformerConfig::new(4, 2).feedforward(8).norm_first(norm_first).batch_first(norm_first);
        evaluate(&format!("encoder{suffix}"), TransformerEncoderLayer::new(config, generator));
        check(&format!("decoder{suffix}"), &TransformerDecoderLayer::new(config, generator), |module, x| {
            module.decode(&x[0], &x[1], Some(&causal_mask(3)), &Context::eval()).unwrap()
        });
    }
}

#[test]
fn resizing_and_tables() {
    let generator = &mut Generator::new(0);
    evaluate("embedding", Embedding::new(5, 3, generator).padding_idx(2));
    evaluate("adaptive_avg_pool2d", AdaptiveAvgPool2d::new([3, 2]));
    let transposed = ConvTranspose2dConfig::new(4, 6, 3).stride(2).padding(1).output_padding(1).groups(2);
    evaluate("conv_transpose2d", transposed.build(generator));
    evaluate("upsample", Upsample::new(3));
    evaluate("upsample_bilinear", Upsample::new(2).mode(Interpolation::Linear { align_corners: false }));
    evaluate("pixel_shuffle", PixelShuffle::new(2));
}

#[test]
fn activations() {
    evaluate("leaky_relu", LeakyReLU::new(0.1));
    evaluate("elu", ELU::new(1.5));
    evaluate("silu", SiLU);
    evaluate("hardswish", Hardswish);
    evaluate("softplus", Softplus::new(2.0));
    evaluate("prelu", PReLU::new(3));
    evaluate("identity", Identity);
}
