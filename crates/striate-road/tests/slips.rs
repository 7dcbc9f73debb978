//! Misconceptions are what people's code computes: a slip made in a model solution is named by its id.

mod common;

use common::slips::expect;

macro_rules! solution {
    ($station:literal, $exercise:literal) => {
        include_str!(concat!("../../../road/stations/", $station, "/python/solution_", $exercise, ".py"))
    };
}

#[test]
fn in_momentum_and_adam() {
    expect(
        "momentum_nesterov",
        solution!("optimizers", "momentum_nesterov"),
        &[
            ("momentum-averaged", &[("v = mu * v + g ", "v = mu * v + (1 - mu) * g ")]),
            ("nesterov-sign-flipped", &[("g + mu * v if", "g - mu * v if")]),
            ("nesterov-always", &[(" if nesterov else v", "")]),
            ("sign-flipped", &[("w - lr * direction, v", "w + lr * direction, v")]),
            ("rate-in-velocity", &[("mu * v + g ", "mu * v + lr * g "), ("g + mu", "lr * g + mu"), ("lr * d", "d")]),
            ("state-not-kept", &[("v = mu * v + g ", "old, v = v, mu * v + g "), ("direction, v", "direction, old")]),
        ],
    );
    expect(
        "adam",
        solution!("optimizers", "adam"),
        &[
            ("bias-correction-missing", &[(" / (1 - b1**t)", ""), (" / (1 - b2**t)", "")]),
            ("bias-correction-without-power", &[("**t)", ")")]),
            ("step-count-early", &[("**t)", "**(t + 1))")]),
            ("step-count-late", &[("**t)", "**(t - 1))")]),
            ("corrected-moments-stored", &[("return w, m, v", "return w, m_hat, v_hat")]),
            ("first-moment-uncorrected", &[(" / (1 - b1**t)", "")]),
            ("second-moment-uncorrected", &[(" / (1 - b2**t)", "")]),
            ("eps-inside-root", &[("np.sqrt(v_hat) + eps", "np.sqrt(v_hat + eps)")]),
            ("eps-before-correction", &[("np.sqrt(v_hat) + eps", "(np.sqrt(v) + eps) / np.sqrt(1 - b2**t)")]),
            ("root-missing", &[("np.sqrt(v_hat) + eps", "v_hat + eps")]),
            ("old-moment-lost", &[("b1 * m + ", "b1 + "), ("b2 * v + ", "b2 + ")]),
            ("squares-summed", &[("b2 * v + (1 - b2) * g**2", "v + g**2")]),
            ("gradient-not-squared", &[("g**2", "g")]),
            ("decay-coupled", &[("    m = b1", "    g = g + decay * w\n    m = b1"), (" + decay * w)", ")")]),
            ("decay-without-rate", &[("w - lr * (m_hat", "w - decay * w - lr * (m_hat"), (" + decay * w)", ")")]),
        ],
    );
}

#[test]
fn in_minibatches_and_schedules() {
    expect(
        "minibatches",
        solution!("optimizers", "minibatches"),
        &[
            ("last-batch-dropped", &[("-(-len(y) // size)", "len(y) // size")]),
            ("labels-not-shuffled", &[("y[chosen]", "y[k * size : (k + 1) * size]")]),
            ("same-order-every-epoch", &[("orders[epoch, ", "orders[0, ")]),
            ("permutation-inverted", &[("orders[epoch, ", "orders[epoch].argsort()[")]),
            ("batch-ends-early", &[("(k + 1) * size]", "(k + 1) * size - 1]")]),
        ],
    );
    expect(
        "lr_schedule",
        solution!("optimizers", "lr_schedule"),
        &[
            ("warmup-from-zero", &[("base * (step + 1) / (warmup + 1)", "base * step / warmup")]),
            ("warmup-missing", &[("base * (step + 1) / (warmup + 1)", "base")]),
            ("progress-from-start", &[("(step - warmup) / (total - warmup)", "step / total")]),
            (
                "progress-not-limited",
                &[("min(1.0, (step - warmup) / (total - warmup))", "(step - warmup) / (total - warmup)")],
            ),
            ("integer-division", &[("(step - warmup) / (total - warmup)", "(step - warmup) // (total - warmup)")]),
            ("drop-one-late", &[(">=", ">")]),
            ("cosine-full-wave", &[("math.pi * p", "2 * math.pi * p")]),
        ],
    );
}

#[test]
fn in_batch_normalization() {
    expect(
        "bn_forward",
        solution!("batch-normalization", "bn_forward"),
        &[
            ("variance-unbiased", &[("x.var(axis=0)", "x.var(axis=0, ddof=1)"), (" * n / (n - 1)", "")]),
            ("variance-corrected-twice", &[("x.var(axis=0)", "x.var(axis=0, ddof=1)")]),
            ("running-variance-biased", &[(" * n / (n - 1)", "")]),
            ("variance-by-difference", &[("x.var(axis=0)", "(x**2).mean(axis=0) - x.mean(axis=0) ** 2")]),
            (
                "running-momentum-reversed",
                &[("(1 - momentum) * r", "momentum * r"), ("+ momentum", "+ (1 - momentum)")],
            ),
            ("eps-outside-root", &[("np.sqrt(var + eps)", "(np.sqrt(var) + eps)")]),
            ("eps-missing", &[("np.sqrt(var + eps)", "np.sqrt(var)")]),
            (
                "running-not-used-in-test",
                &[("mean, var = running_mean, running_var", "mean, var = x.mean(axis=0), x.var(axis=0)")],
            ),
            ("scale-shift-missing", &[("gamma * (x - mean)", "(x - mean)"), (" + beta", "")]),
            (
                "scale-shift-missing-in-test",
                &[(
                    "mean, var = running_mean, running_var",
                    "return (x - running_mean) / np.sqrt(running_var + eps), running_mean, running_var",
                )],
            ),
        ],
    );
    let centred = "(d - d.mean(axis=0) - xhat * (d * xhat).mean(axis=0))";
    expect(
        "bn_backward",
        &solution!("batch-normalization", "bn_backward").replace(centred, "CENTRED"),
        &[
            ("statistics-taken-as-constants", &[("CENTRED", "d")]),
            ("mean-path-missing", &[("CENTRED", "(d - xhat * (d * xhat).mean(axis=0))")]),
            ("variance-path-missing", &[("CENTRED", "(d - d.mean(axis=0))")]),
            ("mean-missing", &[("CENTRED", "(d - d.sum(axis=0) - xhat * (d * xhat).sum(axis=0))")]),
        ],
    );
    expect(
        "bn_backward",
        solution!("batch-normalization", "bn_backward"),
        &[
            ("gamma-missing", &[("d = gamma * dout", "d = dout")]),
            ("input-for-xhat", &[("(dout * xhat).sum", "(dout * x).sum")]),
            ("mean-where-sum", &[("(dout * xhat).sum", "(dout * xhat).mean"), ("dout.sum", "dout.mean")]),
            ("sum-over-wrong-axis", &[(".sum(axis=0)", ".sum(axis=1)")]),
        ],
    );
}

#[test]
fn in_the_relatives_of_batch_normalization() {
    expect(
        "layernorm",
        solution!("batch-normalization", "layernorm"),
        &[
            ("normalized-over-wrong-axis", &[("axis=-1", "axis=0")]),
            ("group-size-for-count", &[("x.reshape(n, groups, d // groups)", "x.reshape(n, d // groups, groups)")]),
            ("groups-ignored", &[("x.reshape(n, groups, d // groups)", "x.reshape(n, 1, d)")]),
            ("groups-across-examples", &[("axis=-1", "axis=(0, 2)")]),
            ("variance-unbiased", &[("keepdims=True)\n    xhat", "keepdims=True, ddof=1)\n    xhat")]),
            ("statistics-over-everything", &[("axis=-1, keepdims=True", "")]),
        ],
    );
    expect(
        "spatial_bn_backward",
        solution!("batch-normalization", "spatial_bn_backward"),
        &[
            (
                "reshape-scrambles",
                &[(".transpose(0, 2, 3, 1)", ""), (".reshape(n, h, w, c).transpose(0, 3, 1, 2)", ".reshape(x.shape)")],
            ),
            (
                "mean-over-batch-only",
                &[("d.mean(axis=0)", "d.sum(axis=0) / n"), ("(d * xhat).mean(axis=0)", "(d * xhat).sum(axis=0) / n")],
            ),
            ("gamma-missing", &[("d = gamma * drows", "d = drows")]),
        ],
    );
}

#[test]
fn in_regularization() {
    expect(
        "dropout",
        solution!("regularization-dropout", "dropout"),
        &[
            ("dropout-not-inverted", &[(" / (1 - p_drop)", "")]),
            (
                "dropout-scaled-twice",
                &[("return x.copy(), dout.copy()", "return x * (1 - p_drop), dout * (1 - p_drop)")],
            ),
            ("dropped-in-use", &[("if not train", "if False")]),
            ("drop-keep-swapped", &[(">= p_drop) / (1 - p_drop)", "< p_drop) / p_drop")]),
            ("mask-inverted", &[(">= p_drop", "< p_drop")]),
            ("threshold-inclusive", &[(">= p_drop", "> p_drop")]),
            ("mask-shared-by-batch", &[("u[: len(x)]", "u[:1]")]),
            ("backward-unmasked", &[("dout * mask", "dout.copy()")]),
            ("backward-unscaled", &[("dout * mask", "dout * (mask > 0)")]),
            ("mask-from-output", &[("dout * mask", "dout * (x * mask != 0) / (1 - p_drop)")]),
            ("mask-redrawn", &[("dout * mask", "dout * (u[len(x) : 2 * len(x)] >= p_drop) / (1 - p_drop)")]),
        ],
    );
    expect(
        "l2_cost",
        solution!("regularization-dropout", "l2_cost"),
        &[
            ("penalty-missing-in-cost", &[("cross_entropy + penalty", "cross_entropy")]),
            ("penalty-missing-in-gradient", &[("lam / m * w", "0 * w")]),
            ("penalty-half-missing", &[("lam / (2 * m)", "lam / m")]),
            ("penalty-gradient-halved", &[("lam / m * w", "lam / (2 * m) * w")]),
            ("mean-missing-in-penalty-gradient", &[("lam / m * w", "lam * w")]),
            ("mean-missing-in-penalty", &[("lam / m * w", "lam * w"), ("lam / (2 * m)", "lam / 2")]),
            ("norm-not-squared", &[("np.sum(w1**2) + np.sum(w2**2)", "np.linalg.norm(w1) + np.linalg.norm(w2)")]),
            ("mean-missing", &[("-np.mean(", "-np.sum(")]),
            ("last-layer-only", &[("np.sum(w1**2) + ", ""), ("lam / m * w1", "0 * w1")]),
        ],
    );
    expect(
        "early_stopping",
        solution!("regularization-dropout", "early_stopping"),
        &[
            ("nan-counts-as-better", &[("if loss < best_loss - min_delta", "if not loss >= best_loss - min_delta")]),
            ("min-delta-ignored", &[(" - min_delta", "")]),
            ("tie-counts-as-better", &[("loss < best_loss", "loss <= best_loss")]),
            ("patience-one-more", &[("waited == patience", "waited > patience")]),
            ("patience-not-reset", &[("best, waited = loss, epoch, 0", "best = loss, epoch")]),
            (
                "last-epoch-kept",
                &[
                    ("return best, epoch", "return epoch, epoch"),
                    ("return best, len(losses) - 1", "return epoch, epoch"),
                ],
            ),
            (
                "compared-with-previous",
                &[("            waited += 1", "            best_loss = loss\n            waited += 1")],
            ),
        ],
    );
}

#[test]
fn in_activations_and_initialization() {
    expect(
        "activation_pairs",
        solution!("activations-initialization", "activation_pairs"),
        &[
            ("sigmoid-derivative-of-input", &[("y * (1 - y)", "x * (1 - x)")]),
            ("tanh-derivative-of-input", &[("1 - y**2", "1 - x**2")]),
            ("tanh-derivative-of-activation", &[("1 - y**2", "1 - np.tanh(y) ** 2")]),
            ("relu-as-mask", &[("y = np.maximum(x, 0)", "y = (x > 0) * 1.0")]),
            ("relu-slope-at-zero", &[("np.where(x > 0, 1.0, 0.0)", "np.where(x >= 0, 1.0, 0.0)")]),
            ("slope-at-corner", &[("np.where(x > 0, 1.0", "np.where(x >= 0, 1.0")]),
            ("leaky-slope-everywhere", &[("np.where(x > 0, 1.0, 0.01)", "0.01")]),
            ("softplus-overflow", &[("np.logaddexp(0, x)", "np.log(1 + np.exp(x))")]),
            ("sigmoid-overflow", &[("1 / (1 + np.exp(-x))", "np.exp(x) / (1 + np.exp(x))")]),
            (
                "elu-overflow",
                &[
                    ("np.where(x > 0, x, np.expm1(below))", "(x > 0) * x + (x <= 0) * (np.exp(x) - 1)"),
                    ("slope = np.exp(below)", "slope = (x > 0) + (x <= 0) * np.exp(x)"),
                ],
            ),
            ("elu-slope-of-output", &[("slope = np.exp(below)", "slope = np.where(x > 0, 1.0, y)")]),
            ("inner-derivative-missing", &[(" * c * (1 + 3 * 0.044715 * x**2)", "")]),
            ("upstream-ignored", &[("g * slope", "slope")]),
        ],
    );
    expect(
        "he_xavier",
        solution!("activations-initialization", "he_xavier"),
        &[
            ("fan-swapped", &[("2 / n_in,", "2 / n_out,")]),
            ("variance-for-deviation", &[("np.sqrt(variances[family])", "variances[family]")]),
            ("uniform-bound-too-small", &[("np.sqrt(3) * std", "std")]),
            ("uniform-not-centred", &[("(2 * noise - 1)", "noise")]),
            ("he-gain-missing", &[("2 / n_in,", "1 / n_in,")]),
            ("xavier-inputs-only", &[("2 / (n_in + n_out)", "1 / n_in")]),
        ],
    );
    expect(
        "signal_report",
        solution!("activations-initialization", "signal_report"),
        &[
            ("variance-for-deviation", &[("a.std()", "a.var()")]),
            ("variance-unbiased", &[("a.std()", "a.std(ddof=1)")]),
            ("deviation-averaged", &[("a.std()", "a.std(axis=1).mean()")]),
            ("averaged-before-deviation", &[("a.std()", "a.mean(axis=1).std()")]),
            (
                "measured-before-activation",
                &[
                    ("a = ACTIVATIONS[act](w @ a)", "z = w @ a\n        a = ACTIVATIONS[act](z)"),
                    ("a.std()", "z.std()"),
                ],
            ),
            ("layers-not-chained", &[("w @ a", "w @ x")]),
            ("matrix-transposed", &[("w @ a", "w.T @ a")]),
            ("scaled-by-width", &[("np.sqrt(len(x))", "len(x)")]),
        ],
    );
}

#[test]
fn in_the_margin_loss() {
    expect(
        "svm_loss",
        solution!("softmax-svm", "svm_loss"),
        &[
            (
                "true-class-counted-and-pushed",
                &[("    margins[rows, y] = 0  # the true class is not compared with itself\n", "")],
            ),
            ("regularization-missing", &[(" + 2 * reg * w", "")]),
        ],
    );
}
