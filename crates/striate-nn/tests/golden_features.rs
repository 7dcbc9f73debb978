//! L-BFGS, losses on pairs and layers for sequences against PyTorch.

mod common;

use common::{Golden, assert_close, check, check_layer};
use striate_nn::loss;
use striate_nn::optim::Lbfgs;
use striate_nn::{AdaptiveMaxPool2d, Context, Conv1dConfig, Hardsigmoid, Hardtanh, Mish, Module, SELU, Softmax};
use striate_tensor::random::Generator;
use striate_tensor::{DType, Reduction, Tensor};

const GOLDEN: &[u8] = include_bytes!("golden/features.safetensors");

#[test]
fn losses_on_pairs() {
    let golden = Golden::new(GOLDEN);
    let signs = |like: &Tensor| golden.get("signs.fixed").to_dtype(like.dtype());
    let (one, two): (&[&str], &[&str]) = (&["input"], &["input", "other"]);
    for (suffix, reduction) in [("mean", Reduction::Mean), ("sum", Reduction::Sum), ("none", Reduction::None)] {
        check(&golden, &format!("hinge_embedding_{suffix}"), one, |t| {
            loss::hinge_embedding_loss_with(&t[0], &signs(&t[0]), 0.7, reduction)
        });
        check(&golden, &format!("margin_ranking_{suffix}"), two, |t| {
            loss::margin_ranking_loss_with(&t[0], &t[1], &signs(&t[0]), 0.7, reduction)
        });
        check(&golden, &format!("hinge_{suffix}"), one, |t| loss::hinge_loss_with(&t[0], &signs(&t[0]), reduction));
        check(&golden, &format!("contrastive_{suffix}"), two, |t| {
            let alike = signs(&t[0]).add_scalar(1.0).mul_scalar(0.5);
            loss::contrastive_loss_with(&t[0], &t[1], &alike, 0.7, reduction)
        });
    }
    check(&golden, "info_nce", two, |t| loss::info_nce_loss(&t[0], &t[1], 0.2));
}

#[test]
fn layers() {
    let golden = Golden::new(GOLDEN);
    let generator = &mut Generator::new(0);
    let config = Conv1dConfig::new(4, 6, 3).stride(2).padding(1).groups(2);
    let table: Vec<(&str, Box<dyn Module>)> = vec![
        ("conv1d", Box::new(config.clone().build(generator))),
        ("conv_transpose1d", Box::new(config.output_padding(1).build_transposed(generator))),
        ("adaptive_max_pool2d", Box::new(AdaptiveMaxPool2d::new([3, 2]))),
        ("mish", Box::new(Mish)),
        ("selu", Box::new(SELU)),
        ("hardsigmoid", Box::new(Hardsigmoid)),
        ("relu6", Box::new(Hardtanh::new(0.0, 6.0))),
        ("softmax", Box::new(Softmax::new(1))),
    ];
    for (case, module) in table {
        check_layer(&golden, case, module.as_ref(), |x| module.forward(&x[0], &Context::eval()));
    }
}

/// `rosenbrock()` of the script.
fn rosenbrock(x: &Tensor) -> Tensor {
    let (ahead, behind) = (x.narrow(0, 1, 3), x.narrow(0, 0, 3));
    let valley = ahead.sub(&behind.square()).square().mul_scalar(100.0);
    valley.add(&behind.neg().add_scalar(1.0).square()).sum_all()
}

fn logistic(golden: &Golden, w: &Tensor) -> Tensor {
    let stored = |name: &str| golden.get(name).to_dtype(w.dtype());
    let scores = stored("lbfgs.features").matmul(&w.narrow(0, 0, 3)).add(&w.narrow(0, 3, 1));
    let losses = stored("lbfgs.labels").neg().mul(&scores).softplus(1.0);
    losses.mean_all().add(&w.square().sum_all().mul_scalar(0.01))
}

type Configure = fn(Lbfgs) -> Lbfgs;

#[test]
fn lbfgs_trajectories() {
    let golden = Golden::new(GOLDEN);
    let table: [(&str, bool, f64, Configure); 5] = [
        ("wolfe", true, 1.0, |o| o.strong_wolfe()),
        ("short", true, 0.5, |o| o.strong_wolfe().max_iter(3).history_size(2)),
        ("fixed", false, 0.3, |o| o.max_iter(4)),
        ("converges", false, 1.0, |o| o.tolerance_grad(1e-5)),
        ("evaluations", true, 1.0, |o| o.strong_wolfe().max_eval(7)),
    ];
    for (name, valley, lr, configure) in table {
        for reload in [false, true] {
            let x = golden.get("lbfgs.start").copy().requires_grad_(true);
            let make = || configure(Lbfgs::new(vec![("x".to_owned(), x.clone())], lr));
            let (mut optimizer, mut evaluations) = (make(), 0);
            let expected = golden.get(&format!("lbfgs.{name}"));
            for step in 0..expected.shape()[0] {
                if reload {
                    let state = optimizer.state();
                    optimizer = make();
                    optimizer.load_state(&state).unwrap();
                }
                let loss = optimizer.step(|| {
                    evaluations += 1;
                    x.zero_grad();
                    let loss = if valley { rosenbrock(&x) } else { logistic(&golden, &x) };
                    loss.backward();
                    loss
                });
                let found = Tensor::cat(&[&Tensor::from_slice(&[loss], &[1]), &x.detach()], 0);
                let what = format!("{name}, step {step}, reloaded: {reload}");
                assert_close(&what, &found, &expected.select(0, step as isize), 1e-7);
            }
            assert_eq!(evaluations, golden.get(&format!("lbfgs.{name}_evaluations")).item::<i64>(), "{name}");
        }
    }
}

#[test]
fn lbfgs_in_single_precision_finds_the_same_place() {
    let golden = Golden::new(GOLDEN);
    let x = golden.get("lbfgs.start").to_dtype(DType::F32).requires_grad_(true);
    let mut optimizer = Lbfgs::new(vec![("x".into(), x.clone())], 1.0).strong_wolfe();
    for _ in 0..6 {
        optimizer.step(|| {
            x.zero_grad();
            let loss = rosenbrock(&x);
            loss.backward();
            loss
        });
    }
    assert_close("the lowest point near", &x, &golden.get("lbfgs.wolfe").select(0, -1).narrow(0, 1, 4), 1e-3);
}

#[test]
fn lbfgs_refuses_a_foreign_state() {
    let x = Tensor::from_slice(&[1.0f64, 2.0], &[2]).requires_grad_(true);
    let mut optimizer = Lbfgs::new(vec![("x".into(), x.clone())], 1.0);
    assert!(optimizer.state().is_empty());
    optimizer.step(|| {
        x.zero_grad();
        let loss = x.square().sum_all();
        loss.backward();
        loss
    });
    let mut state = optimizer.state();
    state.insert("direction".into(), Tensor::zeros(&[3], DType::F64));
    let error = optimizer.load_state(&state).unwrap_err();
    assert!(error.to_string().contains("`direction` is f64 [3], expected f64 [2]"), "{error}");
    state.remove("direction");
    assert!(optimizer.load_state(&state).unwrap_err().to_string().contains("`direction` is missing"));
}
