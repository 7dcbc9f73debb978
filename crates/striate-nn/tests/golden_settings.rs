//! Layers, losses and optimisers with settings other than the defaults, and means of weights, against PyTorch.

mod common;

use common::{Golden, assert_close, check, check_layer};
use striate_nn::loss::{self, BceOptions, CrossEntropyOptions, MultiMarginOptions, TripletOptions};
use striate_nn::optim::{Adam, AdamW, NAdam, Optimizer, RAdam, clip_grad_norm, clip_grad_value};
use striate_nn::{
    AdaptiveAvgPool1d, AdaptiveMaxPool1d, AdditiveAttention, AvgPool1d, AvgPool2d, BatchNorm1d, BatchNorm2d, CELU,
    Cell, Context, Conv1dConfig, Conv2dConfig, ConvTranspose2dConfig, ELU, Ema, GELUTanh, GLU, GRUCell, GroupNorm,
    Hardshrink, Hardswish, InstanceNorm1d, LSTMCell, LayerNorm, LogSigmoid, MaxPool1d, MaxPool2d, Maxout, Module,
    MultiheadAttentionConfig, PixelUnshuffle, Positions, RNNCell, ReLU6, RecurrentCell, ReluRNN, Softmin, Softshrink,
    Softsign, Tanhshrink, causal_mask, padding_mask, patchify,
};
use striate_tensor::random::Generator;
use striate_tensor::{DType, PaddingMode, Pool2dOptions, Reduction, Tensor};

const GOLDEN: &[u8] = include_bytes!("golden/settings.safetensors");
const REDUCTIONS: [(&str, Reduction); 3] =
    [("mean", Reduction::Mean), ("sum", Reduction::Sum), ("none", Reduction::None)];

fn evaluate(table: Vec<(&str, Box<dyn Module>)>) {
    let golden = Golden::new(GOLDEN);
    for (case, module) in table {
        check_layer(&golden, case, module.as_ref(), |x| module.forward(&x[0], &Context::eval()));
    }
}

#[test]
fn windows() {
    let generator = &mut Generator::new(0);
    let pairs = Conv2dConfig::new(4, 6, [3, 2]).stride([2, 1]).padding([1, 0]).dilation([1, 2]).groups(2);
    let mut table: Vec<(&str, Box<dyn Module>)> = vec![
        ("conv2d_pairs", Box::new(pairs.build(generator))),
        ("conv2d_same", Box::new(Conv2dConfig::new(4, 3, [2, 5]).dilation([3, 1]).padding_same().build(generator))),
        ("conv1d_same", Box::new(Conv1dConfig::new(4, 3, 4).padding_same().build(generator))),
    ];
    for (case, mode) in [
        ("conv2d_reflect", PaddingMode::Reflect),
        ("conv2d_replicate", PaddingMode::Replicate),
        ("conv2d_circular", PaddingMode::Circular),
    ] {
        table.push((case, Box::new(Conv2dConfig::new(4, 3, 3).padding([1, 2]).padding_mode(mode).build(generator))));
    }
    let circular = Conv1dConfig::new(4, 3, 3).stride(2).padding(2).padding_mode(PaddingMode::Circular);
    table.push(("conv1d_circular", Box::new(circular.build(generator))));
    let transposed = ConvTranspose2dConfig::new(4, 6, [3, 2]).stride([2, 3]).padding([1, 0]).output_padding([1, 0]);
    table.push(("conv_transpose2d_pairs", Box::new(transposed.bias(false).build(generator))));
    evaluate(table);
}

#[test]
fn pooling_of_sequences() {
    evaluate(vec![
        ("max_pool1d", Box::new(MaxPool1d::new(3).stride(2).padding(1))),
        ("max_pool1d_dilated", Box::new(MaxPool1d::new(3).stride(1).dilation(2))),
        ("avg_pool1d", Box::new(AvgPool1d::new(3).stride(2).padding(1).count_include_pad(false))),
        ("adaptive_avg_pool1d", Box::new(AdaptiveAvgPool1d::new(3))),
        ("adaptive_max_pool1d", Box::new(AdaptiveMaxPool1d::new(3))),
    ]);
}

#[test]
fn pooling_to_the_end() {
    let pool = |padding, count_include_pad| Pool2dOptions {
        stride: [2; 2],
        padding: [padding; 2],
        count_include_pad,
        ceil_mode: true,
        ..Pool2dOptions::new(3)
    };
    evaluate(vec![
        ("max_pool2d_ceil", Box::new(MaxPool2d::with_options(pool(0, true)))),
        ("avg_pool2d_ceil", Box::new(AvgPool2d::with_options(pool(1, true)))),
        ("avg_pool2d_ceil_inside", Box::new(AvgPool2d::with_options(pool(1, false)))),
        ("max_pool1d_ceil", Box::new(MaxPool1d::new(2).ceil_mode(true))),
        ("avg_pool1d_ceil", Box::new(AvgPool1d::new(4).stride(3).padding(1).ceil_mode(true))),
    ]);
}

#[test]
fn attentions() {
    let generator = &mut Generator::new(0);
    let config = |heads| MultiheadAttentionConfig::new(6, heads);
    let behind = config(2).add_bias_kv(true).add_zero_attn(true).batch_first(true);
    let causal = causal_mask(5).narrow(0, 0, 4);
    let padded = padding_mask(&[3, 5], 5);
    for (case, config, mask) in [
        ("attention_kdim", config(2).kdim(3).vdim(7), None),
        ("attention_biasless", config(3).bias(false).batch_first(true), None),
        ("attention_behind", behind, Some(&causal)),
        ("attention_padded", config(2).batch_first(true), Some(&padded)),
    ] {
        let attention = config.build(generator);
        let eval = Context::eval();
        check_layer(&Golden::new(GOLDEN), case, &attention, |x| {
            let (output, weights) = attention.attend(&x[0], &x[1], &x[2], mask, &eval).unwrap();
            let alone = attention.attend_without_weights(&x[0], &x[1], &x[2], mask, &eval).unwrap();
            assert_close(case, &alone, &output, 1e-6);
            Tensor::cat(&[&output.flatten(0, -1), &weights.flatten(0, -1)], 0)
        });
        // The gradients of the weights alone are those of a function of them; here of the output, computed in blocks.
        let x = Golden::new(GOLDEN);
        let inputs = [0, 1, 2].map(|i| x.get(&format!("{case}.input_{i}")).copy().requires_grad_(true));
        let gradients = |output: Tensor| {
            output.square().sum_all().backward();
            inputs.each_ref().map(|input| (input.grad().unwrap(), input.zero_grad()).0)
        };
        let [q, k, v] = &inputs;
        let whole = gradients(attention.attend(q, k, v, mask, &eval).unwrap().0);
        let blocks = gradients(attention.attend_without_weights(q, k, v, mask, &eval).unwrap());
        for (whole, blocks) in whole.iter().zip(&blocks) {
            assert_close(case, blocks, whole, 1e-4);
        }
    }
    let attention = config(2).build(generator);
    let x = Tensor::zeros(&[4, 2, 6], DType::F32);
    let seen = Tensor::full(&[4, 4], true);
    let refused = attention.attend(&x, &x, &x, Some(&seen), &Context::eval()).unwrap_err().to_string();
    assert!(refused.contains("a bool mask can be meant either way"), "{refused}");
}

#[test]
fn normalisations() {
    evaluate(vec![
        ("batch_norm_plain", Box::new(BatchNorm2d::new(4).affine(false).eps(1e-3))),
        ("batch_norm_untracked", Box::new(BatchNorm2d::new(4).track_running_stats(false))),
        ("layer_norm_plain", Box::new(LayerNorm::new(&[3, 4]).elementwise_affine(false))),
        ("layer_norm_biasless", Box::new(LayerNorm::new(&[4]).bias(false))),
        ("group_norm_plain", Box::new(GroupNorm::new(2, 6).affine(false))),
        ("instance_norm1d", Box::new(InstanceNorm1d::new(4).affine(true))),
    ]);
    let golden = Golden::new(GOLDEN);
    let cumulative = BatchNorm1d::new(3).cumulative();
    check_layer(&golden, "batch_norm_cumulative", &cumulative, |x| {
        let forward = |x: &Tensor| cumulative.forward(x, &Context::train(0, 0));
        let first = forward(&x[0]);
        first.add(&forward(&x[0].mul_scalar(2.0)).mul(&forward(&x[0].square())))
    });
    for name in ["running_mean", "running_var"] {
        assert_close(name, &cumulative.state_dict()[name], golden.get(&format!("cumulative.{name}")), 1e-5);
    }
}

fn check_cell<C: Cell>(case: &str, cell: &RecurrentCell<C>) {
    check_layer(&Golden::new(GOLDEN), case, cell, |x| {
        let after = cell.step(&x[0], &x[1..]).unwrap();
        Tensor::cat(&after.iter().collect::<Vec<_>>(), 0)
    });
}

#[test]
fn sequences() {
    let generator = &mut Generator::new(0);
    check_cell("rnn_cell", &RNNCell::new(3, 4, generator));
    check_cell("lstm_cell", &LSTMCell::new(3, 4, generator));
    check_cell("gru_cell", &GRUCell::new(3, 4, generator));
    evaluate(vec![
        ("rnn_relu", Box::new(ReluRNN::new(3, 4, generator))),
        ("sinusoids", Box::new(Positions::sinusoidal(9, 6))),
    ]);
    let attention = AdditiveAttention::new(3, 4, 5, generator);
    check_layer(&Golden::new(GOLDEN), "additive_attention", &attention, |x| {
        attention.attend(&x[0], &x[1], None, &Context::eval()).unwrap().0
    });
}

#[test]
fn activations_and_rearrangements() {
    evaluate(vec![
        ("maxout", Box::new(Maxout::new(3))),
        ("pixel_unshuffle", Box::new(PixelUnshuffle::new(2))),
        ("celu", Box::new(CELU::new(1.7))),
        ("glu", Box::new(GLU::new(1))),
        ("gelu_tanh", Box::new(GELUTanh)),
        ("log_sigmoid", Box::new(LogSigmoid)),
        ("softsign", Box::new(Softsign)),
        ("tanhshrink", Box::new(Tanhshrink)),
        ("softshrink", Box::new(Softshrink::new(0.7))),
        ("hardshrink", Box::new(Hardshrink::new(0.7))),
        ("relu6", Box::new(ReLU6)),
        ("softmin", Box::new(Softmin::new(1))),
        ("elu", Box::new(ELU::new(0.7))),
        ("hardswish", Box::new(Hardswish)),
    ]);
    check_layer(&Golden::new(GOLDEN), "patches", &ReLU6, |x| patchify(&x[0], 2).unwrap());
}

#[test]
fn losses_with_settings() {
    let golden = Golden::new(GOLDEN);
    let weight = |like: &Tensor| Tensor::from_slice(&[0.5_f64, 2.0, 1.0, 0.1], &[4]).to_dtype(like.dtype());
    let fixed = |name: &str, like: &Tensor| golden.get(&format!("{name}.fixed")).to_dtype(like.dtype());
    let (one, pair): (&[&str], &[&str]) = (&["input"], &["input", "target"]);
    for (suffix, reduction) in REDUCTIONS {
        let case = |name: &str| format!("{name}_{suffix}");
        check(&golden, &case("bce_weighted"), one, |t| {
            let (weight, pos_weight) = (Some(weight(&t[0])), Some(weight(&t[0]).add_scalar(1.0)));
            loss::bce_with_logits_options(&t[0], &fixed("target", &t[0]), &BceOptions { weight, pos_weight, reduction })
        });
        for (name, ignore_index) in
            [("nll_weighted", -100), ("nll_weighted_map", -100), ("nll_ignoring", 1), ("nll_ignoring_map", 1)]
        {
            check(&golden, &case(name), pair, |t| {
                let weight = Some(weight(&t[0]));
                let options = CrossEntropyOptions { weight, ignore_index, reduction, ..Default::default() };
                loss::nll_loss_options(&t[0], &t[1], &options)
            });
        }
        check(&golden, &case("soft"), pair, |t| loss::cross_entropy_soft_with(&t[0], &t[1], reduction));
        check(&golden, &case("kl_log"), pair, |t| loss::kl_div_log_target(&t[0], &t[1], reduction));
        check(&golden, &case("triplet"), &["a", "p", "n"], |t| {
            let options = TripletOptions { margin: 0.7, p: 3.0, swap: true, reduction };
            loss::triplet_margin_loss_with(&t[0], &t[1], &t[2], &options)
        });
        check(&golden, &case("multi_margin"), pair, |t| {
            let options = MultiMarginOptions { margin: 0.8, squared: true, weight: Some(weight(&t[0])), reduction };
            loss::multi_margin_loss_with(&t[0], &t[1], &options)
        });
        check(&golden, &case("soft_margin"), one, |t| {
            loss::soft_margin_loss_with(&t[0], &fixed("signs", &t[0]), reduction)
        });
        check(&golden, &case("poisson"), one, |t| {
            loss::poisson_nll_loss_with(&t[0], &fixed("counts", &t[0]), reduction)
        });
        check(&golden, &case("sampling"), &["input", "context", "negatives"], |t| {
            loss::negative_sampling_loss_with(&t[0], &t[1], &t[2], reduction)
        });
        check(&golden, &case("gaussian"), &["input", "target", "variance"], |t| {
            loss::gaussian_nll_loss_with(&t[0], &t[1], &t[2], true, reduction)
        });
    }
    check(&golden, "gaussian_kl", &["input", "variance"], |t| loss::gaussian_kl(&t[0], &t[1]));
}

/// The mean follows PyTorch's `AveragedModel`, also when it is saved and taken up in the middle.
#[test]
fn means_of_weights() {
    let golden = Golden::new(GOLDEN);
    let names = ["weight", "bias", "running_mean", "running_var"];
    for (prefix, use_buffers) in [("ema", false), ("ema_buffers", true)] {
        let model = BatchNorm1d::new(3);
        let make = || Ema::new(&model, 0.8).use_buffers(use_buffers);
        let mut ema = make();
        for step in 0..5 {
            for name in names {
                model.state_dict()[name].copy_(golden.get(&format!("ema.{name}_{step}")));
            }
            if step == 3 {
                let saved = ema.state();
                ema = make();
                ema.load_state(&saved).unwrap();
            }
            ema.update(&model);
            for name in names {
                let what = format!("{prefix}.mean_{name}_{step}");
                assert_close(&what, &ema.state_dict()[name], golden.get(&what), 1e-6);
            }
        }
        let mut state = ema.state();
        state.insert("surprise".into(), Tensor::zeros(&[], DType::F32));
        assert!(ema.load_state(&state).unwrap_err().to_string().contains("`surprise` is unknown"));
        state.remove("surprise");
        state.remove("bias");
        assert!(ema.load_state(&state).unwrap_err().to_string().contains("`bias` is missing"));
    }
}

#[test]
fn clipped_gradients() {
    let golden = Golden::new(GOLDEN);
    let gradients = [0, 1].map(|i| golden.get(&format!("clip.grad_{i}")));
    for (name, max_norm) in [("norm_1", Some(1.0)), ("norm_100", Some(100.0)), ("value", None)] {
        let parameters = gradients.map(|gradient| gradient.zeros_like().requires_grad_(true));
        parameters.iter().zip(gradients).for_each(|(parameter, gradient)| parameter.set_grad(gradient));
        if let Some(max_norm) = max_norm {
            let norm = Tensor::scalar(clip_grad_norm(&parameters, max_norm));
            assert_close(name, &norm, golden.get(&format!("clip.{name}")), 1e-6);
        } else {
            clip_grad_value(&parameters, 0.4);
        }
        for (i, parameter) in parameters.iter().enumerate() {
            let expected = golden.get(&format!("clip.{name}_{i}"));
            assert_close(name, &parameter.grad().unwrap(), expected, 1e-6);
        }
    }
}

type MakeOptimizer = fn(Vec<(String, Tensor)>) -> Box<dyn Optimizer>;

#[test]
fn optimizers_with_settings() {
    let golden = Golden::new(GOLDEN);
    let table: [(&str, MakeOptimizer); 4] = [
        ("adam_amsgrad", |p| Box::new(Adam::new(p, 0.05).amsgrad(true).weight_decay(0.1))),
        ("adamw_amsgrad", |p| Box::new(AdamW::new(p, 0.05).amsgrad(true).betas(0.8, 0.7).epsilon(1e-4))),
        ("nadam_decoupled", |p| Box::new(NAdam::new(p, 0.05).decoupled_weight_decay(true).weight_decay(0.2))),
        ("radam_decoupled", |p| {
            let optimizer = RAdam::new(p, 0.05).betas(0.7, 0.9).decoupled_weight_decay(true);
            Box::new(optimizer.weight_decay(0.2))
        }),
    ];
    for (name, make) in table {
        let parameter = golden.get("optimizers.start").copy().requires_grad_(true);
        let new = || make(vec![("w".to_owned(), parameter.clone())]);
        let mut optimizer = new();
        for step in 0..6 {
            if step == 3 {
                let state = optimizer.state();
                optimizer = new();
                optimizer.load_state(&state).unwrap();
            }
            parameter.set_grad(golden.get(&format!("optimizers.grad_{step}")));
            optimizer.step();
            let expected = golden.get(&format!("optimizers.{name}_{step}"));
            assert_close(&format!("{name} after step {step}"), &parameter, expected, 1e-6);
        }
    }
}
