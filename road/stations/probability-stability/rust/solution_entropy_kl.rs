use striate_array::Array;

pub fn entropy_kl(p: &Array<f64>, q: &Array<f64>) -> (f64, f64) {
    let (p, q) = (normalized(p), normalized(q));
    // What never happens contributes nothing; where q is 0 and p is not, log(0) makes KL infinite.
    let happens = || p.iter().zip(q.iter()).filter(|(p, _)| **p > 0.0);
    let entropy = -happens().map(|(p, _)| p * p.ln()).sum::<f64>();
    let kl = happens().map(|(p, q)| p * (p.ln() - q.ln())).sum();
    (entropy, kl)
}

fn normalized(weights: &Array<f64>) -> Array<f64> {
    let sum: f64 = weights.iter().sum();
    assert!(sum > 0.0 && weights.iter().all(|&weight| weight >= 0.0), "weights must not be negative, and not all 0");
    weights.map(|weight| weight / sum)
}
