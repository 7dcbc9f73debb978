//! Naming mistakes that no misconception describes: patterns in the differences and verdicts on gradients.

mod common;

use common::{Learner, python};
use striate_road::check::{Diagnosis, Evidence, Language, Rung, Shown};

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

#[test]
fn the_wrong_factor_of_the_chain_rule_is_told() {
    let named = |backward: &str| gradient(Some(FORWARD), backward).map(|found| (found.id, found.explanation));
    let local =
        BACKWARD.replace("return dx, dw, db", "return dx, dw * (1 + np.arange(dw.size).reshape(dw.shape) / 10), db");
    let Some((id, text)) = named(&local) else { return };
    assert_eq!(id, "local-derivative-wrong", "{text}");
    assert!(text.contains("They double when dout is doubled, as they should"), "{text}");
    let head = BACKWARD.lines().find(|line| line.starts_with("def conv2d_backward")).expect("a function");
    let ignored =
        BACKWARD.replace(head, &format!("{head}\n    dout = np.cos(np.arange(dout.size)).reshape(dout.shape)"));
    let (id, text) = named(&ignored).expect("a name");
    assert_eq!(id, "upstream-not-multiplied", "{text}");
    let twice = BACKWARD.replace(head, &format!("{head}\n    dout = dout * np.abs(dout)"));
    let (id, text) = named(&twice).expect("a name");
    assert_eq!(id, "upstream-multiplied-twice", "{text}");
}

#[test]
fn a_mistake_has_its_name_where_the_edges_hide_another() {
    if python().is_none() {
        return;
    }
    // The penalty is halved in loss and gradient; scores of 1000 overflow besides.
    let source = "import numpy as np


def softmax_loss(w, x, y, reg):
    n = len(y)
    p = np.exp(x @ w)
    p /= p.sum(axis=1, keepdims=True)
    loss = -np.log(p[np.arange(n), y]).mean() + reg / 2 * (w * w).sum()
    p[np.arange(n), y] -= 1
    return loss, x.T @ p / n + reg * w
";
    let found = Learner::new("softmax_loss", Language::Python, source).check().diagnosis.expect("a name");
    assert_eq!((found.evidence, found.id.as_str()), (Evidence::Misconception, "regularization-half"), "{found:#?}");
    assert!(found.certainty.ends_with("ordinary inputs; on the edges there is something else besides"), "{found:#?}");
}

#[test]
fn a_mistake_in_one_result_has_its_name_beside_another_result_that_has_none() {
    if python().is_none() {
        return;
    }
    let source = "import numpy as np


def bn_forward(x, gamma, beta, running_mean, running_var, momentum, eps, train):
    if train:
        if len(x) < 2:
            raise ValueError('a batch of one')
        mean, var = x.mean(0), x.var(0)
        running_mean = momentum * running_mean + (1 - momentum) * mean
        running_var = momentum * running_var + (1 - momentum) * var + 0.01
    else:
        mean, var = running_mean, running_var
    return gamma * (x - mean) / np.sqrt(var + eps) + beta, running_mean, running_var
";
    let found = Learner::new("bn_forward", Language::Python, source).check().diagnosis.expect("a name");
    assert_eq!(
        (found.evidence, found.id.as_str()),
        (Evidence::Misconception, "running-momentum-reversed"),
        "{found:#?}"
    );
    assert!(found.title.starts_with("in running_mean, "), "{}", found.title);
    assert!(found.certainty.ends_with("running_var came out wrong in another way"), "{}", found.certainty);
}

#[test]
fn a_usual_error_is_explained() {
    if python().is_none() {
        return;
    }
    let source = "import numpy as np\n\n\ndef svm_loss(w, x, y, reg, delta):\n    s = x @ w\n    \
                  return np.maximum(0, s - s[np.arange(len(y)), y] + delta)\n";
    let report = Learner::new("svm_loss", Language::Python, source).check();
    assert_eq!(report.rung, Some(Rung::Raises));
    assert!(report.message.contains("v[:, None] has shape (N, 1)"), "{}", report.message);
}

/// The report on this code.
fn report(id: &str, source: &str) -> Option<striate_road::check::Report> {
    python()?;
    Some(Learner::new(id, Language::Python, &format!("import numpy as np\n\n\n{source}")).check())
}

#[test]
fn what_beginners_write_is_answered_in_words() {
    let counts = "def count_words(text):\n    print({word: 1 for word in text.split()})\n";
    let Some(found) = report("count_words", counts) else { return };
    assert!(found.message.contains("print shows a value to you; return hands it to the caller"), "{}", found.message);
    let splits = "def normalize_splits(train, validation, test):
    for part in (train, validation, test):
        part = (part - train.mean(axis=0)) / train.std(axis=0)
    return train, validation, test
";
    let found = report("normalize_splits", splits).and_then(|report| report.diagnosis).expect("a name");
    assert_eq!(found.id, "input-returned");
    assert!(found.title.contains("validation is the argument validation"), "{}", found.title);
    let kernel = "def gaussian_kernel(sigma, radius):
    x = np.arange(-radius, radius)
    k = np.exp(-(x[:, None] ** 2 + x**2) / (2 * sigma**2))
    return k / k.sum()
";
    let message = report("gaussian_kernel", kernel).expect("a report").message;
    assert!(message.contains("yours is [2*radius, 2*radius]") && message.contains("leave out their end"), "{message}");
    let shape = "def forward2(x, w1, b1, w2, b2):
    a1 = np.tanh(w1 @ x + b1)
    return 1 / (1 + np.exp(-(w2 @ a1 + b1))), a1
";
    let message = report("forward2", shape).expect("a report").message;
    assert!(message.contains("yours is [n1, m]") && !message.contains("same"), "{message}");
    let total = "def logsumexp(x):\n    return np.log(np.sum(np.exp(x)))\n";
    let message = report("logsumexp", total).expect("a report").message;
    assert!(message.contains("Without axis="), "{message}");
    let sizes = "def im2col(x, kh, kw, stride, pad):\n    return np.zeros((x.shape[2] - kh) / stride + 1)\n";
    let message = report("im2col", sizes).expect("a report").message;
    assert!(message.contains("use //"), "{message}");
}

#[test]
fn a_number_within_rounding_is_not_shown_as_wrong() {
    let source = "def propagate(w, b, x, y):
    a = 1 / (1 + np.exp(-(w.T @ x + b)))
    cost = -(y * np.log(a) + (1 - y) * np.log(1 - a)).sum() / y.shape[1]
    return cost * (1 + 1e-15), x @ (a - y).T / y.shape[1], (a - y).sum()
";
    let Some(found) = report("propagate", source) else { return };
    let case = found.case.expect("a case");
    let wrong = case.got.iter().filter(|named| matches!(named.value, Shown::Text { wrong: true, .. }));
    assert_eq!(wrong.map(|named| named.name.as_str()).collect::<Vec<_>>(), ["db"], "{case:#?}");
    assert!(case.worked.contains("Work db out"), "{}", case.worked);
}
