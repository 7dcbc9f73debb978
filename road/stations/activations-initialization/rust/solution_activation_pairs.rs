use std::f64::consts::PI;

use striate_array::Array;

pub fn activation_pairs(kind: &str, x: &Array<f64>, g: &Array<f64>) -> (Array<f64>, Array<f64>) {
    let activation = match kind {
        "sigmoid" => |x| {
            let y = sigmoid(x);
            (y, y * (1.0 - y))
        },
        "tanh" => |x: f64| (x.tanh(), 1.0 - x.tanh().powi(2)),
        "relu" => |x| if x > 0.0 { (x, 1.0) } else { (0.0, 0.0) },
        "leaky_relu" => |x| if x > 0.0 { (x, 1.0) } else { (0.01 * x, 0.01) },
        "elu" => |x: f64| if x > 0.0 { (x, 1.0) } else { (x.exp_m1(), x.exp()) },
        // The large part taken out, so that exp never sees a large number.
        "softplus" => |x: f64| (x.max(0.0) + (-x.abs()).exp().ln_1p(), sigmoid(x)),
        "gelu" => gelu,
        _ => panic!("there is no activation {kind:?}"),
    };
    (x.map(|x| activation(x).0), x.zip_map(g, |x, g| g * activation(x).1))
}

/// exp may overflow to infinity for a very negative x; 1 / infinity is the 0 that is wanted.
fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

fn gelu(x: f64) -> (f64, f64) {
    let c = (2.0 / PI).sqrt();
    let t = (c * (x + 0.044715 * x.powi(3))).tanh();
    // A product whose factors both depend on x.
    let slope = 0.5 * (1.0 + t) + 0.5 * x * (1.0 - t * t) * c * (1.0 + 3.0 * 0.044715 * x * x);
    (0.5 * x * (1.0 + t), slope)
}
