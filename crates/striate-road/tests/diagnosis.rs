//! Naming mistakes that no misconception describes: patterns in the differences and verdicts on gradients.

mod common;

use common::{Learner, python};
use striate_road::check::{Diagnosis, Evidence, Language, Rung};

const FORWARD: &str = include_str!("../../../road/stations/convolution-layer/python/solution_conv2d_forward.py");
const BACKWARD: &str = include_str!("../../../road/stations/convolution-layer/python/solution_conv2d_backward.py");
const CORRELATE: &str = include_str!("../../../road/stations/correlation-filtering/python/solution_correlate2d.py");

/// `correlate2d` with its result passed through `change`.
fn changed(change: &str) -> Option<Diagnosis> {
    python()?;
    let source = format!(
        "{}\ndef correlate2d(img, k, border):\n    out = right(img, k, border)\n    return {change}\n",
        CORRELATE.replace("def correlate2d(", "def right(")
    );
    let report = Learner::new("correlate2d", Language::Python, &source).check();
    Some(report.diagnosis.unwrap_or_else(|| panic!("{change} has no name: {}", report.headline)))
}

#[track_caller]
fn expect(change: &str, id: &str, words: &str) {
    let Some(diagnosis) = changed(change) else { return };
    assert_eq!((diagnosis.evidence, diagnosis.id.as_str()), (Evidence::Fingerprint, id), "{diagnosis:?}");
    assert!(diagnosis.title.contains(words), "{words:?} is not in {:?}", diagnosis.title);
}

#[test]
fn patterns_of_whole_results() {
    expect("0.0 * out", "all-zero", "0");
    expect("0.0 * out + 7", "all-equal", "the same");
    expect("img.copy()", "input-returned", "img");
    expect("-out", "sign", "opposite sign");
    expect("abs(out)", "absolute", "absolute");
    expect("np.maximum(out, 0)", "clipped", "negative numbers are 0");
    expect("3 * out", "ratio", "3 times");
    expect("out / k.size", "ratio", "1/(kh*kw)");
    expect("out * img.shape[0]", "ratio", "H times");
    expect("out + 0.5", "offset", "off by 0.5");
    expect("out + img.shape[1]", "offset", "too large by W");
}

#[test]
fn patterns_of_place() {
    expect("out[:, ::-1].copy()", "reversed", "axis 1");
    expect("out[::-1, ::-1].copy()", "rotated", "180");
    expect("np.where(np.arange(out.shape[0])[:, None] == 0, out + 1, out)", "first-only", "index 0 of axis 0");
    expect("np.where(np.arange(out.shape[1]) == out.shape[1] - 1, 0.37, out)", "last-only", "last index of axis 1");
    expect(
        "np.pad(out[1:-1, 1:-1] * 1.0, 1, constant_values=0.37)[:out.shape[0], :out.shape[1]] if min(out.shape) > 2 else \
            0.37 + out",
        "border",
        "one cell wide",
    );
    expect("out + np.arange(out.shape[0])[:, None] ** 2 + 0.37", "per-index", "axis 0");
}

/// A report on `conv2d_backward` beside a `conv2d_forward`.
fn gradient(forward: Option<&str>, backward: &str) -> Option<Diagnosis> {
    python()?;
    let learner = Learner::new("conv2d_backward", Language::Python, backward);
    if let Some(forward) = forward {
        learner.write_beside("conv2d_forward", forward);
    }
    let report = learner.check();
    assert_eq!(report.rung, Some(Rung::Values), "{report:#?}");
    report.diagnosis
}

#[test]
fn a_backward_that_follows_a_wrong_forward_is_not_blamed() {
    let forward = FORWARD.replace("return out", "return 2.5 * out");
    let backward = BACKWARD.replace("return dx, dw, db", "return 2.5 * dx, 2.5 * dw, 2.5 * db");
    assert_ne!(backward, BACKWARD);
    let Some(found) = gradient(Some(&forward), &backward) else { return };
    assert_eq!((found.evidence, found.id.as_str()), (Evidence::Gradient, "forward-wrong"));
    assert!(found.title.contains("it is conv2d_forward that is wrong"), "{}", found.title);
}

#[test]
fn a_wrong_backward_is_told_by_operand() {
    let backward = BACKWARD.replace("return dx, dw, db", "return dx, dw + 0.01 * w**2, db");
    let Some(found) = gradient(Some(FORWARD), &backward) else { return };
    assert_eq!((found.evidence, found.id.as_str()), (Evidence::Gradient, "backward-wrong"));
    assert_eq!(found.title, "the backward is wrong: dw; dx and db agree");
    // The same without a forward of their own.
    let Some(found) = gradient(None, &backward) else { return };
    assert_eq!(found.title, "the backward is wrong: dw; dx and db agree");
}
