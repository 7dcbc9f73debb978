use striate_array::Array;

pub fn low_rank(a: &Array<f64>, k: i64) -> Array<f64> {
    assert!(k >= 0, "a matrix cannot have {k} components");
    let [m, n] = a.dims();
    // Column j of `stretched` is s[j] * u[:, j], so its length is the singular value.
    let (stretched, v) = perpendicular(a);
    let length = |j: usize| (0..m).map(|i| stretched[[i, j]].powi(2)).sum::<f64>();
    let mut strongest: Vec<usize> = (0..n).collect();
    strongest.sort_by(|&i, &j| length(j).total_cmp(&length(i)));
    strongest.truncate(k as usize);
    Array::from_fn([m, n], |[i, j]| strongest.iter().map(|&c| stretched[[i, c]] * v[[j, c]]).sum())
}

/// Rotates pairs of columns until all stand at right angles: a = u diag(s) vt becomes u diag(s), and the rotations make up v.
fn perpendicular(a: &Array<f64>) -> (Array<f64>, Array<f64>) {
    let [m, n] = a.dims();
    let mut columns = a.clone();
    let mut v = Array::from_fn([n, n], |[i, j]| if i == j { 1.0 } else { 0.0 });
    // Fifteen sweeps are more than small matrices need.
    for _ in 0..15 {
        for p in 0..n {
            for q in p + 1..n {
                let dot = |x: usize, y: usize| (0..m).map(|i| columns[[i, x]] * columns[[i, y]]).sum::<f64>();
                let (pp, qq, pq) = (dot(p, p), dot(q, q), dot(p, q));
                if pq.abs() > 1e-15 * (pp * qq).sqrt() {
                    let tau = (qq - pp) / (2.0 * pq);
                    let tangent = 1f64.copysign(tau) / (tau.abs() + tau.hypot(1.0));
                    let c = 1.0 / tangent.hypot(1.0);
                    turn(&mut columns, p, q, c, tangent * c);
                    turn(&mut v, p, q, c, tangent * c);
                }
            }
        }
    }
    (columns, v)
}

/// Columns p and q times [[c, s], [-s, c]].
fn turn(a: &mut Array<f64>, p: usize, q: usize, c: f64, s: f64) {
    for i in 0..a.shape()[0] {
        let (x, y) = (a[[i, p]], a[[i, q]]);
        a[[i, p]] = c * x - s * y;
        a[[i, q]] = s * x + c * y;
    }
}
