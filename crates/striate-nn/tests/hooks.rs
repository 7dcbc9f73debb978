//! Hooks on outputs and gradients, by module path, in nested modules.

use std::sync::{Arc, Mutex};

use striate_nn::{
    BatchNorm2d, Checkpoint, Context, Conv2d, Flatten, Hooks, Linear, MaxPool2d, Module, ReLU, Sequential,
    TransformerConfig, TransformerEncoderLayer,
};
use striate_tensor::random::Generator;
use striate_tensor::{Tensor, grad, no_grad};

fn block(input: usize, output: usize, generator: &mut Generator) -> Sequential {
    Sequential::new()
        .with("conv", Conv2d::new(input, output, 3, generator))
        .with("bn", BatchNorm2d::new(output))
        .with("relu", ReLU)
}

fn model() -> Sequential {
    let generator = &mut Generator::new(0);
    let layer1 = Sequential::new().with("0", block(2, 3, generator)).with("1", block(3, 4, generator));
    Sequential::new()
        .with("layer1", layer1)
        .with("layer10", ReLU)
        .with("flatten", Flatten)
        .with("fc", Linear::new(36, 5, generator))
}

fn images() -> Tensor {
    Tensor::randn(&[2, 2, 7, 7], &mut Generator::new(1))
}

type Seen = Arc<Mutex<Vec<(String, Tensor)>>>;

fn keeper(seen: &Seen) -> impl Fn(&str, &Tensor) -> Option<Tensor> + Send + Sync + 'static {
    let seen = Arc::clone(seen);
    move |path, tensor| {
        seen.lock().unwrap().push((path.to_owned(), tensor.clone()));
        None
    }
}

fn paths(seen: &Seen) -> Vec<String> {
    seen.lock().unwrap().iter().map(|(path, _)| path.clone()).collect()
}

#[test]
fn outputs_are_seen_by_pattern_until_the_hook_is_removed() {
    let (model, hooks, seen) = (model(), Hooks::new(), Seen::default());
    let id = hooks.on_output("layer1.*.relu", keeper(&seen));
    let plain = model.forward(&images(), &Context::eval());
    let hooked = model.forward(&images(), &Context::eval().with_hooks(&hooks));
    assert_eq!(plain.to_vec::<f32>(), hooked.to_vec::<f32>());
    assert_eq!(paths(&seen), ["layer1.0.relu", "layer1.1.relu"]);
    let captured = Context::capture();
    model.forward(&images(), &captured);
    let expected = &captured.captured().into_iter().find(|(path, _)| path == "layer1.1.relu").unwrap().1;
    assert_eq!(seen.lock().unwrap()[1].1.to_vec::<f32>(), expected.to_vec::<f32>());

    let context = Context::eval().with_hooks(&hooks);
    assert!(context.is_observed());
    assert!(hooks.remove(id) && !hooks.remove(id));
    assert!(hooks.is_empty() && !context.is_observed());
    model.forward(&images(), &context);
    assert_eq!(seen.lock().unwrap().len(), 2);
}

#[test]
fn gradients_are_seen_from_the_last_layer_to_the_first() {
    let (model, hooks, seen) = (model(), Hooks::new(), Seen::default());
    hooks.on_gradient("*", keeper(&seen));
    let loss = |context: &Context| model.forward(&images(), context).square().mean_all();
    loss(&Context::train(0, 0).with_hooks(&hooks)).backward();
    let expected = ["fc", "flatten", "layer10", "layer1", "layer1.1", "layer1.1.relu", "layer1.1.bn", "layer1.1.conv"];
    assert_eq!(paths(&seen)[..8], expected);
    assert_eq!(paths(&seen).len(), 12);

    // The same numbers as by asking autograd for them.
    let context = Context::capture_training(0, 0);
    let asked = context.captured_gradients(&loss(&context)).unwrap();
    for (path, gradient) in seen.lock().unwrap().iter() {
        let asked = &asked.iter().find(|(own, _)| own == path).unwrap().1;
        assert_eq!(gradient.to_vec::<f32>(), asked.to_vec::<f32>(), "{path}");
    }
}

#[test]
fn parameters_get_the_same_gradients_with_and_without_hooks() {
    let gradients = |context: &Context| {
        let model = model();
        model.forward(&images(), context).square().mean_all().backward();
        model.named_parameters().iter().map(|(_, own)| own.grad().unwrap().to_vec::<f32>()).collect::<Vec<_>>()
    };
    let hooks = Hooks::new();
    hooks.on_gradient("*", |_, _| None);
    hooks.on_output("*", |_, _| None);
    assert_eq!(gradients(&Context::train(0, 0)), gradients(&Context::train(0, 0).with_hooks(&hooks)));
}

#[test]
fn what_a_hook_gives_replaces_the_output_for_all_that_follows() {
    let (model, hooks, seen) = (model(), Hooks::new(), Seen::default());
    hooks.on_output("layer1", |_, output| Some(output.zeros_like()));
    hooks.on_output("layer1", keeper(&seen));
    let context = Context::eval().with_hooks(&hooks);
    let answer = model.forward(&images(), &context);
    assert!(
        seen.lock().unwrap()[0].1.to_vec::<f32>().iter().all(|&value| value == 0.0),
        "in the order they were added"
    );
    let bias = model.state_dict()["fc.bias"].to_vec::<f32>();
    assert_eq!(answer.to_vec::<f32>(), [bias.clone(), bias].concat());
}

#[test]
fn a_replaced_output_and_a_replaced_gradient_are_differentiated_through() {
    let hooks = Hooks::new();
    let linear = Sequential::new().with("fc", Linear::new(3, 2, &mut Generator::new(3)));
    let x = Tensor::ones(&[1, 3], striate_tensor::DType::F32).requires_grad_(true);
    let gradient = |context: &Context| {
        let y = linear.forward(&x, context).sum_all();
        grad(&[&y], &[&x]).unwrap()[0].clone().unwrap().to_vec::<f32>()
    };
    let plain = gradient(&Context::eval());
    let scaled = |factor: f32| plain.iter().map(|value| value * factor).collect::<Vec<_>>();
    let output = hooks.on_output("fc", |_, output| Some(output.mul_scalar(4.0)));
    assert_eq!(gradient(&Context::eval().with_hooks(&hooks)), scaled(4.0));
    hooks.on_gradient("fc", |_, gradient| Some(gradient.mul_scalar(2.0)));
    assert_eq!(gradient(&Context::eval().with_hooks(&hooks)), scaled(8.0));
    hooks.remove(output);
    assert_eq!(gradient(&Context::eval().with_hooks(&hooks)), scaled(2.0));
}

#[test]
fn attention_inside_a_layer_has_a_path_too() {
    let generator = &mut Generator::new(0);
    let layer = TransformerEncoderLayer::new(TransformerConfig::new(8, 2).feedforward(12), generator);
    let (hooks, seen) = (Hooks::new(), Seen::default());
    hooks.on_output("*", keeper(&seen));
    let x = Tensor::randn(&[5, 2, 8], generator);
    no_grad(|| layer.forward(&x, &Context::eval().with_hooks(&hooks)));
    assert_eq!(paths(&seen), ["self_attn.out_proj", "self_attn", "norm1", "linear1", "linear2", "norm2"]);
    assert_eq!(seen.lock().unwrap()[1].1.shape(), [5, 2, 8]);
}

#[test]
fn a_hook_may_add_and_remove_hooks() {
    let hooks = Hooks::new();
    let inner = hooks.clone();
    hooks.on_output("fc", move |_, _| {
        let id = inner.on_output("nothing", |_, _| None);
        assert!(inner.remove(id));
        None
    });
    model().forward(&images(), &Context::eval().with_hooks(&hooks));
}

#[test]
fn modules_that_are_computed_in_one_pass_are_seen_one_by_one() {
    let generator = &mut Generator::new(0);
    let model = block(2, 3, generator).with("relu2", ReLU).with("pool", MaxPool2d::new(2));
    let plain = no_grad(|| model.forward(&images(), &Context::eval()));

    let (hooks, seen) = (Hooks::new(), Seen::default());
    hooks.on_output("*", keeper(&seen));
    let hooked = no_grad(|| model.forward(&images(), &Context::eval().with_hooks(&hooks)));
    assert_eq!(paths(&seen), ["conv", "bn", "relu", "relu2", "pool"]);
    assert!(hooked.sub(&plain).abs().max_all().item::<f32>() < 1e-5);
    // Each saw its own output: that of the convolution is negative in places, that of ReLU is not.
    let least = |index: usize| seen.lock().unwrap()[index].1.min_all().item::<f32>();
    assert!(least(0) < 0.0 && least(1) < 0.0 && least(2) == 0.0);

    let captured = Context::capture();
    no_grad(|| model.forward(&images(), &captured));
    assert_eq!(captured.captured().iter().map(|(path, _)| path.clone()).collect::<Vec<_>>(), paths(&seen));

    // One that is asked for only decides what follows, too.
    let hooks = Hooks::new();
    hooks.on_output("bn", |_, output| Some(output.zeros_like()));
    let silenced = no_grad(|| model.forward(&images(), &Context::eval().with_hooks(&hooks)));
    assert!(silenced.to_vec::<f32>().iter().all(|&value| value == 0.0));
}

#[test]
fn a_checkpoint_computes_again_with_the_hooks_of_the_first_time() {
    let gradients = |checkpoint: bool| {
        let generator = &mut Generator::new(5);
        let inside = Sequential::new()
            .with("fc", Linear::new(4, 6, generator))
            .with("relu", ReLU)
            .with("out", Linear::new(6, 4, generator));
        let model = match checkpoint {
            true => Sequential::new().with("block", Checkpoint::new(inside)),
            false => Sequential::new().with("block", inside),
        };
        let model = model.with("head", Linear::new(4, 1, generator));
        let (hooks, seen) = (Hooks::new(), Seen::default());
        let mask = Tensor::from_slice(&[3.0_f32, 0.0, 1.0, 2.0, 0.0, -1.0], &[6]);
        let replacing = hooks.on_output("block.relu", move |_, output| Some(output.mul(&mask)));
        hooks.on_gradient("block.relu", keeper(&seen));
        let x = Tensor::randn(&[3, 4], &mut Generator::new(6));
        let loss = model.forward(&x, &Context::train(0, 0).with_hooks(&hooks)).square().sum_all();
        // What is computed again belongs to the pass before, also when the hook has gone since.
        assert!(hooks.remove(replacing));
        loss.backward();
        assert_eq!(paths(&seen), ["block.relu"]);
        let seen = seen.lock().unwrap()[0].1.to_vec::<f32>();
        let own = model.named_parameters();
        (own.iter().map(|(_, own)| own.grad().unwrap().to_vec::<f32>()).collect::<Vec<_>>(), seen)
    };
    assert_eq!(gradients(true), gradients(false));
}
