//! What each row should reach.

/// A goal for a workload, beside the best variant of PyTorch of the same precision.
pub struct Target {
    workload: &'static str,
    bf16: bool,
    pub at_least: f64,
    pub aim: f64,
}

const fn f32(workload: &'static str, at_least: f64, aim: f64) -> Target {
    Target { workload, bf16: false, at_least, aim }
}

const fn bf16(workload: &'static str, at_least: f64, aim: f64) -> Target {
    Target { workload, bf16: true, at_least, aim }
}

/// Times as fast. Where a goal is seconds, see [`SECONDS`].
const RATIOS: [Target; 12] = [
    f32("w1_gemm_1024", 0.95, 0.95),
    f32("w3_mnist_train", 1.5, 2.0),
    bf16("w3_mnist_train", 1.5, 3.0),
    f32("w4_resnet18_train", 1.1, 1.4),
    bf16("w4_resnet18_train", 2.0, 4.0),
    f32("w4_resnet18_infer_b1", 1.5, 2.0),
    f32("w4_resnet18_infer_b64", 1.1, 1.3),
    f32("w5_mlp_train", 2.0, 4.0),
    f32("w6_", 1.0, 1.5),
    f32("w7_", 1.0, 1.0),
    f32("cold", 1.0, 1.0),
    f32("digits99", 3.0, 3.0),
];

/// Against the best CPU back end of another Rust library, every training row.
pub const RUST_PEER: Target = f32("", 3.0, 8.0);

/// Seconds at most, and the aim: from process start.
pub const SECONDS: [(&str, f64, f64); 2] = [("cold", 0.15, 0.05), ("digits99", 3.0, 1.5)];

/// The goal of a workload, if it has one.
pub fn of(workload: &str, bf16: bool) -> Option<&'static Target> {
    RATIOS.iter().find(|target| target.bf16 == bf16 && workload.starts_with(target.workload))
}

/// `met`, `aim reached`, or by how much it was missed.
pub fn verdict(target: &Target, ratio: f64) -> String {
    if ratio >= target.aim && target.aim > target.at_least {
        "aim reached".into()
    } else if ratio >= target.at_least {
        "met".into()
    } else {
        format!("missed by {:.0} %", 100.0 * (1.0 - ratio / target.at_least))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_goal_of_a_workload() {
        assert_eq!(of("w4_resnet18_infer_b1", false).map(|target| target.at_least), Some(1.5));
        assert_eq!(of("w4_resnet18_train_b64", true).map(|target| target.aim), Some(4.0));
        assert!(of("w2b_64-64_3x3_32_fwd", false).is_none());
        let target = of("w3_mnist_train_b64", false).unwrap();
        let said = [1.2, 1.5, 2.5].map(|ratio| verdict(target, ratio));
        assert_eq!(said, ["missed by 20 %", "met", "aim reached"]);
    }
}
