//! Optimisers, schedules and whole training runs against PyTorch.

mod common;

use common::{Golden, assert_close, values};
use striate_nn::optim::{
    Adadelta, Adagrad, Adam, AdamW, Lamb, Lion, Muon, NAdam, Optimizer, ParameterGroup, RAdam, RMSprop, Sgd,
};
use striate_nn::schedule::{
    CosineAnnealing, CosineWarmRestarts, Cyclic, CyclicMode, Exponential, MultiStepLr, OneCycle, PlateauMode,
    Polynomial, ReduceLrOnPlateau, Schedule, Sequence, StepLr, ThresholdMode, WarmUp,
};
use striate_nn::{
    AvgPool2d, BatchNorm2d, Context, Conv2d, Conv2dConfig, Flatten, Linear, MaxPool2d, Module, ReLU, Sequential, Tanh,
    loss,
};
use striate_tensor::random::Generator;
use striate_tensor::{DType, Tensor, autocast};

const OPTIMIZERS: &[u8] = include_bytes!("golden/optimizers.safetensors");
const SCHEDULES: &[u8] = include_bytes!("golden/schedules.safetensors");
const PARITY: &[u8] = include_bytes!("golden/parity.safetensors");

type MakeOptimizer = fn(Vec<(String, Tensor)>) -> Box<dyn Optimizer>;

/// The settings of `optimizers()` in `make_golden.py`.
const TABLE: [(&str, MakeOptimizer); 25] = [
    ("sgd", |p| Box::new(Sgd::new(p, 0.1))),
    ("sgd_momentum", |p| Box::new(Sgd::new(p, 0.1).momentum(0.9))),
    ("sgd_dampening", |p| Box::new(Sgd::new(p, 0.1).momentum(0.9).dampening(0.3).weight_decay(0.01))),
    ("sgd_nesterov", |p| Box::new(Sgd::new(p, 0.1).momentum(0.8).nesterov(true).weight_decay(0.05))),
    ("adam", |p| Box::new(Adam::new(p, 0.01))),
    ("adam_decay", |p| Box::new(Adam::new(p, 0.05).betas(0.8, 0.95).epsilon(1e-3).weight_decay(0.1))),
    ("adamw", |p| Box::new(AdamW::new(p, 0.05))),
    ("adamw_betas", |p| Box::new(AdamW::new(p, 0.02).betas(0.7, 0.9).epsilon(1e-6).weight_decay(0.2))),
    ("adamw_groups", |mut p| {
        let second = ParameterGroup::new(p.split_off(1)).lr_factor(0.1).weight_decay(0.3);
        Box::new(AdamW::new(vec![ParameterGroup::new(p), second], 0.05))
    }),
    ("adagrad", |p| Box::new(Adagrad::new(p, 0.1))),
    ("adagrad_decay", |p| {
        let optimizer = Adagrad::new(p, 0.1).lr_decay(0.2).weight_decay(0.05);
        Box::new(optimizer.initial_accumulator_value(0.3).epsilon(1e-3))
    }),
    ("rmsprop", |p| Box::new(RMSprop::new(p, 0.01))),
    ("rmsprop_centered", |p| {
        let optimizer = RMSprop::new(p, 0.02).alpha(0.9).epsilon(1e-4).weight_decay(0.1);
        Box::new(optimizer.momentum(0.7).centered(true))
    }),
    ("adadelta", |p| Box::new(Adadelta::new(p, 1.0))),
    ("adadelta_decay", |p| Box::new(Adadelta::new(p, 0.5).rho(0.8).epsilon(1e-3).weight_decay(0.1))),
    ("nadam", |p| Box::new(NAdam::new(p, 0.02))),
    ("nadam_decay", |p| {
        let optimizer = NAdam::new(p, 0.05).betas(0.8, 0.95).epsilon(1e-4).weight_decay(0.1);
        Box::new(optimizer.momentum_decay(0.05))
    }),
    ("radam", |p| Box::new(RAdam::new(p, 0.02))),
    ("radam_rectified", |p| Box::new(RAdam::new(p, 0.05).betas(0.7, 0.9).epsilon(1e-4).weight_decay(0.1))),
    ("lion", |p| Box::new(Lion::new(p, 0.02))),
    ("lion_decay", |p| Box::new(Lion::new(p, 0.02).betas(0.8, 0.95).weight_decay(0.5))),
    ("lamb", |p| Box::new(Lamb::new(p, 0.02))),
    ("lamb_decay", |p| Box::new(Lamb::new(p, 0.05).betas(0.8, 0.95).epsilon(1e-3).weight_decay(0.1))),
    ("muon", |p| Box::new(Muon::new(p[..1].to_vec(), 0.02))),
    ("muon_plain", |p| Box::new(Muon::new(p[..1].to_vec(), 0.1).weight_decay(0.0).momentum(0.8).nesterov(false))),
];

/// The two parameters of the golden file.
fn parameters(golden: &Golden) -> Vec<(String, Tensor)> {
    let parameter = |name: &str| (name.to_owned(), golden.get(name).copy().requires_grad_(true));
    vec![parameter("first"), parameter("second")]
}

fn set_gradients(golden: &Golden, parameters: &[(String, Tensor)], step: usize) {
    for (name, parameter) in parameters {
        parameter.zero_grad();
        if name == "first" || step != 2 {
            parameter.set_grad(golden.get(&format!("grad_{name}_{step}")));
        }
    }
}

#[test]
fn optimizer_trajectories() {
    let golden = Golden::new(OPTIMIZERS);
    for (name, make) in TABLE {
        let parameters = parameters(&golden);
        let mut optimizer = make(parameters.clone());
        for step in 0..5 {
            set_gradients(&golden, &parameters, step);
            optimizer.step();
            for (parameter, tensor) in &parameters {
                let expected = golden.get(&format!("{name}.{parameter}_{step}"));
                assert_close(&format!("{name}, {parameter} after step {step}"), tensor, expected, 1e-6);
            }
        }
    }
}

#[test]
fn a_reloaded_optimizer_continues_bit_for_bit() {
    let golden = Golden::new(OPTIMIZERS);
    for (name, make) in TABLE {
        let (straight, stopped) = (parameters(&golden), parameters(&golden));
        let (mut one, mut two) = (make(straight.clone()), make(stopped.clone()));
        for step in 0..5 {
            if step == 3 {
                let bytes = striate_nn::state::to_safetensors(&two.state()).unwrap();
                two = make(stopped.clone());
                two.load_state(&striate_nn::state::from_safetensors(&bytes).unwrap()).unwrap();
            }
            set_gradients(&golden, &straight, step);
            set_gradients(&golden, &stopped, step);
            one.step();
            two.step();
        }
        for ((_, a), (_, b)) in straight.iter().zip(&stopped) {
            assert_eq!(a.to_vec::<f32>(), b.to_vec::<f32>(), "{name}");
        }
    }
}

/// Parameters long enough to be cut into pieces, whose norms and updates must not depend on who computes which.
#[test]
fn steps_do_not_depend_on_the_number_of_threads() {
    let long = Tensor::randn(&[160, 250], &mut Generator::new(5));
    let gradient = Tensor::randn(&[160, 250], &mut Generator::new(6));
    for (name, make) in TABLE {
        let run = |threads| {
            striate_kernels::threads::set_num_threads(threads);
            let parameters = ["first", "second"].map(|name| (name.to_owned(), long.copy().requires_grad_(true)));
            let mut optimizer = make(parameters.to_vec());
            for _ in 0..2 {
                parameters.iter().for_each(|(_, parameter)| parameter.set_grad(&gradient));
                optimizer.step();
            }
            parameters.map(|(_, parameter)| parameter.to_vec::<f32>())
        };
        let expected = run(1);
        assert!(run(2) == expected && run(3) == expected, "{name}");
    }
}

#[test]
fn a_foreign_optimizer_state_is_refused() {
    let golden = Golden::new(OPTIMIZERS);
    let parameters = parameters(&golden);
    let mut optimizer = Adam::new(parameters.clone(), 0.1);
    set_gradients(&golden, &parameters, 0);
    optimizer.step();
    let before = optimizer.state();
    for (name, tensor, expected) in [
        ("third.exp_avg", Tensor::zeros(&[5], DType::F32), "`third.exp_avg` is unknown"),
        (
            "first.momentum_buffer",
            Tensor::zeros(&[4, 3], DType::F32),
            "keeps exp_avg, exp_avg_sq, max_exp_avg_sq, step",
        ),
        ("first.exp_avg", Tensor::zeros(&[3, 4], DType::F32), "is f32 [3, 4], expected f32 [4, 3]"),
        ("first.step", Tensor::zeros(&[], DType::F32), "is f32 [], expected i64 []"),
    ] {
        let error = optimizer.load_state(&[(name.to_owned(), tensor)].into()).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
    for (name, tensor) in &before {
        assert_eq!(values(tensor), values(&optimizer.state()[name]), "unchanged after a refusal");
    }
}

#[test]
fn schedules() {
    let golden = Golden::new(SCHEDULES);
    let quarter = OneCycle { pct_start: 0.25, div_factor: 10.0, final_div_factor: 100.0, ..OneCycle::new(0.3, 40) };
    let cyclic = Cyclic { step_size_down: 7, gamma: 0.97, ..Cyclic::new(0.1, 0.5, 4) };
    let sequence = Sequence::new(WarmUp { lr: 0.5, start_factor: 0.1, total_steps: 6 })
        .then_at(6, CosineAnnealing { lr: 0.5, t_max: 20, eta_min: 0.0 })
        .then_at(26, Exponential { lr: 0.5, gamma: 0.5 });
    let table: [(&str, Schedule); 14] = [
        ("multi_step", MultiStepLr { lr: 0.5, milestones: vec![3, 10, 31], gamma: 0.3 }.into()),
        ("exponential", Exponential { lr: 0.5, gamma: 0.9 }.into()),
        ("polynomial", Polynomial { lr: 0.5, total_steps: 30, power: 2.0 }.into()),
        ("warm_up", WarmUp { lr: 0.5, start_factor: 0.2, total_steps: 12 }.into()),
        ("warm_restarts", CosineWarmRestarts { lr: 0.5, t_0: 5, t_mult: 2, eta_min: 0.01 }.into()),
        ("equal_restarts", CosineWarmRestarts { lr: 0.5, t_0: 7, t_mult: 1, eta_min: 0.0 }.into()),
        ("sequence", sequence.into()),
        ("cyclic_triangular", cyclic.into()),
        ("cyclic_triangular2", Cyclic { mode: CyclicMode::Triangular2, ..cyclic }.into()),
        ("cyclic_exp_range", Cyclic { mode: CyclicMode::ExpRange, ..cyclic }.into()),
        ("step", StepLr { lr: 0.5, step_size: 7, gamma: 0.3 }.into()),
        ("cosine", CosineAnnealing { lr: 0.5, t_max: 20, eta_min: 0.01 }.into()),
        ("one_cycle", OneCycle::new(0.02, 40).into()),
        ("one_cycle_quarter", quarter.into()),
    ];
    for (name, schedule) in table {
        for (step, expected) in golden.get(name).to_vec::<f64>().into_iter().enumerate() {
            let lr = schedule.lr(step as u64);
            assert!((lr - expected).abs() <= 1e-12, "{name}, step {step}: {lr}, PyTorch has {expected}");
        }
    }
}

#[test]
fn plateaus() {
    let golden = Golden::new(SCHEDULES);
    let mut max = ReduceLrOnPlateau::new(0.5);
    (max.mode, max.threshold, max.threshold_mode) = (PlateauMode::Max, 0.01, ThresholdMode::Abs);
    (max.factor, max.patience, max.cooldown, max.min_lr) = (0.5, 1, 3, 0.02);
    let mut min = ReduceLrOnPlateau::new(0.5);
    min.patience = 2;
    for (name, mut schedule) in [("plateau_min", min), ("plateau_max", max)] {
        let metrics = golden.get("plateau_metrics").to_vec::<f64>();
        for (step, (metric, expected)) in metrics.into_iter().zip(golden.get(name).to_vec::<f64>()).enumerate() {
            let lr = schedule.step(metric);
            assert!((lr - expected).abs() <= 1e-12, "{name}, step {step}: {lr}, PyTorch has {expected}");
        }
    }
}

/// `lenet()` of `make_golden.py`.
fn lenet() -> Sequential {
    let generator = &mut Generator::new(0);
    Sequential::new()
        .with("conv1", Conv2dConfig::new(1, 4, 3).padding(1).build(generator))
        .with("relu1", ReLU)
        .with("pool1", MaxPool2d::new(2))
        .with("conv2", Conv2d::new(4, 6, 3, generator))
        .with("tanh2", Tanh)
        .with("pool2", AvgPool2d::new(2))
        .with("flatten", Flatten)
        .with("fc1", Linear::new(24, 16, generator))
        .with("relu3", ReLU)
        .with("fc2", Linear::new(16, 5, generator))
}

/// `batch_norm_net()` of `make_golden.py`.
fn batch_norm_net() -> Sequential {
    let generator = &mut Generator::new(0);
    Sequential::new()
        .with("conv1", Conv2dConfig::new(1, 4, 5).bias(false).build(generator))
        .with("bn1", BatchNorm2d::new(4))
        .with("pool1", MaxPool2d::new(2))
        .with("relu1", ReLU)
        .with("flatten", Flatten)
        .with("fc", Linear::new(64, 5, generator))
}

/// The images of one of the five batches, as PyTorch saw them.
fn images(golden: &Golden, batch: usize) -> Tensor {
    golden.get("images").select(0, batch as isize).to_dtype(DType::F32).div_scalar(64.0).add_scalar(-2.0)
}

/// Fifty steps from PyTorch's initial weights over PyTorch's batches.
fn check_parity(name: &str, model: &Sequential, optimizer: &mut dyn Optimizer, schedule: Schedule) {
    let golden = Golden::new(PARITY);
    let expected = golden.get(&format!("{name}.losses")).to_vec::<f32>();
    for (step, expected) in expected.into_iter().enumerate() {
        let targets = golden.get("targets").select(0, (step % 5) as isize);
        let output = model.forward(&images(&golden, step % 5), &Context::train(0, step as u64));
        let loss = loss::cross_entropy(&output, &targets);
        let found = loss.item::<f32>();
        assert!((found / expected - 1.0).abs() < 1e-4, "{name}, step {step}: loss {found}, PyTorch has {expected}");
        optimizer.zero_grad();
        loss.backward();
        optimizer.set_lr(schedule.lr(step as u64));
        optimizer.step();
    }
    let output = model.forward(&images(&golden, 0), &Context::eval());
    assert_close("evaluation after training", &output, golden.get(&format!("{name}.evaluated")), 1e-3);
}

#[test]
fn lenet_trains_as_in_pytorch() {
    let model = lenet();
    model.load_state_dict(&Golden::new(PARITY).under("lenet.initial")).unwrap();
    let mut optimizer = Sgd::new(model.named_parameters(), 0.0).momentum(0.9).weight_decay(1e-4);
    check_parity("lenet", &model, &mut optimizer, CosineAnnealing { lr: 0.05, t_max: 50, eta_min: 0.0 }.into());
}

#[test]
fn a_batch_norm_net_trains_as_in_pytorch() {
    let model = batch_norm_net();
    model.load_state_dict(&Golden::new(PARITY).under("batch_norm.initial")).unwrap();
    let mut optimizer = Adam::new(model.named_parameters(), 0.0);
    check_parity("batch_norm", &model, &mut optimizer, OneCycle::new(0.005, 50).into());
}

/// Fifty steps in bf16 with f32 weights beside PyTorch's in f32: the losses, averaged over the five batches, stay within
/// 5 % or 0.02 of each other.
fn check_mixed_precision(name: &str, model: &Sequential, optimizer: &mut dyn Optimizer, schedule: Schedule) {
    let golden = Golden::new(PARITY);
    let expected = golden.get(&format!("{name}.losses")).to_vec::<f32>();
    let mut found = Vec::new();
    for step in 0..expected.len() {
        let targets = golden.get("targets").select(0, (step % 5) as isize);
        let loss = autocast(DType::BF16, || {
            let output = model.forward(&images(&golden, step % 5), &Context::train(0, step as u64));
            loss::cross_entropy(&output, &targets)
        });
        found.push(loss.item::<f32>());
        optimizer.zero_grad();
        loss.backward();
        optimizer.set_lr(schedule.lr(step as u64));
        optimizer.step();
    }
    for (pass, (found, expected)) in found.chunks(5).zip(expected.chunks(5)).enumerate() {
        let [found, expected] = [found, expected].map(|losses| losses.iter().sum::<f32>() / 5.0);
        println!("{name}, pass {pass}: {found} beside {expected}");
        let near = (found - expected).abs() <= 0.02_f32.max(0.05 * expected);
        assert!(near, "{name}, pass {pass}: mean loss {found}, PyTorch has {expected} in f32");
    }
}

#[test]
fn mixed_precision_trains_as_f32_in_pytorch() {
    let model = lenet();
    model.load_state_dict(&Golden::new(PARITY).under("lenet.initial")).unwrap();
    let mut optimizer = Sgd::new(model.named_parameters(), 0.0).momentum(0.9).weight_decay(1e-4);
    let schedule = CosineAnnealing { lr: 0.05, t_max: 50, eta_min: 0.0 };
    check_mixed_precision("lenet", &model, &mut optimizer, schedule.into());
    let model = batch_norm_net();
    model.load_state_dict(&Golden::new(PARITY).under("batch_norm.initial")).unwrap();
    let mut optimizer = Adam::new(model.named_parameters(), 0.0);
    check_mixed_precision("batch_norm", &model, &mut optimizer, OneCycle::new(0.005, 50).into());
}
