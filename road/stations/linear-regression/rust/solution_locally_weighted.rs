use striate_array::Array;

pub fn locally_weighted(xq: &Array<f64>, x: &Array<f64>, y: &Array<f64>, tau: f64) -> Array<f64> {
    let n = x.len() as f64;
    if x.iter().all(|&place| place == x[[0]]) {
        return xq.map(|_| y.iter().sum::<f64>() / n);
    }
    xq.map(|query| predict(query, x.data(), y.data(), tau))
}

fn predict(query: f64, x: &[f64], y: &[f64], tau: f64) -> f64 {
    let exponent = |place: f64| -((place - query) / tau).powi(2) / 2.0;
    // Only ratios matter: the nearest point gets weight 1, and a far query has an answer.
    let largest = x.iter().map(|&place| exponent(place)).fold(f64::NEG_INFINITY, f64::max);
    let weights: Vec<f64> = x.iter().map(|&place| (exponent(place) - largest).exp()).collect();
    let mean = |values: &[f64]| {
        weights.iter().zip(values).map(|(w, v)| w * v).sum::<f64>() / weights.iter().sum::<f64>()
    };
    let (xm, ym) = (mean(x), mean(y));
    let (mut covariance, mut variance) = (0.0, 0.0);
    for ((w, x), y) in weights.iter().zip(x).zip(y) {
        covariance += w * (x - xm) * (y - ym);
        variance += w * (x - xm) * (x - xm);
    }
    ym + covariance / variance * (query - xm)
}
