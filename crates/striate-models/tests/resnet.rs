//! ResNet beside torchvision's: names, shapes, number of parameters, values and gradients.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use striate_models::resnet::{ResNet, ResNetConfig, Stem};
use striate_nn::state::from_safetensors;
use striate_nn::{Context, Hooks, Module, loss};
use striate_tensor::random::Generator;
use striate_tensor::{Tensor, no_grad};

/// Made by `golden/make_golden.py`.
const GOLDEN: &[u8] = include_bytes!("golden/resnet.safetensors");

fn shape_of(model: &ResNet, name: &str) -> Vec<usize> {
    model.state_dict().get(name).unwrap_or_else(|| panic!("no {name}")).shape().to_vec()
}

#[test]
fn resnet18_is_the_one_of_torchvision() {
    let model = ResNetConfig::resnet18().build(&mut Generator::new(0));
    // torchvision.models.resnet18 and resnet34: the numbers of its documentation.
    assert_eq!(model.num_parameters(), 11_689_512);
    assert_eq!(ResNetConfig::resnet34().build(&mut Generator::new(0)).num_parameters(), 21_797_672);
    assert_eq!(model.named_parameters().len(), 62);
    assert_eq!(model.state_dict().len(), 122);
    for (name, shape) in [
        ("conv1.weight", &[64, 3, 7, 7][..]),
        ("bn1.num_batches_tracked", &[]),
        ("layer1.1.conv2.weight", &[64, 64, 3, 3]),
        ("layer2.0.conv1.weight", &[128, 64, 3, 3]),
        ("layer3.0.downsample.0.weight", &[256, 128, 1, 1]),
        ("layer4.0.downsample.1.running_var", &[512]),
        ("fc.weight", &[1000, 512]),
    ] {
        assert_eq!(shape_of(&model, name), shape, "{name}");
    }
    assert!(!model.state_dict().keys().any(|name| name.starts_with("layer1") && name.contains("downsample")));
}

#[test]
fn the_stem_for_small_images_keeps_their_size() {
    let model = ResNetConfig::resnet18().stem(Stem::Cifar).classes(10).build(&mut Generator::new(0));
    assert_eq!(model.num_parameters(), 11_173_962);
    let small = ResNetConfig::resnet18().stem(Stem::Cifar).width(4).classes(10).build(&mut Generator::new(0));
    let context = Context::capture();
    small.forward(&Tensor::randn(&[1, 3, 32, 32], &mut Generator::new(1)), &context);
    let captured: BTreeMap<String, Tensor> = context.captured().into_iter().collect();
    for (path, shape) in [("layer1", [1, 4, 32, 32]), ("layer4.1.bn2", [1, 32, 4, 4])] {
        assert_eq!(captured[path].shape(), shape, "{path}");
    }
    assert_eq!(small.describe(), "ResNet-18(Cifar stem, blocks [2, 2, 2, 2], Linear(32 -> 10))");
}

#[test]
fn values_and_gradients_are_pytorchs() {
    let golden = from_safetensors(GOLDEN).unwrap();
    for (case, stem) in [("cifar", Stem::Cifar), ("imagenet", Stem::ImageNet)] {
        let get = |name: &str| golden.get(&format!("{case}.{name}")).unwrap_or_else(|| panic!("no {case}.{name}"));
        let model = ResNetConfig::new([2, 1, 1, 1]).stem(stem).width(4).classes(5).build(&mut Generator::new(7));
        let prefix = format!("{case}.state.");
        let state =
            golden.iter().filter_map(|(name, tensor)| Some((name.strip_prefix(&prefix)?.into(), tensor.clone())));
        model.load_state_dict(&state.collect()).unwrap();

        assert_close(&format!("{case} eval"), &model.forward(get("input"), &Context::eval()), get("eval"));
        let output = model.forward(get("input"), &Context::train(0, 0));
        assert_close(&format!("{case} train"), &output, get("train"));
        loss::cross_entropy(&output, get("target")).backward();
        let parameters: BTreeMap<String, Tensor> = model.named_parameters().into_iter().collect();
        for name in ["conv1.weight", "layer1.1.bn2.weight", "layer2.0.downsample.0.weight", "fc.bias"] {
            let grad = parameters[name].grad().unwrap_or_else(|| panic!("{case}: no gradient of {name}"));
            assert_close(&format!("{case} gradient of {name}"), &grad, get(&format!("grad.{name}")));
        }
        let name = "layer4.0.bn1.running_var";
        assert_close(&format!("{case} {name}"), &model.state_dict()[name], get(&format!("after.{name}")));
    }
}

#[test]
fn hooks_see_what_a_block_computes_in_one_pass() {
    let generator = &mut Generator::new(3);
    let model = ResNetConfig::new([1; 4]).stem(Stem::Cifar).width(4).classes(5).build(generator);
    let x = Tensor::randn(&[1, 3, 16, 16], generator);
    let (hooks, seen) = (Hooks::new(), Arc::new(Mutex::new(Vec::new())));
    let paths = Arc::clone(&seen);
    hooks.on_output("*", move |path, _| {
        paths.lock().unwrap().push(path.to_owned());
        None
    });
    let forward = |context: &Context| no_grad(|| model.forward(&x, context));
    let hooked = forward(&Context::eval().with_hooks(&hooks));
    assert_close("with hooks", &hooked, &forward(&Context::eval()));
    let seen = seen.lock().unwrap();
    let within = |prefix: &str| seen.iter().filter_map(|path| path.strip_prefix(prefix)).collect::<Vec<_>>();
    assert_eq!(seen[..3], ["conv1", "bn1", "relu"]);
    assert_eq!(within("layer1.0."), ["conv1", "bn1", "relu", "conv2", "bn2", "relu"]);
    let strided = ["conv1", "bn1", "relu", "downsample.0", "downsample.1", "downsample", "conv2", "bn2", "relu"];
    assert_eq!(within("layer2.0."), strided);
}

#[track_caller]
fn assert_close(what: &str, found: &Tensor, expected: &Tensor) {
    assert_eq!(found.shape(), expected.shape(), "{what}");
    let (found, expected) = (found.to_vec::<f32>(), expected.to_vec::<f32>());
    let scale = expected.iter().fold(1e-3_f32, |largest, value| largest.max(value.abs()));
    for (index, (found, expected)) in found.iter().zip(&expected).enumerate() {
        let error = (found - expected).abs() / scale;
        assert!(error < 1e-4, "{what}: element {index} is {found}, PyTorch has {expected} (error {error:.1e})");
    }
}
