use striate_array::Array;

#[allow(clippy::too_many_arguments)]
pub fn adam(
    w: &Array<f64>,
    g: &Array<f64>,
    m: &Array<f64>,
    v: &Array<f64>,
    t: i64,
    lr: f64,
    b1: f64,
    b2: f64,
    eps: f64,
    decay: f64,
) -> (Array<f64>, Array<f64>, Array<f64>) {
    let m = m.zip_map(g, |m, g| b1 * m + (1.0 - b1) * g);
    let v = v.zip_map(g, |v, g| b2 * v + (1.0 - b2) * g * g);
    // After t steps a mean that began at zero has gathered the share 1 - b^t. Used here, never stored.
    let share1 = 1.0 - b1.powf(t as f64);
    let share2 = 1.0 - b2.powf(t as f64);
    let direction = m.zip_map(&v, |m, v| m / share1 / ((v / share2).sqrt() + eps));
    (w.zip_map(&direction, |w, d| w - lr * (d + decay * w)), m, v)
}
