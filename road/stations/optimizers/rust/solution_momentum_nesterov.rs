use striate_array::Array;

pub fn momentum_nesterov(
    w: &Array<f64>,
    g: &Array<f64>,
    v: &Array<f64>,
    lr: f64,
    mu: f64,
    nesterov: bool,
) -> (Array<f64>, Array<f64>) {
    let v = v.zip_map(g, |v, g| mu * v + g);
    let direction = if nesterov { g.zip_map(&v, |g, v| g + mu * v) } else { v.clone() };
    (w.zip_map(&direction, |w, d| w - lr * d), v)
}
