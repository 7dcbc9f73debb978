//! The logistic function and the binary cross-entropy, safe for any argument.

/// The logistic function, with full relative precision in both tails.
pub(super) fn sigmoid(z: f64) -> f64 {
    // Dividing by infinity gives the zero that is wanted.
    1.0 / (1.0 + (-z).exp())
}

/// The binary cross-entropy of the logit `z` for the class `y`, 0 or 1: `log(1 + exp(z)) - y z` without overflow.
pub(super) fn cross_entropy(z: f64, y: f64) -> f64 {
    z.max(0.0) - z * y + (-z.abs()).exp().ln_1p()
}
