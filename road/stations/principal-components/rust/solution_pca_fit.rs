use striate_array::Array;

pub fn pca_fit(x: &Array<f64>, k: i64) -> (Array<f64>, Array<f64>, Array<f64>) {
    let [n, d] = x.dims();
    assert!(1 <= k && k as usize <= n.min(d), "1 to {} components can be found, not {k}", n.min(d));
    let mean: Vec<f64> = (0..d).map(|j| (0..n).map(|i| x[[i, j]]).sum::<f64>() / n as f64).collect();
    // The centred examples as N vectors. Rotated among each other until they stand at right angles they point along the
    // components, with the singular values as lengths: no D by D covariance, however many features there are.
    let mut directions: Vec<Vec<f64>> = (0..n).map(|i| (0..d).map(|j| x[[i, j]] - mean[j]).collect()).collect();
    make_perpendicular(&mut directions);
    directions.sort_by(|u, v| dot(v, v).total_cmp(&dot(u, u)));
    let k = k as usize;
    let squared: Vec<f64> = directions[..k].iter().map(|direction| dot(direction, direction)).collect();
    let comps = Array::from_fn([k, d], |[c, j]| directions[c][j] / squared[c].sqrt());
    let var = Array::from_fn([k], |[c]| squared[c] / (n as f64 - 1.0));
    (Array::from_vec(&[d], mean), comps, var)
}

/// Rotates pairs of vectors until all stand at right angles.
fn make_perpendicular(vectors: &mut [Vec<f64>]) {
    // Fifteen sweeps are more than a few vectors need.
    for _ in 0..15 {
        for p in 0..vectors.len() {
            for q in p + 1..vectors.len() {
                let [pp, qq, pq] = [(p, p), (q, q), (p, q)].map(|(i, j)| dot(&vectors[i], &vectors[j]));
                if pq.abs() > 1e-15 * (pp * qq).sqrt() {
                    let tau = (qq - pp) / (2.0 * pq);
                    let tangent = 1f64.copysign(tau) / (tau.abs() + tau.hypot(1.0));
                    let c = 1.0 / tangent.hypot(1.0);
                    let s = tangent * c;
                    for i in 0..vectors[p].len() {
                        let (x, y) = (vectors[p][i], vectors[q][i]);
                        vectors[p][i] = c * x - s * y;
                        vectors[q][i] = s * x + c * y;
                    }
                }
            }
        }
    }
}

fn dot(u: &[f64], v: &[f64]) -> f64 {
    u.iter().zip(v).map(|(x, y)| x * y).sum()
}
