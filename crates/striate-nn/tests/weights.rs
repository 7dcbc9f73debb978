//! Files that real PyTorch wrote (`golden/make_golden_weights.py`), read into our modules.

use std::collections::BTreeMap;
use std::path::Path;

use striate_nn::state::{Format, LoadReport, NameMap, StateError, StoredType, WeightFile, to_safetensors};
use striate_nn::{
    AdaptiveAvgPool2d, BatchNorm2d, Context, Conv2d, Conv2dConfig, Flatten, LSTM, Linear, MaxPool2d, Module,
    ModuleError, ReLU, RecurrentConfig, Sequential, Slot, TransformerConfig, TransformerEncoderLayer,
};
use striate_tensor::random::Generator;
use striate_tensor::{DType, Tensor};

mod common;
use common::{Golden, assert_close};

fn bytes(name: &str) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/weights").join(name);
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn read(name: &str) -> WeightFile {
    WeightFile::read(&bytes(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

fn expected() -> Golden {
    Golden::new(&bytes("expected.safetensors"))
}

/// Loads, strictly, and compares the answer with PyTorch's.
fn check_answer(case: &str, model: &dyn Module, state: &BTreeMap<String, Tensor>) -> LoadReport {
    let report = model.load_state_dict(state).unwrap_or_else(|error| panic!("{case}: {error}"));
    let golden = expected();
    let answer = model.forward(golden.get(&format!("{case}.x")), &Context::eval());
    assert_close(case, &answer, golden.get(&format!("{case}.y")), 1e-5);
    report
}

fn lenet() -> Sequential {
    let generator = &mut Generator::new(0);
    Sequential::new()
        .with("conv1", Conv2dConfig::new(1, 3, 5).padding(2).build(generator))
        .with("relu1", ReLU)
        .with("pool1", MaxPool2d::new(2))
        .with("conv2", Conv2d::new(3, 4, 5, generator))
        .with("relu2", ReLU)
        .with("pool2", MaxPool2d::new(2))
        .with("flatten", Flatten)
        .with("fc1", Linear::new(36, 12, generator))
        .with("relu3", ReLU)
        .with("fc2", Linear::new(12, 10, generator))
}

/// torchvision's `BasicBlock`.
struct BasicBlock {
    conv1: Conv2d,
    bn1: BatchNorm2d,
    conv2: Conv2d,
    bn2: BatchNorm2d,
    downsample: Option<Sequential>,
}

impl BasicBlock {
    fn new(input: usize, output: usize, stride: usize, generator: &mut Generator) -> Self {
        let mut conv = |from, kernel: usize, stride| {
            Conv2dConfig::new(from, output, kernel).stride(stride).padding(kernel / 2).bias(false).build(generator)
        };
        let (conv1, conv2) = (conv(input, 3, stride), conv(output, 3, 1));
        let downsample = (stride != 1 || input != output)
            .then(|| Sequential::new().with("0", conv(input, 1, stride)).with("1", BatchNorm2d::new(output)));
        Self { conv1, bn1: BatchNorm2d::new(output), conv2, bn2: BatchNorm2d::new(output), downsample }
    }
}

impl Module for BasicBlock {
    fn try_forward(&self, input: &Tensor, context: &Context) -> Result<Tensor, ModuleError> {
        let identity = match &self.downsample {
            Some(downsample) => context.call("downsample", downsample, input)?,
            None => input.clone(),
        };
        let x = context.call("bn1", &self.bn1, &context.call("conv1", &self.conv1, input)?)?.try_relu()?;
        let x = context.call("bn2", &self.bn2, &context.call("conv2", &self.conv2, &x)?)?;
        Ok(x.try_add(&identity)?.try_relu()?)
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
        "BasicBlock".into()
    }
}

fn resnet(classes: usize) -> Sequential {
    let generator = &mut Generator::new(0);
    let layer1 = Sequential::new().with("0", BasicBlock::new(4, 4, 1, generator));
    let layer2 =
        Sequential::new().with("0", BasicBlock::new(4, 6, 2, generator)).with("1", BasicBlock::new(6, 6, 1, generator));
    Sequential::new()
        .with("conv1", Conv2dConfig::new(3, 4, 3).padding(1).bias(false).build(generator))
        .with("bn1", BatchNorm2d::new(4))
        .with("relu", ReLU)
        .with("layer1", layer1)
        .with("layer2", layer2)
        .with("avgpool", AdaptiveAvgPool2d::new([1, 1]))
        .with("flatten", Flatten)
        .with("fc", Linear::new(6, classes, generator))
}

#[test]
fn lenet_answers_as_in_pytorch() {
    let file = read("lenet.pt");
    assert_eq!((file.format, &file.under, file.beside.len()), (Format::PyTorch, &None, 0));
    let names: Vec<&str> = file.tensors.iter().map(|stored| stored.name.as_str()).collect();
    assert_eq!(names[..3], ["conv1.weight", "conv1.bias", "conv2.weight"], "in the order of the file");
    assert!(check_answer("lenet", &lenet(), &file.state_dict()).is_exact());
}

#[test]
fn a_checkpoint_of_a_parallel_resnet_answers_as_in_pytorch() {
    let file = read("resnet_checkpoint.pth");
    assert_eq!(file.under.as_deref(), Some("state_dict"));
    assert_eq!(file.beside, ["epoch", "arch", "optimizer", "best"]);
    assert!(file.state_dict().contains_key("module.layer2.0.downsample.1.running_var"));
    let state = NameMap::new().unwrap_wrappers().apply(file.state_dict()).unwrap();
    let model = resnet(5);
    check_answer("resnet", &model, &state);
    assert_eq!(model.state_dict()["layer1.0.bn2.num_batches_tracked"].item::<i64>(), 3);
}

#[test]
fn a_file_without_counters_of_batches_is_accepted() {
    let mut state = NameMap::new().unwrap_wrappers().apply(read("resnet_checkpoint.pth").state_dict()).unwrap();
    state.retain(|name, _| !name.ends_with("num_batches_tracked"));
    let report = check_answer("resnet", &resnet(5), &state);
    assert!(report.is_exact() && report.left.len() == 8, "{report:?}");
}

#[test]
fn an_lstm_of_the_old_format_answers_as_in_pytorch() {
    let file = read("lstm_legacy.pth");
    assert_eq!(file.format, Format::PyTorchLegacy);
    let model: LSTM = RecurrentConfig::new(3, 4).layers(2).bidirectional(true).build(&mut Generator::new(0));
    check_answer("lstm", &model, &file.state_dict());
}

#[test]
fn a_compiled_transformer_layer_answers_as_in_pytorch() {
    let layer = || TransformerEncoderLayer::new(TransformerConfig::new(8, 2).feedforward(12), &mut Generator::new(0));
    let file = read("transformer.pt");
    assert!(file.state_dict().contains_key("_orig_mod.self_attn.in_proj_weight"));
    let state = NameMap::new().unwrap_wrappers().apply(file.state_dict()).unwrap();
    check_answer("transformer", &layer(), &state);
    let file = read("transformer.safetensors");
    assert_eq!(file.format, Format::Safetensors);
    check_answer("transformer", &layer(), &file.state_dict());
}

#[test]
fn every_type_and_layout_comes_out_right_in_every_format() {
    let expected = expected().under("tensors");
    for (name, count) in [("tensors_2.pt", 21), ("tensors_4.pt", 21), ("tensors_5.pt", 21), ("tensors_legacy.pt", 19)] {
        let file = read(name);
        assert_eq!(file.tensors.len(), count, "{name}");
        assert!(file.beside.iter().any(|name| name == "nested"), "{name}: {:?}", file.beside);
        for stored in &file.tensors {
            let expected = &expected[&stored.name];
            assert_eq!(format!("{:?}", stored.tensor), format!("{expected:?}"), "{name}: {}", stored.name);
        }
        let dtype = |wanted: &str| file.tensors.iter().find(|stored| stored.name == wanted).unwrap().dtype;
        assert_eq!(dtype("bf16"), StoredType::Bf16);
        assert_eq!(dtype("i8"), StoredType::I8);
    }
    for stored in read("types.safetensors").tensors {
        assert_eq!(format!("{:?}", stored.tensor), format!("{:?}", expected[&stored.name]), "{}", stored.name);
    }
}

#[test]
fn other_types_are_converted_and_the_report_says_so() {
    let model = lenet();
    let state: BTreeMap<String, Tensor> =
        read("lenet.pt").state_dict().into_iter().map(|(name, tensor)| (name, tensor.to_dtype(DType::F64))).collect();
    let report = check_answer("lenet", &model, &state);
    assert_eq!(report.converted.len(), 8);
    assert_eq!((report.converted[0].from, report.converted[0].to), (DType::F64, DType::F32));
}

#[test]
fn what_does_not_match_is_told_with_both_shapes_and_a_hint() {
    let mut state = NameMap::new().unwrap_wrappers().apply(read("resnet_checkpoint.pth").state_dict()).unwrap();
    let report = resnet(7).load_state_dict(&state).unwrap_err().report;
    let expected = "48 of 50 tensors fit
  `fc.bias` has shape [5], the model expects [7]: it may be made for other classes
  `fc.weight` has shape [5, 6], the model expects [7, 6]: it may be made for other classes";
    assert_eq!(report.to_string(), expected);

    let weight = state.remove("fc.weight").unwrap().t();
    state.insert("fc.weight".into(), weight);
    let text = resnet(5).load_state_dict(&state).unwrap_err().to_string();
    assert!(text.contains("`fc.weight` has shape [6, 5], the model expects [5, 6]: it looks transposed"), "{text}");
}

#[test]
fn layers_under_other_names_are_found_by_their_shapes() {
    let numbered = [("conv1", "0"), ("conv2", "3"), ("fc1", "7"), ("fc2", "9")];
    let rename = |pairs: &[(&str, &str)]| pairs.iter().fold(NameMap::new(), |map, (from, to)| map.rename(*from, *to));
    let state = rename(&numbered).apply(read("lenet.pt").state_dict()).unwrap();
    let report = lenet().load_state_dict(&state).unwrap_err().report;
    let found: Vec<(&str, &str)> =
        report.likely_renames.iter().map(|(from, to)| (from.as_str(), to.as_str())).collect();
    assert_eq!(found, numbered.map(|(ours, theirs)| (theirs, ours)));
    check_answer("lenet", &lenet(), &rename(&found).apply(state).unwrap());
}

#[test]
fn files_that_ask_for_more_than_weights_are_refused_by_name() {
    let table = [
        ("harmful.pt", "posix.system"),
        ("harmful_legacy.pt", "posix.system"),
        ("whole_model.pt", "torch.nn.modules.linear.Linear"),
    ];
    for (name, wanted) in table {
        match WeightFile::read(&bytes(name)) {
            Err(error @ StateError::Refused { .. }) => {
                let text = error.to_string();
                assert!(text.starts_with(&format!("this file asks to run `{wanted}`: refused\n")), "{text}");
            }
            other => panic!("{name}: {other:?}"),
        }
    }
    assert!(matches!(WeightFile::read(&bytes("script.pt")), Err(StateError::Script)));
}

#[test]
fn files_without_one_dictionary_of_tensors_say_what_they_have() {
    let text = WeightFile::read(&bytes("bare_tensor.pt")).unwrap_err().to_string();
    assert!(text.starts_with("there is no dictionary of tensors in this file\nIn Python, torch.save("), "{text}");
    let text = WeightFile::read(&bytes("parts.pt")).unwrap_err().to_string();
    assert!(text.contains("It has the entries `encoder`, `decoder`, `step`: say which one to read."), "{text}");
    let file = WeightFile::read_entry(&bytes("parts.pt"), "decoder").unwrap();
    assert_eq!(file.state_dict()["weight"].shape(), [3]);
    assert!(matches!(WeightFile::read_entry(&bytes("parts.pt"), "step"), Err(StateError::NoWeights { .. })));
    let ours = to_safetensors(&lenet().state_dict()).unwrap();
    assert!(matches!(WeightFile::read_entry(&ours, "model"), Err(StateError::NoEntry { .. })));
    for bytes in [&b""[..], b"hello, world", b"\x89PNG\r\n\x1a\n0000", b"PK\x03\x04"] {
        let text = WeightFile::read(bytes).unwrap_err().to_string();
        assert!(text.contains("safetensors") || text.contains("damaged"), "{text}");
    }
}
