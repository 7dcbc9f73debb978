//! Operations against PyTorch: output and gradients, in f64 (to rounding) and in f32, in three memory layouts.
//!
//! `golden/make_golden.py` made the expected values; each case here calls what the case of the same name there calls.

use std::collections::BTreeSet;

use safetensors::{Dtype, SafeTensors};
use striate_tensor::{
    Conv1dOptions, Conv2dOptions, CtcOptions, DType, GridSampleOptions, Interpolation, OutsideImage, PaddingMode,
    Reduction, SampleMode, Tensor, UnfoldOptions,
};

const GOLDEN: &[u8] = include_bytes!("golden/ops.safetensors");

struct Golden<'a> {
    file: SafeTensors<'a>,
    checked: BTreeSet<String>,
}

impl Golden<'_> {
    fn find(&self, name: &str) -> Option<Tensor> {
        let view = self.file.tensor(name).ok()?;
        let eights = view.data().chunks_exact(8).map(|bytes| <[u8; 8]>::try_from(bytes).expect("eight bytes"));
        Some(match view.dtype() {
            Dtype::F64 => Tensor::from_vec(eights.map(f64::from_le_bytes).collect(), view.shape()),
            Dtype::I64 => Tensor::from_vec(eights.map(i64::from_le_bytes).collect(), view.shape()),
            Dtype::BOOL => Tensor::from_vec(view.data().iter().map(|&byte| byte != 0).collect(), view.shape()),
            other => panic!("{name} is stored as {other:?}"),
        })
    }

    /// Compares `op`, applied to the stored inputs of `case`, with the stored output and gradients.
    #[track_caller]
    fn check(&mut self, case: &str, op: impl Fn(&[Tensor]) -> Tensor) {
        self.checked.insert(case.to_owned());
        let expected = self.find(&format!("{case}.output")).unwrap_or_else(|| panic!("no case {case}"));
        let stored: Vec<Tensor> = (0..).map_while(|i| self.find(&format!("{case}.input{i}"))).collect();
        for (dtype, tolerance) in [(DType::F64, 1e-11), (DType::F32, 2e-5)] {
            for layout in [Tensor::contiguous, Tensor::channels_last, with_gaps] {
                let leaf = |x: &Tensor| {
                    if !x.dtype().is_float() {
                        return x.clone();
                    }
                    layout(&x.to_dtype(dtype)).detach().requires_grad_(true)
                };
                let leaves: Vec<Tensor> = stored.iter().map(leaf).collect();
                let output = op(&leaves);
                assert_close(case, &output, &expected, tolerance);
                let Some(gradient) = self.find(&format!("{case}.grad_output")) else { continue };
                output.backward_with(&layout(&gradient.to_dtype(dtype)));
                for (i, leaf) in leaves.iter().enumerate() {
                    let Some(expected) = self.find(&format!("{case}.grad{i}")) else { continue };
                    let gradient = leaf.grad().unwrap_or_else(|| panic!("{case}: no gradient for input {i}"));
                    assert_close(&format!("{case}: gradient of input {i}"), &gradient, &expected, tolerance);
                }
            }
        }
    }
}

/// The same values as every second column of a tensor twice as wide.
fn with_gaps(tensor: &Tensor) -> Tensor {
    let shape = [tensor.shape(), &[2]].concat();
    tensor.unsqueeze(-1).broadcast_to(&shape).contiguous().select(-1, 1)
}

/// Every element within `tolerance` of the expected one, relative to the larger of it and 1.
#[track_caller]
fn assert_close(what: &str, found: &Tensor, expected: &Tensor, tolerance: f64) {
    assert_eq!(found.shape(), expected.shape(), "{what}: shape");
    let values = |tensor: &Tensor| tensor.to_dtype(DType::F64).to_vec::<f64>();
    for (index, (found, expected)) in values(found).iter().zip(values(expected)).enumerate() {
        let error = (found - expected).abs() / expected.abs().max(1.0);
        let close = error <= tolerance || *found == expected || (found.is_nan() && expected.is_nan());
        assert!(close, "{what}: element {index} is {found}, PyTorch has {expected} (error {error:.2e})");
    }
}

fn images(golden: &mut Golden) {
    let transposed = Conv2dOptions { stride: [2, 3], padding: [1, 2], dilation: [1, 2], groups: 2 };
    golden.check("conv_transpose2d", |x| x[0].conv_transpose2d(&x[1], Some(&x[2]), transposed, [1, 0]));
    let options = Conv1dOptions { stride: 2, padding: 1, dilation: 2, groups: 2 };
    golden.check("conv1d", |x| x[0].conv1d(&x[1], Some(&x[2]), options));
    let spread = Conv1dOptions { stride: 3, padding: 1, dilation: 2, groups: 2 };
    golden.check("conv_transpose1d", |x| x[0].conv_transpose1d(&x[1], Some(&x[2]), spread, 2));
    golden.check("adaptive_avg_pool2d", |x| x[0].adaptive_avg_pool2d([3, 6]));
    golden.check("adaptive_max_pool2d", |x| x[0].adaptive_max_pool2d([3, 2]));
    for (label, size) in [("up", [7, 11]), ("down", [3, 2])] {
        golden.check(&format!("nearest_{label}"), |x| x[0].interpolate(&size, Interpolation::Nearest));
        for align_corners in [false, true] {
            let (linear, cubic) = (Interpolation::Linear { align_corners }, Interpolation::Cubic { align_corners });
            golden.check(&format!("bilinear_{label}_{align_corners}"), |x| x[0].interpolate(&size, linear));
            golden.check(&format!("bicubic_{label}_{align_corners}"), |x| x[0].interpolate(&size, cubic));
        }
    }
    let windows = UnfoldOptions { kernel: [3, 2], stride: [2, 1], padding: [1, 2], dilation: [1, 2] };
    golden.check("unfold", |x| x[0].unfold(windows));
    golden.check("fold", |x| x[0].fold([5, 4], windows));
    let modes = [PaddingMode::Reflect, PaddingMode::Replicate, PaddingMode::Circular];
    for (name, mode) in ["reflect", "replicate", "circular"].into_iter().zip(modes) {
        golden.check(&format!("pad_{name}"), |x| x[0].pad_with(&[(0, 0), (0, 0), (1, 0), (3, 2)], mode));
    }
}

fn elements(golden: &mut Golden) {
    golden.check("elu", |x| x[0].mul_scalar(3.0).elu(1.0));
    golden.check("selu", |x| x[0].mul_scalar(3.0).selu());
    golden.check("softplus", |x| x[0].mul_scalar(3.0).softplus(1.0));
    golden.check("mish", |x| x[0].mul_scalar(3.0).mish());
    golden.check("hardsigmoid", |x| x[0].mul_scalar(3.0).hardsigmoid());
    golden.check("hardswish", |x| x[0].mul_scalar(3.0).hardswish());
    golden.check("silu", |x| x[0].mul_scalar(3.0).silu());
    golden.check("leaky_relu", |x| x[0].leaky_relu(0.1));
    golden.check("erf", |x| x[0].erf());
    golden.check("embedding", |x| x[0].embedding(&x[1]));
    golden.check("flip", |x| x[0].flip(&[0, 2]));
    golden.check("roll", |x| x[0].roll(-5, 1));
    golden.check("tril", |x| x[0].tril(-1));
    golden.check("triu", |x| x[0].triu(1));
}

fn more_elements(golden: &mut Golden) {
    let positive = |x: &Tensor| x.abs().add_scalar(0.1);
    golden.check("log1p", |x| positive(&x[0]).log1p());
    golden.check("reciprocal", |x| positive(&x[0]).reciprocal());
    golden.check("rsqrt", |x| positive(&x[0]).rsqrt());
    type Function = fn(&Tensor) -> Tensor;
    let functions: [(&str, Function); 8] = [
        ("expm1", Tensor::expm1),
        ("tan", Tensor::tan),
        ("atan", Tensor::atan),
        ("floor", Tensor::floor),
        ("ceil", Tensor::ceil),
        ("round", Tensor::round),
        ("trunc", Tensor::trunc),
        ("sign", Tensor::sign),
    ];
    for (name, function) in functions {
        golden.check(name, |x| function(&x[0].mul_scalar(2.5)));
    }
    golden.check("asin", |x| x[0].tanh().mul_scalar(0.9).asin());
    golden.check("acos", |x| x[0].tanh().mul_scalar(0.9).acos());
    golden.check("prod", |x| x[0].prod(&[1], false));
    golden.check("prod_zeros", |x| x[0].prod(&[1], true));
    golden.check("median_odd", |x| x[0].median(1, false).0);
    golden.check("median_even", |x| x[0].median(-1, true).0);
    golden.check("repeat", |x| x[0].repeat(&[2, 1, 3]));
    golden.check("repeat_interleave", |x| x[0].repeat_interleave(3, 0));
    golden.check("nonzero", |x| x[0].nonzero());
}

fn sequences(golden: &mut Golden) {
    let padded = Tensor::from_slice(&[1i64, 2, 2, 3, 4, 4, 0, 0, 3, 0, 0, 0], &[3, 4]);
    let flat = Tensor::from_slice(&[1i64, 2, 2, 3, 4, 4, 3], &[7]);
    let (inputs, lengths) = ([8, 6, 7], [4, 2, 1]);
    let mut check = |case: &str, targets: &Tensor, inputs: &[usize], lengths: &[usize], options: CtcOptions| {
        golden.check(&format!("ctc_{case}"), |x| x[0].log_softmax(2).ctc_loss(targets, inputs, lengths, options));
    };
    let default = CtcOptions::default();
    for (name, reduction) in [("mean", Reduction::Mean), ("sum", Reduction::Sum), ("none", Reduction::None)] {
        check(name, &padded, &inputs, &lengths, CtcOptions { reduction, ..default });
    }
    check("flat", &flat, &inputs, &lengths, default);
    let pairs = Tensor::from_slice(&[0i64, 2, 3, 0], &[2, 2]);
    check("blank", &pairs, &[5, 4], &[2, 2], CtcOptions { blank: 1, ..default });
    let single = Tensor::from_slice(&[1i64, 0], &[2, 1]);
    check("no_labels", &single, &[5, 4], &[1, 0], CtcOptions { reduction: Reduction::None, ..default });
    let endless = Tensor::from_slice(&[2i64, 2, 1, 2], &[2, 2]);
    check("zero_infinity", &endless, &[2, 4], &[2, 2], CtcOptions { zero_infinity: true, ..default });
}

fn choices(golden: &mut Golden) {
    golden.check("scatter_add", |x| x[0].scatter_add(1, &x[1], &x[2]));
    golden.check("masked_select", |x| x[0].masked_select(&x[1]));
    golden.check("masked_fill", |x| x[0].masked_fill(&x[1], 7.0));
    golden.check("sort_false", |x| x[0].sort(1, false).0);
    golden.check("sort_true", |x| x[0].sort(1, true).0);
    golden.check("argsort", |x| x[0].argsort(0, false));
    golden.check("topk_largest", |x| x[0].topk(3, -1, true).0);
    golden.check("topk_smallest", |x| x[0].topk(2, 1, false).0);
}

fn reductions(golden: &mut Golden) {
    golden.check("cumsum", |x| x[0].cumsum(1));
    for (label, p) in [("1", 1.0), ("2", 2.0), ("3", 3.0), ("half", 0.5), ("infinity", f64::INFINITY)] {
        golden.check(&format!("norm_{label}"), |x| x[0].norm(p, &[0, 2], false));
    }
    golden.check("norm_of_zero", |x| x[0].norm(2.0, &[1], false));
    golden.check("std", |x| x[0].std(&[0, 2], true));
    golden.check("std_of_constant", |x| x[0].std(&[1], false));
    golden.check("logsumexp", |x| x[0].mul_scalar(100.0).logsumexp(&[0, 2], false));
    golden.check("linspace", |_| Tensor::linspace(-1.0f64, 2.0, 8));
}

fn products(golden: &mut Golden) {
    let equations = [
        ("einsum_batched", "bij,bkj->bik"),
        ("einsum_three", "bij, kjb, ii -> kb"),
        ("einsum_implicit", "kj,ij"),
        ("einsum_outer", "i,j->ji"),
        ("einsum_trace", "iji->j"),
    ];
    for (case, equation) in equations {
        golden.check(case, |x| Tensor::einsum(equation, &x.iter().collect::<Vec<_>>()));
    }
}

fn samples(golden: &mut Golden) {
    let sides = [OutsideImage::Zeros, OutsideImage::Border, OutsideImage::Reflection];
    for (name, outside) in ["zeros", "border", "reflection"].into_iter().zip(sides) {
        for align_corners in [false, true] {
            let modes = [SampleMode::Bilinear, SampleMode::Nearest, SampleMode::Bicubic];
            for (label, mode) in ["bilinear", "nearest", "bicubic"].into_iter().zip(modes) {
                let options = GridSampleOptions { mode, outside, align_corners };
                golden.check(&format!("grid_sample_{label}_{name}_{align_corners}"), |x| {
                    x[0].grid_sample(&x[1].mul_scalar(1.2), options)
                });
            }
        }
    }
}

fn normalisations(golden: &mut Golden) {
    golden.check("layer_norm", |x| x[0].layer_norm(&[3, 40], Some((&x[1], &x[2])), 1e-5));
    golden.check("layer_norm_plain", |x| x[0].layer_norm(&[4], None, 1e-3));
    golden.check("group_norm", |x| x[0].group_norm(3, Some((&x[1], &x[2])), 1e-5));
    golden.check("group_norm_flat", |x| x[0].group_norm(2, Some((&x[1], &x[2])), 1e-5));
    golden.check("instance_norm", |x| x[0].group_norm(3, None, 1e-5));
}

#[test]
fn operations_agree_with_pytorch() {
    let mut golden = Golden { file: SafeTensors::deserialize(GOLDEN).unwrap(), checked: BTreeSet::new() };
    images(&mut golden);
    elements(&mut golden);
    more_elements(&mut golden);
    sequences(&mut golden);
    choices(&mut golden);
    reductions(&mut golden);
    products(&mut golden);
    samples(&mut golden);
    normalisations(&mut golden);
    let stored: BTreeSet<String> =
        golden.file.names().into_iter().map(|name| name.split('.').next().unwrap().to_owned()).collect();
    assert_eq!(stored, golden.checked, "cases stored and cases checked");
}

/// Once more with the plainer instruction sets, each in a process of its own: the choice is made once per process.
#[test]
fn operations_agree_with_pytorch_on_plainer_instruction_sets() {
    if std::env::var_os("STRIATE_ISA").is_some() {
        return;
    }
    for isa in if cfg!(target_arch = "x86_64") { &["scalar", "avx2"][..] } else { &["scalar"] } {
        let mut command = std::process::Command::new(std::env::current_exe().expect("the path of this program"));
        command.args(["--exact", "operations_agree_with_pytorch"]).env("STRIATE_ISA", isa);
        let output = command.output().expect("the test runs");
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success() && text.contains("1 passed"), "STRIATE_ISA={isa}:\n{text}");
    }
}
