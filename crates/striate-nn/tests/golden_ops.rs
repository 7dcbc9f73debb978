//! Every operation of a layer or loss against PyTorch: output and all gradients, in f64 (to rounding) and in f32.

mod common;

use common::{Golden, assert_close, check};
use striate_nn::loss;
use striate_tensor::{BatchNormOptions, Conv2dOptions, DType, Pool2dOptions, Reduction};

const GOLDEN: &[u8] = include_bytes!("golden/ops.safetensors");

fn pairs<const N: usize>(golden: &Golden, case: &str) -> [[usize; 2]; N] {
    let numbers = golden.get(&format!("{case}.options")).to_vec::<i64>();
    std::array::from_fn(|i| [numbers[2 * i] as usize, numbers[2 * i + 1] as usize])
}

fn cases<'a>(golden: &'a Golden, prefix: &str) -> Vec<&'a str> {
    let found: Vec<&str> = golden.cases().into_iter().filter(|case| case.starts_with(prefix)).collect();
    assert!(!found.is_empty(), "no case of {prefix}");
    found
}

#[test]
fn conv2d() {
    let golden = Golden::new(GOLDEN);
    for case in cases(&golden, "conv2d") {
        let [stride, padding, dilation] = pairs(&golden, case);
        let groups = golden.get(&format!("{case}.options")).to_vec::<i64>()[6] as usize;
        let options = Conv2dOptions { stride, padding, dilation, groups };
        check(&golden, case, &["input", "weight", "bias"], |t| t[0].conv2d(&t[1], t.get(2), options));
    }
}

#[test]
fn pooling() {
    let golden = Golden::new(GOLDEN);
    for case in cases(&golden, "max_pool2d").into_iter().chain(cases(&golden, "avg_pool2d")) {
        let [kernel, stride, padding, dilation] = pairs(&golden, case);
        let count_include_pad = !case.contains("exclude");
        let options = Pool2dOptions { kernel, stride, padding, dilation, count_include_pad, ceil_mode: false };
        let max = case.starts_with("max");
        check(&golden, case, &["input"], |t| if max { t[0].max_pool2d(options) } else { t[0].avg_pool2d(options) });
    }
}

#[test]
fn batch_norm() {
    let golden = Golden::new(GOLDEN);
    for (case, training, eps) in [("batch_norm_train", true, 1e-5), ("batch_norm_eval", false, 1e-3)] {
        let options = BatchNormOptions { training, momentum: 0.1, eps };
        check(&golden, case, &["input", "weight", "bias"], |t| {
            let stored = |name: &str| golden.get(&format!("{case}.{name}")).to_dtype(t[0].dtype()).copy();
            let (mean, var) = (stored("running_mean_before"), stored("running_var_before"));
            let output = t[0].batch_norm(Some((&mean, &var)), Some((&t[1], &t[2])), options);
            let tolerance = if t[0].dtype() == DType::F64 { 1e-12 } else { 1e-6 };
            assert_close("running mean", &mean, &stored("running_mean_after"), tolerance);
            assert_close("running variance", &var, &stored("running_var_after"), tolerance);
            output
        });
    }
}

#[test]
fn activations() {
    let golden = Golden::new(GOLDEN);
    check(&golden, "relu", &["input"], |t| t[0].relu());
    check(&golden, "tanh", &["input"], |t| t[0].tanh());
    check(&golden, "sigmoid", &["input"], |t| t[0].sigmoid());
    check(&golden, "gelu", &["input"], |t| t[0].gelu());
}

#[test]
fn softmax() {
    let golden = Golden::new(GOLDEN);
    for dim in 0..3 {
        check(&golden, &format!("softmax_{dim}"), &["input"], |t| t[0].softmax(dim));
        check(&golden, &format!("log_softmax_{dim}"), &["input"], |t| t[0].log_softmax(dim - 3));
    }
}

#[test]
fn linear() {
    let golden = Golden::new(GOLDEN);
    for case in cases(&golden, "linear") {
        check(&golden, case, &["input", "weight", "bias"], |t| t[0].linear(&t[1], t.get(2)));
    }
}

#[test]
fn losses() {
    let golden = Golden::new(GOLDEN);
    let inputs = ["input", "target"];
    for (name, reduction) in [("mean", Reduction::Mean), ("sum", Reduction::Sum), ("none", Reduction::None)] {
        for shape in ["", "_map"] {
            check(&golden, &format!("cross_entropy{shape}_{name}"), &inputs, |t| {
                loss::cross_entropy_with(&t[0], &t[1], reduction)
            });
            check(&golden, &format!("nll_loss{shape}_{name}"), &inputs, |t| {
                loss::nll_loss_with(&t[0], &t[1], reduction)
            });
        }
        check(&golden, &format!("mse_loss_{name}"), &inputs, |t| loss::mse_loss_with(&t[0], &t[1], reduction));
        check(&golden, &format!("bce_with_logits_{name}"), &inputs, |t| {
            loss::bce_with_logits_with(&t[0], &t[1], reduction)
        });
    }
}
