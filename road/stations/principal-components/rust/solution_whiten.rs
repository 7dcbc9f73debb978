use striate_array::Array;

pub fn whiten(x: &Array<f64>, eps: f64) -> Array<f64> {
    assert!(eps >= 0.0, "eps must not be negative, it is {eps}");
    let [n, d] = x.dims();
    // Columns of the centred data. Rotated until they stand at right angles they are the coordinates along the components.
    let mut coordinates: Vec<Vec<f64>> = (0..d)
        .map(|j| {
            let mean = (0..n).map(|i| x[[i, j]]).sum::<f64>() / n as f64;
            (0..n).map(|i| x[[i, j]] - mean).collect()
        })
        .collect();
    make_perpendicular(&mut coordinates);
    coordinates.sort_by(|u, v| dot(v, v).total_cmp(&dot(u, u)));
    let deviation = |c: usize| (dot(&coordinates[c], &coordinates[c]) / (n as f64 - 1.0) + eps).sqrt();
    Array::from_fn([n, d], |[i, c]| coordinates[c][i] / deviation(c))
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
