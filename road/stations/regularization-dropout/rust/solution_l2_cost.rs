use striate_array::Array;

pub fn l2_cost(
    a: &Array<f64>,
    y: &Array<f64>,
    w1: &Array<f64>,
    b1: &Array<f64>,
    w2: &Array<f64>,
    b2: &Array<f64>,
    lam: f64,
) -> (f64, Array<f64>, Array<f64>, Array<f64>, Array<f64>) {
    let m = y.len() as f64;
    let logs: f64 = a.iter().zip(y.iter()).map(|(a, y)| y * a.ln() + (1.0 - y) * (1.0 - a).ln()).sum();
    let squares: f64 = w1.iter().chain(w2.iter()).map(|w| w * w).sum();
    let cost = -logs / m + lam / (2.0 * m) * squares;
    // The 2 of the square and the half cancel; the biases are free.
    let gradient = |w: &Array<f64>| w.map(|w| lam / m * w);
    (cost, gradient(w1), Array::zeros(b1.shape()), gradient(w2), Array::zeros(b2.shape()))
}
