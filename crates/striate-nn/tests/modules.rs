//! Modules as a user meets them: paths in errors, state dictionaries, captures, modes.

use std::collections::BTreeMap;

use striate_nn::state::{StateError, from_safetensors, to_safetensors};
use striate_nn::{
    AvgPool2d, BatchNorm2d, Context, Conv2d, Conv2dConfig, Dropout, Flatten, Linear, LogSoftmax, MaxPool2d, Module,
    ReLU, Sequential, loss,
};
use striate_tensor::random::Generator;
use striate_tensor::{DType, Pool2dOptions, Tensor, autocast, bf16, no_grad};

fn model(seed: u64) -> Sequential {
    let generator = &mut Generator::new(seed);
    let features = Sequential::new()
        .with("conv1", Conv2d::new(3, 16, 3, generator))
        .with("bn1", BatchNorm2d::new(16))
        .with("relu1", ReLU)
        .with("pool1", MaxPool2d::new(2));
    Sequential::new().with("features", features).with("flatten", Flatten).with("fc", Linear::new(144, 5, generator))
}

fn images() -> Tensor {
    Tensor::randn(&[2, 3, 8, 8], &mut Generator::new(1))
}

/// Evaluation in bf16 runs the modules one after the other, not the pass that joins them in f32.
#[test]
fn autocast_is_heard_in_evaluation() {
    let generator = &mut Generator::new(2);
    let (conv, norm) = (Conv2d::new(3, 16, 3, generator), BatchNorm2d::new(16));
    let (x, context) = (images(), Context::eval());
    let expected = no_grad(|| autocast(DType::BF16, || norm.forward(&conv.forward(&x, &context), &context).relu()));
    assert_eq!(expected.dtype(), DType::BF16);
    let model = Sequential::new().with("conv", conv).with("norm", norm).with("relu", ReLU);
    let full = || no_grad(|| model.forward(&x, &context)).to_vec::<f32>();
    let before = full();
    let found = no_grad(|| autocast(DType::BF16, || model.forward(&x, &context)));
    assert_eq!(found.to_vec::<bf16>(), expected.to_vec::<bf16>());
    assert_eq!(full(), before);
}

#[test]
fn bf16_is_stored_and_read_back_without_loss() {
    let weight = Tensor::from_slice(&[1.0f32, -2.5, 1.0 / 3.0, f32::INFINITY], &[2, 2]).to_dtype(DType::BF16);
    let bytes = to_safetensors(&BTreeMap::from([("weight".to_owned(), weight.clone())])).unwrap();
    let read = &from_safetensors(&bytes).unwrap()["weight"];
    assert_eq!(read.dtype(), DType::F32);
    assert_eq!(read.to_dtype(DType::BF16).to_vec::<bf16>(), weight.to_vec::<bf16>());
    assert_eq!(read.to_vec::<f32>(), weight.to_dtype(DType::F32).to_vec::<f32>());
}

#[test]
fn a_shape_mistake_says_which_layer() {
    let generator = &mut Generator::new(0);
    let features = Sequential::new()
        .with("conv1", Conv2d::new(1, 3, 3, generator))
        .with("conv2", Conv2d::new(16, 8, 3, generator));
    let model = Sequential::new().with("features", features);
    let error = model.try_forward(&Tensor::zeros(&[1, 1, 9, 9], DType::F32), &Context::eval()).unwrap_err();
    assert_eq!(error.path, "features.conv2");
    let text = error.to_string();
    assert!(
        text.starts_with("in `features.conv2`: conv2d: input has 3 channels, weight expects 16\n  help: "),
        "{text}"
    );
}

#[test]
fn every_layer_names_its_operation() {
    let generator = &mut Generator::new(0);
    let table: Vec<(Box<dyn Module>, &str)> = vec![
        (Box::new(Linear::new(4, 2, generator)), "linear: input [2, 3] has 3 features, weight [2, 4] expects 4"),
        (Box::new(Conv2d::new(4, 2, 3, generator)), "conv2d: the input must be [n, c, h, w], got [2, 3]"),
        (Box::new(MaxPool2d::new(2)), "max_pool2d: the input must be [n, c, h, w], got [2, 3]"),
        (Box::new(AvgPool2d::new(2)), "avg_pool2d: the input must be [n, c, h, w], got [2, 3]"),
        (Box::new(BatchNorm2d::new(5)), "batch_norm: the input is [2, 3], the layer has 5 channels"),
        (Box::new(LogSoftmax::new(2)), "log_softmax: dimension 2 is out of range"),
    ];
    for (module, expected) in table {
        let error = module.try_forward(&Tensor::zeros(&[2, 3], DType::F32), &Context::eval()).unwrap_err().to_string();
        assert!(error.starts_with(expected), "{error}");
    }
}

#[test]
fn a_target_out_of_range_is_refused() {
    let logits = Tensor::zeros(&[2, 3], DType::F32);
    let targets = Tensor::from_slice(&[1_i64, 3], &[2]);
    let error = logits.try_cross_entropy(&targets, striate_tensor::Reduction::Mean).unwrap_err().to_string();
    assert!(error.starts_with("cross_entropy: target 3 at position 1 is not one of the 3 classes"), "{error}");
    let negative = Tensor::from_slice(&[-1_i64, 0], &[2]);
    assert!(logits.try_nll_loss(&negative, striate_tensor::Reduction::Mean).is_err());
}

#[test]
#[should_panic(expected = "mse_loss: the prediction has shape [2], the target [2, 1]")]
fn a_loss_does_not_broadcast() {
    loss::mse_loss(&Tensor::zeros(&[2], DType::F32), &Tensor::zeros(&[2, 1], DType::F32));
}

#[test]
fn names_and_counts() {
    let model = model(0);
    let names = |entries: Vec<(String, Tensor)>| entries.into_iter().map(|(name, _)| name).collect::<Vec<_>>();
    let parameters = ["features.conv1.weight", "features.conv1.bias", "features.bn1.weight", "features.bn1.bias"];
    assert_eq!(names(model.named_parameters()), [&parameters[..], &["fc.weight", "fc.bias"]].concat());
    let buffers = ["running_mean", "running_var", "num_batches_tracked"].map(|name| format!("features.bn1.{name}"));
    assert_eq!(names(model.named_buffers()), buffers);
    assert_eq!(model.num_parameters(), 16 * 27 + 16 + 32 + 144 * 5 + 5);
    assert!(model.named_parameters().iter().all(|(_, parameter)| parameter.requires_grad()));
    assert!(model.named_buffers().iter().all(|(_, buffer)| !buffer.requires_grad()));
}

#[test]
fn the_description_shows_the_tree() {
    let expected = "Sequential
  features  Sequential
    conv1  Conv2d(3 -> 16, kernel 3x3)
    bn1    BatchNorm2d(16)
    relu1  ReLU
    pool1  MaxPool2d(kernel 2)
  flatten   Flatten
  fc        Linear(144 -> 5)";
    assert_eq!(model(0).describe(), expected);
    let generator = &mut Generator::new(0);
    let conv = Conv2dConfig::new(4, 8, [3, 5]).stride(2).padding(1).dilation(2).groups(4).bias(false);
    let text = "Conv2d(4 -> 8, kernel 3x5, stride 2, padding 1, dilation 2, groups 4, no bias)";
    assert_eq!(conv.build(generator).describe(), text);
    let pool = MaxPool2d::with_options(Pool2dOptions { stride: [2, 1], padding: [1, 1], ..Pool2dOptions::new(3) });
    assert_eq!(pool.describe(), "MaxPool2d(kernel 3, stride 2x1, padding 1)");
}

#[test]
fn state_survives_bytes() {
    let (source, target) = (model(1), model(2));
    source.forward(&images(), &Context::train(0, 0));
    let bytes = to_safetensors(&source.state_dict()).unwrap();
    assert_eq!(bytes, to_safetensors(&source.state_dict()).unwrap(), "the same state gives the same bytes");
    let report = target.load_state_dict(&from_safetensors(&bytes).unwrap()).unwrap();
    assert_eq!(report.loaded.len(), 9);
    let output = |model: &Sequential| model.forward(&images(), &Context::eval()).to_vec::<f32>();
    assert_eq!(output(&source), output(&target));
}

#[test]
fn all_dtypes_survive_bytes() {
    let state: BTreeMap<String, Tensor> = [
        ("f32", Tensor::from_slice(&[1.5_f32, f32::NEG_INFINITY], &[2])),
        ("f64", Tensor::from_slice(&[0.1_f64], &[])),
        ("i64", Tensor::from_slice(&[-1_i64, i64::MAX], &[1, 2])),
        ("u8", Tensor::from_slice(&[0_u8, 255, 7], &[3])),
        ("bool", Tensor::from_slice(&[true, false], &[2])),
        ("empty", Tensor::zeros(&[0, 3], DType::F32)),
    ]
    .map(|(name, tensor)| (name.to_owned(), tensor))
    .into();
    let read = from_safetensors(&to_safetensors(&state).unwrap()).unwrap();
    assert_eq!(read.len(), state.len());
    for (name, tensor) in &state {
        assert_eq!(format!("{tensor:?}"), format!("{:?}", read[name]));
    }
}

#[test]
fn damaged_bytes_are_an_error() {
    let bytes = to_safetensors(&model(0).state_dict()).unwrap();
    for cut in [0, 7, 20, bytes.len() - 1] {
        assert!(matches!(from_safetensors(&bytes[..cut]), Err(StateError::Format(_))), "cut at {cut}");
    }
}

#[test]
fn a_state_that_does_not_fit_is_explained_and_changes_nothing() {
    let model = model(0);
    let before = to_safetensors(&model.state_dict()).unwrap();
    let mut state: BTreeMap<String, Tensor> =
        model.state_dict().into_iter().map(|(name, tensor)| (name, tensor.copy().add_scalar_if_float())).collect();
    state.remove("fc.bias");
    state.insert("fc.weight".into(), Tensor::zeros(&[10, 144], DType::F32));
    state.insert("head.weight".into(), Tensor::zeros(&[1], DType::F32));
    let error = model.load_state_dict(&state).unwrap_err();
    let expected = "the weights do not fit this model: 7 of 9 tensors fit
  `fc.bias` is missing: the model needs it
  `head.weight` is unexpected: the model has no such tensor
  `fc.weight` has shape [10, 144], the model expects [5, 144]: it may be made for other classes";
    assert_eq!(error.to_string(), expected);
    assert_eq!(to_safetensors(&model.state_dict()).unwrap(), before);

    let report = model.load_state_dict_partial(&state);
    assert_eq!(report.loaded.len(), 7);
    let bias = &model.state_dict()["features.conv1.bias"];
    assert_eq!(bias.to_vec::<f32>(), state["features.conv1.bias"].to_vec::<f32>());
}

trait AddIfFloat {
    fn add_scalar_if_float(self) -> Tensor;
}

impl AddIfFloat for Tensor {
    /// A change to every value, so that a load is seen.
    fn add_scalar_if_float(self) -> Tensor {
        if self.dtype().is_float() { self.add_scalar(1.0) } else { self }
    }
}

#[test]
fn capture_keeps_every_output_by_path() {
    let model = model(0);
    let context = Context::capture();
    let output = model.forward(&images(), &context);
    let captured = context.captured();
    let paths: Vec<&str> = captured.iter().map(|(path, _)| path.as_str()).collect();
    let inner = ["features.conv1", "features.bn1", "features.relu1", "features.pool1"];
    assert_eq!(paths, [&inner[..], &["features", "flatten", "fc"]].concat());
    assert_eq!(captured[0].1.shape(), [2, 16, 6, 6]);
    assert_eq!(captured[3].1.to_vec::<f32>(), captured[4].1.to_vec::<f32>());
    assert_eq!(captured[6].1.to_vec::<f32>(), output.to_vec::<f32>());
    assert!(Context::eval().captured().is_empty());
}

#[test]
fn batch_norm_learns_statistics_in_training_only() {
    let norm = BatchNorm2d::new(3);
    let x = images().mul_scalar(3.0).add_scalar(2.0);
    let state = |name: &str| norm.state_dict()[name].copy();
    norm.forward(&x, &Context::eval());
    assert_eq!(state("running_mean").to_vec::<f32>(), [0.0; 3]);
    let y = norm.forward(&x, &Context::train(0, 0));
    assert!(y.mean_all().item::<f32>().abs() < 1e-5);
    assert_eq!(state("num_batches_tracked").item::<i64>(), 1);
    for step in 0..200 {
        norm.forward(&x, &Context::train(0, step));
    }
    // After many batches of the same images, evaluation agrees with training up to the variance's n / (n - 1).
    let evaluated = norm.forward(&x, &Context::eval());
    let trained = norm.forward(&x, &Context::train(0, 0));
    let difference = evaluated.sub(&trained).square().mean_all().item::<f32>().sqrt();
    assert!(difference < 0.01, "{difference}");
}

#[test]
fn dropout_keeps_the_mean_and_repeats_with_the_step() {
    let dropout = Dropout::new(0.25);
    let ones = Tensor::ones(&[100, 100], DType::F32);
    assert_eq!(dropout.forward(&ones, &Context::eval()).to_vec::<f32>(), ones.to_vec::<f32>());
    let masked = |seed, step| dropout.forward(&ones, &Context::train(seed, step)).to_vec::<f32>();
    let first = masked(1, 0);
    assert_eq!(first, masked(1, 0));
    assert_ne!(first, masked(1, 1));
    assert_ne!(first, masked(2, 0));
    let dropped = first.iter().filter(|&&value| value == 0.0).count();
    assert!((2200..2800).contains(&dropped), "{dropped}");
    assert!(first.iter().all(|&value| value == 0.0 || (value - 4.0 / 3.0).abs() < 1e-6));

    let context = Context::train(1, 0);
    assert_ne!(dropout.forward(&ones, &context).to_vec::<f32>(), dropout.forward(&ones, &context).to_vec::<f32>());
    let nothing = Dropout::new(1.0).forward(&ones, &context);
    assert_eq!(nothing.sum_all().item::<f32>(), 0.0);
}

#[test]
fn dropout_passes_the_gradient_of_what_it_kept() {
    let x = Tensor::ones(&[50], DType::F32).requires_grad_(true);
    let y = Dropout::new(0.5).forward(&x, &Context::train(3, 0));
    y.sum_all().backward();
    assert_eq!(x.grad().unwrap().to_vec::<f32>(), y.to_vec::<f32>());
}

#[test]
#[should_panic(expected = "the name `fc` is taken")]
fn names_are_unique() {
    let _ = Sequential::new().with("fc", ReLU).with("fc", ReLU);
}

#[test]
#[should_panic(expected = "groups = 3 must divide both the 6 input and the 4 output channels")]
fn groups_must_divide_the_channels() {
    Conv2dConfig::new(6, 4, 3).groups(3).build(&mut Generator::new(0));
}

#[test]
fn relu_after_pooling_is_relu_before_pooling() {
    let mut values = Tensor::randn(&[2, 3, 6, 6], &mut Generator::new(4)).to_vec::<f32>();
    // Windows of negative numbers only, of equal zeros, and with a NaN.
    for (place, value) in [(0, -1.0), (1, -2.0), (6, -3.0), (7, -4.0), (2, 0.0), (3, -0.0), (8, 0.0), (9, -1.0)] {
        values[place] = value;
    }
    values[36] = f32::NAN;
    let through = |forward: &dyn Fn(&Tensor) -> Tensor| {
        let input = Tensor::from_slice(&values, &[2, 3, 6, 6]).requires_grad_(true);
        let output = forward(&input);
        output.square().sum_all().backward();
        let bits = |tensor: &Tensor| tensor.to_vec::<f32>().iter().map(|v| (v + 0.0).to_bits()).collect::<Vec<_>>();
        (bits(&output), bits(&input.grad().unwrap()))
    };
    let chain = Sequential::new().with("relu", ReLU).with("pool", MaxPool2d::new(2)).with("relu2", ReLU);
    let expected = through(&|input| input.relu().max_pool2d(Pool2dOptions::new(2)).relu());
    assert_eq!(through(&|input| chain.forward(input, &Context::train(0, 0))), expected);
    // Where every output is kept, they are those of the layers in the order they were written.
    let context = Context::capture_training(0, 0);
    assert_eq!(through(&|input| chain.forward(input, &context)), expected);
    let captured: Vec<(String, Vec<usize>)> =
        context.captured().iter().map(|(path, output)| (path.clone(), output.shape().to_vec())).collect();
    assert_eq!(captured[0], ("relu".to_owned(), vec![2, 3, 6, 6]));
    assert_eq!(captured[1], ("pool".to_owned(), vec![2, 3, 3, 3]));
}
