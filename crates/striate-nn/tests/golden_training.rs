//! Optimisers, schedules and whole training runs against PyTorch.

mod common;

use common::{Golden, assert_close, values};
use striate_nn::optim::{Adam, AdamW, Optimizer, Sgd};
use striate_nn::schedule::{CosineAnnealing, OneCycle, Schedule, StepLr};
use striate_tensor::{DType, Tensor};

const OPTIMIZERS: &[u8] = include_bytes!("golden/optimizers.safetensors");
const SCHEDULES: &[u8] = include_bytes!("golden/schedules.safetensors");

type MakeOptimizer = fn(Vec<(String, Tensor)>) -> Box<dyn Optimizer>;

/// The settings of `optimizers()` in `make_golden.py`.
const TABLE: [(&str, MakeOptimizer); 8] = [
    ("sgd", |p| Box::new(Sgd::new(p, 0.1))),
    ("sgd_momentum", |p| Box::new(Sgd::new(p, 0.1).momentum(0.9))),
    ("sgd_dampening", |p| Box::new(Sgd::new(p, 0.1).momentum(0.9).dampening(0.3).weight_decay(0.01))),
    ("sgd_nesterov", |p| Box::new(Sgd::new(p, 0.1).momentum(0.8).nesterov(true).weight_decay(0.05))),
    ("adam", |p| Box::new(Adam::new(p, 0.01))),
    ("adam_decay", |p| Box::new(Adam::new(p, 0.05).betas(0.8, 0.95).epsilon(1e-3).weight_decay(0.1))),
    ("adamw", |p| Box::new(AdamW::new(p, 0.05))),
    ("adamw_betas", |p| Box::new(AdamW::new(p, 0.02).betas(0.7, 0.9).epsilon(1e-6).weight_decay(0.2))),
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
        ("first.momentum_buffer", Tensor::zeros(&[4, 3], DType::F32), "keeps exp_avg, exp_avg_sq, step"),
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
    let table: [(&str, Schedule); 4] = [
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
