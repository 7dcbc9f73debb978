//! Further losses against PyTorch: value and gradient, in f64 (to rounding) and in f32.

mod common;

use common::{Golden, check};
use striate_nn::loss::{self, CrossEntropyOptions, MultiMarginOptions};
use striate_tensor::{Reduction, Tensor};

const GOLDEN: &[u8] = include_bytes!("golden/losses.safetensors");
const REDUCTIONS: [(&str, Reduction); 3] =
    [("mean", Reduction::Mean), ("sum", Reduction::Sum), ("none", Reduction::None)];

#[test]
fn cross_entropy_with_options() {
    let golden = Golden::new(GOLDEN);
    for (suffix, reduction) in REDUCTIONS {
        for (name, weighted, label_smoothing, ignore_index) in [
            ("weighted", true, 0.0, -100),
            ("smooth", false, 0.2, -100),
            ("ignoring", false, 0.0, 1),
            ("all", true, 0.1, 3),
        ] {
            for shape in ["", "_map"] {
                let case = format!("cross_entropy_{name}{shape}_{suffix}");
                if golden.find(&format!("{case}.input")).is_none() {
                    continue;
                }
                check(&golden, &case, &["input", "target"], |t| {
                    let weight = Tensor::from_slice(&[0.5_f64, 2.0, 1.0, 0.1], &[4]).to_dtype(t[0].dtype());
                    let weight = weighted.then_some(weight);
                    let options = CrossEntropyOptions { weight, label_smoothing, ignore_index, reduction };
                    loss::cross_entropy_options(&t[0], &t[1], &options)
                });
            }
        }
    }
}

#[test]
fn differences_and_margins() {
    let golden = Golden::new(GOLDEN);
    for (suffix, reduction) in REDUCTIONS {
        let pair = |name: &str, op: &dyn Fn(&Tensor, &Tensor) -> Tensor| {
            check(&golden, &format!("{name}_{suffix}"), &["input", "target"], |t| op(&t[0], &t[1]));
        };
        pair("l1", &|p, t| loss::l1_loss_with(p, t, reduction));
        pair("smooth_l1", &|p, t| loss::smooth_l1_loss_with(p, t, 0.7, reduction));
        pair("huber", &|p, t| loss::huber_loss_with(p, t, 0.7, reduction));
        pair("multi_margin", &|p, t| {
            loss::multi_margin_loss_with(p, t, &MultiMarginOptions { margin: 0.8, reduction, ..Default::default() })
        });
    }
    check(&golden, "triplet", &["a", "p", "n"], |t| loss::triplet_margin_loss(&t[0], &t[1], &t[2]));
}

#[test]
fn losses_with_a_fixed_target() {
    let golden = Golden::new(GOLDEN);
    let fixed = |case: &str, op: &dyn Fn(&[Tensor], &Tensor) -> Tensor| {
        let target = golden.get(&format!("{case}.fixed"));
        let names: &[&str] = if case == "cosine" { &["a", "p"] } else { &["input"] };
        check(&golden, case, names, |t| op(t, &target.to_dtype(t[0].dtype())));
    };
    fixed("bce", &|t, y| loss::bce_loss(&t[0], y));
    fixed("kl_mean", &|t, y| loss::kl_div(&t[0], y));
    fixed("kl_batch", &|t, y| loss::kl_div_batch_mean(&t[0], y));
    fixed("cosine", &|t, y| loss::cosine_embedding_loss_with(&t[0], &t[1], y, 0.1, Reduction::Mean));
    fixed("focal", &|t, y| loss::sigmoid_focal_loss(&t[0], y));
    fixed("focal_none", &|t, y| loss::sigmoid_focal_loss_with(&t[0], y, 0.6, 1.5, Reduction::None));
    fixed("dice", &|t, y| loss::dice_loss(&t[0], y));
}
